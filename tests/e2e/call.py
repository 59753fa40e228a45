#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Calls both ways: values, errors, order."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

VALUES = [
    None, True, False, 0.0, 1.0, -1.5, 2.0**53 - 1, 1e300, float("inf"), "",
    "päckchen", "x" * 70000, [], [1.0, "two", [3.0, None]], Object(),
    Object(a=1.0, b=Object(c="d"), e=[]), EcmaArray(name=2.0, other="x"),
    Object(x=1.0, y=2.0, cls="com.example.Point"), Date(1234567890123.0),
    Xml("<a b='c'/>"),
]
VALUES3 = [
    None, True, False, 0, -1, (1 << 28) - 1, -(1 << 28), 1 << 40, 1.5, "",
    "päckchen", "x" * 70000, [], [1, "two", [3, None]], Object(a=1, b=[2]),
    EcmaArray(name=2, other="x"), Object(x=1, y=2, cls="com.example.Point"),
    Date(1234567890123.0), b"\0\1\xff", Vector("int", [-5, 6]),
    Vector("uint", [7, 1 << 31], True), Vector("double", [0.5]),
    Vector("object", [None, Object(a=1)], type="Q"),
    Dictionary([("k", "v"), (Object(a=1), 2)]), Xml("<a/>"),
]


@case
def echo_returns_every_amf0_value():
    c = connect(Server())
    for v in VALUES:
        got = c.ask("echo", v)
        eq(got, v)
        eq(type(got), type(v), repr(v)[:40])
    eq(c.ask("echo", Date(86400000.0, 60)), Date(86400000.0, 0))
    got = c.ask("echo", float("nan"))
    ok(got != got, "NaN came back as %r" % got)


@case
def echo_returns_every_amf3_value():
    c = connect(Server(), encoding=3)
    for v in VALUES3:
        got = c.ask("echo", v)
        eq(got, v)
        if not isinstance(v, (int, float)):
            eq(type(got), type(v), repr(v)[:40])


@case
def references_and_rings_survive_the_script():
    for encoding in (0, 3):
        c = connect(Server(), encoding=encoding)
        x = Object(k=1.0)
        got = c.ask("echo", [x, x, Object(again=x)])
        ok(got[0] is got[1] and got[2]["again"] is got[0], "not one object")
        ring = Object()
        ring["me"] = [ring]
        got = c.ask("echo", ring)
        ok(got["me"][0] is got, "not a ring")


@case
def the_fixture_adds_and_greets():
    c = connect(Server())
    eq(c.ask("add", 2, 3), 5.0)
    eq(c.ask("add", 2.5, 3), 5.5)
    eq(c.ask("hello", "Ann"), "hello Ann")


@case
def unknown_method_is_call_failed_with_its_name():
    c = connect(Server())
    for name in ("nope", "object_id", "instance_eval", "send", "__id__",
                 "initialize", "exit"):
        try:
            c.ask(name, 1)
        except CallFailed as e:
            eq(e.info["level"], "error")
            eq(e.info["code"], "NetConnection.Call.Failed")
            eq(e.info["description"], "Method not found (%s)." % name)
        else:
            raise AssertionError(name + " answered")
    eq(c.ask("add", 1, 1), 2.0)


@case
def no_transaction_no_answer():
    c = connect(Server())
    c.tell("echo", 1)
    c.tell("nope", 1)
    eq(c.ask("add", 1, 1), 2.0)
    eq(set(c.results), {1, 2})


@case
def answers_come_in_the_order_of_the_calls():
    c = connect(Server())
    txns = [c.call("add", i, 1) for i in range(500)]
    eq([c.result(t) for t in txns], [float(i + 1) for i in range(500)])
    got = [int(amf0.decode(m.payload)[1]) for m in c.messages
           if m.type == 20]
    eq(got, sorted(got))


@case
def script_asks_the_client_and_gets_its_result():
    for encoding in (0, 3):
        c = connect(Server(), "calls", encoding=encoding)
        c.on["double"] = lambda x: x * 2
        eq(c.ask("ask", "double", 21), 42.0)
        try:
            c.ask("ask", "nobody_home", 1)
        except CallFailed as e:
            eq(e.info["code"], "NetConnection.Call.Failed")
            eq(e.info["description"], "Method not found (nobody_home).")
        else:
            raise AssertionError("an error became a result")


@case
def script_tells_one_and_broadcasts_to_all():
    s = Server()
    a, b = connect(s, "calls"), connect(s, "calls")
    other = connect(s, "calls/elsewhere")
    a.ask("poke", "ouch", 1, "two")
    name, txn, args = a.wait_command("ouch")
    eq((txn, list(args)), (0.0, [1.0, "two"]))
    eq(b.ask("shout", "news", "x"), 2.0)
    for c in (a, b):
        eq(list(c.wait_command("news")[2]), ["x"])
    other.ask("echo", 1)
    eq(other.commands, [])


@case
def script_error_is_reported_with_reference_and_backtrace():
    s = Server()
    c = connect(s, "calls")
    s.mark_log()
    try:
        c.ask("boom")
    except CallFailed as e:
        eq(e.info["code"], "NetConnection.Call.Failed")
        ref = re.fullmatch(r"Script error \(ref (\w+)\)",
                           e.info["description"])
        ok(ref, e.info["description"])
    else:
        raise AssertionError("it did not fail")
    line = s.wait_log(ref[1])
    ok("boom on purpose" in line, line)
    ok(re.search(r"main\.rb:\d+", line), "no backtrace: " + line)
    ok(c.id in line, "no client id: " + line)
    try:
        c.ask("deep")
    except CallFailed:
        pass
    ok(s.wait_log(r"level_two.*level_one|main\.rb:\d+.*main\.rb:\d+"))
    eq(c.ask("echo", 1), 1.0)


@case
def script_rejects_a_call_with_a_value_and_without_log():
    s = Server()
    c = connect(s, "calls")
    s.mark_log()
    try:
        c.ask("deny", "not you", Object(code=7.0))
    except CallFailed as e:
        eq(e.info["description"], "not you")
        eq(e.info["application"], Object(code=7.0))
    else:
        raise AssertionError("not refused")
    c.ask("echo", 1)
    eq(s.log_lines("error.*not you"), [])


@case
def methods_that_are_not_exposed_stay_private():
    c = connect(Server(), "calls")
    for name in ("level_one", "level_two"):
        try:
            c.ask(name)
        except CallFailed as e:
            eq(e.info["description"], "Method not found (%s)." % name)
        else:
            raise AssertionError(name + " was callable")


@case
def a_parked_handler_holds_up_nobody():
    s = Server()
    c, d = connect(s, "calls"), connect(s, "calls")
    t = c.call("slow", 1.0)
    begun = time.monotonic()
    eq(d.ask("echo", 1), 1.0)
    eq(c.ask("echo", 2), 2.0)
    ok(time.monotonic() - begun < 0.9, "they waited")
    eq(c.result(t), "woke")


@case
def a_client_that_leaves_ends_what_waits_for_it():
    s = Server()
    c, d = connect(s, "calls"), connect(s, "calls")
    c.on["never"] = lambda: Mute
    c.call("ask", "never")
    c.wait_command("never")
    c.close()
    wait(lambda: d.ask("gone") == 1.0, 5, "ClientGone in the script")


@case
def presence_of_clients_is_known_to_the_script():
    s = Server()
    c = connect(s, "calls")
    d = connect(s, "calls")
    eq(c.ask("ids"), [c.id, d.id])
    d.close()
    wait(lambda: c.ask("ids") == [c.id], 5, "the other to be gone")
    eq(c.ask("left"), [d.id])


@case
def values_that_cannot_be_said_are_errors_not_changes():
    c = connect(Server(), "calls")
    deep = []
    for _ in range(60):
        deep = [deep]
    t = c.call("echo", deep)
    try:
        c.result(t)
    except CallFailed as e:
        eq(e.info["code"], "NetConnection.Call.Failed")
    else:
        raise AssertionError("60 deep was accepted")
    try:
        c.ask("unsayable")
    except CallFailed as e:
        ok("Script error" in e.info["description"])
    else:
        raise AssertionError("a Proc became a value")
    eq(c.ask("echo", 1), 1.0)


tap.main()
