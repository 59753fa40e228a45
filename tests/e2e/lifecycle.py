#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The life of an instance: the order of its events, starts and ends."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


def said(s):
    """What the scripts said, in order."""
    return [re.search(r' text=("?)(.*)\1$', x)[2]
            for x in s.log_lines(r"script\.log ")]


def wait_said(s, text, timeout=8):
    wait(lambda: text in said(s), timeout, "the script to say " + text)
    return said(s)


def started(yaml=None, options=None):
    s = Server(options, start=False)
    if yaml is not None:
        s.app("life", yaml=yaml)
    s.start()
    return s


def states(s, where="life"):
    return {r["inst"]: r["state"] for r in s.ctl("inst", "list", where)}


@case
def events_come_in_the_order_of_the_manual():
    s = started()
    c = connect(s, "life", "ann")
    c.ask("echo", 1)
    eq(said(s), ["load", "start", "started", "connect ann", "presence ann",
                 "accepted ann true"])
    other = connect(s, "life", "bob")
    c.object("board")
    p = c.stream().publish("cam", "record")
    p.feed(media.synthetic(1))
    viewer = c.stream()
    viewer.play("cam")
    viewer.wait_media(1)
    c.on["never"] = lambda: Mute
    other.call("wait_for", "ann")
    c.wait_command("never")
    s.mark_log()
    c.close()
    got = wait_said(s, "disconnect ann false false nil")
    wait_said(s, "record_end cam")
    at = got.index
    for x in ("unpublish cam", "play_end cam"):
        ok(at(x) < at("release board"), got)
    ok(at("release board") < at("gone ann"), got)
    ok(at("gone ann") < at("disconnect ann false false nil"), got)
    eq(len(got), 5 + ("record_end cam" in got), got)


@case
def connects_wait_while_the_instance_starts():
    s = started("config: { start: 0.5 }\n", {"log.level": "debug"})
    all = [Client(s.rtmp) for _ in range(3)]
    for i, c in enumerate(all):
        c.begin_connect("life", "c%d" % i)
        wait(lambda: len(s.log_lines("gateway.handed")) > i, 5, "hand-over")
    for c in all:
        c.end_connect()
    all[0].ask("echo", 1)
    got = said(s)
    eq(got[:3], ["load", "start", "started"])
    eq([x for x in got if x.startswith("connect")],
       ["connect c0", "connect c1", "connect c2"])


@case
def instances_of_load_are_there_before_any_client():
    s = started("load: [a, b/c]\n")
    wait(lambda: said(s).count("started") == 2, 5, "both to start")
    eq(states(s), {"a": "running", "b/c": "running"})
    s.app("life", yaml="load: [a, d]\n")
    os.kill(s.pid, signal.SIGHUP)
    wait(lambda: said(s).count("started") == 3, 5, "another to start")
    eq(states(s), {"a": "running", "b/c": "running", "d": "running"})
    t = started("load: at_start\n")
    wait(lambda: said(t) == ["load", "start", "started"], 5, "it to start")
    eq(states(t), {"_definst_": "running"})


@case
def instance_is_started_and_stopped_by_hand():
    s = started()
    eq(s.ctl_run("inst", "stop", "life/x"),
       (4, "", 'fcsctl: no instance "x" runs\ntry: fcsctl inst list\n'))
    eq(s.ctl_run("inst", "start", "life/x"), (0, "", ""))
    eq(states(s), {"x": "running"})
    eq(said(s), ["load", "start", "started"])
    eq(s.ctl_run("inst", "start", "life/x")[0], 0)
    c = connect(s, "life/x", "ann")
    s.mark_log()
    eq(s.ctl_run("inst", "stop", "life/x"), (0, "", ""))
    c.wait_closed()
    info = c.wait_status("NetConnection.Connect.AppShutdown")
    eq((info["level"], info["description"]),
       ("error", "The application was unloaded."))
    eq(said(s)[:3], ["unload? unload", "stop unload", "stopped"])
    eq(states(s), {})
    eq(connect(s, "life/x", "ann").ask("echo", 7), 7.0)
    eq(s.ctl_run("inst", "start", "life/..")[0], 1)
    eq(s.ctl_run("inst", "start", "nowhere/x")[0], 4)


@case
def application_may_refuse_to_be_unloaded():
    s = started("config: { stays: true }\nidle_unload: 200ms\n")
    c = connect(s, "life", "ann")
    code, out, err = s.ctl_run("inst", "stop", "life")
    eq((code, out), (6, ""))
    ok("life/_definst_: the application refuses: busy" in err, err)
    eq(c.ask("echo", 1), 1.0)
    eq(c.ask("quit"), False)
    c.close()
    wait_said(s, "unload? gc")
    wait(lambda: said(s).count("unload? gc") > 1, 5, "to be asked again")
    eq(states(s), {"_definst_": "running"})
    s.mark_log()
    eq(s.ctl_run("inst", "stop", "life", "--force")[0], 0)
    eq([x for x in said(s) if "gc" not in x], ["stop unload", "stopped"])


@case
def idle_instance_is_unloaded_after_its_last_client():
    s = started("idle_unload: 200ms\n")
    c = connect(s, "life", "ann")
    c.ask("echo", 1)
    eq([x for x in said(s) if "unload" in x], [])
    c.close()
    got = wait_said(s, "stopped")
    eq(got[-3:], ["unload? gc", "stop gc", "stopped"])
    wait(lambda: states(s) == {}, 5, "it to be gone")


@case
def connect_during_a_stop_gets_the_next_instance():
    for how in ("inst", "script"):
        s = started("config: { stop: 0.3 }\n")
        c = connect(s, "life", "ann")
        if how == "inst":
            p = Process([server.fcsctl(), "-S", s.socket(), "inst", "stop",
                         "life"], user=s.uid, group=s.gid)
        else:
            eq(c.ask("quit", "back in a minute"), True)
        wait(lambda: [x for x in said(s) if x.startswith("stop ")], 5,
             "the stop")
        d = Client(s.rtmp)
        d.begin_connect("life", "bob")
        d.end_connect()
        eq(d.ask("echo", 2), 2.0)
        info = c.wait_status("NetConnection.Connect.AppShutdown")
        eq(info["description"], "The application was unloaded."
           if how == "inst" else "back in a minute")
        got = said(s)
        eq(got.count("load"), 2, got)
        ok(got.index("stopped") < got.index("connect bob"), got)
        if how == "inst":
            eq(p.finish(10), 0)


@case
def stop_handler_may_wait_five_seconds_in_all():
    s = started("config: { stop: 30 }\n")
    connect(s, "life", "ann")
    begun = time.monotonic()
    eq(s.ctl_run("inst", "stop", "life")[0], 0)
    took = time.monotonic() - begun
    ok(4.9 < took < tap.bound(7), "it took %g s" % took)
    s.wait_log(r"instance\.stop .*took too long")
    ok("stopped" not in said(s))


@case
def server_that_ends_says_shutdown_to_all():
    s = started()
    c = connect(s, "life", "ann")
    held = Client(s.rtmp)
    held.begin_connect("life", "bob", "hold")
    wait_said(s, "connect bob")
    s.stop()
    info = c.wait_status("NetConnection.Connect.AppShutdown")
    eq(info["description"], "The server is shutting down.")
    ok("stop shutdown" in said(s) and "unload? shutdown" not in said(s))
    try:
        held.end_connect()
    except Refused as e:
        eq(e.info["code"], "NetConnection.Connect.AppShutdown")
    else:
        raise AssertionError("accepted")


@case
def commands_of_a_pending_client_wait_for_its_acceptance():
    s = started()
    c = Client(s.rtmp)
    c.begin_connect("life", "ann", "wait")
    for i in range(64):
        c.tell("mark", "m%d" % i)
    c.end_connect()
    c.ask("echo", 1)
    got = [x for x in said(s) if x.startswith(("call", "accepted"))]
    eq(got, ["accepted ann true"] + ["call m%d" % i for i in range(64)])
    d = Client(s.rtmp)
    d.begin_connect("life", "bob", "hold")
    for i in range(65):
        d.tell("mark", "n%d" % i)
    d.wait_closed()
    c.ask("echo", 1)
    eq([x for x in said(s) if x.startswith("call n")], [])


@case
def failed_start_names_the_place_and_is_tried_again_later():
    s = started()
    s.app("broken", main="class Broken < FCS::App\n  on(:conect) { }\nend\n")
    info = Client(s.rtmp).refused("broken")
    eq(info["code"], "NetConnection.Connect.Failed")
    eq(info["level"], "error")
    ref = re.fullmatch(r"Application failed to start \(ref (\w+)\)",
                       info["description"])
    ok(ref, info)
    line = s.wait_log("ref=" + ref[1])
    ok("main.rb:2: unknown event :conect, did you mean :connect?" in line,
       line)
    ok("retry_ms=1000" in line, line)
    s.mark_log()
    eq(Client(s.rtmp).refused("broken")["description"],
       info["description"])                     # not tried again at once
    eq(s.log_lines("instance.failed"), [])
    code, _, err = s.ctl_run("inst", "start", "broken")
    eq(code, 1)
    ok("main.rb:2: unknown event :conect" in err, err)
    ok("retry_ms=2000" in s.wait_log("instance.failed"))
    s.app("broken", main="class Broken < FCS::App; end\n")
    eq(s.ctl_run("inst", "start", "broken")[0], 0)
    connect(s, "broken").close()


tap.main()
