/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_owner - what the owner of a proxied object says, and what that
 * means for the users here, the script and the requests that wait for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/log.h"
#include "core/sharedobj_proxy.h"

struct taking { /* one message of the owner */
	struct so_proxy *p;
	struct so_entry *entry;
	struct so_user *user; /* whose entry it is; NULL: nobody's */
	struct told {
		const char *code;
		struct refbuf *name, *value, *old;
		char user[64], client[64]; /* "": not known */
	} * told;
	uint32_t count, cap;
};

/* ---- what the script is told ---- */

static void
tell_script(struct taking *t, const char *code, struct refbuf *name,
    struct refbuf *value, struct refbuf *old)
{
	struct told *list, *n;
	struct client *c = sharedobj_user_client(t->user);

	if (t->count == t->cap) {
		t->cap = t->cap == 0 ? 16 : t->cap * 2;
		list = reallocarray(t->told, t->cap, sizeof(*list));
		if (list == NULL) {
			t->cap = t->count;
			return; /* it is not told; the object is right */
		}
		t->told = list;
	}
	n = &t->told[t->count++];
	memset(n, 0, sizeof(*n));
	n->code = code;
	n->name = name == NULL ? NULL : refbuf_ref(name);
	n->value = value == NULL ? NULL : refbuf_ref(value);
	n->old = old == NULL ? NULL : refbuf_ref(old);
	if (c == NULL)
		return;
	snprintf(n->user, sizeof(n->user), "%s", client_owner(c));
	snprintf(n->client, sizeof(n->client), "%s", client_id(c));
}

static void
fire_sync(struct taking *t)
{
	struct sharedobj *so = t->p->so;
	struct script_change *list = calloc(t->count + 1, sizeof(*list));
	struct script_args args;
	uint32_t i;

	for (i = 0; list != NULL && i < t->count; i++) {
		const struct told *n = &t->told[i];

		list[i].code = n->code;
		list[i].slot.ptr = "";
		if (n->name != NULL) {
			list[i].slot.ptr = (const char *)n->name->data;
			list[i].slot.len = (uint32_t)n->name->len;
		}
		list[i].value = n->value == NULL ? NULL : n->value->data;
		list[i].len = n->value == NULL ? 0 : n->value->len;
		list[i].old = n->old == NULL ? NULL : n->old->data;
		list[i].old_len = n->old == NULL ? 0 : n->old->len;
		list[i].version = t->p->version;
		list[i].user = n->user[0] == '\0' ? NULL : n->user;
		list[i].client = n->client[0] == '\0' ? NULL : n->client;
	}
	if (list != NULL && t->count > 0) {
		memset(&args, 0, sizeof(args));
		args.name = so->name;
		args.changes = list;
		args.change_count = t->count;
		instance_event(so->set->inst, SCRIPT_SYNC, &args);
	}
	for (i = 0; i < t->count; i++) {
		refbuf_unref(t->told[i].name);
		refbuf_unref(t->told[i].value);
		refbuf_unref(t->told[i].old);
	}
	free(t->told);
	free(list);
	t->told = NULL;
	t->count = t->cap = 0;
}

static void
tell_status(struct sharedobj *so, struct value_str code)
{
	struct arena *a = arena_new(0);
	struct value *info = a == NULL ? NULL : value_new(a, VALUE_OBJECT);
	struct script_args args;

	if (info != NULL &&
	    value_set(a, info, "level", value_string(a, "error")) == FCS_OK &&
	    value_set(a, info, "code",
		value_string(a, arena_strndup(a, code.ptr, code.len))) ==
		FCS_OK &&
	    value_set(a, info, "description",
		value_string(a, "refused by its owner")) == FCS_OK &&
	    value_set(a, info, "object", value_string(a, so->name)) == FCS_OK) {
		memset(&args, 0, sizeof(args));
		args.name = so->name;
		args.values = &info;
		args.count = 1;
		instance_event(so->set->inst, SCRIPT_STATUS, &args);
	}
	arena_free(a);
}

/* ---- what the owner says ---- */

static void
close_entry(struct taking *t)
{
	if (t->entry != NULL) {
		t->entry->version = t->p->so->image->version;
		sharedobj_entry_close(t->entry);
	}
	t->entry = NULL;
	t->user = NULL;
}

/* The entry for what concerns that user, or everybody (NULL). */
static struct so_entry *
entry(struct taking *t, struct so_user *user)
{
	if (t->entry != NULL && t->user == user)
		return t->entry;
	close_entry(t);
	t->entry = sharedobj_entry_new(t->p->so, SO_BATCH, user);
	t->user = t->entry == NULL ? NULL : user;
	return t->entry;
}

static struct so_slot *
slot_of(const struct so_proxy *p, const struct refbuf *name)
{
	return sharedobj_image_find(
	    p->so->image, (const char *)name->data, name->len);
}

/* The slot is this now; everybody but the entry's user is told. */
static int
put(struct taking *t, struct so_entry *e, struct refbuf *name,
    struct refbuf *value)
{
	const struct so_slot *s = slot_of(t->p, name);
	int rc;

	if (value == NULL && (s == NULL || s->value == NULL))
		return FCS_OK;
	/* a copy has the limits of any object here, whatever its owner says */
	rc = value == NULL
		 ? FCS_OK
		 : sharedobj_entry_fits(t->p->so, s, name->len, value->len);
	if (rc != FCS_OK)
		return rc;
	return sharedobj_entry_change(e, name, value, SO_TO_OTHERS);
}

static struct refbuf *
old_of(const struct so_proxy *p, const struct refbuf *name)
{
	const struct so_slot *s = slot_of(p, name);

	return s == NULL || s->value == NULL ? NULL : refbuf_ref(s->value);
}

static struct so_sent *
first_sent(const struct so_proxy *p, const struct somsg_event *ev)
{
	struct so_sent *s;

	DL_FOREACH(p->sent, s)
		if (s->letter != 0 && s->letter <= p->sent_upto &&
		    s->name->len == ev->key.len &&
		    memcmp(s->name->data, ev->key.ptr, ev->key.len) == 0)
			return s;
	return NULL;
}

static struct so_user *
user_of(const struct so_proxy *p, const struct so_sent *s)
{
	struct so_user *u =
	    s->user == 0 ? NULL : idmap_get(p->so->set->user_ids, s->user);

	return u == NULL || u->so != p->so ? NULL : u;
}

/* A change somebody else made there. */
static int
take_change(struct taking *t, const struct somsg_event *ev, bool removed)
{
	struct refbuf *name = refbuf_from(ev->key.ptr, ev->key.len);
	struct refbuf *value = removed ? NULL : refbuf_from(ev->data, ev->len);
	struct refbuf *old;
	struct so_entry *e = entry(t, NULL);
	int rc = FCS_ENOMEM;

	if (name != NULL && e != NULL && (removed || value != NULL)) {
		old = old_of(t->p, name);
		rc = put(t, e, name, value);
		if (rc == FCS_OK && (!removed || old != NULL))
			tell_script(
			    t, removed ? "delete" : "change", name, value, old);
		refbuf_unref(old);
	}
	refbuf_unref(name);
	refbuf_unref(value);
	return rc;
}

/* What one of us wanted is so. value: what the owner says it is, if it does. */
static int
take_agreed(struct taking *t, struct so_sent *s, const struct somsg_event *ev)
{
	struct so_proxy *p = t->p;
	struct so_user *user = user_of(p, s);
	struct so_entry *e = entry(t, user);
	struct refbuf *value, *old;
	int rc = e == NULL ? FCS_ENOMEM : FCS_OK;

	value = ev->type == SOMSG_ACCEPTED
		    ? refbuf_from(ev->data, ev->len)
		    : (s->value == NULL ? NULL : refbuf_ref(s->value));
	old = old_of(p, s->name);
	if (rc == FCS_OK && user != NULL) {
		rc = sharedobj_entry_item(e, SO_TO_WRITER,
		    s->type == SOMSG_REQUEST_REMOVE ? SOMSG_REMOVE
						    : SOMSG_SUCCESS,
		    s->name, NULL);
		if (rc == FCS_OK && s->echo && value != NULL)
			rc = sharedobj_entry_item(
			    e, SO_TO_WRITER, SOMSG_CHANGE, s->name, value);
	}
	if (rc == FCS_OK) {
		tell_script(t,
		    s->user == 0    ? "success"
		    : value == NULL ? "delete"
				    : "change",
		    s->name, value, old);
		rc = put(t, e, s->name, value);
	}
	refbuf_unref(value);
	refbuf_unref(old);
	sharedobj_proxy_free_sent(p, s);
	return rc;
}

/* It is not; ev says what the slot holds instead. */
static int
take_refused(struct taking *t, struct so_sent *s, const struct somsg_event *ev)
{
	struct so_proxy *p = t->p;
	struct so_user *user = user_of(p, s);
	struct so_entry *e = entry(t, user);
	struct refbuf *value = NULL, *old = old_of(p, s->name);
	bool same;
	int rc = e == NULL ? FCS_ENOMEM : FCS_OK;

	if (ev->type != SOMSG_REMOVE)
		value = refbuf_from(ev->data, ev->len);
	same = value == NULL
		   ? old == NULL
		   : old != NULL && old->len == value->len &&
			 memcmp(old->data, value->data, old->len) == 0;
	if (rc == FCS_OK && user != NULL) {
		rc = sharedobj_entry_item(
		    e, SO_TO_WRITER, SOMSG_STATUS, NULL, NULL);
		if (rc == FCS_OK)
			rc = sharedobj_entry_item(
			    e, SO_TO_WRITER, SOMSG_CHANGE, s->name, value);
	}
	if (s->user == 0)
		tell_script(t, "reject", s->name, value, s->value);
	else if (!same)
		tell_script(t, value == NULL ? "delete" : "change", s->name,
		    value, old);
	if (rc == FCS_OK && !same)
		rc = put(t, e, s->name, value);
	refbuf_unref(value);
	refbuf_unref(old);
	sharedobj_proxy_free_sent(p, s);
	return rc;
}

static int
take_clear(struct taking *t)
{
	struct so_entry *e;

	if (t->p->so->image->live == 0)
		return FCS_OK;
	e = entry(t, NULL);
	if (e == NULL)
		return FCS_ENOMEM;
	tell_script(t, "clear", NULL, NULL, NULL);
	return sharedobj_entry_clear(e, SO_TO_OTHERS);
}

static int
take_send(struct taking *t, const struct somsg_event *ev)
{
	struct refbuf *body = refbuf_from(ev->data, ev->len);
	struct so_entry *e = entry(t, NULL);
	int rc = FCS_ENOMEM;

	if (body != NULL && e != NULL)
		rc = sharedobj_entry_item(
		    e, SO_TO_OTHERS | SO_TO_WRITER, SOMSG_SEND, NULL, body);
	refbuf_unref(body);
	return rc;
}

/* A status stands before the slot it is about, or for the use as a whole. */
static int
take_status(struct taking *t, const struct somsg *m, uint32_t *i)
{
	struct so_proxy *p = t->p;
	const struct somsg_event *ev = &m->events[*i], *next = NULL;
	struct so_sent *s = NULL;

	if (*i + 1 < m->event_count)
		next = &m->events[*i + 1];
	if (next != NULL &&
	    (next->type == SOMSG_CHANGE || next->type == SOMSG_REMOVE))
		s = first_sent(p, next);
	if (s != NULL) {
		++*i;
		return take_refused(t, s, next);
	}
	log_info("so.proxy", "inst=%s object=%s status=%.*s",
	    instance_full_name(p->so->set->inst), p->so->name, (int)ev->key.len,
	    ev->key.ptr);
	tell_status(p->so, ev->key);
	if (!p->ready) {
		struct arena *a = arena_new(0);
		const char *code =
		    a == NULL ? NULL
			      : arena_strndup(a, ev->key.ptr, ev->key.len);

		sharedobj_proxy_settle(
		    p, false, code == NULL ? "refused by its owner" : code);
		arena_free(a);
	}
	return FCS_OK;
}

static int
take_event(struct taking *t, const struct somsg *m, uint32_t *i)
{
	const struct somsg_event *ev = &m->events[*i];
	struct so_sent *s;

	switch (ev->type) {
	case SOMSG_USE_SUCCESS:
		t->p->ready = true;
		return FCS_OK;
	case SOMSG_CLEAR:
		return take_clear(t);
	case SOMSG_SEND:
		return take_send(t, ev);
	case SOMSG_STATUS:
		return take_status(t, m, i);
	case SOMSG_SUCCESS:
	case SOMSG_ACCEPTED:
		s = first_sent(t->p, ev);
		if (s != NULL)
			return take_agreed(t, s, ev);
		return ev->type == SOMSG_ACCEPTED ? take_change(t, ev, false)
						  : FCS_OK;
	case SOMSG_REMOVE:
		s = first_sent(t->p, ev);
		return s != NULL && s->type == SOMSG_REQUEST_REMOVE
			   ? take_agreed(t, s, ev)
			   : take_change(t, ev, true);
	case SOMSG_CHANGE:
		return take_change(t, ev, false);
	default:
		return FCS_OK;
	}
}

/* Whether a message is about this object, without reading all of it. */
static bool
is_mine(const struct so_proxy *p, const struct message *m)
{
	size_t at = m->type == MESSAGE_SO_AMF3 ? 1 : 0;

	return m->len >= at + 2 + p->remote_len &&
	       (size_t)(m->payload[at] << 8 | m->payload[at + 1]) ==
		   p->remote_len &&
	       memcmp(m->payload + at + 2, p->remote, p->remote_len) == 0;
}

int
sharedobj_owner_message(struct so_proxy *p, const struct message *msg)
{
	struct so_set *set = p->so->set;
	struct taking t = { .p = p };
	bool was_ready = p->ready;
	struct somsg m;
	struct arena *a;
	int rc;

	if (!is_mine(p, msg))
		return FCS_OK;
	a = arena_new((size_t)limits_get(set->env->limits, LIMIT_AMF_BYTES));
	if (a == NULL)
		return FCS_ENOMEM;
	rc = somsg_read(a, msg, &m);
	if (rc == FCS_OK && m.event_count > 0 &&
	    m.events[0].type != SOMSG_STATUS)
		p->version = m.version;
	for (uint32_t i = 0; rc == FCS_OK && i < m.event_count; i++)
		rc = take_event(&t, &m, &i);
	close_entry(&t);
	fire_sync(&t);
	if (!was_ready && p->ready)
		sharedobj_proxy_settle(p, true, NULL);
	if (rc != FCS_OK)
		log_warn("so.proxy", "inst=%s object=%s why=%s",
		    instance_full_name(set->inst), p->so->name, err_text(rc));
	arena_free(a);
	return rc;
}

void
sharedobj_owner_fail(struct so_proxy *p, uint64_t letter)
{
	struct taking t = { .p = p };
	struct so_sent *s, *next;

	sharedobj_wake_one(p->so);
	DL_FOREACH_SAFE(p->sent, s, next) {
		struct refbuf *now = old_of(p, s->name);
		struct somsg_event ev = { .type = SOMSG_REMOVE };

		if (now != NULL) {
			ev.type = SOMSG_CHANGE;
			ev.data = now->data;
			ev.len = now->len;
		}
		if (letter == 0 || s->letter == letter)
			fcs_ignore(take_refused(&t, s, &ev));
		refbuf_unref(now);
	}
	if (letter == 0)
		p->out_events = 0;
	close_entry(&t);
	fire_sync(&t);
}
