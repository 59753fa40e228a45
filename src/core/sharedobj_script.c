/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_script - what a script does with a shared object. Its writes are
 * in the image at once; the batch they form is closed at the end of the turn,
 * at the end of a transaction, or when a client's message comes in between.
 */
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "codec/amf0.h"
#include "core/sharedobj_int.h"

static int
wait_ready(struct sharedobj *so)
{
	struct so_set *set = so->set;
	int rc = FCS_OK;

	if (so->state == SO_READY)
		return FCS_OK;
	if (!set->listed)
		rc = sharedobj_load_wait(set, NULL);
	if (rc == FCS_OK && so->state == SO_LOADING) {
		sharedobj_load_start(so); /* unless it is on its way */
		rc = sharedobj_load_wait(set, so);
	}
	if (rc == FCS_OK && so->state == SO_LOADING)
		rc = FCS_EIO;
	return rc;
}

int
sharedobj_open(struct instance *inst, const char *name, bool persistent,
    struct sharedobj **out)
{
	struct so_set *set = sharedobj_set_of(inst);
	size_t len = strlen(name);
	struct sharedobj *so;
	enum status status;
	int rc;

	*out = NULL;
	if (name_check(NAME_OBJECT, name, len, NULL) != FCS_OK)
		return FCS_EINVAL;
	if (!set->listed)
		fcs_ignore(sharedobj_load_wait(set, NULL));
	so = sharedobj_lookup(set, name, len);
	if (so == NULL) {
		rc = sharedobj_create(
		    set, name, len, persistent, false, &so, &status);
		if (rc != FCS_OK)
			return rc;
	}
	if (so->persistent != persistent)
		return FCS_EINVAL;
	sharedobj_wake_one(so);
	rc = wait_ready(so);
	if (rc != FCS_OK)
		return rc;
	so->held++;
	*out = so;
	return FCS_OK;
}

/* Whether reading it takes longer than the loop should wait. */
static bool
is_large(const struct so_set *set, const char *name, size_t len)
{
	struct so_known *k;

	if (!set->listed)
		return false;
	HASH_FIND(hh, set->known, name, len, k);
	return k != NULL && k->bytes > SHAREDOBJ_LOAD_NOW;
}

int
sharedobj_open_later(struct instance *inst, const char *name, bool persistent,
    uint64_t pending, struct sharedobj **out)
{
	struct so_set *set = sharedobj_set_of(inst);
	size_t len = strlen(name);
	struct sharedobj *so = sharedobj_lookup(set, name, len);
	enum status status;
	uint64_t *list;
	int rc;

	if (!persistent || !is_large(set, name, len) ||
	    (so != NULL && (so->state == SO_READY || !so->persistent)))
		return sharedobj_open(inst, name, persistent, out);
	*out = NULL;
	if (so == NULL) {
		rc = sharedobj_create(
		    set, name, len, persistent, false, &so, &status);
		if (rc != FCS_OK)
			return rc;
	}
	list = reallocarray(
	    so->openers, so->opener_count + 1, sizeof(*so->openers));
	if (list == NULL)
		return FCS_ENOMEM;
	so->openers = list;
	list[so->opener_count++] = pending;
	so->held++;
	sharedobj_load_start(so); /* unless it is on its way */
	sharedobj_wake_one(so);
	*out = so;
	return FCS_EAGAIN;
}

void
sharedobj_lock(struct sharedobj *so, bool locked)
{
	so->locked = locked;
	sharedobj_wake_one(so);
}

void
sharedobj_unlock_all(struct instance *inst)
{
	struct so_set *set = sharedobj_set_of(inst);
	struct sharedobj *so, *next;

	if (set == NULL)
		return;
	HASH_ITER(hh, set->objects, so, next)
	{
		if (so->locked)
			sharedobj_lock(so, false);
	}
}

void
sharedobj_set_resync_depth(struct sharedobj *so, int64_t depth)
{
	so->resync_depth = depth;
	so->since_trim = SHAREDOBJ_TRIM_EVERY; /* soon */
}

int
sharedobj_peek(struct instance *inst, const char *name, struct sharedobj **out)
{
	struct so_set *set = sharedobj_set_of(inst);
	size_t len = strlen(name);
	struct so_known *k;
	enum status status;
	int rc;

	*out = sharedobj_lookup(set, name, len);
	if (*out == NULL) {
		HASH_FIND(hh, set->known, name, len, k);
		if (k == NULL)
			return FCS_ENOENT;
		rc =
		    sharedobj_create(set, name, len, true, false, out, &status);
		if (rc != FCS_OK)
			return rc;
	}
	return wait_ready(*out);
}

void
sharedobj_close(struct sharedobj *so)
{
	so->held -= so->held > 0;
	sharedobj_wake_one(so);
}

const uint8_t *
sharedobj_get(
    struct sharedobj *so, const char *slot, size_t slot_len, size_t *len)
{
	const struct so_slot *s =
	    sharedobj_image_find(so->image, slot, slot_len);

	sharedobj_seen(so);
	*len = 0;
	if (s == NULL || s->value == NULL)
		return NULL;
	*len = s->value->len;
	return s->value->data;
}

static int
may_write(const struct sharedobj *so)
{
	if (so->state != SO_READY)
		return FCS_EREADONLY;
	if (sharedobj_is_stored(so) &&
	    commit_is_read_only(so->set->env->commit))
		return FCS_EREADONLY;
	if (so->queue_len >= limits_get(so->set->env->limits, LIMIT_SO_QUEUE) ||
	    so->set->queued > SHAREDOBJ_QUEUE_MAX) {
		limits_refuse(LIMIT_SO_QUEUE);
		return FCS_ELIMIT;
	}
	return FCS_OK;
}

/* After a write: what the handler says from now on waits for it. */
static void
raise_barrier(struct sharedobj *so, const struct so_entry *e)
{
	if (e->seq != 0)
		instance_raise_barrier(so->set->inst, e->seq);
}

static int
ask_owner(struct sharedobj *so, const char *slot, size_t slot_len,
    const uint8_t *value, size_t len)
{
	struct sharedobj_proxy_request r = { 0 };
	int rc = FCS_ENOMEM;

	r.name = refbuf_from(slot, slot_len);
	if (value != NULL)
		r.value = refbuf_from(value, len);
	if (r.name != NULL && (value == NULL || r.value != NULL))
		rc = sharedobj_proxy_request(so, &r);
	refbuf_unref(r.name);
	refbuf_unref(r.value);
	return rc;
}

static uint8_t
receivers(const struct sharedobj *so)
{
	return so->taking != NULL ? SO_TO_OTHERS | SO_TO_WRITER : SO_TO_OTHERS;
}

int
sharedobj_set(struct sharedobj *so, const char *slot, size_t slot_len,
    const uint8_t *value, size_t len)
{
	const struct so_slot *s =
	    sharedobj_image_find(so->image, slot, slot_len);
	struct refbuf *name;
	struct refbuf *bytes = NULL;
	struct so_entry *e;
	int rc = may_write(so);

	if (rc != FCS_OK)
		return rc;
	if (name_check(NAME_SLOT, slot, slot_len, NULL) != FCS_OK)
		return FCS_EINVAL;
	if (value != NULL)
		rc = sharedobj_entry_fits(so, s, slot_len, len);
	if (rc != FCS_OK)
		return rc;
	if (so->proxy != NULL)
		return ask_owner(so, slot, slot_len, value, len);
	if (value == NULL && (s == NULL || s->value == NULL))
		return FCS_OK;
	name = refbuf_from(slot, slot_len);
	if (value != NULL)
		bytes = refbuf_from(value, len);
	e = sharedobj_entry_open(so);
	if (name == NULL || e == NULL || (value != NULL && bytes == NULL))
		rc = FCS_ENOMEM;
	else
		rc = sharedobj_entry_change(e, name, bytes, receivers(so));
	refbuf_unref(name);
	refbuf_unref(bytes);
	if (rc == FCS_OK)
		raise_barrier(so, e);
	return rc;
}

int
sharedobj_clear(struct sharedobj *so)
{
	struct so_entry *e;
	int rc = may_write(so);

	if (rc != FCS_OK)
		return rc;
	if (so->proxy != NULL)
		return sharedobj_proxy_clear(so);
	e = sharedobj_entry_open(so);
	if (e == NULL)
		return FCS_ENOMEM;
	rc = sharedobj_entry_clear(e, receivers(so));
	raise_barrier(so, e);
	return rc;
}

int
sharedobj_send(struct sharedobj *so, const uint8_t *body, size_t len)
{
	struct refbuf *data;
	struct so_entry *e;
	int rc = FCS_ENOMEM;

	if (len == 0 || body[0] != 0x02)
		return FCS_EINVAL; /* the handler's name comes first */
	data = refbuf_from(body, len);
	if (so->proxy != NULL) {
		rc = data == NULL ? FCS_ENOMEM : sharedobj_proxy_send(so, data);
		refbuf_unref(data);
		return rc;
	}
	e = sharedobj_entry_open(so);
	if (data != NULL && e != NULL)
		rc = sharedobj_entry_item(
		    e, SO_TO_OTHERS | SO_TO_WRITER, SOMSG_SEND, NULL, data);
	refbuf_unref(data);
	return rc;
}

void
sharedobj_begin(struct sharedobj *so)
{
	if (so->depth == 0) {
		sharedobj_entry_close_open(so);
		sharedobj_proxy_flush(so);
		so->abort = false;
		sharedobj_wake_one(so);
	}
	so->depth++;
}

int
sharedobj_end(struct sharedobj *so, bool commit)
{
	struct so_entry *e = so->open;

	if (so->depth == 0)
		return FCS_EINVAL;
	if (!commit)
		so->abort = true;
	if (--so->depth > 0)
		return FCS_OK;
	if (!so->abort) {
		sharedobj_proxy_flush(so);
		sharedobj_entry_close_open(so);
		return FCS_OK;
	}
	sharedobj_proxy_drop_made(so);
	if (e != NULL)
		sharedobj_entry_abort(e);
	/* who thinks that it was written learns that an inner one failed */
	return commit ? FCS_EREJECT : FCS_OK;
}
