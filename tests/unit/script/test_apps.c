/* SPDX-License-Identifier: BSD-2-Clause */
/* apps - the applications that come with fcs, in the real VM. */
#include "tests/lib/unit.h"
#include "tests/unit/script/host.h"

static const char *
app(const char *name)
{
	static char path[1024];
	const char *dir = getenv("FCS_SRCDIR");

	(void)snprintf(path, sizeof(path), "%s/apps/%s/main.rb",
	    dir == NULL ? "." : dir, name);
	return path;
}

#define HAS(text, part)                                                        \
	ck_assert_msg(strstr(text, part) != NULL, "no %s in: %s", part, text)

UNIT(echo_gives_back_what_it_gets)
{
	struct host_client *c;

	host_open_file(app("echo"), NULL);
	c = host_connect("c", "[]");
	ck_assert_str_eq(host_call(c, "hello", "[\"you\"]"), "\"hello you\"");
	ck_assert_str_eq(host_call(c, "add", "[1.5, 2]"), "3.5");
	ck_assert_str_eq(
	    host_call(c, "echo", "[[null, true, {}]]"), "[null,true,{}]");
	(void)host_call(c, "add", "[1]");
	ck_assert(c->failed);
	HAS(c->result, "Script error (ref ");
	HAS(host_log(), "main.rb:8");
}

UNIT(chat_keeps_names_apart_and_lines_for_good)
{
	struct host_client *ann, *bob, *c;

	host_open_file(app("chat"), NULL);
	ann = host_connect("1", "[\"ann\"]");
	ck_assert_int_eq(ann->accepted, 1);
	HAS(ann->sent, "motd \"welcome to _definst_\"");
	c = host_connect("2", "[]");
	ck_assert_int_eq(c->rejected, 1);
	ck_assert_str_eq(c->description, "[ Server.Reject ] : name missing");
	c = host_connect("3", "[\"ann\"]");
	ck_assert_int_eq(c->rejected, 1);
	ck_assert_str_eq(c->application, "{\"name\":\"ann\"}");
	bob = host_connect("4", "[\"bob\"]");
	ck_assert_int_eq(bob->accepted, 1);
	ck_assert_str_eq(host_call(ann, "say", "[\"hi\"]"), "1");
	ck_assert_str_eq(host_call(bob, "say", "[\"ho\"]"), "2");
	HAS(host_call(ann, "lines", "[]"), "\"who\":\"bob\",\"text\":\"ho\"");
	(void)host_call(ann, "say", "[null]");
	ck_assert_str_eq(ann->result, "nothing said");
	host_leave(ann);
	c = host_connect("5", "[\"ann\"]"); /* free again */
	ck_assert_int_eq(c->accepted, 1);
}

static bool
may_write(const char *client, const char *object, const char *slot)
{
	struct script *s = instance_script(host_instance("_definst_"));
	struct script_guard g;

	ck_assert_int_eq(engine_ops.guard(s, client, object, slot, strlen(slot),
			     NULL, 0, &g),
	    FCS_OK);
	return g.allowed;
}

UNIT(whiteboard_knows_its_roles)
{
	struct host_client *mo, *eve, *vic, *ed;
	char args[sizeof(mo->result) + 64];

	ck_assert_int_eq(setenv("FCS_TEST_LINKS", "hush", 1), 0);
	host_file("app.yaml", "config:\n  open_role: moderator\n"
			      "secrets:\n  links: env:FCS_TEST_LINKS\n");
	host_open_file(app("whiteboard"), NULL);
	mo = host_connect("1", "[\"mo\"]");
	ck_assert_msg(mo->accepted == 1, "%s", host_log());
	ck_assert_str_eq(host_call(mo, "admin/lock", "[true]"), "true");
	(void)host_call(mo, "admin/link", "[\"king\"]");
	ck_assert_str_eq(mo->result, "no such role");
	HAS(host_call(mo, "admin/link", "[\"viewer\"]"), "\"viewer.");
	(void)snprintf(args, sizeof(args), "[\"vic\", %s]", mo->result);
	vic = host_connect("2", args);
	ck_assert_int_eq(vic->accepted, 1);
	(void)host_call(vic, "admin.clear", "[]");
	ck_assert_str_eq(vic->result, "moderators only");
	eve = host_connect("3", "[\"eve\", \"moderator.00\"]");
	ck_assert_int_eq(eve->rejected, 1);
	(void)host_call(mo, "admin/link", "[\"editor\"]");
	(void)snprintf(args, sizeof(args), "[\"ed/\", %s]", mo->result);
	ed = host_connect("4", args);
	ck_assert_int_eq(ed->accepted, 1);
	ck_assert(may_write("1", "board", "anything"));
	ck_assert(!may_write("2", "board", "vic/1"));
	ck_assert(!may_write("4", "board", "ed/1")); /* locked */
	(void)host_call(mo, "admin/lock", "[false]");
	ck_assert(may_write("4", "board", "ed/1"));
	ck_assert(!may_write("4", "board", "mo/1"));
	ck_assert(may_write("4", "cursors", "ed"));
	ck_assert(!may_write("4", "cursors", "mo"));
}

UNIT(vod_lets_nobody_write)
{
	struct host_client *c;

	host_open_file(app("vod"), NULL);
	c = host_connect("1", "[]");
	ck_assert_msg(c->accepted == 1, "%s", host_log());
	ck_assert_str_eq(host_call(c, "watching", "[]"), "{}");
	ck_assert(!client_may(c->client, true, "x"));
}

UNIT(live_lists_what_is_on)
{
	struct host_client *c;

	host_open_file(app("live"), NULL);
	c = host_connect("1", "[]");
	ck_assert_msg(c->accepted == 1, "%s", host_log());
	ck_assert_str_eq(host_call(c, "list", "[]"), "{}");
}

UNIT_MAIN
