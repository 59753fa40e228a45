/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line of the console as a handler of the instance: the one place where text
 * becomes code after main.rb. Only the host comes here; there is no method for
 * scripts. The line is read as it stands first, so that what closes what it
 * did not open is an error and not a way out of the lambda it becomes.
 */
#include <mruby.h>
#include <mruby/compile.h>
#include <mruby/error.h>
#include <mruby/proc.h>
#include <mruby/string.h>
#include <stdio.h>
#include <string.h>

#include "script/engine_int.h"

#define LINE_FILE "console"
#define BEFORE    "->(_) do\n\n"
#define AFTER     "\nend"
/* Of BEFORE, so that the line begins with 1: 0 would mean "not given", but the
 * number has 16 bits. */
#define BEFORE_LINE UINT16_MAX

struct entered {
	struct engine_call call;
	const char *line;
	size_t len;
	bool is_incomplete;
	char error[200]; /* of the syntax; "": none */
};

/* The first error says whether more text could help. */
static bool
ends_too_soon(const char *message)
{
	return strstr(message, "unexpected $end") != NULL ||
	       strstr(message, "meets end of file") != NULL ||
	       strstr(message, "before EOF") != NULL;
}

static struct mrb_parser_state *
parse(mrb_state *mrb, mrb_value text, uint16_t first_line, mrbc_context **cxt)
{
	*cxt = mrbc_context_new(mrb);
	(*cxt)->capture_errors = TRUE;
	(*cxt)->lineno = first_line;
	mrbc_filename(mrb, *cxt, LINE_FILE);
	return mrb_parse_nstring(
	    mrb, RSTRING_PTR(text), (size_t)RSTRING_LEN(text), *cxt);
}

static bool
is_well_formed(struct vm *vm, struct entered *e)
{
	mrb_state *mrb = vm->mrb;
	mrb_value text = mrb_str_new(mrb, e->line, e->len);
	struct mrb_parser_state *p;
	mrbc_context *cxt;
	bool ok;

	p = parse(mrb, text, 1, &cxt);
	ok = p != NULL && p->nerr == 0;
	if (p == NULL) {
		snprintf(e->error, sizeof(e->error), "cannot be parsed");
	} else if (!ok) {
		e->is_incomplete = ends_too_soon(p->error_buffer[0].message);
		snprintf(e->error, sizeof(e->error), LINE_FILE ":%d:%d: %s",
		    p->error_buffer[0].lineno, p->error_buffer[0].column,
		    p->error_buffer[0].message);
	}
	if (p != NULL)
		mrb_parser_free(p);
	mrbc_context_free(mrb, cxt);
	return ok;
}

static void
console_body(struct vm *vm, void *arg)
{
	struct entered *e = arg;
	mrb_state *mrb = vm->mrb;
	struct mrb_parser_state *p;
	struct RProc *proc = NULL;
	mrbc_context *cxt;
	mrb_value text, lambda;

	if (!is_well_formed(vm, e))
		return;
	text = mrb_str_new_lit(mrb, BEFORE);
	mrb_str_cat(mrb, text, e->line, e->len);
	mrb_str_cat_lit(mrb, text, AFTER);
	p = parse(mrb, text, BEFORE_LINE, &cxt);
	if (p != NULL && p->nerr == 0)
		proc = mrb_generate_code(mrb, p);
	if (p != NULL)
		mrb_parser_free(p);
	mrbc_context_free(mrb, cxt);
	if (proc == NULL) {
		snprintf(e->error, sizeof(e->error), "cannot be compiled");
		return;
	}
	MRB_PROC_SET_TARGET_CLASS(proc, mrb->object_class);
	lambda = mrb_top_run(mrb, proc, mrb_top_self(mrb), 0);
	if (mrb->exc != NULL)
		mrb_exc_raise(mrb, mrb_obj_value(mrb->exc));
	mrb_funcall_id(mrb, vm->core, mrb_intern_lit(mrb, "console"), 2,
	    mrb_int_value(mrb, (mrb_int)e->call.ticket), lambda);
}

void
engine_console(struct script *s, const char *line, size_t len,
    script_answer_fn answer, uint64_t owner, uint64_t extra)
{
	struct engine_ask *q = NULL;
	struct script_answer a;
	struct entered e;
	int rc;

	memset(&a, 0, sizeof(a));
	a.verdict = SCRIPT_LOST;
	memset(&e, 0, sizeof(e));
	if (s->vm != NULL)
		q = engine_ask_new(s, &e.call.ticket);
	if (q == NULL) {
		answer(s->inst, owner, extra, &a);
		return;
	}
	q->answer = answer;
	q->owner = owner;
	q->extra = extra;
	e.line = line;
	e.len = len;
	s->depth++;
	rc = engine_enter(s, s->vm->time_ms, "console", console_body, &e.call);
	if (e.error[0] != '\0' || rc == FCS_ESCRIPT) {
		a.verdict = e.is_incomplete ? SCRIPT_HOLD : SCRIPT_FAILED;
		a.text = e.error[0] != '\0' ? e.error : "Script error";
		engine_settle(s, e.call.ticket, &a);
	}
	engine_leave(s);
}
