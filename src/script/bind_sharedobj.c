/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared objects by name. Writes go to core at once (the script reads its own
 * writes); what subscribers and other handlers see of them is core's affair.
 */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/hash.h>
#include <mruby/string.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "script/bind.h"
#include "script/conv.h"

/* One hold per object and VM, however often the script asks for it. */
struct vm_hold {
	UT_hash_handle hh;
	char name[]; /* NUL-terminated */
};

static struct vm_hold *
hold_find(struct vm *vm, const char *name)
{
	struct vm_hold *h;

	HASH_FIND_STR(vm->holds, name, h);
	return h;
}

/* Native. The script holds it from now on; not if it did already. */
static int
keep_hold(struct vm *vm, const char *name, struct sharedobj *so)
{
	size_t len = strlen(name);
	struct vm_hold *h;

	if (hold_find(vm, name) != NULL) {
		sharedobj_close(so); /* one hold will do */
		return FCS_OK;
	}
	h = malloc(sizeof(*h) + len + 1);
	if (h != NULL) {
		memcpy(h->name, name, len + 1);
		HASH_ADD_KEYPTR(hh, vm->holds, h->name, len, h);
		if (hash_added(h))
			return FCS_OK;
		free(h);
	}
	sharedobj_close(so);
	return FCS_ENOMEM;
}

/* Native. pending: 0 the image is waited for; else FCS_EAGAIN if that takes
 * long. */
static int
hold(struct vm *vm, const char *name, bool persistent, uint64_t pending)
{
	struct sharedobj *so;
	int rc;

	if (hold_find(vm, name) != NULL) {
		so = sharedobj_find(vm->inst, name);
		if (so != NULL && sharedobj_is_ready(so))
			return sharedobj_is_persistent(so) == persistent
				   ? FCS_OK
				   : FCS_EINVAL;
	}
	rc = pending == 0 ? sharedobj_open(vm->inst, name, persistent, &so)
			  : sharedobj_open_later(
				vm->inst, name, persistent, pending, &so);
	if (rc != FCS_OK && rc != FCS_EAGAIN)
		return rc;
	return keep_hold(vm, name, so) == FCS_OK ? rc : FCS_ENOMEM;
}

/* Native, and outside the VM. */
static void
release(struct vm *vm, struct vm_hold *h)
{
	struct sharedobj *so = sharedobj_find(vm->inst, h->name);

	if (so != NULL)
		sharedobj_close(so);
	HASH_DEL(vm->holds, h);
	free(h);
}

static FCS_NORETURN void
not_there(mrb_state *mrb, const char *name)
{
	vm_raise(mrb, VM_ESTORE, "shared object %s is not open", name);
}

/* so_open(name, persistent: true, false, nil = as it is or temporary) */
static int
open_object(
    mrb_state *mrb, const char *name, mrb_value persistent, uint64_t pending)
{
	struct vm *vm = vm_of(mrb);
	struct sharedobj *so = NULL;
	bool keep;
	int rc;

	vmguard_native_begin();
	keep = mrb_test(persistent);
	if (mrb_nil_p(persistent)) {
		so = sharedobj_find(vm->inst, name);
		keep = so != NULL && sharedobj_is_persistent(so);
	}
	rc = hold(vm, name, keep, pending);
	vmguard_native_end();
	if (rc == FCS_EINVAL)
		vm_raise(mrb, VM_ESTORE,
		    "shared object %s exists as %s one, or its name is bad",
		    name, keep ? "a temporary" : "a persistent");
	if (rc != FCS_OK && rc != FCS_EAGAIN)
		vm_raise_code(mrb, rc, name);
	return rc;
}

static mrb_value
f_open(mrb_state *mrb, mrb_value self)
{
	const char *name;
	mrb_value persistent;

	(void)self;
	mrb_get_args(mrb, "zo", &name, &persistent);
	(void)open_object(mrb, name, persistent, 0);
	return mrb_nil_value();
}

/* so_open_later(name, persistent, pending) => whether the Pending will be
 * settled; else it is open */
static mrb_value
f_open_later(mrb_state *mrb, mrb_value self)
{
	const char *name;
	mrb_value persistent;
	mrb_int pending;

	(void)self;
	mrb_get_args(mrb, "zoi", &name, &persistent, &pending);
	return mrb_bool_value(open_object(mrb, name, persistent,
				  (uint64_t)pending) == FCS_EAGAIN);
}

/* so_there?(name): it is held and readable at once */
static mrb_value
f_there(mrb_state *mrb, mrb_value self)
{
	const char *name;
	struct sharedobj *so;
	bool there;

	(void)self;
	mrb_get_args(mrb, "z", &name);
	vmguard_native_begin();
	so = sharedobj_find(vm_of(mrb)->inst, name);
	there = so != NULL && sharedobj_is_ready(so);
	vmguard_native_end();
	return mrb_bool_value(there);
}

/* so_proxy(peer, remote, persistent, as) */
static mrb_value
f_proxy(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	struct sharedobj_remote r;
	struct sharedobj *so;
	mrb_bool persistent;
	mrb_int peer;
	int rc;

	(void)self;
	mrb_get_args(mrb, "izbz", &peer, &r.remote, &persistent, &r.as);
	r.peer = (uint64_t)peer;
	r.persistent = persistent;
	vmguard_native_begin();
	rc = sharedobj_proxy_open(vm->inst, &r, &so);
	if (rc == FCS_OK)
		rc = keep_hold(vm, r.as, so);
	vmguard_native_end();
	if (rc == FCS_EEXIST)
		vm_raise(mrb, VM_ESTORE,
		    "shared object %s is another one: give this one a name "
		    "with as:",
		    r.as);
	if (rc == FCS_ENOENT)
		vm_raise(mrb, VM_ESTORE, "the peer is closed");
	if (rc == FCS_EINVAL)
		vm_raise(mrb, VM_ESTORE, "%s is no name of an object", r.as);
	if (rc != FCS_OK)
		vm_raise_code(mrb, rc, r.as);
	return mrb_nil_value();
}

/* so_proxy_ready(name, pending) */
static mrb_value
f_proxy_ready(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	struct sharedobj *so;
	const char *name;
	mrb_int pending;
	int rc = FCS_ENOENT;

	(void)self;
	mrb_get_args(mrb, "zi", &name, &pending);
	vmguard_native_begin();
	so = sharedobj_find(vm->inst, name);
	if (so != NULL && sharedobj_is_proxy(so))
		rc = sharedobj_proxy_ready(so, (uint64_t)pending);
	vmguard_native_end();
	if (rc == FCS_ENOENT)
		not_there(mrb, name);
	if (rc != FCS_OK)
		vm_raise_code(mrb, rc, name);
	return mrb_nil_value();
}

/* The packed slot into vm->out (native): what core lends is good until the
 * next call only, and converting may take a while. false: no such slot. */
static bool
fetch(struct vm *vm, const char *name, const char *slot, size_t slot_len,
    bool *there)
{
	struct sharedobj *so = sharedobj_find(vm->inst, name);
	const uint8_t *p;
	size_t len = 0;

	*there = so != NULL;
	if (so == NULL)
		return false;
	p = sharedobj_get(so, slot, slot_len, &len);
	if (p == NULL)
		return false;
	buf_reset(&vm->out, 65536);
	buf_append(&vm->out, p, len);
	return buf_status(&vm->out) == FCS_OK;
}

static mrb_value
get(mrb_state *mrb, bool frozen)
{
	struct vm *vm = vm_of(mrb);
	const char *name, *slot;
	mrb_int slot_len;
	bool there, found;

	mrb_get_args(mrb, "zs", &name, &slot, &slot_len);
	vmguard_native_begin();
	found = fetch(vm, name, slot, (size_t)slot_len, &there);
	vmguard_native_end();
	if (!there)
		not_there(mrb, name);
	if (!found)
		return mrb_nil_value();
	return conv_from_packed(
	    vm, buf_data(&vm->out), buf_len(&vm->out), frozen, slot);
}

static mrb_value
f_get(mrb_state *mrb, mrb_value self)
{
	(void)self;
	return get(mrb, true);
}

static mrb_value
f_copy(mrb_state *mrb, mrb_value self)
{
	(void)self;
	return get(mrb, false);
}

static mrb_value
f_has(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *name, *slot;
	struct sharedobj *so;
	mrb_int slot_len;
	size_t len;
	bool has = false;

	(void)self;
	mrb_get_args(mrb, "zs", &name, &slot, &slot_len);
	vmguard_native_begin();
	so = sharedobj_find(vm->inst, name);
	if (so != NULL)
		has = sharedobj_get(so, slot, (size_t)slot_len, &len) != NULL;
	vmguard_native_end();
	if (so == NULL)
		not_there(mrb, name);
	return mrb_bool_value(has);
}

/* so_info(name) => [size, version, subscribers, persistent] */
static mrb_value
f_info(mrb_state *mrb, mrb_value self)
{
	const char *name;
	struct sharedobj *so;
	uint64_t version = 0;
	uint32_t size = 0, users = 0;
	bool keep = false;
	mrb_value v[4];

	(void)self;
	mrb_get_args(mrb, "z", &name);
	vmguard_native_begin();
	so = sharedobj_find(vm_of(mrb)->inst, name);
	if (so != NULL) {
		size = sharedobj_size(so);
		version = sharedobj_version(so);
		users = sharedobj_subscribers(so);
		keep = sharedobj_is_persistent(so);
	}
	vmguard_native_end();
	if (so == NULL)
		not_there(mrb, name);
	v[0] = mrb_int_value(mrb, size);
	v[1] = mrb_int_value(mrb, (mrb_int)version);
	v[2] = mrb_int_value(mrb, users);
	v[3] = mrb_bool_value(keep);
	return mrb_ary_new_from_values(mrb, 4, v);
}

/* All slots copied into vm->args (native), so that converting them is not
 * disturbed by anything. */
struct slots {
	struct arena *arena;
	struct sharedobj_slot *v;
	uint32_t count, cap;
	bool oom;
};

static void
on_slot(void *arg, const struct sharedobj_slot *slot)
{
	struct slots *s = arg;
	struct sharedobj_slot *to;

	if (s->oom || s->count == s->cap)
		return;
	to = &s->v[s->count];
	to->name.ptr = arena_strndup(s->arena, slot->name.ptr, slot->name.len);
	to->name.len = slot->name.len;
	to->value = arena_memdup(s->arena, slot->value, slot->len);
	to->len = slot->len;
	if (to->name.ptr == NULL || to->value == NULL)
		s->oom = true;
	else
		s->count++;
}

static bool
all_slots(struct vm *vm, const char *name, struct slots *s, bool *there)
{
	struct sharedobj *so = sharedobj_find(vm->inst, name);

	memset(s, 0, sizeof(*s));
	*there = so != NULL;
	if (so == NULL)
		return false;
	arena_reset(vm->args);
	s->arena = vm->args;
	s->cap = sharedobj_size(so);
	s->v = arena_array(s->arena, s->cap + 1, sizeof(*s->v));
	if (s->v == NULL)
		return false;
	sharedobj_each_slot(so, on_slot, s);
	return !s->oom;
}

static mrb_value
f_keys(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *name;
	struct slots s;
	bool there, ok;
	mrb_value list;
	uint32_t i;
	int ai;

	(void)self;
	mrb_get_args(mrb, "z", &name);
	vmguard_native_begin();
	ok = all_slots(vm, name, &s, &there);
	vmguard_native_end();
	if (!there)
		not_there(mrb, name);
	if (!ok)
		vm_raise_code(mrb, FCS_ENOMEM, name);
	list = mrb_ary_new_capa(mrb, (mrb_int)s.count);
	ai = mrb_gc_arena_save(mrb);
	for (i = 0; i < s.count; i++) {
		mrb_ary_push(mrb, list,
		    mrb_str_new(mrb, s.v[i].name.ptr, s.v[i].name.len));
		mrb_gc_arena_restore(mrb, ai);
	}
	return list;
}

/* Native: slot i unpacked; the tree joins the slots in vm->args. */
static int
unpack(struct vm *vm, const struct sharedobj_slot *slot, struct value **out)
{
	return value_unpack(vm->args, slot->value, slot->len, out);
}

static mrb_value
f_to_h(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *name, *why = "";
	struct slots s;
	struct value *tree = NULL;
	bool there, ok;
	mrb_value h, key, val;
	uint32_t i;
	int ai, rc;

	(void)self;
	mrb_get_args(mrb, "z", &name);
	vmguard_native_begin();
	ok = all_slots(vm, name, &s, &there);
	vmguard_native_end();
	if (!there)
		not_there(mrb, name);
	if (!ok)
		vm_raise_code(mrb, FCS_ENOMEM, name);
	h = mrb_hash_new_capa(mrb, (mrb_int)s.count);
	ai = mrb_gc_arena_save(mrb);
	for (i = 0; i < s.count; i++) {
		vmguard_native_begin();
		rc = unpack(vm, &s.v[i], &tree);
		vmguard_native_end();
		val = rc != FCS_OK ? mrb_undef_value()
				   : conv_to_ruby(vm, tree, true, &why);
		if (mrb_undef_p(val))
			vm_raise(mrb, VM_EVALUE, "%s: %s", s.v[i].name.ptr,
			    rc != FCS_OK ? err_text(rc) : why);
		key = mrb_str_new(mrb, s.v[i].name.ptr, s.v[i].name.len);
		mrb_hash_set(mrb, h, key, val);
		mrb_gc_arena_restore(mrb, ai);
	}
	return h;
}

/* so_set(name, slot, value); nil deletes */
static mrb_value
f_set(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *name, *slot, *why = NULL;
	struct sharedobj *so;
	mrb_int slot_len;
	mrb_value value;
	int rc = FCS_OK;

	(void)self;
	mrb_get_args(mrb, "zso", &name, &slot, &slot_len, &value);
	conv_seal(vm, value);
	/* to_amf of the script ran: the texts may be others now */
	mrb_get_args(mrb, "zso", &name, &slot, &slot_len, &value);
	vmguard_native_begin();
	so = sharedobj_find(vm->inst, name);
	if (!mrb_nil_p(value))
		rc = conv_pack(vm, value, &why);
	if (rc == FCS_OK)
		why = NULL;
	if (rc == FCS_OK && so != NULL)
		rc = mrb_nil_p(value)
			 ? sharedobj_set(so, slot, (size_t)slot_len, NULL, 0)
			 : sharedobj_set(so, slot, (size_t)slot_len,
			       buf_data(&vm->out), buf_len(&vm->out));
	vmguard_native_end();
	if (why != NULL)
		vm_raise(mrb, VM_EVALUE, "%s: %s", slot, why);
	if (so == NULL)
		not_there(mrb, name);
	if (rc != FCS_OK)
		vm_raise_code(mrb, rc, slot);
	return mrb_nil_value();
}

static mrb_value
f_clear(mrb_state *mrb, mrb_value self)
{
	const char *name;
	struct sharedobj *so;
	int rc = FCS_OK;

	(void)self;
	mrb_get_args(mrb, "z", &name);
	vmguard_native_begin();
	so = sharedobj_find(vm_of(mrb)->inst, name);
	if (so != NULL)
		rc = sharedobj_clear(so);
	vmguard_native_end();
	if (so == NULL)
		not_there(mrb, name);
	if (rc != FCS_OK)
		vm_raise_code(mrb, rc, name);
	return mrb_true_value();
}

/* ---- transactions ---- */

static bool
tx_push(struct vm *vm, const char *name)
{
	struct vm_tx *tx = calloc(1, sizeof(*tx));

	if (tx == NULL)
		return false;
	tx->name = strdup(name);
	if (tx->name == NULL) {
		free(tx);
		return false;
	}
	tx->next = vm->tx;
	vm->tx = tx;
	return true;
}

static bool
tx_pop(struct vm *vm, const char *name)
{
	struct vm_tx **at, *tx;

	for (at = &vm->tx; (tx = *at) != NULL; at = &tx->next) {
		if (strcmp(tx->name, name) != 0)
			continue;
		*at = tx->next;
		free(tx->name);
		free(tx);
		return true;
	}
	return false;
}

void
bind_sharedobj_abandon(struct vm *vm)
{
	struct vm_hold *h, *next;
	struct sharedobj *so;
	struct vm_tx *tx;

	while ((tx = vm->tx) != NULL) {
		vm->tx = tx->next;
		so = sharedobj_find(vm->inst, tx->name);
		if (so != NULL)
			fcs_ignore(sharedobj_end(so, false));
		free(tx->name);
		free(tx);
	}
	/* another script may have the instance: these are its */
	if (instance_script(vm->inst) == vm->owner) {
		sharedobj_unlock_all(vm->inst);
		sharedobj_look_drop_all(vm->inst);
	}
	HASH_ITER(hh, vm->holds, h, next)
	{
		release(vm, h);
	}
}

void
bind_sharedobj_inherit(struct vm *vm, struct vm *old)
{
	struct vm_hold *h, *next;

	sharedobj_unlock_all(old->inst);
	sharedobj_look_drop_all(old->inst);
	HASH_ITER(hh, old->holds, h, next)
	{
		HASH_DEL(old->holds, h);
		if (hold_find(vm, h->name) != NULL) {
			free(h);
			continue;
		}
		HASH_ADD_KEYPTR(hh, vm->holds, h->name, strlen(h->name), h);
		if (!hash_added(h))
			free(h); /* held until the instance ends */
	}
}

static mrb_value
f_begin(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *name;
	struct sharedobj *so;
	bool ok = false;

	(void)self;
	mrb_get_args(mrb, "z", &name);
	vmguard_native_begin();
	so = sharedobj_find(vm->inst, name);
	if (so != NULL && tx_push(vm, name)) {
		sharedobj_begin(so);
		ok = true;
	}
	vmguard_native_end();
	if (so == NULL)
		not_there(mrb, name);
	if (!ok)
		vm_raise_code(mrb, FCS_ENOMEM, name);
	return mrb_nil_value();
}

static mrb_value
f_end(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *name;
	struct sharedobj *so;
	mrb_bool commit;
	int rc = FCS_OK;

	(void)self;
	mrb_get_args(mrb, "zb", &name, &commit);
	vmguard_native_begin();
	so = sharedobj_find(vm->inst, name);
	if (tx_pop(vm, name) && so != NULL)
		rc = sharedobj_end(so, commit);
	vmguard_native_end();
	if (rc == FCS_EREJECT)
		vm_raise(mrb, VM_ESTORE,
		    "%s: a transaction inside failed, nothing was written",
		    name);
	if (rc != FCS_OK)
		vm_raise_code(mrb, rc, name);
	return mrb_nil_value();
}

/* so_send(name, handler, args) => bool */
static mrb_value
f_send(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *name, *handler, *why = NULL;
	mrb_int handler_len;
	mrb_value args;
	struct sharedobj *so;
	int rc;

	(void)self;
	mrb_get_args(mrb, "zsA", &name, &handler, &handler_len, &args);
	conv_seal(vm, args);
	/* to_amf of the script ran: the texts may be others now */
	mrb_get_args(mrb, "zsA", &name, &handler, &handler_len, &args);
	vmguard_native_begin();
	so = sharedobj_find(vm->inst, name);
	rc = conv_message(
	    vm, handler, (size_t)handler_len, args, AMF0_AVMPLUS, &why);
	if (rc == FCS_OK && so != NULL)
		rc = sharedobj_send(so, buf_data(&vm->out), buf_len(&vm->out));
	vmguard_native_end();
	if (why != NULL)
		vm_raise(mrb, VM_EVALUE, "%s: %s", handler, why);
	if (so == NULL)
		not_there(mrb, name);
	return mrb_bool_value(rc == FCS_OK);
}

static mrb_value
f_close(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *name;
	struct vm_hold *h;

	(void)self;
	mrb_get_args(mrb, "z", &name);
	vmguard_native_begin();
	h = hold_find(vm, name);
	if (h != NULL)
		release(vm, h);
	vmguard_native_end();
	return mrb_true_value();
}

/* so_writer(name, slot) => [version, user or client] */
static mrb_value
f_writer(mrb_state *mrb, mrb_value self)
{
	const char *name, *slot;
	char user[256] = "";
	mrb_int slot_len;
	struct sharedobj *so;
	struct sharedobj_slot found;
	bool has = false;
	mrb_value v[2];

	(void)self;
	mrb_get_args(mrb, "zs", &name, &slot, &slot_len);
	vmguard_native_begin();
	so = sharedobj_find(vm_of(mrb)->inst, name);
	if (so != NULL)
		has = sharedobj_slot(so, slot, (size_t)slot_len, &found);
	if (has && found.user != NULL)
		snprintf(user, sizeof(user), "%s", found.user);
	vmguard_native_end();
	v[0] =
	    has ? mrb_int_value(mrb, (mrb_int)found.version) : mrb_nil_value();
	v[1] = user[0] != '\0' ? mrb_str_new_cstr(mrb, user) : mrb_nil_value();
	return mrb_ary_new_from_values(mrb, 2, v);
}

/* so_watch(event, name): the object has a handler of its own */
static mrb_value
f_watch(mrb_state *mrb, mrb_value self)
{
	const char *event, *name;
	enum script_event e;

	(void)self;
	mrb_get_args(mrb, "zz", &event, &name);
	e = vmdecl_event(event);
	if (e < SCRIPT_EVENT_COUNT)
		vm_of(mrb)->decl.event[e] = true;
	return mrb_nil_value();
}

/* so_options(name, row as of the declarations) */
static mrb_value
f_options(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	struct script_shared options;
	const char *name;
	struct sharedobj *so;
	mrb_value row;

	(void)self;
	mrb_get_args(mrb, "zA", &name, &row);
	bind_core_shared(vm, row, &options); /* may raise */
	vmguard_native_begin();
	so = sharedobj_find(vm->inst, name);
	if (so != NULL)
		sharedobj_set_options(so, &options);
	vmguard_native_end();
	if (so == NULL)
		not_there(mrb, name);
	return mrb_nil_value();
}

void
bind_sharedobj_init(struct vm *vm)
{
	BIND(vm, "so_open", f_open, MRB_ARGS_REQ(2));
	BIND(vm, "so_open_later", f_open_later, MRB_ARGS_REQ(3));
	BIND(vm, "so_there?", f_there, MRB_ARGS_REQ(1));
	BIND(vm, "so_options", f_options, MRB_ARGS_REQ(2));
	BIND(vm, "so_get", f_get, MRB_ARGS_REQ(2));
	BIND(vm, "so_copy", f_copy, MRB_ARGS_REQ(2));
	BIND(vm, "so_key?", f_has, MRB_ARGS_REQ(2));
	BIND(vm, "so_info", f_info, MRB_ARGS_REQ(1));
	BIND(vm, "so_keys", f_keys, MRB_ARGS_REQ(1));
	BIND(vm, "so_to_h", f_to_h, MRB_ARGS_REQ(1));
	BIND(vm, "so_set", f_set, MRB_ARGS_REQ(3));
	BIND(vm, "so_clear", f_clear, MRB_ARGS_REQ(1));
	BIND(vm, "so_begin", f_begin, MRB_ARGS_REQ(1));
	BIND(vm, "so_end", f_end, MRB_ARGS_REQ(2));
	BIND(vm, "so_send", f_send, MRB_ARGS_REQ(3));
	BIND(vm, "so_close", f_close, MRB_ARGS_REQ(1));
	BIND(vm, "so_proxy", f_proxy, MRB_ARGS_REQ(4));
	BIND(vm, "so_proxy_ready", f_proxy_ready, MRB_ARGS_REQ(2));
	BIND(vm, "so_writer", f_writer, MRB_ARGS_REQ(2));
	BIND(vm, "so_watch", f_watch, MRB_ARGS_REQ(2));
}
