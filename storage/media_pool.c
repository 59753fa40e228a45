/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * media_pool - memory of read windows: a short list of free blocks, and the
 * count of bytes in use that limits.read_buffers bounds.
 */
#include <stdlib.h>

#include "storage/media_int.h"

#define WINDOW_ROUND (16u << 10)
#define POOL_MAX     64 /* blocks kept for reuse */

struct media_block { /* in the pool, at the start of the free memory */
	struct media_block *next;
	size_t size;
};

struct media_pool {
	atomic_uint refs;
	atomic_size_t used; /* bytes of windows in use */
	pthread_mutex_t lock;
	struct media_block *first;
	size_t count;
};

struct media_pool *
media_pool_new(void)
{
	struct media_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	atomic_init(&pool->refs, 1);
	pthread_mutex_init(&pool->lock, NULL);
	return pool;
}

void
media_pool_unref(struct media_pool *pool)
{
	if (pool == NULL || atomic_fetch_sub(&pool->refs, 1) != 1)
		return;
	while (pool->first != NULL) {
		struct media_block *b = pool->first;

		pool->first = b->next;
		free(b);
	}
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

size_t
media_pool_bytes(struct media_pool *pool)
{
	return atomic_load(&pool->used);
}

static void
block_free(void *data, size_t len, void *arg)
{
	struct media_pool *pool = arg;
	struct media_block *b = data;

	atomic_fetch_sub(&pool->used, len);
	pthread_mutex_lock(&pool->lock);
	if (pool->count < POOL_MAX) {
		b->size = len;
		b->next = pool->first;
		pool->first = b;
		pool->count++;
		b = NULL;
	}
	pthread_mutex_unlock(&pool->lock);
	free(b);
	media_pool_unref(pool);
}

struct refbuf *
media_pool_window(struct media_pool *pool, size_t want)
{
	size_t size = (want + WINDOW_ROUND - 1) / WINDOW_ROUND * WINDOW_ROUND;
	struct media_block *b = NULL;
	struct refbuf *r;

	pthread_mutex_lock(&pool->lock);
	for (struct media_block **p = &pool->first; *p != NULL;
	     p = &(*p)->next) {
		if ((*p)->size < size || (*p)->size > size * 2)
			continue;
		b = *p;
		*p = b->next;
		pool->count--;
		size = b->size;
		break;
	}
	pthread_mutex_unlock(&pool->lock);
	if (b == NULL)
		b = malloc(size);
	if (b == NULL)
		return NULL;
	r = refbuf_wrap(b, size, block_free, pool);
	if (r == NULL) {
		free(b);
		return NULL;
	}
	atomic_fetch_add(&pool->refs, 1);
	atomic_fetch_add(&pool->used, size);
	return r;
}
