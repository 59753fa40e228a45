/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * handshake - RTMP handshake packets, both sides. Layer: codec (2), pure but
 * for random bytes given by the caller. wire-protocol.md 1.
 */
#ifndef CODEC_HANDSHAKE_H
#define CODEC_HANDSHAKE_H

#include <stdint.h>

#include "base/err.h"

#define HANDSHAKE_SIZE   1536
#define HANDSHAKE_C0C1   (1 + HANDSHAKE_SIZE)
#define HANDSHAKE_S0S1S2 (1 + 2 * HANDSHAKE_SIZE)

enum handshake_kind {
	HANDSHAKE_SIMPLE,
	HANDSHAKE_DIGEST
};

/*
 * Server: answer C0C1 with S0S1S2 (wire-protocol 1.2: zero version bytes for a
 * simple answer, version >= 3 with a digest). random: 2 * HANDSHAKE_SIZE bytes.
 * FCS_EFORMAT c0 is not 3 (6, 8, 9 = RTMPE: FCS_EREJECT); FCS_ENOMEM.
 */
int handshake_answer(const uint8_t c0c1[HANDSHAKE_C0C1], uint32_t now_ms,
    const uint8_t *random, uint8_t s0s1s2[HANDSHAKE_S0S1S2],
    enum handshake_kind *kind) FCS_MUSTUSE;

/* Client (peers, tests): make C0C1 (simple; random: HANDSHAKE_SIZE bytes), and
 * C2 from S1 (echo with the time it was read). */
void handshake_hello(
    uint32_t now_ms, const uint8_t *random, uint8_t c0c1[HANDSHAKE_C0C1]);
void handshake_finish(const uint8_t s1[HANDSHAKE_SIZE], uint32_t now_ms,
    uint8_t c2[HANDSHAKE_SIZE]);

#endif
