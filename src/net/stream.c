/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream - see stream.h.
 *
 * Output is a ring of references; one sendmsg takes up to IOV_COUNT of them.
 * The first try is always the flush task at the end of the turn; only when
 * the kernel takes less than all is the write event armed, with the stall
 * time as its time-out, so that no timer per stream is needed.
 *
 * When writing fails the input is still read to its end: what the peer said
 * before it went away counts. The reader then reports the close.
 *
 * Rates: the bucket limits what one call reads or sends; when it is empty a
 * timer of the stream waits in place of the read or write event. Few streams
 * have rates, so their state is apart.
 *
 * Draining (graceful close): flush, shut down the write side, read and forget
 * until the peer closes, or too much came, or the time is over. Closing with
 * unread input would make the kernel reset the connection and take our last
 * words with it (DESIGN 1).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net/loop_int.h"
#include "net/pace.h"
#include "net/stream.h"

#define IOV_COUNT      128
#define SENDS_PER_TURN 8 /* of IOV_COUNT entries, then others' turn */
#define RING_MIN       8
#define RING_KEEP      256 /* a larger ring is given back when empty */
#define HIGH_BYTES     (4UL * 1024 * 1024)
#define STALL_MS       30000
#define DRAIN_MS       2000
#define DRAIN_BYTES    (4UL * 1024 * 1024)
#define KERNEL_BYTES   (128 * 1024)

struct entry {
	struct refbuf *buf;
	uint32_t owner, ts_ms;
};

enum state {
	OPEN,
	DRAIN_FLUSH, /* closed by the owner, output left */
	DRAIN_READ,  /* write side shut down, waiting for the peer */
	CLOSED
};

struct rates {
	struct pace in, out;
	struct event in_due, out_due;
	bool in_waits, out_waits;
};

struct stream {
	struct loop *loop;
	int fd;
	const struct stream_ops *ops;
	void *arg;
	struct event in, out;
	struct loop_task flush;

	struct entry *ring; /* cap is a power of 2 */
	uint32_t head, count, cap;
	size_t head_sent;    /* bytes of the head entry already sent */
	size_t queued;       /* bytes not yet sent */
	uint32_t media;      /* entries with an owner */
	uint32_t media_from; /* none of them stands before this one */
	uint32_t media_last; /* time of the newest */

	enum state state;
	bool read_paused;
	bool at_eof;      /* the peer shut down its side */
	bool cannot_send; /* sending failed */
	bool told;        /* closed was called */
	bool was_high;
	bool blocked; /* write event armed */
	bool orphan;  /* the owner let go: free at the end of draining */

	size_t high_bytes;
	uint32_t stall_ms, drain_ms;
	uint64_t progress_ms;
	struct stream_counts counts;
	struct rates *rates; /* NULL: no limits */

	struct event drain_end;
	struct loop_link link; /* while draining */
	size_t drained_bytes;
};

static void on_in(evutil_socket_t, short, void *);
static void on_out(evutil_socket_t, short, void *);
static void on_flush(void *);
static void on_drain_end(evutil_socket_t, short, void *);

static struct entry *
at(struct stream *s, uint32_t i)
{
	return &s->ring[(s->head + i) & (s->cap - 1)];
}

static void
set_tcp(int fd, int opt, int value)
{
	/* not a TCP socket (socketpair): nothing to set */
	(void)setsockopt(fd, IPPROTO_TCP, opt, &value, sizeof(value));
}

struct stream *
stream_new(struct loop *l, int fd, const struct stream_ops *ops, void *arg)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		goto fail;
	s->loop = l;
	s->fd = fd;
	s->ops = ops;
	s->arg = arg;
	s->flush.fn = on_flush;
	s->flush.arg = s;
	s->high_bytes = HIGH_BYTES;
	s->stall_ms = STALL_MS;
	s->drain_ms = DRAIN_MS;
	s->progress_ms = loop_now_ms(l);
	(void)evutil_make_socket_nonblocking(fd);
	set_tcp(fd, TCP_NODELAY, 1);
	set_tcp(fd, TCP_NOTSENT_LOWAT, KERNEL_BYTES);
	if (event_assign(&s->in, loop_base(l), fd, EV_READ | EV_PERSIST, on_in,
		s) != 0 ||
	    event_assign(&s->out, loop_base(l), fd, EV_WRITE, on_out, s) != 0 ||
	    evtimer_assign(&s->drain_end, loop_base(l), on_drain_end, s) != 0 ||
	    event_add(&s->in, NULL) != 0)
		goto fail;
	return s;
fail:
	free(s);
	(void)close(fd);
	return NULL;
}

static void
drop_output(struct stream *s)
{
	uint32_t i;

	for (i = 0; i < s->count; i++)
		refbuf_unref(at(s, i)->buf);
	free(s->ring);
	s->ring = NULL;
	s->head = s->count = s->cap = 0;
	s->head_sent = s->queued = 0;
	s->media = s->media_from = 0;
}

static void
free_now(void *arg)
{
	struct stream *s = arg;

	free(s->rates);
	free(s);
}

/* Nothing waits for a bucket any more. */
static void
stop_rates(struct stream *s)
{
	struct rates *r = s->rates;

	if (r == NULL)
		return;
	(void)event_del(&r->in_due);
	(void)event_del(&r->out_due);
	if (r->out_waits)
		s->blocked = false;
	r->in_waits = r->out_waits = false;
}

/* The end: no event, no descriptor, no output. Idempotent. */
static void
finish(struct stream *s)
{
	if (s->state == CLOSED)
		return;
	(void)event_del(&s->in);
	(void)event_del(&s->out);
	(void)event_del(&s->drain_end);
	stop_rates(s);
	loop_cancel(s->loop, LOOP_FLUSH, &s->flush);
	loop_link_del(s->loop, &s->link);
	drop_output(s);
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
	s->state = CLOSED;
	if (s->orphan)
		loop_defer_free(s->loop, free_now, s);
}

static void
tell_closed(struct stream *s, int why)
{
	if (s->told || s->state != OPEN)
		return;
	s->told = true;
	(void)event_del(&s->in);
	s->ops->closed(s->arg, why);
}

/* ---- input ---- */

static int
why_of(int errnum)
{
	return errnum == ETIMEDOUT ? FCS_ETIMEOUT : FCS_EIO;
}

static void
wait_for(struct event *due, const struct pace *p)
{
	uint32_t ms = pace_wait_ms(p);
	struct timeval tv;

	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000) * 1000;
	(void)event_add(due, &tv); /* a timer of the heap: never fails twice */
}

/* Bytes the rate lets us read; 0: the read event waits for the timer. */
static size_t
may_read(struct stream *s)
{
	size_t left;

	if (s->rates == NULL || s->state != OPEN)
		return LOOP_RX_SIZE;
	left = pace_left(&s->rates->in, loop_now_ms(s->loop));
	if (left > 0)
		return left < LOOP_RX_SIZE ? left : LOOP_RX_SIZE;
	(void)event_del(&s->in);
	s->rates->in_waits = true;
	wait_for(&s->rates->in_due, &s->rates->in);
	return 0;
}

static void
on_in_due(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)what;
	loop_enter(s->loop);
	s->rates->in_waits = false;
	if (s->state == OPEN && !s->told && !s->read_paused &&
	    event_add(&s->in, NULL) != 0)
		tell_closed(s, FCS_EIO);
}

static void
on_in(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	uint8_t *rx = loop_rx(s->loop);
	size_t most;
	ssize_t n;

	(void)what;
	loop_enter(s->loop);
	if ((most = may_read(s)) == 0)
		return;
	n = recv(fd, rx, most, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		if (s->rates != NULL)
			pace_take(&s->rates->in, (size_t)n);
		s->counts.bytes_in += (uint64_t)n;
		if (s->state == OPEN) {
			s->ops->data(s->arg, rx, (size_t)n);
			return;
		}
		s->drained_bytes += (size_t)n;
		if (s->drained_bytes > DRAIN_BYTES)
			finish(s);
		return;
	}
	s->at_eof = true;
	if (s->state == OPEN) {
		tell_closed(s, n == 0 ? FCS_OK : why_of(errno));
		return;
	}
	/* the peer is gone or has no more to say */
	(void)event_del(&s->in);
	if (n < 0 || s->state == DRAIN_READ)
		finish(s);
}

void
stream_pause_read(struct stream *s, bool pause)
{
	if (s->state != OPEN || s->told || s->read_paused == pause)
		return;
	s->read_paused = pause;
	if (s->rates != NULL && s->rates->in_waits)
		return; /* not in the loop now */
	if (pause)
		(void)event_del(&s->in);
	else if (event_add(&s->in, NULL) != 0)
		tell_closed(s, FCS_EIO);
}

/* ---- output ---- */

static int
ring_grow(struct stream *s)
{
	uint32_t cap = s->cap == 0 ? RING_MIN : s->cap * 2, i;
	struct entry *v;

	if (cap < s->cap || (v = malloc(cap * sizeof(*v))) == NULL)
		return FCS_ENOMEM;
	for (i = 0; i < s->count; i++)
		v[i] = *at(s, i);
	free(s->ring);
	s->ring = v;
	s->cap = cap;
	s->head = 0;
	return FCS_OK;
}

int
stream_push(
    struct stream *s, struct refbuf *buf, uint32_t owner, uint32_t ts_ms)
{
	struct entry *e;

	if (s->state != OPEN || s->cannot_send || s->told) {
		refbuf_unref(buf);
		return FCS_ECLOSED;
	}
	if (buf->len == 0) {
		refbuf_unref(buf);
		return FCS_OK;
	}
	if (s->count == s->cap && ring_grow(s) != FCS_OK) {
		refbuf_unref(buf);
		return FCS_ENOMEM;
	}
	if (s->count == 0)
		s->progress_ms = loop_now_ms(s->loop);
	s->count++;
	e = at(s, s->count - 1);
	e->buf = buf;
	e->owner = owner;
	e->ts_ms = ts_ms;
	if (owner != 0) {
		s->media++;
		s->media_last = ts_ms;
	}
	s->queued += buf->len;
	if (s->queued > s->high_bytes)
		s->was_high = true;
	return FCS_OK;
}

void
stream_want_flush(struct stream *s)
{
	if (s->state == OPEN && !s->blocked && s->count > 0)
		loop_at_end(s->loop, LOOP_FLUSH, &s->flush);
}

size_t
stream_drop(struct stream *s, uint32_t owner)
{
	uint32_t from, to = s->media_from, n = s->count;
	size_t dropped = 0;
	struct entry *e;

	if (owner == 0 || s->media == 0)
		return 0; /* a long queue of replies costs nothing here */
	for (from = to; from < n; from++) {
		e = at(s, from);
		if (e->owner == owner && !(from == 0 && s->head_sent > 0)) {
			dropped += e->buf->len;
			refbuf_unref(e->buf);
			s->media--;
			continue;
		}
		if (e->owner != 0)
			s->media_last = e->ts_ms;
		if (to != from)
			*at(s, to) = *e;
		to++;
	}
	s->count = to;
	s->queued -= dropped;
	return dropped;
}

/* n bytes of the front were sent. */
static void
consume(struct stream *s, size_t n)
{
	struct entry *e;
	size_t left;

	s->queued -= n;
	while (n > 0) {
		e = at(s, 0);
		left = e->buf->len - s->head_sent;
		if (n < left) {
			s->head_sent += n;
			return;
		}
		n -= left;
		s->head_sent = 0;
		if (e->owner != 0)
			s->media--;
		if (s->media_from > 0)
			s->media_from--;
		refbuf_unref(e->buf);
		s->head = (s->head + 1) & (s->cap - 1);
		s->count--;
	}
}

static size_t
may_send(struct stream *s)
{
	if (s->rates == NULL || s->state != OPEN)
		return SIZE_MAX;
	return pace_left(&s->rates->out, loop_now_ms(s->loop));
}

/* The front of the queue, at most IOV_COUNT entries and most bytes. Returns
 * how many entries; *want is their bytes. */
static uint32_t
gather(struct stream *s, struct iovec *iov, size_t most, size_t *want)
{
	uint32_t i, n = s->count < IOV_COUNT ? s->count : IOV_COUNT;

	*want = 0;
	for (i = 0; i < n && *want < most; i++) {
		struct refbuf *b = at(s, i)->buf;
		size_t skip = i == 0 ? s->head_sent : 0;

		iov[i].iov_base = b->data + skip;
		iov[i].iov_len = b->len - skip;
		if (iov[i].iov_len > most - *want)
			iov[i].iov_len = most - *want;
		*want += iov[i].iov_len;
	}
	return i;
}

/* FCS_OK all of it sent; FCS_EAGAIN the kernel is full; FCS_EBUSY more to
 * send, but it was enough for one turn; FCS_ELIMIT the rate allows no more;
 * FCS_EIO broken. */
static int
send_queued(struct stream *s)
{
	struct iovec iov[IOV_COUNT];
	struct msghdr msg;
	size_t want, most;
	ssize_t sent;
	int round;

	for (round = 0; s->count > 0; round++) {
		if (round == SENDS_PER_TURN)
			return FCS_EBUSY;
		if ((most = may_send(s)) == 0)
			return FCS_ELIMIT;
		memset(&msg, 0, sizeof(msg));
		msg.msg_iov = iov;
		msg.msg_iovlen = gather(s, iov, most, &want);
		sent = sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 &&
		    (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM))
			return FCS_EAGAIN;
		if (sent < 0)
			return FCS_EIO;
		s->counts.writes++;
		s->counts.bytes_out += (uint64_t)sent;
		if (s->rates != NULL)
			pace_take(&s->rates->out, (size_t)sent);
		s->progress_ms = loop_now_ms(s->loop);
		consume(s, (size_t)sent);
		if ((size_t)sent < want)
			return FCS_EAGAIN;
	}
	if (s->cap > RING_KEEP)
		drop_output(s);
	return FCS_OK;
}

static void
sending_failed(struct stream *s)
{
	if (s->state != OPEN) {
		finish(s);
		return;
	}
	drop_output(s);
	s->cannot_send = true;
	if (s->read_paused)
		tell_closed(s, FCS_EIO);
	/* else the reader will find the end, after the last input */
}

static void
arm_out(struct stream *s)
{
	struct timeval tv;

	tv.tv_sec = (time_t)(s->stall_ms / 1000);
	tv.tv_usec = (suseconds_t)(s->stall_ms % 1000) * 1000;
	if (event_add(&s->out, s->stall_ms == UINT32_MAX ? NULL : &tv) != 0) {
		sending_failed(s);
		return;
	}
	s->blocked = true;
}

static void
start_drain_read(struct stream *s)
{
	s->state = DRAIN_READ;
	if (s->at_eof || shutdown(s->fd, SHUT_WR) < 0)
		finish(s);
}

static void
write_some(struct stream *s)
{
	bool had = s->count > 0;

	switch (send_queued(s)) {
	case FCS_OK:
		break;
	case FCS_EBUSY:
		loop_at_end(s->loop, LOOP_FLUSH, &s->flush);
		break;
	case FCS_EAGAIN:
		arm_out(s);
		break;
	case FCS_ELIMIT:
		s->blocked = s->rates->out_waits = true;
		wait_for(&s->rates->out_due, &s->rates->out);
		break;
	default:
		sending_failed(s);
		return;
	}
	if (s->state == DRAIN_FLUSH && s->count == 0) {
		start_drain_read(s);
		return;
	}
	if (s->state != OPEN || s->told)
		return;
	if ((had && s->count == 0) ||
	    (s->was_high && s->queued < s->high_bytes / 2)) {
		s->was_high = false;
		if (s->ops->drained != NULL)
			s->ops->drained(s->arg);
	}
}

static void
on_flush(void *arg)
{
	struct stream *s = arg;

	if (s->state != CLOSED && !s->blocked && !s->cannot_send)
		write_some(s);
}

static void
on_out(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	loop_enter(s->loop);
	s->blocked = false;
	if (what & EV_WRITE) {
		write_some(s);
		return;
	}
	/* no progress in all the stall time */
	if (s->state != OPEN) {
		finish(s);
		return;
	}
	drop_output(s);
	s->cannot_send = true;
	tell_closed(s, FCS_ETIMEOUT);
}

static void
on_out_due(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)what;
	loop_enter(s->loop);
	s->blocked = s->rates->out_waits = false;
	if (!s->cannot_send)
		write_some(s);
}

/* ---- rates ---- */

static struct rates *
rates_new(struct stream *s)
{
	struct event_base *base = loop_base(s->loop);
	struct rates *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	if (evtimer_assign(&r->in_due, base, on_in_due, s) == 0 &&
	    evtimer_assign(&r->out_due, base, on_out_due, s) == 0)
		return r;
	free(r);
	return NULL;
}

int
stream_set_rates(struct stream *s, uint64_t in_bps, uint64_t out_bps)
{
	uint64_t now = loop_now_ms(s->loop);
	bool in_waits;

	if (s->state != OPEN || (s->rates == NULL && in_bps + out_bps == 0))
		return FCS_OK;
	if (s->rates == NULL && (s->rates = rates_new(s)) == NULL)
		return FCS_ENOMEM;
	pace_set(&s->rates->in, in_bps, now);
	pace_set(&s->rates->out, out_bps, now);
	/* who waits looks again, by the new rates */
	in_waits = s->rates->in_waits;
	stop_rates(s);
	if (in_waits && !s->told && !s->read_paused &&
	    event_add(&s->in, NULL) != 0)
		tell_closed(s, FCS_EIO);
	stream_want_flush(s);
	return FCS_OK;
}

/* ---- the end ---- */

static void
on_drain_end(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)what;
	loop_enter(s->loop);
	finish(s);
}

static void
on_loop_gone(void *arg)
{
	struct stream *s = arg;

	finish(s);
}

void
stream_close(struct stream *s, bool graceful)
{
	struct timeval tv;

	if (s->state == CLOSED || (graceful && s->state != OPEN))
		return;
	if (!graceful || s->cannot_send) {
		finish(s);
		return;
	}
	s->state = DRAIN_FLUSH;
	stop_rates(s); /* the last words leave as fast as they can */
	s->link.fn = on_loop_gone;
	s->link.arg = s;
	loop_link_add(s->loop, &s->link);
	tv.tv_sec = (time_t)(s->drain_ms / 1000);
	tv.tv_usec = (suseconds_t)(s->drain_ms % 1000) * 1000;
	if (evtimer_add(&s->drain_end, &tv) != 0 ||
	    (!s->at_eof && event_add(&s->in, NULL) != 0)) {
		finish(s);
		return;
	}
	if (!s->blocked)
		loop_at_end(s->loop, LOOP_FLUSH, &s->flush);
}

void
stream_free(struct stream *s)
{
	if (s == NULL || s->orphan)
		return;
	if (s->state == OPEN)
		finish(s);
	s->orphan = true;
	if (s->state == CLOSED)
		loop_defer_free(s->loop, free_now, s);
}

unsigned
stream_draining(const struct loop *l)
{
	return loop_link_count(l);
}

int
stream_release_fd(struct stream *s, int *fd)
{
	if (s->state != OPEN || s->told)
		return FCS_ECLOSED;
	if (s->count > 0)
		return FCS_EBUSY;
	/* first out of the loop, then into other hands: a descriptor that is
	 * still watched here would eat the receiver's events */
	(void)event_del(&s->in);
	(void)event_del(&s->out);
	*fd = s->fd;
	s->fd = -1;
	finish(s);
	return FCS_OK;
}

/* ---- figures ---- */

void
stream_backlog(const struct stream *cs, struct stream_backlog *out)
{
	struct stream *s = (struct stream *)(uintptr_t)cs;
	int32_t span = 0;

	if (s->media > 0) {
		/* No entry is passed twice: this is asked for every message,
		 * and a peer that reads nothing has a long queue. */
		while (at(s, s->media_from)->owner == 0)
			s->media_from++;
		span = (int32_t)(s->media_last - at(s, s->media_from)->ts_ms);
	}
	out->bytes = s->queued;
	out->count = s->count;
	out->media_ms = span > 0 ? (uint32_t)span : 0;
	out->last_progress_ms = s->progress_ms;
	out->is_blocked = s->blocked;
}

void
stream_each(const struct stream *cs,
    void (*fn)(void *arg, const uint8_t *data, size_t len, size_t sent),
    void *arg)
{
	struct stream *s = (struct stream *)(uintptr_t)cs;
	uint32_t i;

	for (i = 0; i < s->count; i++)
		fn(arg, at(s, i)->buf->data, at(s, i)->buf->len,
		    i == 0 ? s->head_sent : 0);
}

void
stream_counts(const struct stream *s, struct stream_counts *out)
{
	*out = s->counts;
}

void
stream_set_limits(struct stream *s, const struct stream_limits *lim)
{
	if (lim->high_bytes != 0)
		s->high_bytes = lim->high_bytes;
	if (lim->stall_ms != 0)
		s->stall_ms = lim->stall_ms;
	if (lim->drain_ms != 0)
		s->drain_ms = lim->drain_ms;
	if (lim->kernel_bytes != 0 && s->fd >= 0)
		set_tcp(s->fd, TCP_NOTSENT_LOWAT, (int)lim->kernel_bytes);
}
