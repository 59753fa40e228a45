/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/options.h"

#include "tests/lib/unit.h"

static int
parse(struct options *o, struct err *e, const char *const *args)
{
	static char words[16][32];
	static char *argv[16];
	int argc = 1;

	argv[0] = strcpy(words[0], "fcsd");
	for (; args[argc - 1] != NULL; argc++)
		argv[argc] = strcpy(words[argc], args[argc - 1]);
	argv[argc] = NULL;
	return options_parse(argc, argv, o, e);
}

#define PARSE(...) parse(&o, &e, (const char *const[]){ __VA_ARGS__, NULL })

UNIT(every_option_is_read)
{
	struct options o;
	struct err e;

	ck_assert_int_eq(PARSE("-c", "f", "--dev", "-o", "a=1", "-o", "b=2",
			     "--ready-fd", "7"),
	    FCS_OK);
	ck_assert_int_eq(o.action, OPTIONS_RUN);
	ck_assert_str_eq(o.file, "f");
	ck_assert(o.dev);
	ck_assert_int_eq(o.ready_fd, 7);
	ck_assert_str_eq(o.sets[0], "a=1");
	ck_assert_str_eq(o.sets[1], "b=2");
	ck_assert_ptr_null(o.sets[2]);
	options_fini(&o);
	ck_assert_int_eq(PARSE("-t"), FCS_OK);
	ck_assert_int_eq(o.action, OPTIONS_TEST);
	ck_assert_int_eq(PARSE("--role=apptest", "x", "-t"), FCS_OK);
	ck_assert_str_eq(o.role, "apptest");
	ck_assert_str_eq(o.rest[1], "-t");
	ck_assert_int_eq(o.action, OPTIONS_RUN);
}

UNIT(bad_usage_says_what)
{
	struct options o;
	struct err e;

	ck_assert_int_eq(PARSE("--deb"), FCS_EINVAL);
	ck_assert_str_eq(
	    e.text, "unknown option \"--deb\" (did you mean \"--dev\"?)");
	ck_assert_int_eq(PARSE("-x"), FCS_EINVAL);
	ck_assert_str_eq(e.text, "unknown option \"-x\"");
	ck_assert_int_eq(PARSE("-c"), FCS_EINVAL);
	ck_assert_str_eq(e.text, "option \"-c\" needs a value");
	ck_assert_int_eq(PARSE("--ready-fd", "x"), FCS_EINVAL);
	ck_assert_str_eq(e.text, "--ready-fd: \"x\" is no descriptor");
	ck_assert_int_eq(PARSE("start"), FCS_EINVAL);
	ck_assert_str_eq(e.text, "fcsd takes no argument \"start\"");
}

UNIT_MAIN
