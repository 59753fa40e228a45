/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inst_reload - new code for an instance that runs: script-api.md 10, Reload.
 * Layer: core (4). Owner: the instance. Thread: loop.
 *
 *	          inst_reload()
 *	               |  not running ------------------> RELOAD_IDLE
 *	 starting: wait|
 *	               v
 *	   the new script is opened   -- any error -----> RELOAD_KEPT
 *	               |  from here on events and questions are kept, in order
 *	               v
 *	   DRAIN    handlers that wait have 5 s
 *	               |  quiet         \ time is up
 *	               |                 v
 *	               |      EXPIRE  FCS::Timeout in them, 1 s at most
 *	               v                 |
 *	   HANDOVER on(:handover) of the old one, 5 s at most
 *	               v
 *	   TAKEOVER the new one is the script: clients, objects, then
 *	            on(:reload) or on(:start), held up for 5 s at most
 *	               v
 *	   what was kept goes in, in order --------------> RELOAD_DONE
 *
 * An old script that is lost on the way (time, memory) leaves nothing behind,
 * the new one takes over all the same. A new one that is lost is a lost
 * script, as always. instance_stop() ends a reload: RELOAD_STOPPED. Reloads
 * asked for while one is under way are one more after it.
 *
 * What stays: everything that is core's (clients with user, access lists and
 * attributes, connects nobody has decided on yet, objects with their users,
 * streams, recordings); presence is made anew by the new script's blocks. What
 * does not: instance variables (on(:handover) gives, on(:reload) takes),
 * timers, peers, blocks given to one client, object or stream.
 */
#ifndef CORE_INST_RELOAD_H
#define CORE_INST_RELOAD_H

#include "core/instance.h"

enum inst_reload_end {
	RELOAD_DONE,   /* the new code runs */
	RELOAD_KEPT,   /* the old one does; why says where the new one fails */
	RELOAD_IDLE,   /* not running: the next connect loads the new code */
	RELOAD_STOPPED /* the instance was stopped (full, or meanwhile) */
};

struct inst_reload_result { /* borrowed for the call */
	enum inst_reload_end end;
	const char *why;  /* "": nothing to say */
	uint32_t clients; /* told of nothing (done) or of the end (full) */
	uint32_t dropped; /* values without a form; the log names them */
	uint32_t ms;
};
typedef void (*inst_reload_fn)(
    void *arg, const struct inst_reload_result *); /* exactly once */

/* full: instance_stop("reload") instead. fn may be called at once, and is
 * called at the latest when the instance is freed. */
void inst_reload(struct instance *, bool full, inst_reload_fn fn, void *arg);
bool inst_reload_is_running(const struct instance *);
bool inst_reload_is_held(const struct instance *); /* events are kept */

/* --- for script engines --- */
/* A draining script is quiet. Only notes it: any stack will do. */
void inst_reload_quiet(struct instance *);
/* A script is lost. True: it was not the one that matters, or a reload goes
 * on without it; else instance_script_lost() is the thing to call. */
bool inst_reload_lost(struct instance *, struct script *, const char *why);
/* All clients, oldest first, whatever their state. fn may lose clients. */
void inst_reload_each_client(
    struct instance *, void (*fn)(void *arg, struct client *), void *arg);

#endif
