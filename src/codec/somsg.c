/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * somsg - shared object messages. Values are read once, to find where they end
 * and that they are sound; what is kept is their bytes. Each value has tables
 * of its own, so that it means the same wherever it is sent (wire-protocol
 * 4.4).
 */
#include "codec/somsg.h"

#include "base/cursor.h"
#include "codec/amf0.h"
#include "codec/amf_int.h"

#define VALUE_ARENA (16u << 20) /* for one value on its way to a client */

struct reading {
	struct arena *arena;
	struct somsg *out;
	uint32_t cap;
	uint32_t elements; /* values of the whole message */
};

static int
add_event(struct reading *rd, const struct somsg_event *ev)
{
	struct somsg *m = rd->out;
	struct somsg_event *p;
	uint32_t cap = rd->cap == 0 ? 4 : rd->cap * 2;

	if (m->event_count == SOMSG_EVENTS_MAX)
		return FCS_ELIMIT;
	if (m->event_count == rd->cap) {
		p = arena_array(rd->arena, cap, sizeof(*p));
		if (p == NULL)
			return FCS_ENOMEM;
		if (m->event_count > 0)
			memcpy(p, m->events, m->event_count * sizeof(*p));
		m->events = p;
		rd->cap = cap;
	}
	m->events[m->event_count++] = *ev;
	return FCS_OK;
}

static struct value_str
get_utf8(struct cursor *c)
{
	struct value_str s;

	s.len = cursor_be16(c);
	s.ptr = (const char *)cursor_bytes(c, s.len);
	if (s.ptr == NULL) {
		s.ptr = "";
		s.len = 0;
	}
	return s;
}

/* One value at the cursor: its bytes, checked. */
static int
get_value(
    struct reading *rd, struct cursor *c, const uint8_t **data, size_t *len)
{
	struct amf0_reader r;
	struct value *v;
	int rc;

	amf0_reader_init(&r, rd->arena, c->p, cursor_left(c));
	r.elements = rd->elements;
	rc = amf0_read(&r, &v);
	rd->elements = r.elements;
	if (rc != FCS_OK)
		return rc;
	*len = r.pos;
	*data = cursor_bytes(c, r.pos);
	return FCS_OK;
}

/* Key and value, as often as the body holds; no pair at all is malformed. */
static int
read_changes(struct reading *rd, struct somsg_event *ev, struct cursor *body)
{
	int rc;

	do {
		ev->key = get_utf8(body);
		if (!cursor_ok(body))
			return body->err;
		rc = get_value(rd, body, &ev->data, &ev->len);
		if (rc == FCS_OK)
			rc = add_event(rd, ev);
		if (rc != FCS_OK)
			return rc;
	} while (cursor_left(body) > 0);
	return FCS_OK;
}

/* Known from one description only: in another form it is passed over. */
static int
read_accepted(struct reading *rd, struct somsg_event *ev, struct cursor *body)
{
	uint32_t count = rd->out->event_count;

	if (read_changes(rd, ev, body) != FCS_OK)
		rd->out->event_count = count;
	return FCS_OK;
}

static int
read_keys(struct reading *rd, struct somsg_event *ev, struct cursor *body)
{
	int rc;

	do {
		ev->key = get_utf8(body);
		if (!cursor_ok(body))
			return body->err;
		rc = add_event(rd, ev);
		if (rc != FCS_OK)
			return rc;
	} while (cursor_left(body) > 0);
	return FCS_OK;
}

/* The handler name is an AMF0 string with its marker. */
static int
read_send(struct reading *rd, struct somsg_event *ev, struct cursor *body)
{
	const uint8_t *data;
	size_t len;
	int rc, marker = cursor_peek(body);

	if (marker < 0)
		return FCS_ESHORT;
	if (marker != AMF0_M_STRING && marker != AMF0_M_LONG)
		return FCS_EFORMAT;
	ev->data = body->p;
	ev->len = cursor_left(body);
	while (cursor_left(body) > 0) {
		rc = get_value(rd, body, &data, &len);
		if (rc != FCS_OK)
			return rc;
	}
	return add_event(rd, ev);
}

static int
read_status(struct reading *rd, struct somsg_event *ev, struct cursor *body)
{
	ev->key = get_utf8(body);
	ev->level = get_utf8(body);
	return cursor_ok(body) ? add_event(rd, ev) : body->err;
}

static int
read_event(struct reading *rd, unsigned type, struct cursor *body)
{
	struct somsg_event ev = { .type = (enum somsg_type)type };

	switch (type) {
	case SOMSG_USE:
	case SOMSG_RELEASE:
	case SOMSG_CLEAR:
	case SOMSG_USE_SUCCESS:
	case SOMSG_REQUEST_CLEAR:
		return add_event(rd, &ev);
	case SOMSG_REQUEST_CHANGE:
	case SOMSG_CHANGE:
		return read_changes(rd, &ev, body);
	case SOMSG_ACCEPTED:
		return read_accepted(rd, &ev, body);
	case SOMSG_SUCCESS:
	case SOMSG_REMOVE:
	case SOMSG_REQUEST_REMOVE:
		return read_keys(rd, &ev, body);
	case SOMSG_SEND:
		return read_send(rd, &ev, body);
	case SOMSG_STATUS:
		return read_status(rd, &ev, body);
	default:
		return FCS_OK;
	}
}

int
somsg_read(struct arena *a, const struct message *msg, struct somsg *out)
{
	struct somsg m = { .version = 0 };
	struct reading rd = { .arena = a, .out = &m };
	struct cursor c, body;
	const uint8_t *p;
	uint32_t len;
	unsigned type;
	int rc;

	cursor_init(&c, msg->payload, msg->len);
	if (msg->type == MESSAGE_SO_AMF3 && cursor_u8(&c) != 0)
		return FCS_EFORMAT;
	m.name = get_utf8(&c);
	m.version = cursor_be32(&c);
	m.flags = cursor_be32(&c);
	cursor_skip(&c, 4);
	if (!cursor_ok(&c))
		return c.err;
	while (cursor_left(&c) > 0) {
		type = cursor_u8(&c);
		len = cursor_be32(&c);
		p = cursor_bytes(&c, len);
		if (p == NULL)
			return c.err;
		cursor_init(&body, p, len);
		rc = read_event(&rd, type, &body);
		if (rc != FCS_OK)
			return rc;
	}
	*out = m;
	return FCS_OK;
}

/* ---- writing ---- */

void
somsg_begin(struct buf *out, bool amf3, const char *name, size_t name_len,
    uint32_t version, uint32_t flags)
{
	if (amf3)
		buf_u8(out, 0);
	amf0_put_utf8(out, name, name_len);
	buf_be32(out, version);
	buf_be32(out, flags);
	buf_be32(out, 0);
}

static void
put_head(struct buf *out, enum somsg_type type, size_t body)
{
	buf_u8(out, type);
	buf_be32(out, (uint32_t)body);
}

void
somsg_put(struct buf *out, enum somsg_type type)
{
	put_head(out, type, 0);
}

void
somsg_put_key(
    struct buf *out, enum somsg_type type, const char *key, size_t key_len)
{
	put_head(out, type, 2 + key_len);
	amf0_put_utf8(out, key, key_len);
}

void
somsg_put_change(struct buf *out, enum somsg_type type, const char *key,
    size_t key_len, const uint8_t *value, size_t len)
{
	put_head(out, type, 2 + key_len + len);
	amf0_put_utf8(out, key, key_len);
	buf_append(out, value, len);
}

void
somsg_put_send(struct buf *out, const uint8_t *body, size_t len)
{
	put_head(out, SOMSG_SEND, len);
	buf_append(out, body, len);
}

void
somsg_put_status(struct buf *out, const char *code, const char *level)
{
	put_head(out, SOMSG_STATUS, 4 + strlen(code) + strlen(level));
	amf0_put_utf8(out, code, strlen(code));
	amf0_put_utf8(out, level, strlen(level));
}

/* AMF0 scalars are the same for everybody. */
static bool
passes(uint8_t marker, bool amf3)
{
	switch (marker) {
	case AMF0_M_OBJECT:
	case AMF0_M_ECMA:
	case AMF0_M_ARRAY:
	case AMF0_M_TYPED:
		return false;
	case AMF0_M_AVMPLUS:
		return amf3;
	default:
		return true;
	}
}

int
somsg_value(
    struct buf *out, const uint8_t *packed, size_t len, bool amf3, bool avmplus)
{
	enum amf0_mode mode = amf3      ? AMF0_SWITCHED
			      : avmplus ? AMF0_AVMPLUS
					: AMF0_PLAIN;
	struct amf0_writer w;
	struct arena *a;
	struct value *v;
	int rc;

	if (len > 0 && passes(packed[0], amf3)) {
		buf_append(out, packed, len);
		return buf_status(out);
	}
	a = arena_new(VALUE_ARENA);
	if (a == NULL)
		return FCS_ENOMEM;
	rc = value_unpack(a, packed, len, &v);
	if (rc == FCS_OK) {
		amf0_writer_init(&w, out, mode);
		rc = amf0_write(&w, v);
		amf0_writer_fini(&w);
	}
	arena_free(a);
	return rc;
}
