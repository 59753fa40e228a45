/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_entry - entries of an object's queue, and the batches in them.
 *
 * A batch changes the image at once and remembers what was there before. It
 * takes its version and its place among the commits (seq) with its first
 * change; at most one batch of an object is being made at a time, so versions
 * are given in the order in which batches enter the queue.
 */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/clock.h"
#include "core/sharedobj_int.h"

static int
grow(void **array, uint32_t *cap, uint32_t need, size_t width)
{
	uint32_t cap2 = *cap == 0 ? 4 : *cap * 2;
	void *p;

	if (need <= *cap)
		return FCS_OK;
	p = reallocarray(*array, cap2, width);
	if (p == NULL)
		return FCS_ENOMEM;
	*array = p;
	*cap = cap2;
	return FCS_OK;
}

struct so_entry *
sharedobj_entry_new(
    struct sharedobj *so, enum so_entry_kind kind, struct so_user *user)
{
	struct so_entry *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->set = so->set;
	e->so = so;
	e->kind = kind;
	e->id = ++so->set->next_entry;
	e->version = so->image->version;
	if (user != NULL) {
		struct client *c = sharedobj_user_client(user);
		const char *owner = c == NULL ? "" : client_owner(c);

		e->owner = refbuf_from(owner, strlen(owner) + 1);
		if (e->owner == NULL) {
			free(e);
			return NULL;
		}
		e->user = user;
		user->refs++;
	}
	return e;
}

/* Its commit is over, or will not be: what waited for it may go on. */
static void
leave_commits(struct so_entry *e)
{
	if (e->seq == 0)
		return;
	DL_DELETE2(e->set->commits, e, seq_prev, seq_next);
	e->seq = 0;
	sharedobj_wake(e->set);
}

void
sharedobj_entry_free(struct so_entry *e)
{
	if (e == NULL)
		return;
	leave_commits(e);
	for (uint32_t i = 0; i < e->change_count; i++) {
		refbuf_unref(e->changes[i].name);
		refbuf_unref(e->changes[i].value);
		refbuf_unref(e->changes[i].old);
		refbuf_unref(e->changes[i].old_user);
	}
	for (uint32_t i = 0; i < e->item_count; i++) {
		refbuf_unref(e->items[i].name);
		refbuf_unref(e->items[i].data);
	}
	if (e->sync != NULL)
		sharedobj_out_sync_unref(e->sync);
	refbuf_unref(e->owner);
	sharedobj_user_unref(e->user);
	free(e->changes);
	free(e->items);
	free(e->rows);
	free(e);
}

/* The first change of a batch: it is a version from now on. */
void
sharedobj_entry_begin(struct so_entry *e)
{
	struct sharedobj *so = e->so;

	if (e->changed)
		return;
	e->changed = true;
	e->version = ++so->image->version;
	so->unsaved = false; /* it is tried again */
	if (!sharedobj_is_stored(so))
		return;
	e->seq = ++so->set->seq;
	so->last_seq = e->seq;
	DL_APPEND2(so->set->commits, e, seq_prev, seq_next);
}

static int
add_item(struct so_entry *e, struct so_item **out)
{
	int rc = grow((void **)&e->items, &e->item_cap, e->item_count + 1,
	    sizeof(*e->items));

	if (rc != FCS_OK)
		return rc;
	*out = &e->items[e->item_count++];
	memset(*out, 0, sizeof(**out));
	return FCS_OK;
}

int
sharedobj_entry_item(struct so_entry *e, uint8_t to, uint8_t type,
    struct refbuf *name, struct refbuf *data)
{
	struct so_item *item;

	if (add_item(e, &item) != FCS_OK)
		return FCS_ENOMEM;
	item->to = to;
	item->type = type;
	if (name != NULL)
		item->name = refbuf_ref(name);
	if (data != NULL)
		item->data = refbuf_ref(data);
	return FCS_OK;
}

/* Room for a change of that slot and an item: what follows cannot fail. */
static int
find_change(struct so_entry *e, const struct so_slot *s, uint32_t *index)
{
	int rc = grow((void **)&e->items, &e->item_cap, e->item_count + 1,
	    sizeof(*e->items));

	if (rc == FCS_OK)
		rc = grow((void **)&e->changes, &e->change_cap,
		    e->change_count + 1, sizeof(*e->changes));
	if (rc != FCS_OK)
		return rc;
	*index = s != NULL && s->mark == e->id ? s->index : e->change_count;
	return FCS_OK;
}

int
sharedobj_entry_fits(const struct sharedobj *so, const struct so_slot *s,
    size_t name_len, size_t len)
{
	const struct so_image *im = so->image;
	uint64_t bytes = im->bytes + name_len + len;
	bool live = s != NULL && s->value != NULL;

	if (live)
		bytes -= name_len + s->value->len;
	if ((int64_t)len > so->max_value || (int64_t)bytes > so->max_bytes ||
	    (!live && (int64_t)im->live >= so->max_slots))
		return FCS_ELIMIT;
	return FCS_OK;
}

int
sharedobj_entry_change(
    struct so_entry *e, struct refbuf *name, struct refbuf *value, uint8_t to)
{
	struct so_image *im = e->so->image;
	struct so_slot *s =
	    sharedobj_image_find(im, (const char *)name->data, name->len);
	struct so_change before = { 0 };
	struct so_change *c;
	struct so_item *item;
	uint32_t at;

	if (find_change(e, s, &at) != FCS_OK)
		return FCS_ENOMEM;
	if (s != NULL) {
		before.old = s->value == NULL ? NULL : refbuf_ref(s->value);
		before.old_user = s->user == NULL ? NULL : refbuf_ref(s->user);
		before.old_version = s->version;
	}
	if (sharedobj_image_put(im, name, value, e->owner, im->version, &s) !=
	    FCS_OK) {
		refbuf_unref(before.old);
		refbuf_unref(before.old_user);
		return FCS_ENOMEM;
	}
	sharedobj_entry_begin(e);
	s->version = e->version;
	if (e->user == NULL || s->writer != e->user->id)
		s->contested = before.old_version;
	s->writer = e->user == NULL ? 0 : e->user->id;
	c = &e->changes[at];
	if (at == e->change_count) {
		s->mark = e->id;
		s->index = at;
		*c = before;
		c->name = refbuf_ref(name);
		e->change_count++;
	} else {
		/* an earlier change of the same batch: its `old` stands */
		refbuf_unref(before.old);
		refbuf_unref(before.old_user);
		refbuf_unref(c->value);
	}
	c->value = value == NULL ? NULL : refbuf_ref(value);
	if (!c->told && to != 0) {
		(void)add_item(e, &item); /* there is room */
		item->to = to;
		item->type = SOMSG_CHANGE;
		item->change = at;
		c->told = true;
	}
	return FCS_OK;
}

int
sharedobj_entry_clear(struct so_entry *e, uint8_t to)
{
	struct so_image *im = e->so->image;
	struct so_slot *s;
	int rc = FCS_OK;

	while (rc == FCS_OK && (s = im->order) != NULL)
		rc = sharedobj_entry_change(e, s->name, NULL, 0);
	if (rc != FCS_OK)
		return rc;
	/* the Clear stands for what the others were to be told before it */
	for (uint32_t i = 0; i < e->item_count; i++)
		if (e->items[i].type == SOMSG_CHANGE &&
		    e->items[i].name == NULL)
			e->items[i].to = 0;
	for (uint32_t i = 0; i < e->change_count; i++)
		e->changes[i].told = false;
	return sharedobj_entry_item(e, to, SOMSG_CLEAR, NULL, NULL);
}

static void
enqueue(struct sharedobj *so, struct so_entry *e)
{
	DL_APPEND(so->queue, e);
	so->queue_len++;
	so->set->queued += e->bytes;
	sharedobj_wake_one(so);
}

/* Rows for the store, with the names behind them: the batch may outlive its
 * object and instance. */
static int
make_rows(struct so_entry *e)
{
	const char *inst = instance_name(e->set->inst);
	size_t rows = e->change_count * sizeof(*e->rows);
	size_t inst_len = strlen(inst) + 1;
	struct so_change *c;
	char *names;

	e->rows = calloc(1, rows + inst_len + e->so->name_len + 1);
	if (e->rows == NULL)
		return FCS_ENOMEM;
	for (uint32_t i = 0; i < e->change_count; i++) {
		c = &e->changes[i];
		e->rows[i].slot = (const char *)c->name->data;
		e->rows[i].slot_len = c->name->len;
		e->rows[i].value = c->value == NULL ? NULL : c->value->data;
		e->rows[i].len = c->value == NULL ? 0 : c->value->len;
	}
	names = (char *)e->rows + rows;
	memcpy(names, inst, inst_len);
	memcpy(names + inst_len, e->so->name, e->so->name_len + 1);
	e->batch.inst = names;
	e->batch.object = names + inst_len;
	return FCS_OK;
}

static void
submit(struct so_entry *e)
{
	struct sharedobj *so = e->so;

	e->in_flight = true;
	so->in_flight++;
	so->set->refs++; /* until done */
	if (so->state != SO_READY || make_rows(e) != FCS_OK) {
		struct err why;
		int code = so->state != SO_READY ? FCS_EREADONLY : FCS_ENOMEM;

		(void)err_set(&why, code, "%s", err_text(code));
		sharedobj_queue_done(e, code, &why);
		return;
	}
	e->batch.version = e->version;
	e->batch.user = e->owner == NULL ? NULL : (const char *)e->owner->data;
	e->batch.at_ms = e->at_ms;
	e->batch.changes = e->rows;
	e->batch.count = e->change_count;
	e->batch.no_history = so->history == 0;
	e->batch.relaxed = so->durability == SCRIPT_TO_OS;
	e->batch.kind = e->what;
	e->batch.target = e->target;
	e->job.batch = &e->batch;
	e->job.done = sharedobj_queue_done;
	e->job.arg = e;
	commit_submit(so->set->env->commit, &e->job);
	loop_at_end(so->set->env->loop, LOOP_COMMIT, &so->set->commit);
}

void
sharedobj_entry_close(struct so_entry *e)
{
	struct sharedobj *so = e->so;

	if (so->open == e)
		so->open = NULL;
	if (so->taking == e)
		so->taking = NULL;
	e->at_ms = clock_wall_ms();
	e->bytes = sizeof(*e);
	for (uint32_t i = 0; i < e->change_count; i++)
		e->bytes +=
		    sizeof(e->changes[i]) + (e->changes[i].value == NULL
						    ? 0
						    : e->changes[i].value->len);
	for (uint32_t i = 0; i < e->item_count; i++)
		e->bytes +=
		    sizeof(e->items[i]) +
		    (e->items[i].data == NULL ? 0 : e->items[i].data->len);
	if (e->barrier != 0)
		so->set->held++;
	enqueue(so, e);
	if (e->seq != 0)
		submit(e);
}

void
sharedobj_entry_abort(struct so_entry *e)
{
	struct sharedobj *so = e->so;

	if (so->open == e)
		so->open = NULL;
	if (so->taking == e)
		so->taking = NULL;
	for (uint32_t i = e->change_count; i > 0; i--)
		sharedobj_image_undo(so->image, &e->changes[i - 1]);
	if (e->changed)
		so->image->version--;
	sharedobj_entry_free(e);
}

struct so_entry *
sharedobj_entry_open(struct sharedobj *so)
{
	uint64_t barrier = instance_barrier(so->set->inst);

	if (so->taking != NULL)
		return so->taking;
	if (so->open == NULL) {
		so->open = sharedobj_entry_new(so, SO_BATCH, NULL);
		if (so->open == NULL)
			return NULL;
		sharedobj_wake_one(so);
	}
	/* what the handler wrote before, to other objects */
	if (barrier != so->open->seq && barrier > so->open->barrier)
		so->open->barrier = barrier;
	return so->open;
}

void
sharedobj_entry_close_open(struct sharedobj *so)
{
	struct so_entry *e = so->open;

	if (e == NULL || so->depth > 0)
		return;
	if (e->change_count == 0 && e->item_count == 0) {
		so->open = NULL;
		sharedobj_entry_free(e);
		return;
	}
	sharedobj_entry_close(e);
}
