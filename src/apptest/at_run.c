/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parent never runs Ruby: a first child loads the files and tells the
 * names of the tests, then each test gets a child that loads them again and
 * runs that one. A child answers through a pipe: "ok" or "fail" on a line,
 * then the text. Its log goes to a file, shown when the test fails.
 */
#include "apptest/at_run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "apptest/at_host.h"
#include "apptest/at_world.h"
#include "base/log.h"
#include "base/str.h"

#define PATH_LEN   4096
#define ANSWER_MAX (1 << 20)
#define LOG_TAIL   8192 /* bytes of a failed test's log that are shown */
#define LIST       UINT32_MAX

/* Somebody has had enough (Ctrl-C): the test that runs is ended, the folder is
 * removed. */
static volatile sig_atomic_t interrupted;

struct result {
	struct str text; /* what the child said */
	int status;      /* of waitpid */
	bool late;       /* it was ended at its time limit */
	double seconds;
};

/* ---- in the child ---- */

static int
is_test(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 3 &&
	       strcmp(d->d_name + n - 3, ".rb") == 0;
}

static int
load_files(const struct at_run_options *o, struct vmtest *t, struct err *why)
{
	char path[PATH_LEN];
	struct dirent **list;
	int i, n, rc = FCS_OK;

	(void)snprintf(path, sizeof(path), "%s/test", o->dir);
	n = scandir(path, &list, is_test, alphasort);
	if (n < 0 && errno == ENOENT)
		return err_set(why, FCS_ENOENT, "it has no folder test");
	if (n < 0)
		return err_sys(why, errno, "%s", path);
	for (i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "test/%s", list[i]->d_name);
		if (rc == FCS_OK)
			rc = vmtest_load(t, path, why);
		free(list[i]);
	}
	free(list);
	return rc;
}

/* Every name on a line. */
static void
list_tests(struct vmtest *t, struct str *out)
{
	uint32_t i;

	for (i = 0; i < vmtest_count(t); i++) {
		vmtest_name(t, i, out);
		str_addc(out, '\n');
	}
}

static void
answer(int fd, const char *word, const struct str *text)
{
	struct str s;
	const char *p;
	ssize_t n;
	size_t left;

	str_init(&s);
	str_addf(&s, "%s\n%s", word, str_text(text));
	p = str_text(&s);
	for (left = s.len; left > 0; left -= (size_t)n, p += n) {
		n = write(fd, p, left);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			break;
	}
	str_fini(&s);
}

static void
child(const struct at_run_options *o, const char *state, uint32_t i, int fd)
{
	struct at_host *host = NULL;
	struct vmtest_host table;
	struct vmtest *t = NULL;
	struct str text;
	struct err why;
	int rc;

	str_init(&text);
	err_clear(&why);
	log_set_rate(0);
	log_set_level(LOG_LEVEL_DEBUG);
	rc = at_host_new(o->folders, state, &host, &why);
	if (rc == FCS_OK) {
		table = at_host_table(host);
		rc = vmtest_new(&table, o->dir, &t, &why);
	}
	if (rc == FCS_OK)
		rc = load_files(o, t, &why);
	if (rc != FCS_OK)
		str_add(&text, why.text);
	else if (i == LIST)
		list_tests(t, &text);
	else if (i < vmtest_count(t))
		rc = vmtest_run(t, i, &text);
	answer(fd, rc == FCS_OK ? "ok" : "fail", &text);
	/* the world goes with the process */
	_exit(rc == FCS_OK ? 0 : 1);
}

/* ---- in the parent ---- */

static double
seconds_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
on_signal(int signo)
{
	(void)signo;
	interrupted = 1;
}

static void
catch_signals(bool on)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on ? on_signal : SIG_DFL };
	size_t i;

	(void)sigemptyset(&sa.sa_mask);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &sa, NULL);
}

/* What the child writes, until it ends or its time is up. */
static void
listen_to(pid_t pid, int fd, double until, struct result *r)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char piece[4096];
	double left;
	ssize_t n;

	for (;;) {
		left = until - seconds_now();
		if (left <= 0 || interrupted)
			break;
		if (poll(&p, 1, (int)(left * 1000) + 1) <= 0)
			continue;
		n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		if (r->text.len < ANSWER_MAX)
			str_addn(&r->text, piece, (size_t)n);
	}
	r->late = !interrupted;
	(void)kill(pid, SIGKILL);
}

static int
run_child(const struct at_run_options *o, const char *home, uint32_t i,
    struct result *r)
{
	char state[PATH_LEN + 32], log[PATH_LEN + 32];
	double begin = seconds_now();
	int fd[2], out;
	pid_t pid;

	memset(r, 0, sizeof(*r));
	str_init(&r->text);
	(void)snprintf(state, sizeof(state), "%s/state", home);
	(void)snprintf(log, sizeof(log), "%s/log", home);
	if (mkdir(state, 0700) < 0 || pipe2(fd, O_CLOEXEC) < 0)
		return FCS_ESYS;
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		catch_signals(false);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (out < 0 || dup2(out, STDERR_FILENO) < 0 ||
		    dup2(out, STDOUT_FILENO) < 0)
			_exit(2);
		(void)close(fd[0]);
		child(o, state, i, fd[1]);
	}
	(void)close(fd[1]);
	if (pid > 0) {
		listen_to(pid, fd[0], begin + o->timeout_ms / 1000.0, r);
		while (waitpid(pid, &r->status, 0) < 0 && errno == EINTR)
			;
	}
	(void)close(fd[0]);
	r->seconds = seconds_now() - begin;
	at_world_remove(state);
	return pid > 0 ? FCS_OK : FCS_ESYS;
}

/* "ok", or what went wrong into why. */
static bool
judge(const struct at_run_options *o, const struct result *r, struct str *why)
{
	const char *text = str_text(&r->text);

	if (r->late) {
		str_addf(why, "it did not end within %.1f s and was killed",
		    o->timeout_ms / 1000.0);
		return false;
	}
	if (interrupted) {
		str_add(why, "interrupted");
		return false;
	}
	if (WIFSIGNALED(r->status)) {
		str_addf(why,
		    "the process of the test was ended by signal "
		    "%d (%s)",
		    WTERMSIG(r->status), strsignal(WTERMSIG(r->status)));
		return false;
	}
	if (str_starts(text, "ok\n") && WEXITSTATUS(r->status) == 0)
		return true;
	str_add(why, str_starts(text, "fail\n")
			 ? text + 5
			 : "the process of the test ended without an answer");
	return false;
}

static void
show_log(const char *home)
{
	char path[PATH_LEN + 32], piece[LOG_TAIL + 1];
	char *line, *save = NULL;
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/log", home);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	if (fseek(f, -LOG_TAIL, SEEK_END) != 0)
		rewind(f);
	n = fread(piece, 1, LOG_TAIL, f);
	piece[n] = '\0';
	(void)fclose(f);
	for (line = strtok_r(piece, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		printf("      | %s\n", line);
}

static void
print_text(const struct at_run_options *o, const char *home, const char *name,
    bool ok, const struct result *r, const struct str *why)
{
	char *copy, *line, *save = NULL;

	printf("%s  %s (%.2f s)\n", ok ? "ok  " : "FAIL", name, r->seconds);
	copy = strdup(str_text(why));
	for (line = copy == NULL ? NULL : strtok_r(copy, "\n", &save);
	     line != NULL; line = strtok_r(NULL, "\n", &save))
		printf("      %s\n", line);
	free(copy);
	if (!ok || o->verbose)
		show_log(home);
}

static void
print_json(
    const char *name, bool ok, const struct result *r, const struct str *why)
{
	json_t *j = json_pack("{s:s, s:b, s:f}", "test", name, "ok", ok ? 1 : 0,
	    "seconds", r->seconds);

	if (j != NULL && !ok)
		(void)json_object_set_new(j, "why", json_string(str_text(why)));
	if (j != NULL)
		(void)json_dumpf(j, stdout, JSON_COMPACT);
	puts("");
	json_decref(j);
}

/* One line, cut off p. */
static char *
next_line(char **p)
{
	char *line = *p, *end = strchr(line, '\n');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*p = end + 1;
	return line;
}

static int
run_all(const struct at_run_options *o, const char *home, char *names)
{
	unsigned ran = 0, failed = 0;
	char *name;
	struct result r;
	struct str why;
	uint32_t i;
	bool ok;

	for (i = 0; !interrupted && (name = next_line(&names)) != NULL; i++) {
		if (o->filter != NULL && strstr(name, o->filter) == NULL)
			continue;
		str_init(&why);
		if (run_child(o, home, i, &r) == FCS_OK) {
			ok = judge(o, &r, &why);
		} else {
			ok = false;
			str_addf(&why, "cannot be run: %s", strerror(errno));
		}
		ran++;
		failed += !ok;
		if (o->json)
			print_json(name, ok, &r, &why);
		else
			print_text(o, home, name, ok, &r, &why);
		(void)fflush(stdout);
		str_fini(&why);
		str_fini(&r.text);
	}
	if (ran == 0) {
		fprintf(stderr,
		    o->filter != NULL ? "fcsd: no test of %s has \"%s\" in its "
					"name\n"
				      : "fcsd: %s has no tests%.0s\n",
		    o->name, o->filter != NULL ? o->filter : "");
		return 2;
	}
	if (!o->json)
		printf("%s: %u passed, %u failed\n", o->name, ran - failed,
		    failed);
	return failed == 0 ? 0 : 1;
}

int
at_run(const struct at_run_options *o)
{
	const char *tmp = getenv("TMPDIR");
	char home[PATH_LEN];
	struct result r;
	struct str why;
	char *names;
	int status = 2;

	(void)snprintf(home, sizeof(home), "%s/fcs-test-XXXXXX",
	    tmp == NULL || tmp[0] == '\0' ? "/tmp" : tmp);
	if (mkdtemp(home) == NULL) {
		fprintf(stderr, "fcsd: %s: %s\n", home, strerror(errno));
		return 2;
	}
	str_init(&why);
	catch_signals(true);
	if (run_child(o, home, LIST, &r) != FCS_OK) {
		fprintf(stderr, "fcsd: %s: %s\n", home, strerror(errno));
	} else if (!judge(o, &r, &why)) {
		fprintf(stderr, "%s: %s\n", o->name, str_text(&why));
	} else {
		names = strdup(str_text(&r.text) + 3);
		if (names != NULL)
			status = run_all(o, home, names);
		free(names);
	}
	str_fini(&r.text);
	str_fini(&why);
	at_world_remove(home);
	catch_signals(false);
	return interrupted ? 1 : status;
}
