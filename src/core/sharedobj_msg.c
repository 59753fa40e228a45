/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_msg - messages of clients.
 *
 * A message is taken in as a whole, when the object has its image and the
 * script has agreed to what it asks about (use, send); until then it waits,
 * and so does what the same client sends after it. Taking it makes at most one
 * batch between a use and a release. What is refused becomes part of the
 * answer: a Status, then the slots as they are stored, so that the client ends
 * with what everybody has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/log.h"
#include "base/name.h"
#include "codec/amf0.h"
#include "core/inst_reload.h"
#include "core/sharedobj_int.h"

struct take { /* one message being taken */
	struct sharedobj *so;
	struct so_user *user;
	struct client *client;
	const struct somsg *m;
	struct so_entry *entry;
	bool may_write, locked_out;
	const char *why_not;   /* a reason that holds for every write */
	struct refbuf **slots; /* refused ones */
	uint32_t slot_count;
	uint32_t refused; /* statuses due besides those of slots */
	bool resync;      /* a clear was refused */
	bool guarded;     /* a guard was asked for this entry */
	char why[160];    /* the first refusal, for the log; "": none */
};

/* ---- writing ---- */

static struct so_entry *
entry(struct take *t)
{
	if (t->entry == NULL) {
		sharedobj_entry_close_open(t->so);
		t->entry = sharedobj_entry_new(t->so, SO_BATCH, t->user);
		t->so->taking = t->entry;
	}
	return t->entry;
}

/* Copied: the reason of a guard is gone with its answer. */
static void
note_why(struct take *t, const char *why)
{
	if (t->why[0] == '\0')
		(void)snprintf(t->why, sizeof(t->why), "%s", why);
}

static void
refuse(struct take *t, const char *why)
{
	note_why(t, why);
	t->refused += entry(t) != NULL;
}

static void
refuse_slot(struct take *t, struct refbuf *name, const char *why)
{
	struct refbuf **slots;

	refuse(t, why);
	slots = reallocarray(t->slots, t->slot_count + 1, sizeof(*slots));
	if (slots == NULL)
		return; /* the status alone */
	t->slots = slots;
	t->slots[t->slot_count++] = refbuf_ref(name);
	t->refused -= t->refused > 0; /* it is told with the slot */
}

static bool
is_null(const uint8_t *data, size_t len)
{
	if (len == 1)
		return data[0] == 0x05 || data[0] == 0x06;
	return len == 2 && data[0] == 0x11 && data[1] <= 0x01;
}

/* Why a value does not fit; NULL: it does. */
static const char *
over_quota(const struct sharedobj *so, const struct so_slot *s, size_t name_len,
    size_t len)
{
	const struct so_image *im = so->image;
	bool live = s != NULL && s->value != NULL;
	uint64_t bytes = im->bytes + name_len + len;

	if (live)
		bytes -= name_len + s->value->len;
	if ((int64_t)len > so->max_value)
		return "value larger than max_value";
	if (!live && (int64_t)im->live >= so->max_slots)
		return "more slots than max_slots";
	if ((int64_t)bytes > so->max_bytes)
		return "object larger than max_bytes";
	return NULL;
}

/* Ask the guard; NULL: allowed, maybe with another value. */
static const char *
guard(struct take *t, const struct refbuf *name, const uint8_t *value,
    size_t len, struct script_guard *g)
{
	const struct so_set *set = t->so->set;
	struct script *script = instance_script(set->inst);

	memset(g, 0, sizeof(*g));
	if (!t->so->guarded || script == NULL || set->env->script == NULL ||
	    set->env->script->guard == NULL)
		return NULL;
	t->guarded = true;
	if (set->env->script->guard(script, t->user->peer->id, t->so->name,
		(const char *)name->data, name->len, value, len, g) != FCS_OK)
		return "the guard failed";
	if (!g->allowed)
		return g->why[0] == '\0' ? "refused by the guard" : g->why;
	return NULL;
}

/* Success says that the value a client has is the stored one. That is wrong when
 * it is told before of a newer value it did not know as it wrote: of somebody
 * else's, or of its own that is sent for this very reason. */
static bool
has_other_value(const struct take *t, const struct refbuf *name)
{
	struct so_slot *s = sharedobj_image_find(
	    t->so->image, (const char *)name->data, name->len);

	if (s == NULL || s->contested <= t->m->version)
		return false;
	s->contested = s->version;
	return true;
}

/* Apply a change that nobody objects to; echo: the writer gets the value. */
static int
apply(struct take *t, struct refbuf *name, const uint8_t *value, size_t len,
    bool echo)
{
	const struct so_slot *s = sharedobj_image_find(
	    t->so->image, (const char *)name->data, name->len);
	struct so_entry *e = entry(t);
	struct refbuf *bytes = NULL;
	int rc;

	if (e == NULL)
		return FCS_ENOMEM;
	if (value == NULL && (s == NULL || s->value == NULL))
		return FCS_OK; /* deleting nothing is no change */
	if (value != NULL) {
		bytes = refbuf_from(value, len);
		if (bytes == NULL)
			return FCS_ENOMEM;
	}
	rc = sharedobj_entry_change(e, name, bytes, SO_TO_OTHERS);
	if (rc == FCS_OK && (has_other_value(t, name) || echo))
		rc = sharedobj_entry_item(
		    e, SO_TO_WRITER, SOMSG_CHANGE, name, bytes);
	refbuf_unref(bytes);
	return rc;
}

/* The same for an object of another instance: it is asked. */
static int
ask_owner(struct take *t, struct refbuf *name, const uint8_t *value, size_t len)
{
	struct sharedobj_proxy_request r = {
		.name = name,
		.user = t->user,
		.echo = has_other_value(t, name),
	};
	int rc = FCS_ENOMEM;

	if (value != NULL)
		r.value = refbuf_from(value, len);
	if (value == NULL || r.value != NULL)
		rc = sharedobj_proxy_request(t->so, &r);
	refbuf_unref(r.value);
	return rc;
}

static int
acknowledge(struct take *t, enum somsg_type request, struct refbuf *name)
{
	struct so_entry *e = entry(t);

	return e == NULL ? FCS_ENOMEM
			 : sharedobj_entry_item(e, SO_TO_WRITER,
			       request == SOMSG_REQUEST_REMOVE ? SOMSG_REMOVE
							       : SOMSG_SUCCESS,
			       name, NULL);
}

/* A change nobody here objects to; why not, or NULL. */
static const char *
carry_out(struct take *t, enum somsg_type request, struct refbuf *name,
    const uint8_t *value, size_t len, bool replaced)
{
	int rc;

	if (t->so->proxy != NULL) {
		rc = ask_owner(t, name, value, len);
		return rc == FCS_OK ? NULL : err_text(rc);
	}
	rc = acknowledge(t, request, name);
	if (rc == FCS_OK)
		rc = apply(t, name, value, len, replaced);
	return rc == FCS_OK ? NULL : err_text(rc);
}

static void
take_change(struct take *t, const struct somsg_event *ev)
{
	struct sharedobj *so = t->so;
	struct refbuf *name = refbuf_from(ev->key.ptr, ev->key.len);
	const struct so_slot *s;
	const uint8_t *value = ev->data;
	size_t len = ev->len;
	const char *why = t->why_not;
	struct script_guard g = { 0 };
	struct err bad;

	if (ev->type == SOMSG_REQUEST_REMOVE || is_null(value, len)) {
		value = NULL;
		len = 0;
	}
	if (name == NULL) {
		refuse(t, err_text(FCS_ENOMEM));
		return;
	}
	if (name_check(NAME_SLOT, ev->key.ptr, ev->key.len, &bad) != FCS_OK) {
		refuse(t, "bad slot name"); /* it cannot be echoed */
		refbuf_unref(name);
		return;
	}
	s = sharedobj_image_find(so->image, ev->key.ptr, ev->key.len);
	if (why == NULL && so->conflict_reject && s != NULL &&
	    t->m->version < s->version)
		why = "stale: the slot was written since";
	if (why == NULL)
		why = guard(t, name, value, len, &g);
	if (why == NULL && g.replaced) {
		value = g.value;
		len = g.len;
		if (value != NULL && is_null(value, len))
			value = NULL;
	}
	/* a guard may have written to the object */
	s = sharedobj_image_find(so->image, ev->key.ptr, ev->key.len);
	if (why == NULL && value != NULL)
		why = over_quota(so, s, ev->key.len, len);
	if (why == NULL)
		why = carry_out(t, ev->type, name, value, len, g.replaced);
	if (why != NULL)
		refuse_slot(t, name, why);
	free(g.value);
	refbuf_unref(name);
}

static void
take_clear(struct take *t)
{
	const struct so_slot *s;
	const char *why = t->why_not;
	struct script_guard g;
	uint64_t version = t->so->image->version;

	for (s = t->so->image->order; s != NULL && why == NULL; s = s->next) {
		if (t->so->conflict_reject && t->m->version < s->version)
			why = "stale: a slot was written since";
		if (why == NULL) {
			why = guard(t, s->name, NULL, 0, &g);
			free(g.value); /* a clear stores nothing else */
		}
		/* a guard that writes while it is asked about everything */
		if (why == NULL && t->so->image->version != version)
			why = "the guard wrote to the object";
	}
	if (why == NULL && t->so->proxy != NULL)
		why = sharedobj_proxy_clear(t->so) == FCS_OK
			  ? NULL
			  : "its owner cannot be reached";
	else if (why == NULL && (entry(t) == NULL ||
				    sharedobj_entry_clear(t->entry,
					SO_TO_OTHERS | SO_TO_WRITER) != FCS_OK))
		why = err_text(FCS_ENOMEM);
	if (why == NULL)
		return;
	refuse(t, why);
	t->resync = true;
}

static void
take_send(struct take *t, const struct somsg_event *ev, bool refused)
{
	struct refbuf *body;
	struct so_entry *e;
	int rc = FCS_ENOMEM;

	if (!t->may_write || refused) {
		refuse(t, refused ? "message refused by the script"
				  : "no write access");
		return;
	}
	body = refbuf_from(ev->data, ev->len);
	if (body != NULL && t->so->proxy != NULL)
		rc = sharedobj_proxy_send(t->so, body);
	else if (body != NULL && (e = entry(t)) != NULL)
		rc = sharedobj_entry_item(
		    e, SO_TO_OTHERS | SO_TO_WRITER, SOMSG_SEND, NULL, body);
	if (rc != FCS_OK)
		refuse(t, err_text(rc));
	refbuf_unref(body);
}

static void
put_writer(struct take *t, enum somsg_type type, struct refbuf *name,
    struct refbuf *value)
{
	/* without memory the client keeps its own idea until it asks again */
	fcs_ignore(
	    sharedobj_entry_item(t->entry, SO_TO_WRITER, type, name, value));
}

/* A status for each refusal, and the slots as they are now that the message is
 * through. */
static void
put_refused(struct take *t)
{
	struct so_image *im = t->so->image;
	struct so_slot *s;

	for (uint32_t i = 0; i < t->refused; i++)
		put_writer(t, SOMSG_STATUS, NULL, NULL);
	if (t->resync) {
		put_writer(t, SOMSG_CLEAR, NULL, NULL);
		DL_FOREACH(im->order, s)
			put_writer(t, SOMSG_CHANGE, s->name, s->value);
	}
	for (uint32_t i = 0; i < t->slot_count; i++) {
		s = sharedobj_image_find(
		    im, (char *)t->slots[i]->data, t->slots[i]->len);
		put_writer(t, SOMSG_STATUS, NULL, NULL);
		put_writer(
		    t, SOMSG_CHANGE, t->slots[i], s == NULL ? NULL : s->value);
	}
}

/* What a guard wrote to other objects is stored before its verdict is told. */
static void
wait_for_guards(const struct take *t)
{
	uint64_t barrier = instance_barrier(t->so->set->inst);

	if (t->guarded && barrier != t->entry->seq)
		t->entry->barrier = barrier;
}

/* The entry made so far goes into the queue. */
static void
close_entry(struct take *t)
{
	if (t->entry != NULL) {
		wait_for_guards(t);
		put_refused(t);
		t->entry->version = t->so->image->version;
		sharedobj_entry_close(t->entry);
		t->entry = NULL;
	}
	for (uint32_t i = 0; i < t->slot_count; i++)
		refbuf_unref(t->slots[i]);
	free(t->slots);
	t->slots = NULL;
	t->slot_count = 0;
	t->refused = 0;
	t->resync = t->guarded = false;
}

/* ---- use and release ---- */

static void
status(const struct take *t, enum status code, const char *why)
{
	sharedobj_refused(t->so, t->user, status_code(code), why);
	sharedobj_out_status(t->client, t->m->name, t->m->flags, code);
}

static void
take_use(struct take *t, bool refused)
{
	struct sharedobj *so = t->so;
	bool persistent = (t->m->flags & SOMSG_FLAG_PERSISTENT) != 0;
	struct so_entry *e;

	close_entry(t);
	t->user->proxied = (t->m->flags & SOMSG_FLAG_PROXIED) != 0;
	if (persistent != (so->proxy == NULL
				  ? so->persistent
				  : sharedobj_proxy_is_persistent(so))) {
		status(t, STATUS_SO_BADPERSISTENCE, "other persistence");
		return;
	}
	if (refused || !client_may(t->client, false, so->name)) {
		status(t, STATUS_SO_NOREADACCESS,
		    refused ? "refused by the script" : "no read access");
		return;
	}
	if (!so->declared && !so->stored && !t->may_write && so->active == 0 &&
	    !so->held && so->image->version == 1) {
		status(t, STATUS_SO_NOWRITEACCESS, "may not create");
		return;
	}
	if (!t->user->joined && (int64_t)so->active >= so->max_users) {
		status(
		    t, STATUS_SO_CREATIONFAILED, "more users than max_users");
		return;
	}
	sharedobj_entry_close_open(so);
	e = sharedobj_entry_new(so, SO_USE, t->user);
	if (e != NULL) {
		e->known = t->m->version;
		e->generation = so->generation;
		e->paced = sharedobj_out_is_large(so, e->known);
		if (!e->paced)
			e->sync = sharedobj_out_sync(
			    so, e->known, sharedobj_out_variant(t->user), true);
	}
	if (e == NULL || (e->sync == NULL && !e->paced)) {
		sharedobj_entry_free(e);
		status(t, STATUS_SO_CREATIONFAILED, err_text(FCS_ENOMEM));
		return;
	}
	t->user->joined = true;
	sharedobj_entry_close(e);
}

static void
take_release(struct take *t)
{
	struct so_entry *e;

	close_entry(t);
	if (!t->user->joined)
		return;
	sharedobj_entry_close_open(t->so);
	e = sharedobj_entry_new(t->so, SO_RELEASE, t->user);
	t->user->joined = false;
	if (e != NULL)
		sharedobj_entry_close(e);
	else
		sharedobj_user_set_active(t->user, false);
}

/* ---- one message ---- */

static const char *
why_no_write(const struct take *t)
{
	const struct sharedobj *so = t->so;
	const struct so_set *set = so->set;

	if (!t->may_write)
		return "no write access";
	if (so->readonly)
		return "only scripts write here";
	if (so->proxy != NULL && sharedobj_proxy_may_write(so) != FCS_OK)
		return "its owner cannot be reached, or has too much to do";
	if (t->locked_out)
		return "locked, and too many changes wait already";
	if (sharedobj_is_stored(so) && commit_is_read_only(set->env->commit))
		return "the store is read-only";
	if (so->queue_len >= limits_get(set->env->limits, LIMIT_SO_QUEUE) ||
	    set->queued > SHAREDOBJ_QUEUE_MAX) {
		limits_refuse(LIMIT_SO_QUEUE);
		return "too many changes are waiting";
	}
	return NULL;
}

static void
take_event(struct take *t, const struct somsg_event *ev, bool refused)
{
	switch (ev->type) {
	case SOMSG_USE:
		take_use(t, refused);
		return;
	case SOMSG_RELEASE:
		take_release(t);
		return;
	case SOMSG_REQUEST_CHANGE:
	case SOMSG_REQUEST_REMOVE:
	case SOMSG_SEND:
	case SOMSG_CLEAR:
	case SOMSG_REQUEST_CLEAR:
		break;
	default:
		return; /* the server's own events */
	}
	if (!t->user->joined) {
		if (t->why[0] == '\0')
			status(t, STATUS_SO_NOWRITEACCESS, "not in use");
		note_why(t, "not in use");
	} else if (ev->type == SOMSG_SEND) {
		take_send(t, ev, refused);
	} else if (ev->type == SOMSG_CLEAR || ev->type == SOMSG_REQUEST_CLEAR) {
		take_clear(t);
	} else {
		take_change(t, ev);
	}
}

void
sharedobj_msg_take(struct sharedobj *so, struct so_user *user,
    const struct somsg *m, const uint8_t *refused, bool locked_out)
{
	struct take t = {
		.so = so, .user = user, .m = m, .locked_out = locked_out
	};

	t.client = sharedobj_user_client(user);
	if (t.client == NULL)
		return;
	t.may_write = client_may(t.client, true, so->name);
	t.why_not = why_no_write(&t);
	for (uint32_t i = 0; i < m->event_count; i++)
		take_event(
		    &t, &m->events[i], refused != NULL && refused[i] != 0);
	close_entry(&t);
	sharedobj_proxy_flush(so);
	if (t.why[0] != '\0' && user->joined)
		sharedobj_refused(so, user, "write", t.why);
	if (!user->joined)
		so->sweep = true;
	sharedobj_wake_one(so);
}

/* ---- from the session ---- */

static bool
has_use(const struct somsg *m)
{
	for (uint32_t i = 0; i < m->event_count; i++)
		if (m->events[i].type == SOMSG_USE)
			return true;
	return false;
}

static bool
has_more_than_release(const struct somsg *m)
{
	for (uint32_t i = 0; i < m->event_count; i++)
		if (m->events[i].type != SOMSG_RELEASE)
			return true;
	return false;
}

static void
refuse_message(struct so_set *set, struct client *c, const struct somsg *m,
    enum status code, const char *why)
{
	log_info("so.refused", "inst=%s object=%.*s client=%s what=%s why=%s",
	    instance_full_name(set->inst), (int)m->name.len, m->name.ptr,
	    client_id(c), status_code(code), why);
	sharedobj_out_status(c, m->name, m->flags, code);
}

/* Object and user for a message, made if it is a use; NULL: it was answered. */
static struct so_user *
find_user(struct so_set *set, struct client *c, const struct somsg *m)
{
	struct sharedobj *so = sharedobj_lookup(set, m->name.ptr, m->name.len);
	struct so_user *u = so == NULL ? NULL : sharedobj_user_find(so, c);
	enum status code;
	struct err bad;
	int rc;

	if (u != NULL)
		return u;
	if (!has_use(m)) {
		if (has_more_than_release(m))
			refuse_message(
			    set, c, m, STATUS_SO_NOWRITEACCESS, "not in use");
		return NULL;
	}
	if (name_check(NAME_OBJECT, m->name.ptr, m->name.len, &bad) != FCS_OK ||
	    m->name.len > limits_get(set->env->limits, LIMIT_SO_NAME)) {
		refuse_message(
		    set, c, m, STATUS_SO_CREATIONFAILED, "bad object name");
		return NULL;
	}
	if (so != NULL && !sharedobj_is_for_clients(so)) {
		refuse_message(set, c, m, STATUS_SO_CREATIONFAILED,
		    "not declared: the script's own");
		return NULL;
	}
	if (so == NULL) {
		rc = sharedobj_create(set, m->name.ptr, m->name.len,
		    (m->flags & SOMSG_FLAG_PERSISTENT) != 0, true, &so, &code);
		if (rc != FCS_OK) {
			refuse_message(set, c, m, code, err_text(rc));
			return NULL;
		}
	}
	rc = sharedobj_user_add(so, c, &u);
	if (rc != FCS_OK)
		refuse_message(
		    set, c, m, STATUS_SO_CREATIONFAILED, err_text(rc));
	sharedobj_wake_one(so);
	return u;
}

int
sharedobj_message(struct instance *inst, struct client *c,
    const struct message *msg, struct err *why)
{
	struct so_set *set = sharedobj_set_of(inst);
	struct arena *a;
	struct so_user *u;
	struct so_waiting *w;
	enum script_question question;
	struct somsg m;
	int rc;

	a = arena_new((size_t)limits_get(set->env->limits, LIMIT_AMF_BYTES));
	if (a == NULL)
		return err_set(why, FCS_ENOMEM, "%s", err_text(FCS_ENOMEM));
	rc = somsg_read(a, msg, &m);
	if (rc == FCS_OK &&
	    m.event_count > limits_get(set->env->limits, LIMIT_SO_EVENTS)) {
		limits_refuse(LIMIT_SO_EVENTS);
		rc = FCS_ELIMIT;
	}
	if (rc == FCS_ESHORT || rc == FCS_EFORMAT) {
		arena_free(a);
		return err_set(
		    why, rc, "shared object message: %s", err_text(rc));
	}
	if (rc != FCS_OK) {
		log_info("so.dropped", "inst=%s client=%s why=%s",
		    instance_full_name(inst), client_id(c), err_text(rc));
		arena_free(a);
		return FCS_OK;
	}
	u = find_user(set, c, &m);
	if (u != NULL) {
		uint32_t changes = sharedobj_wait_changes(&m);
		bool locked = u->so->locked && changes > 0;

		if (locked &&
		    u->so->locked_events + changes >
			limits_get(set->env->limits, LIMIT_SO_LOCK_EVENTS)) {
			limits_refuse(LIMIT_SO_LOCK_EVENTS);
			sharedobj_msg_take(u->so, u, &m, NULL, true);
		} else if (!locked && u->so->state == SO_READY &&
			   u->waiting == 0 && !inst_reload_is_held(inst) &&
			   sharedobj_wait_question(u->so, &m, 0, &question) <
			       0) {
			sharedobj_msg_take(u->so, u, &m, NULL, false);
		} else {
			w = sharedobj_wait_add(u->so, u, msg, changes);
			/* it could not be read before: once more */
			if (w != NULL && u->so->state == SO_LOADING)
				sharedobj_load_start(u->so);
			if (w == NULL)
				refuse_message(set, c, &m,
				    STATUS_SO_NOWRITEACCESS,
				    "too much is waiting");
			else
				sharedobj_wait_drain(u->so);
		}
	}
	arena_free(a);
	return FCS_OK;
}
