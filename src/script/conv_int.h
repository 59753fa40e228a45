/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conv_int - between conv.c and conv_out.c: the low bits of doubles.
 * Layer: script (5).
 */
#ifndef SCRIPT_CONV_INT_H
#define SCRIPT_CONV_INT_H

#include "script/vm.h"

/* A double as it came in; note its low bits. */
void conv_note_float(struct vm *, double);
/* The double a Float of Ruby stood for. */
double conv_mend(const struct vm *, double);

#endif
