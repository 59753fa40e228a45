/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/buf.h"

#include "tests/lib/unit.h"

UNIT(writers_are_big_endian)
{
	struct buf b;
	size_t n;
	uint8_t *want = unit_hex("01 0203 040506 0708090a 0102030405060708 "
				 "04030201 3ff8000000000000",
	    &n);

	buf_init(&b, 0);
	buf_u8(&b, 1);
	buf_be16(&b, 0x0203);
	buf_be24(&b, 0xff040506);
	buf_be32(&b, 0x0708090a);
	buf_be64(&b, 0x0102030405060708);
	buf_le32(&b, 0x01020304);
	buf_f64(&b, 1.5);
	ck_assert_int_eq(buf_status(&b), FCS_OK);
	ck_assert_uint_eq(buf_len(&b), n);
	ck_assert_mem_eq(buf_data(&b), want, n);
	buf_fini(&b);
	free(want);
}

UNIT(append_and_consume_keep_order_over_many_rounds)
{
	struct buf b;
	unsigned in = 0;
	unsigned out = 0;

	buf_init(&b, 0);
	for (int round = 0; round < 2000; round++) {
		for (int i = 0; i < round % 37; i++)
			buf_be32(&b, in++);
		for (int i = 0; i < round % 31 && buf_len(&b) >= 4; i++) {
			const uint8_t *p = buf_data(&b);

			ck_assert_uint_eq(
			    out++, (unsigned)p[0] << 24 | (unsigned)p[1] << 16 |
				       (unsigned)p[2] << 8 | p[3]);
			buf_consume(&b, 4);
		}
	}
	ck_assert_uint_eq(buf_len(&b), (in - out) * 4);
	buf_fini(&b);
}

UNIT(a_steady_flow_does_not_grow_the_memory)
{
	struct buf b;

	buf_init(&b, 0);
	for (int i = 0; i < 100000; i++) {
		buf_fill(&b, i, 100);
		if (buf_len(&b) >= 300)
			buf_consume(&b, 100);
	}
	ck_assert_uint_lt(buf_get_mem(&b), 2048);
	buf_fini(&b);
}

UNIT(the_limit_sticks_and_keeps_what_was_there)
{
	struct buf b;

	buf_init(&b, 8);
	buf_be64(&b, 1);
	ck_assert_int_eq(buf_status(&b), FCS_OK);
	buf_u8(&b, 1);
	ck_assert_int_eq(buf_status(&b), FCS_ELIMIT);
	ck_assert_uint_eq(buf_len(&b), 8);
	buf_consume(&b, 8);
	buf_u8(&b, 1);
	ck_assert_uint_eq(buf_len(&b), 0);
	buf_reset(&b, 1024);
	buf_u8(&b, 1);
	ck_assert_int_eq(buf_status(&b), FCS_OK);
	ck_assert_uint_eq(buf_len(&b), 1);
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX));
	buf_fini(&b);
}

UNIT(huge_reservations_fail_without_overflow)
{
	struct buf b;

	buf_init(&b, 0);
	buf_u8(&b, 1);
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX));
	ck_assert_int_eq(buf_status(&b), FCS_ENOMEM);
	ck_assert_uint_eq(buf_len(&b), 1);
	buf_fini(&b);
}

UNIT(patch_truncate_and_take)
{
	struct buf b;
	uint8_t *p;
	size_t n;

	buf_init(&b, 0);
	buf_append(&b, "xxhello", 7);
	buf_consume(&b, 2);
	buf_patch(&b, 1, "a", 1);
	buf_truncate(&b, 4);
	p = buf_take(&b, &n);
	ck_assert_uint_eq(n, 4);
	ck_assert_mem_eq(p, "hall", 4);
	free(p);
	ck_assert_uint_eq(buf_len(&b), 0);
	ck_assert_ptr_null(buf_take(&b, &n));
	ck_assert_uint_eq(n, 0);
}

UNIT_MAIN
