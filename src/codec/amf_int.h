/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * amf_int - what the AMF0 and AMF3 halves share: markers, big-endian reads,
 * strings into the arena, and a table from node to index for the writers.
 * Private to amf0*.c, amf3*.c and their tests.
 */
#ifndef CODEC_AMF_INT_H
#define CODEC_AMF_INT_H

#include <stdint.h>
#include <string.h>

#include "codec/value.h"

enum amf0_marker {
	AMF0_M_NUMBER = 0x00,
	AMF0_M_BOOL = 0x01,
	AMF0_M_STRING = 0x02,
	AMF0_M_OBJECT = 0x03,
	AMF0_M_NULL = 0x05,
	AMF0_M_UNDEFINED = 0x06,
	AMF0_M_REFERENCE = 0x07,
	AMF0_M_ECMA = 0x08,
	AMF0_M_END = 0x09,
	AMF0_M_ARRAY = 0x0A,
	AMF0_M_DATE = 0x0B,
	AMF0_M_LONG = 0x0C,
	AMF0_M_UNSUPPORTED = 0x0D,
	AMF0_M_XML = 0x0F,
	AMF0_M_TYPED = 0x10,
	AMF0_M_AVMPLUS = 0x11
};

enum amf3_marker {
	AMF3_M_UNDEFINED = 0x00,
	AMF3_M_NULL = 0x01,
	AMF3_M_FALSE = 0x02,
	AMF3_M_TRUE = 0x03,
	AMF3_M_INTEGER = 0x04,
	AMF3_M_DOUBLE = 0x05,
	AMF3_M_STRING = 0x06,
	AMF3_M_XMLDOC = 0x07,
	AMF3_M_DATE = 0x08,
	AMF3_M_ARRAY = 0x09,
	AMF3_M_OBJECT = 0x0A,
	AMF3_M_XML = 0x0B,
	AMF3_M_BYTES = 0x0C,
	AMF3_M_VECTOR_INT = 0x0D,
	AMF3_M_VECTOR_UINT = 0x0E,
	AMF3_M_VECTOR_DOUBLE = 0x0F,
	AMF3_M_VECTOR_OBJECT = 0x10,
	AMF3_M_DICTIONARY = 0x11
};

#define AMF3_INT_MIN (-(1 << 28))
#define AMF3_INT_MAX ((1 << 28) - 1)
#define AMF3_U29_MAX ((1u << 29) - 1)

static inline uint16_t
amf_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
amf_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static inline double
amf_getf64(const uint8_t *p)
{
	uint64_t u = (uint64_t)amf_get32(p) << 32 | amf_get32(p + 4);
	double d;

	memcpy(&d, &u, sizeof(d));
	return d;
}

/* A copy of in that lives in the arena. FCS_OK or FCS_ENOMEM. */
static inline int
amf_keep_str(struct arena *a, struct value_str in, struct value_str *out)
{
	out->len = in.len;
	out->ptr = "";
	if (in.len > 0)
		out->ptr = arena_memdup(a, in.ptr, in.len);
	return out->ptr == NULL ? FCS_ENOMEM : FCS_OK;
}

/* value_set for a key that is in the arena already (AMF3 names are shared). */
static inline int
amf_add_prop(
    struct arena *a, struct value *obj, struct value_str key, struct value *val)
{
	int rc = value_set_len(a, obj, "", 0, val);

	if (rc == FCS_OK)
		obj->props[obj->prop_count - 1].key = key;
	return rc;
}

/* amf3_write for a value below depth levels of AMF0. */
int amf3_write_at(
    struct buf *out, const struct value *v, unsigned depth) FCS_MUSTUSE;

struct amf3_writer;
int amf3_write_value(
    struct amf3_writer *, const struct value *, unsigned depth) FCS_MUSTUSE;

/* Types that only AMF3 has. */
static inline bool
amf_is_amf3_only(const struct value *v)
{
	switch (v->type) {
	case VALUE_INTEGER:
	case VALUE_XML:
	case VALUE_BYTES:
	case VALUE_VECTOR_INT:
	case VALUE_VECTOR_UINT:
	case VALUE_VECTOR_DOUBLE:
	case VALUE_VECTOR_OBJECT:
	case VALUE_DICTIONARY:
		return true;
	case VALUE_OBJECT:
		return v->externalizable;
	default:
		return false;
	}
}

#endif
