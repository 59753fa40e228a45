/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chunk - the RTMP chunk stream, both directions. Layer: codec (2), pure.
 * wire-protocol.md 2.
 *
 * The reader takes bytes in any pieces and calls back with whole messages; it
 * handles types 1 (set chunk size) and 2 (abort) itself and passes them on
 * too. Buffers grow as bytes arrive, never by the announced length.
 * Partial messages are bounded by chunk_limits.
 */
#ifndef CODEC_CHUNK_H
#define CODEC_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/message.h"

struct chunk_limits {
	uint32_t max_csids;	   /* open chunk streams (64) */
	uint32_t max_message;	   /* command, data, shared object (1 MiB) */
	uint32_t max_media;	   /* audio, video, aggregate (16 MiB - 1) */
	uint32_t max_control;	   /* types 1-6 (64) */
	uint64_t max_partial;	   /* sum of unfinished messages (4 MiB..) */
};

struct chunk_reader; /* opaque */

/* Return FCS_OK to go on; anything else stops chunk_reader_feed, which
 * returns that code at once (bytes of this message are consumed). */
typedef int (*chunk_message_fn)(void *arg, const struct message *msg);

struct chunk_reader *chunk_reader_new(const struct chunk_limits *,
    chunk_message_fn, void *arg);
void chunk_reader_free(struct chunk_reader *);
/*
 * Parse data[0..len). *used = bytes consumed: always all of them on FCS_OK;
 * up to and including the message whose callback stopped it otherwise.
 * FCS_EFORMAT fmt 1-3 first on a csid, chunk size 0 or above 2^31-1, length
 * changed mid message; FCS_ELIMIT a limit of chunk_limits; FCS_ENOMEM.
 * After such an error the connection must be closed; why holds the reason.
 */
int chunk_reader_feed(struct chunk_reader *, const uint8_t *data, size_t len,
    size_t *used, struct err *why) FCS_MUSTUSE;
uint32_t chunk_reader_size(const struct chunk_reader *); /* peer's chunk size */
/* A callback that keeps reading from another reader (hand-over): bytes held of
 * unfinished messages. */
uint64_t chunk_reader_pending(const struct chunk_reader *);

/*
 * Writing. chunk_write appends one whole message, always beginning with a
 * fmt 0 header (self-contained: needs no per-csid state, so that one
 * serialisation serves every receiver with the same msid, csid and chunk
 * size). Extended timestamp repeated on fmt 3 chunks. csid 2..65599.
 * Errors only through out (ENOMEM, sticky).
 */
void chunk_write(struct buf *out, uint32_t csid, uint8_t type, uint32_t msid,
    uint32_t ts_ms, const uint8_t *payload, size_t len, uint32_t chunk_size);

#endif
