/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * registry - see registry.h.
 *
 * An application is looked for in the folders of `apps`, first match wins, at
 * each need: nothing has to be told when one is added. Who needs it waits
 * here until the worker said it is open. A worker that died is started again
 * by child.c; what was open in it is opened again then.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/name.h"
#include "net/channel.h"
#include "supervisor/registry.h"

#define PATIENCE_MS 8000 /* longest wait for a worker that keeps dying */

struct wait {
	registry_fn fn;
	void *arg;
	uint64_t id;
	struct wait *next;
};

enum app_state {
	APP_CLOSED,
	APP_OPENING,
	APP_OPEN,
	APP_FAILED
};

struct app {
	char name[NAME_APP_MAX + 1];
	char *dir;
	enum app_state state;
	bool keep; /* was open: open it again in the next worker */
	struct registry_worker *worker;
	struct wait *waits;
	char why[ERR_TEXT_MAX], hint[ERR_TEXT_MAX];
	UT_hash_handle hh;
};

struct registry_worker {
	struct registry *reg;
	char name[NAME_APP_MAX + 16];
	struct child *child;
	struct registry_worker *next;
};

struct locate {              /* of a child */
	struct child *asker; /* NULL: gone */
	int64_t number;      /* of the question, its own */
	bool is_worker;
	uint64_t id;
	struct locate *next;
};

struct registry {
	struct child_env *env;
	const struct registry_ops *ops;
	void *arg;
	struct app *apps;
	struct registry_worker *workers;
	struct locate *locates;
	uint64_t last_locate;
	bool stopping;
};

/* ---- applications ---- */

/* The folder of an application; returns owned, NULL: none. */
static char *
find_dir(struct registry *r, const char *name)
{
	const struct config *c = r->env->config;
	size_t i, n = config_count(c, CFG_APPS);
	struct stat st;
	char *path;

	for (i = 0; i < n; i++) {
		if (asprintf(
			&path, "%s/%s", config_item(c, CFG_APPS, i), name) < 0)
			return NULL;
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			return path;
		free(path);
	}
	return NULL;
}

static void
answer_waits(struct app *a, int result, const char *why)
{
	struct wait *w, *list = a->waits;

	a->waits = NULL;
	while ((w = list) != NULL) {
		list = w->next;
		w->fn(w->arg, w->id, result, a->worker, why);
		free(w);
	}
}

static void
ask_open(struct app *a)
{
	a->state = APP_OPENING;
	child_tell(a->worker->child, json_pack("{s:s, s:s, s:s}", "op", "open",
					 "app", a->name, "dir", a->dir));
}

static void
on_opened(struct registry *r, json_t *msg)
{
	const char *name = link_text(msg, "app"), *why = link_text(msg, "why");
	struct app *a;

	HASH_FIND_STR(r->apps, name, a);
	if (a == NULL || a->state != APP_OPENING)
		return;
	(void)snprintf(a->why, sizeof(a->why), "%s", why);
	(void)snprintf(a->hint, sizeof(a->hint), "%s", link_text(msg, "hint"));
	a->state = why[0] == '\0' ? APP_OPEN : APP_FAILED;
	a->keep = a->state == APP_OPEN;
	answer_waits(a, a->state == APP_OPEN ? FCS_OK : FCS_EIO, a->why);
}

/* ---- workers ---- */

/* It takes no more and ends; who needs it from now on gets the next one. */
static void
on_idle(struct registry_worker *w)
{
	struct app *a, *next;

	HASH_ITER(hh, w->reg->apps, a, next)
	{
		if (a->worker != w)
			continue;
		a->keep = false;
		if (a->state == APP_OPEN)
			a->state = APP_CLOSED;
	}
	child_stop(w->child);
	HASH_ITER(hh, w->reg->apps, a, next)
	if (a->worker == w && a->waits != NULL)
		child_want(w->child);
}

static void
on_message(void *arg, const char *op, json_t *msg, int *fds, size_t n)
{
	struct registry_worker *w = arg;

	(void)fds;
	(void)n;
	if (strcmp(op, "opened") == 0)
		on_opened(w->reg, msg);
	else if (strcmp(op, "answer") == 0)
		w->reg->ops->answer(w->reg->arg, w->name, msg);
	else if (strcmp(op, "locate") == 0)
		registry_locate(w->reg, w->child, true, msg);
	else if (strcmp(op, "idle") == 0)
		on_idle(w);
	else
		log_warn("supervisor.message", "op=%s app=%s why=%s", op,
		    w->name, "unknown");
}

static void
on_ready(void *arg)
{
	struct registry_worker *w = arg;
	struct app *a, *next;

	HASH_ITER(hh, w->reg->apps, a, next)
	if (a->worker == w &&
	    (a->keep || a->waits != NULL || a->state == APP_OPENING))
		ask_open(a);
}

static void
on_down(void *arg, int64_t wait_ms)
{
	struct registry_worker *w = arg;
	struct app *a, *next;

	registry_forget_asker(w->reg, w->child);
	w->reg->ops->gone(w->reg->arg, w->name);
	HASH_ITER(hh, w->reg->apps, a, next)
	{
		if (a->worker != w)
			continue;
		a->state = APP_CLOSED;
		if (wait_ms < 0 || wait_ms > PATIENCE_MS)
			answer_waits(a, FCS_EIO, child_why(w->child));
	}
}

static const struct child_ops child_ops = {
	.message = on_message, .ready = on_ready, .down = on_down
};

static struct registry_worker *
worker_of(struct registry *r, const char *name)
{
	struct registry_worker *w;

	for (w = r->workers; w != NULL; w = w->next)
		if (strcmp(w->name, name) == 0)
			return w;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	w->reg = r;
	(void)snprintf(w->name, sizeof(w->name), "%s", name);
	w->child = child_new(r->env, "worker", w->name, &child_ops, w);
	if (w->child == NULL) {
		free(w);
		return NULL;
	}
	w->next = r->workers;
	r->workers = w;
	return w;
}

static void
warn_unused(void *arg, const char *key, const struct config_value *v)
{
	const struct app *a = arg;
	char place[CONFIG_PLACE_MAX];

	log_warn("config.unused", "app=%s key=%s place=%s why=%s", a->name, key,
	    config_place(v, place), "it has no effect in this version");
}

/* What is wrong with app.yaml, and where in it. */
static void
say_problem(struct app *a, const struct config_problems *problems, int rc)
{
	const struct config_problem *p = problems->v;

	if (problems->n == 0)
		(void)snprintf(
		    a->why, sizeof(a->why), "app.yaml: %s", err_text(rc));
	else if (p->line == 0)
		(void)snprintf(
		    a->why, sizeof(a->why), "app.yaml: %.120s", p->text);
	else
		(void)snprintf(a->why, sizeof(a->why), "app.yaml:%d:%d: %.120s",
		    p->line, p->col, p->text);
}

/* The worker of an application by its `isolation`. */
static int
choose_worker(struct registry *r, struct app *a)
{
	struct config_problems problems;
	struct config_app *settings = NULL;
	char name[NAME_APP_MAX + 16];
	int rc;

	rc = config_app_load(
	    r->env->config, a->name, a->dir, &settings, &problems);
	if (rc != FCS_OK)
		say_problem(a, &problems, rc);
	config_problems_fini(&problems);
	if (rc != FCS_OK) {
		log_error("app.settings", "app=%s why=%s", a->name, a->why);
		return rc;
	}
	config_app_unused(settings, warn_unused, a);
	if (config_app_int(settings, APP_ISOLATION) == 0)
		(void)snprintf(name, sizeof(name), "%s", a->name);
	else
		(void)snprintf(name, sizeof(name), "@shared-%u",
		    hash_bytes(a->name, strlen(a->name)) %
			(unsigned)config_int(
			    r->env->config, CFG_WORKERS_SHARED));
	config_app_free(settings);
	a->worker = worker_of(r, name);
	return a->worker == NULL ? FCS_ENOMEM : FCS_OK;
}

static struct app *
app_of(struct registry *r, const char *name, const char *dir)
{
	struct app *a;

	HASH_FIND_STR(r->apps, name, a);
	if (a == NULL) {
		if ((int64_t)HASH_COUNT(r->apps) >=
		    limits_get(config_limits(r->env->config), LIMIT_APPS)) {
			limits_refuse(LIMIT_APPS);
			return NULL;
		}
		a = calloc(1, sizeof(*a));
		if (a == NULL)
			return NULL;
		(void)snprintf(a->name, sizeof(a->name), "%s", name);
		HASH_ADD_STR(r->apps, name, a);
		if (!hash_added(a)) {
			free(a);
			return NULL;
		}
	}
	if (a->dir == NULL || strcmp(a->dir, dir) != 0) {
		free(a->dir);
		a->dir = strdup(dir);
	}
	return a->dir == NULL ? NULL : a;
}

void
registry_need(struct registry *r, const char *name, const char *inst,
    registry_fn fn, void *arg, uint64_t id)
{
	struct err e = { .code = FCS_OK, .text = "" };
	char *dir = NULL;
	struct app *a = NULL;
	struct wait *w;
	int rc;

	rc = name_check(NAME_APP, name, strlen(name), &e);
	if (rc == FCS_OK && inst != NULL)
		rc = name_check(NAME_INSTANCE, inst, strlen(inst), &e);
	if (rc == FCS_OK)
		dir = find_dir(r, name);
	if (rc != FCS_OK || dir == NULL) {
		fn(arg, id, FCS_ENOENT, NULL,
		    rc != FCS_OK ? e.text : "no folder of that name in apps");
		return;
	}
	a = app_of(r, name, dir);
	free(dir);
	if (a == NULL || r->stopping) {
		fn(arg, id, FCS_ELIMIT, NULL,
		    r->stopping ? "the server is shutting down"
				: "limits.apps");
		return;
	}
	if (a->state == APP_OPEN) {
		fn(arg, id, FCS_OK, a->worker, "");
		return;
	}
	if (a->worker == NULL && choose_worker(r, a) != FCS_OK) {
		fn(arg, id, FCS_ECONFIG, NULL, a->why);
		return;
	}
	if (child_wait_ms(a->worker->child) > PATIENCE_MS) {
		fn(arg, id, FCS_EIO, NULL, child_why(a->worker->child));
		return;
	}
	w = calloc(1, sizeof(*w));
	if (w == NULL) {
		fn(arg, id, FCS_ENOMEM, NULL, err_text(FCS_ENOMEM));
		return;
	}
	w->fn = fn;
	w->arg = arg;
	w->id = id;
	w->next = a->waits;
	a->waits = w;
	child_want(a->worker->child);
	if (child_state(a->worker->child) == CHILD_READY &&
	    a->state != APP_OPENING)
		ask_open(a);
}

/* ---- locate ---- */

static void
tell_located(struct child *asker, int64_t number, const char *status,
    const char *why, int *fd)
{
	json_t *msg = json_pack("{s:s, s:I, s:s, s:s}", "op", "located", "id",
	    (json_int_t)number, "status", status, "why", why);

	if (child_send(asker, msg, fd, fd == NULL ? 0 : 1) == FCS_OK &&
	    fd != NULL)
		*fd = -1;
}

static void
on_needed(void *arg, uint64_t id, int result, struct registry_worker *w,
    const char *why)
{
	struct registry *r = arg;
	struct locate **at, *l;
	int sv[2] = { -1, -1 };

	for (at = &r->locates; *at != NULL && (*at)->id != id;
	     at = &(*at)->next)
		;
	l = *at;
	if (l == NULL)
		return;
	*at = l->next;
	if (l->asker == NULL) {
		free(l);
		return;
	}
	if (result == FCS_OK && channel_pair(CHANNEL_PACKET, sv) != FCS_OK)
		result = FCS_ELIMIT;
	if (result == FCS_OK) {
		/* first the worker's end, then the asker's: it may use it at
		 * once */
		if (child_send(w->child,
			json_pack("{s:s, s:b}", "op", "channel", "worker",
			    l->is_worker),
			&sv[1], 1) == FCS_OK)
			sv[1] = -1;
		tell_located(l->asker, l->number, "ok", "", &sv[0]);
	} else {
		tell_located(l->asker, l->number,
		    result == FCS_ENOENT ? "unknown" : "failed",
		    why[0] != '\0' ? why : err_text(result), NULL);
	}
	if (sv[0] >= 0)
		(void)close(sv[0]);
	if (sv[1] >= 0)
		(void)close(sv[1]);
	free(l);
}

void
registry_locate(
    struct registry *r, struct child *asker, bool is_worker, json_t *msg)
{
	struct locate *l = calloc(1, sizeof(*l));
	const char *inst = link_text(msg, "inst");

	if (l == NULL) {
		tell_located(asker, link_int(msg, "id"), "failed",
		    "out of memory", NULL);
		return;
	}
	l->asker = asker;
	l->is_worker = is_worker;
	l->number = link_int(msg, "id");
	l->id = ++r->last_locate;
	l->next = r->locates;
	r->locates = l;
	registry_need(r, link_text(msg, "app"), inst[0] == '\0' ? NULL : inst,
	    on_needed, r, l->id);
}

void
registry_forget_asker(struct registry *r, const struct child *asker)
{
	struct locate *l;

	for (l = r->locates; l != NULL; l = l->next)
		if (l->asker == asker)
			l->asker = NULL;
}

/* ---- all of them ---- */

struct registry *
registry_new(struct child_env *env, const struct registry_ops *ops, void *arg)
{
	struct registry *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->env = env;
	r->ops = ops;
	r->arg = arg;
	return r;
}

void
registry_free(struct registry *r)
{
	struct registry_worker *w;
	struct locate *l;
	struct app *a, *next;
	struct wait *wt;

	if (r == NULL)
		return;
	while ((w = r->workers) != NULL) {
		r->workers = w->next;
		child_free(w->child);
		free(w);
	}
	HASH_ITER(hh, r->apps, a, next)
	{
		HASH_DEL(r->apps, a);
		while ((wt = a->waits) != NULL) {
			a->waits = wt->next;
			free(wt);
		}
		free(a->dir);
		free(a);
	}
	while ((l = r->locates) != NULL) {
		r->locates = l->next;
		free(l);
	}
	free(r);
}

static void
on_started(void *arg, uint64_t id, int result, struct registry_worker *w,
    const char *why)
{
	(void)arg;
	(void)id;
	(void)w;
	if (result != FCS_OK)
		log_error("app.start", "why=%s", why);
}

/* fn for every application folder; a name once. */
static void
each_folder(struct registry *r,
    void (*fn)(struct registry *, const char *name, const char *dir, void *),
    void *arg)
{
	const struct config *c = r->env->config;
	size_t i, n = config_count(c, CFG_APPS);
	struct dirent *de;
	char *first;
	DIR *d;

	for (i = 0; i < n; i++) {
		d = opendir(config_item(c, CFG_APPS, i));
		while (d != NULL && (de = readdir(d)) != NULL) {
			if (name_check(NAME_APP, de->d_name, strlen(de->d_name),
				NULL) != FCS_OK)
				continue;
			first = find_dir(r, de->d_name);
			if (first != NULL &&
			    strncmp(first, config_item(c, CFG_APPS, i),
				strlen(config_item(c, CFG_APPS, i))) == 0)
				fn(r, de->d_name, first, arg);
			free(first);
		}
		if (d != NULL)
			(void)closedir(d);
	}
}

static void
start_one(struct registry *r, const char *name, const char *dir, void *arg)
{
	struct config_problems problems;
	struct config_app *settings = NULL;

	(void)arg;
	if (config_app_load(r->env->config, name, dir, &settings, &problems) ==
		FCS_OK &&
	    config_app_count(settings, APP_LOAD) > 0 &&
	    strcmp(config_app_item(settings, APP_LOAD, 0), "on_connect") != 0)
		registry_need(r, name, NULL, on_started, r, 0);
	config_problems_fini(&problems);
	config_app_free(settings);
}

void
registry_start_all(struct registry *r)
{
	each_folder(r, start_one, NULL);
}

void
registry_reap(struct registry *r)
{
	struct registry_worker *w;

	for (w = r->workers; w != NULL; w = w->next)
		child_reap(w->child);
}

void
registry_stop(struct registry *r)
{
	struct registry_worker *w;

	r->stopping = true;
	for (w = r->workers; w != NULL; w = w->next)
		child_stop(w->child);
}

void
registry_kill(struct registry *r)
{
	struct registry_worker *w;

	for (w = r->workers; w != NULL; w = w->next)
		child_kill(w->child);
}

bool
registry_is_down(const struct registry *r)
{
	const struct registry_worker *w;

	for (w = r->workers; w != NULL; w = w->next)
		if (child_is_alive(w->child))
			return false;
	return true;
}

void
registry_each(struct registry *r,
    void (*fn)(void *arg, struct registry_worker *), void *arg)
{
	struct registry_worker *w;

	for (w = r->workers; w != NULL; w = w->next)
		fn(arg, w);
}

void
registry_each_failed(struct registry *r,
    void (*fn)(void *arg, const char *app, const char *why), void *arg)
{
	struct app *a, *next;

	HASH_ITER(hh, r->apps, a, next)
	if (a->state == APP_FAILED)
		fn(arg, a->name, a->why);
}

const char *
registry_hint(struct registry *r, const char *app)
{
	struct app *a;

	HASH_FIND_STR(r->apps, app, a);
	return a == NULL ? "" : a->hint;
}

json_t *
registry_worker_status(struct registry_worker *w)
{
	json_t *j = child_status(w->child), *s;
	json_int_t clients = 0;
	struct app *a, *next;
	size_t i;

	json_array_foreach(json_object_get(child_stat(w->child), "apps"), i, s)
	    clients += link_int(s, "clients");
	(void)json_object_set_new(j, "clients", json_integer(clients));
	HASH_ITER(hh, w->reg->apps, a, next)
	{
		if (a->worker != w || a->state != APP_FAILED)
			continue;
		(void)json_object_set_new(j, "state", json_string("failed"));
		(void)json_object_set_new(j, "why", json_string(a->why));
		(void)json_object_set_new(j, "hint", json_string(a->hint));
	}
	return j;
}

const char *
registry_worker_name(const struct registry_worker *w)
{
	return w->name;
}

struct child *
registry_worker_child(struct registry_worker *w)
{
	return w->child;
}

/* ---- app list ---- */

static const char *
app_state_text(const struct app *a)
{
	if (a == NULL || a->worker == NULL)
		return a != NULL && a->why[0] != '\0' ? "failed" : "stopped";
	if (a->state == APP_OPEN)
		return "running";
	if (a->state == APP_FAILED)
		return "failed";
	return child_state_text(a->worker->child);
}

static void
add_app(struct registry *r, const char *name, const char *dir, void *arg)
{
	json_t *list = arg, *j, *s;
	struct app *a;
	size_t i;

	HASH_FIND_STR(r->apps, name, a);
	j = json_pack("{s:s, s:s, s:s, s:i, s:i, s:s}", "name", name, "app",
	    name, "state", app_state_text(a), "instances", 0, "clients", 0,
	    "dir", dir);
	if (a != NULL && a->why[0] != '\0') {
		(void)json_object_set_new(j, "why", json_string(a->why));
		(void)json_object_set_new(j, "hint", json_string(a->hint));
	}
	if (a != NULL && a->worker != NULL) {
		(void)json_object_set_new(
		    j, "worker", json_string(a->worker->name));
		json_array_foreach(
		    json_object_get(child_stat(a->worker->child), "apps"), i, s)
		{
			if (strcmp(link_text(s, "app"), name) != 0)
				continue;
			(void)json_object_set(
			    j, "instances", json_object_get(s, "instances"));
			(void)json_object_set(
			    j, "clients", json_object_get(s, "clients"));
		}
	}
	(void)json_array_append_new(list, j);
}

json_t *
registry_apps(struct registry *r)
{
	json_t *list = json_array();

	each_folder(r, add_app, list);
	return list;
}
