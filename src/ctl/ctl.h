/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl - what the parts of fcsctl share: the table of commands, the options of
 * one call, and the connection to the server. Not part of the daemon: links
 * base and the wire form of admin.h only. ecosystem.md 4.2.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "admin/control.h" /* exit codes, protocol version */

struct ctl_options {
	const char *socket; /* NULL: default */
	bool json, quiet, no_header, is_tty;
	bool names_only;   /* -o name */
	bool force;        /* --force: without asking the application */
	bool full;         /* --full: all clients are disconnected */
	const char *line;  /* -e: for the console; NULL: read them */
	uint32_t watch_ms; /* --watch, 0 = once */
	int64_t timeout_ms;
	bool timeout_given;   /* -t */
	bool verbose;         /* -v: with the log of each test */
	const char *template; /* --template; NULL: empty */
};

enum ctl_format {
	CTL_TEXT,
	CTL_COUNT,   /* 12345 */
	CTL_BYTES,   /* 1.2M */
	CTL_RATE,    /* bit/s: 2.5M */
	CTL_SECONDS, /* 3m 20s */
	CTL_AGE,     /* ms since 1970 -> how long ago */
	CTL_JSON     /* any value */
};

struct ctl_column {
	const char *title;
	const char *key; /* of the row object */
	enum ctl_format format;
};

struct ctl_call; /* one parsed command line */

/* A command. Arguments by position: `args` names them by space, "where" is
 * APP[/INST] and becomes app, a trailing ? is optional. */
struct ctl_command {
	const char *name; /* "so get"; also the verb asked of the server */
	const char *args; /* "where name slot?" */
	const char *help;
	const struct ctl_column *columns; /* rows as a table; or: */
	int (*run)(const struct ctl_command *, const struct ctl_options *,
	    json_t *request);
	const char *name_key; /* what -o name prints */
};

extern const struct ctl_command ctl_commands[]; /* NULL name ends it */

/* --- ctl_conn.c --- */
struct ctl_conn;
/* CONTROL_OK, CONTROL_NOT_RUNNING, CONTROL_DENIED; says why on stderr. */
int ctl_conn_open(const struct ctl_options *, struct ctl_conn **out);
void ctl_conn_close(struct ctl_conn *);
/*
 * Send the request and read its answers: row() for each item; other than 0
 * from it stops the reading. Returns an exit code; what the server says of a
 * failure goes to stderr with its hint. timeout_ms < 0: wait for ever.
 */
int ctl_conn_ask(struct ctl_conn *, const json_t *request, int64_t timeout_ms,
    int (*row)(void *arg, const json_t *row), void *arg);
/* Open, ask, close. */
int ctl_ask(const struct ctl_options *, const json_t *request,
    int64_t timeout_ms, int (*row)(void *arg, const json_t *row), void *arg);

/* --- ctl_table.c --- */
struct ctl_table;
struct ctl_table *ctl_table_new(
    const struct ctl_column *, const struct ctl_options *);
void ctl_table_row(struct ctl_table *, const json_t *row);
void ctl_table_print(struct ctl_table *); /* and frees it */
/* One value as text for people; out of size bytes. */
void ctl_table_text(const json_t *, enum ctl_format, char *out, size_t size);

/* --- ctl_run.c --- */
/* Rows as a table, JSON lines or names; again and again with --watch. */
int ctl_run(
    const struct ctl_command *, const struct ctl_options *, json_t *request);
/* The same, sorted by name_key: every worker answers with its own rows. */
int ctl_run_sorted(
    const struct ctl_command *, const struct ctl_options *, json_t *request);
/* Nothing is printed: the exit status says it. */
int ctl_run_quiet(
    const struct ctl_command *, const struct ctl_options *, json_t *request);
/* One JSON value on a line of stdout. */
void ctl_print_json(const json_t *);

/* --- cmd_*.c --- */
int cmd_app_reload(
    const struct ctl_command *, const struct ctl_options *, json_t *request);
int cmd_author_check(
    const struct ctl_command *, const struct ctl_options *, json_t *request);
int cmd_author_new(
    const struct ctl_command *, const struct ctl_options *, json_t *request);
int cmd_author_test(
    const struct ctl_command *, const struct ctl_options *, json_t *request);
int cmd_console(
    const struct ctl_command *, const struct ctl_options *, json_t *request);
int cmd_server_ping(
    const struct ctl_command *, const struct ctl_options *, json_t *request);
int cmd_server_status(
    const struct ctl_command *, const struct ctl_options *, json_t *request);
int cmd_so_get(
    const struct ctl_command *, const struct ctl_options *, json_t *request);
int cmd_so_watch(
    const struct ctl_command *, const struct ctl_options *, json_t *request);
int cmd_rec_info(
    const struct ctl_command *, const struct ctl_options *, json_t *request);

#endif
