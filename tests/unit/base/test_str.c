/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/str.h"

#include "tests/lib/unit.h"

UNIT(text_grows_and_can_be_taken)
{
	struct str s;
	char *p;

	str_init(&s);
	ck_assert_str_eq(str_text(&s), "");
	for (int i = 0; i < 100; i++)
		str_addf(&s, "%d,", i);
	ck_assert_uint_eq(s.len, 290);
	p = str_take(&s);
	ck_assert_str_eq(p + 285, "8,99,");
	free(p);
	p = str_take(&s);
	ck_assert_str_eq(p, "");
	free(p);
}

UNIT(json_strings_are_always_valid)
{
	struct str s;

	str_init(&s);
	str_add_json(&s, "a\"\\\n\t\x01\xff\xc3\xa9\0z", 11);
	ck_assert_str_eq(
	    str_text(&s), "\"a\\\"\\\\\\n\\t\\u0001\\ufffd\xc3\xa9\\u0000z\"");
	str_fini(&s);
}

static void
duration(const char *text, int rc, int64_t want)
{
	int64_t v = -7;

	ck_assert_msg(str_parse_duration(text, &v) == rc, "%s", text);
	ck_assert_msg(
	    v == (rc == FCS_OK ? want : -7), "%s: %lld", text, (long long)v);
}

UNIT(durations_have_units)
{
	duration("0", FCS_OK, 0);
	duration("500ms", FCS_OK, 500);
	duration("30s", FCS_OK, 30000);
	duration("1.5s", FCS_OK, 1500);
	duration("20m", FCS_OK, 1200000);
	duration("1h30m", FCS_OK, 5400000);
	duration("7d", FCS_OK, 604800000);
	duration("1d2h3m4s5ms", FCS_OK, 93784005);
	duration("30", FCS_EFORMAT, 0);
	duration("", FCS_EFORMAT, 0);
	duration("s", FCS_EFORMAT, 0);
	duration("30m1h", FCS_EFORMAT, 0);
	duration("1s1s", FCS_EFORMAT, 0);
	duration("-1s", FCS_EFORMAT, 0);
	duration("1.5ms", FCS_EFORMAT, 0);
	duration("1.s", FCS_EFORMAT, 0);
	duration("1 s", FCS_EFORMAT, 0);
	duration("99999999999999999999d", FCS_ERANGE, 0);
	duration("999999999999999999d", FCS_ERANGE, 0);
}

static void
size(const char *text, int rc, int64_t want)
{
	int64_t v = -7;

	ck_assert_msg(str_parse_size(text, &v) == rc, "%s", text);
	ck_assert_msg(v == (rc == FCS_OK ? want : -7), "%s", text);
}

UNIT(sizes_are_powers_of_1024)
{
	size("0", FCS_OK, 0);
	size("65536", FCS_OK, 65536);
	size("64K", FCS_OK, 65536);
	size("64k", FCS_OK, 65536);
	size("4M", FCS_OK, 4194304);
	size("1.5M", FCS_OK, 1572864);
	size("2GiB", FCS_OK, 2147483648);
	size("1TB", FCS_OK, 1099511627776);
	size("5B", FCS_OK, 5);
	size("K", FCS_EFORMAT, 0);
	size("4X", FCS_EFORMAT, 0);
	size("4Mx", FCS_EFORMAT, 0);
	size("0.3K", FCS_EFORMAT, 0);
	size("-4", FCS_EFORMAT, 0);
	size("99999999999T", FCS_ERANGE, 0);
}

UNIT(numbers_formatted_parse_to_the_same)
{
	static const int64_t v[] = { 0, 1, 999, 1000, 1500, 60000, 86400000,
		90000, 1024, 1 << 20, 5000000, (int64_t)1 << 45 };
	char out[STR_NUMBER_MAX];
	int64_t back;

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		str_format_duration(v[i], out);
		ck_assert_int_eq(str_parse_duration(out, &back), FCS_OK);
		ck_assert_int_eq(back, v[i]);
		str_format_size(v[i], out);
		ck_assert_int_eq(str_parse_size(out, &back), FCS_OK);
		ck_assert_int_eq(back, v[i]);
	}
	ck_assert_str_eq(str_format_duration(5400000, out), "90m");
	ck_assert_str_eq(str_format_size(16 << 20, out), "16M");
}

UNIT(integers_and_booleans)
{
	int64_t v;
	bool b;

	ck_assert_int_eq(str_parse_int("-12", &v), FCS_OK);
	ck_assert_int_eq(v, -12);
	ck_assert_int_eq(str_parse_int("12x", &v), FCS_EFORMAT);
	ck_assert_int_eq(str_parse_int("", &v), FCS_EFORMAT);
	ck_assert_int_eq(str_parse_int(" 1", &v), FCS_EFORMAT);
	ck_assert_int_eq(str_parse_int("99999999999999999999", &v), FCS_ERANGE);
	ck_assert_int_eq(str_parse_bool("yes", &b), FCS_OK);
	ck_assert(b);
	ck_assert_int_eq(str_parse_bool("off", &b), FCS_OK);
	ck_assert(!b);
	ck_assert_int_eq(str_parse_bool("1", &b), FCS_EFORMAT);
}

UNIT(globs_match_whole_names)
{
	char many[200];

	ck_assert(str_glob("*", ""));
	ck_assert(str_glob("room-*", "room-1"));
	ck_assert(!str_glob("room-*", "room"));
	ck_assert(str_glob("a?c*e", "abcdde"));
	ck_assert(!str_glob("a?c*e", "abcddex"));
	ck_assert(!str_glob("", "a"));
	memset(many, 'a', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	ck_assert(!str_glob("a*a*a*a*a*a*a*a*a*b", many));
}

UNIT(hex_is_lower_case)
{
	char out[9];

	str_hex("\x00\xab\x1f\xff", 4, out);
	ck_assert_str_eq(out, "00ab1fff");
}

UNIT_MAIN
