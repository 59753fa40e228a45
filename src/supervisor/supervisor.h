/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * supervisor - the first process of the server: takes ports, folders and the
 * control socket, gives up root, starts gateway and workers and keeps them
 * running. Layer: supervisor (7). DESIGN 1, 7.
 *
 * Signals: TERM, INT end gracefully (a second one at once), HUP reload, USR1
 * open log files again. Exit: 0; 78 configuration; 75 a port, folder or socket
 * is in use; 77 not permitted; 71 other trouble of the system.
 * After root was given up a reload cannot bind ports below 1024 any more
 * (give fcsd CAP_NET_BIND_SERVICE for that, as its systemd unit does).
 */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "supervisor/options.h"

int supervisor_run(const struct options *);

#endif
