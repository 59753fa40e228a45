/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * route - where an application is: the supervisor is asked once, the channel
 * to its worker is kept while the worker lives; and the hand-over itself.
 *
 * A guest waits at its route by id. When a worker dies the channel closes, the
 * route is forgotten, and those the worker had not taken yet ask again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "gateway/gateway_int.h"

struct wait {
	uint64_t guest;
	struct wait *next;
};

struct route {
	struct gateway *gw;
	char app[NAME_APP_MAX + 1];
	uint64_t key;       /* of this channel, for census and locate */
	struct channel *ch; /* NULL: the supervisor was asked */
	struct wait *waits;
	UT_hash_handle hh;
};

struct routes {
	struct route *table;
	uint64_t last_key;
};

struct routes *
routes_new(struct gateway *gw)
{
	(void)gw;
	return calloc(1, sizeof(struct routes));
}

static void
route_free(struct gateway *gw, struct route *r)
{
	struct wait *w;

	HASH_DEL(gw->routes->table, r);
	while ((w = r->waits) != NULL) {
		r->waits = w->next;
		free(w);
	}
	channel_free(r->ch);
	loop_defer_free(gw->loop, free, r);
}

void
routes_free(struct routes *rs)
{
	struct route *r, *next;

	if (rs == NULL)
		return;
	HASH_ITER(hh, rs->table, r, next)
	route_free(r->gw, r);
	free(rs);
}

uint32_t
route_count(const struct gateway *gw)
{
	return HASH_COUNT(gw->routes->table);
}

static struct route *
route_of(struct gateway *gw, const char *app)
{
	struct route *r;

	HASH_FIND_STR(gw->routes->table, app, r);
	return r;
}

/* Ask the supervisor. NULL: no memory. */
static struct route *
ask(struct gateway *gw, const struct url_app *where)
{
	struct route *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->gw = gw;
	r->key = ++gw->routes->last_key;
	(void)snprintf(
	    r->app, sizeof(r->app), "%.*s", NAME_APP_MAX, where->app);
	HASH_ADD_STR(gw->routes->table, app, r);
	if (!hash_added(r)) {
		free(r);
		return NULL;
	}
	gw->locate(gw->locate_arg, r->key, where);
	return r;
}

/* ---- the channel to a worker ---- */

static void
on_message(
    void *arg, const uint8_t *data, size_t len, int *fds, size_t n, bool lost)
{
	struct route *r = arg;
	struct channel_handover h;
	struct guest *g;

	(void)fds;
	(void)n;
	(void)lost;
	if (channel_handover_read(data, len, &h) != FCS_OK ||
	    h.kind == CHANNEL_RTMP) {
		log_error("gateway.channel", "app=%s why=%s", r->app,
		    "malformed message from the worker");
		return;
	}
	g = guest_by_id(r->gw, h.connection_id);
	if (h.kind == CHANNEL_TAKEN) {
		if (g != NULL)
			guest_done(g);
	} else if (g != NULL && guest_held_fd(g) >= 0) {
		guest_hand_back(g, guest_held_fd(g));
		if (guest_by_id(r->gw, h.connection_id) != NULL)
			guest_refuse(g, STATUS_CONNECT_REJECTED,
			    "The application is busy.",
			    "refused by the worker");
	} else {
		census_end(r->gw->census, h.connection_id);
	}
}

/* The worker is gone: what it had is over, what it had not taken yet goes to
 * the next one. */
static void
on_closed(void *arg, int why)
{
	struct route *r = arg;
	struct gateway *gw = r->gw;
	uint64_t key = r->key, id = 0;
	struct guest *g;

	log_debug("gateway.route", "app=%s why=%s", r->app, err_text(why));
	route_free(gw, r);
	while ((g = guest_next_handed(gw, key, &id)) != NULL) {
		census_hand(gw->census, id, 0);
		guest_hand_back(g, guest_held_fd(g));
		if (guest_by_id(gw, id) != NULL)
			route_guest(gw, g);
	}
	census_end_worker(gw->census, key);
}

static const struct channel_ops channel_ops = { .message = on_message,
	.closed = on_closed };

/* ---- handing over ---- */

static void
refuse_busy(struct guest *g)
{
	limits_refuse(LIMIT_CHANNEL_QUEUE);
	guest_refuse(g, STATUS_CONNECT_REJECTED, "The application is busy.",
	    "limits.channel_queue");
}

static void
hand_over(struct gateway *gw, struct route *r, struct guest *g)
{
	struct channel_handover h;
	struct buf msg;
	int fd = -1, held, rc;

	if (channel_queued(r->ch) >=
	    limits_get(gw->limits, LIMIT_CHANNEL_QUEUE)) {
		refuse_busy(g);
		return;
	}
	rc = guest_hand(g, &h, &fd);
	if (rc != FCS_OK)
		return; /* it comes again when its output is sent */
	held = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	buf_init(&msg, 0);
	rc = channel_handover_write(&msg, &h);
	if (rc == FCS_OK)
		rc = channel_send(
		    r->ch, buf_data(&msg), buf_len(&msg), &fd, 1, 0);
	buf_fini(&msg);
	if (rc == FCS_OK) {
		census_hand(gw->census, guest_id(g), r->key);
		if (held >= 0)
			guest_handed(g, held, r->key);
		else
			guest_done(g); /* out of descriptors: do without */
		return;
	}
	if (held >= 0)
		(void)close(held);
	guest_hand_back(g, fd);
	if (guest_by_id(gw, h.connection_id) == NULL)
		return;
	if (rc == FCS_ECLOSED) {
		/* the worker died just now: look for the next one */
		on_closed(r, FCS_OK);
		route_guest(gw, g);
		return;
	}
	refuse_busy(g);
}

void
route_guest(struct gateway *gw, struct guest *g)
{
	const struct url_app *where = guest_where(g);
	struct route *r = route_of(gw, where->app);
	struct wait *w, **end;

	if (r != NULL && r->ch != NULL) {
		hand_over(gw, r, g);
		return;
	}
	if (r == NULL)
		r = ask(gw, where);
	w = NULL;
	if (r != NULL) {
		for (end = &r->waits; *end != NULL; end = &(*end)->next)
			if ((*end)->guest == guest_id(g))
				return;
		w = *end = calloc(1, sizeof(*w)); /* in order of arrival */
	}
	if (w == NULL) {
		guest_refuse(g, STATUS_CONNECT_FAILED, "Out of memory.",
		    "out of memory");
		return;
	}
	w->guest = guest_id(g);
}

void
route_located(struct gateway *gw, json_t *msg, int *fds, size_t n)
{
	struct channel_options opt = { CHANNEL_PACKET, CHANNEL_HANDOVER_MAX,
		(uint32_t)limits_get(gw->limits, LIMIT_CHANNEL_QUEUE) };
	const char *status = link_text(msg, "status");
	uint64_t key = (uint64_t)link_int(msg, "id");
	struct route *r, *next;
	struct wait *w, *waits;
	struct guest *g;

	HASH_ITER(hh, gw->routes->table, r, next)
	if (r->key == key)
		break;
	if (r == NULL || r->ch != NULL)
		return;
	waits = r->waits;
	r->waits = NULL;
	if (strcmp(status, "ok") == 0 && n == 1) {
		r->ch = channel_new(gw->loop, fds[0], &opt, &channel_ops, r);
		fds[0] = -1;
	}
	if (r->ch == NULL)
		route_free(gw, r);
	while ((w = waits) != NULL) {
		waits = w->next;
		g = guest_by_id(gw, w->guest);
		free(w);
		if (g == NULL)
			continue;
		if (strcmp(status, "ok") == 0)
			route_guest(gw, g);
		else if (strcmp(status, "unknown") == 0)
			guest_refuse(g, STATUS_CONNECT_INVALIDAPP,
			    "There is no such application.",
			    link_text(msg, "why"));
		else
			guest_refuse(g, STATUS_CONNECT_FAILED,
			    "The application does not start.",
			    link_text(msg, "why"));
	}
}
