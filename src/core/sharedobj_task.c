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
#include "core/sharedobj_task_int.h"

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
submit(struct so_set *set, struct commit_job *job)
{
	commit_submit(set->env->commit, job);
	loop_at_end(set->env->loop, LOOP_COMMIT, &set->commit);
}

static void
task_done(void *arg, int result, const struct err *why)
{
	struct so_task *t = arg;
	struct sharedobj *so = t->so;

	(void)why;
	if (so != NULL && !t->set->closed) {
		DL_DELETE(so->tasks, t);
		sharedobj_answer_task(t, result);
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
	if (sharedobj_save_is_dirty(so))
		t->save_result = sharedobj_save_submit(t);
	t->job.run = sharedobj_ask_run;
	if (t->kind == TASK_FLUSH && so->durability != SCRIPT_TO_OS)
		t->job.run =
		    sharedobj_ask_nothing; /* the place in the row is enough */
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
