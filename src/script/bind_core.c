/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Core (mrblib/3*.rb) needs of the host: answers, timers, the log.
 */
#include <inttypes.h>
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/hash.h>
#include <mruby/string.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/name.h"
#include "base/rnd.h"
#include "script/bind.h"
#include "script/conv.h"
#include "script/vmlog.h"
#include "script/vmtimer.h"

#define SUGGEST_MAX    64
#define REF_LEN        6
#define LOG_FIELDS_MAX 32 /* of one line of a script */
#define LOG_KEY_MAX    64

static char *
copy(struct arena *a, const char *text)
{
	return text == NULL ? NULL : arena_strndup(a, text, strlen(text));
}

/* Native: queue the answer, or FCS_E* with *why. What is left of one that
 * failed goes with the memory of all answers. */
static int
answer_add(struct vm *vm, mrb_int ticket, mrb_int verdict, const char *text,
    const char *replace, mrb_value value, double start, const char **why)
{
	struct arena *mem = vm->answer_mem;
	struct vm_answer *a = arena_zalloc(mem, sizeof(*a));
	int rc;

	*why = "out of memory";
	if (a == NULL)
		return FCS_ENOMEM;
	a->ticket = (uint64_t)ticket;
	a->verdict = (enum script_verdict)verdict;
	a->text = copy(mem, text);
	a->replace = copy(mem, replace);
	a->start = start;
	if ((text != NULL && a->text == NULL) ||
	    (replace != NULL && a->replace == NULL))
		return FCS_ENOMEM;
	if (!mrb_nil_p(value)) {
		vmguard_grace_begin(); /* it may be long, but it ends */
		rc = conv_from_ruby(vm, mem, value, &a->value, why);
		vmguard_grace_end(vm->converted >= CONV_LONG);
		if (rc != FCS_OK)
			return rc;
	}
	*vm->answers_tail = a;
	vm->answers_tail = &a->next;
	return FCS_OK;
}

/* answer(ticket, verdict, text, value, replace, start) */
static mrb_value
f_answer(mrb_state *mrb, mrb_value self)
{
	mrb_int ticket, verdict;
	const char *text, *replace, *why = NULL;
	mrb_value value;
	mrb_float start;
	int rc;

	(void)self;
	mrb_get_args(mrb, "iiz!oz!f", &ticket, &verdict, &text, &value,
	    &replace, &start);
	conv_seal(vm_of(mrb), value);
	/* to_amf of the script ran: the texts may be others now */
	mrb_get_args(mrb, "iiz!oz!f", &ticket, &verdict, &text, &value,
	    &replace, &start);
	vmguard_native_begin();
	rc = answer_add(
	    vm_of(mrb), ticket, verdict, text, replace, value, start, &why);
	vmguard_native_end();
	if (rc != FCS_OK)
		vm_raise(mrb, VM_EVALUE, "%s", why);
	return mrb_nil_value();
}

/* result(ticket, value) => false when the value is a Pending: await it first */
static mrb_value
f_result(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *why = NULL;
	mrb_int ticket;
	mrb_value value;
	int rc;

	(void)self;
	mrb_get_args(mrb, "io", &ticket, &value);
	if (mrb_object_p(value) &&
	    mrb_obj_is_kind_of(mrb, value, vm->class[VM_PENDING]))
		return mrb_false_value();
	conv_seal(vm, value);
	vmguard_native_begin();
	rc = answer_add(vm, ticket, SCRIPT_OK, NULL, NULL, value, 0, &why);
	vmguard_native_end();
	if (rc != FCS_OK)
		vm_raise(mrb, VM_EVALUE, "%s", why);
	return mrb_true_value();
}

static mrb_value
f_work(mrb_state *mrb, mrb_value self)
{
	(void)self;
	vm_of(mrb)->has_work = true;
	return mrb_nil_value();
}

static mrb_value
f_parked(mrb_state *mrb, mrb_value self)
{
	mrb_int n;

	(void)self;
	mrb_get_args(mrb, "i", &n);
	vm_of(mrb)->parked = (uint64_t)n;
	return mrb_nil_value();
}

static mrb_value
f_timer(mrb_state *mrb, mrb_value self)
{
	mrb_int id;
	mrb_float seconds;
	int rc;

	(void)self;
	mrb_get_args(mrb, "if", &id, &seconds);
	vmguard_native_begin();
	rc = vmtimer_set(vm_of(mrb), (uint64_t)id, seconds);
	vmguard_native_end();
	if (rc != FCS_OK)
		vm_raise_code(mrb, rc, "timer");
	return mrb_nil_value();
}

static mrb_value
f_untimer(mrb_state *mrb, mrb_value self)
{
	mrb_int id;

	(void)self;
	mrb_get_args(mrb, "i", &id);
	vmguard_native_begin();
	vmtimer_cancel(vm_of(mrb), (uint64_t)id);
	vmguard_native_end();
	return mrb_nil_value();
}

static mrb_value
f_now_us(mrb_state *mrb, mrb_value self)
{
	(void)self;
	return mrb_int_value(mrb, clock_wall_us());
}

static mrb_value
f_uptime(mrb_state *mrb, mrb_value self)
{
	(void)self;
	return mrb_float_value(
	    mrb, (double)(clock_us() - vm_of(mrb)->opened_us) / 1e6);
}

/* report(callback, client, where, what, backtrace) => reference */
static mrb_value
f_report(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *label, *client, *where, *what, *lines;
	mrb_int label_n, where_n, what_n, lines_n;
	char ref[REF_LEN + 1];

	(void)self;
	mrb_get_args(mrb, "sz!sss", &label, &label_n, &client, &where, &where_n,
	    &what, &what_n, &lines, &lines_n);
	vmguard_native_begin();
	rnd_text(ref, REF_LEN);
	vm->errors++;
	if (vmlog_may(vm))
		log_write_all(LOG_LEVEL_ERROR, "script.error",
		    "ref=%s inst=%s at=%.*s callback=%.*s client=%s "
		    "error=%.*s backtrace=%.*s",
		    ref, instance_full_name(vm->inst), (int)where_n, where,
		    (int)label_n, label, client,
		    (int)(what_n > 1000 ? 1000 : what_n), what,
		    (int)(lines_n > 2000 ? 2000 : lines_n), lines);
	vmguard_native_end();
	return mrb_str_new_cstr(mrb, ref);
}

/* Fields of a line that are ours. */
static bool
is_own_field(const char *p, size_t len)
{
	static const char *const own[] = { "time", "level", "event", "role",
		"app", "inst", "text", "suppressed" };
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strlen(own[i]) == len && memcmp(p, own[i], len) == 0)
			return true;
	return false;
}

/* From [key, value, key, value ...], all Strings; how many. */
static size_t
log_fields(mrb_value list, struct log_field *out)
{
	const mrb_value *v = RARRAY_PTR(list);
	size_t n = 0;
	mrb_int i;

	for (i = 0; i + 1 < RARRAY_LEN(list) && n < LOG_FIELDS_MAX; i += 2) {
		out[n].key = RSTRING_PTR(v[i]);
		out[n].key_len = (size_t)RSTRING_LEN(v[i]);
		if (out[n].key_len > LOG_KEY_MAX)
			out[n].key_len = LOG_KEY_MAX;
		if (is_own_field(out[n].key, out[n].key_len)) {
			out[n].key = "field";
			out[n].key_len = 5;
		}
		out[n].value = RSTRING_PTR(v[i + 1]);
		out[n].len = (size_t)RSTRING_LEN(v[i + 1]);
		n++;
	}
	return n;
}

/* log(level, text, fields = []): fields is [key, value ...] */
static mrb_value
f_log(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const struct config_app *settings;
	struct log_field fields[LOG_FIELDS_MAX];
	const char *text;
	mrb_int level, text_n, i;
	mrb_value list = mrb_nil_value();
	size_t n;

	(void)self;
	mrb_get_args(mrb, "is|o", &level, &text, &text_n, &list);
	if (!mrb_array_p(list))
		list = mrb_ary_new(mrb);
	for (i = 0; i < RARRAY_LEN(list); i++)
		if (!mrb_string_p(RARRAY_PTR(list)[i]))
			mrb_raise(mrb, E_ARGUMENT_ERROR, "fields are Strings");
	if (text_n > 4000)
		text_n = 4000;
	vmguard_native_begin();
	settings = application_env(instance_app(vm->inst))->settings;
	if ((settings == NULL ||
		level >= config_app_int(settings, APP_APP_LOG_LEVEL)) &&
	    vmlog_may(vm)) {
		n = log_fields(list, fields);
		log_write_fields((enum log_level)level, "script.log", fields, n,
		    "inst=%s text=%.*s", instance_full_name(vm->inst),
		    (int)text_n, text);
	}
	vmguard_native_end();
	return mrb_nil_value();
}

/* formless(value) => why it cannot leave the VM, or nil */
static mrb_value
f_formless(mrb_state *mrb, mrb_value self)
{
	mrb_value value;
	const char *why = NULL;
	int rc;

	(void)self;
	mrb_get_args(mrb, "o", &value);
	vmguard_native_begin();
	rc = conv_pack(vm_of(mrb), value, &why);
	vmguard_native_end();
	if (rc == FCS_OK)
		return mrb_nil_value();
	return mrb_str_new_cstr(mrb, why != NULL ? why : err_text(rc));
}

/* suggest(word, list) => ", did you mean :x?" or "" */
static mrb_value
f_suggest(mrb_state *mrb, mrb_value self)
{
	const char *word, *names[SUGGEST_MAX], *best;
	mrb_value list, text;
	size_t n = 0;
	mrb_int i;

	(void)self;
	mrb_get_args(mrb, "zA", &word, &list);
	for (i = 0; i < RARRAY_LEN(list) && n < SUGGEST_MAX; i++)
		if (mrb_string_p(RARRAY_PTR(list)[i]))
			names[n++] = RSTRING_CSTR(mrb, RARRAY_PTR(list)[i]);
	vmguard_native_begin();
	best = name_suggest(word, names, n);
	vmguard_native_end();
	if (best == NULL)
		return mrb_str_new_lit(mrb, "");
	text = mrb_str_new_lit(mrb, ", did you mean :");
	mrb_str_cat_cstr(mrb, text, best);
	mrb_str_cat_lit(mrb, text, "?");
	return text;
}

static mrb_value
f_vector_class(mrb_state *mrb, mrb_value self)
{
	mrb_value kind, type;
	mrb_bool fixed;

	(void)self;
	mrb_get_args(mrb, "SbS", &kind, &fixed, &type);
	return conv_vector_class(vm_of(mrb), kind, fixed, type);
}

/* types(hash of the classes bound to AMF names) */
static mrb_value
f_types(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	mrb_value types;

	(void)self;
	mrb_get_args(mrb, "H", &types);
	vm->types = types; /* a constant of Core: it stays */
	vm->has_types = !mrb_hash_empty_p(mrb, types);
	return mrb_nil_value();
}

/* ---- declarations ---- */

static int64_t
whole(mrb_value v)
{
	return mrb_integer_p(v) ? (int64_t)mrb_integer(v) : -1;
}

static const char *
word(mrb_state *mrb, mrb_value v)
{
	return mrb_string_p(v) ? RSTRING_CSTR(mrb, v) : "";
}

void
bind_core_shared(struct vm *vm, mrb_value row, struct script_shared *out)
{
	const mrb_value *v = RARRAY_PTR(row);
	struct script_shared s;

	memset(&s, 0, sizeof(s));
	s.pattern = word(vm->mrb, v[0]);
	s.persistent = (int)whole(v[1]);
	s.readonly = mrb_test(v[2]);
	s.guarded = mrb_test(v[3]);
	s.conflict_reject = mrb_test(v[4]);
	s.durability = (int)whole(v[5]);
	s.history_changes = whole(v[6]);
	s.history_age_s = whole(v[7]);
	s.resync_depth = whole(v[8]);
	s.max_slots = whole(v[9]);
	s.max_value = whole(v[10]);
	s.max_bytes = whole(v[11]);
	s.max_users = whole(v[12]);
	*out = s;
}

static int
take_shared(struct vm *vm, mrb_value row)
{
	struct script_shared s;

	bind_core_shared(vm, row, &s);
	return vmdecl_add_shared(&vm->decl, &s);
}

static int
take(struct vm *vm, mrb_value events, mrb_value allow, mrb_value shared)
{
	mrb_state *mrb = vm->mrb;
	const mrb_value *row;
	enum script_event e;
	const char *name;
	mrb_int i;
	int rc = FCS_OK, q;

	for (i = 0; i < RARRAY_LEN(events); i++) {
		name = word(mrb, RARRAY_PTR(events)[i]);
		e = vmdecl_event(name);
		if (e < SCRIPT_EVENT_COUNT)
			vm->decl.event[e] = true;
		vm->decl.missing |= strcmp(name, "missing") == 0;
	}
	for (i = 0; rc == FCS_OK && i < RARRAY_LEN(allow); i++) {
		row = RARRAY_PTR(RARRAY_PTR(allow)[i]);
		q = vmdecl_question(word(mrb, row[0]));
		if (q >= 0)
			rc =
			    vmdecl_add_allow(&vm->decl, (enum script_question)q,
				mrb_nil_p(row[1]) ? NULL : word(mrb, row[1]));
	}
	for (i = 0; rc == FCS_OK && i < RARRAY_LEN(shared); i++)
		rc = take_shared(vm, RARRAY_PTR(shared)[i]);
	return rc;
}

uint32_t
bind_core_paths(
    mrb_state *mrb, mrb_value list, const char *paths[BIND_PATHS_MAX])
{
	mrb_int i, count = RARRAY_LEN(list);

	if (count > BIND_PATHS_MAX)
		vm_raise(mrb, VM_ELIMIT, "at most %d paths", BIND_PATHS_MAX);
	for (i = 0; i < count; i++) {
		if (!mrb_string_p(RARRAY_PTR(list)[i]))
			mrb_raise(mrb, E_ARGUMENT_ERROR, "paths are Strings");
		paths[i] = RSTRING_CSTR(mrb, RARRAY_PTR(list)[i]);
	}
	return (uint32_t)count;
}

mrb_value
bind_core_texts(mrb_state *mrb, const struct buf *b)
{
	const char *p = (const char *)buf_data(b), *end = p + buf_len(b);
	mrb_value list = mrb_ary_new(mrb);
	int ai = mrb_gc_arena_save(mrb);

	for (; p < end; p += strlen(p) + 1) {
		mrb_ary_push(mrb, list, mrb_str_new_cstr(mrb, p));
		mrb_gc_arena_restore(mrb, ai);
	}
	return list;
}

void
bind_core_take_decls(struct vm *vm, mrb_value ready)
{
	const mrb_value *v = RARRAY_PTR(ready);
	int rc;

	vmguard_native_begin();
	rc = take(vm, v[0], v[1], v[2]);
	vmguard_native_end();
	if (rc != FCS_OK)
		vm_raise_code(vm->mrb, rc, "declarations");
}

void
bind_core_init(struct vm *vm)
{
	BIND(vm, "answer", f_answer, MRB_ARGS_REQ(6));
	BIND(vm, "result", f_result, MRB_ARGS_REQ(2));
	BIND(vm, "work", f_work, MRB_ARGS_NONE());
	BIND(vm, "parked", f_parked, MRB_ARGS_REQ(1));
	BIND(vm, "timer", f_timer, MRB_ARGS_REQ(2));
	BIND(vm, "untimer", f_untimer, MRB_ARGS_REQ(1));
	BIND(vm, "now_us", f_now_us, MRB_ARGS_NONE());
	BIND(vm, "uptime", f_uptime, MRB_ARGS_NONE());
	BIND(vm, "report", f_report, MRB_ARGS_REQ(5));
	BIND(vm, "log", f_log, MRB_ARGS_ARG(2, 1));
	BIND(vm, "formless", f_formless, MRB_ARGS_REQ(1));
	BIND(vm, "suggest", f_suggest, MRB_ARGS_REQ(2));
	BIND(vm, "types", f_types, MRB_ARGS_REQ(1));
	BIND(vm, "vector_class", f_vector_class, MRB_ARGS_REQ(3));
}
