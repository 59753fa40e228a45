#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Our AMF codec against those of others, both ways.

amf-codec (AMF0) and amfjs (AMF0 and AMF3) come from npm by `npm ci` into the
build folder.  The Python codec of tests/lib speaks for the types that neither
of them knows.
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403
from lib import npm         # noqa: E402
import base64               # noqa: E402
import json                 # noqa: E402
import math                 # noqa: E402
import subprocess           # noqa: E402

HERE = Path(__file__).resolve().parent

# What both npm codecs can say.
VALUES = [
    None, True, False, 0, 1, -1, 127, 128, 16383, 16384, 2097151, 2097152,
    268435455, -268435456, 268435456, 1.5, -0.25, 1e300, 9007199254740991,
    "", "a", "päckchen ☃ 𝄞", "x" * 300, [1], [1, "two", [3, None]],
    {"a": 1}, {"a": {"b": {"c": [1, {"d": "e"}]}}}, {"k": None, "ü": "ö"},
    {"$date": "2009-02-13T23:31:30.123Z"}, {"$date": "1969-12-31T00:00:00.000Z"},
    [{"$date": "2026-01-01T00:00:00.000Z"}, "x", "x", {"x": "x"}],
]
VALUES0 = VALUES + ["y" * 70000]
# amfjs writes integers of four bytes wrongly (it shifts by 14 and 7 where 15
# and 8 are right, and goes on past 2^28); it reads them well.
BIG = (2097152, 268435455, -1, -268435456)
VALUES3 = [v for v in VALUES if v != "x" * 300 and
           v not in BIG + (1 << 28,)] + [
    {"$bytes": base64.b64encode(bytes(range(60))).decode()},
    {"$type": "com.example.Point", "x": 1, "y": 2},
]


class Line:
    """A child that answers one line for one line."""

    def __init__(self, *argv):
        self.p = subprocess.Popen(argv, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        cleanup(self.p.kill)

    def ask(self, text):
        self.p.stdin.write(text.encode() + b"\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().decode().rstrip("\n")


def peer():
    return Line("node", "--no-deprecation", str(HERE / "peer.js"),
                str(npm.modules()))


def amfcat():
    return Line(str(server.build_dir() / "tests" / "interop" / "amfcat"))


def plain(v):
    """JSON values compared: 1 and 1.0 are one number."""
    if isinstance(v, bool) or v is None or isinstance(v, str):
        return v
    if isinstance(v, (int, float)):
        return float(v)
    if isinstance(v, list):
        return [plain(x) for x in v]
    return {k: plain(x) for k, x in v.items()}


def both_ways(name, version, values):
    other, ours = peer(), amfcat()
    for v in values:
        what = "%s AMF%d %s" % (name, version, json.dumps(v)[:60])
        r = {"codec": name, "amf": version}
        sent = json.loads(other.ask(json.dumps(
            dict(r, op="encode", value=v))))
        ok("hex" in sent, "%s: %r" % (what, sent))
        got = ours.ask("%d %s" % (version, sent["hex"])).split("\t")
        eq(len(got), 3, what + " " + sent["hex"][:80])
        eq(plain(json.loads(got[0])), plain(v), what)
        back = json.loads(other.ask(json.dumps(
            dict(r, op="decode", hex=got[1 if version == 0 else 2]))))
        ok("value" in back, "%s: %r" % (what, back))
        eq(plain(back["value"]), plain(v), what + ", back")


@case(timeout=300)
def amf0_agrees_with_amf_codec():
    both_ways("amf-codec", 0, VALUES0 + [[], {}, {"": 1}, list(range(300)), {
        "$number": "NaN"}, {"$number": "-Infinity"}])


@case(timeout=300)
def amf0_agrees_with_amfjs():
    both_ways("amfjs", 0, [v for v in VALUES if "$date" not in json.dumps(v)])


@case(timeout=300)
def amf3_agrees_with_amfjs():
    both_ways("amfjs", 3, VALUES3)


@case(timeout=300)
def amf3_integers_of_four_bytes_are_read_by_amfjs():
    other, ours = peer(), amfcat()
    for n in BIG:
        data = amf3.encode(n).hex()
        got = ours.ask("3 " + data).split("\t")
        eq((json.loads(got[0]), got[2]), (n, data))
        back = json.loads(other.ask(json.dumps({
            "op": "decode", "codec": "amfjs", "amf": 3, "hex": got[2]})))
        eq(back["value"], n)


@case(timeout=300)
def references_agree_with_amf_codec():
    """Written by us, read by them, and the other way by hand."""
    other, ours = peer(), amfcat()
    x = Object(k=1.0)
    data = amf0.encode([x, x, Object(again=x)])
    got = ours.ask("0 " + data.hex()).split("\t")
    want = [{"k": 1}, {"k": 1}, {"again": {"k": 1}}]
    eq(json.loads(got[0]), want)
    eq(bytes.fromhex(got[1]), data)
    back = json.loads(other.ask(json.dumps({
        "op": "decode", "codec": "amf-codec", "amf": 0, "hex": got[1]})))
    eq(back["value"], want)


def types():
    """Python values of every type, with the JSON they are shown as."""
    when = "1970-01-01T00:00:01.500Z"
    both = [
        (None, None), (True, True), (False, False), (1.5, 1.5), ("ü", "ü"),
        ([1.0, []], [1, []]), (Object(), {}), (Object(a=1.0), {"a": 1}),
        (Object(x=1.0, cls="P"), {"$type": "P", "x": 1}),
        (Date(1500.0), {"$date": when}), (Xml("<a/>"), {"$xml": "<a/>"}),
        (float("nan"), {"$number": "NaN"}),
        (float("-inf"), {"$number": "-Infinity"}), (Undefined, None),
        (EcmaArray(k="v"), {"k": "v"}),
    ]
    three = [
        (b"\0\xff", {"$bytes": "AP8="}), (-5, -5), (float(1 << 28), 1 << 28),
        (Vector("int", [-1, 2]), [-1, 2]),
        (Vector("uint", [1 << 31], True), [1 << 31]),
        (Vector("double", [0.5]), [0.5]),
        (Vector("object", [Object(a=1), None], type="Q"), [{"a": 1}, None]),
        (Dictionary([("k", 1), (Object(a=1), "v")]), None),
        (Externalizable(source=[1, 2],
                        cls="flex.messaging.io.ArrayCollection"), None),
    ]
    return both, both + three


@case
def every_type_agrees_with_the_test_library():
    ours = amfcat()
    for version, mod, values in zip((0, 3), (amf0, amf3), types()):
        for v, shown in values:
            what = "AMF%d %r" % (version, v)
            data = mod.encode(v)
            got = ours.ask("%d %s" % (version, data.hex())).split("\t")
            eq(len(got), 3, what)
            if shown is not None:
                eq(plain(json.loads(got[0])), plain(shown), what)
            again = bytes.fromhex(got[1 if version == 0 else 2])
            back = amf0.decode(again)[0] if version == 0 else \
                amf3.decode(again)
            if isinstance(v, float) and math.isnan(v):
                ok(math.isnan(back), what)
            else:
                eq((type(back), back), (type(v), v), what)
            if version == 3:
                zero = amf0.decode(bytes.fromhex(got[1]))[0]
                if isinstance(v, (bytes, Dictionary)):
                    eq((type(zero), zero), (type(v), v), what)


@case
def what_is_cut_or_lies_is_an_error():
    ours = amfcat()
    for version, mod, values in zip((0, 3), (amf0, amf3), types()):
        for v, _ in values:
            data = mod.encode(v)
            for n in range(1, len(data)):
                got = ours.ask("%d %s" % (version, data[:n].hex()))
                if got.startswith("error"):
                    continue
                ok(version == 0 and isinstance(v, EcmaArray) and n in (
                    5, len(data) - 3), "%r cut at %d: %s" % (v, n, got))
    for version, text in ((0, "0affffffff"), (0, "07ffff"), (0, "0e"),
                          (0, "04"), (3, "09ffffffff01"), (3, "06fe01"),
                          (3, "0d8180808101"), (3, "0a07096e6f7065"),
                          (3, "12"), (0, "0a00000001" * 60 + "05")):
        got = ours.ask("%d %s" % (version, text))
        ok(got.startswith("error"), text + ": " + got)


@case
def random_values_agree_with_the_test_library():
    rnd = random.Random(4)

    def value(depth):
        kind = rnd.randrange(9 if depth else 6)
        if kind == 0:
            return None
        if kind == 1:
            return rnd.random() < 0.5
        if kind == 2:
            return rnd.choice([0.5, -1e9, 3.0, 2.0 ** 40])
        if kind < 6:
            return rnd.choice(["", "a", "b", "key", "ü" * 9])
        items = [value(depth - 1) for _ in range(rnd.randrange(5))]
        if kind == 6:
            return items
        cls = rnd.choice(["", "T"]) if kind == 7 else ""
        names = {"k%d" % i: x for i, x in enumerate(items)}
        if kind == 8 and names:
            return EcmaArray(names)
        return Object(names, cls=cls)
    ours = amfcat()
    for _ in range(600):
        v = value(4)
        for version, mod in ((0, amf0), (3, amf3)):
            got = ours.ask("%d %s" % (version, mod.encode(v).hex()))
            cols = got.split("\t")
            eq(len(cols), 3, got[:200])
            eq(amf0.decode(bytes.fromhex(cols[1]))[0], v)
            eq(amf3.decode(bytes.fromhex(cols[2])), v)


tap.main()
