/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disk - the disk under a test program. Linked in, its open, write, truncate,
 * sync, rename and unlink stand before those of libc, also for SQLite and
 * LMDB. What is done below one folder is noted, and can be made to fail.
 *
 * A cut of the power is replayed: what a file holds after it is everything its
 * last sync before the cut covers, and of what came later each sector of 512
 * bytes by the toss of a coin. Names (made, renamed, removed) are kept in
 * order: all that a sync of the folder covers, then some more.
 *
 * Thread: any; the notes have one order. Memory maps are not seen.
 */
#ifndef TESTS_LIB_DISK_H
#define TESTS_LIB_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Note what happens below dir (absolute, exists, is empty); what was noted of
 * another folder is forgotten. */
void disk_watch(const char *dir);
/* A promise was given: n must survive every later cut. */
void disk_promise(uint64_t n);
/* Notes so far: a cut is at 0 ... disk_notes(). */
size_t disk_notes(void);
/* The folder as the power found it that failed behind the first `at` notes,
 * written into `into` (exists, empty). Returns the greatest promise before. */
uint64_t disk_cut(size_t at, unsigned seed, const char *into);

enum disk_call {
	DISK_OPEN = 1,
	DISK_WRITE = 2,
	DISK_TRUNCATE = 4,
	DISK_SYNC = 8,
	DISK_NAME = 16, /* rename, unlink */
	DISK_ALL = 31
};
/*
 * The nth call (from 1) of those kinds below the folder fails with error from
 * now on counted; for ever: all from it on do. error 0: none fail. A write
 * that fails with ENOSPC writes half before if it is longer than a sector.
 */
void disk_fail(unsigned calls, uint32_t nth, int error, bool for_ever);
/* How many such calls there were since disk_fail(); whether one failed. */
uint32_t disk_calls(void);
uint32_t disk_failures(void);

#endif
