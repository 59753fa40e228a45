/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_ask - the part of a task that runs on the commit thread: the store
 * is asked, and what it tells is kept in the task.
 */
#include <stdlib.h>
#include <string.h>

#include "core/sharedobj_task_int.h"

int
sharedobj_ask_found(void *arg, const struct store_slot *row)
{
	struct so_task *t = arg;
	struct found *f = calloc(1, sizeof(*f));
	int rc = FCS_ENOMEM;

	if (f == NULL)
		return FCS_ENOMEM;
	t->found_bytes += row->len;
	f->slot = refbuf_from(row->slot, row->slot_len);
	if (row->value != NULL)
		f->value = refbuf_from(row->value, row->len);
	if (t->kind == TASK_AT && t->found_bytes > SHAREDOBJ_LOOK_BYTES) {
		rc = FCS_ELIMIT;
	} else if (f->slot != NULL && (row->value == NULL || f->value)) {
		HASH_ADD_KEYPTR(hh, t->found, f->slot->data, f->slot->len, f);
		if (hash_added(f))
			return FCS_OK;
	}
	refbuf_unref(f->slot);
	refbuf_unref(f->value);
	free(f);
	return rc;
}

static int
add_line(void *arg, const struct store_change_info *c)
{
	struct so_task *t = arg;
	struct so_line line = { .version = c->version, .at_ms = c->at_ms };
	int rc = FCS_ENOMEM;

	line.slot = refbuf_from(c->slot, c->slot_len);
	if (c->value != NULL)
		line.value = refbuf_from(c->value, c->len);
	if (c->old != NULL)
		line.old = refbuf_from(c->old, c->old_len);
	if (c->user != NULL)
		line.user = refbuf_from(c->user, strlen(c->user) + 1);
	if (line.slot != NULL && (c->value == NULL || line.value != NULL) &&
	    (c->old == NULL || line.old != NULL) &&
	    (c->user == NULL || line.user != NULL))
		rc = sharedobj_look_add(t->look, &line);
	refbuf_unref(line.slot);
	refbuf_unref(line.value);
	refbuf_unref(line.old);
	refbuf_unref(line.user);
	/* as much as there is room for, if a part will do */
	return rc == FCS_ELIMIT && !t->whole ? FCS_ECLOSED : rc;
}

static int
stop_walk(void *arg, const struct store_slot *row)
{
	(void)arg;
	(void)row;
	return FCS_ECLOSED;
}

/* The version meant: a time is looked up. */
static int
resolve(struct so_task *t, struct store *s, const struct sharedobj_point *p,
    uint64_t *version)
{
	*version = p->version;
	if (p->version != 0 || p->at_ms == 0)
		return FCS_OK;
	*version = t->version;
	if (p->at_ms >= t->now_ms)
		return FCS_OK;
	return s->ops->moment(s, t->inst, t->object, p->at_ms, version);
}

static int
run_history(struct so_task *t, struct store *s)
{
	int rc = resolve(t, s, &t->from, &t->range.after);

	if (rc == FCS_ERANGE && !t->whole) {
		t->range.after = 0; /* from its beginning, then */
		rc = FCS_OK;
	}
	if (rc == FCS_OK && t->has_upto) {
		rc = resolve(t, s, &t->upto, &t->range.upto);
		if (rc == FCS_OK && t->range.upto == 0)
			t->range.limit = 0; /* up to nothing */
	}
	if (rc == FCS_OK && t->whole) {
		/* does it reach that far back? */
		rc = s->ops->rewind(
		    s, t->inst, t->object, t->range.after, stop_walk, NULL);
		if (rc == FCS_ECLOSED)
			rc = FCS_OK;
	}
	if (rc == FCS_OK)
		rc = s->ops->history(
		    s, t->inst, t->object, &t->range, add_line, t);
	return rc == FCS_ECLOSED ? FCS_OK : rc;
}

static int
run_rewind(struct so_task *t, struct store *s)
{
	int rc = resolve(t, s, &t->from, &t->target);

	if (rc == FCS_OK)
		rc = s->ops->rewind(
		    s, t->inst, t->object, t->target, sharedobj_ask_found, t);
	return rc;
}

int
sharedobj_ask_run(struct store *s, void *arg)
{
	struct so_task *t = arg;
	struct err why;
	int rc = FCS_OK;

	switch (t->kind) {
	case TASK_FLUSH:
		/* of the object's batches, those that are only with the
		 * system */
		return s->ops->sync(s, &why);
	case TASK_HISTORY:
		rc = run_history(t, s);
		break;
	case TASK_UNDO:
		rc = s->ops->undo(s, t->inst, t->object, &t->undo,
		    sharedobj_ask_found, t, &t->target);
		break;
	case TASK_AT:
	case TASK_ROLLBACK:
		rc = run_rewind(t, s);
		break;
	}
	if (rc != FCS_ENOENT)
		return rc;
	/* never written: it has one version, and nothing ever happened */
	return (t->kind == TASK_AT || t->kind == TASK_ROLLBACK) &&
		       t->target != STORE_FIRST_VERSION
		   ? FCS_ERANGE
		   : FCS_OK;
}

int
sharedobj_ask_nothing(struct store *s, void *arg)
{
	(void)s;
	(void)arg;
	return FCS_OK;
}
