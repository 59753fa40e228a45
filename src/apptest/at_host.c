/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a word asks is a row of the table at the end. Events of clients and
 * answers of instances gather in an arena until `step` hands them over.
 */
#include "apptest/at_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apptest/at_actor.h"
#include "apptest/at_clock.h"
#include "apptest/at_world.h"
#include "base/clock.h"
#include "base/log.h"
#include "codec/weburl.h"
#include "core/inst_reload.h"
#include "net/timer.h"

#define TEXT_MAX 4096
#define ARGS_MAX 16

/* A secret as the test gave it. */
struct secret {
	struct secret *next;
	char *name, *value;
};

struct at_host {
	struct at_world *world;
	struct at_cast *cast;
	struct arena *events_arena, *spare;
	struct value *events;
	struct str errors; /* lines of the log, each with a newline */
	struct probe probe;
	uint64_t last_call;
	struct secret *secrets;
};

/* The one of this process: answers of scripts come with ids only. */
static struct at_host *the_host;

/* One question. */
struct ask {
	struct at_host *h;
	struct value *const *args;
	uint32_t count;
	struct arena *arena;
	struct value *out;
	struct err *why;
};

/* ---- arguments ---- */

static const struct value *
arg(const struct ask *q, uint32_t i)
{
	return i < q->count ? q->args[i] : NULL;
}

static const char *
text(const struct ask *q, uint32_t i, char out[TEXT_MAX])
{
	const struct value *v = arg(q, i);

	out[0] = '\0';
	if (v != NULL && v->type == VALUE_STRING)
		(void)snprintf(
		    out, TEXT_MAX, "%.*s", (int)v->str.len, v->str.ptr);
	return out;
}

static double
number(const struct ask *q, uint32_t i)
{
	return value_as_number(arg(q, i), 0);
}

static struct value *const *
items(const struct ask *q, uint32_t i, uint32_t *count)
{
	const struct value *v = arg(q, i);

	*count = v == NULL ? 0 : v->item_count;
	return v == NULL ? NULL : v->items;
}

static int
said(const struct ask *q, int rc)
{
	if (rc == FCS_ECLOSED)
		return err_set(q->why, rc, "this client is not connected");
	return rc == FCS_OK ? rc : err_set(q->why, rc, "%s", err_text(rc));
}

/* ---- events ---- */

static int
fresh_events(struct at_host *h)
{
	struct arena *a = h->spare;

	h->spare = h->events_arena;
	h->events_arena = a;
	arena_reset(a);
	h->events = value_new(a, VALUE_ARRAY);
	return h->events == NULL ? FCS_ENOMEM : FCS_OK;
}

static struct value *
new_event(void *p, struct arena **arena)
{
	struct at_host *h = p;
	struct value *e = value_new(h->events_arena, VALUE_ARRAY);

	*arena = h->events_arena;
	if (e == NULL || value_push(*arena, h->events, e) != FCS_OK)
		return NULL;
	return e;
}

static bool
is_error(const char *line, size_t len)
{
	const char *p = memchr(line, ' ', len);

	return p != NULL && (size_t)(p - line) + 7 < len &&
	       memcmp(p, " error ", 7) == 0;
}

static void
on_line(void *p, const char *line, size_t len)
{
	struct at_host *h = p;

	if (!is_error(line, len))
		return;
	str_addn(&h->errors, line, len);
	str_addc(&h->errors, '\n');
}

/* ---- what instances ask ---- */

static struct value *
unpacked(struct arena *a, const struct buf *b)
{
	const uint8_t *p = arena_memdup(a, buf_data(b), buf_len(b));
	struct value *v = NULL;

	if (p == NULL || value_unpack(a, p, buf_len(b), &v) != FCS_OK)
		return NULL;
	return v;
}

/* As stub_secret said; one that app.yaml names has a value in any case, the
 * same for all applications. */
static struct value *
secret(struct at_host *h, struct instance *i, struct arena *a, const char *name)
{
	const struct config_app *settings =
	    application_env(instance_app(i))->settings;
	const struct secret *s;
	char text[TEXT_MAX + 16];

	for (s = h->secrets; s != NULL; s = s->next)
		if (strcmp(s->name, name) == 0)
			return value_string(a, s->value);
	if (config_app_map(settings, APP_SECRETS, name) == NULL)
		return NULL;
	(void)snprintf(text, sizeof(text), "secret of tests: %s", name);
	return value_string(a, text);
}

/* http.allow holds in tests too. */
static bool
is_allowed(struct instance *i, const char *text, struct err *why)
{
	const struct config_app *settings =
	    application_env(instance_app(i))->settings;
	struct weburl url, entry;
	const char *item;
	size_t n;

	if (weburl_parse(text, strlen(text), &url, why) != FCS_OK)
		return false;
	for (n = 0; n < config_app_count(settings, APP_HTTP_ALLOW); n++) {
		item = config_app_item(settings, APP_HTTP_ALLOW, n);
		if (weburl_parse(item, strlen(item), &entry, NULL) == FCS_OK &&
		    weburl_is_below(&url, &entry))
			return true;
	}
	(void)err_set(
	    why, FCS_EACCES, "http.allow in app.yaml does not name this URL");
	return false;
}

/* ["http", 0, instance, pending, method, url, headers, body] */
static struct value *
request(struct at_host *h, struct instance *i, const struct ask *q)
{
	char url[TEXT_MAX];
	struct value *e, *copy;
	struct arena *a;
	struct err why;
	struct buf b;
	uint32_t n;

	if (!is_allowed(i, text(q, 2, url), &why))
		return value_string(q->arena, why.text);
	e = new_event(h, &a);
	if (e == NULL)
		return NULL;
	fcs_ignore(value_push(a, e, value_string(a, "http")));
	fcs_ignore(value_push(a, e, value_number(a, 0)));
	fcs_ignore(value_push(a, e, value_string(a, instance_full_name(i))));
	for (n = 0; n < q->count; n++) {
		buf_init(&b, 0);
		copy = value_pack(&b, q->args[n]) == FCS_OK ? unpacked(a, &b)
							    : NULL;
		fcs_ignore(value_push(
		    a, e, copy != NULL ? copy : value_new(a, VALUE_NULL)));
		buf_fini(&b);
	}
	return NULL;
}

static void
on_probe(void *p, struct instance *i, const char *what,
    struct value *const *args, uint32_t count, struct arena *arena,
    struct value **out)
{
	struct ask q = { p, args, count, arena, NULL, NULL };
	char name[TEXT_MAX];

	if (strcmp(what, "secret") == 0)
		*out = secret(p, i, arena, text(&q, 0, name));
	else if (strcmp(what, "http") == 0)
		*out = request(p, i, &q);
}

/* ["answer", ticket, ok, value, text] */
static void
on_answer(struct instance *i, uint64_t ticket, uint64_t extra,
    const struct script_answer *answer)
{
	struct value *e, *copy = NULL;
	struct arena *a;
	struct buf b;

	(void)i;
	(void)extra;
	e = new_event(the_host, &a);
	if (e == NULL)
		return;
	buf_init(&b, 0);
	if (answer->value != NULL && value_pack(&b, answer->value) == FCS_OK)
		copy = unpacked(a, &b);
	buf_fini(&b);
	if (copy == NULL)
		copy = value_new(a, VALUE_NULL);
	fcs_ignore(value_push(a, e, value_string(a, "answer")));
	fcs_ignore(value_push(a, e, value_number(a, (double)ticket)));
	fcs_ignore(
	    value_push(a, e, value_bool(a, answer->verdict == SCRIPT_OK)));
	fcs_ignore(value_push(a, e, copy));
	fcs_ignore(value_push(
	    a, e, value_string(a, answer->text == NULL ? "" : answer->text)));
}

/* ---- what is asked ---- */

/* start(name) => full name */
static int
ask_start(struct ask *q)
{
	char name[TEXT_MAX];
	struct instance *i;
	int rc = at_world_start(q->h->world, text(q, 0, name), &i, q->why);

	if (rc == FCS_OK)
		q->out = value_string(q->arena, instance_full_name(i));
	return rc;
}

/* state(name) => "running" ...; nil */
static int
ask_state(struct ask *q)
{
	char name[TEXT_MAX];
	struct instance *i = at_world_instance(q->h->world, text(q, 0, name));

	if (i != NULL)
		q->out = value_string(q->arena, instance_state_text(i));
	return FCS_OK;
}

/* call(name, object, method, args, keywords) => ticket */
static int
ask_call(struct ask *q)
{
	const struct script_ops *ops;
	struct script_args args;
	char name[TEXT_MAX];
	struct instance *i;
	int rc = at_world_start(q->h->world, text(q, 0, name), &i, q->why);

	if (rc != FCS_OK)
		return rc;
	if (instance_script(i) == NULL)
		return err_set(q->why, FCS_ENOENT, "%s has no script", name);
	if (q->count != 5)
		return err_set(q->why, FCS_EINVAL, "five arguments");
	memset(&args, 0, sizeof(args));
	args.values = q->args + 1;
	args.count = 4;
	ops = application_env(instance_app(i))->script;
	q->out = value_number(q->arena, (double)++q->h->last_call);
	ops->ask(instance_script(i), SCRIPT_PROBE, &args, on_answer,
	    q->h->last_call, 0);
	return FCS_OK;
}

/* secret(name, value) */
static int
ask_secret(struct ask *q)
{
	struct secret *s = calloc(1, sizeof(*s));
	char name[TEXT_MAX], value[TEXT_MAX];

	if (s == NULL)
		return err_set(q->why, FCS_ENOMEM, "out of memory");
	s->name = strdup(text(q, 0, name));
	s->value = strdup(text(q, 1, value));
	s->next = q->h->secrets;
	q->h->secrets = s;
	return FCS_OK;
}

/* resolve(name, pending, ok, value, error) */
static int
ask_resolve(struct ask *q)
{
	char name[TEXT_MAX], error[TEXT_MAX];
	struct instance *i = at_world_instance(q->h->world, text(q, 0, name));

	if (i != NULL)
		instance_resolve(i, (uint64_t)number(q, 1),
		    value_as_bool(arg(q, 2), false), arg(q, 3),
		    text(q, 4, error));
	return FCS_OK;
}

/* setting(app, key, text) */
static int
ask_setting(struct ask *q)
{
	char app[TEXT_MAX], key[TEXT_MAX], value[TEXT_MAX];

	return at_world_set(q->h->world, text(q, 0, app), text(q, 1, key),
	    text(q, 2, value), q->why);
}

/* connect(name, args, ip, agent, referrer, page_url, query, protocol, amf) */
static int
ask_connect(struct ask *q)
{
	char name[TEXT_MAX], t[6][TEXT_MAX];
	struct at_actor_options o = { .ip = text(q, 2, t[0]),
		.agent = text(q, 3, t[1]),
		.referrer = text(q, 4, t[2]),
		.page_url = text(q, 5, t[3]),
		.query = text(q, 6, t[4]),
		.protocol = text(q, 7, t[5]),
		.amf = (int)number(q, 8) };
	struct value *const *args;
	uint32_t count, id = 0;
	int rc;

	args = items(q, 1, &count);
	rc = at_actor_connect(q->h->cast, q->h->world, text(q, 0, name), &o,
	    args, count, &id, q->why);
	q->out = value_number(q->arena, id);
	return rc;
}

/* command(client, msid, name, txn, args) */
static int
ask_command(struct ask *q)
{
	char name[TEXT_MAX];
	struct value *const *args;
	uint32_t count;

	args = items(q, 4, &count);
	return said(q, at_actor_command(q->h->cast, (uint32_t)number(q, 0),
			   (uint32_t)number(q, 1), text(q, 2, name),
			   number(q, 3), args, count));
}

/* object(client, name, version, flags, events) */
static int
ask_object(struct ask *q)
{
	char name[TEXT_MAX];

	if (arg(q, 4) == NULL)
		return err_set(q->why, FCS_EINVAL, "no events");
	return said(q, at_actor_object(q->h->cast, (uint32_t)number(q, 0),
			   text(q, 1, name), (uint32_t)number(q, 2),
			   (uint32_t)number(q, 3), arg(q, 4)));
}

/* media(client, msid, type, ms, bytes) */
static int
ask_media(struct ask *q)
{
	const struct value *v = arg(q, 4);

	if (v == NULL || v->type != VALUE_BYTES)
		return err_set(q->why, FCS_EINVAL, "no bytes");
	return said(q, at_actor_media(q->h->cast, (uint32_t)number(q, 0),
			   (uint32_t)number(q, 1), (uint8_t)number(q, 2),
			   (uint32_t)number(q, 3), (const uint8_t *)v->str.ptr,
			   v->str.len));
}

/* data(client, msid, ms, values) */
static int
ask_data(struct ask *q)
{
	struct value *const *values;
	uint32_t count;

	values = items(q, 3, &count);
	return said(q,
	    at_actor_data(q->h->cast, (uint32_t)number(q, 0),
		(uint32_t)number(q, 1), (uint32_t)number(q, 2), values, count));
}

/* leave(client) */
static int
ask_leave(struct ask *q)
{
	at_actor_leave(q->h->cast, (uint32_t)number(q, 0));
	return FCS_OK;
}

/* step(files) => what happened until all was quiet */
static int
ask_step(struct ask *q)
{
	int rc = at_world_settle(
	    q->h->world, value_as_bool(arg(q, 0), false), q->why);

	q->out = q->h->events; /* alive until the step after the next */
	if (rc == FCS_OK)
		rc = fresh_events(q->h);
	return rc;
}

/* timer() => when the next one is due, ms; nil */
static int
ask_timer(struct ask *q)
{
	uint64_t at;

	if (loop_next_timer(at_world_loop(q->h->world), &at))
		q->out = value_number(q->arena, (double)at);
	return FCS_OK;
}

/* clock() => ms; clock(ms): move to it */
static int
ask_clock(struct ask *q)
{
	if (q->count > 0)
		at_clock_move((int64_t)number(q, 0));
	q->out = value_number(q->arena, (double)clock_ms());
	return FCS_OK;
}

/* restart() */
static int
ask_restart(struct ask *q)
{
	int rc = at_world_restart(q->h->world, q->why);

	if (rc == FCS_OK)
		at_cast_cut(q->h->cast);
	return rc;
}

/* ["reloaded", 0, ended, why] */
static void
on_reloaded(void *p, const struct inst_reload_result *r)
{
	static const char *const ends[] = { "done", "kept", "idle", "stopped" };
	struct arena *a;
	struct value *e = new_event(p, &a);

	if (e == NULL)
		return;
	fcs_ignore(value_push(a, e, value_string(a, "reloaded")));
	fcs_ignore(value_push(a, e, value_number(a, 0)));
	fcs_ignore(value_push(a, e, value_string(a, ends[r->end])));
	fcs_ignore(
	    value_push(a, e, value_string(a, r->why == NULL ? "" : r->why)));
}

struct reload {
	struct at_host *h;
	uint32_t count;
};

static void
reload_one(void *p, struct instance *i)
{
	struct reload *r = p;

	r->count++;
	inst_reload(i, false, on_reloaded, r->h);
}

/* reload() => how many instances; as many `reloaded` follow */
static int
ask_reload(struct ask *q)
{
	struct reload r = { q->h, 0 };

	at_world_each(q->h->world, reload_one, &r);
	q->out = value_number(q->arena, r.count);
	return FCS_OK;
}

/* errors() => lines since the last time */
static int
ask_errors(struct ask *q)
{
	q->out = value_string_len(
	    q->arena, str_text(&q->h->errors), q->h->errors.len);
	str_reset(&q->h->errors);
	return FCS_OK;
}

/* print(text): into the log of the test */
static int
ask_print(struct ask *q)
{
	char line[TEXT_MAX];

	log_info("test.print", "text=%s", text(q, 0, line));
	return FCS_OK;
}

static const struct {
	const char *what;
	int (*fn)(struct ask *);
} table[] = {
	{ "start", ask_start },
	{ "state", ask_state },
	{ "call", ask_call },
	{ "secret", ask_secret },
	{ "resolve", ask_resolve },
	{ "setting", ask_setting },
	{ "connect", ask_connect },
	{ "command", ask_command },
	{ "object", ask_object },
	{ "media", ask_media },
	{ "data", ask_data },
	{ "leave", ask_leave },
	{ "step", ask_step },
	{ "timer", ask_timer },
	{ "clock", ask_clock },
	{ "restart", ask_restart },
	{ "reload", ask_reload },
	{ "errors", ask_errors },
	{ "print", ask_print },
};

static int
on_ask(void *p, const char *what, struct value *const *args, uint32_t count,
    struct arena *arena, struct value **out, struct err *why)
{
	struct ask q = { p, args, count, arena, NULL, why };
	size_t i;
	int rc;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].what, what) != 0)
			continue;
		rc = table[i].fn(&q);
		*out = q.out;
		return rc;
	}
	return err_set(why, FCS_EINVAL, "nobody answers \"%s\"", what);
}

int
at_host_new(const char *const *folders, const char *state, struct at_host **out,
    struct err *why)
{
	struct at_host *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return err_set(why, FCS_ENOMEM, "out of memory");
	str_init(&h->errors);
	h->cast = at_cast_new(new_event, h);
	h->events_arena = arena_new(0);
	h->spare = arena_new(0);
	if (h->cast == NULL || h->events_arena == NULL || h->spare == NULL ||
	    fresh_events(h) != FCS_OK)
		return err_set(why, FCS_ENOMEM, "out of memory");
	log_set_tap(on_line, h);
	at_clock_start();
	*out = h;
	the_host = h;
	h->probe.ask = on_probe;
	h->probe.arg = h;
	return at_world_new(folders, state, &h->probe, &h->world, why);
}

struct vmtest_host
at_host_table(struct at_host *h)
{
	struct vmtest_host t = { on_ask, h };

	return t;
}
