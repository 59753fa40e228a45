/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared objects between clients: bytes, order, versions, durability. */
#include "tests/unit/core/so_lib.h"

/* ---- golden bytes, wire-protocol 4.5 and real-clients 4 ---- */

#define BOARD "0005626f617264"

UNIT(empty_temporary_object_is_used_as_dumped)
{
	struct so_client *a;

	so_start(NULL, false);
	a = so_connect("a", 0);
	so_say_hex(a, MESSAGE_SO,
	    "0004 63686174 00000000 00000000 00000000 01 00000000");
	so_settle();
	ck_assert_str_eq(so_got_hex(a),
	    "13:000463686174000000010000000000000000"
	    "0b000000000800000000");
	so_stop();
}

/* Three writers' worth of history, so that the board is at version 7. */
static void
make_board(void)
{
	struct so_client *z = so_connect("z", 0);

	so_say(z, "board p 0 use");
	so_say_hex(z, MESSAGE_SO,
	    BOARD "000000010000000200000000"
		  "030000000e00057469746c65020004506c616e");
	for (int i = 0; i < 5; i++)
		so_say_hex(z, MESSAGE_SO,
		    BOARD "000000010000000200000000"
			  "030000000c00016e004008000000000000");
	so_say(z, "board p 0 release");
	so_settle();
	so_disconnect(z);
}

UNIT(two_clients_change_and_remove_as_dumped)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	make_board();
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	so_say(a, "board p 0 use");
	so_say(b, "board p 0 use");
	so_settle();
	/* D3 */
	ck_assert_str_eq(so_got_hex(a), "13:" BOARD "000000070000000200000000"
					"0b000000000800000000"
					"040000000e00057469746c65020004506c616e"
					"040000000c00016e004008000000000000");
	(void)so_got(b);
	/* D4 */
	so_say_hex(a, MESSAGE_SO,
	    BOARD "000000070000000200000000"
		  "030000000c00016e004010000000000000"
		  "03000000210003706f7303000178004024000000000000"
		  "000179004034000000000000000009");
	so_settle();
	/* D5 */
	ck_assert_str_eq(so_got_hex(a), "13:" BOARD "000000080000000200000000"
					"050000000300016e"
					"05000000050003706f73");
	/* D6 */
	ck_assert_str_eq(so_got_hex(b),
	    "13:" BOARD "000000080000000200000000"
	    "040000000c00016e004010000000000000"
	    "04000000210003706f7303000178004024000000000000"
	    "000179004034000000000000000009");
	/* D7, D8 */
	so_say_hex(
	    a, MESSAGE_SO, BOARD "0000000800000002000000000a0000000300016e");
	so_settle();
	ck_assert_str_eq(so_got_hex(a),
	    "13:" BOARD "000000090000000200000000090000000300016e");
	ck_assert_str_eq(so_got_hex(b),
	    "13:" BOARD "000000090000000200000000090000000300016e");
	so_stop();
}

UNIT(send_reaches_everybody_as_dumped)
{
	static const char said[] =
	    "13:000463686174000000010000000000000000"
	    "0600000011020003736179020003416e6e0200026869";
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	so_say(a, "chat t 0 use");
	so_say(b, "chat t 0 use");
	so_settle();
	(void)so_got(a);
	(void)so_got(b);
	so_say_hex(a, MESSAGE_SO,
	    "000463686174000000010000000000000000"
	    "0600000011020003736179020003416e6e0200026869");
	so_settle();
	ck_assert_str_eq(so_got_hex(a), said);
	ck_assert_str_eq(so_got_hex(b), said);
	so_stop();
}

UNIT(wrong_persistence_is_told_as_dumped)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	so_say(a, "board p 0 use");
	so_say(b, "board t 0 use");
	so_settle();
	ck_assert_str_eq(so_got_hex(b),
	    "13:" BOARD "000000000000000000000000"
	    "0700000024001b5368617265644f626a6563742e"
	    "42616450657273697374656e63650005"
	    "6572726f72");
	/* it is not attached */
	(void)so_got(a);
	so_say(a, "board p 1 x=1");
	so_expect(a, "[board 2 +x]");
	so_expect(b, "");
	so_stop();
}

UNIT(amf3_and_amf0_clients_see_equal_values)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	make_board();
	a = so_connect("a", 3);
	b = so_connect("b", 0);
	so_say(a, "board p 7 use");
	so_say(b, "board p 7 use");
	so_settle();
	(void)so_got(a);
	(void)so_got(b);
	/* D11: an AMF3 integer */
	so_say_hex(a, MESSAGE_SO_AMF3,
	    "00" BOARD "000000070000000200000000"
	    "030000000600016e110404");
	so_settle();
	ck_assert_str_eq(so_got_hex(a),
	    "10:00" BOARD "000000080000000200000000050000000300016e");
	ck_assert_str_eq(so_got_hex(b), "13:" BOARD "000000080000000200000000"
					"040000000c00016e004010000000000000");
	/* D12: an AMF0 client's object as AMF3 */
	so_say_hex(b, MESSAGE_SO,
	    BOARD "000000080000000200000000"
		  "03000000210003706f7303000178004024000000000000"
		  "000179004034000000000000000009");
	so_expect(a, "[board 9 pos={\"x\":10,\"y\":20}]");
	/* an AMF3 client's object for both */
	so_say_hex(a, MESSAGE_SO_AMF3,
	    "00" BOARD "000000090000000200000000"
	    "03000000120003706f73110a0b010378040a0379041401");
	so_settle();
	(void)so_got(a);
	ck_assert_str_eq(
	    so_got(b), "[board 9 +pos] [board 10 pos={\"x\":10,\"y\":20}]");
	so_stop();
}

UNIT(amf3_receiver_gets_objects_as_dumped)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	make_board();
	a = so_connect("a", 0);
	b = so_connect("b", 3);
	so_say(a, "board p 7 use");
	so_say(b, "board p 7 use");
	so_settle();
	(void)so_got(b);
	so_say_hex(a, MESSAGE_SO,
	    BOARD "000000070000000200000000"
		  "03000000120003706f73110a0b010378040a0379041401");
	so_settle();
	/* D12 */
	ck_assert_str_eq(so_got_hex(b),
	    "10:00" BOARD "000000080000000200000000"
	    "04000000120003706f73110a0b010378040a0379041401");
	so_stop();
}

UNIT(message_of_an_amf3_client_is_plain_for_an_amf0_one)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	a = so_connect("a", 3);
	b = so_connect("b", 0);
	so_say(a, "chat t 0 use");
	so_say(b, "chat t 0 use");
	so_settle();
	(void)so_got(a);
	(void)so_got(b);
	so_say_hex(a, MESSAGE_SO_AMF3,
	    "00000463686174000000010000000000000000"
	    "0600000009020003736179110404");
	so_settle();
	ck_assert_str_eq(so_got_hex(a),
	    "10:00000463686174000000010000000000000000"
	    "0600000009020003736179110404");
	ck_assert_str_eq(so_got_hex(b),
	    "13:000463686174000000010000000000000000"
	    "060000000f020003736179004010000000000000");
	so_stop();
}

UNIT(release_with_a_body_is_a_release)
{
	struct so_client *a;

	so_start(NULL, false);
	a = so_connect("a", 0);
	so_say(a, "board_d t 0 use");
	so_say_hex(a, MESSAGE_SO,
	    "0007626f6172645f64 00000000 0000000000000000 02 00000003 000005");
	so_settle();
	ck_assert_str_eq(so_got(a), "[board_d 1 used clear]");
	ck_assert_ptr_null(sharedobj_find(so_inst, "board_d"));
	so_stop();
}

UNIT(several_pairs_in_one_event_are_one_batch)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	so_say(a, "wb_p1 p 0 use");
	so_say(b, "wb_p1 p 0 use");
	so_settle();
	(void)so_got(a);
	(void)so_got(b);
	so_say_hex(a, MESSAGE_SO,
	    "000577625f7031 00000001 0000000200000000"
	    "03 00000018 000161 003ff0000000000000 000162 004000000000000000");
	so_expect(a, "[wb_p1 2 +a +b]");
	so_expect(b, "[wb_p1 2 a=1 b=2]");
	so_stop();
}

/* ---- order and durability ---- */

UNIT(nobody_hears_of_a_change_before_it_is_durable)
{
	struct so_client *a;
	struct so_client *b;
	struct so_client *c;

	so_start(NULL, false);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	c = so_connect("c", 0);
	so_say(a, "o p 0 use");
	so_say(b, "o p 0 use");
	so_settle();
	(void)so_got(a);
	(void)so_got(b);
	so_hold(true);
	so_say(a, "o p 1 x=1");
	so_say(b, "o p 1 !hi");
	so_say(c, "o p 0 use");
	so_expect(a, "");
	so_expect(b, "");
	so_expect(c, "");
	so_hold(false);
	so_expect(a, "[o 2 +x] [o 2 !hi]");
	so_expect(b, "[o 2 x=1] [o 2 !hi]");
	so_expect(c, "[o 2 used clear x=1]");
	so_stop();
}

UNIT(use_shows_what_was_before_it_and_nothing_later)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	so_say(a, "o p 0 use");
	so_settle();
	(void)so_got(a);
	so_hold(true);
	so_say(a, "o p 1 x=1");
	so_say(b, "o p 0 use");
	so_say(a, "o p 1 x=2 y=3");
	so_settle();
	so_hold(false);
	so_expect(b, "[o 2 used clear x=1] [o 3 x=2 y=3]");
	so_expect(a, "[o 2 +x] [o 3 +x +y]");
	so_stop();
}

UNIT(temporary_object_needs_no_commit)
{
	struct so_client *a;

	so_start(NULL, false);
	a = so_connect("a", 0);
	so_settle();
	so_hold(true);
	so_say(a, "o t 0 use x=1");
	so_turn();
	so_turn();
	ck_assert_str_eq(so_got(a), "[o 1 used clear] [o 2 +x]");
	so_stop();
}

UNIT(last_value_of_a_message_wins_for_the_others)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	so_say(a, "o p 0 use");
	so_say(b, "o p 0 use");
	so_settle();
	(void)so_got(a);
	(void)so_got(b);
	so_say(a, "o p 1 x=1 y=1 x=2 !m -y");
	so_expect(a, "[o 2 +x +y +x !m -y]");
	so_expect(b, "[o 2 x=2 -y !m]");
	so_stop();
}

UNIT(equal_value_is_a_change)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	so_say(a, "o p 0 use x=1");
	so_say(b, "o p 0 use");
	so_settle();
	(void)so_got(a);
	(void)so_got(b);
	so_say(a, "o p 2 x=1");
	so_expect(a, "[o 3 +x]");
	so_expect(b, "[o 3 x=1]");
	so_stop();
}

UNIT(writer_that_was_overtaken_gets_its_value_back)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	so_say(a, "o p 0 use");
	so_say(b, "o p 0 use");
	so_settle();
	(void)so_got(a);
	(void)so_got(b);
	/* a hears of x=2 before it hears that its x=3, x=4 succeeded */
	so_say(a, "o p 1 x=1");
	so_say(b, "o p 1 x=2");
	so_say(a, "o p 1 x=3");
	so_say(a, "o p 1 x=4");
	so_expect(a, "[o 2 +x] [o 3 x=2] [o 4 +x x=3] [o 5 +x x=4]");
	so_expect(b, "[o 2 x=1] [o 3 +x x=2] [o 4 x=3] [o 5 x=4]");
	/* once it knows, Success is enough */
	so_say(a, "o p 5 x=5");
	so_say(a, "o p 5 x=6");
	so_expect(a, "[o 6 +x] [o 7 +x]");
	so_stop();
}

UNIT(null_deletes_and_a_deleted_slot_is_told_once)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	so_say(a, "o p 0 use x=1 y=1");
	so_say(b, "o p 0 use");
	so_settle();
	(void)so_got(a);
	(void)so_got(b);
	so_say(a, "o p 2 x=null");
	so_expect(a, "[o 3 +x]");
	so_expect(b, "[o 3 -x]");
	/* undefined */
	so_say_hex(a, MESSAGE_SO,
	    "00016f 00000003 00000002 00000000 03 00000004 000179 06");
	so_expect(a, "[o 4 +y]");
	so_expect(b, "[o 4 -y]");
	/* what is not there: no version, nobody else is told */
	so_say(a, "o p 4 x=null -never");
	so_expect(a, "[o 4 +x -never]");
	so_expect(b, "");
	so_stop();
}

UNIT(clear_deletes_every_slot)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	so_say(a, "o p 0 use x=1 y=2");
	so_say(b, "o p 0 use");
	so_settle();
	(void)so_got(a);
	(void)so_got(b);
	so_say(a, "o p 2 z=3 clear w=4");
	so_expect(a, "[o 3 +z clear +w]");
	so_expect(b, "[o 3 clear w=4]");
	so_disconnect(b);
	b = so_connect("b2", 0);
	so_say(b, "o p 2 use");
	so_expect(b, "[o 3 used -x -y -z w=4]");
	so_stop();
}

UNIT(events_before_use_are_refused)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	so_say(a, "o p 0 x=1");
	so_expect(a, "[o 0 SharedObject.NoWriteAccess]");
	ck_assert_ptr_null(sharedobj_find(so_inst, "o"));
	so_say(b, "o p 0 use");
	so_settle();
	so_say(a, "o p 0 x=1 y=2 !hi");
	so_expect(a, "[o 0 SharedObject.NoWriteAccess]");
	so_say(a, "o p 0 release");
	so_expect(a, "");
	so_say(b, "o p 0 release x=1");
	so_expect(b, "[o 1 used clear] [o 0 SharedObject.NoWriteAccess]");
	so_stop();
}

UNIT(second_use_of_the_same_client_is_answered_again)
{
	struct so_client *a;

	so_start(NULL, false);
	a = so_connect("a", 0);
	so_say(a, "o p 0 use x=1");
	so_settle();
	(void)so_got(a);
	so_say(a, "o p 2 use");
	so_expect(a, "[o 2 used]");
	ck_assert_uint_eq(
	    sharedobj_subscribers(sharedobj_find(so_inst, "o")), 1);
	so_say(a, "o p 2 release use x=2");
	so_expect(a, "[o 2 used] [o 3 +x]");
	so_stop();
}

UNIT(temporary_object_goes_with_its_last_user)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	so_say(a, "o t 0 use x=1");
	so_say(b, "o t 0 use");
	so_say(a, "o t 0 release");
	so_settle();
	ck_assert_ptr_nonnull(sharedobj_find(so_inst, "o"));
	so_disconnect(b);
	so_settle();
	ck_assert_ptr_null(sharedobj_find(so_inst, "o"));
	(void)so_got(a);
	so_say(a, "o t 2 use");
	so_expect(a, "[o 1 used clear]");
	so_stop();
}

UNIT(client_that_left_is_not_told)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	so_say(a, "o p 0 use");
	so_say(b, "o p 0 use");
	so_settle();
	(void)so_got(b);
	so_hold(true);
	so_say(b, "o p 1 x=1");
	so_settle();
	so_disconnect(b);
	so_settle();
	so_hold(false);
	so_settle();
	ck_assert_str_eq(so_got(b), "");
	/* its write counts nevertheless */
	ck_assert_str_eq(so_got(a), "[o 1 used clear] [o 2 x=1]");
	so_stop();
}

UNIT(message_is_built_once_per_encoding)
{
	struct so_client *c[6];
	char id[2] = "a";

	so_start(NULL, false);
	for (int i = 0; i < 6; i++) {
		id[0] = (char)('a' + i);
		c[i] = so_connect(id, i < 3 ? 0 : 3);
		so_say(c[i], "o t 0 use");
	}
	so_settle();
	for (int i = 0; i < 6; i++)
		c[i]->messages = 0;
	so_say(c[0], "o t 0 x=1");
	so_settle();
	for (int i = 0; i < 6; i++)
		ck_assert_uint_eq(c[i]->messages, 1);
	ck_assert_ptr_eq(c[1]->last, c[2]->last);
	ck_assert_ptr_eq(c[3]->last, c[4]->last);
	ck_assert_ptr_eq(c[3]->last, c[5]->last);
	so_stop();
}

/* ---- versions ---- */

UNIT(client_that_knows_a_version_gets_what_is_newer)
{
	struct so_client *a;
	struct so_client *b;

	so_start(NULL, false);
	a = so_connect("a", 0);
	so_say(a, "o p 0 use a=1 b=1 c=1");
	so_say(a, "o p 0 b=2");
	so_say(a, "o p 0 -c d=1");
	so_settle();
	b = so_connect("b", 0);
	so_say(b, "o p 2 use");
	so_expect(b, "[o 4 used b=2 -c d=1]");
	b = so_connect("b4", 0);
	so_say(b, "o p 4 use");
	so_expect(b, "[o 4 used]");
	b = so_connect("b9", 0);
	so_say(b, "o p 9 use"); /* from another life */
	so_expect(b, "[o 4 used clear a=1 b=2 d=1]");
	b = so_connect("b0", 0);
	so_say(b, "o p 0 use");
	so_expect(b, "[o 4 used clear a=1 b=2 d=1]");
	so_stop();
}

UNIT(object_and_its_versions_survive_a_restart)
{
	struct so_client *a;

	so_start(NULL, false);
	a = so_connect("a", 0);
	so_say(a, "o p 0 use x=1 y=1 z=1");
	so_say(a, "o p 0 -y");
	so_settle();
	so_restart();
	a = so_connect("a", 0);
	so_say(a, "o p 2 use");
	so_expect(a, "[o 3 used -y]");
	so_say(a, "o p 3 y=5");
	so_expect(a, "[o 4 +y]");
	so_restart();
	a = so_connect("a", 0);
	so_say(a, "o p 0 use");
	so_expect(a, "[o 4 used clear x=1 z=1 y=5]");
	/* a temporary one of that name is refused, loaded or not */
	so_restart();
	a = so_connect("a", 0);
	so_say(a, "o t 0 use");
	so_expect(a, "[o 0 SharedObject.BadPersistence]");
	so_stop();
}

UNIT_TIMEOUT(ten_changes_in_ten_thousand_slots_are_a_small_reply, 60)
{
	struct so_client *a;
	struct so_client *b;
	char words[8192];

	so_start(NULL, false);
	a = so_connect("a", 0);
	so_say(a, "o p 0 use");
	for (int i = 0; i < 10000; i += 100) {
		size_t n = (size_t)snprintf(words, sizeof(words), "o p 0");

		for (int k = i; k < i + 100; k++)
			n += (size_t)snprintf(
			    words + n, sizeof(words) - n, " slot-%05d=1", k);
		so_say(a, words);
	}
	so_settle();
	so_restart();
	a = so_connect("a", 0);
	so_say(a, "o p 101 use");
	so_settle();
	ck_assert_str_eq(so_got(a), "[o 101 used]");
	for (int i = 0; i < 10; i++) {
		snprintf(words, sizeof(words), "o p 0 slot-%05d=2", i * 997);
		so_say(a, words);
	}
	so_say(a, "o p 0 -slot-00001 -slot-05000 -slot-09999");
	so_settle();
	so_restart();
	b = so_connect("b", 0);
	so_say(b, "o p 101 use");
	so_settle();
	/* 10 changes of 26 bytes, 3 removes of 17, and the frame */
	ck_assert_uint_eq(buf_len(&b->all), 5 + 15 + 5 + 10 * 26 + 3 * 17);
	so_stop();
}

UNIT(depth_of_resync_is_limited)
{
	static const char *const settings[] = { "shared_objects.undeclared=any",
		"shared_objects.resync_depth=2", NULL };
	struct so_client *a;
	struct so_client *b;

	so_start(settings, false);
	a = so_connect("a", 0);
	so_say(a, "o p 0 use a=1");
	so_say(a, "o p 0 b=1");
	so_say(a, "o p 0 -b");
	so_say(a, "o p 0 c=1");
	so_settle();
	b = so_connect("b", 0);
	so_say(b, "o p 3 use");
	so_expect(b, "[o 5 used -b c=1]");
	b = so_connect("b2", 0);
	so_say(b, "o p 2 use");
	so_expect(b, "[o 5 used clear a=1 c=1]");
	so_stop();
}

UNIT_TIMEOUT(tombstones_are_bounded, 60)
{
	static const char *const settings[] = { "shared_objects.undeclared=any",
		"shared_objects.max_slots=10", NULL };
	struct so_client *a;
	struct so_client *b;
	struct sharedobj *so;
	char words[256];

	so_start(settings, false);
	a = so_connect("a", 0);
	so_say(a, "o p 0 use keep=1");
	for (int i = 0; i < 2000; i++) {
		snprintf(words, sizeof(words), "o p 0 s%d=1", i);
		so_say(a, words);
		snprintf(words, sizeof(words), "o p 0 -s%d", i);
		so_say(a, words);
		if (i % 100 == 0)
			so_settle();
	}
	so_settle();
	so = sharedobj_find(so_inst, "o");
	ck_assert_uint_lt(so->image->dead, 1024 + 256);
	ck_assert_uint_gt(so->image->floor, 0);
	b = so_connect("b", 0);
	so_say(b, "o p 3 use"); /* its tombstones are gone */
	so_expect(b, "[o 4002 used clear keep=1]");
	b = so_connect("b2", 0);
	so_say(b, "o p 4001 use");
	so_expect(b, "[o 4002 used -s1999]");
	so_restart();
	b = so_connect("b", 0);
	so_say(b, "o p 3 use");
	so_expect(b, "[o 4002 used clear keep=1]");
	so_stop();
}

UNIT(large_object_comes_in_several_messages)
{
	struct so_client *a;
	struct so_client *b;
	char words[8192];
	const uint8_t *p;
	size_t at;
	int messages = 0;

	so_start(NULL, false);
	a = so_connect("a", 0);
	so_say(a, "o t 0 use");
	for (int i = 0; i < 8000; i += 100) {
		size_t n = (size_t)snprintf(words, sizeof(words), "o t 0");

		for (int k = i; k < i + 100; k++)
			n += (size_t)snprintf(
			    words + n, sizeof(words) - n, " slot-%05d=1", k);
		so_say(a, words);
	}
	b = so_connect("b", 0);
	so_say(b, "o t 0 use");
	so_settle();
	p = buf_data(&b->all);
	for (at = 0; at < buf_len(&b->all); messages++) {
		size_t len = (size_t)p[at + 1] << 24 | (size_t)p[at + 2] << 16 |
			     (size_t)p[at + 3] << 8 | p[at + 4];

		ck_assert_uint_le(len, 65536 + 100);
		/* the first opens, the others only add */
		ck_assert_uint_eq(p[at + 5 + 15], messages == 0 ? 11 : 4);
		at += 5 + len;
	}
	ck_assert_int_eq(messages, 4);
	so_stop();
}

/* ---- failures ---- */

UNIT(failed_commit_brings_everybody_back_to_what_is_stored)
{
	struct so_client *a;
	struct so_client *b;
	struct so_client *c;

	so_start(NULL, false);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	c = so_connect("c", 0);
	so_say(a, "o p 0 use x=1 y=1");
	so_say(b, "o p 0 use");
	so_settle();
	(void)so_got(a);
	(void)so_got(b);
	so_hold(true);
	so_fail(FCS_EIO);
	so_say(a, "o p 2 x=2");
	so_say(b, "o p 2 x=3 z=3");
	so_say(c, "o p 0 use");
	so_turn();
	so_hold(false);
	so_expect(a, "[o 2 clear x=1 y=1] [o 0 SharedObject.NoWriteAccess]");
	so_expect(b, "[o 2 clear x=1 y=1] [o 0 SharedObject.NoWriteAccess]");
	so_expect(c, "[o 2 used clear x=1 y=1]");
	/* read-only from now on, and it says so */
	so_fail(FCS_OK);
	so_say(a, "o p 2 x=4");
	so_expect(a, "[o 2 SharedObject.NoWriteAccess x=1]");
	so_expect(b, "");
	so_stop();
}

UNIT(store_that_was_full_takes_writes_again)
{
	struct so_client *a;
	struct so_set *set;

	so_start(NULL, false);
	a = so_connect("a", 0);
	so_say(a, "o p 0 use x=1");
	so_settle();
	(void)so_got(a);
	so_fail(FCS_ENOSPC);
	so_say(a, "o p 2 x=2");
	so_expect(a, "[o 2 clear x=1] [o 0 SharedObject.NoWriteAccess]");
	so_fail(FCS_OK);
	set = sharedobj_set_of(so_inst);
	while (commit_is_read_only(set->env->commit))
		loop_turn(so_loop, 20);
	so_say(a, "o p 2 x=3");
	so_expect(a, "[o 3 +x]");
	so_stop();
}

UNIT(malformed_messages_close_and_excessive_ones_are_dropped)
{
	struct so_client *a;
	struct message m = { .type = MESSAGE_SO };
	struct err why;
	struct buf b;

	so_start(NULL, false);
	a = so_connect("a", 0);
	so_say(a, "o t 0 use");
	so_settle();
	(void)so_got(a);
	m.payload = (const uint8_t *)"\0\5bo";
	m.len = 4;
	ck_assert_int_eq(
	    sharedobj_message(so_inst, a->client, &m, &why), FCS_ESHORT);
	buf_init(&b, 0);
	somsg_begin(&b, false, "o", 1, 0, 0);
	for (int i = 0; i < 1025; i++)
		somsg_put_key(&b, SOMSG_REQUEST_REMOVE, "x", 1);
	m.payload = buf_data(&b);
	m.len = buf_len(&b);
	ck_assert_int_eq(
	    sharedobj_message(so_inst, a->client, &m, &why), FCS_OK);
	so_expect(a, "");
	buf_fini(&b);
	so_stop();
}

UNIT(stopping_waits_for_what_is_on_its_way)
{
	struct so_client *a;
	struct so_set *set;

	so_start(NULL, false);
	a = so_connect("a", 0);
	so_say(a, "o p 0 use");
	so_settle();
	so_hold(true);
	so_say(a, "o p 1 x=1");
	so_turn();
	set = sharedobj_set_of(so_inst);
	ck_assert_uint_eq(set->refs, 2);
	/* the instance may go while the commit is held */
	so_hold(false);
	so_restart();
	a = so_connect("a", 0);
	so_say(a, "o p 0 use");
	so_expect(a, "[o 2 used clear x=1]");
	so_stop();
}

UNIT_MAIN
