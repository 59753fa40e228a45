/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utlist.h>

#include "admin/link.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/name.h"
#include "base/rnd.h"
#include "net/channel.h"
#include "session/session.h"

#define BOOT_LEN 8

struct dial { /* waits for the way */
	struct dial *prev, *next;
	uint64_t peer;
	peer_located_fn done;
	char inst[NAME_INSTANCE_MAX + 1];
	char from[NAME_APP_MAX + NAME_INSTANCE_MAX + 2];
};

struct way { /* to the worker of an application */
	struct locate *l;
	uint64_t key;
	struct channel *ch; /* NULL: the supervisor was asked */
	struct dial *dials;
	UT_hash_handle hh;
	char app[NAME_APP_MAX + 1];
};

struct locate {
	struct loop *loop;
	const struct locate_ops *ops;
	void *arg;
	struct peer_locator locator;
	struct way *ways;
	uint64_t last_key, last_client;
	char boot[BOOT_LEN + 1]; /* client ids are unique on this server */
};

static void
way_free(struct way *w)
{
	HASH_DEL(w->l->ways, w);
	channel_free(w->ch);
	loop_defer_free(w->l->loop, free, w);
}

/* ---- the channel to another worker ---- */

static void
on_message(
    void *arg, const uint8_t *data, size_t len, int *fds, size_t n, bool lost)
{
	struct way *w = arg;
	struct channel_handover h;

	(void)fds;
	(void)n;
	(void)lost;
	/* taken, refused, ended: the peer sees it at its own end */
	if (channel_handover_read(data, len, &h) != FCS_OK ||
	    h.kind == CHANNEL_RTMP)
		log_error("worker.way", "app=%s why=%s", w->app,
		    "malformed message from the other worker");
	else if (h.kind == CHANNEL_REFUSED)
		log_warn("worker.way", "app=%s cid=%s why=%s", w->app,
		    h.client_id, "refused by the other worker");
}

/* That worker is gone, its connections with it; the next dial asks again. */
static void
on_closed(void *arg, int why)
{
	struct way *w = arg;

	log_debug("worker.way", "app=%s why=%s", w->app, err_text(why));
	way_free(w);
}

static const struct channel_ops channel_ops = { .message = on_message,
	.closed = on_closed };

/* ---- one connection ---- */

static void
next_client_id(struct locate *l, char *out, size_t size)
{
	(void)snprintf(out, size, "%s-%llx", l->boot,
	    (unsigned long long)++l->last_client);
}

/* "room/blue" => room, blue */
static void
split(const char *from, struct channel_handover *h)
{
	const char *slash = strchr(from, '/');

	if (slash == NULL)
		return;
	(void)snprintf(h->from_app, sizeof(h->from_app), "%.*s",
	    (int)(slash - from), from);
	(void)snprintf(h->from_inst, sizeof(h->from_inst), "%s", slash + 1);
}

static int
send_over(struct way *w, const char *from, int *fd)
{
	struct channel_handover h;
	struct buf msg;
	int rc;

	memset(&h, 0, sizeof(h));
	h.kind = CHANNEL_RTMP;
	h.connection_id = ++w->l->last_key;
	next_client_id(w->l, h.client_id, sizeof(h.client_id));
	(void)snprintf(h.app, sizeof(h.app), "%s", w->app);
	(void)snprintf(h.ip, sizeof(h.ip), "127.0.0.1");
	(void)snprintf(h.protocol, sizeof(h.protocol), "local");
	split(from, &h);
	buf_init(&msg, 0);
	rc = channel_handover_write(&msg, &h);
	if (rc == FCS_OK)
		rc = channel_send(
		    w->ch, buf_data(&msg), buf_len(&msg), fd, 1, 0);
	if (rc == FCS_OK)
		*fd = -1;
	buf_fini(&msg);
	return rc;
}

/* Give the other end to a way that has its channel. */
static void
pass(struct way *w, uint64_t peer, peer_located_fn done, const char *from)
{
	int sv[2] = { -1, -1 }, rc = FCS_OK;

	if (socketpair(
		AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) < 0)
		rc = FCS_ELIMIT;
	if (rc == FCS_OK)
		rc = send_over(w, from, &sv[1]);
	if (sv[1] >= 0)
		(void)close(sv[1]);
	if (rc == FCS_OK) {
		done(peer, FCS_OK, sv[0], "");
		return;
	}
	if (sv[0] >= 0)
		(void)close(sv[0]);
	done(peer, rc, -1,
	    rc == FCS_ELIMIT ? "the application is busy" : err_text(rc));
}

/* Within this worker. FCS_ENOENT: it is not here. */
static int
pass_here(struct locate *l, const struct peer_where *to, int *fd)
{
	struct session_handover s;
	char id[40];
	int sv[2], rc;

	if (socketpair(
		AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) < 0)
		return FCS_ELIMIT;
	memset(&s, 0, sizeof(s));
	next_client_id(l, id, sizeof(id));
	s.fd = sv[1];
	s.client_id = id;
	s.ip = "127.0.0.1";
	s.protocol = "local";
	s.peer_name = to->from;
	rc = l->ops->here(l->arg, to->app, &s);
	if (rc == FCS_OK) {
		*fd = sv[0];
		return FCS_OK;
	}
	(void)close(sv[0]);
	if (rc == FCS_ENOENT)
		(void)close(sv[1]);
	return rc;
}

/* ---- finding the way ---- */

static struct way *
ask(struct locate *l, const struct peer_where *to)
{
	struct way *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->l = l;
	w->key = ++l->last_key;
	(void)snprintf(w->app, sizeof(w->app), "%s", to->app);
	HASH_ADD_STR(l->ways, app, w);
	if (!hash_added(w)) {
		free(w);
		return NULL;
	}
	l->ops->ask(l->arg, w->key, to->app, to->inst);
	return w;
}

static void
on_locate(
    void *arg, const struct peer_where *to, uint64_t peer, peer_located_fn done)
{
	struct locate *l = arg;
	int fd = -1, rc;
	struct dial *d;
	struct way *w;

	HASH_FIND_STR(l->ways, to->app, w);
	if (w != NULL && w->ch != NULL) {
		pass(w, peer, done, to->from);
		return;
	}
	if ((rc = pass_here(l, to, &fd)) != FCS_ENOENT) {
		done(peer, rc, fd, rc == FCS_OK ? "" : err_text(rc));
		return;
	}
	d = calloc(1, sizeof(*d));
	if (w == NULL && d != NULL)
		w = ask(l, to);
	if (d == NULL || w == NULL) {
		free(d);
		done(peer, FCS_ENOMEM, -1, "out of memory");
		return;
	}
	d->peer = peer;
	d->done = done;
	(void)snprintf(d->inst, sizeof(d->inst), "%s", to->inst);
	(void)snprintf(d->from, sizeof(d->from), "%s", to->from);
	DL_APPEND(w->dials, d);
}

static void
answer(struct way *w, struct dial *d, const char *status, const char *why)
{
	bool unknown = strcmp(status, "unknown") == 0;

	if (w != NULL)
		pass(w, d->peer, d->done, d->from);
	else
		d->done(d->peer, unknown ? FCS_ENOENT : FCS_EIO, -1,
		    unknown ? "there is no such application" : why);
	free(d);
}

void
locate_answer(struct locate *l, json_t *msg, int *fds, size_t count)
{
	struct channel_options opt = { CHANNEL_PACKET, CHANNEL_HANDOVER_MAX,
		(uint32_t)limits_get(
		    l->ops->limits(l->arg), LIMIT_CHANNEL_QUEUE) };
	const char *status = link_text(msg, "status");
	uint64_t key = (uint64_t)link_int(msg, "id");
	struct dial *d, *dials;
	struct way *w, *next;

	HASH_ITER(hh, l->ways, w, next)
	if (w->key == key)
		break;
	if (w == NULL || w->ch != NULL)
		return;
	dials = w->dials;
	w->dials = NULL;
	if (strcmp(status, "ok") == 0 && count == 1) {
		w->ch = channel_new(l->loop, fds[0], &opt, &channel_ops, w);
		fds[0] = -1;
	}
	if (w->ch == NULL) {
		way_free(w);
		w = NULL;
	}
	while ((d = dials) != NULL) {
		DL_DELETE(dials, d);
		answer(w, d, status, link_text(msg, "why"));
	}
}

int
locate_name(
    const struct channel_handover *h, bool is_worker, char *out, size_t size)
{
	bool is_local = strcmp(h->protocol, "local") == 0;

	out[0] = '\0';
	if (is_local != is_worker || is_local != (h->from_app[0] != '\0'))
		return FCS_EFORMAT;
	if (!is_local)
		return FCS_OK;
	if (name_check(NAME_APP, h->from_app, strlen(h->from_app), NULL) !=
		FCS_OK ||
	    name_check(NAME_INSTANCE, h->from_inst, strlen(h->from_inst),
		NULL) != FCS_OK)
		return FCS_EFORMAT;
	(void)snprintf(out, size, "%s/%s", h->from_app, h->from_inst);
	return FCS_OK;
}

/* ---- life ---- */

struct locate *
locate_new(struct loop *loop, const struct locate_ops *ops, void *arg)
{
	struct locate *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->loop = loop;
	l->ops = ops;
	l->arg = arg;
	l->locator.locate = on_locate;
	l->locator.arg = l;
	rnd_text(l->boot, BOOT_LEN);
	return l;
}

void
locate_free(struct locate *l)
{
	struct way *w, *next;
	struct dial *d;

	if (l == NULL)
		return;
	HASH_ITER(hh, l->ways, w, next)
	{
		while ((d = w->dials) != NULL) {
			DL_DELETE(w->dials, d);
			d->done(d->peer, FCS_ECLOSED, -1, "the worker ends");
			free(d);
		}
		way_free(w);
	}
	free(l);
}

const struct peer_locator *
locate_locator(struct locate *l)
{
	return &l->locator;
}
