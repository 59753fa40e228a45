# SPDX-License-Identifier: BSD-2-Clause
"""Clips to publish and to play: real ones by ffmpeg, made once and kept in
the build tree, and synthetic ones made here."""

import fcntl
import os
import random
from pathlib import Path

from . import amf0, flv
from .values import EcmaArray

GOP = 2.0


def cache_dir():
    d = os.environ.get("TESTS_CACHE")
    if not d:
        from .server import build_dir
        d = build_dir() / "tests" / "clips"
    d = Path(d)
    d.mkdir(parents=True, exist_ok=True)
    return d


def clip(seconds=10, fps=25, size="320x180", bitrate="200k"):
    """An FLV of test pictures and a tone: H.264 + AAC, a key frame every
    two seconds, no B frames in the first of any group."""
    d = cache_dir()
    path = d / ("clip-%d-%d-%s.flv" % (seconds, fps, size))
    with open(d / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            part = path.with_suffix(".part.flv")
            from . import tools
            tools.ffmpeg(
                "-f", "lavfi", "-i", "testsrc2=size=%s:rate=%d" % (size, fps),
                "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100",
                "-t", str(seconds), "-c:v", "libx264", "-preset", "veryfast",
                "-b:v", bitrate, "-g", str(int(GOP * fps)),
                "-keyint_min", str(int(GOP * fps)), "-sc_threshold", "0",
                "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k",
                "-f", "flv", part, timeout=120)
            part.rename(path)
    return path


AVC_CONFIG = bytes.fromhex("17000000000142c01effe1001967 42c01ed900a0 47fe88"
                           "000003000800000301943c50b920 01000468ce3c80"
                           .replace(" ", ""))
AAC_CONFIG = bytes.fromhex("af001210")


def avc(key, payload):
    return (b"\x17" if key else b"\x27") + b"\x01\0\0\0" + \
        len(payload).to_bytes(4, "big") + payload


def synthetic(seconds=10, fps=25, gop=GOP, size=400, seed=1, audio=True,
              start=0, metadata=True, config=True):
    """Tags that look like H.264 + AAC to whoever does not decode them; each
    payload is different, so that a lost or doubled one is seen."""
    rnd = random.Random(seed)
    tags = []
    if metadata:
        tags.append(flv.Tag(flv.DATA, start, amf0.encode(
            "onMetaData", EcmaArray(width=320.0, height=180.0,
                                    framerate=float(fps), videocodecid=7.0,
                                    audiocodecid=10.0))))
    if config:
        tags.append(flv.Tag(flv.VIDEO, start, AVC_CONFIG))
        if audio:
            tags.append(flv.Tag(flv.AUDIO, start, AAC_CONFIG))
    body = []
    per = max(1, round(gop * fps))
    for i in range(int(seconds * fps)):
        n = size * 4 if i % per == 0 else size
        body.append(flv.Tag(flv.VIDEO, start + i * 1000 // fps,
                            avc(i % per == 0, i.to_bytes(4, "big") +
                                rnd.randbytes(n))))
    if audio:
        for i in range(int(seconds * 1000 / 23.22)):
            body.append(flv.Tag(flv.AUDIO, start + int(i * 23.22),
                                b"\xaf\x01" + i.to_bytes(4, "big") +
                                rnd.randbytes(60)))
    body.sort(key=lambda t: (t.ts, t.type != flv.VIDEO))
    return tags + body


def body(tags):
    """Without metadata and codec configuration."""
    return [t for t in flv.media(tags) if not t.config]
