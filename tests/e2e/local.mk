# SPDX-License-Identifier: BSD-2-Clause
# End to end: the built fcsd, driven by tests/lib and the tools of Debian. A
# file here is a program of tests/suite; its applications are in tests/apps.
