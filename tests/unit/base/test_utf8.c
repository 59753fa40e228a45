/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/utf8.h"

#include "tests/lib/unit.h"

UNIT(every_character_goes_there_and_back)
{
	char out[4];
	size_t n, m;

	for (uint32_t cp = 0; cp < 0x110400; cp += 7) {
		n = utf8_put(cp, out);
		if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) {
			ck_assert_uint_eq(n, 0);
			continue;
		}
		ck_assert_uint_eq(utf8_next(out, n, &m), cp);
		ck_assert_uint_eq(n, m);
		ck_assert(utf8_valid(out, n));
		if (n > 1)
			ck_assert(!utf8_valid(out, n - 1));
	}
}

UNIT(bad_forms_are_refused)
{
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf",
		"\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82",
		"\xe2\x28\xa1", "a\xfe" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(
		    !utf8_valid(bad[i], strlen(bad[i])), "case %zu", i);
	ck_assert(utf8_valid("a\0b", 3));
	ck_assert(utf8_valid("", 0));
}

UNIT(cutting_never_splits_a_character)
{
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
	static const size_t want[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11,
		11 };

	for (size_t max = 0; max < 13; max++)
		ck_assert_uint_eq(utf8_cut(text, 11, max), want[max]);
	ck_assert_uint_eq(utf8_cut("\x80\x80\x80\x80\x80", 5, 4), 4);
}

UNIT_MAIN
