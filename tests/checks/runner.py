#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tests/run judged by what it must not let pass."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from lib import tap                                             # noqa: E402
from lib.tap import case, eq, ok                                # noqa: E402

RUN = Path(__file__).resolve().parent.parent / "run"


def run(script, expected="a first\na second\n", timeout=10, args=()):
    """Outcome of a suite of one program: status, lines of output."""
    d = tempfile.TemporaryDirectory()
    tap.cleanup(d.cleanup)
    top = Path(d.name)
    (top / "tests").mkdir()
    (top / "tests" / "suite").write_text(f"a cpu {timeout} prog\n")
    (top / "tests" / "expected").write_text(expected)
    prog = top / "prog"
    prog.write_text("#!/bin/sh\n" + script)
    prog.chmod(0o755)
    r = subprocess.run([str(RUN), f"--srcdir={top}", f"--builddir={top}",
                        *args], capture_output=True, text=True, timeout=60,
                       stdin=subprocess.DEVNULL)
    eq((top / "tests" / "total").read_text(), r.stdout.splitlines()[-1] + "\n")
    return r.returncode, r.stdout.splitlines(), top


BOTH = "echo ok 1 - first; echo ok 2 - second; echo 1..2\n"


@case
def good_cases_pass():
    code, out, _ = run(BOTH)
    eq((code, out[-1]), (0, "2 passed, 0 failed"))


@case
def failed_case_fails_and_shows_its_log():
    code, out, _ = run("echo why it broke >&2; echo ok 1 - first\n"
                       "echo not ok 2 - second; echo 1..2; exit 1\n")
    eq((code, out[-1]), (1, "1 passed, 1 failed"))
    ok(any("why it broke" in s for s in out), out)


@case
def skipped_vanished_and_unknown_cases_fail():
    code, out, _ = run("echo ok 1 - first '# SKIP no'; echo ok 2 - second\n"
                       "echo 1..2\n")
    eq((code, out[-1]), (1, "1 passed, 2 failed"))
    code, out, _ = run("echo ok 1 - first; echo 1..1\n")
    eq((code, out[-1]), (1, "1 passed, 1 failed"))
    ok("  a second: did not report" in out, out)
    code, out, _ = run(BOTH, expected="a first\n")
    eq((code, out[-1]), (1, "1 passed, 1 failed"))
    code, out, _ = run(BOTH, expected="a first\na second\nb third\n")
    eq((code, out[-1]), (1, "2 passed, 1 failed"))


@case
def wrong_plan_status_and_crash_fail():
    eq(run("echo ok 1 - first; echo ok 2 - second\n")[0], 1)
    eq(run("echo ok 1 - first; echo ok 2 - second; echo 1..3\n")[0], 1)
    eq(run(BOTH + "exit 3\n")[0], 1)
    eq(run(BOTH + "kill -SEGV $$\n")[0], 1)
    eq(run("echo ok 1 - first; echo ok 2 - first; echo 1..2\n")[0], 1)


@case
def hanging_program_is_ended():
    code, out, _ = run("sleep 60 & echo ok 1 - first; wait\n", timeout=1)
    eq(code, 1)
    ok("  a: out of time after 1 s" in out, out)


@case
def process_left_behind_fails_and_is_ended():
    code, out, top = run("sleep 60 >/dev/null & echo $! >pid; cat pid >&2\n"
                         + BOTH)
    eq(code, 1)
    ok(any("left running" in s for s in out), out)
    pid = (top / "tests/logs/a.log").read_text().split()[0]
    state = Path(f"/proc/{pid}/stat")
    ok(not state.exists() or ") Z " in state.read_text(), pid)


@case
def update_expected_writes_what_ran():
    code, out, top = run(BOTH, expected="a old\nb gone\n",
                         args=["--update-expected"])
    eq((code, out[-1]), (0, "2 passed, 0 failed"))
    eq((top / "tests/expected").read_text().splitlines()[1:],
       ["a first", "a second"])


tap.main()
