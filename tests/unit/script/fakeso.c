/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fakeso - shared objects in memory behind the functions scripts use: slots
 * with versions, transactions that can be undone; nobody subscribes. For the
 * tests of the bindings; what subscribers see is tested with core.
 */
#include "core/sharedobj.h"
#include "tests/lib/unit.h"

#define OBJECTS_MAX 512
#define SLOTS_MAX   128

struct slot {
	char *name;
	size_t name_len;
	uint8_t *value;
	size_t len;
	uint64_t version;
};

struct slots {
	struct slot v[SLOTS_MAX];
	uint32_t count;
	uint64_t version;
};

struct sharedobj {
	struct instance *inst;
	char *name;
	bool persistent, used;
	int depth;
	bool changed, failed;
	struct slots now, before;
	char sent[1024];
};

static struct sharedobj objects[OBJECTS_MAX];

static void
copy(struct slots *to, const struct slots *from)
{
	uint32_t i;

	*to = *from;
	for (i = 0; i < from->count; i++) {
		to->v[i].name = malloc(from->v[i].name_len + 1);
		memcpy(to->v[i].name, from->v[i].name, from->v[i].name_len);
		to->v[i].value = malloc(from->v[i].len + 1);
		memcpy(to->v[i].value, from->v[i].value, from->v[i].len);
	}
}

static void
wipe(struct slots *s)
{
	uint32_t i;

	for (i = 0; i < s->count; i++) {
		free(s->v[i].name);
		free(s->v[i].value);
	}
	s->count = 0;
}

struct sharedobj *
sharedobj_find(struct instance *i, const char *name)
{
	int n;

	for (n = 0; n < OBJECTS_MAX; n++)
		if (objects[n].used && objects[n].inst == i &&
		    strcmp(objects[n].name, name) == 0)
			return &objects[n];
	return NULL;
}

int
sharedobj_open(struct instance *i, const char *name, bool persistent,
    struct sharedobj **out)
{
	struct sharedobj *so = sharedobj_find(i, name);
	int n;

	if (so == NULL) {
		for (n = 0; n < OBJECTS_MAX && objects[n].used; n++)
			;
		if (n == OBJECTS_MAX)
			return FCS_ELIMIT;
		so = &objects[n];
		so->inst = i;
		so->name = strdup(name);
		so->persistent = persistent;
		so->used = true;
	}
	if (so->persistent != persistent)
		return FCS_EINVAL;
	*out = so;
	return FCS_OK;
}

static struct slot *
find(struct sharedobj *so, const char *name, size_t len)
{
	uint32_t i;

	for (i = 0; i < so->now.count; i++)
		if (so->now.v[i].name_len == len &&
		    memcmp(so->now.v[i].name, name, len) == 0)
			return &so->now.v[i];
	return NULL;
}

const uint8_t *
sharedobj_get(struct sharedobj *so, const char *name, size_t len, size_t *out)
{
	struct slot *s = find(so, name, len);

	if (s == NULL)
		return NULL;
	*out = s->len;
	return s->value;
}

void
sharedobj_begin(struct sharedobj *so)
{
	if (so->depth++ == 0) {
		copy(&so->before, &so->now);
		so->changed = so->failed = false;
	}
}

int
sharedobj_end(struct sharedobj *so, bool commit)
{
	so->failed |= !commit;
	if (--so->depth > 0)
		return FCS_OK;
	if (so->failed) {
		wipe(&so->now);
		so->now = so->before;
	} else {
		wipe(&so->before);
		so->now.version += so->changed;
	}
	memset(&so->before, 0, sizeof(so->before));
	return FCS_OK;
}

int
sharedobj_set(struct sharedobj *so, const char *name, size_t name_len,
    const uint8_t *value, size_t len)
{
	struct slot *s = find(so, name, name_len);

	so->changed = true;
	if (so->depth == 0)
		so->now.version++;
	if (value == NULL) {
		if (s == NULL)
			return FCS_OK;
		free(s->name);
		free(s->value);
		memmove(s, s + 1,
		    (size_t)(&so->now.v[--so->now.count] - s) * sizeof(*s));
		return FCS_OK;
	}
	if (s == NULL) {
		if (so->now.count == SLOTS_MAX)
			return FCS_ELIMIT;
		s = &so->now.v[so->now.count++];
		s->name = malloc(name_len + 1);
		memcpy(s->name, name, name_len);
		s->name_len = name_len;
	} else {
		free(s->value);
	}
	s->value = malloc(len + 1);
	memcpy(s->value, value, len);
	s->len = len;
	s->version = so->now.version + (so->depth > 0);
	return FCS_OK;
}

int
sharedobj_clear(struct sharedobj *so)
{
	so->changed = true;
	wipe(&so->now);
	if (so->depth == 0)
		so->now.version++;
	return FCS_OK;
}

int
sharedobj_send(struct sharedobj *so, const uint8_t *body, size_t len)
{
	(void)so;
	ck_assert_uint_gt(len, 3);
	ck_assert_int_eq(body[0], 2); /* a string: the handler's name */
	return FCS_OK;
}

void
sharedobj_close(struct sharedobj *so)
{
	if (so->persistent)
		return;
	wipe(&so->now);
	free(so->name);
	memset(so, 0, sizeof(*so));
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
	return so->now.version;
}

uint32_t
sharedobj_size(const struct sharedobj *so)
{
	return so->now.count;
}

uint32_t
sharedobj_subscribers(const struct sharedobj *so)
{
	(void)so;
	return 0;
}

void
sharedobj_each_slot(struct sharedobj *so,
    void (*fn)(void *, const struct sharedobj_slot *), void *arg)
{
	struct sharedobj_slot s;
	uint32_t i;

	for (i = 0; i < so->now.count; i++) {
		memset(&s, 0, sizeof(s));
		s.name.ptr = so->now.v[i].name;
		s.name.len = (uint32_t)so->now.v[i].name_len;
		s.value = so->now.v[i].value;
		s.len = so->now.v[i].len;
		s.version = so->now.v[i].version;
		fn(arg, &s);
	}
}
