/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host - a real application and instance with the real script engine, and
 * clients that only remember what they were sent. One application per case.
 */
#ifndef TESTS_UNIT_SCRIPT_HOST_H
#define TESTS_UNIT_SCRIPT_HOST_H

#include "core/instance.h"
#include "script/engine.h"

struct host_client {
	bool used;
	struct client *client;
	int accepted, rejected, closed;
	char code[64], description[200], application[200];
	char sent[4096]; /* names of commands and values as JSON, a line each */
	char result[8192]; /* of the last _result or _error: value as JSON */
	bool failed;       /* it was an _error */
	bool answered;
	double call_txn; /* of the last call of the server */
	/* traffic: what was asked of the connection, how it behaves */
	int pings, measures;
	int measure_result; /* of a bandwidth test that is asked for */
	uint64_t rates[2];
	const char *streams; /* "+a -b": publishes a, plays b */
	char refused[200];   /* "stream why" */
};

/* Settings "key=value", NULL-terminated; may be NULL. main_rb is the text of
 * main.rb. More files: host_file() before host_open(). */
void host_open(const char *main_rb, const char *const *settings);
void host_open_file(const char *path, const char *const *settings);
void host_file(const char *name, const char *text);
const char *host_path(const char *name); /* of a file; until the next call */
struct instance *host_instance(const char *name);
struct loop *host_loop(void);
struct application *host_app(void);

/* Connect with arguments given as a Ruby-like JSON text ("[]" none). */
struct host_client *host_connect(const char *id, const char *json_args);
struct host_client *host_connect_to(
    struct instance *, const char *id, const char *json_args);
/* Call with JSON arguments and turn the loop until it is answered. Returns the
 * result (or the error's description) as JSON text. */
const char *host_call(
    struct host_client *, const char *name, const char *json_args);
/* As host_call without waiting. */
void host_send(struct host_client *, const char *name, const char *json_args);
/* The client answers the server's last call. */
void host_answer(struct host_client *, bool ok, const char *json);
/* The clients that connect from now on understand ReconnectRequest. */
void host_reconnects(bool);
void host_leave(struct host_client *);
void host_forget(struct host_client *); /* its place is used again */
/* Turn the loop until *flag, at most 5 s. */
void host_until(const bool *flag);
void host_turns(int n);         /* n turns that do not wait */
void host_wait_ms(uint32_t ms); /* real time, for timers */

/* Lines the program logged, in one text; cleared by the call after. */
const char *host_log(void);

struct value *host_value(struct arena *, const char *json);

#endif
