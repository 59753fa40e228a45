/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON, straight between text and Ruby objects: it owns no memory outside the
 * VM, so it runs under the script's limits and may be left anywhere.
 */
#include <math.h>
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/hash.h>
#include <mruby/string.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "script/bind.h"
#include "script/conv_int.h"

#define JSON_DEPTH_MAX 32
#define NUMBER_MAX     63 /* characters of a number */

struct parse {
	struct vm *vm;
	const char *text, *at, *end;
	bool frozen;
};

static mrb_value parse_value(struct parse *, int depth);

static FCS_NORETURN void
bad(struct parse *p, const char *why)
{
	const char *c;
	int line = 1, col = 1;

	for (c = p->text; c < p->at; c++) {
		col++;
		if (*c == '\n') {
			line++;
			col = 1;
		}
	}
	vm_raise(p->vm->mrb, VM_EVALUE, "JSON %d:%d: %s", line, col, why);
}

static void
space(struct parse *p)
{
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' ||
				     *p->at == '\n' || *p->at == '\r'))
		p->at++;
}

static bool
word(struct parse *p, const char *w)
{
	size_t n = strlen(w);

	if ((size_t)(p->end - p->at) < n || memcmp(p->at, w, n) != 0)
		return false;
	p->at += n;
	return true;
}

static mrb_value
freeze(const struct parse *p, mrb_value v)
{
	if (p->frozen && !mrb_immediate_p(v))
		MRB_SET_FROZEN_FLAG(mrb_basic_ptr(v));
	return v;
}

static mrb_value
parse_number(struct parse *p)
{
	char text[NUMBER_MAX + 1], *rest;
	const char *from = p->at;
	bool whole = true;
	size_t n;
	double d;

	if (p->at < p->end && *p->at == '-')
		p->at++;
	if (p->at == p->end || *p->at < '0' || *p->at > '9')
		bad(p, "a value is expected");
	if (*p->at == '0' && p->at + 1 < p->end && p->at[1] >= '0' &&
	    p->at[1] <= '9')
		bad(p, "a number does not begin with 0");
	while (p->at < p->end && *p->at != '\0' &&
	       strchr("0123456789+-.eE", *p->at) != NULL) {
		if (strchr(".eE", *p->at) != NULL)
			whole = false;
		p->at++;
	}
	n = (size_t)(p->at - from);
	if (n > NUMBER_MAX)
		bad(p, "the number is too long");
	memcpy(text, from, n);
	text[n] = '\0';
	d = strtod(text, &rest);
	if (*rest != '\0' || !isfinite(d))
		bad(p, "that is not a number");
	if (whole && fabs(d) <= 9007199254740991.0)
		return mrb_int_value(p->vm->mrb, (mrb_int)d);
	conv_note_float(p->vm, d);
	return mrb_float_value(p->vm->mrb, d);
}

static uint32_t
parse_hex4(struct parse *p)
{
	uint32_t cp = 0;
	int i, c;

	if (p->end - p->at < 4)
		bad(p, "\\u needs four digits");
	for (i = 0; i < 4; i++) {
		c = (unsigned char)*p->at++;
		cp *= 16;
		if (c >= '0' && c <= '9')
			cp += (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			cp += (uint32_t)((c | 32) - 'a' + 10);
		else
			bad(p, "\\u needs four digits");
	}
	return cp;
}

static void
parse_escape(struct parse *p, mrb_value out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	mrb_state *mrb = p->vm->mrb;
	const char *e;
	char utf8[4];
	uint32_t cp, low;

	if (p->at == p->end)
		bad(p, "the text ends in a string");
	e = *p->at == '\0' ? NULL : strchr(from, *p->at);
	if (e != NULL) {
		mrb_str_cat(mrb, out, &to[e - from], 1);
		p->at++;
		return;
	}
	if (*p->at != 'u')
		bad(p, "unknown escape");
	p->at++;
	cp = parse_hex4(p);
	if (cp >= 0xd800 && cp < 0xdc00 && word(p, "\\u")) {
		low = parse_hex4(p);
		if (low < 0xdc00 || low > 0xdfff)
			bad(p, "half a surrogate pair");
		cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
	}
	if (cp >= 0xd800 && cp < 0xe000)
		bad(p, "half a surrogate pair");
	mrb_str_cat(mrb, out, utf8, utf8_put(cp, utf8));
}

static mrb_value
parse_string(struct parse *p)
{
	mrb_state *mrb = p->vm->mrb;
	mrb_value out = mrb_str_new(mrb, NULL, 0);
	const char *from;

	p->at++; /* the quote */
	for (;;) {
		from = p->at;
		while (p->at < p->end && *p->at != '"' && *p->at != '\\' &&
		       (unsigned char)*p->at >= 0x20)
			p->at++;
		if (!utf8_valid(from, (size_t)(p->at - from)))
			bad(p, "the string is not UTF-8");
		mrb_str_cat(mrb, out, from, (size_t)(p->at - from));
		if (p->at == p->end)
			bad(p, "the text ends in a string");
		if (*p->at == '"')
			break;
		if (*p->at != '\\')
			bad(p, "a control character in a string");
		p->at++;
		parse_escape(p, out);
	}
	p->at++;
	return out;
}

static mrb_value
parse_array(struct parse *p, int depth)
{
	mrb_state *mrb = p->vm->mrb;
	mrb_value a = mrb_ary_new(mrb);
	int ai = mrb_gc_arena_save(mrb);

	p->at++;
	space(p);
	if (word(p, "]"))
		return freeze(p, a);
	for (;;) {
		mrb_ary_push(mrb, a, parse_value(p, depth + 1));
		mrb_gc_arena_restore(mrb, ai);
		space(p);
		if (word(p, "]"))
			return freeze(p, a);
		if (!word(p, ","))
			bad(p, ", or ] is expected");
	}
}

static mrb_value
parse_object(struct parse *p, int depth)
{
	mrb_state *mrb = p->vm->mrb;
	mrb_value h = mrb_hash_new(mrb), key, val;
	int ai = mrb_gc_arena_save(mrb);

	p->at++;
	space(p);
	if (word(p, "}"))
		return freeze(p, h);
	for (;;) {
		space(p);
		if (p->at == p->end || *p->at != '"')
			bad(p, "a name in quotes is expected");
		key = parse_string(p);
		space(p);
		if (!word(p, ":"))
			bad(p, ": is expected");
		val = parse_value(p, depth + 1);
		mrb_hash_set(mrb, h, key, val);
		mrb_gc_arena_restore(mrb, ai);
		space(p);
		if (word(p, "}"))
			return freeze(p, h);
		if (!word(p, ","))
			bad(p, ", or } is expected");
	}
}

static mrb_value
parse_value(struct parse *p, int depth)
{
	space(p);
	if (p->at == p->end)
		bad(p, "the text ends early");
	if (depth >= JSON_DEPTH_MAX && (*p->at == '{' || *p->at == '['))
		bad(p, "nested more than 32 deep");
	switch (*p->at) {
	case '{':
		return parse_object(p, depth);
	case '[':
		return parse_array(p, depth);
	case '"':
		return freeze(p, parse_string(p));
	default:
		break;
	}
	if (word(p, "true"))
		return mrb_true_value();
	if (word(p, "false"))
		return mrb_false_value();
	if (word(p, "null"))
		return mrb_nil_value();
	return parse_number(p);
}

mrb_value
bind_json_parse(struct vm *vm, const char *text, size_t len, bool frozen)
{
	struct parse p = { vm, text, text, text + len, frozen };
	mrb_value v = parse_value(&p, 0);

	space(&p);
	if (p.at != p.end)
		bad(&p, "more text after the value");
	return v;
}

static mrb_value
f_parse(mrb_state *mrb, mrb_value self)
{
	const char *text;
	mrb_int len;

	(void)self;
	mrb_get_args(mrb, "s", &text, &len);
	return bind_json_parse(vm_of(mrb), text, (size_t)len, false);
}

/* ---- generate ---- */

struct generate {
	struct vm *vm;
	mrb_value out;
	void *open[JSON_DEPTH_MAX + 1]; /* what is being written: cycles */
	bool first;
};

static void put_value(struct generate *, mrb_value, int depth);

static void
put(struct generate *g, const char *s)
{
	mrb_str_cat_cstr(g->vm->mrb, g->out, s);
}

static void
put_string(struct generate *g, const char *s, size_t len)
{
	mrb_state *mrb = g->vm->mrb;
	char escape[8];
	size_t i, from = 0;

	if (!utf8_valid(s, len))
		vm_raise(mrb, VM_EVALUE, "JSON: a String that is not UTF-8");
	put(g, "\"");
	for (i = 0; i < len; i++) {
		if ((unsigned char)s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')
			continue;
		mrb_str_cat(mrb, g->out, s + from, i - from);
		from = i + 1;
		if (s[i] == '"' || s[i] == '\\')
			snprintf(escape, sizeof(escape), "\\%c", s[i]);
		else
			snprintf(escape, sizeof(escape), "\\u%04x",
			    (unsigned char)s[i]);
		put(g, escape);
	}
	mrb_str_cat(mrb, g->out, s + from, len - from);
	put(g, "\"");
}

static void
put_number(struct generate *g, double d)
{
	char text[40];
	int digits;

	if (!isfinite(d))
		vm_raise(g->vm->mrb, VM_EVALUE, "JSON: NaN or Infinity");
	d = conv_mend(g->vm, d);
	for (digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	put(g, text);
}

static void
put_key(struct generate *g, mrb_value key)
{
	mrb_int n = 0;
	const char *s;
	char text[24];

	if (mrb_string_p(key)) {
		put_string(g, RSTRING_PTR(key), (size_t)RSTRING_LEN(key));
	} else if (mrb_symbol_p(key)) {
		s = mrb_sym_name_len(g->vm->mrb, mrb_symbol(key), &n);
		put_string(g, s, (size_t)n);
	} else if (mrb_integer_p(key)) {
		snprintf(
		    text, sizeof(text), "%lld", (long long)mrb_integer(key));
		put_string(g, text, strlen(text));
	} else {
		vm_raise(g->vm->mrb, VM_EVALUE,
		    "JSON: a key that is no String, Symbol or Integer");
	}
}

static void
put_hash(struct generate *g, mrb_value h, int depth)
{
	mrb_state *mrb = g->vm->mrb;
	mrb_value keys = mrb_hash_keys(mrb, h), key;
	mrb_int i;

	put(g, "{");
	for (i = 0; i < RARRAY_LEN(keys); i++) {
		if (i > 0)
			put(g, ",");
		key = RARRAY_PTR(keys)[i];
		put_key(g, key);
		put(g, ":");
		put_value(g, mrb_hash_get(mrb, h, key), depth + 1);
	}
	put(g, "}");
}

static void
put_array(struct generate *g, mrb_value a, int depth)
{
	mrb_int i;

	put(g, "[");
	for (i = 0; i < RARRAY_LEN(a); i++) {
		if (i > 0)
			put(g, ",");
		put_value(g, RARRAY_PTR(a)[i], depth + 1);
	}
	put(g, "]");
}

static void
put_nested(struct generate *g, mrb_value v, int depth)
{
	mrb_state *mrb = g->vm->mrb;
	int i, ai;

	if (depth >= JSON_DEPTH_MAX)
		vm_raise(mrb, VM_EVALUE, "JSON: nested more than 32 deep");
	for (i = 0; i < depth; i++)
		if (g->open[i] == mrb_ptr(v))
			vm_raise(mrb, VM_EVALUE, "JSON: a cycle");
	g->open[depth] = mrb_ptr(v);
	ai = mrb_gc_arena_save(mrb);
	if (mrb_hash_p(v))
		put_hash(g, v, depth);
	else
		put_array(g, v, depth);
	mrb_gc_arena_restore(mrb, ai);
}

static void
put_value(struct generate *g, mrb_value v, int depth)
{
	mrb_state *mrb = g->vm->mrb;
	mrb_value text;
	char number[24];
	mrb_int n = 0;
	const char *s;

	switch (mrb_type(v)) {
	case MRB_TT_FALSE:
		put(g, mrb_nil_p(v) ? "null" : "false");
		return;
	case MRB_TT_TRUE:
		put(g, "true");
		return;
	case MRB_TT_INTEGER:
		snprintf(
		    number, sizeof(number), "%lld", (long long)mrb_integer(v));
		put(g, number);
		return;
	case MRB_TT_FLOAT:
		put_number(g, mrb_float(v));
		return;
	case MRB_TT_SYMBOL:
		s = mrb_sym_name_len(mrb, mrb_symbol(v), &n);
		put_string(g, s, (size_t)n);
		return;
	case MRB_TT_STRING:
		if (mrb_obj_is_kind_of(mrb, v, g->vm->class[VM_BYTES]))
			vm_raise(mrb, VM_EVALUE, "JSON: FCS::Bytes");
		put_string(g, RSTRING_PTR(v), (size_t)RSTRING_LEN(v));
		return;
	case MRB_TT_HASH:
	case MRB_TT_ARRAY:
		put_nested(g, v, depth);
		return;
	default:
		break;
	}
	if (mrb_obj_equal(mrb, v, g->vm->undefined)) {
		put(g, "null");
		return;
	}
	if (!mrb_obj_is_kind_of(mrb, v, g->vm->class[VM_TIME]))
		vm_raise(mrb, VM_EVALUE, "JSON: an object of class %s",
		    mrb_obj_classname(mrb, v));
	text = mrb_funcall_id(mrb, v, mrb_intern_lit(mrb, "iso8601"), 0);
	if (!mrb_string_p(text))
		vm_raise(mrb, VM_EVALUE, "JSON: a Time without iso8601");
	put_string(g, RSTRING_PTR(text), (size_t)RSTRING_LEN(text));
}

static mrb_value
f_generate(mrb_state *mrb, mrb_value self)
{
	struct generate g;
	mrb_value v;

	(void)self;
	mrb_get_args(mrb, "o", &v);
	memset(&g, 0, sizeof(g));
	g.vm = vm_of(mrb);
	g.out = mrb_str_new(mrb, NULL, 0);
	put_value(&g, v, 0);
	return g.out;
}

void
bind_json_init(struct vm *vm)
{
	BIND(vm, "json_parse", f_parse, MRB_ARGS_REQ(1));
	BIND(vm, "json_generate", f_generate, MRB_ARGS_REQ(1));
}
