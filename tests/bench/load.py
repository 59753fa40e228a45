#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the server spends, as ratios: its processor time per unit of work.

The clients are Python and slower than what they measure, so nothing here is
divided by the clock; it is divided by /proc's processor time of the worker.
Bounded in time; the limits are far above what was measured, to notice a
mistake of an order of magnitude.
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


class Cost:
    """with Cost(pid) as c: ...; c.cpu is the processor time it took."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        self.start, self.began = server.cpu(self.pid), time.monotonic()
        return self

    def __exit__(self, *_):
        self.cpu = max(server.cpu(self.pid) - self.start, 0.01)
        self.wall = time.monotonic() - self.began


@case(timeout=120)
def fan_out_cost_per_megabit():
    s = Server()
    p = publisher(s, "echo", "x")
    worker = s.worker("echo")
    viewers = []
    at, costs = 0, {}
    for count in (1, 10, 50, 100):
        while len(viewers) < count:
            viewers.append(connect(s).stream().play("x", -1))
        tags = media.synthetic(8, size=2500, start=at, seed=count,
                               config=at == 0, metadata=False)
        at += 8000
        before = sum(len(v.media) for v in viewers)
        with Cost(worker) as c:
            feed = p.feed_live(tags, speed=1.5)
            wait(lambda: feed.done, 60)
            wait(lambda: all(v.media and v.media[-1].ts >= tags[-1].ts
                             for v in viewers), 60, "every viewer")
        n = sum(len(v.media) for v in viewers) - before
        bits = 8 * sum(len(m.payload) for v in viewers
                       for m in v.media[-len(tags):])
        costs[count] = c.cpu * 1000 / (bits / 1e6)
        note("%3d viewers: %5.2f ms of processor per Mbit, %.1f us per "
             "message and viewer" % (count, costs[count],
                                     c.cpu * 1e6 / max(n, 1)))
        for v in viewers:
            v.mark()
    ok(costs[100] <= costs[1] * 2, "a viewer costs more in a crowd")


@case(timeout=120)
def shared_object_deliveries_per_second():
    s = Server()
    rs = [connect(s).object("o") for _ in range(20)]
    worker = s.worker("echo")
    with Cost(worker) as c:
        for i in range(3000):
            rs[i % 20].set(x=float(i))
        wait(lambda: all(r.version == rs[0].version for r in rs) and
             not any(r.pending for r in rs), 30, "all to agree")
    n = sum(len(r.messages) for r in rs) - 20
    rate = n / c.cpu
    note("%d deliveries: %.0f a second of processor time" % (n, rate))
    ok(rate > 5000, "%.0f" % rate)


@case(timeout=120)
def calls_per_second():
    s = Server()
    c = connect(s)
    worker = s.worker("echo")
    c.ask("echo", 1)
    with Cost(worker) as cost:
        for _ in range(10):
            for t in [c.call("add", 1, 2) for _ in range(500)]:
                c.result(t, 20)
    rate = 5000 / cost.cpu
    note("5000 calls: %.0f a second of processor time" % rate)
    ok(rate > 2000, "%.0f" % rate)


@case(timeout=120)
def commits_per_second():
    s = Server()
    rs = [connect(s).object("o%d" % i, True) for i in range(10)]
    begun = time.monotonic()
    for i in range(100):
        for r in rs:
            r.set(x=float(i))
    wait(lambda: all(r.slots.get("x") == 99.0 for r in rs), 60)
    took = time.monotonic() - begun
    note("1000 durable changes of ten writers: %.0f a second" %
         (1000 / took))
    ok(took < 30)


@case(timeout=120)
def memory_per_idle_client():
    s = Server()
    first = connect(s)
    worker = s.worker("echo")
    before = server.rss(worker)
    crowd = [connect(s) for _ in range(180)]
    per = (server.rss(worker) - before) / len(crowd)
    note("%.1f KB a client" % (per / 1024))
    ok(per < 256 << 10)
    eq(first.ask("add", 1, 1), 2.0)


tap.main()
