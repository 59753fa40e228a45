# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libadmin.a
libadmin_a_SOURCES =
