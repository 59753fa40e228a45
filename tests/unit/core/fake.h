/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fake - a script engine and clients for the tests of core and session: what
 * they were told is a trace of words ("start connect:c1 accepted:c1"), what
 * they answer is set by the test.
 */
#ifndef TESTS_UNIT_CORE_FAKE_H
#define TESTS_UNIT_CORE_FAKE_H

#include "core/instance.h"

/* Trace of everything the script engine was asked and told. */
extern char fake_trace[8192];
void fake_note(const char *fmt, ...) FCS_PRINTF(1, 2);
#define fake_expect(text)                                                      \
	do {                                                                   \
		ck_assert_str_eq(fake_trace, text);                            \
		fake_trace[0] = '\0';                                          \
	} while (0)

/* How the script behaves. */
struct fake_script {
	int open_result;            /* of script_ops.open */
	bool park_start, park_stop; /* fake_finish() ends them */
	bool has_connect, has_call, has_unload, has_publish;
	/* Answer of a question; NULL: SCRIPT_OK without a value. park: the
	 * question stays open until fake_answer(). */
	struct script_answer answer;
	bool park;
	bool lose; /* the next question kills the script */
	/* Called inside a handler, as a binding would be. */
	void (*inside)(struct instance *, const struct script_args *);
	void (*on_connect)(struct instance *, const struct script_args *);
	int opened, closed;
	/* Taking over: busy is what it says, the two park as park_start does;
	 * lose_at: the step ("drain", "hand_over" ...) that loses the script. */
	bool busy, park_hand_over, park_take_over;
	const char *lose_at;
	uint64_t stamp; /* of its files */
};
extern struct fake_script fake;
extern const struct script_ops fake_script_ops;

/* Recordings of the next application; NULL: none. */
extern struct media *fake_media;
/* Peers of it, and where they go; NULL: none. */
extern const struct peer_ops *fake_peer;
extern const struct peer_locator *fake_locator;

void fake_reset(void);
/* End a parked start or stop. */
void fake_finish(bool ok);
/* The script opened last overruns on its own. */
void fake_lose_newest(void);
/* The parked on(:handover) ends; a value: what it gives. */
void fake_handed(const struct value *);
/* Answer the oldest parked question; false: none is open. */
bool fake_answer(const struct script_answer *);
unsigned fake_parked(void);

/* An application with default settings, changed by "key=value" texts, the last
 * one NULL; ops NULL: no scripts. */
struct application *fake_app(
    struct loop *, const struct script_ops *, const char *const *settings);
void fake_app_free(struct application *);

#endif
