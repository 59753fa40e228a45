/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guest - a connection before its hand-over: the RTMP handshake is consumed,
 * every later byte is kept, and read only far enough to know the application
 * the connect command names (DESIGN 1, wire-protocol.md 1, 5.1).
 *
 * The worker parses the kept bytes again: nothing the gateway concludes from
 * them is trusted there but the name of the application.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rnd.h"
#include "codec/chunk.h"
#include "codec/command.h"
#include "codec/handshake.h"
#include "gateway/gateway_int.h"
#include "net/stream.h"
#include "net/timer.h"

#define REPLY_ARENA 8192       /* bytes of values of a refusal */
#define CHUNK_SIZE  128        /* the protocol's initial value */
#define FOUND       FCS_EEXIST /* stops the chunk reader at connect */

enum guest_state {
	WANT_C0C1,
	WANT_C2,
	WANT_CONNECT,
	ROUTED, /* the route knows it */
	HANDED, /* sent to a worker that has not said it took it */
	OVER
};

struct guest {
	struct gateway *gw;
	uint64_t id; /* connection id */
	enum guest_state state;
	struct stream *stream;
	int held_fd;    /* HANDED: ours, not watched; else -1 */
	uint64_t route; /* HANDED: to which */
	struct timer *deadline;
	uint64_t since_ms;
	struct listener_peer peer;
	char client_id[40];
	struct buf raw; /* handshake, then everything after C2 */
	size_t parsed;  /* of raw, given to the chunk reader */
	struct chunk_reader *chunks;
	struct url_app where;
	double txn; /* of connect */
	bool named; /* where is set */
	char why[ERR_TEXT_MAX];
	uint64_t bytes_in, bytes_out;
};

struct guest *
guest_by_id(struct gateway *gw, uint64_t id)
{
	return idmap_get(gw->guests, id);
}

uint64_t
guest_id(const struct guest *g)
{
	return g->id;
}

const struct url_app *
guest_where(const struct guest *g)
{
	return &g->where;
}

/* Out of every table; memory goes at the end of the turn. */
static void
leave(struct guest *g)
{
	if (g->state == OVER)
		return;
	g->state = OVER;
	(void)idmap_del(g->gw->guests, g->id);
	timer_free(g->deadline);
	stream_free(g->stream);
	chunk_reader_free(g->chunks);
	if (g->held_fd >= 0)
		(void)close(g->held_fd);
	loop_defer_free(g->gw->loop, (void (*)(void *))buf_fini, &g->raw);
	loop_defer_free(g->gw->loop, free, g);
}

static void
drop(struct guest *g, const char *why)
{
	log_info("gateway.refused", "ip=%s port=%u client=%s why=%s",
	    g->peer.ip, (unsigned)g->peer.port, g->client_id, why);
	g->gw->refused++;
	census_end(g->gw->census, g->id);
	leave(g);
}

/* ---- refusing ---- */

static int
put_command(struct buf *out, const char *name, double txn,
    struct value *const *args, uint32_t count)
{
	struct buf body;
	int rc;

	buf_init(&body, 0);
	rc = command_write(&body, false, name, txn, NULL, args, count);
	if (rc == FCS_OK)
		chunk_write(out, 3, MESSAGE_COMMAND, 0, 0, buf_data(&body),
		    buf_len(&body), CHUNK_SIZE);
	buf_fini(&body);
	return rc == FCS_OK ? buf_status(out) : rc;
}

void
guest_refuse(struct guest *g, enum status code, const char *description,
    const char *details)
{
	struct arena *a = arena_new(REPLY_ARENA);
	struct value *info = NULL;
	struct refbuf *rb = NULL;
	struct buf out;

	if (g->state == OVER)
		goto out;
	buf_init(&out, 0);
	if (a != NULL)
		info = status_info(a, code, description, NULL, g->client_id);
	if (info != NULL &&
	    put_command(&out, "_error", g->txn, &info, 1) == FCS_OK &&
	    put_command(&out, "close", 0, NULL, 0) == FCS_OK)
		rb = refbuf_from(buf_data(&out), buf_len(&out));
	buf_fini(&out);
	if (rb != NULL && stream_push(g->stream, rb, 0, 0) == FCS_OK)
		stream_close(g->stream, true);
	log_info("gateway.refused",
	    "ip=%s port=%u client=%s app=%s inst=%s code=%s why=%s", g->peer.ip,
	    (unsigned)g->peer.port, g->client_id, g->where.app, g->where.inst,
	    status_code(code), details);
	g->gw->refused++;
	census_end(g->gw->census, g->id);
	leave(g);
out:
	arena_free(a);
}

/* ---- reading ---- */

static int
on_message(void *arg, const struct message *msg)
{
	struct guest *g = arg;
	struct command cmd;
	struct arena *a;
	struct value_str app = { "", 0 }, tc_url = { "", 0 };
	const struct value *v;
	int rc;

	if (msg->type <= MESSAGE_PEER_BANDWIDTH)
		return FCS_OK; /* control: the worker will see it again */
	if (msg->type != MESSAGE_COMMAND && msg->type != MESSAGE_COMMAND_AMF3) {
		(void)snprintf(g->why, sizeof(g->why),
		    "%s message before connect", message_type_text(msg->type));
		return FCS_EFORMAT;
	}
	a = arena_new((size_t)limits_get(g->gw->limits, LIMIT_AMF_BYTES));
	if (a == NULL)
		return FCS_ENOMEM;
	rc = command_read(a, msg, &cmd);
	if (rc != FCS_OK) {
		(void)snprintf(g->why, sizeof(g->why), "connect command: %s",
		    err_text(rc));
	} else if (!value_str_eq(cmd.name, "connect")) {
		(void)snprintf(
		    g->why, sizeof(g->why), "the first command is not connect");
		rc = FCS_EFORMAT;
	} else {
		v = value_get(cmd.object, "app");
		if (v != NULL && v->type == VALUE_STRING)
			app = v->str;
		v = value_get(cmd.object, "tcUrl");
		if (v != NULL && v->type == VALUE_STRING)
			tc_url = v->str;
		g->txn = cmd.txn;
		rc = url_parse_app(app, tc_url, &g->where);
		g->named = rc == FCS_OK;
		if (rc != FCS_OK)
			(void)snprintf(g->why, sizeof(g->why),
			    "application name: %s", err_text(rc));
		rc = FOUND;
	}
	arena_free(a);
	return rc;
}

static int
make_chunks(struct guest *g)
{
	const struct limits *lim = g->gw->limits;
	uint64_t most = (uint64_t)limits_get(lim, LIMIT_CONNECT_BYTES);
	struct chunk_limits cl;

	memset(&cl, 0, sizeof(cl));
	cl.max_csids = (uint32_t)limits_get(lim, LIMIT_CSIDS);
	cl.max_message = cl.max_media = (uint32_t)most;
	cl.max_control = (uint32_t)limits_get(lim, LIMIT_MESSAGE_CONTROL);
	cl.max_partial = most;
	g->chunks = chunk_reader_new(&cl, on_message, g);
	return g->chunks == NULL ? FCS_ENOMEM : FCS_OK;
}

static void
set_deadline(struct guest *g, enum limits_id id)
{
	int64_t until = (int64_t)g->since_ms + limits_get(g->gw->limits, id);
	int64_t left = until - (int64_t)loop_now_ms(g->gw->loop);

	timer_set(g->deadline, left > 0 ? (uint32_t)left : 0);
}

static void
found_connect(struct guest *g)
{
	struct gateway *gw = g->gw;
	enum limits_id limit = LIMITS_TOTAL;

	/* nothing more is read here: it belongs to the worker */
	stream_pause_read(g->stream, true);
	chunk_reader_free(g->chunks);
	g->chunks = NULL;
	g->state = ROUTED;
	if (!g->named) {
		guest_refuse(g, STATUS_CONNECT_INVALIDAPP,
		    "The application name is not valid.", g->why);
	} else if (census_connect(gw->census, gw->limits, g->id, &limit) !=
		   FCS_OK) {
		guest_refuse(g, STATUS_CONNECT_REJECTED,
		    limit == LIMIT_CLIENTS
			? "The server is full."
			: "Too many connections from this address.",
		    limits_rows[limit].name);
	} else {
		/* from now on the time is ours, not the client's */
		g->since_ms = loop_now_ms(gw->loop);
		set_deadline(g, LIMIT_CONNECT_TIME);
		route_guest(gw, g);
	}
}

static void
read_connect(struct guest *g)
{
	const struct limits *lim = g->gw->limits;
	size_t used = 0, most = (size_t)limits_get(lim, LIMIT_CONNECT_BYTES);
	struct err e;
	int rc;

	if (most > CHANNEL_EARLY_MAX - 65536)
		most = CHANNEL_EARLY_MAX - 65536; /* one more receive fits */
	err_clear(&e);
	rc = chunk_reader_feed(g->chunks, buf_data(&g->raw) + g->parsed,
	    buf_len(&g->raw) - g->parsed, &used, &e);
	g->parsed += used;
	if (rc == FOUND)
		found_connect(g);
	else if (rc != FCS_OK)
		drop(g, g->why[0] != '\0' ? g->why : e.text);
	else if (buf_len(&g->raw) > most)
		drop(g, "no whole connect command within limits.connect_bytes");
}

static void
read_c0c1(struct guest *g)
{
	uint8_t random[2 * HANDSHAKE_SIZE], answer[HANDSHAKE_S0S1S2];
	enum handshake_kind kind;
	const uint8_t *p = buf_data(&g->raw);
	struct refbuf *rb;
	char why[64];

	if (p[0] != 3) {
		(void)snprintf(why, sizeof(why),
		    p[0] == 6 || p[0] == 8 || p[0] == 9
			? "encrypted RTMPE (first byte 0x%02x) is not offered"
			: "first byte 0x%02x is not RTMP",
		    (unsigned)p[0]);
		drop(g, why);
		return;
	}
	if (buf_len(&g->raw) < HANDSHAKE_C0C1)
		return;
	rnd_bytes(random, sizeof(random));
	if (handshake_answer(p, (uint32_t)loop_now_ms(g->gw->loop), random,
		answer, &kind) != FCS_OK) {
		drop(g, "handshake");
		return;
	}
	buf_consume(&g->raw, HANDSHAKE_C0C1);
	g->bytes_in += HANDSHAKE_C0C1;
	rb = refbuf_from(answer, sizeof(answer));
	if (rb == NULL || stream_push(g->stream, rb, 0, 0) != FCS_OK) {
		drop(g, "out of memory");
		return;
	}
	stream_want_flush(g->stream);
	g->bytes_out += HANDSHAKE_S0S1S2;
	g->state = WANT_C2;
}

static void
on_data(void *arg, const uint8_t *data, size_t len)
{
	struct guest *g = arg;

	buf_append(&g->raw, data, len);
	if (buf_status(&g->raw) != FCS_OK) {
		drop(g, err_text(buf_status(&g->raw)));
		return;
	}
	if (g->state == WANT_C0C1)
		read_c0c1(g);
	if (g->state == WANT_C2 && buf_len(&g->raw) >= HANDSHAKE_SIZE) {
		buf_consume(&g->raw, HANDSHAKE_SIZE);
		g->bytes_in += HANDSHAKE_SIZE;
		g->state = WANT_CONNECT;
		set_deadline(g, LIMIT_CONNECT_TIME);
		if (make_chunks(g) != FCS_OK) {
			drop(g, "out of memory");
			return;
		}
	}
	if (g->state == WANT_CONNECT)
		read_connect(g);
}

static void
on_closed(void *arg, int why)
{
	static const char *const text[] = {
		"closed by the peer before its handshake",
		"closed by the peer within its handshake",
		"closed by the peer before its connect command",
		"closed by the peer while waiting for the application",
	};
	struct guest *g = arg;

	drop(g, why == FCS_OK ? text[g->state] : err_text(why));
}

static void
on_drained(void *arg)
{
	struct guest *g = arg;

	if (g->state == ROUTED)
		route_guest(g->gw, g);
}

static void
on_deadline(void *arg)
{
	struct guest *g = arg;

	if (g->state == HANDED)
		guest_hand_back(g, g->held_fd);
	if (g->state == ROUTED)
		guest_refuse(g, STATUS_CONNECT_FAILED,
		    "The application does not answer.",
		    "no worker within limits.connect_time");
	else
		drop(g, g->state == WANT_CONNECT
			    ? "no connect command within limits.connect_time"
			    : "no handshake within limits.handshake_time");
}

static const struct stream_ops stream_ops = { on_data, on_closed, on_drained };

void
guest_accept(struct gateway *gw, int fd, const struct listener_peer *peer)
{
	const struct limits *lim = gw->limits;
	struct stream_limits sl = { .drain_ms = (uint32_t)limits_get(
					lim, LIMIT_DRAIN_TIME) };
	struct guest *g = calloc(1, sizeof(*g));
	int rc = FCS_ENOMEM;

	gw->accepted++;
	if (g == NULL || idmap_add(gw->guests, g, &g->id) != FCS_OK)
		goto fail;
	rc = census_enter(gw->census, lim, peer->ip, g->id);
	if (rc != FCS_OK)
		goto fail_id;
	rc = FCS_ENOMEM;
	g->gw = gw;
	g->held_fd = -1;
	g->peer = *peer;
	g->since_ms = loop_now_ms(gw->loop);
	(void)snprintf(g->client_id, sizeof(g->client_id), "%s-%llx", gw->boot,
	    (unsigned long long)gw->accepted);
	buf_init(&g->raw, CHANNEL_EARLY_MAX);
	g->deadline = timer_new(gw->loop, on_deadline, g);
	g->stream = stream_new(gw->loop, fd, &stream_ops, g);
	fd = -1;
	if (g->deadline == NULL || g->stream == NULL) {
		timer_free(g->deadline);
		stream_free(g->stream);
		census_end(gw->census, g->id);
		goto fail_id;
	}
	stream_set_limits(g->stream, &sl);
	set_deadline(g, LIMIT_HANDSHAKE_TIME);
	return;
fail_id:
	(void)idmap_del(gw->guests, g->id);
fail:
	log_info("gateway.refused", "ip=%s port=%u why=%s", peer->ip,
	    (unsigned)peer->port,
	    rc == FCS_ELIMIT ? "limits.handshakes_per_address" : err_text(rc));
	gw->refused++;
	free(g);
	if (fd >= 0)
		(void)close(fd);
}

/* ---- handing over ---- */

int
guest_hand(struct guest *g, struct channel_handover *h, int *fd)
{
	int rc;

	/* not while bytes of S2 are unsent: FCS_EBUSY until on_drained */
	rc = stream_release_fd(g->stream, fd);
	if (rc == FCS_EBUSY)
		return FCS_EAGAIN;
	if (rc != FCS_OK)
		return rc;
	memset(h, 0, sizeof(*h));
	h->kind = CHANNEL_RTMP;
	h->connection_id = g->id;
	(void)snprintf(h->client_id, sizeof(h->client_id), "%s", g->client_id);
	(void)snprintf(h->app, sizeof(h->app), "%.*s", (int)sizeof(h->app) - 1,
	    g->where.app);
	(void)snprintf(h->ip, sizeof(h->ip), "%s", g->peer.ip);
	(void)snprintf(h->protocol, sizeof(h->protocol), "rtmp");
	h->port = g->peer.port;
	h->bytes_in = g->bytes_in + buf_len(&g->raw);
	h->bytes_out = g->bytes_out;
	h->early = buf_data(&g->raw);
	h->early_len = buf_len(&g->raw);
	return FCS_OK;
}

void
guest_hand_back(struct guest *g, int fd)
{
	if (fd == g->held_fd)
		g->held_fd = -1;
	g->state = ROUTED;
	stream_free(g->stream);
	g->stream = stream_new(g->gw->loop, fd, &stream_ops, g);
	if (g->stream == NULL)
		drop(g, "out of memory");
	else
		stream_pause_read(g->stream, true);
}

void
guest_handed(struct guest *g, int fd, uint64_t route)
{
	g->state = HANDED;
	g->held_fd = fd;
	g->route = route;
}

int
guest_held_fd(const struct guest *g)
{
	return g->state == HANDED ? g->held_fd : -1;
}

struct guest *
guest_next_handed(struct gateway *gw, uint64_t route, uint64_t *id)
{
	struct guest *g;

	while ((g = idmap_next(gw->guests, *id, id)) != NULL)
		if (g->state == HANDED && g->route == route)
			return g;
	return NULL;
}

void
guest_done(struct guest *g)
{
	g->gw->handed++;
	log_debug("gateway.handed", "ip=%s client=%s app=%s inst=%s",
	    g->peer.ip, g->client_id, g->where.app, g->where.inst);
	leave(g);
}

void
guest_close_all(struct gateway *gw, const char *why, bool at_end)
{
	struct guest *g;
	uint64_t id = 0;

	while ((g = idmap_next(gw->guests, id, &id)) != NULL) {
		if (g->state == HANDED) {
			if (at_end)
				leave(g);
			continue;
		}
		if (g->state == ROUTED)
			guest_refuse(g, STATUS_CONNECT_APPSHUTDOWN,
			    "The server is shutting down.", why);
		else
			drop(g, why);
	}
}
