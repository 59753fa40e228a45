/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sess_stream_int - the streams of one connection (createStream ... ), for
 * sess_stream.c (table and dispatch), sess_publish.c, sess_play.c (the play
 * command and its list), sess_live.c and sess_vod.c (delivery). wire-protocol
 * 5.2-5.8.
 */
#ifndef SESSION_SESS_STREAM_INT_H
#define SESSION_SESS_STREAM_INT_H

#include "codec/url.h"
#include "core/live.h"
#include "core/play.h"
#include "core/playback.h"
#include "core/record.h"
#include "core/viewer.h"
#include "session/session_int.h"

enum sess_use { /* what a stream is used for */
	SESS_IDLE,
	SESS_ASKING, /* the script decides about publish or play */
	SESS_PUBLISHING,
	SESS_PLAYING_LIVE,
	SESS_PLAYING_VOD
};

/* A place in the play list. Times are what play() gave, in ms. */
struct sess_item {
	char name[256];
	char query[1024];
	int64_t start_ms;  /* SESS_START_ANY, SESS_START_LIVE or >= 0 */
	int64_t length_ms; /* -1 all, 0 one key frame */
	struct sess_item *next;
};
#define SESS_START_ANY  (-2)
#define SESS_START_LIVE (-1)

struct sess_stream {
	struct session *session;
	uint32_t msid;
	uint32_t turn; /* raised at each change of use: stale answers differ */
	enum sess_use use;

	/* publishing */
	struct live *live;
	char name[256], query[1024], type[16];
	uint64_t record_id;

	/* playing */
	struct sess_item *items; /* what follows the current one */
	uint32_t item_count;
	struct sess_item *item; /* the current one */
	bool is_reset;          /* Play.Reset is due with the next start */
	bool is_paused, want_audio, want_video;
	uint32_t buffer_ms;
	struct live_sink sink;
	struct viewer viewer;
	struct play play; /* while the item plays */
	struct playback *playback;
	bool is_ended;    /* the recording is delivered; a seek revives it */
	bool is_seek_due; /* a seek is positioning */
	double seek_ms;   /* wanted, while the script is asked */
	uint64_t play_since_ms; /* wall clock */
};

struct sess_streams {
	struct sess_stream **list; /* by msid - 1 */
	uint32_t cap;
	uint32_t last_turn; /* highest of those deleted */
};

/* The stream a message or an asynchronous answer is for; NULL: gone. */
struct sess_stream *sess_stream_get(struct session *, uint32_t msid);
/* owner_id and extra of an ask: session id; msid and turn. */
uint64_t sess_stream_extra(const struct sess_stream *);
struct sess_stream *sess_stream_by_extra(uint64_t session_id, uint64_t extra);
void sess_stream_close(struct sess_stream *); /* stop publish or play */
const struct application_env *sess_stream_env(const struct sess_stream *);
/* onStatus, its failure to queue is the connection's end anyway. */
void sess_stream_status(struct sess_stream *, enum status,
    const char *description, const char *details);
void sess_stream_control(struct sess_stream *, enum message_event);
/* A data message of the server: name, then booleans or an info object. */
void sess_stream_sample_access(struct sess_stream *);
void sess_stream_data_status(struct sess_stream *, const char *handler,
    enum status, double duration_s, double bytes);

int sess_publish_command(struct sess_stream *, const struct command *);
void sess_publish_stop(struct sess_stream *, bool tell);
void sess_publish_forget(struct sess_stream *); /* st is about to be freed */
void sess_publish_media(struct sess_stream *, const struct message *);

int sess_play_command(struct sess_stream *, const struct command *);
void sess_play_stop(struct sess_stream *); /* drop the list, end delivery */
void sess_play_next(struct sess_stream *); /* item done: next, or complete */
/* An item begins: the statuses up to the first media, and on(:play). */
void sess_play_started(struct sess_stream *);
int sess_play_seek(struct sess_stream *, const struct command *);
int sess_play_pause(struct sess_stream *, const struct command *);
int sess_play_receive(struct sess_stream *, const struct command *, bool audio);

void sess_live_start(struct sess_stream *, struct live *);
void sess_live_stop(struct sess_stream *);
void sess_live_pause(struct sess_stream *, bool pause);
void sess_live_resync(struct sess_stream *);

/* SESS_START_ANY and nothing recorded: waits for a live stream. */
void sess_vod_start(struct sess_stream *);
void sess_vod_stop(struct sess_stream *);
void sess_vod_seek(struct sess_stream *, uint32_t ms);
void sess_vod_pause(struct sess_stream *, bool pause, uint32_t ms);

#endif
