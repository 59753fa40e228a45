# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libcodec.a
libcodec_a_SOURCES =
