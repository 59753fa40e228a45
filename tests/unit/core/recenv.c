/* SPDX-License-Identifier: BSD-2-Clause */
/* recenv - see recenv.h. */
#include "tests/unit/core/recenv.h"

#include "base/clock.h"
#include "codec/message.h"
#include "tests/unit/core/fake.h"

static void
collect(void *arg)
{
	struct recenv *e = arg;

	if (e->media != NULL)
		media_collect(e->media);
}

static void
wake(void *arg)
{
	struct recenv *e = arg;

	loop_wakeup_fire(e->wakeup);
}

void
recenv_open(struct recenv *e, const char *const *settings)
{
	struct media_conf conf = {
		.state_dir = unit_tmpdir(), .wake = wake, .arg = e
	};
	struct err why;

	memset(e, 0, sizeof(*e));
	fake_reset();
	e->loop = loop_new();
	ck_assert_ptr_nonnull(e->loop);
	e->wakeup = loop_wakeup_new(e->loop, collect, e);
	ck_assert_ptr_nonnull(e->wakeup);
	ck_assert_msg(
	    media_start(&conf, &e->media, &why) == FCS_OK, "%s", why.text);
	fake_media = e->media;
	e->app = fake_app(e->loop, &fake_script_ops, settings);
	application_set_module(e->app, MODULE_LIVE, &live_module);
	application_set_module(e->app, MODULE_RECORD, &record_module);
	e->inst = application_instance(e->app, "room", true, &why);
	ck_assert_msg(e->inst != NULL, "%s", why.text);
}

static void
stopped(void *arg)
{
	struct recenv *e = arg;

	e->stopped = true;
}

void
recenv_close(struct recenv *e)
{
	application_stop(e->app, "end of the test", stopped, e);
	recenv_wait(e, &e->stopped);
	media_stop(e->media);
	e->media = NULL;
	loop_turn(e->loop, 0);
	fake_app_free(e->app);
	loop_wakeup_free(e->wakeup);
	loop_free(e->loop);
	fake_media = NULL;
}

void
recenv_wait(struct recenv *e, const bool *flag)
{
	int64_t until = clock_ms() + 10000;

	while (!*flag) {
		ck_assert_msg(clock_ms() < until, "nothing came");
		loop_turn(e->loop, 100);
	}
}

void
recenv_run(struct recenv *e, uint32_t ms)
{
	int64_t until = clock_ms() + ms;

	while (clock_ms() < until)
		loop_turn(e->loop, (int)(until - clock_ms()));
}

/* --- media --- */

static void
feed(struct live *lv, uint8_t type, uint32_t ts, const void *p, size_t n)
{
	ck_assert_int_eq(live_feed(lv, type, ts, p, n), FCS_OK);
}

void
recenv_meta(struct live *lv)
{
	static const uint8_t meta[] = "\2\0\15@setDataFrame\2\0\12onMetaData"
				      "\10\0\0\0\1\0\5width\0\100\204\0\0\0\0"
				      "\0\0\0\0\11";

	feed(lv, MESSAGE_DATA, 0, meta, sizeof(meta) - 1);
}

void
recenv_headers(struct live *lv, uint32_t ts)
{
	feed(lv, MESSAGE_VIDEO, ts, "\x17\0\0\0\0\x01\x64\0\x0a\xff", 10);
	feed(lv, MESSAGE_AUDIO, ts, "\xaf\0\x12\x10", 4);
}

void
recenv_frames(struct live *lv, uint32_t from, uint32_t to, uint32_t base)
{
	uint8_t b[3000];

	for (uint32_t n = from; n < to; n++) {
		bool key = n % 50 == 0;
		size_t len = key ? sizeof(b) : 400;

		for (size_t i = 0; i < len; i++)
			b[i] = (uint8_t)(n + i);
		memcpy(b, key ? "\x17\1\0\0\0" : "\x27\1\0\0\0", 5);
		feed(lv, MESSAGE_VIDEO, base + n * 40, b, len);
		memcpy(b, "\xaf\1", 2);
		feed(lv, MESSAGE_AUDIO, base + n * 40 + 20, b, 40);
	}
}

/* --- record --- */

static void
record_started(void *arg, int result, const char *why)
{
	struct recenv_rec *r = arg;

	r->started = true;
	r->start_result = result;
	snprintf(r->why, sizeof(r->why), "%s", why);
}

static void
record_stopped(void *arg, int result, const char *why)
{
	struct recenv_rec *r = arg;

	r->stopped = true;
	r->stop_result = result;
	snprintf(r->why, sizeof(r->why), "%s", why);
}

const struct record_ops recenv_record_ops = { record_started, record_stopped };

void
recenv_make(struct recenv *e, const char *name, uint32_t frames)
{
	struct live_publisher pub = {
		.client = "c1", .type = "record", .query = ""
	};
	struct live *lv = live_find(e->inst, name, true);
	struct recenv_rec r = { 0 };
	int result;

	ck_assert_ptr_nonnull(lv);
	ck_assert_int_eq(live_publish(lv, &pub), FCS_OK);
	r.id =
	    record_start(lv, name, RECORD_NEW, &recenv_record_ops, &r, &result);
	ck_assert_uint_ne(r.id, 0);
	recenv_meta(lv);
	recenv_headers(lv, 0);
	recenv_frames(lv, 0, frames, 0);
	recenv_wait(e, &r.started);
	live_unpublish(lv);
	recenv_wait(e, &r.stopped);
	ck_assert_int_eq(r.stop_result, FCS_OK);
}

/* --- play --- */

static void
play_opened(void *arg, int result, const struct playback_info *info)
{
	struct recenv_play *p = arg;

	p->opened = true;
	p->open_result = result;
	if (result == FCS_OK)
		p->info = *info;
}

static void
play_packet(void *arg, struct packet *packet, bool flush)
{
	struct recenv_play *p = arg;
	struct recenv_seen *s = &p->seen[p->count];

	ck_assert_uint_lt(p->count, RECENV_SEEN);
	s->type = packet->type;
	s->ts = packet->ts_ms;
	s->flags = packet->flags;
	s->len = packet->payload->len;
	p->count++;
	p->flushes += flush;
	p->first = true;
	if (packet->type == MESSAGE_VIDEO || packet->type == MESSAGE_AUDIO)
		p->media += (packet->flags & AVTAG_CONFIG) == 0;
	if (packet->type == MESSAGE_VIDEO && (packet->flags & AVTAG_KEY) != 0 &&
	    (packet->flags & AVTAG_CONFIG) == 0)
		p->key_frames++;
	p->backlog += p->backlog > 0 ? packet->payload->len : 0;
	if (p->close_at_first) {
		playback_close(p->p);
		p->p = NULL;
	}
}

static void
play_sought(void *arg, int result, uint32_t at_ms, uint32_t key_ms)
{
	struct recenv_play *p = arg;

	p->sought = true;
	p->seek_result = result;
	p->at_ms = at_ms;
	p->key_ms = key_ms;
	recenv_forget(p);
}

static void
play_ended(void *arg, int result, uint32_t played_ms, uint64_t bytes)
{
	struct recenv_play *p = arg;

	p->ended = true;
	p->end_result = result;
	p->played_ms = played_ms;
	p->bytes = bytes;
}

static void
play_backlog(void *arg, size_t *bytes, uint32_t *media_ms)
{
	struct recenv_play *p = arg;

	*bytes = p->backlog;
	*media_ms = 0;
}

const struct playback_ops recenv_play_ops = {
	.opened = play_opened,
	.packet = play_packet,
	.sought = play_sought,
	.ended = play_ended,
	.backlog = play_backlog,
};

struct recenv_play *
recenv_play(
    struct recenv *e, const char *name, uint32_t start_ms, int64_t length_ms)
{
	struct recenv_play *p = calloc(1, sizeof(*p));

	ck_assert_ptr_nonnull(p);
	p->p = playback_open(
	    e->inst, name, start_ms, length_ms, &recenv_play_ops, p);
	ck_assert_ptr_nonnull(p->p);
	ck_assert(!p->opened);
	recenv_wait(e, &p->opened);
	return p;
}

void
recenv_play_free(struct recenv *e, struct recenv_play *p)
{
	playback_close(p->p);
	loop_turn(e->loop, 0);
	free(p);
}

void
recenv_forget(struct recenv_play *p)
{
	p->count = p->flushes = p->key_frames = p->media = 0;
	p->first = false;
}
