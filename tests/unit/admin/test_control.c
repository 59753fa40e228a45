/* SPDX-License-Identifier: BSD-2-Clause */
/* control, link - lines of fcsctl, messages between the roles. */
#include <sys/socket.h>
#include <unistd.h>

#include "admin/control.h"
#include "admin/link.h"
#include "net/channel.h"
#include "tests/lib/unit.h"

static int
parse(const char *line, struct control_request *r)
{
	struct err e = { .code = FCS_OK, .text = "" };
	int rc = control_request_parse(line, strlen(line), r, &e);

	ck_assert_int_eq(rc == FCS_OK, e.text[0] == '\0');
	return rc;
}

UNIT(a_request_is_taken_apart)
{
	struct control_request r;

	ck_assert_int_eq(parse("{\"v\":1,\"id\":7,\"do\":\"inst list\","
			       "\"args\":{\"app\":\"vod\"},\"watch\":true}",
			     &r),
	    FCS_OK);
	ck_assert_int_eq(r.id, 7);
	ck_assert_str_eq(r.name, "inst list");
	ck_assert_str_eq(
	    json_string_value(json_object_get(r.args, "app")), "vod");
	ck_assert(r.watch);
	ck_assert(!r.cancel);
	control_request_fini(&r);
	ck_assert_int_eq(parse("{\"id\":7,\"cancel\":true}", &r), FCS_OK);
	ck_assert(r.cancel);
	control_request_fini(&r);
}

UNIT(what_is_no_request_is_refused_with_a_reason)
{
	static const char *const bad[] = { "", "x", "[]", "{}",
		"{\"v\":1,\"id\":1}", "{\"v\":1,\"id\":1,\"do\":\"\"}",
		"{\"v\":1,\"id\":1,\"do\":\"../x\"}",
		"{\"v\":1,\"id\":\"1\",\"do\":\"ping\"}",
		"{\"v\":1,\"id\":1,\"do\":\"ping\",\"args\":[]}",
		"{\"v\":1,\"id\":1,\"id\":2,\"do\":\"ping\"}" };
	struct control_request r;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(parse(bad[i], &r), FCS_EFORMAT);
	ck_assert_int_eq(
	    parse("{\"v\":2,\"id\":9,\"do\":\"ping\"}", &r), FCS_EUNSUPPORTED);
	ck_assert_int_eq(r.id, 9); /* so that it can be answered */
}

UNIT(answers_are_one_line_each)
{
	json_t *v = json_pack("{s:s}", "name", "a\nb");
	json_t *missing = json_pack("[{s:s, s:s}]", "app", "x", "why", "y");
	char *s;

	s = control_item(3, v);
	ck_assert_str_eq(s, "{\"id\":3,\"item\":{\"name\":\"a\\nb\"}}\n");
	free(s);
	s = control_end(3, NULL);
	ck_assert_str_eq(s, "{\"id\":3,\"end\":true}\n");
	free(s);
	s = control_end(3, missing);
	ck_assert_ptr_nonnull(strstr(s, "\"missing\":[{\"app\":\"x\""));
	free(s);
	s = control_error(3, CONTROL_NOT_FOUND, "no x", "try y");
	ck_assert_str_eq(s, "{\"id\":3,\"error\":{\"code\":\"not_found\","
			    "\"text\":\"no x\",\"hint\":\"try y\"}}\n");
	free(s);
	json_decref(v);
	json_decref(missing);
}

UNIT(codes_go_both_ways)
{
	int i;

	for (i = CONTROL_OK; i <= CONTROL_DAMAGED; i++)
		ck_assert_int_eq(
		    control_code_parse(control_code_text((enum control_code)i)),
		    i);
	ck_assert_int_eq(control_code_parse("nonsense"), CONTROL_FAILED);
	ck_assert_int_eq(control_code_of(FCS_ENOENT), CONTROL_NOT_FOUND);
	ck_assert_int_eq(control_code_of(FCS_ECORRUPT), CONTROL_DAMAGED);
}

UNIT(a_server_that_does_not_run_is_told_apart)
{
	struct err e;
	int fd;

	ck_assert_int_eq(control_connect("/nonexistent/fcsd.sock", &fd, &e),
	    CONTROL_NOT_RUNNING);
	ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/fcsd.sock"));
}

static char ops[64];
static int gone, got_fd = -1;

static void
on_message(void *arg, const char *op, json_t *msg, int *fds, size_t n)
{
	(void)arg;
	(void)snprintf(ops + strlen(ops), sizeof(ops) - strlen(ops), "%s:%lld ",
	    op, (long long)link_int(msg, "n"));
	if (n == 1) {
		got_fd = fds[0];
		fds[0] = -1;
	}
}

static void
on_closed(void *arg)
{
	(void)arg;
	gone++;
}

static const struct link_ops link_ops = { on_message, on_closed };

UNIT(links_carry_objects_and_descriptors_and_tell_the_end)
{
	struct loop *l = loop_new();
	struct link *a, *b;
	int sv[2], p[2];
	char c;

	ck_assert_int_eq(channel_pair(CHANNEL_STREAM, sv), FCS_OK);
	ck_assert_int_eq(pipe(p), 0);
	a = link_new(l, sv[0], &link_ops, NULL);
	b = link_new(l, sv[1], &link_ops, NULL);
	ck_assert_int_eq(
	    link_send(a, json_pack("{s:s, s:i}", "op", "one", "n", 1), NULL, 0),
	    FCS_OK);
	ck_assert_int_eq(
	    link_send(a, json_pack("{s:s}", "op", "two"), &p[1], 1), FCS_OK);
	ck_assert_int_eq(link_send(a, json_pack("{s:s}", "no", "op"), NULL, 0),
	    FCS_OK); /* logged, not fatal */
	ck_assert_int_eq(link_send(a, NULL, NULL, 0), FCS_ENOMEM);
	loop_turn(l, 1000);
	loop_turn(l, 0);
	ck_assert_str_eq(ops, "one:1 two:0 ");
	ck_assert_int_eq(write(got_fd, "x", 1), 1);
	ck_assert_int_eq(read(p[0], &c, 1), 1);
	link_free(a);
	loop_turn(l, 1000);
	ck_assert_int_eq(gone, 1);
	link_free(b);
	loop_free(l);
	(void)close(got_fd);
	(void)close(p[0]);
}

UNIT_MAIN
