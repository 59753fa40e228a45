/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/somsg.h"

#include "tests/unit/codec/vec.h"

#define BOARD   "00 05 62 6f 61 72 64"
#define CHAT    "00 04 63 68 61 74"
#define BOARD_D "00 07 62 6f 61 72 64 5f 64"
#define SAVED   " 00 00 00 02 00 00 00 00"
#define TEMP    " 00 00 00 00 00 00 00 00"
#define COLOUR  " 00 06 63 6f 6c 6f 75 72"
#define OBJ                                                                    \
	" 00 03 6f 62 6a 03 00 01 78 00 3f f0 00 00 00 00 00 00"               \
	" 00 01 79 0a 00 00 00 03 00 3f f0 00 00 00 00 00 00 00 40 00 00 00"   \
	" 00 00 00 00 02 00 05 74 68 72 65 65 00 01 74 01 01 00 00 09"

/* wire-protocol 4.5, D1 to D12, then what was captured (real-clients 4). */
static const struct {
	const char *name;
	const char *hex;
	uint8_t type;
	uint32_t version, flags, events;
} dumps[] = {
	{ "D1", CHAT " 00 00 00 00" TEMP " 01 00 00 00 00", 19, 0, 0, 1 },
	{ "D2", CHAT " 00 00 00 01" TEMP " 0b 00 00 00 00 08 00 00 00 00", 19,
	    1, 0, 2 },
	{ "D3",
	    BOARD " 00 00 00 07" SAVED " 0b 00 00 00 00 08 00 00 00 00"
		  " 04 00 00 00 0e 00 05 74 69 74 6c 65 02 00 04 50 6c 61 6e"
		  " 04 00 00 00 0c 00 01 6e 00 40 08 00 00 00 00 00 00",
	    19, 7, 2, 4 },
	{ "D4",
	    BOARD " 00 00 00 07" SAVED
		  " 03 00 00 00 0c 00 01 6e 00 40 10 00 00 00 00 00 00"
		  " 03 00 00 00 21 00 03 70 6f 73 03"
		  " 00 01 78 00 40 24 00 00 00 00 00 00"
		  " 00 01 79 00 40 34 00 00 00 00 00 00 00 00 09",
	    19, 7, 2, 2 },
	{ "D5",
	    BOARD " 00 00 00 08" SAVED " 05 00 00 00 03 00 01 6e"
		  " 05 00 00 00 05 00 03 70 6f 73",
	    19, 8, 2, 2 },
	{ "D6",
	    BOARD " 00 00 00 08" SAVED
		  " 04 00 00 00 0c 00 01 6e 00 40 10 00 00 00 00 00 00"
		  " 04 00 00 00 21 00 03 70 6f 73 03"
		  " 00 01 78 00 40 24 00 00 00 00 00 00"
		  " 00 01 79 00 40 34 00 00 00 00 00 00 00 00 09",
	    19, 8, 2, 2 },
	{ "D7", BOARD " 00 00 00 08" SAVED " 0a 00 00 00 03 00 01 6e", 19, 8, 2,
	    1 },
	{ "D8", BOARD " 00 00 00 09" SAVED " 09 00 00 00 03 00 01 6e", 19, 9, 2,
	    1 },
	{ "D9",
	    CHAT " 00 00 00 01" TEMP
		 " 06 00 00 00 11 02 00 03 73 61 79 02 00 03 41 6e 6e"
		 " 02 00 02 68 69",
	    19, 1, 0, 1 },
	{ "D10",
	    BOARD " 00 00 00 00" TEMP
		  " 07 00 00 00 24 00 1b 53 68 61 72 65 64 4f 62 6a 65 63 74"
		  " 2e 42 61 64 50 65 72 73 69 73 74 65 6e 63 65"
		  " 00 05 65 72 72 6f 72",
	    19, 0, 0, 1 },
	{ "D11",
	    "00 " BOARD " 00 00 00 07" SAVED
	    " 03 00 00 00 06 00 01 6e 11 04 04",
	    16, 7, 2, 1 },
	{ "D12",
	    "00 " BOARD " 00 00 00 08" SAVED
	    " 04 00 00 00 12 00 03 70 6f 73 11 0a 0b 01"
	    " 03 78 04 0a 03 79 04 14 01",
	    16, 8, 2, 1 },
	{ "use", BOARD_D " 00 00 00 00" TEMP " 01 00 00 00 00", 19, 0, 0, 1 },
	{ "use reply",
	    BOARD_D " 00 00 00 02" TEMP " 0b 00 00 00 00 08 00 00 00 00", 19, 2,
	    0, 2 },
	{ "set colour",
	    BOARD_D " 00 00 00 03" TEMP " 03 00 00 00 0e" COLOUR
		    " 02 00 03 72 65 64",
	    19, 3, 0, 1 },
	{ "change",
	    BOARD_D " 00 00 00 04" TEMP " 04 00 00 00 0e" COLOUR
		    " 02 00 03 72 65 64",
	    19, 4, 0, 1 },
	{ "success", BOARD_D " 00 00 00 04" TEMP " 05 00 00 00 08" COLOUR, 19,
	    4, 0, 1 },
	{ "set n",
	    BOARD_D " 00 00 00 04" TEMP
		    " 03 00 00 00 0c 00 01 6e 00 40 45 00 00 00 00 00 00",
	    19, 4, 0, 1 },
	{ "set obj", BOARD_D " 00 00 00 07" TEMP " 03 00 00 00 3c" OBJ, 19, 7,
	    0, 1 },
	{ "send",
	    BOARD_D " 00 00 00 06" TEMP " 06 00 00 00 17 02 00 06 6f 6e 50 69"
		    " 6e 67 02 00 02 68 69 00 40 1c 00 00 00 00 00 00",
	    19, 6, 0, 1 },
	{ "delete", BOARD_D " 00 00 00 0a" TEMP " 0a 00 00 00 03 00 01 6e", 19,
	    10, 0, 1 },
	{ "late joiner",
	    BOARD_D " 00 00 00 09" TEMP " 0b 00 00 00 00 08 00 00 00 00"
		    " 04 00 00 00 0e" COLOUR " 02 00 03 72 65 64"
		    " 04 00 00 00 3c" OBJ,
	    19, 9, 0, 4 },
	{ "batch",
	    "00 05 77 62 5f 70 31 00 00 00 02" SAVED
	    " 03 00 00 00 0c 00 01 61 00 3f f0 00 00 00 00 00 00"
	    " 03 00 00 00 09 00 01 62 02 00 03 74 77 6f"
	    " 03 00 00 00 25 00 01 63 0a 00 00 00 03 00 3f f0 00 00 00 00 00"
	    " 00 00 40 00 00 00 00 00 00 00 03 00 01 6b 02 00 01 76 00 00 09",
	    19, 2, 2, 3 },
	{ "batch reply",
	    "00 05 77 62 5f 70 31 00 00 00 03" SAVED
	    " 05 00 00 00 03 00 01 61 05 00 00 00 03 00 01 62"
	    " 05 00 00 00 03 00 01 63",
	    19, 3, 2, 3 },
};

static struct arena *arena;

static int
read_hex(const char *hex, uint8_t type, struct somsg *out)
{
	size_t len;
	uint8_t *data = vec_keep(unit_hex(hex, &len)); /* lent to out */
	struct message m = vec_message(type, data, len);

	if (arena == NULL)
		arena = arena_new(VEC_ARENA);
	return somsg_read(arena, &m, out);
}

static void
put_event(struct buf *b, const struct somsg_event *e)
{
	switch (e->type) {
	case SOMSG_REQUEST_CHANGE:
	case SOMSG_CHANGE:
		somsg_put_change(
		    b, e->type, e->key.ptr, e->key.len, e->data, e->len);
		break;
	case SOMSG_SUCCESS:
	case SOMSG_REMOVE:
	case SOMSG_REQUEST_REMOVE:
		somsg_put_key(b, e->type, e->key.ptr, e->key.len);
		break;
	case SOMSG_SEND:
		somsg_put_send(b, e->data, e->len);
		break;
	case SOMSG_STATUS:
		somsg_put_status(b, "SharedObject.BadPersistence", "error");
		ck_assert(value_str_eq(e->key, "SharedObject.BadPersistence"));
		ck_assert(value_str_eq(e->level, "error"));
		break;
	default:
		somsg_put(b, e->type);
		break;
	}
}

UNIT(every_dump_goes_both_ways)
{
	struct somsg m;
	struct buf b;

	for (size_t i = 0; i < sizeof(dumps) / sizeof(dumps[0]); i++) {
		ck_assert_msg(read_hex(dumps[i].hex, dumps[i].type, &m) == 0,
		    "%s", dumps[i].name);
		ck_assert_uint_eq(m.version, dumps[i].version);
		ck_assert_uint_eq(m.flags, dumps[i].flags);
		ck_assert_uint_eq(m.event_count, dumps[i].events);
		buf_init(&b, 0);
		somsg_begin(&b, dumps[i].type == 16, m.name.ptr, m.name.len,
		    m.version, m.flags);
		for (uint32_t k = 0; k < m.event_count; k++)
			put_event(&b, &m.events[k]);
		vec_is(&b, dumps[i].hex);
		buf_fini(&b);
	}
}

UNIT(names_keys_and_values_are_taken_apart)
{
	struct somsg m;

	ck_assert_int_eq(read_hex(dumps[2].hex, 19, &m), FCS_OK);
	ck_assert(value_str_eq(m.name, "board"));
	ck_assert_int_eq(m.events[2].type, SOMSG_CHANGE);
	ck_assert(value_str_eq(m.events[2].key, "title"));
	ck_assert_uint_eq(m.events[2].len, 7);
	ck_assert_mem_eq(m.events[2].data, "\2\0\4Plan", 7);
}

UNIT(several_pairs_in_one_event_are_split)
{
	struct somsg m;

	ck_assert_int_eq(
	    read_hex(CHAT " 00 00 00 01" TEMP
			  " 04 00 00 00 08 00 01 61 05 00 01 62 05",
		19, &m),
	    FCS_OK);
	ck_assert_uint_eq(m.event_count, 2);
	ck_assert(value_str_eq(m.events[1].key, "b"));
	ck_assert_int_eq(read_hex(CHAT " 00 00 00 01" TEMP
				       " 09 00 00 00 06 00 01 61 00 01 62",
			     19, &m),
	    FCS_OK);
	ck_assert_uint_eq(m.event_count, 2);
}

UNIT(unknown_events_and_odd_bodies_are_skipped)
{
	struct somsg m;

	/* 12 and 99 are skipped, release has the body one client sends */
	ck_assert_int_eq(
	    read_hex(CHAT " 00 00 00 01" TEMP " 0c 00 00 00 07 00 01 61 00 00"
			  " 00 01 63 00 00 00 02 ff ff 02 00 00 00 03 00 00 05",
		19, &m),
	    FCS_OK);
	ck_assert_uint_eq(m.event_count, 1);
	ck_assert_int_eq(m.events[0].type, SOMSG_RELEASE);
}

UNIT(malformed_messages_are_refused)
{
	static const struct {
		const char *hex;
		int rc;
	} rows[] = {
		{ "", FCS_ESHORT },
		{ "00 04 63 68", FCS_ESHORT },
		{ CHAT " 00 00 00 01 00 00 00 00 00 00", FCS_ESHORT },
		{ CHAT " 00 00 00 01" TEMP " 01 00 00 00", FCS_ESHORT },
		{ CHAT " 00 00 00 01" TEMP " 01 00 00 00 01", FCS_ESHORT },
		{ CHAT " 00 00 00 01" TEMP " 03 ff ff ff ff 00", FCS_ESHORT },
		{ CHAT " 00 00 00 01" TEMP " 03 00 00 00 00", FCS_ESHORT },
		{ CHAT " 00 00 00 01" TEMP " 03 00 00 00 03 00 01 61",
		    FCS_ESHORT },
		{ CHAT " 00 00 00 01" TEMP " 03 00 00 00 04 00 01 61 ff",
		    FCS_EFORMAT },
		{ CHAT " 00 00 00 01" TEMP " 05 00 00 00 03 00 02 61",
		    FCS_ESHORT },
		{ CHAT " 00 00 00 01" TEMP " 06 00 00 00 00", FCS_ESHORT },
		{ CHAT " 00 00 00 01" TEMP " 06 00 00 00 01 05", FCS_EFORMAT },
		{ CHAT " 00 00 00 01" TEMP " 07 00 00 00 03 00 01 61",
		    FCS_ESHORT },
	};
	struct somsg m;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(
		    read_hex(rows[i].hex, 19, &m) == rows[i].rc, "row %zu", i);
	ck_assert_int_eq(
	    read_hex("03 " CHAT " 00 00 00 01" TEMP, 16, &m), FCS_EFORMAT);
}

static int
with_events(unsigned n)
{
	size_t head, len;
	uint8_t *start = unit_hex(CHAT " 00 00 00 01" TEMP, &head), *data;
	struct message msg;
	struct somsg m;
	int rc;

	len = head + n * 5;
	data = calloc(1, len);
	memcpy(data, start, head);
	for (unsigned i = 0; i < n; i++)
		data[head + i * 5] = SOMSG_CLEAR;
	msg = vec_message(19, data, len);
	arena = arena_new(VEC_ARENA);
	rc = somsg_read(arena, &msg, &m);
	arena_free(arena);
	arena = NULL;
	free(start);
	free(data);
	return rc;
}

UNIT(events_are_limited)
{
	ck_assert_int_eq(with_events(0), FCS_OK);
	ck_assert_int_eq(with_events(SOMSG_EVENTS_MAX), FCS_OK);
	ck_assert_int_eq(with_events(SOMSG_EVENTS_MAX + 1), FCS_ELIMIT);
}

static void
converts(const char *hex, bool amf3, bool avmplus, const char *want)
{
	size_t len;
	uint8_t *data = unit_hex(hex, &len);
	struct buf b;

	buf_init(&b, 0);
	ck_assert_int_eq(somsg_value(&b, data, len, amf3, avmplus), FCS_OK);
	vec_is(&b, want);
	buf_fini(&b);
	free(data);
}

UNIT(values_are_converted_for_the_receiver)
{
	const char *obj0 = "03 00 01 78 00 40 24 00 00 00 00 00 00 00 00 09";
	const char *obj3 = "11 0a 0b 01 03 78 04 0a 01";
	const char *text = "02 00 01 61";
	struct buf b;

	converts(obj3, false, false, obj0);
	converts(obj0, true, false, obj3);
	converts(obj0, false, false, obj0);
	converts(obj3, true, true, obj3);
	converts(text, true, false, text);
	converts(text, false, false, text);
	converts("11 04 04", false, false, "00 40 10 00 00 00 00 00 00");
	converts("11 0c 03 aa", false, false, "0d");
	converts("11 0c 03 aa", false, true, "11 0c 03 aa");
	buf_init(&b, 0);
	ck_assert_int_eq(
	    somsg_value(&b, (const uint8_t *)"\3", 1, false, false),
	    FCS_ESHORT);
	ck_assert_int_eq(
	    somsg_value(&b, (const uint8_t *)"", 0, false, false), FCS_ESHORT);
}

static void
try_read(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new(VEC_ARENA);
	struct message msg = vec_message(19, data, len);
	struct somsg m;
	struct buf b;

	if (somsg_read(a, &msg, &m) == FCS_OK) {
		buf_init(&b, 0);
		for (uint32_t i = 0; i < m.event_count; i++)
			if (m.events[i].data != NULL)
				fcs_ignore(somsg_value(&b, m.events[i].data,
				    m.events[i].len, i & 1, i & 2));
		buf_fini(&b);
	}
	msg.type = 16;
	fcs_ignore(somsg_read(a, &msg, &m));
	arena_free(a);
}

UNIT_TIMEOUT(damaged_input_never_crashes, 60)
{
	for (size_t i = 0; i < sizeof(dumps) / sizeof(dumps[0]); i++) {
		size_t len;
		uint8_t *data = unit_hex(dumps[i].hex, &len);

		vec_mutations(data, len, try_read);
		free(data);
	}
}

UNIT_MAIN
