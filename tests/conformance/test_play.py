#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""FLV files of Flash-era tools, dropped into a recordings folder: they play
byte-identical and seek.  FCS_DATA names the folder that holds flv/."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


def plays_byte_identical(path):
    s = Server()
    s.put_recording("echo", path.name, path)
    tags = [t for t in flv.read(path, strict=False) if t.data]
    want = flv.media(tags)
    v = connect(s).stream()
    got = v.play_all(path.name, 0, timeout=60)
    eq(len(got), len(want), "media messages")
    for i, (a, b) in enumerate(zip(got, want)):
        eq((a.type, a.ts), (b.type, b.ts), "tag %d" % i)
        ok(a.data == b.data, "payload of tag %d differs" % i)
    scripts = [t.data for t in tags if t.type == flv.DATA][1:]
    sent = [e.message.payload for e in v.recent if e.kind == "data" and
            e.name not in ("|RtmpSampleAccess", "onStatus", "onPlayStatus")]
    for d in scripts:
        ok(d in sent, "script data lost: %r" % d[:40])


def seeks_everywhere(path):
    s = Server()
    s.put_recording("echo", path.name, path)
    tags = flv.read(path, strict=False)
    keys = sorted({t.ts for t in tags if t.key})
    last = max(t.ts for t in tags)
    rnd = random.Random(path.name)
    v = connect(s).stream()
    v.buffer(100).play(path.name, 0)
    row = s.ctl_one("rec", "info", "echo", path.stem)
    near(row["duration_s"], last / 1000, 0.1)
    for ms in [0, last] + [rnd.randrange(last) for _ in range(20)]:
        v.seek(ms)
        want = max([k for k in keys if k <= ms], default=keys[0])
        eq(v.wait_token("key").message.ts, want, "seek to %d" % ms)
    code, out, err = s.ctl_run("rec", "verify", "echo", path.stem)
    note("%s: verify says %d: %s" % (path.name, code, (out + err).strip()))
    ok(code in (0, 8), err)


data = Path(os.environ.get("FCS_DATA") or "missing") / "flv"
if not data.is_dir():
    sys.exit("FCS_DATA=%s has no flv folder" % os.environ.get("FCS_DATA"))
for file in sorted(data.glob("*.flv")):
    name = re.sub(r"\W", "_", file.stem)
    tap.cases.append((name + "_plays_byte_identical",
                      lambda f=file: plays_byte_identical(f), 90))
    tap.cases.append((name + "_seeks",
                      lambda f=file: seeks_everywhere(f), 90))
ok(tap.cases, "no FLV files in %s" % data)
tap.main()
