/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watchdir - hears of files that are written, renamed, made or removed in
 * folders (inotify). Layer: net (3). Owner: who made it. Thread: loop. One
 * descriptor for any number of folders; folders below are not included.
 */
#ifndef NET_WATCHDIR_H
#define NET_WATCHDIR_H

#include "net/loop.h"

struct watchdir;

/* Something happened to name in folder dir (as it was given), both borrowed.
 * name NULL: anything may have happened. May add folders, not free w. */
typedef void (*watchdir_fn)(void *arg, const char *dir, const char *name);

/* NULL: no memory, or no inotify descriptor (why says which). */
struct watchdir *watchdir_new(
    struct loop *, watchdir_fn, void *arg, struct err *why);
void watchdir_free(struct watchdir *); /* NULL is allowed */
/* FCS_OK, also when it is watched already; FCS_ENOENT no such folder;
 * FCS_ELIMIT the system's number of watches; FCS_ENOMEM, FCS_ESYS. */
int watchdir_add(struct watchdir *, const char *dir) FCS_MUSTUSE;

#endif
