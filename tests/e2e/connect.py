#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""connect: the reply, the refusals, the handshakes, the way out."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


@case
def reply_carries_every_field_flash_reads():
    s = Server()
    c = connect(s)
    before = [m.type for m in c.messages]
    at = before.index(20)
    for t in (chunk.WINDOW_ACK, chunk.PEER_BANDWIDTH, chunk.SET_CHUNK_SIZE):
        ok(t in before[:at], "type %d comes before the result" % t)
    five = next(m for m in c.messages if m.type == chunk.WINDOW_ACK)
    eq(int.from_bytes(five.payload, "big"), 2500000)
    six = next(m for m in c.messages if m.type == chunk.PEER_BANDWIDTH)
    eq(int.from_bytes(six.payload[:4], "big"), 2500000)
    eq(six.payload[4:], b"\2")
    ok(c.reader.size >= 4096, "chunk size %d" % c.reader.size)
    eq(c.props["fmsVer"], "FMS/3,5,7,7009")
    ok(c.props["capabilities"] in (31.0, 127.0))
    eq(c.props["mode"], 1.0)
    eq(list(c.info)[:2], ["level", "code"])
    eq(c.info["level"], "status")
    eq(c.info["code"], "NetConnection.Connect.Success")
    eq(c.info["description"], "Connection succeeded.")
    eq(type(c.info["data"]), EcmaArray)
    eq(c.info["data"], EcmaArray(version="3,5,7,7009"))
    eq(c.info["objectEncoding"], 0.0)
    ok(isinstance(c.info["clientid"], str) and c.info["clientid"])


@case
def result_is_on_csid_3_and_control_on_csid_2():
    c = connect(Server())
    for m in c.messages:
        eq(m.msid, 0)
        eq(m.csid, 2 if m.type <= 6 else 3, "type %d" % m.type)


@case
def client_id_is_the_one_fcsctl_shows_and_is_unique():
    s = Server()
    ids = [connect(s, "echo/room").id for _ in range(3)]
    eq(len(set(ids)), 3)
    rows = s.ctl("client", "list")
    eq({r["client"] for r in rows}, set(ids))
    for r in rows:
        eq(r["where"], "echo/room")


@case
def object_encoding_3_is_granted_and_used():
    c = connect(Server(), encoding=3)
    eq(c.info["objectEncoding"], 3.0)
    eq(c.ask("add", 2, 3), 5)
    eq([m.type for m in c.messages if m.type in (17, 20)], [20, 17])


@case
def bare_connect_with_app_alone_is_enough():
    c = connect(Server(), bare=True)
    eq(c.info["code"], "NetConnection.Connect.Success")


@case
def unknown_application_is_invalid_app_and_an_orderly_close():
    s = Server()
    for app in ("nosuchapp", "nosuchapp/inst", "", "..", "Echo"):
        c = Client(s.rtmp)
        info = c.refused(app)
        eq(info["level"], "error", app)
        eq(info["code"], "NetConnection.Connect.InvalidApp", app)
        eq(c.wait_closed(), "eof", "how %r ends" % app)
    connect(s)


@case
def refusal_reaches_a_client_that_has_sent_more():
    """Unread input must not turn the close into a reset that eats the
    reply."""
    s = Server()
    for _ in range(10):
        c = Client(s.rtmp)
        c.begin_connect("nosuchapp")
        c.send_message(20, amf0.encode("createStream", 2.0, None))
        c.send_message(8, b"\xaf\x01" + b"x" * 60000, 1)
        try:
            c.end_connect()
        except Refused as e:
            eq(e.code, "NetConnection.Connect.InvalidApp")
        else:
            raise AssertionError("accepted")
        eq(c.wait_closed(), "eof")


@case
def app_and_instance_come_from_the_path():
    s = Server()
    for app, want in (("echo", "_definst_"), ("echo/", "_definst_"),
                      ("echo/_definst_", "_definst_"), ("echo/a", "a"),
                      ("echo/a/b", "a/b"), ("echo?k=v", "_definst_"),
                      ("echo/q?k=v&x=y", "q")):
        c = connect(s, app)
        row = next(r for r in s.ctl("client", "list") if r["client"] == c.id)
        eq(row["where"], "echo/" + want, app)
        c.close()


@case
def hostile_instance_names_are_refused():
    s = Server()
    for inst in ("..", "../x", "a/../b", "a//b", "./a", "a\0b", "a/..",
                 "x" * 5000):
        c = Client(s.rtmp)
        try:
            c.begin_connect("echo/" + inst, bare=True)
            c.end_connect()
        except Refused as e:
            ok(e.code in ("NetConnection.Connect.InvalidApp",
                          "NetConnection.Connect.Rejected"), e.code)
        except Closed:
            pass
        else:
            raise AssertionError("accepted %r" % inst)
    connect(s)


@case
def application_folder_without_a_script_accepts():
    s = Server(start=False)
    s.app("plain")
    s.start()
    eq(connect(s, "plain").info["code"], "NetConnection.Connect.Success")


@case
def script_accepts_rejects_with_a_value_and_survives_a_raise():
    s = Server()
    c = connect(s, "gate", "yes")
    eq(c.ask("what"), "yes")
    c = Client(s.rtmp)
    info = c.refused("gate", "no", Object(retry=5.0, why=["a", "b"]))
    eq(info["level"], "error")
    eq(info["code"], "NetConnection.Connect.Rejected")
    eq(info["description"], "[ Server.Reject ] : not today")
    eq(info["application"], Object(retry=5.0, why=["a", "b"]))
    eq(c.wait_closed(), "eof")
    ok("close" in [x[0] for x in c.commands], "no close command")
    info = Client(s.rtmp).refused("gate", "plain")
    eq(info["application"], Object(message="closed"))
    s.mark_log()
    info = Client(s.rtmp).refused("gate", "raise")
    eq(info["code"], "NetConnection.Connect.Rejected")
    ref = re.search(r"Script error \(ref (\w+)\)", info["description"])
    ok(ref, info["description"])
    ok("main.rb" in s.wait_log(ref[1]), "no file in the log line")
    eq(connect(s, "gate", "yes").ask("what"), "yes")


@case
def connect_arguments_reach_the_script():
    s = Server()
    c = connect(s, "gate/room?token=t1", "args", 1.0, "two", None,
                Object(k=[True]))
    eq(c.ask("args"), [1.0, "two", None, Object(k=[True])])
    me = c.ask("me")
    eq(me["id"], c.id)
    eq(me["ip"], "127.0.0.1")
    eq(me["agent"], "LNX 10,0,32,18")
    eq(me["amf"], 0.0)
    eq(me["protocol"], "rtmp")
    eq(me["inst"], "room")


@case
def a_script_that_does_not_load_fails_the_connect():
    s = Server(start=False)
    s.app("broken", "class Broken < FCS::App\n  on(:conect) { }\nend\n")
    s.start()
    info = Client(s.rtmp).refused("broken")
    eq(info["code"], "NetConnection.Connect.Failed")
    ok(info["description"].startswith("Application failed to start (ref "),
       info["description"])
    ok("main.rb:2" in s.wait_log("conect"), "file and line in the log")
    connect(s)


@case
def simple_and_digest_handshakes_are_answered_in_kind():
    s = Server()
    eq(connect(s).answer, "simple")
    for base in (8, 772):
        c = connect(s, c1=handshake.c1_digest(base))
        eq(c.answer, "digest", "layout %d" % base)
        eq(c.ask("add", 1, 1), 2.0)
    odd = bytes(4) + b"\x09\x00\x7c\x02" + os.urandom(1528)
    eq(connect(s, c1=odd).answer, "simple")


@case
def handshake_byte_by_byte_and_in_one_piece():
    s = Server()
    c = connect(s, pipeline=True)
    eq(c.ask("hello", "x"), "hello x")
    c = Client(s.rtmp, start=False)
    c.c1, c.state = handshake.c1_simple(), "shake"
    for i in range(0, 1537, 7):
        c.send_raw((b"\x03" + c.c1)[i:i + 7])
    c.wait(lambda: c.state == "open", 5, "S0 S1 S2")
    c.connect("echo")


@case
def connect_split_into_single_bytes_is_understood():
    s = Server()
    c = Client(s.rtmp)
    c.set_chunk_size(1)
    c.connect("echo")
    c.set_chunk_size(128)
    eq(c.ask("add", 20, 22), 42.0)


@case
def other_first_bytes_are_closed_with_a_reason():
    s = Server()
    for b in (b"\x06", b"\x08", b"\x00", b"\xff"):
        s.mark_log()
        c = Client(s.rtmp, start=False)
        c.send_raw(b + os.urandom(1536))
        c.wait_closed()
        ok(c.reader.total == 0 and not c.inbuf, "it answered %r" % b)
        s.wait_log("refused.*(first byte|handshake)")
    connect(s)


@case(timeout=60)
def half_a_handshake_ends_at_its_deadline():
    s = Server()
    silent = Client(s.rtmp, start=False)
    half = Client(s.rtmp, start=False)
    half.send_raw(b"\x03" + bytes(700))
    full = Client(s.rtmp)               # C2 sent, no connect
    begun = time.monotonic()
    silent.wait_closed(25)
    half.wait_closed(25)
    ok(half.closed_at - begun > 3, "closed after %g s" %
       (half.closed_at - begun))
    full.wait_closed(50)
    ok(full.closed_at > half.closed_at, "connect has the longer deadline")


@case
def server_acknowledges_when_asked_to():
    s = Server()
    c = connect(s)
    c.control(chunk.WINDOW_ACK, (10000).to_bytes(4, "big"))
    c.ask("echo", "x" * 25000)
    acks = c.wait(lambda: [m for m in c.messages if m.type == chunk.ACK], 5,
                  "an acknowledgement")
    ok(int.from_bytes(acks[0].payload, "big") >= 10000)


@case
def unknown_control_and_events_are_ignored():
    c = connect(Server())
    for ev in (2, 5, 7, 8, 26, 99, 65535):
        c.user_control(ev, 1, 2)
    c.user_control(3, 0, 300)
    c.control(chunk.ACK, (1).to_bytes(4, "big"))
    c.send_message(99, b"whatever")
    c.send_message(22, b"")
    eq(c.ask("add", 1, 2), 3.0)


@case
def ping_request_is_answered():
    c = connect(Server())
    c.user_control(6, 123456)

    def pong():
        return [m for m in c.messages if m.type == 4 and
                m.payload == b"\0\7" + (123456).to_bytes(4, "big")]
    c.wait(pong, 5, "a pong")


@case
def silence_is_pinged_and_no_answer_ends_it():
    s = Server({"limits.ping_idle": "1s", "limits.ping_time": "1s"})
    good, mute = connect(s), connect(s)
    mute.auto_pong = False
    wait(lambda: good.pings and mute.pings, 10, "a ping")
    mute.wait_closed(10)
    wait(lambda: len(good.pings) >= 2, 10, "another ping")
    eq(good.ask("add", 1, 1), 2.0)
    fmts = [m.fmt for m in good.messages if m.type == 4]
    ok(set(fmts) <= {0, 1}, "pings in fmt %r" % fmts)


@case
def a_full_application_rejects_and_has_room_again():
    s = Server(start=False)
    s.app("tiny", yaml="max_clients: 2\n")
    s.start()
    a, b = connect(s, "tiny"), connect(s, "tiny/other")
    info = Client(s.rtmp).refused("tiny")
    eq(info["code"], "NetConnection.Connect.Rejected")
    ok("full" in info["description"], info["description"])
    connect(s)
    b.close()

    def attempt():
        try:
            return connect(s, "tiny")
        except Refused:
            return None
    poll(attempt, 5, "room again")
    eq(a.closed, None)


@case
def several_addresses_and_ipv6_are_listened_on():
    s = Server({"listen.rtmp": "127.0.0.1:0, [::1]:0"})
    eq(len(s.listeners["rtmp"]), 2)
    for addr in s.listeners["rtmp"]:
        c = Client(s.split(addr)).connect("gate", "yes")
        ok(c.ask("me")["ip"] in ("127.0.0.1", "::1"))


@case
def instances_not_in_the_list_are_invalid():
    s = Server(start=False)
    s.app("few", yaml="instances: [lobby, 'room/*']\n")
    s.start()
    connect(s, "few/lobby")
    connect(s, "few/room/1")
    for inst in ("few/other", "few", "few/rooms"):
        info = Client(s.rtmp).refused(inst)
        eq(info["code"], "NetConnection.Connect.InvalidApp", inst)


@case
def housekeeping_commands_get_their_answers():
    c = connect(Server())
    c.ask("_checkbw")
    c.ask("releaseStream", "x")
    c.ask("FCPublish", "x")
    c.ask("FCUnpublish", "x")
    eq(c.ask("createStream"), 1.0)
    eq(c.ask("createStream"), 2.0)
    c.tell("deleteStream", 1)
    eq(c.ask("createStream"), 1.0, "ids are used again, lowest first")


@case
def streams_of_a_connection_are_bounded():
    c = connect(Server())
    try:
        for _ in range(1000):
            c.ask("createStream")
    except CallFailed as e:
        eq(e.info.get("level"), "error")
    else:
        raise AssertionError("a thousand streams")
    eq(c.ask("add", 1, 1), 2.0)


@case
def term_tells_the_clients_and_ends_with_0():
    s = Server()
    a, b = connect(s), connect(s, "guard", encoding=3)
    eq(s.stop(), 0)
    for c in (a, b):
        c.wait_closed()
        info = c.wait_status("NetConnection.Connect.AppShutdown")
        ok(info["level"] in ("status", "error", "warning"))
        eq(c.closed, "eof")


tap.main()
