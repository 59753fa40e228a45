/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * err - error codes, error values with a reason, and the assertion.
 *
 * Belongs to: base (rank 1). Used by: everything.
 * Threading: any thread; struct err belongs to whoever declared it.
 * Three classes of trouble (DESIGN 8): the peer's fault and our resource are
 * codes, our bug is fcs_assert(). Input from network, disk, configuration or
 * script never reaches an assertion.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

#define FCS_MUSTUSE           __attribute__((warn_unused_result))
#define FCS_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define FCS_NORETURN          __attribute__((noreturn))

/* The one list: symbol, value, text. Values are stable (they reach logs). */
#define FCS_ERRORS(X)                                                          \
	X(FCS_OK, 0, "ok")                                                     \
	X(FCS_ENOMEM, -1, "out of memory")                                     \
	X(FCS_EINVAL, -2, "invalid argument")                                  \
	X(FCS_ELIMIT, -3, "a limit is reached")                                \
	X(FCS_ESHORT, -4, "more bytes are needed")                             \
	X(FCS_EFORMAT, -5, "malformed data")                                   \
	X(FCS_EDEPTH, -6, "nested too deep")                                   \
	X(FCS_ENOENT, -7, "not found")                                         \
	X(FCS_EEXIST, -8, "exists already")                                    \
	X(FCS_EACCES, -9, "access denied")                                     \
	X(FCS_EREJECT, -10, "rejected")                                        \
	X(FCS_EBUSY, -11, "busy")                                              \
	X(FCS_ETIMEOUT, -12, "timed out")                                      \
	X(FCS_EIO, -13, "input/output error")                                  \
	X(FCS_ENOSPC, -14, "no space left")                                    \
	X(FCS_EREADONLY, -15, "read only")                                     \
	X(FCS_ECLOSED, -16, "closed")                                          \
	X(FCS_ERANGE, -17, "out of range")                                     \
	X(FCS_ECORRUPT, -18, "stored data is damaged")                         \
	X(FCS_ESCHEMA, -19, "stored data has another schema version")          \
	X(FCS_ESTALE, -20, "stale")                                            \
	X(FCS_EAGAIN, -21, "not now, try again")                               \
	X(FCS_EUNSUPPORTED, -22, "not supported")                              \
	X(FCS_ESCRIPT, -23, "the script failed")                               \
	X(FCS_EKILLED, -24, "stopped at a limit")                              \
	X(FCS_ECONFIG, -25, "configuration error")                             \
	X(FCS_ESYS, -26, "system error")

enum fcs_code {
#define X(symbol, value, text) symbol = (value),
	FCS_ERRORS(X)
#undef X
};

#define ERR_TEXT_MAX 160 /* bytes with the final NUL */

/* A code with the reason, filled once at the place that knows. */
struct err {
	int code; /* FCS_OK or FCS_E* */
	char text[ERR_TEXT_MAX];
};

/* Drop a result on purpose; the comment beside the call says why. */
static inline void
fcs_ignore(int rc)
{
	(void)rc;
}

/* Text of a code ("out of memory"); never NULL, "unknown error" otherwise. */
const char *err_text(int code);
/* Symbol of a code ("FCS_ENOMEM"); never NULL. */
const char *err_name(int code);

/*
 * Fill *e (may be NULL: nothing is stored) and return code, so that a
 * function can end in `return err_set(e, FCS_EIO, "...", ...);`. The text is
 * cut at ERR_TEXT_MAX - 1 bytes, never within a UTF-8 sequence.
 */
int err_set(struct err *e, int code, const char *fmt, ...) FCS_PRINTF(3, 4);
int err_vset(struct err *e, int code, const char *fmt, va_list ap)
    FCS_PRINTF(3, 0);
/* As err_set, with ": strerror(errnum)" appended; picks the code itself. */
int err_sys(struct err *e, int errnum, const char *fmt, ...) FCS_PRINTF(3, 4);
/* The FCS_E* code nearest to an errno value. */
int err_from_errno(int errnum);
/* Put "context: " before the text that is already there. */
void err_prefix(struct err *e, const char *fmt, ...) FCS_PRINTF(2, 3);
void err_clear(struct err *e);

/*
 * Called before abort() by a failed assertion, so that a process can write
 * what it was doing; must not allocate. NULL removes it.
 */
void err_on_assert(void (*dump)(void *arg), void *arg);
void err_assert_fail(const char *expr, const char *file, int line,
    const char *func) FCS_NORETURN;

/* Always on, also in release builds: our bug, not somebody's input. */
#define fcs_assert(expr)                                                       \
	((expr) ? (void)0                                                      \
		: err_assert_fail(#expr, __FILE__, __LINE__, __func__))

#endif
