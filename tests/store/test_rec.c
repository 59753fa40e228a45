/* SPDX-License-Identifier: BSD-2-Clause */
/* Recordings written, indexed, sought and played through storage/media. */
#include "tests/store/rec_lib.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "codec/amf0.h"

/* The program's own fdatasync: a disk that takes as long as a case likes. */
static atomic_bool sync_held, sync_begun;

int
fdatasync(int fd)
{
	atomic_store(&sync_begun, true);
	while (atomic_load(&sync_held))
		(void)usleep(1000);
	return (int)syscall(SYS_fdatasync, fd);
}

UNIT(a_recording_plays_as_it_was_written)
{
	struct rec r;
	struct rec_player p;
	uint64_t want = 0;
	uint32_t last;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "_definst_", "x", 250);
	ck_assert_int_eq(
	    rec_check_file(rec_path("recordings/_definst_/x.flv"), &last), 503);
	ck_assert_uint_eq(last, 249 * 40 + 20);
	rec_open(&r, &p, "_definst_", "x");
	ck_assert_int_eq(p.result, FCS_OK);
	ck_assert_uint_eq(p.info.duration_ms, 9980);
	ck_assert(p.info.has_video && p.info.has_audio && !p.info.growing);
	ck_assert_uint_eq(p.info.keys, 5);
	rec_seek(&r, &p, 0);
	ck_assert(p.place.at_start && p.has_meta);
	rec_play(&r, &p, 0);
	ck_assert_int_eq(p.end, FCS_ENOENT);
	ck_assert_uint_eq(p.pictures, 251);
	ck_assert_uint_eq(p.sounds, 251);
	for (int i = 0; i < 2; i++) {
		uint8_t type = i == 0 ? MESSAGE_VIDEO : MESSAGE_AUDIO;
		uint32_t ts = 0;

		want = rec_hash(want, &type, 1);
		want = rec_hash(want, &ts, 4);
		want = i == 0 ? rec_hash(
				    want, "\x17\0\0\0\0\x01\x64\0\x0a\xff", 10)
			      : rec_hash(want, "\xaf\0\x12\x10", 4);
	}
	for (uint32_t n = 0; n < 500; n++) {
		uint8_t type = n % 2 == 0 ? MESSAGE_VIDEO : MESSAGE_AUDIO;
		uint32_t ts = n * 20;
		struct refbuf *b = rec_frame(type, n / 2);

		want = rec_hash(want, &type, 1);
		want = rec_hash(want, &ts, 4);
		want = rec_hash(want, b->data, b->len);
		refbuf_unref(b);
	}
	ck_assert(p.hash == want);
	rec_close(&p);
	rec_stop(&r);
}

UNIT(a_seek_goes_to_the_key_frame_at_or_before)
{
	static const uint32_t to[] = { 1, 1999, 2000, 2001, 5000, 7999, 8000,
		9979, 9980, 100000, UINT32_MAX };
	struct rec r;
	struct rec_player p;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "_definst_", "x", 250);
	rec_open(&r, &p, "_definst_", "flv:x.flv");
	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		uint32_t key = to[i] / 2000 * 2000;

		if (key > 8000)
			key = 8000;
		rec_seek(&r, &p, to[i]);
		ck_assert_int_eq(p.place.result, FCS_OK);
		ck_assert_uint_eq(p.place.key_ms, key);
		ck_assert(!p.place.at_start);
		ck_assert(p.has_video_conf && p.has_audio_conf);
		rec_play(&r, &p, 3);
		ck_assert_uint_eq(p.first_ts, key);
		ck_assert(p.first_is_key);
	}
	rec_close(&p);
	rec_stop(&r);
}

UNIT(names_with_prefix_and_suffix_are_one_file)
{
	static const char *const names[] = { "a b/c", "a b/c.flv", "flv:a b/c",
		"flv:a b/c.flv" };
	struct media_info info;
	struct rec r;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "room/1", "a b/c", 10);
	ck_assert_int_eq(
	    access(rec_path("recordings/room%%2F1/a b/c.flv"), F_OK), 0);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(rec_info(&r, "room/1", names[i], &info), 0);
		ck_assert_str_eq(info.name, "a b/c");
		ck_assert_str_eq(info.inst, "room/1");
	}
	ck_assert_int_eq(rec_info(&r, "room/1", "c", &info), FCS_ENOENT);
	rec_stop(&r);
}

UNIT(a_seek_works_while_recording)
{
	struct rec r;
	struct rec_writer w;
	struct rec_player p;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_begin(&r, &w, "_definst_", "x", MEDIA_NEW);
	rec_frames(&w, 0, 1000);
	ck_assert(media_is_growing(r.media, "_definst_", "x.flv"));
	do {
		rec_turn(&r, 10);
		rec_open(&r, &p, "_definst_", "x");
		if (p.result != FCS_OK)
			rec_close(&p);
	} while (p.result == FCS_ENOENT);
	while (media_reader_duration(p.r) < 999 * 40)
		rec_turn(&r, 10);
	ck_assert(p.info.growing);
	rec_seek(&r, &p, 21234);
	ck_assert_uint_eq(p.place.key_ms, 20000);
	rec_play(&r, &p, 0);
	ck_assert(p.first_is_key);
	ck_assert_int_eq(p.end, FCS_ENOENT);
	ck_assert(media_reader_growing(p.r));
	ck_assert_uint_eq(p.last_ts, 999 * 40 + 20);
	/* more comes: the same reader goes on */
	rec_frames(&w, 1000, 1100);
	while (media_reader_duration(p.r) < 1099 * 40 + 20)
		rec_turn(&r, 10);
	rec_play(&r, &p, 0);
	ck_assert_uint_eq(p.last_ts, 1099 * 40 + 20);
	rec_seek(&r, &p, 43000);
	ck_assert_uint_eq(p.place.key_ms, 42000);
	rec_end(&r, &w);
	ck_assert(!media_reader_growing(p.r));
	rec_seek(&r, &p, 3000);
	ck_assert_uint_eq(p.place.key_ms, 2000);
	rec_play(&r, &p, 0);
	ck_assert_uint_eq(p.last_ts, 1099 * 40 + 20);
	rec_close(&p);
	rec_stop(&r);
}

UNIT(a_player_of_a_recording_just_begun_waits_for_its_first_bytes)
{
	struct rec_writer w;
	struct rec_player p;
	struct rec r;

	rec_start(&r, unit_tmpdir(), NULL);
	for (int i = 0; i < 2; i++) {
		rec_begin(&r, &w, "_definst_", "x", MEDIA_NEW);
		memset(&p, 0, sizeof(p));
		p.r = media_reader_open(
		    r.media, "_definst_", "x", &rec_reader_ops, &p);
		rec_turn(&r, 100);
		ck_assert(!p.is_open);
		if (i == 1)
			rec_frames(&w, 0, 50);
		else
			media_writer_close(w.w); /* nothing comes */
		rec_wait(&r, &p.is_open);
		ck_assert_int_eq(p.result, i == 1 ? FCS_OK : FCS_ENOENT);
		rec_close(&p);
		if (i == 1)
			media_writer_close(w.w);
		rec_wait(&r, &w.is_closed);
	}
	rec_stop(&r);
}

UNIT_TIMEOUT(bytes_before_the_first_frame_do_not_grow, 30)
{
	static const uint32_t frames[] = { 1500, 90000 };
	uint64_t cost[2];
	struct media_info info;
	struct rec_player p;
	struct rec r;

	rec_start(&r, unit_tmpdir(), NULL);
	for (int i = 0; i < 2; i++) {
		const char *name = i == 0 ? "minute" : "hour";
		struct rec_writer w;

		rec_begin(&r, &w, "_definst_", name, MEDIA_NEW);
		for (uint32_t n = 0; n < frames[i]; n += 500)
			rec_frames(&w, n, n + 500);
		do {
			rec_turn(&r, 20);
			ck_assert_int_eq(w.has_failed, false);
		} while (atomic_load(&r.media->queued_bytes) > 0);
		rec_open(&r, &p, "_definst_", name);
		ck_assert_int_eq(p.result, FCS_OK);
		rec_seek(&r, &p, frames[i] * 40 - 5000);
		rec_play(&r, &p, 1);
		ck_assert(p.first_is_key);
		rec_close(&p);
		ck_assert_int_eq(rec_info(&r, "_definst_", name, &info), 0);
		ck_assert_uint_eq(info.seeks, 1);
		ck_assert_uint_gt(info.seek_bytes, 0);
		cost[i] = info.seek_bytes;
		rec_end(&r, &w);
	}
	ck_assert_msg(cost[1] < cost[0] * 5 / 4 + 4096,
	    "%llu bytes in a minute, %llu in an hour",
	    (unsigned long long)cost[0], (unsigned long long)cost[1]);
	rec_stop(&r);
}

struct hasher {
	uint64_t h;
};

static bool
hash_key(void *arg, const struct recscan_key *k)
{
	struct hasher *h = arg;

	h->h = rec_hash(h->h, &k->ts_ms, 4);
	h->h = rec_hash(h->h, &k->offset, 8);
	h->h = rec_hash(h->h, &k->video_conf, 8);
	h->h = rec_hash(h->h, &k->audio_conf, 8);
	h->h = rec_hash(h->h, &k->flags, 4);
	return true;
}

/* The media thread is idle when this is asked: its index may be read. */
static uint64_t
hash_index(struct rec *r, const char *key, struct recidx_rec *rec)
{
	struct hasher h = { 0 };

	ck_assert_int_eq(recidx_get(r->media->index, key, rec), 0);
	ck_assert_int_eq(
	    recidx_key_each(r->media->index, rec->id, hash_key, &h), 0);
	return h.h;
}

static void
same_facts(const struct recscan_facts *a, const struct recscan_facts *b)
{
	ck_assert_uint_eq(a->tags, b->tags);
	ck_assert_uint_eq(a->keys, b->keys);
	ck_assert_uint_eq(a->end, b->end);
	ck_assert_uint_eq(a->video_bytes, b->video_bytes);
	ck_assert_uint_eq(a->audio_bytes, b->audio_bytes);
	ck_assert_uint_eq(a->data_bytes, b->data_bytes);
	ck_assert_uint_eq(a->video_conf, b->video_conf);
	ck_assert_uint_eq(a->audio_conf, b->audio_conf);
	ck_assert_uint_eq(a->meta_at, b->meta_at);
	ck_assert_uint_eq(a->meta_size, b->meta_size);
	ck_assert_uint_eq(a->first_ts, b->first_ts);
	ck_assert_uint_eq(a->last_ts, b->last_ts);
	ck_assert_uint_eq(a->last_key_ts, b->last_key_ts);
	ck_assert_uint_eq(a->last_size, b->last_size);
	ck_assert(a->has_video == b->has_video && a->has_audio == b->has_audio);
	ck_assert_uint_eq(a->video.codec, b->video.codec);
	ck_assert_uint_eq(a->audio.codec, b->audio.codec);
	ck_assert_uint_eq(a->odd, b->odd);
}

UNIT(a_rebuilt_index_equals_the_one_written)
{
	static const char key[] = "r/_definst_/x.flv";
	struct media_verify verify;
	struct media_info info;
	struct recidx_rec a;
	struct recidx_rec b;
	struct rec r;
	uint64_t before;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "_definst_", "x", 700);
	before = hash_index(&r, key, &a);
	ck_assert_int_eq(rec_reindex(&r, "_definst_", "x", &info), 0);
	ck_assert(hash_index(&r, key, &b) == before);
	ck_assert_uint_ne(a.id, b.id);
	same_facts(&a.facts, &b.facts);
	ck_assert_uint_eq(a.head_room, b.head_room);
	ck_assert_uint_eq(a.data_at, b.data_at);
	ck_assert_uint_eq(a.state, b.state);
	ck_assert_int_eq(rec_verify(&r, "_definst_", "x", &verify), 0);
	ck_assert_str_eq(verify.text, "ok");
	ck_assert_int_eq(verify.index, FCS_OK);
	rec_stop(&r);
	/* and without any index at all */
	ck_assert_int_eq(unlink(rec_path("index.lmdb")), 0);
	rec_start(&r, unit_tmpdir(), NULL);
	ck_assert_int_eq(rec_info(&r, "_definst_", "x", &info), 0);
	ck_assert(hash_index(&r, key, &b) == before);
	rec_stop(&r);
}

UNIT(a_damaged_index_is_built_anew)
{
	struct media_info info;
	struct rec_player p;
	struct rec r;
	size_t len;
	uint8_t *index;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "_definst_", "x", 300);
	rec_stop(&r);
	index = rec_slurp(rec_path("index.lmdb"), &len);
	for (size_t step = 0; step < 24; step++) {
		uint8_t *bad = malloc(len);
		bool unclean = step % 2 == 0;

		memcpy(bad, index, len);
		for (size_t i = 0; i < 64; i++)
			bad[(step * 4096 / 2 + i * 61) % len] ^=
			    (uint8_t)(0x55 + i);
		rec_spit(rec_path("index.lmdb"), bad, len);
		free(bad);
		if (unclean) { /* as after kill -9 */
			FILE *f = fopen(rec_path("index.mark"), "r+");
			char line[256];
			char boot[64];

			ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
			ck_assert_int_eq(
			    sscanf(line, "fcs-index 1 %*s %63s", boot), 1);
			rewind(f);
			fprintf(f, "fcs-index 1 open %s %016x\n", boot, 0u);
			ck_assert_int_eq(fclose(f), 0);
		}
		rec_start(&r, unit_tmpdir(), NULL);
		ck_assert_int_eq(rec_info(&r, "_definst_", "x", &info), 0);
		rec_open(&r, &p, "_definst_", "x");
		rec_seek(&r, &p, 7000);
		ck_assert_uint_eq(p.place.key_ms, 6000);
		rec_close(&p);
		rec_stop(&r);
	}
	free(index);
}

UNIT(a_file_dropped_in_is_indexed_and_again_when_it_changes)
{
	struct media_stats stats;
	struct media_info info;
	struct rec r;
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	uint8_t *p;
	size_t len;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "_definst_", "x", 200);
	p = rec_slurp(rec_path("recordings/_definst_/x.flv"), &len);
	rec_spit(rec_path("recordings/_definst_/Tom & Jerry.flv"), p, len);
	ck_assert_int_eq(rec_info(&r, "_definst_", "Tom & Jerry", &info), 0);
	ck_assert_uint_eq(info.keys, 4);
	media_stats(r.media, &stats);
	ck_assert_uint_eq(stats.indexed, 1);
	ck_assert_int_eq(rec_info(&r, "_definst_", "Tom & Jerry", &info), 0);
	media_stats(r.media, &stats);
	ck_assert_uint_eq(stats.indexed, 1);
	/* another time is another file */
	ck_assert_int_eq(
	    utimensat(AT_FDCWD,
		rec_path("recordings/_definst_/Tom & Jerry.flv"), old, 0),
	    0);
	ck_assert_int_eq(rec_info(&r, "_definst_", "Tom & Jerry", &info), 0);
	media_stats(r.media, &stats);
	ck_assert_uint_eq(stats.indexed, 2);
	/* half of it: plays to the last whole tag, the file stays as it is */
	rec_spit(rec_path("recordings/_definst_/half.flv"), p, len / 2);
	ck_assert_int_eq(rec_info(&r, "_definst_", "half", &info), 0);
	ck_assert_uint_lt(info.duration_ms, 5000);
	ck_assert_uint_gt(info.duration_ms, 2000);
	ck_assert(info.odd & RECSCAN_ODD_TAIL);
	free(p);
	p = rec_slurp(rec_path("recordings/_definst_/half.flv"), &info.size);
	ck_assert_uint_eq(info.size, len / 2);
	free(p);
	rec_stop(&r);
}

UNIT(shipped_media_plays_in_every_instance_and_is_never_written)
{
	struct media_info info;
	struct rec_player p;
	struct rec r;
	uint8_t *bytes;
	size_t len;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "a", "x", 100);
	rec_stop(&r);
	ck_assert_int_eq(mkdir(rec_path("media"), 0755), 0);
	bytes = rec_slurp(rec_path("recordings/a/x.flv"), &len);
	rec_spit(rec_path("media/sample.flv"), bytes, len - 7);
	free(bytes);
	rec_start(&r, unit_tmpdir(), rec_path("media"));
	for (int i = 0; i < 2; i++) {
		const char *inst = i == 0 ? "_definst_" : "b/c";

		ck_assert_int_eq(rec_info(&r, inst, "sample", &info), 0);
		ck_assert(info.read_only);
		rec_open(&r, &p, inst, "sample");
		rec_seek(&r, &p, 2500);
		ck_assert_uint_eq(p.place.key_ms, 2000);
		rec_close(&p);
	}
	bytes = rec_slurp(rec_path("media/sample.flv"), &len);
	free(bytes);
	rec_info(&r, "a", "x", &info);
	ck_assert_uint_eq(len + 7, info.size);
	rec_stop(&r);
}

UNIT(append_continues_the_file)
{
	struct media_verify verify;
	struct rec_player p;
	struct rec_writer w;
	struct rec r;
	uint32_t last;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "_definst_", "x", 100);
	rec_begin(&r, &w, "_definst_", "x", MEDIA_APPEND);
	ck_assert(w.existed);
	ck_assert_uint_eq(w.last_ts, 99 * 40 + 20);
	rec_frames(&w, 100, 200);
	rec_end(&r, &w);
	ck_assert_int_eq(
	    rec_check_file(rec_path("recordings/_definst_/x.flv"), &last), 403);
	ck_assert_uint_eq(last, 199 * 40 + 20);
	ck_assert_int_eq(rec_verify(&r, "_definst_", "x", &verify), 0);
	ck_assert_str_eq(verify.text, "ok");
	rec_open(&r, &p, "_definst_", "x");
	rec_seek(&r, &p, 6500);
	ck_assert_uint_eq(p.place.key_ms, 6000);
	rec_close(&p);
	/* where there is none, it is a new one */
	rec_begin(&r, &w, "_definst_", "y", MEDIA_APPEND);
	ck_assert(!w.existed);
	rec_frames(&w, 0, 10);
	rec_end(&r, &w);
	rec_stop(&r);
}

UNIT(an_older_file_stays_until_the_new_one_began)
{
	struct media_info info;
	struct rec_writer w;
	struct rec r;
	struct dirent *de;
	DIR *dir;
	int files = 0;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "_definst_", "x", 100);
	rec_begin(&r, &w, "_definst_", "x", MEDIA_NEW);
	ck_assert_int_eq(rec_info(&r, "_definst_", "x", &info), 0);
	ck_assert_uint_eq(info.duration_ms, 99 * 40 + 20);
	rec_end(&r, &w); /* nothing came */
	ck_assert_int_eq(rec_info(&r, "_definst_", "x", &info), 0);
	ck_assert_uint_eq(info.duration_ms, 99 * 40 + 20);
	rec_begin(&r, &w, "_definst_", "x", MEDIA_NEW);
	rec_frames(&w, 0, 10);
	rec_end(&r, &w);
	ck_assert_int_eq(rec_info(&r, "_definst_", "x", &info), 0);
	ck_assert_uint_eq(info.duration_ms, 9 * 40 + 20);
	/* kept under its time */
	rec_begin(&r, &w, "_definst_", "x", MEDIA_KEEP);
	rec_frames(&w, 0, 20);
	rec_end(&r, &w);
	ck_assert_int_eq(rec_info(&r, "_definst_", "x", &info), 0);
	ck_assert_uint_eq(info.duration_ms, 19 * 40 + 20);
	dir = opendir(rec_path("recordings/_definst_"));
	while ((de = readdir(dir)) != NULL)
		files += de->d_name[0] == 'x'   ? 1
			 : de->d_name[0] != '.' ? 100
						: 0;
	closedir(dir);
	ck_assert_int_eq(files, 2);
	rec_stop(&r);
}

UNIT(a_second_recording_of_the_same_name_is_refused)
{
	struct rec_writer w;
	struct media_writer *other;
	struct media_writer_ops ops = { 0 };
	struct media_info info;
	struct err why;
	struct rec r;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_begin(&r, &w, "_definst_", "x", MEDIA_NEW);
	ck_assert_int_eq(media_writer_open(r.media, "_definst_", "flv:x",
			     MEDIA_APPEND, &ops, NULL, &other, &why),
	    FCS_EEXIST);
	rec_frames(&w, 0, 10);
	while (rec_info(&r, "_definst_", "x", &info) == FCS_ENOENT)
		rec_turn(&r, 10);
	ck_assert(info.growing);
	ck_assert_int_eq(rec_reindex(&r, "_definst_", "x", &info), FCS_EBUSY);
	rec_end(&r, &w);
	rec_stop(&r);
}

static void
list_rows(void *arg, int result, const struct media_info *rows, size_t count)
{
	struct media_info *out = arg;

	ck_assert_int_eq(result, FCS_OK);
	ck_assert_uint_eq(count, 3);
	memcpy(out, rows, count * sizeof(*rows));
	out[3].growing = true;
}

UNIT(list_names_every_recording_in_order)
{
	struct media_info rows[4];
	struct rec r;

	memset(rows, 0, sizeof(rows));
	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "b", "y", 10);
	rec_make(&r, "a", "shows/1", 10);
	rec_make(&r, "a", "100%", 60);
	ck_assert_int_eq(media_admin_list(r.media, NULL, list_rows, rows), 0);
	rec_wait(&r, &rows[3].growing);
	ck_assert_str_eq(rows[0].name, "100%");
	ck_assert_uint_eq(rows[0].keys, 2);
	ck_assert_str_eq(rows[1].name, "shows/1");
	ck_assert_str_eq(rows[2].inst, "b");
	ck_assert(rows[2].indexed);
	rec_stop(&r);
}

UNIT(a_recording_gets_another_name_and_keeps_its_index)
{
	struct media_info i;
	struct rec_writer w;
	struct rec_player p;
	struct rec r;
	uint64_t indexed;
	struct media_stats st;
	size_t len;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "a", "x", 60);
	rec_make(&r, "a", "y", 10);
	media_stats(r.media, &st);
	indexed = st.indexed;
	ck_assert_int_eq(
	    rec_rename(&r, "a", "x", "flv:deep/down/z.flv", &i), 0);
	ck_assert_str_eq(i.name, "deep/down/z");
	ck_assert_str_eq(i.inst, "a");
	ck_assert(i.indexed);
	ck_assert_uint_eq(i.keys, 2);
	ck_assert_int_eq(rec_info(&r, "a", "x", &i), FCS_ENOENT);
	ck_assert_int_eq(rec_info(&r, "a", "deep/down/z", &i), FCS_OK);
	media_stats(r.media, &st);
	ck_assert_uint_eq(st.indexed, indexed);
	ck_assert_int_eq(rec_meta(&r, "a", "deep/down/z", &len), FCS_OK);
	ck_assert_uint_gt(len, 20);
	ck_assert_int_eq(rec_meta(&r, "a", "x", &len), FCS_ENOENT);

	ck_assert_int_eq(
	    rec_rename(&r, "a", "y", "deep/down/z", &i), FCS_EEXIST);
	ck_assert_int_eq(rec_rename(&r, "a", "x", "w", &i), FCS_ENOENT);
	ck_assert_int_eq(
	    media_admin_rename(r.media, "a", "y", "../y", NULL, NULL),
	    FCS_EINVAL);

	/* who plays it goes on; what is recorded stays */
	rec_open(&r, &p, "a", "y");
	rec_seek(&r, &p, 0);
	ck_assert_int_eq(rec_rename(&r, "a", "y", "played", &i), FCS_OK);
	rec_play(&r, &p, 0);
	ck_assert_uint_eq(p.pictures, 11);
	rec_close(&p);
	rec_begin(&r, &w, "a", "now", MEDIA_NEW);
	ck_assert_int_eq(rec_rename(&r, "a", "played", "now", &i), FCS_EEXIST);
	rec_frames(&w, 0, 10);
	rec_turn(&r, 100);
	ck_assert_int_eq(rec_rename(&r, "a", "now", "later", &i), FCS_EBUSY);
	ck_assert_int_eq(rec_delete(&r, "a", "now"), FCS_EBUSY);
	rec_end(&r, &w);
	ck_assert_int_eq(rec_delete(&r, "a", "now"), FCS_OK);
	ck_assert_int_eq(rec_delete(&r, "a", "now"), FCS_ENOENT);
	rec_stop(&r);
}

UNIT(hostile_names_are_refused_and_make_no_file)
{
	static const char *const names[] = { "../x", "a/../../x", "", ".flv",
		"/etc/passwd", "a//b", "flv:", "x.flv/y", "a/./b" };
	struct media_writer_ops ops = { 0 };
	struct media_writer *w;
	struct rec_player p;
	struct err why;
	struct rec r;

	rec_start(&r, unit_tmpdir(), NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ck_assert_int_ne(media_writer_open(r.media, "_definst_",
				     names[i], MEDIA_NEW, &ops, NULL, &w, &why),
		    FCS_OK);
		ck_assert_uint_gt(strlen(why.text), 0);
		rec_open(&r, &p, "_definst_", names[i]);
		ck_assert_int_ne(p.result, FCS_OK);
		rec_close(&p);
	}
	ck_assert_int_ne(media_writer_open(r.media, "..", "x", MEDIA_NEW, &ops,
			     NULL, &w, &why),
	    FCS_OK);
	rec_stop(&r);
}

UNIT(a_link_that_leads_out_is_not_followed)
{
	struct media_writer_ops ops = { 0 };
	struct rec_writer w;
	struct rec_player p;
	struct rec r;

	(void)ops;
	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "_definst_", "x", 10);
	ck_assert_int_eq(mkdir(rec_path("outside"), 0755), 0);
	ck_assert_int_eq(
	    symlink(rec_path("outside"), rec_path("recordings/_definst_/out")),
	    0);
	ck_assert_int_eq(rename(rec_path("recordings/_definst_/x.flv"),
			     rec_path("outside/x.flv")),
	    0);
	rec_open(&r, &p, "_definst_", "out/x");
	ck_assert_int_eq(p.result, FCS_EACCES);
	rec_close(&p);
	memset(&w, 0, sizeof(w));
	rec_stop(&r);
}

UNIT(a_file_cut_short_ends_its_play_and_is_indexed_again)
{
	struct media_info info;
	struct rec_player p;
	struct rec r;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "_definst_", "x", 2000);
	rec_open(&r, &p, "_definst_", "x");
	rec_seek(&r, &p, 0);
	rec_play(&r, &p, 10);
	ck_assert_int_eq(p.end, FCS_OK);
	ck_assert_int_eq(
	    truncate(rec_path("recordings/_definst_/x.flv"), 600000), 0);
	rec_play(&r, &p, 0);
	ck_assert_int_eq(p.end, FCS_ECORRUPT);
	rec_close(&p);
	ck_assert_int_eq(rec_info(&r, "_definst_", "x", &info), 0);
	ck_assert_uint_lt(info.size, 600001);
	ck_assert_uint_gt(info.size, 590000);
	rec_open(&r, &p, "_definst_", "x");
	rec_seek(&r, &p, 0);
	rec_play(&r, &p, 0);
	ck_assert_int_eq(p.end, FCS_ENOENT);
	rec_close(&p);
	rec_stop(&r);
}

/* Files over RLIMIT_FSIZE fail to grow as on a full disk (EFBIG). */
UNIT(a_full_disk_ends_the_recording_but_keeps_it)
{
	struct rlimit limit = { .rlim_cur = 300000, .rlim_max = RLIM_INFINITY };
	struct media_verify verify;
	struct rec_writer w;
	struct rec r;
	uint32_t last;

	signal(SIGXFSZ, SIG_IGN);
	rec_start(&r, unit_tmpdir(), NULL);
	rec_begin(&r, &w, "_definst_", "x", MEDIA_NEW);
	rec_frames(&w, 0, 100);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (uint32_t n = 100; n < 2000 && !w.has_failed; n += 100) {
		rec_frames(&w, n, n + 100);
		rec_turn(&r, 60);
	}
	rec_wait(&r, &w.is_closed);
	ck_assert(w.has_failed);
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_gt(
	    rec_check_file(rec_path("recordings/_definst_/x.flv"), &last), 100);
	ck_assert_int_eq(rec_verify(&r, "_definst_", "x", &verify), 0);
	ck_assert_str_eq(verify.text, "ok");
	rec_stop(&r);
}

UNIT(the_queue_to_the_disk_is_bounded)
{
	struct rec_writer w;
	struct refbuf *b = refbuf_new(1 << 20);
	struct rec r;
	int rc = FCS_OK;

	ck_assert_ptr_nonnull(b);
	memset(b->data, 0, b->len);
	rec_start(&r, unit_tmpdir(), NULL);
	ck_assert_int_eq(limits_set(&r.limits, LIMIT_MEDIA_QUEUE, 2 << 20), 0);
	rec_begin(&r, &w, "_definst_", "x", MEDIA_NEW);
	for (int i = 0; i < 100000 && rc == FCS_OK; i++)
		rc = media_writer_append(w.w, MESSAGE_VIDEO, 0, b);
	ck_assert_int_eq(rc, FCS_ELIMIT);
	refbuf_unref(b);
	rec_end(&r, &w);
	rec_stop(&r);
}

UNIT(sound_alone_gets_an_entry_a_second)
{
	struct media_info info;
	struct rec_player p;
	struct rec_writer w;
	struct rec r;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_begin(&r, &w, "_definst_", "x", MEDIA_NEW);
	for (uint32_t n = 0; n < 1000; n++) {
		struct refbuf *b = rec_frame(MESSAGE_AUDIO, n);

		ck_assert_int_eq(
		    media_writer_append(w.w, MESSAGE_AUDIO, n * 23, b), 0);
		refbuf_unref(b);
	}
	rec_end(&r, &w);
	ck_assert_int_eq(rec_info(&r, "_definst_", "x", &info), 0);
	ck_assert_uint_ge(info.keys, 22);
	ck_assert_uint_le(info.keys, 24);
	ck_assert(!info.has_video && info.has_audio);
	rec_open(&r, &p, "_definst_", "x");
	rec_seek(&r, &p, 10000);
	ck_assert_uint_ge(p.place.key_ms, 8900);
	ck_assert_uint_le(p.place.key_ms, 10000);
	rec_close(&p);
	rec_stop(&r);
}

UNIT(read_memory_is_bounded)
{
	struct media_stats stats;
	struct rec_player p;
	struct media_tag t;
	struct refbuf *held[64];
	struct rec r;
	size_t n = 0;
	int rc = FCS_OK;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "_definst_", "x", 20000);
	ck_assert_int_eq(limits_set(&r.limits, LIMIT_READ_BUFFERS, 1 << 20), 0);
	rec_open(&r, &p, "_definst_", "x");
	rec_seek(&r, &p, 0);
	for (int i = 0; i < 40000 && rc != FCS_EBUSY; i++) {
		p.is_ready = false;
		rc = media_reader_next(p.r, &t);
		if (rc == FCS_EAGAIN) {
			rec_wait(&r, &p.is_ready);
			continue;
		}
		if (rc == FCS_EBUSY)
			break;
		ck_assert_int_eq(rc, FCS_OK);
		/* hold one tag of every window */
		if (n < 64 &&
		    (n == 0 || held[n - 1]->free_arg != t.payload->free_arg))
			held[n++] = t.payload;
		else
			refbuf_unref(t.payload);
	}
	ck_assert_int_eq(rc, FCS_EBUSY);
	media_stats(r.media, &stats);
	ck_assert_uint_le(stats.buffer_bytes, 1 << 20);
	while (n > 0)
		refbuf_unref(held[--n]);
	p.is_ready = false;
	rc = media_reader_next(p.r, &t);
	if (rc == FCS_EAGAIN)
		rec_wait(&r, &p.is_ready);
	ck_assert_int_ne(rc, FCS_EBUSY);
	if (rc == FCS_OK)
		refbuf_unref(t.payload);
	rec_close(&p);
	rec_stop(&r);
}

UNIT(the_head_of_a_closed_file_names_key_frames_to_seek_to)
{
	struct arena *arena = arena_new(64 << 20);
	const struct value *frames;
	const struct value *places;
	const struct value *times;
	struct amf0_reader reader;
	struct rec_writer w;
	struct value *name;
	struct value *object;
	struct rec r;
	size_t len;
	uint8_t *p;
	size_t size;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_begin(&r, &w, "_definst_", "x", MEDIA_NEW);
	for (uint32_t n = 0; n < 3000; n++) {
		struct refbuf *b = rec_frame(MESSAGE_VIDEO, 0);

		ck_assert_int_eq(
		    media_writer_append(w.w, MESSAGE_VIDEO, n * 2000, b), 0);
		refbuf_unref(b);
	}
	rec_end(&r, &w);
	rec_stop(&r);
	p = rec_slurp(rec_path("recordings/_definst_/x.flv"), &len);
	size = (size_t)p[14] << 16 | (size_t)p[15] << 8 | p[16];
	amf0_reader_init(&reader, arena, p + 13 + 11, size);
	ck_assert_int_eq(amf0_read(&reader, &name), FCS_OK);
	ck_assert_int_eq(amf0_read(&reader, &object), FCS_OK);
	ck_assert(amf0_reader_at_end(&reader));
	ck_assert(
	    value_as_number(value_get(object, "duration"), 0) == 2999 * 2.0);
	ck_assert(
	    value_as_number(value_get(object, "filesize"), 0) == (double)len);
	frames = value_get(object, "keyframes");
	times = value_get(frames, "times");
	places = value_get(frames, "filepositions");
	ck_assert_ptr_nonnull(times);
	ck_assert_uint_eq(times->item_count, places->item_count);
	/* thinned out to the room there is */
	ck_assert_uint_gt(times->item_count, 700);
	ck_assert_uint_lt(times->item_count, 1000);
	for (uint32_t i = 0; i < times->item_count; i++) {
		size_t at = (size_t)value_as_number(places->items[i], 0);
		double s = value_as_number(times->items[i], -1);
		uint32_t ts;

		ck_assert_uint_lt(at + 12, len);
		ts = (uint32_t)p[at + 7] << 24 | (uint32_t)p[at + 4] << 16 |
		     (uint32_t)p[at + 5] << 8 | p[at + 6];
		ck_assert_int_eq(p[at], MESSAGE_VIDEO);
		ck_assert_int_eq(p[at + 11], 0x17);
		ck_assert(s == ts / 1000.0);
	}
	free(p);
	arena_free(arena);
}

UNIT(others_do_not_wait_for_the_sync_of_a_recording_that_ends)
{
	struct media_stats st;
	struct rec_writer a;
	struct rec_writer b;
	struct rec r;
	int64_t until;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_begin(&r, &a, "_definst_", "a", MEDIA_NEW);
	rec_begin(&r, &b, "_definst_", "b", MEDIA_NEW);
	rec_frames(&a, 0, 50);
	atomic_store(&sync_held, true);
	atomic_store(&sync_begun, false);
	media_writer_close(a.w);
	until = clock_ms() + 5000;
	while (!atomic_load(&sync_begun) && clock_ms() < until)
		rec_turn(&r, 10);
	ck_assert(atomic_load(&sync_begun));
	rec_frames(&b, 0, 50);
	do {
		rec_turn(&r, 10);
		media_stats(r.media, &st);
	} while (st.queued_bytes > 0 && clock_ms() < until);
	ck_assert_uint_eq(st.queued_bytes, 0);
	ck_assert(!a.is_closed); /* it says so when it is on the disk */
	atomic_store(&sync_held, false);
	rec_wait(&r, &a.is_closed);
	ck_assert_int_eq(a.close_result, FCS_OK);
	rec_end(&r, &b);
	rec_stop(&r);
}

/* The store ends while the disk still works on a recording. */
UNIT(a_recording_that_ends_with_the_store_is_complete)
{
	struct rec_writer a;
	struct rec_player p;
	struct rec r;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_begin(&r, &a, "_definst_", "a", MEDIA_NEW);
	rec_frames(&a, 0, 50);
	media_writer_close(a.w);
	rec_stop(&r);
	ck_assert(a.is_closed);
	ck_assert_int_eq(a.close_result, FCS_OK);
	rec_start(&r, unit_tmpdir(), NULL);
	rec_open(&r, &p, "_definst_", "a");
	ck_assert_int_eq(p.result, FCS_OK);
	ck_assert_uint_eq(p.info.keys, 1);
	rec_close(&p);
	rec_stop(&r);
}

UNIT(a_payload_may_outlive_the_store)
{
	struct refbuf *want = rec_frame(MESSAGE_VIDEO, 0);
	struct media_tag t = { 0 };
	struct rec_player p;
	struct rec r;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "_definst_", "x", 100);
	rec_open(&r, &p, "_definst_", "x");
	rec_seek(&r, &p, 0);
	for (int i = 0; i < 4; i++) {
		refbuf_unref(t.payload);
		p.is_ready = false;
		while (media_reader_next(p.r, &t) == FCS_EAGAIN) {
			rec_wait(&r, &p.is_ready);
			p.is_ready = false;
		}
	}
	rec_close(&p);
	rec_stop(&r);
	ck_assert_uint_eq(t.payload->len, want->len);
	ck_assert_int_eq(memcmp(t.payload->data, want->data, want->len), 0);
	refbuf_unref(t.payload);
	refbuf_unref(want);
}

UNIT(what_never_began_is_swept_at_the_next_start)
{
	struct rec r;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "_definst_", "x", 10);
	rec_stop(&r);
	rec_spit(rec_path("recordings/_definst_/.new-y.flv"), "FLV", 3);
	rec_start(&r, unit_tmpdir(), NULL);
	rec_stop(&r);
	ck_assert_int_ne(
	    access(rec_path("recordings/_definst_/.new-y.flv"), F_OK), 0);
	ck_assert_int_eq(
	    access(rec_path("recordings/_definst_/x.flv"), F_OK), 0);
}

UNIT(a_second_process_is_kept_out)
{
	struct media_conf conf = { .state_dir = unit_tmpdir() };
	struct media *other;
	struct err why;
	struct rec r;

	rec_start(&r, unit_tmpdir(), NULL);
	ck_assert_int_eq(media_start(&conf, &other, &why), FCS_EBUSY);
	rec_stop(&r);
}

UNIT(long_timestamps_and_negative_ones)
{
	struct rec_player p;
	struct rec_writer w;
	struct rec r;
	uint32_t far = 0x90000000u; /* past 24.8 days */

	rec_start(&r, unit_tmpdir(), NULL);
	rec_begin(&r, &w, "_definst_", "x", MEDIA_NEW);
	for (uint32_t n = 0; n < 100; n++) {
		struct refbuf *b = rec_frame(MESSAGE_VIDEO, n);

		ck_assert_int_eq(media_writer_append(w.w, MESSAGE_VIDEO,
				     n == 0 ? 0 : far + n * 40, b),
		    0);
		refbuf_unref(b);
	}
	rec_end(&r, &w);
	rec_open(&r, &p, "_definst_", "x");
	ck_assert_uint_eq(p.info.duration_ms, far + 99 * 40);
	rec_seek(&r, &p, far + 3000);
	ck_assert_uint_eq(p.place.key_ms, far + 2000);
	rec_play(&r, &p, 0);
	ck_assert_uint_eq(p.last_ts, far + 99 * 40);
	rec_close(&p);
	rec_stop(&r);
}

UNIT_MAIN
