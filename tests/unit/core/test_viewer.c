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

static struct viewer
settled(void)
{
	struct viewer v = { 0 };

	ck_assert_int_eq(viewer_admit(&v, &key, &lim, 0, 0), VIEWER_SEND);
	return v;
}

UNIT(a_newcomer_waits_for_a_key_frame_and_is_told_nothing)
{
	struct viewer v = { 0 };

	ck_assert_int_eq(viewer_admit(&v, &config, &lim, 0, 0), VIEWER_SEND);
	ck_assert_int_eq(viewer_admit(&v, &inter, &lim, 0, 0), VIEWER_DROP);
	ck_assert_int_eq(viewer_admit(&v, &audio, &lim, 0, 0), VIEWER_SEND);
	ck_assert_int_eq(viewer_admit(&v, &key, &lim, 0, 0), VIEWER_SEND);
	ck_assert_int_eq(viewer_admit(&v, &inter, &lim, 0, 0), VIEWER_SEND);
	ck_assert_uint_eq(v.dropped, 0);
}

UNIT(the_burst_a_newcomer_gets_is_no_lag)
{
	struct viewer v = { 0 };

	ck_assert_int_eq(viewer_admit(&v, &key, &lim, 100, 0), VIEWER_SEND);
	ck_assert_int_eq(
	    viewer_admit(&v, &inter, &lim, 500, 2900), VIEWER_SEND);
	ck_assert_int_eq(
	    viewer_admit(&v, &inter, &lim, 999, 5000), VIEWER_SEND);
}

UNIT(inter_frames_go_first_up_to_the_next_key_frame)
{
	struct viewer v = settled();

	ck_assert_int_eq(viewer_admit(&v, &inter, &lim, 10, 499), VIEWER_SEND);
	ck_assert_int_eq(
	    viewer_admit(&v, &inter, &lim, 10, 500), VIEWER_DROP_TELL);
	ck_assert_int_eq(viewer_admit(&v, &inter, &lim, 10, 100), VIEWER_DROP);
	ck_assert_int_eq(viewer_admit(&v, &audio, &lim, 10, 600), VIEWER_SEND);
	ck_assert_int_eq(viewer_admit(&v, &key, &lim, 10, 400), VIEWER_SEND);
	ck_assert_int_eq(viewer_admit(&v, &inter, &lim, 10, 400), VIEWER_SEND);
	ck_assert_uint_eq(v.dropped, 2);
}

UNIT(then_whole_groups)
{
	struct viewer v = settled();

	viewer_admit(&v, &inter, &lim, 10, 500);
	ck_assert_int_eq(viewer_admit(&v, &key, &lim, 10, 500), VIEWER_DROP);
	ck_assert_int_eq(viewer_admit(&v, &inter, &lim, 10, 100), VIEWER_DROP);
}

UNIT(audio_goes_only_beyond_the_hard_limit_headers_and_data_never)
{
	struct viewer v = settled();

	ck_assert_int_eq(viewer_admit(&v, &audio, &lim, 10, 2999), VIEWER_SEND);
	ck_assert_int_eq(
	    viewer_admit(&v, &audio, &lim, 10, 3000), VIEWER_DROP_TELL);
	ck_assert_int_eq(viewer_admit(&v, &audio, &lim, 999, 0), VIEWER_SEND);
	ck_assert_int_eq(viewer_admit(&v, &audio, &lim, 1000, 0), VIEWER_DROP);
	ck_assert_int_eq(
	    viewer_admit(&v, &config, &lim, 5000, 9000), VIEWER_SEND);
	ck_assert_int_eq(
	    viewer_admit(&v, &data, &lim, 5000, 9000), VIEWER_SEND);
}

UNIT(one_bout_of_lag_is_told_once_the_next_one_again)
{
	struct viewer v = settled();

	ck_assert_int_eq(
	    viewer_admit(&v, &inter, &lim, 10, 500), VIEWER_DROP_TELL);
	ck_assert_int_eq(viewer_admit(&v, &inter, &lim, 10, 500), VIEWER_DROP);
	ck_assert_int_eq(viewer_admit(&v, &key, &lim, 0, 0), VIEWER_SEND);
	ck_assert_int_eq(
	    viewer_admit(&v, &inter, &lim, 10, 500), VIEWER_DROP_TELL);
}

UNIT(after_a_pause_video_starts_at_a_key_frame)
{
	struct viewer v = settled();

	viewer_resync(&v);
	ck_assert_int_eq(viewer_admit(&v, &inter, &lim, 0, 0), VIEWER_DROP);
	ck_assert_int_eq(viewer_admit(&v, &key, &lim, 0, 0), VIEWER_SEND);
}

UNIT_MAIN
