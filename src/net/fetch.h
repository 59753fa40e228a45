/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fetch - HTTP requests of scripts to others: libcurl's multi interface driven
 * by the loop. Layer: net (3). Owner: the worker, one per application. Thread:
 * loop; libcurl looks up names on threads of its own.
 *
 * Nothing here waits: names, connections, TLS and bodies are events. Only http
 * and https, HTTP/1.1, certificates always checked; no proxy, netrc, cookie or
 * configuration of the environment. Redirects are followed here, three at
 * most, each asked about first (may); another origin does not get the request's
 * Authorization and Cookie. A name that takes long to look up holds a place
 * among conf.at_once until its thread ends, also when nobody waits any more.
 */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "codec/weburl.h"
#include "net/loop.h"

struct fetch;

struct fetch_conf {
	uint32_t at_once;  /* requests; more: FCS_ELIMIT */
	size_t body_max;   /* bytes of an answer's body */
	size_t header_max; /* bytes of its headers */
	int reserve_fds;   /* descriptor numbers left alone */
	/* authorities: a file of all, or a folder with names by hash; both
	 * NULL: those of the system */
	const char *ca_file, *ca_folder;
};

/* NULL: no memory. libcurl is set up by the first request. */
struct fetch *fetch_new(struct loop *, const struct fetch_conf *);
/* Ends what runs; nobody is told. */
void fetch_free(struct fetch *);
/* For requests from now on. */
void fetch_set_conf(struct fetch *, const struct fetch_conf *);

struct fetch_request { /* borrowed for the call */
	bool post;     /* else GET */
	const struct weburl *url;
	const char *const *headers; /* "Name: value", checked by the caller */
	size_t header_count;
	const void *body; /* POST */
	size_t len;
	uint32_t timeout_ms; /* for all of it, redirects included */
	/* May it be redirected to there? */
	bool (*may)(void *arg, const struct weburl *);
};

struct fetch_header {
	const char *name, *value; /* name in lower case */
};

struct fetch_answer { /* borrowed for the callback */
	int status;
	const struct fetch_header *headers; /* in order, names may repeat */
	size_t header_count;
	const uint8_t *body;
	size_t len;
};

/* Once per request, in LOOP_WORK: the answer, or NULL and why. */
typedef void (*fetch_done_fn)(
    void *arg, const struct fetch_answer *, const struct err *why);

/* FCS_OK: done comes, unless it is cancelled. FCS_ELIMIT too many at once;
 * FCS_ENOMEM. */
int fetch_start(struct fetch *, const struct fetch_request *, fetch_done_fn,
    void *arg, uint64_t *out_id) FCS_MUSTUSE;
void fetch_cancel(struct fetch *, uint64_t id); /* done is not called */
uint32_t fetch_count(const struct fetch *);     /* under way */

#endif
