/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables by libsmartcols: cut to the terminal's width, whole when piped.
 */
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/ctl.h"

struct ctl_table {
	const struct ctl_column *columns;
	struct libscols_table *tb;
};

struct ctl_table *
ctl_table_new(const struct ctl_column *columns, const struct ctl_options *opt)
{
	struct ctl_table *t = calloc(1, sizeof(*t));
	const struct ctl_column *c;

	if (t == NULL || (t->tb = scols_new_table()) == NULL) {
		free(t);
		return NULL;
	}
	t->columns = columns;
	scols_table_enable_noheadings(t->tb, opt->no_header);
	if (!opt->is_tty)
		scols_table_set_termforce(t->tb, SCOLS_TERMFORCE_NEVER);
	for (c = columns; c->title != NULL; c++) {
		int flags = c->format == CTL_TEXT || c->format == CTL_JSON
				? SCOLS_FL_TRUNC
				: SCOLS_FL_RIGHT;

		if (!opt->is_tty)
			flags &= ~SCOLS_FL_TRUNC;
		scols_table_new_column(t->tb, c->title, 0, flags);
	}
	return t;
}

static void
scaled(double v, double step, char *out, size_t size)
{
	static const char units[] = " KMGTP";
	size_t i = 0;

	while (v >= step && i < sizeof(units) - 2) {
		v /= step;
		i++;
	}
	if (i == 0)
		snprintf(out, size, "%.0f", v);
	else
		snprintf(out, size, v < 10 ? "%.1f%c" : "%.0f%c", v, units[i]);
}

static void
duration(double s, char *out, size_t size)
{
	long n = (long)s;

	if (n < 60)
		snprintf(out, size, "%.1fs", s);
	else if (n < 3600)
		snprintf(out, size, "%ldm %02lds", n / 60, n % 60);
	else if (n < 86400)
		snprintf(out, size, "%ldh %02ldm", n / 3600, n / 60 % 60);
	else
		snprintf(out, size, "%ldd %02ldh", n / 86400, n / 3600 % 24);
}

void
ctl_table_text(const json_t *v, enum ctl_format format, char *out, size_t size)
{
	double n = json_is_number(v) ? json_number_value(v) : 0;
	char *text;

	out[0] = '\0';
	if (v == NULL || json_is_null(v)) {
		snprintf(out, size, "-");
	} else if (json_is_number(v) && format != CTL_JSON) {
		switch (format) {
		case CTL_BYTES:
			scaled(n, 1024, out, size);
			break;
		case CTL_RATE:
			scaled(n, 1000, out, size);
			break;
		case CTL_SECONDS:
			duration(n, out, size);
			break;
		case CTL_AGE:
			n = ((double)clock_wall_ms() - n) / 1000;
			duration(n > 0 ? n : 0, out, size);
			break;
		default:
			snprintf(out, size, "%.15g", n);
			break;
		}
	} else if (json_is_string(v) && format != CTL_JSON) {
		snprintf(out, size, "%s", json_string_value(v));
	} else if (json_is_boolean(v) && format != CTL_JSON) {
		snprintf(out, size, json_is_true(v) ? "yes" : "no");
	} else {
		text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
		snprintf(out, size, "%s", text != NULL ? text : "?");
		free(text);
	}
}

void
ctl_table_row(struct ctl_table *t, const json_t *row)
{
	struct libscols_line *ln = scols_table_new_line(t->tb, NULL);
	char text[4096];
	size_t i;

	if (ln == NULL)
		return;
	for (i = 0; t->columns[i].title != NULL; i++) {
		ctl_table_text(json_object_get(row, t->columns[i].key),
		    t->columns[i].format, text, sizeof(text));
		scols_line_set_data(ln, i, text);
	}
}

void
ctl_table_print(struct ctl_table *t)
{
	if (scols_table_get_nlines(t->tb) > 0)
		scols_print_table(t->tb);
	scols_unref_table(t->tb);
	free(t);
}
