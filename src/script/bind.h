/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bind - the methods of FCS::Native, by subject: each binding converts its
 * arguments, runs one native section, converts the result. What a binding
 * changes in core takes effect at once, what that causes is queued.
 * Layer: script (5). Thread: loop, in the VM (unless it says otherwise).
 */
#ifndef SCRIPT_BIND_H
#define SCRIPT_BIND_H

#include "script/vm.h"

void bind_app_init(struct vm *);
void bind_core_init(struct vm *);
void bind_client_init(struct vm *);
void bind_sharedobj_init(struct vm *);
void bind_peer_init(struct vm *);
void bind_sohistory_init(struct vm *);
void bind_stream_init(struct vm *);
void bind_text_init(struct vm *);
void bind_files_init(struct vm *);
void bind_http_init(struct vm *);
void bind_traffic_init(struct vm *);
void bind_json_init(struct vm *);
void bind_recording_init(struct vm *);
void bind_secret_init(struct vm *);

/* What Core.ready returned, into vm->decl. */
void bind_core_take_decls(struct vm *, mrb_value ready);
/* A row of it for one object; pattern is borrowed from the row. */
void bind_core_shared(struct vm *, mrb_value row, struct script_shared *out);

enum {
	BIND_PATHS_MAX = 256 /* in one list of a client */
};
/* The strings of a list as C strings, kept while the VM keeps the list; how
 * many. Raises LimitError, ArgumentError (no String, or a NUL in one). */
uint32_t bind_core_paths(
    mrb_state *, mrb_value list, const char *paths[BIND_PATHS_MAX]);
/* An Array of the texts in b, each with its NUL. */
mrb_value bind_core_texts(mrb_state *, const struct buf *b);

/* End open transactions without effect and let go of the objects: the VM is
 * lost or ends. Outside the VM. */
void bind_sharedobj_abandon(struct vm *);
/* The objects that old holds are held by vm. Outside the VM. */
void bind_sharedobj_inherit(struct vm *, struct vm *old);

/* A value from JSON text; frozen = all the way down. Raises ValueError with
 * the position. */
mrb_value bind_json_parse(
    struct vm *, const char *text, size_t len, bool frozen);

#define BIND(vm, name, fn, args)                                               \
	mrb_define_module_function_id((vm)->mrb, (vm)->native,                 \
	    mrb_intern_lit((vm)->mrb, name), fn, args)

#endif
