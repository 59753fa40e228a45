/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue and the thread of files. Results wait until the loop took earlier
 * ones: a script that reads many files at once does not have them all in
 * memory at once.
 */
#include "storage/files.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "storage/files_int.h"

struct files {
	struct files_conf conf;
	struct files_tree tree; /* of the thread */
	struct queue *todo, *finished;
	uint64_t waiting; /* bytes submitted and not done; loop */
	size_t undone;    /* operations submitted and not done; loop */
	bool is_running;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t taken;
	uint64_t out; /* bytes of results not collected; lock */
	bool stopping;
};

static void *
files_main(void *arg)
{
	struct files *f = arg;
	struct queue_item *item;
	struct files_op *op;

	while (queue_wait(f->todo, -1, &item) == FCS_OK) {
		op = QUEUE_ENTRY(item, struct files_op, item);
		(void)pthread_mutex_lock(&f->lock);
		while (f->out > f->conf.waiting_max && !f->stopping)
			(void)pthread_cond_wait(&f->taken, &f->lock);
		(void)pthread_mutex_unlock(&f->lock);
		files_op_run(&f->tree, op);
		(void)pthread_mutex_lock(&f->lock);
		f->out += buf_len(&op->out);
		(void)pthread_mutex_unlock(&f->lock);
		fcs_ignore(
		    queue_force(f->finished, &op->item)); /* not closed */
	}
	return NULL;
}

static int
run_thread(struct files *f)
{
	sigset_t all, before;
	int rc;

	if (f->is_running)
		return FCS_OK;
	/* signals are the loop thread's */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&f->thread, NULL, files_main, f);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return FCS_ENOMEM;
	(void)pthread_setname_np(f->thread, "files");
	f->is_running = true;
	return FCS_OK;
}

static void
free_all(struct files *f)
{
	if (f->todo != NULL)
		queue_free(f->todo);
	if (f->finished != NULL)
		queue_free(f->finished);
	(void)pthread_mutex_destroy(&f->lock);
	(void)pthread_cond_destroy(&f->taken);
	free(f->tree.state_dir);
	free(f->tree.data_dir);
	free(f);
}

int
files_start(const struct files_conf *conf, struct files **out)
{
	struct files *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return FCS_ENOMEM;
	f->conf = *conf;
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_cond_init(&f->taken, NULL);
	f->tree.state_dir = strdup(conf->state_dir);
	f->tree.data_dir = strdup(conf->data_dir);
	f->todo = queue_new(0, NULL, NULL);
	f->finished = queue_new(0, conf->wake, conf->arg);
	if (f->tree.state_dir == NULL || f->tree.data_dir == NULL ||
	    f->todo == NULL || f->finished == NULL) {
		free_all(f);
		return FCS_ENOMEM;
	}
	*out = f;
	return FCS_OK;
}

void
files_stop(struct files *f)
{
	if (f == NULL)
		return;
	(void)pthread_mutex_lock(&f->lock);
	f->stopping = true;
	(void)pthread_cond_signal(&f->taken);
	(void)pthread_mutex_unlock(&f->lock);
	queue_close(f->todo);
	if (f->is_running)
		(void)pthread_join(f->thread, NULL);
	files_collect(f);
	free_all(f);
}

int
files_submit(struct files *f, struct files_op *op)
{
	int rc;

	if (op->len > 0 && f->waiting + op->len > f->conf.waiting_max)
		return FCS_ELIMIT;
	rc = run_thread(f);
	if (rc != FCS_OK)
		return rc;
	err_clear(&op->why);
	buf_init(&op->out, 0);
	rc = queue_put(f->todo, &op->item);
	if (rc == FCS_OK) {
		f->waiting += op->len;
		f->undone++;
	}
	return rc;
}

bool
files_is_idle(const struct files *f)
{
	return f->undone == 0;
}

void
files_collect(struct files *f)
{
	struct queue_item *item;
	struct files_op *op;

	while ((item = queue_get(f->finished)) != NULL) {
		op = QUEUE_ENTRY(item, struct files_op, item);
		f->waiting -= op->len;
		f->undone--;
		(void)pthread_mutex_lock(&f->lock);
		f->out -= buf_len(&op->out);
		(void)pthread_cond_signal(&f->taken);
		(void)pthread_mutex_unlock(&f->lock);
		op->done(op);
	}
}
