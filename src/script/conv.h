/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conv - values between AMF (struct value) and Ruby, by the tables of
 * script-api.md 9. Shared references and cycles are kept both ways; nothing is
 * changed silently: what cannot be said is an error with a text.
 *
 * Layer: script (5). Thread: loop, in the VM.
 */
#ifndef SCRIPT_CONV_H
#define SCRIPT_CONV_H

#include "codec/amf0.h"
#include "script/vm.h"

/*
 * To Ruby, in the VM (allocates there, may leave it). v NULL = nil. frozen:
 * all the way down. Returns an undef value and sets *why (static text) when
 * the value has no form in Ruby.
 */
/* vm->converted from which on a conversion is worth looking at the clock. */
#define CONV_LONG 1000

mrb_value conv_to_ruby(
    struct vm *, const struct value *v, bool frozen, const char **why);
/* The same for a packed value (a slot); raises ValueError "what: why". NULL
 * data = nil. Uses vm->args. */
mrb_value conv_from_packed(struct vm *, const uint8_t *data, size_t len,
    bool frozen, const char *what);

/*
 * In the VM, before the native section of a conversion from Ruby: objects of
 * the script's own classes are asked for their members (to_amf), for the next
 * conversion to find. A binding that leaves it out refuses such objects.
 * Raises ValueError.
 */
void conv_seal(struct vm *, mrb_value);

/*
 * From Ruby into arena, in a native section. FCS_OK; FCS_ERANGE, FCS_EDEPTH,
 * FCS_ELIMIT, FCS_ENOMEM with *why (static text or vm->why).
 */
int conv_from_ruby(struct vm *, struct arena *, mrb_value, struct value **out,
    const char **why) FCS_MUSTUSE;
/* The arguments of a call, an Array whose values may share objects, into
 * vm->args (which is reset first); native, errors as conv_from_ruby. */
int conv_args(struct vm *, mrb_value list, struct value ***out, uint32_t *count,
    const char **why) FCS_MUSTUSE;
/* A name and the arguments as AMF0 in vm->out; native. *why is NULL unless an
 * argument has no form. */
int conv_message(struct vm *, const char *name, size_t len, mrb_value list,
    enum amf0_mode, const char **why) FCS_MUSTUSE;
/* Packed into vm->out (which is reset first); native. */
int conv_pack(struct vm *, mrb_value, const char **why) FCS_MUSTUSE;

/* The subclass of FCS::Vector for a kind ("int", "uint", "double", "object"),
 * fixed or not, with a type name; in the VM. */
mrb_value conv_vector_class(
    struct vm *, mrb_value kind, bool fixed, mrb_value type);

#endif
