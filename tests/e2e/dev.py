#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""fcsd --dev: ready at once, and every line it prints works."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

import json                 # noqa: E402
import shlex                # noqa: E402
import shutil               # noqa: E402
import subprocess           # noqa: E402
import tempfile             # noqa: E402
import urllib.request       # noqa: E402


def dev():
    """fcsd --dev as a user starts it from the build tree, but on free ports
    and with its state in a temporary folder as working directory."""
    s = Server(start=False)
    s.args = ["--dev"]
    s.options = {"state": None, "apps": None}
    return s


@case
def ready_in_under_a_second_with_state_in_var():
    s = dev()
    s.start()
    note("ready after %.3f s" % s.ready_after)
    ok(s.ready_after < tap.bound(1.0))
    ok((s.tmp / "var").is_dir())
    s.state = s.tmp / "var"
    eq(s.ctl_run("ping")[0], 0)
    for name in ("live", "vod", "chat", "hello", "whiteboard", "echo"):
        connect(s, name, "Ann")
    for addrs in s.listeners.values():
        for a in addrs:
            eq(s.split(a)[0] in ("127.0.0.1", "::1"), True, a)


@case
def publishing_is_open_and_the_sample_is_there():
    s = dev()
    s.start()
    p = publisher(s, "live", "x")
    v = connect(s, "live").stream().play("x", -1)
    p.feed(media.synthetic(1))
    v.wait_token("key")
    got = connect(s, "vod").stream().play_all("sample", 0)
    ok(got[-1].ts >= 19000)


@case(timeout=90)
def every_printed_line_works_when_pasted():
    s = dev()
    s.start()
    wait(lambda: "vod/sample" in s.log, 5, "the printed lines")
    text = s.log
    note(text)
    lines = [x.strip() for x in text.splitlines()]
    urls = set(re.findall(r"https?://[^\s<>\"')]+", text))
    ok(urls, "no page address")
    for u in urls:
        with urllib.request.urlopen(u, timeout=10) as r:
            eq(r.status, 200, u)
    pasted = 0
    clip = media.clip(10)
    for x in lines:
        m = re.search(r"(?:^|\s)(ffmpeg|ffplay|ffprobe|rtmpdump|\S*fcsctl)\s.*",
                      x)
        if not m:
            continue
        argv = shlex.split(m[0].split("  ")[0].strip(), comments=True)
        pasted += 1
        paste(s, argv, clip)
    ok(pasted >= 3, "only %d commands in:\n%s" % (pasted, text))


def paste(s, argv, clip):
    """Run one printed command; a viewer is ffmpeg without a screen, a file
    of the user's is our clip."""
    tool = os.path.basename(argv[0])
    if tool == "fcsctl":
        p = Process([server.fcsctl(), *argv[1:]], user=s.uid, group=s.gid,
                    cwd=s.tmp)
        if "watch" in argv or "top" in argv:
            wait(lambda: p.out or p.code is not None, 5, fail=False)
            ok(p.code is None, "%s: %s" % (argv, p.err.decode()))
        else:
            eq(p.finish(20), 0, "%s: %s" % (argv, p.err.decode()))
        p.kill()
        return
    if tool == "ffplay":
        url = next(a for a in argv if a.startswith("rtmp://"))
        tools.ffmpeg("-i", url, "-t", "2", "-f", "null", "-", timeout=30)
    elif tool == "ffmpeg":
        args = [str(clip) if a.endswith((".mp4", ".flv")) and
                "://" not in a else a for a in argv[1:]]
        tools.ffmpeg(*args, timeout=40)
    else:
        tools.run(*argv, timeout=40, cwd=s.tmp)


@case
def health_pages_answer():
    s = Server()
    for path in ("/healthz", "/readyz"):
        with urllib.request.urlopen("http://%s:%d%s" % (*s.http, path),
                                    timeout=5) as r:
            eq(r.status, 200, path)


@case
def second_start_in_the_same_folder_says_so():
    a = dev()
    a.start()
    b = dev()
    b.dirty = True
    b.tmp = a.tmp
    b.launch()
    ok(b.process.finish(10) > 0)
    ok("var" in b.log, b.log)


@case
def a_tree_only_root_can_reach_is_served_when_started_in_it():
    """./bootstrap run by root below /root: fcsd becomes nobody, who may work
    in the folder it stands in but not reach it from above."""
    closed = Path(tempfile.mkdtemp(prefix="fcs-"))      # mode 700
    tap.cleanup(lambda: shutil.rmtree(closed, ignore_errors=True))
    tree = closed / "tree"
    (tree / "build").mkdir(parents=True)
    for f in (server.fcsd(), server.fcsctl()):
        shutil.copy(f, tree / "build" / f.name)
    shutil.copytree(server.TOP / "apps", tree / "apps")
    for d, _, files in os.walk(tree):
        for f in (d, *(os.path.join(d, x) for x in files)):
            os.chmod(f, os.stat(f).st_mode | 0o555)
    r, w = os.pipe()
    p = subprocess.Popen(
        ["./build/fcsd", "--dev", "-o", "listen.rtmp=127.0.0.1:0", "-o",
         "listen.http=127.0.0.1:0", "--ready-fd", str(w)], cwd=tree,
        pass_fds=[w], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tap.cleanup(p.kill)
    os.close(w)
    with os.fdopen(r) as ready:
        ok("ready" in ready.read().split(), "not ready")
    ctl = [server.fcsctl(), "-S", "./var/fcsd.sock"]
    out = subprocess.run([*ctl, "rec", "info", "vod", "sample", "--json"],
                         cwd=tree, capture_output=True, timeout=20)
    eq(out.returncode, 0, out.stderr)
    eq(json.loads(out.stdout)["readonly"], True)
    out = subprocess.run([*ctl, "so", "list", "echo"], cwd=tree,
                         capture_output=True, timeout=20)
    eq(out.returncode, 0, out.stderr)
    p.terminate()
    log = p.communicate(timeout=20)[0].decode()
    eq(p.returncode, 0, log)
    ok("./build/fcsctl -S ./var/fcsd.sock status" in log, log)


tap.main()
