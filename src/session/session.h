/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session - an RTMP connection from a client: connect, calls, and the dispatch
 * of its messages to streams (sess_stream.h) and shared objects. Layer:
 * session (5). wire-protocol.md 5. Owner: the worker's list of sessions.
 * Thread: loop.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "core/application.h"

struct session;

struct session_handover { /* what the gateway hands over; all copied */
	int fd;           /* taken */
	const char *client_id;
	const char *ip;
	uint16_t port;
	const char *protocol;
	bool secure;
	const char *peer_name; /* "app/inst" of this server; NULL or "": none */
	uint64_t bytes_in, bytes_out;
	const uint8_t *early; /* raw bytes from the first after C2 */
	size_t early_len;
};

/* ended(arg, client_id): the connection is gone. FCS_ENOMEM, FCS_ELIMIT (fd
 * closed). */
int session_accept(struct application *, const struct session_handover *,
    void (*ended)(void *arg, const char *client_id), void *arg) FCS_MUSTUSE;
uint32_t session_count(struct application *);

#endif
