/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/idmap.h"

#include "tests/lib/unit.h"

UNIT(a_stale_id_resolves_to_nothing)
{
	struct idmap *m = idmap_new(0);
	int a, b;
	uint64_t id, id2;

	ck_assert_int_eq(idmap_add(m, &a, &id), FCS_OK);
	ck_assert_ptr_eq(idmap_get(m, id), &a);
	ck_assert_ptr_eq(idmap_del(m, id), &a);
	ck_assert_ptr_null(idmap_get(m, id));
	ck_assert_ptr_null(idmap_del(m, id));
	ck_assert_int_eq(idmap_add(m, &b, &id2), FCS_OK);
	ck_assert_uint_eq((uint32_t)id, (uint32_t)id2);
	ck_assert(id != id2);
	ck_assert_ptr_null(idmap_get(m, id));
	ck_assert_ptr_eq(idmap_get(m, id2), &b);
	ck_assert_ptr_null(idmap_get(m, 0));
	ck_assert_ptr_null(idmap_get(m, UINT64_MAX));
	idmap_free(m);
	idmap_free(NULL);
}

UNIT(full_is_an_answer)
{
	struct idmap *m = idmap_new(2);
	int a;
	uint64_t id;

	ck_assert_int_eq(idmap_add(m, &a, &id), FCS_OK);
	ck_assert_int_eq(idmap_add(m, &a, &id), FCS_OK);
	ck_assert_int_eq(idmap_add(m, &a, &id), FCS_ELIMIT);
	ck_assert_uint_eq(idmap_count(m), 2);
	ck_assert_ptr_eq(idmap_del(m, id), &a);
	ck_assert_int_eq(idmap_add(m, &a, &id), FCS_OK);
	idmap_free(m);
}

UNIT(a_walk_survives_deletions)
{
	struct idmap *m = idmap_new(0);
	int v[100];
	uint64_t id;
	int seen = 0;

	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(idmap_add(m, &v[i], &id), FCS_OK);
	for (int *p = idmap_next(m, 0, &id); p != NULL;
	     p = idmap_next(m, id, &id)) {
		ck_assert_ptr_eq(p, &v[seen]);
		seen++;
		ck_assert_ptr_eq(idmap_del(m, id), p);
	}
	ck_assert_int_eq(seen, 100);
	ck_assert_uint_eq(idmap_count(m), 0);
	ck_assert_uint_gt(idmap_get_mem(m), 0);
	idmap_free(m);
}

UNIT_MAIN
