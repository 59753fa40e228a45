/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/amf3.h"

#include <math.h>

#include "tests/unit/codec/vec.h"

static struct arena *arena;

static int
read_hex(const char *hex, struct value **out)
{
	size_t len, pos = 0;
	uint8_t *data = unit_hex(hex, &len);
	uint32_t elements = 0;
	int rc;

	if (arena == NULL)
		arena = vec_keep(arena_new(VEC_ARENA));
	rc = amf3_read(arena, data, len, &pos, &elements, 0, out);
	if (rc == FCS_OK)
		ck_assert_uint_eq(pos, len);
	free(data);
	return rc;
}

static int
error_of(const char *hex)
{
	struct value *v;

	return read_hex(hex, &v);
}

static void
writes(const struct value *v, const char *hex)
{
	struct buf b;

	buf_init(&b, 0);
	ck_assert_int_eq(amf3_write(&b, v), FCS_OK);
	vec_is(&b, hex);
	buf_fini(&b);
}

/* hex -> value -> the same hex */
static struct value *
same(const char *hex)
{
	struct value *v = NULL;

	ck_assert_msg(read_hex(hex, &v) == FCS_OK, "cannot read %s", hex);
	writes(v, hex);
	return v;
}

UNIT(scalars_go_both_ways)
{
	ck_assert_int_eq(same("00")->type, VALUE_UNDEFINED);
	ck_assert_int_eq(same("01")->type, VALUE_NULL);
	ck_assert(!same("02")->boolean);
	ck_assert(same("03")->boolean);
	ck_assert_double_eq(
	    same("05 40 09 21 fb 54 44 2d 18")->number, 3.141592653589793);
	ck_assert_double_eq(same("05 3f f0 00 00 00 00 00 00")->number, 1);
	ck_assert(value_str_eq(same("06 07 61 62 63")->str, "abc"));
	ck_assert_uint_eq(same("06 01")->str.len, 0);
}

UNIT(integers_at_every_edge_of_u29)
{
	static const struct {
		const char *hex;
		double n;
	} rows[] = {
		{ "04 00", 0 },
		{ "04 7f", 127 },
		{ "04 81 00", 128 },
		{ "04 ff 7f", 16383 },
		{ "04 81 80 00", 16384 },
		{ "04 ff ff 7f", 2097151 },
		{ "04 80 c0 80 00", 2097152 },
		{ "04 bf ff ff ff", 268435455 },
		{ "04 c0 80 80 00", -268435456 },
		{ "04 ff ff ff ff", -1 },
	};
	struct value *v;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		v = same(rows[i].hex);
		ck_assert_int_eq(v->type, VALUE_INTEGER);
		ck_assert_double_eq(v->number, rows[i].n);
	}
	ck_assert_int_eq(error_of("04"), FCS_ESHORT);
	ck_assert_int_eq(error_of("04 ff"), FCS_ESHORT);
	ck_assert_int_eq(error_of("04 ff ff ff"), FCS_ESHORT);
}

UNIT(numbers_of_amf0_become_integers_when_they_fit)
{
	arena = vec_keep(arena_new(0));
	writes(value_number(arena, 4), "04 04");
	writes(value_number(arena, -1), "04 ff ff ff ff");
	writes(value_number(arena, 268435455), "04 bf ff ff ff");
	writes(value_number(arena, 268435456), "05 41 b0 00 00 00 00 00 00");
	writes(value_number(arena, -268435457), "05 c1 b0 00 00 01 00 00 00");
	writes(value_number(arena, 1.5), "05 3f f8 00 00 00 00 00 00");
	writes(value_number(arena, -0.0), "05 80 00 00 00 00 00 00 00");
}

UNIT(strings_are_referenced_but_never_the_empty_one)
{
	struct value *v = same("09 09 01 06 03 61 06 01 06 00 06 01");

	ck_assert(value_str_eq(v->items[2]->str, "a"));
	ck_assert_int_eq(error_of("06 02"), FCS_EFORMAT);
	ck_assert_int_eq(error_of("06 09 61"), FCS_ESHORT);
	ck_assert_int_eq(error_of("06 ff ff ff ff"), FCS_ESHORT);
}

UNIT(equal_text_at_two_addresses_is_one_string)
{
	struct value *v;

	arena = vec_keep(arena_new(0));
	v = value_new(arena, VALUE_ARRAY);
	ck_assert_int_eq(value_push(arena, v, value_string(arena, "ab")), 0);
	ck_assert_int_eq(value_push(arena, v, value_string(arena, "ab")), 0);
	writes(v, "09 05 01 06 05 61 62 06 00");
}

UNIT(anonymous_objects_share_their_traits)
{
	struct value *v = same("09 05 01 0a 0b 01 03 78 04 0a 03 79 04 14 01 "
			       "0a 01 00 04 01 01");

	ck_assert_uint_eq(v->item_count, 2);
	ck_assert(v->items[0]->dynamic);
	ck_assert_double_eq(value_as_number(value_get(v->items[1], "x"), 0), 1);
}

UNIT(sealed_members_come_first)
{
	/* class Foo { a, b }, dynamic c */
	struct value *v = same("0a 2b 07 46 6f 6f 03 61 03 62 04 01 04 02 "
			       "03 63 04 03 01");

	ck_assert(value_str_eq(v->class_name, "Foo"));
	ck_assert_uint_eq(v->sealed_count, 2);
	ck_assert_uint_eq(v->prop_count, 3);
	ck_assert(v->dynamic);
	v = same("0a 23 07 46 6f 6f 03 61 03 62 04 01 04 02");
	ck_assert(!v->dynamic);
	ck_assert_int_eq(error_of("0a 23 07 46 6f 6f 03 61"), FCS_ESHORT);
	ck_assert_int_eq(error_of("0a ff ff ff fb 01"), FCS_ESHORT);
	ck_assert_int_eq(error_of("0a 05"), FCS_EFORMAT); /* no such traits */
	ck_assert_int_eq(error_of("0a 02"), FCS_EFORMAT);
}

UNIT(known_externalizables_hold_one_value)
{
	struct value *v = same("0a 07 43 66 6c 65 78 2e 6d 65 73 73 61 67 69 6e"
			       "67 2e 69 6f 2e 41 72 72 61 79 43 6f 6c 6c 65 63"
			       "74 69 6f 6e 09 03 01 04 07");

	ck_assert(v->externalizable);
	ck_assert_uint_eq(v->item_count, 1);
	ck_assert_double_eq(v->items[0]->items[0]->number, 7);
	vec_write(v, AMF0_PLAIN,
	    "10 00 21 66 6c 65 78 2e 6d 65 73 73 61 67 69 6e 67 2e 69 6f 2e"
	    "41 72 72 61 79 43 6f 6c 6c 65 63 74 69 6f 6e 00 06 73 6f 75 72"
	    "63 65 0a 00 00 00 01 00 40 1c 00 00 00 00 00 00 00 00 09");
	ck_assert_int_eq(error_of("0a 07 07 46 6f 6f 01"), FCS_EFORMAT);
}

UNIT(arrays_have_names_and_a_dense_part)
{
	struct value *v = same("09 05 03 61 04 01 01 04 02 04 03");

	ck_assert_int_eq(v->type, VALUE_ECMA);
	ck_assert_uint_eq(v->prop_count, 1);
	ck_assert_uint_eq(v->item_count, 2);
	vec_write(v, AMF0_PLAIN,
	    "08 00 00 00 03 00 01 30 00 40 00 00 00 00 00 00 00"
	    "00 01 31 00 40 08 00 00 00 00 00 00"
	    "00 01 61 00 3f f0 00 00 00 00 00 00 00 00 09");
	same("09 01 01");
	ck_assert_int_eq(error_of("09 ff ff ff ff 01"), FCS_ESHORT);
}

UNIT(dates_xml_and_bytes)
{
	struct value *v = same("08 01 42 74 83 65 53 67 60 00");

	ck_assert_int_eq(v->type, VALUE_DATE);
	ck_assert_double_eq(v->number, 1409660827254.0);
	ck_assert_int_eq(same("07 09 3c 61 2f 3e")->type, VALUE_XMLDOC);
	ck_assert_int_eq(same("0b 09 3c 61 2f 3e")->type, VALUE_XML);
	v = same("0c 07 00 01 ff");
	ck_assert_uint_eq(v->str.len, 3);
	ck_assert_int_eq(error_of("0c 07 00"), FCS_ESHORT);
	ck_assert_int_eq(error_of("0b 81 80 80 01"), FCS_ESHORT);
}

UNIT(vectors_and_dictionaries)
{
	struct value *v = same("0d 05 01 ff ff ff ff 00 00 00 07");

	ck_assert(v->boolean);
	ck_assert_double_eq(v->items[0]->number, -1);
	v = same("0e 03 00 ff ff ff ff");
	ck_assert_double_eq(v->items[0]->number, 4294967295.0);
	v = same("0f 03 00 3f f8 00 00 00 00 00 00");
	ck_assert_double_eq(v->items[0]->number, 1.5);
	v = same("10 05 00 07 46 6f 6f 04 01 01");
	ck_assert(value_str_eq(v->class_name, "Foo"));
	v = same("11 03 01 04 01 06 03 61");
	ck_assert_uint_eq(v->item_count, 2);
	ck_assert(v->boolean);
	ck_assert_int_eq(error_of("0d 05 00 00 00 00 01"), FCS_ESHORT);
	ck_assert_int_eq(error_of("0f ff ff ff ff 00"), FCS_ESHORT);
	ck_assert_int_eq(error_of("11 ff ff ff ff 00"), FCS_ESHORT);
	ck_assert_int_eq(error_of("11 05 00 04 01"), FCS_ESHORT);
}

UNIT(objects_of_all_kinds_share_one_table)
{
	/* [date, bytes, ref date, ref bytes, ref array itself] */
	struct value *v = same("09 0b 01 08 01 42 74 83 65 53 67 60 00 0c 03 aa"
			       "08 02 0c 04 09 00");

	ck_assert_ptr_eq(v->items[0], v->items[2]);
	ck_assert_ptr_eq(v->items[1], v->items[3]);
	ck_assert_ptr_eq(v->items[4], v);
}

UNIT(an_object_may_hold_itself)
{
	struct value *v = same("0a 0b 01 03 6d 0a 00 01");

	ck_assert_ptr_eq(v->props[0].val, v);
}

UNIT(an_empty_key_is_sealed_or_refused)
{
	struct value *v;
	struct buf b;

	arena = vec_keep(arena_new(0));
	v = value_new(arena, VALUE_OBJECT);
	ck_assert_int_eq(value_set(arena, v, "", value_number(arena, 1)), 0);
	writes(v, "0a 1b 01 01 04 01 01");
	v->type = VALUE_ECMA;
	buf_init(&b, 0);
	ck_assert_int_eq(amf3_write(&b, v), FCS_EUNSUPPORTED);
	ck_assert_uint_eq(buf_len(&b), 0);
	buf_fini(&b);
}

UNIT(vector_numbers_out_of_range_are_clamped)
{
	struct value *v;

	arena = vec_keep(arena_new(0));
	v = value_new(arena, VALUE_VECTOR_INT);
	ck_assert_int_eq(value_push(arena, v, value_number(arena, 1e20)), 0);
	ck_assert_int_eq(value_push(arena, v, value_number(arena, -1e20)), 0);
	ck_assert_int_eq(value_push(arena, v, value_number(arena, NAN)), 0);
	writes(v, "0d 07 00 7f ff ff ff 80 00 00 00 80 00 00 00");
}

static int
nested(unsigned n, const char *open_hex)
{
	size_t unit, pos = 0;
	uint8_t *one = unit_hex(open_hex, &unit), *data = malloc(n * unit);
	uint32_t elements = 0;
	struct value *v;
	int rc;

	for (unsigned i = 0; i < n; i++)
		memcpy(data + i * unit, one, unit);
	arena = vec_keep(arena_new(VEC_ARENA));
	rc = amf3_read(arena, data, n * unit, &pos, &elements, 0, &v);
	arena_free(arena);
	arena = NULL;
	free(one);
	free(data);
	return rc;
}

UNIT(depth_is_limited_in_every_container)
{
	static const char *const open_hex[] = { "09 03 01", "09 01 03 61",
		"0a 0b 01 03 61", "0a 13 01 03 61", "10 03 00 01", "11 03 00" };

	for (size_t i = 0; i < sizeof(open_hex) / sizeof(open_hex[0]); i++) {
		ck_assert_int_eq(nested(32, open_hex[i]), FCS_ESHORT);
		ck_assert_int_eq(nested(33, open_hex[i]), FCS_EDEPTH);
		ck_assert_int_eq(nested(100000, open_hex[i]), FCS_EDEPTH);
	}
}

UNIT(depth_counts_from_the_outside)
{
	size_t len, pos = 0;
	uint8_t *data = unit_hex("09 03 01 09 01 01", &len);
	uint32_t elements = 0;
	struct value *v;

	arena = vec_keep(arena_new(0));
	ck_assert_int_eq(
	    amf3_read(arena, data, len, &pos, &elements, 30, &v), FCS_OK);
	pos = 0;
	ck_assert_int_eq(
	    amf3_read(arena, data, len, &pos, &elements, 31, &v), FCS_EDEPTH);
	free(data);
}

UNIT(elements_are_limited)
{
	size_t n = 70000, pos = 0;
	uint8_t *data = malloc(n + 16);
	uint32_t elements = 0;
	struct value *v;

	/* 09, count 70000 << 1 | 1, no names, nulls */
	memcpy(data, "\x09\x88\xc5\x61\x01", 5);
	memset(data + 5, 1, n);
	arena = vec_keep(arena_new(0));
	ck_assert_int_eq(
	    amf3_read(arena, data, n + 5, &pos, &elements, 0, &v), FCS_ELIMIT);
	free(data);
}

UNIT(long_names_used_often_cost_their_length_once)
{
	struct value *list, *o;
	struct value_str key;
	struct buf b;
	char *text = malloc(1 << 20);

	memset(text, 'k', 1 << 20);
	arena = vec_keep(arena_new(0));
	key.ptr = text;
	key.len = 1 << 20;
	list = value_new(arena, VALUE_ARRAY);
	for (int i = 0; i < 30000; i++) {
		o = value_new(arena, VALUE_OBJECT);
		ck_assert_int_eq(
		    value_set(arena, o, "", value_number(arena, i)), FCS_OK);
		o->props[0].key = key;
		o->amf3 = true;
		o->sealed_count = 1;
		ck_assert_int_eq(value_push(arena, list, o), FCS_OK);
	}
	buf_init(&b, 0);
	ck_assert_int_eq(amf3_write(&b, list), FCS_OK);
	ck_assert_uint_lt(buf_len(&b), (1 << 20) + 30000 * 6);
	buf_fini(&b);
	free(text);
}

UNIT(two_values_may_share_tables)
{
	struct amf3_writer *w;
	struct amf3_reader r;
	struct value *v, *back;
	struct value_str s;
	struct buf b;

	arena = vec_keep(arena_new(0));
	v = value_string(arena, "abc");
	buf_init(&b, 0);
	w = amf3_writer_new(&b);
	ck_assert_int_eq(amf3_writer_string(w, v->str), FCS_OK);
	ck_assert_int_eq(amf3_writer_value(w, v), FCS_OK);
	amf3_writer_free(w);
	vec_is(&b, "07 61 62 63 06 00");
	amf3_reader_init(&r, arena, buf_data(&b), buf_len(&b));
	ck_assert_int_eq(amf3_reader_string(&r, &s), FCS_OK);
	ck_assert_int_eq(amf3_reader_value(&r, 0, &back), FCS_OK);
	ck_assert(value_equal(v, back));
	buf_fini(&b);
}

static void
try_read(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new(VEC_ARENA);
	uint32_t elements = 0;
	size_t pos = 0;
	struct value *v;
	struct buf b;

	if (amf3_read(a, data, len, &pos, &elements, 0, &v) == FCS_OK) {
		buf_init(&b, 0);
		fcs_ignore(amf3_write(&b, v));
		fcs_ignore(value_pack(&b, v));
		fcs_ignore(value_json(&b, v));
		buf_fini(&b);
	}
	arena_free(a);
}

UNIT_TIMEOUT(damaged_input_never_crashes, 30)
{
	static const char *const seeds[] = {
		"09 0b 01 08 01 42 74 83 65 53 67 60 00 0c 03 aa 08 02 0c 04 09"
		"00",
		"0a 2b 07 46 6f 6f 03 61 03 62 04 01 04 02 03 63 0a 01 06 02 01"
		"01 01",
		"11 05 00 06 03 61 0d 03 01 00 00 00 01 0f 03 00 3f f8 00 00 00"
		"00 00 00 10 05 00 07 46 6f 6f 04 81 00 05 3f f8 00 00 00 00 00"
		"00",
		"0a 07 43 66 6c 65 78 2e 6d 65 73 73 61 67 69 6e 67 2e 69 6f 2e"
		"41 72 72 61 79 43 6f 6c 6c 65 63 74 69 6f 6e 09 03 01 04 07",
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		size_t len;
		uint8_t *data = unit_hex(seeds[i], &len);

		vec_mutations(data, len, try_read);
		free(data);
	}
}

UNIT_MAIN
