#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Scripts that run away: the instance is lost, nobody else."""

import json
import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

LIMIT_MS = 50


def call_and_lose(s, inst, name):
    """Call a runaway; its client is told and closed."""
    c = connect(s, "runaway/" + inst)
    c.tell(name)
    c.wait_closed(10)
    info = c.wait_status("NetConnection.Connect.AppShutdown")
    eq(info["level"], "error")
    return c


def again(s, app):
    """Connect again once the back-off is over."""
    def attempt():
        try:
            return connect(s, app)
        except (Refused, Closed):
            return None
    return poll(attempt, 10, "the instance to come back", 0.2)


@case(timeout=60)
def every_endless_loop_is_stopped():
    s = Server()
    for i, name in enumerate(("spin", "spin_rescue", "spin_sum")):
        witness = connect(s, "runaway/witness")
        begun = time.monotonic()
        call_and_lose(s, "i%d" % i, name)
        took = time.monotonic() - begun
        ok(took < tap.bound(2 * LIMIT_MS / 1000),
           "%s took %g s" % (name, took))
        eq(witness.ask("echo", 1), 1.0)
        s.wait_log("longer than 50 ms")


@case(timeout=60)
def memory_at_the_cap_ends_the_instance():
    s = Server()
    witness = connect(s, "runaway/witness")
    worker = s.worker("runaway")
    for i, name in enumerate(("hog", "hog_rescue")):
        call_and_lose(s, "m%d" % i, name)
        eq(witness.ask("echo", 1), 1.0)
    eq(s.worker("runaway"), worker, "the worker itself survived")
    ok(server.rss(worker) < 200 << 20, "memory was not given back")


@case
def a_raise_is_an_answer_and_nothing_else():
    s = Server()
    c = connect(s, "runaway")
    for name in ("raise_it", "recurse"):
        try:
            c.ask(name)
        except CallFailed as e:
            ok("Script error" in e.info["description"], e.info)
        else:
            raise AssertionError("no error")
    eq(c.ask("echo", 1), 1.0)
    ok(s.wait_log("on purpose"))


@case(timeout=60)
def lost_instance_starts_again_with_what_was_committed():
    s = Server()
    c = connect(s, "runaway/x")
    r = c.object("board", True)
    r.set(x=1.0).wait_code("success", "x")
    call_and_lose(s, "x", "spin")
    c.wait_closed()
    d = again(s, "runaway/x")
    eq(d.object("board", True).slots, {"x": 1.0})
    eq(d.ask("echo", 2), 2.0)


@case(timeout=60)
def three_overruns_disable_the_instance():
    s = Server()
    for _ in range(3):
        c = again(s, "runaway/bad")
        c.tell("spin")
        c.wait_closed(10)
    s.mark_log()
    fine = connect(s, "runaway/good")
    end = time.monotonic() + 6
    while time.monotonic() < end:
        c = Client(s.rtmp)
        info = c.refused("runaway/bad")
        ok(info["code"] in ("NetConnection.Connect.Failed",
                            "NetConnection.Connect.Rejected"), info)
        loop.run_for(0.5)
    eq(fine.ask("echo", 1), 1.0)
    rows = [r for r in s.ctl("inst", "list", "runaway")
            if r["where"] == "runaway/bad"]
    ok(not rows or rows[0]["state"] == "disabled", rows)


def kinds(s, time="5ms", memory="4M"):
    """An application of every kind of runaway; (loops, hoarders)."""
    main = Path(__file__).parents[1] / "unit" / "script" / "runaway.rb"
    s.app("kinds", main.read_text(),
          "script:\n  time: %s\n  memory: %s\n" % (time, memory))
    return connect(s, "kinds/names").ask("names")


def overshoots(s, limit_us):
    """How far each went beyond its limit of processor time, in ms, sorted."""
    used = [int(re.search(r" us=(\d+)", x)[1])
            for x in s.log_lines("script.lost.*ran longer than")]
    return sorted((u - limit_us) / 1000 for u in used)


@case(timeout=180)
def two_thousand_kills_disturb_nobody():
    """Victims die twenty at a time beside a live stream and a temporary
    object in other instances of the same worker, and calls to another
    application."""
    count, batch = 2000, 20
    s = Server({"limits.log_lines": 0, "limits.instances": 10000,
                "limits.connects_per_second": 100000})
    loops, hoarders = kinds(s)
    ok(len(loops) >= 22 and len(hoarders) >= 10)
    worker = s.worker("kinds")
    writer = connect(s, "kinds/quiet").object("board")
    reader = connect(s, "kinds/quiet").object("board")
    writer.set(n=-1.0).wait_code("success", "n")
    p = publisher(s, "kinds/live", "x")
    v = connect(s, "kinds/live").stream().play("x", -1)
    tags = media.synthetic(60)
    feed = p.feed_live(tags, speed=4)
    names = [("run", n) for n in loops] + [("hoard", n) for n in hoarders]
    connect(s)
    calls = Process([server.build_dir() / "tests/bench/callload", *map(
        str, (*s.rtmp, "echo", "hello", "x" * 20, 4, 1, 10, 5))])
    before = None
    for i in range(0, count, batch):
        if i == count // 4:
            before = server.rss(worker)
        victims = [connect(s, "kinds/v%d" % n,
                           source="127.0.3.%d" % (1 + n // 20))
                   for n in range(i, i + batch)]
        for n, c in enumerate(victims):
            c.tell(*names[(i + n) % len(names)])
        for c in victims:
            c.wait_closed(30)
            eq(c.statuses[-1]["code"], "NetConnection.Connect.AppShutdown")
        writer.set(n=float(i))
    wait(lambda: feed.done, 60, "the publisher")
    wait(lambda: reader.slots.get("n") == float(count - batch), 10)
    v.wait_media(len(flv.media(tags)), 10)
    eq([t.data for t in v.tags], [t.data for t in flv.media(tags)])
    eq(reader.version, writer.version)
    eq(s.worker("kinds"), worker, "the worker itself survived")
    eq(calls.finish(60), 0, calls.err.decode())
    other = json.loads(calls.out.decode().splitlines()[-1])
    note("calls to another application meanwhile: %d, p99 %.2f ms" %
         (other["calls"], other["p99_us"] / 1000))
    ok(other["calls"] > 100, other)
    ok(other["p99_us"] / 1e6 < tap.bound(0.020), other)
    eq(len(s.log_lines(r"script\.lost")), count)
    ok(server.rss(worker) < before + (32 << 20), "memory was not given back")
    over = overshoots(s, 5000)
    p99 = over[len(over) * 99 // 100]
    note("%d ended by time: beyond it p50 %.2f ms, p99 %.2f ms, most %.2f ms"
         % (len(over), over[len(over) // 2], p99, over[-1]))
    ok(over[0] >= 0, "one was ended before its time: %g ms" % over[0])
    ok(p99 < tap.bound(5), "p99 %.2f ms beyond the limit" % p99)


@case(timeout=60)
def a_changed_script_enables_a_disabled_instance():
    s = Server(start=False)
    text = "class A < FCS::App\n  expose(:spin) { |c| loop { } }\n" \
           "  expose(:who) { |c| %d }\nend\n"
    s.app("own", text % 1)
    s.start()
    for _ in range(3):
        c = again(s, "own")
        c.tell("spin")
        c.wait_closed(10)
    s.wait_log("instance.disabled")
    refused = "Application disabled after repeated overruns"
    eq(Client(s.rtmp).refused("own")["description"], refused)
    s.process.signal(signal.SIGHUP)
    s.wait_log("reload")
    eq(Client(s.rtmp).refused("own")["description"], refused)
    s.app("own", text % 2)
    eq(connect(s, "own").ask("who"), 2.0)
    ok(s.log_lines("instance.enabled"))


@case(timeout=60)
def fcsctl_starts_a_disabled_instance():
    s = Server()
    for _ in range(3):
        c = again(s, "runaway/bad")
        c.tell("spin")
        c.wait_closed(10)
    s.wait_log("instance.disabled")
    row = next(r for r in s.ctl("inst", "list", "runaway")
               if r["where"] == "runaway/bad")
    eq((row["state"], row["overruns"]), ("disabled", 3))
    s.ctl("inst", "start", "runaway/bad")
    eq(connect(s, "runaway/bad").ask("echo", 1), 1.0)


@case(timeout=60)
def fcsctl_counts_errors_and_overruns_over_restarts():
    s = Server()
    c = connect(s, "runaway/n")
    for _ in range(3):
        try:
            c.ask("raise_it")
        except CallFailed:
            pass

    def counts():
        r = next(r for r in s.ctl("inst", "list", "runaway")
                 if r["where"] == "runaway/n")
        return r["state"], r["script_errors"], r["overruns"], r["restarts"]
    eq(counts(), ("running", 3, 0, 0))
    c.tell("spin")
    c.wait_closed(10)
    eq(counts()[1:], (3, 1, 1))
    c = again(s, "runaway/n")
    try:
        c.ask("recurse")
    except CallFailed:
        pass
    eq(counts(), ("running", 4, 1, 1))
    c.tell("hog")
    c.wait_closed(10)
    eq(counts()[1:], (4, 2, 2))


class Pinger:
    """Calls all the time; keeps how long each answer took."""

    def __init__(self, s, app, period=0.005):
        self.c = connect(s, app)
        self.took, self.sent, self.live = [], {}, True
        loop.every(period, self._tick)

    def _tick(self):
        now = time.monotonic()
        for t in [t for t in self.sent if t in self.c.results]:
            self.took.append(now - self.sent.pop(t))
        if len(self.sent) < 4 and self.live:
            self.sent[self.c.call("echo", 1)] = now
        return self.live

    def stop(self):
        self.live = False
        return sorted(self.took)


def notice():
    """Milliseconds: p99 of another application, worst of a neighbour."""
    s = Server()
    other = Pinger(s, "calls")
    same = Pinger(s, "runaway/witness")
    loop.run_for(1)
    for i in range(4):
        call_and_lose(s, "l%d" % i, ("spin", "hog", "spin_rescue",
                                     "spin_sum")[i])
        loop.run_for(0.3)
    a, b = other.stop(), same.stop()
    p99 = a[int(len(a) * 0.99)] * 1000
    worst = b[-1] * 1000
    note("other application p99 %.1f ms of %d calls; other instance worst "
         "%.1f ms of %d" % (p99, len(a), worst, len(b)))
    ok(len(a) > 100 and len(b) > 100)
    eq(s.stop(), 0)
    return p99, worst


@case(timeout=90)
def others_hardly_notice():
    """What else runs on the machine only adds: the best of three counts."""
    best = (1e9, 1e9)
    for _ in range(3):
        best = tuple(map(min, best, notice()))
        if best[0] < tap.bound(20) and best[1] < tap.bound(LIMIT_MS + 5):
            return
    raise AssertionError("p99 %.1f ms, worst %.1f ms" % best)


@case(timeout=60)
def live_stream_of_another_instance_goes_on():
    s = Server()
    p = publisher(s, "runaway/live", "x")
    v = connect(s, "runaway/live").stream().play("x", -1)
    tags = media.synthetic(8)
    feed = p.feed_live(tags, speed=4)
    call_and_lose(s, "bad", "spin")
    wait(lambda: feed.done, 10)
    v.wait_media(len(flv.media(tags)))


@case
def a_start_that_never_ends_is_refused():
    s = Server(start=False)
    s.app("stuck", "class Stuck < FCS::App\n  on(:start) { loop { } }\nend\n")
    s.app("stuck2", "loop { }\nclass Stuck < FCS::App\nend\n")
    s.start()
    witness = connect(s)
    for app in ("stuck", "stuck2"):
        info = Client(s.rtmp).refused(app, timeout=20)
        eq(info["code"], "NetConnection.Connect.Failed")
    eq(witness.ask("add", 1, 1), 2.0)


@case
def a_connect_handler_that_never_ends_is_refused():
    s = Server(start=False)
    s.app("c", "class C < FCS::App\n  on(:connect) { |c| loop { } }\nend\n")
    s.start()
    c = Client(s.rtmp)
    c.begin_connect("c")
    try:
        c.end_connect(10)
    except (Refused, Closed):
        pass
    else:
        raise AssertionError("accepted")
    connect(s)


tap.main()
