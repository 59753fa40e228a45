/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * undo - see undo.h.
 *
 * The batches of the user are walked from the newest on. What names a target
 * comes before the target in this order, so one walk is enough: marks are set
 * on the way to the batch that is wanted. Its lines are then kept, and what was
 * written since by others is found by one more walk, over the lines behind it,
 * and only when a slot does not tell by itself who wrote it last.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "storage/undo.h"

struct mark { /* on a version, or on one slot of it */
	UT_hash_handle hh;
	size_t len;
	char key[];
};

struct line { /* of the batch that is undone, by slot */
	UT_hash_handle hh;
	uint8_t *old; /* NULL: absent */
	size_t old_len;
	uint64_t version; /* of the slot now */
	bool doubtful;    /* others may have written it since */
	size_t len;
	char slot[];
};

struct find {
	const struct undo_source *ops;
	void *src;
	const struct store_undo *what;
	struct mark *cancelled; /* undos that were redone */
	struct mark *undone;
	struct line *lines;
	uint64_t target;
	bool any; /* a line of the candidate counts */
	uint64_t candidate;
};

/* ---- marks ---- */

/* Key: the version, and the name of the slot if it is one of many. */
static struct mark *
new_mark(uint64_t version, const char *slot, size_t len)
{
	struct mark *m = calloc(1, sizeof(*m) + sizeof(version) + len);

	if (m == NULL)
		return NULL;
	m->len = sizeof(version) + len;
	memcpy(m->key, &version, sizeof(version));
	if (len > 0)
		memcpy(m->key + sizeof(version), slot, len);
	return m;
}

static int
set_mark(struct mark **table, uint64_t version, const char *slot, size_t len)
{
	struct mark *m = new_mark(version, slot, len);
	struct mark *there;

	if (m == NULL)
		return FCS_ENOMEM;
	HASH_FIND(hh, *table, m->key, m->len, there);
	if (there != NULL) {
		free(m);
		return FCS_OK;
	}
	HASH_ADD_KEYPTR(hh, *table, m->key, m->len, m);
	if (hash_added(m))
		return FCS_OK;
	free(m);
	return FCS_ENOMEM;
}

static int
has_mark(struct mark *table, uint64_t version, const char *slot, size_t len,
    bool *has)
{
	struct mark *m;
	struct mark *there;

	*has = false;
	if (table == NULL)
		return FCS_OK;
	m = new_mark(version, slot, len);
	if (m == NULL)
		return FCS_ENOMEM;
	HASH_FIND(hh, table, m->key, m->len, there);
	*has = there != NULL;
	free(m);
	return FCS_OK;
}

static void
free_marks(struct mark **table)
{
	struct mark *m;
	struct mark *next;

	HASH_ITER(hh, *table, m, next)
	{
		HASH_DEL(*table, m);
		free(m);
	}
}

static void
free_lines(struct line **table)
{
	struct line *l;
	struct line *next;

	HASH_ITER(hh, *table, l, next)
	{
		HASH_DEL(*table, l);
		free(l->old);
		free(l);
	}
}

/* ---- the batch that is wanted ---- */

static bool
wanted_slot(const struct find *f, const struct store_change_info *c)
{
	const struct store_undo *w = f->what;

	return w->slot == NULL ||
	       (c->slot_len == w->slot_len &&
		   memcmp(c->slot, w->slot, w->slot_len) == 0);
}

/* A line of an undo of one slot: that slot of the target is undone. */
static int
mark_slot(void *arg, const struct store_change_info *c)
{
	struct find *f = arg;

	return set_mark(&f->undone, f->candidate, c->slot, c->slot_len);
}

static int
take_line(void *arg, const struct store_change_info *c)
{
	struct find *f = arg;
	struct line *l;
	bool undone;
	int rc;

	if (!wanted_slot(f, c))
		return FCS_OK;
	rc = has_mark(f->undone, f->candidate, c->slot, c->slot_len, &undone);
	if (rc != FCS_OK || undone)
		return rc;
	f->any = true;
	l = calloc(1, sizeof(*l) + c->slot_len + 1);
	if (l == NULL)
		return FCS_ENOMEM;
	memcpy(l->slot, c->slot, c->slot_len);
	l->len = c->slot_len;
	if (c->old != NULL) {
		l->old = malloc(c->old_len + 1);
		l->old_len = c->old_len;
		if (l->old == NULL) {
			free(l);
			return FCS_ENOMEM;
		}
		memcpy(l->old, c->old, c->old_len);
	}
	HASH_ADD_KEYPTR(hh, f->lines, l->slot, l->len, l);
	if (hash_added(l))
		return FCS_OK;
	free(l->old);
	free(l);
	return FCS_ENOMEM;
}

/* FCS_ECLOSED: this is the one. */
static int
try_batch(struct find *f, const struct undo_batch *b)
{
	int rc;

	f->candidate = b->version;
	f->any = false;
	rc = f->ops->lines(f->src, b->version - 1, b->version, take_line, f);
	if (rc != FCS_OK)
		return rc;
	if (!f->any)
		return FCS_OK;
	f->target = b->version;
	return FCS_ECLOSED;
}

/* An undo that counts, on the way to what is to be undone. */
static int
note_undo(struct find *f, const struct undo_batch *b)
{
	if (b->kind == STORE_UNDO)
		return set_mark(&f->undone, b->target, NULL, 0);
	f->candidate = b->target;
	return f->ops->lines(f->src, b->version - 1, b->version, mark_slot, f);
}

/* An undo that counts is what a redo wants. */
static int
take_undo(struct find *f, const struct undo_batch *b)
{
	int rc;

	f->target = b->version;
	rc = try_batch(f, b);
	return rc == FCS_OK ? FCS_ECLOSED : rc;
}

static int
on_batch(void *arg, const struct undo_batch *b)
{
	struct find *f = arg;
	bool marked;
	int rc;

	switch (b->kind) {
	case STORE_REDO:
		return set_mark(&f->cancelled, b->target, NULL, 0);
	case STORE_UNDO:
	case STORE_UNDO_SLOT:
		rc = has_mark(f->cancelled, b->version, NULL, 0, &marked);
		if (rc != FCS_OK || marked)
			return rc;
		return f->what->redo ? take_undo(f, b) : note_undo(f, b);
	case STORE_CHANGE:
	case STORE_ROLLBACK:
	default:
		if (f->what->redo)
			return FCS_ECLOSED; /* the user wrote since */
		rc = has_mark(f->undone, b->version, NULL, 0, &marked);
		if (rc != FCS_OK || marked)
			return rc;
		return try_batch(f, b);
	}
}

/* ---- what others wrote since ---- */

static bool
same_user(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
drop_line(struct find *f, struct line *l)
{
	HASH_DEL(f->lines, l);
	free(l->old);
	free(l);
}

static int
check_slots(struct find *f, bool *doubt)
{
	struct line *l;
	struct line *next;
	const char *user;
	int rc;

	*doubt = false;
	HASH_ITER(hh, f->lines, l, next)
	{
		rc = f->ops->slot(f->src, l->slot, l->len, &l->version, &user);
		if (rc != FCS_OK)
			return rc;
		if (l->version == f->target)
			continue;
		/* the one who wrote last is somebody else: it stays */
		if (l->version != 0 && !same_user(user, f->what->user)) {
			drop_line(f, l);
			continue;
		}
		l->doubtful = true;
		*doubt = true;
	}
	return FCS_OK;
}

static int
check_line(void *arg, const struct store_change_info *c)
{
	struct find *f = arg;
	struct line *l;

	if (same_user(c->user, f->what->user))
		return FCS_OK;
	HASH_FIND(hh, f->lines, c->slot, c->slot_len, l);
	if (l != NULL && l->doubtful)
		drop_line(f, l);
	return FCS_OK;
}

static int
tell_lines(const struct find *f, store_slot_fn fn, void *arg)
{
	int rc = FCS_OK;

	for (const struct line *l = f->lines; l != NULL && rc == FCS_OK;
	     l = l->hh.next) {
		struct store_slot slot = { l->slot, l->len, l->old, l->old_len,
			l->version, NULL };

		rc = fn(arg, &slot);
	}
	return rc;
}

int
undo_find(const struct undo_source *ops, void *src,
    const struct store_undo *what, store_slot_fn fn, void *arg,
    uint64_t *target)
{
	struct find f = { .ops = ops, .src = src, .what = what };
	bool doubt = false;
	int rc = ops->batches(src, what->user, on_batch, &f);

	if (rc == FCS_OK && f.target != 0)
		rc = check_slots(&f, &doubt);
	if (rc == FCS_OK && doubt)
		rc = ops->lines(src, f.target, UINT64_MAX, check_line, &f);
	if (rc == FCS_OK)
		rc = tell_lines(&f, fn, arg);
	*target = rc == FCS_OK ? f.target : 0;
	free_lines(&f.lines);
	free_marks(&f.undone);
	free_marks(&f.cancelled);
	return rc;
}

/* ---- a look back ---- */

struct rewind {
	struct mark *seen; /* slots */
	store_slot_fn fn;
	void *arg;
};

/* The first line of a slot behind the version tells what it held before. */
static int
rewind_line(void *arg, const struct store_change_info *c)
{
	struct rewind *r = arg;
	struct store_slot slot = { c->slot, c->slot_len, c->old, c->old_len, 0,
		NULL };
	bool seen;
	int rc = has_mark(r->seen, 0, c->slot, c->slot_len, &seen);

	if (rc == FCS_OK && !seen)
		rc = set_mark(&r->seen, 0, c->slot, c->slot_len);
	if (rc == FCS_OK && !seen)
		rc = r->fn(r->arg, &slot);
	return rc;
}

int
undo_rewind(const struct undo_source *ops, void *src, uint64_t version,
    store_slot_fn fn, void *arg)
{
	struct rewind r = { .fn = fn, .arg = arg };
	int rc = ops->lines(src, version, UINT64_MAX, rewind_line, &r);

	free_marks(&r.seen);
	return rc;
}
