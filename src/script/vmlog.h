/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmlog - the lines a script causes in the log: at most VMLOG_LINES a second
 * and instance; what is left out is counted, and the number is one line of its
 * own when that second is over. Layer: script (5). Thread: loop. Called in
 * native sections.
 */
#ifndef SCRIPT_VMLOG_H
#define SCRIPT_VMLOG_H

#include "script/vm.h"

#define VMLOG_LINES 1000

/* May a line be written now (with log_write_all)? false: it was counted. */
bool vmlog_may(struct vm *);
void vmlog_fini(struct vm *); /* says what was left out so far */

#endif
