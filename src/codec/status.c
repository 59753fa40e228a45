/* SPDX-License-Identifier: BSD-2-Clause */
/* status - the table of codes, and info objects. level and code come first:
 * some clients look no further (wire-protocol 5.9). */
#include "codec/status.h"

static const struct {
	const char *code, *level;
} table[] = {
#define STATUS_ROW(sym, code, level) { code, level },
	STATUS_LIST(STATUS_ROW)
#undef STATUS_ROW
};

const char *
status_code(enum status s)
{
	fcs_assert((unsigned)s < STATUS_COUNT);
	return table[s].code;
}

const char *
status_level(enum status s)
{
	fcs_assert((unsigned)s < STATUS_COUNT);
	return table[s].level;
}

struct value *
status_info(struct arena *a, enum status s, const char *description,
    const char *details, const char *clientid)
{
	const char *const rows[][2] = {
		{ "level", status_level(s) },
		{ "code", status_code(s) },
		{ "description", description },
		{ "details", details },
		{ "clientid", clientid },
	};
	struct value *v = value_new(a, VALUE_OBJECT);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i][1] != NULL &&
		    value_set(a, v, rows[i][0], value_string(a, rows[i][1])) !=
			FCS_OK)
			return NULL;
	return v;
}
