/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * media_read - readers: tags of a recording one after the other, out of
 * windows of about half a second of media.
 *
 * A window is filled on the loop thread when its bytes are in the page cache
 * (preadv2 RWF_NOWAIT), else by a job of the media thread. A tag's payload
 * borrows from its window: a window goes back to the pool with its last
 * payload. Nothing is mapped: a file cut short under us is a short read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/flv.h"
#include "codec/message.h"
#include "storage/media_int.h"
#include "storage/rechead.h"

#define WINDOW_MS  500
#define WINDOW_MIN (16u << 10)
#define WINDOW_MAX (512u << 10)
#define FIRST_MS   10000 /* a later entry is never the first one's time */

struct media_reader {
	struct media *m;
	const struct media_reader_ops *ops; /* NULL: closed */
	void *arg;
	struct recpath in_inst, shipped;
	struct media_file *file; /* of this reader, or of the writer */
	struct media_info info;
	char key[RECPATH_MAX + 2];
	uint64_t id, data_at, meta_at, inode;
	int64_t mtime_ns;
	uint64_t end;  /* of a recording that is not growing */
	uint64_t size; /* of its file */
	int fd;        /* of file; the reader's own */
	uint64_t pos;
	uint32_t last_ts; /* for negative timestamps */
	struct refbuf *window;
	uint64_t win_at;
	size_t win_len;
	size_t win_want;
	struct read_job *job; /* in flight; NULL none */
	bool was_growing;
	bool no_wait_works;
	bool damaged;
	uint64_t read_bytes; /* not reported to the counters yet */
	uint64_t seek_bytes; /* since the last seek */
	bool seeking;        /* until the first tag */
};

enum read_what {
	READ_OPEN,
	READ_SEEK,
	READ_COLD,
	READ_STALE,
	READ_COUNT
};

struct read_job {
	struct media_job job;
	struct media_reader *r; /* loop thread; NULL: nobody waits any more */
	enum read_what what;
	int result;
	struct err why;
	/* in */
	struct recpath in_inst, shipped;
	char key[RECPATH_MAX + 2];
	uint64_t id, data_at, meta_at, inode, end;
	int64_t mtime_ns;
	struct media_file *file;
	bool growing;
	uint32_t ms;
	uint64_t at;
	size_t want, need;
	uint64_t read_bytes;  /* read on the loop so far, to be counted */
	uint64_t seek_report; /* what the last seek cost, 0: not known yet */
	/* out */
	struct media_found found;
	struct media_update update;
	bool updating;
	struct media_info info;
	struct refbuf *window;
	size_t got;
	uint64_t seek_bytes;
	struct media_place place;
};

static void
payload_free(void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	refbuf_unref(arg);
}

/* --- media thread --- */

static void
report(struct media *m, struct read_job *j, const char *key)
{
	struct media_count *c = media_count(m, key, true);

	if (c == NULL)
		return;
	c->read_bytes += j->read_bytes;
	if (j->what == READ_OPEN)
		c->opens++;
	if (j->what == READ_SEEK)
		c->seeks++;
	if (j->seek_report > 0)
		c->seek_bytes = j->seek_report;
}

static void
run_open(struct media *m, struct read_job *j)
{
	int rc;

	if (!j->updating) {
		rc = media_file_find(
		    m, &j->in_inst, &j->shipped, false, &j->found, &j->why);
		/* its first batch is not written yet: in a moment */
		if (rc == FCS_ENOENT &&
		    media_write_is_coming(m, j->in_inst.path)) {
			j->job.park = true;
			return;
		}
		if (rc != FCS_OK) {
			j->result = rc;
			return;
		}
		j->update.found = &j->found;
		j->updating = true;
	}
	rc = media_file_update(m, &j->update, &j->why);
	if (rc == FCS_EAGAIN) {
		j->job.again = true;
		return;
	}
	media_file_update_fini(m, &j->update);
	j->result = rc;
	if (rc == FCS_OK) {
		if (j->found.writer != NULL)
			j->file = media_file_ref(j->found.writer->file);
		else
			j->file = media_file_new(j->found.fd);
		if (j->file == NULL) {
			j->result = err_set(&j->why, FCS_ENOMEM, "playing");
		} else if (j->found.writer == NULL) {
			j->found.fd = -1;
			atomic_store(&j->file->end, j->update.rec.facts.end);
			atomic_store(
			    &j->file->last_ts, j->update.rec.facts.last_ts);
		}
		report(m, j, j->found.key);
		media_file_info(m, &j->found, &j->update.rec, &j->info);
	}
	if (j->found.fd >= 0)
		close(j->found.fd);
}

/* The headers and metadata a player needs at the place found. */
static int
load_place(struct media *m, struct read_job *j, const struct recscan_key *key)
{
	uint64_t end = atomic_load(&j->file->end);
	int fd = j->file->fd;
	struct refbuf *meta;
	struct buf out;
	int rc;

	if (key != NULL) {
		j->place.video_conf =
		    media_file_tag(m, fd, key->video_conf, end, &j->read_bytes);
		j->place.audio_conf =
		    media_file_tag(m, fd, key->audio_conf, end, &j->read_bytes);
		if ((key->video_conf != 0 && j->place.video_conf == NULL) ||
		    (key->audio_conf != 0 && j->place.audio_conf == NULL))
			return FCS_ECORRUPT;
	}
	meta = media_file_tag(m, fd, j->meta_at, end, &j->read_bytes);
	buf_init(&out, 0);
	rc = rechead_play(&out, meta == NULL ? NULL : meta->data,
	    meta == NULL ? 0 : meta->len, atomic_load(&j->file->last_ts));
	if (rc == FCS_OK) {
		j->place.meta = refbuf_from(buf_data(&out), buf_len(&out));
		if (j->place.meta == NULL)
			rc = FCS_ENOMEM;
	}
	buf_fini(&out);
	refbuf_unref(meta);
	return rc;
}

/* Is the file still the one that was indexed? */
static bool
is_same(const struct read_job *j)
{
	struct stat st;

	if (fstat(j->file->fd, &st) != 0)
		return false;
	if ((uint64_t)st.st_size < atomic_load(&j->file->end))
		return false;
	return j->growing || atomic_load(&j->file->growing) ||
	       media_mtime_ns(&st) == j->mtime_ns;
}

/* Without an index (it could not be written) walk the file: slow but right. */
static int
find_by_scan(struct media *m, const struct read_job *j, struct recscan_key *out)
{
	struct recscan *scan = malloc(sizeof(*scan));
	struct recscan_facts facts;
	struct recscan_tag tag;
	struct recscan_key key;
	int rc = FCS_ENOENT;

	(void)m;
	if (scan == NULL)
		return FCS_ENOMEM;
	memset(&facts, 0, sizeof(facts));
	recscan_at(
	    scan, j->file->fd, atomic_load(&j->file->end), j->data_at, false);
	while (recscan_next(scan, &tag) == FCS_OK && tag.ts_ms <= j->ms)
		if (recscan_take(&facts, &tag, &key)) {
			*out = key;
			rc = FCS_OK;
		}
	free(scan);
	return rc;
}

/* One lookup in the index. *first: before or at the very first entry. */
static int
find_key(
    struct media *m, struct read_job *j, struct recscan_key *key, bool *first)
{
	struct recidx_rec rec;
	struct recscan_key other;
	struct stat st;
	int rc = recidx_get(m->index, j->key, &rec);

	if (rc == FCS_OK) {
		/* another file of that name? then ours is gone */
		if (fstat(j->file->fd, &st) != 0 ||
		    rec.inode != (uint64_t)st.st_ino)
			return FCS_ECORRUPT;
		rc = recidx_key_find(m->index, rec.id, j->ms, key);
	} else {
		rc = find_by_scan(m, j, key);
	}
	if (rc == FCS_OK && key->offset >= atomic_load(&j->file->end))
		return FCS_ECORRUPT;
	*first = rc != FCS_OK;
	if (rc == FCS_OK && key->ts_ms == j->ms && key->ts_ms <= FIRST_MS)
		*first =
		    key->ts_ms == 0 || recidx_key_find(m->index, j->id,
					   key->ts_ms - 1, &other) != FCS_OK;
	return rc == FCS_ENOENT ? FCS_OK : rc;
}

static void
run_seek(struct media *m, struct read_job *j)
{
	struct recscan_key key;
	uint64_t before = j->read_bytes;

	memset(&key, 0, sizeof(key));
	j->result = is_same(j) ? find_key(m, j, &key, &j->place.at_start)
			       : FCS_ECORRUPT;
	if (j->result != FCS_OK)
		return;
	j->at = j->place.at_start ? j->data_at : key.offset;
	j->place.key_ms = j->place.at_start ? 0 : key.ts_ms;
	j->result = load_place(m, j, j->place.at_start ? NULL : &key);
	j->seek_bytes = j->read_bytes - before;
	atomic_fetch_add(&m->read_bytes, j->seek_bytes);
	report(m, j, j->key);
}

/* Read want bytes, at least need; and have the kernel fetch what follows. */
static void
run_cold(struct media *m, struct read_job *j)
{
	uint8_t *p = j->window->data;

	j->result = FCS_OK;
	while (j->got < j->want) {
		ssize_t n = pread(j->file->fd, p + j->got, j->want - j->got,
		    (off_t)(j->at + j->got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			j->result = FCS_EIO;
		if (n <= 0)
			break;
		j->got += (size_t)n;
	}
	if (j->result == FCS_OK && j->got < j->need)
		j->result = FCS_ECORRUPT; /* cut short */
	atomic_fetch_add(&m->cold_reads, 1);
	atomic_fetch_add(&m->read_bytes, j->got);
	(void)posix_fadvise(j->file->fd, (off_t)(j->at + j->got),
	    (off_t)j->want, POSIX_FADV_WILLNEED);
	report(m, j, j->key);
}

static void
read_run(struct media *m, struct media_job *job)
{
	struct read_job *j = (struct read_job *)(void *)job;

	err_clear(&j->why);
	switch (j->what) {
	case READ_OPEN:
		run_open(m, j);
		break;
	case READ_SEEK:
		run_seek(m, j);
		break;
	case READ_COLD:
		run_cold(m, j);
		break;
	case READ_STALE:
		/* damaged or changed: the next use indexes it again */
		fcs_ignore(recidx_del(m->index, j->key));
		report(m, j, j->key);
		break;
	case READ_COUNT:
		report(m, j, j->key);
		break;
	}
}

/* --- loop thread --- */

static void
reader_free(struct media_reader *r)
{
	refbuf_unref(r->window);
	media_file_unref(r->file);
	free(r);
}

static void
job_free(struct read_job *j)
{
	refbuf_unref(j->window);
	refbuf_unref(j->place.meta);
	refbuf_unref(j->place.video_conf);
	refbuf_unref(j->place.audio_conf);
	media_file_unref(j->file);
	free(j);
}

static void read_done(struct media *, struct media_job *);

static struct read_job *
submit(struct media_reader *r, enum read_what what)
{
	struct read_job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	j->job.run = read_run;
	j->job.done = read_done;
	j->what = what;
	j->result = err_set(&j->why, FCS_ECLOSED, "stopping");
	j->found.fd = -1;
	snprintf(j->key, sizeof(j->key), "%s", r->key);
	j->id = r->id;
	j->data_at = r->data_at;
	j->meta_at = r->meta_at;
	j->inode = r->inode;
	j->mtime_ns = r->mtime_ns;
	j->growing = r->was_growing;
	if (r->file != NULL)
		j->file = media_file_ref(r->file);
	j->read_bytes = r->read_bytes;
	r->read_bytes = 0;
	if (what != READ_STALE && what != READ_COUNT) {
		j->r = r;
		r->job = j;
	}
	return j;
}

struct media_reader *
media_reader_open(struct media *m, const char *inst, const char *name,
    const struct media_reader_ops *ops, void *arg)
{
	struct media_reader *r = calloc(1, sizeof(*r));
	struct read_job *j;
	int rc;

	if (r == NULL)
		return NULL;
	r->m = m;
	r->ops = ops;
	r->arg = arg;
	r->no_wait_works = true;
	j = submit(r, READ_OPEN);
	if (j == NULL) {
		free(r);
		return NULL;
	}
	err_clear(&j->why);
	rc = recpath_make(inst, name, &j->in_inst, &j->why);
	if (rc == FCS_OK)
		rc = recpath_make(NULL, name, &j->shipped, &j->why);
	m->readers++;
	if (rc == FCS_OK) {
		media_submit(m, &j->job);
		return r;
	}
	/* the answer comes later all the same */
	j->result = rc;
	m->in_flight++;
	media_post(m, &j->job);
	return r;
}

void
media_reader_close(struct media_reader *r)
{
	if (r == NULL)
		return;
	if (r->job != NULL)
		r->job->r = NULL; /* its answer is dropped */
	r->m->readers--;
	if (r->read_bytes > 0 && r->key[0] != '\0') {
		struct read_job *j = submit(r, READ_COUNT);

		if (j != NULL)
			media_submit(r->m, &j->job);
	}
	reader_free(r);
}

int
media_reader_seek(struct media_reader *r, uint32_t ms)
{
	struct read_job *j;

	if (r->job != NULL) {
		r->job->r = NULL;
		r->job = NULL;
	}
	j = submit(r, READ_SEEK);
	if (j == NULL)
		return FCS_ENOMEM;
	j->ms = ms;
	media_submit(r->m, &j->job);
	return FCS_OK;
}

bool
media_reader_growing(const struct media_reader *r)
{
	return r->file != NULL && atomic_load(&r->file->growing);
}

uint32_t
media_reader_duration(const struct media_reader *r)
{
	return r->file == NULL ? 0 : atomic_load(&r->file->last_ts);
}

uint64_t
media_reader_size(const struct media_reader *r)
{
	return r->file == NULL ? 0 : atomic_load(&r->file->end);
}

static void
opened(struct media_reader *r, struct read_job *j)
{
	if (j->result == FCS_OK) {
		const struct recidx_rec *rec = &j->update.rec;
		uint64_t window;

		r->file = j->file;
		j->file = NULL;
		r->info = j->info;
		r->id = rec->id;
		r->data_at = r->pos = rec->data_at;
		r->meta_at = rec->facts.meta_at;
		r->mtime_ns = media_mtime_ns(&j->found.st);
		r->was_growing = j->found.writer != NULL;
		snprintf(r->key, sizeof(r->key), "%s", j->found.key);
		window = rec->facts.last_ts == 0
			     ? WINDOW_MIN
			     : rec->facts.end * WINDOW_MS / rec->facts.last_ts;
		r->win_want = window < WINDOW_MIN   ? WINDOW_MIN
			      : window > WINDOW_MAX ? WINDOW_MAX
						    : (size_t)window;
	}
	r->ops->opened(
	    r->arg, j->result, &j->why, j->result == FCS_OK ? &r->info : NULL);
}

/* Something in the file is not as indexed. */
static int
damaged(struct media_reader *r, int rc)
{
	struct read_job *j;

	if (r->damaged)
		return rc;
	r->damaged = true;
	log_warn("rec.damaged", "file=%s offset=%llu error=%s", r->key,
	    (unsigned long long)r->pos, err_name(rc));
	j = submit(r, READ_STALE);
	if (j != NULL)
		media_submit(r->m, &j->job);
	return rc;
}

static void
placed(struct media_reader *r, struct read_job *j)
{
	refbuf_unref(r->window);
	r->window = NULL;
	r->damaged = false;
	r->pos = j->at;
	r->last_ts = j->place.key_ms;
	r->seeking = true;
	r->seek_bytes = j->seek_bytes;
	j->place.result = j->result;
	if (j->result == FCS_ECORRUPT)
		fcs_ignore(damaged(r, j->result));
	r->ops->placed(r->arg, &j->place);
}

static void
read_done(struct media *m, struct media_job *job)
{
	struct read_job *j = (struct read_job *)(void *)job;
	struct media_reader *r = j->r;

	(void)m;
	if (r != NULL) {
		r->job = NULL;
		switch (j->what) {
		case READ_OPEN:
			opened(r, j);
			break;
		case READ_SEEK:
			placed(r, j);
			break;
		default:
			r->seek_bytes += j->got;
			if (j->result == FCS_OK) {
				r->window = j->window;
				r->win_at = j->at;
				r->win_len = j->got;
				j->window = NULL;
			} else {
				fcs_ignore(damaged(r, j->result));
			}
			r->ops->ready(r->arg);
			break;
		}
	}
	job_free(j);
}

/* Bytes [pos, pos + need) into the window. */
static int
fill(struct media_reader *r, size_t need, uint64_t end)
{
	size_t want = need > r->win_want ? need : r->win_want;
	struct refbuf *w;
	struct iovec iov;
	struct read_job *j;
	ssize_t n = -1;

	refbuf_unref(r->window);
	r->window = NULL;
	if (want > end - r->pos)
		want = (size_t)(end - r->pos);
	if (media_pool_bytes(r->m->pool) + want >
	    (uint64_t)limits_get(r->m->conf.limits, LIMIT_READ_BUFFERS)) {
		limits_refuse(LIMIT_READ_BUFFERS);
		return FCS_EBUSY;
	}
	w = media_pool_window(r->m->pool, want);
	if (w == NULL)
		return FCS_ENOMEM;
	iov.iov_base = w->data;
	iov.iov_len = want;
	if (r->no_wait_works) {
		n = preadv2(r->file->fd, &iov, 1, (off_t)r->pos, RWF_NOWAIT);
		if (n < 0 &&
		    (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
			r->no_wait_works = false;
	}
	if (n >= (ssize_t)need) {
		atomic_fetch_add(&r->m->hot_reads, 1);
		atomic_fetch_add(&r->m->read_bytes, (uint64_t)n);
		r->read_bytes += (uint64_t)n;
		r->seek_bytes += (uint64_t)n;
		r->window = w;
		r->win_at = r->pos;
		r->win_len = (size_t)n;
		return FCS_OK;
	}
	j = submit(r, READ_COLD);
	if (j == NULL) {
		refbuf_unref(w);
		return FCS_ENOMEM;
	}
	j->window = w;
	j->at = r->pos;
	j->want = want;
	j->need = need;
	media_submit(r->m, &j->job);
	return FCS_EAGAIN;
}

static int
have(struct media_reader *r, size_t need, uint64_t end, const uint8_t **out)
{
	int rc = FCS_OK;

	if (r->window == NULL || r->pos < r->win_at ||
	    r->pos + need > r->win_at + r->win_len)
		rc = fill(r, need, end);
	if (rc == FCS_OK)
		*out = r->window->data + (r->pos - r->win_at);
	return rc;
}

/* The first tag after a seek is out: what did it cost? */
static void
count_seek(struct media_reader *r)
{
	struct read_job *j = submit(r, READ_COUNT);

	r->seeking = false;
	if (j == NULL)
		return;
	j->seek_report = r->seek_bytes;
	media_submit(r->m, &j->job);
}

int
media_reader_next(struct media_reader *r, struct media_tag *out)
{
	struct flv_tag tag;
	const uint8_t *p;
	uint64_t end;
	int rc;

	if (r->job != NULL)
		return FCS_EAGAIN;
	if (r->damaged)
		return FCS_ECORRUPT;
	if (r->file == NULL)
		return FCS_EINVAL;
	for (;;) {
		end = atomic_load(&r->file->end);
		if (r->pos >= end)
			return FCS_ENOENT;
		if (end - r->pos < FLV_TAG_HEADER)
			return damaged(r, FCS_ECORRUPT);
		rc = have(r, FLV_TAG_HEADER, end, &p);
		if (rc != FCS_OK)
			return rc;
		if (flv_read_tag(p, &tag) != FCS_OK ||
		    tag.size > end - r->pos - FLV_TAG_HEADER)
			return damaged(r, FCS_ECORRUPT);
		if (!tag.filtered)
			break;
		r->pos += FLV_TAG_HEADER + tag.size + FLV_TAG_TRAILER;
	}
	rc = have(r, FLV_TAG_HEADER + tag.size, end, &p);
	if (rc != FCS_OK)
		return rc;
	out->payload =
	    refbuf_wrap(r->window->data + (r->pos - r->win_at) + FLV_TAG_HEADER,
		tag.size, payload_free, r->window);
	if (out->payload == NULL)
		return FCS_ENOMEM;
	(void)refbuf_ref(r->window);
	out->type = tag.type;
	out->ts_ms = recscan_ts(tag.ts_ms, r->last_ts);
	out->offset = r->pos;
	out->metadata = r->pos == r->meta_at;
	if (out->ts_ms > r->last_ts)
		r->last_ts = out->ts_ms;
	r->pos += FLV_TAG_HEADER + tag.size + FLV_TAG_TRAILER;
	if (r->seeking)
		count_seek(r);
	return FCS_OK;
}
