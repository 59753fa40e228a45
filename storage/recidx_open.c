/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recidx_open - opening and closing the index: the lock, the mark file that
 * says how it was left, and the trial in a child process.
 *
 * LMDB runs with NOSYNC and without WRITEMAP (dependencies.md 4): kill -9
 * leaves it whole, a power cut may not; the boot id in the mark tells the two
 * apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/recidx_int.h"

#define SCHEMA        1
#define MARK_MAX      256
#define HASH_MAX      (64u << 20) /* larger files are walked instead */
#define CHECK_SECONDS 20

static void
boot_id(char out[64])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, 63);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		n = 0;
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

/* Checksum of the index file, 0 when it is too large to be worth it. */
static uint64_t
file_sum(int dir_fd)
{
	static const char name[] = "index.lmdb";
	uint64_t h = 0xcbf29ce484222325ull;
	uint8_t *block;
	struct stat st;
	ssize_t n;
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	block = malloc(65536);
	if (block == NULL || fstat(fd, &st) != 0 ||
	    (uint64_t)st.st_size > HASH_MAX) {
		free(block);
		close(fd);
		return 0;
	}
	while ((n = read(fd, block, 65536)) > 0) {
		/* eight bytes at a time: this runs at every start */
		for (ssize_t i = 0; i + 8 <= n; i += 8) {
			uint64_t w;

			memcpy(&w, block + i, 8);
			h = (h ^ w) * 0x100000001b3ull;
			h ^= h >> 29;
		}
	}
	free(block);
	close(fd);
	return h == 0 ? 1 : h;
}

static int
write_mark(int fd, const char *state, uint64_t sum)
{
	char text[MARK_MAX];
	char boot[64];
	int n;

	boot_id(boot);
	n = snprintf(text, sizeof(text), "fcs-index %d %s %s %016llx\n", SCHEMA,
	    state, boot, (unsigned long long)sum);
	if (pwrite(fd, text, (size_t)n, 0) != n || ftruncate(fd, n) != 0 ||
	    fdatasync(fd) != 0)
		return FCS_EIO;
	return FCS_OK;
}

enum trust {
	TRUST,
	CHECK,
	DOUBT
};

static enum trust
read_mark(int mark_fd, int dir_fd)
{
	char text[MARK_MAX];
	char state[16];
	char boot[64];
	char now[64];
	unsigned long long sum;
	int schema;
	ssize_t n = pread(mark_fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return DOUBT;
	text[n] = '\0';
	if (sscanf(text, "fcs-index %d %15s %63s %llx", &schema, state, boot,
		&sum) != 4 ||
	    schema != SCHEMA)
		return DOUBT;
	if (strcmp(state, "closed") == 0) {
		if (sum == 0)
			return CHECK;
		return file_sum(dir_fd) == sum ? TRUST : DOUBT;
	}
	boot_id(now);
	return now[0] != '\0' && strcmp(boot, now) == 0 ? CHECK : DOUBT;
}

/* --- opening --- */

static int
env_open(const char *file, uint64_t map_bytes, unsigned flags, MDB_env **out)
{
	MDB_env *env;
	int rc = mdb_env_create(&env);

	if (rc != 0)
		return rc;
	rc = mdb_env_set_maxdbs(env, 4);
	if (rc == 0)
		rc = mdb_env_set_mapsize(env, (size_t)map_bytes);
	if (rc == 0)
		rc = mdb_env_open(env, file, MDB_NOSUBDIR | flags, 0640);
	if (rc != 0) {
		mdb_env_close(env);
		return rc;
	}
	*out = env;
	return 0;
}

/* Read everything there is, the list of free pages too. */
static int
walk_all(MDB_env *env)
{
	static const char *const names[] = { "rec", "key", "open" };
	volatile uint64_t sum = 0;
	MDB_cursor *c;
	MDB_txn *txn;
	MDB_val k;
	MDB_val v;
	MDB_dbi dbi;
	int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);

	for (int i = -1; rc == 0 && i < 3; i++) {
		if (i < 0)
			dbi = 0;
		else
			rc = mdb_dbi_open(txn, names[i], 0, &dbi);
		if (rc == MDB_NOTFOUND) {
			rc = 0;
			continue;
		}
		if (rc == 0)
			rc = mdb_cursor_open(txn, dbi, &c);
		if (rc != 0)
			break;
		while ((rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
			sum = recidx_fnv(sum, k.mv_data, k.mv_size);
			sum = recidx_fnv(sum, v.mv_data, v.mv_size);
		}
		if (rc == MDB_NOTFOUND)
			rc = 0;
		mdb_cursor_close(c);
	}
	return rc;
}

/* Try an index in a child: it may crash there without harm. */
static bool
try_in_child(const char *file, uint64_t map_bytes)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return false;
	if (pid == 0) {
		MDB_env *env;
		sigset_t none;
		int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (quiet >= 0)
			(void)dup2(quiet, 2);
		for (int s = 1; s < NSIG; s++)
			(void)signal(s, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		alarm(CHECK_SECONDS);
		if (env_open(file, map_bytes, MDB_RDONLY | MDB_NOLOCK, &env) !=
		    0)
			_exit(1);
		_exit(walk_all(env) == 0 ? 0 : 1);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int
open_databases(struct recidx *ix)
{
	MDB_txn *txn;
	MDB_cursor *c;
	MDB_val k;
	MDB_val v;
	int rc = mdb_txn_begin(ix->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	rc = mdb_dbi_open(txn, "rec", MDB_CREATE, &ix->rec);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "key", MDB_CREATE, &ix->key);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "open", MDB_CREATE, &ix->open);
	if (rc == 0)
		rc = mdb_cursor_open(txn, ix->rec, &c);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	while ((rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
		struct recidx_row d;

		if (v.mv_size < sizeof(d))
			continue;
		memcpy(&d, v.mv_data, sizeof(d));
		if (d.rec.id > ix->next_id)
			ix->next_id = d.rec.id;
	}
	mdb_cursor_close(c);
	/* keys whose recording was never put must not be met again */
	if (rc == MDB_NOTFOUND) {
		rc = mdb_cursor_open(txn, ix->key, &c);
		if (rc == 0 && mdb_cursor_get(c, &k, &v, MDB_LAST) == 0 &&
		    k.mv_size == 12 && recidx_be(k.mv_data, 8) > ix->next_id)
			ix->next_id = recidx_be(k.mv_data, 8);
		if (rc == 0)
			mdb_cursor_close(c);
	}
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

static int
lock_mark(struct recidx *ix, struct err *why)
{
	ix->mark_fd = openat(
	    ix->dir_fd, "index.mark", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (ix->mark_fd < 0)
		return err_sys(why, errno, "index.mark");
	if (flock(ix->mark_fd, LOCK_EX | LOCK_NB) != 0)
		return err_set(
		    why, FCS_EBUSY, "recordings are in use by another process");
	return FCS_OK;
}

int
recidx_open(const char *dir, uint64_t map_bytes, struct recidx **out,
    bool *fresh, struct err *why)
{
	char file[4096];
	struct recidx *ix = calloc(1, sizeof(*ix));
	enum trust trust;
	int rc;

	if (ix == NULL)
		return err_set(why, FCS_ENOMEM, "index");
	ix->mark_fd = -1;
	ix->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ix->dir_fd < 0) {
		rc = err_sys(why, errno, "state folder");
		goto fail;
	}
	rc = lock_mark(ix, why);
	if (rc != FCS_OK)
		goto fail;
	snprintf(file, sizeof(file), "%s/index.lmdb", dir);
	*fresh = false;
	if (faccessat(ix->dir_fd, "index.lmdb", F_OK, 0) == 0) {
		trust = read_mark(ix->mark_fd, ix->dir_fd);
		if (trust == CHECK)
			trust = try_in_child(file, map_bytes) ? TRUST : DOUBT;
		if (trust == DOUBT) {
			log_warn("rec.index", "file=%s what=%s", file,
			    "not closed well or damaged: built anew");
			(void)unlinkat(ix->dir_fd, "index.lmdb", 0);
			*fresh = true;
		}
	} else {
		*fresh = true;
	}
	(void)unlinkat(ix->dir_fd, "index.lmdb-lock", 0); /* ours alone */
	rc = write_mark(ix->mark_fd, "open", 0);
	if (rc != FCS_OK) {
		(void)err_set(why, rc, "index.mark cannot be written");
		goto fail;
	}
	rc = env_open(file, map_bytes, MDB_NOSYNC | MDB_NOTLS, &ix->env);
	if (rc == 0)
		rc = open_databases(ix);
	if (rc != 0) {
		rc = err_set(
		    why, recidx_code(rc), "index.lmdb: %s", mdb_strerror(rc));
		goto fail;
	}
	*out = ix;
	return FCS_OK;
fail:
	if (ix->env != NULL)
		mdb_env_close(ix->env);
	if (ix->mark_fd >= 0)
		close(ix->mark_fd);
	if (ix->dir_fd >= 0)
		close(ix->dir_fd);
	free(ix);
	return rc;
}

void
recidx_close(struct recidx *ix)
{
	if (ix == NULL)
		return;
	recidx_abort(ix);
	if (ix->read != NULL)
		mdb_txn_abort(ix->read);
	if (mdb_env_sync(ix->env, 1) == 0) {
		mdb_env_close(ix->env);
		if (write_mark(ix->mark_fd, "closed", file_sum(ix->dir_fd)) !=
		    FCS_OK)
			log_warn("rec.index", "what=%s",
			    "mark not written: checked at the next start");
	} else {
		mdb_env_close(ix->env);
	}
	close(ix->mark_fd);
	close(ix->dir_fd);
	free(ix);
}
