/* SPDX-License-Identifier: BSD-2-Clause */
/* fcsctl ping, status: the server as a whole. */
#include <stdio.h>

#include "ctl/ctl.h"

static int
print_pong(void *arg, const json_t *row)
{
	const struct ctl_options *opt = arg;

	if (opt->json)
		ctl_print_json(row);
	return 0;
}

int
cmd_server_ping(const struct ctl_command *cmd, const struct ctl_options *opt,
    json_t *request)
{
	struct ctl_options copy = *opt;
	int rc = ctl_ask(opt, request, opt->timeout_ms, print_pong, &copy);

	(void)cmd;
	if (rc == CONTROL_OK && !opt->json && !opt->quiet)
		puts("fcsd answers");
	return rc;
}

static void
line(
    const json_t *o, const char *key, const char *title, enum ctl_format format)
{
	const json_t *v = json_object_get(o, key);
	char text[512];

	if (v == NULL)
		return;
	ctl_table_text(v, format, text, sizeof(text));
	printf("%-12s %s\n", title, text);
}

static const struct ctl_column worker_columns[] = {
	{ "APP", "app", CTL_TEXT },
	{ "STATE", "state", CTL_TEXT },
	{ "PID", "pid", CTL_COUNT },
	{ "UP", "uptime_s", CTL_SECONDS },
	{ "RESTARTS", "restarts", CTL_COUNT },
	{ "CLIENTS", "clients", CTL_COUNT },
	{ "WHY", "why", CTL_TEXT },
	{ NULL, NULL, CTL_TEXT },
};

static int
print_status(void *arg, const json_t *row)
{
	const struct ctl_options *opt = arg;
	struct ctl_table *table;
	const json_t *list, *item;
	size_t i;

	if (opt->json) {
		ctl_print_json(row);
		return 0;
	}
	line(row, "version", "version", CTL_TEXT);
	line(row, "ready", "ready", CTL_TEXT);
	line(row, "uptime_s", "up", CTL_SECONDS);
	line(row, "pid", "pid", CTL_COUNT);
	line(row, "clients", "clients", CTL_COUNT);
	line(row, "state", "state", CTL_TEXT);
	list = json_object_get(row, "listeners");
	json_array_foreach(list, i, item)
	    printf("%-12s %s %s\n", i == 0 ? "listening" : "",
		json_string_value(json_object_get(item, "kind")),
		json_string_value(json_object_get(item, "addr")));
	list = json_object_get(row, "workers");
	if (json_array_size(list) > 0 &&
	    (table = ctl_table_new(worker_columns, opt)) != NULL) {
		putchar('\n');
		json_array_foreach(list, i, item) ctl_table_row(table, item);
		ctl_table_print(table);
	}
	return 0;
}

int
cmd_server_status(const struct ctl_command *cmd, const struct ctl_options *opt,
    json_t *request)
{
	struct ctl_options copy = *opt;

	(void)cmd;
	return ctl_ask(opt, request, opt->timeout_ms, print_status, &copy);
}
