#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Values between ActionScript and Ruby, in AMF0 and AMF3: every row of the
tables of fcs-app(7)."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

AT = Date(1234567890000.0)


def fails(c, name, *args):
    try:
        got = c.ask(name, *args)
    except CallFailed as e:
        return e.info["description"]
    raise AssertionError("%s%r gave %r" % (name, args, got))


@case
def rows_from_the_network_become_their_ruby_class():
    s = Server()
    both = [
        (7.0, "Integer"), (7.5, "Float"), (-0.0, "Float"),
        (2.0**53 - 1, "Integer"), (2.0**53, "Float"), (-2.0**53, "Float"),
        (float("nan"), "Float"), (float("inf"), "Float"),
        (True, "TrueClass"), (False, "FalseClass"), (None, "NilClass"),
        (Undefined, "NilClass"), ("", "String"), ("x" * 70000, "String"),
        (Object(a=1.0), "Hash"), (EcmaArray(a=1.0), "FCS::EcmaArray"),
        ([1.0], "Array"), (AT, "Time"),
        (Object(x=1.0, y=2.0, cls="com.example.Point"), "Values::Point"),
        (Object(x=1.0, cls="a.B"), "FCS::Typed"), (Xml("<a/>"), None),
    ]
    three = [
        (7, "Integer"), (b"\0\1", "FCS::Bytes"),
        (Vector("int", [1]), None), (Vector("object", [None], type="Q"), None),
        (Dictionary([("k", 1)]), "FCS::Dictionary"),
    ]
    for encoding in (0, 3):
        c = connect(s, "values", encoding=encoding)
        for v, want in both + (three if encoding == 3 else []):
            got = c.ask("kind", v)
            if want is not None:
                eq(got, want, "%r in AMF%d" % (v, encoding))
        eq(c.ask("show", Object(b=1.0, a=2.0)), '{"b"=>1, "a"=>2}')
        eq(c.ask("show", EcmaArray({"0": 1.0, "n": 2.0})),
           '{0=>1, "n"=>2}')
        x = Object(k=1.0)
        eq(c.ask("same", [x, x]), True)
        eq(c.ask("same", [x, Object(k=1.0)]), False)


@case
def undefined_may_be_kept_apart():
    s = Server(start=False)
    s.app("values", yaml="script: { undefined: keep }\n")
    s.start()
    for encoding in (0, 3):
        c = connect(s, "values", encoding=encoding)
        eq(c.ask("show", Undefined), "FCS::Undefined")
        eq(c.ask("show", None), "nil")
        eq(c.ask("echo", [Undefined, None]), [Undefined, None])


@case
def rows_to_the_network_become_their_amf_type():
    s = Server()
    want = {
        "nil": None, "true": True, "undefined": Undefined,
        "small": 268435455, "large": 268435456.0, "huge": 2.0**53 - 1,
        "float": 1.5, "symbol": "word", "string": "päckchen",
        "long": "x" * 70000, "array": [1.0, [None]],
        "hash": Object({"a": 1.0, "b": 2.0, "3": "c"}), "time": AT,
        "typed": Object(z=1.0, cls="a.B"),
        "point": Object(x=1.0, y=2.0, cls="com.example.Point"),
        "plain": Object(v=[1.0]),
    }
    for encoding in (0, 3):
        c = connect(s, "values", encoding=encoding)
        for what, v in want.items():
            got = c.ask("make", what)
            eq(got, v, "%s in AMF%d" % (what, encoding))
            eq(getattr(got, "cls", None), getattr(v, "cls", None), what)
        eq(type(c.ask("make", "small")), int if encoding == 3 else float)
        eq(type(c.ask("make", "large")), float)
        got = c.ask("make", "nan")
        ok(got != got)
        got = c.ask("make", "ecma")
        eq(type(got), EcmaArray)
        eq(got["n"], 1.0)
        ring = c.ask("make", "ring")
        ok(ring[0] is ring)
        got = c.ask("make", "edge")
        for _ in range(32):
            got = got[0]
        eq(got, 1.0)


@case
def rows_of_amf3_alone_reach_those_who_speak_it():
    s = Server()
    c = connect(s, "values", encoding=3)
    eq(c.ask("make", "bytes"), b"\0\xff")
    eq(c.ask("make", "ints"), Vector("int", [-1, 2]))
    eq(c.ask("make", "doubles"), Vector("double", [0.5], True))
    eq(c.ask("make", "dict"), Dictionary([(1, "one")]))
    c = connect(s, "values")
    eq(c.ask("make", "ints"), [-1.0, 2.0])
    eq(c.ask("make", "doubles"), [0.5])


@case
def what_cannot_be_said_is_an_error_before_a_byte_is_sent():
    s = Server()
    for encoding in (0, 3):
        c = connect(s, "values", encoding=encoding)
        for what in ("too_huge", "bad", "same_keys", "bad_key", "range",
                     "proc", "client", "deep", "wide"):
            s.mark_log()
            ok(fails(c, "make", what).startswith("Script error (ref "), what)
            ok("FCS::ValueError" in s.wait_log("script.error"), what)
        eq(c.ask("echo", 1.0), 1.0)


@case
def what_cannot_be_read_is_an_error_before_any_handler_runs():
    s = Server()
    nan = Date(float("nan"))
    for encoding in (0, 3):
        c = connect(s, "values", encoding=encoding)
        s.mark_log()
        eq(fails(c, "echo", nan), "argument 1: a date that is not a Time")
        eq(s.log_lines("ValueError"), [])
        info = Client(s.rtmp).refused("values", 1, nan, encoding=encoding)
        eq(info["code"], "NetConnection.Connect.Rejected")
        ok("argument 2: a date" in info["description"], info)
        r = c.object("o%d" % encoding)
        r.set(v=nan).wait_code("success", "v")     # nobody reads it: unharmed
        d = connect(s, "values", encoding=encoding)
        got = d.object("o%d" % encoding)
        wait(lambda: isinstance(got.slots.get("v"), Date), 5, "the slot")
        ok(fails(c, "read", "o%d" % encoding).startswith("Script error"))
        ok("v: a date that is not a Time" in
           s.wait_log("script.error.*FCS::ValueError"))


@case
def objects_of_bound_classes_keep_name_identity_and_rings():
    s = Server()
    for encoding in (0, 3):
        c = connect(s, "values", encoding=encoding)
        p = Object(x=1.0, y=2.0, cls="com.example.Point")
        got = c.ask("swap", p)
        eq((got.cls, got["x"], got["y"]), ("com.example.Point", 2.0, 1.0))
        eq(c.ask("same", [p, p]), True)
        got = c.ask("echo", [p, p])
        ok(got[0] is got[1])
        ring = Object(x=1.0, cls="com.example.Point")
        ring["y"] = ring
        got = c.ask("echo", ring)
        ok(got["y"] is got)
        r = c.object("t%d" % encoding)
        r.set(v=p).wait_code("success", "v")
        eq(c.ask("read", "t%d" % encoding), ["Values::Point", True])
        c.ask("write", "t%d" % encoding, Object(x=5.0, y=6.0,
                                               cls="com.example.Point"))
        r.wait_slots({"v": Object(x=5.0, y=6.0, cls="com.example.Point")})
        c.ask("bind", False)
        eq(c.ask("kind", p), "FCS::Typed")
        eq(c.ask("echo", p).cls, "com.example.Point")
        c.ask("bind", True)


@case
def objects_of_bound_classes_pass_between_instances():
    s = Server()
    c = connect(s, "values")
    eq(c.ask("through", "elsewhere"), ["Values::Point", 2.0, 1.0])


@case
def very_many_keys_of_a_client_do_not_hold_up_the_worker():
    s = Server()
    first = connect(s, "values")
    worker = s.worker("values")
    c = connect(s, "values")
    many = EcmaArray({str(i): 1.0 for i in range(60000)})
    try:
        c.ask("echo", many)
    except (CallFailed, Closed):
        pass                    # it may be too much; never for the others
    eq(first.ask("kind", 1.0), "Integer")
    eq(s.worker("values"), worker, "the worker")
    eq(first.ask("echo", EcmaArray({"1": 1.0, "x": 2.0, "01": 3.0})),
       EcmaArray({"1": 1.0, "x": 2.0, "01": 3.0}))


@case
def objects_may_convert_others_while_they_are_converted():
    s = Server({"app.values.script.time": "2s"})
    c = connect(s, "values")
    worker = s.worker("values")
    want = [float(n) for n in range(10)]
    for _ in range(10):
        got = c.ask("busy", [Object(n=n, cls="com.example.Busy")
                             for n in want])
        for one in got:
            eq([x["n"] for x in one], want)
    ok("Script error" in fails(c, "loop"), "one that reads itself")
    eq(s.worker("values"), worker, "the worker")


@case
def json_ends_at_nul_and_asks_a_time_for_text():
    s = Server(apps=[])
    s.app("json", """class Time
  def iso8601(*) = nil
end
class Json < FCS::App
  expose(:read)  { |c, t| JSON.parse(t) }
  expose(:write) { |c| JSON.generate(now) }
end
""")
    c = connect(s, "json")
    eq(c.ask("read", "[1]"), [1.0])
    for name, *args in (("read", "1\0"), ("read", "[1\0]"), ("write",)):
        fails(c, name, *args)


tap.main()
