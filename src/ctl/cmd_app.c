/* SPDX-License-Identifier: BSD-2-Clause */
/* fcsctl app reload. */
#include <stdio.h>

#include "ctl/ctl.h"

static const struct ctl_column columns[] = {
	{ "INSTANCE", "where", CTL_TEXT },
	{ "RESULT", "result", CTL_TEXT },
	{ "CLIENTS", "clients", CTL_COUNT },
	{ "DROPPED", "dropped", CTL_COUNT },
	{ "MS", "ms", CTL_COUNT },
	{ NULL, NULL, CTL_TEXT },
};

struct printing {
	const struct ctl_options *opt;
	struct ctl_table *table;
	unsigned instances;
};

static int
print_row(void *arg, const json_t *row)
{
	struct printing *p = arg;
	const char *key = json_string_value(json_object_get(row, "key"));

	if (p->opt->json)
		ctl_print_json(row);
	else if (key != NULL)
		fprintf(stderr, "fcsctl: %s has changed, which needs %s\n", key,
		    json_string_value(json_object_get(row, "needs")));
	else if (p->opt->names_only)
		puts(json_string_value(json_object_get(row, "where")));
	else
		ctl_table_row(p->table, row);
	p->instances += key == NULL;
	return 0;
}

int
cmd_app_reload(const struct ctl_command *cmd, const struct ctl_options *opt,
    json_t *request)
{
	struct printing p = { .opt = opt };
	int rc;

	(void)cmd;
	/* handlers that wait have their time: the server's clock decides */
	(void)json_object_set_new(request, "watch", json_true());
	p.table = ctl_table_new(columns, opt);
	if (p.table == NULL)
		return CONTROL_FAILED;
	rc = ctl_ask(opt, request, -1, print_row, &p);
	ctl_table_print(p.table);
	if (rc == CONTROL_OK && p.instances == 0 && !opt->json && !opt->quiet)
		puts("no instance runs: the next connect loads the new code");
	return rc;
}
