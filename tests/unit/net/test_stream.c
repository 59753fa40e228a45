/* SPDX-License-Identifier: BSD-2-Clause */
/* stream - gathered writes, backlog, dropping, stalls, closing. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/stream.h"
#include "tests/lib/unit.h"

static struct loop *loop;
static struct stream *stream;
static int peer; /* the other end, non-blocking */
static char got[256];
static int closed_why = 1, drained, data_calls;

static void
on_data(void *arg, const uint8_t *data, size_t len)
{
	(void)arg;
	data_calls++;
	(void)strncat(got, (const char *)data, len);
}

static void
on_closed(void *arg, int why)
{
	(void)arg;
	ck_assert_int_eq(closed_why, 1);
	closed_why = why;
}

static void
on_drained(void *arg)
{
	(void)arg;
	drained++;
}

static const struct stream_ops ops = { on_data, on_closed, on_drained };

static void
start(void)
{
	int sv[2], small = 4096;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	(void)setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	ck_assert_int_eq(fcntl(sv[1], F_SETFL, O_NONBLOCK), 0);
	loop = loop_new();
	stream = stream_new(loop, sv[0], &ops, NULL);
	peer = sv[1];
	ck_assert_ptr_nonnull(stream);
}

static void
end(void)
{
	stream_free(stream);
	loop_free(loop);
	(void)close(peer);
}

static void
push(const char *text, size_t len, uint32_t owner, uint32_t ts)
{
	struct refbuf *b =
	    text == NULL ? refbuf_new(len) : refbuf_from(text, strlen(text));

	ck_assert_ptr_nonnull(b);
	if (text == NULL)
		memset(b->data, 'z', len);
	ck_assert_int_eq(stream_push(stream, b, owner, ts), FCS_OK);
}

/* Everything the peer can read now; counts bytes in *n. */
static char *
take(size_t *n)
{
	static char buf[1 << 20];
	ssize_t r;

	*n = 0;
	while ((r = read(peer, buf + *n, sizeof(buf) - *n - 1)) > 0)
		*n += (size_t)r;
	buf[*n] = '\0';
	return buf;
}

UNIT(what_one_turn_queues_leaves_in_one_write)
{
	struct stream_counts c;
	size_t n;

	start();
	push("one ", 0, 0, 0);
	push("two ", 0, 7, 5);
	push("three", 0, 0, 0);
	ck_assert_uint_eq((take(&n), n), 0); /* nothing before the end */
	stream_want_flush(stream);
	stream_want_flush(stream);
	loop_turn(loop, 0);
	ck_assert_str_eq(take(&n), "one two three");
	stream_counts(stream, &c);
	ck_assert_uint_eq(c.writes, 1);
	ck_assert_uint_eq(c.bytes_out, 13);
	end();
}

UNIT(a_push_alone_waits_for_a_flush)
{
	size_t n;

	start();
	push("audio", 0, 1, 0);
	loop_turn(loop, 0);
	ck_assert_uint_eq((take(&n), n), 0);
	end();
}

UNIT(a_full_socket_is_written_again_when_it_is_writable)
{
	struct stream_backlog b;
	size_t n, total = 0;
	int i;

	start();
	for (i = 0; i < 300; i++)
		push(NULL, 1000, 0, 0);
	stream_want_flush(stream);
	loop_turn(loop, 0);
	stream_backlog(stream, &b);
	ck_assert_uint_gt(b.bytes, 0);
	ck_assert_uint_lt(b.bytes, 300000);
	for (i = 0; i < 1000 && total < 300000; i++) {
		(void)take(&n);
		total += n;
		loop_turn(loop, 0);
	}
	(void)take(&n);
	ck_assert_uint_eq(total + n, 300000);
	stream_backlog(stream, &b);
	ck_assert_uint_eq(b.bytes, 0);
	ck_assert_uint_eq(b.count, 0);
	ck_assert_int_ge(drained, 1);
	end();
}

UNIT(backlog_counts_bytes_and_media_time)
{
	struct stream_backlog b;

	start();
	push("reply", 0, 0, 999999);
	push("v1", 0, 3, 1000);
	push("v2", 0, 3, 1400);
	push("done", 0, 0, 0);
	stream_backlog(stream, &b);
	ck_assert_uint_eq(b.bytes, 13);
	ck_assert_uint_eq(b.count, 4);
	ck_assert_uint_eq(b.media_ms, 400);
	end();
}

static uint32_t
media_ms(void)
{
	struct stream_backlog b;

	stream_backlog(stream, &b);
	return b.media_ms;
}

UNIT(media_time_follows_drops_and_what_is_sent)
{
	size_t n;

	start();
	push("reply", 0, 0, 0);
	push("a", 0, 3, 1000);
	push("reply", 0, 0, 0);
	push("b", 0, 4, 1300);
	push("a", 0, 3, 1900);
	ck_assert_uint_eq(media_ms(), 900);
	ck_assert_uint_eq(stream_drop(stream, 3), 2);
	ck_assert_uint_eq(media_ms(), 0);
	push("b", 0, 4, 1500);
	ck_assert_uint_eq(media_ms(), 200);
	ck_assert_uint_eq(stream_drop(stream, 4), 2);
	ck_assert_uint_eq(stream_drop(stream, 4), 0);
	ck_assert_uint_eq(media_ms(), 0);
	stream_want_flush(stream);
	loop_turn(loop, 0);
	ck_assert_str_eq(take(&n), "replyreply");
	push("c", 0, 5, 4000);
	push("reply", 0, 0, 0);
	push("c", 0, 5, 4040);
	ck_assert_uint_eq(media_ms(), 40);
	stream_want_flush(stream);
	loop_turn(loop, 0);
	ck_assert_str_eq(take(&n), "creplyc");
	ck_assert_uint_eq(media_ms(), 0);
	end();
}

UNIT(a_long_queue_of_replies_costs_nothing_to_ask_about)
{
	struct stream_backlog b;
	int64_t before;
	int i;

	start();
	push("v", 0, 3, 0);
	for (i = 0; i < 200000; i++)
		push("reply", 0, 0, 0);
	push("v", 0, 3, 500);
	before = clock_ms();
	for (i = 0; i < 20000; i++) {
		stream_backlog(stream, &b);
		ck_assert_uint_eq(b.media_ms, 500);
	}
	ck_assert_uint_eq(stream_drop(stream, 3), 2);
	for (i = 0; i < 20000; i++)
		ck_assert_uint_eq(stream_drop(stream, 3), 0);
	/* 8e9 steps if each were walked */
	ck_assert_int_lt(clock_ms() - before, 2000);
	end();
}

UNIT(dropping_takes_only_the_owner_and_never_what_is_half_sent)
{
	struct stream_backlog b;
	size_t n, sent;
	char *p;

	start();
	push(NULL, 400000, 3, 0); /* more than the socket takes */
	stream_want_flush(stream);
	loop_turn(loop, 0);
	push("keep", 0, 0, 0);
	push("drop", 0, 3, 10);
	push("other", 0, 4, 10);
	ck_assert_uint_eq(stream_drop(stream, 3), 4);
	ck_assert_uint_eq(stream_drop(stream, 3), 0);
	stream_backlog(stream, &b);
	ck_assert_uint_eq(b.count, 3);
	for (sent = 0; sent < 400009; sent += n) {
		p = take(&n);
		loop_turn(loop, 0);
	}
	ck_assert_uint_eq(sent, 400009);
	ck_assert_str_eq(p + n - 9, "keepother");
	end();
}

UNIT(input_arrives_in_one_piece_and_can_pause)
{
	start();
	ck_assert_int_eq(write(peer, "abc", 3), 3);
	ck_assert_int_eq(write(peer, "def", 3), 3);
	loop_turn(loop, 1000);
	ck_assert_str_eq(got, "abcdef");
	ck_assert_int_eq(data_calls, 1);
	stream_pause_read(stream, true);
	ck_assert_int_eq(write(peer, "x", 1), 1);
	loop_turn(loop, 0);
	ck_assert_str_eq(got, "abcdef");
	stream_pause_read(stream, false);
	loop_turn(loop, 1000);
	ck_assert_str_eq(got, "abcdefx");
	end();
}

UNIT(the_last_words_are_read_before_the_close_is_told)
{
	start();
	ck_assert_int_eq(write(peer, "bye", 3), 3);
	(void)close(peer);
	push("too late", 0, 0, 0);
	stream_want_flush(stream);
	while (closed_why == 1)
		loop_turn(loop, 1000);
	ck_assert_str_eq(got, "bye");
	ck_assert_int_le(closed_why, FCS_OK);
	ck_assert_int_eq(
	    stream_push(stream, refbuf_from("x", 1), 0, 0), FCS_ECLOSED);
	end();
}

UNIT(no_progress_closes_with_a_timeout)
{
	struct stream_limits lim = { .stall_ms = 20 };

	start();
	stream_set_limits(stream, &lim);
	push(NULL, 500000, 0, 0);
	stream_want_flush(stream);
	while (closed_why == 1)
		loop_turn(loop, 1000);
	ck_assert_int_eq(closed_why, FCS_ETIMEOUT);
	end();
}

UNIT(a_graceful_close_flushes_and_waits_for_the_peer)
{
	size_t n;
	char c;

	start();
	push("goodbye", 0, 0, 0);
	ck_assert_int_eq(write(peer, "unread", 6), 6);
	stream_close(stream, true);
	stream_free(stream);
	ck_assert_uint_eq(stream_draining(loop), 1);
	loop_turn(loop, 1000);
	ck_assert_str_eq(take(&n), "goodbye");
	ck_assert_int_eq(read(peer, &c, 1), 0); /* write side is shut */
	ck_assert_uint_eq(stream_draining(loop), 1);
	(void)close(peer);
	while (stream_draining(loop) > 0)
		loop_turn(loop, 1000);
	ck_assert_int_eq(closed_why, 1); /* nothing is told after close */
	loop_free(loop);
}

UNIT(draining_ends_after_its_time)
{
	struct stream_limits lim = { .drain_ms = 20 };

	start();
	stream_set_limits(stream, &lim);
	push(NULL, 500000, 0, 0); /* never read */
	stream_close(stream, true);
	while (stream_draining(loop) > 0)
		loop_turn(loop, 1000);
	end();
}

UNIT(a_descriptor_is_given_away_only_when_all_is_sent)
{
	int fd = -1;
	size_t n;

	start();
	push("s2", 0, 0, 0);
	ck_assert_int_eq(stream_release_fd(stream, &fd), FCS_EBUSY);
	stream_want_flush(stream);
	loop_turn(loop, 0);
	ck_assert_int_eq(stream_release_fd(stream, &fd), FCS_OK);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(peer, "mine", 4), 4);
	loop_turn(loop, 0);
	ck_assert_int_eq(data_calls, 0);
	ck_assert_int_eq(read(fd, got, sizeof(got)), 4);
	ck_assert_str_eq(take(&n), "s2");
	(void)close(fd);
	end();
}

static void
free_in_data(void *arg, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
	stream_free(stream);
}

UNIT(a_stream_may_be_freed_in_its_callback)
{
	static const struct stream_ops o = { free_in_data, on_closed, NULL };
	int sv[2];

	loop = loop_new();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	stream = stream_new(loop, sv[0], &o, NULL);
	ck_assert_int_eq(write(sv[1], "x", 1), 1);
	loop_turn(loop, 1000);
	ck_assert_int_eq(read(sv[1], got, 1), 0); /* closed */
	loop_free(loop);
	(void)close(sv[1]);
}

UNIT_MAIN
