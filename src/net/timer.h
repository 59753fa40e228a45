/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer - one-shot timers of a loop, monotonic. Layer: net (3). Thread: loop.
 */
#ifndef NET_TIMER_H
#define NET_TIMER_H

#include "net/loop.h"

struct timer;

struct timer *timer_new(struct loop *, void (*fn)(void *arg), void *arg);
void timer_set(struct timer *, uint32_t ms); /* starts or moves it */
void timer_stop(struct timer *);
bool timer_is_set(const struct timer *);
void timer_free(struct timer *); /* also from its own callback */

#endif
