/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_wait - messages of clients that cannot be taken yet: the object has
 * no image, is locked, or the script is asked about a use or a send. What the
 * same client sends after one waits behind it.
 */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "codec/amf0.h"
#include "core/inst_reload.h"
#include "core/sharedobj_int.h"

void
sharedobj_wait_drop(struct sharedobj *so, struct so_waiting *w)
{
	DL_DELETE(so->waiting, w);
	so->set->queued -= w->msg.len;
	so->locked_events -= w->changes;
	w->user->waiting--;
	sharedobj_user_unref(w->user);
	free(w->refused);
	free(w);
}

/* Events that have to wait while the object is locked. */
uint32_t
sharedobj_wait_changes(const struct somsg *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->event_count; i++)
		n += m->events[i].type == SOMSG_REQUEST_CHANGE ||
		     m->events[i].type == SOMSG_REQUEST_REMOVE ||
		     m->events[i].type == SOMSG_CLEAR ||
		     m->events[i].type == SOMSG_REQUEST_CLEAR;
	return n;
}

struct so_waiting *
sharedobj_wait_add(struct sharedobj *so, struct so_user *user,
    const struct message *msg, uint32_t changes)
{
	struct so_waiting *w;

	if (so->set->queued + msg->len > SHAREDOBJ_QUEUE_MAX) {
		limits_refuse(LIMIT_SO_QUEUE);
		return NULL;
	}
	w = calloc(1, sizeof(*w) + msg->len);
	if (w == NULL)
		return NULL;
	w->user = user;
	w->changes = changes;
	so->locked_events += changes;
	user->refs++;
	user->waiting++;
	w->msg = *msg;
	w->msg.payload = (uint8_t *)(w + 1);
	memcpy(w + 1, msg->payload, msg->len);
	so->set->queued += msg->len;
	DL_APPEND(so->waiting, w);
	sharedobj_wake_one(so);
	return w;
}

/* The event the script has to be asked about, from `from` on; -1: none. */
int64_t
sharedobj_wait_question(const struct sharedobj *so, const struct somsg *m,
    uint32_t from, enum script_question *question)
{
	const struct script_ops *ops = so->set->env->script;
	struct script *script = instance_script(so->set->inst);

	if (script == NULL || ops == NULL || ops->asks == NULL)
		return -1;
	for (uint32_t i = from; i < m->event_count; i++) {
		if (m->events[i].type == SOMSG_USE)
			*question = SCRIPT_MAY_USE;
		else if (m->events[i].type == SOMSG_SEND)
			*question = SCRIPT_MAY_MESSAGE;
		else
			continue;
		if (ops->asks(script, *question, so->name))
			return i;
	}
	return -1;
}

static struct so_waiting *
first_of(struct so_user *u)
{
	struct so_waiting *w;

	DL_FOREACH(u->so->waiting, w)
		if (w->user == u)
			return w;
	return NULL;
}

static void
on_answer(struct instance *inst, uint64_t user_id, uint64_t event,
    const struct script_answer *answer)
{
	struct so_set *set = sharedobj_set_of(inst);
	struct so_user *u =
	    set == NULL ? NULL : idmap_get(set->user_ids, user_id);
	struct so_waiting *w;

	if (u == NULL || !u->asking)
		return;
	u->asking = false;
	w = first_of(u);
	if (w == NULL)
		return;
	if (answer->verdict != SCRIPT_OK && answer->verdict != SCRIPT_MISSING)
		w->refused[event] = 1;
	w->asked = (uint32_t)event + 1;
	sharedobj_wake_one(u->so);
}

static void
ask(struct so_waiting *w, const struct somsg *m, uint32_t event,
    enum script_question question, struct arena *a)
{
	struct so_user *u = w->user;
	struct sharedobj *so = u->so;
	const struct somsg_event *ev = &m->events[event];
	struct script_args args;
	struct amf0_reader r;
	struct value *name;

	if (w->refused == NULL)
		w->refused = calloc(m->event_count, 1);
	if (w->refused == NULL) {
		sharedobj_wait_drop(so, w);
		return;
	}
	memset(&args, 0, sizeof(args));
	args.client = u->peer->id;
	args.name = so->name;
	if (question == SCRIPT_MAY_MESSAGE) {
		amf0_reader_init(&r, a, ev->data, ev->len);
		if (amf0_read(&r, &name) == FCS_OK)
			args.text =
			    arena_strndup(a, name->str.ptr, name->str.len);
	}
	u->asking = true;
	instance_ask(
	    so->set->inst, question, &args, true, on_answer, u->id, event);
}

/* One message that waits: ask, or take it. False: it stays. */
static bool
try_one(struct sharedobj *so, struct so_waiting *w)
{
	struct arena *a = arena_new(
	    (size_t)limits_get(so->set->env->limits, LIMIT_AMF_BYTES));
	enum script_question question;
	struct somsg m;
	int64_t event = -1;
	bool taken = true;

	if (a == NULL)
		return false;
	if (somsg_read(a, &w->msg, &m) == FCS_OK) {
		event = sharedobj_wait_question(so, &m, w->asked, &question);
		if (event >= 0) {
			ask(w, &m, (uint32_t)event, question, a);
			taken = false;
		} else {
			sharedobj_msg_take(so, w->user, &m, w->refused, false);
		}
	}
	arena_free(a);
	return taken;
}

void
sharedobj_wait_drain(struct sharedobj *so)
{
	struct so_waiting *w;
	struct so_waiting *next;

	if (so->draining || so->state != SO_READY ||
	    inst_reload_is_held(so->set->inst))
		return;
	so->draining = true;
	DL_FOREACH_SAFE(so->waiting, w, next) {
		if ((so->locked && w->changes > 0) || w->user->asking ||
		    first_of(w->user) != w)
			continue;
		if (try_one(so, w))
			sharedobj_wait_drop(so, w);
	}
	so->draining = false;
}

/* As try_one, without asking. False: it has to be asked about. */
static bool
take_unasked(struct so_waiting *w)
{
	struct sharedobj *so = w->user->so;
	struct arena *a = arena_new(
	    (size_t)limits_get(so->set->env->limits, LIMIT_AMF_BYTES));
	enum script_question question;
	bool taken = false;
	struct somsg m;

	if (a != NULL && somsg_read(a, &w->msg, &m) == FCS_OK &&
	    sharedobj_wait_question(so, &m, w->asked, &question) < 0) {
		sharedobj_msg_take(so, w->user, &m, w->refused, false);
		taken = true;
	}
	arena_free(a);
	return taken;
}

void
sharedobj_wait_last_words(struct so_user *u)
{
	struct sharedobj *so = u->so;
	struct so_waiting *w;

	/* a guard may not be asked on the stack of the script */
	if (u->waiting == 0 || u->asking || so->draining ||
	    so->state != SO_READY || !inst_reload_is_held(so->set->inst) ||
	    instance_script_is_entered(so->set->inst))
		return;
	so->draining = true;
	while ((w = first_of(u)) != NULL && !(so->locked && w->changes > 0) &&
	       take_unasked(w))
		sharedobj_wait_drop(so, w);
	so->draining = false;
}
