# SPDX-License-Identifier: BSD-2-Clause
"""One loop for every socket, pipe and child of a test.

Whoever waits lets everything else move: a test with fifty viewers, an ffmpeg
and a server's log needs no thread and no sleep.
"""

import ctypes
import heapq
import itertools
import os
import selectors
import signal
import time

libc = ctypes.CDLL(None)
SLOW = float(os.environ.get("TESTS_SLOW", "1"))


class Timeout(AssertionError):
    """What was waited for did not come in time."""


class Reactor:
    def __init__(self):
        self.sel = selectors.DefaultSelector()
        self.timers = []
        self.serial = itertools.count()

    def watch(self, fd, call, events=selectors.EVENT_READ):
        """call(events) whenever fd is ready; again to change events."""
        try:
            self.sel.modify(fd, events, call)
        except KeyError:
            self.sel.register(fd, events, call)

    def forget(self, fd):
        try:
            self.sel.unregister(fd)
        except (KeyError, ValueError):
            pass

    def at(self, when, call):
        heapq.heappush(self.timers, (when, next(self.serial), call))

    def every(self, period, call):
        """call() each period until it returns False."""
        def tick(due):
            if call() is not False:
                self.at(due + period, lambda: tick(due + period))
        start = time.monotonic()
        self.at(start + period, lambda: tick(start + period))

    def turn(self, until):
        """Wait for one round of events, at most until the given time."""
        if self.timers:
            until = min(until, self.timers[0][0])
        left = max(0.0, until - time.monotonic())
        for key, events in self.sel.select(left):
            if self.sel.get_map().get(key.fd) is key or \
                    key.fd in self.sel.get_map():
                key.data(events)
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            heapq.heappop(self.timers)[2]()

    def wait(self, pred, timeout=5.0, what="", fail=True):
        """pred()'s first true value; after timeout Timeout (or None)."""
        end = time.monotonic() + timeout * SLOW
        while True:
            value = pred()
            if value:
                return value
            if time.monotonic() >= end:
                break
            self.turn(end)
        if fail:
            raise Timeout("waited %g s for %s" %
                          (timeout * SLOW, what or "an event"))
        return None

    def run_for(self, seconds):
        """Let everything move for a time that is part of the test."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.turn(end)


loop = Reactor()


def wait(pred, timeout=5.0, what="", fail=True):
    return loop.wait(pred, timeout, what, fail)


def poll(pred, timeout=5.0, what="", period=0.02, fail=True):
    """As wait, for what makes no event (a file, /proc): looks each period."""
    live = [True]
    loop.every(period, lambda: live[0])
    try:
        return loop.wait(pred, timeout, what, fail)
    finally:
        live[0] = False


class Process:
    """A child whose output is gathered while anything waits.

    It stays in the test's process group and dies with the test.
    """

    def __init__(self, argv, env=None, user=None, cwd=None, stdin=None,
                 pass_fds=(), merge=False, group=None):
        import subprocess
        self.argv = [str(a) for a in argv]
        self.out, self.err = bytearray(), bytearray()
        self.on_err = None
        ids = {}
        if user is not None:
            ids = {"user": user, "group": group, "extra_groups": []}
        self.child = subprocess.Popen(
            self.argv, env=env, cwd=cwd, stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            pass_fds=pass_fds, preexec_fn=be_a_child, **ids)
        self.pid = self.child.pid
        self.code = None
        self.pidfd = os.pidfd_open(self.pid)
        self.open = set()
        self._pipe(self.child.stdout, self.out)
        if not merge:
            self._pipe(self.child.stderr, self.err)
        loop.watch(self.pidfd, self._ended)
        everything.append(self)

    def _pipe(self, f, into):
        import fcntl
        fd = f.fileno()
        try:
            fcntl.fcntl(fd, 1031, 1 << 20)      # F_SETPIPE_SZ
        except OSError:
            pass
        os.set_blocking(fd, False)
        self.open.add(fd)

        def ready(_):
            try:
                data = os.read(fd, 1 << 20)
            except BlockingIOError:
                return
            if data:
                into.extend(data)
            else:
                loop.forget(fd)
                self.open.discard(fd)
                f.close()
        loop.watch(fd, ready)

    def _ended(self, _):
        code = self.child.poll()
        if code is not None:
            self.code = code
            loop.forget(self.pidfd)
            os.close(self.pidfd)
            self.pidfd = -1

    def running(self):
        return self.code is None

    def signal(self, sig):
        if self.code is None:
            self.child.send_signal(sig)

    def finish(self, timeout=30.0):
        """The exit code, once it and its output are complete."""
        wait(lambda: self.code is not None, timeout,
             "the end of " + " ".join(self.argv[:6]))
        wait(lambda: not self.open, 2, "its last output", fail=False)
        return self.code

    def kill(self):
        """End it at once."""
        if self.code is None:
            self.child.kill()
            self.child.wait()
            self.code = self.child.returncode
            loop.forget(self.pidfd)
            os.close(self.pidfd)
        for f in (self.child.stdout, self.child.stderr):
            if f and not f.closed:
                loop.forget(f.fileno())
                f.close()
        if self in everything:
            everything.remove(self)


everything = []


def be_a_child():
    """It ends with us, and hears SIGINT also where we were started not to
    (a suite in the background)."""
    libc.prctl(1, signal.SIGKILL)           # PR_SET_PDEATHSIG
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def adopt_orphans():
    """Children of a killed child become ours, to be ended in the end."""
    libc.prctl(36, 1)                       # PR_SET_CHILD_SUBREAPER


def kill_everything():
    for p in list(everything):
        p.kill()
    from .server import descendants
    for _ in range(5):
        left = descendants(os.getpid())
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break
        if not left:
            return
