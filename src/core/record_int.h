/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_int - what the record module keeps per instance, for record.c and
 * playback.c only.
 */
#ifndef CORE_RECORD_INT_H
#define CORE_RECORD_INT_H

#include "core/instance.h"

struct idmap;
struct record;
struct playback_length; /* a question about a length, playback.c */

struct record_set {
	struct instance *inst;
	struct record *records;
	struct idmap *ids;
	struct playback_length *lengths; /* not answered yet */
	void (*stopped)(void *arg);      /* all are to be closed */
	void *stopped_arg;
};

/* The instance goes: answers to its questions go nowhere. */
void playback_length_orphan(struct record_set *);

#endif
