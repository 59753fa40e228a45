/* SPDX-License-Identifier: BSD-2-Clause */
/* channel, channel_handover - framing, descriptors, bounds, bad input. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/channel.h"
#include "tests/lib/unit.h"

struct end {
	struct channel *ch;
	char got[256];
	int count, fd, fds, lost, closed, drained;
	uint64_t tag;
	bool free_in_message;
};

static struct loop *loop;
static struct end a, b;

static void
on_message(
    void *arg, const uint8_t *data, size_t len, int *fds, size_t n, bool lost)
{
	struct end *e = arg;

	e->count++;
	e->fds += (int)n;
	e->lost += lost;
	if (len < 16)
		(void)strncat(e->got, (const char *)data, len);
	if (n > 0) {
		e->fd = fds[0];
		fds[0] = -1;
	}
	if (e->free_in_message)
		channel_free(e->ch);
}

static void
on_closed(void *arg, int why)
{
	struct end *e = arg;

	ck_assert_int_eq(e->closed, 1);
	e->closed = why;
}

static void
on_drained(void *arg)
{
	((struct end *)arg)->drained++;
}

static void
on_sent(void *arg, uint64_t tag)
{
	((struct end *)arg)->tag = tag;
}

static const struct channel_ops ops = { on_message, on_closed, on_drained,
	on_sent };

static void
start(enum channel_kind kind)
{
	struct channel_options o = { kind, 100000, 50 };
	int sv[2];

	ck_assert_int_eq(channel_pair(kind, sv), FCS_OK);
	loop = loop_new();
	a = b = (struct end){ .fd = -1, .closed = 1 };
	a.ch = channel_new(loop, sv[0], &o, &ops, &a);
	b.ch = channel_new(loop, sv[1], &o, &ops, &b);
	ck_assert_ptr_nonnull(a.ch);
	ck_assert_ptr_nonnull(b.ch);
}

static void
stop(void)
{
	channel_free(a.ch);
	channel_free(b.ch);
	loop_free(loop);
}

static void
both_kinds(enum channel_kind kind)
{
	int p[2], fd2;
	char c;

	start(kind);
	ck_assert_int_eq(pipe(p), 0);
	fd2 = p[1];
	ck_assert_int_eq(channel_send(a.ch, "one", 3, NULL, 0, 0), FCS_OK);
	ck_assert_int_eq(channel_send(a.ch, "two", 3, &fd2, 1, 9), FCS_OK);
	ck_assert_int_eq(channel_send(a.ch, "three", 5, NULL, 0, 0), FCS_OK);
	while (b.count < 3)
		loop_turn(loop, 1000);
	ck_assert_str_eq(b.got, "onetwothree");
	ck_assert_int_eq(b.fds, 1);
	ck_assert_uint_eq(a.tag, 9);
	ck_assert_int_ne(fcntl(b.fd, F_GETFD) & FD_CLOEXEC, 0);
	/* the sender's copy is closed: only the received one holds the pipe */
	ck_assert_int_eq(write(b.fd, "!", 1), 1);
	ck_assert_int_eq(close(b.fd), 0);
	ck_assert_int_eq(read(p[0], &c, 1), 1);
	ck_assert_int_eq(read(p[0], &c, 1), 0);
	(void)close(p[0]);
	stop();
}

UNIT(packets_keep_their_bounds_and_descriptors)
{
	both_kinds(CHANNEL_PACKET);
}

UNIT(frames_keep_their_bounds_and_descriptors)
{
	both_kinds(CHANNEL_STREAM);
}

static void
full(enum channel_kind kind)
{
	static char big[20000];
	int i, sent = 0, rc = FCS_OK;

	start(kind);
	for (i = 0; i < 1000; i++) {
		rc = channel_send(a.ch, big, sizeof(big), NULL, 0, 0);
		if (rc != FCS_OK)
			break;
		sent++;
	}
	ck_assert_int_eq(rc, FCS_ELIMIT);
	ck_assert_uint_eq(channel_queued(a.ch), 50);
	while (b.count < sent)
		loop_turn(loop, 1000);
	loop_turn(loop, 0);
	ck_assert_int_eq(b.count, sent);
	ck_assert_int_eq(a.drained, 1);
	ck_assert_uint_eq(channel_queued(a.ch), 0);
	stop();
}

UNIT(a_full_packet_channel_queues_and_then_refuses)
{
	full(CHANNEL_PACKET);
}

UNIT(a_full_frame_channel_queues_and_then_refuses)
{
	full(CHANNEL_STREAM);
}

UNIT(a_refused_message_leaves_the_descriptor_with_the_caller)
{
	static char big[200000];
	int p[2];

	start(CHANNEL_PACKET);
	ck_assert_int_eq(pipe(p), 0);
	ck_assert_int_eq(
	    channel_send(a.ch, big, sizeof(big), p, 1, 0), FCS_ELIMIT);
	ck_assert_int_ge(fcntl(p[0], F_GETFD), 0);
	(void)close(p[0]);
	(void)close(p[1]);
	stop();
}

UNIT(the_other_end_gone_is_told_once_and_sends_fail)
{
	start(CHANNEL_STREAM);
	ck_assert_int_eq(channel_send(a.ch, "last", 4, NULL, 0, 0), FCS_OK);
	channel_free(a.ch);
	a.ch = NULL;
	while (b.closed == 1)
		loop_turn(loop, 1000);
	ck_assert_str_eq(b.got, "last");
	ck_assert_int_eq(b.closed, FCS_OK);
	ck_assert_int_eq(channel_send(b.ch, "x", 1, NULL, 0, 0), FCS_ECLOSED);
	stop();
}

UNIT(a_channel_may_be_freed_by_its_message)
{
	start(CHANNEL_STREAM);
	b.free_in_message = true;
	ck_assert_int_eq(channel_send(a.ch, "1", 1, NULL, 0, 0), FCS_OK);
	ck_assert_int_eq(channel_send(a.ch, "2", 1, NULL, 0, 0), FCS_OK);
	while (a.closed == 1)
		loop_turn(loop, 1000);
	ck_assert_int_eq(b.count, 1);
	b.ch = NULL;
	stop();
}

UNIT(a_bad_frame_closes_the_channel)
{
	static const char *const bad[] = { "00000000 00", "7fffffff 00",
		"00000001 ff 41", "00000001 01 41" };
	struct channel_options o = { CHANNEL_STREAM, 1000, 8 };
	uint8_t *bytes;
	size_t i, n;
	int sv[2];

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		loop = loop_new();
		ck_assert_int_eq(channel_pair(CHANNEL_STREAM, sv), FCS_OK);
		b = (struct end){ .closed = 1 };
		b.ch = channel_new(loop, sv[0], &o, &ops, &b);
		bytes = unit_hex(bad[i], &n);
		ck_assert_int_eq(write(sv[1], bytes, n), n);
		while (b.closed == 1)
			loop_turn(loop, 1000);
		ck_assert_int_eq(b.closed, FCS_EFORMAT);
		ck_assert_int_eq(b.count, 0);
		free(bytes);
		channel_free(b.ch);
		loop_free(loop);
		(void)close(sv[1]);
	}
}

UNIT(a_receiver_without_descriptors_is_told_one_was_lost)
{
	struct rlimit rl = { 0, 0 };
	int p[2], top;

	start(CHANNEL_PACKET);
	ck_assert_int_eq(pipe(p), 0);
	ck_assert_int_eq(channel_send(a.ch, "fd", 2, p, 1, 0), FCS_OK);
	top = dup(p[1]);
	(void)close(top);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = (rlim_t)top; /* no number is free below it */
	ck_assert_int_eq(dup(p[1]), top);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &rl), 0);
	while (b.count < 1)
		loop_turn(loop, 1000);
	ck_assert_int_eq(b.lost, 1);
	ck_assert_int_eq(b.fds, 0);
	ck_assert_str_eq(b.got, "fd");
	stop();
	(void)close(p[1]);
}

static const struct channel_handover sample = { .kind = CHANNEL_RTMP,
	.connection_id = 0x1122334455667788,
	.client_id = "abcdefgh-12",
	.app = "vod",
	.ip = "2001:db8::1",
	.protocol = "rtmp",
	.from_app = "room",
	.from_inst = "blue/7",
	.port = 51234,
	.secure = true,
	.bytes_in = 3073,
	.bytes_out = 3073,
	.early = (const uint8_t *)"\x03\x00",
	.early_len = 2 };

UNIT(a_handover_reads_back_as_written)
{
	struct channel_handover h;
	struct buf out;

	buf_init(&out, 0);
	ck_assert_int_eq(channel_handover_write(&out, &sample), FCS_OK);
	ck_assert_int_eq(
	    channel_handover_read(buf_data(&out), buf_len(&out), &h), FCS_OK);
	ck_assert_int_eq(h.kind, CHANNEL_RTMP);
	ck_assert(h.connection_id == sample.connection_id);
	ck_assert_str_eq(h.client_id, sample.client_id);
	ck_assert_str_eq(h.app, "vod");
	ck_assert_str_eq(h.ip, "2001:db8::1");
	ck_assert_str_eq(h.protocol, "rtmp");
	ck_assert_str_eq(h.from_app, "room");
	ck_assert_str_eq(h.from_inst, "blue/7");
	ck_assert_uint_eq(h.port, 51234);
	ck_assert(h.secure);
	ck_assert_uint_eq(h.bytes_in, 3073);
	ck_assert_uint_eq(h.early_len, 2);
	ck_assert_mem_eq(h.early, "\x03\x00", 2);
	buf_fini(&out);
}

UNIT(a_handover_cut_anywhere_is_refused)
{
	struct channel_handover h;
	struct buf out;
	size_t n;

	buf_init(&out, 0);
	ck_assert_int_eq(channel_handover_write(&out, &sample), FCS_OK);
	for (n = 0; n < buf_len(&out); n++)
		ck_assert_int_ne(
		    channel_handover_read(buf_data(&out), n, &h), FCS_OK);
	buf_u8(&out, 0);
	ck_assert_int_eq(
	    channel_handover_read(buf_data(&out), buf_len(&out), &h),
	    FCS_EFORMAT);
	out.base[out.off + 4] = CHANNEL_HANDOVER_VERSION + 1;
	ck_assert_int_eq(
	    channel_handover_read(buf_data(&out), buf_len(&out), &h),
	    FCS_EUNSUPPORTED);
	buf_fini(&out);
}

UNIT_MAIN
