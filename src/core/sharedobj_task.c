/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_task - what a script asks of an object and waits for: flush, looks
 * at the history, undo, redo, roll-back.
 *
 * A task is a job on the commit thread, behind everything the object submitted
 * before it. What the object does meanwhile comes later there, and completions
 * are delivered in the same order: so when a task is back, all batches it has
 * not seen are still in the queue, with what their slots held before. Together
 * that tells any version exactly, without stopping the object.
 *
 * The tasks of an object run one after the other: an undo sees the undo before
 * it. An object that is kept in memory is written first.
 */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/sharedobj_int.h"

enum task_kind {
	TASK_FLUSH,
	TASK_HISTORY,
	TASK_AT,
	TASK_UNDO,
	TASK_ROLLBACK
};

struct found { /* a slot the store told of */
	UT_hash_handle hh;
	struct refbuf *slot;
	struct refbuf *value; /* NULL: absent */
};

struct save { /* an object kept in memory on its way to the store */
	struct commit_job job;
	struct store_batch batch;
	struct store_change *rows;
	struct refbuf **held; /* what rows point to */
	uint32_t held_count;
};

struct so_task {
	struct so_task *prev, *next; /* so->tasks */
	struct commit_job job;
	struct so_set *set;   /* a reference */
	struct sharedobj *so; /* NULL: gone */
	enum task_kind kind;
	uint64_t pending; /* 0: nobody waits */
	bool running;
	uint32_t failures; /* of the object when it started */
	uint64_t version;  /* of the object when it started */
	int64_t now_ms;
	struct save *save;
	int save_result;

	/* what is asked */
	struct sharedobj_point from, upto;
	bool has_upto;
	bool whole; /* all of it or nothing */
	struct store_range range;
	struct store_undo undo;
	char *user, *slot;

	/* commit thread */
	struct so_look *look;
	struct found *found; /* hash by slot */
	size_t found_bytes;
	uint64_t target;

	char *object;
	char inst[]; /* instance, NUL, object */
};

/* ---- commit thread ---- */

static int
add_found(void *arg, const struct store_slot *row)
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
		    s, t->inst, t->object, t->target, add_found, t);
	return rc;
}

static int
run(struct store *s, void *arg)
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
		rc = s->ops->undo(
		    s, t->inst, t->object, &t->undo, add_found, t, &t->target);
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

static int
run_nothing(struct store *s, void *arg)
{
	(void)s;
	(void)arg;
	return FCS_OK;
}

/* ---- writing what is kept in memory ---- */

static void
free_save(struct save *v)
{
	if (v == NULL)
		return;
	for (uint32_t i = 0; i < v->held_count; i++)
		refbuf_unref(v->held[i]);
	free(v->held);
	free(v->rows);
	free(v);
}

bool
sharedobj_task_is_dirty(const struct sharedobj *so)
{
	return so->persistent && so->durability == SCRIPT_IN_MEMORY &&
	       so->image->version > so->durable;
}

static struct refbuf *
hold(struct save *v, struct refbuf *b)
{
	if (b != NULL)
		v->held[v->held_count++] = refbuf_ref(b);
	return b;
}

/* Rows for what is newer than the store: the end of the list by version. */
static int
fill_save(struct save *v, const struct sharedobj *so)
{
	const struct so_slot *s =
	    so->image->recent == NULL ? NULL : so->image->recent->vprev;
	uint32_t n = 0;
	const struct so_slot *at;
	struct refbuf *b;

	for (at = s; at != NULL && at->version > so->durable;
	     at = at == so->image->recent ? NULL : at->vprev)
		n++;
	v->rows = calloc(n + 1, sizeof(*v->rows));
	v->held = calloc(3 * (size_t)n + 1, sizeof(struct refbuf *));
	if (v->rows == NULL || v->held == NULL)
		return FCS_ENOMEM;
	v->batch.count = n;
	for (at = s; n > 0; at = at->vprev) {
		struct store_change *c = &v->rows[--n];

		b = hold(v, at->name);
		c->slot = (const char *)b->data;
		c->slot_len = b->len;
		b = hold(v, at->value);
		c->value = b == NULL ? NULL : b->data;
		c->len = b == NULL ? 0 : b->len;
		b = hold(v, at->user);
		c->user = b == NULL ? NULL : (const char *)b->data;
	}
	return FCS_OK;
}

static void
save_done(void *arg, int result, const struct err *why)
{
	struct so_task *t = arg;
	struct sharedobj *so = t->so;
	uint64_t version = t->save->batch.version;

	free_save(t->save);
	t->save = NULL;
	t->save_result = result;
	if (so == NULL || t->set->closed)
		return;
	if (result == FCS_OK) {
		so->durable = version;
		so->unsaved = false;
		sharedobj_queue_stored(so);
		return;
	}
	so->unsaved = true;
	log_error("so.save", "inst=%s object=%s why=%s",
	    instance_full_name(so->set->inst), so->name, why->text);
	if (t->pending == 0)
		sharedobj_queue_failed(so, why);
}

static void
submit(struct so_set *set, struct commit_job *job)
{
	commit_submit(set->env->commit, job);
	loop_at_end(set->env->loop, LOOP_COMMIT, &set->commit);
}

static int
submit_save(struct so_task *t)
{
	struct sharedobj *so = t->so;
	struct save *v = calloc(1, sizeof(*v));

	if (v == NULL || fill_save(v, so) != FCS_OK) {
		free_save(v);
		return FCS_ENOMEM;
	}
	v->batch.inst = t->inst;
	v->batch.object = t->object;
	v->batch.base = so->durable;
	v->batch.version = so->image->version;
	v->batch.at_ms = clock_wall_ms();
	v->batch.changes = v->rows;
	v->batch.no_history = so->history == 0;
	v->job.batch = &v->batch;
	v->job.done = save_done;
	v->job.arg = t;
	t->save = v;
	submit(t->set, &v->job);
	return FCS_OK;
}

/* ---- the end of a task ---- */

static void
free_task(struct so_task *t)
{
	struct found *f;
	struct found *next;
	struct so_set *set = t->set;

	HASH_ITER(hh, t->found, f, next)
	{
		HASH_DEL(t->found, f);
		refbuf_unref(f->slot);
		refbuf_unref(f->value);
		free(f);
	}
	sharedobj_look_free(t->look);
	free(t->user);
	free(t->slot);
	free(t);
	set->task_count--;
	sharedobj_set_unref(set);
}

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
			    add_found(t, &row) != FCS_OK)
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

static void
finish(struct so_task *t, int result)
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

static void
task_done(void *arg, int result, const struct err *why)
{
	struct so_task *t = arg;
	struct sharedobj *so = t->so;

	(void)why;
	if (so != NULL && !t->set->closed) {
		DL_DELETE(so->tasks, t);
		finish(t, result);
		sharedobj_task_start(so);
		sharedobj_wake_one(so);
	}
	free_task(t);
}

/* ---- the beginning of a task ---- */

static void
start(struct so_task *t)
{
	struct sharedobj *so = t->so;

	t->running = true;
	sharedobj_entry_close_open(so);
	t->version = so->image->version;
	t->failures = so->failures;
	t->now_ms = clock_wall_ms();
	if (sharedobj_task_is_dirty(so))
		t->save_result = submit_save(t);
	t->job.run = run;
	if (t->kind == TASK_FLUSH && so->durability != SCRIPT_TO_OS)
		t->job.run = run_nothing; /* the place in the row is enough */
	t->job.done = task_done;
	t->job.arg = t;
	submit(t->set, &t->job);
}

/* A transaction that is open is not torn apart: its end is waited for. */
void
sharedobj_task_start(struct sharedobj *so)
{
	if (so->tasks != NULL && !so->tasks->running && so->depth == 0)
		start(so->tasks);
}

void
sharedobj_task_forget(struct sharedobj *so)
{
	struct so_task *t;

	while ((t = so->tasks) != NULL) {
		DL_DELETE(so->tasks, t);
		t->so = NULL;
		if (!t->running)
			free_task(t);
	}
}

static char *
copy(const char *p, size_t len)
{
	char *c = malloc(len + 1);

	if (c != NULL) {
		memcpy(c, p, len);
		c[len] = '\0';
	}
	return c;
}

static int
new_task(struct sharedobj *so, enum task_kind kind, uint64_t pending,
    struct so_task **out)
{
	struct so_set *set = so->set;
	const char *inst = instance_name(set->inst);
	size_t len = strlen(inst) + 1;
	struct so_task *t;

	*out = NULL;
	if (!so->persistent)
		return FCS_EUNSUPPORTED;
	if (so->state != SO_READY)
		return FCS_EREADONLY;
	if (set->task_count >= SHAREDOBJ_TASKS)
		return FCS_ELIMIT;
	t = calloc(1, sizeof(*t) + len + so->name_len + 1);
	if (t == NULL)
		return FCS_ENOMEM;
	memcpy(t->inst, inst, len);
	t->object = t->inst + len;
	memcpy(t->object, so->name, so->name_len + 1);
	t->kind = kind;
	t->pending = pending;
	t->set = set;
	set->refs++;
	set->task_count++;
	t->so = so;
	if (kind == TASK_HISTORY || kind == TASK_AT) {
		t->look = sharedobj_look_new(set);
		if (t->look == NULL) {
			free_task(t);
			return FCS_ENOMEM;
		}
	}
	*out = t;
	return FCS_OK;
}

static int
begin(struct so_task *t)
{
	struct sharedobj *so = t->so;

	DL_APPEND(so->tasks, t);
	sharedobj_task_start(so);
	sharedobj_wake_one(so);
	return FCS_OK;
}

int
sharedobj_task_save(struct sharedobj *so)
{
	return sharedobj_flush(so, 0);
}

int
sharedobj_flush(struct sharedobj *so, uint64_t pending)
{
	struct so_task *t;
	int rc = new_task(so, TASK_FLUSH, pending, &t);

	return rc != FCS_OK ? rc : begin(t);
}

int
sharedobj_history(
    struct sharedobj *so, const struct sharedobj_range *r, uint64_t pending)
{
	struct so_task *t;
	int rc = new_task(so, TASK_HISTORY, pending, &t);

	if (rc != FCS_OK)
		return rc;
	t->from = r->after;
	t->has_upto = r->whole;
	t->upto = r->upto;
	t->whole = r->whole;
	t->range.limit = r->limit;
	if (r->slot != NULL) {
		t->slot = copy(r->slot, r->slot_len);
		t->range.slot = t->slot;
		t->range.slot_len = r->slot_len;
		if (t->slot == NULL) {
			free_task(t);
			return FCS_ENOMEM;
		}
	}
	return begin(t);
}

static int
to_point(struct sharedobj *so, enum task_kind kind,
    const struct sharedobj_point *to, uint64_t pending)
{
	struct so_task *t;
	int rc = new_task(so, kind, pending, &t);

	if (rc != FCS_OK)
		return rc;
	t->from = *to;
	return begin(t);
}

int
sharedobj_at(
    struct sharedobj *so, const struct sharedobj_point *to, uint64_t pending)
{
	return to_point(so, TASK_AT, to, pending);
}

int
sharedobj_rollback(
    struct sharedobj *so, const struct sharedobj_point *to, uint64_t pending)
{
	return to_point(so, TASK_ROLLBACK, to, pending);
}

int
sharedobj_undo(
    struct sharedobj *so, const struct store_undo *what, uint64_t pending)
{
	struct so_task *t;
	int rc = new_task(so, TASK_UNDO, pending, &t);

	if (rc != FCS_OK)
		return rc;
	t->undo = *what;
	if (what->user != NULL)
		t->undo.user = t->user = copy(what->user, strlen(what->user));
	if (what->slot != NULL)
		t->undo.slot = t->slot = copy(what->slot, what->slot_len);
	if ((what->user != NULL && t->user == NULL) ||
	    (what->slot != NULL && t->slot == NULL)) {
		free_task(t);
		return FCS_ENOMEM;
	}
	return begin(t);
}
