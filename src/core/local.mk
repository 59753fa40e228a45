# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libcore.a
libcore_a_SOURCES =
