/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks in a list, the current one first. Blocks double from just under 1 KiB
 * (what malloc finds quickest) to 64 KiB; what is larger gets a block of its own
 * behind the current one.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN     alignof(max_align_t)
#define BLOCK_MIN 960
#define BLOCK_MAX 65536

struct block {
	struct block *next;
	size_t cap;
	size_t used;
	alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct block *current;
	size_t limit;
	size_t used;
	size_t mem;
	size_t next_cap;
	bool over;
};

struct arena *
arena_new(size_t limit)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a != NULL) {
		a->limit = limit;
		a->next_cap = BLOCK_MIN;
		a->mem = sizeof(*a);
	}
	return a;
}

static void
free_blocks(struct block *b)
{
	struct block *next;

	for (; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	free_blocks(a->current);
	free(a);
}

void
arena_reset(struct arena *a)
{
	struct block *b = a->current;

	a->used = 0;
	a->over = false;
	a->mem = sizeof(*a);
	if (b == NULL)
		return;
	free_blocks(b->next);
	b->next = NULL;
	b->used = 0;
	a->mem += sizeof(*b) + b->cap;
}

static struct block *
block_new(struct arena *a, size_t cap)
{
	struct block *b;

	if (cap > SIZE_MAX - sizeof(*b))
		return NULL;
	b = malloc(sizeof(*b) + cap);
	if (b == NULL)
		return NULL;
	b->next = NULL;
	b->cap = cap;
	b->used = 0;
	a->mem += sizeof(*b) + cap;
	return b;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	struct block *b = a->current;
	void *p;

	if (n == 0)
		n = 1;
	if (n > SIZE_MAX - ALIGN)
		return NULL;
	n = (n + ALIGN - 1) & ~(ALIGN - 1);
	if (a->limit != 0 && (n > a->limit || a->used > a->limit - n)) {
		a->over = true;
		return NULL;
	}
	if (b == NULL || b->cap - b->used < n) {
		if (n > a->next_cap / 4 && b != NULL) {
			struct block *own = block_new(a, n);

			if (own == NULL)
				return NULL;
			own->used = n;
			own->next = b->next;
			b->next = own;
			a->used += n;
			return own->data;
		}
		b = block_new(a, n > a->next_cap ? n : a->next_cap);
		if (b == NULL)
			return NULL;
		b->next = a->current;
		a->current = b;
		if (a->next_cap < BLOCK_MAX)
			a->next_cap *= 2;
	}
	p = b->data + b->used;
	b->used += n;
	a->used += n;
	return p;
}

void *
arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	if (p != NULL)
		memset(p, 0, n);
	return p;
}

void *
arena_array(struct arena *a, size_t n, size_t w)
{
	if (w != 0 && n > SIZE_MAX / w)
		return NULL;
	return arena_alloc(a, n * w);
}

void *
arena_memdup(struct arena *a, const void *p, size_t n)
{
	void *to = arena_alloc(a, n);

	if (to != NULL && n > 0)
		memcpy(to, p, n);
	return to;
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *to = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;

	if (to != NULL) {
		if (n > 0)
			memcpy(to, s, n);
		to[n] = '\0';
	}
	return to;
}

bool
arena_over(const struct arena *a)
{
	return a->over;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}

size_t
arena_get_mem(const struct arena *a)
{
	return a->mem;
}
