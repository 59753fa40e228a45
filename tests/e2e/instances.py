#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Many instances of one application in one worker."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

COUNT = 1000
PER_ADDRESS = 100           # below what one address may connect a second


def total_rss(s):
    return sum(server.rss(p) for p in [s.pid] + [r[0] for r in s.roles()])


def guest(s, i):
    return connect(s, "chat/room%d" % i, "guest",
                   source="127.0.1.%d" % (1 + i // PER_ADDRESS))


@case(timeout=120)
def a_thousand_rooms_of_chat_fit_in_400_mib():
    s = Server(apps=["chat"])
    rooms = [guest(s, i) for i in range(COUNT)]
    rss = total_rss(s)
    rows = s.ctl("inst", "list", "chat")
    eq(sum(r["state"] == "running" for r in rows), COUNT)
    note("%d instances, a client each: %.0f MiB, of it the scripts "
         "themselves %.0f MiB" % (COUNT, rss / 2**20,
                                  sum(r["memory"] for r in rows) / 2**20))
    ok(rss < 400 << 20, "%.0f MiB" % (rss / 2**20))
    for i in (0, COUNT // 2, COUNT - 1):
        eq(rooms[i].ask("say", "hello"), 1.0)
        eq([x["text"] for x in rooms[i].ask("lines")], ["hello"])


@case(timeout=120)
def an_instance_opens_in_under_5_ms():
    """From the connect of its first client to the answer."""
    s = Server(apps=["chat"])
    guest(s, 0)                         # the worker is there
    took = []
    for i in range(1, 200):
        c = Client(s.rtmp, source="127.0.1.%d" % (1 + i // PER_ADDRESS))
        begun = time.monotonic()
        c.connect("chat/room%d" % i, "guest")
        took.append(time.monotonic() - begun)
    took.sort()
    p50, p90 = took[len(took) // 2] * 1000, took[len(took) * 9 // 10] * 1000
    note("p50 %.2f ms, p90 %.2f ms, the round trip of the client included" %
         (p50, p90))
    ok(p50 < tap.bound(5), "%.2f ms" % p50)


tap.main()
