/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine_status - what the engine tells a script about itself, on(:status).
 * Layer: script (5). Thread: loop, outside the VM: it is queued like any other
 * event.
 */
#ifndef SCRIPT_ENGINE_STATUS_H
#define SCRIPT_ENGINE_STATUS_H

#include "codec/status.h"
#include "script/engine_int.h"

void engine_status_send(
    struct instance *, enum status, const char *description);

/* A handler used busy_us of ms: more than half of it is a warning, in the log
 * and for the script, once a second (*last_ms) at most. */
void engine_status_busy(struct instance *, int64_t *last_ms, uint64_t busy_us,
    uint32_t ms, const char *what);
/* The handler an entry into the VM runs, as scripts write it. */
void engine_status_callback(void (*fn)(struct vm *, void *),
    const struct engine_call *, const char *what, char *out, size_t cap);

#endif
