/* SPDX-License-Identifier: BSD-2-Clause */
/* session - connect, calls and refusals over a socketpair. */
#include <math.h>

#include "base/clock.h"
#include "core/live.h"
#include "core/record.h"
#include "core/sharedobj.h"
#include "tests/lib/unit.h"
#include "tests/unit/core/fake.h"
#include "tests/unit/session/wire.h"

static struct loop *loop;
static struct application *app;
static struct arena *arena;
static struct wire w;

static void
begin(const struct script_ops *script, const char *const *settings)
{
	fake_reset();
	loop = loop_new();
	arena = arena_new(0);
	app = fake_app(loop, script, settings);
	application_set_module(app, MODULE_SHAREDOBJ, &sharedobj_module);
	application_set_module(app, MODULE_LIVE, &live_module);
	application_set_module(app, MODULE_RECORD, &record_module);
	wire_open(&w, loop, app, "c1", NULL, 0);
}

static void
end(void)
{
	if (w.reader != NULL)
		wire_close(&w);
	ck_assert_uint_eq(session_count(app), 0);
	fake_app_free(app);
	loop_turn(loop, 0);
	loop_free(loop);
	arena_free(arena);
}

/* Success, with the five messages of it forgotten. */
static void
connected(int amf)
{
	wire_connect(&w, arena, "echo", amf, NULL, 0);
	wire_wait(&w, 5);
	ck_assert(value_str_eq(wire_read(&w, arena, 4).name, "_result"));
	wire_forget(&w);
}

static void
expect_text(const struct value *obj, const char *key, const char *text)
{
	const struct value *v = value_get(obj, key);

	ck_assert_msg(v != NULL && v->type == VALUE_STRING, "no %s", key);
	ck_assert_msg(value_str_eq(v->str, text), "%s is %.*s, not %s", key,
	    (int)v->str.len, v->str.ptr, text);
}

static void
expect_keys(const struct value *obj, const char *keys)
{
	char got[256] = "";
	uint32_t i;

	for (i = 0; i < obj->prop_count; i++)
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got),
		    "%s%.*s", i == 0 ? "" : " ", (int)obj->props[i].key.len,
		    obj->props[i].key.ptr);
	ck_assert_str_eq(got, keys);
}

UNIT(connect_is_answered_by_the_whole_sequence)
{
	struct command c;

	begin(NULL, NULL);
	wire_connect(&w, arena, "echo", 0, NULL, 0);
	wire_wait(&w, 5);
	ck_assert_int_eq(w.kept[0].type, MESSAGE_WINDOW_ACK);
	ck_assert_int_eq(w.kept[1].type, MESSAGE_PEER_BANDWIDTH);
	ck_assert_int_eq(w.kept[1].payload[4], 2);
	ck_assert_int_eq(w.kept[2].type, MESSAGE_USER_CONTROL);
	ck_assert_mem_eq(w.kept[2].payload, "\0\0\0\0\0\0", 6);
	ck_assert_int_eq(w.kept[3].type, MESSAGE_CHUNK_SIZE);
	ck_assert_mem_eq(w.kept[3].payload, "\0\0\352\140", 4);
	ck_assert_int_eq(w.kept[4].type, MESSAGE_COMMAND);
	ck_assert_uint_eq(w.kept[4].csid, 3);
	c = wire_read(&w, arena, 4);
	ck_assert(value_str_eq(c.name, "_result"));
	ck_assert_double_eq(c.txn, 1);
	expect_keys(c.object, "fmsVer capabilities mode");
	expect_text(c.object, "fmsVer", "FMS/3,5,7,7009");
	expect_keys(
	    c.args[0], "level code description data clientid objectEncoding");
	expect_text(c.args[0], "code", "NetConnection.Connect.Success");
	expect_text(c.args[0], "clientid", "c1");
	ck_assert_int_eq(value_get(c.args[0], "data")->type, VALUE_ECMA);
	expect_text(value_get(c.args[0], "data"), "version", "3,5,7,7009");
	ck_assert_double_eq(
	    value_as_number(value_get(c.args[0], "objectEncoding"), -1), 0);
	end();
}

UNIT(early_bytes_connect_without_another_byte)
{
	struct value *o;
	struct buf payload, b;

	begin(NULL, NULL);
	wire_close(&w);
	o = value_new(arena, VALUE_OBJECT);
	ck_assert_int_eq(
	    value_set(arena, o, "app", value_string(arena, "echo/x")), FCS_OK);
	buf_init(&payload, 0);
	buf_init(&b, 0);
	ck_assert_int_eq(
	    command_write(&payload, false, "connect", 1, o, NULL, 0), FCS_OK);
	chunk_write(&b, 3, MESSAGE_COMMAND, 0, 0, buf_data(&payload),
	    buf_len(&payload), 128);
	wire_open(&w, loop, app, "c2", buf_data(&b), buf_len(&b));
	wire_wait(&w, 5);
	buf_fini(&payload);
	buf_fini(&b);
	end();
}

UNIT(object_encoding_3_is_echoed_and_used_for_commands)
{
	struct value *arg;
	struct command c;

	begin(&fake_script_ops, NULL);
	fake.has_call = true;
	wire_connect(&w, arena, "echo", 3, NULL, 0);
	wire_wait(&w, 5);
	ck_assert_int_eq(w.kept[4].type, MESSAGE_COMMAND); /* always AMF0 */
	c = wire_read(&w, arena, 4);
	ck_assert_double_eq(
	    value_as_number(value_get(c.args[0], "objectEncoding"), -1), 3);
	wire_forget(&w);
	arg = value_new(arena, VALUE_OBJECT);
	ck_assert_int_eq(
	    value_set(arena, arg, "x", value_number(arena, 1)), FCS_OK);
	wire_command(&w, true, "echo", 2, NULL, &arg, 1);
	wire_wait(&w, 1);
	ck_assert_int_eq(w.kept[0].type, MESSAGE_COMMAND_AMF3);
	c = wire_read(&w, arena, 0);
	ck_assert(value_str_eq(c.name, "_result"));
	ck_assert_double_eq(value_as_number(value_get(c.args[0], "x"), -1), 1);
	end();
}

UNIT(enhanced_members_are_answered_to_those_who_ask)
{
	struct value *more;
	struct command c;

	begin(NULL, NULL);
	more = value_new(arena, VALUE_OBJECT);
	ck_assert_int_eq(
	    value_set(arena, more, "capsEx", value_number(arena, 15)), FCS_OK);
	wire_connect(&w, arena, "echo", 0, &more, 1);
	wire_wait(&w, 5);
	c = wire_read(&w, arena, 4);
	ck_assert_ptr_nonnull(value_get(c.args[0], "fourCcList"));
	ck_assert_double_eq(
	    value_as_number(value_get(c.args[0], "capsEx"), -1), 15);
	ck_assert_ptr_null(value_get(c.args[0], "videoFourCcInfoMap"));
	end();
}

static void
expect_refusal(const char *code)
{
	struct command c;

	wire_wait_closed(&w);
	ck_assert_uint_eq(w.count, 2);
	c = wire_read(&w, arena, 0);
	ck_assert(value_str_eq(c.name, "_error"));
	ck_assert_double_eq(c.txn, 1);
	expect_text(c.args[0], "level", "error");
	expect_text(c.args[0], "code", code);
	c = wire_read(&w, arena, 1);
	ck_assert(value_str_eq(c.name, "close"));
	ck_assert_str_eq(w.ended_id, "c1");
}

UNIT(unknown_application_is_refused_and_closed)
{
	begin(NULL, NULL);
	wire_connect(&w, arena, "other", 0, NULL, 0);
	expect_refusal("NetConnection.Connect.InvalidApp");
	end();
}

UNIT(instance_outside_the_patterns_is_refused)
{
	static const char *const some[] = { "instances=room-*", NULL };

	begin(NULL, some);
	wire_connect(&w, arena, "echo/hall", 0, NULL, 0);
	expect_refusal("NetConnection.Connect.InvalidApp");
	end();
}

UNIT(bad_instance_names_are_refused)
{
	begin(NULL, NULL);
	wire_connect(&w, arena, "echo/../x", 0, NULL, 0);
	expect_refusal("NetConnection.Connect.InvalidApp");
	end();
}

UNIT(protocol_that_is_not_allowed_is_refused)
{
	static const char *const some[] = { "protocols=rtmps", NULL };

	begin(NULL, some);
	wire_connect(&w, arena, "echo", 0, NULL, 0);
	expect_refusal("NetConnection.Connect.Rejected");
	end();
}

UNIT(rejection_reaches_the_client_although_it_keeps_sending)
{
	uint8_t noise[4096] = { 0 };

	begin(&fake_script_ops, NULL);
	fake.has_connect = true;
	fake.answer.verdict = SCRIPT_REJECT;
	fake.answer.text = "no";
	wire_connect(&w, arena, "echo", 0, NULL, 0);
	wire_message(&w, 4, MESSAGE_AUDIO, 1, noise, sizeof(noise));
	expect_refusal("NetConnection.Connect.Rejected");
	expect_text(wire_read(&w, arena, 0).args[0], "description",
	    "[ Server.Reject ] : no");
	end();
}

UNIT(redirect_is_sent_with_code_302)
{
	struct command c;

	begin(&fake_script_ops, NULL);
	fake.has_connect = true;
	fake.answer.verdict = SCRIPT_REDIRECT;
	fake.answer.text = "rtmp://b/echo";
	wire_connect(&w, arena, "echo", 0, NULL, 0);
	expect_refusal("NetConnection.Connect.Rejected");
	c = wire_read(&w, arena, 0);
	expect_text(value_get(c.args[0], "ex"), "redirect", "rtmp://b/echo");
	ck_assert_double_eq(
	    value_as_number(value_get(value_get(c.args[0], "ex"), "code"), 0),
	    302);
	end();
}

UNIT(command_before_connect_is_refused)
{
	begin(NULL, NULL);
	wire_command(&w, false, "createStream", 1, NULL, NULL, 0);
	wire_wait_closed(&w);
	ck_assert_uint_eq(w.count, 1);
	ck_assert(value_str_eq(wire_read(&w, arena, 0).name, "close"));
	end();
}

UNIT(second_connect_closes)
{
	begin(NULL, NULL);
	connected(0);
	wire_connect(&w, arena, "echo", 0, NULL, 0);
	wire_wait_closed(&w);
	end();
}

UNIT(connect_that_does_not_come_is_closed_in_time)
{
	static const char *const none[] = { NULL };

	begin(NULL, none);
	/* the limit is a server key */
	ck_assert_int_eq(
	    limits_set((struct limits *)(uintptr_t)application_env(app)->limits,
		LIMIT_CONNECT_TIME, 100),
	    FCS_OK);
	wire_close(&w);
	wire_open(&w, loop, app, "c1", NULL, 0);
	wire_wait_closed(&w);
	end();
}

UNIT(commands_before_the_verdict_are_kept_in_order)
{
	struct script_answer yes = { .verdict = SCRIPT_OK };
	struct value *arg;
	struct command c;

	begin(&fake_script_ops, NULL);
	fake.has_connect = fake.park = fake.has_call = true;
	wire_connect(&w, arena, "echo", 0, NULL, 0);
	wire_command(&w, false, "createStream", 2, NULL, NULL, 0);
	arg = value_number(arena, 5);
	wire_command(&w, false, "echo", 3, NULL, &arg, 1);
	while (fake_parked() == 0)
		loop_turn(loop, 10);
	loop_turn(loop, 10);
	loop_turn(loop, 10);
	ck_assert_uint_eq(w.count, 0);
	fake.park = false;
	ck_assert(fake_answer(&yes));
	wire_wait(&w, 7);
	c = wire_read(&w, arena, 5);
	ck_assert(value_str_eq(c.name, "_result"));
	ck_assert_double_eq(c.txn, 2);
	c = wire_read(&w, arena, 6);
	ck_assert_double_eq(c.txn, 3);
	ck_assert_double_eq(value_as_number(c.args[0], -1), 5);
	/* the script heard of the client before its calls */
	fake_expect("start connect:c1 accepted:c1 echo:c1");
	end();
}

UNIT(too_many_commands_before_the_verdict_close)
{
	int i;

	begin(&fake_script_ops, NULL);
	fake.has_connect = fake.park = true;
	wire_connect(&w, arena, "echo", 0, NULL, 0);
	for (i = 0; i < 65; i++)
		wire_command(&w, false, "echo", 3, NULL, NULL, 0);
	wire_wait_closed(&w);
	end();
}

static int args_seen;

static void
check_args(struct instance *i, const struct script_args *args)
{
	ck_assert_str_eq(instance_name(i), "x");
	ck_assert_uint_eq(args->count, 2);
	ck_assert(value_str_eq(args->values[0]->str, "ann"));
	ck_assert_double_eq(value_as_number(args->values[1], 0), 2);
	args_seen++;
}

UNIT(connect_arguments_reach_the_script)
{
	struct value *args[2];

	begin(&fake_script_ops, NULL);
	fake.has_connect = fake.has_call = true;
	args[0] = value_string(arena, "ann");
	args[1] = value_number(arena, 2);
	fake.on_connect = check_args;
	wire_connect(&w, arena, "echo/x", 0, args, 2);
	wire_wait(&w, 5);
	ck_assert_int_eq(args_seen, 1);
	end();
}

UNIT(unknown_method_is_an_error_and_txn_0_is_silent)
{
	struct command c;

	begin(NULL, NULL);
	connected(0);
	wire_command(&w, false, "nothing", 0, NULL, NULL, 0);
	wire_command(&w, false, "nothing", 4, NULL, NULL, 0);
	wire_wait(&w, 1);
	c = wire_read(&w, arena, 0);
	ck_assert(value_str_eq(c.name, "_error"));
	ck_assert_double_eq(c.txn, 4);
	expect_text(c.args[0], "code", "NetConnection.Call.Failed");
	expect_text(c.args[0], "description", "Method not found (nothing).");
	end();
}

UNIT(bandwidth_checks_are_answered)
{
	const char *const empty[] = { "bandwidth_check=empty", NULL };
	struct command c;

	begin(NULL, empty);
	connected(0);
	wire_command(&w, false, "_checkbw", 0, NULL, NULL, 0);
	wire_command(&w, false, "_checkbw", 2, NULL, NULL, 0);
	wire_command(&w, false, "checkBandwidth", 3, NULL, NULL, 0);
	wire_wait(&w, 3);
	ck_assert_double_eq(wire_read(&w, arena, 0).txn, 2);
	ck_assert_double_eq(wire_read(&w, arena, 1).txn, 3);
	c = wire_read(&w, arena, 2);
	ck_assert(value_str_eq(c.name, "onBWDone"));
	ck_assert_double_eq(c.txn, 0);
	end();
}

UNIT(bandwidth_is_measured_with_growing_calls)
{
	struct value *zero;
	struct command c;
	uint32_t last = 0;
	unsigned calls;

	begin(NULL, NULL);
	connected(0);
	zero = value_number(arena, 0);
	wire_command(&w, false, "checkBandwidth", 3, NULL, NULL, 0);
	wire_wait(&w, 2);
	ck_assert_double_eq(wire_read(&w, arena, 0).txn, 3);
	c = wire_read(&w, arena, 1);
	for (calls = 0; value_str_eq(c.name, "onBWCheck"); calls++) {
		ck_assert_uint_eq(c.arg_count, 1);
		ck_assert_int_eq(c.args[0]->type, VALUE_STRING);
		ck_assert(calls == 0 ? c.args[0]->str.len == 0
				     : c.args[0]->str.len >= last);
		last = c.args[0]->str.len;
		wire_forget(&w);
		wire_command(&w, false, "_result", c.txn, NULL, &zero, 1);
		wire_wait(&w, 1);
		c = wire_read(&w, arena, 0);
	}
	ck_assert_uint_ge(calls, 3);
	ck_assert(value_str_eq(c.name, "onBWDone"));
	ck_assert_uint_eq(c.arg_count, 4);
	ck_assert_double_gt(value_as_number(c.args[0], -1), 0);
	ck_assert_double_gt(value_as_number(c.args[1], -1), 64);
	ck_assert_double_gt(value_as_number(c.args[2], -1), 0);
	ck_assert_double_ge(value_as_number(c.args[3], -1), 0);
	end();
}

UNIT(client_without_the_bandwidth_method_is_done_at_once)
{
	struct command c;

	begin(NULL, NULL);
	connected(0);
	wire_command(&w, false, "checkBandwidth", 0, NULL, NULL, 0);
	wire_wait(&w, 1);
	c = wire_read(&w, arena, 0);
	wire_forget(&w);
	wire_command(&w, false, "_error", c.txn + 1, NULL, NULL, 0);
	wire_command(&w, false, "_error", c.txn, NULL, NULL, 0);
	wire_wait(&w, 1);
	c = wire_read(&w, arena, 0);
	ck_assert(value_str_eq(c.name, "onBWDone"));
	ck_assert_double_eq(value_as_number(c.args[0], -1), 0);
	end();
}

UNIT(bandwidth_check_may_be_off)
{
	const char *const off[] = { "bandwidth_check=off", NULL };

	begin(NULL, off);
	connected(0);
	wire_command(&w, false, "checkBandwidth", 3, NULL, NULL, 0);
	wire_wait(&w, 1);
	ck_assert(value_str_eq(wire_read(&w, arena, 0).name, "_error"));
	end();
}

UNIT(exposed_method_replaces_a_built_in_answer)
{
	struct value *arg;
	struct command c;

	begin(&fake_script_ops, NULL);
	fake.has_call = true;
	connected(0);
	arg = value_number(arena, 9);
	wire_command(&w, false, "_checkbw", 2, NULL, &arg, 1);
	wire_wait(&w, 1);
	c = wire_read(&w, arena, 0);
	ck_assert_double_eq(value_as_number(c.args[0], -1), 9);
	end();
}

UNIT(malformed_command_is_dropped_with_an_error_when_it_can_be)
{
	/* "f", 5, null, then an object cut short */
	static const uint8_t bad[] = { 2, 0, 1, 'f', 0, 0x40, 0x14, 0, 0, 0, 0,
		0, 0, 5, 3, 0, 9, 'x' };
	struct command c;

	begin(NULL, NULL);
	connected(0);
	wire_message(&w, 3, MESSAGE_COMMAND, 0, bad, 3); /* not even a name */
	wire_message(&w, 3, MESSAGE_COMMAND, 0, bad, sizeof(bad));
	wire_wait(&w, 1);
	c = wire_read(&w, arena, 0);
	ck_assert(value_str_eq(c.name, "_error"));
	ck_assert_double_eq(c.txn, 5);
	wire_forget(&w);
	wire_command(&w, false, "nothing", 6, NULL, NULL, 0);
	wire_wait(&w, 1);
	end();
}

UNIT(deeply_nested_value_is_dropped_and_the_client_stays)
{
	uint8_t deep[3 + 9 + 100000];
	struct command c;

	begin(NULL, NULL);
	connected(0);
	memset(deep, 0, sizeof(deep));
	memcpy(deep, "\2\0\1f\0\100\0\0\0\0\0\0\0\5", 14);
	{
		size_t at;

		/* arrays of one element in each other */
		for (at = 14; at + 5 <= sizeof(deep); at += 5)
			memcpy(deep + at, "\12\0\0\0\1", 5);
	}
	wire_message(&w, 3, MESSAGE_COMMAND, 0, deep, sizeof(deep));
	wire_wait(&w, 1);
	c = wire_read(&w, arena, 0);
	ck_assert(value_str_eq(c.name, "_error"));
	ck_assert_double_eq(c.txn, 2);
	end();
}

UNIT(broken_framing_ends_the_session)
{
	begin(NULL, NULL);
	connected(0);
	wire_message(
	    &w, 2, MESSAGE_CHUNK_SIZE, 0, (const uint8_t *)"\0\0\0\0", 4);
	wire_wait_closed(&w);
	end();
}

UNIT(message_longer_than_the_limit_ends_the_session)
{
	begin(NULL, NULL);
	connected(0);
	wire_raw(&w, "\003\0\0\0\377\377\377\024\0\0\0\0abc", 15);
	wire_wait_closed(&w);
	end();
}

static struct client *
client_of(const char *inst)
{
	struct err why;
	struct instance *i = application_instance(app, inst, false, &why);

	ck_assert_ptr_nonnull(i);
	return instance_client(i, "c1");
}

UNIT(server_calls_the_client_and_gets_the_answer)
{
	struct value *arg;
	struct command c;

	begin(&fake_script_ops, NULL);
	connected(0);
	fake_trace[0] = '\0';
	ck_assert_int_eq(
	    client_call(client_of("_definst_"), "name", NULL, 0, 7), FCS_OK);
	wire_wait(&w, 1);
	c = wire_read(&w, arena, 0);
	ck_assert(value_str_eq(c.name, "name"));
	ck_assert_double_gt(c.txn, 0);
	arg = value_number(arena, 3);
	wire_command(&w, false, "_result", c.txn, NULL, &arg, 1);
	while (fake_trace[0] == '\0')
		loop_turn(loop, 10);
	fake_expect("resolve7=3");
	end();
}

UNIT(disconnect_tells_the_client_why)
{
	struct command c;

	begin(NULL, NULL);
	connected(0);
	client_disconnect(
	    client_of("_definst_"), STATUS_CONNECT_CLOSED, "enough");
	wire_wait_closed(&w);
	c = wire_read(&w, arena, 0);
	ck_assert(value_str_eq(c.name, "onStatus"));
	expect_text(c.args[0], "code", "NetConnection.Connect.Closed");
	expect_text(c.args[0], "description", "enough");
	end();
}

UNIT(idle_client_is_told_and_closed)
{
	static const char *const idle[] = { "idle_client=40ms", NULL };
	struct command c;

	begin(NULL, idle);
	connected(0);
	wire_wait_closed(&w);
	c = wire_read(&w, arena, 0);
	expect_text(c.args[0], "code", "NetConnection.Connect.IdleTimeout");
	end();
}

static void
stopped(void *arg)
{
	*(bool *)arg = true;
}

UNIT(stopping_tells_every_client_app_shutdown)
{
	bool done = false;
	struct command c;
	int i;

	begin(&fake_script_ops, NULL);
	connected(0);
	application_stop(app, "shutdown", stopped, &done);
	wire_wait_closed(&w);
	c = wire_read(&w, arena, 0);
	expect_text(c.args[0], "code", "NetConnection.Connect.AppShutdown");
	expect_text(c.args[0], "level", "error");
	for (i = 0; i < 100 && !done; i++)
		loop_turn(loop, 10);
	ck_assert(done);
	end();
}

UNIT(command_names_with_control_characters_are_ignored)
{
	begin(&fake_script_ops, NULL);
	fake.has_call = true;
	connected(0);
	fake_trace[0] = '\0';
	wire_command(&w, false, "a\nb", 3, NULL, NULL, 0);
	wire_command(&w, false, "ok", 4, NULL, NULL, 0);
	wire_wait(&w, 1);
	fake_expect("ok:c1");
	end();
}

UNIT(flood_of_commands_pauses_its_reader_only)
{
	int64_t before;
	int i;

	begin(NULL, NULL);
	ck_assert_int_eq(
	    limits_set((struct limits *)(uintptr_t)application_env(app)->limits,
		LIMIT_COMMANDS_PER_SECOND, 10),
	    FCS_OK);
	connected(0);
	before = clock_ms();
	for (i = 0; i < 15; i++)
		wire_command(&w, false, "f", 2, NULL, NULL, 0);
	wire_wait(&w, 15);
	wire_command(&w, false, "f", 3, NULL, NULL, 0);
	wire_wait(&w, 16);
	ck_assert_int_ge(clock_ms() - before, 500);
	end();
}

static void
so_message(const char *hex)
{
	size_t len;
	uint8_t *p = unit_hex(hex, &len);

	wire_message(&w, 3, MESSAGE_SO, 0, p, len);
	free(p);
}

static void
expect_so(unsigned n, const char *hex)
{
	size_t len;
	uint8_t *p = unit_hex(hex, &len);

	ck_assert_uint_lt(n, w.count);
	ck_assert_int_eq(w.kept[n].type, MESSAGE_SO);
	ck_assert_uint_eq(w.kept[n].csid, 3);
	ck_assert_uint_eq(w.kept[n].len, len);
	ck_assert_mem_eq(w.kept[n].payload, p, len);
	free(p);
}

#define CHAT "000463686174"

/* wire-protocol 4.5, D1 and D2; then a change and a call between the two */
UNIT(shared_object_and_calls_share_a_session_in_order)
{
	static const char *const any[] = { "shared_objects.undeclared=any",
		NULL };
	struct command c;

	begin(NULL, any);
	connected(0);
	so_message(CHAT "00000000 0000000000000000 01 00000000");
	wire_wait(&w, 1);
	expect_so(0, CHAT "00000001 0000000000000000 0b 00000000 08 00000000");
	so_message(CHAT "00000001 0000000000000000"
			"03 0000000c 00016e 004010000000000000");
	wire_command(&w, false, "nothing", 5, NULL, NULL, 0);
	wire_wait(&w, 3);
	c = wire_read(&w, arena, w.kept[1].type == MESSAGE_SO ? 2 : 1);
	ck_assert_double_eq(c.txn, 5);
	expect_so(w.kept[1].type == MESSAGE_SO ? 1 : 2,
	    CHAT "00000002 0000000000000000 05 00000003 00016e");
	end();
}

UNIT(malformed_shared_object_message_is_the_sender_s_affair)
{
	static const char *const any[] = { "shared_objects.undeclared=any",
		NULL };

	begin(NULL, any);
	connected(0);
	so_message("00ff 41"); /* a name longer than the message */
	wire_command(&w, false, "nothing", 5, NULL, NULL, 0);
	wire_wait_closed(&w);
	end();
}

static void
stream_command(uint32_t msid, const char *name, const char *text)
{
	struct value *arg = value_string(arena, text);
	struct buf b;

	buf_init(&b, 0);
	ck_assert_int_eq(
	    command_write(&b, false, name, 0, NULL, &arg, 1), FCS_OK);
	wire_message(&w, 8, MESSAGE_COMMAND, msid, buf_data(&b), buf_len(&b));
	buf_fini(&b);
}

static void
create_stream(void)
{
	struct command c;

	wire_command(&w, false, "createStream", 2, NULL, NULL, 0);
	wire_wait(&w, 1);
	c = wire_read(&w, arena, 0);
	ck_assert(value_str_eq(c.name, "_result"));
	ck_assert_double_eq(value_as_number(c.args[0], 0), 1);
	wire_forget(&w);
}

/* The protocol says a number, not a small one. */
UNIT(stream_length_is_answered_with_any_transaction_id)
{
	static const double txns[] = { 7.5, -3, 1e300, INFINITY };
	struct value *name;
	unsigned i;

	begin(NULL, NULL);
	connected(0);
	name = value_string(arena, "nothing");
	for (i = 0; i < sizeof(txns) / sizeof(txns[0]); i++) {
		wire_command(
		    &w, false, "getStreamLength", txns[i], NULL, &name, 1);
		wire_wait(&w, 1);
		ck_assert_double_eq(wire_read(&w, arena, 0).txn, txns[i]);
		wire_forget(&w);
	}
	end();
}

/* Ids of streams are used again, answers of a script may come late. */
UNIT(late_verdict_does_not_count_for_the_next_stream_of_that_id)
{
	const struct script_answer yes = { .verdict = SCRIPT_OK };
	const struct script_answer no = { .verdict = SCRIPT_REJECT };
	struct value *one;

	begin(&fake_script_ops, NULL);
	connected(0);
	fake.has_publish = fake.park = true;
	create_stream();
	stream_command(1, "publish", "mine");
	one = value_number(arena, 1);
	wire_command(&w, false, "deleteStream", 0, NULL, &one, 1);
	create_stream();
	stream_command(1, "publish", "theirs");
	wire_command(&w, false, "createStream", 2, NULL, NULL, 0);
	wire_wait(&w, 1);
	wire_forget(&w);
	ck_assert_uint_eq(fake_parked(), 2);
	ck_assert(fake_answer(&yes));
	loop_turn(loop, 0);
	ck_assert_uint_eq(w.count, 0);
	ck_assert(fake_answer(&no));
	wire_wait(&w, 1);
	expect_text(wire_read(&w, arena, 0).args[0], "code",
	    "NetStream.Publish.BadName");
	end();
}

UNIT_MAIN
