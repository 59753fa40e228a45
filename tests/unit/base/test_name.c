/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/name.h"

#include "tests/lib/unit.h"

static int
check(enum name_kind kind, const char *name)
{
	return name_check(kind, name, strlen(name), NULL);
}

UNIT(application_names_are_folder_names)
{
	ck_assert_int_eq(check(NAME_APP, "vod"), FCS_OK);
	ck_assert_int_eq(check(NAME_APP, "my-app_2"), FCS_OK);
	ck_assert_int_eq(check(NAME_APP, "a/b"), FCS_EINVAL);
	ck_assert_int_eq(check(NAME_APP, ".."), FCS_EINVAL);
	ck_assert_int_eq(check(NAME_APP, "-x"), FCS_EINVAL);
	ck_assert_int_eq(check(NAME_APP, ""), FCS_EINVAL);
	ck_assert_int_eq(check(NAME_APP, "caf\xc3\xa9"), FCS_EINVAL);
}

UNIT(paths_cannot_be_forged)
{
	static const char *const bad[] = { "", "/", "a/", "/a", "a//b", ".",
		"..", "../x", "a/../b", "a/.", "../../x", "a\nb", "a\x7f",
		"\xff" };
	static const char *const good[] = { "a", "a/b", "...", "a..b", ".a",
		"caf\xc3\xa9", "mp4:x y", "a\\b", "%2e%2e" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(
		    check(NAME_STREAM, bad[i]) == FCS_EINVAL, "%s", bad[i]);
		ck_assert_int_eq(check(NAME_INSTANCE, bad[i]), FCS_EINVAL);
		ck_assert_int_eq(check(NAME_OBJECT, bad[i]), FCS_EINVAL);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(
		    check(NAME_STREAM, good[i]) == FCS_OK, "%s", good[i]);
	ck_assert_int_eq(name_check(NAME_STREAM, "a\0b", 3, NULL), FCS_EINVAL);
}

UNIT(paths_of_the_old_server_stand_for_names)
{
	static const struct {
		const char *path, *yes, *no;
	} v[] = {
		{ "/", "a", NULL },
		{ "", "a/b", NULL },
		{ "/a/b", "a/b", "a/b/c" },
		{ "a", "a", "a/b" },
		{ "/*", "a/b/c", NULL },
		{ "/a/*", "a/b/c", "a" },
		{ "/a/*", "a/b", "ab" },
		{ "/a/b*", "a/b", "a/b/c" },
		{ "/a/*c", "a/bc", "a/b/c" },
		{ "/a/?", "a/b", "a/bc" },
		{ "/a?c", "abc", "a/c" },
		{ "/*/b", "*/b", "a/b" },
		{ "/a*b*c", "aXbYbc", "aXbYb" },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		ck_assert_msg(name_path_match(v[i].path, v[i].yes), "%s %s",
		    v[i].path, v[i].yes);
		if (v[i].no != NULL)
			ck_assert_msg(!name_path_match(v[i].path, v[i].no),
			    "%s %s", v[i].path, v[i].no);
	}
}

UNIT(slots_hold_anything_but_nul)
{
	ck_assert_int_eq(check(NAME_SLOT, "../a//b\n"), FCS_OK);
	ck_assert_int_eq(name_check(NAME_SLOT, "a\0b", 3, NULL), FCS_EINVAL);
	ck_assert_int_eq(check(NAME_SLOT, ""), FCS_EINVAL);
	ck_assert_int_eq(check(NAME_SLOT, "\xc0\x80"), FCS_EINVAL);
}

UNIT(long_names_are_refused_with_the_reason)
{
	char text[300];
	struct err e;

	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(name_check(NAME_STREAM, text, 255, &e), FCS_OK);
	ck_assert_int_eq(name_check(NAME_STREAM, text, 256, &e), FCS_ELIMIT);
	ck_assert_str_eq(e.text, "stream name of 256 bytes (at most 255)");
	ck_assert_int_eq(name_check(NAME_OBJECT, "a/../b", 6, &e), FCS_EINVAL);
	ck_assert_str_eq(e.text, "shared object name with a part . or ..");
}

UNIT(disk_form_is_safe_and_reversible)
{
	static const struct {
		const char *name, *disk;
	} v[] = {
		{ "room1", "room1" },
		{ "a/b", "a%2Fb" },
		{ ".hidden", "%2Ehidden" },
		{ "a.b", "a.b" },
		{ "50%", "50%25" },
		{ "a:b*c", "a%3Ab%2Ac" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "..", "%2E." },
	};
	struct str s;

	str_init(&s);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		str_reset(&s);
		ck_assert_int_eq(
		    name_to_disk(v[i].name, strlen(v[i].name), &s), FCS_OK);
		ck_assert_str_eq(str_text(&s), v[i].disk);
		str_reset(&s);
		ck_assert_int_eq(
		    name_from_disk(v[i].disk, strlen(v[i].disk), &s), FCS_OK);
		ck_assert_str_eq(str_text(&s), v[i].name);
	}
	str_fini(&s);
}

UNIT(a_disk_form_has_one_spelling)
{
	static const char *const bad[] = { "", "a%", "a%2", "a%2f", "%41",
		"a/b", ".x", "a%zz", "..", "%2e", "a\nb" };
	struct str s;

	str_init(&s);
	str_add(&s, "keep");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(
		    name_from_disk(bad[i], strlen(bad[i]), &s) == FCS_EFORMAT,
		    "%s", bad[i]);
		ck_assert_str_eq(str_text(&s), "keep");
	}
	str_fini(&s);
}

UNIT(a_name_too_long_for_a_file_is_refused)
{
	char text[255];
	struct str s;

	memset(text, '/', sizeof(text));
	str_init(&s);
	ck_assert_int_eq(name_to_disk(text, 80, &s), FCS_OK);
	ck_assert_uint_eq(s.len, 240);
	ck_assert_int_eq(name_to_disk(text, 81, &s), FCS_ELIMIT);
	ck_assert_uint_eq(s.len, 240);
	str_fini(&s);
}

UNIT(suggestions_are_near)
{
	static const char *const keys[] = { "listen", "state", "apps", "user",
		"seek", "record" };

	ck_assert_str_eq(name_suggest("lisen", keys, 6), "listen");
	ck_assert_str_eq(name_suggest("sate", keys, 6), "state");
	ck_assert_str_eq(name_suggest("recrod", keys, 6), "record");
	ck_assert_ptr_null(name_suggest("banana", keys, 6));
	ck_assert_ptr_null(name_suggest("x", keys, 6));
	ck_assert_uint_eq(name_distance("ab", "ba", 3), 1);
	ck_assert_uint_eq(name_distance("kitten", "sitting", 9), 3);
	ck_assert_uint_eq(name_distance("", "abc", 9), 3);
	ck_assert_uint_eq(name_distance("abcdef", "ghijkl", 3), 4);
}

UNIT_MAIN
