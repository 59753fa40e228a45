/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/vmwait.h"

#include <mruby.h>
#include <utlist.h>

/* What the result needs beside its bytes: objects, and some work after. */
#define ROOM_SPARE (64 * 1024)

void
vmwait_add(struct vm *vm, struct vmwait *w)
{
	w->vm = vm;
	DL_APPEND(vm->waits, w);
}

void
vmwait_remove(struct vmwait *w)
{
	if (w->vm == NULL)
		return;
	DL_DELETE(w->vm->waits, w);
	w->vm = NULL;
}

struct vmwait *
vmwait_find(struct vm *vm, enum vmwait_kind kind, uint64_t pending)
{
	struct vmwait *w;

	for (w = vm->waits; w != NULL; w = w->next)
		if (w->kind == kind && w->pending == pending)
			return w;
	return NULL;
}

uint32_t
vmwait_count(const struct vm *vm, enum vmwait_kind kind)
{
	const struct vmwait *w;
	uint32_t n = 0;

	for (w = vm->waits; w != NULL; w = w->next)
		n += w->kind == kind;
	return n;
}

void
vmwait_ready(struct vmwait *w)
{
	struct vm *vm = w->vm;

	w->is_ready = vm->owner != instance_script(vm->inst);
	if (!w->is_ready)
		instance_resolve(vm->inst, w->pending, true, NULL, NULL);
}

void
vmwait_take_over(struct vm *vm)
{
	struct vmwait *w, *next;

	for (w = vm->waits; w != NULL; w = next) {
		next = w->next;
		if (w->is_ready)
			vmwait_ready(w);
	}
}

void
vmwait_abandon_all(struct vm *vm)
{
	struct vmwait *w;

	while ((w = vm->waits) != NULL) {
		vmwait_remove(w);
		w->abandon(w);
	}
}

static bool
fits(const struct vm *vm, size_t n)
{
	size_t used = vmarena_used(vm->mem);

	return used < vm->cap && n < vm->cap - used &&
	       vm->cap - used - n >= ROOM_SPARE;
}

bool
vmwait_has_room(struct vm *vm, size_t n)
{
	if (fits(vm, n))
		return true;
	mrb_full_gc(vm->mrb);
	return fits(vm, n);
}
