#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The tools of who writes applications: app new, check and test."""

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
from lib.reactor import poll                                   # noqa: E402
from lib.server import fcsctl, fcsd                                     # noqa: E402
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
def what_fails_in_a_method_names_its_callers_too():
    d = app(test='def check(x)\n  assert_equal 1, x\nend\n'
                 'test "x" do\n  [2].each { |n| check(n) }\nend\n')
    code, rows, err = tests(d)
    eq((code, rows["x"]["why"]),
       (1, "test/demo_test.rb:2: expected 1, got 2\n"
           "  from test/demo_test.rb:5"))


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
    code, out, err = role("test", app() / "..")
    eq(code, 2)
    d = app()
    (d / "test").rmdir()
    code, out, err = role("test", d)
    eq(code, 2)
    ok("demo: it has no folder test" in err, err)
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


@case
def who_is_interrupted_leaves_nothing_behind():
    tmp = folder()
    d = app(test='test "hang" do\n  start("demo")\n  loop { }\nend\n' + ONE)
    for sig in (signal.SIGINT, signal.SIGTERM):
        p = subprocess.Popen([fcsd(), "--role=apptest", "test", d],
                             env=dict(os.environ, TMPDIR=str(tmp)),
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        poll(lambda: list(tmp.glob("*/state/0/apps/demo")),
             what="the test running")
        p.send_signal(sig)
        out = p.communicate(timeout=20)[0].decode()
        eq(p.returncode, 1, out)
        ok("interrupted" in out and "one" not in out, out)
        eq(list(tmp.iterdir()), [])


def ctl(*args, cwd=None):
    r = subprocess.run([str(fcsctl()), "app", *map(str, args)], cwd=cwd,
                       capture_output=True, text=True, timeout=60,
                       stdin=subprocess.DEVNULL)
    return r.returncode, r.stdout, r.stderr


def problems(d):
    """(exit code, lines) of app check; the last line is their number."""
    code, out, err = ctl("check", d)
    eq(err, "")
    lines = out.splitlines()
    ok(lines, "nothing said")
    return code, lines[:-1], lines[-1]


@case
def fcsctl_needs_no_server_for_its_author_verbs():
    d = app(test=ONE)
    code, out, err = ctl("test", d)
    eq((code, err), (0, ""), out)
    ok(out.endswith("demo: 1 passed, 0 failed\n"), out)
    code, out, err = ctl("--json", "test", d, "on")
    row = json.loads(out)
    eq((code, row["test"], row["ok"]), (0, "one", True))
    eq(ctl("test", d, "-t", "nonsense")[0], 2)
    code, out, err = ctl("test", d, "-v")
    ok("| " in out and "session.connected" in out, out)
    code, out, err = ctl("check", "echo")       # by its name
    eq((code, out), (0, "echo: nothing to object to\n"), err)
    eq(problems(d), (0, [], "demo: nothing to object to"))
    eq(ctl("check", cwd=d)[:2], (0, "demo: nothing to object to\n"))
    eq(ctl("test", cwd=d)[0], 0)
    d = folder() / "empty"
    d.mkdir()
    eq(problems(d), (1, ["there is neither a script nor app.yaml"],
                     "empty: 1 problem"))


@case
def app_check_names_every_wrong_setting():
    d = app(yaml="publish: maybe\nfoo: 1\nplay: 2\n")
    code, lines, total = problems(d)
    eq((code, total), (1, "demo: 3 problems"))
    eq(lines[0], 'app.yaml:1:10: publish: "maybe" is none of '
                 'unset|deny|key|allow')
    ok(lines[1].startswith("app.yaml:2:1: "), lines)
    ok(lines[2].startswith("app.yaml:3:7: "), lines)


@case
def app_check_warns_of_settings_without_effect():
    text = (TOP / "src" / "base" / "config.h").read_text()
    text = text[text.index("#define CONFIG_APP_KEYS"):]
    for key in re.findall(r'"([\w.]+)", (?:TEXT|LIST), .*UNUSED', text):
        d = app(yaml="%s: x\n" % key.replace(".", ":\n  "))
        code, lines, total = problems(d)
        eq((code, total), (0, "demo: nothing to object to"))
        eq(len(lines), 1)
        ok("warning: %s has no effect in this version" % key in lines[0],
           lines)


@case
def app_check_reads_every_file():
    d = app(test="test 'x' do\n  1 +\nend\n")
    (d / "lib" / "deep").mkdir(parents=True)
    (d / "lib" / "deep" / "x.rb").write_text("class\n")
    (d / "www").mkdir()
    (d / "www" / "not_ours.rb").write_text("class\n")
    code, lines, total = problems(d)
    eq((code, total), (1, "demo: 2 problems"))
    ok(lines[0].startswith("lib/deep/x.rb:"), lines)
    ok("syntax error" in lines[0], lines)
    ok(lines[1].startswith("test/demo_test.rb:3:"), lines)


@case
def app_check_knows_events_decisions_options_and_names():
    d = app(main='class Demo < FCS::App\n'
                 '  on(:conect) { }\n'
                 '  allow(:pubish) { }\n'
                 '  shared :x, persistant: true\n'
                 '  expose(:createStream) { }\n'
                 '  on(:start)\n'
                 '  every(0) { }\n'
                 '  presence(:p)\n'
                 '  def clients = 1\n'
                 'end\n')
    eq(problems(d), (1, [
        "main.rb:2: unknown event :conect, did you mean :connect?",
        "main.rb:3: unknown decision :pubish, did you mean :publish?",
        "main.rb:4: unknown option persistant: of shared, did you mean "
        ":persistent?",
        "main.rb:5: createStream cannot be exposed: the name belongs to the "
        "server",
        "main.rb:6: event :start needs a block",
        "main.rb:7: at least 0.01 seconds",
        "main.rb:8: presence(:p) needs a block",
        "main.rb:9: method clients is reserved: choose another name"],
        "demo: 8 problems"))


@case
def app_check_sees_return_and_break_that_lead_nowhere():
    d = app(main='class Demo < FCS::App\n'
                 '  on(:start) { return }\n'                       # 2
                 '  on(:connect) { |c| [1].each { |x| return } }\n'  # 3
                 '  on(:accepted) { |c| [1].each { |x| break } }\n'
                 '  every(1) { break }\n'                          # 5
                 '  expose(:a) do |c|\n'
                 '    while true\n'
                 '      break\n'
                 '    end\n'
                 '    c.call(:x).then { |v, e| break if e }\n'     # 10
                 '    f = -> { return 1 }\n'
                 '    g = lambda { return 1 }\n'
                 '    next f.call\n'
                 '  end\n'
                 '  def ok\n'
                 '    [1].each { |x| return x }\n'
                 '    loop { break }\n'
                 '    after(1) { return }\n'                       # 18
                 '    return 1 if clients.any? { |c| break true }\n'
                 '    return 2\n'
                 '  end\n'
                 'end\n')
    code, lines, total = problems(d)
    eq([x.split(":")[1] for x in lines], ["2", "3", "5", "10", "18"])
    ok(all("leave it with next" in x for x in lines), lines)
    ok("return in a block" in lines[0] and "break out" in lines[2], lines)


@case
def app_check_tells_what_loading_tells():
    for main, text in (
            ("x = 1\n", "there is no class below FCS::App"),
            ("class A < FCS::App\nend\nclass B < FCS::App\nend\n",
             "main.rb:3: second class below FCS::App: B after A"),
            ("class A < FCS::App\n  foo :bar\nend\n",
             "main.rb:2: undefined method 'foo' (NoMethodError)"),
            ('load "lib/none"\n', "load lib/none: there is no lib/none.rb"),
            ("class A < FCS::App\n  loop { }\nend\n", "ran longer than")):
        code, lines, total = problems(app(main=main))
        eq((code, len(lines)), (1, 1), str(lines))
        ok(text in lines[0], lines)


@case
def app_new_makes_what_passes_check_and_test():
    d = folder()
    for template in ("empty", "chat", "live", "vod", "whiteboard"):
        name = "my-" + template
        code, out, err = ctl("new", name, "--template", template, cwd=d)
        eq((code, err), (0, ""), out)
        made = d / name
        ok({"main.rb", "app.yaml", "README.md", "test"} <=
           {f.name for f in made.iterdir()}, list(made.iterdir()))
        text = (made / "main.rb").read_text()
        ok("class My%s < FCS::App" % template.capitalize() in text, text)
        ok("apps/%s/" % template not in text, text)
        ok((made / "README.md").read_text().startswith("# %s\n" % name))
        ok((made / "test" / (name + "_test.rb")).exists())
        eq(ctl("check", name, cwd=d)[0], 0)
        code, out, err = ctl("test", name, cwd=d)
        eq(code, 0, out + err)
        ok(re.search(name + r": \d+ passed, 0 failed\n$", out), out)


@case
def app_new_refuses_names_folders_and_templates():
    d = folder()
    eq(ctl("new", "one", cwd=d)[0], 0)      # the template empty
    code, out, err = ctl("new", "one", cwd=d)
    eq(code, 1)
    ok("is there already" in err, err)
    for name in ("", "a b", "../x", "a/b", ".x", "x" * 65):
        code, out, err = ctl("new", name, cwd=d)
        eq(code, 2, name + out)
    code, out, err = ctl("new", "x", "--template", "cat", cwd=d)
    eq(code, 2)
    ok('did you mean "chat"?' in err, err)
    (d / "apps").mkdir()
    eq(ctl("new", "two", cwd=d)[0], 0)      # applications live in apps
    eq(sorted(f.name for f in d.iterdir()), ["apps", "one"])
    ok((d / "apps" / "two" / "main.rb").exists())
    eq(ctl("test", "apps/two", cwd=d)[0], 0)


tap.main()
