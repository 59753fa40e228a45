/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config - the effective configuration: fcsd.yaml, application settings.
 *
 * Belongs to: base (rank 1). Threading: built by one thread, read-only after.
 * Units: durations in ms, sizes in bytes, rates in bytes per second.
 *
 * Layers, later wins: defaults < file < conf.d (sorted) < app.yaml (for
 * its application) < environment (FCS_LISTEN__RTMP=addr, `__` is the dot) <
 * `-o key=value`. Unknown and duplicate keys are errors with file:line:column
 * and a suggestion. All problems of a load are reported, not only the first.
 * A configuration is never changed in place: load a new one and swap.
 *
 * The two tables (config_table.c is their only source): server keys, and
 * application keys, given under `app.<name>.` in fcsd.yaml ("*": for all) or at
 * the top of app.yaml. Every limit of limits.h is a server key `limits.<name>`.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

enum config_type {
	CONFIG_BOOL,
	CONFIG_INT,
	CONFIG_SIZE,     /* bytes */
	CONFIG_DURATION, /* ms; "forever" is -1 where the table allows it */
	CONFIG_TEXT,
	CONFIG_ENUM,  /* config_int() is the index in the choices */
	CONFIG_LIST,  /* of texts; one text counts as a list of one */
	CONFIG_ADDRS, /* list of addr:port, [v6]:port, :port */
	CONFIG_MAP,   /* name -> text or list of texts */
	CONFIG_FREE,  /* any map, kept as JSON text */
};

enum config_layer {
	CONFIG_BY_DEFAULT,
	CONFIG_BY_FILE,
	CONFIG_BY_CONFD,
	CONFIG_BY_APP,
	CONFIG_BY_ENV,
	CONFIG_BY_OPTION,
};

enum config_reload {
	CONFIG_AT_START,  /* needs a restart of the process */
	CONFIG_WITH_CODE, /* app: holds for code loaded from then on */
	CONFIG_ON_HUP,    /* taken over by a reload */
	CONFIG_UNUSED,    /* checked, but this version does not act on it */
};

/*
 * Server keys. symbol, path, type, default, least, most, choices (enum, words
 * by "|"), reload, help. Numbers least and most in the unit of the type.
 */
/* clang-format off */
#define CONFIG_KEYS(X) \
	X(LISTEN_RTMP, "listen.rtmp", ADDRS, ":1935", 0, 0, NULL, ON_HUP, "addresses for RTMP") \
	X(LISTEN_RTMPS, "listen.rtmps", ADDRS, "", 0, 0, NULL, UNUSED, "addresses for RTMP over TLS") \
	X(LISTEN_HTTP, "listen.http", ADDRS, "127.0.0.1:8080", 0, 0, NULL, ON_HUP, "addresses for HTTP: /healthz and /readyz") \
	X(STATE, "state", TEXT, "/var/lib/fcs", 0, 0, NULL, AT_START, "folder of everything that must survive a restart") \
	X(APPS, "apps", LIST, FCS_DATADIR "/apps, /var/lib/fcs/apps", 0, 0, NULL, ON_HUP, "folders searched for applications, first match wins") \
	X(USER, "user", TEXT, "fcs", 0, 0, NULL, AT_START, "user to become when started as root; nobody when there is none") \
	X(HOSTNAME, "hostname", TEXT, "", 0, 0, NULL, ON_HUP, "name of this server for scripts and for other servers; empty: that of the machine") \
	X(TLS_CERT, "tls.cert", TEXT, "", 0, 0, NULL, UNUSED, "PEM file with the certificate chain") \
	X(TLS_KEY, "tls.key", TEXT, "", 0, 0, NULL, UNUSED, "PEM file with the private key; read by the gateway only") \
	X(ADMIN_SOCKET, "admin.socket", TEXT, "", 0, 0, NULL, AT_START, "control socket; default /run/fcs/fcsd.sock, or <state>/fcsd.sock when state is given") \
	X(ADMIN_GROUP, "admin.group", TEXT, "fcs", 0, 0, NULL, AT_START, "group that may use the control socket") \
	X(LOG_LEVEL, "log.level", ENUM, "info", 0, 0, "debug|info|warn|error", ON_HUP, "least level written") \
	X(LOG_FORMAT, "log.format", ENUM, "text", 0, 0, "text|json", ON_HUP, "key=value lines or one JSON object a line") \
	X(LOG_FILE, "log.file", TEXT, "", 0, 0, NULL, ON_HUP, "log file; empty: standard error") \
	X(LOG_ACCESS, "log.access", TEXT, "", 0, 0, NULL, UNUSED, "access log in W3C extended format; empty: none") \
	X(WORKERS_SHARED, "workers.shared", INT, "1", 1, 64, NULL, AT_START, "workers for applications with isolation: shared") \
	X(WORKERS_IDLE, "workers.idle_exit", DURATION, "0", 0, 7 * 86400000LL, NULL, ON_HUP, "stop a worker without instances after this time, 1s at least; 0: never")

/* Application keys (script-api: app.yaml). Same columns. */
#define CONFIG_APP_KEYS(X) \
	X(LOAD, "load", LIST, "on_connect", 0, 0, NULL, ON_HUP, "on_connect, at_start, or a list of instances to start") \
	X(INSTANCES, "instances", LIST, "*", 0, 0, NULL, ON_HUP, "patterns of instance names; others get Connect.InvalidApp") \
	X(ISOLATION, "isolation", ENUM, "app", 0, 0, "app|shared", AT_START, "a worker of its own, or one shared with others") \
	X(IDLE_UNLOAD, "idle_unload", DURATION, "20m", 0, 366 * 86400000LL, NULL, ON_HUP, "unload an instance this long after its last client; 0: never") \
	X(IDLE_CLIENT, "idle_client", DURATION, "0", 0, 366 * 86400000LL, NULL, ON_HUP, "close a client idle this long (Connect.IdleTimeout); 0: never") \
	X(CONNECT_TIMEOUT, "connect_timeout", DURATION, "30s", 100, 3600000, NULL, ON_HUP, "time for the connect handler in all") \
	X(PROTOCOLS, "protocols", LIST, "rtmp, rtmps, rtmpt, ws, wss", 0, 0, "rtmp|rtmps|rtmpt|ws|wss", ON_HUP, "transports allowed; this version has rtmp only") \
	X(MAX_CLIENTS, "max_clients", INT, "10000", 1, 1000000, NULL, ON_HUP, "clients of the application; more: Rejected") \
	X(MAX_CLIENTS_PER_IP, "max_clients_per_ip", INT, "200", 1, 1000000, NULL, ON_HUP, "clients from one address; more: Rejected") \
	X(PUBLISH, "publish", ENUM, "unset", 0, 0, "unset|deny|key|allow", ON_HUP, "deny, key: nobody (keys are not in this version); allow: all whom no script refuses; unset: only whom a script allows, with --dev as allow") \
	X(PLAY, "play", ENUM, "allow", 0, 0, "deny|allow", ON_HUP, "who may play when no script decides") \
	X(TAKE_OVER, "take_over", ENUM, "if_silent", 0, 0, "refuse|replace|if_silent", UNUSED, "a second publisher of the same name") \
	X(PUBLISH_TIMEOUT, "publish_timeout", DURATION, "2s", 0, 600000, NULL, UNUSED, "how long the first publisher may take to answer the probe") \
	X(ACCESS_READ, "access.read", LIST, "/", 0, 0, NULL, ON_HUP, "read access a client starts with") \
	X(ACCESS_WRITE, "access.write", LIST, "/", 0, 0, NULL, ON_HUP, "write access a client starts with") \
	X(ACCESS_SAMPLES, "access.samples", LIST, "/", 0, 0, NULL, ON_HUP, "streams whose raw samples a client may read, at first") \
	X(BANDWIDTH_IN, "bandwidth.in", SIZE, "2500000", 1024, 1LL << 40, NULL, ON_HUP, "bytes a second a client may send; the default is announced only, nothing is limited") \
	X(BANDWIDTH_OUT, "bandwidth.out", SIZE, "2500000", 1024, 1LL << 40, NULL, ON_HUP, "bytes a second a client is sent; the default is announced only, nothing is limited") \
	X(BANDWIDTH_CAP, "bandwidth.cap", SIZE, "5000000", 1024, 1LL << 40, NULL, ON_HUP, "most a script may allow a client") \
	X(BANDWIDTH_CHECK, "bandwidth_check", ENUM, "native", 0, 0, "native|empty|off", ON_HUP, "answer to checkBandwidth") \
	X(SCRIPT_MEMORY, "script.memory", SIZE, "16M", 1 << 20, 1LL << 34, NULL, WITH_CODE, "memory of one instance's script") \
	X(SCRIPT_TIME, "script.time", DURATION, "50ms", 1, 60000, NULL, ON_HUP, "time between two waits of a handler") \
	X(SCRIPT_HANDLERS, "script.handlers", INT, "1000", 1, 1000000, NULL, ON_HUP, "handlers parked at one time") \
	X(SCRIPT_TIMERS, "script.timers", INT, "1000", 1, 1000000, NULL, ON_HUP, "timers") \
	X(SCRIPT_PEERS, "script.peers", INT, "64", 0, 65536, NULL, ON_HUP, "connections to other instances and servers") \
	X(SCRIPT_CALLS, "script.calls", INT, "256", 1, 65536, NULL, ON_HUP, "calls without answer, per client") \
	X(SCRIPT_PATH, "script.path", LIST, "", 0, 0, NULL, WITH_CODE, "folders searched by load") \
	X(SCRIPT_UNDEFINED, "script.undefined", ENUM, "nil", 0, 0, "nil|keep", ON_HUP, "what AMF undefined becomes") \
	X(SO_UNDECLARED, "shared_objects.undeclared", ENUM, "deny", 0, 0, "deny|temporary|any", ON_HUP, "shared objects clients may create themselves") \
	X(SO_MAX_OBJECTS, "shared_objects.max_objects", INT, "50000", 1, 100000000, NULL, ON_HUP, "objects of an instance") \
	X(SO_MAX_SLOTS, "shared_objects.max_slots", INT, "100000", 1, 100000000, NULL, ON_HUP, "slots of an object") \
	X(SO_MAX_VALUE, "shared_objects.max_value", SIZE, "256K", 64, 1 << 24, NULL, ON_HUP, "bytes of a value") \
	X(SO_MAX_BYTES, "shared_objects.max_bytes", SIZE, "64M", 1024, 1LL << 40, NULL, ON_HUP, "bytes of an object") \
	X(SO_MAX_USERS, "shared_objects.max_users", INT, "10000", 1, 1000000, NULL, ON_HUP, "subscribers of an object") \
	X(SO_LOCK_TIMEOUT, "shared_objects.lock_timeout", DURATION, "5s", 10, 600000, NULL, ON_HUP, "longest a handler may keep an object locked") \
	X(SO_HISTORY, "shared_objects.history", INT, "1000", 0, 100000000, NULL, ON_HUP, "changes kept per object") \
	X(SO_HISTORY_AGE, "shared_objects.history_age", DURATION, "7d", -1, 36600LL * 86400000, NULL, ON_HUP, "how long changes are kept; forever: no limit") \
	X(SO_RESYNC_DEPTH, "shared_objects.resync_depth", INT, "-1", -1, 1000000000, NULL, ON_HUP, "versions a returning client may lag behind for a partial sync; -1: any") \
	X(SO_DURABILITY, "shared_objects.durability", ENUM, "disk", 0, 0, "memory|os|disk", ON_HUP, "what success promises: on disk; given to the system, a loss of power may take it back; kept until flush or the end of the instance") \
	X(RECORD_MODE, "record.mode", ENUM, "off", 0, 0, "off|new|append", ON_HUP, "recording of publishers that say live") \
	X(RECORD_KEEP, "record.keep", DURATION, "forever", -1, 36600LL * 86400000, NULL, UNUSED, "delete recordings older than this") \
	X(RECORD_MAX_DURATION, "record.max_duration", DURATION, "0", 0, 366 * 86400000LL, NULL, ON_HUP, "longest recording; 0: no limit") \
	X(RECORD_MAX_SIZE, "record.max_size", SIZE, "0", 0, 1LL << 50, NULL, ON_HUP, "largest recording; 0: no limit") \
	X(RECORD_QUOTA, "record.quota", SIZE, "0", 0, 1LL << 55, NULL, UNUSED, "all recordings of the application; 0: no limit") \
	X(RECORD_RECONNECT, "record.reconnect_window", DURATION, "0", 0, 86400000, NULL, ON_HUP, "a publisher back within this time continues the file") \
	X(LIVE_ORIGIN, "live.origin", TEXT, "", 0, 0, NULL, UNUSED, "rtmp:// server to pull streams from on demand") \
	X(LIVE_MERGE_MS, "live.merge_ms", INT, "0", 0, 1000, NULL, ON_HUP, "milliseconds of media sent together") \
	X(LIVE_QUEUE, "live.queue", SIZE, "4M", 65536, 1LL << 32, NULL, ON_HUP, "bytes queued per viewer") \
	X(LIVE_MAX_DELAY, "live.max_delay", DURATION, "500ms", 0, 600000, NULL, ON_HUP, "media time queued per viewer before frames are dropped") \
	X(SEEK, "seek", ENUM, "precise", 0, 0, "precise|keyframe", UNUSED, "start frame after a seek") \
	X(VIRTUAL, "virtual", MAP, "", 0, 0, NULL, UNUSED, "stream name prefix to folders") \
	X(MEDIA_ROOTS, "media_roots", LIST, "", 0, 0, NULL, UNUSED, "folders virtual directories may point to") \
	X(HTTP_ALLOW, "http.allow", LIST, "", 0, 0, NULL, ON_HUP, "URLs scripts may fetch, with all below them; --dev: loopback") \
	X(FILES_MAX, "files.max", SIZE, "64M", 1024, 1LL << 40, NULL, ON_HUP, "bytes of all files scripts keep") \
	X(SECRETS, "secrets", MAP, "", 0, 0, NULL, ON_HUP, "name to file:PATH or env:NAME") \
	X(CONFIG, "config", FREE, "{}", 0, 0, NULL, ON_HUP, "anything; the script reads it") \
	X(LOCKED, "locked", LIST, "", 0, 0, NULL, ON_HUP, "keys app.yaml may not set (fcsd.yaml only)") \
	X(APP_LOG_LEVEL, "log.level", ENUM, "info", 0, 0, "debug|info|warn|error", ON_HUP, "least level the script's lines need")
/* clang-format on */

enum config_key {
#define X(sym, path, type, def, least, most, choices, reload, help) CFG_##sym,
	CONFIG_KEYS(X)
#undef X
	CFG_LIMITS, /* CFG_LIMITS + enum limits_id */
	CFG_TOTAL = CFG_LIMITS + LIMITS_TOTAL
};

enum config_app_key {
#define X(sym, path, type, def, least, most, choices, reload, help) APP_##sym,
	CONFIG_APP_KEYS(X)
#undef X
	APP_TOTAL
};

struct config_row {
	const char *path;
	enum config_type type;
	const char *def; /* as it would be written; lists by ", " */
	int64_t least;
	int64_t most;
	const char *choices; /* words by "|", NULL */
	enum config_reload reload;
	const char *help;
};

/* One value of one key. */
struct config_value {
	enum config_layer layer;
	int64_t num;  /* bool, int, size, duration, index of enum */
	char *text;   /* as written; JSON of a free map */
	char **items; /* list, addrs; map: name, value, name, value ... */
	size_t count; /* of items */
	char *file;   /* origin, NULL for defaults, environment, options */
	int line;     /* from 1, 0 unknown */
	int col;      /* from 1, 0 unknown */
};

/* One problem; text says what and, where it can, the remedy. */
struct config_problem {
	char *file; /* path, "environment", "-o" */
	int line;   /* from 1, 0 unknown */
	int col;    /* from 1, 0 unknown */
	char *text;
	char *source; /* the line itself, NULL unknown */
};

struct config_problems {
	struct config_problem *v;
	size_t n;
	bool oom; /* problems were lost */
};

struct config;     /* server keys and the defaults of applications */
struct config_app; /* all keys of one application */

/* How to load; zero means none of it. */
struct config_source {
	const char *file;            /* -c, NULL: no file */
	bool file_optional;          /* a missing file is not a problem */
	const char *const *environ_; /* NAME=value list, NULL-terminated */
	const char *const *options;  /* "key=value" list, NULL-terminated */
	bool dev;                    /* --dev defaults: loopback, ./var */
	const char *dev_apps;        /* apps folder of --dev, NULL: apps */
};

/*
 * Load all layers. FCS_OK with *out (returns owned); FCS_ECONFIG with what is
 * wrong in *problems; FCS_ENOMEM. problems is initialised by the call and is
 * the caller's to config_problems_fini().
 */
int config_load(const struct config_source *src, struct config **out,
    struct config_problems *problems) FCS_MUSTUSE;
/* All defaults. NULL: no memory. */
struct config *config_new(void);
void config_free(struct config *c); /* NULL is allowed */
/* Set one key from text ("listen.rtmp", "app.vod.seek"); e tells why not. */
int config_set(struct config *c, const char *key, const char *value,
    enum config_layer layer, struct err *e) FCS_MUSTUSE;

void config_problems_fini(struct config_problems *p);
/* "file:line:column: text", the line, a caret under the column. */
void config_problems_print(const struct config_problems *p, struct str *out);

/* Server values; type must fit (assertion). Texts are borrowed from c. */
bool config_bool(const struct config *c, enum config_key key);
int64_t config_int(const struct config *c, enum config_key key);
const char *config_text(const struct config *c, enum config_key key);
size_t config_count(const struct config *c, enum config_key key);
const char *config_item(const struct config *c, enum config_key key, size_t i);
const struct config_value *config_value(
    const struct config *c, enum config_key key);
/* limits.* as a table, borrowed from c. */
const struct limits *config_limits(const struct config *c);
/* The control socket by the rules of DESIGN 10, borrowed from c. */
const char *config_admin_socket(const struct config *c);
bool config_is_dev(const struct config *c);

/*
 * Settings of application name: defaults < app."*" < app.<name>, then app.yaml
 * of folder dir (dir NULL or no such file: none; keys in `locked` refused),
 * then environment and options. FCS_OK with *out (returns owned); else as
 * config_load().
 */
int config_app_load(const struct config *c, const char *name, const char *dir,
    struct config_app **out, struct config_problems *problems) FCS_MUSTUSE;
void config_app_free(struct config_app *a); /* NULL is allowed */
const char *config_app_name(const struct config_app *a);
bool config_app_bool(const struct config_app *a, enum config_app_key key);
int64_t config_app_int(const struct config_app *a, enum config_app_key key);
const char *config_app_text(
    const struct config_app *a, enum config_app_key key);
size_t config_app_count(const struct config_app *a, enum config_app_key key);
const char *config_app_item(
    const struct config_app *a, enum config_app_key key, size_t i);
const struct config_value *config_app_value(
    const struct config_app *a, enum config_app_key key);
/* Value of name in a map key, NULL when absent. */
const char *config_app_map(
    const struct config_app *a, enum config_app_key key, const char *name);

/* Choice i of an enum key as text. Borrowed, static. */
const struct config_row *config_row(enum config_key key);
const struct config_row *config_app_row(enum config_app_key key);
/* Index of word in "a|b|c", -1 when absent. */
int config_choice(const char *choices, const char *word);

/*
 * Tell what was set and has no effect in this version: fn(arg, key, value) for
 * each such key that is not at its default, in the order of the tables;
 * key is whole ("app.live.seek") and lives for the call, value is borrowed
 * and tells the place. config_app_unused(): those of app.yaml only, as the
 * others belong to c; keys as in app.yaml.
 */
typedef void (*config_unused_fn)(
    void *arg, const char *key, const struct config_value *value);
void config_unused(const struct config *c, config_unused_fn fn, void *arg);
void config_app_unused(
    const struct config_app *a, config_unused_fn fn, void *arg);
/* "file:line:col", "environment" or "-o" into out. */
#define CONFIG_PLACE_MAX 512
const char *config_place(
    const struct config_value *v, char out[CONFIG_PLACE_MAX]);

/*
 * The configuration as bytes for a re-executed role (through a memfd), and
 * back. FCS_OK; FCS_ENOMEM; parse: FCS_EFORMAT with *e.
 */
int config_serialise(const struct config *c, struct str *out) FCS_MUSTUSE;
int config_parse_serialised(
    const char *p, size_t len, struct config **out, struct err *e) FCS_MUSTUSE;

#endif
