/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sodb_open - the SQLite store: opening, lock, settings, checking, closing.
 *
 * The lock file holds the process id while the store is in use and is emptied
 * at a clean end. What is found in it therefore tells two things: who has the
 * store now (it is locked), or that the last one died (it is not), after which
 * the database is checked before use.
 *
 * locking_mode EXCLUSIVE: one process per store is the rule anyway, and it
 * keeps the index of the log in memory, where no other program can hold back
 * a checkpoint.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/migrate.h"
#include "storage/sodb_int.h"

/* Larger databases are not checked at start (about 1 s per GiB and more);
 * `fcsctl db check` does it when asked. */
#define CHECK_MAX (512LL << 20)

/* The log may not keep more than this on disk once it was moved. */
#define LOG_KEEP "16777216"

static const char *const statement_sql[] = {
#define X(name, sql) sql,
	SODB_STATEMENTS(X)
#undef X
};

int
sodb_fail(
    const struct sodb *s, int sqlite_code, const char *doing, struct err *why)
{
	int code;

	switch (sqlite_code & 0xff) {
	case SQLITE_NOMEM:
		code = FCS_ENOMEM;
		break;
	case SQLITE_FULL:
		code = FCS_ENOSPC;
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		code = FCS_ECORRUPT;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		code = FCS_EBUSY;
		break;
	case SQLITE_READONLY:
		code = FCS_EREADONLY;
		break;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		code = FCS_EACCES;
		break;
	case SQLITE_TOOBIG:
		code = FCS_ELIMIT;
		break;
	default:
		code = FCS_EIO;
		break;
	}
	if (sqlite_code == SQLITE_IOERR_NOMEM)
		code = FCS_ENOMEM;
	return err_set(why, code, "%s: %s (%d, errno %d)", doing,
	    s->db == NULL ? sqlite3_errstr(sqlite_code) : sqlite3_errmsg(s->db),
	    sqlite_code, s->db == NULL ? 0 : sqlite3_system_errno(s->db));
}

/* *unclean: the process that had it before did not close it. */
static int
take_lock(struct sodb *s, const char *dir, bool *unclean, struct err *why)
{
	char path[4096];
	char text[32] = "";
	struct stat st;
	ssize_t n;
	int len = snprintf(path, sizeof(path), "%s/lock", dir);

	if (len < 0 || (size_t)len >= sizeof(path))
		return err_set(why, FCS_ELIMIT, "path too long");
	s->lock_fd =
	    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (s->lock_fd < 0)
		return err_sys(why, errno, "cannot open %s", path);
	n = pread(s->lock_fd, text, sizeof(text) - 1, 0);
	if (n > 0)
		text[strcspn(text, "\n")] = '\0';
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return err_sys(why, errno, "cannot lock %s", path);
		return err_set(why, FCS_EBUSY,
		    "%s is in use by process %s: stop it, or give this fcsd "
		    "another state folder",
		    dir, n > 0 ? text : "(unknown)");
	}
	*unclean = fstat(s->lock_fd, &st) == 0 && st.st_size > 0;
	len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(s->lock_fd, 0) != 0 ||
	    pwrite(s->lock_fd, text, (size_t)len, 0) != len)
		return err_sys(why, errno, "cannot write %s", path);
	return FCS_OK;
}

static int
exec_all(struct sodb *s, const char *sql, struct err *why)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? FCS_OK : sodb_fail(s, rc, "settings", why);
}

static int
configure(struct sodb *s, enum store_sync sync, struct err *why)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	rc = exec_all(s,
	    "PRAGMA locking_mode = EXCLUSIVE;"
	    "PRAGMA cell_size_check = ON;"
	    "PRAGMA temp_store = MEMORY;"
	    "PRAGMA journal_mode = WAL;"
	    "PRAGMA wal_autocheckpoint = 0;"
	    "PRAGMA journal_size_limit = " LOG_KEEP ";"
	    "PRAGMA cache_size = -16384",
	    why);
	if (rc == FCS_OK)
		rc = exec_all(s,
		    sync == STORE_SYNC_FULL ? "PRAGMA synchronous = FULL"
					    : "PRAGMA synchronous = NORMAL",
		    why);
	if (rc != FCS_OK)
		return rc;
	s->page_size = 4096;
	if (sqlite3_prepare_v2(s->db, "PRAGMA page_size", -1, &stmt, NULL) ==
		SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		s->page_size = sqlite3_column_int(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return FCS_OK;
}

/* First line of quick_check or integrity_check that is not "ok". */
static int
check(struct sodb *s, const char *sql, struct err *why)
{
	sqlite3_stmt *stmt = NULL;
	const char *text;
	int result;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		text = (const char *)sqlite3_column_text(stmt, 0);
		if (text == NULL)
			result = err_set(why, FCS_ENOMEM, "check: no memory");
		else if (strcmp(text, "ok") == 0)
			result = FCS_OK;
		else
			result = err_set(why, FCS_ECORRUPT, "%s is damaged: %s",
			    s->path, text);
	} else {
		result = sodb_fail(s, rc, "check", why);
	}
	(void)sqlite3_finalize(stmt);
	return result;
}

int
sodb_verify(struct store *store, struct err *why)
{
	return check((struct sodb *)store, "PRAGMA integrity_check(1)", why);
}

static int
check_after_crash(struct sodb *s, struct err *why)
{
	struct stat st;

	if (stat(s->path, &st) == 0 && st.st_size > CHECK_MAX) {
		log_warn("store.unchecked", "path=%s size=%lld why=%s", s->path,
		    (long long)st.st_size, "too large to check at start");
		return FCS_OK;
	}
	return check(s, "PRAGMA quick_check(1)", why);
}

static int
prepare_all(struct sodb *s, struct err *why)
{
	for (int i = 0; i < SODB_STATEMENT_COUNT; i++) {
		int rc = sqlite3_prepare_v3(s->db, statement_sql[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &s->statement[i], NULL);

		if (rc != SQLITE_OK)
			return sodb_fail(s, rc, "prepare", why);
	}
	return FCS_OK;
}

static int
on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct sodb *s = arg;

	(void)db;
	(void)name;
	s->wal_pages = pages;
	return SQLITE_OK;
}

/*
 * SQLite makes a relative path absolute, and that needs the right to search
 * every folder above. fcsd --dev started by root in a tree below /root has
 * become a user without it; where it stands it may work. So a relative path
 * stays one (nobody changes the folder); absolute ones go the usual way.
 */
#define RELATIVE_VFS "fcs-relative"

static int
full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
	sqlite3_vfs *usual = sqlite3_vfs_find(NULL);

	(void)vfs;
	if (path[0] == '/')
		return usual->xFullPathname(usual, path, size, out);
	if (sqlite3_snprintf(size, out, "%s", path) == NULL ||
	    strlen(path) >= (size_t)size)
		return SQLITE_CANTOPEN;
	return SQLITE_OK;
}

/* The name of the file system layer to open path with, NULL: the usual. */
static const char *
vfs_for(const char *path)
{
	static sqlite3_vfs relative; /* registered for the process's life */
	const sqlite3_vfs *usual = sqlite3_vfs_find(NULL);

	if (path[0] == '/' || usual == NULL)
		return NULL;
	if (sqlite3_vfs_find(RELATIVE_VFS) == NULL) {
		relative = *usual;
		relative.zName = RELATIVE_VFS;
		relative.pNext = NULL;
		relative.xFullPathname = full_path;
		if (sqlite3_vfs_register(&relative, 0) != SQLITE_OK)
			return NULL;
	}
	return RELATIVE_VFS;
}

static int
open_db(struct sodb *s, enum store_sync sync, bool unclean, struct err *why)
{
	int from;
	int rc = sqlite3_open_v2(s->path, &s->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE,
	    vfs_for(s->path));

	if (rc != SQLITE_OK) {
		if (s->db != NULL && sqlite3_system_errno(s->db) != 0)
			return err_sys(why, sqlite3_system_errno(s->db),
			    "cannot open %s", s->path);
		return sodb_fail(s, rc, "open", why);
	}
	rc = configure(s, sync, why);
	if (rc == FCS_OK && unclean)
		rc = check_after_crash(s, why);
	if (rc == FCS_OK)
		rc = migrate_run(s->db, s->path, migrate_steps(), &from, why);
	if (rc == FCS_OK)
		rc = prepare_all(s, why);
	if (rc == FCS_OK)
		(void)sqlite3_wal_hook(s->db, on_wal, s);
	if (rc == FCS_ECORRUPT)
		err_prefix(why, "%s", s->path);
	return rc;
}

int
sodb_open(
    const char *dir, enum store_sync sync, struct store **out, struct err *why)
{
	size_t size = strlen(dir) + sizeof("/objects.sqlite");
	struct sodb *s = calloc(1, sizeof(*s) + size);
	bool unclean = false;
	int rc;

	*out = NULL;
	if (s == NULL)
		return err_set(why, FCS_ENOMEM, "%s", err_text(FCS_ENOMEM));
	s->store.ops = &sodb_ops;
	s->lock_fd = -1;
	s->full = sync == STORE_SYNC_FULL;
	snprintf(s->path, size, "%s/objects.sqlite", dir);
	rc = take_lock(s, dir, &unclean, why);
	if (rc != FCS_OK) {
		/* not ours to empty */
		if (s->lock_fd >= 0)
			(void)close(s->lock_fd);
		free(s);
		return rc;
	}
	rc = open_db(s, sync, unclean, why);
	if (rc != FCS_OK) {
		/* the next one must check again */
		if (unclean && s->lock_fd >= 0) {
			(void)close(s->lock_fd);
			s->lock_fd = -1;
		}
		sodb_close(&s->store);
		return rc;
	}
	*out = &s->store;
	return FCS_OK;
}

void
sodb_forget_objects(struct sodb *s)
{
	struct sodb_object *o;
	struct sodb_object *next;

	HASH_ITER(hh, s->objects, o, next)
	{
		HASH_DEL(s->objects, o);
		free(o);
	}
	s->object_count = 0;
}

void
sodb_close(struct store *store)
{
	struct sodb *s = (struct sodb *)store;

	for (int i = 0; i < SODB_STATEMENT_COUNT; i++)
		(void)sqlite3_finalize(s->statement[i]);
	sodb_forget_objects(s);
	/* moves the log into the database and removes it */
	(void)sqlite3_close(s->db);
	if (s->lock_fd >= 0) {
		/* clean end; if it fails the next start checks once more */
		(void)!ftruncate(s->lock_fd, 0);
		(void)close(s->lock_fd);
	}
	free(s);
}
