/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/utf8.h"

uint32_t
utf8_next(const void *p, size_t len, size_t *out_len)
{
	const uint8_t *s = p;
	uint32_t cp;
	uint32_t least;
	size_t n;

	*out_len = 1;
	if (len == 0)
		return UTF8_BAD;
	if (s[0] < 0x80)
		return s[0];
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		n = 2;
		cp = s[0] & 0x1f;
		least = 0x80;
	} else if ((s[0] & 0xf0) == 0xe0) {
		n = 3;
		cp = s[0] & 0x0f;
		least = 0x800;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		n = 4;
		cp = s[0] & 0x07;
		least = 0x10000;
	} else {
		return UTF8_BAD;
	}
	if (len < n)
		return UTF8_BAD;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return UTF8_BAD;
		cp = cp << 6 | (s[i] & 0x3f);
	}
	if (cp < least || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return UTF8_BAD;
	*out_len = n;
	return cp;
}

bool
utf8_valid(const void *p, size_t len)
{
	const uint8_t *s = p;
	size_t n;

	while (len > 0) {
		if (utf8_next(s, len, &n) == UTF8_BAD)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

size_t
utf8_put(uint32_t cp, char out[4])
{
	uint8_t *o = (uint8_t *)out;

	if (cp < 0x80) {
		o[0] = (uint8_t)cp;
		return 1;
	}
	if (cp < 0x800) {
		o[0] = (uint8_t)(0xc0 | cp >> 6);
		o[1] = (uint8_t)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	if (cp < 0x10000) {
		o[0] = (uint8_t)(0xe0 | cp >> 12);
		o[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		o[2] = (uint8_t)(0x80 | (cp & 0x3f));
		return 3;
	}
	o[0] = (uint8_t)(0xf0 | cp >> 18);
	o[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
	o[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
	o[3] = (uint8_t)(0x80 | (cp & 0x3f));
	return 4;
}

size_t
utf8_cut(const void *p, size_t len, size_t max)
{
	const uint8_t *s = p;
	size_t n = len < max ? len : max;
	size_t back = 0;
	size_t want;

	/* step back over at most three continuation bytes to a lead byte */
	while (back < 3 && back < n && (s[n - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back == n)
		return n;
	want = s[n - 1 - back] >= 0xf0   ? 4
	       : s[n - 1 - back] >= 0xe0 ? 3
	       : s[n - 1 - back] >= 0xc0 ? 2
					 : 1;
	return want > back + 1 ? n - 1 - back : n;
}
