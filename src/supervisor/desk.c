/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * desk - see desk.h.
 *
 * caller: a connection; ask: a request on it; leg: the part of it one worker
 * answers. Everything that waits holds ids (a worker answers with the id of
 * its leg), so that any of the three may go first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/log.h"
#include "base/name.h"
#include "net/listener.h"
#include "net/stream.h"
#include "net/timer.h"
#include "supervisor/desk.h"

#define UNREAD_MAX (64UL * 1024 * 1024) /* answers a caller leaves unread */
#define FRESH_MS   300 /* wait for figures; else those of the last heartbeat */

struct caller {
	struct desk *desk;
	struct stream *stream;
	struct buf in;
	uid_t uid;
	struct caller *next, *prev;
};

struct ask {
	struct desk *desk;
	struct caller *caller;
	uint64_t id;    /* ours */
	int64_t number; /* the caller's */
	char name[CONTROL_NAME_MAX];
	json_t *args, *missing;
	char *app; /* NULL: all workers */
	bool watch;
	bool starting;
	bool own; /* answered here, once the workers told their figures */
	unsigned legs;
	struct timer *deadline;
	struct ask *next;
};

struct leg {
	uint64_t id, ask;
	char *worker;
	struct child *child;
	struct leg *next;
};

struct desk {
	const struct child_env *env;
	struct listener *listener;
	struct registry **registry;
	const struct desk_ops *ops;
	void *arg;
	struct caller *callers;
	uint32_t caller_count;
	struct ask *asks;
	struct leg *legs;
	uint64_t last_id;
};

/* ---- lines to the caller ---- */

static void caller_gone(struct caller *);

/* Takes line (malloc'd). */
static void
say(struct caller *k, char *line)
{
	struct stream_backlog b;
	struct refbuf *rb;

	if (k->stream == NULL) {
		free(line);
		return;
	}
	rb = line == NULL ? NULL : refbuf_from(line, strlen(line));
	free(line);
	if (rb == NULL) {
		log_error("admin.answer", "why=%s", "out of memory");
		return;
	}
	if (stream_push(k->stream, rb, 0, 0) != FCS_OK)
		return;
	stream_want_flush(k->stream);
	stream_backlog(k->stream, &b);
	if (b.bytes > UNREAD_MAX) {
		log_warn("admin.closed", "uid=%u why=%s", (unsigned)k->uid,
		    "answers are not read");
		caller_gone(k);
	}
}

/* ---- asks ---- */

static struct ask *
ask_by_id(struct desk *d, uint64_t id)
{
	struct ask *a;

	for (a = d->asks; a != NULL && a->id != id; a = a->next)
		;
	return a;
}

static void
leg_del(struct desk *d, struct leg *l)
{
	struct leg **at;

	for (at = &d->legs; *at != l; at = &(*at)->next)
		;
	*at = l->next;
	free(l->worker);
	free(l);
}

/* Out of the list; the workers that still work on it are told. */
static void
ask_del(struct ask *a)
{
	struct desk *d = a->desk;
	struct ask **at;
	struct leg *l, *next;

	for (at = &d->asks; *at != a; at = &(*at)->next)
		;
	*at = a->next;
	for (l = d->legs; l != NULL; l = next) {
		next = l->next;
		if (l->ask != a->id)
			continue;
		child_tell(l->child, json_pack("{s:s, s:I}", "op", "cancel",
					 "tag", (json_int_t)l->id));
		leg_del(d, l);
	}
	timer_free(a->deadline);
	json_decref(a->args);
	json_decref(a->missing);
	free(a->app);
	free(a);
}

static void
ask_fail(
    struct ask *a, enum control_code code, const char *text, const char *hint)
{
	struct caller *k = a->caller;
	int64_t number = a->number;

	ask_del(a);
	say(k, control_error(number, code, text, hint));
}

static bool answer_own(struct ask *);

static void
ask_step(struct ask *a)
{
	struct caller *k = a->caller;
	char *line;

	if (a->starting || a->legs > 0 || (a->own && !answer_own(a)))
		return;
	line = control_end(a->number, a->missing);
	ask_del(a);
	say(k, line);
}

static void
add_missing(struct ask *a, const char *worker, const char *why)
{
	if (a->missing == NULL)
		a->missing = json_array();
	(void)json_array_append_new(
	    a->missing, json_pack("{s:s, s:s}", "app", worker, "why", why));
}

/* One worker is done with its part, well (CONTROL_OK) or not. */
static void
leg_done(struct desk *d, struct leg *l, enum control_code code,
    const char *text, const char *hint)
{
	struct ask *a = ask_by_id(d, l->ask);
	char worker[NAME_APP_MAX + 16];

	(void)snprintf(worker, sizeof(worker), "%s", l->worker);
	leg_del(d, l);
	if (a == NULL)
		return;
	a->legs--;
	if (code != CONTROL_OK && a->app != NULL) {
		ask_fail(a, code, text, hint);
		return;
	}
	if (code != CONTROL_OK && !a->own)
		add_missing(a, worker, text);
	ask_step(a);
}

static void
on_deadline(void *arg)
{
	struct ask *a = arg;
	struct desk *d = a->desk;
	uint64_t id = a->id;
	struct leg *l;

	if (a->own) {
		a->legs = 0; /* ask_del() forgets them */
		ask_step(a);
		return;
	}
	limits_refuse(LIMIT_ADMIN_TIME);
	if (a->legs == 0) {
		ask_fail(a, CONTROL_TIMEOUT,
		    "the application does not start in limits.admin_time",
		    "fcsctl status");
		return;
	}
	while (ask_by_id(d, id) != NULL) {
		for (l = d->legs; l != NULL && l->ask != id; l = l->next)
			;
		if (l == NULL)
			return;
		child_tell(l->child, json_pack("{s:s, s:I}", "op", "cancel",
					 "tag", (json_int_t)l->id));
		leg_done(d, l, CONTROL_TIMEOUT,
		    "no answer within limits.admin_time", "fcsctl status");
	}
}

static void
arm(struct ask *a)
{
	const struct limits *lim = config_limits(a->desk->env->config);

	if (!a->watch)
		timer_set(
		    a->deadline, (uint32_t)limits_get(lim, LIMIT_ADMIN_TIME));
}

static void
add_leg(struct ask *a, struct registry_worker *w)
{
	struct desk *d = a->desk;
	struct leg *l = calloc(1, sizeof(*l));
	json_t *msg;

	if (l != NULL)
		l->worker = strdup(registry_worker_name(w));
	if (l == NULL || l->worker == NULL) {
		free(l);
		add_missing(a, registry_worker_name(w), "out of memory");
		return;
	}
	l->id = ++d->last_id;
	l->ask = a->id;
	l->child = registry_worker_child(w);
	l->next = d->legs;
	d->legs = l;
	a->legs++;
	msg = json_pack("{s:s, s:I, s:s, s:O, s:b, s:s}", "op", "ask", "tag",
	    (json_int_t)l->id, "name", a->name, "args", a->args, "watch",
	    (int)a->watch, "app", a->app == NULL ? "" : a->app);
	if (child_send(l->child, msg, NULL, 0) != FCS_OK)
		leg_done(d, l, CONTROL_FAILED, "the worker is gone",
		    "fcsctl status");
}

static void
ask_worker(void *arg, struct registry_worker *w)
{
	struct ask *a = arg;

	if (child_state(registry_worker_child(w)) == CHILD_READY)
		add_leg(a, w);
	else
		add_missing(a, registry_worker_name(w),
		    child_state_text(registry_worker_child(w)));
}

static void
miss_app(void *arg, const char *app, const char *why)
{
	add_missing(arg, app, why);
}

static void
on_needed(void *arg, uint64_t id, int result, struct registry_worker *w,
    const char *why)
{
	struct desk *d = arg;
	struct ask *a = ask_by_id(d, id);
	const char *hint;
	char text[256];

	if (a == NULL)
		return;
	if (result == FCS_OK) {
		add_leg(a, w);
		return;
	}
	if (result == FCS_ENOENT) {
		(void)snprintf(
		    text, sizeof(text), "no application \"%.64s\"", a->app);
		ask_fail(a, CONTROL_NOT_FOUND, text, "fcsctl app list");
		return;
	}
	(void)snprintf(text, sizeof(text), "application \"%.64s\": %.160s",
	    a->app, why[0] == '\0' ? err_text(result) : why);
	hint = registry_hint(*d->registry, a->app);
	ask_fail(
	    a, CONTROL_FAILED, text, hint[0] == '\0' ? "fcsctl status" : hint);
}

static void
ask_workers(struct ask *a, const struct admin_row *row)
{
	struct desk *d = a->desk;
	uint64_t id = a->id;
	const char *app = json_string_value(json_object_get(a->args, "app"));

	if (app == NULL && row->scope == ADMIN_APP) {
		ask_fail(a, CONTROL_USAGE, "needs an application", NULL);
		return;
	}
	arm(a);
	if (app == NULL) {
		a->starting = true;
		registry_each(*d->registry, ask_worker, a);
		registry_each_failed(*d->registry, miss_app, a);
		a->starting = false;
		ask_step(a);
		return;
	}
	a->app = strndup(app, strcspn(app, "/"));
	if (a->app == NULL)
		ask_fail(a, CONTROL_FAILED, "out of memory", NULL);
	else
		registry_need(*d->registry, a->app, NULL, on_needed, d, id);
}

/* ---- commands answered here ---- */

static bool
is_own(const char *name)
{
	return strcmp(name, "ping") == 0 || strcmp(name, "status") == 0 ||
	       strcmp(name, "app list") == 0;
}

/* The items of the answer. false: the ask is gone with its caller. */
static bool
answer_own(struct ask *a)
{
	struct caller *k = a->caller;
	struct desk *d = a->desk;
	uint64_t id = a->id;
	int64_t number = a->number; /* say() may end k and a */
	json_t *v, *list;
	size_t i;

	if (strcmp(a->name, "ping") == 0) {
		v = json_pack(
		    "{s:s, s:i}", "version", FCS_VERSION, "pid", (int)getpid());
		say(k, control_item(number, v));
		json_decref(v);
	} else if (strcmp(a->name, "status") == 0) {
		v = d->ops->status(d->arg);
		say(k, control_item(number, v));
		json_decref(v);
	} else {
		list = registry_apps(*d->registry);
		json_array_foreach(list, i, v) say(k, control_item(number, v));
		json_decref(list);
	}
	return ask_by_id(d, id) != NULL;
}

static void
ask_figures(void *arg, struct registry_worker *w)
{
	if (child_state(registry_worker_child(w)) == CHILD_READY)
		add_leg(arg, w);
}

static void
ask_own(struct ask *a)
{
	a->own = true;
	if (strcmp(a->name, "ping") != 0) {
		timer_set(a->deadline, FRESH_MS);
		a->starting = true;
		registry_each(*a->desk->registry, ask_figures, a);
		a->starting = false;
	}
	ask_step(a);
}

static void
start_ask(struct caller *k, struct control_request *r)
{
	struct desk *d = k->desk;
	const struct admin_row *row;
	struct ask *a = calloc(1, sizeof(*a));

	if (a != NULL)
		a->deadline = timer_new(d->env->loop, on_deadline, a);
	if (a == NULL || a->deadline == NULL) {
		free(a);
		say(k, control_error(
			   r->id, CONTROL_FAILED, "out of memory", NULL));
		return;
	}
	a->desk = d;
	a->caller = k;
	a->id = ++d->last_id;
	a->number = r->id;
	a->watch = r->watch;
	a->args = json_incref(r->args);
	/* who asks is not for the asker to say */
	(void)json_object_set_new(
	    a->args, "uid", json_integer((json_int_t)k->uid));
	(void)snprintf(a->name, sizeof(a->name), "%s", r->name);
	a->next = d->asks;
	d->asks = a;
	if (is_own(a->name)) {
		ask_own(a);
		return;
	}
	row = admin_find(a->name);
	if (row == NULL)
		ask_fail(a, CONTROL_USAGE, "no such command", "fcsctl help");
	else
		ask_workers(a, row);
}

static void
cancel_ask(struct caller *k, int64_t number)
{
	struct ask *a;

	for (a = k->desk->asks; a != NULL; a = a->next)
		if (a->caller == k && a->number == number)
			break;
	if (a == NULL)
		return;
	ask_del(a);
	say(k, control_end(number, NULL));
}

/* ---- callers ---- */

static void
caller_free(void *arg)
{
	struct caller *k = arg;

	buf_fini(&k->in);
	free(k);
}

static void
caller_gone(struct caller *k)
{
	struct desk *d = k->desk;
	struct ask *a, *next;

	if (k->stream == NULL)
		return;
	for (a = d->asks; a != NULL; a = next) {
		next = a->next;
		if (a->caller == k)
			ask_del(a);
	}
	stream_free(k->stream);
	k->stream = NULL;
	if (k->prev != NULL)
		k->prev->next = k->next;
	else
		d->callers = k->next;
	if (k->next != NULL)
		k->next->prev = k->prev;
	d->caller_count--;
	loop_defer_free(d->env->loop, caller_free, k);
}

/* Answer what cannot be understood and end the connection. */
static void
refuse(struct caller *k, int64_t id, const char *text)
{
	log_warn("admin.refused", "uid=%u why=%s", (unsigned)k->uid, text);
	say(k, control_error(id, CONTROL_USAGE, text, NULL));
	if (k->stream == NULL)
		return;
	stream_close(k->stream, true);
	caller_gone(k);
}

/* One line; false: the caller is gone. */
static bool
on_line(struct caller *k, const char *line, size_t len)
{
	struct control_request r;
	struct err e;

	if (control_request_parse(line, len, &r, &e) != FCS_OK) {
		refuse(k, r.id, e.text);
		return false;
	}
	log_debug("admin.request", "uid=%u do=%s", (unsigned)k->uid, r.name);
	if (r.cancel)
		cancel_ask(k, r.id);
	else
		start_ask(k, &r);
	control_request_fini(&r);
	return k->stream != NULL;
}

static void
on_data(void *arg, const uint8_t *data, size_t len)
{
	struct caller *k = arg;
	const char *p;
	const void *nl;
	size_t n;

	buf_append(&k->in, data, len);
	if (buf_status(&k->in) != FCS_OK) {
		limits_refuse(LIMIT_ADMIN_REQUEST);
		refuse(k, 0, "a request is longer than limits.admin_request");
		return;
	}
	for (;;) {
		p = (const char *)buf_data(&k->in);
		nl = memchr(p, '\n', buf_len(&k->in));
		if (nl == NULL)
			return;
		n = (size_t)((const char *)nl - p);
		if (n > 0 && !on_line(k, p, n))
			return;
		buf_consume(&k->in, n + 1);
	}
}

static void
on_closed(void *arg, int why)
{
	(void)why;
	caller_gone(arg);
}

static const struct stream_ops stream_ops = { .data = on_data,
	.closed = on_closed };

static void
on_accepted(void *arg, int s, const struct listener_peer *peer)
{
	struct desk *d = arg;
	const struct limits *lim = config_limits(d->env->config);
	struct stream_limits sl = { .high_bytes = UNREAD_MAX };
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);
	struct caller *k;

	(void)peer;
	k = calloc(1, sizeof(*k));
	if (k == NULL ||
	    d->caller_count >= limits_get(lim, LIMIT_ADMIN_CLIENTS)) {
		if (k != NULL)
			limits_refuse(LIMIT_ADMIN_CLIENTS);
		log_warn("admin.refused", "why=%s",
		    k == NULL ? "out of memory" : "limits.admin_clients");
		free(k);
		(void)close(s);
		return;
	}
	(void)getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	k->desk = d;
	k->uid = cred.uid;
	buf_init(&k->in, (size_t)limits_get(lim, LIMIT_ADMIN_REQUEST));
	k->stream = stream_new(d->env->loop, s, &stream_ops, k);
	if (k->stream == NULL) {
		free(k);
		return;
	}
	stream_set_limits(k->stream, &sl);
	k->next = d->callers;
	if (k->next != NULL)
		k->next->prev = k;
	d->callers = k;
	d->caller_count++;
}

static const struct listener_ops listener_ops = { .accepted = on_accepted };

/* ---- workers answer ---- */

void
desk_answer(struct desk *d, const char *worker, json_t *msg)
{
	uint64_t tag = (uint64_t)link_int(msg, "tag");
	json_t *item;
	uint64_t id;
	size_t i;
	const char *hint = link_text(msg, "hint");
	struct leg *l;
	struct ask *a;

	(void)worker;
	for (l = d->legs; l != NULL && l->id != tag; l = l->next)
		;
	a = l == NULL ? NULL : ask_by_id(d, l->ask);
	if (a == NULL)
		return; /* it was cancelled meanwhile */
	id = a->id;
	arm(a); /* something came: the time starts again */
	json_array_foreach(json_object_get(msg, "items"), i, item)
	{
		/* a caller that does not read is sent away, its asks with it */
		a = ask_by_id(d, id);
		if (a == NULL)
			return;
		say(a->caller, control_item(a->number, item));
	}
	if (!json_is_true(json_object_get(msg, "end")))
		return;
	for (l = d->legs; l != NULL && l->id != tag; l = l->next)
		;
	if (l != NULL)
		leg_done(d, l, (enum control_code)link_int(msg, "code"),
		    link_text(msg, "text"), hint[0] == '\0' ? NULL : hint);
}

void
desk_worker_gone(struct desk *d, const char *worker)
{
	struct leg *l;

	do {
		for (l = d->legs; l != NULL; l = l->next)
			if (strcmp(l->worker, worker) == 0)
				break;
		if (l != NULL)
			leg_done(d, l, CONTROL_FAILED,
			    "the worker ended before it had answered",
			    "fcsctl status");
	} while (l != NULL);
}

struct desk *
desk_new(const struct child_env *env, int fd, struct registry **registry,
    const struct desk_ops *ops, void *arg)
{
	struct desk *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->env = env;
	d->registry = registry;
	d->ops = ops;
	d->arg = arg;
	d->listener = listener_new(env->loop, fd, 0, &listener_ops, d);
	if (d->listener == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

void
desk_free(struct desk *d)
{
	if (d == NULL)
		return;
	while (d->callers != NULL)
		caller_gone(d->callers);
	listener_free(d->listener);
	free(d);
}
