# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libstorage.a
libstorage_a_SOURCES = \
	storage/commit.c \
	storage/commit.h \
	storage/migrate.c \
	storage/migrate.h \
	storage/sodb.c \
	storage/sodb_int.h \
	storage/sodb_mem.c \
	storage/sodb_open.c \
	storage/sodb_sql.h \
	storage/store.h
