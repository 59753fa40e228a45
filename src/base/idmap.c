/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An array of slots with a free list through it. Freed slots are used again
 * last in, first out, and their generation grows by one each time.
 */
#include "base/idmap.h"

#include <stdlib.h>

struct slot {
	void *ptr;           /* NULL: free */
	uint32_t generation; /* of the entry in it, or of the next one */
	uint32_t next_free;  /* slot number, 0: end of list */
};

struct idmap {
	struct slot *slots; /* slot number - 1 */
	uint32_t cap;
	uint32_t used; /* slots ever used */
	uint32_t count;
	uint32_t max;
	uint32_t free_head;
};

struct idmap *
idmap_new(uint32_t max)
{
	struct idmap *m = calloc(1, sizeof(*m));

	if (m != NULL)
		m->max = max != 0 && max < 1u << 31 ? max : 1u << 31;
	return m;
}

void
idmap_free(struct idmap *m)
{
	if (m == NULL)
		return;
	free(m->slots);
	free(m);
}

int
idmap_add(struct idmap *m, void *ptr, uint64_t *out_id)
{
	uint32_t n;
	struct slot *s;

	fcs_assert(ptr != NULL);
	if (m->count >= m->max)
		return FCS_ELIMIT;
	n = m->free_head;
	if (n == 0) {
		if (m->used == m->cap) {
			uint32_t cap = m->cap == 0 ? 16 : m->cap * 2;

			s = reallocarray(m->slots, cap, sizeof(*s));
			if (s == NULL)
				return FCS_ENOMEM;
			m->slots = s;
			m->cap = cap;
		}
		n = ++m->used;
		s = &m->slots[n - 1];
		s->generation = 1;
	} else {
		s = &m->slots[n - 1];
		m->free_head = s->next_free;
	}
	s->ptr = ptr;
	s->next_free = 0;
	m->count++;
	*out_id = (uint64_t)s->generation << 32 | n;
	return FCS_OK;
}

static struct slot *
find(const struct idmap *m, uint64_t id)
{
	uint32_t n = (uint32_t)id;
	struct slot *s;

	if (n == 0 || n > m->used)
		return NULL;
	s = &m->slots[n - 1];
	if (s->ptr == NULL || s->generation != (uint32_t)(id >> 32))
		return NULL;
	return s;
}

void *
idmap_get(const struct idmap *m, uint64_t id)
{
	struct slot *s = find(m, id);

	return s != NULL ? s->ptr : NULL;
}

void *
idmap_del(struct idmap *m, uint64_t id)
{
	struct slot *s = find(m, id);
	void *ptr;

	if (s == NULL)
		return NULL;
	ptr = s->ptr;
	s->ptr = NULL;
	s->generation++;
	m->count--;
	/* a slot whose generations are used up is never used again */
	if (s->generation != 0) {
		s->next_free = m->free_head;
		m->free_head = (uint32_t)id;
	}
	return ptr;
}

uint32_t
idmap_count(const struct idmap *m)
{
	return m->count;
}

void *
idmap_next(const struct idmap *m, uint64_t id, uint64_t *out_id)
{
	for (uint32_t n = (uint32_t)id; n < m->used; n++) {
		const struct slot *s = &m->slots[n];

		if (s->ptr != NULL) {
			*out_id = (uint64_t)s->generation << 32 | (n + 1);
			return s->ptr;
		}
	}
	*out_id = 0;
	return NULL;
}

size_t
idmap_get_mem(const struct idmap *m)
{
	return sizeof(*m) + m->cap * sizeof(*m->slots);
}
