/* SPDX-License-Identifier: BSD-2-Clause */
/* What only the SQLite store has: file, lock, schema, log, failing disk. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/migrate.h"
#include "tests/store/store_lib.h"

static struct store *
open_store(void)
{
	struct store *s;
	struct err why;
	int rc = sodb_open(unit_tmpdir(), STORE_SYNC_FULL, &s, &why);

	ck_assert_msg(rc == FCS_OK, "%s", why.text);
	return s;
}

static const char *
path(const char *name)
{
	static char text[2][256];
	static int turn;

	turn = !turn;
	snprintf(text[turn], sizeof(text[turn]), "%s/%s", unit_tmpdir(), name);
	return text[turn];
}

static void
exec_sql(const char *sql)
{
	sqlite3 *db;
	char *text = NULL;

	ck_assert_int_eq(sqlite3_open(path("objects.sqlite"), &db), SQLITE_OK);
	ck_assert_msg(
	    sqlite3_exec(db, sql, NULL, NULL, &text) == SQLITE_OK, "%s", text);
	sqlite3_close(db);
}

static void
opening_fails(int code, const char *text)
{
	struct store *s = NULL;
	struct err why;

	err_clear(&why);
	ck_assert_int_eq(
	    sodb_open(unit_tmpdir(), STORE_SYNC_FULL, &s, &why), code);
	ck_assert_ptr_null(s);
	ck_assert_msg(strstr(why.text, text) != NULL, "said: %s", why.text);
}

UNIT(what_was_written_is_there_after_opening_again)
{
	struct store *s = open_store();

	ck_assert_int_eq(store_lib_write(s, "o", 2, "a=1 b=2"), FCS_OK);
	ck_assert_int_eq(store_lib_write(s, "o", 3, "a"), FCS_OK);
	s->ops->close(s);
	s = open_store();
	ck_assert_str_eq(store_lib_read(s, "o", 0), "a@3 b=2@2");
	ck_assert_int_eq(store_lib_write(s, "o", 3, "a"), FCS_ESTALE);
	ck_assert_int_eq(store_lib_write(s, "o", 4, "a=4"), FCS_OK);
	ck_assert_str_eq(store_lib_read(s, "o", 2), "a=4@4");
	s->ops->close(s);
}

UNIT(second_process_is_refused_with_the_first_ones_id)
{
	struct store *s = open_store();
	char pid[32];
	int status;

	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	opening_fails(FCS_EBUSY, pid);
	if (fork() == 0) {
		struct store *other;
		struct err why;

		_exit(sodb_open(unit_tmpdir(), STORE_SYNC_FULL, &other, &why) ==
			      FCS_EBUSY
			  ? 0
			  : 1);
	}
	ck_assert_int_gt(wait(&status), 0);
	ck_assert_int_eq(status, 0);
	s->ops->close(s);
	s = open_store();
	s->ops->close(s);
}

UNIT(newer_schema_is_refused_with_the_remedy)
{
	struct store *s = open_store();

	s->ops->close(s);
	exec_sql("PRAGMA user_version = 99");
	opening_fails(FCS_ESCHEMA, "install the newer fcsd");
	opening_fails(FCS_ESCHEMA, "schema 99");
}

UNIT(database_of_another_program_is_refused)
{
	exec_sql("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
	opening_fails(FCS_ESCHEMA, "another program");
}

UNIT(file_that_is_no_database_is_corrupt)
{
	FILE *f = fopen(path("objects.sqlite"), "w");

	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < 1000; i++)
		fputs("not a database ", f);
	fclose(f);
	opening_fails(FCS_ECORRUPT, "not a database");
}

UNIT(damage_is_found_after_an_unclean_end)
{
	struct store *s = open_store();
	uint8_t junk[512];
	int fd;

	for (uint64_t v = 2; v < 400; v++) {
		char text[64];

		snprintf(text, sizeof(text), "slot-number-%llu=%040llu",
		    (unsigned long long)v, (unsigned long long)v);
		ck_assert_int_eq(store_lib_write(s, "o", v, text), FCS_OK);
	}
	s->ops->close(s);
	memset(junk, 0xee, sizeof(junk));
	fd = open(path("objects.sqlite"), O_WRONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, junk, sizeof(junk), 4096 * 5), 512);
	ck_assert_int_eq(pwrite(fd, junk, sizeof(junk), 4096 * 9), 512);
	close(fd);
	fd = open(path("lock"), O_WRONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "1\n", 2), 2);
	close(fd);
	opening_fails(FCS_ECORRUPT, "");
	/* and again: the mark stays until a check was passed */
	opening_fails(FCS_ECORRUPT, "");
}

UNIT(unwritable_folder_is_told)
{
	struct store *s = NULL;
	struct err why;

	ck_assert_int_eq(
	    sodb_open("/nonexistent/fcs", STORE_SYNC_FULL, &s, &why),
	    FCS_ENOENT);
	ck_assert_ptr_null(s);
	ck_assert_ptr_nonnull(strstr(why.text, "/nonexistent/fcs/lock"));
}

UNIT(steps_run_in_one_transaction_with_a_copy_beside)
{
	static const struct migrate_step old[] = {
		{ 1, "0001_a", "CREATE TABLE t (a); INSERT INTO t VALUES (7)" },
		{ 0, NULL, NULL },
	};
	static const struct migrate_step bad[] = {
		{ 1, "0001_a", "" },
		{ 2, "0002_b", "ALTER TABLE t ADD COLUMN b" },
		{ 3, "0003_c", "CREATE nonsense" },
		{ 0, NULL, NULL },
	};
	static const struct migrate_step good[] = {
		{ 1, "0001_a", "" },
		{ 2, "0002_b", "ALTER TABLE t ADD COLUMN b" },
		{ 3, "0003_c", "UPDATE t SET b = a + 1" },
		{ 0, NULL, NULL },
	};
	sqlite3 *db;
	struct err why;
	struct stat st;
	int from;
	int version;

	ck_assert_int_eq(sqlite3_open(path("m.sqlite"), &db), SQLITE_OK);
	ck_assert_int_eq(
	    migrate_run(db, path("m.sqlite"), old, &from, &why), FCS_OK);
	ck_assert_int_eq(from, 0);
	ck_assert_int_ne(stat(path("m.sqlite.v0"), &st), 0);

	ck_assert_int_ne(
	    migrate_run(db, path("m.sqlite"), bad, &from, &why), FCS_OK);
	ck_assert_ptr_nonnull(strstr(why.text, "0003_c"));
	ck_assert_int_eq(migrate_version(db, &version, &why), FCS_OK);
	ck_assert_int_eq(version, 1);
	ck_assert_int_ne(
	    sqlite3_exec(db, "SELECT b FROM t", NULL, NULL, NULL), SQLITE_OK);

	ck_assert_int_eq(
	    migrate_run(db, path("m.sqlite"), good, &from, &why), FCS_OK);
	ck_assert_int_eq(from, 1);
	ck_assert_int_eq(migrate_version(db, &version, &why), FCS_OK);
	ck_assert_int_eq(version, 3);
	ck_assert_int_eq(
	    sqlite3_exec(db, "SELECT b FROM t", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);

	/* the copy is the database as it was */
	ck_assert_int_eq(sqlite3_open(path("m.sqlite.v1"), &db), SQLITE_OK);
	ck_assert_int_eq(migrate_version(db, &version, &why), FCS_OK);
	ck_assert_int_eq(version, 1);
	ck_assert_int_eq(
	    sqlite3_exec(db, "SELECT a FROM t", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

UNIT(embedded_steps_are_numbered_without_gap)
{
	int n = 0;

	for (const struct migrate_step *m = migrate_steps(); m->version != 0;
	     m++)
		ck_assert_int_eq(m->version, ++n);
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(migrate_latest(migrate_steps()), n);
}

UNIT(database_says_its_schema)
{
	struct store *s = open_store();
	sqlite3 *db;
	struct err why;
	int version;

	s->ops->close(s);
	ck_assert_int_eq(sqlite3_open(path("objects.sqlite"), &db), SQLITE_OK);
	ck_assert_int_eq(migrate_version(db, &version, &why), FCS_OK);
	ck_assert_int_eq(version, migrate_latest(migrate_steps()));
	sqlite3_close(db);
}

/* A VFS over the real one whose writes or syncs of the log fail on demand. */

static sqlite3_vfs failing;
static int fail_sync; /* SQLite code, 0: works */
static int fail_write;
static int syncs, syncs_of_log;

struct fail_file {
	sqlite3_file base;
	bool log;
	/* the real file lies behind */
};

static sqlite3_file *
real(sqlite3_file *f)
{
	return (sqlite3_file *)((struct fail_file *)f + 1);
}

static int
x_close(sqlite3_file *f)
{
	return real(f)->pMethods == NULL ? SQLITE_OK
					 : real(f)->pMethods->xClose(real(f));
}

static int
x_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return real(f)->pMethods->xRead(real(f), p, n, at);
}

static int
x_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	if (fail_write != 0 && ((struct fail_file *)f)->log)
		return fail_write;
	return real(f)->pMethods->xWrite(real(f), p, n, at);
}

static int
x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return real(f)->pMethods->xTruncate(real(f), size);
}

static int
x_sync(sqlite3_file *f, int flags)
{
	syncs++;
	syncs_of_log += ((struct fail_file *)f)->log;
	if (fail_sync != 0)
		return fail_sync;
	return real(f)->pMethods->xSync(real(f), flags);
}

static int
x_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return real(f)->pMethods->xFileSize(real(f), size);
}

static int
x_lock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xLock(real(f), level);
}

static int
x_unlock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xUnlock(real(f), level);
}

static int
x_reserved(sqlite3_file *f, int *out)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), out);
}

static int
x_control(sqlite3_file *f, int op, void *arg)
{
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int
x_sector(sqlite3_file *f)
{
	return real(f)->pMethods->xSectorSize(real(f));
}

static int
x_device(sqlite3_file *f)
{
	return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static const sqlite3_io_methods methods = { 1, x_close, x_read, x_write,
	x_truncate, x_sync, x_size, x_lock, x_unlock, x_reserved, x_control,
	x_sector, x_device, NULL, NULL, NULL, NULL, NULL, NULL };

static int
x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	sqlite3_vfs *under = vfs->pAppData;

	f->pMethods = &methods;
	((struct fail_file *)f)->log = (flags & SQLITE_OPEN_WAL) != 0;
	return under->xOpen(under, name, real(f), flags, out);
}

static void
use_failing_vfs(void)
{
	sqlite3_vfs *under = sqlite3_vfs_find(NULL);

	failing = *under;
	failing.zName = "failing";
	failing.pAppData = under;
	failing.szOsFile += (int)sizeof(struct fail_file);
	failing.xOpen = x_open;
	ck_assert_int_eq(sqlite3_vfs_register(&failing, 1), SQLITE_OK);
}

UNIT(commit_syncs_the_log_once)
{
	struct store *s;

	use_failing_vfs();
	s = open_store();
	ck_assert_int_eq(store_lib_write(s, "o", 2, "a=1"), FCS_OK);
	syncs = syncs_of_log = 0;
	ck_assert_int_eq(store_lib_write(s, "o", 3, "a=2 b=3"), FCS_OK);
	ck_assert_int_eq(syncs, 1);
	ck_assert_int_eq(syncs_of_log, 1);
	s->ops->close(s);
}

static int
count_line(void *arg, const struct store_change_info *c)
{
	(void)c;
	++*(int *)arg;
	return FCS_OK;
}

UNIT(relaxed_commits_wait_for_no_disk_until_one_must)
{
	struct store_change c = { "a", 1, (const uint8_t *)"1", 1, NULL };
	struct store_batch b[2] = {
		{ .inst = "i", .object = "p", .changes = &c, .count = 1 },
		{ .inst = "i", .object = "q", .changes = &c, .count = 1 },
	};
	struct store_batch *list[] = { &b[0], &b[1] };
	struct store *s;
	struct err why;

	use_failing_vfs();
	s = open_store();
	ck_assert_int_eq(store_lib_write(s, "o", 2, "a=1"), FCS_OK);
	syncs = syncs_of_log = 0;
	b[0].version = b[1].version = 2;
	b[0].relaxed = b[1].relaxed = true;
	ck_assert_int_eq(s->ops->commit(s, list, 2, &why), FCS_OK);
	ck_assert_int_eq(syncs, 0);
	ck_assert_str_eq(store_lib_undo(s, "p", NULL, false, NULL), "2:a");
	ck_assert_int_eq(s->ops->sync(s, &why), FCS_OK);
	ck_assert_int_ge(syncs_of_log, 1);
	/* one of the group that must be durable is enough */
	syncs = syncs_of_log = 0;
	b[0].version = b[1].version = 3;
	b[1].relaxed = false;
	ck_assert_int_eq(s->ops->commit(s, list, 2, &why), FCS_OK);
	ck_assert_int_ge(syncs_of_log, 1);
	fail_sync = SQLITE_IOERR_FSYNC;
	b[0].version = b[1].version = 4;
	b[1].relaxed = true;
	ck_assert_int_eq(s->ops->commit(s, list, 2, &why), FCS_OK);
	ck_assert_int_eq(s->ops->sync(s, &why), FCS_EIO);
	fail_sync = 0;
	s->ops->close(s);
}

UNIT(long_history_is_trimmed_in_pieces)
{
	struct store *s = open_store();
	bool more = true;
	int times = 0;

	for (uint64_t v = 2; v < 62; v++)
		ck_assert_int_eq(store_lib_write_many(s, "o", v, 100), FCS_OK);
	while (more) {
		ck_assert_int_eq(
		    s->ops->trim(s, "i", "o", 150, INT64_MIN, &more), FCS_OK);
		times++;
	}
	ck_assert_int_eq(times, 3); /* 5,800 of 6,000 go, 2,000 at a time */
	ck_assert_str_eq(store_lib_rewind(s, "o", 58), "FCS_ERANGE");
	ck_assert_uint_eq(strlen(store_lib_rewind(s, "o", 61)), 0);
	s->ops->close(s);
}

/* What a database of schema 1 held is there after the steps that follow. */
UNIT(history_of_the_first_schema_is_taken_over)
{
	static const char rows[] =
	    "INSERT INTO object VALUES (1, 'i', 'o', 5, 0, 2, 4);"
	    "INSERT INTO object VALUES (2, 'i', 'bare', 3, 0, 1, 2);"
	    "INSERT INTO slot VALUES (1, 'a', 5, 3145728, x'33', 'ann');"
	    "INSERT INTO slot VALUES (1, 'b', 4, 4194304, x'31', 'bob');"
	    "INSERT INTO slot VALUES (2, 'x', 3, 1, x'31', NULL);"
	    "INSERT INTO history VALUES"
	    " (1, 3, 0, 3000, 'a', x'32', x'31', 'ann'),"
	    " (1, 4, 0, 4000, 'b', x'31', NULL, 'bob'),"
	    " (1, 5, 0, 5000, 'a', x'33', x'32', 'ann')";
	struct migrate_step first[2];
	struct store_range all = { .limit = 9 };
	struct store *s;
	sqlite3 *db;
	struct err why;
	bool more;
	int from;
	int n = 0;

	first[0] = migrate_steps()[0];
	memset(&first[1], 0, sizeof(first[1]));
	ck_assert_int_eq(sqlite3_open(path("objects.sqlite"), &db), SQLITE_OK);
	ck_assert_int_eq(
	    migrate_run(db, path("objects.sqlite"), first, &from, &why),
	    FCS_OK);
	ck_assert_int_eq(sqlite3_exec(db, rows, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	s = open_store();
	ck_assert_str_eq(store_lib_undo(s, "o", "ann", false, NULL), "5:a=2");
	ck_assert_str_eq(store_lib_rewind(s, "o", 2), "a=1 b");
	ck_assert_str_eq(store_lib_rewind(s, "o", 1), "FCS_ERANGE");
	ck_assert_str_eq(store_lib_rewind(s, "bare", 2), "FCS_ERANGE");
	ck_assert_str_eq(store_lib_rewind(s, "bare", 3), "");
	ck_assert_int_eq(
	    s->ops->trim(s, "i", "o", 1, INT64_MIN, &more), FCS_OK);
	ck_assert_int_eq(
	    s->ops->history(s, "i", "o", &all, count_line, &n), FCS_OK);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(store_lib_write(s, "o", 6, "a=4"), FCS_OK);
	s->ops->close(s);
}

UNIT(failing_sync_writes_nothing)
{
	struct store *s;
	struct err why;

	use_failing_vfs();
	s = open_store();
	ck_assert_int_eq(store_lib_write(s, "o", 2, "a=1"), FCS_OK);
	fail_sync = SQLITE_IOERR_FSYNC;
	ck_assert_int_eq(store_lib_try(s, "o", 3, "a=2 b=2", &why), FCS_EIO);
	ck_assert_ptr_nonnull(strstr(why.text, "commit"));
	fail_sync = 0;
	ck_assert_str_eq(store_lib_read(s, "o", 0), "a=1@2");
	ck_assert_uint_eq(store_lib_version(s, "o"), 2);
	s->ops->close(s);
}

UNIT(full_disk_writes_nothing_and_recovers)
{
	struct store *s;
	struct err why;

	use_failing_vfs();
	s = open_store();
	ck_assert_int_eq(store_lib_write(s, "o", 2, "a=1"), FCS_OK);
	fail_write = SQLITE_FULL;
	ck_assert_int_eq(store_lib_try(s, "o", 3, "a=2 b=2", &why), FCS_ENOSPC);
	fail_write = 0;
	ck_assert_str_eq(store_lib_read(s, "o", 0), "a=1@2");
	ck_assert_int_eq(store_lib_write(s, "o", 3, "a=2 b=2"), FCS_OK);
	ck_assert_str_eq(store_lib_read(s, "o", 0), "a=2@3 b=2@3");
	s->ops->close(s);
}

UNIT(file_size_limit_writes_nothing)
{
	struct store *s = open_store();
	struct rlimit limit = { 256 << 10, 256 << 10 };
	struct err why;
	uint64_t v = 2;
	int rc;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	while (
	    (rc = store_lib_try(s, "o", v, "a=1", &why)) == FCS_OK && v < 1000)
		v++;
	ck_assert_int_eq(rc, FCS_EIO);
	ck_assert_uint_eq(store_lib_version(s, "o"), v - 1);
	s->ops->close(s);
	s = open_store();
	ck_assert_uint_ge(store_lib_version(s, "o"), v - 1);
	ck_assert_uint_le(store_lib_version(s, "o"), v);
	s->ops->close(s);
}

UNIT_TIMEOUT(log_is_reused_after_it_was_moved, 30)
{
	struct store *s = open_store();
	struct stat st;
	uint64_t v;

	for (v = 2; v < 1500; v++) {
		ck_assert_int_eq(store_lib_write(s, "o", v, "a=1 b=2"), FCS_OK);
		if (s->ops->log_bytes(s) > 1 << 20)
			ck_assert_int_eq(s->ops->idle(s), FCS_OK);
	}
	ck_assert_int_eq(stat(path("objects.sqlite-wal"), &st), 0);
	ck_assert_int_lt(st.st_size, 2 << 20);
	s->ops->close(s);
	ck_assert_int_ne(stat(path("objects.sqlite-wal"), &st), 0);
}

UNIT_MAIN
