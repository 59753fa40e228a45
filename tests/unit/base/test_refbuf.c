/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/refbuf.h"

#include <pthread.h>

#include "tests/lib/unit.h"

static int freed;

static void
count_free(void *data, size_t len, void *arg)
{
	ck_assert_ptr_eq(arg, &freed);
	ck_assert_uint_eq(len, 3);
	ck_assert_mem_eq(data, "abc", 3);
	freed++;
}

UNIT(last_unref_frees_once)
{
	static char text[] = "abc";
	struct refbuf *r = refbuf_wrap(text, 3, count_free, &freed);

	ck_assert_ptr_eq(refbuf_ref(r), r);
	refbuf_unref(r);
	ck_assert_int_eq(freed, 0);
	refbuf_unref(r);
	ck_assert_int_eq(freed, 1);
	refbuf_unref(NULL);
}

UNIT(copies_hold_their_own_bytes)
{
	char text[] = "abc";
	struct refbuf *r = refbuf_from(text, 3);

	text[0] = 'x';
	ck_assert_uint_eq(r->len, 3);
	ck_assert_mem_eq(r->data, "abc", 3);
	ck_assert_uint_ge(refbuf_get_mem(r), 3);
	refbuf_unref(r);
	r = refbuf_new(0);
	ck_assert_uint_eq(r->len, 0);
	refbuf_unref(r);
	ck_assert_ptr_null(refbuf_new(SIZE_MAX));
}

static void *
ref_and_unref(void *arg)
{
	for (int i = 0; i < 100000; i++)
		refbuf_unref(refbuf_ref(arg));
	refbuf_unref(arg);
	return NULL;
}

UNIT(counts_hold_between_threads)
{
	static char text[] = "abc";
	struct refbuf *r = refbuf_wrap(text, 3, count_free, &freed);
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(
		    pthread_create(&t[i], NULL, ref_and_unref, refbuf_ref(r)),
		    0);
	refbuf_unref(r);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	ck_assert_int_eq(freed, 1);
}

UNIT_MAIN
