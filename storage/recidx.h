/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recidx - the catalogue of recordings and the key-frame index
 * (recording id, ms) -> file offset, in one LMDB file per application.
 *
 * Belongs to: storage (rank 3), the only file that sees LMDB. Used by: media*.
 * Threading: one thread (the media thread), but recidx_sync: any.
 * Lock: one process per application, by recidx_open. DESIGN 4.
 *
 * The index is a cache: it may be thrown away at any time. It is written
 * without syncs but for recidx_sync; a mark file beside it says how it was
 * left (closed well with this checksum; in use since this boot). An index that
 * was not closed well is tried in a child process first, so that damage in it
 * cannot take the worker down; on any doubt it starts empty.
 */
#ifndef STORAGE_RECIDX_H
#define STORAGE_RECIDX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/recscan.h"

struct recidx;

enum recidx_state {
	RECIDX_OPEN = 1, /* being recorded, or was when the process died */
	RECIDX_OURS = 2  /* made by this server: its tail may be repaired */
};

struct recidx_rec { /* what is known of a recording */
	uint64_t id;
	uint32_t state; /* enum recidx_state */
	uint64_t file_size, inode;
	int64_t mtime_ns;
	uint64_t data_at; /* first tag */
	uint32_t
	    head_room; /* payload size of our onMetaData tag, 0: not ours */
	struct recscan_facts facts;
};

/*
 * Opens or creates <dir>/index.lmdb. *fresh: it starts empty although it was
 * there (lost or doubtful). FCS_EBUSY another process has it; FCS_ENOSPC,
 * FCS_EIO, FCS_EACCES, FCS_ENOMEM.
 */
int recidx_open(const char *dir, uint64_t map_bytes, struct recidx **out,
    bool *fresh, struct err *why) FCS_MUSTUSE;
/* Writes out, marks it as closed well, gives the lock back. NULL allowed. */
void recidx_close(struct recidx *);

/* A write transaction around the calls below that change something; those
 * called outside of one make their own. FCS_ENOSPC: the map or the disk is
 * full, nothing of the transaction was kept. */
int recidx_begin(struct recidx *) FCS_MUSTUSE;
int recidx_commit(struct recidx *) FCS_MUSTUSE;
void recidx_abort(struct recidx *);

uint64_t recidx_new_id(struct recidx *); /* never used before */
/* FCS_ENOENT; FCS_EIO. */
int recidx_get(
    struct recidx *, const char *path, struct recidx_rec *out) FCS_MUSTUSE;
int recidx_put(
    struct recidx *, const char *path, const struct recidx_rec *) FCS_MUSTUSE;
/* Forget a recording and its keys. FCS_OK also when unknown. */
int recidx_del(struct recidx *, const char *path) FCS_MUSTUSE;
/* The recording has another path now; a row of that path is forgotten. FCS_OK
 * also when unknown. */
int recidx_move(struct recidx *, const char *from, const char *to) FCS_MUSTUSE;
int recidx_key_put(
    struct recidx *, uint64_t id, const struct recscan_key *) FCS_MUSTUSE;
/* The last entry at or before ts. FCS_ENOENT: none. */
int recidx_key_find(struct recidx *, uint64_t id, uint32_t ts_ms,
    struct recscan_key *out) FCS_MUSTUSE;
/* All entries in order; fn returns false to stop. */
int recidx_key_each(struct recidx *, uint64_t id,
    bool (*fn)(void *arg, const struct recscan_key *), void *arg) FCS_MUSTUSE;
int recidx_key_clear(struct recidx *, uint64_t id) FCS_MUSTUSE;
/* All recordings; open_only: those marked RECIDX_OPEN. fn must not change
 * the index. */
int recidx_each(struct recidx *, bool open_only,
    int (*fn)(void *arg, const char *path, const struct recidx_rec *),
    void *arg) FCS_MUSTUSE;

int recidx_sync(struct recidx *) FCS_MUSTUSE; /* any thread */
/* Housekeeping once a minute: readers that died. */
void recidx_idle(struct recidx *);

#endif
