/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recordings by name (mrblib/72_recording.rb). The media thread knows them, so
 * everything here begins something and its Pending takes the result
 * (recording_take) when the answer is there.
 */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/refbuf.h"
#include "codec/amf0.h"
#include "core/play.h"
#include "core/reccopy.h"
#include "script/bind.h"
#include "script/conv.h"
#include "script/vmwait.h"

#define LIST_MAX 1000
#define FIELDS   10

struct rec {
	struct vmwait wait;
	struct reccopy *copy;
	int result;
	char why[ERR_TEXT_MAX];
	/* what is asked for */
	char pattern[NAME_STREAM_MAX + 1];
	size_t offset;
	/* what came */
	struct media_info *rows;
	size_t count;
	bool is_list;
	struct refbuf *meta;
};

static void
rec_free(struct rec *r)
{
	vmwait_remove(&r->wait);
	refbuf_unref(r->meta);
	free(r->rows);
	free(r);
}

/* The VM ends. The media thread has the rest still: freed when that answers. */
static void
abandon(struct vmwait *w)
{
	struct rec *r = (struct rec *)(void *)w;

	if (r->copy == NULL)
		return;
	reccopy_cancel(r->copy);
	rec_free(r);
}

static void
ready(struct rec *r, int result, const char *why)
{
	r->result = result;
	(void)snprintf(r->why, sizeof(r->why), "%s", why);
	if (r->wait.vm == NULL)
		rec_free(r);
	else
		vmwait_ready(&r->wait);
}

/* ---- answers ---- */

static void
keep_row(struct rec *r, const struct media_info *i)
{
	r->rows = malloc(sizeof(*r->rows));
	if (r->rows == NULL)
		return;
	r->rows[0] = *i;
	r->count = 1;
}

static void
on_info(
    void *arg, int result, const struct err *why, const struct media_info *info)
{
	struct rec *r = arg;

	if (result == FCS_OK)
		keep_row(r, info);
	ready(r, result, why->text);
}

static void
on_meta(void *arg, int result, const struct err *why, struct refbuf *meta)
{
	struct rec *r = arg;

	if (meta != NULL)
		r->meta = refbuf_ref(meta);
	ready(r, result, why->text);
}

static void
on_copied(void *arg, int result, const char *why)
{
	struct rec *r = arg;

	r->copy = NULL;
	ready(r, result, why);
}

static int
by_name(const void *a, const void *b)
{
	const struct media_info *x = *(const struct media_info *const *)a;
	const struct media_info *y = *(const struct media_info *const *)b;
	int c = strcmp(x->name, y->name);

	/* the instance's own covers up what ships with the application */
	return c != 0 ? c : (int)x->read_only - (int)y->read_only;
}

static int
take_rows(struct rec *r, const struct media_info *rows, size_t count)
{
	const struct media_info **v = calloc(count + 1, sizeof(*v));
	const char *last = "";
	size_t i, n = 0, seen = 0;

	r->rows = malloc(
	    (count < LIST_MAX ? count + 1 : LIST_MAX) * sizeof(*r->rows));
	if (v == NULL || r->rows == NULL) {
		free(v);
		return FCS_ENOMEM;
	}
	for (i = 0; i < count; i++)
		if (vmdecl_glob(r->pattern, strlen(r->pattern), rows[i].name,
			strlen(rows[i].name)))
			v[n++] = &rows[i];
	qsort(v, n, sizeof(*v), by_name);
	for (i = 0; i < n && r->count < LIST_MAX; i++) {
		if (strcmp(last, v[i]->name) == 0)
			continue;
		last = v[i]->name;
		if (seen++ >= r->offset)
			r->rows[r->count++] = *v[i];
	}
	free(v);
	return FCS_OK;
}

static void
on_list(void *arg, int result, const struct media_info *rows, size_t count)
{
	struct rec *r = arg;

	r->is_list = true;
	if (result == FCS_OK)
		result = take_rows(r, rows, count);
	ready(r, result, err_text(result));
}

/* ---- to Ruby ---- */

static mrb_value
row_of(mrb_state *mrb, const struct media_info *i)
{
	mrb_value v[FIELDS];

	v[0] = mrb_str_new_cstr(mrb, i->name);
	v[1] = i->indexed
		   ? mrb_float_value(mrb, (double)i->duration_ms / 1000.0)
		   : mrb_nil_value();
	v[2] = mrb_int_value(mrb, (mrb_int)i->size);
	v[3] = mrb_bool_value(i->growing);
	v[4] = mrb_int_value(mrb, (mrb_int)i->keys);
	v[5] = i->has_video ? mrb_str_new_cstr(mrb, avtag_video_text(i->video))
			    : mrb_nil_value();
	v[6] = i->has_audio ? mrb_str_new_cstr(mrb, avtag_audio_text(i->audio))
			    : mrb_nil_value();
	v[7] = mrb_int_value(mrb, (mrb_int)(i->changed_ms - i->duration_ms));
	v[8] = mrb_bool_value(i->read_only);
	v[9] = mrb_bool_value(i->indexed);
	return mrb_ary_new_from_values(mrb, FIELDS, v);
}

/* Native: the last value of an onMetaData payload. */
static struct value *
meta_value(struct vm *vm, const struct refbuf *meta)
{
	struct amf0_reader a;
	struct value *v = NULL;

	arena_reset(vm->args);
	amf0_reader_init(&a, vm->args, meta->data, meta->len);
	while (!amf0_reader_at_end(&a))
		if (amf0_read(&a, &v) != FCS_OK)
			return NULL;
	return v;
}

static const char *
code_of(int result)
{
	switch (result) {
	case FCS_OK:
		return NULL;
	case FCS_ENOENT:
		return "NetStream.Play.StreamNotFound";
	case FCS_EBUSY:
	case FCS_EREADONLY:
	case FCS_EACCES:
		return "NetStream.Record.NoAccess";
	case FCS_EEXIST:
		return "NetStream.Record.AlreadyExists";
	case FCS_ENOSPC:
		return "NetStream.Record.DiskQuotaExceeded";
	default:
		return "NetStream.Record.Failed";
	}
}

/* recording_take(pending) => [code or nil, text, result] */
static mrb_value
f_take(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	struct vmwait *w;
	struct rec *r;
	struct value *v = NULL;
	mrb_int pending;
	mrb_value out[3], list;
	const char *code = NULL, *why = NULL;
	size_t i;

	(void)self;
	mrb_get_args(mrb, "i", &pending);
	vmguard_native_begin();
	w = vmwait_find(vm, VMWAIT_RECORDING, (uint64_t)pending);
	r = (struct rec *)(void *)w;
	if (r != NULL) {
		code = code_of(r->result);
		if (r->meta != NULL)
			v = meta_value(vm, r->meta);
	}
	vmguard_native_end();
	if (r == NULL)
		return mrb_ary_new(mrb);
	/* it stays in the VM's list until it is read: a kill frees it there */
	out[0] = vm_text(mrb, code);
	out[1] = mrb_str_new_cstr(mrb, r->why);
	out[2] = mrb_nil_value();
	if (r->meta != NULL) {
		out[2] = conv_to_ruby(vm, v, true, &why);
		if (mrb_undef_p(out[2]))
			out[2] = mrb_nil_value();
	} else if (r->is_list) {
		out[2] = list = mrb_ary_new_capa(mrb, (mrb_int)r->count);
		for (i = 0; i < r->count; i++) {
			int ai = mrb_gc_arena_save(mrb);

			mrb_ary_push(mrb, list, row_of(mrb, &r->rows[i]));
			mrb_gc_arena_restore(mrb, ai);
		}
	} else if (r->count == 1) {
		out[2] = row_of(mrb, &r->rows[0]);
	}
	vmguard_native_begin();
	rec_free(r);
	vmguard_native_end();
	return mrb_ary_new_from_values(mrb, 3, out);
}

/* ---- questions ---- */

enum what {
	INFO,
	META,
	DELETE,
	RENAME,
	COPY,
	LIST
};

struct args {
	enum what what;
	mrb_int pending;
	const char *name, *to;
	double from, until; /* seconds; until < 0: the end */
	mrb_int offset;
	bool also_played;
};

static uint32_t
ms_of(double s)
{
	double ms = s * 1000.0;

	if (!(ms > 0))
		return 0;
	return ms >= (double)UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static int
start(struct vm *vm, const struct args *a, struct rec *r,
    char canonical[NAME_STREAM_MAX + 1])
{
	const struct application_env *env =
	    application_env(instance_app(vm->inst));
	const char *inst = instance_name(vm->inst);
	struct media *m = env->media;

	switch (a->what) {
	case LIST:
		return media_admin_list(m, inst, on_list, r);
	case INFO:
		return media_admin_info(m, inst, canonical, on_info, r);
	case META:
		return media_admin_meta(m, inst, canonical, on_meta, r);
	case DELETE:
		return media_admin_delete(m, inst, canonical, on_info, r);
	case RENAME:
		return media_admin_rename(
		    m, inst, canonical, a->to, on_info, r);
	case COPY:
		r->copy = reccopy_start(env, inst, canonical, a->to,
		    ms_of(a->from), a->until < 0 ? UINT32_MAX : ms_of(a->until),
		    on_copied, r);
		return r->copy == NULL ? FCS_EINVAL : FCS_OK;
	}
	return FCS_EINVAL;
}

/* Native: FCS_OK it is under way; else why not. */
static int
ask(struct vm *vm, const struct args *a)
{
	const struct application_env *env =
	    application_env(instance_app(vm->inst));
	char canonical[NAME_STREAM_MAX + 1] = "";
	struct rec *r;
	int rc;

	if (env->media == NULL)
		return FCS_EUNSUPPORTED;
	if ((int64_t)vmwait_count(vm, VMWAIT_RECORDING) >=
	    limits_get(env->limits, LIMIT_RECORDING_JOBS)) {
		limits_refuse(LIMIT_RECORDING_JOBS);
		return FCS_ELIMIT;
	}
	if (a->what != LIST && media_name(a->name, canonical) != FCS_OK)
		return FCS_ENOENT;
	if ((a->what == DELETE || a->what == RENAME) && !a->also_played &&
	    play_is_recording(vm->inst, canonical))
		return FCS_EBUSY;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return FCS_ENOMEM;
	r->wait.kind = VMWAIT_RECORDING;
	r->wait.pending = (uint64_t)a->pending;
	r->wait.abandon = abandon;
	if (a->what == LIST)
		(void)snprintf(r->pattern, sizeof(r->pattern), "%s", a->name);
	r->offset = a->offset > 0 ? (size_t)a->offset : 0;
	vmwait_add(vm, &r->wait);
	rc = start(vm, a, r, canonical);
	if (rc != FCS_OK)
		rec_free(r);
	return rc;
}

/* => nil, or [code, text] of what failed at once */
static mrb_value
begin(mrb_state *mrb, const struct args *a)
{
	mrb_value v[2];
	int rc;

	vmguard_native_begin();
	rc = ask(vm_of(mrb), a);
	vmguard_native_end();
	if (rc == FCS_OK)
		return mrb_nil_value();
	if (rc == FCS_ELIMIT || rc == FCS_ENOMEM)
		vm_raise_code(mrb, rc, "recordings");
	v[0] = mrb_str_new_cstr(mrb, code_of(rc));
	v[1] = mrb_str_new_cstr(mrb, rc == FCS_EBUSY    ? "it is being played"
				     : rc == FCS_ENOENT ? "no such recording"
				     : rc == FCS_EINVAL
					 ? "this is not a valid stream name"
					 : err_text(rc));
	return mrb_ary_new_from_values(mrb, 2, v);
}

/* recording_list(pending, pattern, offset) */
static mrb_value
f_list(mrb_state *mrb, mrb_value self)
{
	struct args a = { .what = LIST };

	(void)self;
	mrb_get_args(mrb, "izi", &a.pending, &a.name, &a.offset);
	return begin(mrb, &a);
}

static mrb_value
f_info(mrb_state *mrb, mrb_value self)
{
	struct args a = { .what = INFO };

	(void)self;
	mrb_get_args(mrb, "iz", &a.pending, &a.name);
	return begin(mrb, &a);
}

static mrb_value
f_meta(mrb_state *mrb, mrb_value self)
{
	struct args a = { .what = META };

	(void)self;
	mrb_get_args(mrb, "iz", &a.pending, &a.name);
	return begin(mrb, &a);
}

/* recording_delete(pending, name, also while it is played) */
static mrb_value
f_delete(mrb_state *mrb, mrb_value self)
{
	struct args a = { .what = DELETE };
	mrb_bool also;

	(void)self;
	mrb_get_args(mrb, "izb", &a.pending, &a.name, &also);
	a.also_played = also;
	return begin(mrb, &a);
}

static mrb_value
f_rename(mrb_state *mrb, mrb_value self)
{
	struct args a = { .what = RENAME };

	(void)self;
	mrb_get_args(mrb, "izz", &a.pending, &a.name, &a.to);
	return begin(mrb, &a);
}

/* recording_copy(pending, name, to, from s, until s or -1) */
static mrb_value
f_copy(mrb_state *mrb, mrb_value self)
{
	struct args a = { .what = COPY };

	(void)self;
	mrb_get_args(
	    mrb, "izzff", &a.pending, &a.name, &a.to, &a.from, &a.until);
	return begin(mrb, &a);
}

static mrb_value
f_growing(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	char canonical[NAME_STREAM_MAX + 1];
	const struct application_env *env;
	const char *name;
	bool yes;

	(void)self;
	mrb_get_args(mrb, "z", &name);
	vmguard_native_begin();
	env = application_env(instance_app(vm->inst));
	yes = env->media != NULL && media_name(name, canonical) == FCS_OK &&
	      media_is_growing(env->media, instance_name(vm->inst), canonical);
	vmguard_native_end();
	return mrb_bool_value(yes);
}

/* stream_cleared(name, ok): whoever plays it is told */
static mrb_value
f_cleared(mrb_state *mrb, mrb_value self)
{
	const char *name;
	mrb_bool ok;
	uint32_t n;

	(void)self;
	mrb_get_args(mrb, "zb", &name, &ok);
	vmguard_native_begin();
	n = play_status(vm_of(mrb)->inst, name,
	    ok ? STATUS_CLEAR_SUCCESS : STATUS_CLEAR_FAILED,
	    ok ? "the stream was cleared" : "the stream could not be cleared");
	vmguard_native_end();
	return mrb_int_value(mrb, n);
}

static mrb_value
f_path_match(mrb_state *mrb, mrb_value self)
{
	const char *path, *name;

	(void)self;
	mrb_get_args(mrb, "zz", &path, &name);
	return mrb_bool_value(name_path_match(path, name));
}

void
bind_recording_init(struct vm *vm)
{
	BIND(vm, "recording_list", f_list, MRB_ARGS_REQ(3));
	BIND(vm, "recording_info", f_info, MRB_ARGS_REQ(2));
	BIND(vm, "recording_meta", f_meta, MRB_ARGS_REQ(2));
	BIND(vm, "recording_delete", f_delete, MRB_ARGS_REQ(3));
	BIND(vm, "recording_rename", f_rename, MRB_ARGS_REQ(3));
	BIND(vm, "recording_copy", f_copy, MRB_ARGS_REQ(5));
	BIND(vm, "recording_take", f_take, MRB_ARGS_REQ(1));
	BIND(vm, "recording_growing?", f_growing, MRB_ARGS_REQ(1));
	BIND(vm, "stream_cleared", f_cleared, MRB_ARGS_REQ(2));
	BIND(vm, "path_match?", f_path_match, MRB_ARGS_REQ(2));
}
