/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * str - growable text, and numbers, durations and sizes as text.
 *
 * Belongs to: base (rank 1). Owner: whoever holds the struct. Adding does not
 * return a status: FCS_ENOMEM sticks in err, the text so far stays.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct str {
	char *p; /* NUL-terminated, NULL while empty */
	size_t len;
	size_t cap;
	int err; /* sticky FCS_E* */
};

void str_init(struct str *s);
void str_fini(struct str *s);
void str_reset(struct str *s); /* empty, error forgotten, memory kept */
const char *str_text(const struct str *s); /* never NULL; borrowed */
void str_add(struct str *s, const char *text);
void str_addn(struct str *s, const char *p, size_t n);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) FCS_PRINTF(2, 3);
void str_vaddf(struct str *s, const char *fmt, va_list ap) FCS_PRINTF(2, 0);
/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void str_add_json(struct str *s, const char *p, size_t n);
/* Returns owned text (free()); the str is empty after. NULL: no memory. */
char *str_take(struct str *s);

/*
 * Whole text to number; FCS_OK, FCS_EFORMAT, FCS_ERANGE (*out untouched).
 * int: [-+]digits. duration, in ms: 500ms 30s 20m 2h 7d and sums such as
 * 1h30m; "0" alone needs no unit, nor does any number given in ms by
 * str_format_duration(). size, in bytes: 65536 64K 4M 2G 1T (powers of 1024,
 * an optional B or iB after the letter; lower case too). Fractions (1.5s,
 * 1.5M) are exact or FCS_EFORMAT.
 */
int str_parse_int(const char *s, int64_t *out) FCS_MUSTUSE;
int str_parse_duration(const char *s, int64_t *out_ms) FCS_MUSTUSE;
int str_parse_size(const char *s, int64_t *out) FCS_MUSTUSE;
int str_parse_bool(const char *s, bool *out) FCS_MUSTUSE;

#define STR_NUMBER_MAX 32
/* The shortest exact form that parses back to the same value; returns out. */
const char *str_format_duration(int64_t ms, char out[STR_NUMBER_MAX]);
const char *str_format_size(int64_t bytes, char out[STR_NUMBER_MAX]);

bool str_starts(const char *s, const char *prefix);
/* Glob match with * and ?, by bytes, linear in practice, no recursion. */
bool str_glob(const char *pattern, const char *s);
/* Lower-case hex of n bytes into out (2n + 1 bytes). */
void str_hex(const void *p, size_t n, char *out);

#endif
