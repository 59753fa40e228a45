#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A client that knows version v gets only what is newer."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


def fill(r, slots, batch=500):
    keys = list(slots)
    for i in range(0, len(keys), batch):
        r.set_all({k: slots[k] for k in keys[i:i + batch]})
        r.wait_code("success", keys[min(i + batch, len(keys)) - 1],
                    timeout=20)


@case(timeout=90)
def ten_changes_and_three_deletions_in_ten_thousand_slots():
    s = Server()
    a = connect(s, chunk_size=60000).object("big", True)
    slots = {"slot%05d" % i: float(i) for i in range(10000)}
    fill(a, slots)
    known, v = dict(a.slots), a.version
    for i in range(10):
        a.set_all({"slot%05d" % (i * 777): "new"})
    a.remove("slot00001", "slot05000", "slot09999")
    a.wait_code("delete", "slot09999")
    want, cur = dict(a.slots), a.version
    eq(len(want), 9997)
    for restarted in (False, True):
        c = connect(s)
        before = len(c.messages)
        b = c.object("big", True, version=v, use=False)
        b.slots = dict(known)
        b.use()
        b.wait_slots(want)
        eq(b.version, cur)
        c.ask("add", 1, 1)
        size = sum(len(m.payload) for m in c.messages[before:]
                   if m.type == 19)
        ok(size < 600, "%d bytes" % size)
        names = [e.name for m in b.messages for e in m.events]
        eq(sorted(names), ["change"] * 10 + ["remove"] * 3 + ["use_success"])
        eq(b.codes[:1] == [("clear",)], False)
        if not restarted:
            s.restart()


@case
def current_copy_gets_an_empty_answer():
    s = Server()
    a = connect(s).object("o", True)
    a.set(x=1.0).wait_code("success", "x")
    b = connect(s).object("o", True, version=a.version)
    eq([[e.name for e in m.events] for m in b.messages], [["use_success"]])
    eq(b.version, a.version)


@case
def unknown_future_or_zero_versions_get_clear_and_everything():
    s = Server()
    a = connect(s).object("o", True)
    a.set(x=1.0, y=2.0).wait_code("success", "y")
    a.remove("y").wait_code("delete", "y")
    for v in (0, a.version + 1, 0xFFFFFFFF):
        b = connect(s).object("o", True, version=v)
        eq([e.name for e in b.messages[0].events],
           ["use_success", "clear", "change"], "version %d" % v)
        eq(b.slots, {"x": 1.0})


@case
def temporary_objects_are_always_sent_whole():
    s = Server()
    a = connect(s).object("t")
    a.set(x=1.0).wait_code("success", "x")
    b = connect(s).object("t", version=a.version)
    eq([e.name for e in b.messages[0].events],
       ["use_success", "clear", "change"])


@case
def slot_deleted_and_set_again_arrives_once():
    s = Server()
    a = connect(s).object("o", True)
    a.set(x=1.0, y=1.0).wait_code("success", "y")
    v = a.version
    a.remove("x").wait_code("delete", "x")
    a.set(x=2.0).wait_slot("x", 2.0)
    a.remove("y").wait_code("delete", "y")
    b = connect(s).object("o", True, version=v, use=False)
    b.slots = {"x": 1.0, "y": 1.0}
    b.use()
    b.wait_slots({"x": 2.0})
    eq(sorted(e.name for e in b.messages[0].events),
       ["change", "remove", "use_success"])


@case
def big_objects_come_in_pieces_that_fit():
    s = Server()
    a = connect(s, chunk_size=60000).object("big", True)
    fill(a, {"k%04d" % i: "v" * 300 for i in range(2000)})
    b = connect(s).object("big", True)
    wait(lambda: b.slots == a.slots, 10, "all of it")
    ok(len(b.messages) > 1)
    eq([e.name for e in b.messages[0].events][:2], ["use_success", "clear"])
    for m in b.client.messages:
        if m.type == 19:
            ok(len(m.payload) <= 70000, "a message of %d" % len(m.payload))
    for m in b.messages[1:]:
        eq({e.name for e in m.events}, {"change"})


@case
def resync_depth_bounds_what_is_remembered():
    s = Server(start=False)
    s.app("shallow", 'class Shallow < FCS::App\n'
          '  shared "**", persistent: :any, resync_depth: 5\nend\n')
    s.start()
    a = connect(s, "shallow").object("o", True)
    for i in range(20):
        a.set_all({"k%d" % i: 1.0})
    a.wait_slot("k19", 1.0)
    a.remove("k0").wait_code("delete", "k0")
    near_copy = connect(s, "shallow").object("o", True,
                                             version=a.version - 3)
    ok("clear" not in [e.name for e in near_copy.messages[0].events])
    old = connect(s, "shallow").object("o", True, version=a.version - 10)
    eq([e.name for e in old.messages[0].events][:2],
       ["use_success", "clear"])
    old.wait_slots(a.slots)


tap.main()
