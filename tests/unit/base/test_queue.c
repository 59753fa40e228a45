/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/queue.h"

#include <pthread.h>

#include "tests/lib/unit.h"

struct number {
	struct queue_item item;
	int n;
};

static int woken;

static void
wake(void *arg)
{
	ck_assert_ptr_eq(arg, &woken);
	woken++;
}

UNIT(order_is_kept_and_the_limit_holds)
{
	struct queue *q = queue_new(3, NULL, NULL);
	struct number v[4];
	struct queue_item *i;

	for (int n = 0; n < 3; n++) {
		v[n].n = n;
		ck_assert_int_eq(queue_put(q, &v[n].item), FCS_OK);
	}
	ck_assert_int_eq(queue_put(q, &v[3].item), FCS_ELIMIT);
	v[3].n = 3;
	ck_assert_int_eq(queue_force(q, &v[3].item), FCS_OK);
	ck_assert_uint_eq(queue_count(q), 4);
	for (int n = 0; n < 4; n++) {
		i = queue_get(q);
		ck_assert_int_eq(QUEUE_ENTRY(i, struct number, item)->n, n);
	}
	ck_assert_ptr_null(queue_get(q));
	ck_assert_uint_eq(queue_high(q), 4);
	queue_free(q);
}

UNIT(wake_comes_once_per_filling_and_at_close)
{
	struct queue *q = queue_new(0, wake, &woken);
	struct number v[3];
	struct queue_item *i;

	for (int n = 0; n < 3; n++)
		ck_assert_int_eq(queue_put(q, &v[n].item), FCS_OK);
	ck_assert_int_eq(woken, 1);
	i = queue_get_all(q);
	ck_assert_ptr_eq(i, &v[0].item);
	ck_assert_ptr_eq(i->next->next, &v[2].item);
	ck_assert_ptr_null(i->next->next->next);
	ck_assert_int_eq(queue_put(q, &v[0].item), FCS_OK);
	ck_assert_int_eq(woken, 2);
	queue_close(q);
	queue_close(q);
	ck_assert_int_eq(woken, 3);
	ck_assert_int_eq(queue_put(q, &v[1].item), FCS_ECLOSED);
	ck_assert_int_eq(queue_wait(q, -1, &i), FCS_OK);
	ck_assert_int_eq(queue_wait(q, -1, &i), FCS_ECLOSED);
	queue_free(q);
}

UNIT(waiting_ends_at_its_time)
{
	struct queue *q = queue_new(0, NULL, NULL);
	struct queue_item *i;

	ck_assert_int_eq(queue_wait(q, 20, &i), FCS_ETIMEOUT);
	ck_assert_ptr_null(i);
	queue_free(q);
}

static void *
writer(void *arg)
{
	for (int n = 0; n < 20000; n++) {
		struct number *v = malloc(sizeof(*v));

		ck_assert_ptr_nonnull(v);
		v->n = n;
		ck_assert_int_eq(queue_put(arg, &v->item), FCS_OK);
	}
	return NULL;
}

UNIT(nothing_is_lost_between_threads)
{
	struct queue *q = queue_new(0, NULL, NULL);
	pthread_t t[2];
	struct queue_item *i;

	for (int k = 0; k < 2; k++)
		ck_assert_int_eq(pthread_create(&t[k], NULL, writer, q), 0);
	for (int n = 0; n < 40000; n++) {
		ck_assert_int_eq(queue_wait(q, -1, &i), FCS_OK);
		free(QUEUE_ENTRY(i, struct number, item));
	}
	for (int k = 0; k < 2; k++)
		pthread_join(t[k], NULL);
	ck_assert_uint_eq(queue_count(q), 0);
	queue_free(q);
}

UNIT_MAIN
