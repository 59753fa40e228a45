/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place - one application served by this worker, with what it stands on: its
 * settings, folder, object store and commit thread, recordings. Layer: worker
 * (7). Owner: the worker. Thread: loop.
 */
#ifndef WORKER_PLACE_H
#define WORKER_PLACE_H

#include "core/application.h"

struct place;

/*
 * Open everything for application name in folder dir. FCS_OK; else *why says
 * what and *hint (at least ERR_TEXT_MAX bytes) what to do about it, and
 * nothing stays open. probe: of tests (core/probe.h), else NULL.
 */
int place_open(struct loop *, const struct config *, const char *name,
    const char *dir, const struct peer_locator *, const struct probe *,
    struct place **out, struct err *why, char *hint) FCS_MUSTUSE;
/* A new configuration; a broken app.yaml leaves the old settings (logged). */
void place_reload(struct place *, const struct config *);
/* Instances are stopped (clients told, recordings closed), then done(arg). */
void place_stop(struct place *, void (*done)(void *arg), void *arg);
void place_close(struct place *); /* after done; flushes and frees */

const char *place_name(const struct place *);
struct application *place_app(const struct place *);

#endif
