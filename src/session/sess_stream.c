/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of streams of a connection and the dispatch of stream commands.
 * Ids are reused lowest first, so that viewers share serialised variants.
 */
#include "session/sess_stream_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "codec/amf0.h"

const struct application_env *
sess_stream_env(const struct sess_stream *st)
{
	return application_env(st->session->app);
}

struct sess_stream *
sess_stream_get(struct session *s, uint32_t msid)
{
	struct sess_streams *t = s->streams;

	if (t == NULL || msid == 0 || msid > t->cap)
		return NULL;
	return t->list[msid - 1];
}

uint64_t
sess_stream_extra(const struct sess_stream *st)
{
	return (uint64_t)st->msid << 32 | st->turn;
}

struct sess_stream *
sess_stream_by_extra(uint64_t session_id, uint64_t extra)
{
	struct session *s = session_by_id(session_id);
	struct sess_stream *st;

	if (s == NULL)
		return NULL;
	st = sess_stream_get(s, (uint32_t)(extra >> 32));
	return st != NULL && st->turn == (uint32_t)extra ? st : NULL;
}

void
sess_stream_status(struct sess_stream *st, enum status code,
    const char *description, const char *details)
{
	fcs_ignore(session_send_status(st->session, st->msid, code, description,
	    details)); /* a full queue closes the connection by itself */
}

void
sess_stream_control(struct sess_stream *st, enum message_event ev)
{
	fcs_ignore(conn_send_event(st->session->conn, ev, st->msid, 0));
}

static void
send_data(struct sess_stream *st, struct buf *b)
{
	if (buf_status(b) == FCS_OK)
		fcs_ignore(conn_send(st->session->conn,
		    conn_csid(st->msid, CONN_LANE_DATA), MESSAGE_DATA, st->msid,
		    0, buf_data(b), buf_len(b), 0));
	buf_fini(b);
}

void
sess_stream_sample_access(struct sess_stream *st)
{
	static const char name[] = "|RtmpSampleAccess";
	const struct client *c = st->session->client;
	bool audio = client_may_sample(c, false, st->item->name);
	bool video = client_may_sample(c, true, st->item->name);
	struct buf b;

	if (!audio && !video)
		return; /* a player without the message has no access */
	buf_init(&b, 0);
	amf0_put_string(&b, name, sizeof(name) - 1);
	amf0_put_bool(&b, audio);
	amf0_put_bool(&b, video);
	send_data(st, &b);
}

void
sess_stream_data_status(struct sess_stream *st, const char *handler,
    enum status code, double duration_s, double bytes)
{
	struct arena *arena = arena_new(0);
	struct amf0_writer w;
	struct value *info;
	struct buf b;
	int rc = FCS_OK;

	if (arena == NULL)
		return;
	buf_init(&b, 0);
	info = status_info(arena, code, NULL, NULL, NULL);
	if (info != NULL && duration_s >= 0) {
		rc = value_set(
		    arena, info, "duration", value_number(arena, duration_s));
		if (rc == FCS_OK)
			rc = value_set(
			    arena, info, "bytes", value_number(arena, bytes));
	}
	amf0_put_string(&b, handler, strlen(handler));
	amf0_writer_init(&w, &b, AMF0_PLAIN);
	if (info != NULL && rc == FCS_OK)
		rc = amf0_write(&w, info);
	amf0_writer_fini(&w);
	if (info != NULL && rc == FCS_OK)
		send_data(st, &b);
	else
		buf_fini(&b);
	arena_free(arena);
}

void
sess_stream_close(struct sess_stream *st)
{
	st->turn++;
	if (st->use == SESS_PUBLISHING)
		sess_publish_stop(st, true);
	else
		sess_play_stop(st);
	st->use = SESS_IDLE;
}

/* FCS_OK with *out; FCS_ELIMIT, FCS_ENOMEM. */
static int
create(struct session *s, struct sess_stream **out)
{
	uint32_t max = (uint32_t)limits_get(
	    application_env(s->app)->limits, LIMIT_STREAMS_PER_CLIENT);
	struct sess_stream **grown;
	struct sess_stream *st;
	struct sess_streams *t;
	uint32_t i;

	if (s->streams == NULL &&
	    (s->streams = calloc(1, sizeof(*s->streams))) == NULL)
		return FCS_ENOMEM;
	t = s->streams;
	for (i = 0; i < t->cap && t->list[i] != NULL; i++)
		;
	if (i >= max) {
		limits_refuse(LIMIT_STREAMS_PER_CLIENT);
		return FCS_ELIMIT;
	}
	if (i == t->cap) {
		grown =
		    realloc(t->list, (i + 1) * sizeof(struct sess_stream *));
		if (grown == NULL)
			return FCS_ENOMEM;
		t->list = grown;
		t->list[t->cap++] = NULL;
	}
	if ((st = calloc(1, sizeof(*st))) == NULL)
		return FCS_ENOMEM;
	st->session = s;
	st->msid = i + 1;
	st->turn = t->last_turn;
	st->want_audio = st->want_video = true;
	t->list[i] = st;
	*out = st;
	return FCS_OK;
}

static int
create_stream(struct session *s, const struct command *cmd)
{
	struct arena *arena = arena_new(0);
	struct sess_stream *st = NULL;
	struct value *arg;
	int rc;

	if (arena == NULL)
		return FCS_ENOMEM;
	if ((rc = create(s, &st)) == FCS_OK) {
		arg = value_number(arena, st->msid);
		rc = session_send_command(
		    s, 0, "_result", cmd->txn, NULL, &arg, 1);
	} else if (rc == FCS_ELIMIT) {
		arg = status_info(arena, STATUS_CALL_FAILED,
		    "too many streams on this connection", NULL, NULL);
		log_info("stream.refused", "client=%s why=%s", s->client_id,
		    "too many streams");
		rc = session_send_command(
		    s, 0, "_error", cmd->txn, NULL, &arg, 1);
	}
	arena_free(arena);
	return rc;
}

static int
delete_stream(struct session *s, const struct command *cmd)
{
	struct sess_stream *st;
	double msid;

	msid = cmd->arg_count > 0 ? value_as_number(cmd->args[0], 0) : 0;
	if (!(msid >= 1 && msid <= UINT32_MAX) ||
	    (st = sess_stream_get(s, (uint32_t)msid)) == NULL)
		return FCS_OK;
	sess_stream_close(st);
	sess_publish_forget(st);
	/* an answer for this one must not fit the next one of its id */
	if (st->turn > s->streams->last_turn)
		s->streams->last_turn = st->turn;
	s->streams->list[st->msid - 1] = NULL;
	loop_defer_free(conn_loop(s->conn), free, st);
	return FCS_OK;
}

/* `_result` with null and, when info is given, an onFC... command before. */
static int
answer_fc(struct session *s, const struct command *cmd, const char *callback,
    enum status code)
{
	struct arena *arena = arena_new(0);
	struct value *undefined, *info;
	char text[280] = "";
	int rc = FCS_OK;

	if (arena == NULL)
		return FCS_ENOMEM;
	if (cmd->arg_count > 0 && cmd->args[0]->type == VALUE_STRING)
		snprintf(text, sizeof(text), "%.*s",
		    (int)(cmd->args[0]->str.len > 255 ? 255
						      : cmd->args[0]->str.len),
		    cmd->args[0]->str.ptr);
	if (callback != NULL) {
		info = status_info(arena, code, text, NULL, NULL);
		rc = session_send_command(s, 0, callback, 0, NULL, &info, 1);
	}
	undefined = value_new(arena, VALUE_UNDEFINED);
	if (rc == FCS_OK && cmd->txn != 0)
		rc = session_send_command(
		    s, 0, "_result", cmd->txn, NULL, &undefined, 1);
	arena_free(arena);
	return rc;
}

/* extra: the bits of the transaction id, whatever number the client took. */
static void
length_known(struct instance *inst, uint64_t owner, uint64_t extra, int64_t ms)
{
	struct session *s = session_by_id(owner);
	struct arena *arena = arena_new(0);
	struct value *arg;
	double txn;

	(void)inst;
	memcpy(&txn, &extra, sizeof(txn));
	if (s != NULL && arena != NULL) {
		arg = value_number(arena, ms > 0 ? (double)ms / 1000 : 0);
		fcs_ignore(
		    session_send_command(s, 0, "_result", txn, NULL, &arg, 1));
	}
	arena_free(arena);
}

static int
stream_length(struct session *s, const struct command *cmd)
{
	struct url_stream name;
	uint64_t txn;

	if (cmd->txn == 0)
		return FCS_OK;
	memcpy(&txn, &cmd->txn, sizeof(txn));
	if (cmd->arg_count > 0 && cmd->args[0]->type == VALUE_STRING &&
	    url_parse_stream(cmd->args[0]->str, &name) == FCS_OK &&
	    client_may(s->client, false, name.name))
		playback_length(
		    s->instance, name.name, length_known, s->id, txn);
	else
		length_known(s->instance, s->id, txn, -1);
	return FCS_OK;
}

static int
close_stream(struct sess_stream *st, const struct command *cmd)
{
	(void)cmd;
	sess_stream_close(st);
	return FCS_OK;
}

static int
receive_audio(struct sess_stream *st, const struct command *cmd)
{
	return sess_play_receive(st, cmd, true);
}

static int
receive_video(struct sess_stream *st, const struct command *cmd)
{
	return sess_play_receive(st, cmd, false);
}

static int
release_stream(struct session *s, const struct command *cmd)
{
	return answer_fc(s, cmd, NULL, STATUS_COUNT);
}

static int
fc_publish(struct session *s, const struct command *cmd)
{
	return answer_fc(s, cmd, "onFCPublish", STATUS_PUBLISH_START);
}

static int
fc_unpublish(struct session *s, const struct command *cmd)
{
	return answer_fc(s, cmd, "onFCUnpublish", STATUS_UNPUBLISH_SUCCESS);
}

static int
fc_subscribe(struct session *s, const struct command *cmd)
{
	return answer_fc(s, cmd, "onFCSubscribe", STATUS_PLAY_START);
}

static int
fc_unsubscribe(struct session *s, const struct command *cmd)
{
	return answer_fc(s, cmd, "onFCUnsubscribe", STATUS_PLAY_STOP);
}

static int
init_stream(struct session *s, const struct command *cmd)
{
	(void)s;
	(void)cmd;
	return FCS_OK; /* no answer: old clients announce an id they have */
}

static const struct {
	const char *name;
	int (*on_session)(struct session *, const struct command *);
	int (*on_stream)(struct sess_stream *, const struct command *);
	bool may_expose; /* a method of the script replaces the answer */
} commands[] = {
	{ "createStream", create_stream, NULL, false },
	{ "initStream", init_stream, NULL, false },
	{ "deleteStream", delete_stream, NULL, false },
	{ "closeStream", NULL, close_stream, false },
	{ "publish", NULL, sess_publish_command, false },
	{ "play", NULL, sess_play_command, false },
	{ "seek", NULL, sess_play_seek, false },
	{ "pause", NULL, sess_play_pause, false },
	{ "pauseRaw", NULL, sess_play_pause, false },
	{ "receiveAudio", NULL, receive_audio, false },
	{ "receiveVideo", NULL, receive_video, false },
	{ "getStreamLength", stream_length, NULL, true },
	{ "releaseStream", release_stream, NULL, true },
	{ "FCPublish", fc_publish, NULL, true },
	{ "FCUnpublish", fc_unpublish, NULL, true },
	{ "FCSubscribe", fc_subscribe, NULL, true },
	{ "FCUnsubscribe", fc_unsubscribe, NULL, true },
};

static bool
is_exposed(struct session *s, const char *name)
{
	const struct script_ops *ops = application_env(s->app)->script;
	struct script *script = instance_script(s->instance);

	return script != NULL && ops->asks(script, SCRIPT_CALL, name);
}

int
sess_stream_command(
    struct session *s, const struct message *msg, const struct command *cmd)
{
	struct sess_stream *st;
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (value_str_eq(cmd->name, commands[i].name))
			break;
	}
	if (i == sizeof(commands) / sizeof(commands[0]) ||
	    (commands[i].may_expose && is_exposed(s, commands[i].name)))
		return FCS_ENOENT;
	if (commands[i].on_session != NULL)
		return commands[i].on_session(s, cmd);
	if ((st = sess_stream_get(s, msg->msid)) == NULL) {
		log_info("stream.unknown", "client=%s msid=%u command=%s",
		    s->client_id, msg->msid, commands[i].name);
		if (commands[i].on_stream == close_stream)
			return FCS_OK;
		return session_send_status(s, msg->msid, STATUS_STREAM_FAILED,
		    "no such stream: createStream first", NULL);
	}
	return commands[i].on_stream(st, cmd);
}

int
sess_stream_media(struct session *s, const struct message *msg)
{
	struct sess_stream *st = sess_stream_get(s, msg->msid);
	struct message sub;
	uint32_t first_ts = 0;
	size_t pos = 0;
	int rc;

	if (st == NULL || st->use != SESS_PUBLISHING)
		return FCS_OK; /* late media after unpublish: usual */
	if (msg->type != MESSAGE_AGGREGATE) {
		sess_publish_media(st, msg);
		return FCS_OK;
	}
	while ((rc = message_aggregate_next(msg, &pos, &first_ts, &sub)) ==
	       FCS_OK) {
		sess_publish_media(st, &sub);
		if (st->use != SESS_PUBLISHING)
			return FCS_OK;
	}
	if (rc != FCS_ENOENT)
		log_info("stream.aggregate_dropped",
		    "client=%s stream=%s why=%s", s->client_id, st->name,
		    err_text(rc));
	return FCS_OK;
}

void
sess_stream_event(
    struct session *s, uint16_t event, uint32_t msid, uint32_t value)
{
	struct sess_stream *st = sess_stream_get(s, msid);
	uint32_t max;

	if (st == NULL || event != MESSAGE_EV_BUFFER_LENGTH)
		return;
	max = (uint32_t)limits_get(
	    sess_stream_env(st)->limits, LIMIT_BUFFER_TIME);
	st->buffer_ms = value < max ? value : max;
	if (st->playback != NULL)
		playback_set_buffer(st->playback, st->buffer_ms);
}

void
sess_stream_drained(struct session *s)
{
	uint32_t i;

	for (i = 0; s->streams != NULL && i < s->streams->cap; i++) {
		if (s->streams->list[i] != NULL &&
		    s->streams->list[i]->playback != NULL)
			playback_drained(s->streams->list[i]->playback);
	}
}

void
sess_stream_fini(struct session *s)
{
	uint32_t i;

	if (s->streams == NULL)
		return;
	for (i = 0; i < s->streams->cap; i++) {
		struct sess_stream *st = s->streams->list[i];

		if (st == NULL)
			continue;
		st->turn++;
		if (st->use == SESS_PUBLISHING)
			sess_publish_stop(st, false);
		else
			sess_play_stop(st);
		sess_publish_forget(st);
		s->streams->list[i] = NULL;
		loop_defer_free(conn_loop(s->conn), free, st);
	}
	free(s->streams->list);
	free(s->streams);
	s->streams = NULL;
}
