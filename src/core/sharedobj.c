/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj - the shared objects of an instance: making and forgetting them,
 * and the end of a turn.
 *
 *	message ──► sharedobj_msg ──► entry ──► commit thread
 *	script ───► sharedobj_script ─┘ │            │
 *	                              queue ◄── done ┘
 *	                                └──► sharedobj_queue ──► clients, script
 *
 * An object exists while somebody uses or holds it or something is under way.
 * Then a temporary one is gone; a persistent one stays in memory for a while,
 * as clients that lost their connection come back together.
 */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/name.h"
#include "core/sharedobj_int.h"

#define USERS_MAX 100000000u

struct so_set *
sharedobj_set_of(struct instance *inst)
{
	return instance_module(inst, MODULE_SHAREDOBJ);
}

void
sharedobj_wake(struct so_set *set)
{
	if (!set->closed)
		loop_at_end(set->env->loop, LOOP_WORK, &set->work);
}

void
sharedobj_wake_one(struct sharedobj *so)
{
	if (!so->busy) {
		DL_APPEND2(so->set->busy, so, busy_prev, busy_next);
		so->busy = true;
	}
	sharedobj_wake(so->set);
}

void
sharedobj_refused(const struct sharedobj *so, const struct so_user *u,
    const char *what, const char *why)
{
	log_info("so.refused", "inst=%s object=%s client=%s what=%s why=%s",
	    instance_full_name(so->set->inst), so->name,
	    u == NULL ? NULL : u->peer->id, what, why);
}

struct sharedobj *
sharedobj_lookup(struct so_set *set, const char *name, size_t len)
{
	struct sharedobj *so;

	HASH_FIND(hh, set->objects, name, len, so);
	return so;
}

/* ---- making ---- */

static int64_t
setting(const struct so_set *set, enum config_app_key key)
{
	return config_app_int(set->env->settings, key);
}

static int64_t
either(int64_t declared, int64_t configured)
{
	return declared >= 0 ? declared : configured;
}

static void
set_limits(struct sharedobj *so, const struct script_shared *d)
{
	const struct so_set *set = so->set;

	so->declared = d != NULL;
	/* without a declaration allow(:write) may still be there */
	so->guarded = d == NULL || d->guarded;
	so->wanted = (enum script_durability)setting(set, APP_SO_DURABILITY);
	so->history = setting(set, APP_SO_HISTORY);
	so->history_age_ms = setting(set, APP_SO_HISTORY_AGE);
	so->resync_depth = setting(set, APP_SO_RESYNC_DEPTH);
	so->max_slots = setting(set, APP_SO_MAX_SLOTS);
	so->max_value = setting(set, APP_SO_MAX_VALUE);
	so->max_bytes = setting(set, APP_SO_MAX_BYTES);
	so->max_users = setting(set, APP_SO_MAX_USERS);
	if (d != NULL)
		sharedobj_set_options(so, d);
	else
		sharedobj_settle(so);
}

void
sharedobj_settle(struct sharedobj *so)
{
	if (so->durability == so->wanted)
		return;
	if (so->state == SO_READY && sharedobj_save_is_dirty(so)) {
		/* once more when that is done; without memory or a store it
		 * stays as it is */
		if (so->tasks == NULL && !so->unsaved)
			fcs_ignore(sharedobj_task_save(so));
		return;
	}
	if (so->tasks == NULL && so->in_flight == 0 && so->open == NULL &&
	    so->queue == NULL)
		so->durability = so->wanted;
}

void
sharedobj_set_options(struct sharedobj *so, const struct script_shared *d)
{
	so->readonly = d->readonly;
	so->conflict_reject = d->conflict_reject;
	if (d->durability >= 0)
		so->wanted = (enum script_durability)d->durability;
	sharedobj_settle(so);
	so->history = either(d->history_changes, so->history);
	if (d->history_age_s >= 0)
		so->history_age_ms = d->history_age_s * 1000;
	so->resync_depth = either(d->resync_depth, so->resync_depth);
	so->max_slots = either(d->max_slots, so->max_slots);
	so->max_value = either(d->max_value, so->max_value);
	so->max_bytes = either(d->max_bytes, so->max_bytes);
	so->max_users = either(d->max_users, so->max_users);
}

static bool
declaration(
    const struct so_set *set, const char *name, struct script_shared *out)
{
	const struct script_ops *ops = set->env->script;
	struct script *script = instance_script(set->inst);

	memset(out, 0, sizeof(*out));
	return script != NULL && ops != NULL && ops->shared != NULL &&
	       ops->shared(script, name, out);
}

void
sharedobj_declare(struct sharedobj *so)
{
	struct script_shared d;

	set_limits(so, declaration(so->set, so->name, &d) ? &d : NULL);
}

/* May this object be made at all? FCS_OK, or why not. */
static int
judge(struct so_set *set, const struct sharedobj *so, bool declared,
    const struct script_shared *d, bool for_client, enum status *status)
{
	int64_t undeclared = setting(set, APP_SO_UNDECLARED);

	*status = STATUS_SO_BADPERSISTENCE;
	if (declared && d->persistent != 2 && d->persistent != so->persistent)
		return FCS_EINVAL;
	if (so->stored && !so->persistent)
		return FCS_EINVAL;
	*status = STATUS_SO_CREATIONFAILED;
	if (for_client && !declared &&
	    (undeclared == 0 || (undeclared == 1 && so->persistent)))
		return FCS_EACCES;
	if (so->persistent && set->env->commit == NULL)
		return FCS_EREADONLY;
	if (!so->stored && HASH_COUNT(set->known) + set->unstored >=
			       (uint64_t)setting(set, APP_SO_MAX_OBJECTS))
		return FCS_ELIMIT;
	return FCS_OK;
}

static int
create(struct so_set *set, const char *name, size_t len, bool persistent,
    bool for_client, bool proxy, struct sharedobj **out, enum status *status)
{
	struct sharedobj *so = calloc(1, sizeof(*so) + len + 1);
	struct script_shared d;
	struct so_known *k;
	bool declared;
	int rc;

	*out = NULL;
	*status = STATUS_SO_CREATIONFAILED;
	if (so == NULL)
		return FCS_ENOMEM;
	memcpy(so->name, name, len);
	so->name_len = len;
	so->set = set;
	so->persistent = persistent;
	HASH_FIND(hh, set->known, name, len, k);
	so->stored = k != NULL;
	declared = declaration(set, so->name, &d);
	rc = proxy && so->stored
		 ? FCS_EEXIST
		 : judge(set, so, declared && !proxy, &d, for_client, status);
	if (rc == FCS_OK && (so->image = sharedobj_image_new()) == NULL)
		rc = FCS_ENOMEM;
	if (rc == FCS_OK) {
		HASH_ADD_KEYPTR(hh, set->objects, so->name, so->name_len, so);
		if (!hash_added(so))
			rc = FCS_ENOMEM;
	}
	if (rc != FCS_OK) {
		sharedobj_image_free(so->image);
		free(so);
		return rc;
	}
	if (!so->stored)
		set->unstored++;
	set_limits(so, declared ? &d : NULL);
	so->state = SO_LOADING;
	sharedobj_load_start(so);
	sharedobj_wake_one(so);
	*out = so;
	return FCS_OK;
}

int
sharedobj_create(struct so_set *set, const char *name, size_t len,
    bool persistent, bool for_client, struct sharedobj **out,
    enum status *status)
{
	return create(
	    set, name, len, persistent, for_client, false, out, status);
}

int
sharedobj_create_proxy(struct so_set *set, const char *name,
    struct sharedobj **out, enum status *status)
{
	return create(set, name, strlen(name), false, false, true, out, status);
}

bool
sharedobj_is_for_clients(const struct sharedobj *so)
{
	int64_t undeclared = setting(so->set, APP_SO_UNDECLARED);

	return so->declared || undeclared == 2 ||
	       (undeclared == 1 && !so->persistent);
}

bool
sharedobj_is_stored(const struct sharedobj *so)
{
	return so->persistent && so->durability != SCRIPT_IN_MEMORY;
}

/* ---- forgetting ---- */

static void
leave_idle(struct sharedobj *so)
{
	if (!so->idle)
		return;
	so->idle = false;
	DL_DELETE2(so->set->idle, so, idle_prev, idle_next);
	so->set->idle_count--;
	so->set->idle_bytes -= so->idle_bytes;
}

static void
drop_queue(struct sharedobj *so)
{
	struct so_entry *e;

	while ((e = so->queue) != NULL) {
		DL_DELETE(so->queue, e);
		so->set->queued -= e->bytes;
		if (e->in_flight)
			e->so = NULL; /* freed when its commit is back */
		else
			sharedobj_entry_free(e);
	}
}

/* How large it was, for the one who opens it next. */
static void
note_size(const struct sharedobj *so)
{
	struct so_known *k;

	HASH_FIND(hh, so->set->known, so->name, so->name_len, k);
	if (k == NULL || so->state != SO_READY)
		return;
	k->version = so->image->version;
	k->slots = so->image->live;
	k->bytes = so->image->bytes;
}

static void
free_object(struct sharedobj *so)
{
	struct so_set *set = so->set;
	struct so_user *u;
	struct so_user *next;

	leave_idle(so);
	while (so->waiting != NULL)
		sharedobj_wait_drop(so, so->waiting);
	if (so->open != NULL)
		sharedobj_entry_free(so->open);
	drop_queue(so);
	HASH_ITER(hh, so->users, u, next)
	sharedobj_user_remove(u);
	if (so->busy)
		DL_DELETE2(set->busy, so, busy_prev, busy_next);
	sharedobj_load_forget(so->load);
	sharedobj_task_forget(so);
	sharedobj_proxy_free(so);
	free(so->openers);
	sharedobj_out_forget(so);
	HASH_DEL(set->objects, so);
	note_size(so);
	if (!so->stored)
		set->unstored--;
	sharedobj_image_free(so->image);
	free(so);
}

static bool
in_use(const struct sharedobj *so)
{
	return so->users != NULL || so->held || so->locked ||
	       so->tasks != NULL || so->opener_count > 0 || so->queue != NULL ||
	       so->waiting != NULL || so->open != NULL || so->load != NULL ||
	       so->in_flight > 0;
}

/* Nothing refers to it: gone, or kept for a while. */
static void
retire(struct sharedobj *so)
{
	struct so_set *set = so->set;

	if (so->idle || so->unsaved)
		return;
	/* kept in memory until the last one left: now it is written */
	if (so->state == SO_READY && sharedobj_save_is_dirty(so) &&
	    sharedobj_task_save(so) == FCS_OK)
		return;
	if (!so->persistent || so->state != SO_READY || !so->stored) {
		free_object(so);
		return;
	}
	sharedobj_out_forget(so);
	so->idle = true;
	DL_APPEND2(set->idle, so, idle_prev, idle_next);
	set->idle_count++;
	so->idle_bytes = so->image->bytes;
	set->idle_bytes += so->idle_bytes;
}

static void
evict(struct so_set *set)
{
	struct sharedobj *so;
	struct sharedobj *next;

	DL_FOREACH_SAFE2(set->idle, so, next, idle_next)
	{
		if (set->idle_count <= SHAREDOBJ_KEPT &&
		    set->idle_bytes <= SHAREDOBJ_KEPT_BYTES)
			return;
		if (in_use(so))
			leave_idle(so);
		else
			free_object(so);
	}
}

static void
sweep_users(struct sharedobj *so)
{
	struct so_user *u;
	struct so_user *next;

	so->sweep = false;
	HASH_ITER(hh, so->users, u, next)
	if (!u->joined && !u->active && !u->asking && u->refs == 1)
		sharedobj_user_remove(u);
}

static void
drop_waiting_of(struct so_user *u)
{
	struct so_waiting *w;
	struct so_waiting *next;

	DL_FOREACH_SAFE(u->so->waiting, w, next)
		if (w->user == u)
			sharedobj_wait_drop(u->so, w);
}

static void
bury_peers(struct so_set *set)
{
	struct so_peer *p;
	struct so_user *u;
	struct sharedobj *so;

	while ((p = set->gone) != NULL) {
		DL_DELETE(set->gone, p);
		p->refs++; /* over the last of its users */
		while ((u = p->users) != NULL) {
			so = u->so;
			if (u->waiting > 0)
				drop_waiting_of(u);
			sharedobj_user_remove(u);
			sharedobj_wake_one(so);
		}
		if (--p->refs == 0)
			free(p);
	}
}

/* ---- the end of a turn ---- */

static void
work_one(struct sharedobj *so)
{
	if (so->depth > 0 && so->open != NULL) {
		/* its handler was killed in the middle of a transaction */
		so->depth = 0;
		sharedobj_entry_abort(so->open);
	}
	if (so->depth > 0)
		sharedobj_proxy_drop_made(so);
	so->depth = 0;
	sharedobj_entry_close_open(so);
	sharedobj_proxy_flush(so);
	sharedobj_task_start(so);
	sharedobj_queue_pump(so);
	sharedobj_settle(so);
	sharedobj_wait_drain(so);
	if (so->sweep)
		sweep_users(so);
	if (in_use(so))
		leave_idle(so);
	if (so->queue == NULL && so->waiting == NULL && so->open == NULL) {
		DL_DELETE2(so->set->busy, so, busy_prev, busy_next);
		so->busy = false;
	}
	if (!in_use(so))
		retire(so);
}

static void
check_stopped(struct so_set *set)
{
	void (*done)(void *) = set->stopped;

	/* one reference is the module's, the others are jobs on their way */
	if (done == NULL || set->refs > 1)
		return;
	set->stopped = NULL;
	done(set->stopped_arg);
}

static void
on_work(void *arg)
{
	struct so_set *set = arg;
	struct sharedobj *so;
	struct sharedobj *next;
	uint64_t level =
	    set->commits != NULL ? set->commits->seq - 1 : set->seq;
	bool more = level > set->durable;

	set->durable = level;
	bury_peers(set);
	DL_FOREACH_SAFE2(set->busy, so, next, busy_next)
	work_one(so);
	evict(set);
	if (more)
		instance_durable(set->inst, level);
	check_stopped(set);
}

static void
on_commit(void *arg)
{
	struct so_set *set = arg;

	commit_turn(set->env->commit);
}

/* ---- the module ---- */

static void *
module_open(struct instance *inst)
{
	struct so_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return NULL;
	set->inst = inst;
	set->env = application_env(instance_app(inst));
	set->refs = 1;
	/* the instance may have had a set before: its commits were counted
	 * from an earlier moment */
	set->seq = set->durable = (uint64_t)clock_us();
	set->work.fn = on_work;
	set->work.arg = set;
	set->commit.fn = on_commit;
	set->commit.arg = set;
	set->user_ids = idmap_new(USERS_MAX);
	set->pace_timer = timer_new(set->env->loop, sharedobj_pace_run, set);
	if (set->user_ids == NULL || set->pace_timer == NULL) {
		timer_free(set->pace_timer);
		idmap_free(set->user_ids);
		free(set);
		return NULL;
	}
	sharedobj_load_list(set);
	return set;
}

void
sharedobj_set_unref(struct so_set *set)
{
	struct so_known *k;
	struct so_known *next;

	if (--set->refs > 0) {
		if (set->stopped != NULL)
			sharedobj_wake(set);
		return;
	}
	HASH_ITER(hh, set->known, k, next)
	{
		HASH_DEL(set->known, k);
		free(k);
	}
	idmap_free(set->user_ids);
	free(set);
}

static void
module_stop(void *state, void (*done)(void *arg), void *arg)
{
	struct so_set *set = state;
	struct sharedobj *so;
	struct sharedobj *next;

	HASH_ITER(hh, set->objects, so, next)
	{
		/* without memory it stays what it was */
		if (so->state == SO_READY && sharedobj_save_is_dirty(so))
			fcs_ignore(sharedobj_task_save(so));
	}
	set->stopped = done;
	set->stopped_arg = arg;
	sharedobj_wake(set);
}

static void
module_close(void *state)
{
	struct so_set *set = state;
	struct sharedobj *so;
	struct sharedobj *next;
	struct so_watch *w;

	bury_peers(set);
	HASH_ITER(hh, set->objects, so, next)
	free_object(so);
	sharedobj_look_drop_all(set->inst);
	while ((w = set->watches) != NULL) {
		DL_DELETE(set->watches, w);
		free(w);
	}
	set->closed = true;
	timer_free(set->pace_timer);
	set->pace_timer = NULL;
	loop_cancel(set->env->loop, LOOP_WORK, &set->work);
	/* jobs that were submitted in this turn still have to go */
	loop_cancel(set->env->loop, LOOP_COMMIT, &set->commit);
	if (set->env->commit != NULL)
		commit_turn(set->env->commit);
	sharedobj_set_unref(set);
}

const struct application_module sharedobj_module = {
	.open = module_open,
	.client_gone = sharedobj_client_gone,
	.stop = module_stop,
	.close = module_close,
};

/* ---- reading ---- */

/* Who reads what is not durable yet may not tell anybody before it is. */
void
sharedobj_seen(const struct sharedobj *so)
{
	if (so->persistent && so->image->version > so->durable &&
	    so->last_seq > so->set->durable)
		instance_raise_barrier(so->set->inst, so->last_seq);
}

const char *
sharedobj_name(const struct sharedobj *so)
{
	return so->name;
}

bool
sharedobj_is_persistent(const struct sharedobj *so)
{
	return so->persistent;
}

uint64_t
sharedobj_version(const struct sharedobj *so)
{
	sharedobj_seen(so);
	return so->image->version;
}

uint32_t
sharedobj_size(const struct sharedobj *so)
{
	sharedobj_seen(so);
	return so->image->live;
}

uint32_t
sharedobj_subscribers(const struct sharedobj *so)
{
	return so->active;
}

bool
sharedobj_is_ready(const struct sharedobj *so)
{
	return so->state == SO_READY;
}

bool
sharedobj_is_dirty(const struct sharedobj *so)
{
	return so->persistent && so->image->version > so->durable;
}

uint64_t
sharedobj_bytes(const struct sharedobj *so)
{
	return so->image->bytes;
}

struct sharedobj *
sharedobj_find(struct instance *inst, const char *name)
{
	return sharedobj_lookup(sharedobj_set_of(inst), name, strlen(name));
}

static void
describe(const struct so_slot *s, struct sharedobj_slot *out)
{
	out->name.ptr = (const char *)s->name->data;
	out->name.len = (uint32_t)s->name->len;
	out->value = s->value->data;
	out->len = s->value->len;
	out->version = s->version;
	out->user = s->user == NULL ? NULL : (const char *)s->user->data;
}

bool
sharedobj_slot(struct sharedobj *so, const char *slot, size_t slot_len,
    struct sharedobj_slot *out)
{
	const struct so_slot *s =
	    sharedobj_image_find(so->image, slot, slot_len);

	sharedobj_seen(so);
	if (s == NULL || s->value == NULL)
		return false;
	describe(s, out);
	return true;
}

void
sharedobj_each_slot(struct sharedobj *so,
    void (*fn)(void *, const struct sharedobj_slot *), void *arg)
{
	struct sharedobj_slot slot;

	sharedobj_seen(so);
	for (struct so_slot *s = so->image->order; s != NULL; s = s->next) {
		describe(s, &slot);
		fn(arg, &slot);
	}
}

void
sharedobj_each(
    struct instance *inst, void (*fn)(void *, struct sharedobj *), void *arg)
{
	struct so_set *set = sharedobj_set_of(inst);
	struct sharedobj *so;
	struct sharedobj *next;

	HASH_ITER(hh, set->objects, so, next)
	fn(arg, so);
}

void
sharedobj_each_stored(struct instance *inst,
    void (*fn)(void *, const struct store_object_info *), void *arg)
{
	struct so_set *set = sharedobj_set_of(inst);
	struct store_object_info info;
	struct so_known *k;
	struct so_known *next;

	memset(&info, 0, sizeof(info));
	HASH_ITER(hh, set->known, k, next)
	{
		if (sharedobj_lookup(set, k->name, k->len) != NULL)
			continue;
		info.inst = instance_name(inst);
		info.name = k->name;
		info.version = k->version;
		info.slots = k->slots;
		info.bytes = k->bytes;
		fn(arg, &info);
	}
}

uint64_t
sharedobj_watch(struct instance *inst, const char *name,
    void (*fn)(void *, const struct sharedobj_change *, uint32_t count),
    void *arg)
{
	struct so_set *set = sharedobj_set_of(inst);
	struct so_watch *w = calloc(1, sizeof(*w) + strlen(name) + 1);

	if (w == NULL)
		return 0;
	memcpy(w->name, name, strlen(name) + 1);
	w->id = ++set->next_watch;
	w->fn = fn;
	w->arg = arg;
	DL_APPEND(set->watches, w);
	return w->id;
}

void
sharedobj_unwatch(struct instance *inst, uint64_t id)
{
	struct so_set *set = sharedobj_set_of(inst);
	struct so_watch *w;

	DL_FOREACH(set->watches, w) {
		if (w->id != id)
			continue;
		DL_DELETE(set->watches, w);
		free(w);
		return;
	}
}
