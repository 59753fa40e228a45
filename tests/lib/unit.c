/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/lib/unit.h"

#include <ftw.h>
#include <unistd.h>

static struct unit_case *first;
static struct unit_case **last = &first;
static char tmpdir[512];

void
unit_add(struct unit_case *c)
{
	*last = c;
	last = &c->next;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void
remove_tmpdir(void)
{
	if (tmpdir[0] != '\0')
		(void)nftw(tmpdir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *
unit_tmpdir(void)
{
	if (tmpdir[0] == '\0') {
		const char *base = getenv("TMPDIR");

		snprintf(tmpdir, sizeof(tmpdir), "%s/unit-XXXXXX",
		    base != NULL ? base : "/tmp");
		if (mkdtemp(tmpdir) == NULL)
			ck_abort_msg("mkdtemp failed");
		atexit(remove_tmpdir);
	}
	return tmpdir;
}

uint8_t *
unit_hex(const char *hex, size_t *len)
{
	uint8_t *out = malloc(strlen(hex) / 2 + 1);
	unsigned v;
	size_t n = 0;

	ck_assert_ptr_nonnull(out);
	while (*hex != '\0') {
		if (*hex == ' ' || *hex == '\n' || *hex == '\t') {
			hex++;
			continue;
		}
		ck_assert_int_eq(sscanf(hex, "%2x", &v), 1);
		ck_assert_msg(hex[1] != '\0', "odd number of hex digits");
		out[n++] = (uint8_t)v;
		hex += 2;
	}
	*len = n;
	return out;
}

/* Text of a failure as TAP comments, so that it can hold any lines. */
static void
print_comment(const char *text)
{
	printf("# ");
	for (; *text != '\0'; text++) {
		putchar(*text);
		if (*text == '\n')
			printf("# ");
	}
	putchar('\n');
}

int
unit_main(int argc, char **argv)
{
	Suite *suite = suite_create("unit");
	SRunner *runner;
	TestResult **results;
	const char *want = argc > 1 ? argv[1] : "";
	int n = 0;
	int failed;

	for (struct unit_case *c = first; c != NULL; c = c->next) {
		TCase *tc;

		if (strstr(c->name, want) == NULL)
			continue;
		tc = tcase_create(c->name);
		tcase_set_timeout(tc, c->timeout_s);
		tcase_add_test(tc, c->test);
		suite_add_tcase(suite, tc);
	}
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	n = srunner_ntests_run(runner);
	results = srunner_results(runner);
	for (int i = 0; i < n; i++) {
		bool ok = tr_rtype(results[i]) == CK_PASS;

		printf("%s %d - %s\n", ok ? "ok" : "not ok", i + 1,
		    tr_tcname(results[i]));
		if (!ok) {
			printf("# %s:%d\n", tr_lfile(results[i]),
			    tr_lno(results[i]));
			print_comment(tr_msg(results[i]));
		}
	}
	printf("1..%d\n", n);
	free(results);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
