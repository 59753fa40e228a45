/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lookup - see lookup.h. The resolver of libc is the one that knows how this
 * machine names hosts, but it waits; so it has a thread. What thread and loop
 * share is counted: whoever comes last frees it, so that a lookup nobody waits
 * for any more ends by itself. The thread says it is done by closing a pipe.
 */
#include "net/lookup.h"

#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/timer.h"

#define RETRY_MS 20 /* while all threads are busy */

struct shared {
	atomic_uint refs;
	char host[256];
	char port[8];
	int done_fd; /* the thread's end */
	unsigned count;
	struct lookup_addr addrs[LOOKUP_ADDRS_MAX];
	char why[ERR_TEXT_MAX];
};

struct lookup {
	struct loop *loop;
	lookup_fn fn;
	void *arg;
	struct shared *shared;
	struct loop_watch *watch;
	struct timer *timer;
	int fd;
};

static atomic_uint running; /* threads of this process */

static void
unref(struct shared *s)
{
	if (atomic_fetch_sub(&s->refs, 1) == 1)
		free(s);
}

static void
resolve(struct shared *s)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG };
	struct addrinfo *list = NULL, *a;
	int rc = getaddrinfo(s->host, s->port, &hints, &list);

	if (rc == EAI_ADDRFAMILY || rc == EAI_NONAME) {
		/* a number of a family without a configured address */
		hints.ai_flags = AI_NUMERICSERV;
		rc = getaddrinfo(s->host, s->port, &hints, &list);
	}
	if (rc != 0) {
		(void)snprintf(s->why, sizeof(s->why), "%s", gai_strerror(rc));
		return;
	}
	for (a = list; a != NULL && s->count < LOOKUP_ADDRS_MAX; a = a->ai_next)
		if (a->ai_addrlen <= sizeof(s->addrs[0].sa)) {
			memcpy(
			    &s->addrs[s->count].sa, a->ai_addr, a->ai_addrlen);
			s->addrs[s->count++].len = a->ai_addrlen;
		}
	freeaddrinfo(list);
	if (s->count == 0)
		(void)snprintf(s->why, sizeof(s->why), "%s", "no address");
}

static void *
thread_main(void *arg)
{
	struct shared *s = arg;

	resolve(s);
	(void)close(s->done_fd);
	atomic_fetch_sub(&running, 1);
	unref(s);
	return NULL;
}

static void
on_done(void *arg, int ready)
{
	struct lookup *l = arg;
	struct shared *s = l->shared;

	(void)ready;
	loop_watch_set(l->watch, 0);
	l->fn(l->arg, s->addrs, s->count, s->why);
}

static int
start_thread(struct lookup *l)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t t;
	int fds[2], rc;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return FCS_ESYS;
	l->shared->done_fd = fds[1];
	atomic_fetch_add(&l->shared->refs, 1);
	atomic_fetch_add(&running, 1);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&t, &attr, thread_main, l->shared);
	(void)pthread_attr_destroy(&attr);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		atomic_fetch_sub(&running, 1);
		atomic_fetch_sub(&l->shared->refs, 1);
		(void)close(fds[0]);
		(void)close(fds[1]);
		return FCS_ESYS;
	}
	l->fd = fds[0];
	l->watch = loop_watch_new(l->loop, l->fd, LOOP_READ, on_done, l);
	return l->watch == NULL ? FCS_ENOMEM : FCS_OK;
}

static void
on_timer(void *arg)
{
	struct lookup *l = arg;

	if (atomic_load(&running) >= LOOKUP_THREADS_MAX)
		timer_set(l->timer, RETRY_MS);
	else if (start_thread(l) != FCS_OK)
		l->fn(l->arg, NULL, 0, "out of threads or descriptors");
}

struct lookup *
lookup_new(
    struct loop *loop, const char *host, uint16_t port, lookup_fn fn, void *arg)
{
	struct lookup *l = calloc(1, sizeof(*l));
	struct shared *s = calloc(1, sizeof(*s));

	if (l == NULL || s == NULL)
		goto fail;
	l->loop = loop;
	l->fn = fn;
	l->arg = arg;
	l->fd = -1;
	l->shared = s;
	l->timer = timer_new(loop, on_timer, l);
	if (l->timer == NULL)
		goto fail;
	atomic_init(&s->refs, 1);
	(void)snprintf(s->host, sizeof(s->host), "%s", host);
	(void)snprintf(s->port, sizeof(s->port), "%u", (unsigned)port);
	timer_set(l->timer, 0);
	return l;
fail:
	free(l);
	free(s);
	return NULL;
}

static void
free_now(void *obj)
{
	struct lookup *l = obj;

	unref(l->shared);
	free(l);
}

void
lookup_free(struct lookup *l)
{
	if (l == NULL)
		return;
	if (l->watch != NULL)
		loop_watch_free(l->watch);
	if (l->fd >= 0)
		(void)close(l->fd);
	timer_free(l->timer);
	loop_defer_free(l->loop, free_now, l); /* fn still reads the answer */
}
