/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * so_lib - shared objects with an instance, a commit thread and clients around
 * them, for the tests of core/sharedobj.
 *
 * Messages are written and read as words. To the server:
 *	"board p 7 use"		name, p or t (temporary), version, events
 *	events: use release clear a=4 (number) a=null -a (request remove) !hi
 * From the server, the events of all messages since the last look, each message
 * in brackets: "[board 8 +a b=4 -c clear used !hi SharedObject.NoReadAccess]"
 */
#ifndef TESTS_UNIT_CORE_SO_LIB_H
#define TESTS_UNIT_CORE_SO_LIB_H

#include "core/sharedobj_int.h"
#include "net/loop.h"
#include "tests/lib/unit.h"
#include "tests/unit/core/fake.h"

struct so_client {
	struct client *client;
	struct buf all;   /* payloads, each behind its type and length */
	const void *last; /* address of the newest payload */
	uint32_t messages;
	uint32_t closed;
	struct so_client *next; /* freed by so_stop */
};

/* Whole set-up: settings as of fake_app ("shared_objects.undeclared=any" is
 * given if NULL); script: with the engine of fake.h. */
void so_start(const char *const *settings, bool script);
void so_stop(void);
/* Stop and start again on the same store. */
void so_restart(void);
extern struct instance *so_inst;
extern struct loop *so_loop;
extern struct store *so_store;
extern struct script_ops so_ops; /* copy of fake_script_ops, may be changed */

struct so_client *so_connect(const char *id, int amf);
void so_disconnect(struct so_client *);
void so_say(struct so_client *, const char *words);
void so_say_hex(struct so_client *, uint8_t type, const char *hex);
/* Turns until nothing is on its way any more. */
void so_settle(void);
/* One turn without waiting. */
void so_turn(void);
/* What arrived; borrowed until the next call. */
const char *so_got(struct so_client *);
const char *so_got_hex(struct so_client *);

#define so_expect(client, words)                                               \
	do {                                                                   \
		so_settle();                                                   \
		ck_assert_str_eq(so_got(client), words);                       \
	} while (0)

/* Commits wait while held; fail with a code that is not FCS_OK. */
void so_hold(bool hold);
void so_fail(int code);
extern uint32_t so_syncs;    /* of relaxed batches, asked for */
void so_fail_load(int code); /* the same for reading an object */

/* A number as packed value: 9 bytes, borrowed until the next call. */
const uint8_t *so_number(double v);
double so_value(struct sharedobj *, const char *slot); /* -1: absent */
int so_set(struct sharedobj *, const char *slot, double v);

#endif
