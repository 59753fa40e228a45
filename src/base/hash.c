/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/hash.h"

#include <pthread.h>
#include <string.h>

#include "base/rnd.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t seed[2];

static void
make_seed(void)
{
	rnd_bytes(seed, sizeof(seed));
}

uint32_t
hash_seed(void)
{
	pthread_once(&once, make_seed);
	return (uint32_t)seed[0];
}

static uint64_t
rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* SipHash-1-3: keyed, so that a peer cannot prepare colliding names. */
unsigned
hash_bytes(const void *p, size_t n)
{
	const uint8_t *s = p;
	uint64_t v[4];
	uint64_t m;
	uint64_t tail = (uint64_t)n << 56;

	(void)hash_seed();
	v[0] = seed[0] ^ 0x736f6d6570736575u;
	v[1] = seed[1] ^ 0x646f72616e646f6du;
	v[2] = seed[0] ^ 0x6c7967656e657261u;
	v[3] = seed[1] ^ 0x7465646279746573u;
	for (; n >= 8; n -= 8, s += 8) {
		memcpy(&m, s, 8);
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	for (size_t i = 0; i < n; i++)
		tail |= (uint64_t)s[i] << 8 * i;
	v[3] ^= tail;
	sip_round(v);
	v[0] ^= tail;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return (unsigned)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}
