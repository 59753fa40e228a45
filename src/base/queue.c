/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct queue_item *head;
	struct queue_item **tail;
	size_t count;
	size_t high;
	size_t max;
	bool closed;
	void (*wake)(void *);
	void *arg;
};

struct queue *
queue_new(size_t max, void (*wake)(void *arg), void *arg)
{
	struct queue *q = calloc(1, sizeof(*q));
	pthread_condattr_t attr;

	if (q == NULL)
		return NULL;
	q->tail = &q->head;
	q->max = max;
	q->wake = wake;
	q->arg = arg;
	pthread_mutex_init(&q->lock, NULL);
	/* a wait must not change its length when somebody sets the clock */
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->filled, &attr);
	pthread_condattr_destroy(&attr);
	return q;
}

void
queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	fcs_assert(q->head == NULL);
	pthread_cond_destroy(&q->filled);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static int
put(struct queue *q, struct queue_item *item, bool force)
{
	bool first;
	int rc = FCS_OK;

	pthread_mutex_lock(&q->lock);
	first = q->head == NULL;
	if (q->closed) {
		rc = FCS_ECLOSED;
	} else if (!force && q->max != 0 && q->count >= q->max) {
		rc = FCS_ELIMIT;
	} else {
		item->next = NULL;
		*q->tail = item;
		q->tail = &item->next;
		q->count++;
		if (q->count > q->high)
			q->high = q->count;
		if (first)
			pthread_cond_signal(&q->filled);
	}
	pthread_mutex_unlock(&q->lock);
	if (rc == FCS_OK && first && q->wake != NULL)
		q->wake(q->arg);
	return rc;
}

int
queue_put(struct queue *q, struct queue_item *item)
{
	return put(q, item, false);
}

int
queue_force(struct queue *q, struct queue_item *item)
{
	return put(q, item, true);
}

/* With the lock held. */
static struct queue_item *
pop(struct queue *q)
{
	struct queue_item *item = q->head;

	if (item != NULL) {
		q->head = item->next;
		if (q->head == NULL)
			q->tail = &q->head;
		item->next = NULL;
		q->count--;
	}
	return item;
}

struct queue_item *
queue_get(struct queue *q)
{
	struct queue_item *item;

	pthread_mutex_lock(&q->lock);
	item = pop(q);
	pthread_mutex_unlock(&q->lock);
	return item;
}

struct queue_item *
queue_get_all(struct queue *q)
{
	struct queue_item *item;

	pthread_mutex_lock(&q->lock);
	item = q->head;
	q->head = NULL;
	q->tail = &q->head;
	q->count = 0;
	pthread_mutex_unlock(&q->lock);
	return item;
}

int
queue_wait(struct queue *q, int64_t timeout_ms, struct queue_item **out)
{
	struct timespec until = { 0 };
	int rc = 0;

	*out = NULL;
	if (timeout_ms >= 0) {
		/* the condition's own clock, not the replaceable one */
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += timeout_ms / 1000;
		until.tv_nsec += timeout_ms % 1000 * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
	}
	pthread_mutex_lock(&q->lock);
	while (q->head == NULL && !q->closed && rc != ETIMEDOUT) {
		if (timeout_ms < 0)
			rc = pthread_cond_wait(&q->filled, &q->lock);
		else
			rc = pthread_cond_timedwait(
			    &q->filled, &q->lock, &until);
	}
	*out = pop(q);
	rc = *out != NULL ? FCS_OK : q->closed ? FCS_ECLOSED : FCS_ETIMEOUT;
	pthread_mutex_unlock(&q->lock);
	return rc;
}

void
queue_close(struct queue *q)
{
	bool first;

	pthread_mutex_lock(&q->lock);
	first = !q->closed;
	q->closed = true;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
	if (first && q->wake != NULL)
		q->wake(q->arg);
}

size_t
queue_count(struct queue *q)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = q->count;
	pthread_mutex_unlock(&q->lock);
	return n;
}

size_t
queue_high(struct queue *q)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = q->high;
	pthread_mutex_unlock(&q->lock);
	return n;
}
