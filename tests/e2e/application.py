#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The object of an application: its members, as clients see their work."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


class Limited(Server):
    """Started by a wrapper that becomes fcsd itself (prlimit)."""

    pid = property(lambda self: self.process.pid)


def members(options=None, yaml=None, conf=None):
    s = Server(options, start=False)
    if conf is not None:
        path = s.tmp / "fcsd.yaml"
        path.write_text(conf)
        s.args += ["-c", str(path)]
    if yaml is not None:
        s.app("members", yaml=yaml)
    s.start()
    return s


@case
def instance_knows_its_names_and_its_settings():
    s = members({"hostname": "media.example"},
                "config:\n  seats: 100\n  rooms: [a, b]\n  deep: {on: true}\n")
    c = connect(s, "members/blue")
    host, server, *names = c.ask("host")
    eq(host, "media.example")
    ok(re.fullmatch(r"fcs/\d+\.\d+\.\d+ Linux", server), server)
    eq(names, ["members/blue", "members", "blue"])
    got = c.ask("config")
    eq(got["seats"], 100.0)
    eq(got["rooms"], ["a", "b"])
    eq(got["deep"], Object(on=True))
    eq(connect(s, "members").ask("host")[2:],
       ["members/_definst_", "members", "_definst_"])


@case
def settings_of_the_script_come_from_the_innermost_layer():
    conf = "app: { members: { config: { seats: 5, room: x } } }\n"
    s = members(conf=conf)
    eq(connect(s, "members").ask("config"), Object(seats=5.0, room="x"))
    s = members(conf=conf, yaml="config: { seats: 7 }\n")
    eq(connect(s, "members").ask("config"), Object(seats=7.0))


@case
def stats_count_what_passes():
    s = members()
    c = connect(s, "members")
    one = c.ask("stats")
    eq((one["clients"], one["total_connects"], one["total_disconnects"]),
       (1.0, 1.0, 0.0))
    d = connect(s, "members")
    d.ask("infos")
    d.close()
    wait(lambda: c.ask("stats")["total_disconnects"] == 1, 5, "it to leave")
    two = c.ask("stats")
    eq((two["clients"], two["total_connects"]), (1.0, 2.0))
    for k in ("bytes_in", "bytes_out", "msg_in", "msg_out"):
        ok(two[k] > one[k], k)
    ok(two["memory"] > 50000 and two["script_ms"] >= 0)


@case
def reject_in_on_play_ends_that_play():
    s = members()
    p = publisher(s, "members", "no/cam")
    q = publisher(s, "members", "yes/cam")
    c = connect(s, "members")
    good = c.stream()
    good.play("yes/cam")
    for name, why in (("no/cam", "not this one"),
                      ("later/cam", "thought about it")):
        v = c.stream()
        v.play(name)
        info = v.wait_status("NetStream.Play.Failed")
        eq((info["level"], info["description"], info["details"]),
           ("error", why, name))
        v.mark()
        p.feed(media.synthetic(1))
        wait(lambda: name in c.ask("ends"), 5, "play_end")
        eq(v.media, [])
    q.feed(media.synthetic(1))
    good.wait_media(3)
    eq(c.ask("infos"), [])
    eq(s.log_lines("script.error"), [])


@case
def reject_in_on_publish_ends_that_publish():
    s = members()
    c = connect(s, "members")
    p = c.stream()
    p.publish("no/x", wait_start=False)
    info = p.wait_status("NetStream.Publish.BadName")
    eq((info["level"], info["description"]), ("error", "not on air"))
    eq(c.ask("streams"), [])
    c.stream().publish("yes/x")
    eq(c.ask("streams"), ["yes/x"])


@case
def disconnect_says_closed_with_the_reason():
    s = members()
    c, d, e = (connect(s, "members") for _ in range(3))
    eq(c.ask("kick", d.id, "bye"), True)
    info = d.wait_status("NetConnection.Connect.Closed")
    eq((info["level"], info["description"]), ("status", "bye"))
    d.wait_closed()
    wait(lambda: c.ask("kick", d.id, "again") is False, 5, "it to be gone")
    eq(c.ask("kick_all", "all"), [True])
    eq(e.wait_status("NetConnection.Connect.Closed")["description"], "all")
    e.wait_closed()


@case
def idle_client_is_told_so():
    s = members(yaml="idle_client: 1s\n")
    c = connect(s, "members")
    info = c.wait_status("NetConnection.Connect.IdleTimeout", 8)
    eq(info["level"], "status")
    c.wait_closed()


@case
def objects_of_a_path_are_cleared_also_those_on_disk_only():
    s = members(yaml="idle_unload: 100ms\n")
    c = connect(s, "members")
    for n in ("a/one", "a/two", "a/sub/three", "b"):
        c.ask("put", n)
    c.close()
    wait(lambda: s.ctl("inst", "list", "members") == [], 5, "the unload")
    c = connect(s, "members")
    r = c.object("a/one", True)
    eq(dict(r.slots), {"x": 1.0})
    eq(c.ask("clear", "/a"), False)
    eq(c.ask("clear", "/a/*"), True)
    r.wait_slots({})
    eq([c.ask("x", n) for n in ("a/one", "a/two", "a/sub/three", "b")],
       [None, None, None, 1.0])
    eq(dict(r.slots), {})
    c.close()
    wait(lambda: s.ctl("inst", "list", "members") == [], 5, "the unload")
    c = connect(s, "members")
    eq([c.ask("x", n) for n in ("a/one", "a/two", "a/sub/three", "b")],
       [None, None, None, 1.0])


@case
def status_tells_of_a_change_that_could_not_be_stored():
    s = Limited(apps=["members"], wrap=("prlimit", "--fsize=300000"))
    c = connect(s, "members")

    def fill(n):
        try:
            return c.ask("fill", n)
        except CallFailed as e:
            return e.info["description"]
    n = 0
    while fill(n) is True:
        n += 1
        ok(n < 100, "the disk is never full")
    info = wait(lambda: c.ask("infos"), 5, "on(:status)")[0]
    eq(info["code"], "SharedObject.Commit.Failed")
    eq(info["level"], "error")
    ok(info["description"])
    eq(c.ask("store"), "FCS::StoreError")       # it is read-only now
    eq(c.ask("x", "big"), None)


@case
def presence_has_a_slot_per_user_as_long_as_he_is_here():
    s = members()
    w = connect(s, "members", "watcher", 0)
    here = w.object("here")
    a = connect(s, "members", "ann", 1)
    here.wait_slots({"watcher": Object(n=0.0), "ann": Object(n=1.0)})
    b = connect(s, "members", "ann", 2)
    here.wait_slot("ann", Object(n=2.0))            # the newest one
    eq(w.ask("users"), [["watcher", 1.0], ["ann", 2.0]])
    here.set(ann=5.0).wait_code("reject", "SharedObject.NoWriteAccess")
    b.close()
    here.wait_slot("ann", Object(n=1.0))
    eq(a.ask("number", 7), True)
    here.wait_slot("ann", Object(n=7.0))
    eq(a.ask("call_me", "bob"), True)               # known by his old name
    a.close()
    here.wait_slots({"watcher": Object(n=0.0)})
    nobody = connect(s, "members")
    here.wait_slot(nobody.id, Object(n=None))       # by id without a name
    nobody.close()
    here.wait_slots({"watcher": Object(n=0.0)})


@case
def unknown_application_is_invalid():
    info = Client(Server().rtmp).refused("nowhere")
    eq((info["level"], info["code"]),
       ("error", "NetConnection.Connect.InvalidApp"))
    s = members(yaml="instances: [room-*]\n")
    eq(Client(s.rtmp).refused("members/hall")["code"],
       "NetConnection.Connect.InvalidApp")
    connect(s, "members/room-1").close()


tap.main()
