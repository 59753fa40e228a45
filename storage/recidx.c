/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recidx - see recidx.h. Databases: "rec" path -> struct disk_rec + path;
 * "key" id, ms (big-endian) -> struct disk_key; "open" path -> path of those
 * being recorded. LMDB runs with NOSYNC and without WRITEMAP
 * (dependencies.md 4): kill -9 leaves it whole, a power cut may not, and the
 * mark file tells the two apart by the boot id.
 */
#include "storage/recidx.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/recpath.h"

#define SCHEMA        1
#define KEY_WHOLE     480 /* LMDB keys hold 511 bytes */
#define KEY_CUT       440
#define MARK_MAX      256
#define HASH_MAX      (64u << 20) /* larger files are walked instead */
#define CHECK_SECONDS 20
#define WALK_STEP     64

struct disk_rec {
	uint32_t size; /* of this struct: another build's is not read */
	uint32_t pad;
	struct recidx_rec rec;
};

struct disk_key {
	uint64_t offset, video_conf, audio_conf;
	uint32_t flags, pad;
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

static uint64_t
fnv(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3ull;
	return h;
}

static int
code(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return FCS_OK;
	case MDB_NOTFOUND:
		return FCS_ENOENT;
	case MDB_MAP_FULL:
	case ENOSPC:
	case EDQUOT:
		return FCS_ENOSPC;
	case ENOMEM:
		return FCS_ENOMEM;
	case EACCES:
	case EPERM:
		return FCS_EACCES;
	default:
		return FCS_EIO;
	}
}

static MDB_val
path_key(const char *path, char out[KEY_WHOLE + 1])
{
	size_t n = strlen(path);
	MDB_val v;

	if (n > KEY_WHOLE) {
		uint64_t h = fnv(0xcbf29ce484222325ull, path, n);

		memcpy(out, path, KEY_CUT);
		n = KEY_CUT + (size_t)snprintf(out + KEY_CUT,
				  KEY_WHOLE + 1 - KEY_CUT, "#%016llx",
				  (unsigned long long)h);
	} else {
		memcpy(out, path, n);
	}
	v.mv_data = out;
	v.mv_size = n;
	return v;
}

static void
put_be(uint8_t *p, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static uint64_t
get_be(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static void
time_key(uint8_t out[12], uint64_t id, uint32_t ts_ms)
{
	put_be(out, id, 8);
	put_be(out + 8, ts_ms, 4);
}

/* --- the mark file --- */

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
			sum = fnv(sum, k.mv_data, k.mv_size);
			sum = fnv(sum, v.mv_data, v.mv_size);
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
		struct disk_rec d;

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
		    k.mv_size == 12 && get_be(k.mv_data, 8) > ix->next_id)
			ix->next_id = get_be(k.mv_data, 8);
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
		rc = err_set(why, code(rc), "index.lmdb: %s", mdb_strerror(rc));
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

/* --- transactions --- */

int
recidx_begin(struct recidx *ix)
{
	fcs_assert(ix->txn == NULL);
	return code(mdb_txn_begin(ix->env, NULL, 0, &ix->txn));
}

int
recidx_commit(struct recidx *ix)
{
	MDB_txn *txn = ix->txn;

	fcs_assert(txn != NULL);
	ix->txn = NULL;
	return code(mdb_txn_commit(txn));
}

void
recidx_abort(struct recidx *ix)
{
	if (ix->txn != NULL)
		mdb_txn_abort(ix->txn);
	ix->txn = NULL;
}

/* A transaction to read in: the write one in progress, or the kept one. */
static int
read_begin(struct recidx *ix, MDB_txn **out)
{
	int rc;

	if (ix->txn != NULL) {
		*out = ix->txn;
		return 0;
	}
	if (ix->read != NULL)
		rc = mdb_txn_renew(ix->read);
	else
		rc = mdb_txn_begin(ix->env, NULL, MDB_RDONLY, &ix->read);
	if (rc != 0)
		ix->read = NULL;
	*out = ix->read;
	return rc;
}

static void
read_end(struct recidx *ix, MDB_txn *txn)
{
	if (txn != ix->txn)
		mdb_txn_reset(txn);
}

/* Begin a write transaction unless one is in progress. */
static int
write_begin(struct recidx *ix, bool *own)
{
	*own = ix->txn == NULL;
	return *own ? recidx_begin(ix) : FCS_OK;
}

static int
write_end(struct recidx *ix, bool own, int rc)
{
	if (!own)
		return rc;
	if (rc == FCS_OK)
		return recidx_commit(ix);
	recidx_abort(ix);
	return rc;
}

/* --- the catalogue --- */

uint64_t
recidx_new_id(struct recidx *ix)
{
	return ++ix->next_id;
}

/* False: the row is another build's, or another path's. */
static bool
decode(const MDB_val *v, const char *path, struct recidx_rec *out)
{
	struct disk_rec d;

	if (v->mv_size < sizeof(d))
		return false;
	memcpy(&d, v->mv_data, sizeof(d));
	if (d.size != sizeof(d))
		return false;
	if (path != NULL && (v->mv_size - sizeof(d) != strlen(path) ||
				memcmp((const char *)v->mv_data + sizeof(d),
				    path, strlen(path)) != 0))
		return false;
	*out = d.rec;
	return true;
}

int
recidx_get(struct recidx *ix, const char *path, struct recidx_rec *out)
{
	char key[KEY_WHOLE + 1];
	MDB_val k = path_key(path, key);
	MDB_val v;
	MDB_txn *txn;
	int rc = read_begin(ix, &txn);

	if (rc != 0)
		return code(rc);
	rc = mdb_get(txn, ix->rec, &k, &v);
	if (rc == 0 && !decode(&v, path, out))
		rc = MDB_NOTFOUND;
	read_end(ix, txn);
	return code(rc);
}

int
recidx_put(struct recidx *ix, const char *path, const struct recidx_rec *rec)
{
	char key[KEY_WHOLE + 1];
	uint8_t row[sizeof(struct disk_rec) + RECPATH_MAX + 8];
	struct disk_rec d;
	size_t n = strlen(path);
	MDB_val k = path_key(path, key);
	MDB_val v = { .mv_data = row, .mv_size = sizeof(d) + n };
	bool own;
	int rc;

	if (v.mv_size > sizeof(row))
		return FCS_ELIMIT;
	memset(&d, 0, sizeof(d));
	d.size = sizeof(d);
	d.rec = *rec;
	memcpy(row, &d, sizeof(d));
	memcpy(row + sizeof(d), path, n);
	rc = write_begin(ix, &own);
	if (rc != FCS_OK)
		return rc;
	rc = code(mdb_put(ix->txn, ix->rec, &k, &v, 0));
	if (rc == FCS_OK && (rec->state & RECIDX_OPEN) != 0) {
		v.mv_data = row + sizeof(d);
		v.mv_size = n;
		rc = code(mdb_put(ix->txn, ix->open, &k, &v, 0));
	} else if (rc == FCS_OK) {
		rc = code(mdb_del(ix->txn, ix->open, &k, NULL));
		if (rc == FCS_ENOENT)
			rc = FCS_OK;
	}
	return write_end(ix, own, rc);
}

int
recidx_del(struct recidx *ix, const char *path)
{
	char key[KEY_WHOLE + 1];
	MDB_val k = path_key(path, key);
	struct recidx_rec rec;
	bool own;
	int rc = recidx_get(ix, path, &rec);

	if (rc != FCS_OK)
		return rc == FCS_ENOENT ? FCS_OK : rc;
	rc = write_begin(ix, &own);
	if (rc != FCS_OK)
		return rc;
	rc = recidx_key_clear(ix, rec.id);
	if (rc == FCS_OK)
		rc = code(mdb_del(ix->txn, ix->rec, &k, NULL));
	if (rc == FCS_OK || rc == FCS_ENOENT)
		rc = code(mdb_del(ix->txn, ix->open, &k, NULL));
	if (rc == FCS_ENOENT)
		rc = FCS_OK;
	return write_end(ix, own, rc);
}

int
recidx_each(struct recidx *ix, bool open_only,
    int (*fn)(void *arg, const char *path, const struct recidx_rec *),
    void *arg)
{
	char path[RECPATH_MAX + 8];
	struct recidx_rec rec;
	MDB_cursor *c;
	MDB_txn *txn;
	MDB_val k;
	MDB_val v;
	int result = FCS_OK;
	int rc = read_begin(ix, &txn);

	if (rc == 0)
		rc = mdb_cursor_open(txn, open_only ? ix->open : ix->rec, &c);
	if (rc != 0)
		return code(rc);
	while (result == FCS_OK &&
	       (rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
		size_t skip = open_only ? 0 : sizeof(struct disk_rec);

		if (v.mv_size < skip || v.mv_size - skip >= sizeof(path))
			continue;
		memcpy(path, (const char *)v.mv_data + skip, v.mv_size - skip);
		path[v.mv_size - skip] = '\0';
		if (open_only) {
			if (mdb_get(txn, ix->rec, &k, &v) != 0)
				continue;
		}
		if (decode(&v, path, &rec))
			result = fn(arg, path, &rec);
	}
	mdb_cursor_close(c);
	read_end(ix, txn);
	if (result != FCS_OK)
		return result;
	return rc == MDB_NOTFOUND ? FCS_OK : code(rc);
}

/* --- key frames --- */

int
recidx_key_put(struct recidx *ix, uint64_t id, const struct recscan_key *key)
{
	uint8_t bytes[12];
	struct disk_key d = { key->offset, key->video_conf, key->audio_conf,
		key->flags, 0 };
	MDB_val k = { .mv_data = bytes, .mv_size = sizeof(bytes) };
	MDB_val v = { .mv_data = &d, .mv_size = sizeof(d) };
	bool own;
	int rc = write_begin(ix, &own);

	if (rc != FCS_OK)
		return rc;
	time_key(bytes, id, key->ts_ms);
	/* two key frames of one time: the first one is the place to go */
	rc = mdb_put(ix->txn, ix->key, &k, &v, MDB_NOOVERWRITE);
	return write_end(ix, own, rc == MDB_KEYEXIST ? FCS_OK : code(rc));
}

static bool
read_key(
    uint64_t id, const MDB_val *k, const MDB_val *v, struct recscan_key *out)
{
	struct disk_key d;

	if (k->mv_size != 12 || v->mv_size != sizeof(d) ||
	    get_be(k->mv_data, 8) != id)
		return false;
	memcpy(&d, v->mv_data, sizeof(d));
	out->ts_ms = (uint32_t)get_be((const uint8_t *)k->mv_data + 8, 4);
	out->offset = d.offset;
	out->video_conf = d.video_conf;
	out->audio_conf = d.audio_conf;
	out->flags = d.flags;
	return true;
}

int
recidx_key_find(
    struct recidx *ix, uint64_t id, uint32_t ts_ms, struct recscan_key *out)
{
	uint8_t bytes[12];
	MDB_val k = { .mv_data = bytes, .mv_size = sizeof(bytes) };
	MDB_val v;
	MDB_cursor *c;
	MDB_txn *txn;
	int rc = read_begin(ix, &txn);

	if (rc == 0)
		rc = mdb_cursor_open(txn, ix->key, &c);
	if (rc != 0)
		return code(rc);
	time_key(bytes, id, ts_ms);
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	if (rc == MDB_NOTFOUND)
		rc = mdb_cursor_get(c, &k, &v, MDB_LAST);
	else if (rc == 0 && !(read_key(id, &k, &v, out) && out->ts_ms == ts_ms))
		rc = mdb_cursor_get(c, &k, &v, MDB_PREV);
	if (rc == 0 && !read_key(id, &k, &v, out))
		rc = MDB_NOTFOUND;
	mdb_cursor_close(c);
	read_end(ix, txn);
	return code(rc);
}

int
recidx_key_each(struct recidx *ix, uint64_t id,
    bool (*fn)(void *arg, const struct recscan_key *), void *arg)
{
	uint8_t bytes[12];
	struct recscan_key key;
	MDB_val k = { .mv_data = bytes, .mv_size = sizeof(bytes) };
	MDB_val v;
	MDB_cursor *c;
	MDB_txn *txn;
	int rc = read_begin(ix, &txn);

	if (rc == 0)
		rc = mdb_cursor_open(txn, ix->key, &c);
	if (rc != 0)
		return code(rc);
	time_key(bytes, id, 0);
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	while (rc == 0 && read_key(id, &k, &v, &key) && fn(arg, &key))
		rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
	mdb_cursor_close(c);
	read_end(ix, txn);
	return rc == MDB_NOTFOUND ? FCS_OK : code(rc);
}

int
recidx_key_clear(struct recidx *ix, uint64_t id)
{
	uint8_t bytes[12];
	struct recscan_key key;
	MDB_val k = { .mv_data = bytes, .mv_size = sizeof(bytes) };
	MDB_val v;
	MDB_cursor *c;
	bool own;
	int rc = write_begin(ix, &own);

	if (rc != FCS_OK)
		return rc;
	rc = mdb_cursor_open(ix->txn, ix->key, &c);
	if (rc != 0)
		return write_end(ix, own, code(rc));
	time_key(bytes, id, 0);
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	while (rc == 0 && read_key(id, &k, &v, &key)) {
		rc = mdb_cursor_del(c, 0);
		if (rc == 0)
			rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
	}
	if (rc == MDB_NOTFOUND)
		rc = 0;
	mdb_cursor_close(c);
	return write_end(ix, own, code(rc));
}

int
recidx_sync(struct recidx *ix)
{
	return code(mdb_env_sync(ix->env, 1));
}

void
recidx_idle(struct recidx *ix)
{
	int dead;

	if (mdb_reader_check(ix->env, &dead) == 0 && dead > 0)
		log_info("rec.index", "stale_readers=%d", dead);
}
