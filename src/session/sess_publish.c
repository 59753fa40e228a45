/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * publish: name and type checked, access list, app.yaml, the script's
 * allow(:publish) and allow(:record), then the live stream and, when it is
 * wanted, its recording. wire-protocol 5.3, script-api 5.
 */
#include "session/sess_stream_int.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

static void
refuse(struct sess_stream *st, enum status code, const char *why)
{
	log_info("publish.refused", "client=%s inst=%s stream=%s why=%s",
	    st->session->client_id, instance_full_name(st->session->instance),
	    st->name, why);
	st->use = SESS_IDLE;
	st->turn++;
	sess_stream_status(st, code, why, st->name);
}

static void
recording_started(void *arg, int result, const char *why)
{
	struct sess_stream *st = arg;
	bool is_asked = strcmp(st->type, "live") != 0;

	if (result == FCS_OK) {
		sess_stream_status(st, STATUS_RECORD_START, NULL, st->name);
		return;
	}
	st->record_id = 0;
	log_warn("record.failed", "inst=%s stream=%s why=%s",
	    instance_full_name(st->session->instance), st->name, why);
	/* An encoder that only wanted to be live is not sent away by an error
	 * of ours. */
	if (is_asked)
		sess_stream_status(st,
		    result == FCS_EACCES ? STATUS_RECORD_NOACCESS
					 : STATUS_RECORD_FAILED,
		    why, st->name);
}

static void
recording_stopped(void *arg, int result, const char *why)
{
	struct sess_stream *st = arg;

	st->record_id = 0;
	if (result == FCS_OK)
		sess_stream_status(st, STATUS_RECORD_STOP, NULL, st->name);
	else if (strcmp(st->type, "live") != 0)
		sess_stream_status(st, STATUS_RECORD_FAILED, why, st->name);
}

static const struct record_ops recording_ops = {
	.started = recording_started,
	.stopped = recording_stopped,
};

/* What to record: -1 nothing, else enum record_mode. */
static int
record_mode(const struct sess_stream *st)
{
	static const struct {
		const char *type;
		int mode;
	} types[] = {
		{ "record", RECORD_NEW },
		{ "append", RECORD_APPEND },
		{ "appendWithGap", RECORD_APPEND_GAP },
	};
	const struct config_app *cfg = sess_stream_env(st)->settings;
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(st->type, types[i].type) == 0)
			return types[i].mode;
	}
	switch (config_app_int(cfg, APP_RECORD_MODE)) {
	case 1:
		return RECORD_KEEP;
	case 2:
		return RECORD_APPEND;
	default:
		return -1;
	}
}

static void
start_recording(struct sess_stream *st)
{
	int mode = record_mode(st), result = FCS_OK;

	if (mode < 0)
		return;
	sess_publish_forget(st);
	st->record_id = record_start(st->live, st->name, (enum record_mode)mode,
	    &recording_ops, st, &result);
	if (st->record_id == 0)
		recording_started(st, result, err_text(result));
}

/* Somebody else ended our publishing. */
static void
displaced(void *arg, const char *why)
{
	struct sess_stream *st = arg;

	st->live = NULL;
	st->use = SESS_IDLE;
	st->turn++;
	sess_stream_status(st, STATUS_UNPUBLISH_SUCCESS, why, st->name);
}

static void
go(struct sess_stream *st)
{
	struct live_publisher pub = {
		.client = st->session->client_id,
		.type = st->type,
		.query = st->query,
		.displaced = displaced,
		.arg = st,
	};
	struct live *lv = live_find(st->session->instance, st->name, true);
	char text[300];

	if (lv == NULL) {
		refuse(st, STATUS_STREAM_FAILED,
		    "there are too many streams, or no memory is left");
		return;
	}
	if (live_is_published(lv)) {
		refuse(st, STATUS_PUBLISH_BADNAME,
		    "this name is being published already");
		return;
	}
	/* The status comes first: on(:publish) may already speak. */
	snprintf(text, sizeof(text), "%s is now published.", st->name);
	sess_stream_control(st, MESSAGE_EV_STREAM_BEGIN);
	sess_stream_status(st, STATUS_PUBLISH_START, text, st->name);
	if (live_publish(lv, &pub) != FCS_OK) {
		refuse(st, STATUS_STREAM_FAILED, "out of memory");
		return;
	}
	st->live = lv;
	st->use = SESS_PUBLISHING;
	log_info("stream.published", "client=%s inst=%s stream=%s type=%s",
	    st->session->client_id, instance_full_name(st->session->instance),
	    st->name, st->type);
	start_recording(st);
}

/* Why an answer refuses, in words for the client. */
static const char *
reason(const struct script_answer *a)
{
	return a->text != NULL && a->text[0] != '\0' ? a->text : "denied";
}

/* `replace "name"`: FCS_OK also when there is none. */
static int
apply_replace(struct sess_stream *st, const struct script_answer *a)
{
	struct url_stream name;
	struct value_str text;

	if (a->replace == NULL)
		return FCS_OK;
	text.ptr = a->replace;
	text.len = (uint32_t)strlen(a->replace);
	if (url_parse_stream(text, &name) != FCS_OK)
		return FCS_EINVAL;
	snprintf(st->name, sizeof(st->name), "%s", name.name);
	return FCS_OK;
}

static void
record_decided(struct instance *inst, uint64_t owner, uint64_t extra,
    const struct script_answer *a)
{
	struct sess_stream *st = sess_stream_by_extra(owner, extra);

	(void)inst;
	if (st == NULL || st->use != SESS_ASKING)
		return;
	if (a->verdict != SCRIPT_OK || apply_replace(st, a) != FCS_OK)
		refuse(st, STATUS_RECORD_NOACCESS, reason(a));
	else
		go(st);
}

static struct script_args
ask_args(const struct sess_stream *st)
{
	struct script_args args = {
		.client = st->session->client_id,
		.name = st->name,
		.text = st->query,
		.mode = st->type,
	};

	return args;
}

static void
publish_decided(struct instance *inst, uint64_t owner, uint64_t extra,
    const struct script_answer *a)
{
	struct sess_stream *st = sess_stream_by_extra(owner, extra);
	struct script_args args;

	if (st == NULL || st->use != SESS_ASKING)
		return;
	if (a->verdict != SCRIPT_OK || apply_replace(st, a) != FCS_OK) {
		refuse(st, STATUS_PUBLISH_BADNAME, reason(a));
		return;
	}
	if (strcmp(st->type, "live") == 0) {
		go(st);
		return;
	}
	args = ask_args(st);
	instance_ask(
	    inst, SCRIPT_MAY_RECORD, &args, true, record_decided, owner, extra);
}

static void
take_type(struct sess_stream *st, const struct command *cmd)
{
	static const char *const types[] = {
		"live",
		"record",
		"append",
		"appendWithGap",
	};
	size_t i;

	snprintf(st->type, sizeof(st->type), "live");
	if (cmd->arg_count < 2 || cmd->args[1]->type != VALUE_STRING)
		return;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (value_str_eq(cmd->args[1]->str, types[i]))
			snprintf(st->type, sizeof(st->type), "%s", types[i]);
	}
}

int
sess_publish_command(struct sess_stream *st, const struct command *cmd)
{
	const struct application_env *env = sess_stream_env(st);
	struct script_args args;
	struct url_stream name;
	bool dflt;
	int rc;

	if (st->use != SESS_IDLE)
		sess_stream_close(st);
	if (cmd->arg_count == 0 || cmd->args[0]->type != VALUE_STRING)
		return FCS_OK; /* publish(false): stop, done above */
	sess_publish_forget(st);
	st->name[0] = st->query[0] = '\0';
	take_type(st, cmd);
	rc = url_parse_stream(cmd->args[0]->str, &name);
	if (rc != FCS_OK) {
		refuse(st, STATUS_PUBLISH_BADNAME,
		    "this is not a valid stream name");
		return FCS_OK;
	}
	snprintf(st->name, sizeof(st->name), "%s", name.name);
	snprintf(st->query, sizeof(st->query), "%s", name.query);
	if (!client_may(st->session->client, true, st->name)) {
		refuse(st, STATUS_PUBLISH_BADNAME, "no write access");
		return FCS_OK;
	}
	switch (config_app_int(env->settings, APP_PUBLISH)) {
	case 1: /* deny */
		refuse(st, STATUS_PUBLISH_BADNAME,
		    "publishing is denied (app.yaml: publish)");
		return FCS_OK;
	case 2: /* key */
		refuse(st, STATUS_PUBLISH_BADNAME,
		    "publishing needs a key, and none is known");
		return FCS_OK;
	case 3: /* allow */
		dflt = true;
		break;
	default:
		dflt = env->dev;
		break;
	}
	st->use = SESS_ASKING;
	st->turn++;
	args = ask_args(st);
	instance_ask(st->session->instance, SCRIPT_MAY_PUBLISH, &args, dflt,
	    publish_decided, st->session->id, sess_stream_extra(st));
	return FCS_OK;
}

void
sess_publish_stop(struct sess_stream *st, bool tell)
{
	struct live *lv = st->live;

	st->live = NULL;
	st->use = SESS_IDLE;
	if (lv == NULL)
		return;
	if (tell)
		sess_stream_status(
		    st, STATUS_UNPUBLISH_SUCCESS, NULL, st->name);
	else
		sess_publish_forget(st);
	log_info("stream.unpublished", "client=%s inst=%s stream=%s",
	    st->session->client_id, instance_full_name(st->session->instance),
	    st->name);
	live_unpublish(lv);
}

void
sess_publish_forget(struct sess_stream *st)
{
	if (st->record_id != 0)
		record_forget(st->session->instance, st->record_id);
	st->record_id = 0;
}

void
sess_publish_media(struct sess_stream *st, const struct message *msg)
{
	int rc;

	switch (msg->type) {
	case MESSAGE_AUDIO:
	case MESSAGE_VIDEO:
	case MESSAGE_DATA:
	case MESSAGE_DATA_AMF3:
		break;
	default:
		return;
	}
	rc = live_feed(st->live, msg->type, msg->ts_ms, msg->payload, msg->len);
	if (rc != FCS_OK)
		log_warn("stream.lost_message", "stream=%s why=%s", st->name,
		    err_text(rc));
}
