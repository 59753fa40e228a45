/* SPDX-License-Identifier: BSD-2-Clause */
/* A file that was read is written, and the written form is stable. */
#include "codec/sol.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new(FUZZ_ARENA);
	struct buf one, two;
	struct sol s, back;

	buf_init(&one, 0);
	buf_init(&two, 0);
	if (sol_read(a, data, len, &s) == FCS_OK &&
	    sol_write(&one, &s) == FCS_OK) {
		FUZZ_CHECK(sol_read(a, buf_data(&one), buf_len(&one), &back) ==
			   FCS_OK);
		FUZZ_CHECK(sol_write(&two, &back) == FCS_OK);
		FUZZ_CHECK(buf_len(&one) == buf_len(&two));
		FUZZ_CHECK(
		    memcmp(buf_data(&one), buf_data(&two), buf_len(&one)) == 0);
	}
	buf_fini(&one);
	buf_fini(&two);
	arena_free(a);
	return 0;
}
