/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * channel - messages between our own processes over a Unix socket, with
 * descriptors. Layer: net (3). DESIGN 1.
 *
 * Two kinds. CHANNEL_PACKET: SOCK_SEQPACKET, one system call = one message
 * (the hand-over of connections). CHANNEL_STREAM: SOCK_STREAM, every message
 * behind a head of 4 bytes length and 1 byte count of descriptors (control
 * between the roles). Both: descriptors travel with their message, close-on-
 * exec; what does not fit into the socket waits in a bounded queue.
 * Input is checked as if it came from a stranger: a message that breaks the
 * format closes the channel. Thread: loop. Owner: who made it.
 */
#ifndef NET_CHANNEL_H
#define NET_CHANNEL_H

#include <sys/types.h>

#include "base/buf.h"
#include "net/loop.h"

#define CHANNEL_FDS_MAX 32 /* descriptors of one message */

enum channel_kind {
	CHANNEL_PACKET,
	CHANNEL_STREAM
};

struct channel;

struct channel_ops {
	/* A whole message. data and fds are borrowed; a descriptor that is
	 * kept is marked by setting its place to -1, the others are closed
	 * after the call. lost: the kernel dropped descriptors, this process
	 * is at its limit. The channel may be freed from here. */
	void (*message)(void *arg, const uint8_t *data, size_t len, int *fds,
	    size_t fd_count, bool lost);
	/* The other end is gone (FCS_OK) or broke the format (FCS_EFORMAT).
	 * Once; what is still queued is dropped by channel_free. */
	void (*closed)(void *arg, int why);
	/* The queue is empty again after having held something. May be
	 * NULL. */
	void (*drained)(void *arg);
	/* The kernel took the message of this tag (channel_send). May be
	 * NULL. */
	void (*sent)(void *arg, uint64_t tag);
};

struct channel_options {
	enum channel_kind kind;
	size_t max_message; /* bytes, in and out */
	uint32_t max_queue; /* messages waiting */
};

/* A connected pair, close-on-exec, non-blocking. */
int channel_pair(enum channel_kind, int fds[2]) FCS_MUSTUSE;

/* Takes fd. NULL: no memory (fd closed). */
struct channel *channel_new(struct loop *, int fd,
    const struct channel_options *, const struct channel_ops *, void *arg);
void channel_free(struct channel *); /* NULL is allowed; closes */

/*
 * Send, or queue when the socket is full. FCS_OK: the descriptors are taken
 * (closed here once the message left, or at channel_free). Else nothing was
 * taken: FCS_ELIMIT queue full or message too long; FCS_ECLOSED; FCS_ENOMEM.
 * tag: given to ops->sent; 0 = do not tell.
 */
int channel_send(struct channel *, const void *data, size_t len, const int *fds,
    size_t fd_count, uint64_t tag) FCS_MUSTUSE;
uint32_t channel_queued(const struct channel *); /* messages waiting */
/* Write out what is queued, waiting at most ms; for the last words of a
 * process. FCS_OK; FCS_ETIMEOUT; FCS_ECLOSED. */
int channel_drain(struct channel *, uint32_t ms) FCS_MUSTUSE;

/*
 * The messages of the hand-over channel, gateway to worker and back, as bytes
 * (the exact layout is in channel_handover.c). Pure; fuzzed.
 */
#define CHANNEL_HANDOVER_VERSION 2
#define CHANNEL_EARLY_MAX        (192 * 1024)
#define CHANNEL_HANDOVER_MAX     (CHANNEL_EARLY_MAX + 1024)

enum channel_handover_kind {
	CHANNEL_RTMP = 1,    /* a connection; bytes begin after C2 */
	CHANNEL_ENDED = 2,   /* worker to gateway: connection_id is over */
	CHANNEL_REFUSED = 3, /* the same: it was not taken over */
	CHANNEL_TAKEN = 4    /* worker to gateway: it is the worker's now */
};

struct channel_handover {
	enum channel_handover_kind kind;
	uint64_t connection_id; /* of the gateway, in ENDED again */
	char client_id[40];
	char app[65];
	char ip[46];
	char protocol[8]; /* "rtmp", "rtmps", "rtmpt", "ws", "wss", "local" */
	/* The instance that connects, from a worker; a gateway never sets it
	 * and would not be believed. */
	char from_app[65], from_inst[256];
	uint16_t port;
	bool secure;
	uint64_t bytes_in, bytes_out; /* on the wire so far */
	const uint8_t *early;         /* raw bytes; read: borrowed */
	size_t early_len;
};

/* Append the message to out. FCS_ELIMIT a text or the bytes too long;
 * FCS_ENOMEM. */
int channel_handover_write(
    struct buf *out, const struct channel_handover *) FCS_MUSTUSE;
/* FCS_OK; FCS_EFORMAT; FCS_EUNSUPPORTED another version. */
int channel_handover_read(
    const uint8_t *data, size_t len, struct channel_handover *out) FCS_MUSTUSE;

#endif
