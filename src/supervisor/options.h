/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options - the command line of fcsd, and the configuration it leads to.
 *
 * Belongs to: supervisor (rank 7). Used by: main. Thread: main, at start.
 */
#ifndef SUPERVISOR_OPTIONS_H
#define SUPERVISOR_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/config.h"

#define OPTIONS_EXIT_USAGE  2
#define OPTIONS_EXIT_CONFIG 78 /* EX_CONFIG */

enum options_action {
	OPTIONS_RUN,
	OPTIONS_TEST,    /* -t */
	OPTIONS_HELP,    /* --help */
	OPTIONS_VERSION, /* --version */
};

struct options {
	enum options_action action;
	const char *file;  /* -c, NULL: the default place */
	const char **sets; /* -o, NULL-terminated, owned list */
	bool dev;
	int ready_fd;     /* --ready-fd, -1: none */
	const char *role; /* --role, NULL: the supervisor */
	char **rest;      /* arguments of a role, NULL-terminated */
};

/*
 * Read argv (borrowed for the life of *o). FCS_OK; FCS_EINVAL with *e, to be
 * shown before the usage; FCS_ENOMEM. options_fini() in every case.
 */
int options_parse(
    int argc, char **argv, struct options *o, struct err *e) FCS_MUSTUSE;
void options_fini(struct options *o);
void options_usage(FILE *to);

/*
 * Load the configuration the options ask for. FCS_OK with *out (returns
 * owned); FCS_ECONFIG, FCS_ENOMEM: told on `to`.
 */
int options_load(
    const struct options *o, FILE *to, struct config **out) FCS_MUSTUSE;
/* -t: load, and every app.yaml too; exit status. Problems go to stderr. */
int options_test(const struct options *o);

#endif
