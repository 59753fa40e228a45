#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The worker killed at a random moment, twenty times."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

SEED = int(os.environ.get("FCS_SEED") or time.time_ns() % 10**9)
KILLS = 20
SPEED = 3               # media is fed faster than it plays


class Writer:
    """Writes slots without waiting, and knows what was acknowledged."""

    def __init__(self, s, acked):
        self.r = connect(s, "echo").object("board", True)
        self.acked, self.sent, self.n = acked, {}, 0

    def write(self, serial):
        slots = {"k%d" % (serial % 97): float(serial),
                 "m%d" % (serial % 89): float(serial)}
        self.sent[serial] = slots
        self.r.set_all(slots)

    def reap(self):
        """Move what was acknowledged, in order, into acked."""
        done = len([m for m in self.r.messages[1:]
                    if any(e.name == "success" for e in m.events)])
        for serial in list(self.sent)[:done - self.n]:
            self.acked.append((serial, self.sent.pop(serial)))
            self.n += 1


def check_slots(s, acked, unknown):
    """Every acknowledged write is there; what is newer was at least sent."""
    r = connect(s, "echo").object("board", True)
    want = {}
    for serial, slots in acked:
        want.update({k: serial for k in slots})
    wait(lambda: r.used and (not want or len(r.slots) >= len(want)), 10,
         "the object after the kill")
    for k, serial in want.items():
        got = r.slots.get(k)
        ok(got == serial or got in unknown and got > serial,
           "slot %s is %r, acknowledged %d" % (k, got, serial))
    by = {}
    for k, v in r.slots.items():
        by.setdefault(v, []).append(k)
    r.client.close()
    return r.version


def check_recording(s, name, sent):
    """Playable, a prefix of what was sent, and it seeks."""
    v = connect(s, "echo").stream()
    v.buffer(36000000)
    got = v.play_all(name, 0, timeout=20)
    eq([t.data for t in got], [t.data for t in flv.media(sent)][:len(got)])
    keys = [t.ts for t in got if t.key]
    if keys:
        v.seek(keys[-1] + 1)
        eq(v.wait_token("key").message.ts, keys[-1])
    v.client.close()
    return got[-1].ts if got else 0


@case(timeout=240)
def every_acknowledged_slot_and_every_recording_survives():
    note("seed %d (FCS_SEED repeats it)" % SEED)
    rnd = random.Random(SEED)
    s = Server()
    other = connect(s, "guard")
    canary = connect(s, "calls")
    acked, unknown, serial = [], set(), 0
    hits = 0
    version = 0
    tags = media.synthetic(30, size=1200)
    for k in range(KILLS):
        w = Writer(s, acked)
        name = "take%d" % k
        p = publisher(s, "echo", name, "record")
        feed = p.feed_live(tags, speed=SPEED)
        pid = s.worker("echo")
        delay = rnd.uniform(0.15, 1.2)
        end = time.monotonic() + delay
        while time.monotonic() < end:
            w.write(serial)
            serial += 1
            w.reap()
            loop.turn(time.monotonic() + 0.002)
        for _ in range(12):
            w.write(serial)
            serial += 1
        os.kill(pid, signal.SIGKILL)
        at = feed.position
        w.r.client.wait_closed(5)
        p.client.wait_closed(5)
        w.reap()
        hits += bool(w.sent)
        unknown |= set(float(x) for x in w.sent)
        begun = time.monotonic()
        v = check_slots(s, acked, unknown)
        ok(v >= version, "version went from %d to %d" % (version, v))
        version = v
        last = check_recording(s, name, [t for t in tags])
        ok(last >= at - SPEED * tap.bound(100),
           "recording ends at %d, sent %d" % (last, at))
        note("kill %d after %.2f s: back in %.2f s" %
             (k, delay, time.monotonic() - begun))
        ok(not other.closed and not canary.closed, "another app noticed")
        eq(canary.ask("echo", k), float(k))
    ok(hits >= KILLS / 2, "only %d of %d kills hit a write" % (hits, KILLS))


@case(timeout=60)
def success_leaves_after_the_log_is_on_disk():
    """The worker's system calls: the fdatasync of the SQLite log comes
    before the write to the socket that carries success."""
    s = Server(start=False)
    trace = s.tmp / "trace"
    s.own(s.tmp)
    s.wrap = ["strace", "-f", "-qq", "-y", "-s", "9000", "-x", "-e",
              "trace=fdatasync,fsync,sendmsg,write,writev,pwrite64,sendto,"
              "sync_file_range", "-o", str(trace)]
    s.start(30)
    r = connect(s, "echo", timeout=30).object("board", True)
    marks = ["mark%04dmark" % i for i in range(5)]
    for m in marks:
        r.set_all({m: 1.0})
        r.wait_code("success", m, timeout=20)
    s.stop(timeout=30)
    lines = trace.read_text(errors="replace").splitlines()
    hexed = {m: "".join("\\x%02x" % b for b in m.encode()) for m in marks}

    def has(line, m):
        return m in line or hexed[m] in line
    for m in marks:
        seen = [i for i, x in enumerate(lines)
                if re.search(r"(sendmsg|write|writev|sendto)\(", x) and
                "TCP" in x or "socket:" in x]
        sent = [i for i in seen if has(lines[i], m)]
        ok(sent, "no write with %s in the trace" % m)
        wrote = [i for i, x in enumerate(lines)
                 if "pwrite64(" in x and "objects.sqlite-wal" in x
                 and has(x, m)]
        synced = [i for i, x in enumerate(lines)
                  if re.search(r"f(data)?sync\(.*objects\.sqlite-wal", x)]
        ok(wrote and wrote[0] < sent[0], "log written before success")
        done = [i for i in synced if wrote[0] < i < sent[0]]
        ok(done, "no fdatasync between the log's write and success")
        for i in done:
            if "unfinished" in lines[i]:
                pid = lines[i].split()[0]
                ok(any(x.split()[0] == pid and "resumed" in x
                       for x in lines[i:sent[0]]), "sync not finished")


@case(timeout=60)
def supervisor_killed_takes_nothing_acknowledged_with_it():
    s = Server()
    r = connect(s).object("o", True)
    for i in range(100):
        r.set(x=float(i))
    wait(lambda: len([c for c in r.codes if c[0] == "success"]) >= 50)
    done = len([c for c in r.codes if c[0] == "success"])
    pids = server.descendants(s.pid)
    os.kill(s.pid, signal.SIGKILL)
    s.process.finish(5)
    poll(lambda: not any(server.alive(p) for p in pids), 10,
         "the other roles to follow")
    s.process.kill()
    s.start()
    got = connect(s).object("o", True)
    wait(lambda: got.slots.get("x", -1) >= done - 1, 5)


tap.main()
