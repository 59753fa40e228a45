/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * media_writer - the loop thread's half of a recording being made: references
 * to payloads are left with the writer, which the media thread empties
 * (media_write.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "storage/media_int.h"
#include "storage/rechead.h"

static struct media_writer *
find_on_loop(struct media *m, const char *key)
{
	for (struct media_writer *w = m->loop_writers; w != NULL;
	     w = w->loop_next)
		if (strcmp(w->name_key, key) == 0)
			return w;
	return NULL;
}

bool
media_is_growing(struct media *m, const char *inst, const char *name)
{
	struct recpath path;
	char key[RECPATH_MAX + 2];

	if (recpath_make(inst, name, &path, NULL) != FCS_OK)
		return false;
	snprintf(key, sizeof(key), "r/%s", path.path);
	return find_on_loop(m, key) != NULL;
}

static void
writer_free(struct media_writer *w)
{
	for (size_t i = 0; i < w->pending_count; i++)
		refbuf_unref(w->pending[i].payload);
	free(w->pending);
	free(w->meta);
	media_file_unref(w->file);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void open_done(struct media *, struct media_job *);
static void close_done(struct media *, struct media_job *);
static void kick_done(struct media *, struct media_job *);

static struct media_write_job *
job_new(struct media_writer *w, void (*run)(struct media *, struct media_job *),
    void (*done)(struct media *, struct media_job *))
{
	struct media_write_job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	j->job.run = run;
	j->job.done = done;
	j->w = w;
	j->result = err_set(&j->why, FCS_ECLOSED, "stopping");
	return j;
}

int
media_writer_open(struct media *m, const char *inst, const char *name,
    enum media_mode mode, const struct media_writer_ops *ops, void *arg,
    struct media_writer **out, struct err *why)
{
	struct media_writer *w = calloc(1, sizeof(*w));
	struct media_write_job *j = job_new(w, media_write_open_run, open_done);
	struct media_write_job *closing =
	    job_new(w, media_write_close_run, close_done);
	int rc;

	if (w == NULL || j == NULL || closing == NULL) {
		rc = err_set(why, FCS_ENOMEM, "recording");
		goto fail;
	}
	rc = recpath_make(inst, name, &w->path, why);
	if (rc != FCS_OK)
		goto fail;
	snprintf(w->key, sizeof(w->key), "r/%s", w->path.path);
	memcpy(w->name_key, w->key, sizeof(w->name_key));
	if (find_on_loop(m, w->name_key) != NULL) {
		rc = err_set(why, FCS_EEXIST, "it is being recorded already");
		goto fail;
	}
	w->m = m;
	w->ops = ops;
	w->arg = arg;
	w->mode = mode;
	w->close_job = closing;
	w->kick.run = media_write_kick_run;
	w->kick.done = kick_done;
	pthread_mutex_init(&w->lock, NULL);
	w->loop_next = m->loop_writers;
	m->loop_writers = w;
	m->writer_count++;
	media_submit(m, &j->job);
	*out = w;
	return FCS_OK;
fail:
	free(w);
	free(j);
	free(closing);
	return rc;
}

void
media_writer_metadata(
    struct media_writer *w, const uint8_t *payload, size_t len)
{
	uint8_t *copy;

	if (len > RECHEAD_META_MAX)
		return;
	copy = malloc(len + 1);
	if (copy == NULL)
		return;
	memcpy(copy, payload, len);
	pthread_mutex_lock(&w->lock);
	free(w->meta);
	w->meta = copy;
	w->meta_len = len;
	pthread_mutex_unlock(&w->lock);
}

static int
pending_add(struct media_writer *w, uint8_t type, uint32_t ts_ms,
    struct refbuf *payload)
{
	if (w->pending_count == w->pending_cap) {
		size_t cap = w->pending_cap == 0 ? 64 : w->pending_cap * 2;
		struct media_pending *p = realloc(w->pending, cap * sizeof(*p));

		if (p == NULL)
			return FCS_ENOMEM;
		w->pending = p;
		w->pending_cap = cap;
	}
	w->pending[w->pending_count++] = (struct media_pending){
		.type = type, .ts_ms = ts_ms, .payload = refbuf_ref(payload)
	};
	w->pending_bytes += payload->len;
	return FCS_OK;
}

int
media_writer_append(struct media_writer *w, uint8_t type, uint32_t ts_ms,
    struct refbuf *payload)
{
	const struct limits *l = w->m->conf.limits;
	uint64_t queued = atomic_load(&w->m->queued_bytes);
	bool kick;
	int rc;

	if (atomic_load(&w->is_failed) || w->closing)
		return FCS_ECLOSED;
	if (payload->len > (uint64_t)limits_get(l, LIMIT_RECORD_TAG)) {
		limits_refuse(LIMIT_RECORD_TAG);
		return FCS_ELIMIT;
	}
	if (queued + payload->len >
	    (uint64_t)limits_get(l, LIMIT_MEDIA_QUEUE)) {
		limits_refuse(LIMIT_MEDIA_QUEUE);
		return FCS_ELIMIT;
	}
	pthread_mutex_lock(&w->lock);
	rc = pending_add(w, type, ts_ms, payload);
	kick = w->pending_bytes >= MEDIA_BATCH;
	pthread_mutex_unlock(&w->lock);
	if (rc != FCS_OK)
		return rc;
	atomic_fetch_add(&w->m->queued_bytes, payload->len);
	if (kick && !w->is_kicked) {
		w->is_kicked = true;
		media_submit(w->m, &w->kick);
	}
	return FCS_OK;
}

void
media_writer_close(struct media_writer *w)
{
	if (w->closing)
		return;
	w->closing = true;
	media_submit(w->m, &w->close_job->job);
}

void
media_writer_forget(struct media_writer *w)
{
	w->ops = NULL;
	media_writer_close(w);
}

void
media_writer_stop(struct media *m)
{
	for (struct media_writer *w = m->loop_writers; w != NULL;
	     w = w->loop_next)
		media_writer_close(w);
}

static void
open_done(struct media *m, struct media_job *job)
{
	struct media_write_job *j = (struct media_write_job *)(void *)job;
	struct media_writer *w = j->w;

	(void)m;
	if (j->result != FCS_OK)
		atomic_store(&w->is_failed, true);
	if (w->ops != NULL)
		w->ops->opened(w->arg, j->result, &j->why, j->existed,
		    j->last_ts, j->idle_ms);
	free(j);
}

static void
close_done(struct media *m, struct media_job *job)
{
	struct media_write_job *j = (struct media_write_job *)(void *)job;
	struct media_writer *w = j->w;
	struct media_writer **p = &m->loop_writers;

	while (*p != w)
		p = &(*p)->loop_next;
	*p = w->loop_next;
	m->writer_count--;
	if (w->ops != NULL)
		w->ops->closed(w->arg, j->result, &j->why);
	writer_free(w);
	free(j);
}

void
media_writer_failed_done(struct media *m, struct media_job *job)
{
	struct media_failed_job *j = (struct media_failed_job *)(void *)job;
	struct media_writer *w = j->w;

	(void)m;
	if (w->ops != NULL)
		w->ops->failed(w->arg, j->result, &j->why);
	media_writer_close(w);
	free(j);
}

static void
kick_done(struct media *m, struct media_job *job)
{
	struct media_writer *w =
	    (struct media_writer *)(void *)((char *)job -
					    offsetof(
						struct media_writer, kick));

	(void)m;
	w->is_kicked = false;
}
