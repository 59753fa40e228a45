/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients by id. A client that is gone is an answer (nil, false), not an
 * error: it may leave at any time.
 */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/hash.h>
#include <mruby/string.h>
#include <string.h>

#include "script/bind.h"
#include "script/conv.h"

static struct client *
find(struct vm *vm, const char *id)
{
	struct client *c = instance_client(vm->inst, id);

	return c == NULL || client_state(c) == CLIENT_CLOSED ? NULL : c;
}

static mrb_value
text_or_empty(mrb_state *mrb, const char *s)
{
	return mrb_str_new_cstr(mrb, s == NULL ? "" : s);
}

/* client_info(id) => [ip, port, protocol, secure, agent, referrer, page_url,
 * uri, query, amf, connected_at_ms, peer_name] */
static mrb_value
f_info(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const struct client_info *info = NULL;
	struct client *c;
	const char *id;
	int64_t at = 0;
	mrb_value v[12];

	(void)self;
	mrb_get_args(mrb, "z", &id);
	vmguard_native_begin();
	c = find(vm, id);
	if (c != NULL) {
		info = client_info(c);
		at = client_connected_at_ms(c);
	}
	vmguard_native_end();
	if (info == NULL)
		return mrb_ary_new(mrb);
	/* The client stays while we are in the VM: it is freed by the loop. */
	v[0] = text_or_empty(mrb, info->ip);
	v[1] = mrb_int_value(mrb, info->port);
	v[2] = text_or_empty(mrb, info->protocol);
	v[3] = mrb_bool_value(info->secure);
	v[4] = text_or_empty(mrb, info->agent);
	v[5] = text_or_empty(mrb, info->referrer);
	v[6] = text_or_empty(mrb, info->page_url);
	v[7] = text_or_empty(mrb, info->uri);
	v[8] = text_or_empty(mrb, info->query);
	v[9] = mrb_int_value(mrb, info->amf);
	v[10] = mrb_int_value(mrb, at);
	v[11] = vm_text(mrb, info->peer_name);
	return mrb_ary_new_from_values(mrb, 12, v);
}

static mrb_value
f_state(mrb_state *mrb, mrb_value self)
{
	const char *id;
	struct client *c;
	enum client_state state = CLIENT_CLOSED;

	(void)self;
	mrb_get_args(mrb, "z", &id);
	vmguard_native_begin();
	c = instance_client(vm_of(mrb)->inst, id);
	if (c != NULL)
		state = client_state(c);
	vmguard_native_end();
	if (state == CLIENT_PENDING)
		return mrb_symbol_value(mrb_intern_lit(mrb, "pending"));
	if (state == CLIENT_ACCEPTED)
		return mrb_symbol_value(mrb_intern_lit(mrb, "accepted"));
	return mrb_symbol_value(mrb_intern_lit(mrb, "closed"));
}

/* tell(ids, name, args) => how many were told */
static mrb_value
f_tell(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	mrb_value ids, args;
	const char *name, *why = "";
	struct value **list;
	struct client *c;
	uint32_t count;
	mrb_int i, told = 0;
	int rc;

	(void)self;
	mrb_get_args(mrb, "AzA", &ids, &name, &args);
	conv_seal(vm, args);
	/* to_amf of the script ran: the texts may be others now */
	mrb_get_args(mrb, "AzA", &ids, &name, &args);
	for (i = 0; i < RARRAY_LEN(ids); i++) /* may raise: not below */
		(void)RSTRING_CSTR(mrb, RARRAY_PTR(ids)[i]);
	vmguard_native_begin();
	rc = conv_args(vm, args, &list, &count, &why);
	for (i = 0; rc == FCS_OK && i < RARRAY_LEN(ids); i++) {
		c = find(vm, RSTRING_PTR(RARRAY_PTR(ids)[i]));
		if (c != NULL && client_tell(c, name, list, count) == FCS_OK)
			told++;
	}
	vmguard_native_end();
	if (rc != FCS_OK)
		vm_raise(mrb, VM_EVALUE, "%s: %s", name, why);
	return mrb_int_value(mrb, told);
}

/* client_call(id, name, args, pending) */
static mrb_value
f_call(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *id, *name, *why = "";
	mrb_value args;
	mrb_int pending;
	struct value **list;
	struct client *c;
	uint32_t count;
	bool bad = false;
	int rc;

	(void)self;
	mrb_get_args(mrb, "zzAi", &id, &name, &args, &pending);
	conv_seal(vm, args);
	/* to_amf of the script ran: the texts may be others now */
	mrb_get_args(mrb, "zzAi", &id, &name, &args, &pending);
	vmguard_native_begin();
	rc = conv_args(vm, args, &list, &count, &why);
	bad = rc != FCS_OK;
	c = find(vm, id);
	if (!bad)
		rc = c == NULL
			 ? FCS_ECLOSED
			 : client_call(c, name, list, count, (uint64_t)pending);
	vmguard_native_end();
	if (bad)
		vm_raise(mrb, VM_EVALUE, "%s: %s", name, why);
	if (rc == FCS_ECLOSED)
		vm_raise(mrb, VM_EGONE, "the client is gone");
	if (rc != FCS_OK)
		vm_raise_code(mrb, rc, name);
	return mrb_nil_value();
}

/* client_decide(id, verdict, text, value) => bool */
static mrb_value
f_decide(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *id, *text, *why = "";
	mrb_int verdict;
	mrb_value value;
	struct script_answer a;
	struct value *v = NULL;
	struct client *c;
	int rc = FCS_OK;
	bool done = false;

	(void)self;
	mrb_get_args(mrb, "ziz!o", &id, &verdict, &text, &value);
	memset(&a, 0, sizeof(a));
	conv_seal(vm, value);
	/* to_amf of the script ran: the texts may be others now */
	mrb_get_args(mrb, "ziz!o", &id, &verdict, &text, &value);
	vmguard_native_begin();
	arena_reset(vm->args);
	if (!mrb_nil_p(value))
		rc = conv_from_ruby(vm, vm->args, value, &v, &why);
	c = find(vm, id);
	if (rc == FCS_OK && c != NULL) {
		a.verdict = (enum script_verdict)verdict;
		a.text = text;
		a.value = v;
		done = instance_decide(vm->inst, c, &a) == FCS_OK;
	}
	vmguard_native_end();
	if (rc != FCS_OK)
		vm_raise(mrb, VM_EVALUE, "%s", why);
	return mrb_bool_value(done);
}

static mrb_value
f_disconnect(mrb_state *mrb, mrb_value self)
{
	const char *id, *why;
	struct client *c;

	(void)self;
	mrb_get_args(mrb, "zz!", &id, &why);
	vmguard_native_begin();
	c = find(vm_of(mrb), id);
	if (c != NULL)
		client_disconnect(c, STATUS_CONNECT_CLOSED, why);
	vmguard_native_end();
	return mrb_bool_value(c != NULL);
}

static mrb_value
f_user(mrb_state *mrb, mrb_value self)
{
	const char *id, *user;
	mrb_int len;
	struct client *c;
	int rc = FCS_OK;

	(void)self;
	mrb_get_args(mrb, "zs", &id, &user, &len);
	vmguard_native_begin();
	c = find(vm_of(mrb), id);
	if (c != NULL)
		rc = client_set_user(c, user, (size_t)len);
	vmguard_native_end();
	if (rc != FCS_OK)
		mrb_raisef(mrb, E_ARGUMENT_ERROR, "user: %s", err_text(rc));
	return mrb_nil_value();
}

/* A copy for the host (reload, fcsctl); what has no AMF form stays in the VM
 * alone. */
static mrb_value
f_attr(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *id, *key, *why = "";
	mrb_int key_len;
	mrb_value value;
	struct client *c;
	int rc = FCS_OK;

	(void)self;
	mrb_get_args(mrb, "zso", &id, &key, &key_len, &value);
	vmguard_native_begin();
	c = find(vm, id);
	if (c != NULL) {
		if (mrb_nil_p(value) || conv_pack(vm, value, &why) != FCS_OK)
			rc = client_set_attr(c, key, (size_t)key_len, NULL, 0);
		else
			rc = client_set_attr(c, key, (size_t)key_len,
			    buf_data(&vm->out), buf_len(&vm->out));
	}
	vmguard_native_end();
	return mrb_bool_value(rc == FCS_OK);
}

/* client_access(id, write, paths) */
static mrb_value
f_access(mrb_state *mrb, mrb_value self)
{
	const char *id, *paths[BIND_PATHS_MAX];
	mrb_bool write;
	mrb_value list;
	struct client *c;
	uint32_t count;
	int rc = FCS_OK;

	(void)self;
	mrb_get_args(mrb, "zbA", &id, &write, &list);
	count = bind_core_paths(mrb, list, paths);
	vmguard_native_begin();
	c = find(vm_of(mrb), id);
	if (c != NULL)
		rc = client_set_access(c, write, paths, count);
	vmguard_native_end();
	if (rc != FCS_OK)
		mrb_raisef(mrb, E_ARGUMENT_ERROR, "access: %s", err_text(rc));
	return mrb_nil_value();
}

void
bind_client_init(struct vm *vm)
{
	BIND(vm, "client_info", f_info, MRB_ARGS_REQ(1));
	BIND(vm, "client_state", f_state, MRB_ARGS_REQ(1));
	BIND(vm, "tell", f_tell, MRB_ARGS_REQ(3));
	BIND(vm, "client_call", f_call, MRB_ARGS_REQ(4));
	BIND(vm, "client_decide", f_decide, MRB_ARGS_REQ(4));
	BIND(vm, "client_disconnect", f_disconnect, MRB_ARGS_REQ(2));
	BIND(vm, "client_user", f_user, MRB_ARGS_REQ(2));
	BIND(vm, "client_attr", f_attr, MRB_ARGS_REQ(3));
	BIND(vm, "client_access", f_access, MRB_ARGS_REQ(3));
}
