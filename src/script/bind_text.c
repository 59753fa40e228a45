/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text: Strings of this mruby are bytes, people count characters. Nothing here
 * takes a lock or owns memory, so it needs no native section and a long text
 * is subject to the script's time limit.
 */
#include <mruby.h>
#include <mruby/string.h>
#include <string.h>

#include "base/utf8.h"
#include "script/bind.h"

/* text_clip(s, n or nil): valid UTF-8 of at most n characters, without control
 * characters (n nil: all characters, control characters kept = scrub) */
static mrb_value
f_clip(mrb_state *mrb, mrb_value self)
{
	mrb_value s, limit, out;
	const uint8_t *p;
	mrb_int max = -1;
	size_t len, at, n, run = 0;
	uint32_t cp;

	(void)self;
	mrb_get_args(mrb, "So", &s, &limit);
	if (mrb_integer_p(limit))
		max = mrb_integer(limit);
	p = (const uint8_t *)RSTRING_PTR(s);
	len = (size_t)RSTRING_LEN(s);
	out = mrb_str_new_capa(
	    mrb, (mrb_int)(max < 0 || (size_t)max > len ? len : (size_t)max));
	for (at = 0; at < len && max != 0; at += n) {
		cp = utf8_next(p + at, len - at, &n);
		if (cp == UTF8_BAD ||
		    (mrb_integer_p(limit) &&
			(cp < 0x20 || (cp >= 0x7f && cp < 0xa0)))) {
			/* what was good so far in one piece */
			mrb_str_cat(mrb, out, (const char *)p + at - run, run);
			run = 0;
			continue;
		}
		run += n;
		if (max > 0)
			max--;
	}
	mrb_str_cat(mrb, out, (const char *)p + at - run, run);
	return out;
}

static mrb_value
f_length(mrb_state *mrb, mrb_value self)
{
	const char *s;
	mrb_int len, count = 0;
	size_t at, n;

	(void)self;
	mrb_get_args(mrb, "s", &s, &len);
	for (at = 0; at < (size_t)len; at += n) {
		(void)utf8_next(s + at, (size_t)len - at, &n);
		count++;
	}
	return mrb_int_value(mrb, count);
}

static mrb_value
f_valid(mrb_state *mrb, mrb_value self)
{
	const char *s;
	mrb_int len;

	(void)self;
	mrb_get_args(mrb, "s", &s, &len);
	return mrb_bool_value(utf8_valid(s, (size_t)len));
}

static mrb_value
f_glob(mrb_state *mrb, mrb_value self)
{
	const char *p, *s;
	mrb_int p_len, s_len;

	(void)self;
	mrb_get_args(mrb, "ss", &p, &p_len, &s, &s_len);
	return mrb_bool_value(vmdecl_glob(p, (size_t)p_len, s, (size_t)s_len));
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* unescape(s): %XX and + of a query */
static mrb_value
f_unescape(mrb_state *mrb, mrb_value self)
{
	const char *s;
	mrb_int len, i;
	mrb_value out;
	char c;

	(void)self;
	mrb_get_args(mrb, "s", &s, &len);
	out = mrb_str_new_capa(mrb, len);
	for (i = 0; i < len; i++) {
		c = s[i] == '+' ? ' ' : s[i];
		if (c == '%' && i + 2 < len && hex(s[i + 1]) >= 0 &&
		    hex(s[i + 2]) >= 0) {
			c = (char)(hex(s[i + 1]) * 16 + hex(s[i + 2]));
			i += 2;
		}
		mrb_str_cat(mrb, out, &c, 1);
	}
	return out;
}

void
bind_text_init(struct vm *vm)
{
	BIND(vm, "text_clip", f_clip, MRB_ARGS_REQ(2));
	BIND(vm, "text_length", f_length, MRB_ARGS_REQ(1));
	BIND(vm, "text_valid?", f_valid, MRB_ARGS_REQ(1));
	BIND(vm, "glob?", f_glob, MRB_ARGS_REQ(2));
	BIND(vm, "unescape", f_unescape, MRB_ARGS_REQ(1));
}
