/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash - uthash set up so that no memory is an answer, not an exit.
 *
 * Belongs to: base (rank 1). Include this, never <uthash.h>. After HASH_ADD*
 * ask hash_added(elt): false means no memory, the element is not in the table.
 * Keys chosen by peers: the table seeds its function per process
 * (hash_seed()), so that collisions cannot be prepared.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/err.h"

#define HASH_NONFATAL_OOM        1
#define uthash_nonfatal_oom(elt) ((void)(elt))
#define HASH_FUNCTION(keyptr, keylen, hashv)                                   \
	((hashv) = hash_bytes((keyptr), (keylen)))

uint32_t hash_seed(void);
unsigned hash_bytes(const void *p, size_t n);

#include <uthash.h>

#define hash_added(elt) ((elt)->hh.tbl != NULL)

#endif
