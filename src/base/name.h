/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * name - the one grammar of names: applications, instances, streams, shared
 * objects and slots (DESIGN 10), and their form on disk.
 *
 * Belongs to: base (rank 1). Pure functions. Names are bytes with a length:
 * UTF-8, not normalised, case matters. All kinds: valid UTF-8, no NUL, not
 * empty, not longer than the limit. All but slots: no control characters; the
 * parts between `/` are not empty, `.` or `..`. Applications: [A-Za-z0-9_-],
 * first a letter or digit (they are folder names and parts of URLs).
 * Slots may hold anything else: they never become a path.
 */
#ifndef BASE_NAME_H
#define BASE_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum name_kind {
	NAME_APP,
	NAME_INSTANCE,
	NAME_STREAM,
	NAME_OBJECT,
	NAME_SLOT,
};

/* Bytes. 255 follows the old server; a file name holds NAME_DISK_MAX. */
#define NAME_APP_MAX      64
#define NAME_INSTANCE_MAX 255
#define NAME_STREAM_MAX   255
#define NAME_OBJECT_MAX   255
#define NAME_SLOT_MAX     1024
#define NAME_DISK_MAX     240 /* room for a suffix such as ".flv.tmp" */

#define NAME_DEFAULT_INSTANCE "_definst_"

/*
 * FCS_OK; FCS_EINVAL or FCS_ELIMIT with the reason in *e (may be NULL), in
 * words for a log line or a status: it never repeats the name itself.
 */
int name_check(
    enum name_kind kind, const char *p, size_t len, struct err *e) FCS_MUSTUSE;

/*
 * A checked name as one safe file name appended to out: bytes other than
 * letters, digits, space, `_-.,+=@~()` and UTF-8 sequences become %XX, so
 * does a leading dot. Different names give different file names.
 * FCS_OK; FCS_ELIMIT: longer than NAME_DISK_MAX; FCS_EINVAL: empty;
 * FCS_ENOMEM. On error out is as before.
 */
int name_to_disk(const char *p, size_t len, struct str *out) FCS_MUSTUSE;
/* The name of such a file name; FCS_EFORMAT when it is none. */
int name_from_disk(const char *p, size_t len, struct str *out) FCS_MUSTUSE;

/*
 * Paths of the old server's clearSharedObjects and clearStreams: "/" is
 * everything, "/a/b" that name. In the last part `*` stands for all below,
 * however deep, when it is alone, else `*` and `?` for bytes of names directly
 * in that folder; in the parts before they are themselves. The leading slash
 * may be missing.
 */
bool name_path_match(const char *path, const char *name);

/* Edit distance (insert, delete, replace, swap), capped at max + 1. */
unsigned name_distance(const char *a, const char *b, unsigned max);
/*
 * The candidate nearest to word, for "did you mean"; NULL when none is near
 * enough (a third of the length, at least 1, at most 3). Borrowed.
 */
const char *name_suggest(const char *word, const char *const *list, size_t n);

#endif
