/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/adm_rows.h"

#include <stdlib.h>

#include "base/utf8.h"
#include "codec/value.h"

#define VALUE_ARENA_MAX (64u << 20)

json_t *
adm_rows_bytes(const char *p, size_t len)
{
	json_t *s = json_stringn(p, len);
	char *copy;
	size_t i;

	if (s != NULL)
		return s;
	/* Not UTF-8: keep what is ASCII, so that it can be recognised. */
	if ((copy = malloc(len + 1)) == NULL)
		return json_null();
	for (i = 0; i < len; i++)
		copy[i] = (p[i] & 0x80) != 0 || p[i] == '\0' ? '?' : p[i];
	s = json_stringn(copy, len);
	free(copy);
	return s != NULL ? s : json_null();
}

json_t *
adm_rows_text(const char *text)
{
	return adm_rows_bytes(
	    text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

json_t *
adm_rows_value(const uint8_t *packed, size_t len)
{
	struct arena *arena = arena_new(VALUE_ARENA_MAX);
	struct value *v = NULL;
	json_t *out = NULL;
	struct buf b;

	if (arena == NULL)
		return json_null();
	buf_init(&b, 0);
	if (value_unpack(arena, packed, len, &v) == FCS_OK &&
	    value_json(&b, v) == FCS_OK)
		out = json_loadb((const char *)buf_data(&b), buf_len(&b),
		    JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	buf_fini(&b);
	arena_free(arena);
	return out != NULL ? out : json_null();
}
