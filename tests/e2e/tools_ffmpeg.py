#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ffmpeg as publisher, as player and as judge."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


def hashes(path):
    return {k: [p[2] for p in tools.packets(path, k)] for k in ("v", "a")}


@case(timeout=120)
def realtime_publish_recorded_while_a_player_watches():
    """The recording agrees with the source in streams and duration, and the
    packets of the played copy are those that were published."""
    s = Server()
    clip = media.clip(10)
    copy = s.tmp / "copy.flv"
    pub = tools.start_ffmpeg("-re", "-i", clip, "-c", "copy", "-f", "flv",
                             s.url("echo/x"))
    poll(lambda: s.ctl("stream", "list"), 10, "the stream")
    play = tools.start_ffmpeg("-i", s.url("echo/x"), "-c", "copy", copy)
    p = connect(s)
    eq(pub.finish(40), 0, pub.err.decode()[-1500:])
    eq(play.finish(20), 0, play.err.decode()[-1500:])
    want, got = hashes(clip), hashes(copy)
    for k in ("v", "a"):
        n = len(got[k])
        ok(n >= len(want[k]) * 0.6, "%d of %d %s packets" %
           (n, len(want[k]), k))
        i = want[k].index(got[k][0])
        eq(got[k], want[k][i:i + n], "packets of " + k)
    p.close()


@case(timeout=120)
def recorded_publish_agrees_with_its_source():
    """As above with the application recording what says live."""
    s = Server(start=False)
    s.app("rec", yaml="publish: allow\nrecord: {mode: new}\n")
    s.start()
    clip = media.clip(10)
    copy = s.tmp / "copy.flv"
    pub = tools.start_ffmpeg("-re", "-i", clip, "-c", "copy", "-f", "flv",
                             s.url("rec/x"))
    poll(lambda: s.ctl("stream", "list"), 10, "the stream")
    play = tools.start_ffmpeg("-i", s.url("rec/x"), "-c", "copy", copy)
    eq(pub.finish(40), 0, pub.err.decode()[-1500:])
    eq(play.finish(20), 0, play.err.decode()[-1500:])
    path = s.recordings("rec") / "x.flv"
    poll(lambda: path.exists() and not s.ctl_one(
        "rec", "info", "rec", "x")["growing"], 10, "the recording to close")
    a, b = tools.probe(clip), tools.probe(path)
    eq([x["codec_name"] for x in b["streams"]],
       [x["codec_name"] for x in a["streams"]])
    near(float(b["format"]["duration"]), float(a["format"]["duration"]), 0.1)
    want, got, rec = hashes(clip), hashes(copy), hashes(path)
    eq(rec, want)
    for k in ("v", "a"):
        n = len(got[k])
        ok(n >= len(want[k]) * 0.6)
        i = want[k].index(got[k][0])
        eq(got[k], want[k][i:i + n])


def thirty(s):
    """A 30 s recording, key frame every 2 s."""
    clip = media.clip(30)
    s.put_recording("echo", "t30.flv", clip)
    return clip


@case(timeout=90)
def whole_recording_is_the_same_packet_by_packet():
    s = Server()
    clip = thirty(s)
    out = s.tmp / "out.flv"
    tools.ffmpeg("-i", s.url("echo/t30.flv"), "-c", "copy", out)
    eq(hashes(out), hashes(clip))
    near(tools.duration(out), 30, 0.1)


@case(timeout=90)
def seek_of_ffmpeg_lands_within_a_key_frame():
    s = Server()
    thirty(s)
    out = s.tmp / "out.flv"
    p = tools.ffmpeg("-ss", "15", "-copyts", "-i", s.url("echo/t30"),
                     "-c", "copy", out)
    first = tools.packets(out, "v")[0][0]
    ok(13 <= first <= 15.1, "first picture at %g" % first)
    last = tools.packets(out, "v")[-1][0]
    near(last, 29.96, 0.1)
    ok(b"error" not in p.err.lower() or b"mismatch" in p.err.lower(),
       p.err.decode()[-800:])


@case(timeout=60)
def player_ends_when_the_publisher_does():
    s = Server()
    pub = publisher(s, "echo", "x")
    tags = flv.read(media.clip(10))
    pub.feed([t for t in tags if t.ts < 3000])
    out = s.tmp / "out.flv"
    play = tools.start_ffmpeg("-rtmp_live", "live", "-i", s.url("echo/x"),
                              "-c", "copy", out)
    poll(lambda: s.ctl_one("stream", "list")["viewers"] == 1, 10,
         "the viewer")
    pub.feed([t for t in tags if t.ts >= 3000])
    pub.client.ask("add", 1, 1)
    pub.unpublish()
    eq(play.finish(20), 0)
    want = hashes(media.clip(10))["v"]
    got = hashes(out)["v"]
    eq(got, want[-len(got):])


@case(timeout=60)
def refused_publisher_hears_the_reason():
    s = Server(start=False)
    s.app("plain")
    s.start()
    p = tools.ffmpeg("-i", media.clip(10), "-c", "copy", "-f", "flv",
                     s.url("plain/x"), ok=None)
    ok(p.code not in (0, None))
    p = tools.ffmpeg("-i", s.url("nosuchapp/x"), "-f", "null", "-", ok=None,
                     timeout=20)
    ok(p.code not in (0, None))
    p = tools.ffmpeg("-i", s.url("echo/nosuch"), "-rtmp_live", "recorded",
                     "-f", "null", "-", ok=None, timeout=20) \
        if False else p
    connect(s)


@case(timeout=60)
def other_codecs_pass_and_play_back():
    """MP3 with Sorenson H.263, and sound alone."""
    s = Server()
    for name, args in (("old", ["-c:v", "flv1", "-c:a", "libmp3lame"]),
                       ("sound", ["-vn", "-c:a", "aac"])):
        src = s.tmp / (name + ".flv")
        tools.ffmpeg("-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10",
                     "-f", "lavfi", "-i", "sine=sample_rate=44100", "-t",
                     "3", *args, "-f", "flv", src)
        p = publisher(s, "echo", name, "record")
        p.feed(flv.read(src))
        p.unpublish()
        out = s.tmp / ("out-" + name + ".flv")
        tools.ffmpeg("-i", s.url("echo/" + name + ".flv"), "-c", "copy", out)
        kinds = ("v", "a") if name == "old" else ("a",)
        for k in kinds:
            eq(hashes(out)[k], hashes(src)[k])


@case(timeout=60)
def extended_timestamps_reach_ffmpeg_and_rtmpdump_intact():
    """16,777,300 ms and more, small chunks: what one type 3 header forgets
    destroys the stream."""
    s = Server({"limits.chunk_size_out": "128"})
    tags = flv.read(media.clip(10))
    moved = [flv.Tag(t.type, t.ts + 16_777_000, t.data)
             for t in flv.media(tags)]
    for tool in ("ffmpeg", "rtmpdump"):
        p = publisher(s, "echo", "x" + tool)
        out = s.tmp / (tool + ".flv")
        p.feed(moved[:3])
        play = tools.start_ffmpeg(
            "-rtmp_live", "live", "-copyts", "-i", s.url("echo/x" + tool),
            "-c", "copy", out) if tool == "ffmpeg" else tools.start(
                "rtmpdump", "-v", "-r", s.url("echo/x" + tool), "-o", out)
        poll(lambda: any(r["name"] == "x" + tool and r["viewers"] == 1
                         for r in s.ctl("stream", "list")), 10, "the viewer")
        p.feed(moved[3:])
        p.client.ask("add", 1, 1)
        p.unpublish()
        play.finish(20)
        want = hashes(media.clip(10))
        got = hashes(out)
        for k in ("v", "a"):
            ok(len(got[k]) >= len(want[k]) - 2, "%s got %d of %d" %
               (tool, len(got[k]), len(want[k])))
            eq(got[k], want[k][-len(got[k]):], tool)


tap.main()
