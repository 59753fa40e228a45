/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection of fcsctl: one Unix socket, blocking, one request at a time.
 */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "ctl/ctl.h"

#define LINE_MAX_BYTES (64u << 20) /* of one answer line */

static const char *const usual_sockets[] = {
	"/run/fcs/fcsd.sock",
	"var/fcsd.sock", /* fcsd --dev from the build tree */
};

struct ctl_conn {
	int fd;
	struct buf in;
};

static const char *
pick_socket(const struct ctl_options *opt)
{
	const char *env = getenv("FCS_SOCKET");
	size_t i;

	if (opt->socket != NULL)
		return opt->socket;
	if (env != NULL && env[0] != '\0')
		return env;
	for (i = 0; i < sizeof(usual_sockets) / sizeof(usual_sockets[0]); i++) {
		if (access(usual_sockets[i], F_OK) == 0)
			return usual_sockets[i];
	}
	return usual_sockets[0];
}

/* Why, and the remedy: whom to ask for what. */
static void
cannot_connect(const char *path, int code, const struct err *why)
{
	const struct group *gr = NULL;
	struct stat st;

	fprintf(stderr, "fcsctl: %s\n", why->text);
	if (code == CONTROL_NOT_RUNNING) {
		fprintf(stderr, "try: fcsd --dev, or fcsctl -S SOCKET\n");
		return;
	}
	if (code == CONTROL_DENIED && stat(path, &st) == 0)
		gr = getgrgid(st.st_gid);
	if (gr != NULL)
		fprintf(stderr, "try: join the group %s, or sudo fcsctl\n",
		    gr->gr_name);
}

int
ctl_conn_open(const struct ctl_options *opt, struct ctl_conn **out)
{
	const char *path = pick_socket(opt);
	struct ctl_conn *c;
	struct err why;
	int fd, rc;

	rc = (int)control_connect(path, &fd, &why);
	if (rc != CONTROL_OK) {
		if (!opt->quiet)
			cannot_connect(path, rc, &why);
		return rc;
	}
	if ((c = calloc(1, sizeof(*c))) == NULL) {
		close(fd);
		return CONTROL_FAILED;
	}
	c->fd = fd;
	buf_init(&c->in, LINE_MAX_BYTES);
	*out = c;
	return CONTROL_OK;
}

void
ctl_conn_close(struct ctl_conn *c)
{
	if (c == NULL)
		return;
	close(c->fd);
	buf_fini(&c->in);
	free(c);
}

static int
send_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* 1 a line stands at the front (*len with its newline), 0 time is up, -1 the
 * server is gone. */
static int
read_line(struct ctl_conn *c, int64_t deadline_ms, size_t *len)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
	size_t seen = 0;
	int64_t left;
	uint8_t *room;
	ssize_t n;

	for (;;) {
		const uint8_t *p = buf_data(&c->in);
		const uint8_t *nl =
		    memchr(p + seen, '\n', buf_len(&c->in) - seen);

		if (nl != NULL) {
			*len = (size_t)(nl - p) + 1;
			return 1;
		}
		seen = buf_len(&c->in);
		left = deadline_ms < 0 ? -1 : deadline_ms - clock_ms();
		if (deadline_ms >= 0 && left <= 0)
			return 0;
		n = poll(&pfd, 1, (int)left);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n <= 0)
			continue;
		if ((room = buf_reserve(&c->in, 65536)) == NULL)
			return -1;
		n = recv(c->fd, room, 65536, 0);
		if (n == 0 || (n < 0 && errno != EINTR))
			return -1;
		if (n > 0)
			buf_commit(&c->in, (size_t)n);
	}
}

static int
failed(const json_t *error)
{
	const char *text = json_string_value(json_object_get(error, "text"));
	const char *hint = json_string_value(json_object_get(error, "hint"));
	const char *code = json_string_value(json_object_get(error, "code"));

	fprintf(stderr, "fcsctl: %s\n", text != NULL ? text : "failed");
	if (hint != NULL)
		fprintf(stderr, "try: %s\n", hint);
	return (int)control_code_parse(code != NULL ? code : "");
}

static void
warn_missing(const json_t *answer)
{
	const json_t *list = json_object_get(answer, "missing");
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	    fprintf(stderr, "fcsctl: incomplete: %s: %s\n",
		json_string_value(json_object_get(item, "app")),
		json_string_value(json_object_get(item, "why")));
}

/* One answer line: -1 go on, else the exit code. */
static int
take(const json_t *answer, int (*row)(void *arg, const json_t *row), void *arg)
{
	const json_t *item = json_object_get(answer, "item");
	const json_t *error = json_object_get(answer, "error");

	if (item != NULL)
		return row(arg, item) == 0 ? -1 : CONTROL_OK;
	if (error != NULL)
		return failed(error);
	if (!json_is_true(json_object_get(answer, "end")))
		return failed(NULL);
	warn_missing(answer);
	return CONTROL_OK;
}

int
ctl_conn_ask(struct ctl_conn *c, const json_t *request, int64_t timeout_ms,
    int (*row)(void *arg, const json_t *row), void *arg)
{
	int64_t deadline = timeout_ms < 0 ? -1 : clock_ms() + timeout_ms;
	char *text = json_dumps(request, JSON_COMPACT);
	json_t *answer;
	size_t len = 0;
	int rc;

	if (text == NULL)
		return CONTROL_FAILED;
	rc = send_all(c->fd, text, strlen(text));
	if (rc == 0)
		rc = send_all(c->fd, "\n", 1);
	free(text);
	while (rc == 0 && (rc = read_line(c, deadline, &len)) == 1) {
		answer = json_loadb(
		    (const char *)buf_data(&c->in), len, JSON_ALLOW_NUL, NULL);
		buf_consume(&c->in, len);
		rc = take(answer, row, arg);
		json_decref(answer);
		if (rc >= 0)
			return rc;
		rc = 0;
	}
	if (rc == 0) {
		fprintf(stderr, "fcsctl: no answer in time\n");
		return CONTROL_TIMEOUT;
	}
	fprintf(stderr, "fcsctl: the server closed the connection\n");
	return CONTROL_NOT_RUNNING;
}

int
ctl_ask(const struct ctl_options *opt, const json_t *request,
    int64_t timeout_ms, int (*row)(void *arg, const json_t *row), void *arg)
{
	struct ctl_conn *conn = NULL;
	int rc = ctl_conn_open(opt, &conn);

	if (rc == CONTROL_OK)
		rc = ctl_conn_ask(conn, request, timeout_ms, row, arg);
	ctl_conn_close(conn);
	return rc;
}
