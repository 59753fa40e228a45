/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loop - the event loop of a process: one turn = one batch of events, then one
 * explicit end of turn. Layer: net (3), the only layer that sees libevent.
 *
 * End of turn, in this order: LOOP_WORK tasks (script continuations and the
 * like; may queue more), LOOP_COMMIT (start the commit), LOOP_FLUSH (one
 * sendmsg per connection that has output), then what was given to
 * loop_defer_free is freed. Thread: the one that runs it, but for
 * loop_wakeup_fire.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct loop;

struct loop *loop_new(void); /* NULL: no memory or no epoll */
void loop_free(struct loop *);
/* Runs until loop_stop. FCS_OK; FCS_EIO the poll failed. */
int loop_run(struct loop *) FCS_MUSTUSE;
/* One turn: waits at most max_ms (-1: until something happens). For tests. */
void loop_turn(struct loop *, int max_ms);
void loop_stop(struct loop *); /* after this turn */

/*
 * For who replaces the clock (base/clock.h): the timers of this loop follow
 * clock_ms() and fire only from loop_step(), the earliest first, one a turn.
 * Before the first timer is made; for good.
 */
void loop_hold_timers(struct loop *);
/* One turn that does not wait. Whether anything was done in it. */
bool loop_step(struct loop *);
/* When the next timer held is due by clock_ms(); false: none is set. */
bool loop_next_timer(struct loop *, uint64_t *at_ms);

/* Monotonic, cached at the start of the turn. */
uint64_t loop_now_ms(const struct loop *);

enum loop_phase {
	LOOP_WORK,
	LOOP_COMMIT,
	LOOP_FLUSH,
	LOOP_PHASES
};

/* Embedded in the owner, zero-initialised. Queued at most once at a time; runs
 * once. */
struct loop_task {
	void (*fn)(void *arg);
	void *arg;
	struct loop_task *next, *prev; /* private */
	bool queued;                   /* private */
};
void loop_at_end(struct loop *, enum loop_phase, struct loop_task *);
void loop_cancel(struct loop *, enum loop_phase, struct loop_task *);

/* Free obj by fn(obj) after this turn's flush: the only way to free an object
 * from inside one of its own callbacks. */
void loop_defer_free(struct loop *, void (*fn)(void *obj), void *obj);

/* Readiness of a descriptor that is not a stream (channels, eventfd). */
struct loop_watch;
enum {
	LOOP_READ = 1,
	LOOP_WRITE = 2
};
typedef void (*loop_watch_fn)(void *arg, int ready);
struct loop_watch *loop_watch_new(
    struct loop *, int fd, int what, loop_watch_fn, void *arg);
void loop_watch_set(struct loop_watch *, int what); /* 0 = pause */
void loop_watch_free(struct loop_watch *);

/* Waking the loop from another thread: fn runs on the loop thread, once for
 * any number of fires. */
struct loop_wakeup;
struct loop_wakeup *loop_wakeup_new(struct loop *, void (*fn)(void *), void *);
void loop_wakeup_fire(struct loop_wakeup *); /* any thread */
void loop_wakeup_free(struct loop_wakeup *);

/* fn on the loop thread when the process gets the signal. */
int loop_on_signal(struct loop *, int signo, void (*fn)(void *arg, int signo),
    void *arg) FCS_MUSTUSE;

#endif
