/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * amf0 - AMF0 bytes <-> values. Layer: codec (2). wire-protocol.md 6.1.
 *
 * Pure. A reader carries the reference table of one message: use one
 * amf0_reader per message and read its values in order. Limits: depth
 * VALUE_DEPTH_MAX, VALUE_ELEMENTS_MAX values, the arena's bytes; counts on the
 * wire are checked against the remaining bytes before anything is allocated.
 */
#ifndef CODEC_AMF0_H
#define CODEC_AMF0_H

#include "codec/value.h"

struct amf0_reader {
	struct arena *arena;
	const uint8_t *data;
	size_t len, pos;
	uint32_t elements;     /* read so far, all values of the message */
	uint32_t elements_max; /* VALUE_ELEMENTS_MAX; for files the owner's */
	struct value **refs;   /* private from here on */
	uint32_t ref_count, ref_cap;
};

void amf0_reader_init(
    struct amf0_reader *, struct arena *, const uint8_t *data, size_t len);
/* Give v, which is not in the input, the next reference index. FCS_ENOMEM. */
int amf0_reader_add(struct amf0_reader *, struct value *v) FCS_MUSTUSE;
bool amf0_reader_at_end(const struct amf0_reader *);
/*
 * Read the next value. FCS_ESHORT input ends inside it; FCS_EFORMAT bad
 * marker, reference out of range, bad AMF3; FCS_EDEPTH nested too deep;
 * FCS_ELIMIT too many elements; FCS_ENOMEM arena. After an error the reader is
 * spent; *out is untouched. An ECMA array that ends with the input instead of
 * 00 00 09 is accepted.
 */
int amf0_read(struct amf0_reader *, struct value **out) FCS_MUSTUSE;

/*
 * How to write what AMF0 lacks or what belongs to AMF3 (script-api.md 9.2):
 * AMF0_PLAIN     for clients without AMF3: integers as numbers, vectors as
 *                strict arrays, byte arrays and dictionaries as unsupported
 *                (0x0D), the rest in AMF0's own form
 * AMF0_AVMPLUS   the same, but byte arrays and dictionaries as 0x11 + AMF3
 * AMF0_SWITCHED  for objectEncoding 3: objects, arrays and whatever is AMF3's
 *                own as 0x11 + AMF3, the other scalars as AMF0
 * AMF0_CANONICAL each part in the form it came in: value_pack
 */
enum amf0_mode {
	AMF0_PLAIN,
	AMF0_AVMPLUS,
	AMF0_SWITCHED,
	AMF0_CANONICAL
};

struct amf0_ref; /* private */
/* One writer per message: it keeps the reference table (identity of nodes). */
struct amf0_writer {
	struct buf *out;
	enum amf0_mode mode;
	struct amf0_ref *refs; /* open hash, cap is a power of two */
	uint32_t ref_count, ref_cap;
	size_t start; /* where this value began */
};
void amf0_writer_init(struct amf0_writer *, struct buf *out, enum amf0_mode);
void amf0_writer_fini(struct amf0_writer *);
/* As amf0_reader_add: v is known as the next reference and not written. */
int amf0_writer_add(struct amf0_writer *, const struct value *v) FCS_MUSTUSE;
/* FCS_EDEPTH; FCS_ELIMIT a key over 65535 bytes, a reference past the u16
 * table, over VALUE_TEXT_MAX bytes; FCS_EUNSUPPORTED no such form (an AMF3
 * array with an empty key); FCS_ENOMEM. On error out is cut back to where this
 * value began and the writer is spent. */
int amf0_write(struct amf0_writer *, const struct value *) FCS_MUSTUSE;

/* Single pieces, for commands and shared objects: appended to buf, whose
 * sticky error says ENOMEM. */
void amf0_put_number(struct buf *, double);
void amf0_put_bool(struct buf *, bool);
void amf0_put_null(struct buf *);
void amf0_put_string(struct buf *, const char *, size_t len);
/* u16 length + bytes, no marker; over 65535 bytes: out's sticky FCS_ELIMIT. */
void amf0_put_utf8(struct buf *, const char *, size_t len);

#endif
