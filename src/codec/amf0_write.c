/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * amf0_write - AMF0 writer. The table of complex values is an open hash from
 * node address to index; a node met again becomes a reference, which also ends
 * cycles. VALUE_TEXT_MAX bounds what shared strings could blow up.
 */
#include "codec/amf0.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/amf3.h"
#include "codec/amf_int.h"

struct amf0_ref {
	const struct value *node; /* NULL: free */
	uint32_t index;
};

static int write_value(
    struct amf0_writer *, const struct value *, unsigned depth);

void
amf0_writer_init(struct amf0_writer *w, struct buf *out, enum amf0_mode mode)
{
	memset(w, 0, sizeof(*w));
	w->out = out;
	w->mode = mode;
}

void
amf0_writer_fini(struct amf0_writer *w)
{
	free(w->refs);
	w->refs = NULL;
	w->ref_count = w->ref_cap = 0;
}

/* ---- references ---- */

static struct amf0_ref *
slot_of(struct amf0_ref *refs, uint32_t cap, const struct value *node)
{
	uint64_t h = (uint64_t)(uintptr_t)node * 0x9E3779B97F4A7C15u;
	uint32_t i = (uint32_t)(h >> 32) & (cap - 1);

	while (refs[i].node != NULL && refs[i].node != node)
		i = (i + 1) & (cap - 1);
	return &refs[i];
}

static int
grow_refs(struct amf0_writer *w)
{
	uint32_t cap = w->ref_cap == 0 ? 16 : w->ref_cap * 2;
	struct amf0_ref *refs = calloc(cap, sizeof(*refs));

	if (refs == NULL)
		return FCS_ENOMEM;
	for (uint32_t i = 0; i < w->ref_cap; i++)
		if (w->refs[i].node != NULL)
			*slot_of(refs, cap, w->refs[i].node) = w->refs[i];
	free(w->refs);
	w->refs = refs;
	w->ref_cap = cap;
	return FCS_OK;
}

/* *known: the node was here before and its reference has been written. */
static int
reference(struct amf0_writer *w, const struct value *v, bool *known)
{
	struct amf0_ref *ref;
	int rc;

	*known = false;
	if (w->ref_count >= w->ref_cap / 2) {
		rc = grow_refs(w);
		if (rc != FCS_OK)
			return rc;
	}
	ref = slot_of(w->refs, w->ref_cap, v);
	if (ref->node == NULL) {
		ref->node = v;
		ref->index = w->ref_count++;
		return FCS_OK;
	}
	if (ref->index > UINT16_MAX)
		return FCS_ELIMIT;
	*known = true;
	buf_u8(w->out, AMF0_M_REFERENCE);
	buf_be16(w->out, ref->index);
	return FCS_OK;
}

int
amf0_writer_add(struct amf0_writer *w, const struct value *v)
{
	bool known;

	return reference(w, v, &known);
}

/* ---- containers ---- */

static int
write_prop(struct amf0_writer *w, const char *key, size_t len,
    const struct value *v, unsigned depth)
{
	if (len > UINT16_MAX)
		return FCS_ELIMIT;
	buf_be16(w->out, (unsigned)len);
	buf_append(w->out, key, len);
	return write_value(w, v, depth + 1);
}

static int
write_props(struct amf0_writer *w, const struct value *v, unsigned depth)
{
	char key[16];
	int n, rc;

	/* The dense part of an AMF3 array goes by its indexes. */
	for (uint32_t i = 0; v->type == VALUE_ECMA && i < v->item_count; i++) {
		n = snprintf(key, sizeof(key), "%u", i);
		rc = write_prop(w, key, (size_t)n, v->items[i], depth);
		if (rc != FCS_OK)
			return rc;
	}
	for (uint32_t i = 0; i < v->prop_count; i++) {
		rc = write_prop(w, v->props[i].key.ptr, v->props[i].key.len,
		    v->props[i].val, depth);
		if (rc != FCS_OK)
			return rc;
	}
	if (v->externalizable && v->item_count > 0) {
		rc = write_prop(w, "source", 6, v->items[0], depth);
		if (rc != FCS_OK)
			return rc;
	}
	buf_be24(w->out, AMF0_M_END);
	return FCS_OK;
}

static int
write_object(struct amf0_writer *w, const struct value *v, unsigned depth)
{
	if (v->class_name.len > UINT16_MAX)
		return FCS_ELIMIT;
	if (v->class_name.len > 0) {
		buf_u8(w->out, AMF0_M_TYPED);
		amf0_put_utf8(w->out, v->class_name.ptr, v->class_name.len);
	} else {
		buf_u8(w->out, AMF0_M_OBJECT);
	}
	return write_props(w, v, depth);
}

static int
write_ecma(struct amf0_writer *w, const struct value *v, unsigned depth)
{
	uint32_t count = v->item_count + v->prop_count;

	if (v->boolean && v->number >= 0 && v->number <= UINT32_MAX)
		count = (uint32_t)v->number;
	buf_u8(w->out, AMF0_M_ECMA);
	buf_be32(w->out, count);
	return write_props(w, v, depth);
}

static int
write_array(struct amf0_writer *w, const struct value *v, unsigned depth)
{
	int rc;

	buf_u8(w->out, AMF0_M_ARRAY);
	buf_be32(w->out, v->item_count);
	for (uint32_t i = 0; i < v->item_count; i++) {
		rc = write_value(w, v->items[i], depth + 1);
		if (rc != FCS_OK)
			return rc;
	}
	return FCS_OK;
}

static int
write_complex(struct amf0_writer *w, const struct value *v, unsigned depth)
{
	bool known;
	int rc;

	if (depth >= VALUE_DEPTH_MAX)
		return FCS_EDEPTH;
	rc = reference(w, v, &known);
	if (rc != FCS_OK || known)
		return rc;
	if (v->type == VALUE_OBJECT)
		return write_object(w, v, depth);
	if (v->type == VALUE_ECMA)
		return write_ecma(w, v, depth);
	return write_array(w, v, depth);
}

/* ---- values ---- */

static bool
wants_amf3(enum amf0_mode mode, const struct value *v)
{
	switch (mode) {
	case AMF0_PLAIN:
		return false;
	case AMF0_AVMPLUS:
		return v->type == VALUE_BYTES || v->type == VALUE_DICTIONARY;
	case AMF0_SWITCHED:
		if (v->type == VALUE_OBJECT || v->type == VALUE_ECMA ||
		    v->type == VALUE_ARRAY)
			return true;
		break;
	case AMF0_CANONICAL:
		break;
	}
	return v->amf3 || amf_is_amf3_only(v);
}

static void
write_date(struct buf *out, const struct value *v)
{
	buf_u8(out, AMF0_M_DATE);
	buf_f64(out, v->number);
	buf_be16(out, (uint16_t)v->zone);
}

static void
write_xml(struct buf *out, const struct value *v)
{
	buf_u8(out, AMF0_M_XML);
	buf_be32(out, v->str.len);
	buf_append(out, v->str.ptr, v->str.len);
}

static int
write_value(struct amf0_writer *w, const struct value *v, unsigned depth)
{
	if (buf_len(w->out) - w->start > VALUE_TEXT_MAX)
		return FCS_ELIMIT;
	if (buf_status(w->out) != FCS_OK)
		return buf_status(w->out);
	if (wants_amf3(w->mode, v)) {
		buf_u8(w->out, AMF0_M_AVMPLUS);
		return amf3_write_at(w->out, v, depth);
	}
	switch (v->type) {
	case VALUE_NUMBER:
	case VALUE_INTEGER:
		amf0_put_number(w->out, v->number);
		return FCS_OK;
	case VALUE_BOOL:
		amf0_put_bool(w->out, v->boolean);
		return FCS_OK;
	case VALUE_STRING:
		amf0_put_string(w->out, v->str.ptr, v->str.len);
		return FCS_OK;
	case VALUE_NULL:
		amf0_put_null(w->out);
		return FCS_OK;
	case VALUE_UNDEFINED:
		buf_u8(w->out, AMF0_M_UNDEFINED);
		return FCS_OK;
	case VALUE_DATE:
		write_date(w->out, v);
		return FCS_OK;
	case VALUE_XML:
	case VALUE_XMLDOC:
		write_xml(w->out, v);
		return FCS_OK;
	case VALUE_BYTES:
	case VALUE_DICTIONARY:
	case VALUE_UNSUPPORTED:
		buf_u8(w->out, AMF0_M_UNSUPPORTED);
		return FCS_OK;
	default:
		return write_complex(w, v, depth);
	}
}

int
amf0_write(struct amf0_writer *w, const struct value *v)
{
	int rc;

	w->start = buf_len(w->out);
	rc = write_value(w, v, 0);
	if (rc == FCS_EUNSUPPORTED && w->mode == AMF0_SWITCHED) {
		/* AMF3 has no array with an empty key, AMF0 has: whoever
		 * reads AMF3 here reads AMF0 too. */
		buf_truncate(w->out, w->start);
		w->mode = AMF0_CANONICAL;
		rc = write_value(w, v, 0);
		w->mode = AMF0_SWITCHED;
	}
	if (rc == FCS_OK && buf_len(w->out) - w->start > VALUE_TEXT_MAX)
		rc = FCS_ELIMIT;
	if (rc == FCS_OK)
		rc = buf_status(w->out);
	if (rc != FCS_OK)
		buf_truncate(w->out, w->start);
	return rc;
}
