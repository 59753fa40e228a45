/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sodb_int - what the halves of the SQLite store share. Layer: storage (3).
 */
#ifndef STORAGE_SODB_INT_H
#define STORAGE_SODB_INT_H

#include <sqlite3.h>

#include "base/hash.h"
#include "storage/sodb_sql.h"
#include "storage/store.h"

/* One row of table object, kept so that a batch needs no look-up. Only this
 * process writes the file, so it cannot go stale; dropped after a roll-back. */
struct sodb_object {
	UT_hash_handle hh;
	int64_t id;
	uint64_t version, floor, slots, bytes;
	bool changed; /* by the open transaction */
	size_t key_len;
	char key[]; /* instance, NUL, name */
};

struct sodb {
	struct store store;
	sqlite3 *db;
	sqlite3_stmt *statement[SODB_STATEMENT_COUNT];
	struct sodb_object *objects;
	uint32_t object_count;
	int lock_fd;
	int wal_pages; /* in the log, not yet moved */
	int page_size;
	char path[];
};

extern const struct store_ops sodb_ops;

/* The code for what SQLite said last; the text goes to *why. */
int sodb_fail(
    const struct sodb *, int sqlite_code, const char *doing, struct err *why);
void sodb_forget_objects(struct sodb *);
int sodb_verify(struct store *, struct err *why);
void sodb_close(struct store *);

#endif
