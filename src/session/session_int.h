/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session_int - the inside of a session, for the files of this folder only:
 * session.c (life, dispatch), sess_connect.c, sess_call.c, sess_stream.c and
 * its parts.
 */
#ifndef SESSION_SESSION_INT_H
#define SESSION_SESSION_INT_H

#include "base/name.h"
#include "codec/command.h"
#include "codec/packet.h"
#include "core/client.h"
#include "core/instance.h"
#include "net/timer.h"
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
	struct sess_bw *bw; /* NULL: no bandwidth test is running */
	double connect_txn;
	int amf; /* negotiated object encoding */
	void (*ended)(void *arg, const char *client_id);
	void *ended_arg;
	char client_id[64];
	/* private to session.c, sess_connect.c and sess_call.c from here */
	struct session_kept *kept; /* messages that wait for the verdict */
	uint32_t kept_count;
	size_t kept_bytes;
	struct loop_task kept_task; /* they are due */
	struct loop_task end_task;
	struct timer *timer; /* connect deadline; then idle_client */
	uint64_t heard_ms;   /* last message of the client */
	struct timer *pace;  /* set while reading pauses: too many commands */
	uint64_t pace_ms;    /* begin of the second counted in */
	uint32_t pace_count;
	char ip[64];
	uint16_t port;
	char protocol[8];
	char peer_name[NAME_APP_MAX + NAME_INSTANCE_MAX + 2]; /* "": none */
	bool secure;
	bool enhanced_list, enhanced_maps; /* said at connect */
	int caps_ex;
	struct {
		uint64_t messages, bytes;
	} dropped[2]; /* audio, video a slow viewer was spared */
	struct session *prev, *next;
};

/* NULL when it is gone: the way to come back after an asynchronous answer. */
struct session *session_by_id(uint64_t id);

/* Write a command to the client now (not behind the commit barrier). */
int session_send_command(struct session *, uint32_t msid, const char *name,
    double txn, const struct value *object, struct value *const *args,
    uint32_t count) FCS_MUSTUSE;
/* A whole message on the connection's or the stream's command lane. FCS_ECLOSED
 * also when the client takes no replies (it is then being closed). */
int session_send_message(struct session *, uint8_t type, uint32_t msid,
    const uint8_t *payload, size_t len) FCS_MUSTUSE;
/* onStatus on msid: {level, code, description, details, clientid}. */
int session_send_status(struct session *, uint32_t msid, enum status,
    const char *description, const char *details) FCS_MUSTUSE;

/* --- session.c, for this folder's own use --- */
/* End it: what is queued still leaves when graceful. One log line with why.
 * Nothing of the session may be used after this turn. */
void session_close(struct session *, bool graceful, const char *why);
/* The verdict is out: kept messages go on at the end of the turn. */
void session_opened(struct session *);
/* name of a command fit for a log line and the script: NUL-terminated in out;
 * FCS_ELIMIT, FCS_EINVAL (control characters, NUL). */
int session_name(const struct session *, struct value_str,
    char out[COMMAND_NAME_MAX + 1]) FCS_MUSTUSE;

/* --- sess_connect.c --- */
/* The first command. Other codes than FCS_OK close the connection. */
int sess_connect_command(struct session *, const struct command *) FCS_MUSTUSE;
extern const struct client_ops sess_connect_client_ops;

/* --- sess_call.c: _result, _error, built-in answers, methods --- */
int sess_call_command(struct session *, const struct command *) FCS_MUSTUSE;

/* --- sess_bw.c: the bandwidth test --- */
bool sess_bw_is_off(const struct session *);
/* As the settings say: the test, or its end without the test, so that the
 * client goes on, or nothing. FCS_ENOENT: nothing is measured. */
int sess_bw_measure(void *impl);
/* An answer of the client. FCS_ENOENT: to a call of somebody else. */
int sess_bw_answered(struct session *, double txn, bool ok) FCS_MUSTUSE;
void sess_bw_fini(struct session *);

/* --- sess_traffic.c: for the table of client_ops --- */
void sess_traffic_figures(void *impl, struct client_figures *);
int sess_traffic_ping(void *impl);
int sess_traffic_set_rates(void *impl, uint64_t in_bps, uint64_t out_bps);
void sess_traffic_streams(void *impl,
    void (*fn)(void *arg, const char *name, bool publishes), void *arg);
bool sess_traffic_refuse_publish(void *impl, const char *name, const char *why);
/* A media packet that was not sent to a viewer. */
void sess_traffic_dropped(struct session *, const struct packet *);
/* It publishes, or media come to it: not idle, however silent. */
bool sess_traffic_is_streaming(struct session *);

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
