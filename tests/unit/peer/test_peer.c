/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer - a peer over a socket pair: what it says when, and above all when it
 * must not: behind the commit barrier, after the end. The far side is bytes
 * written by the test, the script a trace of words.
 */
#include "peer/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/chunk.h"
#include "codec/command.h"
#include "core/instance.h"
#include "tests/lib/unit.h"
#include "tests/unit/core/fake.h"

#define KEPT_MAX 600

struct said {
	char text[32]; /* "name/txn(first argument)" */
	uint8_t type;
};

static struct loop *loop;
static struct application *app;
static struct instance *inst;
static int far = -1; /* the far end */
static bool far_eof;
static struct chunk_reader *reader;
static struct said said[KEPT_MAX];
static unsigned said_count, dials;
static uint64_t peer;
static int locate_result;
static uint64_t late_peer; /* answered by the test */
static peer_located_fn late_done;
static bool is_late;

/* ---- the far side ---- */

static int
on_message(void *arg, const struct message *m)
{
	struct arena *a = arena_new(0);
	struct said *s = &said[said_count];
	struct command c;

	(void)arg;
	if (m->type != MESSAGE_COMMAND && m->type != MESSAGE_COMMAND_AMF3 &&
	    m->type != MESSAGE_SO) {
		arena_free(a);
		return FCS_OK;
	}
	ck_assert_uint_lt(said_count, KEPT_MAX);
	said_count++;
	s->type = m->type;
	if (m->type == MESSAGE_SO) {
		(void)snprintf(s->text, sizeof(s->text), "so:%zu", m->len);
	} else {
		ck_assert_int_eq(command_read(a, m, &c), FCS_OK);
		(void)snprintf(s->text, sizeof(s->text), "%.*s/%g(%g)",
		    (int)c.name.len, c.name.ptr, c.txn,
		    value_as_number(c.arg_count > 0 ? c.args[0] : NULL, -1));
	}
	arena_free(a);
	return FCS_OK;
}

static void
take(void)
{
	uint8_t buf[65536];
	struct err why;
	size_t used;
	ssize_t n;

	while (far >= 0 && !far_eof) {
		n = recv(far, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0)
			return;
		far_eof = n == 0;
		if (n > 0)
			ck_assert_int_eq(chunk_reader_feed(reader, buf,
					     (size_t)n, &used, &why),
			    FCS_OK);
	}
}

static void
turn(void)
{
	int i;

	for (i = 0; i < 4; i++) {
		loop_turn(loop, 0);
		take();
	}
}

static void
new_far(int fd)
{
	static const struct chunk_limits limits = { .max_csids = 64,
		.max_message = 1 << 20,
		.max_media = 1 << 20,
		.max_control = 64,
		.max_partial = 1 << 21 };

	if (far >= 0)
		(void)close(far);
	chunk_reader_free(reader);
	reader = chunk_reader_new(&limits, on_message, NULL);
	far = fd;
	far_eof = false;
}

static void
on_locate(
    void *arg, const struct peer_where *to, uint64_t id, peer_located_fn done)
{
	int sv[2];

	(void)arg;
	dials++;
	ck_assert_str_eq(to->app, "far");
	ck_assert_str_eq(to->inst, "b");
	ck_assert_str_eq(to->from, "echo/a");
	if (is_late) {
		late_peer = id;
		late_done = done;
		return;
	}
	if (locate_result != FCS_OK) {
		done(id, locate_result, -1, "nowhere");
		return;
	}
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	new_far(sv[1]);
	done(id, FCS_OK, sv[0], "");
}

static const struct peer_locator locator = { on_locate, NULL };

static void
say(const char *name, double txn, struct value *arg, const char *code)
{
	struct arena *a = arena_new(0);
	struct value *info = arg;
	struct buf b, wire;

	buf_init(&b, 0);
	buf_init(&wire, 0);
	if (code != NULL) {
		info = value_new(a, VALUE_OBJECT);
		ck_assert_int_eq(
		    value_set(a, info, "code", value_string(a, code)), FCS_OK);
	}
	ck_assert_int_eq(command_write(&b, false, name, txn, NULL, &info,
			     info == NULL ? 0 : 1),
	    FCS_OK);
	chunk_write(
	    &wire, 3, MESSAGE_COMMAND, 0, 0, buf_data(&b), buf_len(&b), 128);
	ck_assert_int_eq(
	    send(far, buf_data(&wire), buf_len(&wire), MSG_NOSIGNAL),
	    (int)buf_len(&wire));
	buf_fini(&b);
	buf_fini(&wire);
	arena_free(a);
	turn();
}

static void
say_number(const char *name, double txn, double n)
{
	struct arena *a = arena_new(0);

	say(name, txn, value_number(a, n), NULL);
	arena_free(a);
}

static void
expect_said(unsigned from, const char *const *texts)
{
	unsigned n = from;

	for (; *texts != NULL; texts++, n++) {
		ck_assert_uint_lt(n, said_count);
		ck_assert_str_eq(said[n].text, *texts);
	}
	ck_assert_uint_eq(said_count, n);
}

#define expect(from, ...)                                                      \
	expect_said(from, (const char *const[]){ __VA_ARGS__, NULL })

/* ---- the near side ---- */

static void
begin(const char *const *settings)
{
	struct err why;

	fake_reset();
	fake.has_call = true;
	fake_peer = &peer_table;
	fake_locator = &locator;
	loop = loop_new();
	app = fake_app(loop, &fake_script_ops, settings);
	application_set_module(app, MODULE_PEER, &peer_module);
	inst = application_instance(app, "a", true, &why);
	ck_assert_ptr_nonnull(inst);
	instance_start(inst);
	turn();
	fake_expect("start");
}

static int
dial(uint64_t *id)
{
	struct peer_request r = { .uri = "far/b" };
	struct err why;

	return peer_table.open(inst, &r, id, &why);
}

static void
open_peer(void)
{
	ck_assert_int_eq(dial(&peer), FCS_OK);
	turn();
	expect(0, "connect/1(-1)");
	fake_expect("");
	say("_result", 1, NULL, "NetConnection.Connect.Success");
	fake_expect("peer:open(Success)");
}

static int
call(const char *name, double n, uint64_t pending)
{
	struct arena *a = arena_new(0);
	struct value *v = value_number(a, n);
	int rc = peer_table.call(inst, peer, name, &v, 1, pending);

	arena_free(a);
	return rc;
}

static int
tell(const char *name, double n)
{
	struct arena *a = arena_new(0);
	struct value *v = value_number(a, n);
	int rc = peer_table.tell(inst, peer, name, &v, 1);

	arena_free(a);
	return rc;
}

static enum peer_state
state(void)
{
	struct peer_info info;

	if (peer_table.info(inst, peer, &info) != FCS_OK)
		return PEER_CLOSED;
	return info.state;
}

static void
on_stopped(void *arg)
{
	*(bool *)arg = true;
}

static void
end(void)
{
	bool done = false;
	int i;

	application_stop(app, "shutdown", on_stopped, &done);
	for (i = 0; i < 100 && !done; i++)
		loop_turn(loop, 10);
	ck_assert(done);
	turn();
	fake_app_free(app);
	if (far >= 0)
		(void)close(far);
	chunk_reader_free(reader);
	loop_free(loop);
}

/* ---- cases ---- */

UNIT(nothing_happens_within_the_call_that_opens)
{
	begin(NULL);
	ck_assert_int_eq(dial(&peer), FCS_OK);
	ck_assert_uint_eq(dials, 0);
	ck_assert_int_eq(peer_table.once(inst, peer), FCS_OK);
	locate_result = FCS_ENOENT;
	turn();
	ck_assert_uint_eq(dials, 1);
	fake_expect("peer:failed/end(Failed)");
	ck_assert_int_eq(state(), PEER_CLOSED);
	ck_assert_int_eq(peer_table.close(inst, peer), FCS_ENOENT);
	ck_assert_int_eq(peer_table.once(inst, peer), FCS_ENOENT);
	ck_assert_int_eq(call("x", 1, 1), FCS_ENOENT);
	ck_assert_int_eq(tell("x", 1), FCS_ENOENT);
	end();
}

UNIT(calls_and_answers_find_each_other)
{
	begin(NULL);
	open_peer();
	ck_assert_int_eq(call("one", 1, 11), FCS_OK);
	ck_assert_int_eq(call("two", 2, 12), FCS_OK);
	ck_assert_int_eq(tell("three", 3), FCS_OK);
	turn();
	expect(1, "one/2(1)", "two/3(2)", "three/0(3)");
	say_number("_result", 3, 7);
	say("_error", 2, NULL, "Some.Code");
	say_number("_result", 3, 8); /* twice */
	fake_expect("resolve12=7 resolve11!Some.Code");
	say_number("hey", 5, 9);
	say_number("tellMe", 0, 9);
	say_number("no", 6, 9);
	fake_expect("hey:- tellMe:- no:-");
	expect(4, "_result/5(9)", "_error/6(-1)");
	end();
}

UNIT(what_a_handler_says_waits_for_its_commit_in_order)
{
	begin(NULL);
	open_peer();
	instance_raise_barrier(inst, 5);
	ck_assert_int_eq(tell("first", 1), FCS_OK);
	ck_assert_int_eq(call("second", 2, 21), FCS_OK);
	instance_raise_barrier(inst, 6);
	ck_assert_int_eq(tell("third", 3), FCS_OK);
	say_number("theirs", 9, 4);
	fake_expect("theirs:-");
	turn();
	expect(1, NULL);
	instance_durable(inst, 5);
	turn();
	expect(1, "first/0(1)", "second/2(2)");
	instance_durable(inst, 6);
	turn();
	expect(3, "third/0(3)", "_result/9(4)");
	end();
}

UNIT(what_followed_a_write_that_was_lost_is_not_said)
{
	begin(NULL);
	open_peer();
	instance_raise_barrier(inst, 5);
	ck_assert_int_eq(tell("first", 1), FCS_OK);
	ck_assert_int_eq(call("second", 2, 21), FCS_OK);
	say_number("theirs", 9, 4);
	fake_trace[0] = '\0';
	instance_not_durable(inst, 5, "disk full");
	instance_durable(inst, 5);
	turn();
	expect(1, "_error/9(-1)");
	fake_expect("resolve21!ConnectError");
	end();
}

UNIT(what_was_held_for_a_connection_that_is_gone_is_dropped)
{
	begin(NULL);
	open_peer();
	instance_raise_barrier(inst, 5);
	ck_assert_int_eq(tell("first", 1), FCS_OK);
	ck_assert_int_eq(call("second", 2, 21), FCS_OK);
	(void)close(far);
	far = -1;
	turn();
	fake_expect("peer:close(Closed)");
	instance_durable(inst, 5);
	turn();
	expect(1, NULL);
	while (dials < 2) /* the call waits, the tell does not */
		loop_turn(loop, 1000);
	turn();
	say("_result", 1, NULL, "NetConnection.Connect.Success");
	expect(1, "connect/1(-1)", "second/2(2)");
	end();
}

UNIT(a_peer_that_is_closed_fails_all_that_waits)
{
	begin(NULL);
	is_late = true;
	ck_assert_int_eq(dial(&peer), FCS_OK);
	turn();
	ck_assert_int_eq(call("queued", 1, 31), FCS_OK);
	instance_raise_barrier(inst, 5);
	ck_assert_int_eq(call("held", 1, 32), FCS_OK);
	ck_assert_int_eq(tell("said", 1), FCS_ECLOSED);
	ck_assert_int_eq(peer_table.close(inst, peer), FCS_OK);
	turn();
	fake_expect("peer:failed/end(Failed) resolve31!ConnectError "
		    "resolve32!ConnectError");
	instance_durable(inst, 5);
	turn();
	fake_expect("");
	late_done(late_peer, FCS_EIO, -1, "too late");
	turn();
	fake_expect("");
	end();
}

UNIT(peers_of_a_script_that_ends_are_closed_quietly)
{
	begin(NULL);
	open_peer();
	ck_assert_int_eq(call("sent", 1, 41), FCS_OK);
	instance_raise_barrier(inst, 5);
	ck_assert_int_eq(call("held", 1, 42), FCS_OK);
	peer_table.close_all(inst);
	turn();
	ck_assert(far_eof);
	instance_durable(inst, 5);
	turn();
	fake_expect("");
	ck_assert_int_eq(state(), PEER_CLOSED);
	end();
}

UNIT(an_answer_of_the_script_to_a_lost_connection_is_dropped)
{
	struct script_answer yes = { .verdict = SCRIPT_OK };

	begin(NULL);
	open_peer();
	fake.park = true;
	say_number("slow", 7, 1);
	(void)close(far);
	far = -1;
	while (dials < 2)
		loop_turn(loop, 1000);
	turn();
	say("_result", 1, NULL, "NetConnection.Connect.Success");
	ck_assert(fake_answer(&yes));
	turn();
	expect(1, "connect/1(-1)");
	end();
}

UNIT(script_peers_below_at_and_above)
{
	const char *const settings[] = { "script.peers=2", NULL };
	uint64_t id[3];

	begin(settings);
	is_late = true;
	ck_assert_int_eq(dial(&id[0]), FCS_OK);
	ck_assert_int_eq(dial(&id[1]), FCS_OK);
	ck_assert_int_eq(dial(&id[2]), FCS_ELIMIT);
	ck_assert_int_eq(peer_table.close(inst, id[0]), FCS_OK);
	ck_assert_int_eq(dial(&id[2]), FCS_OK);
	ck_assert(id[2] != id[0]);
	end();
}

UNIT(the_queue_below_at_and_above)
{
	int i;

	begin(NULL);
	is_late = true;
	ck_assert_int_eq(dial(&peer), FCS_OK);
	turn();
	for (i = 0; i < PEER_QUEUE_MAX; i++)
		ck_assert_int_eq(call("q", i, (uint64_t)i), FCS_OK);
	ck_assert_int_eq(call("q", i, (uint64_t)i), FCS_ELIMIT);
	is_late = false;
	on_locate(NULL,
	    &(struct peer_where){ .app = "far", .inst = "b", .from = "echo/a" },
	    late_peer, late_done);
	turn();
	say("_result", 1, NULL, "NetConnection.Connect.Success");
	ck_assert_uint_eq(said_count, PEER_QUEUE_MAX + 1);
	ck_assert_str_eq(said[1].text, "q/2(0)");
	ck_assert_str_eq(said[PEER_QUEUE_MAX].text, "q/257(255)");
	/* as many as script.calls allows are unanswered now */
	ck_assert_int_eq(call("q", i, (uint64_t)i), FCS_ELIMIT);
	say_number("_result", 2, 0);
	ck_assert_int_eq(call("q", i, (uint64_t)i), FCS_OK);
	end();
}

/* ---- watchers ---- */

static char watched[256];

static void
note(const char *word)
{
	(void)snprintf(watched + strlen(watched),
	    sizeof(watched) - strlen(watched), "%s ", word);
}

static void
on_watch_open(void *arg, uint64_t id)
{
	ck_assert(id == peer);
	note(arg);
	note("open");
}

static void
on_watch_closed(void *arg, uint64_t id, bool is_end)
{
	ck_assert(id == peer);
	note(arg);
	note(is_end ? "end" : "closed");
	peer_table.unwatch(inst, id, arg);
}

static int watch_result;

static int
on_watch_message(void *arg, uint64_t id, const struct message *m)
{
	(void)id;
	note(arg);
	note(m->type == MESSAGE_SO ? "so" : "so3");
	return watch_result;
}

static const struct peer_watcher watcher = { on_watch_open, on_watch_closed,
	on_watch_message };

static void
send_so(uint8_t type)
{
	struct buf wire;

	buf_init(&wire, 0);
	chunk_write(&wire, 3, type, 0, 0, (const uint8_t *)"object", 6, 128);
	ck_assert_int_gt(
	    send(far, buf_data(&wire), buf_len(&wire), MSG_NOSIGNAL), 0);
	buf_fini(&wire);
	turn();
}

UNIT(messages_of_shared_objects_pass_both_ways)
{
	char one[] = "one", two[] = "two";

	begin(NULL);
	ck_assert_int_eq(dial(&peer), FCS_OK);
	ck_assert_int_eq(peer_table.watch(inst, peer, &watcher, one), FCS_OK);
	ck_assert_int_eq(
	    peer_table.send(inst, peer, MESSAGE_SO, (const uint8_t *)"abc", 3),
	    FCS_ECLOSED);
	turn();
	ck_assert_str_eq(watched, "");
	say("_result", 1, NULL, "NetConnection.Connect.Success");
	ck_assert_str_eq(watched, "one open ");
	ck_assert_int_eq(peer_table.watch(inst, peer, &watcher, two), FCS_OK);
	turn();
	ck_assert_str_eq(watched, "one open two open ");
	watched[0] = '\0';
	ck_assert_int_eq(
	    peer_table.send(inst, peer, MESSAGE_SO, (const uint8_t *)"abc", 3),
	    FCS_OK);
	turn();
	expect(1, "so:3");
	send_so(MESSAGE_SO);
	send_so(MESSAGE_SO_AMF3);
	ck_assert_str_eq(watched, "one so two so one so3 two so3 ");
	watched[0] = '\0';
	peer_table.unwatch(inst, peer, one);
	send_so(MESSAGE_SO);
	ck_assert_str_eq(watched, "two so ");
	watched[0] = '\0';
	watch_result = FCS_EFORMAT; /* it cannot be read: away with it */
	send_so(MESSAGE_SO);
	ck_assert_str_eq(watched, "two so two closed ");
	ck_assert_int_eq(state(), PEER_WAITING);
	ck_assert_int_eq(peer_table.close(inst, peer), FCS_OK);
	ck_assert_int_eq(
	    peer_table.watch(inst, peer, &watcher, one), FCS_ENOENT);
	end();
}

static void
count_one(void *arg, uint64_t id, const struct peer_info *info)
{
	(void)id;
	ck_assert(info->local);
	++*(int *)arg;
}

UNIT(all_peers_of_an_instance_are_walked)
{
	uint64_t id;
	int n = 0;

	begin(NULL);
	is_late = true;
	ck_assert_int_eq(dial(&id), FCS_OK);
	ck_assert_int_eq(dial(&id), FCS_OK);
	peer_table.each(inst, count_one, &n);
	ck_assert_int_eq(n, 2);
	end();
}

UNIT_MAIN
