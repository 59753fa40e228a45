#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What an application of the old servers could rely on, row by row: the
script environment (G), the application (A), the client (C), connections of
the server (N) and the status codes of a connection (K).  A case shows one
row on the wire; the last one sees that none is missing."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

MUST = """G1 G2 G3 G4 G5 G6 G11
A1 A2 A7 A8 A10 A11 A14 A15 A20 A21 A23 A24 A25 A26 A27
C1 C2 C3 C4 C11 C12 C15 C16 C19 C26
N1 N2 N5
K1 K2 K3 K4 K5 K6 K7""".split()
TABLE = {}                      # id: (what the row says, the case)
CONNECT = "NetConnection.Connect."


def row(says):
    """The case of a row: its name begins with the id of the row."""
    def add(fn):
        part = re.match(r"([a-z])0*(\d+)_", fn.__name__)
        TABLE[part[1].upper() + part[2]] = (says, fn)
        return case(fn)
    return add


def started(yaml=None, options=None):
    s = Server(options, start=False)
    if yaml is not None:
        s.app("rows", yaml=yaml)
    return s.start()


def said(s):
    """What the script said, in order."""
    return [re.search(r' text=("?)(.*)\1$', x)[2]
            for x in s.log_lines(r"script\.log ")]


def wait_said(s, text, timeout=8):
    wait(lambda: text in said(s), timeout, "the script to say " + text)


def failed(c, name, *args):
    """The info object of a call that has to fail."""
    try:
        value = c.ask(name, *args)
    except CallFailed as e:
        return e.info
    raise AssertionError("%s%r is %r" % (name, args, value))


def record(s, *names):
    for n in names:
        p = publisher(s, "rows", n, "record")
        p.feed(media.synthetic(1))
        p.unpublish()


# -- G: the environment of scripts -----------------------------------------

@row("the main script is main, or has the application's name, or in scripts/")
def g01_main_script_lookup():
    s = Server(start=False)
    places = ("main.rb", "%s.rb", "scripts/main.rb", "scripts/%s.rb")
    for i, place in enumerate(places):
        name = "place%d" % i
        d = s.app(name)
        for j in range(i, len(places)):         # the first of those there
            f = d / (places[j] % name if "%s" in places[j] else places[j])
            f.parent.mkdir(exist_ok=True)
            f.write_text("class Place < FCS::App\n"
                         "  expose(:at) { %d }\nend\n" % j)
    s.start()
    for i, place in enumerate(places):
        eq(connect(s, "place%d" % i).ask("at"), float(i), place)


@row("an engine per instance: no data in common, no error either")
def g02_instances_share_nothing():
    s = started()
    a, b = connect(s, "rows/a"), connect(s, "rows/b")
    a.ask("keep", "mine")
    eq((a.ask("kept"), b.ask("kept")), ("mine", None))
    a.object("x").set(n=1.0).wait_code("success", "n")
    eq(b.object("x").slots, {})
    a.stream().publish("cam")
    b.stream().publish("cam")
    failed(a, "boom")
    a.tell("spin")                              # ends with its instance
    a.wait_closed()
    eq(b.ask("named"), "rows/b")
    eq(b.closed, None)


@row("events of an instance come one at a time")
def g03_handlers_do_not_overlap():
    s = started()
    all = [Client(s.rtmp) for _ in range(10)]
    for c in all:
        c.begin_connect("rows", "x")
    for c in all:
        c.end_connect()
    calls = [(c, c.call("alone")) for c in all for _ in range(20)]
    eq({c.result(t) for c, t in calls}, {1.0})


@row("load(file) before the start; twice is once")
def g04_load_before_the_start_and_once():
    s = started()
    eq(connect(s, "rows").ask("loaded"), [True, False, "hello"])
    eq(said(s)[:2], ["loaded lib/words", "start"])


@row("trace goes to the log")
def g05_trace_is_in_the_log():
    s = started()
    connect(s, "rows/blue").ask("trace", "what I see")
    line = s.wait_log("what I see")
    ok("inst=rows/blue" in line and "app=rows" in line, line)


@row("setInterval, clearInterval, with arguments")
def g06_timers_repeat_until_they_are_cancelled():
    c = connect(started(), "rows")
    c.ask("once", 0.01, "o")
    c.ask("tick", 0.02, "t")

    def ticks():
        return [x[2][0] for x in c.commands if x[0] == "tick"]
    wait(lambda: len(ticks()) >= 3, 5, "three ticks")
    c.ask("cancel")
    before = ticks()
    eq(set(before), {"t"})
    c.ask("nap", 0.1)
    eq(ticks(), before)
    eq([x[2] for x in c.commands if x[0] == "once"], [["o"]])


@row("an administrator has the new code taken over; here clients stay")
def g11_reload_by_the_administrator():
    s = Server(start=False)
    code = "class Fresh < FCS::App\n  expose(:age) { %d }\nend\n"
    s.app("fresh", main=code % 1)
    s.start()
    c = connect(s, "fresh")
    eq(c.ask("age"), 1.0)
    s.app("fresh", main=code % 2)
    eq(s.ctl_run("app", "reload", "fresh")[0], 0)
    eq((c.ask("age"), c.closed), (2.0, None))
    eq(connect(s, "fresh").ask("age"), 2.0)


# -- A: the application ----------------------------------------------------

@row("clients: those accepted, of this instance")
def a01_clients_are_the_accepted_ones():
    s = started()
    c, d = connect(s, "rows"), connect(s, "rows")
    connect(s, "rows/other")
    held = Client(s.rtmp)
    held.begin_connect("rows", "hold")
    wait_said(s, "connect hold []")
    eq(c.ask("ids"), [c.id, d.id])
    d.close()
    wait_said(s, "disconnect " + d.id)
    eq(c.ask("ids"), [c.id])


@row("name: application/instance, _definst_ without one")
def a02_name_is_application_and_instance():
    s = started()
    for app, want in (("rows", "rows/_definst_"), ("rows/a", "rows/a"),
                      ("rows/a/b", "rows/a/b")):
        eq(connect(s, app).ask("named"), want)


@row("acceptConnection may come later, outside onConnect")
def a07_accept_may_come_later():
    s = started()
    c, held = connect(s, "rows"), Client(s.rtmp)
    held.begin_connect("rows", "hold")
    wait_said(s, "connect hold []")
    eq(held.results, {})
    eq(c.ask("decide", "accept"), True)
    eq(held.end_connect().info["code"], CONNECT + "Success")
    eq(c.ask("decide", "accept"), False)        # only for a pending one


@row("rejectConnection: any value arrives as info.application")
def a08_reject_sends_application():
    s = started()
    values = [5.0, "text", True, ["a", 1.0], Object(a=Object(b=[None])), ""]
    for encoding in (0, 3):
        for v in values:
            info = Client(s.rtmp).refused("rows", "reject", v,
                                          encoding=encoding)
            eq((info["level"], info["code"], info["application"]),
               ("error", CONNECT + "Rejected", v))
    info = Client(s.rtmp).refused("rows", "reject")
    eq(info["application"], Object(message="no"))


@row("disconnect: the client is closed, onDisconnect follows")
def a10_disconnect_closes_a_client():
    s = started()
    c, d = connect(s, "rows"), connect(s, "rows")
    eq(c.ask("kick", d.id), True)
    d.wait_closed()
    wait_said(s, "disconnect " + d.id)


@row("broadcastMsg: a call of every client, without a result")
def a11_broadcast_reaches_every_client():
    s = started()
    c, d = connect(s, "rows"), connect(s, "rows", encoding=3)
    other = connect(s, "rows/other")
    c.ask("broadcast", "news", 1, "x")
    for x in (c, d):
        name, txn, args = x.wait_command("news")
        eq((txn, list(args)), (0, [1, "x"]))
    other.ask("named")
    eq(other.commands, [])


@row("clearSharedObjects: /, a path, /*, ? and * in the last part; bool")
def a14_clear_shared_objects_by_path():
    paths = ["a/one", "a/two", "a/b/three", "c1", "c2", "d"]
    table = [("/", paths, True), ("/d", ["d"], True), ("/a", [], False),
             ("/a/*", paths[:3], True), ("/c?", ["c1", "c2"], True),
             ("/?/one", [], False), ("/nothing", [], False)]
    s = started()
    for i, (path, gone, result) in enumerate(table):
        c = connect(s, "rows/i%d" % i)
        for p in paths:
            c.ask("put", p)
        r = c.object("d", True)
        eq(c.ask("clear", path), result, path)
        eq([p for p in paths if c.ask("x", p) is None], gone, path)
        if "d" in gone:
            r.wait_slots({})


@row("clearStreams: the same paths, a kind before; players are told")
def a15_clear_streams_by_path():
    s = started()
    record(s, "a/one", "a/two", "b", "c1", "c2")
    c = connect(s, "rows")
    v = c.stream().play("b", 0)
    table = [("/a", False, 5), ("mp3:/b", False, 5), ("flv:/a/*", True, 3),
             ("/c?", True, 1), ("/", True, 0)]
    for path, result, left in table:
        eq(c.ask("clear_streams", path), result, path)
        eq(len(c.ask("list")), left, path)
    v.wait_status("NetStream.Clear.Success")


@row("onAppStart: once, before the first onConnect")
def a20_start_comes_once_and_first():
    s = started()
    connect(s, "rows", "x")
    connect(s, "rows", "y").ask("named")
    got = [x for x in said(s) if x.startswith(("start", "connect"))]
    eq(got, ["start", "connect x []", "connect y []"])
    t = started("load: at_start\n")
    wait_said(t, "start")                       # at the server's start


@row("onConnect with all arguments; none: accepted; reject; stay pending")
def a21_connect_decides():
    s = started()
    c = connect(s, "rows", "x", 1.0, "two", None, [True])
    c.ask("named")
    ok('connect x [1, \\"two\\", nil, [true]]' in said(s), said(s))
    eq(Client(s.rtmp).refused("rows", "reject")["code"],
       CONNECT + "Rejected")
    s.app("open", main="class Open < FCS::App\nend\n")
    eq(connect(s, "open").info["code"], CONNECT + "Success")
    held = Client(s.rtmp)
    held.begin_connect("rows", "hold")
    wait_said(s, "connect hold []")
    c.ask("nap", 0.1)
    eq((held.results, held.closed), ({}, None))


@row("onDisconnect, whatever the cause, once")
def a23_disconnect_for_every_cause():
    s = started()
    host = connect(s, "rows")

    def kick(c):
        host.ask("kick", c.id)

    def garbage(c):
        c.control(chunk.SET_CHUNK_SIZE, bytes(4))
    for leave in (Client.close, Client.abort, kick, garbage):
        c = connect(s, "rows")
        leave(c)
        wait_said(s, "disconnect " + c.id)
        host.ask("named")
        eq(said(s).count("disconnect " + c.id), 1, leave.__name__)
    Client(s.rtmp).refused("rows", "reject")
    host.ask("named")
    eq(sum(x.startswith("disconnect") for x in said(s)), 4)


@row("onAppStop(info): Shutdown or GC; false refuses")
def a24_stop_has_a_reason_and_may_be_refused():
    s = started("idle_unload: 100ms\n")
    connect(s, "rows").close()
    wait_said(s, "stop gc")
    c = connect(s, "rows")
    eq(c.ask("quit"), True)
    c.wait_closed()
    wait_said(s, "stop shutdown")
    s = started("idle_unload: 100ms\nconfig: { stays: true }\n")
    c = connect(s, "rows")
    eq(c.ask("quit"), False)
    c.close()
    wait_said(s, "unload? gc")
    ok(not [x for x in said(s) if x.startswith("stop")], said(s))
    eq(len(s.ctl("inst", "list", "rows")), 1)


@row("onStatus: Script.Error with file and line, Script.Warning, LowMemory")
def a25_status_tells_of_errors_time_and_memory():
    c = connect(started("script: { time: 400ms }\n"), "rows")

    def told(code):
        return next((x for x in c.ask("infos")
                     if x["code"] == "Application." + code), None)
    failed(c, "boom")
    info = told("Script.Error")
    eq((info["level"], info["filename"]), ("error", "main.rb"))
    ok(info["lineno"] > 0 and "boom" in info["description"], info)
    n = 100000
    while not told("Script.Warning"):
        c.ask("count_to", n)
        n = n * 5 // 4
    eq(told("Script.Warning")["level"], "warning")
    while not told("Resource.LowMemory"):
        c.ask("hoard")
    eq(told("Resource.LowMemory")["level"], "warning")


@row("onPublish(client, stream) after it began; what it returns is ignored")
def a26_publish_is_told_with_the_client():
    s = started()
    p = publisher(s, "rows", "cam")             # the handler gives false
    wait_said(s, "publish cam of " + p.client.id)
    v = connect(s, "rows").stream().play("cam")
    p.feed(media.synthetic(1))
    v.wait_media(3)


@row("onUnpublish(client, stream), before onDisconnect")
def a27_unpublish_is_told_before_the_client_is_gone():
    s = started()
    p = publisher(s, "rows", "cam")
    p.unpublish()
    wait_said(s, "unpublish cam of " + p.client.id)
    p = publisher(s, "rows", "other")
    id = p.client.id
    p.client.close()
    wait_said(s, "disconnect " + id)
    got = said(s)
    ok(got.index("unpublish other of " + id) <
       got.index("disconnect " + id), got)


# -- C: the client ---------------------------------------------------------

@row("id: unique, the one the administrator sees")
def c01_id_is_unique_and_the_administrators():
    s = started()
    all = [connect(s, "rows") for _ in range(3)]
    ids = [c.ask("facts")[0] for c in all]
    eq(ids, [c.id for c in all])
    eq(len(set(ids)), 3)
    eq({r["client"] for r in s.ctl("client", "list")}, set(ids))


@row("ip: where it connects from")
def c02_ip_is_the_address():
    s = started()
    for ip in ("127.0.0.1", "127.0.0.7"):
        eq(connect(s, "rows", source=ip).ask("facts")[1], ip)


@row("agent: what it says it is")
def c03_agent_is_what_the_player_says():
    c = connect(started(), "rows", flashVer="WIN 9,0,45,0")
    eq(c.ask("facts")[2], "WIN 9,0,45,0")


@row("referrer: URL of the SWF")
def c04_referrer_is_the_url_of_the_movie():
    c = connect(started(), "rows", swfUrl="http://h/x.swf")
    eq(c.ask("facts")[3], "http://h/x.swf")


def allowed(c, name, read):
    st = c.stream()
    if read:
        st.play(name, start=-1.0, wait_start=False)
        code, good = "NetStream.Play.Failed", "NetStream.Play.Start"
    else:
        st.publish(name, wait_start=False)
        code, good = "NetStream.Publish.BadName", "NetStream.Publish.Start"
    try:
        st.wait_status(good)
        return True
    except CallFailed as e:
        eq(e.code, code)
        return False
    finally:
        st.delete()


LISTS = [("/", "x", True), ("", "x", False), ("a;b/c", "a", True),
         ("a;b/c", "a/x", True), ("a;b/c", "ax", False),
         ("a;b/c", "b", False), ("/a;/b/c", "b/c", True)]


@row("readAccess: prefixes; who may play and subscribe")
def c11_read_access_holds():
    s = started()
    for list, name, want in LISTS:
        c = connect(s, "rows", "lists", list, "/")
        eq(allowed(c, name, True), want, (list, name))
        r = c.object(name)
        wait(lambda: r.used or r.status, 5, "an answer")
        eq([x[0] for x in r.status],
           [] if want else ["SharedObject.NoReadAccess"], (list, name))


@row("writeAccess: prefixes; who may publish, record, change")
def c12_write_access_holds():
    s = started()
    for list, name, want in LISTS:
        c = connect(s, "rows", "lists", "/", list)
        eq(allowed(c, name, False), want, (list, name))
        r = c.object(name).set(n=1.0)
        wait(lambda: r.status or ("success", "n") in r.codes, 5, "an answer")
        eq([x[0] for x in r.status],
           [] if want else ["SharedObject.NoWriteAccess"], (list, name))


@row("call: result or error of the client; paths")
def c15_server_calls_the_client():
    for encoding in (0, 3):
        c = connect(started(), "rows", encoding=encoding)
        c.on["double"] = lambda x: x * 2
        c.on["path/deep"] = lambda: Object(a=[1])
        eq(c.ask("call", "double", 21), ["value", 42])
        eq(c.ask("call", "path/deep"), ["value", Object(a=[1])])
        eq(c.ask("call", "nobody"),
           ["error", "NetConnection.Call.Failed",
            "Method not found (nobody)."])


@row("calls of the client: of its class, of its own; the value comes back")
def c16_client_calls_the_server():
    s = started()
    c, d = connect(s, "rows"), connect(s, "rows")
    eq((c.ask("deep/down"), c.ask("deep.down")), ("down", "down"))
    c.ask("own")
    eq(c.ask("mine"), c.id)
    for name in ("mine", "nobody"):
        info = failed(d, name)
        eq((info["code"], info["description"]),
           ("NetConnection.Call.Failed", "Method not found (%s)." % name))


@row("nothing but what is exposed can be called")
def c19_only_what_is_exposed():
    c = connect(started(), "rows")
    for name in ("secret_of_the_script", "send", "__send__", "instance_eval",
                 "clients", "shutdown", "exit", "raise", "alone=", "class",
                 "initialize", "say", "method_missing", "constructor"):
        eq(failed(c, name)["description"],
           "Method not found (%s)." % name)
    eq(c.ask("named"), "rows/_definst_")


@row("a script keeps what it wants with a client")
def c26_attributes_of_a_client():
    s = started()
    c, d = connect(s, "rows"), connect(s, "rows")
    for v in (1.0, "x", [1.0, Object(a="b")]):
        eq(c.ask("attr", "userType", v), v)
    eq((c.ask("attr", "userType"), d.ask("attr", "userType")), (v, None))


# -- N: connections of the server ------------------------------------------

def near(s, uri, *args):
    c = connect(s, "near/a")
    eq(c.ask("dial", "p", uri, *args), True)
    return c


@row("connect(uri, args): to a server, relative to the same; asynchronous")
def n01_peer_connects_with_arguments():
    s = Server(apps=["near", "far"])
    for uri in ("rtmp:/far/b", s.url("far/b")):
        c = near(s, uri, 1, "x")
        eq(c.ask("ready", "p"), uri)
        eq(c.ask("ask", "p", "who")["args"], [1, "x"])
    c = near(s, "rtmp:/far", "sleep", 0.2)      # dial is answered at once
    eq(c.ask("open?", "p"), False)
    eq(c.ask("ready", "p"), "rtmp:/far")


@row("call, close, isConnected, uri, onStatus; methods for the far side")
def n02_peer_calls_is_called_and_closes():
    s = Server(apps=["near", "far"])
    c = near(s, "rtmp:/far")
    eq(c.ask("ready", "p"), "rtmp:/far")
    eq(c.ask("open?", "p"), True)
    eq(c.ask("status", "p")["code"], CONNECT + "Success")
    eq(c.ask("ask", "p", "add", 2, 3), 5.0)
    eq(c.ask("ask", "p", "nope")[:2],
       ["CallError", "Method not found (nope)."])
    eq(c.ask("ask", "p", "back", "shout", "hi"), "p heard hi of rtmp:/far")
    c.ask("hang", "p")
    eq(c.ask("open?", "p"), False)
    far = connect(s, "far")
    poll(lambda: far.ask("left") == 1, 5, "the far side to see it go")


@row("the far side sees a client, agent FlashCom/, referrer the instance")
def n05_far_side_sees_a_client():
    s = Server(apps=["near", "far"])
    for uri in ("rtmp:/far", s.url("far")):
        c = near(s, uri)
        c.ask("ready", "p")
        w = c.ask("ask", "p", "who")
        ok(w["agent"].startswith("FlashCom/"), w["agent"])
        ok(re.fullmatch(r"rtmp://[^/]+/near/a", w["referrer"]), w["referrer"])
        eq(w["ip"], "127.0.0.1")
        ok(w["id"] in {r["client"] for r in s.ctl("client", "list")}, w)


# -- K: status codes of a connection ---------------------------------------

@row("Connect.Success, status; fmsVer, capabilities, mode, data.version")
def k01_connect_success():
    s = started()
    for encoding in (0, 3):
        c = connect(s, "rows", encoding=encoding)
        eq((c.info["level"], c.info["code"]), ("status", CONNECT + "Success"))
        eq(c.info["objectEncoding"], encoding)
        ok(re.fullmatch(r"\d+,\d+,\d+,\d+", c.info["data"]["version"]))
        ok(c.props["fmsVer"].startswith("FMS/"))
        ok(c.props["capabilities"] in (31, 127, 255))
        eq(c.props["mode"], 1)


@row("Connect.Rejected, error; application; then the server closes")
def k02_connect_rejected():
    c = Client(started().rtmp)
    info = c.refused("rows", "reject", "why")
    eq((info["level"], info["code"], info["application"]),
       ("error", CONNECT + "Rejected", "why"))
    eq(c.wait_closed(), "eof")


@row("Connect.InvalidApp, error: no such application; then a close")
def k03_connect_invalid_app():
    c = Client(started().rtmp)
    info = c.refused("nosuchapp")
    eq((info["level"], info["code"]), ("error", CONNECT + "InvalidApp"))
    eq(c.wait_closed(), "eof")


@row("Connect.AppShutdown, error: instance unloaded or server ends")
def k04_connect_app_shutdown():
    s = started()
    c, d = connect(s, "rows/a"), connect(s, "rows/b")
    eq(s.ctl_run("inst", "stop", "rows/a")[0], 0)
    s.stop()
    for x in (c, d):
        eq(x.wait_status(CONNECT + "AppShutdown")["level"], "error")
        eq(x.wait_closed(), "eof")


@row("Connect.Closed, status: the script ended the connection")
def k05_connect_closed():
    s = started()
    c, d = connect(s, "rows"), connect(s, "rows")
    c.ask("kick", d.id)
    info = d.wait_status(CONNECT + "Closed")
    eq((info["level"], info["description"]), ("status", "out"))
    eq(d.wait_closed(), "eof")


@row("Call.Failed, error, with a description: unknown or raising method")
def k06_call_failed():
    c = connect(started(), "rows")
    for name, text in (("nobody", r"Method not found \(nobody\)\."),
                       ("boom", r"Script error \(ref \w+\)")):
        info = failed(c, name)
        eq((info["level"], info["code"]),
           ("error", "NetConnection.Call.Failed"))
        ok(re.fullmatch(text, info["description"]), info)


@row("Call.Success, Call.BadValue, Admin.CommandFailed: of fcsctl")
def k07_administration_answers():
    s = started()
    c = connect(s, "rows")
    eq([r["client"] for r in s.ctl("client", "list", "rows")], [c.id])
    for argv, want in ((["inst", "stop", "rows"], 0),
                       (["inst", "stop", "rows/none"], 4),
                       (["inst", "start", "rows/.."], 1)):
        code, out, err = s.ctl_run(*argv)
        eq((code, bool(err)), (want, want != 0), argv)


@case
def every_row_that_a_replacement_must_have_is_in_the_table():
    eq(sorted(TABLE), sorted(MUST))
    for id, (says, fn) in TABLE.items():
        ok(fn.__name__.startswith("%s%02d_" % (id[0].lower(), int(id[1:]))),
           id)
        ok(says, id)


tap.main()
