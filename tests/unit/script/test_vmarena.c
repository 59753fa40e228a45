/* SPDX-License-Identifier: BSD-2-Clause */
/* vmarena - blocks keep what is in them, memory comes back, the ceiling ends. */
#include "script/vmarena.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/rnd.h"
#include "tests/lib/unit.h"

#define BLOCKS 400

static jmp_buf out;
static int overs;

static void
over(void *arg)
{
	(void)arg;
	overs++;
	longjmp(out, 1);
}

struct held {
	unsigned char *p;
	size_t n;
	unsigned char fill;
};

static void
check(const struct held *h)
{
	size_t i = 0;

	while (i < h->n && h->p[i] == h->fill)
		i++;
	ck_assert_msg(i == h->n, "byte %zu of %zu", i, h->n);
}

/* Sizes as programs have them: many small, few large. */
static size_t
some_size(uint32_t *x)
{
	*x = *x * 1664525u + 1013904223u;
	switch ((*x >> 8) % 10) {
	case 0:
		return 1 + (*x >> 12) % 60000;
	case 1:
	case 2:
		return 1 + (*x >> 12) % 4096;
	default:
		return 1 + (*x >> 12) % 200;
	}
}

static void
change(struct vmarena *a, struct held *h, size_t n, unsigned char fill)
{
	size_t keep = h->n < n ? h->n : n;

	check(h);
	h->p = vmarena_realloc(a, h->p, n);
	h->n = keep;
	ck_assert(n == 0 ? h->p == NULL : h->p != NULL);
	ck_assert_uint_eq((uintptr_t)h->p % 16, 0);
	check(h); /* what was in it moved along */
	h->n = n;
	h->fill = fill;
	memset(h->p != NULL ? h->p : (void *)h, fill, h->p != NULL ? n : 0);
}

UNIT(blocks_keep_what_is_in_them)
{
	struct vmarena *a = vmarena_new(8u << 20, over, NULL);
	struct held held[BLOCKS] = { 0 };
	uint32_t x = 1;
	size_t empty;

	ck_assert_ptr_nonnull(a);
	empty = vmarena_used(a);
	for (int i = 0; i < 30000; i++) {
		struct held *h = &held[(x >> 4) % BLOCKS];

		x = x * 1664525u + 1013904223u;
		change(a, h, (x >> 20) % 3 == 0 ? 0 : some_size(&x),
		    (unsigned char)i);
	}
	for (int i = 0; i < BLOCKS; i++)
		change(a, &held[i], 0, 0);
	ck_assert_uint_eq(vmarena_used(a), empty);
	ck_assert_uint_gt(vmarena_peak(a), empty);
	vmarena_free(a);
}

/* All neighbours merge: after any order of frees one large block fits. */
UNIT(freed_neighbours_become_one_block)
{
	const size_t cap = 1u << 20;
	struct vmarena *a = vmarena_new(cap, over, NULL);
	void *p[1000], *large;

	for (int order = 0; order < 3; order++) {
		for (int i = 0; i < 1000; i++)
			p[i] = vmarena_realloc(a, NULL, 900);
		for (int i = 0; i < 1000; i++) {
			int at = order == 0 ? i
				 : order == 1
				     ? 999 - i
				     : (i * 387) % 1000; /* all, mixed */

			ck_assert_ptr_null(vmarena_realloc(a, p[at], 0));
		}
		large = vmarena_realloc(a, NULL, cap - 4096);
		ck_assert_ptr_nonnull(large);
		memset(large, 0x5a, cap - 4096);
		ck_assert_ptr_null(vmarena_realloc(a, large, 0));
	}
	ck_assert_int_eq(overs, 0);
	vmarena_free(a);
}

UNIT(a_text_that_doubles_stays_within_twice_its_size)
{
	struct vmarena *a = vmarena_new(4u << 20, over, NULL);
	struct held h = { 0 };

	for (size_t n = 16; n <= 1u << 20; n *= 2)
		change(a, &h, n, (unsigned char)n);
	ck_assert_uint_le(vmarena_peak(a), 2u << 20);
	change(a, &h, 100, 7);
	ck_assert_uint_lt(vmarena_used(a), 4096);
	vmarena_free(a);
}

UNIT(free_of_nothing_and_freeing_nothing)
{
	struct vmarena *a = vmarena_new(1u << 20, over, NULL);

	ck_assert_ptr_null(vmarena_realloc(a, NULL, 0));
	ck_assert_uint_eq(vmarena_used(a), 0);
	vmarena_free(a);
	vmarena_free(NULL);
}

static void
ends_it(struct vmarena *a, size_t size)
{
	overs = 0;
	if (setjmp(out) == 0)
		(void)vmarena_realloc(a, NULL, size);
	ck_assert_int_eq(overs, 1);
}

/* Below and at the ceiling all is well; above it over() is called, once. */
UNIT(ceiling_ends_it)
{
	struct vmarena *volatile a = vmarena_new(1u << 20, over, NULL);
	volatile size_t had = 0;
	volatile int n = 0;

	vmarena_set_cap(a, 256u << 10);
	overs = 0;
	if (setjmp(out) == 0) {
		for (;;) {
			had = vmarena_used(a);
			memset(vmarena_realloc(a, NULL, 1000), 1, 1000);
			n++;
		}
	}
	ck_assert_int_eq(overs, 1);
	ck_assert_uint_le(had, 256u << 10);
	ck_assert_uint_gt(had + 1100, 256u << 10);
	ck_assert_int_gt(n, 200);
	/* one large block past it, and one that never fits */
	ends_it(a, 512u << 10);
	ends_it(a, SIZE_MAX - 8);
	/* headroom: the ceiling moves, not past what was reserved */
	vmarena_set_cap(a, SIZE_MAX);
	overs = 0;
	if (setjmp(out) == 0)
		ck_assert_ptr_nonnull(vmarena_realloc(a, NULL, 200u << 10));
	ck_assert_int_eq(overs, 0);
	ends_it(a, vmarena_reserve(a));
	vmarena_free(a);
}

/* Pages of the range that lie in memory. */
static size_t
resident(struct vmarena *a, void *some, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), count = 0, i;
	uintptr_t from = (uintptr_t)some & ~(uintptr_t)(page - 1);
	unsigned char in[4096];

	(void)a;
	n = n / page < sizeof(in) ? n / page : sizeof(in);
	ck_assert_int_eq(mincore((void *)from, n * page, in), 0);
	for (i = 0; i < n; i++)
		count += in[i] & 1;
	return count;
}

UNIT(trimming_gives_back_what_is_free_and_no_more)
{
	struct vmarena *a = vmarena_new(8u << 20, over, NULL);
	size_t n = 1u << 20, i, before;
	unsigned char *kept, *big, *after;

	ck_assert_ptr_nonnull(a);
	kept = vmarena_realloc(a, NULL, 5000);
	big = vmarena_realloc(a, NULL, n);
	after = vmarena_realloc(a, NULL, 5000);
	memset(kept, 1, 5000);
	memset(big, 2, n);
	memset(after, 3, 5000);
	before = resident(a, big, n);
	ck_assert_uint_ge(before, 250);
	vmarena_trim(a); /* nothing large is free but the end */
	ck_assert_uint_eq(resident(a, big, n), before);
	vmarena_realloc(a, big, 0);
	vmarena_trim(a);
	ck_assert_uint_le(resident(a, big, n), 4);
	for (i = 0; i < 5000; i++)
		ck_assert(kept[i] == 1 && after[i] == 3);
	big = vmarena_realloc(a, NULL, n);
	memset(big, 4, n);
	for (i = 0; i < 5000; i++)
		ck_assert(kept[i] == 1 && after[i] == 3);
	vmarena_free(a);
}

UNIT_MAIN
