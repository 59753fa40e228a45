/* SPDX-License-Identifier: BSD-2-Clause */
/* inst_reload - the states, with a fake script and fake clients. */
#include "core/inst_reload.h"

#include "codec/command.h"
#include "tests/lib/leap.h"
#include "tests/lib/unit.h"
#include "tests/unit/core/fake.h"

struct who {
	struct client *client;
	int accepted, rejected, closed;
	char sent[512];
};

static struct loop *loop;
static struct application *app;
static struct inst_reload_result last;
static char why[256];
static int answers;

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
	    sizeof(w->sent) - strlen(w->sent), "%s%.*s%g",
	    w->sent[0] == '\0' ? "" : " ", (int)cmd.name.len, cmd.name.ptr,
	    cmd.txn);
	arena_free(a);
	return FCS_OK;
}

static void
on_accepted(void *impl)
{
	((struct who *)impl)->accepted++;
}

static void
on_rejected(void *impl, const struct value *info)
{
	(void)info;
	((struct who *)impl)->rejected++;
}

static void
on_close(void *impl, const char *reason)
{
	(void)reason;
	((struct who *)impl)->closed++;
}

static void
on_stats(void *impl, uint64_t *in, uint64_t *out, int *rtt)
{
	(void)impl;
	*in = *out = 0;
	*rtt = -1;
}

static const struct client_ops ops = {
	.send = on_send,
	.accepted = on_accepted,
	.rejected = on_rejected,
	.close = on_close,
	.stats = on_stats,
};

static void
begin(void)
{
	answers = 0;
	fake_reset();
	loop = loop_new();
	app = fake_app(loop, &fake_script_ops, NULL);
	answers = 0;
}

static void
end(void)
{
	int closed = fake.closed;

	fake_app_free(app);
	loop_turn(loop, 0);
	loop_free(loop);
	ck_assert_int_ge(fake.closed, closed);
	ck_assert_int_eq(fake.opened, fake.closed);
}

static struct instance *
instance(void)
{
	struct err e;
	struct instance *i = application_instance(app, "x", true, &e);

	ck_assert_ptr_nonnull(i);
	return i;
}

static void
turn(void)
{
	int n;

	for (n = 0; n < 4; n++)
		loop_turn(loop, 0);
}

/* Time passes for timers. */
static void
pass(int64_t ms)
{
	leap_ms(ms);
	loop_turn(loop, 10);
	turn();
}

static void
join(struct who *w, const char *id)
{
	struct client_info info = {
		.id = id, .ip = "127.0.0.1", .protocol = "rtmp"
	};

	memset(w, 0, sizeof(*w));
	w->client = client_new(&info, &ops, w);
	ck_assert_ptr_nonnull(w->client);
	instance_connect(instance(), w->client, NULL, 0);
	turn();
}

static void
leave(struct who *w)
{
	client_lost(w->client);
	turn();
}

static void
on_result(void *arg, const struct inst_reload_result *res)
{
	(void)arg;
	last = *res;
	(void)snprintf(why, sizeof(why), "%s", res->why);
	answers++;
}

static void
reload(void)
{
	inst_reload(instance(), false, on_result, NULL);
	turn();
}

static void
call(struct who *w, const char *name, double txn)
{
	instance_call(instance(), w->client, name, txn, NULL, 0);
	turn();
}

/* An instance with one client, its trace empty. */
static void
running(struct who *w)
{
	begin();
	fake.has_connect = fake.has_call = true;
	join(w, "c1");
	ck_assert_int_eq(w->accepted, 1);
	fake_trace[0] = '\0';
}

UNIT(new_code_takes_over_in_one_turn)
{
	struct who a;

	running(&a);
	reload();
	fake_expect("drain hand_over take_over(old,-1) refresh");
	ck_assert_int_eq(answers, 1);
	ck_assert_int_eq(last.end, RELOAD_DONE);
	ck_assert_int_eq(fake.opened, 2);
	ck_assert_int_eq(fake.closed, 1);
	call(&a, "m", 1);
	fake_expect("m:c1");
	ck_assert_str_eq(a.sent, "_result1");
	ck_assert_int_eq((int)instance_stats(instance())->reloads, 1);
	leave(&a);
	end();
}

UNIT(code_that_does_not_load_leaves_the_old_one)
{
	struct who a;

	running(&a);
	fake.open_result = FCS_EFORMAT;
	reload();
	fake_expect("");
	ck_assert_int_eq(last.end, RELOAD_KEPT);
	ck_assert_str_eq(why, "main.rb:1: no good");
	fake.open_result = FCS_ENOENT;
	reload();
	ck_assert_int_eq(last.end, RELOAD_KEPT);
	ck_assert_str_eq(why, "main.rb is not there any more");
	call(&a, "m", 1);
	fake_expect("m:c1");
	ck_assert_int_eq(answers, 2);
	leave(&a);
	end();
}

UNIT(what_comes_meanwhile_is_kept_in_order)
{
	struct who a, b;

	running(&a);
	fake.busy = true;
	reload();
	fake_expect("drain");
	call(&a, "one", 1);
	join(&b, "c2");
	call(&a, "two", 2);
	fake_expect("");
	ck_assert_int_eq(b.accepted, 0);
	fake.busy = false;
	inst_reload_quiet(instance());
	turn();
	fake_expect("hand_over take_over(old,-1) refresh one:c1 connect:c2 "
		    "two:c1 accepted:c2");
	ck_assert_str_eq(a.sent, "_result1 _result2");
	ck_assert_int_eq(b.accepted, 1);
	leave(&a);
	leave(&b);
	end();
}

UNIT(clients_that_leave_meanwhile_are_told_to_the_new_code)
{
	struct who a, b;

	running(&a);
	join(&b, "c2");
	fake_trace[0] = '\0';
	fake.busy = true;
	reload();
	leave(&b);
	fake_expect("drain");
	fake.busy = false;
	inst_reload_quiet(instance());
	turn();
	fake_expect("hand_over take_over(old,-1) refresh disconnect:c2");
	leave(&a);
	end();
}

UNIT(answers_for_waiting_handlers_go_in_at_once)
{
	struct arena *arena = arena_new(0);
	struct value *seven = value_number(arena, 7);
	struct who a;

	running(&a);
	ck_assert_int_eq(client_call(a.client, "name", NULL, 0, 41), FCS_OK);
	fake.busy = true;
	reload();
	call(&a, "one", 1);
	client_answered(a.client, 2, true, &seven, 1);
	fake_expect("drain resolve41=7");
	fake.busy = false;
	inst_reload_quiet(instance());
	turn();
	fake_expect("hand_over take_over(old,-1) refresh one:c1");
	arena_free(arena);
	leave(&a);
	end();
}

UNIT(time_limits_end_each_step)
{
	struct who a;

	running(&a);
	fake.busy = fake.park_hand_over = fake.park_take_over = true;
	reload();
	fake_expect("drain");
	pass(4900);
	fake_expect("");
	pass(200);
	fake_expect("expire");
	call(&a, "one", 1);
	pass(1000);
	fake_expect("hand_over");
	pass(4900);
	fake_expect("");
	pass(200);
	fake_expect("take_over(old,-1)");
	pass(4900);
	ck_assert_int_eq(answers, 0);
	pass(200);
	fake_expect("refresh one:c1");
	ck_assert_int_eq(last.end, RELOAD_DONE);
	fake_finish(true); /* late: of no interest */
	turn();
	ck_assert_int_eq(answers, 1);
	leave(&a);
	end();
}

static int verdicts;
static enum script_verdict verdict;

static void
on_verdict(struct instance *i, uint64_t owner, uint64_t extra,
    const struct script_answer *a)
{
	(void)i;
	(void)owner;
	(void)extra;
	verdict = a->verdict;
	verdicts++;
}

UNIT(decisions_have_their_time_after_the_reload)
{
	struct script_args args = { .client = "c1", .name = "s" };
	struct who a;

	running(&a);
	fake.has_publish = true;
	fake.busy = fake.park_hand_over = fake.park_take_over = true;
	reload();
	instance_ask(
	    instance(), SCRIPT_MAY_PUBLISH, &args, false, on_verdict, 0, 0);
	/* nobody decides this one: the default, when its turn comes */
	instance_ask(
	    instance(), SCRIPT_MAY_PLAY, &args, true, on_verdict, 0, 0);
	pass(5100);
	pass(1100);
	pass(5100);
	ck_assert_int_eq(verdicts, 0);
	fake.park = true;
	pass(5100);
	ck_assert_int_eq(last.end, RELOAD_DONE);
	ck_assert_int_eq(verdicts, 1);
	ck_assert_int_eq(verdict, SCRIPT_OK);
	pass(9000);
	ck_assert_int_eq(verdicts, 1);
	pass(1100);
	ck_assert_int_eq(verdicts, 2);
	ck_assert_int_eq(verdict, SCRIPT_REJECT);
	leave(&a);
	end();
}

UNIT(state_passes_as_a_value)
{
	struct arena *arena = arena_new(0);
	struct who a;

	running(&a);
	fake.park_hand_over = true;
	reload();
	fake_expect("drain hand_over");
	fake_handed(value_number(arena, 42));
	arena_free(arena);
	turn();
	fake_expect("take_over(old,42) refresh");
	leave(&a);
	end();
}

UNIT(an_old_script_may_be_lost_at_any_step)
{
	static const char *const steps[] = { "drain", "expire", "hand_over" };
	struct who a;
	size_t n;

	for (n = 0; n < 3; n++) {
		running(&a);
		fake.lose_at = steps[n];
		fake.busy = strcmp(steps[n], "expire") == 0;
		reload();
		if (fake.busy)
			pass(5100);
		ck_assert_int_eq(answers, 1);
		ck_assert_int_eq(last.end, RELOAD_DONE);
		ck_assert_int_eq(a.closed, 0);
		fake.busy = false;
		call(&a, "m", 1);
		ck_assert_str_eq(a.sent, "_result1");
		leave(&a);
		end();
	}
}

UNIT(a_new_script_that_is_lost_ends_the_instance)
{
	static const char *const steps[] = { "take_over", "refresh" };
	struct who a;
	size_t n;

	for (n = 0; n < 2; n++) {
		running(&a);
		fake.lose_at = steps[n];
		reload();
		ck_assert_int_eq(answers, 1);
		ck_assert_int_eq(last.end, RELOAD_STOPPED);
		ck_assert_str_eq(why, "time limit");
		ck_assert_int_ge(a.closed, 1);
		leave(&a);
		end();
	}
}

UNIT(a_new_script_may_be_lost_before_it_began)
{
	struct who a;

	running(&a);
	fake.busy = true;
	reload();
	fake_lose_newest();
	turn();
	fake_expect("drain undrain");
	ck_assert_int_eq(last.end, RELOAD_KEPT);
	ck_assert_str_eq(why, "the new code overran before it began");
	call(&a, "m", 1);
	ck_assert_str_eq(a.sent, "_result1");
	leave(&a);
	end();

	running(&a);
	fake.park_hand_over = true;
	reload();
	fake_lose_newest();
	turn();
	fake_expect("drain hand_over");
	fake_handed(NULL);
	turn();
	ck_assert_int_eq(answers, 1);
	ck_assert_int_eq(last.end, RELOAD_STOPPED);
	ck_assert_int_ge(a.closed, 1);
	leave(&a);
	end();
}

UNIT(stopping_ends_a_reload)
{
	struct who a;
	int n;

	for (n = 0; n < 3; n++) { /* in drain, hand_over, take_over */
		running(&a);
		fake.busy = n == 0;
		fake.park_hand_over = n == 1;
		fake.park_take_over = n == 2;
		reload();
		call(&a, "m", 1);
		fake_trace[0] = '\0';
		instance_stop(instance(), "unload");
		ck_assert_int_eq(answers, 1);
		ck_assert_int_eq(last.end, RELOAD_STOPPED);
		turn();
		fake_expect(
		    n == 2 ? "m:c1 stop(unload)" : "undrain m:c1 stop(unload)");
		ck_assert_str_eq(a.sent, "_result1 onStatus0");
		leave(&a);
		pass(0);
		ck_assert_uint_eq(application_count(app), 0);
		end();
	}
}

UNIT(while_starting_it_waits_for_the_start)
{
	struct who a;

	begin();
	fake.has_connect = fake.park_start = true;
	join(&a, "c1");
	reload();
	ck_assert_int_eq(answers, 0);
	fake_expect("start");
	fake.park_start = false;
	fake_finish(true);
	turn();
	fake_expect("connect:c1 accepted:c1 drain hand_over take_over(old,-1) "
		    "refresh");
	ck_assert_int_eq(last.end, RELOAD_DONE);
	leave(&a);
	end();
}

UNIT(where_nothing_runs_the_next_connect_loads)
{
	struct who a, b;

	begin();
	fake.has_connect = true;
	fake.open_result = FCS_EFORMAT;
	join(&a, "c1");
	ck_assert_int_eq(a.rejected, 1);
	fake.open_result = FCS_OK;
	reload();
	ck_assert_int_eq(last.end, RELOAD_IDLE);
	join(&b, "c2"); /* no back-off */
	ck_assert_int_eq(b.accepted, 1);
	instance_stop(instance(), "unload");
	reload();
	ck_assert_int_eq(answers, 2);
	ck_assert_int_eq(last.end, RELOAD_IDLE);
	leave(&a);
	leave(&b);
	end();
}

UNIT(reloads_meanwhile_become_one_more)
{
	struct who a;

	running(&a);
	fake.park_hand_over = true;
	reload();
	reload();
	reload();
	fake.park_hand_over = false;
	fake_handed(NULL);
	turn();
	ck_assert_int_eq(answers, 3);
	ck_assert_int_eq(fake.opened, 3);
	ck_assert_int_eq((int)instance_stats(instance())->reloads, 2);
	leave(&a);
	end();
}

UNIT(full_is_the_old_way)
{
	struct who a, b;

	running(&a);
	inst_reload(instance(), true, on_result, NULL);
	turn();
	fake_expect("stop(reload)");
	ck_assert_int_eq(answers, 0);
	ck_assert_str_eq(a.sent, "onStatus0");
	ck_assert_int_eq(a.closed, 1);
	leave(&a);
	pass(0);
	ck_assert_int_eq(answers, 1);
	ck_assert_int_eq(last.end, RELOAD_STOPPED);
	join(&b, "c2");
	ck_assert_int_eq(fake.opened, 2);
	leave(&b);
	end();
}

UNIT(the_end_of_the_application_answers)
{
	struct who a;

	running(&a);
	fake.busy = true;
	reload();
	leave(&a);
	end();
	ck_assert_int_eq(answers, 1);
	ck_assert_int_eq(last.end, RELOAD_STOPPED);
}

UNIT_MAIN
