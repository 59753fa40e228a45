/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue - bounded FIFO between threads: many writers, one reader.
 *
 * Belongs to: base (rank 1). Joins the loop thread to the commit and media
 * threads. The reader either waits (a thread of its own) or is woken by the
 * callback (a loop, through an eventfd). Items are embedded in the caller's
 * structs and stay the caller's memory.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct queue;

struct queue_item {
	struct queue_item *next;
};

/* The struct of type that embeds item as member. */
#define QUEUE_ENTRY(item, type, member)                                        \
	((type *)(void *)((char *)(item)-offsetof(type, member)))

/*
 * max: items at one time, 0 = no limit. wake(arg), may be NULL, is called
 * without the lock, in the writer's thread, when the queue turns from empty
 * to not empty and when it closes. NULL: no memory.
 */
struct queue *queue_new(size_t max, void (*wake)(void *arg), void *arg);
/* The queue must be empty and unused by any other thread. */
void queue_free(struct queue *q);
/* FCS_OK; FCS_ELIMIT: full; FCS_ECLOSED. On error the item is the caller's. */
int queue_put(struct queue *q, struct queue_item *item) FCS_MUSTUSE;
/* As queue_put, but past the limit too (work that may not be refused). */
int queue_force(struct queue *q, struct queue_item *item) FCS_MUSTUSE;
/* The oldest item, NULL when empty; never waits. */
struct queue_item *queue_get(struct queue *q);
/* All items, linked by next, oldest first; NULL when empty; never waits. */
struct queue_item *queue_get_all(struct queue *q);
/*
 * Wait until an item is there. timeout_ms < 0: for ever.
 * FCS_OK with *out set; FCS_ETIMEOUT; FCS_ECLOSED when closed and empty.
 */
int queue_wait(
    struct queue *q, int64_t timeout_ms, struct queue_item **out) FCS_MUSTUSE;
/* No more puts; the reader still gets what is in it, then FCS_ECLOSED. */
void queue_close(struct queue *q);
size_t queue_count(struct queue *q);
size_t queue_high(struct queue *q); /* highest count so far */

#endif
