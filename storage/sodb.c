/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sodb - the SQLite store: commits, loads, housekeeping.
 *
 * A group of batches is one transaction. The row of an object is written once
 * per transaction, whatever the number of its batches: version, slots and
 * bytes are kept in sodb_object meanwhile. Any error rolls everything back and
 * forgets those; the batches then count as not written.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "storage/sodb_int.h"

/* Rows of objects kept in memory. */
#define OBJECTS_KEPT 65536
#define BATCH_BITS   20 /* of slot.born */

void
sodb_put_text(sqlite3_stmt *st, int at, const char *p, size_t len)
{
	(void)sqlite3_bind_text64(st, at, p, len, SQLITE_STATIC, SQLITE_UTF8);
}

void
sodb_put_text0(sqlite3_stmt *st, int at, const char *p)
{
	if (p == NULL)
		(void)sqlite3_bind_null(st, at);
	else
		sodb_put_text(st, at, p, strlen(p));
}

void
sodb_put_int(sqlite3_stmt *st, int at, uint64_t v)
{
	(void)sqlite3_bind_int64(st, at, (sqlite3_int64)v);
}

static void
put_blob(sqlite3_stmt *st, int at, const uint8_t *p, size_t len)
{
	if (p == NULL)
		(void)sqlite3_bind_null(st, at);
	else
		(void)sqlite3_bind_blob64(st, at, p, len, SQLITE_STATIC);
}

const uint8_t *
sodb_get_blob(sqlite3_stmt *st, int at, size_t *len)
{
	const void *p;

	*len = 0;
	if (sqlite3_column_type(st, at) == SQLITE_NULL)
		return NULL;
	p = sqlite3_column_blob(st, at);
	*len = (size_t)sqlite3_column_bytes(st, at);
	return p == NULL ? (const uint8_t *)"" : p;
}

const char *
sodb_get_text(sqlite3_stmt *st, int at, size_t *len)
{
	const char *p = (const char *)sqlite3_column_text(st, at);

	*len = p == NULL ? 0 : (size_t)sqlite3_column_bytes(st, at);
	return p;
}

int
sodb_run(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

void
sodb_finish(sqlite3_stmt *st)
{
	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
}

/* The object, from memory or its row; NULL with SQLITE_OK: never written. */
static int
find_object(struct sodb *s, const char *inst, const char *name,
    struct sodb_object **out)
{
	size_t inst_len = strlen(inst) + 1;
	size_t key_len = inst_len + strlen(name) + 1;
	struct sodb_object *o = malloc(sizeof(*o) + key_len);
	struct sodb_object *known = NULL;
	sqlite3_stmt *st = sodb_stmt(s, SODB_OBJECT_FIND);
	int rc;

	*out = NULL;
	if (o == NULL)
		return SQLITE_NOMEM;
	memset(o, 0, sizeof(*o));
	o->key_len = key_len;
	memcpy(o->key, inst, inst_len);
	memcpy(o->key + inst_len, name, key_len - inst_len);
	HASH_FIND(hh, s->objects, o->key, key_len, known);
	if (known != NULL) {
		free(o);
		*out = known;
		return SQLITE_OK;
	}
	sodb_put_text0(st, 1, inst);
	sodb_put_text0(st, 2, name);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		o->id = sqlite3_column_int64(st, 0);
		o->version = (uint64_t)sqlite3_column_int64(st, 1);
		o->floor = (uint64_t)sqlite3_column_int64(st, 2);
		o->slots = (uint64_t)sqlite3_column_int64(st, 3);
		o->bytes = (uint64_t)sqlite3_column_int64(st, 4);
		o->since = (uint64_t)sqlite3_column_int64(st, 5);
		o->changes = (uint64_t)sqlite3_column_int64(st, 6);
		HASH_ADD_KEYPTR(hh, s->objects, o->key, key_len, o);
		if (hash_added(o)) {
			s->object_count++;
			*out = o;
			o = NULL;
		} else {
			rc = SQLITE_NOMEM;
		}
	}
	sodb_finish(st);
	free(o);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
add_object(struct sodb *s, const char *inst, const char *name,
    struct sodb_object **out)
{
	sqlite3_stmt *st = sodb_stmt(s, SODB_OBJECT_ADD);
	int rc;

	sodb_put_text0(st, 1, inst);
	sodb_put_text0(st, 2, name);
	sodb_put_int(st, 3, STORE_FIRST_VERSION);
	rc = sodb_run(st);
	if (rc != SQLITE_OK)
		return rc;
	rc = find_object(s, inst, name, out);
	if (rc == SQLITE_OK && *out == NULL)
		return SQLITE_CORRUPT;
	return rc;
}

static int
put_history(struct sodb *s, const struct sodb_object *o,
    const struct store_batch *b, uint32_t n, const uint8_t *old, size_t old_len)
{
	const struct store_change *c = &b->changes[n];
	sqlite3_stmt *st = sodb_stmt(s, SODB_HISTORY_ADD);

	sodb_put_int(st, 1, (uint64_t)o->id);
	sodb_put_int(st, 2, b->version);
	sodb_put_int(st, 3, n);
	(void)sqlite3_bind_int64(st, 4, b->at_ms);
	sodb_put_text(st, 5, c->slot, c->slot_len);
	put_blob(st, 6, c->value, c->len);
	put_blob(st, 7, old, old_len);
	sodb_put_text0(st, 8, c->user != NULL ? c->user : b->user);
	return sodb_run(st);
}

/* The row of the batch, behind its lines. */
static int
put_head(struct sodb *s, struct sodb_object *o, const struct store_batch *b)
{
	sqlite3_stmt *st = sodb_stmt(s, SODB_BATCH_ADD);

	if (b->no_history) {
		o->since = b->version;
		return SQLITE_OK;
	}
	sodb_put_int(st, 1, (uint64_t)o->id);
	sodb_put_int(st, 2, b->version);
	(void)sqlite3_bind_int64(st, 3, b->at_ms);
	sodb_put_text0(st, 4, b->user);
	sodb_put_int(st, 5, (uint64_t)b->kind);
	sodb_put_int(st, 6, b->target);
	sodb_put_int(st, 7, b->count);
	o->changes += b->count;
	return sodb_run(st);
}

static int
put_change(struct sodb *s, struct sodb_object *o, const struct store_batch *b,
    uint32_t n)
{
	const struct store_change *c = &b->changes[n];
	sqlite3_stmt *get = sodb_stmt(s, SODB_SLOT_GET);
	sqlite3_stmt *put = sodb_stmt(s, SODB_SLOT_PUT);
	const uint8_t *old = NULL;
	size_t old_len = 0;
	int rc;

	sodb_put_int(get, 1, (uint64_t)o->id);
	sodb_put_text(get, 2, c->slot, c->slot_len);
	rc = sqlite3_step(get);
	if (rc == SQLITE_ROW)
		old = sodb_get_blob(get, 0, &old_len);
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		rc = b->no_history ? SQLITE_OK
				   : put_history(s, o, b, n, old, old_len);
	if (old != NULL) {
		o->slots--;
		o->bytes -= c->slot_len + old_len;
	}
	sodb_finish(get);
	if (rc != SQLITE_OK)
		return rc;
	if (c->value != NULL) {
		o->slots++;
		o->bytes += c->slot_len + c->len;
	}
	sodb_put_int(put, 1, (uint64_t)o->id);
	sodb_put_text(put, 2, c->slot, c->slot_len);
	sodb_put_int(put, 3, b->version);
	sodb_put_int(put, 4, b->version << BATCH_BITS | n);
	put_blob(put, 5, c->value, c->len);
	sodb_put_text0(put, 6, c->user != NULL ? c->user : b->user);
	return sodb_run(put);
}

static int
put_batch(struct sodb *s, struct store_batch *b)
{
	struct sodb_object *o;
	uint64_t base = b->base != 0 ? b->base : b->version - 1;
	int rc = find_object(s, b->inst, b->object, &o);

	if (rc != SQLITE_OK)
		return rc;
	if (b->version <= base ||
	    base != (o == NULL ? STORE_FIRST_VERSION : o->version)) {
		b->result = FCS_ESTALE;
		return SQLITE_OK;
	}
	if (b->count >= 1u << BATCH_BITS) {
		b->result = FCS_ELIMIT;
		return SQLITE_OK;
	}
	if (o == NULL)
		rc = add_object(s, b->inst, b->object, &o);
	for (uint32_t i = 0; i < b->count && rc == SQLITE_OK; i++)
		rc = put_change(s, o, b, i);
	if (rc == SQLITE_OK)
		rc = put_head(s, o, b);
	if (rc != SQLITE_OK)
		return rc;
	o->version = b->version;
	o->changed = true;
	return SQLITE_OK;
}

int
sodb_write_object(struct sodb *s, const struct sodb_object *o)
{
	sqlite3_stmt *st = sodb_stmt(s, SODB_OBJECT_SET);

	sodb_put_int(st, 1, (uint64_t)o->id);
	sodb_put_int(st, 2, o->version);
	sodb_put_int(st, 3, o->floor);
	sodb_put_int(st, 4, o->slots);
	sodb_put_int(st, 5, o->bytes);
	sodb_put_int(st, 6, o->since);
	sodb_put_int(st, 7, o->changes);
	return sodb_run(st);
}

/* Rows of the objects a batch of the group changed. */
static int
write_objects(
    struct sodb *s, struct store_batch *const *batches, uint32_t count)
{
	struct sodb_object *o;
	int rc = SQLITE_OK;

	for (uint32_t i = 0; i < count && rc == SQLITE_OK; i++) {
		rc = find_object(s, batches[i]->inst, batches[i]->object, &o);
		if (rc != SQLITE_OK || o == NULL || !o->changed)
			continue;
		rc = sodb_write_object(s, o);
		o->changed = false;
	}
	return rc;
}

void
sodb_roll_back(struct sodb *s)
{
	/* some errors end the transaction by themselves */
	if (!sqlite3_get_autocommit(s->db))
		(void)sodb_run(sodb_stmt(s, SODB_ROLLBACK));
	sodb_forget_objects(s);
}

/*
 * Whether the commits to come wait for the disk. Without (NORMAL) the log is
 * written all the same: the next full commit, or the moving of the log, makes
 * it durable.
 */
static int
set_relaxed(struct sodb *s, bool relaxed)
{
	int rc;

	if (!s->full || s->relaxed == relaxed)
		return SQLITE_OK;
	rc = sqlite3_exec(s->db,
	    relaxed ? "PRAGMA synchronous = NORMAL"
		    : "PRAGMA synchronous = FULL",
	    NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		s->relaxed = relaxed;
	return rc;
}

static int
sodb_commit(struct store *store, struct store_batch *const *batches,
    uint32_t count, struct err *why)
{
	struct sodb *s = (struct sodb *)store;
	bool relaxed = true;
	int code;
	int rc;

	if (s->object_count > OBJECTS_KEPT)
		sodb_forget_objects(s);
	for (uint32_t i = 0; i < count; i++) {
		batches[i]->result = FCS_OK;
		relaxed = relaxed && batches[i]->relaxed;
	}
	rc = set_relaxed(s, relaxed);
	if (rc == SQLITE_OK)
		rc = sodb_run(sodb_stmt(s, SODB_BEGIN));
	for (uint32_t i = 0; i < count && rc == SQLITE_OK; i++)
		rc = put_batch(s, batches[i]);
	if (rc == SQLITE_OK)
		rc = write_objects(s, batches, count);
	if (rc == SQLITE_OK)
		rc = sodb_run(sodb_stmt(s, SODB_COMMIT));
	if (rc == SQLITE_OK)
		return FCS_OK;
	code = sodb_fail(s, rc, "commit", why);
	sodb_roll_back(s);
	for (uint32_t i = 0; i < count; i++)
		batches[i]->result = code;
	return code;
}

int
sodb_find(struct sodb *s, const char *inst, const char *name,
    struct sodb_object **out)
{
	int rc = find_object(s, inst, name, out);

	if (rc != SQLITE_OK)
		return sodb_fail(s, rc, "find", NULL);
	return *out == NULL ? FCS_ENOENT : FCS_OK;
}

static int
sodb_load(struct store *store, const char *inst, const char *object,
    uint64_t after, store_slot_fn fn, void *arg, uint64_t *version,
    uint64_t *floor)
{
	struct sodb *s = (struct sodb *)store;
	struct sodb_object *o;
	struct store_slot slot;
	sqlite3_stmt *st;
	size_t len;
	int result;
	int rc;

	result = sodb_find(s, inst, object, &o);
	*version = o == NULL ? STORE_FIRST_VERSION : o->version;
	*floor = o == NULL ? 0 : o->floor;
	if (result != FCS_OK)
		return result;
	st = sodb_stmt(s, after == 0 ? SODB_SLOT_ALL : SODB_SLOT_NEWER);
	sodb_put_int(st, 1, (uint64_t)o->id);
	sodb_put_int(st, 2, after);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && result == FCS_OK) {
		slot.slot = sodb_get_text(st, 0, &slot.slot_len);
		slot.value = sodb_get_blob(st, 1, &slot.len);
		slot.version = (uint64_t)sqlite3_column_int64(st, 2);
		slot.user = sodb_get_text(st, 3, &len);
		result = slot.slot == NULL ? FCS_ENOMEM : fn(arg, &slot);
	}
	sodb_finish(st);
	if (result == FCS_OK && rc != SQLITE_DONE)
		result = sodb_fail(s, rc, "load", NULL);
	return result;
}

static int
sodb_list(struct store *store, const char *inst, store_object_fn fn, void *arg)
{
	struct sodb *s = (struct sodb *)store;
	sqlite3_stmt *st = sodb_stmt(s, SODB_OBJECT_LIST);
	struct store_object_info info;
	size_t len;
	int result = FCS_OK;
	int rc;

	sodb_put_text0(st, 1, inst);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && result == FCS_OK) {
		info.inst = sodb_get_text(st, 0, &len);
		info.name = sodb_get_text(st, 1, &len);
		info.version = (uint64_t)sqlite3_column_int64(st, 2);
		info.floor = (uint64_t)sqlite3_column_int64(st, 3);
		info.slots = (uint64_t)sqlite3_column_int64(st, 4);
		info.bytes = (uint64_t)sqlite3_column_int64(st, 5);
		info.since = (uint64_t)sqlite3_column_int64(st, 6);
		info.changes = (uint64_t)sqlite3_column_int64(st, 7);
		result = info.inst == NULL || info.name == NULL
			     ? FCS_ENOMEM
			     : fn(arg, &info);
	}
	sodb_finish(st);
	if (result == FCS_OK && rc != SQLITE_DONE)
		result = sodb_fail(s, rc, "list", NULL);
	return result;
}

static int
sodb_purge(struct store *store, const char *inst, const char *object,
    uint64_t version, uint64_t *dropped)
{
	struct sodb *s = (struct sodb *)store;
	struct sodb_object *o;
	sqlite3_stmt *st = sodb_stmt(s, SODB_SLOT_PURGE);
	int result = sodb_find(s, inst, object, &o);
	int rc;

	*dropped = 0;
	if (result != FCS_OK)
		return result;
	rc = sodb_run(sodb_stmt(s, SODB_BEGIN));
	if (rc == SQLITE_OK) {
		sodb_put_int(st, 1, (uint64_t)o->id);
		sodb_put_int(st, 2, version);
		rc = sodb_run(st);
	}
	if (rc == SQLITE_OK)
		*dropped = (uint64_t)sqlite3_changes64(s->db);
	if (rc == SQLITE_OK && *dropped > 0 && version - 1 > o->floor) {
		o->floor = version - 1;
		rc = sodb_write_object(s, o);
	}
	if (rc == SQLITE_OK)
		rc = sodb_run(sodb_stmt(s, SODB_COMMIT));
	if (rc == SQLITE_OK)
		return FCS_OK;
	result = sodb_fail(s, rc, "purge", NULL);
	sodb_roll_back(s);
	*dropped = 0;
	return result;
}

static int
sodb_idle(struct store *store)
{
	struct sodb *s = (struct sodb *)store;
	int pages = 0;
	int moved = 0;
	int rc;

	if (s->wal_pages == 0)
		return FCS_OK;
	rc = sqlite3_wal_checkpoint_v2(
	    s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
	if (rc != SQLITE_OK)
		return sodb_fail(s, rc, "checkpoint", NULL);
	/* all moved: the next commit starts the log from its beginning */
	s->wal_pages = pages > moved ? pages - moved : 0;
	return FCS_OK;
}

/* Moving the log begins with a sync of it, and it is what would have been done
 * soon. */
static int
sodb_sync(struct store *store, struct err *why)
{
	struct sodb *s = (struct sodb *)store;
	int rc = sqlite3_wal_checkpoint_v2(
	    s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

	return rc == SQLITE_OK ? FCS_OK : sodb_fail(s, rc, "sync", why);
}

static uint64_t
sodb_log_bytes(struct store *store)
{
	const struct sodb *s = (const struct sodb *)store;

	return (uint64_t)s->wal_pages * (uint64_t)s->page_size;
}

const struct store_ops sodb_ops = {
	.commit = sodb_commit,
	.load = sodb_load,
	.list = sodb_list,
	.history = sodb_history,
	.rewind = sodb_rewind,
	.moment = sodb_moment,
	.undo = sodb_undo,
	.trim = sodb_trim,
	.purge = sodb_purge,
	.sync = sodb_sync,
	.idle = sodb_idle,
	.log_bytes = sodb_log_bytes,
	.verify = sodb_verify,
	.close = sodb_close,
};
