/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rechead - the onMetaData tag at the head of a recording: made with room to
 * spare when the file is begun, filled in place when it is closed (duration,
 * file size, key frames), and as a player gets it.
 *
 * Belongs to: storage (rank 3). Uses: codec/amf0. Used by: media*.
 * Threading: pure; any thread. wire-protocol.md 7.1.
 *
 * A file of ours says so: the property "fcsrecording" is true while it is
 * being made and false when it was closed well. So a file cut off by a crash
 * is known as such even without any index.
 */
#ifndef STORAGE_RECHEAD_H
#define STORAGE_RECHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define RECHEAD_ROOM     16384 /* bytes kept free: some 800 key frames */
#define RECHEAD_META_MAX 32768 /* larger metadata of a publisher is left out */

struct rechead {
	/* onMetaData payload of the publisher or of the file; NULL none. What
	 * is ours in it is replaced. Borrowed. */
	const uint8_t *meta;
	size_t meta_len;
	bool recording; /* not closed yet */
	uint32_t duration_ms;
	uint64_t file_size;
	bool has_video, has_audio;
	/* Key frames, rising; thinned out evenly to what fits. */
	const uint32_t *times_ms;
	const uint64_t *positions;
	size_t key_count;
};

/*
 * Append the payload to out. size 0: as long as needed plus RECHEAD_ROOM;
 * otherwise exactly size bytes. FCS_ELIMIT: does not fit; FCS_ENOMEM. On error
 * out is as before.
 */
int rechead_build(
    struct buf *out, const struct rechead *, size_t size) FCS_MUSTUSE;

struct rechead_mark {
	bool ours;
	bool recording;
};
/* What the payload of an onMetaData tag says about its file. Any bytes. */
void rechead_read(const uint8_t *payload, size_t len, struct rechead_mark *out);

/*
 * What a player gets: of a file of ours without room, key frames and mark,
 * duration as given; of others unchanged; without any (len 0) just duration.
 * FCS_ENOMEM.
 */
int rechead_play(struct buf *out, const uint8_t *payload, size_t len,
    uint32_t duration_ms) FCS_MUSTUSE;

#endif
