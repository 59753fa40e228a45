# SPDX-License-Identifier: BSD-2-Clause
"""AMF3, both ways."""

import struct

from .values import (AmfError, Date, Dictionary, EcmaArray, Externalizable,
                     Object, Undefined, Vector, Xml)

DEPTH_MAX = 256
ONE_VALUE = ("flex.messaging.io.ArrayCollection",
             "flex.messaging.io.ObjectProxy")


class Reader:
    def __init__(self, data, pos=0, end=None):
        self.data, self.pos = data, pos
        self.end = len(data) if end is None else end
        self.strings, self.objects, self.traits = [], [], []

    def take(self, n):
        if n < 0 or self.pos + n > self.end:
            raise AmfError("AMF3 ends early at %d" % self.pos)
        self.pos += n
        return self.data[self.pos - n:self.pos]

    def u29(self):
        n = 0
        for i in range(4):
            b = self.take(1)[0]
            if i == 3:
                return n << 8 | b
            n = n << 7 | b & 0x7F
            if not b & 0x80:
                return n

    def string(self):
        n = self.u29()
        if not n & 1:
            if n >> 1 >= len(self.strings):
                raise AmfError("AMF3 string reference")
            return self.strings[n >> 1]
        s = bytes(self.take(n >> 1)).decode("utf-8", "surrogateescape")
        if s:
            self.strings.append(s)
        return s

    def head(self):
        """(reference's object, None) or (None, the 28-bit number)."""
        n = self.u29()
        if n & 1:
            return None, n >> 1
        if n >> 1 >= len(self.objects):
            raise AmfError("AMF3 object reference")
        return self.objects[n >> 1], None

    def counted(self, n, size=1):
        if n * size > self.end - self.pos:
            raise AmfError("AMF3 count %d" % n)
        return n

    def value(self, depth=0):
        if depth > DEPTH_MAX:
            raise AmfError("AMF3 too deep")
        m = self.take(1)[0]
        if m == 0:
            return Undefined
        if m == 1:
            return None
        if m in (2, 3):
            return m == 3
        if m == 4:
            n = self.u29()
            return n - (1 << 29) if n & 1 << 28 else n
        if m == 5:
            return struct.unpack(">d", self.take(8))[0]
        if m == 6:
            return self.string()
        if m == 0x0A:
            return self.object(depth)
        if m not in (7, 8, 9, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11):
            raise AmfError("AMF3 marker 0x%02x" % m)
        ref, n = self.head()
        if n is None:
            return ref
        if m in (7, 0x0B):
            x = Xml(bytes(self.take(n)).decode("utf-8", "surrogateescape"))
            x.legacy = m == 7
            self.objects.append(x)
            return x
        if m == 8:
            d = Date(struct.unpack(">d", self.take(8))[0])
            self.objects.append(d)
            return d
        if m == 9:
            return self.array(n, depth)
        if m == 0x0C:
            b = bytes(self.take(n))
            self.objects.append(b)
            return b
        if m == 0x11:
            self.counted(n)
            d = Dictionary(weak=self.take(1)[0] != 0)
            self.objects.append(d)
            for _ in range(n):
                k = self.value(depth + 1)
                d.append((k, self.value(depth + 1)))
            return d
        fixed = self.take(1)[0] != 0
        if m == 0x10:
            v = Vector("object", fixed=fixed, type=self.string())
            self.objects.append(v)
            for _ in range(self.counted(n)):
                v.append(self.value(depth + 1))
            return v
        kind, fmt, size = {0x0D: ("int", "i", 4), 0x0E: ("uint", "I", 4),
                           0x0F: ("double", "d", 8)}[m]
        self.counted(n, size)
        v = Vector(kind, struct.unpack(">%d%s" % (n, fmt),
                                       self.take(n * size)), fixed)
        self.objects.append(v)
        return v

    def array(self, n, depth):
        """A list; with names, an EcmaArray with the dense part as "0"..."""
        slot = len(self.objects)
        dense, named = [], EcmaArray()
        self.objects.append(dense)
        while True:
            key = self.string()
            if key == "":
                break
            if not named:
                self.objects[slot] = named
            named[key] = self.value(depth + 1)
        self.counted(n)
        for i in range(n):
            v = self.value(depth + 1)
            if named:
                named[str(i)] = v
            else:
                dense.append(v)
        return named if named else dense

    def object(self, depth):
        n = self.u29()
        if not n & 1:
            if n >> 1 >= len(self.objects):
                raise AmfError("AMF3 object reference")
            return self.objects[n >> 1]
        if not n & 2:
            if n >> 2 >= len(self.traits):
                raise AmfError("AMF3 traits reference")
            traits = self.traits[n >> 2]
        elif n & 4:
            traits = (self.string(), [], False, True)
            self.traits.append(traits)
        else:
            name = self.string()
            count = self.counted(n >> 4)
            traits = (name, [self.string() for _ in range(count)],
                      bool(n & 8), False)
            self.traits.append(traits)
        cls, members, dynamic, external = traits
        if external:
            if cls not in ONE_VALUE:
                raise AmfError("externalizable %r" % cls)
            x = Externalizable(cls=cls)
            self.objects.append(x)
            x["source"] = self.value(depth + 1)
            return x
        obj = Object(cls=cls)
        self.objects.append(obj)
        for k in members:
            obj[k] = self.value(depth + 1)
        while dynamic:
            k = self.string()
            if k == "":
                break
            obj[k] = self.value(depth + 1)
        return obj


def u29(n):
    if n < 0 or n >= 1 << 29:
        raise AmfError("U29 %d" % n)
    if n < 0x80:
        return bytes((n,))
    if n < 0x4000:
        return bytes((n >> 7 | 0x80, n & 0x7F))
    if n < 0x200000:
        return bytes((n >> 14 | 0x80, n >> 7 & 0x7F | 0x80, n & 0x7F))
    return bytes((n >> 22 | 0x80, n >> 15 & 0x7F | 0x80, n >> 8 & 0x7F | 0x80,
                  n & 0xFF))


class Writer:
    """refs False writes everything in full: trees only."""

    def __init__(self, refs=True):
        self.out = bytearray()
        self.use_refs = refs
        self.strings, self.objects, self.traits = {}, {}, {}
        self.keep = []

    def string(self, s):
        if s and self.use_refs and s in self.strings:
            self.out += u29(self.strings[s] << 1)
            return
        b = s.encode("utf-8", "surrogateescape")
        self.out += u29(len(b) << 1 | 1) + b
        if s:
            self.strings.setdefault(s, len(self.strings))

    def seen(self, v):
        if id(v) in self.objects and self.use_refs:
            self.out += u29(self.objects[id(v)] << 1)
            return True
        self.objects[id(v)] = len(self.objects)
        self.keep.append(v)
        return False

    def pairs(self, items):
        for k, x in items:
            if k == "":
                raise AmfError("AMF3 cannot name a member \"\"")
            self.string(k)
            self.value(x)
        self.string("")

    def value(self, v):
        out = self.out
        if v is Undefined:
            out.append(0)
        elif v is None:
            out.append(1)
        elif isinstance(v, bool):
            out.append(3 if v else 2)
        elif isinstance(v, int) and -(1 << 28) <= v < 1 << 28:
            out.append(4)
            out += u29(v & 0x1FFFFFFF)
        elif isinstance(v, (int, float)):
            out += struct.pack(">Bd", 5, v)
        elif isinstance(v, Xml):
            out.append(7 if v.legacy else 0x0B)
            if not self.seen(v):
                b = v.encode()
                out += u29(len(b) << 1 | 1) + b
        elif isinstance(v, str):
            out.append(6)
            self.string(v)
        elif isinstance(v, Date):
            out.append(8)
            if not self.seen(v):
                out += b"\x01" + struct.pack(">d", v.ms)
        elif isinstance(v, (bytes, bytearray)):
            out.append(0x0C)
            if not self.seen(v):
                out += u29(len(v) << 1 | 1) + v
        elif isinstance(v, Vector):
            self.vector(v)
        elif isinstance(v, Dictionary):
            out.append(0x11)
            if not self.seen(v):
                out += u29(len(v) << 1 | 1)
                out.append(1 if v.weak else 0)
                for k, x in v:
                    self.value(k)
                    self.value(x)
        elif isinstance(v, EcmaArray):
            out.append(9)
            if not self.seen(v):
                n = 0
                while str(n) in v:
                    n += 1
                dense = [v[str(i)] for i in range(n)]
                names = [(k, x) for k, x in v.items()
                         if not (k.isdigit() and int(k) < n)]
                out += u29(n << 1 | 1)
                self.pairs(names)
                for x in dense:
                    self.value(x)
        elif isinstance(v, dict):
            self.object(v)
        elif isinstance(v, (list, tuple)):
            out.append(9)
            if not self.seen(v):
                out += u29(len(v) << 1 | 1) + b"\x01"
                for x in v:
                    self.value(x)
        else:
            raise AmfError("no AMF3 for %r" % (v,))

    def object(self, v):
        self.out.append(0x0A)
        if self.seen(v):
            return
        cls = getattr(v, "cls", "")
        external = isinstance(v, Externalizable)
        key = (cls, external)
        if key in self.traits and self.use_refs:
            self.out += u29(self.traits[key] << 2 | 1)
        else:
            self.traits.setdefault(key, len(self.traits))
            self.out.append(0x07 if external else 0x0B)
            self.string(cls)
        if external:
            self.value(v["source"])
        else:
            self.pairs(v.items())

    def vector(self, v):
        kinds = {"int": (0x0D, "i"), "uint": (0x0E, "I"),
                 "double": (0x0F, "d"), "object": (0x10, None)}
        mark, fmt = kinds[v.kind]
        self.out.append(mark)
        if self.seen(v):
            return
        self.out += u29(len(v) << 1 | 1)
        self.out.append(1 if v.fixed else 0)
        if fmt:
            self.out += struct.pack(">%d%s" % (len(v), fmt), *v)
        else:
            self.string(v.type)
            for x in v:
                self.value(x)


def encode(*values, refs=True):
    w = Writer(refs)
    for v in values:
        w.value(v)
    return bytes(w.out)


def decode(data, pos=0):
    r = Reader(data, pos)
    v = r.value()
    if r.pos != r.end:
        raise AmfError("%d bytes after the AMF3 value" % (r.end - r.pos))
    return v
