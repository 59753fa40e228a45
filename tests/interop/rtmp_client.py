#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A stranger's client with remote shared objects: rtmp-client of npm, which
behaves like a server-side NetConnection of AMS (flags 16 in its messages)."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403
from lib import npm         # noqa: E402
import json                 # noqa: E402
import subprocess           # noqa: E402

HERE = Path(__file__).resolve().parent


class Stranger:
    def __init__(self):
        self.p = subprocess.Popen(
            ["node", "--no-deprecation", str(HERE / "netconnection.js"),
             str(npm.modules())], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        cleanup(self.p.kill)
        self.fd = self.p.stdout.fileno()
        os.set_blocking(self.fd, False)
        self.text, self.events, self.answers = b"", [], []
        loop.watch(self.fd, self._read)

    def _read(self, _):
        data = os.read(self.fd, 65536)
        if not data:
            loop.forget(self.fd)
        self.text += data
        *lines, self.text = self.text.split(b"\n")
        for x in lines:
            o = json.loads(x)
            (self.events if "event" in o else self.answers).append(o)

    def ask(self, op, **kw):
        n = len(self.answers)
        self.p.stdin.write(json.dumps(dict(kw, op=op)).encode() + b"\n")
        self.p.stdin.flush()
        wait(lambda: len(self.answers) > n, 10, "an answer to " + op)
        return self.answers[n]

    def wait_event(self, **want):
        def look():
            return next((e for e in self.events if all(
                e.get(k) == v for k, v in want.items())), None)
        return wait(look, 10, "%r; have %r" % (want, self.events[-4:]))

    def codes(self, name):
        return [(c["code"], c.get("name")) for e in self.events
                if e["event"] == "sync" and e["object"] == name
                for c in e["list"]]


def stranger(s, app="echo"):
    x = Stranger()
    x.ask("connect", url=s.url(app))
    x.wait_event(event="status", code="NetConnection.Connect.Success")
    return x


@case(timeout=300)
def it_connects_calls_and_is_called():
    s = Server()
    x = stranger(s, "calls")
    eq(x.ask("call", name="echo", args=[{"a": [1, "two", None]}]),
       {"value": {"a": [1, "two", None]}})
    eq(x.ask("call", name="nope"), {"error": "Method not found (nope)."})
    eq(x.ask("call", name="ask", args=["shout", "hi"]),
       {"value": "heard hi"})
    x.wait_event(event="shout", args=["hi"])


@case(timeout=300)
def it_hears_invalid_app():
    s = Server()
    x = Stranger()
    x.ask("connect", url=s.url("nosuchapp"))
    x.wait_event(event="status", code="NetConnection.Connect.InvalidApp")


@case(timeout=300)
def it_shares_an_object_with_our_client():
    s = Server()
    ours = connect(s).object("board")
    x = stranger(s)
    x.ask("use", object="board")
    wait(lambda: ("clear", None) in x.codes("board"), 10, "its clear")
    ours.set(title="Plan", n=3.0)
    wait(lambda: x.ask("get", object="board", slot="title") ==
         {"value": "Plan"}, 10)
    eq(x.ask("get", object="board", slot="n"), {"value": 3})
    x.ask("set", object="board", slot="theirs", value={"k": [1, 2]})
    ours.wait_slot("theirs", Object(k=[1.0, 2.0]))
    x.ask("set", object="board", slot="title", value=None)
    ours.wait_code("delete", "title")
    ours.remove("n")
    wait(lambda: ("delete", "n") in x.codes("board"), 10)
    x.ask("clear", object="board")
    ours.wait_slots({})
    s2 = connect(s).object("board")
    eq(s2.slots, {})


tap.main()
