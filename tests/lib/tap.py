# SPDX-License-Identifier: BSD-2-Clause
"""Cases as functions, TAP as output.

    @case
    def a_sentence_in_snake_case(): ...

    @case(timeout=60)
    def something_long(): ...

    tap.main()

A case fails by any exception.  There is no way to skip one.
"""

import inspect
import os
import signal
import sys
import time
import traceback

from . import reactor

cases = []
cleanups = []
at_end = []             # calls after the last case
bound_factor = 5        # a bound in time is asserted at five times its value


def bound(seconds):
    """What a promised time is asserted at; --bound=1 for its own value."""
    return seconds * bound_factor * reactor.SLOW


def case(fn=None, *, timeout=30):
    def add(fn):
        cases.append((fn.__name__, fn, timeout))
        return fn
    return add(fn) if fn else add


def cleanup(call):
    """Runs when the case ends, last one first."""
    cleanups.append(call)


def note(text):
    for line in str(text).splitlines():
        print("# " + line, flush=True)


class CaseTimeout(BaseException):
    """Not an Exception: nothing in a test may swallow it."""


def _alarm(_sig, _frame):
    raise CaseTimeout("case took too long")


def eq(got, want, what=""):
    if got != want:
        raise AssertionError("%sgot %s, want %s" %
                             (what and what + ": ", _short(got), _short(want)))


def ok(value, what="not so"):
    if not value:
        raise AssertionError(what)
    return value


def near(got, want, within, what=""):
    if got is None or abs(got - want) > within:
        raise AssertionError("%sgot %r, want %r within %r" %
                             (what and what + ": ", got, want, within))


def _short(v):
    s = repr(v)
    return s if len(s) < 900 else s[:900] + "... (%d)" % len(s)


def _clean():
    while cleanups:
        call = cleanups.pop()
        try:
            call()
        except Exception as e:
            yield e
    reactor.kill_everything()


def main():
    """Run the cases, or those named on the command line."""
    global bound_factor
    names = [a for a in sys.argv[1:] if not a.startswith("--bound=")]
    for a in set(sys.argv[1:]) - set(names):
        bound_factor = float(a[8:])
    if names == ["--list"]:
        for name, _, _ in cases:
            print(name)
        return
    chosen = [c for c in cases if not names or c[0] in names]
    unknown = set(names) - {c[0] for c in cases}
    if unknown:
        sys.exit("no case " + ", ".join(sorted(unknown)))
    reactor.adopt_orphans()
    signal.signal(signal.SIGALRM, _alarm)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print("1..%d" % len(chosen), flush=True)
    failed = 0
    for i, (name, fn, timeout) in enumerate(chosen, 1):
        failed += not _run(i, name, fn, timeout)
    for call in at_end:
        call()
    sys.stdout.flush()
    os._exit(1 if failed else 0)


def _run(i, name, fn, timeout):
    start = time.monotonic()
    error = None
    signal.setitimer(signal.ITIMER_REAL, timeout * reactor.SLOW)
    try:
        fn()
    except (Exception, CaseTimeout, SystemExit) as e:
        error = e
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    extra = []
    if error is not None:
        extra = ["".join(traceback.format_exception(error))]
        for call in reports:
            extra.append(call())
    for e in _clean():
        error = error or e
        extra.append("at the end: %r" % e)
    reports.clear()
    took = time.monotonic() - start
    print("%sok %d - %s # %.2f s" % ("" if error is None else "not ", i, name,
                                     took), flush=True)
    for text in extra:
        note(text)
    if isinstance(error, SystemExit):
        raise error
    return error is None


reports = []            # each returns text worth seeing after a failure
