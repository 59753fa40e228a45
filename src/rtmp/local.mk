# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += librtmp.a
librtmp_a_SOURCES = \
	src/rtmp/conn.c \
	src/rtmp/conn_out.c
