/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * instance_admin - starts and ends that somebody waits for (fcsctl, a script's
 * shutdown): each is a waiter of the instance until it is told, once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "core/instance_int.h"

enum waits_for {
	FOR_START,
	FOR_VERDICT, /* of allow(:unload) */
	FOR_END
};

struct waiter {
	struct waiter *prev, *next; /* instance.waiters */
	uint64_t id;
	enum waits_for what;
	char reason[sizeof(((struct instance *)0)->stop_reason)];
	instance_done_fn done;
	void *arg;
};

static struct waiter *
add(struct instance *i, enum waits_for what, const char *reason,
    instance_done_fn done, void *arg)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->id = ++i->last_waiter;
	w->what = what;
	(void)snprintf(w->reason, sizeof(w->reason), "%s", reason);
	w->done = done;
	w->arg = arg;
	DL_APPEND(i->waiters, w);
	return w;
}

static void
tell(struct instance *i, struct waiter *w, int result, const char *why)
{
	DL_DELETE(i->waiters, w);
	w->done(w->arg, result, why);
	free(w);
}

/* All that wait for it; done() may add others, which come later. */
static void
tell_all(struct instance *i, enum waits_for what, int result, const char *why)
{
	struct waiter *w, *next;
	uint64_t last = i->last_waiter;

	DL_FOREACH_SAFE(i->waiters, w, next)
		if (w->what == what && w->id <= last)
			tell(i, w, result, why);
}

int
instance_admin_start(struct instance *i, instance_done_fn done, void *arg)
{
	if (i->state == INSTANCE_RUNNING) {
		done(arg, FCS_OK, "");
		return FCS_OK;
	}
	if (add(i, FOR_START, "", done, arg) == NULL)
		return FCS_ENOMEM;
	instance_enable(i, "started by hand");
	instance_start(i); /* a new one only; others come to it or fail */
	return FCS_OK;
}

static void
on_verdict(struct instance *i, uint64_t id, uint64_t extra,
    const struct script_answer *answer)
{
	char why[ERR_TEXT_MAX];
	struct waiter *w;

	(void)extra;
	DL_SEARCH_SCALAR(i->waiters, w, id, id);
	if (w == NULL)
		return;
	if (answer->verdict == SCRIPT_OK || answer->verdict == SCRIPT_LOST) {
		w->what = FOR_END;
		instance_stop(i, w->reason);
		return;
	}
	(void)snprintf(why, sizeof(why), "the application refuses%s%s",
	    answer->text == NULL || *answer->text == '\0' ? "" : ": ",
	    answer->text == NULL ? "" : answer->text);
	tell(i, w, FCS_EACCES, why);
}

int
instance_admin_unload(struct instance *i, const char *reason, bool force,
    instance_done_fn done, void *arg)
{
	bool ask = !force && i->state == INSTANCE_RUNNING;
	struct script_args args;
	struct waiter *w;

	w = add(i, ask ? FOR_VERDICT : FOR_END, reason, done, arg);
	if (w == NULL)
		return FCS_ENOMEM;
	if (!ask) {
		instance_stop(i, reason);
		return FCS_OK;
	}
	memset(&args, 0, sizeof(args));
	args.text = w->reason;
	instance_ask(i, SCRIPT_MAY_UNLOAD, &args, true, on_verdict, w->id, 0);
	return FCS_OK;
}

void
instance_admin_started(struct instance *i, int result, const char *why)
{
	tell_all(i, FOR_START, result, why);
}

void
instance_admin_ended(struct instance *i)
{
	tell_all(i, FOR_END, FCS_OK, "");
}

void
instance_admin_fini(struct instance *i)
{
	while (i->waiters != NULL)
		tell(i, i->waiters, FCS_ECLOSED, "the instance is gone");
}
