/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/err.h"

#include <errno.h>

#include "tests/lib/unit.h"

UNIT(every_code_has_text_and_symbol)
{
#define X(symbol, value, text)                                                 \
	ck_assert_str_eq(err_text(value), text);                               \
	ck_assert_str_eq(err_name(value), #symbol);
	FCS_ERRORS(X)
#undef X
	ck_assert_str_eq(err_text(-9999), "unknown error");
	ck_assert_str_eq(err_name(1), "unknown");
}

UNIT(set_keeps_code_and_text)
{
	struct err e;

	ck_assert_int_eq(err_set(&e, FCS_EIO, "x %d", 7), FCS_EIO);
	ck_assert_int_eq(e.code, FCS_EIO);
	ck_assert_str_eq(e.text, "x 7");
	ck_assert_int_eq(err_set(NULL, FCS_EIO, "x"), FCS_EIO);
}

UNIT(long_text_is_cut_between_characters)
{
	struct err e;
	char text[400];

	for (size_t i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xe2\x82\xac", 4);
	err_set(&e, FCS_EIO, "%s", text);
	ck_assert_uint_eq(strlen(e.text) % 3, 0);
	ck_assert_uint_gt(strlen(e.text), ERR_TEXT_MAX - 5);
}

UNIT(system_errors_carry_their_reason)
{
	struct err e;

	ck_assert_int_eq(err_sys(&e, ENOENT, "open %s", "f"), FCS_ENOENT);
	ck_assert_str_eq(e.text, "open f: No such file or directory");
	ck_assert_int_eq(err_from_errno(ENOSPC), FCS_ENOSPC);
	ck_assert_int_eq(err_from_errno(12345), FCS_ESYS);
}

UNIT(prefix_goes_before_the_text)
{
	struct err e;

	err_set(&e, FCS_EIO, "inner");
	err_prefix(&e, "outer %d", 1);
	ck_assert_str_eq(e.text, "outer 1: inner");
	ck_assert_int_eq(e.code, FCS_EIO);
}

UNIT_MAIN
