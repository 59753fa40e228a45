/* SPDX-License-Identifier: BSD-2-Clause */
/* conn - handshake, control, acknowledgements, pings, closing. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "codec/handshake.h"
#include "net/timer.h"
#include "rtmp/conn.h"
#include "tests/lib/unit.h"

#define TURNS_MAX 2000

static struct loop *loop;
static struct conn_options opt;
static int peer; /* the other end, non-blocking */
static struct buf from_us;

/* One side of a connection: what its owner was told. */
struct side {
	struct conn *conn;
	int ready, closed, why, messages, refuse;
	struct message last;
	uint8_t payload[4096];
	char text[ERR_TEXT_MAX];
	bool free_on_message;
	int pongs, pong_ms;
};
static struct side us, them;

static void
on_ready(void *arg)
{
	((struct side *)arg)->ready++;
}

static int
on_message(void *arg, const struct message *m)
{
	struct side *s = arg;

	s->messages++;
	s->last = *m;
	ck_assert_uint_le(m->len, sizeof(s->payload));
	memcpy(s->payload, m->payload, m->len);
	s->last.payload = s->payload;
	if (s->free_on_message) {
		conn_free(s->conn);
		s->conn = NULL;
		return FCS_OK;
	}
	return s->refuse;
}

static void
on_closed(void *arg, const struct err *why)
{
	struct side *s = arg;

	s->closed++;
	s->why = why->code;
	memcpy(s->text, why->text, sizeof(s->text));
}

static void
on_pong(void *arg, int rtt_ms)
{
	struct side *s = arg;

	s->pongs++;
	s->pong_ms = rtt_ms;
}

static const struct conn_ops ops = { on_ready, on_message, on_closed, NULL,
	on_pong };

static void
start(enum conn_role role, const void *early, size_t len)
{
	struct limits limits;
	int sv[2];

	limits_init(&limits);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	ck_assert_int_eq(fcntl(sv[1], F_SETFL, O_NONBLOCK), 0);
	if (loop == NULL)
		loop = loop_new();
	if (opt.limits.max_csids == 0)
		conn_options_init(&opt, role, &limits);
	opt.role = role;
	us.conn = conn_new(loop, sv[0], &opt, early, len, &ops, &us);
	ck_assert_ptr_nonnull(us.conn);
	peer = sv[1];
	buf_init(&from_us, 0);
}

static void
end(void)
{
	conn_free(us.conn);
	conn_free(them.conn);
	loop_turn(loop, 0);
	loop_free(loop);
	buf_fini(&from_us);
	(void)close(peer);
}

static void
put(const void *p, size_t len)
{
	ck_assert_int_eq(send(peer, p, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void
put_message(
    uint32_t csid, uint8_t type, uint32_t msid, const void *p, size_t len)
{
	struct buf b;

	buf_init(&b, 0);
	chunk_write(&b, csid, type, msid, 0, p, len, 128);
	put(buf_data(&b), buf_len(&b));
	buf_fini(&b);
}

/* Turn until n bytes came from us. */
static void
take(size_t n)
{
	uint8_t tmp[65536];
	ssize_t got;
	int i;

	for (i = 0; i < TURNS_MAX && buf_len(&from_us) < n; i++) {
		loop_turn(loop, 10);
		while ((got = recv(peer, tmp, sizeof(tmp), 0)) > 0)
			buf_append(&from_us, tmp, (size_t)got);
	}
	ck_assert_uint_ge(buf_len(&from_us), n);
}

static void
turn_until(const int *flag, int value)
{
	int i;

	for (i = 0; i < TURNS_MAX && *flag < value; i++)
		loop_turn(loop, 10);
	ck_assert_int_ge(*flag, value);
}

static void
expect(const char *hex)
{
	size_t len;
	uint8_t *want = unit_hex(hex, &len);

	take(len);
	ck_assert_mem_eq(buf_data(&from_us), want, len);
	buf_consume(&from_us, len);
	free(want);
}

UNIT(server_answers_the_hello_and_reads_what_follows_the_echo)
{
	uint8_t hello[HANDSHAKE_C0C1] = { 3 }, rest[HANDSHAKE_SIZE + 64];
	struct buf b;

	start(CONN_SERVER, NULL, 0);
	put(hello, 1000);
	loop_turn(loop, 50);
	ck_assert_int_eq(
	    conn_send(us.conn, 3, 20, 0, 0, hello, 4, 0), FCS_ECLOSED);
	put(hello + 1000, sizeof(hello) - 1000);
	take(HANDSHAKE_S0S1S2);
	ck_assert_uint_eq(buf_len(&from_us), HANDSHAKE_S0S1S2);
	ck_assert_int_eq(buf_data(&from_us)[0], 3);
	/* S2 is an echo of C1 */
	ck_assert_mem_eq(
	    buf_data(&from_us) + 1 + HANDSHAKE_SIZE, hello + 1, HANDSHAKE_SIZE);
	ck_assert_int_eq(us.ready, 0);
	/* C2 and the first message in one piece */
	memset(rest, 0, sizeof(rest));
	buf_init(&b, 0);
	buf_append(&b, rest, HANDSHAKE_SIZE);
	chunk_write(
	    &b, 3, MESSAGE_COMMAND, 0, 0, (const uint8_t *)"abc", 3, 128);
	put(buf_data(&b), buf_len(&b));
	buf_fini(&b);
	turn_until(&us.messages, 1);
	ck_assert_int_eq(us.ready, 1);
	ck_assert_int_eq(us.last.type, MESSAGE_COMMAND);
	ck_assert_uint_eq(us.last.len, 3);
	end();
}

UNIT(client_and_server_open_each_other_and_exchange_messages)
{
	uint8_t body[1000];
	uint64_t in, out, in2, out2;

	start(CONN_SERVER, NULL, 0);
	opt.role = CONN_CLIENT;
	them.conn = conn_new(loop, peer, &opt, NULL, 0, &ops, &them);
	peer = -1;
	turn_until(&them.ready, 1);
	turn_until(&us.ready, 1);
	memset(body, 'x', sizeof(body));
	ck_assert_int_eq(conn_send(them.conn, 3, MESSAGE_DATA, 7, 0xfffffff0,
			     body, sizeof(body), 0),
	    FCS_OK);
	turn_until(&us.messages, 1);
	ck_assert_uint_eq(us.last.ts_ms, 0xfffffff0);
	ck_assert_uint_eq(us.last.msid, 7);
	ck_assert_uint_eq(us.last.len, sizeof(body));
	/* larger chunks from now on */
	ck_assert_int_eq(conn_send_chunk_size(us.conn, 0), FCS_OK);
	ck_assert_uint_eq(conn_chunk_size(us.conn), 60000);
	ck_assert_int_eq(
	    conn_send(us.conn, 3, 18, 1, 5, body, sizeof(body), 0), FCS_OK);
	turn_until(&them.messages, 1);
	ck_assert_mem_eq(them.payload, body, sizeof(body));
	conn_counts(us.conn, &in, &out);
	conn_counts(them.conn, &in2, &out2);
	ck_assert_uint_eq(in, out2);
	ck_assert_uint_eq(out, in2);
	end();
}

UNIT(first_byte_other_than_3_closes_with_the_byte_in_the_reason)
{
	start(CONN_SERVER, NULL, 0);
	put("GET / HTTP/1.1\r\n", 16);
	turn_until(&us.closed, 1);
	ck_assert_int_eq(us.why, FCS_EFORMAT);
	ck_assert_ptr_nonnull(strstr(us.text, "0x47"));
	end();
}

UNIT(handshake_that_stops_is_closed_at_the_deadline)
{
	struct limits limits;

	limits_init(&limits);
	conn_options_init(&opt, CONN_SERVER, &limits);
	opt.handshake_ms = 30;
	start(CONN_SERVER, NULL, 0);
	put("\003abc", 4);
	turn_until(&us.closed, 1);
	ck_assert_int_eq(us.why, FCS_ETIMEOUT);
	end();
}

UNIT(early_bytes_are_read_in_the_first_turn_before_the_socket)
{
	struct buf b;

	buf_init(&b, 0);
	chunk_write(&b, 3, 20, 0, 0, (const uint8_t *)"first", 5, 128);
	start(CONN_SERVER_AFTER, buf_data(&b), buf_len(&b));
	ck_assert_int_eq(us.messages, 0);
	ck_assert_int_eq(us.ready, 0);
	put_message(3, 20, 0, "second", 6);
	turn_until(&us.messages, 2);
	ck_assert_int_eq(us.ready, 1);
	ck_assert_uint_eq(us.last.len, 6);
	buf_fini(&b);
	end();
}

UNIT(message_cut_between_early_bytes_and_socket_is_whole)
{
	struct buf b;

	buf_init(&b, 0);
	chunk_write(&b, 3, 20, 0, 0, (const uint8_t *)"abcdef", 6, 128);
	start(CONN_SERVER_AFTER, buf_data(&b), 14);
	put(buf_data(&b) + 14, buf_len(&b) - 14);
	turn_until(&us.messages, 1);
	ck_assert_mem_eq(us.payload, "abcdef", 6);
	buf_fini(&b);
	end();
}

UNIT(ping_request_is_answered_with_its_value_and_a_full_header)
{
	start(CONN_PLAIN, NULL, 0);
	put_message(2, 4, 0, "\0\6\1\2\3\4", 6);
	expect("02 000000 000006 04 00000000 0007 01020304");
	ck_assert_int_eq(us.messages, 0);
	end();
}

UNIT(other_user_control_is_passed_on)
{
	start(CONN_PLAIN, NULL, 0);
	put_message(2, 4, 0, "\0\3\0\0\0\1\0\0\13\270", 10);
	turn_until(&us.messages, 1);
	ck_assert_int_eq(us.last.type, MESSAGE_USER_CONTROL);
	end();
}

UNIT(peer_bandwidth_is_answered_with_a_window_once_it_differs)
{
	start(CONN_PLAIN, NULL, 0);
	ck_assert_int_eq(conn_send_window(us.conn, 2500000, 2500000), FCS_OK);
	expect("02 000000 000004 05 00000000 002625a0"
	       "02 000000 000005 06 00000000 002625a0 02");
	put_message(2, 6, 0, "\0\046\045\240\2", 5); /* the same: silence */
	put_message(2, 6, 0, "\0\0\100\0\2", 5);
	expect("02 000000 000004 05 00000000 00004000");
	end();
}

UNIT(every_window_of_bytes_is_acknowledged_by_the_total)
{
	uint8_t body[1000] = { 0 };

	opt.bytes_in = 0;
	start(CONN_PLAIN, NULL, 0);
	put_message(2, 5, 0, "\0\0\4\0", 4); /* 1024; 16 bytes on the wire */
	turn_until(&us.ready, 1);
	put_message(4, 18, 1, body, 500); /* 12 + 500 + 3 */
	turn_until(&us.messages, 1);
	ck_assert_int_eq(recv(peer, body, 1, 0), -1);
	put_message(4, 18, 1, body, 500);
	/* 16 + 2 * 515 */
	expect("02 000000 000004 03 00000000 00000416");
	end();
}

UNIT(silent_peer_is_pinged_and_then_gone)
{
	struct limits limits;

	limits_init(&limits);
	conn_options_init(&opt, CONN_PLAIN, &limits);
	opt.ping_ms = 20;
	opt.gone_ms = 30;
	start(CONN_PLAIN, NULL, 0);
	take(18);
	ck_assert_int_eq(buf_data(&from_us)[7], 4);
	ck_assert_int_eq(buf_data(&from_us)[13], MESSAGE_EV_PING);
	turn_until(&us.closed, 1);
	ck_assert_int_eq(us.why, FCS_ETIMEOUT);
	end();
}

UNIT(answered_pings_keep_a_silent_peer_however_short_the_times)
{
	struct limits limits;
	uint8_t pong[6] = { 0, 7 };
	int i;

	limits_init(&limits);
	conn_options_init(&opt, CONN_PLAIN, &limits);
	opt.ping_ms = 100;
	opt.gone_ms = 100;
	start(CONN_PLAIN, NULL, 0);
	for (i = 0; i < 4; i++) {
		take(18);
		memcpy(pong + 2, buf_data(&from_us) + 14, 4);
		buf_consume(&from_us, 18);
		put_message(2, 4, 0, pong, sizeof(pong));
	}
	ck_assert_int_eq(us.closed, 0);
	end();
}

UNIT(pong_gives_the_round_trip_and_keeps_the_connection)
{
	uint8_t pong[6] = { 0, 7 };

	start(CONN_PLAIN, NULL, 0);
	ck_assert_int_eq(conn_rtt_ms(us.conn), -1);
	ck_assert_int_eq(conn_ping(us.conn), FCS_OK);
	take(18);
	memcpy(pong + 2, buf_data(&from_us) + 14, 4);
	put_message(2, 4, 0, pong, sizeof(pong));
	put_message(3, 20, 0, "x", 1);
	turn_until(&us.messages, 1);
	ck_assert_int_ge(conn_rtt_ms(us.conn), 0);
	ck_assert_int_eq(us.pongs, 1);
	ck_assert_int_eq(us.pong_ms, conn_rtt_ms(us.conn));
	put_message(2, 4, 0, pong, sizeof(pong)); /* nobody asked again */
	put_message(3, 20, 0, "x", 1);
	turn_until(&us.messages, 2);
	ck_assert_int_eq(us.pongs, 1);
	end();
}

static void
flood(uint8_t type, const void *p, size_t len)
{
	struct limits limits;
	int i;

	limits_init(&limits);
	conn_options_init(&opt, CONN_PLAIN, &limits);
	opt.reply_bytes = 100000;
	start(CONN_PLAIN, NULL, 0);
	for (i = 0; i < 20000 && us.closed == 0; i++) {
		put_message(2, type, 0, p, len);
		((uint8_t *)(uintptr_t)p)[3] ^= 1; /* never twice the same */
		loop_turn(loop, 0);
	}
	ck_assert_int_eq(us.closed, 1);
	ck_assert_int_eq(us.why, FCS_ELIMIT);
	ck_assert_uint_eq(limits_refused(LIMIT_OUT_REPLIES), 1);
	end();
}

UNIT(a_peer_that_pings_and_never_reads_is_sent_away)
{
	uint8_t ping[6] = { 0, 6 };

	flood(MESSAGE_USER_CONTROL, ping, sizeof(ping));
}

UNIT(a_peer_that_sets_bandwidths_and_never_reads_is_sent_away)
{
	uint8_t bandwidth[5] = { 0, 1, 0, 0, 2 };

	flood(MESSAGE_PEER_BANDWIDTH, bandwidth, sizeof(bandwidth));
}

UNIT(broken_framing_closes_once_with_a_reason)
{
	start(CONN_PLAIN, NULL, 0);
	put("\303", 1); /* fmt 3 first on csid 3 */
	put_message(2, 1, 0, "\0\0\0\0", 4);
	turn_until(&us.closed, 1);
	loop_turn(loop, 10);
	ck_assert_int_eq(us.closed, 1);
	ck_assert_int_eq(us.why, FCS_EFORMAT);
	ck_assert_uint_gt(strlen(us.text), 0);
	end();
}

UNIT(refusal_of_a_message_closes_with_its_code)
{
	start(CONN_PLAIN, NULL, 0);
	us.refuse = FCS_EREJECT;
	put_message(3, 20, 0, "x", 1);
	put_message(3, 20, 0, "y", 1);
	turn_until(&us.closed, 1);
	ck_assert_int_eq(us.why, FCS_EREJECT);
	ck_assert_int_eq(us.messages, 1);
	end();
}

UNIT(freeing_from_a_message_is_safe_and_silent)
{
	start(CONN_PLAIN, NULL, 0);
	us.free_on_message = true;
	put_message(3, 20, 0, "x", 1);
	put_message(3, 20, 0, "y", 1);
	turn_until(&us.messages, 1);
	loop_turn(loop, 10);
	ck_assert_int_eq(us.messages, 1);
	ck_assert_int_eq(us.closed, 0);
	end();
}

UNIT(graceful_close_sends_what_is_queued)
{
	uint8_t c;

	start(CONN_PLAIN, NULL, 0);
	loop_turn(loop, 0);
	ck_assert_int_eq(
	    conn_send(us.conn, 3, 20, 0, 0, (const uint8_t *)"bye", 3, 0),
	    FCS_OK);
	conn_close(us.conn, true);
	expect("03 000000 000003 14 00000000 627965");
	loop_turn(loop, 10);
	ck_assert_int_eq(recv(peer, &c, 1, 0), 0);
	ck_assert_int_eq(us.closed, 0);
	end();
}

UNIT(end_of_the_peer_is_told_after_its_last_words)
{
	start(CONN_PLAIN, NULL, 0);
	put_message(3, 20, 0, "x", 1);
	(void)close(peer);
	peer = -1;
	turn_until(&us.closed, 1);
	ck_assert_int_eq(us.why, FCS_OK);
	ck_assert_int_eq(us.messages, 1);
	end();
}

UNIT(all_of_a_turn_leaves_in_one_write)
{
	struct stream_counts n;
	int i;

	start(CONN_PLAIN, NULL, 0);
	for (i = 0; i < 20; i++)
		ck_assert_int_eq(conn_send(us.conn, 3, 20, 0, 0,
				     (const uint8_t *)"abc", 3, 0),
		    FCS_OK);
	take((size_t)20 * 15);
	stream_counts(conn_stream(us.conn), &n);
	ck_assert_uint_eq(n.writes, 1);
	end();
}

UNIT(packet_is_serialised_once_for_equal_receivers)
{
	struct packet_stats stats = { 0, 0 };
	struct packet *p =
	    packet_new(MESSAGE_VIDEO, 40, (const uint8_t *)"\027\1abc", 5);

	start(CONN_PLAIN, NULL, 0);
	ck_assert_int_eq(
	    conn_send_packet(us.conn, p, 1, 0, &stats, false), FCS_OK);
	ck_assert_int_eq(
	    conn_send_packet(us.conn, p, 1, 0, &stats, true), FCS_OK);
	ck_assert_uint_eq(stats.serialised, 1);
	ck_assert_uint_eq(stats.shared, 1);
	expect("06 000028 000005 09 01000000 1701616263"
	       "06 000028 000005 09 01000000 1701616263");
	packet_unref(p);
	end();
}

UNIT(dropping_takes_the_media_of_one_stream_only)
{
	struct packet *p =
	    packet_new(MESSAGE_AUDIO, 0, (const uint8_t *)"\257\1a", 3);

	start(CONN_PLAIN, NULL, 0);
	ck_assert_int_eq(
	    conn_send_packet(us.conn, p, 1, 0, NULL, true), FCS_OK);
	ck_assert_int_eq(
	    conn_send_packet(us.conn, p, 2, 0, NULL, true), FCS_OK);
	ck_assert_int_eq(
	    conn_send_event(us.conn, MESSAGE_EV_STREAM_EOF, 1, 0), FCS_OK);
	conn_drop(us.conn, 1);
	expect("09 000000 000003 08 02000000 af0161"
	       "02 000000 000006 04 00000000 0001 00000001");
	packet_unref(p);
	end();
}

UNIT(queue_is_counted_by_kind_and_messages_both_ways)
{
	struct packet *audio =
	    packet_new(MESSAGE_AUDIO, 0, (const uint8_t *)"\257\1a", 3);
	struct packet *video =
	    packet_new(MESSAGE_VIDEO, 0, (const uint8_t *)"\27\1abcd", 6);
	struct conn_queue q;
	uint64_t in, out;

	start(CONN_PLAIN, NULL, 0);
	conn_queue(us.conn, &q);
	ck_assert_uint_eq(q.messages[CONN_DATA], 0);
	ck_assert_int_eq(
	    conn_send_packet(us.conn, audio, 1, 0, NULL, true), FCS_OK);
	ck_assert_int_eq(
	    conn_send_packet(us.conn, video, 1, 0, NULL, true), FCS_OK);
	ck_assert_int_eq(
	    conn_send_packet(us.conn, video, 70, 0, NULL, true), FCS_OK);
	ck_assert_int_eq(conn_send(us.conn, 3, MESSAGE_SO, 0, 0,
			     (const uint8_t *)"xx", 2, 0),
	    FCS_OK);
	ck_assert_int_eq(conn_send(us.conn, 300, MESSAGE_COMMAND, 0, 0,
			     (const uint8_t *)"yyy", 3, 0),
	    FCS_OK);
	ck_assert_int_eq(conn_ping(us.conn), FCS_OK);
	conn_queue(us.conn, &q);
	ck_assert_uint_eq(q.messages[CONN_AUDIO], 1);
	ck_assert_uint_eq(q.bytes[CONN_AUDIO], 12 + 3);
	ck_assert_uint_eq(q.messages[CONN_VIDEO], 2);
	ck_assert_uint_eq(q.messages[CONN_SHARED_OBJECT], 1);
	ck_assert_uint_eq(q.bytes[CONN_SHARED_OBJECT], 12 + 2);
	ck_assert_uint_eq(q.messages[CONN_DATA], 1);
	put_message(3, MESSAGE_COMMAND, 0, "x", 1);
	turn_until(&us.messages, 1);
	conn_messages(us.conn, &in, &out);
	ck_assert_uint_eq(in, 1);
	ck_assert_uint_eq(out, 6);
	conn_queue(us.conn, &q);
	ck_assert_uint_eq(q.messages[CONN_VIDEO], 0);
	packet_unref(audio);
	packet_unref(video);
	end();
}

UNIT(chunk_stream_ids_stay_below_64)
{
	uint32_t n;

	ck_assert_uint_eq(conn_csid(1, CONN_LANE_DATA), 4);
	ck_assert_uint_eq(conn_csid(1, CONN_LANE_AUDIO), 5);
	ck_assert_uint_eq(conn_csid(1, CONN_LANE_VIDEO), 6);
	ck_assert_uint_eq(conn_csid(2, CONN_LANE_DATA), 8);
	for (n = 0; n < 1000; n++)
		ck_assert_uint_lt(conn_csid(n, CONN_LANE_VIDEO), 64);
}

UNIT_MAIN
