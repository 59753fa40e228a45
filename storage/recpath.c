/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recpath - see recpath.h. The kernel keeps us beneath the root (openat2), the
 * grammar of names only makes the paths pretty: neither trusts the other.
 */
#include "storage/recpath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX    ".flv"
#define HIDDEN    ".new-"
#define DEPTH_MAX 8
#define FILE_MODE 0640
#define DIR_MODE  0750

static bool
has_suffix(const char *s, size_t len)
{
	size_t n = sizeof(SUFFIX) - 1;

	return len >= n && memcmp(s + len - n, SUFFIX, n) == 0;
}

static int
add(char *out, size_t *at, const char *p, size_t n)
{
	if (*at + n >= RECPATH_MAX)
		return FCS_ELIMIT;
	memcpy(out + *at, p, n);
	*at += n;
	out[*at] = '\0';
	return FCS_OK;
}

/* Append one part of a name, encoded. */
static int
add_encoded(char *out, size_t *at, const char *p, size_t n)
{
	struct str s;
	int rc;

	str_init(&s);
	rc = name_to_disk(p, n, &s);
	if (rc == FCS_OK)
		rc = add(out, at, str_text(&s), s.len);
	str_fini(&s);
	return rc;
}

static int
make_paths(const char *inst, struct recpath *out)
{
	const char *p = out->name;
	size_t at = 0;
	size_t plain_at = 0;
	int rc = FCS_OK;

	out->path[0] = out->plain[0] = '\0';
	if (inst != NULL) {
		rc = add_encoded(out->path, &at, inst, strlen(inst));
		if (rc == FCS_OK)
			rc = add(out->path, &at, "/", 1);
		if (rc == FCS_OK)
			rc = add(out->plain, &plain_at, out->path, at);
	}
	while (rc == FCS_OK) {
		size_t n = strcspn(p, "/");

		/* a folder x.flv/ would be in the way of the file x.flv */
		if (p[n] == '/' && has_suffix(p, n))
			return FCS_EINVAL;
		rc = add_encoded(out->path, &at, p, n);
		if (rc == FCS_OK)
			rc = add(out->plain, &plain_at, p, n);
		if (rc != FCS_OK || p[n] == '\0')
			break;
		rc = add(out->path, &at, "/", 1);
		if (rc == FCS_OK)
			rc = add(out->plain, &plain_at, "/", 1);
		p += n + 1;
	}
	if (rc == FCS_OK)
		rc = add(out->path, &at, SUFFIX, sizeof(SUFFIX) - 1);
	if (rc == FCS_OK)
		rc = add(out->plain, &plain_at, SUFFIX, sizeof(SUFFIX) - 1);
	/* hidden files are ours */
	if (strcmp(out->path, out->plain) == 0 || out->plain[0] == '.' ||
	    strstr(out->plain, "/.") != NULL)
		out->plain[0] = '\0';
	return rc;
}

int
recpath_make(
    const char *inst, const char *name, struct recpath *out, struct err *why)
{
	size_t len;
	int rc;

	if (strncmp(name, "flv:", 4) == 0)
		name += 4;
	len = strlen(name);
	if (has_suffix(name, len))
		len -= sizeof(SUFFIX) - 1;
	rc = name_check(NAME_STREAM, name, len, why);
	if (rc != FCS_OK)
		return rc;
	if (len > NAME_STREAM_MAX)
		return err_set(why, FCS_ELIMIT, "name too long");
	memcpy(out->name, name, len);
	out->name[len] = '\0';
	if (inst != NULL) {
		rc = name_check(NAME_INSTANCE, inst, strlen(inst), why);
		if (rc != FCS_OK)
			return rc;
	}
	rc = make_paths(inst, out);
	if (rc != FCS_OK)
		return err_set(why, rc, "stream name makes no file name: %s",
		    err_text(rc));
	return FCS_OK;
}

int
recpath_open(
    int root_fd, const char *path, int flags, int *out_fd, struct err *why)
{
	struct open_how how;
	long fd;

	memset(&how, 0, sizeof(how));
	how.flags = (unsigned)(flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	how.mode = (flags & O_CREAT) != 0 ? FILE_MODE : 0;
	how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
	do {
		fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	if (fd < 0) {
		if (errno == EXDEV || errno == ELOOP)
			return err_set(
			    why, FCS_EACCES, "path leads out of its folder");
		if (errno == ENOTDIR || errno == ENXIO)
			return err_set(why, FCS_ENOENT, "no such file");
		return err_sys(why, errno, "open");
	}
	*out_fd = (int)fd;
	return FCS_OK;
}

/*
 * The folder that holds the last part of path, opened; *last is that part.
 * make: create what is missing on the way.
 */
static int
open_parent(int root_fd, const char *path, bool make, int *out_fd,
    const char **last, struct err *why)
{
	char dir[RECPATH_MAX];
	const char *slash = strrchr(path, '/');
	int flags = O_RDONLY | O_DIRECTORY;
	int rc;

	*last = slash == NULL ? path : slash + 1;
	if (slash == NULL)
		return recpath_open(root_fd, ".", flags, out_fd, why);
	if ((size_t)(slash - path) >= sizeof(dir))
		return err_set(why, FCS_ELIMIT, "path too long");
	for (const char *p = path; make && p < slash; p++) {
		const char *part;
		int fd;

		p = strchr(p, '/');
		memcpy(dir, path, (size_t)(p - path));
		dir[p - path] = '\0';
		rc = open_parent(root_fd, dir, false, &fd, &part, why);
		if (rc != FCS_OK)
			return rc;
		rc = mkdirat(fd, part, DIR_MODE) == 0 || errno == EEXIST
			 ? FCS_OK
			 : err_sys(why, errno, "mkdir");
		close(fd);
		if (rc != FCS_OK)
			return rc;
	}
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	return recpath_open(root_fd, dir, flags, out_fd, why);
}

int
recpath_mkdirs(int root_fd, const char *path, struct err *why)
{
	const char *last;
	int fd;
	int rc = open_parent(root_fd, path, true, &fd, &last, why);

	if (rc == FCS_OK)
		close(fd);
	return rc;
}

int
recpath_rename(int root_fd, const char *from, const char *to, struct err *why)
{
	const char *from_last;
	const char *to_last;
	int from_fd;
	int to_fd;
	int rc = open_parent(root_fd, from, false, &from_fd, &from_last, why);

	if (rc != FCS_OK)
		return rc;
	rc = open_parent(root_fd, to, false, &to_fd, &to_last, why);
	if (rc == FCS_OK) {
		if (renameat(from_fd, from_last, to_fd, to_last) != 0)
			rc = err_sys(why, errno, "rename");
		close(to_fd);
	}
	close(from_fd);
	return rc;
}

int
recpath_remove(int root_fd, const char *path, struct err *why)
{
	const char *last;
	int fd;
	int rc = open_parent(root_fd, path, false, &fd, &last, why);

	if (rc != FCS_OK)
		return rc;
	if (unlinkat(fd, last, 0) != 0)
		rc = err_sys(why, errno, "remove");
	close(fd);
	return rc;
}

int
recpath_hidden(const char *path, char out[RECPATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t dir = slash == NULL ? 0 : (size_t)(slash + 1 - path);
	size_t at = 0;
	int rc;

	rc = add(out, &at, path, dir);
	if (rc == FCS_OK)
		rc = add(out, &at, HIDDEN, sizeof(HIDDEN) - 1);
	if (rc == FCS_OK)
		rc = add(out, &at, path + dir, strlen(path + dir));
	return rc;
}

int
recpath_dated(const char *path, int64_t wall_ms, char out[RECPATH_MAX])
{
	char stamp[40];
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t len = strlen(path);
	size_t at = 0;
	size_t n;
	int rc;

	if (!has_suffix(path, len) || gmtime_r(&s, &tm) == NULL)
		return FCS_EINVAL;
	n = strftime(stamp, sizeof(stamp), "-%Y%m%dT%H%M%S", &tm);
	n += (size_t)snprintf(
	    stamp + n, sizeof(stamp) - n, ".%03dZ", (int)(wall_ms % 1000));
	rc = add(out, &at, path, len - (sizeof(SUFFIX) - 1));
	if (rc == FCS_OK)
		rc = add(out, &at, stamp, n);
	if (rc == FCS_OK)
		rc = add(out, &at, SUFFIX, sizeof(SUFFIX) - 1);
	return rc;
}

struct walk {
	int root_fd;
	int (*fn)(void *arg, const char *path, const struct stat *st);
	void *arg;
	bool hidden;
	char path[RECPATH_MAX];
};

static int
walk_folder(struct walk *w, size_t at, int depth)
{
	struct dirent *de;
	struct stat st;
	DIR *dir;
	int rc;
	int fd;

	rc = recpath_open(w->root_fd, at == 0 ? "." : w->path,
	    O_RDONLY | O_DIRECTORY, &fd, NULL);
	if (rc != FCS_OK)
		return rc == FCS_ENOENT ? FCS_OK : rc;
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return FCS_ENOMEM;
	}
	while (rc == FCS_OK && (de = readdir(dir)) != NULL) {
		size_t n = strlen(de->d_name);
		size_t end = at;

		bool is_hidden = str_starts(de->d_name, HIDDEN);

		if (de->d_name[0] == '.' && !(is_hidden && w->hidden))
			continue;
		if ((at > 0 && add(w->path, &end, "/", 1) != FCS_OK) ||
		    add(w->path, &end, de->d_name, n) != FCS_OK ||
		    fstatat(dirfd(dir), de->d_name, &st, AT_SYMLINK_NOFOLLOW) !=
			0) {
			w->path[at] = '\0';
			continue;
		}
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			rc = walk_folder(w, end, depth + 1);
		else if (S_ISREG(st.st_mode) && has_suffix(de->d_name, n) &&
			 is_hidden == w->hidden)
			rc = w->fn(w->arg, w->path, &st);
		w->path[at] = '\0';
	}
	closedir(dir);
	return rc;
}

int
recpath_walk(int root_fd, const char *path, bool hidden,
    int (*fn)(void *arg, const char *path, const struct stat *st), void *arg)
{
	struct walk w = {
		.root_fd = root_fd, .fn = fn, .arg = arg, .hidden = hidden
	};
	size_t at = 0;
	int rc = add(w.path, &at, path, strlen(path));

	return rc == FCS_OK ? walk_folder(&w, at, 0) : rc;
}

/* Decode one part; a file name that is no encoded name stands for itself. */
static int
decode(const char *p, size_t n, char *out, size_t *at, size_t cap)
{
	struct str s;
	const char *from = p;
	int rc = FCS_OK;

	str_init(&s);
	if (name_from_disk(p, n, &s) == FCS_OK) {
		from = str_text(&s);
		n = s.len;
	}
	if (*at + n >= cap) {
		rc = FCS_ELIMIT;
	} else {
		memcpy(out + *at, from, n);
		*at += n;
		out[*at] = '\0';
	}
	str_fini(&s);
	return rc;
}

int
recpath_names(const char *path, char *inst, char *name)
{
	size_t len = strlen(path);
	size_t at = 0;
	size_t n;
	int rc = FCS_OK;

	if (!has_suffix(path, len))
		return FCS_EFORMAT;
	len -= sizeof(SUFFIX) - 1;
	if (inst != NULL) {
		n = strcspn(path, "/");
		if (n >= len)
			return FCS_EFORMAT;
		rc = decode(path, n, inst, &at, NAME_INSTANCE_MAX + 1);
		path += n + 1;
		len -= n + 1;
		at = 0;
	}
	name[0] = '\0';
	while (rc == FCS_OK && len > 0) {
		const char *slash = memchr(path, '/', len);

		n = slash == NULL ? len : (size_t)(slash - path);
		rc = decode(path, n, name, &at, NAME_STREAM_MAX + 1);
		if (rc != FCS_OK || slash == NULL)
			break;
		if (at + 1 > NAME_STREAM_MAX)
			return FCS_ELIMIT;
		name[at++] = '/';
		name[at] = '\0';
		path += n + 1;
		len -= n + 1;
	}
	return rc;
}
