/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * amf0 - reader, and the single pieces. One recursive descent, at most VALUE_DEPTH_MAX levels of
 * containers, so the stack is bounded whatever the input says. Everything that
 * is kept is copied into the arena. The writer is in amf0_write.c.
 */
#include "codec/amf0.h"

#include <string.h>

#include "codec/amf3.h"
#include "codec/amf_int.h"

#define REFS_MAX 65536 /* an index has 16 bits */

static int read_value(struct amf0_reader *, unsigned depth, struct value **);

void
amf0_reader_init(
    struct amf0_reader *r, struct arena *arena, const uint8_t *data, size_t len)
{
	memset(r, 0, sizeof(*r));
	r->arena = arena;
	r->data = data;
	r->len = len;
	r->elements_max = VALUE_ELEMENTS_MAX;
}

bool
amf0_reader_at_end(const struct amf0_reader *r)
{
	return r->pos >= r->len;
}

/* n bytes of the input, or NULL when fewer are left. */
static const uint8_t *
take(struct amf0_reader *r, size_t n)
{
	const uint8_t *p = r->data + r->pos;

	if (r->len - r->pos < n)
		return NULL;
	r->pos += n;
	return p;
}

/* A string behind a length of width 2 or 4, still in the input. */
static int
take_str(struct amf0_reader *r, unsigned width, struct value_str *out)
{
	const uint8_t *p = take(r, width);
	uint32_t n;

	if (p == NULL)
		return FCS_ESHORT;
	n = width == 2 ? amf_get16(p) : amf_get32(p);
	p = take(r, n);
	if (p == NULL)
		return FCS_ESHORT;
	out->ptr = (const char *)p;
	out->len = n;
	return FCS_OK;
}

int
amf0_reader_add(struct amf0_reader *r, struct value *v)
{
	struct value **refs;
	uint32_t cap;

	if (r->ref_count == REFS_MAX)
		return FCS_OK; /* no index can name it */
	if (r->ref_count == r->ref_cap) {
		cap = r->ref_cap == 0 ? 8 : r->ref_cap * 2;
		refs = arena_array(r->arena, cap, sizeof(struct value *));
		if (refs == NULL)
			return FCS_ENOMEM;
		if (r->ref_count > 0)
			memcpy(refs, r->refs,
			    r->ref_count * sizeof(struct value *));
		r->refs = refs;
		r->ref_cap = cap;
	}
	r->refs[r->ref_count++] = v;
	return FCS_OK;
}

static int
read_props(struct amf0_reader *r, struct value *v, unsigned depth)
{
	struct value_str key;
	struct value *val;
	int rc;

	for (;;) {
		if (v->type == VALUE_ECMA && r->pos == r->len)
			return FCS_OK; /* some encoders leave the end out */
		rc = take_str(r, 2, &key);
		if (rc != FCS_OK)
			return rc;
		if (key.len == 0) {
			if (r->pos == r->len)
				return FCS_ESHORT;
			if (r->data[r->pos] == AMF0_M_END) {
				r->pos++;
				return FCS_OK;
			}
		}
		rc = read_value(r, depth + 1, &val);
		if (rc == FCS_OK)
			rc = value_set_len(r->arena, v, key.ptr, key.len, val);
		if (rc != FCS_OK)
			return rc;
	}
}

static int
read_array(struct amf0_reader *r, struct value *v, unsigned depth)
{
	const uint8_t *p = take(r, 4);
	uint32_t n;
	int rc;

	if (p == NULL)
		return FCS_ESHORT;
	n = amf_get32(p);
	if (n > r->len - r->pos) /* a value has one byte at least */
		return FCS_ESHORT;
	if (n > r->elements_max - r->elements)
		return FCS_ELIMIT;
	if (n == 0)
		return FCS_OK;
	v->items = arena_array(r->arena, n, sizeof(struct value *));
	if (v->items == NULL)
		return FCS_ENOMEM;
	v->item_cap = n;
	while (v->item_count < n) {
		rc = read_value(r, depth + 1, &v->items[v->item_count]);
		if (rc != FCS_OK)
			return rc;
		v->item_count++;
	}
	return FCS_OK;
}

/* Objects and arrays: in the reference table before their members. */
static int
read_complex(
    struct amf0_reader *r, uint8_t marker, unsigned depth, struct value **out)
{
	enum value_type type = VALUE_OBJECT;
	struct value_str name = { "", 0 };
	const uint8_t *p;
	struct value *v;
	int rc;

	if (depth >= VALUE_DEPTH_MAX)
		return FCS_EDEPTH;
	if (marker == AMF0_M_ECMA)
		type = VALUE_ECMA;
	else if (marker == AMF0_M_ARRAY)
		type = VALUE_ARRAY;
	v = value_new(r->arena, type);
	if (v == NULL)
		return FCS_ENOMEM;
	rc = amf0_reader_add(r, v);
	if (rc != FCS_OK)
		return rc;
	*out = v;
	if (type == VALUE_ARRAY)
		return read_array(r, v, depth);
	if (marker == AMF0_M_TYPED) {
		rc = take_str(r, 2, &name);
		if (rc == FCS_OK)
			rc = amf_keep_str(r->arena, name, &v->class_name);
		if (rc != FCS_OK)
			return rc;
	} else if (type == VALUE_ECMA) {
		p = take(r, 4);
		if (p == NULL)
			return FCS_ESHORT;
		v->number = amf_get32(p);
		v->boolean = true;
	}
	return read_props(r, v, depth);
}

static int
read_text(struct amf0_reader *r, uint8_t marker, struct value **out)
{
	struct value_str s;
	struct value *v;
	int rc;

	rc = take_str(r, marker == AMF0_M_STRING ? 2 : 4, &s);
	if (rc != FCS_OK)
		return rc;
	v = value_new(
	    r->arena, marker == AMF0_M_XML ? VALUE_XMLDOC : VALUE_STRING);
	if (v == NULL)
		return FCS_ENOMEM;
	*out = v;
	return amf_keep_str(r->arena, s, &v->str);
}

static int
read_scalar(struct amf0_reader *r, uint8_t marker, struct value **out)
{
	static const enum value_type types[] = {
		[AMF0_M_NUMBER] = VALUE_NUMBER,
		[AMF0_M_BOOL] = VALUE_BOOL,
		[AMF0_M_NULL] = VALUE_NULL,
		[AMF0_M_UNDEFINED] = VALUE_UNDEFINED,
		[AMF0_M_DATE] = VALUE_DATE,
		[AMF0_M_UNSUPPORTED] = VALUE_UNSUPPORTED,
	};
	static const uint8_t sizes[] = {
		[AMF0_M_NUMBER] = 8,
		[AMF0_M_BOOL] = 1,
		[AMF0_M_DATE] = 10,
		[AMF0_M_UNSUPPORTED] = 0,
	};
	const uint8_t *p = take(r, sizes[marker]);
	struct value *v;

	if (p == NULL)
		return FCS_ESHORT;
	v = value_new(r->arena, types[marker]);
	if (v == NULL)
		return FCS_ENOMEM;
	if (marker == AMF0_M_BOOL)
		v->boolean = p[0] != 0;
	else if (sizes[marker] >= 8)
		v->number = amf_getf64(p);
	if (marker == AMF0_M_DATE)
		v->zone = (int16_t)amf_get16(p + 8);
	*out = v;
	return FCS_OK;
}

static int
read_reference(struct amf0_reader *r, struct value **out)
{
	const uint8_t *p = take(r, 2);

	if (p == NULL)
		return FCS_ESHORT;
	if (amf_get16(p) >= r->ref_count)
		return FCS_EFORMAT;
	*out = r->refs[amf_get16(p)];
	return FCS_OK;
}

static int
read_amf3(struct amf0_reader *r, unsigned depth, struct value **out)
{
	struct amf3_reader r3;
	int rc;

	amf3_reader_init(&r3, r->arena, r->data, r->len);
	r3.pos = r->pos;
	r3.elements = r->elements - 1; /* the switch is no value of its own */
	r3.elements_max = r->elements_max;
	rc = amf3_reader_value(&r3, depth, out);
	r->pos = r3.pos;
	r->elements = r3.elements;
	return rc;
}

static int
read_value(struct amf0_reader *r, unsigned depth, struct value **out)
{
	const uint8_t *p = take(r, 1);

	if (p == NULL)
		return FCS_ESHORT;
	if (r->elements >= r->elements_max)
		return FCS_ELIMIT;
	r->elements++;
	switch (*p) {
	case AMF0_M_NUMBER:
	case AMF0_M_BOOL:
	case AMF0_M_NULL:
	case AMF0_M_UNDEFINED:
	case AMF0_M_DATE:
	case AMF0_M_UNSUPPORTED:
		return read_scalar(r, *p, out);
	case AMF0_M_STRING:
	case AMF0_M_LONG:
	case AMF0_M_XML:
		return read_text(r, *p, out);
	case AMF0_M_OBJECT:
	case AMF0_M_ECMA:
	case AMF0_M_ARRAY:
	case AMF0_M_TYPED:
		return read_complex(r, *p, depth, out);
	case AMF0_M_REFERENCE:
		return read_reference(r, out);
	case AMF0_M_AVMPLUS:
		return read_amf3(r, depth, out);
	default:
		return FCS_EFORMAT;
	}
}

int
amf0_read(struct amf0_reader *r, struct value **out)
{
	struct value *v = NULL;
	int rc;

	rc = read_value(r, 0, &v);
	if (rc == FCS_OK)
		*out = v;
	return rc;
}

/* ---- single pieces ---- */

void
amf0_put_number(struct buf *out, double d)
{
	buf_u8(out, AMF0_M_NUMBER);
	buf_f64(out, d);
}

void
amf0_put_bool(struct buf *out, bool b)
{
	buf_u8(out, AMF0_M_BOOL);
	buf_u8(out, b ? 1 : 0);
}

void
amf0_put_null(struct buf *out)
{
	buf_u8(out, AMF0_M_NULL);
}

void
amf0_put_utf8(struct buf *out, const char *p, size_t len)
{
	if (len > UINT16_MAX) {
		if (out->err == FCS_OK)
			out->err = FCS_ELIMIT;
		return;
	}
	buf_be16(out, (unsigned)len);
	buf_append(out, p, len);
}

void
amf0_put_string(struct buf *out, const char *p, size_t len)
{
	if (len <= UINT16_MAX) {
		buf_u8(out, AMF0_M_STRING);
		buf_be16(out, (unsigned)len);
	} else {
		buf_u8(out, AMF0_M_LONG);
		buf_be32(out, (uint32_t)len);
	}
	buf_append(out, p, len);
}
