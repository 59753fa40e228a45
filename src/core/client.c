/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client - see client.h. The calls both ways are in client_call.c.
 *
 * Held emissions: whatever a script emits after a persistent write leaves only
 * when that write is durable (DESIGN 5), and in order per client; so once one
 * entry is held, everything after it queues up behind. The verdict of the
 * connect takes the same way, and what a script says to a client before it is
 * accepted waits for the acceptance.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/log.h"
#include "core/instance_int.h"

#define USER_MAX      255
#define ATTRS_MAX     1024
#define VERDICT_ARENA (16u << 20)

/* ---- making ---- */

static const char *
own(const char *s, bool *bad)
{
	char *p = strdup(s == NULL ? "" : s);

	if (p == NULL)
		*bad = true;
	return p;
}

static void
drop(const char *s)
{
	free((void *)(uintptr_t)s);
}

struct client *
client_new(
    const struct client_info *info, const struct client_ops *ops, void *impl)
{
	static const char *const all[] = { "/" };
	struct client *c = calloc(1, sizeof(*c));
	bool bad = false;

	if (c == NULL)
		return NULL;
	c->info = *info;
	c->info.id = own(info->id, &bad);
	c->info.ip = own(info->ip, &bad);
	c->info.protocol = own(info->protocol, &bad);
	c->info.agent = own(info->agent, &bad);
	c->info.referrer = own(info->referrer, &bad);
	c->info.page_url = own(info->page_url, &bad);
	c->info.uri = own(info->uri, &bad);
	c->info.query = own(info->query, &bad);
	if (info->peer_name != NULL)
		c->info.peer_name = own(info->peer_name, &bad);
	c->ops = ops;
	c->impl = impl;
	c->next_txn = 2;
	if (bad || access_set(&c->access[0], all, 1) != FCS_OK ||
	    access_set(&c->access[1], all, 1) != FCS_OK) {
		client_destroy(c);
		return NULL;
	}
	return c;
}

static void
drop_held(struct client *c)
{
	struct held *h;

	while ((h = c->held) != NULL) {
		DL_DELETE(c->held, h);
		free(h);
	}
	c->held_bytes = 0;
}

void
client_destroy(struct client *c)
{
	struct client_attr *a, *next;

	if (c == NULL)
		return;
	drop_held(c);
	HASH_ITER(hh, c->attrs, a, next)
	{
		HASH_DELETE(hh, c->attrs, a);
		free(a->packed);
		free(a);
	}
	timer_free(c->decide_timer);
	access_fini(&c->access[0]);
	access_fini(&c->access[1]);
	access_fini(&c->samples[0]);
	access_fini(&c->samples[1]);
	free(c->virtual_key);
	free(c->last);
	drop(c->info.id);
	drop(c->info.ip);
	drop(c->info.protocol);
	drop(c->info.agent);
	drop(c->info.referrer);
	drop(c->info.page_url);
	drop(c->info.uri);
	drop(c->info.query);
	drop(c->info.peer_name);
	free(c->user);
	free(c->calls);
	free(c->args);
	free(c);
}

static void
set_default(
    struct client *c, struct client_paths *paths, enum config_app_key key)
{
	const struct config_app *s = application_env(c->inst->app)->settings;
	size_t n = config_app_count(s, key), k;
	const char **v = calloc(n == 0 ? 1 : n, sizeof(*v));

	access_fini(paths); /* no memory: refuse rather than allow */
	if (v == NULL)
		return;
	for (k = 0; k < n; k++)
		v[k] = config_app_item(s, key, k);
	fcs_ignore(access_set(paths, v, (uint32_t)n));
	free(v);
}

void
client_set_defaults(struct client *c)
{
	set_default(c, &c->access[0], APP_ACCESS_READ);
	set_default(c, &c->access[1], APP_ACCESS_WRITE);
	set_default(c, &c->samples[0], APP_ACCESS_SAMPLES);
	set_default(c, &c->samples[1], APP_ACCESS_SAMPLES);
	c->sample.at_ms = loop_now_ms(c->inst->loop);
	if (client_default_rates(c) != FCS_OK)
		log_warn("client.rates", "cid=%s why=%s", c->info.id,
		    "out of memory: not limited");
}

/* ---- what is known of it ---- */

const struct client_info *
client_info(const struct client *c)
{
	return &c->info;
}

const char *
client_id(const struct client *c)
{
	return c->info.id;
}

struct instance *
client_instance(const struct client *c)
{
	return c->inst;
}

enum client_state
client_state(const struct client *c)
{
	return c->state;
}

int64_t
client_connected_at_ms(const struct client *c)
{
	return c->connected_at_ms;
}

const char *
client_user(const struct client *c)
{
	return c->user == NULL ? "" : c->user;
}

void
client_set_avmplus(struct client *c)
{
	c->info.avmplus = true;
}

int
client_set_user(struct client *c, const char *user, size_t len)
{
	char *p;

	if (len > USER_MAX)
		return FCS_ELIMIT;
	if (memchr(user, 0, len) != NULL)
		return FCS_EINVAL;
	p = strndup(user, len);
	if (p == NULL)
		return FCS_ENOMEM;
	free(c->user);
	c->user = p;
	return FCS_OK;
}

const char *
client_owner(const struct client *c)
{
	return c->user == NULL || *c->user == '\0' ? c->info.id : c->user;
}

int
client_set_attr(struct client *c, const char *key, size_t key_len,
    const uint8_t *packed, size_t len)
{
	struct client_attr *a;
	uint8_t *copy;

	HASH_FIND(hh, c->attrs, key, key_len, a);
	if (packed == NULL) {
		if (a != NULL) {
			HASH_DELETE(hh, c->attrs, a);
			free(a->packed);
			free(a);
		}
		return FCS_OK;
	}
	if (a == NULL && HASH_COUNT(c->attrs) >= ATTRS_MAX)
		return FCS_ELIMIT;
	copy = malloc(len == 0 ? 1 : len);
	if (copy == NULL)
		return FCS_ENOMEM;
	memcpy(copy, packed, len);
	if (a == NULL) {
		a = calloc(1, sizeof(*a) + key_len + 1);
		if (a == NULL)
			goto fail;
		memcpy(a->key, key, key_len);
		a->key_len = key_len;
		HASH_ADD_KEYPTR(hh, c->attrs, a->key, key_len, a);
		if (!hash_added(a)) {
			free(a);
			goto fail;
		}
	}
	free(a->packed);
	a->packed = copy;
	a->len = len;
	return FCS_OK;
fail:
	free(copy);
	return FCS_ENOMEM;
}

const uint8_t *
client_attr(
    const struct client *c, const char *key, size_t key_len, size_t *len)
{
	struct client_attr *a;

	HASH_FIND(hh, c->attrs, key, key_len, a);
	if (a == NULL)
		return NULL;
	*len = a->len;
	return a->packed;
}

void
client_each_attr(const struct client *c,
    void (*fn)(void *arg, const char *key, size_t key_len,
	const uint8_t *packed, size_t len),
    void *arg)
{
	struct client_attr *a;

	for (a = c->attrs; a != NULL; a = a->hh.next)
		fn(arg, a->key, a->key_len, a->packed, a->len);
}

int
client_set_access(
    struct client *c, bool write, const char *const *paths, uint32_t count)
{
	return access_set(&c->access[write], paths, count);
}

bool
client_may(const struct client *c, bool write, const char *name)
{
	return access_may(&c->access[write], name);
}

void
client_traffic(const struct client *c, uint64_t *bytes_in, uint64_t *bytes_out,
    int *rtt_ms)
{
	*bytes_in = *bytes_out = 0;
	*rtt_ms = -1;
	if (!c->lost)
		c->ops->stats(c->impl, bytes_in, bytes_out, rtt_ms);
}

/* ---- to the client ---- */

int
client_send(struct client *c, uint8_t type, uint32_t msid,
    const uint8_t *payload, size_t len)
{
	if (c->lost || c->state != CLIENT_ACCEPTED)
		return FCS_ECLOSED;
	if (c->inst != NULL)
		c->inst->stats.msg_out++;
	return c->ops->send(c->impl, type, msid, payload, len);
}

static void
do_reject(struct client *c, const uint8_t *packed, size_t len)
{
	struct arena *a = arena_new(VERDICT_ARENA);
	struct value *info = NULL;

	if (a == NULL || value_unpack(a, packed, len, &info) != FCS_OK)
		c->ops->close(c->impl, "out of memory");
	else
		c->ops->rejected(c->impl, info);
	arena_free(a);
}

/* onStatus on the connection, then the end of it. */
static void
do_close(struct client *c, enum status status, const uint8_t *why, size_t len)
{
	char text[ERR_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%.*s", (int)len, (const char *)why);
	if (c->state == CLIENT_ACCEPTED)
		client_status_now(c, status, text);
	c->ops->close(c->impl, text);
}

static void
perform(struct client *c, struct held *h)
{
	switch (h->kind) {
	case HELD_SEND:
		/* a client that goes loses what was for it */
		fcs_ignore(client_send(c, h->type, h->msid, h->data, h->len));
		break;
	case HELD_ACCEPT:
		instance_accept(c->inst, c);
		break;
	case HELD_REJECT:
		do_reject(c, h->data, h->len);
		break;
	case HELD_CLOSE:
		do_close(c, h->status, h->data, h->len);
		break;
	}
}

void
client_pump(struct client *c, bool all)
{
	struct held *h;

	while ((h = c->held) != NULL && !c->lost) {
		if (!all && h->seq > c->inst->durable)
			return;
		if (h->kind == HELD_SEND && c->state == CLIENT_PENDING) {
			if (!all)
				return;
		}
		DL_DELETE(c->held, h);
		c->held_bytes -= h->len;
		perform(c, h);
		free(h);
	}
}

void
client_release_held(struct client *c, uint64_t durable)
{
	(void)durable;
	client_pump(c, false);
}

void
client_drop_undurable(struct client *c, uint64_t seq, const char *why)
{
	struct held *h, *next, *lost = NULL;

	DL_FOREACH(c->held, h) {
		if ((h->kind != HELD_ACCEPT && h->kind != HELD_REJECT) ||
		    h->seq < seq)
			continue;
		/* all else that is held was for after the success */
		instance_refuse_undurable(c, why);
		return;
	}
	DL_FOREACH_SAFE(c->held, h, next) {
		if (h->kind != HELD_SEND || h->seq < seq)
			continue;
		DL_DELETE(c->held, h);
		c->held_bytes -= h->len;
		DL_APPEND(lost, h);
	}
	/* The errors queue up where the answers were: nothing overtakes what
	 * is still held before them. */
	DL_FOREACH_SAFE(lost, h, next) {
		DL_DELETE(lost, h);
		if (h->txn != 0)
			fcs_ignore(client_error(c, h->txn, why, NULL));
		free(h);
	}
}

static int
hold(struct client *c, enum held_kind kind, uint8_t type, uint32_t msid,
    enum status status, const uint8_t *data, size_t len)
{
	size_t most = SIZE_MAX;
	struct held *h;

	if (c->inst != NULL)
		most = (size_t)limits_get(
		    application_limits(c->inst->app), LIMIT_OUT_REPLIES);
	if (kind == HELD_SEND && c->held_bytes + len > most) {
		limits_refuse(LIMIT_OUT_REPLIES);
		return FCS_ELIMIT;
	}
	h = malloc(sizeof(*h) + len);
	if (h == NULL)
		return FCS_ENOMEM;
	memset(h, 0, sizeof(*h));
	h->kind = kind;
	h->type = type;
	h->msid = msid;
	h->status = status;
	h->len = len;
	if (len > 0)
		memcpy(h->data, data, len);
	h->seq = c->inst == NULL ? 0 : c->inst->barrier;
	c->held_bytes += len;
	/* the verdict comes first: before it nothing may leave */
	if (kind == HELD_ACCEPT || kind == HELD_REJECT)
		DL_PREPEND(c->held, h);
	else
		DL_APPEND(c->held, h);
	return FCS_OK;
}

int
client_hold(struct client *c, enum held_kind kind, enum status status,
    const uint8_t *data, size_t len)
{
	int rc;

	if (c->lost)
		return FCS_ECLOSED;
	if (c->inst == NULL) { /* refused at the door: nothing to wait for */
		if (kind == HELD_REJECT)
			do_reject(c, data, len);
		return FCS_OK;
	}
	if (kind == HELD_REJECT)
		drop_held(c);
	rc = hold(c, kind, 0, 0, status, data, len);
	if (rc == FCS_OK)
		client_pump(c, false);
	return rc;
}

int
client_emit(struct client *c, uint8_t type, uint32_t msid,
    const uint8_t *payload, size_t len)
{
	return client_emit_answer(c, 0, type, msid, payload, len);
}

int
client_emit_answer(struct client *c, double txn, uint8_t type, uint32_t msid,
    const uint8_t *payload, size_t len)
{
	int rc;

	if (c->lost || c->state == CLIENT_CLOSED || c->inst == NULL)
		return FCS_ECLOSED;
	if (c->held == NULL && c->inst->barrier == 0 &&
	    c->state == CLIENT_ACCEPTED)
		return client_send(c, type, msid, payload, len);
	rc = hold(c, HELD_SEND, type, msid, STATUS_COUNT, payload, len);
	if (rc == FCS_OK)
		c->held->prev->txn = txn; /* the newest one */
	if (rc == FCS_ELIMIT) {
		log_warn("client.held", "client=%s why=%s", c->info.id,
		    "too many bytes wait for a commit");
		c->ops->close(c->impl, "too many bytes wait for a commit");
	}
	return rc;
}

/* ---- the end ---- */

void
client_disconnect(struct client *c, enum status code, const char *why)
{
	if (why == NULL)
		why = "";
	if (c->lost || c->state == CLIENT_CLOSED)
		return;
	if (c->inst == NULL || client_hold(c, HELD_CLOSE, code,
				   (const uint8_t *)why, strlen(why)) != FCS_OK)
		c->ops->close(c->impl, why);
}

void
client_lost(struct client *c)
{
	const struct application_module *m;
	enum client_state was = c->state;
	struct instance *i = c->inst;
	uint64_t in, out;
	struct script_args args;
	int rtt, id;

	if (c->lost)
		return;
	client_traffic(c, &in, &out, &rtt);
	if (i != NULL && (c->last = malloc(sizeof(*c->last))) != NULL)
		client_figures(c, c->last);
	c->lost = true;
	c->state = CLIENT_CLOSED;
	drop_held(c);
	if (i == NULL) {
		client_destroy(c);
		return;
	}
	timer_stop(c->decide_timer);
	i->stats.bytes_in += in;
	i->stats.bytes_out += out;
	for (id = 0; id < MODULE_COUNT; id++) {
		m = application_module(i->app, id);
		if (i->modules[id] != NULL && m->client_gone != NULL)
			m->client_gone(i->modules[id], c);
	}
	client_fail_calls(c);
	memset(&args, 0, sizeof(args));
	args.client = c->info.id;
	if (was != CLIENT_ACCEPTED) { /* no handler is told, the engine is */
		inst_work_event(i, SCRIPT_GONE, &args, c->number);
		return;
	}
	i->accepted--;
	i->stats.disconnects++;
	inst_work_event(i, SCRIPT_DISCONNECT, &args, c->number);
}
