/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * role - what gateway and worker processes have in common: the loop, the link
 * to the supervisor, the configuration, heartbeats, log, the end. Layer: admin
 * (6). DESIGN 1. Thread: loop. One per process, made by its main function.
 *
 * The supervisor starts a role with the link as descriptor ROLE_LINK_FD and
 * the configuration (memfd) as ROLE_CONFIG_FD. A role whose supervisor is gone
 * stops as if it had been told to.
 */
#ifndef ADMIN_ROLE_H
#define ADMIN_ROLE_H

#include "admin/link.h"
#include "base/config.h"

#define ROLE_LINK_FD   3
#define ROLE_CONFIG_FD 4

struct role;

struct role_ops {
	/* A message role.c does not answer itself. */
	void (*message)(
	    void *arg, const char *op, json_t *msg, int *fds, size_t fd_count);
	/* Begin to end; role_exit when done. Once. */
	void (*stop)(void *arg);
	/* Figures for status; returns owned, may be NULL. */
	json_t *(*stat)(void *arg);
	/* role_config is a new one, the old one is freed after the call. May
	 * be NULL. */
	void (*reloaded)(void *arg, const struct config *old);
};

/* name "gateway" or "worker", app may be NULL. NULL: logged. */
struct role *role_new(const char *name, const char *app);
void role_set_ops(struct role *, const struct role_ops *, void *arg);
void role_free(struct role *);
struct loop *role_loop(struct role *);
const struct config *role_config(const struct role *);
const struct limits *role_limits(const struct role *);
/* As link_send; a supervisor that is gone is not an error here. */
void role_send(struct role *, json_t *msg);
/* Tell the supervisor why this process cannot work, and end. */
void role_fail(struct role *, const char *why, const char *hint);
void role_exit(struct role *, int status); /* after this turn */
bool role_is_stopping(const struct role *);
int role_run(struct role *); /* exit status */

#endif
