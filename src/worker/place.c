/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place - see place.h. The order of opening is the order of dependence:
 * settings, folder, store (it takes the lock that makes this process the only
 * one), commit thread, recordings, application. Closing is the reverse.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/name.h"
#include "core/instance.h"
#include "core/live.h"
#include "core/record.h"
#include "core/sharedobj.h"
#include "net/fetch.h"
#include "peer/peer.h"
#include "script/engine.h"
#include "storage/files.h"
#include "storage/media.h"
#include "storage/store.h"
#include "worker/devwatch.h"
#include "worker/place.h"

struct place {
	char *name, *dir, *state_dir, *media_dir;
	struct config_app *settings;
	struct limits limits; /* as they were at the start */
	struct store *store;
	struct commit *commit;
	struct loop_wakeup *commit_wakeup, *media_wakeup, *files_wakeup;
	struct media *media;
	struct fetch *fetch;
	struct files *files;
	struct application *app;
	struct devwatch *devwatch; /* --dev; NULL: none */
};

static void
on_commit(void *arg)
{
	struct place *p = arg;

	if (p->commit != NULL)
		commit_collect(p->commit);
}

static void
on_media(void *arg)
{
	struct place *p = arg;

	if (p->media != NULL)
		media_collect(p->media);
}

static void
on_files(void *arg)
{
	struct place *p = arg;

	if (p->files != NULL)
		files_collect(p->files);
}

/* Called from the commit, media or files thread. */
static void
wake(void *arg)
{
	loop_wakeup_fire(arg);
}

static int
load_settings(const struct config *c, const char *name, const char *dir,
    struct config_app **out, struct err *why)
{
	struct config_problems problems;
	int rc = config_app_load(c, name, dir, out, &problems);

	if (rc == FCS_OK)
		(void)0;
	else if (problems.n > 0)
		(void)err_set(why, rc, "%s:%d:%d: %s", problems.v[0].file,
		    problems.v[0].line, problems.v[0].col, problems.v[0].text);
	else
		(void)err_set(why, rc, "settings: %s", err_text(rc));
	config_problems_fini(&problems);
	return rc;
}

static int
make_folder(const char *path, struct err *why)
{
	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		return err_sys(why, errno, "%s", path);
	return FCS_OK;
}

static char *
join(const char *a, const char *b)
{
	char *s = NULL;

	return asprintf(&s, "%s/%s", a, b) < 0 ? NULL : s;
}

static const char *
remedy(int rc)
{
	switch (rc) {
	case FCS_EBUSY:
		return "stop the other process that uses this folder "
		       "(fuser shows it), or give another `state`";
	case FCS_ESCHEMA:
		return "start the fcsd that wrote it, or restore a copy";
	case FCS_ECORRUPT:
		return "restore the folder from a copy";
	case FCS_EACCES:
	case FCS_EREADONLY:
		return "give the user of fcsd the rights to this folder";
	case FCS_ENOSPC:
		return "free space on this disk";
	case FCS_ECONFIG:
		return "fcsd -t shows all problems";
	default:
		return "";
	}
}

static int
open_stores(
    struct place *p, struct loop *l, const struct config *c, struct err *why)
{
	struct media_conf mc = { .state_dir = p->state_dir,
		.media_dir = p->media_dir,
		.limits = &p->limits,
		.wake = wake };
	int rc;

	rc = sodb_open(p->state_dir, STORE_SYNC_FULL, &p->store, why);
	if (rc != FCS_OK)
		return rc;
	p->commit_wakeup = loop_wakeup_new(l, on_commit, p);
	p->media_wakeup = loop_wakeup_new(l, on_media, p);
	if (p->commit_wakeup == NULL || p->media_wakeup == NULL)
		return err_set(why, FCS_ENOMEM, "out of memory");
	rc = commit_start(p->store, wake, p->commit_wakeup, &p->commit);
	if (rc != FCS_OK)
		return err_set(why, rc, "commit thread: %s", err_text(rc));
	mc.arg = p->media_wakeup;
	return media_start(&mc, &p->media, why);
}

static int
open_files(
    struct place *p, struct loop *l, const struct config *c, struct err *why)
{
	struct files_conf conf = { .state_dir = p->state_dir,
		.waiting_max =
		    (uint64_t)limits_get(config_limits(c), LIMIT_FILES_QUEUE),
		.wake = wake };
	char *data = join(p->dir, "data");
	int rc = FCS_ENOMEM;

	p->files_wakeup = loop_wakeup_new(l, on_files, p);
	conf.data_dir = data;
	conf.arg = p->files_wakeup;
	if (data != NULL && p->files_wakeup != NULL)
		rc = files_start(&conf, &p->files);
	free(data);
	return rc == FCS_OK ? rc : err_set(why, rc, "%s", err_text(rc));
}

static struct fetch_conf
fetch_conf(const struct config *c)
{
	const struct limits *l = config_limits(c);
	struct fetch_conf conf = { .at_once = (uint32_t)limits_get(
				       l, LIMIT_FETCHES_APP),
		.body_max = (size_t)limits_get(l, LIMIT_FETCH_BODY),
		.header_max = (size_t)limits_get(l, LIMIT_FETCH_HEADER),
		.reserve_fds = (int)limits_get(l, LIMIT_RESERVE_FDS) };

	return conf;
}

/* An entry nobody can match is a mistake somebody wants to hear of. */
static void
check_allow(const struct place *p)
{
	struct weburl u;
	const char *item;
	struct err why;
	size_t i;

	for (i = 0; i < config_app_count(p->settings, APP_HTTP_ALLOW); i++) {
		err_clear(&why);
		item = config_app_item(p->settings, APP_HTTP_ALLOW, i);
		if (weburl_parse(item, strlen(item), &u, &why) == FCS_OK &&
		    strchr(u.text, '?') != NULL)
			(void)err_set(&why, FCS_EFORMAT, "it has a query");
		else if (why.code == FCS_OK)
			continue;
		log_error("app.config",
		    "name=%s key=http.allow entry=%s why=%s", p->name, item,
		    why.text);
	}
}

static bool
is_same(const struct config_value *a, const struct config_value *b)
{
	size_t i;

	if (a->num != b->num || a->count != b->count ||
	    (a->text == NULL) != (b->text == NULL) ||
	    (a->text != NULL && strcmp(a->text, b->text) != 0))
		return false;
	for (i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

/* Changes that a reload alone does not bring about everywhere. */
static void
note_changes(const struct config_app *old, const struct config_app *new,
    void (*note)(void *arg, const char *key, const char *needs), void *arg)
{
	const struct config_row *row;
	int key;

	for (key = 0; note != NULL && key < APP_TOTAL; key++) {
		row = config_app_row(key);
		if ((row->reload != CONFIG_AT_START &&
			row->reload != CONFIG_WITH_CODE) ||
		    is_same(
			config_app_value(old, key), config_app_value(new, key)))
			continue;
		note(arg, row->path,
		    row->reload == CONFIG_AT_START
			? "a restart of the server"
			: "new code: it holds where that is loaded");
	}
}

/* As application_env.reload; c: the configuration it is read on top of. */
static int
read_settings(struct place *p, const struct config *c,
    void (*note)(void *arg, const char *key, const char *needs), void *arg,
    struct err *why)
{
	struct config_app *old = p->settings, *new = NULL;
	int rc = load_settings(c, p->name, p->dir, &new, why);

	if (rc != FCS_OK)
		return rc;
	note_changes(old, new, note, arg);
	application_set_settings(p->app, c, config_limits(c), new);
	p->settings = new;
	check_allow(p);
	config_app_free(old);
	return FCS_OK;
}

static int
on_reload(void *reload_arg,
    void (*note)(void *arg, const char *key, const char *needs), void *arg,
    struct err *why)
{
	struct place *p = reload_arg;

	return read_settings(
	    p, application_env(p->app)->config, note, arg, why);
}

static int
open_application(struct place *p, struct loop *l, const struct config *c,
    const struct peer_locator *locator, const struct probe *probe,
    struct err *why)
{
	struct fetch_conf conf = fetch_conf(c);
	struct application_env env = { .loop = l,
		.limits = config_limits(c),
		.config = c,
		.settings = p->settings,
		.name = p->name,
		.dir = p->dir,
		.state_dir = p->state_dir,
		.commit = p->commit,
		.media = p->media,
		.script = &engine_ops,
		.peer = &peer_table,
		.locator = locator,
		.probe = probe,
		.dev = config_is_dev(c),
		.reload = on_reload,
		.reload_arg = p };

	env.files = p->files;
	env.fetch = p->fetch = fetch_new(l, &conf);
	p->app = p->fetch == NULL ? NULL : application_new(&env);
	if (p->app == NULL)
		return err_set(why, FCS_ENOMEM, "out of memory");
	application_set_module(p->app, MODULE_SHAREDOBJ, &sharedobj_module);
	application_set_module(p->app, MODULE_LIVE, &live_module);
	application_set_module(p->app, MODULE_RECORD, &record_module);
	application_set_module(p->app, MODULE_PEER, &peer_module);
	return FCS_OK;
}

/* `load`: on_connect, at_start (the default instance), or a list. */
static void
start_instances(struct place *p)
{
	size_t i, n = config_app_count(p->settings, APP_LOAD);
	struct instance *inst;
	const char *name;
	struct err e;

	for (i = 0; i < n; i++) {
		name = config_app_item(p->settings, APP_LOAD, i);
		if (strcmp(name, "on_connect") == 0)
			continue;
		if (strcmp(name, "at_start") == 0)
			name = NAME_DEFAULT_INSTANCE;
		inst = application_instance(p->app, name, true, &e);
		if (inst != NULL)
			instance_start(inst);
		else
			log_error("app.load", "name=%s inst=%s why=%s", p->name,
			    name, e.text);
	}
}

int
place_open(struct loop *l, const struct config *c, const char *name,
    const char *dir, const struct peer_locator *locator,
    const struct probe *probe, struct place **out, struct err *why, char *hint)
{
	struct place *p = calloc(1, sizeof(*p));
	char *apps = join(config_text(c, CFG_STATE), "apps");
	int rc = FCS_ENOMEM;

	(void)err_set(why, rc, "out of memory");
	if (p == NULL || apps == NULL)
		goto out;
	p->limits = *config_limits(c);
	p->name = strdup(name);
	p->dir = strdup(dir);
	p->state_dir = join(apps, name);
	p->media_dir = join(dir, "media");
	if (p->name == NULL || p->dir == NULL || p->state_dir == NULL ||
	    p->media_dir == NULL)
		goto out;
	rc = load_settings(c, name, dir, &p->settings, why);
	if (rc == FCS_OK)
		rc = make_folder(apps, why);
	if (rc == FCS_OK)
		rc = make_folder(p->state_dir, why);
	if (rc == FCS_OK)
		rc = open_stores(p, l, c, why);
	if (rc == FCS_OK)
		rc = open_files(p, l, c, why);
	if (rc == FCS_OK)
		rc = open_application(p, l, c, locator, probe, why);
out:
	free(apps);
	(void)snprintf(hint, ERR_TEXT_MAX, "%s", remedy(rc));
	if (rc == FCS_OK) {
		check_allow(p);
		start_instances(p);
		if (config_is_dev(c))
			p->devwatch = devwatch_new(p->app);
		*out = p;
	} else {
		place_close(p);
	}
	return rc;
}

void
place_reload(struct place *p, const struct config *c)
{
	struct fetch_conf conf = fetch_conf(c);
	struct err e;

	fetch_set_conf(p->fetch, &conf);
	if (read_settings(p, c, NULL, NULL, &e) == FCS_OK) {
		start_instances(p); /* those `load` names now */
		return;
	}
	log_error("app.reload", "name=%s why=%s", p->name, e.text);
	application_set_settings(p->app, c, config_limits(c), p->settings);
}

void
place_stop(struct place *p, void (*done)(void *arg), void *arg)
{
	devwatch_free(p->devwatch);
	p->devwatch = NULL;
	application_stop(p->app, "shutdown", done, arg);
}

void
place_close(struct place *p)
{
	if (p == NULL)
		return;
	devwatch_free(p->devwatch);
	if (p->media != NULL)
		media_stop(p->media);
	p->media = NULL;
	if (p->commit != NULL)
		commit_stop(p->commit);
	p->commit = NULL;
	files_stop(p->files);
	p->files = NULL;
	if (p->app != NULL)
		application_free(p->app);
	fetch_free(p->fetch);
	if (p->store != NULL)
		p->store->ops->close(p->store);
	loop_wakeup_free(p->commit_wakeup);
	loop_wakeup_free(p->media_wakeup);
	loop_wakeup_free(p->files_wakeup);
	config_app_free(p->settings);
	free(p->name);
	free(p->dir);
	free(p->state_dir);
	free(p->media_dir);
	free(p);
}

const char *
place_name(const struct place *p)
{
	return p->name;
}

struct application *
place_app(const struct place *p)
{
	return p->app;
}
