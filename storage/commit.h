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
	struct store_batch *batch;             /* or NULL and: */
	int (*run)(struct store *, void *arg); /* commit thread */
	void (*done)(void *arg, int result, const struct err *why);
	void *arg;
	struct commit_job *next; /* private */
	int result;              /* private */
	int state;               /* private */
};

struct commit_stats {
	uint64_t commits, batches, failed; /* groups, batches, groups */
	uint64_t last_us, p50_us, p99_us;  /* duration of commits */
	uint64_t wal_bytes;
	bool read_only; /* a commit failed: refuses batches (FCS_EREADONLY) */
	char why[ERR_TEXT_MAX]; /* of the failure, "" when none */
};

/* wake(arg) is called from the commit thread. FCS_ENOMEM. */
int commit_start(struct store *, void (*wake)(void *), void *arg,
    struct commit **out) FCS_MUSTUSE;
void commit_submit(struct commit *, struct commit_job *);
/* Hand over what was submitted and wait for this job, at most timeout_ms.
 * FCS_OK: it ran, done() is not called, *result is its result. FCS_ETIMEOUT:
 * done() comes later as usual. The only call that blocks the loop thread. */
int commit_wait(struct commit *, struct commit_job *, uint32_t timeout_ms,
    int *result) FCS_MUSTUSE;
/* Batches would be refused now: after FCS_EIO or FCS_ECORRUPT until the process
 * ends (what is on disk is no longer known), after FCS_ENOSPC, FCS_ENOMEM and
 * the like for COMMIT_RETRY_MS, then the next batch is the probe. */
#define COMMIT_RETRY_MS 1000
bool commit_is_read_only(struct commit *);
/* Call at the end of each loop turn in which jobs were submitted
 * (LOOP_COMMIT): hands the gathered group over (gathering rule of DESIGN 5). */
void commit_turn(struct commit *);
void commit_collect(struct commit *); /* calls done() of finished jobs */
/* Nothing was submitted whose done() is still to come. */
bool commit_is_idle(const struct commit *);
void commit_stats(struct commit *, struct commit_stats *);
/* Finish everything submitted, deliver completions, end the thread. The store
 * is the caller's again. NULL is allowed. */
void commit_stop(struct commit *);

#endif
