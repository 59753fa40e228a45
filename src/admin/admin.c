/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * admin - see admin.h. A request of the supervisor is a task; it runs the
 * command once per application, each time with a request of its own, and is
 * over when all of them are.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "base/idmap.h"
#include "base/log.h"

struct task {
	uint64_t tag;
	json_t *args;
	bool watch;
	bool starting;          /* requests are still being made */
	unsigned open;          /* requests not yet over */
	enum control_code code; /* of the first failure */
	char *text, *hint;
	struct task *next;
};

struct admin_request {
	struct admin *admin;
	struct task *task;
	uint64_t id;
	void (*cancel)(void *arg);
	void *cancel_arg;
	struct admin_request *next;
};

struct admin {
	struct loop *loop;
	const struct admin_ops *ops;
	void *arg;
	struct idmap *ids;
	struct task *tasks;
	struct admin_request *requests;
};

const struct admin_row *
admin_find(const char *name)
{
	const struct admin_row *r;
	size_t i;

	for (i = 0; adm_tables[i] != NULL; i++)
		for (r = adm_tables[i]; r->name != NULL; r++)
			if (strcmp(r->name, name) == 0)
				return r;
	return NULL;
}

struct admin *
admin_new(struct loop *l, const struct admin_ops *ops, void *arg)
{
	struct admin *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->loop = l;
	a->ops = ops;
	a->arg = arg;
	a->ids = idmap_new(0);
	if (a->ids == NULL) {
		free(a);
		return NULL;
	}
	return a;
}

static void
task_free(struct admin *a, struct task *t)
{
	struct task **at;

	for (at = &a->tasks; *at != NULL; at = &(*at)->next) {
		if (*at == t) {
			*at = t->next;
			break;
		}
	}
	json_decref(t->args);
	free(t->text);
	free(t->hint);
	free(t);
}

static void
task_step(struct admin *a, struct task *t)
{
	if (t->starting || t->open > 0)
		return;
	a->ops->answer(a->arg, t->tag, NULL, true, t->code, t->text, t->hint);
	task_free(a, t);
}

/* Take the request out of all lists; its memory goes at the end of the turn. */
static void
request_over(struct admin_request *r)
{
	struct admin *a = r->admin;
	struct admin_request **at;

	for (at = &a->requests; *at != NULL; at = &(*at)->next) {
		if (*at == r) {
			*at = r->next;
			break;
		}
	}
	(void)idmap_del(a->ids, r->id);
	r->task->open--;
	loop_defer_free(a->loop, free, r);
}

static void
set_failure(
    struct task *t, enum control_code code, const char *text, const char *hint)
{
	if (t->code != CONTROL_OK)
		return;
	t->code = code;
	t->text = strdup(text);
	t->hint = hint == NULL ? NULL : strdup(hint);
}

void
admin_start(struct admin *a, uint64_t tag, const char *name, json_t *args,
    bool watch, struct application *const *apps, size_t n)
{
	const struct admin_row *row = admin_find(name);
	struct admin_request *r;
	struct task *t;
	size_t i;

	t = calloc(1, sizeof(*t));
	if (t == NULL) {
		a->ops->answer(a->arg, tag, NULL, true, CONTROL_FAILED,
		    "out of memory", NULL);
		return;
	}
	t->tag = tag;
	t->args = json_incref(args);
	t->watch = watch;
	t->starting = true;
	t->next = a->tasks;
	a->tasks = t;
	if (row == NULL)
		set_failure(t, CONTROL_USAGE, "no such command", "fcsctl help");
	for (i = 0; row != NULL && i < n; i++) {
		r = calloc(1, sizeof(*r));
		if (r == NULL || idmap_add(a->ids, r, &r->id) != FCS_OK) {
			free(r);
			set_failure(t, CONTROL_FAILED, "out of memory", NULL);
			break;
		}
		r->admin = a;
		r->task = t;
		r->next = a->requests;
		a->requests = r;
		t->open++;
		row->fn(r, apps[i]);
	}
	t->starting = false;
	task_step(a, t);
}

/* End the requests of t, or of all tasks, telling those that wait. */
static void
cancel_requests(struct admin *a, const struct task *t)
{
	struct admin_request *r;
	void (*fn)(void *);
	void *arg;

	for (;;) {
		for (r = a->requests; r != NULL; r = r->next)
			if (t == NULL || r->task == t)
				break;
		if (r == NULL)
			return;
		fn = r->cancel;
		arg = r->cancel_arg;
		request_over(r);
		if (fn != NULL)
			fn(arg);
	}
}

void
admin_cancel(struct admin *a, uint64_t tag)
{
	struct task *t;

	for (t = a->tasks; t != NULL; t = t->next)
		if (t->tag == tag)
			break;
	if (t == NULL)
		return;
	cancel_requests(a, t);
	task_free(a, t);
}

void
admin_free(struct admin *a)
{
	if (a == NULL)
		return;
	cancel_requests(a, NULL);
	while (a->tasks != NULL)
		task_free(a, a->tasks);
	idmap_free(a->ids);
	free(a);
}

/* ---- what commands call ---- */

const char *
admin_text(const struct admin_request *r, const char *key)
{
	return json_string_value(json_object_get(r->task->args, key));
}

int64_t
admin_int(const struct admin_request *r, const char *key, int64_t dflt)
{
	json_t *v = json_object_get(r->task->args, key);

	return json_is_integer(v) ? json_integer_value(v) : dflt;
}

bool
admin_flag(const struct admin_request *r, const char *key)
{
	return json_is_true(json_object_get(r->task->args, key));
}

const char *
admin_inst(const struct admin_request *r, bool dflt)
{
	const char *app = admin_text(r, "app"), *slash;

	slash = app == NULL ? NULL : strchr(app, '/');
	if (slash != NULL && slash[1] != '\0')
		return slash + 1;
	return dflt ? "_definst_" : NULL;
}

bool
admin_watch(const struct admin_request *r)
{
	return r->task->watch;
}

void
admin_item(struct admin_request *r, json_t *item)
{
	if (item == NULL) {
		set_failure(r->task, CONTROL_FAILED, "out of memory", NULL);
		return;
	}
	r->admin->ops->answer(
	    r->admin->arg, r->task->tag, item, false, CONTROL_OK, NULL, NULL);
	json_decref(item);
}

void
admin_end(struct admin_request *r)
{
	struct admin *a = r->admin;
	struct task *t = r->task;

	request_over(r);
	task_step(a, t);
}

void
admin_fail(struct admin_request *r, enum control_code code, const char *hint,
    const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	set_failure(r->task, code, text, hint);
	admin_end(r);
}

void
admin_on_cancel(struct admin_request *r, void (*fn)(void *arg), void *arg)
{
	r->cancel = fn;
	r->cancel_arg = arg;
}

uint64_t
admin_id(const struct admin_request *r)
{
	return r->id;
}

struct admin_request *
admin_by_id(struct admin *a, uint64_t id)
{
	return idmap_get(a->ids, id);
}

struct admin *
admin_of(const struct admin_request *r)
{
	return r->admin;
}
