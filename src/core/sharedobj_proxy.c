/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_proxy - an object that another instance owns, here under a name of
 * this instance (peer.shared, script-api.md 7.4; real-clients.md 4).
 *
 * The object here is a temporary one whose image follows the owner's: what the
 * owner says becomes batches of nobody, told to the users here as any other.
 * What users and the script here want to change goes to the owner instead and
 * is noted (so_sent); the owner's answers come in the order of its queue, so
 * the first request noted for a slot is the one an answer to that slot means.
 *
 *	user, script ──► request ──► peer ──► owner
 *	users, script ◄── batch ◄── image ◄── answer
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/log.h"
#include "base/name.h"
#include "codec/status.h"
#include "core/sharedobj_proxy.h"

#define FLUSH_BYTES 65536u /* of one message to the owner */

static const struct peer_ops *
ops(const struct so_proxy *p)
{
	return p->so->set->env->peer;
}

static uint8_t
letter_type(const struct so_proxy *p)
{
	return p->amf3 ? MESSAGE_SO_AMF3 : MESSAGE_SO;
}

/* ---- requests ---- */

void
sharedobj_proxy_free_sent(struct so_proxy *p, struct so_sent *s)
{
	DL_DELETE(p->sent, s);
	p->sent_count--;
	refbuf_unref(s->name);
	refbuf_unref(s->value);
	free(s);
}

static void
begin_message(struct so_proxy *p)
{
	if (p->out_events++ > 0)
		return;
	buf_reset(&p->out, FLUSH_BYTES);
	somsg_begin(&p->out, p->amf3, p->remote, p->remote_len, p->version,
	    SOMSG_FLAG_PROXIED | (p->persistent ? SOMSG_FLAG_PERSISTENT : 0));
	sharedobj_wake_one(p->so);
}

struct letter { /* a message that waits for the commit barrier */
	struct so_set *set;
	char object[256];
	uint64_t peer, number;
	size_t len;
	uint8_t data[];
};

static void
send_letter(void *arg, int result)
{
	struct letter *l = arg;
	struct sharedobj *so;

	if (result != FCS_ECLOSED) {
		so = sharedobj_lookup(l->set, l->object, strlen(l->object));
		if (so != NULL && so->proxy != NULL &&
		    so->proxy->peer == l->peer && so->proxy->ready) {
			if (result == FCS_OK)
				result = ops(so->proxy)->send(l->set->inst,
				    l->peer, letter_type(so->proxy), l->data,
				    l->len);
			so->proxy->sent_upto = l->number;
			if (result != FCS_OK)
				sharedobj_owner_fail(so->proxy, l->number);
		}
	}
	free(l);
}

void
sharedobj_proxy_flush(struct sharedobj *so)
{
	struct so_proxy *p = so->proxy;
	struct so_sent *s;
	struct letter *l;
	int rc = FCS_ENOMEM;

	if (p == NULL || p->out_events == 0)
		return;
	p->out_events = 0;
	p->letters++;
	DL_FOREACH(p->sent, s)
		if (s->letter == 0)
			s->letter = p->letters;
	l = calloc(1, sizeof(*l) + buf_len(&p->out));
	if (l != NULL && buf_status(&p->out) == FCS_OK) {
		l->set = so->set;
		l->peer = p->peer;
		l->number = p->letters;
		snprintf(l->object, sizeof(l->object), "%s", so->name);
		l->len = buf_len(&p->out);
		memcpy(l->data, buf_data(&p->out), l->len);
		rc = instance_later(so->set->inst, send_letter, l);
	}
	if (rc == FCS_OK)
		return;
	free(l);
	log_warn("so.proxy", "inst=%s object=%s why=%s",
	    instance_full_name(so->set->inst), so->name, err_text(rc));
	sharedobj_owner_fail(p, p->letters);
}

void
sharedobj_proxy_drop_made(struct sharedobj *so)
{
	struct so_proxy *p = so->proxy;
	struct so_sent *s, *next;

	if (p == NULL)
		return;
	p->out_events = 0;
	DL_FOREACH_SAFE(p->sent, s, next)
		if (s->letter == 0)
			sharedobj_proxy_free_sent(p, s);
}

int
sharedobj_proxy_may_write(const struct sharedobj *so)
{
	const struct so_proxy *p = so->proxy;

	if (!p->ready)
		return FCS_ECLOSED;
	if (p->sent_count >=
	    (uint64_t)limits_get(so->set->env->limits, LIMIT_SO_QUEUE)) {
		limits_refuse(LIMIT_SO_QUEUE);
		return FCS_ELIMIT;
	}
	return FCS_OK;
}

int
sharedobj_proxy_request(
    struct sharedobj *so, const struct sharedobj_proxy_request *r)
{
	struct so_proxy *p = so->proxy;
	struct so_sent *s;
	struct buf value;
	int rc = sharedobj_proxy_may_write(so);

	if (rc != FCS_OK)
		return rc;
	buf_init(&value, 0);
	if (r->value != NULL)
		rc = somsg_value(
		    &value, r->value->data, r->value->len, p->amf3, true);
	s = rc == FCS_OK ? calloc(1, sizeof(*s)) : NULL;
	if (rc == FCS_OK && s == NULL)
		rc = FCS_ENOMEM;
	if (rc == FCS_OK) {
		s->type = r->value == NULL ? SOMSG_REQUEST_REMOVE
					   : SOMSG_REQUEST_CHANGE;
		s->name = refbuf_ref(r->name);
		s->value = r->value == NULL ? NULL : refbuf_ref(r->value);
		s->user = r->user == NULL ? 0 : r->user->id;
		s->echo = r->echo;
		DL_APPEND(p->sent, s);
		p->sent_count++;
		begin_message(p);
		if (r->value == NULL)
			somsg_put_key(&p->out, SOMSG_REQUEST_REMOVE,
			    (const char *)r->name->data, r->name->len);
		else
			somsg_put_change(&p->out, SOMSG_REQUEST_CHANGE,
			    (const char *)r->name->data, r->name->len,
			    buf_data(&value), buf_len(&value));
	}
	buf_fini(&value);
	return rc;
}

int
sharedobj_proxy_clear(struct sharedobj *so)
{
	int rc = sharedobj_proxy_may_write(so);

	if (rc != FCS_OK)
		return rc;
	begin_message(so->proxy);
	somsg_put(&so->proxy->out, SOMSG_REQUEST_CLEAR);
	return FCS_OK;
}

int
sharedobj_proxy_send(struct sharedobj *so, const struct refbuf *body)
{
	int rc = sharedobj_proxy_may_write(so);

	if (rc != FCS_OK)
		return rc;
	begin_message(so->proxy);
	sharedobj_out_put_send(&so->proxy->out, body, so->proxy->amf3, true);
	return FCS_OK;
}

void
sharedobj_proxy_settle(struct so_proxy *p, bool ok, const char *error)
{
	struct so_ready *list = p->waiting, *r;

	p->waiting = NULL;
	while ((r = list) != NULL) {
		list = r->next;
		instance_resolve(p->so->set->inst, r->pending, ok, NULL, error);
		free(r);
	}
}

/* ---- the connection ---- */

static void
on_opened(void *arg, uint64_t peer)
{
	struct so_proxy *p = arg;
	struct so_set *set = p->so->set;
	struct peer_info info;
	struct buf b;

	if (ops(p)->info(set->inst, peer, &info) != FCS_OK)
		return;
	p->connected = true;
	p->ready = false;
	p->amf3 = info.amf == 3;
	buf_init(&b, 0);
	somsg_begin(&b, p->amf3, p->remote, p->remote_len,
	    p->persistent ? p->version : 0,
	    SOMSG_FLAG_PROXIED | (p->persistent ? SOMSG_FLAG_PERSISTENT : 0));
	somsg_put(&b, SOMSG_USE);
	if (buf_status(&b) == FCS_OK)
		fcs_ignore(ops(p)->send(set->inst, peer, letter_type(p),
		    buf_data(&b), buf_len(&b)));
	buf_fini(&b);
}

static void
on_closed(void *arg, uint64_t peer, bool end)
{
	struct so_proxy *p = arg;

	(void)peer;
	p->connected = p->ready = false;
	sharedobj_owner_fail(p, 0);
	if (!end)
		return;
	p->ended = true;
	sharedobj_proxy_settle(
	    p, false, "the connection to its owner is closed");
}

static int
on_message(void *arg, uint64_t peer, const struct message *msg)
{
	(void)peer;
	return sharedobj_owner_message(arg, msg);
}

static const struct peer_watcher watcher = {
	.opened = on_opened,
	.closed = on_closed,
	.message = on_message,
};

/* ---- the interface ---- */

static int
attach(struct sharedobj *so, const struct sharedobj_remote *r)
{
	size_t len = strlen(r->remote);
	struct so_proxy *p = calloc(1, sizeof(*p) + len + 1);
	int rc;

	if (p == NULL)
		return FCS_ENOMEM;
	memcpy(p->remote, r->remote, len + 1);
	p->remote_len = len;
	p->so = so;
	p->peer = r->peer;
	p->persistent = r->persistent;
	buf_init(&p->out, 0);
	rc = so->set->env->peer->watch(so->set->inst, r->peer, &watcher, p);
	if (rc != FCS_OK) {
		buf_fini(&p->out);
		free(p);
		return rc;
	}
	so->proxy = p;
	return FCS_OK;
}

int
sharedobj_proxy_open(struct instance *inst, const struct sharedobj_remote *r,
    struct sharedobj **out)
{
	struct so_set *set = sharedobj_set_of(inst);
	struct sharedobj *so;
	enum status status;
	int rc;

	*out = NULL;
	if (set->env->peer == NULL)
		return FCS_EUNSUPPORTED;
	if (name_check(NAME_OBJECT, r->as, strlen(r->as), NULL) != FCS_OK ||
	    name_check(NAME_OBJECT, r->remote, strlen(r->remote), NULL) !=
		FCS_OK)
		return FCS_EINVAL;
	so = sharedobj_lookup(set, r->as, strlen(r->as));
	if (so != NULL && so->proxy != NULL && so->proxy->ended) {
		/* the script makes the connection anew: its users stay */
		sharedobj_proxy_free(so);
		rc = attach(so, r);
	} else if (so != NULL) {
		rc = so->proxy != NULL && so->proxy->peer == r->peer &&
			     strcmp(so->proxy->remote, r->remote) == 0 &&
			     so->proxy->persistent == r->persistent
			 ? FCS_OK
			 : FCS_EEXIST;
	} else {
		rc = sharedobj_create_proxy(set, r->as, &so, &status);
		if (rc == FCS_OK)
			rc = attach(so, r);
	}
	if (rc != FCS_OK)
		return rc;
	so->held++;
	*out = so;
	return FCS_OK;
}

int
sharedobj_proxy_ready(struct sharedobj *so, uint64_t pending)
{
	struct so_proxy *p = so->proxy;
	struct so_ready *r;

	if (p->ready || p->ended) {
		instance_resolve(so->set->inst, pending, p->ready, NULL,
		    p->ready ? NULL : "the connection to its owner is closed");
		return FCS_OK;
	}
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return FCS_ENOMEM;
	r->pending = pending;
	r->next = p->waiting;
	p->waiting = r;
	return FCS_OK;
}

bool
sharedobj_is_proxy(const struct sharedobj *so)
{
	return so->proxy != NULL;
}

bool
sharedobj_proxy_is_persistent(const struct sharedobj *so)
{
	return so->proxy->persistent;
}

void
sharedobj_proxy_free(struct sharedobj *so)
{
	struct so_proxy *p = so->proxy;
	struct so_ready *r;

	if (p == NULL)
		return;
	so->proxy = NULL;
	if (p->connected) {
		struct buf b;

		buf_init(&b, 0);
		somsg_begin(&b, p->amf3, p->remote, p->remote_len, 0,
		    SOMSG_FLAG_PROXIED |
			(p->persistent ? SOMSG_FLAG_PERSISTENT : 0));
		somsg_put(&b, SOMSG_RELEASE);
		if (buf_status(&b) == FCS_OK)
			fcs_ignore(
			    so->set->env->peer->send(so->set->inst, p->peer,
				letter_type(p), buf_data(&b), buf_len(&b)));
		buf_fini(&b);
	}
	so->set->env->peer->unwatch(so->set->inst, p->peer, p);
	while (p->sent != NULL)
		sharedobj_proxy_free_sent(p, p->sent);
	while ((r = p->waiting) != NULL) {
		p->waiting = r->next;
		free(r);
	}
	buf_fini(&p->out);
	free(p);
}
