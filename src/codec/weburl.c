/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/weburl.h"

#include <arpa/inet.h>
#include <string.h>

#define LABEL_MAX 63
#define HOST_MAX  253
#define TIMES_MAX 4 /* a path may be encoded over and over */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int
hex(char c)
{
	c = lower(c);
	if (is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
starts(const char *p, size_t len, const char *word)
{
	size_t i, n = strlen(word);

	if (len < n)
		return false;
	for (i = 0; i < n; i++)
		if (lower(p[i]) != word[i])
			return false;
	return true;
}

/* ---- host ---- */

static bool
is_ipv4(const char *host)
{
	struct in_addr a;

	return inet_pton(AF_INET, host, &a) == 1;
}

/* Readers that take 127.1, 0x7f.1 or 2130706433 for an address exist, readers
 * that take it for a name too: a last label that looks like a number must be
 * the end of a dotted quad. */
static bool
is_number_like(const char *label)
{
	size_t n = strlen(label);

	return strspn(label, "0123456789") == n ||
	       (label[0] == '0' && label[1] == 'x' &&
		   strspn(label + 2, "0123456789abcdef") == n - 2);
}

static int
check_name(const char *host, struct err *why)
{
	size_t i, label = 0;
	const char *last = host;

	for (i = 0; host[i] != '\0'; i++) {
		if (host[i] == '.') {
			if (label == 0)
				return err_set(
				    why, FCS_EFORMAT, "empty part in the host");
			label = 0;
			last = host + i + 1;
			continue;
		}
		if (!is_digit(host[i]) && host[i] != '-' && host[i] != '_' &&
		    !(host[i] >= 'a' && host[i] <= 'z'))
			return err_set(why, FCS_EFORMAT,
			    "character not allowed in the host");
		if (++label > LABEL_MAX)
			return err_set(
			    why, FCS_EFORMAT, "part of the host too long");
	}
	if (label == 0)
		return err_set(why, FCS_EFORMAT, "no host");
	if (is_number_like(last) && !is_ipv4(host))
		return err_set(why, FCS_EFORMAT,
		    "a host of numbers must be four of them (127.0.0.1)");
	return FCS_OK;
}

static int
take_name(const char *p, size_t len, struct weburl *u, struct err *why)
{
	size_t i;

	if (len > 1 && p[len - 1] == '.')
		len--;
	if (len > HOST_MAX)
		return err_set(why, FCS_ELIMIT, "host too long");
	for (i = 0; i < len; i++) {
		if (p[i] == '\0')
			return err_set(
			    why, FCS_EFORMAT, "NUL byte in the host");
		u->host[i] = lower(p[i]);
	}
	u->host[len] = '\0';
	return check_name(u->host, why);
}

static int
take_ipv6(const char *p, size_t len, struct weburl *u, struct err *why)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;

	if (len < sizeof(text)) {
		memcpy(text, p, len);
		text[len] = '\0';
		if (strlen(text) == len && inet_pton(AF_INET6, text, &a) == 1 &&
		    inet_ntop(AF_INET6, &a, u->host + 1, sizeof(u->host) - 2) !=
			NULL) {
			u->host[0] = '[';
			strcat(u->host, "]");
			return FCS_OK;
		}
	}
	return err_set(why, FCS_EFORMAT, "no IPv6 address in the brackets");
}

static int
take_port(const char *p, size_t len, struct weburl *u, struct err *why)
{
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < len && is_digit(p[i]) && n <= 65535; i++)
		n = n * 10 + (uint32_t)(p[i] - '0');
	if (len == 0 || i < len || n == 0 || n > 65535 || p[0] == '0')
		return err_set(why, FCS_EFORMAT, "no port after the colon");
	u->port = (uint16_t)n;
	return FCS_OK;
}

static int
take_authority(const char *p, size_t len, struct weburl *u, struct err *why)
{
	const char *end, *colon;
	int rc;

	if (memchr(p, '@', len) != NULL)
		return err_set(why, FCS_EFORMAT,
		    "user names in a URL are refused, use headers:");
	if (len > 0 && p[0] == '[') {
		end = memchr(p, ']', len);
		if (end == NULL)
			return err_set(why, FCS_EFORMAT, "no ] after [");
		rc = take_ipv6(p + 1, (size_t)(end - p) - 1, u, why);
		colon = end + 1;
		if (rc == FCS_OK && colon < p + len && *colon != ':')
			rc = err_set(
			    why, FCS_EFORMAT, "no port after the address");
	} else {
		colon = memchr(p, ':', len);
		if (colon == NULL)
			colon = p + len;
		rc = take_name(p, (size_t)(colon - p), u, why);
	}
	if (rc == FCS_OK && colon < p + len)
		rc =
		    take_port(colon + 1, len - (size_t)(colon - p) - 1, u, why);
	return rc;
}

/* ---- path ---- */

/* Decode all %XX once, in place; whether there was any. */
static bool
decode(char *p, size_t *len)
{
	size_t from, to = 0;
	bool any = false;

	for (from = 0; from < *len; from++, to++) {
		p[to] = p[from];
		if (p[from] == '%' && from + 2 < *len &&
		    hex(p[from + 1]) >= 0 && hex(p[from + 2]) >= 0) {
			p[to] =
			    (char)(hex(p[from + 1]) * 16 + hex(p[from + 2]));
			from += 2;
			any = true;
		}
	}
	*len = to;
	return any;
}

/* `.`, `..`, and both with parameters: some servers cut those off first. */
static bool
is_dots(const char *p, size_t len)
{
	const char *end = memchr(p, ';', len);

	if (end != NULL)
		len = (size_t)(end - p);
	return (len == 1 && p[0] == '.') ||
	       (len == 2 && p[0] == '.' && p[1] == '.');
}

/* No part climbs, however often whoever reads it decodes. */
static int
check_path(const char *path, size_t path_len, struct err *why)
{
	char p[WEBURL_MAX];
	size_t i, len = path_len, part = 0;
	int times = 0;

	memcpy(p, path, len);
	while (decode(p, &len))
		if (++times > TIMES_MAX)
			return err_set(why, FCS_EFORMAT,
			    "path encoded more than %d times", TIMES_MAX);
	for (i = 0; i <= len; i++) {
		if (i < len && p[i] != '/' && p[i] != '\\') {
			if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
				return err_set(why, FCS_EFORMAT,
				    "control character in the path");
			continue;
		}
		if (is_dots(p + part, i - part))
			return err_set(
			    why, FCS_EFORMAT, "`.` or `..` in the path");
		part = i + 1;
	}
	return FCS_OK;
}

static int
check_bytes(const char *p, size_t len, struct err *why)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] <= 0x20 || p[i] >= 0x7f ||
		    strchr("\"<>\\^`{|}", p[i]) != NULL)
			return err_set(why, FCS_EFORMAT,
			    "character that must be written as %%XX");
		if (p[i] == '%' &&
		    (i + 2 >= len || hex(p[i + 1]) < 0 || hex(p[i + 2]) < 0))
			return err_set(
			    why, FCS_EFORMAT, "%% without two hex digits");
	}
	return FCS_OK;
}

/* ---- the whole ---- */

static void
add(char *out, size_t *at, const char *p, size_t len)
{
	memcpy(out + *at, p, len);
	*at += len;
	out[*at] = '\0';
}

static size_t
port_text(uint16_t port, char out[8])
{
	char digits[8];
	size_t n = 0, i;

	for (; port > 0; port = (uint16_t)(port / 10))
		digits[n++] = (char)('0' + port % 10);
	out[0] = ':';
	for (i = 0; i < n; i++)
		out[1 + i] = digits[n - 1 - i];
	return n + 1;
}

static int
compose(struct weburl *u, const char *path, size_t path_len, size_t rest_len,
    struct err *why)
{
	char port[8];
	size_t at = 0, n = 0;

	if (u->port != (u->secure ? 443 : 80))
		n = port_text(u->port, port);
	if ((u->secure ? 8 : 7) + strlen(u->host) + n + (path_len == 0) +
		rest_len >
	    WEBURL_MAX)
		return err_set(
		    why, FCS_ELIMIT, "URL longer than %d bytes", WEBURL_MAX);
	add(u->text, &at, u->secure ? "https://" : "http://",
	    u->secure ? 8 : 7);
	add(u->text, &at, u->host, strlen(u->host));
	add(u->text, &at, port, n);
	u->path_at = at;
	if (path_len == 0)
		add(u->text, &at, "/", 1);
	u->path_len = path_len == 0 ? 1 : path_len;
	add(u->text, &at, path, rest_len);
	return FCS_OK;
}

int
weburl_parse(const char *p, size_t len, struct weburl *out, struct err *why)
{
	const char *end;
	size_t host_len, path_len;
	int rc;

	if (len > WEBURL_MAX)
		return err_set(
		    why, FCS_ELIMIT, "URL longer than %d bytes", WEBURL_MAX);
	out->secure = starts(p, len, "https://");
	if (!out->secure && !starts(p, len, "http://"))
		return err_set(
		    why, FCS_EFORMAT, "only http:// and https:// are fetched");
	out->port = out->secure ? 443 : 80;
	p += out->secure ? 8 : 7;
	len -= out->secure ? 8 : 7;
	end = memchr(p, '#', len);
	if (end != NULL)
		len = (size_t)(end - p);
	for (host_len = 0; host_len < len && p[host_len] != '/' &&
			   p[host_len] != '?' && p[host_len] != '\\';
	     host_len++)
		;
	rc = take_authority(p, host_len, out, why);
	p += host_len;
	len -= host_len;
	if (rc == FCS_OK)
		rc = check_bytes(p, len, why);
	if (rc != FCS_OK)
		return rc;
	end = memchr(p, '?', len);
	path_len = end == NULL ? len : (size_t)(end - p);
	rc = check_path(p, path_len, why);
	if (rc != FCS_OK)
		return rc;
	return compose(out, p, path_len, len, why);
}

bool
weburl_same_origin(const struct weburl *a, const struct weburl *b)
{
	return a->secure == b->secure && a->port == b->port &&
	       strcmp(a->host, b->host) == 0;
}

bool
weburl_is_below(const struct weburl *u, const struct weburl *entry)
{
	const char *path = u->text + u->path_at;
	const char *top = entry->text + entry->path_at;
	size_t len = entry->path_len;

	if (!weburl_same_origin(u, entry) || top[len] != '\0')
		return false;
	if (u->path_len < len || memcmp(path, top, len) != 0)
		return false;
	return u->path_len == len || top[len - 1] == '/' || path[len] == '/';
}

bool
weburl_is_loopback(const struct weburl *u)
{
	return strcmp(u->host, "localhost") == 0 ||
	       strcmp(u->host, "[::1]") == 0 ||
	       (strncmp(u->host, "127.", 4) == 0 && is_ipv4(u->host));
}
