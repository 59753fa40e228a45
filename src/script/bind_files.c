/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files: an operation waits for the commit barrier, goes to the files thread,
 * and its result is taken by the Pending it belongs to (mrblib/89_files.rb).
 * script-api.md 7.8.
 */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/string.h>
#include <stdlib.h>
#include <string.h>

#include "script/bind.h"
#include "script/vmwait.h"
#include "storage/files.h"

struct fileop {
	struct vmwait wait;
	struct files_op op;
	struct files *files;
	bool lent; /* behind the barrier or on the thread, which frees it */
	char *path, *to;
	void *data;
};

static void
fileop_free(struct fileop *f)
{
	vmwait_remove(&f->wait);
	free(f->path);
	free(f->to);
	free(f->data);
	buf_fini(&f->op.out);
	free(f);
}

static void
abandon(struct vmwait *w)
{
	struct fileop *f = (struct fileop *)(void *)w;

	if (!f->lent)
		fileop_free(f);
}

static void
ready(struct fileop *f)
{
	f->lent = false;
	if (f->wait.vm == NULL)
		fileop_free(f);
	else
		vmwait_ready(&f->wait);
}

static void
on_done(struct files_op *op)
{
	ready(QUEUE_ENTRY(op, struct fileop, op));
}

/* In order with what was written and said before, and only if that lasts. */
static void
on_due(void *arg, int result)
{
	struct fileop *f = arg;
	int rc;

	if (result == FCS_ECLOSED || f->wait.vm == NULL) {
		fileop_free(f);
		return;
	}
	if (result != FCS_OK) {
		(void)err_set(&f->op.why, FCS_EIO,
		    "not done: what was written before could not be stored");
		ready(f);
		return;
	}
	rc = files_submit(f->files, &f->op);
	if (rc != FCS_OK) {
		(void)err_set(&f->op.why, rc == FCS_ELIMIT ? FCS_EBUSY : rc,
		    "%s",
		    rc == FCS_ELIMIT ? "busy: limits.files_queue bytes wait"
				     : err_text(rc));
		ready(f);
	}
}

/* ---- the bindings ---- */

struct args {
	mrb_int pending, what;
	const char *path, *to, *data;
	mrb_int path_len, to_len, data_len;
	mrb_int offset, length;
};

static char *
copy(const char *p, mrb_int len)
{
	char *s = malloc((size_t)len + 1);

	if (s == NULL)
		return NULL;
	memcpy(s, p, (size_t)len);
	s[len] = '\0';
	return s;
}

static struct fileop *
fileop_new(const struct args *a, const struct application_env *env)
{
	struct fileop *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	buf_init(&f->op.out, 0);
	f->wait.kind = VMWAIT_FILES;
	f->wait.pending = (uint64_t)a->pending;
	f->wait.abandon = abandon;
	f->files = env->files;
	f->path = copy(a->path, a->path_len);
	if (a->to != NULL)
		f->to = copy(a->to, a->to_len);
	if (a->data != NULL)
		f->data = copy(a->data, a->data_len);
	if (f->path == NULL || (a->to != NULL && f->to == NULL) ||
	    (a->data != NULL && f->data == NULL)) {
		fileop_free(f);
		return NULL;
	}
	f->op.what = (enum files_what)a->what;
	f->op.path = f->path;
	f->op.to = f->to;
	f->op.data = f->data;
	f->op.len = a->data == NULL ? 0 : (size_t)a->data_len;
	f->op.offset = a->offset;
	f->op.length = a->length;
	f->op.quota = (uint64_t)config_app_int(env->settings, APP_FILES_MAX);
	f->op.entries_max =
	    (uint64_t)limits_get(env->limits, LIMIT_FILES_ENTRIES);
	f->op.read_max = (uint64_t)limits_get(env->limits, LIMIT_FILES_READ);
	f->op.match = vmdecl_glob;
	f->op.done = on_done;
	return f;
}

/* Native: FCS_OK, FCS_EINVAL with *why (the Pending fails), FCS_ELIMIT,
 * FCS_ENOMEM. */
static int
start(struct vm *vm, const struct args *a, struct err *why)
{
	const struct application_env *env =
	    application_env(instance_app(vm->inst));
	struct fileop *f;
	const char *rest;
	bool shipped;
	int rc;

	if (env->files == NULL || env->settings == NULL)
		return err_set(why, FCS_EINVAL, "no files here");
	/* a NUL byte ends what the kernel sees */
	rc = files_name_check(
	    a->path, (size_t)a->path_len, &shipped, &rest, why);
	if (rc == FCS_OK && a->to != NULL)
		rc = files_name_check(
		    a->to, (size_t)a->to_len, &shipped, &rest, why);
	if (rc != FCS_OK)
		return rc;
	if ((int64_t)vmwait_count(vm, VMWAIT_FILES) >=
	    limits_get(env->limits, LIMIT_FILES_OPS)) {
		limits_refuse(LIMIT_FILES_OPS);
		return FCS_ELIMIT;
	}
	f = fileop_new(a, env);
	if (f == NULL)
		return FCS_ENOMEM;
	vmwait_add(vm, &f->wait);
	f->lent = true;
	rc = instance_later(vm->inst, on_due, f);
	if (rc != FCS_OK)
		fileop_free(f);
	return rc;
}

/* file(pending, what, path, to, data, offset, length) => nil, or why not */
static mrb_value
f_file(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	struct args a;
	struct err why;
	int rc;

	(void)self;
	mrb_get_args(mrb, "iiss!s!ii", &a.pending, &a.what, &a.path,
	    &a.path_len, &a.to, &a.to_len, &a.data, &a.data_len, &a.offset,
	    &a.length);
	if (a.what < FILES_READ || a.what > FILES_DELETE)
		mrb_raise(mrb, E_ARGUMENT_ERROR, "no such operation");
	err_clear(&why);
	vmguard_native_begin();
	rc = start(vm, &a, &why);
	vmguard_native_end();
	if (rc == FCS_EINVAL)
		return vm_text(mrb, why.text);
	if (rc != FCS_OK)
		vm_raise_code(mrb, rc, "too many file operations");
	return mrb_nil_value();
}

static const char *
code_text(int code)
{
	switch (code) {
	case FCS_EINVAL:
		return "name";
	case FCS_ENOENT:
		return "not_found";
	case FCS_EEXIST:
		return "exists";
	case FCS_EUNSUPPORTED:
		return "kind";
	case FCS_ELIMIT:
		return "quota";
	case FCS_ERANGE:
		return "too_big";
	case FCS_EBUSY:
		return "busy";
	case FCS_ENOSPC:
		return "disk_full";
	default:
		return "failed";
	}
}

static mrb_value
failure(mrb_state *mrb, const char *code, const char *text)
{
	mrb_value v[2];

	v[0] = mrb_str_new_cstr(mrb, code);
	v[1] = mrb_str_new_cstr(mrb, text);
	return mrb_ary_new_from_values(mrb, 2, v);
}

static mrb_value
result(mrb_state *mrb, const struct files_op *op)
{
	mrb_value v[3];

	switch (op->what) {
	case FILES_READ:
		return mrb_str_new(mrb, (const char *)buf_data(&op->out),
		    (mrb_int)buf_len(&op->out));
	case FILES_LIST:
		return bind_core_texts(mrb, &op->out);
	case FILES_EXIST:
	case FILES_MKDIR:
	case FILES_DELETE:
		return mrb_bool_value(op->yes);
	case FILES_STAT:
		v[0] = mrb_int_value(mrb, (mrb_int)op->size);
		v[1] = mrb_int_value(mrb, op->modified_us);
		v[2] = mrb_bool_value(op->is_folder);
		return mrb_ary_new_from_values(mrb, 3, v);
	default:
		return mrb_true_value();
	}
}

/* file_take(pending) => [value], or [code, text] of a failure */
static mrb_value
f_take(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	struct vmwait *w;
	struct fileop *f;
	mrb_int pending;
	mrb_value out;

	(void)self;
	mrb_get_args(mrb, "i", &pending);
	w = vmwait_find(vm, VMWAIT_FILES, (uint64_t)pending);
	if (w == NULL)
		return failure(mrb, "failed", "no result");
	f = (struct fileop *)(void *)w;
	if (f->op.why.code != FCS_OK) {
		out = failure(mrb, code_text(f->op.why.code), f->op.why.text);
	} else if (!vmwait_has_room(vm, f->op.what == FILES_LIST
					    ? buf_len(&f->op.out) * 4
					    : buf_len(&f->op.out))) {
		out = failure(mrb, "too_big",
		    "it does not fit into script.memory, read it in parts "
		    "(offset:, length:)");
	} else {
		out = result(mrb, &f->op);
		out = mrb_ary_new_from_values(mrb, 1, &out);
	}
	vmguard_native_begin();
	fileop_free(f);
	vmguard_native_end();
	return out;
}

void
bind_files_init(struct vm *vm)
{
	BIND(vm, "file", f_file, MRB_ARGS_REQ(7));
	BIND(vm, "file_take", f_take, MRB_ARGS_REQ(1));
}
