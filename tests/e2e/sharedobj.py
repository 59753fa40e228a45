#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Shared objects: messages byte by byte, two clients, persistence."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


@case
def first_use_is_answered_as_in_the_notes():
    """D1 and D2; the lowest version is 1 once something was written."""
    c = connect(Server())
    c.send_message(19, dumps.D[1])
    m = c.wait(lambda: next((x for x in c.messages if x.type == 19), None))
    got = so.decode(m.payload)
    eq((m.csid, m.msid), (3, 0))
    eq([e.name for e in got.events], ["use_success", "clear"])
    ok(got.version in (0, 1), "version %d" % got.version)
    eq(m.payload, so.encode(so.Message("chat", got.version, False, [
        so.Event(11), so.Event(8)])))


@case
def two_clients_see_clear_success_change_and_remove():
    for persistent in (False, True):
        s = Server()
        a = connect(s).object("board", persistent)
        b = connect(s).object("board", persistent)
        eq([e.name for e in a.messages[0].events], ["use_success", "clear"])
        a.set(title="Plan", n=3.0)
        a.wait_code("success", "title").wait_code("success", "n")
        b.wait_slots({"title": "Plan", "n": 3.0})
        eq(a.messages[-1].version, b.messages[-1].version)
        eq([e.name for e in a.messages[-1].events], ["success", "success"])
        eq([e.name for e in b.messages[-1].events], ["change", "change"])
        v = b.version
        b.set(n=4.0)
        b.wait_code("success", "n")
        a.wait_slot("n", 4.0)
        eq((a.version, b.version), (v + 1, v + 1))
        a.remove("n")
        a.wait_code("delete", "n")
        b.wait_code("delete", "n")
        eq([e.name for e in a.messages[-1].events], ["remove"])
        eq(a.version, v + 2)
        late = connect(s).object("board", persistent)
        late.wait_slots({"title": "Plan"})
        eq([e.name for e in late.messages[0].events],
           ["use_success", "clear", "change"])
        eq(late.version, v + 2)


@case
def the_annotated_dumps_are_answered_byte_by_byte():
    """D4 gives D5 and D6, D7 gives D8, D9 comes back to everyone."""
    s = Server()
    a, b = connect(s), connect(s)
    ra, rb = a.object("board", True), b.object("board", True)

    def swap(dump, version):
        m = so.decode(dump)
        m.version = version
        return so.encode(m)

    def last(c):
        return [x.payload for x in c.messages if x.type == 19][-1]
    v = ra.version
    ra.set(n=3.0)
    ra.wait_code("success", "n")
    rb.wait_slot("n", 3.0)
    a.send_message(19, dumps.D[4])
    wait(lambda: ra.version == v + 2 and rb.version == v + 2)
    eq(last(a), swap(dumps.D[5], v + 2))
    eq(last(b), swap(dumps.D[6], v + 2))
    a.send_message(19, dumps.D[7])
    wait(lambda: ra.version == v + 3 and rb.version == v + 3)
    eq(last(a), swap(dumps.D[8], v + 3))
    eq(last(b), swap(dumps.D[8], v + 3))
    ca, cb = a.object("chat"), b.object("chat")
    a.send_message(19, dumps.D[9])
    ca.wait_heard()
    cb.wait_heard()
    eq(last(a), swap(dumps.D[9], ca.version))
    eq(last(b), last(a))
    c = connect(s)
    c.send_message(19, so.encode(so.Message("board", 0, False, [so.use()])))
    m = c.wait(lambda: next((x for x in c.messages if x.type == 19), None))
    got = so.decode(m.payload)
    eq([e.name for e in got.events], ["status"])
    eq(got.events[0].body, so.decode(dumps.D[10]).events[0].body)
    ok(not got.persistent, "the flags are the requester's")


@case
def captured_red5_session_is_understood():
    s = Server()
    a, b = connect(s), connect(s)
    rb = b.object("board_d")
    ra = so.Replica(a, "board_d")
    for name in ("use", "set colour", "set n", "set obj", "send",
                 "delete n"):
        # fmt 1 after a command on the same csid, as that client does
        m = Message(19, 0, 0, dumps.R[name], 3)
        a.send_raw(a.writer.message(m, fmt=1))
    rb.wait_code("delete", "n")
    ra.wait_code("delete", "n")
    eq(rb.slots, {"colour": "red", "obj": Object(
        x=1.0, y=[1.0, 2.0, "three"], t=True)})
    eq(rb.heard, [("onPing", ["hi", 7.0])])
    eq([c for c in ra.codes if c[0] != "clear"],
       [("success", "colour"), ("success", "n"), ("success", "obj"),
        ("delete", "n")])
    a.send_message(19, dumps.R["release"])
    rb.set(colour="blue").wait_code("success", "colour")
    n = len(ra.messages)
    a.ask("add", 1, 1)
    eq(len(ra.messages), n, "a released client still hears")
    wb = so.Replica(a, "wb_p1", True)
    a.send_message(19, dumps.R["use persistent"])
    wait(lambda: wb.used)
    a.send_message(19, dumps.R["batch"])
    wait(lambda: len(wb.messages) == 2)
    eq([e.name for e in wb.messages[1].events], ["success"] * 3)


@case
def several_pairs_in_one_request_are_taken():
    s = Server()
    a, b = connect(s).object("o"), connect(s).object("o")
    a.emit(so.Event(3, so.pair("x", 1.0) + so.pair("y", "two")))
    b.wait_slots({"x": 1.0, "y": "two"})
    eq(len([m for m in b.messages if m.events[0].name == "change"]), 1)


@case
def last_of_two_writes_in_one_message_wins():
    s = Server()
    a, b = connect(s).object("o"), connect(s).object("o")
    v = a.version
    a.emit(so.change("x", 1.0), so.change("x", 2.0))
    b.wait_slot("x", 2.0)
    eq(b.version, v + 1)
    a.wait_code("success", "x")


@case
def null_removes_and_nested_null_is_data():
    s = Server()
    a, b = connect(s).object("o"), connect(s).object("o")
    a.set(x=1.0, y=Object(inside=None)).wait_code("success", "y")
    b.wait_slot("y", Object(inside=None))
    a.set(x=None)
    a.wait_code("success", "x", since=2)
    b.wait_code("delete", "x")
    a.emit(so.Event(3, so.utf("y") + b"\x06"))
    b.wait_code("delete", "y")
    eq(b.slots, {})


@case
def equal_value_is_still_a_change_of_version():
    s = Server()
    a, b = connect(s).object("o"), connect(s).object("o")
    a.set(x=1.0)
    b.wait_slot("x", 1.0)
    v, n = b.version, len(b.messages)
    a.set(x=1.0)
    wait(lambda: len(b.messages) > n)
    eq(b.version, v + 1)


@case
def send_reaches_everyone_and_changes_nothing():
    s = Server()
    a, b = connect(s).object("o"), connect(s).object("o")
    v = a.version
    a.send("say", "Ann", Object(text="hi"), None)
    for r in (a, b):
        eq(r.wait_heard(), [("say", ["Ann", Object(text="hi"), None])])
        eq(r.version, v)


@case
def clear_empties_the_object_for_everyone():
    s = Server()
    for event in (so.CLEAR, so.REQUEST_CLEAR):
        a, b = connect(s).object("o%d" % event), None
        b = connect(s).object("o%d" % event)
        a.set(x=1.0, y=2.0).wait_code("success", "y")
        b.wait_slots({"x": 1.0, "y": 2.0})
        a.emit(so.Event(event))
        b.wait_slots({})
        a.wait_slots({})
        eq(connect(s).object("o%d" % event).slots, {})


@case
def released_and_closed_clients_are_forgotten():
    s = Server()
    a, b = connect(s).object("o"), connect(s).object("o")
    a.release()
    a.client.ask("add", 1, 1)
    b.set(x=1.0).wait_code("success", "x")
    a.client.ask("add", 1, 1)
    eq(len(a.messages), 1)
    b.client.abort()
    a.use()
    a.set(y=1.0).wait_code("success", "y")


@case
def temporary_object_is_gone_with_its_last_user():
    s = Server()
    a = connect(s).object("t")
    p = a.client.object("p", True)
    a.set(x=1.0).wait_code("success", "x")
    p.set(x=1.0).wait_code("success", "x")
    a.client.close()
    other = connect(s)
    wait(lambda: not [r for r in s.ctl("so", "list") if r["name"] == "t"],
         10, "the temporary object to go")
    eq(other.object("t").slots, {})
    eq(other.object("p", True).slots, {"x": 1.0})


@case
def writing_without_use_is_refused():
    c = connect(Server())
    r = so.Replica(c, "o")
    r.set(x=1.0)
    r.wait_code("reject", "SharedObject.NoWriteAccess")
    eq(r.status, [("SharedObject.NoWriteAccess", "error")])


@case
def wrong_persistence_is_told_both_ways():
    s = Server()
    a = connect(s)
    a.object("p", True).set(x=1.0).wait_code("success", "x")
    a.object("t").set(x=1.0).wait_code("success", "x")
    b = connect(s)
    for name, flag in (("p", False), ("t", True)):
        r = b.object(name, flag)
        eq(r.status, [("SharedObject.BadPersistence", "error")])
        eq(r.used, False)


@case
def amf3_client_and_amf0_client_share_values():
    s = Server()
    a = connect(s).object("o")
    b = connect(s, encoding=3).object("o")
    eq([m.type for m in b.client.messages if m.type in (16, 19)], [16])
    b.set(n=4, pos=Object(x=10, y=20), list=[1, "two"])
    a.wait_slots({"n": 4.0, "pos": Object(x=10.0, y=20.0),
                  "list": [1.0, "two"]})
    a.set(back=Object(k="v"), date=Date(1e12))
    b.wait_slot("back", Object(k="v"))
    b.wait_slot("date", Date(1e12))
    b.set(bytes=b"\0\1\2", v=Vector("int", [1, -2]))
    c = connect(s, encoding=3).object("o")
    c.wait_slot("bytes", b"\0\1\2")
    c.wait_slot("v", Vector("int", [1, -2]))


@case
def the_amf3_dumps_are_understood():
    """D11 in, D12 out."""
    s = Server()
    c = connect(s, encoding=3)
    d = connect(s, encoding=3)
    a, b = c.object("board", True), d.object("board", True)
    c.send_message(16, dumps.D[11])
    b.wait_slot("n", 4)
    a.set(pos=Object(x=10, y=20))
    b.wait_slot("pos", Object(x=10, y=20))
    got = [x.payload for x in d.messages if x.type == 16][-1]
    m = so.decode(dumps.D[12], True)
    m.version = b.version
    eq(got, so.encode(m))


@case
def values_keep_their_types_exactly():
    s = Server()
    a, b = connect(s).object("o", True), connect(s).object("o", True)
    values = {"n": -0.0, "nan": float("nan"), "s": "", "long": "x" * 70000,
              "ecma": EcmaArray({"0": "a", "k": 1.0}),
              "typed": Object(x=1.0, cls="Point"), "xml": Xml("<a/>"),
              "date": Date(1.5, 60), "deep": [[[[Object(a=[Object()])]]]],
              "empty": Object({"": 1.0}), "ü.ö/ä": "slot"}
    a.set_all(values).wait_code("success", "ü.ö/ä")
    wait(lambda: len(b.slots) == len(values))
    s.restart()
    c = connect(s).object("o", True)
    for r in (b, c):
        for k, v in values.items():
            if k == "nan":
                ok(r.slots[k] != r.slots[k])
                continue
            want = Date(1.5, r.slots[k].zone) if k == "date" else v
            eq((type(r.slots[k]), r.slots[k]), (type(want), want), k)


@case
def persistent_slots_survive_a_restart():
    s = Server()
    a = connect(s, "echo/room").object("a/b", True)
    for i in range(50):
        a.set_all({"k%d" % i: float(i), "x": "v%d" % i})
    a.wait_slot("k49", 49.0).wait_slot("x", "v49")
    a.remove("k10").wait_code("delete", "k10")
    want, v = dict(a.slots), a.version
    eq(s.stop(), 0)
    s.start()
    b = connect(s, "echo/room").object("a/b", True)
    b.wait_slots(want)
    eq(b.version, v)
    b.set(x="next").wait_code("success", "x")
    eq(b.version, v + 1)
    eq(connect(s, "echo/other").object("a/b", True).slots, {})


@case
def every_client_sees_every_version_once_and_in_order():
    s = Server()
    for persistent in (False, True):
        name = "o%d" % persistent
        rs = [connect(s).object(name, persistent) for _ in range(8)]
        for i in range(60):
            for j, r in enumerate(rs):
                r.set_all({"s%d" % j: float(i), "common": [float(j), i]})
        wait(lambda: all(r.version == rs[0].version and not r.pending
                         for r in rs) and rs[0].version >= 480, 20,
             "everything to settle")
        for r in rs:
            versions = [m.version for m in r.messages[1:] if m.events]
            eq(versions, sorted(versions))
            first = r.messages[0].version
            eq(versions, list(range(first + 1, first + 1 + len(versions))))
        for r in rs[1:]:
            eq(r.slots, rs[0].slots)


@case
def guard_refuses_replaces_and_lets_the_rest_through():
    s = Server()
    a = connect(s, "guard").object("board", True)
    b = connect(s, "guard").object("board", True)
    a.set_all({"ok": 1.0, "no": 2.0, "up": "loud", "nil": 3.0,
               "raise": 4.0})
    a.wait_code("success", "ok")
    for k in ("no", "nil", "raise"):
        a.wait_code("delete", k)
    b.wait_slots({"ok": 1.0, "up": "LOUD"})
    eq(len([m for m in b.messages[1:]]), 1, "one batch")
    eq(set(a.status), {("SharedObject.NoWriteAccess", "error")})
    wait(lambda: a.slots == b.slots, 5, "replicas to agree")
    i = a.codes.index(("success", "up"))
    ok(("change", "up") in a.codes[i:], "a replaced value comes back")
    a.remove("no")
    a.set(ok=None)
    b.wait_slots({"up": "LOUD"})
    c = connect(s, "guard")
    eq(c.ask("read", "up"), "LOUD")


@case
def refused_writes_bring_the_stored_value_back():
    s = Server()
    a = connect(s, "guard").object("board", True)
    a.client.ask("script_set", "no", "stored")
    a.wait_slot("no", "stored")
    n = len(a.codes)
    a.set(no="mine")
    wait(lambda: ("change", "no") in a.codes[n:])
    eq(a.codes[n:], [("reject", "SharedObject.NoWriteAccess"),
                     ("change", "no")])
    eq(a.slots["no"], "stored")
    v = a.version
    eq(a.version, v)


@case
def undeclared_readonly_and_secret_objects_are_closed():
    s = Server()
    c = connect(s, "guard")
    eq(c.object("nowhere").status,
       [("SharedObject.ObjectCreationFailed", "error")])
    r = c.object("closed")
    eq(r.used, True)
    r.set(x=1.0).wait_code("reject", "SharedObject.NoWriteAccess")
    eq(c.object("secret").status, [("SharedObject.NoReadAccess", "error")])
    chat = c.object("chatter")
    chat.send("curse", "x")
    chat.wait_code("reject", "SharedObject.NoWriteAccess")
    chat.send("fine", "x")
    chat.wait_heard()
    eq(chat.heard, [("fine", ["x"])])


@case
def script_writes_reach_clients_as_one_batch():
    s = Server()
    a = connect(s, "guard").object("board", True)
    v = a.version
    a.client.ask("script_many", 5)
    a.wait_slot("t4", 4.0)
    eq(a.version, v + 1)
    eq([e.name for e in a.messages[-1].events], ["change"] * 5)


@case
def answers_never_overtake_the_commit():
    """The result of a handler that wrote comes after its change."""
    s = Server()
    c = connect(s, "guard")
    r = c.object("board", True)
    for i in range(20):
        t = c.call("script_set", "k", float(i))
        c.result(t)
        eq(r.slots.get("k"), float(i), "result before the change")


def survives_or_closes(c):
    try:
        c.ask("add", 1, 1)
    except Closed:
        pass


@case
def odd_messages_are_skipped_not_fatal():
    s = Server()
    c = connect(s)
    r = c.object("o")
    head = so.encode(so.Message("o", 99999, False))
    for tail in (b"\x0c\0\0\0\2ab", b"\x0d\0\0\0\0", b"\x63\0\0\0\1x",
                 b"\x02\0\0\0\3\0\0\5" + b"\x01\0\0\0\3\0\0\5"):
        c.send_message(19, head + tail)
    r.set(x=1.0).wait_code("success", "x")
    r.emit(so.change("y", 2.0), version=0xFFFFFFFF)
    r.wait_code("success", "y")
    for bad in (head + b"\x03\0\0\0\x09\0\1x", head[:5], b"",
                head + b"\x03\0\0\xff\xff" + b"\0\1x\5", b"\0\0" + bytes(12),
                head + b"\x03\0\0\0\3\0\1x", head + b"\x06\0\0\0\0"):
        c = connect(s)
        c.object("o")
        c.send_message(19, bad)
        survives_or_closes(c)
    late = connect(s).object("o")
    eq(late.slots, {"x": 1.0, "y": 2.0})


@case
def hostile_object_names_never_become_paths():
    s = Server()
    c = connect(s)
    for name in ("../../x", "/etc/passwd", "a/../b", "..", ".", "", "a\0b",
                 "x" * 256, "x" * 60000):
        for persistent in (False, True):
            r = so.Replica(c, name, persistent)
            r.use()
            if not r.used:
                ok(r.status[0][0] in ("SharedObject.ObjectCreationFailed",
                                      "SharedObject.NoReadAccess"), r.status)
            c.replicas.pop(name)
    for name in ("a/b/c", "ü", "with space", "a.b", "O'Neill; DROP TABLE"):
        r = c.object(name, True)
        r.set(x=name).wait_code("success", "x")
    s.restart()
    c = connect(s)
    for name in ("a/b/c", "ü", "with space", "a.b", "O'Neill; DROP TABLE"):
        eq(c.object(name, True).slots, {"x": name})


@case
def quotas_are_answered_and_the_rest_goes_on():
    s = Server(start=False)
    s.app("small", 'class Small < FCS::App\n'
          '  shared "**", persistent: :any\nend\n',
          "shared_objects: {max_slots: 10, max_value: 1K}\n")
    s.start()
    a = connect(s, "small").object("o")
    b = connect(s, "small").object("o")
    a.set_all({"s%d" % i: float(i) for i in range(12)})
    wait(lambda: len([c for c in a.codes if c[0] == "delete"]) == 2)
    n = len(a.status)
    ok(n >= 1)
    b.wait_slot("s0", 0.0)
    a.set(s0="x" * 5000)
    wait(lambda: len(a.status) > n)
    a.wait_slot("s0", 0.0)
    a.set(s1="fits").wait_code("success", "s1")
    b.wait_slot("s1", "fits")
    wait(lambda: a.slots == b.slots and len(b.slots) == 10)


tap.main()
