/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer_uri - where a peer goes. Layer: peer (5). Pure.
 *
 *	app/inst, rtmp:/app/inst	an instance of this server
 *	rtmp://localhost/app/inst	the same: no port is named
 *	rtmp://host[:port]/app/inst	another server, or this one by TCP
 */
#ifndef PEER_PEER_URI_H
#define PEER_PEER_URI_H

#include "codec/url.h"

struct peer_uri {
	bool local;
	char host[256]; /* "" when local */
	uint16_t port;
	struct url_app where;
};

/* FCS_OK; FCS_EINVAL not such a URI; FCS_EUNSUPPORTED rtmps; *why says it. */
int peer_uri_parse(
    const char *text, struct peer_uri *out, struct err *why) FCS_MUSTUSE;

#endif
