/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store - the contract of a store of persistent shared objects. Layer: storage
 * (3). DESIGN 5. Two implementations run one conformance suite: sodb.c (SQLite)
 * and sodb_mem.c (memory, tests). Values are opaque packed bytes.
 *
 * A store is used by one thread at a time: the loop thread until the commit
 * thread (commit.h) is started on it, the commit thread afterwards. It holds
 * the lock that makes its process the only one.
 *
 * An object = (instance, name). An object that was never written has version
 * STORE_FIRST_VERSION; every batch raises it by exactly 1, so the first stored
 * version is 2 and 0 can mean "knows nothing". A slot carries the version that
 * last wrote it; a deleted slot stays as a tombstone (value NULL) until purged.
 *
 * Names of instances, objects and slots are text without NUL. A failed commit
 * (FCS_EIO) may or may not be found applied after the process ended; before
 * that it is not seen.
 */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct store;

#define STORE_FIRST_VERSION 1

struct store_change { /* one slot of a batch */
	const char *slot;
	size_t slot_len;
	const uint8_t *value; /* NULL: deletion, leaves a tombstone */
	size_t len;
	const char *user; /* who wrote this slot; NULL: who wrote the batch */
};

enum store_kind { /* what a batch is; the numbers are in databases */
	STORE_CHANGE,
	STORE_UNDO,      /* of a batch */
	STORE_UNDO_SLOT, /* of one slot of a batch */
	STORE_REDO,      /* of an undo */
	STORE_ROLLBACK
};

struct store_batch {
	const char *inst, *object; /* NUL-terminated names */
	uint64_t version; /* must be base + 1, or more if base is given */
	uint64_t base;    /* must be the stored version; 0: version - 1 */
	const char *user; /* who: user or client id; NULL = server */
	int64_t at_ms;    /* wall clock */
	const struct store_change *changes;
	uint32_t count; /* at most 2^20; a slot at most once */
	bool no_history;
	/* A loss of power may take it back, until sync() or another commit that
	 * is not relaxed. Counts if the whole group is. */
	bool relaxed;
	enum store_kind kind;
	uint64_t target; /* version undone; of a redo that of the undo */
	/* Filled by commit: FCS_OK, or why this batch was not written.
	 * A batch with a wrong version: FCS_ESTALE, the others go on. */
	int result;
};

struct store_slot {
	const char *slot;
	size_t slot_len;
	const uint8_t *value; /* NULL = tombstone */
	size_t len;
	uint64_t version;
	const char *user; /* NULL = server */
};

/* Called per row; borrowed for the call; a return other than FCS_OK ends the
 * walk with that code. */
typedef int (*store_slot_fn)(void *arg, const struct store_slot *);

struct store_object_info {
	const char *inst, *name;
	uint64_t version;
	/* A copy older than this cannot be brought up to date by differences:
	 * tombstones newer than it were purged. 0: none was. */
	uint64_t floor;
	uint64_t since; /* oldest version the history can tell */
	uint64_t slots, bytes;
	uint64_t changes; /* lines of history */
};
typedef int (*store_object_fn)(void *arg, const struct store_object_info *);

struct store_change_info { /* one line of the history */
	uint64_t version;
	int64_t at_ms;
	const char *user;
	const char *slot;
	size_t slot_len;
	const uint8_t *value, *old; /* NULL = absent */
	size_t len, old_len;
};
typedef int (*store_history_fn)(void *arg, const struct store_change_info *);

/* Which lines of a history. */
struct store_range {
	uint64_t after, upto; /* versions; upto 0: to the newest */
	const char *slot;     /* of this slot alone; NULL: of all */
	size_t slot_len;
	uint32_t limit; /* lines */
};

struct store_undo {
	const char *user; /* whose; NULL = the server's */
	bool redo;
	const char *slot; /* undo: this slot alone; NULL: whole batches */
	size_t slot_len;
};

enum store_sync {
	STORE_SYNC_FULL,
	STORE_SYNC_NORMAL
};

struct store_ops {
	/* All batches in one transaction, in order. FCS_OK: durable (FULL);
	 * each .result says which were applied. FCS_EIO, FCS_ENOSPC,
	 * FCS_ENOMEM: nothing was applied. */
	int (*commit)(struct store *, struct store_batch *const *batches,
	    uint32_t count, struct err *why);
	/* All slots and tombstones newer than `after` (0 = everything), in
	 * order of first writing. *version, *floor of the object. FCS_ENOENT:
	 * never written (they are set nevertheless); FCS_EIO, FCS_ECORRUPT,
	 * FCS_ENOMEM; the code of the callback. */
	int (*load)(struct store *, const char *inst, const char *object,
	    uint64_t after, store_slot_fn, void *arg, uint64_t *version,
	    uint64_t *floor);
	/* In order of instance and name. */
	int (*list)(struct store *, const char *inst /* NULL = all */,
	    store_object_fn, void *arg);
	/* At most range.limit lines, oldest first. FCS_ENOENT as load. */
	int (*history)(struct store *, const char *inst, const char *object,
	    const struct store_range *, store_history_fn, void *arg);
	/* What the slots that were written after `version` held then: once per
	 * slot, in no order; slot.version is 0. The rest is as it is now.
	 * FCS_ENOENT as load; FCS_ERANGE the history does not tell: it begins
	 * later, or the version is still to come. */
	int (*rewind)(struct store *, const char *inst, const char *object,
	    uint64_t version, store_slot_fn, void *arg);
	/* The newest version of that time; FCS_ENOENT as load; FCS_ERANGE the
	 * history begins later. */
	int (*moment)(struct store *, const char *inst, const char *object,
	    int64_t at_ms, uint64_t *version);
	/*
	 * What undoing means: the newest batch of the user that is not undone
	 * (redo: its newest undo that is not redone, unless the user wrote
	 * since), in *target, 0 = there is none. Once per slot of it: what it
	 * held before, slot.version as stored now (0: not even a tombstone).
	 * Slots somebody else wrote since are left out. FCS_ENOENT as load.
	 */
	int (*undo)(struct store *, const char *inst, const char *object,
	    const struct store_undo *, store_slot_fn, void *arg,
	    uint64_t *target);
	/* Forget whole batches of history, oldest first: all but what holds
	 * the newest keep changes (UINT32_MAX: all), and what is older than
	 * before_ms. Reads no more than it forgets, and forgets no more at once
	 * than is quick: *more. FCS_ENOENT as load. */
	int (*trim)(struct store *, const char *inst, const char *object,
	    uint32_t keep, int64_t before_ms, bool *more);
	/* Make relaxed batches durable. */
	int (*sync)(struct store *, struct err *why);
	/* Drop tombstones below version; if there were any floor becomes
	 * version - 1 (never falls). *dropped. FCS_ENOENT as load. */
	int (*purge)(struct store *, const char *inst, const char *object,
	    uint64_t version, uint64_t *dropped);
	/* A piece of housekeeping between commits (passive checkpoint). */
	int (*idle)(struct store *);
	/* Bytes of log not yet moved by idle(); 0 = nothing to do. */
	uint64_t (*log_bytes)(struct store *);
	int (*verify)(struct store *, struct err *why); /* FCS_ECORRUPT */
	void (*close)(struct store *); /* frees; the lock is given back */
};

struct store { /* first member of each implementation */
	const struct store_ops *ops;
};

/* SQLite: opens or creates <dir>/objects.sqlite, takes the lock <dir>/lock,
 * migrates inside one transaction (a copy is kept beside). After an unclean end
 * the file is checked. FCS_EBUSY another process has it; FCS_ESCHEMA newer
 * schema (why says versions and remedy); FCS_ECORRUPT; FCS_EIO; FCS_ENOSPC;
 * FCS_EACCES; FCS_EREADONLY. */
int sodb_open(const char *dir, enum store_sync, struct store **out,
    struct err *why) FCS_MUSTUSE;
int sodb_mem_open(struct store **out) FCS_MUSTUSE;

#endif
