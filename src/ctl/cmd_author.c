/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fcsctl app new, check, test: no server is asked. They become
 * `fcsd --role=apptest`, the program beside this one in a build tree, else the
 * installed one.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define WORDS_MAX 16

struct line {
	const char *word[WORDS_MAX];
	size_t n;
	char path[PATH_MAX + 32];
};

static void
add(struct line *l, const char *word)
{
	if (word != NULL && l->n < WORDS_MAX - 1)
		l->word[l->n++] = word;
}

/* Beside us: a build tree, with its applications. Else sbin beside our bin, or
 * what PATH has. */
static void
find_fcsd(struct line *l)
{
	char dir[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	char *slash;

	dir[n > 0 ? n : 0] = '\0';
	slash = strrchr(dir, '/');
	if (slash != NULL)
		*slash = '\0';
	(void)snprintf(l->path, sizeof(l->path), "%s/fcsd", dir);
	add(l, l->path);
	if (access(l->path, X_OK) == 0) {
		add(l, "--dev");
		return;
	}
	(void)snprintf(l->path, sizeof(l->path), "%s/../sbin/fcsd", dir);
	if (access(l->path, X_OK) != 0)
		(void)snprintf(l->path, sizeof(l->path), "fcsd");
}

static int
become(struct line *l)
{
	l->word[l->n] = NULL;
	(void)fflush(NULL);
	/* execvp does not change what it is given */
	(void)execvp(l->path, (char *const *)(uintptr_t)l->word);
	fprintf(stderr, "fcsctl: %s: %s\n", l->path, strerror(errno));
	return CONTROL_FAILED;
}

/* An application, or the folder we are in. */
static const char *
folder(const json_t *request)
{
	const char *word = json_string_value(
	    json_object_get(json_object_get(request, "args"), "folder"));

	return word != NULL ? word : ".";
}

static const char *
arg(const json_t *request, const char *name)
{
	return json_string_value(
	    json_object_get(json_object_get(request, "args"), name));
}

int
cmd_author_test(const struct ctl_command *cmd, const struct ctl_options *opt,
    json_t *request)
{
	char seconds[32];
	struct line l = { .n = 0 };

	(void)cmd;
	find_fcsd(&l);
	add(&l, "--role=apptest");
	add(&l, "test");
	if (opt->json)
		add(&l, "--json");
	if (opt->verbose)
		add(&l, "-v");
	if (opt->timeout_given) {
		(void)snprintf(seconds, sizeof(seconds), "%.3f",
		    (double)opt->timeout_ms / 1000);
		add(&l, "-t");
		add(&l, seconds);
	}
	add(&l, "--");
	add(&l, folder(request));
	add(&l, arg(request, "part"));
	return become(&l);
}

int
cmd_author_check(const struct ctl_command *cmd, const struct ctl_options *opt,
    json_t *request)
{
	struct line l = { .n = 0 };

	(void)cmd;
	find_fcsd(&l);
	add(&l, "--role=apptest");
	add(&l, "check");
	if (opt->json)
		add(&l, "--json");
	add(&l, folder(request));
	return become(&l);
}

int
cmd_author_new(const struct ctl_command *cmd, const struct ctl_options *opt,
    json_t *request)
{
	struct line l = { .n = 0 };

	(void)cmd;
	find_fcsd(&l);
	add(&l, "--role=apptest");
	add(&l, "new");
	add(&l, arg(request, "name"));
	add(&l, opt->template != NULL ? opt->template : "empty");
	return become(&l);
}
