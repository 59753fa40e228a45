/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What core/client_traffic asks of a session, over a socketpair: rates, round
 * trip, bandwidth test, figures, streams. Bytes are counted against a clock
 * that jumps.
 */
#include "base/clock.h"
#include "core/live.h"
#include "core/record.h"
#include "core/sharedobj.h"
#include "net/pace.h"
#include "tests/lib/leap.h"
#include "tests/lib/unit.h"
#include "tests/unit/core/fake.h"
#include "tests/unit/session/wire.h"

#define RATE  20000 /* bytes a second */
#define FRAME 2000  /* bytes of a picture, ten a second beside the sound */

static struct loop *loop;
static struct application *app;
static struct arena *arena;
static struct wire w;

static void
begin(const char *const *settings, struct value *more)
{
	fake_reset();
	fake.has_call = true;
	loop = loop_new();
	app = fake_app(loop, &fake_script_ops, settings);
	application_set_module(app, MODULE_SHAREDOBJ, &sharedobj_module);
	application_set_module(app, MODULE_LIVE, &live_module);
	application_set_module(app, MODULE_RECORD, &record_module);
	wire_open(&w, loop, app, "c1", NULL, 0);
	wire_connect(&w, arena, "echo/x", 0, &more, more == NULL ? 0 : 1);
	wire_wait(&w, 5);
	wire_forget(&w);
	fake_trace[0] = '\0';
}

static void
end(void)
{
	wire_close(&w);
	fake_app_free(app);
	loop_turn(loop, 0);
	loop_free(loop);
	arena_free(arena);
}

static struct instance *
inst(void)
{
	struct err why;

	return application_instance(app, "x", false, &why);
}

static struct client *
client(void)
{
	return instance_client(inst(), "c1");
}

static void
turns(int n)
{
	while (n-- > 0)
		wire_turn(&w, 0);
}

static int64_t began_ms;

static void
set_rate(bool out, uint64_t bps)
{
	began_ms = clock_ms();
	ck_assert_int_eq(client_set_rate(client(), out, bps), FCS_OK);
}

/* What may have passed since: the clock also runs on by itself. */
static uint64_t
most(uint64_t rate)
{
	return pace_burst(rate) +
	       rate * (uint64_t)(clock_ms() - began_ms + 1) / 1000;
}

static uint64_t
bytes_out(void)
{
	uint64_t in, out;
	int rtt;

	client_traffic(client(), &in, &out, &rtt);
	return out;
}

static void
expect_text(const struct value *obj, const char *key, const char *text)
{
	const struct value *v = value_get(obj, key);

	ck_assert_msg(v != NULL && v->type == VALUE_STRING, "no %s", key);
	ck_assert_msg(value_str_eq(v->str, text), "%s is %.*s", key,
	    (int)v->str.len, v->str.ptr);
}

/* ---- round trip ---- */

UNIT(ping_is_answered_with_the_round_trip)
{
	uint8_t pong[6] = { 0, 7 };

	arena = arena_new(0);
	begin(NULL, NULL);
	ck_assert_int_eq(client_ping(client(), 42), FCS_OK);
	wire_wait(&w, 1);
	ck_assert_int_eq(w.kept[0].type, MESSAGE_USER_CONTROL);
	ck_assert_int_eq(w.kept[0].payload[1], MESSAGE_EV_PING);
	memcpy(pong + 2, w.kept[0].payload + 2, 4);
	leap_ms(30);
	wire_message(&w, 2, MESSAGE_USER_CONTROL, 0, pong, sizeof(pong));
	while (fake_trace[0] == '\0')
		wire_turn(&w, 1);
	ck_assert_msg(strncmp(fake_trace, "resolve42=", 10) == 0 &&
			  atoi(fake_trace + 10) >= 30,
	    "%s", fake_trace);
	fake_trace[0] = '\0';
	wire_message(&w, 2, MESSAGE_USER_CONTROL, 0, pong, sizeof(pong));
	turns(3);
	ck_assert_str_eq(fake_trace, ""); /* nobody asked again */
	end();
}

UNIT(nothing_is_asked_of_a_client_that_is_gone)
{
	struct client_figures f;
	struct client *c;

	arena = arena_new(0);
	begin(NULL, NULL);
	c = client();
	client_lost(c); /* as a connection that breaks this moment */
	ck_assert_int_eq(client_ping(c, 1), FCS_ECLOSED);
	ck_assert_int_eq(client_measure(c, 1), FCS_ECLOSED);
	ck_assert_int_eq(client_reconnect(c, NULL), FCS_ECLOSED);
	ck_assert_int_eq(client_set_rate(c, true, RATE), FCS_OK);
	ck_assert(!client_refuse_publish(c, "x", "no"));
	client_figures(c, &f);
	ck_assert_uint_gt(f.bytes_in, 0);
	ck_assert_uint_eq(f.msg_in, 1);
	end();
}

/* ---- bandwidth test ---- */

UNIT(script_gets_what_the_client_is_told_of_its_bandwidth)
{
	struct value *zero;
	struct command c;

	arena = arena_new(0);
	begin(NULL, NULL);
	zero = value_number(arena, 0);
	ck_assert_int_eq(client_measure(client(), 7), FCS_OK);
	for (;;) {
		wire_wait(&w, 1);
		c = wire_read(&w, arena, 0);
		wire_forget(&w);
		if (!value_str_eq(c.name, "onBWCheck"))
			break;
		leap_ms(20);
		ck_assert_str_eq(fake_trace, "");
		wire_command(&w, false, "_result", c.txn, NULL, &zero, 1);
	}
	ck_assert(value_str_eq(c.name, "onBWDone"));
	ck_assert_uint_eq(c.arg_count, 4);
	fake_expect("resolve7=-1"); /* an object */
	/* one that does not know the test */
	ck_assert_int_eq(client_measure(client(), 8), FCS_OK);
	wire_wait(&w, 1);
	c = wire_read(&w, arena, 0);
	wire_forget(&w);
	wire_command(&w, false, "_error", c.txn, NULL, NULL, 0);
	wire_wait(&w, 1);
	ck_assert(value_str_eq(wire_read(&w, arena, 0).name, "onBWDone"));
	fake_expect("resolve8!the client does not answer the test");
	end();
}

UNIT(bandwidth_check_empty_says_done_and_off_says_nothing)
{
	static const char *const empty[] = { "bandwidth_check=empty", NULL };
	static const char *const off[] = { "bandwidth_check=off", NULL };
	struct command c;

	arena = arena_new(0);
	begin(empty, NULL);
	ck_assert_int_eq(client_measure(client(), 7), FCS_ENOENT);
	wire_wait(&w, 1);
	c = wire_read(&w, arena, 0);
	ck_assert(value_str_eq(c.name, "onBWDone"));
	ck_assert_uint_eq(c.arg_count, 0);
	end();
	arena = arena_new(0);
	begin(off, NULL);
	ck_assert_int_eq(client_measure(client(), 7), FCS_ENOENT);
	turns(5);
	ck_assert_uint_eq(w.count, 0);
	ck_assert_str_eq(fake_trace, "");
	end();
}

/* ---- reconnect ---- */

UNIT(reconnect_is_asked_of_those_who_understand_it)
{
	struct value *caps;
	struct command c;

	arena = arena_new(0);
	begin(NULL, NULL);
	ck_assert_int_eq(
	    client_reconnect(client(), "rtmp://b/x"), FCS_EUNSUPPORTED);
	turns(3);
	ck_assert_uint_eq(w.count, 0);
	end();
	arena = arena_new(0);
	caps = value_new(arena, VALUE_OBJECT);
	ck_assert_int_eq(
	    value_set(arena, caps, "capsEx", value_number(arena, 1)), FCS_OK);
	begin(NULL, caps);
	ck_assert_int_eq(client_reconnect(client(), "rtmp://b/x"), FCS_OK);
	ck_assert_int_eq(client_reconnect(client(), NULL), FCS_OK);
	wire_wait(&w, 2);
	ck_assert_uint_eq(w.kept[0].msid, 0);
	c = wire_read(&w, arena, 0);
	ck_assert(value_str_eq(c.name, "onStatus"));
	ck_assert_double_eq(c.txn, 0);
	expect_text(
	    c.args[0], "code", "NetConnection.Connect.ReconnectRequest");
	expect_text(c.args[0], "level", "status");
	expect_text(c.args[0], "tcUrl", "rtmp://b/x");
	c = wire_read(&w, arena, 1);
	ck_assert_ptr_null(value_get(c.args[0], "tcUrl"));
	ck_assert_int_eq(client_state(client()), CLIENT_ACCEPTED);
	end();
}

/* ---- rates ---- */

/* Calls with a kilobyte each, sent in one piece. */
static void
send_calls(unsigned n)
{
	char body[1001];
	struct value *text;
	struct buf all, one;
	unsigned i;

	memset(body, 'x', 1000);
	body[1000] = '\0';
	text = value_string(arena, body);
	buf_init(&all, 0);
	buf_init(&one, 0);
	for (i = 0; i < n; i++) {
		buf_reset(&one, SIZE_MAX);
		ck_assert_int_eq(
		    command_write(&one, false, "echo", i + 2, NULL, &text, 1),
		    FCS_OK);
		chunk_write(&all, 3, MESSAGE_COMMAND, 0, 0, buf_data(&one),
		    buf_len(&one), 128);
	}
	wire_raw(&w, buf_data(&all), buf_len(&all));
	buf_fini(&one);
	buf_fini(&all);
}

UNIT(rates_obey_settings_cap_and_least)
{
	static const char *const some[] = { "bandwidth.in=30000",
		"bandwidth.cap=50000", NULL };

	arena = arena_new(0);
	begin(some, NULL);
	ck_assert_uint_eq(client_rate(client(), false), 30000);
	ck_assert_uint_eq(client_rate(client(), true), 0);
	ck_assert_int_eq(client_set_rate(client(), true, 50000), FCS_OK);
	ck_assert_uint_eq(client_rate(client(), true), 50000);
	ck_assert_int_eq(client_set_rate(client(), true, 50001), FCS_OK);
	ck_assert_uint_eq(client_rate(client(), true), 50000);
	ck_assert_int_eq(
	    client_set_rate(client(), false, CLIENT_RATE_MIN), FCS_OK);
	ck_assert_int_eq(
	    client_set_rate(client(), false, CLIENT_RATE_MIN - 1), FCS_EINVAL);
	ck_assert_uint_eq(client_rate(client(), false), CLIENT_RATE_MIN);
	ck_assert_int_eq(client_set_rate(client(), false, 0), FCS_OK);
	ck_assert_uint_eq(client_rate(client(), false), 30000);
	ck_assert_int_eq(client_set_rate(client(), true, 0), FCS_OK);
	ck_assert_uint_eq(client_rate(client(), true), 0);
	end();
}

UNIT(answers_to_a_limited_client_are_late_but_whole)
{
	uint64_t before;
	int i;

	arena = arena_new(0);
	begin(NULL, NULL);
	set_rate(true, RATE);
	before = bytes_out();
	send_calls(100);
	turns(5);
	for (i = 0; i < 40; i++) {
		ck_assert_uint_le(bytes_out() - before, most(RATE));
		leap_ms(100);
		turns(3);
	}
	ck_assert_uint_ge(bytes_out() - before, RATE * 36 / 10);
	ck_assert_uint_lt(w.count, 100);
	for (i = 0; i < 100 && w.count < 100; i++) {
		leap_ms(100);
		turns(3);
	}
	ck_assert_uint_eq(w.count, 100);
	for (i = 0; i < 100; i++)
		ck_assert_double_eq(wire_read(&w, arena, i).txn, i + 2);
	end();
}

UNIT(a_client_that_may_send_little_is_read_slowly)
{
	uint64_t calls;
	int i;

	arena = arena_new(0);
	begin(NULL, NULL);
	set_rate(false, RATE);
	send_calls(100);
	turns(5);
	for (i = 0; i < 30; i++) {
		calls = instance_stats(inst())->calls;
		ck_assert_uint_le(calls * 1000, most(RATE));
		leap_ms(100);
		turns(3);
	}
	ck_assert_uint_ge(instance_stats(inst())->calls, 50);
	for (i = 0; i < 100 && w.count < 100; i++) {
		leap_ms(100);
		turns(3);
	}
	ck_assert_uint_eq(w.count, 100);
	end();
}

/* ---- streams ---- */

static void
command_on(const char *name, const char *stream, double start)
{
	struct value *args[] = { value_string(arena, stream),
		value_number(arena, start) };

	wire_command_on(&w, 1, name, 0, args, 2);
}

static void
create(void)
{
	wire_command(&w, false, "createStream", 2, NULL, NULL, 0);
	wire_wait(&w, 1);
	wire_forget(&w);
}

static unsigned
count(uint8_t type)
{
	unsigned n = 0, i;

	for (i = 0; i < w.count; i++)
		n += w.kept[i].type == type;
	return n;
}

static struct live *
live(void)
{
	static const struct live_publisher pub = {
		.client = "", .type = "live", .query = ""
	};
	struct live *lv = live_find(inst(), "s", true);

	ck_assert_int_eq(live_publish(lv, &pub), FCS_OK);
	return lv;
}

/* A tenth of a second: sound, and a picture that is a key frame each second. */
static void
feed(struct live *lv, uint32_t n)
{
	static uint8_t audio[60] = { 0xaf, 1 }, video[FRAME] = { 0, 1 };

	video[0] = n % 10 == 0 ? 0x17 : 0x27;
	ck_assert_int_eq(
	    live_feed(lv, MESSAGE_AUDIO, n * 100, audio, sizeof(audio)),
	    FCS_OK);
	ck_assert_int_eq(
	    live_feed(lv, MESSAGE_VIDEO, n * 100, video, sizeof(video)),
	    FCS_OK);
}

UNIT(a_limited_viewer_loses_pictures_but_no_sound)
{
	struct client_figures f;
	struct live *lv;
	uint64_t before;
	uint32_t n;

	arena = arena_new(0);
	begin(NULL, NULL);
	create();
	lv = live();
	command_on("play", "s", -1);
	while (live_stats(lv)->viewers == 0)
		wire_turn(&w, 1);
	turns(3);
	/* a picture more than twice a second: half of what comes */
	set_rate(true, 10 * 1024);
	before = bytes_out();
	wire_forget(&w);
	for (n = 0; n < 200; n++) {
		feed(lv, n);
		leap_ms(100);
		turns(3);
		ck_assert_uint_le(bytes_out() - before, most(10 * 1024));
	}
	client_figures(client(), &f);
	ck_assert_uint_gt(f.dropped[CLIENT_VIDEO].messages, 50);
	ck_assert_uint_eq(f.dropped[CLIENT_VIDEO].bytes,
	    f.dropped[CLIENT_VIDEO].messages * FRAME);
	ck_assert_uint_eq(f.dropped[CLIENT_AUDIO].messages, 0);
	ck_assert_uint_eq(f.msg_dropped, f.dropped[CLIENT_VIDEO].messages);
	for (n = 0; n < 50 && (f.queue[CLIENT_VIDEO].messages > 0 ||
				  f.queue[CLIENT_AUDIO].messages > 0);
	     n++) {
		leap_ms(100);
		turns(3);
		client_figures(client(), &f);
	}
	ck_assert_uint_eq(count(MESSAGE_AUDIO), 200);
	ck_assert_uint_ge(count(MESSAGE_VIDEO), 40);
	ck_assert_uint_eq(
	    count(MESSAGE_VIDEO), 200 - f.dropped[CLIENT_VIDEO].messages);
	live_unpublish(lv);
	end();
}

UNIT(figures_tell_speed_and_what_is_queued)
{
	struct client_figures f;
	int i;

	arena = arena_new(0);
	begin(NULL, NULL);
	set_rate(true, RATE);
	send_calls(100);
	turns(5);
	client_figures(client(), &f);
	ck_assert_uint_eq(f.msg_in, 101);
	ck_assert_uint_eq(f.msg_out, 105);
	ck_assert_int_eq(f.rtt_ms, -1);
	ck_assert_uint_ge(f.queue[CLIENT_DATA].messages, 90);
	ck_assert_uint_ge(f.queue[CLIENT_DATA].bytes, 90000);
	ck_assert_uint_eq(f.queue[CLIENT_AUDIO].messages, 0);
	leap_ms(1000);
	turns(1);
	client_figures(client(), &f);
	for (i = 0; i < 20; i++) {
		leap_ms(100);
		turns(3);
	}
	client_figures(client(), &f);
	ck_assert_uint_le(f.out_bps, RATE + RATE / 4);
	ck_assert_uint_ge(f.out_bps, RATE / 2);
	ck_assert_uint_lt(f.in_bps, 100);
	end();
}

static char listed[200];

static void
on_stream(void *arg, const char *name, bool publishes)
{
	(void)arg;
	(void)snprintf(listed + strlen(listed), sizeof(listed) - strlen(listed),
	    "%c%s ", publishes ? '+' : '-', name);
}

static const char *
streams(void)
{
	listed[0] = '\0';
	client_each_stream(client(), on_stream, NULL);
	return listed;
}

UNIT(streams_are_listed_and_refused_by_name)
{
	static const char *const open[] = { "publish=allow", NULL };
	struct command c;

	arena = arena_new(0);
	begin(open, NULL);
	ck_assert_str_eq(streams(), "");
	create();
	ck_assert_str_eq(streams(), "");
	command_on("publish", "mine", 0);
	wire_wait(&w, 2);
	ck_assert_str_eq(streams(), "+mine ");
	wire_forget(&w);
	ck_assert(!client_refuse_publish(client(), "other", "no"));
	ck_assert(client_refuse_publish(client(), "mine", "not you"));
	wire_wait(&w, 1);
	c = wire_read(&w, arena, 0);
	expect_text(c.args[0], "code", "NetStream.Publish.BadName");
	expect_text(c.args[0], "level", "error");
	expect_text(c.args[0], "description", "not you");
	ck_assert_str_eq(streams(), "");
	ck_assert(!live_is_published(live_find(inst(), "mine", true)));
	turns(3);
	wire_forget(&w);
	command_on("play", "theirs", -1);
	wire_wait(&w, 5);
	wire_forget(&w);
	ck_assert_str_eq(streams(), "-theirs ");
	ck_assert(!client_refuse_publish(client(), "theirs", "no"));
	command_on("publish", "mine", 0);
	wire_wait(&w, 2);
	wire_forget(&w);
	ck_assert(client_refuse_publish(client(), "mine", NULL));
	wire_wait(&w, 1);
	c = wire_read(&w, arena, 0);
	expect_text(c.args[0], "description", "denied");
	ck_assert_str_eq(streams(), "");
	end();
}

/* The booleans of |RtmpSampleAccess at the start of a play: "10", or "". */
static const char *
samples(const char *stream)
{
	static const uint8_t name[] = "\2\0\21|RtmpSampleAccess";
	static char text[3];
	unsigned i;

	wire_forget(&w);
	command_on("play", stream, -1);
	while (count(MESSAGE_DATA) == 0 ||
	       w.kept[w.count - 1].type != MESSAGE_DATA)
		wire_turn(&w, 1);
	turns(2);
	for (i = 0; i < w.count; i++)
		if (w.kept[i].type == MESSAGE_DATA &&
		    memcmp(w.kept[i].payload, name, sizeof(name) - 1) == 0)
			break;
	if (i == w.count)
		return "";
	ck_assert_uint_eq(w.kept[i].len, sizeof(name) - 1 + 4);
	text[0] = (char)('0' + w.kept[i].payload[sizeof(name)]);
	text[1] = (char)('0' + w.kept[i].payload[sizeof(name) + 2]);
	return text;
}

UNIT(sample_access_is_told_by_stream_and_kind)
{
	static const char *const some[] = { "access.samples=open", NULL };
	static const char *const cams[] = { "cams", "mic/a" };

	arena = arena_new(0);
	begin(NULL, NULL);
	create();
	ck_assert_str_eq(samples("any"), "11");
	end();
	arena = arena_new(0);
	begin(some, NULL);
	create();
	ck_assert_str_eq(samples("open/x"), "11");
	ck_assert_str_eq(samples("opener"), "");
	ck_assert_int_eq(client_set_samples(client(), true, cams, 1), FCS_OK);
	ck_assert_str_eq(samples("cams/1"), "01");
	ck_assert_str_eq(samples("open"), "10");
	ck_assert_int_eq(client_set_samples(client(), false, cams, 2), FCS_OK);
	ck_assert_str_eq(samples("cams/1"), "11");
	ck_assert_str_eq(samples("mic/a"), "10");
	ck_assert_str_eq(samples("mic"), "");
	ck_assert_int_eq(client_set_samples(client(), false, NULL, 0), FCS_OK);
	ck_assert_str_eq(samples("mic/a"), "");
	end();
}

UNIT(a_viewer_is_not_idle_and_one_that_stopped_is)
{
	static const char *const idle[] = { "idle_client=10s", NULL };
	struct command c;
	struct live *lv;
	int i;

	arena = arena_new(0);
	begin(idle, NULL);
	create();
	lv = live();
	command_on("play", "s", -1);
	while (live_stats(lv)->viewers == 0)
		wire_turn(&w, 1);
	for (i = 0; i < 20; i++) { /* no ping comes within 30 s of silence */
		leap_ms(1000);
		turns(2);
	}
	ck_assert(!w.eof);
	wire_forget(&w);
	wire_command_on(&w, 1, "closeStream", 0, NULL, 0);
	turns(3);
	wire_forget(&w);
	for (i = 0; i < 30 && w.count == 0; i++) {
		leap_ms(1000);
		turns(2);
	}
	ck_assert_int_gt(i, 5);
	c = wire_read(&w, arena, 0);
	expect_text(c.args[0], "code", "NetConnection.Connect.IdleTimeout");
	live_unpublish(lv);
	wire_wait_closed(&w);
	end();
}

UNIT(virtual_key_is_a_plain_word)
{
	char longest[257];

	arena = arena_new(0);
	begin(NULL, NULL);
	memset(longest, 'k', 256);
	longest[256] = '\0';
	ck_assert_str_eq(client_virtual_key(client()), "");
	ck_assert_int_eq(client_set_virtual_key(client(), "hd", 2), FCS_OK);
	ck_assert_int_eq(client_set_virtual_key(client(), "a*", 2), FCS_EINVAL);
	ck_assert_int_eq(client_set_virtual_key(client(), "a:", 2), FCS_EINVAL);
	ck_assert_int_eq(
	    client_set_virtual_key(client(), longest, 256), FCS_ELIMIT);
	ck_assert_str_eq(client_virtual_key(client()), "hd");
	ck_assert_int_eq(
	    client_set_virtual_key(client(), longest, 255), FCS_OK);
	end();
}

UNIT_MAIN
