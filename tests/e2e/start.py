#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What stops a start is named with its remedy; reload keeps what works."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


@case
def busy_port_is_named_with_the_remedy():
    a = Server()
    b = Server({"listen.rtmp": "127.0.0.1:%d" % a.rtmp[1]}, start=False)
    b.dirty = True
    b.launch()
    ok(b.process.finish(10) > 0)
    ok(str(a.rtmp[1]) in b.log and "in use" in b.log, b.log)
    ok(re.search(r"listen\.rtmp|-o |stop", b.log), "no remedy: " + b.log)


@case
def second_fcsd_on_one_state_is_refused():
    a = Server()
    b = Server(state=a.state, start=False)
    b.dirty = True
    b.launch()
    ok(b.process.finish(10) > 0)
    ok(str(a.state) in b.log, b.log)
    ok(re.search(r"running|lock|another|in use", b.log), b.log)
    connect(a)


@case
def state_that_cannot_be_written_is_named():
    s = Server(start=False)
    s.state.chmod(0o500)
    if s.uid is not None:
        os.chown(s.state, 0, 0)
    s.dirty = True
    s.launch()
    ok(s.process.finish(10) > 0)
    ok(str(s.state) in s.log, s.log)


@case
def newer_schema_is_refused_and_other_apps_serve():
    import sqlite3
    s = Server()
    connect(s).object("o", True).set(x=1.0).wait_code("success", "x")
    s.stop()
    path = s.state / "apps" / "echo" / "objects.sqlite"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.commit()
    db.close()
    for p in path.parent.iterdir():
        s.own(p)
    s.start()
    c = Client(s.rtmp)
    try:
        c.connect("echo")
        r = c.object("o", True)
        ok(r.status, "a newer schema was read")
    except (Refused, Closed):
        pass
    line = s.wait_log("schema|newer|version 99")
    ok("objects.sqlite" in line or "echo" in line, line)
    connect(s, "calls").ask("echo", 1)
    code, out, err = s.ctl_run("so", "list", "echo")
    ok(code != 0 and "echo" in err and "schema" in err, err)
    ok("restore a copy" in err.split("try:")[1], err)
    row = [r for r in s.ctl("app", "list") if r["app"] == "echo"][0]
    eq(row["state"], "failed")


@case
def hup_reloads_and_a_bad_file_keeps_the_old():
    s = Server(start=False)
    path = s.tmp / "fcsd.yaml"
    path.write_text("log: {level: info}\n")
    s.args = ["-c", str(path)]
    s.start()
    c = connect(s)
    path.write_text("log: {levle: info}\n")
    s.mark_log()
    s.process.signal(signal.SIGHUP)
    s.wait_log(r"fcsd\.yaml:1:\d+")
    path.write_text("log: {level: debug}\n")
    s.process.signal(signal.SIGHUP)
    s.wait_log("reload|configuration")
    eq(c.ask("add", 1, 1), 2.0)
    connect(s)


tap.main()
