/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/cursor.h"

#include "tests/lib/unit.h"

UNIT(readers_mirror_the_writers)
{
	size_t n;
	uint8_t *p = unit_hex("01 0203 040506 0708090a 0102030405060708 "
			      "04030201 3ff8000000000000",
	    &n);
	struct cursor c;

	cursor_init(&c, p, n);
	ck_assert_int_eq(cursor_peek(&c), 1);
	ck_assert_uint_eq(cursor_u8(&c), 1);
	ck_assert_uint_eq(cursor_be16(&c), 0x0203);
	ck_assert_uint_eq(cursor_be24(&c), 0x040506);
	ck_assert_uint_eq(cursor_be32(&c), 0x0708090a);
	ck_assert(cursor_be64(&c) == 0x0102030405060708);
	ck_assert_uint_eq(cursor_le32(&c), 0x01020304);
	ck_assert_double_eq(cursor_f64(&c), 1.5);
	ck_assert(cursor_ok(&c));
	ck_assert_uint_eq(cursor_left(&c), 0);
	ck_assert_uint_eq(cursor_pos(&c), n);
	free(p);
}

UNIT(every_truncation_is_short_and_sticks)
{
	static const uint8_t bytes[15] = { 1 };

	for (size_t n = 0; n < 15; n++) {
		struct cursor c;

		cursor_init(&c, bytes, n);
		(void)cursor_u8(&c);
		(void)cursor_be16(&c);
		(void)cursor_be32(&c);
		(void)cursor_be64(&c);
		ck_assert_int_eq(c.err, FCS_ESHORT);
		ck_assert_uint_eq(cursor_left(&c), 0);
		ck_assert_uint_eq(cursor_u8(&c), 0);
		ck_assert_int_eq(cursor_peek(&c), -1);
		ck_assert_ptr_null(cursor_bytes(&c, 0));
	}
}

UNIT(the_first_error_stays)
{
	struct cursor c;

	cursor_init(&c, "abc", 3);
	ck_assert_int_eq(cursor_fail(&c, FCS_EFORMAT), FCS_EFORMAT);
	(void)cursor_u8(&c);
	ck_assert_int_eq(c.err, FCS_EFORMAT);
	ck_assert_int_eq(cursor_fail(&c, FCS_EIO), FCS_EFORMAT);
}

UNIT(nothing_at_all_is_readable_as_nothing)
{
	struct cursor c;

	cursor_init(&c, NULL, 0);
	ck_assert_ptr_nonnull(cursor_bytes(&c, 0));
	ck_assert(cursor_ok(&c));
	cursor_skip(&c, 1);
	ck_assert_int_eq(c.err, FCS_ESHORT);
	cursor_init(&c, "ab", 2);
	ck_assert_ptr_null(cursor_bytes(&c, SIZE_MAX));
}

UNIT_MAIN
