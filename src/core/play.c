/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/play.h"

#include <string.h>

#include <utlist.h>

#include "core/instance_int.h"

void
play_add(struct instance *i, struct play *p)
{
	p->inst = i;
	DL_APPEND(i->plays, p);
}

void
play_remove(struct play *p)
{
	if (p->inst == NULL)
		return;
	DL_DELETE(p->inst->plays, p);
	p->inst = NULL;
}

void
play_forget_all(struct instance *i)
{
	while (i->plays != NULL)
		play_remove(i->plays);
}

uint32_t
play_status(struct instance *i, const char *name, enum status code,
    const char *description)
{
	struct play *p, *next;
	uint32_t n = 0;

	DL_FOREACH_SAFE(i->plays, p, next)
		if (strcmp(p->name, name) == 0) {
			p->ops->status(p->arg, code, description);
			n++;
		}
	return n;
}

uint32_t
play_refuse(struct instance *i, const char *client, const char *name,
    enum status code, const char *why)
{
	struct play *p, *next;
	uint32_t n = 0;

	DL_FOREACH_SAFE(i->plays, p, next)
		if (strcmp(p->name, name) == 0 &&
		    (client == NULL || strcmp(p->client, client) == 0)) {
			p->ops->end(p->arg, code, why);
			n++;
		}
	return n;
}

bool
play_is_recording(struct instance *i, const char *name)
{
	struct play *p;

	DL_FOREACH(i->plays, p)
		if (p->recorded && strcmp(p->name, name) == 0)
			return true;
	return false;
}
