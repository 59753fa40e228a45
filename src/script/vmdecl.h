/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmdecl - what a class declared (shared objects, decisions, events), kept
 * outside the VM so that questions about it need not enter it.
 *
 * Layer: script (5). Owner: struct vm. Thread: loop.
 */
#ifndef SCRIPT_VMDECL_H
#define SCRIPT_VMDECL_H

#include "core/script.h"

struct vmdecl_allow {
	enum script_question question; /* SCRIPT_QUESTION_COUNT = :write */
	char *pattern;                 /* NULL = everything */
};

struct vmdecl {
	struct script_shared *shared; /* in order of declaration */
	uint32_t shared_count;
	struct vmdecl_allow *allow;
	uint32_t allow_count;
	bool event[SCRIPT_EVENT_COUNT]; /* somebody listens */
	bool missing;                   /* on(:missing) */
};

void vmdecl_fini(struct vmdecl *);
/* pattern copied; NULL pattern of allow = everything. FCS_ENOMEM. */
int vmdecl_add_shared(
    struct vmdecl *, const struct script_shared *) FCS_MUSTUSE;
int vmdecl_add_allow(
    struct vmdecl *, enum script_question, const char *pattern) FCS_MUSTUSE;
/* The first declaration that matches, or NULL. */
const struct script_shared *vmdecl_shared(
    const struct vmdecl *, const char *object);
/* name NULL: whether there is any block at all. */
bool vmdecl_asks(const struct vmdecl *, enum script_question, const char *name);

/*
 * Name patterns of script-api.md 1: `*` and `?` stay inside one path element,
 * `**` spans elements. Works in place, in time linear in practice.
 */
bool vmdecl_glob(
    const char *pattern, size_t pattern_len, const char *name, size_t name_len);

/* The word of a script for it. */
const char *vmdecl_event_text(enum script_event);
const char *vmdecl_question_text(enum script_question);
/* SCRIPT_EVENT_COUNT / -1 when there is no such word. */
enum script_event vmdecl_event(const char *word);
int vmdecl_question(const char *word); /* SCRIPT_QUESTION_COUNT = write */

#endif
