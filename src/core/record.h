/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record - a live stream written to a recording: a sink of core/live on top of
 * storage/media. Layer: core (4). DESIGN 4.
 * Owner: the instance's record module; ends with the publisher, record_stop,
 * or the instance. Thread: loop. Across turns keep its id.
 */
#ifndef CORE_RECORD_H
#define CORE_RECORD_H

#include "core/live.h"

enum record_mode {
	RECORD_NEW,
	RECORD_APPEND,
	RECORD_APPEND_GAP,
	RECORD_KEEP /* as NEW; an older file keeps its UTC time in its name */
};

struct record_ops { /* all may be NULL */
	/* The file is open (status Record.Start) or could not be: FCS_EACCES,
	 * FCS_ENOSPC, FCS_EIO ... */
	void (*started)(void *arg, int result, const char *why);
	/* Closed and playable (Record.Stop), or failed on the way. */
	void (*stopped)(void *arg, int result, const char *why);
};

/* Begin recording live as name. Returns 0 and an error code in *result when it
 * cannot even start (FCS_EEXIST already being recorded; FCS_ENOMEM). arg must
 * stay valid until stopped() or record_forget. */
uint64_t record_start(struct live *, const char *name, enum record_mode,
    const struct record_ops *, void *arg, int *result);
void record_stop(struct instance *, uint64_t id);
void record_forget(struct instance *, uint64_t id); /* no more callbacks */
bool record_is_growing(struct instance *, const char *name);

extern const struct application_module record_module;

#endif
