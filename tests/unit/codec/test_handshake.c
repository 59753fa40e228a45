/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/handshake.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "tests/unit/codec/vec.h"

static uint8_t c0c1[HANDSHAKE_C0C1], answer[HANDSHAKE_S0S1S2];
static uint8_t rnd[2 * HANDSHAKE_SIZE];

static void
fill(void)
{
	for (size_t i = 0; i < sizeof(rnd); i++)
		rnd[i] = (uint8_t)(i * 31 + 7);
	handshake_hello(0x01020304, rnd + 100, c0c1);
}

static int
ask(enum handshake_kind *kind)
{
	return handshake_answer(c0c1, 0x0a0b0c0d, rnd, answer, kind);
}

UNIT(a_simple_hello_gets_its_echo_and_zeros)
{
	enum handshake_kind kind;

	fill();
	ck_assert_mem_eq(c0c1, "\3\1\2\3\4\0\0\0\0", 9);
	ck_assert_int_eq(ask(&kind), FCS_OK);
	ck_assert_int_eq(kind, HANDSHAKE_SIMPLE);
	ck_assert_mem_eq(answer, "\3\x0a\x0b\x0c\x0d\0\0\0\0", 9);
	ck_assert_mem_eq(answer + 1 + HANDSHAKE_SIZE, c0c1 + 1, HANDSHAKE_SIZE);
	ck_assert_mem_eq(answer + 9, rnd + 8, HANDSHAKE_SIZE - 8);
}

UNIT(a_version_without_digest_is_answered_simply)
{
	enum handshake_kind kind;

	fill();
	c0c1[5] = 9;
	ck_assert_int_eq(ask(&kind), FCS_OK);
	ck_assert_int_eq(kind, HANDSHAKE_SIMPLE);
	ck_assert_mem_eq(answer + 5, "\0\0\0\0", 4);
}

UNIT(other_versions_are_refused)
{
	enum handshake_kind kind;

	fill();
	for (unsigned v = 0; v < 256; v++) {
		c0c1[0] = (uint8_t)v;
		ck_assert_int_eq(ask(&kind), v == 3 ? FCS_OK
					     : v == 6 || v == 8 || v == 9
						 ? FCS_EREJECT
						 : FCS_EFORMAT);
	}
}

/* Independent of the code under test: from the text of the protocol. */
static const char *const player = "Genuine Adobe Flash Player 001";
static const char *const server = "Genuine Adobe Flash Media Server 001";
static const char *const tail_hex =
    "F0 EE C2 4A 80 68 BE E8 2E 00 D0 D1 02 9E 7E 57"
    "6E EC 5D 2D 29 80 6F AB 93 B8 E6 36 CF EB 31 AE";

static void
mac(const void *key, size_t key_len, const uint8_t *data, size_t len,
    uint8_t *out)
{
	unsigned n = 32;

	ck_assert_ptr_nonnull(
	    HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &n));
}

static size_t
where(const uint8_t *p, size_t base)
{
	return (size_t)(p[base] + p[base + 1] + p[base + 2] + p[base + 3]) %
		   728 +
	       base + 4;
}

static void
digest(const uint8_t *p, size_t at, const char *key, uint8_t *out)
{
	uint8_t rest[HANDSHAKE_SIZE - 32];

	memcpy(rest, p, at);
	memcpy(rest + at, p + at + 32, sizeof(rest) - at);
	mac(key, strlen(key), rest, sizeof(rest), out);
}

static void
digest_round(size_t base)
{
	uint8_t *c1 = c0c1 + 1, *s1 = answer + 1, *s2 = s1 + HANDSHAKE_SIZE;
	uint8_t want[32], key[128], sign[32], *tail;
	enum handshake_kind kind;
	size_t at, n;

	fill();
	c1[4] = 9;
	c1[6] = 0x7c;
	at = where(c1, base);
	digest(c1, at, player, c1 + at);
	ck_assert_int_eq(ask(&kind), FCS_OK);
	ck_assert_int_eq(kind, HANDSHAKE_DIGEST);
	ck_assert_uint_ge(s1[4], 3);
	digest(s1, where(s1, base), server, want);
	ck_assert_mem_eq(s1 + where(s1, base), want, 32);
	tail = unit_hex(tail_hex, &n);
	memcpy(key, server, 36);
	memcpy(key + 36, tail, n);
	mac(key, 36 + n, c1 + at, 32, want);
	mac(want, 32, s2, HANDSHAKE_SIZE - 32, sign);
	ck_assert_mem_eq(s2 + HANDSHAKE_SIZE - 32, sign, 32);
	free(tail);
	c1[at] ^= 1; /* one bit off: no digest any more */
	ck_assert_int_eq(ask(&kind), FCS_OK);
	ck_assert_int_eq(kind, HANDSHAKE_SIMPLE);
}

UNIT(a_digest_is_found_in_both_layouts)
{
	digest_round(8);
	digest_round(772);
}

UNIT(digest_offsets_at_their_extremes)
{
	enum handshake_kind kind;
	uint8_t *c1 = c0c1 + 1;
	static const uint8_t bytes[] = { 0, 181, 182, 255 };
	size_t at;

	for (size_t base = 8; base <= 772; base += 764)
		for (int i = 0; i < 4; i++) {
			fill();
			c1[4] = 9;
			memset(c1 + base, bytes[i], 4);
			at = where(c1, base);
			ck_assert_uint_le(at + 32, HANDSHAKE_SIZE);
			digest(c1, at, player, c1 + at);
			ck_assert_int_eq(ask(&kind), FCS_OK);
			ck_assert_int_eq(kind, HANDSHAKE_DIGEST);
		}
}

UNIT(the_client_half_echoes)
{
	uint8_t c2[HANDSHAKE_SIZE];

	fill();
	handshake_finish(rnd, 0x11223344, c2);
	ck_assert_mem_eq(c2, rnd, 4);
	ck_assert_mem_eq(c2 + 4, "\x11\x22\x33\x44", 4);
	ck_assert_mem_eq(c2 + 8, rnd + 8, HANDSHAKE_SIZE - 8);
}

UNIT_MAIN
