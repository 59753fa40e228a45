/* SPDX-License-Identifier: BSD-2-Clause */
/* fcsd - the server. Wiring only: the command line, then a role. */
#include <stdio.h>
#include <string.h>

#include "gateway/gateway.h"
#include "supervisor/options.h"
#include "supervisor/supervisor.h"
#include "worker/worker.h"

/* A process the supervisor started; descriptors and arguments by role.h. */
static int
run_role(const struct options *o)
{
	if (strcmp(o->role, "gateway") == 0)
		return gateway_main();
	if (strcmp(o->role, "worker") == 0 && o->rest[0] != NULL)
		return worker_main(o->rest[0]);
	fprintf(stderr, "fcsd: no such role: %s\n", o->role);
	return OPTIONS_EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	struct options o;
	struct err e;
	int status = 0;

	if (options_parse(argc, argv, &o, &e) != FCS_OK) {
		fprintf(stderr, "fcsd: %s\n", e.text);
		options_usage(stderr);
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
