/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three looks: the settings; each file of Ruby by itself, also those nothing
 * loads; then the class as it is declared, in the VM of an instance that is
 * never started.
 */
#include "apptest/at_check.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apptest/at_world.h"
#include "base/log.h"
#include "script/vmtest.h"

#define PATH_LEN  4096
#define DEPTH_MAX 8

struct check {
	const char *dir, *name;
	bool json;
	unsigned problems;
	bool hopeless;    /* it would not load */
	const char *file; /* being looked at */
	struct vmtest *vm;
};

static void
tell(struct check *k, const char *text)
{
	json_t *j;

	k->problems++;
	if (!k->json) {
		printf("%s\n", text);
		return;
	}
	j = json_pack("{s:s, s:s}", "app", k->name, "problem", text);
	if (j != NULL)
		(void)json_dumpf(j, stdout, JSON_COMPACT);
	puts("");
	json_decref(j);
}

/* ---- app.yaml ---- */

static void
warn_unused(void *arg, const char *key, const struct config_value *v)
{
	const struct check *k = arg;

	if (!k->json)
		printf("app.yaml:%d:%d: warning: %s has no effect in this "
		       "version\n",
		    v->line, v->col, key);
}

static void
check_settings(struct check *k)
{
	struct config *c = config_new();
	struct config_app *a = NULL;
	struct config_problems p;
	const struct config_problem *v;
	struct str s;
	size_t i;

	if (c == NULL)
		return;
	if (config_app_load(c, k->name, k->dir, &a, &p) == FCS_OK)
		config_app_unused(a, warn_unused, k);
	k->hopeless = p.n > 0;
	for (i = 0; i < p.n; i++) {
		v = &p.v[i];
		str_init(&s);
		/* beside main.rb, as in the places of the script */
		str_addf(&s, "%s:%d:%d: %s",
		    v->file != NULL && str_starts(v->file, k->dir)
			? v->file + strlen(k->dir) + 1
			: "app.yaml",
		    v->line, v->col, v->text);
		tell(k, str_text(&s));
		str_fini(&s);
	}
	config_problems_fini(&p);
	config_app_free(a);
	config_free(c);
}

/* ---- files ---- */

static void
on_problem(void *arg, int line, int column, const char *what)
{
	struct check *k = arg;
	struct str s;

	str_init(&s);
	str_add(&s, k->file);
	k->hopeless |= line == 0 || column > 0; /* it does not compile */
	if (line > 0)
		str_addf(&s, ":%d", line);
	if (column > 0)
		str_addf(&s, ":%d", column);
	str_addf(&s, ": %s", what);
	tell(k, str_text(&s));
	str_fini(&s);
}

static int
by_name(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* All of below, sub relative to the application; "" = its top. */
static void
check_files(struct check *k, const char *sub, int depth)
{
	char path[PATH_LEN], rel[PATH_LEN];
	struct dirent **list;
	struct stat st;
	size_t len;
	int i, n;

	(void)snprintf(path, sizeof(path), "%s/%s", k->dir, sub);
	n = scandir(path, &list, by_name, alphasort);
	for (i = 0; i < n; i++) {
		(void)snprintf(rel, sizeof(rel), "%s%s%s", sub,
		    sub[0] == '\0' ? "" : "/", list[i]->d_name);
		(void)snprintf(path, sizeof(path), "%s/%.2000s", k->dir, rel);
		len = strlen(rel);
		free(list[i]);
		if (stat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX &&
		    strcmp(rel, "www") != 0 && strcmp(rel, "media") != 0 &&
		    strcmp(rel, "data") != 0)
			check_files(k, rel, depth + 1);
		if (!S_ISREG(st.st_mode) || len < 4 ||
		    strcmp(rel + len - 3, ".rb") != 0)
			continue;
		k->file = rel;
		fcs_ignore(vmtest_check(k->vm, rel, on_problem, k));
	}
	if (n >= 0)
		free(list);
}

static int
nobody(void *arg, const char *what, struct value *const *args, uint32_t count,
    struct arena *arena, struct value **out, struct err *why)
{
	(void)arg;
	(void)args;
	(void)count;
	(void)arena;
	(void)out;
	return err_set(why, FCS_EUNSUPPORTED, "%s: no test is run", what);
}

/* ---- the class ---- */

static void
on_probe(void *arg, struct instance *i, const char *what,
    struct value *const *args, uint32_t count, struct arena *arena,
    struct value **out)
{
	char text[1024];

	(void)i;
	(void)arena;
	(void)out;
	if (strcmp(what, "problem") != 0 || count == 0)
		return;
	(void)snprintf(text, sizeof(text), "%.*s", (int)args[0]->str.len,
	    args[0]->str.ptr);
	tell(arg, text);
}

static int
load_class(struct check *k, const char *const *folders, const char *state,
    struct err *why)
{
	struct probe probe = { on_probe, k, true };
	struct script_options opt = {
		.app_name = k->name, .inst_name = "_definst_", .dir = k->dir
	};
	const struct application_env *env;
	struct script *script = NULL;
	struct at_world *w = NULL;
	struct instance *i;
	struct place *p;
	int rc;

	rc = at_world_new(folders, state, &probe, &w, why);
	if (rc == FCS_OK)
		rc = at_world_app(w, k->name, &p, why);
	if (rc != FCS_OK)
		return rc;
	env = application_env(place_app(p));
	i = application_instance(place_app(p), opt.inst_name, true, why);
	if (i == NULL)
		return why->code;
	opt.memory = (uint64_t)config_app_int(env->settings, APP_SCRIPT_MEMORY);
	opt.time_ms = (uint32_t)config_app_int(env->settings, APP_SCRIPT_TIME);
	opt.start_ms =
	    (uint32_t)limits_get(env->limits, LIMIT_SCRIPT_START_TIME);
	opt.config_json = config_app_text(env->settings, APP_CONFIG);
	rc = env->script->open(i, &opt, &script, why);
	if (rc == FCS_OK)
		env->script->close(script);
	return rc;
}

/* "main.rb:2: main.rb:8: what": the place said last is the nearest. */
static const char *
place_in(const char *text)
{
	const char *p = strstr(text, ": ");
	size_t file = strcspn(text, ":");

	while (p != NULL && strncmp(p + 2, text, file + 1) == 0 &&
	       strstr(p + 2, ": ") != NULL) {
		text = p + 2;
		p = strstr(text, ": ");
	}
	return text;
}

static void
check_class(struct check *k, const char *const *folders)
{
	const char *tmp = getenv("TMPDIR");
	char state[PATH_LEN], yaml[PATH_LEN];
	struct err why;
	int rc;

	(void)snprintf(state, sizeof(state), "%s/fcs-check-XXXXXX",
	    tmp == NULL || tmp[0] == '\0' ? "/tmp" : tmp);
	if (mkdtemp(state) == NULL) {
		tell(k, "no temporary folder");
		return;
	}
	err_clear(&why);
	rc = load_class(k, folders, state, &why);
	(void)snprintf(yaml, sizeof(yaml), "%.3000s/app.yaml", k->dir);
	if (rc == FCS_ENOENT && access(yaml, F_OK) != 0)
		tell(k, "there is neither a script nor app.yaml");
	else if (rc != FCS_OK && rc != FCS_ENOENT)
		tell(k, place_in(why.text));
	at_world_remove(state);
}

/* Exit status. */
static int
look(const char *dir, const char *name, const char *const *folders, bool json)
{
	struct check k = { .dir = dir, .name = name, .json = json };
	struct vmtest_host host = { nobody, NULL };
	struct err why;

	log_set_level(LOG_LEVEL_ERROR);
	check_settings(&k);
	if (vmtest_new(&host, dir, &k.vm, &why) != FCS_OK) {
		fprintf(stderr, "fcsd: %s\n", why.text);
		return 2;
	}
	check_files(&k, "", 0);
	if (!k.hopeless)
		check_class(&k, folders);
	if (!json && k.problems == 0)
		printf("%s: nothing to object to\n", name);
	else if (!json)
		printf("%s: %u problem%s\n", name, k.problems,
		    k.problems == 1 ? "" : "s");
	return k.problems == 0 ? 0 : 1;
}

int
at_check(
    const char *dir, const char *name, const char *const *folders, bool json)
{
	int status = 0, code;
	pid_t pid;

	/* what was opened goes with the process */
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		code = look(dir, name, folders, json);
		(void)fflush(NULL);
		_exit(code);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "fcsd: %s: the check was ended by %s\n", name,
	    pid < 0 ? strerror(errno) : strsignal(WTERMSIG(status)));
	return 2;
}
