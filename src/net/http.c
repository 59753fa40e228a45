/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http - see http.h.
 *
 * evhttp's time limit starts again with every byte and it has no limit on
 * connections. So each connection is also in our list, by a reference to its
 * bufferevent: a sweep every second forgets those evhttp has let go (it takes
 * its callbacks away) and shuts down those that are older than
 * LIFE_TIMES x http_time.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/http.h"
#include "net/loop_int.h"
#include "net/timer.h"

#define SWEEP_MS   1000
#define LIFE_TIMES 3

struct guest {
	struct bufferevent *bev;
	uint64_t since_ms;
	struct guest *next;
};

struct http {
	struct loop *loop;
	struct evhttp *evhttp;
	struct evconnlistener *listener;
	struct timer *sweep;
	struct guest *guests;
	uint32_t guest_count, max_guests, life_ms;
	http_fn fn;
	void *arg;
};

/*
 * Out of descriptors: accepting rests until the next sweep, or epoll would
 * call without end. (The argument is evhttp's, not ours.)
 */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void)arg;
	log_warn("http.starved", "why=%s",
	    evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	(void)evconnlistener_disable(listener);
}

static void
on_sweep(void *arg)
{
	struct http *h = arg;
	struct guest **at = &h->guests, *g;
	bufferevent_event_cb event_cb;
	int fd;

	while ((g = *at) != NULL) {
		event_cb = NULL;
		bufferevent_getcb(g->bev, NULL, NULL, &event_cb, NULL);
		if (event_cb == NULL) {
			*at = g->next;
			(void)bufferevent_decref(g->bev);
			free(g);
			h->guest_count--;
			continue;
		}
		fd = bufferevent_getfd(g->bev);
		if (loop_now_ms(h->loop) - g->since_ms > h->life_ms && fd >= 0)
			(void)shutdown(fd, SHUT_RDWR);
		at = &g->next;
	}
	if (h->guest_count < h->max_guests)
		(void)evconnlistener_enable(h->listener);
	timer_set(h->sweep, SWEEP_MS);
}

/* evhttp asks for the bufferevent of a connection it accepted. */
static struct bufferevent *
on_connection(struct event_base *base, void *arg)
{
	struct http *h = arg;
	struct bufferevent *bev;
	struct guest *g;

	loop_enter(h->loop);
	bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	g = calloc(1, sizeof(*g));
	if (bev == NULL || g == NULL) {
		free(g);
		return bev;
	}
	bufferevent_incref(bev);
	g->bev = bev;
	g->since_ms = loop_now_ms(h->loop);
	g->next = h->guests;
	h->guests = g;
	if (++h->guest_count >= h->max_guests) {
		limits_refuse(LIMIT_HTTP_CLIENTS);
		(void)evconnlistener_disable(h->listener);
	}
	return bev;
}

static void
on_request(struct evhttp_request *req, void *arg)
{
	struct http *h = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);
	struct evkeyvalq *head = evhttp_request_get_output_headers(req);
	bool is_head = evhttp_request_get_command(req) == EVHTTP_REQ_HEAD;
	struct http_answer a = { .code = 404,
		.type = "text/plain; charset=utf-8",
		.body = "not found\n",
		.len = 10 };
	struct evbuffer *body;
	char text[32];

	loop_enter(h->loop);
	h->fn(h->arg, is_head ? "HEAD" : "GET",
	    path == NULL || path[0] == '\0' ? "/" : path, &a);
	(void)evhttp_add_header(head, "Content-Type", a.type);
	(void)evhttp_add_header(head, "Connection", "close");
	(void)evhttp_add_header(head, "Cache-Control", "no-store");
	(void)evhttp_add_header(head, "X-Content-Type-Options", "nosniff");
	body = evbuffer_new();
	if (body == NULL) {
		evhttp_send_error(req, 503, NULL);
		return;
	}
	if (is_head) {
		(void)snprintf(text, sizeof(text), "%zu", a.len);
		(void)evhttp_add_header(head, "Content-Length", text);
	} else {
		(void)evbuffer_add(body, a.body, a.len);
	}
	evhttp_send_reply(req, a.code, NULL, body);
	evbuffer_free(body);
}

struct http *
http_new(
    struct loop *l, int fd, const struct limits *lim, http_fn fn, void *arg)
{
	struct http *h = calloc(1, sizeof(*h));
	struct evhttp_bound_socket *bound;
	struct timeval tv;
	int64_t ms = limits_get(lim, LIMIT_HTTP_TIME);

	if (h == NULL)
		return NULL;
	h->loop = l;
	h->fn = fn;
	h->arg = arg;
	h->max_guests = (uint32_t)limits_get(lim, LIMIT_HTTP_CLIENTS);
	h->life_ms = (uint32_t)(ms * LIFE_TIMES);
	h->evhttp = evhttp_new(loop_base(l));
	h->sweep = timer_new(l, on_sweep, h);
	if (h->evhttp == NULL || h->sweep == NULL)
		goto fail;
	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000) * 1000;
	evhttp_set_timeout_tv(h->evhttp, &tv);
	evhttp_set_max_headers_size(
	    h->evhttp, (ev_ssize_t)limits_get(lim, LIMIT_HTTP_HEADER));
	evhttp_set_max_body_size(
	    h->evhttp, (ev_ssize_t)limits_get(lim, LIMIT_HTTP_BODY));
	evhttp_set_allowed_methods(h->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_gencb(h->evhttp, on_request, h);
	/* evhttp closes the descriptor it accepts on: give it its own */
	fd = dup(fd);
	if (fd < 0)
		goto fail;
	(void)evutil_make_socket_closeonexec(fd);
	evhttp_set_bevcb(h->evhttp, on_connection, h);
	bound = evhttp_accept_socket_with_handle(h->evhttp, fd);
	if (bound == NULL) {
		(void)close(fd);
		goto fail;
	}
	h->listener = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(h->listener, on_accept_error);
	timer_set(h->sweep, SWEEP_MS);
	return h;
fail:
	http_free(h);
	return NULL;
}

void
http_free(struct http *h)
{
	struct guest *g;

	if (h == NULL)
		return;
	timer_free(h->sweep);
	if (h->evhttp != NULL)
		evhttp_free(h->evhttp);
	while ((g = h->guests) != NULL) {
		h->guests = g->next;
		(void)bufferevent_decref(g->bev);
		free(g);
	}
	free(h);
}
