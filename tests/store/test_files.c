/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files: every operation, every limit, names and kinds that are refused.
 */
#include "storage/files.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/unit.h"

static struct files *files;
static sem_t woken;
static char state[512], data[520];
static uint64_t quota = 1000, entries_max = 100, read_max = 500;
static int done_count;

static void
wake(void *arg)
{
	(void)arg;
	(void)sem_post(&woken);
}

static void
on_done(struct files_op *op)
{
	(void)op;
	done_count++;
}

static bool
match(const char *pattern, size_t pattern_len, const char *name, size_t len)
{
	(void)pattern_len;
	(void)len;
	return strcmp(pattern, "**") == 0 ||
	       fnmatch(pattern, name, FNM_PATHNAME) == 0;
}

static void
start(void)
{
	struct files_conf c = { .state_dir = state,
		.data_dir = data,
		.waiting_max = 1 << 20,
		.wake = wake };

	ck_assert_int_eq(files_start(&c, &files), FCS_OK);
}

static void
set_up(void)
{
	(void)snprintf(state, sizeof(state), "%s", unit_tmpdir());
	(void)snprintf(data, sizeof(data), "%s/data", state);
	(void)sem_init(&woken, 0, 0);
	start();
}

static struct files_op op; /* of the last operation */

static void
fill(enum files_what what, const char *path)
{
	buf_fini(&op.out);
	memset(&op, 0, sizeof(op));
	op.what = what;
	op.path = path;
	op.offset = what == FILES_WRITE ? -1 : 0;
	op.length = -1;
	op.quota = quota;
	op.entries_max = entries_max;
	op.read_max = read_max;
	op.match = match;
	op.done = on_done;
}

static int
finish(void)
{
	int before = done_count;

	ck_assert(files_is_idle(files));
	ck_assert_int_eq(files_submit(files, &op), FCS_OK);
	ck_assert(!files_is_idle(files));
	while (done_count == before) {
		while (sem_wait(&woken) < 0 && errno == EINTR)
			;
		files_collect(files);
	}
	ck_assert(files_is_idle(files));
	ck_assert_msg((op.why.code == FCS_OK) == (op.why.text[0] == '\0'),
	    "%d %s", op.why.code, op.why.text);
	return op.why.code;
}

static int
run(enum files_what what, const char *path)
{
	fill(what, path);
	return finish();
}

static int
run_to(enum files_what what, const char *path, const char *to)
{
	fill(what, path);
	op.to = to;
	return finish();
}

static int
put(enum files_what what, const char *path, const char *text, size_t len,
    int64_t offset)
{
	fill(what, path);
	op.data = text;
	op.len = len;
	op.offset = offset;
	return finish();
}

static int
put_text(const char *path, const char *text)
{
	return put(FILES_WRITE, path, text, strlen(text), -1);
}

static int
append(const char *path, const char *text)
{
	return put(FILES_APPEND, path, text, strlen(text), 0);
}

/* The whole of a small file; NULL: it cannot be read. */
static const char *
text_of(const char *path)
{
	static char text[1001];

	if (run(FILES_READ, path) != FCS_OK)
		return NULL;
	ck_assert_uint_le(buf_len(&op.out), 1000);
	memcpy(text, buf_data(&op.out), buf_len(&op.out));
	text[buf_len(&op.out)] = '\0';
	return text;
}

/* Names of a list, by blanks. */
static const char *
names(const char *pattern)
{
	static char text[8192];
	size_t i;

	ck_assert_int_eq(run(FILES_LIST, pattern), FCS_OK);
	ck_assert_uint_lt(buf_len(&op.out), sizeof(text));
	for (i = 0; i < buf_len(&op.out); i++)
		text[i] = buf_data(&op.out)[i] == 0
			      ? ' '
			      : (char)buf_data(&op.out)[i];
	text[i] = '\0';
	return text;
}

static const char *
real(const char *path)
{
	static char text[2][1200];
	static int i;

	i = !i;
	(void)snprintf(text[i], sizeof(text[i]), "%s/%s", state, path);
	return text[i];
}

static void
plant(const char *path, const char *text)
{
	FILE *f = fopen(real(path), "w");

	ck_assert_msg(f != NULL, "%s", path);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void
tear_down(void)
{
	buf_fini(&op.out);
	files_stop(files);
}

UNIT(what_is_written_is_read)
{
	set_up();
	ck_assert_int_eq(put_text("a.txt", "hello"), FCS_OK);
	ck_assert_str_eq(text_of("a.txt"), "hello");
	ck_assert_int_eq(put_text("a.txt", "hi"), FCS_OK);
	ck_assert_str_eq(text_of("a.txt"), "hi");
	ck_assert_int_eq(append("a.txt", " there"), FCS_OK);
	ck_assert_int_eq(append("new", "x"), FCS_OK);
	ck_assert_str_eq(text_of("new"), "x");
	ck_assert_int_eq(put(FILES_WRITE, "a.txt", "T", 1, 3), FCS_OK);
	ck_assert_str_eq(text_of("a.txt"), "hi There");
	ck_assert_int_eq(put(FILES_WRITE, "a.txt", "Z", 1, 9), FCS_OK);
	ck_assert_int_eq(run(FILES_STAT, "a.txt"), FCS_OK);
	ck_assert_uint_eq(op.size, 10);
	ck_assert(!op.is_folder && op.modified_us > 1700000000000000);
	ck_assert_int_eq(put(FILES_WRITE, "b", "\0\xff", 2, -1), FCS_OK);
	ck_assert_int_eq(run(FILES_READ, "b"), FCS_OK);
	ck_assert_int_eq(memcmp(buf_data(&op.out), "\0\xff", 2), 0);
	ck_assert_int_eq(put_text("empty", ""), FCS_OK);
	ck_assert_str_eq(text_of("empty"), "");
	ck_assert_int_eq(run(FILES_READ, "none"), FCS_ENOENT);
	ck_assert_int_eq(run(FILES_STAT, "none/x"), FCS_ENOENT);
	/* nothing temporary stays */
	ck_assert_int_ne(access(real("files/.fcs-tmp"), F_OK), 0);
	tear_down();
}

UNIT(parts_of_files_are_read)
{
	set_up();
	ck_assert_int_eq(put_text("a", "0123456789"), FCS_OK);
	fill(FILES_READ, "a");
	op.offset = 3;
	op.length = 4;
	ck_assert_int_eq(finish(), FCS_OK);
	ck_assert_int_eq(memcmp(buf_data(&op.out), "3456", 4), 0);
	fill(FILES_READ, "a");
	op.offset = 8;
	op.length = 100;
	ck_assert_int_eq(finish(), FCS_OK);
	ck_assert_uint_eq(buf_len(&op.out), 2);
	fill(FILES_READ, "a");
	op.offset = 10;
	ck_assert_int_eq(finish(), FCS_OK);
	ck_assert_uint_eq(buf_len(&op.out), 0);
	fill(FILES_READ, "a");
	op.offset = INT64_MAX;
	ck_assert_int_eq(finish(), FCS_OK);
	ck_assert_uint_eq(buf_len(&op.out), 0);
	tear_down();
}

UNIT(one_read_gives_so_much_and_no_more)
{
	static char text[1000];

	set_up();
	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(put(FILES_WRITE, "a", text, 499, -1), FCS_OK);
	ck_assert_int_eq(run(FILES_READ, "a"), FCS_OK);
	ck_assert_int_eq(put(FILES_WRITE, "a", text, 500, -1), FCS_OK);
	ck_assert_int_eq(run(FILES_READ, "a"), FCS_OK);
	ck_assert_int_eq(put(FILES_WRITE, "a", text, 501, -1), FCS_OK);
	ck_assert_int_eq(run(FILES_READ, "a"), FCS_ERANGE);
	ck_assert_uint_eq(buf_len(&op.out), 0);
	fill(FILES_READ, "a");
	op.offset = 1;
	ck_assert_int_eq(finish(), FCS_OK);
	tear_down();
}

UNIT(folders_are_made_listed_and_removed)
{
	set_up();
	ck_assert_str_eq(names("**"), "");
	ck_assert_int_eq(put_text("a/b/c.txt", "x"), FCS_ENOENT);
	ck_assert_ptr_nonnull(strstr(op.why.text, "folder"));
	ck_assert_int_eq(run(FILES_MKDIR, "a/b"), FCS_OK);
	ck_assert(op.yes);
	ck_assert_int_eq(run(FILES_MKDIR, "a/b"), FCS_OK);
	ck_assert(!op.yes);
	ck_assert_int_eq(put_text("a/b/c.txt", "x"), FCS_OK);
	ck_assert_int_eq(put_text("z", "x"), FCS_OK);
	ck_assert_str_eq(names("**"), "a/ a/b/ a/b/c.txt z ");
	ck_assert_str_eq(names("a/*"), "a/b/ ");
	ck_assert_str_eq(names("*"), "a/ z ");
	ck_assert_int_eq(run(FILES_EXIST, "a/b"), FCS_OK);
	ck_assert(op.yes && op.is_folder);
	ck_assert_int_eq(run(FILES_EXIST, "a/c"), FCS_OK);
	ck_assert(!op.yes);
	ck_assert_int_eq(run(FILES_EXIST, "z/c"), FCS_OK);
	ck_assert(!op.yes);
	ck_assert_int_eq(run(FILES_READ, "a"), FCS_EUNSUPPORTED);
	ck_assert_int_eq(put_text("a", "x"), FCS_EUNSUPPORTED);
	ck_assert_int_eq(append("a", "x"), FCS_EUNSUPPORTED);
	ck_assert_int_eq(run(FILES_MKDIR, "z"), FCS_EEXIST);
	ck_assert_int_eq(run(FILES_MKDIR, "z/y"), FCS_EEXIST);
	ck_assert_int_eq(run(FILES_DELETE, "a"), FCS_EEXIST);
	ck_assert_int_eq(run(FILES_DELETE, "a/b/c.txt"), FCS_OK);
	ck_assert(op.yes);
	ck_assert_int_eq(run(FILES_DELETE, "a/b/c.txt"), FCS_OK);
	ck_assert(!op.yes);
	ck_assert_int_eq(run(FILES_DELETE, "no/where"), FCS_OK);
	ck_assert(!op.yes);
	ck_assert_int_eq(run(FILES_DELETE, "a/b"), FCS_OK);
	ck_assert_str_eq(names("**"), "a/ z ");
	tear_down();
}

UNIT(files_are_copied_and_renamed)
{
	set_up();
	ck_assert_int_eq(mkdir(data, 0755), 0);
	plant("data/words.json", "[1]");
	ck_assert_int_eq(run(FILES_MKDIR, "d/e"), FCS_OK);
	ck_assert_int_eq(put_text("a", "one"), FCS_OK);
	ck_assert_int_eq(run_to(FILES_COPY, "a", "d/b"), FCS_OK);
	ck_assert_str_eq(text_of("d/b"), "one");
	ck_assert_int_eq(run_to(FILES_COPY, "app:words.json", "a"), FCS_OK);
	ck_assert_str_eq(text_of("a"), "[1]");
	ck_assert_int_eq(run_to(FILES_RENAME, "a", "d/b"), FCS_OK);
	ck_assert_str_eq(text_of("d/b"), "[1]");
	ck_assert_int_eq(run(FILES_READ, "a"), FCS_ENOENT);
	ck_assert_int_eq(run_to(FILES_RENAME, "a", "c"), FCS_ENOENT);
	ck_assert_int_eq(run_to(FILES_RENAME, "d", "f"), FCS_OK);
	ck_assert_str_eq(names("**"), "f/ f/b f/e/ ");
	ck_assert_int_eq(run_to(FILES_RENAME, "f", "f/e/x"), FCS_EINVAL);
	ck_assert_int_eq(run_to(FILES_RENAME, "f/b", "f"), FCS_EUNSUPPORTED);
	ck_assert_int_eq(run_to(FILES_RENAME, "f/e", "f/b"), FCS_EEXIST);
	ck_assert_int_eq(run_to(FILES_RENAME, "f/b", "f/b"), FCS_OK);
	ck_assert_str_eq(text_of("f/b"), "[1]");
	ck_assert_int_eq(run_to(FILES_COPY, "f/b", "f/b"), FCS_OK);
	ck_assert_str_eq(text_of("f/b"), "[1]");
	ck_assert_int_eq(run_to(FILES_COPY, "f", "g"), FCS_EUNSUPPORTED);
	tear_down();
}

UNIT(what_the_application_ships_is_only_read)
{
	set_up();
	ck_assert_int_eq(run(FILES_READ, "app:x"), FCS_ENOENT);
	ck_assert_str_eq(names("app:**"), "");
	ck_assert_int_eq(mkdir(data, 0755), 0);
	plant("data/x", "words");
	plant("secret", "no");
	ck_assert_int_eq(symlink("../secret", real("data/link")), 0);
	ck_assert_str_eq(text_of("app:x"), "words");
	ck_assert_str_eq(names("app:**"), "x ");
	ck_assert_int_eq(run(FILES_READ, "app:link"), FCS_EUNSUPPORTED);
	ck_assert_int_eq(run(FILES_READ, "app:../secret"), FCS_EINVAL);
	ck_assert_int_eq(put_text("app:x", "y"), FCS_EINVAL);
	ck_assert_int_eq(append("app:x", "y"), FCS_EINVAL);
	ck_assert_int_eq(run(FILES_DELETE, "app:x"), FCS_EINVAL);
	ck_assert_int_eq(run(FILES_MKDIR, "app:y"), FCS_EINVAL);
	ck_assert_int_eq(run_to(FILES_RENAME, "app:x", "y"), FCS_EINVAL);
	ck_assert_int_eq(run_to(FILES_COPY, "app:x", "app:y"), FCS_EINVAL);
	ck_assert_str_eq(text_of("app:x"), "words");
	tear_down();
}

UNIT(names_that_climb_or_hide_are_refused)
{
	static const char *const bad[] = { "", "/", "/a", "a/", "a//b", ".",
		"..", "../a", "a/..", "a/./b", "./a", "a/../../b", "a\\b",
		"..\\a", "a\nb", "a\x7f", "\xff", "a/\xc3", "app:", "app:/x",
		"app:..", "app:a/../b", ".fcs-tmp", "a/.fcs-x" };
	static const char *const good[] = { "a", "...", "..a", "a..", ".a",
		"a b", "\xc3\xa9", "%2e%2e", "a:b", "app", "xapp:y", "~", "-",
		"*?" };
	char text[FILES_PATH_MAX + 10];
	const char *rest;
	struct err why;
	bool shipped;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&why);
		ck_assert_msg(files_name_check(bad[i], strlen(bad[i]), &shipped,
				  &rest, &why) == FCS_EINVAL,
		    "%s", bad[i]);
		ck_assert_str_ne(why.text, "");
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(files_name_check(good[i], strlen(good[i]),
				  &shipped, &rest, NULL) == FCS_OK,
		    "%s", good[i]);
	ck_assert_int_eq(
	    files_name_check("a\0b", 3, &shipped, &rest, NULL), FCS_EINVAL);
	/* 255 bytes a part, 1023 in all, 16 parts */
	memset(text, 'a', sizeof(text));
	ck_assert_int_eq(
	    files_name_check(text, 255, &shipped, &rest, NULL), FCS_OK);
	ck_assert_int_eq(
	    files_name_check(text, 256, &shipped, &rest, NULL), FCS_EINVAL);
	for (i = 200; i < sizeof(text); i += 200)
		text[i] = '/';
	ck_assert_int_eq(
	    files_name_check(text, 1023, &shipped, &rest, NULL), FCS_OK);
	ck_assert_int_eq(
	    files_name_check(text, 1024, &shipped, &rest, NULL), FCS_EINVAL);
	for (i = 1; i < sizeof(text); i += 2)
		text[i] = '/';
	ck_assert_int_eq(
	    files_name_check(text, 31, &shipped, &rest, NULL), FCS_OK);
	ck_assert_int_eq(
	    files_name_check(text, 33, &shipped, &rest, NULL), FCS_EINVAL);
}

UNIT(links_and_special_files_are_not_touched)
{
	set_up();
	ck_assert_int_eq(put_text("own", "x"), FCS_OK);
	ck_assert_int_eq(run(FILES_MKDIR, "d"), FCS_OK);
	plant("secret", "no");
	ck_assert_int_eq(symlink("../secret", real("files/soft")), 0);
	ck_assert_int_eq(symlink("..", real("files/up")), 0);
	ck_assert_int_eq(symlink("own", real("files/inside")), 0);
	ck_assert_int_eq(link(real("secret"), real("files/hard")), 0);
	ck_assert_int_eq(mkfifo(real("files/fifo"), 0600), 0);
	static const char *const list[] = { "soft", "up/secret", "inside",
		"hard", "fifo" };
	for (size_t i = 0; i < 5; i++) {
		ck_assert_int_eq(run(FILES_READ, list[i]), FCS_EUNSUPPORTED);
		ck_assert_int_eq(run(FILES_STAT, list[i]), FCS_EUNSUPPORTED);
		ck_assert_int_eq(run(FILES_EXIST, list[i]), FCS_OK);
		ck_assert(!op.yes);
		ck_assert_int_eq(put_text(list[i], "y"), FCS_EUNSUPPORTED);
		ck_assert_int_eq(append(list[i], "y"), FCS_EUNSUPPORTED);
		ck_assert_int_eq(
		    put(FILES_WRITE, list[i], "y", 1, 0), FCS_EUNSUPPORTED);
		ck_assert_int_eq(
		    run_to(FILES_COPY, list[i], "c"), FCS_EUNSUPPORTED);
		ck_assert_int_eq(
		    run_to(FILES_RENAME, list[i], "c"), FCS_EUNSUPPORTED);
		ck_assert_int_eq(
		    run_to(FILES_RENAME, "own", list[i]), FCS_EUNSUPPORTED);
		ck_assert_int_eq(run(FILES_DELETE, list[i]), FCS_EUNSUPPORTED);
	}
	ck_assert_int_eq(run(FILES_MKDIR, "up/x"), FCS_EEXIST);
	ck_assert_str_eq(names("**"), "d/ own ");
	ck_assert_str_eq(text_of("own"), "x");
	tear_down();
	ck_assert_int_eq(access(real("secret"), F_OK), 0);
	ck_assert_int_ne(access(real("x"), F_OK), 0);
}

UNIT(the_quota_counts_bytes_as_they_are)
{
	static char text[2000];

	memset(text, 'x', sizeof(text));
	set_up();
	ck_assert_int_eq(put(FILES_WRITE, "a", text, 1001, -1), FCS_ELIMIT);
	ck_assert_ptr_nonnull(strstr(op.why.text, "files.max"));
	ck_assert_int_eq(run(FILES_READ, "a"), FCS_ENOENT);
	ck_assert_int_eq(put(FILES_WRITE, "a", text, 600, -1), FCS_OK);
	/* an overwrite counts what it adds only */
	ck_assert_int_eq(put(FILES_WRITE, "a", text, 1000, -1), FCS_OK);
	ck_assert_int_eq(put(FILES_WRITE, "a", text, 1001, -1), FCS_ELIMIT);
	ck_assert_int_eq(put(FILES_WRITE, "b", text, 1, -1), FCS_ELIMIT);
	ck_assert_int_eq(put(FILES_WRITE, "b", text, 0, -1), FCS_OK);
	ck_assert_int_eq(put(FILES_WRITE, "a", text, 990, -1), FCS_OK);
	/* append: below, at, above */
	ck_assert_int_eq(put(FILES_APPEND, "b", text, 9, 0), FCS_OK);
	ck_assert_int_eq(put(FILES_APPEND, "b", text, 1, 0), FCS_OK);
	ck_assert_int_eq(put(FILES_APPEND, "b", text, 1, 0), FCS_ELIMIT);
	ck_assert_int_eq(put(FILES_APPEND, "c", text, 1, 0), FCS_ELIMIT);
	ck_assert_int_eq(run(FILES_READ, "c"), FCS_ENOENT);
	/* within what is there nothing is added; a hole counts */
	ck_assert_int_eq(put(FILES_WRITE, "b", text, 5, 5), FCS_OK);
	ck_assert_int_eq(put(FILES_WRITE, "b", text, 5, 6), FCS_ELIMIT);
	ck_assert_int_eq(put(FILES_WRITE, "b", text, 1, 1LL << 50), FCS_ELIMIT);
	ck_assert_int_eq(run_to(FILES_COPY, "b", "c"), FCS_ELIMIT);
	ck_assert_int_eq(run_to(FILES_COPY, "b", "a"), FCS_OK); /* 20 now */
	ck_assert_int_eq(put(FILES_WRITE, "c", text, 980, -1), FCS_OK);
	ck_assert_int_eq(put(FILES_WRITE, "d", text, 1, -1), FCS_ELIMIT);
	ck_assert_int_eq(run_to(FILES_RENAME, "a", "b"), FCS_OK); /* 10 less */
	ck_assert_int_eq(put(FILES_WRITE, "d", text, 11, -1), FCS_ELIMIT);
	ck_assert_int_eq(put(FILES_WRITE, "d", text, 10, -1), FCS_OK);
	ck_assert_int_eq(run(FILES_DELETE, "c"), FCS_OK);
	ck_assert_int_eq(put(FILES_WRITE, "e", text, 981, -1), FCS_ELIMIT);
	ck_assert_int_eq(put(FILES_WRITE, "e", text, 980, -1), FCS_OK);
	/* a lower quota: what makes it less is allowed */
	quota = 100;
	ck_assert_int_eq(put(FILES_WRITE, "e", text, 900, -1), FCS_OK);
	ck_assert_int_eq(put(FILES_WRITE, "e", text, 901, -1), FCS_ELIMIT);
	tear_down();
}

UNIT(the_quota_is_counted_from_what_is_there)
{
	static char text[2000];

	memset(text, 'x', sizeof(text));
	set_up();
	ck_assert_int_eq(run(FILES_MKDIR, "d"), FCS_OK);
	ck_assert_int_eq(put(FILES_WRITE, "d/a", text, 900, -1), FCS_OK);
	files_stop(files);
	start(); /* the next process */
	plant("files/.fcs-tmp", "what a killed process left behind");
	ck_assert_int_eq(put(FILES_WRITE, "b", text, 101, -1), FCS_ELIMIT);
	ck_assert_int_eq(put(FILES_WRITE, "b", text, 100, -1), FCS_OK);
	/* somebody makes room by hand */
	ck_assert_int_eq(put(FILES_APPEND, "b", text, 1, 0), FCS_ELIMIT);
	ck_assert_int_eq(unlink(real("files/d/a")), 0);
	ck_assert_int_eq(put(FILES_APPEND, "b", text, 900, 0), FCS_OK);
	ck_assert_int_eq(put(FILES_APPEND, "b", text, 1, 0), FCS_ELIMIT);
	tear_down();
}

UNIT(files_and_folders_are_counted_too)
{
	char name[32];
	int i;

	entries_max = 5;
	set_up();
	ck_assert_int_eq(run(FILES_MKDIR, "d/e"), FCS_OK);
	for (i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "f%d", i);
		ck_assert_int_eq(put_text(name, ""), FCS_OK);
	}
	ck_assert_int_eq(put_text("g", ""), FCS_ELIMIT);
	ck_assert_ptr_nonnull(strstr(op.why.text, "files_entries"));
	ck_assert_int_eq(append("g", ""), FCS_ELIMIT);
	ck_assert_int_eq(run(FILES_MKDIR, "g"), FCS_ELIMIT);
	ck_assert_int_eq(run_to(FILES_COPY, "f0", "g"), FCS_ELIMIT);
	ck_assert_int_eq(put_text("f0", "x"), FCS_OK);
	ck_assert_int_eq(run_to(FILES_RENAME, "f0", "f1"), FCS_OK);
	ck_assert_int_eq(put_text("g", ""), FCS_OK);
	ck_assert_int_eq(put_text("h", ""), FCS_ELIMIT);
	ck_assert_int_eq(run(FILES_DELETE, "d/e"), FCS_OK);
	ck_assert_int_eq(put_text("h", ""), FCS_OK);
	tear_down();
}

UNIT(renaming_does_not_lead_deeper_than_names_reach)
{
	char path[64] = "a";
	int i;

	set_up();
	for (i = 1; i < 15; i++)
		strcat(path, "/a");
	ck_assert_int_eq(run(FILES_MKDIR, path), FCS_OK); /* 15 deep */
	ck_assert_int_eq(run(FILES_MKDIR, "b/b"), FCS_OK);
	ck_assert_int_eq(run_to(FILES_RENAME, "a", "b/b/c"), FCS_EINVAL);
	ck_assert_int_eq(run_to(FILES_RENAME, "a", "b/a"), FCS_OK);
	tear_down();
}

UNIT(lists_come_in_pages)
{
	char name[32];
	int i;

	entries_max = 2000;
	set_up();
	ck_assert_int_eq(put_text("0", ""), FCS_OK);
	for (i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "files/f%04d", i);
		plant(name, "");
	}
	ck_assert_ptr_nonnull(strstr(names("**"), "0 f0000 "));
	ck_assert_ptr_nonnull(strstr(names("**"), "f0998 "));
	ck_assert_ptr_null(strstr(names("**"), "f0999 "));
	fill(FILES_LIST, "**");
	op.offset = 1000;
	ck_assert_int_eq(finish(), FCS_OK);
	ck_assert_str_eq((const char *)buf_data(&op.out), "f0999");
	ck_assert_uint_eq(buf_len(&op.out), 6);
	fill(FILES_LIST, "**");
	op.offset = INT64_MAX;
	ck_assert_int_eq(finish(), FCS_OK);
	ck_assert_uint_eq(buf_len(&op.out), 0);
	tear_down();
}

UNIT(a_disk_that_takes_no_more_leaves_files_as_they_were)
{
	static char text[8192];
	struct rlimit rl = { 4096, 4096 };

	memset(text, 'x', sizeof(text));
	quota = 1 << 20;
	read_max = 1 << 20;
	(void)signal(SIGXFSZ, SIG_IGN);
	set_up();
	ck_assert_int_eq(put(FILES_WRITE, "a", text, 3000, -1), FCS_OK);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &rl), 0);
	ck_assert_int_ne(put(FILES_WRITE, "a", text, 8000, -1), FCS_OK);
	ck_assert_int_ne(put(FILES_WRITE, "n", text, 8000, -1), FCS_OK);
	ck_assert_int_ne(put(FILES_APPEND, "a", text, 8000, 0), FCS_OK);
	ck_assert_int_ne(put(FILES_WRITE, "a", text, 8000, 100), FCS_OK);
	ck_assert_int_eq(run(FILES_STAT, "a"), FCS_OK);
	ck_assert_uint_eq(op.size, 3000);
	ck_assert_str_eq(names("**"), "a ");
	ck_assert_int_ne(access(real("files/.fcs-tmp"), F_OK), 0);
	tear_down();
}

UNIT(what_waits_is_limited)
{
	struct files_op big[3];
	char *block = calloc(1, 600 << 10);
	size_t i;

	quota = 1 << 30;
	set_up();
	for (i = 0; i < 3; i++) {
		fill(FILES_WRITE, "a");
		big[i] = op;
		big[i].data = block;
		big[i].len = 600 << 10;
	}
	/* the thread may be through with the first: two of them never fit */
	ck_assert_int_eq(files_submit(files, &big[0]), FCS_OK);
	ck_assert_int_eq(files_submit(files, &big[1]), FCS_ELIMIT);
	while (done_count == 0) {
		(void)sem_wait(&woken);
		files_collect(files);
	}
	ck_assert_int_eq(files_submit(files, &big[1]), FCS_OK);
	files_stop(files); /* what was submitted is done, and told */
	ck_assert_int_eq(done_count, 2);
	ck_assert_int_eq(big[1].why.code, FCS_OK);
	buf_fini(&op.out);
	free(block);
}

/* A process that tells each write that worked, until it is killed. */
static void
write_and_tell(int fd)
{
	char name[32], text[32];
	unsigned n;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	set_up();
	quota = 1 << 30;
	for (n = 1;; n++) {
		(void)snprintf(text, sizeof(text), "%010u", n);
		(void)snprintf(name, sizeof(name), "f%u", n % 7);
		if (put(FILES_WRITE, name, text, 10, -1) != FCS_OK ||
		    append("log", text) != FCS_OK ||
		    write(fd, &n, sizeof(n)) != sizeof(n))
			_exit(1);
	}
}

UNIT_TIMEOUT(what_was_said_to_be_written_survives_kill_9, 30)
{
	char name[32];
	unsigned n, told, value;
	int fds[2], round, i;
	const char *text;
	pid_t pid;

	(void)unit_tmpdir();
	for (round = 0; round < 5; round++) {
		told = 0;
		ck_assert_int_eq(pipe(fds), 0);
		pid = fork();
		if (pid == 0)
			write_and_tell(fds[1]);
		close(fds[1]);
		while (told < 20u + (unsigned)round * 7 &&
		       read(fds[0], &n, sizeof(n)) == sizeof(n))
			told = n;
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		while (read(fds[0], &n, sizeof(n)) == sizeof(n))
			told = n;
		close(fds[0]);
		ck_assert_int_eq(waitpid(pid, &i, 0), pid);
		ck_assert_uint_ge(told, 20);
		quota = 1 << 30;
		read_max = 1 << 20;
		set_up();
		for (i = 0; i < 7; i++) { /* each whole, none older than told */
			(void)snprintf(name, sizeof(name), "f%d", i);
			text = text_of(name);
			ck_assert_ptr_nonnull(text);
			ck_assert_uint_eq(strlen(text), 10);
			value = (unsigned)strtoul(text, NULL, 10);
			ck_assert_uint_ge(value + 7, told);
		}
		ck_assert_int_eq(run(FILES_STAT, "log"), FCS_OK);
		ck_assert_uint_ge(op.size, told * 10);
		ck_assert_int_eq(run(FILES_DELETE, "log"), FCS_OK);
		tear_down();
	}
}

UNIT_MAIN
