/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/vmlog.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/timer.h"

#define SECOND_MS 1000

static void
tell(struct vm *vm)
{
	if (vm->log_dropped == 0)
		return;
	log_write_all(LOG_LEVEL_WARN, "script.log", "inst=%s suppressed=%llu",
	    instance_full_name(vm->inst), (unsigned long long)vm->log_dropped);
	vm->log_dropped = 0;
}

static void
on_second(void *arg)
{
	tell(arg);
}

bool
vmlog_may(struct vm *vm)
{
	int64_t now = clock_ms();

	if (vm->log_lines == 0 || now - vm->log_since_ms >= SECOND_MS) {
		vm->log_since_ms = now;
		vm->log_lines = 0;
		tell(vm);
	}
	if (vm->log_lines < VMLOG_LINES) {
		vm->log_lines++;
		return true;
	}
	if (vm->log_dropped++ > 0)
		return false;
	if (vm->log_timer == NULL)
		vm->log_timer =
		    timer_new(instance_loop(vm->inst), on_second, vm);
	if (vm->log_timer != NULL) /* else the next line or the end tells */
		timer_set(vm->log_timer,
		    (uint32_t)(SECOND_MS - (now - vm->log_since_ms)));
	return false;
}

void
vmlog_fini(struct vm *vm)
{
	tell(vm);
	timer_free(vm->log_timer);
	vm->log_timer = NULL;
}
