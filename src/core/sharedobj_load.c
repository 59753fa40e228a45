/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_load - images and the list of names, read on the commit thread.
 *
 * The names of all stored objects of an instance are read when it opens: they
 * tell whether an object has to be read at all, and that a temporary one may
 * not take the name of a stored one. The image is put together on the commit
 * thread and handed over whole.
 */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/log.h"
#include "core/sharedobj_int.h"

struct so_load {
	struct commit_job job;
	struct so_set *set;   /* a reference */
	struct sharedobj *so; /* NULL: a list, or forgotten */
	bool list;
	/* commit thread */
	struct so_image *image;
	struct refbuf *last_user;
	struct so_known *known; /* hash */
	char *object;
	char inst[]; /* instance, NUL, object */
};

/* ---- commit thread ---- */

static int
same_user(struct so_load *l, const char *user)
{
	size_t len;

	if (user == NULL) {
		refbuf_unref(l->last_user);
		l->last_user = NULL;
		return FCS_OK;
	}
	len = strlen(user) + 1;
	if (l->last_user != NULL && l->last_user->len == len &&
	    memcmp(l->last_user->data, user, len) == 0)
		return FCS_OK;
	refbuf_unref(l->last_user);
	l->last_user = refbuf_from(user, len);
	return l->last_user == NULL ? FCS_ENOMEM : FCS_OK;
}

static int
add_slot(void *arg, const struct store_slot *row)
{
	struct so_load *l = arg;
	struct refbuf *name = refbuf_from(row->slot, row->slot_len);
	struct refbuf *value = NULL;
	struct so_slot *s;
	int rc = name == NULL ? FCS_ENOMEM : same_user(l, row->user);

	if (rc == FCS_OK && row->value != NULL) {
		value = refbuf_from(row->value, row->len);
		if (value == NULL)
			rc = FCS_ENOMEM;
	}
	if (rc == FCS_OK)
		rc = sharedobj_image_put(
		    l->image, name, value, l->last_user, row->version, &s);
	refbuf_unref(name);
	refbuf_unref(value);
	return rc;
}

static int
by_version(const struct so_slot *a, const struct so_slot *b)
{
	return (a->version > b->version) - (a->version < b->version);
}

static int
run_load(struct store *store, void *arg)
{
	struct so_load *l = arg;
	int rc;

	l->image = sharedobj_image_new();
	if (l->image == NULL)
		return FCS_ENOMEM;
	rc = store->ops->load(store, l->inst, l->object, 0, add_slot, l,
	    &l->image->version, &l->image->floor);
	refbuf_unref(l->last_user);
	l->last_user = NULL;
	if (rc == FCS_ENOENT)
		rc = FCS_OK;
	DL_SORT2(l->image->recent, by_version, vprev, vnext);
	return rc;
}

static int
add_name(void *arg, const struct store_object_info *info)
{
	struct so_load *l = arg;
	size_t len = strlen(info->name);
	struct so_known *k = calloc(1, sizeof(*k) + len + 1);

	if (k == NULL)
		return FCS_ENOMEM;
	memcpy(k->name, info->name, len + 1);
	k->len = len;
	k->version = info->version;
	k->slots = info->slots;
	k->bytes = info->bytes;
	HASH_ADD_KEYPTR(hh, l->known, k->name, k->len, k);
	if (hash_added(k))
		return FCS_OK;
	free(k);
	return FCS_ENOMEM;
}

static int
run_list(struct store *store, void *arg)
{
	struct so_load *l = arg;

	return store->ops->list(store, l->inst, add_name, l);
}

/* ---- loop thread ---- */

static void
free_load(struct so_load *l)
{
	struct so_known *k;
	struct so_known *next;

	HASH_ITER(hh, l->known, k, next)
	{
		HASH_DEL(l->known, k);
		free(k);
	}
	sharedobj_image_free(l->image);
	sharedobj_set_unref(l->set);
	free(l);
}

/* The object has an image now, the first one or another. */
static void
loaded(struct sharedobj *so, struct so_image *image)
{
	/* who is being brought up to date: anew, from the image that is right */
	for (struct so_user *u = so->users; u != NULL; u = u->hh.next)
		if (u->pace != NULL)
			sharedobj_pace_move(u, image);
	sharedobj_image_free(so->image);
	so->image = image;
	so->durable = so->told = image->version;
	so->since_trim = SHAREDOBJ_TRIM_EVERY; /* it may have grown old */
	so->generation++;
	so->state = SO_READY;
	sharedobj_out_forget(so);
	sharedobj_load_tell(so, FCS_OK);
	if (so->active > 0)
		sharedobj_queue_resync(so);
	if (so->clear_wanted) {
		so->clear_wanted = false;
		if (sharedobj_clear(so) != FCS_OK)
			log_warn("so.clear", "inst=%s object=%s why=%s",
			    instance_full_name(so->set->inst), so->name,
			    "could not be cleared");
	}
	sharedobj_wake_one(so);
}

void
sharedobj_load_tell(struct sharedobj *so, int result)
{
	uint64_t *list = so->openers;
	uint32_t count = so->opener_count;

	so->openers = NULL;
	so->opener_count = 0;
	for (uint32_t i = 0; i < count; i++)
		instance_resolve(so->set->inst, list[i], result == FCS_OK, NULL,
		    result == FCS_OK ? NULL : err_name(result));
	free(list);
}

static void
list_arrived(struct so_set *set)
{
	struct sharedobj *so;
	struct sharedobj *next;
	struct so_known *k;

	set->listed = true;
	HASH_ITER(hh, set->objects, so, next)
	{
		HASH_FIND(hh, set->known, so->name, so->name_len, k);
		if (k != NULL && !so->stored) {
			so->stored = true;
			set->unstored--;
		}
		if (so->state == SO_LOADING && so->load == NULL)
			sharedobj_load_start(so);
	}
}

static void
load_done(void *arg, int result, const struct err *why)
{
	struct so_load *l = arg;
	struct sharedobj *so = l->so;
	struct so_set *set = l->set;

	(void)why;
	/* a set that is closed has no instance any more */
	if (!set->closed && result != FCS_OK && result != FCS_ECLOSED)
		log_error("so.load", "inst=%s object=%s code=%s",
		    instance_full_name(set->inst), l->list ? "*" : l->object,
		    err_name(result));
	if (set->closed) {
		/* nobody waits any more */
	} else if (l->list) {
		set->listing = NULL;
		if (result == FCS_OK) {
			set->known = l->known;
			l->known = NULL;
		}
		list_arrived(set);
	} else if (so != NULL) {
		so->load = NULL;
		if (result == FCS_OK) {
			loaded(so, l->image);
			l->image = NULL;
		} else {
			sharedobj_queue_lost(so, STATUS_SO_CREATIONFAILED);
		}
	}
	free_load(l);
}

static struct so_load *
submit(struct so_set *set, struct sharedobj *so)
{
	const char *inst = instance_name(set->inst);
	size_t len = strlen(inst) + 1;
	struct so_load *l =
	    calloc(1, sizeof(*l) + len + (so == NULL ? 1 : so->name_len + 1));

	if (l == NULL)
		return NULL;
	l->set = set;
	set->refs++;
	l->so = so;
	l->list = so == NULL;
	memcpy(l->inst, inst, len);
	l->object = l->inst + len;
	if (so != NULL)
		memcpy(l->object, so->name, so->name_len + 1);
	l->job.run = so == NULL ? run_list : run_load;
	l->job.done = load_done;
	l->job.arg = l;
	commit_submit(set->env->commit, &l->job);
	loop_at_end(set->env->loop, LOOP_COMMIT, &set->commit);
	return l;
}

void
sharedobj_load_list(struct so_set *set)
{
	if (set->env->commit == NULL) {
		set->listed = true;
		return;
	}
	set->listing = submit(set, NULL);
	if (set->listing == NULL)
		set->listed = true; /* no memory: objects are read one by one */
}

void
sharedobj_load_start(struct sharedobj *so)
{
	struct so_image *image;

	if (!so->set->listed || so->load != NULL)
		return;
	if (so->persistent && so->stored) {
		so->load = submit(so->set, so);
		if (so->load == NULL)
			sharedobj_queue_lost(so, STATUS_SO_CREATIONFAILED);
		return;
	}
	if (so->stored) {
		sharedobj_queue_lost(so, STATUS_SO_BADPERSISTENCE);
		return;
	}
	image = sharedobj_image_new();
	if (image == NULL)
		sharedobj_queue_lost(so, STATUS_SO_CREATIONFAILED);
	else
		loaded(so, image);
}

int
sharedobj_load_wait(struct so_set *set, struct sharedobj *so)
{
	struct so_load *l = so == NULL ? set->listing : so->load;
	int result;
	int rc;

	if (l == NULL)
		return FCS_OK;
	rc = commit_wait(set->env->commit, &l->job, SHAREDOBJ_LOAD_MS, &result);
	if (rc != FCS_OK)
		return rc;
	load_done(l, result, NULL);
	return result;
}

void
sharedobj_load_forget(struct so_load *l)
{
	if (l != NULL)
		l->so = NULL;
}
