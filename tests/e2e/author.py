#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The tools of who writes applications: `app test` and its runner."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from lib import tap                                             # noqa: E402
from lib.server import fcsd                                     # noqa: E402
from lib.tap import case, eq, ok                                # noqa: E402

TOP = Path(__file__).resolve().parent.parent.parent


def folder():
    d = tempfile.TemporaryDirectory()
    tap.cleanup(d.cleanup)
    return Path(d.name)


def app(name="demo", **files):
    """A folder of applications with one; files: main, test, yaml."""
    d = folder() / name
    (d / "test").mkdir(parents=True)
    (d / "main.rb").write_text(
        files.get("main") or
        "class Demo < FCS::App\n"
        "  expose(:add) { |c, a, b| a + b }\n"
        "end\n")
    if "test" in files:
        (d / "test" / "demo_test.rb").write_text(files["test"])
    if "yaml" in files:
        (d / "app.yaml").write_text(files["yaml"])
    return d


def run(argv, **env):
    r = subprocess.run([str(a) for a in argv], capture_output=True, text=True,
                       timeout=60, stdin=subprocess.DEVNULL,
                       env=dict(os.environ, **env))
    return r.returncode, r.stdout, r.stderr


def role(*args, **env):
    return run([fcsd(), "--role=apptest", *args], **env)


def tests(d, *args):
    """(exit code, {name: row}) of the tests of folder d."""
    code, out, err = role("test", "--json", d, *args)
    rows = [json.loads(x) for x in out.splitlines()]
    return code, {r["test"]: r for r in rows}, err


ONE = """test "one" do
  c = start("demo").connect!
  assert_equal 3, c.call!(:add, 1, 2)
end
"""


@case
def what_passes_is_said_on_a_line_and_exit_is_0():
    code, out, err = role("test", app(test=ONE))
    eq((code, err), (0, ""), out)
    ok(re.fullmatch(r"ok    one \(\d+\.\d\d s\)\ndemo: 1 passed, 0 failed\n",
                    out), out)


@case
def what_fails_names_file_line_expected_and_actual():
    d = app(test=ONE + 'test "two" do\n'
                       '  c = start("demo").connect!\n'
                       '\n'
                       '  assert_equal 4, c.call!(:add, 1, 2)\n'
                       'end\n')
    code, out, err = role("test", d)
    eq(code, 1, err)
    ok("ok    one" in out, out)
    ok("FAIL  two" in out, out)
    ok("test/demo_test.rb:8: expected 4, got 3\n" in out, out)
    ok(out.endswith("demo: 1 passed, 1 failed\n"), out)
    code, rows, err = tests(d)
    eq((code, rows["one"]["ok"], rows["two"]["ok"]), (1, True, False))
    eq(rows["two"]["why"], "test/demo_test.rb:8: expected 4, got 3")


@case
def an_exception_of_a_test_fails_it_with_its_line():
    code, rows, err = tests(app(test='test "x" do\n  nil.foo\nend\n'))
    eq(code, 1)
    ok(rows["x"]["why"].startswith("test/demo_test.rb:2: "), rows)
    ok("NoMethodError" in rows["x"]["why"], rows)


@case
def a_test_that_hangs_is_ended():
    d = app(test=ONE + 'test "hang" do\n  loop { }\nend\n')
    code, rows, err = tests(d, "-t", "1")
    eq((code, rows["one"]["ok"], rows["hang"]["ok"]), (1, True, False))
    ok("did not end within 1.0 s" in rows["hang"]["why"], rows)


@case
def files_that_hang_while_they_are_loaded_are_ended():
    d = app(test="loop { }\n")
    code, out, err = role("test", "-t", "1", d)
    eq(code, 2, out)
    ok("did not end within 1.0 s" in err, err)


@case
def a_crash_is_one_failed_test():
    d = app(test='test "boom" do\n  a = []\n'
                 '  loop { a << "x" * 10_000_000 }\nend\n' + ONE)
    code, rows, err = tests(d)
    eq((code, rows["boom"]["ok"], rows["one"]["ok"]), (1, False, True), rows)
    ok("signal %d" % signal.SIGABRT in rows["boom"]["why"], rows)


@case
def an_error_nobody_expected_fails_the_test():
    main = ('class Demo < FCS::App\n'
            '  on(:accepted) { |c| c.nothing }\n'
            'end\n')
    d = app(main=main, test='test "blind" do\n  start("demo").connect!\nend\n'
                            'test "seen" do\n  start("demo").connect!\n'
                            '  expect_error "main.rb:2"\nend\n'
                            'test "vain" do\n  start("demo")\n'
                            '  expect_error "main.rb:2"\nend\n')
    code, rows, err = tests(d)
    eq([rows[n]["ok"] for n in ("blind", "seen", "vain")],
       [False, True, False], rows)
    ok("nobody expected it" in rows["blind"]["why"], rows)
    ok("main.rb:2" in rows["blind"]["why"], rows)
    ok(rows["blind"]["why"].startswith("test/demo_test.rb:3: "), rows)


@case
def tests_are_chosen_by_a_part_of_their_name():
    d = app(test=ONE + ONE.replace("one", "other"))
    code, rows, err = tests(d, "oth")
    eq((code, list(rows)), (0, ["other"]))
    code, rows, err = tests(d, "none of them")
    eq((code, rows), (2, {}))
    ok('"none of them"' in err, err)


@case
def what_cannot_be_run_says_why():
    code, out, err = role("test", folder() / "nowhere")
    eq(code, 2)
    ok("no such folder" in err, err)
    d = app(test="test 'x' do\n  1 +\nend\n")
    code, out, err = role("test", d)
    eq(code, 2)
    ok("test/demo_test.rb:3:" in err, err)
    code, out, err = role("test", app(test=""))
    eq(code, 2)
    ok("has no tests" in err, err)
    code, out, err = role("test", app(test=ONE + ONE))
    eq(code, 2)
    ok('two tests are called "one"' in err, err)


@case
def a_script_that_does_not_load_fails_the_test_with_its_place():
    d = app(main="class Demo < FCS::App\n  on(:conect) { }\nend\n", test=ONE)
    code, rows, err = tests(d)
    eq(code, 1)
    ok("did not start" in rows["one"]["why"], rows)
    ok("main.rb:2: unknown event :conect, did you mean :connect?"
       in rows["one"]["why"], rows)


@case
def nothing_is_left_behind():
    tmp = folder()
    code, out, err = role("test", app(test=ONE + 'test "hang" do\n'
                                      '  start("demo")\n  loop { }\nend\n'),
                          "-t", "1", TMPDIR=str(tmp))
    eq(code, 1, out + err)
    eq(list(tmp.iterdir()), [])


tap.main()
