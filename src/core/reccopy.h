/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reccopy - a recording, or a part of one, copied to another name of the same
 * instance. Layer: core (4). It is read and written like any other, in the
 * background of what is live: a reader of storage/media feeds a writer, so the
 * copy is a recording of its own with an index and key frames of its own.
 * A part begins at the key frame at or before its start, which becomes time 0.
 * Thread: loop. Owner: the caller until done() or reccopy_cancel().
 */
#ifndef CORE_RECCOPY_H
#define CORE_RECCOPY_H

#include "core/application.h"
#include "storage/media.h"

struct reccopy;

/* FCS_OK; FCS_EEXIST there is a recording named to; FCS_ENOENT, FCS_ECORRUPT
 * of the source; FCS_ENOSPC, FCS_EIO. why is never NULL. Not within the call
 * that started it; the copy is gone after it. */
typedef void (*reccopy_fn)(void *arg, int result, const char *why);

/* to_ms: UINT32_MAX = to the end (of what is there, should it grow). NULL: no
 * memory, or a name that cannot be. */
struct reccopy *reccopy_start(const struct application_env *, const char *inst,
    const char *from, const char *to, uint32_t from_ms, uint32_t to_ms,
    reccopy_fn done, void *arg);
/* What is written of it is deleted. done() does not come. */
void reccopy_cancel(struct reccopy *);

#endif
