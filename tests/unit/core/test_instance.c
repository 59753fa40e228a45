/* SPDX-License-Identifier: BSD-2-Clause */
/* instance, client - the life cycle with a fake script and fake clients. */
#include "base/clock.h"
#include "codec/command.h"
#include "core/live.h"
#include "tests/lib/unit.h"
#include "tests/unit/core/fake.h"

#define SENT_MAX 128

/* A client with what was done to it. */
struct who {
	struct client *client;
	int accepted, rejected, closed;
	char code[64], description[160], application[160], redirect[64];
	char why[160];
	char sent[512];  /* names of commands */
	double txn;      /* of the last command */
	char error[160]; /* description of the last _error or status */
	double result;
};

static struct loop *loop;
static struct application *app;
static struct application_module module;
static int module_opens, module_closes, module_stops, module_gone;

static void
copy_str(char *out, size_t size, const struct value *v)
{
	out[0] = '\0';
	if (v != NULL && v->type == VALUE_STRING)
		(void)snprintf(out, size, "%.*s", (int)v->str.len, v->str.ptr);
}

static int
on_send(
    void *impl, uint8_t type, uint32_t msid, const uint8_t *payload, size_t len)
{
	struct who *w = impl;
	struct arena *a = arena_new(0);
	struct message m = {
		.type = type, .msid = msid, .payload = payload, .len = len
	};
	struct command cmd;

	ck_assert_int_eq(command_read(a, &m, &cmd), FCS_OK);
	(void)snprintf(w->sent + strlen(w->sent),
	    sizeof(w->sent) - strlen(w->sent), "%s%.*s",
	    w->sent[0] == '\0' ? "" : " ", (int)cmd.name.len, cmd.name.ptr);
	w->txn = cmd.txn;
	if (cmd.arg_count > 0) {
		w->result = value_as_number(cmd.args[0], -1);
		copy_str(w->error, sizeof(w->error),
		    value_get(cmd.args[0], "description"));
		copy_str(
		    w->code, sizeof(w->code), value_get(cmd.args[0], "code"));
	}
	arena_free(a);
	return FCS_OK;
}

static void
on_accepted(void *impl)
{
	struct who *w = impl;

	w->accepted++;
	fake_note("success:%s", client_id(w->client));
}

static void
on_rejected(void *impl, const struct value *info)
{
	struct who *w = impl;

	w->rejected++;
	copy_str(w->code, sizeof(w->code), value_get(info, "code"));
	copy_str(w->description, sizeof(w->description),
	    value_get(info, "description"));
	copy_str(w->application, sizeof(w->application),
	    value_get(value_get(info, "application"), "message"));
	copy_str(w->redirect, sizeof(w->redirect),
	    value_get(value_get(info, "ex"), "redirect"));
}

static void
on_close(void *impl, const char *why)
{
	struct who *w = impl;

	w->closed++;
	(void)snprintf(w->why, sizeof(w->why), "%s", why);
}

static void
on_stats(void *impl, uint64_t *in, uint64_t *out, int *rtt)
{
	(void)impl;
	*in = 10;
	*out = 20;
	*rtt = -1;
}

static const struct client_ops ops = { .send = on_send,
	.accepted = on_accepted,
	.rejected = on_rejected,
	.close = on_close,
	.stats = on_stats };

static void *
module_open(struct instance *i)
{
	module_opens++;
	return i;
}

static void
module_client_gone(void *state, struct client *c)
{
	(void)state;
	(void)c;
	module_gone++;
	fake_note("module_gone");
}

static void
module_stop(void *state, void (*done)(void *), void *arg)
{
	(void)state;
	module_stops++;
	done(arg);
}

static void
module_close(void *state)
{
	(void)state;
	module_closes++;
}

static void
begin(const struct script_ops *script, const char *const *settings)
{
	fake_reset();
	loop = loop_new();
	app = fake_app(loop, script, settings);
	module.open = module_open;
	module.client_gone = module_client_gone;
	module.stop = module_stop;
	module.close = module_close;
	application_set_module(app, MODULE_LIVE, &module);
}

static void
end(void)
{
	fake_app_free(app);
	loop_turn(loop, 0);
	loop_free(loop);
}

static struct instance *
instance(const char *name)
{
	struct err why;
	struct instance *i = application_instance(app, name, true, &why);

	ck_assert_ptr_nonnull(i);
	return i;
}

static void
join(struct instance *i, struct who *w, const char *id)
{
	struct client_info info = {
		.id = id, .ip = "127.0.0.1", .protocol = "rtmp"
	};

	memset(w, 0, sizeof(*w));
	w->client = client_new(&info, &ops, w);
	ck_assert_ptr_nonnull(w->client);
	instance_connect(i, w->client, NULL, 0);
}

static void
turn(void)
{
	loop_turn(loop, 0);
}

static void
turn_until(const int *flag, int value)
{
	int n;

	for (n = 0; n < 2000 && *flag < value; n++)
		loop_turn(loop, 10);
	ck_assert_int_ge(*flag, value);
}

static void
leave(struct who *w)
{
	client_lost(w->client);
	w->client = NULL;
	turn();
}

static void
stopped(void *arg)
{
	++*(int *)arg;
}

UNIT(application_without_script_accepts_everybody)
{
	struct who a;

	begin(NULL, NULL);
	join(instance("_definst_"), &a, "c1");
	ck_assert_int_eq(a.accepted, 1);
	ck_assert_str_eq(
	    instance_full_name(instance("_definst_")), "echo/_definst_");
	ck_assert_uint_eq(instance_client_count(instance("_definst_")), 1);
	leave(&a);
	ck_assert_uint_eq(instance_client_count(instance("_definst_")), 0);
	end();
}

UNIT(first_connect_starts_the_script_and_waits_for_it)
{
	struct who a, b;
	struct instance *i;

	begin(&fake_script_ops, NULL);
	fake.has_connect = fake.park_start = true;
	i = instance("blue");
	join(i, &a, "c1");
	join(i, &b, "c2");
	turn();
	fake_expect("start");
	ck_assert_int_eq(instance_state(i), INSTANCE_STARTING);
	ck_assert_int_eq(a.accepted, 0);
	fake_finish(true);
	turn();
	fake_expect("connect:c1 success:c1 accepted:c1 "
		    "connect:c2 success:c2 accepted:c2");
	ck_assert_int_eq(fake.opened, 1);
	leave(&a);
	fake_expect("module_gone disconnect:c1");
	leave(&b);
	end();
}

UNIT(rejection_carries_reason_and_value)
{
	struct who a;

	begin(&fake_script_ops, NULL);
	fake.has_connect = true;
	fake.answer.verdict = SCRIPT_REJECT;
	fake.answer.text = "members only";
	join(instance("x"), &a, "c1");
	turn();
	ck_assert_int_eq(a.rejected, 1);
	ck_assert_str_eq(a.code, "NetConnection.Connect.Rejected");
	ck_assert_str_eq(a.description, "[ Server.Reject ] : members only");
	ck_assert_str_eq(a.application, "members only");
	fake_trace[0] = '\0';
	leave(&a);
	/* never accepted: no word of it to the script */
	fake_expect("module_gone");
	end();
}

UNIT(redirect_carries_the_url)
{
	struct who a;

	begin(&fake_script_ops, NULL);
	fake.has_connect = true;
	fake.answer.verdict = SCRIPT_REDIRECT;
	fake.answer.text = "rtmp://other/app";
	join(instance("x"), &a, "c1");
	turn();
	ck_assert_str_eq(a.redirect, "rtmp://other/app");
	leave(&a);
	end();
}

UNIT(held_connect_is_decided_later_or_refused_in_time)
{
	struct script_answer answer = { .verdict = SCRIPT_HOLD, .start = 0.05 };
	struct script_answer yes = { .verdict = SCRIPT_OK };
	struct instance *i;
	struct who a, b;

	begin(&fake_script_ops, NULL);
	fake.has_connect = true;
	fake.answer = answer;
	i = instance("x");
	join(i, &a, "c1");
	join(i, &b, "c2");
	turn();
	ck_assert_int_eq(a.accepted + a.rejected, 0);
	ck_assert_int_eq(instance_decide(i, a.client, &yes), FCS_OK);
	ck_assert_int_eq(instance_decide(i, a.client, &yes), FCS_ENOENT);
	ck_assert_int_eq(a.accepted, 1);
	turn_until(&b.rejected, 1);
	ck_assert_str_eq(b.application, "nobody decided in time");
	leave(&a);
	leave(&b);
	end();
}

UNIT(verdict_after_the_client_left_is_dropped)
{
	struct script_answer yes = { .verdict = SCRIPT_OK };
	struct who a;

	begin(&fake_script_ops, NULL);
	fake.has_connect = fake.park = true;
	join(instance("x"), &a, "c1");
	turn();
	ck_assert_uint_eq(fake_parked(), 1);
	leave(&a);
	ck_assert(fake_answer(&yes));
	turn();
	ck_assert_int_eq(a.accepted, 0);
	end();
}

UNIT(failed_start_refuses_with_a_reference_and_backs_off)
{
	struct who a, b;
	struct instance *i;

	begin(&fake_script_ops, NULL);
	fake.open_result = FCS_EFORMAT;
	i = instance("x");
	join(i, &a, "c1");
	turn();
	ck_assert_int_eq(a.rejected, 1);
	ck_assert_str_eq(a.code, "NetConnection.Connect.Failed");
	ck_assert_ptr_nonnull(strstr(a.description, "failed to start (ref "));
	fake.open_result = FCS_OK;
	join(i, &b, "c2"); /* within the pause */
	ck_assert_int_eq(b.rejected, 1);
	ck_assert_str_eq(b.description, a.description);
	ck_assert_int_eq(fake.opened, 0);
	leave(&a);
	leave(&b);
	end();
}

static void
drop_a_client(struct instance *i, const struct script_args *args)
{
	struct client *c = instance_client(i, args->client);

	fake_note("in");
	client_disconnect(c, STATUS_CONNECT_CLOSED, "enough");
	client_lost(c); /* as a connection that breaks this moment */
	fake_note("out");
}

static int64_t fake_now_us;

static int64_t
fake_clock(void *arg)
{
	(void)arg;
	return fake_now_us;
}

/* The reason of a refused connect, which names the attempt. */
static void
refused_for(struct instance *i, char *out, size_t cap)
{
	struct who a;

	join(i, &a, "c1");
	turn();
	ck_assert_int_eq(a.rejected, 1);
	(void)snprintf(out, cap, "%s", a.description);
	leave(&a);
	turn();
}

UNIT(failed_starts_are_tried_again_after_1_2_4_to_60_seconds)
{
	static const struct clock_source source = { fake_clock, fake_clock,
		NULL };
	static const char *const stay[] = { "idle_unload=0", NULL };
	static const unsigned pauses_s[] = { 1, 2, 4, 8, 16, 32, 60, 60 };
	char before[200], after[200];
	struct instance *i;
	struct who a;
	size_t n;

	fake_now_us = 1000000000;
	clock_set(&source);
	begin(&fake_script_ops, stay);
	fake.open_result = FCS_EFORMAT;
	i = instance("x");
	refused_for(i, before, sizeof(before));
	for (n = 0; n < sizeof(pauses_s) / sizeof(pauses_s[0]); n++) {
		fake_now_us += (int64_t)pauses_s[n] * 1000000 - 1000;
		turn();
		refused_for(i, after, sizeof(after));
		ck_assert_msg(strcmp(before, after) == 0, "%zu: early", n);
		fake_now_us += 1000;
		turn();
		refused_for(i, after, sizeof(after));
		ck_assert_msg(strcmp(before, after) != 0, "%zu: late", n);
		(void)strcpy(before, after);
	}
	fake.open_result = FCS_OK;
	fake_now_us += 60000000;
	turn();
	join(i, &a, "c1");
	turn();
	ck_assert_int_eq(a.accepted, 1);
	leave(&a);
	end();
	clock_set(NULL);
}

UNIT(nothing_enters_the_script_while_it_runs)
{
	struct who a;

	begin(&fake_script_ops, NULL);
	fake.has_call = true;
	join(instance("x"), &a, "c1");
	turn();
	fake_trace[0] = '\0';
	fake.inside = drop_a_client;
	instance_call(instance("x"), a.client, "m", 1, NULL, 0);
	fake_expect("m:c1 in module_gone out");
	turn();
	fake_expect("disconnect:c1");
	ck_assert_str_eq(a.code, "NetConnection.Connect.Closed");
	end();
}

UNIT(calls_are_answered_once_with_value_or_error)
{
	struct script_answer answer = { .verdict = SCRIPT_OK };
	struct arena *arena = arena_new(0);
	struct value *arg = value_number(arena, 7);
	struct instance *i;
	struct who a;

	begin(&fake_script_ops, NULL);
	fake.has_call = true;
	i = instance("x");
	join(i, &a, "c1");
	turn();
	instance_call(i, a.client, "echo", 2, &arg, 1);
	ck_assert_str_eq(a.sent, "_result");
	ck_assert_double_eq(a.txn, 2);
	ck_assert_double_eq(a.result, 7);
	instance_call(i, a.client, "echo", 0, &arg, 1); /* no answer wanted */
	ck_assert_str_eq(a.sent, "_result");
	instance_call(i, a.client, "nothing", 3, &arg, 1);
	ck_assert_str_eq(a.sent, "_result _error");
	ck_assert_str_eq(a.error, "Method not found (nothing).");
	ck_assert_str_eq(a.code, "NetConnection.Call.Failed");
	fake.park = true;
	instance_call(i, a.client, "slow", 4, NULL, 0);
	answer.verdict = SCRIPT_FAILED;
	answer.text = "Script error (ref abc)";
	ck_assert(fake_answer(&answer));
	ck_assert_double_eq(a.txn, 4);
	ck_assert_str_eq(a.error, "Script error (ref abc)");
	leave(&a);
	arena_free(arena);
	end();
}

UNIT(answers_of_the_client_reach_the_script_and_leaving_fails_them)
{
	struct arena *arena = arena_new(0);
	struct value *seven = value_number(arena, 7);
	struct who a;

	begin(&fake_script_ops, NULL);
	join(instance("x"), &a, "c1");
	turn();
	fake_trace[0] = '\0';
	ck_assert_int_eq(client_call(a.client, "name", NULL, 0, 41), FCS_OK);
	ck_assert_double_gt(a.txn, 0);
	ck_assert_int_eq(client_call(a.client, "name", NULL, 0, 42), FCS_OK);
	client_answered(a.client, a.txn - 1, true, &seven, 1);
	client_answered(a.client, a.txn - 1, true, &seven, 1); /* twice */
	fake_expect("resolve41=7");
	leave(&a);
	fake_expect("module_gone resolve42!ClientGone disconnect:c1");
	arena_free(arena);
	end();
}

UNIT(calls_to_a_client_are_limited)
{
	static const char *const few[] = { "script.calls=2", NULL };
	struct who a;

	begin(&fake_script_ops, few);
	join(instance("x"), &a, "c1");
	turn();
	ck_assert_int_eq(client_call(a.client, "m", NULL, 0, 1), FCS_OK);
	ck_assert_int_eq(client_call(a.client, "m", NULL, 0, 2), FCS_OK);
	ck_assert_int_eq(client_call(a.client, "m", NULL, 0, 3), FCS_ELIMIT);
	leave(&a);
	end();
}

UNIT(emissions_wait_for_the_commit_in_order)
{
	struct instance *i;
	struct who a;

	begin(&fake_script_ops, NULL);
	i = instance("x");
	join(i, &a, "c1");
	turn();
	ck_assert_int_eq(client_tell(a.client, "one", NULL, 0), FCS_OK);
	instance_raise_barrier(i, 5);
	ck_assert_int_eq(client_tell(a.client, "two", NULL, 0), FCS_OK);
	ck_assert_str_eq(a.sent, "one");
	instance_durable(i, 4);
	ck_assert_str_eq(a.sent, "one");
	instance_raise_barrier(i, 6);
	ck_assert_int_eq(client_tell(a.client, "three", NULL, 0), FCS_OK);
	instance_durable(i, 5);
	ck_assert_str_eq(a.sent, "one two");
	client_disconnect(a.client, STATUS_CONNECT_CLOSED, "bye");
	ck_assert_int_eq(a.closed, 0);
	instance_durable(i, 6);
	ck_assert_str_eq(a.sent, "one two three onStatus");
	ck_assert_int_eq(a.closed, 1);
	ck_assert_uint_eq(instance_barrier(i), 0);
	leave(&a);
	end();
}

UNIT(nothing_is_said_of_a_write_that_was_lost)
{
	struct instance *i;
	struct value *yes;
	struct arena *m;
	struct who a;

	begin(NULL, NULL);
	m = arena_new(0);
	yes = value_bool(m, true);
	i = instance("x");
	join(i, &a, "c1");
	turn();
	instance_raise_barrier(i, 5);
	ck_assert_int_eq(client_result(a.client, 7, yes), FCS_OK);
	instance_raise_barrier(i, 6);
	ck_assert_int_eq(client_tell(a.client, "stored", NULL, 0), FCS_OK);
	ck_assert_int_eq(client_result(a.client, 8, yes), FCS_OK);
	instance_not_durable(i, 6, "the change could not be stored");
	ck_assert_str_eq(a.sent, "");
	instance_durable(i, 6);
	ck_assert_str_eq(a.sent, "_result _error");
	leave(&a);
	arena_free(m);
	end();
}

static char decided[64];

static void
on_decided(struct instance *i, uint64_t owner, uint64_t extra,
    const struct script_answer *a)
{
	(void)i;
	(void)owner;
	(void)extra;
	(void)snprintf(decided, sizeof(decided), "%d %s", (int)a->verdict,
	    a->replace == NULL ? "-" : a->replace);
}

static void
write_5(struct instance *i, const struct script_args *args)
{
	(void)args;
	instance_raise_barrier(i, 5);
}

static void
ask_publish(struct instance *i)
{
	struct script_args args = { .client = "c1", .name = "live" };

	decided[0] = '\0';
	instance_ask(i, SCRIPT_MAY_PUBLISH, &args, true, on_decided, 1, 2);
}

UNIT(verdict_waits_for_what_its_handler_wrote)
{
	struct instance *i;
	struct who a;

	begin(&fake_script_ops, NULL);
	fake.has_publish = true;
	i = instance("x");
	join(i, &a, "c1");
	turn();
	fake.answer.replace = "other";
	ask_publish(i);
	ck_assert_str_eq(decided, "0 other");
	fake.inside = write_5;
	ask_publish(i);
	ck_assert_str_eq(decided, "");
	instance_durable(i, 5);
	ck_assert_str_eq(decided, "0 other");
	/* nothing is allowed by a handler whose write was lost */
	fake.inside = NULL;
	instance_raise_barrier(i, 6);
	ask_publish(i);
	instance_not_durable(i, 6, "lost");
	ck_assert_str_eq(decided, "3 -");
	instance_durable(i, 6);
	/* nor by one that is gone before */
	instance_raise_barrier(i, 7);
	ask_publish(i);
	instance_script_lost(i, "test");
	turn();
	ck_assert_str_eq(decided, "6 -");
	fake.answer.replace = NULL;
	instance_durable(i, 7);
	leave(&a);
	end();
}

static int heard;

static void
on_live_packet(void *arg, struct packet *p, bool flush)
{
	(void)arg;
	(void)flush;
	heard += p->type == MESSAGE_DATA;
}

static void
on_live_change(void *arg)
{
	(void)arg;
}

UNIT(what_a_script_tells_on_a_stream_waits_for_its_write)
{
	static const struct live_sink_ops live_ops = { .packet = on_live_packet,
		.begin = on_live_change,
		.end = on_live_change };
	static const uint8_t hi[] = { 2, 0, 2, 'h', 'i' };
	struct live_publisher pub = { .client = "", .type = "live" };
	struct live_sink sink = { .ops = &live_ops };
	struct instance *i;
	struct live *lv;

	begin(NULL, NULL);
	application_set_module(app, MODULE_LIVE, &live_module);
	i = instance("x");
	lv = live_find(i, "s", true);
	ck_assert_int_eq(live_publish(lv, &pub), FCS_OK);
	live_attach(lv, &sink, false);
	ck_assert_int_eq(live_tell(lv, hi, sizeof(hi)), FCS_OK);
	ck_assert_int_eq(heard, 1);
	instance_raise_barrier(i, 5);
	ck_assert_int_eq(live_tell(lv, hi, sizeof(hi)), FCS_OK);
	ck_assert_int_eq(heard, 1);
	instance_durable(i, 4);
	ck_assert_int_eq(heard, 1);
	instance_durable(i, 5);
	ck_assert_int_eq(heard, 2);
	instance_raise_barrier(i, 6);
	ck_assert_int_eq(live_tell(lv, hi, sizeof(hi)), FCS_OK);
	instance_not_durable(i, 6, "lost");
	instance_durable(i, 6);
	ck_assert_int_eq(heard, 2);
	live_detach(&sink);
	live_unpublish(lv);
	end();
}

static void
write_something(struct instance *i, const struct script_args *args)
{
	(void)args;
	instance_raise_barrier(i, 9);
	ck_assert_int_eq(
	    client_tell(instance_client(i, "c1"), "hi", NULL, 0), FCS_OK);
}

UNIT(success_waits_for_what_the_connect_handler_wrote)
{
	struct instance *i;
	struct who a;

	begin(&fake_script_ops, NULL);
	fake.has_connect = true;
	i = instance("x");
	instance_start(i);
	turn();
	fake.inside = write_something;
	join(i, &a, "c1");
	turn();
	ck_assert_int_eq(a.accepted, 0);
	instance_durable(i, 9);
	ck_assert_int_eq(a.accepted, 1);
	ck_assert_str_eq(a.sent, "hi"); /* after the success */
	leave(&a);
	end();
}

UNIT(connect_whose_write_was_lost_is_refused)
{
	struct instance *i;
	struct who a, b;

	begin(&fake_script_ops, NULL);
	fake.has_connect = true;
	i = instance("x");
	instance_start(i);
	turn();
	fake.inside = write_something;
	join(i, &a, "c1");
	turn();
	instance_not_durable(i, 9, "the change could not be stored");
	ck_assert_int_eq(a.accepted + a.rejected, 0);
	instance_durable(i, 9);
	turn();
	ck_assert_int_eq(a.accepted, 0);
	ck_assert_int_eq(a.rejected, 1);
	ck_assert_str_eq(a.code, "NetConnection.Connect.Rejected");
	ck_assert_str_eq(a.sent, "");
	ck_assert_uint_eq(instance_client_count(i), 0);
	ck_assert_uint_eq(instance_stats(i)->rejects, 1);
	leave(&a);
	/* the next one is as welcome as ever, and no handler heard of it */
	join(i, &b, "c2");
	turn();
	ck_assert_int_eq(b.accepted, 1);
	ck_assert_ptr_null(strstr(fake_trace, "accepted:c1"));
	leave(&b);
	end();
}

UNIT(lost_script_ends_its_instance_only_and_starts_again_later)
{
	struct instance *i, *other;
	struct who a, b, c, d;

	begin(&fake_script_ops, NULL);
	fake.has_call = true;
	i = instance("x");
	other = instance("y");
	join(i, &a, "c1");
	join(i, &b, "c2");
	join(other, &c, "c3");
	turn();
	fake.park = true;
	instance_call(i, b.client, "slow", 8, NULL, 0);
	fake.park = false;
	fake.lose = true;
	instance_call(i, a.client, "loop", 9, NULL, 0);
	turn();
	/* both calls are answered, then the end is told */
	ck_assert_str_eq(a.sent, "_error onStatus");
	ck_assert_str_eq(b.sent, "_error onStatus");
	ck_assert_str_eq(a.code, "NetConnection.Connect.AppShutdown");
	ck_assert_int_eq(a.closed, 1);
	ck_assert_int_eq(c.closed, 0);
	ck_assert_uint_eq(instance_stats(i)->overruns, 1);
	leave(&a);
	leave(&b);
	turn();
	turn();
	ck_assert_int_eq(instance_state(i), INSTANCE_NEW);
	ck_assert_int_eq(fake.closed, 1);
	join(i, &d, "c4"); /* within the pause */
	ck_assert_str_eq(d.code, "NetConnection.Connect.Failed");
	leave(&d);
	ck_assert_int_eq(instance_state(other), INSTANCE_RUNNING);
	leave(&c);
	end();
}

UNIT(three_overruns_within_a_minute_disable_the_instance)
{
	static const struct clock_source source = { fake_clock, fake_clock,
		NULL };
	struct instance *i;
	struct who a;
	int n, k;

	fake_now_us = 1000000000;
	clock_set(&source);
	begin(&fake_script_ops, NULL);
	fake.has_call = true;
	i = instance("x");
	for (n = 0; n < 3; n++) {
		ck_assert_int_eq(instance_state(i), INSTANCE_NEW);
		join(i, &a, "c1");
		turn();
		ck_assert_int_eq(a.accepted, 1);
		fake.lose = true;
		instance_call(i, a.client, "loop", 9, NULL, 0);
		turn();
		leave(&a);
		for (k = 0; k < 5; k++)
			turn();
		fake_now_us += 5000000;
		turn();
	}
	ck_assert_int_eq(instance_state(i), INSTANCE_DISABLED);
	fake_now_us += 3600000000;
	turn();
	join(i, &a, "c1");
	ck_assert_str_eq(a.code, "NetConnection.Connect.Failed");
	leave(&a);
	end();
	clock_set(NULL);
}

UNIT(stop_runs_the_handler_tells_the_clients_and_flushes)
{
	struct who a;
	int done = 0;

	begin(&fake_script_ops, NULL);
	join(instance("x"), &a, "c1");
	turn();
	fake_trace[0] = '\0';
	application_stop(app, "shutdown", stopped, &done);
	turn();
	ck_assert_str_eq(a.sent, "onStatus");
	ck_assert_str_eq(a.code, "NetConnection.Connect.AppShutdown");
	ck_assert_int_eq(a.closed, 1);
	ck_assert_int_eq(done, 0);
	leave(&a);
	turn_until(&done, 1);
	fake_expect("stop(shutdown) module_gone disconnect:c1");
	ck_assert_int_eq(module_stops, 1);
	ck_assert_int_eq(module_closes, module_opens);
	ck_assert_int_eq(fake.closed, 1);
	ck_assert_uint_eq(application_count(app), 0);
	end();
}

UNIT(idle_instance_is_unloaded_unless_the_script_objects)
{
	static const char *const fast[] = { "idle_unload=30ms", NULL };
	struct who a;
	int n;

	begin(&fake_script_ops, fast);
	fake.has_unload = true;
	fake.answer.verdict = SCRIPT_REJECT;
	join(instance("x"), &a, "c1");
	turn();
	leave(&a);
	fake_trace[0] = '\0';
	for (n = 0; n < 200 && strstr(fake_trace, "allow:- allow:-") == NULL;
	     n++)
		loop_turn(loop, 10);
	ck_assert_ptr_nonnull(strstr(fake_trace, "allow:- allow:-"));
	ck_assert_int_eq(fake.closed, 0);
	fake.answer.verdict = SCRIPT_OK;
	for (n = 0; n < 200 && application_count(app) > 0; n++)
		loop_turn(loop, 10);
	ck_assert_uint_eq(application_count(app), 0);
	ck_assert_ptr_nonnull(strstr(fake_trace, "stop(gc)"));
	end();
}

struct told {
	int count, result;
	char why[200];
};

static void
on_told(void *arg, int result, const char *why)
{
	struct told *t = arg;

	t->count++;
	t->result = result;
	(void)snprintf(t->why, sizeof(t->why), "%s", why);
}

UNIT(who_waits_for_a_start_or_an_end_is_told_once)
{
	static const char *const stay[] = { "idle_unload=0", NULL };
	struct told a = { 0 }, b = { 0 }, c = { 0 };
	struct instance *i;
	struct who w;
	int n;

	begin(&fake_script_ops, stay);
	fake.open_result = FCS_EFORMAT;
	i = instance("x");
	ck_assert_int_eq(instance_admin_start(i, on_told, &a), FCS_OK);
	turn();
	ck_assert_int_eq(a.result, FCS_ESCRIPT);
	ck_assert_str_eq(a.why, "main.rb:1: no good");
	fake.open_result = FCS_OK;
	fake.park_start = true;
	ck_assert_int_eq(instance_admin_start(i, on_told, &b), FCS_OK);
	ck_assert_int_eq(instance_admin_start(i, on_told, &c), FCS_OK);
	turn();
	ck_assert_int_eq(b.count + c.count, 0);
	fake_finish(true);
	ck_assert_int_eq(b.count + c.count, 2);
	ck_assert_int_eq(b.result + c.result, FCS_OK);
	ck_assert_int_eq(instance_admin_start(i, on_told, &b), FCS_OK);
	ck_assert_int_eq(b.count, 2); /* it runs */

	fake.has_unload = true;
	fake.answer.verdict = SCRIPT_REJECT;
	fake.answer.text = "busy";
	ck_assert_int_eq(
	    instance_admin_unload(i, "unload", false, on_told, &a), FCS_OK);
	turn();
	ck_assert_int_eq(a.count, 2);
	ck_assert_int_eq(a.result, FCS_EACCES);
	ck_assert_str_eq(a.why, "the application refuses: busy");
	ck_assert_int_eq(instance_state(i), INSTANCE_RUNNING);

	/* forced, and another one that comes in the middle of it */
	fake.park_stop = true;
	ck_assert_int_eq(
	    instance_admin_unload(i, "unload", true, on_told, &a), FCS_OK);
	turn();
	ck_assert_int_eq(
	    instance_admin_unload(i, "unload", false, on_told, &c), FCS_OK);
	join(i, &w, "c1"); /* waits for the next one */
	ck_assert_int_eq(w.accepted + w.rejected, 0);
	fake.park_start = false;
	fake_finish(true);
	for (n = 0; n < 50 && w.accepted == 0; n++)
		turn();
	ck_assert_int_eq(a.count, 3);
	ck_assert_int_eq(a.result, FCS_OK);
	ck_assert_int_eq(c.count, 2);
	ck_assert_int_eq(w.accepted, 1);
	leave(&w);

	/* an instance that is freed tells its waiters as well */
	fake.park_stop = true;
	ck_assert_int_eq(
	    instance_admin_unload(i, "unload", true, on_told, &a), FCS_OK);
	turn();
	ck_assert_int_eq(a.count, 3);
	end();
	ck_assert_int_eq(a.count, 4);
}

UNIT(connect_during_an_unload_gets_a_fresh_instance)
{
	struct instance *i;
	struct who a, b;
	int n;

	begin(&fake_script_ops, NULL);
	fake.park_stop = true;
	i = instance("x");
	join(i, &a, "c1");
	turn();
	leave(&a);
	instance_stop(i, "gc");
	turn();
	join(i, &b, "c2");
	ck_assert_int_eq(b.accepted + b.rejected, 0);
	fake_finish(true);
	for (n = 0; n < 50 && b.accepted == 0; n++)
		turn();
	ck_assert_int_eq(b.accepted, 1);
	ck_assert_int_eq(fake.opened, 2);
	ck_assert_int_eq(fake.closed, 1);
	leave(&b);
	end();
}

UNIT(clients_are_counted_over_all_instances)
{
	static const char *const two[] = { "max_clients=2", NULL };
	struct who a, b, c;

	begin(NULL, two);
	join(instance("x"), &a, "c1");
	join(instance("y"), &b, "c2");
	join(instance("z"), &c, "c3");
	ck_assert_int_eq(c.rejected, 1);
	ck_assert_str_eq(c.description, "[ Server.Reject ] : server full");
	leave(&c);
	leave(&b);
	join(instance("z"), &c, "c3");
	ck_assert_int_eq(c.accepted, 1);
	leave(&c);
	leave(&a);
	end();
}

UNIT(instance_names_follow_the_settings_and_the_grammar)
{
	static const char *const some[] = { "instances=room-*", NULL };
	struct err why;

	begin(NULL, some);
	ck_assert_ptr_nonnull(application_instance(app, "room-1", true, &why));
	ck_assert_ptr_null(application_instance(app, "hall", true, &why));
	ck_assert_int_eq(why.code, FCS_ENOENT);
	ck_assert_ptr_null(application_instance(app, "room-/../x", true, &why));
	ck_assert_ptr_null(application_instance(app, "room-2", false, &why));
	end();
}

UNIT(access_lists_compare_whole_elements)
{
	static const char *const paths[] = { "/a/b/", "c" };
	static const char *const gaps[] = { "", "/c", "" }; /* ";/c;" */
	static const char *const all[] = { "c", "/" };
	struct who a;

	begin(NULL, NULL);
	join(instance("x"), &a, "c1");
	ck_assert(client_may(a.client, true, "anything"));
	ck_assert_int_eq(client_set_access(a.client, true, paths, 2), FCS_OK);
	ck_assert(client_may(a.client, true, "a/b"));
	ck_assert(client_may(a.client, true, "/a/b/x"));
	ck_assert(!client_may(a.client, true, "a/bc"));
	ck_assert(!client_may(a.client, true, "a"));
	ck_assert(client_may(a.client, true, "c"));
	ck_assert(client_may(a.client, false, "a/bc"));
	ck_assert_int_eq(client_set_access(a.client, true, NULL, 0), FCS_OK);
	ck_assert(!client_may(a.client, true, "c"));
	ck_assert_int_eq(client_set_access(a.client, true, gaps, 3), FCS_OK);
	ck_assert(client_may(a.client, true, "c"));
	ck_assert(!client_may(a.client, true, "d"));
	ck_assert_int_eq(client_set_access(a.client, true, all, 2), FCS_OK);
	ck_assert(client_may(a.client, true, "d"));
	leave(&a);
	end();
}

UNIT(attributes_and_user_are_kept_with_the_client)
{
	struct who a;
	size_t len;

	begin(NULL, NULL);
	join(instance("x"), &a, "c1");
	ck_assert_str_eq(client_owner(a.client), "c1");
	ck_assert_int_eq(client_set_user(a.client, "ann", 3), FCS_OK);
	ck_assert_str_eq(client_owner(a.client), "ann");
	ck_assert_int_eq(
	    client_set_attr(a.client, "k\0x", 3, (const uint8_t *)"v", 1),
	    FCS_OK);
	ck_assert_mem_eq(client_attr(a.client, "k\0x", 3, &len), "v", 1);
	ck_assert_ptr_null(client_attr(a.client, "k", 1, &len));
	ck_assert_int_eq(client_set_attr(a.client, "k\0x", 3, NULL, 0), FCS_OK);
	ck_assert_ptr_null(client_attr(a.client, "k\0x", 3, &len));
	leave(&a);
	end();
}

UNIT_MAIN
