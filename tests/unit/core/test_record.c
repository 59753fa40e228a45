/* SPDX-License-Identifier: BSD-2-Clause */
/* A live stream recorded: core/record on the real live and media modules. */
#include "core/record.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/core/fake.h"
#include "tests/unit/core/recenv.h"

static const struct live_publisher publisher = {
	.client = "c1", .type = "record", .query = ""
};

struct info {
	bool came;
	int result;
	struct media_info i;
};

static void
got_info(
    void *arg, int result, const struct err *why, const struct media_info *info)
{
	struct info *i = arg;

	(void)why;
	i->came = true;
	i->result = result;
	i->i = *info;
}

static struct media_info
info_of(struct recenv *e, const char *name)
{
	struct info i = { 0 };

	ck_assert_int_eq(
	    media_admin_info(e->media, "room", name, got_info, &i), FCS_OK);
	recenv_wait(e, &i.came);
	ck_assert_int_eq(i.result, FCS_OK);
	return i.i;
}

static uint64_t
start(struct live *lv, enum record_mode mode, struct recenv_rec *r)
{
	int result;

	memset(r, 0, sizeof(*r));
	r->id = record_start(
	    lv, live_name(lv), mode, &recenv_record_ops, r, &result);
	ck_assert_int_eq(result, FCS_OK);
	ck_assert_uint_ne(r->id, 0);
	return r->id;
}

UNIT(times_start_at_zero_with_the_first_media)
{
	struct media_info info;
	struct recenv_rec r;
	struct recenv e;
	struct live *lv;

	recenv_open(&e, NULL);
	lv = live_find(e.inst, "x", true);
	ck_assert_int_eq(live_publish(lv, &publisher), FCS_OK);
	start(lv, RECORD_NEW, &r);
	recenv_meta(lv);
	recenv_headers(lv, 500000);
	recenv_frames(lv, 0, 100, 500000);
	recenv_wait(&e, &r.started);
	ck_assert_int_eq(r.start_result, FCS_OK);
	ck_assert(record_is_growing(e.inst, "flv:x"));
	live_unpublish(lv);
	recenv_wait(&e, &r.stopped);
	ck_assert_int_eq(r.stop_result, FCS_OK);
	ck_assert(!record_is_growing(e.inst, "x"));
	info = info_of(&e, "x");
	ck_assert_uint_eq(info.first_ts_ms, 0);
	ck_assert_uint_eq(info.duration_ms, 99 * 40 + 20);
	ck_assert_uint_eq(info.tags, 1 + 2 + 200);
	ck_assert_uint_eq(info.keys, 2);
	recenv_close(&e);
}

UNIT(a_recording_begun_late_starts_with_the_group_kept)
{
	struct media_info info;
	struct recenv_rec r;
	struct recenv e;
	struct live *lv;

	recenv_open(&e, NULL);
	lv = live_find(e.inst, "x", true);
	ck_assert_int_eq(live_publish(lv, &publisher), FCS_OK);
	recenv_meta(lv);
	recenv_headers(lv, 0);
	recenv_frames(lv, 0, 120, 0);
	start(lv, RECORD_NEW, &r);
	recenv_frames(lv, 120, 150, 0);
	recenv_wait(&e, &r.started);
	record_stop(e.inst, r.id);
	recenv_wait(&e, &r.stopped);
	info = info_of(&e, "x");
	ck_assert_uint_eq(info.first_ts_ms, 0);
	ck_assert_uint_eq(info.duration_ms, 49 * 40 + 20);
	ck_assert_uint_eq(info.keys, 1);
	ck_assert(live_is_published(lv));
	live_unpublish(lv);
	recenv_close(&e);
}

UNIT(enhanced_messages_and_data_are_kept_as_they_came)
{
	static const uint8_t hevc[] = "\x91hvc1\0\0\0some coded bytes";
	static const uint8_t note[] = "\2\0\4note\2\0\2hi";
	struct recenv_play *p;
	struct recenv_rec r;
	struct recenv e;
	struct live *lv;
	uint32_t data = 0;

	recenv_open(&e, NULL);
	lv = live_find(e.inst, "x", true);
	ck_assert_int_eq(live_publish(lv, &publisher), FCS_OK);
	start(lv, RECORD_NEW, &r);
	for (uint32_t n = 0; n < 10; n++) {
		ck_assert_int_eq(live_feed(lv, MESSAGE_VIDEO, n * 1000, hevc,
				     sizeof(hevc) - 1),
		    0);
		ck_assert_int_eq(live_feed(lv, MESSAGE_DATA, n * 1000, note,
				     sizeof(note) - 1),
		    0);
	}
	recenv_wait(&e, &r.started);
	live_unpublish(lv);
	recenv_wait(&e, &r.stopped);
	p = recenv_play(&e, "x", 0, -1);
	playback_set_buffer(p->p, 36000000);
	playback_start(p->p);
	recenv_wait(&e, &p->ended);
	ck_assert_uint_eq(p->key_frames, 10);
	for (uint32_t i = 1; i < p->count; i++) {
		if (p->seen[i].type == MESSAGE_DATA) {
			ck_assert_uint_eq(p->seen[i].len, sizeof(note) - 1);
			ck_assert_uint_eq(p->seen[i].ts, data++ * 1000);
		} else {
			ck_assert_uint_eq(p->seen[i].len, sizeof(hevc) - 1);
		}
	}
	ck_assert_uint_eq(data, 10);
	recenv_play_free(&e, p);
	recenv_close(&e);
}

UNIT(append_goes_on_behind_the_end_at_once)
{
	struct media_info info;
	struct recenv_rec r;
	struct recenv e;
	struct live *lv;

	recenv_open(&e, NULL);
	recenv_make(&e, "x", 100);
	lv = live_find(e.inst, "x", true);
	ck_assert_int_eq(live_publish(lv, &publisher), FCS_OK);
	start(lv, RECORD_APPEND, &r);
	recenv_headers(lv, 7000);
	recenv_frames(lv, 0, 50, 7000);
	live_unpublish(lv); /* before the file is even open */
	recenv_wait(&e, &r.stopped);
	info = info_of(&e, "x");
	ck_assert_uint_eq(info.keys, 3);
	ck_assert_uint_eq(info.duration_ms, 99 * 40 + 20 + 40 + 49 * 40 + 20);
	recenv_close(&e);
}

UNIT(a_restart_of_the_publisher_waits_for_the_old_file_to_close)
{
	struct media_info info;
	struct recenv_rec a;
	struct recenv_rec b;
	struct recenv_rec c;
	struct recenv e;
	struct live *lv;
	int result;

	recenv_open(&e, NULL);
	lv = live_find(e.inst, "x", true);
	ck_assert_int_eq(live_publish(lv, &publisher), FCS_OK);
	start(lv, RECORD_NEW, &a);
	ck_assert_uint_eq(record_start(lv, "x.flv", RECORD_NEW,
			      &recenv_record_ops, &c, &result),
	    0);
	ck_assert_int_eq(result, FCS_EEXIST);
	recenv_frames(lv, 0, 60, 0);
	recenv_wait(&e, &a.started);
	live_unpublish(lv);
	ck_assert_int_eq(live_publish(lv, &publisher), FCS_OK);
	start(lv, RECORD_APPEND, &b);
	ck_assert(!a.stopped);
	recenv_frames(lv, 0, 60, 0);
	recenv_wait(&e, &a.stopped);
	recenv_wait(&e, &b.started);
	live_unpublish(lv);
	recenv_wait(&e, &b.stopped);
	info = info_of(&e, "x");
	ck_assert_uint_eq(info.keys, 4);
	ck_assert_uint_eq(info.duration_ms, 2 * (59 * 40 + 20) + 40);
	recenv_close(&e);
}

UNIT(short_recordings_one_after_the_other_all_get_in)
{
	struct recenv_rec r[5];
	struct media_info info;
	struct recenv e;
	struct live *lv;

	recenv_open(&e, NULL);
	lv = live_find(e.inst, "x", true);
	for (int i = 0; i < 5; i++) { /* before the first file is open */
		ck_assert_int_eq(live_publish(lv, &publisher), FCS_OK);
		start(lv, RECORD_APPEND, &r[i]);
		recenv_frames(lv, 0, 10, 0);
		live_unpublish(lv);
	}
	for (int i = 0; i < 5; i++) {
		recenv_wait(&e, &r[i].stopped);
		ck_assert_int_eq(r[i].stop_result, FCS_OK);
	}
	info = info_of(&e, "x");
	ck_assert_uint_eq(info.tags, 1 + 5 * 20);
	ck_assert_uint_eq(info.duration_ms, 5 * 380 + 4 * 40);
	recenv_close(&e);
}

/* Clocks that fall back, start below 0 and turn over. */
UNIT(times_never_fall_whatever_the_clock_does)
{
	static const uint32_t starts[] = { 5000, (uint32_t)-2000,
		(uint32_t)-500, 100 };
	struct recenv_play *p;
	struct recenv_rec r;
	struct recenv e;
	struct live *lv;
	uint32_t last = 0;

	recenv_open(&e, NULL);
	lv = live_find(e.inst, "x", true);
	ck_assert_int_eq(live_publish(lv, &publisher), FCS_OK);
	start(lv, RECORD_NEW, &r);
	recenv_headers(lv, 5000);
	for (int i = 0; i < 4; i++)
		recenv_frames(lv, 0, 100, starts[i]);
	recenv_wait(&e, &r.started);
	live_unpublish(lv);
	recenv_wait(&e, &r.stopped);
	p = recenv_play(&e, "x", 0, -1);
	/* four parts of 4 s, each where the one before ended */
	ck_assert_uint_ge(p->info.duration_ms, 4 * 3980 - 100);
	ck_assert_uint_le(p->info.duration_ms, 4 * 3980 + 100);
	playback_set_buffer(p->p, 36000000);
	playback_start(p->p);
	recenv_wait(&e, &p->ended);
	ck_assert_uint_eq(p->media, 800);
	for (uint32_t i = 0; i < p->count; i++) {
		ck_assert_uint_ge(p->seen[i].ts, last);
		last = p->seen[i].ts;
	}
	recenv_play_free(&e, p);
	recenv_close(&e);
}

UNIT(a_publisher_back_in_time_continues_the_file)
{
	static const char *const settings[] = { "record.reconnect_window=5s",
		NULL };
	struct media_info info;
	struct recenv_rec a;
	struct recenv_rec b;
	struct recenv e;
	struct live *lv;

	recenv_open(&e, settings);
	lv = live_find(e.inst, "x", true);
	ck_assert_int_eq(live_publish(lv, &publisher), FCS_OK);
	start(lv, RECORD_NEW, &a);
	recenv_frames(lv, 0, 50, 0);
	recenv_wait(&e, &a.started);
	record_forget(e.inst, a.id); /* its session is gone */
	live_unpublish(lv);
	recenv_run(&e, 30);
	ck_assert(record_is_growing(e.inst, "x"));
	ck_assert_int_eq(live_publish(lv, &publisher), FCS_OK);
	ck_assert_uint_eq(start(lv, RECORD_NEW, &b), a.id);
	recenv_wait(&e, &b.started);
	recenv_frames(lv, 0, 50, 0);
	record_stop(e.inst, b.id);
	recenv_wait(&e, &b.stopped);
	info = info_of(&e, "x");
	ck_assert_uint_eq(info.keys, 2);
	ck_assert_uint_ge(info.duration_ms, 2 * (49 * 40 + 20) + 20);
	live_unpublish(lv);
	recenv_close(&e);
}

UNIT(a_full_disk_stops_the_recording_not_the_stream)
{
	struct rlimit limit = { .rlim_cur = 200000, .rlim_max = RLIM_INFINITY };
	struct recenv_rec r;
	struct recenv e;
	struct live *lv;

	signal(SIGXFSZ, SIG_IGN);
	recenv_open(&e, NULL);
	lv = live_find(e.inst, "x", true);
	ck_assert_int_eq(live_publish(lv, &publisher), FCS_OK);
	start(lv, RECORD_NEW, &r);
	recenv_headers(lv, 0);
	recenv_wait(&e, &r.started);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (uint32_t n = 0; !r.stopped && n < 100000; n += 100) {
		recenv_frames(lv, n, n + 100, 0);
		recenv_run(&e, 20);
	}
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert(r.stopped);
	ck_assert_int_eq(r.stop_result, FCS_ENOSPC);
	ck_assert(live_is_published(lv));
	ck_assert_uint_gt(info_of(&e, "x").duration_ms, 1000);
	live_unpublish(lv);
	recenv_close(&e);
}

UNIT(the_longest_time_and_largest_size_are_kept)
{
	static const char *const settings[] = { "record.max_duration=2s",
		NULL };
	struct recenv_rec r;
	struct recenv e;
	struct live *lv;

	recenv_open(&e, settings);
	lv = live_find(e.inst, "x", true);
	ck_assert_int_eq(live_publish(lv, &publisher), FCS_OK);
	start(lv, RECORD_NEW, &r);
	recenv_frames(lv, 0, 100, 0);
	recenv_wait(&e, &r.stopped);
	ck_assert_int_eq(r.stop_result, FCS_OK);
	ck_assert_uint_eq(info_of(&e, "x").duration_ms, 2000);
	live_unpublish(lv);
	recenv_close(&e);
}

UNIT(a_name_nobody_can_have_is_refused)
{
	struct recenv_rec r = { 0 };
	struct recenv e;
	struct live *lv;
	int result;

	recenv_open(&e, NULL);
	lv = live_find(e.inst, "x", true);
	ck_assert_uint_eq(record_start(lv, "../x", RECORD_NEW,
			      &recenv_record_ops, &r, &result),
	    0);
	ck_assert_int_eq(result, FCS_EINVAL);
	recenv_run(&e, 5);
	ck_assert(!r.started);
	recenv_close(&e);
}

UNIT(stopping_the_instance_closes_the_file_well)
{
	struct recenv_rec r;
	struct recenv e;
	struct live *lv;

	recenv_open(&e, NULL);
	lv = live_find(e.inst, "x", true);
	ck_assert_int_eq(live_publish(lv, &publisher), FCS_OK);
	start(lv, RECORD_NEW, &r);
	recenv_frames(lv, 0, 60, 0);
	recenv_wait(&e, &r.started);
	recenv_close(&e);
	ck_assert(r.stopped);
	ck_assert_int_eq(r.stop_result, FCS_OK);
	recenv_open(&e, NULL);
	ck_assert_uint_eq(info_of(&e, "x").duration_ms, 59 * 40 + 20);
	recenv_close(&e);
}

UNIT_MAIN
