/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conn - one RTMP connection over a stream socket: handshake, chunk in and out,
 * control messages, acknowledgement, pings. Layer: rtmp (4); used by session,
 * peer and gateway. wire-protocol.md 1-3.
 *
 * It answers by itself: set chunk size, abort, window acknowledgement and peer
 * bandwidth, acknowledgements we owe, ping requests; and it pings a silent
 * peer (limits: ping after 30 s, gone after 15 more). Everything else goes to
 * ops->message. Thread: loop. Freed with conn_free, also from its own
 * callbacks.
 */
#ifndef RTMP_CONN_H
#define RTMP_CONN_H

#include "base/buf.h"
#include "base/limits.h"
#include "base/refbuf.h"
#include "codec/chunk.h"
#include "codec/message.h"
#include "codec/packet.h"
#include "net/stream.h"

enum conn_role {
	CONN_SERVER,       /* handshake first, as the server */
	CONN_SERVER_AFTER, /* handshake done by the gateway: starts after C2 */
	CONN_CLIENT,       /* handshake first, as the client */
	CONN_PLAIN         /* no handshake at all (local peers) */
};

struct conn;

struct conn_ops {
	void (*ready)(void *arg); /* handshake done; may be NULL */
	/* A message other than those above (user control events other than
	 * ping are passed on). A return other than FCS_OK closes the
	 * connection with that reason. */
	int (*message)(void *arg, const struct message *);
	/* Gone: peer closed (FCS_OK), broken framing, time-outs. why.text says
	 * it for the log. Once; not after conn_close. */
	void (*closed)(void *arg, const struct err *why);
	void (*drained)(void *arg); /* may be NULL */
	/* The peer answered a ping; may be NULL. */
	void (*pong)(void *arg, int rtt_ms);
};

struct conn_options {
	enum conn_role role;
	struct chunk_limits limits;
	uint32_t out_chunk_size;      /* what conn_send_chunk_size(c, 0) says */
	uint32_t handshake_ms;        /* absolute deadline; 0 = none */
	uint32_t ping_ms, gone_ms;    /* 30000, 15000; 0 = no pings */
	uint64_t bytes_in, bytes_out; /* already counted (hand-over) */
	size_t reply_bytes;           /* see conn_room; 0 = no bound */
	struct stream_limits stream;
};

/* The options of this role with the limits of the table. */
void conn_options_init(
    struct conn_options *, enum conn_role, const struct limits *);

/* Takes fd. early[0..len) = bytes already read from the socket; they are
 * parsed in the first turn, not inside this call. NULL: no memory. */
struct conn *conn_new(struct loop *, int fd, const struct conn_options *,
    const uint8_t *early, size_t len, const struct conn_ops *, void *arg);
/* No more callbacks. graceful: what is queued is still sent. */
void conn_close(struct conn *, bool graceful);
void conn_free(struct conn *); /* NULL is allowed; gone at end of turn */
struct stream *conn_stream(struct conn *);
struct loop *conn_loop(struct conn *);
/* Bytes on the wire both ways, those before a hand-over included. */
void conn_counts(const struct conn *, uint64_t *bytes_in, uint64_t *bytes_out);

/* Messages both ways, control included. */
void conn_messages(const struct conn *, uint64_t *in, uint64_t *out);
/* What waits to be sent, by kind of message. */
enum conn_kind {
	CONN_AUDIO,
	CONN_VIDEO,
	CONN_SHARED_OBJECT,
	CONN_DATA, /* data messages and commands */
	CONN_KINDS
};
struct conn_queue {
	uint64_t messages[CONN_KINDS], bytes[CONN_KINDS];
};
void conn_queue(const struct conn *, struct conn_queue *);

/* Queue one message (chunked with the current out chunk size); leaves at the
 * end of the turn. csid 2 control, 3 commands and shared objects, else see
 * conn_csid. owner as stream_push. FCS_ENOMEM, FCS_ECLOSED (also before the
 * handshake is done), FCS_ELIMIT longer than a message can be. */
int conn_send(struct conn *, uint32_t csid, uint8_t type, uint32_t msid,
    uint32_t ts_ms, const uint8_t *payload, size_t len,
    uint32_t owner) FCS_MUSTUSE;
/* Whether a reply of len bytes may still be queued: FCS_ELIMIT when the peer
 * takes none and they fill reply_bytes, small ones counted with what they cost
 * in memory. Counted as refused at that limit; what follows is the caller's. */
int conn_room(struct conn *, size_t len) FCS_MUSTUSE;
/* Queue a packet, serialised once per variant and shared (packet.h); its owner
 * is msid. flush: whether it leaves at the end of this turn or waits for one
 * that does. */
int conn_send_packet(struct conn *, struct packet *, uint32_t msid,
    int32_t ts_offset_ms, struct packet_stats *, bool flush) FCS_MUSTUSE;
/* User control: event with msid, and value for the events that have one. */
int conn_send_event(struct conn *, enum message_event, uint32_t msid,
    uint32_t value) FCS_MUSTUSE;
int conn_send_window(struct conn *, uint32_t window,
    uint32_t peer_bandwidth) FCS_MUSTUSE; /* types 5 and 6 */
/* 0: the size of the options. Holds from the next message on. */
int conn_send_chunk_size(struct conn *, uint32_t size) FCS_MUSTUSE;
uint32_t conn_chunk_size(const struct conn *); /* ours, now */
void conn_flush(struct conn *);                /* at the end of this turn */
/* Drop queued media of stream msid (seek, stop): whole messages only. */
void conn_drop(struct conn *, uint32_t msid);

/* csid of stream msid: 4+4(n) command/status/data, 5+4n audio, 6+4n video for
 * n = msid - 1 while below 64; then shared ids. */
enum conn_lane {
	CONN_LANE_DATA,
	CONN_LANE_AUDIO,
	CONN_LANE_VIDEO
};
uint32_t conn_csid(uint32_t msid, enum conn_lane);

/* Round trip: sends a ping request, rtt_ms when answered; last known, or -1. */
int conn_ping(struct conn *) FCS_MUSTUSE;
int conn_rtt_ms(const struct conn *);

#endif
