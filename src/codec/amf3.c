/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * amf3 - reader. Recursive descent of at most VALUE_DEPTH_MAX containers. The
 * tables grow in the arena. An object enters its table before its members are
 * read, so a cycle is a pointer back. The writer is in amf3_write.c.
 */
#include "codec/amf3.h"

#include <string.h>

#include "codec/amf_int.h"

struct amf3_traits {
	struct value_str class_name;
	bool dynamic;
	bool externalizable;
	uint32_t count;
	struct value_str *names;
};

void
amf3_reader_init(
    struct amf3_reader *r, struct arena *arena, const uint8_t *data, size_t len)
{
	memset(r, 0, sizeof(*r));
	r->arena = arena;
	r->data = data;
	r->len = len;
	r->elements_max = VALUE_ELEMENTS_MAX;
}

static size_t
left(const struct amf3_reader *r)
{
	return r->len - r->pos;
}

static const uint8_t *
take(struct amf3_reader *r, size_t n)
{
	const uint8_t *p = r->data + r->pos;

	if (left(r) < n)
		return NULL;
	r->pos += n;
	return p;
}

static int
take_u29(struct amf3_reader *r, uint32_t *out)
{
	uint32_t v = 0;
	const uint8_t *p;

	for (unsigned i = 0; i < 3; i++) {
		p = take(r, 1);
		if (p == NULL)
			return FCS_ESHORT;
		v = v << 7 | (*p & 0x7fu);
		if ((*p & 0x80) == 0) {
			*out = v;
			return FCS_OK;
		}
	}
	p = take(r, 1);
	if (p == NULL)
		return FCS_ESHORT;
	*out = v << 8 | *p;
	return FCS_OK;
}

/* Room for one more entry of width w in a table that lives in the arena. */
static int
reserve(struct arena *a, void **table, uint32_t count, uint32_t *cap, size_t w)
{
	uint32_t ncap = *cap == 0 ? 8 : *cap * 2;
	void *p;

	if (count >= AMF3_TABLE_MAX)
		return FCS_ELIMIT;
	if (count < *cap && *table != NULL)
		return FCS_OK;
	p = arena_array(a, ncap, w);
	if (p == NULL)
		return FCS_ENOMEM;
	if (*table != NULL)
		memcpy(p, *table, count * w);
	*table = p;
	*cap = ncap;
	return FCS_OK;
}

int
amf3_reader_string(struct amf3_reader *r, struct value_str *out)
{
	void *table = r->strings;
	struct value_str s;
	uint32_t u;
	int rc;

	rc = take_u29(r, &u);
	if (rc != FCS_OK)
		return rc;
	if ((u & 1) == 0) {
		if (u >> 1 >= r->string_count)
			return FCS_EFORMAT;
		*out = r->strings[u >> 1];
		return FCS_OK;
	}
	s.len = u >> 1;
	s.ptr = (const char *)take(r, s.len);
	if (s.ptr == NULL)
		return FCS_ESHORT;
	rc = amf_keep_str(r->arena, s, out);
	if (rc != FCS_OK || s.len == 0)
		return rc; /* the empty string has no entry */
	rc = reserve(r->arena, &table, r->string_count, &r->string_cap,
	    sizeof(struct value_str));
	if (rc != FCS_OK)
		return rc;
	r->strings = table;
	r->strings[r->string_count++] = *out;
	return FCS_OK;
}

static int
new_object(struct amf3_reader *r, enum value_type type, struct value **out)
{
	void *table = r->objects;
	int rc;

	rc = reserve(r->arena, &table, r->object_count, &r->object_cap,
	    sizeof(struct value *));
	if (rc != FCS_OK)
		return rc;
	r->objects = table;
	*out = value_new(r->arena, type);
	if (*out == NULL)
		return FCS_ENOMEM;
	(*out)->amf3 = true;
	r->objects[r->object_count++] = *out;
	return FCS_OK;
}

/*
 * The number that opens every complex value but objects: a reference (then
 * *out is set), or the low bit off and the rest in *n.
 */
static int
open_complex(struct amf3_reader *r, uint32_t *n, struct value **out)
{
	uint32_t u;
	int rc;

	*out = NULL;
	rc = take_u29(r, &u);
	if (rc != FCS_OK)
		return rc;
	*n = u >> 1;
	if ((u & 1) != 0)
		return FCS_OK;
	if (*n >= r->object_count)
		return FCS_EFORMAT;
	*out = r->objects[*n];
	return FCS_OK;
}

/* An array of n item pointers; each takes `width` bytes of input or more. */
static int
room_for(struct amf3_reader *r, struct value *v, uint32_t n, uint32_t width)
{
	if (n > left(r) / width)
		return FCS_ESHORT;
	if (n > r->elements_max - r->elements)
		return FCS_ELIMIT;
	if (n == 0)
		return FCS_OK;
	v->items = arena_array(r->arena, n, sizeof(struct value *));
	if (v->items == NULL)
		return FCS_ENOMEM;
	v->item_cap = n;
	return FCS_OK;
}

static int
read_items(struct amf3_reader *r, struct value *v, uint32_t n, unsigned depth)
{
	int rc;

	while (v->item_count < n) {
		rc = amf3_reader_value(r, depth + 1, &v->items[v->item_count]);
		if (rc != FCS_OK)
			return rc;
		v->item_count++;
	}
	return FCS_OK;
}

/* Names and values up to the empty name. */
static int
read_named(struct amf3_reader *r, struct value *v, unsigned depth)
{
	struct value_str key;
	struct value *val;
	int rc;

	for (;;) {
		rc = amf3_reader_string(r, &key);
		if (rc != FCS_OK || key.len == 0)
			return rc;
		rc = amf3_reader_value(r, depth + 1, &val);
		if (rc == FCS_OK)
			rc = amf_add_prop(r->arena, v, key, val);
		if (rc != FCS_OK)
			return rc;
	}
}

static int
read_array(struct amf3_reader *r, unsigned depth, struct value **out)
{
	struct value *v;
	uint32_t n;
	int rc;

	rc = open_complex(r, &n, out);
	if (rc != FCS_OK || *out != NULL)
		return rc;
	rc = new_object(r, VALUE_ARRAY, &v);
	if (rc != FCS_OK)
		return rc;
	*out = v;
	if (n > left(r))
		return FCS_ESHORT;
	rc = read_named(r, v, depth);
	if (rc == FCS_OK)
		rc = room_for(r, v, n, 1);
	if (rc != FCS_OK)
		return rc;
	if (v->prop_count > 0)
		v->type = VALUE_ECMA;
	return read_items(r, v, n, depth);
}

/* ---- objects ---- */

static int
new_traits(struct amf3_reader *r, uint32_t u, struct amf3_traits **out)
{
	void *table = r->traits;
	struct amf3_traits *t;
	int rc;

	t = arena_zalloc(r->arena, sizeof(*t));
	if (t == NULL)
		return FCS_ENOMEM;
	t->externalizable = (u & 4) != 0;
	t->dynamic = (u & 8) != 0;
	t->count = t->externalizable ? 0 : u >> 4;
	rc = amf3_reader_string(r, &t->class_name);
	if (rc != FCS_OK)
		return rc;
	if (t->count > left(r))
		return FCS_ESHORT;
	if (t->count > r->elements_max - r->elements)
		return FCS_ELIMIT;
	if (t->count > 0) {
		t->names = arena_array(r->arena, t->count, sizeof(*t->names));
		if (t->names == NULL)
			return FCS_ENOMEM;
	}
	for (uint32_t i = 0; i < t->count; i++) {
		rc = amf3_reader_string(r, &t->names[i]);
		if (rc != FCS_OK)
			return rc;
	}
	rc = reserve(r->arena, &table, r->trait_count, &r->trait_cap,
	    sizeof(struct amf3_traits *));
	if (rc != FCS_OK)
		return rc;
	r->traits = table;
	r->traits[r->trait_count++] = t;
	*out = t;
	return FCS_OK;
}

static int
read_external(struct amf3_reader *r, struct value *v, unsigned depth)
{
	static const char *const known[] = {
		"flex.messaging.io.ArrayCollection",
		"flex.messaging.io.ArrayList",
		"flex.messaging.io.ObjectProxy",
	};
	int rc;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!value_str_eq(v->class_name, known[i]))
			continue;
		v->externalizable = true;
		rc = room_for(r, v, 1, 1);
		return rc != FCS_OK ? rc : read_items(r, v, 1, depth);
	}
	return FCS_EFORMAT; /* nothing says where its bytes end */
}

static int
read_members(struct amf3_reader *r, const struct amf3_traits *t,
    struct value *v, unsigned depth)
{
	int rc;

	/* Traits are named again for few bytes; their members are not. */
	if (t->count > left(r))
		return FCS_ESHORT;
	if (t->count > r->elements_max - r->elements)
		return FCS_ELIMIT;
	if (t->count > 0) {
		v->props = arena_array(r->arena, t->count, sizeof(*v->props));
		if (v->props == NULL)
			return FCS_ENOMEM;
		v->prop_cap = t->count;
	}
	while (v->prop_count < t->count) {
		struct value_prop *p = &v->props[v->prop_count];

		p->key = t->names[v->prop_count];
		rc = amf3_reader_value(r, depth + 1, &p->val);
		if (rc != FCS_OK)
			return rc;
		v->prop_count++;
		v->sealed_count++;
	}
	return t->dynamic ? read_named(r, v, depth) : FCS_OK;
}

static int
read_object(struct amf3_reader *r, unsigned depth, struct value **out)
{
	struct amf3_traits *t;
	struct value *v;
	uint32_t u;
	int rc;

	rc = take_u29(r, &u);
	if (rc != FCS_OK)
		return rc;
	if ((u & 1) == 0) {
		if (u >> 1 >= r->object_count)
			return FCS_EFORMAT;
		*out = r->objects[u >> 1];
		return FCS_OK;
	}
	rc = new_object(r, VALUE_OBJECT, &v);
	if (rc != FCS_OK)
		return rc;
	*out = v;
	if ((u & 2) == 0) {
		if (u >> 2 >= r->trait_count)
			return FCS_EFORMAT;
		t = r->traits[u >> 2];
	} else {
		rc = new_traits(r, u, &t);
		if (rc != FCS_OK)
			return rc;
	}
	v->class_name = t->class_name;
	v->dynamic = t->dynamic;
	if (t->externalizable)
		return read_external(r, v, depth);
	return read_members(r, t, v, depth);
}

/* ---- the other complex values ---- */

/* XML and ByteArray: a length and bytes. */
static int
read_blob(struct amf3_reader *r, enum value_type type, struct value **out)
{
	struct value_str s;
	struct value *v;
	uint32_t n;
	int rc;

	rc = open_complex(r, &n, out);
	if (rc != FCS_OK || *out != NULL)
		return rc;
	s.ptr = (const char *)take(r, n);
	s.len = n;
	if (s.ptr == NULL)
		return FCS_ESHORT;
	rc = new_object(r, type, &v);
	if (rc != FCS_OK)
		return rc;
	*out = v;
	return amf_keep_str(r->arena, s, &v->str);
}

static int
read_date(struct amf3_reader *r, struct value **out)
{
	const uint8_t *p;
	struct value *v;
	uint32_t n;
	int rc;

	rc = open_complex(r, &n, out);
	if (rc != FCS_OK || *out != NULL)
		return rc;
	p = take(r, 8);
	if (p == NULL)
		return FCS_ESHORT;
	rc = new_object(r, VALUE_DATE, &v);
	if (rc != FCS_OK)
		return rc;
	v->number = amf_getf64(p);
	*out = v;
	return FCS_OK;
}

static double
vector_number(enum value_type type, const uint8_t *p)
{
	if (type == VALUE_VECTOR_INT)
		return (int32_t)amf_get32(p);
	if (type == VALUE_VECTOR_UINT)
		return amf_get32(p);
	return amf_getf64(p);
}

static int
read_vector(struct amf3_reader *r, enum value_type type, unsigned depth,
    struct value **out)
{
	uint32_t n, width = 1;
	const uint8_t *p;
	struct value *v;
	int rc;

	rc = open_complex(r, &n, out);
	if (rc != FCS_OK || *out != NULL)
		return rc;
	rc = new_object(r, type, &v);
	if (rc != FCS_OK)
		return rc;
	*out = v;
	p = take(r, 1);
	if (p == NULL)
		return FCS_ESHORT;
	v->boolean = *p != 0;
	if (type == VALUE_VECTOR_OBJECT) {
		rc = amf3_reader_string(r, &v->class_name);
		if (rc != FCS_OK)
			return rc;
	} else {
		width = type == VALUE_VECTOR_DOUBLE ? 8 : 4;
	}
	rc = room_for(r, v, n, width);
	if (rc != FCS_OK)
		return rc;
	if (type == VALUE_VECTOR_OBJECT)
		return read_items(r, v, n, depth);
	while (v->item_count < n) {
		struct value *item =
		    value_number(r->arena, vector_number(type, take(r, width)));

		if (item == NULL)
			return FCS_ENOMEM;
		item->amf3 = true;
		r->elements++;
		v->items[v->item_count++] = item;
	}
	return FCS_OK;
}

static int
read_dictionary(struct amf3_reader *r, unsigned depth, struct value **out)
{
	const uint8_t *p;
	struct value *v;
	uint32_t n;
	int rc;

	rc = open_complex(r, &n, out);
	if (rc != FCS_OK || *out != NULL)
		return rc;
	rc = new_object(r, VALUE_DICTIONARY, &v);
	if (rc != FCS_OK)
		return rc;
	*out = v;
	p = take(r, 1);
	if (p == NULL)
		return FCS_ESHORT;
	v->boolean = *p != 0;
	rc = room_for(r, v, n * 2, 1); /* n has 28 bits */
	return rc != FCS_OK ? rc : read_items(r, v, n * 2, depth);
}

/* ---- values ---- */

static int
read_simple(struct amf3_reader *r, uint8_t marker, struct value **out)
{
	static const enum value_type types[] = { VALUE_UNDEFINED, VALUE_NULL,
		VALUE_BOOL, VALUE_BOOL, VALUE_INTEGER, VALUE_NUMBER,
		VALUE_STRING };
	struct value *v = value_new(r->arena, types[marker]);
	const uint8_t *p;
	uint32_t u;
	int rc = FCS_OK;

	if (v == NULL)
		return FCS_ENOMEM;
	v->amf3 = true;
	*out = v;
	switch (marker) {
	case AMF3_M_TRUE:
		v->boolean = true;
		break;
	case AMF3_M_INTEGER:
		rc = take_u29(r, &u);
		if (rc == FCS_OK)
			v->number =
			    u > AMF3_INT_MAX ? (double)u - (1 << 29) : u;
		break;
	case AMF3_M_DOUBLE:
		p = take(r, 8);
		if (p == NULL)
			return FCS_ESHORT;
		v->number = amf_getf64(p);
		break;
	case AMF3_M_STRING:
		return amf3_reader_string(r, &v->str);
	default:
		break;
	}
	return rc;
}

static int
read_complex(
    struct amf3_reader *r, uint8_t marker, unsigned depth, struct value **out)
{
	switch (marker) {
	case AMF3_M_XMLDOC:
		return read_blob(r, VALUE_XMLDOC, out);
	case AMF3_M_XML:
		return read_blob(r, VALUE_XML, out);
	case AMF3_M_BYTES:
		return read_blob(r, VALUE_BYTES, out);
	case AMF3_M_DATE:
		return read_date(r, out);
	default:
		break;
	}
	if (depth >= VALUE_DEPTH_MAX)
		return FCS_EDEPTH;
	switch (marker) {
	case AMF3_M_ARRAY:
		return read_array(r, depth, out);
	case AMF3_M_OBJECT:
		return read_object(r, depth, out);
	case AMF3_M_VECTOR_INT:
		return read_vector(r, VALUE_VECTOR_INT, depth, out);
	case AMF3_M_VECTOR_UINT:
		return read_vector(r, VALUE_VECTOR_UINT, depth, out);
	case AMF3_M_VECTOR_DOUBLE:
		return read_vector(r, VALUE_VECTOR_DOUBLE, depth, out);
	case AMF3_M_VECTOR_OBJECT:
		return read_vector(r, VALUE_VECTOR_OBJECT, depth, out);
	case AMF3_M_DICTIONARY:
		return read_dictionary(r, depth, out);
	default:
		return FCS_EFORMAT;
	}
}

int
amf3_reader_value(struct amf3_reader *r, unsigned depth, struct value **out)
{
	const uint8_t *p = take(r, 1);

	if (p == NULL)
		return FCS_ESHORT;
	if (r->elements >= r->elements_max)
		return FCS_ELIMIT;
	r->elements++;
	if (*p <= AMF3_M_STRING)
		return read_simple(r, *p, out);
	return read_complex(r, *p, depth, out);
}

int
amf3_read(struct arena *arena, const uint8_t *data, size_t len, size_t *pos,
    uint32_t *elements, unsigned depth, struct value **out)
{
	struct amf3_reader r;
	struct value *v = NULL;
	int rc;

	amf3_reader_init(&r, arena, data, len);
	r.pos = *pos;
	r.elements = *elements;
	rc = amf3_reader_value(&r, depth, &v);
	*pos = r.pos;
	*elements = r.elements;
	if (rc == FCS_OK)
		*out = v;
	return rc;
}
