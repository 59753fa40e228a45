/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay - runs a fuzz target over its stored inputs: tests/fuzz/corpus/NAME
 * and those files of tests/fuzz/regress that begin with NAME-. NAME is what
 * follows fuzz_ in the name of the program; FCS_SRCDIR is the source folder.
 * Arguments, if any, are files to run instead.
 */
#include <dirent.h>
#include <limits.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (4u << 20)

static unsigned count;

static void
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_MAX), *exact;
	size_t len;

	if (f == NULL || data == NULL) {
		perror(path);
		exit(1);
	}
	len = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	/* Memory that ends where the input ends. */
	exact = malloc(len == 0 ? 1 : len);
	if (exact == NULL)
		exit(1);
	memcpy(exact, data, len);
	free(data);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	count++;
}

static void
run_folder(const char *folder, const char *prefix)
{
	char path[PATH_MAX];
	DIR *d = opendir(folder);
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' ||
		    strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		run_file(path);
	}
	closedir(d);
}

int
main(int argc, char **argv)
{
	const char *src = getenv("FCS_SRCDIR"), *name;
	char folder[PATH_MAX], prefix[64];

	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	if (argc > 1)
		return 0;
	name = strstr(argv[0], "fuzz_");
	for (const char *p = name; p != NULL; p = strstr(p + 1, "fuzz_"))
		name = p;
	if (name == NULL) {
		fprintf(stderr, "the program's name tells no target\n");
		return 2;
	}
	name += strlen("fuzz_");
	printf("1..1\n");
	fflush(stdout);
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s",
	    src != NULL ? src : ".", name);
	run_folder(folder, "");
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/regress",
	    src != NULL ? src : ".");
	snprintf(prefix, sizeof(prefix), "%s-", name);
	run_folder(folder, prefix);
	printf("# %u inputs\n", count);
	printf("%sok 1 - stored_inputs_run_clean\n", count > 0 ? "" : "not ");
	return count > 0 ? 0 : 1;
}
