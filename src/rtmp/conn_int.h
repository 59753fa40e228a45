/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conn_int - the inside of a connection, for conn.c and conn_out.c only.
 */
#ifndef RTMP_CONN_INT_H
#define RTMP_CONN_INT_H

#include "net/timer.h"
#include "rtmp/conn.h"

enum conn_phase {
	CONN_HELLO,  /* server: C0 C1 awaited */
	CONN_ECHO,   /* server: C2 awaited */
	CONN_ANSWER, /* client: S0 S1 S2 awaited */
	CONN_OPEN,
	CONN_CLOSED
};

struct conn {
	struct loop *loop;
	struct stream *stream;
	const struct conn_ops *ops;
	void *arg;
	struct conn_options opt;
	enum conn_phase phase;
	bool freed;

	struct chunk_reader *reader;
	struct buf hs;    /* handshake bytes so far */
	struct buf early; /* bytes read before us */
	struct loop_task early_task;
	struct timer *deadline; /* of the handshake; then the ping clock */

	uint32_t out_chunk;
	uint64_t bytes_in;   /* all bytes of the socket, hand-over included */
	uint64_t acked;      /* bytes_in at our last acknowledgement */
	uint32_t ack_window; /* what the peer asked for, 0 = nothing yet */
	uint32_t our_window; /* type 5 last sent */

	uint64_t heard_ms; /* last input */
	bool silent;       /* a ping waits for any input */
	uint64_t ping_sent_ms;
	uint32_t ping_value;
	bool ping_open;
	int rtt_ms;
	uint64_t messages_in, messages_out;
};

/* Queue bytes whatever the phase: the handshake is sent before the connection
 * is open. Takes the reference; NULL: FCS_ENOMEM. */
int conn_push(struct conn *, struct refbuf *, uint32_t owner, uint32_t ts_ms,
    bool flush) FCS_MUSTUSE;
int conn_send_control(struct conn *, uint8_t type, const uint8_t *payload,
    size_t len) FCS_MUSTUSE;
int conn_send_window_ack(struct conn *, uint32_t window) FCS_MUSTUSE;
void conn_put_be32(uint8_t *, uint32_t);

#endif
