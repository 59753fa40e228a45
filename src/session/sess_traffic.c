/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sess_traffic - what core/client_traffic.h asks of a connection: figures,
 * rates, ping; the streams it publishes and plays.
 */
#include <string.h>

#include "base/log.h"
#include "session/sess_stream_int.h"

void
sess_traffic_figures(void *impl, struct client_figures *f)
{
	static const int kinds[CONN_KINDS] = {
		[CONN_AUDIO] = CLIENT_AUDIO,
		[CONN_VIDEO] = CLIENT_VIDEO,
		[CONN_SHARED_OBJECT] = CLIENT_SHARED_OBJECT,
		[CONN_DATA] = CLIENT_DATA,
	};
	struct session *s = impl;
	struct conn_queue q;
	int i;

	conn_counts(s->conn, &f->bytes_in, &f->bytes_out);
	conn_messages(s->conn, &f->msg_in, &f->msg_out);
	f->rtt_ms = conn_rtt_ms(s->conn);
	conn_queue(s->conn, &q);
	for (i = 0; i < CONN_KINDS; i++) {
		f->queue[kinds[i]].messages = q.messages[i];
		f->queue[kinds[i]].bytes = q.bytes[i];
	}
	for (i = 0; i < 2; i++) {
		f->dropped[kinds[i]].messages = s->dropped[i].messages;
		f->dropped[kinds[i]].bytes = s->dropped[i].bytes;
		f->msg_dropped += s->dropped[i].messages;
	}
}

void
sess_traffic_dropped(struct session *s, const struct packet *p)
{
	int i = p->type == MESSAGE_AUDIO ? CONN_AUDIO : CONN_VIDEO;

	s->dropped[i].messages++;
	s->dropped[i].bytes += p->payload->len;
}

int
sess_traffic_ping(void *impl)
{
	struct session *s = impl;

	return s->state == SESSION_OPEN ? conn_ping(s->conn) : FCS_ECLOSED;
}

int
sess_traffic_set_rates(void *impl, uint64_t in_bps, uint64_t out_bps)
{
	struct session *s = impl;

	return stream_set_rates(conn_stream(s->conn), in_bps, out_bps);
}

/* ---- streams ---- */

static bool
is_used(const struct sess_stream *st, bool *publishes, const char **name)
{
	*publishes = st->use == SESS_PUBLISHING;
	*name = *publishes ? st->name : st->item == NULL ? "" : st->item->name;
	return *publishes || st->use == SESS_PLAYING_LIVE ||
	       st->use == SESS_PLAYING_VOD;
}

void
sess_traffic_streams(void *impl,
    void (*fn)(void *arg, const char *name, bool publishes), void *arg)
{
	struct session *s = impl;
	const char *name;
	bool publishes;
	uint32_t i;

	for (i = 0; s->streams != NULL && i < s->streams->cap; i++)
		if (s->streams->list[i] != NULL &&
		    is_used(s->streams->list[i], &publishes, &name))
			fn(arg, name, publishes);
}

bool
sess_traffic_refuse_publish(void *impl, const char *name, const char *why)
{
	struct session *s = impl;
	struct sess_stream *st;
	uint32_t i;

	if (why == NULL || *why == '\0')
		why = "denied";
	for (i = 0; s->streams != NULL && i < s->streams->cap; i++) {
		st = s->streams->list[i];
		if (st == NULL || st->use != SESS_PUBLISHING ||
		    strcmp(st->name, name) != 0)
			continue;
		log_info("publish.refused", "cid=%s inst=%s stream=%s why=%s",
		    s->client_id, instance_full_name(s->instance), name, why);
		st->turn++;
		sess_publish_stop(st, false);
		sess_stream_status(st, STATUS_PUBLISH_BADNAME, why, name);
		return true;
	}
	return false;
}

bool
sess_traffic_is_streaming(struct session *s)
{
	const char *name;
	bool publishes;
	uint32_t i;

	for (i = 0; s->streams != NULL && i < s->streams->cap; i++) {
		struct sess_stream *st = s->streams->list[i];

		if (st != NULL && is_used(st, &publishes, &name) &&
		    !st->is_paused && !st->is_ended)
			return true;
	}
	return false;
}
