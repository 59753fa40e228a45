/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One script takes over from another: what the old VM says about its clients
 * travels as packed values, everything else is core's and stays where it is.
 * The half in Ruby is mrblib/38_handover.rb. The order is inst_reload.h's.
 */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/hash.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/inst_reload.h"
#include "script/bind.h"
#include "script/conv.h"
#include "script/engine_int.h"
#include "script/vmwait.h"

#define CLIENT_ARENA (16u << 20)

/* A client on its way; owned here, never by a VM. */
struct kept {
	struct kept *next;
	uint8_t *packed; /* what the old VM keeps of it; NULL: nothing */
	size_t len;
	char id[];
};

struct passing {
	struct kept *list, **tail;
	bool oom;
};

struct crossing { /* an entry into a VM about one client */
	struct engine_call call;
	struct kept *kept;
	const char *why;
};

/* ---- the old one ends ---- */

static void
core_body(struct vm *vm, void *arg)
{
	const struct engine_call *c = arg;

	mrb_funcall(vm->mrb, vm->core, c->name, 0);
}

/* A method of Core without arguments or result. */
static void
run_core(struct script *s, const char *method, uint32_t ms, const char *what)
{
	struct engine_call c = { .name = method };

	(void)engine_enter(s, ms, what, core_body, &c);
}

void
engine_reload_drain(struct script *s, bool on)
{
	s->draining = on;
	if (on && s->vm != NULL)
		run_core(s, "drain", s->vm->time_ms, "reload");
	/* off: the stop event lets handlers wait again */
}

bool
engine_reload_busy(struct script *s)
{
	return s->vm != NULL &&
	       (s->vm->parked > 0 || s->vm->has_work || s->queued);
}

void
engine_reload_expire(struct script *s)
{
	if (s->vm != NULL)
		run_core(s, "expire", s->vm->time_ms, "reload");
}

static void
hand_over_body(struct vm *vm, void *arg)
{
	const struct engine_call *c = arg;

	mrb_funcall_id(vm->mrb, vm->core, mrb_intern_lit(vm->mrb, "handover"),
	    1, mrb_int_value(vm->mrb, (mrb_int)c->ticket));
}

void
engine_reload_hand_over(
    struct script *s, script_answer_fn answer, uint64_t owner, uint64_t extra)
{
	struct script_answer failed = { .verdict = SCRIPT_FAILED };
	struct engine_ask *q = NULL;
	struct engine_call c;

	memset(&c, 0, sizeof(c));
	if (s->vm != NULL)
		q = engine_ask_new(s, &c.ticket);
	if (q == NULL) {
		answer(s->inst, owner, extra, &failed);
		return;
	}
	q->answer = answer;
	q->owner = owner;
	q->extra = extra;
	s->depth++;
	if (engine_enter(s, s->vm->start_ms, "on(:handover)", hand_over_body,
		&c) == FCS_ESCRIPT)
		engine_settle(s, c.ticket, &failed);
	engine_leave(s);
}

/* ---- clients ---- */

static void
note(void *arg, struct client *c)
{
	struct passing *p = arg;
	size_t len = strlen(client_id(c)) + 1;
	struct kept *k = calloc(1, sizeof(*k) + len);

	if (k == NULL) {
		p->oom = true;
		return;
	}
	memcpy(k->id, client_id(c), len);
	*p->tail = k;
	p->tail = &k->next;
}

static void
keep_body(struct vm *vm, void *arg)
{
	struct crossing *x = arg;
	struct kept *k = x->kept;
	mrb_value v;
	int rc;

	v = mrb_funcall_id(vm->mrb, vm->core, mrb_intern_lit(vm->mrb, "keep"),
	    1, vm_text(vm->mrb, k->id));
	if (mrb_nil_p(v))
		return;
	vmguard_native_begin();
	rc = conv_pack(vm, v, &x->why);
	if (rc == FCS_OK)
		k->packed = malloc(buf_len(&vm->out) + 1);
	if (k->packed != NULL) {
		k->len = buf_len(&vm->out);
		memcpy(k->packed, buf_data(&vm->out), k->len);
		x->why = NULL;
	}
	vmguard_native_end();
}

static void
keep(struct script *old, struct kept *k)
{
	struct crossing x;

	memset(&x, 0, sizeof(x));
	x.kept = k;
	(void)engine_enter(
	    old, old->vm->start_ms, "handing over", keep_body, &x.call);
	if (x.why != NULL)
		log_warn("instance.reload", "inst=%s cid=%s why=%s",
		    instance_full_name(old->inst), k->id, x.why);
}

/* undef becomes nil: what has no form here is left behind. */
static mrb_value
value_of(struct vm *vm, const struct value *v, struct crossing *x)
{
	mrb_value out;

	if (v == NULL)
		return mrb_nil_value();
	out = conv_to_ruby(vm, v, false, &x->why);
	return mrb_undef_p(out) ? mrb_nil_value() : out;
}

static void
adopt_body(struct vm *vm, void *arg)
{
	struct crossing *x = arg;
	const struct script_args *a = x->call.args;
	mrb_value id = vm_text(vm->mrb, a->client);
	mrb_value kept = value_of(vm, a->values[0], x);

	mrb_funcall_id(vm->mrb, vm->core, mrb_intern_lit(vm->mrb, "adopt"), 3,
	    id, kept, value_of(vm, a->values[1], x));
}

struct attributes {
	struct arena *arena;
	struct value *all;
};

static void
add_attribute(void *arg, const char *key, size_t key_len, const uint8_t *packed,
    size_t len)
{
	struct attributes *at = arg;
	const char *name = arena_strndup(at->arena, key, key_len);
	const uint8_t *bytes = arena_memdup(at->arena, packed, len);
	struct value *v = NULL;

	if (name != NULL && bytes != NULL &&
	    value_unpack(at->arena, bytes, len, &v) == FCS_OK)
		fcs_ignore(value_set(at->arena, at->all, name, v));
}

/* By what the old VM said, else by the copies core has. */
static void
adopt(struct script *s, const struct kept *k)
{
	struct attributes at = { arena_new(CLIENT_ARENA), NULL };
	struct client *c = instance_client(s->inst, k->id);
	struct value *values[2] = { NULL, NULL };
	struct script_args args;
	struct crossing x;

	memset(&x, 0, sizeof(x));
	memset(&args, 0, sizeof(args));
	if (at.arena != NULL && k->packed != NULL &&
	    value_unpack(at.arena, k->packed, k->len, &values[0]) != FCS_OK)
		values[0] = NULL;
	if (at.arena != NULL && values[0] == NULL && c != NULL)
		values[1] = at.all = value_new(at.arena, VALUE_OBJECT);
	if (at.all != NULL)
		client_each_attr(c, add_attribute, &at);
	args.client = k->id;
	args.values = values;
	args.count = 2;
	x.call.args = &args;
	(void)engine_enter(
	    s, s->vm->start_ms, "taking over", adopt_body, &x.call);
	if (x.why != NULL)
		log_warn("instance.reload", "inst=%s cid=%s why=%s",
		    instance_full_name(s->inst), k->id, x.why);
	arena_free(at.arena);
}

/* ---- the new one begins ---- */

/* What nobody will answer any more. Events are not waited for: core knows that
 * the old script ends. */
static void
answer_rest(struct script *old)
{
	struct script_answer a = { .verdict = SCRIPT_FAILED,
		.text = "the application was reloaded" };
	struct engine_ask *q;
	uint64_t ticket;

	while ((q = idmap_next(old->asks, 0, &ticket)) != NULL) {
		q->done = NULL;
		engine_settle(old, ticket, &a);
	}
}

static void
inherit(struct script *s, struct script *old)
{
	s->stats.calls += old->stats.calls;
	s->stats.errors += old->stats.errors;
	s->stats.busy_us += old->stats.busy_us;
	if (old->vm == NULL)
		return;
	s->vm->errors += old->vm->errors;
	s->vm->opened_us = old->vm->opened_us; /* uptime is the instance's */
	bind_sharedobj_inherit(s->vm, old->vm);
}

static void
begin_body(struct vm *vm, void *arg)
{
	struct engine_call *c = arg;
	mrb_value state = mrb_nil_value();
	const char *why = NULL;

	if (c->value != NULL)
		state = conv_to_ruby(vm, c->value, false, &why);
	if (mrb_undef_p(state))
		state = mrb_nil_value();
	mrb_funcall_id(vm->mrb, vm->core, mrb_intern_lit(vm->mrb, "take_over"),
	    3, mrb_int_value(vm->mrb, (mrb_int)c->ticket), state,
	    mrb_bool_value(c->more));
}

static void
begin(struct script *s, const struct value *state, bool is_first,
    void (*done)(struct instance *, bool ok))
{
	struct script_answer failed = { .verdict = SCRIPT_FAILED };
	struct engine_ask *q = NULL;
	struct engine_call c;

	memset(&c, 0, sizeof(c));
	if (s->vm != NULL)
		q = engine_ask_new(s, &c.ticket);
	if (q == NULL) {
		done(s->inst, false);
		return;
	}
	q->done = done;
	c.value = state;
	c.more = is_first;
	if (engine_enter(s, s->vm->start_ms, "on(:reload)", begin_body, &c) ==
	    FCS_ESCRIPT)
		engine_settle(s, c.ticket, &failed);
}

void
engine_reload_take_over(struct script *s, struct script *old,
    const struct value *state, void (*done)(struct instance *, bool ok))
{
	struct passing p = { NULL, &p.list, false };
	struct kept *k;

	s->depth++;
	inst_reload_each_client(s->inst, note, &p);
	if (old != NULL) {
		old->depth++;
		for (k = p.list; k != NULL && old->vm != NULL; k = k->next)
			keep(old, k);
		if (s->vm != NULL)
			inherit(s, old);
		answer_rest(old);
		engine_leave(old);
	}
	while ((k = p.list) != NULL) {
		p.list = k->next;
		if (s->vm != NULL)
			adopt(s, k);
		free(k->packed);
		free(k);
	}
	if (p.oom)
		log_error("instance.reload", "inst=%s why=%s",
		    instance_full_name(s->inst), "out of memory");
	begin(s, state, old == NULL, done);
	if (s->vm != NULL)
		vmwait_take_over(s->vm);
	engine_leave(s);
}

void
engine_reload_refresh(struct script *s)
{
	if (s->vm != NULL)
		run_core(s, "refresh", s->vm->start_ms, "presence");
}
