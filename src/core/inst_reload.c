/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inst_reload - see inst_reload.h for the states.
 *
 * Everything that enters a script or frees one happens in on_task(), which the
 * loop calls at the end of a turn: a reload may be asked for, a script may be
 * quiet, done or lost anywhere, also on the stack of a script.
 */
#include "core/inst_reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/instance_int.h"
#include "core/peer.h"
#include "core/sharedobj_reload.h"

#define DRAIN_MS    5000 /* what waits in the old script may wait so long */
#define EXPIRE_MS   1000 /* then it has this for its last words */
#define HANDOVER_MS 5000 /* on(:handover) in all */
#define TAKEOVER_MS 5000 /* on(:reload): nothing is kept longer than that */
#define STATE_ARENA (64u << 20)

enum phase {
	PHASE_NONE,
	PHASE_WAIT, /* for the start, or for the end of this turn */
	PHASE_DRAIN,
	PHASE_EXPIRE,
	PHASE_HANDOVER,
	PHASE_TAKEOVER
};

struct waiter {
	struct waiter *prev, *next;
	inst_reload_fn fn;
	void *arg;
	bool full; /* for the end of the instance */
	bool late; /* for the reload after this one */
};

struct reload {
	enum phase phase;
	bool step_due;       /* the phase is over */
	bool again;          /* one more when this is done */
	bool is_lost;        /* the old script is */
	bool is_next_lost;   /* the new one is, before it was the instance's */
	struct script *next; /* opened, not yet the instance's */
	struct waiter *waiters;
	struct timer *timer;
	struct loop_task task;
	uint8_t *state; /* packed, of on(:handover); NULL: none */
	size_t state_len;
	uint32_t dropped;
	int64_t began_ms;
};

static const struct script_ops *
ops(const struct instance *i)
{
	return application_env(i->app)->script;
}

/* ---- answers ---- */

static void
answer_one(struct instance *i, struct waiter *w, enum inst_reload_end end,
    const char *why)
{
	struct inst_reload_result res;

	memset(&res, 0, sizeof(res));
	res.end = end;
	res.why = why;
	res.clients = i->accepted;
	if (end == RELOAD_DONE) {
		res.dropped = i->reload->dropped;
		res.ms = (uint32_t)(clock_ms() - i->reload->began_ms);
	}
	w->fn(w->arg, &res);
	free(w);
}

/* Those who wait for the reload that ends now; all: everybody. */
static void
answer(struct instance *i, enum inst_reload_end end, const char *why, bool all)
{
	struct reload *r = i->reload;
	struct waiter *w, *next, *due = NULL;

	DL_FOREACH_SAFE(r->waiters, w, next) {
		if (!all && (w->full || w->late))
			continue;
		DL_DELETE(r->waiters, w);
		DL_APPEND(due, w);
	}
	DL_FOREACH_SAFE(due, w, next) {
		DL_DELETE(due, w);
		answer_one(i, w, end, why);
	}
}

/* ---- steps ---- */

static void
step_due(struct instance *i)
{
	i->reload->step_due = true;
	loop_at_end(i->loop, LOOP_WORK, &i->reload->task);
}

static void
drop_state(struct reload *r)
{
	free(r->state);
	r->state = NULL;
	r->state_len = 0;
}

static void
close_script(struct instance *i, struct script *s)
{
	if (s == NULL)
		return;
	instance_keep_counts(i, s);
	i->depth++;
	ops(i)->close(s);
	i->depth--;
}

/* The end, good or bad: the way into the script is free again. */
static void
over(struct instance *i, enum inst_reload_end end, const char *why)
{
	struct reload *r = i->reload;
	struct waiter *w;

	timer_stop(r->timer);
	r->phase = PHASE_NONE;
	r->step_due = false;
	r->is_lost = r->is_next_lost = false;
	close_script(i, r->next);
	r->next = NULL;
	drop_state(r);
	inst_work_release(i);
	sharedobj_reload_release(i);
	answer(i, end, why, false);
	if (!r->again)
		return;
	r->again = false;
	DL_FOREACH(r->waiters, w)
		w->late = false;
	r->phase = PHASE_WAIT;
	step_due(i);
}

/* The old one goes on; why begins with the place in the code. */
static void
keep_old(struct instance *i, const char *why)
{
	log_error("instance.reload", "inst=%s result=%s why=%s", i->full_name,
	    "kept", why);
	over(i, RELOAD_KEPT, why);
}

static int
open_next(struct instance *i, struct err *why)
{
	struct script_options opt;
	int rc = FCS_ENOENT;

	err_clear(why);
	instance_script_options(i, &opt);
	if (ops(i) != NULL) {
		i->depth++;
		rc = ops(i)->open(i, &opt, &i->reload->next, why);
		i->depth--;
	}
	if (rc == FCS_ENOENT)
		return i->script == NULL ? FCS_ENOENT
					 : err_set(why, FCS_EFORMAT,
					       "main.rb is not there any more");
	if (rc == FCS_OK) {
		instance_stamp(i);
		rc = sharedobj_reload_check(i, i->reload->next, why);
	}
	if (rc != FCS_OK && why->text[0] == '\0')
		(void)err_set(why, rc, "%s", err_text(rc));
	return rc;
}

static void
begin(struct instance *i)
{
	struct reload *r = i->reload;
	struct err why;
	int rc;

	r->began_ms = clock_ms();
	r->dropped = 0;
	rc = open_next(i, &why);
	if (rc == FCS_ENOENT) { /* a room without a script it stays */
		over(i, RELOAD_DONE, "");
		return;
	}
	if (rc != FCS_OK) {
		keep_old(i, why.text);
		return;
	}
	inst_work_hold(i);
	r->phase = PHASE_DRAIN;
	timer_set(r->timer, DRAIN_MS);
	if (i->script != NULL) {
		i->depth++;
		ops(i)->drain(i->script, true);
		i->depth--;
	}
	if (r->is_lost || i->script == NULL || !ops(i)->busy(i->script))
		step_due(i);
}

static void
on_handed(struct instance *i, uint64_t owner, uint64_t extra,
    const struct script_answer *a)
{
	struct reload *r = i->reload;
	struct buf b;

	(void)owner;
	(void)extra;
	if (r->phase != PHASE_HANDOVER)
		return; /* too late */
	r->dropped = (uint32_t)a->start;
	buf_init(&b, 0);
	if (a->verdict == SCRIPT_OK && a->value != NULL &&
	    value_pack(&b, a->value) == FCS_OK)
		r->state = buf_take(&b, &r->state_len);
	buf_fini(&b);
	step_due(i);
}

static void
hand_over(struct instance *i)
{
	struct reload *r = i->reload;

	r->phase = PHASE_HANDOVER;
	if (r->is_lost || i->script == NULL) {
		step_due(i);
		return;
	}
	timer_set(r->timer, HANDOVER_MS);
	i->depth++;
	ops(i)->hand_over(i->script, on_handed, 0, 0);
	i->depth--;
}

static void
on_taken(struct instance *i, bool ok)
{
	if (i->reload->phase != PHASE_TAKEOVER)
		return;
	if (!ok)
		log_warn("instance.reload", "inst=%s why=%s", i->full_name,
		    "a reload or start handler failed");
	step_due(i);
}

static void
take_over(struct instance *i)
{
	struct reload *r = i->reload;
	struct script *old = i->script;
	struct value *state = NULL;
	struct arena *a = arena_new(STATE_ARENA);

	r->phase = PHASE_TAKEOVER;
	timer_set(r->timer, TAKEOVER_MS);
	if (a != NULL && r->state != NULL &&
	    value_unpack(a, r->state, r->state_len, &state) != FCS_OK)
		state = NULL;
	/* a peer belongs to the script that dialled */
	if (application_env(i->app)->peer != NULL)
		application_env(i->app)->peer->close_all(i);
	i->script = r->next;
	r->next = NULL;
	sharedobj_reload_apply(i);
	i->depth++;
	ops(i)->take_over(i->script, old, state, on_taken);
	i->depth--;
	close_script(i, old);
	arena_free(a);
	drop_state(r);
	if (r->is_next_lost) /* it is the one that counts now */
		instance_script_lost(i, "the new code overran");
}

static void
finish(struct instance *i)
{
	struct reload *r = i->reload;

	i->depth++;
	ops(i)->refresh(i->script);
	i->depth--;
	if (r->phase != PHASE_TAKEOVER)
		return; /* lost by its last words */
	i->stats.reloads++;
	log_info("instance.reload", "inst=%s result=%s clients=%u ms=%u",
	    i->full_name, "done", i->accepted,
	    (unsigned)(clock_ms() - r->began_ms));
	over(i, RELOAD_DONE, "");
}

/* Before anything was handed over: the old one goes on. */
static void
give_up(struct instance *i)
{
	if (i->script != NULL && !i->reload->is_lost) {
		i->depth++;
		ops(i)->drain(i->script, false);
		i->depth--;
	}
	if (i->reload->is_lost)
		instance_script_lost(i, "both scripts overran");
	else
		keep_old(i, "the new code overran before it began");
}

static void
on_task(void *arg)
{
	struct instance *i = arg;
	struct reload *r = i->reload;

	if (!r->step_due)
		return;
	r->step_due = false;
	switch (r->phase) {
	case PHASE_NONE:
		break;
	case PHASE_WAIT:
		if (i->state == INSTANCE_RUNNING)
			begin(i);
		else if (i->state != INSTANCE_STARTING)
			over(i, RELOAD_IDLE, "");
		break;
	case PHASE_DRAIN:
	case PHASE_EXPIRE:
		if (r->is_next_lost)
			give_up(i);
		else if (r->is_lost || i->script == NULL ||
			 !ops(i)->busy(i->script))
			hand_over(i);
		break;
	case PHASE_HANDOVER:
		take_over(i);
		break;
	case PHASE_TAKEOVER:
		finish(i);
		break;
	}
}

static void
on_timer(void *arg)
{
	struct instance *i = arg;
	struct reload *r = i->reload;

	switch (r->phase) {
	case PHASE_NONE:
	case PHASE_WAIT:
		break;
	case PHASE_DRAIN:
		log_warn("instance.reload", "inst=%s why=%s", i->full_name,
		    "handlers of the old code still wait: time-out");
		r->phase = PHASE_EXPIRE;
		timer_set(r->timer, EXPIRE_MS);
		i->depth++;
		ops(i)->expire(i->script);
		i->depth--;
		break;
	case PHASE_EXPIRE:
		hand_over(i);
		break;
	case PHASE_HANDOVER:
		log_warn("instance.reload", "inst=%s why=%s", i->full_name,
		    "on(:handover) took too long: nothing is handed over");
		step_due(i);
		break;
	case PHASE_TAKEOVER:
		log_warn("instance.reload", "inst=%s why=%s", i->full_name,
		    "on(:reload) takes long: clients are served meanwhile");
		step_due(i);
		break;
	}
}

/* ---- what others say ---- */

void
inst_reload_quiet(struct instance *i)
{
	const struct reload *r = i->reload;

	if (r != NULL && (r->phase == PHASE_DRAIN || r->phase == PHASE_EXPIRE))
		step_due(i);
}

bool
inst_reload_lost(struct instance *i, struct script *s, const char *why)
{
	struct reload *r = i->reload;

	if (r == NULL || r->phase <= PHASE_WAIT ||
	    (r->phase == PHASE_TAKEOVER && s == i->script))
		return false;
	log_error("instance.reload", "inst=%s script=%s why=%s", i->full_name,
	    s == i->script ? "old" : "next", why);
	if (s == i->script) {
		i->stats.overruns++;
		r->is_lost = true;
	} else {
		r->is_next_lost = true;
	}
	if (s == i->script || r->phase < PHASE_HANDOVER)
		step_due(i);
	return true;
}

void
inst_reload_started(struct instance *i)
{
	if (i->reload == NULL || i->reload->phase != PHASE_WAIT)
		return;
	if (i->state == INSTANCE_NEW) /* maybe that code was still the old */
		i->not_before_ms = 0;
	step_due(i);
}

void
inst_reload_abort(struct instance *i, const char *why)
{
	struct reload *r = i->reload;
	bool is_old;

	if (r == NULL || r->phase == PHASE_NONE)
		return;
	is_old = r->phase >= PHASE_DRAIN && r->phase < PHASE_TAKEOVER;
	r->again = false;
	if (is_old && i->script != NULL && !r->is_lost) {
		i->depth++;
		ops(i)->drain(i->script, false);
		i->depth--;
	}
	over(i, RELOAD_STOPPED, why);
	answer(i, RELOAD_STOPPED, why, false);
}

void
inst_reload_gone(struct instance *i)
{
	if (i->reload != NULL)
		answer(i, RELOAD_STOPPED, "", true);
}

bool
inst_reload_is_running(const struct instance *i)
{
	return i->reload != NULL && i->reload->phase != PHASE_NONE;
}

bool
inst_reload_is_held(const struct instance *i)
{
	return i->is_held;
}

void
inst_reload_each_client(
    struct instance *i, void (*fn)(void *arg, struct client *), void *arg)
{
	struct client *c, *next;

	DL_FOREACH_SAFE(i->clients, c, next)
		if (!c->waiting)
			fn(arg, c);
}

/* ---- asking for one ---- */

static struct reload *
reload_of(struct instance *i)
{
	struct reload *r = i->reload;

	if (r != NULL)
		return r;
	if ((r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->task.fn = on_task;
	r->task.arg = i;
	r->timer = timer_new(i->loop, on_timer, i);
	if (r->timer == NULL) {
		free(r);
		return NULL;
	}
	i->reload = r;
	return r;
}

static struct waiter *
waiter_new(struct instance *i, inst_reload_fn fn, void *arg)
{
	struct reload *r = reload_of(i);
	struct waiter *w = r == NULL ? NULL : calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->fn = fn;
	w->arg = arg;
	DL_APPEND(r->waiters, w);
	return w;
}

void
inst_reload(struct instance *i, bool full, inst_reload_fn fn, void *arg)
{
	struct inst_reload_result res = { .end = RELOAD_KEPT,
		.why = "out of memory" };
	struct waiter *w = waiter_new(i, fn, arg);
	struct reload *r = i->reload;

	if (w == NULL) {
		fn(arg, &res);
		return;
	}
	if (full) {
		w->full = true;
		instance_stop(i, "reload");
		return;
	}
	switch (i->state) {
	case INSTANCE_RUNNING:
	case INSTANCE_STARTING:
		if (r->phase > PHASE_WAIT) {
			w->late = r->again = true;
			break;
		}
		r->phase = PHASE_WAIT;
		step_due(i);
		break;
	case INSTANCE_DISABLED:
	case INSTANCE_NEW:
		instance_enable(i, "reload");
		i->failures = 0;
		i->not_before_ms = 0;
		answer(i, RELOAD_IDLE, "", false);
		break;
	case INSTANCE_STOPPING:
	case INSTANCE_LOST:
	case INSTANCE_GONE:
		answer(i, RELOAD_IDLE, "", false);
		break;
	}
}

void
inst_reload_fini(struct instance *i)
{
	struct reload *r = i->reload;

	if (r == NULL)
		return;
	answer(i, RELOAD_STOPPED, "", true);
	close_script(i, r->next);
	loop_cancel(i->loop, LOOP_WORK, &r->task);
	timer_free(r->timer);
	drop_state(r);
	free(r);
	i->reload = NULL;
}
