/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loop_int - what the files of net share about a loop. Layer: net (3), for
 * src/net only: the one header that names libevent.
 */
#ifndef NET_LOOP_INT_H
#define NET_LOOP_INT_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "net/loop.h"

/* Bytes of one receive (performance.md 6.7: one large recv per wake-up). */
#define LOOP_RX_SIZE (64 * 1024)

struct event_base *loop_base(struct loop *);
/* Every libevent callback begins with it: takes the time of the turn. */
void loop_enter(struct loop *);
/* The first timer of those held, by time; NULL: this loop holds none. */
struct timer **loop_held(struct loop *);
/* --- timer.c: for loop.c --- */
bool timer_held_next(const struct timer *first, uint64_t *at_ms);
/* The first is due: fire it. */
void timer_held_fire(struct timer *first);
/* LOOP_RX_SIZE bytes, valid within one callback. */
uint8_t *loop_rx(struct loop *);

/* fn(arg) when the loop is freed before the link was removed: for what lives
 * on its own, such as a connection that is being drained. */
struct loop_link {
	void (*fn)(void *arg);
	void *arg;
	struct loop_link *next, *prev;
};
void loop_link_add(struct loop *, struct loop_link *);
void loop_link_del(struct loop *, struct loop_link *);
unsigned loop_link_count(const struct loop *);

#endif
