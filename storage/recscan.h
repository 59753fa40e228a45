/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recscan - walk the tags of an FLV file, and the rules that turn tags into a
 * key-frame index. The writer and the rebuild use the same rules, so that both
 * give the same index.
 *
 * Belongs to: storage (rank 3). Uses: codec/flv, codec/avtag. Used by: media*.
 * Threading: one thread at a time. Owner: the caller's memory. What is in the
 * file is hostile: every size is checked, nothing is allocated by it.
 */
#ifndef STORAGE_RECSCAN_H
#define STORAGE_RECSCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/avtag.h"

#define RECSCAN_HEAD_MAX 64 /* first bytes of a payload that are looked at */
#define RECSCAN_WINDOW   16384

struct recscan_tag {
	uint64_t offset; /* of the tag header */
	uint32_t size;   /* of the payload */
	uint32_t ts_ms;
	uint8_t type;
	bool filtered;
	struct avtag av; /* audio and video */
	bool metadata;   /* script data named onMetaData */
};

/* One entry of the key-frame index. Offsets 0: none. */
struct recscan_key {
	uint32_t ts_ms;
	uint64_t offset;
	uint64_t video_conf, audio_conf; /* tags in force at offset */
	uint32_t flags;                  /* 1 = key frame of video */
};

enum recscan_odd { /* what is unusual in a file, for verify and info */
	RECSCAN_ODD_PREV_SIZE = 1, /* previous-tag sizes do not match */
	RECSCAN_ODD_BACKWARDS = 2, /* timestamps fall */
	RECSCAN_ODD_FILTERED = 4,  /* encrypted tags, not played */
	RECSCAN_ODD_TAIL = 8,      /* the last tag is not whole */
	RECSCAN_ODD_GARBAGE = 16,  /* unknown tag; nothing after it plays */
	RECSCAN_ODD_NEGATIVE = 32, /* negative timestamps, taken as 0 */
	RECSCAN_ODD_NO_META = 64,  /* no onMetaData */
	RECSCAN_ODD_DATA = 128     /* data messages besides onMetaData */
};

/* Running facts of a recording while its tags pass. Zero-initialised. */
struct recscan_facts {
	uint64_t tags, keys, end; /* end: offset after the last whole tag */
	uint64_t video_bytes, audio_bytes, data_bytes;
	uint64_t video_conf, audio_conf;
	uint64_t meta_at;           /* first onMetaData tag, 0 none */
	uint32_t meta_size;         /* of its payload */
	uint32_t first_ts, last_ts; /* least seen first, highest */
	uint32_t last_key_ts;
	uint32_t last_size; /* payload of the last tag */
	bool has_video, has_audio;
	struct avtag video, audio; /* last seen codecs */
	uint32_t odd;              /* enum recscan_odd */
};

/* Describe a tag by its header and its first bytes. */
void recscan_describe(struct recscan_tag *, const uint8_t *head, size_t len);
/* A timestamp as the timeline takes it: small negative ones count as 0. */
uint32_t recscan_ts(uint32_t ts_ms, uint32_t last_ts_ms);
/* Take a tag in. True: *out is an entry for the index. */
bool recscan_take(struct recscan_facts *, const struct recscan_tag *,
    struct recscan_key *out);

struct recscan {
	int fd;
	uint64_t pos;  /* the next tag; after an end: where whole tags end */
	uint64_t size; /* what may be read */
	uint64_t read_bytes;
	uint32_t last_ts;
	uint32_t odd;
	bool strict; /* previous-tag sizes must match (our own files) */
	uint64_t win_at;
	size_t win_len;
	uint8_t win[RECSCAN_WINDOW];
};

/* Begin at the first tag. FCS_EFORMAT no FLV file; FCS_EIO. */
int recscan_init(
    struct recscan *, int fd, uint64_t size, bool strict) FCS_MUSTUSE;
/* Continue at a known tag. */
void recscan_at(
    struct recscan *, int fd, uint64_t size, uint64_t pos, bool strict);
/*
 * The next whole tag. FCS_ENOENT: the end, exactly; FCS_ESHORT: what follows
 * pos is no whole tag; FCS_EFORMAT: what follows is no tag; FCS_EIO.
 */
int recscan_next(struct recscan *, struct recscan_tag *out) FCS_MUSTUSE;

#endif
