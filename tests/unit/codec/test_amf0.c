/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/amf0.h"

#include <math.h>

#include "tests/unit/codec/vec.h"

static struct arena *arena;

static struct value *
same(const char *hex)
{
	if (arena == NULL)
		arena = vec_keep(arena_new(VEC_ARENA));
	return vec_both_ways(arena, hex);
}

static int
error_of(const char *hex)
{
	struct value *v = NULL;

	if (arena == NULL)
		arena = vec_keep(arena_new(VEC_ARENA));
	return vec_read(arena, hex, &v);
}

UNIT(scalars_go_both_ways)
{
	struct value *v = same("00 40 08 00 00 00 00 00 00");

	ck_assert_int_eq(v->type, VALUE_NUMBER);
	ck_assert_double_eq(v->number, 3);
	ck_assert(same("01 01")->boolean);
	ck_assert(!same("01 00")->boolean);
	ck_assert_int_eq(same("05")->type, VALUE_NULL);
	ck_assert_int_eq(same("06")->type, VALUE_UNDEFINED);
	ck_assert_int_eq(same("0d")->type, VALUE_UNSUPPORTED);
	v = same("02 00 04 50 6c 61 6e");
	ck_assert(value_str_eq(v->str, "Plan"));
	v = same("0b 42 74 83 5e 3a 25 e0 00 00 f0");
	ck_assert_int_eq(v->type, VALUE_DATE);
	ck_assert_double_eq(v->number, 1409653383774.0);
	ck_assert_int_eq(v->zone, 240);
	v = same("0f 00 00 00 04 3c 61 2f 3e");
	ck_assert_int_eq(v->type, VALUE_XMLDOC);
	ck_assert(value_str_eq(v->str, "<a/>"));
}

UNIT(odd_numbers_keep_their_bits)
{
	ck_assert(isnan(same("00 7f f8 00 00 00 00 00 00")->number));
	ck_assert(isinf(same("00 ff f0 00 00 00 00 00 00")->number));
	ck_assert(signbit(same("00 80 00 00 00 00 00 00 00")->number));
	same("00 ff f8 00 00 00 00 00 2a");
}

UNIT(any_non_zero_byte_is_true)
{
	struct value *v;

	arena = vec_keep(arena_new(0));
	ck_assert_int_eq(vec_read(arena, "01 07", &v), FCS_OK);
	ck_assert(v->boolean);
}

UNIT(objects_keep_order_and_names)
{
	struct value *v = same("03 00 01 78 00 40 24 00 00 00 00 00 00"
			       "00 01 79 00 40 34 00 00 00 00 00 00 00 00 09");

	ck_assert_int_eq(v->type, VALUE_OBJECT);
	ck_assert_uint_eq(v->prop_count, 2);
	ck_assert_double_eq(value_as_number(value_get(v, "x"), 0), 10);
	ck_assert_double_eq(value_as_number(value_get(v, "y"), 0), 20);
	ck_assert_ptr_null(value_get(v, "z"));
	v = same("10 00 03 46 6f 6f 00 01 61 05 00 00 09");
	ck_assert(value_str_eq(v->class_name, "Foo"));
	same("03 00 00 09"); /* empty */
}

UNIT(an_empty_key_may_be_real)
{
	struct value *v = same("03 00 00 05 00 01 61 06 00 00 09");

	ck_assert_uint_eq(v->prop_count, 2);
	ck_assert_uint_eq(v->props[0].key.len, 0);
}

UNIT(ecma_array_keeps_the_length_it_came_with)
{
	struct value *v = same("08 00 00 00 0f 00 00 09");

	ck_assert_int_eq(v->type, VALUE_ECMA);
	ck_assert_uint_eq(v->prop_count, 0);
	ck_assert_double_eq(v->number, 15);
	v = same("08 00 00 00 00 00 01 61 01 01 00 00 09");
	ck_assert(value_as_bool(value_get(v, "a"), false));
	v = value_new(arena, VALUE_ECMA);
	ck_assert_int_eq(value_set(arena, v, "a", value_bool(arena, true)), 0);
	vec_write(v, AMF0_PLAIN, "08 00 00 00 01 00 01 61 01 01 00 00 09");
}

UNIT(ecma_array_may_end_with_the_message)
{
	struct value *v;

	arena = vec_keep(arena_new(0));
	ck_assert_int_eq(vec_read(arena, "08 00 00 00 01 00 01 61 05", &v), 0);
	ck_assert_uint_eq(v->prop_count, 1);
	ck_assert_int_eq(error_of("08 00 00 00 01 00 01 61"), FCS_ESHORT);
	ck_assert_int_eq(error_of("08 00 00 00 01 00 01"), FCS_ESHORT);
	ck_assert_int_eq(error_of("03 00 01 61 05"), FCS_ESHORT);
}

UNIT(ecma_array_count_is_a_hint_only)
{
	struct value *v = same("08 ff ff ff ff 00 01 61 05 00 00 09");

	ck_assert_uint_eq(v->prop_count, 1);
}

UNIT(strict_arrays_hold_what_they_say)
{
	struct value *v = same("0a 00 00 00 03 00 3f f0 00 00 00 00 00 00"
			       "05 02 00 01 61");

	ck_assert_uint_eq(v->item_count, 3);
	ck_assert(value_str_eq(v->items[2]->str, "a"));
	same("0a 00 00 00 00");
	ck_assert_int_eq(error_of("0a 00 00 00 02 05"), FCS_ESHORT);
	ck_assert_int_eq(error_of("0a ff ff ff ff 05"), FCS_ESHORT);
	ck_assert_int_eq(error_of("0a 01 00 00 00 05"), FCS_ESHORT);
}

UNIT(long_strings_change_marker_at_65536)
{
	size_t sizes[] = { 65535, 65536 };
	struct value *v, *back;
	struct buf b;
	char *text = malloc(65536);

	memset(text, 'x', 65536);
	for (int i = 0; i < 2; i++) {
		arena = vec_keep(arena_new(0));
		v = value_string_len(arena, text, sizes[i]);
		buf_init(&b, 0);
		ck_assert_int_eq(value_pack(&b, v), FCS_OK);
		ck_assert_uint_eq(buf_data(&b)[0], i == 0 ? 2 : 12);
		ck_assert_int_eq(
		    value_unpack(arena, buf_data(&b), buf_len(&b), &back), 0);
		ck_assert(value_equal(v, back));
		buf_fini(&b);
	}
	ck_assert_int_eq(
	    value_set_len(arena, v = value_new(arena, VALUE_OBJECT), text,
		65536, value_bool(arena, true)),
	    FCS_OK);
	buf_init(&b, 0);
	buf_u8(&b, 7);
	ck_assert_int_eq(value_pack(&b, v), FCS_ELIMIT);
	ck_assert_uint_eq(buf_len(&b), 1); /* cut back */
	buf_fini(&b);
	free(text);
}

UNIT(references_name_the_same_node)
{
	/* [a = {}, a] */
	struct value *v = same("0a 00 00 00 02 03 00 00 09 07 00 01");

	ck_assert_ptr_eq(v->items[0], v->items[1]);
	/* x = {self: x} */
	v = same("03 00 04 73 65 6c 66 07 00 00 00 00 09");
	ck_assert_ptr_eq(v->props[0].val, v);
	ck_assert_int_eq(error_of("07 00 00"), FCS_EFORMAT);
	ck_assert_int_eq(error_of("0a 00 00 00 01 07 00 01"), FCS_EFORMAT);
}

UNIT(references_live_as_long_as_the_reader)
{
	size_t len;
	uint8_t *data = unit_hex("03 00 00 09 07 00 00", &len);
	struct amf0_reader r;
	struct value *a, *b;

	arena = vec_keep(arena_new(0));
	amf0_reader_init(&r, arena, data, len);
	ck_assert_int_eq(amf0_read(&r, &a), FCS_OK);
	ck_assert(!amf0_reader_at_end(&r));
	ck_assert_int_eq(amf0_read(&r, &b), FCS_OK);
	ck_assert(amf0_reader_at_end(&r));
	ck_assert_ptr_eq(a, b);
	free(data);
}

UNIT(bad_markers_are_refused)
{
	static const char *const bad[] = { "04", "09", "0e", "12", "7f", "ff",
		"03 00 01 61 09", "03 00 01 61 04" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(error_of(bad[i]) == FCS_EFORMAT, "%s", bad[i]);
	ck_assert_int_eq(error_of(""), FCS_ESHORT);
	ck_assert_int_eq(error_of("05 05"), FCS_EFORMAT); /* more than one */
}

/* n containers inside each other, the innermost empty. */
static int
nested(unsigned n, const char *open_hex)
{
	size_t unit, len;
	uint8_t *one = unit_hex(open_hex, &unit), *data = malloc(n * unit);
	struct value *v;
	int rc;

	for (unsigned i = 0; i < n; i++)
		memcpy(data + i * unit, one, unit);
	len = n * unit;
	arena = vec_keep(arena_new(VEC_ARENA));
	rc = value_unpack(arena, data, len, &v);
	arena_free(arena);
	arena = NULL;
	free(one);
	free(data);
	return rc;
}

UNIT(depth_is_limited_in_every_container)
{
	static const char *const open_hex[] = { "03 00 01 61",
		"08 00 00 00 01 00 01 61", "0a 00 00 00 01",
		"10 00 00 00 01 61" };
	static const unsigned deep[] = { 33, 100, 100000, 2000000 };

	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(nested(32, open_hex[i]), FCS_ESHORT);
		for (size_t k = 0; k < 4; k++)
			ck_assert_int_eq(
			    nested(deep[k], open_hex[i]), FCS_EDEPTH);
	}
}

UNIT(depth_32_is_read_and_written)
{
	struct value *v, *top, *in;
	struct buf b;

	arena = vec_keep(arena_new(0));
	top = v = value_new(arena, VALUE_ARRAY);
	for (int i = 1; i < VALUE_DEPTH_MAX; i++) {
		in = value_new(arena, VALUE_ARRAY);
		ck_assert_int_eq(value_push(arena, v, in), FCS_OK);
		v = in;
	}
	buf_init(&b, 0);
	ck_assert_int_eq(value_pack(&b, top), FCS_OK);
	ck_assert_int_eq(
	    value_unpack(arena, buf_data(&b), buf_len(&b), &in), FCS_OK);
	ck_assert(value_equal(top, in));
	ck_assert_int_eq(
	    value_push(arena, v, value_new(arena, VALUE_ARRAY)), FCS_OK);
	buf_reset(&b, 0);
	ck_assert_int_eq(value_pack(&b, top), FCS_EDEPTH);
	ck_assert_uint_eq(buf_len(&b), 0);
	buf_fini(&b);
}

static int
array_of_nulls(uint32_t n)
{
	uint8_t *data = malloc(n + 5);
	struct value *v;
	int rc;

	data[0] = 0x0a;
	data[1] = (uint8_t)(n >> 24);
	data[2] = (uint8_t)(n >> 16);
	data[3] = (uint8_t)(n >> 8);
	data[4] = (uint8_t)n;
	memset(data + 5, 5, n);
	arena = vec_keep(arena_new(0));
	rc = value_unpack(arena, data, n + 5, &v);
	arena_free(arena);
	free(data);
	return rc;
}

UNIT(elements_are_limited)
{
	ck_assert_int_eq(array_of_nulls(VALUE_ELEMENTS_MAX - 1), FCS_OK);
	ck_assert_int_eq(array_of_nulls(VALUE_ELEMENTS_MAX), FCS_ELIMIT);
	ck_assert_int_eq(array_of_nulls(VALUE_ELEMENTS_MAX * 4), FCS_ELIMIT);
}

UNIT(arena_limit_is_no_memory)
{
	struct value *v;
	struct arena *small = arena_new(256);

	ck_assert_int_eq(
	    vec_read(small, "0a 00 00 00 04 05 05 05 05", &v), FCS_ENOMEM);
	arena_free(small);
}

UNIT(what_amf0_lacks_depends_on_the_client)
{
	/* ByteArray 01 02, Vector<int> [1], integer 4, {x: 1} of AMF3 */
	struct value *bytes = same("11 0c 05 01 02");
	struct value *vec = same("11 0d 03 00 00 00 00 01");
	struct value *num = same("11 04 04");
	struct value *obj = same("11 0a 0b 01 03 78 04 01 01");
	struct value *xml = same("11 0b 09 3c 61 2f 3e");

	vec_write(bytes, AMF0_PLAIN, "0d");
	vec_write(bytes, AMF0_AVMPLUS, "11 0c 05 01 02");
	vec_write(bytes, AMF0_SWITCHED, "11 0c 05 01 02");
	vec_write(vec, AMF0_PLAIN, "0a 00 00 00 01 00 3f f0 00 00 00 00 00 00");
	vec_write(
	    vec, AMF0_AVMPLUS, "0a 00 00 00 01 00 3f f0 00 00 00 00 00 00");
	vec_write(vec, AMF0_SWITCHED, "11 0d 03 00 00 00 00 01");
	vec_write(num, AMF0_PLAIN, "00 40 10 00 00 00 00 00 00");
	vec_write(num, AMF0_SWITCHED, "11 04 04");
	vec_write(
	    obj, AMF0_PLAIN, "03 00 01 78 00 3f f0 00 00 00 00 00 00 00 00 09");
	vec_write(xml, AMF0_PLAIN, "0f 00 00 00 04 3c 61 2f 3e");
}

UNIT(amf0_objects_go_switched_to_amf3_clients)
{
	struct value *v = same("03 00 01 78 00 40 24 00 00 00 00 00 00 00 00 "
			       "09");

	vec_write(v, AMF0_SWITCHED, "11 0a 0b 01 03 78 04 0a 01");
	vec_write(same("02 00 01 61"), AMF0_SWITCHED, "02 00 01 61");
	vec_write(same("0a 00 00 00 01 05"), AMF0_SWITCHED, "11 09 03 01 01");
}

UNIT(an_empty_key_in_an_array_stays_amf0)
{
	struct value *v = same("0a 00 00 00 02 08 00 00 00 00 00 00 05 00 00 09"
			       "11 04 04");

	vec_write(v, AMF0_SWITCHED,
	    "0a 00 00 00 02 08 00 00 00 00 00 00 05 00 00 09 11 04 04");
}

UNIT(amf3_inside_amf0_keeps_its_place)
{
	/* {a: 11 integer 4, b: AMF0 number} */
	struct value *v = same("03 00 01 61 11 04 04 "
			       "00 01 62 00 40 10 00 00 00 00 00 00 00 00 09");

	ck_assert_int_eq(v->props[0].val->type, VALUE_INTEGER);
	ck_assert_int_eq(v->props[1].val->type, VALUE_NUMBER);
}

UNIT(shared_text_cannot_blow_up)
{
	struct value *list, *xml;
	struct buf b;
	char *text = calloc(1, 1 << 20);

	arena = vec_keep(arena_new(0));
	xml = value_string_len(arena, text, 1 << 20);
	list = value_new(arena, VALUE_ARRAY);
	for (int i = 0; i < 60000; i++)
		ck_assert_int_eq(value_push(arena, list, xml), FCS_OK);
	buf_init(&b, 0);
	ck_assert_int_eq(value_pack(&b, list), FCS_ELIMIT);
	ck_assert_uint_eq(buf_len(&b), 0);
	buf_fini(&b);
	free(text);
}

UNIT(writer_reports_a_full_buffer)
{
	struct value *v = same("0a 00 00 00 03 05 05 05");
	struct buf b;

	buf_init(&b, 6);
	ck_assert_int_eq(value_pack(&b, v), FCS_ELIMIT);
	buf_fini(&b);
}

UNIT(writer_references_stay_right_past_the_first_table)
{
	struct value *list, *back;
	struct buf b;

	arena = vec_keep(arena_new(0));
	list = value_new(arena, VALUE_ARRAY);
	for (int i = 0; i < 3000; i++) {
		struct value *o = value_new(arena, VALUE_OBJECT);

		ck_assert_int_eq(
		    value_set(arena, o, "i", value_number(arena, i)), FCS_OK);
		ck_assert_int_eq(value_push(arena, list, o), FCS_OK);
	}
	for (int i = 0; i < 3000; i++)
		ck_assert_int_eq(value_push(arena, list, list->items[i]), 0);
	buf_init(&b, 0);
	ck_assert_int_eq(value_pack(&b, list), FCS_OK);
	ck_assert_int_eq(
	    value_unpack(arena, buf_data(&b), buf_len(&b), &back), FCS_OK);
	for (int i = 0; i < 3000; i++) {
		ck_assert_ptr_eq(back->items[i], back->items[3000 + i]);
		ck_assert_double_eq(
		    value_as_number(value_get(back->items[i], "i"), -1), i);
	}
	buf_fini(&b);
}

static const char *const seeds[] = {
	"03 00 01 78 00 40 24 00 00 00 00 00 00 00 01 79 02 00 03 61 62"
	"63 00 01 7a 0a 00 00 00 03 05 06 07 00 00 00 00 09",
	"08 00 00 00 02 00 01 30 0b 42 74 83 5e 3a 25 e0 00 00 f0"
	"00 01 31 0f 00 00 00 04 3c 61 2f 3e 00 00 09",
	"10 00 03 46 6f 6f 00 01 61 11 0a 0b 01 03 78 04 0a 03 79 06 07"
	"61 62 63 01 00 00 09",
	"0c 00 00 00 04 61 62 63 64 0d 01 01",
	"11 11 05 00 06 03 61 0a 13 07 46 6f 6f 03 62 0d 03 01 00 00 00"
	"01 06 03 63 09 05 01 05 3f f0 00 00 00 00 00 00 0a 02",
};

/* From no memory at all to enough: FCS_ENOMEM, and then the value. */
UNIT(memory_may_end_anywhere)
{
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		size_t limit = 1;
		struct value *v;
		int rc;

		do {
			struct arena *a = arena_new(limit += 8);

			rc = vec_read(a, seeds[i], &v);
			ck_assert(rc == FCS_OK || rc == FCS_ENOMEM ||
				  rc == FCS_EFORMAT);
			arena_free(a);
		} while (rc == FCS_ENOMEM);
		ck_assert_uint_gt(limit, 32);
	}
}

UNIT(output_may_end_anywhere)
{
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		struct arena *a = arena_new(0);
		struct value *v;
		struct buf b;
		int rc = FCS_ELIMIT;

		if (vec_read(a, seeds[i], &v) == FCS_OK)
			for (size_t max = 1; rc != FCS_OK; max++) {
				buf_init(&b, max);
				rc = value_pack(&b, v);
				ck_assert(rc == FCS_OK || rc == FCS_ELIMIT);
				ck_assert(rc == FCS_OK || buf_len(&b) == 0);
				buf_fini(&b);
			}
		arena_free(a);
	}
}

static void
try_read(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new(VEC_ARENA);
	struct amf0_reader r;
	struct value *v;
	struct buf b;

	amf0_reader_init(&r, a, data, len);
	while (!amf0_reader_at_end(&r) && amf0_read(&r, &v) == FCS_OK) {
		buf_init(&b, 0);
		fcs_ignore(value_pack(&b, v));
		fcs_ignore(value_json(&b, v));
		buf_fini(&b);
	}
	arena_free(a);
}

UNIT_TIMEOUT(damaged_input_never_crashes, 30)
{

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		size_t len;
		uint8_t *data = unit_hex(seeds[i], &len);

		vec_mutations(data, len, try_read);
		free(data);
	}
}

UNIT_MAIN
