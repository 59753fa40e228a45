/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * value_json - JSON text of a value, for people and fcsctl. The path from the
 * root is kept on the stack of calls, so that a cycle shows as the level it
 * goes back to; shared nodes are written out each time, which the visit limit
 * and VALUE_TEXT_MAX bound.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "codec/value.h"

#define DATE_MS_MAX 253402300799999.0 /* 9999-12-31T23:59:59.999Z */
#define DATE_MS_MIN -62167219200000.0 /* 0000-01-01T00:00:00.000Z */
#define WHOLE_MAX   9007199254740992.0

struct json {
	struct buf *out;
	size_t start;
	uint32_t visits;
	const struct value *path[VALUE_DEPTH_MAX + 1];
};

static void put_value(struct json *, const struct value *, unsigned depth);

static void
put(struct json *j, const char *text)
{
	buf_append(j->out, text, strlen(text));
}

static void
put_string(struct json *j, struct value_str s)
{
	static const char *const replacement = "\xef\xbf\xbd";
	size_t n;
	uint32_t cp;
	char esc[8];

	buf_u8(j->out, '"');
	for (size_t i = 0; i < s.len; i += n) {
		if (buf_len(j->out) - j->start > VALUE_TEXT_MAX)
			break;
		cp = utf8_next(s.ptr + i, s.len - i, &n);
		if (cp == UTF8_BAD) {
			put(j, replacement);
		} else if (cp == '"' || cp == '\\') {
			buf_u8(j->out, '\\');
			buf_u8(j->out, cp);
		} else if (cp < 0x20 || cp == 0x7f) {
			snprintf(esc, sizeof(esc), "\\u%04x", cp);
			put(j, esc);
		} else {
			buf_append(j->out, s.ptr + i, n);
		}
	}
	buf_u8(j->out, '"');
}

static void
put_number(struct json *j, double d)
{
	char text[64];

	if (isnan(d)) {
		put(j, "{\"$number\":\"NaN\"}");
		return;
	}
	if (isinf(d)) {
		put(j, d > 0 ? "{\"$number\":\"Infinity\"}"
			     : "{\"$number\":\"-Infinity\"}");
		return;
	}
	if (d == floor(d) && fabs(d) < WHOLE_MAX && !(d == 0 && signbit(d)))
		snprintf(text, sizeof(text), "%.0f", d);
	else
		snprintf(text, sizeof(text), "%.17g", d);
	put(j, text);
}

/* Days since 1970 to a date of the Gregorian calendar, years 0..9999. */
static void
civil(int64_t days, int *y, int *m, int *d)
{
	int64_t era, doe, yoe, doy, mp;

	days += 719468; /* 0000-03-01 */
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400 + (*m <= 2 ? 1 : 0));
}

static void
put_date(struct json *j, double ms)
{
	int64_t t, day, rest;
	int y, m, d;
	char text[96];

	if (!(ms >= DATE_MS_MIN && ms <= DATE_MS_MAX)) {
		put(j, "{\"$date\":null}");
		return;
	}
	t = (int64_t)floor(ms);
	day = t / 86400000;
	rest = t % 86400000;
	if (rest < 0) {
		rest += 86400000;
		day--;
	}
	civil(day, &y, &m, &d);
	snprintf(text, sizeof(text),
	    "{\"$date\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"}", y, m, d,
	    (int)(rest / 3600000), (int)(rest / 60000 % 60),
	    (int)(rest / 1000 % 60), (int)(rest % 1000));
	put(j, text);
}

static void
put_bytes(struct json *j, struct value_str s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = (const uint8_t *)s.ptr;

	put(j, "{\"$bytes\":\"");
	for (size_t i = 0; i < s.len; i += 3) {
		size_t n = s.len - i < 3 ? s.len - i : 3;
		uint32_t v = (uint32_t)p[i] << 16 |
			     (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
			     (n > 2 ? p[i + 2] : 0);

		if (buf_len(j->out) - j->start > VALUE_TEXT_MAX)
			break;
		buf_u8(j->out, (uint8_t)digits[v >> 18]);
		buf_u8(j->out, (uint8_t)digits[v >> 12 & 63]);
		buf_u8(j->out, n > 1 ? (uint8_t)digits[v >> 6 & 63] : '=');
		buf_u8(j->out, n > 2 ? (uint8_t)digits[v & 63] : '=');
	}
	put(j, "\"}");
}

static void
put_items(struct json *j, const struct value *v, unsigned depth)
{
	buf_u8(j->out, '[');
	for (uint32_t i = 0; i < v->item_count; i++) {
		if (i > 0)
			buf_u8(j->out, ',');
		put_value(j, v->items[i], depth + 1);
	}
	buf_u8(j->out, ']');
}

/* {"$type":..., "$items":[...], key: value ...}; keys as they came, so one
 * that begins with a dollar looks like ours: this is for reading, not back. */
static void
put_object(struct json *j, const struct value *v, unsigned depth)
{
	const char *sep = "";

	buf_u8(j->out, '{');
	if (v->class_name.len > 0) {
		put(j, "\"$type\":");
		put_string(j, v->class_name);
		sep = ",";
	}
	if (v->item_count > 0) {
		put(j, sep);
		put(j, "\"$items\":");
		put_items(j, v, depth);
		sep = ",";
	}
	for (uint32_t i = 0; i < v->prop_count; i++) {
		put(j, sep);
		put_string(j, v->props[i].key);
		buf_u8(j->out, ':');
		put_value(j, v->props[i].val, depth + 1);
		sep = ",";
	}
	buf_u8(j->out, '}');
}

/* [[key, value], ...]: keys of a dictionary may be anything. */
static void
put_dictionary(struct json *j, const struct value *v, unsigned depth)
{
	put(j, "{\"$dictionary\":[");
	for (uint32_t i = 0; i + 1 < v->item_count; i += 2) {
		put(j, i > 0 ? ",[" : "[");
		put_value(j, v->items[i], depth + 1);
		buf_u8(j->out, ',');
		put_value(j, v->items[i + 1], depth + 1);
		buf_u8(j->out, ']');
	}
	put(j, "]}");
}

static void
put_container(struct json *j, const struct value *v, unsigned depth)
{
	char text[32];

	for (unsigned i = 0; i < depth; i++)
		if (j->path[i] == v) {
			snprintf(text, sizeof(text), "{\"$ref\":%u}", i);
			put(j, text);
			return;
		}
	if (depth >= VALUE_DEPTH_MAX || j->visits > VALUE_ELEMENTS_MAX) {
		put(j, "{\"$cut\":true}");
		return;
	}
	j->path[depth] = v;
	switch (v->type) {
	case VALUE_OBJECT:
	case VALUE_ECMA:
		put_object(j, v, depth);
		break;
	case VALUE_DICTIONARY:
		put_dictionary(j, v, depth);
		break;
	default:
		put_items(j, v, depth);
		break;
	}
}

static void
put_value(struct json *j, const struct value *v, unsigned depth)
{
	if (buf_len(j->out) - j->start > VALUE_TEXT_MAX ||
	    buf_status(j->out) != FCS_OK)
		return;
	j->visits++;
	switch (v->type) {
	case VALUE_UNDEFINED:
	case VALUE_NULL:
	case VALUE_UNSUPPORTED:
		put(j, "null");
		break;
	case VALUE_BOOL:
		put(j, v->boolean ? "true" : "false");
		break;
	case VALUE_NUMBER:
	case VALUE_INTEGER:
		put_number(j, v->number);
		break;
	case VALUE_STRING:
		put_string(j, v->str);
		break;
	case VALUE_DATE:
		put_date(j, v->number);
		break;
	case VALUE_XML:
	case VALUE_XMLDOC:
		put(j, "{\"$xml\":");
		put_string(j, v->str);
		buf_u8(j->out, '}');
		break;
	case VALUE_BYTES:
		put_bytes(j, v->str);
		break;
	default:
		put_container(j, v, depth);
		break;
	}
}

int
value_json(struct buf *out, const struct value *v)
{
	struct json j = { .out = out, .start = buf_len(out) };
	int rc;

	put_value(&j, v, 0);
	rc = buf_status(out);
	if (rc == FCS_OK && buf_len(out) - j.start > VALUE_TEXT_MAX)
		rc = FCS_ELIMIT;
	if (rc != FCS_OK)
		buf_truncate(out, j.start);
	return rc;
}
