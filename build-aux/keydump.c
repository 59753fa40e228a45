/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keydump man | sample | symbols - the configuration tables as the key lists
 * of fcsd.yaml(5) and as the sample file, so that neither can lack a key; and
 * as words for check-options: SYMBOL used|unused.
 */
#include <stdio.h>
#include <string.h>

#include "base/config_int.h"

static const char *
type_text(const struct config_row *r)
{
	switch (r->type) {
	case CONFIG_BOOL:
		return "true or false";
	case CONFIG_INT:
		return "number";
	case CONFIG_SIZE:
		return "size";
	case CONFIG_DURATION:
		return "duration";
	case CONFIG_LIST:
		return "list";
	case CONFIG_ADDRS:
		return "addresses";
	case CONFIG_MAP:
		return "map of names to words or lists";
	case CONFIG_FREE:
		return "map";
	default:
		return "text";
	}
}

static void
number_text(const struct config_row *r, int64_t v, char out[STR_NUMBER_MAX])
{
	if (r->type == CONFIG_DURATION)
		str_format_duration(v < 0 ? 0 : v, out);
	else if (r->type == CONFIG_SIZE)
		str_format_size(v, out);
	else
		snprintf(out, STR_NUMBER_MAX, "%lld", (long long)v);
}

/* Free text as mdoc: no escape, no control line, no long line. col: of the
 * place it begins at. */
static void
put_roff(const char *s, size_t col)
{
	if (*s == '.' || *s == '\'')
		printf("\\&");
	for (; *s != '\0'; s++, col++) {
		if (*s == '\\')
			printf("\\e");
		else if (*s == ' ' && col + strcspn(s + 1, " ") > 76 &&
			 strchr(".'", s[1]) == NULL) {
			putchar('\n');
			col = 0;
		} else
			putchar(*s);
	}
}

static void
man_row(const struct config_table *t, size_t i)
{
	const struct config_row *r = &t->rows[i];
	char a[STR_NUMBER_MAX], b[STR_NUMBER_MAX];
	const char *def = config_table_default(t, i, a);

	printf(".It Ic %s\n", r->path);
	if (t == &config_server_table && i >= CFG_LIMITS)
		printf("Beyond it: ");
	put_roff(r->help, 11);
	printf(".\n");
	if (r->choices != NULL && r->type == CONFIG_ENUM)
		printf("One of ");
	else if (r->choices != NULL)
		printf("List of ");
	if (r->choices != NULL) {
		for (const char *p = r->choices; *p != '\0'; p++)
			printf(*p == '|' ? ", " : "%c", *p);
	} else {
		printf("Type: %s", type_text(r));
	}
	if (strncmp(def, FCS_DATADIR, strlen(FCS_DATADIR)) == 0)
		printf("; default <datadir>/fcs%s", def + strlen(FCS_DATADIR));
	else if (*def != '\0') {
		printf("; default ");
		put_roff(def, 40);
	} else {
		printf("; default: none");
	}
	if (r->least != 0 || r->most != 0) {
		number_text(r, r->least, a);
		number_text(r, r->most, b);
		printf("; %s to %s", a, b);
		if (r->type == CONFIG_DURATION && r->least < 0)
			printf(", or forever");
	}
	if (config_table_is_unused(t, i))
		printf(";\nno effect in this version");
	else if (r->reload == CONFIG_AT_START)
		printf("; taken over by a restart only");
	else if (r->reload == CONFIG_WITH_CODE)
		printf("; holds for code that is loaded anew");
	printf(".\n");
}

static void
man(void)
{
	printf(".Ss Server keys\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < CFG_LIMITS; i++)
		man_row(&config_server_table, i);
	printf(".El\n.Ss Limits\n.Bl -tag -width Ds\n");
	for (size_t i = CFG_LIMITS; i < CFG_TOTAL; i++)
		man_row(&config_server_table, i);
	printf(".El\n.Ss Application keys\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < APP_TOTAL; i++)
		man_row(&config_app_table, i);
	printf(".El\n");
}

/* A value as YAML would have it, quoted where a plain word would not do. */
static void
put_yaml(const struct config_row *r, const char *def)
{
	char word[256];
	bool list = r->type == CONFIG_LIST || r->type == CONFIG_ADDRS;

	if (r->type == CONFIG_MAP || r->type == CONFIG_FREE) {
		printf("{}");
		return;
	}
	if (list)
		printf("[");
	for (const char *p = def; list && *p != '\0';) {
		size_t n = strcspn(p, ",");

		snprintf(word, sizeof(word), "%.*s", (int)n, p);
		printf("\"%s\"", word);
		p += n;
		p += strspn(p, ", ");
		if (*p != '\0')
			printf(", ");
	}
	if (list)
		printf("]");
	else if (*def == '\0' ||
		 strspn(def, "abcdefghijklmnopqrstuvwxyz0123456789_KMGT./-") !=
		     strlen(def))
		printf("\"%s\"", def);
	else
		printf("%s", def);
}

/* Keys of a table as commented YAML, indented; sections as they come. */
static void
sample_rows(
    const struct config_table *t, size_t from, size_t to, const char *indent)
{
	char open[64] = "";
	char a[STR_NUMBER_MAX];

	for (size_t i = from; i < to; i++) {
		const struct config_row *r = &t->rows[i];
		const char *def = config_table_default(t, i, a);
		const char *dot = strchr(r->path, '.');
		size_t n = dot != NULL ? (size_t)(dot - r->path) : 0;

		if (n > 0 && (strlen(open) != n || memcmp(open, r->path, n))) {
			snprintf(open, sizeof(open), "%.*s", (int)n, r->path);
			printf("#%s%s:\n", indent, open);
		} else if (n == 0) {
			open[0] = '\0';
		}
		if (strncmp(def, FCS_DATADIR, strlen(FCS_DATADIR)) == 0)
			def = "/usr/share/fcs/apps, /var/lib/fcs/apps";
		printf("#%s%s## %s%s\n", indent, n > 0 ? "  " : "", r->help,
		    config_table_is_unused(t, i)
			? " (no effect in this version)"
			: "");
		printf("#%s%s%s: ", indent, n > 0 ? "  " : "",
		    n > 0 ? dot + 1 : r->path);
		put_yaml(r, def);
		printf("\n");
	}
}

static void
sample(void)
{
	printf("# fcsd.yaml - every key with its default. All are optional; "
	       "remove the # of\n# those you change, and of the section "
	       "above them. See fcsd.yaml(5).\n\n");
	sample_rows(&config_server_table, 0, CFG_LIMITS, "");
	printf("\n# Limits: what happens beyond each is said above it.\n");
	sample_rows(&config_server_table, CFG_LIMITS, CFG_TOTAL, "");
	printf("\n# Applications: \"*\" stands for all of them.\n"
	       "#app:\n#  \"*\":\n");
	sample_rows(&config_app_table, 0, APP_TOTAL, "    ");
}

static void
symbol(const char *prefix, const char *name, const struct config_table *t,
    size_t row)
{
	printf("%s%s %s\n", prefix, name,
	    config_table_is_unused(t, row) ? "unused" : "used");
}

static void
symbols(void)
{
#define X(sym, ...) symbol("CFG_", #sym, &config_server_table, CFG_##sym);
	CONFIG_KEYS(X)
#undef X
#define X(sym, ...) symbol("APP_", #sym, &config_app_table, APP_##sym);
	CONFIG_APP_KEYS(X)
#undef X
#define X(sym, ...)                                                            \
	symbol("LIMIT_", #sym, &config_server_table, CFG_LIMITS + LIMIT_##sym);
	LIMITS_TABLE(X)
#undef X
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "man") == 0)
		man();
	else if (argc == 2 && strcmp(argv[1], "sample") == 0)
		sample();
	else if (argc == 2 && strcmp(argv[1], "symbols") == 0)
		symbols();
	else
		return 2;
	return 0;
}
