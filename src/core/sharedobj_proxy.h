/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_proxy - between sharedobj_proxy.c (requests, the connection) and
 * sharedobj_owner.c (what the owner answers); for these two only. Layer: core
 * (4). Owner of a so_proxy: its object. Thread: loop.
 */
#ifndef CORE_SHAREDOBJ_PROXY_H
#define CORE_SHAREDOBJ_PROXY_H

#include "core/peer.h"
#include "core/sharedobj_int.h"

struct so_sent { /* a request the owner has not answered */
	struct so_sent *prev, *next;
	enum somsg_type type; /* request change, remove */
	struct refbuf *name;
	struct refbuf *value; /* NULL: deletion */
	uint64_t user;        /* so_user.id; 0: the script */
	bool echo;            /* the user must be told the value too */
	uint64_t letter;      /* number of its message; 0: being made */
};

struct so_ready {
	struct so_ready *next;
	uint64_t pending;
};

struct so_proxy {
	struct sharedobj *so;
	uint64_t peer;
	bool persistent; /* there */
	bool connected;  /* the peer is open: we asked to use it */
	bool ready;      /* the owner agreed */
	bool ended;      /* the peer is closed for good */
	bool amf3;
	uint32_t version; /* the owner's, newest we heard of */
	enum status refused;
	struct so_sent *sent; /* list, oldest first */
	uint32_t sent_count;
	struct so_ready *waiting;
	struct buf out; /* message being made */
	uint32_t out_events;
	uint64_t letters;   /* made */
	uint64_t sent_upto; /* of those, have left */
	size_t remote_len;
	char remote[]; /* its name there */
};

/* ---- sharedobj_proxy.c ---- */
void sharedobj_proxy_free_sent(struct so_proxy *, struct so_sent *);
/* Those who wait for the owner's answer have it. */
void sharedobj_proxy_settle(struct so_proxy *, bool ok, const char *error);

/* ---- sharedobj_owner.c ---- */
/* Something the owner said, about this object or another. FCS_ENOMEM, and the
 * codes of somsg_read: the copy is not to be trusted any more. */
int sharedobj_owner_message(
    struct so_proxy *, const struct message *) FCS_MUSTUSE;
/* These requests never arrived, or nobody knows what became of them: who made
 * them goes back to what we know. letter 0: all. */
void sharedobj_owner_fail(struct so_proxy *, uint64_t letter);

#endif
