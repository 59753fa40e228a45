/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader state is the first one; its byte code is marked as not to be
 * freed, so that no VM counts references in it, and is only read from then on.
 * The state itself is never entered again.
 */
#include "script/vmlib.h"

#include <mruby.h>
#include <mruby/irep.h>

#include <mruby/debug.h>
#include <mruby/dump.h>
#include <mruby/error.h>
#include <mruby/proc.h>
#include <stdlib.h>
#include <string.h>

#include "mrblib/embedded.h"

struct name {
	mrb_sym sym;
	mrb_int len;
	const char *text; /* in the reader state */
};

/* One for the process: it is what makes it shared. */
static struct {
	void *keep;
	mrb_state *reader;
	mrb_irep *irep;
	struct name *names; /* by number */
	size_t count, cap;
	bool ready;
	bool last_shared;
} lib;

bool
vmlib_is_read(void)
{
	return lib.ready;
}

int
vmlib_read(mrb_state *mrb)
{
	lib.reader = mrb;
	lib.irep = mrb_read_irep(mrb, mrblib_code);
	return lib.irep == NULL ? FCS_EFORMAT : FCS_OK;
}

static int
add_name(mrb_sym sym)
{
	const char *state = (const char *)lib.reader, *text;
	size_t cap = lib.cap == 0 ? 1024 : lib.cap * 2;
	struct name *v, *n;
	mrb_int len;

	text = sym == 0 ? NULL : mrb_sym_name_len(lib.reader, sym, &len);
	/* A short text is in its number and needs no entry; this is a buffer
	 * of the state. */
	if (text == NULL || (text >= state && text < state + sizeof(mrb_state)))
		return FCS_OK;
	if (lib.count == lib.cap) {
		v = reallocarray(lib.names, cap, sizeof(*v));
		if (v == NULL)
			return FCS_ENOMEM;
		lib.names = v;
		lib.cap = cap;
	}
	n = &lib.names[lib.count++];
	n->sym = sym;
	n->len = len;
	n->text = text;
	return FCS_OK;
}

static int
add_names(const mrb_sym *v, size_t n)
{
	int rc = FCS_OK;

	while (rc == FCS_OK && v != NULL && n-- > 0)
		rc = add_name(*v++);
	return rc;
}

/* All symbols in it and below; and from here on it belongs to all. */
static int
take(mrb_irep *irep)
{
	const struct mrb_irep_debug_info *d = irep->debug_info;
	int rc, i;

	irep->flags |= MRB_IREP_NO_FREE | MRB_ISEQ_NO_FREE;
	rc = add_names(irep->syms, irep->slen);
	if (rc == FCS_OK && irep->nlocals > 0)
		rc = add_names(irep->lv, irep->nlocals - 1u);
	for (i = 0; rc == FCS_OK && d != NULL && i < d->flen; i++)
		rc = add_name(d->files[i]->filename_sym);
	for (i = 0; rc == FCS_OK && i < irep->rlen; i++)
		rc = take((mrb_irep *)(uintptr_t)irep->reps[i]);
	return rc;
}

static int
by_number(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->sym < y->sym ? -1 : x->sym > y->sym;
}

int
vmlib_share(void *keep)
{
	size_t i, n = 0;
	int rc = take(lib.irep);

	if (rc != FCS_OK) {
		free(lib.names);
		lib.names = NULL;
		lib.count = lib.cap = 0;
		return rc;
	}
	qsort(lib.names, lib.count, sizeof(*lib.names), by_number);
	for (i = 0; i < lib.count; i++)
		if (n == 0 || lib.names[n - 1].sym != lib.names[i].sym)
			lib.names[n++] = lib.names[i];
	lib.count = n;
	lib.keep = keep;
	lib.ready = true;
	return FCS_OK;
}

/* Whether every symbol of the library has its number here too. */
static bool
enter_names(mrb_state *mrb)
{
	const struct name *n = lib.names;
	size_t i;

	for (i = 0; i < lib.count; i++, n++)
		if (mrb_intern_static(mrb, n->text, (size_t)n->len) != n->sym)
			return false;
	return true;
}

void
vmlib_run(mrb_state *mrb)
{
	struct RProc *p;

	lib.last_shared = lib.ready && enter_names(mrb);
	if (lib.last_shared) {
		p = mrb_proc_new(mrb, lib.irep);
		(void)mrb_top_run(mrb, p, mrb_top_self(mrb), 0);
	} else {
		mrb_load_irep(mrb, mrblib_code);
	}
	if (mrb->exc != NULL)
		mrb_exc_raise(mrb, mrb_obj_value(mrb->exc));
}

bool
vmlib_was_shared(void)
{
	return lib.last_shared;
}
