/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commit - the commit thread: one group of batches in flight, what arrives
 * meanwhile forms the next (DESIGN 5). Layer: storage (3).
 *
 * The loop thread calls everything here but what says otherwise; the thread
 * owns the store from commit_start to commit_stop. Completions are delivered
 * by commit_collect on the loop thread after wake() was called from the commit
 * thread.
 */
#ifndef STORAGE_COMMIT_H
#define STORAGE_COMMIT_H

#include "storage/store.h"

struct commit;

/* A job; embedded in the caller's batch object, owned by the caller again once
 * done() was called. Either a batch to write, or run() on the commit thread
 * (loads, history, trims: anything that touches the store), in FIFO order with
 * the batches. */
struct commit_job {
	struct store_batch *batch; /* or NULL and: */
	int (*run)(struct store *, void *arg); /* commit thread */
	void (*done)(void *arg, int result, const struct err *why);
	void *arg;
	struct commit_job *next; /* private */
	int result;		 /* private */
};

struct commit_stats {
	uint64_t commits, batches, failed;
	uint64_t last_us, p50_us, p99_us; /* duration of commits */
	uint64_t wal_bytes;
	bool read_only; /* a commit failed: refuses batches (FCS_EREADONLY) */
};

/* wake(arg) is called from the commit thread. FCS_ENOMEM. */
int commit_start(struct store *, void (*wake)(void *), void *arg,
    struct commit **out) FCS_MUSTUSE;
void commit_submit(struct commit *, struct commit_job *);
/* Call at the end of each loop turn in which jobs were submitted
 * (LOOP_COMMIT): hands the gathered group over (gathering rule of DESIGN 5). */
void commit_turn(struct commit *);
void commit_collect(struct commit *); /* calls done() of finished jobs */
void commit_stats(const struct commit *, struct commit_stats *);
/* Finish everything submitted, deliver completions, end the thread. */
void commit_stop(struct commit *);

#endif
