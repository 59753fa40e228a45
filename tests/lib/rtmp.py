# SPDX-License-Identifier: BSD-2-Clause
"""An RTMP client for tests.

    c = Client(server.rtmp).connect("echo/room")
    c.ask("add", 2, 3)                      # 5.0, or CallFailed
    s = c.stream()
    s.publish("x")                          # waits for Publish.Start
    s.play("x", start=0)                    # waits for Play.Start
    s.wait_status("NetStream.Play.Stop")

Everything that arrives is kept, in order, in c.messages and c.events; each
stream keeps its own part in s.events.
"""

import dataclasses
import errno
import math
import os
import selectors
import socket
import time

from . import amf0, chunk, flv, handshake, so
from .chunk import Message, ProtocolError
from .reactor import loop, wait
from .tap import cleanup
from .values import Avm, EcmaArray, Object, Undefined

USER_CONTROL = {0: "begin", 1: "eof", 2: "dry", 3: "buffer", 4: "recorded",
                6: "ping", 7: "pong", 31: "empty", 32: "ready"}
FLASH = "LNX 10,0,32,18"


class CallFailed(AssertionError):
    def __init__(self, info):
        super().__init__(repr(info))
        self.info = info if isinstance(info, dict) else {}
        self.code = self.info.get("code")


class Refused(CallFailed):
    """connect was answered with _error."""


class Closed(AssertionError):
    """The server closed the connection while something was awaited."""


@dataclasses.dataclass
class Event:
    """kind: uc, status, data, audio, video, command."""

    kind: str
    name: str
    value: object
    message: Message

    @property
    def token(self):
        if self.kind in ("audio", "video"):
            d = self.message.payload
            if not d:
                return self.kind + " empty"
            if flv.is_config(self.message.type, d):
                return self.kind + " config"
            return "key" if flv.is_key(self.message.type, d) else self.kind
        return "%s:%s" % (self.kind, self.name)


class Client:
    def __init__(self, address, digest=False, source=None, chunk_size=None,
                 pipeline=False, delta=False, rcvbuf=None, start=True,
                 c1=None, hold=False):
        """address: (host, port).  pipeline: C2 and connect in one segment.
        hold: read nothing until resume()."""
        self.address = address
        self.digest, self.pipeline = digest, pipeline
        self.reader = chunk.Reader()
        self.writer = chunk.Writer(delta=delta)
        self.want_chunk = chunk_size
        self.messages, self.events, self.commands = [], [], []
        self.statuses = []              # onStatus of the connection (msid 0)
        self.streams, self.replicas, self.on = {}, {}, {}
        self.results = {}
        self.txn = 0
        self.encoding = 0
        self.closed = None              # None, "eof" or "reset"
        self.closed_at = None
        self.inbuf, self.out = bytearray(), bytearray()
        self.state = "new"
        self.auto_pong = self.auto_ack = True
        self.window, self.acked = 0, 0
        self.pings = []
        self.info = self.props = None
        self.answer = None              # "simple" or "digest"
        self.c1 = c1
        self.sock = socket.socket(
            socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            self.sock.bind((source, 0))
        self.sock.settimeout(5)
        self.sock.connect(address)
        self.sock.setblocking(False)
        self.fd = self.sock.fileno()
        self.held = hold
        self._arm()
        cleanup(self.abort)
        if start:
            self.shake()

    # -- bytes ------------------------------------------------------------

    def _arm(self):
        if self.closed:
            return
        ev = 0 if self.held else selectors.EVENT_READ
        if self.out:
            ev |= selectors.EVENT_WRITE
        if ev:
            loop.watch(self.fd, self._ready, ev)
        else:
            loop.forget(self.fd)

    def hold(self):
        """Stop reading: be a slow peer."""
        self.held = True
        self._arm()

    def resume(self):
        self.held = False
        self._arm()

    def send_raw(self, data):
        if self.closed:
            return
        self.out += data
        self._flush()

    def _flush(self):
        try:
            while self.out:
                n = self.sock.send(self.out)
                del self.out[:n]
        except BlockingIOError:
            pass
        except OSError as e:
            self.out.clear()
            if e.errno in (errno.EPIPE, errno.ECONNRESET):
                self._read()            # what it said before it closed
                self._gone("reset")
            else:
                raise
        self._arm()

    def _ready(self, events):
        if events & selectors.EVENT_WRITE:
            self._flush()
        if events & selectors.EVENT_READ and not self.closed:
            self._read()

    def _read(self):
        for _ in range(8):
            try:
                data = self.sock.recv(1 << 18)
            except BlockingIOError:
                return
            except ConnectionResetError:
                self._gone("reset")
                return
            if not data:
                self._gone("eof")
                return
            self._input(data)
            if self.closed:
                return

    def _gone(self, why):
        if self.closed:
            return
        self.closed, self.closed_at = why, time.monotonic()
        loop.forget(self.fd)
        self.sock.close()

    def close(self):
        """An orderly close from this side."""
        if not self.closed:
            self._flush()
            self._gone("local")

    def abort(self):
        """Reset the connection."""
        if not self.closed:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 b"\1\0\0\0\0\0\0\0")
            self._gone("local")

    def flush(self, timeout=10):
        wait(lambda: not self.out or self.closed, timeout, "output to leave")

    def wait_closed(self, timeout=10):
        wait(lambda: self.closed, timeout, "the server to close")
        return self.closed

    def wait(self, pred, timeout=5, what=""):
        """As wait(), but fails at once when the connection ends."""
        def either():
            return pred() or (self.closed and "closed")
        value = wait(either, timeout, what)
        if value == "closed" and not pred():
            raise Closed("%s while waiting for %s" % (self.closed, what))
        return value if value != "closed" else pred()

    # -- handshake ---------------------------------------------------------

    def shake(self, timeout=5):
        self.begin_shake()
        if not self.pipeline:
            self.wait(lambda: self.state == "open", timeout, "S0 S1 S2")
        return self

    def begin_shake(self):
        if self.c1 is None:
            self.c1 = handshake.c1_digest() if self.digest else \
                handshake.c1_simple()
        self.state = "shake"
        self.send_raw(b"\x03" + self.c1)

    def _input(self, data):
        if self.state != "open":
            self.inbuf += data
            if len(self.inbuf) < 3073:
                return
            s1, s2 = bytes(self.inbuf[1:1537]), bytes(self.inbuf[1537:3073])
            self.answer = handshake.check(self.c1, self.inbuf[0], s1, s2)
            self.s1 = s1
            self.state = "open"
            data = bytes(self.inbuf[3073:])
            self.inbuf.clear()
            late, self.late = getattr(self, "late", b""), b""
            self.send_raw(handshake.c2(self.c1, s1) + late)
        now = time.monotonic()
        for m in self.reader.feed(data):
            m.at = now
            self.messages.append(m)
            self._dispatch(m)
        if self.auto_ack and self.window and \
                self.reader.total - self.acked >= self.window:
            self.acked = self.reader.total
            self.control(chunk.ACK, self.acked.to_bytes(4, "big"))

    # -- sending -----------------------------------------------------------

    def send_message(self, type, payload, msid=0, csid=None, ts=0, fmt=None):
        if csid is None:
            csid = {8: 4, 9: 6, 18: 5, 15: 5, 22: 7}.get(type, 3)
            if type <= 6:
                csid = 2
            elif type in (20, 17) and msid:
                csid = 8
        data = self.writer.message(
            Message(type, msid, ts, bytes(payload), csid), fmt)
        if self.state != "open":
            self.late = getattr(self, "late", b"") + data
        else:
            self.send_raw(data)

    def control(self, type, payload):
        self.send_message(type, payload)

    def set_chunk_size(self, n):
        self.control(chunk.SET_CHUNK_SIZE, n.to_bytes(4, "big"))
        self.writer.size = n

    def user_control(self, event, *words):
        self.control(4, event.to_bytes(2, "big") +
                     b"".join(w.to_bytes(4, "big") for w in words))

    def command(self, name, txn, *args, obj=None, msid=0, amf3=None,
                csid=None):
        if amf3 is None:
            amf3 = self.encoding == 3
        if amf3:
            body = b"\0" + amf0.encode(name, float(txn), obj) + b"".join(
                amf0.encode(Avm(a)) for a in args)
            self.send_message(17, body, msid, csid)
        else:
            self.send_message(20, amf0.encode(name, float(txn), obj, *args),
                              msid, csid)

    def call(self, name, *args, obj=None, msid=0):
        """Send a call; its transaction id, for result()."""
        self.txn += 1
        self.command(name, self.txn, *args, obj=obj, msid=msid)
        return self.txn

    def result(self, txn, timeout=5):
        """The value answered to txn; CallFailed when it was an error."""
        name, args = self.wait(lambda: self.results.get(txn), timeout,
                               "an answer to call %d" % txn)
        value = args[1] if len(args) > 1 else Undefined
        if name == "_error":
            raise CallFailed(value)
        return value

    def ask(self, name, *args, timeout=5):
        return self.result(self.call(name, *args), timeout)

    def tell(self, name, *args):
        self.command(name, 0, *args)

    # -- connect -----------------------------------------------------------

    def begin_connect(self, app, *args, encoding=None, tc_url=None,
                      bare=False, **fields):
        self.app = app
        obj = Object(app=app)
        if not bare:
            obj.update(flashVer=FLASH, fpad=False, capabilities=239,
                       audioCodecs=3575, videoCodecs=252, videoFunction=1,
                       tcUrl=tc_url or "rtmp://%s:%d/%s" %
                       (*self.address[:2], app))
        if encoding is not None:
            obj["objectEncoding"] = encoding
        obj.update(fields)
        self.txn += 1
        self.connect_txn = self.txn
        self.command("connect", self.txn, *args, obj=obj, amf3=False)

    def end_connect(self, timeout=10):
        name, values = self.wait(lambda: self.results.get(self.connect_txn),
                                 timeout, "an answer to connect")
        self.props = values[0] if values else None
        self.info = values[1] if len(values) > 1 else {}
        if name == "_error":
            raise Refused(self.info)
        self.encoding = int(self.info.get("objectEncoding", 0))
        self.id = self.info.get("clientid")
        if self.want_chunk:
            self.set_chunk_size(self.want_chunk)
        return self

    def connect(self, app, *args, timeout=10, **kw):
        self.begin_connect(app, *args, **kw)
        return self.end_connect(timeout)

    def refused(self, app, *args, timeout=10, **kw):
        """Connect where a refusal is expected: its info object."""
        try:
            self.connect(app, *args, timeout=timeout, **kw)
        except Refused as e:
            return e.info
        raise AssertionError("%s was accepted" % app)

    def stream(self, timeout=5):
        msid = int(self.ask("createStream", timeout=timeout))
        s = self.streams[msid] = Stream(self, msid)
        return s

    def object(self, name, persistent=False, version=0, use=True, amf3=None):
        r = so.Replica(self, name, persistent, version, amf3)
        return r.use() if use else r

    # -- receiving ---------------------------------------------------------

    def _dispatch(self, m):
        if m.type == 5:
            self.window = int.from_bytes(m.payload, "big")
        elif m.type == 4:
            self._user_control(m)
        elif m.type in (8, 9):
            self._event(m.msid, Event("audio" if m.type == 8 else "video",
                                      "", None, m))
        elif m.type in (18, 15):
            body = m.payload[m.type == 15:]
            values = amf0.decode(body)
            self._event(m.msid, Event("data", values[0], values[1:], m))
        elif m.type in (20, 17):
            self._command(m, amf0.decode(m.payload[m.type == 17:]))
        elif m.type in (19, 16):
            sm = so.decode(m.payload, m.type == 16)
            if sm.name in self.replicas:
                self.replicas[sm.name].receive(sm)
            self.events.append(Event("so", sm.name, sm, m))

    def _event(self, msid, e):
        self.events.append(e)
        if msid in self.streams:
            self.streams[msid].events.append(e)

    def _user_control(self, m):
        ev = int.from_bytes(m.payload[:2], "big")
        arg = int.from_bytes(m.payload[2:6], "big")
        if ev == 6:
            self.pings.append(arg)
            if self.auto_pong:
                self.user_control(7, arg)
        self._event(arg if ev in (0, 1, 2, 4, 31, 32) else 0,
                    Event("uc", USER_CONTROL.get(ev, str(ev)), arg, m))

    def _command(self, m, values):
        name, txn, args = values[0], values[1], values[2:]
        if name in ("_result", "_error"):
            self.results[int(txn) if math.isfinite(txn) else txn] = \
                (name, args)
            return
        if name == "onStatus":
            info = args[1]
            if txn != 0:
                raise ProtocolError("onStatus with transaction %r" % txn)
            self._event(m.msid, Event("status", info.get("code"), info, m))
            if m.msid == 0:
                self.statuses.append(info)
            return
        self.commands.append((name, txn, args[1:]))
        self._event(m.msid, Event("command", name, args[1:], m))
        if txn:
            self._answer(name, txn, args[1:])

    def _answer(self, name, txn, args):
        if name not in self.on:
            self.command("_error", txn, Object(
                level="error", code="NetConnection.Call.Failed",
                description="Method not found (%s)." % name))
            return
        value = self.on[name](*args)
        if value is not Mute:
            self.command("_result", txn, value)

    def wait_status(self, code, timeout=5):
        """onStatus on the connection itself."""
        return wait(lambda: next((i for i in self.statuses
                                  if i.get("code") == code), None),
                    timeout, code)

    def wait_command(self, name, timeout=5):
        return self.wait(lambda: next((c for c in self.commands
                                       if c[0] == name), None), timeout,
                         "a call of " + name)

    def tokens(self):
        return [e.token for e in self.events]


class Mute:
    """A handler's value that means: do not answer."""


class Stream:
    def __init__(self, client, msid):
        self.client, self.msid = client, msid
        self.events = []
        self.start = 0
        self.recorded = False

    def command(self, name, *args, txn=0):
        self.client.command(name, txn, *args, msid=self.msid)

    # -- looking -----------------------------------------------------------

    def mark(self):
        """From now on, look only at what comes after this."""
        self.start = len(self.events)
        return self.start

    @property
    def recent(self):
        return self.events[self.start:]

    def tokens(self, media=True):
        return [e.token for e in self.recent
                if media or e.kind not in ("audio", "video")]

    @property
    def media(self):
        return [e.message for e in self.recent if e.kind in ("audio", "video")]

    @property
    def tags(self):
        """Media since the mark as FLV tags, empty messages left out."""
        return [flv.Tag(m.type, m.ts, m.payload) for m in self.media
                if m.payload]

    def data(self, name):
        return [e.value for e in self.recent
                if e.kind == "data" and e.name == name]

    def find(self, token):
        return next((e for e in self.recent if e.token == token), None)

    def wait_token(self, token, timeout=5):
        return self.client.wait(lambda: self.find(token), timeout, token)

    def wait_status(self, code, timeout=5):
        """The info object of that status; another error fails at once."""
        def look():
            for e in self.recent:
                if e.kind == "status":
                    if e.name == code:
                        return e.value
                    if e.value.get("level") == "error":
                        raise CallFailed(e.value)
        return self.client.wait(look, timeout, code)

    def wait_media(self, count=1, timeout=5, kind=None):
        def have():
            return len([m for m in self.media
                        if kind is None or m.type == kind]) >= count
        self.client.wait(have, timeout, "%d media messages" % count)
        return self.media

    # -- publishing --------------------------------------------------------

    def publish(self, name, type="live", timeout=5, wait_start=True):
        self.command("publish", name, type)
        self.recorded = type != "live"
        if wait_start:
            self.wait_status("NetStream.Publish.Start", timeout)
        return self

    def unpublish(self, timeout=5):
        """Stop publishing; a recording is closed afterwards."""
        self.command("closeStream")
        self.wait_status("NetStream.Unpublish.Success", timeout)
        if self.recorded:
            self.wait_status("NetStream.Record.Stop", timeout)

    def send_tag(self, tag, offset=0):
        self.client.send_message(tag.type, tag.data, self.msid,
                                 ts=tag.ts + offset)

    def send_data(self, *values, ts=0):
        self.client.send_message(18, amf0.encode(*values), self.msid, ts=ts)

    def metadata(self, ts=0, **values):
        self.send_data("@setDataFrame", "onMetaData", EcmaArray(values),
                       ts=ts)

    def feed(self, tags, offset=0, flush=True, timeout=30):
        """Send tags as fast as the server takes them."""
        for t in tags:
            self.send_tag(t, offset)
        if flush:
            self.client.flush(timeout)
        return self

    def feed_live(self, tags, speed=1.0, offset=0):
        """Send tags by their own clock; .done when all are out."""
        return Feeder(self, list(tags), speed, offset)

    # -- playing -----------------------------------------------------------

    def play(self, name, start=None, length=None, reset=None, timeout=5,
             wait_start=True):
        self.mark()
        args = [name, start, length, reset]
        while args and args[-1] is None:
            args.pop()
        args = [-2000.0 if a is None else a for a in args]
        self.command("play", *args)
        if wait_start:
            self.wait_status("NetStream.Play.Start", timeout)
        return self

    def buffer(self, ms):
        self.client.user_control(3, self.msid, ms)
        return self

    def seek(self, ms, timeout=5):
        """Seek; afterwards the mark is at Seek.Notify."""
        self.mark()
        self.command("seek", float(ms))
        info = self.wait_status("NetStream.Seek.Notify", timeout)
        self.start += self.tokens().index("status:NetStream.Seek.Notify")
        return info

    def pause(self, ms=0, timeout=5):
        self.mark()
        self.command("pause", True, float(ms))
        return self.wait_status("NetStream.Pause.Notify", timeout)

    def unpause(self, ms=0, timeout=5):
        self.mark()
        self.command("pause", False, float(ms))
        return self.wait_status("NetStream.Unpause.Notify", timeout)

    def play_all(self, name, start=0, length=None, timeout=30):
        """Play with a big buffer up to Play.Stop; the tags."""
        self.buffer(36000000)
        self.play(name, start, length)
        self.wait_status("NetStream.Play.Stop", timeout)
        return self.tags

    def close(self):
        self.command("closeStream")

    def delete(self):
        self.client.command("deleteStream", 0, float(self.msid))
        self.client.streams.pop(self.msid, None)


class Feeder:
    def __init__(self, stream, tags, speed, offset):
        self.stream, self.tags = stream, tags
        self.speed, self.offset = speed, offset
        self.began = time.monotonic()
        self.first = tags[0].ts if tags else 0
        self.sent = 0
        self.stopped = False
        if self._send() is not False:
            loop.every(0.01, self._send)

    @property
    def done(self):
        return self.sent == len(self.tags)

    @property
    def position(self):
        """Time of the last tag sent."""
        return self.tags[self.sent - 1].ts + self.offset if self.sent else 0

    def stop(self):
        self.stopped = True

    def _send(self):
        if self.stopped or self.stream.client.closed:
            return False
        due = self.first + (time.monotonic() - self.began) * 1000 * self.speed
        while self.sent < len(self.tags) and self.tags[self.sent].ts <= due:
            self.stream.send_tag(self.tags[self.sent], self.offset)
            self.sent += 1
        return not self.done
