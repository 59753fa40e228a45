/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/status.h"

#include "tests/unit/codec/vec.h"

UNIT(codes_and_levels_come_from_one_table)
{
	ck_assert_str_eq(status_code(STATUS_CONNECT_SUCCESS),
	    "NetConnection.Connect.Success");
	ck_assert_str_eq(status_level(STATUS_CONNECT_SUCCESS), "status");
	ck_assert_str_eq(status_code(STATUS_PLAY_INSUFFICIENTBW),
	    "NetStream.Play.InsufficientBW");
	ck_assert_str_eq(status_level(STATUS_PLAY_INSUFFICIENTBW), "warning");
	for (int i = 0; i < STATUS_COUNT; i++) {
		const char *l = status_level((enum status)i);

		ck_assert(strcmp(l, "status") == 0 || strcmp(l, "error") == 0 ||
			  strcmp(l, "warning") == 0);
		ck_assert_ptr_nonnull(strchr(status_code((enum status)i), '.'));
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(status_code((enum status)i),
			    status_code((enum status)k));
	}
}

UNIT(info_objects_begin_with_level_and_code)
{
	struct arena *a = arena_new(0);
	struct value *v =
	    status_info(a, STATUS_PLAY_START, "Started.", "x", "c1");

	ck_assert_uint_eq(v->prop_count, 5);
	ck_assert(value_str_eq(v->props[0].key, "level"));
	ck_assert(value_str_eq(v->props[1].key, "code"));
	ck_assert(value_str_eq(v->props[1].val->str, "NetStream.Play.Start"));
	ck_assert(value_str_eq(value_get(v, "clientid")->str, "c1"));
	v = status_info(a, STATUS_PLAY_STOP, NULL, "x", NULL);
	ck_assert_uint_eq(v->prop_count, 3);
	ck_assert_ptr_null(value_get(v, "description"));
	arena_free(a);
	a = arena_new(64);
	ck_assert_ptr_null(status_info(a, STATUS_PLAY_STOP, NULL, NULL, NULL));
	arena_free(a);
}

UNIT_MAIN
