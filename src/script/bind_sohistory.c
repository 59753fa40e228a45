/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared objects: what takes time. Each asks core, which settles the Pending of
 * that number; what a look at the history found is taken in pieces.
 */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/string.h>
#include <string.h>

#include "script/bind.h"
#include "script/conv.h"

#define PIECE_LINES 128
#define PIECE_BYTES 65536

static FCS_NORETURN void
fail(mrb_state *mrb, int code, const char *name)
{
	if (code == FCS_ENOENT)
		vm_raise(mrb, VM_ESTORE, "shared object %s is not open", name);
	if (code == FCS_EUNSUPPORTED)
		vm_raise(mrb, VM_EUNSUPPORTED,
		    "%s is temporary: it has no history", name);
	vm_raise_code(mrb, code, name);
}

/* so_flush(name, pending) => whether the Pending will be settled; false: there
 * is nothing to wait for */
static mrb_value
f_flush(mrb_state *mrb, mrb_value self)
{
	const char *name;
	struct sharedobj *so;
	mrb_int pending;
	int rc = FCS_ENOENT;

	(void)self;
	mrb_get_args(mrb, "zi", &name, &pending);
	vmguard_native_begin();
	so = sharedobj_find(vm_of(mrb)->inst, name);
	if (so != NULL)
		rc = sharedobj_flush(so, (uint64_t)pending);
	vmguard_native_end();
	if (rc == FCS_EUNSUPPORTED)
		return mrb_false_value();
	if (rc != FCS_OK)
		fail(mrb, rc, name);
	return mrb_true_value();
}

static struct sharedobj_point
point(mrb_int version, mrb_int at_ms)
{
	struct sharedobj_point p = { version < 0 ? 0 : (uint64_t)version,
		at_ms };

	return p;
}

/* so_history(name, slot or nil, after, after_ms, upto, upto_ms, limit or -1 =
 * whole, pending) */
static mrb_value
f_history(mrb_state *mrb, mrb_value self)
{
	struct sharedobj_range r;
	const char *name, *slot;
	struct sharedobj *so;
	mrb_int slot_len, after, after_ms, upto, upto_ms, limit, pending;
	int rc = FCS_ENOENT;

	(void)self;
	mrb_get_args(mrb, "zs!iiiiii", &name, &slot, &slot_len, &after,
	    &after_ms, &upto, &upto_ms, &limit, &pending);
	memset(&r, 0, sizeof(r));
	r.after = point(after, after_ms);
	r.upto = point(upto, upto_ms);
	r.whole = limit < 0;
	r.limit =
	    limit < 0 || limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit;
	r.slot = slot;
	r.slot_len = slot == NULL ? 0 : (size_t)slot_len;
	vmguard_native_begin();
	so = sharedobj_find(vm_of(mrb)->inst, name);
	if (so != NULL)
		rc = sharedobj_history(so, &r, (uint64_t)pending);
	vmguard_native_end();
	if (rc != FCS_OK)
		fail(mrb, rc, name);
	return mrb_nil_value();
}

static mrb_value
to_point(mrb_state *mrb, int (*fn)(struct sharedobj *,
			     const struct sharedobj_point *, uint64_t pending))
{
	struct sharedobj_point p;
	const char *name;
	struct sharedobj *so;
	mrb_int version, at_ms, pending;
	int rc = FCS_ENOENT;

	mrb_get_args(mrb, "ziii", &name, &version, &at_ms, &pending);
	p = point(version, at_ms);
	vmguard_native_begin();
	so = sharedobj_find(vm_of(mrb)->inst, name);
	if (so != NULL)
		rc = fn(so, &p, (uint64_t)pending);
	vmguard_native_end();
	if (rc != FCS_OK)
		fail(mrb, rc, name);
	return mrb_nil_value();
}

/* so_at(name, version, at_ms, pending) */
static mrb_value
f_at(mrb_state *mrb, mrb_value self)
{
	(void)self;
	return to_point(mrb, sharedobj_at);
}

/* so_rollback(name, version, at_ms, pending) */
static mrb_value
f_rollback(mrb_state *mrb, mrb_value self)
{
	(void)self;
	return to_point(mrb, sharedobj_rollback);
}

/* so_undo(name, user or nil, slot or nil, redo, pending) */
static mrb_value
f_undo(mrb_state *mrb, mrb_value self)
{
	struct store_undo what;
	const char *name, *slot;
	struct sharedobj *so;
	mrb_int slot_len, pending;
	mrb_bool redo;
	int rc = FCS_ENOENT;

	(void)self;
	memset(&what, 0, sizeof(what));
	mrb_get_args(mrb, "zz!s!bi", &name, &what.user, &slot, &slot_len, &redo,
	    &pending);
	what.redo = redo;
	what.slot = slot;
	what.slot_len = slot == NULL ? 0 : (size_t)slot_len;
	vmguard_native_begin();
	so = sharedobj_find(vm_of(mrb)->inst, name);
	if (so != NULL)
		rc = sharedobj_undo(so, &what, (uint64_t)pending);
	vmguard_native_end();
	if (rc != FCS_OK)
		fail(mrb, rc, name);
	return mrb_nil_value();
}

/* ---- looks ---- */

struct piece { /* copied into vm->args */
	struct arena *arena;
	struct sharedobj_change line[PIECE_LINES];
	uint32_t count;
	bool oom;
};

static void *
keep(struct piece *p, const void *data, size_t len)
{
	void *copy;

	if (data == NULL)
		return NULL;
	copy = arena_memdup(p->arena, data, len + (len == 0));
	if (copy == NULL)
		p->oom = true;
	return copy;
}

static void
on_line(void *arg, const struct sharedobj_change *c)
{
	struct piece *p = arg;
	struct sharedobj_change *to = &p->line[p->count++];

	*to = *c;
	to->slot.ptr = arena_strndup(p->arena, c->slot.ptr, c->slot.len);
	if (to->slot.ptr == NULL)
		p->oom = true;
	to->value = keep(p, c->value, c->len);
	to->old = keep(p, c->old, c->old_len);
	if (c->user != NULL) {
		to->user = arena_strndup(p->arena, c->user, strlen(c->user));
		if (to->user == NULL)
			p->oom = true;
	}
}

/* In the VM: a packed value that lies in vm->args, frozen. */
static mrb_value
value_of(struct vm *vm, const uint8_t *data, size_t len, const char *slot)
{
	struct value *tree = NULL;
	const char *why = "";
	mrb_value v;
	int rc;

	if (data == NULL)
		return mrb_nil_value();
	vmguard_native_begin();
	rc = value_unpack(vm->args, data, len, &tree);
	vmguard_native_end();
	v = rc != FCS_OK ? mrb_undef_value()
			 : conv_to_ruby(vm, tree, true, &why);
	if (mrb_undef_p(v))
		vm_raise(vm->mrb, VM_EVALUE, "%s: %s", slot,
		    rc != FCS_OK ? err_text(rc) : why);
	return v;
}

/* so_take(look, whole) => lines [slot, value] or, whole, [slot, value, old,
 * user, version, at_ms, deleted], and nil behind the last one */
static mrb_value
f_take(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	struct piece *p;
	mrb_bool whole;
	mrb_int look;
	mrb_value list, v[7];
	int rc = FCS_ENOMEM, ai;

	(void)self;
	mrb_get_args(mrb, "ib", &look, &whole);
	vmguard_native_begin();
	arena_reset(vm->args);
	p = arena_zalloc(vm->args, sizeof(*p));
	if (p != NULL) {
		p->arena = vm->args;
		rc = sharedobj_look_take(vm->inst, (uint64_t)look, PIECE_LINES,
		    PIECE_BYTES, on_line, p);
		if (p->oom)
			rc = FCS_ENOMEM;
		if (rc != FCS_EAGAIN)
			sharedobj_look_drop(vm->inst, (uint64_t)look);
	}
	vmguard_native_end();
	if (rc != FCS_OK && rc != FCS_EAGAIN)
		vm_raise_code(mrb, rc, "history");
	list = mrb_ary_new_capa(mrb, (mrb_int)p->count + 1);
	ai = mrb_gc_arena_save(mrb);
	for (uint32_t i = 0; i < p->count; i++) {
		const struct sharedobj_change *c = &p->line[i];

		v[0] = mrb_str_new(mrb, c->slot.ptr, c->slot.len);
		v[1] = value_of(vm, c->value, c->len, c->slot.ptr);
		if (whole) {
			v[2] = value_of(vm, c->old, c->old_len, c->slot.ptr);
			v[3] = vm_text(mrb, c->user);
			v[4] = mrb_int_value(mrb, (mrb_int)c->version);
			v[5] = mrb_int_value(mrb, (mrb_int)c->at_ms);
			v[6] = mrb_bool_value(c->value == NULL);
		}
		mrb_ary_push(
		    mrb, list, mrb_ary_new_from_values(mrb, whole ? 7 : 2, v));
		mrb_gc_arena_restore(mrb, ai);
	}
	if (rc == FCS_OK)
		mrb_ary_push(mrb, list, mrb_nil_value());
	return list;
}

/* ---- the object itself ---- */

/* so_purge(name, version) => how many */
static mrb_value
f_purge(mrb_state *mrb, mrb_value self)
{
	const char *name;
	struct sharedobj *so;
	mrb_int version;
	uint32_t n = 0;

	(void)self;
	mrb_get_args(mrb, "zi", &name, &version);
	vmguard_native_begin();
	so = sharedobj_find(vm_of(mrb)->inst, name);
	if (so != NULL)
		n = sharedobj_purge(so, version < 0 ? 0 : (uint64_t)version);
	vmguard_native_end();
	if (so == NULL)
		fail(mrb, FCS_ENOENT, name);
	return mrb_int_value(mrb, n);
}

/* so_depth(name, batches or -1) */
static mrb_value
f_depth(mrb_state *mrb, mrb_value self)
{
	const char *name;
	struct sharedobj *so;
	mrb_int depth;

	(void)self;
	mrb_get_args(mrb, "zi", &name, &depth);
	vmguard_native_begin();
	so = sharedobj_find(vm_of(mrb)->inst, name);
	if (so != NULL)
		sharedobj_set_resync_depth(so, depth);
	vmguard_native_end();
	if (so == NULL)
		fail(mrb, FCS_ENOENT, name);
	return mrb_nil_value();
}

/* so_dirty?(name) */
static mrb_value
f_dirty(mrb_state *mrb, mrb_value self)
{
	const char *name;
	struct sharedobj *so;
	bool dirty = false;

	(void)self;
	mrb_get_args(mrb, "z", &name);
	vmguard_native_begin();
	so = sharedobj_find(vm_of(mrb)->inst, name);
	if (so != NULL)
		dirty = sharedobj_is_dirty(so);
	vmguard_native_end();
	if (so == NULL)
		fail(mrb, FCS_ENOENT, name);
	return mrb_bool_value(dirty);
}

/* so_lock(name, on): changes of clients wait */
static mrb_value
f_lock(mrb_state *mrb, mrb_value self)
{
	const char *name;
	struct sharedobj *so;
	mrb_bool on;

	(void)self;
	mrb_get_args(mrb, "zb", &name, &on);
	vmguard_native_begin();
	so = sharedobj_find(vm_of(mrb)->inst, name);
	if (so != NULL)
		sharedobj_lock(so, on);
	vmguard_native_end();
	if (so == NULL && on)
		fail(mrb, FCS_ENOENT, name);
	return mrb_nil_value();
}

/* so_names(pattern) => objects that are in memory */
struct names {
	struct vm *vm;
	const char *pattern;
	char **v;
	uint32_t count, cap;
};

static void
on_object(void *arg, struct sharedobj *so)
{
	struct names *n = arg;
	const char *name = sharedobj_name(so);

	if (n->count == n->cap || !sharedobj_is_ready(so) ||
	    !vmdecl_glob(n->pattern, strlen(n->pattern), name, strlen(name)))
		return;
	n->v[n->count] = arena_strndup(n->vm->args, name, strlen(name));
	if (n->v[n->count] != NULL)
		n->count++;
}

static void
count_object(void *arg, struct sharedobj *so)
{
	(void)so;
	++*(uint32_t *)arg;
}

static mrb_value
f_names(mrb_state *mrb, mrb_value self)
{
	struct names n;
	mrb_value list;
	int ai;

	(void)self;
	memset(&n, 0, sizeof(n));
	n.vm = vm_of(mrb);
	mrb_get_args(mrb, "z", &n.pattern);
	vmguard_native_begin();
	arena_reset(n.vm->args);
	sharedobj_each(n.vm->inst, count_object, &n.cap);
	n.v = arena_array(n.vm->args, n.cap + 1, sizeof(*n.v));
	if (n.v == NULL)
		n.cap = 0;
	sharedobj_each(n.vm->inst, on_object, &n);
	vmguard_native_end();
	list = mrb_ary_new_capa(mrb, (mrb_int)n.count);
	ai = mrb_gc_arena_save(mrb);
	for (uint32_t i = 0; i < n.count; i++) {
		mrb_ary_push(mrb, list, mrb_str_new_cstr(mrb, n.v[i]));
		mrb_gc_arena_restore(mrb, ai);
	}
	return list;
}

void
bind_sohistory_init(struct vm *vm)
{
	BIND(vm, "so_flush", f_flush, MRB_ARGS_REQ(2));
	BIND(vm, "so_history", f_history, MRB_ARGS_REQ(8));
	BIND(vm, "so_at", f_at, MRB_ARGS_REQ(4));
	BIND(vm, "so_rollback", f_rollback, MRB_ARGS_REQ(4));
	BIND(vm, "so_undo", f_undo, MRB_ARGS_REQ(5));
	BIND(vm, "so_take", f_take, MRB_ARGS_REQ(2));
	BIND(vm, "so_purge", f_purge, MRB_ARGS_REQ(2));
	BIND(vm, "so_depth", f_depth, MRB_ARGS_REQ(2));
	BIND(vm, "so_dirty?", f_dirty, MRB_ARGS_REQ(1));
	BIND(vm, "so_lock", f_lock, MRB_ARGS_REQ(2));
	BIND(vm, "so_names", f_names, MRB_ARGS_REQ(1));
}
