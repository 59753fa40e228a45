/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_reload - shared objects when another script takes over: what it
 * declares may differ. Layer: core (4). Thread: loop. For inst_reload.c.
 */
#ifndef CORE_SHAREDOBJ_RELOAD_H
#define CORE_SHAREDOBJ_RELOAD_H

#include "core/instance.h"

/* May that script be the instance's? FCS_EINVAL: it declares an object
 * temporary that is persistent, or the other way round; why names it. */
int sharedobj_reload_check(
    struct instance *, struct script *next, struct err *why) FCS_MUSTUSE;
/* The declarations of the script the instance has now hold for all objects
 * in memory: options, limits, guards. */
void sharedobj_reload_apply(struct instance *);
/* Messages of clients that waited for it are taken in. */
void sharedobj_reload_release(struct instance *);

#endif
