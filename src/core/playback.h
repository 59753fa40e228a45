/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * playback - one recording being delivered to one receiver: opened, paced by
 * the receiver's buffer, sought, paused. Layer: core (4). DESIGN 4, 10 (one
 * timeline per play: 0 is the requested start).
 *
 * Nothing here knows RTMP: the session turns these callbacks into status and
 * control messages (wire-protocol 5.5-5.8). A recording still being made plays
 * up to what is written and then waits for more. Owner: the session's play
 * stream; freed with playback_close, also from its own callbacks. Thread:
 * loop; reads that would block run on the media thread.
 */
#ifndef CORE_PLAYBACK_H
#define CORE_PLAYBACK_H

#include "codec/packet.h"
#include "core/instance.h"

struct playback;

struct playback_info {
	uint32_t duration_ms; /* so far, when growing */
	uint64_t size;
	bool growing;
	bool has_video, has_audio;
};

struct playback_ops {
	/* Opened: FCS_OK; FCS_ENOENT no such recording; FCS_ECORRUPT; FCS_EIO.
	 * After anything but FCS_OK only playback_close is of use. Nothing is
	 * delivered before playback_start. */
	void (*opened)(void *arg, int result, const struct playback_info *);
	/* One message; type as in the file, ts on the play's timeline. Comes in
	 * file order: after start and after each seek first onMetaData (start
	 * only), then the codec headers in force, then media from the key frame
	 * at or before the target. flush: last one for now. */
	void (*packet)(void *arg, struct packet *, bool flush);
	/* The seek is positioned: media of the new place follow. at_ms = target
	 * on the timeline, key_ms = the key frame chosen (same clock, >= 0). */
	void (*sought)(void *arg, int result, uint32_t at_ms, uint32_t key_ms);
	/* All is delivered (length reached or end of file, nothing growing).
	 * result FCS_OK; FCS_ECORRUPT, FCS_EIO the file is damaged or gone. */
	void (*ended)(
	    void *arg, int result, uint32_t played_ms, uint64_t bytes);
	/* Bytes and ms the receiver has not taken yet: paces the reading. */
	void (*backlog)(void *arg, size_t *bytes, uint32_t *media_ms);
};

/* start_ms >= 0; length_ms -1 = to the end, 0 = one key frame. NULL: no
 * memory. opened() comes later, never within the call. */
struct playback *playback_open(struct instance *, const char *name,
    uint32_t start_ms, int64_t length_ms, const struct playback_ops *,
    void *arg);
void playback_start(struct playback *);
void playback_close(struct playback *);
/* ms on the timeline; past the end clamps to the last key frame. While paused:
 * one key frame is delivered, then stays paused. */
void playback_seek(struct playback *, uint32_t ms);
/* Unpause continues from ms with the key frame before it (resume true, as
 * after a seek but without sought()). */
void playback_pause(struct playback *, bool pause, uint32_t ms);
void playback_set_buffer(struct playback *, uint32_t ms);
void playback_set_wants(struct playback *, bool audio, bool video);
void playback_drained(struct playback *); /* the receiver took what was sent */
const struct playback_info *playback_info(const struct playback *);

/* Length of a recording in ms, for getStreamLength: answer(arg, ms or -1). */
void playback_length(struct instance *, const char *name,
    void (*answer)(
	struct instance *, uint64_t owner, uint64_t extra, int64_t ms),
    uint64_t owner, uint64_t extra);

#endif
