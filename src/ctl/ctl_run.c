/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"

struct printing {
	const struct ctl_command *cmd;
	const struct ctl_options *opt;
	struct ctl_table *table;
	json_t *rows; /* to be sorted; NULL: each is printed as it comes */
};

struct keyed {
	const char *key;
	const json_t *row;
};

void
ctl_print_json(const json_t *v)
{
	char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

	if (text != NULL)
		puts(text);
	free(text);
}

static int
print_row(void *arg, const json_t *row)
{
	struct printing *p = arg;
	const char *name;

	if (p->opt->json) {
		ctl_print_json(row);
	} else if (p->opt->names_only) {
		name = json_string_value(json_object_get(
		    row, p->cmd->name_key != NULL ? p->cmd->name_key : "name"));
		if (name != NULL)
			puts(name);
	} else {
		ctl_table_row(p->table, row);
	}
	return 0;
}

static int
take_row(void *arg, const json_t *row)
{
	struct printing *p = arg;

	if (p->rows != NULL &&
	    json_array_append_new(p->rows, json_deep_copy(row)) == 0)
		return 0;
	return print_row(p, row);
}

static int
by_key(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static void
print_sorted(struct printing *p)
{
	size_t i, count = json_array_size(p->rows);
	struct keyed *v = calloc(count + 1, sizeof(*v));
	const json_t *row;
	const char *key;

	for (i = 0; i < count; i++) {
		row = json_array_get(p->rows, i);
		if (v == NULL) {
			(void)print_row(p, row);
			continue;
		}
		key = json_string_value(json_object_get(row, p->cmd->name_key));
		v[i].key = key == NULL ? "" : key;
		v[i].row = row;
	}
	if (v != NULL)
		qsort(v, count, sizeof(*v), by_key);
	for (i = 0; i < count && v != NULL; i++)
		(void)print_row(p, v[i].row);
	free(v);
}

static int
run_once(const struct ctl_command *cmd, const struct ctl_options *opt,
    const json_t *request, bool sorted)
{
	struct printing p = { .cmd = cmd, .opt = opt };
	int rc;

	p.table = ctl_table_new(cmd->columns, opt);
	if (p.table == NULL)
		return CONTROL_FAILED;
	if (sorted)
		p.rows = json_array();
	rc = ctl_ask(opt, request, opt->timeout_ms, take_row, &p);
	print_sorted(&p);
	json_decref(p.rows);
	if (rc == CONTROL_OK && opt->watch_ms != 0 && opt->is_tty && !opt->json)
		fputs("\033[H\033[J", stdout);
	ctl_table_print(p.table);
	fflush(stdout);
	return rc;
}

static int
no_row(void *arg, const json_t *row)
{
	(void)arg;
	(void)row;
	return 0;
}

int
ctl_run_quiet(const struct ctl_command *cmd, const struct ctl_options *opt,
    json_t *request)
{
	(void)cmd;
	return ctl_ask(opt, request, opt->timeout_ms, no_row, NULL);
}

static int
run(const struct ctl_command *cmd, const struct ctl_options *opt,
    const json_t *request, bool sorted)
{
	struct timespec pause;
	int rc;

	pause.tv_sec = opt->watch_ms / 1000;
	pause.tv_nsec = (long)(opt->watch_ms % 1000) * 1000000;
	while ((rc = run_once(cmd, opt, request, sorted)) == CONTROL_OK &&
	       opt->watch_ms != 0 && !ferror(stdout))
		nanosleep(&pause, NULL);
	return rc;
}

int
ctl_run(const struct ctl_command *cmd, const struct ctl_options *opt,
    json_t *request)
{
	return run(cmd, opt, request, false);
}

int
ctl_run_sorted(const struct ctl_command *cmd, const struct ctl_options *opt,
    json_t *request)
{
	return run(cmd, opt, request, true);
}
