/* SPDX-License-Identifier: BSD-2-Clause */
/* watchdir - what is heard of files in folders. */
#include "net/watchdir.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/unit.h"

static struct loop *loop;
static struct watchdir *w;
static char heard[4096];

static void
on_change(void *arg, const char *dir, const char *name)
{
	const char *last = strrchr(dir, '/');

	(void)arg;
	(void)snprintf(heard + strlen(heard), sizeof(heard) - strlen(heard),
	    "%s/%s ", last == NULL ? dir : last + 1, name == NULL ? "?" : name);
}

static const char *
path(const char *name)
{
	static char p[4][1024];
	static int n;

	n = (n + 1) % 4;
	(void)snprintf(p[n], sizeof(p[n]), "%s/%s", unit_tmpdir(), name);
	return p[n];
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(path(name), "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void
begin(void)
{
	struct err why;

	loop = loop_new();
	w = watchdir_new(loop, on_change, NULL, &why);
	ck_assert_msg(w != NULL, "%s", why.text);
	ck_assert_int_eq(mkdir(path("app"), 0755), 0);
	ck_assert_int_eq(watchdir_add(w, path("app")), FCS_OK);
}

static void
end(void)
{
	watchdir_free(w);
	loop_free(loop);
}

static const char *
hear(void)
{
	static char copy[4096];

	loop_turn(loop, 100);
	(void)snprintf(copy, sizeof(copy), "%s", heard);
	heard[0] = '\0';
	return copy;
}

UNIT(a_write_a_rename_and_a_removal_are_heard)
{
	begin();
	put("app/main.rb", "1");
	ck_assert_ptr_nonnull(strstr(hear(), "app/main.rb"));
	put("app/main.rb", "2");
	ck_assert_str_eq(hear(), "app/main.rb ");
	put("new", "3");
	ck_assert_str_eq(hear(), "");
	ck_assert_int_eq(rename(path("new"), path("app/main.rb")), 0);
	ck_assert_str_eq(hear(), "app/main.rb ");
	ck_assert_int_eq(unlink(path("app/main.rb")), 0);
	ck_assert_str_eq(hear(), "app/main.rb ");
	end();
}

UNIT(reading_is_not_heard)
{
	FILE *f;

	begin();
	put("app/x", "1");
	(void)hear();
	f = fopen(path("app/x"), "r");
	ck_assert_int_eq(fgetc(f), '1');
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_str_eq(hear(), "");
	end();
}

UNIT(folders_below_are_added_one_by_one)
{
	begin();
	ck_assert_int_eq(mkdir(path("app/lib"), 0755), 0);
	ck_assert_str_eq(hear(), "app/lib ");
	put("app/lib/x.rb", "1");
	ck_assert_str_eq(hear(), "");
	ck_assert_int_eq(watchdir_add(w, path("app/lib")), FCS_OK);
	ck_assert_int_eq(watchdir_add(w, path("app/lib")), FCS_OK);
	put("app/lib/x.rb", "2");
	ck_assert_str_eq(hear(), "lib/x.rb ");
	end();
}

UNIT(a_folder_that_went_may_come_back)
{
	begin();
	ck_assert_int_eq(rmdir(path("app")), 0);
	(void)hear();
	ck_assert_int_eq(watchdir_add(w, path("app")), FCS_ENOENT);
	ck_assert_int_eq(mkdir(path("app"), 0755), 0);
	ck_assert_int_eq(watchdir_add(w, path("app")), FCS_OK);
	put("app/y", "1");
	ck_assert_ptr_nonnull(strstr(hear(), "app/y"));
	end();
}

UNIT(what_is_no_folder_is_refused)
{
	begin();
	put("app/file", "1");
	ck_assert_int_eq(watchdir_add(w, path("nothing")), FCS_ENOENT);
	ck_assert_int_eq(watchdir_add(w, path("app/file")), FCS_ENOENT);
	end();
}

UNIT_MAIN
