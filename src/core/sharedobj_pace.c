/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_pace - bringing a user of a large object up to date.
 *
 * What is small leaves in one go (sharedobj_out_sync). What is large leaves in
 * pieces, as many as the client takes and a few per turn, so that neither the
 * loop nor another client waits for it and no queue grows. The pieces are cut
 * from the image as it is when they leave: slots that were written since the
 * use are left out, as the changes that wrote them are kept and follow the last
 * piece. So the client ends with what everybody has, and nothing it sees is
 * ahead of the disk.
 */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "core/sharedobj_int.h"

#define ROOM_BYTES (256u << 10) /* of shared objects queued at a client */
#define PIECES     4            /* in a turn, of all users */
#define RETRY_MS   10           /* the clients are behind */

struct kept { /* a message that follows the pieces */
	struct kept *prev, *next;
	struct refbuf *message;
};

struct so_pace {
	struct so_pace *prev, *next; /* set->paces */
	struct so_user *user;
	struct so_cursor cursor;
	uint64_t known;   /* version the client has, 0: none */
	uint64_t version; /* what is newer follows as changes */
	bool opening;     /* UseSuccess is due */
	bool begun;
	bool stale; /* to begin anew */
	struct kept *kept;
	size_t kept_bytes;
};

static void
drop_kept(struct so_pace *p)
{
	struct kept *k;

	while ((k = p->kept) != NULL) {
		DL_DELETE(p->kept, k);
		refbuf_unref(k->message);
		free(k);
	}
	p->kept_bytes = 0;
}

void
sharedobj_pace_stop(struct so_user *u)
{
	struct so_pace *p = u->pace;

	if (p == NULL)
		return;
	u->pace = NULL;
	DL_DELETE(u->so->set->paces, p);
	sharedobj_image_cursor_end(u->so->image, &p->cursor);
	drop_kept(p);
	free(p);
}

/* From the beginning, with what the object has told everybody by now. */
static void
restart(struct so_pace *p)
{
	struct sharedobj *so = p->user->so;

	drop_kept(p);
	sharedobj_image_cursor_end(so->image, &p->cursor);
	p->cursor.by_version = sharedobj_out_is_partial(so, p->known);
	p->cursor.at = p->cursor.by_version
			   ? sharedobj_out_first_newer(so->image, p->known)
			   : so->image->order;
	p->version = so->told;
	p->begun = false;
	sharedobj_image_cursor_begin(so->image, &p->cursor);
}

void
sharedobj_pace_move(struct so_user *u, struct so_image *image)
{
	struct so_pace *p = u->pace;

	sharedobj_image_cursor_end(u->so->image, &p->cursor);
	drop_kept(p);
	p->cursor.at = NULL;
	p->known = 0;
	p->stale = true;
	sharedobj_image_cursor_begin(image, &p->cursor);
}

int
sharedobj_pace_start(struct so_user *u, uint64_t known, bool opening)
{
	struct so_set *set = u->so->set;
	struct so_pace *p = u->pace;

	if (p == NULL) {
		p = calloc(1, sizeof(*p));
		if (p == NULL)
			return FCS_ENOMEM;
		p->user = u;
		u->pace = p;
		DL_APPEND(set->paces, p);
	}
	p->known = known;
	p->opening = p->opening || opening;
	restart(p);
	timer_set(set->pace_timer, 0);
	return FCS_OK;
}

void
sharedobj_pace_keep(struct so_user *u, struct refbuf *message)
{
	const struct so_set *set = u->so->set;
	struct so_pace *p = u->pace;
	struct kept *k = calloc(1, sizeof(*k));

	/* a client that takes more time than the others give it: all anew, as
	 * the pieces then hold what it missed */
	if (k == NULL ||
	    p->kept_bytes + message->len >
		(size_t)limits_get(set->env->limits, LIMIT_OUT_REPLIES) / 2) {
		free(k);
		p->known = 0;
		p->stale = true;
		return;
	}
	k->message = refbuf_ref(message);
	p->kept_bytes += message->len;
	DL_APPEND(p->kept, k);
}

static bool
has_room(struct client *c)
{
	struct client_figures f;

	client_figures(c, &f);
	return f.queue[CLIENT_SHARED_OBJECT].bytes < ROOM_BYTES;
}

/* One piece; false: that was the last. */
static bool
send_piece(struct so_pace *p, struct client *c)
{
	struct sharedobj *so = p->user->so;
	int v = sharedobj_out_variant(p->user);
	struct refbuf *m;

	if (p->stale) {
		p->stale = false;
		restart(p);
	}
	m = sharedobj_out_piece(so, &p->cursor, p->version,
	    p->opening && !p->begun, !p->begun && !p->cursor.by_version, v);
	if (m == NULL)
		return true; /* no memory now: later */
	p->begun = true;
	p->opening = false;
	sharedobj_out_send(c, v, m);
	refbuf_unref(m);
	return p->cursor.at != NULL;
}

static void
finish(struct so_pace *p, struct client *c)
{
	int v = sharedobj_out_variant(p->user);
	struct kept *k;

	DL_FOREACH(p->kept, k)
		sharedobj_out_send(c, v, k->message);
	sharedobj_pace_stop(p->user);
}

void
sharedobj_pace_run(void *arg)
{
	struct so_set *set = arg;
	struct so_pace *p, *next;
	struct client *c;
	int pieces = PIECES;

	DL_FOREACH_SAFE(set->paces, p, next) {
		c = sharedobj_user_client(p->user);
		if (c == NULL || pieces == 0 || !has_room(c))
			continue;
		pieces--;
		/* the next one has its turn first, then */
		DL_DELETE(set->paces, p);
		DL_APPEND(set->paces, p);
		if (!send_piece(p, c))
			finish(p, c);
		if (next == NULL)
			break;
	}
	if (set->paces != NULL)
		timer_set(set->pace_timer, pieces < PIECES ? 0 : RETRY_MS);
}
