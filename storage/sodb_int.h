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
	uint64_t version, floor, slots, bytes, since, changes;
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
	bool full;    /* opened with STORE_SYNC_FULL */
	bool relaxed; /* as of now */
	char path[];
};

extern const struct store_ops sodb_ops;

/* The code for what SQLite said last; the text goes to *why. */
int sodb_fail(
    const struct sodb *, int sqlite_code, const char *doing, struct err *why);
void sodb_forget_objects(struct sodb *);
/* Object for reading: FCS_OK, FCS_ENOENT (*out NULL), or an error. */
int sodb_find(struct sodb *, const char *inst, const char *name,
    struct sodb_object **out);
int sodb_write_object(struct sodb *, const struct sodb_object *); /* SQLite's */
void sodb_roll_back(struct sodb *);

/* Statements: parameters from 1, columns from 0. */
static inline sqlite3_stmt *
sodb_stmt(struct sodb *s, enum sodb_statement which)
{
	return s->statement[which];
}
void sodb_put_text(sqlite3_stmt *, int at, const char *, size_t len);
void sodb_put_text0(sqlite3_stmt *, int at, const char *); /* NULL: NULL */
void sodb_put_int(sqlite3_stmt *, int at, uint64_t);
/* NULL only for SQL NULL: no bytes are a value too. */
const uint8_t *sodb_get_blob(sqlite3_stmt *, int at, size_t *len);
const char *sodb_get_text(sqlite3_stmt *, int at, size_t *len);
int sodb_run(sqlite3_stmt *); /* without a row; SQLite's code */
void sodb_finish(sqlite3_stmt *);

/* sodb_history.c */
int sodb_history(struct store *, const char *inst, const char *object,
    const struct store_range *, store_history_fn, void *arg);
int sodb_rewind(struct store *, const char *inst, const char *object,
    uint64_t version, store_slot_fn, void *arg);
int sodb_moment(struct store *, const char *inst, const char *object,
    int64_t at_ms, uint64_t *version);
int sodb_undo(struct store *, const char *inst, const char *object,
    const struct store_undo *, store_slot_fn, void *arg, uint64_t *target);
int sodb_trim(struct store *, const char *inst, const char *object,
    uint32_t keep, int64_t before_ms, bool *more);
int sodb_verify(struct store *, struct err *why);
void sodb_close(struct store *);

#endif
