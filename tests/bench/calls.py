#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Calls into a script method: a second of the clock and of the worker's
processor time (which holds RTMP, values and script), and how long each took.

The clients are tests/bench/callload, in C: with clients in Python the worker
waits for them.
"""

import json
import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

SECONDS = float(os.environ.get("SECONDS", 5))
LIMITS = {"limits.commands_per_second": 1000000}


HEAP = """class Heap < FCS::App
  on(:start) { @kept = [] }
  # an object, its array, two texts and their hash: five for each
  expose(:fill) { |c, n| n.to_i.times { |i| @kept << { "k#{i}" => ["a text #{i}"] } }; @kept.size }
  # and garbage as a handler makes it
  expose(:hello) { |c, s| { "a" => [1, 2, s] }["a"].map { |x| x.to_s }.last + s }
end
"""


def load(s, clients, depth, app="echo", method="hello"):
    """One run of callload: its figures, and the worker's processor time."""
    connect(s, app)                         # the worker is there
    worker = s.worker(app)
    p = Process([server.build_dir() / "tests/bench/callload", *map(
        str, (*s.rtmp, app, method, "x" * 20, clients, depth, SECONDS))])
    wait(lambda: b"\n" in p.out or not p.open, 30, "the clients")
    before = server.cpu(worker)
    eq(p.finish(SECONDS + 40), 0, p.err.decode())
    got = json.loads(p.out.decode().splitlines()[-1])
    got["cpu"] = server.cpu(worker) - before
    note("%3d clients, %3d calls under way each: %6.0f calls/s, %6.0f a "
         "second of the worker's processor; p50 %.2f ms, p99 %.2f ms" %
         (clients, depth, got["rate"], got["calls"] / got["cpu"],
          got["p50_us"] / 1000, got["p99_us"] / 1000))
    return got


@case(timeout=120)
def fifty_clients_one_call_at_a_time():
    got = load(Server(LIMITS), 50, 1)
    ok(got["calls"] / got["cpu"] > 20000, got)


@case(timeout=120)
def fifty_clients_ten_calls_at_a_time():
    got = load(Server(LIMITS), 50, 10)
    ok(got["calls"] / got["cpu"] > 20000, got)


@case(timeout=180)
def pauses_of_the_collector():
    """The longest answer of one client, with more and more objects that
    stay: what is above the others' is the collector's."""
    s = Server(LIMITS)
    s.app("heap", HEAP, "script:\n  memory: 256M\n  time: 500ms\n")
    c = connect(s, "heap")
    for objects in (0, 10000, 100000):
        have = c.ask("fill", 0) * 5
        while have < objects:
            have = c.ask("fill", min(2000, (objects - have) // 5)) * 5
        note("%d objects stay:" % have)
        got = load(s, 1, 1, "heap")
        note("    longest %.2f ms of %d" % (got["max_us"] / 1000,
                                             got["calls"]))
        ok(got["max_us"] < tap.bound(50) * 1e6, got)


tap.main()
