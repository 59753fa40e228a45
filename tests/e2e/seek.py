#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Seek in a finished recording."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


def vod(seconds=20, **kw):
    s = Server()
    tags = media.synthetic(seconds, **kw)
    flv.write(s.tmp / "r.flv", tags)
    s.put_recording("echo", "r.flv", s.tmp / "r.flv")
    return s, tags


@case
def seek_sequence_then_media_from_the_key_frame():
    s, tags = vod()
    v = connect(s).stream()
    v.buffer(500).play("r", 0)
    v.wait_token("key")
    v.mark()
    v.command("seek", 13500.0)
    info = v.wait_status("NetStream.Seek.Notify")
    eq(info["level"], "status")
    v.buffer(36000000)
    v.wait_status("NetStream.Play.Stop", 10)
    t = v.tokens()
    i = t.index("status:NetStream.Seek.Notify")
    order = [x for x in t if x in ("uc:eof", "uc:recorded", "uc:begin",
                                   "status:NetStream.Seek.Notify",
                                   "status:NetStream.Play.Start")][:5]
    eq(order, ["uc:eof", "uc:recorded", "uc:begin",
               "status:NetStream.Seek.Notify", "status:NetStream.Play.Start"])
    after = [e for e in v.recent[i:] if e.kind in ("audio", "video") and
             e.message.payload]
    eq(after[0].token, "video config")
    first = next(e for e in after if e.token == "key").message
    eq(first.ts, 12000)
    eq(first.payload, next(x for x in tags if x.key and x.ts == 12000).data)
    for kind in ("audio", "video"):
        eq(next(e for e in after if e.kind == kind).message.fmt, 0,
           "first %s after the seek is fmt 0" % kind)
    video = [e.message.payload for e in after
             if e.kind == "video" and not e.token.endswith("config") and
             e.message.payload[0] >> 4 != 5]
    eq(video, [x.data for x in media.body(tags) if x.video and x.ts >= 12000])


@case
def nothing_old_follows_the_notify():
    s, tags = vod(40, size=3000)
    v = connect(s).stream()
    v.buffer(36000000).play("r", 0)
    v.wait_media(20)
    for ms in (30000, 4000, 22000, 1000, 38000):
        v.seek(ms)
        v.wait_token("key")
        key = flv.key_before(tags, ms)
        i = v.tokens().index("status:NetStream.Seek.Notify")
        late = [e.message for e in v.recent[i:]
                if e.kind == "video" and e.message.payload]
        ok(all(m.ts >= key for m in late), "old media after the seek")
        eq(v.find("key").message.ts, key)


@case
def random_seeks_hit_the_right_key_frame():
    s, tags = vod(60)
    rnd = random.Random(7)
    v = connect(s).stream()
    v.buffer(100).play("r", 0)
    for _ in range(60):
        ms = rnd.randrange(60000)
        v.seek(ms)
        m = v.wait_token("key").message
        eq(m.ts, flv.key_before(tags, ms), "seek to %d" % ms)


@case
def past_the_end_is_clamped_not_an_error():
    s, tags = vod()
    v = connect(s).stream()
    v.buffer(36000000).play("r", 0)
    v.wait_media(3)
    for ms in (20000, 10**7, 2**31):
        v.seek(ms)
        v.wait_status("NetStream.Play.Stop", 10)
        key = v.find("key")
        if key:
            eq(key.message.ts, 18000)


@case
def seek_after_the_end_plays_again():
    s, tags = vod()
    v = connect(s).stream()
    v.play_all("r", 0)
    v.seek(10000)
    v.wait_status("NetStream.Play.Stop", 10)
    eq(v.find("key").message.ts, 10000)


@case
def negative_and_odd_targets_are_harmless():
    s, tags = vod()
    v = connect(s).stream()
    v.buffer(500).play("r", 0)
    v.wait_media(3)
    v.seek(-5)
    v.wait_token("key")
    eq(v.find("key").message.ts, 0)
    for odd in (float("nan"), float("inf"), "soon", None):
        v.command("seek", odd)
    eq(v.client.ask("add", 1, 1), 2.0)
    v.seek(4000)


@case
def seek_while_paused_shows_one_picture_and_stays_paused():
    s, tags = vod()
    v = connect(s).stream()
    v.buffer(500).play("r", 0)
    v.wait_media(5)
    v.pause(v.media[-1].ts)
    v.seek(11000)
    v.wait_token("key")
    eq(v.find("key").message.ts, 10000)
    loop.run_for(0.5)
    later = [t for t in v.tags if t.video and not t.config]
    ok(len(later) <= 30, "%d pictures while paused" % len(later))
    v.buffer(36000000)
    v.unpause(11000)
    v.wait_status("NetStream.Play.Stop", 10)


@case
def seek_on_csid_3_without_transaction_as_ffmpeg_does():
    s, tags = vod()
    v = connect(s).stream()
    v.buffer(500).play("r", 0)
    v.wait_media(3)
    v.mark()
    v.client.command("seek", 0, 6000.0, msid=v.msid, csid=3)
    v.wait_status("NetStream.Seek.Notify")
    eq(v.wait_token("key").message.ts, 6000)


@case
def codec_configuration_in_force_at_the_target_is_sent():
    """The configuration changes in the middle of the file."""
    s = Server()
    one = media.synthetic(8)
    second = media.AVC_CONFIG.replace(b"\x42\xc0", b"\x64\x00")
    two = [flv.Tag(9, 8000, second)] + media.synthetic(
        8, start=8000, seed=2, metadata=False, config=False)
    flv.write(s.tmp / "r.flv", one + two)
    s.put_recording("echo", "r.flv", s.tmp / "r.flv")
    v = connect(s).stream()
    v.buffer(100).play("r", 0)
    for ms, want in ((3000, media.AVC_CONFIG), (10000, second),
                     (1000, media.AVC_CONFIG), (8000, second)):
        v.seek(ms)
        key = v.wait_token("key")
        before = v.recent[:v.recent.index(key)]
        eq([e.message.payload for e in before
            if e.token == "video config"][-1], want, "at %d" % ms)


@case
def audio_alone_seeks_too():
    s = Server()
    tags = [t for t in media.synthetic(20) if not t.video]
    flv.write(s.tmp / "a.flv", tags)
    s.put_recording("echo", "a.flv", s.tmp / "a.flv")
    v = connect(s).stream()
    v.buffer(36000000).play("a", 0)
    v.wait_media(3)
    v.seek(15000)
    v.wait_status("NetStream.Play.Stop", 10)
    got = [t for t in v.tags if not t.config]
    ok(13000 <= got[0].ts <= 15000, got[0].ts)
    eq(got[-1].data, tags[-1].data)


@case
def enhanced_rtmp_is_recorded_played_and_sought_alike():
    s = Server()
    p = publisher(s, "echo", "e", "record")
    hvc = b"hvc1"
    tags = [flv.Tag(9, 0, b"\x90" + hvc + b"config")]
    for i in range(200):
        head = (b"\x91" if i % 50 == 0 else b"\xa1") + hvc + b"\0\0\0"
        tags.append(flv.Tag(9, i * 40, head + b"frame%03d" % i + bytes(100)))
    p.feed(tags)
    p.unpublish()
    v = connect(s).stream()
    got = v.play_all("e", 0)
    eq([(t.ts, t.data) for t in got], [(t.ts, t.data) for t in tags])
    v.seek(5000)
    eq(v.wait_token("key").message.ts, 4000)


tap.main()
