/* SPDX-License-Identifier: BSD-2-Clause */
/* devpage - see devpage.h. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/devpage.h"

/* rtmp://host of a listener address; the default port is left out. */
static void
base_url(const char *addr, char *out, size_t size)
{
	const char *colon = strrchr(addr, ':');
	int host = colon == NULL ? (int)strlen(addr) : (int)(colon - addr);
	bool any =
	    strncmp(addr, "0.0.0.0:", 8) == 0 || strncmp(addr, "[::]:", 5) == 0;

	(void)snprintf(out, size, "rtmp://%.*s%s", any ? 9 : host,
	    any ? "127.0.0.1" : addr,
	    colon == NULL || strcmp(colon, ":1935") == 0 ? "" : colon);
}

static bool
needs_quotes(const char *path)
{
	return strpbrk(path, " \t\"\\$`&;()<>|*?[]{}#~!") != NULL;
}

/*
 * fcsctl as it can be typed here: beside fcsd, or by its name. Below the
 * current folder it is looked for from there: the way from the root may be
 * closed to the user fcsd has become.
 */
static void
ctl_command(const struct config *c, char *out, size_t size)
{
	char exe[PATH_MAX] = "", cwd[PATH_MAX] = "", path[PATH_MAX + 16];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	const char *name = "fcsctl", *socket = config_admin_socket(c);
	char *slash;
	size_t here;

	exe[n > 0 ? n : 0] = '\0';
	slash = strrchr(exe, '/');
	if (slash != NULL)
		*slash = '\0';
	(void)snprintf(path, sizeof(path), "%s/fcsctl", exe);
	here = getcwd(cwd, sizeof(cwd)) != NULL ? strlen(cwd) : 0;
	if (here > 1 && strncmp(path, cwd, here) == 0 && path[here] == '/')
		(void)snprintf(path, sizeof(path), ".%s/fcsctl", exe + here);
	if (access(path, X_OK) == 0)
		name = path;
	(void)snprintf(out, size,
	    needs_quotes(name) || needs_quotes(socket) ? "'%s' -S '%s'"
						       : "%s -S %s",
	    name, socket);
}

static bool
has_app(const struct config *c, const char *app, const char *sub)
{
	char path[PATH_MAX];
	size_t i, n = config_count(c, CFG_APPS);
	struct stat st;

	for (i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s%s",
		    config_item(c, CFG_APPS, i), app, sub);
		if (stat(path, &st) == 0)
			return true;
	}
	return false;
}

void
devpage_print(const struct devpage *p, FILE *to)
{
	char url[128] = "", ctl[PATH_MAX + 128];

	fprintf(to,
	    "fcsd %s ready in %lld ms   (dev mode: data in %s, not for the "
	    "internet)\n",
	    FCS_VERSION, (long long)p->ready_ms,
	    config_text(p->config, CFG_STATE));
	if (p->rtmp != NULL)
		base_url(p->rtmp, url, sizeof(url));
	ctl_command(p->config, ctl, sizeof(ctl));
	if (p->http != NULL)
		fprintf(to, "  health    curl http://%s/healthz\n", p->http);
	if (p->rtmp != NULL && has_app(p->config, "live", ""))
		fprintf(to,
		    "  publish   ffmpeg -re -f lavfi -i testsrc2=s=320x240:r=25 "
		    "-f lavfi -i sine=440:r=44100 -c:v libx264 "
		    "-preset ultrafast -g 50 -pix_fmt yuv420p -c:a aac -t 20 "
		    "-f flv %s/live/test\n"
		    "  watch     ffplay %s/live/test\n",
		    url, url);
	if (p->rtmp != NULL && has_app(p->config, "vod", "/media/sample.flv"))
		fprintf(to,
		    "  play      ffplay %s/vod/sample\n"
		    "  fetch     rtmpdump -r %s/vod/sample -o sample.flv\n",
		    url, url);
	fprintf(to,
	    "  manage    %s status\n"
	    "            %s app list\n"
	    "  stop      Ctrl-C; remove %s to begin anew\n",
	    ctl, ctl, config_text(p->config, CFG_STATE));
	(void)fflush(to);
}
