/* SPDX-License-Identifier: BSD-2-Clause */
/* instance, client - limits of time and number, below, at and above. */
#include "codec/command.h"
#include "tests/lib/leap.h"
#include "tests/lib/unit.h"
#include "tests/unit/core/fake.h"

#define SLACK_MS 100 /* what the case itself may take, and timers round */

struct who { /* a client with what was done to it */
	struct client *client;
	int accepted, rejected, closed;
	char code[64], why[160];
};

static struct loop *loop;
static struct application *app;

static void
copy(char *out, size_t size, const struct value *v)
{
	(void)snprintf(out, size, "%.*s",
	    v == NULL || v->type != VALUE_STRING ? 0 : (int)v->str.len,
	    v == NULL || v->type != VALUE_STRING ? "" : v->str.ptr);
}

static int
on_send(
    void *impl, uint8_t type, uint32_t msid, const uint8_t *payload, size_t len)
{
	(void)impl;
	(void)type;
	(void)msid;
	(void)payload;
	(void)len;
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
	struct who *w = impl;

	w->rejected++;
	copy(w->code, sizeof(w->code), value_get(info, "code"));
	copy(w->why, sizeof(w->why),
	    value_get(value_get(info, "application"), "message"));
	if (w->why[0] == '\0')
		copy(w->why, sizeof(w->why), value_get(info, "description"));
}

static void
on_close(void *impl, const char *why)
{
	(void)why;
	((struct who *)impl)->closed++;
}

static void
on_stats(void *impl, uint64_t *in, uint64_t *out, int *rtt)
{
	(void)impl;
	*in = *out = 0;
	*rtt = -1;
}

static const struct client_ops ops = { .send = on_send,
	.accepted = on_accepted,
	.rejected = on_rejected,
	.close = on_close,
	.stats = on_stats };

static void
begin(const char *setting)
{
	const char *settings[] = { setting, NULL };

	fake_reset();
	loop = loop_new();
	app = fake_app(loop, &fake_script_ops, settings);
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

/* Time moves on, and what is due is done. */
static void
pass(int64_t ms)
{
	leap_ms(ms);
	for (int i = 0; i < 4; i++)
		loop_turn(loop, 0);
}

static void
join(struct instance *i, struct who *w, const char *id, const char *ip)
{
	struct client_info info = { .id = id, .ip = ip, .protocol = "rtmp" };

	memset(w, 0, sizeof(*w));
	w->client = client_new(&info, &ops, w);
	ck_assert_ptr_nonnull(w->client);
	instance_connect(i, w->client, NULL, 0);
	pass(0);
}

static void
leave(struct who *w)
{
	client_lost(w->client);
	pass(0);
}

/* What waits behind a commit is bounded by limits.out_replies. */
UNIT(held_messages_are_limited_by_their_bytes)
{
	struct limits *l;
	struct instance *i;
	uint8_t payload[1000] = { 0 };
	struct who a;

	begin(NULL);
	l = (struct limits *)(uintptr_t)application_env(app)->limits;
	l->value[LIMIT_OUT_REPLIES] = 3000;
	i = instance("x");
	join(i, &a, "c1", "192.0.2.1");
	instance_raise_barrier(i, 1);
	for (int n = 0; n < 3; n++)
		ck_assert_int_eq(client_emit(a.client, MESSAGE_COMMAND, 0,
				     payload, sizeof(payload)),
		    FCS_OK);
	ck_assert_int_eq(a.closed, 0);
	ck_assert_int_eq(
	    client_emit(a.client, MESSAGE_COMMAND, 0, payload, 1), FCS_ELIMIT);
	instance_durable(i, 1);
	pass(0);
	instance_raise_barrier(i, 2); /* what has left counts no more */
	ck_assert_int_eq(
	    client_emit(a.client, MESSAGE_COMMAND, 0, payload, sizeof(payload)),
	    FCS_OK);
	instance_durable(i, 2);
	leave(&a);
	end();
}

static int decided_verdict;

static void
decided(struct instance *i, uint64_t owner, uint64_t extra,
    const struct script_answer *a)
{
	(void)i;
	(void)owner;
	(void)extra;
	decided_verdict = (int)a->verdict;
}

UNIT(decision_may_take_ten_seconds)
{
	struct script_answer yes = { .verdict = SCRIPT_OK };
	struct script_args args = { .name = "x" };
	struct instance *i;
	struct who a;

	begin(NULL);
	i = instance("x");
	join(i, &a, "c1", "192.0.2.1");
	fake.has_publish = fake.park = true;
	for (int late = 0; late < 2; late++) {
		decided_verdict = -1;
		instance_ask(i, SCRIPT_MAY_PUBLISH, &args, true, decided, 0, 0);
		pass(10000 - SLACK_MS);
		ck_assert_int_eq(decided_verdict, -1);
		if (late) {
			pass(SLACK_MS + 10);
			ck_assert_int_eq(decided_verdict, SCRIPT_REJECT);
			/* the answer comes too late for anybody */
			decided_verdict = -1;
			(void)fake_answer(&yes);
			pass(0);
			ck_assert_int_eq(decided_verdict, -1);
		} else {
			ck_assert(fake_answer(&yes));
			pass(0);
			ck_assert_int_eq(decided_verdict, SCRIPT_OK);
		}
	}
	leave(&a);
	end();
}

UNIT(connect_handler_may_take_connect_timeout)
{
	struct script_answer yes = { .verdict = SCRIPT_OK };
	struct who a, b;

	begin("connect_timeout=3s");
	fake.has_connect = fake.park = true;
	join(instance("x"), &a, "c1", "192.0.2.1");
	pass(3000 - SLACK_MS);
	ck_assert_int_eq(a.accepted + a.rejected, 0);
	ck_assert(fake_answer(&yes));
	pass(0);
	ck_assert_int_eq(a.accepted, 1);
	join(instance("x"), &b, "c2", "192.0.2.1");
	pass(3000 - SLACK_MS);
	ck_assert_int_eq(b.accepted + b.rejected, 0);
	pass(SLACK_MS + 10);
	ck_assert_int_eq(b.rejected, 1);
	ck_assert_str_eq(b.code, "NetConnection.Connect.Rejected");
	(void)fake_answer(&yes);
	pass(0);
	ck_assert_int_eq(b.accepted, 0);
	leave(&a);
	leave(&b);
	end();
}

UNIT(clients_of_one_address_are_limited)
{
	struct who v[4];

	begin("max_clients_per_ip=2");
	join(instance("x"), &v[0], "c1", "192.0.2.1");
	join(instance("y"), &v[1], "c2", "192.0.2.1");
	join(instance("x"), &v[2], "c3", "192.0.2.1");
	ck_assert_int_eq(v[0].accepted + v[1].accepted, 2);
	ck_assert_int_eq(v[2].rejected, 1);
	ck_assert_str_eq(v[2].code, "NetConnection.Connect.Rejected");
	join(instance("x"), &v[3], "c4", "192.0.2.2"); /* another address */
	ck_assert_int_eq(v[3].accepted, 1);
	leave(&v[2]); /* who was refused leaves no hole */
	join(instance("x"), &v[2], "c5", "192.0.2.1");
	ck_assert_int_eq(v[2].rejected, 1);
	leave(&v[2]);
	leave(&v[0]);
	join(instance("x"), &v[0], "c6", "192.0.2.1");
	ck_assert_int_eq(v[0].accepted, 1);
	for (int i = 0; i < 4; i++)
		if (i != 2)
			leave(&v[i]);
	end();
}

UNIT(clients_of_an_application_are_limited)
{
	struct who v[3];

	begin("max_clients=2");
	for (int i = 0; i < 3; i++)
		join(instance("x"), &v[i],
		    i == 0   ? "a"
		    : i == 1 ? "b"
			     : "c",
		    "192.0.2.1");
	ck_assert_int_eq(v[0].accepted + v[1].accepted, 2);
	ck_assert_int_eq(v[2].rejected, 1);
	for (int i = 0; i < 3; i++)
		leave(&v[i]);
	end();
}

static void
stopped(void *arg)
{
	++*(int *)arg;
}

UNIT(stop_handler_may_take_five_seconds)
{
	int done;

	for (int late = 0; late < 2; late++) {
		struct who a;

		begin(NULL);
		join(instance("x"), &a, "c1", "192.0.2.1");
		leave(&a);
		ck_assert_int_eq(
		    instance_state(instance("x")), INSTANCE_RUNNING);
		fake.park_stop = true;
		done = 0;
		application_stop(app, "shutdown", stopped, &done);
		pass(5000 - SLACK_MS);
		ck_assert_int_eq(done, 0);
		if (late)
			pass(SLACK_MS + 10);
		else
			fake_finish(true);
		pass(0);
		ck_assert_int_eq(done, 1);
		end();
	}
}

/* The pauses double up to limits.restart_backoff; a start resets them. */
UNIT(failed_starts_back_off_step_by_step)
{
	static const int steps_s[] = { 1, 2, 4, 8, 16, 32, 60, 60 };
	struct instance *i;
	struct who a;

	begin(NULL);
	i = instance("x");
	for (int round = 0; round < 2; round++) {
		fake.open_result = FCS_EFORMAT;
		for (size_t n = 0; n < sizeof(steps_s) / sizeof(steps_s[0]);
		     n++) {
			join(i, &a, "c1", "192.0.2.1"); /* tries, fails */
			ck_assert_int_eq(a.rejected, 1);
			leave(&a);
			fake.open_result = FCS_OK; /* would succeed, early */
			pass(steps_s[n] * 1000 - SLACK_MS);
			join(i, &a, "c1", "192.0.2.1");
			ck_assert_msg(a.rejected == 1, "step %zu", n);
			leave(&a);
			fake.open_result = FCS_EFORMAT;
			pass(SLACK_MS + 10);
		}
		fake.open_result = FCS_OK;
		join(i, &a, "c1", "192.0.2.1");
		ck_assert_int_eq(a.accepted, 1);
		/* from the first step again */
		fake.has_call = fake.lose = true;
		instance_call(i, a.client, "loop", 9, NULL, 0);
		pass(0);
		leave(&a);
		pass(70000);
	}
	end();
}

/* A disabled instance comes back when its script has changed, and only so:
 * neither by waiting nor by any reload of the configuration. */
UNIT(a_changed_script_enables_a_disabled_instance)
{
	const struct application_env *env;
	struct instance *i;
	struct who a;

	begin(NULL);
	i = instance("x");
	fake.has_call = true;
	for (int n = 0; n < 3; n++) {
		join(i, &a, "c1", "192.0.2.1");
		ck_assert_int_eq(a.accepted, 1);
		fake.lose = true;
		instance_call(i, a.client, "loop", 9, NULL, 0);
		pass(0);
		leave(&a);
		pass(5000);
	}
	ck_assert_int_eq(instance_state(i), INSTANCE_DISABLED);
	pass(1300000); /* more than idle_unload */
	join(i, &a, "c1", "192.0.2.1");
	ck_assert_int_eq(a.rejected, 1);
	leave(&a);
	env = application_env(app);
	application_set_settings(app, env->config, env->limits, env->settings);
	ck_assert_int_eq(instance_state(i), INSTANCE_DISABLED);
	join(i, &a, "c1", "192.0.2.1");
	ck_assert_int_eq(a.rejected, 1);
	leave(&a);
	fake.stamp++;
	join(i, &a, "c1", "192.0.2.1");
	ck_assert_int_eq(a.accepted, 1);
	ck_assert_int_eq(instance_state(i), INSTANCE_RUNNING);
	leave(&a);
	end();
}

UNIT(a_reload_enables_it_too_when_the_script_has_changed)
{
	const struct application_env *env;
	struct instance *i;
	struct who a;

	begin(NULL);
	i = instance("x");
	fake.has_call = true;
	for (int n = 0; n < 3; n++) {
		join(i, &a, "c1", "192.0.2.1");
		fake.lose = true;
		instance_call(i, a.client, "loop", 9, NULL, 0);
		pass(0);
		leave(&a);
		pass(5000);
	}
	fake.stamp++;
	ck_assert_int_eq(instance_state(i), INSTANCE_DISABLED);
	env = application_env(app);
	application_set_settings(app, env->config, env->limits, env->settings);
	ck_assert_int_eq(instance_state(i), INSTANCE_NEW);
	end();
}

UNIT_MAIN
