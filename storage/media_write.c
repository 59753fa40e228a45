/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * media_write - recordings being made. The loop thread leaves references to
 * payloads with the writer; every MEDIA_TICK_MS, or when MEDIA_BATCH bytes
 * wait, the media thread writes them with gathered writes, then enters their
 * key frames into the index in one transaction for all recordings. So an entry
 * never names bytes that are not in the file.
 *
 * A new recording has a hidden name until its first batch is written: then it
 * takes its own name in one rename, and only then an older file goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "codec/flv.h"
#include "codec/message.h"
#include "storage/media_int.h"
#include "storage/rechead.h"

#define GROUP_TAGS 128 /* of one gathered write: three pieces each */

struct media_writer *
media_write_find(struct media *m, const char *key)
{
	for (struct media_writer *w = m->writers; w != NULL; w = w->next)
		if (w->begun && strcmp(w->key, key) == 0)
			return w;
	return NULL;
}

bool
media_write_is_coming(struct media *m, const char *path)
{
	for (struct media_writer *w = m->writers; w != NULL; w = w->next)
		if (!w->begun && strcmp(w->path.path, path) == 0)
			return true;
	return false;
}

bool
media_write_is_hidden(struct media *m, const char *path)
{
	for (struct media_writer *w = m->writers; w != NULL; w = w->next)
		if (strcmp(w->hidden, path) == 0)
			return true;
	return false;
}

/* Writing is over: what comes from now on is dropped, the loop is told. */
static void
fail(struct media_writer *w, int result, const struct err *why)
{
	struct media_failed_job *j;

	if (atomic_exchange(&w->is_failed, true))
		return;
	log_warn("rec.failed", "file=%s error=%s", w->path.path, why->text);
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return; /* appends are refused: the loop finds out */
	j->job.done = media_writer_failed_done;
	j->w = w;
	j->result = result;
	j->why = *why;
	j->job.unasked = true;
	media_post(w->m, &j->job);
}

static int
create_new(struct media *m, struct media_writer *w, struct err *why)
{
	int fd;
	int rc = recpath_hidden(w->path.path, w->hidden);

	if (rc != FCS_OK)
		return err_set(why, rc, "name too long");
	rc = recpath_mkdirs(m->rec_fd, w->hidden, why);
	if (rc == FCS_OK)
		rc = recpath_open(
		    m->rec_fd, w->hidden, O_RDWR | O_CREAT | O_TRUNC, &fd, why);
	if (rc != FCS_OK)
		return rc;
	w->file = media_file_new(fd);
	if (w->file == NULL) {
		close(fd);
		return err_set(why, FCS_ENOMEM, "recording");
	}
	w->rec.id = recidx_new_id(m->index);
	w->rec.state = RECIDX_OPEN | RECIDX_OURS;
	return FCS_OK;
}

/* Continue a file whose index is up to date. */
static int
take_over(struct media *m, struct media_write_job *j)
{
	struct media_writer *w = j->w;
	struct recscan_facts *f;
	uint8_t trailer[FLV_TAG_TRAILER];
	uint32_t n;
	int rc = FCS_OK;

	w->file = media_file_new(j->found.fd);
	if (w->file == NULL)
		return err_set(&j->why, FCS_ENOMEM, "recording");
	j->found.fd = -1;
	w->rec = j->update.rec;
	f = &w->rec.facts;
	if ((uint64_t)j->found.st.st_size > f->end &&
	    ftruncate(w->file->fd, (off_t)f->end) != 0)
		return err_sys(&j->why, errno, "truncate");
	f->odd &= ~(uint32_t)(RECSCAN_ODD_TAIL | RECSCAN_ODD_GARBAGE);
	/* some programs leave the very last trailer out */
	n = f->last_size + FLV_TAG_HEADER;
	for (int i = 0; i < 4; i++)
		trailer[i] = (uint8_t)(n >> (24 - 8 * i));
	if (f->tags > 0) {
		uint8_t have[FLV_TAG_TRAILER];

		rc = media_file_read(w->file->fd, f->end - 4, have, 4);
		if (rc == FCS_OK && memcmp(have, trailer, 4) != 0 &&
		    (f->odd & RECSCAN_ODD_PREV_SIZE) == 0) {
			rc = media_file_write(w->file->fd, f->end, trailer, 4);
			f->end += 4;
		}
	}
	w->rec.state |= RECIDX_OPEN;
	w->begun = true;
	if (rc == FCS_OK)
		rc = media_file_finish(m, w->file->fd, &w->rec, true, &j->why);
	if (rc == FCS_OK)
		rc = recidx_put(m->index, w->key, &w->rec);
	if (rc != FCS_OK)
		return err_set(&j->why, rc, "cannot be continued");
	j->existed = true;
	j->last_ts = f->last_ts;
	j->idle_ms = clock_wall_ms() - media_mtime_ns(&j->found.st) / 1000000;
	atomic_store(&w->file->end, f->end);
	atomic_store(&w->file->last_ts, f->last_ts);
	return FCS_OK;
}

/* The existing file for append: FCS_ENOENT none; FCS_EAGAIN not indexed yet. */
static int
open_existing(struct media *m, struct media_write_job *j)
{
	struct media_writer *w = j->w;
	int rc;

	if (!j->updating) {
		rc = media_file_find(
		    m, &w->path, NULL, true, &j->found, &j->why);
		if (rc != FCS_OK)
			return rc;
		if (strcmp(j->found.path, w->path.path) != 0) {
			/* it keeps the name it was dropped in under */
			memcpy(
			    w->path.path, j->found.path, sizeof(w->path.path));
			memcpy(w->key, j->found.key, sizeof(w->key));
		}
		j->update.found = &j->found;
		j->updating = true;
	}
	rc = media_file_update(m, &j->update, &j->why);
	if (rc == FCS_EAGAIN)
		return rc;
	media_file_update_fini(m, &j->update);
	if (rc == FCS_OK)
		rc = take_over(m, j);
	if (j->found.fd >= 0)
		close(j->found.fd);
	return rc;
}

void
media_write_open_run(struct media *m, struct media_job *job)
{
	struct media_write_job *j = (struct media_write_job *)(void *)job;
	struct media_writer *w = j->w;
	int rc = FCS_ENOENT;

	err_clear(&j->why);
	if (w->mode == MEDIA_APPEND) {
		rc = open_existing(m, j);
		if (rc == FCS_EAGAIN) {
			job->again = true;
			return;
		}
	}
	if (rc == FCS_ENOENT) {
		err_clear(&j->why);
		rc = create_new(m, w, &j->why);
	}
	j->result = rc;
	if (rc == FCS_OK) {
		atomic_store(&w->file->growing, true);
		w->next = m->writers;
		m->writers = w;
	}
}

/* The head of a new file: FLV header and onMetaData with room. */
static int
write_start(struct media_writer *w, struct err *why)
{
	struct rechead head = { .recording = true };
	struct recscan_tag tag = { .type = MESSAGE_DATA, .metadata = true };
	struct recscan_key unused;
	struct buf out;
	struct buf payload;
	int rc;

	buf_init(&out, 0);
	buf_init(&payload, 0);
	pthread_mutex_lock(&w->lock);
	head.meta = w->meta;
	head.meta_len = w->meta_len;
	rc = rechead_build(&payload, &head, 0);
	pthread_mutex_unlock(&w->lock);
	flv_write_header(&out, true, true);
	tag.offset = buf_len(&out);
	tag.size = (uint32_t)buf_len(&payload);
	flv_write_tag(
	    &out, MESSAGE_DATA, 0, buf_data(&payload), buf_len(&payload));
	if (rc == FCS_OK)
		rc = buf_status(&out);
	if (rc == FCS_OK)
		rc = media_file_write(
		    w->file->fd, 0, buf_data(&out), buf_len(&out));
	if (rc == FCS_OK) {
		w->rec.data_at = tag.offset;
		w->rec.head_room = tag.size;
		(void)recscan_take(&w->rec.facts, &tag, &unused);
	} else {
		(void)err_set(
		    why, rc, "head of the recording: %s", err_text(rc));
	}
	buf_fini(&out);
	buf_fini(&payload);
	return rc;
}

static void
put_header(uint8_t out[FLV_TAG_HEADER], const struct media_pending *p)
{
	size_t size = p->payload->len;

	memset(out, 0, FLV_TAG_HEADER);
	out[0] = p->type;
	out[1] = (uint8_t)(size >> 16);
	out[2] = (uint8_t)(size >> 8);
	out[3] = (uint8_t)size;
	out[4] = (uint8_t)(p->ts_ms >> 16);
	out[5] = (uint8_t)(p->ts_ms >> 8);
	out[6] = (uint8_t)p->ts_ms;
	out[7] = (uint8_t)(p->ts_ms >> 24);
}

/* One gathered write of n tags behind the end. FCS_OK: all are in the file;
 * else none counts, and the file is cut back. */
static int
write_group(struct media_writer *w, const struct media_pending *p, size_t n,
    struct err *why)
{
	uint8_t ends[GROUP_TAGS][FLV_TAG_HEADER + FLV_TAG_TRAILER];
	struct iovec iov[GROUP_TAGS * 3];
	struct iovec *v = iov;
	size_t left = n * 3;
	uint64_t at = w->rec.facts.end;

	for (size_t i = 0; i < n; i++) {
		uint32_t size = (uint32_t)p[i].payload->len;
		uint32_t prev = size + FLV_TAG_HEADER;

		put_header(ends[i], &p[i]);
		for (int k = 0; k < FLV_TAG_TRAILER; k++)
			ends[i][FLV_TAG_HEADER + k] =
			    (uint8_t)(prev >> (24 - 8 * k));
		iov[i * 3] = (struct iovec){ ends[i], FLV_TAG_HEADER };
		iov[i * 3 + 1] = (struct iovec){ p[i].payload->data, size };
		iov[i * 3 + 2] =
		    (struct iovec){ ends[i] + FLV_TAG_HEADER, FLV_TAG_TRAILER };
	}
	while (left > 0) {
		ssize_t r = pwritev(w->file->fd, v, (int)left, (off_t)at);
		size_t done;

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			int num = r < 0 ? errno : EIO;
			int rc = err_sys(why, num, "write");

			if (num == EFBIG || num == EDQUOT)
				rc = why->code = FCS_ENOSPC;

			/* partial tags are no use to anybody */
			if (ftruncate(w->file->fd, (off_t)w->rec.facts.end) !=
			    0)
				log_warn("rec.truncate", "error=%s",
				    strerror(errno));
			return rc;
		}
		at += (uint64_t)r;
		for (done = (size_t)r; left > 0 && done >= v->iov_len;
		     v++, left--)
			done -= v->iov_len;
		if (left > 0) {
			v->iov_base = (uint8_t *)v->iov_base + done;
			v->iov_len -= done;
		}
	}
	return FCS_OK;
}

/* Enter tags that are in the file into the facts and the index. */
static void
take_group(struct media *m, struct media_writer *w,
    const struct media_pending *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct recscan_tag tag = { .offset = w->rec.facts.end,
			.size = (uint32_t)p[i].payload->len,
			.ts_ms = p[i].ts_ms,
			.type = p[i].type };
		struct recscan_key key;
		size_t head = p[i].payload->len < RECSCAN_HEAD_MAX
				  ? p[i].payload->len
				  : RECSCAN_HEAD_MAX;

		recscan_describe(&tag, p[i].payload->data, head);
		if (recscan_take(&w->rec.facts, &tag, &key) &&
		    (!m->in_txn ||
			recidx_key_put(m->index, w->rec.id, &key) != FCS_OK))
			w->index_lost = true;
		atomic_fetch_add(&m->written_bytes,
		    tag.size + FLV_TAG_HEADER + FLV_TAG_TRAILER);
	}
	atomic_store(&w->file->last_ts, w->rec.facts.last_ts);
	atomic_store(&w->file->end, w->rec.facts.end);
	w->dirty = true;
	m->any_dirty = true;
}

/* The first batch is in: the recording takes its name. */
static int
begin_well(struct media *m, struct media_writer *w, struct err *why)
{
	char dated[RECPATH_MAX];
	struct stat st;
	int fd;
	int rc;

	rc = recpath_open(m->rec_fd, w->path.path, O_RDONLY, &fd, NULL);
	if (rc == FCS_OK && w->mode == MEDIA_KEEP) {
		rc = fstat(fd, &st) == 0
			 ? recpath_dated(w->path.path,
			       media_mtime_ns(&st) / 1000000, dated)
			 : FCS_EIO;
		if (rc == FCS_OK)
			rc =
			    recpath_rename(m->rec_fd, w->path.path, dated, why);
		if (rc != FCS_OK) {
			close(fd);
			return err_set(why, rc, "older recording not kept");
		}
	}
	if (rc == FCS_OK)
		close(fd);
	rc = recpath_rename(m->rec_fd, w->hidden, w->path.path, why);
	if (rc != FCS_OK)
		return rc;
	w->hidden[0] = '\0';
	w->begun = true;
	media_unpark(m);
	if (fstat(w->file->fd, &st) == 0)
		w->rec.inode = (uint64_t)st.st_ino;
	/* an older row of that name goes, whatever happens to ours */
	if (m->in_txn && recidx_del(m->index, w->key) != FCS_OK)
		w->index_lost = true;
	return FCS_OK;
}

/* The batch of one recording. The index transaction is open (m->in_txn). */
static void
flush(struct media *m, struct media_writer *w)
{
	struct media_pending *p;
	struct err why;
	size_t n;
	size_t bytes;
	int rc = FCS_OK;

	pthread_mutex_lock(&w->lock);
	p = w->pending;
	n = w->pending_count;
	bytes = w->pending_bytes;
	w->pending = NULL;
	w->pending_count = w->pending_cap = w->pending_bytes = 0;
	pthread_mutex_unlock(&w->lock);
	if (n == 0)
		return;
	err_clear(&why);
	if (atomic_load(&w->is_failed))
		rc = FCS_ECLOSED;
	else if (w->rec.facts.end == 0)
		rc = write_start(w, &why);
	for (size_t i = 0; rc == FCS_OK && i < n; i += GROUP_TAGS) {
		size_t count = n - i < GROUP_TAGS ? n - i : GROUP_TAGS;

		rc = write_group(w, p + i, count, &why);
		if (rc == FCS_OK)
			take_group(m, w, p + i, count);
	}
	if (rc == FCS_OK && !w->begun)
		rc = begin_well(m, w, &why);
	if (rc == FCS_OK && atomic_load(&w->file->sync_failed))
		rc = err_set(&why, FCS_EIO, "sync failed");
	if (w->begun && m->in_txn &&
	    recidx_put(m->index, w->key, &w->rec) != FCS_OK)
		w->index_lost = true;
	atomic_fetch_add(&m->batches, 1);
	atomic_fetch_sub(&m->queued_bytes, bytes);
	for (size_t i = 0; i < n; i++)
		refbuf_unref(p[i].payload);
	free(p);
	if (rc != FCS_OK && rc != FCS_ECLOSED)
		fail(w, rc, &why);
}

static bool
has_pending(struct media_writer *w)
{
	bool has;

	pthread_mutex_lock(&w->lock);
	has = w->pending_count > 0;
	pthread_mutex_unlock(&w->lock);
	return has;
}

/* Flush one recording, or all that wait, in one index transaction. */
static void
flush_some(struct media *m, struct media_writer *only)
{
	struct media_writer *w;
	bool any = false;

	for (w = m->writers; w != NULL && !any; w = w->next)
		any = (only == NULL || w == only) && has_pending(w);
	if (!any)
		return;
	m->in_txn = recidx_begin(m->index) == FCS_OK;
	for (w = m->writers; w != NULL; w = w->next)
		if (only == NULL || w == only)
			flush(m, w);
	if (m->in_txn && recidx_commit(m->index) != FCS_OK) {
		/* the entries of this batch are missing: index them at the end */
		for (w = m->writers; w != NULL; w = w->next)
			if (only == NULL || w == only)
				w->index_lost = true;
		if (!m->index_warned)
			log_error("rec.index", "what=%s",
			    "index cannot be written, recordings go on");
		m->index_warned = true;
	}
	m->in_txn = false;
}

void
media_write_tick(struct media *m)
{
	flush_some(m, NULL);
}

void
media_write_kick_run(struct media *m, struct media_job *job)
{
	struct media_writer *w =
	    (struct media_writer *)(void *)((char *)job -
					    offsetof(
						struct media_writer, kick));

	flush_some(m, w);
}

/* All that was pending is written: the head, or no file when nothing came. */
static int
finish_file(struct media *m, struct media_writer *w, struct err *why)
{
	int rc;

	if (!w->begun)
		return w->hidden[0] == '\0'
			   ? FCS_OK
			   : recpath_remove(m->rec_fd, w->hidden, why);
	rc = media_file_finish(m, w->file->fd, &w->rec, false, why);
	if (rc != FCS_OK)
		log_warn(
		    "rec.head", "file=%s error=%s", w->path.path, why->text);
	return FCS_OK;
}

/* It is on the disk: enter it into the catalogue as closed. */
static int
finish_index(
    struct media *m, struct media_writer *w, int sync_errno, struct err *why)
{
	struct stat st;

	if (sync_errno != 0)
		return err_sys(why, sync_errno, "sync");
	if (fstat(w->file->fd, &st) != 0)
		return err_sys(why, errno, "sync");
	if (w->index_lost) {
		/* forget it: the next use indexes the file */
		fcs_ignore(recidx_del(m->index, w->key));
		return FCS_OK;
	}
	w->rec.state &= ~(uint32_t)RECIDX_OPEN;
	w->rec.file_size = (uint64_t)st.st_size;
	w->rec.inode = (uint64_t)st.st_ino;
	w->rec.mtime_ns = media_mtime_ns(&st);
	if (recidx_put(m->index, w->key, &w->rec) != FCS_OK)
		fcs_ignore(recidx_del(m->index, w->key));
	return FCS_OK;
}

/* In two parts: neither appends nor cold reads wait for this file's sync. */
void
media_write_close_run(struct media *m, struct media_job *job)
{
	struct media_write_job *j = (struct media_write_job *)(void *)job;
	struct media_writer *w = j->w;
	struct media_writer **p = &m->writers;

	if (w->file == NULL) { /* never opened */
		err_clear(&j->why);
		j->result = FCS_OK;
		return;
	}
	if (!j->is_written) {
		j->is_written = true;
		err_clear(&j->why);
		flush_some(m, w);
		j->result = finish_file(m, w, &j->why);
		if (w->begun && media_sync_then(m, w->file, job))
			return;
		if (w->begun && fdatasync(w->file->fd) != 0)
			job->sync_errno = errno;
	}
	if (w->begun)
		j->result = finish_index(m, w, job->sync_errno, &j->why);
	while (*p != NULL && *p != w)
		p = &(*p)->next;
	if (*p != NULL)
		*p = w->next;
	atomic_store(&w->file->growing, false);
	media_unpark(m);
}
