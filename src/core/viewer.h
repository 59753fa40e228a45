/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * viewer - what a slow viewer of a live stream is spared: which packets are
 * sent, which are dropped. Layer: core (4), pure. DESIGN 3.
 *
 * A viewer loses inter frames first, up to the next key frame, then whole
 * groups, audio only when the hard limit is passed; codec headers and data
 * never. Owner: the play stream it is embedded in. Thread: loop.
 */
#ifndef CORE_VIEWER_H
#define CORE_VIEWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/packet.h"

struct viewer_limits {
	uint32_t soft_ms;  /* media queued: inter frames are dropped above */
	uint32_t hard_ms;  /* media queued: everything but headers */
	size_t hard_bytes; /* bytes queued: the same */
};

struct viewer {       /* zero = a viewer that waits for its first key frame */
	bool has_key; /* video may flow: a key frame was sent */
	bool is_settled;  /* the queue was empty once since it joined */
	bool is_behind;   /* dropping; told already */
	uint64_t dropped; /* packets */
};

enum viewer_verdict {
	VIEWER_SEND,
	VIEWER_DROP,
	VIEWER_DROP_TELL /* first drop of a bout: say InsufficientBW */
};

/* The caller holds the queue: bytes and media_ms say how much is unsent. */
enum viewer_verdict viewer_admit(struct viewer *, const struct packet *,
    const struct viewer_limits *, size_t bytes, uint32_t media_ms);
/* The viewer skipped video (pause, receiveVideo off): wait for a key frame. */
void viewer_resync(struct viewer *);

#endif
