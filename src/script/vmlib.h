/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmlib - the Ruby half of the API (mrblib), read once in a process and run in
 * every VM. Byte code is two thirds of what a VM holds before it loads an
 * application; shared, a thousand instances cost that much less.
 *
 * Layer: script (5). Thread: loop. DESIGN 6, dependencies.md 1.2.
 *
 * Symbols are numbers in byte code, and each VM counts its own. All VMs are
 * made by the same steps, so that they count alike up to here; the names the
 * library adds are entered in the order in which they got their numbers when it
 * was read. Each number is checked: a VM that counts otherwise reads the
 * library for itself and is merely larger.
 */
#ifndef SCRIPT_VMLIB_H
#define SCRIPT_VMLIB_H

#include <stdbool.h>

#include <mruby.h>

#include "base/err.h"

/* Whether the library is there for all: else make a state by the same steps
 * as every VM, outside of vm_run(), and call vmlib_read() in it. */
bool vmlib_is_read(void);
/* In the VM (it may be left by a jump): read the library into this state,
 * which must stay as it is for good; on FCS_OK the next call is
 * vmlib_share(). */
int vmlib_read(mrb_state *) FCS_MUSTUSE;
/* Outside: use what was read from now on; keep is what the state lies in.
 * FCS_ENOMEM: it is not shared. */
int vmlib_share(void *keep) FCS_MUSTUSE;

/* In the VM: run the library. It raises what the library raises. */
void vmlib_run(mrb_state *);
/* Whether the last vmlib_run() shared the byte code (for tests). */
bool vmlib_was_shared(void);

#endif
