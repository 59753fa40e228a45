/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gateway - the process that faces the network: accepts, does the handshake,
 * finds the application, hands the connection over. Layer: gateway (7).
 * DESIGN 1. Started by the supervisor as `fcsd --role=gateway`.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

int gateway_main(void); /* exit status */

#endif
