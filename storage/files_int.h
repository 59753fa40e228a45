/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files_int - between files.c (queue, thread), files_op.c (operations) and
 * files_walk.c (trees). Layer: storage (3). Thread: files.
 */
#ifndef STORAGE_FILES_INT_H
#define STORAGE_FILES_INT_H

#include <sys/stat.h>

#include "storage/files.h"

#define FILES_TMP ".fcs-tmp" /* at the top; one operation runs at a time */

/* The trees as the thread knows them. */
struct files_tree {
	char *state_dir, *data_dir;
	bool is_counted;
	uint64_t bytes, entries; /* of the written tree */
};

void files_op_run(struct files_tree *, struct files_op *);

/* ---- files_walk.c ---- */
/* openat2 beneath fd, no links. FCS_ENOENT, FCS_EUNSUPPORTED ... */
int files_open_beneath(
    int fd, const char *path, int flags, int *out, struct err *why) FCS_MUSTUSE;

struct files_count {
	uint64_t bytes, entries;
	int depth; /* of the deepest entry; 1 = directly below */
};
/* Everything below the folder; bytes of files under all their names. */
int files_count(int dir_fd, struct files_count *, struct err *why) FCS_MUSTUSE;
/* op->out from what lies below. */
int files_list(int dir_fd, struct files_op *, bool shipped,
    const char *pattern) FCS_MUSTUSE;

#endif
