/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_image - slots in memory.
 *
 * Two lists run through the slots: `order`, the live ones as they were first
 * written, and `recent`, all of them by version. A write moves its slot to the
 * end of `recent`, so what is newer than some version is found from the end,
 * whatever the size of the object.
 */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "core/sharedobj_int.h"

struct so_image *
sharedobj_image_new(void)
{
	struct so_image *im = calloc(1, sizeof(*im));

	if (im != NULL)
		im->version = STORE_FIRST_VERSION;
	return im;
}

static void
free_slot(struct so_slot *s)
{
	refbuf_unref(s->name);
	refbuf_unref(s->value);
	refbuf_unref(s->user);
	free(s);
}

void
sharedobj_image_free(struct so_image *im)
{
	struct so_slot *s;
	struct so_slot *next;

	if (im == NULL)
		return;
	s = im->recent;
	HASH_CLEAR(hh, im->slots);
	for (; s != NULL; s = next) {
		next = s->vnext;
		free_slot(s);
	}
	free(im);
}

struct so_slot *
sharedobj_image_find(const struct so_image *im, const char *name, size_t len)
{
	struct so_slot *s;

	HASH_FIND(hh, im->slots, name, len, s);
	return s;
}

/* ---- cursors ---- */

void
sharedobj_image_cursor_begin(struct so_image *im, struct so_cursor *c)
{
	DL_APPEND(im->cursors, c);
}

/* One that was not begun, too. */
void
sharedobj_image_cursor_end(struct so_image *im, struct so_cursor *c)
{
	if (c->prev != NULL)
		DL_DELETE(im->cursors, c);
	c->prev = c->next = NULL;
}

/* The slot leaves its place in that list. */
static void
step_over(struct so_image *im, const struct so_slot *s, bool by_version)
{
	struct so_cursor *c;

	DL_FOREACH(im->cursors, c)
		if (c->at == s && c->by_version == by_version)
			c->at = by_version ? s->vnext : s->next;
}

/* The slot is back at a place that a cursor may have passed. */
static void
step_back(struct so_image *im, struct so_slot *s, bool by_version)
{
	const struct so_slot *behind = by_version ? s->vnext : s->next;
	struct so_cursor *c;

	DL_FOREACH(im->cursors, c)
		if (c->at == behind && c->by_version == by_version)
			c->at = s;
}

/* ---- slots ---- */

static struct so_slot *
add_slot(struct so_image *im, struct refbuf *name)
{
	struct so_slot *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->name = refbuf_ref(name);
	HASH_ADD_KEYPTR(hh, im->slots, s->name->data, s->name->len, s);
	if (!hash_added(s)) {
		free_slot(s);
		return NULL;
	}
	DL_APPEND2(im->recent, s, vprev, vnext);
	im->dead++;
	return s;
}

static void
drop_slot(struct so_image *im, struct so_slot *s)
{
	HASH_DEL(im->slots, s);
	step_over(im, s, true);
	DL_DELETE2(im->recent, s, vprev, vnext);
	im->dead--;
	free_slot(s);
}

/* Exchange the value and keep the counts and the list of live slots right. */
static void
set_value(struct so_image *im, struct so_slot *s, struct refbuf *value)
{
	if (s->value != NULL) {
		im->bytes -= s->name->len + s->value->len;
		if (value == NULL) {
			step_over(im, s, false);
			DL_DELETE(im->order, s);
			im->live--;
			im->dead++;
		}
	} else if (value != NULL) {
		DL_APPEND(im->order, s);
		im->live++;
		im->dead--;
	}
	if (value != NULL) {
		im->bytes += s->name->len + value->len;
		(void)refbuf_ref(value);
	}
	refbuf_unref(s->value);
	s->value = value;
}

static void
set_user(struct so_slot *s, struct refbuf *user)
{
	if (user != NULL)
		(void)refbuf_ref(user);
	refbuf_unref(s->user);
	s->user = user;
}

int
sharedobj_image_put(struct so_image *im, struct refbuf *name,
    struct refbuf *value, struct refbuf *user, uint64_t version,
    struct so_slot **out)
{
	struct so_slot *s =
	    sharedobj_image_find(im, (const char *)name->data, name->len);

	if (s == NULL)
		s = add_slot(im, name);
	if (s == NULL)
		return FCS_ENOMEM;
	set_value(im, s, value);
	set_user(s, user);
	s->version = version;
	if (s->vnext != NULL) {
		step_over(im, s, true);
		DL_DELETE2(im->recent, s, vprev, vnext);
		DL_APPEND2(im->recent, s, vprev, vnext);
	}
	*out = s;
	return FCS_OK;
}

void
sharedobj_image_undo(struct so_image *im, const struct so_change *c)
{
	struct so_slot *at = NULL;
	struct so_slot *s =
	    sharedobj_image_find(im, (const char *)c->name->data, c->name->len);
	bool was_dead;

	if (s == NULL)
		return;
	was_dead = s->value == NULL;
	set_value(im, s, c->old);
	if (was_dead && s->value != NULL)
		step_back(im, s, false);
	set_user(s, c->old_user);
	s->version = c->old_version;
	if (c->old_version == 0) {
		drop_slot(im, s);
		return;
	}
	/* back to its place: before the first one that is newer */
	step_over(im, s, true);
	DL_DELETE2(im->recent, s, vprev, vnext);
	for (struct so_slot *l = im->recent == NULL ? NULL : im->recent->vprev;
	     l != NULL && l->version > s->version;
	     l = l == im->recent ? NULL : l->vprev)
		at = l;
	if (at == NULL)
		DL_APPEND2(im->recent, s, vprev, vnext);
	else
		DL_PREPEND_ELEM2(im->recent, at, s, vprev, vnext);
	step_back(im, s, true);
}

uint32_t
sharedobj_image_purge(struct so_image *im, uint64_t version)
{
	struct so_slot *s;
	struct so_slot *next;
	uint32_t dropped = 0;

	for (s = im->recent; s != NULL && s->version < version; s = next) {
		next = s->vnext;
		if (s->value != NULL)
			continue;
		drop_slot(im, s);
		dropped++;
	}
	if (dropped > 0 && version - 1 > im->floor)
		im->floor = version - 1;
	return dropped;
}
