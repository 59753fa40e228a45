# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libstorage.a
libstorage_a_SOURCES =
