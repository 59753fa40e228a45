#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The applications that come with fcs, as their users meet them."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


@case
def chat_keeps_who_is_here_and_what_was_said():
    s = Server()
    ann = connect(s, "chat/room", "Ann")
    bob = connect(s, "chat/room", "Bob")
    eq(list(ann.wait_command("motd")[2]), ["welcome to room"])
    users = ann.object("users")
    lines = bob.object("chat", True)
    users.wait_slots({"Ann": Object(name="Ann"), "Bob": Object(name="Bob")})
    eq(ann.ask("say", "hello"), 1.0)
    lines.wait_heard()
    eq(lines.heard, [("said", [1.0])])
    line = lines.slots["line/1"]
    eq((line["who"], line["text"]), ("Ann", "hello"))
    ok(isinstance(line["at"], Date))
    bob.ask("say", "hi")
    eq([x["text"] for x in bob.ask("lines")], ["hello", "hi"])
    lines.set(count=99.0).wait_code("reject", "SharedObject.NoWriteAccess")
    bob.close()
    users.wait_slots({"Ann": Object(name="Ann")})
    s.restart()
    eve = connect(s, "chat/room", "Eve")
    eq([x["who"] for x in eve.ask("lines")], ["Ann", "Bob"])


@case
def chat_refuses_a_missing_or_taken_name():
    s = Server()
    connect(s, "chat", "Ann")
    info = Client(s.rtmp).refused("chat", "Ann")
    eq(info["description"], "[ Server.Reject ] : name taken")
    eq(info["application"], Object(name="Ann"))
    info = Client(s.rtmp).refused("chat")
    eq(info["description"], "[ Server.Reject ] : name missing")
    connect(s, "chat/other", "Ann")


@case
def hello_shows_all_that_can_become_of_a_connect():
    s = Server()
    host = connect(s, "hello", "ann")
    eq(host.info["code"], "NetConnection.Connect.Success")
    eq(host.wait_command("welcome")[2][1], 1.0)
    rows = [                    # application, arguments, code, field, value
        ("hello", [], "Rejected", "application", Object(field="user")),
        ("hello/old", ["ann"], "Rejected", "ex",
         Object(code=302.0, redirect="rtmp://localhost/hello")),
        ("hello/nowhere", ["ann"], "InvalidApp", "application", None),
        ("hello/broken", ["ann"], "Failed", "application", None),
    ]
    for app, args, code, field, value in rows:
        c = Client(s.rtmp)
        info = c.refused(app, *args)
        eq((info["level"], info["code"], info.get(field)),
           ("error", "NetConnection.Connect." + code, value), app)
        eq(c.wait_closed(), "eof", app)
    guests = []
    for name in ("guest 1", "guest 2"):
        guests.append(Client(s.rtmp))
        guests[-1].begin_connect("hello", name)
    wait(lambda: sum(x[0] == "knock" for x in host.commands) == 2, 5)
    for x in [x for x in host.commands if x[0] == "knock"]:
        eq(host.ask("admit", x[2][0], x[2][1] == "guest 1"), True)
    eq(guests[0].end_connect().info["code"], "NetConnection.Connect.Success")
    try:
        guests[1].end_connect()
    except Refused as e:
        eq(e.info["application"], Object(by="ann"))
    else:
        raise AssertionError("accepted")


@case
def whiteboard_shapes_belong_to_their_owner_and_survive():
    s = Server()
    ann = connect(s, "whiteboard/demo", "Ann").object("board", True)
    bob = connect(s, "whiteboard/demo", "Bob").object("board", True)
    ann.set_all({"Ann/1": Object(x=1.0)}).wait_code("success", "Ann/1")
    bob.wait_slot("Ann/1", Object(x=1.0))
    bob.set_all({"Ann/1": Object(x=2.0), "Bob/1": Object(y=1.0)})
    bob.wait_code("success", "Bob/1")
    bob.wait_code("change", "Ann/1", since=1)
    eq(bob.slots["Ann/1"], Object(x=1.0))
    cursors = ann.client.object("cursors")
    cursors.set(Ann=Object(x=5.0)).wait_code("success", "Ann")
    cursors.set(Bob=Object(x=5.0)).wait_code("reject",
                                             "SharedObject.NoWriteAccess")
    s.restart()
    again = connect(s, "whiteboard/demo", "Ann").object("board", True)
    again.wait_slots({"Ann/1": Object(x=1.0), "Bob/1": Object(y=1.0)})
    eq(again.client.ask("version"), float(again.version))


@case
def live_lists_what_is_on_air_and_records_it():
    s = Server({"app.live.publish": "allow"})
    v = connect(s, "live").object("streams")
    p = publisher(s, "live", "show")
    wait(lambda: "show" in v.slots, 5, "the stream in the list")
    tags = media.synthetic(2)
    p.feed(tags)
    p.unpublish()
    v.wait_slots({})
    poll(lambda: [r for r in s.ctl("rec", "list", "live")
                  if r["name"] == "show" and not r["growing"]], 10,
         "the recording")
    w = connect(s, "live").stream()
    eq(len(w.play_all("show", 0)), len(flv.media(tags)))


@case
def live_needs_a_key_and_vod_takes_no_publisher():
    s = Server()
    for app in ("live", "vod"):
        try:
            publisher(s, app, "x")
        except CallFailed as e:
            eq(e.info["level"], "error")
        else:
            raise AssertionError("published in " + app)


@case
def vod_counts_who_watches():
    s = Server()
    path = s.tmp / "r.flv"
    flv.write(path, media.synthetic(20))
    s.put_recording("vod", "r.flv", path)
    c = connect(s, "vod")
    watching = c.object("watching")
    v = c.stream()
    v.buffer(500).play("r", 0)
    watching.wait_slot("r", 1.0)
    v.delete()
    wait(lambda: not watching.slots.get("r"), 5, "the viewer to be counted "
         "out; have %r" % watching.slots)


tap.main()
