/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/sol.h"

#include "tests/unit/codec/vec.h"

/* name "s", AMF0: a = {x: 1}, b = reference 1 (a; 0 is the file itself) */
static const char *const file0 =
    "00bf 0000002c 5443534f 0004 00000000 0001 73 00000000"
    "0001 61 03 0001 78 00 3ff0000000000000 000009 00"
    "0001 62 07 0001 00";
/* name "s", AMF3: key "ab" = "ab" (reference 0) */
static const char *const file3 =
    "00bf 00000017 5443534f 0004 00000000 0001 73 00000003"
    "05 6162 06 00 00";

static struct arena *arena;

static int
read_hex(const char *hex, struct sol *out)
{
	size_t len;
	uint8_t *data = unit_hex(hex, &len);
	int rc;

	if (arena == NULL)
		arena = arena_new(VEC_ARENA);
	rc = sol_read(arena, data, len, out);
	free(data);
	return rc;
}

static void
writes(const struct sol *s, const char *hex)
{
	struct buf b;

	buf_init(&b, 0);
	ck_assert_int_eq(sol_write(&b, s), FCS_OK);
	vec_is(&b, hex);
	buf_fini(&b);
}

UNIT(an_amf0_file_goes_both_ways)
{
	struct sol s;

	ck_assert_int_eq(read_hex(file0, &s), FCS_OK);
	ck_assert(!s.amf3);
	ck_assert(value_str_eq(s.name, "s"));
	ck_assert_uint_eq(s.data->prop_count, 2);
	ck_assert_ptr_eq(s.data->props[0].val, s.data->props[1].val);
	writes(&s, file0);
}

UNIT(an_amf3_file_shares_its_strings)
{
	struct sol s;

	ck_assert_int_eq(read_hex(file3, &s), FCS_OK);
	ck_assert(s.amf3);
	ck_assert(value_str_eq(value_get(s.data, "ab")->str, "ab"));
	writes(&s, file3);
}

UNIT(what_lies_behind_the_length_is_ignored)
{
	char hex[512];
	struct sol s;

	snprintf(hex, sizeof(hex), "%s ffffffff", file0);
	ck_assert_int_eq(read_hex(hex, &s), FCS_OK);
	ck_assert_uint_eq(s.data->prop_count, 2);
}

UNIT(what_is_no_file_is_refused)
{
	static const struct {
		const char *hex;
		int rc;
	} rows[] = {
		{ "", FCS_ESHORT },
		{ "00bf 0000000a 5443534f 0004 00000000", FCS_ESHORT },
		{ "00be 00000011 5443534f 0004 00000000 0001 73 00000000",
		    FCS_EFORMAT },
		{ "00bf 00000011 5443534e 0004 00000000 0001 73 00000000",
		    FCS_EFORMAT },
		{ "00bf 00000011 5443534f 0004 00000000 0001 73 00000001",
		    FCS_EFORMAT },
		{ "00bf 00000012 5443534f 0004 00000000 0001 73 00000000",
		    FCS_ESHORT },
		{ "00bf 00000001 5443534f 0004 00000000 0001 73 00000000",
		    FCS_EFORMAT },
		{ "00bf 00000011 5443534f 0004 00000000 0009 73 00000000",
		    FCS_ESHORT },
		{ "00bf 00000016 5443534f 0004 00000000 0001 73 00000000"
		  "0001 61 05 07",
		    FCS_EFORMAT },
	};
	struct sol s;

	ck_assert_int_eq(
	    read_hex(
		"00bf 00000011 5443534f 0004 00000000 0001 73 00000000", &s),
	    FCS_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(
		    read_hex(rows[i].hex, &s) == rows[i].rc, "row %zu", i);
}

UNIT(a_file_that_cannot_be_written_leaves_nothing)
{
	struct sol s = { .name = { "s", 1 } };
	struct value *v, *in;
	struct buf b;

	arena = arena_new(0);
	s.data = v = value_new(arena, VALUE_OBJECT);
	for (int i = 0; i < 40; i++) {
		in = value_new(arena, VALUE_OBJECT);
		ck_assert_int_eq(value_set(arena, v, "a", in), FCS_OK);
		v = in;
	}
	buf_init(&b, 0);
	for (int i = 0; i < 2; i++) {
		s.amf3 = i == 1;
		ck_assert_int_eq(sol_write(&b, &s), FCS_EDEPTH);
		ck_assert_uint_eq(buf_len(&b), 0);
	}
	buf_fini(&b);
}

static void
try_read(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new(VEC_ARENA);
	struct sol s;
	struct buf b;

	if (sol_read(a, data, len, &s) == FCS_OK) {
		buf_init(&b, 0);
		fcs_ignore(sol_write(&b, &s));
		buf_fini(&b);
	}
	arena_free(a);
}

UNIT(damaged_input_never_crashes)
{
	const char *const seeds[] = { file0, file3 };

	for (int i = 0; i < 2; i++) {
		size_t len;
		uint8_t *data = unit_hex(seeds[i], &len);

		vec_mutations(data, len, try_read);
		free(data);
	}
}

UNIT_MAIN
