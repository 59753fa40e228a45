/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_traffic - how much flows between a client and us, how fast, and how
 * fast it may: figures, rates, round trip, bandwidth test; its streams; the
 * way to another server. The work is done by whoever the client is made by
 * (client_ops); here are the rules. script-api.md 7.3.
 */
#include <stdlib.h>
#include <string.h>

#include "core/instance_int.h"

#define INFO_ARENA (1u << 20)
#define KEY_MAX    255
#define SAMPLE_MS  1000 /* a speed is the mean over this at least */

static bool
is_there(const struct client *c)
{
	return !c->lost && c->inst != NULL && c->state == CLIENT_ACCEPTED;
}

/* ---- figures ---- */

/* Bytes a second since the last sample that is old enough. */
static void
add_speed(struct client *c, struct client_figures *f)
{
	struct client_sample *s = &c->sample;
	uint64_t now = loop_now_ms(c->inst->loop);
	uint64_t ms = now - s->at_ms;

	if (ms >= SAMPLE_MS) {
		s->in_bps = (f->bytes_in - s->bytes_in) * 1000 / ms;
		s->out_bps = (f->bytes_out - s->bytes_out) * 1000 / ms;
		s->at_ms = now;
		s->bytes_in = f->bytes_in;
		s->bytes_out = f->bytes_out;
	}
	f->in_bps = s->in_bps;
	f->out_bps = s->out_bps;
}

void
client_figures(struct client *c, struct client_figures *out)
{
	memset(out, 0, sizeof(*out));
	out->rtt_ms = -1;
	if (c->lost) {
		if (c->last != NULL)
			*out = *c->last;
		return;
	}
	if (c->ops->figures != NULL)
		c->ops->figures(c->impl, out);
	else
		c->ops->stats(
		    c->impl, &out->bytes_in, &out->bytes_out, &out->rtt_ms);
	if (c->inst != NULL)
		add_speed(c, out);
}

/* ---- rates ---- */

/* What the administrator wrote; without a word there is no limit. */
static uint64_t
default_rate(const struct client *c, bool out)
{
	const struct config_app *s = application_env(c->inst->app)->settings;
	enum config_app_key key = out ? APP_BANDWIDTH_OUT : APP_BANDWIDTH_IN;

	if (config_app_value(s, key)->layer == CONFIG_BY_DEFAULT)
		return 0;
	return (uint64_t)config_app_int(s, key);
}

static int
apply(struct client *c, uint64_t in, uint64_t out)
{
	int rc = FCS_OK;

	if (c->ops->set_rates != NULL && !c->lost)
		rc = c->ops->set_rates(c->impl, in, out);
	if (rc == FCS_OK) {
		c->rate[0] = in;
		c->rate[1] = out;
	}
	return rc;
}

int
client_set_rate(struct client *c, bool out, uint64_t bps)
{
	uint64_t cap;

	if (c->lost || c->inst == NULL)
		return FCS_OK;
	if (bps != 0 && bps < CLIENT_RATE_MIN)
		return FCS_EINVAL;
	cap = (uint64_t)application_setting(c->inst->app, APP_BANDWIDTH_CAP);
	if (bps == 0)
		bps = default_rate(c, out);
	else if (bps > cap)
		bps = cap;
	return apply(c, out ? c->rate[0] : bps, out ? bps : c->rate[1]);
}

uint64_t
client_rate(const struct client *c, bool out)
{
	return c->rate[out];
}

int
client_default_rates(struct client *c)
{
	uint64_t in = default_rate(c, false), out = default_rate(c, true);

	return in == 0 && out == 0 ? FCS_OK : apply(c, in, out);
}

/* ---- questions to the connection ---- */

int
client_ping(struct client *c, uint64_t pending)
{
	int rc;

	if (!is_there(c) || c->ops->ping == NULL)
		return FCS_ECLOSED;
	rc = c->ops->ping(c->impl);
	if (rc == FCS_OK)
		c->ping = pending;
	return rc;
}

static void
resolve_number(struct client *c, uint64_t pending, double n)
{
	struct arena *a = arena_new(0);
	struct value *v = a == NULL ? NULL : value_number(a, n);

	instance_resolve(
	    c->inst, pending, v != NULL, v, v == NULL ? "out of memory" : NULL);
	arena_free(a);
}

void
client_pinged(struct client *c, int rtt_ms)
{
	uint64_t pending = c->ping;

	c->ping = 0;
	if (pending != 0 && is_there(c))
		resolve_number(c, pending, rtt_ms);
}

int
client_measure(struct client *c, uint64_t pending)
{
	int rc;

	if (!is_there(c))
		return FCS_ECLOSED;
	if (c->ops->measure == NULL)
		return FCS_ENOENT;
	c->measure = pending;
	rc = c->ops->measure(c->impl);
	if (rc != FCS_OK)
		c->measure = 0;
	return rc;
}

void
client_measured(struct client *c, const struct value *info)
{
	uint64_t pending = c->measure;

	c->measure = 0;
	if (pending != 0 && is_there(c))
		instance_resolve(c->inst, pending, info != NULL, info,
		    info == NULL ? "the client does not answer the test"
				 : NULL);
}

/* ---- elsewhere ---- */

int
client_reconnect(struct client *c, const char *url)
{
	struct value *info;
	struct arena *a;
	int rc = FCS_OK;

	if (!is_there(c))
		return FCS_ECLOSED;
	if (!c->info.reconnects)
		return FCS_EUNSUPPORTED;
	a = arena_new(INFO_ARENA);
	info = a == NULL
		   ? NULL
		   : status_info(a, STATUS_CONNECT_RECONNECTREQUEST,
			 "The server asks for a new connection.", NULL, NULL);
	if (info != NULL && url != NULL)
		rc = value_set(a, info, "tcUrl", value_string(a, url));
	if (rc == FCS_OK)
		rc = info == NULL ? FCS_ENOMEM
				  : client_tell(c, "onStatus", &info, 1);
	arena_free(a);
	return rc;
}

void
client_each_stream(struct client *c,
    void (*fn)(void *arg, const char *name, bool publishes), void *arg)
{
	if (!c->lost && c->ops->streams != NULL)
		c->ops->streams(c->impl, fn, arg);
}

bool
client_refuse_publish(struct client *c, const char *name, const char *why)
{
	return !c->lost && c->ops->refuse_publish != NULL &&
	       c->ops->refuse_publish(c->impl, name, why);
}

/* ---- rights, virtual key ---- */

void
client_each_path(const struct client *c, enum client_right right,
    void (*fn)(void *arg, const char *path), void *arg)
{
	const struct client_paths *p = right < CLIENT_SAMPLE_AUDIO
					   ? &c->access[right]
					   : &c->samples[right - 2];
	uint32_t i;

	for (i = 0; i < p->n; i++)
		fn(arg, p->v[i][0] == '\0' ? "/" : p->v[i]);
}

int
client_set_samples(
    struct client *c, bool video, const char *const *paths, uint32_t count)
{
	return access_set(&c->samples[video], paths, count);
}

bool
client_may_sample(const struct client *c, bool video, const char *name)
{
	return access_may(&c->samples[video], name);
}

int
client_set_virtual_key(struct client *c, const char *key, size_t len)
{
	char *copy;
	size_t i;

	if (len > KEY_MAX)
		return FCS_ELIMIT;
	for (i = 0; i < len; i++)
		if ((uint8_t)key[i] < 0x20 || key[i] == '*' || key[i] == ':')
			return FCS_EINVAL;
	if ((copy = strndup(key, len)) == NULL)
		return FCS_ENOMEM;
	free(c->virtual_key);
	c->virtual_key = copy;
	return FCS_OK;
}

const char *
client_virtual_key(const struct client *c)
{
	return c->virtual_key == NULL ? "" : c->virtual_key;
}
