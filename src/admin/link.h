/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link - the control channel between the supervisor and a role: messages are
 * JSON objects with an "op", descriptors may travel with them. Layer: admin
 * (6). DESIGN 1. Thread: loop. Owner: who made it.
 *
 * Supervisor to role:
 *	start	{role, app, dev}		how the role is to be wired
 *	ping	{n}				answered by pong
 *	stop	{}				end gracefully
 *	drain	{}				gateway: accept nothing more
 *	config	{} + descriptor			a new configuration (memfd)
 *	reopen	{}				open log files again
 *	listen	{rtmp: n, http: n} + descriptors	gateway: its listeners
 *	located	{id, status, why} + descriptor	answer to locate
 *	open	{app, dir}			worker: serve this application
 *	channel	{worker} + descriptor		worker: a hand-over channel, of
 *						a gateway or a worker
 *	ask	{tag, name, args, watch, app}	worker: a request of fcsctl
 *	cancel	{tag}				worker: its asker is gone
 * Role to supervisor:
 *	ready	{}
 *	pong	{n, stat}			stat: figures for status
 *	failed	{why, hint}			cannot go on; the role ends
 *	locate	{id, app, inst}
 *	opened	{app, why, hint}		why: it could not be
 *	answer	{tag, items | end, code, text, hint}
 *	exit	{}				gateway and worker: about to end
 */
#ifndef ADMIN_LINK_H
#define ADMIN_LINK_H

#include <jansson.h>

#include "net/loop.h"

#define LINK_MESSAGE_MAX (16 * 1024 * 1024)

struct link;

struct link_ops {
	/* msg and fds are borrowed; see channel.h for keeping one. The link
	 * may be freed from here. */
	void (*message)(
	    void *arg, const char *op, json_t *msg, int *fds, size_t fd_count);
	/* The other side is gone; once. */
	void (*closed)(void *arg);
};

/* Takes fd. NULL: no memory. */
struct link *link_new(
    struct loop *, int fd, const struct link_ops *, void *arg);
void link_free(struct link *);
/* Takes msg (NULL: FCS_ENOMEM) and on FCS_OK the descriptors. FCS_ELIMIT,
 * FCS_ECLOSED, FCS_ENOMEM: the descriptors are the caller's. */
int link_send(
    struct link *, json_t *msg, const int *fds, size_t fd_count) FCS_MUSTUSE;
int link_drain(struct link *, uint32_t ms) FCS_MUSTUSE; /* last words */

/* Convenience: "" or 0 when missing or of another type. */
const char *link_text(const json_t *msg, const char *key);
int64_t link_int(const json_t *msg, const char *key);

#endif
