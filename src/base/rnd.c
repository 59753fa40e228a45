/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/rnd.h"

#include <errno.h>
#include <sys/random.h>

void
rnd_bytes(void *p, size_t n)
{
	uint8_t *to = p;
	ssize_t got;

	while (n > 0) {
		got = getrandom(to, n, 0);
		if (got < 0) {
			fcs_assert(errno == EINTR);
			continue;
		}
		to += got;
		n -= (size_t)got;
	}
}

uint32_t
rnd_u32(void)
{
	uint32_t v;

	rnd_bytes(&v, sizeof(v));
	return v;
}

uint64_t
rnd_u64(void)
{
	uint64_t v;

	rnd_bytes(&v, sizeof(v));
	return v;
}

uint32_t
rnd_below(uint32_t n)
{
	uint32_t v;
	uint32_t skip;

	fcs_assert(n > 0);
	skip =
	    -n % n; /* 2^32 mod n: so many values would favour the low ones */
	do
		v = rnd_u32();
	while (v < skip);
	return v % n;
}

void
rnd_text(char *out, size_t n)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < n; i++)
		out[i] = set[rnd_below(sizeof(set) - 1)];
	out[n] = '\0';
}
