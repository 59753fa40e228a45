# SPDX-License-Identifier: BSD-2-Clause
"""FLV files: read, write, look at tags."""

import dataclasses
import hashlib

AUDIO, VIDEO, DATA = 8, 9, 18


@dataclasses.dataclass(frozen=True)
class Tag:
    type: int
    ts: int                 # ms, unsigned 32
    data: bytes
    pos: int = dataclasses.field(default=0, compare=False)

    @property
    def audio(self):
        return self.type == AUDIO

    @property
    def video(self):
        return self.type == VIDEO

    @property
    def config(self):
        return is_config(self.type, self.data)

    @property
    def key(self):
        return is_key(self.type, self.data)

    @property
    def hash(self):
        return hashlib.sha256(bytes((self.type,)) + self.data).hexdigest()


def is_config(kind, d):
    if kind == VIDEO and len(d) >= 2:
        if d[0] & 0x80:
            return d[0] & 15 in (0, 5)
        return d[0] & 15 in (7, 12, 13) and d[1] == 0
    if kind == AUDIO and len(d) >= 2:
        if d[0] >> 4 == 9:
            return d[0] & 15 == 0
        return d[0] >> 4 == 10 and d[1] == 0
    return False


def is_key(kind, d):
    """A picture one can start at: not a codec configuration."""
    if kind != VIDEO or len(d) < 2:
        return False
    if d[0] & 0x80:
        return d[0] >> 4 & 7 == 1 and d[0] & 15 in (1, 3)
    if d[0] >> 4 != 1:
        return False
    return d[0] & 15 != 7 or d[1] == 1


class FlvError(Exception):
    pass


def parse(data, strict=True):
    """The tags of a file; strict also checks every previous-tag size."""
    if data[:3] != b"FLV" or len(data) < 9:
        raise FlvError("no FLV header")
    pos = int.from_bytes(data[5:9], "big") + 4
    tags = []
    while pos + 11 <= len(data):
        size = int.from_bytes(data[pos + 1:pos + 4], "big")
        ts = int.from_bytes(data[pos + 4:pos + 7], "big") | data[pos + 7] << 24
        end = pos + 11 + size
        if end + (4 if strict else 0) > len(data):
            break               # a last size alone may be missing
        back = int.from_bytes(data[end:end + 4], "big")
        if strict and back != 11 + size:
            raise FlvError("previous tag size %d, want %d, at %d" %
                           (back, 11 + size, end))
        tags.append(Tag(data[pos] & 31, ts, bytes(data[pos + 11:end]), pos))
        pos = end + 4
    if strict and pos != len(data):
        raise FlvError("%d bytes after the last tag" % (len(data) - pos))
    return tags


def read(path, strict=True):
    with open(path, "rb") as f:
        return parse(f.read(), strict)


def header(audio=True, video=True):
    return b"FLV\x01" + bytes((4 * audio | video,)) + b"\0\0\0\x09\0\0\0\0"


def tag_bytes(t):
    ts = t.ts & 0xFFFFFFFF
    return (bytes((t.type,)) + len(t.data).to_bytes(3, "big") +
            (ts & 0xFFFFFF).to_bytes(3, "big") + bytes((ts >> 24,)) +
            b"\0\0\0" + t.data + (11 + len(t.data)).to_bytes(4, "big"))


def write(path, tags):
    with open(path, "wb") as f:
        f.write(header(any(t.audio for t in tags), any(t.video for t in tags)))
        for t in tags:
            f.write(tag_bytes(t))


def media(tags):
    """Without script data: what must be the same in every copy."""
    return [t for t in tags if t.type in (AUDIO, VIDEO)]


def key_before(tags, ms):
    """Time of the key frame at or before ms."""
    times = [t.ts for t in tags if t.key and t.ts <= ms]
    return max(times) if times else None
