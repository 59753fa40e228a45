/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/vmtimer.h"

#include <stdlib.h>

#include "base/hash.h"
#include "net/timer.h"

#define TIMER_MS_MAX 2147483647.0

struct vm_timer {
	uint64_t id;
	struct vm *vm;
	struct timer *timer;
	UT_hash_handle hh;
};

static void
drop(struct vm_timer *t)
{
	HASH_DEL(t->vm->timers, t);
	timer_free(t->timer);
	free(t);
}

static void
fire(void *arg)
{
	struct vm_timer *t = arg;
	struct vm *vm = t->vm;
	uint64_t id = t->id;

	drop(t);
	vm->on_timer(vm, id);
}

int
vmtimer_set(struct vm *vm, uint64_t id, double seconds)
{
	struct vm_timer *t;
	double ms = seconds * 1000.0;

	vmtimer_cancel(vm, id);
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return FCS_ENOMEM;
	t->id = id;
	t->vm = vm;
	t->timer = timer_new(instance_loop(vm->inst), fire, t);
	if (t->timer == NULL) {
		free(t);
		return FCS_ENOMEM;
	}
	HASH_ADD(hh, vm->timers, id, sizeof(t->id), t);
	if (!hash_added(t)) {
		timer_free(t->timer);
		free(t);
		return FCS_ENOMEM;
	}
	if (!(ms > 0)) /* NaN too */
		ms = 0;
	timer_set(t->timer, (uint32_t)(ms > TIMER_MS_MAX ? TIMER_MS_MAX : ms));
	return FCS_OK;
}

void
vmtimer_cancel(struct vm *vm, uint64_t id)
{
	struct vm_timer *t;

	HASH_FIND(hh, vm->timers, &id, sizeof(id), t);
	if (t != NULL)
		drop(t);
}

void
vmtimer_free_all(struct vm *vm)
{
	struct vm_timer *t, *next;

	HASH_ITER(hh, vm->timers, t, next)
	drop(t);
}
