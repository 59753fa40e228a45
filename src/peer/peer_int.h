/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer_int - the inside of a peer, for this folder only. peer.c has its life,
 * peer_conn.c the RTMP connection, peer_call.c the calls both ways.
 */
#ifndef PEER_PEER_INT_H
#define PEER_PEER_INT_H

#include "base/idmap.h"
#include "codec/command.h"
#include "codec/status.h"
#include "core/instance.h"
#include "net/dial.h"
#include "net/timer.h"
#include "peer/peer.h"
#include "peer/peer_uri.h"
#include "rtmp/conn.h"

#define PEER_ARENA (16u << 20)

enum peer_phase {        /* of PEER_DIALING */
	PEER_FINDING,    /* the locator was asked */
	PEER_REACHING,   /* name, TCP, handshake */
	PEER_CONNECTING, /* connect is sent */
};

struct peer_watching {
	struct peer_watching *prev, *next;
	const struct peer_watcher *ops; /* NULL: let go of, freed later */
	void *arg;
	bool is_told; /* that it is open */
};

struct peer_call { /* sent, not answered */
	double txn;
	uint64_t pending;
};

struct peer_parcel; /* peer_call.c */

struct peer {
	struct peer *prev, *next; /* of the instance, oldest first */
	struct peers *set;
	struct instance *inst;
	struct loop *loop;
	uint64_t id;
	char *uri;
	struct peer_uri where;
	uint8_t *args; /* of connect: one packed array */
	size_t args_len;

	enum peer_state state;
	enum peer_phase phase;
	bool once;
	bool answered; /* this connection: the far side said something */
	int amf;       /* agreed, or to be asked for */
	uint32_t pause_ms;
	uint64_t opened_ms;
	uint64_t epoch; /* counts connections */
	struct timer *timer;
	struct dial *dial;
	struct conn *conn;
	uint8_t *last; /* info, packed; NULL: none yet */
	size_t last_len;

	struct timer *pace; /* peer_conn.c: commands a second */
	uint64_t pace_ms;
	uint32_t pace_count;

	double next_txn;
	struct peer_call *calls;
	uint32_t call_count, call_cap;
	struct peer_parcel *queue; /* calls that wait for the connection */
	uint32_t queued;
	struct peer_parcel *holding; /* behind the commit barrier */
	uint32_t held;               /* calls of those */
	size_t held_bytes;
	struct timer *queue_timer;
	struct idmap *asked; /* their calls under way */

	struct peer_watching *watching;
	struct loop_task watch_task;
};

/* --- peer.c --- */
struct peer *peer_by_id(uint64_t id); /* NULL: gone */
int64_t peer_setting(const struct peer *, enum config_app_key);
const struct limits *peer_limits(const struct peer *);
/* The far side accepted: info of its answer, borrowed. */
void peer_opened(struct peer *, int amf, const struct value *info);
/*
 * The try or the connection is over. info: what the far side said, borrowed;
 * NULL: made of why. end: no redial. p is freed after the turn when it ends.
 */
void peer_over(
    struct peer *, const struct value *info, const char *why, bool end);
void peer_tell_script(struct peer *, const char *mode, const char *text,
    const struct value *info);
void peer_tell_watchers(struct peer *, const struct message *);

/* --- peer_conn.c --- */
/* Takes fd. Errors: no memory (fd closed). */
int peer_conn_start(struct peer *, int fd, enum conn_role) FCS_MUSTUSE;
void peer_conn_stop(struct peer *, bool graceful);
/* A message on the connection's stream. FCS_ECLOSED not open, or it takes no
 * more (it is then over at the end of the turn). */
int peer_conn_send(struct peer *, uint8_t type, const uint8_t *payload,
    size_t len) FCS_MUSTUSE;
int peer_conn_command(struct peer *, const char *name, double txn,
    struct value *const *args, uint32_t count) FCS_MUSTUSE;

/* --- peer_call.c --- */
int peer_call_ask(struct peer *, const char *name, struct value *const *args,
    uint32_t count, uint64_t pending) FCS_MUSTUSE;
int peer_call_tell(struct peer *, const char *name, struct value *const *args,
    uint32_t count) FCS_MUSTUSE;
/* From the far side: an answer, a call. */
void peer_call_answered(struct peer *, bool ok, const struct command *);
void peer_call_asked(struct peer *, const struct command *);
void peer_call_opened(struct peer *); /* what waited goes out */
/* The connection is gone: what was not answered fails; end: what waits too. */
void peer_call_lost(struct peer *, bool end);
void peer_call_forget(struct peer *); /* as that, and nobody is told */
void peer_call_fini(struct peer *);

#endif
