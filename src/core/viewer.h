/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * viewer - what a slow viewer of a live stream is spared: which packets are
 * sent, which are dropped. Layer: core (4), pure. DESIGN 3.
 *
 * A viewer loses inter frames first, up to the next key frame, then whole
 * groups, audio only when the hard limit is passed; codec headers and data
 * never: who lets them pile up to eight times that limit is closed. Owner: the play stream it is embedded in. Thread: loop.
 */
#ifndef CORE_VIEWER_H
#define CORE_VIEWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/packet.h"

struct viewer_limits {
	uint32_t soft_ms;  /* lag: inter frames are dropped from here on */
	uint32_t hard_ms;  /* lag: everything but headers */
	size_t hard_bytes; /* bytes queued: the same */
};

struct viewer {       /* zero = a viewer that waits for its first key frame */
	bool has_key; /* video may flow: a key frame was sent */
	bool is_settled;   /* the queue was empty once since it joined */
	bool is_behind;    /* dropping; told already */
	uint64_t clear_ms; /* when the queue was last not blocked */
	uint64_t dropped;  /* packets */
};

enum viewer_verdict {
	VIEWER_SEND,
	VIEWER_DROP,
	VIEWER_DROP_TELL, /* first drop of a bout: say InsufficientBW */
	VIEWER_CLOSE      /* nothing may be dropped and nothing is taken */
};

/*
 * How far behind a viewer is. The caller holds the queue and says what it
 * knows: bytes and media time queued, whether the kernel took no more, and
 * the time. A burst of media that nobody has tried to send yet is no lag, nor
 * is one that waits for less time than it plays.
 */
struct viewer_queue {
	size_t bytes;
	uint32_t media_ms;
	bool is_blocked;
	uint64_t now_ms;
};
enum viewer_verdict viewer_admit(struct viewer *, const struct packet *,
    const struct viewer_limits *, const struct viewer_queue *);
/* The viewer skipped video (pause, receiveVideo off): wait for a key frame. */
void viewer_resync(struct viewer *);

#endif
