/* SPDX-License-Identifier: BSD-2-Clause */
/* recidx_int - the inside of recidx, for recidx.c and recidx_open.c only: the
 * two files that see LMDB. */
#ifndef STORAGE_RECIDX_INT_H
#define STORAGE_RECIDX_INT_H

#include <lmdb.h>

#include "storage/recidx.h"

struct recidx_row {    /* of "rec"; the path follows */
	uint32_t size; /* of this struct: another build's is not read */
	uint32_t pad;
	struct recidx_rec rec;
};

struct recidx {
	MDB_env *env;
	MDB_dbi rec, key, open;
	MDB_txn *txn;     /* write transaction in progress */
	MDB_txn *read;    /* kept for reuse, reset between uses */
	uint64_t next_id; /* highest given out */
	int mark_fd;      /* holds the lock */
	int dir_fd;
};

int recidx_code(int rc); /* of LMDB or errno -> FCS_* */
uint64_t recidx_fnv(uint64_t h, const void *p, size_t n);
uint64_t recidx_be(const uint8_t *p, int n); /* big-endian, n bytes */

#endif
