#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Publishing: the sequence, the refusals, what reaches the viewers."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


@case
def publish_starts_with_begin_and_publish_start():
    s = Server()
    p = connect(s).stream()
    p.publish("x")
    eq(p.tokens()[:2], ["uc:begin", "status:NetStream.Publish.Start"])
    info = p.wait_status("NetStream.Publish.Start")
    eq(list(info)[:2], ["level", "code"])
    eq(info["level"], "status")
    eq(info["details"], "x")
    eq(info["description"], "x is now published.")
    eq(info["clientid"], p.client.id)
    p.unpublish()


@case
def encoder_order_with_release_and_fcpublish_works():
    s = Server()
    c = connect(s, type="nonprivate")
    c.set_chunk_size(4096)
    c.call("releaseStream", "x")
    c.call("FCPublish", "x")
    p = c.stream()
    c.wait_command("onFCPublish")
    p.publish("x")
    p.feed(media.synthetic(2))
    c.call("FCUnpublish", "x")
    name, txn, args = c.wait_command("onFCUnpublish")
    eq(args[0]["code"], "NetStream.Unpublish.Success")
    p.delete()
    wait(lambda: s.ctl("stream", "list") == [], 5, "the stream to end")


@case
def every_tag_reaches_a_viewer_unchanged():
    s = Server()
    tags = media.synthetic(8)
    p = publisher(s, "echo", "x")
    v = connect(s).stream().play("x", -1)
    p.feed(tags)
    want = flv.media(tags)
    v.wait_media(len(want))
    eq([(t.type, t.data) for t in v.tags], [(t.type, t.data) for t in want])
    eq([t.ts for t in v.tags], [t.ts for t in want])


@case
def name_in_use_is_bad_name():
    s = Server()
    p = publisher(s, "echo", "x")
    p.feed(media.synthetic(1))
    try:
        publisher(s, "echo", "x")
    except CallFailed as e:
        eq(e.code, "NetStream.Publish.BadName")
        eq(e.info["level"], "error")
        ok(e.info["description"])
    else:
        raise AssertionError("published twice")
    publisher(s, "echo/other", "x")
    p.feed(media.synthetic(1, start=1000, config=False, metadata=False))
    p.unpublish()
    publisher(s, "echo", "x")


@case
def publishing_is_denied_until_something_allows_it():
    s = Server(start=False)
    s.app("plain")
    s.start()
    for app, name, why in (("plain", "x", None), ("guard", "other", None),
                           ("guard", "reject/a/b", "go away")):
        try:
            publisher(s, app, name)
        except CallFailed as e:
            eq(e.code, "NetStream.Publish.BadName")
            eq(e.info["level"], "error")
            ok(why is None or why in e.info["description"], e.info)
        else:
            raise AssertionError("%s/%s was published" % (app, name))
    publisher(s, "guard", "mine")


@case
def query_is_not_part_of_the_name():
    s = Server()
    publisher(s, "echo", "x?key=secret&a=b")
    eq([r["name"] for r in s.ctl("stream", "list")], ["x"])
    v = connect(s).stream().play("x", -1)
    v.wait_status("NetStream.Play.Start")


@case
def publish_false_close_and_delete_all_unpublish():
    s = Server()
    v = connect(s).stream().play("x", -1)
    for how in ("false", "close", "delete", "disconnect"):
        v.mark()
        p = publisher(s, "echo", "x")
        v.wait_status("NetStream.Play.PublishNotify")
        p.mark()
        if how == "false":
            p.command("publish", False)
            p.wait_status("NetStream.Unpublish.Success")
        elif how == "close":
            p.unpublish()
        elif how == "delete":
            p.delete()
        else:
            p.client.abort()
        v.wait_status("NetStream.Play.UnpublishNotify")


@case
def metadata_and_codec_headers_wait_for_late_viewers():
    s = Server()
    tags = media.synthetic(5)
    p = publisher(s, "echo", "x")
    p.metadata(width=640.0, custom="mine")
    p.feed(tags[1:])
    v = connect(s).stream().play("x", -1)
    v.wait_token("key")
    meta = v.data("onMetaData")[0][0]
    eq(type(meta), EcmaArray)
    eq((meta["width"], meta["custom"]), (640.0, "mine"))
    eq([t for t in v.tokens() if t.endswith("config")],
       ["video config", "audio config"])
    i = v.tokens().index("key")
    ok(v.tokens().index("data:onMetaData") < i)
    first = v.find("key").message
    eq(first.ts, 4000, "starts with the current group of pictures")
    ok(min(m.ts for m in v.media) >= 3900, "configs carry the joining time")


@case
def data_messages_are_relayed_as_they_are():
    s = Server()
    p = publisher(s, "echo", "x")
    v = connect(s).stream().play("x", -1)
    v3 = connect(s, encoding=3).stream().play("x", -1)
    p.send_data("cue", "one", 2.0, Object(a=[1.0]), ts=40)
    for w in (v, v3):
        w.wait_token("data:cue")
        eq(w.data("cue"), [["one", 2.0, Object(a=[1.0])]])
    p.client.send_message(15, b"\0" + amf0.encode("three", Avm(Object(b=1))),
                          p.msid, ts=80)
    e = v.wait_token("data:three")
    eq(e.message.type, 18, "for an AMF0 viewer")
    eq(v.data("three"), [[Object(b=1.0)]])
    v3.wait_token("data:three")
    eq(v3.data("three"), [[Object(b=1)]])


@case
def metadata_changes_and_clears():
    s = Server()
    p = publisher(s, "echo", "x")
    v = connect(s).stream().play("x", -1)
    p.metadata(title="one")
    v.wait_token("data:onMetaData")
    p.send_data("@setDataFrame", "onCaption", Object(text="hi"))
    v.wait_token("data:onCaption")
    late = connect(s).stream().play("x", -1)
    late.wait_token("data:onCaption")
    p.send_data("@clearDataFrame", "onCaption")
    p.send_data("flag")
    v.wait_token("data:flag")
    late = connect(s).stream().play("x", -1)
    p.feed(media.synthetic(1))
    late.wait_token("key")
    eq(late.data("onCaption"), [])
    eq(late.data("onMetaData")[0][0]["title"], "one")


@case
def aggregates_are_taken_apart():
    s = Server()
    p = publisher(s, "echo", "x")
    v = connect(s).stream().play("x", -1)
    tags = flv.media(media.synthetic(2))
    p.feed(tags[:2])
    rest = [flv.Tag(t.type, t.ts + 7777, t.data) for t in tags[2:]]
    for i in range(0, len(rest), 20):
        part = rest[i:i + 20]
        body = b"".join(flv.tag_bytes(t) for t in part)
        p.client.send_message(22, body, p.msid, ts=part[0].ts - 7777)
    v.wait_media(len(tags))
    eq([(t.type, t.ts, t.data) for t in v.tags],
       [(t.type, t.ts, t.data) for t in tags])


@case
def timestamps_past_24_bits_travel_both_ways():
    s = Server()
    for ext3 in (True, False):
        for delta in (False, True):
            c = connect(s, delta=delta)
            c.writer.ext3 = ext3
            p = c.stream().publish("x")
            v = connect(s).stream().play("x", -1)
            tags = flv.media(media.synthetic(2, start=0xFFFFFF - 500,
                                             size=700))
            p.feed(tags)
            v.wait_media(len(tags))
            eq([(t.ts, t.data) for t in v.tags],
               [(t.ts, t.data) for t in tags])
            p.client.close()
            v.wait_status("NetStream.Play.UnpublishNotify")


@case
def timestamps_past_24_days_are_no_trouble():
    s = Server()
    p = publisher(s, "echo", "x")
    v = connect(s).stream().play("x", -1)
    tags = flv.media(media.synthetic(2, start=0x7FFFFFFF - 500))
    p.feed(tags)
    v.wait_media(len(tags))
    eq([t.ts for t in v.tags], [t.ts for t in tags])


@case
def chunk_forms_of_every_encoder_are_read():
    """csids of one to three bytes, sizes changed in between, interleaved
    messages, an aborted one, one header shared by message types."""
    s = Server()
    c = connect(s)
    p = c.stream().publish("x")
    v = connect(s).stream().play("x", -1)
    tags = flv.media(media.synthetic(1))
    p.feed(tags[:2])
    want = tags[:2]
    body = tags[2:]
    for i, t in enumerate(body):
        c.send_message(t.type, t.data, p.msid, ts=t.ts,
                       csid=(4, 63, 64, 319, 320, 65599)[i % 6])
        if i % 5 == 0:
            c.set_chunk_size((1, 50, 128, 4096, 0xFFFFFF)[i // 5 % 5])
    want += body
    v.wait_media(len(want))
    eq([t.data for t in v.tags], [t.data for t in want])
    c.set_chunk_size(100)
    a = c.writer.chunks(Message(9, p.msid, 5000, body[0].data, 6))
    b = c.writer.chunks(Message(8, p.msid, 5001, b"\xaf\x01" + b"z" * 500, 7))
    lost = c.writer.chunks(Message(9, p.msid, 5002, b"\x27" + b"q" * 500, 64))
    out = lost[:2]
    for i in range(max(len(a), len(b))):
        out += a[i:i + 1] + b[i:i + 1]
    c.send_raw(b"".join(out))
    c.control(chunk.ABORT, (64).to_bytes(4, "big"))
    c.send_message(9, body[1].data, p.msid, csid=64, ts=5003)
    v.wait_media(len(want) + 3)
    eq([m.ts for m in v.media[-3:]], [5000, 5001, 5003]
       if len(a) <= len(b) else [5001, 5000, 5003])


@case
def fmt_3_after_fmt_0_repeats_the_timestamp_as_delta():
    s = Server()
    c = connect(s)
    p = c.stream().publish("x")
    v = connect(s).stream().play("x", -1)
    c.set_chunk_size(4096)
    d = b"\xaf\x01" + b"a" * 30
    p.feed([flv.Tag(8, 0, media.AAC_CONFIG)])
    c.send_raw(c.writer.message(Message(8, p.msid, 1000, d, 9)) +
               b"\xc9" + d + b"\xc9" + d +
               b"\x89\0\0\x28" + d + b"\xc9" + d)
    v.wait_media(6)
    eq([m.ts for m in v.media[1:]], [1000, 2000, 3000, 3040, 3080])


@case
def fifty_viewers_share_one_serialisation():
    s = Server()
    p = publisher(s, "echo", "x")
    p.feed(media.synthetic(0.2, metadata=False))
    viewers = [connect(s).stream().play("x", -1) for _ in range(50)]
    before = s.ctl_one("stream", "list")
    tags = media.synthetic(4, start=200, config=False, metadata=False,
                           seed=2)
    p.feed(tags)
    for v in viewers:
        v.wait_media(len(tags), 20)
    after = s.ctl_one("stream", "list")
    eq(after["viewers"], 50)
    messages = after["messages"] - before["messages"]
    serialised = after["serialised"] - before["serialised"]
    eq(messages, len(tags))
    ok(serialised <= 2 * messages, "%d serialisations of %d messages" %
       (serialised, messages))


@case(timeout=60)
def slow_viewer_loses_pictures_not_the_stream():
    s = Server()
    p = publisher(s, "echo", "x")
    slow = connect(s, rcvbuf=4096).stream().play("x", -1)
    fast = connect(s).stream().play("x", -1)
    slow.client.hold()
    tags = media.synthetic(60, size=6000, seed=3)
    p.feed_live(tags, speed=10)
    wait(lambda: len(fast.media) >= len(flv.media(tags)), 30,
         "the fast viewer to see it all")
    if not slow.client.closed:
        slow.client.resume()
        wait(lambda: slow.client.closed or
             slow.find("status:NetStream.Play.InsufficientBW"), 10,
             "the slow one to be told")
        types = [e.token for e in slow.events
                 if e.kind in ("audio", "video")]
        ok("video config" in types and "audio config" in types)
        ok(len(slow.media) < len(flv.media(tags)), "nothing was dropped")


tap.main()
