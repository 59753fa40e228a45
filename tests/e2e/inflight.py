#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Ten thousand calls under way: each is answered once, each client's are
begun in the order in which they came."""

import collections
import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

CLIENTS = 100
EACH = 100


class Caller(Client):
    """Counts the answers; answers the server's calls when it is told to."""

    def __init__(self, *args, **kw):
        self.answers = collections.Counter()
        self.asked = []                 # (transaction, argument)
        super().__init__(*args, **kw)

    def _command(self, m, values):
        if values[0] in ("_result", "_error"):
            self.answers[values[1]] += 1
        super()._command(m, values)

    def _answer(self, name, txn, args):
        eq(name, "go")
        self.asked.append((txn, args[0]))

    def go(self, shuffle):
        shuffle(self.asked)
        for txn, n in self.asked:
            self.command("_result", txn, n)
        self.asked = []

    def answered(self, txns):
        return sum(self.answers[t] for t in txns)


def callers(s, count=CLIENTS):
    return [Caller(s.rtmp, source="127.0.2.%d" % (1 + i // 50))
            .connect("inflight") for i in range(count)]


def each_once(c, txns, values):
    eq([c.answers[t] for t in txns], [1] * len(txns))
    got = [c.results[t] for t in txns]
    eq([(name, args[1] if name == "_result" else args[1]["description"])
        for name, args in got], values)


@case(timeout=120)
def ten_thousand_wait_and_each_is_answered_once():
    s = Server(apps=["inflight"])
    all = callers(s)
    txns = [[c.call("wait", n) for n in range(EACH)] for c in all]
    wait(lambda: sum(len(c.asked) for c in all) == CLIENTS * EACH, 60,
         "all to be under way")
    for c, t in zip(all, txns):
        eq(c.answered(t), 0)
        eq([n for _, n in c.asked], [float(n) for n in range(EACH)])
    shuffle = random.Random(1).shuffle
    mixed = list(all)
    shuffle(mixed)
    for c in mixed:
        c.go(shuffle)
    wait(lambda: all_answered(all, txns), 60, "all answers")
    for c, t in zip(all, txns):
        eq(c.ask("begun", timeout=30), [float(n) for n in range(EACH)])
        each_once(c, t, [("_result", float(n)) for n in range(EACH)])
    row = s.ctl_one("inst", "list", "inflight")
    note("memory of the script %.1f MiB" % (row["memory"] / 2**20))


def all_answered(all, txns):
    return all_count(all, txns) >= sum(map(len, txns))


def all_count(all, txns):
    return sum(c.answered(t) for c, t in zip(all, txns))


@case(timeout=120)
def one_that_waits_does_not_hold_back_later_ones():
    s = Server(apps=["inflight"])
    all = callers(s)
    txns = []
    for c in all:
        txns.append([c.call("wait" if n % 10 == 0 else
                            "fail" if n % 10 == 5 else "now", n)
                     for n in range(EACH)])
    waiting = EACH // 10
    wait(lambda: all_count(all, txns) == CLIENTS * (EACH - waiting) and
         sum(len(c.asked) for c in all) == CLIENTS * waiting, 60,
         "what does not wait")
    for c, t in zip(all, txns):
        eq([c.answers[x] for x in t],
           [0 if n % 10 == 0 else 1 for n in range(EACH)])
        eq(c.ask("begun", timeout=30), [float(n) for n in range(EACH)])
        c.go(random.Random(2).shuffle)
    wait(lambda: all_answered(all, txns), 60, "all answers")
    for c, t in zip(all, txns):
        each_once(c, t, [("_error", "no %d" % n) if n % 10 == 5 else
                         ("_result", float(n)) for n in range(EACH)])


@case
def calls_beyond_the_limit_fail_and_those_below_go_on():
    s = Server({"limits.calls_per_client": 3}, apps=["inflight"])
    c, other = callers(s, 2)
    txns = [c.call("wait", n) for n in range(3)]
    wait(lambda: len(c.asked) == 3, 10)
    for name in ("wait", "now"):
        try:
            c.ask(name, 9)
        except CallFailed as e:
            eq(e.info["description"], "too many unanswered calls")
        else:
            raise AssertionError("a fourth call went through")
    eq(other.ask("now", 1), 1.0, "the limit is each client's own")
    c.go(lambda asked: None)
    eq([c.result(t) for t in txns], [0.0, 1.0, 2.0])
    eq(c.ask("now", 5), 5.0)
    eq(c.ask("begun"), [0.0, 1.0, 2.0, 5.0])


@case(timeout=60)
def a_client_that_leaves_takes_only_its_own_calls_along():
    s = Server(apps=["inflight"])
    stays, goes = callers(s, 2)
    txns = [stays.call("wait", n) for n in range(EACH)]
    for n in range(EACH):
        goes.call("wait", n)
    wait(lambda: len(stays.asked) == EACH == len(goes.asked), 20)
    goes.abort()
    s.wait_log("session.closed")
    stays.go(random.Random(3).shuffle)
    wait(lambda: stays.answered(txns) == EACH, 20)
    each_once(stays, txns, [("_result", float(n)) for n in range(EACH)])
    row = s.ctl_one("inst", "list", "inflight")
    eq(row["script_errors"], 0, "waiting for a client that left is no error")


tap.main()
