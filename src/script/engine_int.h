/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine_int - between engine.c (life, limits, answers) and engine_call.c (what
 * is called in the VM). Layer: script (5).
 */
#ifndef SCRIPT_ENGINE_INT_H
#define SCRIPT_ENGINE_INT_H

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
	bool more; /* work: there is more; exposed: yes */
	const char *name;

	const char *slot; /* guard */
	size_t slot_len;
	const uint8_t *packed;
	size_t packed_len;
	struct script_guard *verdict;
};

/* Bodies for vm_run(); arg is a struct engine_call. */
void engine_call_event(struct vm *, void *arg);
void engine_call_ask(struct vm *, void *arg);
void engine_call_call(struct vm *, void *arg); /* of a client */
void engine_call_guard(struct vm *, void *arg);
void engine_call_tick(struct vm *, void *arg);
void engine_call_resolve(struct vm *, void *arg);
void engine_call_work(struct vm *, void *arg);
void engine_call_exposed(struct vm *, void *arg);
void engine_call_collect(struct vm *, void *arg); /* the whole heap */

#endif
