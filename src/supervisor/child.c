/* SPDX-License-Identifier: BSD-2-Clause */
/* child - see child.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/role.h"
#include "base/log.h"
#include "net/channel.h"
#include "net/timer.h"
#include "supervisor/child.h"

#define BEATS 5 /* pings within one heartbeat time */

struct child {
	const struct child_env *env;
	const char *role;
	char *name;
	const struct child_ops *ops;
	void *arg;
	enum child_state state;
	pid_t pid;
	struct link *link;
	struct timer *beat, *again;
	uint64_t started_ms, ready_ms, pong_ms, beat_ms, again_ms;
	int64_t ping;
	bool wanted;
	bool killed;    /* by us, for not answering */
	unsigned fails; /* deaths in a row before it was healthy */
	uint64_t restarts;
	char why[ERR_TEXT_MAX], hint[ERR_TEXT_MAX];
	json_t *stat;
};

static void start(struct child *);

static uint64_t
now(const struct child *c)
{
	return loop_now_ms(c->env->loop);
}

static int64_t
limit(const struct child *c, enum limits_id id)
{
	return limits_get(config_limits(c->env->config), id);
}

/* ---- the link ---- */

static void
on_message(void *arg, const char *op, json_t *msg, int *fds, size_t n)
{
	struct child *c = arg;

	if (strcmp(op, "pong") == 0) {
		c->pong_ms = now(c);
		json_decref(c->stat);
		c->stat = json_incref(json_object_get(msg, "stat"));
	} else if (strcmp(op, "ready") == 0) {
		if (c->state != CHILD_STARTING)
			return;
		c->state = CHILD_READY;
		c->ready_ms = c->pong_ms = now(c);
		log_info("child.ready", "child=%s app=%s pid=%d", c->role,
		    c->name, (int)c->pid);
		c->ops->ready(c->arg);
	} else if (strcmp(op, "failed") == 0) {
		(void)snprintf(
		    c->why, sizeof(c->why), "%s", link_text(msg, "why"));
		(void)snprintf(
		    c->hint, sizeof(c->hint), "%s", link_text(msg, "hint"));
	} else {
		c->ops->message(c->arg, op, msg, fds, n);
	}
}

static void
on_closed(void *arg)
{
	struct child *c = arg;

	/* it ended, or will; SIGCHLD tells the rest */
	link_free(c->link);
	c->link = NULL;
}

static const struct link_ops link_ops = { on_message, on_closed };

/* ---- life ---- */

/* In the child: never returns. Only what is safe after a fork. */
static void
become_role(const struct child *c, int link_fd, pid_t parent)
{
	char role[32];
	char *argv[4] = { (char *)(uintptr_t) "fcsd", role, c->name, NULL };
	int a, b;

	(void)snprintf(role, sizeof(role), "--role=%s", c->role);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	/* out of the way of the numbers they shall have */
	a = fcntl(link_fd, F_DUPFD, 10);
	b = fcntl(c->env->config_fd, F_DUPFD, 10);
	if (a < 0 || b < 0 || dup2(a, ROLE_LINK_FD) < 0 ||
	    dup2(b, ROLE_CONFIG_FD) < 0)
		_exit(1);
	(void)close_range(ROLE_CONFIG_FD + 1, ~0U, 0);
	(void)execv("/proc/self/exe", argv);
	_exit(127);
}

static void
retry_later(struct child *c)
{
	int64_t most = limit(c, LIMIT_RESTART_BACKOFF), wait = 0;

	if (c->fails > 0) {
		wait = c->fails > 16 ? most : 1000LL << (c->fails - 1);
		if (wait > most)
			wait = most;
	}
	c->state = CHILD_WAITING;
	c->again_ms = now(c) + (uint64_t)wait;
	timer_set(c->again, (uint32_t)wait);
}

static void
start(struct child *c)
{
	pid_t parent = getpid();
	int sv[2];

	if (channel_pair(CHANNEL_STREAM, sv) != FCS_OK) {
		log_error("child.start", "child=%s app=%s why=%s", c->role,
		    c->name, strerror(errno));
		c->fails++;
		retry_later(c);
		return;
	}
	c->pid = fork();
	if (c->pid == 0)
		become_role(c, sv[1], parent);
	(void)close(sv[1]);
	if (c->pid < 0) {
		log_error("child.start", "child=%s app=%s why=%s", c->role,
		    c->name, strerror(errno));
		(void)close(sv[0]);
		c->fails++;
		retry_later(c);
		return;
	}
	c->link = link_new(c->env->loop, sv[0], &link_ops, c);
	c->state = CHILD_STARTING;
	c->started_ms = c->beat_ms = now(c);
	c->killed = false;
	c->why[0] = c->hint[0] = '\0';
	timer_set(c->beat, (uint32_t)(limit(c, LIMIT_HEARTBEAT_TIME) / BEATS));
	log_debug("child.start", "child=%s app=%s pid=%d", c->role, c->name,
	    (int)c->pid);
	if (c->ops->started != NULL)
		c->ops->started(c->arg);
}

static void
on_again(void *arg)
{
	struct child *c = arg;

	if (!c->wanted || c->state != CHILD_WAITING)
		return;
	c->restarts++;
	start(c);
}

static void
on_beat(void *arg)
{
	struct child *c = arg;
	int64_t most = limit(c, LIMIT_HEARTBEAT_TIME);
	uint64_t t = now(c), late = t - c->beat_ms;

	c->beat_ms = t;
	timer_set(c->beat, (uint32_t)(most / BEATS));
	if (late > (uint64_t)most / 2) {
		/* we were stopped ourselves: it had no chance to be heard */
		c->pong_ms = t;
		c->started_ms += late;
	}
	if (c->state == CHILD_READY && t - c->pong_ms > (uint64_t)most) {
		log_error("child.silent", "child=%s app=%s pid=%d why=%s",
		    c->role, c->name, (int)c->pid,
		    "no heartbeat within limits.heartbeat_time: killed");
		c->killed = true;
		child_kill(c);
		return;
	}
	if (c->state == CHILD_STARTING && t - c->started_ms > CHILD_START_MS) {
		log_error("child.silent", "child=%s app=%s pid=%d why=%s",
		    c->role, c->name, (int)c->pid, "not ready in time: killed");
		c->killed = true;
		child_kill(c);
		return;
	}
	child_tell(c,
	    json_pack("{s:s, s:I}", "op", "ping", "n", (json_int_t)++c->ping));
}

static void
died(struct child *c, int status)
{
	bool healthy =
	    c->ready_ms != 0 && now(c) - c->ready_ms >= CHILD_HEALTHY_MS;
	bool expected = c->state == CHILD_STOPPING || !c->wanted;
	/* it was told to stop, and is needed after all */
	bool again = c->state == CHILD_STOPPING && c->wanted;

	link_free(c->link);
	c->link = NULL;
	timer_stop(c->beat);
	json_decref(c->stat);
	c->stat = NULL;
	c->ready_ms = 0;
	c->fails = healthy ? 0 : c->fails + 1;
	if (WIFSIGNALED(status) && c->why[0] == '\0')
		(void)snprintf(c->why, sizeof(c->why), "%s",
		    c->killed ? "no heartbeat" : strsignal(WTERMSIG(status)));
	if (expected)
		log_info("child.ended", "child=%s app=%s pid=%d status=%d",
		    c->role, c->name, (int)c->pid,
		    WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	c->pid = 0;
	c->state = CHILD_DOWN;
	if (!expected) {
		retry_later(c);
		log_error("child.died",
		    "child=%s app=%s signal=%d status=%d wait_ms=%lld why=%s",
		    c->role, c->name,
		    WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		    WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		    (long long)child_wait_ms(c), c->why);
	}
	if (again) {
		c->fails = 0;
		retry_later(c);
	}
	c->ops->down(c->arg, expected && !again ? -1 : child_wait_ms(c));
}

void
child_reap(struct child *c)
{
	int status;
	pid_t r;

	if (c->pid <= 0)
		return;
	do
		r = waitpid(c->pid, &status, WNOHANG);
	while (r < 0 && errno == EINTR);
	if (r != c->pid)
		return;
	died(c, status);
}

struct child *
child_new(const struct child_env *env, const char *role, const char *name,
    const struct child_ops *ops, void *arg)
{
	struct child *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->env = env;
	c->role = role;
	c->ops = ops;
	c->arg = arg;
	c->name = name == NULL ? NULL : strdup(name);
	c->beat = timer_new(env->loop, on_beat, c);
	c->again = timer_new(env->loop, on_again, c);
	if (c->beat == NULL || c->again == NULL ||
	    (name != NULL && c->name == NULL)) {
		child_free(c);
		return NULL;
	}
	return c;
}

void
child_free(struct child *c)
{
	if (c == NULL)
		return;
	if (c->pid > 0) {
		(void)kill(c->pid, SIGKILL);
		(void)waitpid(c->pid, NULL, 0);
	}
	link_free(c->link);
	timer_free(c->beat);
	timer_free(c->again);
	json_decref(c->stat);
	free(c->name);
	free(c);
}

void
child_want(struct child *c)
{
	c->wanted = true;
	if (c->state == CHILD_DOWN && c->pid == 0)
		start(c);
}

void
child_stop(struct child *c)
{
	c->wanted = false;
	timer_stop(c->again);
	if (c->pid == 0) {
		c->state = CHILD_DOWN;
		return;
	}
	if (c->state == CHILD_STOPPING)
		return;
	c->state = CHILD_STOPPING;
	child_tell(c, json_pack("{s:s}", "op", "stop"));
}

void
child_kill(struct child *c)
{
	if (c->pid > 0)
		(void)kill(c->pid, SIGKILL);
}

int
child_send(struct child *c, json_t *msg, const int *fds, size_t n)
{
	return link_send(c->link, msg, fds, n);
}

void
child_tell(struct child *c, json_t *msg)
{
	int rc = link_send(c->link, msg, NULL, 0);

	if (rc != FCS_OK && rc != FCS_ECLOSED)
		log_error("child.tell", "child=%s app=%s why=%s", c->role,
		    c->name, err_text(rc));
}

enum child_state
child_state(const struct child *c)
{
	return c->state;
}

const char *
child_state_text(const struct child *c)
{
	static const char *const text[] = { "stopped", "waiting", "starting",
		"running", "stopping" };

	return text[c->state];
}

bool
child_is_alive(const struct child *c)
{
	return c->pid > 0;
}

json_t *
child_status(const struct child *c)
{
	uint64_t up = c->pid > 0 ? now(c) - c->started_ms : 0;
	json_t *j = json_pack("{s:s, s:s, s:i, s:f, s:I, s:I}", "role", c->role,
	    "state", child_state_text(c), "pid", (int)c->pid, "uptime_s",
	    (double)up / 1000, "uptime_ms", (json_int_t)up, "restarts",
	    (json_int_t)c->restarts);

	if (j == NULL)
		return NULL;
	if (c->name != NULL)
		(void)json_object_set_new(j, "app", json_string(c->name));
	if (c->why[0] != '\0')
		(void)json_object_set_new(j, "why", json_string(c->why));
	if (c->hint[0] != '\0')
		(void)json_object_set_new(j, "hint", json_string(c->hint));
	if (c->stat != NULL)
		(void)json_object_set(j, "stat", c->stat);
	return j;
}

json_t *
child_stat(const struct child *c)
{
	return c->stat;
}

const char *
child_why(const struct child *c)
{
	return c->why;
}

int64_t
child_wait_ms(const struct child *c)
{
	uint64_t t = now(c);

	return c->state == CHILD_WAITING && c->again_ms > t
		   ? (int64_t)(c->again_ms - t)
		   : 0;
}
