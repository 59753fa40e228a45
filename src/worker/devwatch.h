/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devwatch - with --dev: an application is loaded again when one of its files
 * is saved: main.rb and its other names, lib, scripts, what is below those two,
 * app.yaml, and the folders of script.path. Layer: worker (7). Owner: place.
 * Thread: loop.
 */
#ifndef WORKER_DEVWATCH_H
#define WORKER_DEVWATCH_H

#include "core/application.h"

struct devwatch;

/* NULL: nothing is watched, a warning is in the log. */
struct devwatch *devwatch_new(struct application *);
void devwatch_free(struct devwatch *); /* before the application */

#endif
