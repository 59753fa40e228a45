/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_user - who uses which object. A peer is a client of the instance,
 * a user that client on one object. Both are found by values that no other
 * client ever has, so that a delayed removal cannot hit the wrong one.
 */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "core/sharedobj_int.h"

static struct so_peer *
find_peer(struct so_set *set, struct client *c)
{
	struct so_peer *p;

	HASH_FIND_STR(set->peers, client_id(c), p);
	return p;
}

struct so_user *
sharedobj_user_find(struct sharedobj *so, struct client *c)
{
	struct so_peer *p = find_peer(so->set, c);
	struct so_user *u = NULL;

	if (p != NULL)
		HASH_FIND_PTR(so->users, &p, u);
	return u;
}

static struct so_peer *
get_peer(struct so_set *set, struct client *c)
{
	struct so_peer *p = find_peer(set, c);
	size_t len;

	if (p != NULL)
		return p;
	len = strlen(client_id(c));
	p = calloc(1, sizeof(*p) + len + 1);
	if (p == NULL)
		return NULL;
	memcpy(p->id, client_id(c), len + 1);
	p->client = c;
	HASH_ADD_STR(set->peers, id, p);
	if (!hash_added(p)) {
		free(p);
		return NULL;
	}
	return p;
}

/* It is in the table while its client is there and uses something. */
static void
leave_table(struct so_set *set, struct so_peer *p)
{
	if (p->users == NULL && p->client != NULL) {
		HASH_DEL(set->peers, p);
		p->client = NULL;
	}
}

static void
unref_peer(struct so_peer *p)
{
	if (--p->refs == 0)
		free(p);
}

int
sharedobj_user_add(struct sharedobj *so, struct client *c, struct so_user **out)
{
	struct so_set *set = so->set;
	struct so_peer *p = get_peer(set, c);
	struct so_user *u;

	*out = NULL;
	if (p == NULL)
		return FCS_ENOMEM;
	if (p->user_count >=
	    limits_get(set->env->limits, LIMIT_SO_PER_CLIENT)) {
		limits_refuse(LIMIT_SO_PER_CLIENT);
		return FCS_ELIMIT;
	}
	u = calloc(1, sizeof(*u));
	if (u == NULL || idmap_add(set->user_ids, u, &u->id) != FCS_OK) {
		free(u);
		goto fail;
	}
	u->peer = p;
	u->so = so;
	u->refs = 1;
	HASH_ADD_PTR(so->users, peer, u);
	if (!hash_added(u)) {
		(void)idmap_del(set->user_ids, u->id);
		free(u);
		goto fail;
	}
	DL_APPEND(p->users, u);
	p->user_count++;
	p->refs++;
	*out = u;
	return FCS_OK;
fail:
	leave_table(set, p);
	if (p->refs == 0)
		free(p);
	return FCS_ENOMEM;
}

void
sharedobj_user_unref(struct so_user *u)
{
	if (u == NULL || --u->refs > 0)
		return;
	unref_peer(u->peer);
	free(u);
}

void
sharedobj_user_set_active(struct so_user *u, bool active)
{
	if (u->active == active)
		return;
	u->active = active;
	if (active)
		u->so->active++;
	else
		u->so->active--;
}

void
sharedobj_user_remove(struct so_user *u)
{
	struct sharedobj *so = u->so;

	if (so == NULL)
		return;
	sharedobj_pace_stop(u);
	sharedobj_user_set_active(u, false);
	u->joined = false;
	HASH_DEL(so->users, u);
	DL_DELETE(u->peer->users, u);
	u->peer->user_count--;
	leave_table(so->set, u->peer);
	(void)idmap_del(so->set->user_ids, u->id);
	u->so = NULL;
	sharedobj_user_unref(u);
}

struct client *
sharedobj_user_client(const struct so_user *u)
{
	return u == NULL ? NULL : u->peer->client;
}

void
sharedobj_each_used(
    struct client *c, void (*fn)(void *, struct sharedobj *), void *arg)
{
	struct instance *i = client_instance(c);
	struct so_set *set =
	    i == NULL ? NULL : instance_module(i, MODULE_SHAREDOBJ);
	struct so_peer *p = set == NULL ? NULL : find_peer(set, c);
	struct so_user *u;

	for (u = p == NULL ? NULL : p->users; u != NULL; u = u->next)
		if (u->joined && u->so != NULL)
			fn(arg, u->so);
}

void
sharedobj_client_gone(void *state, struct client *c)
{
	struct so_set *set = state;
	struct so_peer *p = find_peer(set, c);
	struct script_args args;

	if (p == NULL)
		return;
	for (struct so_user *u = p->users; u != NULL; u = u->next) {
		sharedobj_wait_last_words(u);
		if (!u->active)
			continue;
		memset(&args, 0, sizeof(args));
		args.client = p->id;
		args.name = u->so->name;
		instance_event(set->inst, SCRIPT_RELEASE, &args);
	}
	/* the users go at the end of the turn: somebody may be walking them */
	HASH_DEL(set->peers, p);
	p->client = NULL;
	DL_APPEND(set->gone, p);
	sharedobj_wake(set);
}
