/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/refbuf.h"

#include <stdlib.h>
#include <string.h>

struct refbuf *
refbuf_new(size_t len)
{
	struct refbuf *r;

	if (len > SIZE_MAX - sizeof(*r))
		return NULL;
	r = malloc(sizeof(*r) + len);
	if (r == NULL)
		return NULL;
	atomic_init(&r->refs, 1);
	r->len = len;
	r->data = (uint8_t *)(r + 1);
	r->free_fn = NULL;
	r->free_arg = NULL;
	return r;
}

struct refbuf *
refbuf_from(const void *data, size_t len)
{
	struct refbuf *r = refbuf_new(len);

	if (r != NULL && len > 0)
		memcpy(r->data, data, len);
	return r;
}

struct refbuf *
refbuf_wrap(void *data, size_t len, refbuf_free_fn free_fn, void *arg)
{
	struct refbuf *r = refbuf_new(0);

	if (r != NULL) {
		r->len = len;
		r->data = data;
		r->free_fn = free_fn;
		r->free_arg = arg;
	}
	return r;
}

struct refbuf *
refbuf_ref(struct refbuf *r)
{
	unsigned was =
	    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);

	fcs_assert(was > 0 && was < UINT32_MAX / 2);
	return r;
}

void
refbuf_unref(struct refbuf *r)
{
	unsigned was;

	if (r == NULL)
		return;
	/* release: our reads end before; acquire: theirs did, too */
	was = atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel);
	fcs_assert(was > 0);
	if (was > 1)
		return;
	if (r->free_fn != NULL)
		r->free_fn(r->data, r->len, r->free_arg);
	free(r);
}

size_t
refbuf_get_mem(const struct refbuf *r)
{
	return sizeof(*r) + r->len;
}
