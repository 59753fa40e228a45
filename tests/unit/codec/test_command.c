/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/command.h"

#include "tests/unit/codec/vec.h"

#define CREATE_STREAM                                                          \
	"02 00 0c 63 72 65 61 74 65 53 74 72 65 61 6d 00 40 10 00 00 00 00 00" \
	"00 05"

static struct arena *arena;

static int
read_hex(const char *hex, uint8_t type, struct command *out)
{
	size_t len;
	uint8_t *data = unit_hex(hex, &len);
	struct message m = vec_message(type, data, len);
	int rc;

	if (arena == NULL)
		arena = arena_new(VEC_ARENA);
	rc = command_read(arena, &m, out);
	free(data);
	return rc;
}

UNIT(a_command_has_name_number_object_and_arguments)
{
	struct command c;

	ck_assert_int_eq(read_hex(CREATE_STREAM, 20, &c), FCS_OK);
	ck_assert(value_str_eq(c.name, "createStream"));
	ck_assert_double_eq(c.txn, 4);
	ck_assert_int_eq(c.object->type, VALUE_NULL);
	ck_assert_uint_eq(c.arg_count, 0);
	ck_assert_int_eq(
	    read_hex("02 00 04 70 6c 61 79 00 00 00 00 00 00 00 00 00 05"
		     "02 00 01 78 00 c0 9f 40 00 00 00 00 00",
		20, &c),
	    FCS_OK);
	ck_assert_uint_eq(c.arg_count, 2);
	ck_assert(value_str_eq(c.args[0]->str, "x"));
	ck_assert_double_eq(c.args[1]->number, -2000);
}

UNIT(type_17_may_lack_its_format_byte)
{
	struct command c;

	ck_assert_int_eq(read_hex("00" CREATE_STREAM, 17, &c), FCS_OK);
	ck_assert(value_str_eq(c.name, "createStream"));
	ck_assert_int_eq(read_hex(CREATE_STREAM, 17, &c), FCS_OK);
	ck_assert(value_str_eq(c.name, "createStream"));
	ck_assert_int_eq(read_hex("07" CREATE_STREAM, 17, &c), FCS_EFORMAT);
	ck_assert_int_eq(read_hex("", 17, &c), FCS_ESHORT);
	ck_assert_int_eq(read_hex("00", 17, &c), FCS_ESHORT);
}

UNIT(what_is_missing_at_the_end_is_absent)
{
	struct command c;

	ck_assert_int_eq(read_hex("02 00 01 78", 20, &c), FCS_OK);
	ck_assert_double_eq(c.txn, 0);
	ck_assert_ptr_null(c.object);
	ck_assert_int_eq(
	    read_hex("02 00 01 78 00 40 00 00 00 00 00 00 00", 20, &c), FCS_OK);
	ck_assert_double_eq(c.txn, 2);
	ck_assert_ptr_null(c.object);
	ck_assert_int_eq(read_hex("02 00 01 78 05 05", 20, &c), FCS_OK);
	ck_assert_double_eq(c.txn, 0);
	ck_assert_int_eq(c.object->type, VALUE_NULL);
}

UNIT(odd_commands_are_refused)
{
	struct command c;

	ck_assert_int_eq(read_hex("", 20, &c), FCS_ESHORT);
	ck_assert_int_eq(read_hex("05", 20, &c), FCS_EFORMAT);
	ck_assert_int_eq(read_hex("02 00 05 78", 20, &c), FCS_ESHORT);
	ck_assert_int_eq(read_hex("02 00 01 78 02 00 00", 20, &c), FCS_EFORMAT);
	ck_assert_int_eq(read_hex("02 00 01 0a", 20, &c), FCS_EFORMAT);
	ck_assert_int_eq(read_hex("02 00 01 00", 20, &c), FCS_EFORMAT);
	ck_assert_int_eq(read_hex("02 00 01 78 05 05 ff", 20, &c), FCS_EFORMAT);
}

static int
with(unsigned name_len, unsigned args)
{
	struct message m;
	struct command c;
	struct buf b;
	int rc;

	buf_init(&b, 0);
	buf_u8(&b, 2);
	buf_be16(&b, name_len);
	buf_fill(&b, 'n', name_len);
	amf0_put_number(&b, 1);
	buf_fill(&b, 5, 1 + args);
	m = vec_message(20, buf_data(&b), buf_len(&b));
	arena = arena_new(VEC_ARENA);
	rc = command_read(arena, &m, &c);
	if (rc == FCS_OK)
		ck_assert_uint_eq(c.arg_count, args);
	arena_free(arena);
	buf_fini(&b);
	return rc;
}

UNIT(name_and_arguments_are_limited)
{
	ck_assert_int_eq(with(COMMAND_NAME_MAX, 0), FCS_OK);
	ck_assert_int_eq(with(COMMAND_NAME_MAX + 1, 0), FCS_ELIMIT);
	ck_assert_int_eq(with(1, COMMAND_ARGS_MAX - 1), FCS_OK);
	ck_assert_int_eq(with(1, COMMAND_ARGS_MAX), FCS_OK);
	ck_assert_int_eq(with(1, COMMAND_ARGS_MAX + 1), FCS_ELIMIT);
}

UNIT(a_command_is_written)
{
	struct value *args[2], *o;
	struct buf b;

	arena = arena_new(0);
	buf_init(&b, 0);
	ck_assert_int_eq(
	    command_write(&b, false, "createStream", 4, NULL, NULL, 0), FCS_OK);
	vec_is(&b, CREATE_STREAM);
	buf_reset(&b, 0);
	o = value_new(arena, VALUE_OBJECT);
	ck_assert_int_eq(value_set(arena, o, "x", value_number(arena, 10)), 0);
	args[0] = NULL;
	args[1] = o;
	ck_assert_int_eq(command_write(&b, false, "a", 1, NULL, args, 2), 0);
	vec_is(&b, "02 00 01 61 00 3f f0 00 00 00 00 00 00 05 05"
		   "03 00 01 78 00 40 24 00 00 00 00 00 00 00 00 09");
	buf_reset(&b, 0);
	ck_assert_int_eq(command_write(&b, true, "a", 1, NULL, args, 2), 0);
	vec_is(&b, "00 02 00 01 61 00 3f f0 00 00 00 00 00 00 05 05"
		   "11 0a 0b 01 03 78 04 0a 01");
	buf_fini(&b);
}

UNIT(a_value_that_cannot_be_written_leaves_nothing)
{
	struct value *args[1], *v, *in;
	struct buf b;

	arena = arena_new(0);
	args[0] = v = value_new(arena, VALUE_ARRAY);
	for (int i = 0; i < 40; i++) {
		in = value_new(arena, VALUE_ARRAY);
		ck_assert_int_eq(value_push(arena, v, in), FCS_OK);
		v = in;
	}
	buf_init(&b, 0);
	buf_u8(&b, 1);
	ck_assert_int_eq(
	    command_write(&b, false, "a", 1, NULL, args, 1), FCS_EDEPTH);
	ck_assert_int_eq(
	    command_write(&b, true, "a", 1, NULL, args, 1), FCS_EDEPTH);
	ck_assert_uint_eq(buf_len(&b), 1);
	buf_fini(&b);
}

UNIT(data_messages_have_a_handler_and_values)
{
	size_t len;
	uint8_t *data = unit_hex("02 00 0a 6f 6e 4d 65 74 61 44 61 74 61"
				 "08 00 00 00 01 00 01 61 05 00 00 09",
	    &len);
	struct message m = vec_message(18, data, len);
	struct command_data d;

	arena = arena_new(0);
	ck_assert_int_eq(command_read_data(arena, &m, &d), FCS_OK);
	ck_assert(value_str_eq(d.name, "onMetaData"));
	ck_assert_uint_eq(d.arg_count, 1);
	ck_assert_int_eq(d.args[0]->type, VALUE_ECMA);
	free(data);
	data = unit_hex("00 05 02 00 01 61", &len);
	m = vec_message(15, data, len);
	ck_assert_int_eq(command_read_data(arena, &m, &d), FCS_OK);
	ck_assert_uint_eq(d.name.len, 0);
	ck_assert_uint_eq(d.arg_count, 2);
	m = vec_message(18, data, 0);
	ck_assert_int_eq(command_read_data(arena, &m, &d), FCS_OK);
	ck_assert_uint_eq(d.arg_count, 0);
	free(data);
}

static void
try_read(const uint8_t *data, size_t len)
{
	static const uint8_t types[] = { 20, 17, 18, 15 };
	struct command c;
	struct command_data d;

	for (int i = 0; i < 4; i++) {
		struct arena *a = arena_new(VEC_ARENA);
		struct message m = vec_message(types[i], data, len);

		if (i < 2)
			fcs_ignore(command_read(a, &m, &c));
		else
			fcs_ignore(command_read_data(a, &m, &d));
		arena_free(a);
	}
}

UNIT(damaged_input_never_crashes)
{
	size_t len;
	uint8_t *data = unit_hex("00" CREATE_STREAM
				 "03 00 01 78 00 40 24 00 00 00 00 00 00 00 00"
				 "09 11 0a 0b 01 03 78 04 0a 01",
	    &len);

	vec_mutations(data, len, try_read);
	free(data);
}

UNIT_MAIN
