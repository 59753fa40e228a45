/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a hostile far server says to a peer. The first byte picks how: bit 0
 * accepts the connect first; bit 1 takes the rest as records {type, csid, msid,
 * len u16, payload} that are framed here, so that mutations reach the commands
 * and not only the chunk layer; bit 2 lets the script be lost at the first call
 * of the far side; bit 3 has calls under way, so that answers find one.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/chunk.h"
#include "codec/command.h"
#include "codec/status.h"
#include "core/instance.h"
#include "peer/peer.h"
#include "tests/fuzz/fuzz.h"

enum {
	MODE_ACCEPT = 1,
	MODE_RECORDS = 2,
	MODE_LOSE = 4,
	MODE_CALLS = 8
};

#define BYTES_MAX 100000 /* must fit into the socket */
#define TURNS_MAX 200

struct script {
	struct instance *inst;
	bool dead;
};

static struct loop *loop;
static struct application_env env;
static struct peer_locator locator;
static unsigned mode;
static int far = -1;
static unsigned sent, settled; /* our calls */

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
	if (q == SCRIPT_PEER_CALL && (mode & MODE_LOSE) != 0) {
		s->dead = true;
		instance_script_lost(s->inst, "fuzz");
	}
	if (s->dead)
		answer.verdict = SCRIPT_LOST;
	else if (args->count > 0)
		answer.value = args->values[0];
	fn(s->inst, owner, extra, &answer);
}

static bool
on_asks(struct script *s, enum script_question q, const char *name)
{
	(void)s;
	(void)q;
	(void)name;
	return false;
}

static void
on_resolve(struct script *s, uint64_t pending, bool ok,
    const struct value *value, const char *error)
{
	(void)s;
	(void)ok;
	(void)value;
	(void)error;
	FUZZ_CHECK(pending < sent);
	settled++;
}

static const struct script_ops script = {
	.open = on_open,
	.close = on_close,
	.event = on_event,
	.event_done = on_event_done,
	.ask = on_ask,
	.asks = on_asks,
	.resolve = on_resolve,
};

static void
fail(const char *what)
{
	(void)fprintf(stderr, "fuzz_peer: %s\n", what);
	abort();
}

static void
on_locate(
    void *arg, const struct peer_where *to, uint64_t id, peer_located_fn done)
{
	int sv[2];

	(void)arg;
	(void)to;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) != 0)
		fail("no socketpair");
	far = sv[1];
	done(id, FCS_OK, sv[0], "");
}

static void
start(void)
{
	struct config_problems problems;
	struct config_app *settings = NULL;
	struct config *config = config_new();

	log_set_level(LOG_LEVEL_ERROR);
	log_set_rate(1);
	loop = loop_new();
	if (config == NULL || loop == NULL ||
	    config_app_load(config, "echo", NULL, &settings, &problems) !=
		FCS_OK)
		fail("cannot start");
	config_problems_fini(&problems);
	locator.locate = on_locate;
	env.loop = loop;
	env.limits = config_limits(config);
	env.config = config;
	env.settings = settings;
	env.name = "echo";
	env.dir = env.state_dir = "/nonexistent";
	env.script = &script;
	env.peer = &peer_table;
	env.locator = &locator;
}

static void
put_accept(struct buf *out)
{
	struct arena *a = arena_new(0);
	struct value *info =
	    status_info(a, STATUS_CONNECT_SUCCESS, NULL, NULL, NULL);
	struct buf b;

	buf_init(&b, 0);
	if (info == NULL ||
	    command_write(&b, false, "_result", 1, NULL, &info, 1) != FCS_OK)
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
turn(void)
{
	uint8_t tmp[65536];
	int i;

	for (i = 0; i < 4; i++) {
		loop_turn(loop, 0);
		while (
		    far >= 0 && recv(far, tmp, sizeof(tmp), MSG_DONTWAIT) > 0)
			;
	}
}

static int
watched(void *arg, uint64_t peer, const struct message *m)
{
	(void)arg;
	(void)peer;
	return m->len > 0 && m->payload[0] == 0xff ? FCS_EFORMAT : FCS_OK;
}

static void
watched_open(void *arg, uint64_t peer)
{
	(void)arg;
	(void)peer;
}

static void
watched_closed(void *arg, uint64_t peer, bool end)
{
	(void)arg;
	(void)peer;
	(void)end;
}

static const struct peer_watcher watcher = { watched_open, watched_closed,
	watched };

static void
on_stopped(void *arg)
{
	*(bool *)arg = true;
}

/* The far server says all of it and goes. */
static void
talk(struct application *app, const uint8_t *data, size_t len)
{
	struct peer_request r = { .uri = "far/b" };
	struct instance *inst;
	uint64_t peer = 0;
	bool done = false;
	struct err why;
	int i;

	inst = application_instance(app, "a", true, &why);
	if (inst == NULL)
		fail("no instance");
	instance_start(inst);
	if (peer_table.open(inst, &r, &peer, &why) != FCS_OK)
		fail("no peer");
	(void)peer_table.watch(inst, peer, &watcher, &peer);
	sent = settled = 0;
	for (i = 0; i < 4 && (mode & MODE_CALLS) != 0; i++)
		if (peer_table.call(inst, peer, "x", NULL, 0, sent) == FCS_OK)
			sent++;
	turn();
	if (far < 0)
		fail("not dialled");
	if (send(far, data, len, MSG_NOSIGNAL) < 0)
		fail("cannot send");
	turn();
	(void)close(far);
	far = -1;
	turn();
	/* a script that was lost ends the instance by itself */
	(void)peer_table.close(inst, peer);
	turn();
	if ((mode & MODE_LOSE) == 0 && settled != sent)
		fail("a call was not settled");
	application_stop(app, "shutdown", on_stopped, &done);
	for (i = 0; i < TURNS_MAX && !done; i++)
		loop_turn(loop, 0);
	if (!done)
		fail("the application does not stop");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct application *app;
	struct buf b;

	if (size == 0 || size > BYTES_MAX)
		return 0;
	if (loop == NULL)
		start();
	mode = data[0];
	app = application_new(&env);
	application_set_module(app, MODULE_PEER, &peer_module);
	buf_init(&b, 0);
	if ((mode & MODE_ACCEPT) != 0)
		put_accept(&b);
	if ((mode & MODE_RECORDS) != 0)
		put_records(&b, data + 1, size - 1);
	else
		buf_append(&b, data + 1, size - 1);
	if (buf_len(&b) > 0 && buf_len(&b) <= BYTES_MAX)
		talk(app, buf_data(&b), buf_len(&b));
	buf_fini(&b);
	application_free(app);
	loop_turn(loop, 0);
	return 0;
}
