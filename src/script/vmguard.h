/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmguard - entering and leaving a VM: the time limit, the jump out of it, and
 * the sections of our own code that may not be interrupted.
 *
 * Layer: script (5). Thread: each has its own state; in fcs the loop thread.
 * DESIGN 6, dependencies.md 1.6.
 *
 * Inside vmguard_run() the thread is "in the VM": at its limit a directed
 * timer signal jumps back out at any instruction. Whatever the VM was doing is
 * abandoned, so code running there may hold no lock and own no memory but the
 * VM's. Everything else (core, malloc, the log) runs between
 * vmguard_native_begin() and _end(); there the jump waits for the end. A native
 * section may neither allocate in the VM nor enter any VM.
 */
#ifndef SCRIPT_VMGUARD_H
#define SCRIPT_VMGUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum vmguard_end {
	VMGUARD_DONE,
	VMGUARD_TIME,   /* the limit passed: the VM must not be used again */
	VMGUARD_MEMORY, /* vmguard_leave() by the allocator: likewise */
};

/*
 * Run fn(arg) in the VM for at most limit_ms of this thread's processor time
 * (a handler is not punished for a busy machine), but no longer than a second
 * beyond that by the wall clock. Never nested: whoever may
 * be called from within asks vmguard_is_inside(). what: for the report of a
 * native section that hangs, borrowed for the call.
 */
enum vmguard_end vmguard_run(
    uint32_t limit_ms, const char *what, void (*fn)(void *arg), void *arg);
bool vmguard_is_inside(void);

/* Out of the VM at once; only in the VM and outside native sections. */
void vmguard_leave(enum vmguard_end) FCS_NORETURN;

/* A native section; they do not nest. One that takes longer than the limit
 * (1 s of wall time by default) aborts the process with a report. */
void vmguard_native_begin(void);
void vmguard_native_end(void);
void vmguard_set_native_limit(uint32_t ms);

/*
 * What runs between these, in the VM or in a native section, is work of ours
 * for the handler, not the handler's: half a second more of time, and, when it
 * was long, the handler's limit counts from its end. Not nested.
 */
void vmguard_grace_begin(void);
void vmguard_grace_end(bool was_long);

/* Processor time of the last vmguard_run() in microseconds. */
uint64_t vmguard_busy_us(void);

/* Give back the timer of this thread; the next run makes a new one. */
void vmguard_fini(void);

#endif
