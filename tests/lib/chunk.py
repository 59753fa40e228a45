# SPDX-License-Identifier: BSD-2-Clause
"""The chunk layer, both ways, strict on what it reads.

The reader raises ProtocolError for anything a server of ours must not do:
a first chunk that is not fmt 0, a message started by fmt 3, a missing
extended timestamp, csid 0 or 1 written the long way.
"""

import dataclasses

CONTROL, COMMANDS = 2, 3
SET_CHUNK_SIZE, ABORT, ACK, USER_CONTROL, WINDOW_ACK, PEER_BANDWIDTH = \
    1, 2, 3, 4, 5, 6
AUDIO, VIDEO = 8, 9
DATA3, SO3, COMMAND3, DATA, SO, COMMAND, AGGREGATE = 15, 16, 17, 18, 19, 20, 22


class ProtocolError(AssertionError):
    """The peer broke the protocol."""


@dataclasses.dataclass
class Message:
    type: int
    msid: int
    ts: int
    payload: bytes
    csid: int = 0
    fmt: int = 0
    at: float = 0.0         # monotonic time of arrival
    wire: int = 0           # bytes on the wire, headers included
    pos: int = 0            # bytes received on this connection when complete


class _In:
    __slots__ = ("ts", "field", "ext", "length", "type", "msid", "buf", "fmt",
                 "wire")

    def __init__(self):
        self.length = -1
        self.buf = None
        self.ext = False


class Reader:
    def __init__(self):
        self.size = 128
        self.streams = {}
        self.buf = bytearray()
        self.total = 0

    def feed(self, data):
        """The messages completed by data."""
        self.buf += data
        self.total += len(data)
        out = []
        while True:
            m = self._chunk()
            if m is None:
                return out
            if m is not True:
                m.pos = self.total - len(self.buf)
                out.append(m)

    def _chunk(self):
        b = self.buf
        if not b:
            return None
        fmt, csid, p = b[0] >> 6, b[0] & 63, 1
        if csid == 0:
            if len(b) < 2:
                return None
            csid, p = 64 + b[1], 2
        elif csid == 1:
            if len(b) < 3:
                return None
            csid, p = 64 + b[1] + 256 * b[2], 3
        head = (11, 7, 3, 0)[fmt]
        if len(b) < p + head:
            return None
        s = self.streams.get(csid)
        if s is None:
            if fmt != 0:
                raise ProtocolError("first chunk on csid %d is fmt %d" %
                                    (csid, fmt))
            s = self.streams[csid] = _In()
        if s.buf is not None and fmt != 3:
            raise ProtocolError("fmt %d inside a message on csid %d" %
                                (fmt, csid))
        if s.buf is None and fmt == 3:
            raise ProtocolError("a message on csid %d begins with fmt 3" %
                                csid)
        h = b[p:p + head]
        p += head
        field = int.from_bytes(h[0:3], "big") if fmt < 3 else None
        ext = field == 0xFFFFFF if fmt < 3 else s.ext
        if ext:
            if len(b) < p + 4:
                return None
            full = int.from_bytes(b[p:p + 4], "big")
            p += 4
            if fmt == 3 and full != s.field:
                raise ProtocolError(
                    "extended time %d in fmt 3, %d before" % (full, s.field))
            field = full
        length = int.from_bytes(h[3:6], "big") if fmt < 2 else s.length
        done = len(s.buf) if s.buf is not None else 0
        n = min(self.size, length - done)
        if len(b) < p + n:
            return None
        if fmt < 3:
            s.field, s.ext = field, ext
            s.ts = (field if fmt == 0 else s.ts + field) & 0xFFFFFFFF
            s.length, s.fmt, s.wire = length, fmt, 0
            if fmt < 2:
                s.type = h[6]
            if fmt == 0:
                s.msid = int.from_bytes(h[7:11], "little")
            s.buf = bytearray()
        s.buf += b[p:p + n]
        s.wire += p + n
        del b[:p + n]
        if len(s.buf) < s.length:
            return True
        m = Message(s.type, s.msid, s.ts, bytes(s.buf), csid, s.fmt,
                    wire=s.wire)
        s.buf = None
        if m.type == SET_CHUNK_SIZE:
            n = int.from_bytes(m.payload, "big")
            if len(m.payload) != 4 or not 1 <= n <= 0x7FFFFFFF:
                raise ProtocolError("chunk size %d" % n)
            self.size = n
        elif m.type == ABORT:
            s = self.streams.get(int.from_bytes(m.payload, "big"))
            if s:
                s.buf = None
        return m


def basic(fmt, csid, long=0):
    """A basic header; long forces the 2- or 3-byte form."""
    if csid < 64 and not long:
        return bytes((fmt << 6 | csid,))
    if csid < 320 and long != 3:
        return bytes((fmt << 6, csid - 64))
    return bytes((fmt << 6 | 1,)) + (csid - 64).to_bytes(2, "little")


class Writer:
    """delta: use fmt 1 and 2 where they fit; otherwise fmt 0 always.
    ext3: repeat an extended timestamp in fmt 3 chunks, as the protocol says;
    some old encoders do not."""

    def __init__(self, size=128, delta=False, ext3=True):
        self.size, self.delta, self.ext3 = size, delta, ext3
        self.last = {}

    def chunks(self, m, fmt=None):
        """The chunks of one message, in order, as a list of bytes."""
        ts = m.ts & 0xFFFFFFFF
        last = self.last.get(m.csid)
        if fmt is None:
            fmt = 0
            if self.delta and last and last[0] == m.msid and ts >= last[1]:
                fmt = 2 if last[2:] == (len(m.payload), m.type) else 1
        field = ts if fmt == 0 else (ts - last[1]) & 0xFFFFFFFF if last else ts
        head = bytearray(basic(fmt, m.csid))
        if fmt < 3:
            head += min(field, 0xFFFFFF).to_bytes(3, "big")
        if fmt < 2:
            head += len(m.payload).to_bytes(3, "big") + bytes((m.type,))
        if fmt == 0:
            head += m.msid.to_bytes(4, "little")
        ext = field.to_bytes(4, "big") if field >= 0xFFFFFF else b""
        head += ext
        self.last[m.csid] = (m.msid, ts, len(m.payload), m.type)
        out = []
        for at in range(0, max(len(m.payload), 1), self.size):
            out.append(bytes(head) + m.payload[at:at + self.size])
            head = basic(3, m.csid) + (ext if self.ext3 else b"")
        return out

    def message(self, m, fmt=None):
        return b"".join(self.chunks(m, fmt))
