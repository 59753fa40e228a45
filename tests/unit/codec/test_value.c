/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/value.h"

#include <math.h>

#include "tests/unit/codec/vec.h"

static struct arena *arena;

static struct value *
from(const char *hex)
{
	struct value *v = NULL;

	if (arena == NULL)
		arena = vec_keep(arena_new(VEC_ARENA));
	ck_assert_int_eq(vec_read(arena, hex, &v), FCS_OK);
	return v;
}

static void
json_is(const struct value *v, const char *want)
{
	struct buf b;

	buf_init(&b, 0);
	ck_assert_int_eq(value_json(&b, v), FCS_OK);
	buf_u8(&b, 0);
	ck_assert_str_eq((const char *)buf_data(&b), want);
	buf_fini(&b);
}

UNIT(trees_are_built_and_asked)
{
	struct value *o, *list;

	arena = vec_keep(arena_new(0));
	o = value_new(arena, VALUE_OBJECT);
	list = value_new(arena, VALUE_ARRAY);
	for (int i = 0; i < 100; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		ck_assert_int_eq(
		    value_set(arena, o, key, value_number(arena, i)), FCS_OK);
		ck_assert_int_eq(
		    value_push(arena, list, value_bool(arena, i & 1)), FCS_OK);
	}
	ck_assert_double_eq(value_as_number(value_get(o, "k77"), -1), 77);
	ck_assert_ptr_null(value_get(o, "k"));
	ck_assert_ptr_null(value_get(NULL, "k"));
	ck_assert_ptr_null(value_get(list, "k1"));
	ck_assert_uint_eq(list->item_count, 100);
	ck_assert(value_as_bool(list->items[99], false));
	ck_assert_double_eq(value_as_number(list->items[99], 5), 1);
	ck_assert_double_eq(value_as_number(o, 5), 5);
	ck_assert(value_as_bool(NULL, true));
	ck_assert(value_as_bool(o, true));
}

UNIT(a_failed_constructor_may_be_passed_on)
{
	struct value *o;

	arena = vec_keep(arena_new(0));
	o = value_new(arena, VALUE_OBJECT);
	ck_assert_int_eq(value_set(arena, o, "a", NULL), FCS_ENOMEM);
	ck_assert_int_eq(value_set(arena, NULL, "a", o), FCS_ENOMEM);
	ck_assert_int_eq(value_push(arena, o, NULL), FCS_ENOMEM);
	ck_assert_uint_eq(o->prop_count, 0);
}

UNIT(a_full_arena_is_no_memory)
{
	struct arena *small = arena_new(300);
	struct value *o = value_new(small, VALUE_OBJECT);
	int rc = FCS_OK, i = 0;

	ck_assert_ptr_nonnull(o);
	for (; rc == FCS_OK && i < 100; i++)
		rc = value_set(small, o, "key", o);
	ck_assert_int_eq(rc, FCS_ENOMEM);
	ck_assert_int_lt(i, 50);
	ck_assert_ptr_null(value_string_len(small, "x", 400));
	arena_free(small);
}

UNIT(strings_may_hold_nul)
{
	struct value *v;

	arena = vec_keep(arena_new(0));
	v = value_string_len(arena, "a\0b", 3);
	ck_assert_uint_eq(v->str.len, 3);
	ck_assert(!value_str_eq(v->str, "a"));
	ck_assert(value_str_eq(value_string(arena, "")->str, ""));
}

UNIT(equality_looks_at_types_and_bits)
{
	ck_assert(value_equal(from("00 7f f8 00 00 00 00 00 00"),
	    from("00 7f f8 00 00 00 00 00 00")));
	ck_assert(!value_equal(from("00 00 00 00 00 00 00 00 00"),
	    from("00 80 00 00 00 00 00 00 00")));
	ck_assert(!value_equal(from("05"), from("06")));
	ck_assert(
	    !value_equal(from("11 04 04"), from("00 40 10 00 00 00 00 00 00")));
	ck_assert(value_equal(
	    from("03 00 01 61 05 00 00 09"), from("03 00 01 61 05 00 00 09")));
	ck_assert(!value_equal(
	    from("03 00 01 61 05 00 00 09"), from("03 00 01 62 05 00 00 09")));
	ck_assert(
	    !value_equal(from("03 00 00 09"), from("08 00000000 000009")));
	ck_assert(!value_equal(from("05"), NULL));
	ck_assert(value_equal(NULL, NULL));
}

UNIT(equality_of_cycles_ends)
{
	const char *hex = "03 00 04 73 65 6c 66 07 00 00 00 00 09";
	struct value *v = from(hex);

	ck_assert(value_equal(v, v));
	ck_assert(!value_equal(v, from(hex)));
}

/* 30 levels of [x, x]: 2^30 paths. */
static struct value *
doubled(void)
{
	struct value *v = value_new(arena, VALUE_ARRAY), *up;

	for (int i = 0; i < 30; i++) {
		up = value_new(arena, VALUE_ARRAY);
		ck_assert_int_eq(value_push(arena, up, v), FCS_OK);
		ck_assert_int_eq(value_push(arena, up, v), FCS_OK);
		v = up;
	}
	return v;
}

UNIT(shared_nodes_do_not_multiply_the_work)
{
	struct value *v;
	struct buf b;

	arena = vec_keep(arena_new(0));
	v = doubled();
	ck_assert(!value_equal(v, doubled()));
	buf_init(&b, 0);
	ck_assert_int_eq(value_json(&b, v), FCS_OK);
	ck_assert_uint_lt(buf_len(&b), 4 << 20);
	buf_reset(&b, 0);
	ck_assert_int_eq(value_pack(&b, v), FCS_OK);
	ck_assert_uint_lt(buf_len(&b), 1000);
	buf_fini(&b);
}

UNIT(complex_values_are_those_with_an_identity)
{
	static const char *const yes[] = { "03 00 00 09", "0a 00 00 00 00",
		"08 00 00 00 00 00 00 09", "11 08 01 00 00 00 00 00 00 00 00",
		"11 0c 01", "11 0d 01 00", "11 11 01 00", "11 0b 01" };
	static const char *const no[] = { "05", "00 00 00 00 00 00 00 00 00",
		"02 00 00", "0b 00 00 00 00 00 00 00 00 00 00", "11 04 01",
		"0f 00 00 00 00" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		ck_assert_msg(value_is_complex(from(yes[i])), "%s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		ck_assert_msg(!value_is_complex(from(no[i])), "%s", no[i]);
	ck_assert(!value_is_complex(NULL));
}

UNIT(unpack_wants_exactly_one_value)
{
	struct value *v = NULL;

	arena = vec_keep(arena_new(0));
	ck_assert_int_eq(vec_read(arena, "05 05", &v), FCS_EFORMAT);
	ck_assert_int_eq(vec_read(arena, "", &v), FCS_ESHORT);
	ck_assert_ptr_null(v);
}

UNIT(json_of_scalars)
{
	json_is(from("05"), "null");
	json_is(from("06"), "null");
	json_is(from("0d"), "null");
	json_is(from("01 01"), "true");
	json_is(from("01 00"), "false");
	json_is(from("00 40 08 00 00 00 00 00 00"), "3");
	json_is(from("00 bf f8 00 00 00 00 00 00"), "-1.5");
	json_is(from("00 3f b9 99 99 99 99 99 9a"), "0.10000000000000001");
	json_is(from("00 80 00 00 00 00 00 00 00"), "-0");
	json_is(from("00 7f f8 00 00 00 00 00 00"), "{\"$number\":\"NaN\"}");
	json_is(
	    from("00 ff f0 00 00 00 00 00 00"), "{\"$number\":\"-Infinity\"}");
	json_is(from("11 04 04"), "4");
}

UNIT(json_of_text)
{
	json_is(from("02 00 05 61 22 5c 0a 7f"), "\"a\\\"\\\\\\u000a\\u007f\"");
	json_is(from("02 00 02 c3 a9"), "\"\xc3\xa9\"");
	json_is(from("02 00 02 c3 28"), "\"\xef\xbf\xbd(\"");
	json_is(from("0f 00 00 00 04 3c 61 2f 3e"), "{\"$xml\":\"<a/>\"}");
	json_is(from("11 0c 03 ff"), "{\"$bytes\":\"/w==\"}");
	json_is(from("11 0c 05 ff 00"), "{\"$bytes\":\"/wA=\"}");
	json_is(from("11 0c 07 ff 00 01"), "{\"$bytes\":\"/wAB\"}");
	json_is(from("11 0c 01"), "{\"$bytes\":\"\"}");
}

UNIT(json_of_dates)
{
	json_is(from("0b 42 74 83 5e 3a 25 e0 00 00 f0"),
	    "{\"$date\":\"2014-09-02T10:23:03.774Z\"}");
	json_is(from("0b 00 00 00 00 00 00 00 00 00 00"),
	    "{\"$date\":\"1970-01-01T00:00:00.000Z\"}");
	json_is(from("0b bf f0 00 00 00 00 00 00 00 00"),
	    "{\"$date\":\"1969-12-31T23:59:59.999Z\"}");
	json_is(from("0b 7f f8 00 00 00 00 00 00 00 00"), "{\"$date\":null}");
	json_is(from("0b 7f ef ff ff ff ff ff ff 00 00"), "{\"$date\":null}");
	arena = vec_keep(arena_new(0));
	struct value *v = value_new(arena, VALUE_DATE);
	v->number = 951782400000.0;
	json_is(v, "{\"$date\":\"2000-02-29T00:00:00.000Z\"}");
	v->number = 253402300799999.0;
	json_is(v, "{\"$date\":\"9999-12-31T23:59:59.999Z\"}");
	v->number = -62167219200000.0;
	json_is(v, "{\"$date\":\"0000-01-01T00:00:00.000Z\"}");
}

UNIT(json_of_containers)
{
	json_is(from("03 00 01 61 05 00 01 62 0a 00 00 00 02 01 01 02 00 00"
		     "00 00 09"),
	    "{\"a\":null,\"b\":[true,\"\"]}");
	json_is(from("10 00 03 46 6f 6f 00 01 61 05 00 00 09"),
	    "{\"$type\":\"Foo\",\"a\":null}");
	json_is(
	    from("11 09 03 03 61 04 01 01 04 02"), "{\"$items\":[2],\"a\":1}");
	json_is(from("11 11 03 00 04 01 06 03 61"),
	    "{\"$dictionary\":[[1,\"a\"]]}");
	json_is(from("11 0d 05 00 00 00 00 01 00 00 00 02"), "[1,2]");
	json_is(from("03 00 04 73 65 6c 66 07 00 00 00 00 09"),
	    "{\"self\":{\"$ref\":0}}");
	json_is(from("0a 00 00 00 02 03 00 00 09 07 00 01"), "[{},{}]");
	json_is(from("0a 00 00 00 00"), "[]");
}

UNIT(json_of_shared_text_is_bounded)
{
	struct value *list, *text;
	struct buf b;
	char *p = malloc(1 << 20);

	memset(p, 'x', 1 << 20);
	arena = vec_keep(arena_new(0));
	list = value_new(arena, VALUE_ARRAY);
	text = value_string_len(arena, p, 1 << 20);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(value_push(arena, list, text), FCS_OK);
	buf_init(&b, 0);
	ck_assert_int_eq(value_json(&b, list), FCS_ELIMIT);
	ck_assert_uint_eq(buf_len(&b), 0);
	buf_fini(&b);
	free(p);
}

UNIT_MAIN
