/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rnd - random bytes from the kernel; good enough for keys and ids.
 *
 * Belongs to: base (rank 1). Threading: any thread. Cannot fail: a kernel
 * without getrandom() is our bug (assertion).
 */
#ifndef BASE_RND_H
#define BASE_RND_H

#include <stdint.h>

#include "base/err.h"

void rnd_bytes(void *p, size_t n);
uint32_t rnd_u32(void);
uint64_t rnd_u64(void);
uint32_t rnd_below(uint32_t n); /* 0 .. n-1 without bias; n > 0 */
/* n characters of [a-z0-9] and a NUL: out holds n + 1 bytes. */
void rnd_text(char *out, size_t n);

#endif
