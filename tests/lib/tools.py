# SPDX-License-Identifier: BSD-2-Clause
"""The real tools: ffmpeg, ffprobe, rtmpdump, gst-launch-1.0."""

import json
import os

from .reactor import Process

ENV = {"PATH": os.environ["PATH"], "HOME": "/dev/null", "LC_ALL": "C"}


def run(*argv, timeout=60, ok=(0,), cwd=None):
    """Run to the end; the Process.  Any other exit code is a failure."""
    p = start(*argv, cwd=cwd)
    code = p.finish(timeout)
    if ok is not None and code not in ok:
        raise AssertionError("%s: exit %d\n%s" % (
            " ".join(p.argv), code, p.err.decode("utf-8", "replace")[-3000:]))
    return p


def start(*argv, cwd=None):
    return Process(argv, env=ENV, cwd=cwd)


def ffmpeg(*args, **kw):
    return run("ffmpeg", "-hide_banner", "-nostdin", "-y", *args, **kw)


def start_ffmpeg(*args):
    return start("ffmpeg", "-hide_banner", "-nostdin", "-y", *args)


def probe(path, *args):
    """ffprobe's view: {"format": ..., "streams": [...]}."""
    p = run("ffprobe", "-v", "error", "-of", "json", "-show_format",
            "-show_streams", *args, path)
    return json.loads(p.out)


def duration(path):
    return float(probe(path)["format"]["duration"])


def packets(path, select):
    """[(pts, size, hash)] of one stream ("v" or "a")."""
    p = run("ffprobe", "-v", "error", "-of", "json", "-select_streams",
            select, "-show_packets", "-show_data_hash", "SHA256",
            "-show_entries", "packet=pts_time,size,data_hash", path)
    return [(float(x["pts_time"]), int(x["size"]), x["data_hash"])
            for x in json.loads(p.out)["packets"]]


def rtmpdump(url, out, *args, ok=(0,), timeout=60):
    return run("rtmpdump", "-r", url, "-o", out, *args, ok=ok,
               timeout=timeout)
