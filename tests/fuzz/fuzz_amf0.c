/* SPDX-License-Identifier: BSD-2-Clause */
/* What is read can be stored, the stored form is stable, and every client
 * gets something. */
#include "codec/amf0.h"
#include "tests/fuzz/fuzz.h"

static void
check_stored(const struct value *v)
{
	struct arena *a = arena_new(FUZZ_ARENA);
	struct value *back;
	struct buf one, two;

	buf_init(&one, 0);
	buf_init(&two, 0);
	if (value_pack(&one, v) == FCS_OK) {
		FUZZ_CHECK(value_unpack(a, buf_data(&one), buf_len(&one),
			       &back) == FCS_OK);
		FUZZ_CHECK(value_pack(&two, back) == FCS_OK);
		FUZZ_CHECK(buf_len(&one) == buf_len(&two));
		FUZZ_CHECK(
		    memcmp(buf_data(&one), buf_data(&two), buf_len(&one)) == 0);
		fcs_ignore(value_equal(v, back));
	}
	buf_fini(&one);
	buf_fini(&two);
	arena_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum amf0_mode modes[] = { AMF0_PLAIN, AMF0_AVMPLUS,
		AMF0_SWITCHED };
	struct arena *a = arena_new(FUZZ_ARENA);
	struct amf0_reader r;
	struct amf0_writer w;
	struct value *v;
	struct buf b;

	amf0_reader_init(&r, a, data, len);
	while (!amf0_reader_at_end(&r) && amf0_read(&r, &v) == FCS_OK) {
		check_stored(v);
		for (int i = 0; i < 3; i++) {
			buf_init(&b, 0);
			amf0_writer_init(&w, &b, modes[i]);
			if (amf0_write(&w, v) != FCS_OK)
				FUZZ_CHECK(buf_len(&b) == 0);
			amf0_writer_fini(&w);
			buf_fini(&b);
		}
		buf_init(&b, 0);
		fcs_ignore(value_json(&b, v));
		buf_fini(&b);
	}
	FUZZ_CHECK(r.pos <= len);
	arena_free(a);
	return 0;
}
