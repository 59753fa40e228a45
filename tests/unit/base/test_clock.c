/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"

#include "tests/lib/unit.h"

static int64_t
fixed(void *arg)
{
	return *(int64_t *)arg;
}

UNIT(time_can_be_replaced)
{
	int64_t now = 5000123;
	struct clock_source src = { fixed, fixed, &now };

	clock_set(&src);
	ck_assert_int_eq(clock_us(), 5000123);
	ck_assert_int_eq(clock_ms(), 5000);
	ck_assert_int_eq(clock_wall_ms(), 5000);
	clock_set(NULL);
	ck_assert_int_gt(clock_wall_ms(), 1500000000000);
}

UNIT(the_monotonic_clock_never_falls)
{
	int64_t last = clock_us();

	for (int i = 0; i < 10000; i++) {
		int64_t now = clock_us();

		ck_assert_int_ge(now, last);
		last = now;
	}
}

UNIT(text_is_utc_with_milliseconds)
{
	char out[CLOCK_TEXT_MAX];

	ck_assert_str_eq(clock_text(0, out), "1970-01-01T00:00:00.000Z");
	ck_assert_str_eq(
	    clock_text(1700000000123456, out), "2023-11-14T22:13:20.123Z");
	ck_assert_str_eq(clock_text(-1000, out), "1969-12-31T23:59:59.999Z");
	ck_assert_str_eq(clock_text(INT64_MAX, out), "-");
}

UNIT_MAIN
