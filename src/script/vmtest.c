/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM like that of an instance (the same classes and values), entered without
 * the guard, so that a word may run the loop and with it other VMs.
 */
#include "script/vmtest.h"

#include <errno.h>
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/compile.h>
#include <mruby/error.h>
#include <mruby/irep.h>
#include <mruby/proc.h>
#include <mruby/string.h>
#include <mruby/variable.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mrblib/embedded_test.h"
#include "script/bind.h"
#include "script/conv.h"
#include "script/vmload.h"
#include "script/vmscan.h"

#define MEMORY     (512u << 20)
#define START_MS   10000
#define FILE_MAX   (4 << 20)
#define NAME_LEN   512
#define ERRORS_MAX 10 /* of the compiler */

struct vmtest {
	struct vm *vm;
	struct vmtest_host host;
	char *dir;
	struct arena *answer;
	mrb_value module; /* FCS::Test */
	uint32_t count;
};

/* host(what, *args) => answer */
static mrb_value
f_host(mrb_state *mrb, mrb_value self)
{
	struct vmtest *t = vm_of(mrb)->owner;
	struct value **args, *out = NULL;
	const char *what, *why = NULL;
	const mrb_value *argv;
	mrb_int argc;
	mrb_value result;
	struct err e;
	uint32_t count;

	(void)self;
	mrb_get_args(mrb, "z*", &what, &argv, &argc);
	if (conv_args(t->vm, mrb_ary_new_from_values(mrb, argc, argv), &args,
		&count, &why) != FCS_OK)
		vm_raise(mrb, VM_EVALUE, "%s", why);
	err_clear(&e);
	arena_reset(t->answer);
	if (t->host.ask(t->host.arg, what, args, count, t->answer, &out, &e) !=
	    FCS_OK)
		mrb_raise(mrb, E_RUNTIME_ERROR, e.text);
	result = conv_to_ruby(t->vm, out, false, &why);
	if (mrb_undef_p(result))
		vm_raise(mrb, VM_EVALUE, "%s: %s", what, why);
	return result;
}

/* ---- files ---- */

static char *
slurp(const struct vmtest *t, const char *name, size_t *len, struct err *why)
{
	char path[4096];
	char *text = NULL;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	f = fopen(path, "re");
	if (f == NULL) {
		(void)err_sys(why, errno, "%s", name);
		return NULL;
	}
	text = malloc(FILE_MAX + 1);
	if (text == NULL)
		(void)err_set(why, FCS_ENOMEM, "%s: out of memory", name);
	else
		*len = fread(text, 1, FILE_MAX + 1, f);
	if (text != NULL && (ferror(f) || *len > FILE_MAX)) {
		(void)err_set(why, FCS_EIO, "%s: cannot be read", name);
		free(text);
		text = NULL;
	}
	(void)fclose(f);
	return text;
}

/* A file as the compiler sees it; NULL: it cannot be read (why) or parsed. The
 * caller frees both. */
static struct mrb_parser_state *
parse(struct vmtest *t, const char *name, mrbc_context **cxt, struct err *why)
{
	mrb_state *mrb = t->vm->mrb;
	size_t len = 0;
	char *text = slurp(t, name, &len, why);
	mrb_value source;

	*cxt = NULL;
	if (text == NULL)
		return NULL;
	source = mrb_str_new(mrb, text, len);
	free(text);
	*cxt = mrbc_context_new(mrb);
	(*cxt)->capture_errors = TRUE;
	mrbc_filename(mrb, *cxt, name);
	(void)err_set(why, FCS_EFORMAT, "%s: it cannot be parsed", name);
	return mrb_parse_nstring(
	    mrb, RSTRING_PTR(source), (size_t)RSTRING_LEN(source), *cxt);
}

/* Raises. */
static void
run_file(struct vmtest *t, const char *name)
{
	mrb_state *mrb = t->vm->mrb;
	struct mrb_parser_state *parser;
	mrbc_context *cxt;
	struct err why;

	parser = parse(t, name, &cxt, &why);
	if (parser == NULL)
		mrb_raise(mrb, E_ARGUMENT_ERROR, why.text);
	vmload_run(mrb, parser, cxt, name);
}

/* load("test/helper"): a file of the application, without once. */
static mrb_value
f_load(mrb_state *mrb, mrb_value self)
{
	struct vmtest *t = vm_of(mrb)->owner;
	const char *arg;
	char name[NAME_LEN];
	size_t n;

	(void)self;
	mrb_get_args(mrb, "z", &arg);
	n = strlen(arg);
	(void)snprintf(name, sizeof(name),
	    n > 3 && strcmp(arg + n - 3, ".rb") == 0 ? "%s" : "%s.rb", arg);
	run_file(t, name);
	return mrb_true_value();
}

/* ---- looking ---- */

struct look {
	struct vmtest *t;
	const char *name;
	void (*problem)(void *arg, int line, int column, const char *what);
	void *arg;
	int result;
};

static void
on_scan(void *arg, int32_t line, const char *what)
{
	struct look *k = arg;

	k->problem(k->arg, line, 0, what);
}

static mrb_value
enter_look(mrb_state *mrb, void *arg)
{
	struct mrb_parser_state *parser;
	struct look *k = arg;
	struct RProc *proc = NULL;
	mrbc_context *cxt;
	struct err why;
	size_t i;

	parser = parse(k->t, k->name, &cxt, &why);
	if (parser == NULL) {
		k->result = why.code;
		k->problem(k->arg, 0, 0, why.text);
		return mrb_nil_value();
	}
	for (i = 0; i < parser->nerr && i < ERRORS_MAX; i++)
		k->problem(k->arg, parser->error_buffer[i].lineno,
		    parser->error_buffer[i].column,
		    parser->error_buffer[i].message);
	if (parser->nerr == 0)
		proc = mrb_generate_code(mrb, parser);
	if (proc != NULL)
		vmscan_irep(mrb, proc->body.irep, on_scan, k);
	else if (parser->nerr == 0)
		k->problem(k->arg, 0, 0, "it cannot be compiled");
	mrb_parser_free(parser);
	mrbc_context_free(mrb, cxt);
	return mrb_nil_value();
}

int
vmtest_check(struct vmtest *t, const char *name,
    void (*problem)(void *arg, int line, int column, const char *what),
    void *arg)
{
	struct look k = { t, name, problem, arg, FCS_OK };
	mrb_state *mrb = t->vm->mrb;
	int ai = mrb_gc_arena_save(mrb);
	mrb_bool failed = FALSE;

	(void)mrb_protect_error(mrb, enter_look, &k, &failed);
	if (failed)
		problem(arg, 0, 0, "it cannot be compiled");
	mrb_gc_arena_restore(mrb, ai);
	return k.result;
}

/* ---- entering ---- */

struct entry {
	struct vmtest *t;
	const char *name;
	uint32_t i;
	const char *method;
	mrb_value result;
};

static mrb_value
enter_load(mrb_state *mrb, void *arg)
{
	struct entry *e = arg;

	run_file(e->t, e->name);
	e->result =
	    mrb_funcall_id(mrb, e->t->module, mrb_intern_lit(mrb, "count"), 0);
	return mrb_nil_value();
}

static mrb_value
enter_call(mrb_state *mrb, void *arg)
{
	struct entry *e = arg;

	e->result = mrb_funcall_id(mrb, e->t->module,
	    mrb_intern_cstr(mrb, e->method), 1, mrb_int_value(mrb, e->i));
	return mrb_nil_value();
}

static int
enter(struct entry *e, mrb_value (*fn)(mrb_state *, void *), struct err *why)
{
	mrb_state *mrb = e->t->vm->mrb;
	int ai = mrb_gc_arena_save(mrb);
	mrb_bool failed = FALSE;
	mrb_value exc;

	exc = mrb_protect_error(mrb, fn, e, &failed);
	if (failed) {
		(void)err_set(
		    why, FCS_EFORMAT, "%s", vm_exception_text(e->t->vm, exc));
		e->result = mrb_nil_value();
	}
	mrb_gc_arena_restore(mrb, ai);
	return failed ? FCS_EFORMAT : FCS_OK;
}

static mrb_value
enter_set_up(mrb_state *mrb, void *arg)
{
	struct entry *e = arg;
	struct vm *vm = e->t->vm;

	BIND(vm, "host", f_host, MRB_ARGS_ANY());
	BIND(vm, "load", f_load, MRB_ARGS_REQ(1));
	mrb_load_irep(mrb, mrblib_test_code);
	if (mrb->exc != NULL)
		mrb_exc_raise(mrb, mrb_obj_value(mrb->exc));
	e->t->module = mrb_const_get(
	    mrb, mrb_obj_value(vm->fcs), mrb_intern_lit(mrb, "Test"));
	return mrb_nil_value();
}

int
vmtest_new(const struct vmtest_host *host, const char *dir, struct vmtest **out,
    struct err *why)
{
	struct script_options opt = { .app_name = "test",
		.inst_name = "test",
		.dir = dir,
		.memory = MEMORY,
		.time_ms = START_MS,
		.start_ms = START_MS };
	struct vmtest *t = calloc(1, sizeof(*t));
	struct entry e = { .t = t };
	int rc = FCS_ENOMEM;

	if (t == NULL)
		return err_set(why, FCS_ENOMEM, "out of memory");
	t->host = *host;
	t->dir = strdup(dir);
	t->answer = arena_new(0);
	if (t->dir == NULL || t->answer == NULL)
		(void)err_set(why, rc, "out of memory");
	else
		rc = vm_open(NULL, &opt, &t->vm, why);
	if (rc == FCS_OK) {
		t->vm->owner = t;
		rc = enter(&e, enter_set_up, why);
	}
	if (rc == FCS_OK)
		*out = t;
	else
		vmtest_free(t);
	return rc;
}

void
vmtest_free(struct vmtest *t)
{
	if (t == NULL)
		return;
	vm_close(t->vm);
	arena_free(t->answer);
	free(t->dir);
	free(t);
}

int
vmtest_load(struct vmtest *t, const char *name, struct err *why)
{
	struct entry e = { .t = t, .name = name };
	int rc = enter(&e, enter_load, why);

	if (rc == FCS_OK && mrb_integer_p(e.result))
		t->count = (uint32_t)mrb_integer(e.result);
	return rc;
}

uint32_t
vmtest_count(const struct vmtest *t)
{
	return t->count;
}

static void
take_text(const struct entry *e, struct str *text)
{
	if (mrb_string_p(e->result))
		str_addn(text, RSTRING_PTR(e->result),
		    (size_t)RSTRING_LEN(e->result));
}

void
vmtest_name(struct vmtest *t, uint32_t i, struct str *text)
{
	struct entry e = { .t = t, .i = i, .method = "title" };
	struct err why;

	if (enter(&e, enter_call, &why) == FCS_OK)
		take_text(&e, text);
}

int
vmtest_run(struct vmtest *t, uint32_t i, struct str *text)
{
	struct entry e = { .t = t, .i = i, .method = "run" };
	struct err why;

	if (enter(&e, enter_call, &why) != FCS_OK) {
		str_add(text, why.text);
		return FCS_ESCRIPT;
	}
	take_text(&e, text);
	return mrb_nil_p(e.result) ? FCS_OK : FCS_ESCRIPT;
}
