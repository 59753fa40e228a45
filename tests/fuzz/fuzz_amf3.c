/* SPDX-License-Identifier: BSD-2-Clause */
/* What is read can be written; what was written is written the same again. */
#include "codec/amf3.h"
#include "tests/fuzz/fuzz.h"

static void
check_again(const struct value *v)
{
	struct arena *a = arena_new(FUZZ_ARENA);
	uint32_t elements = 0;
	struct value *back;
	struct buf one, two;
	size_t pos = 0;

	buf_init(&one, 0);
	buf_init(&two, 0);
	if (amf3_write(&one, v) == FCS_OK) {
		FUZZ_CHECK(amf3_read(a, buf_data(&one), buf_len(&one), &pos,
			       &elements, 0, &back) == FCS_OK);
		FUZZ_CHECK(pos == buf_len(&one));
		FUZZ_CHECK(amf3_write(&two, back) == FCS_OK);
		FUZZ_CHECK(buf_len(&one) == buf_len(&two));
		FUZZ_CHECK(
		    memcmp(buf_data(&one), buf_data(&two), buf_len(&one)) == 0);
	}
	buf_fini(&one);
	buf_fini(&two);
	arena_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new(FUZZ_ARENA);
	uint32_t elements = 0;
	struct value *v;
	struct buf b;
	size_t pos = 0;

	while (pos < len &&
	       amf3_read(a, data, len, &pos, &elements, 0, &v) == FCS_OK) {
		FUZZ_CHECK(pos <= len);
		check_again(v);
		buf_init(&b, 0);
		fcs_ignore(value_pack(&b, v));
		fcs_ignore(value_json(&b, v));
		buf_fini(&b);
	}
	arena_free(a);
	return 0;
}
