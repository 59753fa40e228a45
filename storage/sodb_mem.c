/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sodb_mem - the store contract in memory, for tests and as the plainest
 * reading of the contract. Layer: storage (3).
 *
 * Slots live in one array per object in order of first writing; deleting one
 * leaves it there as a tombstone, writing it again moves it to the end. A group
 * of batches is checked against memory before it is applied: what was applied
 * cannot fail half-way but for lack of memory, which ends the batch it hits
 * with FCS_ENOMEM and leaves the others whole.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/store.h"
#include "storage/undo.h"

struct bytes {
	uint8_t *p; /* NULL: absent */
	size_t len;
};

struct mem_slot {
	struct bytes name, value, user;
	uint64_t version;
};

struct mem_line { /* of the history */
	struct bytes name, value, old, user;
	uint64_t version;
	int64_t at_ms;
};

struct mem_batch { /* with a history */
	uint64_t version, target;
	int64_t at_ms;
	struct bytes user;
	enum store_kind kind;
	uint32_t count;
};

struct mem_object {
	struct mem_object *next;
	char *inst, *name;
	uint64_t version, floor, since;
	struct mem_batch *batches;
	size_t batch_count, batch_cap;
	struct mem_slot *slots;
	size_t slot_count, slot_cap;
	struct mem_line *lines;
	size_t line_count, line_cap;
};

struct mem {
	struct store store;
	struct mem_object *objects; /* by instance and name */
};

/* A copy with a NUL behind it; absent for NULL. */
static int
copy(struct bytes *out, const void *p, size_t len)
{
	out->p = NULL;
	out->len = 0;
	if (p == NULL)
		return FCS_OK;
	out->p = malloc(len + 1);
	if (out->p == NULL)
		return FCS_ENOMEM;
	memcpy(out->p, p, len);
	out->p[len] = '\0';
	out->len = len;
	return FCS_OK;
}

static int
copy_text(struct bytes *out, const char *p)
{
	return copy(out, p, p == NULL ? 0 : strlen(p));
}

static int
grow(void **array, size_t *cap, size_t need, size_t width)
{
	size_t cap2 = *cap == 0 ? 16 : *cap * 2;
	void *p;

	if (need <= *cap)
		return FCS_OK;
	p = realloc(*array, cap2 * width);
	if (p == NULL)
		return FCS_ENOMEM;
	*array = p;
	*cap = cap2;
	return FCS_OK;
}

static int
order(const struct mem_object *o, const char *inst, const char *name)
{
	int d = strcmp(o->inst, inst);

	return d != 0 ? d : strcmp(o->name, name);
}

static struct mem_object *
find(struct mem *m, const char *inst, const char *name)
{
	struct mem_object *o = m->objects;

	while (o != NULL && order(o, inst, name) != 0)
		o = o->next;
	return o;
}

static void
free_object(struct mem_object *o)
{
	if (o == NULL)
		return;
	for (size_t i = 0; i < o->slot_count; i++) {
		free(o->slots[i].name.p);
		free(o->slots[i].value.p);
		free(o->slots[i].user.p);
	}
	for (size_t i = 0; i < o->line_count; i++) {
		free(o->lines[i].name.p);
		free(o->lines[i].value.p);
		free(o->lines[i].old.p);
		free(o->lines[i].user.p);
	}
	for (size_t i = 0; i < o->batch_count; i++)
		free(o->batches[i].user.p);
	free(o->slots);
	free(o->lines);
	free(o->batches);
	free(o->inst);
	free(o->name);
	free(o);
}

static struct mem_object *
add(struct mem *m, const char *inst, const char *name)
{
	struct mem_object *o = calloc(1, sizeof(*o));
	struct mem_object **at = &m->objects;

	if (o == NULL)
		return NULL;
	o->inst = strdup(inst);
	o->name = strdup(name);
	if (o->inst == NULL || o->name == NULL) {
		free_object(o);
		return NULL;
	}
	o->version = o->since = STORE_FIRST_VERSION;
	while (*at != NULL && order(*at, inst, name) < 0)
		at = &(*at)->next;
	o->next = *at;
	*at = o;
	return o;
}

static struct mem_slot *
find_slot(struct mem_object *o, const char *name, size_t len)
{
	for (size_t i = 0; i < o->slot_count; i++)
		if (o->slots[i].name.len == len &&
		    memcmp(o->slots[i].name.p, name, len) == 0)
			return &o->slots[i];
	return NULL;
}

static int
add_line(struct mem_object *o, const struct store_batch *b,
    const struct store_change *c, const struct bytes *old)
{
	struct mem_line *l;
	int rc = grow((void **)&o->lines, &o->line_cap, o->line_count + 1,
	    sizeof(*o->lines));

	if (rc != FCS_OK)
		return rc;
	l = &o->lines[o->line_count];
	memset(l, 0, sizeof(*l));
	l->version = b->version;
	l->at_ms = b->at_ms;
	rc = copy(&l->name, c->slot, c->slot_len);
	if (rc == FCS_OK)
		rc = copy(&l->value, c->value, c->len);
	if (rc == FCS_OK)
		rc = copy(&l->old, old->p, old->len);
	if (rc == FCS_OK)
		rc = copy_text(&l->user, c->user != NULL ? c->user : b->user);
	o->line_count++; /* freed with the object in any case */
	return rc;
}

static int
add_batch(struct mem_object *o, const struct store_batch *b)
{
	struct mem_batch *m;
	int rc;

	if (b->no_history) {
		o->since = b->version;
		return FCS_OK;
	}
	rc = grow((void **)&o->batches, &o->batch_cap, o->batch_count + 1,
	    sizeof(*o->batches));
	if (rc != FCS_OK)
		return rc;
	m = &o->batches[o->batch_count++];
	m->version = b->version;
	m->target = b->target;
	m->at_ms = b->at_ms;
	m->kind = b->kind;
	m->count = b->count;
	return copy_text(&m->user, b->user);
}

static int
put(struct mem_object *o, const struct store_batch *b, uint32_t n)
{
	static const struct bytes absent;
	const struct store_change *c = &b->changes[n];
	struct mem_slot *s = find_slot(o, c->slot, c->slot_len);
	struct mem_slot moved;
	struct bytes value;
	struct bytes user;
	int rc = copy(&value, c->value, c->len);

	if (rc == FCS_OK)
		rc = copy_text(&user, c->user != NULL ? c->user : b->user);
	if (rc == FCS_OK && !b->no_history)
		rc = add_line(o, b, c, s == NULL ? &absent : &s->value);
	if (rc == FCS_OK && s == NULL) {
		rc = grow((void **)&o->slots, &o->slot_cap, o->slot_count + 1,
		    sizeof(*o->slots));
		if (rc == FCS_OK) {
			s = &o->slots[o->slot_count];
			memset(s, 0, sizeof(*s));
			rc = copy(&s->name, c->slot, c->slot_len);
			if (rc == FCS_OK)
				o->slot_count++;
		}
	}
	if (rc != FCS_OK) {
		free(value.p);
		return rc;
	}
	if (s->value.p == NULL && s < &o->slots[o->slot_count - 1]) {
		/* born again: last in order */
		moved = *s;
		memmove(s, s + 1,
		    (size_t)(&o->slots[o->slot_count - 1] - s) * sizeof(*s));
		s = &o->slots[o->slot_count - 1];
		*s = moved;
	}
	free(s->value.p);
	free(s->user.p);
	s->value = value;
	s->user = user;
	s->version = b->version;
	return FCS_OK;
}

static int
mem_commit(struct store *store, struct store_batch *const *batches,
    uint32_t count, struct err *why)
{
	struct mem *m = (struct mem *)store;

	(void)why;
	for (uint32_t i = 0; i < count; i++) {
		struct store_batch *b = batches[i];
		struct mem_object *o = find(m, b->inst, b->object);
		uint64_t base = b->base != 0 ? b->base : b->version - 1;

		b->result = FCS_OK;
		if (b->version <= base ||
		    base != (o == NULL ? STORE_FIRST_VERSION : o->version)) {
			b->result = FCS_ESTALE;
			continue;
		}
		if (o == NULL)
			o = add(m, b->inst, b->object);
		if (o == NULL)
			b->result = FCS_ENOMEM;
		for (uint32_t k = 0; k < b->count && b->result == FCS_OK; k++)
			b->result = put(o, b, k);
		if (b->result == FCS_OK)
			b->result = add_batch(o, b);
		if (b->result == FCS_OK)
			o->version = b->version;
	}
	return FCS_OK;
}

static int
mem_load(struct store *store, const char *inst, const char *object,
    uint64_t after, store_slot_fn fn, void *arg, uint64_t *version,
    uint64_t *floor)
{
	struct mem_object *o = find((struct mem *)store, inst, object);
	int rc = FCS_OK;

	*version = o == NULL ? STORE_FIRST_VERSION : o->version;
	*floor = o == NULL ? 0 : o->floor;
	if (o == NULL)
		return FCS_ENOENT;
	for (size_t i = 0; i < o->slot_count && rc == FCS_OK; i++) {
		const struct mem_slot *s = &o->slots[i];
		struct store_slot row = { (const char *)s->name.p, s->name.len,
			s->value.p, s->value.len, s->version,
			(const char *)s->user.p };

		if (s->version > after)
			rc = fn(arg, &row);
	}
	return rc;
}

static int
mem_list(struct store *store, const char *inst, store_object_fn fn, void *arg)
{
	int rc = FCS_OK;

	for (struct mem_object *o = ((struct mem *)store)->objects;
	     o != NULL && rc == FCS_OK; o = o->next) {
		struct store_object_info info = { o->inst, o->name, o->version,
			o->floor, o->since, 0, 0, o->line_count };

		if (inst != NULL && strcmp(inst, o->inst) != 0)
			continue;
		for (size_t i = 0; i < o->slot_count; i++) {
			if (o->slots[i].value.p == NULL)
				continue;
			info.slots++;
			info.bytes +=
			    o->slots[i].name.len + o->slots[i].value.len;
		}
		rc = fn(arg, &info);
	}
	return rc;
}

static int
walk(const struct mem_object *o, const struct store_range *r,
    store_history_fn fn, void *arg)
{
	uint32_t left = r->limit;
	int rc = FCS_OK;

	for (size_t i = 0; i < o->line_count && rc == FCS_OK && left > 0; i++) {
		const struct mem_line *l = &o->lines[i];
		struct store_change_info c = { l->version, l->at_ms,
			(const char *)l->user.p, (const char *)l->name.p,
			l->name.len, l->value.p, l->old.p, l->value.len,
			l->old.len };

		if (l->version <= r->after ||
		    (r->upto != 0 && l->version > r->upto))
			continue;
		if (r->slot != NULL &&
		    (l->name.len != r->slot_len ||
			memcmp(l->name.p, r->slot, r->slot_len) != 0))
			continue;
		left--;
		rc = fn(arg, &c);
	}
	return rc;
}

static int
mem_history(struct store *store, const char *inst, const char *object,
    const struct store_range *range, store_history_fn fn, void *arg)
{
	struct mem_object *o = find((struct mem *)store, inst, object);

	return o == NULL ? FCS_ENOENT : walk(o, range, fn, arg);
}

/* ---- undo ---- */

static bool
is_user(const struct bytes *b, const char *user)
{
	return user == NULL || b->p == NULL
		   ? user == (const char *)b->p
		   : strcmp((const char *)b->p, user) == 0;
}

static int
each_batch(void *src, const char *user,
    int (*fn)(void *arg, const struct undo_batch *), void *arg)
{
	const struct mem_object *o = src;
	int rc = FCS_OK;

	for (size_t i = o->batch_count; i > 0 && rc == FCS_OK; i--) {
		const struct mem_batch *m = &o->batches[i - 1];
		struct undo_batch b = { m->version, m->kind, m->target };

		if (is_user(&m->user, user))
			rc = fn(arg, &b);
	}
	return rc == FCS_ECLOSED ? FCS_OK : rc;
}

static int
each_line(
    void *src, uint64_t after, uint64_t upto, store_history_fn fn, void *arg)
{
	struct store_range r = {
		.after = after, .upto = upto, .limit = UINT32_MAX
	};

	return walk(src, &r, fn, arg);
}

static int
who_wrote(void *src, const char *slot, size_t slot_len, uint64_t *version,
    const char **user)
{
	const struct mem_slot *s = find_slot(src, slot, slot_len);

	*version = s == NULL ? 0 : s->version;
	*user = s == NULL ? NULL : (const char *)s->user.p;
	return FCS_OK;
}

static const struct undo_source source_ops = { each_batch, each_line,
	who_wrote };

static int
mem_undo(struct store *store, const char *inst, const char *object,
    const struct store_undo *what, store_slot_fn fn, void *arg,
    uint64_t *target)
{
	struct mem_object *o = find((struct mem *)store, inst, object);

	*target = 0;
	return o == NULL ? FCS_ENOENT
			 : undo_find(&source_ops, o, what, fn, arg, target);
}

static int
mem_rewind(struct store *store, const char *inst, const char *object,
    uint64_t version, store_slot_fn fn, void *arg)
{
	struct mem_object *o = find((struct mem *)store, inst, object);

	if (o == NULL)
		return FCS_ENOENT;
	if (version < o->since || version > o->version)
		return FCS_ERANGE;
	return undo_rewind(&source_ops, o, version, fn, arg);
}

static int
mem_moment(struct store *store, const char *inst, const char *object,
    int64_t at_ms, uint64_t *version)
{
	struct mem_object *o = find((struct mem *)store, inst, object);

	*version = 0;
	if (o == NULL)
		return FCS_ENOENT;
	for (size_t i = o->batch_count; i > 0; i--) {
		if (o->batches[i - 1].at_ms > at_ms)
			continue;
		*version = o->batches[i - 1].version;
		return FCS_OK;
	}
	return FCS_ERANGE;
}

/* ---- housekeeping ---- */

static int
mem_trim(struct store *store, const char *inst, const char *object,
    uint32_t keep, int64_t before_ms, bool *more)
{
	struct mem_object *o = find((struct mem *)store, inst, object);
	size_t lines = 0; /* that go */
	size_t n = 0;     /* batches that go */

	*more = false;
	if (o == NULL)
		return FCS_ENOENT;
	while (n < o->batch_count &&
	       (o->line_count - lines - o->batches[n].count >= keep ||
		   o->batches[n].at_ms < before_ms)) {
		lines += o->batches[n].count;
		o->since = o->batches[n].version;
		free(o->batches[n++].user.p);
	}
	for (size_t i = 0; i < lines; i++) {
		free(o->lines[i].name.p);
		free(o->lines[i].value.p);
		free(o->lines[i].old.p);
		free(o->lines[i].user.p);
	}
	o->line_count -= lines;
	o->batch_count -= n;
	if (o->line_count > 0)
		memmove(o->lines, o->lines + lines,
		    o->line_count * sizeof(*o->lines));
	if (o->batch_count > 0)
		memmove(o->batches, o->batches + n,
		    o->batch_count * sizeof(*o->batches));
	return FCS_OK;
}

static int
mem_sync(struct store *store, struct err *why)
{
	(void)store;
	(void)why;
	return FCS_OK;
}

static int
mem_purge(struct store *store, const char *inst, const char *object,
    uint64_t version, uint64_t *dropped)
{
	struct mem_object *o = find((struct mem *)store, inst, object);
	size_t n = 0;

	*dropped = 0;
	if (o == NULL)
		return FCS_ENOENT;
	for (size_t i = 0; i < o->slot_count; i++) {
		struct mem_slot *s = &o->slots[i];

		if (s->value.p != NULL || s->version >= version) {
			o->slots[n++] = *s;
			continue;
		}
		free(s->name.p);
		free(s->user.p);
		++*dropped;
	}
	o->slot_count = n;
	if (*dropped > 0 && version - 1 > o->floor)
		o->floor = version - 1;
	return FCS_OK;
}

static int
mem_idle(struct store *store)
{
	(void)store;
	return FCS_OK;
}

static uint64_t
mem_log_bytes(struct store *store)
{
	(void)store;
	return 0;
}

static int
mem_verify(struct store *store, struct err *why)
{
	(void)store;
	(void)why;
	return FCS_OK;
}

static void
mem_close(struct store *store)
{
	struct mem *m = (struct mem *)store;
	struct mem_object *o;

	while ((o = m->objects) != NULL) {
		m->objects = o->next;
		free_object(o);
	}
	free(m);
}

static const struct store_ops ops = {
	.commit = mem_commit,
	.load = mem_load,
	.list = mem_list,
	.history = mem_history,
	.rewind = mem_rewind,
	.moment = mem_moment,
	.undo = mem_undo,
	.trim = mem_trim,
	.purge = mem_purge,
	.sync = mem_sync,
	.idle = mem_idle,
	.log_bytes = mem_log_bytes,
	.verify = mem_verify,
	.close = mem_close,
};

int
sodb_mem_open(struct store **out)
{
	struct mem *m = calloc(1, sizeof(*m));

	*out = NULL;
	if (m == NULL)
		return FCS_ENOMEM;
	m->store.ops = &ops;
	*out = &m->store;
	return FCS_OK;
}
