/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line is built in one str and leaves in one write(), so that lines of
 * several processes on the same descriptor do not mix. The format is walked
 * here, conversion by conversion, because only so every value can be escaped.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/utf8.h"

#define VALUE_MAX   1024 /* bytes of one value, the rest is cut */
#define EVENTS      256  /* events with a rate of their own */
#define WINDOW_MS   1000
#define ROLE_LENGTH 80

struct event_rate {
	char name[48];
	int64_t since_ms;
	unsigned lines;
	uint64_t suppressed;
};

static struct {
	pthread_mutex_t lock;
	int fd;
	char *path;
	enum log_level level;
	enum log_format format;
	unsigned rate;
	char role[ROLE_LENGTH];
	char app[ROLE_LENGTH];
	void (*tap)(void *, const char *, size_t);
	void *tap_arg;
	uint64_t suppressed;
	struct event_rate events[EVENTS];
} state = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.fd = STDERR_FILENO,
	.level = LOG_LEVEL_INFO,
	.rate = 20,
};

static const char *const level_names[] = { "debug", "info", "warn", "error" };

int
log_level_parse(const char *text, enum log_level *out)
{
	for (int i = 0; i < 4; i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*out = (enum log_level)i;
			return FCS_OK;
		}
	}
	return FCS_EFORMAT;
}

static int
open_file(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

	if (fd < 0)
		(void)err_sys(e, errno, "log file %s", path);
	return fd;
}

static void
set_target(int fd, char *path)
{
	pthread_mutex_lock(&state.lock);
	if (state.fd != STDERR_FILENO)
		close(state.fd);
	if (path != state.path)
		free(state.path);
	state.fd = fd;
	state.path = path;
	pthread_mutex_unlock(&state.lock);
}

int
log_open(const char *path, struct err *e)
{
	char *copy;
	int fd;

	if (path == NULL) {
		log_close();
		return FCS_OK;
	}
	copy = strdup(path);
	if (copy == NULL)
		return err_set(e, FCS_ENOMEM, "log file %s", path);
	fd = open_file(path, e);
	if (fd < 0) {
		free(copy);
		return e != NULL ? e->code : FCS_EIO;
	}
	set_target(fd, copy);
	return FCS_OK;
}

int
log_reopen(struct err *e)
{
	int fd;

	if (state.path == NULL)
		return FCS_OK;
	fd = open_file(state.path, e);
	if (fd < 0)
		return e != NULL ? e->code : FCS_EIO;
	set_target(fd, state.path);
	return FCS_OK;
}

void
log_close(void)
{
	set_target(STDERR_FILENO, NULL);
}

void
log_set_level(enum log_level level)
{
	pthread_mutex_lock(&state.lock);
	state.level = level;
	pthread_mutex_unlock(&state.lock);
}

void
log_set_format(enum log_format format)
{
	pthread_mutex_lock(&state.lock);
	state.format = format;
	pthread_mutex_unlock(&state.lock);
}

void
log_set_rate(unsigned lines_per_s)
{
	pthread_mutex_lock(&state.lock);
	state.rate = lines_per_s;
	pthread_mutex_unlock(&state.lock);
}

void
log_set_role(const char *role, const char *app)
{
	pthread_mutex_lock(&state.lock);
	(void)snprintf(
	    state.role, sizeof(state.role), "%s", role != NULL ? role : "");
	(void)snprintf(
	    state.app, sizeof(state.app), "%s", app != NULL ? app : "");
	pthread_mutex_unlock(&state.lock);
}

void
log_set_tap(void (*fn)(void *arg, const char *line, size_t len), void *arg)
{
	pthread_mutex_lock(&state.lock);
	state.tap = fn;
	state.tap_arg = arg;
	pthread_mutex_unlock(&state.lock);
}

bool
log_enabled(enum log_level level)
{
	bool yes;

	pthread_mutex_lock(&state.lock);
	yes = level >= state.level;
	pthread_mutex_unlock(&state.lock);
	return yes;
}

uint64_t
log_suppressed(void)
{
	uint64_t n;

	pthread_mutex_lock(&state.lock);
	n = state.suppressed;
	pthread_mutex_unlock(&state.lock);
	return n;
}

/* The record of an event, NULL when the table is full (then: no limit). */
static struct event_rate *
find_event(const char *name)
{
	unsigned h = 5381;
	struct event_rate *r;

	for (const char *p = name; *p != '\0'; p++)
		h = h * 33 + (unsigned char)*p;
	for (unsigned i = 0; i < EVENTS; i++) {
		r = &state.events[(h + i) % EVENTS];
		if (r->name[0] == '\0') {
			(void)snprintf(r->name, sizeof(r->name), "%s", name);
			return r;
		}
		if (strncmp(r->name, name, sizeof(r->name) - 1) == 0)
			return r;
	}
	return NULL;
}

/* With the lock held: may this line be written? *left_out: lines before. */
static bool
within_rate(const char *event, uint64_t *left_out)
{
	struct event_rate *r;
	int64_t now;

	*left_out = 0;
	if (state.rate == 0)
		return true;
	r = find_event(event);
	if (r == NULL)
		return true;
	now = clock_ms();
	if (r->lines == 0 || now - r->since_ms >= WINDOW_MS) {
		r->since_ms = now;
		r->lines = 0;
	}
	if (r->lines >= state.rate) {
		r->suppressed++;
		state.suppressed++;
		return false;
	}
	r->lines++;
	*left_out = r->suppressed;
	r->suppressed = 0;
	return true;
}

/* Does a text value need quotes, and escapes in them? */
static bool
is_word(const char *p, size_t n)
{
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] > '~' || p[i] == '"' || p[i] == '=' ||
		    p[i] == '\\')
			return false;
	return true;
}

static void
add_quoted(struct str *line, const char *p, size_t n)
{
	size_t step;
	uint32_t cp;

	str_addc(line, '"');
	for (; n > 0; p += step, n -= step) {
		cp = utf8_next(p, n, &step);
		if (cp == '"' || cp == '\\')
			str_addf(line, "\\%c", (int)cp);
		else if (cp == '\n')
			str_add(line, "\\n");
		else if (cp == UTF8_BAD || cp < 0x20 || cp == 0x7f)
			str_addf(line, "\\x%02x", (unsigned char)*p);
		else if ((cp >= 0x80 && cp < 0xa0) ||
			 (cp >= 0x2028 && cp <= 0x202e) ||
			 (cp >= 0x2066 && cp <= 0x2069))
			/* would move the cursor or turn the line around */
			str_addf(line, "\\u%04x", (unsigned)cp);
		else
			str_addn(line, p, step);
	}
	str_addc(line, '"');
}

static void
add_pair(struct str *line, const char *key, size_t key_len, const char *p,
    size_t n, bool number)
{
	bool json = state.format == LOG_FORMAT_JSON;
	bool cut = n > VALUE_MAX;

	if (cut)
		n = utf8_cut(p, n, VALUE_MAX);
	if (json) {
		str_addc(line, ',');
		str_add_json(line, key, key_len);
		str_addc(line, ':');
		if (number)
			str_addn(line, p, n);
		else
			str_add_json(line, p, n);
		return;
	}
	str_addc(line, ' ');
	str_addn(line, key, key_len);
	str_addc(line, '=');
	if (number || is_word(p, n))
		str_addn(line, p, n);
	else
		add_quoted(line, p, n);
	if (cut)
		str_add(line, "...");
}

/* One printf conversion, picked apart. */
struct conversion {
	char spec[32]; /* without length and precision stars resolved */
	size_t len;
	int longs; /* 1 l, 2 ll, 3 z, 4 j, 5 t */
	int precision;
	char type;
};

/* The conversion at fmt (behind the %); returns what follows it. */
static const char *
read_conversion(const char *fmt, va_list *ap, struct conversion *c)
{
	memset(c, 0, sizeof(*c));
	c->precision = -1;
	c->spec[c->len++] = '%';
	for (; *fmt != '\0'; fmt++) {
		if (*fmt == 'h')
			continue;
		if (*fmt == 'l')
			c->longs++;
		else if (*fmt == 'z')
			c->longs = 3;
		else if (*fmt == 'j')
			c->longs = 4;
		else if (*fmt == 't')
			c->longs = 5;
		else if (*fmt == '.' && fmt[1] == '*') {
			c->precision = va_arg(*ap, int);
			fmt++;
		} else if (strchr("0123456789.-+ #", *fmt) != NULL &&
			   c->len < 20)
			c->spec[c->len++] = *fmt;
		else
			break;
	}
	c->type = *fmt;
	return *fmt != '\0' ? fmt + 1 : fmt;
}

static void
add_integer(struct str *val, struct conversion *c, va_list *ap)
{
	bool is_signed = c->type == 'd' || c->type == 'i';
	long long v;

	switch (c->longs) {
	case 1:
		v = va_arg(*ap, long);
		break;
	case 2:
	case 4:
		v = va_arg(*ap, long long);
		break;
	case 3:
	case 5:
		v = (long long)va_arg(*ap, size_t);
		break;
	default:
		if (is_signed)
			v = va_arg(*ap, int);
		else
			v = va_arg(*ap, unsigned);
		break;
	}
	c->spec[c->len++] = 'l';
	c->spec[c->len++] = 'l';
	c->spec[c->len++] = c->type;
	c->spec[c->len] = '\0';
	str_addf(val, c->spec, v);
}

/* Append the value of one conversion; true when it is a JSON number. */
static bool
add_conversion(struct str *val, struct conversion *c, va_list *ap)
{
	const char *s;
	size_t n;

	switch (c->type) {
	case 'd':
	case 'i':
	case 'u':
		add_integer(val, c, ap);
		return c->len == 4; /* no flags: "%lld" */
	case 'x':
	case 'X':
	case 'o':
		add_integer(val, c, ap);
		return false;
	case 'c':
		str_addc(val, (char)va_arg(*ap, int));
		return false;
	case 's':
		s = va_arg(*ap, const char *);
		if (s == NULL) {
			str_add(val, "-");
			return false;
		}
		n = c->precision >= 0 ? strnlen(s, (size_t)c->precision)
				      : strlen(s);
		/* no more than is shown, but enough to know it was cut */
		str_addn(val, s, n > VALUE_MAX ? VALUE_MAX + 1 : n);
		return false;
	case 'f':
	case 'g':
	case 'e':
		c->spec[c->len++] = c->type;
		c->spec[c->len] = '\0';
		str_addf(val, c->spec, va_arg(*ap, double));
		return val->len > 0 && strpbrk(str_text(val), "ni") == NULL;
	case 'p':
		str_addf(val, "%p", va_arg(*ap, void *));
		return false;
	case '%':
		str_addc(val, '%');
		return false;
	default:
		str_add(val, "?");
		return false;
	}
}

/* Walk `key=... key=...`. */
static void
add_pairs(struct str *line, struct str *val, const char *fmt, va_list *ap)
{
	struct conversion c;
	const char *key;
	size_t key_len;
	int parts;
	bool number;

	while (*fmt != '\0') {
		if (*fmt == ' ') {
			fmt++;
			continue;
		}
		key = fmt;
		while (
		    *fmt != '\0' && *fmt != '=' && *fmt != ' ' && *fmt != '%')
			fmt++;
		key_len = (size_t)(fmt - key);
		if (*fmt == '=')
			fmt++;
		if (key_len == 0) {
			key = "note";
			key_len = 4;
		}
		str_reset(val);
		number = false;
		for (parts = 0; *fmt != '\0' && *fmt != ' '; parts++) {
			if (*fmt == '%') {
				fmt = read_conversion(fmt + 1, ap, &c);
				number = add_conversion(val, &c, ap);
			} else {
				str_addc(val, *fmt++);
				number = false;
			}
		}
		add_pair(line, key, key_len, str_text(val), val->len,
		    number && parts == 1);
	}
}

static void
add_head(struct str *line, enum log_level level, const char *event)
{
	char when[CLOCK_TEXT_MAX];

	clock_text(clock_wall_us(), when);
	if (state.format == LOG_FORMAT_JSON)
		str_addf(line,
		    "{\"time\":\"%s\",\"level\":\"%s\",\"event\":"
		    "\"%s\"",
		    when, level_names[level], event);
	else
		str_addf(line, "%s %s %s", when, level_names[level], event);
	if (state.role[0] != '\0')
		add_pair(
		    line, "role", 4, state.role, strlen(state.role), false);
	if (state.app[0] != '\0')
		add_pair(line, "app", 3, state.app, strlen(state.app), false);
}

static void
write_line(const char *p, size_t n)
{
	ssize_t done;

	if (state.tap != NULL)
		state.tap(state.tap_arg, p, n - 1);
	while (n > 0) {
		done = write(state.fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return; /* nowhere left to say so */
		p += done;
		n -= (size_t)done;
	}
}

static void
add_field(struct str *line, struct str *key, const struct log_field *f)
{
	size_t i;

	str_reset(key);
	for (i = 0; i < f->key_len; i++)
		str_addc(key, (f->key[i] >= 'a' && f->key[i] <= 'z') ||
				      (f->key[i] >= 'A' && f->key[i] <= 'Z') ||
				      (f->key[i] >= '0' && f->key[i] <= '9') ||
				      f->key[i] == '-' || f->key[i] == '.'
				  ? f->key[i]
				  : '_');
	if (f->key_len == 0)
		str_addc(key, '_');
	add_pair(line, str_text(key), key->len, f->value, f->len, false);
}

/* With the lock held. */
static void
write_event(enum log_level level, const char *event, uint64_t left_out,
    const struct log_field *fields, size_t n, const char *fmt, va_list *ap)
{
	static const char lost[] = "log.lost why=\"out of memory\"\n";
	struct str line;
	struct str val;

	str_init(&line);
	str_init(&val);
	add_head(&line, level, event);
	add_pairs(&line, &val, fmt, ap);
	for (; n > 0; n--)
		add_field(&line, &val, fields++);
	if (left_out > 0) {
		str_reset(&val);
		str_addf(&val, "%llu", (unsigned long long)left_out);
		add_pair(
		    &line, "suppressed", 10, str_text(&val), val.len, true);
	}
	str_add(&line, state.format == LOG_FORMAT_JSON ? "}\n" : "\n");
	if (line.err == FCS_OK && val.err == FCS_OK)
		write_line(str_text(&line), line.len);
	else
		write_line(lost, sizeof(lost) - 1);
	str_fini(&line);
	str_fini(&val);
}

void
log_write(enum log_level level, const char *event, const char *fmt, ...)
{
	uint64_t left_out;
	va_list ap;
	int saved = errno;

	pthread_mutex_lock(&state.lock);
	if (level >= state.level && within_rate(event, &left_out)) {
		va_start(ap, fmt);
		write_event(level, event, left_out, NULL, 0, fmt, &ap);
		va_end(ap);
	}
	pthread_mutex_unlock(&state.lock);
	errno = saved;
}

void
log_write_all(enum log_level level, const char *event, const char *fmt, ...)
{
	va_list ap;
	int saved = errno;

	pthread_mutex_lock(&state.lock);
	if (level >= state.level) {
		va_start(ap, fmt);
		write_event(level, event, 0, NULL, 0, fmt, &ap);
		va_end(ap);
	}
	pthread_mutex_unlock(&state.lock);
	errno = saved;
}

void
log_write_fields(enum log_level level, const char *event,
    const struct log_field *fields, size_t n, const char *fmt, ...)
{
	va_list ap;
	int saved = errno;

	pthread_mutex_lock(&state.lock);
	if (level >= state.level) {
		va_start(ap, fmt);
		write_event(level, event, 0, fields, n, fmt, &ap);
		va_end(ap);
	}
	pthread_mutex_unlock(&state.lock);
	errno = saved;
}
