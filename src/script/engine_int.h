/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine_int - between engine.c (life, limits, answers), engine_call.c (what is
 * called in the VM), engine_reload.c (another script takes over) and
 * engine_console.c. Layer: script (5).
 */
#ifndef SCRIPT_ENGINE_INT_H
#define SCRIPT_ENGINE_INT_H

#include "base/idmap.h"
#include "net/timer.h"
#include "script/vm.h"

/* One entry into the VM: what Core is asked for, and what it said. */
struct engine_call {
	const struct script_args *args;
	int kind; /* event or question */
	uint64_t ticket;
	char bad[160]; /* an argument has no form in Ruby: why */

	uint64_t id; /* timer, pending */
	bool ok;
	const struct value *value;
	const char *error;
	bool more; /* work: there is more; exposed: yes; taking over: the
		    * first one */
	const char *name;

	const char *slot; /* guard */
	size_t slot_len;
	const uint8_t *packed;
	size_t packed_len;
	struct script_guard *verdict;
};

/* A question, or an event somebody waits for; its ticket is its id. */
struct engine_ask {
	script_answer_fn answer;
	uint64_t owner, extra;
	void (*done)(struct instance *, bool ok);
};

struct script {
	struct vm *vm; /* NULL: lost */
	struct instance *inst;
	struct idmap *asks;
	int depth; /* of entries on the stack: close waits */
	bool closing;
	bool draining; /* inst_reload.h */
	bool queued;   /* task is queued or more is set */
	struct loop_task task;
	struct timer *more;
	struct timer *idle;
	bool is_idle_set;
	uint64_t entries, entries_seen;
	size_t clean;      /* bytes in use after the last collection */
	int64_t warned_ms; /* low memory, 0 = never */
	int64_t looked_ms; /* collected to know */
	int64_t slow_ms;   /* warned of a slow handler */
	struct script_stats stats;
};

/* --- engine.c --- */
/* The one way into the VM. FCS_OK; FCS_ESCRIPT Core itself raised (logged);
 * FCS_EKILLED the script is lost (told to the instance). s lives on after it
 * only between depth++ and engine_leave(). */
int engine_enter(struct script *, uint32_t ms, const char *what,
    void (*fn)(struct vm *, void *), struct engine_call *);
void engine_leave(struct script *);
/* NULL: no memory. */
struct engine_ask *engine_ask_new(struct script *, uint64_t *ticket);
/* Answer the ticket's, if there is one, and free it. */
void engine_settle(
    struct script *, uint64_t ticket, const struct script_answer *);

/* --- engine_reload.c: see core/script.h --- */
void engine_reload_drain(struct script *, bool on);
bool engine_reload_busy(struct script *);
void engine_reload_expire(struct script *);
void engine_reload_hand_over(
    struct script *, script_answer_fn, uint64_t owner, uint64_t extra);
void engine_reload_take_over(struct script *, struct script *old,
    const struct value *state, void (*done)(struct instance *, bool ok));
void engine_reload_refresh(struct script *);

/* --- engine_console.c --- */
void engine_console(struct script *, const char *line, size_t len,
    script_answer_fn, uint64_t owner, uint64_t extra);

/* Bodies for vm_run(); arg is a struct engine_call. */
void engine_call_event(struct vm *, void *arg);
void engine_call_ask(struct vm *, void *arg);
void engine_call_call(struct vm *, void *arg); /* of a client */
void engine_call_probe(struct vm *, void *arg);
void engine_call_guard(struct vm *, void *arg);
void engine_call_tick(struct vm *, void *arg);
void engine_call_resolve(struct vm *, void *arg);
void engine_call_work(struct vm *, void *arg);
void engine_call_exposed(struct vm *, void *arg);
void engine_call_collect(struct vm *, void *arg); /* the whole heap */

#endif
