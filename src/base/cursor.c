/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/cursor.h"

void
cursor_init(struct cursor *c, const void *p, size_t len)
{
	static const uint8_t none[1];

	c->start = p != NULL ? p : none;
	c->p = c->start;
	c->end = p != NULL ? c->start + len : none;
	c->err = FCS_OK;
}

int
cursor_fail(struct cursor *c, int code)
{
	if (c->err == FCS_OK)
		c->err = code;
	c->p = c->end;
	return c->err;
}

const uint8_t *
cursor_bytes(struct cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->err != FCS_OK)
		return NULL;
	if (n > cursor_left(c)) {
		cursor_fail(c, FCS_ESHORT);
		return NULL;
	}
	c->p += n;
	return p;
}

void
cursor_skip(struct cursor *c, size_t n)
{
	(void)cursor_bytes(c, n); /* the error sticks */
}

int
cursor_peek(const struct cursor *c)
{
	return c->err == FCS_OK && c->p < c->end ? *c->p : -1;
}

static uint64_t
get_be(struct cursor *c, unsigned n)
{
	const uint8_t *p = cursor_bytes(c, n);
	uint64_t v = 0;

	if (p != NULL)
		for (unsigned i = 0; i < n; i++)
			v = v << 8 | p[i];
	return v;
}

uint8_t
cursor_u8(struct cursor *c)
{
	return (uint8_t)get_be(c, 1);
}

uint16_t
cursor_be16(struct cursor *c)
{
	return (uint16_t)get_be(c, 2);
}

uint32_t
cursor_be24(struct cursor *c)
{
	return (uint32_t)get_be(c, 3);
}

uint32_t
cursor_be32(struct cursor *c)
{
	return (uint32_t)get_be(c, 4);
}

uint64_t
cursor_be64(struct cursor *c)
{
	return get_be(c, 8);
}

uint32_t
cursor_le32(struct cursor *c)
{
	return __builtin_bswap32((uint32_t)get_be(c, 4));
}

double
cursor_f64(struct cursor *c)
{
	uint64_t u = get_be(c, 8);
	double v;

	memcpy(&v, &u, sizeof(v));
	return v;
}
