/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weburl - http and https URLs of scripts, and whether an allow list names
 * them. Layer: codec (2). Pure. script-api.md 7.8 (`http`), 8 (`http.allow`).
 *
 * Two programs that read one URL differently is how such lists are got round.
 * So this grammar takes the plain form only, refuses everything two readers
 * could disagree about, and what was checked is written anew: the text below
 * is what is fetched, never the text that came in.
 *
 * Refused: user names, other schemes, hosts with %, numbers that are no dotted
 * quad, port 0, backslash, control characters, bytes outside ASCII, and paths
 * with a part `.` or `..` however it is encoded. A fragment is cut off. Host
 * names are lower case without the final dot, IPv6 in its canonical form, the
 * port is written only when it is not the scheme's own, an empty path is "/".
 */
#ifndef CODEC_WEBURL_H
#define CODEC_WEBURL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define WEBURL_MAX  8192 /* bytes of a URL */
#define WEBURL_HOST 256

struct weburl {
	bool secure;            /* https */
	char host[WEBURL_HOST]; /* IPv6 with its brackets */
	uint16_t port;
	size_t path_at, path_len; /* in text; without the query */
	char text[WEBURL_MAX + 1];
};

/* FCS_OK; FCS_EFORMAT, FCS_ELIMIT with the reason in *why (may be NULL). */
int weburl_parse(
    const char *p, size_t len, struct weburl *out, struct err *why) FCS_MUSTUSE;

/*
 * Whether u lies below the entry of an allow list: same scheme, host and port,
 * and a path that is the entry's or goes on behind a `/`. An entry with a query
 * names nothing.
 */
bool weburl_is_below(const struct weburl *u, const struct weburl *entry);
bool weburl_same_origin(const struct weburl *a, const struct weburl *b);
/* localhost, 127.0.0.0/8 or ::1. */
bool weburl_is_loopback(const struct weburl *u);

#endif
