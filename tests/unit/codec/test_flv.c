/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/flv.h"

#include "tests/unit/codec/vec.h"

UNIT(header_goes_both_ways)
{
	bool audio, video;
	uint32_t at;
	struct buf b;

	for (int i = 0; i < 4; i++) {
		buf_init(&b, 0);
		flv_write_header(&b, i & 1, i & 2);
		ck_assert_uint_eq(buf_len(&b), FLV_HEADER_SIZE);
		ck_assert_int_eq(flv_read_header(buf_data(&b), buf_len(&b), &at,
				     &audio, &video),
		    FCS_OK);
		ck_assert_uint_eq(at, 13);
		ck_assert_int_eq(audio, i & 1);
		ck_assert_int_eq(video, (i & 2) != 0);
		buf_fini(&b);
	}
	buf_init(&b, 0);
	flv_write_header(&b, true, true);
	vec_is(&b, "46 4c 56 01 05 00 00 00 09 00 00 00 00");
	buf_fini(&b);
}

static int
header(const char *hex)
{
	size_t len;
	uint8_t *data = unit_hex(hex, &len);
	bool audio, video;
	uint32_t at;
	int rc = flv_read_header(data, len, &at, &audio, &video);

	free(data);
	return rc;
}

UNIT(what_is_no_header_is_refused)
{
	ck_assert_int_eq(header("464c5601050000000900000000"), FCS_OK);
	ck_assert_int_eq(header("464c5601050000001000000000"), FCS_OK);
	ck_assert_int_eq(header(""), FCS_EFORMAT);
	ck_assert_int_eq(header("464c560105000000090000"), FCS_EFORMAT);
	ck_assert_int_eq(header("464c5602050000000900000000"), FCS_EFORMAT);
	ck_assert_int_eq(header("474c5601050000000900000000"), FCS_EFORMAT);
	ck_assert_int_eq(header("464c5601050000000800000000"), FCS_EFORMAT);
	ck_assert_int_eq(header("464c560105ffffffff00000000"), FCS_EFORMAT);
}

UNIT(a_tag_goes_both_ways)
{
	struct flv_tag t;
	struct buf b;

	buf_init(&b, 0);
	flv_write_tag(&b, 9, 0x01020304, (const uint8_t *)"abc", 3);
	vec_is(&b, "09 000003 020304 01 000000 616263 0000000e");
	ck_assert_int_eq(flv_read_tag(buf_data(&b), &t), FCS_OK);
	ck_assert_uint_eq(t.type, 9);
	ck_assert_uint_eq(t.size, 3);
	ck_assert_uint_eq(t.ts_ms, 0x01020304);
	ck_assert(!t.filtered);
	buf_reset(&b, 0);
	flv_write_tag(&b, 8, 0, NULL, 0);
	vec_is(&b, "08 000000 000000 00 000000 0000000b");
	flv_write_tag(&b, 8, 0, NULL, FLV_TAG_SIZE_MAX + 1);
	ck_assert_int_eq(buf_status(&b), FCS_ELIMIT);
	buf_fini(&b);
}

UNIT(types_of_tags)
{
	uint8_t data[FLV_TAG_HEADER] = { 0 };
	struct flv_tag t;

	for (unsigned i = 0; i < 256; i++) {
		unsigned type = i & 0x1f;
		bool known = type == 8 || type == 9 || type == 15 || type == 18;

		data[0] = (uint8_t)i;
		ck_assert_int_eq(flv_read_tag(data, &t),
		    known && i < 0x40 ? FCS_OK : FCS_EFORMAT);
		if (known && i < 0x40)
			ck_assert_int_eq(t.filtered, i >= 0x20);
	}
}

UNIT_MAIN
