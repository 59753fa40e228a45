/* SPDX-License-Identifier: BSD-2-Clause */
/* fake - see fake.h. */
#include "tests/unit/core/fake.h"

#include <stdarg.h>

#include "core/inst_reload.h"

#include "tests/lib/unit.h"

#define PARKED_MAX 4096

struct script {
	struct instance *inst;
	bool dead;
	void (*done)(struct instance *, bool ok);
};

struct parked {
	struct instance *inst;
	script_answer_fn fn;
	uint64_t owner, extra;
};

char fake_trace[8192];
struct fake_script fake;
struct media *fake_media;
const struct peer_ops *fake_peer;
const struct peer_locator *fake_locator;
static struct parked parked[PARKED_MAX];
static unsigned parked_count;
static struct script *newest;
static struct script *waiting; /* in a parked start or stop */
static struct config *config;
static struct limits limits;

void
fake_note(const char *fmt, ...)
{
	size_t used = strlen(fake_trace);
	va_list ap;

	if (used > 0 && used < sizeof(fake_trace) - 1) {
		fake_trace[used++] = ' ';
		fake_trace[used] = '\0';
	}
	va_start(ap, fmt);
	(void)vsnprintf(fake_trace + used, sizeof(fake_trace) - used, fmt, ap);
	va_end(ap);
}

void
fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	fake_trace[0] = '\0';
	parked_count = 0;
	waiting = NULL;
}

static int
fake_open(struct instance *i, const struct script_options *opt,
    struct script **out, struct err *why)
{
	ck_assert_str_eq(opt->inst_name, instance_name(i));
	if (fake.open_result != FCS_OK)
		return err_set(why, fake.open_result, "main.rb:1: no good");
	*out = calloc(1, sizeof(**out));
	ck_assert_ptr_nonnull(*out);
	(*out)->inst = i;
	newest = *out;
	fake.opened++;
	return FCS_OK;
}

static void
fake_close(struct script *s)
{
	fake.closed++;
	if (waiting == s)
		waiting = NULL;
	free(s);
}

static const char *
event_text(enum script_event ev)
{
	static const char *const names[SCRIPT_EVENT_COUNT] = { "start",
		"accepted", "disconnect", "stop", "status", "publish",
		"unpublish", "play", "play_end", "record", "record_end", "use",
		"release", "sync", "message", "gone", "peer" };

	return names[ev];
}

static void
inside(struct script *s, const struct script_args *args)
{
	void (*fn)(struct instance *, const struct script_args *) = fake.inside;

	fake.inside = NULL;
	if (fn != NULL)
		fn(s->inst, args);
}

/* peer:open, peer:close/end(Closed) */
static void
note_peer(const struct script_args *args)
{
	const struct value *v = value_get(args->values[0], "code");
	const char *dot = NULL;
	char code[64] = "-";

	if (v != NULL && v->type == VALUE_STRING)
		(void)snprintf(
		    code, sizeof(code), "%.*s", (int)v->str.len, v->str.ptr);
	dot = strrchr(code, '.');
	fake_note("peer:%s%s%s(%s)", args->mode,
	    args->text[0] == '\0' ? "" : "/", args->text,
	    dot == NULL ? code : dot + 1);
}

static void
fake_event(
    struct script *s, enum script_event ev, const struct script_args *args)
{
	ck_assert(!s->dead);
	if (ev == SCRIPT_GONE)
		return; /* for the engine's bookkeeping, no handler hears it */
	if (ev == SCRIPT_PEER)
		note_peer(args);
	else
		fake_note("%s:%s", event_text(ev),
		    args->client == NULL ? "-" : args->client);
	inside(s, args);
}

static void
fake_event_done(struct script *s, enum script_event ev,
    const struct script_args *args, void (*done)(struct instance *, bool ok))
{
	ck_assert(!s->dead);
	if (args->text != NULL)
		fake_note("%s(%s)", event_text(ev), args->text);
	else
		fake_note("%s", event_text(ev));
	if ((ev == SCRIPT_START && fake.park_start) ||
	    (ev == SCRIPT_STOP && fake.park_stop)) {
		s->done = done;
		waiting = s;
		return;
	}
	inside(s, args);
	done(s->inst, true);
}

void
fake_finish(bool ok)
{
	struct script *s = waiting;

	ck_assert_ptr_nonnull(s);
	waiting = NULL;
	s->done(s->inst, ok);
}

static void
fake_ask(struct script *s, enum script_question q,
    const struct script_args *args, script_answer_fn fn, uint64_t owner,
    uint64_t extra)
{
	bool is_call = q == SCRIPT_CALL || q == SCRIPT_PEER_CALL;
	struct script_answer answer = fake.answer;

	fake_note("%s:%s",
	    q == SCRIPT_CONNECT ? "connect"
	    : is_call           ? args->name
				: "allow",
	    args->client == NULL ? "-" : args->client);
	if (q == SCRIPT_CONNECT && fake.on_connect != NULL)
		fake.on_connect(s->inst, args);
	if (is_call && answer.value == NULL && args->count > 0)
		answer.value = args->values[0];
	if (s->dead)
		answer.verdict = SCRIPT_LOST;
	if (is_call && (!fake.has_call || strncmp(args->name, "no", 2) == 0)) {
		answer.verdict = SCRIPT_MISSING;
		answer.value = NULL;
	}
	inside(s, args);
	if (fake.lose) {
		fake.lose = false;
		s->dead = true;
		instance_script_lost(s->inst, "time limit");
		answer.verdict = SCRIPT_LOST;
		answer.value = NULL;
	}
	if (fake.park && !s->dead) {
		ck_assert_uint_lt(parked_count, PARKED_MAX);
		parked[parked_count].inst = s->inst;
		parked[parked_count].fn = fn;
		parked[parked_count].owner = owner;
		parked[parked_count++].extra = extra;
		return;
	}
	fn(s->inst, owner, extra, &answer);
}

bool
fake_answer(const struct script_answer *answer)
{
	struct parked p;

	if (parked_count == 0)
		return false;
	p = parked[0];
	memmove(parked, parked + 1, --parked_count * sizeof(p));
	p.fn(p.inst, p.owner, p.extra, answer);
	return true;
}

unsigned
fake_parked(void)
{
	return parked_count;
}

static bool
fake_asks(struct script *s, enum script_question q, const char *name)
{
	(void)s;
	switch (q) {
	case SCRIPT_CONNECT:
		return fake.has_connect;
	case SCRIPT_CALL:
		return fake.has_call && strncmp(name, "no", 2) != 0;
	case SCRIPT_MAY_UNLOAD:
		return fake.has_unload;
	case SCRIPT_MAY_PUBLISH:
		return fake.has_publish;
	default:
		return false;
	}
}

static int
fake_guard(struct script *s, const char *client, const char *object,
    const char *slot, size_t slot_len, const uint8_t *value, size_t len,
    struct script_guard *out)
{
	(void)s;
	(void)client;
	(void)object;
	(void)slot;
	(void)slot_len;
	(void)value;
	(void)len;
	memset(out, 0, sizeof(*out));
	out->allowed = true;
	return FCS_OK;
}

static bool
fake_shared(struct script *s, const char *object, struct script_shared *out)
{
	(void)s;
	(void)object;
	(void)out;
	return false;
}

static void
fake_resolve(struct script *s, uint64_t pending, bool ok,
    const struct value *value, const char *error)
{
	(void)s;
	if (ok)
		fake_note("resolve%u=%g", (unsigned)pending,
		    value_as_number(value, -1));
	else
		fake_note("resolve%u!%s", (unsigned)pending, error);
}

static void
fake_stats(struct script *s, struct script_stats *out)
{
	(void)s;
	memset(out, 0, sizeof(*out));
}

/* ---- taking over ---- */

static struct parked handing;

static bool
loses(struct script *s, const char *step)
{
	if (s->dead || fake.lose_at == NULL || strcmp(fake.lose_at, step) != 0)
		return s->dead;
	fake.lose_at = NULL;
	s->dead = true;
	if (!inst_reload_lost(s->inst, s, "time limit"))
		instance_script_lost(s->inst, "time limit");
	return true;
}

void
fake_lose_newest(void)
{
	fake.lose_at = "newest";
	(void)loses(newest, "newest");
}

static void
fake_drain(struct script *s, bool on)
{
	fake_note(on ? "drain" : "undrain");
	(void)loses(s, "drain");
}

static bool
fake_busy(struct script *s)
{
	return !s->dead && fake.busy;
}

static void
fake_expire(struct script *s)
{
	fake_note("expire");
	(void)loses(s, "expire");
}

static void
fake_hand_over(
    struct script *s, script_answer_fn fn, uint64_t owner, uint64_t extra)
{
	struct script_answer a = { .verdict = SCRIPT_LOST };

	fake_note("hand_over");
	handing.inst = s->inst;
	handing.fn = fn;
	handing.owner = owner;
	handing.extra = extra;
	if (loses(s, "hand_over"))
		fn(s->inst, owner, extra, &a);
	else if (!fake.park_hand_over)
		fake_handed(NULL);
}

void
fake_handed(const struct value *state)
{
	struct script_answer a = { .verdict = SCRIPT_OK, .value = state };

	handing.fn(handing.inst, handing.owner, handing.extra, &a);
}

static void
fake_take_over(struct script *s, struct script *old, const struct value *state,
    void (*done)(struct instance *, bool ok))
{
	fake_note("take_over(%s,%g)", old == NULL ? "none" : "old",
	    value_as_number(state, -1));
	if (loses(s, "take_over")) {
		done(s->inst, false);
		return;
	}
	if (fake.park_take_over) {
		s->done = done;
		waiting = s;
		return;
	}
	done(s->inst, true);
}

static void
fake_refresh(struct script *s)
{
	fake_note("refresh");
	(void)loses(s, "refresh");
}

static void
fake_console(struct script *s, const char *line, size_t len,
    script_answer_fn fn, uint64_t owner, uint64_t extra)
{
	struct script_answer a = { .verdict = SCRIPT_OK, .text = line };

	(void)len;
	fn(s->inst, owner, extra, &a);
}

static uint64_t
fake_stamp(const char *dir, const char *app_name)
{
	(void)dir;
	(void)app_name;
	return fake.stamp;
}

const struct script_ops fake_script_ops = {
	.open = fake_open,
	.close = fake_close,
	.event = fake_event,
	.event_done = fake_event_done,
	.ask = fake_ask,
	.asks = fake_asks,
	.guard = fake_guard,
	.shared = fake_shared,
	.resolve = fake_resolve,
	.stats = fake_stats,
	.drain = fake_drain,
	.busy = fake_busy,
	.expire = fake_expire,
	.hand_over = fake_hand_over,
	.take_over = fake_take_over,
	.refresh = fake_refresh,
	.console = fake_console,
	.stamp = fake_stamp,
};

struct application *
fake_app(struct loop *loop, const struct script_ops *ops,
    const char *const *settings)
{
	static struct application_env env; /* borrowed by the application */
	struct config_problems problems;
	struct config_app *app_config;
	struct application *app;
	char key[128], *eq;
	struct err why;

	config = config_new();
	ck_assert_ptr_nonnull(config);
	for (; settings != NULL && *settings != NULL; settings++) {
		(void)snprintf(key, sizeof(key), "app.echo.%s", *settings);
		eq = strchr(key, '=');
		*eq = '\0';
		ck_assert_msg(config_set(config, key, eq + 1, CONFIG_BY_OPTION,
				  &why) == FCS_OK,
		    "%s", why.text);
	}
	ck_assert_int_eq(
	    config_app_load(config, "echo", NULL, &app_config, &problems),
	    FCS_OK);
	config_problems_fini(&problems);
	limits = *config_limits(config);
	env.loop = loop;
	env.limits = &limits;
	env.config = config;
	env.settings = app_config;
	env.name = "echo";
	env.dir = "/nonexistent";
	env.state_dir = "/nonexistent";
	env.media = fake_media;
	env.script = ops;
	env.peer = fake_peer;
	env.locator = fake_locator;
	app = application_new(&env);
	ck_assert_ptr_nonnull(app);
	return app;
}

void
fake_app_free(struct application *app)
{
	struct config_app *settings =
	    (struct config_app *)(uintptr_t)application_env(app)->settings;

	application_free(app);
	config_app_free(settings);
	config_free(config);
}
