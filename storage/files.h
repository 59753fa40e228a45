/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files - the files of an application's scripts, on a thread of their own.
 * Layer: storage (3). Owner: the worker, one per application. script-api.md
 * 7.8.
 *
 * Two trees: <state>/apps/<app>/files, which is written, and what the
 * application ships in its data folder ("app:name"), which is only read. The
 * kernel keeps every path beneath its tree (openat2) and follows no link; only
 * regular files and folders are touched, in the written tree only files with
 * one name.
 *
 * Operations are done one after the other, in the order of submission. One
 * that changes something is synced, file and folder, before it is done: what
 * was said to have worked survives the end of the process and of the power.
 * A whole write, a copy and a rename are there completely or not at all; an
 * append or a write at an offset that was interrupted may be there in part.
 *
 * Thread: loop, but for conf.wake, which is called on the files thread.
 */
#ifndef STORAGE_FILES_H
#define STORAGE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/queue.h"

struct files;

#define FILES_PATH_MAX  1023 /* bytes of a path */
#define FILES_DEPTH_MAX 16   /* parts of a path */
#define FILES_LIST_MAX  1000 /* names in one answer */

enum files_what {
	FILES_READ,
	FILES_WRITE,
	FILES_APPEND,
	FILES_EXIST,
	FILES_STAT,
	FILES_LIST,
	FILES_MKDIR,
	FILES_COPY,
	FILES_RENAME,
	FILES_DELETE
};

/* One operation; the caller's, lent from files_submit() to done(). */
struct files_op {
	struct queue_item item; /* private */
	enum files_what what;
	const char *path, *to; /* LIST: the pattern */
	const void *data;      /* WRITE, APPEND */
	size_t len;
	int64_t offset;       /* READ, LIST; WRITE: -1 = the whole file */
	int64_t length;       /* READ: -1 = to the end */
	uint64_t quota;       /* bytes of all files, FCS_ELIMIT beyond */
	uint64_t entries_max; /* files and folders, likewise */
	uint64_t read_max;    /* bytes of one READ, FCS_ERANGE beyond */
	/* LIST: pattern against name, pure, on the files thread */
	bool (*match)(const char *pattern, size_t pattern_len, const char *name,
	    size_t len);
	void (*done)(struct files_op *);

	/*
	 * The result. why.code: FCS_OK; FCS_EINVAL a name that is refused;
	 * FCS_ENOENT, FCS_EEXIST; FCS_EUNSUPPORTED not a file, not a folder, a
	 * link; FCS_ELIMIT the quota; FCS_ERANGE too large for one read;
	 * FCS_ENOSPC the disk; FCS_EIO, FCS_EACCES, FCS_ENOMEM.
	 */
	struct err why;
	bool yes; /* EXIST; MKDIR made, DELETE deleted something */
	uint64_t size;
	int64_t modified_us;
	bool is_folder;
	struct buf out; /* READ: bytes; LIST: sorted names, each with its NUL,
			   those of folders end in `/` */
};

struct files_conf {
	const char *state_dir; /* <state>/apps/<app> */
	const char *data_dir;  /* apps/<app>/data */
	uint64_t waiting_max;  /* bytes of data waiting, each way */
	void (*wake)(void *arg);
	void *arg;
};

/* Texts are copied. The thread starts with the first operation. FCS_ENOMEM. */
int files_start(const struct files_conf *, struct files **out) FCS_MUSTUSE;
/* Does what was submitted, calls done(), frees. NULL is allowed. */
void files_stop(struct files *);
/* Borrows op and what it points to until done(). FCS_ELIMIT: too many bytes
 * wait; FCS_ENOMEM. */
int files_submit(struct files *, struct files_op *) FCS_MUSTUSE;
void files_collect(struct files *); /* after wake(): calls done() */
/* Nothing was submitted whose done() is still to come. */
bool files_is_idle(const struct files *);

/*
 * The grammar of paths, for both trees: parts between `/`, 16 at most, not
 * empty, `.` or `..`, 255 bytes at most; UTF-8, no control character, no
 * backslash, nothing that begins with .fcs- (those are ours). "app:" in front
 * means the shipped tree: *shipped is set and *rest is behind it. FCS_OK;
 * FCS_EINVAL with the reason.
 */
int files_name_check(const char *path, size_t len, bool *shipped,
    const char **rest, struct err *why) FCS_MUSTUSE;

#endif
