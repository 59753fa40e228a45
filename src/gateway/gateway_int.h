/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gateway_int - the inside of the gateway, for the files of this folder:
 * gateway.c (wiring), guest.c (a connection before its hand-over), route.c
 * (where an application is, and the hand-over), census.c (counts).
 */
#ifndef GATEWAY_GATEWAY_INT_H
#define GATEWAY_GATEWAY_INT_H

#include "admin/link.h"
#include "base/idmap.h"
#include "codec/status.h"
#include "codec/url.h"
#include "gateway/census.h"
#include "net/channel.h"
#include "net/listener.h"

struct guest;
struct routes;

struct gateway {
	struct loop *loop;
	const struct limits *limits; /* in force now */
	/* Ask the supervisor; its answer comes to route_located. */
	void (*locate)(void *arg, uint64_t id, const struct url_app *);
	void *locate_arg;
	struct census *census;
	struct idmap *guests; /* id -> struct guest, which is also its
				 connection id */
	struct routes *routes;
	char boot[8];      /* begins every client id of this process */
	uint64_t accepted; /* counts client ids too */
	uint64_t refused, handed;
	bool draining;
};

/* --- guest --- */

/* Takes fd. What goes wrong is logged and counted. */
void guest_accept(struct gateway *, int fd, const struct listener_peer *);
struct guest *guest_by_id(struct gateway *, uint64_t id); /* NULL: gone */
uint64_t guest_id(const struct guest *);
const struct url_app *guest_where(const struct guest *);
/* The answer `_error` with that code, `close`, and a graceful end. details: for
 * the log; description goes to the client. */
void guest_refuse(
    struct guest *, enum status, const char *description, const char *details);
/*
 * Everything it sent is out: its descriptor and its message for the hand-over
 * (app and early bytes borrowed until guest_done). FCS_EAGAIN: not yet, the
 * guest asks its route again itself.
 */
int guest_hand(struct guest *, struct channel_handover *, int *fd) FCS_MUSTUSE;
/* The descriptor could not be handed over: it is the guest's again. */
void guest_hand_back(struct guest *, int fd);
/*
 * It was sent to the worker of that route. Until the worker says it took it
 * (guest_done) fd, another descriptor of the same socket, is kept, unwatched:
 * a worker that dies with the message unread would take the client with it.
 */
void guest_handed(struct guest *, int fd, uint64_t route);
int guest_held_fd(const struct guest *); /* -1: not handed */
/* Walk those handed to a route; *id begins at 0. */
struct guest *guest_next_handed(struct gateway *, uint64_t route, uint64_t *id);
void guest_done(struct guest *); /* it was taken over */
/* Refuse all; those handed over but not taken yet stay, it is their worker that
 * will tell them, or go too (at_end). */
void guest_close_all(struct gateway *, const char *why, bool at_end);

/* --- route --- */

struct routes *routes_new(struct gateway *);
void routes_free(struct routes *);
/* Bring the guest to its application: at once, after asking the supervisor, or
 * refuse it. */
void route_guest(struct gateway *, struct guest *);
void route_located(struct gateway *, json_t *msg, int *fds, size_t n);
uint32_t route_count(const struct gateway *);

#endif
