/* SPDX-License-Identifier: BSD-2-Clause */
/* adm_tables - the tables of commands a worker answers; see admin.h. */
#include "admin/admin.h"

const struct admin_row *const adm_tables[] = {
	NULL,
};
