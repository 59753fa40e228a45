/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * adm_rows - the tables of worker commands and what their files share. Layer:
 * admin (6).
 */
#ifndef ADMIN_ADM_ROWS_H
#define ADMIN_ADM_ROWS_H

#include <string.h>

#include "admin/admin.h"

extern const struct admin_row adm_app_rows[];
extern const struct admin_row adm_inst_rows[];
extern const struct admin_row adm_so_rows[];
extern const struct admin_row adm_rec_rows[];

/* A JSON string of bytes that a peer chose: invalid UTF-8 is replaced. */
json_t *adm_rows_text(const char *text);
json_t *adm_rows_bytes(const char *p, size_t len);
/* A packed value as JSON; null when it cannot be read. */
json_t *adm_rows_value(const uint8_t *packed, size_t len);

#endif
