/* SPDX-License-Identifier: BSD-2-Clause */
/* Any text as fcsd.yaml and as app.yaml. */
#include "base/config_int.h"
#include "tests/fuzz/fuzz.h"

static void
read_as(const uint8_t *data, size_t size, const struct config_table *t)
{
	struct config *c = config_new();
	struct config_problems p = { 0 };
	struct config_set s;
	struct str text;

	if (c == NULL || config_set_init(&s, t) != FCS_OK)
		__builtin_trap();
	fcs_assert(config_read_text("f", (const char *)data, size, &s,
		       t == &config_server_table ? c : NULL, CONFIG_BY_FILE,
		       NULL, &p) == FCS_OK);
	str_init(&text);
	config_problems_print(&p, &text);
	fcs_assert(text.err == FCS_OK);
	str_fini(&text);
	config_problems_fini(&p);
	config_set_fini(&s);
	config_free(c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c;
	struct err e;

	read_as(data, size, &config_server_table);
	read_as(data, size, &config_app_table);
	if (config_parse_serialised((const char *)data, size, &c, &e) == FCS_OK)
		config_free(c);
	return 0;
}
