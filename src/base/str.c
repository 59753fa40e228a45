/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void
str_init(struct str *s)
{
	memset(s, 0, sizeof(*s));
}

void
str_fini(struct str *s)
{
	free(s->p);
	str_init(s);
}

void
str_reset(struct str *s)
{
	s->len = 0;
	s->err = FCS_OK;
	if (s->p != NULL)
		s->p[0] = '\0';
}

const char *
str_text(const struct str *s)
{
	return s->p != NULL ? s->p : "";
}

/* Room for n bytes and the NUL. */
static bool
room(struct str *s, size_t n)
{
	size_t cap = s->cap < 64 ? 64 : s->cap;
	char *p;

	if (s->err != FCS_OK)
		return false;
	if (s->cap - s->len > n)
		return true;
	if (n > SIZE_MAX / 4 || s->len > SIZE_MAX / 4) {
		s->err = FCS_ENOMEM;
		return false;
	}
	while (cap <= s->len + n)
		cap += cap / 2;
	p = realloc(s->p, cap);
	if (p == NULL) {
		s->err = FCS_ENOMEM;
		return false;
	}
	s->p = p;
	s->cap = cap;
	return true;
}

void
str_addn(struct str *s, const char *p, size_t n)
{
	if (!room(s, n))
		return;
	if (n > 0)
		memcpy(s->p + s->len, p, n);
	s->len += n;
	s->p[s->len] = '\0';
}

void
str_add(struct str *s, const char *text)
{
	str_addn(s, text, strlen(text));
}

void
str_addc(struct str *s, char c)
{
	str_addn(s, &c, 1);
}

void
str_vaddf(struct str *s, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		s->err = FCS_EINVAL;
	else if (room(s, (size_t)n)) {
		(void)vsnprintf(s->p + s->len, (size_t)n + 1, fmt, again);
		s->len += (size_t)n;
	}
	va_end(again);
}

void
str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(s, fmt, ap);
	va_end(ap);
}

void
str_add_json(struct str *s, const char *p, size_t n)
{
	size_t step;
	uint32_t cp;

	str_addc(s, '"');
	for (; n > 0; p += step, n -= step) {
		cp = utf8_next(p, n, &step);
		if (cp == UTF8_BAD)
			str_add(s, "\\ufffd");
		else if (cp == '"' || cp == '\\')
			str_addf(s, "\\%c", (int)cp);
		else if (cp == '\n')
			str_add(s, "\\n");
		else if (cp == '\t')
			str_add(s, "\\t");
		else if (cp < 0x20 || cp == 0x7f)
			str_addf(s, "\\u%04x", (unsigned)cp);
		else
			str_addn(s, p, step);
	}
	str_addc(s, '"');
}

char *
str_take(struct str *s)
{
	char *p;

	if (s->p == NULL)
		str_add(s, "");
	p = s->err == FCS_OK ? s->p : NULL;
	if (p != NULL)
		s->p = NULL;
	str_fini(s);
	return p;
}

int
str_parse_int(const char *s, int64_t *out)
{
	char *end;
	long long v;

	if (!((*s >= '0' && *s <= '9') || *s == '-' || *s == '+'))
		return FCS_EFORMAT;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (end == s || *end != '\0')
		return FCS_EFORMAT;
	if (errno == ERANGE)
		return FCS_ERANGE;
	*out = v;
	return FCS_OK;
}

/*
 * digits[.digits] times 10^9 at most, kept as a fraction: whole * scale is
 * exact or refused.
 */
static int
parse_number(const char **ps, int64_t *whole, int64_t *frac, int64_t *frac_div)
{
	const char *s = *ps;
	int64_t v = 0;
	int64_t f = 0;
	int64_t d = 1;

	if (*s < '0' || *s > '9')
		return FCS_EFORMAT;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, *s - '0', &v))
			return FCS_ERANGE;
	}
	if (*s == '.') {
		s++;
		if (*s < '0' || *s > '9')
			return FCS_EFORMAT;
		for (; *s >= '0' && *s <= '9'; s++) {
			if (d >= 1000000000)
				return FCS_EFORMAT;
			f = f * 10 + (*s - '0');
			d *= 10;
		}
	}
	*ps = s;
	*whole = v;
	*frac = f;
	*frac_div = d;
	return FCS_OK;
}

/* whole.frac * unit, exactly, added to *sum. */
static int
add_scaled(
    int64_t *sum, int64_t whole, int64_t frac, int64_t frac_div, int64_t unit)
{
	int64_t v;
	int64_t part;

	if (__builtin_mul_overflow(whole, unit, &v) ||
	    __builtin_mul_overflow(frac, unit, &part))
		return FCS_ERANGE;
	if (part % frac_div != 0)
		return FCS_EFORMAT;
	if (__builtin_add_overflow(v, part / frac_div, &v) ||
	    __builtin_add_overflow(*sum, v, sum))
		return FCS_ERANGE;
	return FCS_OK;
}

static const struct {
	const char *text;
	int64_t ms;
} time_units[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "ms", 1 },
	{ "m", 60000 },
	{ "s", 1000 },
};

int
str_parse_duration(const char *s, int64_t *out_ms)
{
	int64_t sum = 0;
	int64_t last = INT64_MAX;
	int64_t whole, frac, frac_div;
	size_t i;
	int rc;

	if (strcmp(s, "0") == 0) {
		*out_ms = 0;
		return FCS_OK;
	}
	do {
		rc = parse_number(&s, &whole, &frac, &frac_div);
		if (rc != FCS_OK)
			return rc;
		for (i = 0; i < 5; i++)
			if (str_starts(s, time_units[i].text))
				break;
		/* units fall: 1h30m, not 30m1h */
		if (i == 5 || time_units[i].ms >= last)
			return FCS_EFORMAT;
		last = time_units[i].ms;
		s += strlen(time_units[i].text);
		rc = add_scaled(&sum, whole, frac, frac_div, last);
		if (rc != FCS_OK)
			return rc;
	} while (*s != '\0');
	*out_ms = sum;
	return FCS_OK;
}

int
str_parse_size(const char *s, int64_t *out)
{
	int64_t whole, frac, frac_div;
	int64_t sum = 0;
	int64_t unit = 1;
	static const char letters[] = "kmgt";
	const char *at;
	int rc;

	rc = parse_number(&s, &whole, &frac, &frac_div);
	if (rc != FCS_OK)
		return rc;
	if (*s != '\0') {
		at = strchr(letters, *s | 0x20);
		if (at != NULL && *at != '\0') {
			for (unit = 1024; at > letters; at--)
				unit *= 1024;
			s++;
			if (*s == 'i' && s[1] != '\0')
				s++;
		}
		if (*s == 'B' || *s == 'b')
			s++;
		if (*s != '\0')
			return FCS_EFORMAT;
	}
	rc = add_scaled(&sum, whole, frac, frac_div, unit);
	if (rc == FCS_OK)
		*out = sum;
	return rc;
}

int
str_parse_bool(const char *s, bool *out)
{
	static const char *const yes[] = { "true", "yes", "on" };
	static const char *const no[] = { "false", "no", "off" };

	for (int i = 0; i < 3; i++) {
		if (strcmp(s, yes[i]) == 0 || strcmp(s, no[i]) == 0) {
			*out = strcmp(s, yes[i]) == 0;
			return FCS_OK;
		}
	}
	return FCS_EFORMAT;
}

const char *
str_format_duration(int64_t ms, char out[STR_NUMBER_MAX])
{
	static const struct {
		const char *text;
		int64_t ms;
	} units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 },
		{ "s", 1000 }, { "ms", 1 } };

	if (ms == 0)
		return memcpy(out, "0", 2);
	for (size_t i = 0; i < 5; i++) {
		if (ms % units[i].ms == 0) {
			(void)snprintf(out, STR_NUMBER_MAX, "%lld%s",
			    (long long)(ms / units[i].ms), units[i].text);
			break;
		}
	}
	return out;
}

const char *
str_format_size(int64_t bytes, char out[STR_NUMBER_MAX])
{
	static const char *const letters[] = { "", "K", "M", "G", "T" };
	int i = 0;

	while (i < 4 && bytes != 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	(void)snprintf(
	    out, STR_NUMBER_MAX, "%lld%s", (long long)bytes, letters[i]);
	return out;
}

bool
str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
str_glob(const char *pattern, const char *s)
{
	const char *star = NULL;
	const char *back = NULL;

	while (*s != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			back = s;
		} else if (*pattern == '?' || *pattern == *s) {
			pattern++;
			s++;
		} else if (star != NULL) {
			pattern = star;
			s = ++back;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

void
str_hex(const void *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *s = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[s[i] >> 4];
		out[2 * i + 1] = digits[s[i] & 15];
	}
	out[2 * n] = '\0';
}
