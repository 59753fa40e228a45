#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The command line of fcsd: help, version, -t and its messages."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from lib import tap                                             # noqa: E402
from lib.server import fcsd                                     # noqa: E402
from lib.tap import case, eq, ok                                # noqa: E402

SRC = Path(__file__).resolve().parent.parent.parent


def run(*args, **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FCS_")}
    r = subprocess.run([str(fcsd()), *args], capture_output=True, text=True,
                       timeout=20, env=dict(clean, **env),
                       stdin=subprocess.DEVNULL)
    return r.returncode, r.stdout, r.stderr


def folder():
    d = tempfile.TemporaryDirectory()
    tap.cleanup(d.cleanup)
    return Path(d.name)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


@case
def help_and_manual_name_every_option():
    code, out, err = run("--help")
    eq((code, err), (0, ""))
    page = (SRC / "man" / "fcsd.8").read_text()
    for word in ("-c", "-o", "-t", "--dev", "--ready-fd", "--help",
                 "--version"):
        ok(word in out, word)
        ok(f"Fl {word[1:]}" in page, word)


@case
def version_is_one_line():
    code, out, err = run("--version")
    eq((code, err), (0, ""))
    ok(re.fullmatch(r"fcsd \d+\.\d+\.\d+\n", out), out)


@case
def unknown_option_gives_usage_and_2():
    code, out, err = run("--deb")
    eq((code, out), (2, ""))
    ok(err.startswith('fcsd: unknown option "--deb" (did you mean "--dev"?)\n'
                      "usage: fcsd"), err)
    eq(run("start")[0], 2)
    eq(run("-c")[0], 2)


@case
def test_of_a_good_file_says_so():
    f = write(folder() / "fcsd.yaml", "state: /tmp\n")
    code, out, err = run("-t", "-c", f, "-o", "apps=/nonexistent")
    eq((code, err), (0, ""))
    eq(out, f"fcsd: configuration ok ({f}, 0 applications)\n")


@case
def test_shows_every_error_with_place_and_caret():
    f = write(folder() / "fcsd.yaml",
              "lisen:\n  rtmp: :1935\nlog:\n  level: loud\n")
    code, out, err = run("-t", "-c", f)
    eq((code, out), (78, ""))
    eq(err,
       f'{f}:1:1: unknown key "lisen" (did you mean "listen"?)\n'
       "    lisen:\n"
       "    ^\n"
       f'{f}:4:10: log.level: "loud" is none of debug|info|warn|error\n'
       "      level: loud\n"
       "             ^\n")


@case
def test_checks_every_application():
    d = folder()
    bad = write(d / "apps" / "bad" / "app.yaml", "publsh: allow\n")
    write(d / "apps" / "good" / "app.yaml", "publish: key\n")
    code, out, err = run("-t", "-c", write(d / "f.yaml", ""), "-o",
                         f"apps={d}/apps")
    eq((code, out), (78, ""))
    eq(err, f'{bad}:1:1: unknown key "publsh" (did you mean "publish"?)\n'
       "    publsh: allow\n    ^\n")


@case
def options_and_environment_are_checked():
    code, _, err = run("-t", "--dev", "-o", "sate=/x", "-o",
                       "limits.csids=1", FCS_LOG__LEVEL="x")
    eq(code, 78)
    eq(err.splitlines(), [
        'environment: FCS_LOG__LEVEL: "x" is none of debug|info|warn|error',
        '-o: sate: unknown key "sate" (did you mean "state"?)',
        "-o: limits.csids: out of range (8 to 1024)"])


@case
def missing_file_is_an_error_only_when_named():
    code, _, err = run("-t", "-c", "/nonexistent.yaml")
    eq((code, err), (78, "/nonexistent.yaml: no such file\n"))


@case
def sample_file_is_valid_with_every_key_set():
    text = (SRC / "etc" / "fcsd.yaml").read_text()
    lines = [re.sub(r"^#(?! \S)", "", s) for s in text.splitlines()]
    f = write(folder() / "fcsd.yaml", "\n".join(lines) + "\n")
    code, _, err = run("-t", "-c", f, "-o", "apps=/nonexistent")
    eq(code, 0, err)
    for line in err.splitlines():       # of keys of later versions
        ok(": warning: " in line, line)
    ok(sum(not s.startswith("#") and ": " in s for s in lines) > 100)


@case
def dev_finds_the_applications_of_the_source_tree():
    code, out, err = run("-t", "--dev")
    eq((code, err), (0, ""))
    here = [p for p in (SRC / "apps").iterdir() if p.is_dir()]
    eq(out, f"fcsd: configuration ok (no file, {len(here)} applications)\n")


tap.main()
