/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * at_new - a folder for a new application, copied from a template: one of
 * templates/, or of the applications that come with fcs, with its name put in
 * the place of theirs. Layer: apptest (8). Thread: main.
 */
#ifndef APPTEST_AT_NEW_H
#define APPTEST_AT_NEW_H

#include "base/err.h"

/*
 * folders: of applications, NULL-terminated; templates are in them and in the
 * folder templates beside each. The new one is made in apps/ when the current
 * folder has one, else in the current folder. Exit status: 0; 1 there is such a
 * folder, or it cannot be made; 2 a bad name, or no such template.
 */
int at_new(const char *name, const char *template, const char *const *folders);

#endif
