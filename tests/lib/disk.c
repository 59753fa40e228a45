/* SPDX-License-Identifier: BSD-2-Clause */
/* disk - see disk.h. Ours are found before those of libc. */
#include "tests/lib/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SECTOR    512
#define FILES_MAX 256
#define PATH_SIZE 512

enum note_kind {
	NOTE_MAKE,
	NOTE_WRITE,
	NOTE_TRUNCATE,
	NOTE_SYNC,
	NOTE_SYNC_FOLDER,
	NOTE_RENAME,
	NOTE_UNLINK,
	NOTE_PROMISE
};

struct note {
	enum note_kind kind;
	int file;
	uint64_t n; /* offset, length, promise */
	size_t len;
	uint8_t *data;
	char *name, *to;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_SIZE];
static size_t folder_len;
static struct note *notes;
static size_t note_count, note_cap;
static ino_t inodes[FILES_MAX]; /* of file n; 0: its last name is gone */
static int file_count;

static unsigned fail_calls;
static uint32_t fail_nth, calls_seen, calls_failed;
static int fail_error;
static bool fail_for_ever;

/* ---- notes ---- */

static struct note *
add(enum note_kind kind, int file)
{
	if (note_count == note_cap) {
		note_cap = note_cap == 0 ? 1024 : note_cap * 2;
		notes = realloc(notes, note_cap * sizeof(*notes));
		if (notes == NULL)
			abort();
	}
	notes[note_count] = (struct note){ .kind = kind, .file = file };
	return &notes[note_count++];
}

/* Name below the folder, "" for itself; NULL: elsewhere. */
static const char *
below(const char *path)
{
	if (folder_len == 0 || strncmp(path, folder, folder_len) != 0)
		return NULL;
	if (path[folder_len] == '\0')
		return path + folder_len;
	return path[folder_len] == '/' ? path + folder_len + 1 : NULL;
}

static const char *
path_at(int dirfd, const char *path, char *out)
{
	char link[64];
	ssize_t n;

	if (path[0] == '/') {
		snprintf(out, PATH_SIZE, "%s", path);
		return below(out);
	}
	if (dirfd == AT_FDCWD) {
		n = syscall(SYS_getcwd, out, PATH_SIZE) > 0
			? (ssize_t)strlen(out)
			: -1;
	} else {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
		n = readlink(link, out, PATH_SIZE - 1);
	}
	if (n < 0)
		return NULL;
	snprintf(out + n, PATH_SIZE - (size_t)n, "/%s", path);
	return below(out);
}

/* Number of the file behind fd; -1: not ours, -2: a folder of ours. */
static int
file_of(int fd)
{
	char link[64], path[PATH_SIZE];
	struct stat st;
	ssize_t n;
	int i;

	if (folder_len == 0)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return -1;
	path[n] = '\0';
	if (below(path) == NULL || fstat(fd, &st) != 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return -2;
	for (i = 0; i < file_count; i++)
		if (inodes[i] == st.st_ino)
			return i;
	return -1;
}

/* ---- failing ---- */

/* Whether this call is to fail; errno set. */
static bool
fails(enum disk_call call)
{
	if ((fail_calls & (unsigned)call) == 0)
		return false;
	calls_seen++;
	if (fail_error == 0 || calls_seen < fail_nth ||
	    (calls_seen > fail_nth && !fail_for_ever))
		return false;
	calls_failed++;
	errno = fail_error;
	return true;
}

void
disk_fail(unsigned calls, uint32_t nth, int error, bool for_ever)
{
	pthread_mutex_lock(&lock);
	fail_calls = calls;
	fail_nth = nth;
	fail_error = error;
	fail_for_ever = for_ever;
	calls_seen = calls_failed = 0;
	pthread_mutex_unlock(&lock);
}

uint32_t
disk_calls(void)
{
	return calls_seen;
}

uint32_t
disk_failures(void)
{
	return calls_failed;
}

/* ---- what stands before libc ---- */

static int
do_open(int dirfd, const char *path, int flags, mode_t mode)
{
	char whole[PATH_SIZE];
	struct stat st;
	const char *name;
	bool is_new;
	int fd;

	pthread_mutex_lock(&lock);
	name = path_at(dirfd, path, whole);
	if (name != NULL && fails(DISK_OPEN)) {
		pthread_mutex_unlock(&lock);
		return -1;
	}
	is_new =
	    name != NULL && (flags & O_CREAT) != 0 && lstat(whole, &st) != 0;
	fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
	if (fd >= 0 && is_new && fstat(fd, &st) == 0 &&
	    file_count < FILES_MAX) {
		inodes[file_count] = st.st_ino;
		add(NOTE_MAKE, file_count)->name = strdup(name);
		file_count++;
	} else if (fd >= 0 && name != NULL && (flags & O_TRUNC) != 0 &&
		   file_of(fd) >= 0) {
		add(NOTE_TRUNCATE, file_of(fd))->n = 0;
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

static mode_t
mode_of(int flags, va_list ap)
{
	return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
}

#define OPEN(fn)                                                               \
	int fn(const char *path, int flags, ...)                               \
	{                                                                      \
		mode_t mode;                                                   \
		va_list ap;                                                    \
                                                                               \
		va_start(ap, flags);                                           \
		mode = mode_of(flags, ap);                                     \
		va_end(ap);                                                    \
		return do_open(AT_FDCWD, path, flags, mode);                   \
	}
OPEN(open)
OPEN(open64)

#define OPENAT(fn)                                                             \
	int fn(int dirfd, const char *path, int flags, ...)                    \
	{                                                                      \
		mode_t mode;                                                   \
		va_list ap;                                                    \
                                                                               \
		va_start(ap, flags);                                           \
		mode = mode_of(flags, ap);                                     \
		va_end(ap);                                                    \
		return do_open(dirfd, path, flags, mode);                      \
	}
OPENAT(openat)
OPENAT(openat64)

/* offset -1: where the file stands. */
static ssize_t
do_write(int fd, const void *data, size_t len, off_t offset)
{
	struct note *note;
	ssize_t n;
	off_t at = offset;
	int file;

	if (folder_len == 0)
		goto plain;
	pthread_mutex_lock(&lock);
	file = file_of(fd);
	if (file >= 0 && fails(DISK_WRITE)) {
		if (fail_error != ENOSPC || len <= SECTOR) {
			pthread_mutex_unlock(&lock);
			return -1;
		}
		len /= 2; /* the rest finds no room */
	}
	if (file >= 0 && at < 0)
		at = (fcntl(fd, F_GETFL) & O_APPEND) != 0
			 ? lseek(fd, 0, SEEK_END)
			 : lseek(fd, 0, SEEK_CUR);
	n = offset < 0 ? syscall(SYS_write, fd, data, len)
		       : syscall(SYS_pwrite64, fd, data, len, offset);
	if (file >= 0 && n > 0) {
		note = add(NOTE_WRITE, file);
		note->n = (uint64_t)at;
		note->len = (size_t)n;
		note->data = malloc((size_t)n);
		if (note->data == NULL)
			abort();
		memcpy(note->data, data, (size_t)n);
	}
	pthread_mutex_unlock(&lock);
	return n;
plain:
	return offset < 0 ? syscall(SYS_write, fd, data, len)
			  : syscall(SYS_pwrite64, fd, data, len, offset);
}

ssize_t
write(int fd, const void *data, size_t len)
{
	return do_write(fd, data, len, -1);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t offset)
{
	return do_write(fd, data, len, offset);
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
	return do_write(fd, data, len, offset);
}

ssize_t
writev(int fd, const struct iovec *iov, int count)
{
	ssize_t n, total = 0;
	int i;

	for (i = 0; i < count; i++) {
		n = do_write(fd, iov[i].iov_base, iov[i].iov_len, -1);
		if (n < 0)
			return total > 0 ? total : -1;
		total += n;
		if ((size_t)n < iov[i].iov_len)
			break;
	}
	return total;
}

static int
do_truncate(int fd, off_t len)
{
	int file, rc;

	pthread_mutex_lock(&lock);
	file = file_of(fd);
	if (file >= 0 && fails(DISK_TRUNCATE)) {
		pthread_mutex_unlock(&lock);
		return -1;
	}
	rc = (int)syscall(SYS_ftruncate, fd, len);
	if (rc == 0 && file >= 0)
		add(NOTE_TRUNCATE, file)->n = (uint64_t)len;
	pthread_mutex_unlock(&lock);
	return rc;
}

int
ftruncate(int fd, off_t len)
{
	return do_truncate(fd, len);
}

int
ftruncate64(int fd, off64_t len)
{
	return do_truncate(fd, len);
}

/* Nothing is really synced: the machine does not lose its power. */
static int
do_sync(int fd)
{
	int file, rc = 0;

	pthread_mutex_lock(&lock);
	file = file_of(fd);
	if (file == -1)
		rc = (int)syscall(SYS_fdatasync, fd);
	else if (fails(DISK_SYNC))
		rc = -1;
	else
		add(file == -2 ? NOTE_SYNC_FOLDER : NOTE_SYNC, file);
	pthread_mutex_unlock(&lock);
	return rc;
}

int
fsync(int fd)
{
	return do_sync(fd);
}

int
fdatasync(int fd)
{
	return do_sync(fd);
}

/* The name leads nowhere any more: its file is forgotten with it. */
static void
forget(const char *path)
{
	struct stat st;
	int i;

	if (lstat(path, &st) != 0 || st.st_nlink > 1)
		return;
	for (i = 0; i < file_count; i++)
		if (inodes[i] == st.st_ino)
			inodes[i] = 0;
}

static int
do_unlink(int dirfd, const char *path, int flags)
{
	char whole[PATH_SIZE];
	const char *name;
	int rc = -1;

	pthread_mutex_lock(&lock);
	name = path_at(dirfd, path, whole);
	if (name == NULL || !fails(DISK_NAME)) {
		if (name != NULL)
			forget(whole);
		rc = (int)syscall(SYS_unlinkat, dirfd, path, flags);
		if (rc == 0 && name != NULL)
			add(NOTE_UNLINK, -1)->name = strdup(name);
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

int
unlink(const char *path)
{
	return do_unlink(AT_FDCWD, path, 0);
}

int
unlinkat(int dirfd, const char *path, int flags)
{
	return do_unlink(dirfd, path, flags);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	char whole[PATH_SIZE], whole_to[PATH_SIZE];
	const char *name, *name_to;
	struct note *note;
	int rc = -1;

	pthread_mutex_lock(&lock);
	name = path_at(from_dir, from, whole);
	name_to = path_at(to_dir, to, whole_to);
	if (name == NULL || !fails(DISK_NAME)) {
		if (name_to != NULL)
			forget(whole_to);
		rc = (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
		if (rc == 0 && name != NULL && name_to != NULL) {
			note = add(NOTE_RENAME, -1);
			note->name = strdup(name);
			note->to = strdup(name_to);
		}
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

int
rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

/* ---- the interface ---- */

void
disk_watch(const char *dir)
{
	size_t i;

	pthread_mutex_lock(&lock);
	snprintf(folder, sizeof(folder), "%s", dir);
	folder_len = strlen(folder);
	for (i = 0; i < note_count; i++) {
		free(notes[i].data);
		free(notes[i].name);
		free(notes[i].to);
	}
	note_count = 0;
	file_count = 0;
	pthread_mutex_unlock(&lock);
}

void
disk_promise(uint64_t n)
{
	pthread_mutex_lock(&lock);
	add(NOTE_PROMISE, -1)->n = n;
	pthread_mutex_unlock(&lock);
}

size_t
disk_notes(void)
{
	size_t n;

	pthread_mutex_lock(&lock);
	n = note_count;
	pthread_mutex_unlock(&lock);
	return n;
}

/* ---- the cut ---- */

struct image {
	uint8_t *data;
	size_t len, cap;
};

struct entry { /* a name and its file */
	const char *name;
	int file;
};

static void
image_put(struct image *m, size_t at, const uint8_t *data, size_t len)
{
	if (at + len > m->cap) {
		m->cap = (at + len) * 2;
		m->data = realloc(m->data, m->cap);
		if (m->data == NULL)
			abort();
	}
	if (at + len > m->len) {
		memset(m->data + m->len, 0, at + len - m->len);
		m->len = at + len;
	}
	if (data != NULL)
		memcpy(m->data + at, data, len);
}

static void
image_cut(struct image *m, size_t len)
{
	if (len < m->len)
		m->len = len;
	else if (len > m->len)
		image_put(m, m->len, NULL, len - m->len);
}

/* A write that no sync covers: each of its sectors by chance. */
static void
put_by_chance(struct image *m, const struct note *n, unsigned *seed)
{
	size_t at = 0, piece;

	while (at < n->len) {
		piece = SECTOR - (n->n + at) % SECTOR;
		if (piece > n->len - at)
			piece = n->len - at;
		if (rand_r(seed) % 2 == 0)
			image_put(m, n->n + at, n->data + at, piece);
		at += piece;
	}
}

static void
apply_name(struct entry *names, int *count, const struct note *n)
{
	int i, from = -1;

	for (i = 0; i < *count; i++)
		if (strcmp(names[i].name, n->name) == 0)
			from = i;
	if (n->kind == NOTE_MAKE) {
		if (from < 0)
			from = (*count)++;
		names[from] = (struct entry){ n->name, n->file };
		return;
	}
	if (from < 0)
		return;
	if (n->kind == NOTE_RENAME) {
		for (i = 0; i < *count; i++)
			if (strcmp(names[i].name, n->to) == 0)
				names[i].file = -1;
		names[from].name = n->to;
	} else {
		names[from] = names[--*count];
	}
}

/* How many notes about names are kept: up to the last that a sync of a folder
 * or of the file itself covers, then a few more. */
static size_t
names_kept(size_t at, unsigned *seed)
{
	size_t i, j, sure = 0, more = 0;

	for (i = 0; i < at; i++) {
		if (notes[i].kind == NOTE_SYNC_FOLDER)
			sure = i + 1;
		if (notes[i].kind == NOTE_SYNC)
			for (j = sure; j < i; j++)
				if (notes[j].kind == NOTE_MAKE &&
				    notes[j].file == notes[i].file)
					sure = j + 1;
	}
	for (i = sure; i < at; i++)
		more += notes[i].name != NULL;
	more = more == 0 ? 0 : (size_t)rand_r(seed) % (more + 1);
	for (; more > 0; sure++)
		more -= notes[sure].name != NULL;
	return sure;
}

static void
store_image(const char *into, const char *name, const struct image *m)
{
	char path[PATH_SIZE * 2];
	size_t done = 0;
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", into, name);
	fd = (int)syscall(
	    SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		abort();
	for (; done < m->len && n >= 0; done += (size_t)n)
		n = syscall(SYS_write, fd, m->data + done, m->len - done);
	close(fd);
}

uint64_t
disk_cut(size_t at, unsigned seed, const char *into)
{
	struct image images[FILES_MAX];
	size_t synced[FILES_MAX]; /* notes covered by a sync */
	struct entry names[FILES_MAX];
	uint64_t promised = 0;
	size_t i, kept;
	int count = 0, f;

	memset(images, 0, sizeof(images));
	memset(synced, 0, sizeof(synced));
	pthread_mutex_lock(&lock);
	for (i = 0; i < at; i++)
		if (notes[i].kind == NOTE_SYNC)
			synced[notes[i].file] = i;
	for (i = 0; i < at; i++) {
		const struct note *n = &notes[i];

		f = n->file;
		if (n->kind == NOTE_PROMISE && n->n > promised)
			promised = n->n;
		else if (n->kind == NOTE_WRITE && i < synced[f])
			image_put(&images[f], n->n, n->data, n->len);
		else if (n->kind == NOTE_WRITE)
			put_by_chance(&images[f], n, &seed);
		else if (n->kind == NOTE_TRUNCATE &&
			 (i < synced[f] || rand_r(&seed) % 2 == 0))
			image_cut(&images[f], n->n);
	}
	kept = names_kept(at, &seed);
	for (i = 0; i < kept; i++)
		if (notes[i].name != NULL)
			apply_name(names, &count, &notes[i]);
	for (f = 0; f < count; f++)
		if (names[f].file >= 0)
			store_image(
			    into, names[f].name, &images[names[f].file]);
	for (f = 0; f < file_count; f++)
		free(images[f].data);
	pthread_mutex_unlock(&lock);
	return promised;
}
