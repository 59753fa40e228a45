#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The test library against itself, against known bytes and against ffmpeg."""

import os
import socket
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from lib import amf0, amf3, chunk, dumps, flv, handshake, media  # noqa: E402
from lib import reactor, rtmp, so, tap, tools                    # noqa: E402
from lib.tap import case, eq, near, ok                           # noqa: E402
from lib.values import (AmfError, Avm, Date, Dictionary, EcmaArray, Object,
                        Undefined, Vector, Xml)                  # noqa: E402


VALUES = [
    None, Undefined, True, False, 0.0, -1.5, 1e300, float("inf"), "", "päck",
    "x" * 70000, [1.0, "two", [3.0]], Object(a=1.0, b=Object(c="d")),
    Object({"": 1.0}), EcmaArray({"0": "a", "name": 2.0}),
    Object(x=1.0, cls="com.example.Point"), Date(1.5e12), Xml("<a/>"),
]
VALUES3 = [
    None, Undefined, True, False, 0, 1, 127, 128, 16383, 16384, 2097151,
    2097152, (1 << 28) - 1, -1, -(1 << 28), float(1 << 28), 1.5, "", "päck",
    [1, "two", [3]], Object(a=1, b=Object(c="d")), Object(x=1, cls="P"),
    EcmaArray({"name": 2, "0": "a"}), Date(1.5e12), b"\0\1\2",
    Vector("int", [-1, 2]), Vector("uint", [1 << 31], True),
    Vector("double", [1.5]), Vector("object", [None, Object(a=1)], type="Q"),
    Dictionary([(Object(a=1), 2), ("k", "v")], weak=True),
]


@case
def amf0_values_come_back():
    for v in VALUES:
        eq(amf0.decode(amf0.encode(v)), [v])


@case
def amf3_values_come_back():
    for v in VALUES3:
        got = amf3.decode(amf3.encode(v))
        eq(got, v)
        eq(type(got), type(v))
        eq(amf3.decode(amf3.encode(v, refs=False)), v)


@case
def amf_references_keep_identity():
    shared = Object(k=1.0)
    for enc, dec in ((amf0.encode, lambda b: amf0.decode(b)[0]),
                     (amf3.encode, amf3.decode)):
        got = dec(enc([shared, shared]))
        ok(got[0] is got[1], "not the same object")
    ring = Object()
    ring["me"] = ring
    got = amf3.decode(amf3.encode(ring))
    ok(got["me"] is got, "not a ring")


@case
def amf_cut_anywhere_is_an_error():
    for v in VALUES3:
        whole = amf3.encode(v)
        for n in range(len(whole)):
            try:
                amf3.decode(whole[:n])
            except AmfError:
                continue
            raise AssertionError("%r cut at %d passed" % (v, n))


@case
def shared_object_dumps_decode_and_encode_to_the_same_bytes():
    for n, b in {**dumps.D, **dumps.R}.items():
        eq(so.encode(so.decode(b, n in (11, 12))), b, str(n))
    m = so.decode(dumps.D[4])
    eq(m.version, 7)
    ok(m.persistent)
    key, pos = so.un_utf(m.events[1].body)
    eq((key, amf0.decode(m.events[1].body, pos)),
       ("pos", [Object(x=10.0, y=20.0)]))
    m = so.decode(dumps.D[12], True)
    eq(amf0.decode(m.events[0].body, 5), [Object(x=10, y=20)])
    eq(so.encode(so.Message("board", 7, True, [
        so.change("n", 4, amf3=True)], True)), dumps.D[11])
    eq(so.encode(so.Message("chat", 1, False, [
        so.send("say", "Ann", "hi")])), dumps.D[9])


@case
def chunks_of_every_size_come_back():
    for size in (1, 127, 128, 4096, 70000):
        for delta in (False, True):
            w, r = chunk.Writer(size, delta), chunk.Reader()
            r.size = size
            sent, got = [], []
            for i, (csid, ts) in enumerate(
                    [(3, 0), (64, 5), (319, 0xFFFFFE), (320, 0xFFFFFF),
                     (65599, 0x01000005), (3, 40), (3, 80), (3, 0xFFFFFF80),
                     (3, 0x10)]):
                sent.append(chunk.Message(20, 1, ts, bytes([i]) * 300, csid))
            data = b"".join(w.message(m) for m in sent)
            for i in range(0, len(data), 97):
                got += r.feed(data[i:i + 97])
            eq([(m.csid, m.ts, m.payload) for m in got],
               [(m.csid, m.ts, m.payload) for m in sent])


@case
def chunk_reader_refuses_what_a_server_must_not_send():
    w = chunk.Writer(128, ext3=False)
    bad = w.message(chunk.Message(9, 1, 0x01000005, b"\1" * 300, 6))
    for data in (bad, bytes.fromhex("43000000000001140000"),
                 w.message(chunk.Message(9, 1, 0, b"a", 7)) + b"\xc7b"):
        try:
            chunk.Reader().feed(data)
        except chunk.ProtocolError:
            continue
        raise AssertionError("accepted " + data[:20].hex())


@case
def digest_found_in_both_layouts():
    for base in (8, 772):
        c1 = handshake.c1_digest(base)
        eq(handshake.find_digest(c1, handshake.KP)[0], base)
    eq(handshake.find_digest(handshake.c1_simple(), handshake.KP), None)


@case
def flv_is_read_as_ffmpeg_wrote_it():
    path = media.clip(10)
    tags = flv.read(path)
    v = tools.packets(path, "v")
    eq(len([t for t in tags if t.video and not t.config and len(t.data) > 5]),
       len(v))
    keys = [t.ts for t in tags if t.key]
    eq(keys, [0, 2000, 4000, 6000, 8000])
    eq(flv.key_before(tags, 5999), 4000)
    copy = path.with_suffix(".copy.flv")
    flv.write(copy, tags)
    eq(flv.read(copy), tags)
    copy.unlink()


@case
def synthetic_media_is_what_it_says():
    tags = media.synthetic(6)
    eq([t.ts for t in tags if t.key], [0, 2000, 4000])
    eq(len({t.data for t in tags}), len(tags))


@case(timeout=60)
def client_publishes_to_ffmpeg_as_a_server():
    """ffmpeg's own server is the stranger our client must please."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    out = media.cache_dir() / ("self-%d.flv" % os.getpid())
    tap.cleanup(lambda: out.unlink(missing_ok=True))
    server = tools.start_ffmpeg("-listen", "1", "-i",
                                "rtmp://127.0.0.1:%d/live/x" % port,
                                "-c", "copy", out)
    reactor.poll(lambda: listening(port), 10, "ffmpeg to listen")
    c = rtmp.Client(("127.0.0.1", port), c1=None).connect("live")
    s = c.stream()
    s.publish("x")
    tags = flv.read(media.clip(10))
    s.feed(tags)
    c.command("FCUnpublish", 0, "x")
    s.delete()
    c.close()
    eq(server.finish(30), 0)
    got = tools.packets(out, "v")
    want = tools.packets(media.clip(10), "v")
    eq([p[2] for p in got], [p[2] for p in want])
    near(tools.duration(out), 10, 0.2)


def listening(port):
    with open("/proc/net/tcp") as f:
        return any(":%04X 00000000:0000 0A" % port in x for x in f)


@case
def avm_values_inside_amf0():
    eq(amf0.encode(Avm(4)), b"\x11\x04\x04")
    eq(amf0.decode(b"\x11\x04\x04\x05"), [4, None])


tap.main()
