/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/chunk.h"

#include "tests/unit/codec/vec.h"

#define KEEP 64

static const struct chunk_limits limits = { .max_csids = 64,
	.max_message = 1 << 20,
	.max_media = (16 << 20) - 1,
	.max_audio = 2 << 20,
	.max_control = 64,
	.max_partial = 32 << 20 };

static struct message got[KEEP];
static uint32_t got_count;
static int stop_at = -1;
static const uint8_t *in_place; /* payload address of the last message */

static int
take(void *arg, const struct message *m)
{
	uint8_t *copy = malloc(m->len + 1);

	(void)arg;
	ck_assert_uint_lt(got_count, KEEP);
	memcpy(copy, m->payload, m->len);
	in_place = m->payload;
	got[got_count] = *m;
	got[got_count++].payload = copy;
	return (int)got_count - 1 == stop_at ? FCS_EREJECT : FCS_OK;
}

static void
forget(void)
{
	while (got_count > 0)
		free((void *)(uintptr_t)got[--got_count].payload);
}

static int
feed(struct chunk_reader *r, const uint8_t *data, size_t len)
{
	struct err why = { 0 };
	size_t used = 99;
	int rc = chunk_reader_feed(r, data, len, &used, &why);

	if (rc == FCS_OK)
		ck_assert_uint_eq(used, len);
	else
		ck_assert_int_ne(why.text[0], '\0');
	return rc;
}

static int
feed_hex(struct chunk_reader *r, const char *hex)
{
	size_t len;
	uint8_t *data = unit_hex(hex, &len);
	int rc = feed(r, data, len);

	free(data);
	return rc;
}

/* Result of a fresh reader for hex. */
static int
result(const char *hex)
{
	struct chunk_reader *r = chunk_reader_new(&limits, take, NULL);
	int rc;

	forget();
	rc = feed_hex(r, hex);
	chunk_reader_free(r);
	return rc;
}

static void
times_are(const uint32_t *want, uint32_t n)
{
	ck_assert_uint_eq(got_count, n);
	for (uint32_t i = 0; i < n; i++)
		ck_assert_uint_eq(got[i].ts_ms, want[i]);
}

UNIT(a_message_is_written_with_a_full_header)
{
	struct buf b;

	buf_init(&b, 0);
	chunk_write(&b, 3, 19, 0, 0, (const uint8_t *)"abc", 3, 128);
	vec_is(&b, "03 000000 000003 13 00000000 616263");
	buf_reset(&b, 0);
	chunk_write(&b, 5, 8, 1, 0x123456, (const uint8_t *)"abcde", 5, 2);
	vec_is(&b, "05 123456 000005 08 01000000 6162 c5 6364 c5 65");
	buf_reset(&b, 0);
	chunk_write(&b, 2, 1, 0, 7, NULL, 0, 128);
	vec_is(&b, "02 000007 000000 01 00000000");
	buf_reset(&b, 0);
	chunk_write(&b, 4, 9, 0x01020304, 1, (const uint8_t *)"ab", 2, 2);
	vec_is(&b, "04 000001 000002 09 04030201 6162");
	buf_fini(&b);
}

UNIT(the_first_dump_inside_a_chunk)
{
	ck_assert_int_eq(
	    result("03 000000 000017 13 00000000 00 04 63 68 61 74 00 00 00 00"
		   "00 00 00 00 00 00 00 00 01 00 00 00 00"),
	    FCS_OK);
	ck_assert_uint_eq(got_count, 1);
	ck_assert_uint_eq(got[0].type, 19);
	ck_assert_uint_eq(got[0].len, 23);
	ck_assert_uint_eq(got[0].csid, 3);
}

UNIT(chunk_stream_ids_have_three_forms)
{
	static const struct {
		uint32_t csid;
		const char *hex;
	} rows[] = {
		{ 2, "02" },
		{ 63, "3f" },
		{ 64, "00 00" },
		{ 319, "00 ff" },
		{ 320, "01 00 01" },
		{ 65599, "01 ff ff" },
	};
	char hex[64];
	struct buf b;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_init(&b, 0);
		chunk_write(
		    &b, rows[i].csid, 8, 1, 0, (const uint8_t *)"x", 1, 128);
		snprintf(hex, sizeof(hex), "%s 000000 000001 08 01000000 78",
		    rows[i].hex);
		vec_is(&b, hex);
		ck_assert_int_eq(result(hex), FCS_OK);
		ck_assert_uint_eq(got[0].csid, rows[i].csid);
		buf_fini(&b);
	}
	/* the long form is legal for small ids too */
	ck_assert_int_eq(
	    result("01 00 00 000000 000001 08 01000000 78"), FCS_OK);
	ck_assert_uint_eq(got[0].csid, 64);
}

UNIT(extended_timestamps_start_at_ffffff)
{
	struct buf b;

	buf_init(&b, 0);
	chunk_write(&b, 4, 8, 1, 0xFFFFFE, (const uint8_t *)"ab", 2, 1);
	vec_is(&b, "04 fffffe 000002 08 01000000 61 c4 62");
	buf_reset(&b, 0);
	chunk_write(&b, 4, 8, 1, 0xFFFFFF, (const uint8_t *)"ab", 2, 1);
	vec_is(&b, "04 ffffff 000002 08 01000000 00ffffff 61 c4 00ffffff 62");
	buf_reset(&b, 0);
	chunk_write(&b, 4, 8, 1, 0x01020304, (const uint8_t *)"a", 1, 1);
	vec_is(&b, "04 ffffff 000001 08 01000000 01020304 61");
	buf_fini(&b);
}

UNIT(wire_length_is_what_is_written)
{
	static const uint32_t sizes[] = { 0, 1, 2, 127, 128, 129, 60000 };
	static const uint32_t lens[] = { 0, 1, 127, 128, 129, 256, 257, 1000 };
	static const uint32_t csids[] = { 2, 63, 64, 319, 320, 65599 };
	uint8_t payload[1000] = { 0 };
	struct buf b;

	for (int s = 0; s < 7; s++)
		for (int l = 0; l < 8; l++)
			for (int c = 0; c < 6; c++)
				for (int t = 0; t < 2; t++) {
					uint32_t ts = t ? 0x1000000 : 5;

					buf_init(&b, 0);
					chunk_write(&b, csids[c], 9, 1, ts,
					    payload, lens[l], sizes[s]);
					ck_assert_uint_eq(buf_len(&b),
					    chunk_wire_len(csids[c], ts,
						lens[l], sizes[s]));
					buf_fini(&b);
				}
}

UNIT(a_message_too_long_is_an_error_of_the_buffer)
{
	struct buf b;

	buf_init(&b, 0);
	chunk_write(&b, 3, 9, 1, 0, NULL, CHUNK_LENGTH_MAX + 1, 128);
	ck_assert_int_eq(buf_status(&b), FCS_ELIMIT);
	ck_assert_uint_eq(buf_len(&b), 0);
}

UNIT(fmt_1_and_2_add_their_delta)
{
	const uint32_t want[] = { 1000, 1020, 1060, 1100 };

	ck_assert_int_eq(result("04 0003e8 000001 08 01000000 61"
				"44 000014 000002 08 6162"
				"84 000028 6162"
				"c4 6162"),
	    FCS_OK);
	times_are(want, 4);
	ck_assert_uint_eq(got[3].msid, 1);
	ck_assert_uint_eq(got[3].len, 2);
}

UNIT(fmt_3_after_fmt_0_adds_the_absolute_time)
{
	const uint32_t want[] = { 1000, 2000, 3000, 3040, 3080 };

	ck_assert_int_eq(result("04 0003e8 000001 08 01000000 61"
				"c4 61 c4 61 84 000028 61 c4 61"),
	    FCS_OK);
	times_are(want, 5);
}

UNIT(streams_keep_their_own_times)
{
	const uint32_t want[] = { 100, 7, 140, 17 };

	ck_assert_int_eq(result("04 000064 000001 08 01000000 61"
				"06 000007 000001 09 01000000 61"
				"84 000028 61"
				"86 00000a 61"),
	    FCS_OK);
	times_are(want, 4);
}

UNIT(times_wrap_at_32_bits)
{
	const uint32_t want[] = { 0xFFFFFFF0, 0x10 };

	ck_assert_int_eq(result("04 ffffff 000001 08 01000000 fffffff0 61"
				"84 000020 61"),
	    FCS_OK);
	times_are(want, 2);
}

UNIT(type_3_with_and_without_the_extended_time)
{
	ck_assert_int_eq(
	    result("02 000000 000004 01 00000000 00000002"
		   "04 ffffff 000003 08 01000000 01000000 6162 c4 01000000 63"
		   "05 ffffff 000003 08 01000000 01000000 6162 c5 63"),
	    FCS_OK);
	ck_assert_uint_eq(got_count, 3);
	ck_assert_uint_eq(got[1].ts_ms, 0x01000000);
	ck_assert_uint_eq(got[2].ts_ms, 0x01000000);
	ck_assert_mem_eq(got[1].payload, "abc", 3);
	ck_assert_mem_eq(got[2].payload, "abc", 3);
}

UNIT(the_extended_time_to_compare_is_the_field)
{
	/* fmt 1 with an extended delta of 0x01000005 on base 16 */
	ck_assert_int_eq(
	    result("02 000000 000004 01 00000000 00000002"
		   "04 000010 000001 08 01000000 61"
		   "44 ffffff 000003 08 01000005 6162 c4 01000005 63"),
	    FCS_OK);
	ck_assert_uint_eq(got_count, 3);
	ck_assert_uint_eq(got[2].ts_ms, 0x01000015);
	ck_assert_mem_eq(got[2].payload, "abc", 3);
}

UNIT(payload_that_begins_like_the_time_is_not_lost)
{
	/* no repetition, and the payload begins 01 00 00 63: three bytes are
	 * taken and given back; then 1 of 1 bytes left, next header follows */
	ck_assert_int_eq(result("02 000000 000004 01 00000000 00000004"
				"04 ffffff 000008 08 01000000 01000000 61626364"
				" c4 01000063"
				"04 000001 000001 08 01000000 7a"),
	    FCS_OK);
	ck_assert_uint_eq(got_count, 3);
	ck_assert_mem_eq(got[1].payload, "abcd\1\0\0c", 8);
	ck_assert_mem_eq(got[2].payload, "z", 1);
	/* one byte left: 01 is payload, 00 is the next basic header */
	ck_assert_int_eq(
	    result("02 000000 000004 01 00000000 00000004"
		   "04 ffffff 000005 08 01000000 01000000 61626364 c4 01"
		   "00 05 000001 000001 08 01000000 7a"),
	    FCS_OK);
	ck_assert_uint_eq(got_count, 3);
	ck_assert_mem_eq(got[1].payload, "abcd\1", 5);
	ck_assert_uint_eq(got[2].csid, 69);
}

UNIT(a_new_message_of_fmt_3_always_has_the_extended_time)
{
	const uint32_t want[] = { 0x01000000, 0x02000000 };

	ck_assert_int_eq(result("04 ffffff 000001 08 01000000 01000000 61"
				"c4 01000000 62"),
	    FCS_OK);
	times_are(want, 2);
	ck_assert_mem_eq(got[1].payload, "b", 1);
}

/* Messages of every sort: interleaved, long, extended, sized. */
static void
mixed(struct buf *b)
{
	static uint8_t payload[70000];
	uint8_t four[4] = { 0, 0, 0x10, 0 };

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7);
	chunk_write(b, 3, 20, 0, 0, payload, 300, 128);
	chunk_write(b, 4, 8, 1, 0x01000000, payload, 300, 128);
	chunk_write(b, 2, 1, 0, 0, four, 4, 128);
	chunk_write(b, 6, 9, 1, 40, payload, 70000, 4096);
	chunk_write(b, 400, 18, 1, 41, payload, 0, 4096);
	chunk_write(b, 64, 8, 1, 0xFFFFFFFF, payload, 5000, 4096);
}

static void
mixed_is_there(void)
{
	static const uint32_t lens[] = { 300, 300, 4, 70000, 0, 5000 };

	ck_assert_uint_eq(got_count, 6);
	for (int i = 0; i < 6; i++) {
		ck_assert_uint_eq(got[i].len, lens[i]);
		for (size_t k = 0; i != 2 && k < lens[i]; k++)
			ck_assert_uint_eq(got[i].payload[k], (uint8_t)(k * 7));
	}
	ck_assert_uint_eq(got[1].ts_ms, 0x01000000);
	ck_assert_uint_eq(got[5].ts_ms, 0xFFFFFFFF);
	ck_assert_uint_eq(got[4].csid, 400);
}

UNIT(input_may_come_in_pieces_of_any_size)
{
	static const size_t pieces[] = { 1, 2, 3, 5, 7, 11, 127, 128, 129, 4096,
		100000 };
	struct buf b;

	buf_init(&b, 0);
	mixed(&b);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct chunk_reader *r = chunk_reader_new(&limits, take, NULL);

		forget();
		for (size_t at = 0; at < buf_len(&b); at += pieces[i]) {
			size_t n = buf_len(&b) - at;

			n = n < pieces[i] ? n : pieces[i];
			ck_assert_int_eq(feed(r, buf_data(&b) + at, n), FCS_OK);
		}
		mixed_is_there();
		ck_assert_uint_eq(chunk_reader_pending(r), 0);
		ck_assert_uint_eq(chunk_reader_size(r), 4096);
		chunk_reader_free(r);
	}
	buf_fini(&b);
}

UNIT(extended_times_survive_pieces_of_one_byte)
{
	const char *hex = "02 000000 000004 01 00000000 00000004"
			  "04 ffffff 000008 08 01000000 01000000 61626364"
			  " c4 01000063"
			  "04 ffffff 000008 08 01000000 01000000 61626364"
			  " c4 01000000 65666768"
			  "04 ffffff 000005 08 01000000 01000000 61626364 c4 01"
			  "00 05 000001 000001 08 01000000 7a";
	struct chunk_reader *r = chunk_reader_new(&limits, take, NULL);
	size_t len;
	uint8_t *data = unit_hex(hex, &len);

	for (size_t i = 0; i < len; i++)
		ck_assert_int_eq(feed(r, data + i, 1), FCS_OK);
	ck_assert_uint_eq(got_count, 5);
	ck_assert_mem_eq(got[1].payload, "abcd\1\0\0c", 8);
	ck_assert_mem_eq(got[2].payload, "abcdefgh", 8);
	ck_assert_mem_eq(got[3].payload, "abcd\1", 5);
	ck_assert_mem_eq(got[4].payload, "z", 1);
	chunk_reader_free(r);
	free(data);
}

UNIT(two_messages_may_interleave)
{
	ck_assert_int_eq(
	    result("02 000000 000004 01 00000000 00000002"
		   "04 000000 000004 08 01000000 6162"
		   "06 000000 000004 09 01000000 3132 c4 6364 c6 3334"),
	    FCS_OK);
	ck_assert_uint_eq(got_count, 3);
	ck_assert_mem_eq(got[1].payload, "abcd", 4);
	ck_assert_mem_eq(got[2].payload, "1234", 4);
}

UNIT(chunk_size_changes_between_chunks_of_a_message)
{
	ck_assert_int_eq(result("02 000000 000004 01 00000000 00000002"
				"04 000000 000005 08 01000000 6162"
				"02 000000 000004 01 00000000 0000 c2 0003"
				"c4 636465"),
	    FCS_OK);
	ck_assert_uint_eq(got_count, 3);
	ck_assert_mem_eq(got[2].payload, "abcde", 5);
}

UNIT(abort_drops_the_unfinished_message)
{
	/* after the abort a fmt 0 begins anew, and so would a fmt 3 */
	ck_assert_int_eq(result("02 000000 000004 01 00000000 00000002"
				"04 000064 000004 08 01000000 6162"
				"02 000000 000004 02 00000000 0000 c2 0004"
				"04 000064 000002 08 01000000 3132"
				"02 000000 000004 02 00000000 0000 c2 0063"),
	    FCS_OK);
	ck_assert_uint_eq(got_count, 4);
	ck_assert_uint_eq(got[1].type, 2);
	ck_assert_mem_eq(got[2].payload, "12", 2);
	ck_assert_int_eq(
	    result("02 000000 000003 02 00000000 000000"), FCS_EFORMAT);
}

UNIT(chunk_sizes_are_checked)
{
	ck_assert_int_eq(
	    result("02 000000 000004 01 00000000 00000000"), FCS_EFORMAT);
	ck_assert_int_eq(
	    result("02 000000 000004 01 00000000 80000000"), FCS_EFORMAT);
	ck_assert_int_eq(
	    result("02 000000 000004 01 00000000 ffffffff"), FCS_EFORMAT);
	ck_assert_int_eq(
	    result("02 000000 000003 01 00000000 000000"), FCS_EFORMAT);
	ck_assert_int_eq(
	    result("02 000000 000004 01 00000000 7fffffff"), FCS_OK);
	ck_assert_int_eq(result("02 000000 000004 01 00000000 00000001"
				"03 000000 000002 14 00000000 61 c3 62"),
	    FCS_OK);
	ck_assert_uint_eq(got_count, 2);
}

UNIT(a_stream_begins_with_fmt_0)
{
	ck_assert_int_eq(result("44 000000 000001 08 61"), FCS_EFORMAT);
	ck_assert_int_eq(result("84 000000 61"), FCS_EFORMAT);
	ck_assert_int_eq(result("c4 61"), FCS_EFORMAT);
	/* librtmp's first ping answer */
	ck_assert_int_eq(result("42 000005 000006 04 000700000001"), FCS_OK);
	ck_assert_uint_eq(got[0].type, 4);
	ck_assert_uint_eq(got[0].msid, 0);
	ck_assert_uint_eq(got[0].ts_ms, 5);
	ck_assert_int_eq(result("82 000000 61"), FCS_EFORMAT);
}

UNIT(headers_must_not_change_in_the_middle)
{
	const char *start = "04 000000 000084 09 01000000";
	static const struct {
		const char *again;
		int rc;
	} rows[] = {
		{ "04 000000 000084 09 01000000 00000000", FCS_OK },
		{ "44 000000 000084 09 00000000", FCS_OK },
		{ "84 000000 00000000", FCS_OK },
		{ "c4 00000000", FCS_OK },
		{ "04 000000 000085 09 01000000 00000000", FCS_EFORMAT },
		{ "04 000000 000083 09 01000000 00000000", FCS_EFORMAT },
		{ "04 000000 000000 09 01000000 00000000", FCS_EFORMAT },
		{ "04 000000 000084 08 01000000 00000000", FCS_EFORMAT },
		{ "04 000000 000084 09 02000000 00000000", FCS_EFORMAT },
		{ "44 000000 ffffff 09 00000000", FCS_EFORMAT },
		{ "44 000000 000084 08 00000000", FCS_EFORMAT },
	};
	uint8_t zero[128] = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct chunk_reader *r = chunk_reader_new(&limits, take, NULL);

		forget();
		ck_assert_int_eq(feed_hex(r, start), FCS_OK);
		ck_assert_int_eq(feed(r, zero, 128), FCS_OK);
		ck_assert_msg(
		    feed_hex(r, rows[i].again) == rows[i].rc, "row %zu", i);
		ck_assert_uint_eq(got_count, rows[i].rc == FCS_OK ? 1 : 0);
		chunk_reader_free(r);
	}
}

UNIT(lengths_are_limited_by_type)
{
	static const struct {
		uint8_t type;
		uint32_t max;
	} rows[] = {
		{ 1, 64 },
		{ 4, 64 },
		{ 6, 64 },
		{ 20, 1 << 20 },
		{ 17, 1 << 20 },
		{ 19, 1 << 20 },
		{ 18, 1 << 20 },
		{ 77, 1 << 20 },
		{ 8, 2 << 20 },
		{ 9, (16 << 20) - 1 },
		{ 22, (16 << 20) - 1 },
	};
	char hex[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(hex, sizeof(hex), "04 000000 %06x %02x 01000000",
		    rows[i].max, rows[i].type);
		ck_assert_int_eq(result(hex), FCS_OK);
		if (rows[i].max == CHUNK_LENGTH_MAX)
			continue;
		snprintf(hex, sizeof(hex), "04 000000 %06x %02x 01000000",
		    rows[i].max + 1, rows[i].type);
		ck_assert_int_eq(result(hex), FCS_ELIMIT);
	}
}

UNIT(chunk_streams_are_limited)
{
	struct chunk_reader *r = chunk_reader_new(&limits, take, NULL);
	char hex[64];

	for (unsigned i = 0; i < 64; i++) {
		snprintf(
		    hex, sizeof(hex), "00 %02x 000000 000000 08 01000000", i);
		forget();
		ck_assert_int_eq(feed_hex(r, hex), FCS_OK);
	}
	ck_assert_int_eq(
	    feed_hex(r, "00 40 000000 000000 08 01000000"), FCS_ELIMIT);
	chunk_reader_free(r);
}

UNIT(unfinished_messages_are_limited_and_grow_with_what_came)
{
	struct chunk_limits tight = limits;
	struct chunk_reader *r;
	uint8_t zero[128] = { 0 };
	char hex[64];
	unsigned i;

	tight.max_partial = 1000;
	r = chunk_reader_new(&tight, take, NULL);
	for (i = 0; i < 7; i++) {
		snprintf(
		    hex, sizeof(hex), "%02x 000000 ffffff 09 01000000", 4 + i);
		ck_assert_int_eq(feed_hex(r, hex), FCS_OK);
		ck_assert_int_eq(feed(r, zero, 128), FCS_OK);
	}
	ck_assert_uint_eq(chunk_reader_pending(r), 7 * 128);
	ck_assert_uint_lt(chunk_reader_get_mem(r), 8192);
	ck_assert_int_eq(feed_hex(r, "0b 000000 ffffff 09 01000000"), FCS_OK);
	ck_assert_int_eq(feed(r, zero, 104), FCS_OK);
	ck_assert_int_eq(feed(r, zero, 1), FCS_ELIMIT);
	chunk_reader_free(r);
}

UNIT(a_quiet_reader_is_small)
{
	struct chunk_reader *r = chunk_reader_new(&limits, take, NULL);
	struct buf b;

	buf_init(&b, 0);
	mixed(&b);
	ck_assert_uint_lt(chunk_reader_get_mem(r), 1024);
	ck_assert_int_eq(feed_hex(r, "03 000000 000001 14 00000000 61"), 0);
	ck_assert_uint_lt(chunk_reader_get_mem(r), 1024);
	chunk_reader_free(r);
	buf_fini(&b);
}

UNIT(large_buffers_are_given_back)
{
	static uint8_t payload[300000];
	struct chunk_reader *r = chunk_reader_new(&limits, take, NULL);
	struct buf b;

	buf_init(&b, 0);
	chunk_write(&b, 3, 20, 0, 0, payload, 100000, 128);
	ck_assert_int_eq(feed(r, buf_data(&b), buf_len(&b)), FCS_OK);
	ck_assert_uint_lt(chunk_reader_get_mem(r), 2048);
	buf_reset(&b, 0);
	chunk_write(&b, 6, 9, 1, 0, payload, 300000, 128);
	ck_assert_int_eq(feed(r, buf_data(&b), buf_len(&b)), FCS_OK);
	ck_assert_uint_lt(chunk_reader_get_mem(r), 2048);
	buf_reset(&b, 0);
	/* pictures of the usual size find their buffer again */
	chunk_write(&b, 6, 9, 1, 0, payload, 20000, 128);
	ck_assert_int_eq(feed(r, buf_data(&b), buf_len(&b)), FCS_OK);
	ck_assert_uint_ge(chunk_reader_get_mem(r), 20000);
	chunk_reader_free(r);
	buf_fini(&b);
}

UNIT(limits_may_be_raised_later)
{
	struct chunk_limits tight = limits;
	struct chunk_reader *r;

	tight.max_message = 10;
	r = chunk_reader_new(&tight, take, NULL);
	ck_assert_int_eq(feed_hex(r, "03 000000 000001 14 00000000 61"), 0);
	chunk_reader_set_limits(r, &limits);
	ck_assert_int_eq(feed_hex(r, "03 000000 00000c 14 00000000"
				     "616161616161616161616161"),
	    FCS_OK);
	chunk_reader_set_limits(r, &tight);
	ck_assert_int_eq(
	    feed_hex(r, "03 000000 00000b 14 00000000"), FCS_ELIMIT);
	chunk_reader_free(r);
}

UNIT(a_message_in_one_chunk_is_passed_in_place)
{
	struct chunk_reader *r = chunk_reader_new(&limits, take, NULL);
	size_t len;
	uint8_t *data = unit_hex("03 000000 000004 14 00000000 61626364", &len);

	ck_assert_int_eq(feed(r, data, len), FCS_OK);
	ck_assert_ptr_eq(in_place, data + 12);
	chunk_reader_free(r);
	free(data);
}

UNIT(the_callback_stops_the_reader_behind_its_message)
{
	struct chunk_reader *r = chunk_reader_new(&limits, take, NULL);
	size_t len, used;
	uint8_t *data = unit_hex("03 000000 000001 14 00000000 61"
				 "03 000000 000001 14 00000000 62"
				 "03 000000 000001 14 00000000 63",
	    &len);

	stop_at = 1;
	ck_assert_int_eq(
	    chunk_reader_feed(r, data, len, &used, NULL), FCS_EREJECT);
	ck_assert_uint_eq(got_count, 2);
	ck_assert_uint_eq(used, 26);
	stop_at = -1;
	ck_assert_int_eq(feed(r, data + used, len - used), FCS_OK);
	ck_assert_uint_eq(got_count, 3);
	chunk_reader_free(r);
	free(data);
}

UNIT(one_client_shares_header_state_among_message_types)
{
	/* fmt 1 for a shared object after a command on the same stream */
	ck_assert_int_eq(result("03 000000 000001 14 00000000 61"
				"43 000000 000017 13 00 04 63 68 61 74 00 00 00"
				"00 00 00 00 00 00 00 00 00 01 00 00 00 00"
				"02 000000 000004 05 00000000 002625a0"
				"42 000000 000006 04 000600000001"),
	    FCS_OK);
	ck_assert_uint_eq(got_count, 4);
	ck_assert_uint_eq(got[1].type, 19);
	ck_assert_uint_eq(got[3].type, 4);
}

/* What real clients sent, behind the handshake (tests/fuzz/corpus/chunk). */
static void
captured(const char *name)
{
	const char *src = getenv("FCS_SRCDIR");
	struct chunk_reader *r = chunk_reader_new(&limits, take, NULL);
	static uint8_t data[8192];
	char path[1024];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/chunk/captured-%s",
	    src != NULL ? src : ".", name);
	f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "%s", path);
	len = fread(data, 1, sizeof(data), f);
	fclose(f);
	forget();
	ck_assert_int_eq(feed(r, data, len), FCS_OK);
	ck_assert_uint_eq(chunk_reader_pending(r), 0);
	chunk_reader_free(r);
}

UNIT(ffmpeg_publishes)
{
	static const uint8_t types[] = { 20, 20, 20, 20, 20, 18, 9, 8, 8, 9, 8,
		9, 8, 9, 8, 9, 8, 9, 9, 8, 9, 20, 20 };

	for (int late = 0; late < 2; late++) {
		captured(late ? "ffmpeg-publish-late" : "ffmpeg-publish");
		ck_assert_uint_eq(got_count, sizeof(types));
		for (uint32_t i = 0; i < got_count; i++)
			ck_assert_uint_eq(got[i].type, types[i]);
		/* the first picture, gathered from eleven chunks */
		ck_assert_uint_eq(got[9].len, 1354);
		ck_assert_uint_eq(got[9].payload[1], 1);
		ck_assert_uint_eq(got[9].ts_ms, late ? 20000000 : 128);
		ck_assert_uint_eq(got[18].ts_ms, late ? 20000500 : 628);
	}
}

UNIT(rtmpdump_plays)
{
	static const uint8_t types[] = { 20, 5, 4, 20, 20, 4, 4, 20 };

	captured("rtmpdump-play");
	ck_assert_uint_eq(got_count, sizeof(types));
	for (uint32_t i = 0; i < got_count; i++)
		ck_assert_uint_eq(got[i].type, types[i]);
	ck_assert_mem_eq(got[5].payload, "\0\3\0\0\0\1\2\x25\x51\0", 10);
}

static int
ignore(void *arg, const struct message *m)
{
	(void)arg;
	return m->type == 99 ? FCS_EREJECT : FCS_OK;
}

static void
try_feed(const uint8_t *data, size_t len)
{
	struct chunk_reader *r = chunk_reader_new(&limits, ignore, NULL);
	size_t used;

	fcs_ignore(chunk_reader_feed(r, data, len, &used, NULL));
	ck_assert_uint_le(used, len);
	chunk_reader_free(r);
}

UNIT_TIMEOUT(damaged_input_never_crashes, 60)
{
	struct buf b;
	uint8_t payload[300] = { 1, 0, 0, 0, 1 };
	uint8_t four[4] = { 0, 0, 0, 50 };

	buf_init(&b, 0);
	chunk_write(&b, 3, 20, 0, 0, payload, 300, 128);
	chunk_write(&b, 4, 8, 1, 0x01000000, payload, 300, 128);
	chunk_write(&b, 2, 1, 0, 0, four, 4, 128);
	chunk_write(&b, 400, 18, 1, 0x01000000, payload, 99, 50);
	vec_mutations(buf_data(&b), buf_len(&b), try_feed);
	buf_fini(&b);
}

UNIT_MAIN
