/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * message - names of message types, and aggregates taken apart. The parts are
 * FLV tags without a file header (wire-protocol 3.3); the last back pointer may
 * be cut off.
 */
#include "codec/message.h"

#include "codec/flv.h"

const char *
message_type_text(uint8_t type)
{
	static const char *const texts[] = {
		[MESSAGE_CHUNK_SIZE] = "chunk-size",
		[MESSAGE_ABORT] = "abort",
		[MESSAGE_ACK] = "ack",
		[MESSAGE_USER_CONTROL] = "user-control",
		[MESSAGE_WINDOW_ACK] = "window-ack",
		[MESSAGE_PEER_BANDWIDTH] = "peer-bandwidth",
		[MESSAGE_AUDIO] = "audio",
		[MESSAGE_VIDEO] = "video",
		[MESSAGE_DATA_AMF3] = "data-amf3",
		[MESSAGE_SO_AMF3] = "so-amf3",
		[MESSAGE_COMMAND_AMF3] = "command-amf3",
		[MESSAGE_DATA] = "data",
		[MESSAGE_SO] = "so",
		[MESSAGE_COMMAND] = "command",
		[MESSAGE_AGGREGATE] = "aggregate",
	};

	if (type >= sizeof(texts) / sizeof(texts[0]) || texts[type] == NULL)
		return "unknown";
	return texts[type];
}

int
message_aggregate_next(const struct message *msg, size_t *pos,
    uint32_t *first_ts, struct message *out)
{
	size_t left = msg->len - *pos;
	const uint8_t *p = msg->payload + *pos;
	uint32_t size, ts;

	if (left == 0)
		return FCS_ENOENT;
	if (left < FLV_TAG_HEADER)
		return FCS_EFORMAT;
	size = (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	ts = (uint32_t)p[7] << 24 | (uint32_t)p[4] << 16 | (uint32_t)p[5] << 8 |
	     p[6];
	if (size > left - FLV_TAG_HEADER)
		return FCS_EFORMAT;
	if (*pos == 0)
		*first_ts = ts;
	*out = *msg;
	out->type = p[0] & 0x1f;
	out->ts_ms = msg->ts_ms + (ts - *first_ts);
	out->payload = p + FLV_TAG_HEADER;
	out->len = size;
	left -= FLV_TAG_HEADER + size;
	*pos += FLV_TAG_HEADER + size +
		(left < FLV_TAG_TRAILER ? left : FLV_TAG_TRAILER);
	return FCS_OK;
}
