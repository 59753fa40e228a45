#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Connections of instances to other instances, applications and servers."""

import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

SUCCESS = "NetConnection.Connect.Success"
FAILED = "NetConnection.Connect.Failed"
CLOSED = "NetConnection.Connect.Closed"
REJECTED = "NetConnection.Connect.Rejected"
APPS = ["near", "far"]


def near(s, inst="a"):
    return connect(s, "near/" + inst)


def dial(c, name, uri, *args):
    eq(c.ask("dial", name, uri, *args), True)
    eq(c.ask("ready", name, timeout=25), uri)


def what(c, name):
    """What peer `name` of near was told, in order."""
    return [x[1:] for x in c.ask("seen") if x[0] == name]


def await_(c, name, entry, timeout=10):
    poll(lambda: entry in what(c, name), timeout, "%r: %r" % (name, entry))


def count(c, name, entry):
    return what(c, name).count(entry)


@case
def the_far_side_sees_an_ordinary_client_with_the_name_of_the_instance():
    s = Server(apps=APPS)
    c = near(s)
    tcp = s.url("far/b")
    for name, uri in (("one", "far/b"), ("two", "rtmp:/far/b"),
                      ("three", "rtmp://localhost/far/b"), ("four", tcp),
                      ("five", "near/b")):
        dial(c, name, uri, 1, "x")
    for name in ("one", "two", "three", "four"):
        w = c.ask("ask", name, "who")
        eq(w["args"], [1, "x"])
        eq(w["ip"], "127.0.0.1")
        eq(w["amf"], 3)
        ok(w["agent"].startswith("FlashCom/") and w["agent"].endswith(" fcs"),
           w["agent"])
        ok(w["referrer"].startswith("rtmp://"), w["referrer"])
        ok(w["referrer"].endswith("/near/a"), w["referrer"])
        ok(w["uri"].endswith("/far/b"), w["uri"])
        local = name != "four"
        eq(w["peer_name"], "near/a" if local else None)
        eq(w["protocol"], "local" if local else "rtmp")
    ids = [c.ask("ask", n, "who")["id"] for n in ("one", "two", "four")]
    eq(len(set(ids)), 3)
    eq(what(c, "one"), [["status", SUCCESS], ["open", None]])


@case
def calls_go_both_ways_with_results_and_errors():
    s = Server(apps=APPS)
    c = near(s)
    for name, uri in (("p", "far"), ("q", s.url("far"))):
        dial(c, name, uri)
        eq(c.ask("ask", name, "add", 2, 3), 5)
        eq(c.ask("ask", name, "echo", [1, {"a": None}, "ü"]),
           [1, {"a": None}, "ü"])
        kind, text, info = c.ask("ask", name, "deny", "no", {"why": 7})
        eq((kind, text), ("CallError", "no"))
        eq(info["code"], "NetConnection.Call.Failed")
        eq(info["application"], {"why": 7})
        eq(c.ask("ask", name, "nope")[1], "Method not found (nope).")
        ok("Script error (ref " in c.ask("ask", name, "boom")[1])
        eq(c.ask("ask", name, "back", "shout", "hi"),
           "%s heard hi of %s" % (name, uri))
        eq(c.ask("ask", name, "back", "deep.down", 1), 2)
        eq(c.ask("ask", name, "back", "deep/down", 1), 2)
        eq(c.ask("ask", name, "back", "deny", "never", 5),
           ["CallError", "never", 5])
        eq(c.ask("ask", name, "back", "missing"),
           ["CallError", "Method not found (missing).", None])
        ok("Script error" in c.ask("ask", name, "back", "raise")[1])
        eq(c.ask("ask", name, "back", "wait", 0.05), "waited")
        eq(c.ask("tell", name, "note", name), True)
        ok(name in c.ask("ask", name, "notes"))
    eq(c.ask("hideShout", "p"), True)
    eq(c.ask("ask", "p", "back", "shout", "hi")[1],
       "Method not found (shout).")


@case
def instances_of_applications_that_share_a_worker_are_reached():
    s = Server({"app.near.isolation": "shared", "app.far.isolation": "shared"},
               apps=APPS)
    c = near(s)
    dial(c, "p", "far/b")
    dial(c, "q", "near/z")
    eq(len([r for _, r, _ in s.roles() if r == "worker"]), 1)
    w = c.ask("ask", "p", "who")
    eq((w["peer_name"], w["protocol"], w["ip"]),
       ("near/a", "local", "127.0.0.1"))
    eq(c.ask("ask", "p", "add", 2, 3), 5)
    d = near(s, "z")
    dial(d, "p", "far/b")
    eq(sorted(d.ask("ask", "p", "names")), ["near/a", "near/z"])


@case
def what_is_no_instance_is_an_error_at_once():
    c = near(Server(apps=APPS))
    for uri in ("near/a", "rtmp:/near/a", "rtmp://localhost/near/a"):
        kind, text = c.ask("dial", "x", uri)
        eq(kind, "ArgumentError")
        ok("itself" in text, text)
    for uri in ("", "/", "http://x/y", "rtmp://", "rtmp://h", "rtmp://h:0/a",
                "a/../b", "rtmp://h:x/a", "a b/c\n"):
        eq(c.ask("dial", "x", uri)[0], "ArgumentError", uri)
    eq(c.ask("dial", "x", "rtmps://127.0.0.1/far")[0], "FCS::NotSupported")


@case
def an_unknown_application_fails_and_is_tried_again():
    s = Server(apps=APPS)
    c = near(s)
    eq(c.ask("dial", "p", "later/x"), True)
    kind, text, info = c.ask("ready", "p", timeout=25)
    eq((kind, info["code"]), ("ConnectError", FAILED))
    ok("no such application" in text, text)
    s.app("later", 'class Later < FCS::App\nexpose(:hi) { |c| "hi" }\nend\n')
    eq(c.ask("ask", "p", "hi", timeout=25), "hi")       # queued until then
    ok(count(c, "p", ["status", FAILED]) >= 1)
    eq(what(c, "p")[-1], ["open", None])


@case
def rejected_or_sent_away_is_the_end():
    s = Server(apps=APPS)
    c = near(s)
    for name, uri in (("p", "far"), ("q", s.url("far"))):
        eq(c.ask("dial", name, uri, "reject", {"n": 1}), True)
        kind, text, info = c.ask("ready", name)
        eq((kind, info["code"]), ("ConnectError", REJECTED))
        eq(text, "[ Server.Reject ] : not you")
        eq(info["application"], {"n": 1})
        eq(c.ask("status", name)["code"], REJECTED)
        eq(c.ask("ask", name, "echo", 1)[0], "ConnectError")
        eq(c.ask("tell", name, "echo", 1), False)
        eq(what(c, name), [["status", REJECTED]])
    eq(c.ask("dial", "r", "far", "redirect"), True)
    info = c.ask("ready", "r")[2]
    eq((info["ex"]["code"], info["ex"]["redirect"]),
       (302, "rtmp://elsewhere.example/far"))
    dial(c, "k", "far")
    c.ask("tell", "k", "kick")
    await_(c, "k", ["close", None])
    eq(c.ask("status", "k")["description"], "enough")
    eq(len(s.log_lines("peer.closed .*end=1")), 1)


@case
def a_crash_of_either_worker_is_seen_at_once_and_healed():
    s = Server(apps=APPS)
    s.dirty = True
    c = near(s)
    dial(c, "p", "far/b")
    f = connect(s, "far/b")
    os.kill(s.worker("far"), signal.SIGKILL)
    await_(c, "p", ["close", None])
    poll(lambda: count(c, "p", ["open", None]) == 2, 15, "the redial")
    eq(c.ask("ask", "p", "add", 1, 1), 2)
    eq(what(c, "p")[2:4], [["status", CLOSED], ["close", None]])
    f.wait_closed()
    f = connect(s, "far/b")
    eq(f.ask("left"), 0)
    os.kill(s.worker("near"), signal.SIGKILL)
    poll(lambda: f.ask("left") == 1, 10, "the far side to see it")


if __name__ == "__main__":
    tap.main()
