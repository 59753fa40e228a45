/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of a script, its limits, and the way its answers take back to core.
 */
#include "script/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "codec/status.h"
#include "core/inst_reload.h"
#include "script/bind.h"
#include "script/engine_int.h"
#include "script/engine_status.h"
#include "script/vmload.h"
#include "script/vmprobe.h"
#include "script/vmtimer.h"

#define WORK_PER_TURN    64    /* then the network has its turn */
#define LOW_MEMORY_PAUSE 60000 /* ms between two warnings */
#define LOOK_PAUSE       1000  /* ms between two collections for one */
#define IDLE_MS          2000  /* without an entry, then the heap is cleaned */
#define IDLE_BYTES       (4u << 20)  /* a larger one would take too long */
#define IDLE_GARBAGE     (64u << 10) /* less is not worth it */
/* for a collection of the whole heap, and more for each MiB of it */
#define COLLECT_MS      500
#define COLLECT_MS_MIB  20
#define ASKS_MAX        1000000
#define ANSWER_MEM_KEPT 4096 /* bytes, between two entries */

static void destroy(struct script *);

/* ---- leaving the VM ---- */

void
engine_settle(struct script *s, uint64_t ticket, const struct script_answer *a)
{
	struct engine_ask *q = idmap_del(s->asks, ticket), copy;

	if (q == NULL)
		return;
	copy = *q;
	free(q);
	if (copy.answer != NULL)
		copy.answer(s->inst, copy.owner, copy.extra, a);
	else if (copy.done != NULL)
		copy.done(s->inst, a->verdict == SCRIPT_OK);
}

/* What was large once is not kept: there may be a thousand scripts. */
static void
reset_answers(struct vm *vm)
{
	struct arena *fresh;

	if (arena_get_mem(vm->answer_mem) > ANSWER_MEM_KEPT &&
	    (fresh = arena_new(0)) != NULL) {
		arena_free(vm->answer_mem);
		vm->answer_mem = fresh;
	}
	arena_reset(vm->answer_mem);
}

static void
deliver(struct script *s)
{
	struct vm *vm = s->vm;
	struct vm_answer *list = vm->answers, *a;
	struct script_answer out;

	if (list == NULL)
		return;
	/* The list is ours now: an answer may lead into this very VM. */
	vm->answers = NULL;
	vm->answers_tail = &vm->answers;
	vm->delivering++;
	while ((a = list) != NULL) {
		list = a->next;
		memset(&out, 0, sizeof(out));
		out.verdict = a->verdict;
		out.text = a->text;
		out.value = a->value;
		out.replace = a->replace;
		out.start = a->start;
		engine_settle(s, a->ticket, &out);
	}
	if (--vm->delivering > 0)
		return;
	if (vm->close_after)
		vm_close(vm);
	else if (vm->answers == NULL)
		reset_answers(vm);
}

/* The VM passed a limit: it is gone, and so is everything that waited. */
static void
lost(struct script *s, const char *why, uint64_t busy_us)
{
	struct script_answer out;
	struct vm *vm = s->vm;
	uint64_t ticket;

	s->stats.memory_peak = vmarena_peak(vm->mem);
	s->stats.errors += vm->errors;
	s->vm = NULL;
	bind_sharedobj_abandon(vm);
	if (vm->delivering > 0)
		vm->close_after = true;
	else
		vm_close(vm);
	log_error("script.lost", "inst=%s us=%llu why=%s",
	    instance_full_name(s->inst), (unsigned long long)busy_us, why);
	memset(&out, 0, sizeof(out));
	out.verdict = SCRIPT_LOST;
	out.text = why;
	/* First the instance, so that no answer makes it go on. */
	if (!inst_reload_lost(s->inst, s, why))
		instance_script_lost(s->inst, why);
	while (idmap_next(s->asks, 0, &ticket) != NULL)
		engine_settle(s, ticket, &out);
}

static void
schedule(struct script *s)
{
	if (s->queued || s->closing || s->vm == NULL || !s->vm->has_work)
		return;
	s->queued = true;
	loop_at_end(instance_loop(s->inst), LOOP_WORK, &s->task);
}

static uint32_t
collect_ms(const struct vm *vm)
{
	return COLLECT_MS +
	       (uint32_t)(vmarena_used(vm->mem) >> 20) * COLLECT_MS_MIB;
}

/* Whether the script is still there afterwards. */
static bool
collect(struct script *s)
{
	struct engine_call c;

	memset(&c, 0, sizeof(c));
	return engine_enter(s, collect_ms(s->vm), "collecting",
		   engine_call_collect, &c) == FCS_OK &&
	       s->vm != NULL;
}

/* At 80 % of the memory after a collection: on(:status), once a minute. */
static void
check_memory(struct script *s, size_t cap)
{
	int64_t now = clock_ms();
	size_t used;

	if ((s->warned_ms != 0 && now - s->warned_ms < LOW_MEMORY_PAUSE) ||
	    (s->looked_ms != 0 && now - s->looked_ms < LOOK_PAUSE))
		return;
	s->looked_ms = now;
	if (!collect(s))
		return;
	used = vmarena_used(s->vm->mem);
	if (used < cap / 5 * 4)
		return;
	s->warned_ms = now;
	log_warn("script.memory", "inst=%s used=%zu of=%zu",
	    instance_full_name(s->inst), used, cap);
	engine_status_send(
	    s->inst, STATUS_APP_LOWMEMORY, "80 % of script.memory in use");
}

/* More than half of its time: the script is warned. */
static void
check_time(struct script *s, uint64_t busy_us, uint32_t ms, const char *what,
    void (*fn)(struct vm *, void *), const struct engine_call *c)
{
	char callback[160];

	if (fn == engine_call_event && c->kind == SCRIPT_STATUS)
		return; /* it would hear of itself for ever */
	engine_status_callback(fn, c, what, callback, sizeof(callback));
	engine_status_busy(s->inst, &s->slow_ms, busy_us, ms, callback);
}

/* An entry of its own at the end of many: what they left is collected while
 * nobody waits, and memory goes back to the system. */
static void
clean(struct script *s)
{
	if (!collect(s))
		return;
	s->clean = vmarena_used(s->vm->mem);
	vmarena_trim(s->vm->mem);
}

static void
on_idle(void *arg)
{
	struct script *s = arg;
	size_t used;

	s->is_idle_set = s->vm != NULL && s->entries != s->entries_seen;
	s->entries_seen = s->entries;
	if (s->is_idle_set) {
		timer_set(s->idle, IDLE_MS);
		return;
	}
	if (s->vm == NULL || s->closing)
		return;
	used = vmarena_used(s->vm->mem);
	if (used > IDLE_BYTES || used < s->clean + IDLE_GARBAGE)
		return;
	s->depth++;
	clean(s);
	engine_leave(s);
}

/* One timer for many entries: it is set once and looks when it rings. */
static void
note_entry(struct script *s)
{
	s->entries++;
	if (s->is_idle_set)
		return;
	s->is_idle_set = true;
	timer_set(s->idle, IDLE_MS);
}

int
engine_enter(struct script *s, uint32_t ms, const char *what,
    void (*fn)(struct vm *, void *), struct engine_call *c)
{
	size_t cap = s->vm->cap;
	uint64_t busy_us;
	struct err why;
	int rc;

	err_clear(&why);
	s->depth++;
	if (fn != engine_call_collect)
		note_entry(s);
	instance_script_enter(s->inst);
	rc = vm_run(s->vm, ms, what, fn, c, &why);
	instance_script_leave(s->inst);
	busy_us = vmguard_busy_us();
	s->stats.busy_us += busy_us;
	if (rc == FCS_ESCRIPT) {
		s->stats.errors++;
		log_error("script.error", "inst=%s in=%s error=%s",
		    instance_full_name(s->inst), what, why.text);
	}
	deliver(s);
	if (rc == FCS_EKILLED && s->vm != NULL)
		lost(s, why.text, busy_us);
	if (s->vm != NULL && fn != engine_call_collect) {
		if (busy_us > (uint64_t)ms * 500)
			check_time(s, busy_us, ms, what, fn, c);
		if (vmarena_used(s->vm->mem) > cap / 5 * 4)
			check_memory(s, cap);
	}
	schedule(s);
	engine_leave(s);
	return rc;
}

/* ---- work, timers ---- */

static void
run_work(void *arg)
{
	struct script *s = arg;
	struct engine_call c;
	int i;

	s->depth++;
	for (i = 0; i < WORK_PER_TURN && s->vm != NULL && s->vm->has_work;
	     i++) {
		memset(&c, 0, sizeof(c));
		s->vm->has_work = false;
		if (engine_enter(s, s->vm->time_ms, "deferred work",
			engine_call_work, &c) == FCS_OK &&
		    s->vm != NULL && c.more)
			s->vm->has_work = true;
	}
	if (s->vm != NULL && s->vm->gc_wanted && !s->vm->has_work) {
		s->vm->gc_wanted = false;
		(void)collect(s);
	}
	s->queued = false;
	if (s->vm != NULL && s->vm->has_work && !s->closing) {
		s->queued = true;
		timer_set(s->more, 0);
	}
	engine_leave(s);
}

static void
on_timer(struct vm *vm, uint64_t id)
{
	struct script *s = vm->owner;
	struct engine_call c;

	memset(&c, 0, sizeof(c));
	c.id = id;
	(void)engine_enter(s, vm->time_ms, "timer", engine_call_tick, &c);
}

/* ---- the table ---- */

static void
destroy(struct script *s)
{
	struct engine_ask *q;
	uint64_t ticket;

	loop_cancel(instance_loop(s->inst), LOOP_WORK, &s->task);
	timer_free(s->more);
	timer_free(s->idle);
	while (s->asks != NULL && (q = idmap_next(s->asks, 0, &ticket))) {
		(void)idmap_del(s->asks, ticket);
		free(q);
	}
	idmap_free(s->asks);
	if (s->vm != NULL)
		bind_sharedobj_abandon(s->vm);
	vm_close(s->vm);
	free(s);
}

void
engine_leave(struct script *s)
{
	if (--s->depth > 0)
		return;
	if (s->closing)
		destroy(s);
	else if (s->draining && !engine_reload_busy(s))
		inst_reload_quiet(s->inst);
}

static void
op_close(struct script *s)
{
	if (s == NULL)
		return;
	s->closing = true;
	if (s->depth == 0)
		destroy(s);
}

static int
op_open(struct instance *inst, const struct script_options *o,
    struct script **out, struct err *why)
{
	struct script *s;
	char name[256];
	int rc;

	*out = NULL;
	rc = vmload_find(o->dir, o->app_name, name, sizeof(name));
	if (rc != FCS_OK)
		return rc;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return err_set(why, FCS_ENOMEM, "no memory for a script");
	s->inst = inst;
	s->task.fn = run_work;
	s->task.arg = s;
	s->more = timer_new(instance_loop(inst), run_work, s);
	s->idle = timer_new(instance_loop(inst), on_idle, s);
	s->asks = idmap_new(ASKS_MAX);
	rc = s->more == NULL || s->idle == NULL || s->asks == NULL
		 ? err_set(why, FCS_ENOMEM, "no memory")
		 : vm_open(inst, o, &s->vm, why);
	if (rc == FCS_OK) {
		s->vm->owner = s;
		s->vm->on_timer = on_timer;
		if (application_env(instance_app(inst))->probe != NULL)
			rc = vm_run(s->vm, o->start_ms, "the probe",
			    vmprobe_load, NULL, why);
	}
	if (rc == FCS_OK) {
		rc = vmload_main(s->vm, name, why);
	}
	/* of what compiling left, which is more than what it made */
	if (rc == FCS_OK)
		rc = vm_run(s->vm, collect_ms(s->vm), "collecting",
		    engine_call_collect, NULL, why);
	if (rc == FCS_OK) {
		s->clean = vmarena_used(s->vm->mem);
		vmarena_trim(s->vm->mem);
		*out = s;
		schedule(s);
		return FCS_OK;
	}
	destroy(s);
	return rc == FCS_EKILLED ? FCS_ELIMIT : rc;
}

static const char *
event_text(enum script_event e)
{
	return e == SCRIPT_START  ? "on(:start)"
	       : e == SCRIPT_STOP ? "on(:stop)"
				  : "event";
}

struct engine_ask *
engine_ask_new(struct script *s, uint64_t *ticket)
{
	struct engine_ask *q = calloc(1, sizeof(*q));

	if (q != NULL && idmap_add(s->asks, q, ticket) == FCS_OK)
		return q;
	free(q);
	return NULL;
}

static void
op_event_done(struct script *s, enum script_event event,
    const struct script_args *args, void (*done)(struct instance *, bool ok))
{
	struct engine_call c;
	struct engine_ask *q = NULL;
	bool always = event == SCRIPT_START || event == SCRIPT_ACCEPTED ||
		      event == SCRIPT_DISCONNECT || event == SCRIPT_GONE ||
		      event == SCRIPT_PEER;

	if (s->vm == NULL || (!always && !s->vm->decl.event[event])) {
		if (done != NULL)
			done(s->inst, s->vm != NULL);
		return;
	}
	memset(&c, 0, sizeof(c));
	if (done != NULL) {
		q = engine_ask_new(s, &c.ticket);
		if (q == NULL) {
			done(s->inst, false);
			return;
		}
		q->done = done;
	}
	c.args = args;
	c.kind = event;
	s->stats.calls++;
	s->depth++; /* s is looked at below */
	if (engine_enter(s,
		event == SCRIPT_START ? s->vm->start_ms : s->vm->time_ms,
		event_text(event), engine_call_event, &c) == FCS_ESCRIPT ||
	    c.bad[0] != '\0') {
		struct script_answer a;

		if (c.bad[0] != '\0')
			log_warn("script.event", "inst=%s event=%s why=%s",
			    instance_full_name(s->inst), event_text(event),
			    c.bad);
		memset(&a, 0, sizeof(a));
		a.verdict = SCRIPT_FAILED;
		engine_settle(s, c.ticket, &a);
	}
	engine_leave(s);
}

static void
op_event(
    struct script *s, enum script_event event, const struct script_args *args)
{
	op_event_done(s, event, args, NULL);
}

static void
op_ask(struct script *s, enum script_question question,
    const struct script_args *args, script_answer_fn answer, uint64_t owner,
    uint64_t extra)
{
	struct engine_call c;
	struct script_answer a;
	struct engine_ask *q;
	int rc;

	memset(&a, 0, sizeof(a));
	a.verdict = SCRIPT_LOST;
	memset(&c, 0, sizeof(c));
	if (s->vm == NULL || (q = engine_ask_new(s, &c.ticket)) == NULL) {
		answer(s->inst, owner, extra, &a);
		return;
	}
	q->answer = answer;
	q->owner = owner;
	q->extra = extra;
	c.args = args;
	c.kind = question;
	s->stats.calls++;
	s->depth++;
	rc = engine_enter(s, s->vm->time_ms,
	    question == SCRIPT_CALL && args->name != NULL ? args->name
							  : "question",
	    question == SCRIPT_CALL    ? engine_call_call
	    : question == SCRIPT_PROBE ? engine_call_probe
				       : engine_call_ask,
	    &c);
	if (c.bad[0] != '\0') {
		a.verdict = SCRIPT_REJECT;
		a.text = c.bad;
		engine_settle(s, c.ticket, &a);
	} else if (rc == FCS_ESCRIPT) {
		a.verdict = SCRIPT_FAILED;
		a.text = "Script error";
		engine_settle(s, c.ticket, &a);
	}
	engine_leave(s);
}

/* Calls the server answers itself: on(:missing) does not hear of them. */
static bool
is_built_in(const char *name)
{
	static const char *const names[] = { "getStreamLength",
		"checkBandwidth", "_checkbw", "releaseStream", "FCPublish",
		"FCUnpublish", "FCSubscribe", "FCUnsubscribe" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool
op_asks(struct script *s, enum script_question question, const char *name)
{
	struct engine_call c;

	if (s->vm == NULL)
		return false;
	if (question == SCRIPT_CONNECT) /* it keeps the arguments of connect */
		return true;
	if (question != SCRIPT_CALL)
		return vmdecl_asks(&s->vm->decl, question, name);
	if (name == NULL || (s->vm->decl.missing && !is_built_in(name)))
		return true;
	memset(&c, 0, sizeof(c));
	c.name = name;
	return engine_enter(s, s->vm->time_ms, "question", engine_call_exposed,
		   &c) == FCS_OK &&
	       c.more;
}

static int
op_guard(struct script *s, const char *client, const char *object,
    const char *slot, size_t slot_len, const uint8_t *value, size_t len,
    struct script_guard *out)
{
	struct engine_call c;
	struct script_args args;
	int rc;

	memset(out, 0, sizeof(*out));
	if (s->vm == NULL) {
		snprintf(out->why, sizeof(out->why), "the script is gone");
		return FCS_OK;
	}
	memset(&c, 0, sizeof(c));
	memset(&args, 0, sizeof(args));
	args.client = client;
	c.args = &args;
	c.name = object;
	c.slot = slot;
	c.slot_len = slot_len;
	c.packed = value;
	c.packed_len = len;
	c.verdict = out;
	s->stats.calls++;
	rc = engine_enter(s, s->vm->time_ms, "guard", engine_call_guard, &c);
	if (rc != FCS_OK) {
		out->allowed = out->replaced = false;
		snprintf(out->why, sizeof(out->why), "%s",
		    rc == FCS_EKILLED ? "the script is gone" : "Script error");
	}
	return FCS_OK;
}

static bool
op_shared(struct script *s, const char *object, struct script_shared *out)
{
	const struct script_shared *d;

	if (s->vm == NULL)
		return false;
	d = vmdecl_shared(&s->vm->decl, object);
	if (d == NULL)
		return false;
	*out = *d;
	out->guarded = d->guarded ||
		       vmdecl_asks(&s->vm->decl, SCRIPT_QUESTION_COUNT, object);
	return true;
}

static void
op_resolve(struct script *s, uint64_t pending, bool ok,
    const struct value *value, const char *error)
{
	struct engine_call c;

	if (s->vm == NULL)
		return;
	memset(&c, 0, sizeof(c));
	c.id = pending;
	c.ok = ok;
	c.value = value;
	c.error = error;
	(void)engine_enter(s, s->vm->time_ms, "then", engine_call_resolve, &c);
}

static void
op_stats(struct script *s, struct script_stats *out)
{
	*out = s->stats;
	if (s->vm == NULL)
		return;
	out->memory = vmarena_used(s->vm->mem);
	out->memory_peak = vmarena_peak(s->vm->mem);
	out->parked = s->vm->parked;
	out->symbols = s->vm->mrb->symidx;
	out->errors = s->stats.errors + s->vm->errors;
}

const struct script_ops engine_ops = {
	.open = op_open,
	.close = op_close,
	.event = op_event,
	.event_done = op_event_done,
	.ask = op_ask,
	.asks = op_asks,
	.guard = op_guard,
	.shared = op_shared,
	.resolve = op_resolve,
	.stats = op_stats,
	.drain = engine_reload_drain,
	.busy = engine_reload_busy,
	.expire = engine_reload_expire,
	.hand_over = engine_reload_hand_over,
	.take_over = engine_reload_take_over,
	.refresh = engine_reload_refresh,
	.console = engine_console,
	.stamp = vmload_stamp,
};
