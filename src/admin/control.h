/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control - the control protocol: what fcsctl and the server say to each other
 * over the Unix socket, one JSON object a line, both ways. Layer: admin (6);
 * the one file of it that fcsctl links. ecosystem.md 4.2.
 *
 *	> {"v":1,"id":1,"do":"inst list","args":{"app":"vod"}}
 *	< {"id":1,"item":{"name":"vod/_definst_","state":"running","clients":2}}
 *	< {"id":1,"end":true}
 *
 * A request: v (1), id (a number, repeated in every answer line), do (a
 * command), args (an object, may be missing), watch (true: items go on until
 * {"id":1,"cancel":true} or the connection ends). Several may be on their way
 * on one connection.
 * Answers to a request: any number of `item` lines, then exactly one last
 * line, either `end` or `error`:
 *
 *	< {"id":1,"end":true,"missing":[{"app":"live","why":"no answer in 10s"}]}
 *	< {"id":1,"error":{"code":"not_found","text":"no application \"x\"",
 *	   "hint":"fcsctl app list"}}
 *
 * `missing` names the workers that did not take part: such an answer is
 * incomplete. Numbers are raw, times are ISO UTC or *_ms. A line that is no
 * request, or longer than limits.admin_request, gets an error and the
 * connection is closed. Fields a reader does not know are ignored.
 */
#ifndef ADMIN_CONTROL_H
#define ADMIN_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define CONTROL_VERSION  1
#define CONTROL_NAME_MAX 64

/* The code of an error; its number is the exit status of fcsctl. */
enum control_code {
	CONTROL_OK = 0,
	CONTROL_FAILED = 1,
	CONTROL_USAGE = 2,
	CONTROL_NOT_RUNNING = 3,
	CONTROL_NOT_FOUND = 4,
	CONTROL_DENIED = 5,
	CONTROL_BUSY = 6,
	CONTROL_TIMEOUT = 7,
	CONTROL_DAMAGED = 8
};
const char *control_code_text(enum control_code); /* "not_found" */
/* CONTROL_FAILED for a text it does not know. */
enum control_code control_code_parse(const char *text);
/* The nearest code of an FCS_E*. */
enum control_code control_code_of(int fcs_error);

struct control_request {
	int64_t id;
	char name[CONTROL_NAME_MAX]; /* "inst list" */
	json_t *args;                /* owned, an object, never NULL */
	bool watch;
	bool cancel; /* of the request with that id; name is empty */
};

/*
 * Parse one line (without newline). FCS_OK (end with control_request_fini);
 * FCS_EFORMAT, FCS_EUNSUPPORTED other version, FCS_EDEPTH; *why says what.
 * out->id is set even then when there was one.
 */
int control_request_parse(const char *line, size_t len,
    struct control_request *out, struct err *why) FCS_MUSTUSE;
void control_request_fini(struct control_request *);

/* Lines as owned text with the newline (free()); NULL: no memory. value and
 * missing are borrowed; hint may be NULL, missing may be NULL. */
char *control_item(int64_t id, json_t *value);
char *control_end(int64_t id, json_t *missing);
char *control_error(
    int64_t id, enum control_code, const char *text, const char *hint);

/*
 * A connection from the client side, blocking. path: the socket. Returns
 * CONTROL_OK with *fd, CONTROL_NOT_RUNNING or CONTROL_DENIED with *why (text
 * with the remedy).
 */
enum control_code control_connect(const char *path, int *fd, struct err *why);

#endif
