/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmwait - what a VM has under way outside (requests, file operations): each
 * belongs to a Pending, whose number is its name here. Layer: script (5).
 * Thread: loop; in native sections or outside the VM.
 *
 * Embedded first in the struct of whoever waits. The VM may end before the
 * other side does: then abandon() is called, w->vm is NULL, and who finishes
 * frees it.
 */
#ifndef SCRIPT_VMWAIT_H
#define SCRIPT_VMWAIT_H

#include "script/vm.h"

enum vmwait_kind {
	VMWAIT_HTTP,
	VMWAIT_FILES,
	VMWAIT_RECORDING
};

struct vmwait {
	struct vm *vm; /* NULL: the VM is gone */
	struct vmwait *prev, *next;
	enum vmwait_kind kind;
	uint64_t pending;
	bool is_ready; /* the VM is not the instance's yet: told when it is */
	/* The VM ends; may free w. */
	void (*abandon)(struct vmwait *w);
};

void vmwait_add(struct vm *, struct vmwait *);
void vmwait_remove(struct vmwait *); /* nothing when the VM is gone */
/* That of a Pending; NULL: there is none of that kind. */
struct vmwait *vmwait_find(struct vm *, enum vmwait_kind, uint64_t pending);
uint32_t vmwait_count(const struct vm *, enum vmwait_kind);
/* Its result is there: the script will take it. */
void vmwait_ready(struct vmwait *);
/* The VM became that of its instance (new code took over). */
void vmwait_take_over(struct vm *);
void vmwait_abandon_all(struct vm *);

/* Whether the VM has room for n bytes more, after a collection if need be;
 * in the VM, outside native sections. */
bool vmwait_has_room(struct vm *, size_t n);

#endif
