/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole session fed arbitrary bytes. The first byte picks how: bit 0 sends a
 * good connect first; bit 1 takes the rest as records {type, csid, msid, len
 * u16, payload} that are framed here, so that mutations reach the commands and
 * not only the chunk layer; bit 2 parks on(:connect) for a turn; bit 3 lets
 * the script be lost at the first call.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/chunk.h"
#include "codec/command.h"
#include "core/live.h"
#include "core/record.h"
#include "core/sharedobj.h"
#include "session/session.h"
#include "tests/fuzz/fuzz.h"

enum {
	MODE_CONNECT = 1,
	MODE_RECORDS = 2,
	MODE_PARK = 4,
	MODE_LOSE = 8
};

#define BYTES_MAX 100000 /* must fit into the socket */
#define TURNS_MAX 200

struct script {
	struct instance *inst;
	bool dead;
};

static struct loop *loop;
static struct application *app;
static struct application_env env;
static unsigned mode;
static uint64_t parked_owner;
static script_answer_fn parked_fn;
static struct instance *parked_inst;
static int ended;

static int
on_open(struct instance *i, const struct script_options *opt,
    struct script **out, struct err *why)
{
	(void)opt;
	(void)why;
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return FCS_ENOMEM;
	(*out)->inst = i;
	return FCS_OK;
}

static void
on_close(struct script *s)
{
	free(s);
}

static void
on_event(struct script *s, enum script_event ev, const struct script_args *args)
{
	(void)s;
	(void)ev;
	(void)args;
}

static void
on_event_done(struct script *s, enum script_event ev,
    const struct script_args *args, void (*done)(struct instance *, bool ok))
{
	(void)ev;
	(void)args;
	done(s->inst, true);
}

static void
on_ask(struct script *s, enum script_question q, const struct script_args *args,
    script_answer_fn fn, uint64_t owner, uint64_t extra)
{
	struct script_answer answer;

	memset(&answer, 0, sizeof(answer));
	if (q == SCRIPT_CALL && (mode & MODE_LOSE) != 0) {
		s->dead = true;
		instance_script_lost(s->inst, "fuzz");
	}
	if (s->dead)
		answer.verdict = SCRIPT_LOST;
	else if (q == SCRIPT_CALL && args->count > 0)
		answer.value = args->values[0];
	if (q == SCRIPT_CONNECT && (mode & MODE_PARK) != 0) {
		parked_fn = fn;
		parked_owner = owner;
		parked_inst = s->inst;
		return;
	}
	fn(s->inst, owner, extra, &answer);
}

static bool
on_asks(struct script *s, enum script_question q, const char *name)
{
	(void)s;
	(void)name;
	return q == SCRIPT_CONNECT || q == SCRIPT_CALL;
}

static int
on_guard(struct script *s, const char *client, const char *object,
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

/* Names that begin with u are not declared, with r only scripts write. */
static bool
on_shared(struct script *s, const char *object, struct script_shared *out)
{
	(void)s;
	memset(out, 0, sizeof(*out));
	out->persistent = 2;
	out->readonly = object[0] == 'r';
	out->guarded = object[0] == 'g';
	out->conflict_reject = object[0] == 'c';
	out->durability = -1;
	out->history_changes = out->history_age_s = out->resync_depth = -1;
	out->max_slots = out->max_value = out->max_bytes = out->max_users = -1;
	return object[0] != 'u';
}

static void
on_resolve(struct script *s, uint64_t pending, bool ok,
    const struct value *value, const char *error)
{
	(void)s;
	(void)pending;
	(void)ok;
	(void)value;
	(void)error;
}

static void
on_stats(struct script *s, struct script_stats *out)
{
	(void)s;
	memset(out, 0, sizeof(*out));
}

static const struct script_ops script = {
	.open = on_open,
	.close = on_close,
	.event = on_event,
	.event_done = on_event_done,
	.ask = on_ask,
	.asks = on_asks,
	.guard = on_guard,
	.shared = on_shared,
	.resolve = on_resolve,
	.stats = on_stats,
};

static void
fail(const char *what)
{
	(void)fprintf(stderr, "fuzz_session: %s\n", what);
	abort();
}

static void
start(void)
{
	struct config_problems problems;
	struct config_app *settings = NULL;
	struct config *config = config_new();
	struct err why;

	log_set_level(LOG_LEVEL_ERROR);
	log_set_rate(1);
	loop = loop_new();
	if (config == NULL || loop == NULL ||
	    config_set(config, "app.echo.publish", "allow", CONFIG_BY_OPTION,
		&why) != FCS_OK ||
	    config_app_load(config, "echo", NULL, &settings, &problems) !=
		FCS_OK)
		fail("cannot start");
	config_problems_fini(&problems);
	env.loop = loop;
	env.limits = config_limits(config);
	env.config = config;
	env.settings = settings;
	env.name = "echo";
	env.dir = env.state_dir = "/nonexistent";
	env.script = &script;
}

static void
put_connect(struct buf *out)
{
	struct arena *a = arena_new(0);
	struct value *o = value_new(a, VALUE_OBJECT);
	struct buf b;

	buf_init(&b, 0);
	if (value_set(a, o, "app", value_string(a, "echo/x")) != FCS_OK ||
	    command_write(&b, false, "connect", 1, o, NULL, 0) != FCS_OK)
		fail("no memory");
	chunk_write(
	    out, 3, MESSAGE_COMMAND, 0, 0, buf_data(&b), buf_len(&b), 128);
	buf_fini(&b);
	arena_free(a);
}

static void
put_records(struct buf *out, const uint8_t *p, size_t n)
{
	size_t len;

	while (n >= 5) {
		len = (size_t)p[3] << 8 | p[4];
		if (len > n - 5)
			len = n - 5;
		chunk_write(out, 2 + p[1] % 62, p[0], p[2], 0, p + 5, len, 128);
		p += 5 + len;
		n -= 5 + len;
	}
}

static void
on_ended(void *arg, const char *id)
{
	(void)arg;
	(void)id;
	ended++;
}

static void
drain(int fd)
{
	uint8_t tmp[65536];

	while (recv(fd, tmp, sizeof(tmp), MSG_DONTWAIT) > 0)
		;
}

/* One client says all of it and goes. */
static void
talk(const uint8_t *data, size_t len)
{
	struct session_handover h = {
		.client_id = "c1", .ip = "192.0.2.1", .protocol = "rtmp"
	};
	struct script_answer yes;
	int sv[2], i;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) != 0)
		fail("no socketpair");
	h.fd = sv[0];
	/* half of it was read by the gateway */
	h.early = data;
	h.early_len = len / 2;
	ended = 0;
	parked_fn = NULL;
	if (session_accept(app, &h, on_ended, NULL) != FCS_OK)
		fail("not accepted");
	if (send(sv[1], data + len / 2, len - len / 2, MSG_NOSIGNAL) < 0)
		fail("cannot send");
	for (i = 0; i < 4; i++) {
		loop_turn(loop, 0);
		drain(sv[1]);
	}
	if (parked_fn != NULL) {
		memset(&yes, 0, sizeof(yes));
		parked_fn(parked_inst, parked_owner, 0, &yes);
		loop_turn(loop, 0);
		drain(sv[1]);
	}
	(void)close(sv[1]);
	for (i = 0; i < TURNS_MAX && ended == 0; i++)
		loop_turn(loop, 0);
	if (ended != 1 || session_count(app) != 0)
		fail("the session does not end");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b;

	if (size == 0 || size > BYTES_MAX)
		return 0;
	if (loop == NULL)
		start();
	mode = data[0];
	app = application_new(&env);
	application_set_module(app, MODULE_SHAREDOBJ, &sharedobj_module);
	application_set_module(app, MODULE_LIVE, &live_module);
	application_set_module(app, MODULE_RECORD, &record_module);
	buf_init(&b, 0);
	if ((mode & MODE_CONNECT) != 0)
		put_connect(&b);
	if ((mode & MODE_RECORDS) != 0)
		put_records(&b, data + 1, size - 1);
	else
		buf_append(&b, data + 1, size - 1);
	if (buf_len(&b) <= BYTES_MAX)
		talk(buf_data(&b), buf_len(&b));
	buf_fini(&b);
	application_free(app);
	loop_turn(loop, 0);
	return 0;
}
