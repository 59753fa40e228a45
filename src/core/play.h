/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * play - who plays what in an instance, so that others can reach them by the
 * name: the script that refuses a play, recordings that are deleted. Layer:
 * core (4). Owner of a play: the session's stream it is embedded in; it is in
 * the list from Play.Start to the end of that item. Thread: loop.
 */
#ifndef CORE_PLAY_H
#define CORE_PLAY_H

#include "codec/status.h"
#include "core/instance.h"

struct play_ops {
	/* onStatus on the stream that plays; details = the name. */
	void (*status)(void *arg, enum status, const char *description);
	/* The status, then the play ends; play_remove comes within. */
	void (*end)(void *arg, enum status, const char *why);
};

struct play { /* zero-initialised; what is set must stay while in the list */
	const struct play_ops *ops;
	void *arg;
	const char *client; /* id */
	const char *name;
	bool recorded;         /* plays the recording, not what is live */
	struct instance *inst; /* private from here; NULL: in no list */
	struct play *prev, *next;
};

void play_add(struct instance *, struct play *);
void play_remove(struct play *); /* nothing when it is in no list */

/* onStatus to all that play name. Returns how many. */
uint32_t play_status(
    struct instance *, const char *name, enum status, const char *description);
/* End the plays of name by this client (NULL: by anybody). Returns how many. */
uint32_t play_refuse(struct instance *, const char *client, const char *name,
    enum status, const char *why);
/* Whether somebody plays that recording. */
bool play_is_recording(struct instance *, const char *name);

#endif
