/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena - bump allocator with a ceiling; everything is freed at once.
 *
 * Belongs to: base (rank 1). Made for value trees read from the network: one
 * message, one arena, one limit. Threading: one thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct arena;

/* limit: bytes that may be handed out in all, 0 = no limit. NULL: no memory */
struct arena *arena_new(size_t limit);
void arena_free(struct arena *a); /* NULL is allowed */
/* Forget all allocations, keep the first block for reuse. */
void arena_reset(struct arena *a);
/*
 * n bytes aligned for any type, not cleared (n 0 counts as 1); NULL when the
 * limit would be passed or no memory is left: arena_over() tells which.
 */
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);          /* cleared */
void *arena_array(struct arena *a, size_t n, size_t w); /* overflow checked */
void *arena_memdup(struct arena *a, const void *p, size_t n);
char *arena_strndup(struct arena *a, const char *s, size_t n); /* + NUL */
bool arena_over(const struct arena *a);      /* a limit refused an allocation */
size_t arena_used(const struct arena *a);    /* bytes handed out */
size_t arena_get_mem(const struct arena *a); /* bytes held from malloc */

#endif
