/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recpath - names of recordings to files: the one name of `x`, `x.flv` and
 * `flv:x`, its path below a folder, and opening strictly beneath that folder.
 *
 * Belongs to: storage (rank 3). Uses: base/name. Used by: media, its tests.
 * Threading: pure or per call; any thread. DESIGN 4, 10.
 *
 * On disk: <root>/<instance>/<part>/<part>.flv, every part by name_to_disk().
 * A file somebody dropped in under a name we would have encoded is found as it
 * is (the second candidate). Nothing outside root is ever opened or made:
 * openat2(RESOLVE_BENEATH), so that a symbolic link cannot lead out either.
 */
#ifndef STORAGE_RECPATH_H
#define STORAGE_RECPATH_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/name.h"

#define RECPATH_MAX 1280 /* bytes of a path below the root, with NUL */

struct recpath {
	char name[NAME_STREAM_MAX + 1]; /* canonical: no flv:, no .flv */
	char path[RECPATH_MAX];         /* encoded, below the root */
	char plain[RECPATH_MAX];        /* as it is; "" when the same */
};

/*
 * inst NULL: a path without instance folder (read-only media). FCS_OK;
 * FCS_EINVAL, FCS_ELIMIT with the reason in *why (may be NULL).
 */
int recpath_make(const char *inst, const char *name, struct recpath *out,
    struct err *why) FCS_MUSTUSE;

/* A descriptor in *out_fd. flags as open(2), O_CLOEXEC added. FCS_ENOENT,
 * FCS_EACCES (also: would leave the root), FCS_ENOSPC, FCS_EIO ... */
int recpath_open(int root_fd, const char *path, int flags, int *out_fd,
    struct err *why) FCS_MUSTUSE;
/* Make the folders above path. */
int recpath_mkdirs(int root_fd, const char *path, struct err *why) FCS_MUSTUSE;
/* Rename within the root (replaces); remove. Folders above must exist. */
int recpath_rename(
    int root_fd, const char *from, const char *to, struct err *why) FCS_MUSTUSE;
int recpath_remove(int root_fd, const char *path, struct err *why) FCS_MUSTUSE;
/* The hidden name a new recording has until it began well: no recording can
 * have it (a leading dot is always encoded). FCS_ELIMIT. */
int recpath_hidden(const char *path, char out[RECPATH_MAX]) FCS_MUSTUSE;
/* path.flv -> path-<UTC time>.flv, what an older recording is kept as. */
int recpath_dated(
    const char *path, int64_t wall_ms, char out[RECPATH_MAX]) FCS_MUSTUSE;

/*
 * Every recording file below `path` of the root ("" = the root itself), in no
 * order, eight folders deep. fn gets the path below the root; a result other
 * than FCS_OK ends the walk with it. FCS_OK also when there is no such folder.
 */
/* hidden: those recpath_hidden() made instead, left behind by a crash. */
int recpath_walk(int root_fd, const char *path, bool hidden,
    int (*fn)(void *arg, const char *path, const struct stat *st),
    void *arg) FCS_MUSTUSE;
/* The names a path stands for; inst NULL: path has no instance folder. */
int recpath_names(const char *path, char *inst, char *name) FCS_MUSTUSE;

#endif
