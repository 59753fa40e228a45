/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer - a connection an instance makes to another instance, of this server or
 * of another one (the server-side NetConnection, script-api.md 7.7): what core,
 * the script layer and shared objects ask of it, as tables. Layer: core (4).
 * Declared here, filled by src/peer (peer_ops) and by whoever wires a process
 * (peer_locator). Thread: loop.
 *
 * A peer is known by its id; a stale id, or one of another instance, is
 * FCS_ENOENT. It belongs to its instance: its module (MODULE_PEER) closes all
 * of them when the instance stops or its script is lost.
 *
 * What a peer tells its script:
 *	SCRIPT_PEER	event: name = id as decimal text, values[0] = info,
 *			mode = what happened:
 *		open	the far side accepted (after each redial)
 *		failed	a try came to nothing; text "end": it was the last
 *		close	a connection that was open is gone; text as above
 *		status	anything else the far side said by onStatus
 *	SCRIPT_PEER_CALL  question: the far side calls; text = id, name =
 *			method, values = arguments; answered as SCRIPT_CALL
 *	resolve		the answer to a call. What was not answered because of
 *			the connection: error = PEER_LOST, value = info.
 * All of it is queued (inst_work.c): never within a function of the table.
 */
#ifndef CORE_PEER_H
#define CORE_PEER_H

#include "codec/message.h"
#include "codec/value.h"

struct instance;

/* Error text of a call that got no answer: FCS::ConnectError there. */
#define PEER_LOST "ConnectError"
/* Calls that wait for the connection, per peer. */
#define PEER_QUEUE_MAX 256
/* How long one may wait there, ms. */
#define PEER_QUEUE_MS 10000

enum peer_state {
	PEER_WAITING, /* for the next try */
	PEER_DIALING, /* until the far side decided */
	PEER_OPEN,
	PEER_CLOSED /* for good */
};

struct peer_request { /* all borrowed for the call */
	const char *uri;
	struct value *const *args; /* of connect */
	uint32_t count;
};

struct peer_info {
	enum peer_state state;
	const char *uri; /* as given; borrowed from the peer */
	bool local;      /* to an instance of this server */
	int amf;         /* agreed: 0 or 3; valid while open */
};

/*
 * Who else uses the connection (proxied shared objects). Called on the loop, on
 * nobody's stack: watchers may call any function of the table from there, but
 * unwatch and close take effect after it.
 */
struct peer_watcher {
	void (*opened)(void *arg, uint64_t peer);
	/* It was open and is not any more; or (end) it never will be again. */
	void (*closed)(void *arg, uint64_t peer, bool end);
	/* Messages of types 19 and 16, borrowed. An error closes the
	 * connection (it is dialled again). */
	int (*message)(void *arg, uint64_t peer, const struct message *);
};

struct peer_ops {
	/*
	 * Begin to dial; nothing of it happens within the call. FCS_OK and the
	 * id. FCS_EINVAL not such a URI; FCS_EEXIST to the instance itself;
	 * FCS_EUNSUPPORTED rtmps; FCS_ELIMIT script.peers; FCS_ENOMEM; errors
	 * of value_pack for args. why says it.
	 */
	int (*open)(struct instance *, const struct peer_request *,
	    uint64_t *out_peer, struct err *why);
	/* No redial any more. FCS_ENOENT. */
	int (*once)(struct instance *, uint64_t peer);
	/* For good. Pending calls fail, the script is told, then the id is
	 * stale. FCS_ENOENT: it was. */
	int (*close)(struct instance *, uint64_t peer);
	/* Of all peers of an instance whose script ends (reload, stop); the
	 * script is not told. */
	void (*close_all)(struct instance *);
	int (*info)(struct instance *, uint64_t peer, struct peer_info *out);
	/*
	 * Both behind the commit barrier (instance_later). call: sent now or
	 * when open, within PEER_QUEUE_MS; the answer goes to
	 * script_ops->resolve(pending). FCS_ELIMIT too many wait or are
	 * unanswered. tell: FCS_ECLOSED when not open.
	 */
	int (*call)(struct instance *, uint64_t peer, const char *name,
	    struct value *const *args, uint32_t count, uint64_t pending);
	int (*tell)(struct instance *, uint64_t peer, const char *name,
	    struct value *const *args, uint32_t count);
	/* A whole message on the connection's stream (msid 0), at the end of
	 * this turn, not held. FCS_ECLOSED when not open. */
	int (*send)(struct instance *, uint64_t peer, uint8_t type,
	    const uint8_t *payload, size_t len);
	/* One watcher per arg; opened() follows at the end of the turn if it is
	 * open already. FCS_ENOENT, FCS_ENOMEM. */
	int (*watch)(struct instance *, uint64_t peer,
	    const struct peer_watcher *, void *arg);
	void (*unwatch)(struct instance *, uint64_t peer, void *arg);
	/* All of an instance, oldest first; fn may close. */
	void (*each)(struct instance *,
	    void (*fn)(void *arg, uint64_t peer, const struct peer_info *),
	    void *arg);
};

/*
 * Where the instances of this server are: gives one end of a socket pair to
 * the instance named, as a connection without handshake, and the other end to
 * done. The far side sees a client of protocol "local" with peer_name = from.
 */
struct peer_where {
	const char *app, *inst; /* checked by name_check */
	const char *from;       /* "app/inst" that dials */
};
/* FCS_OK: fd is the callee's. FCS_ENOENT no such application; FCS_ELIMIT,
 * FCS_ECLOSED, FCS_EIO: why says it. A peer that is gone meanwhile takes the
 * answer too (by id). */
typedef void (*peer_located_fn)(
    uint64_t peer, int result, int fd, const char *why);
struct peer_locator {
	/* done is called once, within the call or turns later. */
	void (*locate)(void *arg, const struct peer_where *, uint64_t peer,
	    peer_located_fn done);
	void *arg;
};

#endif
