/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * supervisor - see supervisor.h.
 *
 * The listeners are bound here and stay open here: a gateway that died is
 * replaced without a moment in which the port refuses.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/listener.h"
#include "net/timer.h"
#include "supervisor/desk.h"
#include "supervisor/devpage.h"
#include "supervisor/registry.h"
#include "supervisor/setup.h"
#include "supervisor/supervisor.h"

#define LISTENERS_MAX 30
#define EXIT_SYSTEM   71
#define EXIT_BUSY     75
#define EXIT_NOPERM   77

struct port {
	char *where; /* as configured */
	bool http;
	int fd;
};

enum phase {
	RUNNING,
	STOPPING_WORKERS,
	STOPPING_GATEWAY,
	KILLING
};

struct supervisor {
	const struct options *options;
	struct config *config;
	struct setup_user user;
	struct child_env env;
	struct loop *loop;
	struct child *gateway;
	struct registry *registry;
	struct desk *desk;
	struct port ports[LISTENERS_MAX];
	size_t port_count;
	int lock_fd, socket_fd, ready_fd;
	struct timer *grace;
	enum phase phase;
	bool announced; /* ready was said */
	int64_t start_ms;
};

static int
exit_code(int rc)
{
	switch (rc) {
	case FCS_EBUSY:
		return EXIT_BUSY;
	case FCS_EACCES:
		return EXIT_NOPERM;
	case FCS_ECONFIG:
	case FCS_EINVAL:
	case FCS_ENOENT:
	case FCS_ELIMIT:
		return OPTIONS_EXIT_CONFIG;
	default:
		return EXIT_SYSTEM;
	}
}

/* ---- ports ---- */

static int
bind_ports(const struct config *c, enum config_key key, bool http,
    const struct port *have, size_t have_count, struct port *out, size_t *count,
    struct err *why)
{
	size_t i, j, n = config_count(c, key);
	struct port *p;
	int rc;

	for (i = 0; i < n; i++) {
		if (*count == LISTENERS_MAX)
			return err_set(why, FCS_ELIMIT,
			    "more than %d listeners", LISTENERS_MAX);
		p = &out[*count];
		p->http = http;
		p->fd = -1;
		p->where = strdup(config_item(c, key, i));
		if (p->where == NULL)
			return err_set(why, FCS_ENOMEM, "out of memory");
		/* one that stays keeps its socket and its queue */
		for (j = 0; j < have_count && p->fd < 0; j++)
			if (have[j].http == http && have[j].fd >= 0 &&
			    strcmp(have[j].where, p->where) == 0)
				p->fd = dup(have[j].fd);
		rc = p->fd >= 0 ? FCS_OK : listener_bind(p->where, &p->fd, why);
		if (rc != FCS_OK) {
			free(p->where);
			err_prefix(
			    why, "%s", http ? "listen.http" : "listen.rtmp");
			return rc;
		}
		(*count)++;
	}
	return FCS_OK;
}

static void
close_ports(struct port *p, size_t *count)
{
	size_t i;

	for (i = 0; i < *count; i++) {
		if (p[i].fd >= 0)
			(void)close(p[i].fd);
		free(p[i].where);
	}
	*count = 0;
}

/* RTMP first: the order the gateway is told them in. */
static int
open_ports(struct supervisor *s, const struct config *c, struct err *why)
{
	struct port new[LISTENERS_MAX];
	size_t count = 0;
	int rc;

	rc = bind_ports(c, CFG_LISTEN_RTMP, false, s->ports, s->port_count, new,
	    &count, why);
	if (rc == FCS_OK)
		rc = bind_ports(c, CFG_LISTEN_HTTP, true, s->ports,
		    s->port_count, new, &count, why);
	if (rc != FCS_OK) {
		close_ports(new, &count);
		return rc;
	}
	close_ports(s->ports, &s->port_count);
	memcpy(s->ports, new, count * sizeof(new[0]));
	s->port_count = count;
	return FCS_OK;
}

static void
send_ports(struct supervisor *s)
{
	int fds[LISTENERS_MAX], rtmp = 0, http = 0, rc;
	size_t i;

	for (i = 0; i < s->port_count; i++) {
		fds[i] = dup(s->ports[i].fd);
		if (s->ports[i].http)
			http++;
		else
			rtmp++;
	}
	rc = child_send(s->gateway,
	    json_pack(
		"{s:s, s:i, s:i}", "op", "listen", "rtmp", rtmp, "http", http),
	    fds, s->port_count);
	if (rc == FCS_OK)
		return;
	log_error("supervisor.listen", "why=%s", err_text(rc));
	for (i = 0; i < s->port_count; i++)
		(void)close(fds[i]);
}

/* ---- ready ---- */

static void
announce(struct supervisor *s)
{
	char name[LISTENER_ADDR_MAX], rtmp[LISTENER_ADDR_MAX] = "";
	char http[LISTENER_ADDR_MAX] = "";
	struct devpage page = { .config = s->config };
	size_t i;

	s->announced = true;
	for (i = 0; i < s->port_count; i++) {
		(void)listener_name(s->ports[i].fd, name);
		log_info("supervisor.listen", "kind=%s addr=%s",
		    s->ports[i].http ? "http" : "rtmp", name);
		setup_ready_line(s->ready_fd, "%s %s\n",
		    s->ports[i].http ? "http" : "rtmp", name);
		if (s->ports[i].http && http[0] == '\0')
			memcpy(http, name, sizeof(http));
		if (!s->ports[i].http && rtmp[0] == '\0')
			memcpy(rtmp, name, sizeof(rtmp));
	}
	setup_ready_line(s->ready_fd, "ready\n");
	if (s->ready_fd >= 0)
		(void)close(s->ready_fd);
	s->ready_fd = -1;
	setup_notify("READY=1");
	page.rtmp = rtmp[0] == '\0' ? NULL : rtmp;
	page.http = http[0] == '\0' ? NULL : http;
	page.ready_ms = clock_ms() - s->start_ms;
	log_info("supervisor.ready", "version=%s state=%s ms=%lld", FCS_VERSION,
	    config_text(s->config, CFG_STATE), (long long)page.ready_ms);
	if (config_is_dev(s->config))
		devpage_print(&page, stdout);
	registry_start_all(s->registry);
}

/* ---- the gateway ---- */

static void
on_gateway_message(void *arg, const char *op, json_t *msg, int *fds, size_t n)
{
	struct supervisor *s = arg;

	(void)fds;
	(void)n;
	if (strcmp(op, "locate") == 0)
		registry_locate(s->registry, s->gateway, false, msg);
	else
		log_warn("supervisor.message", "op=%s why=%s", op, "unknown");
}

static void
on_gateway_ready(void *arg)
{
	struct supervisor *s = arg;

	if (!s->announced && s->phase == RUNNING)
		announce(s);
}

static void step_stop(struct supervisor *);

static void
on_gateway_down(void *arg, int64_t wait_ms)
{
	struct supervisor *s = arg;

	(void)wait_ms;
	registry_forget_asker(s->registry, s->gateway);
	step_stop(s);
}

static void
on_gateway_started(void *arg)
{
	send_ports(arg);
}

static const struct child_ops gateway_ops = { .message = on_gateway_message,
	.ready = on_gateway_ready,
	.started = on_gateway_started,
	.down = on_gateway_down };

/* ---- workers ---- */

static void
on_answer(void *arg, const char *worker, json_t *msg)
{
	struct supervisor *s = arg;

	desk_answer(s->desk, worker, msg);
}

static void
on_worker_gone(void *arg, const char *worker)
{
	struct supervisor *s = arg;

	desk_worker_gone(s->desk, worker);
	step_stop(s);
}

static const struct registry_ops registry_ops = { on_answer, on_worker_gone };

/* ---- status ---- */

static void
add_worker(void *arg, struct registry_worker *w)
{
	(void)json_array_append_new(arg, registry_worker_status(w));
}

static json_t *
on_status(void *arg)
{
	struct supervisor *s = arg;
	double up = (double)(clock_ms() - s->start_ms) / 1000;
	bool ready = s->announced && s->phase == RUNNING &&
		     child_state(s->gateway) == CHILD_READY;
	json_t *roles = json_array(), *workers = json_array(), *w;
	json_t *ports = json_array();
	char name[LISTENER_ADDR_MAX];
	json_int_t clients = 0;
	size_t i;

	registry_each(s->registry, add_worker, workers);
	(void)json_array_append_new(
	    roles, json_pack("{s:s, s:s, s:i, s:f}", "role", "supervisor",
		       "state", s->phase == RUNNING ? "running" : "stopping",
		       "pid", (int)getpid(), "uptime_s", up));
	(void)json_array_append_new(roles, child_status(s->gateway));
	(void)json_array_extend(roles, workers);
	json_array_foreach(workers, i, w) clients += link_int(w, "clients");
	for (i = 0; i < s->port_count; i++)
		(void)json_array_append_new(
		    ports, json_pack("{s:s, s:s}", "kind",
			       s->ports[i].http ? "http" : "rtmp", "addr",
			       listener_name(s->ports[i].fd, name)));
	return json_pack("{s:s, s:b, s:f, s:f, s:i, s:s, s:b, s:I, s:o, s:o, "
			 "s:o}",
	    "version", FCS_VERSION, "ready", (int)ready, "uptime", up,
	    "uptime_s", up, "pid", (int)getpid(), "state",
	    config_text(s->config, CFG_STATE), "dev",
	    (int)config_is_dev(s->config), "clients", clients, "listeners",
	    ports, "workers", workers, "roles", roles);
}

static const struct desk_ops desk_ops = { on_status };

/* ---- the end ---- */

static void
kill_all(struct supervisor *s)
{
	s->phase = KILLING;
	registry_kill(s->registry);
	child_kill(s->gateway);
	loop_stop(s->loop);
}

/* Workers first: the gateway may still carry their clients' bytes. */
static void
step_stop(struct supervisor *s)
{
	if (s->phase == STOPPING_WORKERS && registry_is_down(s->registry)) {
		s->phase = STOPPING_GATEWAY;
		child_stop(s->gateway);
	}
	if (s->phase == STOPPING_GATEWAY && !child_is_alive(s->gateway))
		loop_stop(s->loop);
}

static void
on_grace(void *arg)
{
	struct supervisor *s = arg;

	log_error("supervisor.stop", "why=%s",
	    "not all ended within limits.stop_time: killed");
	kill_all(s);
}

static void
on_term(void *arg, int signo)
{
	struct supervisor *s = arg;

	if (s->phase != RUNNING) {
		log_warn("supervisor.stop", "signal=%d why=%s", signo,
		    "second signal: at once");
		kill_all(s);
		return;
	}
	log_info("supervisor.stop", "signal=%d", signo);
	setup_notify("STOPPING=1");
	s->phase = STOPPING_WORKERS;
	close_ports(s->ports, &s->port_count);
	child_tell(s->gateway, json_pack("{s:s}", "op", "drain"));
	registry_stop(s->registry);
	timer_set(s->grace,
	    (uint32_t)limits_get(config_limits(s->config), LIMIT_STOP_TIME));
	step_stop(s);
}

static void
on_child(void *arg, int signo)
{
	struct supervisor *s = arg;

	(void)signo;
	registry_reap(s->registry);
	child_reap(s->gateway);
}

/* ---- reload ---- */

static void
set_log(const struct config *c)
{
	log_set_level((enum log_level)config_int(c, CFG_LOG_LEVEL));
	log_set_format((enum log_format)config_int(c, CFG_LOG_FORMAT));
	log_set_rate((unsigned)limits_get(config_limits(c), LIMIT_LOG_LINES));
}

static void
send_config(struct child *c, int fd)
{
	int copy = dup(fd);

	if (copy >= 0 && child_send(c, json_pack("{s:s}", "op", "config"),
			     &copy, 1) != FCS_OK)
		(void)close(copy);
}

static void
send_config_to(void *arg, struct registry_worker *w)
{
	struct supervisor *s = arg;

	send_config(registry_worker_child(w), s->env.config_fd);
}

static void
warn_unchanged(const struct config *old, const struct config *new)
{
	const struct config_row *row;
	int key;

	for (key = 0; key < CFG_LIMITS; key++) {
		row = config_row((enum config_key)key);
		if (row->reload == CONFIG_AT_START &&
		    row->type == CONFIG_TEXT &&
		    strcmp(config_text(old, (enum config_key)key),
			config_text(new, (enum config_key)key)) != 0)
			log_warn("supervisor.reload", "key=%s why=%s",
			    row->path, "needs a restart");
	}
}

static void
warn_unused(void *arg, const char *key, const struct config_value *v)
{
	char place[CONFIG_PLACE_MAX];

	(void)arg;
	log_warn("config.unused", "key=%s place=%s why=%s", key,
	    config_place(v, place), "it has no effect in this version");
}

static void
on_hup(void *arg, int signo)
{
	struct supervisor *s = arg;
	struct config *new = NULL, *old = s->config;
	struct err e;
	int fd = -1;

	(void)signo;
	if (s->phase != RUNNING)
		return;
	if (options_load(s->options, stderr, &new) != FCS_OK) {
		log_error("supervisor.reload", "why=%s",
		    "the configuration has errors: the old one stays");
		return;
	}
	if (open_ports(s, new, &e) != FCS_OK ||
	    setup_memfd(new, &fd, &e) != FCS_OK) {
		log_error("supervisor.reload", "why=%s", e.text);
		config_free(new);
		return;
	}
	warn_unchanged(old, new);
	s->config = new;
	s->env.config = new;
	(void)close(s->env.config_fd);
	s->env.config_fd = fd;
	set_log(new);
	config_unused(new, warn_unused, NULL);
	send_config(s->gateway, fd);
	send_ports(s);
	registry_each(s->registry, send_config_to, s);
	config_free(old);
	log_info("supervisor.reload", "why=%s", "done");
}

static void
reopen_worker(void *arg, struct registry_worker *w)
{
	(void)arg;
	child_tell(
	    registry_worker_child(w), json_pack("{s:s}", "op", "reopen"));
}

static void
on_usr1(void *arg, int signo)
{
	struct supervisor *s = arg;
	struct err e;

	(void)signo;
	if (log_reopen(&e) != FCS_OK)
		log_error("log.reopen", "why=%s", e.text);
	child_tell(s->gateway, json_pack("{s:s}", "op", "reopen"));
	registry_each(s->registry, reopen_worker, s);
}

/* ---- start ---- */

/* What needs the rights fcsd was started with; afterwards it has its own. */
static int
take_system(struct supervisor *s, struct err *why)
{
	const struct config *c = s->config;
	const char *log_file = config_text(c, CFG_LOG_FILE);
	int rc;

	setup_descriptors();
	(void)umask(0027); /* nothing of ours is for everybody */
	rc = setup_find_user(c, &s->user, why);
	if (rc == FCS_OK)
		rc = setup_state(
		    config_text(c, CFG_STATE), &s->user, &s->lock_fd, why);
	if (rc == FCS_OK)
		rc = open_ports(s, c, why);
	if (rc == FCS_OK)
		rc = setup_socket(config_admin_socket(c),
		    config_text(c, CFG_ADMIN_GROUP), &s->user, &s->socket_fd,
		    why);
	if (rc == FCS_OK)
		rc = setup_log(log_file, &s->user, why);
	if (rc == FCS_OK)
		rc = setup_become(&s->user, why);
	if (rc == FCS_OK)
		rc = setup_check_apps(c, why);
	if (rc == FCS_OK && log_file[0] != '\0')
		rc = log_open(log_file, why);
	if (rc == FCS_OK)
		rc = setup_memfd(c, &s->env.config_fd, why);
	return rc;
}

static int
make_parts(struct supervisor *s, struct err *why)
{
	s->loop = loop_new();
	if (s->loop == NULL)
		return err_set(why, FCS_ENOMEM, "out of memory");
	s->env.loop = s->loop;
	s->env.config = s->config;
	s->grace = timer_new(s->loop, on_grace, s);
	s->gateway = child_new(&s->env, "gateway", NULL, &gateway_ops, s);
	s->registry = registry_new(&s->env, &registry_ops, s);
	s->desk = desk_new(&s->env, s->socket_fd, &s->registry, &desk_ops, s);
	(void)signal(SIGPIPE, SIG_IGN);
	if (s->grace == NULL || s->gateway == NULL || s->registry == NULL ||
	    s->desk == NULL ||
	    loop_on_signal(s->loop, SIGTERM, on_term, s) != FCS_OK ||
	    loop_on_signal(s->loop, SIGINT, on_term, s) != FCS_OK ||
	    loop_on_signal(s->loop, SIGCHLD, on_child, s) != FCS_OK ||
	    loop_on_signal(s->loop, SIGHUP, on_hup, s) != FCS_OK ||
	    loop_on_signal(s->loop, SIGUSR1, on_usr1, s) != FCS_OK)
		return err_set(why, FCS_ENOMEM, "out of memory");
	return FCS_OK;
}

static void
give_back(struct supervisor *s)
{
	desk_free(s->desk);
	child_free(s->gateway);
	registry_free(s->registry);
	timer_free(s->grace);
	loop_free(s->loop);
	close_ports(s->ports, &s->port_count);
	if (s->socket_fd >= 0) {
		(void)unlink(config_admin_socket(s->config));
		(void)close(s->socket_fd);
	}
	if (s->env.config_fd >= 0)
		(void)close(s->env.config_fd);
	if (s->lock_fd >= 0)
		(void)close(s->lock_fd);
	config_free(s->config);
}

int
supervisor_run(const struct options *o)
{
	struct supervisor s;
	struct err e;
	int status = EXIT_SUCCESS, rc;

	memset(&s, 0, sizeof(s));
	s.options = o;
	s.lock_fd = s.socket_fd = s.env.config_fd = -1;
	s.ready_fd = o->ready_fd;
	if (s.ready_fd >= 0)
		(void)fcntl(s.ready_fd, F_SETFD, FD_CLOEXEC);
	s.start_ms = clock_ms();
	log_set_role("supervisor", NULL);
	if (options_load(o, stderr, &s.config) != FCS_OK)
		return OPTIONS_EXIT_CONFIG;
	set_log(s.config);
	config_unused(s.config, warn_unused, NULL);
	rc = take_system(&s, &e);
	if (rc == FCS_OK)
		rc = make_parts(&s, &e);
	if (rc == FCS_OK) {
		child_want(s.gateway);
		if (loop_run(s.loop) != FCS_OK)
			status = EXIT_SYSTEM;
		log_info("supervisor.end", "status=%d", status);
	} else {
		fprintf(stderr, "fcsd: %s\n", e.text);
		status = exit_code(rc);
	}
	give_back(&s);
	return status;
}
