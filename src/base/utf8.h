/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * utf8 - check and step through UTF-8 (no overlong forms, no surrogates).
 *
 * Belongs to: base (rank 1). Pure functions; text is never normalised.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define UTF8_BAD 0xffffffffu

bool utf8_valid(const void *p, size_t len); /* NUL bytes are valid */
/*
 * Code point at p (len > 0 bytes) and the bytes it takes in *out_len; UTF8_BAD
 * with *out_len 1 when p does not start a valid sequence.
 */
uint32_t utf8_next(const void *p, size_t len, size_t *out_len);
/* Bytes for cp written to out, 0 when cp is no character. */
size_t utf8_put(uint32_t cp, char out[4]);
/* The largest n <= max with p[0..n) not ending inside a sequence. */
size_t utf8_cut(const void *p, size_t len, size_t max);

#endif
