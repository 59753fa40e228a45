/* SPDX-License-Identifier: BSD-2-Clause */
/* census - see census.h. Two hash tables: by address, by connection. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "gateway/census.h"

struct address {
	char ip[INET6_ADDRSTRLEN];
	uint32_t unfinished, clients;
	UT_hash_handle hh;
};

struct person {
	uint64_t id, worker;
	struct address *from;
	bool is_client;
	UT_hash_handle hh;
};

struct census {
	struct address *addresses;
	struct person *persons;
	struct census_counts counts;
};

struct census *
census_new(void)
{
	return calloc(1, sizeof(struct census));
}

static void
forget(struct census *c, struct person *p)
{
	struct address *a = p->from;

	if (p->is_client) {
		a->clients--;
		c->counts.clients--;
	} else {
		a->unfinished--;
		c->counts.unfinished--;
	}
	HASH_DEL(c->persons, p);
	free(p);
	if (a->clients == 0 && a->unfinished == 0) {
		HASH_DEL(c->addresses, a);
		free(a);
		c->counts.addresses--;
	}
}

void
census_free(struct census *c)
{
	struct person *p, *next;

	if (c == NULL)
		return;
	HASH_ITER(hh, c->persons, p, next)
	forget(c, p);
	free(c);
}

static struct address *
address_of(struct census *c, const char *ip)
{
	struct address *a;
	size_t n = strnlen(ip, INET6_ADDRSTRLEN - 1);

	HASH_FIND(hh, c->addresses, ip, n, a);
	if (a != NULL)
		return a;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return NULL;
	memcpy(a->ip, ip, n);
	HASH_ADD_KEYPTR(hh, c->addresses, a->ip, n, a);
	if (!hash_added(a)) {
		free(a);
		return NULL;
	}
	c->counts.addresses++;
	return a;
}

int
census_enter(
    struct census *c, const struct limits *lim, const char *ip, uint64_t id)
{
	struct address *a = address_of(c, ip);
	struct person *p;

	if (a == NULL)
		return FCS_ENOMEM;
	if (a->unfinished >= limits_get(lim, LIMIT_HANDSHAKES_PER_ADDRESS)) {
		limits_refuse(LIMIT_HANDSHAKES_PER_ADDRESS);
		return FCS_ELIMIT;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return FCS_ENOMEM;
	p->id = id;
	p->from = a;
	HASH_ADD(hh, c->persons, id, sizeof(p->id), p);
	if (!hash_added(p)) {
		free(p);
		return FCS_ENOMEM;
	}
	a->unfinished++;
	c->counts.unfinished++;
	return FCS_OK;
}

static struct person *
person_of(struct census *c, uint64_t id)
{
	struct person *p;

	HASH_FIND(hh, c->persons, &id, sizeof(id), p);
	return p;
}

int
census_connect(struct census *c, const struct limits *lim, uint64_t id,
    enum limits_id *limit)
{
	struct person *p = person_of(c, id);

	if (p == NULL || p->is_client)
		return FCS_OK;
	if (c->counts.clients >= limits_get(lim, LIMIT_CLIENTS))
		*limit = LIMIT_CLIENTS;
	else if (p->from->clients >= limits_get(lim, LIMIT_CLIENTS_PER_ADDRESS))
		*limit = LIMIT_CLIENTS_PER_ADDRESS;
	else {
		p->is_client = true;
		p->from->unfinished--;
		p->from->clients++;
		c->counts.unfinished--;
		c->counts.clients++;
		return FCS_OK;
	}
	limits_refuse(*limit);
	return FCS_ELIMIT;
}

void
census_hand(struct census *c, uint64_t id, uint64_t worker)
{
	struct person *p = person_of(c, id);

	if (p != NULL)
		p->worker = worker;
}

void
census_end(struct census *c, uint64_t id)
{
	struct person *p = person_of(c, id);

	if (p != NULL)
		forget(c, p);
}

void
census_end_worker(struct census *c, uint64_t worker)
{
	struct person *p, *next;

	HASH_ITER(hh, c->persons, p, next)
	if (p->worker == worker)
		forget(c, p);
}

void
census_counts(const struct census *c, struct census_counts *out)
{
	*out = c->counts;
}
