/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * somsg - shared object messages (types 19 and 16). Layer: codec (2).
 * wire-protocol.md 4.1, 4.2, 4.4; golden bytes 4.5 and real-clients.md 4.
 *
 * Values stay bytes here: packed = one value in the form it had on the wire
 * (AMF0, or 0x11 + AMF3), checked to be well formed.
 */
#ifndef CODEC_SOMSG_H
#define CODEC_SOMSG_H

#include "codec/message.h"
#include "codec/value.h"

/* Of one message of an owner, which may hold a whole object; what a client may
 * send is limits.so_events. */
#define SOMSG_EVENTS_MAX 65536

enum somsg_type {
	SOMSG_USE = 1,
	SOMSG_RELEASE = 2,
	SOMSG_REQUEST_CHANGE = 3,
	SOMSG_CHANGE = 4,
	SOMSG_SUCCESS = 5,
	SOMSG_SEND = 6,
	SOMSG_STATUS = 7,
	SOMSG_CLEAR = 8,
	SOMSG_REMOVE = 9,
	SOMSG_REQUEST_REMOVE = 10,
	SOMSG_USE_SUCCESS = 11,
	SOMSG_SLOT_VERSION = 12, /* skipped */
	SOMSG_ACCEPTED = 13,     /* key and value: success, to a proxy */
	SOMSG_REQUEST_CLEAR = 14
};

#define SOMSG_FLAG_PERSISTENT 2u
/* Between two servers (real-clients.md 4): in all that a proxy sends and gets;
 * the second one besides when its use is answered. */
#define SOMSG_FLAG_PROXIED  16u
#define SOMSG_FLAG_ANSWERED 32u

struct somsg_event {
	enum somsg_type type;
	struct value_str key;   /* 3 4 5 9 10 13; 7: code */
	struct value_str level; /* 7 */
	/* 3, 4, 13: the packed value. 6: the whole body (handler name with its
	 * marker, then values), relayed as it is. */
	const uint8_t *data;
	size_t len;
};

struct somsg {
	struct value_str name;
	uint32_t version, flags;
	struct somsg_event *events; /* 3 and 4 with several pairs: split up */
	uint32_t event_count;
};

/* Everything borrowed from msg or allocated in the arena. Unknown event types
 * are skipped by length, bodies of 1, 2, 8, 11, 14 ignored. FCS_EFORMAT,
 * FCS_ESHORT (truncated), FCS_ELIMIT, errors of amf0_read for values. */
int somsg_read(
    struct arena *, const struct message *msg, struct somsg *out) FCS_MUSTUSE;

/* Writing: header, then events; type 16 adds the leading 0x00. Sticky ENOMEM
 * in out. The event writers convert nothing: give them bytes made by
 * somsg_value for the receiver. */
void somsg_begin(struct buf *out, bool amf3, const char *name, size_t name_len,
    uint32_t version, uint32_t flags);
void somsg_put(struct buf *out, enum somsg_type); /* empty body */
void somsg_put_key(
    struct buf *out, enum somsg_type, const char *key, size_t key_len);
void somsg_put_change(struct buf *out, enum somsg_type, const char *key,
    size_t key_len, const uint8_t *value, size_t len);
void somsg_put_send(struct buf *out, const uint8_t *body, size_t len);
void somsg_put_status(struct buf *out, const char *code, const char *level);

/* One packed value for a receiver: amf3 = objectEncoding 3 (AMF0 scalars stay,
 * complex values become 0x11 + AMF3); else plain AMF0 by amf0_mode of the
 * receiver. Appends to out. Errors of value_unpack and amf0_write. */
int somsg_value(struct buf *out, const uint8_t *packed, size_t len, bool amf3,
    bool avmplus) FCS_MUSTUSE;

#endif
