# SPDX-License-Identifier: BSD-2-Clause
"""An RTMP server for tests of what connects to others: it does as it is told.

    far = FarServer()                       # accepts and answers
    far = FarServer(connect=lambda l, obj, args: l.error(...))
    far.lines                               # every connection, in order

way: what becomes of a connection:
    "normal"    handshake, then commands
    "refuse"    closed at once
    "hang"      nothing is ever said
    "half"      half of S1, then closed
    "garbage"   bytes that are no handshake
    "quiet"     handshake, connect is never answered
    "noise"     handshake, then bytes that are no chunks
"""

import os
import socket

from . import amf0, chunk
from .chunk import Message
from .reactor import loop, wait
from .tap import cleanup
from .values import Avm, Object

SUCCESS = "NetConnection.Connect.Success"


class Line:
    """One connection."""

    def __init__(self, server, sock):
        self.server, self.sock = server, sock
        self.way = server.way
        self.reader, self.writer = chunk.Reader(), chunk.Writer()
        self.raw, self.out = bytearray(), bytearray()
        self.messages, self.commands, self.results = [], [], {}
        self.object, self.args = None, None     # of connect
        self.encoding = 0
        self.closed = False
        self.state = "hello"
        sock.setblocking(False)
        self.fd = sock.fileno()
        self.serial = len(server.lines)
        loop.watch(self.fd, self._ready)
        cleanup(self.close)
        if self.way == "refuse":
            self.close()

    def close(self):
        if not self.closed:
            self.closed = True
            loop.forget(self.fd)
            self.sock.close()

    def abort(self):
        if not self.closed:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 b"\1\0\0\0\0\0\0\0")
            self.close()

    def send_raw(self, data):
        """Blocks: what a test's far server says is short."""
        if not self.closed:
            self.sock.setblocking(True)
            try:
                self.sock.sendall(data)
            except OSError:
                self.close()
                return
            self.sock.setblocking(False)

    def _ready(self, _):
        try:
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
        elif self.state == "open":
            self._feed(data)
        else:
            self._shake(data)

    def _shake(self, data):
        self.raw += data
        if self.way == "hang":
            return
        if self.way == "garbage":
            self.send_raw(b"SSH-2.0-OpenSSH_9.6\r\n" + os.urandom(4096))
            return
        if self.state == "hello" and len(self.raw) >= 1537:
            c1 = bytes(self.raw[1:1537])
            s1 = bytes(8) + os.urandom(1528)
            if self.way == "half":
                self.send_raw(b"\x03" + s1[:700])
                self.close()
                return
            self.send_raw(b"\x03" + s1 + c1)
            self.state = "echo"
        if self.state == "echo" and len(self.raw) >= 1537 + 1536:
            rest = bytes(self.raw[3073:])
            self.state = "open"
            if self.way == "noise":
                self.send_raw(os.urandom(65536))
            self._feed(rest)

    def _feed(self, data):
        for m in self.reader.feed(data):
            self.messages.append(m)
            if m.type in (20, 17):
                self._command(amf0.decode(m.payload[m.type == 17:]))

    def _command(self, values):
        name, txn, args = values[0], values[1], values[2:]
        if name in ("_result", "_error"):
            self.results[int(txn)] = (name, args[1] if len(args) > 1 else None)
            return
        if name == "connect":
            self.object, self.args = args[0], args[1:]
            if self.way != "quiet":
                self.server.connect(self, args[0], args[1:])
            return
        self.commands.append((name, txn, args[1:]))
        self.server.command(self, name, txn, args[1:])

    # -- sending -----------------------------------------------------------

    def send(self, type, payload, csid=3, msid=0):
        self.send_raw(self.writer.message(
            Message(type, msid, 0, bytes(payload), csid)))

    def say(self, name, txn, *args, obj=None):
        if self.encoding == 3:
            self.send(17, b"\0" + amf0.encode(name, float(txn), obj) +
                      b"".join(amf0.encode(Avm(a)) for a in args))
        else:
            self.send(20, amf0.encode(name, float(txn), obj, *args))

    def info(self, code, level="status", **more):
        return Object(level=level, code=code, **more)

    def accept(self, encoding=None, **more):
        """encoding None: as asked for; "none": an answer without it."""
        if encoding is None:
            encoding = int(self.object.get("objectEncoding", 0))
        if encoding != "none":
            more["objectEncoding"] = float(encoding)
        self.say("_result", 1, self.info(SUCCESS, **more),
                 obj=Object(fmsVer="FMS/3,0,1,123", capabilities=31.0))
        self.encoding = 3 if encoding == 3 else 0

    def error(self, code, **more):
        self.say("_error", 1, self.info(code, "error", **more))

    def status(self, code, **more):
        self.say("onStatus", 0, self.info(code, **more))

    def call(self, name, txn, *args, timeout=5):
        """("_result" or "_error", value)"""
        self.results.pop(txn, None)
        self.say(name, txn, *args)
        return wait(lambda: self.results.get(txn), timeout,
                    "an answer to %s" % name)


class FarServer:
    def __init__(self, way="normal", connect=None, command=None,
                 address="127.0.0.1", port=0):
        self.way, self.lines = way, []
        self.connect = connect or (lambda line, obj, args: line.accept())
        self.command = command or (
            lambda line, name, txn, args:
            line.say("_result", txn, *args[:1]) if txn else None)
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((address, port))
        self.sock.listen(128)
        self.sock.setblocking(False)
        self.address = self.sock.getsockname()
        self.open = True
        loop.watch(self.sock.fileno(), self._accept)
        cleanup(self.close)

    def url(self, path="app/inst"):
        return "rtmp://%s:%d/%s" % (*self.address, path)

    def _accept(self, _):
        try:
            sock, _ = self.sock.accept()
        except BlockingIOError:
            return
        self.lines.append(Line(self, sock))

    def line(self, n=-1, timeout=10):
        """Connection n, when it is there."""
        need = n + 1 if n >= 0 else 1
        wait(lambda: len(self.lines) >= need, timeout, "a connection")
        return self.lines[n]

    def close(self):
        if self.open:
            self.open = False
            loop.forget(self.sock.fileno())
            self.sock.close()
