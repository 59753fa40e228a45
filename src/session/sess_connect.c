/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sess_connect - the connect command and its verdict. wire-protocol.md 5.1.
 *
 * The instance decides; its verdict comes back through client_ops, maybe
 * within the call, maybe turns later.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "codec/status.h"
#include "codec/url.h"
#include "session/session_int.h"

#define FMS_VERSION   "FMS/3,5,7,7009"
#define DATA_VERSION  "3,5,7,7009"
#define CAPABILITIES  31
#define MODE          1
#define FORWARD       4  /* FourCcInfoMap: can forward */
#define CAPS_EX       15 /* we may ask to reconnect; the rest is passed on */
#define CAPS_EX_AGAIN 1  /* reconnect */
#define TEXT_MAX      2048
#define CONNECT_ARENA (1u << 20)

/* ---- texts of the command object ---- */

/* What the client claims goes to scripts and logs as C text: cut at NUL. */
static const char *
text_of(struct arena *a, const struct value *object, const char *key)
{
	const struct value *v = value_get(object, key);
	size_t len;

	if (v == NULL || v->type != VALUE_STRING)
		return "";
	len = v->str.len < TEXT_MAX ? v->str.len : TEXT_MAX;
	return arena_strndup(a, v->str.ptr, len);
}

static struct value_str
str_of(const struct value *object, const char *key)
{
	const struct value *v = value_get(object, key);
	struct value_str none = { "", 0 };

	return v != NULL && v->type == VALUE_STRING ? v->str : none;
}

/* ---- refusals ---- */

/* `_error`, `close`, then the end. info may be NULL (no memory): close only. */
static void
refuse(struct session *s, struct value *info, const char *why)
{
	if (info != NULL)
		fcs_ignore(session_send_command(
		    s, 0, "_error", s->connect_txn, NULL, &info, 1));
	fcs_ignore(session_send_command(s, 0, "close", 0, NULL, NULL, 0));
	session_close(s, true, why);
}

static int
refuse_status(struct session *s, enum status code, const char *description)
{
	struct arena *a = arena_new(CONNECT_ARENA);

	refuse(s,
	    a == NULL ? NULL : status_info(a, code, description, NULL, NULL),
	    description);
	arena_free(a);
	return FCS_ECLOSED;
}

/* ---- success ---- */

static int
set(struct arena *a, struct value *obj, const char *key, struct value *v)
{
	return value_set(a, obj, key, v);
}

static struct value *
star_map(struct arena *a)
{
	struct value *map = value_new(a, VALUE_OBJECT);

	if (map == NULL || set(a, map, "*", value_number(a, FORWARD)) != FCS_OK)
		return NULL;
	return map;
}

/* Enhanced RTMP: answered to those who ask only. What is coded stays opaque
 * here, so every codec may be forwarded. */
static int
add_enhanced(struct session *s, struct arena *a, struct value *info)
{
	int caps = s->caps_ex & CAPS_EX, rc = FCS_OK;
	struct value *list;

	if (s->enhanced_list) {
		list = value_new(a, VALUE_ARRAY);
		rc = list == NULL ? FCS_ENOMEM
				  : value_push(a, list, value_string(a, "*"));
		if (rc == FCS_OK)
			rc = set(a, info, "fourCcList", list);
	}
	if (rc == FCS_OK && s->enhanced_maps)
		rc = set(a, info, "videoFourCcInfoMap", star_map(a));
	if (rc == FCS_OK && s->enhanced_maps)
		rc = set(a, info, "audioFourCcInfoMap", star_map(a));
	if (rc == FCS_OK && s->caps_ex != 0)
		rc = set(a, info, "capsEx", value_number(a, caps));
	return rc;
}

static int
send_result(struct session *s, struct arena *a)
{
	struct value *props = value_new(a, VALUE_OBJECT);
	struct value *data = value_new(a, VALUE_ECMA);
	struct value *info = status_info(
	    a, STATUS_CONNECT_SUCCESS, "Connection succeeded.", NULL, NULL);
	int rc =
	    props == NULL || data == NULL || info == NULL ? FCS_ENOMEM : FCS_OK;

	if (rc == FCS_OK)
		rc = set(a, props, "fmsVer", value_string(a, FMS_VERSION));
	if (rc == FCS_OK)
		rc = set(
		    a, props, "capabilities", value_number(a, CAPABILITIES));
	if (rc == FCS_OK)
		rc = set(a, props, "mode", value_number(a, MODE));
	if (rc == FCS_OK)
		rc = set(a, data, "version", value_string(a, DATA_VERSION));
	if (rc == FCS_OK)
		rc = set(a, info, "data", data);
	if (rc == FCS_OK)
		rc = set(a, info, "clientid", value_string(a, s->client_id));
	if (rc == FCS_OK)
		rc = set(a, info, "objectEncoding", value_number(a, s->amf));
	if (rc == FCS_OK)
		rc = add_enhanced(s, a, info);
	if (rc == FCS_OK)
		rc = session_send_command(
		    s, 0, "_result", s->connect_txn, props, &info, 1);
	return rc;
}

static uint32_t
rate_of(struct session *s, enum config_app_key key)
{
	int64_t v = config_app_int(application_env(s->app)->settings, key);

	return v > INT32_MAX ? INT32_MAX : (uint32_t)v;
}

static void
on_accepted(void *impl)
{
	struct session *s = impl;
	struct arena *a;
	int rc;

	if (s->state != SESSION_PENDING)
		return;
	a = arena_new(CONNECT_ARENA);
	rc = conn_send_window(s->conn, rate_of(s, APP_BANDWIDTH_OUT),
	    rate_of(s, APP_BANDWIDTH_IN));
	if (rc == FCS_OK)
		rc = conn_send_event(s->conn, MESSAGE_EV_STREAM_BEGIN, 0, 0);
	if (rc == FCS_OK)
		rc = conn_send_chunk_size(s->conn, 0);
	if (rc == FCS_OK)
		rc = a == NULL ? FCS_ENOMEM : send_result(s, a);
	arena_free(a);
	if (rc != FCS_OK) {
		session_close(s, false, err_text(rc));
		return;
	}
	log_info("session.connected", "client=%s inst=%s ip=%s amf=%d",
	    s->client_id, instance_full_name(s->instance), s->ip, s->amf);
	session_opened(s);
}

static void
on_rejected(void *impl, const struct value *info)
{
	struct session *s = impl;
	const struct value *d = value_get(info, "description");
	char why[ERR_TEXT_MAX];

	(void)snprintf(why, sizeof(why), "refused: %.*s",
	    d == NULL || d->type != VALUE_STRING
		? 0
		: (int)(d->str.len < 128 ? d->str.len : 128),
	    d == NULL || d->type != VALUE_STRING ? "" : d->str.ptr);
	refuse(s, (struct value *)(uintptr_t)info, why);
}

static void
on_close(void *impl, const char *why)
{
	session_close(impl, true,
	    why == NULL || *why == '\0' ? "by the application" : why);
}

static int
on_send(
    void *impl, uint8_t type, uint32_t msid, const uint8_t *payload, size_t len)
{
	return session_send_message(impl, type, msid, payload, len);
}

static void
on_stats(void *impl, uint64_t *bytes_in, uint64_t *bytes_out, int *rtt_ms)
{
	struct session *s = impl;

	conn_counts(s->conn, bytes_in, bytes_out);
	*rtt_ms = conn_rtt_ms(s->conn);
}

const struct client_ops sess_connect_client_ops = {
	.send = on_send,
	.accepted = on_accepted,
	.rejected = on_rejected,
	.close = on_close,
	.stats = on_stats,
	.figures = sess_traffic_figures,
	.ping = sess_traffic_ping,
	.measure = sess_bw_measure,
	.set_rates = sess_traffic_set_rates,
	.streams = sess_traffic_streams,
	.refuse_publish = sess_traffic_refuse_publish,
};

/* ---- connect ---- */

static bool
is_protocol_allowed(struct session *s)
{
	const struct config_app *c = application_env(s->app)->settings;
	size_t i, n = config_app_count(c, APP_PROTOCOLS);

	if (strcmp(s->protocol, "local") == 0)
		return true;
	for (i = 0; i < n; i++)
		if (strcmp(config_app_item(c, APP_PROTOCOLS, i), s->protocol) ==
		    0)
			return true;
	return false;
}

static int
make_client(struct session *s, struct arena *a, const struct value *object,
    const char *query)
{
	struct client_info info;

	memset(&info, 0, sizeof(info));
	info.id = s->client_id;
	info.ip = s->ip;
	info.port = s->port;
	info.protocol = s->protocol;
	info.secure = s->secure;
	info.agent = text_of(a, object, "flashVer");
	info.referrer = text_of(a, object, "swfUrl");
	info.page_url = text_of(a, object, "pageUrl");
	info.uri = text_of(a, object, "tcUrl");
	info.query = query;
	info.peer_name = s->peer_name[0] == '\0' ? NULL : s->peer_name;
	info.amf = s->amf;
	info.reconnects = (s->caps_ex & CAPS_EX_AGAIN) != 0;
	info.avmplus = s->amf == 3;
	info.video_function =
	    value_as_number(value_get(object, "videoFunction"), 0);
	s->client = client_new(&info, &sess_connect_client_ops, s);
	return s->client == NULL ? FCS_ENOMEM : FCS_OK;
}

static void
read_enhanced(struct session *s, const struct value *object)
{
	double caps = value_as_number(value_get(object, "capsEx"), 0);

	s->enhanced_list = value_get(object, "fourCcList") != NULL;
	s->enhanced_maps = value_get(object, "videoFourCcInfoMap") != NULL ||
			   value_get(object, "audioFourCcInfoMap") != NULL;
	s->caps_ex = caps >= 0 && caps < 65536 ? (int)caps : 0;
}

static int
connect_to(struct session *s, const struct command *cmd, struct arena *a)
{
	struct url_app where;
	struct err why;

	if (url_parse_app(str_of(cmd->object, "app"),
		str_of(cmd->object, "tcUrl"), &where) != FCS_OK ||
	    strcmp(where.app, application_env(s->app)->name) != 0)
		return refuse_status(
		    s, STATUS_CONNECT_INVALIDAPP, "Invalid application name.");
	s->instance = application_instance(s->app, where.inst, true, &why);
	if (s->instance == NULL && why.code == FCS_ECLOSED)
		return refuse_status(s, STATUS_CONNECT_APPSHUTDOWN,
		    "The application is stopping.");
	if (s->instance == NULL && why.code == FCS_ELIMIT)
		return refuse_status(s, STATUS_CONNECT_REJECTED,
		    "[ Server.Reject ] : server full");
	if (s->instance == NULL) {
		log_info("session.instance", "client=%s why=%s", s->client_id,
		    why.text);
		return refuse_status(
		    s, STATUS_CONNECT_INVALIDAPP, "Invalid instance name.");
	}
	if (!is_protocol_allowed(s))
		return refuse_status(s, STATUS_CONNECT_REJECTED,
		    "[ Server.Reject ] : protocol not allowed");
	if (make_client(s, a, cmd->object, where.query) != FCS_OK)
		return FCS_ENOMEM;
	s->state = SESSION_PENDING;
	timer_stop(s->timer);
	instance_connect(s->instance, s->client, cmd->args, cmd->arg_count);
	return s->state == SESSION_DEAD ? FCS_ECLOSED : FCS_OK;
}

int
sess_connect_command(struct session *s, const struct command *cmd)
{
	char name[COMMAND_NAME_MAX + 1];
	char why[ERR_TEXT_MAX];
	struct arena *a;
	int rc;

	if (!value_str_eq(cmd->name, "connect")) {
		if (session_name(s, cmd->name, name) != FCS_OK)
			(void)snprintf(name, sizeof(name), "?");
		(void)snprintf(why, sizeof(why), "%s before connect", name);
		fcs_ignore(
		    session_send_command(s, 0, "close", 0, NULL, NULL, 0));
		session_close(s, true, why);
		return FCS_ECLOSED;
	}
	s->connect_txn = cmd->txn;
	s->amf =
	    value_as_number(value_get(cmd->object, "objectEncoding"), 0) == 3
		? 3
		: 0;
	read_enhanced(s, cmd->object);
	a = arena_new(CONNECT_ARENA);
	rc = a == NULL ? FCS_ENOMEM : connect_to(s, cmd, a);
	arena_free(a);
	return rc;
}
