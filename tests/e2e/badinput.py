#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Bad input: each gets a close or a status and one line in the log,\nand nobody else notices."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


class Canary:
    """A publisher, a viewer and a caller that must not notice anything."""

    def __init__(self, s, app="calls"):
        self.s = s
        self.p = publisher(s, "echo/canary", "canary")
        self.v = connect(s, "echo/canary").stream().play("canary", -1)
        self.tags = media.synthetic(600, fps=10, size=100)
        self.feed = self.p.feed_live(self.tags)
        self.caller = connect(s, app)

    def check(self):
        eq(self.caller.ask("echo", 1), 1.0, "a client of another app")
        n = self.feed.sent
        self.p.client.ask("add", 1, 1)
        want = [t.data for t in flv.media(self.tags[:n])]
        self.v.wait_media(len(want))
        eq([m.payload for m in self.v.media[:len(want)]], want)


def tree(top):
    return {str(p) for p in Path(top).rglob("*")}


def survives_or_closes(c):
    try:
        c.ask("add", 1, 1)
    except Closed:
        pass


def offend(s, pattern, act, closes=True):
    """act(client) misbehaves; one log line gives the reason."""
    s.mark_log()
    c = connect(s, "echo/offender")
    act(c)
    if closes is True:
        c.wait_closed(10)
    elif closes is False:
        eq(c.ask("add", 1, 1), 2.0)
    else:
        survives_or_closes(c)
    s.wait_log("why=.*(%s)" % pattern)
    lines = s.log_lines("client=%s .*why=" % c.id)
    eq(len(lines), 1, "log lines: %r" % lines[:3])
    return c


def nested(depth):
    return b"\x0a\0\0\0\1" * depth + b"\x05"


@case(timeout=60)
def framing_errors_close_the_connection():
    s = Server()
    canary = Canary(s)
    table = [
        ("chunk size", lambda c: c.control(1, bytes(4))),
        ("chunk size", lambda c: c.control(1, b"\x80\0\0\0")),
        ("fmt", lambda c: c.send_raw(b"\x7f" + bytes(40))),
        ("bytes, limit", lambda c: c.send_raw(
            b"\x03\0\0\0\xff\xff\xff\x14\0\0\0\0" + bytes(128))),
        ("chunk stream|csid", lambda c: [c.send_message(
            20, b"\2\0\1x", csid=100 + i) for i in range(2000)]),
        ("bytes, limit", lambda c: c.send_message(3, bytes(5000))),
    ]
    for pattern, act in table:
        offend(s, pattern, act)
        canary.check()
    for grown in (0x10, 0x80, 0xFF, 0):
        c = connect(s, "echo/offender")
        c.send_raw(b"\x05\0\0\0\0\x10\0\x09\1\0\0\0" + bytes(128) +
                   b"\x05\0\0\0\0" + bytes((grown,)) +
                   b"\0\x09\1\0\0\0" + bytes(128) + b"\xc5" + bytes(128))
        c.flush()
        canary.check()


@case(timeout=60)
def bad_bodies_are_dropped_or_answered():
    s = Server()
    canary = Canary(s)
    head = amf0.encode("echo", 5.0, None)
    table = [
        ("deep|depth|nest", lambda c: c.send_message(
            20, head + nested(100000))),
        ("deep|depth|nest", lambda c: c.send_message(
            20, head + b"\x03\0\1a" * 100000)),
        ("malformed|needed|reference", lambda c: c.send_message(20, b"\xff" * 9)),
        ("malformed|needed|reference", lambda c: c.send_message(
            20, head + b"\x0a\xff\xff\xff\xff")),
        ("malformed|needed|reference", lambda c: c.send_message(
            17, b"\0" + head + b"\x11\x09\xff\xff\xff\xff")),
        ("malformed|needed|reference", lambda c: c.send_message(
            20, head + b"\x07\xff\xff")),
        ("malformed|needed|reserved", lambda c: c.send_message(
            20, head + b"\x0e")),
        ("shared object|malformed|needed", lambda c: c.send_message(
            19, b"\0\1o" + bytes(12) + b"\3\0\0\0\x09\0\1x")),
    ]
    for pattern, act in table:
        offend(s, pattern, act, closes=None)
        canary.check()


@case(timeout=60)
def sixteen_megabytes_announced_cost_nothing():
    s = Server()
    canary = Canary(s)
    worker = s.worker("echo")
    before = server.rss(worker)
    clients = []
    for _ in range(50):
        c = connect(s, "echo/offender")
        p = c.stream().publish("v%d" % len(clients))
        c.send_raw(b"\x06\0\0\0\xff\xff\xff\x09" +
                   p.msid.to_bytes(4, "little") + bytes(128))
        clients.append(c)
    for c in clients:
        c.flush()
    canary.check()
    grown = server.rss(worker) - before
    ok(grown < 64 << 20, "%d MB more" % (grown >> 20))


@case(timeout=60)
def hostile_stream_names_stay_inside():
    s = Server()
    canary = Canary(s)
    names = ["../../x", "../x", "/etc/x", "a/../../x", "a/..", "..", ".",
             "a//b", "a\0b", "", "x" * 300, "x" * 70000, "mp4:../x",
             "flv:../../x", "\x7f\x01", "a/./b", "..\\x"]
    secret = s.tmp / "secret.flv"
    flv.write(secret, media.synthetic(1))
    before = {p for p in tree(s.tmp) if not p.startswith(str(s.state))}
    for name in names:
        for kind in ("record", "append", "live"):
            c = connect(s, "echo/offender")
            p = c.stream()
            p.command("publish", name, kind)
            wait(lambda: c.closed or [e for e in p.events
                                      if e.kind == "status"], 5,
                 "an answer to publishing %r" % name[:40])
            status = [e for e in p.events if e.kind == "status"]
            if status and status[0].value["level"] == "status":
                ok(name in ("..\\x", "\x7f\x01"), "accepted %r" % name)
                p.feed(media.synthetic(0.2))
                p.unpublish()
            c.close()
        c = connect(s, "echo/offender")
        v = c.stream()
        v.command("play", name, 0.0)
        wait(lambda: c.closed or [e for e in v.events
                                  if e.kind == "status"], 5,
             "an answer to playing %r" % name[:40])
        ok(not v.media or name in ("..\\x", "\x7f\x01"), "it played")
        c.close()
    for name in ("../secret", "../../../../secret", "../../../../../secret",
                 str(secret)):
        v = connect(s, "echo").stream()
        v.command("play", name, 0.0)
        v.client.wait(lambda: [e for e in v.events if e.kind == "status" and
                               e.value["level"] == "error"], 5, "a refusal")
        eq(v.media, [])
    canary.check()
    s.stop()
    eq({p for p in tree(s.tmp) if not p.startswith(str(s.state))}, before)
    out = [p for p in tree(s.state) if "x.flv" in p and
           "/recordings/" not in p]
    eq(out, [])


@case(timeout=60)
def truncated_and_wrong_handshakes_are_logged_once():
    s = Server()
    canary = Canary(s)
    for data in (b"\x03", b"\x03" + bytes(100), b"\x03" + bytes(1535),
                 b"\x04" + bytes(1536), b"\x00"):
        s.mark_log()
        c = Client(s.rtmp, start=False)
        c.send_raw(data)
        c.close()
        s.wait_log("refused|handshake")
        eq(len(s.log_lines("refused|handshake")), 1)
    canary.check()


@case(timeout=60)
def garbage_after_the_handshake_is_closed():
    s = Server()
    canary = Canary(s)
    rnd = random.Random(1)
    for i in range(60):
        c = Client(s.rtmp)
        c.send_raw(rnd.randbytes(rnd.choice((10, 200, 5000, 70000))))
        if i % 3 == 0:
            c.abort()
        else:
            c.close()
    canary.check()


@case(timeout=90)
def every_bit_flip_of_a_connect_is_survived():
    s = Server()
    canary = Canary(s)
    w = chunk.Writer(128)
    body = amf0.encode("connect", 1.0, Object(app="echo", tcUrl="rtmp://h/e",
                                              objectEncoding=0))
    whole = w.message(Message(20, 0, 0, body, 3))
    for i in range(0, len(whole) * 8, 3):
        data = bytearray(whole)
        data[i // 8] ^= 1 << i % 8
        c = Client(s.rtmp)
        c.send_raw(data)
        c.close()
    canary.check()
    for n in range(0, len(whole), 5):
        c = Client(s.rtmp)
        c.send_raw(whole[:n])
        c.close()
    canary.check()


@case(timeout=60)
def commands_out_of_place_are_answered_or_ignored():
    s = Server()
    canary = Canary(s)
    c = connect(s, "echo/offender")
    st = c.stream()
    for name, args in (
            ("play", ()), ("play", (None,)), ("play", (Object(),)),
            ("publish", ()), ("publish", (5.0, 6.0)), ("seek", ()),
            ("seek", (1000.0,)), ("pause", ()), ("pause", (True, 0.0)),
            ("closeStream", ()), ("receiveVideo", ()), ("play2", ()),
            ("onStatus", (Object(code="x"),)), ("connect", ()),
            ("@setDataFrame", ()), ("|x", ()), ("_result", (1.0,)),
            ("x" * 500, ())):
        for msid in (0, st.msid, 77):
            c.command(name, 0, *args, msid=msid)
            c.command(name, 900, *args, msid=msid)
    c.command("deleteStream", 0, 99.0)
    c.command("deleteStream", 0, "one")
    c.send_message(8, b"\xaf\x01x", st.msid)
    c.send_message(9, b"", 55)
    c.send_message(18, amf0.encode("@setDataFrame"), st.msid)
    survives_or_closes(c)
    canary.check()
    early = Client(s.rtmp)
    early.command("createStream", 1)
    early.command("play", 0, "x", msid=1)
    wait(lambda: early.closed or early.results, 15, "an answer or the end")
    canary.check()


@case(timeout=60)
def floods_never_read_are_cut_off():
    s = Server()
    canary = Canary(s)
    worker = s.worker("echo")
    before = server.rss(worker)
    ping = connect(s, "echo/offender")
    call = connect(s, "echo/offender")
    for c in (ping, call):
        c.hold()
    pings = ping.writer.message(Message(4, 0, 0, b"\0\6" + bytes(4), 2))
    calls = call.writer.message(Message(20, 0, 0, amf0.encode(
        "echo", 7.0, None, "x" * 900), 3))
    end = time.monotonic() + 4
    while time.monotonic() < end:
        for c, data in ((ping, pings * 500), (call, calls * 50)):
            if not c.closed and len(c.out) < 1 << 20:
                c.send_raw(data)
        loop.turn(time.monotonic() + 0.01)
    canary.check()
    grown = server.rss(worker) - before
    # a sanitizer keeps freed memory back: as much slack as time
    ok(grown < (128 << 20) * SLOW, "%d MB more" % (grown >> 20))


class Recorder(Client):
    """Keeps what it sends, message by message."""

    def send_raw(self, data):
        self.__dict__.setdefault("sent", []).append(bytes(data))
        super().send_raw(data)


def rich_session(s):
    """What a client sends that uses a bit of everything."""
    c = Recorder(s.rtmp).connect("echo/f", "arg", Object(a=[1.0, None]))
    r = c.object("o", True)
    r.set(x=1.0, y=Object(a=[1.0, EcmaArray(k="v")]))
    r.wait_code("success", "y").send("say", "x").remove("x")
    p = c.stream().publish("rec", "record")
    p.feed(media.synthetic(1))
    p.metadata(a=1.0)
    v = c.stream()
    v.buffer(1000)
    for words in (("play", "rec", 0.0), ("seek", 500.0),
                  ("pause", True, 100.0), ("pause", False, 100.0)):
        v.command(*words)
    c.ask("echo", [Date(1.0), Xml("<a/>"), Object(cls="X", k=1.0)])
    p.unpublish()
    return c.sent[2:]           # without the handshake


def mutated(rnd, messages):
    """Flipped bits, shuffled or repeated messages, a hole, odd bytes."""
    how = rnd.randrange(5)
    out = list(messages)
    if how == 1:
        rest = out[1:]
        rnd.shuffle(rest)
        return b"".join(out[:1] + rest)
    if how == 2:
        return b"".join(out[:1] + [rnd.choice(out) for _ in range(60)])
    if how == 3:
        k = rnd.randrange(len(out))
        m = bytearray(out[k])
        for _ in range(rnd.randrange(1, 6)):
            m[rnd.randrange(len(m))] = rnd.choice((0, 1, 127, 128, 255))
        out[k] = bytes(m)
    whole = bytearray(b"".join(out))
    if how == 0:
        for _ in range(rnd.choice((1, 3, 20))):
            whole[rnd.randrange(len(whole))] ^= 1 << rnd.randrange(8)
    elif how == 4:
        at = rnd.randrange(len(whole))
        del whole[at:at + rnd.randrange(1, 200)]
    return bytes(whole)


@case(timeout=90)
def mutated_sessions_are_survived():
    seed = int(os.environ.get("FCS_SEED") or time.time_ns() % 10**9)
    note("seed %d (FCS_SEED repeats it)" % seed)
    rnd = random.Random(seed)
    s = Server()
    canary = Canary(s)
    messages = rich_session(s)
    for i in range(400):
        c = Client(s.rtmp)
        c.hold()
        c.send_raw(mutated(rnd, messages))
        loop.turn(time.monotonic() + 0.01)
        (c.abort if i % 2 else c.close)()
        if i % 40 == 0:
            canary.check()
    canary.check()
    eq(s.log_lines("child.died|child.silent"), [])


@case(timeout=60)
def resets_in_the_middle_of_everything():
    s = Server()
    canary = Canary(s)
    tags = media.synthetic(2)
    for i in range(80):
        c = Client(s.rtmp, start=i % 8 != 0)
        if i % 8 == 0:
            c.begin_shake()
        elif i % 8 == 1:
            c.begin_connect("echo/x")
        elif i % 8 == 2:
            c.begin_connect("nosuch")
        else:
            c.connect("echo/x")
            if i % 8 > 3:
                st = c.stream()
                if i % 2:
                    st.command("publish", "r%d" % i, "record")
                    for t in tags:
                        st.send_tag(t)
                else:
                    st.command("play", "canary")
                    c.object("o", True, use=False).emit(
                        so.use(), so.change("a", 1.0))
        c.abort()
    canary.check()
    wait(lambda: len(s.ctl("client", "list")) == 3, 10,
         "the reset clients to be gone")


tap.main()
