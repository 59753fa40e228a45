/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log - one line per event: time, level, event name, key=value.
 *
 * Belongs to: base (rank 1). Threading: any thread (one lock); log_open(),
 * log_set_*() from the main thread.
 *
 *	log_info("client.rejected", "app=%s client=%s why=%s", app, cid, why);
 *	2026-11-21T15:28:12.345Z info client.rejected app=vod client=7 why="full"
 *
 * The event name is stable, its part before the dot is the subsystem. The
 * format is a list of `key=%conversion` or `key=word`, one space between:
 * every value is quoted and escaped by the logger, so hostile bytes can
 * neither break a line nor forge one. Conversions: d i u x X o c s f g e p
 * and their lengths, .* with s; %s of NULL prints "-". Never payloads, never
 * credentials. Per event at most `log.rate` lines a second; what was left
 * out is counted in `suppressed=` of the next line of that event.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
};

enum log_format {
	LOG_FORMAT_TEXT,
	LOG_FORMAT_JSON,
};

/*
 * path NULL: stderr. FCS_OK; FCS_E* with *e (the old target stays).
 * Appends, creates with 0640.
 */
int log_open(const char *path, struct err *e) FCS_MUSTUSE;
int log_reopen(struct err *e) FCS_MUSTUSE; /* after the file was moved */
void log_close(void);                      /* back to stderr */
void log_set_level(enum log_level level);
void log_set_format(enum log_format format);
void log_set_rate(unsigned lines_per_s); /* per event, 0 = no limit */
/* Role and application of this process, in every line; copied, NULL: none. */
void log_set_role(const char *role, const char *app);
/* Lines also go to fn (line without newline), for tests and `log tail`. */
void log_set_tap(
    void (*fn)(void *arg, const char *line, size_t len), void *arg);
bool log_enabled(enum log_level level);
uint64_t log_suppressed(void); /* lines left out so far */

void log_write(enum log_level level, const char *event, const char *fmt, ...)
    FCS_PRINTF(3, 4);
/* As log_write without the limit per event: the caller has one of its own. */
void log_write_all(enum log_level level, const char *event, const char *fmt,
    ...) FCS_PRINTF(3, 4);
/* As log_write_all, and behind that n fields somebody else named: what is no
 * letter, digit, `_`, `-` or `.` in a key becomes `_`. */
struct log_field {
	const char *key, *value;
	size_t key_len, len;
};
void log_write_fields(enum log_level level, const char *event,
    const struct log_field *fields, size_t n, const char *fmt, ...)
    FCS_PRINTF(5, 6);

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

int log_level_parse(const char *text, enum log_level *out) FCS_MUSTUSE;

#endif
