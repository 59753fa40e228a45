/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet - one immutable, ref-counted media or data message of a stream, and
 * its serialised variants. Layer: codec (2). DESIGN 3.
 *
 * Owner: reference count (loop thread only; the media thread gets the payload
 * refbuf, not the packet). A variant is the packet serialised for one class of
 * receivers (format, chunk size, csid, msid, timestamp offset): made once,
 * shared by all. packet_stats counts how often.
 */
#ifndef CODEC_PACKET_H
#define CODEC_PACKET_H

#include <stdint.h>

#include "base/err.h"
#include "base/refbuf.h"
#include "codec/avtag.h"
#include "codec/message.h"

struct packet {
	uint32_t refs;
	uint8_t type;   /* MESSAGE_AUDIO, _VIDEO, _DATA, _DATA_AMF3 */
	uint32_t flags; /* enum avtag_flags for audio and video */
	uint32_t ts_ms;
	struct refbuf *payload;
	struct packet_variant *variants; /* private */
};

enum packet_format {
	PACKET_RTMP,
	PACKET_FLV
};

struct packet_key { /* what makes two receivers share one serialisation */
	enum packet_format format;
	uint32_t chunk_size;
	uint32_t csid, msid;
	int32_t ts_offset_ms; /* added to ts_ms, result clamped at 0 */
};

struct packet_stats {
	uint64_t serialised; /* variants made */
	uint64_t shared;     /* variants reused */
};

/* Copies payload; flags worked out. NULL: no memory. */
struct packet *packet_new(
    uint8_t type, uint32_t ts_ms, const uint8_t *payload, size_t len);
/* Takes a reference to payload. */
struct packet *packet_from(
    uint8_t type, uint32_t ts_ms, struct refbuf *payload);
struct packet *packet_ref(struct packet *);
void packet_unref(struct packet *);
/* The serialised bytes for key: returns a new reference to the refbuf, NULL no
 * memory. */
struct refbuf *packet_serialise(
    struct packet *, const struct packet_key *, struct packet_stats *);

#endif
