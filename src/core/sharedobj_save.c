/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_save - an object that is kept in memory on its way to the store:
 * what is newer than the store, as one batch that stands for all versions in
 * between.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/sharedobj_task_int.h"

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
sharedobj_save_is_dirty(const struct sharedobj *so)
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

int
sharedobj_save_submit(struct so_task *t)
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
