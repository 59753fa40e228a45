#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Recordings as scripts see them: looked up, copied, cut, renamed, deleted,
and the paths of clear_streams."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

NO_ACCESS = "NetStream.Record.NoAccess"
EXISTS = "NetStream.Record.AlreadyExists"
NOT_FOUND = "NetStream.Play.StreamNotFound"


def archive(names=(), seconds=6, options=None):
    s = Server(options)
    tags = media.synthetic(seconds)
    if names:
        path = s.tmp / "clip.flv"
        flv.write(path, tags)
        for n in names:
            s.put_recording("archive", n + ".flv", path)
    return s, connect(s, "archive"), tags


@case
def recording_tells_what_is_known_of_it():
    s, c, tags = archive(["x"])
    last = max(t.ts for t in tags)
    r = c.ask("get", "x")
    eq(r["name"], "x")
    eq(r["duration"], last / 1000)
    eq(r["growing"], False)
    eq(set(r["codecs"]), {"video", "audio"})
    eq(r["keyframes"], sum(flv.is_key(*k) for k in
                           ((t.type, t.data) for t in tags)
                           if not flv.is_config(*k)))
    eq(c.ask("get", "flv:x"), r)
    eq(c.ask("get", "x.flv"), r)
    eq(c.ask("length", "x"), [last / 1000, r["size"]])
    eq(c.ask("get", "nothing"), None)
    eq(c.ask("length", "nothing"), [None, None])
    for bad in ("../x", "/etc/passwd", ""):
        eq(c.ask("get", bad), None)
    sent = next(amf0.decode(t.data)[1] for t in tags if t.type == 18)
    meta = c.ask("meta", "x")
    ok(sent and all(meta[k] == v for k, v in sent.items()), meta)


@case
def list_is_sorted_and_takes_patterns():
    s, c, _ = archive(["b", "a", "shows/2", "shows/1", "shows/deep/3"], 1)
    all = ["a", "b", "shows/1", "shows/2", "shows/deep/3"]
    eq(c.ask("list"), all)
    eq(c.ask("list", "*"), ["a", "b"])
    eq(c.ask("list", "shows/*"), ["shows/1", "shows/2"])
    eq(c.ask("list", "shows/**"), all[2:])
    eq(c.ask("list", "nothing/*"), [])
    eq(c.ask("from", 3), all[3:])
    eq(c.ask("from", 99), [])
    other = connect(s, "archive/elsewhere")
    eq(other.ask("list"), [])


@case
def list_gives_a_thousand_at_most():
    s, c, _ = archive()
    path = s.tmp / "clip.flv"
    flv.write(path, media.synthetic(0.1))
    for i in range(1001):
        s.put_recording("archive", "n%04d.flv" % i, path)
    got = c.ask("list", timeout=20)
    eq((len(got), got[0], got[-1]), (1000, "n0000", "n0999"))
    eq(c.ask("from", 1000), ["n1000"])


@case
def recording_may_be_looked_at_while_it_grows():
    s, c, _ = archive()
    p = publisher(s, "archive", "cam", "record")
    p.feed(media.synthetic(2))
    p.wait_status("NetStream.Record.Start")
    r = poll(lambda: (lambda r: r if r and r["duration"] > 1 else None)
             (c.ask("get", "cam")), 5, "it to grow")
    eq(r["growing"], True)
    eq(c.ask("begun"), ["cam", "cam", True])
    eq(c.ask("rename", "cam", "y")[0], NO_ACCESS)
    eq(c.ask("delete", "cam"), [NO_ACCESS, "it is being recorded"])
    p.unpublish()
    p.wait_status("NetStream.Record.Stop")
    name, rec, growing, duration = wait(lambda: c.ask("ends"), 5, "end")[0]
    eq((name, rec, growing), ("cam", "cam", False))
    near(duration, 2, 0.1)


@case
def names_change_and_files_go():
    s, c, tags = archive(["x", "y"])
    eq(c.ask("rename", "x", "deep/z")["name"], "deep/z")
    eq(c.ask("list"), ["deep/z", "y"])
    eq(c.ask("rename", "y", "deep/z")[0], EXISTS)
    eq(c.ask("rename", "y", "../out")[0], "NetStream.Record.Failed")
    v = c.stream()
    got = v.play_all("deep/z")
    eq(len(flv.media(got)), len(flv.media(tags)))
    eq(c.ask("delete", "deep/z"), [NO_ACCESS, "it is being played"])
    eq(c.ask("rename", "deep/z", "w"), [NO_ACCESS, "it is being played"])
    v.close()
    eq(c.ask("delete", "deep/z"), True)
    eq(c.ask("delete", "deep/z")[0], NOT_FOUND)
    eq(c.ask("list"), ["y"])
    eq(c.ask("infos"), [])
    c.ask("forget", "nothing")
    wait(lambda: c.ask("infos") == [NOT_FOUND], 5, "on(:status)")


@case
def copies_and_cuts_are_recordings_of_their_own():
    s, c, tags = archive(["x"], 10)
    r = c.ask("copy", "x", "y")
    eq(r["name"], "y")
    near(r["duration"], 10, 0.1)

    def same(name, want, zero):
        got = [(t.type, t.ts, t.data) for t in
               flv.media(c.stream().play_all(name)) if t.data]
        eq(got, [(t.type, t.ts - zero, t.data) for t in want])

    whole = flv.media(tags)
    same("y", whole, 0)
    eq(c.ask("copy", "x", "y"), [EXISTS,
                                 "there is a recording of that name"])
    r = c.ask("cut", "x", 4.5, 8, "z")          # key frames every two seconds
    heads = [t for t in whole if flv.is_config(t.type, t.data)]
    part = [flv.Tag(t.type, 4000, t.data) for t in heads] + \
        [t for t in whole if 4000 <= t.ts < 8000 and t not in heads]
    same("z", part, 4000)
    near(r["duration"], 4, 0.05)
    eq(c.ask("cut", "x", 4, None, "rest")["name"], "rest")
    eq(c.ask("list"), ["rest", "x", "y", "z"])
    try:
        c.ask("copy", "gone", "w")
    except CallFailed:
        pass


@case
def copies_under_way_end_with_their_instance():
    s, c, tags = archive(["x"], 30)
    eq(c.ask("many", 10), 10)
    c.close()
    eq(s.ctl_run("inst", "stop", "archive")[0], 0)
    c = connect(s, "archive")
    poll(lambda: all((c.ask("length", n)[0] or 0) > 29
                     for n in c.ask("list")), 8, "only whole ones to stay")


@case
def recordings_of_a_path_are_cleared_and_players_told():
    s, c, tags = archive(["a/one", "a/two", "a/b/three", "d", "e1", "e2"])
    v = c.stream()
    v.play("d", 0)
    v.wait_media(1)
    eq(c.ask("clear", "/a"), False)
    eq(c.ask("clear", "mp4:/d"), False)
    eq(c.ask("clear", "flv:/a/*"), True)
    eq(c.ask("list"), ["d", "e1", "e2"])
    eq(c.ask("clear", "/e?"), True)
    eq(c.ask("clear", "/d"), True)
    info = v.wait_status("NetStream.Clear.Success")
    eq((info["level"], info["details"]), ("status", "d"))
    eq(c.ask("list"), [])
    p = publisher(s, "archive", "cam", "record")
    p.feed(media.synthetic(1))
    p.wait_status("NetStream.Record.Start")
    w = c.stream()
    w.play("cam")
    w.wait_media(1)
    poll(lambda: c.ask("list"), 5, "the recording")
    eq(c.ask("clear", "/"), False)
    eq(w.wait_status("NetStream.Clear.Failed")["level"], "error")
    p.unpublish()
    p.wait_status("NetStream.Record.Stop")
    eq(c.ask("clear", "/"), True)


@case
def lookups_at_once_have_a_limit():
    s, c, _ = archive(["x"], 1, {"limits.recording_jobs": 3})
    eq(c.ask("many", 2), 2)
    folder = s.recordings("archive")
    poll(lambda: (folder / "c2.flv").exists() and not
         list(folder.glob(".*")), 5, "the copies")

    def many(n):
        try:
            return c.ask("many", n)
        except CallFailed as e:
            return e.info["description"]
    poll(lambda: many(3) == 3, 5, "none to be under way")
    s.mark_log()
    poll(lambda: str(many(4)).startswith("Script error"), 5, "the limit")
    ok("FCS::LimitError" in s.wait_log("script.error"))


tap.main()
