/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * command - RTMP commands and data messages (types 20/17 and 18/15).
 * Layer: codec (2). wire-protocol.md 3, 5.
 */
#ifndef CODEC_COMMAND_H
#define CODEC_COMMAND_H

#include "codec/message.h"
#include "codec/value.h"

#define COMMAND_NAME_MAX 128
#define COMMAND_ARGS_MAX 256

struct command {
	struct value_str name;
	double txn;
	struct value *object; /* command object or null; NULL when absent */
	struct value **args;
	uint32_t arg_count;
};

/* Decode msg (type 20 or 17; the format byte of 17 may be missing) into the
 * arena. Errors of amf0_read, FCS_EFORMAT when name or txn are not a string
 * and a number, FCS_ELIMIT name or argument count. A missing txn is 0. */
int command_read(
    struct arena *, const struct message *msg, struct command *out) FCS_MUSTUSE;

/* Append the payload (no chunking). amf3: as type 17, complex arguments
 * behind 0x11; else AMF0. args may hold NULL (written as null). Errors of
 * amf0_write, FCS_ENOMEM of out among them: nothing was appended. */
int command_write(struct buf *out, bool amf3, const char *name, double txn,
    const struct value *object, struct value *const *args,
    uint32_t arg_count) FCS_MUSTUSE;

/* A data message: handler name and values. name.len 0 when the first value is
 * not a string. */
struct command_data {
	struct value_str name;
	struct value **args; /* after the name */
	uint32_t arg_count;
};
int command_read_data(struct arena *, const struct message *msg,
    struct command_data *out) FCS_MUSTUSE;

#endif
