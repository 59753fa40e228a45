/* SPDX-License-Identifier: BSD-2-Clause */
#include "apptest/apptest.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apptest/at_check.h"
#include "apptest/at_new.h"
#include "apptest/at_run.h"
#include "base/name.h"

#define EXIT_USAGE  2
#define TIMEOUT_MS  30000
#define FOLDERS_MAX 32

struct where {
	char dir[PATH_MAX];    /* of the application */
	char parent[PATH_MAX]; /* the folder it lies in */
	const char *name;
	const char *folders[FOLDERS_MAX + 2];
};

static bool
is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A folder if the word is one, else an application's name. */
static int
find(const struct config *c, const char *word, struct where *w)
{
	size_t i, n = 0, count = config_count(c, CFG_APPS);
	char path[PATH_MAX];
	struct err why;
	char *slash;

	if (realpath(word, w->dir) == NULL || !is_folder(w->dir)) {
		w->dir[0] = '\0';
		for (i = 0; i < count && w->dir[0] == '\0'; i++) {
			(void)snprintf(path, sizeof(path), "%s/%s",
			    config_item(c, CFG_APPS, i), word);
			if (strchr(word, '/') != NULL || !is_folder(path) ||
			    realpath(path, w->dir) == NULL)
				w->dir[0] = '\0';
		}
	}
	if (w->dir[0] == '\0') {
		fprintf(stderr,
		    "fcsd: %s: no such folder, and no application of that "
		    "name\n",
		    word);
		return FCS_ENOENT;
	}
	(void)snprintf(w->parent, sizeof(w->parent), "%s", w->dir);
	slash = strrchr(w->parent, '/');
	*slash = '\0';
	w->name = strrchr(w->dir, '/') + 1;
	if (name_check(NAME_APP, w->name, strlen(w->name), &why) != FCS_OK) {
		fprintf(stderr,
		    "fcsd: %s: the name of the folder is no name "
		    "of an application: %s\n",
		    w->dir, why.text);
		return FCS_EINVAL;
	}
	w->folders[n++] = w->parent;
	for (i = 0; i < count && n < FOLDERS_MAX; i++)
		w->folders[n++] = config_item(c, CFG_APPS, i);
	w->folders[n] = NULL;
	return FCS_OK;
}

static int
usage(void)
{
	fputs("usage: fcsd --role=apptest test [--json] [-v] [-t seconds] "
	      "app|dir [filter]\n"
	      "       fcsd --role=apptest check [--json] app|dir\n"
	      "       fcsd --role=apptest new name template\n",
	    stderr);
	return EXIT_USAGE;
}

static int
test(const struct config *c, int argc, char **argv)
{
	static const struct option longs[] = { { "json", no_argument, NULL,
						   'j' },
		{ "verbose", no_argument, NULL, 'v' }, { NULL, 0, NULL, 0 } };
	struct at_run_options o = { .timeout_ms = TIMEOUT_MS };
	struct where w;
	double s;
	int opt;

	memset(&w, 0, sizeof(w));
	optind = 0;
	while ((opt = getopt_long(argc, argv, "vt:", longs, NULL)) != -1) {
		switch (opt) {
		case 'j':
			o.json = true;
			break;
		case 'v':
			o.verbose = true;
			break;
		case 't':
			s = strtod(optarg, NULL);
			if (!(s > 0 && s <= 86400))
				return usage();
			o.timeout_ms = (uint32_t)(s * 1000);
			break;
		default:
			return usage();
		}
	}
	if (argc - optind < 1 || argc - optind > 2)
		return usage();
	if (find(c, argv[optind], &w) != FCS_OK)
		return EXIT_USAGE;
	o.dir = w.dir;
	o.name = w.name;
	o.folders = w.folders;
	o.filter = argv[optind + 1];
	return at_run(&o);
}

static int
check(const struct config *c, int argc, char **argv)
{
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
	struct where w;

	if (argc != 2 + json)
		return usage();
	memset(&w, 0, sizeof(w));
	if (find(c, argv[1 + json], &w) != FCS_OK)
		return EXIT_USAGE;
	return at_check(w.dir, w.name, w.folders, json);
}

static int new (const struct config *c, int argc, char **argv)
{
	const char *folders[FOLDERS_MAX + 1];
	size_t n;

	if (argc != 3)
		return usage();
	for (n = 0; n < config_count(c, CFG_APPS) && n < FOLDERS_MAX; n++)
		folders[n] = config_item(c, CFG_APPS, n);
	folders[n] = NULL;
	return at_new(argv[1], argv[2], folders);
}

int
apptest_main(const struct config *c, char **argv)
{
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	if (argc > 0 && strcmp(argv[0], "test") == 0)
		return test(c, argc, argv);
	if (argc > 0 && strcmp(argv[0], "check") == 0)
		return check(c, argc, argv);
	if (argc > 0 && strcmp(argv[0], "new") == 0)
		return new (c, argc, argv);
	return usage();
}
