/* SPDX-License-Identifier: BSD-2-Clause */
/* setup - see setup.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/setup.h"

/* ---- the user ---- */

static void
set_user(struct setup_user *u, const struct passwd *pw)
{
	u->uid = pw->pw_uid;
	u->gid = pw->pw_gid;
	(void)snprintf(u->name, sizeof(u->name), "%s", pw->pw_name);
}

int
setup_find_user(const struct config *c, struct setup_user *u, struct err *why)
{
	const char *name = config_text(c, CFG_USER);
	bool given = config_value(c, CFG_USER)->layer != CONFIG_BY_DEFAULT;
	struct passwd *pw;
	struct stat st;

	memset(u, 0, sizeof(*u));
	if (geteuid() != 0)
		return FCS_OK;
	u->change = true;
	if (!given && config_is_dev(c) &&
	    stat(config_text(c, CFG_STATE), &st) == 0 && st.st_uid != 0 &&
	    (pw = getpwuid(st.st_uid)) != NULL) {
		set_user(u, pw);
		return FCS_OK;
	}
	pw = getpwnam(name);
	if (pw == NULL && given)
		return err_set(why, FCS_ENOENT,
		    "no user \"%.40s\": create it (useradd -r) or set `user`",
		    name);
	if (pw == NULL)
		pw = getpwnam("nobody");
	if (pw == NULL || pw->pw_uid == 0)
		return err_set(why, FCS_EINVAL,
		    "`user` must be an ordinary user: fcsd does not serve as "
		    "root");
	set_user(u, pw);
	return FCS_OK;
}

int
setup_become(const struct setup_user *u, struct err *why)
{
	if (!u->change)
		return FCS_OK;
	if (initgroups(u->name, u->gid) < 0 ||
	    setresgid(u->gid, u->gid, u->gid) < 0 ||
	    setresuid(u->uid, u->uid, u->uid) < 0)
		return err_sys(why, errno, "cannot become %s", u->name);
	if (setuid(0) == 0)
		return err_set(why, FCS_ESYS, "root was not given up");
	/* core files, and /proc of our own: as for any other program */
	(void)prctl(PR_SET_DUMPABLE, 1);
	return FCS_OK;
}

/* ---- folders ---- */

static void
give(const char *path, const struct setup_user *u)
{
	struct stat st;

	if (u->change && lstat(path, &st) == 0 && st.st_uid == 0)
		(void)!lchown(path, u->uid, u->gid);
}

/* mkdir -p. */
static int
make_path(const char *path, mode_t mode, struct err *why)
{
	char *copy = strdup(path), *p;
	int rc = FCS_OK;

	if (copy == NULL)
		return err_set(why, FCS_ENOMEM, "out of memory");
	for (p = copy + 1; rc == FCS_OK && p != NULL;) {
		p = strchr(p, '/');
		if (p != NULL)
			*p = '\0';
		if (mkdir(copy, p == NULL ? mode : 0755) < 0 && errno != EEXIST)
			rc = err_sys(why, errno, "cannot create %.80s", copy);
		if (p != NULL)
			*p++ = '/';
	}
	free(copy);
	return rc;
}

int
setup_state(
    const char *state, const struct setup_user *u, int *fd, struct err *why)
{
	char path[4096], pid[32] = "";
	int f, rc;
	ssize_t n;

	rc = make_path(state, 0750, why);
	if (rc != FCS_OK)
		return rc;
	give(state, u);
	(void)snprintf(path, sizeof(path), "%s/apps", state);
	rc = make_path(path, 0750, why);
	if (rc != FCS_OK)
		return rc;
	give(path, u);
	(void)snprintf(path, sizeof(path), "%s/fcsd.lock", state);
	f = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (f < 0)
		return err_sys(why, errno,
		    "%.60s: give its user the folder, or set `state`", path);
	if (flock(f, LOCK_EX | LOCK_NB) < 0) {
		n = pread(f, pid, sizeof(pid) - 1, 0);
		pid[n > 0 ? n : 0] = '\0';
		pid[strspn(pid, "0123456789")] = '\0';
		(void)close(f);
		return err_set(why, FCS_EBUSY,
		    "another fcsd (pid %s) uses %.50s: stop it, or give this "
		    "one its own folder (-o state=DIR)",
		    pid[0] == '\0' ? "?" : pid, state);
	}
	give(path, u);
	n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(f, 0) < 0 || pwrite(f, pid, (size_t)n, 0) != n) {
		(void)close(f);
		return err_sys(why, errno, "cannot write %.80s", path);
	}
	*fd = f;
	return FCS_OK;
}

static bool
answers(const struct sockaddr_un *sa)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = s >= 0 && connect(s, (const void *)sa, sizeof(*sa)) == 0;

	if (s >= 0)
		(void)close(s);
	return yes;
}

int
setup_socket(const char *path, const char *group, const struct setup_user *u,
    int *fd, struct err *why)
{
	struct sockaddr_un sa;
	struct group *gr;
	char dir[sizeof(sa.sun_path)], *slash;
	int s, rc;

	memset(&sa, 0, sizeof(sa));
	sa.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(why, FCS_ELIMIT,
		    "the path of the control socket is longer than %zu bytes: "
		    "set `admin.socket`",
		    sizeof(sa.sun_path) - 1);
	memcpy(sa.sun_path, path, strlen(path));
	memcpy(dir, sa.sun_path, sizeof(dir));
	slash = strrchr(dir, '/');
	if (slash != NULL && slash != dir) {
		*slash = '\0';
		rc = make_path(dir, 0755, why);
		if (rc != FCS_OK)
			return rc;
	}
	if (answers(&sa))
		return err_set(why, FCS_EBUSY,
		    "another fcsd answers on %.60s: stop it, or set "
		    "`admin.socket`",
		    path);
	(void)unlink(path);
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return err_sys(why, errno, "control socket");
	if (fchmod(s, 0660) < 0 ||
	    bind(s, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    chmod(path, 0660) < 0 || listen(s, 64) < 0) {
		rc = err_sys(why, errno, "control socket %.80s", path);
		(void)close(s);
		return rc;
	}
	give(path, u);
	gr = getgrnam(group);
	if (gr != NULL)
		(void)!chown(path, (uid_t)-1, gr->gr_gid);
	*fd = s;
	return FCS_OK;
}

int
setup_log(const char *path, const struct setup_user *u, struct err *why)
{
	int f;

	if (path[0] == '\0' || !u->change)
		return FCS_OK;
	f = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (f < 0)
		return err_sys(why, errno, "log.file %.80s", path);
	(void)close(f);
	give(path, u);
	return FCS_OK;
}

int
setup_check_apps(const struct config *c, struct err *why)
{
	size_t i, n = config_count(c, CFG_APPS), found = 0;
	const char *path;
	DIR *d;

	for (i = 0; i < n; i++) {
		path = config_item(c, CFG_APPS, i);
		d = opendir(path);
		if (d != NULL) {
			found++;
			(void)closedir(d);
		} else if (errno != ENOENT)
			return err_sys(why, errno,
			    "apps folder %.60s is not readable for this user",
			    path);
	}
	if (found == 0 && n > 0)
		log_warn("apps.missing", "dir=%s why=%s",
		    config_item(c, CFG_APPS, 0),
		    "no such folder, so no application: set `apps`");
	return FCS_OK;
}

/* ---- descriptors ---- */

void
setup_descriptors(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
}

int
setup_memfd(const struct config *c, int *fd, struct err *why)
{
	struct str s;
	int f, rc;

	str_init(&s);
	rc = config_serialise(c, &s);
	if (rc != FCS_OK) {
		str_fini(&s);
		return err_set(why, rc, "configuration: %s", err_text(rc));
	}
	f = memfd_create("fcs-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (f < 0 || write(f, str_text(&s), s.len) != (ssize_t)s.len ||
	    fcntl(f, F_ADD_SEALS,
		F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
		rc = err_sys(why, errno, "memfd");
		if (f >= 0)
			(void)close(f);
	} else {
		*fd = f;
	}
	str_fini(&s);
	return rc;
}

/* ---- telling others ---- */

void
setup_notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa;
	socklen_t len;
	size_t n;
	int s;

	if (path == NULL || (path[0] != '/' && path[0] != '@'))
		return;
	n = strlen(path);
	memset(&sa, 0, sizeof(sa));
	sa.sun_family = AF_UNIX;
	if (n >= sizeof(sa.sun_path))
		return;
	memcpy(sa.sun_path, path, n);
	if (path[0] == '@')
		sa.sun_path[0] = '\0'; /* abstract */
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return;
	(void)!sendto(s, text, strlen(text), MSG_NOSIGNAL, (void *)&sa, len);
	(void)close(s);
}

void
setup_ready_line(int fd, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	if (fd < 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)!write(fd, line, strlen(line));
}
