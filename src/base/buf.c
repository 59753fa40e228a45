/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One allocation; consuming moves `off`, and the bytes are moved to the front
 * only when room is needed and at least half of the allocation is free there,
 * so that every byte is moved O(1) times on average.
 */
#include "base/buf.h"

#include <stdlib.h>

#define BUF_MIN 256

void
buf_init(struct buf *b, size_t max)
{
	memset(b, 0, sizeof(*b));
	b->max = max;
}

void
buf_fini(struct buf *b)
{
	size_t max = b->max;

	free(b->base);
	buf_init(b, max);
}

void
buf_reset(struct buf *b, size_t keep)
{
	if (b->cap > keep) {
		buf_fini(b);
		return;
	}
	b->off = 0;
	b->len = 0;
	b->err = FCS_OK;
}

size_t
buf_get_mem(const struct buf *b)
{
	return b->cap;
}

static bool
grow(struct buf *b, size_t n)
{
	size_t need;
	size_t cap = b->cap < BUF_MIN ? BUF_MIN : b->cap;
	uint8_t *p;

	if (n > SIZE_MAX / 4 || b->len > SIZE_MAX / 4)
		return false;
	need = b->len + n;
	if (b->off > 0 && need <= b->cap && b->off >= b->cap / 2) {
		memmove(b->base, b->base + b->off, b->len);
		b->off = 0;
		return true;
	}
	while (cap < need)
		cap += cap / 2;
	p = malloc(cap);
	if (p == NULL)
		return false;
	if (b->len > 0)
		memcpy(p, b->base + b->off, b->len);
	free(b->base);
	b->base = p;
	b->off = 0;
	b->cap = cap;
	return true;
}

uint8_t *
buf_reserve(struct buf *b, size_t n)
{
	if (b->err != FCS_OK)
		return NULL;
	if (b->max != 0 && (n > b->max || b->len > b->max - n)) {
		b->err = FCS_ELIMIT;
		return NULL;
	}
	if ((b->base == NULL || b->cap - b->off - b->len < n) && !grow(b, n)) {
		b->err = FCS_ENOMEM;
		return NULL;
	}
	return b->base + b->off + b->len;
}

void
buf_commit(struct buf *b, size_t n)
{
	fcs_assert(n <= b->cap - b->off - b->len);
	b->len += n;
}

void
buf_append(struct buf *b, const void *p, size_t n)
{
	uint8_t *to;

	if (n == 0)
		return;
	to = buf_reserve(b, n);
	if (to != NULL) {
		memcpy(to, p, n);
		b->len += n;
	}
}

void
buf_fill(struct buf *b, int byte, size_t n)
{
	uint8_t *to = n == 0 ? NULL : buf_reserve(b, n);

	if (to != NULL) {
		memset(to, byte, n);
		b->len += n;
	}
}

void
buf_consume(struct buf *b, size_t n)
{
	fcs_assert(n <= b->len);
	b->off += n;
	b->len -= n;
	if (b->len == 0)
		b->off = 0;
}

void
buf_truncate(struct buf *b, size_t n)
{
	fcs_assert(n <= b->len);
	b->len = n;
}

void
buf_patch(struct buf *b, size_t at, const void *p, size_t n)
{
	fcs_assert(at <= b->len && n <= b->len - at);
	if (n > 0)
		memcpy(b->base + b->off + at, p, n);
}

uint8_t *
buf_take(struct buf *b, size_t *out_len)
{
	uint8_t *p = NULL;

	*out_len = b->len;
	if (b->len > 0) {
		if (b->off > 0)
			memmove(b->base, b->base + b->off, b->len);
		p = b->base;
		b->base = NULL;
	}
	buf_fini(b);
	return p;
}

void
buf_u8(struct buf *b, unsigned v)
{
	uint8_t *p = buf_reserve(b, 1);

	if (p != NULL) {
		p[0] = (uint8_t)v;
		b->len++;
	}
}

static void
put_be(struct buf *b, uint64_t v, unsigned n)
{
	uint8_t *p = buf_reserve(b, n);

	if (p == NULL)
		return;
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * (n - 1 - i));
	b->len += n;
}

void
buf_be16(struct buf *b, unsigned v)
{
	put_be(b, v, 2);
}

void
buf_be24(struct buf *b, uint32_t v)
{
	put_be(b, v, 3);
}

void
buf_be32(struct buf *b, uint32_t v)
{
	put_be(b, v, 4);
}

void
buf_be64(struct buf *b, uint64_t v)
{
	put_be(b, v, 8);
}

void
buf_le32(struct buf *b, uint32_t v)
{
	put_be(b, __builtin_bswap32(v), 4);
}

void
buf_f64(struct buf *b, double v)
{
	uint64_t u;

	memcpy(&u, &v, sizeof(u));
	put_be(b, u, 8);
}
