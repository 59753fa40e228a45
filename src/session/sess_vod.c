/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A player of a recording: the callbacks of core/playback as statuses and
 * control messages, wire-protocol 5.5-5.8.
 */
#include "session/sess_stream_int.h"

#include <stdio.h>

#include "base/log.h"

static void
begin(struct sess_stream *st)
{
	sess_stream_control(st, MESSAGE_EV_IS_RECORDED);
	sess_stream_control(st, MESSAGE_EV_STREAM_BEGIN);
}

static void
not_found(struct sess_stream *st)
{
	log_info("play.not_found", "client=%s inst=%s stream=%s",
	    st->session->client_id, instance_full_name(st->session->instance),
	    st->item->name);
	if (st->items != NULL) { /* a hole in a play list is stepped over */
		sess_play_next(st);
		return;
	}
	sess_stream_status(st, STATUS_PLAY_STREAMNOTFOUND,
	    "there is no such recording", st->item->name);
	sess_stream_close(st);
}

static void
on_opened(void *arg, int result, const struct playback_info *info)
{
	struct sess_stream *st = arg;
	struct live *lv;

	(void)info;
	if (result == FCS_ENOENT && st->item->start_ms == SESS_START_ANY) {
		sess_vod_stop(st);
		lv = live_find(st->session->instance, st->item->name, true);
		if (lv != NULL)
			sess_live_start(st, lv);
		else
			sess_stream_status(st, STATUS_PLAY_FAILED,
			    "out of memory", st->item->name);
		return;
	}
	if (result == FCS_ENOENT) {
		not_found(st);
		return;
	}
	if (result != FCS_OK) {
		log_warn("play.failed", "client=%s inst=%s stream=%s why=%s",
		    st->session->client_id,
		    instance_full_name(st->session->instance), st->item->name,
		    err_text(result));
		sess_stream_status(st,
		    result == FCS_ECORRUPT ? STATUS_PLAY_FILEINVALID
					   : STATUS_PLAY_FAILED,
		    err_text(result), st->item->name);
		sess_stream_close(st);
		return;
	}
	begin(st);
	sess_play_started(st);
	if (st->playback != NULL)
		playback_start(st->playback);
}

static void
on_packet(void *arg, struct packet *p, bool flush)
{
	struct sess_stream *st = arg;

	fcs_ignore(
	    conn_send_packet(st->session->conn, p, st->msid, 0, NULL, flush));
}

static void
on_sought(void *arg, int result, uint32_t at_ms, uint32_t key_ms)
{
	struct sess_stream *st = arg;
	char text[64];

	(void)key_ms;
	st->is_seek_due = false;
	if (result != FCS_OK) {
		sess_stream_status(
		    st, STATUS_SEEK_FAILED, err_text(result), st->item->name);
		return;
	}
	conn_drop(st->session->conn, st->msid);
	snprintf(
	    text, sizeof(text), "Seeking %u (stream ID: %u).", at_ms, st->msid);
	begin(st);
	sess_stream_status(st, STATUS_SEEK_NOTIFY, text, st->item->name);
	sess_stream_status(
	    st, STATUS_PLAY_START, "Started playing.", st->item->name);
	sess_stream_sample_access(st);
}

static void
on_ended(void *arg, int result, uint32_t played_ms, uint64_t bytes)
{
	struct sess_stream *st = arg;

	if (result != FCS_OK) {
		log_warn("play.broken", "client=%s inst=%s stream=%s why=%s",
		    st->session->client_id,
		    instance_full_name(st->session->instance), st->item->name,
		    err_text(result));
		sess_stream_status(
		    st, STATUS_PLAY_FAILED, err_text(result), st->item->name);
		sess_stream_close(st);
		return;
	}
	if (st->items != NULL) {
		sess_play_next(st);
		return;
	}
	/* The play stays: the client may seek back or play again. */
	st->is_ended = true;
	sess_stream_data_status(st, "onPlayStatus", STATUS_PLAY_COMPLETE,
	    (double)played_ms / 1000, (double)bytes);
	sess_stream_status(
	    st, STATUS_PLAY_STOP, "Stopped playing.", st->item->name);
	sess_stream_control(st, MESSAGE_EV_STREAM_EOF);
}

static void
on_backlog(void *arg, size_t *bytes, uint32_t *media_ms)
{
	struct sess_stream *st = arg;
	struct stream_backlog q;

	stream_backlog(conn_stream(st->session->conn), &q);
	*bytes = q.bytes;
	*media_ms = q.media_ms;
}

static const struct playback_ops playback_ops = {
	.opened = on_opened,
	.packet = on_packet,
	.sought = on_sought,
	.ended = on_ended,
	.backlog = on_backlog,
};

void
sess_vod_start(struct sess_stream *st)
{
	uint32_t start_ms;

	start_ms = st->item->start_ms > 0 ? (uint32_t)st->item->start_ms : 0;
	st->use = SESS_PLAYING_VOD;
	st->is_seek_due = false;
	st->playback = playback_open(st->session->instance, st->item->name,
	    start_ms, st->item->length_ms, &playback_ops, st);
	if (st->playback == NULL) {
		sess_stream_status(
		    st, STATUS_PLAY_FAILED, "out of memory", st->item->name);
		sess_stream_close(st);
		return;
	}
	if (st->buffer_ms != 0)
		playback_set_buffer(st->playback, st->buffer_ms);
	playback_set_wants(st->playback, st->want_audio, st->want_video);
}

void
sess_vod_stop(struct sess_stream *st)
{
	if (st->playback != NULL)
		playback_close(st->playback);
	st->playback = NULL;
	st->is_ended = false;
}

void
sess_vod_seek(struct sess_stream *st, uint32_t ms)
{
	/* Stale media must not follow Seek.Notify: what is queued goes now. */
	conn_drop(st->session->conn, st->msid);
	st->is_ended = false;
	if (!st->is_seek_due)
		sess_stream_control(st, MESSAGE_EV_STREAM_EOF);
	st->is_seek_due = true;
	playback_seek(st->playback, ms);
}

void
sess_vod_pause(struct sess_stream *st, bool pause, uint32_t ms)
{
	st->is_paused = pause;
	if (pause) {
		playback_pause(st->playback, true, ms);
		conn_drop(st->session->conn, st->msid);
		sess_stream_status(
		    st, STATUS_PAUSE_NOTIFY, NULL, st->item->name);
		sess_stream_control(st, MESSAGE_EV_STREAM_EOF);
		return;
	}
	begin(st);
	sess_stream_status(st, STATUS_UNPAUSE_NOTIFY, NULL, st->item->name);
	playback_pause(st->playback, false, ms);
}
