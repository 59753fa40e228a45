/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/vmdecl.h"

#include <stdlib.h>
#include <string.h>

/* The words of Core::EVENTS and Core::QUESTIONS (mrblib/3*.rb), in the
 * order of the enums. */
static const char *const events[SCRIPT_EVENT_COUNT] = { "start", "accepted",
	"disconnect", "stop", "status", "publish", "unpublish", "play",
	"play_end", "record", "record_end", "use", "release", "sync", "message",
	"gone", "peer" };
static const char *const questions[SCRIPT_QUESTION_COUNT] = { "connect", "call",
	"publish", "record", "play", "seek", "use", "message", "unload",
	"peer_call" };

void
vmdecl_fini(struct vmdecl *d)
{
	uint32_t i;

	for (i = 0; i < d->shared_count; i++)
		free((void *)(uintptr_t)d->shared[i].pattern);
	for (i = 0; i < d->allow_count; i++)
		free(d->allow[i].pattern);
	free(d->shared);
	free(d->allow);
	memset(d, 0, sizeof(*d));
}

int
vmdecl_add_shared(struct vmdecl *d, const struct script_shared *s)
{
	struct script_shared *v;

	v = realloc(d->shared, (d->shared_count + 1) * sizeof(*v));
	if (v == NULL)
		return FCS_ENOMEM;
	d->shared = v;
	v += d->shared_count;
	*v = *s;
	v->pattern = strdup(s->pattern);
	if (v->pattern == NULL)
		return FCS_ENOMEM;
	d->shared_count++;
	return FCS_OK;
}

int
vmdecl_add_allow(
    struct vmdecl *d, enum script_question question, const char *pattern)
{
	struct vmdecl_allow *v;

	v = realloc(d->allow, (d->allow_count + 1) * sizeof(*v));
	if (v == NULL)
		return FCS_ENOMEM;
	d->allow = v;
	v += d->allow_count;
	v->question = question;
	v->pattern = NULL;
	if (pattern != NULL) {
		v->pattern = strdup(pattern);
		if (v->pattern == NULL)
			return FCS_ENOMEM;
	}
	d->allow_count++;
	return FCS_OK;
}

const struct script_shared *
vmdecl_shared(const struct vmdecl *d, const char *object)
{
	uint32_t i;

	for (i = 0; i < d->shared_count; i++)
		if (vmdecl_glob(d->shared[i].pattern,
			strlen(d->shared[i].pattern), object, strlen(object)))
			return &d->shared[i];
	return NULL;
}

bool
vmdecl_asks(
    const struct vmdecl *d, enum script_question question, const char *name)
{
	const struct vmdecl_allow *a;
	uint32_t i;

	for (i = 0; i < d->allow_count; i++) {
		a = &d->allow[i];
		if (a->question != question)
			continue;
		if (a->pattern == NULL || name == NULL ||
		    vmdecl_glob(
			a->pattern, strlen(a->pattern), name, strlen(name)))
			return true;
	}
	return false;
}

/*
 * Two places to come back to: the last single star, and the last double star.
 * A single star may take one more byte unless that is a slash; then the double
 * star before it takes one more.
 */
bool
vmdecl_glob(const char *p, size_t pn, const char *s, size_t sn)
{
	size_t i = 0, j = 0;
	size_t star = SIZE_MAX, star_at = 0, deep = SIZE_MAX, deep_at = 0;

	while (j < sn || i < pn) {
		if (i < pn && p[i] == '*') {
			if (i + 1 < pn && p[i + 1] == '*') {
				i += 2;
				deep = i;
				deep_at = j;
				star = SIZE_MAX;
			} else {
				star = ++i;
				star_at = j;
			}
			continue;
		}
		if (i < pn && j < sn &&
		    (p[i] == s[j] || (p[i] == '?' && s[j] != '/'))) {
			i++;
			j++;
			continue;
		}
		if (star != SIZE_MAX && star_at < sn && s[star_at] != '/') {
			i = star;
			j = ++star_at;
			continue;
		}
		if (deep == SIZE_MAX || deep_at >= sn)
			return false;
		i = deep;
		j = ++deep_at;
		star = SIZE_MAX;
	}
	return true;
}

const char *
vmdecl_event_text(enum script_event event)
{
	return events[event];
}

const char *
vmdecl_question_text(enum script_question question)
{
	return questions[question];
}

enum script_event
vmdecl_event(const char *word)
{
	int i;

	for (i = 0; i < SCRIPT_EVENT_COUNT; i++)
		if (strcmp(events[i], word) == 0)
			return (enum script_event)i;
	return SCRIPT_EVENT_COUNT;
}

int
vmdecl_question(const char *word)
{
	int i;

	for (i = 0; i < SCRIPT_QUESTION_COUNT; i++)
		if (strcmp(questions[i], word) == 0)
			return i;
	return strcmp(word, "write") == 0 ? SCRIPT_QUESTION_COUNT : -1;
}
