/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * idmap - id to pointer, where a stale id resolves to NULL.
 *
 * Belongs to: base (rank 1). What outlives a loop turn (timer, pending call,
 * script object) holds an id, not a pointer. An id is generation << 32 | slot
 * with slot from 1, so 0 is never an id; a slot used again gets a new
 * generation. Threading: one thread at a time. The map borrows the pointers.
 */
#ifndef BASE_IDMAP_H
#define BASE_IDMAP_H

#include <stdint.h>

#include "base/err.h"

struct idmap;

/* max: entries at one time, 0 = 2^31. NULL: no memory. */
struct idmap *idmap_new(uint32_t max);
void idmap_free(struct idmap *m); /* NULL is allowed; pointers untouched */
/* ptr not NULL. FCS_OK; FCS_ELIMIT: full; FCS_ENOMEM. */
int idmap_add(struct idmap *m, void *ptr, uint64_t *out_id) FCS_MUSTUSE;
void *idmap_get(const struct idmap *m, uint64_t id); /* NULL: none or stale */
void *idmap_del(struct idmap *m, uint64_t id);       /* what was there */
uint32_t idmap_count(const struct idmap *m);
/*
 * Walk: the entry after id in slot order (id 0: the first), NULL at the end.
 * Deleting any entry between two steps is allowed.
 */
void *idmap_next(const struct idmap *m, uint64_t id, uint64_t *out_id);
size_t idmap_get_mem(const struct idmap *m);

#endif
