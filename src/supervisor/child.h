/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * child - a process of ours: starting it by re-executing the program, its
 * link, its heartbeat, starting it again when it died. Layer: supervisor (7).
 * DESIGN 1. Thread: loop. Owner: who made it.
 *
 * A child that dies is started again at once if it had been ready for
 * CHILD_HEALTHY_MS, else after 1, 2, 4 ... s, at most
 * limits.restart_backoff. One that does not answer its ping within
 * limits.heartbeat_time is killed. The death of the supervisor ends it: the
 * link closes, and the kernel sends TERM.
 */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include <sys/types.h>

#include "admin/link.h"
#include "base/config.h"

#define CHILD_HEALTHY_MS 300
#define CHILD_START_MS   60000 /* longest time from exec to ready */

enum child_state {
	CHILD_DOWN,    /* not wanted */
	CHILD_WAITING, /* died, will be started again */
	CHILD_STARTING,
	CHILD_READY,
	CHILD_STOPPING
};

struct child;

struct child_env { /* shared by all children, owned by the supervisor */
	struct loop *loop;
	const struct config *config;
	int config_fd; /* the same as bytes (memfd) */
};

struct child_ops {
	/* As link_ops; what child.c answers itself does not arrive. */
	void (*message)(
	    void *arg, const char *op, json_t *msg, int *fds, size_t fd_count);
	void (*ready)(void *arg);
	/* A process was started: its first messages. May be NULL. */
	void (*started)(void *arg);
	/* It is gone, and will be started again after wait_ms (-1: not). */
	void (*down)(void *arg, int64_t wait_ms);
};

/* name: application or NULL. NULL: no memory. */
struct child *child_new(const struct child_env *, const char *role,
    const char *name, const struct child_ops *, void *arg);
void child_free(struct child *); /* kills; NULL is allowed */
/* Start it, keep it running; one that is stopping is started anew after. */
void child_want(struct child *);
void child_stop(struct child *); /* ask it to end, do not start it again */
void child_kill(struct child *);
/* After SIGCHLD: look whether it is this one. */
void child_reap(struct child *);
/* As link_send. FCS_ECLOSED: it does not run. */
int child_send(
    struct child *, json_t *msg, const int *fds, size_t fd_count) FCS_MUSTUSE;
void child_tell(struct child *, json_t *msg); /* or it does not matter */

enum child_state child_state(const struct child *);
const char *child_state_text(const struct child *);
bool child_is_alive(const struct child *); /* a process exists */
/* role, pid, app, state, uptime_ms, restarts, why, hint, stat; owned. */
json_t *child_status(const struct child *);
json_t *child_stat(const struct child *); /* figures it sent last; borrowed */
const char *child_why(const struct child *); /* of the last failure, or "" */
int64_t child_wait_ms(const struct child *); /* until it is started again */

#endif
