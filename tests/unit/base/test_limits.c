/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/limits.h"

#include "tests/lib/unit.h"

UNIT(every_default_is_within_its_bounds)
{
	struct limits l;

	limits_init(&l);
	for (int i = 0; i < LIMITS_TOTAL; i++) {
		const struct limits_row *r = &limits_rows[i];

		ck_assert_msg(
		    r->least <= r->def && r->def <= r->most, "%s", r->name);
		ck_assert_int_eq(limits_get(&l, (enum limits_id)i), r->def);
		ck_assert_int_eq(limits_find(r->name), i);
		ck_assert_str_ne(r->beyond, "");
	}
	ck_assert_int_eq(limits_find("no_such"), LIMITS_TOTAL);
}

UNIT(values_out_of_bounds_change_nothing)
{
	struct limits l;

	limits_init(&l);
	ck_assert_int_eq(limits_set(&l, LIMIT_CSIDS, 7), FCS_ERANGE);
	ck_assert_int_eq(limits_set(&l, LIMIT_CSIDS, 1025), FCS_ERANGE);
	ck_assert_int_eq(limits_get(&l, LIMIT_CSIDS), 64);
	ck_assert_int_eq(limits_set(&l, LIMIT_CSIDS, 128), FCS_OK);
	ck_assert_int_eq(limits_get(&l, LIMIT_CSIDS), 128);
}

UNIT(refusals_are_counted_per_limit)
{
	limits_refuse(LIMIT_CSIDS);
	limits_refuse(LIMIT_CSIDS);
	ck_assert_uint_eq(limits_refused(LIMIT_CSIDS), 2);
	ck_assert_uint_eq(limits_refused(LIMIT_CLIENTS), 0);
}

UNIT_MAIN
