# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libpeer.a
libpeer_a_SOURCES =
