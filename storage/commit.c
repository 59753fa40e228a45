/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commit - the commit thread.
 *
 * Jobs pass through three lists: `pending` (loop thread only, until the end of
 * the turn), `waiting` (handed over), `finished` (to be collected). A group is
 * the longest run of batches at the head of `waiting`; run() jobs are done one
 * by one in between, so that everything happens in the order of submission.
 *
 * Gathering: one-deep writers answer each commit with their next change. Taking
 * the first of those at once would split them into two alternating halves, each
 * paying a whole fsync. So a group waits until as many batches are there as
 * last time, at most half the last commit's duration after its end; a lone
 * writer (one last time) never waits.
 *
 * The log is moved into the database (idle) when nothing came for a while, or
 * between two commits once it has LOG_STEP bytes.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "storage/commit.h"

#define GROUP_MAX 4096
#define DURATIONS 512
#define IDLE_MS   50
#define LOG_STEP  (16ULL << 20)

enum job_state {
	JOB_NEW,
	JOB_WAITING,
	JOB_FINISHED
};

struct list {
	struct commit_job *head, **tail;
	uint32_t count;
};

struct commit {
	struct store *store;
	void (*wake)(void *);
	void *wake_arg;
	pthread_t thread;
	struct list pending; /* loop thread */
	size_t unanswered;   /* loop thread: submitted, not done */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t more;  /* waiting grew, or stop */
	pthread_cond_t done;  /* finished grew */
	struct list waiting, finished;
	uint32_t waiting_runs; /* run() jobs among them */
	bool stop;
	bool broken;         /* read-only for good */
	int64_t retry_at_ms; /* read-only until then */
	struct err why;
	uint64_t commits, batches, failed, log_bytes;
	uint32_t durations[DURATIONS]; /* us, a ring */

	/* commit thread */
	uint32_t last_count;
	int64_t last_us, last_end_us;
	struct store_batch *group[GROUP_MAX];
};

static void
list_init(struct list *l)
{
	l->head = NULL;
	l->tail = &l->head;
	l->count = 0;
}

static void
list_add(struct list *l, struct commit_job *job)
{
	job->next = NULL;
	*l->tail = job;
	l->tail = &job->next;
	l->count++;
}

static struct commit_job *
list_take(struct list *l)
{
	struct commit_job *job = l->head;

	if (job == NULL)
		return NULL;
	l->head = job->next;
	if (l->head == NULL)
		l->tail = &l->head;
	l->count--;
	return job;
}

static void
list_remove(struct list *l, struct commit_job *job)
{
	struct commit_job **at = &l->head;

	while (*at != NULL && *at != job)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = job->next;
	if (l->tail == &job->next)
		l->tail = at;
	l->count--;
}

static struct timespec
deadline(int64_t us)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += (long)(us % 1000000) * 1000;
	t.tv_sec += (time_t)(us / 1000000) + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/* Wait for more work for that long; the lock is held. */
static void
wait_more(struct commit *c, int64_t us)
{
	struct timespec until = deadline(us);

	(void)pthread_cond_timedwait(&c->more, &c->lock, &until);
}

static void
gather(struct commit *c)
{
	int64_t left;

	while (!c->stop && c->waiting_runs == 0 &&
	       c->waiting.count < c->last_count) {
		left = c->last_end_us + c->last_us / 2 - clock_us();
		if (left <= 0)
			return;
		wait_more(c, left);
	}
}

/* The lock is held. */
static bool
read_only(const struct commit *c)
{
	return c->broken || c->retry_at_ms > clock_ms();
}

/* What a failed group means for the next ones; the lock is held. */
static void
note_failure(struct commit *c, int code, const struct err *why)
{
	c->failed++;
	c->why = *why;
	if (code == FCS_ENOSPC || code == FCS_ENOMEM || code == FCS_EBUSY)
		c->retry_at_ms = clock_ms() + COMMIT_RETRY_MS;
	else
		c->broken = true;
	log_error("store.failed", "code=%s why=%s read_only=%s", err_name(code),
	    why->text, c->broken ? "until restart" : "retry");
}

/* Write the group; called without the lock. */
static void
write_group(struct commit *c, struct list *group)
{
	struct commit_job *job;
	struct err why;
	uint32_t n = 0;
	int64_t start = clock_us();
	int64_t took;
	int rc;

	err_clear(&why);
	for (job = group->head; job != NULL; job = job->next)
		c->group[n++] = job->batch;
	rc = c->store->ops->commit(c->store, c->group, n, &why);
	c->last_end_us = clock_us();
	took = c->last_end_us - start;
	for (job = group->head; job != NULL; job = job->next)
		job->result = rc != FCS_OK ? rc : job->batch->result;
	c->last_us = took;
	c->last_count = n;
	(void)pthread_mutex_lock(&c->lock);
	if (rc != FCS_OK) {
		note_failure(c, rc, &why);
	} else {
		if (c->retry_at_ms != 0)
			log_info("store.recovered", "batches=%u", n);
		c->retry_at_ms = 0;
		c->durations[c->commits % DURATIONS] =
		    took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
		c->commits++;
		c->batches += n;
	}
	c->log_bytes = c->store->ops->log_bytes(c->store);
	(void)pthread_mutex_unlock(&c->lock);
}

static void
refuse_group(struct list *group)
{
	for (struct commit_job *job = group->head; job != NULL;
	     job = job->next) {
		job->batch->result = FCS_EREADONLY;
		job->result = FCS_EREADONLY;
	}
}

/* Take the next group, or one run() job, off the queue; the lock is held. */
static void
take(struct commit *c, struct list *group)
{
	list_init(group);
	if (c->waiting.head != NULL && c->waiting.head->batch == NULL) {
		c->waiting_runs--;
		list_add(group, list_take(&c->waiting));
		return;
	}
	while (c->waiting.head != NULL && c->waiting.head->batch != NULL &&
	       group->count < GROUP_MAX)
		list_add(group, list_take(&c->waiting));
}

static void
deliver(struct commit *c, struct list *group)
{
	struct commit_job *job;
	bool first;

	(void)pthread_mutex_lock(&c->lock);
	first = c->finished.head == NULL;
	while ((job = list_take(group)) != NULL) {
		job->state = JOB_FINISHED;
		list_add(&c->finished, job);
	}
	(void)pthread_cond_broadcast(&c->done);
	(void)pthread_mutex_unlock(&c->lock);
	if (first)
		c->wake(c->wake_arg);
}

static void
housekeep(struct commit *c)
{
	int rc = c->store->ops->idle(c->store);

	(void)pthread_mutex_lock(&c->lock);
	if (rc != FCS_OK && c->log_bytes > 0)
		log_warn("store.checkpoint", "code=%s log=%llu", err_name(rc),
		    (unsigned long long)c->log_bytes);
	c->log_bytes = c->store->ops->log_bytes(c->store);
	(void)pthread_mutex_unlock(&c->lock);
}

/* Wait for work, doing the housekeeping when there is none for a while.
 * Returns with the lock held; false: told to stop and nothing is left. */
static bool
wait_work(struct commit *c)
{
	bool tried = false;

	(void)pthread_mutex_lock(&c->lock);
	while (c->waiting.head == NULL) {
		if (c->stop)
			return false;
		if (c->log_bytes == 0 || tried || c->broken) {
			(void)pthread_cond_wait(&c->more, &c->lock);
			continue;
		}
		wait_more(c, IDLE_MS * 1000LL);
		if (c->waiting.head != NULL || c->stop)
			continue;
		(void)pthread_mutex_unlock(&c->lock);
		housekeep(c);
		tried = true;
		(void)pthread_mutex_lock(&c->lock);
	}
	return true;
}

static void *
commit_main(void *arg)
{
	struct commit *c = arg;
	struct list group;
	bool refused;

	while (wait_work(c)) {
		if (c->waiting.head->batch != NULL)
			gather(c);
		take(c, &group);
		refused = read_only(c);
		(void)pthread_mutex_unlock(&c->lock);
		if (group.head->batch == NULL)
			group.head->result =
			    group.head->run(c->store, group.head->arg);
		else if (refused)
			refuse_group(&group);
		else
			write_group(c, &group);
		deliver(c, &group);
		if (c->store->ops->log_bytes(c->store) > LOG_STEP)
			housekeep(c);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

static int
init_locks(struct commit *c)
{
	pthread_condattr_t attr;

	if (pthread_condattr_init(&attr) != 0)
		return FCS_ENOMEM;
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (pthread_mutex_init(&c->lock, NULL) != 0 ||
	    pthread_cond_init(&c->more, &attr) != 0 ||
	    pthread_cond_init(&c->done, &attr) != 0) {
		(void)pthread_condattr_destroy(&attr);
		return FCS_ENOMEM;
	}
	(void)pthread_condattr_destroy(&attr);
	return FCS_OK;
}

int
commit_start(
    struct store *store, void (*wake)(void *), void *arg, struct commit **out)
{
	struct commit *c = calloc(1, sizeof(*c));
	sigset_t all;
	sigset_t before;
	int rc;

	*out = NULL;
	if (c == NULL)
		return FCS_ENOMEM;
	c->store = store;
	c->wake = wake;
	c->wake_arg = arg;
	list_init(&c->pending);
	list_init(&c->waiting);
	list_init(&c->finished);
	if (init_locks(c) != FCS_OK) {
		free(c);
		return FCS_ENOMEM;
	}
	/* signals are the loop thread's */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&c->thread, NULL, commit_main, c);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		free(c);
		return FCS_ENOMEM;
	}
	(void)pthread_setname_np(c->thread, "commit");
	*out = c;
	return FCS_OK;
}

void
commit_submit(struct commit *c, struct commit_job *job)
{
	job->state = JOB_WAITING;
	job->result = FCS_OK;
	c->unanswered++;
	list_add(&c->pending, job);
}

/* The lock is held. */
static void
hand_over(struct commit *c)
{
	struct commit_job *job;

	while ((job = list_take(&c->pending)) != NULL) {
		if (job->batch == NULL)
			c->waiting_runs++;
		list_add(&c->waiting, job);
	}
	(void)pthread_cond_signal(&c->more);
}

void
commit_turn(struct commit *c)
{
	if (c->pending.head == NULL)
		return;
	(void)pthread_mutex_lock(&c->lock);
	hand_over(c);
	(void)pthread_mutex_unlock(&c->lock);
}

int
commit_wait(
    struct commit *c, struct commit_job *job, uint32_t timeout_ms, int *result)
{
	struct timespec until = deadline((int64_t)timeout_ms * 1000);
	int rc = 0;

	(void)pthread_mutex_lock(&c->lock);
	hand_over(c);
	while (job->state != JOB_FINISHED && rc == 0)
		rc = pthread_cond_timedwait(&c->done, &c->lock, &until);
	if (job->state == JOB_FINISHED) {
		list_remove(&c->finished, job);
		*result = job->result;
		c->unanswered--;
		rc = 0;
	}
	(void)pthread_mutex_unlock(&c->lock);
	return rc == 0 ? FCS_OK : FCS_ETIMEOUT;
}

bool
commit_is_idle(const struct commit *c)
{
	return c->unanswered == 0;
}

bool
commit_is_read_only(struct commit *c)
{
	bool is;

	(void)pthread_mutex_lock(&c->lock);
	is = read_only(c);
	(void)pthread_mutex_unlock(&c->lock);
	return is;
}

/* One finished job, and why the store failed last; NULL: none is left. */
static struct commit_job *
take_finished(struct commit *c, struct err *why)
{
	struct commit_job *job;

	(void)pthread_mutex_lock(&c->lock);
	job = list_take(&c->finished);
	*why = c->why;
	(void)pthread_mutex_unlock(&c->lock);
	return job;
}

/*
 * One by one: a done() may wait for another finished job and take it away. No
 * more than were there at the start, so that the loop gets its turn.
 */
void
commit_collect(struct commit *c)
{
	struct commit_job *job;
	struct err why;
	uint32_t left;
	bool more;

	(void)pthread_mutex_lock(&c->lock);
	left = c->finished.count;
	(void)pthread_mutex_unlock(&c->lock);
	while (left-- > 0 && (job = take_finished(c, &why)) != NULL) {
		int result = job->result;

		if (why.code == FCS_OK || result == FCS_ESTALE)
			(void)err_set(&why, result, "%s", err_text(result));
		c->unanswered--;
		job->done(job->arg, result, result == FCS_OK ? NULL : &why);
	}
	(void)pthread_mutex_lock(&c->lock);
	more = c->finished.head != NULL; /* nobody was woken for those */
	(void)pthread_mutex_unlock(&c->lock);
	if (more)
		c->wake(c->wake_arg);
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void
commit_stats(struct commit *c, struct commit_stats *out)
{
	uint32_t sorted[DURATIONS];
	size_t n;

	memset(out, 0, sizeof(*out));
	(void)pthread_mutex_lock(&c->lock);
	out->commits = c->commits;
	out->batches = c->batches;
	out->failed = c->failed;
	out->wal_bytes = c->log_bytes;
	out->read_only = read_only(c);
	if (c->why.code != FCS_OK)
		memcpy(out->why, c->why.text, sizeof(out->why));
	n = c->commits < DURATIONS ? c->commits : DURATIONS;
	memcpy(sorted, c->durations, n * sizeof(sorted[0]));
	if (n > 0)
		out->last_us = c->durations[(c->commits - 1) % DURATIONS];
	(void)pthread_mutex_unlock(&c->lock);
	if (n == 0)
		return;
	qsort(sorted, n, sizeof(sorted[0]), compare);
	out->p50_us = sorted[(n - 1) / 2];
	out->p99_us = sorted[(n - 1) * 99 / 100];
}

void
commit_stop(struct commit *c)
{
	if (c == NULL)
		return;
	(void)pthread_mutex_lock(&c->lock);
	hand_over(c);
	c->stop = true;
	(void)pthread_cond_signal(&c->more);
	(void)pthread_mutex_unlock(&c->lock);
	(void)pthread_join(c->thread, NULL);
	commit_collect(c);
	/* what a done() submitted once more is told that it is too late */
	while (c->pending.head != NULL) {
		struct commit_job *job = list_take(&c->pending);

		job->done(job->arg, FCS_ECLOSED, NULL);
	}
	(void)pthread_cond_destroy(&c->more);
	(void)pthread_cond_destroy(&c->done);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}
