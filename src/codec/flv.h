/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flv - FLV file header and tags <-> bytes. Layer: codec (2), pure.
 * wire-protocol.md 7.1. Headers read from disk are hostile input.
 */
#ifndef CODEC_FLV_H
#define CODEC_FLV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/value.h"

#define FLV_HEADER_SIZE         13 /* with PreviousTagSize0 */
#define FLV_TAG_HEADER          11
#define FLV_TAG_TRAILER         4
#define FLV_TAG_SIZE_MAX        0xFFFFFF
#define FLV_HEADER_DECLARED_MAX 65536 /* a larger header size is no header */

struct flv_tag {
	uint8_t type;  /* 8, 9, 18 (15: AMF3 script data) = message types */
	bool filtered; /* bit 5: encrypted; such tags are skipped */
	uint32_t size; /* bytes of data */
	uint32_t ts_ms;
};

/* data: at least FLV_HEADER_SIZE bytes. *data_at = offset of the first tag
 * (header size field + 4). FCS_EFORMAT not an FLV file. */
int flv_read_header(const uint8_t *data, size_t len, uint32_t *data_at,
    bool *has_audio, bool *has_video) FCS_MUSTUSE;
void flv_write_header(struct buf *out, bool has_audio, bool has_video);
/* data: FLV_TAG_HEADER bytes. FCS_EFORMAT unknown type. */
int flv_read_tag(const uint8_t *data, struct flv_tag *out) FCS_MUSTUSE;
/* Header + payload + PreviousTagSize. len over FLV_TAG_SIZE_MAX: out's sticky
 * FCS_ELIMIT. */
void flv_write_tag(struct buf *out, uint8_t type, uint32_t ts_ms,
    const uint8_t *payload, size_t len);
/* The same into FLV_TAG_HEADER + len + FLV_TAG_TRAILER bytes at dst. */
void flv_encode_tag(uint8_t *dst, uint8_t type, uint32_t ts_ms,
    const uint8_t *payload, size_t len);

#endif
