/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer_conn - the RTMP connection of a peer: connect as a client, and what the
 * far side says. wire-protocol.md 5.1.
 *
 * The far side is a server of any make, maybe broken, maybe hostile: whatever
 * it sends that is no message, no command or too much closes this connection
 * with a reason; the peer then dials again.
 *
 * connect asks for AMF3; an answer that does not say 3 means AMF0, and a server
 * that hangs up instead of answering is asked for AMF0 the next time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/amf0.h"
#include "peer/peer_int.h"

#define AGENT        "FlashCom/" FCS_VERSION " fcs"
#define CAPABILITIES 239
#define AUDIO_CODECS 3575
#define VIDEO_CODECS 252
#define CONNECT_TXN  1
#define HOST_MAX     256

/* ---- sending ---- */

static int
send_message(struct peer *p, uint8_t type, const uint8_t *payload, size_t len)
{
	if (conn_room(p->conn, len) != FCS_OK) {
		peer_over(
		    p, NULL, "the far side does not take messages", false);
		return FCS_ECLOSED;
	}
	return conn_send(p->conn, 3, type, 0, 0, payload, len, 0);
}

int
peer_conn_send(struct peer *p, uint8_t type, const uint8_t *payload, size_t len)
{
	if (p->state != PEER_OPEN || p->conn == NULL)
		return FCS_ECLOSED;
	return send_message(p, type, payload, len);
}

int
peer_conn_command(struct peer *p, const char *name, double txn,
    struct value *const *args, uint32_t count)
{
	bool amf3 = p->amf == 3;
	struct buf b;
	int rc;

	buf_init(&b, 0);
	rc = command_write(&b, amf3, name, txn, NULL, args, count);
	if (rc == FCS_OK)
		rc = peer_conn_send(p,
		    amf3 ? MESSAGE_COMMAND_AMF3 : MESSAGE_COMMAND, buf_data(&b),
		    buf_len(&b));
	buf_fini(&b);
	return rc;
}

/* ---- connect ---- */

struct filler { /* of the command object; the first error stays */
	struct arena *a;
	struct value *object;
	int rc;
};

static void
put(struct filler *f, const char *key, struct value *v)
{
	if (f->rc == FCS_OK)
		f->rc = value_set(f->a, f->object, key, v);
}

static void
put_text(struct filler *f, const char *key, const char *text)
{
	put(f, key, value_string(f->a, text));
}

static void
put_number(struct filler *f, const char *key, double n)
{
	put(f, key, value_number(f->a, n));
}

/* "lobby", "room/blue", with the query. */
static void
app_text(const struct peer *p, char *out, size_t size)
{
	const struct url_app *w = &p->where.where;
	bool plain = strcmp(w->inst, URL_DEFAULT_INSTANCE) == 0;

	(void)snprintf(out, size, "%s%s%s%s%s", w->app, plain ? "" : "/",
	    plain ? "" : w->inst, w->query[0] == '\0' ? "" : "?", w->query);
}

/* This server, as others may know it. */
static void
host_text(const struct peer *p, char *out, size_t size)
{
	const struct application_env *env =
	    application_env(instance_app(p->inst));
	const char *set = config_text(env->config, CFG_HOSTNAME);

	if (*set != '\0')
		(void)snprintf(out, size, "%s", set);
	else if (gethostname(out, size) < 0)
		(void)snprintf(out, size, "localhost");
	out[size - 1] = '\0';
}

static struct value *
connect_object(struct peer *p, struct arena *a)
{
	struct filler f = { a, value_new(a, VALUE_OBJECT), FCS_OK };
	char host[HOST_MAX], app[2048], text[4096];

	if (f.object == NULL)
		return NULL;
	host_text(p, host, sizeof(host));
	app_text(p, app, sizeof(app));
	put_text(&f, "app", app);
	put_text(&f, "flashVer", AGENT);
	(void)snprintf(text, sizeof(text), "rtmp://%s/%s", host,
	    instance_full_name(p->inst));
	put_text(&f, "swfUrl", text);
	if (p->where.local)
		(void)snprintf(text, sizeof(text), "rtmp://%s/%s", host, app);
	else
		(void)snprintf(text, sizeof(text), "%s", p->uri);
	put_text(&f, "tcUrl", text);
	put(&f, "fpad", value_bool(a, false));
	put_number(&f, "capabilities", CAPABILITIES);
	put_number(&f, "audioCodecs", AUDIO_CODECS);
	put_number(&f, "videoCodecs", VIDEO_CODECS);
	put_number(&f, "videoFunction", 1);
	put_number(&f, "objectEncoding", p->amf);
	return f.rc == FCS_OK ? f.object : NULL;
}

static int
send_connect(struct peer *p)
{
	struct arena *a = arena_new(PEER_ARENA);
	struct value *object = NULL, *list = NULL;
	struct buf b;
	int rc = FCS_ENOMEM;

	buf_init(&b, 0);
	if (a != NULL)
		object = connect_object(p, a);
	if (object != NULL)
		rc = value_unpack(a, p->args, p->args_len, &list);
	if (rc == FCS_OK)
		rc = command_write(&b, false, "connect", CONNECT_TXN, object,
		    list->items, list->item_count);
	if (rc == FCS_OK)
		rc = conn_send_chunk_size(p->conn, 0);
	if (rc == FCS_OK)
		rc =
		    send_message(p, MESSAGE_COMMAND, buf_data(&b), buf_len(&b));
	buf_fini(&b);
	arena_free(a);
	return rc;
}

static void
on_ready(void *arg)
{
	struct peer *p = arg;
	int rc;

	p->phase = PEER_CONNECTING;
	timer_set(p->timer,
	    (uint32_t)peer_setting(p, APP_CONNECT_TIMEOUT) +
		(uint32_t)limits_get(peer_limits(p), LIMIT_PEER_DIAL_TIME));
	rc = send_connect(p);
	if (rc != FCS_OK && p->conn != NULL)
		peer_over(p, NULL, err_text(rc), false);
}

/* ---- the verdict ---- */

static const struct value *
info_of(const struct command *cmd)
{
	const struct value *v = cmd->arg_count > 0 ? cmd->args[0] : NULL;

	return v != NULL && (v->type == VALUE_OBJECT || v->type == VALUE_ECMA)
		   ? v
		   : NULL;
}

static bool
is_code(const struct value *info, enum status code)
{
	const struct value *v = value_get(info, "code");

	return v != NULL && v->type == VALUE_STRING &&
	       value_str_eq(v->str, status_code(code));
}

/* description, else code, of what the far side said. */
static const char *
text_of(const struct value *info, char out[ERR_TEXT_MAX])
{
	const struct value *v = value_get(info, "description");
	uint32_t i, n;

	if (v == NULL || v->type != VALUE_STRING || v->str.len == 0)
		v = value_get(info, "code");
	if (v == NULL || v->type != VALUE_STRING)
		return "refused";
	n = v->str.len < ERR_TEXT_MAX - 1 ? v->str.len : ERR_TEXT_MAX - 1;
	for (i = 0; i < n; i++)
		out[i] = v->str.ptr[i] == '\0' ? '?' : v->str.ptr[i];
	out[n] = '\0';
	return out;
}

static void
on_verdict(struct peer *p, bool ok, const struct command *cmd)
{
	const struct value *info = info_of(cmd);
	char text[ERR_TEXT_MAX];
	struct arena *a;

	if (!ok) {
		peer_over(p, info, text_of(info, text),
		    is_code(info, STATUS_CONNECT_REJECTED));
		return;
	}
	if (info != NULL) {
		peer_opened(p,
		    value_as_number(value_get(info, "objectEncoding"), 0) == 3
			? 3
			: 0,
		    info);
		return;
	}
	/* an old server may answer with less */
	a = arena_new(PEER_ARENA);
	if (a != NULL)
		info = status_info(a, STATUS_CONNECT_SUCCESS, NULL, NULL, NULL);
	if (info != NULL)
		peer_opened(p, 0, info);
	else
		peer_over(p, NULL, "out of memory", false);
	arena_free(a);
}

/* ---- what the far side says ---- */

static void
on_status(struct peer *p, const struct command *cmd)
{
	const struct value *info = info_of(cmd);
	char text[ERR_TEXT_MAX];

	if (info == NULL)
		return;
	/* said by its application: it does not want us back */
	if (is_code(info, STATUS_CONNECT_CLOSED) ||
	    is_code(info, STATUS_CONNECT_REJECTED))
		peer_over(p, info, text_of(info, text), true);
	else
		peer_tell_script(p, "status", "", info);
}

static void
dispatch(struct peer *p, const struct command *cmd)
{
	bool ok = value_str_eq(cmd->name, "_result");

	if (ok || value_str_eq(cmd->name, "_error")) {
		if (p->state == PEER_OPEN)
			peer_call_answered(p, ok, cmd);
		else if (cmd->txn == CONNECT_TXN)
			on_verdict(p, ok, cmd);
	} else if (value_str_eq(cmd->name, "onStatus")) {
		on_status(p, cmd);
	} else if (value_str_eq(cmd->name, "close")) {
		peer_over(p, NULL, "closed by the far side", false);
	} else if (p->state == PEER_OPEN) {
		peer_call_asked(p, cmd);
	}
}

static int
on_command(struct peer *p, const struct message *m)
{
	struct arena *a =
	    arena_new((size_t)limits_get(peer_limits(p), LIMIT_AMF_BYTES));
	struct command cmd;
	int rc = FCS_ENOMEM;

	if (a != NULL)
		rc = command_read(a, m, &cmd);
	if (rc == FCS_OK)
		dispatch(p, &cmd);
	else
		log_info("peer.malformed", "inst=%s type=%s len=%zu why=%s",
		    instance_full_name(p->inst), message_type_text(m->type),
		    m->len, err_text(rc));
	arena_free(a);
	/* one odd command is no reason to lose the rest */
	return p->state == PEER_OPEN ? FCS_OK : rc;
}

/* ---- the connection ---- */

static void
on_pace(void *arg)
{
	struct peer *p = arg;

	if (p->conn != NULL)
		stream_pause_read(conn_stream(p->conn), false);
}

/* As for a client: who sends more a second than the limit waits. */
static void
count_message(struct peer *p)
{
	int64_t most = limits_get(peer_limits(p), LIMIT_COMMANDS_PER_SECOND);
	uint64_t now = loop_now_ms(p->loop);

	if (now - p->pace_ms >= 1000) {
		p->pace_ms = now;
		p->pace_count = 0;
	}
	if ((int64_t)++p->pace_count <= most)
		return;
	if (p->pace == NULL)
		p->pace = timer_new(p->loop, on_pace, p);
	if (p->pace == NULL || timer_is_set(p->pace))
		return;
	limits_refuse(LIMIT_COMMANDS_PER_SECOND);
	stream_pause_read(conn_stream(p->conn), true);
	timer_set(p->pace, (uint32_t)(p->pace_ms + 1000 - now));
}

static int
on_message(void *arg, const struct message *m)
{
	struct peer *p = arg;

	p->answered = true;
	switch (m->type) {
	case MESSAGE_COMMAND:
	case MESSAGE_COMMAND_AMF3:
		count_message(p);
		return on_command(p, m);
	case MESSAGE_SO:
	case MESSAGE_SO_AMF3:
		count_message(p);
		if (p->state == PEER_OPEN)
			peer_tell_watchers(p, m);
		return FCS_OK;
	default: /* media of streams nobody asked for, user control */
		return FCS_OK;
	}
}

static void
on_closed(void *arg, const struct err *why)
{
	struct peer *p = arg;
	bool unheard = p->state == PEER_DIALING &&
		       p->phase == PEER_CONNECTING && !p->answered;

	/* maybe it knows no AMF3: the next try asks for the other one */
	if (p->state == PEER_OPEN || (unheard && p->amf == 0))
		p->amf = 3;
	else if (unheard)
		p->amf = 0;
	peer_over(p, NULL, why->text, false);
}

static const struct conn_ops conn_ops = {
	.ready = on_ready, .message = on_message, .closed = on_closed
};

int
peer_conn_start(struct peer *p, int fd, enum conn_role role)
{
	struct conn_options opt;

	conn_options_init(&opt, role, peer_limits(p));
	p->conn = conn_new(p->loop, fd, &opt, NULL, 0, &conn_ops, p);
	return p->conn == NULL ? FCS_ENOMEM : FCS_OK;
}

void
peer_conn_stop(struct peer *p, bool graceful)
{
	if (p->pace != NULL)
		timer_stop(p->pace);
	if (p->conn == NULL)
		return;
	conn_close(p->conn, graceful);
	conn_free(p->conn);
	p->conn = NULL;
}
