/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/viewer.h"

#include "tests/lib/unit.h"

static const struct viewer_limits lim = {
	.soft_ms = 500,
	.hard_ms = 3000,
	.hard_bytes = 1000,
};
static const struct packet key = { .type = MESSAGE_VIDEO, .flags = AVTAG_KEY };
static const struct packet inter = { .type = MESSAGE_VIDEO };
static const struct packet audio = { .type = MESSAGE_AUDIO };
static const struct packet config = {
	.type = MESSAGE_VIDEO,
	.flags = AVTAG_CONFIG,
};
static const struct packet data = { .type = MESSAGE_DATA };

/* A viewer whose queue is blocked for as long as the media in it plays. */
static enum viewer_verdict
admit(struct viewer *v, const struct packet *p, size_t bytes, uint32_t media_ms)
{
	struct viewer_queue q = {
		.bytes = bytes,
		.media_ms = media_ms,
		.is_blocked = bytes > 0,
		.now_ms = 1000 + media_ms,
	};

	if (bytes > 0)
		v->clear_ms = 1000;
	return viewer_admit(v, p, &lim, &q);
}

static struct viewer
settled(void)
{
	struct viewer v = { 0 };

	ck_assert_int_eq(admit(&v, &key, 0, 0), VIEWER_SEND);
	return v;
}

UNIT(a_newcomer_waits_for_a_key_frame_and_is_told_nothing)
{
	struct viewer v = { 0 };

	ck_assert_int_eq(admit(&v, &config, 0, 0), VIEWER_SEND);
	ck_assert_int_eq(admit(&v, &inter, 0, 0), VIEWER_DROP);
	ck_assert_int_eq(admit(&v, &audio, 0, 0), VIEWER_SEND);
	ck_assert_int_eq(admit(&v, &key, 0, 0), VIEWER_SEND);
	ck_assert_int_eq(admit(&v, &inter, 0, 0), VIEWER_SEND);
	ck_assert_uint_eq(v.dropped, 0);
}

UNIT(the_burst_a_newcomer_gets_is_no_lag)
{
	struct viewer v = { 0 };

	ck_assert_int_eq(admit(&v, &key, 100, 0), VIEWER_SEND);
	ck_assert_int_eq(admit(&v, &inter, 500, 2900), VIEWER_SEND);
	ck_assert_int_eq(admit(&v, &inter, 999, 5000), VIEWER_SEND);
}

UNIT(inter_frames_go_first_up_to_the_next_key_frame)
{
	struct viewer v = settled();

	ck_assert_int_eq(admit(&v, &inter, 10, 499), VIEWER_SEND);
	ck_assert_int_eq(admit(&v, &inter, 10, 500), VIEWER_DROP_TELL);
	ck_assert_int_eq(admit(&v, &inter, 10, 100), VIEWER_DROP);
	ck_assert_int_eq(admit(&v, &audio, 10, 600), VIEWER_SEND);
	ck_assert_int_eq(admit(&v, &key, 10, 400), VIEWER_SEND);
	ck_assert_int_eq(admit(&v, &inter, 10, 400), VIEWER_SEND);
	ck_assert_uint_eq(v.dropped, 2);
}

UNIT(then_whole_groups)
{
	struct viewer v = settled();

	admit(&v, &inter, 10, 500);
	ck_assert_int_eq(admit(&v, &key, 10, 500), VIEWER_DROP);
	ck_assert_int_eq(admit(&v, &inter, 10, 100), VIEWER_DROP);
}

UNIT(audio_goes_only_beyond_the_hard_limit_headers_and_data_never)
{
	struct viewer v = settled();

	ck_assert_int_eq(admit(&v, &audio, 10, 2999), VIEWER_SEND);
	ck_assert_int_eq(admit(&v, &audio, 10, 3000), VIEWER_DROP_TELL);
	ck_assert_int_eq(admit(&v, &audio, 999, 0), VIEWER_SEND);
	ck_assert_int_eq(admit(&v, &audio, 1000, 0), VIEWER_DROP);
	ck_assert_int_eq(admit(&v, &config, 5000, 9000), VIEWER_SEND);
	ck_assert_int_eq(admit(&v, &data, 5000, 9000), VIEWER_SEND);
}

/* A publisher may send nothing but data: that is bounded too. */
UNIT(data_and_headers_pile_up_to_a_limit_too)
{
	struct viewer v = settled();

	ck_assert_int_eq(admit(&v, &data, 7999, 0), VIEWER_SEND);
	ck_assert_int_eq(admit(&v, &data, 8000, 0), VIEWER_CLOSE);
	ck_assert_int_eq(admit(&v, &config, 8000, 0), VIEWER_CLOSE);
	ck_assert_int_eq(admit(&v, &audio, 8000, 0), VIEWER_DROP_TELL);
	v = settled();
	ck_assert_int_eq(admit(&v, &data, 0, 0), VIEWER_SEND);
}

UNIT(one_bout_of_lag_is_told_once_the_next_one_again)
{
	struct viewer v = settled();

	ck_assert_int_eq(admit(&v, &inter, 10, 500), VIEWER_DROP_TELL);
	ck_assert_int_eq(admit(&v, &inter, 10, 500), VIEWER_DROP);
	ck_assert_int_eq(admit(&v, &key, 0, 0), VIEWER_SEND);
	ck_assert_int_eq(admit(&v, &inter, 10, 500), VIEWER_DROP_TELL);
}

UNIT(a_burst_nobody_tried_to_send_is_no_lag)
{
	struct viewer v = settled();
	struct viewer_queue q = {
		.bytes = 900,
		.media_ms = 20000,
		.now_ms = 1000,
	};

	ck_assert_int_eq(viewer_admit(&v, &inter, &lim, &q), VIEWER_SEND);
	q.bytes = 5000;
	ck_assert_int_eq(viewer_admit(&v, &audio, &lim, &q), VIEWER_SEND);
}

UNIT(media_sent_faster_than_it_plays_lags_by_the_time_it_waits)
{
	struct viewer v = settled();
	struct viewer_queue q = {
		.bytes = 900,
		.media_ms = 20000,
		.is_blocked = true,
	};

	q.now_ms = v.clear_ms + 499;
	ck_assert_int_eq(viewer_admit(&v, &inter, &lim, &q), VIEWER_SEND);
	q.now_ms = v.clear_ms + 500;
	ck_assert_int_eq(viewer_admit(&v, &inter, &lim, &q), VIEWER_DROP_TELL);
}

UNIT(after_a_pause_video_starts_at_a_key_frame)
{
	struct viewer v = settled();

	viewer_resync(&v);
	ck_assert_int_eq(admit(&v, &inter, 0, 0), VIEWER_DROP);
	ck_assert_int_eq(admit(&v, &key, 0, 0), VIEWER_SEND);
}

UNIT_MAIN
