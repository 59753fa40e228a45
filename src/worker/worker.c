/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker - see worker.h. Wiring: the link to the supervisor, the hand-over
 * channels of gateways, the applications.
 *
 * Descriptors are reserved by number: the kernel gives out the lowest free
 * one, so a connection whose descriptor is among the last limits.reserve_fds
 * is refused, and files and channels still find room.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/role.h"
#include "base/log.h"
#include "base/name.h"
#include "net/channel.h"
#include "net/stream.h"
#include "net/timer.h"
#include "session/session.h"
#include "worker/locate.h"
#include "worker/place.h"
#include "worker/worker.h"

#define END_STEP_MS 20
#define ROWS_BYTES  (256 * 1024) /* of rows in one answer message */

struct door { /* a hand-over channel */
	struct worker *w;
	uint64_t id;
	bool is_worker; /* the other end is one: the supervisor says so */
	struct channel *ch;
	struct door *next;
};

/* A connection that was taken over; until it ends. */
struct tenant {
	struct worker *w;
	uint64_t door, connection;
};

struct room {
	struct place *place;
	struct room *next;
};

struct worker {
	struct role *role;
	struct loop *loop;
	struct admin *admin;
	struct locate *locate;
	struct room *rooms;
	struct door *doors;
	uint64_t last_door;
	uint64_t taken, refused;
	int max_fd;
	json_t *rows; /* of rows_tag, not sent yet; NULL: none */
	uint64_t rows_tag;
	size_t rows_bytes;
	struct loop_task rows_task;
	uint64_t idle_since_ms; /* 0: it is not */
	bool leaving;           /* idle for long enough: takes no more */
	unsigned stopping;      /* applications not yet stopped */
	struct timer *end;
	uint64_t end_by_ms;
};

/* ---- connections ---- */

static void
tell_gateway(struct worker *w, uint64_t door, uint64_t connection,
    enum channel_handover_kind kind)
{
	struct channel_handover h;
	struct door *d;
	struct buf out;

	for (d = w->doors; d != NULL && d->id != door; d = d->next)
		;
	if (d == NULL)
		return; /* that gateway is gone */
	memset(&h, 0, sizeof(h));
	h.kind = kind;
	h.connection_id = connection;
	buf_init(&out, 0);
	if (channel_handover_write(&out, &h) != FCS_OK ||
	    channel_send(d->ch, buf_data(&out), buf_len(&out), NULL, 0, 0) !=
		FCS_OK)
		log_warn(
		    "worker.ended", "why=%s", "the gateway could not be told");
	buf_fini(&out);
}

static void
on_ended(void *arg, const char *client_id)
{
	struct tenant *t = arg;

	(void)client_id;
	tell_gateway(t->w, t->door, t->connection, CHANNEL_ENDED);
	free(t);
}

static struct place *
place_of(struct worker *w, const char *app)
{
	struct room *r;

	for (r = w->rooms; r != NULL; r = r->next)
		if (strcmp(place_name(r->place), app) == 0)
			return r->place;
	return NULL;
}

/* FCS_OK: *fd was taken. */
static int
take(struct worker *w, struct door *d, const struct channel_handover *h,
    int *fd, bool lost)
{
	struct session_handover s = { .client_id = h->client_id,
		.ip = h->ip,
		.port = h->port,
		.protocol = h->protocol,
		.secure = h->secure,
		.bytes_in = h->bytes_in,
		.bytes_out = h->bytes_out,
		.early = h->early,
		.early_len = h->early_len };
	char name[NAME_APP_MAX + NAME_INSTANCE_MAX + 2];
	struct place *p = place_of(w, h->app);
	struct tenant *t;
	int rc;

	if (locate_name(h, d->is_worker, name, sizeof(name)) != FCS_OK)
		return FCS_EFORMAT;
	s.peer_name = name;
	if (*fd < 0 || lost || *fd > w->max_fd) {
		limits_refuse(LIMIT_RESERVE_FDS);
		return FCS_ELIMIT;
	}
	if (p == NULL || role_is_stopping(w->role))
		return FCS_ECLOSED;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return FCS_ENOMEM;
	t->w = w;
	t->door = d->id;
	t->connection = h->connection_id;
	s.fd = *fd;
	*fd = -1;
	rc = session_accept(place_app(p), &s, on_ended, t);
	if (rc != FCS_OK)
		free(t);
	return rc;
}

static void
on_handover(
    void *arg, const uint8_t *data, size_t len, int *fds, size_t n, bool lost)
{
	struct door *d = arg;
	struct worker *w = d->w;
	struct channel_handover h;
	int none = -1, rc;

	rc = channel_handover_read(data, len, &h);
	if (rc != FCS_OK || h.kind != CHANNEL_RTMP) {
		log_error("worker.handover", "why=%s", "malformed message");
		return;
	}
	rc = take(w, d, &h, n > 0 ? &fds[0] : &none, lost);
	if (rc == FCS_OK) {
		/* before anything is said to the client: if this process dies
		 * now, nobody else may answer it */
		tell_gateway(w, d->id, h.connection_id, CHANNEL_TAKEN);
		w->taken++;
		return;
	}
	w->refused++;
	log_warn("worker.refused", "ip=%s client=%s to=%s why=%s", h.ip,
	    h.client_id, h.app,
	    rc == FCS_ELIMIT ? "out of descriptors (limits.reserve_fds)"
			     : err_text(rc));
	tell_gateway(w, d->id, h.connection_id, CHANNEL_REFUSED);
}

static void
on_door_closed(void *arg, int why)
{
	struct door *d = arg, **at;

	(void)why;
	for (at = &d->w->doors; *at != NULL; at = &(*at)->next) {
		if (*at == d) {
			*at = d->next;
			break;
		}
	}
	channel_free(d->ch);
	loop_defer_free(d->w->loop, free, d);
}

static const struct channel_ops door_ops = { .message = on_handover,
	.closed = on_door_closed };

static void
open_door(struct worker *w, int *fd, bool is_worker)
{
	struct channel_options opt = { CHANNEL_PACKET, CHANNEL_HANDOVER_MAX,
		(uint32_t)limits_get(
		    role_limits(w->role), LIMIT_CHANNEL_QUEUE) *
		    64 }; /* small messages, many may end at once */
	struct door *d = calloc(1, sizeof(*d));

	/* the other end sees it closed and asks for the next worker */
	if (d == NULL || w->leaving) {
		free(d);
		return;
	}
	d->w = w;
	d->id = ++w->last_door;
	d->is_worker = is_worker;
	d->ch = channel_new(w->loop, *fd, &opt, &door_ops, d);
	*fd = -1;
	if (d->ch == NULL) {
		free(d);
		return;
	}
	d->next = w->doors;
	w->doors = d;
}

/* ---- connections of our own instances ---- */

static int
connect_here(void *arg, const char *app, const struct session_handover *s)
{
	struct worker *w = arg;
	struct place *p = place_of(w, app);

	if (p == NULL && !role_is_stopping(w->role))
		return FCS_ENOENT;
	if (p == NULL || role_is_stopping(w->role) || s->fd > w->max_fd) {
		(void)close(s->fd);
		return role_is_stopping(w->role) ? FCS_ECLOSED : FCS_ELIMIT;
	}
	return session_accept(place_app(p), s, NULL, NULL);
}

static void
ask_supervisor(void *arg, uint64_t key, const char *app, const char *inst)
{
	struct worker *w = arg;

	role_send(
	    w->role, json_pack("{s:s, s:I, s:s, s:s}", "op", "locate", "id",
			 (json_int_t)key, "app", app, "inst", inst));
}

static const struct limits *
limits_now(void *arg)
{
	struct worker *w = arg;

	return role_limits(w->role);
}

static const struct locate_ops locate_ops = { connect_here, ask_supervisor,
	limits_now };

/* ---- applications ---- */

static void
open_app(struct worker *w, const char *name, const char *dir)
{
	struct room *r = calloc(1, sizeof(*r));
	char hint[ERR_TEXT_MAX] = "";
	struct err e;
	int rc = FCS_ENOMEM;

	(void)err_set(&e, rc, "out of memory");
	if (r != NULL && place_of(w, name) == NULL)
		rc = place_open(w->loop, role_config(w->role), name, dir,
		    locate_locator(w->locate), NULL, &r->place, &e, hint);
	if (rc == FCS_OK) {
		r->next = w->rooms;
		w->rooms = r;
		log_info("app.open", "name=%s dir=%s", name, dir);
		e.text[0] = '\0';
	} else {
		log_error(
		    "app.open", "name=%s why=%s hint=%s", name, e.text, hint);
		free(r);
	}
	role_send(w->role, json_pack("{s:s, s:s, s:s, s:s}", "op", "opened",
			       "app", name, "why", e.text, "hint", hint));
}

/* ---- requests of fcsctl ---- */

/* Rows go many to a message: an answer may have more of them than the link
 * queues messages. */
static void
send_rows(void *arg)
{
	struct worker *w = arg;
	json_t *rows = w->rows;

	if (rows == NULL)
		return;
	w->rows = NULL;
	w->rows_bytes = 0;
	role_send(w->role, json_pack("{s:s, s:I, s:o}", "op", "answer", "tag",
			       (json_int_t)w->rows_tag, "items", rows));
}

static void
add_row(struct worker *w, uint64_t tag, json_t *row)
{
	if (w->rows_tag != tag)
		send_rows(w);
	w->rows_tag = tag;
	if (w->rows == NULL)
		w->rows = json_array();
	if (json_array_append(w->rows, row) != 0)
		log_error("worker.answer", "why=%s", "out of memory");
	w->rows_bytes += json_dumpb(row, NULL, 0, JSON_COMPACT);
	if (w->rows_bytes >= ROWS_BYTES)
		send_rows(w);
	else
		loop_at_end(w->loop, LOOP_FLUSH, &w->rows_task);
}

static void
on_answer(void *arg, uint64_t tag, json_t *item, bool end,
    enum control_code code, const char *text, const char *hint)
{
	struct worker *w = arg;

	if (item != NULL)
		add_row(w, tag, item);
	if (!end)
		return;
	send_rows(w);
	role_send(w->role, json_pack("{s:s, s:I, s:b, s:i, s:s*, s:s*}", "op",
			       "answer", "tag", (json_int_t)tag, "end", 1,
			       "code", (int)code, "text", text, "hint", hint));
}

static const struct admin_ops admin_ops = { on_answer };

static json_t *on_stat(void *arg);

/* Figures for what the supervisor answers itself: a heartbeat out of turn. */
static void
tell_figures(struct worker *w, json_int_t tag)
{
	role_send(w->role, json_pack("{s:s, s:i, s:o*}", "op", "pong", "n", 0,
			       "stat", on_stat(w)));
	role_send(w->role, json_pack("{s:s, s:I, s:b, s:i}", "op", "answer",
			       "tag", tag, "end", 1, "code", (int)CONTROL_OK));
}

static void
on_ask(struct worker *w, json_t *msg)
{
	const char *app = link_text(msg, "app");
	const char *name = link_text(msg, "name");
	struct application **apps;
	struct room *r;
	size_t n = 0, i = 0;

	if (strcmp(name, "status") == 0 || strcmp(name, "app list") == 0) {
		tell_figures(w, link_int(msg, "tag"));
		return;
	}
	for (r = w->rooms; r != NULL; r = r->next)
		n++;
	apps = calloc(n + 1, sizeof(*apps));
	for (r = w->rooms; apps != NULL && r != NULL; r = r->next)
		if (app[0] == '\0' || strcmp(place_name(r->place), app) == 0)
			apps[i++] = place_app(r->place);
	admin_start(w->admin, (uint64_t)link_int(msg, "tag"), name,
	    json_object_get(msg, "args"),
	    json_is_true(json_object_get(msg, "watch")), apps, i);
	free(apps);
}

/* ---- the role ---- */

static void
on_message(void *arg, const char *op, json_t *msg, int *fds, size_t n)
{
	struct worker *w = arg;

	if (strcmp(op, "open") == 0)
		open_app(w, link_text(msg, "app"), link_text(msg, "dir"));
	else if (strcmp(op, "channel") == 0 && n == 1)
		open_door(
		    w, &fds[0], json_is_true(json_object_get(msg, "worker")));
	else if (strcmp(op, "located") == 0)
		locate_answer(w->locate, msg, fds, n);
	else if (strcmp(op, "ask") == 0)
		on_ask(w, msg);
	else if (strcmp(op, "cancel") == 0)
		admin_cancel(w->admin, (uint64_t)link_int(msg, "tag"));
	else
		log_warn("worker.message", "op=%s why=%s", op, "unknown");
}

/* All applications are stopped: last words leave, then the end. */
static void
on_end(void *arg)
{
	struct worker *w = arg;

	if (stream_draining(w->loop) == 0 ||
	    loop_now_ms(w->loop) >= w->end_by_ms)
		role_exit(w->role, EXIT_SUCCESS);
	else
		timer_set(w->end, END_STEP_MS);
}

static void
on_stopped(void *arg)
{
	struct worker *w = arg;

	if (--w->stopping > 0)
		return;
	w->end_by_ms =
	    loop_now_ms(w->loop) +
	    (uint64_t)limits_get(role_limits(w->role), LIMIT_DRAIN_TIME);
	timer_set(w->end, 0);
}

static void
on_stop(void *arg)
{
	struct worker *w = arg;
	struct room *r;

	w->stopping = 1;
	for (r = w->rooms; r != NULL; r = r->next)
		w->stopping++;
	for (r = w->rooms; r != NULL; r = r->next)
		place_stop(r->place, on_stopped, w);
	on_stopped(w);
}

static bool
is_idle(const struct worker *w)
{
	const struct room *r;

	for (r = w->rooms; r != NULL; r = r->next)
		if (application_count(place_app(r->place)) > 0 ||
		    session_count(place_app(r->place)) > 0)
			return false;
	return true;
}

/*
 * workers.idle_exit, looked at with each heartbeat. The supervisor is told
 * first, so that it knows when a gateway whose channel closed asks again;
 * connections on their way through that channel come to the next worker.
 */
static void
look_idle(struct worker *w)
{
	int64_t most = config_int(role_config(w->role), CFG_WORKERS_IDLE);
	uint64_t now = loop_now_ms(w->loop);

	if (most == 0 || w->leaving || role_is_stopping(w->role) ||
	    !is_idle(w)) {
		w->idle_since_ms = 0;
		return;
	}
	if (w->idle_since_ms == 0)
		w->idle_since_ms = now;
	if (now - w->idle_since_ms < (uint64_t)(most < 1000 ? 1000 : most))
		return;
	w->leaving = true;
	log_info("worker.idle", "why=%s",
	    "no instance for workers.idle_exit: it ends");
	role_send(w->role, json_pack("{s:s}", "op", "idle"));
	while (w->doors != NULL)
		on_door_closed(w->doors, FCS_OK);
}

static json_t *
on_stat(void *arg)
{
	struct worker *w = arg;
	json_t *apps = json_array();
	struct room *r;

	look_idle(w);
	for (r = w->rooms; r != NULL; r = r->next)
		(void)json_array_append_new(apps,
		    json_pack("{s:s, s:i, s:i}", "app", place_name(r->place),
			"instances",
			(int)application_count(place_app(r->place)), "clients",
			(int)session_count(place_app(r->place))));
	return json_pack("{s:I, s:I, s:o}", "taken", (json_int_t)w->taken,
	    "refused", (json_int_t)w->refused, "apps", apps);
}

static void
on_reloaded(void *arg, const struct config *old)
{
	struct worker *w = arg;
	struct room *r;

	(void)old;
	for (r = w->rooms; r != NULL; r = r->next)
		place_reload(r->place, role_config(w->role));
}

static const struct role_ops role_ops = { on_message, on_stop, on_stat,
	on_reloaded };

static void
worker_free(struct worker *w)
{
	struct room *r;

	admin_free(w->admin);
	loop_cancel(w->loop, LOOP_FLUSH, &w->rows_task);
	json_decref(w->rows);
	while ((r = w->rooms) != NULL) {
		w->rooms = r->next;
		place_close(r->place);
		free(r);
	}
	while (w->doors != NULL)
		on_door_closed(w->doors, FCS_OK);
	locate_free(w->locate);
	timer_free(w->end);
	role_free(w->role);
}

int
worker_main(const char *name)
{
	struct worker w;
	struct rlimit rl;
	int status = EXIT_FAILURE;

	memset(&w, 0, sizeof(w));
	w.role = role_new("worker", name);
	if (w.role == NULL)
		return EXIT_FAILURE;
	role_set_ops(w.role, &role_ops, &w);
	w.loop = role_loop(w.role);
	w.rows_task.fn = send_rows;
	w.rows_task.arg = &w;
	w.admin = admin_new(w.loop, &admin_ops, &w);
	w.end = timer_new(w.loop, on_end, &w);
	w.locate = locate_new(w.loop, &locate_ops, &w);
	if (getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur > 1 << 30)
		rl.rlim_cur = 1 << 30;
	w.max_fd = (int)rl.rlim_cur - 1 -
		   (int)limits_get(role_limits(w.role), LIMIT_RESERVE_FDS);
	if (w.admin == NULL || w.end == NULL || w.locate == NULL) {
		log_error("worker.start", "why=%s", "out of memory");
	} else {
		role_send(w.role, json_pack("{s:s}", "op", "ready"));
		status = role_run(w.role);
	}
	worker_free(&w);
	return status;
}
