/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http: a request waits for the commit barrier, leaves, and its answer is
 * taken by the Pending it belongs to (mrblib/88_http.rb). script-api.md 7.8.
 */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/fetch.h"
#include "script/bind.h"
#include "script/vmwait.h"

#define HEADERS_MAX 64

struct http {
	struct vmwait wait;
	struct fetch *fetch;
	uint64_t id; /* 0: not under way */
	bool held;   /* behind the commit barrier, which frees it */

	bool post;
	struct weburl url;
	char *lines[HEADERS_MAX];
	size_t line_count;
	char *body;
	size_t len;
	uint32_t timeout_ms;

	/* the answer: headers name NUL value NUL ..., then the body */
	struct err why; /* code != FCS_OK: it failed */
	int status;
	struct buf head, in;
};

static void
http_free(struct http *h)
{
	size_t i;

	vmwait_remove(&h->wait);
	for (i = 0; i < h->line_count; i++)
		free(h->lines[i]);
	free(h->body);
	buf_fini(&h->head);
	buf_fini(&h->in);
	free(h);
}

static void
abandon(struct vmwait *w)
{
	struct http *h = (struct http *)(void *)w;

	if (h->id != 0)
		fetch_cancel(h->fetch, h->id);
	if (!h->held)
		http_free(h);
}

/* ---- where it may go ---- */

static bool
is_allowed(const struct vm *vm, const struct weburl *url)
{
	const struct application_env *env =
	    application_env(instance_app(vm->inst));
	const char *item;
	struct weburl entry;
	size_t i;

	if (env->settings == NULL)
		return false;
	if (env->dev &&
	    config_app_value(env->settings, APP_HTTP_ALLOW)->layer ==
		CONFIG_BY_DEFAULT)
		return weburl_is_loopback(url);
	for (i = 0; i < config_app_count(env->settings, APP_HTTP_ALLOW); i++) {
		item = config_app_item(env->settings, APP_HTTP_ALLOW, i);
		if (weburl_parse(item, strlen(item), &entry, NULL) == FCS_OK &&
		    weburl_is_below(url, &entry))
			return true;
	}
	return false;
}

static bool
may(void *arg, const struct weburl *url)
{
	const struct http *h = arg;

	return h->wait.vm != NULL && is_allowed(h->wait.vm, url);
}

/* ---- under way ---- */

static void
ready(struct http *h)
{
	if (h->wait.vm == NULL)
		http_free(h);
	else
		vmwait_ready(&h->wait);
}

static void
on_done(void *arg, const struct fetch_answer *a, const struct err *why)
{
	struct http *h = arg;
	size_t i;

	h->id = 0;
	if (a == NULL) {
		h->why = *why;
		ready(h);
		return;
	}
	h->status = a->status;
	for (i = 0; i < a->header_count; i++) {
		buf_append(&h->head, a->headers[i].name,
		    strlen(a->headers[i].name) + 1);
		buf_append(&h->head, a->headers[i].value,
		    strlen(a->headers[i].value) + 1);
	}
	buf_append(&h->in, a->body, a->len);
	if (buf_status(&h->head) != FCS_OK || buf_status(&h->in) != FCS_OK)
		(void)err_set(&h->why, FCS_ENOMEM, "out of memory");
	ready(h);
}

/* What the handler wrote is durable: now it may be told to others. */
static void
on_due(void *arg, int result)
{
	struct http *h = arg;
	struct fetch_request q = { .post = h->post,
		.url = &h->url,
		.headers = (const char *const *)h->lines,
		.header_count = h->line_count,
		.body = h->body,
		.len = h->len,
		.timeout_ms = h->timeout_ms,
		.may = may };
	int rc;

	h->held = false;
	if (h->wait.vm == NULL || result == FCS_ECLOSED) {
		http_free(h);
		return;
	}
	if (result != FCS_OK) {
		(void)err_set(&h->why, result,
		    "not sent: what was written before could not be stored");
		ready(h);
		return;
	}
	rc = fetch_start(h->fetch, &q, on_done, h, &h->id);
	if (rc != FCS_OK) {
		(void)err_set(&h->why, rc, "%s",
		    rc == FCS_ELIMIT
			? "busy: limits.fetches_app requests are under way"
			: err_text(rc));
		ready(h);
	}
}

/* ---- the bindings ---- */

static bool
is_token(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] <= 0x20 || p[i] >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", p[i]) != NULL)
			return false;
	return n > 0;
}

/* Those libcurl and the server write themselves. */
static bool
is_ours(const char *p, size_t n)
{
	static const char *const names[] = { "host", "content-length",
		"transfer-encoding", "connection", "expect", "upgrade", "te",
		"trailer", "keep-alive", "proxy-connection" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == n && strncasecmp(p, names[i], n) == 0)
			return true;
	return false;
}

static bool
is_value(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (((unsigned char)p[i] < 0x20 && p[i] != '\t') ||
		    p[i] == 0x7f)
			return false;
	return true;
}

/* Native: one header into h; NULL, or what is wrong. */
static const char *
add_header(struct http *h, mrb_value name, mrb_value value)
{
	const char *n = RSTRING_PTR(name), *v = RSTRING_PTR(value);
	size_t n_len = (size_t)RSTRING_LEN(name);
	size_t v_len = (size_t)RSTRING_LEN(value);
	char *line;

	if (!is_token(n, n_len))
		return "a header's name has a character it may not have";
	if (is_ours(n, n_len))
		return "this header is written by the server";
	if (!is_value(v, v_len))
		return "a header's value has a control character";
	/* libcurl takes "Name:" for "leave it out" */
	if (asprintf(&line, "%.*s%s%.*s", (int)n_len, n,
		v_len == 0 ? ";" : ": ", (int)v_len, v) < 0)
		return "out of memory";
	h->lines[h->line_count++] = line;
	return NULL;
}

static const char *
add_headers(struct http *h, mrb_value list, size_t max)
{
	const char *why = NULL;
	size_t bytes = 0;
	mrb_int i;

	if (RARRAY_LEN(list) > 2 * HEADERS_MAX)
		return "more than 64 headers";
	for (i = 0; i + 1 < RARRAY_LEN(list) && why == NULL; i += 2) {
		bytes += (size_t)RSTRING_LEN(RARRAY_PTR(list)[i]) +
			 (size_t)RSTRING_LEN(RARRAY_PTR(list)[i + 1]) + 4;
		if (bytes > max)
			return "the headers are too long";
		why =
		    add_header(h, RARRAY_PTR(list)[i], RARRAY_PTR(list)[i + 1]);
	}
	return why;
}

struct args {
	mrb_int pending;
	mrb_bool post;
	const char *url, *body;
	mrb_int url_len, body_len;
	mrb_value headers;
	uint32_t timeout_ms;
};

/* Native: *bad what the script must not say (it raises), *no what becomes the
 * failure of the Pending. */
static void
start(struct vm *vm, const struct args *a, char bad[ERR_TEXT_MAX],
    struct err *no, int *limit)
{
	const struct application_env *env =
	    application_env(instance_app(vm->inst));
	struct http *h;
	const char *why;
	int rc;

	if ((int64_t)vmwait_count(vm, VMWAIT_HTTP) >=
	    limits_get(env->limits, LIMIT_FETCHES)) {
		limits_refuse(LIMIT_FETCHES);
		*limit = FCS_ELIMIT;
		return;
	}
	h = calloc(1, sizeof(*h));
	if (h == NULL) {
		*limit = FCS_ENOMEM;
		return;
	}
	h->wait.kind = VMWAIT_HTTP;
	h->wait.pending = (uint64_t)a->pending;
	h->wait.abandon = abandon;
	h->fetch = env->fetch;
	h->post = a->post;
	h->timeout_ms = a->timeout_ms;
	buf_init(&h->head, 0);
	buf_init(&h->in, 0);
	why = add_headers(
	    h, a->headers, (size_t)limits_get(env->limits, LIMIT_FETCH_HEADER));
	if (why != NULL)
		(void)snprintf(bad, ERR_TEXT_MAX, "%s", why);
	else if (env->fetch == NULL)
		(void)err_set(no, FCS_EUNSUPPORTED, "no requests here");
	else if (a->body_len > limits_get(env->limits, LIMIT_FETCH_BODY))
		(void)err_set(no, FCS_ELIMIT,
		    "the body is larger than limits.fetch_body");
	else if (weburl_parse(a->url, (size_t)a->url_len, &h->url, no) ==
		     FCS_OK &&
		 !is_allowed(vm, &h->url))
		(void)err_set(no, FCS_EACCES,
		    "http.allow in app.yaml does not name this URL at %s:%u",
		    h->url.host, h->url.port);
	if (bad[0] == '\0' && no->code == FCS_OK && a->body_len > 0) {
		h->body = malloc((size_t)a->body_len);
		if (h->body == NULL)
			(void)err_set(no, FCS_ENOMEM, "out of memory");
		else
			memcpy(h->body, a->body, (size_t)a->body_len);
		h->len = (size_t)a->body_len;
	}
	if (bad[0] != '\0' || no->code != FCS_OK) {
		http_free(h);
		return;
	}
	vmwait_add(vm, &h->wait);
	h->held = true;
	rc = instance_later(vm->inst, on_due, h);
	if (rc != FCS_OK) {
		http_free(h);
		*limit = rc;
	}
}

/* http(pending, post, url, headers, body, seconds) => nil, or why not */
static mrb_value
f_http(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	char bad[ERR_TEXT_MAX] = "";
	struct args a;
	mrb_float seconds, most;
	struct err no;
	int limit = FCS_OK;
	mrb_int i;

	(void)self;
	mrb_get_args(mrb, "ibsAs!f", &a.pending, &a.post, &a.url, &a.url_len,
	    &a.headers, &a.body, &a.body_len, &seconds);
	if (a.body == NULL)
		a.body_len = 0;
	for (i = 0; i < RARRAY_LEN(a.headers); i++)
		if (!mrb_string_p(RARRAY_PTR(a.headers)[i]))
			mrb_raise(mrb, E_ARGUMENT_ERROR, "headers are Strings");
	most = (mrb_float)limits_get(
		   application_env(instance_app(vm->inst))->limits,
		   LIMIT_FETCH_TIME) /
	       1000;
	if (!(seconds >= 0.001 && seconds <= most))
		mrb_raisef(mrb, E_ARGUMENT_ERROR,
		    "timeout: is 0.001 to %f seconds", most);
	a.timeout_ms = (uint32_t)(seconds * 1000 + 0.5);
	err_clear(&no);
	vmguard_native_begin();
	start(vm, &a, bad, &no, &limit);
	vmguard_native_end();
	if (bad[0] != '\0')
		vm_raise(mrb, VM_EVALUE, "%s", bad);
	if (limit != FCS_OK)
		vm_raise_code(mrb, limit, "too many requests");
	return no.code == FCS_OK ? mrb_nil_value() : vm_text(mrb, no.text);
}

/* The answer as Ruby sees it: [status, [name, value ...], body]. */
static mrb_value
answer_value(mrb_state *mrb, const struct http *h)
{
	mrb_value v[3];

	v[0] = mrb_int_value(mrb, h->status);
	v[1] = bind_core_texts(mrb, &h->head);
	v[2] = mrb_str_new(
	    mrb, (const char *)buf_data(&h->in), (mrb_int)buf_len(&h->in));
	return mrb_ary_new_from_values(mrb, 3, v);
}

/* http_take(pending) => [status, headers, body], or the text of a failure */
static mrb_value
f_take(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	struct vmwait *w;
	struct http *h;
	mrb_int pending;
	mrb_value out;

	(void)self;
	mrb_get_args(mrb, "i", &pending);
	w = vmwait_find(vm, VMWAIT_HTTP, (uint64_t)pending);
	if (w == NULL)
		return mrb_str_new_lit(mrb, "no answer");
	h = (struct http *)(void *)w;
	if (h->why.code != FCS_OK)
		out = vm_text(mrb, h->why.text);
	else if (!vmwait_has_room(vm, buf_len(&h->in) + buf_len(&h->head) * 4))
		out = mrb_str_new_lit(
		    mrb, "the answer does not fit into script.memory");
	else
		out = answer_value(mrb, h);
	vmguard_native_begin();
	http_free(h);
	vmguard_native_end();
	return out;
}

/* escape(s): all but letters, digits and -._~ as %XX */
static mrb_value
f_escape(mrb_state *mrb, mrb_value self)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *s;
	mrb_int len, i;
	mrb_value out;
	char c[3] = "%";

	(void)self;
	mrb_get_args(mrb, "s", &s, &len);
	out = mrb_str_new_capa(mrb, len);
	for (i = 0; i < len; i++) {
		if ((s[i] >= '0' && s[i] <= '9') ||
		    (s[i] >= 'a' && s[i] <= 'z') ||
		    (s[i] >= 'A' && s[i] <= 'Z') ||
		    (s[i] != '\0' && strchr("-._~", s[i]) != NULL)) {
			mrb_str_cat(mrb, out, s + i, 1);
			continue;
		}
		c[1] = digits[(unsigned char)s[i] >> 4];
		c[2] = digits[(unsigned char)s[i] & 15];
		mrb_str_cat(mrb, out, c, 3);
	}
	return out;
}

void
bind_http_init(struct vm *vm)
{
	BIND(vm, "http", f_http, MRB_ARGS_REQ(6));
	BIND(vm, "http_take", f_take, MRB_ARGS_REQ(1));
	BIND(vm, "escape", f_escape, MRB_ARGS_REQ(1));
}
