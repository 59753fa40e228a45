#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""GStreamer's rtmp2 elements as publisher and player."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


def gst(*args, timeout=60):
    return tools.run("gst-launch-1.0", "-q", *args, timeout=timeout)


@case(timeout=90)
def rtmp2src_plays_a_recording():
    s = Server()
    clip = media.clip(10)
    s.put_recording("echo", "t10.flv", clip)
    out = s.tmp / "out.flv"
    gst("rtmp2src", "location=" + s.url("echo/t10"), "!", "filesink",
        "location=%s" % out)
    for k in ("v", "a"):
        eq([p[2] for p in tools.packets(out, k)],
           [p[2] for p in tools.packets(clip, k)])


@case(timeout=90)
def rtmp2sink_publishes_and_is_recorded():
    s = Server(start=False)
    s.app("rec", yaml="publish: allow\nrecord: {mode: new}\n")
    s.start()
    v = connect(s, "rec").stream().play("x", -1)
    gst("filesrc", "location=%s" % media.clip(10), "!", "flvdemux", "name=d",
        "d.video", "!", "queue", "!", "h264parse", "!", "m.",
        "d.audio", "!", "queue", "!", "aacparse", "!", "m.",
        "flvmux", "streamable=true", "name=m", "!",
        "rtmp2sink", "location=" + s.url("rec/x"))
    v.wait_status("NetStream.Play.UnpublishNotify", 10)
    ok(len([m for m in v.media if m.type == 9]) > 200)
    path = s.recordings("rec") / "x.flv"
    poll(lambda: path.exists() and not s.ctl_one(
        "rec", "info", "rec", "x")["growing"], 10, "the recording to close")
    near(tools.duration(path), 10, 0.3)
    eq(len([t for t in flv.read(path) if t.video and not t.config and
            len(t.data) > 5]), 250)


@case(timeout=90)
def gstreamer_hears_bad_name():
    s = Server()
    p = publisher(s, "echo", "x")
    feed = p.feed_live(media.synthetic(60), speed=1)
    g = tools.run("gst-launch-1.0", "videotestsrc", "num-buffers=50", "!",
                  "x264enc", "tune=zerolatency", "!", "flvmux",
                  "streamable=true", "!", "rtmp2sink",
                  "location=" + s.url("echo/x"), ok=None, timeout=40) \
        if have("x264enc") else tools.run(
            "gst-launch-1.0", "filesrc", "location=%s" % media.clip(10), "!",
            "flvdemux", "name=d", "d.video", "!", "h264parse", "!",
            "flvmux", "streamable=true", "!", "rtmp2sink",
            "location=" + s.url("echo/x"), ok=None, timeout=40)
    ok(g.code != 0, "it published over another")
    feed.stop()
    eq(p.client.ask("add", 1, 1), 2.0)


def have(element):
    return tools.run("gst-inspect-1.0", "--exists", element,
                     ok=None).code == 0


tap.main()
