/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay - runs a fuzz target over its stored inputs: tests/fuzz/corpus/NAME
 * and those files of tests/fuzz/regress that begin with NAME-. NAME is what
 * follows fuzz_ in the name of the program; FCS_SRCDIR is the source folder.
 * Each input also runs cut short and with bytes changed, always the same way
 * (FCS_SEED makes it another). Arguments, if any, are files to run instead.
 */
#include <dirent.h>
#include <limits.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (4u << 20)
#define CUTS      64 /* of one input */
#define CHANGES   64

static unsigned count;
static uint64_t seed = 88172645463325253;
static uint64_t state;

static uint32_t
next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

/* In memory of its own that ends where the input ends. */
static void
run_copy(const uint8_t *data, size_t len, unsigned changes)
{
	static const uint8_t nasty[] = { 0, 1, 0x7f, 0x80, 0xff };
	uint8_t *copy = malloc(len == 0 ? 1 : len);

	if (copy == NULL)
		exit(1);
	if (len > 0)
		memcpy(copy, data, len);
	for (unsigned i = 0; i < changes && len > 0; i++) {
		size_t at = next_random() % len;

		if (next_random() % 2)
			copy[at] = nasty[next_random() % sizeof(nasty)];
		else
			copy[at] ^= (uint8_t)(1u << next_random() % 8);
	}
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void
run_variants(const uint8_t *data, size_t len)
{
	for (size_t n = 0; n < len; n += len / CUTS + 1)
		run_copy(data, n, 0);
	/* large inputs are there for their size, not for their bytes */
	for (unsigned i = 0; i < CHANGES && len < 65536; i++)
		run_copy(data, len, 1 + i % 4);
}

static void
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_MAX);
	size_t len;

	if (f == NULL || data == NULL) {
		perror(path);
		exit(1);
	}
	len = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	fprintf(stderr, "%s\n", path);
	state = seed; /* the order of a folder is not always the same */
	run_copy(data, len, 0);
	if (len < INPUT_MAX / 4)
		run_variants(data, len);
	free(data);
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
	if (getenv("FCS_SEED") != NULL)
		seed = strtoull(getenv("FCS_SEED"), NULL, 10) * 2 + 1;
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
