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
    const struct viewer_limits *lim, size_t bytes, uint32_t media_ms)
{
	bool is_hard;

	if (bytes == 0) {
		v->is_settled = true;
		v->is_behind = false;
	}
	if ((p->type != MESSAGE_AUDIO && p->type != MESSAGE_VIDEO) ||
	    (p->flags & AVTAG_CONFIG) != 0)
		return VIEWER_SEND;

	/* What was sent at once to a newcomer is no lag of his. */
	is_hard = bytes >= lim->hard_bytes ||
		  (v->is_settled && media_ms >= lim->hard_ms);
	if (is_hard)
		return drop(v, p);
	if (p->type == MESSAGE_AUDIO)
		return VIEWER_SEND;
	if ((p->flags & AVTAG_KEY) != 0) {
		if (v->is_behind && media_ms >= lim->soft_ms)
			return drop(v, p);
		v->has_key = true;
		return VIEWER_SEND;
	}
	if (!v->has_key) { /* a newcomer has lost nothing */
		v->dropped += v->is_behind;
		return VIEWER_DROP;
	}
	if (v->is_settled && media_ms >= lim->soft_ms)
		return drop(v, p);
	return VIEWER_SEND;
}

void
viewer_resync(struct viewer *v)
{
	v->has_key = false;
}
