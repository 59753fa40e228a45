/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/sharedobj_reload.h"

#include "core/sharedobj_int.h"

static int
conflict(const char *name, bool persistent, struct err *why)
{
	return err_set(why, FCS_EINVAL,
	    "shared object %s is declared %s, but there is a %s one of that "
	    "name: choose another name, or delete it and reload in full",
	    name, persistent ? "temporary" : "persistent",
	    persistent ? "persistent" : "temporary");
}

static bool
fits(const struct so_set *set, struct script *next, const char *name,
    bool persistent)
{
	struct script_shared d;

	memset(&d, 0, sizeof(d));
	return !set->env->script->shared(next, name, &d) || d.persistent == 2 ||
	       (d.persistent == 1) == persistent;
}

int
sharedobj_reload_check(
    struct instance *inst, struct script *next, struct err *why)
{
	struct so_set *set = sharedobj_set_of(inst);
	struct sharedobj *so;
	struct so_known *k;

	if (set == NULL || set->env->script->shared == NULL)
		return FCS_OK;
	for (so = set->objects; so != NULL; so = so->hh.next)
		if (!fits(set, next, so->name, so->persistent))
			return conflict(so->name, so->persistent, why);
	for (k = set->known; k != NULL; k = k->hh.next)
		if (!fits(set, next, k->name, true))
			return conflict(k->name, true, why);
	return FCS_OK;
}

void
sharedobj_reload_apply(struct instance *inst)
{
	struct so_set *set = sharedobj_set_of(inst);
	struct sharedobj *so;

	if (set == NULL)
		return;
	for (so = set->objects; so != NULL; so = so->hh.next)
		sharedobj_declare(so);
}

void
sharedobj_reload_release(struct instance *inst)
{
	struct so_set *set = sharedobj_set_of(inst);
	struct sharedobj *so;

	if (set == NULL)
		return;
	for (so = set->objects; so != NULL; so = so->hh.next)
		if (so->waiting != NULL)
			sharedobj_wake_one(so);
}
