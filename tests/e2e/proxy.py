#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Shared objects that another instance owns: application copy uses, for its
script and for its own clients, what application owner has."""

import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403
from lib.far import FarServer               # noqa: E402
from lib import so as wire                   # noqa: E402

NOWRITE = ("SharedObject.NoWriteAccess", "error")


def pair(far=False, encoding=0):
    """A server (or two) with a client of each application."""
    s = Server(apps=["owner", "copy"])
    t = Server({"listen.rtmp": "127.0.0.2:0"}, apps=["owner"]) if far else s
    owner = connect(t, "owner/b", encoding=encoding)
    copy = connect(s, "copy/a", encoding=encoding)
    copy.ask("follow", t.url("owner/b") if far else "owner/b")
    return s, t, owner, copy


def await_told(copy, *entry):
    poll(lambda: list(entry) in copy.ask("told"), 10,
         "%r; have %r" % (entry, copy.ask("told")))


@case
def changes_go_both_ways_between_two_instances():
    s, _, owner, copy = pair()
    theirs = owner.object("cursors")
    theirs.set(a=1)
    theirs.wait_code("success", "a")
    eq(copy.ask("take", "cursors"), "cursors")
    eq(copy.ask("all", "cursors"), {"a": 1})
    ours = copy.object("cursors")
    eq(ours.slots, {"a": 1})
    # theirs to ours
    theirs.set(b="x")
    ours.wait_slot("b", "x")
    await_told(copy, "cursors", "change", "b", "x", None)
    # ours to theirs: success here, change there
    ours.set(c=[1, {"k": "v"}])
    ours.wait_code("success", "c")
    theirs.wait_slot("c", [1, {"k": "v"}])
    await_told(copy, "cursors", "change", "c", [1, {"k": "v"}], None)
    # the script's to both
    copy.ask("put", "cursors", "d", 4)
    ours.wait_slot("d", 4)
    theirs.wait_slot("d", 4)
    await_told(copy, "cursors", "success", "d", 4, None)
    # removing, from every side
    theirs.remove("a")
    ours.wait_code("delete", "a")
    await_told(copy, "cursors", "delete", "a", None, 1)
    ours.remove("b")
    ours.wait_code("delete", "b")
    theirs.wait_code("delete", "b")
    eq(copy.ask("remove", "cursors", "d"), 4)
    theirs.wait_code("delete", "d")
    ours.set(c=None)
    ours.wait_code("success", "c")
    theirs.wait_slots({})
    ours.wait_slots({})
    eq(copy.ask("all", "cursors"), {})
    eq(owner.ask("all", "cursors"), {})


@case
def the_same_between_two_servers_and_in_amf3():
    s, t, owner, copy = pair(far=True, encoding=3)
    eq(copy.ask("take", "board", True), "board")
    ours = copy.object("board", True)
    theirs = owner.object("board", True)
    ours.set(shape={"x": 1, "points": [1, 2, 3]}, text="é")
    ours.wait_code("success", "text")
    theirs.wait_slots({"shape": {"x": 1, "points": [1, 2, 3]}, "text": "é"})
    theirs.set(shape={"x": 2})
    ours.wait_slot("shape", {"x": 2})
    copy.ask("put", "board", "s", 1)
    theirs.wait_slot("s", 1)
    theirs.clear()
    ours.wait_code("clear")
    ours.wait_slots({})
    await_told(copy, "board", "clear", "", None, None)


@case
def sends_reach_everybody_once():
    s, _, owner, copy = pair()
    copy.ask("take", "cursors")
    ours, theirs = copy.object("cursors"), owner.object("cursors")
    ours.send("ink", 1, "a")
    theirs.wait_heard()
    ours.wait_heard()
    theirs.send("ink", 2)
    ours.wait_heard(2)
    theirs.wait_heard(2)
    eq(copy.ask("say", "cursors", "ink", 3), True)
    ours.wait_heard(3)
    theirs.wait_heard(3)
    for x in (ours, theirs):
        eq(x.heard, [("ink", [1, "a"]), ("ink", [2]), ("ink", [3])])
    eq([x[2:] for x in copy.ask("heard")],
       [["ink", [1, "a"]], ["ink", [2]], ["ink", [3]]])


@case
def the_guard_here_is_asked_first_then_the_one_there():
    s, _, owner, copy = pair()
    copy.ask("take", "cursors")
    copy.ask("take", "guarded")
    ours = copy.object("cursors")
    ours.set(locked=1)
    ours.wait_code("reject", NOWRITE[0])
    eq(owner.ask("all", "cursors"), {})
    g, there = copy.object("guarded"), owner.object("guarded")
    g.set(a="fine")
    g.wait_code("success", "a")
    g.set(a="bad")
    poll(lambda: g.status == [NOWRITE], 5, "refused there")
    g.wait_slot("a", "fine")
    g.set(a="good")
    g.wait_slot("a", "better")
    there.wait_slot("a", "better")
    # the script: rejected with what it tried
    copy.ask("put", "guarded", "a", "bad")
    await_told(copy, "guarded", "reject", "a", "better", "bad")
    eq(copy.ask("all", "guarded"), {"a": "better"})
    eq(there.slots, {"a": "better"})


@case
def many_writers_on_both_sides_end_with_the_same_object():
    s, _, owner, copy = pair()
    copy.ask("take", "cursors")
    ours = [connect(s, "copy/a").object("cursors") for _ in range(5)]
    theirs = [connect(s, "owner/b").object("cursors") for _ in range(5)]
    for n in range(60):
        for i, x in enumerate(ours + theirs):
            x.set_all({"s%d" % ((n + i) % 7): "%d/%d" % (i, n),
                       "own%d" % i: n})
            if n % 10 == 3:
                x.remove("s%d" % (n % 7))
    for i, x in enumerate(ours + theirs):
        x.set_all({"last%d" % i: n})
    def done():
        return all("last%d" % k in x.slots
                   for x in ours + theirs for k in range(10))
    poll(done, 20, "all writers seen everywhere")
    final = owner.ask("all", "cursors")
    for x in ours + theirs:
        x.wait_slots(final)
    eq(copy.ask("all", "cursors"), final)


@case
def a_transaction_is_one_message_or_nothing():
    s, _, owner, copy = pair()
    copy.ask("take", "cursors")
    theirs = owner.object("cursors")
    n = len(theirs.messages)
    eq(copy.ask("both", "cursors", True)[0], "ArgumentError")
    eq(copy.ask("both", "cursors", False), True)
    theirs.wait_heard()
    eq(theirs.slots, {"one": 1, "two": 2})
    eq(theirs.heard, [("done", [3])])
    eq(len(theirs.messages), n + 1)


@case
def refusals_of_the_owner_reach_the_script():
    s, _, owner, copy = pair()
    eq(copy.ask("take", "secret"),
       ["FCS::StoreError", "secret: SharedObject.NoReadAccess"])
    poll(lambda: ["SharedObject.NoReadAccess", "secret"] in
         copy.ask("status"), 5, "status")
    owner.object("board", True)
    eq(copy.ask("take", "board", False)[1],
       "board: SharedObject.BadPersistence")
    eq(copy.ask("take", "unknown")[1],
       "unknown: SharedObject.ObjectCreationFailed")
    copy.ask("take", "closed")
    c = copy.object("closed")
    c.set(a=1)
    c.wait_code("reject", NOWRITE[0])
    eq(c.slots, {})
    copy.ask("say", "closed", "rude")
    eq(copy.ask("words", "closed"), ["FCS::NotSupported"] * 9)


@case
def one_name_is_one_object():
    s, _, owner, copy = pair()
    copy.object("mine")
    eq(copy.ask("take", "cursors", False, "mine")[0], "FCS::StoreError")
    eq(copy.ask("take", "cursors", False, "elsewhere"), "elsewhere")
    eq(copy.ask("take", "cursors", False, "elsewhere"), "elsewhere")
    eq(copy.ask("take", "guarded", False, "elsewhere")[0], "FCS::StoreError")
    # not declared here: for the script alone
    r = wire.Replica(copy, "elsewhere")
    r.use()
    eq(r.status, [("SharedObject.ObjectCreationFailed", "error")])
    eq(copy.ask("put", "elsewhere", "x", 1), True)
    poll(lambda: owner.ask("all", "cursors") == {"x": 1}, 5, "there")
    eq(copy.ask("drop", "elsewhere"), True)
    poll(lambda: owner.ask("users", "cursors") == 0, 5, "released there")


@case
def a_lost_owner_refuses_and_comes_back_with_what_it_has():
    s, t, owner, copy = pair(far=True)
    copy.ask("take", "board", True)
    ours = copy.object("board", True)
    ours.set(a=1, b=2)
    ours.wait_code("success", "b")
    port = t.listeners["rtmp"][0]
    t.stop()
    poll(lambda: not copy.ask("open?"), 10, "the loss")
    eq(copy.ask("all", "board"), {"a": 1, "b": 2})
    ours.set(a=9)
    ours.wait_code("reject", NOWRITE[0])
    ours.wait_slot("a", 1)
    eq(copy.ask("put", "board", "a", 9)[0], "FCS::StoreError")
    t.options["listen.rtmp"] = "%s:%d" % (port[0], port[1]) \
        if isinstance(port, tuple) else port
    t.start()
    again = connect(t, "owner/b")
    again.ask("put", "board", "c", 3)
    poll(lambda: copy.ask("open?"), 40, "the new connection")
    ours.wait_slot("c", 3)
    told = len(ours.codes)
    ours.set(a=5)
    ours.wait_code("success", "a", since=told)
    eq(again.ask("all", "board"), {"a": 5, "b": 2, "c": 3})


@case
def an_owner_that_says_too_much_is_left():
    s = Server(apps=["copy"])
    s.app("copy", yaml="shared_objects:\n"
          "  { max_slots: 10, max_value: 1K, max_bytes: 4K }\n")
    far = FarServer()
    copy = connect(s, "copy/a")
    copy.ask("follow", far.url())

    def say(*events):
        far.line().send(19, wire.encode(
            wire.Message("cursors", 1, False, list(events), flags=16)))

    def slots(n, size):
        return [wire.Event(wire.CHANGE, wire.pair("%d.%d" % (size, i),
                                                  "x" * size))
                for i in range(n)]

    copy.ask("takeLater", "cursors")
    for too_much, kept in ((slots(11, 1), 10), (slots(1, 1024), 0),
                           (slots(5, 1000), 4)):
        n = len(far.lines)
        line = far.line(n - 1)
        say(wire.Event(wire.USE_SUCCESS), wire.Event(wire.CLEAR), *too_much)
        wait(lambda: line.closed, 5, "the end of the connection")
        eq(len(copy.ask("all", "cursors")), kept)
        poll(lambda: len(far.lines) > n and copy.ask("open?"), 10, "another")
    say(wire.Event(wire.USE_SUCCESS), wire.Event(wire.CLEAR), *slots(10, 1))
    poll(lambda: len(copy.ask("all", "cursors")) == 10, 5, "what fits")
    eq(len(s.log_lines("so.proxy")), 3)


@case
def what_is_read_before_the_owner_answers_is_empty():
    s, _, owner, copy = pair()
    owner.ask("put", "cursors", "a", 1)
    eq(copy.ask("takeLater", "cursors"), True)
    eq(copy.ask("take", "cursors"), "cursors")
    eq(copy.ask("all", "cursors"), {"a": 1})


@case
def a_server_of_adobe_s_make_is_spoken_to_as_one():
    """flags 16 and 48, event 13 with the value, 14 for clear."""
    s = Server(apps=["owner"])
    c = connect(s, "owner/b")
    r = wire.Replica(c, "cursors")
    sent = []
    c.replicas["cursors"] = type("Raw", (), {
        "receive": staticmethod(sent.append)})

    def emit(*events):
        c.send_message(19, wire.encode(
            wire.Message("cursors", 0, False, list(events), flags=16)))

    emit(wire.use())
    poll(lambda: len(sent) == 1, 5, "use")
    eq(sent[0].flags, 48)
    emit(wire.change("a", 1))
    poll(lambda: len(sent) == 2, 5, "accepted")
    eq(sent[1].flags, 16)
    eq([e.type for e in sent[1].events], [13])
    eq(sent[1].events[0].body, wire.pair("a", 1))
    emit(wire.Event(wire.REQUEST_CLEAR))
    poll(lambda: len(sent) == 3, 5, "cleared")
    eq([e.type for e in sent[2].events], [wire.CLEAR])
    ok(r is not None)


if __name__ == "__main__":
    tap.main()
