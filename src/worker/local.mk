# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libworker.a
libworker_a_SOURCES =
