/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * at_actor - see at_actor.h. Events, each an Array:
 *	["command", client, msid, name, txn, object, [args]]
 *	["object", client, name, version, flags, [[type, key, value], ...]]
 *	["media", client, msid, type, ms, is_key, bytes]
 *	["data", client, msid, ms, [values]]
 *	["control", client, event, msid]
 *	["closed", client, why]
 */
#include "apptest/at_actor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/amf0.h"
#include "codec/command.h"
#include "rtmp/conn.h"
#include "session/session.h"

#define URL_MAX     2048
#define OBJECT_CSID 3
#define PORT_FIRST  40000

struct at_actor {
	struct at_cast *cast;
	struct conn *conn; /* NULL: gone */
	uint32_t number;
	bool amf3;
	struct at_actor *next;
};

struct at_cast {
	struct value *(*event)(void *arg, struct arena **arena);
	void *arg;
	struct at_actor *actors;
	uint32_t last;
};

/* ---- what arrives ---- */

static void
put(struct arena *a, struct value *e, struct value *v)
{
	/* no memory: the process of this test may end as it likes */
	fcs_ignore(value_push(a, e, v));
}

static void
put_str(struct arena *a, struct value *e, struct value_str s)
{
	put(a, e, value_string_len(a, s.ptr, s.len));
}

static void
put_list(
    struct arena *a, struct value *e, struct value *const *v, uint32_t count)
{
	struct value *list = value_new(a, VALUE_ARRAY);
	uint32_t i;

	for (i = 0; list != NULL && i < count; i++)
		put(a, list, v[i]);
	put(a, e, list);
}

/* [what, client]; NULL: no memory. */
static struct value *
begin(struct at_actor *c, const char *what, struct arena **a)
{
	struct value *e = c->cast->event(c->cast->arg, a);

	if (e == NULL)
		return NULL;
	put(*a, e, value_string(*a, what));
	put(*a, e, value_number(*a, c->number));
	return e;
}

static void
on_command(struct at_actor *c, const struct message *m)
{
	struct command cmd;
	struct arena *a;
	struct value *e = begin(c, "command", &a);

	if (e == NULL || command_read(a, m, &cmd) != FCS_OK)
		return;
	put(a, e, value_number(a, m->msid));
	put_str(a, e, cmd.name);
	put(a, e, value_number(a, cmd.txn));
	put(a, e, cmd.object != NULL ? cmd.object : value_new(a, VALUE_NULL));
	put_list(a, e, cmd.args, cmd.arg_count);
}

/* The values of a SEND: the handler's name comes first. */
static void
put_send(struct arena *a, struct value *row, const struct somsg_event *ev)
{
	struct value *list = value_new(a, VALUE_ARRAY), *v;
	struct amf0_reader r;

	amf0_reader_init(&r, a, ev->data, ev->len);
	while (list != NULL && !amf0_reader_at_end(&r) &&
	       amf0_read(&r, &v) == FCS_OK)
		put(a, list, v);
	put(a, row, value_new(a, VALUE_NULL));
	put(a, row, list);
}

static void
put_object_event(
    struct arena *a, struct value *list, const struct somsg_event *ev)
{
	struct value *row = value_new(a, VALUE_ARRAY), *v = NULL;

	if (row == NULL)
		return;
	put(a, row, value_number(a, ev->type));
	if (ev->type == SOMSG_SEND) {
		put_send(a, row, ev);
	} else {
		put_str(a, row, ev->key);
		if (ev->type == SOMSG_STATUS)
			put_str(a, row, ev->level);
		else if (ev->data != NULL &&
			 value_unpack(a, ev->data, ev->len, &v) == FCS_OK)
			put(a, row, v);
	}
	put(a, list, row);
}

static void
on_object(struct at_actor *c, const struct message *m)
{
	struct value *e, *list;
	struct somsg so;
	struct arena *a;
	uint32_t i;

	e = begin(c, "object", &a);
	if (e == NULL || somsg_read(a, m, &so) != FCS_OK)
		return;
	list = value_new(a, VALUE_ARRAY);
	put_str(a, e, so.name);
	put(a, e, value_number(a, so.version));
	put(a, e, value_number(a, so.flags));
	for (i = 0; list != NULL && i < so.event_count; i++)
		put_object_event(a, list, &so.events[i]);
	put(a, e, list);
}

static void
on_media(struct at_actor *c, const struct message *m)
{
	struct arena *a;
	struct value *e = begin(c, "media", &a);

	if (e == NULL)
		return;
	put(a, e, value_number(a, m->msid));
	put(a, e, value_number(a, m->type));
	put(a, e, value_number(a, m->ts_ms));
	put(a, e,
	    value_bool(a, m->type == MESSAGE_VIDEO && m->len > 0 &&
			      (m->payload[0] >> 4 & 7) == 1));
	put(a, e, value_number(a, (double)m->len));
}

static void
on_data(struct at_actor *c, const struct message *m)
{
	struct command_data data;
	struct value *e, *list;
	struct arena *a;
	uint32_t i;

	e = begin(c, "data", &a);
	if (e == NULL || command_read_data(a, m, &data) != FCS_OK)
		return;
	put(a, e, value_number(a, m->msid));
	put(a, e, value_number(a, m->ts_ms));
	list = value_new(a, VALUE_ARRAY);
	if (list == NULL)
		return;
	put_str(a, list, data.name);
	for (i = 0; i < data.arg_count; i++)
		put(a, list, data.args[i]);
	put(a, e, list);
}

static void
on_control(struct at_actor *c, const struct message *m)
{
	const uint8_t *p = m->payload;
	struct arena *a;
	struct value *e;

	if (m->len < 6 || (e = begin(c, "control", &a)) == NULL)
		return;
	put(a, e, value_number(a, p[0] << 8 | p[1]));
	put(a, e,
	    value_number(
		a, (double)((uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 |
			    (uint32_t)p[4] << 8 | p[5])));
}

static int
on_message(void *arg, const struct message *m)
{
	struct message part;
	uint32_t first = 0;
	size_t pos = 0;

	switch (m->type) {
	case MESSAGE_COMMAND:
	case MESSAGE_COMMAND_AMF3:
		on_command(arg, m);
		break;
	case MESSAGE_SO:
	case MESSAGE_SO_AMF3:
		on_object(arg, m);
		break;
	case MESSAGE_AUDIO:
	case MESSAGE_VIDEO:
		on_media(arg, m);
		break;
	case MESSAGE_DATA:
	case MESSAGE_DATA_AMF3:
		on_data(arg, m);
		break;
	case MESSAGE_USER_CONTROL:
		on_control(arg, m);
		break;
	case MESSAGE_AGGREGATE:
		while (message_aggregate_next(m, &pos, &first, &part) == FCS_OK)
			if (part.type != MESSAGE_AGGREGATE)
				fcs_ignore(on_message(arg, &part));
		break;
	default:
		break;
	}
	return FCS_OK;
}

static void
tell_closed(struct at_actor *c, const char *why)
{
	struct arena *a;
	struct value *e = begin(c, "closed", &a);

	if (e != NULL)
		put(a, e, value_string(a, why));
}

static void
on_closed(void *arg, const struct err *why)
{
	struct at_actor *c = arg;

	conn_free(c->conn);
	c->conn = NULL;
	tell_closed(c, why->text);
}

static const struct conn_ops ops = { .message = on_message,
	.closed = on_closed };

/* ---- life ---- */

struct at_cast *
at_cast_new(struct value *(*event)(void *arg, struct arena **arena), void *arg)
{
	struct at_cast *cast = calloc(1, sizeof(*cast));

	if (cast == NULL)
		return NULL;
	cast->event = event;
	cast->arg = arg;
	return cast;
}

void
at_cast_cut(struct at_cast *cast)
{
	struct at_actor *c;

	/* their connections belong to a loop that is never run again */
	for (c = cast->actors; c != NULL; c = c->next) {
		if (c->conn == NULL)
			continue;
		c->conn = NULL;
		tell_closed(c, "the server was killed");
	}
}

static struct at_actor *
find(const struct at_cast *cast, uint32_t number)
{
	struct at_actor *c;

	for (c = cast->actors; c != NULL; c = c->next)
		if (c->number == number)
			return c->conn == NULL ? NULL : c;
	return NULL;
}

static struct value *
connect_object(
    struct arena *a, const char *name, const struct at_actor_options *o)
{
	struct value *obj = value_new(a, VALUE_OBJECT);
	char url[URL_MAX], app[URL_MAX];
	int rc = obj == NULL ? FCS_ENOMEM : FCS_OK;

	(void)snprintf(app, sizeof(app), "%s%s%s", name,
	    o->query[0] != '\0' ? "?" : "", o->query);
	(void)snprintf(url, sizeof(url), "rtmp://localhost/%.2000s", app);
	if (rc == FCS_OK)
		rc = value_set(a, obj, "app", value_string(a, app));
	if (rc == FCS_OK)
		rc = value_set(a, obj, "flashVer", value_string(a, o->agent));
	if (rc == FCS_OK && o->referrer[0] != '\0')
		rc = value_set(a, obj, "swfUrl", value_string(a, o->referrer));
	if (rc == FCS_OK)
		rc = value_set(a, obj, "tcUrl", value_string(a, url));
	if (rc == FCS_OK && o->page_url[0] != '\0')
		rc = value_set(a, obj, "pageUrl", value_string(a, o->page_url));
	if (rc == FCS_OK)
		rc = value_set(
		    a, obj, "objectEncoding", value_number(a, o->amf));
	return rc == FCS_OK ? obj : NULL;
}

static int
send_command(struct at_actor *c, uint32_t msid, const char *name, double txn,
    const struct value *object, struct value *const *args, uint32_t count,
    bool amf3)
{
	struct buf b;
	int rc;

	buf_init(&b, 0);
	rc = command_write(&b, amf3, name, txn, object, args, count);
	if (rc == FCS_OK)
		rc = conn_send(c->conn,
		    msid == 0 ? OBJECT_CSID : conn_csid(msid, CONN_LANE_DATA),
		    amf3 ? MESSAGE_COMMAND_AMF3 : MESSAGE_COMMAND, msid, 0,
		    buf_data(&b), buf_len(&b), 0);
	buf_fini(&b);
	return rc;
}

static void
on_session_ended(void *arg, const char *client_id)
{
	(void)arg;
	(void)client_id;
}

/* The two ends, and the session at the near one. */
static int
attach(struct at_actor *c, struct at_world *w, struct place *p,
    const struct at_actor_options *o)
{
	char id[16];
	struct session_handover h = { .client_id = id,
		.ip = o->ip,
		.port = (uint16_t)(PORT_FIRST + c->number % 20000),
		.protocol = o->protocol,
		.secure = strcmp(o->protocol, "rtmps") == 0 ||
			  strcmp(o->protocol, "wss") == 0 };
	struct conn_options opt;
	int fd[2], rc;

	(void)snprintf(id, sizeof(id), "%u", c->number);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return FCS_ESYS;
	conn_options_init(
	    &opt, CONN_PLAIN, application_env(place_app(p))->limits);
	opt.ping_ms = 0;
	c->conn = conn_new(at_world_loop(w), fd[0], &opt, NULL, 0, &ops, c);
	if (c->conn == NULL) {
		(void)close(fd[1]);
		return FCS_ENOMEM;
	}
	h.fd = fd[1];
	rc = session_accept(place_app(p), &h, on_session_ended, NULL);
	if (rc == FCS_OK)
		rc = conn_send_chunk_size(c->conn, 0);
	return rc;
}

int
at_actor_connect(struct at_cast *cast, struct at_world *w, const char *name,
    const struct at_actor_options *o, struct value *const *args, uint32_t count,
    uint32_t *number, struct err *why)
{
	struct at_actor *c = calloc(1, sizeof(*c));
	struct arena *a = arena_new(0);
	struct value *object = NULL;
	char app[URL_MAX];
	struct place *p;
	int rc = FCS_ENOMEM;

	(void)err_set(why, rc, "out of memory");
	if (c == NULL || a == NULL)
		goto fail;
	(void)snprintf(app, sizeof(app), "%.*s", (int)strcspn(name, "/"), name);
	rc = at_world_app(w, app, &p, why);
	if (rc != FCS_OK)
		goto fail;
	c->cast = cast;
	c->number = ++cast->last;
	c->amf3 = o->amf == 3;
	c->next = cast->actors;
	cast->actors = c;
	*number = c->number;
	object = connect_object(a, name, o);
	rc = object == NULL ? FCS_ENOMEM : attach(c, w, p, o);
	if (rc == FCS_OK)
		rc = send_command(
		    c, 0, "connect", 1, object, args, count, false);
	arena_free(a);
	return rc == FCS_OK ? rc : err_set(why, rc, "%s", err_text(rc));
fail:
	arena_free(a);
	free(c);
	return rc;
}

void
at_actor_leave(struct at_cast *cast, uint32_t number)
{
	struct at_actor *c = find(cast, number);

	if (c == NULL)
		return;
	conn_close(c->conn, false);
	conn_free(c->conn);
	c->conn = NULL;
	tell_closed(c, "it left");
}

/* ---- what it says ---- */

int
at_actor_command(struct at_cast *cast, uint32_t number, uint32_t msid,
    const char *name, double txn, struct value *const *args, uint32_t count)
{
	struct at_actor *c = find(cast, number);

	if (c == NULL)
		return FCS_ECLOSED;
	return send_command(c, msid, name, txn, NULL, args, count, c->amf3);
}

/* The body of a SEND: all values of the row behind its type. */
static int
write_send(struct buf *b, const struct value *row, enum amf0_mode mode)
{
	struct amf0_writer aw;
	struct buf body;
	uint32_t i;
	int rc = FCS_OK;

	buf_init(&body, 0);
	amf0_writer_init(&aw, &body, mode);
	for (i = 1; i < row->item_count && rc == FCS_OK; i++)
		rc = amf0_write(&aw, row->items[i]);
	amf0_writer_fini(&aw);
	if (rc == FCS_OK)
		rc = buf_status(&body);
	if (rc == FCS_OK)
		somsg_put_send(b, buf_data(&body), buf_len(&body));
	buf_fini(&body);
	return rc;
}

static int
write_event(struct buf *b, const struct value *row, bool amf3)
{
	enum amf0_mode mode = amf3 ? AMF0_SWITCHED : AMF0_PLAIN;
	enum somsg_type type;
	struct value_str key = { "", 0 };
	struct amf0_writer aw;
	struct buf v;
	int rc = FCS_OK;

	if (row->item_count == 0)
		return FCS_EINVAL;
	type = (enum somsg_type)(int)value_as_number(row->items[0], 0);
	if (type == SOMSG_SEND)
		return write_send(b, row, mode);
	if (row->item_count > 1 && row->items[1]->type == VALUE_STRING)
		key = row->items[1]->str;
	if (row->item_count > 2) {
		buf_init(&v, 0);
		amf0_writer_init(&aw, &v, mode);
		rc = amf0_write(&aw, row->items[2]);
		amf0_writer_fini(&aw);
		somsg_put_change(
		    b, type, key.ptr, key.len, buf_data(&v), buf_len(&v));
		buf_fini(&v);
	} else if (key.len > 0) {
		somsg_put_key(b, type, key.ptr, key.len);
	} else {
		somsg_put(b, type);
	}
	return rc;
}

int
at_actor_object(struct at_cast *cast, uint32_t number, const char *name,
    uint32_t version, uint32_t flags, const struct value *events)
{
	struct at_actor *c = find(cast, number);
	struct buf b;
	uint32_t i;
	int rc = FCS_OK;

	if (c == NULL)
		return FCS_ECLOSED;
	buf_init(&b, 0);
	somsg_begin(&b, c->amf3, name, strlen(name), version, flags);
	for (i = 0; i < events->item_count && rc == FCS_OK; i++)
		rc = write_event(&b, events->items[i], c->amf3);
	if (rc == FCS_OK)
		rc = buf_status(&b);
	if (rc == FCS_OK)
		rc = conn_send(c->conn, OBJECT_CSID,
		    c->amf3 ? MESSAGE_SO_AMF3 : MESSAGE_SO, 0, 0, buf_data(&b),
		    buf_len(&b), 0);
	buf_fini(&b);
	return rc;
}

int
at_actor_media(struct at_cast *cast, uint32_t number, uint32_t msid,
    uint8_t type, uint32_t ts_ms, const uint8_t *data, size_t len)
{
	struct at_actor *c = find(cast, number);

	if (c == NULL)
		return FCS_ECLOSED;
	return conn_send(c->conn,
	    conn_csid(msid,
		type == MESSAGE_AUDIO ? CONN_LANE_AUDIO : CONN_LANE_VIDEO),
	    type, msid, ts_ms, data, len, 0);
}

int
at_actor_data(struct at_cast *cast, uint32_t number, uint32_t msid,
    uint32_t ts_ms, struct value *const *values, uint32_t count)
{
	struct at_actor *c = find(cast, number);
	struct amf0_writer aw;
	struct buf b;
	uint32_t i;
	int rc = FCS_OK;

	if (c == NULL)
		return FCS_ECLOSED;
	buf_init(&b, 0);
	amf0_writer_init(&aw, &b, AMF0_PLAIN);
	for (i = 0; i < count && rc == FCS_OK; i++)
		rc = amf0_write(&aw, values[i]);
	amf0_writer_fini(&aw);
	if (rc == FCS_OK)
		rc = conn_send(c->conn, conn_csid(msid, CONN_LANE_DATA),
		    MESSAGE_DATA, msid, ts_ms, buf_data(&b), buf_len(&b), 0);
	buf_fini(&b);
	return rc;
}
