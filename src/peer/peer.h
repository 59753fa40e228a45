/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer - connections of an instance to other instances: the table of
 * core/peer.h, filled, and the module that ends them with their instance.
 * Layer: peer (5). script-api.md 7.7. Thread: loop.
 *
 * A peer dials at once and, after loss or failure, again: 0.5 s later, then
 * twice as long up to 30 s (a tenth more or less, so that many do not come at
 * once); as soon as a connection lasted longer than the pause before it, the
 * pause is 0.5 s again. It ends for good when it was closed here, rejected or
 * closed by the far application (Connect.Rejected, Connect.Closed), or after
 * the first failure or loss when it is to dial once.
 */
#ifndef PEER_PEER_H
#define PEER_PEER_H

#include "core/application.h"
#include "core/peer.h"

extern const struct peer_ops peer_table;
extern const struct application_module peer_module;

#endif
