/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session_int - the inside of a session, for the files of this folder only:
 * session.c (life, dispatch), sess_connect.c, sess_call.c, sess_stream.c and
 * its parts.
 */
#ifndef SESSION_SESSION_INT_H
#define SESSION_SESSION_INT_H

#include "codec/command.h"
#include "core/client.h"
#include "core/instance.h"
#include "rtmp/conn.h"
#include "session/session.h"

struct sess_streams; /* sess_stream.c: the streams of one connection */

enum session_state {
	SESSION_NEW,
	SESSION_PENDING,
	SESSION_OPEN,
	SESSION_DEAD
};

struct session {
	uint64_t id; /* in the idmap of the application's sessions */
	enum session_state state;
	struct conn *conn;
	struct application *app;
	struct client *client;     /* from connect on */
	struct instance *instance; /* from connect on */
	struct sess_streams *streams;
	double connect_txn;
	int amf; /* negotiated object encoding */
	void (*ended)(void *arg, const char *client_id);
	void *ended_arg;
	char client_id[64];
	/* private to session.c and sess_connect.c below */
	struct session_handover_copy *handover;
	struct session *prev, *next;
};

/* NULL when it is gone: the way to come back after an asynchronous answer. */
struct session *session_by_id(uint64_t id);

/* Write a command to the client now (not behind the commit barrier). */
int session_send_command(struct session *, uint32_t msid, const char *name,
    double txn, const struct value *object, struct value *const *args,
    uint32_t count) FCS_MUSTUSE;
/* onStatus on msid: {level, code, description, details, clientid}. */
int session_send_status(struct session *, uint32_t msid, enum status,
    const char *description, const char *details) FCS_MUSTUSE;

/* --- sess_stream: createStream ... publish, play, seek, pause (core/live,
 * core/playback). Handled: FCS_OK; FCS_ENOENT not a stream command; other
 * codes close the connection. --- */
int sess_stream_command(struct session *, const struct message *,
    const struct command *) FCS_MUSTUSE;
/* Audio, video, data, aggregate messages of a publisher. */
int sess_stream_media(struct session *, const struct message *) FCS_MUSTUSE;
/* User control events (set buffer length ...). */
void sess_stream_event(
    struct session *, uint16_t event, uint32_t msid, uint32_t value);
void sess_stream_drained(struct session *); /* output queue ran low */
void sess_stream_fini(struct session *);    /* the connection is gone */

#endif
