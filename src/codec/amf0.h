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
	struct value **refs;
	uint32_t ref_count, ref_cap, elements;
};

void amf0_reader_init(struct amf0_reader *, struct arena *,
    const uint8_t *data, size_t len);
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
 * How to write values that AMF0 lacks (bytes, dictionary): AMF0_AVMPLUS writes
 * 0x11 and the AMF3 form, AMF0_PLAIN writes vectors as strict arrays and the
 * rest as unsupported (0x0D), script-api.md 9.2.
 */
enum amf0_mode { AMF0_PLAIN, AMF0_AVMPLUS };

/* One writer per message: it keeps the reference table (identity of nodes). */
struct amf0_writer {
	struct buf *out;
	enum amf0_mode mode;
	const struct value **refs;
	uint32_t ref_count, ref_cap;
};
void amf0_writer_init(struct amf0_writer *, struct buf *out, enum amf0_mode);
void amf0_writer_fini(struct amf0_writer *);
/* FCS_EDEPTH, FCS_ELIMIT (u16/u32 counts, too many references), FCS_ENOMEM.
 * On error out is cut back to where this value began. */
int amf0_write(struct amf0_writer *, const struct value *) FCS_MUSTUSE;

/* Single pieces, for commands and shared objects: appended to buf, whose
 * sticky error says ENOMEM. */
void amf0_put_number(struct buf *, double);
void amf0_put_bool(struct buf *, bool);
void amf0_put_null(struct buf *);
void amf0_put_string(struct buf *, const char *, size_t len);

#endif
