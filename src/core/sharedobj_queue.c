/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_queue - the head of an object's queue: what leaves it, and what a
 * commit that came back means.
 *
 * When a commit fails, the image holds what is not stored. The object takes
 * nothing in until all its commits are back, then its image is read again;
 * what left before is right and stays so. Then everybody gets Clear and all
 * slots, and the writers of the failed batches a status.
 */
#include <string.h>

#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "codec/amf0.h"
#include "core/sharedobj_int.h"

#define ARGS_ARENA (16u << 20)

/* ---- what scripts and watchers are told ---- */

static void
tell_event(
    struct sharedobj *so, enum script_event event, const struct so_user *u)
{
	struct script_args args;

	memset(&args, 0, sizeof(args));
	args.client = u->peer->id;
	args.name = so->name;
	instance_event(so->set->inst, event, &args);
}

static void
tell_sync(const struct so_entry *e)
{
	struct script_args args;
	struct script_change one;
	struct script_change *list;

	list = e->change_count == 1 ? &one
				    : calloc(e->change_count, sizeof(*list));
	if (list == NULL)
		return;
	for (uint32_t i = 0; i < e->change_count; i++) {
		const struct so_change *c = &e->changes[i];

		memset(&list[i], 0, sizeof(list[i]));
		list[i].code = c->value == NULL ? "delete" : "change";
		list[i].slot.ptr = (const char *)c->name->data;
		list[i].slot.len = (uint32_t)c->name->len;
		if (c->value != NULL) {
			list[i].value = c->value->data;
			list[i].len = c->value->len;
		}
		if (c->old != NULL) {
			list[i].old = c->old->data;
			list[i].old_len = c->old->len;
		}
		list[i].version = e->version;
		list[i].user = (const char *)e->owner->data;
		list[i].client = e->user->peer->id;
	}
	memset(&args, 0, sizeof(args));
	args.client = e->user->peer->id;
	args.name = e->so->name;
	args.changes = list;
	args.change_count = e->change_count;
	instance_event(e->so->set->inst, SCRIPT_SYNC, &args);
	if (list != &one)
		free(list);
}

/* The handler's name and the values of a send. */
static int
read_send(struct arena *a, const struct refbuf *body, struct value ***out,
    uint32_t *count)
{
	uint32_t cap = 0;
	size_t at = 0;
	int rc = FCS_OK;

	*out = NULL;
	*count = 0;
	while (rc == FCS_OK && at < body->len) {
		struct amf0_reader r;

		if (*count == cap) {
			uint32_t more = cap == 0 ? 8 : cap * 2;
			struct value **v = arena_array(a, more, sizeof(*v));

			if (v == NULL)
				return FCS_ENOMEM;
			if (cap > 0)
				memcpy(v, *out, cap * sizeof(*v));
			*out = v;
			cap = more;
		}
		amf0_reader_init(&r, a, body->data + at, body->len - at);
		rc = amf0_read(&r, &(*out)[*count]);
		at += r.pos;
		if (rc == FCS_OK)
			++*count;
	}
	return rc;
}

static void
tell_message(const struct so_entry *e, const struct refbuf *body)
{
	struct arena *a = arena_new(ARGS_ARENA);
	struct script_args args;
	struct value **values;
	uint32_t count;

	if (a != NULL && read_send(a, body, &values, &count) == FCS_OK &&
	    count > 0 && values[0]->type == VALUE_STRING) {
		memset(&args, 0, sizeof(args));
		args.client = e->user == NULL ? NULL : e->user->peer->id;
		args.name = e->so->name;
		args.text =
		    arena_strndup(a, values[0]->str.ptr, values[0]->str.len);
		args.values = values + 1;
		args.count = count - 1;
		if (args.text != NULL)
			instance_event(e->so->set->inst, SCRIPT_MESSAGE, &args);
	}
	arena_free(a);
}

static void
tell_script(const struct so_entry *e)
{
	bool proxy = e->so->proxy != NULL;

	if (instance_script(e->so->set->inst) == NULL)
		return;
	/* of what another instance owns the script hears everything, and of
	 * its changes from there */
	if (e->user == NULL && !proxy)
		return;
	if (e->change_count > 0 && !proxy)
		tell_sync(e);
	for (uint32_t i = 0; i < e->item_count; i++)
		if (e->items[i].type == SOMSG_SEND)
			tell_message(e, e->items[i].data);
}

static void
tell_watchers(const struct so_entry *e)
{
	struct so_watch *w;
	struct so_watch *next;
	struct sharedobj_change *list = NULL;

	if (e->change_count == 0)
		return;
	DL_FOREACH_SAFE(e->set->watches, w, next) {
		if (strcmp(w->name, e->so->name) != 0)
			continue;
		if (list == NULL)
			list = calloc(e->change_count, sizeof(*list));
		if (list == NULL)
			return;
		for (uint32_t i = 0; i < e->change_count; i++) {
			const struct so_change *c = &e->changes[i];

			list[i].version = e->version;
			list[i].at_ms = e->at_ms;
			list[i].user = e->owner == NULL
					   ? NULL
					   : (const char *)e->owner->data;
			list[i].slot.ptr = (const char *)c->name->data;
			list[i].slot.len = (uint32_t)c->name->len;
			if (c->value != NULL) {
				list[i].value = c->value->data;
				list[i].len = c->value->len;
			}
			if (c->old != NULL) {
				list[i].old = c->old->data;
				list[i].old_len = c->old->len;
			}
		}
		w->fn(w->arg, list, e->change_count);
	}
	free(list);
}

/* ---- leaving ---- */

static void
send_in_order(
    struct so_user *u, struct client *c, int variant, struct refbuf *message)
{
	if (u->pace != NULL)
		sharedobj_pace_keep(u, message);
	else
		sharedobj_out_send(c, variant, message);
}

static void
deliver(struct so_entry *e)
{
	struct sharedobj *so = e->so;
	struct refbuf *shared[SO_VARIANTS] = { NULL };
	bool built[SO_VARIANTS] = { false };
	struct refbuf *own;
	struct so_user *u;
	struct so_user *next;
	struct client *c;
	int v;

	HASH_ITER(hh, so->users, u, next)
	{
		c = sharedobj_user_client(u);
		if (!u->active || c == NULL)
			continue;
		v = sharedobj_out_variant(u);
		if (u == e->user) {
			own = sharedobj_out_entry(e, SO_TO_WRITER, v);
			if (own != NULL)
				send_in_order(u, c, v, own);
			refbuf_unref(own);
			continue;
		}
		if (!built[v])
			shared[v] = sharedobj_out_entry(e, SO_TO_OTHERS, v);
		built[v] = true;
		if (shared[v] != NULL)
			send_in_order(u, c, v, shared[v]);
	}
	for (v = 0; v < SO_VARIANTS; v++)
		refbuf_unref(shared[v]);
}

/* Bound the history and the tombstones. */
struct trim {
	struct commit_job job;
	struct so_set *set;
	uint32_t keep;
	int64_t before_ms;
	uint64_t purge; /* version, 0: none */
	bool more;      /* the history has still too much */
	char *object;
	char inst[];
};

static int
run_trim(struct store *store, void *arg)
{
	struct trim *t = arg;
	uint64_t dropped;
	int rc = FCS_OK;

	t->more = false;
	if (t->keep != UINT32_MAX || t->before_ms != INT64_MIN)
		rc = store->ops->trim(
		    store, t->inst, t->object, t->keep, t->before_ms, &t->more);
	if (rc == FCS_OK && t->purge != 0)
		rc = store->ops->purge(
		    store, t->inst, t->object, t->purge, &dropped);
	t->purge = 0;
	return rc;
}

static void
submit_job(struct so_set *set, struct commit_job *job)
{
	commit_submit(set->env->commit, job);
	loop_at_end(set->env->loop, LOOP_COMMIT, &set->commit);
}

static void
trim_done(void *arg, int result, const struct err *why)
{
	struct trim *t = arg;

	(void)why;
	if (result == FCS_OK && t->more && !t->set->closed) {
		/* in pieces, so that commits come in between */
		submit_job(t->set, &t->job);
		return;
	}
	if (result != FCS_OK && result != FCS_ENOENT && result != FCS_ECLOSED)
		log_warn("so.trim", "object=%s code=%s", t->object,
		    err_name(result));
	sharedobj_set_unref(t->set);
	free(t);
}

static void
submit_trim(struct sharedobj *so, int64_t now_ms, uint64_t purge)
{
	struct so_set *set = so->set;
	const char *inst = instance_name(set->inst);
	size_t len = strlen(inst) + 1;
	struct trim *t = calloc(1, sizeof(*t) + len + so->name_len + 1);

	if (t == NULL)
		return; /* next time */
	memcpy(t->inst, inst, len);
	t->object = t->inst + len;
	memcpy(t->object, so->name, so->name_len + 1);
	t->keep =
	    so->history > UINT32_MAX - 1 ? UINT32_MAX : (uint32_t)so->history;
	t->before_ms =
	    so->history_age_ms < 0 ? INT64_MIN : now_ms - so->history_age_ms;
	t->purge = purge;
	t->set = set;
	t->job.run = run_trim;
	t->job.done = trim_done;
	t->job.arg = t;
	set->refs++;
	submit_job(set, &t->job);
}

/* The version below which tombstones are of no use or too many; 0: none. */
static uint64_t
purge_below(const struct sharedobj *so)
{
	const struct so_image *im = so->image;
	uint64_t max = so->max_slots < SHAREDOBJ_DEAD_MIN
			   ? SHAREDOBJ_DEAD_MIN
			   : (uint64_t)so->max_slots;
	const struct so_slot *s;
	uint64_t half;

	if (im->dead > max) {
		/* the older half of them goes */
		half = im->dead / 2;
		for (s = im->recent; s != NULL; s = s->vnext)
			if (s->value == NULL && half-- == 0)
				return s->version;
	}
	if (so->resync_depth >= 0 && im->dead > 0 &&
	    im->version > (uint64_t)so->resync_depth)
		return im->version - (uint64_t)so->resync_depth;
	return 0;
}

static uint32_t
drop_below(struct sharedobj *so, uint64_t below, int64_t now_ms)
{
	/* what is not in the store yet has to get there */
	if (below > so->durable + 1)
		below = so->durable + 1;
	submit_trim(so, now_ms, below);
	return below == 0 ? 0 : sharedobj_image_purge(so->image, below);
}

uint32_t
sharedobj_purge(struct sharedobj *so, uint64_t version)
{
	if (!so->persistent)
		return sharedobj_image_purge(so->image, version);
	return drop_below(so, version, clock_wall_ms());
}

/* Changes between two trims: seldom, as a trim divides groups of commits, but a
 * short history is short. */
static uint32_t
trim_every(const struct sharedobj *so)
{
	int64_t n = so->history / 8;

	if (n < SHAREDOBJ_TRIM_LEAST)
		return SHAREDOBJ_TRIM_LEAST;
	return n > SHAREDOBJ_TRIM_EVERY ? SHAREDOBJ_TRIM_EVERY : (uint32_t)n;
}

static void
housekeep(struct sharedobj *so, uint32_t changes, int64_t now_ms)
{
	if (!so->persistent) {
		/* nobody is ever told of these */
		if (so->image->dead > SHAREDOBJ_DEAD_MIN && so->open == NULL)
			(void)sharedobj_image_purge(so->image, UINT64_MAX);
		return;
	}
	so->since_trim += changes;
	if (so->since_trim < trim_every(so) || so->open != NULL)
		return;
	so->since_trim = 0;
	(void)drop_below(so, purge_below(so), now_ms);
}

static void
leave_batch(struct so_entry *e)
{
	struct sharedobj *so = e->so;

	if (e->changed && e->version > so->durable &&
	    (sharedobj_is_stored(so) || !so->persistent))
		so->durable = e->version;
	if (e->changed)
		so->told = e->version;
	deliver(e);
	tell_script(e);
	tell_watchers(e);
	if (e->changed)
		housekeep(so, e->change_count, e->at_ms);
}

/* The batch was not stored. Its writer got Clear and everything before. */
static void
leave_failed(struct so_entry *e)
{
	struct client *c = sharedobj_user_client(e->user);
	struct value_str name;

	if (c == NULL || !e->user->active)
		return;
	name.ptr = e->so->name;
	name.len = (uint32_t)e->so->name_len;
	sharedobj_out_status(c, name,
	    e->so->persistent ? SOMSG_FLAG_PERSISTENT : 0,
	    STATUS_SO_NOWRITEACCESS);
}

static void
become_active(const struct so_entry *e)
{
	if (e->user->active)
		return; /* used it already */
	sharedobj_user_set_active(e->user, true);
	tell_event(e->so, SCRIPT_USE, e->user);
}

static void
leave_use(struct so_entry *e)
{
	struct sharedobj *so = e->so;
	struct client *c = sharedobj_user_client(e->user);
	int v;

	if (c == NULL || e->user->so == NULL)
		return;
	if (e->paced || (e->generation != so->generation &&
			    sharedobj_out_is_large(so, e->known))) {
		if (sharedobj_pace_start(e->user, e->known, true) != FCS_OK)
			log_warn("so.sync", "object=%s cid=%s why=%s", so->name,
			    client_id(c), err_text(FCS_ENOMEM));
		become_active(e);
		return;
	}
	sharedobj_pace_stop(e->user); /* it used it before */
	v = sharedobj_out_variant(e->user);
	if (e->sync == NULL || e->generation != so->generation) {
		sharedobj_out_sync_unref(e->sync);
		e->sync = sharedobj_out_sync(so, e->known, v, true);
	}
	if (e->sync == NULL) {
		log_warn("so.sync", "object=%s client=%s why=%s", so->name,
		    client_id(c), err_text(FCS_ENOMEM));
		return;
	}
	for (uint32_t i = 0; i < e->sync->count; i++)
		sharedobj_out_send(c, v, e->sync->parts[i]);
	become_active(e);
}

static void
leave_release(struct so_entry *e)
{
	if (e->user->so == NULL || !e->user->active)
		return;
	sharedobj_pace_stop(e->user);
	sharedobj_user_set_active(e->user, false);
	e->so->sweep = true;
	if (sharedobj_user_client(e->user) != NULL)
		tell_event(e->so, SCRIPT_RELEASE, e->user);
}

static bool
may_leave(const struct sharedobj *so, const struct so_entry *e)
{
	if (e->in_flight || e->barrier > so->set->durable)
		return false;
	/* a look at the history needs what was changed meanwhile */
	if (so->tasks != NULL && so->durability == SCRIPT_IN_MEMORY)
		return false;
	/* what comes behind a failed batch waits for the stored image */
	return so->state == SO_READY || (so->state == SO_FAILED && !e->failed);
}

void
sharedobj_queue_pump(struct sharedobj *so)
{
	struct so_entry *e;

	while ((e = so->queue) != NULL && may_leave(so, e)) {
		DL_DELETE(so->queue, e);
		so->queue_len--;
		so->set->queued -= e->bytes;
		if (e->barrier != 0)
			so->set->held--;
		if (e->failed)
			leave_failed(e);
		else if (e->kind == SO_USE)
			leave_use(e);
		else if (e->kind == SO_RELEASE)
			leave_release(e);
		else
			leave_batch(e);
		sharedobj_entry_free(e);
	}
	if (so->state == SO_FAILED && so->in_flight == 0 && so->load == NULL) {
		so->state = SO_LOADING;
		sharedobj_load_start(so);
	}
}

/* ---- commits that came back ---- */

void
sharedobj_queue_failed(struct sharedobj *so, const struct err *why)
{
	struct arena *a = arena_new(0);
	struct value *info = a == NULL ? NULL : value_new(a, VALUE_OBJECT);
	struct script_args args;

	log_error("so.commit", "inst=%s object=%s why=%s",
	    instance_full_name(so->set->inst), so->name, why->text);
	if (info != NULL &&
	    value_set(a, info, "level", value_string(a, "error")) == FCS_OK &&
	    value_set(a, info, "code",
		value_string(a, "SharedObject.Commit.Failed")) == FCS_OK &&
	    value_set(a, info, "description", value_string(a, why->text)) ==
		FCS_OK &&
	    value_set(a, info, "object", value_string(a, so->name)) == FCS_OK) {
		memset(&args, 0, sizeof(args));
		args.name = so->name;
		args.values = &info;
		args.count = 1;
		instance_event(so->set->inst, SCRIPT_STATUS, &args);
	}
	arena_free(a);
}

void
sharedobj_queue_stored(struct sharedobj *so)
{
	struct so_known *k;

	if (so->stored)
		return;
	k = calloc(1, sizeof(*k) + so->name_len + 1);
	if (k == NULL)
		return; /* the next commit tries again */
	memcpy(k->name, so->name, so->name_len + 1);
	k->len = so->name_len;
	HASH_ADD_KEYPTR(hh, so->set->known, k->name, k->len, k);
	if (!hash_added(k)) {
		free(k);
		return;
	}
	so->stored = true;
	so->set->unstored--;
}

void
sharedobj_queue_done(void *arg, int result, const struct err *why)
{
	struct so_entry *e = arg;
	struct so_set *set = e->set;
	struct sharedobj *so = e->so;

	e->in_flight = false;
	if (result != FCS_OK && !set->closed)
		instance_not_durable(
		    set->inst, e->seq, "the change could not be stored");
	DL_DELETE2(set->commits, e, seq_prev, seq_next);
	e->seq = 0;
	if (so == NULL) {
		sharedobj_entry_free(e);
		sharedobj_set_unref(set);
		return;
	}
	so->in_flight--;
	if (result == FCS_OK) {
		sharedobj_queue_stored(so);
	} else {
		e->failed = true;
		so->failures++;
		if (so->state == SO_READY) {
			so->state = SO_FAILED;
			sharedobj_queue_failed(so, why);
		}
	}
	sharedobj_wake_one(so);
	sharedobj_set_unref(set);
}

void
sharedobj_queue_resync(struct sharedobj *so)
{
	struct so_sync *sync[SO_VARIANTS] = { NULL };
	bool large = sharedobj_out_is_large(so, 0);
	struct so_user *u;
	struct so_user *next;

	HASH_ITER(hh, so->users, u, next)
	{
		struct client *c = sharedobj_user_client(u);
		int v;

		if (!u->active || c == NULL)
			continue;
		if (large && sharedobj_pace_start(u, 0, false) == FCS_OK)
			continue;
		v = sharedobj_out_variant(u);
		if (sync[v] == NULL)
			sync[v] = sharedobj_out_sync(so, 0, v, false);
		for (uint32_t i = 0; sync[v] != NULL && i < sync[v]->count; i++)
			sharedobj_out_send(c, v, sync[v]->parts[i]);
	}
	for (int v = 0; v < SO_VARIANTS; v++)
		sharedobj_out_sync_unref(sync[v]);
}

void
sharedobj_queue_lost(struct sharedobj *so, enum status status)
{
	struct so_user *u;
	struct so_user *next;
	struct value_str name;
	struct so_entry *e;

	sharedobj_load_tell(so, FCS_EIO);
	name.ptr = so->name;
	name.len = (uint32_t)so->name_len;
	HASH_ITER(hh, so->users, u, next)
	{
		if (sharedobj_user_client(u) != NULL)
			sharedobj_out_status(sharedobj_user_client(u), name,
			    so->persistent ? SOMSG_FLAG_PERSISTENT : 0, status);
		sharedobj_pace_stop(u);
		sharedobj_user_set_active(u, false);
		u->joined = false;
	}
	while (so->waiting != NULL)
		sharedobj_wait_drop(so, so->waiting);
	while ((e = so->queue) != NULL) {
		DL_DELETE(so->queue, e);
		so->queue_len--;
		so->set->queued -= e->bytes;
		if (e->barrier != 0)
			so->set->held--;
		if (e->in_flight)
			e->so = NULL;
		else
			sharedobj_entry_free(e);
	}
	so->sweep = true;
	sharedobj_wake_one(so);
}
