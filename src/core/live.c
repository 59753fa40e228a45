/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A live stream is a list of sinks and what a newcomer needs. A message of the
 * publisher becomes one packet; sinks get references to it, so that the work
 * per viewer is a pointer in a queue (DESIGN 3). Audio may wait for the next
 * video frame: the `flush` argument tells a sink whether what is queued must
 * leave at the end of this turn, and one timer per stream bounds the wait.
 *
 * Sinks may detach themselves (never others) from inside packet(): the walk
 * keeps its place in the stream, live_detach() moves it on.
 */
#include "core/live.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "core/livecache.h"
#include "net/timer.h"

#define LIVE_AUDIO_WAIT_MS 30  /* longest wait of audio for a video frame */
#define LIVE_NO_VIDEO_MS   500 /* without video: audio leaves at once */

struct live_set { /* the live module of one instance */
	struct instance *inst;
	struct live *streams; /* by name */
	struct loop_task sweep;
};

struct live {
	UT_hash_handle hh;
	struct live_set *set;
	char *name;
	bool is_published;
	struct live_publisher pub; /* texts owned below */
	char *pub_client, *pub_type, *pub_query;
	struct live_sink *sinks, *walk; /* walk: next sink of the fan-out */
	struct livecache cache;
	struct timer *flush_timer;
	uint64_t last_video_ms; /* loop time */
	uint64_t rate_since_ms, rate_bytes;
	struct live_stats stats;
};

static void
live_free(struct live *lv)
{
	HASH_DELETE(hh, lv->set->streams, lv);
	timer_free(lv->flush_timer);
	livecache_fini(&lv->cache);
	free(lv->pub_client);
	free(lv->pub_type);
	free(lv->pub_query);
	free(lv->name);
	free(lv);
}

/* End of turn: streams nobody holds any more go. */
static void
sweep(void *arg)
{
	struct live_set *set = arg;
	struct live *lv, *tmp;

	HASH_ITER(hh, set->streams, lv, tmp)
	{
		if (!lv->is_published && lv->sinks == NULL)
			live_free(lv);
	}
}

static void
want_sweep(struct live_set *set)
{
	loop_at_end(instance_loop(set->inst), LOOP_FLUSH, &set->sweep);
}

static void
flush_due(void *arg)
{
	struct live *lv = arg;
	struct live_sink *s;

	for (s = lv->sinks; s != NULL; s = lv->walk) {
		lv->walk = s->next;
		if (s->ops->flush != NULL)
			s->ops->flush(s->arg);
	}
}

struct live *
live_find(struct instance *inst, const char *name, bool create)
{
	struct live_set *set = instance_module(inst, MODULE_LIVE);
	const struct limits *limits =
	    application_env(instance_app(inst))->limits;
	struct live *lv;

	HASH_FIND_STR(set->streams, name, lv);
	if (lv != NULL || !create)
		return lv;
	if (HASH_COUNT(set->streams) >= limits_get(limits, LIMIT_STREAMS)) {
		limits_refuse(LIMIT_STREAMS);
		log_warn("live.streams", "inst=%s why=%s",
		    instance_full_name(inst), "limits.streams is reached");
		return NULL;
	}
	if ((lv = calloc(1, sizeof(*lv))) == NULL)
		return NULL;
	lv->set = set;
	lv->name = strdup(name);
	lv->flush_timer = timer_new(instance_loop(inst), flush_due, lv);
	if (lv->name == NULL || lv->flush_timer == NULL)
		goto fail;
	livecache_init(&lv->cache, limits);
	HASH_ADD_KEYPTR(hh, set->streams, lv->name, strlen(lv->name), lv);
	if (!hash_added(lv))
		goto fail;
	want_sweep(set);
	return lv;
fail:
	timer_free(lv->flush_timer);
	free(lv->name);
	free(lv);
	return NULL;
}

const char *
live_name(const struct live *lv)
{
	return lv->name;
}

struct instance *
live_instance(const struct live *lv)
{
	return lv->set->inst;
}

bool
live_is_published(const struct live *lv)
{
	return lv->is_published;
}

const struct live_publisher *
live_publisher(const struct live *lv)
{
	return lv->is_published ? &lv->pub : NULL;
}

static void
script_event(struct live *lv, enum script_event ev)
{
	struct script_args args = {
		.client = lv->pub.client[0] != '\0' ? lv->pub.client : NULL,
		.name = lv->name,
		.text = lv->pub.query,
		.mode = lv->pub.type,
	};

	instance_event(lv->set->inst, ev, &args);
}

static int
set_text(char **field, const char *text)
{
	free(*field);
	*field = strdup(text != NULL ? text : "");
	return *field != NULL ? FCS_OK : FCS_ENOMEM;
}

int
live_publish(struct live *lv, const struct live_publisher *pub)
{
	struct live_sink *s;

	if (lv->is_published)
		return FCS_EEXIST;
	if (set_text(&lv->pub_client, pub->client) != FCS_OK ||
	    set_text(&lv->pub_type, pub->type) != FCS_OK ||
	    set_text(&lv->pub_query, pub->query) != FCS_OK)
		return FCS_ENOMEM;
	lv->pub = *pub;
	lv->pub.client = lv->pub_client;
	lv->pub.type = lv->pub_type;
	lv->pub.query = lv->pub_query;
	lv->is_published = true;
	lv->stats.started_ms = (uint64_t)clock_wall_ms();
	lv->rate_since_ms = loop_now_ms(instance_loop(lv->set->inst));
	lv->rate_bytes = 0;
	for (s = lv->sinks; s != NULL; s = lv->walk) {
		lv->walk = s->next;
		s->ops->begin(s->arg);
	}
	script_event(lv, SCRIPT_PUBLISH);
	return FCS_OK;
}

void
live_unpublish(struct live *lv)
{
	struct live_sink *s;

	if (!lv->is_published)
		return;
	lv->is_published = false;
	timer_stop(lv->flush_timer);
	for (s = lv->sinks; s != NULL; s = lv->walk) {
		lv->walk = s->next;
		s->ops->end(s->arg);
	}
	livecache_clear(&lv->cache);
	lv->stats.started_ms = 0;
	lv->stats.bitrate_bps = 0;
	script_event(lv, SCRIPT_UNPUBLISH);
	want_sweep(lv->set);
}

void
live_close(struct live *lv, const char *why)
{
	struct live_publisher pub = lv->pub;

	if (!lv->is_published)
		return;
	live_unpublish(lv);
	if (pub.displaced != NULL)
		pub.displaced(pub.arg, why);
}

static void
count(struct live *lv, const struct packet *p)
{
	uint64_t now = loop_now_ms(instance_loop(lv->set->inst));
	uint64_t span;

	lv->stats.packets_in++;
	lv->stats.bytes_in += p->payload->len;
	lv->stats.last_ts_ms = p->ts_ms;
	lv->rate_bytes += p->payload->len;
	span = now - lv->rate_since_ms;
	if (span >= 2000) {
		lv->stats.bitrate_bps =
		    (uint32_t)(lv->rate_bytes * 8000 / span);
		lv->rate_since_ms = now;
		lv->rate_bytes = 0;
	}
	if (p->type == MESSAGE_VIDEO && (p->flags & AVTAG_EMPTY) == 0 &&
	    (p->flags & AVTAG_COMMAND) == 0)
		lv->stats.video =
		    avtag_video(p->payload->data, p->payload->len);
	else if (p->type == MESSAGE_AUDIO && (p->flags & AVTAG_EMPTY) == 0)
		lv->stats.audio =
		    avtag_audio(p->payload->data, p->payload->len);
}

/* Whether what is queued leaves at the end of this turn; else the timer. */
static bool
decide_flush(struct live *lv, const struct packet *p)
{
	const struct application_env *env =
	    application_env(instance_app(lv->set->inst));
	uint32_t wait_ms = LIVE_AUDIO_WAIT_MS;
	uint64_t now = loop_now_ms(env->loop);
	int64_t merge_ms = config_app_int(env->settings, APP_LIVE_MERGE_MS);

	if (p->type == MESSAGE_VIDEO)
		lv->last_video_ms = now;
	if (merge_ms > 0)
		wait_ms = (uint32_t)merge_ms;
	else if (p->type != MESSAGE_AUDIO ||
		 now - lv->last_video_ms > LIVE_NO_VIDEO_MS) {
		timer_stop(lv->flush_timer);
		return true;
	}
	if (!timer_is_set(lv->flush_timer))
		timer_set(lv->flush_timer, wait_ms);
	return false;
}

static void
fan_out(struct live *lv, struct packet *p)
{
	struct live_sink *s;
	bool flush = decide_flush(lv, p);

	for (s = lv->sinks; s != NULL; s = lv->walk) {
		lv->walk = s->next;
		s->ops->packet(s->arg, p, flush);
	}
}

int
live_feed(struct live *lv, uint8_t type, uint32_t ts_ms, const uint8_t *payload,
    size_t len)
{
	struct packet *p = NULL;
	int rc;

	if (!lv->is_published)
		return FCS_ECLOSED;
	if (type == MESSAGE_AUDIO || type == MESSAGE_VIDEO) {
		if ((p = packet_new(type, ts_ms, payload, len)) == NULL)
			return FCS_ENOMEM;
		livecache_media(&lv->cache, p);
	} else {
		rc = livecache_data(&lv->cache, type, ts_ms, payload, len, &p);
		if (rc != FCS_OK) {
			log_info("stream.data_dropped",
			    "inst=%s stream=%s why=%s",
			    instance_full_name(lv->set->inst), lv->name,
			    err_text(rc));
			return rc == FCS_ENOMEM ? rc : FCS_OK;
		}
		if (p == NULL) /* @clearDataFrame: nothing to pass on */
			return FCS_OK;
	}
	count(lv, p);
	fan_out(lv, p);
	packet_unref(p);
	return FCS_OK;
}

struct tell { /* waits for the commit barrier */
	struct instance *inst;
	struct refbuf *payload;
	char name[];
};

static void
tell_due(void *arg, int result)
{
	struct tell *t = arg;
	struct live *lv = NULL;

	if (result == FCS_OK)
		lv = live_find(t->inst, t->name, false);
	if (lv != NULL) /* without memory it is lost, and logged */
		fcs_ignore(live_feed(lv, MESSAGE_DATA, lv->stats.last_ts_ms,
		    t->payload->data, t->payload->len));
	refbuf_unref(t->payload);
	free(t);
}

int
live_tell(struct live *lv, const uint8_t *payload, size_t len)
{
	struct tell *t;
	size_t n = strlen(lv->name) + 1;
	int rc = FCS_ENOMEM;

	if (!lv->is_published)
		return FCS_ECLOSED;
	t = malloc(sizeof(*t) + n);
	if (t == NULL)
		return rc;
	t->inst = lv->set->inst;
	memcpy(t->name, lv->name, n);
	t->payload = refbuf_from(payload, len);
	if (t->payload != NULL)
		rc = instance_later(t->inst, tell_due, t);
	if (rc != FCS_OK) {
		refbuf_unref(t->payload);
		free(t);
	}
	return rc;
}

static void
to_sink(void *arg, struct packet *p)
{
	struct live_sink *s = arg;

	if (s->live != NULL)
		s->ops->packet(s->arg, p, true);
}

void
live_attach(struct live *lv, struct live_sink *s, bool with_cache)
{
	s->live = lv;
	s->prev = NULL;
	s->next = lv->sinks;
	if (lv->sinks != NULL)
		lv->sinks->prev = s;
	lv->sinks = s;
	if (s->viewer)
		lv->stats.viewers++;
	if (with_cache)
		livecache_replay(&lv->cache, lv->stats.last_ts_ms, to_sink, s);
}

void
live_detach(struct live_sink *s)
{
	struct live *lv = s->live;

	if (lv == NULL)
		return;
	if (lv->walk == s)
		lv->walk = s->next;
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		lv->sinks = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	if (s->viewer)
		lv->stats.viewers--;
	s->live = NULL;
	want_sweep(lv->set);
}

struct live_stats *
live_stats(struct live *lv)
{
	return &lv->stats;
}

void
live_each(struct instance *inst, void (*fn)(void *, struct live *), void *arg)
{
	struct live_set *set = instance_module(inst, MODULE_LIVE);
	struct live *lv, *tmp;

	HASH_ITER(hh, set->streams, lv, tmp)
	fn(arg, lv);
}

struct refbuf *
live_metadata(struct live *lv)
{
	return livecache_find(&lv->cache, "onMetaData");
}

static void *
module_open(struct instance *inst)
{
	struct live_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return NULL;
	set->inst = inst;
	set->sweep.fn = sweep;
	set->sweep.arg = set;
	return set;
}

/* Publishers and viewers leave with their clients; see sess_stream_fini. */
static void
module_client_gone(void *state, struct client *c)
{
	(void)state;
	(void)c;
}

static void
module_stop(void *state, void (*done)(void *arg), void *arg)
{
	struct live_set *set = state;
	struct live *lv, *tmp;

	HASH_ITER(hh, set->streams, lv, tmp)
	live_close(lv, "application stopped");
	done(arg);
}

static void
module_close(void *state)
{
	struct live_set *set = state;
	struct live *lv, *tmp;

	loop_cancel(instance_loop(set->inst), LOOP_FLUSH, &set->sweep);
	HASH_ITER(hh, set->streams, lv, tmp)
	{
		while (lv->sinks != NULL)
			live_detach(lv->sinks);
		live_free(lv);
	}
	loop_cancel(instance_loop(set->inst), LOOP_FLUSH, &set->sweep);
	free(set);
}

const struct application_module live_module = {
	.open = module_open,
	.client_gone = module_client_gone,
	.stop = module_stop,
	.close = module_close,
};
