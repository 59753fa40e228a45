/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * amf3_write - AMF3 writer. Strings are interned: one look-up by address, one
 * by content the first time an address is seen, so that a long string named
 * 65,000 times costs its length once. Traits are compared as lists of interned
 * names, objects by address. What is in a table has its index on the wire.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "codec/amf3.h"
#include "codec/amf_int.h"

#define NO_INDEX  UINT32_MAX
#define COUNT_MAX ((1u << 28) - 1) /* U29 less the flag */

struct slot {
	const void *ptr; /* NULL: free */
	uint32_t len, hash, index;
};

struct map {
	struct slot *slots;
	uint32_t count, cap;
};

struct wtraits {
	uint32_t class_id, first_name, count;
	bool dynamic, externalizable;
};

struct amf3_writer {
	struct buf *out;
	size_t start;
	struct map by_address, by_content, objects, traits;
	uint32_t *wire; /* string id -> index on the wire or NO_INDEX */
	uint32_t id_count, id_cap, string_count;
	struct wtraits *trait_list;
	uint32_t trait_count, trait_cap;
	uint32_t *names; /* string ids of all traits, one after another */
	uint32_t name_count, name_cap;
};

struct amf3_writer *
amf3_writer_new(struct buf *out)
{
	struct amf3_writer *w = calloc(1, sizeof(*w));

	if (w != NULL) {
		w->out = out;
		w->start = buf_len(out);
	}
	return w;
}

void
amf3_writer_free(struct amf3_writer *w)
{
	if (w == NULL)
		return;
	free(w->by_address.slots);
	free(w->by_content.slots);
	free(w->objects.slots);
	free(w->traits.slots);
	free(w->wire);
	free(w->trait_list);
	free(w->names);
	free(w);
}

/* ---- tables ---- */

static int
map_grow(struct map *m)
{
	uint32_t cap = m->cap == 0 ? 16 : m->cap * 2, i;
	struct slot *slots = calloc(cap, sizeof(*slots));

	if (slots == NULL)
		return FCS_ENOMEM;
	for (uint32_t k = 0; k < m->cap; k++) {
		if (m->slots[k].ptr == NULL)
			continue;
		i = m->slots[k].hash & (cap - 1);
		while (slots[i].ptr != NULL)
			i = (i + 1) & (cap - 1);
		slots[i] = m->slots[k];
	}
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
	return FCS_OK;
}

/* Space for one more; then the search below always ends. */
static int
map_room(struct map *m)
{
	return m->count >= m->cap / 2 ? map_grow(m) : FCS_OK;
}

/* The slot of (ptr, len): by content when deep, else by address. */
static struct slot *
map_find(struct map *m, const void *ptr, uint32_t len, uint32_t hash, bool deep)
{
	uint32_t i = hash & (m->cap - 1);

	for (; m->slots[i].ptr != NULL; i = (i + 1) & (m->cap - 1)) {
		struct slot *s = &m->slots[i];

		if (s->len != len || s->hash != hash)
			continue;
		if (s->ptr == ptr || (deep && memcmp(s->ptr, ptr, len) == 0))
			break;
	}
	return &m->slots[i];
}

static void
map_fill(struct map *m, struct slot *s, const void *ptr, uint32_t len,
    uint32_t hash, uint32_t index)
{
	s->ptr = ptr;
	s->len = len;
	s->hash = hash;
	s->index = index;
	m->count++;
}

static int
list_room(void **list, uint32_t count, uint32_t *cap, size_t w)
{
	uint32_t ncap = *cap == 0 ? 16 : *cap * 2;
	void *p;

	if (count < *cap && *list != NULL)
		return FCS_OK;
	p = reallocarray(*list, ncap, w);
	if (p == NULL)
		return FCS_ENOMEM;
	*list = p;
	*cap = ncap;
	return FCS_OK;
}

static uint32_t
hash_address(const void *p, uint32_t len)
{
	uint64_t h = ((uint64_t)(uintptr_t)p + len) * 0x9E3779B97F4A7C15u;

	return (uint32_t)(h >> 32);
}

/* The id of a string; the empty one shares id 0 with nothing: never asked. */
static int
intern(struct amf3_writer *w, struct value_str s, uint32_t *id)
{
	uint32_t ha = hash_address(s.ptr, s.len), hc;
	struct slot *a, *c;
	void *list = w->wire;
	int rc;

	rc = map_room(&w->by_address);
	if (rc == FCS_OK)
		rc = map_room(&w->by_content);
	if (rc == FCS_OK)
		rc =
		    list_room(&list, w->id_count, &w->id_cap, sizeof(*w->wire));
	if (rc != FCS_OK)
		return rc;
	w->wire = list;
	a = map_find(&w->by_address, s.ptr, s.len, ha, false);
	if (a->ptr != NULL) {
		*id = a->index;
		return FCS_OK;
	}
	hc = hash_bytes(s.ptr, s.len);
	c = map_find(&w->by_content, s.ptr, s.len, hc, true);
	if (c->ptr == NULL) {
		w->wire[w->id_count] = NO_INDEX;
		map_fill(&w->by_content, c, s.ptr, s.len, hc, w->id_count++);
	}
	*id = c->index;
	map_fill(&w->by_address, a, s.ptr, s.len, ha, *id);
	return FCS_OK;
}

/* ---- pieces ---- */

static void
put_u29(struct buf *out, uint32_t v)
{
	if (v >= 0x200000) {
		buf_u8(out, 0x80 | (v >> 22 & 0x7f));
		buf_u8(out, 0x80 | (v >> 15 & 0x7f));
		buf_u8(out, 0x80 | (v >> 8 & 0x7f));
		buf_u8(out, v & 0xff);
		return;
	}
	if (v >= 0x4000)
		buf_u8(out, 0x80 | (v >> 14 & 0x7f));
	if (v >= 0x80)
		buf_u8(out, 0x80 | (v >> 7 & 0x7f));
	buf_u8(out, v & 0x7f);
}

int
amf3_writer_string(struct amf3_writer *w, struct value_str s)
{
	uint32_t id;
	int rc;

	if (s.len == 0) {
		buf_u8(w->out, 1);
		return buf_status(w->out);
	}
	if (s.len > COUNT_MAX)
		return FCS_ELIMIT;
	rc = intern(w, s, &id);
	if (rc != FCS_OK)
		return rc;
	if (w->wire[id] != NO_INDEX) {
		put_u29(w->out, w->wire[id] << 1);
		return buf_status(w->out);
	}
	if (w->string_count == AMF3_TABLE_MAX)
		return FCS_ELIMIT;
	w->wire[id] = w->string_count++;
	put_u29(w->out, s.len << 1 | 1);
	buf_append(w->out, s.ptr, s.len);
	return buf_status(w->out);
}

/* *known: the node was here before and its reference has been written. */
static int
reference(struct amf3_writer *w, const struct value *v, bool *known)
{
	uint32_t h = hash_address(v, 0);
	struct slot *s;
	int rc;

	*known = false;
	rc = map_room(&w->objects);
	if (rc != FCS_OK)
		return rc;
	s = map_find(&w->objects, v, 0, h, false);
	if (s->ptr != NULL) {
		*known = true;
		put_u29(w->out, s->index << 1);
		return FCS_OK;
	}
	if (w->objects.count == AMF3_TABLE_MAX)
		return FCS_ELIMIT;
	map_fill(&w->objects, s, v, 0, h, w->objects.count);
	return FCS_OK;
}

static int
write_items(struct amf3_writer *w, const struct value *v, unsigned depth)
{
	int rc;

	for (uint32_t i = 0; i < v->item_count; i++) {
		rc = amf3_write_value(w, v->items[i], depth + 1);
		if (rc != FCS_OK)
			return rc;
	}
	return FCS_OK;
}

static int
write_named(
    struct amf3_writer *w, const struct value *v, uint32_t from, unsigned depth)
{
	int rc;

	for (uint32_t i = from; i < v->prop_count; i++) {
		if (v->props[i].key.len == 0)
			return FCS_EUNSUPPORTED; /* it would end the list */
		rc = amf3_writer_string(w, v->props[i].key);
		if (rc == FCS_OK)
			rc = amf3_write_value(w, v->props[i].val, depth + 1);
		if (rc != FCS_OK)
			return rc;
	}
	buf_u8(w->out, 1);
	return FCS_OK;
}

/* ---- objects ---- */

/* The traits of v; its names are appended to w->names, where they stay when
 * the traits turn out to be new. */
static int
traits_of(struct amf3_writer *w, const struct value *v, struct wtraits *t)
{
	void *list;
	int rc;

	t->externalizable = v->externalizable;
	t->dynamic = v->dynamic || (!v->amf3 && !t->externalizable);
	t->count = t->externalizable ? 0 : v->sealed_count;
	if (t->count > v->prop_count)
		t->count = v->prop_count;
	if (!t->externalizable && t->count < v->prop_count) {
		t->dynamic = true;
		for (uint32_t i = t->count; i < v->prop_count; i++)
			if (v->props[i].key.len == 0)
				t->count = v->prop_count; /* seal them all */
	}
	t->first_name = w->name_count;
	t->class_id = NO_INDEX;
	if (v->class_name.len > 0) {
		rc = intern(w, v->class_name, &t->class_id);
		if (rc != FCS_OK)
			return rc;
	}
	for (uint32_t i = 0; i < t->count; i++) {
		list = w->names;
		rc = list_room(
		    &list, w->name_count, &w->name_cap, sizeof(*w->names));
		if (rc != FCS_OK)
			return rc;
		w->names = list;
		w->names[w->name_count] = NO_INDEX;
		if (v->props[i].key.len > 0) {
			rc = intern(
			    w, v->props[i].key, &w->names[w->name_count]);
			if (rc != FCS_OK)
				return rc;
		}
		w->name_count++;
	}
	return FCS_OK;
}

static bool
traits_same(const struct amf3_writer *w, const struct wtraits *a,
    const struct wtraits *b)
{
	return a->class_id == b->class_id && a->count == b->count &&
	       a->dynamic == b->dynamic &&
	       a->externalizable == b->externalizable &&
	       (a->count == 0 ||
		   memcmp(w->names + a->first_name, w->names + b->first_name,
		       a->count * sizeof(*w->names)) == 0);
}

/* Find t among the traits written, or add it (*fresh). */
static int
traits_index(struct amf3_writer *w, const struct wtraits *t, uint32_t *index,
    bool *fresh)
{
	uint32_t h, i;
	void *list = w->trait_list;
	int rc;

	rc = map_room(&w->traits);
	if (rc == FCS_OK)
		rc = list_room(&list, w->trait_count, &w->trait_cap,
		    sizeof(*w->trait_list));
	if (rc != FCS_OK)
		return rc;
	w->trait_list = list;
	h = t->class_id * 31 + t->count;
	if (t->count > 0)
		h ^= hash_bytes(
		    w->names + t->first_name, t->count * sizeof(*w->names));
	for (i = h & (w->traits.cap - 1); w->traits.slots[i].ptr != NULL;
	     i = (i + 1) & (w->traits.cap - 1)) {
		*index = w->traits.slots[i].index;
		if (w->traits.slots[i].hash == h &&
		    traits_same(w, &w->trait_list[*index], t)) {
			w->name_count = t->first_name;
			*fresh = false;
			return FCS_OK;
		}
	}
	if (w->trait_count == AMF3_TABLE_MAX)
		return FCS_ELIMIT;
	*index = w->trait_count;
	*fresh = true;
	w->trait_list[w->trait_count++] = *t;
	map_fill(&w->traits, &w->traits.slots[i], w, 0, h, *index);
	return FCS_OK;
}

static int
write_traits(
    struct amf3_writer *w, const struct value *v, const struct wtraits *t)
{
	uint32_t head;
	int rc;

	if (t->count >= 1u << 25)
		return FCS_ELIMIT;
	head = t->externalizable ? 7 : t->count << 4 | 3;
	put_u29(w->out, head | (t->dynamic ? 8u : 0u));
	rc = amf3_writer_string(w, v->class_name);
	for (uint32_t i = 0; rc == FCS_OK && i < t->count; i++)
		rc = amf3_writer_string(w, v->props[i].key);
	return rc;
}

static int
write_object(struct amf3_writer *w, const struct value *v, unsigned depth)
{
	struct wtraits t;
	uint32_t index;
	bool fresh;
	int rc;

	rc = traits_of(w, v, &t);
	if (rc == FCS_OK)
		rc = traits_index(w, &t, &index, &fresh);
	if (rc != FCS_OK)
		return rc;
	if (!fresh)
		put_u29(w->out, index << 2 | 1);
	else
		rc = write_traits(w, v, &t);
	if (rc == FCS_OK && t.externalizable)
		return v->item_count == 1 ? write_items(w, v, depth)
					  : FCS_EUNSUPPORTED;
	for (uint32_t i = 0; rc == FCS_OK && i < t.count; i++)
		rc = amf3_write_value(w, v->props[i].val, depth + 1);
	if (rc == FCS_OK && t.dynamic)
		rc = write_named(w, v, t.count, depth);
	return rc;
}

/* ---- the other complex values ---- */

static int64_t
whole(const struct value *v, double min, double max)
{
	double d = value_as_number(v, 0);

	if (!(d >= min)) /* NaN too */
		return (int64_t)min;
	return (int64_t)(d > max ? max : d);
}

static int
write_vector(struct amf3_writer *w, const struct value *v, unsigned depth)
{
	int rc;

	put_u29(w->out, v->item_count << 1 | 1);
	buf_u8(w->out, v->boolean ? 1 : 0);
	if (v->type == VALUE_VECTOR_OBJECT) {
		rc = amf3_writer_string(w, v->class_name);
		return rc != FCS_OK ? rc : write_items(w, v, depth);
	}
	for (uint32_t i = 0; i < v->item_count; i++) {
		if (v->type == VALUE_VECTOR_DOUBLE)
			buf_f64(w->out, value_as_number(v->items[i], 0));
		else if (v->type == VALUE_VECTOR_INT)
			buf_be32(w->out,
			    (uint32_t)whole(v->items[i], INT32_MIN, INT32_MAX));
		else
			buf_be32(w->out,
			    (uint32_t)whole(v->items[i], 0, UINT32_MAX));
	}
	return FCS_OK;
}

static int
write_complex(struct amf3_writer *w, const struct value *v, unsigned depth)
{
	bool known;
	int rc;

	if (v->item_count > COUNT_MAX || v->str.len > COUNT_MAX)
		return FCS_ELIMIT;
	rc = reference(w, v, &known);
	if (rc != FCS_OK || known)
		return rc;
	switch (v->type) {
	case VALUE_DATE:
		buf_u8(w->out, 1);
		buf_f64(w->out, v->number);
		return FCS_OK;
	case VALUE_XML:
	case VALUE_XMLDOC:
	case VALUE_BYTES:
		put_u29(w->out, v->str.len << 1 | 1);
		buf_append(w->out, v->str.ptr, v->str.len);
		return FCS_OK;
	default:
		break;
	}
	if (depth >= VALUE_DEPTH_MAX)
		return FCS_EDEPTH;
	switch (v->type) {
	case VALUE_OBJECT:
		return write_object(w, v, depth);
	case VALUE_ARRAY:
	case VALUE_ECMA:
		put_u29(w->out, v->item_count << 1 | 1);
		rc = write_named(w, v, 0, depth);
		return rc != FCS_OK ? rc : write_items(w, v, depth);
	case VALUE_DICTIONARY:
		put_u29(w->out, v->item_count / 2 << 1 | 1);
		buf_u8(w->out, v->boolean ? 1 : 0);
		return write_items(w, v, depth);
	default:
		return write_vector(w, v, depth);
	}
}

/* ---- values ---- */

static void
write_number(struct buf *out, const struct value *v)
{
	double d = v->number;
	bool is_int = v->type == VALUE_INTEGER || !v->amf3;

	is_int = is_int && d >= AMF3_INT_MIN && d <= AMF3_INT_MAX &&
		 d == (int32_t)d && !(d == 0 && 1 / d < 0);
	if (is_int) {
		buf_u8(out, AMF3_M_INTEGER);
		put_u29(out, (uint32_t)(int32_t)d & AMF3_U29_MAX);
	} else {
		buf_u8(out, AMF3_M_DOUBLE);
		buf_f64(out, d);
	}
}

int
amf3_write_value(struct amf3_writer *w, const struct value *v, unsigned depth)
{
	static const uint8_t markers[] = {
		[VALUE_UNDEFINED] = AMF3_M_UNDEFINED,
		[VALUE_NULL] = AMF3_M_NULL,
		[VALUE_STRING] = AMF3_M_STRING,
		[VALUE_OBJECT] = AMF3_M_OBJECT,
		[VALUE_ECMA] = AMF3_M_ARRAY,
		[VALUE_ARRAY] = AMF3_M_ARRAY,
		[VALUE_DATE] = AMF3_M_DATE,
		[VALUE_XMLDOC] = AMF3_M_XMLDOC,
		[VALUE_XML] = AMF3_M_XML,
		[VALUE_BYTES] = AMF3_M_BYTES,
		[VALUE_VECTOR_INT] = AMF3_M_VECTOR_INT,
		[VALUE_VECTOR_UINT] = AMF3_M_VECTOR_UINT,
		[VALUE_VECTOR_DOUBLE] = AMF3_M_VECTOR_DOUBLE,
		[VALUE_VECTOR_OBJECT] = AMF3_M_VECTOR_OBJECT,
		[VALUE_DICTIONARY] = AMF3_M_DICTIONARY,
		[VALUE_UNSUPPORTED] = AMF3_M_UNDEFINED,
	};

	if (buf_status(w->out) != FCS_OK)
		return buf_status(w->out);
	if (buf_len(w->out) - w->start > VALUE_TEXT_MAX)
		return FCS_ELIMIT;
	switch (v->type) {
	case VALUE_BOOL:
		buf_u8(w->out, v->boolean ? AMF3_M_TRUE : AMF3_M_FALSE);
		return FCS_OK;
	case VALUE_NUMBER:
	case VALUE_INTEGER:
		write_number(w->out, v);
		return FCS_OK;
	case VALUE_UNDEFINED:
	case VALUE_NULL:
	case VALUE_UNSUPPORTED:
		buf_u8(w->out, markers[v->type]);
		return FCS_OK;
	case VALUE_STRING:
		buf_u8(w->out, AMF3_M_STRING);
		return amf3_writer_string(w, v->str);
	default:
		buf_u8(w->out, markers[v->type]);
		return write_complex(w, v, depth);
	}
}

int
amf3_writer_value(struct amf3_writer *w, const struct value *v)
{
	int rc = amf3_write_value(w, v, 0);

	if (rc == FCS_OK && buf_len(w->out) - w->start > VALUE_TEXT_MAX)
		rc = FCS_ELIMIT;
	return rc != FCS_OK ? rc : buf_status(w->out);
}

int
amf3_write_at(struct buf *out, const struct value *v, unsigned depth)
{
	struct amf3_writer *w = amf3_writer_new(out);
	size_t start = buf_len(out);
	int rc;

	if (w == NULL)
		return FCS_ENOMEM;
	rc = amf3_write_value(w, v, depth);
	if (rc == FCS_OK && buf_len(out) - start > VALUE_TEXT_MAX)
		rc = FCS_ELIMIT;
	if (rc == FCS_OK)
		rc = buf_status(out);
	if (rc != FCS_OK)
		buf_truncate(out, start);
	amf3_writer_free(w);
	return rc;
}

int
amf3_write(struct buf *out, const struct value *v)
{
	return amf3_write_at(out, v, 0);
}
