#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""History, undo, locks, durability and large shared objects, by real clients;
the whiteboard with its time slider."""

import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


def kill_worker(s, client):
    os.kill(s.worker("shelf"), signal.SIGKILL)
    client.wait_closed(5)


def shape(n):
    return Object(kind="line", n=float(n))


@case
def whiteboard_undo_takes_back_own_shapes_only():
    s = Server()
    ann = connect(s, "whiteboard/demo", "Ann").object("board", True)
    bob = connect(s, "whiteboard/demo", "Bob").object("board", True)
    ann.set_all({"Ann/1": shape(1)}).wait_code("success", "Ann/1")
    bob.set_all({"Bob/1": shape(1)}).wait_code("success", "Bob/1")
    ann.set_all({"Ann/1": shape(2)}).wait_code("success", "Ann/1", since=2)
    eq(list(ann.client.ask("undo")), ["Ann/1"])
    bob.wait_slots({"Ann/1": shape(1), "Bob/1": shape(1)})
    ann.wait_slots({"Ann/1": shape(1), "Bob/1": shape(1)})
    eq(list(ann.client.ask("undo")), ["Ann/1"])
    bob.wait_slots({"Bob/1": shape(1)})
    eq(list(ann.client.ask("undo")), [])
    eq(list(ann.client.ask("redo")), ["Ann/1"])
    # what was undone stays undone, and can be redone, after a restart
    s.restart()
    ann = connect(s, "whiteboard/demo", "Ann").object("board", True)
    ann.wait_slots({"Ann/1": shape(1), "Bob/1": shape(1)})
    eq(list(ann.client.ask("redo")), ["Ann/1"])
    ann.wait_slots({"Ann/1": shape(2), "Bob/1": shape(1)})
    eq(list(ann.client.ask("redo")), [])


@case
def whiteboard_tells_any_version_and_rolls_back():
    s = Server(start=False)
    s.app("whiteboard", yaml="config: { open_role: moderator }\n")
    s.start()
    ann = connect(s, "whiteboard/demo", "Ann").object("board", True)
    c = ann.client
    ann.set_all({"Ann/1": shape(1)}).wait_code("success", "Ann/1")
    v1 = int(c.ask("version"))
    ann.set_all({"Ann/1": shape(2), "Ann/2": shape(1)})
    ann.wait_code("success", "Ann/2")
    v2 = int(c.ask("version"))
    eq(v2, v1 + 1)
    eq(dict(c.ask("at", v1)), {"Ann/1": shape(1)})
    eq(dict(c.ask("at", v2)), {"Ann/1": shape(2), "Ann/2": shape(1)})
    eq(dict(c.ask("at", 1)), {})
    eq([list(x) for x in c.ask("changes", v1, v2)],
       [[float(v2), "Ann", "Ann/1", shape(2)],
        [float(v2), "Ann", "Ann/2", shape(1)]])
    try:
        c.ask("at", 99)
        raise AssertionError("a version to come")
    except CallFailed:
        pass
    eq(c.ask("admin/rollback", v1), float(v2 + 1))
    ann.wait_slots({"Ann/1": shape(1)})
    eq(c.ask("admin/clear"), float(v2 + 2))
    ann.wait_slots({})
    eq(c.ask("admin/rollback", v2), float(v2 + 3))
    ann.wait_slots({"Ann/1": shape(2), "Ann/2": shape(1)})


@case
def history_names_the_users_of_clients():
    s = Server()
    a = connect(s, "shelf", "Ann").object("disk/x", True)
    b = connect(s, "shelf", "Bob").object("disk/x", True)
    a.set(x=1.0).wait_code("success", "x")
    b.wait_slot("x", 1.0)
    b.set(x=2.0).wait_code("success", "x")
    b.remove("x")
    a.wait_code("delete", "x")
    eq([list(x) for x in a.client.ask("history", "disk/x")],
       [[2.0, "Ann", "x", 1.0, None], [3.0, "Bob", "x", 2.0, 1.0],
        [4.0, "Bob", "x", None, 2.0]])
    eq(list(a.client.ask("undo", "disk/x", "Ann")), [])
    eq(list(a.client.ask("undo", "disk/x", "Bob")), ["x"])
    a.wait_slot("x", 2.0)


@case
def object_in_memory_is_lost_by_kill_unless_flushed():
    s = Server()
    c = connect(s, "shelf", "Ann")
    r = c.object("memory", True)
    r.set(a=1.0).wait_code("success", "a")
    eq(c.ask("dirty", "memory"), True)
    eq(c.ask("flush", "memory"), True)
    eq(c.ask("dirty", "memory"), False)
    r.set(b=2.0).wait_code("success", "b")
    kill_worker(s, c)
    r = connect(s, "shelf", "Ann").object("memory", True)
    r.wait_slots({"a": 1.0})
    r.set(c=3.0).wait_code("success", "c")
    s.restart()                          # a clean end writes it
    connect(s, "shelf").object("memory", True).wait_slots(
        {"a": 1.0, "c": 3.0})


@case
def object_with_the_system_survives_a_kill():
    s = Server()
    r = connect(s, "shelf", "Ann").object("os", True)
    r.set(a=1.0).wait_code("success", "a")
    kill_worker(s, r.client)
    connect(s, "shelf").object("os", True).wait_slots({"a": 1.0})


@case
def changes_of_others_wait_for_a_lock():
    s = Server()
    a = connect(s, "shelf", "Ann")
    b = connect(s, "shelf", "Bob").object("temp")
    a.on["well?"] = lambda: Mute
    call = a.call("locked", "temp", "well?")
    question = a.wait_command("well?")
    b.set(x=1.0)
    b.client.ask("size", "temp")         # came later and is answered
    eq([c for c in b.codes if c[0] == "success"], [])
    a.command("_result", question[1], "go on")
    eq(a.result(call), "go on")
    b.wait_code("success", "x")


@case
def conflicting_write_is_rejected_and_corrected():
    s = Server()
    a = connect(s, "shelf", "Ann").object("strict", True)
    b = connect(s, "shelf", "Bob").object("strict", True)
    a.set(x=1.0).wait_code("success", "x")
    b.wait_slot("x", 1.0)
    old = b.version
    b.set(x=2.0).wait_code("success", "x")
    a.wait_slot("x", 2.0)
    a.emit(so.change("x", 3.0), version=old)
    a.wait_code("reject", "SharedObject.NoWriteAccess")
    a.wait_slot("x", 2.0)
    eq(b.slots, {"x": 2.0})


@case
def limits_refuse_at_above_and_not_below():
    s = Server()
    a = connect(s, "shelf", "Ann")
    ok("limit" in a.ask("most"))
    r = a.object("small", True)
    r.wait_slots({"a": "x" * 20, "b": 1.0})
    r.set(c=1.0).wait_code("reject", "SharedObject.NoWriteAccess")
    r.remove("b")
    r.wait_code("delete", "b")
    r.set(c="y" * 50).wait_code("success", "c")      # 1 + 54 of 100
    n = len(r.codes)
    r.set(c="y" * 63).wait_code("reject", "SharedObject.NoWriteAccess",
                                since=n)
    r.wait_slots({"a": "x" * 20, "c": "y" * 50})
    connect(s, "shelf", "Bob").object("small", True)
    third = connect(s, "shelf", "Eve").object("small", True, use=False)
    third.emit(so.use())
    third.wait_code("reject", "SharedObject.ObjectCreationFailed")


@case
def undeclared_objects_follow_the_setting():
    for setting, temporary, persistent in (
            ("deny", False, False), ("temporary", True, False),
            ("any", True, True)):
        s = Server({"app.shelf.shared_objects.undeclared": setting})
        c = connect(s, "shelf", "Ann")
        eq(c.ask("hidden"), 1.0)         # the script's own
        for name, keep, may in (("free", False, temporary),
                                ("kept", True, persistent),
                                ("hidden", False, temporary)):
            r = c.object(name, keep, use=False)
            if may:
                r.use()
            else:
                r.emit(so.use())
                r.wait_code("reject", "SharedObject.ObjectCreationFailed")


@case(timeout=90)
def first_sync_of_more_than_the_queue_is_paced():
    """24 MiB where 16 MiB may wait: the client gets all of it, another one is
    answered meanwhile, and changes come behind."""
    s = Server()
    a = connect(s, "shelf", "Ann")
    a.ask("fill", 120, 200000, timeout=60)
    b = connect(s, "shelf", "Bob", chunk_size=60000)
    big = b.object("big", True, use=False)
    big.emit(so.use())
    eq(a.ask("size", "big"), 120.0)
    small = a.object("temp")
    small.set(x=1.0).wait_code("success", "x")
    writer = connect(s, "shelf", "Eve")
    eq(list(writer.ask("undo", "big", "Nobody")), [])
    wait(lambda: len(big.slots) == 120, 60, "the object")
    eq(set(map(len, big.slots.values())), {200000})
    eq([e.name for m in big.messages for e in m.events][:2],
       ["use_success", "clear"])
    big.remove("s7").wait_code("delete", "s7")


tap.main()
