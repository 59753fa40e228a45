/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refbuf - immutable reference-counted bytes, shared by all who need them.
 *
 * Belongs to: base (rank 1). Media payload travels only as refbuf.
 * Threading: the count is atomic; ref and unref from any thread. The bytes
 * may be written only by the creator, before the first other reference.
 * The last unref frees in the thread that made it.
 */
#ifndef BASE_REFBUF_H
#define BASE_REFBUF_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"

typedef void (*refbuf_free_fn)(void *data, size_t len, void *arg);

struct refbuf {
	atomic_uint refs;
	size_t len;
	uint8_t *data;
	refbuf_free_fn free_fn; /* NULL: data lies behind this struct */
	void *free_arg;
};

/* One reference, len bytes not yet set (len may be 0); NULL: no memory. */
struct refbuf *refbuf_new(size_t len);
/* The same with a copy of the bytes. */
struct refbuf *refbuf_from(const void *data, size_t len);
/*
 * Wrap foreign bytes: free_fn(data, len, arg) is called once at the last
 * unref. NULL (no memory): data is still the caller's.
 */
struct refbuf *refbuf_wrap(
    void *data, size_t len, refbuf_free_fn free_fn, void *arg);
struct refbuf *refbuf_ref(struct refbuf *r); /* returns r */
void refbuf_unref(struct refbuf *r);         /* NULL is allowed */
/* Bytes of memory held by r itself, wrapped bytes included. */
size_t refbuf_get_mem(const struct refbuf *r);

#endif
