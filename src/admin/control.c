/* SPDX-License-Identifier: BSD-2-Clause */
/* control - see control.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/control.h"

static const char *const code_names[] = { "ok", "failed", "usage",
	"not_running", "not_found", "denied", "busy", "timeout", "damaged" };

#define CODES (sizeof(code_names) / sizeof(code_names[0]))

const char *
control_code_text(enum control_code code)
{
	return (size_t)code < CODES ? code_names[code] : "failed";
}

enum control_code
control_code_parse(const char *text)
{
	size_t i;

	for (i = 0; text != NULL && i < CODES; i++)
		if (strcmp(code_names[i], text) == 0)
			return (enum control_code)i;
	return CONTROL_FAILED;
}

enum control_code
control_code_of(int fcs_error)
{
	switch (fcs_error) {
	case FCS_OK:
		return CONTROL_OK;
	case FCS_EINVAL:
		return CONTROL_USAGE;
	case FCS_ENOENT:
		return CONTROL_NOT_FOUND;
	case FCS_EACCES:
	case FCS_EREJECT:
	case FCS_EREADONLY:
		return CONTROL_DENIED;
	case FCS_EBUSY:
	case FCS_EEXIST:
	case FCS_EAGAIN:
		return CONTROL_BUSY;
	case FCS_ETIMEOUT:
		return CONTROL_TIMEOUT;
	case FCS_ECORRUPT:
		return CONTROL_DAMAGED;
	default:
		return CONTROL_FAILED;
	}
}

static bool
name_is_plain(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < CONTROL_NAME_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz-_ ") == n;
}

int
control_request_parse(
    const char *line, size_t len, struct control_request *out, struct err *why)
{
	json_t *j, *args, *id;
	json_error_t je;
	const char *name;
	int rc;

	memset(out, 0, sizeof(*out));
	/* jansson bounds the depth (2048) and refuses NUL in keys */
	j = json_loadb(line, len, JSON_REJECT_DUPLICATES, &je);
	if (!json_is_object(j)) {
		json_decref(j);
		return err_set(why, FCS_EFORMAT, "not a JSON object%s%s",
		    j == NULL ? ": " : "", j == NULL ? je.text : "");
	}
	id = json_object_get(j, "id");
	out->id = json_integer_value(id);
	out->cancel = json_is_true(json_object_get(j, "cancel"));
	out->watch = json_is_true(json_object_get(j, "watch"));
	args = json_object_get(j, "args");
	name = json_string_value(json_object_get(j, "do"));
	rc = FCS_OK;
	if (!json_is_integer(id))
		rc = err_set(why, FCS_EFORMAT, "no id");
	else if (!out->cancel &&
		 json_integer_value(json_object_get(j, "v")) != CONTROL_VERSION)
		rc = err_set(why, FCS_EUNSUPPORTED,
		    "this server speaks version %d", CONTROL_VERSION);
	else if (!out->cancel && (name == NULL || !name_is_plain(name)))
		rc = err_set(why, FCS_EFORMAT, "no command in \"do\"");
	else if (args != NULL && !json_is_object(args))
		rc = err_set(why, FCS_EFORMAT, "\"args\" is not an object");
	if (rc == FCS_OK) {
		if (name != NULL && !out->cancel)
			memcpy(out->name, name, strlen(name) + 1);
		out->args = args == NULL ? json_object() : json_incref(args);
		if (out->args == NULL)
			rc = err_set(why, FCS_ENOMEM, "out of memory");
	}
	json_decref(j);
	return rc;
}

void
control_request_fini(struct control_request *r)
{
	json_decref(r->args);
	r->args = NULL;
}

/* Takes j. */
static char *
line_of(json_t *j)
{
	char *text, *line = NULL;
	size_t n;

	if (j == NULL)
		return NULL;
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	if (text == NULL)
		return NULL;
	n = strlen(text);
	line = realloc(text, n + 2);
	if (line == NULL) {
		free(text);
		return NULL;
	}
	line[n] = '\n';
	line[n + 1] = '\0';
	return line;
}

char *
control_item(int64_t id, json_t *value)
{
	return line_of(
	    json_pack("{s:I, s:O}", "id", (json_int_t)id, "item", value));
}

char *
control_end(int64_t id, json_t *missing)
{
	json_t *j = json_pack("{s:I, s:b}", "id", (json_int_t)id, "end", 1);

	if (j != NULL && missing != NULL && json_array_size(missing) > 0)
		(void)json_object_set(j, "missing", missing);
	return line_of(j);
}

char *
control_error(
    int64_t id, enum control_code code, const char *text, const char *hint)
{
	json_t *e = json_pack("{s:s, s:s}", "code", control_code_text(code),
	    "text", text == NULL ? control_code_text(code) : text);

	if (e != NULL && hint != NULL && hint[0] != '\0')
		(void)json_object_set_new(e, "hint", json_string(hint));
	return line_of(
	    json_pack("{s:I, s:o}", "id", (json_int_t)id, "error", e));
}

enum control_code
control_connect(const char *path, int *fd, struct err *why)
{
	struct sockaddr_un sa;
	int s, e;

	memset(&sa, 0, sizeof(sa));
	sa.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sa.sun_path)) {
		(void)err_set(why, FCS_EINVAL, "socket path is too long");
		return CONTROL_USAGE;
	}
	memcpy(sa.sun_path, path, strlen(path));
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s >= 0 && connect(s, (struct sockaddr *)&sa, sizeof(sa)) == 0) {
		*fd = s;
		return CONTROL_OK;
	}
	e = errno;
	if (s >= 0)
		(void)close(s);
	if (e == EACCES || e == EPERM) {
		(void)err_set(why, FCS_EACCES, "%s: permission denied", path);
		return CONTROL_DENIED;
	}
	(void)err_set(
	    why, FCS_ECLOSED, "no server at %s (%s)", path, strerror(e));
	return CONTROL_NOT_RUNNING;
}
