# SPDX-License-Identifier: BSD-2-Clause
"""Shared-object messages and a client's replica of one object."""

import dataclasses
import struct

from . import amf0
from .reactor import wait
from .values import AmfError, Avm

USE, RELEASE, REQUEST_CHANGE, CHANGE, SUCCESS, SEND, STATUS, CLEAR, REMOVE, \
    REQUEST_REMOVE, USE_SUCCESS = range(1, 12)
REQUEST_CLEAR = 14

NAMES = {1: "use", 2: "release", 3: "request", 4: "change", 5: "success",
         6: "send", 7: "status", 8: "clear", 9: "remove",
         10: "request_remove", 11: "use_success", 14: "request_clear"}


@dataclasses.dataclass
class Event:
    type: int
    body: bytes = b""

    @property
    def name(self):
        return NAMES.get(self.type, str(self.type))


@dataclasses.dataclass
class Message:
    name: str
    version: int = 0
    persistent: bool = False
    events: list = dataclasses.field(default_factory=list)
    amf3: bool = False
    flags: int = None


def utf(s):
    b = s.encode("utf-8", "surrogateescape")
    return struct.pack(">H", len(b)) + b


def un_utf(b, pos=0):
    if pos + 2 > len(b):
        raise AmfError("string header cut")
    n = int.from_bytes(b[pos:pos + 2], "big")
    if pos + 2 + n > len(b):
        raise AmfError("string cut")
    return bytes(b[pos + 2:pos + 2 + n]).decode("utf-8", "surrogateescape"), \
        pos + 2 + n


def encode(m):
    out = bytearray(b"\0" if m.amf3 else b"")
    flags = m.flags if m.flags is not None else 2 * m.persistent
    out += utf(m.name) + struct.pack(">III", m.version, flags, 0)
    for e in m.events:
        out += struct.pack(">BI", e.type, len(e.body)) + e.body
    return bytes(out)


def decode(data, amf3=False):
    pos = 0
    if amf3:
        if data[0] != 0:
            raise AmfError("type 16 starts with %d" % data[0])
        pos = 1
    name, pos = un_utf(data, pos)
    version, flags, zero = struct.unpack(">III", data[pos:pos + 12])
    if zero:
        raise AmfError("reserved word is %d" % zero)
    pos += 12
    m = Message(name, version, bool(flags & 2), [], amf3, flags)
    while pos < len(data):
        kind, n = struct.unpack(">BI", data[pos:pos + 5])
        if pos + 5 + n > len(data):
            raise AmfError("event cut")
        m.events.append(Event(kind, bytes(data[pos + 5:pos + 5 + n])))
        pos += 5 + n
    return m


def use():
    return Event(USE)


def release():
    return Event(RELEASE)


def pair(key, value):
    return utf(key) + amf0.encode(value)


def change(key, value, amf3=False):
    """A request to change one slot."""
    return Event(REQUEST_CHANGE, pair(key, Avm(value) if amf3 else value))


def remove(key):
    return Event(REQUEST_REMOVE, utf(key))


def send(name, *args, amf3=False):
    args = [Avm(a) if amf3 else a for a in args]
    return Event(SEND, amf0.encode(name, *args))


class Replica:
    """One object at one client.

    slots    what this client believes
    codes    (code, slot[, value]) in the order they came, as onSync would:
             clear, success, change, delete, reject (status)
    heard    (handler, [args]) of every send
    messages every so.Message received
    """

    def __init__(self, client, name, persistent=False, version=0, amf3=None):
        self.client, self.name, self.persistent = client, name, persistent
        self.amf3 = client.encoding == 3 if amf3 is None else amf3
        self.version = version
        self.slots, self.pending = {}, {}
        self.codes, self.heard, self.messages, self.status = [], [], [], []
        self.used = False
        client.replicas[name] = self

    def emit(self, *events, version=None):
        m = Message(self.name, self.version if version is None else version,
                    self.persistent, list(events), self.amf3)
        self.client.send_message(16 if self.amf3 else 19, encode(m))
        return self

    def use(self, timeout=5):
        """Ask, and wait until the server has said yes or no."""
        n = len(self.messages)
        self.emit(use())
        wait(lambda: len(self.messages) > n or self.client.closed, timeout,
             "an answer to use of " + self.name)
        return self

    def release(self):
        self.used = False
        return self.emit(release())

    def set(self, **slots):
        return self.set_all(slots)

    def set_all(self, slots):
        for k, v in slots.items():
            self.pending.setdefault(k, []).append(v)
        return self.emit(*[change(k, v, self.amf3) for k, v in slots.items()])

    def remove(self, *keys):
        return self.emit(*[remove(k) for k in keys])

    def send(self, handler, *args):
        return self.emit(send(handler, *args, amf3=self.amf3))

    def clear(self):
        return self.emit(Event(REQUEST_CLEAR))

    def receive(self, m):
        self.messages.append(m)
        self.version = m.version
        for e in m.events:
            getattr(self, "_on_" + e.name, self._on_odd)(e)

    def _on_odd(self, e):
        self.codes.append(("odd", e.type))

    def _on_use_success(self, e):
        self.used = True

    def _on_clear(self, e):
        self.slots.clear()
        self.codes.append(("clear",))

    def _on_change(self, e):
        key, pos = un_utf(e.body)
        r = amf0.Reader(e.body, pos)
        value = r.value()
        if r.more():
            raise AmfError("more than one pair in a change")
        self.slots[key] = value
        self.codes.append(("change", key))

    def _on_success(self, e):
        key, pos = un_utf(e.body)
        if pos != len(e.body):
            raise AmfError("success carries more than a name")
        self.codes.append(("success", key))
        if key in self.pending:
            value = self.pending[key].pop(0)
            if not self.pending[key]:
                del self.pending[key]
            if value is None:
                self.slots.pop(key, None)
            else:
                self.slots[key] = value

    def _on_remove(self, e):
        key, _ = un_utf(e.body)
        self.slots.pop(key, None)
        self.codes.append(("delete", key))

    def _on_send(self, e):
        r = amf0.Reader(e.body)
        name = r.value()
        args = []
        while r.more():
            args.append(r.value())
        self.heard.append((name, args))

    def _on_status(self, e):
        code, pos = un_utf(e.body)
        level, _ = un_utf(e.body, pos)
        self.status.append((code, level))
        self.codes.append(("reject", code))

    def wait_code(self, *code, timeout=5, since=0):
        wait(lambda: tuple(code) in self.codes[since:], timeout,
             "%r on %s; have %r" % (code, self.name, self.codes[-5:]))
        return self

    def wait_slot(self, key, value, timeout=5):
        wait(lambda: key in self.slots and self.slots[key] == value, timeout,
             "%s of %s = %r" % (key, self.name, value))
        return self

    def wait_slots(self, slots, timeout=5):
        wait(lambda: self.slots == slots, timeout,
             "%s as a whole" % self.name)
        return self

    def wait_heard(self, count=1, timeout=5):
        wait(lambda: len(self.heard) >= count, timeout, "a send")
        return self.heard
