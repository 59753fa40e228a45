/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A playback reads tags ahead of a clock: what may be sent now is everything
 * up to (where it began + time passed since + the receiver's buffer). It stops
 * earlier when the receiver has not taken what it got, and at the end of what
 * a growing recording holds. One timer brings it back in each case.
 *
 * Time: the file's clock in `file_ms`, the play's timeline (0 = requested
 * start) in everything that goes out.
 */
#include "core/playback.h"

#include <stdlib.h>
#include <string.h>

#include "core/record_int.h"
#include "net/timer.h"
#include "storage/media.h"

#define BUFFER_MS     2000 /* until the receiver says */
#define BUFFER_MIN_MS 100
#define STEP_MIN_MS   20 /* media sent at one time */
#define STEP_MAX_MS   250
#define GROWTH_MS     100 /* look again at the end of a growing file */
#define BUSY_MS       20  /* no read buffer is free */
#define BACKLOG_MS    50  /* the receiver is behind and says nothing */

enum playback_state {
	PLAYBACK_OPENING,
	PLAYBACK_OPEN,    /* before playback_start */
	PLAYBACK_PLACING, /* a seek is being looked up */
	PLAYBACK_RUNS,
	PLAYBACK_ENDED, /* all delivered; a seek goes back */
	PLAYBACK_FAILED
};

enum why_placing {
	BY_START,
	BY_SEEK,
	BY_RESUME
};

struct playback {
	struct instance *inst;
	struct loop *loop;
	const struct playback_ops *ops; /* NULL: closed */
	void *arg;
	struct media_reader *reader;
	struct timer *timer;
	enum playback_state state;
	enum why_placing placing;
	struct playback_info info;
	uint32_t start_ms;
	int64_t length_ms;
	uint32_t buffer_ms;
	bool want_audio, want_video;
	bool wait_key; /* pictures were off: go on at a key frame */
	bool paused;
	bool meta_due;      /* onMetaData: once, before the first media */
	int fail_due;       /* ended() is to come, not within the call */
	bool one_frame;     /* paused and sought: one key frame, then stop */
	uint32_t target_ms; /* of the seek, on the timeline */
	/* pacing: media time base_ms was due at clock_ms */
	uint64_t clock_ms;
	uint32_t base_ms;
	/* taken from the reader, not due yet */
	struct media_tag next;
	bool has_next;
	struct packet *last; /* sent with the next one, or as the last */
	uint32_t sent_ms;    /* highest time delivered */
	uint64_t bytes;
};

static uint32_t
timeline(const struct playback *p, uint32_t file_ms)
{
	return file_ms > p->start_ms ? file_ms - p->start_ms : 0;
}

static void
drop_next(struct playback *p)
{
	if (p->has_next)
		refbuf_unref(p->next.payload);
	p->has_next = false;
}

static void
drop_last(struct playback *p)
{
	if (p->last != NULL)
		packet_unref(p->last);
	p->last = NULL;
}

static void
playback_free(void *obj)
{
	free(obj);
}

static void
end(struct playback *p, int result)
{
	timer_stop(p->timer);
	drop_next(p);
	p->state = result == FCS_OK ? PLAYBACK_ENDED : PLAYBACK_FAILED;
	p->one_frame = false;
	p->ops->ended(p->arg, result, p->sent_ms, p->bytes);
}

/* --- delivering; after each of these p->ops may be NULL (closed) --- */

static void
flush(struct playback *p, bool last)
{
	struct packet *packet = p->last;

	if (packet == NULL)
		return;
	p->last = NULL;
	p->ops->packet(p->arg, packet, last);
	packet_unref(packet);
}

static int
deliver(struct playback *p, uint8_t type, uint32_t ms, struct refbuf *payload)
{
	struct packet *packet = packet_from(type, ms, payload);

	if (packet == NULL)
		return FCS_ENOMEM;
	flush(p, false);
	if (p->ops == NULL) {
		packet_unref(packet);
		return FCS_ECLOSED;
	}
	p->last = packet;
	p->bytes += payload->len;
	if (ms > p->sent_ms)
		p->sent_ms = ms;
	return FCS_OK;
}

/* Is this one for the receiver? */
static bool
is_wanted(struct playback *p, const struct media_tag *t)
{
	struct avtag av;

	if (t->metadata)
		return false; /* it went out at the start */
	if (t->type == MESSAGE_AUDIO) {
		if (p->want_audio)
			return !p->one_frame || !p->info.has_video;
		return (avtag_audio(t->payload->data, t->payload->len).flags &
			   AVTAG_CONFIG) != 0;
	}
	if (t->type != MESSAGE_VIDEO)
		return true;
	av = avtag_video(t->payload->data, t->payload->len);
	if ((av.flags & AVTAG_CONFIG) != 0)
		return true;
	if (!p->want_video)
		return false;
	if (p->wait_key && (av.flags & AVTAG_KEY) == 0)
		return false;
	p->wait_key = false;
	return true;
}

/* The one frame of a seek while paused, or of a play of length 0. */
static bool
is_the_frame(const struct playback *p, const struct media_tag *t)
{
	uint32_t flags;

	if (t->type == MESSAGE_VIDEO)
		flags = avtag_video(t->payload->data, t->payload->len).flags;
	else if (t->type == MESSAGE_AUDIO && !p->info.has_video)
		flags = avtag_audio(t->payload->data, t->payload->len).flags |
			AVTAG_KEY;
	else
		return false;
	return (flags & AVTAG_KEY) != 0 && (flags & AVTAG_CONFIG) == 0;
}

static bool
is_past_length(const struct playback *p, const struct media_tag *t)
{
	return p->length_ms > 0 &&
	       (uint64_t)t->ts_ms >=
		   (uint64_t)p->start_ms + (uint64_t)p->length_ms;
}

static bool
is_backlogged(struct playback *p)
{
	const struct limits *l = application_env(instance_app(p->inst))->limits;
	size_t bytes = 0;
	uint32_t ms = 0;

	if (p->ops->backlog == NULL)
		return false;
	p->ops->backlog(p->arg, &bytes, &ms);
	return bytes >= (size_t)limits_get(l, LIMIT_OUT_BYTES) / 2;
}

/* Time may be sent up to, on the timeline. */
static uint64_t
horizon(const struct playback *p)
{
	return p->base_ms + (loop_now_ms(p->loop) - p->clock_ms) + p->buffer_ms;
}

static uint32_t
step(const struct playback *p)
{
	uint32_t ms = p->buffer_ms / 4;

	return ms < STEP_MIN_MS   ? STEP_MIN_MS
	       : ms > STEP_MAX_MS ? STEP_MAX_MS
				  : ms;
}

/* The reader has nothing now: why, and when to look again. False: it ended. */
static bool
wait_for_more(struct playback *p, int rc, bool growing)
{
	switch (rc) {
	case FCS_EAGAIN:
		return true; /* ready() comes */
	case FCS_EBUSY:
		timer_set(p->timer, BUSY_MS);
		return true;
	case FCS_ENOENT:
		if (!growing)
			return false;
		timer_set(p->timer, GROWTH_MS);
		return true;
	default:
		return false;
	}
}

/* Send what is due. */
static void
pump(struct playback *p)
{
	bool growing;
	int rc;

	timer_stop(p->timer);
	while (p->state == PLAYBACK_RUNS && (!p->paused || p->one_frame)) {
		if (!p->has_next) {
			/* asked before: what is written then is the end */
			growing = media_reader_growing(p->reader);
			rc = media_reader_next(p->reader, &p->next);
			if (rc != FCS_OK) {
				flush(p, true);
				if (p->ops != NULL &&
				    !wait_for_more(p, rc, growing))
					end(p, rc == FCS_ENOENT ? FCS_OK : rc);
				return;
			}
			p->has_next = true;
		}
		if (is_past_length(p, &p->next)) {
			flush(p, true);
			if (p->ops != NULL)
				end(p, FCS_OK);
			return;
		}
		if (timeline(p, p->next.ts_ms) > horizon(p) && !p->one_frame &&
		    p->length_ms != 0) {
			uint64_t wait = timeline(p, p->next.ts_ms) - horizon(p);

			flush(p, true);
			if (p->ops != NULL)
				timer_set(p->timer,
				    wait < step(p) ? step(p) : (uint32_t)wait);
			return;
		}
		if (is_backlogged(p)) {
			flush(p, true);
			if (p->ops != NULL)
				timer_set(p->timer, BACKLOG_MS);
			return;
		}
		rc = FCS_OK;
		if (is_wanted(p, &p->next))
			rc = deliver(p, p->next.type,
			    timeline(p, p->next.ts_ms), p->next.payload);
		if (rc == FCS_ECLOSED)
			return;
		if (rc != FCS_OK) {
			end(p, rc);
			return;
		}
		if ((p->one_frame || p->length_ms == 0) &&
		    is_the_frame(p, &p->next)) {
			drop_next(p);
			p->one_frame = false;
			flush(p, true);
			if (p->ops != NULL && p->length_ms == 0 && !p->paused)
				end(p, FCS_OK);
			return;
		}
		drop_next(p);
	}
}

static void
on_timer(void *arg)
{
	struct playback *p = arg;

	if (p->fail_due != FCS_OK)
		end(p, p->fail_due);
	else
		pump(p);
}

/* --- the reader's answers --- */

static void
on_opened(
    void *arg, int result, const struct err *why, const struct media_info *info)
{
	struct playback *p = arg;

	(void)why;
	if (result == FCS_OK) {
		p->state = PLAYBACK_OPEN;
		p->info.duration_ms = info->duration_ms;
		p->info.size = info->size;
		p->info.growing = info->growing;
		p->info.has_video = info->has_video;
		p->info.has_audio = info->has_audio;
	} else {
		p->state = PLAYBACK_FAILED;
	}
	p->ops->opened(p->arg, result, result == FCS_OK ? &p->info : NULL);
}

/* Metadata and headers that belong before the media of this place. */
static int
deliver_heads(
    struct playback *p, const struct media_place *place, uint32_t key_ms)
{
	int rc = FCS_OK;

	if (p->meta_due)
		rc = deliver(p, MESSAGE_DATA, key_ms, place->meta);
	p->meta_due = false;
	if (rc == FCS_OK && place->video_conf != NULL)
		rc = deliver(p, MESSAGE_VIDEO, key_ms, place->video_conf);
	if (rc == FCS_OK && place->audio_conf != NULL)
		rc = deliver(p, MESSAGE_AUDIO, key_ms, place->audio_conf);
	return rc;
}

static void
on_placed(void *arg, const struct media_place *place)
{
	struct playback *p = arg;
	uint32_t key_ms = timeline(p, place->key_ms);
	int rc;

	if (place->result != FCS_OK) {
		if (p->placing == BY_SEEK) {
			p->ops->sought(p->arg, place->result, p->target_ms, 0);
			if (p->ops == NULL)
				return;
		}
		end(p, place->result);
		return;
	}
	/* past the end: the last key frame is where it goes on */
	p->base_ms = p->target_ms;
	if (!media_reader_growing(p->reader) &&
	    p->target_ms > timeline(p, media_reader_duration(p->reader)))
		p->base_ms = key_ms;
	p->clock_ms = loop_now_ms(p->loop);
	p->state = PLAYBACK_RUNS;
	p->wait_key = false;
	p->one_frame = p->paused;
	if (p->placing == BY_SEEK) {
		p->ops->sought(p->arg, FCS_OK, p->target_ms, key_ms);
		if (p->ops == NULL || p->state != PLAYBACK_RUNS)
			return;
	}
	rc = deliver_heads(p, place, key_ms);
	if (rc == FCS_ECLOSED)
		return;
	if (rc != FCS_OK)
		end(p, rc);
	else
		pump(p);
}

static void
on_ready(void *arg)
{
	pump(arg);
}

static const struct media_reader_ops reader_ops = {
	.opened = on_opened,
	.placed = on_placed,
	.ready = on_ready,
};

/* --- outside --- */

struct playback *
playback_open(struct instance *inst, const char *name, uint32_t start_ms,
    int64_t length_ms, const struct playback_ops *ops, void *arg)
{
	const struct application_env *env = application_env(instance_app(inst));
	struct playback *p;

	if (env->media == NULL)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->inst = inst;
	p->loop = env->loop;
	p->ops = ops;
	p->arg = arg;
	p->start_ms = start_ms;
	p->length_ms = length_ms < 0 ? -1 : length_ms;
	p->buffer_ms = BUFFER_MS;
	p->want_audio = p->want_video = true;
	p->timer = timer_new(p->loop, on_timer, p);
	p->reader = media_reader_open(
	    env->media, instance_name(inst), name, &reader_ops, p);
	if (p->timer == NULL || p->reader == NULL) {
		media_reader_close(p->reader);
		timer_free(p->timer);
		free(p);
		return NULL;
	}
	return p;
}

static void
place(struct playback *p, enum why_placing why, uint32_t ms)
{
	uint32_t file_ms =
	    ms > UINT32_MAX - p->start_ms ? UINT32_MAX : ms + p->start_ms;

	timer_stop(p->timer);
	drop_next(p);
	drop_last(p);
	p->state = PLAYBACK_PLACING;
	p->placing = why;
	p->target_ms = ms;
	p->fail_due = media_reader_seek(p->reader, file_ms);
	if (p->fail_due != FCS_OK)
		timer_set(p->timer, 0);
}

void
playback_start(struct playback *p)
{
	if (p->state != PLAYBACK_OPEN)
		return;
	p->meta_due = true;
	place(p, BY_START, 0);
}

void
playback_seek(struct playback *p, uint32_t ms)
{
	if (p->state == PLAYBACK_OPENING || p->state == PLAYBACK_OPEN ||
	    p->state == PLAYBACK_FAILED)
		return;
	place(p, BY_SEEK, ms);
}

void
playback_pause(struct playback *p, bool pause, uint32_t ms)
{
	if (pause) {
		p->paused = true;
		p->one_frame = false;
		timer_stop(p->timer);
		drop_last(p);
		return;
	}
	if (!p->paused)
		return;
	p->paused = false;
	/* a seek on its way goes on as one that is not paused */
	if (p->state == PLAYBACK_RUNS || p->state == PLAYBACK_ENDED)
		place(p, BY_RESUME, ms);
}

void
playback_set_buffer(struct playback *p, uint32_t ms)
{
	p->buffer_ms = ms < BUFFER_MIN_MS ? BUFFER_MIN_MS : ms;
	if (p->state == PLAYBACK_RUNS && timer_is_set(p->timer))
		timer_set(p->timer, 0);
}

void
playback_set_wants(struct playback *p, bool audio, bool video)
{
	if (video && !p->want_video)
		p->wait_key = true;
	p->want_audio = audio;
	p->want_video = video;
}

void
playback_drained(struct playback *p)
{
	/* not from within: what drained may be what we are sending */
	if (p->state == PLAYBACK_RUNS && timer_is_set(p->timer))
		timer_set(p->timer, 0);
}

const struct playback_info *
playback_info(const struct playback *p)
{
	struct playback *w = (struct playback *)(uintptr_t)p;

	if (p->state != PLAYBACK_OPENING && p->state != PLAYBACK_FAILED) {
		w->info.duration_ms = media_reader_duration(p->reader);
		w->info.size = media_reader_size(p->reader);
		w->info.growing = media_reader_growing(p->reader);
	}
	return &p->info;
}

void
playback_close(struct playback *p)
{
	if (p == NULL || p->ops == NULL)
		return;
	p->ops = NULL;
	p->state = PLAYBACK_FAILED;
	timer_free(p->timer);
	p->timer = NULL;
	drop_next(p);
	drop_last(p);
	media_reader_close(p->reader);
	loop_defer_free(p->loop, playback_free, p);
}

/* --- the length of a recording --- */

struct playback_length {
	struct record_set *set; /* NULL: the instance is gone */
	struct playback_length *next;
	void (*answer)(
	    struct instance *, uint64_t owner, uint64_t extra, int64_t ms);
	uint64_t owner, extra;
	int64_t ms;
};

static void
length_answer(struct playback_length *q)
{
	struct playback_length **at;

	if (q->set != NULL) {
		for (at = &q->set->lengths; *at != q; at = &(*at)->next)
			;
		*at = q->next;
		q->answer(q->set->inst, q->owner, q->extra, q->ms);
	}
	free(q);
}

static void
length_known(
    void *arg, int result, const struct err *why, const struct media_info *info)
{
	struct playback_length *q = arg;

	(void)why;
	q->ms = result == FCS_OK ? (int64_t)info->duration_ms : -1;
	length_answer(q);
}

void
playback_length_orphan(struct record_set *set)
{
	for (struct playback_length *q = set->lengths; q != NULL; q = q->next)
		q->set = NULL;
	set->lengths = NULL;
}

void
playback_length(struct instance *inst, const char *name,
    void (*answer)(
	struct instance *, uint64_t owner, uint64_t extra, int64_t ms),
    uint64_t owner, uint64_t extra)
{
	struct record_set *set = instance_module(inst, MODULE_RECORD);
	struct media *media = application_env(instance_app(inst))->media;
	struct playback_length *q = NULL;

	if (media != NULL && set != NULL)
		q = calloc(1, sizeof(*q));
	if (q == NULL) {
		answer(inst, owner, extra, -1);
		return;
	}
	q->answer = answer;
	q->owner = owner;
	q->extra = extra;
	q->ms = -1;
	q->set = set;
	q->next = set->lengths;
	set->lengths = q;
	if (media_admin_info(
		media, instance_name(inst), name, length_known, q) != FCS_OK)
		length_answer(q);
}
