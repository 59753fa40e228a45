/* SPDX-License-Identifier: BSD-2-Clause */
/* The first 1537 bytes of a client, zeros where the input ends. */
#include "codec/handshake.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t hello[HANDSHAKE_C0C1], answer[HANDSHAKE_S0S1S2];
	static uint8_t random[2 * HANDSHAKE_SIZE], c2[HANDSHAKE_SIZE];
	enum handshake_kind kind;
	int rc;

	memset(hello, 0, sizeof(hello));
	memcpy(hello, data, len < sizeof(hello) ? len : sizeof(hello));
	memcpy(random, hello, HANDSHAKE_SIZE);
	rc = handshake_answer(hello, 1, random, answer, &kind);
	FUZZ_CHECK((rc == FCS_OK) == (hello[0] == 3));
	if (rc == FCS_OK) {
		FUZZ_CHECK(answer[0] == 3);
		FUZZ_CHECK((answer[5] >= 3) == (kind == HANDSHAKE_DIGEST));
		handshake_finish(answer + 1, 2, c2);
	}
	return 0;
}
