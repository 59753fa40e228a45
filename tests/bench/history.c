/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * history - what the history of a shared object costs in the SQLite store, as
 * ratios of processor time: with against without, long against short. Not part
 * of check (make bench). The limits are far above what was measured.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/store/store_lib.h"

#define BATCHES 4000

static double
cpu_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct store *
open_store(void)
{
	struct store *s;
	struct err why;

	ck_assert_int_eq(
	    sodb_open(unit_tmpdir(), STORE_SYNC_NORMAL, &s, &why), FCS_OK);
	return s;
}

static void
note(const char *what, double a, double b)
{
	printf("# %s: %.1f against %.1f us, ratio %.2f\n", what, a, b, a / b);
}

static uint64_t version;

/* One slot of many, 100 bytes, by a user. */
static void
write_one(struct store *s, const char *object, const char *user,
    enum store_kind kind, uint64_t target, bool no_history)
{
	static uint8_t value[100];
	char slot[16];
	struct store_change c = { slot, 0, value, sizeof(value), NULL };
	struct store_batch b = { .inst = "i",
		.object = object,
		.version = version + 1,
		.user = user,
		.at_ms = (int64_t)version + 1,
		.changes = &c,
		.count = 1,
		.no_history = no_history,
		.kind = kind,
		.target = target };
	struct store_batch *list[] = { &b };
	struct err why;

	version++;
	c.slot_len = (size_t)snprintf(
	    slot, sizeof(slot), "s%u", (unsigned)(version * 7919 % 1000));
	ck_assert_int_eq(s->ops->commit(s, list, 1, &why), FCS_OK);
	ck_assert_int_eq(b.result, FCS_OK);
	if (s->ops->log_bytes(s) > 4 << 20)
		ck_assert_int_eq(s->ops->idle(s), FCS_OK);
}

/* Microseconds a batch, with a trim behind every 256. */
static double
write_many(struct store *s, const char *object, bool no_history, uint32_t keep)
{
	double start;
	bool more = false;

	version = 1;
	start = cpu_us();
	for (int i = 0; i < BATCHES; i++) {
		write_one(s, object, "ann", STORE_CHANGE, 0, no_history);
		if (keep != 0 && i % 256 == 255)
			do {
				ck_assert_int_eq(s->ops->trim(s, "i", object,
						     keep, INT64_MIN, &more),
				    FCS_OK);
			} while (more);
	}
	return (cpu_us() - start) / BATCHES;
}

UNIT_TIMEOUT(commit_with_history_against_without, 60)
{
	struct store *s = open_store();
	double without, with, trimmed;

	(void)write_many(s, "warm", false, 0);
	without = write_many(s, "without", true, 0);
	with = write_many(s, "with", false, 0);
	trimmed = write_many(s, "trimmed", false, 1000);
	note("commit with history and without", with, without);
	note("commit with history bounded to 1,000 and not", trimmed, with);
	ck_assert_double_lt(with, 4 * without);
	ck_assert_double_lt(trimmed, 3 * with);
	s->ops->close(s);
}

/* Processor time of a trim of 256 lines of `keep` that stay. */
static double
trim_cost(struct store *s, const char *object, uint32_t keep)
{
	double start, spent = 0;
	bool more;

	version = 1;
	for (uint32_t i = 0; i < keep; i++)
		write_one(s, object, "ann", STORE_CHANGE, 0, false);
	for (int n = 0; n < 8; n++) {
		for (int i = 0; i < 256; i++)
			write_one(s, object, "ann", STORE_CHANGE, 0, false);
		start = cpu_us();
		ck_assert_int_eq(
		    s->ops->trim(s, "i", object, keep, INT64_MIN, &more),
		    FCS_OK);
		spent += cpu_us() - start;
	}
	return spent / 8;
}

UNIT_TIMEOUT(trim_of_a_long_history_against_a_short_one, 120)
{
	struct store *s = open_store();
	double shorter = trim_cost(s, "short", 1000);
	double longer = trim_cost(s, "long", 30000);

	note("trim of 256 changes, 30,000 kept and 1,000", longer, shorter);
	ck_assert_double_lt(longer, 6 * shorter);
	s->ops->close(s);
}

static int
no_slot(void *arg, const struct store_slot *slot)
{
	(void)slot;
	++*(int *)arg;
	return FCS_OK;
}

/* Undo by ann, whose newest batch is `behind` batches of others ago. */
static double
undo_cost(struct store *s, const char *object, int before, int behind)
{
	struct store_undo what = { .user = "ann" };
	uint64_t target;
	double start;
	int slots = 0;

	version = 1;
	for (int i = 0; i < before; i++)
		write_one(s, object, "eve", STORE_CHANGE, 0, false);
	write_one(s, object, "ann", STORE_CHANGE, 0, false);
	for (int i = 0; i < behind; i++)
		write_one(s, object, "bob", STORE_CHANGE, 0, false);
	start = cpu_us();
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(s->ops->undo(s, "i", object, &what, no_slot,
				     &slots, &target),
		    FCS_OK);
		ck_assert_uint_eq(target, (uint64_t)before + 2);
	}
	return (cpu_us() - start) / 20;
}

UNIT_TIMEOUT(undo_in_a_long_history_against_a_short_one, 120)
{
	struct store *s = open_store();
	double shorter = undo_cost(s, "short", 1000, 500);
	double longer = undo_cost(s, "long", 30000, 500);
	double far = undo_cost(s, "far", 1000, 30000);

	note("undo among 30,000 changes and 1,000", longer, shorter);
	note("undo 30,000 changes ago and 500", far, shorter);
	ck_assert_double_lt(longer, 10 * shorter);
	ck_assert_double_lt(far, 10 * shorter);
	s->ops->close(s);
}

UNIT_TIMEOUT(look_back_over_many_changes_against_few, 120)
{
	struct store *s = open_store();
	double start, few, many;
	int slots = 0;

	version = 1;
	for (int i = 0; i < 30000; i++)
		write_one(s, "o", "ann", STORE_CHANGE, 0, false);
	start = cpu_us();
	ck_assert_int_eq(
	    s->ops->rewind(s, "i", "o", 29001, no_slot, &slots), FCS_OK);
	few = cpu_us() - start;
	start = cpu_us();
	ck_assert_int_eq(
	    s->ops->rewind(s, "i", "o", 1, no_slot, &slots), FCS_OK);
	many = cpu_us() - start;
	note("look back over 30,000 changes and 1,000", many, few);
	ck_assert_double_lt(many, 300 * few);
	s->ops->close(s);
}

UNIT_MAIN
