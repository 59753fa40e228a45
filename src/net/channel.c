/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * channel - see channel.h.
 *
 * Output keeps whole messages with their descriptors. A descriptor goes with
 * the first byte of its message; the kernel never joins the bytes after it to
 * an earlier read, so the receiver gets them in order and takes as many from
 * its list as the head of each message says.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/channel.h"
#include "net/loop_int.h"
#include "net/timer.h"

#define HEAD_SIZE         5  /* u32 length, u8 descriptors */
#define RETRY_MS          20 /* too many descriptors in flight */
#define MESSAGES_PER_TURN 64
#define FDS_WAITING_MAX   (4 * CHANNEL_FDS_MAX)

struct item {
	struct item *next;
	uint64_t tag;
	int fds[CHANNEL_FDS_MAX];
	size_t fd_count;
	size_t len, sent;
	uint8_t data[];
};

struct channel {
	struct loop *loop;
	struct loop_watch *watch;
	struct timer *retry;
	int fd;
	struct channel_options opt;
	const struct channel_ops *ops;
	void *arg;
	struct item *first, **last;
	uint32_t queued;
	bool dead;     /* closed was told, or sending failed */
	bool gone;     /* freed; the memory goes at the end of the turn */
	struct buf in; /* STREAM: bytes of unfinished messages */
	int *fds;      /* STREAM: descriptors not yet given to a message */
	size_t fd_count, fd_cap;
	bool lost;
	uint8_t *packet; /* PACKET: room for one message and a byte */
};

static void on_ready(void *, int);
static void on_retry(void *);

int
channel_pair(enum channel_kind kind, int fds[2])
{
	int type = kind == CHANNEL_PACKET ? SOCK_SEQPACKET : SOCK_STREAM;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) <
	    0)
		return err_from_errno(errno);
	return FCS_OK;
}

struct channel *
channel_new(struct loop *l, int fd, const struct channel_options *opt,
    const struct channel_ops *ops, void *arg)
{
	struct channel *c = calloc(1, sizeof(*c));
	int sndbuf = (int)opt->max_message * 2;

	if (c == NULL) {
		(void)close(fd);
		return NULL;
	}
	c->loop = l;
	c->fd = fd;
	c->opt = *opt;
	c->ops = ops;
	c->arg = arg;
	c->last = &c->first;
	buf_init(&c->in, 0);
	(void)evutil_make_socket_nonblocking(fd);
	(void)evutil_make_socket_closeonexec(fd);
	c->watch = loop_watch_new(l, fd, LOOP_READ, on_ready, c);
	c->retry = timer_new(l, on_retry, c);
	if (opt->kind == CHANNEL_PACKET) {
		/* a message must fit into the send buffer whole */
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
		c->packet = malloc(opt->max_message + 1);
	}
	if (c->watch == NULL || c->retry == NULL ||
	    (opt->kind == CHANNEL_PACKET && c->packet == NULL)) {
		channel_free(c);
		return NULL;
	}
	return c;
}

static void
item_free(struct item *it)
{
	size_t i;

	for (i = 0; i < it->fd_count; i++)
		(void)close(it->fds[i]);
	free(it);
}

static void
drop_queue(struct channel *c)
{
	struct item *it;

	while ((it = c->first) != NULL) {
		c->first = it->next;
		item_free(it);
	}
	c->last = &c->first;
	c->queued = 0;
}

void
channel_free(struct channel *c)
{
	size_t i;

	if (c == NULL || c->gone)
		return;
	c->gone = c->dead = true;
	loop_watch_free(c->watch);
	c->watch = NULL;
	timer_free(c->retry);
	drop_queue(c);
	for (i = 0; i < c->fd_count; i++)
		(void)close(c->fds[i]);
	free(c->fds);
	buf_fini(&c->in);
	(void)close(c->fd);
	loop_defer_free(c->loop, free, c->packet);
	loop_defer_free(c->loop, free, c);
}

/* ---- out ---- */

static void
arm(struct channel *c, bool want_write)
{
	if (c->watch != NULL)
		loop_watch_set(
		    c->watch, LOOP_READ | (want_write ? LOOP_WRITE : 0));
}

/* One system call. FCS_OK the item is sent; FCS_EAGAIN; FCS_ECLOSED. */
static int
send_item(struct channel *c, struct item *it)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX)];
	} ctl;
	struct iovec iov;
	struct msghdr msg;
	struct cmsghdr *cm;
	ssize_t n;

	memset(&msg, 0, sizeof(msg));
	iov.iov_base = it->data + it->sent;
	iov.iov_len = it->len - it->sent;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (it->fd_count > 0 && it->sent == 0) {
		memset(&ctl, 0, sizeof(ctl));
		msg.msg_control = ctl.space;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * it->fd_count);
		cm = &ctl.align;
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int) * it->fd_count);
		memcpy(CMSG_DATA(cm), it->fds, sizeof(int) * it->fd_count);
	}
	do
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == ETOOMANYREFS) {
		/* writable, but our descriptors in flight are too many:
		 * waiting for the socket would spin */
		timer_set(c->retry, RETRY_MS);
		return FCS_EBUSY;
	}
	if (n < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM))
		return FCS_EAGAIN;
	if (n < 0)
		return FCS_ECLOSED;
	it->sent += (size_t)n;
	return it->sent == it->len ? FCS_OK : FCS_EAGAIN;
}

static void
push_queue(struct channel *c)
{
	bool had = c->first != NULL;
	struct item *it;
	uint64_t tag;
	int rc = FCS_OK;

	while (!c->dead && (it = c->first) != NULL) {
		rc = send_item(c, it);
		if (rc != FCS_OK)
			break;
		c->first = it->next;
		if (c->first == NULL)
			c->last = &c->first;
		c->queued--;
		tag = it->tag;
		item_free(it);
		if (tag != 0 && c->ops->sent != NULL)
			c->ops->sent(c->arg, tag);
	}
	if (c->gone)
		return;
	if (rc == FCS_ECLOSED) {
		/* the reader finds the end after the last input */
		c->dead = true;
		arm(c, false);
		return;
	}
	arm(c, rc == FCS_EAGAIN);
	if (had && c->first == NULL && c->ops->drained != NULL)
		c->ops->drained(c->arg);
}

static void
on_retry(void *arg)
{
	push_queue(arg);
}

int
channel_send(struct channel *c, const void *data, size_t len, const int *fds,
    size_t fd_count, uint64_t tag)
{
	size_t head = c->opt.kind == CHANNEL_STREAM ? HEAD_SIZE : 0;
	struct item *it;
	int rc;

	if (c->dead)
		return FCS_ECLOSED;
	if (len == 0 || len > c->opt.max_message ||
	    fd_count > CHANNEL_FDS_MAX || c->queued >= c->opt.max_queue)
		return FCS_ELIMIT;
	it = malloc(sizeof(*it) + head + len);
	if (it == NULL)
		return FCS_ENOMEM;
	it->next = NULL;
	it->tag = tag;
	it->sent = 0;
	it->len = head + len;
	it->fd_count = fd_count;
	if (fd_count > 0)
		memcpy(it->fds, fds, fd_count * sizeof(int));
	if (head > 0) {
		it->data[0] = (uint8_t)(len >> 24);
		it->data[1] = (uint8_t)(len >> 16);
		it->data[2] = (uint8_t)(len >> 8);
		it->data[3] = (uint8_t)len;
		it->data[4] = (uint8_t)fd_count;
	}
	memcpy(it->data + head, data, len);
	rc = c->first == NULL ? send_item(c, it) : FCS_EAGAIN;
	if (rc == FCS_ECLOSED) {
		c->dead = true;
		it->fd_count = 0; /* still the caller's */
		item_free(it);
		return rc;
	}
	if (rc == FCS_OK) {
		item_free(it);
		if (tag != 0 && c->ops->sent != NULL)
			c->ops->sent(c->arg, tag);
		return FCS_OK;
	}
	*c->last = it;
	c->last = &it->next;
	c->queued++;
	if (rc == FCS_EAGAIN)
		arm(c, true);
	return FCS_OK;
}

uint32_t
channel_queued(const struct channel *c)
{
	return c->queued;
}

int
channel_drain(struct channel *c, uint32_t ms)
{
	int64_t until = clock_ms() + ms, left;
	struct pollfd p = { .fd = c->fd, .events = POLLOUT };

	while (!c->dead && c->first != NULL) {
		left = until - clock_ms();
		if (left <= 0)
			return FCS_ETIMEOUT;
		(void)poll(&p, 1, left < RETRY_MS ? (int)left : RETRY_MS);
		push_queue(c);
	}
	return c->dead ? FCS_ECLOSED : FCS_OK;
}

/* ---- in ---- */

static void
end(struct channel *c, int why)
{
	c->dead = true;
	if (c->watch == NULL)
		return;
	loop_watch_free(c->watch);
	c->watch = NULL;
	timer_stop(c->retry);
	c->ops->closed(c->arg, why);
}

static int
keep_fds(struct channel *c, const int *fds, size_t n)
{
	size_t i, cap;
	int *v;

	if (c->fd_count + n > FDS_WAITING_MAX) {
		for (i = 0; i < n; i++)
			(void)close(fds[i]);
		return FCS_EFORMAT;
	}
	if (c->fd_count + n > c->fd_cap) {
		cap = c->fd_count + n + CHANNEL_FDS_MAX;
		v = realloc(c->fds, cap * sizeof(*v));
		if (v == NULL) {
			for (i = 0; i < n; i++)
				(void)close(fds[i]);
			return FCS_ENOMEM;
		}
		c->fds = v;
		c->fd_cap = cap;
	}
	if (n > 0)
		memcpy(c->fds + c->fd_count, fds, n * sizeof(int));
	c->fd_count += n;
	return FCS_OK;
}

/* Hand one message to the owner; false: the channel is gone or must go. */
static bool
deliver(struct channel *c, const uint8_t *data, size_t len, int *fds, size_t n,
    bool lost)
{
	size_t i;

	c->ops->message(c->arg, data, len, fds, n, lost);
	for (i = 0; i < n; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	return c->watch != NULL;
}

/* Cut whole messages off the front of c->in. false: stop reading. */
static bool
cut_messages(struct channel *c)
{
	int fds[CHANNEL_FDS_MAX];
	const uint8_t *p;
	uint8_t *copy;
	size_t len, n, have;
	bool ok, lost;

	/* a message may make the owner free the channel */
	while (buf_len(&c->in) >= HEAD_SIZE) {
		p = buf_data(&c->in);
		len = (size_t)p[0] << 24 | (size_t)p[1] << 16 |
		      (size_t)p[2] << 8 | p[3];
		n = p[4];
		if (len == 0 || len > c->opt.max_message ||
		    n > CHANNEL_FDS_MAX) {
			end(c, FCS_EFORMAT);
			return false;
		}
		if (buf_len(&c->in) < HEAD_SIZE + len)
			return true;
		have = n < c->fd_count ? n : c->fd_count;
		lost = have < n;
		if (lost && !c->lost) {
			/* announced, but never sent */
			end(c, FCS_EFORMAT);
			return false;
		}
		if (have > 0)
			memcpy(fds, c->fds, have * sizeof(int));
		c->fd_count -= have;
		if (c->fd_count > 0)
			memmove(
			    c->fds, c->fds + have, c->fd_count * sizeof(int));
		/* the callback may free the channel and its buffer */
		copy = malloc(len);
		if (copy == NULL) {
			while (have > 0)
				(void)close(fds[--have]);
			end(c, FCS_ENOMEM);
			return false;
		}
		memcpy(copy, p + HEAD_SIZE, len);
		buf_consume(&c->in, HEAD_SIZE + len);
		if (lost)
			c->lost = false;
		ok = deliver(c, copy, len, fds, have, lost);
		free(copy);
		if (!ok)
			return false;
	}
	return true;
}

/* One receive. false: nothing more now, or the channel is gone. */
static bool
receive(struct channel *c)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX)];
	} ctl;
	int fds[CHANNEL_FDS_MAX];
	uint8_t *rx = loop_rx(c->loop);
	struct iovec iov = { .iov_base = rx, .iov_len = LOOP_RX_SIZE };
	struct msghdr msg;
	struct cmsghdr *cm;
	size_t n = 0, k;
	ssize_t got;
	bool lost;

	if (c->packet != NULL) {
		rx = iov.iov_base = c->packet;
		iov.iov_len = c->opt.max_message + 1;
	}
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = ctl.space;
	msg.msg_controllen = sizeof(ctl.space);
	got = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got <= 0) {
		end(c, got == 0 ? FCS_OK : FCS_EIO);
		return false;
	}
	for (cm = CMSG_FIRSTHDR(&msg); cm != NULL; cm = CMSG_NXTHDR(&msg, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		k = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds + n, CMSG_DATA(cm), k * sizeof(int));
		n += k;
	}
	lost = (msg.msg_flags & MSG_CTRUNC) != 0;
	if (c->opt.kind == CHANNEL_PACKET) {
		if ((msg.msg_flags & MSG_TRUNC) != 0 ||
		    (size_t)got > c->opt.max_message) {
			while (n > 0)
				(void)close(fds[--n]);
			end(c, FCS_EFORMAT);
			return false;
		}
		return deliver(c, rx, (size_t)got, fds, n, lost);
	}
	if (lost)
		c->lost = true;
	if (keep_fds(c, fds, n) != FCS_OK) {
		end(c, FCS_ENOMEM);
		return false;
	}
	buf_append(&c->in, rx, (size_t)got);
	if (buf_status(&c->in) != FCS_OK) {
		end(c, FCS_ENOMEM);
		return false;
	}
	return cut_messages(c);
}

static void
on_ready(void *arg, int ready)
{
	struct channel *c = arg;
	int i;

	if (ready & LOOP_WRITE)
		push_queue(c);
	if (ready & LOOP_READ)
		for (i = 0; i < MESSAGES_PER_TURN && !c->gone && receive(c);
		     i++)
			;
}
