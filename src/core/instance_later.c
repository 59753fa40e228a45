/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * instance_later - what a handler caused that is neither held at a client nor
 * in the queue of an object: verdicts, messages on live streams. It waits for
 * the commit barrier as they do (DESIGN 5), in order.
 */
#include <stdlib.h>

#include <utlist.h>

#include "core/instance_int.h"

#define LATER_MAX 10000

struct later {
	struct later *prev, *next;
	uint64_t seq;
	void (*fn)(void *arg, int result);
	void *arg;
};

int
instance_later(struct instance *i, void (*fn)(void *arg, int result), void *arg)
{
	struct later *l;

	if (i->barrier == 0) {
		fn(arg, FCS_OK);
		return FCS_OK;
	}
	if (i->later_count >= LATER_MAX)
		return FCS_ELIMIT;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return FCS_ENOMEM;
	l->seq = i->barrier;
	l->fn = fn;
	l->arg = arg;
	DL_APPEND(i->later, l);
	i->later_count++;
	return FCS_OK;
}

static void
run(struct instance *i, struct later *l, int result)
{
	DL_DELETE(i->later, l);
	i->later_count--;
	l->fn(l->arg, result);
	free(l);
}

/* Barriers only rise: the oldest is due first. */
void
instance_later_durable(struct instance *i)
{
	while (i->later != NULL && i->later->seq <= i->durable)
		run(i, i->later, FCS_OK);
}

/* One may not make another go: each only answers its own asker. */
void
instance_later_lost(struct instance *i, uint64_t seq)
{
	struct later *l, *next;

	for (l = i->later; l != NULL && l->seq < seq; l = l->next)
		;
	for (; l != NULL; l = next) {
		next = l->next;
		run(i, l, FCS_EIO);
	}
}

void
instance_later_fini(struct instance *i)
{
	while (i->later != NULL)
		run(i, i->later, FCS_ECLOSED);
}
