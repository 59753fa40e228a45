/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listener - a listening socket: binding it, and the accept loop. Layer: net
 * (3). DESIGN 1, 3.
 *
 * Out of descriptors is an everyday state, not an end: a reserve descriptor is
 * given up to accept the caller and close it at once (it sees a close, not a
 * hang), then accepting pauses LISTENER_PAUSE_MS; the loop never spins on a
 * socket it cannot serve. Thread: loop. Owner: who made it.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <netinet/in.h>

#include "net/loop.h"

#define LISTENER_PAUSE_MS 100
#define LISTENER_ADDR_MAX 64 /* "[v6]:port" with the final NUL */

/*
 * Bind and listen. where: addr:port, [v6]:port, :port (all addresses, both
 * families); port 0 = any. Close-on-exec, non-blocking. FCS_EBUSY the port is
 * taken; FCS_EACCES not allowed; FCS_EINVAL no such address; FCS_ESYS. *why
 * says it with the remedy.
 */
int listener_bind(const char *where, int *fd, struct err *why) FCS_MUSTUSE;
/* "127.0.0.1:41935" of a listening socket; returns out. */
const char *listener_name(int fd, char out[LISTENER_ADDR_MAX]);

struct listener_peer {
	char ip[INET6_ADDRSTRLEN]; /* mapped IPv4 as plain IPv4 */
	uint16_t port;
};

struct listener;
struct listener_ops {
	/* fd is taken; close-on-exec, non-blocking, TCP_NODELAY. The listener
	 * may be paused or freed from here. */
	void (*accepted)(void *arg, int fd, const struct listener_peer *);
	/* Out of descriptors or memory: accepting pauses. May be NULL. */
	void (*starved)(void *arg, const char *why);
};

/* Borrows fd (closing it is the owner's, after listener_free). rate: accepts a
 * second beyond which it pauses, 0 = no limit. NULL: no memory. */
struct listener *listener_new(struct loop *, int fd, uint32_t rate,
    const struct listener_ops *, void *arg);
void listener_pause(struct listener *, bool pause);
void listener_free(struct listener *);

struct listener_counts {
	uint64_t accepted, starved, rate_paused;
};
void listener_counts(const struct listener *, struct listener_counts *);

#endif
