/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/config.h"

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/unit.h"

static char path[700];

static const char *
write_file(const char *name, const char *text)
{
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", unit_tmpdir(), name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	fclose(f);
	return path;
}

static struct config *
load(const char *yaml)
{
	struct config_source src = { .file = write_file("fcsd.yaml", yaml) };
	struct config_problems p;
	struct config *c;
	struct str s;

	str_init(&s);
	if (config_load(&src, &c, &p) != FCS_OK) {
		config_problems_print(&p, &s);
		ck_abort_msg("%s", str_text(&s));
	}
	config_problems_fini(&p);
	return c;
}

/* Problems of a file, with the folder's name taken out. */
static const char *
problems(const char *yaml)
{
	struct config_source src = { .file = write_file("f.yaml", yaml) };
	struct config_problems p;
	struct config *c;
	struct str s;
	static char out[20000];
	char *to = out;

	ck_assert_int_eq(config_load(&src, &c, &p), FCS_ECONFIG);
	ck_assert_ptr_null(c);
	str_init(&s);
	config_problems_print(&p, &s);
	for (const char *q = str_text(&s); *q != '\0';) {
		if (str_starts(q, unit_tmpdir()))
			q += strlen(unit_tmpdir()) + 1;
		else
			*to++ = *q++;
	}
	*to = '\0';
	str_fini(&s);
	config_problems_fini(&p);
	return out;
}

UNIT(every_row_has_help_and_a_default_that_fits)
{
	struct config *c = config_new();

	ck_assert_ptr_nonnull(c);
	for (int i = 0; i < CFG_TOTAL; i++) {
		ck_assert_str_ne(config_row((enum config_key)i)->help, "");
		ck_assert_int_eq(config_value(c, (enum config_key)i)->layer,
		    CONFIG_BY_DEFAULT);
	}
	for (int i = 0; i < APP_TOTAL; i++)
		ck_assert_str_ne(
		    config_app_row((enum config_app_key)i)->help, "");
	ck_assert_str_eq(config_item(c, CFG_LISTEN_RTMP, 0), ":1935");
	ck_assert_uint_eq(config_count(c, CFG_LISTEN_RTMPS), 0);
	ck_assert_uint_eq(config_count(c, CFG_APPS), 2);
	ck_assert_int_eq(limits_get(config_limits(c), LIMIT_CSIDS), 64);
	ck_assert_str_eq(config_admin_socket(c), "/run/fcs/fcsd.sock");
	config_free(c);
	config_free(NULL);
}

UNIT(no_path_is_given_twice)
{
	for (int i = 0; i < CFG_TOTAL; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(config_row((enum config_key)i)->path,
			    config_row((enum config_key)j)->path);
	for (int i = 0; i < APP_TOTAL; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(
			    config_app_row((enum config_app_key)i)->path,
			    config_app_row((enum config_app_key)j)->path);
}

UNIT(a_file_sets_values_of_every_type)
{
	struct config *c = load("listen:\n"
				"  rtmp: [\"[::1]:1936\", 127.0.0.1:0]\n"
				"  http: :8081\n"
				"state: /tmp/x\n"
				"log: {level: debug, format: json}\n"
				"workers:\n"
				"  shared: 4\n"
				"  idle_exit: 10m\n"
				"limits:\n"
				"  message_data: 2M\n"
				"  ping_idle: 45s\n"
				"  csids: 128\n");

	ck_assert_uint_eq(config_count(c, CFG_LISTEN_RTMP), 2);
	ck_assert_str_eq(config_item(c, CFG_LISTEN_RTMP, 0), "[::1]:1936");
	ck_assert_str_eq(config_item(c, CFG_LISTEN_HTTP, 0), ":8081");
	ck_assert_int_eq(config_int(c, CFG_LOG_LEVEL), 0);
	ck_assert_int_eq(config_int(c, CFG_LOG_FORMAT), 1);
	ck_assert_int_eq(config_int(c, CFG_WORKERS_SHARED), 4);
	ck_assert_int_eq(config_int(c, CFG_WORKERS_IDLE), 600000);
	ck_assert_int_eq(
	    limits_get(config_limits(c), LIMIT_MESSAGE_DATA), 2 << 20);
	ck_assert_int_eq(limits_get(config_limits(c), LIMIT_PING_IDLE), 45000);
	ck_assert_int_eq(limits_get(config_limits(c), LIMIT_CSIDS), 128);
	ck_assert_str_eq(config_admin_socket(c), "/tmp/x/fcsd.sock");
	ck_assert_int_eq(config_value(c, CFG_STATE)->layer, CONFIG_BY_FILE);
	ck_assert_int_eq(config_value(c, CFG_STATE)->line, 4);
	config_free(c);
}

UNIT(an_unknown_key_names_place_and_suggestion)
{
	ck_assert_str_eq(problems("state: /x\nlisen:\n  rtmp: :1935\n"),
	    "f.yaml:2:1: unknown key \"lisen\" (did you mean \"listen\"?)\n"
	    "    lisen:\n"
	    "    ^\n");
	ck_assert_str_eq(problems("listen:\n\n  rtpm: :1935\n"),
	    "f.yaml:3:3: unknown key \"rtpm\" (did you mean \"rtmp\"?)\n"
	    "      rtpm: :1935\n"
	    "      ^\n");
	ck_assert_str_eq(problems("publish: allow\n"),
	    "f.yaml:1:1: unknown key \"publish\" (it belongs to an "
	    "application: app.<name>.publish)\n"
	    "    publish: allow\n"
	    "    ^\n");
	ck_assert_str_eq(problems("app: {vod: {listen: 1}}\n"),
	    "f.yaml:1:13: unknown key \"listen\" (it belongs to the server, "
	    "in fcsd.yaml)\n"
	    "    app: {vod: {listen: 1}}\n"
	    "                ^\n");
	ck_assert_str_eq(problems("bananas: 1\n"),
	    "f.yaml:1:1: unknown key \"bananas\"\n"
	    "    bananas: 1\n"
	    "    ^\n");
}

UNIT(a_duplicate_key_names_both_places)
{
	ck_assert_str_eq(problems("state: /a\nuser: x\nstate: /b\n"),
	    "f.yaml:3:1: duplicate key \"state\" (first in line 1)\n"
	    "    state: /b\n"
	    "    ^\n");
	ck_assert_ptr_nonnull(strstr(
	    problems("app:\n  vod: {seek: precise}\n  vod: {play: deny}\n"),
	    "f.yaml:3:3: duplicate key \"vod\""));
	ck_assert_ptr_nonnull(
	    strstr(problems("app: {v: {config: {a: 1, a: 2}}}\n"),
		"duplicate key \"a\""));
}

UNIT(a_key_may_be_written_with_dots)
{
	struct config *c = load("listen.rtmp: :7\n"
				"listen: {http: [\":8\"]}\n"
				"app: {vod: {shared_objects.max_slots: 9}}\n");
	struct config_problems p;
	struct config_app *a;

	ck_assert_str_eq(config_item(c, CFG_LISTEN_RTMP, 0), ":7");
	ck_assert_str_eq(config_item(c, CFG_LISTEN_HTTP, 0), ":8");
	ck_assert_int_eq(config_app_load(c, "vod", NULL, &a, &p), FCS_OK);
	ck_assert_int_eq(config_app_int(a, APP_SO_MAX_SLOTS), 9);
	config_app_free(a);
	config_free(c);
	ck_assert_ptr_nonnull(
	    strstr(problems("listen.rtmp: :1\nlisten:\n  rtmp: :2\n"),
		"3:3: duplicate key \"listen.rtmp\" (first in line 1)"));
	ck_assert_ptr_nonnull(strstr(problems("listen.rtpm: :1\n"),
	    "unknown key \"rtpm\" (did you mean \"rtmp\"?)"));
	ck_assert_ptr_nonnull(strstr(problems("app.vod.seek: precise\n"),
	    "1:1: write app: {<name>: {<key>: ...}}"));
}

UNIT(all_problems_are_reported)
{
	const char *text = problems("stat: 1\n"
				    "log: {level: loud}\n"
				    "limits: {csids: 5, message_data: x}\n"
				    "listen: {rtmp: nowhere}\n");

	ck_assert_ptr_nonnull(strstr(text, ":1:1: unknown key \"stat\""));
	ck_assert_ptr_nonnull(strstr(text,
	    ":2:14: log.level: \"loud\" is none of debug|info|warn|error"));
	ck_assert_ptr_nonnull(
	    strstr(text, ":3:17: limits.csids: out of range (8 to 1024)"));
	ck_assert_ptr_nonnull(strstr(
	    text, ":3:34: limits.message_data: \"x\" is not a size such as"));
	ck_assert_ptr_nonnull(
	    strstr(text, "listen.rtmp: \"nowhere\" is no address"));
}

UNIT(wrong_shapes_are_explained)
{
	ck_assert_ptr_nonnull(strstr(
	    problems("state: [a]\n"), "1:8: state: one value is wanted here"));
	ck_assert_ptr_nonnull(
	    strstr(problems("log: 3\n"), "1:6: log: keys are wanted here"));
	ck_assert_ptr_nonnull(
	    strstr(problems("apps: {a: b}\n"), "apps: a list is wanted here"));
	ck_assert_ptr_nonnull(strstr(
	    problems("apps: [[a]]\n"), "apps: a list of words is wanted here"));
	ck_assert_ptr_nonnull(
	    strstr(problems("- a\n"), "the file should be keys and values"));
	ck_assert_ptr_nonnull(
	    strstr(problems("[a]: b\n"), "a key must be a word"));
	ck_assert_ptr_nonnull(
	    strstr(problems("workers: {shared: }\n"), "a value is missing"));
	ck_assert_ptr_nonnull(strstr(problems("workers: {idle_exit: 30}\n"),
	    "\"30\" is not a duration such as"));
	ck_assert_ptr_nonnull(strstr(problems("app: {../x: {play: deny}}\n"),
	    "an application name is letters"));
	ck_assert_ptr_nonnull(strstr(problems("listen:\n  rtmps: :443\n"),
	    "2:3: listen.rtmps needs tls.cert and tls.key"));
}

UNIT(yaml_faults_carry_their_place)
{
	ck_assert_ptr_nonnull(
	    strstr(problems("log:\n\tlevel: info\n"), "f.yaml:2:1: "));
	ck_assert_ptr_nonnull(strstr(problems("a: b: c\n"), "f.yaml:1:5: "));
	ck_assert_ptr_nonnull(strstr(
	    problems("state: &x /a\n"), "1:8: anchors are not supported"));
	ck_assert_ptr_nonnull(
	    strstr(problems("state: *x\n"), "1:8: aliases are not supported"));
	ck_assert_ptr_nonnull(strstr(
	    problems("state: !!str a\n"), "1:8: tags are not supported"));
	ck_assert_ptr_nonnull(strstr(
	    problems("state: /a\n---\nuser: x\n"), "2:1: a second document"));
	ck_assert_ptr_nonnull(
	    strstr(problems("state: \"a\\0b\"\n"), "text with a NUL"));
	ck_assert_ptr_nonnull(
	    strstr(problems("user: a\nstate: \xff\n"), "f.yaml:2:8: "));
	ck_assert_ptr_nonnull(
	    strstr(problems("user: a\nstate: \x01\n"), "f.yaml:2:8: "));
}

UNIT_TIMEOUT(deep_nesting_is_refused_at_once, 5)
{
	char *deep = malloc(300001);

	memset(deep, '[', 300000);
	deep[300000] = '\0';
	ck_assert_ptr_nonnull(strstr(problems(deep), "1:17: nested too deep"));
	for (int i = 0; i < 300000; i++)
		deep[i] = i % 2 ? ' ' : '-';
	ck_assert_ptr_nonnull(strstr(problems(deep), "nested too deep"));
	free(deep);
}

UNIT(a_file_over_the_cap_is_refused)
{
	char *big = malloc((1 << 20) + 2);

	memset(big, '#', (1 << 20) + 1);
	big[(1 << 20) + 1] = '\0';
	ck_assert_str_eq(problems(big), "f.yaml: larger than 1048576 bytes\n");
	free(big);
}

UNIT(the_number_of_problems_is_bounded)
{
	struct str s;

	str_init(&s);
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "zzzz%d: 1\n", i);
	ck_assert_ptr_nonnull(strstr(problems(str_text(&s)),
	    "zzzz99: 1\n    ^\n(more problems are not shown)\n"));
	str_fini(&s);
}

UNIT(empty_files_bom_and_crlf_are_fine)
{
	config_free(load(""));
	config_free(load("# nothing\n"));
	config_free(load("---\n...\n"));
	config_free(load("app:\nlog:\n"));
	config_free(load("\xef\xbb\xbfstate: /x\r\nuser: y\r\n"));
}

UNIT(a_missing_file_is_told)
{
	struct config_source src = { .file = "/nonexistent/fcsd.yaml" };
	struct config_problems p;
	struct config *c;

	ck_assert_int_eq(config_load(&src, &c, &p), FCS_ECONFIG);
	ck_assert_str_eq(p.v[0].text, "no such file");
	config_problems_fini(&p);
	src.file_optional = true;
	ck_assert_int_eq(config_load(&src, &c, &p), FCS_OK);
	config_problems_fini(&p);
	config_free(c);
	src.file = unit_tmpdir();
	ck_assert_int_eq(config_load(&src, &c, &p), FCS_ECONFIG);
	ck_assert_str_eq(p.v[0].text, "not a regular file");
	config_problems_fini(&p);
}

UNIT(later_layers_win)
{
	const char *env[] = { "FCS_LOG__LEVEL=warn", "PATH=/bin",
		"FCS_LISTEN__RTMP=127.0.0.1:1, :2", "FCS_APP__VOD__PLAY=deny",
		"FCS_BUILDDIR=/x", NULL };
	const char *opt[] = { "log.level=error", "app.vod.max_clients=7",
		NULL };
	struct config_source src = { .environ_ = env, .options = opt };
	struct config_problems p;
	struct config *c;
	struct config_app *a;
	char dir[700];

	snprintf(dir, sizeof(dir), "%s/conf.d", unit_tmpdir());
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	write_file("conf.d/20.yaml", "user: second\n");
	write_file("conf.d/10.yaml", "user: first\nworkers: {shared: 3}\n");
	write_file("conf.d/ignored.txt", "nonsense");
	src.file = write_file("fcsd.yaml",
	    "user: file\nlog: {level: debug}\n"
	    "app:\n  '*': {max_clients: 5, seek: keyframe}\n"
	    "  vod: {seek: precise, play: allow}\n");
	ck_assert_int_eq(config_load(&src, &c, &p), FCS_OK);
	config_problems_fini(&p);
	ck_assert_str_eq(config_text(c, CFG_USER), "second");
	ck_assert_int_eq(config_value(c, CFG_USER)->layer, CONFIG_BY_CONFD);
	ck_assert_int_eq(config_int(c, CFG_WORKERS_SHARED), 3);
	ck_assert_str_eq(config_text(c, CFG_LOG_LEVEL), "error");
	ck_assert_str_eq(config_item(c, CFG_LISTEN_RTMP, 1), ":2");

	ck_assert_int_eq(config_app_load(c, "vod", NULL, &a, &p), FCS_OK);
	ck_assert_int_eq(config_app_int(a, APP_MAX_CLIENTS), 7);
	ck_assert_str_eq(config_app_text(a, APP_SEEK), "precise");
	ck_assert_str_eq(config_app_text(a, APP_PLAY), "deny");
	config_app_free(a);
	ck_assert_int_eq(config_app_load(c, "chat", NULL, &a, &p), FCS_OK);
	ck_assert_int_eq(config_app_int(a, APP_MAX_CLIENTS), 5);
	ck_assert_str_eq(config_app_text(a, APP_SEEK), "keyframe");
	ck_assert_str_eq(config_app_text(a, APP_PLAY), "allow");
	config_app_free(a);
	config_free(c);
}

UNIT(bad_options_and_environment_are_problems)
{
	const char *env[] = { "FCS_SATE=/x", "FCS_LISTEN__X=1",
		"FCS_OTHER_PROGRAM=1", NULL };
	const char *opt[] = { "sate=/x", "nonsense", "app.vod=1",
		"app.vod.seek=never", "app.a/b.seek=precise", NULL };
	struct config_source src = { .environ_ = env, .options = opt };
	struct config_problems p;
	struct config *c;
	struct str s;

	ck_assert_int_eq(config_load(&src, &c, &p), FCS_ECONFIG);
	str_init(&s);
	config_problems_print(&p, &s);
	ck_assert_str_eq(str_text(&s),
	    "environment: FCS_SATE: unknown key \"sate\" (did you mean "
	    "\"state\"?)\n"
	    "environment: FCS_LISTEN__X: unknown key \"x\"\n"
	    "-o: sate: unknown key \"sate\" (did you mean \"state\"?)\n"
	    "-o: \"nonsense\" is not key=value\n"
	    "-o: app.vod: app.vod is a section: give app.vod.<key>\n"
	    "-o: app.vod.seek: \"never\" is none of precise|keyframe\n"
	    "-o: app.a/b.seek: \"a/b.seek\" does not name an application's "
	    "key\n");
	str_fini(&s);
	config_problems_fini(&p);
}

UNIT(app_yaml_gives_every_kind_of_value)
{
	struct config *c = config_new();
	struct config_problems p;
	struct config_app *a;
	json_t *j;

	write_file("app.yaml",
	    "load: [lobby, main]\n"
	    "idle_unload: 5m\n"
	    "publish: key\n"
	    "access: {write: [/a, /b]}\n"
	    "script: {memory: 8M, time: 20ms}\n"
	    "shared_objects: {undeclared: any, history_age: forever}\n"
	    "record: {mode: new, keep: 30d}\n"
	    "virtual:\n  movies: [/srv/a, /srv/b]\n  news: /srv/n\n"
	    "secrets: {db: 'file:/etc/x', k: env:K}\n"
	    "config:\n"
	    "  title: \"7\"\n"
	    "  n: 7\n"
	    "  on: true\n"
	    "  list: [1.5, ~, {deep: yes}]\n");
	ck_assert_int_eq(
	    config_app_load(c, "x", unit_tmpdir(), &a, &p), FCS_OK);
	config_problems_fini(&p);
	ck_assert_str_eq(config_app_name(a), "x");
	ck_assert_uint_eq(config_app_count(a, APP_LOAD), 2);
	ck_assert_int_eq(config_app_int(a, APP_IDLE_UNLOAD), 300000);
	ck_assert_int_eq(config_app_int(a, APP_PUBLISH), 2);
	ck_assert_str_eq(config_app_item(a, APP_ACCESS_WRITE, 1), "/b");
	ck_assert_int_eq(config_app_int(a, APP_SCRIPT_MEMORY), 8 << 20);
	ck_assert_int_eq(config_app_int(a, APP_SO_HISTORY_AGE), -1);
	ck_assert_str_eq(config_app_text(a, APP_RECORD_MODE), "new");
	ck_assert_uint_eq(config_app_count(a, APP_VIRTUAL), 6);
	ck_assert_str_eq(config_app_item(a, APP_VIRTUAL, 3), "/srv/b");
	ck_assert_str_eq(config_app_map(a, APP_SECRETS, "k"), "env:K");
	ck_assert_ptr_null(config_app_map(a, APP_SECRETS, "none"));
	ck_assert_int_eq(
	    config_app_value(a, APP_PUBLISH)->layer, CONFIG_BY_APP);
	j = json_loads(config_app_text(a, APP_CONFIG), 0, NULL);
	ck_assert(json_is_string(json_object_get(j, "title")));
	ck_assert_int_eq(json_integer_value(json_object_get(j, "n")), 7);
	ck_assert(json_is_true(json_object_get(j, "on")));
	ck_assert_uint_eq(json_array_size(json_object_get(j, "list")), 3);
	json_decref(j);
	config_app_free(a);
	config_free(c);
}

UNIT(locked_keys_stay_the_administrators)
{
	struct config *c = load("app:\n"
				"  x: {locked: [publish], publish: deny}\n");
	struct config_problems p;
	struct config_app *a;

	write_file("app.yaml", "publish: allow\nlocked: []\nlisten: 1\n");
	ck_assert_int_eq(
	    config_app_load(c, "x", unit_tmpdir(), &a, &p), FCS_ECONFIG);
	ck_assert_uint_eq(p.n, 3);
	ck_assert_str_eq(
	    p.v[0].text, "publish: locked by the server's configuration");
	ck_assert_int_eq(p.v[0].line, 1);
	ck_assert_str_eq(
	    p.v[1].text, "locked: only the server's file may lock keys");
	config_problems_fini(&p);
	config_free(c);
}

static void
note_unused(void *arg, const char *key, const struct config_value *v)
{
	struct str *s = arg;
	char place[CONFIG_PLACE_MAX];
	const char *p = config_place(v, place);

	if (str_starts(p, unit_tmpdir()))
		p += strlen(unit_tmpdir()) + 1;
	str_addf(s, "%s %s\n", p, key);
}

UNIT(what_has_no_effect_is_told_with_its_place)
{
	struct config *c = load("log: {level: warn, access: /x}\n"
				"limits:\n"
				"  csids: 9\n"
				"  amf_depth: 9\n"
				"app:\n"
				"  x:\n"
				"    publish: allow\n"
				"    live:\n"
				"      origin: rtmp://h/a\n");
	struct config_problems p;
	struct config_app *a;
	struct err e;
	struct str s;

	str_init(&s);
	config_unused(c, note_unused, &s);
	ck_assert_str_eq(str_text(&s), "fcsd.yaml:1:20 log.access\n"
				       "fcsd.yaml:4:3 limits.amf_depth\n"
				       "fcsd.yaml:9:7 app.x.live.origin\n");
	str_reset(&s);
	ck_assert_int_eq(
	    config_set(c, "log.access", "", CONFIG_BY_OPTION, &e), FCS_OK);
	ck_assert_int_eq(
	    config_set(c, "limits.amf_depth", "9", CONFIG_BY_ENV, &e), FCS_OK);
	/* of an application: what its own file says, no more */
	write_file("app.yaml", "play: deny\nseek: precise\n");
	ck_assert_int_eq(
	    config_app_load(c, "x", unit_tmpdir(), &a, &p), FCS_OK);
	config_unused(c, note_unused, &s);
	config_app_unused(a, note_unused, &s);
	ck_assert_str_eq(str_text(&s), "-o log.access\n"
				       "environment limits.amf_depth\n"
				       "fcsd.yaml:9:7 app.x.live.origin\n"
				       "app.yaml:2:1 seek\n");
	str_fini(&s);
	config_problems_fini(&p);
	config_app_free(a);
	config_free(c);
	c = config_new();
	str_init(&s);
	config_unused(c, note_unused, &s);
	ck_assert_str_eq(str_text(&s), "");
	str_fini(&s);
	config_free(c);
}

UNIT(dev_listens_on_loopback_and_opens_publishing)
{
	struct config_source src = { .dev = true, .dev_apps = "/src/apps" };
	struct config_problems p;
	struct config *c;
	struct config_app *a;

	ck_assert_int_eq(config_load(&src, &c, &p), FCS_OK);
	ck_assert(config_is_dev(c));
	ck_assert_str_eq(config_item(c, CFG_LISTEN_RTMP, 0), "127.0.0.1:1935");
	ck_assert_str_eq(config_text(c, CFG_STATE), "./var");
	ck_assert_str_eq(config_item(c, CFG_APPS, 0), "/src/apps");
	ck_assert_str_eq(config_admin_socket(c), "./var/fcsd.sock");
	ck_assert_int_eq(config_app_load(c, "x", NULL, &a, &p), FCS_OK);
	ck_assert_str_eq(config_app_text(a, APP_PUBLISH), "allow");
	config_app_free(a);
	config_free(c);
}

UNIT(a_role_gets_the_same_configuration)
{
	const char *opt[] = { "limits.csids=99", "app.vod.seek=keyframe",
		NULL };
	struct config_source src = { .dev = true, .options = opt };
	struct config_problems p;
	struct config *c, *d;
	struct config_app *a;
	struct str s;
	struct err e;

	src.file = write_file("fcsd.yaml",
	    "listen: {rtmp: ['[::1]:5', ':6']}\n"
	    "app: {'*': {config: {a: [1, x]}, virtual: {v: 'a,b=c'}}}\n");
	ck_assert_int_eq(config_load(&src, &c, &p), FCS_OK);
	str_init(&s);
	ck_assert_int_eq(config_serialise(c, &s), FCS_OK);
	ck_assert_int_eq(
	    config_parse_serialised(str_text(&s), s.len, &d, &e), FCS_OK);
	for (int i = 0; i < CFG_TOTAL; i++) {
		const struct config_value *x =
		    config_value(c, (enum config_key)i);
		const struct config_value *y =
		    config_value(d, (enum config_key)i);

		ck_assert_str_eq(x->text, y->text);
		ck_assert_int_eq(x->num, y->num);
		ck_assert_int_eq(x->layer, y->layer);
		ck_assert_uint_eq(x->count, y->count);
		ck_assert_int_eq(x->line, y->line);
	}
	ck_assert(config_is_dev(d));
	ck_assert_int_eq(limits_get(config_limits(d), LIMIT_CSIDS), 99);
	ck_assert_str_eq(config_admin_socket(d), config_admin_socket(c));
	ck_assert_int_eq(config_app_load(d, "vod", NULL, &a, &p), FCS_OK);
	ck_assert_str_eq(config_app_text(a, APP_SEEK), "keyframe");
	ck_assert_str_eq(config_app_text(a, APP_PUBLISH), "allow");
	ck_assert_str_eq(config_app_text(a, APP_CONFIG), "{\"a\":[1,\"x\"]}");
	ck_assert_str_eq(config_app_map(a, APP_VIRTUAL, "v"), "a,b=c");
	config_app_free(a);
	config_free(c);
	config_free(d);
	ck_assert_int_eq(config_parse_serialised("{", 1, &d, &e), FCS_EFORMAT);
	ck_assert_int_eq(
	    config_parse_serialised("{\"server\":{\"x\":1}}", 18, &d, &e),
	    FCS_EFORMAT);
	str_fini(&s);
}

UNIT(one_key_can_be_set)
{
	struct config *c = config_new();
	struct err e;

	ck_assert_int_eq(
	    config_set(c, "state", "/s", CONFIG_BY_OPTION, &e), FCS_OK);
	ck_assert_str_eq(config_admin_socket(c), "/s/fcsd.sock");
	ck_assert_int_eq(
	    config_set(c, "limits.amf_depth", "8", CONFIG_BY_OPTION, &e),
	    FCS_OK);
	ck_assert_int_eq(limits_get(config_limits(c), LIMIT_AMF_DEPTH), 8);
	ck_assert_int_eq(
	    config_set(c, "limits.amf_deph", "8", CONFIG_BY_OPTION, &e),
	    FCS_ECONFIG);
	ck_assert_str_eq(
	    e.text, "unknown key \"amf_deph\" (did you mean \"amf_depth\"?)");
	config_free(c);
}

UNIT_MAIN
