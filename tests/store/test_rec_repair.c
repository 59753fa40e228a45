/* SPDX-License-Identifier: BSD-2-Clause */
/* Recordings cut off, damaged or hostile: repaired or refused, never fatal. */
#include "tests/store/rec_lib.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rnd.h"

#define SMALL 24

/* A small recording that was never closed, as bytes. */
static uint8_t *
unfinished(struct rec *r, size_t *len)
{
	struct rec_writer w;
	uint8_t *bytes;

	rec_begin(r, &w, "_definst_", "open", MEDIA_NEW);
	for (uint32_t n = 0; n < 12; n++) {
		struct refbuf *b = refbuf_new(SMALL);

		memset(b->data, (int)n, SMALL);
		memcpy(
		    b->data, n % 4 == 0 ? "\x17\1\0\0\0" : "\x27\1\0\0\0", 5);
		ck_assert_int_eq(
		    media_writer_append(w.w, MESSAGE_VIDEO, n * 40, b), 0);
		refbuf_unref(b);
	}
	while (atomic_load(&r->media->queued_bytes) > 0)
		rec_turn(r, 10);
	bytes = rec_slurp(rec_path("recordings/_definst_/open.flv"), len);
	rec_end(r, &w);
	return bytes;
}

UNIT_TIMEOUT(every_truncation_is_repaired, 60)
{
	struct media_verify verify;
	struct media_info info;
	struct rec r;
	const size_t tag = SMALL + 15;
	size_t head;
	size_t len;
	uint8_t *bytes;
	uint32_t last;

	log_set_level(LOG_LEVEL_ERROR);
	rec_start(&r, unit_tmpdir(), NULL);
	bytes = unfinished(&r, &len);
	head = len - 12 * tag;
	for (size_t n = head; n <= len; n++) {
		size_t whole = (n - head) / tag;
		long tags;

		rec_spit(rec_path("recordings/_definst_/cut.flv"), bytes, n);
		ck_assert_int_eq(rec_info(&r, "_definst_", "cut", &info), 0);
		tags = rec_check_file(
		    rec_path("recordings/_definst_/cut.flv"), &last);
		ck_assert_int_eq(tags, (long)whole + 1);
		ck_assert_uint_eq(info.tags, whole + 1);
		ck_assert_uint_eq(info.keys, (whole + 3) / 4);
		ck_assert_int_eq(
		    rec_verify(&r, "_definst_", "cut", &verify), 0);
		ck_assert_str_eq(verify.text, "ok");
	}
	/* cut in the head: no recording, but nothing dies */
	for (size_t n = 0; n < head; n += 97) {
		rec_spit(rec_path("recordings/_definst_/cut.flv"), bytes, n);
		ck_assert_int_eq(
		    rec_info(&r, "_definst_", "cut", &info), FCS_ECORRUPT);
	}
	free(bytes);
	rec_stop(&r);
}

UNIT(a_tail_of_zeros_is_cut)
{
	struct media_info info;
	struct rec r;
	size_t len;
	uint8_t *bytes;
	uint8_t *more;
	uint32_t last;

	log_set_level(LOG_LEVEL_ERROR);
	rec_start(&r, unit_tmpdir(), NULL);
	bytes = unfinished(&r, &len);
	more = calloc(1, len + 5000);
	memcpy(more, bytes, len);
	rec_spit(rec_path("recordings/_definst_/cut.flv"), more, len + 5000);
	ck_assert_int_eq(rec_info(&r, "_definst_", "cut", &info), 0);
	ck_assert_int_eq(
	    rec_check_file(rec_path("recordings/_definst_/cut.flv"), &last),
	    13);
	ck_assert_uint_eq(info.size, len);
	free(bytes);
	free(more);
	rec_stop(&r);
}

/* Every byte of a small file turned: indexed or refused, played to an end. */
UNIT_TIMEOUT(hostile_bytes_never_hang_or_crash, 60)
{
	static const uint8_t masks[] = { 0xff, 0x80, 0x01 };
	struct media_info info;
	struct rec_player p;
	struct rec r;
	size_t len;
	size_t head;
	uint8_t *bytes;

	log_set_level(LOG_LEVEL_ERROR);
	rec_start(&r, unit_tmpdir(), NULL);
	bytes = unfinished(&r, &len);
	head = len - 12 * (SMALL + 15);
	/* a file of others: without our head */
	memmove(bytes + 13, bytes + head, len - head);
	len = len - head + 13;
	for (size_t at = 0; at < len; at++) {
		for (size_t i = 0; i < sizeof(masks); i++) {
			bytes[at] ^= masks[i];
			rec_spit(rec_path("recordings/_definst_/bad.flv"),
			    bytes, len);
			bytes[at] ^= masks[i];
			if (rec_info(&r, "_definst_", "bad", &info) != FCS_OK)
				continue;
			rec_open(&r, &p, "_definst_", "bad");
			rec_seek(&r, &p, 300);
			rec_play(&r, &p, 0);
			rec_seek(&r, &p, 0);
			rec_play(&r, &p, 0);
			ck_assert(p.end == FCS_ENOENT || p.end == FCS_ECORRUPT);
			rec_close(&p);
		}
	}
	free(bytes);
	rec_stop(&r);
}

UNIT(a_file_changed_while_played_ends_with_a_status)
{
	struct rec_player p;
	struct rec r;
	size_t len;
	uint8_t *bytes;

	log_set_level(LOG_LEVEL_ERROR);
	rec_start(&r, unit_tmpdir(), NULL);
	rec_make(&r, "_definst_", "x", 2000);
	rec_open(&r, &p, "_definst_", "x");
	rec_seek(&r, &p, 0);
	rec_play(&r, &p, 5);
	bytes = rec_slurp(rec_path("recordings/_definst_/x.flv"), &len);
	memset(bytes + len / 4, 0xEE, len - len / 4);
	rec_spit(rec_path("recordings/_definst_/x.flv"), bytes, len);
	free(bytes);
	rec_play(&r, &p, 0);
	ck_assert_int_eq(p.end, FCS_ECORRUPT);
	rec_seek(&r, &p, 60000);
	ck_assert_int_eq(p.place.result, FCS_ECORRUPT);
	rec_close(&p);
	rec_stop(&r);
}

/* --- kill -9 --- */

struct shared {                  /* with the process that is killed */
	_Atomic uint32_t handed; /* last timestamp handed over */
	_Atomic uint32_t number;
};

/* Record in real time until killed: timestamps are ms since the start. */
static void
record_for_ever(const char *dir, struct shared *s)
{
	struct rec r;
	struct rec_writer w;
	int64_t start;

	rec_start(&r, dir, NULL);
	rec_begin(&r, &w, "_definst_", "x", MEDIA_NEW);
	start = clock_ms();
	for (uint32_t n = 0;; n++) {
		struct timespec pause = { .tv_nsec = 2000000 };
		uint32_t ts = (uint32_t)(clock_ms() - start);
		struct refbuf *b = rec_frame(MESSAGE_VIDEO, n);

		if (media_writer_append(w.w, MESSAGE_VIDEO, ts, b) != FCS_OK)
			_exit(1);
		refbuf_unref(b);
		atomic_store(&s->number, n);
		atomic_store(&s->handed, ts);
		rec_turn(&r, 0);
		nanosleep(&pause, NULL);
	}
}

UNIT_TIMEOUT(kill_9_twenty_times_loses_little_and_plays, 60)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const char *dir = unit_tmpdir(); /* before the first fork */
	uint32_t seed = rnd_u32();
	uint32_t worst = 0;

	ck_assert(s != MAP_FAILED);
	printf("# seed %u\n", seed);
	fflush(stdout);
	srand(seed);
	log_set_level(LOG_LEVEL_ERROR);
	for (int round = 0; round < 20; round++) {
		uint32_t after = 120 + (uint32_t)rand() % 400;
		struct media_verify verify;
		struct rec_player p;
		struct media_info info;
		struct rec r;
		uint32_t last;
		uint32_t handed;
		uint32_t at;
		pid_t pid;
		int status;

		atomic_store(&s->handed, 0);
		pid = fork();
		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			record_for_ever(dir, s);
			_exit(0);
		}
		while (atomic_load(&s->handed) < after) {
			struct timespec pause = { .tv_nsec = 1000000 };

			ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
			nanosleep(&pause, NULL);
		}
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		handed = atomic_load(&s->handed);
		rec_start(&r, dir, NULL);
		ck_assert_int_eq(rec_info(&r, "_definst_", "x", &info), 0);
		ck_assert_int_gt(
		    rec_check_file(
			rec_path("recordings/_definst_/x.flv"), &last),
		    1);
		ck_assert_uint_eq(last, info.duration_ms);
		if (handed - last > worst)
			worst = handed - last;
		/* bound 100 ms; five times that on a busy machine */
		ck_assert_msg(handed - last <= 500, "%u of %u ms lost",
		    handed - last, handed);
		ck_assert_int_eq(rec_verify(&r, "_definst_", "x", &verify), 0);
		ck_assert_str_eq(verify.text, "ok");
		rec_open(&r, &p, "_definst_", "x");
		at = (uint32_t)rand() % (info.duration_ms + 1);
		rec_seek(&r, &p, at);
		ck_assert_uint_le(p.place.key_ms, at);
		rec_play(&r, &p, 0);
		ck_assert(p.place.at_start || p.first_is_key);
		ck_assert_int_eq(p.end, FCS_ENOENT);
		ck_assert_uint_eq(p.last_ts, last);
		rec_close(&p);
		rec_stop(&r);
	}
	printf("# at most %u ms lost\n", worst);
	munmap(s, sizeof(*s));
}

UNIT_MAIN
