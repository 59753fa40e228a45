/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * desk - the control socket: fcsctl's requests, answered here or passed to the
 * workers, whose answers are joined (admin/control.h). Layer: supervisor (7).
 * Thread: loop. Owner: the supervisor.
 *
 * A worker that does not answer within limits.admin_time, or dies, is named in
 * `missing` when others answered too; alone it makes the request fail.
 */
#ifndef SUPERVISOR_DESK_H
#define SUPERVISOR_DESK_H

#include "supervisor/registry.h"

struct desk;

struct desk_ops {
	json_t *(*status)(void *arg); /* the item of `status`; owned */
};

/* Borrows fd. NULL: no memory. */
struct desk *desk_new(const struct child_env *, int fd, struct registry **,
    const struct desk_ops *, void *arg);
void desk_free(struct desk *);
void desk_answer(struct desk *, const char *worker, json_t *msg);
void desk_worker_gone(struct desk *, const char *worker);

#endif
