/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * instance_stop - the ends of an instance: stop, unload when idle, a script
 * that was lost.
 *
 * One path for all, in phases: on(:stop) (not for a lost script) -> clients
 * told and closed -> modules flushed -> script and modules closed. Then the
 * instance is gone, or new again when somebody waits for it or it must be
 * remembered (back-off, disabled).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/log.h"
#include "base/rnd.h"
#include "core/instance_int.h"
#include "core/peer.h"

#define STOP_SCRIPT_MS  5000 /* on(:stop) may await so long in all */
#define STOP_CLIENTS_MS 5000

static void next_phase(struct instance *);

/* The phase is over: go on at the end of the turn, outside of everything. A
 * phase that was left meanwhile (time-out) is not left twice. */
static void
phase_over(struct instance *i, enum stop_phase phase)
{
	if (i->stop != phase)
		return;
	i->stop_over = phase;
	loop_at_end(i->loop, LOOP_WORK, &i->stop_task);
}

/* ---- modules ---- */

int
instance_open_modules(struct instance *i)
{
	const struct application_module *m;
	int id;

	for (id = 0; id < MODULE_COUNT; id++) {
		m = application_module(i->app, id);
		if (m->open == NULL || i->modules[id] != NULL)
			continue;
		i->modules[id] = m->open(i);
		if (i->modules[id] == NULL) {
			instance_close_modules(i);
			return FCS_ENOMEM;
		}
	}
	return FCS_OK;
}

void
instance_close_modules(struct instance *i)
{
	const struct application_module *m;
	int id;

	/* later ones stand on earlier ones */
	for (id = MODULE_COUNT - 1; id >= 0; id--) {
		m = application_module(i->app, id);
		if (i->modules[id] != NULL && m->close != NULL)
			m->close(i->modules[id]);
		i->modules[id] = NULL;
	}
}

static void
on_module_stopped(void *arg)
{
	struct instance *i = arg;

	/* never on the stack of the module that reports */
	if (--i->modules_stopping == 0)
		phase_over(i, STOP_MODULES);
}

static void
stop_modules(struct instance *i)
{
	const struct application_module *m;
	int id;

	i->modules_stopping = 1;
	for (id = MODULE_COUNT - 1; id >= 0; id--) {
		m = application_module(i->app, id);
		if (i->modules[id] == NULL || m->stop == NULL)
			continue;
		i->modules_stopping++;
		m->stop(i->modules[id], on_module_stopped, i);
	}
	on_module_stopped(i);
}

/* ---- clients ---- */

static bool
has_clients_to_close(const struct instance *i)
{
	const struct client *c;

	DL_FOREACH(i->clients, c)
		if (!c->waiting)
			return true;
	return false;
}

/* For the client; the script is told the bare word. */
static const char *
reason_text(const struct instance *i)
{
	if (i->losing)
		return "The application was stopped.";
	if (i->stop_text[0] != '\0')
		return i->stop_text;
	if (strcmp(i->stop_reason, "shutdown") == 0)
		return "The server is shutting down.";
	if (strcmp(i->stop_reason, "unload") == 0)
		return "The application was unloaded.";
	return i->stop_reason;
}

static void
close_clients(struct instance *i)
{
	const char *why = reason_text(i);
	struct script_answer lost;
	struct client *c, *next;

	memset(&lost, 0, sizeof(lost));
	lost.verdict = SCRIPT_LOST;
	DL_FOREACH_SAFE(i->clients, c, next) {
		if (c->waiting && !i->removing)
			continue;
		c->waiting = false;
		if (c->state == CLIENT_ACCEPTED)
			client_disconnect(c, STATUS_CONNECT_APPSHUTDOWN, why);
		else
			(void)instance_decide(i, c, &lost); /* maybe decided */
	}
}

void
instance_stop_client_left(struct instance *i)
{
	if (i->stop == STOP_CLIENTS && !has_clients_to_close(i))
		phase_over(i, STOP_CLIENTS);
}

/* ---- the phases ---- */

void
instance_keep_counts(struct instance *i, struct script *s)
{
	const struct script_ops *ops = application_env(i->app)->script;
	struct script_stats ss;

	if (ops->stats == NULL)
		return;
	ops->stats(s, &ss);
	i->stats.script_errors += ss.errors;
}

static void
end_script(struct instance *i)
{
	inst_work_abandon(i);
	if (i->script != NULL) {
		instance_keep_counts(i, i->script);
		i->depth++;
		application_env(i->app)->script->close(i->script);
		i->depth--;
	}
	i->script = NULL;
}

static uint32_t
recent_overruns(struct instance *i)
{
	uint64_t now = loop_now_ms(i->loop);
	uint32_t n, count = 0;

	for (n = 0; n < i->overrun_count; n++)
		if (i->overruns[n] + INSTANCE_OVERRUN_MS > now)
			i->overruns[count++] = i->overruns[n];
	i->overrun_count = count;
	return count;
}

static void
after_loss(struct instance *i)
{
	const struct limits *l = application_limits(i->app);
	int64_t most = limits_get(l, LIMIT_RESTART_BACKOFF);
	uint32_t n = recent_overruns(i);
	int64_t pause = (int64_t)INSTANCE_BACKOFF_MS
			<< (n > 7 ? 6 : (n > 0 ? n - 1 : 0));

	i->state = INSTANCE_NEW;
	if ((int64_t)n >= limits_get(l, LIMIT_SCRIPT_OVERRUNS)) {
		limits_refuse(LIMIT_SCRIPT_OVERRUNS);
		log_error("instance.disabled", "inst=%s overruns=%u",
		    i->full_name, n);
		i->state = INSTANCE_DISABLED;
	}
	i->not_before_ms =
	    loop_now_ms(i->loop) + (uint64_t)(pause < most ? pause : most);
	i->stats.restarts++;
}

static uint64_t
stamp_now(const struct instance *i)
{
	const struct application_env *env = application_env(i->app);

	return env->script == NULL || env->script->stamp == NULL
		   ? 0
		   : env->script->stamp(env->dir, env->name);
}

void
instance_stamp(struct instance *i)
{
	i->stamp = stamp_now(i);
}

void
instance_enable_changed(struct instance *i)
{
	if (i->state == INSTANCE_DISABLED && stamp_now(i) != i->stamp)
		instance_enable(i, "the script has changed");
}

void
instance_enable(struct instance *i, const char *why)
{
	if (i->state != INSTANCE_DISABLED)
		return;
	log_info("instance.enabled", "inst=%s why=%s", i->full_name, why);
	i->state = INSTANCE_NEW;
	i->overrun_count = 0;
	i->not_before_ms = 0;
	instance_idle_check(i);
}

static void
gone(struct instance *i)
{
	log_info("instance.stopped", "inst=%s reason=%s", i->full_name,
	    i->stop_reason);
	i->state = INSTANCE_GONE;
	inst_reload_gone(i);
	application_forget(i->app, i);
	loop_defer_free(i->loop, (void (*)(void *))instance_free, i);
}

static void
finish(struct instance *i)
{
	i->stop = STOP_NONE;
	timer_stop(i->stop_timer);
	end_script(i);
	instance_later_fini(i);
	instance_close_modules(i);
	i->stop_text[0] = '\0';
	instance_admin_ended(i);
	if (i->removing || (i->clients == NULL && !i->losing) ||
	    instance_open_modules(i) != FCS_OK) {
		gone(i);
		return;
	}
	if (i->losing)
		after_loss(i);
	else
		i->state = INSTANCE_NEW;
	if (i->losing)
		instance_admin_started(i, FCS_ESCRIPT, "the script was ended");
	i->losing = false;
	instance_resume(i);
	instance_idle_check(i);
}

static void
next_phase(struct instance *i)
{
	switch (i->stop) {
	case STOP_NONE:
		break;
	case STOP_SCRIPT:
		i->stop = STOP_CLIENTS;
		timer_set(i->stop_timer, STOP_CLIENTS_MS);
		close_clients(i);
		if (!has_clients_to_close(i))
			phase_over(i, STOP_CLIENTS);
		break;
	case STOP_CLIENTS:
		i->stop = STOP_MODULES;
		timer_stop(i->stop_timer);
		stop_modules(i);
		break;
	case STOP_MODULES:
		finish(i);
		break;
	}
}

static void
on_stop_task(void *arg)
{
	struct instance *i = arg;

	if (i->stop == i->stop_over)
		next_phase(i);
}

static void
on_stop_timer(void *arg)
{
	struct instance *i = arg;
	struct client *c, *next;

	if (i->stop == STOP_SCRIPT) {
		log_warn("instance.stop", "inst=%s why=%s", i->full_name,
		    "on(:stop) took too long");
		next_phase(i);
		return;
	}
	if (i->stop != STOP_CLIENTS)
		return;
	/* held behind a commit that does not come, or deaf: no longer */
	DL_FOREACH_SAFE(i->clients, c, next) {
		if (c->waiting || c->lost)
			continue;
		client_pump(c, true);
		if (!c->lost)
			c->ops->close(c->impl, "instance stopped");
	}
}

static void
on_script_stopped(struct instance *i, bool ok)
{
	(void)ok; /* its error is logged by the script */
	/* maybe called from inside the script */
	phase_over(i, STOP_SCRIPT);
}

void
instance_stop(struct instance *i, const char *reason)
{
	bool was_running = i->state == INSTANCE_RUNNING;
	struct script_args args;

	if (i->state == INSTANCE_GONE)
		return;
	if (application_is_stopping(i->app))
		i->removing = true;
	if (i->stop != STOP_NONE || i->state == INSTANCE_LOST)
		return; /* on its way */
	inst_reload_abort(i, "the instance was stopped");
	i->state = INSTANCE_STOPPING;
	i->stop = STOP_SCRIPT;
	timer_stop(i->idle_timer);
	(void)snprintf(i->stop_reason, sizeof(i->stop_reason), "%s", reason);
	if (i->script == NULL || !was_running) {
		phase_over(i, STOP_SCRIPT);
		return;
	}
	timer_set(i->stop_timer, STOP_SCRIPT_MS);
	memset(&args, 0, sizeof(args));
	args.text = i->stop_reason;
	inst_work_event_done(i, SCRIPT_STOP, &args, on_script_stopped);
}

void
instance_shutdown(struct instance *i, const char *text)
{
	if (i->stop == STOP_NONE && i->state == INSTANCE_RUNNING)
		(void)snprintf(i->stop_text, sizeof(i->stop_text), "%s", text);
	instance_stop(i, "shutdown");
}

/* ---- a lost script ---- */

static void
on_lost_task(void *arg)
{
	struct instance *i = arg;

	inst_work_abandon(i);
	/* others need not wait for our clients to hear that it is gone */
	if (application_env(i->app)->peer != NULL)
		application_env(i->app)->peer->close_all(i);
	if (i->stop == STOP_NONE)
		i->stop = STOP_SCRIPT;
	if (i->stop == STOP_SCRIPT)
		next_phase(i);
}

void
instance_script_lost(struct instance *i, const char *why)
{
	if (i->state == INSTANCE_LOST || i->state == INSTANCE_GONE)
		return;
	rnd_text(i->ref, 6);
	log_error("instance.lost", "inst=%s clients=%u ref=%s why=%s",
	    i->full_name, i->accepted, i->ref, why);
	if (i->stop != STOP_NONE)
		i->removing = true; /* it was to end anyway */
	i->stats.overruns++;
	if (i->overrun_count == INSTANCE_OVERRUNS_MAX) {
		memmove(i->overruns, i->overruns + 1,
		    sizeof(i->overruns) - sizeof(i->overruns[0]));
		i->overrun_count--;
	}
	i->overruns[i->overrun_count++] = loop_now_ms(i->loop);
	inst_reload_abort(i, why);
	i->state = INSTANCE_LOST;
	i->losing = true;
	(void)snprintf(i->stop_reason, sizeof(i->stop_reason), "lost");
	/* we are called from within the script's functions */
	loop_at_end(i->loop, LOOP_WORK, &i->lost_task);
}

/* ---- idle ---- */

void
instance_idle_check(struct instance *i)
{
	int64_t ms = application_setting(i->app, APP_IDLE_UNLOAD);

	if (i->clients != NULL || i->stop != STOP_NONE || ms <= 0 ||
	    i->state == INSTANCE_GONE || timer_is_set(i->idle_timer))
		return;
	timer_set(i->idle_timer, (uint32_t)(ms > UINT32_MAX ? UINT32_MAX : ms));
}

static void
on_may_unload(struct instance *i, uint64_t owner, uint64_t extra,
    const struct script_answer *answer)
{
	(void)owner;
	(void)extra;
	if (i->clients != NULL || i->state != INSTANCE_RUNNING)
		return;
	if (answer->verdict == SCRIPT_OK)
		instance_stop(i, "gc");
	else
		instance_idle_check(i);
}

static void
on_idle(void *arg)
{
	struct instance *i = arg;
	struct script_args args;

	if (i->clients != NULL || i->stop != STOP_NONE)
		return;
	if (i->state == INSTANCE_DISABLED)
		return; /* stays known: it must not come back by waiting */
	if (i->state != INSTANCE_RUNNING) {
		if (i->state == INSTANCE_NEW)
			instance_stop(i, "gc");
		return;
	}
	memset(&args, 0, sizeof(args));
	args.text = "gc";
	instance_ask(i, SCRIPT_MAY_UNLOAD, &args, true, on_may_unload, 0, 0);
}

int
instance_stop_init(struct instance *i)
{
	i->stop_task.fn = on_stop_task;
	i->stop_task.arg = i;
	i->lost_task.fn = on_lost_task;
	i->lost_task.arg = i;
	i->idle_timer = timer_new(i->loop, on_idle, i);
	i->stop_timer = timer_new(i->loop, on_stop_timer, i);
	return i->idle_timer == NULL || i->stop_timer == NULL ? FCS_ENOMEM
							      : FCS_OK;
}

void
instance_stop_fini(struct instance *i)
{
	loop_cancel(i->loop, LOOP_WORK, &i->stop_task);
	loop_cancel(i->loop, LOOP_WORK, &i->lost_task);
	timer_free(i->idle_timer);
	timer_free(i->stop_timer);
}
