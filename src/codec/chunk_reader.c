/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chunk_reader - bytes in any pieces -> whole messages (wire-protocol 2).
 *
 * Two states. HEADER gathers the 1..18 bytes of a chunk header; how many are
 * needed follows from those already there. PAYLOAD takes up to one chunk of
 * message bytes. A message that lies whole in one chunk of the input is passed
 * on in place; everything else is gathered in the buffer of its chunk stream,
 * which grows with the bytes that came, not with the length announced.
 *
 * A fmt 3 chunk that continues a message with an extended timestamp may or may
 * not repeat it: bytes equal to the field are taken for it, others are given
 * back (field `back`) and read as payload.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/chunk.h"

#define EXTENDED    0xFFFFFFu
#define HEADER_MAX  18     /* 3 basic, 11 message, 4 extended */
#define KEEP_MEDIA  262144 /* bytes a buffer may keep between messages */
#define KEEP_OTHER  1024
#define FIRST_ALLOC 512

struct chan { /* one chunk stream */
	uint32_t csid;
	uint32_t ts_ms;
	uint32_t ts_field; /* last field sent: absolute (fmt 0) or delta */
	uint32_t len;
	uint32_t msid;
	uint8_t type;
	bool extended; /* the last field was extended */
	bool open;     /* a message has begun and is not whole */
	uint32_t got, cap;
	uint8_t *data;
};

struct chunk_reader {
	struct chunk_limits limits;
	chunk_message_fn fn;
	void *arg;
	struct chan *chans;
	uint32_t chan_count, chan_cap;
	uint32_t last; /* found last */
	uint32_t cur;  /* whose payload comes */
	uint32_t size; /* the peer's chunk size */
	uint32_t todo; /* payload bytes to come in this chunk; 0: HEADER */
	uint64_t pending;
	uint8_t hdr[HEADER_MAX], hdr_len;
	uint8_t back[4], back_len;
	struct err *why;
};

struct header { /* a chunk header taken apart */
	unsigned fmt;
	uint32_t csid;
	size_t basic; /* bytes of the basic header */
	size_t total; /* bytes needed in all, as far as known */
};

struct chunk_reader *
chunk_reader_new(
    const struct chunk_limits *limits, chunk_message_fn fn, void *arg)
{
	struct chunk_reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->limits = *limits;
	r->fn = fn;
	r->arg = arg;
	r->size = CHUNK_SIZE_DEFAULT;
	return r;
}

void
chunk_reader_free(struct chunk_reader *r)
{
	if (r == NULL)
		return;
	for (uint32_t i = 0; i < r->chan_count; i++)
		free(r->chans[i].data);
	free(r->chans);
	free(r);
}

void
chunk_reader_set_limits(
    struct chunk_reader *r, const struct chunk_limits *limits)
{
	r->limits = *limits;
}

uint32_t
chunk_reader_size(const struct chunk_reader *r)
{
	return r->size;
}

uint64_t
chunk_reader_pending(const struct chunk_reader *r)
{
	return r->pending;
}

size_t
chunk_reader_get_mem(const struct chunk_reader *r)
{
	size_t n = sizeof(*r) + r->chan_cap * sizeof(*r->chans);

	for (uint32_t i = 0; i < r->chan_count; i++)
		n += r->chans[i].cap;
	return n;
}

/* ---- chunk streams ---- */

static struct chan *
find_chan(struct chunk_reader *r, uint32_t csid)
{
	if (r->last < r->chan_count && r->chans[r->last].csid == csid)
		return &r->chans[r->last];
	for (uint32_t i = 0; i < r->chan_count; i++)
		if (r->chans[i].csid == csid) {
			r->last = i;
			return &r->chans[i];
		}
	return NULL;
}

static int
add_chan(struct chunk_reader *r, uint32_t csid, struct chan **out)
{
	uint32_t cap = r->chan_cap == 0 ? 4 : r->chan_cap * 2;
	struct chan *p;

	if (r->chan_count >= r->limits.max_csids)
		return err_set(r->why, FCS_ELIMIT, "more than %u chunk streams",
		    r->limits.max_csids);
	if (r->chan_count == r->chan_cap) {
		p = reallocarray(r->chans, cap, sizeof(*p));
		if (p == NULL)
			return err_set(r->why, FCS_ENOMEM, "chunk streams");
		r->chans = p;
		r->chan_cap = cap;
	}
	*out = &r->chans[r->chan_count];
	memset(*out, 0, sizeof(**out));
	(*out)->csid = csid;
	r->last = r->chan_count++;
	return FCS_OK;
}

static void
drop_partial(struct chunk_reader *r, struct chan *c)
{
	bool is_media = c->type == MESSAGE_AUDIO || c->type == MESSAGE_VIDEO ||
			c->type == MESSAGE_AGGREGATE;

	r->pending -= c->got;
	c->got = 0;
	c->open = false;
	if (c->cap > (is_media ? KEEP_MEDIA : KEEP_OTHER)) {
		free(c->data);
		c->data = NULL;
		c->cap = 0;
	}
}

static int
append(struct chunk_reader *r, struct chan *c, const uint8_t *p, uint32_t n)
{
	uint64_t need = (uint64_t)c->got + n, cap = c->cap;
	uint8_t *data;

	if (r->pending + n > r->limits.max_partial)
		return err_set(r->why, FCS_ELIMIT,
		    "more than %llu bytes of unfinished messages",
		    (unsigned long long)r->limits.max_partial);
	if (need > cap) {
		cap = cap * 2 < FIRST_ALLOC ? FIRST_ALLOC : cap * 2;
		if (cap < need)
			cap = need;
		if (cap > c->len)
			cap = c->len;
		data = realloc(c->data, cap);
		if (data == NULL)
			return err_set(r->why, FCS_ENOMEM, "message buffer");
		c->data = data;
		c->cap = (uint32_t)cap;
	}
	memcpy(c->data + c->got, p, n);
	c->got += n;
	r->pending += n;
	return FCS_OK;
}

/* ---- whole messages ---- */

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

/* Types 1 and 2 change the reader itself. */
static int
own_control(struct chunk_reader *r, const struct message *m)
{
	struct chan *c;
	uint32_t v;

	if (m->type != MESSAGE_CHUNK_SIZE && m->type != MESSAGE_ABORT)
		return FCS_OK;
	if (m->len < 4)
		return err_set(r->why, FCS_EFORMAT, "%s message of %zu bytes",
		    message_type_text(m->type), m->len);
	v = get32(m->payload);
	if (m->type == MESSAGE_CHUNK_SIZE) {
		if (v == 0 || v > 0x7FFFFFFF)
			return err_set(r->why, FCS_EFORMAT, "chunk size %u", v);
		r->size = v > CHUNK_LENGTH_MAX ? CHUNK_LENGTH_MAX : v;
		return FCS_OK;
	}
	c = find_chan(r, v);
	if (c != NULL && c->open)
		drop_partial(r, c);
	return FCS_OK;
}

static int
deliver(struct chunk_reader *r, struct chan *c, const uint8_t *payload)
{
	struct message m = { .type = c->type,
		.csid = c->csid,
		.msid = c->msid,
		.ts_ms = c->ts_ms,
		.payload = payload,
		.len = c->len };
	int rc;

	/* Done with before the callback: an abort of itself finds nothing. */
	c->open = false;
	r->pending -= c->got;
	c->got = 0;
	rc = own_control(r, &m);
	if (rc == FCS_OK)
		rc = r->fn(r->arg, &m);
	drop_partial(r, c);
	return rc;
}

/* ---- headers ---- */

static uint32_t
get24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

/* Take apart what is there. h->total > have: that many bytes are needed to
 * know more. */
static void
look(struct chunk_reader *r, const uint8_t *p, size_t have, struct header *h)
{
	static const uint8_t sizes[] = { 11, 7, 3, 0 };
	struct chan *c;

	h->fmt = p[0] >> 6;
	h->csid = p[0] & 0x3f;
	h->basic = h->csid == 0 ? 2 : h->csid == 1 ? 3 : 1;
	h->total = h->basic + sizes[h->fmt];
	if (have < h->basic)
		return;
	if (h->csid == 0)
		h->csid = 64u + p[1];
	else if (h->csid == 1)
		h->csid = 64u + p[1] + 256u * p[2];
	if (h->fmt == 3) {
		c = find_chan(r, h->csid);
		if (c != NULL && c->extended)
			h->total += 4;
	} else if (have >= h->basic + 3 && get24(p + h->basic) == EXTENDED) {
		h->total += 4;
	}
}

static int
check_length(struct chunk_reader *r, const struct chan *c)
{
	uint32_t max = r->limits.max_message;

	if (c->type >= MESSAGE_CHUNK_SIZE && c->type <= MESSAGE_PEER_BANDWIDTH)
		max = r->limits.max_control;
	else if (c->type == MESSAGE_AUDIO && r->limits.max_audio != 0)
		max = r->limits.max_audio;
	else if (c->type == MESSAGE_AUDIO || c->type == MESSAGE_VIDEO ||
		 c->type == MESSAGE_AGGREGATE)
		max = r->limits.max_media;
	if (c->len > max)
		return err_set(r->why, FCS_ELIMIT,
		    "%s message of %u bytes, limit %u",
		    message_type_text(c->type), c->len, max);
	return FCS_OK;
}

/* fmt 0-2 in the middle of a message: taken for a continuation when it says
 * the same again. */
static int
same_again(struct chunk_reader *r, const struct chan *c, unsigned fmt,
    const uint8_t *p)
{
	if (fmt == 2)
		return FCS_OK;
	if (get24(p + 3) != c->len || p[6] != c->type ||
	    (fmt == 0 && get32(p + 7) != __builtin_bswap32(c->msid)))
		return err_set(r->why, FCS_EFORMAT,
		    "chunk stream %u: header changes in the middle of a message",
		    c->csid);
	return FCS_OK;
}

/* A complete header of fmt 0-2 without its basic part. */
static int
take_fields(
    struct chunk_reader *r, struct chan *c, unsigned fmt, const uint8_t *p)
{
	static const uint8_t sizes[] = { 11, 7, 3 };
	uint32_t ts = get24(p);
	bool extended = ts == EXTENDED;

	if (c->open)
		return same_again(r, c, fmt, p);
	if (extended)
		ts = get32(p + sizes[fmt]);
	c->extended = extended;
	c->ts_field = ts;
	c->ts_ms = fmt == 0 ? ts : c->ts_ms + ts;
	if (fmt < 2) {
		c->len = get24(p + 3);
		c->type = p[6];
	}
	if (fmt == 0)
		c->msid = __builtin_bswap32(get32(p + 7));
	return FCS_OK;
}

/* hdr is whole: begin or continue a message. */
static int
begin_chunk(struct chunk_reader *r, const struct header *h)
{
	struct chan *c = find_chan(r, h->csid);
	uint32_t left;
	int rc = FCS_OK;

	if (c == NULL) {
		if (h->fmt != 0 && !(h->fmt == 1 && h->csid == 2))
			return err_set(r->why, FCS_EFORMAT,
			    "chunk stream %u begins with fmt %u", h->csid,
			    h->fmt);
		rc = add_chan(r, h->csid, &c);
		if (rc != FCS_OK)
			return rc;
	}
	if (h->fmt < 3)
		rc = take_fields(r, c, h->fmt, r->hdr + h->basic);
	else if (!c->open)
		c->ts_ms += c->ts_field;
	if (rc == FCS_OK && !c->open)
		rc = check_length(r, c);
	if (rc != FCS_OK)
		return rc;
	r->hdr_len = 0;
	r->cur = (uint32_t)(c - r->chans);
	c->open = true;
	if (c->len == 0)
		return deliver(r, c, (const uint8_t *)"");
	left = c->len - c->got;
	r->todo = left < r->size ? left : r->size;
	return FCS_OK;
}

/* A repeated extended timestamp that is none: the bytes go back. */
static bool
not_repeated(struct chunk_reader *r, const struct header *h, uint8_t next)
{
	const struct chan *c;
	unsigned at;

	if (h->fmt != 3 || r->hdr_len < h->basic || h->total == h->basic)
		return false;
	c = find_chan(r, h->csid);
	if (c == NULL || !c->open)
		return false;
	at = r->hdr_len - (unsigned)h->basic;
	return next != (uint8_t)(c->ts_field >> (24 - 8 * at));
}

/* Gather header bytes. *used: bytes taken; what was taken for an extended
 * timestamp and is payload goes to r->back, which is empty here. */
static int
feed_header(struct chunk_reader *r, const uint8_t *p, size_t len, size_t *used)
{
	struct header h;

	for (*used = 0; *used < len;) {
		if (r->hdr_len > 0) {
			look(r, r->hdr, r->hdr_len, &h);
			if (not_repeated(r, &h, p[*used])) {
				r->back_len = (uint8_t)(r->hdr_len - h.basic);
				memcpy(r->back, r->hdr + h.basic, r->back_len);
				return begin_chunk(r, &h);
			}
		}
		r->hdr[r->hdr_len++] = p[(*used)++];
		look(r, r->hdr, r->hdr_len, &h);
		if (r->hdr_len == h.total)
			return begin_chunk(r, &h);
	}
	return FCS_OK;
}

static int
feed_payload(struct chunk_reader *r, const uint8_t *p, size_t len, size_t *used)
{
	struct chan *c = &r->chans[r->cur];
	uint32_t n = len < r->todo ? (uint32_t)len : r->todo;
	int rc;

	*used = n;
	r->todo -= n;
	if (c->got == 0 && n == c->len)
		return deliver(r, c, p);
	rc = append(r, c, p, n);
	if (rc == FCS_OK && c->got == c->len)
		rc = deliver(r, c, c->data);
	return rc;
}

static int
feed_some(struct chunk_reader *r, const uint8_t *p, size_t len, size_t *used)
{
	return r->todo > 0 ? feed_payload(r, p, len, used)
			   : feed_header(r, p, len, used);
}

/* The same from the bytes given back; what it leaves stays there. */
static int
feed_back(struct chunk_reader *r)
{
	uint8_t tmp[sizeof(r->back)];
	size_t n = r->back_len, used;
	int rc;

	memcpy(tmp, r->back, n);
	r->back_len = 0;
	rc = feed_some(r, tmp, n, &used);
	memcpy(r->back + r->back_len, tmp + used, n - used);
	r->back_len = (uint8_t)(r->back_len + n - used);
	return rc;
}

int
chunk_reader_feed(struct chunk_reader *r, const uint8_t *data, size_t len,
    size_t *used, struct err *why)
{
	size_t n;
	int rc = FCS_OK;

	r->why = why;
	*used = 0;
	while (rc == FCS_OK && (r->back_len > 0 || *used < len)) {
		if (r->back_len > 0) {
			rc = feed_back(r);
			continue;
		}
		rc = feed_some(r, data + *used, len - *used, &n);
		*used += n;
	}
	r->why = NULL;
	return rc;
}
