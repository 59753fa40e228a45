/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One transfer: the options of its easy handle, and what comes back. Nothing
 * called by libcurl here may call its multi functions.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/fetch_int.h"

#define AGENT "fcs/" FCS_VERSION

/* ---- called by libcurl ---- */

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct request *r = arg;

	(void)size;
	if (buf_len(&r->in) + n > r->f->conf.body_max) {
		(void)err_set(&r->why, FCS_ELIMIT,
		    "the answer is larger than %zu bytes", r->f->conf.body_max);
		return 0;
	}
	buf_append(&r->in, p, n);
	if (buf_status(&r->in) != FCS_OK) {
		(void)err_set(&r->why, FCS_ENOMEM, "out of memory");
		return 0;
	}
	return n;
}

static void
add_lower(struct buf *b, const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		buf_u8(b, p[i] >= 'A' && p[i] <= 'Z'
			      ? (unsigned char)(p[i] - 'A' + 'a')
			      : (unsigned char)p[i]);
}

/* One line without its end. A fold goes on with the value before. */
static void
take_line(struct request *r, const char *p, size_t n)
{
	const char *colon = memchr(p, ':', n);
	const char *end = p + n;

	if (n > 0 && (p[0] == ' ' || p[0] == '\t')) {
		if (!r->head_is_open)
			return;
		buf_truncate(&r->head, buf_len(&r->head) - 1);
		buf_append(&r->head, p, n);
		buf_u8(&r->head, 0);
		return;
	}
	r->head_is_open = false;
	if (colon == NULL || colon == p || memchr(p, '\0', n) != NULL)
		return;
	add_lower(&r->head, p, (size_t)(colon - p));
	buf_u8(&r->head, 0);
	for (p = colon + 1; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	buf_append(&r->head, p, (size_t)(end - p));
	buf_u8(&r->head, 0);
	r->head_is_open = true;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct request *r = arg;
	size_t len = n;

	(void)size;
	if (buf_len(&r->head) + n > r->f->conf.header_max) {
		(void)err_set(&r->why, FCS_ELIMIT,
		    "the answer's headers are larger than %zu bytes",
		    r->f->conf.header_max);
		return 0;
	}
	while (len > 0 && (p[len - 1] == '\r' || p[len - 1] == '\n'))
		len--;
	if (len >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		/* the next one of several (100 Continue) */
		buf_reset(&r->head, r->f->conf.header_max);
		r->head_is_open = false;
	} else {
		take_line(r, p, len);
	}
	return buf_status(&r->head) == FCS_OK ? n : 0;
}

static int
on_resolve(void *resolver, void *reserved, void *arg)
{
	struct request *r = arg;

	(void)resolver;
	(void)reserved;
	r->resolving = true;
	return 0;
}

/* Sockets of our own making: for TCP only, closed on exec, and never one of
 * the last descriptors. */
static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct request *r = arg;
	int fd;

	r->resolving = false;
	if (purpose != CURLSOCKTYPE_IPCXN || r->id == 0 ||
	    (a->family != AF_INET && a->family != AF_INET6))
		return CURL_SOCKET_BAD;
	fd = socket(a->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || fd > r->f->max_fd) {
		(void)err_set(
		    &r->why, FCS_ELIMIT, "the server is out of descriptors");
		if (fd >= 0)
			close(fd);
		return CURL_SOCKET_BAD;
	}
	return fd;
}

/* ---- options ---- */

static int
add_line(struct request *r, const char *line)
{
	struct curl_slist *list = curl_slist_append(r->list, line);

	if (list == NULL)
		return FCS_ENOMEM;
	r->list = list;
	return FCS_OK;
}

static int
set_headers(struct request *r)
{
	size_t i;
	int rc = FCS_OK;

	for (i = 0; i < r->header_count && rc == FCS_OK; i++)
		if (r->headers[i] != NULL)
			rc = add_line(r, r->headers[i]);
	/* no waiting for 100; no guessed type, no type of an absent body */
	if (rc == FCS_OK)
		rc = add_line(r, "Expect:");
	for (i = 0; i < r->header_count && rc == FCS_OK; i++)
		if (r->headers[i] != NULL &&
		    strncasecmp(r->headers[i], "content-type:", 13) == 0)
			return FCS_OK;
	return rc == FCS_OK ? add_line(r, "Content-Type:") : rc;
}

static void
set_method(struct request *r)
{
	CURL *e = r->easy;

	if (!r->post) {
		(void)curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
		return;
	}
	(void)curl_easy_setopt(e, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(
	    e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->len);
	(void)curl_easy_setopt(
	    e, CURLOPT_POSTFIELDS, r->len == 0 ? "" : (const char *)r->body);
	/* On a connection that was idle libcurl sends a request again when the
	 * other side closes it meanwhile: a POST must not arrive twice. */
	(void)curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
}

/*
 * Reading all authorities into a context takes OpenSSL 60 ms of the loop's
 * time, for each connection. From a folder with names by hash it reads the one
 * it needs; where there is none libcurl keeps what it read, provided it has
 * no folder to look at.
 */
static void
set_authorities(struct request *r)
{
	CURL *e = r->easy;
	const char *file = r->f->conf.ca_file;
	char *folder = NULL;

	(void)curl_easy_getinfo(e, CURLINFO_CAPATH, &folder);
	if (r->f->conf.ca_folder != NULL) {
		(void)curl_easy_setopt(e, CURLOPT_CAPATH, r->f->conf.ca_folder);
		(void)curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
		return;
	}
	if (file == NULL && folder != NULL && access(folder, X_OK) == 0) {
		(void)curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
		return;
	}
	(void)curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	if (file != NULL)
		(void)curl_easy_setopt(e, CURLOPT_CAINFO, file);
}

static void
set_rules(struct request *r)
{
	CURL *e = r->easy;

	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	(void)curl_easy_setopt(e, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	(void)curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	(void)curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	(void)curl_easy_setopt(
	    e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(
	    e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(e, CURLOPT_USERAGENT, AGENT);
	set_authorities(r);
}

static void
set_callbacks(struct request *r)
{
	CURL *e = r->easy;

	(void)curl_easy_setopt(e, CURLOPT_PRIVATE, r);
	(void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->curl_error);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
	(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(e, CURLOPT_HEADERDATA, r);
	(void)curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	(void)curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, r);
	(void)curl_easy_setopt(e, CURLOPT_RESOLVER_START_FUNCTION, on_resolve);
	(void)curl_easy_setopt(e, CURLOPT_RESOLVER_START_DATA, r);
}

int
fetch_easy_open(struct request *r)
{
	r->easy = curl_easy_init();
	if (r->easy == NULL)
		return FCS_ENOMEM;
	r->curl_error[0] = '\0';
	buf_reset(&r->head, 0);
	buf_reset(&r->in, 0);
	r->head_is_open = false;
	set_rules(r);
	set_callbacks(r);
	set_method(r);
	/* these two are the gate: without them nothing leaves */
	if (set_headers(r) != FCS_OK ||
	    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->list) !=
		CURLE_OK ||
	    curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR, "http,https") !=
		CURLE_OK ||
	    curl_easy_setopt(r->easy, CURLOPT_URL, r->url.text) != CURLE_OK) {
		fetch_easy_close(r);
		return FCS_ENOMEM;
	}
	return FCS_OK;
}

void
fetch_easy_close(struct request *r)
{
	if (r->easy != NULL)
		curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->list);
	r->easy = NULL;
	r->list = NULL;
}

/* ---- the end of it ---- */

static const char *
explain(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return "no such host";
	case CURLE_COULDNT_CONNECT:
		return "cannot connect";
	case CURLE_OPERATION_TIMEDOUT:
		return "no answer in time";
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return "the connection broke off";
	case CURLE_PEER_FAILED_VERIFICATION:
		return "TLS: the certificate is not trusted";
	case CURLE_SSL_CONNECT_ERROR:
		return "TLS: no common ground";
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_BAD_CONTENT_ENCODING:
		return "no HTTP answer";
	default:
		return curl_easy_strerror(code);
	}
}

void
fetch_easy_result(struct request *r, CURLcode code)
{
	long status = 0;

	r->resolving = false;
	if (r->why.code != FCS_OK)
		return;
	if (code != CURLE_OK) {
		(void)err_set(&r->why, FCS_EIO, "%s:%u: %s (%s)", r->url.host,
		    r->url.port, explain(code),
		    r->curl_error[0] == '\0' ? curl_easy_strerror(code)
					     : r->curl_error);
		return;
	}
	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	r->status = (int)status;
}

const char *
fetch_easy_redirect(struct request *r)
{
	char *to = NULL;

	if (r->status != 301 && r->status != 302 && r->status != 303 &&
	    r->status != 307 && r->status != 308)
		return NULL;
	(void)curl_easy_getinfo(r->easy, CURLINFO_REDIRECT_URL, &to);
	return to;
}
