#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""fcsctl console: Ruby inside a running instance."""

import json
import os
import socket
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

MAIN = """
class Room < FCS::App
  on(:start)   { @n = 5 }
  on(:connect) { |c, name = nil, *| c.user = name }
  expose(:try) { |c| eval("1 + 1") }
  def helper(x) = x * @n
end
"""


def room():
    s = Server(apps=[])
    s.app("room", MAIN)
    return s


def console(s, text, *args, where="room"):
    """(exit code, stdout, stderr) of lines on standard input."""
    with tempfile.TemporaryFile() as f:
        f.write(text.encode())
        f.seek(0)
        p = Process([server.fcsctl(), "-S", s.socket(), "console", where,
                     *args], user=s.uid, group=s.gid, stdin=f)
        cleanup(p.kill)
        code = p.finish(20)
    return code, p.out.decode(), p.err.decode()


@case
def lines_are_evaluated_in_the_instance():
    s = room()
    a = Client(s.rtmp).connect("room", "ann")
    code, out, err = console(
        s, "@n\nhelper(4)\n_ + 1\nclients.map { |c| c.user }\n"
        "c(\"%s\").id\nc(\"nobody\")\n@n = 7\n\n" % a.id)
    eq([code, err], [0, ""])
    eq(out.splitlines(), ["5", "20", "21", '["ann"]', '"%s"' % a.id, "nil",
                          "7", "nil"])
    eq(s.ctl_run("console", "room", "-e", "@n * 6"), (0, "42\n", ""))
    eq(s.ctl("console", "room", "-e", "@n"),
       [{"where": "room/_definst_", "value": "7"}])


@case
def a_line_may_wait():
    s = room()
    a = Client(s.rtmp).connect("room", "ann")
    a.on["name"] = lambda *_: "I am Ann"
    eq(console(s, 'clients[0].call(:name)\nsleep 0.1\n')[1].splitlines(),
       ['"I am Ann"', "0.1"])


@case
def blocks_may_take_several_lines():
    s = room()
    Client(s.rtmp).connect("room")
    code, out, err = console(s, "[1, 2].map do |x|\n  x +\n  1\nend\n"
                             "def @app.x\n1\nend\n:ok\n")
    eq([code, out.splitlines()[0], out.splitlines()[-1]], [0, "[2, 3]",
                                                           ":ok"])
    code, out, err = console(s, "1\nif true\n")
    eq([code, out], [1, "1\n"])
    ok("not complete" in err, err)


@case
def exceptions_name_their_line():
    s = room()
    Client(s.rtmp).connect("room")
    code, out, err = console(s, "1\nraise 'oh'\nhelper\n)\n3\n")
    eq([code, out], [1, "1\n3\n"])
    lines = err.splitlines()
    eq(lines[0], "console:1: oh (RuntimeError)")
    ok(lines[1].startswith("main.rb:6: wrong number of arguments"), err)
    ok(lines[2].startswith("console:1:1: syntax error"), err)
    eq(s.ctl_run("console", "room", "-e", "x")[0], 1)


@case
def every_line_is_in_the_log_with_who_said_it():
    s = room()
    Client(s.rtmp).connect("room")
    console(s, "1 + 1\nnope\n")
    uid = s.uid if s.uid is not None else os.getuid()
    ok(s.log_lines(r'console.line .*inst=room/_definst_ uid=%d line="1 \+ 1"'
                   % uid), s.log)
    ok(s.log_lines(r"console.line .*line=nope"), s.log)
    # who asks is not for the asker to say
    with socket.socket(socket.AF_UNIX) as c:
        c.connect(s.socket())
        c.sendall(json.dumps({"v": 1, "id": 1, "do": "console", "args": {
            "app": "room", "uid": 4711, "line": "2 + 2"}}).encode() + b"\n")
        s.wait_log(r'uid=%d line="2 \+ 2"' % os.getuid())


@case
def a_line_over_its_time_ends_the_instance():
    s = room()
    a = Client(s.rtmp).connect("room", "ann")
    b = Client(s.rtmp).connect("room/other", "bob")
    code, out, err = console(s, "loop { }\n1\n")
    eq([code, out], [1, ""])
    ok("ran longer than 50 ms" in err, err)
    a.wait_closed()
    eq(a.statuses[-1]["code"], "NetConnection.Connect.AppShutdown")
    eq(s.ctl("console", "room/other", "-e", "@n")[0]["value"], "5")
    eq(b.closed, None)


@case
def what_does_not_run_is_not_found():
    s = room()
    for where in ("room", "room/x", "nope"):
        code, out, err = console(s, "1\n", where=where)
        eq([code, out], [4, ""], err)
    Client(s.rtmp).connect("room")
    ok("inst start" in console(s, "1\n", where="room/x")[2])


@case
def scripts_have_no_way_to_evaluate_text():
    s = room()
    a = Client(s.rtmp).connect("room")
    try:
        a.ask("try")
        ok(False, "evaluated")
    except CallFailed:
        pass
    ok(s.log_lines("undefined method 'eval'"), s.log)


tap.main()
