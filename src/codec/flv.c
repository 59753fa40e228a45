/* SPDX-License-Identifier: BSD-2-Clause */
/* flv - file header and tags. The reader believes nothing but the bytes it was
 * given: whether size fits the file is the caller's to check. */
#include "codec/flv.h"

#include "codec/message.h"

int
flv_read_header(const uint8_t *data, size_t len, uint32_t *data_at,
    bool *has_audio, bool *has_video)
{
	uint32_t size;

	if (len < FLV_HEADER_SIZE || data[0] != 'F' || data[1] != 'L' ||
	    data[2] != 'V' || data[3] != 1)
		return FCS_EFORMAT;
	size = (uint32_t)data[5] << 24 | (uint32_t)data[6] << 16 |
	       (uint32_t)data[7] << 8 | data[8];
	if (size < 9 || size > FLV_HEADER_DECLARED_MAX)
		return FCS_EFORMAT;
	*data_at = size + FLV_TAG_TRAILER;
	*has_audio = (data[4] & 4) != 0;
	*has_video = (data[4] & 1) != 0;
	return FCS_OK;
}

void
flv_write_header(struct buf *out, bool has_audio, bool has_video)
{
	buf_append(out, "FLV\1", 4);
	buf_u8(out, (has_audio ? 4u : 0u) | (has_video ? 1u : 0u));
	buf_be32(out, 9);
	buf_be32(out, 0);
}

int
flv_read_tag(const uint8_t *data, struct flv_tag *out)
{
	out->type = data[0] & 0x1f;
	out->filtered = (data[0] & 0x20) != 0;
	out->size = (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
	out->ts_ms = (uint32_t)data[7] << 24 | (uint32_t)data[4] << 16 |
		     (uint32_t)data[5] << 8 | data[6];
	switch (out->type) {
	case MESSAGE_AUDIO:
	case MESSAGE_VIDEO:
	case MESSAGE_DATA:
	case MESSAGE_DATA_AMF3:
		return (data[0] & 0xc0) == 0 ? FCS_OK : FCS_EFORMAT;
	default:
		return FCS_EFORMAT;
	}
}

void
flv_encode_tag(uint8_t *dst, uint8_t type, uint32_t ts_ms,
    const uint8_t *payload, size_t len)
{
	uint32_t back = FLV_TAG_HEADER + (uint32_t)len;

	fcs_assert(len <= FLV_TAG_SIZE_MAX);
	dst[0] = type;
	dst[1] = (uint8_t)(len >> 16);
	dst[2] = (uint8_t)(len >> 8);
	dst[3] = (uint8_t)len;
	dst[4] = (uint8_t)(ts_ms >> 16);
	dst[5] = (uint8_t)(ts_ms >> 8);
	dst[6] = (uint8_t)ts_ms;
	dst[7] = (uint8_t)(ts_ms >> 24);
	memset(dst + 8, 0, 3);
	if (len > 0)
		memcpy(dst + FLV_TAG_HEADER, payload, len);
	dst += FLV_TAG_HEADER + len;
	dst[0] = (uint8_t)(back >> 24);
	dst[1] = (uint8_t)(back >> 16);
	dst[2] = (uint8_t)(back >> 8);
	dst[3] = (uint8_t)back;
}

void
flv_write_tag(struct buf *out, uint8_t type, uint32_t ts_ms,
    const uint8_t *payload, size_t len)
{
	size_t n = FLV_TAG_HEADER + len + FLV_TAG_TRAILER;
	uint8_t *dst;

	if (len > FLV_TAG_SIZE_MAX) {
		if (out->err == FCS_OK)
			out->err = FCS_ELIMIT;
		return;
	}
	dst = buf_reserve(out, n);
	if (dst == NULL)
		return;
	flv_encode_tag(dst, type, ts_ms, payload, len);
	buf_commit(out, n);
}
