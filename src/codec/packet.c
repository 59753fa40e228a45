/* SPDX-License-Identifier: BSD-2-Clause */
/* packet - a message shared by all its receivers. Variants hang in a short
 * list: stream and chunk stream ids are few, so a search is cheaper than a
 * table. */
#include "codec/packet.h"

#include <stdlib.h>
#include <string.h>

#include "codec/chunk.h"
#include "codec/flv.h"

struct packet_variant {
	struct packet_variant *next;
	struct packet_key key;
	struct refbuf *bytes;
};

struct packet *
packet_from(uint8_t type, uint32_t ts_ms, struct refbuf *payload)
{
	struct packet *p;

	if (payload->len > CHUNK_LENGTH_MAX)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->refs = 1;
	p->type = type;
	p->ts_ms = ts_ms;
	p->payload = refbuf_ref(payload);
	if (type == MESSAGE_VIDEO)
		p->flags = avtag_video(payload->data, payload->len).flags;
	else if (type == MESSAGE_AUDIO)
		p->flags = avtag_audio(payload->data, payload->len).flags;
	return p;
}

struct packet *
packet_new(uint8_t type, uint32_t ts_ms, const uint8_t *payload, size_t len)
{
	struct refbuf *bytes = refbuf_from(payload, len);
	struct packet *p;

	if (bytes == NULL)
		return NULL;
	p = packet_from(type, ts_ms, bytes);
	refbuf_unref(bytes);
	return p;
}

struct packet *
packet_ref(struct packet *p)
{
	p->refs++;
	return p;
}

void
packet_unref(struct packet *p)
{
	struct packet_variant *v;

	if (p == NULL || --p->refs > 0)
		return;
	while ((v = p->variants) != NULL) {
		p->variants = v->next;
		refbuf_unref(v->bytes);
		free(v);
	}
	refbuf_unref(p->payload);
	free(p);
}

/* Only what shapes the bytes counts: FLV knows no chunks. */
static bool
same_key(const struct packet_key *a, const struct packet_key *b)
{
	if (a->format != b->format || a->ts_offset_ms != b->ts_offset_ms)
		return false;
	return a->format == PACKET_FLV ||
	       (a->chunk_size == b->chunk_size && a->csid == b->csid &&
		   a->msid == b->msid);
}

static uint32_t
shifted(uint32_t ts_ms, int32_t offset_ms)
{
	int64_t t = (int64_t)ts_ms + offset_ms;

	return t < 0 ? 0 : (uint32_t)t;
}

static struct refbuf *
serialise(const struct packet *p, const struct packet_key *key)
{
	uint32_t ts = shifted(p->ts_ms, key->ts_offset_ms);
	const uint8_t *data = p->payload->data;
	size_t len = p->payload->len;
	uint8_t type = p->type;
	struct refbuf *r;

	if (key->format == PACKET_RTMP) {
		r = refbuf_new(
		    chunk_wire_len(key->csid, ts, len, key->chunk_size));
		if (r != NULL)
			chunk_encode(r->data, key->csid, type, key->msid, ts,
			    data, len, key->chunk_size);
		return r;
	}
	/* Players know type 18 only; the format byte 0 is all that differs. */
	if (type == MESSAGE_DATA_AMF3 && len > 0 && data[0] == 0) {
		type = MESSAGE_DATA;
		data++;
		len--;
	}
	r = refbuf_new(FLV_TAG_HEADER + len + FLV_TAG_TRAILER);
	if (r != NULL)
		flv_encode_tag(r->data, type, ts, data, len);
	return r;
}

struct refbuf *
packet_serialise(
    struct packet *p, const struct packet_key *key, struct packet_stats *stats)
{
	struct packet_variant *v;

	for (v = p->variants; v != NULL; v = v->next)
		if (same_key(&v->key, key)) {
			stats->shared++;
			return refbuf_ref(v->bytes);
		}
	v = calloc(1, sizeof(*v));
	if (v == NULL)
		return NULL;
	v->key = *key;
	v->bytes = serialise(p, key);
	if (v->bytes == NULL) {
		free(v);
		return NULL;
	}
	v->next = p->variants;
	p->variants = v;
	stats->serialised++;
	return refbuf_ref(v->bytes);
}
