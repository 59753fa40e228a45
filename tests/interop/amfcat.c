/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * amfcat - AMF values between hex and JSON, one a line, for comparisons with
 * codecs of others.
 *
 * A line of standard input is "0 HEX" (AMF0) or "3 HEX" (AMF3), one value that
 * fills HEX. Its answer is one line of three columns, separated by tabs: the
 * value as JSON, the value written again as AMF0 and as AMF3, in hex ("-" when
 * that codec cannot say it); or "error CODE", CODE being the FCS_E number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/amf0.h"
#include "codec/amf3.h"

static void
print_hex(const struct buf *b)
{
	for (size_t i = 0; i < buf_len(b); i++)
		printf("%02x", buf_data(b)[i]);
}

static int
unhex(const char *text, uint8_t **out, size_t *len)
{
	size_t n = strlen(text) / 2;
	unsigned byte;

	*out = malloc(n + 1);
	if (*out == NULL)
		return FCS_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return FCS_EFORMAT;
		(*out)[i] = (uint8_t)byte;
	}
	*len = n;
	return FCS_OK;
}

static int
read_value(struct arena *a, int version, const uint8_t *data, size_t len,
    struct value **out)
{
	struct amf0_reader r;
	uint32_t elements = 0;
	size_t pos = 0;
	int rc;

	if (version == 3) {
		rc = amf3_read(a, data, len, &pos, &elements, 0, out);
		return rc == FCS_OK && pos != len ? FCS_EFORMAT : rc;
	}
	amf0_reader_init(&r, a, data, len);
	rc = amf0_read(&r, out);
	return rc == FCS_OK && !amf0_reader_at_end(&r) ? FCS_EFORMAT : rc;
}

/* Prints the bytes of v in one of the two forms. */
static void
print_again(int version, const struct value *v)
{
	struct amf0_writer w;
	struct buf b;
	int rc;

	buf_init(&b, 0);
	if (version == 3) {
		rc = amf3_write(&b, v);
	} else {
		amf0_writer_init(&w, &b, AMF0_AVMPLUS);
		rc = amf0_write(&w, v);
		amf0_writer_fini(&w);
	}
	if (rc == FCS_OK)
		print_hex(&b);
	else
		putchar('-');
	buf_fini(&b);
}

static int
answer(struct arena *a, char *line)
{
	struct value *v = NULL;
	struct buf json;
	uint8_t *data = NULL;
	size_t len = 0;
	int rc;

	line[strcspn(line, "\n")] = '\0';
	rc = unhex(line + 2, &data, &len);
	if (rc == FCS_OK)
		rc = read_value(a, line[0] - '0', data, len, &v);
	buf_init(&json, 0);
	if (rc == FCS_OK)
		rc = value_json(&json, v);
	if (rc == FCS_OK) {
		fwrite(buf_data(&json), 1, buf_len(&json), stdout);
		putchar('\t');
		print_again(0, v);
		putchar('\t');
		print_again(3, v);
		putchar('\n');
	} else {
		printf("error %d\n", rc);
	}
	buf_fini(&json);
	free(data);
	return fflush(stdout);
}

int
main(void)
{
	struct arena *a = arena_new(0);
	char *line = NULL;
	size_t cap = 0;
	int rc = 0;

	if (a == NULL)
		return 1;
	while (rc == 0 && getline(&line, &cap, stdin) > 2) {
		rc = answer(a, line);
		arena_reset(a);
	}
	free(line);
	arena_free(a);
	return rc;
}
