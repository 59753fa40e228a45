/* SPDX-License-Identifier: BSD-2-Clause */
/* pace - the bucket by itself, and streams with rates against a clock that
 * jumps: bytes are counted, nothing is waited for. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/pace.h"
#include "net/stream.h"
#include "tests/lib/leap.h"
#include "tests/lib/unit.h"

#define RATE 100000 /* bytes a second */

static struct loop *loop;
static struct stream *stream;
static int peer;
static size_t came;
static int closed, drained;
static int64_t began_ms;

static void
on_data(void *arg, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)data;
	came += len;
}

static void
on_closed(void *arg, int why)
{
	(void)arg;
	(void)why;
	closed++;
}

static void
on_drained(void *arg)
{
	(void)arg;
	drained++;
}

static const struct stream_ops ops = { on_data, on_closed, on_drained };

static void
start(uint64_t in_bps, uint64_t out_bps)
{
	int sv[2], big = 1 << 20;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	(void)setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
	(void)setsockopt(sv[1], SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
	ck_assert_int_eq(fcntl(sv[1], F_SETFL, O_NONBLOCK), 0);
	loop = loop_new();
	stream = stream_new(loop, sv[0], &ops, NULL);
	peer = sv[1];
	began_ms = clock_ms();
	ck_assert_int_eq(stream_set_rates(stream, in_bps, out_bps), FCS_OK);
}

/* What may have passed by now: the clock also runs on by itself. */
static size_t
most(uint64_t rate)
{
	return (size_t)(pace_burst(rate) +
			rate * (uint64_t)(clock_ms() - began_ms + 1) / 1000);
}

static void
end(void)
{
	stream_free(stream);
	loop_turn(loop, 0);
	loop_free(loop);
	(void)close(peer);
}

static void
push(size_t len)
{
	struct refbuf *b = refbuf_new(len);

	ck_assert_ptr_nonnull(b);
	memset(b->data, 'z', len);
	ck_assert_int_eq(stream_push(stream, b, 0, 0), FCS_OK);
	stream_want_flush(stream);
}

/* What the peer can read now. */
static size_t
take(void)
{
	static char buf[65536];
	size_t n = 0;
	ssize_t r;

	while ((r = read(peer, buf, sizeof(buf))) > 0)
		n += (size_t)r;
	return n;
}

static void
turns(int n)
{
	while (n-- > 0)
		loop_turn(loop, 0);
}

/* Ten seconds in steps; what came is compared with rate * time all the way. */
static size_t
ten_seconds(bool out)
{
	size_t n = 0;
	int step;

	turns(3);
	n += out ? take() : 0;
	ck_assert_uint_le(out ? n : came, most(RATE));
	for (step = 1; step <= 100; step++) {
		leap_ms(100);
		turns(4);
		n += out ? take() : 0;
		ck_assert_uint_le(out ? n : came, most(RATE));
	}
	return out ? n : came;
}

UNIT(bucket_gives_the_burst_then_the_rate)
{
	struct pace p = { 0 };

	pace_set(&p, 1000, 0);
	ck_assert_uint_eq(pace_left(&p, 0), 1024);
	pace_take(&p, 1024);
	ck_assert_uint_eq(pace_left(&p, 0), 0);
	ck_assert_uint_eq(pace_left(&p, 1), 1);
	ck_assert_uint_eq(pace_wait_ms(&p), 511); /* 512 bytes, one is there */
	ck_assert_uint_eq(pace_left(&p, 500), 500);
	ck_assert_uint_eq(pace_left(&p, 5000), 1024); /* never more */
	pace_take(&p, 24);
	ck_assert_uint_eq(pace_wait_ms(&p), 1);
	/* no byte is lost to rounding by asking often */
	pace_take(&p, 1000);
	pace_set(&p, 300, 10000);
	pace_take(&p, pace_left(&p, 10000));
	for (uint64_t t = 10000; t <= 12000; t++)
		(void)pace_left(&p, t);
	ck_assert_uint_eq(pace_left(&p, 12000), 600);
	pace_set(&p, 0, 12000);
	ck_assert_uint_eq(pace_left(&p, 12000), SIZE_MAX);
	pace_set(&p, 1ull << 40, 12000);
	ck_assert_uint_eq(pace_left(&p, 12000), pace_burst(1ull << 40));
	pace_take(&p, pace_left(&p, 12000));
	ck_assert_uint_eq(pace_left(&p, UINT64_MAX), pace_burst(1ull << 40));
}

UNIT(sending_keeps_to_its_rate_and_loses_nothing)
{
	struct stream_backlog q;
	size_t n;
	int i;

	start(0, RATE);
	for (i = 0; i < 1200; i++)
		push(1000);
	n = ten_seconds(true);
	ck_assert_uint_ge(n, (size_t)RATE * 9);
	stream_backlog(stream, &q);
	ck_assert(q.is_blocked);
	ck_assert_int_eq(drained, 0);
	for (i = 0; i < 50 && drained == 0; i++) {
		leap_ms(100);
		turns(4);
		n += take();
	}
	ck_assert_uint_eq(n, 1200000);
	ck_assert_int_eq(drained, 1);
	stream_backlog(stream, &q);
	ck_assert(!q.is_blocked);
	end();
}

UNIT(reading_keeps_to_its_rate_and_loses_nothing)
{
	static char buf[1 << 16];
	size_t sent = 0;
	ssize_t w;
	int i;

	start(RATE, 0);
	for (i = 0; i < 5; i++) { /* what the socket holds; more below */
		w = write(peer, buf, sizeof(buf));
		sent += w > 0 ? (size_t)w : 0;
	}
	for (i = 0; i < 100; i++) {
		leap_ms(100);
		turns(4);
		ck_assert_uint_le(came, most(RATE));
		w = write(peer, buf, 10000);
		sent += w > 0 ? (size_t)w : 0;
	}
	ck_assert_uint_ge(came, (size_t)RATE * 9);
	for (i = 0; i < 100 && came < sent; i++) {
		leap_ms(100);
		turns(4);
	}
	ck_assert_uint_eq(came, sent);
	end();
}

UNIT(a_pause_of_the_owner_and_the_rate_do_not_wake_each_other)
{
	static char buf[40000];
	size_t before;

	start(RATE, 0);
	ck_assert_int_gt(write(peer, buf, sizeof(buf)), 0);
	turns(4);
	ck_assert_uint_ge(came, pace_burst(RATE));
	ck_assert_uint_le(came, most(RATE));
	stream_pause_read(stream, true); /* while the bucket is empty */
	before = came;
	leap_ms(1000);
	turns(4);
	ck_assert_uint_eq(came, before);
	stream_pause_read(stream, false);
	turns(4);
	ck_assert_uint_eq(came, sizeof(buf));
	ck_assert_int_gt(write(peer, buf, sizeof(buf)), 0);
	turns(4);
	stream_pause_read(stream, true);
	stream_pause_read(stream, false); /* the bucket is still empty */
	turns(4);
	ck_assert_uint_le(came, most(RATE));
	leap_ms(1000);
	turns(4);
	leap_ms(1000);
	turns(4);
	ck_assert_uint_eq(came, 2 * sizeof(buf));
	end();
}

UNIT(a_new_rate_holds_at_once_and_none_frees_all)
{
	size_t n;

	start(0, 1024);
	push(300000);
	turns(3);
	n = take();
	ck_assert_uint_ge(n, 1024);
	ck_assert_uint_le(n, most(1024));
	ck_assert_int_eq(stream_set_rates(stream, 0, RATE), FCS_OK);
	leap_ms(1000);
	turns(3);
	n += take();
	ck_assert_uint_ge(n, 1024 + pace_burst(RATE));
	ck_assert_uint_le(n, 1024 + most(RATE));
	ck_assert_uint_lt(n, 300000);
	ck_assert_int_eq(stream_set_rates(stream, 0, 0), FCS_OK);
	turns(6);
	n += take();
	ck_assert_uint_eq(n, 300000);
	end();
}

UNIT(last_words_are_not_held_up)
{
	size_t n;

	start(1024, 1024);
	push(50000);
	turns(3);
	n = take();
	ck_assert_uint_le(n, most(1024));
	stream_close(stream, true);
	turns(6);
	ck_assert_uint_eq(n + take(), 50000);
	end();
}

struct parts {
	size_t count, bytes, sent;
};

static void
on_part(void *arg, const uint8_t *data, size_t len, size_t sent)
{
	struct parts *p = arg;

	ck_assert_int_eq(data[0], 'z');
	p->count++;
	p->bytes += len;
	p->sent += sent;
}

UNIT(what_is_queued_can_be_looked_at)
{
	struct parts p = { 0, 0, 0 };
	size_t n;

	start(0, 1024);
	push(1000);
	push(50000);
	push(300);
	turns(3);
	n = take();
	stream_each(stream, on_part, &p);
	ck_assert_uint_eq(p.count, 2);
	ck_assert_uint_eq(p.bytes, 50300);
	ck_assert_uint_eq(p.sent, n - 1000);
	end();
}

UNIT_MAIN
