/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A viewer of a live stream: statuses, and what a slow one is spared.
 * wire-protocol 5.4: nothing of the stream before Play.Start.
 */
#include "session/sess_stream_int.h"

#include <string.h>

#include "base/log.h"

static void
check_stall(struct sess_stream *st, const struct stream_backlog *q)
{
	const struct application_env *env = sess_stream_env(st);
	uint64_t now = loop_now_ms(env->loop);
	int64_t max = limits_get(env->limits, LIMIT_STALL_TIME);

	if (q->bytes == 0 || now - q->last_progress_ms < (uint64_t)max)
		return;
	limits_refuse(LIMIT_STALL_TIME);
	client_disconnect(st->session->client, STATUS_CONNECT_CLOSED,
	    "the viewer takes nothing any more");
}

static void
left_out(struct sess_stream *st, const struct packet *p, bool flush,
    const struct stream_backlog *q)
{
	struct session *s = st->session;

	if (st->viewer.dropped > 0) { /* a newcomer lost nothing */
		live_stats(st->sink.live)->dropped++;
		sess_traffic_dropped(s, p);
		instance_stats(s->instance)->msg_dropped++;
	}
	if (flush)
		conn_flush(s->conn);
	check_stall(st, q);
}

static void
on_packet(void *arg, struct packet *p, bool flush)
{
	struct sess_stream *st = arg;
	const struct application_env *env = sess_stream_env(st);
	struct viewer_limits lim = {
		.soft_ms =
		    (uint32_t)config_app_int(env->settings, APP_LIVE_MAX_DELAY),
		.hard_ms = (uint32_t)limits_get(env->limits, LIMIT_OUT_TIME),
		.hard_bytes =
		    (size_t)config_app_int(env->settings, APP_LIVE_QUEUE),
	};
	struct live_stats *stats = live_stats(st->sink.live);
	struct conn *conn = st->session->conn;
	struct viewer_queue vq;
	struct stream_backlog q;

	if (st->is_paused || (p->type == MESSAGE_AUDIO && !st->want_audio) ||
	    (p->type == MESSAGE_VIDEO && !st->want_video)) {
		if (flush)
			conn_flush(conn);
		return;
	}
	stream_backlog(conn_stream(conn), &q);
	vq.bytes = q.bytes;
	vq.media_ms = q.media_ms;
	vq.is_blocked = q.is_blocked;
	vq.now_ms = loop_now_ms(env->loop);
	switch (viewer_admit(&st->viewer, p, &lim, &vq)) {
	case VIEWER_SEND:
		fcs_ignore(conn_send_packet(
		    conn, p, st->msid, 0, &stats->serialise, flush));
		break;
	case VIEWER_DROP_TELL:
		log_info("viewer.behind", "client=%s stream=%s bytes=%zu",
		    st->session->client_id, st->item->name, q.bytes);
		sess_stream_status(st, STATUS_PLAY_INSUFFICIENTBW,
		    "the connection is too slow for this stream",
		    st->item->name);
		left_out(st, p, flush, &q);
		break;
	case VIEWER_DROP:
		left_out(st, p, flush, &q);
		break;
	case VIEWER_CLOSE:
		session_close(st->session, false,
		    "the viewer does not take the stream's data");
		break;
	}
}

static void
on_begin(void *arg)
{
	struct sess_stream *st = arg;

	sess_stream_status(st, STATUS_PLAY_PUBLISHNOTIFY, NULL, st->item->name);
}

static void
on_end(void *arg)
{
	struct sess_stream *st = arg;

	viewer_resync(&st->viewer);
	sess_stream_status(
	    st, STATUS_PLAY_UNPUBLISHNOTIFY, NULL, st->item->name);
}

static void
on_flush(void *arg)
{
	struct sess_stream *st = arg;

	conn_flush(st->session->conn);
}

static const struct live_sink_ops sink_ops = {
	.packet = on_packet,
	.begin = on_begin,
	.end = on_end,
	.flush = on_flush,
};

void
sess_live_start(struct sess_stream *st, struct live *lv)
{
	st->use = SESS_PLAYING_LIVE;
	memset(&st->viewer, 0, sizeof(st->viewer));
	st->sink.ops = &sink_ops;
	st->sink.arg = st;
	st->sink.viewer = true;
	sess_stream_control(st, MESSAGE_EV_STREAM_BEGIN);
	sess_play_started(st);
	if (st->use == SESS_PLAYING_LIVE && st->sink.live == NULL)
		live_attach(lv, &st->sink, true);
}

void
sess_live_stop(struct sess_stream *st)
{
	live_detach(&st->sink);
}

void
sess_live_pause(struct sess_stream *st, bool pause)
{
	struct live *lv = st->sink.live;

	st->is_paused = pause;
	if (pause) {
		conn_drop(st->session->conn, st->msid);
		sess_stream_status(
		    st, STATUS_PAUSE_NOTIFY, NULL, st->item->name);
		sess_stream_control(st, MESSAGE_EV_STREAM_EOF);
		return;
	}
	sess_stream_control(st, MESSAGE_EV_STREAM_BEGIN);
	sess_stream_status(st, STATUS_UNPAUSE_NOTIFY, NULL, st->item->name);
	/* Back at the live edge, with a picture at once. */
	memset(&st->viewer, 0, sizeof(st->viewer));
	if (lv != NULL) {
		live_detach(&st->sink);
		live_attach(lv, &st->sink, true);
	}
}

void
sess_live_resync(struct sess_stream *st)
{
	viewer_resync(&st->viewer);
}
