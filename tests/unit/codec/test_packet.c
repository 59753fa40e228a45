/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/packet.h"

#include "tests/unit/codec/vec.h"

static void
bytes_are(struct refbuf *r, const char *hex)
{
	size_t len;
	uint8_t *want = unit_hex(hex, &len);

	ck_assert_ptr_nonnull(r);
	ck_assert_uint_eq(r->len, len);
	ck_assert_mem_eq(r->data, want, len);
	refbuf_unref(r);
	free(want);
}

static struct packet *
video(void)
{
	static const uint8_t data[] = { 0x17, 1, 0, 0, 0 };

	return packet_new(MESSAGE_VIDEO, 1000, data, sizeof(data));
}

UNIT(flags_are_worked_out_once)
{
	struct packet *p = video();

	ck_assert_uint_eq(p->flags, AVTAG_KEY);
	ck_assert_uint_eq(p->refs, 1);
	packet_unref(p);
	p = packet_new(MESSAGE_AUDIO, 0, (const uint8_t *)"\xaf\0", 2);
	ck_assert_uint_eq(p->flags, AVTAG_CONFIG);
	packet_unref(p);
	p = packet_new(MESSAGE_DATA, 0, (const uint8_t *)"\x17\1", 2);
	ck_assert_uint_eq(p->flags, 0);
	packet_unref(p);
	packet_unref(NULL);
}

UNIT(equal_receivers_share_one_serialisation)
{
	struct packet_key key = { PACKET_RTMP, 128, 6, 1, 0 };
	struct packet_stats st = { 0, 0 };
	struct packet *p = video();
	struct refbuf *a, *b;

	a = packet_serialise(p, &key, &st);
	b = packet_serialise(p, &key, &st);
	ck_assert_ptr_eq(a, b);
	ck_assert_uint_eq(st.serialised, 1);
	ck_assert_uint_eq(st.shared, 1);
	for (int i = 0; i < 48; i++)
		refbuf_unref(packet_serialise(p, &key, &st));
	ck_assert_uint_eq(st.serialised, 1);
	ck_assert_uint_eq(st.shared, 49);
	packet_unref(p); /* the bytes outlive the packet */
	bytes_are(a, "06 0003e8 000005 09 01000000 1701000000");
	refbuf_unref(b);
}

UNIT(each_difference_makes_a_variant)
{
	struct packet_key key = { PACKET_RTMP, 128, 6, 1, 0 };
	struct packet_stats st = { 0, 0 };
	struct packet *p = video();

	refbuf_unref(packet_serialise(p, &key, &st));
	key.msid = 2;
	bytes_are(packet_serialise(p, &key, &st),
	    "06 0003e8 000005 09 02000000 1701000000");
	key.csid = 10;
	refbuf_unref(packet_serialise(p, &key, &st));
	key.chunk_size = 2;
	bytes_are(packet_serialise(p, &key, &st),
	    "0a 0003e8 000005 09 02000000 1701 ca 0000 ca 00");
	key.ts_offset_ms = -400;
	bytes_are(packet_serialise(p, &key, &st),
	    "0a 000258 000005 09 02000000 1701 ca 0000 ca 00");
	key.ts_offset_ms = -4000;
	bytes_are(packet_serialise(p, &key, &st),
	    "0a 000000 000005 09 02000000 1701 ca 0000 ca 00");
	key.format = PACKET_FLV;
	key.ts_offset_ms = 0;
	bytes_are(packet_serialise(p, &key, &st),
	    "09 000005 0003e8 00 000000 1701000000 00000010");
	ck_assert_uint_eq(st.serialised, 7);
	key.chunk_size = 5; /* means nothing in a file */
	refbuf_unref(packet_serialise(p, &key, &st));
	ck_assert_uint_eq(st.serialised, 7);
	ck_assert_uint_eq(st.shared, 1);
	packet_unref(p);
}

UNIT(amf3_data_becomes_a_script_tag)
{
	struct packet_key key = { .format = PACKET_FLV };
	struct packet_stats st = { 0, 0 };
	struct packet *p =
	    packet_new(MESSAGE_DATA_AMF3, 0, (const uint8_t *)"\0\2\0\1a", 5);

	bytes_are(packet_serialise(p, &key, &st),
	    "12 000004 000000 00 000000 02000161 0000000f");
	packet_unref(p);
}

UNIT(a_packet_may_wrap_bytes_of_others)
{
	struct refbuf *r = refbuf_from("\x17\1", 2);
	struct packet *p = packet_from(MESSAGE_VIDEO, 5, r), *q;

	q = packet_ref(p);
	ck_assert_ptr_eq(p->payload, r);
	refbuf_unref(r);
	packet_unref(p);
	ck_assert_uint_eq(q->payload->data[0], 0x17);
	packet_unref(q);
}

UNIT(an_empty_message_is_legal)
{
	struct packet_key key = { PACKET_RTMP, 128, 5, 1, 0 };
	struct packet_stats st = { 0, 0 };
	struct packet *p = packet_new(MESSAGE_AUDIO, 7, NULL, 0);

	ck_assert_uint_eq(p->flags, AVTAG_EMPTY);
	bytes_are(
	    packet_serialise(p, &key, &st), "05 000007 000000 08 01000000");
	packet_unref(p);
}

UNIT_MAIN
