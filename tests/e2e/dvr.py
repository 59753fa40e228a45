#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Playing and seeking in a recording that is still being made."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

def length(s):
    """Seconds of the recording already on disk."""
    rows = [r for r in s.ctl("rec", "list", "echo") if r["name"] == "x"]
    return rows[0]["duration_s"] if rows else 0


@case
def viewer_seeks_anywhere_in_what_is_already_there():
    s = Server()
    tags = media.synthetic(60)
    p = publisher(s, "echo", "x", "record")
    p.feed(tags)
    p.client.ask("add", 1, 1)
    v = connect(s).stream()
    v.buffer(100)
    poll(lambda: length(s) > 59, 10,
         "the recording on disk")
    v.play("x", 0)
    rnd = random.Random(11)
    for _ in range(40):
        ms = rnd.randrange(59000)
        v.seek(ms)
        eq(v.wait_token("key").message.ts, flv.key_before(tags, ms))
    row = s.ctl_one("rec", "info", "echo", "x")
    eq(row["growing"], True)


@case
def playing_from_the_start_follows_the_growing_end():
    s = Server()
    tags = media.synthetic(6)
    p = publisher(s, "echo", "x", "record")
    half = [t for t in tags if t.ts < 3000]
    p.feed(half)
    p.client.ask("add", 1, 1)
    v = connect(s).stream()
    v.buffer(36000000).play("x", 0)
    v.wait_media(len(flv.media(half)) - 20)
    p.feed(tags[len(half):])
    v.wait_media(len(flv.media(tags)) - 20, 10)
    p.unpublish()
    v.wait_status("NetStream.Play.Stop", 10)
    eq([(t.type, t.ts, t.data) for t in v.tags],
       [(t.type, t.ts, t.data) for t in flv.media(tags)])


@case
def seek_lands_right_while_tags_keep_coming():
    s = Server()
    tags = media.synthetic(40)
    p = publisher(s, "echo", "x", "record")
    feed = p.feed_live(tags, speed=8)
    wait(lambda: feed.position > 4000, 10, "some seconds")
    v = connect(s).stream()
    v.buffer(100).play("x", 0)
    rnd = random.Random(5)
    seeks = 0
    while not feed.done:
        ms = rnd.randrange(max(1, feed.position - 2500))
        v.seek(ms)
        eq(v.wait_token("key").message.ts, flv.key_before(tags, ms))
        seeks += 1
    ok(seeks >= 10, "only %d seeks" % seeks)


def first_frame_cost(worker, v, ms):
    """Bytes the worker reads from files (/proc counts no recv) between a
    seek and its first picture; the player is paused and stays so."""
    before = server.read_bytes(worker)
    v.seek(ms)
    v.wait_token("key")
    return server.read_bytes(worker) - before


@case(timeout=120)
def cost_of_a_seek_does_not_grow_with_the_recording():
    s = Server()
    c = connect(s)
    p = c.stream().publish("x", "record")
    c.set_chunk_size(60000)
    v = connect(s).stream()
    worker = s.worker("echo")
    costs = {}
    at = 0
    rnd = random.Random(3)
    for minutes in (1, 60):
        tags = []
        while at < minutes * 60000:
            key = at % 2000 == 0
            tags.append(flv.Tag(9, at, media.avc(
                key, at.to_bytes(4, "big") + bytes(400 if key else 60))))
            at += 40
        p.feed(([flv.Tag(9, 0, media.AVC_CONFIG)] if minutes == 1 else [])
               + tags, timeout=60)
        c.ask("add", 1, 1, timeout=30)
        poll(lambda: length(s) > minutes * 60 - 2, 30,
             "%d min on disk" % minutes)
        v.buffer(100).play("x", 0)
        v.pause()
        costs[minutes] = sorted(
            first_frame_cost(worker, v, rnd.randrange(minutes * 60000 - 4000))
            for _ in range(9))[4]
        v.command("play", False)
    note("bytes read before the first frame: %r" % costs)
    ok(costs[60] <= costs[1] * 2 + 65536, "it grows: %r" % costs)


tap.main()
