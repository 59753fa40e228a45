/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fcsctl - manage a running fcsd: NOUN VERB [ARGUMENTS]. fcsctl(1).
 */
#include <ctype.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/name.h"
#include "base/str.h"
#include "ctl/ctl.h"

enum {
	OPT_JSON = 256,
	OPT_NO_HEADER,
	OPT_TEMPLATE,
	OPT_WATCH,
	OPT_FORCE,
	OPT_FULL,
	OPT_VERSION
};

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, 'S' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "output", required_argument, NULL, 'o' },
	{ "no-header", no_argument, NULL, OPT_NO_HEADER },
	{ "template", required_argument, NULL, OPT_TEMPLATE },
	{ "verbose", no_argument, NULL, 'v' },
	{ "watch", optional_argument, NULL, OPT_WATCH },
	{ "command", required_argument, NULL, 'e' },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "full", no_argument, NULL, OPT_FULL },
	{ "timeout", required_argument, NULL, 't' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

/* "where name slot?" as WHERE NAME [SLOT]. */
static void
usage_of(const struct ctl_command *c, char *out, size_t size)
{
	const char *p = c->args;
	size_t n, len;

	n = (size_t)snprintf(out, size, "%s", c->name);
	while (*p != '\0' && n < size) {
		len = strcspn(p, " ");
		n += (size_t)snprintf(out + n, size - n,
		    p[len - 1] == '?' ? " [%.*s]" : " %.*s",
		    (int)(p[len - 1] == '?' ? len - 1 : len), p);
		p += len + (p[len] == ' ');
	}
	for (n = strlen(c->name); out[n] != '\0'; n++)
		out[n] = (char)toupper((unsigned char)out[n]);
}

static void
help(void)
{
	const struct ctl_command *c;
	char left[64];

	puts(
	    "usage: fcsctl [-S SOCKET] [--json] [-o name] [--no-header] [-q]\n"
	    "              [--watch[=SECONDS]] [-t SECONDS] [--force] [--full]\n"
	    "              [-e LINE] [--template NAME] [-v] NOUN VERB ...\n");
	for (c = ctl_commands; c->name != NULL; c++) {
		usage_of(c, left, sizeof(left));
		printf("  %-28s %s\n", left, c->help);
	}
	puts("\nWHERE is APP or APP/INSTANCE; a bare APP is its default "
	     "instance.\n"
	     "exit: 0 ok, 1 failed, 2 usage, 3 not running, 4 not found,\n"
	     "      5 no permission, 6 busy, 7 time-out, 8 damage found");
}

static int
usage(const char *what, const char *word)
{
	fprintf(stderr, "fcsctl: %s%s%s\ntry: fcsctl --help\n", what,
	    word != NULL ? ": " : "", word != NULL ? word : "");
	return CONTROL_USAGE;
}

/* The command argv begins with; *used = words it took. */
static const struct ctl_command *
find(int argc, char **argv, int *used)
{
	const struct ctl_command *c;
	char two[128];

	snprintf(two, sizeof(two), "%s %s", argv[0], argc > 1 ? argv[1] : "");
	for (c = ctl_commands; c->name != NULL; c++) {
		*used = strchr(c->name, ' ') != NULL ? 2 : 1;
		if (strcmp(c->name, *used == 2 ? two : argv[0]) == 0)
			return c;
	}
	return NULL;
}

static int
unknown(int argc, char **argv)
{
	const char *names[64];
	const char *near;
	char two[128];
	size_t n = 0;

	for (; ctl_commands[n].name != NULL && n < 64; n++)
		names[n] = ctl_commands[n].name;
	snprintf(two, sizeof(two), argc > 1 ? "%s %s" : "%s", argv[0],
	    argc > 1 ? argv[1] : "");
	near = name_suggest(two, names, n);
	fprintf(stderr, "fcsctl: no command \"%s\"", two);
	if (near != NULL)
		fprintf(stderr, " (did you mean \"%s\"?)", near);
	fprintf(stderr, "\ntry: fcsctl --help\n");
	return CONTROL_USAGE;
}

/* The words into args by the command's specification. */
static int
put_args(const struct ctl_command *c, json_t *args, int argc, char **argv)
{
	const char *spec = c->args;
	char word[32];
	int i = 0;
	size_t len;

	while (*spec != '\0') {
		bool optional;

		len = strcspn(spec, " ");
		snprintf(word, sizeof(word), "%.*s", (int)len, spec);
		spec += len + (spec[len] == ' ');
		optional = word[strlen(word) - 1] == '?';
		if (optional)
			word[strlen(word) - 1] = '\0';
		if (i >= argc) {
			if (optional)
				break;
			return usage("argument missing", word);
		}
		if (json_object_set_new(args,
			strcmp(word, "where") == 0 ? "app" : word,
			json_string(argv[i])) != 0)
			return usage("not UTF-8", word);
		i++;
	}
	return i < argc ? usage("too many arguments", argv[i]) : CONTROL_OK;
}

static int
run(const struct ctl_options *opt, int argc, char **argv)
{
	const struct ctl_command *c;
	json_t *request, *args;
	int used = 0, rc;

	if ((c = find(argc, argv, &used)) == NULL)
		return unknown(argc, argv);
	args = json_object();
	request = json_pack("{s:i, s:i, s:s, s:O}", "v", CONTROL_VERSION, "id",
	    1, "do", c->name, "args", args);
	if (request == NULL ||
	    (opt->force &&
		json_object_set_new(args, "force", json_true()) != 0) ||
	    (opt->full && json_object_set_new(args, "full", json_true()) != 0))
		rc = CONTROL_FAILED;
	else
		rc = put_args(c, args, argc - used, argv + used);
	if (rc == CONTROL_OK)
		rc = c->run(c, opt, request);
	json_decref(args);
	json_decref(request);
	return rc;
}

/* Seconds as text into ms; 0 = not a time. */
static uint32_t
seconds(const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end != '\0' || !(s > 0 && s <= 86400))
		return 0;
	return (uint32_t)(s * 1000);
}

int
main(int argc, char **argv)
{
	struct ctl_options opt = { .timeout_ms = 15000 };
	char status[] = "status";
	char *none[] = { status };
	int o;

	setlocale(LC_ALL, "");
	signal(SIGPIPE, SIG_IGN);
	opt.is_tty = isatty(STDOUT_FILENO);
	while ((o = getopt_long(
		    argc, argv, "S:e:o:t:qvh", long_options, NULL)) != -1) {
		switch (o) {
		case 'S':
			opt.socket = optarg;
			break;
		case 'o':
			if (strcmp(optarg, "name") != 0)
				return usage("unknown output", optarg);
			opt.names_only = true;
			break;
		case 't':
			if ((opt.timeout_ms = seconds(optarg)) == 0)
				return usage("not a time in seconds", optarg);
			opt.timeout_given = true;
			break;
		case 'v':
			opt.verbose = true;
			break;
		case OPT_TEMPLATE:
			opt.template = optarg;
			break;
		case 'q':
			opt.quiet = true;
			break;
		case OPT_JSON:
			opt.json = true;
			break;
		case OPT_FORCE:
			opt.force = true;
			break;
		case OPT_FULL:
			opt.full = true;
			break;
		case 'e':
			opt.line = optarg;
			break;
		case OPT_NO_HEADER:
			opt.no_header = true;
			break;
		case OPT_WATCH:
			opt.watch_ms = optarg != NULL ? seconds(optarg) : 2000;
			if (opt.watch_ms == 0)
				return usage("not a time in seconds", optarg);
			break;
		case 'h':
			help();
			return CONTROL_OK;
		case OPT_VERSION:
			puts("fcsctl " FCS_VERSION);
			return CONTROL_OK;
		default:
			fputs("try: fcsctl --help\n", stderr);
			return CONTROL_USAGE;
		}
	}
	if (optind == argc)
		return run(&opt, 1, none);
	return run(&opt, argc - optind, argv + optind);
}
