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
	int amf;         /* 0 or 3 */
	bool reconnects; /* understands Connect.ReconnectRequest */
	bool avmplus;    /* AMF0 client that may be sent 0x11 */
	double video_function;
};

/* What is known of the traffic with one client, all its life. */
enum client_kind {
	CLIENT_AUDIO,
	CLIENT_VIDEO,
	CLIENT_SHARED_OBJECT,
	CLIENT_DATA, /* data messages and commands */
	CLIENT_KINDS
};
struct client_figures {
	uint64_t bytes_in, bytes_out, msg_in, msg_out, msg_dropped;
	int rtt_ms;               /* -1 unknown */
	uint64_t in_bps, out_bps; /* bytes a second, lately */
	struct {
		uint64_t messages, bytes;
	} queue[CLIENT_KINDS], dropped[CLIENT_KINDS];
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
	/* The rest may be NULL: nothing of the kind. */
	/* All but the rates of figures, which core makes of them. */
	void (*figures)(void *impl, struct client_figures *);
	/* Ask for the round trip: client_pinged() follows. */
	int (*ping)(void *impl);
	/* The bandwidth test: client_measured() follows. FCS_ENOENT: the
	 * application has none (settings); the client is told so. */
	int (*measure)(void *impl);
	/* Bytes a second; 0 = no limit. */
	int (*set_rates)(void *impl, uint64_t in_bps, uint64_t out_bps);
	/* The streams it publishes and plays, lowest stream id first. */
	void (*streams)(void *impl,
	    void (*fn)(void *arg, const char *name, bool publishes), void *arg);
	/* End a stream it publishes with the status of a refusal. false: it
	 * does no such thing. */
	bool (*refuse_publish)(void *impl, const char *name, const char *why);
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
 * Default ["/"]. FCS_ENOMEM: as before. */
int client_set_access(struct client *, bool write, const char *const *paths,
    uint32_t count) FCS_MUSTUSE;
bool client_may(const struct client *, bool write, const char *name);
/* The same for the samples of streams (|RtmpSampleAccess): which it may look
 * into. */
int client_set_samples(struct client *, bool video, const char *const *paths,
    uint32_t count) FCS_MUSTUSE;
bool client_may_sample(const struct client *, bool video, const char *name);
/* What holds of the four lists, without slashes around; "/" = everything. */
enum client_right {
	CLIENT_READ,
	CLIENT_WRITE,
	CLIENT_SAMPLE_AUDIO,
	CLIENT_SAMPLE_VIDEO
};
void client_each_path(const struct client *, enum client_right,
    void (*fn)(void *arg, const char *path), void *arg);
/* Chooses among virtual directories of one name. FCS_EINVAL: has * : or a
 * control character; FCS_ELIMIT over 255 bytes; FCS_ENOMEM. */
int client_set_virtual_key(struct client *, const char *, size_t) FCS_MUSTUSE;
const char *client_virtual_key(const struct client *); /* "" when not set */

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

/* --- traffic: client_traffic.c --- */
/* Of a client that is gone: as it was when it went. */
void client_figures(struct client *, struct client_figures *);
/* Bytes a second the client may send (out: be sent); 0: what the application
 * allows. Never above bandwidth.cap; what holds is client_rate(), 0 = no
 * limit. FCS_EINVAL below CLIENT_RATE_MIN; FCS_ENOMEM: as before. */
#define CLIENT_RATE_MIN 1024
int client_set_rate(struct client *, bool out, uint64_t bps) FCS_MUSTUSE;
uint64_t client_rate(const struct client *, bool out);
/* Ask: the answer is script_ops->resolve(pending) with milliseconds, or with
 * {kbit_down, delta_down, delta_time, latency}. Who asks again while one is
 * under way takes its place. FCS_ECLOSED gone, or not accepted yet;
 * FCS_ENOENT (measure) there is no test; FCS_ENOMEM. */
int client_ping(struct client *, uint64_t pending) FCS_MUSTUSE;
void client_pinged(struct client *, int rtt_ms);
int client_measure(struct client *, uint64_t pending) FCS_MUSTUSE;
/* info NULL: it does not answer the test. */
void client_measured(struct client *, const struct value *info);
/* NetConnection.Connect.ReconnectRequest; url NULL: the same place again.
 * FCS_EUNSUPPORTED: it did not say that it understands that; FCS_ECLOSED. */
int client_reconnect(struct client *, const char *url) FCS_MUSTUSE;
/* What it publishes and plays, lowest stream id first; none when it is gone. */
void client_each_stream(struct client *,
    void (*fn)(void *arg, const char *name, bool publishes), void *arg);
/* End a stream it publishes, with a status that says why. false: it does not
 * publish that, or is gone. */
bool client_refuse_publish(struct client *, const char *name, const char *why);

/* NetConnection.Connect.Closed (or the status given) and close. */
void client_disconnect(struct client *, enum status code, const char *why);
/* The connection is gone, by whatever cause: script and modules are told, the
 * client is freed at the end of the turn. Called once, by session. */
void client_lost(struct client *);

#endif
