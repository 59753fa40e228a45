# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/arena.h \
	src/base/buf.h \
	src/base/clock.h \
	src/base/config.h \
	src/base/cursor.h \
	src/base/err.c \
	src/base/err.h \
	src/base/hash.h \
	src/base/idmap.h \
	src/base/limits.h \
	src/base/log.h \
	src/base/name.h \
	src/base/queue.h \
	src/base/refbuf.h \
	src/base/rnd.h \
	src/base/str.h \
	src/base/utf8.c \
	src/base/utf8.h
