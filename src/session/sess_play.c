/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * play: the command in all its spellings, the play list, and seek, pause,
 * receiveAudio/Video for whatever is playing. wire-protocol 5.5: real clients
 * send milliseconds and -2000/-1000 where the specification says seconds.
 */
#include "session/sess_stream_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define PLAY_MS_MAX 4294967295.0

static bool
is_playing(const struct sess_stream *st)
{
	return st->use == SESS_PLAYING_LIVE || st->use == SESS_PLAYING_VOD;
}

/* It publishes, or the script is asked whether it may. */
static bool
is_publisher(const struct sess_stream *st)
{
	return st->use == SESS_PUBLISHING ||
	       (st->use == SESS_ASKING && st->item == NULL);
}

static void
fail(
    struct sess_stream *st, enum status code, const char *why, const char *name)
{
	log_info("play.refused", "client=%s inst=%s stream=%s why=%s",
	    st->session->client_id, instance_full_name(st->session->instance),
	    name != NULL ? name : "-", why);
	sess_stream_status(st, code, why, name);
}

static struct script_args
item_args(const struct sess_stream *st)
{
	const struct sess_item *it = st->item;
	struct script_args args = {
		.client = st->session->client_id,
		.name = it->name,
		.text = it->query,
		.start = it->start_ms > 0 ? (double)it->start_ms / 1000
					  : (double)it->start_ms,
		.length = it->length_ms > 0 ? (double)it->length_ms / 1000
					    : (double)it->length_ms,
	};

	return args;
}

static void
tell_play(void *arg, enum status code, const char *description)
{
	struct sess_stream *st = arg;

	sess_stream_status(st, code, description, st->item->name);
}

static void
end_play(void *arg, enum status code, const char *why)
{
	struct sess_stream *st = arg;

	fail(st, code, why, st->item->name);
	sess_stream_close(st);
}

static const struct play_ops play_ops = { tell_play, end_play };

void
sess_play_started(struct sess_stream *st)
{
	struct script_args args = item_args(st);

	if (st->is_reset)
		sess_stream_status(st, STATUS_PLAY_RESET,
		    "Playing and resetting.", st->item->name);
	sess_stream_status(
	    st, STATUS_PLAY_START, "Started playing.", st->item->name);
	sess_stream_sample_access(st);
	sess_stream_data_status(st, "onStatus", STATUS_DATA_START, -1, 0);
	st->is_reset = false;
	if (st->play_since_ms != 0)
		return;
	st->play_since_ms = (uint64_t)clock_wall_ms();
	log_info("stream.play", "client=%s inst=%s stream=%s",
	    st->session->client_id, instance_full_name(st->session->instance),
	    st->item->name);
	st->play.ops = &play_ops;
	st->play.arg = st;
	st->play.client = st->session->client_id;
	st->play.name = st->item->name;
	st->play.recorded = st->use == SESS_PLAYING_VOD;
	play_add(st->session->instance, &st->play);
	instance_event(st->session->instance, SCRIPT_PLAY, &args);
}

/* End the current item; the list stays. */
static void
end_item(struct sess_stream *st)
{
	struct script_args args;

	if (st->use == SESS_PLAYING_LIVE)
		sess_live_stop(st);
	else if (st->use == SESS_PLAYING_VOD)
		sess_vod_stop(st);
	st->use = SESS_IDLE;
	st->is_seek_due = false;
	play_remove(&st->play);
	if (st->item != NULL && st->play_since_ms != 0) {
		args = item_args(st);
		args.start =
		    (double)((uint64_t)clock_wall_ms() - st->play_since_ms) /
		    1000;
		st->play_since_ms = 0;
		instance_event(st->session->instance, SCRIPT_PLAY_END, &args);
	}
	free(st->item);
	st->item = NULL;
}

void
sess_play_stop(struct sess_stream *st)
{
	struct sess_item *it;

	end_item(st);
	if (st->session->conn != NULL)
		conn_drop(st->session->conn, st->msid);
	while ((it = st->items) != NULL) {
		st->items = it->next;
		free(it);
	}
	st->item_count = 0;
	st->is_paused = false;
}

/* The current item is allowed: find it. */
static void
start_item(struct sess_stream *st)
{
	struct live *lv;

	if (st->item->start_ms >= 0) {
		sess_vod_start(st);
		return;
	}
	lv = live_find(st->session->instance, st->item->name, false);
	if (st->item->start_ms == SESS_START_ANY &&
	    (lv == NULL || !live_is_published(lv))) {
		sess_vod_start(st);
		return;
	}
	lv = live_find(st->session->instance, st->item->name, true);
	if (lv == NULL) {
		fail(st, STATUS_PLAY_FAILED, "out of memory", st->item->name);
		sess_stream_close(st);
		return;
	}
	sess_live_start(st, lv);
}

static void
decided(struct instance *inst, uint64_t owner, uint64_t extra,
    const struct script_answer *a)
{
	struct sess_stream *st = sess_stream_by_extra(owner, extra);
	struct url_stream name;
	struct value_str text;

	(void)inst;
	if (st == NULL || st->use != SESS_ASKING || st->item == NULL)
		return;
	if (a->verdict != SCRIPT_OK) {
		fail(st, STATUS_PLAY_FAILED,
		    a->text != NULL && a->text[0] != '\0' ? a->text : "denied",
		    st->item->name);
		sess_stream_close(st);
		return;
	}
	if (a->replace != NULL) {
		text.ptr = a->replace;
		text.len = (uint32_t)strlen(a->replace);
		if (url_parse_stream(text, &name) != FCS_OK) {
			fail(st, STATUS_PLAY_FAILED, "denied", st->item->name);
			sess_stream_close(st);
			return;
		}
		snprintf(
		    st->item->name, sizeof(st->item->name), "%s", name.name);
	}
	start_item(st);
}

/* Take the first item of the list and ask the script about it. */
static void
begin_item(struct sess_stream *st)
{
	bool dflt =
	    config_app_int(sess_stream_env(st)->settings, APP_PLAY) != 0;
	struct script_args args;

	st->item = st->items;
	st->items = st->item->next;
	st->item->next = NULL;
	st->item_count--;
	st->use = SESS_ASKING;
	st->turn++;
	args = item_args(st);
	instance_ask(st->session->instance, SCRIPT_MAY_PLAY, &args, dflt,
	    decided, st->session->id, sess_stream_extra(st));
}

void
sess_play_next(struct sess_stream *st)
{
	/* What is queued of the item that ended is still to be seen. */
	sess_stream_data_status(st, "onPlayStatus", STATUS_PLAY_SWITCH, -1, 0);
	end_item(st);
	begin_item(st);
}

static double
number(const struct command *cmd, uint32_t i, double dflt)
{
	double v;

	if (i >= cmd->arg_count)
		return dflt;
	v = value_as_number(cmd->args[i], dflt);
	return isfinite(v) ? v : dflt;
}

static int64_t
to_ms(double v)
{
	return v > PLAY_MS_MAX ? (int64_t)PLAY_MS_MAX : (int64_t)v;
}

/* start and length as they stand on the wire. */
static void
take_times(struct sess_item *it, const struct command *cmd)
{
	double start = number(cmd, 1, SESS_START_ANY);
	double length = number(cmd, 2, -1);

	if (start >= 0)
		it->start_ms = to_ms(start);
	else if (start == -1 || start == -1000)
		it->start_ms = SESS_START_LIVE;
	else
		it->start_ms = SESS_START_ANY;
	it->length_ms = length < 0 ? -1 : to_ms(length);
}

/* true: flush what is playing. 0/false and 2 append to the list. */
static bool
take_reset(const struct command *cmd)
{
	double v = number(cmd, 3, 1);

	return v != 0 && v != 2;
}

int
sess_play_command(struct sess_stream *st, const struct command *cmd)
{
	struct sess_item *it, **tail;
	struct url_stream name;
	bool reset;

	if (cmd->arg_count == 0 || cmd->args[0]->type != VALUE_STRING) {
		sess_stream_close(st); /* play(false) */
		return FCS_OK;
	}
	if (url_parse_stream(cmd->args[0]->str, &name) != FCS_OK) {
		fail(st, STATUS_PLAY_STREAMNOTFOUND,
		    "this is not a valid stream name", NULL);
		return FCS_OK;
	}
	if (!client_may(st->session->client, false, name.name)) {
		fail(st, STATUS_PLAY_FAILED, "no read access", name.name);
		return FCS_OK;
	}
	reset = take_reset(cmd);
	if (reset || is_publisher(st))
		sess_stream_close(st);
	if (st->item_count >= (uint32_t)limits_get(sess_stream_env(st)->limits,
				  LIMIT_PLAYLIST_ITEMS)) {
		limits_refuse(LIMIT_PLAYLIST_ITEMS);
		fail(
		    st, STATUS_PLAY_FAILED, "the play list is full", name.name);
		return FCS_OK;
	}
	if ((it = calloc(1, sizeof(*it))) == NULL)
		return FCS_ENOMEM;
	snprintf(it->name, sizeof(it->name), "%s", name.name);
	snprintf(it->query, sizeof(it->query), "%s", name.query);
	take_times(it, cmd);
	for (tail = &st->items; *tail != NULL; tail = &(*tail)->next)
		;
	*tail = it;
	st->item_count++;
	if (st->is_ended) {
		sess_play_next(st);
		return FCS_OK;
	}
	if (st->use != SESS_IDLE || st->item != NULL)
		return FCS_OK;
	st->is_reset = reset;
	st->is_paused = false;
	begin_item(st);
	return FCS_OK;
}

static void
seek_decided(struct instance *inst, uint64_t owner, uint64_t extra,
    const struct script_answer *a)
{
	struct sess_stream *st = sess_stream_by_extra(owner, extra);
	double ms;

	(void)inst;
	if (st == NULL || st->use != SESS_PLAYING_VOD || st->playback == NULL)
		return;
	if (a->verdict != SCRIPT_OK) {
		fail(st, STATUS_SEEK_FAILED,
		    a->text != NULL && a->text[0] != '\0' ? a->text : "denied",
		    st->item->name);
		return;
	}
	ms = st->seek_ms;
	if (a->replace != NULL)
		ms = strtod(a->replace, NULL) * 1000;
	sess_vod_seek(st, (uint32_t)to_ms(ms > 0 ? ms : 0));
}

int
sess_play_seek(struct sess_stream *st, const struct command *cmd)
{
	struct script_args args;

	if (st->use != SESS_PLAYING_VOD || st->playback == NULL) {
		fail(st, STATUS_SEEK_FAILED,
		    st->use == SESS_PLAYING_LIVE
			? "a live stream has no place to seek to"
			: "nothing is playing",
		    st->item != NULL ? st->item->name : NULL);
		return FCS_OK;
	}
	st->seek_ms = number(cmd, 0, 0);
	if (st->seek_ms < 0)
		st->seek_ms = 0;
	args = item_args(st);
	args.start = st->seek_ms / 1000;
	instance_ask(st->session->instance, SCRIPT_MAY_SEEK, &args, true,
	    seek_decided, st->session->id, sess_stream_extra(st));
	return FCS_OK;
}

int
sess_play_pause(struct sess_stream *st, const struct command *cmd)
{
	bool pause = cmd->arg_count > 0 ? value_as_number(cmd->args[0], 0) != 0
					: !st->is_paused;
	double ms = number(cmd, 1, 0);

	/* Not playing: players send pause(false) before play; no answer. */
	if (!is_playing(st) || pause == st->is_paused)
		return FCS_OK;
	if (st->use == SESS_PLAYING_LIVE)
		sess_live_pause(st, pause);
	else if (st->playback != NULL)
		sess_vod_pause(st, pause, (uint32_t)to_ms(ms > 0 ? ms : 0));
	return FCS_OK;
}

int
sess_play_receive(struct sess_stream *st, const struct command *cmd, bool audio)
{
	bool want =
	    cmd->arg_count == 0 || value_as_number(cmd->args[0], 1) != 0;
	bool *now = audio ? &st->want_audio : &st->want_video;
	bool is_back = want && !*now;

	*now = want;
	if (st->playback != NULL)
		playback_set_wants(
		    st->playback, st->want_audio, st->want_video);
	if (!audio && is_back && st->use == SESS_PLAYING_LIVE)
		sess_live_resync(st);
	if (is_back && is_playing(st)) {
		sess_stream_status(
		    st, STATUS_SEEK_NOTIFY, NULL, st->item->name);
		sess_stream_status(st, STATUS_PLAY_START, NULL, st->item->name);
	}
	return FCS_OK;
}
