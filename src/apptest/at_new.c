/* SPDX-License-Identifier: BSD-2-Clause */
#include "apptest/at_new.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/name.h"
#include "base/str.h"

#define PATH_LEN  4096
#define FILE_MAX  (64 << 20)
#define DEPTH_MAX 8

static const char *const templates[] = { "empty", "chat", "live", "vod",
	"whiteboard" };
#define TEMPLATES (sizeof(templates) / sizeof(templates[0]))

struct copying {
	const char *from, *to; /* the names of both applications */
	char class_from[128], class_to[128];
	struct err *why;
};

/* "my-room_2" => "MyRoom2" */
static void
class_name(const char *name, char out[128])
{
	size_t n = 0;
	bool first = true;

	if (!isalpha((unsigned char)*name))
		n = (size_t)snprintf(out, 128, "App");
	for (; *name != '\0' && n < 127; name++) {
		if (!isalnum((unsigned char)*name)) {
			first = true;
			continue;
		}
		out[n++] = first ? (char)toupper((unsigned char)*name) : *name;
		first = false;
	}
	out[n] = '\0';
}

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Whether the name of the template at p means the application: in a path or a
 * URL, as what is started or tested, as a title. */
static bool
is_meant(const char *text, const char *p)
{
	static const char *const before[] = { "/", "start(\"", "app test ",
		"app check ", "\n# " };
	size_t i, n, room = (size_t)(p - text);

	if (room == 2 && strncmp(text, "# ", 2) == 0)
		return true;
	for (i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		n = strlen(before[i]);
		if (room >= n && strncmp(p - n, before[i], n) == 0)
			return true;
	}
	return false;
}

static void
put_names(const struct copying *c, const char *text, struct str *out)
{
	size_t n = strlen(c->from), nc = strlen(c->class_from);
	const char *p = text;

	while (*p != '\0') {
		if (strncmp(p, c->from, n) == 0 &&
		    (!is_word(p[n]) || strncmp(p + n, "_test", 5) == 0) &&
		    is_meant(text, p)) {
			str_add(out, c->to);
			p += n;
		} else if (strncmp(p, c->class_from, nc) == 0 &&
			   p - text >= 6 && strncmp(p - 6, "class ", 6) == 0 &&
			   !is_word(p[nc])) {
			str_add(out, c->class_to);
			p += nc;
		} else {
			str_addc(out, *p++);
		}
	}
}

static bool
is_text(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL &&
	       (strcmp(dot, ".rb") == 0 || strcmp(dot, ".md") == 0 ||
		   strcmp(dot, ".yaml") == 0);
}

static char *
slurp(const char *path, size_t *len, struct err *why)
{
	struct stat st;
	char *text = NULL;
	FILE *f = fopen(path, "re");

	if (f == NULL || fstat(fileno(f), &st) < 0 || st.st_size > FILE_MAX ||
	    (text = malloc((size_t)st.st_size + 1)) == NULL) {
		(void)err_sys(why, errno, "%s", path);
	} else {
		*len = fread(text, 1, (size_t)st.st_size, f);
		text[*len] = '\0';
	}
	if (f != NULL)
		(void)fclose(f);
	return text;
}

static int
copy_file(const struct copying *c, const char *from, const char *to)
{
	struct str s;
	size_t len = 0;
	char *text = slurp(from, &len, c->why);
	FILE *f;
	int rc = FCS_OK;

	if (text == NULL)
		return c->why->code;
	str_init(&s);
	if (is_text(from))
		put_names(c, text, &s);
	else
		str_addn(&s, text, len);
	free(text);
	f = fopen(to, "wxe");
	if (f == NULL || fwrite(str_text(&s), 1, s.len, f) != s.len)
		rc = err_sys(c->why, errno, "%s", to);
	if (f != NULL && fclose(f) != 0 && rc == FCS_OK)
		rc = err_sys(c->why, errno, "%s", to);
	str_fini(&s);
	return rc;
}

static int
copy_folder(
    const struct copying *c, const char *from, const char *to, int depth)
{
	char f[PATH_LEN], t[PATH_LEN];
	const struct dirent *e;
	struct stat st;
	DIR *d;
	int rc = FCS_OK;

	if (mkdir(to, 0777) < 0)
		return err_sys(c->why, errno, "%s", to);
	d = opendir(from);
	if (d == NULL)
		return err_sys(c->why, errno, "%s", from);
	while (rc == FCS_OK && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(f, sizeof(f), "%.3800s/%s", from, e->d_name);
		(void)snprintf(t, sizeof(t), "%.3800s/%s", to, e->d_name);
		/* chat_test.rb */
		if (str_starts(e->d_name, c->from) &&
		    strcmp(e->d_name + strlen(c->from), "_test.rb") == 0)
			(void)snprintf(
			    t, sizeof(t), "%.3800s/%s_test.rb", to, c->to);
		if (stat(f, &st) < 0)
			rc = err_sys(c->why, errno, "%s", f);
		else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			rc = copy_folder(c, f, t, depth + 1);
		else if (S_ISREG(st.st_mode))
			rc = copy_file(c, f, t);
	}
	(void)closedir(d);
	return rc;
}

static bool
find_template(const char *name, const char *const *folders, char out[PATH_LEN])
{
	static const char *const forms[] = { "%s/%s", "%s/../templates/%s" };
	struct stat st;
	size_t i;

	for (; *folders != NULL; folders++) {
		for (i = 0; i < 2; i++) {
			(void)snprintf(out, PATH_LEN,
			    i == 0 ? forms[0] : forms[1], *folders, name);
			if (stat(out, &st) == 0 && S_ISDIR(st.st_mode))
				return true;
		}
	}
	return false;
}

/* An application without settings gets the commented ones. */
static int
add_settings(
    const struct copying *c, const char *to, const char *const *folders)
{
	char from[PATH_LEN], f[PATH_LEN + 16], t[PATH_LEN + 16];

	(void)snprintf(t, sizeof(t), "%s/app.yaml", to);
	if (access(t, F_OK) == 0 || !find_template("empty", folders, from))
		return FCS_OK;
	(void)snprintf(f, sizeof(f), "%s/app.yaml", from);
	return copy_file(c, f, t);
}

static int
bad_template(const char *template)
{
	const char *near = name_suggest(template, templates, TEMPLATES);
	size_t i;

	fprintf(stderr, "fcsd: no template \"%s\"", template);
	if (near != NULL)
		fprintf(stderr, " (did you mean \"%s\"?)", near);
	fprintf(stderr, "; there are:");
	for (i = 0; i < TEMPLATES; i++)
		fprintf(stderr, " %s", templates[i]);
	fputc('\n', stderr);
	return 2;
}

int
at_new(const char *name, const char *template, const char *const *folders)
{
	struct err why;
	struct copying c = { .from = template, .to = name, .why = &why };
	char from[PATH_LEN], to[PATH_LEN];
	struct stat st;
	size_t i;

	err_clear(&why);
	if (name_check(NAME_APP, name, strlen(name), &why) != FCS_OK) {
		fprintf(stderr, "fcsd: \"%s\": %s\n", name, why.text);
		return 2;
	}
	for (i = 0; i < TEMPLATES && strcmp(templates[i], template) != 0; i++)
		;
	if (i == TEMPLATES)
		return bad_template(template);
	if (!find_template(template, folders, from)) {
		fprintf(stderr, "fcsd: the template %s is not installed\n",
		    template);
		return 2;
	}
	(void)snprintf(to, sizeof(to), "%s%s",
	    stat("apps", &st) == 0 && S_ISDIR(st.st_mode) ? "apps/" : "", name);
	if (lstat(to, &st) == 0) {
		fprintf(stderr, "fcsd: %s is there already\n", to);
		return 1;
	}
	class_name(template, c.class_from);
	class_name(name, c.class_to);
	if (copy_folder(&c, from, to, 0) != FCS_OK ||
	    add_settings(&c, to, folders) != FCS_OK) {
		fprintf(stderr, "fcsd: %s\n", why.text);
		return 1;
	}
	printf("%s: made from %s\n"
	       "  fcsctl app check %s\n"
	       "  fcsctl app test %s\n",
	    to, template, to, to);
	return 0;
}
