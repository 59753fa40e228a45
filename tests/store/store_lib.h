/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_lib - batches and readings of a store in one line each, for the tests
 * of the store contract.
 */
#ifndef TESTS_STORE_STORE_LIB_H
#define TESTS_STORE_STORE_LIB_H

#include "storage/store.h"
#include "tests/lib/unit.h"

/*
 * One batch of object "o" of instance "i": changes is "a=1 b=2 c" (c deleted,
 * a= an empty value). Returns the batch's result; a failing commit fails the
 * case.
 */
int store_lib_write(
    struct store *s, const char *object, uint64_t version, const char *changes);
/* The same without judging: the code of the commit. */
int store_lib_try(struct store *s, const char *object, uint64_t version,
    const char *changes, struct err *why);
/* "a=1@2 c@3": value and version, tombstones without `=`; borrowed until the
 * next call. */
const char *store_lib_read(struct store *s, const char *object, uint64_t after);
uint64_t store_lib_version(struct store *s, const char *object);
uint64_t store_lib_floor(struct store *s, const char *object);
/* "2:a:-:1 3:a:1:2": version, slot, old, new */
const char *store_lib_history(
    struct store *s, const char *object, uint64_t after, uint32_t limit);

#endif
