/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timer runs on in the background: it is set when a VM is entered and no
 * timer is pending, and a signal that comes too early (the clock of another
 * run) only sets it again for what is left. So most entries cost no system
 * call but the reading of the processor clock.
 *
 * The state is per thread and static, because a signal handler has nothing
 * else to find it by. The signal is not blocked while its handler runs
 * (SA_NODEFER): after a jump there is no mask to restore.
 */
#include "script/vmguard.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define GUARD_SIGNAL (SIGRTMIN + 3)
#define NS_PER_MS    1000000ull
#define SOON_NS      (1 * NS_PER_MS) /* at least, when set again */
/* Beyond the limit by the wall clock: on a loaded machine a handler may take
 * longer than its processor time, but not for ever, or a worker misses its
 * heartbeat. */
#define WALL_NS (1000 * NS_PER_MS)
/* The processor clock costs a system call. Within so long after it was read,
 * the time since counts as processor time: a run may get that much more than
 * its limit, never less. */
#define CPU_FRESH_NS NS_PER_MS
#define GRACE_NS     (500 * NS_PER_MS)

struct vmguard {
	volatile sig_atomic_t inside, native, late, armed;
	bool has_timer;
	timer_t timer;
	uint64_t limit_ns;
	uint64_t native_limit_ns;
	uint64_t armed_until; /* wall, when the pending timer fires */
	uint64_t wall_start;
	uint64_t cpu_start;    /* when the VM was entered */
	uint64_t native_start; /* wall, of the current native section; 0: the
				* signal has not met it yet */
	uint64_t cpu_read, cpu_read_at; /* last reading, and wall time of it */
	uint64_t busy_us;
	uint64_t before_ns; /* spent in this run before its limit counted */
	const char *what;
	sigjmp_buf jmp;
};

static _Thread_local struct vmguard guard;

static uint64_t
clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static uint64_t
read_cpu(struct vmguard *g, uint64_t wall)
{
	g->cpu_read = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	g->cpu_read_at = wall;
	return g->cpu_read;
}

static void
arm(struct vmguard *g, uint64_t ns)
{
	struct itimerspec its;

	if (ns < SOON_NS)
		ns = SOON_NS;
	memset(&its, 0, sizeof(its));
	its.it_value.tv_sec = (time_t)(ns / 1000000000ull);
	its.it_value.tv_nsec = (long)(ns % 1000000000ull);
	g->armed_until = clock_ns(CLOCK_MONOTONIC) + ns;
	g->armed = 1;
	timer_settime(g->timer, 0, &its, NULL);
}

/* Set the timer for a run that begins, unless one is pending that fires early
 * enough. */
static void
arm_for(struct vmguard *g)
{
	uint64_t ns = g->limit_ns;

	if (ns > g->native_limit_ns)
		ns = g->native_limit_ns;
	if (!g->armed || g->armed_until > g->wall_start + ns)
		arm(g, ns);
}

static void
put(const char *text)
{
	ssize_t n = write(STDERR_FILENO, text, strlen(text));

	(void)n; /* nothing better to do on the way to abort() */
}

static void
in_native(struct vmguard *g, uint64_t used)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), wall;

	if (g->native_start == 0)
		g->native_start = now;
	wall = now - g->native_start;
	if (wall >= g->native_limit_ns) {
		put("fcs: native section hangs in ");
		put(g->what);
		put(": aborting this worker\n");
		abort();
	}
	if (used >= g->limit_ns)
		g->late = 1;
	wall = g->native_limit_ns - wall;
	if (used < g->limit_ns && g->limit_ns - used < wall)
		wall = g->limit_ns - used;
	arm(g, wall);
}

static void
on_alarm(int signo, siginfo_t *info, void *context)
{
	struct vmguard *g = &guard;
	uint64_t used, wall;
	int saved = errno;

	(void)signo;
	(void)info;
	(void)context;
	g->armed = 0;
	if (g->inside) {
		used = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		used = used > g->cpu_start ? used - g->cpu_start : 0;
		wall = clock_ns(CLOCK_MONOTONIC) - g->wall_start;
		if (wall >= g->limit_ns + WALL_NS)
			used = g->limit_ns;
		if (g->native)
			in_native(g, used);
		else if (used < g->limit_ns)
			arm(g, g->limit_ns - used);
		else
			vmguard_leave(VMGUARD_TIME);
	}
	errno = saved;
}

static bool
setup(struct vmguard *g)
{
	struct sigaction sa;
	struct sigevent ev;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = on_alarm;
	sa.sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER;
	sigemptyset(&sa.sa_mask);
	if (sigaction(GUARD_SIGNAL, &sa, NULL) != 0)
		return false;
	memset(&ev, 0, sizeof(ev));
	ev.sigev_notify = SIGEV_THREAD_ID;
	ev.sigev_signo = GUARD_SIGNAL;
	ev.sigev_notify_thread_id = (int)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &ev, &g->timer) != 0)
		return false;
	if (g->native_limit_ns == 0)
		g->native_limit_ns = 1000 * NS_PER_MS;
	g->has_timer = true;
	return true;
}

enum vmguard_end
vmguard_run(uint32_t limit_ms, const char *what, void (*fn)(void *), void *arg)
{
	struct vmguard *g = &guard;
	uint64_t wall;
	int end;

	fcs_assert(!g->inside);
	if (!g->has_timer && !setup(g))
		return VMGUARD_TIME; /* without a limit nothing may run */
	g->what = what;
	g->limit_ns = limit_ms * NS_PER_MS;
	g->late = 0;
	g->native = 0;
	g->before_ns = 0;
	g->wall_start = wall = clock_ns(CLOCK_MONOTONIC);
	if (wall - g->cpu_read_at > CPU_FRESH_NS)
		(void)read_cpu(g, wall);
	g->cpu_start = g->cpu_read + (wall - g->cpu_read_at);
	end = sigsetjmp(g->jmp, 0);
	if (end == VMGUARD_DONE) {
		arm_for(g);
		g->inside = 1;
		fn(arg);
		g->inside = 0;
	}
	wall = clock_ns(CLOCK_MONOTONIC);
	g->busy_us = (wall - g->wall_start) / 1000;
	if (wall - g->wall_start > CPU_FRESH_NS &&
	    read_cpu(g, wall) > g->cpu_start)
		g->busy_us = (g->cpu_read - g->cpu_start) / 1000;
	g->busy_us += g->before_ns / 1000;
	return (enum vmguard_end)end;
}

bool
vmguard_is_inside(void)
{
	return guard.inside != 0;
}

void
vmguard_leave(enum vmguard_end why)
{
	guard.inside = 0;
	guard.native = 0;
	siglongjmp(guard.jmp, (int)why);
}

void
vmguard_native_begin(void)
{
	guard.native_start = 0;
	guard.native = 1;
}

void
vmguard_native_end(void)
{
	guard.native = 0;
	/* A signal from here on jumps by itself; one before left its mark. */
	if (guard.late && guard.inside)
		vmguard_leave(VMGUARD_TIME);
}

void
vmguard_grace_begin(void)
{
	guard.limit_ns += GRACE_NS;
}

void
vmguard_grace_end(bool was_long)
{
	struct vmguard *g = &guard;
	uint64_t wall, cpu;

	g->limit_ns -= GRACE_NS;
	/* did the signal come, and was put off for longer than is right now? */
	was_long |= g->armed_until > g->wall_start + g->limit_ns + GRACE_NS / 2;
	if (!was_long)
		return;
	wall = clock_ns(CLOCK_MONOTONIC);
	cpu = read_cpu(g, wall);
	if (cpu > g->cpu_start)
		g->before_ns += cpu - g->cpu_start;
	g->wall_start = wall;
	g->cpu_start = cpu;
	arm_for(g);
}

void
vmguard_set_native_limit(uint32_t ms)
{
	guard.native_limit_ns = ms * NS_PER_MS;
}

uint64_t
vmguard_busy_us(void)
{
	return guard.busy_us;
}

void
vmguard_fini(void)
{
	if (guard.has_timer)
		timer_delete(guard.timer);
	guard.has_timer = false;
	guard.armed = 0;
}
