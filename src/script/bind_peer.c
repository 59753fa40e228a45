/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Peers by id (core/peer.h). One that is gone is an answer (false, closed), not
 * an error: its far side may end it at any time.
 */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/string.h>
#include <string.h>

#include "core/peer.h"
#include "script/bind.h"
#include "script/conv.h"

static const struct peer_ops *
table(struct vm *vm)
{
	return application_env(instance_app(vm->inst))->peer;
}

/* peer_open(uri, args) => id */
static mrb_value
f_open(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	struct peer_request r;
	struct value **list = NULL;
	const char *uri, *why = NULL;
	mrb_value args;
	uint64_t id = 0;
	struct err e;
	int rc, bad;

	(void)self;
	mrb_get_args(mrb, "zA", &uri, &args);
	err_clear(&e);
	conv_seal(vm, args);
	/* to_amf of the script ran: the texts may be others now */
	mrb_get_args(mrb, "zA", &uri, &args);
	vmguard_native_begin();
	memset(&r, 0, sizeof(r));
	r.uri = uri;
	rc = bad = conv_args(vm, args, &list, &r.count, &why);
	r.args = list;
	if (rc == FCS_OK && table(vm) == NULL)
		rc = err_set(&e, FCS_EINVAL, "no peers here");
	else if (rc == FCS_OK)
		rc = table(vm)->open(vm->inst, &r, &id, &e);
	vmguard_native_end();
	if (bad != FCS_OK)
		vm_raise(mrb, VM_EVALUE, "%s: %s", uri,
		    why == NULL ? err_text(bad) : why);
	if (rc == FCS_EINVAL || rc == FCS_EEXIST)
		mrb_raisef(mrb, E_ARGUMENT_ERROR, "%s: %s", uri, e.text);
	if (rc == FCS_EUNSUPPORTED)
		vm_raise(mrb, VM_EUNSUPPORTED, "%s: %s", uri, e.text);
	if (rc != FCS_OK)
		vm_raise_code(mrb, rc, e.text);
	return mrb_int_value(mrb, (mrb_int)id);
}

/* peer_once(id), peer_close(id) => whether there is such a peer */
static mrb_value
once_or_close(mrb_state *mrb, bool is_close)
{
	struct vm *vm = vm_of(mrb);
	const struct peer_ops *ops;
	mrb_int id;
	int rc = FCS_ENOENT;

	mrb_get_args(mrb, "i", &id);
	vmguard_native_begin();
	ops = table(vm);
	if (ops != NULL)
		rc =
		    (is_close ? ops->close : ops->once)(vm->inst, (uint64_t)id);
	vmguard_native_end();
	return mrb_bool_value(rc == FCS_OK);
}

static mrb_value
f_once(mrb_state *mrb, mrb_value self)
{
	(void)self;
	return once_or_close(mrb, false);
}

static mrb_value
f_close(mrb_state *mrb, mrb_value self)
{
	(void)self;
	return once_or_close(mrb, true);
}

/* peer_state(id) => enum peer_state */
static mrb_value
f_state(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	struct peer_info info = { .state = PEER_CLOSED };
	mrb_int id;

	(void)self;
	mrb_get_args(mrb, "i", &id);
	vmguard_native_begin();
	if (table(vm) != NULL)
		(void)table(vm)->info(vm->inst, (uint64_t)id, &info);
	vmguard_native_end();
	return mrb_int_value(mrb, (mrb_int)info.state);
}

/* peer_call(id, name, args, pending) => false when the peer is closed */
static mrb_value
f_call(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	struct value **list = NULL;
	const char *name, *why = NULL;
	mrb_int id, pending;
	mrb_value args;
	uint32_t count = 0;
	int rc, bad;

	(void)self;
	mrb_get_args(mrb, "izAi", &id, &name, &args, &pending);
	conv_seal(vm, args);
	/* to_amf of the script ran: the texts may be others now */
	mrb_get_args(mrb, "izAi", &id, &name, &args, &pending);
	vmguard_native_begin();
	rc = bad = conv_args(vm, args, &list, &count, &why);
	if (rc == FCS_OK)
		rc = table(vm) == NULL
			 ? FCS_ENOENT
			 : table(vm)->call(vm->inst, (uint64_t)id, name, list,
			       count, (uint64_t)pending);
	vmguard_native_end();
	if (bad != FCS_OK)
		vm_raise(mrb, VM_EVALUE, "%s: %s", name,
		    why == NULL ? err_text(bad) : why);
	if (rc == FCS_ENOENT || rc == FCS_ECLOSED)
		return mrb_false_value();
	if (rc == FCS_ELIMIT)
		vm_raise(mrb, VM_ELIMIT,
		    "%s: too many calls wait for the far side", name);
	if (rc != FCS_OK)
		vm_raise_code(mrb, rc, name);
	return mrb_true_value();
}

/* peer_tell(id, name, args) => whether it was queued */
static mrb_value
f_tell(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	struct value **list = NULL;
	const char *name, *why = NULL;
	mrb_value args;
	uint32_t count = 0;
	mrb_int id;
	int rc, bad;

	(void)self;
	mrb_get_args(mrb, "izA", &id, &name, &args);
	conv_seal(vm, args);
	/* to_amf of the script ran: the texts may be others now */
	mrb_get_args(mrb, "izA", &id, &name, &args);
	vmguard_native_begin();
	rc = bad = conv_args(vm, args, &list, &count, &why);
	if (rc == FCS_OK)
		rc = table(vm) == NULL ? FCS_ENOENT
				       : table(vm)->tell(vm->inst, (uint64_t)id,
					     name, list, count);
	vmguard_native_end();
	if (bad != FCS_OK)
		vm_raise(mrb, VM_EVALUE, "%s: %s", name,
		    why == NULL ? err_text(bad) : why);
	return mrb_bool_value(rc == FCS_OK);
}

void
bind_peer_init(struct vm *vm)
{
	BIND(vm, "peer_open", f_open, MRB_ARGS_REQ(2));
	BIND(vm, "peer_once", f_once, MRB_ARGS_REQ(1));
	BIND(vm, "peer_close", f_close, MRB_ARGS_REQ(1));
	BIND(vm, "peer_state", f_state, MRB_ARGS_REQ(1));
	BIND(vm, "peer_call", f_call, MRB_ARGS_REQ(4));
	BIND(vm, "peer_tell", f_tell, MRB_ARGS_REQ(3));
}
