/* SPDX-License-Identifier: BSD-2-Clause */
/* loop, timer - turns, phases, graves, wake-ups, signals, time. */
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/timer.h"
#include "tests/lib/unit.h"

/* a word that is no literal: arg is not const */
#define WORD(text) ((char[]){ text })

static char trace[64];

static void
mark(void *arg)
{
	(void)strncat(trace, arg, sizeof(trace) - strlen(trace) - 1);
}

static struct loop *the_loop;
static struct loop_task again = { .fn = mark, .arg = WORD("b") };

static void
mark_and_queue(void *arg)
{
	mark(arg);
	loop_at_end(the_loop, LOOP_WORK, &again);
}

UNIT(phases_run_in_order_and_work_may_queue_work)
{
	struct loop_task w = { .fn = mark_and_queue, .arg = WORD("a") };
	struct loop_task c = { .fn = mark, .arg = WORD("c") };
	struct loop_task f = { .fn = mark, .arg = WORD("f") };

	the_loop = loop_new();
	ck_assert_ptr_nonnull(the_loop);
	loop_at_end(the_loop, LOOP_FLUSH, &f);
	loop_at_end(the_loop, LOOP_COMMIT, &c);
	loop_at_end(the_loop, LOOP_WORK, &w);
	loop_at_end(the_loop, LOOP_WORK, &w); /* queued once only */
	loop_defer_free(the_loop, mark, WORD("g"));
	loop_turn(the_loop, 1000);
	ck_assert_str_eq(trace, "abcfg");
	loop_free(the_loop);
}

static struct loop_task forever;
static int rounds;

static void
requeue(void *arg)
{
	rounds++;
	loop_at_end(arg, LOOP_WORK, &forever);
}

UNIT(endless_work_does_not_starve_the_sockets)
{
	struct loop *l = loop_new();
	int before;

	forever = (struct loop_task){ .fn = requeue, .arg = l };
	loop_at_end(l, LOOP_WORK, &forever);
	loop_turn(l, 1000);
	ck_assert_int_gt(rounds, 0);
	before = rounds;
	loop_turn(l, 1000); /* returns: what is left waits for its turn */
	ck_assert_int_gt(rounds, before);
	loop_free(l);
}

UNIT(a_cancelled_task_does_not_run)
{
	struct loop *l = loop_new();
	struct loop_task t = { .fn = mark, .arg = WORD("x") };

	loop_at_end(l, LOOP_FLUSH, &t);
	loop_cancel(l, LOOP_FLUSH, &t);
	loop_cancel(l, LOOP_FLUSH, &t);
	loop_turn(l, 0);
	ck_assert_str_eq(trace, "");
	loop_free(l);
}

static struct loop_task other;

static void
cancel_other(void *arg)
{
	mark(WORD("1"));
	loop_cancel(arg, LOOP_FLUSH, &other);
}

UNIT(a_task_may_cancel_the_next_of_its_pass)
{
	struct loop *l = loop_new();
	struct loop_task first = { .fn = cancel_other, .arg = l };
	struct loop_task last = { .fn = mark, .arg = WORD("3") };

	other = (struct loop_task){ .fn = mark, .arg = WORD("2") };
	loop_at_end(l, LOOP_FLUSH, &first);
	loop_at_end(l, LOOP_FLUSH, &other);
	loop_at_end(l, LOOP_FLUSH, &last);
	loop_turn(l, 0);
	ck_assert_str_eq(trace, "13");
	loop_free(l);
}

static void
stop(void *arg)
{
	mark(WORD("t"));
	loop_stop(arg);
}

UNIT(timers_fire_once_in_order_and_stop_the_run)
{
	struct loop *l = loop_new();
	struct timer *a = timer_new(l, mark, WORD("a")),
		     *b = timer_new(l, stop, l);
	struct timer *c = timer_new(l, mark, WORD("c"));
	uint64_t t0 = loop_now_ms(l);

	timer_set(b, 30);
	timer_set(a, 10);
	timer_set(c, 5);
	timer_stop(c);
	ck_assert(timer_is_set(a));
	ck_assert(!timer_is_set(c));
	ck_assert_int_eq(loop_run(l), FCS_OK);
	ck_assert_str_eq(trace, "at");
	ck_assert(!timer_is_set(a));
	ck_assert_uint_ge(loop_now_ms(l) - t0, 29);
	timer_free(a);
	timer_free(b);
	timer_free(c);
	loop_free(l);
}

static struct timer *suicidal;

static void
free_own(void *arg)
{
	timer_free(suicidal);
	loop_stop(arg);
}

UNIT(a_timer_may_free_itself)
{
	struct loop *l = loop_new();

	suicidal = timer_new(l, free_own, l);
	timer_set(suicidal, 1);
	ck_assert_int_eq(loop_run(l), FCS_OK);
	loop_free(l);
}

static int64_t fake_us;

static int64_t
fake(void *arg)
{
	(void)arg;
	return fake_us;
}

static const struct clock_source fake_clock = { fake, fake, NULL };
static struct timer *held[4];

static void
mark_and_set(void *arg)
{
	mark(WORD("s"));
	timer_set(held[0], 0);
	timer_free(arg == NULL ? held[3] : NULL);
}

UNIT(held_timers_follow_the_clock_and_fire_one_a_turn)
{
	struct loop *l;
	uint64_t at;

	clock_set(&fake_clock);
	l = loop_new();
	loop_hold_timers(l);
	held[0] = timer_new(l, mark, WORD("a"));
	held[1] = timer_new(l, mark, WORD("b"));
	held[2] = timer_new(l, mark_and_set, l);
	ck_assert(!loop_next_timer(l, &at));
	timer_set(held[1], 20);
	timer_set(held[0], 20);
	timer_set(held[2], 10);
	ck_assert(timer_is_set(held[0]));
	ck_assert(loop_next_timer(l, &at));
	ck_assert_uint_eq(at, 10);
	fake_us = 9999;
	ck_assert(!loop_step(l));
	fake_us = 30000; /* all are due: the order is that of their times */
	ck_assert(loop_step(l));
	ck_assert_str_eq(trace, "s");
	ck_assert(loop_step(l)); /* a was set anew, to now */
	ck_assert_str_eq(trace, "sb");
	ck_assert(loop_step(l));
	ck_assert_str_eq(trace, "sba");
	ck_assert(!loop_step(l));
	timer_set(held[1], 5);
	timer_stop(held[1]);
	ck_assert(!timer_is_set(held[1]));
	ck_assert(!loop_next_timer(l, &at));
	timer_set(held[1], UINT32_MAX);
	timer_free(held[1]);
	ck_assert(!loop_next_timer(l, &at));
	/* one that frees itself */
	held[3] = timer_new(l, mark_and_set, NULL);
	timer_set(held[3], 1);
	fake_us += 1000;
	while (loop_step(l))
		;
	ck_assert_str_eq(trace, "sbasa");
	timer_free(held[0]);
	timer_free(held[2]);
	loop_free(l);
	clock_set(NULL);
}

static void *
fire(void *arg)
{
	loop_wakeup_fire(arg);
	loop_wakeup_fire(arg);
	return NULL;
}

UNIT(another_thread_wakes_the_loop)
{
	struct loop *l = loop_new();
	struct loop_wakeup *w = loop_wakeup_new(l, stop, l);
	pthread_t th;

	ck_assert_int_eq(pthread_create(&th, NULL, fire, w), 0);
	ck_assert_int_eq(loop_run(l), FCS_OK);
	ck_assert_int_eq(pthread_join(th, NULL), 0);
	loop_wakeup_free(w);
	loop_free(l);
}

static void
on_signal(void *arg, int signo)
{
	ck_assert_int_eq(signo, SIGUSR2);
	loop_stop(arg);
}

UNIT(a_signal_runs_on_the_loop)
{
	struct loop *l = loop_new();

	ck_assert_int_eq(loop_on_signal(l, SIGUSR2, on_signal, l), FCS_OK);
	ck_assert_int_eq(kill(getpid(), SIGUSR2), 0);
	ck_assert_int_eq(loop_run(l), FCS_OK);
	loop_free(l);
}

static int seen;

static void
on_ready(void *arg, int ready)
{
	(void)arg;
	seen |= ready;
}

UNIT(a_watch_tells_readiness_and_pauses)
{
	struct loop *l = loop_new();
	struct loop_watch *w;
	int sv[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	w = loop_watch_new(l, sv[0], LOOP_READ, on_ready, NULL);
	loop_turn(l, 0);
	ck_assert_int_eq(seen, 0);
	ck_assert_int_eq(write(sv[1], "x", 1), 1);
	loop_turn(l, 1000);
	ck_assert_int_eq(seen, LOOP_READ);
	seen = 0;
	loop_watch_set(w, 0);
	loop_turn(l, 0);
	ck_assert_int_eq(seen, 0);
	loop_watch_set(w, LOOP_READ | LOOP_WRITE);
	loop_turn(l, 1000);
	ck_assert_int_eq(seen, LOOP_READ | LOOP_WRITE);
	loop_watch_free(w);
	loop_free(l);
	(void)close(sv[0]);
	(void)close(sv[1]);
}

UNIT_MAIN
