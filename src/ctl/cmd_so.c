/* SPDX-License-Identifier: BSD-2-Clause */
/* fcsctl so get, so watch. */
#include <stdio.h>

#include "ctl/ctl.h"

static int
print_value(void *arg, const json_t *row)
{
	const struct ctl_options *opt = arg;

	ctl_print_json(opt->json ? row : json_object_get(row, "value"));
	return 0;
}

int
cmd_so_get(const struct ctl_command *cmd, const struct ctl_options *opt,
    json_t *request)
{
	struct ctl_options copy = *opt;

	if (json_object_get(json_object_get(request, "args"), "slot") == NULL)
		return ctl_run(cmd, opt, request);
	return ctl_ask(opt, request, opt->timeout_ms, print_value, &copy);
}

static int
print_change(void *arg, const json_t *row)
{
	const struct ctl_options *opt = arg;
	const json_t *value = json_object_get(row, "value");
	const char *slot = json_string_value(json_object_get(row, "slot"));
	char text[4096], user[64];

	if (opt->json) {
		ctl_print_json(row);
	} else if (slot != NULL) {
		ctl_table_text(value, CTL_JSON, text, sizeof(text));
		ctl_table_text(
		    json_object_get(row, "user"), CTL_TEXT, user, sizeof(user));
		printf("%8lld  %-12s %s %s\n",
		    (long long)json_integer_value(
			json_object_get(row, "version")),
		    user, slot,
		    json_is_true(json_object_get(row, "removed")) ? "removed"
								  : text);
	}
	fflush(stdout);
	return ferror(stdout);
}

int
cmd_so_watch(const struct ctl_command *cmd, const struct ctl_options *opt,
    json_t *request)
{
	struct ctl_options copy = *opt;

	(void)cmd;
	json_object_set_new(request, "watch", json_true());
	return ctl_ask(opt, request, -1, print_change, &copy);
}
