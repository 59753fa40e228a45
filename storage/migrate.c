/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * migrate - see migrate.h. The copy is made by SQLite itself (VACUUM INTO), so
 * that it is whole whatever is in the log, and is on disk before the first
 * statement of the transaction.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "migrations/embedded.h"
#include "storage/migrate.h"

/* "FCSO": tells our files from any other SQLite database */
#define APPLICATION_ID 0x4643534f

static const struct migrate_step *
embedded(void)
{
	_Static_assert(
	    sizeof(struct migrate_step) == sizeof(migrations_embedded[0]),
	    "embed-sql writes rows of struct migrate_step");
	return (const struct migrate_step *)(const void *)migrations_embedded;
}

const struct migrate_step *
migrate_steps(void)
{
	return embedded();
}

int
migrate_latest(const struct migrate_step *steps)
{
	int latest = 0;

	for (; steps->version != 0; steps++)
		latest = steps->version;
	return latest;
}

static int
fail(sqlite3 *db, int rc, const char *doing, struct err *why)
{
	int code = FCS_EIO;

	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		code = FCS_ENOMEM;
		break;
	case SQLITE_FULL:
		code = FCS_ENOSPC;
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		code = FCS_ECORRUPT;
		break;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		code = FCS_EREADONLY;
		break;
	default:
		break;
	}
	return err_set(why, code, "%s: %s", doing, sqlite3_errmsg(db));
}

static int
get_int(sqlite3 *db, const char *sql, int *out, struct err *why)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? FCS_OK : fail(db, rc, sql, why);
}

int
migrate_version(struct sqlite3 *db, int *version, struct err *why)
{
	return get_int(db, "PRAGMA user_version", version, why);
}

static int
sync_path(const char *path, int flags, struct err *why)
{
	int fd = open(path, flags | O_CLOEXEC);
	int saved;

	if (fd < 0)
		return err_sys(why, errno, "cannot open the copy");
	saved = fsync(fd) == 0 ? 0 : errno;
	(void)close(fd);
	return saved == 0 ? FCS_OK
			  : err_sys(why, saved, "cannot sync the copy");
}

/* Copy the database to <path>.v<version>. One of an earlier try that failed
 * holds the same and gives way. */
static int
keep_copy(sqlite3 *db, const char *path, int version, struct err *why)
{
	char copy[PATH_MAX];
	char dir[PATH_MAX];
	char *slash;
	char *sql;
	int rc;
	int n = snprintf(copy, sizeof(copy), "%s.v%d", path, version);

	if (n < 0 || (size_t)n >= sizeof(copy))
		return err_set(why, FCS_ELIMIT, "path too long");
	if (unlink(copy) != 0 && errno != ENOENT)
		return err_sys(why, errno, "cannot replace %s", copy);
	sql = sqlite3_mprintf("VACUUM INTO %Q", copy);
	if (sql == NULL)
		return err_set(why, FCS_ENOMEM, "%s", err_text(FCS_ENOMEM));
	rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_free(sql);
	if (rc != SQLITE_OK)
		return fail(db, rc, "copy before migration", why);
	memcpy(dir, copy, (size_t)n + 1);
	slash = strrchr(dir, '/');
	if (slash != NULL)
		slash[slash == dir ? 1 : 0] = '\0';
	rc = sync_path(copy, O_RDONLY, why);
	if (rc == FCS_OK)
		rc = sync_path(
		    slash == NULL ? "." : dir, O_RDONLY | O_DIRECTORY, why);
	return rc;
}

static int
run_steps(
    sqlite3 *db, const struct migrate_step *steps, int from, struct err *why)
{
	char sql[96];
	int rc;

	for (; steps->version != 0; steps++) {
		if (steps->version <= from)
			continue;
		rc = sqlite3_exec(db, steps->sql, NULL, NULL, NULL);
		if (rc != SQLITE_OK)
			return fail(db, rc, steps->name, why);
		from = steps->version;
	}
	snprintf(sql, sizeof(sql),
	    "PRAGMA user_version = %d; PRAGMA application_id = %d", from,
	    APPLICATION_ID);
	rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	return rc == SQLITE_OK ? FCS_OK : fail(db, rc, "migration", why);
}

int
migrate_run(struct sqlite3 *db, const char *path,
    const struct migrate_step *steps, int *from, struct err *why)
{
	int latest = migrate_latest(steps);
	int id = 0;
	int tables = 0;
	int rc;

	*from = 0;
	rc = get_int(db, "PRAGMA application_id", &id, why);
	if (rc == FCS_OK)
		rc = migrate_version(db, from, why);
	if (rc == FCS_OK)
		rc = get_int(
		    db, "SELECT count(*) FROM sqlite_schema", &tables, why);
	if (rc != FCS_OK)
		return rc;
	if (tables > 0 && id != APPLICATION_ID)
		return err_set(why, FCS_ESCHEMA,
		    "%s is a database of another program: move it away", path);
	if (*from > latest)
		return err_set(why, FCS_ESCHEMA,
		    "%s has schema %d, this fcsd knows up to %d: install the "
		    "newer fcsd again or restore a copy",
		    path, *from, latest);
	if (*from == latest)
		return FCS_OK;
	if (tables > 0) {
		rc = keep_copy(db, path, *from, why);
		if (rc != FCS_OK)
			return rc;
	}
	rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return fail(db, rc, "migration", why);
	rc = run_steps(db, steps, *from, why);
	if (rc != FCS_OK) {
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		return rc;
	}
	if (*from != 0)
		log_info("store.migrated", "path=%s from=%d to=%d", path, *from,
		    latest);
	return FCS_OK;
}
