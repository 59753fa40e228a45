/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

static void (*assert_dump)(void *);
static void *assert_arg;

const char *
err_text(int code)
{
	switch (code) {
#define X(symbol, value, text)                                                 \
	case symbol:                                                           \
		return text;
		FCS_ERRORS(X)
#undef X
	default:
		return "unknown error";
	}
}

const char *
err_name(int code)
{
	switch (code) {
#define X(symbol, value, text)                                                 \
	case symbol:                                                           \
		return #symbol;
		FCS_ERRORS(X)
#undef X
	default:
		return "unknown";
	}
}

/* Keep a text that vsnprintf() had to cut from ending in half a character. */
static void
trim(char *text, size_t size)
{
	size_t len = strlen(text);

	if (len == size - 1)
		text[utf8_cut(text, len, len)] = '\0';
}

int
err_vset(struct err *e, int code, const char *fmt, va_list ap)
{
	if (e != NULL) {
		e->code = code;
		(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
		trim(e->text, sizeof(e->text));
	}
	return code;
}

int
err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, code, fmt, ap);
	va_end(ap);
	return code;
}

int
err_from_errno(int errnum)
{
	switch (errnum) {
	case 0:
		return FCS_OK;
	case ENOMEM:
		return FCS_ENOMEM;
	case EINVAL:
	case ENAMETOOLONG:
		return FCS_EINVAL;
	case EMFILE:
	case ENFILE:
		return FCS_ELIMIT;
	case ENOENT:
	case ENOTDIR:
		return FCS_ENOENT;
	case EEXIST:
		return FCS_EEXIST;
	case EACCES:
	case EPERM:
		return FCS_EACCES;
	case EBUSY:
	case EADDRINUSE:
		return FCS_EBUSY;
	case ETIMEDOUT:
		return FCS_ETIMEOUT;
	case EIO:
		return FCS_EIO;
	case ENOSPC:
	case EDQUOT:
		return FCS_ENOSPC;
	case EROFS:
		return FCS_EREADONLY;
	case EPIPE:
	case ECONNRESET:
		return FCS_ECLOSED;
	case EAGAIN:
		return FCS_EAGAIN;
	default:
		return FCS_ESYS;
	}
}

int
err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;
	char why[64];
	size_t len;

	va_start(ap, fmt);
	err_vset(e, err_from_errno(errnum), fmt, ap);
	va_end(ap);
	if (e != NULL) {
		len = strlen(e->text);
		(void)snprintf(e->text + len, sizeof(e->text) - len, ": %s",
		    strerror_r(errnum, why, sizeof(why)));
		trim(e->text, sizeof(e->text));
	}
	return err_from_errno(errnum);
}

void
err_prefix(struct err *e, const char *fmt, ...)
{
	va_list ap;
	char old[ERR_TEXT_MAX];
	size_t len;

	if (e == NULL)
		return;
	memcpy(old, e->text, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	len = strlen(e->text);
	(void)snprintf(e->text + len, sizeof(e->text) - len, ": %s", old);
	trim(e->text, sizeof(e->text));
}

void
err_clear(struct err *e)
{
	e->code = FCS_OK;
	e->text[0] = '\0';
}

void
err_on_assert(void (*dump)(void *arg), void *arg)
{
	assert_dump = dump;
	assert_arg = arg;
}

void
err_assert_fail(const char *expr, const char *file, int line, const char *func)
{
	char text[512];
	int len;
	ssize_t n;
	void (*dump)(void *) = assert_dump;

	len = snprintf(text, sizeof(text), "%s:%d: %s: assertion failed: %s\n",
	    file, line, func, expr);
	if (len > (int)sizeof(text) - 1)
		len = (int)sizeof(text) - 1;
	n = write(STDERR_FILENO, text, (size_t)len);
	(void)n;
	assert_dump = NULL; /* a dump that asserts must not come back here */
	if (dump != NULL)
		dump(assert_arg);
	abort();
}
