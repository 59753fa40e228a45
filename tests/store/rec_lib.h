/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rec_lib - for the tests of recordings: a media store in a folder of the
 * case, waited for through an eventfd; made-up media; whole files played.
 */
#ifndef TESTS_STORE_REC_LIB_H
#define TESTS_STORE_REC_LIB_H

#include "base/buf.h"
#include "codec/message.h"
#include "storage/media.h"
#include "storage/media_int.h"
#include "tests/lib/unit.h"

struct rec { /* a media store under test */
	struct media *media;
	struct limits limits;
	int efd;
};

extern int64_t rec_map_bytes; /* of the index; set before rec_start() */
void rec_start(struct rec *, const char *dir, const char *media_dir);
void rec_stop(struct rec *);
/* Collect until *flag is true; fails the case after ten seconds. */
void rec_wait(struct rec *, const bool *flag);
/* Collect once, waiting at most ms. */
void rec_turn(struct rec *, int ms);

struct rec_writer {
	struct media_writer *w;
	bool is_open, is_closed, has_failed;
	int open_result, close_result, fail_result;
	bool existed;
	uint32_t last_ts;
};
/* Begins and waits until it is open. */
void rec_begin(struct rec *, struct rec_writer *, const char *inst,
    const char *name, enum media_mode);
/* Frames [from, to): 25 pictures a second, a key frame every 50, one sound per
 * picture; headers first when from is 0. */
void rec_frames(struct rec_writer *, uint32_t from, uint32_t to);
void rec_end(struct rec *, struct rec_writer *); /* closes and waits */
/* A whole recording of so many frames. */
void rec_make(
    struct rec *, const char *inst, const char *name, uint32_t frames);
struct refbuf *rec_frame(uint8_t type, uint32_t n);
/* The payload rec_frames hands over for picture or sound n. */

struct rec_player {
	struct media_reader *r;
	bool is_open, is_placed, is_ready;
	int result;
	struct media_info info;
	struct media_place place; /* without its buffers */
	bool has_meta, has_video_conf, has_audio_conf;
	/* of rec_play */
	uint32_t tags, pictures, sounds, data;
	uint32_t first_ts, last_ts;
	bool first_is_key;
	int end;       /* what media_reader_next said last */
	uint64_t hash; /* of the audio and video tags */
};
extern const struct media_reader_ops rec_reader_ops;
/* Opens and waits; .result says how it went. */
void rec_open(
    struct rec *, struct rec_player *, const char *inst, const char *name);
void rec_seek(struct rec *, struct rec_player *, uint32_t ms);
/* Take tags until there are no more now (max 0) or max were taken. */
void rec_play(struct rec *, struct rec_player *, uint32_t max);
void rec_close(struct rec_player *);
uint64_t rec_hash(uint64_t h, const void *p, size_t n);

/* fcsctl's questions, waited for. */
int rec_info(
    struct rec *, const char *inst, const char *name, struct media_info *out);
int rec_reindex(
    struct rec *, const char *inst, const char *name, struct media_info *out);
int rec_verify(
    struct rec *, const char *inst, const char *name, struct media_verify *out);

int rec_rename(struct rec *, const char *inst, const char *name, const char *to,
    struct media_info *out);
int rec_delete(struct rec *, const char *inst, const char *name);
/* Length of the onMetaData payload, 0: none; a result that is no FCS_OK. */
int rec_meta(struct rec *, const char *inst, const char *name, size_t *out_len);

/* Whole files. Paths from printf. */
uint8_t *rec_slurp(const char *path, size_t *len);
void rec_spit(const char *path, const void *p, size_t n);
const char *rec_path(const char *fmt, ...) FCS_PRINTF(1, 2);
/* Our file format checked from end to end with a reader of its own: returns
 * the number of tags, -1 when it is not whole. *last_ts of the last one. */
long rec_check_file(const char *path, uint32_t *last_ts);

#endif
