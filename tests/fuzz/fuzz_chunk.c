/* SPDX-License-Identifier: BSD-2-Clause */
/* However the input is cut, the same messages come out, and the same error. */
#include "base/hash.h"
#include "codec/chunk.h"
#include "codec/flv.h"
#include "tests/fuzz/fuzz.h"

struct sum {
	uint64_t messages, bytes, hash;
};

static int
add(void *arg, const struct message *m)
{
	struct sum *s = arg;
	struct message part;
	uint32_t first = 0;
	size_t pos = 0;
	const uint64_t words[] = { m->type, m->csid, m->msid, m->ts_ms,
		m->len };

	s->messages++;
	s->bytes += m->len;
	s->hash = s->hash * 31 + hash_bytes(words, sizeof(words));
	s->hash = s->hash * 31 + hash_bytes(m->payload, m->len);
	if (m->type == MESSAGE_AGGREGATE)
		while (message_aggregate_next(m, &pos, &first, &part) == FCS_OK)
			FUZZ_CHECK(part.len <= m->len && pos <= m->len);
	return m->type == 42 ? FCS_EREJECT : FCS_OK;
}

/* Feed in pieces of step bytes; the last code. */
static int
feed(const uint8_t *data, size_t len, size_t step, struct sum *s)
{
	static const struct chunk_limits limits = { .max_csids = 64,
		.max_message = 1 << 20,
		.max_media = (16 << 20) - 1,
		.max_control = 64,
		.max_partial = 4 << 20 };
	struct chunk_reader *r = chunk_reader_new(&limits, add, s);
	int rc = FCS_OK;
	size_t used;

	for (size_t at = 0; rc == FCS_OK && at < len; at += step) {
		size_t n = len - at < step ? len - at : step;

		rc = chunk_reader_feed(r, data + at, n, &used, NULL);
		FUZZ_CHECK(used <= n);
		FUZZ_CHECK(rc != FCS_OK || used == n);
		FUZZ_CHECK(chunk_reader_pending(r) <= limits.max_partial);
		FUZZ_CHECK(chunk_reader_get_mem(r) < (32u << 20));
	}
	chunk_reader_free(r);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sum whole = { 0, 0, 0 }, bytes = { 0, 0, 0 },
		   pieces = { 0, 0, 0 };
	int rc = feed(data, len, len + 1, &whole);

	FUZZ_CHECK(feed(data, len, 1, &bytes) == rc);
	FUZZ_CHECK(memcmp(&whole, &bytes, sizeof(whole)) == 0);
	FUZZ_CHECK(feed(data, len, 7, &pieces) == rc);
	FUZZ_CHECK(memcmp(&whole, &pieces, sizeof(whole)) == 0);
	return 0;
}
