/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * livecache - what a live stream keeps for those who join late: data frames
 * (@setDataFrame), codec headers, the current group of pictures. Layer: core
 * (4). wire-protocol.md 3.2, 5.4; DESIGN 3. Embedded in struct live. Thread:
 * loop.
 */
#ifndef CORE_LIVECACHE_H
#define CORE_LIVECACHE_H

#include "base/limits.h"
#include "codec/packet.h"

#define LIVECACHE_FRAMES_MAX 64 /* data frames; beyond: not kept */

struct livecache_frame {
	char *name;
	struct packet *packet;
};

struct livecache {
	struct livecache_frame *frames;
	uint32_t frame_count;
	struct packet *video_config, *video_meta, *audio_config;
	struct packet **gop; /* from the last key frame on, audio included */
	uint32_t gop_count, gop_cap, gop_max;
	size_t gop_bytes, gop_bytes_max;
	bool gop_open; /* false: wait for a key frame */
};

void livecache_init(struct livecache *, const struct limits *);
void livecache_fini(struct livecache *);
void livecache_clear(struct livecache *); /* the publisher left */
/* Keep p if a newcomer will need it. */
void livecache_media(struct livecache *, struct packet *p);
/*
 * A data message: strips @setDataFrame and keeps the frame, forgets at
 * @clearDataFrame, turns AMF3 data messages into AMF0. *out = the packet to
 * pass on (new reference), NULL: none. FCS_ENOMEM; errors of amf0_read: the
 * message is dropped.
 */
int livecache_data(struct livecache *, uint8_t type, uint32_t ts_ms,
    const uint8_t *payload, size_t len, struct packet **out) FCS_MUSTUSE;
/*
 * Everything a newcomer needs, in order: data frames and headers carrying the
 * time of the first media message (no jump for players that take the first
 * time as their zero), then the group of pictures. now_ms: time when no group
 * is kept.
 */
void livecache_replay(struct livecache *, uint32_t now_ms,
    void (*fn)(void *arg, struct packet *), void *arg);
/* Payload of a kept data frame, borrowed, or NULL. */
struct refbuf *livecache_find(const struct livecache *, const char *name);

#endif
