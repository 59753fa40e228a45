/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * locate - connections from instances of this worker to instances of this
 * server: within the worker, or to another one, which the supervisor names. The
 * peer_locator of core/peer.h. Layer: worker (7). DESIGN 1. Owner: the worker.
 * Thread: loop.
 *
 * An application of this worker gets its end of the socket pair at once. For
 * another the supervisor is asked, as a gateway does; the channel to its worker
 * is kept while that worker lives. Dials wait in order; nothing waits without
 * an answer (the supervisor answers every question).
 */
#ifndef WORKER_LOCATE_H
#define WORKER_LOCATE_H

#include <jansson.h>

#include "base/limits.h"
#include "core/peer.h"
#include "net/loop.h"

struct channel_handover;
struct locate;
struct session_handover;

struct locate_ops {
	/* An application open in this worker, with what the hand-over says
	 * (fd is taken unless FCS_ENOENT). FCS_ENOENT: it is elsewhere. */
	int (*here)(
	    void *arg, const char *app, const struct session_handover *);
	/* Ask the supervisor; its answer comes to locate_answer. */
	void (*ask)(void *arg, uint64_t key, const char *app, const char *inst);
	const struct limits *(*limits)(void *arg);
};

/* NULL: no memory. */
struct locate *locate_new(struct loop *, const struct locate_ops *, void *arg);
void locate_free(struct locate *); /* NULL is allowed; dials get FCS_ECLOSED */
const struct peer_locator *locate_locator(struct locate *);
/*
 * The instance that connects, "app/inst", out of a hand-over that came by the
 * channel of a worker or of a gateway; "" for a client. FCS_EFORMAT: a worker
 * names one, a gateway does not, and nothing else is believed.
 */
int locate_name(const struct channel_handover *, bool is_worker, char *out,
    size_t size) FCS_MUSTUSE;
/* Supervisor: {id, status, why} + descriptor (link.h: located). */
void locate_answer(struct locate *, json_t *msg, int *fds, size_t count);

#endif
