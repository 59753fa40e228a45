/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * migrate - bring a database of the object store to the schema of this program.
 * Layer: storage (3). Thread: the one that opens the store.
 *
 * The schema version is SQLite's user_version; the steps are the files
 * migrations/NNNN_*.sql, compiled in. All missing steps run in one transaction
 * together with the new number. Before the first step a database that holds
 * anything is copied to <path>.v<version>.
 */
#ifndef STORAGE_MIGRATE_H
#define STORAGE_MIGRATE_H

#include "base/err.h"

struct sqlite3;

struct migrate_step {
	int version;
	const char *name;
	const char *sql;
};

/* The steps of this program in order, ended by version 0. */
const struct migrate_step *migrate_steps(void);
/* The number of the last step. */
int migrate_latest(const struct migrate_step *steps);
/* The number in the database; FCS_ECORRUPT, FCS_EIO. */
int migrate_version(
    struct sqlite3 *db, int *version, struct err *why) FCS_MUSTUSE;
/*
 * FCS_OK, also when there was nothing to do; *from is the version found.
 * FCS_ESCHEMA: the database is newer (why says the remedy) or not ours;
 * FCS_EIO, FCS_ENOSPC, FCS_ECORRUPT, FCS_ENOMEM. After an error the database is
 * as before.
 */
int migrate_run(struct sqlite3 *db, const char *path,
    const struct migrate_step *steps, int *from, struct err *why) FCS_MUSTUSE;

#endif
