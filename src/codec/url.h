/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * url - the `app` of a connect, stream names, rtmp:// URLs. Layer: codec (2).
 * wire-protocol.md 5.1, 5.5; DESIGN 6, 10.
 */
#ifndef CODEC_URL_H
#define CODEC_URL_H

#include <stdint.h>

#include "base/err.h"
#include "base/name.h"
#include "codec/value.h"

#define URL_DEFAULT_INSTANCE "_definst_"

struct url_app {
	char app[256];    /* first component, NUL-terminated */
	char inst[256];   /* rest, or _definst_ */
	char query[1024]; /* after '?', without it */
};

/* "room/blue?x=1" -> room, blue, x=1. Trailing slashes dropped. Falls back to
 * the path of tcUrl when app is empty. FCS_EFORMAT: empty, NUL, `..`, not in
 * the grammar of base/name.h; FCS_ELIMIT too long. */
int url_parse_app(struct value_str app, struct value_str tc_url,
    struct url_app *out) FCS_MUSTUSE;

enum url_kind {
	URL_FLV,
	URL_MP4,
	URL_MP3,
	URL_RAW
};

struct url_stream {
	enum url_kind kind;
	char name[256]; /* without prefix, extension .flv and query */
	char query[1024];
};

/* "flv:x.flv?k=v" -> URL_FLV, x, k=v. Errors as url_parse_app. */
int url_parse_stream(struct value_str name, struct url_stream *out) FCS_MUSTUSE;

struct url_rtmp { /* rtmp://host:port/app/inst */
	bool secure;
	char host[256];
	uint16_t port;
	struct url_app where;
};
int url_parse_rtmp(const char *text, struct url_rtmp *out) FCS_MUSTUSE;

#endif
