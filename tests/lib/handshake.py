# SPDX-License-Identifier: BSD-2-Clause
"""The client's half of the RTMP handshake, simple and with digests."""

import hashlib
import hmac
import os

from .chunk import ProtocolError

KT = bytes.fromhex("F0EEC24A8068BEE82E00D0D1029E7E576EEC5D2D29806FAB93B8E636"
                   "CFEB31AE")
KP = b"Genuine Adobe Flash Player 001"
KS = b"Genuine Adobe Flash Media Server 001"


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def digest_at(p, base):
    """Where the digest lies in packet p for layout base 8 or 772."""
    return sum(p[base:base + 4]) % 728 + base + 4


def digest_of(p, key, base):
    at = digest_at(p, base)
    return mac(key, p[:at] + p[at + 32:])


def find_digest(p, key):
    """(base, digest) or None."""
    for base in (8, 772):
        at = digest_at(p, base)
        if p[at:at + 32] == digest_of(p, key, base):
            return base, p[at:at + 32]
    return None


def c1_simple():
    return bytes(8) + os.urandom(1528)


def c1_digest(base=8, version=b"\x09\x00\x7c\x02"):
    p = bytearray(bytes(4) + version + os.urandom(1528))
    at = digest_at(p, base)
    p[at:at + 32] = digest_of(bytes(p), KP, base)
    return bytes(p)


def check(c1, s0, s1, s2):
    """Judge the answer; returns "simple" or "digest"."""
    if s0 != 3:
        raise ProtocolError("S0 is %d" % s0)
    mine = find_digest(c1, KP)
    theirs = find_digest(s1, KS)
    if c1[4:8] == bytes(4) or mine is None:
        if s1[4:8] != bytes(4):
            raise ProtocolError("a simple answer with S1 version %s" %
                                s1[4:8].hex())
        if s2[8:] != c1[8:]:
            raise ProtocolError("S2 does not echo C1")
        return "simple"
    if theirs is None:
        raise ProtocolError("no digest in S1")
    if theirs[0] != mine[0]:
        raise ProtocolError("S1 uses the other layout")
    if s1[4] < 3:
        raise ProtocolError("digest answer with S1 version %s" % s1[4:8].hex())
    want = mac(mac(KS + KT, mine[1]), s2[:1504])
    if s2[1504:] != want:
        raise ProtocolError("wrong signature in S2")
    return "digest"


def c2(c1, s1):
    """C2: the echo, or the signature of a digest client."""
    theirs = find_digest(s1, KS)
    if c1[4:8] == bytes(4) or theirs is None:
        return s1
    p = os.urandom(1504)
    return p + mac(mac(KP + KT, theirs[1]), p)
