/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conn - see conn.h.
 *
 * Input: socket -> handshake bytes (collected only as far as the handshake
 * goes) -> chunk reader -> on_message: control is answered here, the rest goes
 * up. What is sent is in conn_out.c.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/rnd.h"
#include "codec/handshake.h"
#include "net/timer.h"
#include "rtmp/conn_int.h"

void
conn_options_init(
    struct conn_options *o, enum conn_role role, const struct limits *l)
{
	memset(o, 0, sizeof(*o));
	o->role = role;
	o->limits.max_csids = (uint32_t)limits_get(l, LIMIT_CSIDS);
	o->limits.max_message = (uint32_t)limits_get(l, LIMIT_MESSAGE_DATA);
	o->limits.max_media = (uint32_t)limits_get(l, LIMIT_MESSAGE_VIDEO);
	o->limits.max_audio = (uint32_t)limits_get(l, LIMIT_MESSAGE_AUDIO);
	o->limits.max_control = (uint32_t)limits_get(l, LIMIT_MESSAGE_CONTROL);
	o->limits.max_partial = (uint64_t)limits_get(l, LIMIT_PARTIAL_BYTES);
	o->out_chunk_size = (uint32_t)limits_get(l, LIMIT_CHUNK_SIZE_OUT);
	o->reply_bytes = (size_t)limits_get(l, LIMIT_OUT_REPLIES);
	o->handshake_ms = (uint32_t)limits_get(l, LIMIT_HANDSHAKE_TIME);
	o->ping_ms = (uint32_t)limits_get(l, LIMIT_PING_IDLE);
	o->gone_ms = (uint32_t)limits_get(l, LIMIT_PING_TIME);
	o->stream.high_bytes = (size_t)limits_get(l, LIMIT_OUT_BYTES);
	o->stream.stall_ms = (uint32_t)limits_get(l, LIMIT_STALL_TIME);
	o->stream.drain_ms = (uint32_t)limits_get(l, LIMIT_DRAIN_TIME);
	o->stream.kernel_bytes = (uint32_t)limits_get(l, LIMIT_SEND_BUFFER);
}

/* ---- the end ---- */

static void
quiet(struct conn *c)
{
	c->phase = CONN_CLOSED;
	timer_stop(c->deadline);
	loop_cancel(c->loop, LOOP_WORK, &c->early_task);
}

static void
lost(struct conn *c, const struct err *why)
{
	if (c->phase == CONN_CLOSED)
		return;
	quiet(c);
	stream_close(c->stream, false);
	c->ops->closed(c->arg, why);
}

static void
lost_for(struct conn *c, int code, const char *text)
{
	struct err why;

	(void)err_set(&why, code, "%s", text);
	lost(c, &why);
}

void
conn_close(struct conn *c, bool graceful)
{
	if (c->phase == CONN_CLOSED)
		return;
	quiet(c);
	stream_close(c->stream, graceful);
}

static void
free_now(void *obj)
{
	struct conn *c = obj;

	chunk_reader_free(c->reader);
	timer_free(c->deadline);
	buf_fini(&c->hs);
	buf_fini(&c->early);
	free(c);
}

void
conn_free(struct conn *c)
{
	if (c == NULL || c->freed)
		return;
	c->freed = true;
	conn_close(c, false);
	stream_free(c->stream);
	loop_defer_free(c->loop, free_now, c);
}

/* ---- pings ---- */

int
conn_ping(struct conn *c)
{
	int rc;

	if (c->ping_open) /* one at a time: its answer tells as much */
		return c->phase == CONN_OPEN ? FCS_OK : FCS_ECLOSED;
	c->ping_value = (uint32_t)loop_now_ms(c->loop);
	rc = conn_send_event(c, MESSAGE_EV_PING, 0, c->ping_value);
	if (rc == FCS_OK) {
		c->ping_open = true;
		c->ping_sent_ms = loop_now_ms(c->loop);
	}
	return rc;
}

int
conn_rtt_ms(const struct conn *c)
{
	return c->rtt_ms;
}

static void
on_pong(struct conn *c, uint32_t value)
{
	if (!c->ping_open || value != c->ping_value)
		return;
	c->ping_open = false;
	c->rtt_ms = (int)(loop_now_ms(c->loop) - c->ping_sent_ms);
	if (c->ops->pong != NULL)
		c->ops->pong(c->arg, c->rtt_ms);
}

/* One timer does all: it is not moved on input, but looks when it rings. */
static void
on_ping_clock(struct conn *c)
{
	uint64_t quiet_ms = loop_now_ms(c->loop) - c->heard_ms;

	if (c->silent) { /* nothing at all since the ping */
		if (quiet_ms >= (uint64_t)c->opt.ping_ms + c->opt.gone_ms)
			lost_for(c, FCS_ETIMEOUT, "no answer to a ping");
		else
			timer_set(
			    c->deadline, (uint32_t)(c->opt.ping_ms +
						    c->opt.gone_ms - quiet_ms));
		return;
	}
	if (quiet_ms < c->opt.ping_ms) {
		timer_set(c->deadline, (uint32_t)(c->opt.ping_ms - quiet_ms));
		return;
	}
	c->silent = true;
	c->ping_open = false; /* an older one without answer is void */
	if (conn_ping(c) == FCS_OK)
		timer_set(c->deadline, c->opt.gone_ms);
	else
		lost_for(c, FCS_ENOMEM, "cannot send a ping");
}

static void
on_deadline(void *arg)
{
	struct conn *c = arg;

	if (c->phase == CONN_OPEN)
		on_ping_clock(c);
	else if (c->phase != CONN_CLOSED)
		lost_for(c, FCS_ETIMEOUT, "handshake not finished in time");
}

/* ---- control messages ---- */

/* A peer that asks and never reads is sent away. */
static bool
is_clogged(struct conn *c)
{
	if (conn_room(c, 0) == FCS_OK)
		return false;
	lost_for(c, FCS_ELIMIT, "the client does not take replies");
	return true;
}

static int
on_user_control(struct conn *c, const struct message *m)
{
	struct cursor r;
	uint16_t event;
	uint32_t value;

	cursor_init(&r, m->payload, m->len);
	event = cursor_be16(&r);
	if (!cursor_ok(&r))
		return FCS_EFORMAT;
	if (event != MESSAGE_EV_PING && event != MESSAGE_EV_PONG)
		return c->ops->message(c->arg, m);
	value = cursor_be32(&r); /* 0 when it is missing */
	if (event == MESSAGE_EV_PONG) {
		on_pong(c, value);
		return FCS_OK;
	}
	if (is_clogged(c))
		return FCS_ECLOSED;
	return conn_send_event(c, MESSAGE_EV_PONG, 0, value);
}

static int
on_message(void *arg, const struct message *m)
{
	struct conn *c = arg;
	struct cursor r;
	uint32_t value;
	int rc;

	c->messages_in++;
	switch (m->type) {
	case MESSAGE_CHUNK_SIZE: /* the reader has done it */
	case MESSAGE_ABORT:
	case MESSAGE_ACK:
		return FCS_OK;
	case MESSAGE_WINDOW_ACK:
	case MESSAGE_PEER_BANDWIDTH:
		cursor_init(&r, m->payload, m->len);
		value = cursor_be32(&r);
		if (!cursor_ok(&r))
			return FCS_EFORMAT;
		if (m->type == MESSAGE_WINDOW_ACK)
			c->ack_window = value;
		else if (value != 0 && value != c->our_window)
			return is_clogged(c) ? FCS_ECLOSED
					     : conn_send_window_ack(c, value);
		return FCS_OK;
	case MESSAGE_USER_CONTROL:
		rc = on_user_control(c, m);
		break;
	default:
		rc = c->ops->message(c->arg, m);
		break;
	}
	/* closed from within: the reader must not go on */
	return c->phase == CONN_CLOSED ? FCS_ECLOSED : rc;
}

static void
acknowledge(struct conn *c)
{
	uint8_t p[4];

	if (c->ack_window == 0 || c->bytes_in - c->acked < c->ack_window ||
	    conn_room(c, 0) != FCS_OK)
		return;
	conn_put_be32(p, (uint32_t)c->bytes_in);
	if (conn_send_control(c, MESSAGE_ACK, p, sizeof(p)) == FCS_OK)
		c->acked = c->bytes_in;
}

/* ---- input ---- */

static void
opened(struct conn *c)
{
	c->phase = CONN_OPEN;
	timer_stop(c->deadline);
	if (c->opt.ping_ms != 0)
		timer_set(c->deadline, c->opt.ping_ms);
	if (c->ops->ready != NULL)
		c->ops->ready(c->arg);
}

static int
answer_hello(struct conn *c)
{
	uint8_t random[2 * HANDSHAKE_SIZE];
	enum handshake_kind kind;
	struct refbuf *b = refbuf_new(HANDSHAKE_S0S1S2);
	int rc;

	if (b == NULL)
		return FCS_ENOMEM;
	rnd_bytes(random, sizeof(random));
	rc = handshake_answer(buf_data(&c->hs), (uint32_t)loop_now_ms(c->loop),
	    random, b->data, &kind);
	if (rc != FCS_OK) {
		refbuf_unref(b);
		return rc;
	}
	return conn_push(c, b, 0, 0, true);
}

static int
send_hello(struct conn *c)
{
	uint8_t random[HANDSHAKE_SIZE];
	struct refbuf *b = refbuf_new(HANDSHAKE_C0C1);

	if (b == NULL)
		return FCS_ENOMEM;
	rnd_bytes(random, sizeof(random));
	handshake_hello((uint32_t)loop_now_ms(c->loop), random, b->data);
	return conn_push(c, b, 0, 0, true);
}

static int
finish_hello(struct conn *c)
{
	struct refbuf *b = refbuf_new(HANDSHAKE_SIZE);

	if (b == NULL)
		return FCS_ENOMEM;
	handshake_finish(
	    buf_data(&c->hs) + 1, (uint32_t)loop_now_ms(c->loop), b->data);
	return conn_push(c, b, 0, 0, true);
}

static size_t
hello_size(enum conn_phase phase)
{
	switch (phase) {
	case CONN_HELLO:
		return HANDSHAKE_C0C1;
	case CONN_ECHO:
		return HANDSHAKE_SIZE;
	default:
		return HANDSHAKE_S0S1S2;
	}
}

/* Take what the handshake needs from data; returns the bytes taken. */
static size_t
handshake(struct conn *c, const uint8_t *data, size_t len)
{
	size_t need = hello_size(c->phase) - buf_len(&c->hs), n;
	int rc = FCS_OK;

	n = len < need ? len : need;
	buf_append(&c->hs, data, n);
	if (buf_status(&c->hs) != FCS_OK) {
		lost_for(c, FCS_ENOMEM, "out of memory");
		return n;
	}
	if (c->phase != CONN_ECHO && buf_len(&c->hs) > 0 &&
	    buf_data(&c->hs)[0] != 3) {
		struct err why;

		(void)err_set(&why, FCS_EFORMAT,
		    "first byte is 0x%02x, not an RTMP handshake",
		    buf_data(&c->hs)[0]);
		lost(c, &why);
		return n;
	}
	if (n < need)
		return n;
	if (c->phase == CONN_HELLO)
		rc = answer_hello(c);
	else if (c->phase == CONN_ANSWER)
		rc = finish_hello(c);
	buf_fini(&c->hs);
	if (rc != FCS_OK)
		lost_for(c, rc, "handshake refused");
	else if (c->phase == CONN_HELLO)
		c->phase = CONN_ECHO;
	else /* the echo itself is not judged: wire-protocol 1.4 */
		opened(c);
	return n;
}

static void
input(struct conn *c, const uint8_t *data, size_t len)
{
	struct err why;
	size_t used, n;
	int rc;

	c->heard_ms = loop_now_ms(c->loop);
	c->silent = false;
	while (len > 0 && c->phase != CONN_OPEN && c->phase != CONN_CLOSED) {
		n = handshake(c, data, len);
		data += n;
		len -= n;
	}
	if (len == 0 || c->phase != CONN_OPEN)
		return;
	err_clear(&why);
	rc = chunk_reader_feed(c->reader, data, len, &used, &why);
	if (c->phase != CONN_OPEN)
		return;
	if (rc != FCS_OK) {
		if (why.code == FCS_OK)
			(void)err_set(&why, rc, "%s", err_text(rc));
		lost(c, &why);
		return;
	}
	acknowledge(c);
}

static void
take_early(struct conn *c)
{
	struct buf b = c->early;

	loop_cancel(c->loop, LOOP_WORK, &c->early_task);
	buf_init(&c->early, 0);
	input(c, buf_data(&b), buf_len(&b)); /* counted by the hand-over */
	buf_fini(&b);
}

static void
on_first_turn(void *arg)
{
	struct conn *c = arg;

	if (c->phase == CONN_CLOSED)
		return;
	/* nothing to shake hands about: ready, but never inside conn_new */
	if (c->opt.role == CONN_SERVER_AFTER || c->opt.role == CONN_PLAIN)
		opened(c);
	if (c->phase != CONN_CLOSED && buf_len(&c->early) > 0)
		take_early(c);
}

static void
on_data(void *arg, const uint8_t *data, size_t len)
{
	struct conn *c = arg;

	if (c->early_task.queued) {
		loop_cancel(c->loop, LOOP_WORK, &c->early_task);
		on_first_turn(c);
	}
	c->bytes_in += len;
	if (c->phase != CONN_CLOSED)
		input(c, data, len);
}

static void
on_closed(void *arg, int code)
{
	struct conn *c = arg;

	/* what the peer said before it went still counts */
	if (c->early_task.queued) {
		loop_cancel(c->loop, LOOP_WORK, &c->early_task);
		on_first_turn(c);
	}
	switch (code) {
	case FCS_OK:
		lost_for(c, FCS_OK, "closed by the peer");
		break;
	case FCS_ETIMEOUT:
		lost_for(c, code, "no progress in sending");
		break;
	default:
		lost_for(c, code, "connection reset");
		break;
	}
}

static void
on_drained(void *arg)
{
	struct conn *c = arg;

	if (c->phase == CONN_OPEN && c->ops->drained != NULL)
		c->ops->drained(c->arg);
}

static const struct stream_ops stream_ops = { on_data, on_closed, on_drained };

/* ---- life ---- */

static int
start(struct conn *c, const uint8_t *early, size_t len)
{
	if (len > 0)
		buf_append(&c->early, early, len);
	if (buf_status(&c->early) != FCS_OK)
		return FCS_ENOMEM;
	/* before the first turn replies may already be queued */
	c->phase = c->opt.role == CONN_SERVER   ? CONN_HELLO
		   : c->opt.role == CONN_CLIENT ? CONN_ANSWER
						: CONN_OPEN;
	if (c->phase != CONN_OPEN && c->opt.handshake_ms != 0)
		timer_set(c->deadline, c->opt.handshake_ms);
	c->early_task.fn = on_first_turn;
	c->early_task.arg = c;
	loop_at_end(c->loop, LOOP_WORK, &c->early_task);
	return c->opt.role == CONN_CLIENT ? send_hello(c) : FCS_OK;
}

struct conn *
conn_new(struct loop *loop, int fd, const struct conn_options *opt,
    const uint8_t *early, size_t len, const struct conn_ops *ops, void *arg)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		(void)close(fd);
		return NULL;
	}
	c->stream = stream_new(loop, fd, &stream_ops, c); /* takes fd */
	if (c->stream == NULL)
		goto fail;
	stream_set_limits(c->stream, &opt->stream);
	c->loop = loop;
	c->ops = ops;
	c->arg = arg;
	c->opt = *opt;
	c->out_chunk = CHUNK_SIZE_DEFAULT;
	c->bytes_in = opt->bytes_in;
	c->heard_ms = loop_now_ms(loop);
	c->rtt_ms = -1;
	buf_init(&c->hs, HANDSHAKE_S0S1S2);
	buf_init(&c->early, 0);
	c->deadline = timer_new(loop, on_deadline, c);
	c->reader = chunk_reader_new(&opt->limits, on_message, c);
	if (c->deadline == NULL || c->reader == NULL ||
	    start(c, early, len) != FCS_OK)
		goto fail;
	return c;
fail:
	if (c->stream != NULL) {
		loop_cancel(loop, LOOP_WORK, &c->early_task);
		stream_free(c->stream);
		free_now(c);
	} else {
		free(c);
	}
	return NULL;
}

struct stream *
conn_stream(struct conn *c)
{
	return c->stream;
}

struct loop *
conn_loop(struct conn *c)
{
	return c->loop;
}

void
conn_counts(const struct conn *c, uint64_t *bytes_in, uint64_t *bytes_out)
{
	struct stream_counts n;

	stream_counts(c->stream, &n);
	*bytes_in = c->bytes_in;
	*bytes_out = c->opt.bytes_out + n.bytes_out;
}

void
conn_messages(const struct conn *c, uint64_t *in, uint64_t *out)
{
	*in = c->messages_in;
	*out = c->messages_out;
}
