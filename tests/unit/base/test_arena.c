/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/arena.h"

#include <stdalign.h>

#include "tests/lib/unit.h"

UNIT(allocations_are_aligned_and_do_not_overlap)
{
	struct arena *a = arena_new(0);
	unsigned char *p[500];

	for (int i = 0; i < 500; i++) {
		p[i] = arena_alloc(a, (size_t)i * 7);
		ck_assert_ptr_nonnull(p[i]);
		ck_assert_uint_eq((uintptr_t)p[i] % alignof(max_align_t), 0);
		memset(p[i], i & 255, (size_t)i * 7);
	}
	for (int i = 0; i < 500; i++)
		for (int j = 0; j < i * 7; j++)
			ck_assert_int_eq(p[i][j], i & 255);
	ck_assert_uint_ge(arena_get_mem(a), arena_used(a));
	arena_free(a);
	arena_free(NULL);
}

UNIT(the_limit_refuses_and_says_so)
{
	struct arena *a = arena_new(1024);

	ck_assert_ptr_nonnull(arena_alloc(a, 512));
	ck_assert(!arena_over(a));
	ck_assert_ptr_null(arena_alloc(a, 513));
	ck_assert(arena_over(a));
	ck_assert_ptr_nonnull(arena_alloc(a, 512));
	ck_assert_ptr_null(arena_alloc(a, 1));
	arena_reset(a);
	ck_assert(!arena_over(a));
	ck_assert_uint_eq(arena_used(a), 0);
	ck_assert_ptr_nonnull(arena_alloc(a, 1024));
	arena_free(a);
}

UNIT(overflowing_sizes_are_refused)
{
	struct arena *a = arena_new(0);

	ck_assert_ptr_null(arena_array(a, SIZE_MAX / 2, 4));
	ck_assert_ptr_null(arena_alloc(a, SIZE_MAX));
	ck_assert_ptr_null(arena_strndup(a, "", SIZE_MAX));
	ck_assert_ptr_nonnull(arena_array(a, 0, 8));
	arena_free(a);
}

UNIT(copies_are_exact)
{
	struct arena *a = arena_new(0);
	unsigned char *z = arena_zalloc(a, 100);

	ck_assert_str_eq(arena_strndup(a, "hello world", 5), "hello");
	ck_assert_mem_eq(arena_memdup(a, "ab\0c", 4), "ab\0c", 4);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(z[i], 0);
	arena_free(a);
}

UNIT(a_large_block_does_not_end_the_current_one)
{
	struct arena *a = arena_new(0);
	char *p = arena_alloc(a, 16);
	char *q;

	ck_assert_ptr_nonnull(arena_alloc(a, 100000));
	q = arena_alloc(a, 16);
	ck_assert_ptr_eq(q, p + 16);
	arena_free(a);
}

UNIT_MAIN
