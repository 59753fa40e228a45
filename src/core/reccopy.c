/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First the new name is looked up (it must be free), then the old one is
 * opened and positioned, then tags go from the reader to the writer: so many a
 * turn, that live streams keep their turn, and only while the writer's queue
 * to the disk is short. Whatever goes wrong ends in finish(), once.
 */
#include "core/reccopy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/message.h"
#include "net/timer.h"

#define STEP_TAGS  256
#define STEP_BYTES (256u << 10)
#define WAIT_MS    20 /* for a buffer, or the disk */
#define REASON_MAX 200

struct reccopy {
	const struct application_env *env;
	char inst[NAME_INSTANCE_MAX + 1];
	char from[NAME_STREAM_MAX + 1], to[NAME_STREAM_MAX + 1];
	uint32_t from_ms, to_ms;
	reccopy_fn done;
	void *arg;
	struct media_reader *reader;
	struct media_writer *writer;
	struct timer *step;
	bool asking;    /* for the free name, or to delete a half copy */
	bool cancelled; /* done() is not wanted any more */
	bool begun;     /* zero_ms is set */
	uint32_t zero_ms;
	int result;
	char why[REASON_MAX];
};

static void
destroy(struct reccopy *c)
{
	timer_free(c->step);
	free(c);
}

static void
deliver(struct reccopy *c)
{
	if (!c->cancelled)
		c->done(c->arg, c->result, c->why);
	destroy(c);
}

static void
on_deleted(
    void *arg, int result, const struct err *why, const struct media_info *info)
{
	(void)result;
	(void)why;
	(void)info;
	deliver(arg);
}

/* The writer is gone: a copy that is not whole goes too. */
static void
on_closed(void *arg, int result, const struct err *why)
{
	struct reccopy *c = arg;

	c->writer = NULL;
	if (result != FCS_OK && c->result == FCS_OK) {
		c->result = result;
		(void)snprintf(c->why, sizeof(c->why), "%s", why->text);
	}
	if (c->result == FCS_OK || media_admin_delete(c->env->media, c->inst,
				       c->to, on_deleted, c) != FCS_OK)
		deliver(c);
}

static void
finish(struct reccopy *c, int result, const char *why)
{
	c->result = result;
	(void)snprintf(c->why, sizeof(c->why), "%s", why);
	timer_stop(c->step);
	if (c->reader != NULL)
		media_reader_close(c->reader);
	c->reader = NULL;
	if (c->writer != NULL)
		media_writer_close(c->writer); /* on_closed() follows */
	else if (!c->asking)
		deliver(c);
}

/* ---- tags ---- */

static bool
write_tag(struct reccopy *c, uint8_t type, uint32_t ts_ms, struct refbuf *p)
{
	int rc = media_writer_append(
	    c->writer, type, ts_ms > c->zero_ms ? ts_ms - c->zero_ms : 0, p);

	if (rc != FCS_OK)
		finish(c, rc, err_text(rc));
	return rc == FCS_OK;
}

static bool
queue_is_long(struct reccopy *c)
{
	struct media_stats st;

	media_stats(c->env->media, &st);
	return st.queued_bytes > 4 * STEP_BYTES;
}

/* One tag; false: not now, or it is over. */
static bool
next(struct reccopy *c, size_t *bytes)
{
	struct media_tag tag;
	int rc = media_reader_next(c->reader, &tag);
	bool more = true;

	if (rc == FCS_EAGAIN)
		return false; /* on_ready() goes on */
	if (rc == FCS_EBUSY) {
		timer_set(c->step, WAIT_MS);
		return false;
	}
	if (rc == FCS_ENOENT) {
		finish(c, FCS_OK, "");
		return false;
	}
	if (rc != FCS_OK) {
		finish(c, rc, err_text(rc));
		return false;
	}
	*bytes += tag.payload->len;
	if (tag.ts_ms >= c->to_ms && c->to_ms != UINT32_MAX) {
		more = false;
		finish(c, FCS_OK, "");
	} else if (!tag.metadata) {
		more = write_tag(c, tag.type, tag.ts_ms, tag.payload);
	}
	refbuf_unref(tag.payload);
	return more;
}

static void
on_step(void *arg)
{
	struct reccopy *c = arg;
	size_t bytes = 0;
	int n;

	if (queue_is_long(c)) {
		timer_set(c->step, WAIT_MS);
		return;
	}
	for (n = 0; n < STEP_TAGS && bytes < STEP_BYTES; n++)
		if (!next(c, &bytes))
			return;
	timer_set(c->step, 1);
}

/* ---- the reader ---- */

static void
on_opened(
    void *arg, int result, const struct err *why, const struct media_info *info)
{
	struct reccopy *c = arg;

	(void)info;
	if (result != FCS_OK)
		finish(c, result, why->text);
	else if (media_reader_seek(c->reader, c->from_ms) != FCS_OK)
		finish(c, FCS_ENOMEM, "out of memory");
}

static void
on_writer_opened(void *arg, int result, const struct err *why, bool existed,
    uint32_t last_ts_ms, int64_t idle_ms)
{
	struct reccopy *c = arg;

	(void)existed;
	(void)last_ts_ms;
	(void)idle_ms;
	if (result != FCS_OK && c->result == FCS_OK && c->reader != NULL)
		finish(c, result, why->text);
}

static void
on_failed(void *arg, int result, const struct err *why)
{
	struct reccopy *c = arg;

	if (c->reader != NULL)
		finish(c, result, why->text);
}

static const struct media_writer_ops writer_ops = { on_writer_opened, on_failed,
	on_closed };

static void
on_placed(void *arg, const struct media_place *place)
{
	struct reccopy *c = arg;
	struct err why;
	int rc = place->result;

	err_clear(&why);
	if (rc != FCS_OK) {
		finish(c, rc, err_text(rc));
		return;
	}
	rc = media_writer_open(c->env->media, c->inst, c->to, MEDIA_NEW,
	    &writer_ops, c, &c->writer, &why);
	if (rc != FCS_OK) {
		c->writer = NULL;
		finish(c, rc, why.text);
		return;
	}
	c->zero_ms = place->at_start ? 0 : place->key_ms;
	if (place->meta != NULL)
		media_writer_metadata(
		    c->writer, place->meta->data, place->meta->len);
	if (!place->at_start && place->video_conf != NULL &&
	    !write_tag(c, MESSAGE_VIDEO, c->zero_ms, place->video_conf))
		return;
	if (!place->at_start && place->audio_conf != NULL &&
	    !write_tag(c, MESSAGE_AUDIO, c->zero_ms, place->audio_conf))
		return;
	timer_set(c->step, 0);
}

static void
on_ready(void *arg)
{
	struct reccopy *c = arg;

	timer_set(c->step, 0);
}

static const struct media_reader_ops reader_ops = { on_opened, on_placed,
	on_ready };

/* ---- beginning ---- */

/* ENOENT is what we want to hear. */
static void
on_looked(
    void *arg, int result, const struct err *why, const struct media_info *info)
{
	struct reccopy *c = arg;

	c->asking = false;
	if (c->cancelled) {
		destroy(c);
		return;
	}
	if (result == FCS_OK && !info->read_only) {
		finish(c, FCS_EEXIST, "there is a recording of that name");
		return;
	}
	if (result != FCS_OK && result != FCS_ENOENT) {
		finish(c, result, why->text);
		return;
	}
	c->reader =
	    media_reader_open(c->env->media, c->inst, c->from, &reader_ops, c);
	if (c->reader == NULL)
		finish(c, FCS_ENOMEM, "out of memory");
}

struct reccopy *
reccopy_start(const struct application_env *env, const char *inst,
    const char *from, const char *to, uint32_t from_ms, uint32_t to_ms,
    reccopy_fn done, void *arg)
{
	struct reccopy *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->env = env;
	c->from_ms = from_ms;
	c->to_ms = to_ms;
	c->done = done;
	c->arg = arg;
	(void)snprintf(c->inst, sizeof(c->inst), "%s", inst);
	c->step = timer_new(env->loop, on_step, c);
	if (c->step == NULL || media_name(from, c->from) != FCS_OK ||
	    media_name(to, c->to) != FCS_OK)
		goto fail;
	c->asking = true;
	if (media_admin_info(env->media, inst, c->to, on_looked, c) == FCS_OK)
		return c;
fail:
	destroy(c);
	return NULL;
}

void
reccopy_cancel(struct reccopy *c)
{
	if (c->cancelled)
		return;
	c->cancelled = true;
	if (!c->asking)
		finish(c, FCS_ECLOSED, "cancelled");
}
