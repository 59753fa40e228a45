# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/arena.c \
	src/base/arena.h \
	src/base/buf.c \
	src/base/buf.h \
	src/base/clock.c \
	src/base/clock.h \
	src/base/config.c \
	src/base/config.h \
	src/base/config_app.c \
	src/base/config_int.h \
	src/base/config_read.c \
	src/base/config_serial.c \
	src/base/config_table.c \
	src/base/config_unused.c \
	src/base/config_value.c \
	src/base/config_yaml.c \
	src/base/cursor.c \
	src/base/cursor.h \
	src/base/err.c \
	src/base/err.h \
	src/base/hash.c \
	src/base/hash.h \
	src/base/idmap.c \
	src/base/idmap.h \
	src/base/limits.c \
	src/base/limits.h \
	src/base/log.c \
	src/base/log.h \
	src/base/name.c \
	src/base/name.h \
	src/base/queue.c \
	src/base/queue.h \
	src/base/refbuf.c \
	src/base/refbuf.h \
	src/base/rnd.c \
	src/base/rnd.h \
	src/base/str.c \
	src/base/str.h \
	src/base/utf8.c \
	src/base/utf8.h
