#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Recording: what is on disk is what was published."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


def file_of(s, name, app="echo", inst="_definst_"):
    return s.recordings(app, inst) / (name + ".flv")


def same(got, tags, what=""):
    """The same media, times counted from the first."""
    want = flv.media(tags)
    zero = want[0].ts
    eq([(t.type, t.ts, t.data) for t in flv.media(got)],
       [(t.type, t.ts - zero, t.data) for t in want], what)


@case
def recorded_file_holds_every_tag_as_published():
    s = Server()
    tags = media.synthetic(6)
    p = publisher(s, "echo", "x", "record")
    eq(p.tokens()[:1], ["uc:begin"])
    p.wait_status("NetStream.Record.Start")
    p.feed(tags)
    p.mark()
    p.unpublish()
    p.wait_status("NetStream.Record.Stop")
    same(flv.read(file_of(s, "x")), tags)
    v = connect(s).stream()
    same(v.play_all("x", 0), tags)


@case
def times_in_the_file_begin_with_the_recording():
    s = Server()
    tags = media.synthetic(4, start=3_000_000_000)
    p = publisher(s, "echo", "x", "record")
    p.feed(tags)
    p.unpublish()
    same(flv.read(file_of(s, "x")), tags)


@case
def metadata_of_a_closed_recording_has_duration_and_keyframes():
    s = Server()
    tags = media.synthetic(9)
    p = publisher(s, "echo", "x", "record")
    p.feed(tags)
    p.unpublish()
    p.wait_status("NetStream.Record.Stop")
    path = file_of(s, "x")
    got = flv.read(path)
    eq(got[0].type, flv.DATA)
    name, meta = amf0.decode(got[0].data)[:2]
    eq((name, type(meta)), ("onMetaData", EcmaArray))
    near(meta["duration"], got[-1].ts / 1000, 0.001)
    near(meta["width"], 320, 0)
    keys = meta["keyframes"]
    eq(len(keys["times"]), len(keys["filepositions"]))
    at = {t.pos: t for t in got}
    hits = [at[int(x)] for x in keys["filepositions"]]
    eq([t.ts for t in hits if t.key], [t.ts for t in got if t.key])
    eq([t.ts / 1000 for t in hits], list(keys["times"]))
    near(tools.duration(path), 9, 0.2)


@case
def record_again_replaces_and_append_goes_on():
    s = Server()
    one, two = media.synthetic(3), media.synthetic(3, seed=2, start=50000)
    p = publisher(s, "echo", "x", "record")
    p.feed(one)
    p.unpublish()
    p = publisher(s, "echo", "x", "append")
    p.feed(two)
    p.unpublish()
    got = flv.read(file_of(s, "x"))
    body = media.body(got)
    eq([t.data for t in body],
       [t.data for t in media.body(one) + media.body(two)])
    ts = [t.ts for t in flv.media(got)]
    eq(ts, sorted(ts))
    second = next(t for t in body if t.data == media.body(two)[0].data)
    ok(0 <= second.ts - one[-1].ts <= 200,
       "appended at %d after %d" % (second.ts, one[-1].ts))
    p = publisher(s, "echo", "x", "record")
    p.feed(two)
    p.unpublish()
    same(flv.read(file_of(s, "x")), two)


@case
def live_is_not_recorded_and_record_can_be_watched():
    s = Server()
    p = publisher(s, "echo", "x", "live")
    p.feed(media.synthetic(1))
    p.unpublish()
    ok(not file_of(s, "x").exists())
    p = publisher(s, "echo", "y", "record")
    v = connect(s).stream().play("y", -1)
    tags = media.synthetic(2)
    p.feed(tags)
    v.wait_media(len(flv.media(tags)))


@case
def recordings_of_instances_are_apart_and_names_may_have_folders():
    s = Server()
    for inst, name in (("a", "x"), ("b", "x"), ("a", "talks/mon/1"),
                       ("a/b", "x"), ("a", "päck chen")):
        p = publisher(s, "echo/" + inst, name, "record")
        tags = media.synthetic(1, seed=len(inst + name))
        p.feed(tags)
        p.unpublish()
        v = connect(s, "echo/" + inst).stream()
        same(v.play_all(name, 0), tags, name)
    eq(len({(r["where"], r["name"]) for r in s.ctl("rec", "list")}), 5)


@case
def disconnect_closes_the_recording_too():
    s = Server()
    tags = media.synthetic(3)
    p = publisher(s, "echo", "x", "record")
    p.feed(tags)
    p.client.ask("add", 1, 1)
    p.client.abort()
    wait(lambda: not any(r["growing"] for r in s.ctl("rec", "list")) and
         s.ctl("rec", "list"), 10, "the recording to close")
    same(flv.read(file_of(s, "x")), tags)


@case
def term_closes_recordings():
    s = Server()
    tags = media.synthetic(3)
    p = publisher(s, "echo", "x", "record")
    p.feed(tags)
    p.client.ask("add", 1, 1)
    eq(s.stop(), 0)
    same(flv.read(file_of(s, "x")), tags)
    s.start()
    same(connect(s).stream().play_all("x", 0), tags)


@case
def data_messages_are_recorded_in_their_place():
    s = Server()
    tags = media.synthetic(2)
    p = publisher(s, "echo", "x", "record")
    p.feed([t for t in tags if t.ts <= 1000])
    p.send_data("onCuePoint", Object(name="chapter 1"), ts=1000)
    p.feed([t for t in tags if t.ts > 1000])
    p.unpublish()
    v = connect(s).stream()
    v.play_all("x", 0)
    eq(v.data("onCuePoint"), [[Object(name="chapter 1")]])
    eq(next(e for e in v.recent if e.token == "data:onCuePoint").message.ts,
       1000)


@case
def backward_and_jumping_timestamps_give_a_playable_file():
    s = Server()
    p = publisher(s, "echo", "x", "record")
    tags = media.synthetic(4)
    jump = [flv.Tag(t.type, (t.ts - 3000 if t.ts >= 2000 else t.ts)
                    & 0xFFFFFFFF, t.data) for t in tags]
    p.feed(jump)
    p.unpublish()
    got = flv.read(file_of(s, "x"))
    ts = [t.ts for t in flv.media(got)]
    eq(ts, sorted(ts))
    eq(len(media.body(got)), len(media.body(tags)))
    connect(s).stream().play_all("x", 0)


@case
def file_put_into_the_folder_plays_and_is_listed():
    s = Server()
    path = media.clip(10)
    s.put_recording("echo", "dropped.flv", path)
    v = connect(s).stream()
    got = v.play_all("dropped", 0)
    want = flv.media(flv.read(path))
    eq([(t.type, t.ts, t.data) for t in got],
       [(t.type, t.ts, t.data) for t in want])
    row = s.ctl_one("rec", "info", "echo", "dropped")
    near(row["duration_s"], 10, 0.1)
    eq(row["size"], path.stat().st_size)


@case
def file_replaced_or_cut_is_indexed_again():
    s = Server()
    a, b = media.synthetic(10), media.synthetic(20, seed=4)
    flv.write(s.tmp / "a.flv", a)
    flv.write(s.tmp / "b.flv", b)
    path = s.put_recording("echo", "x.flv", s.tmp / "a.flv")
    v = connect(s).stream()
    eq(len(v.play_all("x", 0)), len(flv.media(a)))
    s.put_recording("echo", "x.flv", s.tmp / "b.flv")
    v = connect(s).stream()
    v.buffer(36000000).play("x", 15000)
    eq(v.wait_token("key").message.payload,
       next(t for t in b if t.key and t.ts == 14000).data)
    data = path.read_bytes()
    path.write_bytes(data[:len(data) // 2 + 17])
    v = connect(s).stream()
    got = v.play_all("x", 0)
    eq([t.data for t in got], [t.data for t in flv.media(b)][:len(got)])
    ok(len(got) > 100)


@case
def damaged_files_end_the_play_with_a_status():
    s = Server()
    good = b"".join(flv.tag_bytes(t) for t in media.synthetic(2))
    for i, data in enumerate((
            b"", b"FLV", b"GIF89a" + bytes(50), flv.header(),
            flv.header() + b"\x09\xff\xff\xff" + bytes(30),
            flv.header() + good[:5000] + b"\xff" * 3000,
            flv.header()[:5] + b"\xff\xff\xff\xff" + good,
            bytes(100000), os.urandom(100000))):
        path = s.tmp / "bad.flv"
        path.write_bytes(data)
        s.put_recording("echo", "bad%d.flv" % i, path)
        v = connect(s).stream()
        v.buffer(36000000)
        v.mark()
        v.command("play", "bad%d" % i, 0.0)
        wait(lambda: [e for e in v.recent if e.kind == "status" and e.name in (
            "NetStream.Play.Stop", "NetStream.Play.StreamNotFound",
            "NetStream.Play.Failed", "NetStream.Play.FileStructureInvalid",
            "NetStream.Play.NoSupportedTrackFound")], 10, "an end of %d" % i)
        eq(v.client.ask("add", 1, 1), 2.0)


@case
def lost_or_broken_index_is_rebuilt():
    s = Server()
    tags = media.synthetic(20)
    p = publisher(s, "echo", "x", "record")
    p.feed(tags)
    p.unpublish()
    for how in ("gone", "garbage", "cut"):
        s.stop()
        index = s.state / "apps" / "echo" / "index.lmdb"
        ok(index.exists())
        files = [index] if index.is_file() else \
            [f for f in index.iterdir() if f.is_file()]
        for f in files:
            if how == "gone":
                f.unlink()
            elif how == "garbage":
                f.write_bytes(os.urandom(f.stat().st_size))
            else:
                os.truncate(f, f.stat().st_size // 2)
        s.start()
        v = connect(s).stream()
        v.buffer(100).play("x", 0)
        v.seek(13000)
        eq(v.wait_token("key").message.ts, 12000, how)


tap.main()
