/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http - a small HTTP server on one listening socket, for health and status
 * pages. Layer: net (3); used by the gateway only. On evhttp, with limits on
 * head, body, time and connections. Thread: loop.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/limits.h"
#include "net/loop.h"

struct http;
struct http_answer {
	int code;
	const char *type; /* "text/plain", static */
	const char *body; /* borrowed until the call that got it returns */
	size_t len;
};
/* Fill *out (preset: 404). method "GET" or "HEAD"; path without the query,
 * percent signs untouched. */
typedef void (*http_fn)(
    void *arg, const char *method, const char *path, struct http_answer *out);

/* Borrows fd. Answers only GET and HEAD (others: 501). NULL: no memory. */
struct http *http_new(
    struct loop *, int fd, const struct limits *, http_fn, void *arg);
/* Stop accepting; running answers end by themselves. */
void http_free(struct http *);

#endif
