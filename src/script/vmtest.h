/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmtest - the VM that runs the tests of an application (its folder test): a
 * state of its own with the words of script-api.md 10 (mrblib/test). What a word
 * wants done it asks the host for. Layer: script (5). Owner: the role apptest.
 * Thread: the loop's; asking may run the loop, and VMs of applications in it.
 *
 * It is not confined as the VM of an instance is: nothing limits its time, and
 * at its memory limit the process ends. Whoever runs tests does that in a
 * process he can do without.
 */
#ifndef SCRIPT_VMTEST_H
#define SCRIPT_VMTEST_H

#include "base/arena.h"
#include "base/str.h"
#include "codec/value.h"

struct vmtest;

struct vmtest_host {
	/* A word asks: what, with args (borrowed). FCS_OK with the answer in
	 * *out (in the arena, valid until the next ask; NULL = nil); else the
	 * word raises RuntimeError with why->text. */
	int (*ask)(void *arg, const char *what, struct value *const *args,
	    uint32_t count, struct arena *, struct value **out,
	    struct err *why);
	void *arg;
};

/* dir: of the application; host copied. FCS_ENOMEM, FCS_ELIMIT, FCS_ESCRIPT. */
int vmtest_new(const struct vmtest_host *, const char *dir, struct vmtest **out,
    struct err *why) FCS_MUSTUSE;
void vmtest_free(struct vmtest *); /* NULL is allowed */
/* Compile and run a file of tests, its name relative to dir. FCS_EFORMAT with
 * "file:line: what" in *why. */
int vmtest_load(struct vmtest *, const char *name, struct err *why) FCS_MUSTUSE;
uint32_t vmtest_count(const struct vmtest *);
/* The name of test i is added to text. */
void vmtest_name(struct vmtest *, uint32_t i, struct str *text);
/* Run test i. FCS_OK it passed; FCS_ESCRIPT: *text says why not, its first
 * line begins with file:line. */
int vmtest_run(struct vmtest *, uint32_t i, struct str *text) FCS_MUSTUSE;

/* Look at a file of Ruby without running it: every syntax error (10 at most)
 * or, when there is none, what vmscan finds. problem(arg, line, column, what);
 * column 0: unknown. FCS_ENOENT ... it cannot be read (told as a problem). */
int vmtest_check(struct vmtest *, const char *name,
    void (*problem)(void *arg, int line, int column, const char *what),
    void *arg) FCS_MUSTUSE;

#endif
