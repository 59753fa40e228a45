/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmload - the files of an application: main.rb and what it loads.
 * Layer: script (5). Thread: loop. script-api.md 2.
 */
#ifndef SCRIPT_VMLOAD_H
#define SCRIPT_VMLOAD_H

#include "script/vm.h"

struct mrb_parser_state;
struct mrbc_context;

/*
 * Whether the application has a script: its name relative to dir into out
 * ("main.rb", "scripts/main.rb" ...). FCS_OK; FCS_ENOENT.
 */
int vmload_find(
    const char *dir, const char *app, char *out, size_t cap) FCS_MUSTUSE;

/*
 * A number made of name, time and size of every *.rb beneath dir (not in data,
 * media, test, www) and of app.yaml: it changes when one of them does.
 */
uint64_t vmload_stamp(const char *dir, const char *app);

/*
 * Run the main script and everything it loads, check the class, make its
 * object, take over its declarations. FCS_OK; FCS_EFORMAT with file:line in
 * why; FCS_EKILLED; FCS_ENOENT.
 */
int vmload_main(struct vm *, const char *name, struct err *why) FCS_MUSTUSE;

/*
 * In the VM: compile what was parsed, run it at the top level, free parser and
 * context. Raises ArgumentError with name:line:column of what is wrong, in which
 * case both stay until the VM ends, and whatever the code raises.
 */
void vmload_run(mrb_state *, struct mrb_parser_state *, struct mrbc_context *,
    const char *name);

#endif
