/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls of Core (mrblib/3*.rb), arguments converted on the way in.
 * Everything here runs in the VM and may end by a jump: it owns nothing.
 */
#include <math.h>
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/hash.h>
#include <mruby/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/conv.h"
#include "script/engine_int.h"

#define CHANGE_FIELDS 7

/* An Array of the values, behind so many nil; undef (and c->bad) when one has
 * no form here. */
static mrb_value
list_of(struct vm *vm, struct engine_call *c, uint32_t room)
{
	const struct script_args *a = c->args;
	mrb_state *mrb = vm->mrb;
	mrb_value list =
		      mrb_ary_new_capa(mrb, (mrb_int)a->count + (mrb_int)room),
		  v;
	const char *why = NULL;
	int ai = mrb_gc_arena_save(mrb);
	bool is_ours = !vm->has_types; /* no from_amf of the script runs */
	uint32_t i, values = 0;

	for (i = 0; i < room; i++)
		mrb_ary_push(mrb, list, mrb_nil_value());
	if (is_ours && a->count > 0) /* not ended: the call ends */
		vmguard_grace_begin();
	for (i = 0; i < a->count; i++) {
		v = conv_to_ruby(vm, a->values[i], false, &why);
		values += vm->converted;
		if (mrb_undef_p(v)) {
			snprintf(c->bad, sizeof(c->bad), "argument %u: %s",
			    i + 1, why);
			return v;
		}
		mrb_ary_push(mrb, list, v);
		mrb_gc_arena_restore(mrb, ai);
	}
	/* what a client sends is not the handler's fault */
	if (is_ours && a->count > 0)
		vmguard_grace_end(values >= CONV_LONG);
	return list;
}

static mrb_value
changes_of(struct vm *vm, const struct script_args *a)
{
	mrb_state *mrb = vm->mrb;
	mrb_value list = mrb_ary_new_capa(mrb, (mrb_int)a->change_count);
	mrb_value row[CHANGE_FIELDS];
	const struct script_change *c;
	int ai = mrb_gc_arena_save(mrb);
	uint32_t i;

	for (i = 0; i < a->change_count; i++) {
		c = &a->changes[i];
		row[0] = vm_text(mrb, c->code);
		row[1] = mrb_str_new(mrb, c->slot.ptr, c->slot.len);
		row[2] = conv_from_packed(vm, c->value, c->len, true, "change");
		row[3] = conv_from_packed(vm, c->old, c->old_len, true, "old");
		row[4] = vm_text(mrb, c->user);
		row[5] = vm_text(mrb, c->client);
		row[6] = mrb_int_value(mrb, (mrb_int)c->version);
		mrb_ary_push(mrb, list,
		    mrb_ary_new_from_values(mrb, CHANGE_FIELDS, row));
		mrb_gc_arena_restore(mrb, ai);
	}
	return list;
}

static mrb_value
number(mrb_state *mrb, double d)
{
	if (d == floor(d) && fabs(d) < 9007199254740992.0)
		return mrb_int_value(mrb, (mrb_int)d);
	return mrb_float_value(mrb, d);
}

/* kind, ticket, client, name, text, mode, start, length */
static void
fill(struct vm *vm, const struct engine_call *c, mrb_value argv[8])
{
	const struct script_args *a = c->args;
	mrb_state *mrb = vm->mrb;

	argv[0] = mrb_int_value(mrb, c->kind);
	argv[1] = mrb_int_value(mrb, (mrb_int)c->ticket);
	argv[2] = vm_text(mrb, a->client);
	argv[3] = vm_text(mrb, a->name);
	argv[4] = vm_text(mrb, a->text);
	argv[5] = vm_text(mrb, a->mode);
	argv[6] = number(mrb, a->start);
	argv[7] = number(mrb, a->length);
}

void
engine_call_event(struct vm *vm, void *arg)
{
	struct engine_call *c = arg;
	mrb_value argv[10];

	fill(vm, c, argv);
	argv[8] = list_of(vm, c, 0);
	if (mrb_undef_p(argv[8]))
		return;
	argv[9] = changes_of(vm, c->args);
	mrb_funcall_argv(
	    vm->mrb, vm->core, mrb_intern_lit(vm->mrb, "event"), 10, argv);
}

void
engine_call_probe(struct vm *vm, void *arg)
{
	struct engine_call *c = arg;
	mrb_state *mrb = vm->mrb;
	mrb_value list = list_of(vm, c, 0), argv[5];
	mrb_int i;

	if (mrb_undef_p(list))
		return;
	argv[0] = mrb_int_value(mrb, (mrb_int)c->ticket);
	for (i = 0; i < 4; i++)
		argv[i + 1] = mrb_ary_ref(mrb, list, i);
	mrb_funcall_argv(mrb, vm->core, mrb_intern_lit(mrb, "probe"), 5, argv);
}

void
engine_call_ask(struct vm *vm, void *arg)
{
	struct engine_call *c = arg;
	mrb_value argv[9];

	fill(vm, c, argv);
	argv[8] = list_of(vm, c, 0);
	if (mrb_undef_p(argv[8]))
		return;
	mrb_funcall_argv(
	    vm->mrb, vm->core, mrb_intern_lit(vm->mrb, "ask"), 9, argv);
}

void
engine_call_call(struct vm *vm, void *arg)
{
	struct engine_call *c = arg;
	mrb_state *mrb = vm->mrb;
	mrb_value argv[4];

	argv[0] = mrb_int_value(mrb, (mrb_int)c->ticket);
	argv[1] = vm_text(mrb, c->args->client);
	argv[2] = vm_text(mrb, c->args->name);
	argv[3] = list_of(vm, c, 1);
	if (!mrb_undef_p(argv[3]))
		mrb_funcall_argv(mrb, vm->core, vm->sym_call, 4, argv);
}

/* Native: the replacing value for core. */
static int
keep_value(struct vm *vm, mrb_value v, struct script_guard *g, const char **why)
{
	int rc;

	if (mrb_nil_p(v)) { /* replaced by a deletion */
		g->value = NULL;
		g->len = 0;
		return FCS_OK;
	}
	rc = conv_pack(vm, v, why);
	if (rc != FCS_OK)
		return rc;
	g->value = malloc(buf_len(&vm->out) + 1);
	if (g->value == NULL)
		return FCS_ENOMEM;
	g->len = buf_len(&vm->out);
	memcpy(g->value, buf_data(&vm->out), g->len);
	return FCS_OK;
}

void
engine_call_guard(struct vm *vm, void *arg)
{
	struct engine_call *c = arg;
	struct script_guard *g = c->verdict;
	mrb_state *mrb = vm->mrb;
	mrb_value argv[4], r;
	const char *why = NULL;
	int rc = FCS_OK;

	argv[0] = vm_text(mrb, c->args->client);
	argv[1] = vm_text(mrb, c->name);
	argv[2] = mrb_str_new(mrb, c->slot, c->slot_len);
	argv[3] =
	    conv_from_packed(vm, c->packed, c->packed_len, false, "value");
	r = mrb_funcall_argv(
	    mrb, vm->core, mrb_intern_lit(mrb, "guard"), 4, argv);
	if (!mrb_array_p(r) || RARRAY_LEN(r) != 4)
		return;
	argv[0] = RARRAY_PTR(r)[3];
	argv[1] = RARRAY_PTR(r)[2];
	conv_seal(vm, argv[1]);
	vmguard_native_begin();
	g->allowed = mrb_test(RARRAY_PTR(r)[0]);
	g->replaced = g->allowed && mrb_test(RARRAY_PTR(r)[1]);
	if (mrb_string_p(argv[0]))
		snprintf(g->why, sizeof(g->why), "%.*s",
		    (int)(RSTRING_LEN(argv[0]) < 159 ? RSTRING_LEN(argv[0])
						     : 159),
		    RSTRING_PTR(argv[0]));
	if (g->replaced)
		rc = keep_value(vm, argv[1], g, &why);
	if (rc != FCS_OK) {
		g->allowed = g->replaced = false;
		snprintf(g->why, sizeof(g->why), "replace: %s",
		    why == NULL ? err_text(rc) : why);
	}
	vmguard_native_end();
}

void
engine_call_tick(struct vm *vm, void *arg)
{
	const struct engine_call *c = arg;

	mrb_funcall_id(vm->mrb, vm->core, mrb_intern_lit(vm->mrb, "tick"), 1,
	    mrb_int_value(vm->mrb, (mrb_int)c->id));
}

void
engine_call_resolve(struct vm *vm, void *arg)
{
	struct engine_call *c = arg;
	mrb_state *mrb = vm->mrb;
	const char *why = NULL;
	mrb_value v;

	if (!vm->has_types)
		vmguard_grace_begin();
	v = conv_to_ruby(vm, c->value, false, &why);
	if (!vm->has_types)
		vmguard_grace_end(vm->converted >= CONV_LONG);
	if (mrb_undef_p(v)) {
		v = mrb_nil_value();
		c->ok = false;
		c->error = why;
	}
	mrb_funcall_id(mrb, vm->core, mrb_intern_lit(mrb, "resolve"), 4,
	    mrb_int_value(mrb, (mrb_int)c->id), mrb_bool_value(c->ok), v,
	    vm_text(mrb, c->error));
}

void
engine_call_work(struct vm *vm, void *arg)
{
	struct engine_call *c = arg;

	c->more = mrb_test(mrb_funcall_id(
	    vm->mrb, vm->core, mrb_intern_lit(vm->mrb, "work"), 0));
}

void
engine_call_exposed(struct vm *vm, void *arg)
{
	struct engine_call *c = arg;

	c->more = mrb_test(mrb_funcall_id(vm->mrb, vm->core,
	    mrb_intern_lit(vm->mrb, "exposed?"), 1,
	    mrb_str_new_cstr(vm->mrb, c->name)));
}

void
engine_call_collect(struct vm *vm, void *arg)
{
	(void)arg;
	mrb_full_gc(vm->mrb);
}
