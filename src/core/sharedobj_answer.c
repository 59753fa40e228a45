/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_answer - what comes of a task: lines for the script to take, a
 * batch that undoes or rolls back, the Pending settled. Runs on the loop when
 * the store has answered; what the store had not seen is in the queue.
 */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "core/sharedobj_task_int.h"

static void
tell(const struct so_task *t, int result, const struct value *value)
{
	if (t->pending != 0)
		instance_resolve(t->set->inst, t->pending, result == FCS_OK,
		    value, result == FCS_OK ? NULL : err_name(result));
}

static void
tell_number(const struct so_task *t, int result, double number)
{
	struct value v = { .type = VALUE_NUMBER };

	v.number = number;
	tell(t, result, result == FCS_OK ? &v : NULL);
}

static struct found *
find(struct so_task *t, const struct refbuf *slot)
{
	struct found *f;

	HASH_FIND(hh, t->found, slot->data, slot->len, f);
	return f;
}

/* What the batches that came after the task changed, for slots the store did
 * not tell of: their first `old` is what the store has. */
static int
add_queued(struct so_task *t)
{
	const struct so_entry *e;

	DL_FOREACH(t->so->queue, e) {
		if (!e->changed || e->version <= t->version)
			continue;
		for (uint32_t i = 0; i < e->change_count; i++) {
			const struct so_change *c = &e->changes[i];
			struct store_slot row = { (const char *)c->name->data,
				c->name->len,
				c->old == NULL ? NULL : c->old->data,
				c->old == NULL ? 0 : c->old->len, 0, NULL };

			if (find(t, c->name) == NULL &&
			    sharedobj_ask_found(t, &row) != FCS_OK)
				return FCS_ENOMEM;
		}
	}
	return FCS_OK;
}

static int
put_line(struct so_look *look, struct refbuf *slot, struct refbuf *value)
{
	struct so_line line = { .slot = slot, .value = value };

	return sharedobj_look_add(look, &line);
}

/* at: the image, but for what was found */
static void
finish_at(struct so_task *t, int result)
{
	struct so_slot *s;
	struct found *f;
	struct found *next;

	if (result == FCS_OK)
		result = add_queued(t);
	for (s = t->so->image->order; s != NULL && result == FCS_OK;
	     s = s->next)
		if (find(t, s->name) == NULL)
			result = put_line(t->look, s->name, s->value);
	HASH_ITER(hh, t->found, f, next)
	if (result == FCS_OK && f->value != NULL)
		result = put_line(t->look, f->slot, f->value);
	if (result == FCS_OK) {
		tell_number(t, result, (double)sharedobj_look_offer(t->look));
		t->look = NULL;
	} else {
		tell(t, result, NULL);
	}
}

static void
finish_history(struct so_task *t, int result)
{
	double id = 0;

	if (result == FCS_OK) {
		id = (double)sharedobj_look_offer(t->look);
		t->look = NULL;
	}
	tell_number(t, result, id);
}

/* The object may be written by this task now; the entry for it. */
static struct so_entry *
open_entry(struct so_task *t, enum store_kind what)
{
	struct so_entry *e;

	sharedobj_entry_close_open(t->so);
	e = sharedobj_entry_new(t->so, SO_BATCH, NULL);
	if (e == NULL)
		return NULL;
	if (t->user != NULL) {
		e->owner = refbuf_from(t->user, strlen(t->user) + 1);
		if (e->owner == NULL) {
			sharedobj_entry_free(e);
			return NULL;
		}
	}
	e->what = what;
	e->target = t->target;
	return e;
}

static bool
same_value(const struct so_slot *s, const struct refbuf *value)
{
	const struct refbuf *now = s == NULL ? NULL : s->value;

	if (now == NULL || value == NULL)
		return now == value;
	return now->len == value->len &&
	       memcmp(now->data, value->data, value->len) == 0;
}

static struct so_slot *
slot_of(const struct so_task *t, const struct refbuf *name)
{
	return sharedobj_image_find(
	    t->so->image, (const char *)name->data, name->len);
}

/* Forget what needs no writing; what is left must fit the object. */
static int
settle_found(struct so_task *t)
{
	const struct sharedobj *so = t->so;
	int64_t bytes = (int64_t)so->image->bytes;
	int64_t live = so->image->live;
	struct found *f;
	struct found *next;

	HASH_ITER(hh, t->found, f, next)
	{
		const struct so_slot *s = slot_of(t, f->slot);
		/* undo: written since the store was asked */
		bool stale = t->kind == TASK_UNDO && s != NULL &&
			     s->version > t->version;

		if (stale ||
		    (t->kind == TASK_ROLLBACK && same_value(s, f->value))) {
			HASH_DEL(t->found, f);
			refbuf_unref(f->slot);
			refbuf_unref(f->value);
			free(f);
			continue;
		}
		if (s != NULL && s->value != NULL) {
			bytes -= (int64_t)(s->name->len + s->value->len);
			live--;
		}
		if (f->value != NULL) {
			bytes += (int64_t)(f->slot->len + f->value->len);
			live++;
		}
	}
	if (t->found == NULL)
		return FCS_OK;
	return (live > so->max_slots && live > so->image->live) ||
		       (bytes > so->max_bytes &&
			   bytes > (int64_t)so->image->bytes)
		   ? FCS_ELIMIT
		   : FCS_OK;
}

static int
write_found(struct so_task *t, struct so_entry *e)
{
	struct found *f;
	struct found *next;
	int rc = FCS_OK;

	HASH_ITER(hh, t->found, f, next)
	{
		const struct so_slot *s = slot_of(t, f->slot);

		if (rc == FCS_OK &&
		    (f->value != NULL || (s != NULL && s->value != NULL)))
			rc = sharedobj_entry_change(
			    e, f->slot, f->value, SO_TO_OTHERS);
	}
	return rc;
}

/* Write what was found as a batch; *version of the object behind it. */
static int
write_batch(struct so_task *t, enum store_kind what, bool always)
{
	struct sharedobj *so = t->so;
	struct so_entry *e;
	uint64_t seq;
	int rc;

	if (sharedobj_is_stored(so) &&
	    commit_is_read_only(so->set->env->commit))
		return FCS_EREADONLY;
	rc = settle_found(t);
	if (rc != FCS_OK || (t->found == NULL && !always))
		return rc;
	e = open_entry(t, what);
	if (e == NULL)
		return FCS_ENOMEM;
	so->taking = e;
	if (always)
		sharedobj_entry_begin(e);
	rc = write_found(t, e);
	if (rc != FCS_OK) {
		sharedobj_entry_abort(e);
		return rc;
	}
	seq = e->seq;
	sharedobj_entry_close(e);
	/* what the script says of it waits for the disk */
	if (seq != 0)
		instance_raise_barrier(so->set->inst, seq);
	return FCS_OK;
}

static enum store_kind
undo_kind(const struct so_task *t)
{
	if (t->undo.redo)
		return STORE_REDO;
	return t->undo.slot != NULL ? STORE_UNDO_SLOT : STORE_UNDO;
}

static void
finish_undo(struct so_task *t, int result)
{
	struct arena *a = arena_new(0);
	struct value *list = a == NULL ? NULL : value_new(a, VALUE_ARRAY);
	struct found *f;
	struct found *next;

	if (result == FCS_OK && list == NULL)
		result = FCS_ENOMEM;
	/* an undo that finds all slots written by others is one, too: the next
	 * one goes on behind it */
	if (result == FCS_OK && t->target != 0)
		result = write_batch(
		    t, undo_kind(t), undo_kind(t) != STORE_UNDO_SLOT);
	HASH_ITER(hh, t->found, f, next)
	if (result == FCS_OK)
		result = value_push(a, list,
		    value_string_len(
			a, (const char *)f->slot->data, f->slot->len));
	tell(t, result, result == FCS_OK ? list : NULL);
	arena_free(a);
}

static void
finish_rollback(struct so_task *t, int result)
{
	if (result == FCS_OK)
		result = add_queued(t);
	if (result == FCS_OK)
		result = write_batch(t, STORE_ROLLBACK, false);
	tell_number(t, result, (double)t->so->image->version);
}

void
sharedobj_answer_task(struct so_task *t, int result)
{
	struct value yes = { .type = VALUE_BOOL, .boolean = true };

	sharedobj_entry_close_open(t->so); /* it is looked at in the queue */
	/* the image is not what the store was asked about */
	if (result == FCS_OK &&
	    (t->so->state != SO_READY || t->so->failures != t->failures))
		result = FCS_EIO;
	if (result == FCS_OK && t->save_result != FCS_OK)
		result = t->save_result;
	/* it was behind all of them */
	if (result == FCS_OK && t->version > t->so->durable)
		t->so->durable = t->version;
	switch (t->kind) {
	case TASK_FLUSH:
		tell(t, result, result == FCS_OK ? &yes : NULL);
		break;
	case TASK_HISTORY:
		finish_history(t, result);
		break;
	case TASK_AT:
		finish_at(t, result);
		break;
	case TASK_UNDO:
		finish_undo(t, result);
		break;
	case TASK_ROLLBACK:
		finish_rollback(t, result);
		break;
	}
}
