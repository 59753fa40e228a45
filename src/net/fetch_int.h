/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fetch_int - between fetch.c (life of a request) and fetch_easy.c (what
 * libcurl is told and tells). Layer: net (3), for those two.
 */
#ifndef NET_FETCH_INT_H
#define NET_FETCH_INT_H

#include <curl/curl.h>

#include "base/buf.h"
#include "base/idmap.h"
#include "net/fetch.h"
#include "net/timer.h"

struct fetch {
	struct loop *loop;
	struct fetch_conf conf;
	int max_fd;
	CURLM *multi; /* NULL: not set up yet */
	struct timer *timer;
	struct fetch_watch *watches;
	struct idmap *requests;   /* those somebody waits for */
	struct request *running;  /* in multi, abandoned ones too */
	struct request *finished; /* to be told */
	uint32_t count;           /* running and finished */
	struct loop_task task;
};

struct request {
	struct fetch *f;
	struct request *prev, *next;
	uint64_t id; /* 0: abandoned */
	fetch_done_fn done;
	void *arg;
	bool (*may)(void *arg, const struct weburl *);
	bool post;
	struct weburl url;
	char **headers; /* owned copies */
	size_t header_count;
	uint8_t *body;
	size_t len;
	uint32_t timeout_ms;
	int redirects;
	struct timer *timer;

	CURL *easy;
	struct curl_slist *list;
	bool in_multi;
	bool resolving; /* a thread looks the name up */
	char curl_error[CURL_ERROR_SIZE];
	struct err why; /* code != FCS_OK: it failed */

	/* the answer so far */
	struct buf head; /* name NUL value NUL ... */
	bool head_is_open;
	struct buf in;
	int status;
};

/* A fresh easy handle for r->url. FCS_ENOMEM. */
int fetch_easy_open(struct request *) FCS_MUSTUSE;
void fetch_easy_close(struct request *);
/* libcurl is done with it: status, or *why. */
void fetch_easy_result(struct request *, CURLcode);
/* Where it is redirected to; NULL: it is not. Borrowed from the handle. */
const char *fetch_easy_redirect(struct request *);

#endif
