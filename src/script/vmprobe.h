/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmprobe - what the tests of an application add to the VM of an instance
 * (core/probe.h): mrblib/test/probe.rb and the way out of it.
 * Layer: script (5). Thread: loop, in the VM.
 */
#ifndef SCRIPT_VMPROBE_H
#define SCRIPT_VMPROBE_H

#include "script/vm.h"

/* A body for vm_run(): before main.rb. */
void vmprobe_load(struct vm *, void *unused);

#endif
