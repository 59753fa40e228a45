/* SPDX-License-Identifier: BSD-2-Clause */
/* The commit thread: order, grouping, waiting, failures. */
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "storage/commit.h"
#include "tests/store/store_lib.h"

/* A store that wraps the memory one: commits can be held, failed, counted. */
struct slow {
	struct store store;
	struct store *real;
	int hold;        /* eventfd: one commit per count */
	int started;     /* eventfd: counts commits begun */
	atomic_int code; /* what commit answers */
	uint32_t groups[64];
	int group_count;
};

static int
slow_commit(struct store *store, struct store_batch *const *batches,
    uint32_t count, struct err *why)
{
	struct slow *s = (struct slow *)store;
	uint64_t one = 1;

	s->groups[s->group_count++] = count;
	ck_assert_int_eq(write(s->started, &one, 8), 8);
	ck_assert_int_eq(read(s->hold, &one, 8), 8);
	if (atomic_load(&s->code) != FCS_OK)
		return err_set(why, atomic_load(&s->code), "made to fail");
	return s->real->ops->commit(s->real, batches, count, why);
}

static int
slow_idle(struct store *store)
{
	(void)store;
	return FCS_OK;
}

static uint64_t
slow_log_bytes(struct store *store)
{
	(void)store;
	return 0;
}

static const struct store_ops slow_ops = {
	.commit = slow_commit, .idle = slow_idle, .log_bytes = slow_log_bytes
};

static struct slow slow;
static struct commit *commit;
static int wake_fd;
static char order[256]; /* names of jobs as they completed */

static void
on_wake(void *arg)
{
	uint64_t one = 1;

	(void)arg;
	ck_assert_int_eq(write(wake_fd, &one, 8), 8);
}

static void
start(void)
{
	slow.store.ops = &slow_ops;
	ck_assert_int_eq(sodb_mem_open(&slow.real), FCS_OK);
	slow.hold = eventfd(0, EFD_SEMAPHORE);
	slow.started = eventfd(0, EFD_SEMAPHORE);
	wake_fd = eventfd(0, 0);
	ck_assert_int_eq(
	    commit_start(&slow.store, on_wake, NULL, &commit), FCS_OK);
}

static void
stop(void)
{
	commit_stop(commit);
	slow.real->ops->close(slow.real);
}

static void
let(uint64_t commits)
{
	ck_assert_int_eq(write(slow.hold, &commits, 8), 8);
}

static void
wait_started(void)
{
	uint64_t n;

	ck_assert_int_eq(read(slow.started, &n, 8), 8);
}

/* Until what completed reads like this. */
static void
wait_order(const char *want)
{
	struct pollfd p = { .fd = wake_fd, .events = POLLIN };
	uint64_t n;

	commit_collect(commit);
	while (strlen(order) < strlen(want)) {
		ck_assert_int_eq(poll(&p, 1, 5000), 1);
		ck_assert_int_eq(read(wake_fd, &n, 8), 8);
		commit_collect(commit);
	}
	ck_assert_str_eq(order, want);
}

struct write_job {
	struct commit_job job;
	struct store_batch batch;
	struct store_change change;
	char name;
	int result;
	char why[ERR_TEXT_MAX];
};

static void
on_done(void *arg, int result, const struct err *why)
{
	struct write_job *w = arg;
	size_t n = strlen(order);

	w->result = result;
	if (why != NULL)
		memcpy(w->why, why->text, sizeof(w->why));
	order[n] = w->name;
}

static void
submit(struct write_job *w, char name, uint64_t version)
{
	memset(w, 0, sizeof(*w));
	w->name = name;
	w->change =
	    (struct store_change){ "s", 1, (const uint8_t *)"v", 1, NULL };
	w->batch = (struct store_batch){ .inst = "i",
		.object = "o",
		.version = version,
		.changes = &w->change,
		.count = 1,
		.user = "ann" };
	w->job.batch = &w->batch;
	w->job.done = on_done;
	w->job.arg = w;
	commit_submit(commit, &w->job);
}

static int
run_it(struct store *store, void *arg)
{
	struct write_job *w = arg;
	struct slow *s = (struct slow *)store;

	/* what was submitted before it is written */
	w->batch.version = store_lib_version(s->real, "o");
	return FCS_ELIMIT;
}

static void
submit_run(struct write_job *w, char name)
{
	memset(w, 0, sizeof(*w));
	w->name = name;
	w->job.run = run_it;
	w->job.done = on_done;
	w->job.arg = w;
	commit_submit(commit, &w->job);
}

UNIT(jobs_complete_in_order_of_submission)
{
	struct write_job j[5];

	start();
	let(10);
	ck_assert(commit_is_idle(commit));
	submit(&j[0], 'a', 2);
	ck_assert(!commit_is_idle(commit));
	submit(&j[1], 'b', 3);
	submit_run(&j[2], 'c');
	submit(&j[3], 'd', 4);
	submit_run(&j[4], 'e');
	commit_turn(commit);
	wait_order("abcde");
	ck_assert(commit_is_idle(commit));
	ck_assert_int_eq(j[2].result, FCS_ELIMIT);
	ck_assert_uint_eq(j[2].batch.version, 3);
	ck_assert_uint_eq(j[4].batch.version, 4);
	ck_assert_int_eq(slow.group_count, 2);
	ck_assert_uint_eq(slow.groups[0], 2);
	stop();
}

UNIT(what_arrives_during_a_commit_forms_the_next)
{
	struct write_job j[4];

	start();
	submit(&j[0], 'a', 2);
	commit_turn(commit);
	wait_started();
	for (int i = 1; i < 4; i++) {
		submit(&j[i], (char)('a' + i), (uint64_t)i + 2);
		commit_turn(commit);
	}
	let(1);
	wait_order("a");
	wait_started();
	let(1);
	wait_order("abcd");
	ck_assert_int_eq(slow.group_count, 2);
	ck_assert_uint_eq(slow.groups[1], 3);
	stop();
}

UNIT(group_waits_for_as_many_as_last_time)
{
	struct write_job j[4];
	struct timespec t = { 0, 100 * 1000000 };

	start();
	submit(&j[0], 'a', 2);
	submit(&j[1], 'b', 3);
	commit_turn(commit);
	wait_started();
	/* the commit takes 100 ms, so the next may wait 50 ms */
	nanosleep(&t, NULL);
	let(9);
	wait_order("ab");
	submit(&j[2], 'c', 4);
	commit_turn(commit);
	submit(&j[3], 'd', 5);
	commit_turn(commit);
	wait_order("abcd");
	ck_assert_int_eq(slow.group_count, 2);
	ck_assert_uint_eq(slow.groups[1], 2);
	stop();
}

UNIT(group_waits_half_a_commit_at_most)
{
	struct write_job j[3];

	start();
	let(9);
	submit(&j[0], 'a', 2);
	submit(&j[1], 'b', 3);
	commit_turn(commit);
	wait_order("ab");
	submit(&j[2], 'c', 4);
	commit_turn(commit);
	wait_order("abc");
	ck_assert_int_eq(slow.group_count, 2);
	stop();
}

UNIT(waiting_for_a_job_hands_it_over_and_returns_its_result)
{
	struct write_job j[3];
	int result = 0;

	start();
	let(9);
	submit(&j[0], 'a', 2);
	submit_run(&j[1], 'b');
	ck_assert_int_eq(commit_wait(commit, &j[1].job, 5000, &result), FCS_OK);
	ck_assert_int_eq(result, FCS_ELIMIT);
	ck_assert_uint_eq(j[1].batch.version, 2);
	/* its done() is not called */
	ck_assert(!commit_is_idle(commit));
	wait_order("a");
	ck_assert(commit_is_idle(commit));
	stop();
	ck_assert_str_eq(order, "a");
}

static void
on_done_wait(void *arg, int result, const struct err *why)
{
	struct write_job *w = arg;
	int got = 0;

	on_done(arg, result, why);
	ck_assert_int_eq(commit_wait(commit, &w[1].job, 5000, &got), FCS_OK);
	ck_assert_int_eq(got, FCS_ELIMIT);
	memset(&w[1], 0xee, sizeof(w[1])); /* it is ours, and over */
}

/* What a done() calls may wait for a job that is finished too. */
UNIT(a_job_waited_for_by_another_s_end_is_not_delivered_again)
{
	struct write_job j[3];
	int result = 0;

	start();
	let(9);
	submit(&j[0], 'a', 2);
	j[0].job.done = on_done_wait;
	submit_run(&j[1], 'b');
	submit_run(&j[2], 'c');
	commit_turn(commit);
	/* all three are finished when the first is delivered */
	while (commit_wait(commit, &j[2].job, 5000, &result) != FCS_OK)
		;
	ck_assert_int_eq(result, FCS_ELIMIT);
	wait_order("a");
	stop();
	ck_assert_str_eq(order, "a");
}

UNIT(waiting_ends_at_its_time)
{
	struct write_job j[2];
	int result = 0;

	start();
	submit(&j[0], 'a', 2);
	submit_run(&j[1], 'b');
	ck_assert_int_eq(
	    commit_wait(commit, &j[1].job, 20, &result), FCS_ETIMEOUT);
	let(9);
	wait_order("ab");
	stop();
}

UNIT(failed_commit_makes_it_read_only)
{
	struct write_job j[3];
	struct commit_stats stats;

	start();
	let(9);
	atomic_store(&slow.code, FCS_EIO);
	submit(&j[0], 'a', 2);
	submit(&j[1], 'b', 3);
	commit_turn(commit);
	wait_order("ab");
	ck_assert_int_eq(j[0].result, FCS_EIO);
	ck_assert_int_eq(j[1].result, FCS_EIO);
	ck_assert_str_eq(j[0].why, "made to fail");
	ck_assert(commit_is_read_only(commit));
	atomic_store(&slow.code, FCS_OK);
	submit(&j[2], 'c', 2);
	commit_turn(commit);
	wait_order("abc");
	ck_assert_int_eq(j[2].result, FCS_EREADONLY);
	ck_assert_str_eq(j[2].why, "made to fail");
	ck_assert_int_eq(slow.group_count, 1);
	commit_stats(commit, &stats);
	ck_assert(stats.read_only);
	ck_assert_str_eq(stats.why, "made to fail");
	ck_assert_uint_eq(stats.failed, 1);
	stop();
}

UNIT(full_disk_is_tried_again_after_a_while)
{
	struct write_job j[3];
	struct timespec t = { 0, 20 * 1000000 };

	start();
	let(9);
	atomic_store(&slow.code, FCS_ENOSPC);
	submit(&j[0], 'a', 2);
	commit_turn(commit);
	wait_order("a");
	atomic_store(&slow.code, FCS_OK);
	submit(&j[1], 'b', 2);
	commit_turn(commit);
	wait_order("ab");
	ck_assert_int_eq(j[1].result, FCS_EREADONLY);
	while (commit_is_read_only(commit))
		nanosleep(&t, NULL);
	submit(&j[2], 'c', 2);
	commit_turn(commit);
	wait_order("abc");
	ck_assert_int_eq(j[2].result, FCS_OK);
	stop();
}

UNIT(stopping_finishes_what_was_submitted)
{
	struct write_job j[3];
	struct commit_stats stats;

	start();
	let(9);
	submit(&j[0], 'a', 2);
	commit_turn(commit);
	wait_order("a");
	commit_stats(commit, &stats);
	ck_assert_uint_eq(stats.commits, 1);
	ck_assert_uint_eq(stats.batches, 1);
	ck_assert_uint_ge(stats.p99_us, stats.p50_us);
	submit(&j[1], 'b', 3);
	submit_run(&j[2], 'c');
	stop();
	ck_assert_str_eq(order, "abc");
	ck_assert_int_eq(j[1].result, FCS_OK);
}

UNIT_MAIN
