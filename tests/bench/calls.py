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


tap.main()
