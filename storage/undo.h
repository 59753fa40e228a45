/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * undo - what undo, redo and a look back mean, whatever store holds the
 * history (store.h: undo, rewind). Layer: storage (3). Used by the thread that
 * uses the store.
 *
 * A batch of a user is undone when the newest batch that names it as its target
 * is an undo that was not redone. An undo of one slot counts for that slot of
 * the batch alone. A redo takes an undo back; it is possible until the user
 * writes anything else.
 */
#ifndef STORAGE_UNDO_H
#define STORAGE_UNDO_H

#include "storage/store.h"

struct undo_batch {
	uint64_t version;
	enum store_kind kind;
	uint64_t target;
};

/* What a store has to tell. Walks end early when fn returns FCS_ECLOSED (the
 * walk itself is FCS_OK then); every other code is handed on. */
struct undo_source {
	/* Batches of the user (NULL: the server), newest first. */
	int (*batches)(void *src, const char *user,
	    int (*fn)(void *arg, const struct undo_batch *), void *arg);
	/* Lines of the versions after < v <= upto, oldest first. */
	int (*lines)(void *src, uint64_t after, uint64_t upto,
	    store_history_fn fn, void *arg);
	/* Who wrote the slot last, and when; *version 0: there is none.
	 * *user is good until the next call. */
	int (*slot)(void *src, const char *slot, size_t slot_len,
	    uint64_t *version, const char **user);
};

/* As store.h's undo and rewind. FCS_ENOMEM, what the source or fn returns. */
int undo_find(const struct undo_source *, void *src, const struct store_undo *,
    store_slot_fn fn, void *arg, uint64_t *target) FCS_MUSTUSE;
int undo_rewind(const struct undo_source *, void *src, uint64_t version,
    store_slot_fn fn, void *arg) FCS_MUSTUSE;

#endif
