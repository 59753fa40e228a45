#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The processes: hand-over, heartbeat, restart, rights, the end."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


@case
def one_worker_per_application_started_on_demand():
    s = Server()
    eq([r for _, r, _ in s.roles() if r == "worker"], [])
    connect(s, "echo/a")
    connect(s, "echo/b")
    connect(s, "guard")
    eq(len([r for _, r, _ in s.roles() if r == "worker"]), 2)
    ok(s.worker("echo") != s.worker("guard"))
    eq(len([r for _, r, _ in s.roles() if r == "gateway"]), 1)
    status = s.ctl_one("status")
    eq({(x["app"], x["pid"]) for x in status["workers"]},
       {("echo", s.worker("echo")), ("guard", s.worker("guard"))})


@case
def applications_may_share_a_worker():
    s = Server(start=False)
    for name in ("one", "two"):
        s.app(name, yaml="isolation: shared\n")
    s.start()
    a, b = connect(s, "one"), connect(s, "two")
    eq(len([r for _, r, _ in s.roles() if r == "worker"]), 1)
    echo = connect(s, "echo")
    eq(len([r for _, r, _ in s.roles() if r == "worker"]), 2)
    eq({r["where"] for r in s.ctl("inst", "list")},
       {"one/_definst_", "two/_definst_", "echo/_definst_"})
    eq((a.closed, b.closed, echo.closed), (None, None, None))


@case
def idle_instances_are_unloaded():
    s = Server({"app.calls.idle_unload": "1s"})
    c = connect(s, "calls/x")
    keep = connect(s, "calls/y")
    c.close()
    poll(lambda: {r["where"] for r in s.ctl("inst", "list")} ==
         {"calls/y"}, 20, "the idle instance to go")
    eq(keep.ask("echo", 1), 1.0)
    connect(s, "calls/x")


@case
def idle_worker_ends_and_the_next_connect_gets_another():
    s = Server({"workers.idle_exit": "1s", "app.echo.idle_unload": "100ms",
                "limits.heartbeat_time": "1s"})
    connect(s).close()
    first = s.worker("echo")
    stays = connect(s, "calls")
    s.wait_log("worker.idle", 20)
    poll(lambda: not server.alive(first), 10, "the idle worker to end")
    eq(stays.ask("echo", 1), 1.0)
    c = connect(s)
    ok(s.worker("echo") != first)
    c.close()
    # just as it ends: none falls into the gap between two workers
    for _ in range(3):
        s.mark_log()
        s.wait_log("worker.idle", 20)
        c = connect(s)
        eq(c.ask("add", 1, 1), 2.0)
        c.close()
    eq(s.log_lines("child.died"), [])


@case
def no_client_socket_stays_in_the_gateway():
    s = Server()
    clients = [connect(s, app) for app in ("echo", "guard") for _ in range(20)]
    for c in clients:
        c.stream()
    inodes = set(server.tcp_inodes(s.rtmp[1]))
    eq(len(inodes), 40)
    gone = poll(lambda: not inodes & server.sockets(s.gateway()), 5,
                "the gateway to let go")
    ok(gone)
    held = set()
    for app in ("echo", "guard"):
        mine = inodes & server.sockets(s.worker(app))
        eq(len(mine), 20, app)
        held |= mine
    eq(held, inodes)
    eq(inodes & server.sockets(s.pid), set())


@case
def killed_worker_is_replaced_and_others_do_not_notice():
    s = Server()
    a, b = connect(s, "echo"), connect(s, "calls")
    old = s.worker("echo")
    os.kill(old, signal.SIGKILL)
    a.wait_closed(5)
    c = connect(s, "echo")
    ok(s.worker("echo") != old)
    eq(c.ask("add", 1, 1), 2.0)
    eq(b.ask("echo", 1), 1.0)
    s.wait_log("worker")


@case(timeout=60)
def stopped_worker_is_noticed_and_replaced():
    s = Server({"limits.heartbeat_time": "1s"})
    a, b = connect(s, "echo"), connect(s, "calls")
    old = s.worker("echo")
    os.kill(old, signal.SIGSTOP)
    begun = time.monotonic()
    a.wait_closed(25)
    note("replaced after %.1f s" % (time.monotonic() - begun))
    poll(lambda: not server.alive(old), 5, "the old one to be gone")
    eq(connect(s, "echo", timeout=20).ask("add", 1, 1), 2.0)
    eq(b.ask("echo", 1), 1.0)


@case(timeout=60)
def killed_gateway_is_replaced_and_connections_live_on():
    s = Server()
    a = connect(s, "calls")
    old = s.gateway()
    os.kill(old, signal.SIGKILL)
    poll(lambda: s.gateway() not in (None, old), 10, "a new gateway")

    def attempt():
        try:
            return connect(s, "calls")
        except (OSError, AssertionError):
            return None
    b = poll(attempt, 10, "the new gateway to serve")
    eq(a.ask("echo", 1), 1.0)
    eq(b.ask("echo", 2), 2.0)


@case(timeout=60)
def worker_that_keeps_dying_is_held_back():
    s = Server()
    for _ in range(3):
        try:
            c = connect(s, "echo")
        except (Refused, Closed):
            break
        os.kill(s.worker("echo"), signal.SIGKILL)
        c.wait_closed()
    other = connect(s, "calls")
    eq(other.ask("echo", 1), 1.0)

    def attempt():
        try:
            return connect(s, "echo")
        except (Refused, Closed):
            return None
    poll(attempt, 30, "the application to come back", 0.3)


@case
def term_ends_every_process_and_leaves_no_socket_file():
    s = Server()
    connect(s, "echo")
    connect(s, "calls")
    pids = [p for p, _, _ in s.roles()]
    ok(len(pids) >= 3)
    begun = time.monotonic()
    eq(s.stop(), 0)
    ok(time.monotonic() - begun < 10)
    eq([p for p in pids if server.alive(p)], [])


@case
def term_twice_ends_at_once():
    s = Server()
    c = connect(s)
    c.hold()
    s.dirty = True
    s.process.signal(signal.SIGTERM)
    s.process.signal(signal.SIGTERM)
    begun = time.monotonic()
    s.process.finish(10)
    ok(time.monotonic() - begun < 5)


@case
def root_is_given_up_by_every_role():
    """Only meaningful as root; elsewhere there is nothing to give up and
    the roles must run as who started them."""
    s = Server({"user": "nobody"}, as_root=True)
    c = connect(s)
    c.object("o", True).set(x=1.0).wait_code("success", "x")
    want = server.unprivileged()[0]
    want = os.getuid() if want is None else want
    for pid, role, _ in s.roles() + [(s.pid, "supervisor", "")]:
        text = server.read_proc("/proc/%d/status" % pid).decode()
        uids = re.search(r"Uid:\s+(.*)", text)[1].split()
        eq(uids, [str(want)] * 4, role)
        caps = re.search(r"CapEff:\s+(\w+)", text)[1]
        eq(int(caps, 16), 0, role)
    st = s.state.stat()
    eq(st.st_uid, want)


@case
def files_of_the_state_are_private():
    """Nobody else gets below the folder of the applications."""
    s = Server()
    connect(s).object("o", True).set(x=1.0).wait_code("success", "x")
    for p in (s.state / "apps", s.state / "apps" / "echo",
              s.state / "fcsd.sock", s.state / "fcsd.lock"):
        eq(p.stat().st_mode & 0o007, 0, str(p))


@case
def idle_processes_use_no_processor():
    s = Server()
    keep = [connect(s, app) for app in ("echo", "guard") for _ in range(5)]
    keep[0].stream().play("nothing")
    keep[1].object("o", True).set(x=1.0).wait_code("success", "x")
    half = Client(s.rtmp, start=False)
    half.send_raw(b"\x03")
    loop.run_for(0.5)
    pids = [s.pid] + [p for p, _, _ in s.roles()]
    before = {p: server.cpu(p) for p in pids}
    loop.run_for(3)
    for p in pids:
        used = server.cpu(p) - before[p]
        ok(used <= 0.15, "%s used %.2f s of 3 s" %
           (" ".join(server.cmdline(p))[-60:], used))


@case
def descriptors_and_memory_return_after_a_crowd():
    s = Server()
    keep = connect(s)
    worker = s.worker("echo")

    def fds():
        return len(os.listdir("/proc/%d/fd" % worker))
    before = fds()
    for _ in range(3):
        crowd = [connect(s) for _ in range(60)]
        for c in crowd:
            c.stream().play("nothing")
            c.object("o")
        for c in crowd:
            c.abort()
        poll(lambda: fds() <= before + 2, 10, "descriptors to be given back")
    eq(keep.ask("add", 1, 1), 2.0)


tap.main()
