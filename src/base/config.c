/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading: the layers in order, each into the same set, so that the later one
 * replaces the value and its origin.
 */
#include "base/config_int.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "base/utf8.h"

struct config *
config_new(void)
{
	struct config *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	if (config_set_init(&c->set, &config_server_table) != FCS_OK ||
	    config_set_defaults(&c->set) != FCS_OK ||
	    config_finish(c) != FCS_OK) {
		config_free(c);
		return NULL;
	}
	return c;
}

void
config_free(struct config *c)
{
	struct config_override *o;

	if (c == NULL)
		return;
	while ((o = c->apps) != NULL) {
		c->apps = o->next;
		config_set_fini(&o->set);
		free(o->name);
		free(o);
	}
	config_set_fini(&c->set);
	free(c->admin_socket);
	free(c);
}

struct config_override *
config_override_get(struct config *c, const char *name)
{
	struct config_override **p = &c->apps;
	struct config_override *o;

	for (; *p != NULL; p = &(*p)->next)
		if (strcmp((*p)->name, name) == 0)
			return *p;
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return NULL;
	o->name = strdup(name);
	if (o->name == NULL ||
	    config_set_init(&o->set, &config_app_table) != FCS_OK) {
		free(o->name);
		free(o);
		return NULL;
	}
	*p = o;
	return o;
}

int
config_finish(struct config *c)
{
	const struct config_value *v = c->set.values;
	const char *state = v[CFG_STATE].text;
	struct str s;

	for (int i = 0; i < LIMITS_TOTAL; i++)
		c->limits.value[i] = v[CFG_LIMITS + i].num;
	str_init(&s);
	if (v[CFG_ADMIN_SOCKET].text[0] != '\0')
		str_add(&s, v[CFG_ADMIN_SOCKET].text);
	else if (c->dev || v[CFG_STATE].layer != CONFIG_BY_DEFAULT)
		str_addf(&s, "%s/fcsd.sock", state);
	else
		str_add(&s, "/run/fcs/fcsd.sock");
	free(c->admin_socket);
	c->admin_socket = str_take(&s);
	return c->admin_socket != NULL ? FCS_OK : FCS_ENOMEM;
}

/* Set without config_finish(), for many keys in a row. */
static int
set_key(struct config *c, const char *key, const char *value,
    enum config_layer layer, struct err *e)
{
	struct config_override *o;
	char name[NAME_APP_MAX + 1];
	const char *rest;
	int row = config_table_find(&config_server_table, key);
	size_t n;

	if (row >= 0)
		return config_set_text(&c->set, (size_t)row, value, layer, e);
	if (!str_starts(key, "app.")) {
		config_table_unknown(&config_server_table, key, e);
		return FCS_ECONFIG;
	}
	key += 4;
	rest = strchr(key, '.');
	n = rest != NULL ? (size_t)(rest - key) : strlen(key);
	if (n > NAME_APP_MAX ||
	    (!(n == 1 && key[0] == '*') &&
		name_check(NAME_APP, key, n, NULL) != FCS_OK))
		return err_set(e, FCS_ECONFIG,
		    "\"%.60s\" does not name an application's key", key);
	if (rest == NULL)
		return err_set(e, FCS_ECONFIG,
		    "app.%.64s is a section: give app.%.64s.<key>", key, key);
	memcpy(name, key, n);
	name[n] = '\0';
	row = config_table_find(&config_app_table, rest + 1);
	if (row < 0) {
		config_table_unknown(&config_app_table, rest + 1, e);
		return FCS_ECONFIG;
	}
	o = config_override_get(c, name);
	if (o == NULL)
		return err_set(e, FCS_ENOMEM, "out of memory");
	return config_set_text(&o->set, (size_t)row, value, layer, e);
}

int
config_set(struct config *c, const char *key, const char *value,
    enum config_layer layer, struct err *e)
{
	int rc = set_key(c, key, value, layer, e);

	return rc != FCS_OK ? rc : config_finish(c);
}

/* Defaults of --dev: loopback, ./var, publishing open. */
static int
set_dev(struct config *c, const char *apps)
{
	static const struct {
		const char *key, *value;
	} v[] = {
		{ "listen.rtmp", "127.0.0.1:1935" },
		{ "listen.http", "127.0.0.1:8080" },
		{ "state", "./var" },
		{ "app.*.publish", "allow" },
		{ "app.*.http.allow", "http://127.0.0.1, http://localhost" },
	};
	struct err e;
	int rc = FCS_OK;

	c->dev = true;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]) && rc == FCS_OK; i++)
		rc = set_key(c, v[i].key, v[i].value, CONFIG_BY_DEFAULT, &e);
	if (rc == FCS_OK)
		rc = set_key(c, "apps", apps != NULL ? apps : "apps",
		    CONFIG_BY_DEFAULT, &e);
	return rc;
}

static int
is_yaml(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 5 &&
	       strcmp(d->d_name + n - 5, ".yaml") == 0;
}

/* <folder of file>/conf.d, sorted by bytes. */
static int
load_confd(struct config *c, const char *file, struct config_problems *p)
{
	const char *slash = strrchr(file, '/');
	struct dirent **list;
	struct str path;
	bool found;
	int rc = FCS_OK;
	int n;

	str_init(&path);
	if (slash != NULL)
		str_addn(&path, file, (size_t)(slash - file) + 1);
	str_add(&path, "conf.d");
	if (path.err != FCS_OK)
		return FCS_ENOMEM;
	n = scandir(str_text(&path), &list, is_yaml, alphasort);
	str_addc(&path, '/');
	for (int i = 0; i < n; i++) {
		size_t len = path.len;

		str_add(&path, list[i]->d_name);
		if (rc == FCS_OK && path.err == FCS_OK)
			rc = config_read_file(str_text(&path), &c->set, c,
			    CONFIG_BY_CONFD, NULL, p, &found);
		path.len = len;
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	if (path.err != FCS_OK)
		rc = path.err;
	str_fini(&path);
	return rc;
}

/* FCS_LISTEN__RTMP to listen.rtmp; false: too long. */
static bool
env_key(const char *name, size_t len, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 4; i < len; i++) {
		if (n + 2 > size)
			return false;
		if (name[i] == '_' && i + 1 < len && name[i + 1] == '_') {
			out[n++] = '.';
			i++;
		} else {
			out[n++] = name[i] >= 'A' && name[i] <= 'Z'
				       ? (char)(name[i] + 32)
				       : name[i];
		}
	}
	out[n] = '\0';
	return true;
}

static int
load_environment(
    struct config *c, const char *const *env, struct config_problems *p)
{
	char key[256];
	struct err e;
	int rc;

	for (; env != NULL && *env != NULL; env++) {
		const char *eq = strchr(*env, '=');

		if (!str_starts(*env, "FCS_") || eq == NULL ||
		    !env_key(*env, (size_t)(eq - *env), key, sizeof(key)))
			continue;
		rc = set_key(c, key, eq + 1, CONFIG_BY_ENV, &e);
		if (rc == FCS_ENOMEM)
			return rc;
		if (rc == FCS_OK)
			continue;
		/* other people's FCS_ variables are none of our business */
		if (str_starts(e.text, "unknown key") &&
		    strstr(*env, "__") == NULL &&
		    strstr(e.text, "did you mean") == NULL)
			continue;
		config_problem_add(p, NULL, "environment", 0, 0, "%.*s: %s",
		    (int)(eq - *env), *env, e.text);
	}
	return FCS_OK;
}

static int
load_options(
    struct config *c, const char *const *options, struct config_problems *p)
{
	char key[256];
	struct err e;
	int rc;

	for (; options != NULL && *options != NULL; options++) {
		const char *eq = strchr(*options, '=');

		if (eq == NULL || (size_t)(eq - *options) >= sizeof(key)) {
			config_problem_add(p, NULL, "-o", 0, 0,
			    "\"%.60s\" is not key=value", *options);
			continue;
		}
		memcpy(key, *options, (size_t)(eq - *options));
		key[eq - *options] = '\0';
		rc = set_key(c, key, eq + 1, CONFIG_BY_OPTION, &e);
		if (rc == FCS_ENOMEM)
			return rc;
		if (rc != FCS_OK)
			config_problem_add(
			    p, NULL, "-o", 0, 0, "%s: %s", key, e.text);
	}
	return FCS_OK;
}

/* What no single key can tell. */
static void
check_whole(const struct config *c, struct config_problems *p)
{
	const struct config_value *v = c->set.values;
	const struct config_value *k;

	k = &v[CFG_LISTEN_RTMPS];
	if (k->count > 0 &&
	    (v[CFG_TLS_CERT].text[0] == '\0' || v[CFG_TLS_KEY].text[0] == '\0'))
		config_problem_add(p, NULL,
		    k->file != NULL ? k->file : "configuration", k->line,
		    k->col, "listen.rtmps needs tls.cert and tls.key");
	k = &v[CFG_STATE];
	if (k->text[0] == '\0')
		config_problem_add(p, NULL,
		    k->file != NULL ? k->file : "configuration", k->line,
		    k->col, "state: a folder is needed");
}

int
config_load(const struct config_source *src, struct config **out,
    struct config_problems *problems)
{
	struct config *c;
	bool found = true;
	int rc = FCS_OK;

	memset(problems, 0, sizeof(*problems));
	*out = NULL;
	c = config_new();
	if (c == NULL)
		return FCS_ENOMEM;
	if (src->dev)
		rc = set_dev(c, src->dev_apps);
	if (rc == FCS_OK && src->file != NULL) {
		rc = config_read_file(src->file, &c->set, c, CONFIG_BY_FILE,
		    NULL, problems, &found);
		if (rc == FCS_OK && !found && !src->file_optional)
			config_problem_add(
			    problems, NULL, src->file, 0, 0, "no such file");
		if (rc == FCS_OK)
			rc = load_confd(c, src->file, problems);
	}
	if (rc == FCS_OK)
		rc = load_environment(c, src->environ_, problems);
	if (rc == FCS_OK)
		rc = load_options(c, src->options, problems);
	if (rc == FCS_OK) {
		check_whole(c, problems);
		rc = config_finish(c);
	}
	if (rc == FCS_OK && problems->oom)
		rc = FCS_ENOMEM;
	if (rc == FCS_OK && problems->n > 0)
		rc = FCS_ECONFIG;
	if (rc != FCS_OK) {
		config_free(c);
		return rc;
	}
	*out = c;
	return FCS_OK;
}

const struct config_value *
config_value(const struct config *c, enum config_key key)
{
	fcs_assert(key < CFG_TOTAL);
	return &c->set.values[key];
}

bool
config_bool(const struct config *c, enum config_key key)
{
	fcs_assert(config_row(key)->type == CONFIG_BOOL);
	return config_value(c, key)->num != 0;
}

int64_t
config_int(const struct config *c, enum config_key key)
{
	enum config_type t = config_row(key)->type;

	fcs_assert(t == CONFIG_INT || t == CONFIG_SIZE ||
		   t == CONFIG_DURATION || t == CONFIG_ENUM);
	return config_value(c, key)->num;
}

const char *
config_text(const struct config *c, enum config_key key)
{
	return config_value(c, key)->text;
}

size_t
config_count(const struct config *c, enum config_key key)
{
	return config_value(c, key)->count;
}

const char *
config_item(const struct config *c, enum config_key key, size_t i)
{
	fcs_assert(i < config_count(c, key));
	return config_value(c, key)->items[i];
}

const struct limits *
config_limits(const struct config *c)
{
	return &c->limits;
}

const char *
config_admin_socket(const struct config *c)
{
	return c->admin_socket;
}

bool
config_is_dev(const struct config *c)
{
	return c->dev;
}

/* A copy of line number `line` of the file, cut to a sensible length. */
static char *
source_line(const struct config_file *f, int line)
{
	const char *p = f->text;
	const char *end = f->text + f->len;
	const char *nl;
	size_t n;

	for (int i = 1; i < line; i++) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			return NULL;
		p = nl + 1;
	}
	nl = memchr(p, '\n', (size_t)(end - p));
	n = (size_t)((nl != NULL ? nl : end) - p);
	if (n > 0 && p[n - 1] == '\r')
		n--;
	return strndup(p, n < 200 ? n : utf8_cut(p, n, 200));
}

void
config_problem_add(struct config_problems *p, const struct config_file *f,
    const char *file, int line, int col, const char *fmt, ...)
{
	struct config_problem *v;
	struct str s;
	va_list ap;

	if (p->n >= CONFIG_PROBLEMS_MAX)
		return;
	v = reallocarray(p->v, p->n + 1, sizeof(*v));
	if (v == NULL) {
		p->oom = true;
		return;
	}
	p->v = v;
	v = &p->v[p->n];
	str_init(&s);
	va_start(ap, fmt);
	str_vaddf(&s, fmt, ap);
	va_end(ap);
	v->file = strdup(file);
	v->line = line;
	v->col = col;
	v->text = str_take(&s);
	v->source = f != NULL && line > 0 ? source_line(f, line) : NULL;
	if (v->file == NULL || v->text == NULL) {
		free(v->file);
		free(v->text);
		free(v->source);
		p->oom = true;
		return;
	}
	p->n++;
}

void
config_problems_fini(struct config_problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].file);
		free(p->v[i].text);
		free(p->v[i].source);
	}
	free(p->v);
	memset(p, 0, sizeof(*p));
}

/* The line as a terminal may show it, then a caret below the column. */
static void
print_source(const struct config_problem *v, struct str *out)
{
	const char *p = v->source;
	size_t left = strlen(p);
	size_t n;
	int col = 1;
	struct str caret;

	str_init(&caret);
	str_add(out, "    ");
	str_add(&caret, "    ");
	for (; left > 0; p += n, left -= n, col++) {
		uint32_t cp = utf8_next(p, left, &n);

		if (cp == UTF8_BAD || (cp < 0x20 && cp != '\t') ||
		    (cp >= 0x7f && cp < 0xa0))
			str_addc(out, '?');
		else
			str_addn(out, p, n);
		if (col < v->col)
			str_addc(&caret, cp == '\t' ? '\t' : ' ');
	}
	if (v->col > 0 && v->col <= col)
		str_addf(out, "\n%s^\n", str_text(&caret));
	else
		str_addc(out, '\n');
	str_fini(&caret);
}

void
config_problems_print(const struct config_problems *p, struct str *out)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct config_problem *v = &p->v[i];

		str_add(out, v->file);
		if (v->line > 0)
			str_addf(out, ":%d:%d", v->line, v->col);
		str_addf(out, ": %s\n", v->text);
		if (v->source != NULL)
			print_source(v, out);
	}
	if (p->n == CONFIG_PROBLEMS_MAX)
		str_add(out, "(more problems are not shown)\n");
}
