/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * locate - the way from an instance to another one: within the worker, through
 * the channel of another worker; and who may say which instance connects.
 */
#include "worker/locate.h"

#include <sys/socket.h>
#include <unistd.h>

#include "net/channel.h"
#include "session/session.h"
#include "tests/lib/unit.h"

static struct loop *loop;
static struct locate *l;
static struct limits limits;
static int here_result, here_fd = -1;
static char here_name[400], asked[400];
static uint64_t asked_key;
static unsigned asks;

static struct {
	uint64_t peer;
	int result, fd, count;
	char why[ERR_TEXT_MAX];
} got;

static int
on_here(void *arg, const char *app, const struct session_handover *s)
{
	(void)arg;
	ck_assert_str_eq(app, "far");
	ck_assert_str_eq(s->protocol, "local");
	ck_assert_str_eq(s->ip, "127.0.0.1");
	(void)snprintf(here_name, sizeof(here_name), "%s", s->peer_name);
	if (here_result == FCS_OK)
		here_fd = s->fd;
	else if (here_result != FCS_ENOENT)
		(void)close(s->fd);
	return here_result;
}

static void
on_ask(void *arg, uint64_t key, const char *app, const char *inst)
{
	(void)arg;
	asks++;
	asked_key = key;
	(void)snprintf(asked, sizeof(asked), "%s/%s", app, inst);
}

static const struct limits *
on_limits(void *arg)
{
	(void)arg;
	return &limits;
}

static const struct locate_ops ops = { on_here, on_ask, on_limits };

static void
on_located(uint64_t peer, int result, int fd, const char *why)
{
	got.peer = peer;
	got.result = result;
	got.fd = fd;
	got.count++;
	(void)snprintf(got.why, sizeof(got.why), "%s", why);
}

static void
begin(int result)
{
	limits_init(&limits);
	here_result = result;
	loop = loop_new();
	l = locate_new(loop, &ops, NULL);
	ck_assert_ptr_nonnull(l);
}

static void
go(uint64_t peer)
{
	struct peer_where to = { "far", "b", "near/a" };
	const struct peer_locator *p = locate_locator(l);

	p->locate(p->arg, &to, peer, on_located);
}

static void
answer(const char *status, int *fd)
{
	json_t *msg = json_pack("{s:s, s:I, s:s, s:s}", "op", "located", "id",
	    (json_int_t)asked_key, "status", status, "why", "no folder");

	locate_answer(l, msg, fd, fd == NULL ? 0 : 1);
	json_decref(msg);
}

static void
end(void)
{
	locate_free(l);
	loop_turn(loop, 0);
	loop_free(loop);
}

static void
expect_joined(int a, int b)
{
	char c = 0;

	ck_assert_int_eq(write(a, "x", 1), 1);
	ck_assert_int_eq(read(b, &c, 1), 1);
	ck_assert_int_eq(c, 'x');
}

UNIT(an_application_of_this_worker_is_joined_at_once)
{
	begin(FCS_OK);
	go(7);
	ck_assert_int_eq(got.count, 1);
	ck_assert_int_eq(got.result, FCS_OK);
	ck_assert(got.peer == 7);
	ck_assert_str_eq(here_name, "near/a");
	expect_joined(got.fd, here_fd);
	(void)close(got.fd);
	(void)close(here_fd);
	ck_assert_uint_eq(asks, 0);
	end();
}

UNIT(one_that_refuses_says_so)
{
	begin(FCS_ECLOSED);
	go(7);
	ck_assert_int_eq(got.result, FCS_ECLOSED);
	ck_assert(got.why[0] != '\0');
	end();
}

static int
receive(int ch, struct channel_handover *h, uint8_t *data, size_t size)
{
	struct iovec iov = { data, size };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u;
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = u.buf,
		.msg_controllen = sizeof(u.buf) };
	struct cmsghdr *c;
	ssize_t n = recvmsg(ch, &m, 0);
	int fd;

	ck_assert_int_gt(n, 0);
	c = CMSG_FIRSTHDR(&m);
	ck_assert_ptr_nonnull(c);
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	ck_assert_int_eq(channel_handover_read(data, (size_t)n, h), FCS_OK);
	return fd;
}

UNIT(another_worker_is_asked_for_once_and_gets_all_who_wait)
{
	struct channel_handover h;
	uint8_t data[2048];
	char first[40];
	int sv[2], fd;

	begin(FCS_ENOENT);
	go(7);
	go(8);
	ck_assert_int_eq(got.count, 0);
	ck_assert_uint_eq(asks, 1);
	ck_assert_str_eq(asked, "far/b");
	ck_assert_int_eq(channel_pair(CHANNEL_PACKET, sv), FCS_OK);
	answer("ok", &sv[0]);
	ck_assert_int_eq(got.count, 2);
	ck_assert(got.peer == 8);
	ck_assert_int_eq(got.result, FCS_OK);
	loop_turn(loop, 0);
	fd = receive(sv[1], &h, data, sizeof(data));
	(void)close(fd);
	(void)snprintf(first, sizeof(first), "%s", h.client_id);
	fd = receive(sv[1], &h, data, sizeof(data));
	ck_assert_str_eq(h.app, "far");
	ck_assert_str_eq(h.ip, "127.0.0.1");
	ck_assert_str_eq(h.protocol, "local");
	ck_assert_str_eq(h.from_app, "near");
	ck_assert_str_eq(h.from_inst, "a");
	ck_assert_uint_eq(h.early_len, 0);
	ck_assert_str_ne(h.client_id, first);
	expect_joined(got.fd, fd);
	(void)close(got.fd);
	(void)close(fd);
	go(9); /* the way is known */
	ck_assert_int_eq(got.count, 3);
	ck_assert_uint_eq(asks, 1);
	(void)close(got.fd);
	(void)close(sv[1]); /* that worker dies */
	loop_turn(loop, 10);
	go(10);
	ck_assert_uint_eq(asks, 2);
	answer("unknown", NULL);
	ck_assert_int_eq(got.result, FCS_ENOENT);
	go(11);
	answer("failed", NULL);
	ck_assert_int_eq(got.result, FCS_EIO);
	ck_assert_str_eq(got.why, "no folder");
	answer("ok", NULL); /* nobody asked */
	go(12);
	locate_free(l);
	ck_assert_int_eq(got.count, 6);
	ck_assert_int_eq(got.result, FCS_ECLOSED);
	l = NULL;
	end();
}

UNIT(only_a_worker_names_the_instance_that_connects)
{
	struct channel_handover h = { .protocol = "rtmp" };
	char name[400];

	/* from a gateway */
	ck_assert_int_eq(locate_name(&h, false, name, sizeof(name)), FCS_OK);
	ck_assert_str_eq(name, "");
	strcpy(h.from_app, "near");
	strcpy(h.from_inst, "a");
	ck_assert_int_eq(
	    locate_name(&h, false, name, sizeof(name)), FCS_EFORMAT);
	strcpy(h.protocol, "local");
	ck_assert_int_eq(
	    locate_name(&h, false, name, sizeof(name)), FCS_EFORMAT);
	h.from_app[0] = '\0';
	ck_assert_int_eq(
	    locate_name(&h, false, name, sizeof(name)), FCS_EFORMAT);
	/* from a worker */
	ck_assert_int_eq(
	    locate_name(&h, true, name, sizeof(name)), FCS_EFORMAT);
	strcpy(h.from_app, "near");
	ck_assert_int_eq(locate_name(&h, true, name, sizeof(name)), FCS_OK);
	ck_assert_str_eq(name, "near/a");
	strcpy(h.from_inst, "../a");
	ck_assert_int_eq(
	    locate_name(&h, true, name, sizeof(name)), FCS_EFORMAT);
	strcpy(h.from_inst, "a");
	strcpy(h.protocol, "rtmp");
	ck_assert_int_eq(
	    locate_name(&h, true, name, sizeof(name)), FCS_EFORMAT);
}

UNIT_MAIN
