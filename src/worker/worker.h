/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker - the process that owns whole applications: their instances, clients,
 * scripts, objects, streams. Layer: worker (7). DESIGN 1. Started by the
 * supervisor as `fcsd --role=worker --app=NAME`.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

int worker_main(const char *name); /* exit status */

#endif
