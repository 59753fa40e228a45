/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A two-level segregated fit allocator: constant time, blocks merge with their
 * neighbours when freed, so that a string that grows by doubling finds its old
 * halves again. Free blocks are kept in lists by size: FL = power of two, SL =
 * 16 steps within it. Every block starts with its size and the size of the
 * block before it; the last block of the range is a used one of size 0.
 */
#include "script/vmarena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGN     16u
#define HEAD      16u /* struct block up to `next` */
#define LEAST     32u /* head and the two links of a free block */
#define SL_BITS   4
#define SL_COUNT  (1 << SL_BITS)
#define FL_COUNT  40
#define USED_FLAG ((size_t)1)
#define TRIM_FL   13 /* free blocks of 8 KiB and more hold a whole page */

struct block {
	size_t prev; /* size of the block before, 0 = first */
	size_t size; /* whole, with head; bit 0 = in use */
	struct block *next_free, *prev_free; /* free blocks only */
};

struct vmarena {
	char *base;
	size_t range; /* bytes reserved */
	size_t cap, max_cap;
	size_t used, peak;
	size_t page;
	void (*over)(void *arg);
	void *arg;
	uint64_t fl_map;
	uint32_t sl_map[FL_COUNT];
	struct block *list[FL_COUNT][SL_COUNT];
};

static size_t
block_size(const struct block *b)
{
	return b->size & ~USED_FLAG;
}

static struct block *
block_after(struct block *b)
{
	return (struct block *)(void *)((char *)b + block_size(b));
}

/* The list a block of that size is kept in. */
static void
map_insert(size_t size, int *fl, int *sl)
{
	int top = 63 - __builtin_clzll(size);

	*fl = top;
	*sl = (int)(size >> (top - SL_BITS)) & (SL_COUNT - 1);
}

/* The first list whose every block is large enough. */
static void
map_search(size_t size, int *fl, int *sl)
{
	int top = 63 - __builtin_clzll(size);

	size += ((size_t)1 << (top - SL_BITS)) - 1;
	map_insert(size, fl, sl);
}

static void
list_add(struct vmarena *a, struct block *b)
{
	int fl, sl;

	map_insert(b->size, &fl, &sl);
	b->prev_free = NULL;
	b->next_free = a->list[fl][sl];
	if (b->next_free != NULL)
		b->next_free->prev_free = b;
	a->list[fl][sl] = b;
	a->fl_map |= (uint64_t)1 << fl;
	a->sl_map[fl] |= 1u << sl;
}

static void
list_remove(struct vmarena *a, struct block *b)
{
	int fl, sl;

	map_insert(b->size, &fl, &sl);
	if (b->next_free != NULL)
		b->next_free->prev_free = b->prev_free;
	if (b->prev_free != NULL)
		b->prev_free->next_free = b->next_free;
	else
		a->list[fl][sl] = b->next_free;
	if (a->list[fl][sl] == NULL) {
		a->sl_map[fl] &= ~(1u << sl);
		if (a->sl_map[fl] == 0)
			a->fl_map &= ~((uint64_t)1 << fl);
	}
}

static struct block *
list_find(const struct vmarena *a, size_t size)
{
	uint64_t fls;
	uint32_t sls;
	int fl, sl;

	map_search(size, &fl, &sl);
	if (fl >= FL_COUNT)
		return NULL;
	sls = a->sl_map[fl] & (~0u << sl);
	if (sls == 0) {
		fls = fl + 1 >= 64 ? 0 : a->fl_map & (~(uint64_t)0 << (fl + 1));
		if (fls == 0)
			return NULL;
		fl = __builtin_ctzll(fls);
		sls = a->sl_map[fl];
	}
	sl = __builtin_ctz(sls);
	return a->list[fl][sl];
}

/* Cut a used block down to size and give the rest back. */
static void
block_trim(struct vmarena *a, struct block *b, size_t size)
{
	size_t rest = block_size(b) - size;
	struct block *tail, *after;

	if (rest < LEAST)
		return;
	b->size = size | USED_FLAG;
	tail = block_after(b);
	tail->prev = size;
	tail->size = rest;
	after = block_after(tail);
	if ((after->size & USED_FLAG) == 0) {
		list_remove(a, after);
		tail->size += after->size;
		after = block_after(tail);
	}
	after->prev = tail->size;
	list_add(a, tail);
}

static struct block *
block_take(struct vmarena *a, size_t size)
{
	struct block *b = list_find(a, size);

	if (b == NULL)
		return NULL;
	list_remove(a, b);
	b->size |= USED_FLAG;
	block_trim(a, b, size);
	a->used += block_size(b);
	return b;
}

static void
block_give(struct vmarena *a, struct block *b)
{
	struct block *after, *before;

	a->used -= block_size(b);
	b->size = block_size(b);
	after = block_after(b);
	if ((after->size & USED_FLAG) == 0) {
		list_remove(a, after);
		b->size += after->size;
	}
	if (b->prev != 0) {
		before = (struct block *)(void *)((char *)b - b->prev);
		if ((before->size & USED_FLAG) == 0) {
			list_remove(a, before);
			before->size += b->size;
			b = before;
		}
	}
	block_after(b)->prev = b->size;
	list_add(a, b);
}

/* Grow in place into a free neighbour. */
static bool
block_grow(struct vmarena *a, struct block *b, size_t size)
{
	struct block *after = block_after(b);
	size_t old = block_size(b);

	if ((after->size & USED_FLAG) != 0 || old + after->size < size)
		return false;
	list_remove(a, after);
	b->size = (old + after->size) | USED_FLAG;
	block_after(b)->prev = block_size(b);
	block_trim(a, b, size);
	a->used += block_size(b) - old;
	return true;
}

struct vmarena *
vmarena_new(size_t cap, void (*over)(void *arg), void *arg)
{
	struct vmarena *a = calloc(1, sizeof(*a));
	struct block *first, *last;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (a == NULL)
		return NULL;
	/* Room for fragments, and for loading beyond a small ceiling. */
	a->max_cap = cap + ((size_t)2 << 20);
	a->range = (a->max_cap + a->max_cap / 4 + page) & ~(page - 1);
	a->base = mmap(NULL, a->range, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (a->base == MAP_FAILED) {
		free(a);
		return NULL;
	}
	/* what is used is scattered: a huge page each would be mostly air */
	(void)madvise(a->base, a->range, MADV_NOHUGEPAGE);
	a->page = page;
	a->cap = cap;
	a->over = over;
	a->arg = arg;
	first = (struct block *)(void *)a->base;
	first->size = a->range - HEAD;
	last = block_after(first);
	last->prev = first->size;
	last->size = USED_FLAG;
	list_add(a, first);
	return a;
}

void
vmarena_free(struct vmarena *a)
{
	if (a == NULL)
		return;
	munmap(a->base, a->range);
	free(a);
}

void *
vmarena_realloc(struct vmarena *a, void *p, size_t n)
{
	struct block *b = NULL, *fresh;
	size_t size, old = 0;

	if (p != NULL) {
		b = (struct block *)(void *)((char *)p - HEAD);
		old = block_size(b);
	}
	if (n == 0) {
		if (b != NULL)
			block_give(a, b);
		return NULL;
	}
	if (n > a->range)
		goto over;
	size = (n + HEAD + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (size < LEAST)
		size = LEAST;
	if (b != NULL && size <= old) {
		block_trim(a, b, size);
		a->used -= old - block_size(b);
		return p;
	}
	if (a->used - old + size > a->cap)
		goto over;
	if (b != NULL && block_grow(a, b, size)) {
		fresh = b;
	} else {
		fresh = block_take(a, size);
		if (fresh == NULL)
			goto over;
		if (b != NULL) {
			memcpy((char *)fresh + HEAD, p, old - HEAD);
			block_give(a, b);
		}
	}
	if (a->used > a->peak)
		a->peak = a->used;
	return (char *)fresh + HEAD;
over:
	a->over(a->arg);
	return NULL; /* not reached */
}

void
vmarena_trim(struct vmarena *a)
{
	uintptr_t from, to;
	struct block *b;
	int fl, sl;

	for (fl = TRIM_FL; fl < FL_COUNT; fl++)
		for (sl = 0; sl < SL_COUNT; sl++)
			for (b = a->list[fl][sl]; b != NULL; b = b->next_free) {
				from = (uintptr_t)(b + 1) + a->page - 1;
				from &= ~(uintptr_t)(a->page - 1);
				to = (uintptr_t)block_after(b);
				to &= ~(uintptr_t)(a->page - 1);
				if (from < to)
					(void)madvise((void *)from, to - from,
					    MADV_DONTNEED);
			}
}

void
vmarena_set_cap(struct vmarena *a, size_t cap)
{
	a->cap = cap < a->max_cap ? cap : a->max_cap;
}

size_t
vmarena_reserve(const struct vmarena *a)
{
	return a->max_cap;
}

size_t
vmarena_used(const struct vmarena *a)
{
	return a->used;
}

size_t
vmarena_peak(const struct vmarena *a)
{
	return a->peak;
}
