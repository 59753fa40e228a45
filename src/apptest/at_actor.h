/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * at_actor - a client in a test: the far end of a socket pair whose near end is
 * an ordinary session, so that what it says and hears went through chunks, AMF,
 * access lists and status objects like that of any client. What arrives is
 * noted as an event; nothing is decided here.
 *
 * Layer: apptest (8). Owner: struct at_cast. Thread: loop.
 */
#ifndef APPTEST_AT_ACTOR_H
#define APPTEST_AT_ACTOR_H

#include "apptest/at_world.h"
#include "codec/somsg.h"
#include "codec/value.h"

struct at_cast; /* all clients of a test */

/* event(arg): a new Array value; what is pushed to it must be made in *arena.
 * NULL: no memory. */
struct at_cast *at_cast_new(
    struct value *(*event)(void *arg, struct arena **arena), void *arg);
/* The process is killed: all connections break, without a word to the server's
 * side. */
void at_cast_cut(struct at_cast *);

struct at_actor_options {
	const char *ip, *agent, *referrer, *page_url, *query, *protocol;
	int amf; /* 0, 3 */
};

/* Connect to "app/inst" and send connect with args. *number tells it apart.
 * FCS_ENOENT, FCS_ENOMEM ... */
int at_actor_connect(struct at_cast *, struct at_world *, const char *name,
    const struct at_actor_options *, struct value *const *args, uint32_t count,
    uint32_t *number, struct err *why) FCS_MUSTUSE;

/* All: FCS_ECLOSED when that client is gone. */
int at_actor_command(struct at_cast *, uint32_t number, uint32_t msid,
    const char *name, double txn, struct value *const *args,
    uint32_t count) FCS_MUSTUSE;
/* events: [type, key, value] each; key of SEND is the handler, then values. */
int at_actor_object(struct at_cast *, uint32_t number, const char *name,
    uint32_t version, uint32_t flags, const struct value *events) FCS_MUSTUSE;
int at_actor_media(struct at_cast *, uint32_t number, uint32_t msid,
    uint8_t type, uint32_t ts_ms, const uint8_t *data, size_t len) FCS_MUSTUSE;
int at_actor_data(struct at_cast *, uint32_t number, uint32_t msid,
    uint32_t ts_ms, struct value *const *values, uint32_t count) FCS_MUSTUSE;
void at_actor_leave(struct at_cast *, uint32_t number);

#endif
