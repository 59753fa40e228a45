/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operations, on the files thread, which is the only one that changes the
 * written tree: so its bytes are counted once and kept in step. Before the
 * quota refuses anything they are counted again, for somebody may have cleaned
 * up by hand.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/files_int.h"

#define TOP_MODE   0750
#define COPY_BLOCK (256 * 1024)

/* One operation under way. */
struct run {
	struct files_tree *tree;
	struct files_op *op;
	struct err *why;
	int top;          /* of the written tree, -1 = there is none */
	const char *path; /* checked, without app: */
	bool shipped;
};

/* Where the last part of a path is, or will be. */
struct place {
	int dir;
	const char *name;
	bool exists;
	struct stat st;
};

/* ---- helpers ---- */

static int
write_all(int fd, const void *data, size_t len, int64_t at, struct err *why)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		n = pwrite(fd, p, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(why, errno, "write");
		p += n;
		at += n;
		len -= (size_t)n;
	}
	return FCS_OK;
}

static int
sync_fd(int fd, struct err *why)
{
	return fsync(fd) == 0 ? FCS_OK : err_sys(why, errno, "sync");
}

/* A folder opened by O_PATH cannot be synced itself. */
static int
sync_dir(int dir, struct err *why)
{
	int fd, rc;

	rc = files_open_beneath(dir, ".", O_RDONLY | O_DIRECTORY, &fd, why);
	if (rc != FCS_OK)
		return rc;
	rc = sync_fd(fd, why);
	close(fd);
	return rc;
}

static int
open_top(struct run *r, bool make)
{
	char path[4096];
	int fd;

	if (r->top >= 0)
		return FCS_OK;
	(void)snprintf(path, sizeof(path), "%s/files", r->tree->state_dir);
	r->top = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->top < 0 && errno == ENOENT && make) {
		if (mkdir(path, TOP_MODE) < 0 && errno != EEXIST)
			return err_sys(r->why, errno, "files");
		fd = open(
		    r->tree->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0) {
			(void)fsync(fd);
			close(fd);
		}
		r->top = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (r->top < 0 && errno == ENOENT)
		return err_set(r->why, FCS_ENOENT, "there is no such file");
	if (r->top < 0)
		return err_sys(r->why, errno, "files");
	return FCS_OK;
}

/* The top of the tree the path is in; *fd is the caller's to close if it is
 * not r->top. */
static int
open_tree(struct run *r, bool shipped, int *fd)
{
	int rc;

	if (!shipped) {
		rc = open_top(r, false);
		*fd = r->top;
		return rc;
	}
	*fd = open(r->tree->data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*fd >= 0)
		return FCS_OK;
	if (errno == ENOENT || errno == ENOTDIR)
		return err_set(
		    r->why, FCS_ENOENT, "the application has no folder data");
	return err_sys(r->why, errno, "data");
}

static void
close_tree(const struct run *r, int fd)
{
	if (fd >= 0 && fd != r->top)
		close(fd);
}

static int
check(struct run *r, const char *path, bool *shipped, const char **rest)
{
	return files_name_check(path, strlen(path), shipped, rest, r->why);
}

static int
check_written(struct run *r, const char *path)
{
	const char *rest;
	bool shipped;
	int rc = check(r, path, &shipped, &rest);

	if (rc == FCS_OK && shipped)
		return err_set(r->why, FCS_EINVAL,
		    "what the application ships is only read");
	return rc;
}

/* One of our files? The written tree has files with one name only: another
 * name could be anywhere. */
static int
check_kind(const struct stat *st, bool shipped, struct err *why)
{
	if (S_ISDIR(st->st_mode))
		return err_set(why, FCS_EUNSUPPORTED, "it is a folder");
	if (!S_ISREG(st->st_mode))
		return err_set(why, FCS_EUNSUPPORTED, "it is not a file");
	if (!shipped && st->st_nlink != 1)
		return err_set(
		    why, FCS_EUNSUPPORTED, "the file has a second name");
	return FCS_OK;
}

/* The folder of path, which must be there. */
static int
find_place(struct run *r, const char *path, struct place *out)
{
	const char *slash = strrchr(path, '/');
	char dir[FILES_PATH_MAX + 1] = ".";
	int rc;

	out->name = slash == NULL ? path : slash + 1;
	out->exists = false;
	if (slash != NULL) {
		memcpy(dir, path, (size_t)(slash - path));
		dir[slash - path] = '\0';
	}
	rc = files_open_beneath(
	    r->top, dir, O_PATH | O_DIRECTORY, &out->dir, r->why);
	if (rc == FCS_ENOENT)
		return err_set(r->why, rc, "there is no such folder");
	if (rc != FCS_OK)
		return rc;
	if (fstatat(out->dir, out->name, &out->st, AT_SYMLINK_NOFOLLOW) == 0) {
		out->exists = true;
		return FCS_OK;
	}
	if (errno == ENOENT)
		return FCS_OK;
	rc = err_sys(r->why, errno, "stat");
	close(out->dir);
	return rc;
}

/* ---- the quota ---- */

static int
count(struct run *r, bool again)
{
	struct files_count c;
	int rc;

	if (r->tree->is_counted && !again)
		return FCS_OK;
	/* what a process that was killed left behind */
	(void)unlinkat(r->top, FILES_TMP, 0);
	rc = files_count(r->top, &c, r->why);
	if (rc != FCS_OK)
		return rc;
	r->tree->bytes = c.bytes;
	r->tree->entries = c.entries;
	r->tree->is_counted = true;
	return FCS_OK;
}

static bool
has_room(const struct run *r, uint64_t more, uint64_t less, uint64_t entries)
{
	const struct files_tree *t = r->tree;
	uint64_t rest = t->bytes > less ? t->bytes - less : 0;

	return (more <= less ||
		   (more <= r->op->quota && rest <= r->op->quota - more)) &&
	       (entries == 0 || t->entries + entries <= r->op->entries_max);
}

/* `more` bytes in place of `less`, and so many new entries. */
static int
make_room(struct run *r, uint64_t more, uint64_t less, uint64_t entries)
{
	int rc = count(r, false);

	if (rc != FCS_OK || has_room(r, more, less, entries))
		return rc;
	rc = count(r, true);
	if (rc != FCS_OK || has_room(r, more, less, entries))
		return rc;
	if (entries > 0 && r->tree->entries + entries > r->op->entries_max)
		return err_set(r->why, FCS_ELIMIT,
		    "more than limits.files_entries files and folders");
	return err_set(r->why, FCS_ELIMIT,
	    "files.max: %llu bytes are there, %llu are allowed",
	    (unsigned long long)r->tree->bytes,
	    (unsigned long long)r->op->quota);
}

static void
account(struct run *r, uint64_t more, uint64_t less, int64_t entries)
{
	struct files_tree *t = r->tree;

	if (!t->is_counted)
		return;
	t->bytes += more;
	t->bytes -= less < t->bytes ? less : t->bytes;
	if (entries < 0 && t->entries < (uint64_t)-entries)
		t->entries = 0;
	else
		t->entries += (uint64_t)entries;
}

/* ---- reading ---- */

static int
read_file(struct run *r, int fd, uint64_t size)
{
	struct files_op *op = r->op;
	uint64_t from = (uint64_t)op->offset, n, got = 0;
	uint8_t *p;
	ssize_t k;

	n = from < size ? size - from : 0;
	if (op->length >= 0 && (uint64_t)op->length < n)
		n = (uint64_t)op->length;
	if (n > op->read_max)
		return err_set(r->why, FCS_ERANGE,
		    "%llu bytes: more than one read may give, read it in "
		    "parts (offset:, length:)",
		    (unsigned long long)n);
	if (n == 0)
		return FCS_OK;
	p = buf_reserve(&op->out, n);
	if (p == NULL)
		return err_set(r->why, FCS_ENOMEM, "out of memory");
	while (got < n) {
		k = pread(fd, p + got, n - got, (off_t)(from + got));
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(r->why, errno, "read");
		if (k == 0)
			break; /* it was cut meanwhile */
		got += (uint64_t)k;
	}
	buf_commit(&op->out, got);
	return FCS_OK;
}

/* Opens the file a path of either tree names. */
static int
open_file(struct run *r, int *fd, struct stat *st)
{
	int tree, rc;

	rc = open_tree(r, r->shipped, &tree);
	if (rc != FCS_OK)
		return rc;
	rc = files_open_beneath(tree, r->path, O_RDONLY, fd, r->why);
	close_tree(r, tree);
	if (rc != FCS_OK)
		return rc;
	rc = fstat(*fd, st) == 0 ? check_kind(st, r->shipped, r->why)
				 : err_sys(r->why, errno, "stat");
	if (rc != FCS_OK)
		close(*fd);
	return rc;
}

static int
op_read(struct run *r)
{
	struct stat st;
	int fd, rc;

	rc = open_file(r, &fd, &st);
	if (rc != FCS_OK)
		return rc;
	rc = read_file(r, fd, (uint64_t)st.st_size);
	close(fd);
	return rc;
}

/* EXIST and STAT: what may be named there. */
static int
op_look(struct run *r)
{
	struct stat st;
	int tree, fd, rc;

	rc = open_tree(r, r->shipped, &tree);
	if (rc == FCS_OK) {
		rc = files_open_beneath(tree, r->path, O_PATH, &fd, r->why);
		close_tree(r, tree);
	}
	if (rc != FCS_OK)
		goto out;
	rc = fstat(fd, &st) == 0 ? FCS_OK : err_sys(r->why, errno, "stat");
	close(fd);
	if (rc == FCS_OK && !S_ISDIR(st.st_mode))
		rc = check_kind(&st, r->shipped, r->why);
	if (rc != FCS_OK)
		goto out;
	r->op->yes = true;
	r->op->is_folder = S_ISDIR(st.st_mode);
	r->op->size = r->op->is_folder ? 0 : (uint64_t)st.st_size;
	r->op->modified_us =
	    (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
out:
	if (r->op->what == FILES_EXIST &&
	    (rc == FCS_ENOENT || rc == FCS_EUNSUPPORTED)) {
		err_clear(r->why);
		rc = FCS_OK;
	}
	return rc;
}

static int
op_list(struct run *r)
{
	int tree, rc;

	rc = open_tree(r, r->shipped, &tree);
	if (rc == FCS_ENOENT) { /* an empty list */
		err_clear(r->why);
		return FCS_OK;
	}
	if (rc != FCS_OK)
		return rc;
	rc = files_list(tree, r->op, r->shipped, r->path);
	close_tree(r, tree);
	return rc;
}

/* ---- writing ---- */

static int
open_tmp(struct run *r, int *fd)
{
	(void)unlinkat(r->top, FILES_TMP, 0);
	return files_open_beneath(
	    r->top, FILES_TMP, O_WRONLY | O_CREAT | O_EXCL, fd, r->why);
}

/* The temporary file, written and synced, takes the place; or is removed. */
static int
put_in_place(struct run *r, int tmp, struct place *p, uint64_t size, int rc)
{
	if (rc == FCS_OK)
		rc = sync_fd(tmp, r->why);
	close(tmp);
	if (rc == FCS_OK && renameat(r->top, FILES_TMP, p->dir, p->name) != 0)
		rc = err_sys(r->why, errno, "rename");
	if (rc != FCS_OK) {
		(void)unlinkat(r->top, FILES_TMP, 0);
		return rc;
	}
	account(r, size, p->exists ? (uint64_t)p->st.st_size : 0, !p->exists);
	return sync_dir(p->dir, r->why);
}

/* The place of a file that is written whole, with room for it. */
static int
prepare(struct run *r, const char *path, uint64_t size, struct place *p)
{
	int rc = find_place(r, path, p);

	if (rc != FCS_OK)
		return rc;
	if (p->exists)
		rc = check_kind(&p->st, false, r->why);
	if (rc == FCS_OK)
		rc = make_room(r, size, p->exists ? (uint64_t)p->st.st_size : 0,
		    !p->exists);
	if (rc != FCS_OK)
		close(p->dir);
	return rc;
}

static int
op_write_whole(struct run *r)
{
	struct place p;
	int tmp, rc;

	rc = prepare(r, r->path, r->op->len, &p);
	if (rc != FCS_OK)
		return rc;
	rc = open_tmp(r, &tmp);
	if (rc == FCS_OK) {
		rc = write_all(tmp, r->op->data, r->op->len, 0, r->why);
		rc = put_in_place(r, tmp, &p, r->op->len, rc);
	}
	close(p.dir);
	return rc;
}

/* WRITE at an offset, APPEND. */
static int
op_write_part(struct run *r)
{
	struct files_op *op = r->op;
	struct place p;
	uint64_t old, end;
	int64_t at;
	int fd, rc;

	rc = find_place(r, r->path, &p);
	if (rc != FCS_OK)
		return rc;
	old = p.exists ? (uint64_t)p.st.st_size : 0;
	at = op->what == FILES_APPEND ? (int64_t)old : op->offset;
	end = (uint64_t)at + op->len > old ? (uint64_t)at + op->len : old;
	if (p.exists)
		rc = check_kind(&p.st, false, r->why);
	if (rc == FCS_OK)
		rc = make_room(r, end, old, !p.exists);
	if (rc == FCS_OK)
		rc = files_open_beneath(p.dir, p.name,
		    O_WRONLY | (p.exists ? 0 : O_CREAT | O_EXCL), &fd, r->why);
	if (rc != FCS_OK)
		goto out;
	account(r, end, old, !p.exists);
	rc = write_all(fd, op->data, op->len, at, r->why);
	if (rc != FCS_OK && end > old && ftruncate(fd, (off_t)old) == 0)
		account(r, old, end, 0);
	if (rc == FCS_OK)
		rc = sync_fd(fd, r->why);
	close(fd);
	if (rc == FCS_OK && !p.exists)
		rc = sync_dir(p.dir, r->why);
out:
	close(p.dir);
	return rc;
}

static int
copy_bytes(int from, int to, uint64_t size, struct err *why)
{
	char *block = malloc(COPY_BLOCK);
	uint64_t at = 0;
	ssize_t n = 1;
	int rc = FCS_OK;

	if (block == NULL)
		return err_set(why, FCS_ENOMEM, "out of memory");
	while (rc == FCS_OK && at < size && n > 0) {
		n = pread(from, block,
		    size - at < COPY_BLOCK ? size - at : COPY_BLOCK, (off_t)at);
		if (n < 0)
			rc = err_sys(why, errno, "read");
		else if (n == 0)
			rc = err_set(why, FCS_EIO, "it was cut meanwhile");
		else
			rc = write_all(to, block, (size_t)n, (int64_t)at, why);
		at += n > 0 ? (uint64_t)n : 0;
	}
	free(block);
	return rc;
}

static int
op_copy(struct run *r)
{
	struct place p;
	struct stat st;
	int from, tmp, rc;

	rc = open_file(r, &from, &st);
	if (rc != FCS_OK)
		return rc;
	rc = open_top(r, true);
	if (rc == FCS_OK)
		rc = prepare(r, r->op->to, (uint64_t)st.st_size, &p);
	if (rc != FCS_OK) {
		close(from);
		return rc;
	}
	rc = open_tmp(r, &tmp);
	if (rc == FCS_OK) {
		rc = copy_bytes(from, tmp, (uint64_t)st.st_size, r->why);
		rc = put_in_place(r, tmp, &p, (uint64_t)st.st_size, rc);
	}
	close(from);
	close(p.dir);
	return rc;
}

/* ---- folders and names ---- */

static int
make_folder(struct run *r, const char *path)
{
	struct place p;
	int rc = find_place(r, path, &p);

	if (rc != FCS_OK)
		return rc;
	if (p.exists && !S_ISDIR(p.st.st_mode))
		rc = err_set(r->why, FCS_EEXIST, "it is not a folder");
	if (!p.exists)
		rc = make_room(r, 0, 0, 1);
	if (rc == FCS_OK && !p.exists) {
		if (mkdirat(p.dir, p.name, TOP_MODE) != 0)
			rc = err_sys(r->why, errno, "mkdir");
		else
			rc = sync_dir(p.dir, r->why);
		if (rc == FCS_OK) {
			account(r, 0, 0, 1);
			r->op->yes = true;
		}
	}
	close(p.dir);
	return rc;
}

/* With the folders above it. */
static int
op_mkdir(struct run *r)
{
	char path[FILES_PATH_MAX + 1];
	size_t i, len = strlen(r->path);
	int rc = FCS_OK;

	memcpy(path, r->path, len + 1);
	for (i = 1; i <= len && rc == FCS_OK; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		path[i] = '\0';
		rc = make_folder(r, path);
		path[i] = r->path[i];
	}
	return rc;
}

static int
parts(const char *path)
{
	int n = 1;

	for (; *path != '\0'; path++)
		n += *path == '/';
	return n;
}

/* A folder keeps within the depth that names can reach. */
static int
check_depth(struct run *r, const struct place *from)
{
	struct files_count c;
	int fd, rc;

	rc = files_open_beneath(
	    from->dir, from->name, O_PATH | O_DIRECTORY, &fd, r->why);
	if (rc != FCS_OK)
		return rc;
	rc = files_count(fd, &c, r->why);
	close(fd);
	if (rc == FCS_OK && parts(r->op->to) + c.depth > FILES_DEPTH_MAX)
		return err_set(r->why, FCS_EINVAL,
		    "its files would be more than %d folders deep",
		    FILES_DEPTH_MAX);
	return rc;
}

static int
move(struct run *r, const struct place *from, const struct place *to)
{
	int rc = FCS_OK;

	if (!from->exists)
		return err_set(r->why, FCS_ENOENT, "there is no such file");
	if (S_ISDIR(from->st.st_mode))
		rc = check_depth(r, from);
	else
		rc = check_kind(&from->st, false, r->why);
	if (rc == FCS_OK && to->exists && S_ISDIR(from->st.st_mode))
		rc = err_set(r->why, FCS_EEXIST, "the new name is taken");
	if (rc == FCS_OK && to->exists)
		rc = check_kind(&to->st, false, r->why);
	if (rc != FCS_OK)
		return rc;
	if (renameat(from->dir, from->name, to->dir, to->name) != 0)
		return errno == EINVAL ? err_set(r->why, FCS_EINVAL,
					     "a folder does not go into itself")
				       : err_sys(r->why, errno, "rename");
	if (to->exists && to->st.st_ino != from->st.st_ino)
		account(r, 0, (uint64_t)to->st.st_size, -1);
	rc = sync_dir(to->dir, r->why);
	return rc == FCS_OK ? sync_dir(from->dir, r->why) : rc;
}

static int
op_rename(struct run *r)
{
	struct place from, to;
	int rc = find_place(r, r->path, &from);

	if (rc != FCS_OK)
		return rc;
	rc = find_place(r, r->op->to, &to);
	if (rc == FCS_OK) {
		rc = move(r, &from, &to);
		close(to.dir);
	}
	close(from.dir);
	return rc;
}

static int
op_delete(struct run *r)
{
	struct place p;
	bool folder;
	int rc = find_place(r, r->path, &p);

	if (rc == FCS_ENOENT) {
		err_clear(r->why);
		return FCS_OK;
	}
	if (rc != FCS_OK)
		return rc;
	if (!p.exists)
		goto out;
	folder = S_ISDIR(p.st.st_mode);
	if (!folder)
		rc = check_kind(&p.st, false, r->why);
	if (rc != FCS_OK)
		goto out;
	if (unlinkat(p.dir, p.name, folder ? AT_REMOVEDIR : 0) != 0) {
		rc =
		    errno == ENOTEMPTY || errno == EEXIST
			? err_set(r->why, FCS_EEXIST, "the folder is not empty")
			: err_sys(r->why, errno, "delete");
		goto out;
	}
	account(r, 0, folder ? 0 : (uint64_t)p.st.st_size, -1);
	r->op->yes = true;
	rc = sync_dir(p.dir, r->why);
out:
	close(p.dir);
	return rc;
}

/* ---- all of them ---- */

static int
run(struct run *r)
{
	struct files_op *op = r->op;
	bool writes = op->what != FILES_READ && op->what != FILES_EXIST &&
		      op->what != FILES_STAT && op->what != FILES_LIST;
	int rc;

	rc = check(r, op->path, &r->shipped, &r->path);
	if (rc == FCS_OK && op->to != NULL)
		rc = check_written(r, op->to);
	if (rc == FCS_OK && writes && op->what != FILES_COPY) {
		rc = check_written(r, op->path);
		if (rc == FCS_OK)
			rc = open_top(r, true);
	}
	if (rc != FCS_OK)
		return rc;
	switch (op->what) {
	case FILES_READ:
		return op_read(r);
	case FILES_EXIST:
	case FILES_STAT:
		return op_look(r);
	case FILES_LIST:
		return op_list(r);
	case FILES_WRITE:
		return op->offset < 0 ? op_write_whole(r) : op_write_part(r);
	case FILES_APPEND:
		return op_write_part(r);
	case FILES_COPY:
		return op_copy(r);
	case FILES_MKDIR:
		return op_mkdir(r);
	case FILES_RENAME:
		return op_rename(r);
	case FILES_DELETE:
		return op_delete(r);
	}
	return FCS_OK;
}

void
files_op_run(struct files_tree *tree, struct files_op *op)
{
	struct run r = { .tree = tree, .op = op, .why = &op->why, .top = -1 };
	int rc = run(&r);

	if (rc != FCS_OK && op->why.code == FCS_OK)
		(void)err_set(&op->why, rc, "%s", err_text(rc));
	/* what went wrong half-way is counted again */
	if (rc == FCS_EIO)
		tree->is_counted = false;
	if (rc != FCS_OK)
		buf_reset(&op->out, 0);
	if (r.top >= 0)
		close(r.top);
}
