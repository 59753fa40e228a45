/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fcsctl console: lines from -e, from standard input, or from a prompt with
 * editing and history. The server says whether a line is complete; until it
 * is, the next one is added to it.
 */
#include <errno.h>
#include <histedit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "ctl/ctl.h"

#define HISTORY_LINES 1000

struct console {
	const struct ctl_options *opt;
	struct ctl_conn *conn;
	json_t *request, *args; /* args borrowed from request */
	struct str text;        /* not complete yet */
	bool is_prompting, is_incomplete, has_failed;
	char prompt[128], more[128];
};

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int signo)
{
	(void)signo;
	interrupted = 1;
}

/* ---- one answer ---- */

static int
print_answer(void *arg, const json_t *row)
{
	struct console *c = arg;
	const char *value = json_string_value(json_object_get(row, "value"));
	const char *error = json_string_value(json_object_get(row, "error"));

	c->is_incomplete = json_object_get(row, "incomplete") != NULL;
	c->has_failed |= error != NULL;
	if (c->opt->json) {
		if (!c->is_incomplete)
			ctl_print_json(row);
	} else if (error != NULL) {
		fflush(stdout);
		fprintf(stderr, "%s\n", error);
	} else if (value != NULL) {
		printf("%s%s\n", c->is_prompting ? "=> " : "", value);
	}
	fflush(stdout);
	return 0;
}

/* Says on a terminal what a line may do. */
static int
print_greeting(void *arg, const json_t *row)
{
	struct console *c = arg;
	const char *where = json_string_value(json_object_get(row, "where"));

	(void)snprintf(c->prompt, sizeof(c->prompt), "%.100s> ", where);
	(void)snprintf(c->more, sizeof(c->more), "%.100s* ", where);
	if (c->is_prompting)
		printf("%s, %lld clients. A line that runs for more than "
		       "%lld ms between two waits ends\nthis instance and "
		       "disconnects them. _ is the last value, c(\"id\") a "
		       "client; Ctrl-D ends.\n",
		    where,
		    (long long)json_integer_value(
			json_object_get(row, "clients")),
		    (long long)json_integer_value(
			json_object_get(row, "time_ms")));
	return 0;
}

/* CONTROL_OK: the next line may come. */
static int
say(struct console *c, const char *line)
{
	json_t *text;
	int rc;

	if (c->is_incomplete)
		str_addc(&c->text, '\n');
	str_add(&c->text, line);
	c->is_incomplete = false;
	text = json_string(str_text(&c->text));
	if (text == NULL || json_object_set_new(c->args, "line", text) != 0) {
		fprintf(stderr, "fcsctl: not UTF-8\n");
		str_reset(&c->text);
		c->has_failed = true;
		return CONTROL_OK;
	}
	rc = ctl_conn_ask(c->conn, c->request, -1, print_answer, c);
	if (!c->is_incomplete)
		str_reset(&c->text);
	return rc;
}

/* ---- where lines come from ---- */

static int
from_file(struct console *c, FILE *f)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int rc = CONTROL_OK;

	while (rc == CONTROL_OK && (n = getline(&line, &cap, f)) >= 0) {
		if (n > 0 && line[n - 1] == '\n')
			line[n - 1] = '\0';
		rc = say(c, line);
	}
	free(line);
	return rc;
}

static const char *
prompt(EditLine *el)
{
	struct console *c;

	el_get(el, EL_CLIENTDATA, &c);
	return c->is_incomplete ? c->more : c->prompt;
}

/* Ctrl-C drops what was begun. */
static void
drop_begun(struct console *c, EditLine *el)
{
	interrupted = 0;
	str_reset(&c->text);
	c->is_incomplete = false;
	el_reset(el);
	putchar('\n');
}

static int
from_terminal(struct console *c)
{
	EditLine *el = el_init("fcsctl", stdin, stdout, stderr);
	History *hist = history_init();
	struct sigaction sa;
	HistEvent ev;
	const char *got;
	char *line;
	int n, rc = CONTROL_OK;

	if (el == NULL || hist == NULL)
		return from_file(c, stdin);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_interrupt;
	(void)sigaction(SIGINT, &sa, NULL);
	(void)history(hist, &ev, H_SETSIZE, HISTORY_LINES);
	el_set(el, EL_CLIENTDATA, c);
	el_set(el, EL_PROMPT, prompt);
	el_set(el, EL_EDITOR, "emacs");
	el_set(el, EL_HIST, history, hist);
	el_source(el, NULL);
	while (rc == CONTROL_OK) {
		got = el_gets(el, &n);
		if (got == NULL && interrupted) {
			drop_begun(c, el);
			continue;
		}
		if (got == NULL || n <= 0)
			break;
		(void)history(hist, &ev, H_ENTER, got);
		line = strndup(got, strcspn(got, "\n"));
		rc = line == NULL ? CONTROL_FAILED : say(c, line);
		free(line);
	}
	putchar('\n');
	history_end(hist);
	el_end(el);
	return rc;
}

static int
run(struct console *c)
{
	int rc;

	/* is it there, and what is said before the first line */
	rc = ctl_conn_ask(
	    c->conn, c->request, c->opt->timeout_ms, print_greeting, c);
	if (rc != CONTROL_OK)
		return rc;
	(void)json_object_set_new(c->request, "watch", json_true());
	if (c->opt->line != NULL)
		rc = say(c, c->opt->line);
	else
		rc = c->is_prompting ? from_terminal(c) : from_file(c, stdin);
	if (rc == CONTROL_OK && c->is_incomplete) {
		fprintf(stderr, "fcsctl: the last line is not complete\n");
		c->has_failed = true;
	}
	return rc == CONTROL_OK && c->has_failed && !c->is_prompting
		   ? CONTROL_FAILED
		   : rc;
}

int
cmd_console(const struct ctl_command *cmd, const struct ctl_options *opt,
    json_t *request)
{
	struct console c = { .opt = opt,
		.request = request,
		.args = json_object_get(request, "args") };
	int rc = ctl_conn_open(opt, &c.conn);

	(void)cmd;
	if (rc != CONTROL_OK)
		return rc;
	c.is_prompting =
	    opt->line == NULL && opt->is_tty && isatty(STDIN_FILENO);
	str_init(&c.text);
	rc = run(&c);
	str_fini(&c.text);
	ctl_conn_close(c.conn);
	return rc;
}
