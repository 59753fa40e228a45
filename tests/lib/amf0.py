# SPDX-License-Identifier: BSD-2-Clause
"""AMF0, both ways."""

import struct

from .values import (AmfError, Avm, Date, EcmaArray, Object, Undefined, Xml)

DEPTH_MAX = 256


class Reader:
    def __init__(self, data, pos=0, end=None):
        self.data, self.pos = data, pos
        self.end = len(data) if end is None else end
        self.refs = []

    def take(self, n):
        if self.pos + n > self.end:
            raise AmfError("AMF0 ends early at %d" % self.pos)
        self.pos += n
        return self.data[self.pos - n:self.pos]

    def u8(self):
        return self.take(1)[0]

    def u16(self):
        return int.from_bytes(self.take(2), "big")

    def u32(self):
        return int.from_bytes(self.take(4), "big")

    def text(self, n):
        return bytes(self.take(n)).decode("utf-8", "surrogateescape")

    def key(self):
        return self.text(self.u16())

    def more(self):
        return self.pos < self.end

    def pairs(self, into, depth):
        self.refs.append(into)
        while True:
            if not self.more():
                return into     # tolerated: no end marker at the very end
            key = self.key()
            if key == "" and self.more() and self.data[self.pos] == 9:
                self.pos += 1
                return into
            into[key] = self.value(depth + 1)

    def value(self, depth=0):
        if depth > DEPTH_MAX:
            raise AmfError("AMF0 too deep")
        m = self.u8()
        if m == 0x00:
            return struct.unpack(">d", self.take(8))[0]
        if m == 0x01:
            return self.u8() != 0
        if m == 0x02:
            return self.key()
        if m == 0x03:
            return self.pairs(Object(), depth)
        if m == 0x05:
            return None
        if m in (0x06, 0x0D):
            return Undefined
        if m == 0x07:
            i = self.u16()
            if i >= len(self.refs):
                raise AmfError("AMF0 reference %d of %d" % (i, len(self.refs)))
            return self.refs[i]
        if m == 0x08:
            self.u32()
            return self.pairs(EcmaArray(), depth)
        if m == 0x0A:
            n = self.u32()
            if n > self.end - self.pos:
                raise AmfError("AMF0 array of %d" % n)
            out = []
            self.refs.append(out)
            for _ in range(n):
                out.append(self.value(depth + 1))
            return out
        if m == 0x0B:
            ms, zone = struct.unpack(">dh", self.take(10))
            return Date(ms, zone)
        if m == 0x0C:
            return self.text(self.u32())
        if m == 0x0F:
            return Xml(self.text(self.u32()))
        if m == 0x10:
            name = self.key()
            return self.pairs(Object(cls=name), depth)
        if m == 0x11:
            from . import amf3
            sub = amf3.Reader(self.data, self.pos, self.end)
            value = sub.value()
            self.pos = sub.pos
            return value
        raise AmfError("AMF0 marker 0x%02x at %d" % (m, self.pos - 1))


class Writer:
    """refs: emit references for a container met again."""

    def __init__(self, refs=True):
        self.out = bytearray()
        self.refs = {} if refs else None
        self.keep = []

    def key(self, s):
        b = s.encode("utf-8", "surrogateescape")
        if len(b) > 0xFFFF:
            raise AmfError("key too long")
        self.out += struct.pack(">H", len(b)) + b

    def seen(self, v):
        if self.refs is None:
            return False
        if id(v) in self.refs and self.refs[id(v)] <= 0xFFFF:
            self.out += struct.pack(">BH", 7, self.refs[id(v)])
            return True
        self.refs[id(v)] = len(self.refs)
        self.keep.append(v)
        return False

    def pairs(self, v):
        for k, x in v.items():
            self.key(k)
            self.value(x)
        self.out += b"\0\0\x09"

    def value(self, v):
        out = self.out
        if v is None:
            out += b"\x05"
        elif v is Undefined:
            out += b"\x06"
        elif isinstance(v, bool):
            out += b"\x01\x01" if v else b"\x01\x00"
        elif isinstance(v, (int, float)):
            out += struct.pack(">Bd", 0, v)
        elif isinstance(v, Xml):
            b = v.encode()
            out += struct.pack(">BI", 0x0F, len(b)) + b
        elif isinstance(v, str):
            b = v.encode("utf-8", "surrogateescape")
            if len(b) <= 0xFFFF:
                out += struct.pack(">BH", 2, len(b)) + b
            else:
                out += struct.pack(">BI", 0x0C, len(b)) + b
        elif isinstance(v, Date):
            out += struct.pack(">Bdh", 0x0B, v.ms, v.zone)
        elif isinstance(v, Avm):
            from . import amf3
            out += b"\x11" + amf3.encode(v.value)
        elif isinstance(v, EcmaArray):
            if not self.seen(v):
                out += struct.pack(">BI", 8, len(v))
                self.pairs(v)
        elif isinstance(v, dict):
            if not self.seen(v):
                if getattr(v, "cls", ""):
                    out += b"\x10"
                    self.key(v.cls)
                else:
                    out += b"\x03"
                self.pairs(v)
        elif isinstance(v, (list, tuple)):
            if not self.seen(v):
                out += struct.pack(">BI", 0x0A, len(v))
                for x in v:
                    self.value(x)
        else:
            raise AmfError("no AMF0 for %r" % (v,))


def encode(*values, refs=True):
    w = Writer(refs)
    for v in values:
        w.value(v)
    return bytes(w.out)


def decode(data, pos=0):
    """All values up to the end of data."""
    r = Reader(data, pos)
    out = []
    while r.more():
        out.append(r.value())
    return out
