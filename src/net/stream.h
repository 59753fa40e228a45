/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream - a connected stream socket: bytes in by callback, ref-counted buffers
 * out by gathered writes. Layer: net (3). DESIGN 3.
 *
 * Output: stream_push queues a reference; everything queued in a turn leaves
 * in one sendmsg at the end of the turn (stream_want_flush) or when the socket
 * becomes writable; write events are armed only after EAGAIN. TCP_NODELAY is
 * set; the kernel's share is bounded (TCP_NOTSENT_LOWAT / SO_SNDBUF).
 * Input: one large recv per wake-up, handed over in place.
 * Thread: loop. Owner: who made it; stream_free from a callback is allowed
 * (deferred by the loop).
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/refbuf.h"
#include "net/loop.h"

struct stream;

struct stream_ops {
	/* len > 0 bytes arrived, all are taken. Not called after
	 * stream_close. */
	void (*data)(void *arg, const uint8_t *data, size_t len);
	/* The peer closed (FCS_OK) or the socket failed (FCS_EIO,
	 * FCS_ETIMEOUT no progress). Called once; not after stream_close. */
	void (*closed)(void *arg, int why);
	/* The queue fell below half of the limit after having been above it,
	 * or became empty. May be NULL. */
	void (*drained)(void *arg);
};

/* Takes fd (non-blocking is set here). NULL: no memory (fd closed). */
struct stream *stream_new(
    struct loop *, int fd, const struct stream_ops *, void *arg);
/* Stop: nothing more is called back. graceful: flush what is queued, shut down
 * the write side, drain input shortly, then close (DESIGN 1); else at once. */
void stream_close(struct stream *, bool graceful);
/* stream_close(false) if it was not closed; one that is still being drained
 * goes on by itself and is gone at its end. */
void stream_free(struct stream *);
/* Streams of this loop that are still being drained: an exit waits for 0. */
unsigned stream_draining(const struct loop *);
/* Give the socket away: everything queued must be sent (FCS_EBUSY if not).
 * *fd is the caller's; the stream is then closed. */
int stream_release_fd(struct stream *, int *fd) FCS_MUSTUSE;

/*
 * Queue bytes: takes over the reference. owner: any non-zero number (a play
 * stream) by which unsent entries can be dropped; 0 = never dropped.
 * ts_ms: media time for stream_backlog. FCS_ENOMEM, FCS_ECLOSED (reference
 * dropped too).
 */
int stream_push(struct stream *, struct refbuf *, uint32_t owner,
    uint32_t ts_ms) FCS_MUSTUSE;
void stream_want_flush(struct stream *); /* at the end of this turn */
/* Drop queued entries of owner that are not partly sent. Returns bytes. */
size_t stream_drop(struct stream *, uint32_t owner);

struct stream_backlog {
	size_t bytes; /* queued here, not in the kernel */
	uint32_t count;
	uint32_t media_ms;         /* newest - oldest queued ts of owner != 0 */
	uint64_t last_progress_ms; /* loop time bytes last left */
	bool is_blocked; /* the kernel took no more, or the rate allowed no
			    more: what is queued is late, not only waiting
			    for the end of the turn */
};
void stream_backlog(const struct stream *, struct stream_backlog *);

/* Bytes from which on `drained` is owed (4 MiB); time without progress after
 * which the stream is closed (30 s); time a graceful close may take
 * (2 s); bytes the kernel may hold unsent (128 KiB). 0 leaves the value;
 * stall_ms UINT32_MAX = for ever. */
struct stream_limits {
	size_t high_bytes;
	uint32_t stall_ms;
	uint32_t drain_ms;
	uint32_t kernel_bytes;
};
void stream_set_limits(struct stream *, const struct stream_limits *);

void stream_pause_read(struct stream *, bool pause);
/* Bytes a second that are read, and that are sent; 0 = no limit, at most a
 * quarter of a second (at least 1 KiB) at once after a rest. What may not be
 * read stays in the socket; what may not be sent stays queued and counts as
 * blocked in stream_backlog. A graceful close is not held up by it.
 * FCS_ENOMEM: as it was. */
int stream_set_rates(
    struct stream *, uint64_t in_bps, uint64_t out_bps) FCS_MUSTUSE;
/* Everything queued, oldest first; sent = bytes of it that have left. */
void stream_each(const struct stream *,
    void (*fn)(void *arg, const uint8_t *data, size_t len, size_t sent),
    void *arg);
struct stream_counts {
	uint64_t bytes_in, bytes_out, writes;
};
void stream_counts(const struct stream *, struct stream_counts *);

#endif
