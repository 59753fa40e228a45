/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loop - see loop.h. One call of event_base_loop(EVLOOP_ONCE) is the batch of
 * events; what they queued runs after it, outside any libevent callback. While
 * something is queued for the next turn the poll does not wait.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/loop_int.h"

/* Work that queues work: so many rounds, then the sockets have their turn. */
#define WORK_ROUNDS 16

struct grave {
	void (*fn)(void *obj);
	void *obj;
};

struct signal_entry {
	struct event ev;
	struct loop *loop;
	void (*fn)(void *arg, int signo);
	void *arg;
	struct signal_entry *next;
};

struct loop {
	struct event_base *base;
	struct event limit; /* ends the wait of loop_turn */
	uint64_t now_ms;
	bool entered; /* now_ms belongs to this turn */
	bool stop;
	bool holds;         /* timers, see loop_hold_timers */
	struct timer *held; /* those set, the earliest first */
	uint64_t done;      /* callbacks and tasks so far */
	struct loop_task phases[LOOP_PHASES]; /* list heads */
	struct grave *graves;
	size_t grave_count, grave_cap;
	struct loop_link links; /* list head */
	unsigned link_count;
	struct signal_entry *signals;
	uint8_t *rx;
};

static void
on_limit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	loop_enter(arg);
}

static void
on_libevent_log(int severity, const char *msg)
{
	if (severity >= EVENT_LOG_WARN)
		log_warn("net.libevent", "text=%s", msg);
}

struct loop *
loop_new(void)
{
	struct event_config *cfg;
	struct loop *l;
	int i;

	event_set_log_callback(on_libevent_log);
	l = calloc(1, sizeof(*l));
	cfg = event_config_new();
	if (l == NULL || cfg == NULL)
		goto fail;
	(void)event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	/* poll and select do not scale to our descriptors */
	(void)event_config_avoid_method(cfg, "poll");
	(void)event_config_avoid_method(cfg, "select");
	l->base = event_base_new_with_config(cfg);
	l->rx = malloc(LOOP_RX_SIZE);
	if (l->base == NULL || l->rx == NULL)
		goto fail;
	for (i = 0; i < LOOP_PHASES; i++)
		l->phases[i].next = l->phases[i].prev = &l->phases[i];
	l->links.next = l->links.prev = &l->links;
	if (evtimer_assign(&l->limit, l->base, on_limit, l) != 0)
		goto fail;
	l->now_ms = (uint64_t)clock_ms();
	event_config_free(cfg);
	return l;
fail:
	if (cfg != NULL)
		event_config_free(cfg);
	if (l != NULL) {
		if (l->base != NULL)
			event_base_free(l->base);
		free(l->rx);
	}
	free(l);
	return NULL;
}

static void
bury(struct loop *l)
{
	struct grave g;
	size_t i;

	/* a free may defer another one: it is buried in the same pass */
	for (i = 0; i < l->grave_count; i++) {
		g = l->graves[i];
		g.fn(g.obj);
	}
	l->grave_count = 0;
}

void
loop_free(struct loop *l)
{
	struct signal_entry *s;
	struct loop_link *k;

	if (l == NULL)
		return;
	while (l->links.next != &l->links) {
		k = l->links.next;
		loop_link_del(l, k);
		k->fn(k->arg);
	}
	bury(l);
	while ((s = l->signals) != NULL) {
		l->signals = s->next;
		(void)event_del(&s->ev);
		free(s);
	}
	(void)event_del(&l->limit);
	event_base_free(l->base);
	free(l->graves);
	free(l->rx);
	free(l);
}

struct event_base *
loop_base(struct loop *l)
{
	return l->base;
}

uint8_t *
loop_rx(struct loop *l)
{
	return l->rx;
}

void
loop_enter(struct loop *l)
{
	l->done++;
	if (l->entered)
		return;
	l->entered = true;
	l->now_ms = (uint64_t)clock_ms();
}

uint64_t
loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

static bool
phase_is_empty(const struct loop *l, int phase)
{
	return l->phases[phase].next == &l->phases[phase];
}

/* One pass over what is queued now; what is queued meanwhile stays. */
static void
run_phase(struct loop *l, int phase)
{
	struct loop_task *head = &l->phases[phase], pass, *t;

	if (phase_is_empty(l, phase))
		return;
	pass.next = head->next;
	pass.prev = head->prev;
	pass.next->prev = &pass;
	pass.prev->next = &pass;
	head->next = head->prev = head;
	/* a task may cancel any other one of this pass: always take the
	 * first */
	while ((t = pass.next) != &pass) {
		t->next->prev = &pass;
		pass.next = t->next;
		t->next = t->prev = NULL;
		t->queued = false;
		l->done++;
		t->fn(t->arg);
	}
}

static void
end_turn(struct loop *l)
{
	int i;

	loop_enter(l);
	for (i = 0; i < WORK_ROUNDS && !phase_is_empty(l, LOOP_WORK); i++)
		run_phase(l, LOOP_WORK);
	run_phase(l, LOOP_COMMIT);
	run_phase(l, LOOP_FLUSH);
	bury(l);
	l->entered = false;
}

static bool
is_pending(const struct loop *l)
{
	int i;

	for (i = 0; i < LOOP_PHASES; i++)
		if (!phase_is_empty(l, i))
			return true;
	return false;
}

static int
one_turn(struct loop *l)
{
	int flags, rc;

	flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;
	if (is_pending(l))
		flags |= EVLOOP_NONBLOCK;
	rc = event_base_loop(l->base, flags);
	end_turn(l);
	return rc < 0 ? FCS_EIO : FCS_OK;
}

int
loop_run(struct loop *l)
{
	int rc = FCS_OK;

	while (!l->stop && rc == FCS_OK)
		rc = one_turn(l);
	l->stop = false;
	return rc;
}

void
loop_turn(struct loop *l, int max_ms)
{
	struct timeval tv;

	if (max_ms >= 0) {
		tv.tv_sec = max_ms / 1000;
		tv.tv_usec = (max_ms % 1000) * 1000;
		(void)evtimer_add(&l->limit, &tv);
	}
	(void)one_turn(l);
	(void)evtimer_del(&l->limit);
}

void
loop_hold_timers(struct loop *l)
{
	l->holds = true;
}

struct timer **
loop_held(struct loop *l)
{
	return l->holds ? &l->held : NULL;
}

bool
loop_next_timer(struct loop *l, uint64_t *at_ms)
{
	return timer_held_next(l->held, at_ms);
}

bool
loop_step(struct loop *l)
{
	uint64_t before = l->done, at;

	(void)event_base_loop(
	    l->base, EVLOOP_NONBLOCK | EVLOOP_NO_EXIT_ON_EMPTY);
	if (l->done == before && timer_held_next(l->held, &at) &&
	    at <= (uint64_t)clock_ms())
		timer_held_fire(l->held);
	end_turn(l);
	return l->done > before + 1; /* end_turn counts as one */
}

void
loop_stop(struct loop *l)
{
	l->stop = true;
}

void
loop_at_end(struct loop *l, enum loop_phase phase, struct loop_task *t)
{
	struct loop_task *head = &l->phases[phase];

	if (t->queued)
		return;
	t->queued = true;
	t->next = head;
	t->prev = head->prev;
	head->prev->next = t;
	head->prev = t;
}

void
loop_cancel(struct loop *l, enum loop_phase phase, struct loop_task *t)
{
	(void)l;
	(void)phase;
	if (!t->queued)
		return;
	t->next->prev = t->prev;
	t->prev->next = t->next;
	t->next = t->prev = NULL;
	t->queued = false;
}

void
loop_defer_free(struct loop *l, void (*fn)(void *obj), void *obj)
{
	struct grave *v;
	size_t cap;

	if (l->grave_count == l->grave_cap) {
		cap = l->grave_cap == 0 ? 64 : l->grave_cap * 2;
		v = realloc(l->graves, cap * sizeof(*v));
		if (v == NULL) {
			/* lost memory is better than memory in use twice */
			log_error("net.defer", "why=%s", "out of memory");
			return;
		}
		l->graves = v;
		l->grave_cap = cap;
	}
	l->graves[l->grave_count].fn = fn;
	l->graves[l->grave_count].obj = obj;
	l->grave_count++;
}

void
loop_link_add(struct loop *l, struct loop_link *k)
{
	k->next = &l->links;
	k->prev = l->links.prev;
	l->links.prev->next = k;
	l->links.prev = k;
	l->link_count++;
}

void
loop_link_del(struct loop *l, struct loop_link *k)
{
	if (k->next == NULL)
		return;
	k->next->prev = k->prev;
	k->prev->next = k->next;
	k->next = k->prev = NULL;
	l->link_count--;
}

unsigned
loop_link_count(const struct loop *l)
{
	return l->link_count;
}

/* ---- descriptors that are not streams ---- */

struct loop_watch {
	struct event ev;
	struct loop *loop;
	loop_watch_fn fn;
	void *arg;
	int fd;
	int what;
};

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *w = arg;
	int ready = 0;

	(void)fd;
	if (what & EV_READ)
		ready |= LOOP_READ;
	if (what & EV_WRITE)
		ready |= LOOP_WRITE;
	loop_enter(w->loop);
	w->fn(w->arg, ready); /* may free w */
}

static int
watch_arm(struct loop_watch *w, int what)
{
	short flags = EV_PERSIST;

	if (what & LOOP_READ)
		flags |= EV_READ;
	if (what & LOOP_WRITE)
		flags |= EV_WRITE;
	w->what = what;
	if (event_assign(&w->ev, w->loop->base, w->fd, flags, on_watch, w) != 0)
		return FCS_EINVAL;
	if (what != 0 && event_add(&w->ev, NULL) != 0)
		return FCS_ENOMEM;
	return FCS_OK;
}

struct loop_watch *
loop_watch_new(struct loop *l, int fd, int what, loop_watch_fn fn, void *arg)
{
	struct loop_watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->loop = l;
	w->fd = fd;
	w->fn = fn;
	w->arg = arg;
	if (watch_arm(w, what) != FCS_OK) {
		free(w);
		return NULL;
	}
	return w;
}

void
loop_watch_set(struct loop_watch *w, int what)
{
	if (w->what == what)
		return;
	(void)event_del(&w->ev);
	if (watch_arm(w, what) != FCS_OK)
		log_error("net.watch", "fd=%d why=%s", w->fd, "cannot arm");
}

void
loop_watch_free(struct loop_watch *w)
{
	if (w == NULL)
		return;
	(void)event_del(&w->ev);
	free(w);
}

/* ---- waking from another thread ---- */

struct loop_wakeup {
	struct loop_watch *watch;
	void (*fn)(void *);
	void *arg;
	int fd;
};

static void
on_wakeup(void *arg, int ready)
{
	struct loop_wakeup *w = arg;
	uint64_t count;

	(void)ready;
	if (read(w->fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
		w->fn(w->arg); /* may free w */
}

struct loop_wakeup *
loop_wakeup_new(struct loop *l, void (*fn)(void *), void *arg)
{
	struct loop_wakeup *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->fn = fn;
	w->arg = arg;
	w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->fd < 0)
		goto fail;
	w->watch = loop_watch_new(l, w->fd, LOOP_READ, on_wakeup, w);
	if (w->watch == NULL)
		goto fail;
	return w;
fail:
	if (w->fd >= 0)
		(void)close(w->fd);
	free(w);
	return NULL;
}

void
loop_wakeup_fire(struct loop_wakeup *w)
{
	uint64_t one = 1;

	/* fails only when the counter is full: then it is awake anyway */
	if (write(w->fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_error("net.wakeup", "why=%s", strerror(errno));
}

void
loop_wakeup_free(struct loop_wakeup *w)
{
	if (w == NULL)
		return;
	loop_watch_free(w->watch);
	(void)close(w->fd);
	free(w);
}

/* ---- signals ---- */

static void
on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct signal_entry *s = arg;

	(void)what;
	loop_enter(s->loop);
	s->fn(s->arg, (int)signo);
}

int
loop_on_signal(
    struct loop *l, int signo, void (*fn)(void *arg, int signo), void *arg)
{
	struct signal_entry *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return FCS_ENOMEM;
	s->loop = l;
	s->fn = fn;
	s->arg = arg;
	if (evsignal_assign(&s->ev, l->base, signo, on_signal, s) != 0 ||
	    evsignal_add(&s->ev, NULL) != 0) {
		free(s);
		return FCS_EINVAL;
	}
	s->next = l->signals;
	l->signals = s;
	return FCS_OK;
}
