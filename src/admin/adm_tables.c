/* SPDX-License-Identifier: BSD-2-Clause */
/* adm_tables - the tables of commands a worker answers; see admin.h. */
#include "admin/adm_rows.h"

const struct admin_row *const adm_tables[] = {
	adm_app_rows,
	adm_inst_rows,
	adm_so_rows,
	adm_rec_rows,
	NULL,
};
