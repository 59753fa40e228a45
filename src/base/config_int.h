/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config_int - what the files of config share; nobody else includes it.
 *
 * Belongs to: base (rank 1). A file becomes a tree of nodes (config_yaml.c),
 * the tree is checked against a table of rows (config_read.c), every value is
 * made by config_value_set() (config_value.c), whatever layer it comes from.
 */
#ifndef BASE_CONFIG_INT_H
#define BASE_CONFIG_INT_H

#include "base/arena.h"
#include "base/config.h"

#define CONFIG_FILE_MAX     (1 << 20) /* bytes */
#define CONFIG_DEPTH_MAX    16
#define CONFIG_PROBLEMS_MAX 100

enum config_node_kind {
	CONFIG_NODE_SCALAR,
	CONFIG_NODE_SEQUENCE,
	CONFIG_NODE_MAPPING,
};

struct config_node {
	enum config_node_kind kind;
	const char *text;          /* scalar */
	bool plain;                /* scalar without quotes */
	int line;                  /* from 1 */
	int col;                   /* from 1, characters */
	struct config_node *child; /* items; key, value, key, value ... */
	struct config_node *next;
	size_t count; /* of children */
};

/* One file being read. */
struct config_file {
	const char *path;
	const char *text;
	size_t len;
	struct config_problems *problems;
};

struct config_table {
	const struct config_row *rows;
	size_t n;
	const char *section; /* "" or "app.*." for messages */
};

/* All values of one table; text NULL: not set. */
struct config_set {
	const struct config_table *table;
	struct config_value *values;
};

/* What fcsd.yaml, environment and options say for one application. */
struct config_override {
	char *name; /* "*" or an application */
	struct config_set set;
	struct config_override *next;
};

struct config {
	struct config_set set;
	struct limits limits;
	struct config_override *apps;
	bool dev;
	char *admin_socket;
};

struct config_app {
	char *name;
	struct config_set set;
};

extern const struct config_table config_server_table;
extern const struct config_table config_app_table;

/* Row of a whole path, -1. */
int config_table_find(const struct config_table *t, const char *path);
/* Does a row lie below path ("listen" for listen.rtmp)? */
bool config_table_is_section(const struct config_table *t, const char *path);
/* The default of a row as text, also of limits (into out). */
const char *config_table_default(
    const struct config_table *t, size_t row, char out[STR_NUMBER_MAX]);
/* Does nothing act on this row in this version? */
bool config_table_is_unused(const struct config_table *t, size_t row);
/* "unknown key ..." with the nearest name, in *e. */
void config_table_unknown(
    const struct config_table *t, const char *path, struct err *e);

/*
 * Make a value of a row from text, or from n items (is_list). out must be
 * empty. FCS_OK; FCS_ECONFIG with *e; FCS_ENOMEM. On error out is empty.
 */
int config_value_set(const struct config_row *row, const char *text,
    const char *const *items, size_t n, bool is_list, struct config_value *out,
    struct err *e) FCS_MUSTUSE;
int config_value_copy(
    const struct config_value *from, struct config_value *to) FCS_MUSTUSE;
void config_value_fini(struct config_value *v);

int config_set_init(
    struct config_set *s, const struct config_table *t) FCS_MUSTUSE;
void config_set_fini(struct config_set *s);
int config_set_defaults(struct config_set *s) FCS_MUSTUSE;
/* Put *v in place of row's value; takes *v. */
void config_set_put(struct config_set *s, size_t row, struct config_value *v);
/* From text; e says why not. */
int config_set_text(struct config_set *s, size_t row, const char *text,
    enum config_layer layer, struct err *e) FCS_MUSTUSE;

/* The override list's entry of an application, made when missing. */
struct config_override *config_override_get(struct config *c, const char *name);
/* Compute what depends on values: limits, the admin socket. */
int config_finish(struct config *c) FCS_MUSTUSE;

/*
 * Text to tree, allocated in a. FCS_OK with *root (NULL: empty file);
 * FCS_ECONFIG: reported in f->problems; FCS_ENOMEM.
 */
int config_yaml_parse(struct config_file *f, struct arena *a,
    struct config_node **root) FCS_MUSTUSE;
/*
 * Check a tree against s's table and put its values, layer given. apps not
 * NULL: this is a server file, `app:` goes to its overrides. locked not NULL:
 * keys that may not be set. Problems go to f->problems. FCS_OK also with
 * problems; FCS_ENOMEM.
 */
int config_read_tree(struct config_file *f, const struct config_node *root,
    struct config_set *s, struct config *apps, enum config_layer layer,
    const struct config_value *locked) FCS_MUSTUSE;
/*
 * Read a file into s. *found tells whether it was there.
 * FCS_OK (see problems), FCS_ENOMEM.
 */
int config_read_file(const char *path, struct config_set *s,
    struct config *apps, enum config_layer layer,
    const struct config_value *locked, struct config_problems *problems,
    bool *found) FCS_MUSTUSE;
/* The same from memory. */
int config_read_text(const char *path, const char *text, size_t len,
    struct config_set *s, struct config *apps, enum config_layer layer,
    const struct config_value *locked,
    struct config_problems *problems) FCS_MUSTUSE;

void config_problem_add(struct config_problems *p, const struct config_file *f,
    const char *file, int line, int col, const char *fmt, ...) FCS_PRINTF(6, 7);

#endif
