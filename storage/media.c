/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * media - see media.h. Two threads serve the loop: the media thread runs jobs
 * in order, writes what recordings gathered every MEDIA_TICK_MS and owns the
 * index; the sync thread does nothing but fdatasync, so that neither appends
 * nor cold reads ever wait for one. Long scans run in slices between jobs.
 */
#include "storage/media.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "storage/media_int.h"

#define IDLE_MS    60000
#define COUNTS_MAX 16384

struct sync_item {
	struct queue_item item;
	struct media_file *file; /* NULL: the index */
	struct media_job *then;  /* to run again; may be NULL */
};

struct media_file *
media_file_new(int fd)
{
	struct media_file *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	atomic_init(&f->refs, 1);
	f->fd = fd;
	return f;
}

struct media_file *
media_file_ref(struct media_file *f)
{
	atomic_fetch_add(&f->refs, 1);
	return f;
}

void
media_file_unref(struct media_file *f)
{
	if (f == NULL || atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	close(f->fd);
	free(f);
}

int64_t
media_mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

struct media_count *
media_count(struct media *m, const char *key, bool make)
{
	struct media_count *c;
	size_t n = strlen(key);

	HASH_FIND(hh, m->counts, key, n, c);
	if (c != NULL || !make || HASH_COUNT(m->counts) >= COUNTS_MAX)
		return c;
	c = calloc(1, sizeof(*c) + n + 1);
	if (c == NULL)
		return NULL;
	memcpy(c->key, key, n);
	HASH_ADD(hh, m->counts, key, n, c);
	if (!hash_added(c)) {
		free(c);
		return NULL;
	}
	return c;
}

/* --- jobs --- */

void
media_submit(struct media *m, struct media_job *job)
{
	m->in_flight++;
	/* while stopping nothing runs any more: the answer is its default */
	if (queue_force(m->jobs, &job->item) != FCS_OK)
		media_post(m, job);
}

void
media_post(struct media *m, struct media_job *job)
{
	int rc = queue_force(m->done, &job->item);

	fcs_assert(rc == FCS_OK); /* never closed, no limit */
}

void
media_collect(struct media *m)
{
	struct queue_item *item = queue_get_all(m->done);

	while (item != NULL) {
		struct media_job *job =
		    QUEUE_ENTRY(item, struct media_job, item);

		item = item->next;
		if (!job->unasked)
			m->in_flight--;
		job->done(m, job);
	}
}

static void
run_job(struct media *m, struct media_job *job)
{
	job->again = job->park = job->is_away = false;
	job->run(m, job);
	if (job->is_away)
		return;
	if (job->park) {
		job->next = m->parked;
		m->parked = job;
		return;
	}
	if (!job->again) {
		media_post(m, job);
		return;
	}
	job->next = NULL;
	*m->slow_last = job;
	m->slow_last = &job->next;
}

void
media_unpark(struct media *m)
{
	while (m->parked != NULL) {
		struct media_job *job = m->parked;

		m->parked = job->next;
		job->next = NULL;
		*m->slow_last = job;
		m->slow_last = &job->next;
	}
}

/* Give the first of the long jobs a turn. */
static void
run_slow(struct media *m)
{
	struct media_job *job = m->slow;

	m->slow = job->next;
	if (m->slow == NULL)
		m->slow_last = &m->slow;
	run_job(m, job);
}

static void
send_to_sync(struct media *m, struct media_file *file)
{
	struct sync_item *it = calloc(1, sizeof(*it));

	if (it == NULL)
		return; /* next second */
	it->file = file == NULL ? NULL : media_file_ref(file);
	if (queue_put(m->to_sync, &it->item) != FCS_OK) {
		media_file_unref(it->file); /* the disk lags: next second */
		free(it);
	}
}

bool
media_sync_then(struct media *m, struct media_file *file, struct media_job *job)
{
	struct sync_item *it;

	if (atomic_load(&m->stopping))
		return false;
	it = calloc(1, sizeof(*it));
	if (it == NULL)
		return false;
	it->file = media_file_ref(file);
	it->then = job;
	job->is_away = true;
	if (queue_force(m->to_sync, &it->item) == FCS_OK)
		return true;
	job->is_away = false;
	media_file_unref(file);
	free(it);
	return false;
}

static void
housekeeping(struct media *m)
{
	int64_t now = clock_ms();

	if (m->any_dirty && now - m->last_sync_ms >= MEDIA_SYNC_MS) {
		m->last_sync_ms = now;
		m->any_dirty = false;
		for (struct media_writer *w = m->writers; w != NULL;
		     w = w->next) {
			if (!w->dirty || w->file == NULL)
				continue;
			w->dirty = false;
			send_to_sync(m, w->file);
		}
		send_to_sync(m, NULL);
	}
	if (now - m->last_idle_ms >= IDLE_MS) {
		m->last_idle_ms = now;
		recidx_idle(m->index);
	}
}

static void *
media_main(void *arg)
{
	struct media *m = arg;
	struct queue_item *item;
	int rc;

	for (;;) {
		int64_t timeout = -1;

		if (m->slow != NULL) {
			timeout = 0;
		} else if (m->writers != NULL || m->any_dirty) {
			timeout =
			    MEDIA_TICK_MS - (clock_ms() - m->last_tick_ms);
			if (timeout < 1 || timeout > MEDIA_TICK_MS)
				timeout = 1;
		}
		rc = queue_wait(m->jobs, timeout, &item);
		if (rc == FCS_OK)
			run_job(m, QUEUE_ENTRY(item, struct media_job, item));
		else if (m->slow != NULL)
			run_slow(m);
		else if (rc == FCS_ECLOSED)
			break;
		if (rc == FCS_ETIMEOUT ||
		    clock_ms() - m->last_tick_ms >= MEDIA_TICK_MS) {
			m->last_tick_ms = clock_ms();
			media_write_tick(m);
			housekeeping(m);
		}
	}
	return NULL;
}

/* A job that waited for its file goes back to the media thread. */
static void
send_back(struct media *m, struct media_job *job, int error)
{
	job->sync_errno = error;
	if (queue_force(m->jobs, &job->item) == FCS_OK)
		return;
	job->next = m->unfinished; /* see media_stop */
	m->unfinished = job;
}

static void *
sync_main(void *arg)
{
	struct media *m = arg;
	struct queue_item *item;
	int rc;

	while ((rc = queue_wait(m->to_sync, -1, &item)) != FCS_ECLOSED) {
		struct sync_item *it;
		int error = 0;

		if (rc != FCS_OK)
			continue;
		it = QUEUE_ENTRY(item, struct sync_item, item);
		if (it->file == NULL) {
			if (recidx_sync(m->index) != FCS_OK)
				log_warn("rec.sync", "what=%s", "index");
		} else if (fdatasync(it->file->fd) != 0) {
			error = errno;
			atomic_store(&it->file->sync_failed, true);
			log_error("rec.sync", "what=%s error=%s", "recording",
			    strerror(error));
		} else {
			atomic_fetch_add(&m->syncs, 1);
		}
		if (it->then != NULL)
			send_back(m, it->then, error);
		media_file_unref(it->file);
		free(it);
	}
	return NULL;
}

/* --- after a crash: repair what was being recorded, in the background --- */

struct recover {
	struct media_job job;
	char **paths;
	size_t count, cap, at;
	bool all; /* the index was lost: every file may be one */
	bool listed;
	struct media_found found;
	struct media_update update;
	bool updating;
};

static int
recover_add(struct recover *r, const char *path)
{
	if (r->count == r->cap) {
		size_t cap = r->cap == 0 ? 64 : r->cap * 2;
		char **p = realloc(r->paths, cap * sizeof(*p));

		if (p == NULL)
			return FCS_ENOMEM;
		r->paths = p;
		r->cap = cap;
	}
	r->paths[r->count] = strdup(path);
	return r->paths[r->count++] == NULL ? FCS_ENOMEM : FCS_OK;
}

static int
recover_open_one(void *arg, const char *key, const struct recidx_rec *rec)
{
	(void)rec;
	return key[0] == 'r' ? recover_add(arg, key + 2) : FCS_OK;
}

static int
recover_file(void *arg, const char *path, const struct stat *st)
{
	(void)st;
	return recover_add(arg, path);
}

/* A recording that never began well before the process died. */
static int
recover_sweep(void *arg, const char *path, const struct stat *st)
{
	struct media *m = arg;

	(void)st;
	if (!media_write_is_hidden(m, path))
		fcs_ignore(recpath_remove(m->rec_fd, path, NULL));
	return FCS_OK;
}

static void
recover_next(struct media *m, struct recover *r)
{
	struct recpath where;
	int rc;

	memset(&where, 0, sizeof(where));
	snprintf(where.path, sizeof(where.path), "%s", r->paths[r->at++]);
	rc = media_file_find(m, &where, NULL, false, &r->found, NULL);
	if (rc != FCS_OK)
		return;
	memset(&r->update, 0, sizeof(r->update));
	r->update.found = &r->found;
	r->updating = true;
}

static void
recover_run(struct media *m, struct media_job *job)
{
	struct recover *r = (struct recover *)(void *)job;
	struct err why;
	int rc;

	if (!r->listed) {
		r->listed = true;
		fcs_ignore(recpath_walk(m->rec_fd, "", true, recover_sweep, m));
		rc = r->all
			 ? recpath_walk(m->rec_fd, "", false, recover_file, r)
			 : recidx_each(m->index, true, recover_open_one, r);
		if (rc != FCS_OK)
			log_warn("rec.recover", "error=%s", err_name(rc));
	}
	if (!atomic_load(&m->stopping)) {
		if (!r->updating && r->at < r->count)
			recover_next(m, r);
		if (r->updating) {
			rc = media_file_update(m, &r->update, &why);
			if (rc == FCS_EAGAIN) {
				job->again = true;
				return;
			}
			if (rc != FCS_OK)
				log_warn("rec.recover", "file=%s error=%s",
				    r->found.path, why.text);
		}
	}
	if (r->updating) {
		media_file_update_fini(m, &r->update);
		close(r->found.fd);
		r->updating = false;
	}
	job->again = r->at < r->count && !atomic_load(&m->stopping);
}

static void
recover_done(struct media *m, struct media_job *job)
{
	struct recover *r = (struct recover *)(void *)job;

	(void)m;
	for (size_t i = 0; i < r->count; i++)
		free(r->paths[i]);
	free(r->paths);
	free(r);
}

/* --- start and stop --- */

static int
open_folders(struct media *m, struct err *why)
{
	char *path;
	int rc = FCS_OK;

	m->state_dir = strdup(m->conf.state_dir);
	if (m->state_dir == NULL ||
	    asprintf(&path, "%s/recordings", m->state_dir) < 0)
		return err_set(why, FCS_ENOMEM, "recordings");
	if (mkdir(path, 0750) != 0 && errno != EEXIST)
		rc = err_sys(why, errno, "%s", path);
	if (rc == FCS_OK) {
		m->rec_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (m->rec_fd < 0)
			rc = err_sys(why, errno, "%s", path);
	}
	free(path);
	if (rc == FCS_OK && m->conf.media_dir != NULL)
		m->ship_fd =
		    open(m->conf.media_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return rc;
}

static void
destroy(struct media *m)
{
	struct media_count *c;
	struct media_count *tmp;

	recidx_close(m->index);
	HASH_ITER(hh, m->counts, c, tmp)
	{
		HASH_DEL(m->counts, c);
		free(c);
	}
	media_pool_unref(m->pool);
	queue_free(m->jobs);
	queue_free(m->done);
	queue_free(m->to_sync);
	if (m->rec_fd >= 0)
		close(m->rec_fd);
	if (m->ship_fd >= 0)
		close(m->ship_fd);
	free(m->state_dir);
	free(m);
}

/* Threads must not take the signals meant for the loop. */
static int
start_threads(struct media *m)
{
	sigset_t all;
	sigset_t old;
	int rc = FCS_OK;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&m->thread, NULL, media_main, m) != 0) {
		rc = FCS_ENOMEM;
	} else if (pthread_create(&m->sync_thread, NULL, sync_main, m) != 0) {
		queue_close(m->jobs);
		pthread_join(m->thread, NULL);
		rc = FCS_ENOMEM;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

int
media_start(const struct media_conf *conf, struct media **out, struct err *why)
{
	struct media *m = calloc(1, sizeof(*m));
	struct recover *r = calloc(1, sizeof(*r));
	bool fresh = false;
	int rc;

	if (m == NULL || r == NULL) {
		free(m);
		free(r);
		return err_set(why, FCS_ENOMEM, "recordings");
	}
	m->conf = *conf;
	m->rec_fd = m->ship_fd = -1;
	m->slow_last = &m->slow;
	m->pool = media_pool_new();
	if (conf->limits == NULL) {
		limits_init(&m->limits_own);
		m->conf.limits = &m->limits_own;
	}
	m->jobs = queue_new(0, NULL, NULL);
	m->done = queue_new(0, conf->wake, conf->arg);
	m->to_sync = queue_new(4096, NULL, NULL);
	if (m->pool == NULL || m->jobs == NULL || m->done == NULL ||
	    m->to_sync == NULL)
		rc = err_set(why, FCS_ENOMEM, "recordings");
	else
		rc = open_folders(m, why);
	if (rc == FCS_OK)
		rc = recidx_open(m->state_dir,
		    (uint64_t)limits_get(m->conf.limits, LIMIT_LMDB_MAP),
		    &m->index, &fresh, why);
	if (rc == FCS_OK) {
		m->last_tick_ms = m->last_sync_ms = m->last_idle_ms =
		    clock_ms();
		rc = start_threads(m);
		if (rc != FCS_OK)
			(void)err_set(why, rc, "no thread for recordings");
	}
	if (rc != FCS_OK) {
		destroy(m);
		free(r);
		return rc;
	}
	r->job.run = recover_run;
	r->job.done = recover_done;
	r->all = fresh;
	media_submit(m, &r->job);
	*out = m;
	return FCS_OK;
}

void
media_stop(struct media *m)
{
	struct media_job *job;

	if (m == NULL)
		return;
	media_writer_stop(m);
	atomic_store(&m->stopping, true);
	queue_close(m->jobs);
	pthread_join(m->thread, NULL);
	queue_close(m->to_sync);
	pthread_join(m->sync_thread, NULL);
	/* there is only us now: what came back too late, and who waited for it */
	while ((job = m->unfinished) != NULL) {
		m->unfinished = job->next;
		run_job(m, job);
	}
	media_unpark(m);
	while (m->slow != NULL)
		run_slow(m);
	while (m->in_flight > 0 || queue_count(m->done) > 0)
		media_collect(m);
	destroy(m);
}

bool
media_is_idle(const struct media *m)
{
	return m->in_flight == 0;
}

void
media_stats(struct media *m, struct media_stats *out)
{
	memset(out, 0, sizeof(*out));
	out->writers = m->writer_count;
	out->readers = m->readers;
	out->queued_bytes = atomic_load(&m->queued_bytes);
	out->written_bytes = atomic_load(&m->written_bytes);
	out->batches = atomic_load(&m->batches);
	out->syncs = atomic_load(&m->syncs);
	out->hot_reads = atomic_load(&m->hot_reads);
	out->cold_reads = atomic_load(&m->cold_reads);
	out->read_bytes = atomic_load(&m->read_bytes);
	out->indexed = atomic_load(&m->indexed);
	out->repaired = atomic_load(&m->repaired);
	out->buffer_bytes = media_pool_bytes(m->pool);
}

int
media_name(const char *name, char out[NAME_STREAM_MAX + 1])
{
	struct recpath path;
	int rc = recpath_make(NULL, name, &path, NULL);

	if (rc == FCS_OK)
		memcpy(out, path.name, sizeof(path.name));
	return rc;
}
