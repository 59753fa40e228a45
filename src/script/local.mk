# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libscript.a
libscript_a_SOURCES =
