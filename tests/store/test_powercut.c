/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The power fails in the middle of writing: what the store acknowledged is
 * there, whole batches only, and the file is sound. The cuts are replayed from
 * what was written (tests/lib/disk.h); FCS_SEED repeats a run.
 */
#include <dirent.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/commit.h"
#include "tests/lib/disk.h"
#include "tests/store/store_lib.h"

#define BATCHES 120
#define IMAGES  300

static char written[256], image[256];

static void
make_folders(void)
{
	const char *seed = getenv("FCS_SEED");
	unsigned n = seed != NULL ? (unsigned)atoi(seed) : (unsigned)time(NULL);

	printf("# seed %u\n", n);
	srandom(n);
	snprintf(written, sizeof(written), "%s/written", unit_tmpdir());
	snprintf(image, sizeof(image), "%s/image", unit_tmpdir());
	ck_assert_int_eq(mkdir(written, 0700), 0);
	ck_assert_int_eq(mkdir(image, 0700), 0);
	disk_watch(written);
}

static void
empty_image(void)
{
	char path[600];
	struct dirent *e;
	DIR *d = opendir(image);

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", image, e->d_name);
		if (e->d_name[0] != '.')
			ck_assert_int_eq(unlink(path), 0);
	}
	closedir(d);
}

static struct store *
open_in(const char *dir)
{
	struct store *s = NULL;
	struct err why;

	ck_assert_msg(sodb_open(dir, STORE_SYNC_FULL, &s, &why) == FCS_OK, "%s",
	    why.text);
	return s;
}

/* Every batch sets a, b and c to its own version; every third sets a slot more
 * that the next deletes. */
static const char *
changes_of(uint64_t version)
{
	static char text[160];
	unsigned long long v = version;

	snprintf(text, sizeof(text),
	    version % 3 == 0   ? "a=%llu b=%llu c=%llu extra=x"
	    : version % 3 == 1 ? "a=%llu b=%llu c=%llu extra"
			       : "a=%llu b=%llu c=%llu",
	    v, v, v);
	return text;
}

/* What the store does between commits: log moved, history cut, tombstones. */
static void
housekeeping(struct store *s, uint64_t version)
{
	uint64_t dropped;
	bool more;

	if (random() % 4 == 0)
		fcs_ignore(s->ops->idle(s));
	if (version % 16 == 0)
		fcs_ignore(s->ops->trim(s, "i", "o", 8, 0, &more));
	if (version % 24 == 0)
		fcs_ignore(s->ops->purge(s, "i", "o", version - 4, &dropped));
}

/* The image at one cut: the promise, and whether more or less is there. */
static int64_t
look_at(size_t at)
{
	uint64_t promised, version;
	struct store *s;
	struct err why;
	char want[200];
	const char *is;

	empty_image();
	promised = disk_cut(at, (unsigned)random(), image);
	s = open_in(image);
	ck_assert_msg(
	    s->ops->verify(s, &why) == FCS_OK, "cut at %zu: %s", at, why.text);
	version = store_lib_version(s, "o");
	if (version > STORE_FIRST_VERSION) {
		snprintf(want, sizeof(want),
		    "a=%llu@%llu b=%llu@%llu "
		    "c=%llu@%llu",
		    (unsigned long long)version, (unsigned long long)version,
		    (unsigned long long)version, (unsigned long long)version,
		    (unsigned long long)version, (unsigned long long)version);
		is = store_lib_read(s, "o", version - 1);
		ck_assert_msg(strncmp(is, want, strlen(want)) == 0,
		    "cut at %zu: %s is not %s", at, is, want);
	}
	s->ops->close(s);
	return (int64_t)version - (int64_t)promised;
}

/* No commit acknowledged is lost, none is half there: from the empty folder
 * on, in the middle of creation, of commits, of moving the log. */
UNIT_TIMEOUT(a_power_cut_takes_nothing_back, 120)
{
	struct store *s;
	uint64_t v;
	int ahead = 0;

	make_folders();
	s = open_in(written);
	for (v = 2; v < 2 + BATCHES; v++) {
		ck_assert_int_eq(
		    store_lib_write(s, "o", v, changes_of(v)), FCS_OK);
		disk_promise(v);
		housekeeping(s, v);
	}
	s->ops->close(s);
	for (int i = 0; i < IMAGES; i++) {
		size_t at = (size_t)random() % (disk_notes() + 1);
		int64_t more = look_at(at);

		ck_assert_msg(more >= 0, "cut at %zu: %lld versions are lost",
		    at, (long long)-more);
		ahead += more > 0;
	}
	printf(
	    "# %d images of %zu notes, %d with a commit nobody was told of\n",
	    IMAGES, disk_notes(), ahead);
}

/* The same sees what a store without syncs loses: else it proves nothing. */
UNIT_TIMEOUT(relaxed_batches_are_seen_to_be_lost, 120)
{
	struct store_change c = { .slot = "a", .slot_len = 1, .len = 1 };
	struct store_batch b = { .inst = "i",
		.object = "o",
		.changes = &c,
		.count = 1,
		.relaxed = true };
	struct store_batch *list[] = { &b };
	struct store *s;
	struct err why;
	uint64_t promised, v;
	int lost = 0;

	make_folders();
	c.value = (const uint8_t *)"x";
	s = open_in(written);
	for (v = 2; v < 2 + BATCHES; v++) {
		b.version = v;
		ck_assert_int_eq(s->ops->commit(s, list, 1, &why), FCS_OK);
		disk_promise(v);
	}
	s->ops->close(s);
	for (int i = 0; i < IMAGES / 10; i++) {
		empty_image();
		promised = disk_cut((size_t)random() % (disk_notes() + 1),
		    (unsigned)random(), image);
		s = open_in(image);
		ck_assert_int_eq(s->ops->verify(s, &why), FCS_OK);
		lost += store_lib_version(s, "o") < promised;
		s->ops->close(s);
	}
	ck_assert_int_gt(lost, 0);
	printf(
	    "# %d of %d images lost what was not synced\n", lost, IMAGES / 10);
}

/* ---- through the commit thread ---- */

static int wakes[2];

static void
on_wake(void *arg)
{
	(void)arg;
	ck_assert_int_eq(write(wakes[1], "w", 1), 1);
}

struct writer {
	struct commit_job job;
	struct store_batch batch;
	struct store_change changes[3];
	char text[24];
	bool is_free;
};

static uint64_t acknowledged;

static void
on_done(void *arg, int result, const struct err *why)
{
	struct writer *w = arg;

	ck_assert_msg(result == FCS_OK, "%s", why->text);
	ck_assert_uint_eq(w->batch.version, acknowledged + 1);
	acknowledged = w->batch.version;
	disk_promise(acknowledged);
	w->is_free = true;
}

static void
submit(struct commit *c, struct writer *w, uint64_t version)
{
	snprintf(w->text, sizeof(w->text), "%llu", (unsigned long long)version);
	for (int k = 0; k < 3; k++)
		w->changes[k] = (struct store_change){ .slot = &"abc"[k],
			.slot_len = 1,
			.value = (const uint8_t *)w->text,
			.len = strlen(w->text) };
	w->batch = (struct store_batch){ .inst = "i",
		.object = "o",
		.version = version,
		.user = "ann",
		.changes = w->changes,
		.count = 3,
		.at_ms = (int64_t)version };
	w->job = (struct commit_job){
		.batch = &w->batch, .done = on_done, .arg = w
	};
	w->is_free = false;
	commit_submit(c, &w->job);
}

UNIT_TIMEOUT(nor_does_one_under_the_commit_thread, 120)
{
	static struct writer writers[8];
	struct commit *c;
	struct store *s;
	uint64_t v = 1;
	char drain[64];

	make_folders();
	ck_assert_int_eq(pipe(wakes), 0);
	s = open_in(written);
	ck_assert_int_eq(commit_start(s, on_wake, NULL, &c), FCS_OK);
	acknowledged = 1;
	for (int i = 0; i < 8; i++)
		writers[i].is_free = true;
	while (acknowledged < 2 * BATCHES) {
		for (int i = 0; i < 8; i++)
			if (writers[i].is_free && random() % 2 == 0)
				submit(c, &writers[i], ++v);
		commit_turn(c);
		if (v == acknowledged)
			continue;
		ck_assert_int_gt(read(wakes[0], drain, sizeof(drain)), 0);
		commit_collect(c);
	}
	commit_stop(c);
	s->ops->close(s);
	for (int i = 0; i < IMAGES; i++) {
		size_t at = (size_t)random() % (disk_notes() + 1);
		int64_t more = look_at(at);

		ck_assert_msg(more >= 0 && more <= 9, "cut at %zu: %lld", at,
		    (long long)more);
	}
}

UNIT_MAIN
