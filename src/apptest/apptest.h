/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * apptest - the role that checks and tests applications, for `fcsctl app`: no
 * server, no sockets, no root. Layer: apptest (8), because it stands on
 * worker/place. fcsd --role=apptest and one of:
 *
 *	test [--json] [-v] [-t SECONDS] APP|DIR [FILTER]
 *	check [--json] APP|DIR
 *	new NAME TEMPLATE
 */
#ifndef APPTEST_APPTEST_H
#define APPTEST_APPTEST_H

#include "base/config.h"

/* argv: NULL-terminated, from the verb on. c: where applications are looked
 * for. Exit status as at_run(). */
int apptest_main(const struct config *c, char **argv);

#endif
