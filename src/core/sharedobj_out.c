/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_out - the messages clients get.
 *
 * There are as many forms of a message as there are encodings (variants), not
 * as there are clients: each is built once and sent to all of its kind.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "codec/amf0.h"
#include "core/sharedobj_int.h"

enum { /* a variant is one of these, and PROXIED or not */
	AMF0 = 0,
	AMF0_WITH_3 = 1,
	AMF3 = 2,
	PROXIED = 3
};

#define SYNC_KEPT  (1u << 20) /* bytes of a sync worth keeping */
#define SEND_ARENA (16u << 20)

static int
encoding(int variant)
{
	return variant % PROXIED;
}

static bool
is_amf3(int variant)
{
	return encoding(variant) == AMF3;
}

static bool
is_proxied(int variant)
{
	return variant >= PROXIED;
}

static int
encoding_of(const struct client *c)
{
	const struct client_info *info = client_info(c);

	if (info->amf == 3)
		return AMF3;
	return info->avmplus ? AMF0_WITH_3 : AMF0;
}

int
sharedobj_out_variant(const struct so_user *u)
{
	return encoding_of(sharedobj_user_client(u)) +
	       (u->proxied ? PROXIED : 0);
}

void
sharedobj_out_send(struct client *c, int variant, const struct refbuf *m)
{
	/* a client that cannot be sent to is on its way out */
	fcs_ignore(
	    client_send(c, is_amf3(variant) ? MESSAGE_SO_AMF3 : MESSAGE_SO, 0,
		m->data, m->len));
}

static struct refbuf *
finish(struct buf *b)
{
	struct refbuf *m = NULL;

	if (buf_status(b) == FCS_OK)
		m = refbuf_from(buf_data(b), buf_len(b));
	buf_fini(b);
	return m;
}

static uint32_t
flags(const struct sharedobj *so, int variant)
{
	bool persistent = so->proxy == NULL ? so->persistent
					    : sharedobj_proxy_is_persistent(so);

	return (persistent ? SOMSG_FLAG_PERSISTENT : 0) |
	       (is_proxied(variant) ? SOMSG_FLAG_PROXIED : 0);
}

static void
begin(struct buf *b, const struct sharedobj *so, uint64_t version, int variant,
    bool answer)
{
	somsg_begin(b, is_amf3(variant), so->name, so->name_len,
	    (uint32_t)version,
	    flags(so, variant) |
		(answer && is_proxied(variant) ? SOMSG_FLAG_ANSWERED : 0));
}

static void
put_name(struct buf *b, enum somsg_type type, const struct refbuf *name)
{
	somsg_put_key(b, type, (const char *)name->data, name->len);
}

/* tmp: space. */
static void
put_value(struct buf *b, enum somsg_type type, const struct refbuf *name,
    const struct refbuf *value, int variant, struct buf *tmp)
{
	int rc;

	buf_reset(tmp, SHAREDOBJ_SYNC_PART);
	rc = somsg_value(tmp, value->data, value->len, is_amf3(variant),
	    encoding(variant) == AMF0_WITH_3);
	if (rc != FCS_OK) {
		log_warn("so.value", "slot=%.*s code=%s", (int)name->len,
		    (const char *)name->data, err_name(rc));
		return;
	}
	somsg_put_change(b, type, (const char *)name->data, name->len,
	    buf_data(tmp), buf_len(tmp));
}

/* A slot as it is now: Change, or Remove when it is not there. */
static void
put_slot(struct buf *b, const struct refbuf *name, const struct refbuf *value,
    int variant, struct buf *tmp)
{
	if (value == NULL)
		put_name(b, SOMSG_REMOVE, name);
	else
		put_value(b, SOMSG_CHANGE, name, value, variant, tmp);
}

/* The values behind the handler's name, each for a client without AMF3. */
static int
convert_send(struct buf *out, const struct refbuf *body, bool avmplus)
{
	struct arena *a = arena_new(SEND_ARENA);
	size_t at = 0;
	int rc = a == NULL ? FCS_ENOMEM : FCS_OK;

	while (rc == FCS_OK && at < body->len) {
		struct amf0_reader r;
		struct value *v;

		amf0_reader_init(&r, a, body->data + at, body->len - at);
		rc = amf0_read(&r, &v);
		if (rc == FCS_OK)
			rc = somsg_value(
			    out, body->data + at, r.pos, false, avmplus);
		at += r.pos;
	}
	arena_free(a);
	return rc;
}

void
sharedobj_out_put_send(
    struct buf *b, const struct refbuf *body, bool amf3, bool avmplus)
{
	struct buf tmp;

	if (amf3 || memchr(body->data, 0x11, body->len) == NULL) {
		somsg_put_send(b, body->data, body->len);
		return;
	}
	buf_init(&tmp, 0);
	if (convert_send(&tmp, body, avmplus) == FCS_OK)
		somsg_put_send(b, buf_data(&tmp), buf_len(&tmp));
	buf_fini(&tmp);
}

/* Success; another server is told the value too. */
static void
put_success(struct buf *b, const struct so_entry *e, const struct refbuf *name,
    int variant, struct buf *tmp)
{
	const struct so_slot *s = sharedobj_image_find(
	    e->so->image, (const char *)name->data, name->len);
	const struct refbuf *value = NULL;

	if (is_proxied(variant) && s != NULL && s->mark == e->id)
		value = e->changes[s->index].value;
	if (value != NULL)
		put_value(b, SOMSG_ACCEPTED, name, value, variant, tmp);
	else
		put_name(b, SOMSG_SUCCESS, name);
}

static void
put_item(struct buf *b, const struct so_entry *e, const struct so_item *item,
    int variant, struct buf *tmp)
{
	const struct so_change *c;

	switch (item->type) {
	case SOMSG_CHANGE:
		if (item->name != NULL) {
			put_slot(b, item->name, item->data, variant, tmp);
			break;
		}
		c = &e->changes[item->change];
		put_slot(b, c->name, c->value, variant, tmp);
		break;
	case SOMSG_SEND:
		sharedobj_out_put_send(b, item->data, is_amf3(variant),
		    encoding(variant) == AMF0_WITH_3);
		break;
	case SOMSG_SUCCESS:
		put_success(b, e, item->name, variant, tmp);
		break;
	case SOMSG_STATUS:
		somsg_put_status(b, status_code(STATUS_SO_NOWRITEACCESS),
		    status_level(STATUS_SO_NOWRITEACCESS));
		break;
	case SOMSG_CLEAR:
		somsg_put(b, SOMSG_CLEAR);
		break;
	default:
		put_name(b, item->type, item->name);
		break;
	}
}

struct refbuf *
sharedobj_out_entry(const struct so_entry *e, uint8_t to, int variant)
{
	struct buf b;
	struct buf tmp;
	bool any = false;

	for (uint32_t i = 0; i < e->item_count && !any; i++)
		any = (e->items[i].to & to) != 0;
	if (!any)
		return NULL;
	buf_init(&b, 0);
	buf_init(&tmp, 0);
	begin(&b, e->so, e->version, variant, false);
	for (uint32_t i = 0; i < e->item_count; i++)
		if ((e->items[i].to & to) != 0)
			put_item(&b, e, &e->items[i], variant, &tmp);
	buf_fini(&tmp);
	return finish(&b);
}

void
sharedobj_out_status(
    struct client *c, struct value_str name, uint32_t flag, enum status status)
{
	int variant = encoding_of(c);
	struct refbuf *m;
	struct buf b;

	flag &= SOMSG_FLAG_PERSISTENT | SOMSG_FLAG_PROXIED;
	if ((flag & SOMSG_FLAG_PROXIED) != 0 &&
	    status == STATUS_SO_NOREADACCESS)
		flag |= SOMSG_FLAG_ANSWERED;
	buf_init(&b, 0);
	somsg_begin(&b, is_amf3(variant), name.ptr, name.len, 0, flag);
	somsg_put_status(&b, status_code(status), status_level(status));
	m = finish(&b);
	if (m != NULL)
		sharedobj_out_send(c, variant, m);
	refbuf_unref(m);
}

/* ---- sync ---- */

void
sharedobj_out_sync_unref(struct so_sync *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	for (uint32_t i = 0; i < s->count; i++)
		refbuf_unref(s->parts[i]);
	free(s->parts);
	free(s);
}

static int
add_part(struct so_sync *s, struct buf *b)
{
	struct refbuf **parts =
	    reallocarray(s->parts, s->count + 1, sizeof(struct refbuf *));
	struct refbuf *m;

	if (parts == NULL)
		return FCS_ENOMEM;
	s->parts = parts;
	m = buf_status(b) == FCS_OK ? refbuf_from(buf_data(b), buf_len(b))
				    : NULL;
	if (m == NULL)
		return FCS_ENOMEM;
	s->parts[s->count++] = m;
	s->bytes += m->len;
	return FCS_OK;
}

bool
sharedobj_out_is_partial(const struct sharedobj *so, uint64_t known)
{
	const struct so_image *im = so->image;

	/* versions that only memory knows may be given out again */
	if (!sharedobj_is_stored(so) || known == 0 || known > im->version ||
	    known < im->floor || im->version > UINT32_MAX)
		return false;
	return so->resync_depth < 0 ||
	       im->version - known <= (uint64_t)so->resync_depth;
}

struct so_slot *
sharedobj_out_first_newer(const struct so_image *im, uint64_t known)
{
	struct so_slot *s = im->recent == NULL ? NULL : im->recent->vprev;
	struct so_slot *first = NULL;

	while (s != NULL && s->version > known) {
		first = s;
		s = s == im->recent ? NULL : s->vprev;
	}
	return first;
}

static struct so_sync *
build_sync(struct sharedobj *so, uint64_t known, bool partial, int variant,
    bool opening)
{
	struct so_image *im = so->image;
	struct so_sync *sync = calloc(1, sizeof(*sync));
	struct so_slot *s =
	    partial ? sharedobj_out_first_newer(im, known) : im->order;
	struct buf b;
	struct buf tmp;
	int rc = FCS_OK;

	if (sync == NULL)
		return NULL;
	sync->refs = 1;
	buf_init(&b, 0);
	buf_init(&tmp, 0);
	begin(&b, so, im->version, variant, opening);
	if (opening)
		somsg_put(&b, SOMSG_USE_SUCCESS);
	if (!partial)
		somsg_put(&b, SOMSG_CLEAR);
	for (; s != NULL && rc == FCS_OK; s = partial ? s->vnext : s->next) {
		if (buf_len(&b) >= SHAREDOBJ_SYNC_PART) {
			rc = add_part(sync, &b);
			buf_reset(&b, SHAREDOBJ_SYNC_PART * 2);
			begin(&b, so, im->version, variant, false);
		}
		put_slot(&b, s->name, s->value, variant, &tmp);
	}
	if (rc == FCS_OK)
		rc = add_part(sync, &b);
	buf_fini(&b);
	buf_fini(&tmp);
	if (rc == FCS_OK)
		return sync;
	sharedobj_out_sync_unref(sync);
	return NULL;
}

#define SLOT_BYTES   16    /* of an event besides name and value */
#define PIECE_LOOKED 20000 /* slots looked at for one piece */

bool
sharedobj_out_is_large(const struct sharedobj *so, uint64_t known)
{
	const struct so_image *im = so->image;
	const struct so_slot *s;
	size_t bytes = 0;

	if (im->bytes + SLOT_BYTES * (uint64_t)im->live <= SHAREDOBJ_SYNC_NOW &&
	    im->dead < PIECE_LOOKED)
		return false;
	if (!sharedobj_out_is_partial(so, known))
		return im->bytes + SLOT_BYTES * (uint64_t)im->live >
		       SHAREDOBJ_SYNC_NOW;
	for (s = im->recent == NULL ? NULL : im->recent->vprev;
	     s != NULL && s->version > known && bytes <= SHAREDOBJ_SYNC_NOW;
	     s = s == im->recent ? NULL : s->vprev)
		bytes += SLOT_BYTES + s->name->len +
			 (s->value == NULL ? 0 : s->value->len);
	return bytes > SHAREDOBJ_SYNC_NOW;
}

struct refbuf *
sharedobj_out_piece(struct sharedobj *so, struct so_cursor *c, uint64_t version,
    bool opening, bool clear, int variant)
{
	struct so_slot *s = c->at;
	int looked = 0;
	struct refbuf *m;
	struct buf b;
	struct buf tmp;

	buf_init(&b, 0);
	buf_init(&tmp, 0);
	begin(&b, so, version, variant, opening);
	if (opening)
		somsg_put(&b, SOMSG_USE_SUCCESS);
	if (clear)
		somsg_put(&b, SOMSG_CLEAR);
	while (s != NULL && buf_len(&b) < SHAREDOBJ_SYNC_PART &&
	       looked++ < PIECE_LOOKED) {
		if (s->version <= version)
			put_slot(&b, s->name, s->value, variant, &tmp);
		s = c->by_version ? s->vnext : s->next;
	}
	buf_fini(&tmp);
	m = finish(&b);
	if (m != NULL)
		c->at = s;
	return m;
}

void
sharedobj_out_forget(struct sharedobj *so)
{
	for (int v = 0; v < SO_VARIANTS; v++) {
		sharedobj_out_sync_unref(so->full[v]);
		so->full[v] = NULL;
	}
}

struct so_sync *
sharedobj_out_sync(
    struct sharedobj *so, uint64_t known, int variant, bool opening)
{
	bool partial = sharedobj_out_is_partial(so, known);
	struct so_sync *sync;

	if (so->full_version != so->image->version)
		sharedobj_out_forget(so);
	so->full_version = so->image->version;
	if (!partial && opening && so->full[variant] != NULL) {
		so->full[variant]->refs++;
		return so->full[variant];
	}
	sync = build_sync(so, known, partial, variant, opening);
	if (sync != NULL && !partial && opening && sync->bytes <= SYNC_KEPT) {
		sync->refs++;
		so->full[variant] = sync;
	}
	return sync;
}
