/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of requests. Each is in one list: `running` while libcurl has it,
 * `finished` until its owner was told, which happens in LOOP_WORK and never
 * from inside a call into here or into libcurl.
 *
 * libcurl may wait for its lookup thread when a handle is taken out. So one
 * that is looking up when its time is over is left in: nobody waits for it any
 * more (id 0), it gets no socket, and it goes when its thread has ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <utlist.h>

#include "base/log.h"
#include "net/fetch_int.h"

#define REDIRECTS_MAX 3
#define CACHE_MAX     32 /* idle connections */

struct fetch_watch {
	struct fetch *f;
	struct loop_watch *watch;
	curl_socket_t fd;
	struct fetch_watch *prev, *next;
};

/* ---- requests ---- */

static void
request_free(struct request *r)
{
	size_t i;

	fetch_easy_close(r);
	timer_free(r->timer);
	for (i = 0; i < r->header_count; i++)
		free(r->headers[i]);
	free(r->headers);
	free(r->body);
	buf_fini(&r->head);
	buf_fini(&r->in);
	free(r);
}

static void
take_out(struct request *r)
{
	if (r->in_multi)
		(void)curl_multi_remove_handle(r->f->multi, r->easy);
	r->in_multi = false;
	fetch_easy_close(r);
}

/* It will be told. */
static void
finish(struct request *r)
{
	struct fetch *f = r->f;

	timer_stop(r->timer);
	take_out(r);
	DL_DELETE(f->running, r);
	DL_APPEND(f->finished, r);
	loop_at_end(f->loop, LOOP_WORK, &f->task);
}

static void
drop(struct request *r)
{
	struct fetch *f = r->f;

	take_out(r);
	DL_DELETE(f->running, r);
	f->count--;
	request_free(r);
}

static void
on_timeout(void *arg)
{
	struct request *r = arg, *told;
	struct fetch *f = r->f;

	(void)err_set(&r->why, FCS_ETIMEOUT, "%s:%u: no answer within %g s",
	    r->url.host, r->url.port, (double)r->timeout_ms / 1000);
	if (!r->resolving) {
		finish(r);
		return;
	}
	/* a stand-in is told, the request stays with its thread */
	told = calloc(1, sizeof(*told));
	if (told == NULL) { /* it is told when the thread ends */
		log_error("fetch.timeout", "why=%s", "out of memory");
		return;
	}
	told->f = f;
	told->id = r->id;
	told->done = r->done;
	told->arg = r->arg;
	told->why = r->why;
	buf_init(&told->head, 0);
	buf_init(&told->in, 0);
	r->id = 0;
	f->count++;
	DL_APPEND(f->finished, told);
	loop_at_end(f->loop, LOOP_WORK, &f->task);
}

/* ---- telling ---- */

static size_t
count_headers(const struct buf *b)
{
	size_t n = 0, i;

	for (i = 0; i < buf_len(b); i++)
		n += buf_data(b)[i] == '\0';
	return n / 2;
}

static void
tell(struct request *r)
{
	struct fetch_answer a;
	struct fetch_header *list;
	const char *p = (const char *)buf_data(&r->head);
	size_t i, n = count_headers(&r->head);

	if (r->why.code != FCS_OK) {
		r->done(r->arg, NULL, &r->why);
		return;
	}
	list = calloc(n + 1, sizeof(*list));
	if (list == NULL) {
		(void)err_set(&r->why, FCS_ENOMEM, "out of memory");
		r->done(r->arg, NULL, &r->why);
		return;
	}
	for (i = 0; i < n; i++) {
		list[i].name = p;
		p += strlen(p) + 1;
		list[i].value = p;
		p += strlen(p) + 1;
	}
	memset(&a, 0, sizeof(a));
	a.status = r->status;
	a.headers = list;
	a.header_count = n;
	a.body = buf_data(&r->in);
	a.len = buf_len(&r->in);
	r->done(r->arg, &a, NULL);
	free(list);
}

static void
tell_finished(void *arg)
{
	struct fetch *f = arg;
	struct request *r;

	while ((r = f->finished) != NULL) {
		DL_DELETE(f->finished, r);
		f->count--;
		if (r->id != 0) {
			(void)idmap_del(f->requests, r->id);
			tell(r);
		}
		request_free(r);
	}
}

/* ---- from libcurl ---- */

static int
launch(struct request *r)
{
	int rc = fetch_easy_open(r);

	if (rc != FCS_OK)
		return rc;
	if (curl_multi_add_handle(r->f->multi, r->easy) != CURLM_OK) {
		fetch_easy_close(r);
		return FCS_ENOMEM;
	}
	r->in_multi = true;
	return FCS_OK;
}

static void
drop_headers(struct request *r, const char *prefix)
{
	size_t i;

	for (i = 0; i < r->header_count; i++) {
		if (r->headers[i] == NULL ||
		    strncasecmp(r->headers[i], prefix, strlen(prefix)) != 0)
			continue;
		free(r->headers[i]);
		r->headers[i] = NULL;
	}
}

/* Go on at `to`; FCS_OK, or why not (in r->why). */
static int
redirect(struct request *r, const char *to)
{
	struct weburl url;
	struct err why;
	int rc = weburl_parse(to, strlen(to), &url, &why);

	if (rc != FCS_OK)
		return err_set(
		    &r->why, rc, "redirected to a bad URL: %s", why.text);
	if (++r->redirects > REDIRECTS_MAX)
		return err_set(&r->why, FCS_ELIMIT,
		    "redirected more than %d times", REDIRECTS_MAX);
	if (!r->may(r->arg, &url))
		return err_set(&r->why, FCS_EACCES,
		    "redirected to %s:%u, which http.allow does not name there",
		    url.host, url.port);
	if (!weburl_same_origin(&r->url, &url)) {
		drop_headers(r, "authorization:");
		drop_headers(r, "cookie:");
	}
	if (r->post && r->status != 307 && r->status != 308) {
		r->post = false;
		drop_headers(r, "content-");
	}
	r->url = url;
	take_out(r);
	rc = launch(r);
	return rc == FCS_OK ? rc : err_set(&r->why, rc, "out of memory");
}

static void
transfer_done(struct request *r, CURLcode code)
{
	const char *to;

	if (r->id == 0) {
		drop(r);
		return;
	}
	fetch_easy_result(r, code);
	to = r->why.code == FCS_OK ? fetch_easy_redirect(r) : NULL;
	if (to == NULL || redirect(r, to) != FCS_OK)
		finish(r);
}

static void
collect(struct fetch *f)
{
	struct request *r;
	CURLMsg *m;
	CURLcode code;
	char *owner;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		code = m->data.result;
		owner = NULL;
		(void)curl_easy_getinfo(
		    m->easy_handle, CURLINFO_PRIVATE, &owner);
		r = (struct request *)(void *)owner;
		transfer_done(r, code);
	}
}

static void
act(struct fetch *f, curl_socket_t fd, int what)
{
	int running;

	(void)curl_multi_socket_action(f->multi, fd, what, &running);
	collect(f);
}

static void
on_ready(void *arg, int ready)
{
	struct fetch_watch *w = arg;

	act(w->f, w->fd,
	    ((ready & LOOP_READ) != 0 ? CURL_CSELECT_IN : 0) |
		((ready & LOOP_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

static void
on_timer(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void
watch_free(struct fetch_watch *w)
{
	DL_DELETE(w->f->watches, w);
	loop_watch_free(w->watch);
	free(w);
}

/* libcurl: watch this socket for that. */
static int
on_want(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct fetch *f = arg;
	struct fetch_watch *w = known;
	int flags = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w != NULL)
			watch_free(w);
		return 0;
	}
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		flags |= LOOP_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		flags |= LOOP_WRITE;
	if (w != NULL) {
		loop_watch_set(w->watch, flags);
		return 0;
	}
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -1;
	w->f = f;
	w->fd = fd;
	w->watch = loop_watch_new(f->loop, fd, flags, on_ready, w);
	if (w->watch == NULL) {
		free(w);
		return -1;
	}
	DL_APPEND(f->watches, w);
	(void)curl_multi_assign(f->multi, fd, w);
	return 0;
}

/* libcurl: call me then. */
static int
on_when(CURLM *multi, long ms, void *arg)
{
	struct fetch *f = arg;

	(void)multi;
	if (ms < 0)
		timer_stop(f->timer);
	else
		timer_set(f->timer, (uint32_t)ms);
	return 0;
}

/* ---- life ---- */

static int
set_up(struct fetch *f)
{
	if (f->multi != NULL)
		return FCS_OK;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return FCS_ENOMEM;
	f->multi = curl_multi_init();
	if (f->multi == NULL) {
		curl_global_cleanup();
		return FCS_ENOMEM;
	}
	(void)curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_want);
	(void)curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
	(void)curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_when);
	(void)curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
	(void)curl_multi_setopt(
	    f->multi, CURLMOPT_MAXCONNECTS, (long)CACHE_MAX);
	return FCS_OK;
}

struct fetch *
fetch_new(struct loop *l, const struct fetch_conf *conf)
{
	struct fetch *f = calloc(1, sizeof(*f));
	struct rlimit rl;

	if (f == NULL)
		return NULL;
	f->loop = l;
	f->conf = *conf;
	f->task.fn = tell_finished;
	f->task.arg = f;
	if (getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur > 1 << 30)
		rl.rlim_cur = 1 << 30;
	f->max_fd = (int)rl.rlim_cur - 1 - conf->reserve_fds;
	f->requests = idmap_new(0);
	f->timer = timer_new(l, on_timer, f);
	if (f->requests == NULL || f->timer == NULL) {
		fetch_free(f);
		return NULL;
	}
	return f;
}

void
fetch_free(struct fetch *f)
{
	struct request *r;

	if (f == NULL)
		return;
	while (f->running != NULL)
		drop(f->running);
	while ((r = f->finished) != NULL) {
		DL_DELETE(f->finished, r);
		request_free(r);
	}
	loop_cancel(f->loop, LOOP_WORK, &f->task);
	if (f->multi != NULL) {
		(void)curl_multi_cleanup(f->multi);
		curl_global_cleanup();
	}
	while (f->watches != NULL)
		watch_free(f->watches);
	timer_free(f->timer);
	idmap_free(f->requests);
	free(f);
}

void
fetch_set_conf(struct fetch *f, const struct fetch_conf *conf)
{
	f->conf = *conf;
}

static int
copy_request(struct request *r, const struct fetch_request *q)
{
	size_t i;

	r->post = q->post;
	r->url = *q->url;
	r->timeout_ms = q->timeout_ms;
	r->may = q->may;
	buf_init(&r->head, 0);
	buf_init(&r->in, 0);
	r->headers = calloc(q->header_count + 1, sizeof(*r->headers));
	if (r->headers == NULL)
		return FCS_ENOMEM;
	r->header_count = q->header_count;
	for (i = 0; i < q->header_count; i++)
		if ((r->headers[i] = strdup(q->headers[i])) == NULL)
			return FCS_ENOMEM;
	if (q->len > 0) {
		r->body = malloc(q->len);
		if (r->body == NULL)
			return FCS_ENOMEM;
		memcpy(r->body, q->body, q->len);
		r->len = q->len;
	}
	return FCS_OK;
}

int
fetch_start(struct fetch *f, const struct fetch_request *q, fetch_done_fn done,
    void *arg, uint64_t *out_id)
{
	struct request *r;
	int rc;

	if (f->count >= f->conf.at_once)
		return FCS_ELIMIT;
	rc = set_up(f);
	if (rc != FCS_OK)
		return rc;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return FCS_ENOMEM;
	r->f = f;
	r->done = done;
	r->arg = arg;
	rc = copy_request(r, q);
	if (rc == FCS_OK) {
		r->timer = timer_new(f->loop, on_timeout, r);
		rc = r->timer == NULL ? FCS_ENOMEM
				      : idmap_add(f->requests, r, &r->id);
	}
	if (rc == FCS_OK)
		rc = launch(r);
	if (rc != FCS_OK) {
		if (r->id != 0)
			(void)idmap_del(f->requests, r->id);
		request_free(r);
		return rc;
	}
	timer_set(r->timer, q->timeout_ms);
	DL_APPEND(f->running, r);
	f->count++;
	*out_id = r->id;
	return FCS_OK;
}

void
fetch_cancel(struct fetch *f, uint64_t id)
{
	struct request *r = idmap_del(f->requests, id), *told;

	DL_FOREACH(f->finished, told) {
		if (told->id != id)
			continue;
		told->id = 0;
		return;
	}
	if (r == NULL)
		return;
	if (r->resolving) {
		timer_stop(r->timer);
		r->id = 0;
	} else {
		drop(r);
	}
}

uint32_t
fetch_count(const struct fetch *f)
{
	return f->count;
}
