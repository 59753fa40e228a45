/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ruby - the tests written in Ruby: each file is the main.rb of an application
 * in the real VM, each of its tests an exposed method.
 */
#include <jansson.h>

#include "tests/lib/unit.h"
#include "tests/unit/script/host.h"

#define SOURCE_MAX 262144

static char text[SOURCE_MAX];

static char *
source(const char *name)
{
	char path[1024];
	const char *dir = getenv("FCS_SRCDIR");
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/tests/unit/script/%s",
	    dir == NULL ? "." : dir, name);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s", path);
	n = fread(text, 1, SOURCE_MAX - 1, f);
	ck_assert_uint_gt(n, 0);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* Runs all tests of a file; at least `least` of them. */
static struct host_client *
run(const char *file, size_t least, const char *const *settings)
{
	char method[128];
	struct str failed;
	struct host_client *c;
	json_t *list;
	size_t i;

	str_init(&failed);
	host_file("lib/check.rb", source("check.rb"));
	host_open(source(file), settings);
	c = host_connect("c1", "[\"first\", 2]");
	ck_assert_msg(c->accepted == 1, "%s: %s", c->description, host_log());
	list = json_loads(host_call(c, "tests", "[]"), 0, NULL);
	ck_assert_msg(list != NULL, "%s", c->result);
	ck_assert_uint_ge(json_array_size(list), least);
	for (i = 0; i < json_array_size(list); i++) {
		(void)snprintf(method, sizeof(method), "test/%s",
		    json_string_value(json_array_get(list, i)));
		(void)host_log();
		if (strcmp(host_call(c, method, "[]"), "true") != 0)
			str_addf(&failed, "%s: %s\n%s", method, c->result,
			    host_log());
	}
	ck_assert_msg(failed.len == 0, "%s", str_text(&failed));
	str_fini(&failed);
	json_decref(list);
	return c;
}

UNIT_TIMEOUT(handlers_wait_wherever_ruby_calls_ruby, 30)
{
	run("await.rb", 70, NULL);
}

UNIT(api_says_what_the_manual_says)
{
	run("api.rb", 25, NULL);
}

UNIT(instance_does_what_the_manual_says)
{
	static const char *const small[] = { "script.timers=5",
		"script.handlers=4", "script.calls=3", "script.time=2s", NULL };

	run("app.rb", 15, small);
}

UNIT_TIMEOUT(shared_objects_remember_and_lock, 30)
{
	static const char *const settings[] = {
		"shared_objects.lock_timeout=300ms", NULL
	};

	run("sohistory.rb", 25, settings);
}

UNIT(values_are_converted_by_the_tables)
{
	run("value.rb", 10, NULL);
}

UNIT(classes_of_the_script_have_names_in_actionscript)
{
	run("type.rb", 10, NULL);
}

UNIT(the_world_is_said_in_the_right_words)
{
	struct host_client *c = run("world.rb", 10, NULL);
	char first[128];
	const char *log;

	(void)host_log();
	ck_assert_str_eq(host_call(c, "test/log fields", "[]"), "true");
	log = host_log();
	ck_assert_msg(strstr(log, "text=\"two words\" ip=1.2.3.4 "
				  "why=\"a b=\\\"c\\\"\\nd\" odd_key=1 "
				  "field=mine n=\"\"\n") != NULL,
	    "%s", log);
	ck_assert_msg(strstr(log, "text=none\n") != NULL, "%s", log);
	/* two VMs of the same second give other numbers */
	(void)snprintf(
	    first, sizeof(first), "%s", host_call(c, "numbers", "[]"));
	c = host_connect_to(host_instance("b"), "c2", "[]");
	ck_assert_str_ne(host_call(c, "numbers", "[]"), first);
}

UNIT(sandbox_has_no_doors)
{
	run("sandbox.rb", 10, NULL);
}

UNIT_MAIN
