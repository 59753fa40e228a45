/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * media_file - finding the file of a recording, bringing the index up to date
 * with it, and repairing what a crash cut off. Media thread only.
 *
 * A file is indexed when its catalogue row is missing or names another size,
 * time or inode. Only a file of ours that was never closed (its row or its own
 * head says so) is ever cut: one that somebody is just copying in is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "codec/flv.h"
#include "storage/media_int.h"
#include "storage/rechead.h"

#define KEYS_MAX 4096 /* collected for a head; thinned to what fits */

int
media_file_read(int fd, uint64_t at, void *p, size_t n)
{
	uint8_t *to = p;

	while (n > 0) {
		ssize_t r = pread(fd, to, n, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return FCS_EIO;
		if (r == 0)
			return FCS_ESHORT;
		to += r;
		at += (uint64_t)r;
		n -= (size_t)r;
	}
	return FCS_OK;
}

int
media_file_write(int fd, uint64_t at, const void *p, size_t n)
{
	const uint8_t *from = p;

	while (n > 0) {
		ssize_t r = pwrite(fd, from, n, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? err_from_errno(errno) : FCS_EIO;
		from += r;
		at += (uint64_t)r;
		n -= (size_t)r;
	}
	return FCS_OK;
}

struct refbuf *
media_file_tag(
    struct media *m, int fd, uint64_t at, uint64_t end, uint64_t *read_bytes)
{
	uint8_t head[FLV_TAG_HEADER];
	struct refbuf *payload;
	struct flv_tag tag;

	if (at == 0 || at + FLV_TAG_HEADER > end ||
	    media_file_read(fd, at, head, sizeof(head)) != FCS_OK ||
	    flv_read_tag(head, &tag) != FCS_OK ||
	    at + FLV_TAG_HEADER + tag.size > end ||
	    tag.size > (uint64_t)limits_get(m->conf.limits, LIMIT_RECORD_TAG))
		return NULL;
	payload = refbuf_new(tag.size);
	if (payload != NULL && media_file_read(fd, at + FLV_TAG_HEADER,
				   payload->data, tag.size) != FCS_OK) {
		refbuf_unref(payload);
		return NULL;
	}
	*read_bytes += FLV_TAG_HEADER + tag.size;
	return payload;
}

/* --- finding --- */

static int
try_open(struct media *m, bool shipped, const char *path, bool for_writing,
    struct media_found *out, struct err *why)
{
	int root = shipped ? m->ship_fd : m->rec_fd;
	int rc;

	if (root < 0 || path[0] == '\0')
		return err_set(why, FCS_ENOENT, "no such recording");
	rc = recpath_open(
	    root, path, for_writing ? O_RDWR : O_RDONLY, &out->fd, why);
	if (rc != FCS_OK)
		return rc;
	if (fstat(out->fd, &out->st) != 0)
		rc = err_sys(why, errno, "stat");
	else if (!S_ISREG(out->st.st_mode))
		rc = err_set(why, FCS_ENOENT, "not a file");
	if (rc != FCS_OK) {
		close(out->fd);
		return rc;
	}
	snprintf(out->path, sizeof(out->path), "%s", path);
	snprintf(
	    out->key, sizeof(out->key), "%c/%s", shipped ? 'm' : 'r', path);
	out->read_only = shipped;
	out->writer = shipped ? NULL : media_write_find(m, out->key);
	return FCS_OK;
}

int
media_file_find(struct media *m, const struct recpath *in_inst,
    const struct recpath *shipped, bool for_writing, struct media_found *out,
    struct err *why)
{
	int rc;

	rc = try_open(m, false, in_inst->path, for_writing, out, why);
	if (rc == FCS_ENOENT)
		rc = try_open(m, false, in_inst->plain, for_writing, out, why);
	if (rc != FCS_ENOENT || shipped == NULL)
		return rc;
	rc = try_open(m, true, shipped->path, for_writing, out, why);
	if (rc == FCS_ENOENT)
		rc = try_open(m, true, shipped->plain, for_writing, out, why);
	return rc;
}

void
media_file_info(struct media *m, const struct media_found *found,
    const struct recidx_rec *rec, struct media_info *out)
{
	struct media_count *count = media_count(m, found->key, false);
	const struct recscan_facts *f = &rec->facts;

	memset(out, 0, sizeof(*out));
	if (recpath_names(found->path, found->read_only ? NULL : out->inst,
		out->name) != FCS_OK)
		snprintf(out->name, sizeof(out->name), "%.250s", found->path);
	out->growing = found->writer != NULL;
	out->read_only = found->read_only;
	out->indexed = true;
	out->has_video = f->has_video;
	out->has_audio = f->has_audio;
	out->duration_ms = f->last_ts;
	out->first_ts_ms = f->first_ts;
	out->size = f->end;
	out->tags = f->tags;
	out->keys = f->keys;
	out->changed_ms = media_mtime_ns(&found->st) / 1000000;
	out->video = f->video;
	out->audio = f->audio;
	out->odd = f->odd;
	if (count != NULL) {
		out->opens = count->opens;
		out->seeks = count->seeks;
		out->read_bytes = count->read_bytes;
		out->seek_bytes = count->seek_bytes;
	}
}

/* --- the head of a finished file --- */

struct keys {
	uint32_t *times;
	uint64_t *places;
	size_t count;
	uint64_t seen, step;
};

static bool
collect_key(void *arg, const struct recscan_key *key)
{
	struct keys *k = arg;

	if (k->seen++ % k->step == 0 && k->count < KEYS_MAX) {
		k->times[k->count] = key->ts_ms;
		k->places[k->count++] = key->offset;
	}
	return true;
}

static int
build_head(struct media *m, int fd, struct recidx_rec *rec, bool recording,
    struct buf *out)
{
	const struct recscan_facts *f = &rec->facts;
	struct keys keys = { .step = f->keys / KEYS_MAX + 1 };
	struct rechead head = { .recording = recording,
		.duration_ms = f->last_ts,
		.file_size = f->end,
		.has_video = f->has_video,
		.has_audio = f->has_audio };
	uint64_t unused = 0;
	struct refbuf *old;
	int rc = FCS_ENOMEM;

	old = media_file_tag(m, fd, f->meta_at, f->end, &unused);
	keys.times = malloc(KEYS_MAX * sizeof(*keys.times));
	keys.places = malloc(KEYS_MAX * sizeof(*keys.places));
	if (keys.times != NULL && keys.places != NULL) {
		rc = recidx_key_each(m->index, rec->id, collect_key, &keys);
		if (rc != FCS_OK)
			keys.count = 0; /* better none than no duration */
		head.meta = old == NULL ? NULL : old->data;
		head.meta_len = old == NULL ? 0 : old->len;
		head.times_ms = keys.times;
		head.positions = keys.places;
		head.key_count = keys.count;
		rc = rechead_build(out, &head, rec->head_room);
	}
	free(keys.times);
	free(keys.places);
	refbuf_unref(old);
	return rc;
}

/* A file of others that we appended to: only its numbers can be set right. */
static int
patch_number(struct buf *meta, const char *key, double v)
{
	char want[64];
	size_t n = strlen(key);
	const uint8_t *at;
	struct buf num;

	want[0] = 0;
	want[1] = (char)n;
	memcpy(want + 2, key, n);
	want[2 + n] = 0; /* AMF0 number */
	at = memmem(buf_data(meta), buf_len(meta), want, n + 3);
	if (at == NULL ||
	    (size_t)(at - buf_data(meta)) + n + 3 + 8 > buf_len(meta))
		return FCS_ENOENT;
	buf_init(&num, 0);
	buf_f64(&num, v);
	buf_patch(meta, (size_t)(at - buf_data(meta)) + n + 3, buf_data(&num),
	    buf_len(&num));
	buf_fini(&num);
	return buf_status(meta);
}

int
media_file_finish(struct media *m, int fd, struct recidx_rec *rec,
    bool recording, struct err *why)
{
	const struct recscan_facts *f = &rec->facts;
	uint64_t unused = 0;
	struct refbuf *old;
	struct buf head;
	uint8_t flags;
	int rc = FCS_OK;

	if (f->meta_at == 0)
		return FCS_OK;
	buf_init(&head, 0);
	if (rec->head_room > 0) {
		rc = build_head(m, fd, rec, recording, &head);
	} else if (!recording) {
		old = media_file_tag(m, fd, f->meta_at, f->end, &unused);
		if (old != NULL) {
			buf_append(&head, old->data, old->len);
			(void)patch_number(
			    &head, "duration", f->last_ts / 1000.0);
			(void)patch_number(&head, "filesize", (double)f->end);
		}
		refbuf_unref(old);
	}
	if (rc == FCS_OK && buf_len(&head) > 0)
		rc = media_file_write(fd, f->meta_at + FLV_TAG_HEADER,
		    buf_data(&head), buf_len(&head));
	buf_fini(&head);
	flags = (uint8_t)((f->has_audio ? 4 : 0) | (f->has_video ? 1 : 0));
	if (rc == FCS_OK && !recording && flags != 0)
		rc = media_file_write(fd, 4, &flags, 1);
	if (rc != FCS_OK)
		return err_set(
		    why, rc, "head of the recording: %s", err_text(rc));
	return FCS_OK;
}

/* --- bringing the index up to date --- */

static bool
is_current(const struct media_update *u)
{
	const struct stat *st = &u->found->st;

	return !u->force && (u->rec.state & RECIDX_OPEN) == 0 &&
	       u->rec.file_size == (uint64_t)st->st_size &&
	       u->rec.inode == (uint64_t)st->st_ino &&
	       u->rec.mtime_ns == media_mtime_ns(st);
}

static bool
is_updating(const struct media *m, const char *key)
{
	for (const struct media_update *u = m->updates; u != NULL; u = u->next)
		if (strcmp(u->found->key, key) == 0)
			return true;
	return false;
}

/* FCS_OK: nothing to do; FCS_EAGAIN: begun, or another one is at it. */
static int
update_begin(struct media *m, struct media_update *u, struct err *why)
{
	const struct media_found *found = u->found;
	uint64_t size = (uint64_t)found->st.st_size;
	int rc;

	u->found->writer =
	    found->read_only ? NULL : media_write_find(m, found->key);
	if (found->writer != NULL) {
		if (u->force)
			return err_set(why, FCS_EBUSY, "it is being recorded");
		u->rec = found->writer->rec;
		return FCS_OK;
	}
	if (is_updating(m, found->key))
		return FCS_EAGAIN;
	if (fstat(found->fd, &u->found->st) != 0)
		return err_sys(why, errno, "stat");
	size = (uint64_t)found->st.st_size;
	rc = recidx_get(m->index, found->key, &u->rec);
	if (rc == FCS_OK && is_current(u))
		return FCS_OK;
	u->scan = malloc(sizeof(*u->scan));
	if (u->scan == NULL)
		return err_set(why, FCS_ENOMEM, "index");
	/* cut off: what the index has is in the file (kill -9), go on there */
	u->known = rc == FCS_OK && !u->force &&
		   (u->rec.state & RECIDX_OPEN) != 0 && u->rec.facts.end > 0 &&
		   u->rec.facts.end <= size &&
		   u->rec.inode == (uint64_t)found->st.st_ino;
	if (u->known) {
		recscan_at(u->scan, found->fd, size, u->rec.facts.end, true);
		u->scan->last_ts = u->rec.facts.last_ts;
		u->is_unfinished = true;
	} else {
		memset(&u->rec, 0, sizeof(u->rec));
		rc = recscan_init(u->scan, found->fd, size, false);
		if (rc != FCS_OK) {
			free(u->scan);
			u->scan = NULL;
			return err_set(why,
			    rc == FCS_EFORMAT ? FCS_ECORRUPT : rc,
			    rc == FCS_EFORMAT ? "not an FLV file"
					      : "cannot be read");
		}
		u->rec.id = recidx_new_id(m->index);
		u->rec.data_at = u->scan->pos;
	}
	u->begun = true;
	u->next = m->updates;
	m->updates = u;
	return FCS_EAGAIN;
}

/* The first onMetaData tells whether the file is ours. */
static void
look_at_meta(
    struct media *m, struct media_update *u, const struct recscan_tag *t)
{
	struct rechead_mark mark;
	uint64_t unused = 0;
	struct refbuf *payload =
	    media_file_tag(m, u->found->fd, t->offset, u->scan->size, &unused);

	if (payload == NULL)
		return;
	rechead_read(payload->data, payload->len, &mark);
	refbuf_unref(payload);
	if (!mark.ours || u->found->read_only)
		return;
	u->rec.state |= RECIDX_OURS;
	u->rec.head_room = t->size;
	u->is_unfinished = mark.recording;
	u->scan->strict = mark.recording;
}

static void
index_trouble(struct media *m, int rc)
{
	if (!m->index_warned)
		log_error("rec.index", "error=%s what=%s", err_name(rc),
		    "index cannot be written, recordings go on");
	m->index_warned = true;
}

/* One slice. FCS_EAGAIN more is left; FCS_OK the end; FCS_EIO. */
static int
update_slice(struct media *m, struct media_update *u)
{
	int64_t until = clock_us() + MEDIA_SLICE_US;
	struct recscan_tag tag;
	struct recscan_key key;
	bool store = true;
	int put = recidx_begin(m->index);
	int rc = FCS_OK;

	for (int n = 0; rc == FCS_OK; n++) {
		if (n >= 256 && clock_us() >= until)
			break;
		rc = recscan_next(u->scan, &tag);
		if (rc != FCS_OK)
			break;
		if (tag.metadata && u->rec.facts.meta_at == 0)
			look_at_meta(m, u, &tag);
		if (recscan_take(&u->rec.facts, &tag, &key) && put == FCS_OK)
			put = recidx_key_put(m->index, u->rec.id, &key);
		if (put != FCS_OK && store) {
			recidx_abort(m->index);
			index_trouble(m, put);
			store = false;
		}
	}
	if (put == FCS_OK)
		put = recidx_commit(m->index);
	else
		recidx_abort(m->index);
	if (rc == FCS_OK)
		return FCS_EAGAIN;
	u->rec.facts.odd |= u->scan->odd;
	if (rc == FCS_ESHORT)
		u->rec.facts.odd |= RECSCAN_ODD_TAIL;
	else if (rc == FCS_EFORMAT)
		u->rec.facts.odd |= RECSCAN_ODD_GARBAGE;
	else if (rc != FCS_ENOENT)
		return rc;
	u->rec.facts.end = u->scan->pos;
	return FCS_OK;
}

/* Cut a recording of ours after its last whole tag and close it well. */
static int
repair(struct media *m, struct media_update *u, struct err *why)
{
	struct recscan_facts *f = &u->rec.facts;
	uint64_t cut = u->scan->size - f->end;
	int fd;
	int rc = recpath_open(m->rec_fd, u->found->path, O_RDWR, &fd, why);

	if (rc != FCS_OK)
		return rc;
	if (cut > 0 && ftruncate(fd, (off_t)f->end) != 0)
		rc = err_sys(why, errno, "truncate");
	f->odd &= ~(uint32_t)(RECSCAN_ODD_TAIL | RECSCAN_ODD_GARBAGE);
	if (rc == FCS_OK)
		rc = media_file_finish(m, fd, &u->rec, false, why);
	if (rc == FCS_OK &&
	    (fdatasync(fd) != 0 || fstat(fd, &u->found->st) != 0))
		rc = err_sys(why, errno, "sync");
	close(fd);
	if (rc == FCS_OK) {
		atomic_fetch_add(&m->repaired, 1);
		log_info("rec.repaired",
		    "file=%s cut_bytes=%llu duration_ms=%u", u->found->path,
		    (unsigned long long)cut, f->last_ts);
	}
	return rc;
}

static void
update_unlink(struct media *m, struct media_update *u)
{
	struct media_update **p = &m->updates;

	while (*p != NULL && *p != u)
		p = &(*p)->next;
	if (*p != NULL)
		*p = u->next;
	free(u->scan);
	u->scan = NULL;
	u->begun = false;
}

/* Put the finished row in place of the old one. */
static int
update_store(struct media *m, struct media_update *u)
{
	struct recidx_rec old;
	int rc = recidx_begin(m->index);

	if (rc != FCS_OK)
		return rc;
	if (recidx_get(m->index, u->found->key, &old) == FCS_OK &&
	    old.id != u->rec.id)
		rc = recidx_del(m->index, u->found->key);
	if (rc == FCS_OK)
		rc = recidx_put(m->index, u->found->key, &u->rec);
	if (rc == FCS_OK)
		return recidx_commit(m->index);
	recidx_abort(m->index);
	return rc;
}

int
media_file_update(struct media *m, struct media_update *u, struct err *why)
{
	struct recscan_facts *f = &u->rec.facts;
	int rc;

	if (!u->begun)
		return update_begin(m, u, why);
	rc = update_slice(m, u);
	if (rc == FCS_EAGAIN)
		return atomic_load(&m->stopping)
			   ? err_set(why, FCS_ECLOSED, "stopping")
			   : FCS_EAGAIN;
	if (rc != FCS_OK)
		return err_set(why, rc, "cannot be read");
	if (f->tags == 0 && !u->is_unfinished) {
		fcs_ignore(recidx_key_clear(m->index, u->rec.id));
		return err_set(why, FCS_ECORRUPT, "no whole tag in it");
	}
	if (f->meta_at == 0)
		f->odd |= RECSCAN_ODD_NO_META;
	if (u->is_unfinished) {
		rc = repair(m, u, why);
		if (rc != FCS_OK)
			return rc;
	}
	u->rec.state &= ~(uint32_t)RECIDX_OPEN;
	u->rec.file_size = (uint64_t)u->found->st.st_size;
	u->rec.inode = (uint64_t)u->found->st.st_ino;
	u->rec.mtime_ns = media_mtime_ns(&u->found->st);
	rc = update_store(m, u);
	if (rc != FCS_OK)
		index_trouble(m, rc); /* it plays all the same */
	atomic_fetch_add(&m->indexed, 1);
	update_unlink(m, u);
	return FCS_OK;
}

void
media_file_update_fini(struct media *m, struct media_update *u)
{
	if (!u->begun)
		return;
	if (!u->known)
		fcs_ignore(recidx_key_clear(m->index, u->rec.id));
	update_unlink(m, u);
}
