#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Configuration: what is wrong is named with its place and a remedy."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


def check(text, *args, code=None, env=None, fd=False):
    """fcsd -t on a file: (exit code, what it said)."""
    s = Server(start=False)
    path = s.tmp / "fcsd.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    p = Process([server.fcsd(), "-c", path, "-t", *args], env={
        "PATH": os.environ["PATH"], **(env or {})}, merge=True)
    got = p.finish(20)
    out = p.out.decode("utf-8", "replace")
    if code is not None:
        eq(got, code, out)
    return got, out.replace(str(path), "FILE")


def bad(text, *words, at=None):
    got, out = check(text)
    ok(got not in (0, None) and got > 0, "accepted: %r" % text[:60])
    if at:
        ok("FILE:%s" % at in out, "no FILE:%s in: %s" % (at, out))
    for w in words:
        ok(w in out, "no %r in: %s" % (w, out))
    return out


@case
def good_files_pass():
    for text in ("", "# nothing\n", "listen:\n  rtmp: 127.0.0.1:1935\n",
                 "listen:\n  rtmp: ['127.0.0.1:1935', '[::1]:1935']\n"
                 "state: /tmp/x\nlimits:\n  clients: 5\n  ping_idle: 5s\n"
                 "log: {level: debug}\n"
                 "app:\n  '*': {publish: deny}\n  live: {publish: allow}\n"):
        check(text, code=0)


@case
def unknown_key_has_place_and_suggestion():
    bad("listen:\n  rtpm: ':1935'\n", "rtmp", at="2:3")
    bad("sttae: /x\n", "state", at="1:1")
    bad("limits:\n  clients: 5\n  clietns: 6\n", "clients", at="3:3")
    bad("app:\n  live:\n    pubilsh: allow\n", "publish", at="3:5")


@case
def duplicate_key_is_an_error():
    bad("state: /a\nstate: /b\n", "state", at="2:1")
    bad("listen: {rtmp: ':1', rtmp: ':2'}\n", at="1:")


@case
def wrong_values_say_what_is_wanted():
    bad("limits:\n  clients: many\n", at="2:12")
    bad("limits:\n  ping_idle: 5 parsecs\n", at="2:14")
    bad("limits:\n  clients: -1\n", at="2:12")
    bad("log:\n  level: loud\n", "debug", at="2:10")
    bad("listen:\n  rtmp: nowhere\n", at="2:9")
    bad("listen:\n  rtmp: '1.2.3.4:99999'\n", at="2:9")
    bad("listen: 5\n", at="1:9")
    bad("- a\n- b\n", at="1:1")


@case
def broken_yaml_has_line_and_column():
    bad("listen:\n  rtmp: [\n", at="3")
    bad("a: b: c\n", at="1:")
    bad("\tlisten: x\n", at="1:")
    bad(b"state: \xff\xfe\n", at="1:")
    bad("state: 'open\n")


@case
def dangerous_yaml_is_refused():
    bombs = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    bad(bombs)
    bad("x: " + "[" * 5000 + "]" * 5000 + "\n")
    bad("state: x\n" + "#" * (10 << 20) + "\n")


@case
def all_faults_of_a_file_are_shown_at_once():
    out = bad("sttae: /x\nlimits:\n  clietns: 5\nlog: {level: loud}\n")
    for place in ("FILE:1:", "FILE:3:", "FILE:4:"):
        ok(place in out, "no %s in: %s" % (place, out))


@case
def options_and_environment_are_checked_too():
    got, out = check("", "-o", "sttae=/x")
    ok(got > 0 and "state" in out, out)
    got, out = check("", "-o", "nonsense")
    ok(got > 0, out)
    got, out = check("", env={"FCS_LIMITS__CLIETNS": "5"})
    ok(got > 0 and "clients" in out, out)
    check("", "-o", "limits.clients=5", code=0,
          env={"FCS_LIMITS__CLIENTS": "9"})


@case
def keys_without_effect_are_warned_of():
    text = "limits:\n  clients: 5\n  amf_depth: 9\n" \
        "app:\n  echo: {live: {origin: 'rtmp://h/a'}}\n"
    got, out = check(text, code=0)
    for words in ("FILE:3:3: warning: limits.amf_depth has no effect",
                  "FILE:5:17: warning: app.echo.live.origin has no effect"):
        ok(words in out, "no %r in: %s" % (words, out))
    ok("limits.clients" not in out, out)
    s = Server(options={"log.access": "/x", "app.echo.seek": "precise"})
    s.wait_log(r"config\.unused .*key=log\.access place=-o")
    s.wait_log(r"config\.unused .*key=app\.echo\.seek place=-o")


@case
def missing_file_is_an_error_with_its_name():
    p = Process([server.fcsd(), "-c", "/nonexistent/fcsd.yaml", "-t"],
                merge=True)
    ok(p.finish() > 0)
    ok("/nonexistent/fcsd.yaml" in p.out.decode())


@case
def help_and_version_are_printed():
    for args in (["--help"], ["--version"]):
        p = Process([server.fcsd(), *args])
        eq(p.finish(), 0)
        ok(p.out and not p.err, args)
    p = Process([server.fcsd(), "--no-such-option"])
    ok(p.finish() not in (0, None))
    ok(b"--help" in p.err)


tap.main()
