#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""fcsctl: every verb, its JSON and its exit code."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

import json                 # noqa: E402

READ_VERBS = [("status",), ("app", "list"), ("inst", "list"),
              ("client", "list"), ("stream", "list"), ("so", "list"),
              ("rec", "list")]


def exits(s, code, *args, **kw):
    got, out, err = s.ctl_run(*args, **kw)
    eq(got, code, "fcsctl %s: %s%s" % (" ".join(args), out, err))
    return out, err


@case
def ping_is_0_when_it_runs_and_3_when_not():
    s = Server()
    exits(s, 0, "ping")
    s.stop()
    out, err = exits(s, 3, "ping")
    ok("fcsctl:" in err and str(s.state) in err, err)
    ok("try:" in err, err)
    for verb in READ_VERBS:
        exits(s, 3, *verb)


@case
def figures_of_applications_are_those_of_now():
    s = Server()
    for n in range(1, 4):
        connect(s, "echo/%d" % n)
        c = connect(s, "echo/1")
        row = [r for r in s.ctl("app", "list") if r["app"] == "echo"][0]
        eq((row["state"], row["instances"], row["clients"]),
           ("running", n, n * 2), row)
        status = s.ctl_one("status")
        eq((status["clients"], status["workers"][0]["clients"]),
           (n * 2, n * 2))
    # a worker that does not answer: those of its last heartbeat, at once
    os.kill(s.worker("echo"), signal.SIGSTOP)
    begin = time.monotonic()
    row = [r for r in s.ctl("app", "list") if r["app"] == "echo"][0]
    ok("clients" in row, row)
    ok(time.monotonic() - begin < 3, time.monotonic() - begin)
    os.kill(s.worker("echo"), signal.SIGCONT)


@case
def every_read_verb_prints_tables_and_json():
    s = Server()
    c = connect(s, "echo/room")
    c.object("board", True).set(x=1.0).wait_code("success", "x")
    p = c.stream().publish("x", "record")
    p.feed(media.synthetic(1))
    c.ask("add", 1, 1)
    for verb in READ_VERBS:
        out, err = exits(s, 0, *verb)
        ok(out.strip(), " ".join(verb))
        eq(err, "")
        out, err = exits(s, 0, *verb, "--json")
        rows = [json.loads(x) for x in out.splitlines()]
        ok(rows and all(isinstance(r, dict) for r in rows), " ".join(verb))
    eq({r["app"] for r in s.ctl("app", "list")} >=
       {"echo", "chat", "hello", "live", "lobby", "room", "vod",
        "whiteboard"}, True)
    for r in s.ctl("app", "list"):      # whether it runs or not
        ok(r["instances"] >= 0 and r["clients"] >= 0, r)
    poll(lambda: [(r["instances"], r["clients"])
                  for r in s.ctl("app", "list") if r["app"] == "echo"] ==
         [(1, 1)], what="counts of echo")
    row = s.ctl_one("client", "list", "echo/room")
    eq((row["client"], row["where"]), (c.id, "echo/room"))
    eq(s.ctl("client", "list", "chat"), [])
    row = s.ctl_one("stream", "list")
    eq((row["where"], row["name"]), ("echo/room", "x"))
    row = s.ctl_one("so", "list", "echo/room")
    eq((row["name"], row["persistent"], row["slots"]), ("board", True, 1))
    row = s.ctl_one("inst", "list", "echo")
    eq((row["where"], row["clients"]), ("echo/room", 1))


@case
def applications_and_instances_come_by_name():
    s = Server()
    for where in ("vod/b", "chat/room10", "echo/z", "chat/a", "echo/m",
                  "vod/a", "chat/room9"):
        s.ctl("inst", "start", where)
    names = [r["where"] for r in s.ctl("inst", "list")]
    eq(names, ["chat/a", "chat/room10", "chat/room9", "echo/m", "echo/z",
               "vod/a", "vod/b"])
    out, _ = exits(s, 0, "inst", "list", "chat", "-o", "name")
    eq(out.split(), ["chat/a", "chat/room10", "chat/room9"])
    names = [r["app"] for r in s.ctl("app", "list")]
    eq(names, sorted(names))
    out, _ = exits(s, 0, "app", "list", "--no-header")
    eq([x.split()[0] for x in out.splitlines()], names)


@case
def status_names_version_roles_and_listeners():
    s = Server()
    row = s.ctl_one("status")
    eq(row["pid"], s.pid)
    eq([(x["app"], x["pid"]) for x in row["workers"]], [])
    ok(row["version"])
    ok(row["uptime_s"] >= 0)
    out, _ = exits(s, 0, "status")
    ok(str(s.rtmp[1]) in out, "no listener in: " + out)


@case
def so_get_shows_values_as_json():
    s = Server()
    r = connect(s, "echo/room").object("board", True)
    r.set(n=1.0, text="ü", obj=Object(a=[1.0, None, True]),
          ecma=EcmaArray(k="v")).wait_code("success", "ecma")
    rows = {x["slot"]: x for x in s.ctl("so", "get", "echo/room", "board")}
    eq(rows["n"]["value"], 1)
    eq(rows["text"]["value"], "ü")
    eq(rows["obj"]["value"], {"a": [1, None, True]})
    eq(rows["ecma"]["value"], {"k": "v"})
    eq({x["version"] for x in rows.values()}, {r.version})
    row = s.ctl_one("so", "get", "echo/room", "board", "text")
    eq(row["value"], "ü")
    out, _ = exits(s, 0, "so", "get", "echo/room", "board")
    ok("ü" in out)


@case
def so_watch_prints_each_change():
    s = Server()
    r = connect(s, "echo/room").object("board", True)
    r.set(n=0.0).wait_code("success", "n")
    p = Process([server.fcsctl(), "-S", s.socket(), "so", "watch",
                 "echo/room", "board", "--json"], user=s.uid, group=s.gid)
    poll(lambda: p.out or r.set(n=-1.0) and None, 5, "watch to begin")
    wait(lambda: not r.pending)
    v = r.version
    for i in range(1, 6):
        r.set(n=float(i))
    r.remove("n").wait_code("delete", "n")

    def lines():
        return [x for x in map(json.loads, p.out.decode().splitlines())
                if x["version"] > v]
    wait(lambda: len(lines()) >= 6, 5, "six lines of " + p.out.decode())
    eq([x["version"] for x in lines()], list(range(v + 1, v + 7)))
    eq([x.get("value") for x in lines()[:5]], [1, 2, 3, 4, 5])
    eq({x["slot"] for x in lines()}, {"n"})
    ok(lines()[-1]["removed"])
    p.signal(signal.SIGINT)
    p.finish(5)


@case
def rec_info_reindex_and_verify():
    s = Server()
    path = media.clip(10)
    to = s.put_recording("echo", "x.flv", path)
    connect(s)
    row = s.ctl_one("rec", "info", "echo", "x")
    near(row["duration_s"], 10, 0.1)
    eq(row["growing"], False)
    eq(row["keyframes"], 5)
    exits(s, 0, "rec", "verify", "echo", "x")
    exits(s, 0, "rec", "reindex", "echo", "x")
    eq(s.ctl_one("rec", "info", "echo", "x")["keyframes"], 5)
    data = bytearray(to.read_bytes())
    at = len(data) // 2
    data[at:at + 3000] = b"\xff" * 3000
    to.write_bytes(data)
    out, err = exits(s, 8, "rec", "verify", "echo", "x")
    ok(re.search("tag", out + err), "no word on what is odd: " + out + err)


@case
def what_does_not_exist_is_4_with_a_suggestion():
    s = Server()
    connect(s, "echo/room").object("board", True).set(
        x=1.0).wait_code("success", "x")
    out, err = exits(s, 4, "so", "get", "echo/rom", "board")
    ok("echo/room" in err, err)
    exits(s, 4, "so", "get", "echo/room", "bord")
    exits(s, 4, "rec", "info", "echo", "nothing")
    exits(s, 4, "inst", "list", "nosuchapp")
    exits(s, 4, "client", "list", "nosuchapp")


@case
def wrong_words_are_2_with_a_suggestion():
    s = Server(start=False)
    out, err = exits(s, 2, "clinet", "list")
    ok("client" in err, err)
    out, err = exits(s, 2, "client", "lst")
    ok("list" in err, err)
    for args in (("client",), ("so", "get"), ("--nope",), ("ping", "x", "y"),
                 ("rec", "info", "echo")):
        exits(s, 2, *args)
    out, err = exits(s, 0, "--help")
    for noun in ("app", "inst", "client", "stream", "so", "rec", "status"):
        ok(noun in out, noun + " is not in --help")
    out, _ = exits(s, 0, "--version")
    ok(re.search(r"\d+\.\d+", out), out)


@case
def no_permission_is_5_with_the_remedy():
    """A socket one may not connect to."""
    s = Server()
    if os.getuid() == 0:
        os.chmod(s.socket(), 0)
        p = Process([server.fcsctl(), "-S", s.socket(), "ping"],
                    user=s.uid, group=s.gid)
    else:
        os.chmod(s.socket(), 0)
        p = Process([server.fcsctl(), "-S", s.socket(), "ping"])
    code = p.finish()
    eq(code, 5, p.err.decode())
    ok("group" in p.err.decode(), p.err.decode())


@case
def an_application_without_a_worker_is_started_for_the_answer():
    s = Server()
    s.put_recording("echo", "x.flv", media.clip(10))
    eq([r["name"] for r in s.ctl("rec", "list", "echo")], ["x"])
    eq(s.ctl_one("rec", "info", "echo", "x")["size"],
       media.clip(10).stat().st_size)


@case
def garbage_on_the_admin_socket_harms_nobody():
    import socket
    s = Server()
    c = connect(s)
    for data in (b"\0" * 100, b"{" * 5000, b"\xff\xff\xff\xff" + bytes(100),
                 b"x" * (4 << 20), b'{"cmd":"' + b"[" * 100000, b"\n" * 999):
        with socket.socket(socket.AF_UNIX) as a:
            a.settimeout(5)
            a.connect(s.socket())
            try:
                a.sendall(data)
                a.shutdown(socket.SHUT_WR)
                while a.recv(65536):
                    pass
            except OSError:
                pass
    with socket.socket(socket.AF_UNIX) as a:
        a.connect(s.socket())
        exits(s, 0, "ping")
    exits(s, 0, "status")
    eq(c.ask("add", 1, 1), 2.0)


@case
def a_large_answer_comes_whole():
    s = Server()
    c = connect(s, "echo/room")
    o = c.object("big", True)
    for i in range(0, 20000, 1000):
        o.set_all({"slot%05d" % k: "x" * 100 for k in range(i, i + 1000)})
        o.wait_code("success", "slot%05d" % (i + 999))
    rows = s.ctl("so", "get", "echo/room", "big")
    eq(len(rows), 20000)
    eq({r["slot"] for r in rows},
       {"slot%05d" % k for k in range(20000)})


@case
def a_user_name_that_is_no_text_hides_no_client():
    s = Server(apps=["echo"])
    s.app("odd", main="""class Odd < FCS::App
  on(:connect) { |c| c.user = "a\\xff" }
end
""")
    c = connect(s, "odd")
    row = s.ctl_one("client", "list", "odd")
    eq((row["client"], row["user"]), (c.id, "a?"))


tap.main()
