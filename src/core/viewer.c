/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/viewer.h"

static enum viewer_verdict
drop(struct viewer *v, const struct packet *p)
{
	bool first = !v->is_behind;

	v->is_behind = true;
	v->dropped++;
	if (p->type == MESSAGE_VIDEO)
		v->has_key = false;
	return first ? VIEWER_DROP_TELL : VIEWER_DROP;
}

enum viewer_verdict
viewer_admit(struct viewer *v, const struct packet *p,
    const struct viewer_limits *lim, const struct viewer_queue *q)
{
	uint64_t waited_ms;
	uint32_t lag_ms;
	bool is_hard;

	if (!q->is_blocked) {
		v->clear_ms = q->now_ms;
		v->is_behind = false;
		v->is_settled |= q->bytes == 0;
	}
	if ((p->type != MESSAGE_AUDIO && p->type != MESSAGE_VIDEO) ||
	    (p->flags & AVTAG_CONFIG) != 0)
		return q->is_blocked && q->bytes / 8 >= lim->hard_bytes
			   ? VIEWER_CLOSE
			   : VIEWER_SEND;

	waited_ms = q->now_ms - v->clear_ms;
	lag_ms = waited_ms < q->media_ms ? (uint32_t)waited_ms : q->media_ms;
	if (!v->is_settled) /* what a newcomer got at once is no lag of his */
		lag_ms = 0;
	is_hard = q->is_blocked &&
		  (q->bytes >= lim->hard_bytes || lag_ms >= lim->hard_ms);
	if (is_hard)
		return drop(v, p);
	if (p->type == MESSAGE_AUDIO)
		return VIEWER_SEND;
	if ((p->flags & AVTAG_KEY) != 0) {
		if (v->is_behind && lag_ms >= lim->soft_ms)
			return drop(v, p);
		v->has_key = true;
		return VIEWER_SEND;
	}
	if (!v->has_key) { /* a newcomer has lost nothing */
		v->dropped += v->is_behind;
		return VIEWER_DROP;
	}
	if (lag_ms >= lim->soft_ms)
		return drop(v, p);
	return VIEWER_SEND;
}

void
viewer_resync(struct viewer *v)
{
	v->has_key = false;
}
