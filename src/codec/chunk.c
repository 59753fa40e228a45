/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chunk - writer of chunk streams; the reader is in chunk_reader.c. Every
 * message begins with a fmt 0 header, so that its bytes need no history and
 * serve every receiver. An extended timestamp is repeated on each fmt 3 chunk:
 * ffmpeg and librtmp consume it there without looking.
 */
#include "codec/chunk.h"

#include <string.h>

#define EXTENDED 0xFFFFFFu

static size_t
basic_len(uint32_t csid)
{
	return csid < 64 ? 1 : csid < 320 ? 2 : 3;
}

size_t
chunk_wire_len(uint32_t csid, uint32_t ts_ms, size_t len, uint32_t chunk_size)
{
	size_t more, ext = ts_ms >= EXTENDED ? 4 : 0;

	if (chunk_size == 0)
		chunk_size = 1;
	more = len == 0 ? 0 : (len - 1) / chunk_size;
	return basic_len(csid) + 11 + ext + len +
	       more * (basic_len(csid) + ext);
}

static uint8_t *
put_basic(uint8_t *p, unsigned fmt, uint32_t csid)
{
	if (csid < 64) {
		*p++ = (uint8_t)(fmt << 6 | csid);
	} else if (csid < 320) {
		*p++ = (uint8_t)(fmt << 6);
		*p++ = (uint8_t)(csid - 64);
	} else {
		*p++ = (uint8_t)(fmt << 6 | 1);
		*p++ = (uint8_t)(csid - 64);
		*p++ = (uint8_t)((csid - 64) >> 8);
	}
	return p;
}

static uint8_t *
put24(uint8_t *p, uint32_t v)
{
	*p++ = (uint8_t)(v >> 16);
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *
put_extended(uint8_t *p, uint32_t ts_ms)
{
	if (ts_ms < EXTENDED)
		return p;
	*p++ = (uint8_t)(ts_ms >> 24);
	return put24(p, ts_ms);
}

void
chunk_encode(uint8_t *p, uint32_t csid, uint8_t type, uint32_t msid,
    uint32_t ts_ms, const uint8_t *payload, size_t len, uint32_t chunk_size)
{
	size_t n;

	fcs_assert(csid >= 2 && csid <= 65599 && len <= CHUNK_LENGTH_MAX);
	if (chunk_size == 0)
		chunk_size = 1;
	p = put_basic(p, 0, csid);
	p = put24(p, ts_ms < EXTENDED ? ts_ms : EXTENDED);
	p = put24(p, (uint32_t)len);
	*p++ = type;
	*p++ = (uint8_t)msid;
	*p++ = (uint8_t)(msid >> 8);
	*p++ = (uint8_t)(msid >> 16);
	*p++ = (uint8_t)(msid >> 24);
	p = put_extended(p, ts_ms);
	while (len > 0) {
		n = len < chunk_size ? len : chunk_size;
		memcpy(p, payload, n);
		p += n;
		payload += n;
		len -= n;
		if (len > 0) {
			p = put_basic(p, 3, csid);
			p = put_extended(p, ts_ms);
		}
	}
}

void
chunk_write(struct buf *out, uint32_t csid, uint8_t type, uint32_t msid,
    uint32_t ts_ms, const uint8_t *payload, size_t len, uint32_t chunk_size)
{
	size_t n;
	uint8_t *dst;

	if (len > CHUNK_LENGTH_MAX) {
		if (out->err == FCS_OK)
			out->err = FCS_ELIMIT;
		return;
	}
	n = chunk_wire_len(csid, ts_ms, len, chunk_size);
	dst = buf_reserve(out, n);
	if (dst == NULL)
		return;
	chunk_encode(dst, csid, type, msid, ts_ms, payload, len, chunk_size);
	buf_commit(out, n);
}
