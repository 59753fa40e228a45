/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_path - clearing many objects at once. One that is not in memory is
 * made and read as for a user; nobody waits for it here, so that a path that
 * stands for thousands does not hold up the loop.
 */
#include <string.h>

#include "base/name.h"
#include "core/sharedobj_int.h"

struct walk {
	struct so_set *set;
	const char *path;
	uint32_t found;
	bool all;
};

static void
clear_one(void *arg, struct sharedobj *so)
{
	struct walk *w = arg;

	if (!name_path_match(w->path, so->name))
		return;
	w->found++;
	if (so->state != SO_READY)
		so->clear_wanted = true;
	else if (sharedobj_clear(so) != FCS_OK)
		w->all = false;
}

bool
sharedobj_clear_path(struct instance *inst, const char *path)
{
	struct walk w = {
		.set = sharedobj_set_of(inst), .path = path, .all = true
	};
	struct sharedobj *so;
	struct so_known *k, *next;
	enum status status;

	if (!w.set->listed && sharedobj_load_wait(w.set, NULL) != FCS_OK)
		return false;
	sharedobj_each(inst, clear_one, &w);
	HASH_ITER(hh, w.set->known, k, next)
	{
		if (!name_path_match(path, k->name) ||
		    sharedobj_lookup(w.set, k->name, k->len) != NULL)
			continue;
		w.found++;
		if (sharedobj_create(w.set, k->name, k->len, true, false, &so,
			&status) == FCS_OK)
			so->clear_wanted = true;
		else
			w.all = false;
	}
	return w.all && w.found > 0;
}
