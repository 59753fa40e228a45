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

/* A batch of count slots s0, s1 ... */
int store_lib_write_many(
    struct store *s, const char *object, uint64_t version, uint32_t count);
/* A batch of that user and kind. */
int store_lib_batch(struct store *, const char *object, uint64_t version,
    const char *user, enum store_kind, uint64_t target, const char *changes);
/* What undo (redo) would do: "4: a=1 b" = target, slots with what they held;
 * sorted by name. slot NULL: all. */
const char *store_lib_undo(struct store *, const char *object, const char *user,
    bool redo, const char *slot);
/* "a=1 b": what changed since held then, or the name of the error. */
const char *store_lib_rewind(
    struct store *, const char *object, uint64_t version);

#endif
