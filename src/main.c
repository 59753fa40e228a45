/* SPDX-License-Identifier: BSD-2-Clause */
/* fcsd - the server. Wiring only: the command line, then a role. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apptest/apptest.h"
#include "gateway/gateway.h"
#include "supervisor/options.h"
#include "supervisor/supervisor.h"
#include "worker/worker.h"

/* Started by fcsctl, not by a supervisor. */
static int
run_apptest(const struct options *o)
{
	struct config *c;
	int status;

	if (options_load(o, stderr, &c) != FCS_OK)
		return OPTIONS_EXIT_CONFIG;
	status = apptest_main(c, o->rest);
	config_free(c);
	return status;
}

/* A process the supervisor started; descriptors and arguments by role.h. */
static int
run_role(const struct options *o)
{
	if (strcmp(o->role, "gateway") == 0)
		return gateway_main();
	if (strcmp(o->role, "worker") == 0 && o->rest[0] != NULL)
		return worker_main(o->rest[0]);
	if (strcmp(o->role, "apptest") == 0)
		return run_apptest(o);
	fprintf(stderr, "fcsd: no such role: %s\n", o->role);
	return OPTIONS_EXIT_USAGE;
}

/* What is opened later must never become 0, 1 or 2: log lines and messages of
 * libraries would be written into it. */
static int
hold_standard(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return EXIT_FAILURE;
	(void)close(fd);
	return EXIT_SUCCESS;
}

/* One that is not open would be given to the next thing opened. */
static bool
is_open(int fd)
{
	return fd < 0 || fcntl(fd, F_GETFD) >= 0;
}

int
main(int argc, char **argv)
{
	struct options o;
	struct err e;
	bool ready;
	int status = 0;

	if (options_parse(argc, argv, &o, &e) != FCS_OK) {
		fprintf(stderr, "fcsd: %s\n", e.text);
		options_usage(stderr);
		options_fini(&o);
		return OPTIONS_EXIT_USAGE;
	}
	ready = is_open(o.ready_fd);
	if (hold_standard() != EXIT_SUCCESS)
		return EXIT_FAILURE;
	if (!ready) {
		fprintf(stderr, "fcsd: --ready-fd: descriptor %d is not open\n",
		    o.ready_fd);
		options_fini(&o);
		return OPTIONS_EXIT_USAGE;
	}
	switch (o.action) {
	case OPTIONS_HELP:
		options_usage(stdout);
		break;
	case OPTIONS_VERSION:
		printf("fcsd %s\n", FCS_VERSION);
		break;
	case OPTIONS_TEST:
		status = options_test(&o);
		break;
	case OPTIONS_RUN:
		status = o.role != NULL ? run_role(&o) : supervisor_run(&o);
		break;
	}
	options_fini(&o);
	return status;
}
