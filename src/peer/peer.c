/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer - see peer.h. This file: life of a peer, dialling, whom it tells.
 *
 *	WAITING -> DIALING (finding or reaching, connecting) -> OPEN
 *	   ^           |                                          |
 *	   +-----------+---------------- peer_over ---------------+-> CLOSED
 *
 * One timer serves all states: the pause, the limit for reaching, the limit
 * for the answer. A peer is freed at the end of the turn in which it ends.
 */
#include "peer/peer_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <utlist.h>

#include "base/log.h"
#include "base/rnd.h"
#include "base/str.h"

#define PEERS_MAX     1000000
#define PAUSE_MIN_MS  500
#define PAUSE_MAX_MS  30000
#define PAUSE_SPREAD  10 /* a tenth */
#define URI_LOGGED(p) (int)strcspn((p)->uri, "?"), (p)->uri

struct peers { /* of one instance */
	struct instance *inst;
	struct peer *list;
	uint32_t count;
};

/* Every peer of the process: who comes back with an id has nothing else. */
static struct idmap *all_peers;

struct peer *
peer_by_id(uint64_t id)
{
	return all_peers == NULL ? NULL : idmap_get(all_peers, id);
}

static struct peer *
find(struct instance *i, uint64_t id)
{
	struct peer *p = peer_by_id(id);

	return p != NULL && p->inst == i ? p : NULL;
}

static const struct application_env *
env_of(const struct peer *p)
{
	return application_env(instance_app(p->inst));
}

int64_t
peer_setting(const struct peer *p, enum config_app_key key)
{
	return config_app_int(env_of(p)->settings, key);
}

const struct limits *
peer_limits(const struct peer *p)
{
	return env_of(p)->limits;
}

/* ---- who is told ---- */

void
peer_tell_script(struct peer *p, const char *mode, const char *text,
    const struct value *info)
{
	struct value *values[1] = { (struct value *)(uintptr_t)info };
	struct script_args args;
	char id[24];

	(void)snprintf(id, sizeof(id), "%llu", (unsigned long long)p->id);
	memset(&args, 0, sizeof(args));
	args.name = id;
	args.mode = mode;
	args.text = text;
	args.values = values;
	args.count = 1;
	instance_event(p->inst, SCRIPT_PEER, &args);
}

static void
sweep_watchers(struct peer *p)
{
	struct peer_watching *w, *next;

	DL_FOREACH_SAFE(p->watching, w, next) {
		if (w->ops != NULL)
			continue;
		DL_DELETE(p->watching, w);
		free(w);
	}
}

/* Those who came late, or the connection is new. Also the broom. */
static void
on_watch_task(void *arg)
{
	struct peer *p = arg;
	struct peer_watching *w;

	DL_FOREACH(p->watching, w) {
		if (w->ops == NULL || w->is_told || p->state != PEER_OPEN)
			continue;
		w->is_told = true;
		w->ops->opened(w->arg, p->id);
	}
	sweep_watchers(p);
}

static void
tell_closed(struct peer *p, bool end)
{
	struct peer_watching *w;

	DL_FOREACH(p->watching, w) {
		if (w->ops == NULL || (!w->is_told && !end))
			continue;
		w->is_told = false;
		w->ops->closed(w->arg, p->id, end);
	}
}

void
peer_tell_watchers(struct peer *p, const struct message *m)
{
	struct peer_watching *w;
	int rc;

	DL_FOREACH(p->watching, w) {
		if (w->ops == NULL)
			continue;
		if (!w->is_told) { /* it hears of the opening first */
			w->is_told = true;
			w->ops->opened(w->arg, p->id);
		}
		if (w->ops == NULL || p->state != PEER_OPEN)
			continue;
		rc = w->ops->message(w->arg, p->id, m);
		if (rc != FCS_OK && p->state == PEER_OPEN) {
			peer_over(p, NULL, err_text(rc), false);
			return;
		}
	}
}

/* ---- the end of a try, of a connection, of it all ---- */

static void
free_now(void *obj)
{
	struct peer *p = obj;
	struct peer_watching *w;

	while ((w = p->watching) != NULL) {
		DL_DELETE(p->watching, w);
		free(w);
	}
	peer_call_fini(p);
	timer_free(p->timer);
	timer_free(p->pace);
	timer_free(p->queue_timer);
	free(p->uri);
	free(p->args);
	free(p->last);
	free(p);
}

static void
hang_up(struct peer *p, bool graceful)
{
	timer_stop(p->timer);
	dial_free(p->dial);
	p->dial = NULL;
	peer_conn_stop(p, graceful);
}

static void
forget(struct peer *p)
{
	(void)idmap_del(all_peers, p->id);
	DL_DELETE(p->set->list, p);
	p->set->count--;
	loop_cancel(p->loop, LOOP_WORK, &p->watch_task);
	if (p->queue_timer != NULL)
		timer_stop(p->queue_timer);
	loop_defer_free(p->loop, free_now, p);
}

static void
remember(struct peer *p, const struct value *info)
{
	struct buf b;

	buf_init(&b, 0);
	if (value_pack(&b, info) == FCS_OK) {
		free(p->last);
		p->last = buf_take(&b, &p->last_len);
	}
	buf_fini(&b);
}

static void
dial_again(struct peer *p, bool was_open)
{
	uint32_t pause;

	if (was_open && loop_now_ms(p->loop) - p->opened_ms >= p->pause_ms)
		p->pause_ms = PAUSE_MIN_MS;
	pause = p->pause_ms;
	p->pause_ms = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	pause = pause - pause / PAUSE_SPREAD +
		rnd_below(pause * 2 / PAUSE_SPREAD + 1);
	p->state = PEER_WAITING;
	timer_set(p->timer, pause);
}

void
peer_over(struct peer *p, const struct value *info, const char *why, bool end)
{
	bool was_open = p->state == PEER_OPEN;
	struct arena *a = arena_new(PEER_ARENA);

	if (p->state == PEER_CLOSED) {
		arena_free(a);
		return;
	}
	if (p->once)
		end = true;
	hang_up(p, end);
	p->epoch++;
	if (info == NULL && a != NULL)
		info = status_info(a,
		    was_open ? STATUS_CONNECT_CLOSED : STATUS_CONNECT_FAILED,
		    why, NULL, NULL);
	if (info != NULL)
		remember(p, info);
	log_info(was_open ? "peer.closed" : "peer.failed",
	    "inst=%s uri=%.*s end=%d why=%s", instance_full_name(p->inst),
	    URI_LOGGED(p), end, why);
	if (end)
		p->state = PEER_CLOSED;
	else
		dial_again(p, was_open);
	/* the event first: once it is queued, so is what follows, and no
	 * script runs before we are done */
	peer_tell_script(
	    p, was_open ? "close" : "failed", end ? "end" : "", info);
	peer_call_lost(p, end);
	tell_closed(p, end);
	if (end)
		forget(p);
	arena_free(a);
}

void
peer_opened(struct peer *p, int amf, const struct value *info)
{
	timer_stop(p->timer);
	p->state = PEER_OPEN;
	p->amf = amf;
	p->opened_ms = loop_now_ms(p->loop);
	remember(p, info);
	log_info("peer.open", "inst=%s uri=%.*s amf=%d",
	    instance_full_name(p->inst), URI_LOGGED(p), amf);
	peer_tell_script(p, "open", "", info);
	peer_call_opened(p);
	if (p->watching != NULL && p->state == PEER_OPEN)
		loop_at_end(p->loop, LOOP_WORK, &p->watch_task);
}

/* ---- dialling ---- */

/* An answer to an older question serves as well: nothing was said on it. */
static void
on_located(uint64_t id, int result, int fd, const char *why)
{
	struct peer *p = peer_by_id(id);

	if (p == NULL || p->state != PEER_DIALING || p->phase != PEER_FINDING) {
		if (result == FCS_OK)
			(void)close(fd);
		return;
	}
	if (result != FCS_OK) {
		peer_over(p, NULL, why, false);
		return;
	}
	p->phase = PEER_REACHING;
	if (peer_conn_start(p, fd, CONN_PLAIN) != FCS_OK)
		peer_over(p, NULL, "out of memory", false);
}

static void
locate(struct peer *p)
{
	const struct peer_locator *l = env_of(p)->locator;
	struct peer_where where;

	if (l == NULL) {
		peer_over(p, NULL, "no other instances here", false);
		return;
	}
	where.app = p->where.where.app;
	where.inst = p->where.where.inst;
	where.from = instance_full_name(p->inst);
	p->phase = PEER_FINDING;
	l->locate(l->arg, &where, p->id, on_located);
}

static void
on_dialled(void *arg, int fd, const struct err *why)
{
	struct peer *p = arg;
	char text[ERR_TEXT_MAX];

	dial_free(p->dial);
	p->dial = NULL;
	if (fd >= 0 && peer_conn_start(p, fd, CONN_CLIENT) == FCS_OK)
		return;
	(void)snprintf(text, sizeof(text), "%.64s:%u: %.80s", p->where.host,
	    (unsigned)p->where.port, fd >= 0 ? "out of memory" : why->text);
	peer_over(p, NULL, text, false);
}

static void
dial(struct peer *p)
{
	uint32_t ms =
	    (uint32_t)limits_get(peer_limits(p), LIMIT_PEER_DIAL_TIME);

	p->state = PEER_DIALING;
	p->answered = false;
	timer_set(p->timer, ms);
	if (p->where.local) {
		locate(p);
		return;
	}
	if (env_of(p)->probe != NULL) {
		peer_over(p, NULL, "a test has no network", false);
		return;
	}
	p->phase = PEER_REACHING;
	p->dial =
	    dial_new(p->loop, p->where.host, p->where.port, ms, on_dialled, p);
	if (p->dial == NULL)
		peer_over(p, NULL, "out of memory", false);
}

static void
on_timer(void *arg)
{
	struct peer *p = arg;

	if (p->state == PEER_WAITING)
		dial(p);
	else if (p->phase == PEER_CONNECTING)
		peer_over(p, NULL, "connect was not answered in time", false);
	else
		peer_over(p, NULL, "not reached in time", false);
}

/* ---- the table ---- */

static int
keep_args(struct peer *p, const struct peer_request *r)
{
	struct arena *a = arena_new(PEER_ARENA);
	struct value *list = NULL;
	struct buf b;
	uint32_t n;
	int rc = FCS_ENOMEM;

	buf_init(&b, 0);
	if (a != NULL && (list = value_new(a, VALUE_ARRAY)) != NULL)
		rc = FCS_OK;
	for (n = 0; rc == FCS_OK && n < r->count; n++)
		rc = value_push(a, list, r->args[n]);
	if (rc == FCS_OK)
		rc = value_pack(&b, list);
	if (rc == FCS_OK && (p->args = buf_take(&b, &p->args_len)) == NULL)
		rc = FCS_ENOMEM;
	buf_fini(&b);
	arena_free(a);
	return rc;
}

static int
add(struct peer *p)
{
	int rc;

	if (all_peers == NULL && (all_peers = idmap_new(PEERS_MAX)) == NULL)
		return FCS_ENOMEM;
	if ((rc = idmap_add(all_peers, p, &p->id)) != FCS_OK)
		return rc;
	DL_APPEND(p->set->list, p);
	p->set->count++;
	return FCS_OK;
}

static bool
is_itself(const struct instance *i, const struct peer_uri *u)
{
	return u->local &&
	       strcmp(application_env(instance_app(i))->name, u->where.app) ==
		   0 &&
	       strcmp(instance_name(i), u->where.inst) == 0;
}

static int
op_open(struct instance *i, const struct peer_request *r, uint64_t *out_peer,
    struct err *why)
{
	struct peers *set = instance_module(i, MODULE_PEER);
	struct peer_uri uri;
	struct peer *p;
	int rc;

	if ((rc = peer_uri_parse(r->uri, &uri, why)) != FCS_OK)
		return rc;
	if (is_itself(i, &uri))
		return err_set(why, FCS_EEXIST,
		    "an instance cannot be a peer "
		    "of itself");
	if (set == NULL || instance_state(i) == INSTANCE_LOST)
		return err_set(why, FCS_ECLOSED, "the instance ends");
	if ((int64_t)set->count >=
	    config_app_int(
		application_env(instance_app(i))->settings, APP_SCRIPT_PEERS))
		return err_set(why, FCS_ELIMIT, "script.peers");
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return err_set(why, FCS_ENOMEM, "out of memory");
	p->set = set;
	p->inst = i;
	p->loop = instance_loop(i);
	p->where = uri;
	p->amf = 3;
	p->pause_ms = PAUSE_MIN_MS;
	p->next_txn = 2; /* 1 is connect */
	p->watch_task.fn = on_watch_task;
	p->watch_task.arg = p;
	p->uri = strdup(r->uri);
	p->timer = timer_new(p->loop, on_timer, p);
	rc = p->uri == NULL || p->timer == NULL ? FCS_ENOMEM : keep_args(p, r);
	if (rc == FCS_OK)
		rc = add(p);
	if (rc != FCS_OK) {
		free_now(p);
		return err_set(why, rc, "%s", err_text(rc));
	}
	timer_set(p->timer, 0);
	*out_peer = p->id;
	return FCS_OK;
}

static int
op_once(struct instance *i, uint64_t id)
{
	struct peer *p = find(i, id);

	if (p == NULL)
		return FCS_ENOENT;
	p->once = true;
	return FCS_OK;
}

static int
op_close(struct instance *i, uint64_t id)
{
	struct peer *p = find(i, id);

	if (p == NULL)
		return FCS_ENOENT;
	peer_over(p, NULL, "closed by the application", true);
	return FCS_OK;
}

static void
close_quietly(struct peer *p)
{
	hang_up(p, true);
	p->state = PEER_CLOSED;
	p->epoch++;
	peer_call_forget(p);
	tell_closed(p, true);
	forget(p);
}

static void
op_close_all(struct instance *i)
{
	struct peers *set = instance_module(i, MODULE_PEER);
	struct peer *p, *next;

	if (set == NULL)
		return;
	DL_FOREACH_SAFE(set->list, p, next)
		close_quietly(p);
}

static void
describe(const struct peer *p, struct peer_info *out)
{
	out->state = p->state;
	out->uri = p->uri;
	out->local = p->where.local;
	out->amf = p->amf;
}

static int
op_info(struct instance *i, uint64_t id, struct peer_info *out)
{
	struct peer *p = find(i, id);

	if (p == NULL)
		return FCS_ENOENT;
	describe(p, out);
	return FCS_OK;
}

static int
op_call(struct instance *i, uint64_t id, const char *name,
    struct value *const *args, uint32_t count, uint64_t pending)
{
	struct peer *p = find(i, id);

	return p == NULL ? FCS_ENOENT
			 : peer_call_ask(p, name, args, count, pending);
}

static int
op_tell(struct instance *i, uint64_t id, const char *name,
    struct value *const *args, uint32_t count)
{
	struct peer *p = find(i, id);

	return p == NULL ? FCS_ENOENT : peer_call_tell(p, name, args, count);
}

static int
op_send(struct instance *i, uint64_t id, uint8_t type, const uint8_t *payload,
    size_t len)
{
	struct peer *p = find(i, id);

	return p == NULL ? FCS_ENOENT : peer_conn_send(p, type, payload, len);
}

static int
op_watch(
    struct instance *i, uint64_t id, const struct peer_watcher *ops, void *arg)
{
	struct peer *p = find(i, id);
	struct peer_watching *w;

	if (p == NULL)
		return FCS_ENOENT;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return FCS_ENOMEM;
	w->ops = ops;
	w->arg = arg;
	DL_APPEND(p->watching, w);
	loop_at_end(p->loop, LOOP_WORK, &p->watch_task);
	return FCS_OK;
}

static void
op_unwatch(struct instance *i, uint64_t id, void *arg)
{
	struct peer *p = find(i, id);
	struct peer_watching *w;

	if (p == NULL)
		return;
	DL_FOREACH(p->watching, w)
		if (w->arg == arg)
			w->ops = NULL;
	loop_at_end(p->loop, LOOP_WORK, &p->watch_task);
}

static void
op_each(struct instance *i,
    void (*fn)(void *arg, uint64_t peer, const struct peer_info *), void *arg)
{
	struct peers *set = instance_module(i, MODULE_PEER);
	struct peer *p, *next;
	struct peer_info info;

	if (set == NULL)
		return;
	DL_FOREACH_SAFE(set->list, p, next) {
		describe(p, &info);
		fn(arg, p->id, &info);
	}
}

const struct peer_ops peer_table = {
	.open = op_open,
	.once = op_once,
	.close = op_close,
	.close_all = op_close_all,
	.info = op_info,
	.call = op_call,
	.tell = op_tell,
	.send = op_send,
	.watch = op_watch,
	.unwatch = op_unwatch,
	.each = op_each,
};

/* ---- the module ---- */

static void *
module_open(struct instance *i)
{
	struct peers *set = calloc(1, sizeof(*set));

	if (set != NULL)
		set->inst = i;
	return set;
}

static void
module_stop(void *state, void (*done)(void *arg), void *arg)
{
	struct peers *set = state;

	op_close_all(set->inst);
	done(arg);
}

static void
module_close(void *state)
{
	struct peers *set = state;
	struct peer *p, *next;

	DL_FOREACH_SAFE(set->list, p, next)
		close_quietly(p);
	free(set);
}

const struct application_module peer_module = {
	.open = module_open,
	.stop = module_stop,
	.close = module_close,
};
