/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tree of nodes against a table of rows. Walking goes on after a problem, so
 * that one run of `fcsd -t` shows them all.
 */
#include "base/config_int.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/name.h"

#define PATH_LENGTH 256

struct reader {
	struct config_file *file;
	struct config_set *set;
	struct config *apps;
	enum config_layer layer;
	const struct config_value *locked;
	bool dotted; /* a key with a dot was seen */
	int rc;      /* FCS_OK or FCS_ENOMEM */
};

static void problem(struct reader *r, const struct config_node *at,
    const char *fmt, ...) FCS_PRINTF(3, 4);

static void
problem(struct reader *r, const struct config_node *at, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX + 128];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	config_problem_add(r->file->problems, r->file, r->file->path, at->line,
	    at->col, "%s", text);
}

static bool
is_null(const struct config_node *n)
{
	return n->kind == CONFIG_NODE_SCALAR && n->plain &&
	       (n->text[0] == '\0' || strcmp(n->text, "~") == 0 ||
		   strcmp(n->text, "null") == 0);
}

static int
by_text(const void *a, const void *b)
{
	const struct config_node *x = *(const struct config_node *const *)a;
	const struct config_node *y = *(const struct config_node *const *)b;
	int d = strcmp(x->text, y->text);

	return d != 0 ? d : (x->line > y->line) - (x->line < y->line);
}

/* Keys are scalars and differ; false (reported) when the map is no use. */
static bool
check_keys(struct reader *r, const struct config_node *map)
{
	size_t n = map->count / 2;
	const struct config_node **keys;
	const struct config_node *k;
	bool ok = true;
	size_t i = 0;

	if (n == 0)
		return true;
	keys = calloc(n, sizeof(const struct config_node *));
	if (keys == NULL) {
		r->rc = FCS_ENOMEM;
		return false;
	}
	for (k = map->child; k != NULL; k = k->next->next) {
		if (k->kind != CONFIG_NODE_SCALAR) {
			problem(r, k, "a key must be a word");
			free(keys);
			return false;
		}
		keys[i++] = k;
	}
	qsort(keys, n, sizeof(const struct config_node *), by_text);
	for (i = 1; i < n; i++) {
		if (strcmp(keys[i - 1]->text, keys[i]->text) == 0) {
			problem(r, keys[i],
			    "duplicate key \"%.60s\" (first in line %d)",
			    keys[i]->text, keys[i - 1]->line);
			ok = false;
		}
	}
	free(keys);
	return ok;
}

static json_t *to_json(struct reader *r, const struct config_node *n);

static json_t *
scalar_to_json(const struct config_node *n)
{
	int64_t v;
	char *end;
	double d;

	if (!n->plain)
		return json_string(n->text);
	if (is_null(n))
		return json_null();
	if (strcmp(n->text, "true") == 0)
		return json_true();
	if (strcmp(n->text, "false") == 0)
		return json_false();
	if (str_parse_int(n->text, &v) == FCS_OK)
		return json_integer(v);
	if (strspn(n->text, "0123456789+-.eE") == strlen(n->text) &&
	    strpbrk(n->text, "0123456789") != NULL) {
		d = strtod(n->text, &end);
		if (*end == '\0')
			return json_real(d); /* NULL when not finite */
	}
	return json_string(n->text);
}

static json_t *
to_json(struct reader *r, const struct config_node *n)
{
	json_t *j;

	if (n->kind == CONFIG_NODE_SCALAR)
		return scalar_to_json(n);
	if (n->kind == CONFIG_NODE_SEQUENCE) {
		j = json_array();
		for (n = n->child; n != NULL; n = n->next)
			if (json_array_append_new(j, to_json(r, n)) != 0)
				goto fail;
		return j;
	}
	if (!check_keys(r, n))
		return NULL;
	j = json_object();
	for (n = n->child; n != NULL; n = n->next->next)
		if (json_object_set_new(j, n->text, to_json(r, n->next)) != 0)
			goto fail;
	return j;
fail:
	json_decref(j);
	return NULL;
}

/* A free map is kept as JSON text. */
static int
read_free(struct reader *r, const struct config_row *row,
    const struct config_node *n, struct config_value *out, struct err *e)
{
	json_t *j;
	char *text;
	int rc;

	if (is_null(n))
		return config_value_set(row, "{}", NULL, 0, false, out, e);
	if (n->kind != CONFIG_NODE_MAPPING)
		return err_set(e, FCS_ECONFIG, "a map is wanted here");
	j = to_json(r, n);
	text = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	if (text == NULL)
		return err_set(
		    e, FCS_ECONFIG, "this map cannot be kept as JSON");
	rc = config_value_set(row, text, NULL, 0, false, out, e);
	free(text);
	return rc;
}

/* Texts of a list or map, borrowed from the tree. */
struct items {
	const char **v;
	size_t n;
};

static int
add(struct items *it, const char *text)
{
	const char **v = reallocarray(it->v, it->n + 1, sizeof(const char *));

	if (v == NULL)
		return FCS_ENOMEM;
	it->v = v;
	v[it->n++] = text;
	return FCS_OK;
}

static int
collect(struct reader *r, const struct config_row *row,
    const struct config_node *n, struct items *it, struct err *e)
{
	const struct config_node *i;
	const struct config_node *v;
	int rc = FCS_OK;

	if (n->kind == CONFIG_NODE_SEQUENCE) {
		if (row->type == CONFIG_MAP)
			return err_set(e, FCS_ECONFIG, "a map is wanted here");
		for (i = n->child; i != NULL && rc == FCS_OK; i = i->next)
			rc = i->kind == CONFIG_NODE_SCALAR && !is_null(i)
				 ? add(it, i->text)
				 : err_set(e, FCS_ECONFIG,
				       "a list of words is wanted here");
		return rc;
	}
	if (row->type != CONFIG_MAP)
		return err_set(e, FCS_ECONFIG, "a list is wanted here");
	if (!check_keys(r, n))
		return FCS_OK;
	for (i = n->child; i != NULL && rc == FCS_OK; i = i->next->next) {
		v = i->next;
		if (v->kind == CONFIG_NODE_MAPPING || is_null(v))
			return err_set(e, FCS_ECONFIG,
			    "\"%.40s\" needs a word or a list", i->text);
		if (v->kind == CONFIG_NODE_SCALAR) {
			rc = add(it, i->text);
			if (rc == FCS_OK)
				rc = add(it, v->text);
			continue;
		}
		for (v = v->child; v != NULL && rc == FCS_OK; v = v->next) {
			if (v->kind != CONFIG_NODE_SCALAR)
				return err_set(e, FCS_ECONFIG,
				    "\"%.40s\" needs a list of words", i->text);
			rc = add(it, i->text);
			if (rc == FCS_OK)
				rc = add(it, v->text);
		}
	}
	return rc;
}

static int
read_items(struct reader *r, const struct config_row *row,
    const struct config_node *n, struct config_value *out, struct err *e)
{
	struct items it = { 0 };
	int rc = FCS_OK;

	if (n->kind == CONFIG_NODE_SCALAR && !is_null(n)) {
		if (row->type == CONFIG_MAP)
			return err_set(e, FCS_ECONFIG, "a map is wanted here");
		/* one word is a list of one, commas are part of it */
		rc = add(&it, n->text);
	} else if (n->kind != CONFIG_NODE_SCALAR) {
		rc = collect(r, row, n, &it, e);
	}
	if (rc == FCS_OK)
		rc = config_value_set(row, NULL, it.v, it.n, true, out, e);
	free(it.v);
	return rc;
}

static void
read_value(struct reader *r, size_t row_index, const char *path,
    const struct config_node *key, const struct config_node *n)
{
	const struct config_row *row = &r->set->table->rows[row_index];
	const struct config_value *old = &r->set->values[row_index];
	struct config_value v = { 0 };
	struct err e = { 0 };
	int rc;

	if (r->layer == CONFIG_BY_APP && row_index == APP_LOCKED) {
		problem(r, key, "locked: only the server's file may lock keys");
		return;
	}
	for (size_t i = 0; r->locked != NULL && i < r->locked->count; i++) {
		if (strcmp(r->locked->items[i], path) == 0) {
			problem(r, key,
			    "%s: locked by the server's configuration", path);
			return;
		}
	}
	/* `a.b: 1` and `a: {b: 1}` in one file; one map is check_keys()'s */
	if (r->dotted && old->file != NULL && old->layer == r->layer &&
	    strcmp(old->file, r->file->path) == 0) {
		problem(r, key, "duplicate key \"%s\" (first in line %d)", path,
		    old->line);
		return;
	}
	if (row->type == CONFIG_FREE)
		rc = read_free(r, row, n, &v, &e);
	else if (row->type == CONFIG_LIST || row->type == CONFIG_ADDRS ||
		 row->type == CONFIG_MAP)
		rc = read_items(r, row, n, &v, &e);
	else if (n->kind != CONFIG_NODE_SCALAR)
		rc = err_set(&e, FCS_ECONFIG, "one value is wanted here");
	else if (is_null(n) && row->type != CONFIG_TEXT)
		rc = err_set(&e, FCS_ECONFIG, "a value is missing");
	else
		rc = config_value_set(
		    row, is_null(n) ? "" : n->text, NULL, 0, false, &v, &e);
	if (rc == FCS_OK) {
		v.file = strdup(r->file->path);
		if (v.file == NULL)
			rc = FCS_ENOMEM;
	}
	if (rc == FCS_ENOMEM) {
		config_value_fini(&v);
		r->rc = rc;
		return;
	}
	if (rc != FCS_OK) {
		problem(r, n, "%s: %s", path, e.text);
		return;
	}
	v.layer = r->layer;
	v.line = key->line;
	v.col = key->col;
	config_set_put(r->set, row_index, &v);
}

static void read_section(
    struct reader *r, const struct config_node *map, const char *prefix);

/* app: { name: { key: value } } of a server file. */
static void
read_apps(struct reader *r, const struct config_node *map)
{
	const struct config_node *k;
	struct config_override *o;
	struct reader inner = *r;
	struct err e;

	if (is_null(map))
		return;
	if (map->kind != CONFIG_NODE_MAPPING) {
		problem(r, map, "app: a map of applications is wanted here");
		return;
	}
	if (!check_keys(r, map))
		return;
	for (k = map->child; k != NULL && r->rc == FCS_OK; k = k->next->next) {
		if (strcmp(k->text, "*") != 0 &&
		    name_check(NAME_APP, k->text, strlen(k->text), &e) !=
			FCS_OK) {
			problem(r, k, "app: %s", e.text);
			continue;
		}
		if (is_null(k->next))
			continue;
		if (k->next->kind != CONFIG_NODE_MAPPING) {
			problem(r, k->next, "app.%.64s: keys are wanted here",
			    k->text);
			continue;
		}
		o = config_override_get(r->apps, k->text);
		if (o == NULL) {
			r->rc = FCS_ENOMEM;
			return;
		}
		inner.set = &o->set;
		inner.apps = NULL;
		read_section(&inner, k->next, "");
		r->rc = inner.rc;
	}
}

static void
read_section(
    struct reader *r, const struct config_node *map, const char *prefix)
{
	const struct config_table *t = r->set->table;
	char path[PATH_LENGTH];
	struct err e;
	int row;

	if (!check_keys(r, map) &&
	    (map->child == NULL || map->child->kind != CONFIG_NODE_SCALAR))
		return;
	for (const struct config_node *k = map->child;
	     k != NULL && r->rc == FCS_OK; k = k->next->next) {
		if (k->kind != CONFIG_NODE_SCALAR)
			return; /* reported by check_keys() */
		(void)snprintf(path, sizeof(path), "%s%s", prefix, k->text);
		row = config_table_find(t, path);
		if (strchr(k->text, '.') != NULL)
			r->dotted = true;
		if (r->apps != NULL && strcmp(path, "app") == 0) {
			read_apps(r, k->next);
		} else if (row >= 0) {
			read_value(r, (size_t)row, path, k, k->next);
		} else if (r->apps != NULL && str_starts(path, "app.")) {
			problem(r, k, "write app: {<name>: {<key>: ...}}");
		} else if (!config_table_is_section(t, path)) {
			config_table_unknown(t, path, &e);
			problem(r, k, "%s", e.text);
		} else if (k->next->kind == CONFIG_NODE_MAPPING) {
			(void)snprintf(
			    path, sizeof(path), "%s%s.", prefix, k->text);
			read_section(r, k->next, path);
		} else if (!is_null(k->next)) {
			problem(r, k->next, "%s: keys are wanted here", path);
		}
	}
}

int
config_read_tree(struct config_file *f, const struct config_node *root,
    struct config_set *s, struct config *apps, enum config_layer layer,
    const struct config_value *locked)
{
	struct reader r = { f, s, apps, layer, locked, false, FCS_OK };

	if (root == NULL || is_null(root))
		return FCS_OK;
	if (root->kind != CONFIG_NODE_MAPPING)
		problem(&r, root, "the file should be keys and values");
	else
		read_section(&r, root, "");
	return r.rc;
}

int
config_read_text(const char *path, const char *text, size_t len,
    struct config_set *s, struct config *apps, enum config_layer layer,
    const struct config_value *locked, struct config_problems *problems)
{
	struct config_file f = { path, text, len, problems };
	struct config_node *root;
	struct arena *a;
	int rc;

	if (len > CONFIG_FILE_MAX) {
		config_problem_add(problems, NULL, path, 0, 0,
		    "larger than %d bytes", CONFIG_FILE_MAX);
		return FCS_OK;
	}
	a = arena_new(0);
	if (a == NULL)
		return FCS_ENOMEM;
	rc = config_yaml_parse(&f, a, &root);
	if (rc == FCS_OK)
		rc = config_read_tree(&f, root, s, apps, layer, locked);
	arena_free(a);
	return rc == FCS_ECONFIG ? FCS_OK : rc;
}

/* The whole file, one byte more than the cap at most; *out owned. */
static int
slurp(int fd, char **out, size_t *out_len)
{
	char *p = malloc(CONFIG_FILE_MAX + 1);
	size_t len = 0;
	ssize_t n;

	if (p == NULL)
		return ENOMEM;
	while (len <= CONFIG_FILE_MAX) {
		n = read(fd, p + len, CONFIG_FILE_MAX + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(p);
			return errno;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*out = p;
	*out_len = len;
	return 0;
}

int
config_read_file(const char *path, struct config_set *s, struct config *apps,
    enum config_layer layer, const struct config_value *locked,
    struct config_problems *problems, bool *found)
{
	struct stat st;
	char *text = NULL;
	size_t len = 0;
	int fd;
	int rc;

	/* not blocking: a fifo of that name must not hold us up */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	*found = fd >= 0 || errno != ENOENT;
	if (fd < 0) {
		if (*found)
			config_problem_add(
			    problems, NULL, path, 0, 0, "%s", strerror(errno));
		return FCS_OK;
	}
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) &&
	    !S_ISCHR(st.st_mode)) {
		config_problem_add(
		    problems, NULL, path, 0, 0, "not a regular file");
		close(fd);
		return FCS_OK;
	}
	rc = slurp(fd, &text, &len);
	close(fd);
	if (rc == ENOMEM)
		return FCS_ENOMEM;
	if (rc != 0) {
		config_problem_add(
		    problems, NULL, path, 0, 0, "%s", strerror(rc));
		return FCS_OK;
	}
	rc =
	    config_read_text(path, text, len, s, apps, layer, locked, problems);
	free(text);
	return rc;
}
