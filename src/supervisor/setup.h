/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * setup - what a starting server takes from the system: its folders and their
 * lock, the admin socket, descriptors, another user. Layer: supervisor (7).
 * DESIGN 7, 10. Every function says what is wrong with the remedy in *why.
 */
#ifndef SUPERVISOR_SETUP_H
#define SUPERVISOR_SETUP_H

#include <sys/types.h>

#include "base/config.h"

struct setup_user {
	bool change; /* started as root */
	uid_t uid;
	gid_t gid;
	char name[64];
};

/* Who to be: `user`, fcs, nobody; in --dev the owner of an existing state
 * folder first. Nothing is changed yet. */
int setup_find_user(
    const struct config *, struct setup_user *, struct err *why) FCS_MUSTUSE;
/* Give up root for good. No-op when not started as root. */
int setup_become(const struct setup_user *, struct err *why) FCS_MUSTUSE;
/*
 * Create <state> and <state>/apps, take the lock <state>/fcsd.lock (kept until
 * *fd is closed). FCS_EBUSY another fcsd has it.
 */
int setup_state(const char *state, const struct setup_user *, int *fd,
    struct err *why) FCS_MUSTUSE;
/* The control socket, listening, 0660, of that group when it exists. A stale
 * one is replaced; FCS_EBUSY somebody answers on it. */
int setup_socket(const char *path, const char *group, const struct setup_user *,
    int *fd, struct err *why) FCS_MUSTUSE;
/* The log file must be writable after setup_become. */
int setup_log(
    const char *path, const struct setup_user *, struct err *why) FCS_MUSTUSE;
/* Applications must be readable for that user. */
int setup_check_apps(const struct config *, struct err *why) FCS_MUSTUSE;
/* As many descriptors as the hard limit allows. */
void setup_descriptors(void);
/* The configuration as a sealed memfd for children. */
int setup_memfd(const struct config *, int *fd, struct err *why) FCS_MUSTUSE;
/* Tell systemd, if it asked (NOTIFY_SOCKET): "READY=1". */
void setup_notify(const char *text);
/* A line to the ready descriptor; errors are of no interest. */
void setup_ready_line(int fd, const char *fmt, ...) FCS_PRINTF(2, 3);

#endif
