/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * amf3 - AMF3 bytes <-> values. Layer: codec (2). wire-protocol.md 6.2.
 *
 * Each call reads or writes ONE value with fresh string, object and trait
 * tables (the rule for values behind the 0x11 marker, wire-protocol 4.4).
 * Known externalizables: flex.messaging.io.ArrayCollection, .ArrayList and
 * .ObjectProxy; any other: FCS_EFORMAT.
 */
#ifndef CODEC_AMF3_H
#define CODEC_AMF3_H

#include "codec/value.h"

/* Reads from data[*pos..len), advances *pos. Same errors as amf0_read;
 * *elements is the running count of the message. */
int amf3_read(struct arena *, const uint8_t *data, size_t len, size_t *pos,
    uint32_t *elements, unsigned depth, struct value **out) FCS_MUSTUSE;
/* Same errors as amf0_write. NUMBER holding an integer of 29 bits is written
 * as integer unless v->amf3 (then it came as a double and stays one). */
int amf3_write(struct buf *out, const struct value *v) FCS_MUSTUSE;

#define AMF3_TABLE_MAX 65536 /* strings, objects, traits: entries each */

/*
 * Several values that share their tables (a .sol file is such a sequence).
 * The arena holds tables and values; data is borrowed while reading.
 */
struct amf3_traits; /* private */
struct amf3_reader {
	struct arena *arena;
	const uint8_t *data;
	size_t len, pos;
	uint32_t elements, elements_max;
	struct value_str *strings;
	struct value **objects;
	struct amf3_traits **traits;
	uint32_t string_count, string_cap;
	uint32_t object_count, object_cap;
	uint32_t trait_count, trait_cap;
};
void amf3_reader_init(
    struct amf3_reader *, struct arena *, const uint8_t *data, size_t len);
/* depth: levels already used above this value. */
int amf3_reader_value(
    struct amf3_reader *, unsigned depth, struct value **out) FCS_MUSTUSE;
int amf3_reader_string(struct amf3_reader *, struct value_str *out) FCS_MUSTUSE;

struct amf3_writer;                                   /* opaque */
struct amf3_writer *amf3_writer_new(struct buf *out); /* NULL: no memory */
void amf3_writer_free(struct amf3_writer *);          /* NULL is allowed */
/* Errors as amf3_write; after one the writer is spent. */
int amf3_writer_value(struct amf3_writer *, const struct value *) FCS_MUSTUSE;
int amf3_writer_string(struct amf3_writer *, struct value_str) FCS_MUSTUSE;

#endif
