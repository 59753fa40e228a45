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
	uint32_t max_csids;   /* open chunk streams (64) */
	uint32_t max_message; /* command, data, shared object (1 MiB) */
	uint32_t max_media;   /* audio, video, aggregate (16 MiB - 1) */
	uint32_t max_audio;   /* audio; 0: max_media */
	uint32_t max_control; /* types 1-6 (64) */
	uint64_t max_partial; /* sum of unfinished messages (4 MiB..) */
};

struct chunk_reader; /* opaque */

/* Return FCS_OK to go on; anything else stops chunk_reader_feed, which
 * returns that code at once (bytes of this message are consumed). */
typedef int (*chunk_message_fn)(void *arg, const struct message *msg);

struct chunk_reader *chunk_reader_new(
    const struct chunk_limits *, chunk_message_fn, void *arg);
void chunk_reader_free(struct chunk_reader *);
/*
 * Parse data[0..len). *used = bytes consumed: always all of them on FCS_OK;
 * up to and including the message whose callback stopped it otherwise.
 * FCS_EFORMAT fmt 1-3 first on a csid (but fmt 1 on csid 2 is taken: librtmp
 * answers its first ping so), chunk size 0 or above 2^31-1, length, type or
 * stream changed mid message; FCS_ELIMIT a limit of chunk_limits; FCS_ENOMEM.
 * After such an error the connection must be closed; why holds the reason.
 */
int chunk_reader_feed(struct chunk_reader *, const uint8_t *data, size_t len,
    size_t *used, struct err *why) FCS_MUSTUSE;
uint32_t chunk_reader_size(const struct chunk_reader *); /* peer's chunk size */
/* Bytes held of unfinished messages, and all memory of the reader. */
uint64_t chunk_reader_pending(const struct chunk_reader *);
size_t chunk_reader_get_mem(const struct chunk_reader *);
/* Limits may be raised once a client is known; they hold for the next chunk. */
void chunk_reader_set_limits(
    struct chunk_reader *, const struct chunk_limits *);

#define CHUNK_SIZE_DEFAULT 128
#define CHUNK_LENGTH_MAX   0xFFFFFF /* bytes of one message */

/*
 * Writing. chunk_write appends one whole message, always beginning with a
 * fmt 0 header (self-contained: needs no per-csid state, so that one
 * serialisation serves every receiver with the same msid, csid and chunk
 * size). Extended timestamp repeated on fmt 3 chunks. csid 2..65599.
 * Errors only through out (sticky): FCS_ENOMEM; FCS_ELIMIT when len is over
 * CHUNK_LENGTH_MAX. chunk_size 0 counts as 1.
 */
void chunk_write(struct buf *out, uint32_t csid, uint8_t type, uint32_t msid,
    uint32_t ts_ms, const uint8_t *payload, size_t len, uint32_t chunk_size);
/* The same in two steps, for who has the memory: bytes needed, and writing
 * exactly those. len <= CHUNK_LENGTH_MAX. */
size_t chunk_wire_len(
    uint32_t csid, uint32_t ts_ms, size_t len, uint32_t chunk_size);
void chunk_encode(uint8_t *dst, uint32_t csid, uint8_t type, uint32_t msid,
    uint32_t ts_ms, const uint8_t *payload, size_t len, uint32_t chunk_size);

#endif
