/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A block is a piece of code (irep) of its own; the instruction that makes it
 * says of which kind it is, the send after that to whom it goes. Given to on,
 * expose, every ... it runs when the method or class body around it has long
 * ended: `return` has nowhere to go, nor has `break`. Given to each and the
 * like it runs at once: `break` is fine, and so is `return` inside a method.
 */
#include "script/vmscan.h"

#include <mruby/debug.h>
#include <mruby/opcode.h>
#include <stdbool.h>
#include <string.h>

#define DEPTH_MAX 100

struct scan {
	mrb_state *mrb;
	void (*problem)(void *arg, int32_t line, const char *what);
	void *arg;
	int depth;
};

struct insn {
	int op;
	uint32_t a, b, c;
};

/* The names of methods that keep their block for later. */
static const char *const later[] = { "on", "allow", "expose", "shared",
	"presence", "every", "after", "defer", "then", "call", "test",
	"define" };

static const mrb_code *
decode(const mrb_code *pc, struct insn *out)
{
	uint32_t a = 0, b = 0, c = 0;
	int op = READ_B(), ext = 0;

	if (op >= OP_EXT1 && op <= OP_EXT3) {
		ext = op - OP_EXT1 + 1;
		op = READ_B();
	}
	switch (op) {
#define OPCODE(name, form)                                                     \
	case OP_##name:                                                        \
		if (ext == 0) {                                                \
			FETCH_##form();                                        \
		} else if (ext == 1) {                                         \
			FETCH_##form##_1();                                    \
		} else if (ext == 2) {                                         \
			FETCH_##form##_2();                                    \
		} else {                                                       \
			FETCH_##form##_3();                                    \
		}                                                              \
		break;
#include <mruby/ops.h>
#undef OPCODE
	}
	out->op = op;
	out->a = a;
	out->b = b;
	out->c = c;
	return pc;
}

/* To whom the block made before pc goes; NULL: to nobody by name. */
static const char *
taker(const struct scan *s, const mrb_irep *irep, const mrb_code *pc)
{
	const mrb_code *end = irep->iseq + irep->ilen;
	struct insn i;

	while (pc < end) {
		pc = decode(pc, &i);
		if (i.op == OP_SENDB || i.op == OP_SSENDB)
			return i.b < irep->slen
				   ? mrb_sym_name(s->mrb, irep->syms[i.b])
				   : NULL;
		if (i.op == OP_SUPER || i.op == OP_BLOCK)
			return NULL;
	}
	return NULL;
}

static bool
is_later(const char *name)
{
	size_t i;

	for (i = 0; name != NULL && i < sizeof(later) / sizeof(later[0]); i++)
		if (strcmp(later[i], name) == 0)
			return true;
	return false;
}

/* has_home: a method or lambda around it is running whenever this code is.
 * is_kept: it is the block itself that was kept for later. */
static void
walk(struct scan *s, const mrb_irep *irep, bool has_home, bool is_kept)
{
	const mrb_code *pc = irep->iseq, *end = pc + irep->ilen, *at;
	const char *name;
	struct insn i;

	if (++s->depth > DEPTH_MAX) {
		s->depth--;
		return;
	}
	while (pc < end) {
		at = pc;
		pc = decode(pc, &i);
		if (i.op == OP_RETURN_BLK && !has_home)
			s->problem(s->arg,
			    mrb_debug_get_line(
				s->mrb, irep, (uint32_t)(at - irep->iseq)),
			    "return in a block that runs later: leave it with "
			    "next");
		else if (i.op == OP_BREAK && is_kept)
			s->problem(s->arg,
			    mrb_debug_get_line(
				s->mrb, irep, (uint32_t)(at - irep->iseq)),
			    "break out of a block that runs later: leave it "
			    "with next");
		if (i.b >= irep->rlen)
			continue;
		if (i.op == OP_LAMBDA || i.op == OP_METHOD) {
			walk(s, irep->reps[i.b], true, false);
		} else if (i.op == OP_EXEC) {
			walk(s, irep->reps[i.b], true, false);
		} else if (i.op == OP_BLOCK) {
			name = taker(s, irep, pc);
			if (name != NULL && strcmp(name, "lambda") == 0)
				walk(s, irep->reps[i.b], true, false);
			else if (is_later(name))
				walk(s, irep->reps[i.b], false, true);
			else
				walk(s, irep->reps[i.b], has_home, false);
		}
	}
	s->depth--;
}

void
vmscan_irep(mrb_state *mrb, const mrb_irep *irep,
    void (*problem)(void *arg, int32_t line, const char *what), void *arg)
{
	struct scan s = { mrb, problem, arg, 0 };

	walk(&s, irep, true, false);
}
