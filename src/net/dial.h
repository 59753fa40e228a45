/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dial - a TCP connection to a host and port: the name is looked up, its
 * addresses are tried in turn, all within one time limit and without making the
 * loop wait. Layer: net (3). Owner: who dialled. Thread: loop.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/loop.h"

struct dial;

/* fd >= 0: connected, non-blocking, TCP_NODELAY, the callee's. Else why:
 * FCS_ENOENT no such host, FCS_ETIMEOUT, FCS_EIO refused or unreachable (of the
 * last address tried). Once, never within dial_new; the dial may be freed from
 * it. */
typedef void (*dial_fn)(void *arg, int fd, const struct err *why);

/* ms: for all of it. NULL: no memory. */
struct dial *dial_new(struct loop *, const char *host, uint16_t port,
    uint32_t ms, dial_fn, void *arg);
void dial_free(struct dial *); /* NULL is allowed; no answer any more */

#endif
