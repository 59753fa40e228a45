/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmarena - the memory of one VM: one contiguous range with a ceiling, thrown
 * away as a whole.
 *
 * Layer: script (5). Owner: struct vm. Thread: loop.
 * The header lies outside the range, no lock is ever held and nothing of libc
 * malloc is used inside, so the VM may be left by a jump at any instruction,
 * also in the middle of an allocation: afterwards only vmarena_free() and the
 * counters are valid. DESIGN 6, dependencies.md 1.6, 1.7.
 */
#ifndef SCRIPT_VMARENA_H
#define SCRIPT_VMARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vmarena;

/*
 * Reserve address space for `cap` bytes in use (pages are taken as they are
 * touched). NULL: no memory.
 * over: called, and must not return, when the ceiling is passed.
 */
struct vmarena *vmarena_new(size_t cap, void (*over)(void *arg), void *arg);
void vmarena_free(struct vmarena *); /* NULL is allowed */

/*
 * As realloc(); n 0 frees and returns NULL. It never returns NULL otherwise:
 * mruby 3.1 would then collect in places where it must not (a fiber half made)
 * and corrupt itself, so at the ceiling over() ends the VM.
 */
void *vmarena_realloc(struct vmarena *, void *p, size_t n);

/* Give the whole pages of free blocks back to the system: after much was freed
 * (loading, a collection). They come back, zero, when they are used. */
void vmarena_trim(struct vmarena *);

/* The ceiling may be moved within what was reserved (headroom while loading);
 * larger values are clamped. */
void vmarena_set_cap(struct vmarena *, size_t cap);
size_t vmarena_reserve(const struct vmarena *); /* largest ceiling */

size_t vmarena_used(const struct vmarena *); /* bytes in live blocks */
size_t vmarena_peak(const struct vmarena *);

#endif
