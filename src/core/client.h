/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client - a connected client as core and scripts see it; how it is reached is
 * a table filled by session (and peer, and fakes in tests). Layer: core (4).
 * Owner: its instance from instance_connect on; before, who made it. Thread:
 * loop. Scripts and anything across turns hold its id (client_id text or
 * client_number), never the pointer.
 */
#ifndef CORE_CLIENT_H
#define CORE_CLIENT_H

#include "codec/message.h"
#include "codec/status.h"
#include "codec/value.h"
#include "core/script.h"

struct client;
struct instance;

struct client_info {    /* copied */
	const char *id; /* the one id, from the gateway */
	const char *ip;
	uint16_t port;
	const char *protocol; /* rtmp rtmps rtmpt ws wss local */
	bool secure;
	const char *agent, *referrer, *page_url, *uri, *query;
	/* "app/inst" of this server that connects, told by the server itself;
	 * NULL: anybody else */
	const char *peer_name;
	int amf;      /* 0 or 3 */
	bool avmplus; /* AMF0 client that may be sent 0x11 */
	double video_function;
};

struct client_ops {
	/* Queue one message (payload borrowed); leaves at the end of the
	 * turn. */
	int (*send)(void *impl, uint8_t type, uint32_t msid,
	    const uint8_t *payload, size_t len);
	/* Verdict of connect. accepted: session sends the success sequence.
	 * rejected: sends the error given, `close`, and closes. */
	void (*accepted)(void *impl);
	void (*rejected)(void *impl, const struct value *info);
	void (*close)(void *impl, const char *why); /* graceful */
	void (*stats)(
	    void *impl, uint64_t *bytes_in, uint64_t *bytes_out, int *rtt_ms);
};

enum client_state {
	CLIENT_PENDING,
	CLIENT_ACCEPTED,
	CLIENT_CLOSED
};

struct client *client_new(const struct client_info *, const struct client_ops *,
    void *impl); /* NULL: no memory */
const struct client_info *client_info(const struct client *);
const char *client_id(const struct client *);
struct instance *client_instance(const struct client *); /* NULL before */
enum client_state client_state(const struct client *);
int64_t client_connected_at_ms(const struct client *); /* wall clock */

const char *client_user(const struct client *); /* "" when not set */
/* It used AMF3 although it did not negotiate it. */
void client_set_avmplus(struct client *);
int client_set_user(struct client *, const char *, size_t) FCS_MUSTUSE;
/* Owner name for histories: user, else id. */
const char *client_owner(const struct client *);
/* Attributes set by the script: packed values by name, kept in C so that they
 * survive a reload. NULL value deletes. */
int client_set_attr(struct client *, const char *key, size_t key_len,
    const uint8_t *packed, size_t len) FCS_MUSTUSE;
const uint8_t *client_attr(
    const struct client *, const char *key, size_t key_len, size_t *len);
void client_each_attr(const struct client *,
    void (*fn)(void *arg, const char *key, size_t key_len,
	const uint8_t *packed, size_t len),
    void *arg);
/* Bytes on the wire and round trip (-1 unknown) now. */
void client_traffic(const struct client *, uint64_t *bytes_in,
    uint64_t *bytes_out, int *rtt_ms);

/* read_access / write_access: lists of path prefixes by whole elements.
 * Default ["/"]. */
int client_set_access(struct client *, bool write, const char *const *paths,
    uint32_t count) FCS_MUSTUSE;
bool client_may(const struct client *, bool write, const char *name);

/* --- to the client --- */
/* At once (end of turn). */
int client_send(struct client *, uint8_t type, uint32_t msid,
    const uint8_t *payload, size_t len) FCS_MUSTUSE;
/* As emitted by a script or because of one: held behind the instance's commit
 * barrier, in order per client. */
int client_emit(struct client *, uint8_t type, uint32_t msid,
    const uint8_t *payload, size_t len) FCS_MUSTUSE;
void client_release_held(struct client *, uint64_t durable); /* by instance */

/* Commands built for the client's encoding. tell: txn 0. result/error answer
 * the client's call. All go through client_emit. */
int client_tell(struct client *, const char *name, struct value *const *args,
    uint32_t count) FCS_MUSTUSE;
int client_result(
    struct client *, double txn, const struct value *value) FCS_MUSTUSE;
int client_error(struct client *, double txn, const char *description,
    const struct value *application) FCS_MUSTUSE;
/* Ask the client: a transaction id is allotted, the answer goes to
 * script_ops->resolve(pending). FCS_ELIMIT too many unanswered. */
int client_call(struct client *, const char *name, struct value *const *args,
    uint32_t count, uint64_t pending) FCS_MUSTUSE;
/* _result / _error arrived from the client. */
void client_answered(struct client *, double txn, bool ok,
    struct value *const *args, uint32_t count);

/* NetConnection.Connect.Closed (or the status given) and close. */
void client_disconnect(struct client *, enum status code, const char *why);
/* The connection is gone, by whatever cause: script and modules are told, the
 * client is freed at the end of the turn. Called once, by session. */
void client_lost(struct client *);

#endif
