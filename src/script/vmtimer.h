/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmtimer - the timers of a VM by id. Layer: script (5). Thread: loop. Called
 * in native sections; vm->on_timer(vm, id) runs from the loop, never within.
 */
#ifndef SCRIPT_VMTIMER_H
#define SCRIPT_VMTIMER_H

#include "script/vm.h"

int vmtimer_set(struct vm *, uint64_t id, double seconds) FCS_MUSTUSE;
void vmtimer_cancel(struct vm *, uint64_t id);
void vmtimer_free_all(struct vm *);

#endif
