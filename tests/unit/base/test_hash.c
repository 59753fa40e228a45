/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/hash.h"

#include "tests/lib/unit.h"

struct entry {
	char name[16];
	UT_hash_handle hh;
};

UNIT(hash_tables_find_what_was_added)
{
	struct entry *table = NULL;
	struct entry *e, *next;
	char name[16];

	for (int i = 0; i < 1000; i++) {
		e = calloc(1, sizeof(*e));
		snprintf(e->name, sizeof(e->name), "n%d", i);
		HASH_ADD_STR(table, name, e);
		ck_assert(hash_added(e));
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		HASH_FIND_STR(table, name, e);
		ck_assert_ptr_nonnull(e);
	}
	HASH_ITER(hh, table, e, next)
	{
		HASH_DEL(table, e);
		free(e);
	}
	ck_assert_uint_eq(hash_bytes("abc", 3), hash_bytes("abc", 3));
	ck_assert_uint_ne(hash_bytes("abc", 3), hash_bytes("abd", 3));
}

UNIT_MAIN
