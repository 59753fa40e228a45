#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The Client of scripts, row by row of what the old servers had (C1-C26) and
of the status codes of a connection: what the client sees is what the row
says."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

MUTE = {"mute": lambda *a: Mute}


def failed(c, name, *args):
    """The info object of a call that has to fail."""
    try:
        value = c.ask(name, *args)
    except CallFailed as e:
        eq(e.info["level"], "error")
        eq(e.info["code"], "NetConnection.Call.Failed")
        return e.info
    raise AssertionError("%s%r is %r" % (name, args, value))


# -- C1-C9, C26: what is known of it --------------------------------------

@case
def c1_to_c9_facts_are_what_the_client_said():
    s = Server()
    c = connect(s, "client/room?a=1&b=x%20y", "yes", 2.0,
                swfUrl="http://h/x.swf", pageUrl="http://h/page")
    f = c.ask("facts")
    rows = [
        ("C1", "id", c.id),
        ("C2", "ip", "127.0.0.1"),
        ("C2", "port", float(c.sock.getsockname()[1])),
        ("C3", "agent", "LNX 10,0,32,18"),
        ("C4", "referrer", "http://h/x.swf"),
        ("C5", "page_url", "http://h/page"),
        ("C7", "protocol", "rtmp"),
        ("C9", "secure", False),
        ("N4", "amf", 0.0),
        ("7.3", "query", Object(a="1", b="x y")),
        ("7.3", "args", ["yes", 2.0]),
        ("7.3", "state", "accepted"),
        ("7.3", "open", True),
        ("7.3", "connected", True),
    ]
    for row, key, want in rows:
        eq(f[key], want, row)
    ok(f["uri"].startswith("rtmp://127.0.0.1:"), "C6")
    ok("client/room" in f["uri"], "C6")
    eq(s.ctl("client", "list")[0]["client"], c.id, "C1: the one id")
    bare = connect(s, "client", bare=True, encoding=3).ask("facts")
    eq([bare[k] for k in ("agent", "referrer", "page_url", "uri", "amf")],
       ["", "", "", "", 3])


@case
def c26_attributes_and_user_stay_with_the_client():
    s = Server()
    c, d = connect(s, "client"), connect(s, "client")
    eq(c.ask("attr", "color", "red"), ["red", True, ["color"]])
    eq(c.ask("attr", "list", [1.0, Object(a="b")])[0],
       [1.0, Object(a="b")])
    eq(d.ask("attr", "color"), [None, False, []])
    eq(c.ask("user", "ann"), "ann")
    failed(c, "user", "x" * 256)
    eq(c.ask("user", "x" * 255), "x" * 255)


# -- C10-C13: rights -------------------------------------------------------

@case
def c10_virtual_key_takes_a_plain_word():
    c = connect(Server(), "client")
    eq(c.ask("virtual_key", "hd"), "hd")
    failed(c, "virtual_key", "a:b")
    failed(c, "virtual_key", "a*")


def may_play(c, name):
    st = c.stream()
    st.play(name, start=-1.0, wait_start=False)
    try:
        st.wait_status("NetStream.Play.Start")
        return True
    except CallFailed as e:
        eq(e.code, "NetStream.Play.Failed")
        eq(e.info["description"], "no read access")
        return False
    finally:
        st.delete()


def may_publish(c, name, type="live"):
    st = c.stream()
    st.publish(name, type, wait_start=False)
    try:
        st.wait_status("NetStream.Publish.Start")
        return True
    except CallFailed as e:
        eq(e.code, "NetStream.Publish.BadName")
        eq(e.info["description"], "no write access")
        return False
    finally:
        st.delete()


@case
def c11_read_access_is_for_playing_and_using():
    s = Server()
    c = connect(s, "client", "lists", ["open", "/deep/er"], ["/"])
    for name, want in (("open", True), ("open/x", True), ("opener", False),
                       ("deep", False), ("deep/er", True),
                       ("deep/er/x", True), ("deep/erx", False)):
        eq(may_play(c, name), want, name)
        r = c.object(name)
        if want:
            wait(lambda: r.version, 5, "the use of " + name)
        else:
            wait(lambda: r.status, 5, "the refusal of " + name)
            eq(r.status[0][0], "SharedObject.NoReadAccess")


@case
def c12_write_access_is_for_publishing_recording_setting_sending():
    s = Server()
    c = connect(s, "client", "lists", ["/"], "mine;theirs/x")
    d = connect(s, "client")
    for name, want in (("mine", True), ("mine/a", True), ("miner", False),
                       ("theirs", False), ("theirs/x", True)):
        eq(may_publish(c, name), want, name)
        eq(may_publish(c, name + ("/r" if want else ""), "record"), want,
           name)
        r, other = c.object(name), d.object(name)
        wait(lambda: r.version and other.version, 5, "the uses of " + name)
        r.set(slot="value")
        r.send("hello", 1.0)
        if want:
            wait(lambda: other.slots.get("slot") == "value", 5, name)
            wait(lambda: other.heard, 5, "the send through " + name)
        else:
            wait(lambda: len(r.status) >= 2, 5, "two refusals at " + name)
            eq({x[0] for x in r.status}, {"SharedObject.NoWriteAccess"})
            eq((other.slots, other.heard), ({}, []))


@case
def c11_c12_lists_hold_at_once_for_what_comes_after():
    s = Server()
    c = connect(s, "client")
    st = c.stream().play("x", start=-1.0)
    eq(may_play(c, "y"), True)
    eq(c.ask("lists", [], []), [[], []])
    eq(may_play(c, "y"), False)
    eq(may_publish(c, "y"), False)
    p = publisher(s, "client", "x")
    p.feed(media.synthetic(1))
    st.wait_media(5)                    # what plays goes on
    eq(c.ask("lists", "/y;", ["/"]), [["y"], ["/"]])
    eq(may_play(c, "y"), True)
    eq(may_play(c, "x"), False)
    eq(may_publish(c, "anything"), True)
    eq(c.ask("lists", "", ";"), [[], []])
    eq(may_play(c, "y"), False)


@case
def c11_c12_settings_are_where_a_client_begins():
    s = Server(start=False)
    s.app("client", yaml="access: {read: [a], write: [], samples: [a/b]}\n")
    s.start()
    c = connect(s, "client")
    eq([may_play(c, "a"), may_play(c, "b"), may_publish(c, "a")],
       [True, False, False])
    st = c.stream().play("a/b", start=-1.0)
    wait(lambda: st.data("|RtmpSampleAccess"), 5, "sample access")
    st = c.stream().play("a", start=-1.0)
    wait(lambda: st.data("onStatus"), 5, "the end of the start")
    eq(st.data("|RtmpSampleAccess"), [])


@case
def c13_sample_access_is_told_at_the_start_of_a_stream():
    c = connect(Server(), "client")
    rows = [                    # audio list, video list, stream, told
        (["/"], ["/"], "x", [True, True]),
        (["/"], [], "x", [True, False]),
        ([], "cam;tv", "cam/1", [False, True]),
        ([], "cam;tv", "camera", None),
        ([], [], "x", None),
    ]
    for audio, video, name, want in rows:
        c.ask("samples", audio, video)
        st = c.stream().play(name, start=-1.0)
        wait(lambda: st.data("onStatus"), 5, "the end of the start")
        eq(st.data("|RtmpSampleAccess"), [want] if want else [], name)
        st.delete()


# -- C15: calls to it ------------------------------------------------------

@case
def c15_call_gives_the_result_or_the_error_of_the_client():
    for encoding in (0, 3):
        c = connect(Server(), "client", encoding=encoding)
        c.on["double"] = lambda x: x * 2
        c.on["path/deep"] = lambda: "deep"
        eq(c.ask("call", "double", 21), ["value", 42])
        eq(c.ask("call", "path/deep"), ["value", "deep"])
        kind, text, info = c.ask("call", "nobody", 1)
        eq((kind, text), ("error", "Method not found (nobody)."))
        eq(info["code"], "NetConnection.Call.Failed")
        c.tell("call_block", "double", 4)
        eq(list(c.wait_command("got")[2]), [8, None])


@case
def c15_tell_has_no_transaction_and_call_has():
    c = connect(Server(), "client")
    c.on.update(MUTE)
    eq(c.ask("tell", "hello", 1, "x"), True)
    name, txn, args = c.wait_command("hello")
    eq((txn, list(args)), (0.0, [1.0, "x"]))
    c.ask("one_more")
    ok(c.wait_command("mute")[1] > 0)


@case
def c15_calls_without_answer_are_limited_to_256():
    c = connect(Server(), "client")
    c.on.update(MUTE)
    eq(c.ask("many", 255), "all")
    eq(c.ask("one_more"), "sent")
    eq(c.ask("one_more"), "limit")
    wait(lambda: sum(x[0] == "mute" for x in c.commands) == 256, 5)
    c.command("_result", c.wait_command("mute")[1], None)
    eq(c.ask("one_more"), "sent")
    eq(c.ask("one_more"), "limit")


# -- C16-C19: calls of it --------------------------------------------------

@case
def c16_a_method_of_one_client_is_for_that_one():
    s = Server()
    c, d = connect(s, "client"), connect(s, "client")
    c.ask("own")
    eq(c.ask("mine", 5), [c.id, 5.0])
    eq(failed(d, "mine", 5)["description"], "Method not found (mine).")
    eq(d.ask("from/class"), "class")
    eq(failed(c, "from/class")["description"],
       "Method not found (from/class).")
    eq([c.ask("from/instance"), d.ask("from.instance")], ["instance"] * 2)


@case
def c16_results_errors_and_silence():
    s = Server()
    c = connect(s, "client")
    eq(c.ask("method_of_the_class", 40), 42.0)
    eq(failed(c, "method_of_the_class")["description"],
       "wrong number of arguments")
    eq(failed(c, "method_of_the_class", 1, 2, 3)["description"],
       "wrong number of arguments")
    s.mark_log()
    text = failed(c, "boom")["description"]
    ref = re.fullmatch(r"Script error \(ref (\w+)\)", text)
    ok(ref, text)
    line = s.wait_log(ref[1])
    for part in ("boom", "main.rb:", "backtrace=", c.id):
        ok(part in line, (part, line))
    before = len(c.results)
    c.tell("from/class")
    c.tell("boom")
    c.tell("nobody")
    eq(c.ask("from/class"), "class")
    eq(len(c.results), before + 1)


@case
def c17_paths_may_be_written_with_slash_or_dot():
    c = connect(Server(), "client")
    eq(c.ask("room/join", 1), 1.0)
    eq(c.ask("room.join", 2), 2.0)
    failed(c, "room")
    failed(c, "join")


@case
def c18_missing_methods_are_answered_by_the_script():
    c = connect(Server(), "client")
    eq(c.ask("dynamo", 1, "x"), ["dynamo", [1.0, "x"]])
    eq(c.ask("dyn.a/b"), ["dyn.a/b", []])
    eq(failed(c, "nobody")["description"], "Method not found (nobody).")


@case
def c19_only_what_is_exposed_and_allowed_can_be_called():
    c = connect(Server(), "client")
    for name in ("clients", "instance_eval", "send", "__send__", "exit",
                 "object_id", "inspect", "initialize", "trouble"):
        failed(c, name)
    eq(failed(c, "admin/stop")["description"], "admins only")
    eq(failed(c, "admin.stop")["description"], "admins only")
    c.ask("admin", True)
    eq(c.ask("admin/stop"), "stopped")
    for name in ("connect", "createStream", "play", "publish", "onStatus",
                 "close", "_private", "@x", "|x"):
        eq(c.ask("forbid", name), "never")


# -- C20-C24: traffic ------------------------------------------------------

@case
def c20_bandwidth_is_capped_and_holds_to_the_client():
    s = Server(start=False)
    s.app("client", yaml="bandwidth: {cap: 200000}\n")
    s.start()
    c, free = connect(s, "client"), connect(s, "client")
    eq(c.ask("bandwidth", None, None), [None, None])
    eq(c.ask("bandwidth", 30000, 300000), [30000.0, 200000.0])
    failed(c, "bandwidth", 100, None)
    eq(c.ask("bandwidth", None, 40000), [None, 40000.0])

    def filler(x, n):
        return sum(k[0] == "filler" for k in x.commands) >= n
    begun = time.monotonic()
    c.tell("fill", 100, 1000)
    free.tell("fill", 100, 1000)
    wait(lambda: filler(free, 100), 5, "the one without a limit")
    ok(not filler(c, 100), "100 KB came at once")
    wait(lambda: filler(c, 100), 30, "all of it, late")
    # 100 KB less the 10 KB that may come at once, at 40 KB/s
    ok(time.monotonic() - begun > 2.0, "too fast")
    eq(c.ask("from/class"), "class")


@case
def c20_bandwidth_holds_from_the_client():
    s = Server()
    c = connect(s, "client")
    eq(c.ask("bandwidth", 40000, None), [40000.0, None])
    begun = time.monotonic()
    last = 0
    for _ in range(100):
        last = c.call("attr", "x", "y" * 1000)
    c.result(last, 30)
    ok(time.monotonic() - begun > 2.0, "too fast")


@case
def c20_bandwidth_of_the_settings_holds_and_defaults_do_not():
    s = Server(start=False)
    s.app("client", yaml="bandwidth: {out: 40000}\n")
    s.start()
    c, free = connect(s, "client"), connect(s, "calls")
    eq(c.ask("bandwidth", None, None), [None, 40000.0])
    begun = time.monotonic()
    c.tell("fill", 100, 1000)
    wait(lambda: sum(k[0] == "filler" for k in c.commands) >= 100, 30)
    ok(time.monotonic() - begun > 2.0, "too fast")
    eq(free.ask("echo", "x" * 60000), "x" * 60000)
    # wherever the administrator wrote it
    s = Server({"app.client.bandwidth.out": 40000}, start=False)
    (s.tmp / "fcsd.yaml").write_text(
        "app: {client: {bandwidth: {in: 50000}}}\n")
    s.args += ["-c", str(s.tmp / "fcsd.yaml")]
    s.start()
    eq(connect(s, "client").ask("bandwidth", None, None), [50000.0, 40000.0])


@case
def c20_a_limited_viewer_loses_pictures_and_is_told():
    s = Server()
    v = connect(s, "client")
    st = v.stream().play("x", start=-1.0)
    v.ask("bandwidth", None, 20000)
    p = publisher(s, "client", "x")
    free = connect(s, "client").stream().play("x", start=-1.0)
    # 25 pictures of 4000 bytes a second: five times what may pass
    tags = media.synthetic(4, size=4000, gop=1)
    feed = p.feed_live(tags)
    wait(lambda: feed.done, 20, "the publisher")
    free.wait_media(len(tags) - 1, 10)
    st.wait_status("NetStream.Play.InsufficientBW", 10)
    sound = sum(t.type == 8 for t in tags)
    st.wait_media(sound, 30, kind=8)            # none is lost
    seen = sum(m.type == 9 for m in st.media)
    ok(0 < seen < 60, "%d of 101 pictures" % seen)
    got = connect(s, "client").ask("stats_of", v.id)
    ok(got["dropped_video_msgs"] > 40 and got["dropped_audio_msgs"] == 0, got)


@case
def c20_recordings_come_late_to_a_limited_viewer_but_whole():
    s = Server()
    p = publisher(s, "client", "clip", "record")
    p.feed(media.synthetic(2, size=2000))
    p.unpublish()
    want = connect(s, "client").stream().play_all("clip")
    c = connect(s, "client")
    c.ask("bandwidth", None, 60000)
    begun = time.monotonic()
    eq(c.stream().play_all("clip"), want)
    ok(time.monotonic() - begun > 1.0, "too fast")


@case
def c21_stats_have_the_original_names():
    s = Server()
    c = connect(s, "client")
    c.ask("ping")
    st = c.ask("stats")
    eq(set(st), set("""bytes_in bytes_out msg_in msg_out msg_dropped ping_rtt
       audio_queue_msgs video_queue_msgs so_queue_msgs data_queue_msgs
       audio_queue_bytes video_queue_bytes so_queue_bytes data_queue_bytes
       dropped_audio_msgs dropped_video_msgs dropped_audio_bytes
       dropped_video_bytes bw_in bw_out client_id""".split()))
    eq(st["client_id"], c.id)
    ok(st["bytes_in"] > 3073 and st["bytes_out"] > 3073, st)
    ok(st["msg_in"] >= 3 and st["msg_out"] >= 6, st)
    ok(st["ping_rtt"] >= 0)
    more = c.ask("stats")
    ok(more["msg_in"] > st["msg_in"] and more["bytes_out"] > st["bytes_out"])
    eq(more["msg_dropped"], 0.0)
    other = connect(s, "client")
    c.ask("bandwidth", None, 5000)
    c.tell("fill", 50, 1000)
    st = wait(lambda: next((x for x in [other.ask("stats_of", c.id)]
                            if x["data_queue_msgs"]), None), 5, "a queue")
    ok(st["data_queue_msgs"] >= 40 and st["data_queue_bytes"] > 40000, st)


@case
def c22_ping_asks_the_client_and_knows_silence():
    c = connect(Server(), "client")
    eq(c.ask("rtt"), None)
    before = len(c.pings)
    ms = c.ask("ping")
    ok(isinstance(ms, float) and 0 <= ms < 2000, ms)
    eq(len(c.pings), before + 1)
    eq(c.ask("rtt"), ms)
    c.auto_pong = False
    eq(c.ask("ping"), "late")


@case
def c23_check_bandwidth_measures_with_calls():
    c = connect(Server(), "client")
    seen = []
    c.on["onBWCheck"] = lambda *a: seen.append(a) or float(len(seen))
    got = c.ask("check", timeout=15)
    name, txn, args = c.wait_command("onBWDone")
    eq(txn, 0.0)
    eq([got[k] for k in ("kbit_down", "delta_down", "delta_time",
                         "latency")], list(args))
    ok(got["kbit_down"] > 0 and len(seen) >= 3, got)
    del c.on["onBWCheck"]
    eq(c.ask("check"), "unknown")


@case
def c23_check_bandwidth_may_be_empty_or_off():
    for how, done in (("empty", True), ("off", False)):
        s = Server({"app.client.bandwidth_check": how})
        c = connect(s, "client")
        eq(c.ask("check"), Object())
        eq([x for x in c.commands if x[0] == "onBWDone"],
           [("onBWDone", 0.0, [])] if done else [])
        eq([x for x in c.commands if x[0] == "onBWCheck"], [])


@case
def c24_stream_length_is_answered_in_seconds():
    s = Server()
    c = connect(s, "client")
    p = publisher(s, "client", "clip", "record")
    p.feed(media.synthetic(2))
    p.unpublish()
    ok(1.5 < c.ask("getStreamLength", "clip") < 2.5)
    eq(c.ask("getStreamLength", "nothing"), 0.0)
    c.ask("lists", ["other"], [])
    eq(c.ask("getStreamLength", "clip"), 0.0)


# -- the rest of the class -------------------------------------------------

@case
def streams_and_objects_are_listed():
    c = connect(Server(), "client")
    eq(c.ask("uses"), [[], []])
    p = c.stream().publish("mine")
    v = c.stream().play("theirs", start=-1.0)
    r = c.object("board")
    wait(lambda: r.version, 5)
    eq(c.ask("uses"), [["mine", "theirs"], ["board"]])
    p.close()
    v.close()
    r.release()
    wait(lambda: c.ask("uses") == [[], []], 5, "nothing in use")


@case
def disconnected_clients_hear_why_and_are_readable():
    s = Server()
    c, d = connect(s, "client"), connect(s, "client")
    d.on.update(MUTE)
    t = c.call("after_gone", d.id)
    d.wait_command("mute")
    eq(c.ask("disconnect", d.id, "enough"), True)
    info = d.wait_status("NetConnection.Connect.Closed")
    eq((info["level"], info["description"]), ("status", "enough"))
    eq(d.wait_closed(), "eof")
    eq(c.result(t), [False, "closed", False, False, "127.0.0.1", d.id])
    wait(lambda: "out " + d.id in c.ask("log"), 5, "on(:disconnect)")


# -- 2.1: status codes of the connection -----------------------------------

@case
def connect_rejected_with_reason_value_and_redirect():
    s = Server()
    rows = [
        (("reject",), "rejected", Object(message="rejected")),
        (("reject", "not you"), "not you", Object(message="not you")),
        (("reject", "full", Object(seats=0.0)), "full", Object(seats=0.0)),
        (("reject", "n", 5.0), "n", 5.0),
    ]
    for args, text, application in rows:
        c = Client(s.rtmp)
        info = c.refused("client", *args)
        eq(info["level"], "error")
        eq(info["code"], "NetConnection.Connect.Rejected")
        eq(info["description"], "[ Server.Reject ] : " + text)
        eq(info["application"], application)
        eq(c.wait_closed(), "eof")
    info = Client(s.rtmp).refused("client", "redirect", "rtmp://b/client")
    eq(info["code"], "NetConnection.Connect.Rejected")
    eq(info["ex"], Object(code=302.0, redirect="rtmp://b/client"))
    c = connect(s, "client")
    eq(c.ask("log"), ["in " + c.id])        # nobody heard of the others


@case
def a_held_client_is_decided_later_or_in_time():
    s = Server()
    host = connect(s, "client")
    for what, args in (("accept", ()), ("reject", ("no", 1.0)),
                       ("redirect", ("rtmp://b/x",))):
        c = Client(s.rtmp)
        c.begin_connect("client", "hold")
        c.command("facts", 7)               # kept until it is accepted
        wait(lambda: host.ask("decide", what, *args) is True, 5, what)
        eq(host.ask("decide", what, *args), False)
        if what == "accept":
            c.end_connect()
            eq(c.result(7)["id"], c.id)
            continue
        try:
            c.end_connect()
        except Refused as e:
            eq(e.code, "NetConnection.Connect.Rejected")
            if what == "reject":
                eq(e.info["application"], 1.0)
            else:
                eq(e.info["ex"]["redirect"], "rtmp://b/x")
        else:
            raise AssertionError(what)
    info = Client(s.rtmp).refused("client", "hold", 0.3)
    eq(info["description"], "[ Server.Reject ] : nobody decided in time")


@case
def connect_timeout_bounds_the_handler_waits_included():
    s = Server({"app.client.connect_timeout": "300ms"})
    info = Client(s.rtmp).refused("client", "sleep", 20)
    eq(info["code"], "NetConnection.Connect.Rejected")
    eq(info["description"], "[ Server.Reject ] : nobody decided in time")
    eq(connect(s, "client", "sleep", 0.05).ask("from/class"), "class")


@case
def protocols_and_seats_are_limited_with_a_word():
    s = Server({"app.client.protocols": "rtmps"})
    info = Client(s.rtmp).refused("client")
    eq(info["code"], "NetConnection.Connect.Rejected")
    eq(info["description"], "[ Server.Reject ] : protocol not allowed")
    s = Server({"app.client.max_clients": 2})
    a, b = connect(s, "client"), connect(s, "client/other")
    info = Client(s.rtmp).refused("client")
    eq(info["code"], "NetConnection.Connect.Rejected")
    eq(info["description"], "[ Server.Reject ] : server full")
    a.close()
    wait(lambda: len(s.ctl("client", "list")) == 1, 5, "a seat")
    connect(s, "client")
    s = Server({"app.client.max_clients_per_ip": 1})
    a = connect(s, "client")
    ok("server full" in Client(s.rtmp).refused("client")["description"])


@case
def idle_clients_are_told_so_and_viewers_are_not_idle():
    s = Server({"app.client.idle_client": "1s"})
    v = connect(s, "client")
    st = v.stream().play("x", start=-1.0)
    c = connect(s, "client")
    info = c.wait_status("NetConnection.Connect.IdleTimeout", 8)
    eq(info["level"], "status")
    eq(c.wait_closed(), "eof")
    ok(not v.closed, "the viewer was closed")
    st.close()
    v.wait_status("NetConnection.Connect.IdleTimeout", 8)


@case
def reconnect_is_asked_of_clients_that_know_it():
    s = Server()
    old, new = connect(s, "client"), connect(s, "client", capsEx=1.0)
    eq(old.ask("reconnect", "rtmp://b/client"), False)
    eq(new.info["capsEx"], 1.0)
    eq(new.ask("reconnect", "rtmp://b/client"), True)
    info = new.wait_status("NetConnection.Connect.ReconnectRequest")
    eq((info["level"], info["tcUrl"]), ("status", "rtmp://b/client"))
    eq(new.ask("from/class"), "class")      # served until it leaves
    eq(new.ask("reconnect"), True)
    wait(lambda: len(new.statuses) == 2, 5, "the second request")
    ok("tcUrl" not in new.statuses[1])
    eq([x for x in old.statuses], [])


@case
def app_shutdown_reaches_every_client():
    s = Server()
    cs = [connect(s, "client"), connect(s, "client")]
    s.ctl_run("inst", "stop", "client")
    for c in cs:
        info = c.wait_status("NetConnection.Connect.AppShutdown")
        eq(info["level"], "error")
        eq(c.wait_closed(), "eof")


tap.main()
