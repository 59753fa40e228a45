#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Attacks on every layer: after each the same processes serve, a client of
another application has noticed nothing, and what the attack took (memory,
descriptors, processor) is given back."""

import os
import socket
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

CALM = """class Calm < FCS::App
  expose(:echo) { |c, v| v }
end
"""
SLOW_APP = """class Slow < FCS::App
  shared "**", persistent: :any
  allow(:publish) { sleep 0.2; true }
  allow(:play) { sleep 0.2; true }
  on(:connect) { |c| sleep 0.1; c.accept }
  expose(:echo) { |c, v| sleep 0.2; v }
  expose(:back) { |c| c.call("back", 1).await }
end
"""
NAN, INF = float("nan"), float("inf")
SANITIZED = b"__asan_init" in server.fcsd().read_bytes()


class Limited(Server):
    """Started by a wrapper that becomes fcsd itself (prlimit)."""

    pid = property(lambda self: self.process.pid)


class Arena:
    """A server, a canary in an application of its own, and what was normal
    before the attack."""

    def __init__(self, options=None, make=Server, **kw):
        self.s = make(options, **kw)
        self.s.app("calm", CALM)
        self.canary = connect(self.s, "calm")
        eq(self.canary.ask("echo", 1), 1.0)
        self.first = connect(self.s, "echo")
        eq(self.first.ask("echo", 1), 1.0)
        self.before = self.pids()
        self.worker = self.s.worker("echo")
        self.fds = {p: fds(p) for p in self.before}
        self.rss = {p: server.rss(p) for p in self.before}

    def pids(self):
        return {p: r for p, r, argv in self.s.roles() if "slow" not in argv}

    def check(self, grow=64):
        """All is as before; no process grew by more than so many MB."""
        eq(self.canary.ask("echo", 2), 2.0, "the canary")
        eq(self.pids(), self.before, "processes (pid: role)")
        eq(self.first.ask("add", 1, 2), 3.0, "a client of echo")
        for p, role in self.before.items():
            more = (server.rss(p) - self.rss[p]) >> 20
            ok(SANITIZED or more < grow, "%s grew by %d MB" % (role, more))

    def calm(self):
        """Descriptors are given back, and nobody is busy."""
        poll(lambda: all(fds(p) <= self.fds[p] + 2 for p in self.before), 10,
             "descriptors to be given back")
        used = {p: server.cpu(p) for p in self.before}
        loop.run_for(1)
        for p, role in self.before.items():
            busy = server.cpu(p) - used[p]
            ok(busy < 0.5, "%s is busy: %.2f s of 1" % (role, busy))


class Probe:
    """How long a well-behaved client waits for its answers."""

    def __init__(self, c):
        self.c, self.worst, self.txn = c, 0, None

    def turn(self):
        now = time.monotonic()
        if self.txn is not None and self.c.results.pop(self.txn, None):
            self.worst = max(self.worst, now - self.at)
            self.txn = None
        if self.txn is None and not self.c.closed:
            self.at = now
            self.txn = self.c.call("add", 1, 1)


def fds(pid):
    try:
        return len(os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return 0


def alive(c, timeout=10):
    """c answers or was closed: both will do, silence will not."""
    try:
        c.ask("add", 1, 1, timeout=timeout)
        return True
    except Closed:
        return False


def statuses(st):
    return [e.name for e in st.events if e.kind == "status"]


ODD = [None, True, -1.0, 0.0, 0.5, 1.0, NAN, INF, -INF, 1e300, -1e300,
       2.0 ** 31, 2.0 ** 32, 2.0 ** 53, 2.0 ** 63, 2.0 ** 64, "", "x", "a/b",
       "../x", "x\0y", "y" * 300, "mp4:", "mp3:x", "x?k=v", Undefined,
       Object(), Object(a=Object()), EcmaArray({"a": 1.0}), [], [1.0], [[[]]],
       Date(0.0), Date(NAN), Xml("<a/>")]
COMMANDS = ["createStream", "initStream", "deleteStream", "closeStream",
            "publish", "play", "play2", "seek", "pause", "pauseRaw",
            "receiveAudio", "receiveVideo", "getStreamLength",
            "releaseStream", "FCPublish", "FCUnpublish", "FCSubscribe",
            "FCUnsubscribe", "_checkbw", "checkBandwidth", "_result",
            "_error", "onStatus", "echo", "add", "hello", "nosuch", "",
            "close", "call", "initialize", "send", "instance_eval",
            "__send__"]


@case(timeout=60)
def odd_arguments_to_every_command():
    a = Arena()
    rnd = random.Random(7)
    for encoding in (0, 3):
        c = connect(a.s, "echo/odd", encoding=encoding)
        st = c.stream()
        for name in COMMANDS:
            for first in ODD:
                if c.closed:
                    c = connect(a.s, "echo/odd", encoding=encoding)
                    st = c.stream()
                args = [first] + [rnd.choice(ODD)
                                  for _ in range(rnd.randrange(4))]
                if first is None:
                    args = []
                c.command(name, rnd.choice((0, 1, 77, -1, 1e300, 0.5)), *args,
                          msid=rnd.choice((0, st.msid, 9, 0xffffffff)),
                          obj=rnd.choice((None, Object(a=1.0))))
            alive(c)
        c.abort()
        a.check()
    a.calm()


@case(timeout=60)
def odd_transaction_ids():
    a = Arena()
    c = connect(a.s, "echo/odd")
    for txn in (NAN, INF, -INF, -1.0, 0.5, 1e300, 2.0 ** 63, 2.0 ** 64):
        for name in COMMANDS:
            if c.closed:
                c = connect(a.s, "echo/odd")
            c.send_message(20, amf0.encode(name, txn, None, 1.0, 2.0))
        for t in (True, "1", Object(), [], Date(0.0)):
            c.send_message(20, amf0.encode("echo", t, None, 1.0))
    alive(c)
    a.check()


@case(timeout=60)
def commands_before_connect():
    a = Arena()
    table = [amf0.encode(n, 1.0, None, "x") for n in COMMANDS]
    table += [amf0.encode("connect", 1.0), amf0.encode("connect"),
              amf0.encode("connect", 1.0, None),
              amf0.encode("connect", NAN, Object(app="echo")),
              amf0.encode("connect", "x", Object(app="echo")),
              amf0.encode("connect", 1.0, "echo"),
              amf0.encode("connect", 1.0, [1.0]),
              amf0.encode("connect", 1.0, Object(app=5.0)),
              amf0.encode("connect", 1.0, Object(app=None)),
              amf0.encode("connect", 1.0, Object(app="")),
              amf0.encode("connect", 1.0, Object(app="/")),
              amf0.encode("connect", 1.0, Object(app="//")),
              amf0.encode("connect", 1.0, Object(app="..")),
              amf0.encode("connect", 1.0, Object(app="../apps/echo")),
              amf0.encode("connect", 1.0, Object(app="echo/..")),
              amf0.encode("connect", 1.0, Object(app="echo/a\0b")),
              amf0.encode("connect", 1.0, Object(app="echo\0")),
              amf0.encode("connect", 1.0, Object(app="echo/" + "x" * 5000)),
              amf0.encode("connect", 1.0, Object(app="e" * 60000)),
              amf0.encode("connect", 1.0, Object(app="ECHO")),
              amf0.encode("connect", 1.0, Object(
                  app="echo/é\u2028\x1b[31m")),
              amf0.encode("connect", 1.0, Object(
                  app="echo/x", objectEncoding=NAN, capsEx=NAN,
                  videoFunction=INF, fourCcList=5.0, tcUrl=7.0,
                  flashVer=[1.0], pageUrl="x" * 50000)),
              amf0.encode("connect", 1.0, Object(
                  app="echo/x", tcUrl="rtmp://[::1/x?" + "%" * 9)),
              amf0.encode("connect", 1.0, Object(app="echo/x"),
                          *["y"] * 2000),
              ]
    for body in table:
        c = Client(a.s.rtmp)
        c.send_message(20, body)
        wait(lambda: c.closed or c.results, 20, "an answer to %r" % body[:60])
        c.abort()
    for type in (1, 2, 3, 4, 5, 6, 8, 9, 15, 16, 17, 18, 19, 22, 0, 7, 99,
                 255):
        for payload in (b"", b"\0", bytes(4), bytes(6), b"\xff" * 300):
            c = Client(a.s.rtmp)
            c.send_message(type, payload)
            c.begin_connect("echo/early")
            wait(lambda: c.closed or c.results, 20, "an answer, type %d" %
                 type)
            c.abort()
    a.check()
    a.calm()


@case(timeout=60)
def shared_object_messages_cut_at_every_byte():
    a = Arena()
    events = [so.use(), so.change("s", 1.0), so.change("o", Object(a=[1.0])),
              so.remove("s"), so.send("h", 1.0, "x"), so.Event(14),
              so.release()]
    for persistent in (False, True):
        whole = so.encode(so.Message("cut", 0, persistent, events))
        for n in range(len(whole)):
            c = connect(a.s, "echo/cut")
            c.send_message(19, whole[:n])
            alive(c)
            c.abort()
        a.check()
    a.calm()


@case(timeout=60)
def every_shared_object_event():
    a = Arena()
    bodies = [b"", b"\0", b"\0\0", b"\0\1a", b"\0\1a\5", b"\0\1a\0" + bytes(8),
              b"\xff\xff", b"\0\3a\0b\5", b"\0\1a" + b"\x0a\xff\xff\xff\xff",
              bytes(300), b"\0\0\5", b"\0\1a\x0c\xff\xff\xff\xff",
              b"\0\1a\6", b"\0\1a\7\0\0", b"\0\1a\x11\x0a\x0b\1",
              b"\0\2\xc3\x28\5"]
    for persistent in (False, True):
        for type in list(range(0, 16)) + [127, 255]:
            for used in (False, True):
                for body in bodies:
                    c = connect(a.s, "echo/events")
                    events = [so.Event(type, body)]
                    if used:
                        events = [so.use()] + events + events
                    c.send_message(19, so.encode(so.Message(
                        "e", 5, persistent, events)))
                    c.send_message(19, so.encode(so.Message(
                        "e", 0xffffffff, not persistent, events)))
                    alive(c)
                    c.abort()
            a.check()
    for name in ("", "..", "../x", "a/../b", "a\0b", "x" * 60000, "\x1b[2J",
                 "/", "a//b"):
        c = connect(a.s, "echo/events")
        for persistent in (False, True):
            c.send_message(19, so.encode(so.Message(
                name, 0, persistent, [so.use(), so.change("a", 1.0)])))
        alive(c)
        c.abort()
    a.check()
    a.calm()


@case(timeout=60)
def play_storms():
    a = Arena()
    tags = media.synthetic(20)
    p = publisher(a.s, "echo/storm", "rec", "record")
    p.feed(tags)
    p.unpublish()
    live = publisher(a.s, "echo/storm", "live")
    feeder = live.feed_live(media.synthetic(60), speed=2)
    rnd = random.Random(3)
    clients = [connect(a.s, "echo/storm") for _ in range(6)]
    streams = [c.stream() for c in clients for _ in range(3)]
    verbs = [lambda st: st.command("play", "rec", float(rnd.choice(
                 (-2, -1, 0, 5, 1000, 5000, 19990, 1e9, -1000, -2000)))),
             lambda st: st.command("play", "live"),
             lambda st: st.command("play", "nosuch", float(rnd.choice(
                 (-2, -1, 0)))),
             lambda st: st.command("play", rnd.choice(("rec", "live", "no")),
                                   0.0, float(rnd.choice((-1, 0, 1, 1000))),
                                   rnd.choice((False, True, 0.0, 2.0, 3.0))),
             lambda st: st.command("seek", rnd.choice(
                 (0.0, 1e3, 1e4, 1e9, -5.0, NAN, INF, 19999.0))),
             lambda st: st.command("pause", rnd.choice((True, False)),
                                   rnd.choice((0.0, 5e3, 1e12, -1.0, NAN))),
             lambda st: st.command("receiveAudio", rnd.choice((True, False))),
             lambda st: st.command("receiveVideo", rnd.choice((True, False))),
             lambda st: st.client.user_control(3, st.msid, rnd.choice(
                 (0, 1, 1000, 0xffffffff))),
             lambda st: st.command("closeStream"),
             lambda st: st.command("play", False),
             lambda st: st.command("publish", "q%d" % rnd.randrange(4),
                                   rnd.choice(("live", "record", "append"))),
             lambda st: st.command("publish", rnd.choice(("rec", "live")),
                                   rnd.choice(("live", "record", "append"))),
             lambda st: st.command("publish", False),
             lambda st: st.feed(tags[:rnd.randrange(20)], flush=False),
             lambda st: st.client.call("getStreamLength", "rec"),
             lambda st: (st.client.command("deleteStream", 0,
                                           float(st.msid)),
                         st.client.call("createStream")),
             ]
    end = time.monotonic() + 6
    while time.monotonic() < end:
        for _ in range(20):
            st = rnd.choice(streams)
            if st.client.closed:
                i = clients.index(st.client)
                clients[i] = connect(a.s, "echo/storm")
                streams = [x for x in streams if x.client is not st.client]
                streams += [clients[i].stream() for _ in range(3)]
                continue
            if rnd.randrange(200) == 0:
                st.client.abort()
            else:
                rnd.choice(verbs)(st)
        loop.turn(time.monotonic() + 0.003)
    for c in clients:
        if not c.closed:
            alive(c)
        c.abort()
    feeder.stop()
    live.client.abort()
    a.check()
    a.calm()


@case
def two_hundred_half_open_connections_end_by_themselves():
    a = Arena({"limits.handshake_time": "1s", "limits.connect_time": "2s"})
    cs = []
    for i in range(200):
        c = Client(a.s.rtmp, start=False)
        if i % 4 == 1:
            c.send_raw(b"\3" + bytes(700))
        elif i % 4 == 2:
            c.begin_shake()
        elif i % 4 == 3:
            try:
                c.shake()
            except Closed:      # more than one address may have in the door
                pass
            c.send_raw(b"\3\0\0\0\0\1\0\x14\0\0\0\0\2\0\7conn")
        cs.append(c)
    a.check()
    wait(lambda: all(c.closed for c in cs), 10, "the half-open ones to go")
    a.check()
    a.calm()


@case(timeout=60)
def reconnect_storm():
    a = Arena()
    end = time.monotonic() + 3
    n = 0
    while time.monotonic() < end:
        cs = [Client(a.s.rtmp, start=False) for _ in range(20)]
        for c in cs:
            c.begin_shake()
            c.begin_connect("echo/storm%d" % (n % 30))
        n += 1
        if n % 3 == 0:
            wait(lambda: all(c.closed or c.results for c in cs), 20, "answers")
        for c in cs:
            c.abort()
    a.check()
    a.calm()


@case(timeout=60)
def floods_without_reading_hold_nobody_up():
    a = Arena()
    cs = []
    for kind in range(7):
        c = connect(a.s, "echo/flood")
        if kind == 2:
            c.object("big")
            c.object("keep", True)
        st = c.stream()
        if kind == 4:
            st.publish("fl")
        if kind == 5:
            st.command("play", "fl")
        c.hold()
        cs.append((kind, c))
    w = chunk.Writer()
    data = {
        0: w.message(Message(20, 0, 0, amf0.encode("echo", 5.0, None,
                                                   "x" * 2000), 3)) * 50,
        1: w.message(Message(4, 0, 0, b"\0\6" + bytes(4), 2)) * 500,
        2: (w.message(Message(19, 0, 0, so.encode(so.Message(
            "big", 0, False, [so.change("a%d" % i, "v" * 200)
                              for i in range(20)])), 3)) +
            w.message(Message(19, 0, 0, so.encode(so.Message(
                "keep", 0, True, [so.change("a", "v" * 200)])), 3))) * 4,
        3: w.message(Message(20, 0, 0, amf0.encode("createStream", 5.0, None),
                             3)) * 200,
        4: w.message(Message(9, 1, 0, b"\x17\1\0\0\0" + bytes(30000), 6)) * 5,
        5: w.message(Message(20, 1, 0, amf0.encode("play", 0.0, None, "fl"),
                             8)) * 50,
    }
    end = time.monotonic() + 7
    probe = Probe(a.first)
    n = 0
    while time.monotonic() < end:
        probe.turn()
        n += 1
        data[6] = w.message(Message(6, 0, 0, n.to_bytes(4, "big") + b"\2",
                                    2)) * 2
        for kind, c in cs:
            if not c.closed and len(c.out) < 1 << 20:
                c.send_raw(data[kind])
        loop.turn(time.monotonic() + 0.01)
    a.check(grow=128)
    ok(probe.worst < tap.bound(1), "an answer took %.1f s" % probe.worst)
    for _, c in cs:
        c.abort()
    a.check(grow=128)
    a.calm()


@case(timeout=60)
def empty_messages_and_those_of_16_MB():
    a = Arena()
    c = connect(a.s, "echo/big")
    st = c.stream().publish("big", "record")
    v = connect(a.s, "echo/big").stream().play("big", -1)
    for type in (8, 9, 22, 4, 19, 16, 20, 17, 18, 15):
        if c.closed:
            c = connect(a.s, "echo/big")
            st = c.stream().publish("big%d" % type, "record")
        c.send_message(type, b"", st.msid)
        alive(c)
    c.abort()
    for type in (9, 8, 18, 22, 19, 20):
        c = connect(a.s, "echo/big%d" % type)
        st = c.stream().publish("big", "record")
        c.set_chunk_size(0xffffff)
        c.send_message(type, b"\x17\1\0\0\0" + bytes((1 << 24) - 6), st.msid)
        c.flush(30)
        eq(alive(c, 20), type in (9, 22), "type %d" % type)
        c.abort()
    v.client.abort()
    a.check(grow=200)
    a.calm()


@case(timeout=60)
def aggregates_that_lie():
    a = Arena()
    rnd = random.Random(5)
    tags = media.synthetic(2)
    body = b"".join(
        bytes((t.type,)) + len(t.data).to_bytes(3, "big") +
        (t.ts & 0xffffff).to_bytes(3, "big") + bytes((t.ts >> 24,)) +
        bytes(3) + t.data + (11 + len(t.data)).to_bytes(4, "big")
        for t in tags)
    c = connect(a.s, "echo/agg")
    st = c.stream().publish("agg", "record")
    v = connect(a.s, "echo/agg").stream().play("agg", -1)
    for i in range(300):
        b = bytearray(body[:rnd.randrange(len(body))])
        for _ in range(rnd.randrange(4)):
            if b:
                b[rnd.randrange(len(b))] = rnd.randrange(256)
        c.send_message(22, b, st.msid, ts=rnd.choice((0, 1000, 0xfffffffe)))
        if c.closed:
            c = connect(a.s, "echo/agg")
            st = c.stream().publish("agg", "append")
    nested = body
    for _ in range(50):
        nested = bytes((22,)) + (len(nested) & 0xffffff).to_bytes(3, "big") + \
            bytes(7) + nested + (11 + len(nested)).to_bytes(4, "big")
    c.send_message(22, nested, st.msid)
    alive(c)
    c.abort()
    v.client.abort()
    a.check()


@case(timeout=60)
def codecs_changed_in_mid_stream():
    a = Arena()
    rnd = random.Random(11)
    heads = [b"\x17\0\0\0\0", b"\x17\1\0\0\0", b"\x27\1\0\0\0", b"\x17\2\0\0\0",
             b"\x90hvc1", b"\x91hvc1", b"\xa1hvc1", b"\x90av01", b"\x91vp09",
             b"\x95hvc1", b"\x96\0", b"\x97\0\0", b"\x57\0", b"\x57\1", b"\x12",
             b"\x52\0", b"", b"\x17", b"\x90", b"\x90hv", b"\x94\0\0\0",
             b"\xd0\0\0\0\0\0"]
    audio = [b"\xaf\0\x12\x10", b"\xaf\1", b"\x2f", b"\xaf", b"", b"\x90Opus",
             b"\x91Opus", b"\x95\0", b"\x97\0\0", b"\xb2", b"\x9f"]
    c = connect(a.s, "echo/codec")
    st = c.stream().publish("c", "record")
    vs = [connect(a.s, "echo/codec").stream().play("c", -1)
          for _ in range(3)]
    for i in range(3000):
        if rnd.randrange(2):
            c.send_message(9, rnd.choice(heads) + rnd.randbytes(
                rnd.choice((0, 1, 5, 300))), st.msid, ts=i * 10)
        else:
            c.send_message(8, rnd.choice(audio) + rnd.randbytes(
                rnd.choice((0, 1, 5, 50))), st.msid, ts=i * 10)
        if i % 100 == 0:
            vs.append(connect(a.s, "echo/codec").stream())
            vs[-1].command("play", "c", rnd.choice((-2.0, -1.0, 0.0, 3000.0)))
            vs.pop(0).client.abort()
    eq(c.ask("add", 1, 1, timeout=20), 2.0)
    st.unpublish(20)
    p = connect(a.s, "echo/codec").stream()
    p.buffer(36000000)
    p.play("c", 0)
    p.wait_status("NetStream.Play.Stop", 20)
    ok(len(p.media) > 1000, "%d tags back" % len(p.media))
    a.check()


@case(timeout=90)
def stopped_and_killed_roles_under_load():
    a = Arena({"limits.heartbeat_time": "2s"})
    a.s.dirty = True
    pub = publisher(a.s, "echo/load", "x", "record")
    feed = pub.feed_live(media.synthetic(120))
    for _ in range(5):
        connect(a.s, "echo/load").stream().play("x", -1)
    os.kill(a.worker, signal.SIGSTOP)
    wait(lambda: pub.client.closed, 20, "the stopped worker to be replaced")
    eq(a.canary.ask("echo", 3), 3.0)
    feed.stop()
    c = connect(a.s, "echo/load")
    gateway = a.s.gateway()
    os.kill(gateway, signal.SIGKILL)
    eq(c.ask("add", 1, 1), 2.0, "a client handed over before")
    eq(poll(lambda: again(a.s), 10, "a new gateway").ask("add", 1, 1), 2.0)
    gateway = a.s.gateway()
    os.kill(gateway, signal.SIGSTOP)
    eq(a.canary.ask("echo", 3), 3.0)
    poll(lambda: a.s.gateway() not in (None, gateway), 20,
         "the stopped gateway to be replaced")
    eq(poll(lambda: again(a.s), 10, "a new gateway").ask("add", 1, 1), 2.0)
    eq(a.canary.ask("echo", 3), 3.0)
    os.kill(a.s.pid, signal.SIGKILL)
    wait(lambda: a.canary.closed, 20, "the roles to end with the supervisor")


def again(s):
    try:
        return Client(s.rtmp).connect("echo/again", timeout=5)
    except (OSError, AssertionError):
        return None


@case(timeout=90)
def a_worker_killed_while_clients_are_handed_over():
    a = Arena()
    a.s.dirty = True
    rnd = random.Random(13)
    for i in range(5):
        cs = [Client(a.s.rtmp, start=False) for _ in range(20)]
        for c in cs:
            c.begin_shake()
            c.begin_connect("echo/h%d" % i)
        loop.run_for(rnd.random() / 50)
        for pid, role, argv in a.s.roles():
            if role == "worker" and argv[-1] == "echo":
                os.kill(pid, signal.SIGKILL)
        wait(lambda: all(c.closed or c.results for c in cs), 30,
             "each to be answered or closed")
        for c in cs:
            c.abort()
        eq(a.canary.ask("echo", 1), 1.0)
    poll(lambda: again(a.s), 30, "echo to serve again")


@case(timeout=60)
def streams_deleted_and_clients_gone_while_the_script_is_asked():
    a = Arena()
    a.s.app("slow", SLOW_APP)
    rnd = random.Random(9)
    end = time.monotonic() + 6
    cs = []
    while time.monotonic() < end:
        if len(cs) < 10:
            c = Client(a.s.rtmp)
            c.begin_connect("slow/%d" % rnd.randrange(3))
            cs.append(c)
        c = rnd.choice(cs)
        if c.closed:
            cs.remove(c)
            continue
        what, msid = rnd.randrange(12), rnd.randrange(1, 4)
        name = "p%d" % rnd.randrange(3)
        if what < 2:
            c.call("createStream")
        elif what == 2:
            c.command("deleteStream", 0, float(msid))
        elif what < 5:
            c.command("publish", 0, name, rnd.choice(("live", "record")),
                      msid=msid)
        elif what < 8:
            c.command("play", 0, name, rnd.choice((-2.0, -1.0, 0.0)), -1.0,
                      rnd.choice((True, False)), msid=msid)
        elif what < 10:
            c.call(("echo", "back")[what - 8], 1)
        elif what == 10 and rnd.randrange(10) == 0:
            c.abort()
        else:
            c.send_message(9, b"\x17\1\0\0\0" + bytes(50), msid)
        loop.turn(time.monotonic() + 0.003)
    for c in cs:
        c.abort()
    a.check()
    a.calm()


@case
def a_play_takes_the_stream_from_a_publish_being_asked():
    a = Arena()
    a.s.app("slow", SLOW_APP)
    st = connect(a.s, "slow").stream()
    st.command("publish", "p", "live")
    st.command("play", "q", -1.0, -1.0, False)
    st.wait_status("NetStream.Play.Start")
    loop.run_for(0.3)           # the answer to the publish has come by then
    eq(statuses(st), ["NetStream.Play.Start"])
    a.check()


@case
def one_of_many_publishers_gets_a_name():
    a = Arena()
    for _ in range(4):
        ps = [connect(a.s, "echo/race").stream() for _ in range(6)]
        for p in ps:
            p.command("publish", "one", "record")
        for p in ps:
            p.client.wait(lambda: any("Publish" in x for x in statuses(p)), 5,
                          "a verdict")
        eq([statuses(p)[0] for p in ps].count("NetStream.Publish.Start"), 1)
        for p in ps:
            p.client.abort()
    a.check()
    a.calm()


@case(timeout=60)
def a_full_disk_loses_nothing_acknowledged():
    a = Arena(make=Limited, wrap=("prlimit", "--fsize=150000"))
    c = connect(a.s, "echo/full")
    o = c.object("keep", True)
    o.set(a=1.0)
    o.wait_code("success", "a")
    st = c.stream().publish("r", "record")
    st.feed(media.synthetic(90), flush=False)
    for i in range(300):
        o.set(**{"s%d" % i: "x" * 2000})
    o.wait_code("reject", "SharedObject.NoWriteAccess", timeout=20)
    st.wait_token("status:NetStream.Record.Failed", 20)
    eq(c.ask("add", 1, 1, timeout=20), 2.0)
    a.check()
    kept = {x[1] for x in o.codes if x[0] == "success"}
    reader = connect(a.s, "echo/full").object("keep", True)
    eq(reader.slots, o.slots, "what a newcomer and the writer see")
    a.s.stop()
    a.s.wrap = []
    a.s.start()
    o = connect(a.s, "echo/full").object("keep", True)
    eq(kept - set(o.slots), set(), "acknowledged and lost")
    o.set(again=1.0)
    o.wait_code("success", "again")


@case(timeout=60)
def few_descriptors_refuse_and_recover():
    a = Arena(make=Limited, wrap=("prlimit", "--nofile=80"))
    cs, refused = [], 0
    for _ in range(120):
        c = Client(a.s.rtmp)
        try:
            c.connect("echo/x", timeout=5)
            cs.append(c)
        except Refused as e:
            eq(e.code, "NetConnection.Connect.Rejected")
            refused += 1
    ok(cs and refused, "%d connected, %d refused" % (len(cs), refused))
    cs[0].stream().publish("r", "record").feed(media.synthetic(1))
    eq(a.s.ctl_run("status")[0], 0)
    a.check()
    for c in cs:
        c.abort()
    poll(lambda: again(a.s), 10, "a free descriptor")
    a.check()


@case(timeout=60)
def clients_that_never_read_do_not_delay_the_end():
    a = Arena()
    p = publisher(a.s, "echo/x", "x")
    for _ in range(5):
        connect(a.s, "echo/x").stream().play("x", -1).client.hold()
    for i in range(200):
        p.send_tag(flv.Tag(9, i * 40, b"\x17\1\0\0\0" + bytes(60000)))
    p.client.flush()
    c = connect(a.s, "echo/x")
    c.hold()
    for _ in range(3000):
        c.call("echo", "x" * 1000)
    loop.run_for(0.3)
    eq(a.s.stop(timeout=10), 0)


@case(timeout=60)
def the_admin_socket_takes_any_bytes():
    a = Arena()
    socks = []

    def talk(data):
        k = socket.socket(socket.AF_UNIX)
        socks.append(k)
        k.settimeout(5)
        k.connect(a.s.socket())
        try:
            k.sendall(data)
            return k.recv(300)
        except (BrokenPipeError, ConnectionResetError):
            return b""
    for data in (b"{}\n", b"[]\n", b"null\n", b"\xff\xff\n", b"\0\n",
                 b'{"id":1e400}\n', b'{"id":1,"do":5}\n', b"x" * 3000000,
                 b'{"id":1,"do":["status"],"x":' + b"[" * 100000 + b"\n",
                 b'{"a":' * 5000 + b"\n", b"GET / HTTP/1.1\r\n\r\n"):
        ok(b"usage" in talk(data) or data[:1] == b"x", "%r" % data[:30])
    for _ in range(40):
        k = socket.socket(socket.AF_UNIX)
        k.connect(a.s.socket())
        k.sendall(b'{"id":1,"do":')
        socks.append(k)
    eq(a.s.ctl_run("ping")[0], 0)
    for k in socks:
        k.close()
    a.check()
    a.calm()


@case(timeout=60)
def the_http_port_takes_any_bytes():
    a = Arena()
    table = [(b"GET /healthz HTTP/1.0\r\n\r\n", b" 200 "),
             (b"A" * 100000, b" 400 "), (b"\x16\3\1\2\0\r\n\r\n", b""),
             (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000, b" 4"),
             (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
              b" 413 "),
             (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
              b"ffffffffffffffff\r\n", b" 4"),
             (b"GET /../../etc/passwd HTTP/1.1\r\n\r\n", b" 404 "),
             (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n\r\n", b" 404 "),
             (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b" 400 ")]
    socks = []
    for data, want in table:
        k = socket.create_connection(a.s.http, 5)
        socks.append(k)
        try:
            k.sendall(data)
            got = k.recv(400)
        except ConnectionResetError:
            continue
        ok(want in got[:20], "%r: %r" % (data[:40], got[:60]))
    for _ in range(600):
        socks.append(socket.create_connection(a.s.http, 5))
    eq(connect(a.s, "echo/x").ask("add", 1, 1), 2.0)
    for k in socks:
        k.close()
    a.check()
    a.calm()


@case
def a_wrong_app_yaml_is_named_with_line_and_column():
    s = Server()
    s.app("wrong", CALM, "publish: deny\nmax_clientz: 5\n")
    s.app("broken", CALM, "a: 1\nb: [\n")
    for app, where in (("wrong", r"app\.yaml:2:1: .*max_clients"),
                       ("broken", r"app\.yaml:\d+:\d+: ")):
        c = Client(s.rtmp)
        eq(c.refused(app)["code"], "NetConnection.Connect.Failed")
        s.wait_log("app=%s .*%s" % (app, where))
    eq(connect(s, "echo").ask("add", 1, 1), 2.0)


@case
def closed_standard_descriptors_are_not_used_for_other_files():
    s = Limited(wrap=("sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-'))
    eq(connect(s, "echo").ask("add", 1, 1), 2.0)
    pids = [s.pid] + [p for p, _, _ in s.roles()]
    ok(len(pids) >= 3, "roles: %r" % pids)
    for pid in pids:
        eq([os.readlink("/proc/%d/fd/%d" % (pid, fd)) for fd in range(3)],
           ["/dev/null"] * 3, "descriptors 0 to 2 of %d" % pid)


@case
def odd_starts_are_explained():
    s = Server(start=False)
    for argv, code, said in (
            (["--ready-fd", "900"], 2, "descriptor 900 is not open"),
            (["-o", "state=/etc/passwd"], 78, "/etc/passwd"),
            (["-o", "apps=/etc/passwd"], 78, "apps folder"),
            (["-o", "state=%s" % (s.tmp / ("d" * 120))], 78,
             "admin.socket")):
        p = Process([server.fcsd(), *s.argv()[1:], *argv], user=s.uid,
                    group=s.gid, cwd=s.tmp)
        eq(p.finish(10), code, " ".join(argv))
        ok(said in p.err.decode(), p.err.decode())
    s.options["apps"] = s.tmp / "nosuch"
    s.start()
    s.wait_log("apps.missing .*no such folder")


tap.main()
