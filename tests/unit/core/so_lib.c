/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/core/so_lib.h"

#include <pthread.h>

#include "base/str.h"
#include "codec/amf0.h"

struct instance *so_inst;
struct loop *so_loop;
struct store *so_store;
struct script_ops so_ops;
uint32_t so_syncs;

static struct application *app;
static struct commit *commit;
static struct loop_wakeup *wakeup;
static struct so_client *clients;
static struct str text;
static bool with_script;
static const char *const *kept_settings;

/* ---- a store whose commits can be held and fail ---- */

struct gate {
	struct store store;
	struct store_ops ops;
	struct store *real;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool hold;
	int fail, fail_load;
};

static struct gate gate;

static int
gate_commit(struct store *s, struct store_batch *const *batches, uint32_t count,
    struct err *why)
{
	int fail;

	(void)s;
	pthread_mutex_lock(&gate.lock);
	while (gate.hold)
		pthread_cond_wait(&gate.changed, &gate.lock);
	fail = gate.fail;
	pthread_mutex_unlock(&gate.lock);
	if (fail != FCS_OK)
		return err_set(why, fail, "made to fail");
	return gate.real->ops->commit(gate.real, batches, count, why);
}

#define REAL gate.real->ops

static int
gate_load(struct store *s, const char *inst, const char *object, uint64_t after,
    store_slot_fn fn, void *arg, uint64_t *version, uint64_t *floor)
{
	int fail;

	(void)s;
	pthread_mutex_lock(&gate.lock);
	fail = gate.fail_load;
	pthread_mutex_unlock(&gate.lock);
	if (fail != FCS_OK)
		return fail;
	return REAL->load(
	    gate.real, inst, object, after, fn, arg, version, floor);
}

static int
gate_list(struct store *s, const char *inst, store_object_fn fn, void *arg)
{
	(void)s;
	return REAL->list(gate.real, inst, fn, arg);
}

static int
gate_trim(struct store *s, const char *inst, const char *object, uint32_t keep,
    int64_t before_ms, bool *more)
{
	(void)s;
	return REAL->trim(gate.real, inst, object, keep, before_ms, more);
}

static int
gate_purge(struct store *s, const char *inst, const char *object,
    uint64_t version, uint64_t *dropped)
{
	(void)s;
	return REAL->purge(gate.real, inst, object, version, dropped);
}

static int
gate_history(struct store *s, const char *inst, const char *object,
    const struct store_range *range, store_history_fn fn, void *arg)
{
	(void)s;
	return REAL->history(gate.real, inst, object, range, fn, arg);
}

static int
gate_rewind(struct store *s, const char *inst, const char *object,
    uint64_t version, store_slot_fn fn, void *arg)
{
	(void)s;
	return REAL->rewind(gate.real, inst, object, version, fn, arg);
}

static int
gate_moment(struct store *s, const char *inst, const char *object,
    int64_t at_ms, uint64_t *version)
{
	(void)s;
	return REAL->moment(gate.real, inst, object, at_ms, version);
}

static int
gate_undo(struct store *s, const char *inst, const char *object,
    const struct store_undo *what, store_slot_fn fn, void *arg,
    uint64_t *target)
{
	(void)s;
	return REAL->undo(gate.real, inst, object, what, fn, arg, target);
}

static int
gate_sync(struct store *s, struct err *why)
{
	(void)s;
	(void)why;
	so_syncs++;
	return FCS_OK;
}

static int
gate_idle(struct store *s)
{
	(void)s;
	return FCS_OK;
}

static uint64_t
gate_log_bytes(struct store *s)
{
	(void)s;
	return 0;
}

static const struct store_ops gate_ops = { .commit = gate_commit,
	.load = gate_load,
	.list = gate_list,
	.trim = gate_trim,
	.purge = gate_purge,
	.history = gate_history,
	.rewind = gate_rewind,
	.moment = gate_moment,
	.undo = gate_undo,
	.sync = gate_sync,
	.idle = gate_idle,
	.log_bytes = gate_log_bytes };

void
so_hold(bool hold)
{
	pthread_mutex_lock(&gate.lock);
	gate.hold = hold;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
}

void
so_fail(int code)
{
	pthread_mutex_lock(&gate.lock);
	gate.fail = code;
	pthread_mutex_unlock(&gate.lock);
}

void
so_fail_load(int code)
{
	pthread_mutex_lock(&gate.lock);
	gate.fail_load = code;
	pthread_mutex_unlock(&gate.lock);
}

/* ---- set-up ---- */

static void
on_wake(void *arg)
{
	loop_wakeup_fire(arg);
}

static void
on_done(void *arg)
{
	(void)arg;
	commit_collect(commit);
}

static void
start_instance(void)
{
	static const char *const any[] = { "shared_objects.undeclared=any",
		NULL };
	struct application_env *env;
	struct err why;

	ck_assert_int_eq(
	    commit_start(&gate.store, on_wake, wakeup, &commit), FCS_OK);
	app = fake_app(so_loop, with_script ? &so_ops : NULL,
	    kept_settings == NULL ? any : kept_settings);
	env = (struct application_env *)(uintptr_t)application_env(app);
	env->commit = commit;
	application_set_module(app, MODULE_SHAREDOBJ, &sharedobj_module);
	so_inst = application_instance(app, "i", true, &why);
	ck_assert_ptr_nonnull(so_inst);
}

void
so_start(const char *const *settings, bool script)
{
	so_loop = loop_new();
	ck_assert_ptr_nonnull(so_loop);
	wakeup = loop_wakeup_new(so_loop, on_done, NULL);
	gate.store.ops = &gate_ops;
	pthread_mutex_init(&gate.lock, NULL);
	pthread_cond_init(&gate.changed, NULL);
	ck_assert_int_eq(sodb_mem_open(&gate.real), FCS_OK);
	so_store = gate.real;
	fake_reset();
	so_ops = fake_script_ops;
	kept_settings = settings;
	with_script = script;
	start_instance();
}

static void
stop_instance(void)
{
	/* leaves what is on its way to commit_stop */
	fake_app_free(app);
	commit_stop(commit);
	so_inst = NULL;
}

void
so_restart(void)
{
	stop_instance();
	start_instance();
}

void
so_stop(void)
{
	so_hold(false);
	stop_instance();
	gate.real->ops->close(gate.real);
	loop_wakeup_free(wakeup);
	loop_free(so_loop);
	for (struct so_client *c = clients, *next; c != NULL; c = next) {
		next = c->next;
		buf_fini(&c->all);
		free(c);
	}
	clients = NULL;
	str_fini(&text);
}

/* ---- turns ---- */

void
so_turn(void)
{
	loop_turn(so_loop, 0);
}

static bool
busy(void)
{
	struct so_set *set = so_inst == NULL ? NULL : sharedobj_set_of(so_inst);

	return set != NULL && (set->refs > 1 || set->busy != NULL ||
				  set->work.queued || set->gone != NULL);
}

void
so_settle(void)
{
	/* what waits for a script's answer stays busy */
	for (int i = 0; i < 200; i++) {
		so_turn();
		if (!busy() && i > 2)
			return;
		loop_turn(so_loop, 2);
		pthread_mutex_lock(&gate.lock);
		if (gate.hold && i > 4)
			i = 200;
		pthread_mutex_unlock(&gate.lock);
		if (fake_parked() > 0 && i > 4)
			return;
	}
}

/* ---- clients ---- */

static int
client_sent(
    void *impl, uint8_t type, uint32_t msid, const uint8_t *payload, size_t len)
{
	struct so_client *c = impl;

	if (type != MESSAGE_SO && type != MESSAGE_SO_AMF3)
		return FCS_OK;
	ck_assert_uint_eq(msid, 0);
	buf_u8(&c->all, type);
	buf_be32(&c->all, (uint32_t)len);
	buf_append(&c->all, payload, len);
	c->last = payload;
	c->messages++;
	return FCS_OK;
}

static void
nothing(void *impl)
{
	(void)impl;
}

static void
nothing_value(void *impl, const struct value *info)
{
	(void)impl;
	(void)info;
}

static void
client_close(void *impl, const char *why)
{
	(void)why;
	((struct so_client *)impl)->closed++;
}

static void
client_stats_(void *impl, uint64_t *in, uint64_t *out, int *rtt_ms)
{
	(void)impl;
	*in = *out = 0;
	*rtt_ms = 0;
}

static const struct client_ops client_ops = { .send = client_sent,
	.accepted = nothing,
	.rejected = nothing_value,
	.close = client_close,
	.stats = client_stats_ };

struct so_client *
so_connect(const char *id, int amf)
{
	struct so_client *c = calloc(1, sizeof(*c));
	struct client_info info = { .id = id,
		.ip = "127.0.0.1",
		.protocol = "rtmp",
		.agent = "",
		.referrer = "",
		.page_url = "",
		.uri = "rtmp://h/a",
		.query = "",
		.amf = amf };

	ck_assert_ptr_nonnull(c);
	buf_init(&c->all, 0);
	c->next = clients;
	clients = c;
	c->client = client_new(&info, &client_ops, c);
	ck_assert_ptr_nonnull(c->client);
	instance_connect(so_inst, c->client, NULL, 0);
	for (int i = 0; i < 10 && client_state(c->client) != CLIENT_ACCEPTED;
	     i++)
		so_turn();
	ck_assert_int_eq(client_state(c->client), CLIENT_ACCEPTED);
	return c;
}

void
so_disconnect(struct so_client *c)
{
	client_lost(c->client);
	c->client = NULL;
}

static void
put_event(struct buf *b, const char *word, size_t len)
{
	const char *eq = memchr(word, '=', len);
	uint8_t number[9] = { 0x00 };
	uint8_t null = 0x05;
	struct buf body;
	char value[32];

	if (len == 3 && memcmp(word, "use", 3) == 0) {
		somsg_put(b, SOMSG_USE);
	} else if (len == 7 && memcmp(word, "release", 7) == 0) {
		somsg_put(b, SOMSG_RELEASE);
	} else if (len == 5 && memcmp(word, "clear", 5) == 0) {
		somsg_put(b, SOMSG_REQUEST_CLEAR);
	} else if (*word == '-') {
		somsg_put_key(b, SOMSG_REQUEST_REMOVE, word + 1, len - 1);
	} else if (*word == '!') {
		buf_init(&body, 0);
		amf0_put_string(&body, word + 1, len - 1);
		somsg_put_send(b, buf_data(&body), buf_len(&body));
		buf_fini(&body);
	} else {
		ck_assert_ptr_nonnull(eq);
		snprintf(value, sizeof(value), "%.*s",
		    (int)(word + len - eq - 1), eq + 1);
		memcpy(number, so_number(atof(value)), 9);
		if (strcmp(value, "null") == 0)
			somsg_put_change(b, SOMSG_REQUEST_CHANGE, word,
			    (size_t)(eq - word), &null, 1);
		else
			somsg_put_change(b, SOMSG_REQUEST_CHANGE, word,
			    (size_t)(eq - word), number, 9);
	}
}

static int
take(struct so_client *c, uint8_t type, const uint8_t *p, size_t len)
{
	struct message m = {
		.type = type, .csid = 3, .payload = p, .len = len
	};
	struct err why;

	return sharedobj_message(so_inst, c->client, &m, &why);
}

void
so_say(struct so_client *c, const char *words)
{
	size_t n = strcspn(words, " ");
	struct buf b;
	unsigned version;
	char kind;
	int used;

	buf_init(&b, 0);
	ck_assert_int_eq(
	    sscanf(words + n, " %c %u%n", &kind, &version, &used), 2);
	somsg_begin(&b, false, words, n, version, kind == 'p' ? 2 : 0);
	words += n + (size_t)used;
	while (*words != '\0') {
		words += strspn(words, " ");
		n = strcspn(words, " ");
		put_event(&b, words, n);
		words += n;
	}
	ck_assert_int_eq(
	    take(c, MESSAGE_SO, buf_data(&b), buf_len(&b)), FCS_OK);
	buf_fini(&b);
}

void
so_say_hex(struct so_client *c, uint8_t type, const char *hex)
{
	size_t len;
	uint8_t *p = unit_hex(hex, &len);

	ck_assert_int_eq(take(c, type, p, len), FCS_OK);
	free(p);
}

static void
add_value(const uint8_t *p, size_t len)
{
	struct arena *a = arena_new(0);
	struct value *v;
	struct buf json;

	buf_init(&json, 0);
	ck_assert_int_eq(value_unpack(a, p, len, &v), FCS_OK);
	ck_assert_int_eq(value_json(&json, v), FCS_OK);
	str_addn(&text, (const char *)buf_data(&json), buf_len(&json));
	buf_fini(&json);
	arena_free(a);
}

static void
add_event(const struct somsg_event *ev)
{
	str_addc(&text, ' ');
	switch (ev->type) {
	case SOMSG_USE_SUCCESS:
		str_add(&text, "used");
		break;
	case SOMSG_CLEAR:
		str_add(&text, "clear");
		break;
	case SOMSG_CHANGE:
		str_addn(&text, ev->key.ptr, ev->key.len);
		str_addc(&text, '=');
		add_value(ev->data, ev->len);
		break;
	case SOMSG_SUCCESS:
		str_addf(&text, "+%.*s", (int)ev->key.len, ev->key.ptr);
		break;
	case SOMSG_REMOVE:
		str_addf(&text, "-%.*s", (int)ev->key.len, ev->key.ptr);
		break;
	case SOMSG_SEND:
		str_addf(&text, "!%.*s", (int)ev->len - 3, ev->data + 3);
		break;
	case SOMSG_STATUS:
		str_addn(&text, ev->key.ptr, ev->key.len);
		break;
	default:
		str_addf(&text, "?%u", ev->type);
		break;
	}
}

const char *
so_got(struct so_client *c)
{
	const uint8_t *p = buf_data(&c->all);
	const uint8_t *end = p + buf_len(&c->all);
	struct arena *a = arena_new(0);

	str_reset(&text);
	while (p < end) {
		uint32_t len = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 |
			       (uint32_t)p[3] << 8 | p[4];
		struct message m = {
			.type = p[0], .payload = p + 5, .len = len
		};
		struct somsg so;

		ck_assert_int_eq(somsg_read(a, &m, &so), FCS_OK);
		str_addf(&text, "%s[%.*s %u", text.len > 0 ? " " : "",
		    (int)so.name.len, so.name.ptr, so.version);
		for (uint32_t i = 0; i < so.event_count; i++)
			add_event(&so.events[i]);
		str_addc(&text, ']');
		p += 5 + len;
	}
	arena_free(a);
	buf_reset(&c->all, SIZE_MAX);
	return str_text(&text);
}

const char *
so_got_hex(struct so_client *c)
{
	const uint8_t *p = buf_data(&c->all);
	size_t at = 0;

	str_reset(&text);
	while (at < buf_len(&c->all)) {
		size_t len = (size_t)p[at + 1] << 24 | (size_t)p[at + 2] << 16 |
			     (size_t)p[at + 3] << 8 | p[at + 4];

		str_addf(&text, "%s%02x:", at > 0 ? " " : "", p[at]);
		at += 5;
		for (size_t i = 0; i < len; i++)
			str_addf(&text, "%02x", p[at + i]);
		at += len;
	}
	buf_reset(&c->all, SIZE_MAX);
	return str_text(&text);
}

/* ---- values ---- */

const uint8_t *
so_number(double v)
{
	static uint8_t out[9];
	struct buf b;

	buf_init(&b, 0);
	buf_u8(&b, 0);
	buf_f64(&b, v);
	memcpy(out, buf_data(&b), 9);
	buf_fini(&b);
	return out;
}

double
so_value(struct sharedobj *so, const char *slot)
{
	struct arena *a = arena_new(0);
	struct value *v;
	double out = -1;
	size_t len;
	const uint8_t *p = sharedobj_get(so, slot, strlen(slot), &len);

	if (p != NULL) {
		ck_assert_int_eq(value_unpack(a, p, len, &v), FCS_OK);
		out = value_as_number(v, -2);
	}
	arena_free(a);
	return out;
}

int
so_set(struct sharedobj *so, const char *slot, double v)
{
	return sharedobj_set(so, slot, strlen(slot), so_number(v), 9);
}
