/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects of the script's own classes: they are asked for their members
 * (to_amf) before a conversion, because the conversion itself calls nothing.
 *
 * First what an object refers to is walked and its objects are listed, then
 * each of the list is asked, and what it gives is walked as well: nothing is
 * called while somebody else's Hash is walked. The tables are Ruby Strings,
 * collected like everything else when the VM is left.
 *
 * A symbol that does not exist has no method: where no script says to_amf,
 * nothing of this happens.
 */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/error.h>
#include <mruby/hash.h>
#include <mruby/string.h>
#include <stdio.h>
#include <string.h>

#include "script/conv.h"
#include "script/conv_int.h"

#define FIRST_CAP 64

enum keep { /* of the Array that keeps a walk's objects alive: each has its own,
	     * because to_amf may convert something else */
	KEEP_FOUND,
	KEEP_MADE, /* [members, class name or nil] of each found */
	KEEP_SEEN,
	KEEP_TABLE
};

struct walk {
	struct vm *vm;
	mrb_value keep;
	mrb_value found;
	const void **seen; /* everything that can hold others */
	uint32_t count, cap;
	int depth;
};

static uint32_t
place(const void *p, uint32_t cap)
{
	return (uint32_t)((((uintptr_t)p >> 3) * 0x9e3779b97f4a7c15ull) >> 32) &
	       (cap - 1);
}

static void *
table_new(struct vm *vm, mrb_value keep, enum keep which, size_t bytes)
{
	mrb_value s = mrb_str_new_capa(vm->mrb, (mrb_int)bytes);

	memset(RSTRING_PTR(s), 0, bytes);
	mrb_ary_set(vm->mrb, keep, which, s);
	return RSTRING_PTR(s);
}

static void
seen_put(const void **t, uint32_t cap, const void *p)
{
	uint32_t i = place(p, cap);

	while (t[i] != NULL)
		i = (i + 1) & (cap - 1);
	t[i] = p;
}

/* false: it was there. */
static bool
seen_add(struct walk *w, const void *p)
{
	const void **old = w->seen;
	uint32_t i, n = w->cap;

	for (i = n == 0 ? 0 : place(p, n); n > 0 && old[i] != NULL;
	     i = (i + 1) & (n - 1))
		if (old[i] == p)
			return false;
	if (w->count * 2 >= w->cap) {
		/* the old one stays until something else is allocated */
		w->cap = n == 0 ? FIRST_CAP : n * 2;
		w->seen = table_new(
		    w->vm, w->keep, KEEP_SEEN, w->cap * sizeof(*w->seen));
		for (i = 0; i < n; i++)
			if (old[i] != NULL)
				seen_put(w->seen, w->cap, old[i]);
	}
	seen_put(w->seen, w->cap, p);
	w->count++;
	return true;
}

static void look(struct walk *, mrb_value);

static int
on_entry(mrb_state *mrb, mrb_value key, mrb_value val, void *arg)
{
	(void)mrb;
	look(arg, key);
	look(arg, val);
	return 0;
}

static void
look(struct walk *w, mrb_value x)
{
	mrb_state *mrb = w->vm->mrb;
	mrb_int i;

	switch (mrb_type(x)) {
	case MRB_TT_FALSE:
	case MRB_TT_TRUE:
	case MRB_TT_INTEGER:
	case MRB_TT_FLOAT:
	case MRB_TT_SYMBOL:
	case MRB_TT_STRING:
		return;
	default:
		break;
	}
	/* what is too much for the conversion is its to say */
	if (w->depth > VALUE_DEPTH_MAX || w->count > VALUE_ELEMENTS_MAX ||
	    mrb_immediate_p(x) || !seen_add(w, mrb_ptr(x)))
		return;
	w->depth++;
	if (mrb_array_p(x)) {
		for (i = 0; i < RARRAY_LEN(x); i++)
			look(w, RARRAY_PTR(x)[i]);
	} else if (mrb_hash_p(x)) {
		mrb_hash_foreach(mrb, mrb_hash_ptr(x), on_entry, w);
	} else {
		mrb_ary_push(mrb, w->found, x);
	}
	w->depth--;
}

static void
remember(struct vm *vm, void *object, mrb_value members, mrb_value name)
{
	uint32_t i = place(object, vm->sealed_cap);

	while (vm->sealed[i].object != NULL)
		i = (i + 1) & (vm->sealed_cap - 1);
	vm->sealed[i].object = object;
	vm->sealed[i].members = members;
	vm->sealed[i].name = name;
	vm->sealed_count++;
}

/* All that are found by now, in a table for the conversion. */
static void
tabulate(struct vm *vm, mrb_value keep, mrb_value found, mrb_value made)
{
	mrb_value pair;
	mrb_int i;

	vm->sealed_count = 0;
	vm->sealed_cap = FIRST_CAP;
	while (vm->sealed_cap < (uint32_t)RARRAY_LEN(found) * 2)
		vm->sealed_cap *= 2;
	vm->sealed = table_new(
	    vm, keep, KEEP_TABLE, vm->sealed_cap * sizeof(*vm->sealed));
	mrb_ary_set(vm->mrb, vm->seal_keep, 0, keep);
	for (i = 0; i < RARRAY_LEN(found); i++) {
		pair = RARRAY_PTR(made)[i];
		if (mrb_array_p(pair))
			remember(vm, mrb_ptr(RARRAY_PTR(found)[i]),
			    RARRAY_PTR(pair)[0], RARRAY_PTR(pair)[1]);
	}
}

void
conv_seal(struct vm *vm, mrb_value x)
{
	mrb_state *mrb = vm->mrb;
	int before = mrb_gc_arena_save(mrb), ai;
	struct walk w;
	mrb_value made, pair;
	mrb_int i;

	vm->sealed_count = 0;
	if (mrb_intern_check_cstr(mrb, "to_amf") == 0)
		return;
	memset(&w, 0, sizeof(w));
	w.vm = vm;
	w.keep = mrb_ary_new(mrb);
	w.found = mrb_ary_new(mrb);
	made = mrb_ary_new(mrb);
	mrb_ary_set(mrb, w.keep, KEEP_FOUND, w.found);
	mrb_ary_set(mrb, w.keep, KEEP_MADE, made);
	ai = mrb_gc_arena_save(mrb);
	look(&w, x);
	for (i = 0; i < RARRAY_LEN(w.found); i++) {
		pair = mrb_funcall_id(mrb, vm->core,
		    mrb_intern_lit(mrb, "seal"), 1, RARRAY_PTR(w.found)[i]);
		mrb_ary_push(mrb, made, pair);
		if (mrb_array_p(pair))
			look(&w, RARRAY_PTR(pair)[0]);
		mrb_gc_arena_restore(mrb, ai);
	}
	if (RARRAY_LEN(w.found) > 0)
		tabulate(vm, w.keep, w.found, made);
	mrb_gc_arena_restore(mrb, before);
}

const struct conv_sealed *
conv_sealed(const struct vm *vm, const void *object)
{
	uint32_t i;

	if (vm->sealed_count == 0)
		return NULL;
	for (i = place(object, vm->sealed_cap); vm->sealed[i].object != NULL;
	     i = (i + 1) & (vm->sealed_cap - 1))
		if (vm->sealed[i].object == object)
			return &vm->sealed[i];
	return NULL;
}

/* ---- the other way ---- */

struct make {
	struct vm *vm;
	const char *method;
	mrb_value a, b;
};

static mrb_value
make_body(mrb_state *mrb, void *arg)
{
	struct make *m = arg;

	return mrb_funcall_id(
	    mrb, m->vm->core, mrb_intern_cstr(mrb, m->method), 2, m->a, m->b);
}

/* What the script does to make an object may convert other things: they have
 * an arena of their own, the tree of this one lies in the present one. */
static bool
args_push(struct vm *vm)
{
	uint32_t n = vm->arena_level + 1;

	if (n == VM_ARENAS)
		return false;
	vmguard_native_begin();
	if (vm->arenas[n] == NULL)
		vm->arenas[n] = arena_new(0);
	vmguard_native_end();
	if (vm->arenas[n] == NULL)
		return false;
	vm->arena_level = n;
	vm->args = vm->arenas[n];
	return true;
}

static mrb_value
call(struct vm *vm, const char *method, mrb_value a, mrb_value b)
{
	struct make m = { vm, method, a, b };
	mrb_bool failed = FALSE;
	mrb_value r, text;

	if (!args_push(vm)) {
		snprintf(vm->why, sizeof(vm->why),
		    "objects are made while objects are made, and so on");
		return mrb_undef_value();
	}
	r = mrb_protect_error(vm->mrb, make_body, &m, &failed);
	vm->args = vm->arenas[--vm->arena_level];
	if (!failed)
		return r;
	text =
	    mrb_funcall_id(vm->mrb, r, mrb_intern_lit(vm->mrb, "message"), 0);
	snprintf(vm->why, sizeof(vm->why), "%s",
	    mrb_string_p(text) ? mrb_str_to_cstr(vm->mrb, text) : "failed");
	return mrb_undef_value();
}

mrb_value
conv_bound_new(struct vm *vm, mrb_value name)
{
	mrb_value class = mrb_hash_get(vm->mrb, vm->types, name);

	if (mrb_nil_p(class))
		return class;
	return call(vm, "make_typed", class, name);
}

bool
conv_bound_fill(struct vm *vm, mrb_value object, mrb_value members)
{
	return !mrb_undef_p(call(vm, "fill_typed", object, members));
}
