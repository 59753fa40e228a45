# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libstorage.a
libstorage_a_SOURCES = \
	storage/commit.c \
	storage/commit.h \
	storage/files.c \
	storage/files.h \
	storage/files_int.h \
	storage/files_op.c \
	storage/files_walk.c \
	storage/media.c \
	storage/media.h \
	storage/media_admin.c \
	storage/media_file.c \
	storage/media_int.h \
	storage/media_pool.c \
	storage/media_read.c \
	storage/media_write.c \
	storage/media_writer.c \
	storage/migrate.c \
	storage/migrate.h \
	storage/rechead.c \
	storage/rechead.h \
	storage/recidx.c \
	storage/recidx.h \
	storage/recidx_int.h \
	storage/recidx_open.c \
	storage/recpath.c \
	storage/recpath.h \
	storage/recscan.c \
	storage/recscan.h \
	storage/sodb.c \
	storage/sodb_history.c \
	storage/sodb_int.h \
	storage/sodb_mem.c \
	storage/sodb_open.c \
	storage/sodb_sql.h \
	storage/store.h \
	storage/undo.c \
	storage/undo.h
