/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/options.h"

#include <dirent.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/name.h"

#define DEFAULT_FILE FCS_SYSCONFDIR "/fcsd.yaml"

enum {
	OPT_DEV = 256,
	OPT_HELP,
	OPT_READY_FD,
	OPT_ROLE,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{ "dev", no_argument, NULL, OPT_DEV },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "ready-fd", required_argument, NULL, OPT_READY_FD },
	{ "role", required_argument, NULL, OPT_ROLE },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

void
options_usage(FILE *to)
{
	fprintf(to,
	    "usage: fcsd [-t] [-c file] [--dev] [-o key=value ...] "
	    "[--ready-fd n]\n"
	    "\n"
	    "  -c file        configuration (default %s, if there)\n"
	    "  -o key=value   set one key, after every other layer\n"
	    "  -t             test the configuration: exit 0, or 78 with "
	    "every error\n"
	    "  --dev          no set-up: loopback, state in ./var, publishing "
	    "open\n"
	    "  --ready-fd n   write one line per listener, then \"ready\", to "
	    "descriptor n\n"
	    "  --help         this text\n"
	    "  --version      version\n"
	    "\n"
	    "Keys are described in fcsd.yaml(5), signals and files in "
	    "fcsd(8).\n",
	    DEFAULT_FILE);
}

static int
add_set(struct options *o, const char *set)
{
	size_t n = 0;
	const char **sets;

	while (o->sets != NULL && o->sets[n] != NULL)
		n++;
	sets = reallocarray(o->sets, n + 2, sizeof(const char *));
	if (sets == NULL)
		return FCS_ENOMEM;
	sets[n] = set;
	sets[n + 1] = NULL;
	o->sets = sets;
	return FCS_OK;
}

/* What getopt_long() did not like, in words. */
static int
bad_option(char **argv, int c, struct err *e)
{
	const char *word = argv[optind - 1];
	const char *names[] = { "--dev", "--help", "--ready-fd", "--version" };
	const char *near;

	if (c == ':')
		return err_set(
		    e, FCS_EINVAL, "option \"%.60s\" needs a value", word);
	near = str_starts(word, "--") ? name_suggest(word, names, 4) : NULL;
	if (optopt > 32 && optopt < 127 && !str_starts(word, "--"))
		return err_set(e, FCS_EINVAL, "unknown option \"-%c\"", optopt);
	if (near != NULL)
		return err_set(e, FCS_EINVAL,
		    "unknown option \"%.60s\" (did you mean \"%s\"?)", word,
		    near);
	return err_set(e, FCS_EINVAL, "unknown option \"%.60s\"", word);
}

int
options_parse(int argc, char **argv, struct options *o, struct err *e)
{
	int64_t fd;
	int c;

	memset(o, 0, sizeof(*o));
	o->ready_fd = -1;
	optind = 0; /* also start anew when called twice */
	while ((c = getopt_long(argc, argv, "+:c:o:thV", long_options, NULL)) !=
	       -1) {
		switch (c) {
		case 'c':
			o->file = optarg;
			break;
		case 'o':
			if (add_set(o, optarg) != FCS_OK)
				return err_set(e, FCS_ENOMEM, "out of memory");
			break;
		case 't':
			o->action = OPTIONS_TEST;
			break;
		case 'h':
		case OPT_HELP:
			o->action = OPTIONS_HELP;
			return FCS_OK;
		case 'V':
		case OPT_VERSION:
			o->action = OPTIONS_VERSION;
			return FCS_OK;
		case OPT_DEV:
			o->dev = true;
			break;
		case OPT_READY_FD:
			if (str_parse_int(optarg, &fd) != FCS_OK || fd < 0 ||
			    fd > INT_MAX)
				return err_set(e, FCS_EINVAL,
				    "--ready-fd: \"%.20s\" is no descriptor",
				    optarg);
			o->ready_fd = (int)fd;
			break;
		case OPT_ROLE:
			o->role = optarg;
			break;
		default:
			return bad_option(argv, c, e);
		}
	}
	o->rest = argv + optind;
	if (o->role == NULL && o->rest[0] != NULL)
		return err_set(e, FCS_EINVAL,
		    "fcsd takes no argument \"%.60s\"", o->rest[0]);
	return FCS_OK;
}

void
options_fini(struct options *o)
{
	free(o->sets);
	o->sets = NULL;
}

/*
 * Folder dir as it is named from the current folder when it lies there. Root's
 * home is closed to the user fcsd becomes, the folder it was started in is
 * not: only this way `./bootstrap run` serves a tree below /root.
 */
static const char *
from_here(const char *dir)
{
	char cwd[PATH_MAX];
	size_t n;

	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return dir;
	n = strlen(cwd);
	return strncmp(dir, cwd, n) == 0 && dir[n] == '/' ? dir + n + 1 : dir;
}

/*
 * The applications of --dev: those of the tree this program was built in, if
 * it lies in or below one, else the installed ones.
 */
static void
find_dev_apps(char out[PATH_MAX])
{
	char exe[PATH_MAX], found[PATH_MAX];
	char marker[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	exe[n > 0 ? n : 0] = '\0';
	for (int up = 0; up < 4; up++) {
		slash = strrchr(exe, '/');
		if (slash == NULL || slash == exe)
			break;
		*slash = '\0';
		(void)snprintf(marker, sizeof(marker), "%s/apps/local.mk", exe);
		if (access(marker, R_OK) == 0 && strlen(exe) + 6 < PATH_MAX) {
			(void)snprintf(
			    found, PATH_MAX, "%.*s/apps", PATH_MAX - 6, exe);
			(void)snprintf(out, PATH_MAX, "%s", from_here(found));
			return;
		}
	}
	(void)snprintf(out, PATH_MAX, "%s", FCS_DATADIR "/apps");
}

static void
print_problems(const struct config_problems *p, FILE *to)
{
	struct str s;

	str_init(&s);
	config_problems_print(p, &s);
	fputs(str_text(&s), to);
	str_fini(&s);
}

static void
warn_unused(void *arg, const char *key, const struct config_value *v)
{
	char place[CONFIG_PLACE_MAX];

	fprintf(arg, "%s: warning: %s has no effect in this version\n",
	    config_place(v, place), key);
}

static const char *
file_of(const struct options *o)
{
	if (o->file != NULL)
		return o->file;
	return o->dev ? NULL : DEFAULT_FILE;
}

int
options_load(const struct options *o, FILE *to, struct config **out)
{
	char apps[PATH_MAX];
	struct config_source src = {
		.file = file_of(o),
		.file_optional = o->file == NULL,
		.environ_ = (const char *const *)environ,
		.options = o->sets,
		.dev = o->dev,
		.dev_apps = apps,
	};
	struct config_problems p;
	int rc;

	find_dev_apps(apps);
	rc = config_load(&src, out, &p);
	print_problems(&p, to);
	config_problems_fini(&p);
	if (rc == FCS_ENOMEM)
		fputs("fcsd: out of memory\n", to);
	return rc;
}

/* Check app.yaml of every application in one folder; problems counted. */
static size_t
test_folder(const struct config *c, const char *folder, size_t *apps)
{
	struct dirent **list;
	struct config_problems p;
	struct config_app *a;
	struct str dir;
	struct stat st;
	size_t bad = 0;
	int n = scandir(folder, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;

		str_init(&dir);
		str_addf(&dir, "%s/%s", folder, name);
		if (name_check(NAME_APP, name, strlen(name), NULL) == FCS_OK &&
		    stat(str_text(&dir), &st) == 0 && S_ISDIR(st.st_mode)) {
			++*apps;
			if (config_app_load(c, name, str_text(&dir), &a, &p) ==
			    FCS_OK)
				config_app_unused(a, warn_unused, stderr);
			else
				bad += p.n + (p.n == 0);
			config_app_free(a);
			print_problems(&p, stderr);
			config_problems_fini(&p);
		}
		str_fini(&dir);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return bad;
}

int
options_test(const struct options *o)
{
	struct config *c;
	const char *file = file_of(o);
	size_t apps = 0;
	size_t bad = 0;

	if (options_load(o, stderr, &c) != FCS_OK)
		return OPTIONS_EXIT_CONFIG;
	config_unused(c, warn_unused, stderr);
	for (size_t i = 0; i < config_count(c, CFG_APPS); i++)
		bad += test_folder(c, config_item(c, CFG_APPS, i), &apps);
	config_free(c);
	if (bad > 0)
		return OPTIONS_EXIT_CONFIG;
	printf("fcsd: configuration ok (%s, %zu applications)\n",
	    file != NULL && access(file, F_OK) == 0 ? file : "no file", apps);
	return 0;
}
