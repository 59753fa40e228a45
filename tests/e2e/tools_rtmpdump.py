#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""rtmpdump: whole, from, to, resumed."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


def thirty():
    s = Server()
    clip = media.clip(30)
    s.put_recording("echo", "t30.flv", clip)
    return s, clip


def span(path):
    tags = media.body(flv.read(path, strict=False))
    return tags[0].ts / 1000, tags[-1].ts / 1000


@case(timeout=90)
def full_download_ends_with_0_and_every_packet():
    s, clip = thirty()
    out = s.tmp / "out.flv"
    tools.rtmpdump(s.url("echo/t30"), out)
    for k in ("v", "a"):
        eq([p[2] for p in tools.packets(out, k)],
           [p[2] for p in tools.packets(clip, k)])
    near(tools.duration(out), 30, 0.1)
    out2 = s.tmp / "out2.flv"
    tools.run("rtmpdump", "-r", s.url("echo"), "-y", "t30.flv", "-o", out2)
    eq(flv.media(flv.read(out2, strict=False)),
       flv.media(flv.read(out, strict=False)))


@case(timeout=90)
def start_gives_media_within_a_key_frame():
    s, clip = thirty()
    out = s.tmp / "out.flv"
    tools.rtmpdump(s.url("echo/t30"), out, "--start", "10", ok=(0, 2))
    first, last = span(out)
    ok(first <= 0.1 or 8 <= first <= 10.1, "first at %g" % first)
    near(last - first, 20, 2.1)
    got = [p[2] for p in tools.packets(out, "v")]
    want = [p[2] for p in tools.packets(clip, "v")]
    eq(got, want[-len(got):])
    near(len(got), 500, 51)


@case(timeout=90)
def stop_gives_the_length_asked_for():
    s, clip = thirty()
    out = s.tmp / "out.flv"
    tools.rtmpdump(s.url("echo/t30"), out, "--stop", "8", ok=(0, 2))
    first, last = span(out)
    ok(first <= 0.1)
    near(last, 8, 2.0)


@case(timeout=90)
def start_and_stop_together():
    s, clip = thirty()
    out = s.tmp / "out.flv"
    tools.rtmpdump(s.url("echo/t30"), out, "--start", "6", "--stop", "14",
                   ok=(0, 2))
    first, last = span(out)
    near(last - first, 8, 2.1)


@case(timeout=90)
def resume_of_a_file_cut_at_a_tag_is_byte_identical():
    s, clip = thirty()
    whole = s.tmp / "whole.flv"
    tools.rtmpdump(s.url("echo/t30"), whole)
    data = whole.read_bytes()
    tags = flv.parse(data, strict=False)
    # librtmp takes up at the last key frame, where its time is 0 again, and
    # drops what has time 0 after it: such key frames are not resumable.
    good = [i for i, t in enumerate(tags[:-1]) if t.key and
            8000 < t.ts < tags[i + 1].ts]
    ok(len(good) >= 3)
    for i in (good[0], good[1] + 9, good[-1] + 30):
        cut = tags[i]
        end = cut.pos + 11 + len(cut.data) + 4
        out = s.tmp / ("cut%d.flv" % i)
        out.write_bytes(data[:end])
        tools.rtmpdump(s.url("echo/t30"), out, "--resume", ok=(0, 2))
        ok(out.read_bytes() == data, "resumed at %d of %d bytes, now %d" %
           (end, len(data), out.stat().st_size))


@case(timeout=60)
def live_stream_is_dumped_to_its_end():
    s = Server()
    p = publisher(s, "echo", "x")
    tags = flv.read(media.clip(10))
    p.feed([t for t in tags if t.ts < 2000])
    out = s.tmp / "out.flv"
    play = tools.start("rtmpdump", "-v", "-r", s.url("echo/x"), "-o", out)
    poll(lambda: s.ctl_one("stream", "list")["viewers"] == 1, 10,
         "rtmpdump to play")
    p.feed([t for t in tags if t.ts >= 2000])
    p.client.ask("add", 1, 1)
    p.unpublish()
    play.finish(20)
    want = [x[2] for x in tools.packets(media.clip(10), "v")]
    got = [x[2] for x in tools.packets(out, "v")]
    ok(len(got) > 150)
    eq(got, want[-len(got):])


@case(timeout=60)
def missing_stream_and_application_end_at_once():
    s = Server()
    out = s.tmp / "out.flv"
    begun = time.monotonic()
    p = tools.rtmpdump(s.url("nosuchapp/x"), out, ok=None)
    ok(p.code != 0)
    ok(time.monotonic() - begun < 20, "it hung")


@case(timeout=60)
def buffer_trick_of_rtmpdump_is_survived():
    """-b 1 with pause and unpause in between (BUFX)."""
    s, clip = thirty()
    out = s.tmp / "out.flv"
    tools.rtmpdump(s.url("echo/t30"), out, "--buffer", "36000000", "-q")
    near(tools.duration(out), 30, 0.1)


tap.main()
