/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ctl/ctl.h"

struct printing {
	const struct ctl_command *cmd;
	const struct ctl_options *opt;
	struct ctl_table *table;
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
run_once(const struct ctl_command *cmd, const struct ctl_options *opt,
    const json_t *request)
{
	struct printing p = { .cmd = cmd, .opt = opt };
	int rc;

	p.table = ctl_table_new(cmd->columns, opt);
	if (p.table == NULL)
		return CONTROL_FAILED;
	rc = ctl_ask(opt, request, opt->timeout_ms, print_row, &p);
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

int
ctl_run(const struct ctl_command *cmd, const struct ctl_options *opt,
    json_t *request)
{
	struct timespec pause;
	int rc;

	pause.tv_sec = opt->watch_ms / 1000;
	pause.tv_nsec = (long)(opt->watch_ms % 1000) * 1000000;
	while ((rc = run_once(cmd, opt, request)) == CONTROL_OK &&
	       opt->watch_ms != 0 && !ferror(stdout))
		nanosleep(&pause, NULL);
	return rc;
}
