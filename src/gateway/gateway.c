/* SPDX-License-Identifier: BSD-2-Clause */
/* gateway - see gateway.h. Wiring: listeners, http, messages, the end. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin/role.h"
#include "base/log.h"
#include "base/rnd.h"
#include "gateway/gateway.h"
#include "gateway/gateway_int.h"
#include "net/http.h"
#include "net/stream.h"
#include "net/timer.h"

#define LISTENERS_MAX 30
#define END_STEP_MS   20

struct wiring {
	struct gateway gw;
	struct role *role;
	struct listener *listeners[LISTENERS_MAX];
	struct http *https[LISTENERS_MAX];
	int fds[LISTENERS_MAX]; /* of both, rtmp first */
	size_t rtmp_count, http_count;
	int max_fd; /* higher ones are kept back */
	struct timer *end;
	uint64_t end_by_ms;
};

static void
on_accepted(void *arg, int fd, const struct listener_peer *peer)
{
	struct wiring *w = arg;

	if (fd > w->max_fd) {
		limits_refuse(LIMIT_RESERVE_FDS);
		log_warn("gateway.refused", "ip=%s port=%u why=%s", peer->ip,
		    (unsigned)peer->port, "limits.reserve_fds");
		(void)close(fd);
		return;
	}
	guest_accept(&w->gw, fd, peer);
}

static void
on_starved(void *arg, const char *why)
{
	(void)arg;
	log_warn("gateway.starved", "why=%s", why);
}

static const struct listener_ops listener_ops = { on_accepted, on_starved };

static void
on_page(
    void *arg, const char *method, const char *path, struct http_answer *out)
{
	struct wiring *w = arg;
	bool ready;

	(void)method;
	if (strcmp(path, "/healthz") == 0) {
		out->code = 200;
		out->body = "ok\n";
	} else if (strcmp(path, "/readyz") == 0) {
		ready = !w->gw.draining && w->rtmp_count > 0;
		out->code = ready ? 200 : 503;
		out->body = ready ? "ready\n" : "not ready\n";
	}
	out->len = strlen(out->body);
}

static void
close_listeners(struct wiring *w)
{
	size_t i;

	for (i = 0; i < w->rtmp_count; i++)
		listener_free(w->listeners[i]);
	for (i = 0; i < w->http_count; i++)
		http_free(w->https[i]);
	for (i = 0; i < w->rtmp_count + w->http_count; i++)
		(void)close(w->fds[i]);
	w->rtmp_count = w->http_count = 0;
}

/* The listeners, in the order rtmp, http; those before are closed. */
static void
on_listen(struct wiring *w, json_t *msg, int *fds, size_t n)
{
	const struct limits *lim = w->gw.limits;
	size_t rtmp = (size_t)link_int(msg, "rtmp"), i;
	uint32_t rate = (uint32_t)limits_get(lim, LIMIT_CONNECTS_PER_SECOND);
	bool ok = n <= LISTENERS_MAX && rtmp <= n && !w->gw.draining;

	if (!ok) {
		log_error("gateway.listen", "why=%s", "unusable descriptors");
		return;
	}
	close_listeners(w);
	for (i = 0; i < n; i++) {
		w->fds[i] = fds[i];
		fds[i] = -1;
	}
	for (i = 0; i < rtmp; i++, w->rtmp_count++) {
		w->listeners[i] =
		    listener_new(w->gw.loop, w->fds[i], rate, &listener_ops, w);
		ok = ok && w->listeners[i] != NULL;
	}
	for (; i < n; i++, w->http_count++) {
		w->https[i - rtmp] =
		    http_new(w->gw.loop, w->fds[i], lim, on_page, w);
		ok = ok && w->https[i - rtmp] != NULL;
	}
	if (!ok) {
		role_fail(w->role, "cannot watch the listeners", NULL);
		return;
	}
	role_send(w->role, json_pack("{s:s}", "op", "ready"));
}

static void
drain(struct wiring *w)
{
	if (w->gw.draining)
		return;
	w->gw.draining = true;
	close_listeners(w);
	guest_close_all(&w->gw, "the server is shutting down", false);
}

static void
on_message(void *arg, const char *op, json_t *msg, int *fds, size_t n)
{
	struct wiring *w = arg;

	if (strcmp(op, "listen") == 0)
		on_listen(w, msg, fds, n);
	else if (strcmp(op, "located") == 0)
		route_located(&w->gw, msg, fds, n);
	else if (strcmp(op, "drain") == 0)
		drain(w);
	else
		log_warn("gateway.message", "op=%s why=%s", op, "unknown");
}

/* Last words of refused guests need a moment. */
static void
on_end(void *arg)
{
	struct wiring *w = arg;

	if (stream_draining(w->gw.loop) == 0 ||
	    loop_now_ms(w->gw.loop) >= w->end_by_ms)
		role_exit(w->role, EXIT_SUCCESS);
	else
		timer_set(w->end, END_STEP_MS);
}

static void
on_stop(void *arg)
{
	struct wiring *w = arg;

	drain(w);
	w->end_by_ms = loop_now_ms(w->gw.loop) +
		       (uint64_t)limits_get(w->gw.limits, LIMIT_DRAIN_TIME);
	timer_set(w->end, 0);
}

static json_t *
on_stat(void *arg)
{
	struct wiring *w = arg;
	struct census_counts c;

	census_counts(w->gw.census, &c);
	return json_pack("{s:I, s:I, s:I, s:i, s:i, s:i, s:i}", "accepted",
	    (json_int_t)w->gw.accepted, "refused", (json_int_t)w->gw.refused,
	    "handed", (json_int_t)w->gw.handed, "unfinished", (int)c.unfinished,
	    "clients", (int)c.clients, "addresses", (int)c.addresses,
	    "applications", (int)route_count(&w->gw));
}

static void
on_reloaded(void *arg, const struct config *old)
{
	struct wiring *w = arg;

	(void)old;
	w->gw.limits = role_limits(w->role);
}

static void
ask_supervisor(void *arg, uint64_t id, const struct url_app *where)
{
	struct wiring *w = arg;

	role_send(w->role,
	    json_pack("{s:s, s:I, s:s, s:s}", "op", "locate", "id",
		(json_int_t)id, "app", where->app, "inst", where->inst));
}

static const struct role_ops role_ops = { .message = on_message,
	.reloaded = on_reloaded,
	.stop = on_stop,
	.stat = on_stat };

int
gateway_main(void)
{
	struct wiring w;
	struct rlimit rl;
	int status = EXIT_FAILURE;

	memset(&w, 0, sizeof(w));
	w.role = role_new("gateway", NULL);
	if (w.role == NULL)
		return EXIT_FAILURE;
	role_set_ops(w.role, &role_ops, &w);
	w.gw.loop = role_loop(w.role);
	w.gw.limits = role_limits(w.role);
	w.gw.locate = ask_supervisor;
	w.gw.locate_arg = &w;
	rnd_text(w.gw.boot, sizeof(w.gw.boot) - 1);
	w.gw.census = census_new();
	w.gw.guests = idmap_new(0);
	w.gw.routes = routes_new(&w.gw);
	w.end = timer_new(w.gw.loop, on_end, &w);
	if (getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur > 1 << 30)
		rl.rlim_cur = 1 << 30;
	w.max_fd = (int)rl.rlim_cur - 1 -
		   (int)limits_get(w.gw.limits, LIMIT_RESERVE_FDS);
	if (w.gw.census == NULL || w.gw.guests == NULL || w.gw.routes == NULL ||
	    w.end == NULL)
		log_error("gateway.start", "why=%s", "out of memory");
	else
		status = role_run(w.role);
	close_listeners(&w);
	if (w.gw.guests != NULL)
		guest_close_all(&w.gw, "end", true);
	routes_free(w.gw.routes);
	idmap_free(w.gw.guests);
	census_free(w.gw.census);
	timer_free(w.end);
	role_free(w.role);
	return status;
}
