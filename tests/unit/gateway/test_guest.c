/* SPDX-License-Identifier: BSD-2-Clause */
/* guest, route - a connection from its first byte to its hand-over. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/chunk.h"
#include "codec/command.h"
#include "codec/handshake.h"
#include "gateway/gateway_int.h"
#include "net/stream.h"
#include "tests/lib/unit.h"

static struct gateway gw;
static struct limits limits;
static int peer; /* the client's end, non-blocking */
static uint64_t asked;
static struct url_app asked_where;
static char why[256]; /* of the last refusal in the log */
static int refusals;
static int64_t handshake_ms; /* 0: the default */

static void
on_locate(void *arg, uint64_t id, const struct url_app *where)
{
	(void)arg;
	asked = id;
	asked_where = *where;
}

static void
on_log(void *arg, const char *line, size_t len)
{
	const char *p = strstr(line, "gateway.refused");

	(void)arg;
	(void)len;
	if (p == NULL)
		return;
	refusals++;
	p = strstr(p, "why=");
	(void)snprintf(why, sizeof(why), "%s", p == NULL ? "" : p + 4);
}

static void
accept_one(void)
{
	struct listener_peer from = { .ip = "192.0.2.1", .port = 1000 };
	int sv[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	ck_assert_int_eq(fcntl(sv[1], F_SETFL, O_NONBLOCK), 0);
	peer = sv[1];
	guest_accept(&gw, sv[0], &from);
}

static void
start(void)
{
	log_set_tap(on_log, NULL);
	log_set_rate(0);
	limits_init(&limits);
	if (handshake_ms != 0)
		limits.value[LIMIT_HANDSHAKE_TIME] = handshake_ms;
	gw.loop = loop_new();
	gw.limits = &limits;
	gw.census = census_new();
	gw.guests = idmap_new(0);
	gw.routes = routes_new(&gw);
	gw.locate = on_locate;
	memcpy(gw.boot, "boot", 5);
	accept_one();
}

static void
stop(void)
{
	guest_close_all(&gw, "end", true);
	routes_free(gw.routes);
	idmap_free(gw.guests);
	census_free(gw.census);
	loop_free(gw.loop);
	(void)close(peer);
}

/* C0 C1 C2 and a connect command to app; returns owned bytes. */
static struct buf
hello(const char *app, const char *command)
{
	static uint8_t c1[HANDSHAKE_SIZE];
	struct arena *a = arena_new(0);
	struct value *o = value_new(a, VALUE_OBJECT);
	struct buf b, body;

	buf_init(&b, 0);
	buf_init(&body, 0);
	buf_u8(&b, 3);
	buf_append(&b, c1, sizeof(c1));
	buf_append(&b, c1, sizeof(c1));
	ck_assert_int_eq(value_set(a, o, "app", value_string(a, app)), FCS_OK);
	ck_assert_int_eq(
	    value_set(a, o, "tcUrl", value_string(a, "rtmp://h/")), FCS_OK);
	ck_assert_int_eq(
	    command_write(&body, false, command, 1, o, NULL, 0), FCS_OK);
	chunk_write(
	    &b, 3, MESSAGE_COMMAND, 0, 0, buf_data(&body), buf_len(&body), 128);
	buf_fini(&body);
	arena_free(a);
	return b;
}

static void
say(const uint8_t *p, size_t n)
{
	ssize_t w;

	while (n > 0) {
		w = write(peer, p, n);
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		}
		loop_turn(gw.loop, 0);
	}
	loop_turn(gw.loop, 0);
	loop_turn(gw.loop, 0);
}

/* All the peer can read; *n bytes, *eof when the gateway closed. */
static uint8_t *
hear(size_t *n, bool *eof)
{
	static uint8_t buf[65536];
	ssize_t r;

	*n = 0;
	while ((r = read(peer, buf + *n, sizeof(buf) - *n)) > 0)
		*n += (size_t)r;
	*eof = r == 0;
	return buf;
}

/* Answer the last question with a channel; returns the worker's end. */
static int
locate_ok(void)
{
	json_t *msg =
	    json_pack("{s:I, s:s}", "id", (json_int_t)asked, "status", "ok");
	int sv[2];

	ck_assert_int_eq(channel_pair(CHANNEL_PACKET, sv), FCS_OK);
	route_located(&gw, msg, &sv[0], 1);
	ck_assert_int_eq(sv[0], -1);
	json_decref(msg);
	return sv[1];
}

/* The hand-over message in the worker's end; *fd the client's socket. */
static void
receive(int ch, struct channel_handover *h, int *fd)
{
	static uint8_t data[CHANNEL_HANDOVER_MAX];
	char space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space) };
	struct cmsghdr *cm;
	ssize_t n = recvmsg(ch, &m, 0);

	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(channel_handover_read(data, (size_t)n, h), FCS_OK);
	cm = CMSG_FIRSTHDR(&m);
	*fd = -1;
	if (cm != NULL)
		memcpy(fd, CMSG_DATA(cm), sizeof(int));
	ck_assert_int_ge(*fd, 0);
}

static int
find(const uint8_t *p, size_t n, const char *text)
{
	return memmem(p, n, text, strlen(text)) != NULL;
}

/* What the worker says about a connection. */
static void
tell(int ch, const struct channel_handover *h, enum channel_handover_kind kind)
{
	struct channel_handover m = *h;
	struct buf b;

	buf_init(&b, 0);
	m.kind = kind;
	m.early_len = 0;
	ck_assert_int_eq(channel_handover_write(&b, &m), FCS_OK);
	ck_assert_int_eq(write(ch, buf_data(&b), buf_len(&b)), buf_len(&b));
	buf_fini(&b);
	loop_turn(gw.loop, 100);
}

UNIT(a_connect_is_handed_over_with_every_byte_after_c2)
{
	struct buf b;
	struct channel_handover h;
	size_t n, head = HANDSHAKE_C0C1 + HANDSHAKE_SIZE;
	bool eof;
	int ch, fd;
	char c;

	start();
	b = hello("room/blue?key=1", "connect");
	buf_append(&b, "pipelined", 9); /* belongs to the worker too */
	say(buf_data(&b), buf_len(&b));
	ck_assert_uint_ne(asked, 0);
	ck_assert_str_eq(asked_where.app, "room");
	ck_assert_str_eq(asked_where.inst, "blue");
	(void)hear(&n, &eof);
	ck_assert_uint_eq(n, HANDSHAKE_S0S1S2);
	ck_assert(!eof);
	ch = locate_ok();
	receive(ch, &h, &fd);
	ck_assert_str_eq(h.app, "room");
	ck_assert_str_eq(h.client_id, "boot-1");
	ck_assert_str_eq(h.ip, "192.0.2.1");
	ck_assert_str_eq(h.protocol, "rtmp");
	ck_assert_uint_eq(h.early_len, buf_len(&b) - head);
	ck_assert_mem_eq(h.early, buf_data(&b) + head, h.early_len);
	ck_assert_uint_eq(h.bytes_in, buf_len(&b));
	ck_assert_uint_eq(h.bytes_out, HANDSHAKE_S0S1S2);
	/* once taken the gateway has nothing to do with it any more */
	ck_assert_uint_eq(idmap_count(gw.guests), 1);
	tell(ch, &h, CHANNEL_TAKEN);
	ck_assert_uint_eq(idmap_count(gw.guests), 0);
	ck_assert_int_eq(write(peer, "x", 1), 1);
	loop_turn(gw.loop, 0);
	ck_assert_int_eq(read(fd, &c, 1), 1);
	loop_turn(gw.loop, 0); /* the defunct copy is closed at its end */
	(void)close(fd);
	ck_assert_int_eq(read(peer, &c, 1), 0);
	buf_fini(&b);
	(void)close(ch);
	stop();
}

UNIT(the_second_guest_of_an_application_is_not_asked_for)
{
	struct channel_handover h;
	struct buf b;
	uint64_t first;
	int ch, fd, old;

	start();
	b = hello("room", "connect");
	say(buf_data(&b), buf_len(&b));
	first = asked;
	ch = locate_ok();
	receive(ch, &h, &fd);
	tell(ch, &h, CHANNEL_TAKEN);
	(void)close(fd);
	old = peer;
	accept_one();
	say(buf_data(&b), buf_len(&b));
	ck_assert_uint_eq(asked, first);
	receive(ch, &h, &fd);
	tell(ch, &h, CHANNEL_TAKEN);
	ck_assert_str_eq(h.client_id, "boot-2");
	(void)close(fd);
	(void)close(old);
	/* the worker dies: the next one is asked for again */
	(void)close(ch);
	loop_turn(gw.loop, 0);
	ck_assert_uint_eq(route_count(&gw), 0);
	old = peer;
	accept_one();
	say(buf_data(&b), buf_len(&b));
	ck_assert_uint_ne(asked, first);
	(void)close(old);
	buf_fini(&b);
	stop();
}

UNIT(a_worker_that_dies_before_it_took_a_guest_does_not_lose_it)
{
	struct channel_handover h;
	struct buf b;
	uint64_t first;
	size_t n;
	bool eof;
	int ch, fd;

	start();
	b = hello("room", "connect");
	say(buf_data(&b), buf_len(&b));
	first = asked;
	ch = locate_ok();
	(void)close(ch); /* with the message unread */
	loop_turn(gw.loop, 100);
	loop_turn(gw.loop, 0);
	ck_assert_uint_ne(asked, first);
	ch = locate_ok();
	receive(ch, &h, &fd);
	ck_assert_str_eq(h.client_id, "boot-1");
	ck_assert_uint_eq(h.bytes_in, buf_len(&b));
	tell(ch, &h, CHANNEL_TAKEN);
	(void)hear(&n, &eof);
	ck_assert(!eof);
	(void)close(fd);
	(void)hear(&n, &eof);
	ck_assert(eof);
	(void)close(ch);
	buf_fini(&b);
	stop();
}

UNIT(a_guest_the_worker_refuses_is_told)
{
	struct channel_handover h;
	struct buf b;
	uint8_t *p;
	size_t n;
	bool eof;
	int ch, fd;

	start();
	b = hello("room", "connect");
	say(buf_data(&b), buf_len(&b));
	ch = locate_ok();
	receive(ch, &h, &fd);
	(void)close(fd);
	tell(ch, &h, CHANNEL_REFUSED);
	p = hear(&n, &eof);
	ck_assert(eof);
	ck_assert(find(p, n, "NetConnection.Connect.Rejected"));
	ck_assert_uint_eq(idmap_count(gw.guests), 0);
	(void)close(ch);
	buf_fini(&b);
	stop();
}

UNIT(every_byte_may_come_alone)
{
	struct channel_handover h;
	struct buf b;
	size_t i;
	int ch, fd;

	start();
	b = hello("vod", "connect");
	for (i = 0; i < buf_len(&b); i++) {
		ck_assert_uint_eq(asked, 0);
		ck_assert_int_eq(write(peer, buf_data(&b) + i, 1), 1);
		loop_turn(gw.loop, 0);
	}
	ck_assert_uint_ne(asked, 0);
	ch = locate_ok();
	receive(ch, &h, &fd);
	ck_assert_uint_eq(
	    h.early_len, buf_len(&b) - HANDSHAKE_C0C1 - HANDSHAKE_SIZE);
	(void)close(fd);
	(void)close(ch);
	buf_fini(&b);
	stop();
}

UNIT(an_unknown_application_gets_invalidapp_close_and_a_shut_down)
{
	struct buf b;
	json_t *msg;
	uint8_t *p;
	size_t n;
	bool eof;

	start();
	b = hello("nosuch", "connect");
	say(buf_data(&b), buf_len(&b));
	(void)hear(&n, &eof);
	msg = json_pack("{s:I, s:s, s:s}", "id", (json_int_t)asked, "status",
	    "unknown", "why", "none");
	route_located(&gw, msg, NULL, 0);
	json_decref(msg);
	loop_turn(gw.loop, 0);
	p = hear(&n, &eof);
	ck_assert(eof);
	ck_assert(find(p, n, "_error"));
	ck_assert(find(p, n, "NetConnection.Connect.InvalidApp"));
	ck_assert(find(p, n, "close"));
	ck_assert_int_eq(refusals, 1);
	/* drained: it waits for the client before it closes */
	ck_assert_uint_eq(stream_draining(gw.loop), 1);
	(void)close(peer);
	loop_turn(gw.loop, 1000);
	ck_assert_uint_eq(stream_draining(gw.loop), 0);
	peer = -1;
	buf_fini(&b);
	stop();
}

/* Send bytes and expect a plain close with that reason. */
static void
refused(const struct buf *b, size_t n, const char *reason)
{
	size_t got;
	bool eof;
	int i;

	say(buf_data(b), n);
	for (i = 0; i < 50 && refusals == 0; i++)
		loop_turn(gw.loop, 20);
	loop_turn(gw.loop, 0);
	(void)hear(&got, &eof);
	ck_assert_int_eq(refusals, 1);
	ck_assert_msg(strstr(why, reason) != NULL, "%s", why);
	ck_assert_uint_eq(asked, 0);
	ck_assert_uint_eq(idmap_count(gw.guests), 0);
}

UNIT(a_wrong_first_byte_closes_at_once)
{
	struct buf b;

	start();
	buf_init(&b, 0);
	buf_append(&b, "GET / HTTP/1.1\r\n", 16);
	refused(&b, 16, "first byte 0x47 is not RTMP");
	buf_fini(&b);
	stop();
}

UNIT(encrypted_rtmpe_is_named)
{
	struct buf b;

	start();
	buf_init(&b, 0);
	buf_u8(&b, 6);
	refused(&b, 1, "RTMPE");
	buf_fini(&b);
	stop();
}

UNIT(a_truncated_handshake_ends_at_its_deadline)
{
	struct buf b;

	handshake_ms = 50;
	start();
	b = hello("vod", "connect");
	refused(&b, 1000, "limits.handshake_time");
	buf_fini(&b);
	stop();
}

UNIT(no_connect_command_ends_at_its_deadline)
{
	struct buf b;

	start();
	limits.value[LIMIT_CONNECT_TIME] = 50;
	b = hello("vod", "connect");
	refused(
	    &b, HANDSHAKE_C0C1 + HANDSHAKE_SIZE + 20, "limits.connect_time");
	buf_fini(&b);
	stop();
}

UNIT(a_connect_that_never_ends_is_bounded)
{
	static uint8_t zeros[70000];
	uint8_t head[12] = { 3, 0, 0, 0, 1, 0xff, 0xff, 20, 0, 0, 0, 0 };
	struct buf b;
	size_t i;

	start();
	b = hello("vod", "connect");
	buf_truncate(&b, HANDSHAKE_C0C1 + HANDSHAKE_SIZE);
	buf_append(&b, head, sizeof(head));
	for (i = 0; i < sizeof(zeros); i += 128) {
		buf_append(&b, zeros, 128);
		buf_u8(&b, 0xc3);
	}
	refused(&b, buf_len(&b), "limit");
	buf_fini(&b);
	stop();
}

UNIT(another_command_before_connect_is_refused)
{
	struct buf b;

	start();
	b = hello("vod", "createStream");
	refused(&b, buf_len(&b), "not connect");
	buf_fini(&b);
	stop();
}

UNIT(media_before_connect_is_refused)
{
	struct buf b;

	start();
	b = hello("vod", "connect");
	buf_truncate(&b, HANDSHAKE_C0C1 + HANDSHAKE_SIZE);
	chunk_write(
	    &b, 6, MESSAGE_VIDEO, 1, 0, (const uint8_t *)"\x17", 1, 128);
	refused(&b, buf_len(&b), "video message before connect");
	buf_fini(&b);
	stop();
}

UNIT(a_chunk_size_of_zero_is_refused)
{
	struct buf b;

	start();
	b = hello("vod", "connect");
	buf_truncate(&b, HANDSHAKE_C0C1 + HANDSHAKE_SIZE);
	chunk_write(&b, 2, MESSAGE_CHUNK_SIZE, 0, 0,
	    (const uint8_t *)"\0\0\0\0", 4, 128);
	refused(&b, buf_len(&b), "chunk size");
	buf_fini(&b);
	stop();
}

UNIT(a_path_as_application_name_gets_invalidapp)
{
	struct buf b;
	uint8_t *p;
	size_t n;
	bool eof;

	start();
	b = hello("../../etc", "connect");
	say(buf_data(&b), buf_len(&b));
	p = hear(&n, &eof);
	ck_assert(eof);
	ck_assert(find(p, n, "NetConnection.Connect.InvalidApp"));
	ck_assert_uint_eq(asked, 0);
	ck_assert_int_eq(refusals, 1);
	buf_fini(&b);
	stop();
}

UNIT(beyond_the_clients_of_an_address_comes_rejected)
{
	struct channel_handover h;
	struct buf b;
	uint8_t *p;
	size_t n;
	bool eof;
	int ch, fd, old;

	start();
	limits.value[LIMIT_CLIENTS_PER_ADDRESS] = 1;
	b = hello("vod", "connect");
	say(buf_data(&b), buf_len(&b));
	ch = locate_ok();
	receive(ch, &h, &fd);
	old = peer;
	accept_one();
	say(buf_data(&b), buf_len(&b));
	p = hear(&n, &eof);
	ck_assert(eof);
	ck_assert(find(p, n, "NetConnection.Connect.Rejected"));
	(void)close(peer);
	/* the worker says the first one ended: there is room again */
	tell(ch, &h, CHANNEL_TAKEN);
	tell(ch, &h, CHANNEL_ENDED);
	buf_fini(&b);
	b = hello("vod", "connect");
	accept_one();
	say(buf_data(&b), buf_len(&b));
	receive(ch, &h, &fd);
	ck_assert_str_eq(h.client_id, "boot-3");
	(void)close(old);
	(void)close(ch);
	buf_fini(&b);
	stop();
}

UNIT(too_many_unfinished_from_one_address_are_closed_at_accept)
{
	size_t n;
	bool eof;
	int old;

	start();
	limits.value[LIMIT_HANDSHAKES_PER_ADDRESS] = 1;
	old = peer;
	accept_one();
	loop_turn(gw.loop, 0);
	(void)hear(&n, &eof);
	ck_assert(eof);
	ck_assert_int_eq(refusals, 1);
	(void)close(old);
	stop();
}

UNIT(a_worker_that_does_not_answer_ends_in_failed)
{
	struct buf b;
	uint8_t *p;
	size_t n;
	bool eof;
	int i;

	start();
	limits.value[LIMIT_CONNECT_TIME] = 60;
	b = hello("vod", "connect");
	say(buf_data(&b), buf_len(&b));
	for (i = 0; i < 50 && refusals == 0; i++)
		loop_turn(gw.loop, 20);
	loop_turn(gw.loop, 0);
	p = hear(&n, &eof);
	ck_assert(eof);
	ck_assert(find(p, n, "NetConnection.Connect.Failed"));
	buf_fini(&b);
	stop();
}

UNIT_MAIN
