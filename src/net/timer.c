/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer - see timer.h. libevent's heap: 0.1-0.3 us to set, 2 us to fire.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "net/loop_int.h"
#include "net/timer.h"

struct timer {
	struct event ev;
	struct loop *loop;
	void (*fn)(void *arg);
	void *arg;
	/* of a loop that holds its timers: a list by time */
	struct timer *next, **at; /* at NULL: not set */
	uint64_t due_ms;
};

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	(void)fd;
	(void)what;
	loop_enter(t->loop);
	t->fn(t->arg); /* may free t */
}

static void
held_remove(struct timer *t)
{
	if (t->at == NULL)
		return;
	*t->at = t->next;
	if (t->next != NULL)
		t->next->at = t->at;
	t->at = NULL;
}

/* Behind those due at the same time: they fire in the order they were set. */
static void
held_add(struct timer **at, struct timer *t, uint32_t ms)
{
	held_remove(t);
	t->due_ms = (uint64_t)clock_ms() + ms;
	while (*at != NULL && (*at)->due_ms <= t->due_ms)
		at = &(*at)->next;
	t->next = *at;
	if (t->next != NULL)
		t->next->at = &t->next;
	t->at = at;
	*at = t;
}

bool
timer_held_next(const struct timer *first, uint64_t *at_ms)
{
	if (first == NULL)
		return false;
	*at_ms = first->due_ms;
	return true;
}

void
timer_held_fire(struct timer *t)
{
	held_remove(t);
	on_timer(-1, 0, t);
}

struct timer *
timer_new(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct timer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->loop = l;
	t->fn = fn;
	t->arg = arg;
	if (evtimer_assign(&t->ev, loop_base(l), on_timer, t) != 0) {
		free(t);
		return NULL;
	}
	return t;
}

void
timer_set(struct timer *t, uint32_t ms)
{
	struct timer **held = loop_held(t->loop);
	struct timeval tv;

	if (held != NULL) {
		held_add(held, t, ms);
		return;
	}
	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000) * 1000;
	/* the one failure is no memory for the heap at its first growth; the
	 * event is then not set, which timer_is_set tells */
	(void)evtimer_add(&t->ev, &tv);
}

void
timer_stop(struct timer *t)
{
	held_remove(t);
	(void)evtimer_del(&t->ev);
}

bool
timer_is_set(const struct timer *t)
{
	return t->at != NULL || evtimer_pending(&t->ev, NULL) != 0;
}

void
timer_free(struct timer *t)
{
	if (t == NULL)
		return;
	held_remove(t);
	(void)evtimer_del(&t->ev);
	free(t);
}
