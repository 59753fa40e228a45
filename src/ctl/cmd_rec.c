/* SPDX-License-Identifier: BSD-2-Clause */
/* fcsctl rec info. */
#include <stdio.h>

#include "ctl/ctl.h"

static int
print_info(void *arg, const json_t *row)
{
	const struct ctl_options *opt = arg;
	static const struct ctl_column lines[] = {
		{ "name", "name", CTL_TEXT },
		{ "instance", "where", CTL_TEXT },
		{ "duration", "duration_s", CTL_SECONDS },
		{ "size", "size", CTL_BYTES },
		{ "video", "video", CTL_TEXT },
		{ "audio", "audio", CTL_TEXT },
		{ "key frames", "keyframes", CTL_COUNT },
		{ "growing", "growing", CTL_TEXT },
		{ "read only", "readonly", CTL_TEXT },
		{ "read", "bytes_read", CTL_BYTES },
		{ NULL, NULL, CTL_TEXT },
	};
	char text[512];
	size_t i;

	if (opt->json) {
		ctl_print_json(row);
		return 0;
	}
	for (i = 0; lines[i].title != NULL; i++) {
		const json_t *v = json_object_get(row, lines[i].key);

		if (v == NULL)
			continue;
		ctl_table_text(v, lines[i].format, text, sizeof(text));
		printf("%-12s %s\n", lines[i].title, text);
	}
	return 0;
}

int
cmd_rec_info(const struct ctl_command *cmd, const struct ctl_options *opt,
    json_t *request)
{
	struct ctl_options copy = *opt;

	(void)cmd;
	return ctl_ask(opt, request, opt->timeout_ms, print_info, &copy);
}
