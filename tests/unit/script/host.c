/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/script/host.h"

#include <jansson.h>
#include <sys/stat.h>

#include "base/log.h"
#include "codec/command.h"
#include "core/live.h"
#include "core/sharedobj.h"
#include "net/timer.h"
#include "storage/commit.h"
#include "tests/lib/unit.h"

#define CLIENTS_MAX 64
#define TXN         7.0

static struct loop *loop;
static struct application *app;
static struct application_env env;
static struct limits limits;
static struct config *config;
static char dir[512];
static struct host_client clients[CLIENTS_MAX];
static struct str log_text;
static struct store *store;
static struct commit *commit;
static struct loop_wakeup *wakeup;
static bool reconnects;

static struct value *
from_json(struct arena *a, const json_t *j)
{
	struct value *v;
	const char *key;
	json_t *item;
	size_t i;

	switch (json_typeof(j)) {
	case JSON_OBJECT:
		v = value_new(a, VALUE_OBJECT);
		json_object_foreach((json_t *)(uintptr_t)j, key, item)
		    ck_assert_int_eq(
			value_set(a, v, key, from_json(a, item)), FCS_OK);
		return v;
	case JSON_ARRAY:
		v = value_new(a, VALUE_ARRAY);
		json_array_foreach(j, i, item) ck_assert_int_eq(
		    value_push(a, v, from_json(a, item)), FCS_OK);
		return v;
	case JSON_STRING:
		return value_string_len(
		    a, json_string_value(j), json_string_length(j));
	case JSON_INTEGER:
	case JSON_REAL:
		return value_number(a, json_number_value(j));
	case JSON_TRUE:
	case JSON_FALSE:
		return value_bool(a, json_is_true(j));
	default:
		return value_new(a, VALUE_NULL);
	}
}

struct value *
host_value(struct arena *a, const char *json)
{
	json_error_t e;
	json_t *j = json_loads(json, JSON_DECODE_ANY, &e);
	struct value *v;

	ck_assert_msg(j != NULL, "%s: %s", json, e.text);
	v = from_json(a, j);
	json_decref(j);
	return v;
}

static void
json_of(char *out, size_t cap, const struct value *v)
{
	struct buf b;

	out[0] = '\0';
	if (v == NULL)
		return;
	buf_init(&b, 0);
	ck_assert_int_eq(value_json(&b, v), FCS_OK);
	(void)snprintf(
	    out, cap, "%.*s", (int)buf_len(&b), (const char *)buf_data(&b));
	buf_fini(&b);
}

static void
str_of(char *out, size_t cap, const struct value *v)
{
	out[0] = '\0';
	if (v != NULL && v->type == VALUE_STRING)
		(void)snprintf(out, cap, "%.*s", (int)v->str.len, v->str.ptr);
}

static int
on_send(
    void *impl, uint8_t type, uint32_t msid, const uint8_t *payload, size_t len)
{
	struct host_client *c = impl;
	struct message m = {
		.type = type, .msid = msid, .payload = payload, .len = len
	};
	struct arena *a = arena_new(0);
	struct command cmd;
	char line[2048];
	uint32_t i;

	ck_assert_int_eq(command_read(a, &m, &cmd), FCS_OK);
	if (value_str_eq(cmd.name, "_result") ||
	    value_str_eq(cmd.name, "_error")) {
		c->failed = value_str_eq(cmd.name, "_error");
		c->answered = true;
		if (c->failed) {
			str_of(c->result, sizeof(c->result),
			    value_get(cmd.args[0], "description"));
			json_of(c->application, sizeof(c->application),
			    value_get(cmd.args[0], "application"));
		} else {
			json_of(c->result, sizeof(c->result),
			    cmd.arg_count > 0 ? cmd.args[0] : NULL);
		}
	} else {
		(void)snprintf(c->sent + strlen(c->sent),
		    sizeof(c->sent) - strlen(c->sent), "%.*s",
		    (int)cmd.name.len, cmd.name.ptr);
		c->call_txn = cmd.txn;
		for (i = 0; i < cmd.arg_count; i++) {
			json_of(line, sizeof(line), cmd.args[i]);
			(void)snprintf(c->sent + strlen(c->sent),
			    sizeof(c->sent) - strlen(c->sent), " %s", line);
		}
		(void)snprintf(c->sent + strlen(c->sent),
		    sizeof(c->sent) - strlen(c->sent), "\n");
	}
	arena_free(a);
	return FCS_OK;
}

static void
on_accepted(void *impl)
{
	((struct host_client *)impl)->accepted++;
}

static void
on_rejected(void *impl, const struct value *info)
{
	struct host_client *c = impl;

	c->rejected++;
	str_of(c->code, sizeof(c->code), value_get(info, "code"));
	str_of(c->description, sizeof(c->description),
	    value_get(info, "description"));
	json_of(c->application, sizeof(c->application),
	    value_get(info, "application"));
}

static void
on_close(void *impl, const char *why)
{
	(void)why;
	((struct host_client *)impl)->closed++;
}

static void
on_stats(void *impl, uint64_t *in, uint64_t *out, int *rtt)
{
	(void)impl;
	*in = *out = 0;
	*rtt = -1;
}

static void
on_figures(void *impl, struct client_figures *f)
{
	int i;

	(void)impl;
	f->bytes_in = 1;
	f->bytes_out = 2;
	f->msg_in = 3;
	f->msg_out = 4;
	f->msg_dropped = 5;
	f->rtt_ms = 6;
	for (i = 0; i < CLIENT_KINDS; i++) {
		f->queue[i].messages = (uint64_t)(10 + i);
		f->queue[i].bytes = (uint64_t)(20 + i);
		f->dropped[i].messages = (uint64_t)(30 + i);
		f->dropped[i].bytes = (uint64_t)(40 + i);
	}
}

static int
on_ping(void *impl)
{
	((struct host_client *)impl)->pings++;
	return FCS_OK;
}

static int
on_measure(void *impl)
{
	struct host_client *c = impl;

	c->measures++;
	return c->measure_result;
}

static int
on_set_rates(void *impl, uint64_t in_bps, uint64_t out_bps)
{
	struct host_client *c = impl;

	c->rates[0] = in_bps;
	c->rates[1] = out_bps;
	return FCS_OK;
}

static void
on_streams(void *impl, void (*fn)(void *arg, const char *name, bool publishes),
    void *arg)
{
	struct host_client *c = impl;
	char text[200], *p, *state;

	(void)snprintf(
	    text, sizeof(text), "%s", c->streams == NULL ? "" : c->streams);
	for (p = strtok_r(text, " ", &state); p != NULL;
	     p = strtok_r(NULL, " ", &state))
		fn(arg, p + 1, *p == '+');
}

static bool
on_refuse(void *impl, const char *name, const char *why)
{
	struct host_client *c = impl;

	(void)snprintf(c->refused, sizeof(c->refused), "%s %s", name, why);
	return true;
}

static const struct client_ops ops = { .send = on_send,
	.accepted = on_accepted,
	.rejected = on_rejected,
	.close = on_close,
	.stats = on_stats,
	.figures = on_figures,
	.ping = on_ping,
	.measure = on_measure,
	.set_rates = on_set_rates,
	.streams = on_streams,
	.refuse_publish = on_refuse };

static void
on_log(void *arg, const char *line, size_t len)
{
	(void)arg;
	str_addn(&log_text, line, len);
	str_addc(&log_text, '\n');
}

const char *
host_log(void)
{
	static char copy[262144];

	(void)snprintf(copy, sizeof(copy), "%s", str_text(&log_text));
	str_reset(&log_text);
	return copy;
}

const char *
host_path(const char *name)
{
	static char path[1024];

	(void)snprintf(path, sizeof(path), "%s/%s", unit_tmpdir(), name);
	return path;
}

void
host_file(const char *name, const char *text)
{
	char path[1024], *slash;
	FILE *f;

	(void)snprintf(dir, sizeof(dir), "%s", unit_tmpdir());
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	slash = strrchr(path, '/');
	*slash = '\0';
	(void)mkdir(path, 0755);
	*slash = '/';
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void
on_wake(void *arg) /* on the commit thread */
{
	loop_wakeup_fire(arg);
}

static void
on_commit(void *arg)
{
	(void)arg;
	commit_collect(commit);
}

static void
start(const char *const *settings)
{
	struct config_problems problems;
	struct config_app *of_app;
	char key[128], *eq;
	struct err why;

	log_set_rate(0);
	log_set_tap(on_log, NULL);
	config = config_new();
	ck_assert_ptr_nonnull(config);
	for (; settings != NULL && *settings != NULL; settings++) {
		(void)snprintf(key, sizeof(key), "app.test.%s", *settings);
		eq = strchr(key, '=');
		*eq = '\0';
		ck_assert_msg(config_set(config, key, eq + 1, CONFIG_BY_OPTION,
				  &why) == FCS_OK,
		    "%s", why.text);
	}
	ck_assert_int_eq(config_set(config, "hostname", "test.example",
			     CONFIG_BY_OPTION, &why),
	    FCS_OK);
	ck_assert_int_eq(
	    config_app_load(config, "test", dir, &of_app, &problems), FCS_OK);
	config_problems_fini(&problems);
	limits = *config_limits(config);
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
	wakeup = loop_wakeup_new(loop, on_commit, NULL);
	ck_assert_int_eq(sodb_mem_open(&store), FCS_OK);
	ck_assert_int_eq(commit_start(store, on_wake, wakeup, &commit), FCS_OK);
	env.commit = commit;
	env.loop = loop;
	env.limits = &limits;
	env.config = config;
	env.settings = of_app;
	env.name = "test";
	env.dir = dir;
	env.state_dir = dir;
	env.script = &engine_ops;
	app = application_new(&env);
	ck_assert_ptr_nonnull(app);
	application_set_module(app, MODULE_LIVE, &live_module);
	application_set_module(app, MODULE_SHAREDOBJ, &sharedobj_module);
}

void
host_open(const char *main_rb, const char *const *settings)
{
	host_file("main.rb", main_rb);
	start(settings);
}

void
host_open_file(const char *path, const char *const *settings)
{
	static char text[262144];
	FILE *f = fopen(path, "r");
	size_t n;

	ck_assert_msg(f != NULL, "%s", path);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	host_open(text, settings);
}

struct loop *
host_loop(void)
{
	return loop;
}

struct application *
host_app(void)
{
	return app;
}

struct instance *
host_instance(const char *name)
{
	struct err why;
	struct instance *i = application_instance(app, name, true, &why);

	ck_assert_msg(i != NULL, "%s", why.text);
	return i;
}

static uint32_t
args_of(struct arena *a, const char *json, struct value *const **out)
{
	struct value *list = host_value(a, json);

	ck_assert_int_eq(list->type, VALUE_ARRAY);
	*out = list->items;
	return list->item_count;
}

struct host_client *
host_connect_to(struct instance *i, const char *id, const char *json)
{
	struct client_info info;
	struct host_client *c;
	struct value *const *args;
	struct arena *a = arena_new(0);
	uint32_t count = args_of(a, json, &args);

	for (c = clients; c < clients + CLIENTS_MAX && c->used; c++)
		;
	ck_assert_ptr_ne(c, clients + CLIENTS_MAX);
	memset(c, 0, sizeof(*c));
	c->used = true;
	memset(&info, 0, sizeof(info));
	info.id = id;
	info.ip = "127.0.0.1";
	info.port = 4711;
	info.protocol = "rtmp";
	info.agent = "LNX 9,0,124,2";
	info.referrer = "http://example.org/page.html";
	info.page_url = "http://example.org/";
	info.uri = "rtmp://localhost/test";
	info.query = "a=1&b=x%20y&c=";
	info.reconnects = reconnects;
	c->client = client_new(&info, &ops, c);
	ck_assert_ptr_nonnull(c->client);
	instance_connect(i, c->client, args, count);
	arena_free(a);
	host_turns(3);
	return c;
}

struct host_client *
host_connect(const char *id, const char *json)
{
	return host_connect_to(host_instance("_definst_"), id, json);
}

void
host_send(struct host_client *c, const char *name, const char *json)
{
	struct arena *a = arena_new(0);
	struct value *const *args;
	uint32_t count = args_of(a, json, &args);

	c->answered = false;
	instance_call(
	    client_instance(c->client), c->client, name, TXN, args, count);
	arena_free(a);
}

void
host_until(const bool *flag)
{
	int i;

	for (i = 0; i < 500 && !*flag; i++)
		loop_turn(loop, 10);
}

const char *
host_call(struct host_client *c, const char *name, const char *json)
{
	host_send(c, name, json);
	host_until(&c->answered);
	ck_assert_msg(
	    c->answered, "%s was not answered\n%s", name, str_text(&log_text));
	return c->result;
}

void
host_answer(struct host_client *c, bool ok, const char *json)
{
	struct arena *a = arena_new(0);
	struct value *v = host_value(a, json);

	client_answered(c->client, c->call_txn, ok, &v, 1);
	arena_free(a);
	host_turns(2);
}

void
host_reconnects(bool yes)
{
	reconnects = yes;
}

void
host_leave(struct host_client *c)
{
	client_lost(c->client);
	c->client = NULL;
	host_turns(2);
}

void
host_forget(struct host_client *c)
{
	c->used = false;
}

void
host_turns(int n)
{
	while (n-- > 0)
		loop_turn(loop, 0);
}

static void
on_timeout(void *arg)
{
	*(bool *)arg = true;
}

void
host_wait_ms(uint32_t ms)
{
	bool over = false;
	struct timer *t = timer_new(loop, on_timeout, &over);

	timer_set(t, ms);
	while (!over)
		loop_turn(loop, 10);
	timer_free(t);
}
