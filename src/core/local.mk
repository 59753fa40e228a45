# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libcore.a
libcore_a_SOURCES = \
	src/core/live.c \
	src/core/livecache.c \
	src/core/viewer.c
