/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/message.h"

#include "tests/unit/codec/vec.h"

UNIT(types_have_names)
{
	ck_assert_str_eq(message_type_text(MESSAGE_VIDEO), "video");
	ck_assert_str_eq(message_type_text(MESSAGE_AGGREGATE), "aggregate");
	ck_assert_str_eq(message_type_text(0), "unknown");
	ck_assert_str_eq(message_type_text(7), "unknown");
	ck_assert_str_eq(message_type_text(255), "unknown");
}

static const char *const three = "08 000002 0003e8 00 000000 af01 0000000d"
				 "09 000003 0003fc 00 000000 270100 0000000e"
				 "12 000000 000400 01 000000 0000000b";

UNIT(an_aggregate_is_taken_apart)
{
	size_t len, pos = 0;
	uint8_t *data = unit_hex(three, &len);
	struct message m = vec_message(MESSAGE_AGGREGATE, data, len), part;
	uint32_t first = 0;

	m.ts_ms = 5000;
	m.msid = 7;
	ck_assert_int_eq(message_aggregate_next(&m, &pos, &first, &part), 0);
	ck_assert_uint_eq(part.type, MESSAGE_AUDIO);
	ck_assert_uint_eq(part.ts_ms, 5000);
	ck_assert_uint_eq(part.msid, 7);
	ck_assert_uint_eq(part.len, 2);
	ck_assert_int_eq(message_aggregate_next(&m, &pos, &first, &part), 0);
	ck_assert_uint_eq(part.type, MESSAGE_VIDEO);
	ck_assert_uint_eq(part.ts_ms, 5020);
	ck_assert_uint_eq(part.payload[0], 0x27);
	ck_assert_int_eq(message_aggregate_next(&m, &pos, &first, &part), 0);
	ck_assert_uint_eq(part.len, 0);
	ck_assert_uint_eq(part.ts_ms, 5000 + 0x01000400 - 1000);
	ck_assert_int_eq(
	    message_aggregate_next(&m, &pos, &first, &part), FCS_ENOENT);
	free(data);
}

UNIT(the_last_back_pointer_may_be_cut)
{
	size_t len, pos = 0;
	uint8_t *data = unit_hex("08 000002 000000 00 000000 af01 0000", &len);
	struct message m = vec_message(MESSAGE_AGGREGATE, data, len), part;
	uint32_t first;

	ck_assert_int_eq(message_aggregate_next(&m, &pos, &first, &part), 0);
	ck_assert_int_eq(
	    message_aggregate_next(&m, &pos, &first, &part), FCS_ENOENT);
	free(data);
}

static void
try_parts(const uint8_t *data, size_t len)
{
	struct message m = vec_message(MESSAGE_AGGREGATE, data, len), part;
	uint32_t first = 0, n = 0;
	size_t pos = 0;

	while (message_aggregate_next(&m, &pos, &first, &part) == FCS_OK) {
		ck_assert_uint_le(pos, len);
		ck_assert_uint_le(part.len, len);
		n += part.len > 0 ? part.payload[part.len - 1] : 1u;
	}
	ck_assert_uint_lt(n, 1u << 20);
}

UNIT(sizes_that_do_not_fit_are_refused)
{
	size_t len, pos = 0;
	uint8_t *data = unit_hex("08 000003 000000 00 000000 af01", &len);
	struct message m = vec_message(MESSAGE_AGGREGATE, data, len), part;
	uint32_t first;

	ck_assert_int_eq(
	    message_aggregate_next(&m, &pos, &first, &part), FCS_EFORMAT);
	m.len = 10;
	ck_assert_int_eq(
	    message_aggregate_next(&m, &pos, &first, &part), FCS_EFORMAT);
	free(data);
	data = unit_hex(three, &len);
	vec_mutations(data, len, try_parts);
	free(data);
}

UNIT_MAIN
