/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * message - RTMP message and user-control constants, and one whole message as
 * it leaves the chunk reader. Layer: codec (2). wire-protocol.md 3.
 */
#ifndef CODEC_MESSAGE_H
#define CODEC_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum message_type {
	MESSAGE_CHUNK_SIZE = 1,
	MESSAGE_ABORT = 2,
	MESSAGE_ACK = 3,
	MESSAGE_USER_CONTROL = 4,
	MESSAGE_WINDOW_ACK = 5,
	MESSAGE_PEER_BANDWIDTH = 6,
	MESSAGE_AUDIO = 8,
	MESSAGE_VIDEO = 9,
	MESSAGE_DATA_AMF3 = 15,
	MESSAGE_SO_AMF3 = 16,
	MESSAGE_COMMAND_AMF3 = 17,
	MESSAGE_DATA = 18,
	MESSAGE_SO = 19,
	MESSAGE_COMMAND = 20,
	MESSAGE_AGGREGATE = 22
};

enum message_event { /* user control */
	MESSAGE_EV_STREAM_BEGIN = 0,
	MESSAGE_EV_STREAM_EOF = 1,
	MESSAGE_EV_STREAM_DRY = 2,
	MESSAGE_EV_BUFFER_LENGTH = 3,
	MESSAGE_EV_IS_RECORDED = 4,
	MESSAGE_EV_PING = 6,
	MESSAGE_EV_PONG = 7,
	MESSAGE_EV_SWF_REQUEST = 26,
	MESSAGE_EV_SWF_RESPONSE = 27,
	MESSAGE_EV_BUFFER_EMPTY = 31,
	MESSAGE_EV_BUFFER_READY = 32
};

/* A whole message. payload is borrowed from the reader until the callback
 * that got it returns. */
struct message {
	uint8_t type;
	uint32_t csid;
	uint32_t msid;
	uint32_t ts_ms;
	const uint8_t *payload;
	size_t len;
};

const char *message_type_text(uint8_t type); /* "video", "unknown" */

/* Sub-messages may be of any type; an aggregate inside one is the caller's to
 * refuse. The sub-messages of an aggregate (wire-protocol 3.3), timestamps rebased.
 * *pos starts at 0. FCS_OK and *out filled (payload borrowed from msg);
 * FCS_ENOENT at the end; FCS_EFORMAT a size that does not fit. */
int message_aggregate_next(const struct message *msg, size_t *pos,
    uint32_t *first_ts, struct message *out) FCS_MUSTUSE;

#endif
