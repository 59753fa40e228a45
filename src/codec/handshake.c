/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * handshake - simple and digest answers (wire-protocol 1). Some players check
 * a digest only when the first version byte of S1 is 3 or more, so a simple
 * answer carries zeros there and a digest answer does not.
 */
#include "codec/handshake.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define DIGEST_SIZE 32
#define SIGN_AT     (HANDSHAKE_SIZE - DIGEST_SIZE)
#define TEXT_PLAYER 30 /* bytes of key_player that are text */
#define TEXT_SERVER 36

/* clang-format off: constants of the protocol, one row per 16 bytes */
#define KEY_TAIL                                                               \
	0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0,      \
	    0xD1, 0x02, 0x9E, 0x7E, 0x57, 0x6E, 0xEC, 0x5D, 0x2D, 0x29, 0x80,  \
	    0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE
static const uint8_t key_player[TEXT_PLAYER] = { 'G', 'e', 'n', 'u', 'i', 'n',
	'e', ' ', 'A', 'd', 'o', 'b', 'e', ' ', 'F', 'l', 'a', 's', 'h', ' ',
	'P', 'l', 'a', 'y', 'e', 'r', ' ', '0', '0', '1' };
static const uint8_t key_server[TEXT_SERVER + 32] = { 'G', 'e', 'n', 'u', 'i',
	'n', 'e', ' ', 'A', 'd', 'o', 'b', 'e', ' ', 'F', 'l', 'a', 's', 'h',
	' ', 'M', 'e', 'd', 'i', 'a', ' ', 'S', 'e', 'r', 'v', 'e', 'r', ' ',
	'0', '0', '1', KEY_TAIL };
/* clang-format on */

static void
put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static int
hmac(const uint8_t *key, int key_len, const uint8_t *data, size_t len,
    uint8_t out[DIGEST_SIZE])
{
	unsigned n = DIGEST_SIZE;

	return HMAC(EVP_sha256(), key, key_len, data, len, out, &n) == NULL
		   ? FCS_ENOMEM
		   : FCS_OK;
}

/* Where the digest lies when the offset bytes are at base (8 or 772). */
static size_t
digest_at(const uint8_t *p, size_t base)
{
	return (size_t)(p[base] + p[base + 1] + p[base + 2] + p[base + 3]) %
		   728 +
	       base + 4;
}

/* HMAC of a packet without its digest. */
static int
digest_of(const uint8_t *p, size_t at, const uint8_t *key, int key_len,
    uint8_t out[DIGEST_SIZE])
{
	uint8_t rest[SIGN_AT];

	memcpy(rest, p, at);
	memcpy(rest + at, p + at + DIGEST_SIZE, SIGN_AT - at);
	return hmac(key, key_len, rest, sizeof(rest), out);
}

/* The base of the layout in which C1 carries a valid digest, 0 for none. */
static int
find_digest(const uint8_t *c1, size_t *base, uint8_t digest[DIGEST_SIZE])
{
	static const size_t bases[] = { 8, 772 };
	size_t at;
	int rc;

	*base = 0;
	for (unsigned i = 0; i < 2; i++) {
		at = digest_at(c1, bases[i]);
		rc = digest_of(c1, at, key_player, TEXT_PLAYER, digest);
		if (rc != FCS_OK)
			return rc;
		if (CRYPTO_memcmp(digest, c1 + at, DIGEST_SIZE) == 0) {
			*base = bases[i];
			break;
		}
	}
	return FCS_OK;
}

static int
answer_digest(const uint8_t client[DIGEST_SIZE], size_t base,
    const uint8_t *random, uint8_t *s1, uint8_t *s2)
{
	static const uint8_t version[4] = { 3, 5, 7, 7 };
	uint8_t key[DIGEST_SIZE];
	size_t at;
	int rc;

	memcpy(s1 + 4, version, sizeof(version));
	at = digest_at(s1, base);
	rc = digest_of(s1, at, key_server, TEXT_SERVER, s1 + at);
	if (rc != FCS_OK)
		return rc;
	memcpy(s2, random, SIGN_AT);
	rc =
	    hmac(key_server, (int)sizeof(key_server), client, DIGEST_SIZE, key);
	if (rc == FCS_OK)
		rc = hmac(key, DIGEST_SIZE, s2, SIGN_AT, s2 + SIGN_AT);
	return rc;
}

int
handshake_answer(const uint8_t c0c1[HANDSHAKE_C0C1], uint32_t now_ms,
    const uint8_t *random, uint8_t s0s1s2[HANDSHAKE_S0S1S2],
    enum handshake_kind *kind)
{
	const uint8_t *c1 = c0c1 + 1;
	uint8_t *s1 = s0s1s2 + 1, *s2 = s1 + HANDSHAKE_SIZE;
	uint8_t digest[DIGEST_SIZE];
	size_t base = 0;
	int rc;

	if (c0c1[0] == 6 || c0c1[0] == 8 || c0c1[0] == 9)
		return FCS_EREJECT;
	if (c0c1[0] != 3)
		return FCS_EFORMAT;
	if ((c1[4] | c1[5] | c1[6] | c1[7]) != 0) {
		rc = find_digest(c1, &base, digest);
		if (rc != FCS_OK)
			return rc;
	}
	s0s1s2[0] = 3;
	memcpy(s1, random, HANDSHAKE_SIZE);
	put32(s1, now_ms);
	if (base != 0) {
		*kind = HANDSHAKE_DIGEST;
		return answer_digest(
		    digest, base, random + HANDSHAKE_SIZE, s1, s2);
	}
	*kind = HANDSHAKE_SIMPLE;
	put32(s1 + 4, 0);
	memcpy(s2, c1, HANDSHAKE_SIZE);
	return FCS_OK;
}

void
handshake_hello(
    uint32_t now_ms, const uint8_t *random, uint8_t c0c1[HANDSHAKE_C0C1])
{
	c0c1[0] = 3;
	memcpy(c0c1 + 1, random, HANDSHAKE_SIZE);
	put32(c0c1 + 1, now_ms);
	put32(c0c1 + 5, 0);
}

void
handshake_finish(const uint8_t s1[HANDSHAKE_SIZE], uint32_t now_ms,
    uint8_t c2[HANDSHAKE_SIZE])
{
	memcpy(c2, s1, HANDSHAKE_SIZE);
	put32(c2 + 4, now_ms);
}
