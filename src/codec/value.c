/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * value - building and comparing value trees. Nodes and strings come from the
 * arena; growing an array leaves the old one behind in the arena (doubling, so
 * at most as much again is lost). JSON is in value_json.c.
 */
#include "codec/value.h"

#include <string.h>

#include "codec/amf0.h"

#define EQUAL_BUDGET 2000000 /* visits; 64 bytes of text count as one */

struct value *
value_new(struct arena *a, enum value_type type)
{
	struct value *v = arena_zalloc(a, sizeof(*v));

	if (v != NULL)
		v->type = type;
	return v;
}

struct value *
value_bool(struct arena *a, bool b)
{
	struct value *v = value_new(a, VALUE_BOOL);

	if (v != NULL)
		v->boolean = b;
	return v;
}

struct value *
value_number(struct arena *a, double d)
{
	struct value *v = value_new(a, VALUE_NUMBER);

	if (v != NULL)
		v->number = d;
	return v;
}

struct value *
value_string(struct arena *a, const char *text)
{
	return value_string_len(a, text, strlen(text));
}

static int
copy_str(struct arena *a, const char *p, size_t len, struct value_str *out)
{
	if (len > UINT32_MAX)
		return FCS_ENOMEM;
	out->len = (uint32_t)len;
	out->ptr = "";
	if (len > 0) {
		out->ptr = arena_memdup(a, p, len);
		if (out->ptr == NULL)
			return FCS_ENOMEM;
	}
	return FCS_OK;
}

struct value *
value_string_len(struct arena *a, const char *p, size_t len)
{
	struct value *v = value_new(a, VALUE_STRING);

	if (v == NULL || copy_str(a, p, len, &v->str) != FCS_OK)
		return NULL;
	return v;
}

/* A larger copy of an array of width w; NULL when the arena is full. */
static void *
grow(struct arena *a, const void *old, uint32_t count, uint32_t *cap, size_t w)
{
	uint32_t ncap = *cap == 0 ? 4 : *cap * 2;
	void *p;

	if (ncap <= *cap)
		return NULL;
	p = arena_array(a, ncap, w);
	if (p == NULL)
		return NULL;
	if (count > 0)
		memcpy(p, old, count * w);
	*cap = ncap;
	return p;
}

int
value_set_len(struct arena *a, struct value *obj, const char *key,
    size_t key_len, struct value *val)
{
	struct value_prop *props;
	struct value_str k;

	if (val == NULL || obj == NULL)
		return FCS_ENOMEM;
	if (copy_str(a, key, key_len, &k) != FCS_OK)
		return FCS_ENOMEM;
	if (obj->prop_count == obj->prop_cap) {
		props = grow(a, obj->props, obj->prop_count, &obj->prop_cap,
		    sizeof(*props));
		if (props == NULL)
			return FCS_ENOMEM;
		obj->props = props;
	}
	obj->props[obj->prop_count].key = k;
	obj->props[obj->prop_count].val = val;
	obj->prop_count++;
	return FCS_OK;
}

int
value_set(
    struct arena *a, struct value *obj, const char *key, struct value *val)
{
	return value_set_len(a, obj, key, strlen(key), val);
}

int
value_push(struct arena *a, struct value *array, struct value *val)
{
	struct value **items;

	if (val == NULL || array == NULL)
		return FCS_ENOMEM;
	if (array->item_count == array->item_cap) {
		items = grow(a, array->items, array->item_count,
		    &array->item_cap, sizeof(struct value *));
		if (items == NULL)
			return FCS_ENOMEM;
		array->items = items;
	}
	array->items[array->item_count++] = val;
	return FCS_OK;
}

const struct value *
value_get(const struct value *obj, const char *key)
{
	if (obj == NULL)
		return NULL;
	for (uint32_t i = 0; i < obj->prop_count; i++)
		if (value_str_eq(obj->props[i].key, key))
			return obj->props[i].val;
	return NULL;
}

double
value_as_number(const struct value *v, double dflt)
{
	if (v == NULL)
		return dflt;
	switch (v->type) {
	case VALUE_NUMBER:
	case VALUE_INTEGER:
		return v->number;
	case VALUE_BOOL:
		return v->boolean ? 1 : 0;
	default:
		return dflt;
	}
}

bool
value_as_bool(const struct value *v, bool dflt)
{
	return v != NULL && v->type == VALUE_BOOL ? v->boolean : dflt;
}

bool
value_str_eq(struct value_str s, const char *text)
{
	size_t n = strlen(text);

	return s.len == n && (n == 0 || memcmp(s.ptr, text, n) == 0);
}

bool
value_is_complex(const struct value *v)
{
	if (v == NULL)
		return false;
	switch (v->type) {
	case VALUE_OBJECT:
	case VALUE_ECMA:
	case VALUE_ARRAY:
	case VALUE_BYTES:
	case VALUE_VECTOR_INT:
	case VALUE_VECTOR_UINT:
	case VALUE_VECTOR_DOUBLE:
	case VALUE_VECTOR_OBJECT:
	case VALUE_DICTIONARY:
		return true;
	case VALUE_DATE:
	case VALUE_XML:
	case VALUE_XMLDOC:
		return v->amf3;
	default:
		return false;
	}
}

static bool
str_equal(struct value_str a, struct value_str b, long *budget)
{
	if (a.len != b.len)
		return false;
	if (a.len == 0 || a.ptr == b.ptr)
		return true;
	*budget -= a.len / 64;
	return *budget > 0 && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* Bit equality, so that NaN equals itself and 0 is not -0. */
static bool
num_equal(double a, double b)
{
	uint64_t x, y;

	memcpy(&x, &a, sizeof(x));
	memcpy(&y, &b, sizeof(y));
	return x == y;
}

static bool
equal(
    const struct value *a, const struct value *b, unsigned depth, long *budget)
{
	if (a == b)
		return true;
	if (a == NULL || b == NULL || a->type != b->type ||
	    depth > VALUE_DEPTH_MAX || --*budget <= 0)
		return false;
	if (a->boolean != b->boolean || !num_equal(a->number, b->number) ||
	    a->zone != b->zone || a->externalizable != b->externalizable ||
	    a->prop_count != b->prop_count || a->item_count != b->item_count ||
	    a->sealed_count != b->sealed_count || a->dynamic != b->dynamic ||
	    !str_equal(a->str, b->str, budget) ||
	    !str_equal(a->class_name, b->class_name, budget))
		return false;
	for (uint32_t i = 0; i < a->prop_count; i++)
		if (!str_equal(a->props[i].key, b->props[i].key, budget) ||
		    !equal(a->props[i].val, b->props[i].val, depth + 1, budget))
			return false;
	for (uint32_t i = 0; i < a->item_count; i++)
		if (!equal(a->items[i], b->items[i], depth + 1, budget))
			return false;
	return true;
}

bool
value_equal(const struct value *a, const struct value *b)
{
	long budget = EQUAL_BUDGET;

	return equal(a, b, 0, &budget);
}

/* ---- the stored form ---- */

int
value_pack(struct buf *out, const struct value *v)
{
	struct amf0_writer w;
	int rc;

	amf0_writer_init(&w, out, AMF0_CANONICAL);
	rc = amf0_write(&w, v);
	amf0_writer_fini(&w);
	return rc;
}

int
value_unpack(
    struct arena *a, const uint8_t *data, size_t len, struct value **out)
{
	struct amf0_reader r;
	struct value *v;
	int rc;

	amf0_reader_init(&r, a, data, len);
	rc = amf0_read(&r, &v);
	if (rc == FCS_OK && !amf0_reader_at_end(&r))
		rc = FCS_EFORMAT;
	if (rc == FCS_OK)
		*out = v;
	return rc;
}
