/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/rnd.h"

#include "tests/lib/unit.h"

UNIT(below_stays_below_and_reaches_all)
{
	unsigned seen[7] = { 0 };

	for (int i = 0; i < 2000; i++)
		seen[rnd_below(7)]++;
	for (int i = 0; i < 7; i++)
		ck_assert_uint_gt(seen[i], 100);
	ck_assert_uint_eq(rnd_below(1), 0);
}

UNIT(texts_differ_and_hold_safe_characters)
{
	char a[17], b[17];

	rnd_text(a, 16);
	rnd_text(b, 16);
	ck_assert_str_ne(a, b);
	ck_assert_uint_eq(
	    strspn(a, "abcdefghijklmnopqrstuvwxyz0123456789"), 16);
	ck_assert(rnd_u64() != rnd_u64());
}

UNIT_MAIN
