/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/peer_uri.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const char localhost[] = "rtmp://localhost/";

static int
parse_local(const char *path, struct peer_uri *out)
{
	const struct value_str none = { "", 0 };
	struct value_str s = { path, 0 };
	size_t len = strlen(path);

	if (len > UINT16_MAX)
		return FCS_ELIMIT;
	s.len = (uint32_t)len;
	out->local = true;
	return url_parse_app(s, none, &out->where);
}

static int
parse_remote(const char *text, struct peer_uri *out)
{
	struct url_rtmp u;
	int rc = url_parse_rtmp(text, &u);

	if (rc != FCS_OK)
		return rc;
	(void)snprintf(out->host, sizeof(out->host), "%s", u.host);
	out->port = u.port;
	out->where = u.where;
	return FCS_OK;
}

int
peer_uri_parse(const char *text, struct peer_uri *out, struct err *why)
{
	int rc;

	memset(out, 0, sizeof(*out));
	if (str_starts(text, "rtmps:"))
		return err_set(
		    why, FCS_EUNSUPPORTED, "rtmps is not supported yet");
	if (str_starts(text, localhost))
		rc = parse_local(text + sizeof(localhost) - 1, out);
	else if (str_starts(text, "rtmp://"))
		rc = parse_remote(text, out);
	else if (str_starts(text, "rtmp:/"))
		rc = parse_local(text + 6, out);
	else
		rc = parse_local(text, out);
	if (rc != FCS_OK)
		return err_set(why, FCS_EINVAL,
		    "not the URI of an instance: rtmp://host/app/inst, or "
		    "app/inst on this server");
	return FCS_OK;
}
