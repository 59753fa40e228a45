/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire - the client's end of a session in a test: commands written as bytes on
 * a socketpair, what comes back kept as words.
 */
#ifndef TESTS_UNIT_SESSION_WIRE_H
#define TESTS_UNIT_SESSION_WIRE_H

#include "codec/chunk.h"
#include "codec/command.h"
#include "session/session.h"

#define WIRE_KEPT 512

struct wire_message { /* one message from the server */
	uint8_t type;
	uint32_t csid, msid;
	uint8_t *payload;
	size_t len;
};

struct wire {
	struct loop *loop;
	int fd; /* ours, non-blocking; -1 once closed */
	bool eof;
	struct chunk_reader *reader;
	struct wire_message kept[WIRE_KEPT];
	unsigned count;
	int ended; /* session's callback */
	char ended_id[64];
};

/* A session of app over a socketpair; early bytes as the gateway gives. */
void wire_open(struct wire *, struct loop *, struct application *,
    const char *id, const uint8_t *early, size_t len);
void wire_close(struct wire *); /* and wait for the end of the session */
void wire_raw(struct wire *, const void *, size_t);
void wire_message(struct wire *, uint32_t csid, uint8_t type, uint32_t msid,
    const uint8_t *payload, size_t len);
void wire_command(struct wire *, bool amf3, const char *name, double txn,
    const struct value *object, struct value *const *args, uint32_t count);
/* The same on a stream. */
void wire_command_on(struct wire *, uint32_t msid, const char *name, double txn,
    struct value *const *args, uint32_t count);
/* connect to app ("echo/x"), with more members of the command object. */
void wire_connect(struct wire *, struct arena *, const char *app, int amf,
    struct value *const *args, uint32_t count);
/* Turn the loop until n messages were kept or the server closed. */
void wire_wait(struct wire *, unsigned n);
void wire_turn(struct wire *, int ms); /* the loop once, and take */
void wire_wait_closed(struct wire *);
/* The n-th message as a command, decoded into the arena. */
struct command wire_read(struct wire *, struct arena *, unsigned n);
void wire_forget(struct wire *); /* the messages so far */

#endif
