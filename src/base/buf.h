/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * buf - growable byte buffer: append at the end, consume at the front.
 *
 * Belongs to: base (rank 1). Owner: whoever holds the struct.
 * Threading: one thread at a time.
 * Writers do not return a status: the first failure sticks (FCS_ENOMEM, or
 * FCS_ELIMIT when `max` would be passed), later writes do nothing, and
 * buf_status() tells. What was in the buffer before the failure stays.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct buf {
	uint8_t *base; /* allocation, NULL while empty */
	size_t off;    /* bytes consumed at the front */
	size_t len;    /* bytes present after off */
	size_t cap;    /* bytes allocated */
	size_t max;    /* bytes len may reach, 0 = no limit */
	int err;       /* sticky FCS_E* */
};

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b); /* frees; the struct may be used again */
/* Forget the content and the error; keeps the memory up to keep bytes. */
void buf_reset(struct buf *b, size_t keep);

static inline const uint8_t *
buf_data(const struct buf *b)
{
	return b->base == NULL ? (const uint8_t *)"" : b->base + b->off;
}

static inline size_t
buf_len(const struct buf *b)
{
	return b->len;
}

static inline int
buf_status(const struct buf *b)
{
	return b->err;
}

/* Bytes of memory held. */
size_t buf_get_mem(const struct buf *b);

/*
 * Make room for n more bytes and return where they go; then write there and
 * call buf_commit(). NULL on FCS_ENOMEM / FCS_ELIMIT (sticky).
 */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n); /* n <= what was reserved */

void buf_append(struct buf *b, const void *p, size_t n);
void buf_fill(struct buf *b, int byte, size_t n);
void buf_consume(struct buf *b, size_t n);  /* n <= buf_len() */
void buf_truncate(struct buf *b, size_t n); /* keep the first n bytes */
/* Overwrite n bytes already in the buffer, at offset at (both checked). */
void buf_patch(struct buf *b, size_t at, const void *p, size_t n);
/* Hand over the bytes (returns owned, free()); the buffer is empty after.
 * NULL when empty or out of memory. */
uint8_t *buf_take(struct buf *b, size_t *out_len);

/* Big-endian writers; be24 takes the low 24 bits. */
void buf_u8(struct buf *b, unsigned v);
void buf_be16(struct buf *b, unsigned v);
void buf_be24(struct buf *b, uint32_t v);
void buf_be32(struct buf *b, uint32_t v);
void buf_be64(struct buf *b, uint64_t v);
void buf_le32(struct buf *b, uint32_t v); /* RTMP message stream id */
void buf_f64(struct buf *b, double v);    /* IEEE 754, big-endian */

#endif
