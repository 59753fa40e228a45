/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer_call - calls both ways over a peer.
 *
 * What a script says leaves behind the commit barrier of its instance, in
 * order (DESIGN 5): with nothing to wait for it is written at once, else it is
 * packed into a parcel that instance_later keeps. Calls of a peer that is not
 * open wait as parcels too, PEER_QUEUE_MAX of them, PEER_QUEUE_MS each.
 * An answer belongs to the connection its question came by (epoch); a call
 * that was sent does not outlive its connection, one that waits does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/log.h"
#include "peer/peer_int.h"

#define CALLS_MIN 8

enum parcel_kind {
	PARCEL_CALL,
	PARCEL_TELL,
	PARCEL_ANSWER
};

struct peer_parcel {
	struct peer_parcel *prev, *next;
	struct instance *inst;
	uint64_t peer, epoch;
	enum parcel_kind kind;
	bool is_void;     /* behind the barrier, and its peer is gone */
	double txn;       /* ANSWER */
	uint64_t pending; /* CALL */
	uint64_t deadline_ms;
	uint8_t *packed; /* one array of the arguments */
	size_t len;
	char name[];
};

static int answer_error(struct peer *, bool now, double txn,
    const char *description, const struct value *application);

struct asked { /* a call of the far side in the script */
	uint64_t epoch;
	double txn;
	char name[];
};

/* ---- no answer will come ---- */

static void
fail(
    struct instance *i, const struct peer *p, uint64_t pending, const char *why)
{
	struct arena *a = arena_new(PEER_ARENA);
	struct value *info = NULL;

	if (a != NULL && why != NULL)
		info = status_info(a, STATUS_CALL_FAILED, why, NULL, NULL);
	else if (a != NULL && p != NULL && p->last != NULL &&
		 value_unpack(a, p->last, p->last_len, &info) != FCS_OK)
		info = NULL;
	instance_resolve(i, pending, false, info, PEER_LOST);
	arena_free(a);
}

/* ---- sending ---- */

static int
room_for_call(struct peer *p)
{
	struct peer_call *v;
	uint32_t cap;

	if (p->call_count < p->call_cap)
		return FCS_OK;
	cap = p->call_cap == 0 ? CALLS_MIN : p->call_cap * 2;
	v = realloc(p->calls, cap * sizeof(*v));
	if (v == NULL)
		return FCS_ENOMEM;
	p->calls = v;
	p->call_cap = cap;
	return FCS_OK;
}

static int
send_call(struct peer *p, const char *name, struct value *const *args,
    uint32_t count, uint64_t pending)
{
	int rc = room_for_call(p);

	if (rc == FCS_OK)
		rc = peer_conn_command(p, name, p->next_txn, args, count);
	if (rc != FCS_OK)
		return rc;
	p->calls[p->call_count].txn = p->next_txn++;
	p->calls[p->call_count++].pending = pending;
	return FCS_OK;
}

/* ---- parcels ---- */

static void
parcel_free(struct peer_parcel *c)
{
	free(c->packed);
	free(c);
}

static struct peer_parcel *
parcel_new(struct peer *p, enum parcel_kind kind, const char *name,
    struct value *const *args, uint32_t count, int *rc)
{
	size_t len = strlen(name) + 1;
	struct peer_parcel *c = calloc(1, sizeof(*c) + len);
	struct arena *a = arena_new(PEER_ARENA);
	struct value *list = NULL;
	struct buf b;
	uint32_t n;

	*rc = FCS_ENOMEM;
	buf_init(&b, 0);
	if (c == NULL || a == NULL ||
	    (list = value_new(a, VALUE_ARRAY)) == NULL)
		goto out;
	c->inst = p->inst;
	c->peer = p->id;
	c->epoch = p->epoch;
	c->kind = kind;
	memcpy(c->name, name, len);
	*rc = FCS_OK;
	for (n = 0; *rc == FCS_OK && n < count; n++)
		*rc = args[n] != NULL
			  ? value_push(a, list, args[n])
			  : value_push(a, list, value_new(a, VALUE_NULL));
	if (*rc == FCS_OK)
		*rc = value_pack(&b, list);
	if (*rc == FCS_OK && (c->packed = buf_take(&b, &c->len)) == NULL)
		*rc = FCS_ENOMEM;
out:
	buf_fini(&b);
	arena_free(a);
	if (*rc == FCS_OK)
		return c;
	free(c);
	return NULL;
}

/* What is in it, as a command on the wire. */
static int
parcel_send(struct peer *p, const struct peer_parcel *c)
{
	struct arena *a = arena_new(PEER_ARENA);
	struct value *list = NULL;
	int rc = FCS_ENOMEM;

	if (a != NULL)
		rc = value_unpack(a, c->packed, c->len, &list);
	if (rc == FCS_OK && c->kind == PARCEL_CALL)
		rc = send_call(
		    p, c->name, list->items, list->item_count, c->pending);
	else if (rc == FCS_OK)
		rc = peer_conn_command(
		    p, c->name, c->txn, list->items, list->item_count);
	arena_free(a);
	return rc;
}

/* ---- the queue of a peer that is not open ---- */

static void
arm_queue(struct peer *p)
{
	uint64_t now = loop_now_ms(p->loop);

	if (p->queue == NULL)
		timer_stop(p->queue_timer);
	else
		timer_set(p->queue_timer,
		    p->queue->deadline_ms > now
			? (uint32_t)(p->queue->deadline_ms - now)
			: 0);
}

static void
unqueue(struct peer *p, struct peer_parcel *c)
{
	DL_DELETE(p->queue, c);
	p->queued--;
}

static void
on_queue_timer(void *arg)
{
	struct peer *p = arg;
	struct peer_parcel *c;

	while (
	    (c = p->queue) != NULL && c->deadline_ms <= loop_now_ms(p->loop)) {
		unqueue(p, c);
		fail(p->inst, p, c->pending, "not connected in time");
		parcel_free(c);
	}
	arm_queue(p);
}

static int
enqueue(struct peer *p, struct peer_parcel *c)
{
	if (p->queue_timer == NULL)
		p->queue_timer = timer_new(p->loop, on_queue_timer, p);
	if (p->queue_timer == NULL)
		return FCS_ENOMEM;
	c->deadline_ms = loop_now_ms(p->loop) + PEER_QUEUE_MS;
	DL_APPEND(p->queue, c);
	p->queued++;
	if (p->queue == c)
		arm_queue(p);
	return FCS_OK;
}

void
peer_call_opened(struct peer *p)
{
	struct peer_parcel *c;
	int rc;

	while (p->state == PEER_OPEN && (c = p->queue) != NULL) {
		unqueue(p, c);
		rc = parcel_send(p, c);
		if (rc != FCS_OK)
			fail(p->inst, p, c->pending, err_text(rc));
		parcel_free(c);
	}
	if (p->queue_timer != NULL && p->state != PEER_CLOSED)
		arm_queue(p);
}

/* ---- behind the barrier ---- */

static void
unhold(struct peer *p, struct peer_parcel *c)
{
	DL_DELETE(p->holding, c);
	p->held_bytes -= c->len;
	if (c->kind == PARCEL_CALL)
		p->held--;
}

/* Its time has come; FCS_EIO: what it followed was lost. */
static void
parcel_due(void *arg, int result)
{
	struct peer_parcel *c = arg;
	struct peer *p;
	const char *why = NULL;
	int rc = FCS_OK;

	p = c->is_void ? NULL : peer_by_id(c->peer);
	if (p != NULL)
		unhold(p, c);
	if (p == NULL || result == FCS_ECLOSED) { /* or the instance ends */
		parcel_free(c);
		return;
	}
	if (result != FCS_OK)
		why = "the change could not be stored";
	if (c->kind == PARCEL_CALL) {
		if (result == FCS_OK && p->state == PEER_OPEN)
			rc = parcel_send(p, c);
		else if (result == FCS_OK && (rc = enqueue(p, c)) == FCS_OK)
			return;
		if (rc != FCS_OK)
			why = err_text(rc);
		if (why != NULL)
			fail(c->inst, p, c->pending, why);
	} else if (p->state == PEER_OPEN && p->epoch == c->epoch) {
		/* a tell that cannot be sent any more was said in vain */
		if (result == FCS_OK)
			fcs_ignore(parcel_send(p, c));
		else if (c->kind == PARCEL_ANSWER)
			fcs_ignore(answer_error(p, true, c->txn, why, NULL));
	}
	parcel_free(c);
}

static int
hold(struct peer *p, struct peer_parcel *c)
{
	size_t len = c->len;
	int rc;

	if (p->held_bytes + len >
	    (size_t)limits_get(peer_limits(p), LIMIT_OUT_REPLIES)) {
		limits_refuse(LIMIT_OUT_REPLIES);
		rc = FCS_ELIMIT;
	} else {
		DL_APPEND(p->holding, c);
		p->held_bytes += len;
		if (c->kind == PARCEL_CALL)
			p->held++;
		rc = instance_later(p->inst, parcel_due, c);
		if (rc == FCS_OK)
			return FCS_OK;
		unhold(p, c);
	}
	parcel_free(c);
	return rc;
}

/* ---- ours ---- */

int
peer_call_ask(struct peer *p, const char *name, struct value *const *args,
    uint32_t count, uint64_t pending)
{
	uint32_t waiting = p->queued + p->held;
	struct peer_parcel *c;
	int rc;

	if (p->state == PEER_OPEN ? (int64_t)p->call_count + waiting >=
					peer_setting(p, APP_SCRIPT_CALLS)
				  : waiting >= PEER_QUEUE_MAX)
		return FCS_ELIMIT;
	if (p->state == PEER_OPEN && instance_barrier(p->inst) == 0)
		return send_call(p, name, args, count, pending);
	c = parcel_new(p, PARCEL_CALL, name, args, count, &rc);
	if (c == NULL)
		return rc;
	c->pending = pending;
	if (instance_barrier(p->inst) != 0)
		return hold(p, c);
	rc = enqueue(p, c);
	if (rc != FCS_OK)
		parcel_free(c);
	return rc;
}

static int
say(struct peer *p, enum parcel_kind kind, const char *name, double txn,
    struct value *const *args, uint32_t count)
{
	struct peer_parcel *c;
	int rc;

	if (p->state != PEER_OPEN)
		return FCS_ECLOSED;
	if (instance_barrier(p->inst) == 0)
		return peer_conn_command(p, name, txn, args, count);
	c = parcel_new(p, kind, name, args, count, &rc);
	if (c == NULL)
		return rc;
	c->txn = txn;
	return hold(p, c);
}

int
peer_call_tell(
    struct peer *p, const char *name, struct value *const *args, uint32_t count)
{
	return say(p, PARCEL_TELL, name, 0, args, count);
}

static const char *
error_text(const struct value *info, char text[ERR_TEXT_MAX])
{
	const struct value *d = value_get(info, "description");
	int n;

	if (d == NULL || d->type != VALUE_STRING)
		d = value_get(info, "code");
	if (d == NULL || d->type != VALUE_STRING)
		return "NetConnection.Call.Failed";
	n = (int)(d->str.len < ERR_TEXT_MAX ? d->str.len : ERR_TEXT_MAX - 1);
	(void)snprintf(text, ERR_TEXT_MAX, "%.*s", n, d->str.ptr);
	/* not to be taken for our own word */
	return strcmp(text, PEER_LOST) == 0 ? "call failed" : text;
}

void
peer_call_answered(struct peer *p, bool ok, const struct command *cmd)
{
	const struct value *v = cmd->arg_count > 0 ? cmd->args[0] : NULL;
	char text[ERR_TEXT_MAX];
	uint64_t pending;
	uint32_t n;

	for (n = 0; n < p->call_count && p->calls[n].txn != cmd->txn; n++)
		;
	if (n == p->call_count)
		return; /* twice, or never asked */
	pending = p->calls[n].pending;
	memmove(p->calls + n, p->calls + n + 1,
	    (p->call_count - n - 1) * sizeof(*p->calls));
	p->call_count--;
	instance_resolve(
	    p->inst, pending, ok, v, ok ? NULL : error_text(v, text));
}

/* ---- theirs ---- */

/* now: not behind the barrier. */
static int
answer_error(struct peer *p, bool now, double txn, const char *description,
    const struct value *application)
{
	struct arena *a = arena_new(PEER_ARENA);
	struct value *info = NULL;
	int rc = FCS_ENOMEM;

	if (a != NULL)
		info =
		    status_info(a, STATUS_CALL_FAILED, description, NULL, NULL);
	if (info != NULL)
		rc = application == NULL
			 ? FCS_OK
			 : value_set(a, info, "application",
			       (struct value *)(uintptr_t)application);
	if (rc == FCS_OK && now)
		rc = peer_conn_command(p, "_error", txn, &info, 1);
	else if (rc == FCS_OK)
		rc = say(p, PARCEL_ANSWER, "_error", txn, &info, 1);
	arena_free(a);
	return rc;
}

static void
refuse(struct peer *p, double txn, const char *why, const struct value *app)
{
	int rc;

	if (txn == 0)
		return;
	rc = answer_error(p, false, txn, why, app);
	if (rc != FCS_OK && rc != FCS_ECLOSED && app != NULL)
		rc = answer_error(p, false, txn, why, NULL);
	if (rc != FCS_OK && rc != FCS_ECLOSED)
		log_warn("peer.answer", "inst=%s why=%s",
		    instance_full_name(p->inst), err_text(rc));
}

static void
answer(struct peer *p, const struct asked *q, const struct script_answer *a)
{
	struct value *v = (struct value *)(uintptr_t)a->value;
	char text[ERR_TEXT_MAX];
	int rc;

	switch (a->verdict) {
	case SCRIPT_OK:
		if (q->txn == 0)
			break;
		rc = say(p, PARCEL_ANSWER, "_result", q->txn, &v, 1);
		if (rc != FCS_OK && rc != FCS_ECLOSED)
			refuse(p, q->txn, "the result cannot be sent", NULL);
		break;
	case SCRIPT_MISSING:
		(void)snprintf(
		    text, sizeof(text), "Method not found (%s).", q->name);
		refuse(p, q->txn, text, NULL);
		break;
	case SCRIPT_LOST:
		refuse(p, q->txn, "The application was stopped.", NULL);
		break;
	case SCRIPT_REJECT:
	case SCRIPT_REDIRECT:
	case SCRIPT_FAILED:
	case SCRIPT_HOLD:
		refuse(p, q->txn, a->text == NULL ? "" : a->text, v);
		break;
	}
}

static void
on_answer(struct instance *i, uint64_t id, uint64_t key,
    const struct script_answer *a)
{
	struct peer *p = peer_by_id(id);
	struct asked *q = p == NULL ? NULL : idmap_del(p->asked, key);

	(void)i;
	if (q == NULL)
		return;
	if (p->state == PEER_OPEN && p->epoch == q->epoch)
		answer(p, q, a);
	free(q);
}

/* A name fit for a log line and the script. */
static bool
is_name(const struct peer *p, struct value_str s)
{
	uint32_t i;

	if (s.len == 0 || s.len > COMMAND_NAME_MAX ||
	    (int64_t)s.len > limits_get(peer_limits(p), LIMIT_COMMAND_NAME))
		return false;
	for (i = 0; i < s.len; i++)
		if ((uint8_t)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
			return false;
	return true;
}

static struct asked *
asked_new(struct peer *p, const struct command *cmd, uint64_t *key)
{
	struct asked *q;

	if (p->asked == NULL)
		p->asked = idmap_new((uint32_t)limits_get(
		    peer_limits(p), LIMIT_CALLS_PER_CLIENT));
	q = p->asked == NULL ? NULL : calloc(1, sizeof(*q) + cmd->name.len + 1);
	if (q == NULL)
		return NULL;
	q->epoch = p->epoch;
	q->txn = cmd->txn;
	memcpy(q->name, cmd->name.ptr, cmd->name.len);
	if (idmap_add(p->asked, q, key) == FCS_OK)
		return q;
	limits_refuse(LIMIT_CALLS_PER_CLIENT);
	free(q);
	return NULL;
}

void
peer_call_asked(struct peer *p, const struct command *cmd)
{
	struct script_args args;
	struct asked *q;
	char id[24], name[COMMAND_NAME_MAX + 1];
	uint64_t key;

	if (!is_name(p, cmd->name)) {
		limits_refuse(LIMIT_COMMAND_NAME);
		log_info("peer.command", "inst=%s why=%s",
		    instance_full_name(p->inst),
		    "name too long or with control characters");
		return;
	}
	if ((q = asked_new(p, cmd, &key)) == NULL) {
		refuse(p, cmd->txn, "too many unanswered calls", NULL);
		return;
	}
	(void)snprintf(id, sizeof(id), "%llu", (unsigned long long)p->id);
	memset(&args, 0, sizeof(args));
	args.text = id;
	(void)snprintf(name, sizeof(name), "%s", q->name);
	args.name = name; /* q ends with its answer */
	args.values = cmd->args;
	args.count = cmd->arg_count;
	instance_question(
	    p->inst, SCRIPT_PEER_CALL, &args, on_answer, p->id, key);
}

/* ---- the end ---- */

void
peer_call_lost(struct peer *p, bool end)
{
	struct peer_parcel *c;
	uint32_t n, count = p->call_count;

	p->call_count = 0;
	for (n = 0; n < count; n++)
		fail(p->inst, p, p->calls[n].pending, NULL);
	while (end && (c = p->queue) != NULL) {
		unqueue(p, c);
		fail(p->inst, p, c->pending, NULL);
		parcel_free(c);
	}
	while (end && (c = p->holding) != NULL) {
		unhold(p, c);
		c->is_void = true; /* freed when it is due */
		if (c->kind == PARCEL_CALL)
			fail(p->inst, p, c->pending, NULL);
	}
}

void
peer_call_forget(struct peer *p)
{
	struct peer_parcel *c;

	p->call_count = 0;
	while ((c = p->queue) != NULL) {
		unqueue(p, c);
		parcel_free(c);
	}
	while ((c = p->holding) != NULL) {
		unhold(p, c);
		c->is_void = true;
	}
}

void
peer_call_fini(struct peer *p)
{
	struct asked *q;
	uint64_t key;

	while (
	    p->asked != NULL && (q = idmap_next(p->asked, 0, &key)) != NULL) {
		(void)idmap_del(p->asked, key);
		free(q);
	}
	idmap_free(p->asked);
	free(p->calls);
}
