/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cursor - bounded big-endian reader over borrowed bytes, with sticky error.
 *
 * Belongs to: base (rank 1). Owner: the caller's stack; borrows the bytes.
 * Reading past the end sets err to FCS_ESHORT (the first error stays),
 * returns 0 or NULL, and moves the cursor to the end, so that a parser may
 * read a whole structure and check once.
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct cursor {
	const uint8_t *start;
	const uint8_t *p;
	const uint8_t *end;
	int err; /* FCS_OK, FCS_ESHORT, or what cursor_fail() was given */
};

void cursor_init(struct cursor *c, const void *p, size_t len);

static inline size_t
cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

static inline size_t
cursor_pos(const struct cursor *c)
{
	return (size_t)(c->p - c->start);
}

static inline bool
cursor_ok(const struct cursor *c)
{
	return c->err == FCS_OK;
}

/* Record an error (the first one stays) and move to the end; returns it. */
int cursor_fail(struct cursor *c, int code);

/* The next n bytes, borrowed; NULL when fewer are left or after an error. */
const uint8_t *cursor_bytes(struct cursor *c, size_t n);
void cursor_skip(struct cursor *c, size_t n);
/* The next byte without moving; -1 at the end or after an error. */
int cursor_peek(const struct cursor *c);

uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_be16(struct cursor *c);
uint32_t cursor_be24(struct cursor *c);
uint32_t cursor_be32(struct cursor *c);
uint64_t cursor_be64(struct cursor *c);
uint32_t cursor_le32(struct cursor *c);
double cursor_f64(struct cursor *c);

#endif
