/* SPDX-License-Identifier: BSD-2-Clause */
/* wire - see wire.h. */
#include "tests/unit/session/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/unit.h"

#define TURNS_MAX 3000

static int
on_message(void *arg, const struct message *m)
{
	struct wire *w = arg;
	struct wire_message *k;

	ck_assert_uint_lt(w->count, WIRE_KEPT);
	k = &w->kept[w->count++];
	k->type = m->type;
	k->csid = m->csid;
	k->msid = m->msid;
	k->len = m->len;
	k->payload = malloc(m->len + 1);
	ck_assert_ptr_nonnull(k->payload);
	memcpy(k->payload, m->payload, m->len);
	return FCS_OK;
}

static void
on_ended(void *arg, const char *id)
{
	struct wire *w = arg;

	w->ended++;
	(void)snprintf(w->ended_id, sizeof(w->ended_id), "%s", id);
}

void
wire_open(struct wire *w, struct loop *loop, struct application *app,
    const char *id, const uint8_t *early, size_t len)
{
	static const struct chunk_limits limits = { .max_csids = 64,
		.max_message = 1 << 20,
		.max_media = 1 << 24,
		.max_control = 64,
		.max_partial = 1 << 25 };
	struct session_handover h = { .client_id = id,
		.ip = "192.0.2.1",
		.port = 40000,
		.protocol = "rtmp",
		.early = early,
		.early_len = len };
	int sv[2];

	memset(w, 0, sizeof(*w));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	ck_assert_int_eq(fcntl(sv[1], F_SETFL, O_NONBLOCK), 0);
	w->loop = loop;
	w->fd = sv[1];
	w->reader = chunk_reader_new(&limits, on_message, w);
	h.fd = sv[0];
	ck_assert_int_eq(session_accept(app, &h, on_ended, w), FCS_OK);
}

static void
take(struct wire *w)
{
	uint8_t buf[65536];
	struct err why;
	size_t used;
	ssize_t n;

	while (!w->eof && w->fd >= 0) {
		n = recv(w->fd, buf, sizeof(buf), 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			w->eof = true;
			return;
		}
		ck_assert_msg(chunk_reader_feed(w->reader, buf, (size_t)n,
				  &used, &why) == FCS_OK,
		    "%s", why.text);
	}
}

void
wire_turn(struct wire *w, int ms)
{
	loop_turn(w->loop, ms);
	take(w);
}

void
wire_wait(struct wire *w, unsigned n)
{
	int i;

	for (i = 0; i < TURNS_MAX && w->count < n && !w->eof; i++) {
		loop_turn(w->loop, 10);
		take(w);
	}
	ck_assert_uint_ge(w->count, n);
}

void
wire_wait_closed(struct wire *w)
{
	int i;

	for (i = 0; i < TURNS_MAX && !w->eof; i++) {
		loop_turn(w->loop, 10);
		take(w);
	}
	ck_assert(w->eof);
	for (i = 0; i < TURNS_MAX && w->ended == 0; i++)
		loop_turn(w->loop, 10);
	ck_assert_int_eq(w->ended, 1);
}

void
wire_close(struct wire *w)
{
	int i;

	if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = -1;
	for (i = 0; i < TURNS_MAX && w->ended == 0; i++)
		loop_turn(w->loop, 10);
	ck_assert_int_eq(w->ended, 1);
	loop_turn(w->loop, 0);
	wire_forget(w);
	chunk_reader_free(w->reader);
}

void
wire_forget(struct wire *w)
{
	while (w->count > 0)
		free(w->kept[--w->count].payload);
}

void
wire_raw(struct wire *w, const void *p, size_t len)
{
	ck_assert_int_eq(send(w->fd, p, len, MSG_NOSIGNAL), (ssize_t)len);
}

void
wire_message(struct wire *w, uint32_t csid, uint8_t type, uint32_t msid,
    const uint8_t *payload, size_t len)
{
	struct buf b;

	buf_init(&b, 0);
	chunk_write(&b, csid, type, msid, 0, payload, len, 128);
	wire_raw(w, buf_data(&b), buf_len(&b));
	buf_fini(&b);
}

void
wire_command(struct wire *w, bool amf3, const char *name, double txn,
    const struct value *object, struct value *const *args, uint32_t count)
{
	struct buf b;

	buf_init(&b, 0);
	ck_assert_int_eq(
	    command_write(&b, amf3, name, txn, object, args, count), FCS_OK);
	wire_message(w, 3, amf3 ? MESSAGE_COMMAND_AMF3 : MESSAGE_COMMAND, 0,
	    buf_data(&b), buf_len(&b));
	buf_fini(&b);
}

void
wire_command_on(struct wire *w, uint32_t msid, const char *name, double txn,
    struct value *const *args, uint32_t count)
{
	struct buf b;

	buf_init(&b, 0);
	ck_assert_int_eq(
	    command_write(&b, false, name, txn, NULL, args, count), FCS_OK);
	wire_message(w, 8, MESSAGE_COMMAND, msid, buf_data(&b), buf_len(&b));
	buf_fini(&b);
}

void
wire_connect(struct wire *w, struct arena *a, const char *app, int amf,
    struct value *const *args, uint32_t count)
{
	struct value *o = value_new(a, VALUE_OBJECT);
	int rc;

	rc = value_set(a, o, "app", value_string(a, app));
	ck_assert_int_eq(rc, FCS_OK);
	rc = value_set(a, o, "flashVer", value_string(a, "TEST 1,0"));
	ck_assert_int_eq(rc, FCS_OK);
	rc = value_set(a, o, "objectEncoding", value_number(a, amf));
	ck_assert_int_eq(rc, FCS_OK);
	if (count == 1 && args[0]->type == VALUE_OBJECT &&
	    value_get(args[0], "capsEx") != NULL) {
		/* stands for members of the command object */
		rc = value_set(a, o, "capsEx",
		    (struct value *)(uintptr_t)value_get(args[0], "capsEx"));
		ck_assert_int_eq(rc, FCS_OK);
		rc = value_set(a, o, "fourCcList", value_new(a, VALUE_ARRAY));
		ck_assert_int_eq(rc, FCS_OK);
		count = 0;
	}
	wire_command(w, false, "connect", 1, o, args, count);
}

struct command
wire_read(struct wire *w, struct arena *a, unsigned n)
{
	struct wire_message *k;
	struct message m;
	struct command cmd;

	ck_assert_uint_lt(n, w->count);
	k = &w->kept[n];
	memset(&m, 0, sizeof(m));
	m.type = k->type;
	m.payload = k->payload;
	m.len = k->len;
	ck_assert_int_eq(command_read(a, &m, &cmd), FCS_OK);
	return cmd;
}
