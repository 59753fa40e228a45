/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/store/rec_lib.h"

#include <poll.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

static void
wake(void *arg)
{
	struct rec *r = arg;
	uint64_t one = 1;

	ck_assert_int_eq(write(r->efd, &one, sizeof(one)), sizeof(one));
}

int64_t rec_map_bytes = 1 << 30;

void
rec_start(struct rec *r, const char *dir, const char *media_dir)
{
	struct media_conf conf = {
		.state_dir = dir, .media_dir = media_dir, .wake = wake, .arg = r
	};
	struct err why;
	int rc;

	limits_init(&r->limits);
	r->limits.value[LIMIT_LMDB_MAP] = rec_map_bytes;
	conf.limits = &r->limits;
	r->efd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_ge(r->efd, 0);
	rc = media_start(&conf, &r->media, &why);
	ck_assert_msg(rc == FCS_OK, "media_start: %s", why.text);
}

void
rec_stop(struct rec *r)
{
	media_stop(r->media);
	r->media = NULL;
	close(r->efd);
}

void
rec_turn(struct rec *r, int ms)
{
	struct pollfd p = { .fd = r->efd, .events = POLLIN };
	uint64_t n;

	if (poll(&p, 1, ms) > 0)
		ck_assert_int_eq(read(r->efd, &n, sizeof(n)), sizeof(n));
	media_collect(r->media);
}

void
rec_wait(struct rec *r, const bool *flag)
{
	int64_t until = clock_ms() + 10000;

	while (!*flag) {
		ck_assert_msg(clock_ms() < until, "nothing came");
		rec_turn(r, 1000);
	}
}

/* --- writing --- */

static void
opened(void *arg, int result, const struct err *why, bool existed,
    uint32_t last_ts, int64_t idle_ms)
{
	struct rec_writer *w = arg;

	(void)why;
	(void)idle_ms;
	w->is_open = true;
	w->open_result = result;
	w->existed = existed;
	w->last_ts = last_ts;
}

static void
failed(void *arg, int result, const struct err *why)
{
	struct rec_writer *w = arg;

	(void)why;
	w->has_failed = true;
	w->fail_result = result;
}

static void
closed(void *arg, int result, const struct err *why)
{
	struct rec_writer *w = arg;

	(void)why;
	w->is_closed = true;
	w->close_result = result;
}

static const struct media_writer_ops writer_ops = { opened, failed, closed };

void
rec_begin(struct rec *r, struct rec_writer *w, const char *inst,
    const char *name, enum media_mode mode)
{
	struct err why;
	int rc;

	memset(w, 0, sizeof(*w));
	rc = media_writer_open(
	    r->media, inst, name, mode, &writer_ops, w, &w->w, &why);
	ck_assert_msg(rc == FCS_OK, "media_writer_open: %s", why.text);
	rec_wait(r, &w->is_open);
	ck_assert_int_eq(w->open_result, FCS_OK);
}

struct refbuf *
rec_frame(uint8_t type, uint32_t n)
{
	static const uint8_t key[] = { 0x17, 1, 0, 0, 0 };
	static const uint8_t inter[] = { 0x27, 1, 0, 0, 0 };
	static const uint8_t sound[] = { 0xAF, 1 };
	bool is_key = n % 50 == 0;
	size_t len = type == MESSAGE_AUDIO ? 40 : is_key ? 3000 : 400;
	struct refbuf *b = refbuf_new(len);

	ck_assert_ptr_nonnull(b);
	for (size_t i = 0; i < len; i++)
		b->data[i] = (uint8_t)(n * 31 + i * 7);
	if (type == MESSAGE_AUDIO)
		memcpy(b->data, sound, sizeof(sound));
	else
		memcpy(b->data, is_key ? key : inter, sizeof(key));
	return b;
}

static void
append(struct rec_writer *w, uint8_t type, uint32_t ts, struct refbuf *b)
{
	ck_assert_int_eq(media_writer_append(w->w, type, ts, b), FCS_OK);
	refbuf_unref(b);
}

void
rec_frames(struct rec_writer *w, uint32_t from, uint32_t to)
{
	if (from == 0) {
		append(w, MESSAGE_VIDEO, 0,
		    refbuf_from("\x17\0\0\0\0\x01\x64\0\x0a\xff", 10));
		append(w, MESSAGE_AUDIO, 0, refbuf_from("\xaf\0\x12\x10", 4));
	}
	for (uint32_t n = from; n < to; n++) {
		append(w, MESSAGE_VIDEO, n * 40, rec_frame(MESSAGE_VIDEO, n));
		append(
		    w, MESSAGE_AUDIO, n * 40 + 20, rec_frame(MESSAGE_AUDIO, n));
	}
}

void
rec_end(struct rec *r, struct rec_writer *w)
{
	media_writer_close(w->w);
	rec_wait(r, &w->is_closed);
}

void
rec_make(struct rec *r, const char *inst, const char *name, uint32_t frames)
{
	struct rec_writer w;

	rec_begin(r, &w, inst, name, MEDIA_NEW);
	rec_frames(&w, 0, frames);
	rec_end(r, &w);
	ck_assert_int_eq(w.close_result, FCS_OK);
}

/* --- reading --- */

static void
reader_opened(
    void *arg, int result, const struct err *why, const struct media_info *info)
{
	struct rec_player *p = arg;

	(void)why;
	p->is_open = true;
	p->result = result;
	if (result == FCS_OK)
		p->info = *info;
}

static void
reader_placed(void *arg, const struct media_place *place)
{
	struct rec_player *p = arg;

	p->is_placed = true;
	p->place = *place;
	p->has_meta = place->meta != NULL;
	p->has_video_conf = place->video_conf != NULL;
	p->has_audio_conf = place->audio_conf != NULL;
}

static void
reader_ready(void *arg)
{
	struct rec_player *p = arg;

	p->is_ready = true;
}

const struct media_reader_ops rec_reader_ops = { reader_opened, reader_placed,
	reader_ready };

void
rec_open(
    struct rec *r, struct rec_player *p, const char *inst, const char *name)
{
	memset(p, 0, sizeof(*p));
	p->r = media_reader_open(r->media, inst, name, &rec_reader_ops, p);
	ck_assert_ptr_nonnull(p->r);
	rec_wait(r, &p->is_open);
}

void
rec_seek(struct rec *r, struct rec_player *p, uint32_t ms)
{
	p->is_placed = false;
	ck_assert_int_eq(media_reader_seek(p->r, ms), FCS_OK);
	rec_wait(r, &p->is_placed);
	p->tags = p->pictures = p->sounds = p->data = 0;
	p->hash = 0;
}

uint64_t
rec_hash(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	if (h == 0)
		h = 0xcbf29ce484222325ull;
	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3ull;
	return h;
}

void
rec_play(struct rec *r, struct rec_player *p, uint32_t max)
{
	struct media_tag t;
	uint32_t n = 0;

	while (max == 0 || n < max) {
		p->is_ready = false;
		p->end = media_reader_next(p->r, &t);
		if (p->end == FCS_EAGAIN) {
			rec_wait(r, &p->is_ready);
			continue;
		}
		if (p->end != FCS_OK)
			break;
		if (p->tags++ == 0) {
			p->first_ts = t.ts_ms;
			p->first_is_key = t.type == MESSAGE_VIDEO &&
					  t.payload->len > 0 &&
					  t.payload->data[0] >> 4 == 1;
		}
		p->last_ts = t.ts_ms;
		n++;
		if (t.type == MESSAGE_VIDEO || t.type == MESSAGE_AUDIO) {
			*(t.type == MESSAGE_VIDEO ? &p->pictures
						  : &p->sounds) += 1;
			p->hash = rec_hash(p->hash, &t.type, 1);
			p->hash = rec_hash(p->hash, &t.ts_ms, 4);
			p->hash =
			    rec_hash(p->hash, t.payload->data, t.payload->len);
		} else {
			p->data++;
		}
		refbuf_unref(t.payload);
	}
}

void
rec_close(struct rec_player *p)
{
	media_reader_close(p->r);
	p->r = NULL;
}

/* --- questions --- */

struct answer {
	bool came;
	int result;
	struct media_info info;
	struct media_verify verify;
};

static void
answered(
    void *arg, int result, const struct err *why, const struct media_info *info)
{
	struct answer *a = arg;

	(void)why;
	a->came = true;
	a->result = result;
	a->info = *info;
}

static void
verified(void *arg, int result, const struct err *why,
    const struct media_info *info, const struct media_verify *verify)
{
	struct answer *a = arg;

	answered(arg, result, why, info);
	a->verify = *verify;
}

int
rec_info(
    struct rec *r, const char *inst, const char *name, struct media_info *out)
{
	struct answer a = { 0 };

	ck_assert_int_eq(
	    media_admin_info(r->media, inst, name, answered, &a), 0);
	rec_wait(r, &a.came);
	*out = a.info;
	return a.result;
}

int
rec_reindex(
    struct rec *r, const char *inst, const char *name, struct media_info *out)
{
	struct answer a = { 0 };

	ck_assert_int_eq(
	    media_admin_reindex(r->media, inst, name, answered, &a), 0);
	rec_wait(r, &a.came);
	*out = a.info;
	return a.result;
}

int
rec_verify(
    struct rec *r, const char *inst, const char *name, struct media_verify *out)
{
	struct answer a = { 0 };

	ck_assert_int_eq(
	    media_admin_verify(r->media, inst, name, verified, &a), 0);
	rec_wait(r, &a.came);
	*out = a.verify;
	return a.result;
}

int
rec_rename(struct rec *r, const char *inst, const char *name, const char *to,
    struct media_info *out)
{
	struct answer a = { 0 };

	ck_assert_int_eq(
	    media_admin_rename(r->media, inst, name, to, answered, &a), 0);
	rec_wait(r, &a.came);
	*out = a.info;
	return a.result;
}

int
rec_delete(struct rec *r, const char *inst, const char *name)
{
	struct answer a = { 0 };

	ck_assert_int_eq(
	    media_admin_delete(r->media, inst, name, answered, &a), 0);
	rec_wait(r, &a.came);
	return a.result;
}

static void
on_meta(void *arg, int result, const struct err *why, struct refbuf *meta)
{
	struct answer *a = arg;

	(void)why;
	a->came = true;
	a->result = result;
	a->info.size = meta == NULL ? 0 : meta->len;
}

int
rec_meta(struct rec *r, const char *inst, const char *name, size_t *out_len)
{
	struct answer a = { 0 };

	ck_assert_int_eq(
	    media_admin_meta(r->media, inst, name, on_meta, &a), 0);
	rec_wait(r, &a.came);
	*out_len = a.info.size;
	return a.result;
}

/* --- files --- */

const char *
rec_path(const char *fmt, ...)
{
	static char paths[8][512];
	static unsigned at;
	char *p = paths[at++ % 8];
	va_list ap;
	int n = snprintf(p, 512, "%s/", unit_tmpdir());

	va_start(ap, fmt);
	vsnprintf(p + n, 512 - (size_t)n, fmt, ap);
	va_end(ap);
	return p;
}

uint8_t *
rec_slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *p;

	ck_assert_msg(f != NULL, "cannot open %s", path);
	ck_assert_int_eq(fstat(fileno(f), &st), 0);
	p = malloc((size_t)st.st_size + 1);
	ck_assert_ptr_nonnull(p);
	*len = fread(p, 1, (size_t)st.st_size, f);
	ck_assert_uint_eq(*len, (size_t)st.st_size);
	fclose(f);
	return p;
}

void
rec_spit(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	ck_assert_msg(f != NULL, "cannot make %s", path);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
}

long
rec_check_file(const char *path, uint32_t *last_ts)
{
	size_t len;
	uint8_t *p = rec_slurp(path, &len);
	size_t at = 13;
	long n = 0;

	*last_ts = 0;
	if (len < 13 || memcmp(p, "FLV\1", 4) != 0) {
		free(p);
		return -1;
	}
	while (at < len) {
		size_t size;
		size_t back;

		if (len - at < 15)
			break;
		size = (size_t)p[at + 1] << 16 | (size_t)p[at + 2] << 8 |
		       p[at + 3];
		if (len - at < size + 15)
			break;
		back = (size_t)p[at + size + 11] << 24 |
		       (size_t)p[at + size + 12] << 16 |
		       (size_t)p[at + size + 13] << 8 | p[at + size + 14];
		if (back != size + 11)
			break;
		*last_ts = (uint32_t)p[at + 7] << 24 |
			   (uint32_t)p[at + 4] << 16 |
			   (uint32_t)p[at + 5] << 8 | p[at + 6];
		at += size + 15;
		n++;
	}
	free(p);
	return at == len ? n : -1;
}
