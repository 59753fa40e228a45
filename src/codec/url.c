/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * url - application, instance and stream names out of what clients send. No
 * percent decoding: the old clients and the encoders do none either. Every
 * name passes name_check before it leaves here.
 */
#include "codec/url.h"

#include <string.h>

struct span {
	const char *p;
	size_t len;
};

static const char *
find(struct span s, char c)
{
	return s.len == 0 ? NULL : memchr(s.p, c, s.len);
}

/* Cut s at the first c: the part before stays, the part behind goes to rest
 * (empty when there is no c). */
static void
cut(struct span *s, char c, struct span *rest)
{
	const char *at = find(*s, c);

	rest->p = "";
	rest->len = 0;
	if (at == NULL)
		return;
	rest->p = at + 1;
	rest->len = (size_t)(s->p + s->len - rest->p);
	s->len = (size_t)(at - s->p);
}

static bool
starts_with(struct span s, const char *text)
{
	size_t n = strlen(text);

	return s.len >= n && memcmp(s.p, text, n) == 0;
}

static void
skip(struct span *s, size_t n)
{
	s->p += n;
	s->len -= n;
}

static int
copy(struct span s, char *dst, size_t size)
{
	if (s.len >= size)
		return FCS_ELIMIT;
	if (find(s, '\0') != NULL)
		return FCS_EFORMAT;
	if (s.len > 0)
		memcpy(dst, s.p, s.len);
	dst[s.len] = '\0';
	return FCS_OK;
}

static int
copy_name(enum name_kind kind, struct span s, char *dst, size_t size)
{
	int rc = name_check(kind, s.p, s.len, NULL);

	if (rc != FCS_OK)
		return rc == FCS_ELIMIT ? FCS_ELIMIT : FCS_EFORMAT;
	return copy(s, dst, size);
}

static void
trim_slashes(struct span *s)
{
	while (s->len > 0 && s->p[0] == '/')
		skip(s, 1);
	while (s->len > 0 && s->p[s->len - 1] == '/')
		s->len--;
}

/* What follows the host of a URL, without the first slash. */
static struct span
path_of(struct value_str url)
{
	struct span s = { url.ptr, url.len }, rest;

	for (size_t i = 0; i + 3 <= s.len; i++)
		if (memcmp(s.p + i, "://", 3) == 0) {
			skip(&s, i + 3);
			cut(&s, '/', &rest);
			return rest;
		}
	s.len = 0;
	return s;
}

static int
parse_app(struct span s, struct url_app *out)
{
	struct span query, inst;
	int rc;

	cut(&s, '?', &query);
	trim_slashes(&s);
	cut(&s, '/', &inst);
	rc = copy_name(NAME_APP, s, out->app, sizeof(out->app));
	if (rc != FCS_OK)
		return rc;
	if (inst.len == 0) {
		inst.p = URL_DEFAULT_INSTANCE;
		inst.len = strlen(inst.p);
	}
	rc = copy_name(NAME_INSTANCE, inst, out->inst, sizeof(out->inst));
	if (rc != FCS_OK)
		return rc;
	return copy(query, out->query, sizeof(out->query));
}

int
url_parse_app(
    struct value_str app, struct value_str tc_url, struct url_app *out)
{
	struct span s = { app.ptr, app.len };
	struct url_app where;
	int rc;

	if (s.len == 0)
		s = path_of(tc_url);
	rc = parse_app(s, &where);
	if (rc == FCS_OK)
		*out = where;
	return rc;
}

int
url_parse_stream(struct value_str name, struct url_stream *out)
{
	static const struct {
		const char *prefix;
		enum url_kind kind;
	} kinds[] = { { "flv:", URL_FLV }, { "mp4:", URL_MP4 },
		{ "f4v:", URL_MP4 }, { "mp3:", URL_MP3 }, { "id3:", URL_MP3 },
		{ "raw:", URL_RAW } };
	struct span s = { name.ptr, name.len }, query;
	struct url_stream stream = { .kind = URL_FLV };
	int rc;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (starts_with(s, kinds[i].prefix)) {
			stream.kind = kinds[i].kind;
			skip(&s, 4);
			break;
		}
	cut(&s, '?', &query);
	if (stream.kind == URL_FLV && s.len > 4 &&
	    memcmp(s.p + s.len - 4, ".flv", 4) == 0)
		s.len -= 4;
	rc = copy_name(NAME_STREAM, s, stream.name, sizeof(stream.name));
	if (rc == FCS_OK)
		rc = copy(query, stream.query, sizeof(stream.query));
	if (rc == FCS_OK)
		*out = stream;
	return rc;
}

static int
parse_port(struct span s, uint16_t *port)
{
	uint32_t v = 0;

	if (s.len == 0 || s.len > 5)
		return FCS_EFORMAT;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return FCS_EFORMAT;
		v = v * 10 + (uint32_t)(s.p[i] - '0');
	}
	if (v == 0 || v > UINT16_MAX)
		return FCS_EFORMAT;
	*port = (uint16_t)v;
	return FCS_OK;
}

/* host, host:port, [v6], [v6]:port; *port stays when there is none. */
static int
parse_host(struct span s, char *host, size_t size, uint16_t *port)
{
	struct span rest;
	bool has_port;
	int rc;

	if (s.len > 0 && s.p[0] == '[') {
		skip(&s, 1);
		if (find(s, ']') == NULL)
			return FCS_EFORMAT;
		cut(&s, ']', &rest);
		if (rest.len > 0 && rest.p[0] != ':')
			return FCS_EFORMAT;
		has_port = rest.len > 0;
		if (has_port)
			skip(&rest, 1);
	} else {
		has_port = find(s, ':') != NULL;
		cut(&s, ':', &rest);
	}
	if (s.len == 0)
		return FCS_EFORMAT;
	rc = copy(s, host, size);
	if (rc == FCS_OK && has_port)
		rc = parse_port(rest, port);
	return rc;
}

int
url_parse_rtmp(const char *text, struct url_rtmp *out)
{
	struct span s = { text, strlen(text) }, path;
	struct url_rtmp u = { .port = 1935 };
	int rc;

	if (starts_with(s, "rtmp://")) {
		skip(&s, 7);
	} else if (starts_with(s, "rtmps://")) {
		skip(&s, 8);
		u.secure = true;
		u.port = 443;
	} else {
		return FCS_EFORMAT;
	}
	cut(&s, '/', &path);
	rc = parse_host(s, u.host, sizeof(u.host), &u.port);
	if (rc == FCS_OK)
		rc = parse_app(path, &u.where);
	if (rc == FCS_OK)
		*out = u;
	return rc;
}
