/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_look - lines read from a history, kept until the script has taken
 * them. A look may be some MiB large, more than a script could convert within
 * its time in one go: so it is taken in pieces (sharedobj.h).
 */
#include <stdlib.h>
#include <string.h>

#include "core/sharedobj_int.h"

#define LINE_BYTES 64 /* what a line costs besides its bytes */

struct so_look {
	UT_hash_handle hh; /* set->looks */
	struct so_set *set;
	uint64_t id;
	struct so_line *lines;
	uint32_t count, cap, taken;
	size_t bytes;
	bool offered;
};

struct so_look *
sharedobj_look_new(struct so_set *set)
{
	struct so_look *l = calloc(1, sizeof(*l));

	if (l != NULL)
		l->set = set;
	return l;
}

void
sharedobj_look_free(struct so_look *l)
{
	if (l == NULL)
		return;
	if (l->offered)
		HASH_DEL(l->set->looks, l);
	for (uint32_t i = 0; i < l->count; i++) {
		refbuf_unref(l->lines[i].slot);
		refbuf_unref(l->lines[i].value);
		refbuf_unref(l->lines[i].old);
		refbuf_unref(l->lines[i].user);
	}
	free(l->lines);
	free(l);
}

static size_t
len_of(const struct refbuf *b)
{
	return b == NULL ? 0 : b->len;
}

static struct refbuf *
keep(struct refbuf *b)
{
	return b == NULL ? NULL : refbuf_ref(b);
}

int
sharedobj_look_add(struct so_look *l, const struct so_line *line)
{
	uint32_t cap = l->cap == 0 ? 16 : l->cap * 2;
	struct so_line *v;

	l->bytes += LINE_BYTES + len_of(line->slot) + len_of(line->value) +
		    len_of(line->old);
	if (l->bytes > SHAREDOBJ_LOOK_BYTES)
		return FCS_ELIMIT;
	if (l->count == l->cap) {
		v = reallocarray(l->lines, cap, sizeof(*v));
		if (v == NULL)
			return FCS_ENOMEM;
		l->lines = v;
		l->cap = cap;
	}
	v = &l->lines[l->count++];
	*v = *line;
	(void)keep(v->slot);
	(void)keep(v->value);
	(void)keep(v->old);
	(void)keep(v->user);
	return FCS_OK;
}

uint64_t
sharedobj_look_offer(struct so_look *l)
{
	struct so_set *set = l->set;

	/* a script that asks and does not take: the oldest goes */
	if (HASH_COUNT(set->looks) >= SHAREDOBJ_LOOKS)
		sharedobj_look_free(set->looks);
	l->id = ++set->next_look;
	HASH_ADD(hh, set->looks, id, sizeof(l->id), l);
	if (!hash_added(l)) {
		sharedobj_look_free(l);
		return 0;
	}
	l->offered = true;
	return l->id;
}

static void
describe(const struct so_line *line, struct sharedobj_change *out)
{
	memset(out, 0, sizeof(*out));
	out->version = line->version;
	out->at_ms = line->at_ms;
	out->user = line->user == NULL ? NULL : (const char *)line->user->data;
	out->slot.ptr = (const char *)line->slot->data;
	out->slot.len = (uint32_t)line->slot->len;
	if (line->value != NULL) {
		out->value = line->value->data;
		out->len = line->value->len;
	}
	if (line->old != NULL) {
		out->old = line->old->data;
		out->old_len = line->old->len;
	}
}

int
sharedobj_look_take(struct instance *inst, uint64_t id, uint32_t count,
    size_t bytes, void (*fn)(void *, const struct sharedobj_change *),
    void *arg)
{
	struct so_set *set = sharedobj_set_of(inst);
	struct sharedobj_change c;
	struct so_look *l;
	size_t used = 0;

	HASH_FIND(hh, set->looks, &id, sizeof(id), l);
	if (l == NULL)
		return FCS_ENOENT;
	while (l->taken < l->count && count > 0 && used < bytes) {
		describe(&l->lines[l->taken++], &c);
		used += LINE_BYTES + c.slot.len + c.len + c.old_len;
		count--;
		fn(arg, &c);
	}
	return l->taken < l->count ? FCS_EAGAIN : FCS_OK;
}

void
sharedobj_look_drop(struct instance *inst, uint64_t id)
{
	struct so_set *set = sharedobj_set_of(inst);
	struct so_look *l;

	HASH_FIND(hh, set->looks, &id, sizeof(id), l);
	sharedobj_look_free(l);
}

void
sharedobj_look_drop_all(struct instance *inst)
{
	struct so_set *set = sharedobj_set_of(inst);

	while (set != NULL && set->looks != NULL)
		sharedobj_look_free(set->looks);
}
