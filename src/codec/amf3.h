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

#endif
