/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMF to Ruby. Each complex node is made, remembered by its address, and then
 * filled, so that a second reference (also from within itself) finds it. The
 * memory of that table is a Ruby String: collected like everything else when
 * an exception or a kill ends the conversion.
 *
 * Floats: word boxing of this mruby keeps 62 of the 64 bits of a double. What
 * comes in with the lowest two bits set is noted in a small table by the other
 * 62, and going out they are put back (conv_mend), so that a number that only
 * passes through, or is stored and read again, is not changed.
 */
#include "script/conv.h"

#include <math.h>
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/hash.h>
#include <mruby/string.h>
#include <mruby/variable.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/conv_int.h"

#define VECTOR_CLASSES_MAX 1000
#define DAYS_9999_MS       253402300799999.0 /* end of the year 9999 */

#define FEW 16 /* nodes kept without a table */

struct seen {
	const struct value *node;
	mrb_value object;
};

struct walk {
	struct vm *vm;
	struct seen few[FEW];
	mrb_value holder; /* Array that keeps the table for the collector */
	struct seen *table;
	uint32_t count, cap;
	bool frozen;
	uint32_t values;
	const char *why;
};

static uint32_t
slot_of(const void *p, uint32_t cap)
{
	return (uint32_t)((((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15ull) >> 32) &
	       (cap - 1);
}

static const struct seen *
seen_find(const struct walk *w, const struct value *node)
{
	uint32_t i;

	if (w->table == NULL) {
		for (i = 0; i < w->count; i++)
			if (w->few[i].node == node)
				return &w->few[i];
		return NULL;
	}
	for (i = slot_of(node, w->cap); w->table[i].node != NULL;
	     i = (i + 1) & (w->cap - 1))
		if (w->table[i].node == node)
			return &w->table[i];
	return NULL;
}

static void
seen_put(struct seen *t, uint32_t cap, const struct seen *s)
{
	uint32_t i = slot_of(s->node, cap);

	while (t[i].node != NULL)
		i = (i + 1) & (cap - 1);
	t[i] = *s;
}

static void
seen_grow(struct walk *w)
{
	mrb_state *mrb = w->vm->mrb;
	uint32_t i, n = w->table == NULL ? w->count : w->cap;
	uint32_t cap = w->table == NULL ? FEW * 4 : w->cap * 2;
	const struct seen *old = w->table == NULL ? w->few : w->table;
	mrb_value text = mrb_str_new_capa(mrb, (mrb_int)(cap * sizeof(*old)));
	struct seen *fresh = (struct seen *)(void *)RSTRING_PTR(text);

	memset(fresh, 0, cap * sizeof(*fresh));
	for (i = 0; i < n; i++)
		if (old[i].node != NULL)
			seen_put(fresh, cap, &old[i]);
	mrb_ary_set(mrb, w->holder, 0, text);
	w->table = fresh;
	w->cap = cap;
}

static void
seen_add(struct walk *w, const struct value *node, mrb_value object)
{
	struct seen s = { node, object };

	if (w->table == NULL && w->count < FEW) {
		w->few[w->count++] = s;
		return;
	}
	if (w->table == NULL || w->count * 2 >= w->cap)
		seen_grow(w);
	seen_put(w->table, w->cap, &s);
	w->count++;
}

/* ---- numbers ---- */

static uint64_t
bits_of(double d)
{
	uint64_t u;

	memcpy(&u, &d, sizeof(u));
	return u;
}

static uint32_t
float_slot(uint64_t bits)
{
	return (uint32_t)(((bits >> 2) * 0x9e3779b97f4a7c15ull) >> 32) &
	       (VM_FLOATS - 1);
}

void
conv_note_float(struct vm *vm, double d)
{
	uint64_t u = bits_of(d);

	if ((u & 3) != 0)
		vm->floats[float_slot(u)] = u;
}

static bool
is_near(double c, uint64_t bits)
{
	return (bits_of(c) & ~3ull) == (bits & ~3ull);
}

static double
with_bits(uint64_t bits, unsigned low)
{
	double c;

	bits = (bits & ~3ull) | low;
	memcpy(&c, &bits, sizeof(c));
	return c;
}

/* The shortest decimal that is d but for its lowest two bits: a whole number
 * below 2^53 by a power of ten, both exact, gives the same double as reading
 * the text would. Returns 0 with *out, else how many digits are tried in
 * vain, 15, or 14 when d is so small that 22 decimals do not tell. */
static int
short_decimal(double d, double *out)
{
	static const double tens[] = { 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8,
		1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
		1e20, 1e21, 1e22 };
	uint64_t u = bits_of(d);
	double low, high, whole, c;
	size_t i;

	/* of the four that d may be, those in the middle: none is so far from
	 * both that the product is rounded to another whole number */
	low = with_bits(u, 1);
	high = with_bits(u, 2);
	for (i = 0; i < sizeof(tens) / sizeof(tens[0]); i++) {
		whole = rint(high * tens[i]);
		if (fabs(whole) > 9007199254740992.0)
			return 15;
		c = whole / tens[i];
		if (!is_near(c, u))
			c = rint(low * tens[i]) / tens[i];
		if (is_near(c, u)) {
			*out = c;
			return 0;
		}
	}
	return 14;
}

/* The same by text, which takes a microsecond a try: tiny numbers, and those
 * of 16 digits just past 2^53. */
static double
short_text(double d, int digits)
{
	uint64_t u = bits_of(d);
	char text[40];
	unsigned low;
	double c;

	for (; digits <= 16; digits++)
		for (low = 0; low < 4; low++) {
			snprintf(text, sizeof(text), "%.*g", digits,
			    with_bits(u, low));
			c = strtod(text, NULL);
			if (is_near(c, u))
				return c;
		}
	return d;
}

double
conv_mend(const struct vm *vm, double d)
{
	uint64_t u = bits_of(d), noted;
	double c;
	int tried;

	if (!isfinite(d))
		return d;
	noted = vm->floats[float_slot(u)];
	if ((noted & 3) != 0 && (noted & ~3ull) == (u & ~3ull)) {
		memcpy(&c, &noted, sizeof(c));
		return c;
	}
	if (d == floor(d))
		return d;
	/* A short decimal is what was meant: 0.1, not 0.09999999999999998. */
	tried = short_decimal(d, &c);
	return tried == 0 ? c : short_text(d, tried + 1);
}

static mrb_value
number(struct walk *w, double d)
{
	if (d >= -9007199254740991.0 && d <= 9007199254740991.0 &&
	    d == floor(d) && !(d == 0 && signbit(d)))
		return mrb_int_value(w->vm->mrb, (mrb_int)d);
	conv_note_float(w->vm, d);
	return mrb_float_value(w->vm->mrb, d);
}

/* ---- nodes ---- */

static mrb_value convert(struct walk *, const struct value *, int depth);

static void
freeze(struct walk *w, mrb_value v)
{
	if (w->frozen && !mrb_immediate_p(v))
		MRB_SET_FROZEN_FLAG(mrb_basic_ptr(v));
}

static mrb_value
text_of(struct walk *w, struct value_str s, enum vm_class class)
{
	mrb_value v = mrb_str_new(w->vm->mrb, s.ptr, s.len);

	if (class != VM_CLASSES)
		mrb_basic_ptr(v)->c = w->vm->class[class];
	freeze(w, v);
	return v;
}

static mrb_value
key_of(struct walk *w, struct value_str s)
{
	mrb_value v = mrb_str_new(w->vm->mrb, s.ptr, s.len);

	MRB_SET_FROZEN_FLAG(mrb_basic_ptr(v)); /* a Hash would copy it */
	return v;
}

static bool
fill_props(struct walk *w, mrb_value h, const struct value *v, int depth)
{
	mrb_state *mrb = w->vm->mrb;
	int ai = mrb_gc_arena_save(mrb);
	mrb_value key, val;
	uint32_t i;

	for (i = 0; i < v->prop_count; i++) {
		val = convert(w, v->props[i].val, depth + 1);
		if (mrb_undef_p(val))
			return false;
		key = key_of(w, v->props[i].key);
		mrb_hash_set(mrb, h, key, val);
		mrb_gc_arena_restore(mrb, ai);
	}
	return true;
}

static bool
fill_items(struct walk *w, mrb_value ary, const struct value *v, int depth)
{
	mrb_state *mrb = w->vm->mrb;
	int ai = mrb_gc_arena_save(mrb);
	mrb_value val;
	uint32_t i;

	for (i = 0; i < v->item_count; i++) {
		val = convert(w, v->items[i], depth + 1);
		if (mrb_undef_p(val))
			return false;
		mrb_ary_push(mrb, ary, val);
		mrb_gc_arena_restore(mrb, ai);
	}
	return true;
}

/* "12" as an index; false for anything else, also "012". */
static bool
is_index(struct value_str s, mrb_int *out)
{
	mrb_int n = 0;
	uint32_t i;

	if (s.len == 0 || s.len > 10 || (s.ptr[0] == '0' && s.len > 1))
		return false;
	for (i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		n = n * 10 + (s.ptr[i] - '0');
	}
	*out = n;
	return true;
}

static mrb_value
ecma(struct walk *w, const struct value *v, int depth)
{
	mrb_state *mrb = w->vm->mrb;
	mrb_value h = mrb_hash_new(mrb), key, val;
	int ai = mrb_gc_arena_save(mrb);
	mrb_int index;
	uint32_t i;

	mrb_basic_ptr(h)->c = w->vm->class[VM_ECMA];
	seen_add(w, v, h);
	for (i = 0; i < v->item_count; i++) {
		val = convert(w, v->items[i], depth + 1);
		if (mrb_undef_p(val))
			return val;
		mrb_hash_set(mrb, h, mrb_int_value(mrb, i), val);
		mrb_gc_arena_restore(mrb, ai);
	}
	for (i = 0; i < v->prop_count; i++) {
		val = convert(w, v->props[i].val, depth + 1);
		if (mrb_undef_p(val))
			return val;
		key = is_index(v->props[i].key, &index)
			  ? mrb_int_value(mrb, index)
			  : key_of(w, v->props[i].key);
		mrb_hash_set(mrb, h, key, val);
		mrb_gc_arena_restore(mrb, ai);
	}
	freeze(w, h);
	return h;
}

/* An object of a class of the script: it is there before its members are, so
 * that they may refer to it. nil: no class is bound to the name. */
static mrb_value
bound(struct walk *w, const struct value *v, int depth)
{
	mrb_state *mrb = w->vm->mrb;
	mrb_value name = mrb_str_new(mrb, v->class_name.ptr, v->class_name.len);
	mrb_value x = conv_bound_new(w->vm, name), h;

	w->why = w->vm->why; /* should it have failed */
	if (mrb_nil_p(x) || mrb_undef_p(x))
		return x;
	seen_add(w, v, x);
	h = mrb_hash_new_capa(mrb, (mrb_int)v->prop_count);
	if (!fill_props(w, h, v, depth))
		return mrb_undef_value();
	freeze(w, h);
	w->why = w->vm->why;
	if (!conv_bound_fill(w->vm, x, h))
		return mrb_undef_value();
	freeze(w, x);
	return x;
}

static mrb_value
object(struct walk *w, const struct value *v, int depth)
{
	mrb_state *mrb = w->vm->mrb;
	mrb_value h, source;

	if (w->vm->has_types && v->class_name.len > 0 && !v->externalizable) {
		h = bound(w, v, depth);
		if (!mrb_nil_p(h))
			return h;
	}
	h = mrb_hash_new_capa(mrb, (mrb_int)v->prop_count);
	seen_add(w, v, h);
	if (v->class_name.len > 0) {
		mrb_basic_ptr(h)->c = w->vm->class[VM_TYPED];
		mrb_iv_set(mrb, h, w->vm->sym_type,
		    mrb_str_new(mrb, v->class_name.ptr, v->class_name.len));
	}
	if (v->externalizable) {
		source = v->item_count == 0
			     ? mrb_nil_value()
			     : convert(w, v->items[0], depth + 1);
		if (mrb_undef_p(source))
			return source;
		mrb_hash_set(mrb, h, mrb_str_new_lit(mrb, "source"), source);
	} else if (!fill_props(w, h, v, depth)) {
		return mrb_undef_value();
	}
	freeze(w, h);
	return h;
}

static mrb_value
array(struct walk *w, const struct value *v, int depth)
{
	mrb_value a = mrb_ary_new_capa(w->vm->mrb, (mrb_int)v->item_count);

	seen_add(w, v, a);
	if (!fill_items(w, a, v, depth))
		return mrb_undef_value();
	freeze(w, a);
	return a;
}

static mrb_value
dictionary(struct walk *w, const struct value *v, int depth)
{
	mrb_state *mrb = w->vm->mrb;
	mrb_value h = mrb_hash_new(mrb), key, val;
	int ai = mrb_gc_arena_save(mrb);
	uint32_t i;

	mrb_basic_ptr(h)->c = w->vm->class[VM_DICTIONARY];
	mrb_iv_set(mrb, h, w->vm->sym_weak, mrb_bool_value(v->boolean));
	seen_add(w, v, h);
	for (i = 0; i + 1 < v->item_count; i += 2) {
		key = convert(w, v->items[i], depth + 1);
		if (mrb_undef_p(key))
			return key;
		val = convert(w, v->items[i + 1], depth + 1);
		if (mrb_undef_p(val))
			return val;
		if (mrb_hash_key_p(mrb, h, key)) {
			w->why = "a dictionary has two keys that are equal "
				 "in Ruby";
			return mrb_undef_value();
		}
		mrb_hash_set(mrb, h, key, val);
		mrb_gc_arena_restore(mrb, ai);
	}
	freeze(w, h);
	return h;
}

static mrb_value
date(struct walk *w, double ms)
{
	mrb_state *mrb = w->vm->mrb;
	mrb_value t;

	if (!(ms >= -DAYS_9999_MS && ms <= DAYS_9999_MS)) {
		w->why = "a date that is not a Time";
		return mrb_undef_value();
	}
	t = mrb_obj_value(
	    mrb_obj_alloc(mrb, MRB_TT_OBJECT, w->vm->class[VM_TIME]));
	mrb_iv_set(
	    mrb, t, w->vm->sym_us, mrb_int_value(mrb, (mrb_int)(ms * 1000.0)));
	freeze(w, t);
	return t;
}

static mrb_value
vector(struct walk *w, const struct value *v, int depth)
{
	static const char *const kinds[] = { "int", "uint", "double",
		"object" };
	mrb_state *mrb = w->vm->mrb;
	mrb_value a, argv[3], class;

	argv[0] = mrb_str_new_cstr(mrb, kinds[v->type - VALUE_VECTOR_INT]);
	argv[1] = mrb_bool_value(v->boolean);
	argv[2] = mrb_str_new(mrb, v->class_name.ptr, v->class_name.len);
	class = conv_vector_class(w->vm, argv[0], v->boolean, argv[2]);
	a = mrb_ary_new_capa(mrb, (mrb_int)v->item_count);
	mrb_basic_ptr(a)->c = mrb_class_ptr(class);
	seen_add(w, v, a);
	if (!fill_items(w, a, v, depth))
		return mrb_undef_value();
	freeze(w, a);
	return a;
}

static bool
is_known_external(struct value_str name)
{
	return value_str_eq(name, "flex.messaging.io.ArrayCollection") ||
	       value_str_eq(name, "flex.messaging.io.ObjectProxy");
}

static mrb_value
complex_value(struct walk *w, const struct value *v, int depth)
{
	const struct seen *before = seen_find(w, v);

	if (before != NULL)
		return before->object;
	if (depth >= VALUE_DEPTH_MAX) {
		w->why = "nested more than 32 deep";
		return mrb_undef_value();
	}
	switch (v->type) {
	case VALUE_OBJECT:
		if (v->externalizable && !is_known_external(v->class_name)) {
			w->why = "an externalizable class of its own form";
			return mrb_undef_value();
		}
		return object(w, v, depth);
	case VALUE_ECMA:
		return ecma(w, v, depth);
	case VALUE_ARRAY:
		return array(w, v, depth);
	case VALUE_DICTIONARY:
		return dictionary(w, v, depth);
	default:
		return vector(w, v, depth);
	}
}

static mrb_value
convert(struct walk *w, const struct value *v, int depth)
{
	w->values++;
	if (v == NULL)
		return mrb_nil_value();
	switch (v->type) {
	case VALUE_UNDEFINED:
	case VALUE_UNSUPPORTED:
		return w->vm->undefined_keep ? w->vm->undefined
					     : mrb_nil_value();
	case VALUE_NULL:
		return mrb_nil_value();
	case VALUE_BOOL:
		return mrb_bool_value(v->boolean);
	case VALUE_NUMBER:
	case VALUE_INTEGER:
		return number(w, v->number);
	case VALUE_STRING:
		return text_of(w, v->str, VM_CLASSES);
	case VALUE_DATE:
		return date(w, v->number);
	case VALUE_XMLDOC:
		return text_of(w, v->str, VM_XMLDOC);
	case VALUE_XML:
		return text_of(w, v->str, VM_XML);
	case VALUE_BYTES:
		return text_of(w, v->str, VM_BYTES);
	default:
		return complex_value(w, v, depth);
	}
}

mrb_value
conv_to_ruby(
    struct vm *vm, const struct value *v, bool frozen, const char **why)
{
	struct walk w;
	mrb_value r;

	w.vm = vm;
	w.holder = mrb_nil_value();
	if (v != NULL && value_is_complex(v))
		w.holder = mrb_ary_new_capa(vm->mrb, 1);
	w.table = NULL;
	w.count = w.cap = 0;
	w.frozen = frozen;
	w.values = 0;
	w.why = NULL;
	r = convert(&w, v, 0);
	vm->converted = w.values;
	*why = w.why;
	return r;
}

mrb_value
conv_from_packed(struct vm *vm, const uint8_t *data, size_t len, bool frozen,
    const char *what)
{
	struct value *v = NULL;
	const char *why = NULL;
	mrb_value r;
	int rc;

	if (data == NULL)
		return mrb_nil_value();
	vmguard_native_begin();
	arena_reset(vm->args);
	rc = value_unpack(vm->args, data, len, &v);
	vmguard_native_end();
	if (rc != FCS_OK)
		vm_raise(vm->mrb, VM_EVALUE, "%s: %s", what, err_text(rc));
	r = conv_to_ruby(vm, v, frozen, &why);
	if (mrb_undef_p(r))
		vm_raise(vm->mrb, VM_EVALUE, "%s: %s", what, why);
	return r;
}

mrb_value
conv_vector_class(struct vm *vm, mrb_value kind, bool fixed, mrb_value type)
{
	mrb_state *mrb = vm->mrb;
	struct RClass *c;
	mrb_value key, class;

	key = mrb_str_dup(mrb, kind);
	mrb_str_cat_cstr(mrb, key, fixed ? "/fixed/" : "//");
	mrb_str_cat_str(mrb, key, type);
	class = mrb_hash_get(mrb, vm->vectors, key);
	if (!mrb_nil_p(class))
		return class;
	c = mrb_class_new(mrb, vm->class[VM_VECTOR]);
	class = mrb_obj_value(c);
	mrb_iv_set(mrb, class, vm->sym_kind, kind);
	mrb_iv_set(mrb, class, vm->sym_fixed, mrb_bool_value(fixed));
	mrb_iv_set(mrb, class, vm->sym_type, type);
	if (mrb_hash_size(mrb, vm->vectors) < VECTOR_CLASSES_MAX)
		mrb_hash_set(mrb, vm->vectors, key, class);
	return class;
}
