/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * app_reload - see app_reload.h. Instances are named, not pointed to: one may
 * go while another one reloads. A step is an instance a turn, so that a
 * thousand of them do not stop the clients of all.
 */
#include "core/app_reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/instance_int.h"

struct target {
	struct target *next;
	char name[];
};

struct app_reload {
	struct application *app;
	const struct app_reload_ops *ops;
	void *arg;
	bool full, is_cancelled;
	char *only;
	struct target *todo, **tail;
	unsigned open; /* instances that have not answered */
	bool begun;
	int result;
	char why[ERR_TEXT_MAX];
	struct timer *step;
};

struct running { /* for one instance */
	struct app_reload *reload;
	char name[];
};

static void
free_later(void *arg)
{
	struct app_reload *r = arg;
	struct target *t;

	while ((t = r->todo) != NULL) {
		r->todo = t->next;
		free(t);
	}
	timer_free(r->step);
	free(r->only);
	free(r);
}

static struct loop *
loop_of(const struct app_reload *r)
{
	return application_env(r->app)->loop;
}

/* Everybody has answered, nobody is left. */
static void
check_done(struct app_reload *r)
{
	if (!r->begun || r->open > 0 || r->todo != NULL)
		return;
	r->begun = false;
	timer_stop(r->step);
	loop_defer_free(loop_of(r), free_later, r);
	if (!r->is_cancelled)
		r->ops->done(r->arg, r->result, r->why);
}

static void
drop_todo(struct app_reload *r)
{
	struct target *t;

	while ((t = r->todo) != NULL) {
		r->todo = t->next;
		free(t);
	}
}

static void
on_result(void *arg, const struct inst_reload_result *res)
{
	struct running *one = arg;
	struct app_reload *r = one->reload;

	r->open--;
	if (res->end == RELOAD_KEPT) { /* it is the same code for all */
		r->result = FCS_EFORMAT;
		(void)snprintf(r->why, sizeof(r->why), "%s", res->why);
		drop_todo(r);
	}
	if (!r->is_cancelled)
		r->ops->row(r->arg, one->name, res);
	free(one);
	check_done(r);
}

static void
add_target(void *arg, struct instance *i)
{
	struct app_reload *r = arg;
	size_t len = strlen(instance_name(i)) + 1;
	struct target *t;

	if (r->only != NULL && strcmp(r->only, instance_name(i)) != 0)
		return;
	t = calloc(1, sizeof(*t) + len);
	if (t == NULL) {
		r->result = FCS_ENOMEM;
		return;
	}
	memcpy(t->name, instance_name(i), len);
	*r->tail = t;
	r->tail = &t->next;
}

static int
settings(struct app_reload *r)
{
	const struct application_env *env = application_env(r->app);
	struct err why;
	int rc;

	if (env->reload == NULL)
		return FCS_OK;
	err_clear(&why);
	rc = env->reload(env->reload_arg, r->is_cancelled ? NULL : r->ops->note,
	    r->arg, &why);
	if (rc != FCS_OK) {
		log_error("app.reload", "name=%s why=%s", env->name, why.text);
		(void)snprintf(r->why, sizeof(r->why), "%s", why.text);
	}
	return rc;
}

static void
begin(struct app_reload *r)
{
	r->begun = true;
	r->result = settings(r);
	if (r->result != FCS_OK)
		return;
	application_each(r->app, add_target, r);
	if (r->only == NULL || r->todo != NULL)
		return;
	r->result = FCS_ENOENT;
	(void)snprintf(
	    r->why, sizeof(r->why), "no instance \"%s\" runs", r->only);
}

static void
one(struct app_reload *r, const char *name)
{
	struct instance *i;
	struct running *a;
	size_t len;
	struct err why;

	i = application_instance(r->app, name, false, &why);
	if (i == NULL)
		return; /* gone meanwhile */
	len = strlen(instance_full_name(i)) + 1;
	a = calloc(1, sizeof(*a) + len);
	if (a == NULL) {
		r->result = FCS_ENOMEM;
		return;
	}
	a->reload = r;
	memcpy(a->name, instance_full_name(i), len);
	r->open++;
	inst_reload(i, r->full, on_result, a);
}

static void
on_step(void *arg)
{
	struct app_reload *r = arg;
	struct target *t;

	if (!r->begun)
		begin(r);
	t = r->todo;
	if (t != NULL) {
		if ((r->todo = t->next) == NULL)
			r->tail = &r->todo;
		timer_set(r->step, 0);
		one(r, t->name);
		free(t);
	}
	check_done(r);
}

struct app_reload *
app_reload_start(struct application *app, const char *inst, bool full,
    const struct app_reload_ops *ops, void *arg)
{
	struct app_reload *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->app = app;
	r->ops = ops;
	r->arg = arg;
	r->full = full;
	r->tail = &r->todo;
	r->step = timer_new(loop_of(r), on_step, r);
	if (inst != NULL)
		r->only = strdup(inst);
	if (r->step == NULL || (inst != NULL && r->only == NULL)) {
		free_later(r);
		return NULL;
	}
	timer_set(r->step, 0);
	return r;
}

void
app_reload_cancel(struct app_reload *r)
{
	if (r == NULL)
		return;
	r->is_cancelled = true;
	drop_todo(r);
	if (!r->begun || r->open == 0) {
		r->begun = false;
		timer_stop(r->step);
		loop_defer_free(loop_of(r), free_later, r);
	}
}
