/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pace - a token bucket: how many bytes may pass now at a rate of bytes a
 * second. Layer: net (3), pure: the caller tells the time. Owner: whoever it
 * is embedded in. No errors. What passed in t milliseconds is never more than
 * pace_burst() + rate * t / 1000.
 */
#ifndef NET_PACE_H
#define NET_PACE_H

#include <stddef.h>
#include <stdint.h>

struct pace {
	uint64_t rate;   /* bytes a second; 0 = no limit */
	uint64_t tokens; /* bytes * 1000 that may pass */
	uint64_t at_ms;  /* when they were counted */
};

/* Begins with a full bucket; a new rate keeps what is in it. */
void pace_set(struct pace *, uint64_t rate, uint64_t now_ms);
/* Bytes that may pass now; SIZE_MAX without a rate. */
size_t pace_left(struct pace *, uint64_t now_ms);
void pace_take(struct pace *, size_t len); /* no more than are left */
/* Until a part worth a wake-up may pass: 50 ms of the rate, but at least 512
 * bytes. From 1 on. */
uint32_t pace_wait_ms(const struct pace *);
/* What may pass at once after a rest: a quarter of a second, at least 1 KiB. */
uint64_t pace_burst(uint64_t rate);

#endif
