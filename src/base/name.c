/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/name.h"

#include <string.h>

#include "base/utf8.h"

static const struct {
	const char *text;
	size_t max;
} kinds[] = {
	[NAME_APP] = { "application", NAME_APP_MAX },
	[NAME_INSTANCE] = { "instance", NAME_INSTANCE_MAX },
	[NAME_STREAM] = { "stream", NAME_STREAM_MAX },
	[NAME_OBJECT] = { "shared object", NAME_OBJECT_MAX },
	[NAME_SLOT] = { "slot", NAME_SLOT_MAX },
};

/* Locale does not matter here. */
static bool
is_alnum(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

static int
check_app(const char *p, size_t len, struct err *e)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if (is_alnum(c) || (i > 0 && (c == '_' || c == '-')))
			continue;
		return err_set(e, FCS_EINVAL,
		    "an application name is letters, digits, _ and -, "
		    "and starts with a letter or digit");
	}
	return FCS_OK;
}

static int
check_parts(enum name_kind kind, const char *p, size_t len, struct err *e)
{
	const char *what = kinds[kind].text;
	size_t start = 0;

	for (size_t i = 0; i <= len; i++) {
		size_t n = i - start;

		if (i < len && ((unsigned char)p[i] < 0x20 || p[i] == 0x7f))
			return err_set(e, FCS_EINVAL,
			    "%s name with a control character", what);
		if (i < len && p[i] != '/')
			continue;
		if (n == 0)
			return err_set(
			    e, FCS_EINVAL, "%s name with an empty part", what);
		if ((n == 1 && p[start] == '.') ||
		    (n == 2 && memcmp(p + start, "..", 2) == 0))
			return err_set(
			    e, FCS_EINVAL, "%s name with a part . or ..", what);
		start = i + 1;
	}
	return FCS_OK;
}

int
name_check(enum name_kind kind, const char *p, size_t len, struct err *e)
{
	const char *what = kinds[kind].text;

	if (len == 0)
		return err_set(e, FCS_EINVAL, "empty %s name", what);
	if (len > kinds[kind].max)
		return err_set(e, FCS_ELIMIT,
		    "%s name of %zu bytes (at most %zu)", what, len,
		    kinds[kind].max);
	if (memchr(p, '\0', len) != NULL)
		return err_set(e, FCS_EINVAL, "%s name with a NUL", what);
	if (!utf8_valid(p, len))
		return err_set(
		    e, FCS_EINVAL, "%s name that is not UTF-8", what);
	if (kind == NAME_SLOT)
		return FCS_OK;
	if (kind == NAME_APP)
		return check_app(p, len, e);
	return check_parts(kind, p, len, e);
}

static bool
is_plain(unsigned char c)
{
	return is_alnum(c) || c >= 0x80 ||
	       (c != '\0' && strchr(" _-.,+=@~()", c) != NULL);
}

int
name_to_disk(const char *p, size_t len, struct str *out)
{
	size_t before = out->len;

	if (len == 0)
		return FCS_EINVAL;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if (is_plain(c) && !(i == 0 && c == '.'))
			str_addc(out, (char)c);
		else
			str_addf(out, "%%%02X", c);
	}
	if (out->err == FCS_OK && out->len - before <= NAME_DISK_MAX)
		return FCS_OK;
	out->len = before;
	if (out->p != NULL)
		out->p[before] = '\0';
	return out->err != FCS_OK ? out->err : FCS_ELIMIT;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
name_from_disk(const char *p, size_t len, struct str *out)
{
	size_t before = out->len;
	int hi, lo;
	size_t i = 0;

	if (len == 0)
		return FCS_EFORMAT;
	while (i < len) {
		unsigned char c = (unsigned char)p[i];

		if (c == '%') {
			hi = i + 2 < len ? hex_digit(p[i + 1]) : -1;
			lo = i + 2 < len ? hex_digit(p[i + 2]) : -1;
			if (hi < 0 || lo < 0)
				goto bad;
			c = (unsigned char)(hi << 4 | lo);
			/* one form per name: only what must be is encoded */
			if (is_plain(c) && !(i == 0 && c == '.'))
				goto bad;
			i += 3;
		} else {
			if (!is_plain(c) || (i == 0 && c == '.'))
				goto bad;
			i++;
		}
		str_addc(out, (char)c);
	}
	if (out->err == FCS_OK)
		return FCS_OK;
bad:
	out->len = before;
	if (out->p != NULL)
		out->p[before] = '\0';
	return out->err != FCS_OK ? out->err : FCS_EFORMAT;
}

#define DISTANCE_MAX 64 /* bytes compared; longer words are never near */

/* `*` and `?` within one part. */
static bool
part_match(const char *p, const char *s)
{
	const char *star = NULL, *from = NULL;

	while (*s != '\0') {
		if (*p == '*') {
			star = ++p;
			from = s;
		} else if (*p == *s || (*p == '?' && *s != '/')) {
			p++;
			s++;
		} else if (star != NULL && *from != '/') {
			p = star;
			s = ++from;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return *p == '\0';
}

bool
name_path_match(const char *path, const char *name)
{
	const char *last;
	size_t folder;

	path += *path == '/';
	if (*path == '\0' || strcmp(path, "*") == 0)
		return true;
	last = strrchr(path, '/');
	last = last == NULL ? path : last + 1;
	folder = (size_t)(last - path);
	if (strncmp(path, name, folder) != 0)
		return false;
	name += folder;
	return strcmp(last, "*") == 0 ? *name != '\0' : part_match(last, name);
}

unsigned
name_distance(const char *a, const char *b, unsigned max)
{
	unsigned row[3][DISTANCE_MAX + 1];
	unsigned *two = row[0], *one = row[1], *now = row[2];
	size_t la = strlen(a);
	size_t lb = strlen(b);
	unsigned least;

	if (la > DISTANCE_MAX || lb > DISTANCE_MAX ||
	    (la > lb ? la - lb : lb - la) > max)
		return max + 1;
	memset(row, 0, sizeof(row));
	for (unsigned j = 0; j <= lb; j++)
		one[j] = j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *oldest = two;

		now[0] = (unsigned)i;
		least = now[0];
		for (size_t j = 1; j <= lb; j++) {
			unsigned d = one[j - 1] + (a[i - 1] != b[j - 1]);

			if (one[j] + 1 < d)
				d = one[j] + 1;
			if (now[j - 1] + 1 < d)
				d = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && two[j - 2] + 1 < d)
				d = two[j - 2] + 1;
			now[j] = d;
			if (d < least)
				least = d;
		}
		if (least > max)
			return max + 1;
		two = one;
		one = now;
		now = oldest;
	}
	return one[lb] > max ? max + 1 : one[lb];
}

const char *
name_suggest(const char *word, const char *const *list, size_t n)
{
	unsigned best;
	const char *found = NULL;
	size_t len = strlen(word);

	best = len < 6 ? 1 : len < 9 ? 2 : 3;
	for (size_t i = 0; i < n; i++) {
		unsigned d = name_distance(word, list[i], best);

		if (d > best || (d == best && found != NULL))
			continue;
		/* all of a short word differs: no resemblance at all */
		if (d >= len)
			continue;
		found = list[i];
		best = d;
	}
	return found;
}
