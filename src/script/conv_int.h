/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conv_int - between conv*.c: the low bits of doubles, objects of the script's
 * own classes.
 * Layer: script (5).
 */
#ifndef SCRIPT_CONV_INT_H
#define SCRIPT_CONV_INT_H

#include "script/vm.h"

/* A double as it came in; note its low bits. */
void conv_note_float(struct vm *, double);
/* The double a Float of Ruby stood for. */
double conv_mend(const struct vm *, double);

/* ---- conv_seal.c ---- */

struct conv_sealed { /* an object for the next conversion */
	void *object;
	mrb_value members; /* Hash */
	mrb_value name;    /* String, or nil: an anonymous object */
};
/* NULL: it was not asked, or has no to_amf. */
const struct conv_sealed *conv_sealed(const struct vm *, const void *object);

/* In the VM. An object for the class bound to that name, nil when none is;
 * then its members. undef, false: it raised, vm->why has the text. */
mrb_value conv_bound_new(struct vm *, mrb_value name);
bool conv_bound_fill(struct vm *, mrb_value object, mrb_value members);

#endif
