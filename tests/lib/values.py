# SPDX-License-Identifier: BSD-2-Clause
"""Python values for what AMF can say.

number   float (AMF0), int or float (AMF3)     boolean  bool
string   str                                   null     None
undefined Undefined                            date     Date
object   Object (a dict, .cls when typed)      ECMA array  EcmaArray
strict or dense array  list                    XML      Xml
AMF3 only: bytes (ByteArray), Vector, Dictionary; Avm(value) forces AMF3
inside AMF0.
"""

import dataclasses


class AmfError(Exception):
    """Bytes that are not AMF, or a value AMF cannot say."""


class _Undefined:
    def __repr__(self):
        return "Undefined"

    def __bool__(self):
        return False


Undefined = _Undefined()


class Object(dict):
    """An object; cls is its class alias, "" when anonymous."""

    def __init__(self, *args, cls="", **kw):
        super().__init__(*args, **kw)
        self.cls = cls

    def __eq__(self, other):
        if isinstance(other, EcmaArray):
            return False
        if isinstance(other, dict):
            return self.cls == getattr(other, "cls", "") and \
                dict.__eq__(self, other)
        return NotImplemented

    __hash__ = None


class EcmaArray(dict):
    """An array with names; in AMF3 the dense part has keys "0".."n"."""

    def __eq__(self, other):
        if isinstance(other, EcmaArray):
            return dict.__eq__(self, other)
        return False

    __hash__ = None


class Externalizable(Object):
    """A class that writes itself; only those of one value are known."""


@dataclasses.dataclass(frozen=True)
class Date:
    ms: float
    zone: int = 0


class Xml(str):
    """XML; legacy is AMF3's XMLDocument (0x07)."""

    legacy = False


class Vector(list):
    """kind is int, uint, double or object; type names the class."""

    def __init__(self, kind, items=(), fixed=False, type=""):
        super().__init__(items)
        self.kind, self.fixed, self.type = kind, fixed, type

    def __eq__(self, other):
        return isinstance(other, Vector) and list.__eq__(self, other) and \
            (self.kind, self.fixed, self.type) == \
            (other.kind, other.fixed, other.type)

    __hash__ = None


class Dictionary(list):
    """A list of (key, value): keys may be anything."""

    def __init__(self, items=(), weak=False):
        super().__init__(items)
        self.weak = weak


@dataclasses.dataclass
class Avm:
    """An AMF3 value inside AMF0 (marker 0x11)."""

    value: object
