/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kill -9 of a process that writes through the commit thread, at random
 * moments: what it acknowledged is there, whole batches only. The seed is
 * printed; FCS_SEED repeats a run.
 */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "storage/commit.h"
#include "tests/store/store_lib.h"

#define KILLS  20
#define WINDOW 8 /* batches in flight */

struct writer {
	struct commit_job job;
	struct store_batch batch;
	struct store_change changes[3];
	char text[32];
	uint64_t version;
	bool free;
};

static int wake_pipe[2];
static int ack_pipe[2];

static void
on_wake(void *arg)
{
	(void)arg;
	(void)!write(wake_pipe[1], "w", 1);
}

/* The acknowledgement: version in 8 bytes, at once. */
static void
on_done(void *arg, int result, const struct err *why)
{
	struct writer *w = arg;

	(void)why;
	if (result != FCS_OK)
		_exit(3);
	if (write(ack_pipe[1], &w->version, sizeof(w->version)) !=
	    (ssize_t)sizeof(w->version))
		_exit(4);
	w->free = true;
}

/* Writes until killed. Every batch sets a, b and c to its own version: a batch
 * torn apart would show. */
static void
write_for_ever(const char *dir)
{
	static struct writer writers[WINDOW];
	struct store *s;
	struct commit *c;
	struct err why;
	uint64_t version;
	char drain[64];

	if (sodb_open(dir, STORE_SYNC_FULL, &s, &why) != FCS_OK)
		_exit(5);
	version = store_lib_version(s, "o");
	if (commit_start(s, on_wake, NULL, &c) != FCS_OK)
		_exit(6);
	for (int i = 0; i < WINDOW; i++)
		writers[i].free = true;
	for (;;) {
		for (int i = 0; i < WINDOW; i++) {
			struct writer *w = &writers[i];

			if (!w->free)
				continue;
			w->free = false;
			w->version = ++version;
			snprintf(w->text, sizeof(w->text), "%llu",
			    (unsigned long long)version);
			for (int k = 0; k < 3; k++) {
				w->changes[k].slot = &"abc"[k];
				w->changes[k].slot_len = 1;
				w->changes[k].value = (uint8_t *)w->text;
				w->changes[k].len = strlen(w->text);
			}
			w->batch = (struct store_batch){ .inst = "i",
				.object = "o",
				.version = version,
				.user = "ann",
				.changes = w->changes,
				.count = 3,
				.at_ms = (int64_t)version };
			w->job = (struct commit_job){
				.batch = &w->batch, .done = on_done, .arg = w
			};
			commit_submit(c, &w->job);
		}
		commit_turn(c);
		if (read(wake_pipe[0], drain, sizeof(drain)) <= 0)
			_exit(7);
		commit_collect(c);
	}
}

/* Kill it after a random while; returns the last version acknowledged. */
static uint64_t
run_and_kill(const char *dir)
{
	uint64_t acked = 0;
	uint64_t version;
	struct timespec t = { 0, 0 };
	struct pollfd p;
	int status;
	pid_t pid;

	ck_assert_int_eq(pipe(ack_pipe), 0);
	ck_assert_int_eq(pipe(wake_pipe), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(ack_pipe[0]);
		write_for_ever(dir);
	}
	close(ack_pipe[1]);
	close(wake_pipe[0]);
	close(wake_pipe[1]);
	/* the moment is counted from its first acknowledgement */
	p = (struct pollfd){ .fd = ack_pipe[0], .events = POLLIN };
	ck_assert_int_eq(poll(&p, 1, 10000), 1);
	t.tv_nsec = (random() % 30000) * 1000;
	nanosleep(&t, NULL);
	kill(pid, SIGKILL);
	while (read(ack_pipe[0], &version, sizeof(version)) ==
	       (ssize_t)sizeof(version)) {
		ck_assert_uint_gt(version, acked);
		acked = version;
	}
	close(ack_pipe[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status), "the writer ended with %d",
	    WEXITSTATUS(status));
	return acked;
}

UNIT_TIMEOUT(every_acknowledged_batch_survives_kill_9, 60)
{
	const char *seed = getenv("FCS_SEED");
	unsigned n = seed != NULL ? (unsigned)atoi(seed) : (unsigned)time(NULL);
	int in_flight = 0;

	printf("# seed %u\n", n);
	srandom(n);
	for (int i = 0; i < KILLS; i++) {
		uint64_t acked = run_and_kill(unit_tmpdir());
		uint64_t version;
		struct store *s;
		struct err why;
		char want[128];

		ck_assert_msg(sodb_open(unit_tmpdir(), STORE_SYNC_FULL, &s,
				  &why) == FCS_OK,
		    "%s", why.text);
		version = store_lib_version(s, "o");
		ck_assert_uint_ge(version, acked);
		ck_assert_uint_le(version, acked + WINDOW);
		in_flight += version > acked;
		snprintf(want, sizeof(want),
		    "a=%llu@%llu b=%llu@%llu "
		    "c=%llu@%llu",
		    (unsigned long long)version, (unsigned long long)version,
		    (unsigned long long)version, (unsigned long long)version,
		    (unsigned long long)version, (unsigned long long)version);
		ck_assert_str_eq(store_lib_read(s, "o", 0), want);
		ck_assert_int_eq(s->ops->verify(s, &why), FCS_OK);
		s->ops->close(s);
	}
	printf("# %d of %d kills left a commit that was not acknowledged\n",
	    in_flight, KILLS);
}

UNIT_MAIN
