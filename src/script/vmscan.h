/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmscan - what is wrong with a compiled file although it compiles: `return`
 * and `break` that would leave a block after what they lead to has ended, a
 * LocalJumpError when it happens. Layer: script (5).
 *
 * Read from the byte code: this mruby's parse tree is not part of its API.
 */
#ifndef SCRIPT_VMSCAN_H
#define SCRIPT_VMSCAN_H

#include <stdint.h>

#include <mruby.h>
#include <mruby/irep.h>

/* problem(arg, line, what) for each, in order of the code. */
void vmscan_irep(mrb_state *, const mrb_irep *,
    void (*problem)(void *arg, int32_t line, const char *what), void *arg);

#endif
