/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conn_out - what a connection sends, see conn.h. One refbuf per message,
 * pushed on the stream; the stream sends all of a turn in one call.
 *
 * Every message is written with a full header (fmt 0): some clients keep no
 * header state for chunk stream 2 (real-clients.md), and self-contained
 * messages are what makes sharing and dropping possible.
 */
#include <string.h>

#include "rtmp/conn_int.h"

#define CSID_CONTROL      2
#define LANE_STREAMS      15 /* streams with chunk streams of their own */
#define BANDWIDTH_DYNAMIC 2
#define ENTRY_COST        64 /* of a queued message beside its bytes */

/* Whatever the phase: the handshake is sent before the connection is open. */
int
conn_push(struct conn *c, struct refbuf *b, uint32_t owner, uint32_t ts_ms,
    bool flush)
{
	int rc;

	if (b == NULL)
		return FCS_ENOMEM;
	rc = stream_push(c->stream, b, owner, ts_ms);
	if (rc == FCS_OK && flush)
		stream_want_flush(c->stream);
	return rc;
}

int
conn_send(struct conn *c, uint32_t csid, uint8_t type, uint32_t msid,
    uint32_t ts_ms, const uint8_t *payload, size_t len, uint32_t owner)
{
	struct refbuf *b;

	if (c->phase != CONN_OPEN)
		return FCS_ECLOSED;
	if (len > CHUNK_LENGTH_MAX)
		return FCS_ELIMIT;
	b = refbuf_new(chunk_wire_len(csid, ts_ms, len, c->out_chunk));
	if (b == NULL)
		return FCS_ENOMEM;
	chunk_encode(
	    b->data, csid, type, msid, ts_ms, payload, len, c->out_chunk);
	c->messages_out++;
	return conn_push(c, b, owner, ts_ms, true);
}

int
conn_room(struct conn *c, size_t len)
{
	struct stream_backlog q;

	stream_backlog(c->stream, &q);
	if (c->opt.reply_bytes == 0 ||
	    q.bytes + len + q.count * ENTRY_COST <= c->opt.reply_bytes)
		return FCS_OK;
	limits_refuse(LIMIT_OUT_REPLIES);
	return FCS_ELIMIT;
}

uint32_t
conn_csid(uint32_t msid, enum conn_lane lane)
{
	uint32_t n = msid == 0 ? 0 : (msid - 1) % LANE_STREAMS;

	switch (lane) {
	case CONN_LANE_AUDIO:
		return 5 + 4 * n;
	case CONN_LANE_VIDEO:
		return 6 + 4 * n;
	case CONN_LANE_DATA:
		break;
	}
	return 4 + 4 * n;
}

static enum conn_lane
lane_of(uint8_t type)
{
	if (type == MESSAGE_AUDIO)
		return CONN_LANE_AUDIO;
	return type == MESSAGE_VIDEO ? CONN_LANE_VIDEO : CONN_LANE_DATA;
}

int
conn_send_packet(struct conn *c, struct packet *p, uint32_t msid,
    int32_t ts_offset_ms, struct packet_stats *stats, bool flush)
{
	struct packet_stats nobody = { 0, 0 };
	struct packet_key key;

	if (c->phase != CONN_OPEN)
		return FCS_ECLOSED;
	memset(&key, 0, sizeof(key));
	key.format = PACKET_RTMP;
	key.chunk_size = c->out_chunk;
	key.csid = conn_csid(msid, lane_of(p->type));
	key.msid = msid;
	key.ts_offset_ms = ts_offset_ms;
	c->messages_out++;
	return conn_push(c,
	    packet_serialise(p, &key, stats == NULL ? &nobody : stats), msid,
	    p->ts_ms + (uint32_t)ts_offset_ms, flush);
}

void
conn_put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

int
conn_send_control(
    struct conn *c, uint8_t type, const uint8_t *payload, size_t len)
{
	return conn_send(c, CSID_CONTROL, type, 0, 0, payload, len, 0);
}

int
conn_send_event(
    struct conn *c, enum message_event event, uint32_t msid, uint32_t value)
{
	uint8_t p[10] = { 0 };
	size_t len = 6;

	p[1] = (uint8_t)event;
	switch (event) {
	case MESSAGE_EV_PING:
	case MESSAGE_EV_PONG:
		conn_put_be32(p + 2, value);
		break;
	case MESSAGE_EV_SWF_REQUEST:
		len = 3;
		break;
	case MESSAGE_EV_BUFFER_LENGTH:
		conn_put_be32(p + 2, msid);
		conn_put_be32(p + 6, value);
		len = 10;
		break;
	default:
		conn_put_be32(p + 2, msid);
		break;
	}
	return conn_send_control(c, MESSAGE_USER_CONTROL, p, len);
}

int
conn_send_window_ack(struct conn *c, uint32_t window)
{
	uint8_t p[4];

	conn_put_be32(p, window);
	c->our_window = window;
	return conn_send_control(c, MESSAGE_WINDOW_ACK, p, sizeof(p));
}

int
conn_send_window(struct conn *c, uint32_t window, uint32_t peer_bandwidth)
{
	uint8_t p[5];
	int rc = conn_send_window_ack(c, window);

	if (rc != FCS_OK)
		return rc;
	conn_put_be32(p, peer_bandwidth);
	p[4] = BANDWIDTH_DYNAMIC;
	return conn_send_control(c, MESSAGE_PEER_BANDWIDTH, p, sizeof(p));
}

int
conn_send_chunk_size(struct conn *c, uint32_t size)
{
	uint8_t p[4];
	int rc;

	if (size == 0)
		size = c->opt.out_chunk_size;
	conn_put_be32(p, size);
	rc = conn_send_control(c, MESSAGE_CHUNK_SIZE, p, sizeof(p));
	if (rc == FCS_OK)
		c->out_chunk = size;
	return rc;
}

uint32_t
conn_chunk_size(const struct conn *c)
{
	return c->out_chunk;
}

void
conn_flush(struct conn *c)
{
	if (c->phase != CONN_CLOSED)
		stream_want_flush(c->stream);
}

void
conn_drop(struct conn *c, uint32_t msid)
{
	if (c->phase != CONN_CLOSED && msid != 0)
		(void)stream_drop(c->stream, msid);
}

/* ---- the queue ---- */

/* Every message begins with a full header: basic header, time stamp, length,
 * then the type. */
static int
kind_of(const uint8_t *data, size_t len)
{
	size_t at = (data[0] & 0x3f) == 0 ? 2 : (data[0] & 0x3f) == 1 ? 3 : 1;

	if (at + 6 >= len)
		return CONN_KINDS;
	switch (data[at + 6]) {
	case MESSAGE_AUDIO:
		return CONN_AUDIO;
	case MESSAGE_VIDEO:
		return CONN_VIDEO;
	case MESSAGE_SO:
	case MESSAGE_SO_AMF3:
		return CONN_SHARED_OBJECT;
	case MESSAGE_DATA:
	case MESSAGE_DATA_AMF3:
	case MESSAGE_COMMAND:
	case MESSAGE_COMMAND_AMF3:
		return CONN_DATA;
	default:
		return CONN_KINDS; /* control */
	}
}

static void
count_queued(void *arg, const uint8_t *data, size_t len, size_t sent)
{
	struct conn_queue *q = arg;
	int kind = kind_of(data, len);

	if (kind == CONN_KINDS)
		return;
	q->messages[kind]++;
	q->bytes[kind] += len - sent;
}

void
conn_queue(const struct conn *c, struct conn_queue *q)
{
	memset(q, 0, sizeof(*q));
	stream_each(c->stream, count_queued, q);
}
