#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Playing, live and recorded: sequences, start, length, lists, pause."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

CLIP = 20


def vod(**kw):
    """A server with recording "r" (20 s, key frame every 2 s) in echo."""
    s = Server(**kw)
    tags = media.synthetic(CLIP)
    path = s.tmp / "r.flv"
    flv.write(path, tags)
    s.put_recording("echo", "r.flv", path)
    return s, tags


@case
def live_start_sequence_has_the_order_players_need():
    s = Server()
    p = publisher(s, "echo", "x")
    p.feed(media.synthetic(3))
    v = connect(s).stream().play("x", -1)
    v.wait_token("key")
    got = v.tokens()
    want = ["uc:begin", "status:NetStream.Play.Reset",
            "status:NetStream.Play.Start", "data:|RtmpSampleAccess",
            "data:onStatus", "data:onMetaData", "video config",
            "audio config", "key"]
    eq([t for t in got if t in want][:len(want)], want)
    start = v.wait_status("NetStream.Play.Start")
    eq(list(start)[:2], ["level", "code"])
    eq(start["details"], "x")
    eq(v.data("onStatus")[0][0]["code"], "NetStream.Data.Start")
    eq(len(v.data("|RtmpSampleAccess")[0]), 2)


@case
def idle_live_stream_starts_at_once_and_notifies_the_publisher():
    s = Server()
    for start in (None, -2, -1, -2000, -1000):
        v = connect(s).stream().play("y", start)
        eq([t for t in v.tokens() if not t.startswith("status")][:1],
           ["uc:begin"])
        p = publisher(s, "echo", "y")
        v.wait_status("NetStream.Play.PublishNotify")
        p.feed(media.synthetic(1))
        v.wait_token("key")
        p.unpublish()
        v.wait_status("NetStream.Play.UnpublishNotify")
        v.client.close()


@case
def recorded_start_sequence_and_end():
    s, tags = vod()
    v = connect(s).stream()
    got = v.play_all("r", 0)
    t = v.tokens()
    eq([x for x in t if x.startswith("uc")][:2], ["uc:recorded", "uc:begin"])
    want = ["uc:recorded", "uc:begin", "status:NetStream.Play.Reset",
            "status:NetStream.Play.Start", "data:|RtmpSampleAccess",
            "data:onStatus", "data:onMetaData", "video config",
            "audio config", "key"]
    eq([x for x in t if x in want][:len(want)], want)
    v.wait_token("uc:eof")
    end = v.tokens()[-3:]
    eq(end, ["data:onPlayStatus", "status:NetStream.Play.Stop", "uc:eof"])
    done = v.data("onPlayStatus")[0][0]
    eq(done["code"], "NetStream.Play.Complete")
    eq(done["level"], "status")
    near(done["duration"], CLIP, 0.1)
    eq([(x.type, x.ts, x.data) for x in got],
       [(x.type, x.ts, x.data) for x in flv.media(tags)])
    meta = v.data("onMetaData")[0][0]
    eq(type(meta), EcmaArray)
    eq(meta["width"], 320.0)


@case
def missing_recording_is_stream_not_found():
    s, _ = vod()
    v = connect(s).stream()
    for start in (0, 5000):
        try:
            v.play("nothing", start)
        except CallFailed as e:
            eq(e.code, "NetStream.Play.StreamNotFound")
            eq(e.info["level"], "error")
            eq(e.info["details"], "nothing")
        else:
            raise AssertionError("played")
    v.play_all("r", 18000)


@case
def names_with_prefix_and_suffix_are_one():
    s, tags = vod()
    for name in ("r", "r.flv", "flv:r", "flv:r.flv", "r?x=y"):
        v = connect(s).stream()
        eq(len(v.play_all(name, 0)), len(flv.media(tags)), name)


@case
def start_picks_the_key_frame_at_or_before():
    s, tags = vod()
    for start in (0, 1, 1999, 2000, 9500, 15000, 19999):
        v = connect(s).stream()
        got = v.play_all("r", start)
        key = flv.key_before(tags, start)
        first = next(t for t in got if t.key)
        eq(first.data, next(t for t in tags if t.key and t.ts == key).data)
        eq([t.data for t in got if t.config],
           [t.data for t in tags if t.config])
        video = [t.data for t in got if t.video and not t.config]
        eq(video, [t.data for t in media.body(tags)
                   if t.video and t.ts >= key])
        ts = [t.ts for t in got]
        eq(ts, sorted(ts))


@case
def start_past_the_end_stops_in_order():
    s, _ = vod()
    v = connect(s).stream()
    v.play("r", 999999)
    v.wait_status("NetStream.Play.Stop")
    v.mark()
    v.play_all("r", 18000)


@case
def length_limits_and_zero_is_one_picture():
    s, tags = vod()
    for start, length in ((0, 5000), (4000, 3000), (10000, 1), (18000, 60000)):
        v = connect(s).stream()
        got = media.body(v.play_all("r", start, length))
        span = got[-1].ts - got[0].ts
        ok(span <= length + 100 and
           span >= min(length, CLIP * 1000 - start) - 100,
           "%d ms of %d from %d" % (span, length, start))
    for length in (-1, -1000, None):
        v = connect(s).stream()
        eq(len(v.play_all("r", 0, length)), len(flv.media(tags)))
    v = connect(s).stream()
    got = [t for t in v.play_all("r", 5000, 0) if not t.config]
    eq([t.key for t in got if t.video], [True])


@case
def minus_two_prefers_live_and_falls_back_to_the_recording():
    s, tags = vod()
    v = connect(s).stream()
    got = v.play_all("r", -2)
    eq(len(got), len(flv.media(tags)))
    p = publisher(s, "echo", "r")
    p.feed(media.synthetic(1, seed=77))
    v = connect(s).stream().play("r", -2)
    v.wait_token("key")
    ok(v.tags[-1].data not in {t.data for t in tags}, "got the recording")
    v = connect(s).stream().play("r", 0)
    v.wait_media(10)
    ok(v.tags[5].data in {t.data for t in tags}, "got the live stream")
    v = connect(s).stream().play("r", -1)
    v.wait_token("key")


@case
def play_false_stops_and_play_again_goes_on():
    s, tags = vod()
    v = connect(s).stream()
    v.buffer(1000).play("r", 0)
    v.wait_token("key")
    v.mark()
    v.command("play", False)
    v.client.ask("add", 1, 1)
    n = len(v.events)
    loop.run_for(0.5)
    eq([e.token for e in v.events[n:] if e.kind in ("audio", "video")], [])
    eq(len(v.play_all("r", 0)), len(flv.media(tags)))


@case
def playlist_appends_when_reset_is_false():
    s, tags = vod()
    flv.write(s.tmp / "q.flv", media.synthetic(4, seed=9))
    s.put_recording("echo", "q.flv", s.tmp / "q.flv")
    for no in (False, 0.0):
        v = connect(s).stream()
        v.buffer(1000)
        v.play("r", 0, -1)
        v.command("play", "q", 0.0, -1.0, no)
        v.client.ask("add", 1, 1)
        v.buffer(36000000)
        v.wait_status("NetStream.Play.Stop", 20)
        codes = [x[0].get("code") for x in v.data("onPlayStatus")]
        ok("NetStream.Play.Switch" in codes or
           "NetStream.Play.TransitionComplete" in codes, codes)
        eq(codes[-1], "NetStream.Play.Complete")
        n = len(media.body(tags)) + len(media.body(media.synthetic(4)))
        eq(len(media.body(v.tags)), n)
        eq(len([t for t in v.tokens() if t.endswith("Play.Reset")]), 1)


@case
def reset_replaces_what_plays():
    s, tags = vod()
    v = connect(s).stream()
    v.buffer(1000).play("r", 0)
    v.wait_media(5)
    v.play("r", 10000)
    v.wait_token("key")
    i = v.tokens().index("status:NetStream.Play.Start")
    late = [e.message for e in v.recent[i:] if e.kind == "video"]
    ok(all(m.ts >= 0 for m in late))
    eq(next(t for t in v.tags if t.key).data,
       next(t for t in tags if t.key and t.ts == 10000).data)


@case
def two_streams_of_one_connection_do_not_mix():
    s, tags = vod()
    c = connect(s)
    a, b = c.stream(), c.stream()
    ok(a.msid != b.msid)
    for x in (a, b):
        x.buffer(36000000)
    a.play("r", 0)
    b.play("r", 10000)
    a.wait_status("NetStream.Play.Stop", 10)
    b.wait_status("NetStream.Play.Stop", 10)
    eq(len(a.tags), len(flv.media(tags)))
    eq(next(t for t in b.tags if t.key).data,
       next(t for t in tags if t.key and t.ts == 10000).data)


@case
def pacing_follows_the_buffer_the_client_set():
    s, tags = vod()
    v = connect(s).stream()
    begun = time.monotonic()
    v.buffer(3000).play("r", 0)
    loop.run_for(1.5)
    got = v.media[-1].ts
    ok(2000 <= got <= 12000, "%d ms after 1.5 s" % got)
    v.buffer(36000000)
    v.wait_status("NetStream.Play.Stop", 10)
    ok(time.monotonic() - begun < 15)


@case
def pause_stops_and_unpause_goes_on_from_there():
    s, tags = vod()
    v = connect(s).stream()
    v.buffer(500).play("r", 0)
    wait(lambda: v.media and v.media[-1].ts >= 400, 5, "some media")
    v.pause(v.media[-1].ts)
    eq([t for t in v.tokens(media=False)][:1],
       ["status:NetStream.Pause.Notify"])
    v.wait_token("uc:eof")
    n = len(v.events)
    loop.run_for(0.5)
    eq([e.token for e in v.events[n:]], [])
    at = 3000
    v.buffer(36000000)
    info = v.unpause(at)
    eq(info["level"], "status")
    v.wait_status("NetStream.Play.Stop", 10)
    ok("uc:begin" in v.tokens())
    got = [t for t in v.tags if not t.config]
    eq(next(t for t in got if t.key).ts, flv.key_before(tags, at))
    eq(got[-1].data, tags[-1].data)


@case
def pause_raw_and_odd_arguments_are_taken():
    s, _ = vod()
    v = connect(s).stream()
    v.buffer(500).play("r", 0)
    v.wait_media(3)
    v.mark()
    v.command("pauseRaw", True, 1000.0)
    v.command("pause", 1.0, 1000.0)
    v.wait_status("NetStream.Pause.Notify")
    v.command("pause", 0.0, None)
    v.wait_status("NetStream.Unpause.Notify")
    v.client.ask("add", 1, 1)


@case
def paused_live_stream_resumes_at_a_key_frame():
    s = Server()
    p = publisher(s, "echo", "x")
    v = connect(s).stream().play("x", -1)
    tags = media.synthetic(10)
    p.feed([t for t in tags if t.ts <= 1000])
    v.wait_token("key")
    v.pause(900)
    p.feed([t for t in tags if 1000 < t.ts <= 5000])
    p.client.ask("add", 1, 1)
    v.client.ask("add", 1, 1)
    eq(v.media, [])
    v.unpause(900)
    p.feed([t for t in tags if t.ts > 5000])
    wait(lambda: v.media and v.media[-1].ts >= 9900, 5, "the rest")
    video = [t for t in v.tags if t.video and not t.config]
    ok(video[0].key, "first picture is no key frame")


@case
def receive_audio_and_video_switch_the_kinds():
    s = Server()
    p = publisher(s, "echo", "x")
    v = connect(s).stream().play("x", -1)
    tags = media.synthetic(8)
    p.feed([t for t in tags if t.ts < 1000])
    v.wait_token("key")

    def part(a, b):
        v.client.ask("add", 1, 1)
        v.mark()
        want = [t for t in tags if a <= t.ts < b]
        p.feed(want)
        p.send_data("mark", float(b), ts=b)
        wait(lambda: [float(b)] in v.data("mark"), 5, "the mark")
        return [e.kind for e in v.recent if e.kind in ("audio", "video")]
    v.command("receiveVideo", False)
    eq(set(part(1000, 3000)), {"audio"})
    v.command("receiveVideo", True)
    v.command("receiveAudio", False)
    eq(set(part(3000, 5000)), {"video"})
    ok([t for t in v.tags if t.video and not t.config][0].key)
    v.command("receiveAudio", True)
    eq(set(part(5000, 8000)), {"audio", "video"})


@case
def stream_length_is_told():
    s, _ = vod()
    c = connect(s)
    for name in ("r", "r.flv", "flv:r"):
        near(c.ask("getStreamLength", name), CLIP, 0.1)
    try:
        eq(c.ask("getStreamLength", "nothing"), 0.0)
    except CallFailed:
        pass


@case
def a_refused_play_says_why():
    s = Server()
    v = connect(s, "vod").stream()
    try:
        v.play("sample", -1)
    except CallFailed as e:
        eq(e.code, "NetStream.Play.Failed")
        ok("recordings only" in e.info["description"], e.info)
    else:
        raise AssertionError("it played")
    v.play_all("sample", 0)


@case
def subscribing_the_old_way_is_answered():
    s = Server()
    c = connect(s)
    c.call("FCSubscribe", "x")
    name, txn, args = c.wait_command("onFCSubscribe")
    eq(args[0]["code"], "NetStream.Play.Start")


@case
def sample_of_the_vod_application_plays_at_once():
    s = Server()
    v = connect(s, "vod").stream()
    got = v.play_all("sample", 0)
    ok(got[-1].ts >= 19500, "%d ms" % got[-1].ts)
    keys = [t.ts for t in got if t.key]
    ok(max(b - a for a, b in zip(keys, keys[1:])) <= 2100, keys)
    eq({t.data[0] & 15 for t in got if t.video}, {7})
    eq({t.data[0] >> 4 for t in got if t.audio}, {10})


@case
def flash_player_order_of_commands_starts_the_stream():
    """The order of a captured Flash Player: the answer to createStream is
    not awaited by what follows on the connection, play has no start, pause
    is taken back at once, pauseRaw comes beside pause."""
    s, tags = vod()
    c = connect(s, "echo", Object(version=10.0))
    c.control(chunk.WINDOW_ACK, (1250000).to_bytes(4, "big"))
    v = c.stream()
    c.user_control(3, 0, 5000)
    v.command("receiveVideo", True)
    v.command("play", "r")
    v.command("pause", False, 0.0)
    c.user_control(3, v.msid, 5000)
    v.wait_status("NetStream.Play.Start")
    v.wait_token("key")
    v.command("pauseRaw", True, 3434.0)
    v.command("pauseRaw", True, 3434.0)
    v.command("pause", True, 3602.0)
    v.wait_status("NetStream.Pause.Notify")
    v.mark()
    v.command("seek", 0.0)
    v.wait_status("NetStream.Seek.Notify")
    v.delete()
    eq(c.ask("add", 1, 1), 2.0)


@case
def deleting_and_leaving_in_the_middle_harms_nobody():
    s, tags = vod()
    for how in range(6):
        c = connect(s)
        v = c.stream()
        v.buffer(36000000).play("r", 0)
        if how == 0:
            v.delete()
            c.ask("add", 1, 1)
        elif how == 1:
            v.close()
            c.ask("add", 1, 1)
        elif how == 2:
            c.abort()
        elif how == 3:
            c.close()
        elif how == 4:
            c.hold()
            c.abort()
        else:
            v.command("seek", 5000.0)
            v.command("play", "r", 0.0)
            c.abort()
    eq(len(connect(s).stream().play_all("r", 0)), len(flv.media(tags)))


tap.main()
