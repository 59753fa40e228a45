/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmguard - handlers that run for ever or eat memory: their instance alone is
 * lost, a neighbour in the same process goes on.
 */
#include <jansson.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "script/vmguard.h"
#include "tests/lib/unit.h"
#include "tests/unit/script/host.h"

#define SCRIPT "tests/unit/script/runaway.rb"

static const char *
source(const char *name)
{
	static char path[1024];
	const char *dir = getenv("FCS_SRCDIR");

	(void)snprintf(
	    path, sizeof(path), "%s/%s", dir == NULL ? "." : dir, name);
	return path;
}

/* The list is the caller's. */
static json_t *
names(struct host_client *c, int which)
{
	json_t *all = json_loads(host_call(c, "names", "[]"), 0, NULL), *list;

	ck_assert_ptr_nonnull(all);
	list = json_incref(json_array_get(all, (size_t)which));
	json_decref(all);
	return list;
}

/* One runaway in an instance of its own; what the client was answered. */
static struct host_client *
kill_one(const char *method, const char *arg, int n)
{
	struct host_client *c;
	char inst[32], id[32], args[128];

	(void)snprintf(inst, sizeof(inst), "victim%d", n);
	(void)snprintf(id, sizeof(id), "v%d", n);
	(void)snprintf(args, sizeof(args), "[\"%s\"]", arg);
	c = host_connect_to(host_instance(inst), id, "[]");
	ck_assert_int_eq(c->accepted, 1);
	host_send(c, method, args);
	host_until(&c->answered);
	return c;
}

static void
each_is_stopped(const char *method, int which, const char *const *settings)
{
	struct host_client *neighbour;
	char expected[32];
	int64_t begun;
	json_t *list;
	size_t i;

	host_open_file(source(SCRIPT), settings);
	neighbour = host_connect("n", "[]");
	list = names(neighbour, which);
	ck_assert_uint_ge(json_array_size(list), which == 0 ? 22 : 10);
	for (i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		struct host_client *c;

		begun = clock_us();
		c = kill_one(method, name, (int)i);
		ck_assert_msg(clock_us() - begun < 2000000, "%s: %lld us", name,
		    (long long)(clock_us() - begun));
		host_turns(3);
		ck_assert_msg(strstr(host_log(), "script.lost") != NULL,
		    "%s was not stopped, it answered %s", name, c->result);
		ck_assert_msg(
		    c->closed > 0, "%s: the client was not told", name);
		(void)snprintf(expected, sizeof(expected), "%zu", i + 1);
		ck_assert_str_eq(host_call(neighbour, "ok", "[]"), expected);
		host_leave(c);
	}
	json_decref(list);
}

UNIT_TIMEOUT(every_kind_of_endless_handler_is_stopped, 60)
{
	static const char *const settings[] = { "script.memory=64M", NULL };

	each_is_stopped("run", 0, settings);
}

UNIT_TIMEOUT(every_kind_of_hoarder_is_stopped, 60)
{
	static const char *const settings[] = { "script.time=20s",
		"script.memory=4M", NULL };

	each_is_stopped("hoard", 1, settings);
}

UNIT_TIMEOUT(endless_work_after_a_wait_is_stopped_too, 30)
{
	static const char *const names_of[] = { "park_run", "in_timer",
		"in_then" };
	struct host_client *c;
	size_t i;

	host_open_file(source(SCRIPT), NULL);
	for (i = 0; i < 3; i++) {
		c = kill_one(names_of[i], "", (int)i);
		host_wait_ms(100);
		ck_assert_msg(strstr(host_log(), "script.lost") != NULL, "%s",
		    names_of[i]);
		ck_assert_int_gt(c->closed, 0);
	}
}

UNIT(endless_start_and_load_are_stopped)
{
	struct host_client *c;

	host_open("class A < FCS::App\n on(:start) { loop {} }\nend\n", NULL);
	c = host_connect("c", "[]");
	host_turns(5);
	ck_assert_int_eq(c->accepted, 0);
	ck_assert_ptr_nonnull(strstr(host_log(), "script.lost"));
}

UNIT(endless_main_script_is_stopped)
{
	struct host_client *c;

	host_open("loop {}\n", NULL);
	c = host_connect("c", "[]");
	ck_assert_int_eq(c->accepted, 0);
	ck_assert_str_eq(c->code, "NetConnection.Connect.Failed");
}

/* 512 levels fit always; how many more depends on how the engine's tables have
 * grown. */
UNIT(recursion_beyond_512_levels_ends_with_an_error)
{
	struct host_client *c;
	char arg[16], expected[16];
	int n, deepest = 0;

	host_open(
	    "class A < FCS::App\n"
	    "  expose(:down) { |c, n| down(n) }\n"
	    "  expose(:safe) { |c, n| begin; down(n); rescue SystemStackError; \"caught\"; end }\n"
	    "  def down(n) = n == 0 ? 0 : 1 + down(n - 1)\n"
	    "end\n",
	    NULL);
	c = host_connect("c", "[]");
	for (n = 505; n <= 2000; n++) {
		(void)snprintf(arg, sizeof(arg), "[%d]", n);
		(void)snprintf(expected, sizeof(expected), "%d", n);
		if (strcmp(host_call(c, "down", arg), expected) != 0)
			break;
		deepest = n;
	}
	ck_assert_int_ge(deepest, 510); /* and two of the handler */
	ck_assert_int_le(deepest, 1024);
	ck_assert_msg(
	    strstr(c->result, "Script error (ref ") != NULL, "%s", c->result);
	ck_assert_ptr_nonnull(strstr(host_log(), "SystemStackError"));
	(void)snprintf(arg, sizeof(arg), "[%d]", deepest);
	(void)snprintf(expected, sizeof(expected), "%d", deepest);
	ck_assert_str_eq(host_call(c, "down", arg), expected);
	ck_assert_str_eq(host_call(c, "safe", "[100000]"), "\"caught\"");
	ck_assert_str_eq(host_call(c, "down", "[3]"), "3");
}

static long
resident_kb(void)
{
	long pages = 0, total = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%ld %ld", &total, &pages), 2);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

#ifdef __SANITIZE_ADDRESS__ /* each costs ten times as much */
#define KILLS 100
#else
#define KILLS 500
#endif

UNIT_TIMEOUT(five_hundred_kills_leave_no_trace, 60)
{
	static const char *const settings[] = { "script.time=2ms", NULL };
	static const char *const kinds[] = { "empty loop", "allocation",
		"rescue everything", "fibers", "native calls", "transaction",
		"string growth", "shared object" };
	struct host_client *neighbour, *c;
	char expected[32];
	long before = 0;
	int i;

	host_open_file(source(SCRIPT), settings);
	neighbour = host_connect("n", "[]");
	for (i = 0; i < KILLS; i++) {
		if (i == KILLS / 5)
			before = resident_kb();
		c = kill_one("run", kinds[i % 8], i);
		host_turns(2);
		ck_assert_int_gt(c->closed, 0);
		host_leave(c);
		host_forget(c);
		(void)snprintf(expected, sizeof(expected), "%d", i + 1);
		ck_assert_str_eq(host_call(neighbour, "ok", "[]"), expected);
	}
#ifndef __SANITIZE_ADDRESS__ /* it keeps what is freed for a while */
	ck_assert_int_lt(resident_kb() - before, 8192);
#else
	(void)before;
#endif
}

/* ---- the guard itself ---- */

static void
spin(void *arg)
{
	volatile bool *stop = arg;

	while (!*stop)
		;
}

static void
spin_native(void *arg)
{
	int64_t until = clock_us() + 60000;

	vmguard_native_begin();
	while (clock_us() < until)
		;
	*(bool *)arg = true; /* the section is finished before the jump */
	vmguard_native_end();
	*(bool *)arg = false;
}

UNIT(limit_ends_a_run)
{
	bool stop = false;
	int64_t begun = clock_us();

	ck_assert_int_eq(vmguard_run(20, "test", spin, &stop), VMGUARD_TIME);
	ck_assert_int_ge(clock_us() - begun, 19000);
	ck_assert(!vmguard_is_inside());
	stop = true;
	ck_assert_int_eq(vmguard_run(20, "test", spin, &stop), VMGUARD_DONE);
}

UNIT(shorter_limit_after_a_longer_one_holds)
{
	bool stop = true;
	int64_t begun;

	ck_assert_int_eq(vmguard_run(5000, "test", spin, &stop), VMGUARD_DONE);
	stop = false;
	begun = clock_us();
	ck_assert_int_eq(vmguard_run(10, "test", spin, &stop), VMGUARD_TIME);
	ck_assert_int_lt(clock_us() - begun, 1000000);
}

UNIT(native_section_is_finished_first)
{
	bool finished = false;

	ck_assert_int_eq(
	    vmguard_run(10, "test", spin_native, &finished), VMGUARD_TIME);
	ck_assert(finished);
}

static int native_ms;

static void
native_section(void *arg)
{
	int64_t until = clock_us() + native_ms * 1000;

	(void)arg;
	vmguard_native_begin();
	while (clock_us() < until)
		;
	vmguard_native_end();
}

/* A process of its own with a section of ms under a limit of 200 ms. */
static int
end_of_native(int ms)
{
	int status = -1;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		native_ms = ms;
		vmguard_set_native_limit(200);
		_exit(vmguard_run(5000, "a hanging test", native_section,
			  NULL) == VMGUARD_DONE
			  ? 0
			  : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

UNIT(native_section_that_hangs_aborts_the_process)
{
	int status = end_of_native(100);

	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	status = end_of_native(2000);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
}

/* ---- what is not the handler's ---- */

static void
burn(uint32_t ms)
{
	struct timespec ts;
	uint64_t from, now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	from = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	do {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
		now =
		    (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	} while (now - from < ms);
}

struct spent {
	uint32_t grace_ms, then_ms;
	bool was_long, native;
};

static void
spend(void *arg)
{
	const struct spent *s = arg;

	if (s->native)
		vmguard_native_begin();
	vmguard_grace_begin();
	burn(s->grace_ms);
	vmguard_grace_end(s->was_long);
	if (s->native)
		vmguard_native_end();
	burn(s->then_ms);
}

UNIT(work_of_ours_is_not_charged_to_the_handler)
{
	static const struct {
		struct spent s;
		enum vmguard_end end;
	} rows[] = {
		{ { 150, 20, true, false }, VMGUARD_DONE },
		{ { 150, 20, true, true }, VMGUARD_DONE },
		/* nobody said that it was long: the signal did */
		{ { 150, 20, false, false }, VMGUARD_DONE },
		{ { 150, 400, true, false }, VMGUARD_TIME },
		{ { 150, 400, false, true }, VMGUARD_TIME },
		{ { 0, 400, false, false }, VMGUARD_TIME },
		{ { 2000, 0, true, false }, VMGUARD_TIME },
	};
	struct spent s;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		s = rows[i].s;
		ck_assert_msg(
		    vmguard_run(100, "test", spend, &s) == rows[i].end,
		    "row %zu", i);
		if (rows[i].end == VMGUARD_DONE)
			ck_assert_uint_ge(vmguard_busy_us(), 150000);
	}
	/* a run after that has its own limit again */
	s = (struct spent){ 0, 400, false, false };
	ck_assert_int_eq(vmguard_run(100, "test", spend, &s), VMGUARD_TIME);
	vmguard_fini();
}

UNIT(a_large_argument_does_not_cost_the_handler_its_time)
{
	static const char *const brief[] = { "script.time=10ms", NULL };
	struct host_client *c;
	struct value *big;
	struct arena *a;
	char name[32];
	uint32_t i;

	host_open("class A < FCS::App\n"
		  "  expose(:size) { |c, v| v.size }\n"
		  "end\n",
	    brief);
	c = host_connect("c1", "[]");
	a = arena_new(0);
	big = value_new(a, VALUE_OBJECT);
	for (i = 0; i < 60000; i++) {
		(void)snprintf(name, sizeof(name), "name %u", i);
		ck_assert_int_eq(
		    value_set(a, big, name, value_number(a, i)), FCS_OK);
	}
	for (i = 0; i < 5; i++) {
		c->answered = false;
		instance_call(
		    client_instance(c->client), c->client, "size", 7, &big, 1);
		host_until(&c->answered);
		ck_assert_msg(!c->failed, "%s", c->result);
		ck_assert_str_eq(c->result, "60000");
	}
	arena_free(a);
}

UNIT_MAIN
