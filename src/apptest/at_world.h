/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * at_world - what a test runs against: the loop, the applications with their
 * stores in a folder of their own, and the two ways to make them die.
 *
 * Layer: apptest (8). Owner: the process of one test. Thread: loop.
 * Applications are opened when they are first named: from the folders given,
 * in order.
 */
#ifndef APPTEST_AT_WORLD_H
#define APPTEST_AT_WORLD_H

#include "core/probe.h"
#include "worker/place.h"

struct at_world;

/* folders: of applications, NULL-terminated; state: an empty folder; both and
 * the probe borrowed. FCS_ENOMEM. */
int at_world_new(const char *const *folders, const char *state,
    const struct probe *, struct at_world **out, struct err *why) FCS_MUSTUSE;
struct loop *at_world_loop(struct at_world *);
/* Set before the application is opened: a key of app.yaml, text as with -o. */
int at_world_set(struct at_world *, const char *app, const char *key,
    const char *value, struct err *why) FCS_MUSTUSE;
/* FCS_ENOENT no such application; what place_open says. */
int at_world_app(struct at_world *, const char *app, struct place **out,
    struct err *why) FCS_MUSTUSE;
/* "app/inst" or "app"; started (on(:start) runs). *out stays valid until it
 * ends. FCS_EFORMAT its script did not load. */
int at_world_start(struct at_world *, const char *name, struct instance **out,
    struct err *why) FCS_MUSTUSE;
/* The instance if it is there, else NULL. */
struct instance *at_world_instance(struct at_world *, const char *name);

/* fn for every instance; it may end them. */
void at_world_each(
    struct at_world *, void (*fn)(void *arg, struct instance *), void *arg);

/* Run until nothing happens any more without the clock moving. files: also
 * until everything recorded so far is in the files. FCS_ELIMIT: no end of it. */
int at_world_settle(struct at_world *, bool files, struct err *why) FCS_MUSTUSE;
/*
 * As if the process had been killed and started anew: what the files hold now
 * is all that is left. The old world stays in memory, forgotten, with its
 * threads at rest; the files it would write are copies nobody reads.
 */
int at_world_restart(struct at_world *, struct err *why) FCS_MUSTUSE;
/* A folder made for a test and all that is in it; what cannot be removed is
 * left. */
void at_world_remove(const char *folder);

#endif
