/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * census - how many connections there are, in all and per address, and which
 * worker has them. Layer: gateway (7). DESIGN 1, 8.
 *
 * A connection enters at accept, becomes a client at its connect command, and
 * ends when the worker says so or the worker's channel is gone. A gateway that
 * was restarted begins at zero: the workers keep their clients, the limits
 * count new ones only.
 */
#ifndef GATEWAY_CENSUS_H
#define GATEWAY_CENSUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

struct census;

struct census *census_new(void); /* NULL: no memory */
void census_free(struct census *);

/* Accepted from ip. FCS_ELIMIT too many unfinished from there; FCS_ENOMEM. */
int census_enter(struct census *, const struct limits *, const char *ip,
    uint64_t id) FCS_MUSTUSE;
/* It sent connect. FCS_ELIMIT and which limit. */
int census_connect(struct census *, const struct limits *, uint64_t id,
    enum limits_id *limit) FCS_MUSTUSE;
void census_hand(struct census *, uint64_t id, uint64_t worker);
void census_end(struct census *, uint64_t id); /* unknown: nothing */
void census_end_worker(struct census *, uint64_t worker);

struct census_counts {
	uint32_t unfinished, clients, addresses;
};
void census_counts(const struct census *, struct census_counts *);

#endif
