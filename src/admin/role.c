/* SPDX-License-Identifier: BSD-2-Clause */
/* role - see role.h. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/role.h"
#include "base/log.h"

#define LAST_WORDS_MS 1000
#define EXIT_CONFIG   78

struct role {
	struct loop *loop;
	struct link *link;
	struct config *config;
	const struct role_ops *ops;
	void *arg;
	bool stopping;
	bool exiting;
	int status;
};

/* The configuration in a memfd; closes fd. */
static int
read_config(int fd, struct config **out, struct err *why)
{
	struct stat st;
	void *p;
	int rc;

	if (fstat(fd, &st) < 0 || st.st_size <= 0) {
		(void)close(fd);
		return err_set(why, FCS_EFORMAT, "no configuration");
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	(void)close(fd);
	if (p == MAP_FAILED)
		return err_set(why, FCS_ENOMEM, "cannot map configuration");
	rc = config_parse_serialised(p, (size_t)st.st_size, out, why);
	(void)munmap(p, (size_t)st.st_size);
	return rc;
}

static void
set_log(const struct config *c, bool open)
{
	const char *file = config_text(c, CFG_LOG_FILE);
	struct err e;

	log_set_level((enum log_level)config_int(c, CFG_LOG_LEVEL));
	log_set_format((enum log_format)config_int(c, CFG_LOG_FORMAT));
	log_set_rate((unsigned)limits_get(config_limits(c), LIMIT_LOG_LINES));
	if (open && file[0] != '\0' && log_open(file, &e) != FCS_OK)
		log_error("log.open", "why=%s", e.text);
}

static void
begin_stop(struct role *r)
{
	if (r->stopping)
		return;
	r->stopping = true;
	r->ops->stop(r->arg);
}

static void
reload(struct role *r, int *fd)
{
	struct config *old = r->config, *new = NULL;
	struct err e;
	int rc, taken = *fd;

	*fd = -1;
	rc = read_config(taken, &new, &e);
	if (rc != FCS_OK) {
		log_error("role.reload", "why=%s", e.text);
		return;
	}
	r->config = new;
	set_log(new, strcmp(config_text(old, CFG_LOG_FILE),
			 config_text(new, CFG_LOG_FILE)) != 0);
	if (r->ops->reloaded != NULL)
		r->ops->reloaded(r->arg, old);
	config_free(old);
}

static void
on_message(void *arg, const char *op, json_t *msg, int *fds, size_t n)
{
	struct role *r = arg;
	struct err e;
	json_t *stat;

	if (strcmp(op, "ping") == 0) {
		stat = r->ops->stat == NULL ? NULL : r->ops->stat(r->arg);
		role_send(r, json_pack("{s:s, s:I, s:o*}", "op", "pong", "n",
				 (json_int_t)link_int(msg, "n"), "stat", stat));
	} else if (strcmp(op, "stop") == 0) {
		begin_stop(r);
	} else if (strcmp(op, "config") == 0 && n == 1) {
		reload(r, &fds[0]);
	} else if (strcmp(op, "reopen") == 0) {
		if (log_reopen(&e) != FCS_OK)
			log_error("log.reopen", "why=%s", e.text);
	} else {
		r->ops->message(r->arg, op, msg, fds, n);
	}
}

static void
on_closed(void *arg)
{
	struct role *r = arg;

	/* the supervisor is gone: so must we */
	link_free(r->link);
	r->link = NULL;
	log_warn("role.orphan", "why=%s", "the supervisor is gone");
	begin_stop(r);
}

static void
on_term(void *arg, int signo)
{
	(void)signo;
	begin_stop(arg);
}

static const struct link_ops link_ops = { on_message, on_closed };

struct role *
role_new(const char *name, const char *app)
{
	struct role *r = calloc(1, sizeof(*r));
	struct err e = { .code = FCS_ENOMEM, .text = "out of memory" };
	char comm[16];

	log_set_role(name, app);
	(void)snprintf(comm, sizeof(comm), "fcsd-%s", name);
	(void)prctl(PR_SET_NAME, comm);
	if (r == NULL)
		goto fail;
	(void)signal(SIGPIPE, SIG_IGN);
	/* the terminal's interrupt is for the supervisor, which tells us */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	if (read_config(ROLE_CONFIG_FD, &r->config, &e) != FCS_OK)
		goto fail;
	set_log(r->config, true);
	r->loop = loop_new();
	if (r->loop == NULL)
		goto fail;
	r->link = link_new(r->loop, ROLE_LINK_FD, &link_ops, r);
	if (r->link == NULL ||
	    loop_on_signal(r->loop, SIGTERM, on_term, r) != FCS_OK)
		goto fail;
	return r;
fail:
	log_error("role.start", "why=%s", e.text);
	role_free(r);
	return NULL;
}

void
role_set_ops(struct role *r, const struct role_ops *ops, void *arg)
{
	r->ops = ops;
	r->arg = arg;
}

void
role_free(struct role *r)
{
	if (r == NULL)
		return;
	link_free(r->link);
	loop_free(r->loop);
	config_free(r->config);
	free(r);
}

struct loop *
role_loop(struct role *r)
{
	return r->loop;
}

const struct config *
role_config(const struct role *r)
{
	return r->config;
}

const struct limits *
role_limits(const struct role *r)
{
	return config_limits(r->config);
}

void
role_send(struct role *r, json_t *msg)
{
	int rc = link_send(r->link, msg, NULL, 0);

	if (rc != FCS_OK && rc != FCS_ECLOSED)
		log_error("role.send", "why=%s", err_text(rc));
}

void
role_fail(struct role *r, const char *why, const char *hint)
{
	log_error("role.failed", "why=%s hint=%s", why, hint);
	role_send(r, json_pack("{s:s, s:s, s:s}", "op", "failed", "why", why,
			 "hint", hint == NULL ? "" : hint));
	role_exit(r, EXIT_CONFIG);
}

void
role_exit(struct role *r, int status)
{
	if (!r->exiting)
		r->status = status;
	r->exiting = true;
	loop_stop(r->loop);
}

bool
role_is_stopping(const struct role *r)
{
	return r->stopping;
}

int
role_run(struct role *r)
{
	if (!r->exiting && loop_run(r->loop) != FCS_OK) {
		log_error("role.loop", "why=%s", "the poll failed");
		r->status = EXIT_FAILURE;
	}
	if (r->link != NULL && link_drain(r->link, LAST_WORDS_MS) != FCS_OK)
		log_debug("role.end", "why=%s", "last words not sent");
	return r->status;
}
