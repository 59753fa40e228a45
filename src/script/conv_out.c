/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ruby to AMF, wholly inside a native section: objects are read where they
 * are, nothing is allocated in the VM and no method is called. The nodes made
 * so far are found by the address of their Ruby object.
 */
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

#include "base/utf8.h"
#include "script/conv.h"
#include "script/conv_int.h"

#define INT29_MIN  (-268435456)
#define INT29_MAX  268435455
#define INT_MAX_53 9007199254740991LL

struct made {
	void *object;
	struct value *node;
};

struct out {
	struct vm *vm;
	struct arena *arena;
	struct made *table;
	uint32_t count, cap, elements;
	const char *why;
	int rc;
};

struct member { /* of a Hash walk */
	struct out *o;
	struct value *node;
	int depth;
};

static struct value *convert(struct out *, mrb_value, int depth);

static struct value *
fail(struct out *o, int rc, const char *why)
{
	if (o->rc == FCS_OK) {
		o->rc = rc;
		o->why = why;
	}
	return NULL;
}

static struct value *
node_new(struct out *o, enum value_type type)
{
	struct value *v = value_new(o->arena, type);

	if (v == NULL)
		return fail(o, FCS_ENOMEM, "out of memory");
	return v;
}

static struct made *
made_slot(const struct out *o, const void *p)
{
	uint32_t i;

	i = (uint32_t)((((uintptr_t)p >> 3) * 0x9e3779b97f4a7c15ull) >> 32) &
	    (o->cap - 1);
	while (o->table[i].object != NULL && o->table[i].object != p)
		i = (i + 1) & (o->cap - 1);
	return &o->table[i];
}

static bool
made_add(struct out *o, void *object, struct value *node)
{
	struct made *old = o->table, *m;
	uint32_t i, n = o->cap;

	if (o->count * 2 >= o->cap) {
		o->cap = n == 0 ? 16 : n * 2;
		o->table = arena_zalloc(o->arena, o->cap * sizeof(*m));
		if (o->table == NULL) {
			fail(o, FCS_ENOMEM, "out of memory");
			return false;
		}
		for (i = 0; i < n; i++)
			if (old[i].object != NULL)
				*made_slot(o, old[i].object) = old[i];
	}
	m = made_slot(o, object);
	m->object = object;
	m->node = node;
	o->count++;
	return true;
}

static struct value *
integer(struct out *o, mrb_int n)
{
	struct value *v;

	if (n > INT_MAX_53 || n < -INT_MAX_53)
		return fail(o, FCS_ERANGE, "an Integer beyond 2^53 - 1");
	v = node_new(
	    o, n >= INT29_MIN && n <= INT29_MAX ? VALUE_INTEGER : VALUE_NUMBER);
	if (v != NULL)
		v->number = (double)n;
	return v;
}

static struct value *
string(struct out *o, const char *p, size_t len, enum value_type type)
{
	struct value *v;

	if (type != VALUE_BYTES && !utf8_valid(p, len))
		return fail(o, FCS_EFORMAT,
		    "a String that is not UTF-8 (Text.scrub, FCS::Bytes)");
	v = value_string_len(o->arena, p, len);
	if (v == NULL)
		return fail(o, FCS_ENOMEM, "out of memory");
	v->type = type;
	return v;
}

static bool
class_under(struct vm *vm, mrb_value v, enum vm_class which)
{
	const struct RClass *c;

	for (c = mrb_basic_ptr(v)->c; c != NULL; c = c->super)
		if (c == vm->class[which])
			return true;
	return false;
}

static bool
push(struct out *o, struct value *node, struct value *item)
{
	if (o->rc != FCS_OK)
		return false;
	if (item == NULL || value_push(o->arena, node, item) != FCS_OK) {
		fail(o, FCS_ENOMEM, "out of memory");
		return false;
	}
	return true;
}

/* The text of a key; scratch holds Integer keys. */
static bool
key_text(
    struct out *o, mrb_value key, char scratch[24], const char **p, size_t *len)
{
	mrb_int n = 0;

	if (mrb_string_p(key)) {
		*p = RSTRING_PTR(key);
		*len = (size_t)RSTRING_LEN(key);
	} else if (mrb_symbol_p(key)) {
		*p = mrb_sym_name_len(o->vm->mrb, mrb_symbol(key), &n);
		*len = (size_t)n;
	} else if (mrb_integer_p(key)) {
		*len = (size_t)snprintf(
		    scratch, 24, "%lld", (long long)mrb_integer(key));
		*p = scratch;
	} else {
		fail(o, FCS_EFORMAT,
		    "a Hash key that is no String, Symbol or Integer");
		return false;
	}
	if (*len > 65535) {
		fail(o, FCS_ELIMIT, "a Hash key beyond 65535 bytes");
		return false;
	}
	if (!utf8_valid(*p, *len)) {
		fail(o, FCS_EFORMAT, "a Hash key that is not UTF-8");
		return false;
	}
	return true;
}

static int
by_text(const void *a, const void *b)
{
	const struct value_str *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return x->len == 0 ? 0 : memcmp(x->ptr, y->ptr, x->len);
}

/* Symbol and Integer keys may say the same as a String; Strings among
 * themselves cannot. Sorted: a client may send very many. */
static void
check_keys(struct out *o, const struct value *node)
{
	struct value_str *keys;
	uint32_t i;

	if (o->rc != FCS_OK || node->prop_count < 2)
		return;
	keys = arena_array(o->arena, node->prop_count, sizeof(*keys));
	if (keys == NULL) {
		fail(o, FCS_ENOMEM, "out of memory");
		return;
	}
	for (i = 0; i < node->prop_count; i++)
		keys[i] = node->props[i].key;
	qsort(keys, node->prop_count, sizeof(*keys), by_text);
	for (i = 1; i < node->prop_count; i++)
		if (by_text(&keys[i - 1], &keys[i]) == 0) {
			fail(o, FCS_EFORMAT, "two Hash keys with one text");
			return;
		}
}

static int
on_member(mrb_state *mrb, mrb_value key, mrb_value val, void *arg)
{
	struct member *m = arg;
	struct out *o = m->o;
	char scratch[24];
	const char *p;
	struct value *child;
	size_t len;

	(void)mrb;
	if (!key_text(o, key, scratch, &p, &len))
		return 1;
	child = convert(o, val, m->depth + 1);
	if (child == NULL)
		return 1;
	if (value_set_len(o->arena, m->node, p, len, child) != FCS_OK) {
		fail(o, FCS_ENOMEM, "out of memory");
		return 1;
	}
	return 0;
}

static int
on_key(mrb_state *mrb, mrb_value key, mrb_value val, void *arg)
{
	bool *mixed = arg;

	(void)mrb;
	(void)val;
	if (!mrb_string_p(key))
		*mixed = true;
	return *mixed;
}

static int
on_entry(mrb_state *mrb, mrb_value key, mrb_value val, void *arg)
{
	struct member *m = arg;

	(void)mrb;
	return !push(m->o, m->node, convert(m->o, key, m->depth + 1)) ||
	       !push(m->o, m->node, convert(m->o, val, m->depth + 1));
}

static void
fill_hash(struct out *o, mrb_value h, struct value *node, int depth)
{
	struct member m = { o, node, depth };
	bool mixed = false;

	mrb_hash_foreach(o->vm->mrb, mrb_hash_ptr(h), on_key, &mixed);
	mrb_hash_foreach(o->vm->mrb, mrb_hash_ptr(h), on_member, &m);
	if (mixed)
		check_keys(o, node);
}

static void
fill_typed(struct out *o, mrb_value h, struct value *node, int depth)
{
	mrb_value type = mrb_iv_get(o->vm->mrb, h, o->vm->sym_type);
	struct value *name;

	if (!mrb_string_p(type) || RSTRING_LEN(type) == 0 ||
	    RSTRING_LEN(type) > 65535) {
		fail(o, FCS_EFORMAT, "an FCS::Typed without a type");
		return;
	}
	name = string(
	    o, RSTRING_PTR(type), (size_t)RSTRING_LEN(type), VALUE_STRING);
	if (name == NULL)
		return;
	node->class_name = name->str;
	fill_hash(o, h, node, depth);
	if (o->rc != FCS_OK)
		return;
	if (node->prop_count == 1 &&
	    value_str_eq(node->props[0].key, "source") &&
	    (value_str_eq(name->str, "flex.messaging.io.ArrayCollection") ||
		value_str_eq(name->str, "flex.messaging.io.ObjectProxy"))) {
		node->externalizable = true;
		node->amf3 = true;
		push(o, node, node->props[0].val);
		node->prop_count = 0;
	}
	node->sealed_count = node->prop_count;
}

static struct value *
hash(struct out *o, mrb_value h, int depth)
{
	struct vm *vm = o->vm;
	struct member m = { o, NULL, depth };
	struct value *node;

	if (class_under(vm, h, VM_DICTIONARY)) {
		node = node_new(o, VALUE_DICTIONARY);
		if (node == NULL || !made_add(o, mrb_ptr(h), node))
			return NULL;
		node->amf3 = true;
		m.node = node;
		node->boolean = mrb_test(mrb_iv_get(vm->mrb, h, vm->sym_weak));
		mrb_hash_foreach(vm->mrb, mrb_hash_ptr(h), on_entry, &m);
	} else {
		node = node_new(
		    o, class_under(vm, h, VM_ECMA) ? VALUE_ECMA : VALUE_OBJECT);
		if (node == NULL || !made_add(o, mrb_ptr(h), node))
			return NULL;
		if (class_under(vm, h, VM_TYPED)) {
			fill_typed(o, h, node, depth);
		} else {
			node->dynamic = true;
			fill_hash(o, h, node, depth);
		}
	}
	return o->rc == FCS_OK ? node : NULL;
}

static bool
vector_item(struct out *o, struct value *node, mrb_value item)
{
	double d;

	if (mrb_integer_p(item))
		d = (double)mrb_integer(item);
	else if (mrb_float_p(item))
		d = conv_mend(o->vm, mrb_float(item));
	else
		d = NAN;
	if (node->type != VALUE_VECTOR_DOUBLE &&
	    (d != floor(d) ||
		d < (node->type == VALUE_VECTOR_INT ? -2147483648.0 : 0.0) ||
		d > (node->type == VALUE_VECTOR_INT ? 2147483647.0
						    : 4294967295.0))) {
		fail(o, FCS_ERANGE,
		    "a Vector element that does not fit its kind");
		return false;
	}
	if (node->type == VALUE_VECTOR_DOUBLE && !mrb_integer_p(item) &&
	    !mrb_float_p(item)) {
		fail(o, FCS_ERANGE,
		    "a Vector element that does not fit its kind");
		return false;
	}
	return push(o, node, value_number(o->arena, d));
}

static struct value *
vector(struct out *o, mrb_value a, int depth)
{
	static const char *const kinds[] = { "int", "uint", "double",
		"object" };
	mrb_state *mrb = o->vm->mrb;
	mrb_value class = mrb_obj_value(mrb_basic_ptr(a)->c), kind, type;
	struct value *node, *name;
	mrb_int i;
	int k;

	kind = mrb_iv_get(mrb, class, o->vm->sym_kind);
	for (k = 0; k < 4; k++)
		if (mrb_string_p(kind) &&
		    strcmp(kinds[k], RSTRING_PTR(kind)) == 0)
			break;
	if (k == 4)
		return fail(o, FCS_EFORMAT, "an FCS::Vector without a kind");
	node = node_new(o, (enum value_type)(VALUE_VECTOR_INT + k));
	if (node == NULL || !made_add(o, mrb_ptr(a), node))
		return NULL;
	node->amf3 = true;
	node->boolean = mrb_test(mrb_iv_get(mrb, class, o->vm->sym_fixed));
	type = mrb_iv_get(mrb, class, o->vm->sym_type);
	if (k == 3 && mrb_string_p(type) && RSTRING_LEN(type) > 0) {
		name = string(o, RSTRING_PTR(type), (size_t)RSTRING_LEN(type),
		    VALUE_STRING);
		if (name == NULL)
			return NULL;
		node->class_name = name->str;
	}
	for (i = 0; i < RARRAY_LEN(a); i++) {
		if (++o->elements > VALUE_ELEMENTS_MAX)
			return fail(o, FCS_ELIMIT, "more than 65536 elements");
		if (k == 3 ? !push(o, node,
				 convert(o, RARRAY_PTR(a)[i], depth + 1))
			   : !vector_item(o, node, RARRAY_PTR(a)[i]))
			return NULL;
	}
	return node;
}

static struct value *
array(struct out *o, mrb_value a, int depth)
{
	struct value *node = node_new(o, VALUE_ARRAY);
	mrb_int i;

	if (node == NULL || !made_add(o, mrb_ptr(a), node))
		return NULL;
	for (i = 0; i < RARRAY_LEN(a); i++)
		if (!push(o, node, convert(o, RARRAY_PTR(a)[i], depth + 1)))
			return NULL;
	return node;
}

static struct value *
text(struct out *o, mrb_value s)
{
	enum value_type type = VALUE_STRING;
	struct value *v;

	if (mrb_basic_ptr(s)->c == o->vm->mrb->string_class)
		type = VALUE_STRING;
	else if (class_under(o->vm, s, VM_XMLDOC))
		type = VALUE_XMLDOC;
	else if (class_under(o->vm, s, VM_XML))
		type = VALUE_XML;
	else if (class_under(o->vm, s, VM_BYTES))
		type = VALUE_BYTES;
	v = string(o, RSTRING_PTR(s), (size_t)RSTRING_LEN(s), type);
	if (v != NULL && (type == VALUE_XML || type == VALUE_BYTES))
		v->amf3 = true;
	return v;
}

/* An object of the script's own class, as it said by to_amf. */
static struct value *
own(struct out *o, mrb_value x, int depth)
{
	const struct conv_sealed *s = conv_sealed(o->vm, mrb_ptr(x));
	struct made *before;
	struct value *node, *name;

	if (s == NULL)
		return fail(o, FCS_EFORMAT,
		    "an object that has no form in ActionScript");
	before = o->cap == 0 ? NULL : made_slot(o, mrb_ptr(x));
	if (before != NULL && before->object != NULL)
		return before->node;
	if (depth >= VALUE_DEPTH_MAX)
		return fail(o, FCS_EDEPTH, "nested more than 32 deep");
	node = node_new(o, VALUE_OBJECT);
	if (node == NULL || !made_add(o, mrb_ptr(x), node))
		return NULL;
	if (mrb_string_p(s->name)) {
		name = string(o, RSTRING_PTR(s->name),
		    (size_t)RSTRING_LEN(s->name), VALUE_STRING);
		if (name == NULL)
			return NULL;
		node->class_name = name->str;
	}
	node->dynamic = node->class_name.len == 0;
	fill_hash(o, s->members, node, depth);
	if (!node->dynamic)
		node->sealed_count = node->prop_count;
	return o->rc == FCS_OK ? node : NULL;
}

static struct value *
instance(struct out *o, mrb_value x, int depth)
{
	struct value *v;
	mrb_value us;

	if (mrb_obj_equal(o->vm->mrb, x, o->vm->undefined))
		return node_new(o, VALUE_UNDEFINED);
	if (!class_under(o->vm, x, VM_TIME))
		return own(o, x, depth);
	us = mrb_iv_get(o->vm->mrb, x, o->vm->sym_us);
	v = node_new(o, VALUE_DATE);
	if (v != NULL)
		v->number = mrb_integer_p(us)
				? floor((double)mrb_integer(us) / 1000.0)
				: 0;
	return v;
}

static struct value *
convert(struct out *o, mrb_value x, int depth)
{
	struct made *before;
	struct value *v;
	const char *p;
	mrb_int n = 0;

	if (o->rc != FCS_OK)
		return NULL;
	if (++o->elements > VALUE_ELEMENTS_MAX)
		return fail(o, FCS_ELIMIT, "more than 65536 elements");
	switch (mrb_type(x)) {
	case MRB_TT_FALSE: /* and nil */
		if (mrb_nil_p(x))
			return node_new(o, VALUE_NULL);
		return value_bool(o->arena, false);
	case MRB_TT_TRUE:
		return value_bool(o->arena, true);
	case MRB_TT_INTEGER:
		return integer(o, mrb_integer(x));
	case MRB_TT_FLOAT:
		v = node_new(o, VALUE_NUMBER);
		if (v != NULL)
			v->number = conv_mend(o->vm, mrb_float(x));
		return v;
	case MRB_TT_SYMBOL:
		p = mrb_sym_name_len(o->vm->mrb, mrb_symbol(x), &n);
		return string(o, p, (size_t)n, VALUE_STRING);
	case MRB_TT_STRING:
		return text(o, x);
	case MRB_TT_OBJECT:
		return instance(o, x, depth);
	case MRB_TT_ARRAY:
	case MRB_TT_HASH:
		break;
	default:
		if (!mrb_immediate_p(x))
			return own(o, x, depth);
		return fail(o, FCS_EFORMAT,
		    "an object that has no form in ActionScript");
	}
	before = o->cap == 0 ? NULL : made_slot(o, mrb_ptr(x));
	if (before != NULL && before->object != NULL)
		return before->node;
	if (depth >= VALUE_DEPTH_MAX)
		return fail(o, FCS_EDEPTH, "nested more than 32 deep");
	if (mrb_hash_p(x))
		return hash(o, x, depth);
	if (class_under(o->vm, x, VM_VECTOR))
		return vector(o, x, depth);
	return array(o, x, depth);
}

static int
convert_list(struct vm *vm, struct arena *a, const mrb_value *list,
    uint32_t count, struct value **out, const char **why)
{
	struct out o;
	uint32_t i;

	memset(&o, 0, sizeof(o));
	o.vm = vm;
	o.arena = a;
	for (i = 0; i < count; i++) {
		out[i] = convert(&o, list[i], 0);
		if (out[i] == NULL) {
			if (o.rc == FCS_OK)
				fail(&o, FCS_ENOMEM, "out of memory");
			*why = o.why;
			break;
		}
	}
	vm->sealed_count = 0; /* good for one conversion */
	vm->converted = o.elements;
	return o.rc;
}

int
conv_from_ruby(struct vm *vm, struct arena *a, mrb_value v, struct value **out,
    const char **why)
{
	return convert_list(vm, a, &v, 1, out, why);
}

int
conv_args(struct vm *vm, mrb_value list, struct value ***out, uint32_t *count,
    const char **why)
{
	*count = (uint32_t)RARRAY_LEN(list);
	arena_reset(vm->args);
	*out = arena_array(vm->args, *count + 1, sizeof(struct value *));
	if (*out == NULL) {
		*why = err_text(FCS_ENOMEM);
		return FCS_ENOMEM;
	}
	return convert_list(vm, vm->args, RARRAY_PTR(list), *count, *out, why);
}

int
conv_message(struct vm *vm, const char *name, size_t len, mrb_value list,
    enum amf0_mode mode, const char **why)
{
	struct amf0_writer w;
	struct value **args;
	uint32_t count, i;
	int rc = conv_args(vm, list, &args, &count, why);

	if (rc != FCS_OK)
		return rc;
	*why = NULL;
	buf_reset(&vm->out, 65536);
	amf0_put_string(&vm->out, name, len);
	amf0_writer_init(&w, &vm->out, mode);
	for (i = 0; rc == FCS_OK && i < count; i++)
		rc = amf0_write(&w, args[i]);
	amf0_writer_fini(&w);
	return rc == FCS_OK ? buf_status(&vm->out) : rc;
}

int
conv_pack(struct vm *vm, mrb_value v, const char **why)
{
	struct value *tree = NULL;
	int rc;

	arena_reset(vm->args);
	buf_reset(&vm->out, 65536);
	rc = conv_from_ruby(vm, vm->args, v, &tree, why);
	if (rc != FCS_OK)
		return rc;
	rc = value_pack(&vm->out, tree);
	*why = err_text(rc);
	return rc;
}
