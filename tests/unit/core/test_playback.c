/* SPDX-License-Identifier: BSD-2-Clause */
/* Recordings played: start, length, pacing, seek, pause, growing files. */
#include "core/playback.h"

#include <unistd.h>

#include "base/clock.h"
#include "codec/message.h"
#include "tests/unit/core/recenv.h"

#define ALL_AT_ONCE 36000000

static const struct live_publisher publisher = {
	.client = "c1", .type = "record", .query = ""
};

/* Media of p in order: first time and whether it began with a key frame. */
static const struct recenv_seen *
first_media(const struct recenv_play *p)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (p->seen[i].type == MESSAGE_VIDEO &&
		    (p->seen[i].flags & AVTAG_CONFIG) == 0)
			return &p->seen[i];
	ck_abort_msg("no picture came");
	return NULL;
}

UNIT(a_play_from_the_start_brings_everything_and_ends)
{
	struct recenv_play *p;
	struct recenv e;

	recenv_open(&e, NULL);
	recenv_make(&e, "x", 250);
	p = recenv_play(&e, "x.flv", 0, -1);
	ck_assert_int_eq(p->open_result, FCS_OK);
	ck_assert_uint_eq(p->info.duration_ms, 249 * 40 + 20);
	ck_assert(p->info.has_video && p->info.has_audio && !p->info.growing);
	recenv_run(&e, 20);
	ck_assert_uint_eq(p->count, 0); /* not before playback_start */
	playback_set_buffer(p->p, ALL_AT_ONCE);
	playback_start(p->p);
	recenv_wait(&e, &p->ended);
	ck_assert_int_eq(p->end_result, FCS_OK);
	ck_assert_uint_eq(p->played_ms, 249 * 40 + 20);
	ck_assert_uint_eq(p->count, 1 + 2 + 500);
	ck_assert_uint_eq(p->seen[0].type, MESSAGE_DATA);
	ck_assert(p->seen[1].flags & AVTAG_CONFIG);
	ck_assert(p->seen[2].flags & AVTAG_CONFIG);
	ck_assert_uint_eq(p->key_frames, 5);
	for (uint32_t i = 3; i < p->count; i++)
		ck_assert_uint_eq(p->seen[i].ts, (i - 3) * 20);
	ck_assert_uint_gt(p->bytes, 100000);
	ck_assert_uint_ge(p->flushes, 1);
	recenv_play_free(&e, p);
	recenv_close(&e);
}

UNIT(a_start_within_brings_headers_then_the_key_frame_at_zero)
{
	struct recenv_play *p;
	struct recenv e;
	uint32_t i;

	recenv_open(&e, NULL);
	recenv_make(&e, "x", 250);
	p = recenv_play(&e, "x", 5000, 2000);
	playback_set_buffer(p->p, ALL_AT_ONCE);
	playback_start(p->p);
	recenv_wait(&e, &p->ended);
	ck_assert_uint_eq(p->seen[0].type, MESSAGE_DATA);
	ck_assert(p->seen[1].flags & AVTAG_CONFIG);
	ck_assert(p->seen[2].flags & AVTAG_CONFIG);
	ck_assert(p->seen[3].flags & AVTAG_KEY);
	ck_assert_uint_eq(p->seen[3].ts, 0);
	/* 4000 .. 5000 clamp to 0, then the timeline runs to 2000 */
	for (i = 3; i < p->count; i++) {
		uint32_t file = 4000 + (i - 3) * 20;

		ck_assert_uint_eq(p->seen[i].ts, file < 5000 ? 0 : file - 5000);
	}
	ck_assert_uint_eq(p->count - 3, 150);
	ck_assert_uint_eq(p->played_ms, 1980);
	recenv_play_free(&e, p);
	recenv_close(&e);
}

UNIT(a_length_of_zero_is_one_key_frame)
{
	struct recenv_play *p;
	struct recenv e;

	recenv_open(&e, NULL);
	recenv_make(&e, "x", 250);
	p = recenv_play(&e, "x", 5000, 0);
	playback_start(p->p);
	recenv_wait(&e, &p->ended);
	ck_assert_uint_eq(p->key_frames, 1);
	ck_assert_uint_eq(p->media, 1);
	recenv_play_free(&e, p);
	recenv_close(&e);
}

UNIT(a_burst_of_the_buffer_then_real_time)
{
	struct recenv_play *p;
	struct recenv e;
	int64_t start;
	uint32_t last;
	uint32_t passed;

	recenv_open(&e, NULL);
	recenv_make(&e, "x", 1000);
	p = recenv_play(&e, "x", 0, -1);
	playback_set_buffer(p->p, 1000);
	start = clock_ms();
	playback_start(p->p);
	recenv_wait(&e, &p->first);
	recenv_run(&e, 10);
	last = p->seen[p->count - 1].ts;
	ck_assert_uint_ge(last, 980);
	ck_assert_uint_le(last, 1020 + (uint32_t)(clock_ms() - start));
	recenv_run(&e, 600);
	passed = (uint32_t)(clock_ms() - start);
	last = p->seen[p->count - 1].ts;
	ck_assert_uint_le(last, 1000 + passed + 20);
	ck_assert_uint_ge(last + 350, 1600);
	/* sent in steps, not frame by frame */
	ck_assert_uint_lt(p->flushes, 8);
	recenv_play_free(&e, p);
	recenv_close(&e);
}

UNIT(a_receiver_that_is_behind_is_waited_for)
{
	struct recenv_play *p;
	struct recenv e;
	uint32_t count;

	recenv_open(&e, NULL);
	recenv_make(&e, "x", 8000);
	p = recenv_play(&e, "x", 0, -1);
	playback_set_buffer(p->p, ALL_AT_ONCE);
	p->backlog = 1;
	playback_start(p->p);
	recenv_wait(&e, &p->first);
	recenv_run(&e, 150);
	ck_assert_uint_lt(p->backlog, (2 << 20) + 8192);
	ck_assert_uint_gt(p->backlog, 2 << 20);
	count = p->count;
	recenv_run(&e, 60);
	ck_assert_uint_eq(p->count, count);
	p->backlog = 1;
	playback_drained(p->p);
	recenv_run(&e, 30);
	ck_assert_uint_gt(p->count, count);
	recenv_play_free(&e, p);
	recenv_close(&e);
}

UNIT(a_seek_lands_on_the_key_frame_before_it)
{
	static const uint32_t to[] = { 7000, 2000, 9999, 0, 3999, 50000 };
	static const uint32_t key[] = { 6000, 2000, 8000, 0, 2000, 8000 };
	struct recenv_play *p;
	struct recenv e;

	recenv_open(&e, NULL);
	recenv_make(&e, "x", 250);
	p = recenv_play(&e, "x", 0, -1);
	playback_start(p->p);
	recenv_wait(&e, &p->first);
	for (int i = 0; i < 6; i++) {
		p->sought = p->ended = false;
		playback_seek(p->p, to[i]);
		recenv_wait(&e, &p->sought);
		ck_assert_int_eq(p->seek_result, FCS_OK);
		ck_assert_uint_eq(p->at_ms, to[i]);
		ck_assert_uint_eq(p->key_ms, key[i]);
		recenv_wait(&e, &p->first);
		ck_assert_uint_ne(p->seen[0].type, MESSAGE_DATA);
		ck_assert(first_media(p)->flags & AVTAG_KEY);
		ck_assert_uint_eq(first_media(p)->ts, key[i]);
	}
	recenv_wait(&e, &p->ended);
	ck_assert_int_eq(p->end_result, FCS_OK);
	/* and back from the end */
	p->sought = p->ended = false;
	playback_seek(p->p, 5000);
	recenv_wait(&e, &p->sought);
	ck_assert_uint_eq(p->key_ms, 4000);
	recenv_play_free(&e, p);
	recenv_close(&e);
}

UNIT(the_last_of_many_seeks_counts)
{
	struct recenv_play *p;
	struct recenv e;

	recenv_open(&e, NULL);
	recenv_make(&e, "x", 250);
	p = recenv_play(&e, "x", 0, -1);
	playback_start(p->p);
	for (uint32_t i = 0; i < 20; i++)
		playback_seek(p->p, i * 300);
	recenv_wait(&e, &p->sought);
	ck_assert_uint_eq(p->at_ms, 5700);
	recenv_wait(&e, &p->first);
	/* the metadata was still due */
	ck_assert_uint_eq(p->seen[0].type, MESSAGE_DATA);
	ck_assert_uint_eq(first_media(p)->ts, 4000);
	recenv_play_free(&e, p);
	recenv_close(&e);
}

UNIT(pause_stops_and_resume_continues_from_the_clients_time)
{
	struct recenv_play *p;
	struct recenv e;
	uint32_t count;

	recenv_open(&e, NULL);
	recenv_make(&e, "x", 500);
	p = recenv_play(&e, "x", 0, -1);
	playback_set_buffer(p->p, 200);
	playback_start(p->p);
	recenv_wait(&e, &p->first);
	recenv_run(&e, 100);
	playback_pause(p->p, true, 80);
	count = p->count;
	recenv_run(&e, 400);
	ck_assert_uint_eq(p->count, count);
	recenv_forget(p);
	playback_pause(p->p, false, 2500);
	recenv_wait(&e, &p->first);
	ck_assert_uint_eq(first_media(p)->ts, 2000);
	ck_assert(!p->sought);
	recenv_play_free(&e, p);
	recenv_close(&e);
}

UNIT(a_seek_while_paused_brings_one_key_frame)
{
	struct recenv_play *p;
	struct recenv e;

	recenv_open(&e, NULL);
	recenv_make(&e, "x", 500);
	p = recenv_play(&e, "x", 0, -1);
	playback_start(p->p);
	recenv_wait(&e, &p->first);
	playback_pause(p->p, true, 0);
	recenv_forget(p);
	playback_seek(p->p, 7000);
	recenv_wait(&e, &p->sought);
	recenv_run(&e, 100);
	ck_assert_uint_eq(p->media, 1);
	ck_assert_uint_eq(p->key_frames, 1);
	ck_assert_uint_eq(first_media(p)->ts, 6000);
	recenv_forget(p);
	playback_pause(p->p, false, 7000);
	recenv_run(&e, 50);
	ck_assert_uint_gt(p->media, 50);
	ck_assert_uint_eq(first_media(p)->ts, 6000);
	recenv_play_free(&e, p);
	recenv_close(&e);
}

UNIT(a_growing_recording_plays_to_its_end_and_waits)
{
	struct recenv_rec r = { 0 };
	struct recenv_play *p;
	struct recenv e;
	struct live *lv;
	int result;

	recenv_open(&e, NULL);
	lv = live_find(e.inst, "x", true);
	ck_assert_int_eq(live_publish(lv, &publisher), FCS_OK);
	r.id =
	    record_start(lv, "x", RECORD_NEW, &recenv_record_ops, &r, &result);
	recenv_headers(lv, 0);
	recenv_frames(lv, 0, 200, 0);
	recenv_wait(&e, &r.started);
	recenv_run(&e, 120);
	p = recenv_play(&e, "x", 0, -1);
	ck_assert_int_eq(p->open_result, FCS_OK);
	ck_assert(p->info.growing);
	playback_set_buffer(p->p, ALL_AT_ONCE);
	playback_start(p->p);
	recenv_wait(&e, &p->first);
	recenv_run(&e, 50);
	ck_assert_uint_eq(p->seen[p->count - 1].ts, 199 * 40 + 20);
	recenv_run(&e, 150);
	ck_assert(!p->ended);
	recenv_frames(lv, 200, 300, 0);
	recenv_run(&e, 300);
	ck_assert_uint_eq(p->seen[p->count - 1].ts, 299 * 40 + 20);
	ck_assert_uint_eq(playback_info(p->p)->duration_ms, 299 * 40 + 20);
	playback_seek(p->p, 3000);
	recenv_wait(&e, &p->sought);
	ck_assert_uint_eq(p->key_ms, 2000);
	live_unpublish(lv);
	recenv_wait(&e, &p->ended);
	ck_assert_int_eq(p->end_result, FCS_OK);
	ck_assert_uint_eq(p->played_ms, 299 * 40 + 20);
	recenv_play_free(&e, p);
	recenv_close(&e);
}

UNIT(unknown_names_and_damaged_files_are_told)
{
	struct recenv_play *p;
	struct recenv e;
	char path[256];

	recenv_open(&e, NULL);
	p = recenv_play(&e, "nothing", 0, -1);
	ck_assert_int_eq(p->open_result, FCS_ENOENT);
	recenv_play_free(&e, p);
	p = recenv_play(&e, "../nothing", 0, -1);
	ck_assert_int_eq(p->open_result, FCS_EINVAL);
	recenv_play_free(&e, p);
	recenv_make(&e, "x", 2000);
	p = recenv_play(&e, "x", 0, -1);
	playback_set_buffer(p->p, 500);
	playback_start(p->p);
	recenv_wait(&e, &p->first);
	snprintf(path, sizeof(path), "%s/recordings/room/x.flv", unit_tmpdir());
	ck_assert_int_eq(truncate(path, 100000), 0);
	playback_set_buffer(p->p, ALL_AT_ONCE);
	recenv_wait(&e, &p->ended);
	ck_assert_int_eq(p->end_result, FCS_ECORRUPT);
	recenv_play_free(&e, p);
	recenv_close(&e);
}

UNIT(closing_from_within_a_callback_is_safe)
{
	struct recenv_play *p;
	struct recenv e;

	recenv_open(&e, NULL);
	recenv_make(&e, "x", 250);
	p = recenv_play(&e, "x", 0, -1);
	p->close_at_first = true;
	playback_start(p->p);
	recenv_wait(&e, &p->first);
	recenv_run(&e, 30);
	ck_assert_uint_eq(p->count, 1);
	recenv_play_free(&e, p);
	/* and before anything came */
	p = recenv_play(&e, "x", 0, -1);
	playback_start(p->p);
	recenv_play_free(&e, p);
	recenv_close(&e);
}

UNIT(sound_or_pictures_alone)
{
	struct recenv_play *p;
	struct recenv e;

	recenv_open(&e, NULL);
	recenv_make(&e, "x", 250);
	p = recenv_play(&e, "x", 0, -1);
	playback_set_wants(p->p, true, false);
	playback_set_buffer(p->p, 500);
	playback_start(p->p);
	recenv_wait(&e, &p->first);
	recenv_run(&e, 50);
	ck_assert_uint_gt(p->media, 10);
	for (uint32_t i = 0; i < p->count; i++)
		ck_assert(p->seen[i].type != MESSAGE_VIDEO ||
			  (p->seen[i].flags & AVTAG_CONFIG) != 0);
	/* pictures again: from the next key frame */
	playback_set_wants(p->p, true, true);
	playback_set_buffer(p->p, ALL_AT_ONCE);
	recenv_wait(&e, &p->ended);
	ck_assert(first_media(p)->flags & AVTAG_KEY);
	recenv_play_free(&e, p);
	recenv_close(&e);
}

struct length {
	bool came;
	int64_t ms;
};
static struct length length;

static void
got_length(struct instance *i, uint64_t owner, uint64_t extra, int64_t ms)
{
	ck_assert_ptr_nonnull(i);
	ck_assert_uint_eq(owner, 7);
	ck_assert_uint_eq(extra, 9);
	length.came = true;
	length.ms = ms;
}

UNIT(the_length_of_a_recording_is_told)
{
	struct recenv e;

	recenv_open(&e, NULL);
	recenv_make(&e, "x", 250);
	playback_length(e.inst, "flv:x", got_length, 7, 9);
	recenv_wait(&e, &length.came);
	ck_assert_int_eq(length.ms, 249 * 40 + 20);
	length.came = false;
	playback_length(e.inst, "y", got_length, 7, 9);
	recenv_wait(&e, &length.came);
	ck_assert_int_eq(length.ms, -1);
	length.came = false;
	playback_length(e.inst, "x", got_length, 7, 9);
	recenv_close(&e);
	ck_assert(!length.came || length.ms > 0);
}

UNIT_MAIN
