/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vec - helpers of the codec tests: hex to values and back, every truncation,
 * every flipped byte. Used by: tests/unit/codec only.
 */
#ifndef TESTS_UNIT_CODEC_VEC_H
#define TESTS_UNIT_CODEC_VEC_H

#include "codec/amf0.h"
#include "codec/message.h"
#include "codec/value.h"
#include "tests/lib/unit.h"

#define VEC_ARENA (16u << 20)

/* Memory the whole case borrows from: in reach till it ends, so that nobody
 * takes it for lost. Returns p. */
static inline void *
vec_keep(void *p)
{
	static struct {
		void *p;
		void *next;
	} * kept;
	void *head = kept;

	kept = malloc(sizeof(*kept));
	ck_assert_ptr_nonnull(kept);
	kept->p = p;
	kept->next = head;
	return p;
}

/* Bytes of buf must be those of hex. */
static inline void
vec_is(const struct buf *b, const char *hex)
{
	size_t len, n = buf_len(b);
	uint8_t *want = unit_hex(hex, &len);
	char text[4096] = "";

	for (size_t i = 0; i < n && i < sizeof(text) / 2 - 1; i++)
		snprintf(text + 2 * i, 3, "%02x", buf_data(b)[i]);
	ck_assert_int_eq(buf_status(b), FCS_OK);
	ck_assert_msg(n == len && memcmp(buf_data(b), want, len) == 0,
	    "got %zu bytes %s, want %s", n, text, hex);
	free(want);
}

/* One AMF0 value that fills hex; FCS_E* otherwise. */
static inline int
vec_read(struct arena *a, const char *hex, struct value **out)
{
	size_t len;
	uint8_t *data = unit_hex(hex, &len);
	int rc = value_unpack(a, data, len, out);

	free(data);
	return rc;
}

/* hex -> value -> hex, canonical form; returns the value. */
static inline struct value *
vec_both_ways(struct arena *a, const char *hex)
{
	struct value *v = NULL;
	struct buf b;

	ck_assert_msg(vec_read(a, hex, &v) == FCS_OK, "cannot read %s", hex);
	buf_init(&b, 0);
	ck_assert_int_eq(value_pack(&b, v), FCS_OK);
	vec_is(&b, hex);
	buf_fini(&b);
	return v;
}

static inline void
vec_write(struct value *v, enum amf0_mode mode, const char *hex)
{
	struct amf0_writer w;
	struct buf b;

	buf_init(&b, 0);
	amf0_writer_init(&w, &b, mode);
	ck_assert_int_eq(amf0_write(&w, v), FCS_OK);
	vec_is(&b, hex);
	amf0_writer_fini(&w);
	buf_fini(&b);
}

static inline struct message
vec_message(uint8_t type, const uint8_t *data, size_t len)
{
	struct message m = {
		.type = type, .csid = 3, .payload = data, .len = len
	};

	return m;
}

typedef void (*vec_fn)(const uint8_t *data, size_t len);

/* fn on every prefix of data (its memory ends where the prefix ends, for
 * AddressSanitizer), then on data with each byte changed in three ways. */
static inline void
vec_mutations(const uint8_t *data, size_t len, vec_fn fn)
{
	static const uint8_t masks[] = { 0xff, 0x01, 0x80 };

	for (size_t n = 0; n < len; n++) {
		uint8_t *p = malloc(n == 0 ? 1 : n);

		memcpy(p, data, n);
		fn(p, n);
		free(p);
	}
	for (size_t i = 0; i < len; i++)
		for (size_t k = 0; k < sizeof(masks); k++) {
			uint8_t *p = malloc(len);

			memcpy(p, data, len);
			p[i] ^= masks[k];
			fn(p, len);
			free(p);
		}
}

#endif
