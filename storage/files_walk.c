/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names and trees: the grammar, opening beneath, counting, listing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "base/utf8.h"
#include "storage/files_int.h"

#define PART_MAX   255
#define WALK_DEPTH 64 /* of what somebody else may have put there */
#define OURS       ".fcs-"
#define SHIPPED    "app:"

/* ---- names ---- */

static int
check_part(const char *p, size_t len, struct err *why)
{
	if (len == 0)
		return err_set(why, FCS_EINVAL, "empty part in the path");
	if (p[0] == '.' && (len == 1 || (len == 2 && p[1] == '.')))
		return err_set(why, FCS_EINVAL, "`.` or `..` in the path");
	if (len > PART_MAX)
		return err_set(
		    why, FCS_EINVAL, "part longer than %d bytes", PART_MAX);
	if (len >= sizeof(OURS) - 1 && memcmp(p, OURS, sizeof(OURS) - 1) == 0)
		return err_set(
		    why, FCS_EINVAL, "names that begin with %s are ours", OURS);
	return FCS_OK;
}

int
files_name_check(const char *path, size_t len, bool *shipped, const char **rest,
    struct err *why)
{
	size_t at = 0, end, i, parts = 0;
	int rc;

	*shipped = len >= 4 && memcmp(path, SHIPPED, 4) == 0;
	if (*shipped) {
		path += 4;
		len -= 4;
	}
	*rest = path;
	if (len > FILES_PATH_MAX)
		return err_set(why, FCS_EINVAL, "path longer than %d bytes",
		    FILES_PATH_MAX);
	for (i = 0; i < len; i++)
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f ||
		    path[i] == '\\')
			return err_set(why, FCS_EINVAL,
			    "control character or backslash in the path");
	if (!utf8_valid(path, len))
		return err_set(why, FCS_EINVAL, "the path is not UTF-8");
	do {
		for (end = at; end < len && path[end] != '/'; end++)
			;
		rc = check_part(path + at, end - at, why);
		if (rc != FCS_OK)
			return rc;
		if (++parts > FILES_DEPTH_MAX)
			return err_set(why, FCS_EINVAL,
			    "more than %d parts in the path", FILES_DEPTH_MAX);
		at = end + 1;
	} while (end < len);
	return FCS_OK;
}

/* ---- opening ---- */

int
files_open_beneath(
    int dir, const char *path, int flags, int *out, struct err *why)
{
	struct open_how how;
	long fd;

	memset(&how, 0, sizeof(how));
	how.flags = (unsigned)(flags | O_CLOEXEC);
	if ((flags & O_PATH) == 0)
		how.flags |= O_NOCTTY | O_NONBLOCK;
	how.mode = (flags & O_CREAT) != 0 ? 0640 : 0;
	how.resolve =
	    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	do {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	if (fd >= 0) {
		*out = (int)fd;
		return FCS_OK;
	}
	switch (errno) {
	case ENOENT:
		return err_set(why, FCS_ENOENT, "there is no such file");
	case ENOTDIR:
		return err_set(why, FCS_EUNSUPPORTED,
		    "a part of the path is not a folder");
	case ELOOP:
	case EXDEV:
		return err_set(
		    why, FCS_EUNSUPPORTED, "the path goes through a link");
	case ENXIO:
	case EISDIR:
		return err_set(why, FCS_EUNSUPPORTED, "it is not a file");
	default:
		return err_sys(why, errno, "open");
	}
}

/* ---- walking ---- */

struct walk {
	/* path: below the top. false ends the walk. */
	bool (*fn)(
	    struct walk *, const char *path, const struct stat *, int depth);
	struct err *why;
	char path[FILES_PATH_MAX + 2];
};

static int walk_folder(struct walk *, int fd, size_t at, int depth);

/* One entry of the folder dir, whose path is the first `at` bytes. */
static int
walk_entry(struct walk *w, int dir, const char *name, size_t at, int depth)
{
	size_t n = strlen(name);
	struct stat st;
	int rc = FCS_OK, fd;

	if (at + n > FILES_PATH_MAX ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return FCS_OK; /* out of reach, or gone meanwhile */
	memcpy(w->path + at, name, n + 1);
	if (!w->fn(w, w->path, &st, depth))
		return FCS_ELIMIT;
	if (!S_ISDIR(st.st_mode) || depth >= WALK_DEPTH)
		return FCS_OK;
	if (files_open_beneath(dir, name, O_RDONLY | O_DIRECTORY, &fd, NULL) ==
	    FCS_OK) {
		w->path[at + n] = '/';
		rc = walk_folder(w, fd, at + n + 1, depth + 1);
	}
	return rc;
}

/* Takes fd. */
static int
walk_folder(struct walk *w, int fd, size_t at, int depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;
	int rc = FCS_OK;

	if (dir == NULL) {
		close(fd);
		return err_set(w->why, FCS_ENOMEM, "out of memory");
	}
	while (rc == FCS_OK && (e = readdir(dir)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = walk_entry(w, dirfd(dir), e->d_name, at, depth);
	(void)closedir(dir);
	return rc;
}

static int
walk_start(struct walk *w, int dir_fd)
{
	int fd, rc;

	rc = files_open_beneath(
	    dir_fd, ".", O_RDONLY | O_DIRECTORY, &fd, w->why);
	return rc == FCS_OK ? walk_folder(w, fd, 0, 1) : rc;
}

/* ---- counting ---- */

struct counting {
	struct walk walk;
	struct files_count *count;
};

static bool
count_one(struct walk *w, const char *path, const struct stat *st, int depth)
{
	struct files_count *c = ((struct counting *)(void *)w)->count;

	if (strcmp(path, FILES_TMP) == 0)
		return true;
	c->entries++;
	if (S_ISREG(st->st_mode))
		c->bytes += (uint64_t)st->st_size;
	if (depth > c->depth)
		c->depth = depth;
	return true;
}

int
files_count(int dir_fd, struct files_count *out, struct err *why)
{
	struct counting c = { { count_one, why, "" }, out };

	memset(out, 0, sizeof(*out));
	return walk_start(&c.walk, dir_fd);
}

/* ---- listing ---- */

struct listing {
	struct walk walk;
	struct files_op *op;
	const char *pattern;
	bool shipped;
	struct str names; /* each with its NUL */
	size_t count;
};

static bool
list_one(struct walk *w, const char *path, const struct stat *st, int depth)
{
	struct listing *l = (struct listing *)(void *)w;
	bool folder = S_ISDIR(st->st_mode), shipped;
	size_t len = strlen(path);
	const char *rest;

	(void)depth;
	if (!folder &&
	    !(S_ISREG(st->st_mode) && (l->shipped || st->st_nlink == 1)))
		return true;
	/* what cannot be named is not there */
	if (files_name_check(path, len, &shipped, &rest, NULL) != FCS_OK ||
	    shipped || !l->op->match(l->pattern, strlen(l->pattern), path, len))
		return true;
	str_addn(&l->names, path, len);
	if (folder)
		str_addc(&l->names, '/');
	str_addc(&l->names, '\0');
	l->count++;
	return l->names.err == FCS_OK;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
sort_names(struct listing *l)
{
	const char *p = str_text(&l->names);
	size_t i, from, n = 0;
	char const **v = calloc(l->count + 1, sizeof(*v));

	if (v == NULL)
		return FCS_ENOMEM;
	for (i = 0; i < l->count; i++) {
		v[i] = p;
		p += strlen(p) + 1;
	}
	qsort(v, l->count, sizeof(*v), by_name);
	from = (uint64_t)l->op->offset < l->count ? (size_t)l->op->offset
						  : l->count;
	for (i = from; i < l->count && n < FILES_LIST_MAX; i++, n++)
		buf_append(&l->op->out, v[i], strlen(v[i]) + 1);
	free(v);
	return buf_status(&l->op->out);
}

int
files_list(int dir_fd, struct files_op *op, bool shipped, const char *pattern)
{
	struct listing l = { .walk = { list_one, &op->why, "" },
		.op = op,
		.pattern = pattern,
		.shipped = shipped };
	int rc;

	str_init(&l.names);
	rc = walk_start(&l.walk, dir_fd);
	if (l.names.err != FCS_OK)
		rc = l.names.err;
	if (rc == FCS_OK)
		rc = sort_names(&l);
	str_fini(&l.names);
	if (rc != FCS_OK && op->why.code == FCS_OK)
		(void)err_set(&op->why, rc, "%s", err_text(rc));
	return rc;
}
