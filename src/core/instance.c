/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * instance - see instance.h. This file: making one, starting it, connecting
 * clients, the commit barrier. instance_stop.c has the ends, instance_call.c
 * the calls, inst_work.c the way into the script.
 *
 * A connect while the instance is not running waits with its arguments packed
 * (they are borrowed from a message that is gone by then). It goes on in
 * instance_resume, in order of arrival.
 */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rnd.h"
#include "core/instance_int.h"

#define CLIENTS_MAX       1000000
#define ARGS_ARENA        (16u << 20)
#define BACKOFF_SHIFT_MAX 6 /* 1 s << 6 is over the limit of 60 s */

/* ---- making ---- */

static char *
full_name_of(struct application *a, const char *name)
{
	struct str s;

	str_init(&s);
	str_addf(&s, "%s/%s", application_env(a)->name, name);
	return str_take(&s);
}

struct instance *
instance_new(struct application *a, const char *name, struct err *why)
{
	struct instance *i = calloc(1, sizeof(*i));

	if (i == NULL)
		goto fail;
	i->app = a;
	i->loop = application_env(a)->loop;
	i->name = strdup(name);
	i->full_name = full_name_of(a, name);
	i->numbers = idmap_new(CLIENTS_MAX);
	if (i->name == NULL || i->full_name == NULL || i->numbers == NULL ||
	    inst_work_init(i) != FCS_OK || instance_stop_init(i) != FCS_OK ||
	    instance_open_modules(i) != FCS_OK)
		goto fail;
	instance_idle_check(i);
	return i;
fail:
	instance_free(i);
	(void)err_set(why, FCS_ENOMEM, "out of memory");
	return NULL;
}

void
instance_free(struct instance *i)
{
	struct client *c, *next;

	if (i == NULL)
		return;
	play_forget_all(i);
	inst_reload_fini(i);
	instance_later_fini(i);
	inst_work_fini(i);
	instance_admin_fini(i);
	instance_stop_fini(i);
	if (i->script != NULL)
		application_env(i->app)->script->close(i->script);
	i->script = NULL;
	instance_close_modules(i);
	DL_FOREACH_SAFE(i->clients, c, next) {
		DL_DELETE(i->clients, c);
		HASH_DELETE(hh, i->by_id, c);
		client_destroy(c);
	}
	idmap_free(i->numbers);
	free(i->name);
	free(i->full_name);
	free(i);
}

const char *
instance_name(const struct instance *i)
{
	return i->name;
}

const char *
instance_full_name(const struct instance *i)
{
	return i->full_name;
}

struct application *
instance_app(const struct instance *i)
{
	return i->app;
}

struct loop *
instance_loop(const struct instance *i)
{
	return i->loop;
}

enum instance_state
instance_state(const struct instance *i)
{
	return i->state;
}

const char *
instance_state_text(const struct instance *i)
{
	switch (i->state) {
	case INSTANCE_NEW:
		return "new";
	case INSTANCE_STARTING:
		return "starting";
	case INSTANCE_RUNNING:
		return "running";
	case INSTANCE_STOPPING:
		return "stopping";
	case INSTANCE_LOST:
		return "lost";
	case INSTANCE_DISABLED:
		return "disabled";
	case INSTANCE_GONE:
		return "gone";
	}
	return "unknown";
}

struct instance_stats *
instance_stats(struct instance *i)
{
	return &i->stats;
}

struct script *
instance_script(const struct instance *i)
{
	return i->script;
}

void *
instance_module(const struct instance *i, enum application_module_id id)
{
	return i->modules[id];
}

void
instance_script_enter(struct instance *i)
{
	i->depth++;
}

void
instance_script_leave(struct instance *i)
{
	i->depth--;
}

bool
instance_script_is_entered(const struct instance *i)
{
	return i->depth > 0;
}

/* ---- starting ---- */

static void
start_failed(struct instance *i, const struct err *why)
{
	int64_t most =
	    limits_get(application_limits(i->app), LIMIT_RESTART_BACKOFF);
	uint32_t shift =
	    i->failures < BACKOFF_SHIFT_MAX ? i->failures : BACKOFF_SHIFT_MAX;
	int64_t pause = (int64_t)INSTANCE_BACKOFF_MS << shift;

	if (pause > most)
		pause = most;
	i->failures++;
	i->not_before_ms = loop_now_ms(i->loop) + (uint64_t)pause;
	rnd_text(i->ref, 6);
	i->state = INSTANCE_NEW;
	log_error("instance.failed", "inst=%s ref=%s retry_ms=%lld why=%s",
	    i->full_name, i->ref, (long long)pause, why->text);
	instance_admin_started(i, FCS_ESCRIPT, why->text);
}

static void
on_started(struct instance *i, bool ok)
{
	if (i->state != INSTANCE_STARTING)
		return; /* lost or stopped meanwhile */
	if (!ok)
		log_warn("instance.start", "inst=%s why=%s", i->full_name,
		    "a start handler failed");
	i->state = INSTANCE_RUNNING;
	i->failures = 0;
	i->not_before_ms = 0;
	instance_admin_started(i, FCS_OK, "");
	instance_resume(i);
	instance_idle_check(i);
	inst_reload_started(i);
}

void
instance_script_options(struct instance *i, struct script_options *opt)
{
	const struct application_env *env = application_env(i->app);

	memset(opt, 0, sizeof(*opt));
	opt->app_name = env->name;
	opt->inst_name = i->name;
	opt->dir = env->dir;
	opt->memory = (uint64_t)application_setting(i->app, APP_SCRIPT_MEMORY);
	opt->time_ms = (uint32_t)application_setting(i->app, APP_SCRIPT_TIME);
	opt->start_ms =
	    (uint32_t)limits_get(env->limits, LIMIT_SCRIPT_START_TIME);
	opt->native_ms =
	    (uint32_t)limits_get(env->limits, LIMIT_SCRIPT_NATIVE_TIME);
	opt->config_json = config_app_text(env->settings, APP_CONFIG);
	opt->lock_timeout_ms =
	    (uint32_t)application_setting(i->app, APP_SO_LOCK_TIMEOUT);
	opt->handlers =
	    (uint32_t)application_setting(i->app, APP_SCRIPT_HANDLERS);
	opt->timers = (uint32_t)application_setting(i->app, APP_SCRIPT_TIMERS);
	opt->undefined_keep =
	    application_setting(i->app, APP_SCRIPT_UNDEFINED) == 1;
	opt->generation = ++i->generation;
}

void
instance_start(struct instance *i)
{
	const struct application_env *env = application_env(i->app);
	struct script_options opt;
	struct err why;
	int rc = FCS_ENOENT;

	if (i->state != INSTANCE_NEW)
		return;
	i->stats.started_ms = (uint64_t)clock_wall_ms();
	instance_script_options(i, &opt);
	err_clear(&why);
	instance_stamp(i);
	i->state = INSTANCE_STARTING;
	if (env->script != NULL) {
		i->depth++;
		rc = env->script->open(i, &opt, &i->script, &why);
		i->depth--;
	}
	if (rc == FCS_ENOENT) {
		i->script = NULL; /* a room without a script is a room */
		on_started(i, true);
		return;
	}
	if (rc != FCS_OK) {
		i->script = NULL;
		if (why.text[0] == '\0')
			(void)err_set(&why, rc, "%s", err_text(rc));
		start_failed(i, &why);
		instance_resume(i);
		inst_reload_started(i);
		return;
	}
	inst_work_event_done(i, SCRIPT_START, NULL, on_started);
}

/* ---- verdicts ---- */

static int
put(struct arena *a, struct value *obj, const char *key, struct value *v)
{
	return value_set(a, obj, key, v);
}

/* The info object of a refusal, packed into out. */
static int
refusal(struct buf *out, enum status code, const char *description,
    const struct value *application, const char *redirect)
{
	struct arena *a = arena_new(ARGS_ARENA);
	struct value *info = NULL, *ex, *app;
	struct buf packed;
	const uint8_t *p;
	int rc = FCS_ENOMEM;

	buf_init(&packed, 0);
	if (a != NULL)
		info = status_info(a, code, description, NULL, NULL);
	if (info == NULL)
		goto out;
	rc = FCS_OK;
	if (application != NULL) {
		rc = value_pack(&packed, application);
		p = rc == FCS_OK
			? arena_memdup(a, buf_data(&packed), buf_len(&packed))
			: NULL;
		if (rc == FCS_OK)
			rc = p == NULL
				 ? FCS_ENOMEM
				 : value_unpack(a, p, buf_len(&packed), &app);
		if (rc == FCS_OK)
			rc = put(a, info, "application", app);
	}
	if (rc == FCS_OK && redirect != NULL) {
		ex = value_new(a, VALUE_OBJECT);
		rc = ex == NULL ? FCS_ENOMEM
				: put(a, ex, "code", value_number(a, 302));
		if (rc == FCS_OK)
			rc = put(a, ex, "redirect", value_string(a, redirect));
		if (rc == FCS_OK)
			rc = put(a, info, "ex", ex);
	}
	if (rc == FCS_OK)
		rc = value_pack(out, info);
out:
	buf_fini(&packed);
	arena_free(a);
	return rc;
}

static void
refuse(struct client *c, enum status code, const char *description,
    const struct value *application, const char *redirect)
{
	struct buf info;

	if (c->decided || c->lost)
		return;
	c->decided = true;
	if (c->inst != NULL) {
		timer_stop(c->decide_timer);
		c->inst->stats.rejects++;
	}
	buf_init(&info, 0);
	/* an application value that cannot be sent is left out */
	if (refusal(&info, code, description, application, redirect) != FCS_OK)
		(void)refusal(&info, code, description, NULL, NULL);
	if (buf_status(&info) != FCS_OK ||
	    client_hold(c, HELD_REJECT, code, buf_data(&info),
		buf_len(&info)) != FCS_OK)
		c->ops->close(c->impl, "out of memory");
	buf_fini(&info);
}

/* "[ Server.Reject ] : why" with application = value, else {message: why}. */
static void
reject(struct client *c, const char *why, const struct value *application)
{
	struct arena *a = arena_new(0);
	struct value *message;
	struct str text;

	str_init(&text);
	if (why == NULL || *why == '\0')
		why = "rejected";
	str_addf(&text, "[ Server.Reject ] : %s", why);
	if (application == NULL && a != NULL &&
	    (message = value_new(a, VALUE_OBJECT)) != NULL &&
	    value_set(a, message, "message", value_string(a, why)) == FCS_OK)
		application = message;
	refuse(c, STATUS_CONNECT_REJECTED, str_text(&text), application, NULL);
	str_fini(&text);
	arena_free(a);
}

void
instance_refuse_undurable(struct client *c, const char *why)
{
	if (c->inst->stats.rejects > 0 && c->held != NULL &&
	    c->held->kind == HELD_REJECT)
		c->inst->stats.rejects--; /* it is counted again */
	c->decided = false;
	reject(c, why, NULL);
}

int
instance_decide(
    struct instance *i, struct client *c, const struct script_answer *answer)
{
	(void)i;
	if (c->state != CLIENT_PENDING || c->decided || c->lost)
		return FCS_ENOENT;
	switch (answer->verdict) {
	case SCRIPT_OK:
		c->decided = true;
		timer_stop(c->decide_timer);
		if (client_hold(c, HELD_ACCEPT, STATUS_CONNECT_SUCCESS, NULL,
			0) != FCS_OK)
			c->ops->close(c->impl, "out of memory");
		break;
	case SCRIPT_REDIRECT:
		refuse(c, STATUS_CONNECT_REJECTED,
		    "[ Server.Reject ] : redirected", answer->value,
		    answer->text);
		break;
	case SCRIPT_HOLD:
		timer_set(c->decide_timer,
		    (uint32_t)(answer->start > 0 && answer->start < 86400
				   ? answer->start * 1000
				   : 30000));
		break;
	case SCRIPT_LOST:
		refuse(c, STATUS_CONNECT_APPSHUTDOWN,
		    "The application was stopped.", NULL, NULL);
		break;
	case SCRIPT_REJECT:
	case SCRIPT_FAILED:
	case SCRIPT_MISSING:
		reject(c, answer->text, answer->value);
		break;
	}
	return FCS_OK;
}

void
instance_accept(struct instance *i, struct client *c)
{
	struct script_args args;

	c->state = CLIENT_ACCEPTED;
	c->connected_at_ms = clock_wall_ms();
	i->accepted++;
	i->stats.connects++;
	c->ops->accepted(c->impl);
	memset(&args, 0, sizeof(args));
	args.client = c->info.id;
	inst_work_event(i, SCRIPT_ACCEPTED, &args, 0);
}

/* ---- connecting ---- */

static void
on_connect_answer(struct instance *i, uint64_t number, uint64_t extra,
    const struct script_answer *answer)
{
	struct client *c = idmap_get(i->numbers, number);

	(void)extra;
	if (c != NULL)
		(void)instance_decide(i, c, answer); /* decided already: fine */
}

static void
on_connect_timeout(void *arg)
{
	struct client *c = arg;

	if (c->state == CLIENT_PENDING && !c->decided)
		reject(c, "nobody decided in time", NULL);
}

static void
ask_connect(struct instance *i, struct client *c, struct value *const *values,
    uint32_t count)
{
	const struct script_ops *ops = application_env(i->app)->script;
	struct script_args args;
	struct script_answer yes;

	c->waiting = false;
	if (i->script == NULL || !ops->asks(i->script, SCRIPT_CONNECT, NULL)) {
		memset(&yes, 0, sizeof(yes));
		(void)instance_decide(i, c, &yes);
		return;
	}
	timer_set(c->decide_timer,
	    (uint32_t)application_setting(i->app, APP_CONNECT_TIMEOUT));
	memset(&args, 0, sizeof(args));
	args.client = c->info.id;
	args.values = values;
	args.count = count;
	inst_work_ask(
	    i, SCRIPT_CONNECT, &args, false, on_connect_answer, c->number, 0);
}

static int
keep_args(struct client *c, struct value *const *values, uint32_t count)
{
	struct arena *a = arena_new(ARGS_ARENA);
	struct value *list = NULL;
	struct buf b;
	uint32_t n;
	int rc = FCS_ENOMEM;

	buf_init(&b, 0);
	if (a != NULL)
		list = value_new(a, VALUE_ARRAY);
	if (list == NULL)
		goto out;
	for (n = 0, rc = FCS_OK; n < count && rc == FCS_OK; n++)
		rc = value_push(a, list, values[n]);
	if (rc == FCS_OK)
		rc = value_pack(&b, list);
	if (rc == FCS_OK)
		c->args = buf_take(&b, &c->args_len);
	if (rc == FCS_OK && c->args == NULL)
		rc = FCS_ENOMEM;
out:
	buf_fini(&b);
	arena_free(a);
	return rc;
}

static void
ask_kept(struct instance *i, struct client *c)
{
	struct arena *a = arena_new(ARGS_ARENA);
	struct value *list = NULL;
	uint8_t *bytes = c->args;

	c->args = NULL;
	if (a == NULL || value_unpack(a, bytes, c->args_len, &list) != FCS_OK)
		reject(c, "out of memory", NULL);
	else
		ask_connect(i, c, list->items, list->item_count);
	arena_free(a);
	free(bytes);
}

static void
refuse_start(struct instance *i, struct client *c)
{
	struct str text;

	str_init(&text);
	if (i->state == INSTANCE_DISABLED)
		str_add(&text, "Application disabled after repeated overruns");
	else
		str_addf(&text, "Application failed to start (ref %s)", i->ref);
	refuse(c, STATUS_CONNECT_FAILED, str_text(&text), NULL, NULL);
	str_fini(&text);
}

static bool
is_refusing(struct instance *i)
{
	return i->state == INSTANCE_DISABLED ||
	       (i->state == INSTANCE_NEW &&
		   loop_now_ms(i->loop) < i->not_before_ms);
}

/* The waiters: a step each, in order of arrival. */
void
instance_resume(struct instance *i)
{
	struct client *c, *next;

	DL_FOREACH_SAFE(i->clients, c, next) {
		if (!c->waiting || c->lost)
			continue;
		if (is_refusing(i)) {
			c->waiting = false;
			refuse_start(i, c);
		} else if (i->state == INSTANCE_RUNNING) {
			ask_kept(i, c);
		} else if (i->state == INSTANCE_NEW) {
			instance_start(i); /* comes back here */
			return;
		}
	}
}

/* Instances of this server all come from one address: not counted by it. */
static const char *
counted_ip(const struct client *c)
{
	return c->info.peer_name == NULL ? c->info.ip : NULL;
}

/* FCS_OK registered: the client can be found, walked and lost. */
static int
enter(struct instance *i, struct client *c, struct err *why)
{
	struct client *other;
	int rc;

	HASH_FIND_STR(i->by_id, c->info.id, other);
	if (other != NULL)
		return err_set(why, FCS_EEXIST, "client id in use");
	if ((rc = application_enter(i->app, counted_ip(c), why)) != FCS_OK)
		return rc;
	c->entered = true;
	c->decide_timer = timer_new(i->loop, on_connect_timeout, c);
	rc = idmap_add(i->numbers, c, &c->number);
	if (rc == FCS_OK && c->decide_timer != NULL) {
		HASH_ADD_KEYPTR(
		    hh, i->by_id, c->info.id, strlen(c->info.id), c);
		if (hash_added(c)) {
			DL_APPEND(i->clients, c);
			return FCS_OK;
		}
	}
	if (rc == FCS_OK)
		(void)idmap_del(i->numbers, c->number);
	application_leave(i->app, counted_ip(c));
	c->entered = false;
	return err_set(why, FCS_ENOMEM, "server full");
}

void
instance_connect(struct instance *i, struct client *c,
    struct value *const *args, uint32_t arg_count)
{
	struct err why;

	if (i->removing) {
		refuse(c, STATUS_CONNECT_APPSHUTDOWN,
		    "The application is stopping.", NULL, NULL);
		return;
	}
	if (enter(i, c, &why) != FCS_OK) {
		reject(c, why.text, NULL); /* it stays outside */
		return;
	}
	c->inst = i;
	client_set_defaults(c);
	timer_stop(i->idle_timer);
	instance_enable_changed(i);
	if (is_refusing(i)) {
		refuse_start(i, c);
		return;
	}
	if (i->state == INSTANCE_RUNNING) {
		ask_connect(i, c, args, arg_count);
		return;
	}
	if (keep_args(c, args, arg_count) != FCS_OK) {
		reject(c, "arguments cannot be kept", NULL);
		return;
	}
	c->waiting = true;
	instance_start(i); /* only a new one; the others come to it */
}

void
instance_client_left(struct instance *i, struct client *c)
{
	DL_DELETE(i->clients, c);
	HASH_DELETE(hh, i->by_id, c);
	(void)idmap_del(i->numbers, c->number);
	if (c->entered)
		application_leave(i->app, counted_ip(c));
	c->inst = NULL;
	loop_defer_free(i->loop, (void (*)(void *))client_destroy, c);
	instance_stop_client_left(i);
	instance_idle_check(i);
}

struct client *
instance_client(struct instance *i, const char *id)
{
	struct client *c;

	HASH_FIND_STR(i->by_id, id, c);
	return c;
}

uint32_t
instance_client_count(const struct instance *i)
{
	return i->accepted;
}

void
instance_each_client(
    struct instance *i, void (*fn)(void *arg, struct client *), void *arg)
{
	struct client *c, *next;

	/* one that goes while we walk is unlinked but not freed this turn */
	DL_FOREACH_SAFE(i->clients, c, next)
		if (c->state == CLIENT_ACCEPTED)
			fn(arg, c);
}

/* ---- events and questions ---- */

void
instance_event(
    struct instance *i, enum script_event event, const struct script_args *args)
{
	inst_work_event(i, event, args, 0);
}

void
instance_resolve(struct instance *i, uint64_t pending, bool ok,
    const struct value *value, const char *error)
{
	inst_work_resolve(i, pending, ok, value, error);
}

void
instance_question(struct instance *i, enum script_question question,
    const struct script_args *args, script_answer_fn answer, uint64_t owner_id,
    uint64_t extra)
{
	inst_work_ask(i, question, args, false, answer, owner_id, extra);
}

void
instance_ask(struct instance *i, enum script_question question,
    const struct script_args *args, bool dflt, script_answer_fn answer,
    uint64_t owner_id, uint64_t extra)
{
	const struct script_ops *ops = application_env(i->app)->script;
	struct script_answer now;

	if (i->is_held) { /* the next script is asked, if it asks that */
		inst_work_decide(
		    i, question, args, dflt, answer, owner_id, extra);
		return;
	}
	if (i->state != INSTANCE_LOST &&
	    (i->script == NULL ||
		!ops->asks(i->script, question, args->name))) {
		memset(&now, 0, sizeof(now));
		now.verdict = dflt ? SCRIPT_OK : SCRIPT_REJECT;
		answer(i, owner_id, extra, &now);
		return;
	}
	inst_work_ask(i, question, args, true, answer, owner_id, extra);
}

/* ---- the commit barrier ---- */

void
instance_raise_barrier(struct instance *i, uint64_t seq)
{
	if (seq > i->durable && seq > i->barrier)
		i->barrier = seq;
}

uint64_t
instance_barrier(const struct instance *i)
{
	return i->barrier;
}

void
instance_not_durable(struct instance *i, uint64_t seq, const char *why)
{
	struct client *c, *next;

	if (seq <= i->durable)
		return;
	DL_FOREACH_SAFE(i->clients, c, next)
		client_drop_undurable(c, seq, why);
	instance_later_lost(i, seq);
}

void
instance_durable(struct instance *i, uint64_t seq)
{
	struct client *c, *next;

	if (seq > i->durable)
		i->durable = seq;
	if (i->durable >= i->barrier)
		i->barrier = 0;
	DL_FOREACH_SAFE(i->clients, c, next)
		client_release_held(c, i->durable);
	instance_later_durable(i);
}
