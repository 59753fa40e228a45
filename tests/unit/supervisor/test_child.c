/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * child - processes that die, hang and stop. A child executes this program
 * again with --role=worker and how to behave as its name; time leaps.
 */
#include "supervisor/child.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "admin/role.h"
#include "supervisor/setup.h"
#include "tests/lib/leap.h"
#include "tests/lib/unit.h"

#define PATIENCE 1000 /* turns of 10 ms */

/* ---- the child ---- */

static void
no_message(void *arg, const char *op, json_t *msg, int *fds, size_t n)
{
	(void)arg;
	(void)op;
	(void)msg;
	(void)fds;
	(void)n;
}

static void
end_well(void *arg)
{
	role_exit(arg, 0);
}

static const struct role_ops role_ops = { no_message, end_well, NULL, NULL };

/* Before main(), as Check knows nothing of roles. */
__attribute__((constructor)) static void
behave(int argc, char **argv)
{
	struct role *r;

	if (argc < 3 || strncmp(argv[1], "--role=", 7) != 0)
		return;
	if (strcmp(argv[2], "dies") == 0)
		_exit(7);
	r = role_new("worker", argv[2]);
	if (r == NULL)
		_exit(8);
	role_set_ops(r, &role_ops, r);
	role_send(r, json_pack("{s:s}", "op", "ready"));
	if (strcmp(argv[2], "deaf") == 0) {
		(void)loop_turn(role_loop(r), 0);
		(void)pause();
	}
	_exit(role_run(r));
}

/* ---- the parent ---- */

static struct loop *loop;
static struct config *config;
static struct child_env env;
static struct child *child;
static int readies, downs;
static int64_t wait_ms;
static char why[ERR_TEXT_MAX];

static void
on_message(void *arg, const char *op, json_t *msg, int *fds, size_t n)
{
	no_message(arg, op, msg, fds, n);
}

static void
on_ready(void *arg)
{
	(void)arg;
	readies++;
}

static void
on_down(void *arg, int64_t ms)
{
	(void)arg;
	downs++;
	wait_ms = ms;
	(void)snprintf(why, sizeof(why), "%s", child_why(child));
}

static const struct child_ops ops = {
	.message = on_message, .ready = on_ready, .down = on_down
};

static void
turn(int ms)
{
	loop_turn(loop, ms);
	child_reap(child);
}

static void
until(const int *count, int n)
{
	for (int i = 0; i < PATIENCE && *count < n; i++)
		turn(10);
	ck_assert_int_eq(*count, n);
}

static void
begin(const char *how)
{
	struct err e;

	readies = downs = 0;
	loop = loop_new();
	config = config_new();
	ck_assert_int_eq(config_set(config, "limits.restart_backoff", "6s",
			     CONFIG_BY_OPTION, &e),
	    FCS_OK);
	ck_assert_int_eq(config_set(config, "limits.heartbeat_time", "2s",
			     CONFIG_BY_OPTION, &e),
	    FCS_OK);
	env.loop = loop;
	env.config = config;
	ck_assert_int_eq(setup_memfd(config, &env.config_fd, &e), FCS_OK);
	child = child_new(&env, "worker", how, &ops, NULL);
	ck_assert_ptr_nonnull(child);
	child_want(child);
	ck_assert(child_is_alive(child));
}

static void
end(void)
{
	child_free(child);
	(void)close(env.config_fd);
	config_free(config);
	loop_turn(loop, 0);
	loop_free(loop);
}

UNIT(deaths_in_a_row_double_the_pause)
{
	static const int64_t pauses[] = { 1000, 2000, 4000, 6000, 6000 };

	begin("dies");
	for (int i = 0; i < 5; i++) {
		until(&downs, i + 1);
		ck_assert_int_eq(wait_ms, pauses[i]);
		ck_assert_int_eq(child_state(child), CHILD_WAITING);
		leap_ms(pauses[i] - 200);
		turn(0);
		turn(0);
		ck_assert_int_eq(child_state(child), CHILD_WAITING);
		ck_assert_int_gt(child_wait_ms(child), 0);
		leap_ms(210);
		/* not a turn more: it dies soon */
		for (int n = 0; n < 2 && child_state(child) == CHILD_WAITING;
		     n++)
			turn(0);
		ck_assert_int_eq(child_state(child), CHILD_STARTING);
	}
	ck_assert_int_eq(readies, 0);
	end();
}

UNIT(one_that_was_healthy_is_started_again_at_once)
{
	begin("lives");
	until(&readies, 1);
	for (int i = 1; i < 4; i++) {
		leap_ms(CHILD_HEALTHY_MS + 10);
		turn(0);
		child_kill(child);
		until(&downs, i);
		ck_assert_int_eq(wait_ms, 0);
		until(&readies, i + 1);
		ck_assert_int_eq(child_state(child), CHILD_READY);
	}
	/* not yet healthy: a pause */
	child_kill(child);
	until(&downs, 4);
	ck_assert_int_eq(wait_ms, 1000);
	end();
}

UNIT(one_that_does_not_answer_is_killed)
{
	begin("deaf");
	until(&readies, 1);
	/* the parent's own silence is not the child's */
	leap_ms(60000);
	turn(0);
	turn(0);
	ck_assert_int_eq(downs, 0);
	/* ten beats without an answer */
	for (int i = 0; i < 10 && downs == 0; i++) {
		leap_ms(410);
		for (int n = 0; n < 5; n++)
			turn(10);
	}
	until(&downs, 1);
	ck_assert_str_eq(why, "no heartbeat");
	end();
}

UNIT(one_that_answers_is_left_alone)
{
	begin("lives");
	until(&readies, 1);
	for (int i = 0; i < 30; i++) {
		leap_ms(410);
		for (int n = 0; n < 5; n++)
			turn(5);
	}
	ck_assert_int_eq(downs, 0);
	end();
}

UNIT(one_that_stops_stays_down_unless_it_is_wanted_again)
{
	begin("lives");
	until(&readies, 1);
	child_stop(child);
	ck_assert_int_eq(child_state(child), CHILD_STOPPING);
	until(&downs, 1);
	ck_assert_int_eq(wait_ms, -1);
	ck_assert_int_eq(child_state(child), CHILD_DOWN);
	ck_assert(!child_is_alive(child));
	child_want(child);
	until(&readies, 2);
	child_stop(child);
	child_want(child); /* while it is on its way out */
	until(&downs, 2);
	ck_assert_int_eq(wait_ms, 0);
	until(&readies, 3);
	end();
}

UNIT_MAIN
