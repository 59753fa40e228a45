/* SPDX-License-Identifier: BSD-2-Clause */
/* admin - requests in a worker: one end each, now, later or by cancelling. */
#include "admin/admin.h"
#include "tests/lib/unit.h"

static struct loop *loop;
static struct admin *admin;
static char said[256]; /* "item 7 x" and "end 7 0" */
static uint64_t parked;
static int cancelled;

/* Applications are handed on, never looked into. */
static char one, two;
static struct application *const apps[] = { (void *)&one, (void *)&two };

static void
list(struct admin_request *r, struct application *app)
{
	admin_item(r, json_string(app == apps[0] ? "one" : "two"));
	admin_end(r);
}

static void
refuse(struct admin_request *r, struct application *app)
{
	if (app == apps[0])
		admin_fail(r, CONTROL_NOT_FOUND, "look elsewhere", "no %s",
		    admin_text(r, "name"));
	else
		admin_end(r);
}

static void
on_cancel(void *arg)
{
	(void)arg;
	cancelled++;
}

static void
park(struct admin_request *r, struct application *app)
{
	(void)app;
	parked = admin_id(r);
	admin_on_cancel(r, on_cancel, NULL);
}

static void
show(struct admin_request *r, struct application *app)
{
	(void)app;
	ck_assert_str_eq(admin_inst(r, false), "room/a");
	ck_assert_int_eq(admin_int(r, "count", 1), 5);
	ck_assert_int_eq(admin_int(r, "other", 1), 1);
	ck_assert(admin_flag(r, "yes"));
	ck_assert(admin_watch(r));
	admin_end(r);
}

static const struct admin_row rows[] = { { "x list", ADMIN_ALL, list },
	{ "x fail", ADMIN_ALL, refuse }, { "x park", ADMIN_APP, park },
	{ "x show", ADMIN_APP, show }, { NULL, ADMIN_ALL, NULL } };
const struct admin_row *const adm_tables[] = { rows, NULL };

static void
on_answer(void *arg, uint64_t tag, json_t *item, bool end,
    enum control_code code, const char *text, const char *hint)
{
	size_t n = strlen(said);

	(void)arg;
	if (item != NULL)
		(void)snprintf(said + n, sizeof(said) - n, "%d=%s ", (int)tag,
		    json_string_value(item));
	if (end)
		(void)snprintf(said + n, sizeof(said) - n, "%d.%d(%s|%s) ",
		    (int)tag, (int)code, text == NULL ? "" : text,
		    hint == NULL ? "" : hint);
}

static const struct admin_ops ops = { on_answer };

static void
ask(uint64_t tag, const char *name, const char *args, size_t n)
{
	json_t *j = json_loads(args, 0, NULL);

	if (loop == NULL) {
		loop = loop_new();
		admin = admin_new(loop, &ops, NULL);
	}
	admin_start(admin, tag, name, j, true, apps, n);
	json_decref(j);
}

static void
stop(void)
{
	admin_free(admin);
	loop_free(loop);
}

UNIT(each_application_answers_and_the_end_comes_once)
{
	ask(7, "x list", "{}", 2);
	ask(8, "x list", "{}", 0);
	ck_assert_str_eq(said, "7=one 7=two 7.0(|) 8.0(|) ");
	stop();
}

UNIT(one_failure_is_the_answer_of_all)
{
	ask(7, "x fail", "{\"name\":\"thing\"}", 2);
	ck_assert_str_eq(said, "7.4(no thing|look elsewhere) ");
	stop();
}

UNIT(an_unknown_command_is_a_usage_error)
{
	ask(7, "x nothing", "{}", 2);
	ck_assert_ptr_nonnull(strstr(said, "7.2("));
	ck_assert_ptr_null(admin_find("x nothing"));
	ck_assert_ptr_nonnull(admin_find("x list"));
	stop();
}

UNIT(an_answer_may_come_in_a_later_turn)
{
	struct admin_request *r;

	ask(7, "x park", "{}", 1);
	ck_assert_str_eq(said, "");
	loop_turn(loop, 0);
	r = admin_by_id(admin, parked);
	ck_assert_ptr_nonnull(r);
	ck_assert_ptr_eq(admin_of(r), admin);
	admin_end(r);
	ck_assert_str_eq(said, "7.0(|) ");
	ck_assert_ptr_null(admin_by_id(admin, parked));
	admin_cancel(admin, 7); /* too late: nothing */
	ck_assert_int_eq(cancelled, 0);
	stop();
}

UNIT(a_cancelled_request_says_no_more)
{
	ask(7, "x park", "{}", 1);
	admin_cancel(admin, 7);
	ck_assert_int_eq(cancelled, 1);
	ck_assert_str_eq(said, "");
	ck_assert_ptr_null(admin_by_id(admin, parked));
	ask(8, "x park", "{}", 1);
	stop(); /* the worker ends: the same */
	ck_assert_int_eq(cancelled, 2);
	ck_assert_str_eq(said, "");
}

UNIT(arguments_have_types_and_defaults)
{
	ask(7, "x show",
	    "{\"app\":\"vod/room/a\",\"count\":5,\"other\":\"z\",\"yes\":true}",
	    1);
	ck_assert_str_eq(said, "7.0(|) ");
	stop();
}

UNIT_MAIN
