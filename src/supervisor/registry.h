/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * registry - the applications, and which worker has each: finding the folder,
 * starting the worker, opening the application in it. Layer: supervisor (7).
 * DESIGN 1, 6. Thread: loop. Owner: the supervisor.
 */
#ifndef SUPERVISOR_REGISTRY_H
#define SUPERVISOR_REGISTRY_H

#include "supervisor/child.h"

struct registry;
struct registry_worker;

struct registry_ops {
	/* A worker answers a request (link.h: answer). */
	void (*answer)(void *arg, const char *worker, json_t *msg);
	/* A worker ended: what it was asked will not be answered. */
	void (*gone)(void *arg, const char *worker);
};

/*
 * The answer to registry_need: FCS_OK and the worker; FCS_ENOENT no such
 * application; else it does not start. why borrowed.
 */
typedef void (*registry_fn)(void *arg, uint64_t id, int result,
    struct registry_worker *, const char *why);

struct registry *registry_new(
    struct child_env *, const struct registry_ops *, void *arg);
void registry_free(struct registry *); /* kills */
/* Open application app (checked here); fn(arg, id, ...) once, maybe at once.
 * inst is checked too, NULL = none. */
void registry_need(struct registry *, const char *app, const char *inst,
    registry_fn, void *arg, uint64_t id);
/* A child asks where an application is (link.h: locate, located). Only the
 * channel of a worker may say which instance connects. */
void registry_locate(
    struct registry *, struct child *asker, bool is_worker, json_t *msg);
void registry_forget_asker(struct registry *, const struct child *asker);
void registry_start_all(struct registry *); /* load: at_start */

void registry_reap(struct registry *);
void registry_stop(struct registry *);
void registry_kill(struct registry *);
bool registry_is_down(const struct registry *); /* no process left */
void registry_each(struct registry *,
    void (*fn)(void *arg, struct registry_worker *), void *arg);
/* Applications that could not be opened. */
void registry_each_failed(struct registry *,
    void (*fn)(void *arg, const char *app, const char *why), void *arg);
/* What to do about an application that does not open, "" nothing is known. */
const char *registry_hint(struct registry *, const char *app);
/* As child_status, with clients and what its applications complain of. */
json_t *registry_worker_status(struct registry_worker *);
const char *registry_worker_name(const struct registry_worker *);
struct child *registry_worker_child(struct registry_worker *);

json_t *registry_apps(struct registry *); /* array for app list; owned */

#endif
