/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * channel_handover - the hand-over message as bytes, see channel.h.
 *
 *	0	4  "fcsh"
 *	4	1  version
 *	5	1  kind
 *	6	1  1 = secure
 *	7	1  0
 *	8	8  connection id
 *	16	8  bytes in
 *	24	8  bytes out
 *	32	2  peer port
 *	34	6 x (1 length, text): client id, application, address,
 *		protocol, application and instance that connect
 *	...	4  count of raw bytes, then the bytes to the end of the message
 *
 * Numbers are big-endian. The texts are checked here for length and NUL only;
 * the application name is checked again by the worker.
 */
#include <string.h>

#include "base/cursor.h"
#include "net/channel.h"

static const uint8_t magic[4] = { 'f', 'c', 's', 'h' };

static int
put_text(struct buf *out, const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	if (n == size || n > 255)
		return FCS_ELIMIT;
	buf_u8(out, (unsigned)n);
	buf_append(out, s, n);
	return FCS_OK;
}

int
channel_handover_write(struct buf *out, const struct channel_handover *h)
{
	size_t start = buf_len(out);

	if (h->early_len > CHANNEL_EARLY_MAX)
		return FCS_ELIMIT;
	buf_append(out, magic, sizeof(magic));
	buf_u8(out, CHANNEL_HANDOVER_VERSION);
	buf_u8(out, h->kind);
	buf_u8(out, h->secure);
	buf_u8(out, 0);
	buf_be64(out, h->connection_id);
	buf_be64(out, h->bytes_in);
	buf_be64(out, h->bytes_out);
	buf_be16(out, h->port);
	if (put_text(out, h->client_id, sizeof(h->client_id)) != FCS_OK ||
	    put_text(out, h->app, sizeof(h->app)) != FCS_OK ||
	    put_text(out, h->ip, sizeof(h->ip)) != FCS_OK ||
	    put_text(out, h->protocol, sizeof(h->protocol)) != FCS_OK ||
	    put_text(out, h->from_app, sizeof(h->from_app)) != FCS_OK ||
	    put_text(out, h->from_inst, sizeof(h->from_inst)) != FCS_OK) {
		buf_truncate(out, start);
		return FCS_ELIMIT;
	}
	buf_be32(out, (uint32_t)h->early_len);
	if (h->early_len > 0)
		buf_append(out, h->early, h->early_len);
	return buf_status(out);
}

static void
get_text(struct cursor *c, char *out, size_t size)
{
	size_t n = cursor_u8(c);
	const uint8_t *p = cursor_bytes(c, n);

	if (p == NULL || n >= size || memchr(p, 0, n) != NULL) {
		(void)cursor_fail(c, FCS_EFORMAT);
		return;
	}
	memcpy(out, p, n);
	out[n] = '\0';
}

int
channel_handover_read(
    const uint8_t *data, size_t len, struct channel_handover *out)
{
	struct cursor c;
	const uint8_t *p;
	unsigned kind, secure;

	memset(out, 0, sizeof(*out));
	cursor_init(&c, data, len);
	p = cursor_bytes(&c, sizeof(magic));
	if (p == NULL || memcmp(p, magic, sizeof(magic)) != 0)
		return FCS_EFORMAT;
	if (cursor_u8(&c) != CHANNEL_HANDOVER_VERSION)
		return cursor_ok(&c) ? FCS_EUNSUPPORTED : FCS_EFORMAT;
	kind = cursor_u8(&c);
	secure = cursor_u8(&c);
	cursor_skip(&c, 1);
	out->connection_id = cursor_be64(&c);
	out->bytes_in = cursor_be64(&c);
	out->bytes_out = cursor_be64(&c);
	out->port = cursor_be16(&c);
	get_text(&c, out->client_id, sizeof(out->client_id));
	get_text(&c, out->app, sizeof(out->app));
	get_text(&c, out->ip, sizeof(out->ip));
	get_text(&c, out->protocol, sizeof(out->protocol));
	get_text(&c, out->from_app, sizeof(out->from_app));
	get_text(&c, out->from_inst, sizeof(out->from_inst));
	out->early_len = cursor_be32(&c);
	out->early = cursor_bytes(&c, out->early_len);
	if (!cursor_ok(&c) || cursor_left(&c) != 0 || kind < CHANNEL_RTMP ||
	    kind > CHANNEL_TAKEN || secure > 1)
		return FCS_EFORMAT;
	out->kind = (enum channel_handover_kind)kind;
	out->secure = secure == 1;
	return FCS_OK;
}
