/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session - see session.h. This file: life of a session and the dispatch of
 * messages.
 *
 * States: NEW (only connect is understood) -> PENDING (the application has not
 * decided: messages are kept) -> OPEN -> DEAD. A session ends in one place,
 * at the end of a turn (end_task), so that nobody up the stack holds a dead
 * one; callers come back by id.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <utlist.h>

#include "base/idmap.h"
#include "base/log.h"
#include "codec/amf0.h"
#include "codec/status.h"
#include "core/sharedobj.h"
#include "session/session_int.h"

#define KEPT_MAX     64
#define SESSIONS_MAX 1000000
#define DEAD_ARENA   (1u << 20)

struct session_kept {
	struct session_kept *prev, *next;
	struct message msg;
	uint8_t data[];
};

/* Every session of the process, by id. One map, not one per application: who
 * comes back with an id has nothing else in hand. */
static struct idmap *sessions;
static struct session *session_list;

static int dispatch(struct session *, const struct message *);

/* ---- the end ---- */

static void
drop_kept(struct session *s)
{
	struct session_kept *k;

	while ((k = s->kept) != NULL) {
		DL_DELETE(s->kept, k);
		free(k);
	}
	s->kept_count = 0;
	s->kept_bytes = 0;
}

static void
free_now(void *obj)
{
	struct session *s = obj;

	drop_kept(s);
	sess_bw_fini(s);
	timer_free(s->timer);
	timer_free(s->pace);
	free(s);
}

static void
on_end(void *arg)
{
	struct session *s = arg;
	struct loop *loop = conn_loop(s->conn);

	loop_cancel(loop, LOOP_WORK, &s->kept_task);
	timer_stop(s->timer);
	if (s->pace != NULL)
		timer_stop(s->pace);
	sess_stream_fini(s);
	if (s->client != NULL)
		client_lost(s->client); /* asks for our counts once more */
	s->client = NULL;
	(void)idmap_del(sessions, s->id);
	DL_DELETE(session_list, s);
	conn_free(s->conn);
	if (s->ended != NULL)
		s->ended(s->ended_arg, s->client_id);
	loop_defer_free(loop, free_now, s);
}

static void
die(struct session *s, bool graceful)
{
	s->state = SESSION_DEAD;
	conn_close(s->conn, graceful);
	loop_at_end(conn_loop(s->conn), LOOP_WORK, &s->end_task);
}

void
session_close(struct session *s, bool graceful, const char *why)
{
	if (s->state == SESSION_DEAD)
		return;
	log_info("session.closed", "client=%s inst=%s why=%s", s->client_id,
	    s->instance == NULL ? "-" : instance_full_name(s->instance), why);
	die(s, graceful);
}

static void
on_closed(void *arg, const struct err *why)
{
	session_close(arg, false, why->text);
}

static void
on_drained(void *arg)
{
	struct session *s = arg;

	if (s->state == SESSION_OPEN)
		sess_stream_drained(s);
}

struct session *
session_by_id(uint64_t id)
{
	struct session *s = sessions == NULL ? NULL : idmap_get(sessions, id);

	return s == NULL || s->state == SESSION_DEAD ? NULL : s;
}

/* ---- sending ---- */

/* A client that takes no replies may not keep them here. */
static int
send_message(struct session *s, uint32_t csid, uint8_t type, uint32_t msid,
    const uint8_t *payload, size_t len)
{
	if (s->state == SESSION_DEAD)
		return FCS_ECLOSED;
	if (conn_room(s->conn, len) != FCS_OK) {
		session_close(s, false, "the client does not take replies");
		return FCS_ECLOSED;
	}
	return conn_send(s->conn, csid, type, msid, 0, payload, len, 0);
}

int
session_send_message(struct session *s, uint8_t type, uint32_t msid,
    const uint8_t *payload, size_t len)
{
	return send_message(s, msid == 0 ? 3 : conn_csid(msid, CONN_LANE_DATA),
	    type, msid, payload, len);
}

int
session_send_command(struct session *s, uint32_t msid, const char *name,
    double txn, const struct value *object, struct value *const *args,
    uint32_t count)
{
	/* the answer to connect is AMF0 whatever was agreed */
	bool amf3 = s->amf == 3 && s->state == SESSION_OPEN;
	struct buf b;
	int rc;

	buf_init(&b, 0);
	rc = command_write(&b, amf3, name, txn, object, args, count);
	if (rc == FCS_OK)
		rc = session_send_message(s,
		    amf3 ? MESSAGE_COMMAND_AMF3 : MESSAGE_COMMAND, msid,
		    buf_data(&b), buf_len(&b));
	buf_fini(&b);
	return rc;
}

int
session_send_status(struct session *s, uint32_t msid, enum status status,
    const char *description, const char *details)
{
	struct arena *a = arena_new(DEAD_ARENA);
	struct value *info = NULL;
	int rc = FCS_ENOMEM;

	if (a != NULL)
		info =
		    status_info(a, status, description, details, s->client_id);
	if (info != NULL)
		rc = session_send_command(
		    s, msid, "onStatus", 0, NULL, &info, 1);
	arena_free(a);
	return rc;
}

/* ---- commands ---- */

int
session_name(const struct session *s, struct value_str name,
    char out[COMMAND_NAME_MAX + 1])
{
	uint32_t i;

	if (name.len == 0 || name.len > COMMAND_NAME_MAX ||
	    (int64_t)name.len >
		limits_get(application_env(s->app)->limits, LIMIT_COMMAND_NAME))
		return FCS_ELIMIT;
	for (i = 0; i < name.len; i++) {
		if ((uint8_t)name.ptr[i] < 0x20 || name.ptr[i] == 0x7f)
			return FCS_EINVAL;
		out[i] = name.ptr[i];
	}
	out[name.len] = '\0';
	return FCS_OK;
}

/* A command that cannot be decoded: its transaction id may still be legible. */
static void
answer_malformed(struct session *s, const struct message *m, int code)
{
	struct arena *a = arena_new(DEAD_ARENA);
	struct value *name = NULL, *txn = NULL, *info;
	size_t skip = m->type == MESSAGE_COMMAND_AMF3 && m->len > 0 &&
			      m->payload[0] != 0x02
			  ? 1
			  : 0;
	struct amf0_reader r;
	double id = 0;

	if (a == NULL)
		return;
	amf0_reader_init(&r, a, m->payload + skip, m->len - skip);
	if (amf0_read(&r, &name) == FCS_OK && amf0_read(&r, &txn) == FCS_OK &&
	    name->type == VALUE_STRING)
		id = value_as_number(txn, 0);
	log_info("session.malformed", "client=%s type=%s len=%zu why=%s",
	    s->client_id, message_type_text(m->type), m->len, err_text(code));
	if (id != 0 && s->state == SESSION_OPEN) {
		info = status_info(
		    a, STATUS_CALL_FAILED, "Malformed command.", NULL, NULL);
		if (info != NULL)
			fcs_ignore(session_send_command(
			    s, 0, "_error", id, NULL, &info, 1));
	}
	arena_free(a);
}

static int
on_command(struct session *s, const struct message *m)
{
	const struct limits *l = application_env(s->app)->limits;
	struct arena *a = arena_new((size_t)limits_get(l, LIMIT_AMF_BYTES));
	struct command cmd;
	int rc = FCS_ENOMEM;

	if (a != NULL)
		rc = command_read(a, m, &cmd);
	if (rc != FCS_OK) {
		answer_malformed(s, m, rc);
		arena_free(a);
		if (s->state != SESSION_NEW)
			return FCS_OK;
		session_close(s, true, "malformed command before connect");
		return FCS_ECLOSED;
	}
	if (s->state == SESSION_NEW) {
		rc = sess_connect_command(s, &cmd);
	} else if (value_str_eq(cmd.name, "connect")) {
		session_close(s, true, "second connect");
		rc = FCS_ECLOSED;
	} else {
		rc = sess_stream_command(s, m, &cmd);
		if (rc == FCS_ENOENT)
			rc = sess_call_command(s, &cmd);
	}
	arena_free(a);
	return rc;
}

/* ---- messages ---- */

static int
keep(struct session *s, const struct message *m)
{
	const struct limits *l = application_env(s->app)->limits;
	struct session_kept *k;

	if (s->kept_count >= KEPT_MAX ||
	    s->kept_bytes + m->len >
		(size_t)limits_get(l, LIMIT_MESSAGE_DATA)) {
		session_close(s, true, "too many messages before the verdict");
		return FCS_ECLOSED;
	}
	k = malloc(sizeof(*k) + m->len);
	if (k == NULL)
		return FCS_ENOMEM;
	k->msg = *m;
	memcpy(k->data, m->payload, m->len);
	k->msg.payload = k->data;
	DL_APPEND(s->kept, k);
	s->kept_count++;
	s->kept_bytes += m->len;
	return FCS_OK;
}

static void
on_kept(void *arg)
{
	struct session *s = arg;
	struct session_kept *k;
	int rc = FCS_OK;

	while (
	    rc == FCS_OK && s->state == SESSION_OPEN && (k = s->kept) != NULL) {
		DL_DELETE(s->kept, k);
		s->kept_count--;
		s->kept_bytes -= k->msg.len;
		rc = dispatch(s, &k->msg);
		free(k);
	}
	if (rc != FCS_OK)
		session_close(s, false, err_text(rc));
}

void
session_opened(struct session *s)
{
	int64_t idle =
	    config_app_int(application_env(s->app)->settings, APP_IDLE_CLIENT);

	s->state = SESSION_OPEN;
	timer_stop(s->timer);
	if (idle > 0)
		timer_set(s->timer, (uint32_t)idle);
	if (s->kept != NULL)
		loop_at_end(conn_loop(s->conn), LOOP_WORK, &s->kept_task);
}

static int
on_shared_object(struct session *s, const struct message *m)
{
	struct err why;
	int rc;

	err_clear(&why);
	rc = sharedobj_message(s->instance, s->client, m, &why);
	if (rc == FCS_OK)
		return FCS_OK;
	if (why.text[0] == '\0')
		(void)err_set(&why, rc, "malformed shared object message: %s",
		    err_text(rc));
	session_close(s, false, why.text);
	return FCS_ECLOSED;
}

static void
on_user_control(struct session *s, const struct message *m)
{
	const uint8_t *p = m->payload;
	uint32_t msid = 0, value = 0;

	if (m->len >= 6)
		msid = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 |
		       (uint32_t)p[4] << 8 | p[5];
	if (m->len >= 10)
		value = (uint32_t)p[6] << 24 | (uint32_t)p[7] << 16 |
			(uint32_t)p[8] << 8 | p[9];
	sess_stream_event(s, (uint16_t)(p[0] << 8 | p[1]), msid, value);
}

static bool
is_amf3(uint8_t type)
{
	return type == MESSAGE_COMMAND_AMF3 || type == MESSAGE_SO_AMF3 ||
	       type == MESSAGE_DATA_AMF3;
}

static int
dispatch(struct session *s, const struct message *m)
{
	if (is_amf3(m->type))
		client_set_avmplus(s->client);
	switch (m->type) {
	case MESSAGE_COMMAND:
	case MESSAGE_COMMAND_AMF3:
		return on_command(s, m);
	case MESSAGE_SO:
	case MESSAGE_SO_AMF3:
		return on_shared_object(s, m);
	case MESSAGE_AUDIO:
	case MESSAGE_VIDEO:
	case MESSAGE_DATA:
	case MESSAGE_DATA_AMF3:
	case MESSAGE_AGGREGATE:
		return sess_stream_media(s, m);
	case MESSAGE_USER_CONTROL:
		on_user_control(s, m);
		return FCS_OK;
	default:
		log_info("session.ignored", "client=%s type=%u len=%zu",
		    s->client_id, m->type, m->len);
		return FCS_OK;
	}
}

static void
on_pace(void *arg)
{
	struct session *s = arg;

	if (s->state != SESSION_DEAD)
		stream_pause_read(conn_stream(s->conn), false);
}

/* A client that sends more commands a second than the limit is read from
 * again when the second is over; what was read already is done. */
static void
count_command(struct session *s)
{
	int64_t most = limits_get(
	    application_env(s->app)->limits, LIMIT_COMMANDS_PER_SECOND);
	uint64_t now = loop_now_ms(conn_loop(s->conn));

	if (now - s->pace_ms >= 1000) {
		s->pace_ms = now;
		s->pace_count = 0;
	}
	if ((int64_t)++s->pace_count <= most)
		return;
	if (s->pace == NULL)
		s->pace = timer_new(conn_loop(s->conn), on_pace, s);
	if (s->pace == NULL || timer_is_set(s->pace))
		return;
	limits_refuse(LIMIT_COMMANDS_PER_SECOND);
	stream_pause_read(conn_stream(s->conn), true);
	timer_set(s->pace, (uint32_t)(s->pace_ms + 1000 - now));
}

static bool
is_media(uint8_t type)
{
	return type == MESSAGE_AUDIO || type == MESSAGE_VIDEO ||
	       type == MESSAGE_AGGREGATE;
}

static int
on_message(void *arg, const struct message *m)
{
	struct session *s = arg;

	if (!is_media(m->type))
		count_command(s);
	s->heard_ms = loop_now_ms(conn_loop(s->conn));
	if (s->instance != NULL)
		instance_stats(s->instance)->msg_in++;
	switch (s->state) {
	case SESSION_NEW:
		if (m->type == MESSAGE_USER_CONTROL)
			return FCS_OK;
		if (m->type == MESSAGE_COMMAND ||
		    m->type == MESSAGE_COMMAND_AMF3)
			return on_command(s, m);
		session_close(s, true, "message before connect");
		return FCS_ECLOSED;
	case SESSION_PENDING:
		return keep(s, m);
	case SESSION_OPEN:
		/* none may overtake those that were kept */
		return s->kept != NULL ? keep(s, m) : dispatch(s, m);
	case SESSION_DEAD:
		break;
	}
	return FCS_ECLOSED;
}

static void
on_timer(void *arg)
{
	struct session *s = arg;
	uint64_t idle = (uint64_t)config_app_int(
	    application_env(s->app)->settings, APP_IDLE_CLIENT);
	uint64_t quiet = loop_now_ms(conn_loop(s->conn)) - s->heard_ms;

	if (s->state == SESSION_NEW) {
		session_close(s, true, "no connect in time");
	} else if (s->state == SESSION_OPEN && idle > 0 &&
		   sess_traffic_is_streaming(s)) {
		timer_set(s->timer, (uint32_t)idle);
	} else if (s->state == SESSION_OPEN && idle > 0 && quiet >= idle) {
		client_disconnect(
		    s->client, STATUS_CONNECT_IDLETIMEOUT, "idle for too long");
	} else if (s->state == SESSION_OPEN && idle > 0) {
		timer_set(s->timer, (uint32_t)(idle - quiet));
	}
}

static void
on_pong(void *arg, int rtt_ms)
{
	struct session *s = arg;

	if (s->state == SESSION_OPEN)
		client_pinged(s->client, rtt_ms);
}

static const struct conn_ops conn_ops = {
	.message = on_message,
	.closed = on_closed,
	.drained = on_drained,
	.pong = on_pong,
};

/* ---- the beginning ---- */

static int
add(struct session *s)
{
	int rc;

	if (sessions == NULL)
		sessions = idmap_new(SESSIONS_MAX);
	if (sessions == NULL)
		return FCS_ENOMEM;
	rc = idmap_add(sessions, s, &s->id);
	if (rc == FCS_OK)
		DL_APPEND(session_list, s);
	return rc;
}

static struct session *
make(struct application *app, const struct session_handover *h)
{
	const struct application_env *env = application_env(app);
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->app = app;
	(void)snprintf(s->client_id, sizeof(s->client_id), "%s", h->client_id);
	(void)snprintf(s->ip, sizeof(s->ip), "%s", h->ip);
	(void)snprintf(s->protocol, sizeof(s->protocol), "%s", h->protocol);
	(void)snprintf(s->peer_name, sizeof(s->peer_name), "%s",
	    h->peer_name == NULL ? "" : h->peer_name);
	s->port = h->port;
	s->secure = h->secure;
	s->heard_ms = loop_now_ms(env->loop);
	s->kept_task.fn = on_kept;
	s->kept_task.arg = s;
	s->end_task.fn = on_end;
	s->end_task.arg = s;
	s->timer = timer_new(env->loop, on_timer, s);
	if (s->timer == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

int
session_accept(struct application *app, const struct session_handover *h,
    void (*ended)(void *arg, const char *client_id), void *arg)
{
	const struct application_env *env = application_env(app);
	struct session *s = make(app, h);
	struct conn_options opt;
	int rc = FCS_ENOMEM;

	if (s == NULL || (rc = add(s)) != FCS_OK) {
		(void)close(h->fd);
		goto fail;
	}
	conn_options_init(&opt, CONN_SERVER_AFTER, env->limits);
	opt.bytes_in = h->bytes_in;
	opt.bytes_out = h->bytes_out;
	s->conn = conn_new(
	    env->loop, h->fd, &opt, h->early, h->early_len, &conn_ops, s);
	if (s->conn == NULL) {
		(void)idmap_del(sessions, s->id);
		DL_DELETE(session_list, s);
		rc = FCS_ENOMEM;
		goto fail;
	}
	s->ended = ended;
	s->ended_arg = arg;
	timer_set(
	    s->timer, (uint32_t)limits_get(env->limits, LIMIT_CONNECT_TIME));
	return FCS_OK;
fail:
	if (s != NULL)
		free_now(s);
	return rc;
}

uint32_t
session_count(struct application *app)
{
	struct session *s;
	uint32_t n = 0;

	DL_FOREACH(session_list, s)
		if (s->app == app)
			n++;
	return n;
}
