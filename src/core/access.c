/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * access - the access lists of a client: path prefixes compared by whole
 * elements, so that "a/b" covers "a/b" and "a/b/c" but not "a/bc". "/" covers
 * everything, an empty list nothing, an empty path (";a") nothing either.
 * script-api.md 7.3.
 */
#include <stdlib.h>
#include <string.h>

#include "core/instance_int.h"

void
access_fini(struct client_paths *p)
{
	uint32_t i;

	for (i = 0; i < p->n; i++)
		free(p->v[i]);
	free(p->v);
	p->v = NULL;
	p->n = 0;
}

int
access_set(struct client_paths *p, const char *const *paths, uint32_t count)
{
	struct client_paths fresh = { NULL, 0 };
	const char *s;
	size_t len;

	if (count > 0 && (fresh.v = calloc(count, sizeof(char *))) == NULL)
		return FCS_ENOMEM;
	for (; count > 0; paths++, count--) {
		s = *paths;
		if (*s == '\0')
			continue;
		while (*s == '/')
			s++;
		len = strlen(s);
		while (len > 0 && s[len - 1] == '/')
			len--;
		if ((fresh.v[fresh.n] = strndup(s, len)) == NULL) {
			access_fini(&fresh);
			return FCS_ENOMEM;
		}
		fresh.n++;
	}
	access_fini(p);
	*p = fresh;
	return FCS_OK;
}

bool
access_may(const struct client_paths *p, const char *name)
{
	uint32_t i;
	size_t len;

	while (*name == '/')
		name++;
	for (i = 0; i < p->n; i++) {
		len = strlen(p->v[i]);
		if (len == 0)
			return true;
		if (strncmp(p->v[i], name, len) == 0 &&
		    (name[len] == '\0' || name[len] == '/'))
			return true;
	}
	return false;
}
