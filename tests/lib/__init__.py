# SPDX-License-Identifier: BSD-2-Clause
"""The test library: an RTMP client of its own and the harness around fcsd.

It shares no code with the server, so that an error in one is not excused by
the same error in the other.
"""
