/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sodb_history - the history in the SQLite store: reading, undo, trimming.
 *
 * Lines are found by version, which is the order of the table; a user's batches
 * by the index on batch. Trimming walks the batches from the oldest on, and as
 * it knows how many lines there are it reads no batch that stays, but one.
 */
#include <string.h>

#include "storage/sodb_int.h"
#include "storage/undo.h"

#define TRIM_LINES 2000 /* forgotten in one transaction, and one batch more */

struct source {
	struct sodb *s;
	int64_t object;
};

/* Versions are below 2^63; SQLite knows signed numbers only. */
static uint64_t
upto(uint64_t version)
{
	return version == 0 || version > INT64_MAX ? INT64_MAX : version;
}

/* ---- reading ---- */

static int
walk(struct sodb *s, int64_t object, const struct store_range *r,
    store_history_fn fn, void *arg)
{
	sqlite3_stmt *st = sodb_stmt(s, SODB_HISTORY_GET);
	struct store_change_info c;
	size_t len;
	int result = FCS_OK;
	int rc = SQLITE_ROW;

	sodb_put_int(st, 1, (uint64_t)object);
	sodb_put_int(st, 2, upto(r->after == 0 ? 1 : r->after));
	sodb_put_int(st, 3, upto(r->upto));
	if (r->slot != NULL)
		sodb_put_text(st, 4, r->slot, r->slot_len);
	sodb_put_int(st, 5, r->limit);
	while (result == FCS_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		c.version = (uint64_t)sqlite3_column_int64(st, 0);
		c.at_ms = sqlite3_column_int64(st, 1);
		c.user = sodb_get_text(st, 2, &len);
		c.slot = sodb_get_text(st, 3, &c.slot_len);
		c.value = sodb_get_blob(st, 4, &c.len);
		c.old = sodb_get_blob(st, 5, &c.old_len);
		result = c.slot == NULL ? FCS_ENOMEM : fn(arg, &c);
	}
	sodb_finish(st);
	if (result == FCS_OK && rc != SQLITE_DONE)
		result = sodb_fail(s, rc, "history", NULL);
	return result;
}

int
sodb_history(struct store *store, const char *inst, const char *object,
    const struct store_range *range, store_history_fn fn, void *arg)
{
	struct sodb *s = (struct sodb *)store;
	struct sodb_object *o;
	int rc = sodb_find(s, inst, object, &o);

	return rc != FCS_OK ? rc : walk(s, o->id, range, fn, arg);
}

int
sodb_moment(struct store *store, const char *inst, const char *object,
    int64_t at_ms, uint64_t *version)
{
	struct sodb *s = (struct sodb *)store;
	sqlite3_stmt *st = sodb_stmt(s, SODB_BATCH_TIME);
	struct sodb_object *o;
	int result = sodb_find(s, inst, object, &o);
	int rc;

	*version = 0;
	if (result != FCS_OK)
		return result;
	sodb_put_int(st, 1, (uint64_t)o->id);
	(void)sqlite3_bind_int64(st, 2, at_ms);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*version = (uint64_t)sqlite3_column_int64(st, 0);
	sodb_finish(st);
	if (rc == SQLITE_ROW)
		return FCS_OK;
	return rc == SQLITE_DONE ? FCS_ERANGE
				 : sodb_fail(s, rc, "history", NULL);
}

/* ---- undo ---- */

static int
each_batch(void *src, const char *user,
    int (*fn)(void *arg, const struct undo_batch *), void *arg)
{
	const struct source *from = src;
	sqlite3_stmt *st = sodb_stmt(from->s, SODB_BATCH_USER);
	struct undo_batch b;
	int result = FCS_OK;
	int rc = SQLITE_ROW;

	sodb_put_int(st, 1, (uint64_t)from->object);
	sodb_put_text0(st, 2, user);
	while (result == FCS_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		b.version = (uint64_t)sqlite3_column_int64(st, 0);
		b.kind = (enum store_kind)sqlite3_column_int(st, 1);
		b.target = (uint64_t)sqlite3_column_int64(st, 2);
		result = fn(arg, &b);
	}
	sodb_finish(st);
	if (result == FCS_OK && rc != SQLITE_DONE)
		result = sodb_fail(from->s, rc, "undo", NULL);
	return result == FCS_ECLOSED ? FCS_OK : result;
}

static int
each_line(
    void *src, uint64_t after, uint64_t last, store_history_fn fn, void *arg)
{
	const struct source *from = src;
	struct store_range r = {
		.after = after, .upto = last, .limit = UINT32_MAX
	};

	return walk(from->s, from->object, &r, fn, arg);
}

static int
who_wrote(void *src, const char *slot, size_t slot_len, uint64_t *version,
    const char **user)
{
	const struct source *from = src;
	sqlite3_stmt *st = sodb_stmt(from->s, SODB_SLOT_WHO);
	size_t len;
	int rc;

	/* the text must outlive this call, so the statement stays where it is
	 * until the next one */
	sodb_finish(st);
	*version = 0;
	*user = NULL;
	sodb_put_int(st, 1, (uint64_t)from->object);
	sodb_put_text(st, 2, slot, slot_len);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		*version = (uint64_t)sqlite3_column_int64(st, 0);
		*user = sodb_get_text(st, 1, &len);
		return FCS_OK;
	}
	return rc == SQLITE_DONE ? FCS_OK
				 : sodb_fail(from->s, rc, "undo", NULL);
}

static const struct undo_source source_ops = { each_batch, each_line,
	who_wrote };

int
sodb_undo(struct store *store, const char *inst, const char *object,
    const struct store_undo *what, store_slot_fn fn, void *arg,
    uint64_t *target)
{
	struct sodb *s = (struct sodb *)store;
	struct source from = { .s = s };
	struct sodb_object *o;
	int rc = sodb_find(s, inst, object, &o);

	*target = 0;
	if (rc != FCS_OK)
		return rc;
	from.object = o->id;
	rc = undo_find(&source_ops, &from, what, fn, arg, target);
	sodb_finish(sodb_stmt(s, SODB_SLOT_WHO));
	return rc;
}

int
sodb_rewind(struct store *store, const char *inst, const char *object,
    uint64_t version, store_slot_fn fn, void *arg)
{
	struct sodb *s = (struct sodb *)store;
	struct source from = { .s = s };
	struct sodb_object *o;
	int rc = sodb_find(s, inst, object, &o);

	if (rc != FCS_OK)
		return rc;
	if (version < o->since || version > o->version)
		return FCS_ERANGE;
	from.object = o->id;
	return undo_rewind(&source_ops, &from, version, fn, arg);
}

/* ---- trimming ---- */

/* The newest batch to go (0: none) and the lines that stay. */
static int
find_cut(struct sodb *s, const struct sodb_object *o, uint32_t keep,
    int64_t before_ms, uint64_t *cut, uint64_t *left, bool *more)
{
	sqlite3_stmt *st = sodb_stmt(s, SODB_BATCH_OLDEST);
	uint64_t lines;
	int seen = 0;
	int rc;

	*cut = 0;
	*left = o->changes;
	*more = false;
	sodb_put_int(st, 1, (uint64_t)o->id);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		lines = (uint64_t)sqlite3_column_int64(st, 2);
		if (*left - lines < keep &&
		    sqlite3_column_int64(st, 1) >= before_ms)
			break;
		if (o->changes - *left >= TRIM_LINES || seen++ >= TRIM_LINES) {
			*more = true;
			break;
		}
		*left -= lines;
		*cut = (uint64_t)sqlite3_column_int64(st, 0);
	}
	sodb_finish(st);
	return rc == SQLITE_DONE ? SQLITE_ROW : rc;
}

static int
drop(struct sodb *s, enum sodb_statement which, int64_t object, uint64_t cut)
{
	sqlite3_stmt *st = sodb_stmt(s, which);

	sodb_put_int(st, 1, (uint64_t)object);
	sodb_put_int(st, 2, cut);
	return sodb_run(st);
}

int
sodb_trim(struct store *store, const char *inst, const char *object,
    uint32_t keep, int64_t before_ms, bool *more)
{
	struct sodb *s = (struct sodb *)store;
	struct sodb_object *o;
	uint64_t cut = 0;
	uint64_t left = 0;
	int result = sodb_find(s, inst, object, &o);
	int rc;

	*more = false;
	if (result != FCS_OK)
		return result;
	rc = find_cut(s, o, keep, before_ms, &cut, &left, more);
	if (rc != SQLITE_ROW)
		return sodb_fail(s, rc, "trim", NULL);
	if (cut == 0)
		return FCS_OK;
	rc = sodb_run(sodb_stmt(s, SODB_BEGIN));
	if (rc == SQLITE_OK)
		rc = drop(s, SODB_HISTORY_DROP, o->id, cut);
	if (rc == SQLITE_OK)
		rc = drop(s, SODB_BATCH_DROP, o->id, cut);
	if (rc == SQLITE_OK) {
		o->changes = left;
		o->since = cut;
		rc = sodb_write_object(s, o);
	}
	if (rc == SQLITE_OK)
		rc = sodb_run(sodb_stmt(s, SODB_COMMIT));
	if (rc == SQLITE_OK)
		return FCS_OK;
	result = sodb_fail(s, rc, "trim", NULL);
	sodb_roll_back(s);
	*more = false;
	return result;
}
