/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lookup - the addresses of a host name, without making the loop wait: the
 * system's resolver runs in a thread of its own for each question, some at a
 * time. Layer: net (3). Owner: who asked. Thread: loop.
 */
#ifndef NET_LOOKUP_H
#define NET_LOOKUP_H

#include <sys/socket.h>

#include "net/loop.h"

#define LOOKUP_ADDRS_MAX   16 /* more are left out */
#define LOOKUP_THREADS_MAX 8  /* at a time, in the process; the rest waits */

struct lookup_addr {
	struct sockaddr_storage sa;
	socklen_t len;
};

struct lookup;

/* count 0: why says it (borrowed). Called once, never within lookup_new; the
 * lookup may be freed from it. */
typedef void (*lookup_fn)(void *arg, const struct lookup_addr *addrs,
    unsigned count, const char *why);

/* host: a name or a number, v4 or v6. NULL: no memory. */
struct lookup *lookup_new(
    struct loop *, const char *host, uint16_t port, lookup_fn, void *arg);
void lookup_free(struct lookup *); /* NULL is allowed; no answer any more */

#endif
