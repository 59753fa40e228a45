/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devwatch - see devwatch.h. An editor makes several events of one save, and
 * some of them in between there is no main.rb: so it waits until nothing has
 * happened for a moment. Folders are looked up again then, since a save may
 * have made a new one.
 */
#include "worker/devwatch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/app_reload.h"
#include "net/timer.h"
#include "net/watchdir.h"

#define QUIET_MS  100
#define DEPTH_MAX 8 /* of folders below lib */

struct devwatch {
	struct application *app;
	struct watchdir *watch;
	struct timer *quiet;
	struct app_reload *running;
	bool again; /* saved while it runs */
	unsigned rows, kept;
};

static const char *
name_of(const struct devwatch *w)
{
	return application_env(w->app)->name;
}

/* ---- folders ---- */

static void
add(struct devwatch *w, const char *dir)
{
	int rc = watchdir_add(w->watch, dir);

	if (rc != FCS_OK && rc != FCS_ENOENT)
		log_warn("dev.watch", "name=%s dir=%s why=%s", name_of(w), dir,
		    err_text(rc));
}

static void
add_tree(struct devwatch *w, const char *dir, int depth)
{
	char path[4096];
	struct dirent *de;
	DIR *d = opendir(dir);

	if (d == NULL)
		return;
	add(w, dir);
	while (depth > 0 && (de = readdir(d)) != NULL) {
		if (de->d_name[0] == '.' ||
		    (de->d_type != DT_DIR && de->d_type != DT_UNKNOWN))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, de->d_name) <
		    (int)sizeof(path))
			add_tree(w, path, depth - 1);
	}
	(void)closedir(d);
}

/* As load finds them: beside main.rb, then in script.path. */
static void
look_up(struct devwatch *w)
{
	const struct application_env *env = application_env(w->app);
	size_t i, n = config_app_count(env->settings, APP_SCRIPT_PATH);
	char path[4096];
	const char *item;

	add_tree(w, env->dir, 0);
	(void)snprintf(path, sizeof(path), "%s/lib", env->dir);
	add_tree(w, path, DEPTH_MAX);
	(void)snprintf(path, sizeof(path), "%s/scripts", env->dir);
	add_tree(w, path, DEPTH_MAX);
	for (i = 0; i < n; i++) {
		item = config_app_item(env->settings, APP_SCRIPT_PATH, i);
		if (item[0] == '/')
			(void)snprintf(path, sizeof(path), "%s", item);
		else
			(void)snprintf(
			    path, sizeof(path), "%s/%s", env->dir, item);
		add_tree(w, path, DEPTH_MAX);
	}
}

/* ---- loading ---- */

static void
on_note(void *arg, const char *key, const char *needs)
{
	struct devwatch *w = arg;

	log_warn(
	    "app.reload", "name=%s key=%s needs=%s", name_of(w), key, needs);
}

static void
on_row(void *arg, const char *inst, const struct inst_reload_result *res)
{
	struct devwatch *w = arg;

	(void)inst; /* inst_reload has logged it */
	w->rows++;
	w->kept += res->end == RELOAD_KEPT;
}

static void
on_done(void *arg, int result, const char *why)
{
	struct devwatch *w = arg;

	w->running = NULL;
	look_up(w); /* script.path may be another one */
	if (result == FCS_OK)
		log_info("app.reload", "name=%s cause=%s instances=%u",
		    name_of(w), "saved", w->rows);
	else if (w->kept == 0)
		log_error("app.reload", "name=%s cause=%s why=%s", name_of(w),
		    "saved", why[0] == '\0' ? err_text(result) : why);
	if (w->again)
		timer_set(w->quiet, QUIET_MS);
}

static const struct app_reload_ops reload_ops = { on_note, on_row, on_done };

static void
on_quiet(void *arg)
{
	struct devwatch *w = arg;

	look_up(w);
	if (w->running != NULL) {
		w->again = true;
		return;
	}
	w->again = false;
	w->rows = w->kept = 0;
	w->running = app_reload_start(w->app, NULL, false, &reload_ops, w);
}

/* A folder, or a file that load or the settings may read. Editors' own files
 * begin with a dot or end otherwise. */
static bool
matters(const char *name)
{
	size_t n = strlen(name);

	if (name[0] == '.')
		return false;
	if (n > 3 && strcmp(name + n - 3, ".rb") == 0)
		return true;
	return strcmp(name, "app.yaml") == 0 || strchr(name, '.') == NULL;
}

static void
on_change(void *arg, const char *dir, const char *name)
{
	struct devwatch *w = arg;

	(void)dir;
	if (name == NULL || matters(name))
		timer_set(w->quiet, QUIET_MS);
}

struct devwatch *
devwatch_new(struct application *app)
{
	const struct application_env *env = application_env(app);
	struct devwatch *w = calloc(1, sizeof(*w));
	struct err why;

	if (w == NULL)
		return NULL;
	err_clear(&why);
	w->app = app;
	w->quiet = timer_new(env->loop, on_quiet, w);
	w->watch = watchdir_new(env->loop, on_change, w, &why);
	if (w->quiet == NULL || w->watch == NULL) {
		log_warn("dev.watch", "name=%s why=%s", env->name, why.text);
		devwatch_free(w);
		return NULL;
	}
	look_up(w);
	return w;
}

void
devwatch_free(struct devwatch *w)
{
	if (w == NULL)
		return;
	app_reload_cancel(w->running);
	timer_free(w->quiet);
	watchdir_free(w->watch);
	free(w);
}
