/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables as data, and finding one's way in them. */
#include "base/config_int.h"

#include <stdio.h>
#include <string.h>

#include "base/name.h"

#define CONFIG_OF_COUNT CONFIG_INT
#define CONFIG_OF_SIZE  CONFIG_SIZE
#define CONFIG_OF_TIME  CONFIG_DURATION

static const struct config_row server_rows[CFG_TOTAL] = {
#define X(sym, path, type, def, least, most, choices, reload, help)            \
	{ path, CONFIG_##type, def, least, most, choices, CONFIG_##reload,     \
		help },
	CONFIG_KEYS(X)
#undef X
#define X(sym, name, unit, def, least, most, beyond)                           \
	{ "limits." name, CONFIG_OF_##unit, NULL, least, most, NULL,           \
		CONFIG_ON_HUP, beyond },
	    LIMITS_TABLE(X)
#undef X
};

static const struct config_row app_rows[APP_TOTAL] = {
#define X(sym, path, type, def, least, most, choices, reload, help)            \
	{ path, CONFIG_##type, def, least, most, choices, CONFIG_##reload,     \
		help },
	CONFIG_APP_KEYS(X)
#undef X
};

const struct config_table config_server_table = { server_rows, CFG_TOTAL, "" };
const struct config_table config_app_table = { app_rows, APP_TOTAL,
	"app.<name>." };

const struct config_row *
config_row(enum config_key key)
{
	fcs_assert(key < CFG_TOTAL);
	return &server_rows[key];
}

const struct config_row *
config_app_row(enum config_app_key key)
{
	fcs_assert(key < APP_TOTAL);
	return &app_rows[key];
}

int
config_table_find(const struct config_table *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->rows[i].path, path) == 0)
			return (int)i;
	return -1;
}

bool
config_table_is_section(const struct config_table *t, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < t->n; i++)
		if (strncmp(t->rows[i].path, path, len) == 0 &&
		    t->rows[i].path[len] == '.')
			return true;
	return false;
}

const char *
config_table_default(
    const struct config_table *t, size_t row, char out[STR_NUMBER_MAX])
{
	const struct config_row *r = &t->rows[row];
	const struct limits_row *limit;

	if (r->def != NULL)
		return r->def;
	limit = &limits_rows[row - CFG_LIMITS];
	switch (limit->unit) {
	case LIMITS_TIME:
		return str_format_duration(limit->def, out);
	case LIMITS_SIZE:
		return str_format_size(limit->def, out);
	default:
		(void)snprintf(
		    out, STR_NUMBER_MAX, "%lld", (long long)limit->def);
		return out;
	}
}

/* Rows of LIMITS_TABLE whose bound is fixed, or whose part does not exist. */
static const bool limit_unused[LIMITS_TOTAL] = {
	[LIMIT_HANDSHAKE_BYTES] = true,
	[LIMIT_CHUNK_SIZE_IN] = true,
	[LIMIT_AMF_DEPTH] = true,
	[LIMIT_AMF_ELEMENTS] = true,
	[LIMIT_AMF_REFERENCES] = true,
	[LIMIT_SO_SLOT_NAME] = true,
	[LIMIT_STREAM_NAME] = true,
	[LIMIT_COMMIT_QUEUE] = true,
	[LIMIT_WAL_BYTES] = true,
	[LIMIT_WS_MESSAGE] = true,
	[LIMIT_RTMPT_PENDING] = true,
	[LIMIT_RTMPT_IDLE] = true,
};

bool
config_table_is_unused(const struct config_table *t, size_t row)
{
	if (t == &config_server_table && row >= CFG_LIMITS)
		return limit_unused[row - CFG_LIMITS];
	return t->rows[row].reload == CONFIG_UNUSED;
}

#define NAMES_MAX 256

void
config_table_unknown(
    const struct config_table *t, const char *path, struct err *e)
{
	const char *last = strrchr(path, '.');
	size_t prefix = last != NULL ? (size_t)(last - path) + 1 : 0;
	const char *names[NAMES_MAX];
	char parts[NAMES_MAX][40];
	const char *near;
	size_t n = 0;

	last = last != NULL ? last + 1 : path;
	/* the words that could stand in this place */
	for (size_t i = 0; i < t->n && n < NAMES_MAX - 1; i++) {
		const char *rest = t->rows[i].path + prefix;

		if (strncmp(t->rows[i].path, path, prefix) != 0)
			continue;
		(void)snprintf(parts[n], sizeof(parts[n]), "%.*s",
		    (int)strcspn(rest, "."), rest);
		names[n] = parts[n];
		n++;
	}
	if (t == &config_server_table && prefix == 0)
		names[n++] = "app";
	near = name_suggest(last, names, n);
	if (near != NULL)
		(void)err_set(e, FCS_ECONFIG,
		    "unknown key \"%.60s\" (did you mean \"%s\"?)", last, near);
	else if (t == &config_server_table && prefix == 0 &&
		 (config_table_find(&config_app_table, path) >= 0 ||
		     config_table_is_section(&config_app_table, path)))
		(void)err_set(e, FCS_ECONFIG,
		    "unknown key \"%.60s\" (it belongs to an application: "
		    "app.<name>.%.40s)",
		    last, path);
	else if (t == &config_app_table && prefix == 0 &&
		 (config_table_find(&config_server_table, path) >= 0 ||
		     config_table_is_section(&config_server_table, path)))
		(void)err_set(e, FCS_ECONFIG,
		    "unknown key \"%.60s\" (it belongs to the server, in "
		    "fcsd.yaml)",
		    last);
	else
		(void)err_set(e, FCS_ECONFIG, "unknown key \"%.60s\"", last);
}

int
config_choice(const char *choices, const char *word)
{
	size_t len = strlen(word);
	int i = 0;

	for (const char *p = choices; *p != '\0'; i++) {
		size_t n = strcspn(p, "|");

		if (n == len && memcmp(p, word, n) == 0)
			return i;
		p += n + (p[n] == '|');
	}
	return -1;
}
