/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recenv - for the tests of record and playback: a loop, a media store in the
 * case's folder, an application with an instance, and made-up media.
 */
#ifndef TESTS_UNIT_CORE_RECENV_H
#define TESTS_UNIT_CORE_RECENV_H

#include "core/instance.h"
#include "core/live.h"
#include "core/playback.h"
#include "core/record.h"
#include "storage/media.h"
#include "tests/lib/unit.h"

struct recenv {
	struct loop *loop;
	struct loop_wakeup *wakeup;
	struct media *media;
	struct application *app;
	struct instance *inst;
	bool stopped;
};

/* settings: "key=value" of the application, NULL-terminated, or NULL. */
void recenv_open(struct recenv *, const char *const *settings);
void recenv_close(struct recenv *);
/* Turn the loop until *flag; fails the case after ten seconds. */
void recenv_wait(struct recenv *, const bool *flag);
/* Turn the loop for so many ms. */
void recenv_run(struct recenv *, uint32_t ms);

/* 25 pictures a second, a key frame every 50, a sound beside each. */
void recenv_headers(struct live *, uint32_t ts);
void recenv_frames(struct live *, uint32_t from, uint32_t to, uint32_t base);
void recenv_meta(struct live *);

struct recenv_rec { /* what record_ops said */
	uint64_t id;
	bool started, stopped;
	int start_result, stop_result;
	char why[ERR_TEXT_MAX];
};
extern const struct record_ops recenv_record_ops;
/* Publish name, record it, feed frames, stop: waits for everything. */
void recenv_make(struct recenv *, const char *name, uint32_t frames);

#define RECENV_SEEN 20000
struct recenv_seen {
	uint8_t type;
	uint32_t ts, flags;
	size_t len;
};
struct recenv_play { /* what playback_ops said */
	struct playback *p;
	bool opened, sought, ended, first;
	int open_result, seek_result, end_result;
	struct playback_info info;
	uint32_t at_ms, key_ms, played_ms;
	uint64_t bytes;
	struct recenv_seen seen[RECENV_SEEN];
	uint32_t count, flushes, key_frames, media;
	size_t backlog;      /* what the receiver says */
	bool close_at_first; /* close from within packet() */
};
extern const struct playback_ops recenv_play_ops;
struct recenv_play *recenv_play(struct recenv *, const char *name,
    uint32_t start_ms, int64_t length_ms); /* opened, not started */
void recenv_play_free(struct recenv *, struct recenv_play *);
void recenv_forget(struct recenv_play *); /* what was seen so far */

#endif
