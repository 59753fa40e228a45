/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The streams of a session over a socketpair, with the real live streams and
 * recordings: what a client is told, as words in the order of wire-protocol
 * 5.3-5.8. "begin recorded eof" are control messages, "access" and "data:" data
 * messages, "media" any run of them, "!" marks an error.
 */
#include "codec/amf0.h"
#include "tests/unit/core/fake.h"
#include "tests/unit/core/recenv.h"
#include "tests/unit/session/wire.h"

#define PATIENCE 500 /* turns of 10 ms */

static struct recenv e;
static struct arena *arena;
static struct wire w;  /* the client of the case */
static struct wire w2; /* another one */

/* ---- words ---- */

static void
data_word(const struct wire_message *m, struct str *out)
{
	struct amf0_reader r;
	struct value *name, *info;
	const struct value *code;

	amf0_reader_init(&r, arena, m->payload, m->len);
	ck_assert_int_eq(amf0_read(&r, &name), FCS_OK);
	if (value_str_eq(name->str, "|RtmpSampleAccess")) {
		str_add(out, "access");
	} else if (value_str_eq(name->str, "onMetaData")) {
		str_add(out, "meta");
	} else {
		ck_assert_int_eq(amf0_read(&r, &info), FCS_OK);
		code = value_get(info, "code");
		ck_assert_ptr_nonnull(code);
		str_add(out, "data:");
		str_addn(out, code->str.ptr + strlen("NetStream."),
		    code->str.len - strlen("NetStream."));
	}
}

static void
command_word(struct wire *x, unsigned i, struct str *out)
{
	struct command c = wire_read(x, arena, i);
	const struct value *code, *level;

	if (!value_str_eq(c.name, "onStatus")) {
		str_addn(out, c.name.ptr, c.name.len);
		return;
	}
	ck_assert_double_eq(c.txn, 0);
	code = value_get(c.args[0], "code");
	level = value_get(c.args[0], "level");
	ck_assert(code != NULL && level != NULL);
	if (value_str_eq(level->str, "error"))
		str_addc(out, '!');
	str_addn(out, code->str.ptr + strlen("NetStream."),
	    code->str.len - strlen("NetStream."));
}

/* What came so far. */
static void
words(struct wire *x, struct str *out)
{
	bool media = false;

	str_reset(out);
	for (unsigned i = 0; i < x->count; i++) {
		const struct wire_message *m = &x->kept[i];
		bool is_media =
		    m->type == MESSAGE_AUDIO || m->type == MESSAGE_VIDEO;

		if (m->type == MESSAGE_ACK || (is_media && media))
			continue;
		media = is_media;
		if (out->len > 0)
			str_addc(out, ' ');
		if (is_media)
			str_add(out, "media");
		else if (m->type == MESSAGE_DATA)
			data_word(m, out);
		else if (m->type == MESSAGE_COMMAND)
			command_word(x, i, out);
		else if (m->type == MESSAGE_USER_CONTROL)
			str_add(out,
			    m->payload[1] == MESSAGE_EV_STREAM_BEGIN ? "begin"
			    : m->payload[1] == MESSAGE_EV_STREAM_EOF ? "eof"
			    : m->payload[1] == MESSAGE_EV_IS_RECORDED
				? "recorded"
				: "event");
		else
			str_addf(out, "type%u", m->type);
	}
}

/* The words are these, and nothing more comes; forgets them. */
static void
expect_at(struct wire *x, const char *want, const char *file, int line)
{
	struct str got;
	int i;

	str_init(&got);
	for (i = 0; i < PATIENCE; i++) {
		words(x, &got);
		if (strcmp(str_text(&got), want) == 0)
			break;
		wire_turn(x, 10);
	}
	for (i = 0; i < 3; i++)
		wire_turn(x, 2);
	words(x, &got);
	ck_assert_msg(strcmp(str_text(&got), want) == 0,
	    "%s:%d: got  \"%s\"\nwant \"%s\"", file, line, str_text(&got),
	    want);
	str_fini(&got);
	wire_forget(x);
}
#define expect(x, want) expect_at(x, want, __FILE__, __LINE__)

static unsigned
count_type(const struct wire *x, uint8_t type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < x->count; i++)
		n += x->kept[i].type == type;
	return n;
}

/* ---- commands ---- */

static void
client(struct wire *x, const char *id)
{
	wire_open(x, e.loop, e.app, id, NULL, 0);
	wire_connect(x, arena, "echo/room", 0, NULL, 0);
	wire_wait(x, 5);
	wire_command(x, false, "createStream", 2, NULL, NULL, 0);
	wire_wait(x, 6);
	ck_assert_double_eq(
	    value_as_number(wire_read(x, arena, 5).args[0], 0), 1);
	wire_forget(x);
}

static void
begin(const char *setting)
{
	const char *settings[] = { "publish=allow", setting, NULL };

	recenv_open(&e, settings);
	arena = arena_new(0);
	client(&w, "c1");
}

static void
end(void)
{
	wire_close(&w);
	if (w2.reader != NULL)
		wire_close(&w2);
	recenv_close(&e);
	arena_free(arena);
}

static void
play(struct wire *x, const char *name, double start, double length,
    double reset, uint32_t count)
{
	struct value *args[] = { value_string(arena, name),
		value_number(arena, start), value_number(arena, length),
		value_number(arena, reset) };

	wire_command_on(x, 1, "play", 0, args, count);
}

static void
publish(struct wire *x, const char *name, const char *type)
{
	struct value *args[] = { value_string(arena, name),
		value_string(arena, type) };

	wire_command_on(x, 1, "publish", 0, args, 2);
}

static void
number(struct wire *x, const char *command, double v)
{
	struct value *arg = value_number(arena, v);

	wire_command_on(x, 1, command, 0, &arg, 1);
}

static void
flag(struct wire *x, const char *command, bool v)
{
	struct value *arg = value_bool(arena, v);

	wire_command_on(x, 1, command, 0, &arg, 1);
}

static struct live *
stream(const char *name)
{
	return live_find(e.inst, name, true);
}

/* A pace that delivers all of a short recording at once. */
static void
hurry(struct wire *x)
{
	static const uint8_t event[] = { 0, 3, 0, 0, 0, 1, 0, 0, 0xff, 0xff };

	wire_message(x, 2, MESSAGE_USER_CONTROL, 0, event, sizeof(event));
}

#define LIVE "begin Play.Reset Play.Start access data:Data.Start"
#define VOD  "recorded begin Play.Reset Play.Start access data:Data.Start"
#define DONE "data:Play.Complete Play.Stop eof"

/* ---- publish ---- */

UNIT(publish_starts_and_ends_with_its_status)
{
	begin(NULL);
	publish(&w, "x", "live");
	expect(&w, "begin Publish.Start");
	ck_assert(live_is_published(stream("x")));
	wire_command_on(&w, 1, "closeStream", 0, NULL, 0);
	expect(&w, "Unpublish.Success");
	ck_assert(!live_is_published(stream("x")));
	publish(&w, "x", "live");
	expect(&w, "begin Publish.Start");
	number(&w, "publish", 0); /* publish(false) */
	expect(&w, "Unpublish.Success");
	publish(&w, "x", "live");
	publish(&w, "y", "live"); /* the stream changes its name */
	expect(&w, "begin Publish.Start Unpublish.Success begin Publish.Start");
	ck_assert(!live_is_published(stream("x")));
	end();
}

UNIT(recording_has_its_own_statuses)
{
	begin(NULL);
	publish(&w, "x", "record");
	expect(&w, "begin Publish.Start Record.Start");
	recenv_headers(stream("x"), 0);
	recenv_frames(stream("x"), 0, 3, 0);
	wire_command_on(&w, 1, "closeStream", 0, NULL, 0);
	expect(&w, "Unpublish.Success Record.Stop");
	publish(&w, "x", "append");
	expect(&w, "begin Publish.Start Record.Start");
	end();
}

UNIT(second_publisher_of_a_name_is_refused)
{
	begin(NULL);
	client(&w2, "c2");
	publish(&w, "x", "live");
	expect(&w, "begin Publish.Start");
	publish(&w2, "x", "live");
	expect(&w2, "!Publish.BadName");
	ck_assert_str_eq(live_publisher(stream("x"))->client, "c1");
	publish(&w2, "y", "live"); /* the stream is still good */
	expect(&w2, "begin Publish.Start");
	expect(&w, "");
	end();
}

UNIT(publish_is_refused_by_settings_script_name_and_limit)
{
	struct limits *limits;

	recenv_open(&e, (const char *const[]){ "publish=deny", NULL });
	arena = arena_new(0);
	client(&w, "c1");
	publish(&w, "x", "live");
	expect(&w, "!Publish.BadName");
	end();

	begin(NULL);
	publish(&w, "../x", "live");
	expect(&w, "!Publish.BadName");
	publish(&w, "", "live");
	expect(&w, "!Publish.BadName");
	fake.has_publish = true;
	fake.answer.verdict = SCRIPT_REJECT;
	fake.answer.text = "not you";
	publish(&w, "x", "live");
	expect(&w, "!Publish.BadName");
	fake.has_publish = false;
	limits = (struct limits *)(uintptr_t)application_env(e.app)->limits;
	limits->value[LIMIT_STREAMS] = 1;
	publish(&w, "x", "live");
	expect(&w, "begin Publish.Start");
	client(&w2, "c2");
	publish(&w2, "y", "live");
	expect(&w2, "!Failed");
	limits->value[LIMIT_STREAMS] = 2;
	publish(&w2, "y", "live");
	expect(&w2, "begin Publish.Start");
	end();
}

/* ---- live ---- */

UNIT(live_play_waits_for_its_publisher_and_outlives_it)
{
	begin(NULL);
	client(&w2, "c2");
	play(&w, "x", -1, -1, 1, 4);
	expect(&w, LIVE);
	publish(&w2, "x", "live");
	expect(&w2, "begin Publish.Start");
	expect(&w, "Play.PublishNotify");
	recenv_meta(stream("x"));
	recenv_headers(stream("x"), 0);
	recenv_frames(stream("x"), 0, 3, 0);
	expect(&w, "meta media");
	wire_command_on(&w2, 1, "closeStream", 0, NULL, 0);
	expect(&w, "Play.UnpublishNotify");
	publish(&w2, "x", "live");
	expect(&w, "Play.PublishNotify");
	end();
}

UNIT(late_viewer_gets_all_it_needs_after_play_start)
{
	begin(NULL);
	client(&w2, "c2");
	publish(&w2, "x", "live");
	expect(&w2, "begin Publish.Start");
	recenv_meta(stream("x"));
	recenv_headers(stream("x"), 0);
	recenv_frames(stream("x"), 0, 10, 0);
	play(&w, "x", -2, 0, 0, 1); /* the name alone */
	wire_wait(&w, 28);
	/* headers and the group from its key frame on */
	ck_assert_uint_eq(count_type(&w, MESSAGE_VIDEO), 11);
	ck_assert_uint_eq(count_type(&w, MESSAGE_AUDIO), 11);
	expect(&w, LIVE " meta media");
	end();
}

UNIT(pictures_or_sound_alone)
{
	begin(NULL);
	client(&w2, "c2");
	publish(&w2, "x", "live");
	expect(&w2, "begin Publish.Start");
	recenv_headers(stream("x"), 0);
	play(&w, "x", -1, -1, 1, 4);
	expect(&w, LIVE " media");
	flag(&w, "receiveVideo", false);
	expect(&w, "");
	recenv_frames(stream("x"), 0, 5, 0);
	wire_wait(&w, 5);
	ck_assert_uint_eq(count_type(&w, MESSAGE_VIDEO), 0);
	expect(&w, "media");
	flag(&w, "receiveAudio", false);
	expect(&w, "");
	recenv_frames(stream("x"), 5, 8, 0);
	expect(&w, "");
	flag(&w, "receiveVideo", true);
	wire_wait(&w, 2);
	recenv_frames(stream("x"), 50, 53, 0);
	wire_wait(&w, 5);
	ck_assert_uint_eq(count_type(&w, MESSAGE_AUDIO), 0);
	ck_assert_uint_ge(count_type(&w, MESSAGE_VIDEO), 3);
	end();
}

UNIT(live_pause_drops_and_comes_back_at_the_edge)
{
	begin(NULL);
	client(&w2, "c2");
	publish(&w2, "x", "live");
	expect(&w2, "begin Publish.Start");
	recenv_headers(stream("x"), 0);
	play(&w, "x", -1, -1, 1, 4);
	expect(&w, LIVE " media");
	flag(&w, "pause", true);
	expect(&w, "Pause.Notify eof");
	flag(&w, "pause", true);
	recenv_frames(stream("x"), 0, 5, 0);
	expect(&w, "");
	flag(&w, "pause", false);
	expect(&w, "begin Unpause.Notify media");
	end();
}

UNIT(seek_where_there_is_no_place_fails)
{
	begin(NULL);
	number(&w, "seek", 1000);
	expect(&w, "!Seek.Failed");
	play(&w, "x", -1, -1, 1, 4);
	expect(&w, LIVE);
	number(&w, "seek", 1000);
	expect(&w, "!Seek.Failed");
	publish(&w, "y", "live"); /* from player to publisher */
	expect(&w, "begin Publish.Start");
	number(&w, "seek", 0);
	expect(&w, "!Seek.Failed");
	end();
}

/* ---- start, length, reset ---- */

UNIT(start_says_live_recorded_or_either)
{
	static const struct {
		const char *name;
		double start;
		uint32_t count;
		const char *want;
	} rows[] = {
		{ "rec", -2, 4, VOD " meta media " DONE },
		{ "rec", -2000, 4, VOD " meta media " DONE },
		{ "rec", 0, 1, VOD " meta media " DONE }, /* not given: -2 */
		{ "rec", 0, 4, VOD " meta media " DONE },
		{ "rec", 120, 4, VOD " meta media " DONE },
		{ "rec", -1, 4, LIVE },
		{ "rec", -1000, 4, LIVE },
		{ "none", -2, 4, LIVE }, /* waits for a publisher */
		{ "none", -2000, 4, LIVE },
		{ "none", 0, 4, "!Play.StreamNotFound" },
		{ "none", 500, 4, "!Play.StreamNotFound" },
		{ "../x", 0, 4, "!Play.StreamNotFound" },
		{ "both", -2, 4, LIVE " media" },
		{ "both", 0, 4, VOD " meta media " DONE },
	};

	begin(NULL);
	recenv_make(&e, "rec", 10);
	recenv_make(&e, "both", 10);
	client(&w2, "c2");
	publish(&w2, "both", "live");
	expect(&w2, "begin Publish.Start");
	recenv_headers(stream("both"), 0);
	hurry(&w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		play(&w, rows[i].name, rows[i].start, -1, 1, rows[i].count);
		expect(&w, rows[i].want);
		wire_command_on(&w, 1, "closeStream", 0, NULL, 0);
		expect(&w, "");
	}
	end();
}

UNIT(length_bounds_what_is_played)
{
	unsigned all, some, one;

	begin(NULL);
	recenv_make(&e, "rec", 50); /* 2 s */
	hurry(&w);
	play(&w, "rec", 0, -1, 1, 4);
	while (count_type(&w, MESSAGE_USER_CONTROL) < 3)
		wire_turn(&w, 10);
	all = count_type(&w, MESSAGE_VIDEO);
	expect(&w, VOD " meta media " DONE);
	play(&w, "rec", 0, 400, 1, 4);
	while (count_type(&w, MESSAGE_USER_CONTROL) < 3)
		wire_turn(&w, 10);
	some = count_type(&w, MESSAGE_VIDEO);
	expect(&w, VOD " meta media " DONE);
	play(&w, "rec", 0, 0, 1, 4);
	while (count_type(&w, MESSAGE_USER_CONTROL) < 3)
		wire_turn(&w, 10);
	one = count_type(&w, MESSAGE_VIDEO);
	expect(&w, VOD " meta media " DONE);
	ck_assert_uint_eq(all, 51); /* with the header */
	ck_assert_uint_ge(some, 11);
	ck_assert_uint_le(some, 12);
	ck_assert_uint_eq(one, 2);
	end();
}

UNIT(reset_flushes_or_appends)
{
	static const struct {
		double reset;
		uint32_t count;
		bool is_reset;
	} rows[] = {
		{ 0, 3, true }, /* not given */
		{ 1, 4, true },
		{ 3, 4, true },
		{ 0, 4, false },
		{ 2, 4, false },
	};

	begin(NULL);
	client(&w2, "c2");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		play(&w, "x", -1, -1, rows[i].reset, rows[i].count);
		expect(&w, rows[i].is_reset
			       ? LIVE
			       : "begin Play.Start access data:Data.Start");
		/* while it plays: in place of it, or behind it */
		play(&w, "y", -1, -1, rows[i].reset, rows[i].count);
		expect(&w, rows[i].is_reset ? LIVE : "");
		wire_command_on(&w, 1, "closeStream", 0, NULL, 0);
	}
	end();
}

UNIT(play_list_goes_on_with_a_switch)
{
	begin(NULL);
	recenv_make(&e, "a", 5);
	recenv_make(&e, "b", 5);
	hurry(&w);
	play(&w, "a", 0, -1, 1, 4);
	play(&w, "b", 0, -1, 0, 4);
	play(&w, "none", 0, -1, 0, 4); /* a hole */
	expect(&w, VOD " meta media data:Play.Switch "
		       "recorded begin Play.Start access data:Data.Start "
		       "meta media data:Play.Switch !Play.StreamNotFound");
	end();
}

UNIT(play_ends_by_false_close_and_delete)
{
	struct value *id = NULL;

	begin(NULL);
	client(&w2, "c2");
	publish(&w2, "x", "live");
	expect(&w2, "begin Publish.Start");
	for (int how = 0; how < 3; how++) {
		play(&w, "x", -1, -1, 1, 4);
		expect(&w, LIVE);
		ck_assert_uint_eq(live_stats(stream("x"))->viewers, 1);
		id = value_number(arena, 1);
		if (how == 0)
			flag(&w, "play", false);
		else if (how == 1)
			wire_command_on(&w, 1, "closeStream", 0, NULL, 0);
		else
			wire_command(
			    &w, false, "deleteStream", 0, NULL, &id, 1);
		expect(&w, "");
		ck_assert_uint_eq(live_stats(stream("x"))->viewers, 0);
		recenv_frames(stream("x"), 0, 2, 0);
		expect(&w, "");
		live_unpublish(stream("x"));
		ck_assert_int_eq(
		    live_publish(stream("x"),
			&(struct live_publisher){
			    .client = "c2", .type = "live", .query = "" }),
		    FCS_OK);
	}
	play(&w, "x", -1, -1, 1, 4); /* on a stream that is gone */
	expect(&w, "!Failed");
	end();
}

/* ---- recorded: seek, pause, the end ---- */

UNIT(seek_in_a_recording_is_told_before_its_media)
{
	begin(NULL);
	recenv_make(&e, "rec", 100); /* key frames at 0 and 2 s */
	hurry(&w);
	play(&w, "rec", 0, -1, 1, 4);
	expect(&w, VOD " meta media " DONE);
	number(&w, "seek", 2500);
	wire_wait(&w, 7);
	expect(
	    &w, "eof recorded begin Seek.Notify Play.Start access media " DONE);
	number(&w, "seek", 99999999); /* clamped */
	wire_wait(&w, 7);
	expect(
	    &w, "eof recorded begin Seek.Notify Play.Start access media " DONE);
	end();
}

UNIT(paused_recording_goes_on_where_the_client_was)
{
	begin(NULL);
	recenv_make(&e, "rec", 200); /* 8 s: more than the buffer */
	play(&w, "rec", 0, -1, 1, 4);
	wire_wait(&w, 20);
	flag(&w, "pause", true);
	while (count_type(&w, MESSAGE_USER_CONTROL) < 3)
		wire_turn(&w, 10);
	expect(&w, VOD " meta media Pause.Notify eof");
	flag(&w, "pause", true);
	expect(&w, "");
	hurry(&w);
	flag(&w, "pause", false);
	expect(&w, "recorded begin Unpause.Notify media " DONE);
	end();
}

UNIT_MAIN
