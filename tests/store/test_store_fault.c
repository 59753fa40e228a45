/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk that fails, call by call: a session of thirty operations is run again
 * and again, each time with the next open, write, truncate, sync or change of
 * a name failing, once or from there on. Whatever it was: no crash, nothing
 * that was acknowledged is lost, nothing half written is found, and after the
 * fault the file opens sound.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/store/store_lib.h"

#define OPERATIONS 30

static char dir[300];

static void
make_folder(uint32_t n)
{
	snprintf(dir, sizeof(dir), "%s/%u", unit_tmpdir(), n);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	disk_watch(dir);
}

/* One operation; true: a batch was written, its version is the next. */
static bool
operate(struct store *s, int i, uint64_t version)
{
	char text[64];
	uint64_t dropped;
	struct err why;
	bool more;

	err_clear(&why);
	switch (i % 6) {
	case 3:
		fcs_ignore(s->ops->idle(s));
		return false;
	case 4:
		fcs_ignore(s->ops->trim(s, "i", "o", 4, 0, &more));
		return false;
	case 5:
		fcs_ignore(s->ops->purge(s, "i", "o", version - 1, &dropped));
		return false;
	default:
		snprintf(text, sizeof(text), "a=%llu b=%llu s%d",
		    (unsigned long long)version, (unsigned long long)version,
		    i);
		return store_lib_try(s, "o", version, text, &why) == FCS_OK;
	}
}

/* The session; returns the last version acknowledged (0: it did not open). */
static uint64_t
session(void)
{
	struct store *s = NULL;
	uint64_t version = 1;
	struct err why;

	if (sodb_open(dir, STORE_SYNC_FULL, &s, &why) != FCS_OK) {
		ck_assert_str_ne(why.text, "");
		return 0;
	}
	for (int i = 0; i < OPERATIONS; i++)
		version += operate(s, i, version + 1);
	s->ops->close(s);
	return version;
}

static void
look(uint64_t acknowledged, uint32_t n)
{
	struct store *s = NULL;
	uint64_t version;
	struct err why;
	char want[128];
	const char *is;

	ck_assert_msg(sodb_open(dir, STORE_SYNC_FULL, &s, &why) == FCS_OK,
	    "fault %u: %s", n, why.text);
	ck_assert_msg(
	    s->ops->verify(s, &why) == FCS_OK, "fault %u: %s", n, why.text);
	version = store_lib_version(s, "o");
	/* A commit that failed may be there all the same, once. */
	ck_assert_msg(version >= acknowledged && version <= acknowledged + 1,
	    "fault %u: version %llu, acknowledged %llu", n,
	    (unsigned long long)version, (unsigned long long)acknowledged);
	if (version > STORE_FIRST_VERSION) {
		snprintf(want, sizeof(want), "a=%llu@%llu b=%llu@%llu",
		    (unsigned long long)version, (unsigned long long)version,
		    (unsigned long long)version, (unsigned long long)version);
		is = store_lib_read(s, "o", version - 1);
		ck_assert_msg(strncmp(is, want, strlen(want)) == 0,
		    "fault %u: %s is not %s", n, is, want);
	}
	s->ops->close(s);
}

static void
sweep(int error, bool for_ever)
{
	uint32_t n, calls, failed = 0;
	uint64_t acknowledged;

	make_folder(0);
	disk_fail(DISK_ALL, 0, 0, false);
	acknowledged = session();
	ck_assert_uint_gt(acknowledged, OPERATIONS / 3);
	calls = disk_calls();
	for (n = 1; n <= calls; n++) {
		make_folder(n);
		disk_fail(DISK_ALL, n, error, for_ever);
		acknowledged = session();
		failed += disk_failures() > 0;
		disk_fail(0, 0, 0, false);
		look(acknowledged == 0 ? 1 : acknowledged, n);
	}
	ck_assert_uint_eq(failed, calls);
	printf("# %u faults\n", failed);
}

UNIT_TIMEOUT(each_call_fails_once_with_an_io_error, 120)
{
	sweep(EIO, false);
}

UNIT_TIMEOUT(from_each_call_on_all_fail_with_an_io_error, 120)
{
	sweep(EIO, true);
}

UNIT_TIMEOUT(each_call_finds_the_disk_full_once, 120)
{
	sweep(ENOSPC, false);
}

UNIT_TIMEOUT(from_each_call_on_the_disk_is_full, 120)
{
	sweep(ENOSPC, true);
}

UNIT_MAIN
