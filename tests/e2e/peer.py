#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Connections of instances to other instances, applications and servers."""

import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403
from lib.far import FarServer                # noqa: E402

SUCCESS = "NetConnection.Connect.Success"
FAILED = "NetConnection.Connect.Failed"
CLOSED = "NetConnection.Connect.Closed"
REJECTED = "NetConnection.Connect.Rejected"
APPS = ["near", "far"]


class expect_failed:
    """A call that is answered with _error and this text."""

    def __init__(self, text):
        self.text = text

    def __enter__(self):
        return self

    def __exit__(self, kind, e, _):
        ok(kind is CallFailed, "no failure, %r" % e)
        self.info = e.info
        ok(self.text in e.info["description"], e.info["description"])
        return True


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
def no_client_can_claim_to_be_an_instance():
    s = Server(apps=APPS)
    c = connect(s, "far/b", flashVer="FlashCom/0.1.0 fcs",
                swfUrl="rtmp://localhost/near/a", peer_name="near/a",
                protocol="local")
    w = c.ask("who")
    eq(w["agent"], "FlashCom/0.1.0 fcs")
    eq((w["peer_name"], w["protocol"]), (None, "rtmp"))


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


@case
def fcsctl_shows_which_instance_a_client_is():
    s = Server({"hostname": "media.example"}, apps=APPS)
    c = near(s)
    dial(c, "p", "far/b")
    dial(c, "q", s.url("far/b"))
    rows = s.ctl("client", "list", "far/b")
    eq(sorted((r["protocol"], r["peer_name"], r["ip"]) for r in rows),
       [("local", "near/a", "127.0.0.1"), ("rtmp", None, "127.0.0.1")])
    eq([r["peers"] for r in s.ctl("inst", "list", "near")], [2])
    ids = {r["client"] for r in rows}
    eq(ids, {c.ask("ask", n, "who")["id"] for n in "pq"})
    eq(c.ask("ask", "q", "who")["referrer"], "rtmp://media.example/near/a")


# -- servers of others -------------------------------------------------------

@case
def a_server_of_another_make_is_asked_as_flashcom_does():
    far = FarServer()
    s = Server({"hostname": "media.example"}, apps=APPS)
    c = near(s)
    dial(c, "p", far.url("live/room?k=1"), "a", {"b": 2})
    line = far.line()
    o = line.object
    eq(o["app"], "live/room?k=1")
    eq(o["tcUrl"], far.url("live/room?k=1"))
    ok(re.fullmatch(r"FlashCom/[\d.]+ fcs", o["flashVer"]), o["flashVer"])
    eq(o["swfUrl"], "rtmp://media.example/near/a")
    eq(o["objectEncoding"], 3.0)
    eq(line.args, ["a", Object(b=2.0)])
    eq(line.reader.size > 4096, True)
    dial(c, "d", far.url("live"))
    eq(far.line().object["app"], "live")


@case
def amf3_falls_back_to_amf0():
    def connect(line, obj, args):
        line.accept({"zero": 0, "none": "none", "three": 3}[obj["app"]])
    far = FarServer(connect=connect)
    c = near(Server(apps=APPS))
    for app, type in (("zero", 20), ("none", 20), ("three", 17)):
        dial(c, app, far.url(app))
        eq(c.ask("ask", app, "echo", [1, "x"]), [1, "x"])
        eq([m.type for m in far.line().messages if m.type in (20, 17)],
           [20, type])
        eq(far.line().call("shout", 7, "hey")[0], "_result")


@case
def a_server_that_hangs_up_on_amf3_is_asked_for_amf0():
    def connect(line, obj, args):
        if obj["objectEncoding"] == 3:
            line.abort()
        else:
            line.accept()
    far = FarServer(connect=connect)
    c = near(Server(apps=APPS))
    eq(c.ask("dial", "p", far.url()), True)
    poll(lambda: c.ask("open?", "p"), 10, "the second try")
    eq([l.object["objectEncoding"] for l in far.lines], [3, 0])
    eq(c.ask("ask", "p", "echo", "x"), "x")
    far.lines[-1].abort()
    poll(lambda: len(far.lines) == 3, 10, "a redial")
    poll(lambda: far.lines[2].object, 10, "its connect")
    eq(far.lines[2].object["objectEncoding"], 3)


@case(timeout=60)
def what_is_no_rtmp_server_fails_and_never_stalls():
    s = Server({"limits.peer_dial_time": "400ms",
                "app.near.connect_timeout": "100ms"}, apps=APPS)
    c = near(s)
    closed = FarServer()
    closed.close()
    fars = {"closed": closed}
    for way in ("refuse", "hang", "half", "garbage", "quiet", "noise"):
        fars[way] = FarServer(way)
    for name, far in fars.items():
        eq(c.ask("dial", name, far.url()), True)
    eq(c.ask("dial", "unknown", "rtmp://no-such-host.invalid/app"), True)
    for name in [*fars, "unknown"]:
        if name in ("closed", "garbage", "unknown"):    # told at once
            kind, text, info = c.ask("ready", name, timeout=20)
            eq((kind, info["code"]), ("ConnectError", FAILED), name)
            ok(text, name)
        await_(c, name, ["status", FAILED], 20)
        eq(c.ask("open?", name), False)
        ok(["open", None] not in what(c, name), name)
    for name, far in fars.items():      # each one is tried again
        if name != "closed":
            poll(lambda: len(far.lines) >= 2, 20, name + " again")
            ok(c.ask("hang", name))
    log = "".join(s.log_lines("peer.failed"))
    for text in ("refused", "not an RTMP handshake", "no-such-host.invalid",
                 "closed by the peer", "not reached in time",
                 "connect was not answered in time"):
        ok(text in log, "no %r in %s" % (text, log))


@case
def rejections_and_redirections_of_other_servers_arrive_whole():
    def connect(line, obj, args):
        if obj["app"] == "moved":
            line.error(REJECTED, description="[ Server.Reject ] : redirect",
                       ex=Object(code=302.0, redirect="rtmp://x/y"))
        elif obj["app"] == "full":
            line.error(FAILED, description="try later")
        elif obj["app"] == "bare":
            line.say("_error", 1)
        else:
            line.error("NetConnection.Connect.InvalidApp")
    far = FarServer(connect=connect)
    c = near(Server(apps=APPS))
    for app in ("moved", "full", "bare", "other"):
        eq(c.ask("dial", app, far.url(app)), True)
        poll(lambda: what(c, app), 5, app)
    eq(c.ask("status", "moved")["ex"], Object(code=302.0,
                                             redirect="rtmp://x/y"))
    eq(c.ask("ask", "moved", "echo", 1)[0], "ConnectError")
    eq(c.ask("status", "full")["description"], "try later")
    eq(what(c, "bare")[0], ["status", FAILED])
    eq(what(c, "other")[0], ["status", "NetConnection.Connect.InvalidApp"])
    poll(lambda: sum(l.object is not None and l.object["app"] != "moved"
                     for l in far.lines) >= 6, 10, "the others' redials")
    eq(sum(l.object["app"] == "moved" for l in far.lines if l.object), 1)


@case
def what_the_far_side_says_reaches_the_script():
    far = FarServer()
    c = near(Server(apps=APPS))
    dial(c, "p", far.url())
    line = far.line()
    line.status("NetConnection.Some.Thing", detail=1)
    await_(c, "p", ["status", "NetConnection.Some.Thing"])
    line.status("NetConnection.Connect.AppShutdown", description="bye")
    line.close()
    await_(c, "p", ["close", None])
    poll(lambda: len(far.lines) == 2, 10, "the redial")
    poll(lambda: c.ask("open?", "p"), 10, "open")
    far.line().status(CLOSED, description="go away")
    poll(lambda: count(c, "p", ["close", None]) == 2, 5, "closed")
    eq(c.ask("status", "p")["description"], "go away")
    eq(c.ask("ask", "p", "echo", 1)[0], "ConnectError")
    eq(c.ask("tell", "p", "echo", 1), False)


@case
def a_peer_that_is_to_dial_once_does():
    far = FarServer()
    c = near(Server(apps=APPS))
    eq(c.ask("dialOnce", "p", far.url()), True)
    eq(c.ask("ready", "p"), far.url())
    far.line().close()
    await_(c, "p", ["close", None])
    eq(c.ask("ask", "p", "echo", 1)[0], "ConnectError")
    far.close()
    eq(c.ask("dialOnce", "q", far.url()), True)
    poll(lambda: what(c, "q"), 5, "the failure")
    eq(c.ask("ready", "q")[0], "ConnectError")
    eq(what(c, "q"), [["status", FAILED]])


@case(timeout=60)
def pauses_between_tries_double():
    far = FarServer("refuse")
    c = near(Server(apps=APPS))
    began = time.monotonic()
    eq(c.ask("dial", "p", far.url()), True)
    times = []
    while len(times) < 4:
        n = len(times)
        wait(lambda: len(far.lines) > n, 20, "try %d" % n)
        times.append(time.monotonic() - began)
    gaps = [b - a for a, b in zip(times, times[1:])]
    for gap, pause in zip(gaps, (0.5, 1, 2)):
        ok(gap > pause * 0.88, "%r" % gaps)


@case
def calls_without_answer_fail_when_the_connection_goes():
    far = FarServer(command=lambda *a: None)
    c = near(Server(apps=APPS))
    dial(c, "p", far.url())
    for i in range(3):
        c.ask("askLater", "p", "never", i)
    wait(lambda: len(far.line().commands) == 3, 5, "the calls")
    far.line().abort()
    poll(lambda: count(c, "p", ["answer", "FCS::ConnectError"]) == 3, 5,
         "three failures")


@case
def answers_of_a_careless_server_are_taken_or_ignored():
    def command(line, name, txn, args):
        if name == "twice":
            line.say("_result", txn, 1)
            line.say("_result", txn, 2)
            line.say("_result", 99999, 3)
            line.say("_error", -1.5, None)
        elif name == "bare":
            line.say("_result", txn)
        elif name == "badError":
            line.say("_error", txn, "only text")
        elif name == "echo":
            line.say("_result", txn, *args)
        elif name == "strange":
            line.say("_error", txn, Object(description="ConnectError"))
    far = FarServer(command=command)
    s = Server(apps=APPS)
    c = near(s)
    dial(c, "p", far.url())
    eq(c.ask("ask", "p", "twice"), 1)
    eq(c.ask("ask", "p", "bare"), None)
    eq(c.ask("ask", "p", "badError")[:2],
       ["CallError", "NetConnection.Call.Failed"])
    eq(c.ask("ask", "p", "strange")[0], "CallError")
    line = far.line()
    for payload in (b"\2\0\1", b"\0" * 30, b"\2\0\4nope\0", b"",
                    b"\2\0\3a\nb" + b"\0" * 9):
        line.send(20, payload)
        line.send(17, payload)
        line.send(19, payload)
        line.send(4, payload + bytes(2))
    line.send(8, b"sound")
    line.send(18, b"data")
    eq(c.ask("ask", "p", "echo", "still here"), "still here")
    eq(len(s.log_lines("peer.malformed")) > 0, True)
    eq(line.closed, False)


@case
def commands_that_are_none_before_the_verdict_end_the_try():
    far = FarServer(connect=lambda line, *a: line.send(20, b"\2\0\1"))
    c = near(Server(apps=APPS))
    c.ask("dial", "p", far.url())
    await_(c, "p", ["status", FAILED])
    far.connect = lambda line, obj, args: (line.say("onBWDone", 0),
                                           line.say("shout", 3, "x"),
                                           line.accept())
    poll(lambda: c.ask("open?", "p"), 10, "the next one")
    eq(far.line().results, {})


@case
def pings_and_acknowledgements_are_answered():
    far = FarServer()
    c = near(Server({"limits.ping_idle": "1s", "limits.ping_time": "1s"},
                    apps=APPS))
    dial(c, "p", far.url())
    line = far.line()
    line.send(4, b"\0\6\0\0\x30\x39", 2)
    wait(lambda: any(m.type == 4 and m.payload == b"\0\7\0\0\x30\x39"
                     for m in line.messages), 5, "the pong")
    line.send(5, (2000).to_bytes(4, "big"), 2)
    eq(line.call("shout", 3, "x" * 3000)[0], "_result")
    wait(lambda: any(m.type == 3 for m in line.messages), 5,
         "an acknowledgement")
    # now it is silent, and does not answer pings itself
    wait(lambda: any(m.type == 4 and m.payload[:2] == b"\0\6"
                     for m in line.messages), 5, "a ping")
    await_(c, "p", ["close", None])
    eq(c.ask("status", "p")["description"], "no answer to a ping")


@case(timeout=60)
def what_is_said_after_a_write_is_said_after_its_commit():
    for method in ("writeThenTell", "writeThenAsk"):
        s = Server(apps=APPS)
        s.dirty = True
        heard = []

        def command(line, name, txn, args):
            heard.append(args)
            os.kill(s.worker("near"), signal.SIGKILL)
        far = FarServer(command=command)
        c = near(s)
        dial(c, "p", far.url())
        c.tell(method, "p", "slot")
        wait(lambda: heard, 5, "the far side to hear it")
        c.wait_closed()
        eq(s.ctl("so", "get", "near/a", "kept", "slot")[0]["value"], 1)


# -- limits ------------------------------------------------------------------

def fill(c, name, n):
    got = c.ask("fill", name, n, timeout=20)
    return n if got == n else got


@case
def an_instance_has_as_many_peers_as_script_peers_says():
    s = Server({"app.near.script.peers": "3"}, apps=APPS)
    for n in (2, 3):
        c = near(s, "n%d" % n)
        c.ask("dialMany", n, "far/b")
        poll(lambda: c.ask("opened") == n, 10, "%d peers" % n)
    kind, text = c.ask("dial", "more", "far/b")
    eq(kind, "FCS::LimitError")
    ok("script.peers" in text, text)
    ok(c.ask("hang", "many0"))
    dial(c, "more", "far/b")
    s = Server({"app.near.script.peers": "0"}, apps=APPS)
    eq(near(s).ask("dial", "p", "far/b")[0], "FCS::LimitError")


@case(timeout=60)
def calls_wait_for_the_connection_256_of_them_in_order():
    held = []
    far = FarServer(connect=lambda line, *a: held.append(line))
    c = near(Server(apps=APPS))
    for name, n in (("below", 255), ("at", 256), ("above", 257)):
        c.ask("dial", name, far.url(name))
        got = fill(c, name, n)
        if name == "above":
            eq(got[0], "FCS::LimitError")
        else:
            eq(got, n)
    wait(lambda: len(held) == 3, 5, "connects")
    for line in held:
        line.accept()
    for name, n in (("below", 255), ("at", 256), ("above", 256)):
        poll(lambda: what(c, name).count(["filled", n - 1]) == 1, 20, name)
        eq([x[1] for x in what(c, name) if x[0] == "filled"],
           list(range(n)))


@case(timeout=60)
def a_call_waits_ten_seconds_for_the_connection_no_longer():
    far = FarServer("quiet")
    c = near(Server(apps=APPS))
    c.ask("dial", "p", far.url())
    began = time.monotonic()
    kind, text, info = c.ask("ask", "p", "echo", 1, timeout=30)
    took = time.monotonic() - began
    eq((kind, text), ("ConnectError", "not connected in time"))
    ok(9.5 < took < 15, took)


@case
def a_peer_has_as_many_unanswered_calls_as_script_calls_says():
    far = FarServer(command=lambda *a: None)
    s = Server({"app.near.script.calls": "4"}, apps=APPS)
    c = near(s)
    for name, n in (("below", 3), ("at", 4)):
        dial(c, name, far.url())
        eq(fill(c, name, n), n)
    eq(c.ask("askLater", "below", "echo", 1), True)
    eq(c.ask("askLater", "at", "echo", 1)[0], "FCS::LimitError")
    eq(c.ask("tell", "at", "note", 1), True)
    line = far.lines[1]
    wait(lambda: len(line.commands) == 5, 5, "the calls")
    line.say("_result", line.commands[0][1], 0)
    await_(c, "at", ["filled", 0])
    eq(c.ask("askLater", "at", "echo", 1), True)


@case
def what_the_far_side_may_do_is_limited():
    far = FarServer()
    s = Server({"limits.calls_per_client": "4", "limits.command_name": "20",
                "limits.message_data": "4096"}, apps=APPS)
    c = near(s)
    dial(c, "p", far.url())
    line = far.line()
    for txn in range(11, 15):
        line.say("wait", txn, 0.5)
    kind, info = line.call("wait", 15, 0)
    eq((kind, info["description"]), ("_error", "too many unanswered calls"))
    wait(lambda: 14 in line.results, 5, "the others")
    eq([line.results[t] for t in range(11, 15)],
       [("_result", "waited")] * 4)
    for name in ("x" * 21, "a\nb", ""):
        line.say(name, 16)
    eq(line.call("x" * 20, 17)[1]["description"],
       "Method not found (%s)." % ("x" * 20))
    ok(16 not in line.results)
    eq(line.call("shout", 18, "x" * 3900)[0], "_result")
    line.say("shout", 19, "x" * 5000)
    await_(c, "p", ["close", None])
    ok("message" in s.log_lines("peer.closed")[0])


@case
def who_says_too_much_a_second_waits():
    far = FarServer()
    c = near(Server({"limits.commands_per_second": "20"}, apps=APPS))
    dial(c, "p", far.url())
    line = far.line()
    began = time.monotonic()
    for first in (100, 130):
        for txn in range(first, first + 30):
            line.say("deep/down", txn, txn)
        wait(lambda: first + 29 in line.results, 15, "30 answers")
    ok(time.monotonic() - began > 0.5)
    eq([line.results[t][1] for t in range(100, 160)],
       list(range(101, 161)))


# -- many, and far away ------------------------------------------------------

@case(timeout=90)
def a_thousand_peers_between_two_instances():
    s = Server({"app.near.script.peers": "1000"}, apps=APPS)
    c = near(s)
    f = connect(s, "far/b")
    began = time.monotonic()
    eq(c.ask("dialMany", 1000, "far/b", timeout=30), 1000)
    poll(lambda: c.ask("opened") == 1000, 60, "1,000 peers")
    note("1,000 local peers open after %.2f s" % (time.monotonic() - began))
    names = f.ask("names", timeout=10)
    eq((len(names), set(names) - {None}), (1001, {"near/a"}))
    got = [x for x in f.ask("each", "deep/down", 1, timeout=30)]
    eq(got, [2] * 1000)
    rows = s.ctl("client", "list", "far/b")
    eq(sum(r["peer_name"] == "near/a" for r in rows), 1000)
    eq(len({r["client"] for r in rows}), 1001)
    c.close()
    s.ctl("inst", "stop", "near/a")
    poll(lambda: f.ask("left") == 1000, 20, "all to be gone")


@case(timeout=60)
def servers_on_two_addresses_lose_and_find_each_other():
    a = Server(apps=APPS)
    b = Server({"listen.rtmp": "127.0.0.2:0"}, apps=APPS)
    url, where = b.url("far/lobby"), "%s:%d" % b.rtmp
    c = near(a)
    dial(c, "p", url, "room")
    w = c.ask("ask", "p", "who")
    eq((w["ip"], w["protocol"], w["peer_name"], w["args"]),
       ("127.0.0.1", "rtmp", None, ["room"]))
    eq(c.ask("ask", "p", "back", "shout", "hi"), "p heard hi of " + url)
    b.dirty = True
    os.kill(b.worker("far"), signal.SIGKILL)
    await_(c, "p", ["close", None])
    poll(lambda: c.ask("open?", "p"), 20, "the new worker")
    b.stop()
    poll(lambda: count(c, "p", ["close", None]) == 2, 10, "the server's end")
    eq(c.ask("tell", "p", "note", 1), False)
    await_(c, "p", ["status", FAILED])
    b.options["listen.rtmp"] = where
    b.start()
    poll(lambda: c.ask("open?", "p"), 40, "the server to be found again")
    f = connect(b, "far/lobby")
    a.dirty = True
    a.stop_hard()
    poll(lambda: len(b.ctl("client", "list", "far/lobby")) == 1, 10,
         "the lobby to see the crash")
    eq(f.closed, None)


@case
def peers_end_with_their_instance():
    s = Server(apps=APPS)
    f = connect(s, "far/b")
    c = near(s)
    dial(c, "p", "far/b")
    dial(c, "q", s.url("far/b"))
    c.close()
    s.ctl("inst", "stop", "near/a")
    poll(lambda: len(s.ctl("client", "list", "far/b")) == 1, 10, "the end")
    eq(f.ask("left"), 1)
    eq(s.log_lines("peer.failed"), [])


@case
def peers_end_with_their_script():
    s = Server(apps=APPS)
    f = connect(s, "far/b")
    c = near(s)
    dial(c, "p", "far/b")
    c.hold()                        # a client that does not even listen
    c.tell("spin")
    poll(lambda: f.ask("left") == 1, 3, "the far side to see it")


# -- rooms and their lobby ---------------------------------------------------

def rooms(movie, want, timeout=15):
    try:
        poll(lambda: movie.ask("listRooms") == want, timeout, "the rooms")
    except Timeout:
        eq(movie.ask("listRooms"), want)


@case(timeout=60)
def the_lobby_follows_its_rooms_on_one_server():
    s = Server(apps=["lobby", "room"])
    movie = connect(s, "lobby", "Movie")
    board = movie.object("rooms")
    ann = connect(s, "room/blue", "ann")
    rooms(movie, Object(blue=1.0))
    bob = connect(s, "room/blue", "bob")
    eve = connect(s, "room/red", "eve")
    rooms(movie, Object(blue=2.0, red=1.0))
    poll(lambda: board.slots == {"blue": 2.0, "red": 1.0}, 5, "the board")
    eq(movie.ask("announce", "closing at ten"), 2)
    wait(lambda: all(("notice", 0.0, ["closing at ten"]) in c.commands
                     for c in (ann, bob, eve)), 5, "the notices")
    with expect_failed(""):                 # not a room
        movie.ask("room/users", 99)
    bob.close()
    rooms(movie, Object(blue=1.0, red=1.0))
    s.ctl("app", "reload", "room")          # the new code dials anew
    rooms(movie, Object(blue=1.0, red=1.0))
    poll(lambda: ann.ask("lobby?"), 10, "the new script's peer")
    eve.close()
    s.ctl("inst", "stop", "room/red")
    rooms(movie, Object(blue=1.0))
    s.dirty = True
    os.kill(s.worker("room"), signal.SIGKILL)
    rooms(movie, Object())
    ann = connect(s, "room/blue", "ann")
    rooms(movie, Object(blue=1.0))
    os.kill(s.worker("lobby"), signal.SIGKILL)
    movie.wait_closed()
    movie = connect(s, "lobby", "Movie")
    rooms(movie, Object(blue=1.0))


def secret(s, text):
    """The lines of app.yaml that give the secret `rooms`."""
    path = s.tmp / "rooms.secret"
    path.write_text(text)
    path.chmod(0o600)
    s.own(path)
    return "secrets:\n  rooms: file:%s\n" % path


def hall_and_house(password):
    """A server with a lobby, and one with rooms for it."""
    hall = Server({"listen.rtmp": "127.0.0.2:0"}, apps=["lobby"],
                  start=False)
    hall.app("lobby", yaml=secret(hall, "open sesame"))
    hall.start()
    house = Server(apps=["room"], start=False)
    house.app("room", yaml=secret(house, password) +
              "config:\n  lobby: %s\n" % hall.url("lobby"))
    house.start()
    return hall, house


@case(timeout=60)
def a_wrong_password_is_no_room():
    hall, house = hall_and_house("open barley")
    movie = connect(hall, "lobby", "Movie")
    ann = connect(house, "room/blue", "ann")
    house.wait_log("peer.failed.*invalid room connection")
    eq(ann.ask("lobby?"), False)
    eq(movie.ask("listRooms"), Object())
    eq(ann.ask("say", "hi"), 1)


@case(timeout=90)
def the_lobby_follows_its_rooms_on_another_server():
    hall, a = hall_and_house("open sesame")
    where = "%s:%d" % hall.rtmp
    movie = connect(hall, "lobby", "Movie")
    ann = connect(a, "room/blue", "ann")
    rooms(movie, Object(blue=1.0))
    bob = connect(a, "room/blue", "bob")
    rooms(movie, Object(blue=2.0))
    bob.close()
    rooms(movie, Object(blue=1.0))
    a.dirty = True
    os.kill(a.worker("room"), signal.SIGKILL)   # the room's server crashes
    rooms(movie, Object())
    ann = connect(a, "room/blue", "ann")
    rooms(movie, Object(blue=1.0))
    hall.stop()                                 # the lobby goes and returns
    hall.options["listen.rtmp"] = where
    hall.start()
    movie = connect(hall, "lobby", "Movie")
    rooms(movie, Object(blue=1.0), 40)
    eq(movie.ask("announce", "we are back"), 1)
    wait(lambda: ("notice", 0.0, ["we are back"]) in ann.commands, 5,
         "the notice")


# -- forwarding --------------------------------------------------------------

@case
def an_exposed_name_is_forwarded_with_result_and_error():
    s = Server(apps=APPS)
    c, d = near(s), near(s)
    dial(c, "p", "far/b")
    eq(c.ask("forward", "shop/add", "p", "add"), None)
    eq(c.ask("forward", "deny", "p"), None)
    eq(d.ask("shop/add", 2, 3), 5)
    eq(d.ask("shop.add", 2, 3), 5)
    with expect_failed("never") as e:
        d.ask("deny", "never", {"x": 1})
    eq(e.info["application"], Object(x=1.0))
    d.on["whoAreYou"] = lambda *a: ["d", *a]
    eq(c.ask("forwardTo", "whoAreYou", d.id), None)
    eq(c.ask("whoAreYou", 7), ["d", 7])
    eq(c.ask("forward", "boom", "p"), None)
    with expect_failed("Script error"):
        d.ask("boom")
    eq(c.ask("unforward", "shop/add"), None)
    with expect_failed("Method not found"):
        d.ask("shop/add", 1, 2)
    eq(c.ask("forward", "connect", "p", "x")[0], "ArgumentError")
    c.ask("hang", "p")
    poll(lambda: not c.ask("open?", "p"), 5, "closed")
    with expect_failed("closed by the application"):
        d.ask("deny", "never")


if __name__ == "__main__":
    tap.main()
