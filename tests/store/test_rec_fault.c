/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recordings on a disk that fails: fdatasync of this program is ours, and says
 * so; an index whose map is full. Media go on as far as they can.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/store/rec_lib.h"

static atomic_int sync_error; /* errno of every sync; 0: as ever */
static atomic_int syncs_failed;

int
fdatasync(int fd)
{
	if (atomic_load(&sync_error) != 0) {
		atomic_fetch_add(&syncs_failed, 1);
		errno = atomic_load(&sync_error);
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

/* What is not on the disk is not claimed: the recording says it failed. */
UNIT(a_sync_that_fails_ends_the_recording_with_an_error)
{
	struct rec_writer w, next;
	struct rec_player p;
	struct rec r;

	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "_definst_", "before", 50);
	rec_begin(&r, &w, "_definst_", "x", MEDIA_NEW);
	rec_frames(&w, 0, 50);
	rec_turn(&r, 60);
	atomic_store(&sync_error, EIO);
	media_writer_close(w.w);
	rec_wait(&r, &w.is_closed);
	ck_assert_int_gt(atomic_load(&syncs_failed), 0);
	ck_assert_msg(w.has_failed || w.close_result != FCS_OK,
	    "a lost sync was called a success");
	atomic_store(&sync_error, 0);
	/* the others are not concerned, and the next one is whole again */
	rec_open(&r, &p, "_definst_", "before");
	ck_assert_int_eq(p.result, FCS_OK);
	rec_play(&r, &p, 0);
	ck_assert_uint_eq(p.pictures, 51);
	rec_close(&p);
	rec_begin(&r, &next, "_definst_", "y", MEDIA_NEW);
	rec_frames(&next, 0, 50);
	rec_end(&r, &next);
	ck_assert_int_eq(next.close_result, FCS_OK);
	rec_stop(&r);
}

/* The index is a cache: full, it is left behind, and the files go on. */
UNIT_TIMEOUT(a_full_index_stops_no_recording, 60)
{
	struct media_info info;
	struct rec_player p;
	char name[64];
	struct rec r;
	int n;

	rec_map_bytes = 128 << 10;
	rec_start(&r, unit_tmpdir(), NULL);
	for (n = 0; n < 40; n++) {
		(void)snprintf(name, sizeof(name), "r%d", n);
		rec_make(&r, "_definst_", name, 2000);
	}
	/* all of them play and seek, with an index or without */
	for (n = 0; n < 40; n += 13) {
		(void)snprintf(name, sizeof(name), "r%d", n);
		rec_open(&r, &p, "_definst_", name);
		ck_assert_int_eq(p.result, FCS_OK);
		rec_seek(&r, &p, 30000);
		rec_play(&r, &p, 5);
		ck_assert(p.first_is_key);
		ck_assert_uint_eq(p.first_ts, 30000);
		rec_close(&p);
		ck_assert_int_eq(rec_info(&r, "_definst_", name, &info), 0);
	}
	rec_stop(&r);
}

UNIT_MAIN
