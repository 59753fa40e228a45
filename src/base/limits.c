/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/limits.h"

#include <stdatomic.h>
#include <string.h>

const struct limits_row limits_rows[LIMITS_TOTAL] = {
#define X(symbol, name, unit, def, least, most, beyond)                        \
	{ name, LIMITS_##unit, def, least, most, beyond },
	LIMITS_TABLE(X)
#undef X
};

static atomic_uint_fast64_t refused[LIMITS_TOTAL];

void
limits_init(struct limits *l)
{
	for (int i = 0; i < LIMITS_TOTAL; i++)
		l->value[i] = limits_rows[i].def;
}

int
limits_set(struct limits *l, enum limits_id id, int64_t v)
{
	fcs_assert(id < LIMITS_TOTAL);
	if (v < limits_rows[id].least || v > limits_rows[id].most)
		return FCS_ERANGE;
	l->value[id] = v;
	return FCS_OK;
}

enum limits_id
limits_find(const char *name)
{
	int i = 0;

	while (i < LIMITS_TOTAL && strcmp(limits_rows[i].name, name) != 0)
		i++;
	return (enum limits_id)i;
}

void
limits_refuse(enum limits_id id)
{
	fcs_assert(id < LIMITS_TOTAL);
	atomic_fetch_add_explicit(&refused[id], 1, memory_order_relaxed);
}

uint64_t
limits_refused(enum limits_id id)
{
	fcs_assert(id < LIMITS_TOTAL);
	return atomic_load_explicit(&refused[id], memory_order_relaxed);
}
