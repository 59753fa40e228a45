/* SPDX-License-Identifier: BSD-2-Clause */
/* pace - see pace.h. Tokens are thousandths of bytes, so that a slow rate is
 * not rounded away by frequent questions. */
#include "net/pace.h"

#define BURST_MIN 1024
#define BURST_OF  4 /* part of a second */
#define WAKE_MIN  512
#define WAKE_OF   20

uint64_t
pace_burst(uint64_t rate)
{
	uint64_t b = rate / BURST_OF;

	return b < BURST_MIN ? BURST_MIN : b;
}

static void
fill(struct pace *p, uint64_t now_ms)
{
	uint64_t most = pace_burst(p->rate) * 1000, past = now_ms - p->at_ms;

	p->at_ms = now_ms;
	/* after 1,024 s it is full at any rate: no overflow below */
	if (past >= 1000 * BURST_MIN || p->tokens + past * p->rate > most)
		p->tokens = most;
	else
		p->tokens += past * p->rate;
}

void
pace_set(struct pace *p, uint64_t rate, uint64_t now_ms)
{
	uint64_t most = pace_burst(rate) * 1000;

	if (p->rate != 0)
		fill(p, now_ms);
	if (p->rate == 0 || p->tokens > most)
		p->tokens = most;
	p->rate = rate;
	p->at_ms = now_ms;
}

size_t
pace_left(struct pace *p, uint64_t now_ms)
{
	if (p->rate == 0)
		return SIZE_MAX;
	fill(p, now_ms);
	return (size_t)(p->tokens / 1000);
}

void
pace_take(struct pace *p, size_t len)
{
	uint64_t n = (uint64_t)len * 1000;

	if (p->rate != 0)
		p->tokens = n < p->tokens ? p->tokens - n : 0;
}

uint32_t
pace_wait_ms(const struct pace *p)
{
	uint64_t want = p->rate / WAKE_OF;

	if (p->rate == 0)
		return 1;
	want = (want < WAKE_MIN ? WAKE_MIN : want) * 1000;
	if (p->tokens >= want)
		return 1;
	return (uint32_t)((want - p->tokens + p->rate - 1) / p->rate);
}
