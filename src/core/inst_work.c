/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inst_work - the only way from core into a script.
 *
 * The VM must not be entered while it runs: a binding that closes a client
 * would otherwise start on(:disconnect) in the middle of another handler. So
 * events always go through a queue that the end of the turn works off, and
 * questions go straight in only when nothing is queued and the script is not
 * on the stack. Order of arrival is kept either way.
 *
 * Each question is an entry of `asks`: an answer that comes twice, late, or
 * after the script was lost finds no entry and is ignored.
 */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/log.h"
#include "core/instance_int.h"

#define DECIDE_MS 10000 /* a decision pending longer is refused */
#define ASKS_MAX  1000000
#define ARGS_MAX  (64u << 20) /* bytes of one queued piece of work */

/* ---- copies ---- */

static const char *
copy_text(struct arena *a, const char *s, bool *bad)
{
	const char *c;

	if (s == NULL)
		return NULL;
	c = arena_strndup(a, s, strlen(s));
	if (c == NULL)
		*bad = true;
	return c;
}

/* Values are copied through their stored form. */
static struct value *
copy_value(struct arena *a, const struct value *v, bool *bad)
{
	struct value *out = NULL;
	const uint8_t *bytes;
	struct buf b;

	if (v == NULL)
		return NULL;
	buf_init(&b, 0);
	if (value_pack(&b, v) != FCS_OK)
		*bad = true;
	/* texts of the copy may point into the packed bytes */
	bytes = *bad ? NULL : arena_memdup(a, buf_data(&b), buf_len(&b));
	if (bytes == NULL ||
	    value_unpack(a, bytes, buf_len(&b), &out) != FCS_OK)
		*bad = true;
	buf_fini(&b);
	return out;
}

static void
copy_changes(struct arena *a, struct script_args *to, bool *bad)
{
	struct script_change *v;
	uint32_t i;

	if (to->change_count == 0)
		return;
	v = arena_array(a, to->change_count, sizeof(*v));
	if (v == NULL) {
		*bad = true;
		return;
	}
	for (i = 0; i < to->change_count; i++) {
		v[i] = to->changes[i];
		v[i].slot.ptr = arena_strndup(a, v[i].slot.ptr, v[i].slot.len);
		if (v[i].slot.ptr == NULL)
			*bad = true;
		v[i].user = copy_text(a, v[i].user, bad);
		v[i].client = copy_text(a, v[i].client, bad);
		if (v[i].value != NULL && (v[i].value = arena_memdup(a,
					       v[i].value, v[i].len)) == NULL)
			*bad = true;
		if (v[i].old != NULL && (v[i].old = arena_memdup(a, v[i].old,
					     v[i].old_len)) == NULL)
			*bad = true;
	}
	to->changes = v;
}

static bool
copy_args(struct work *w, const struct script_args *from)
{
	struct script_args *to = &w->args;
	struct arena *a = w->arena;
	struct value **v;
	bool bad = false;
	uint32_t i;

	if (from == NULL)
		return true;
	*to = *from;
	to->client = copy_text(a, from->client, &bad);
	to->name = copy_text(a, from->name, &bad);
	to->text = copy_text(a, from->text, &bad);
	to->mode = copy_text(a, from->mode, &bad);
	if (from->count > 0) {
		v = arena_array(a, from->count, sizeof(*v));
		if (v == NULL)
			return false;
		for (i = 0; i < from->count; i++)
			v[i] = copy_value(a, from->values[i], &bad);
		to->values = v;
	}
	copy_changes(a, to, &bad);
	return !bad;
}

/* ---- the queue ---- */

static struct work *
work_new(
    struct instance *i, enum work_kind kind, const struct script_args *args)
{
	struct work *w = calloc(1, sizeof(*w));

	if (w == NULL || (w->arena = arena_new(ARGS_MAX)) == NULL)
		goto fail;
	w->kind = kind;
	if (copy_args(w, args))
		return w;
	arena_free(w->arena);
fail:
	free(w);
	log_error(
	    "instance.work", "inst=%s why=%s", i->full_name, "out of memory");
	return NULL;
}

static void
work_add(struct instance *i, struct work *w)
{
	if (i->is_held && w->kind != WORK_RESOLVE) {
		DL_APPEND(i->kept, w);
		return;
	}
	DL_APPEND(i->work, w);
	loop_at_end(i->loop, LOOP_WORK, &i->work_task);
}

static void
work_free(struct work *w)
{
	arena_free(w->arena);
	free(w);
}

static const struct script_ops *
ops(const struct instance *i)
{
	return application_env(i->app)->script;
}

static bool
may_enter(const struct instance *i)
{
	return i->depth == 0 && i->work == NULL;
}

static void
free_client(struct instance *i, uint64_t number)
{
	struct client *c = idmap_get(i->numbers, number);

	if (c != NULL)
		instance_client_left(i, c);
}

static void on_answer(
    struct instance *, uint64_t, uint64_t, const struct script_answer *);
static void answer_now(struct instance *, script_answer_fn, uint64_t owner,
    uint64_t extra, enum script_verdict, const char *text);

/* A question that waited: would the script of now ask it? */
static bool
is_asked(struct instance *i, const struct work *w)
{
	return !w->is_checked ||
	       ops(i)->asks(i->script, w->question, w->args.name);
}

/* SCRIPT_QUESTION_COUNT: a line of the console. */
static void
put_question(struct instance *i, enum script_question question,
    const struct script_args *args, uint64_t id)
{
	if (question == SCRIPT_QUESTION_COUNT)
		ops(i)->console(i->script, args->text, strlen(args->text),
		    on_answer, id, 0);
	else
		ops(i)->ask(i->script, question, args, on_answer, id, 0);
}

static void
run(struct instance *i, struct work *w)
{
	if (i->script != NULL && i->state != INSTANCE_LOST) {
		i->depth++;
		switch (w->kind) {
		case WORK_EVENT:
			ops(i)->event(i->script, w->event, &w->args);
			break;
		case WORK_EVENT_DONE:
			ops(i)->event_done(
			    i->script, w->event, &w->args, w->done);
			break;
		case WORK_ASK:
			if (is_asked(i, w))
				put_question(i, w->question, &w->args, w->ask);
			else
				answer_now(i, on_answer, w->ask, 0,
				    w->dflt ? SCRIPT_OK : SCRIPT_REJECT, NULL);
			break;
		case WORK_RESOLVE:
			ops(i)->resolve(
			    i->script, w->pending, w->ok, w->value, w->error);
			break;
		}
		i->depth--;
	}
	if (w->last_of != 0)
		free_client(i, w->last_of);
}

static void
on_work(void *arg)
{
	struct instance *i = arg;
	struct work *w;

	while ((w = i->work) != NULL) {
		DL_DELETE(i->work, w);
		run(i, w);
		work_free(w);
	}
}

/* ---- events and results ---- */

void
inst_work_event(struct instance *i, enum script_event event,
    const struct script_args *args, uint64_t last_of)
{
	struct work *w = NULL;

	if (i->script != NULL && i->state != INSTANCE_LOST)
		w = work_new(i, WORK_EVENT, args);
	if (w == NULL) {
		if (last_of != 0)
			free_client(i, last_of);
		return;
	}
	w->event = event;
	w->last_of = last_of;
	work_add(i, w);
}

void
inst_work_event_done(struct instance *i, enum script_event event,
    const struct script_args *args, void (*done)(struct instance *, bool ok))
{
	struct work *w = work_new(i, WORK_EVENT_DONE, args);

	if (w == NULL) {
		done(i, false);
		return;
	}
	w->event = event;
	w->done = done;
	work_add(i, w);
}

void
inst_work_resolve(struct instance *i, uint64_t pending, bool ok,
    const struct value *value, const char *error)
{
	struct work *w;
	bool bad = false;

	if (i->script == NULL || i->state == INSTANCE_LOST)
		return;
	if (may_enter(i)) {
		i->depth++;
		ops(i)->resolve(i->script, pending, ok, value, error);
		i->depth--;
		return;
	}
	if ((w = work_new(i, WORK_RESOLVE, NULL)) == NULL)
		return;
	w->pending = pending;
	w->ok = ok;
	w->value = copy_value(w->arena, value, &bad);
	w->error = copy_text(w->arena, error, &bad);
	if (bad) {
		w->ok = false;
		w->value = NULL;
		w->error = "out of memory";
	}
	work_add(i, w);
}

/* ---- questions ---- */

static void
arm_decide(struct instance *i)
{
	uint64_t now = loop_now_ms(i->loop);

	if (i->deciding == NULL)
		timer_stop(i->decide_timer);
	else
		timer_set(i->decide_timer,
		    i->deciding->deadline_ms > now
			? (uint32_t)(i->deciding->deadline_ms - now)
			: 0);
}

static void
finish(struct instance *i, struct ask *q, const struct script_answer *answer)
{
	(void)idmap_del(i->asks, q->id);
	if (q->deadline_ms != 0)
		DL_DELETE(i->deciding, q);
	q->fn(i, q->owner, q->extra, answer);
	free(q);
}

static void
finish_with(struct instance *i, struct ask *q, enum script_verdict verdict,
    const char *text)
{
	struct script_answer answer;

	memset(&answer, 0, sizeof(answer));
	answer.verdict = verdict;
	answer.text = text;
	finish(i, q, &answer);
}

/* A verdict behind the commit barrier: what it allows would show what the
 * handler wrote. The answers to connect and to calls wait at their client. */
struct verdict {
	struct instance *inst;
	uint64_t ask;
	struct arena *arena; /* of the answer */
	struct script_answer answer;
};

static void
verdict_due(void *arg, int result)
{
	struct verdict *v = arg;
	struct ask *q = NULL;

	if (result != FCS_ECLOSED)
		q = idmap_get(v->inst->asks, v->ask);
	if (q != NULL && result == FCS_OK)
		finish(v->inst, q, &v->answer);
	else if (q != NULL)
		finish_with(v->inst, q, SCRIPT_FAILED,
		    "the change could not be stored");
	arena_free(v->arena);
	free(v);
}

static bool
hold_verdict(
    struct instance *i, struct ask *q, const struct script_answer *answer)
{
	struct verdict *v = calloc(1, sizeof(*v));
	bool bad = false;

	if (v == NULL || (v->arena = arena_new(ARGS_MAX)) == NULL)
		goto fail;
	v->inst = i;
	v->ask = q->id;
	v->answer = *answer;
	v->answer.text = copy_text(v->arena, answer->text, &bad);
	v->answer.replace = copy_text(v->arena, answer->replace, &bad);
	v->answer.value = copy_value(v->arena, answer->value, &bad);
	if (bad || instance_later(i, verdict_due, v) != FCS_OK)
		goto fail;
	DL_DELETE(i->deciding, q);
	q->deadline_ms = 0;
	q->is_answered = true;
	return true;
fail:
	if (v != NULL)
		arena_free(v->arena);
	free(v);
	return false;
}

static void
on_answer(struct instance *i, uint64_t id, uint64_t extra,
    const struct script_answer *answer)
{
	struct ask *q = idmap_get(i->asks, id);

	(void)extra;
	if (q == NULL || q->is_answered)
		return;
	if (q->deadline_ms == 0 || i->barrier == 0 ||
	    answer->verdict == SCRIPT_LOST)
		finish(i, q, answer);
	else if (!hold_verdict(i, q, answer))
		finish_with(i, q, SCRIPT_FAILED, "busy");
}

static void
on_decide_timer(void *arg)
{
	struct instance *i = arg;

	if (i->is_held) /* their time begins with the release */
		return;
	while (i->deciding != NULL &&
	       i->deciding->deadline_ms <= loop_now_ms(i->loop)) {
		log_warn("script.decision", "inst=%s why=%s", i->full_name,
		    "pending for more than 10 s: refused");
		finish_with(
		    i, i->deciding, SCRIPT_REJECT, "nobody decided in time");
	}
	arm_decide(i);
}

static void
answer_now(struct instance *i, script_answer_fn fn, uint64_t owner,
    uint64_t extra, enum script_verdict verdict, const char *text)
{
	struct script_answer answer;

	memset(&answer, 0, sizeof(answer));
	answer.verdict = verdict;
	answer.text = text;
	fn(i, owner, extra, &answer);
}

static void
ask(struct instance *i, enum script_question question,
    const struct script_args *args, bool decide, const bool *dflt,
    script_answer_fn fn, uint64_t owner, uint64_t extra)
{
	struct ask *q;
	struct work *w;

	if (i->script == NULL || i->state == INSTANCE_LOST) {
		answer_now(i, fn, owner, extra, SCRIPT_LOST, NULL);
		return;
	}
	q = calloc(1, sizeof(*q));
	if (q == NULL || idmap_add(i->asks, q, &q->id) != FCS_OK) {
		free(q);
		answer_now(i, fn, owner, extra, SCRIPT_FAILED, "busy");
		return;
	}
	q->fn = fn;
	q->owner = owner;
	q->extra = extra;
	if (decide) {
		q->deadline_ms = loop_now_ms(i->loop) + DECIDE_MS;
		DL_APPEND(i->deciding, q);
		if (i->deciding == q)
			arm_decide(i);
	}
	if (may_enter(i) && !i->is_held) {
		i->depth++;
		put_question(i, question, args, q->id);
		i->depth--;
		return;
	}
	if ((w = work_new(i, WORK_ASK, args)) == NULL) {
		finish_with(i, q, SCRIPT_FAILED, "busy");
		return;
	}
	w->question = question;
	w->ask = q->id;
	w->is_checked = dflt != NULL;
	w->dflt = dflt != NULL && *dflt;
	work_add(i, w);
}

void
inst_work_ask(struct instance *i, enum script_question question,
    const struct script_args *args, bool decide, script_answer_fn fn,
    uint64_t owner, uint64_t extra)
{
	ask(i, question, args, decide, NULL, fn, owner, extra);
}

void
inst_work_decide(struct instance *i, enum script_question question,
    const struct script_args *args, bool dflt, script_answer_fn fn,
    uint64_t owner, uint64_t extra)
{
	ask(i, question, args, true, &dflt, fn, owner, extra);
}

void
inst_work_hold(struct instance *i)
{
	i->is_held = true;
}

void
inst_work_release(struct instance *i)
{
	struct ask *q;

	if (!i->is_held)
		return;
	i->is_held = false;
	if (i->kept != NULL) {
		DL_CONCAT(i->work, i->kept);
		i->kept = NULL;
		loop_at_end(i->loop, LOOP_WORK, &i->work_task);
	}
	DL_FOREACH(i->deciding, q)
		q->deadline_ms = loop_now_ms(i->loop) + DECIDE_MS;
	arm_decide(i);
}

void
inst_work_abandon(struct instance *i)
{
	struct work *w;
	struct ask *q;
	uint64_t id;

	inst_work_release(i);

	while ((q = idmap_next(i->asks, 0, &id)) != NULL)
		finish_with(i, q, SCRIPT_LOST, NULL);
	while ((w = i->work) != NULL) {
		DL_DELETE(i->work, w);
		if (w->last_of != 0)
			free_client(i, w->last_of);
		work_free(w);
	}
	loop_cancel(i->loop, LOOP_WORK, &i->work_task);
	arm_decide(i);
}

int
inst_work_init(struct instance *i)
{
	i->work_task.fn = on_work;
	i->work_task.arg = i;
	i->asks = idmap_new(ASKS_MAX);
	i->calls = idmap_new(ASKS_MAX);
	i->decide_timer = timer_new(i->loop, on_decide_timer, i);
	return i->asks == NULL || i->calls == NULL || i->decide_timer == NULL
		   ? FCS_ENOMEM
		   : FCS_OK;
}

void
inst_work_fini(struct instance *i)
{
	struct work *w;
	struct ask *q;
	uint64_t id;
	void *call;

	loop_cancel(i->loop, LOOP_WORK, &i->work_task);
	if (i->kept != NULL)
		DL_CONCAT(i->work, i->kept);
	i->kept = NULL;
	while ((w = i->work) != NULL) {
		DL_DELETE(i->work, w);
		work_free(w);
	}
	while (i->asks != NULL && (q = idmap_next(i->asks, 0, &id)) != NULL) {
		(void)idmap_del(i->asks, id);
		free(q);
	}
	while (
	    i->calls != NULL && (call = idmap_next(i->calls, 0, &id)) != NULL) {
		(void)idmap_del(i->calls, id);
		free(call);
	}
	idmap_free(i->asks);
	idmap_free(i->calls);
	timer_free(i->decide_timer);
}
