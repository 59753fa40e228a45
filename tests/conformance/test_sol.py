#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Flash's own .sol files: decoded as their JSON says, encoded as they were.

FCS_DATA names the folder (see `make conformance`); nothing is written there.
"""
import glob
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from lib import tap                      # noqa: E402
from lib.tap import case, eq, note, ok   # noqa: E402

DATA = os.path.join(os.environ.get("FCS_DATA", ""), "sol")
TOOL = os.path.join(os.environ.get("FCS_BUILDDIR", "."),
                    "tests", "conformance", "sol2json")
# Files that name equal traits a second time instead of referring to them: the
# player had two classes there which look the same on the wire.
OTHER_FORM = {"AS3-Demo.sol"}
CUT = {"2.sol"}
# One slot holds more values than a message may.
TOO_LARGE = {"InfectonatorSurvivors76561198009932603.sol"}


def files():
    found = sorted(glob.glob(os.path.join(DATA, "*.sol")))
    ok(len(found) >= 41, "only %d files in %s" % (len(found), DATA))
    return found


def run(*args):
    return subprocess.run([TOOL, *args], capture_output=True, timeout=60)


def decoded(path):
    got = run(path)
    eq(got.returncode, 0, got.stderr.decode())
    return json.loads(got.stdout)


def difference(a, b, path="$"):
    """Where two JSON values differ, or None; 1 and 1.0 are equal."""
    numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool)
                  for x in (a, b))
    if numbers:
        return None if a == b else "%s: %r, want %r" % (path, a, b)
    if type(a) is not type(b):
        return "%s: %.80r, want %.80r" % (path, a, b)
    if isinstance(a, dict):
        if sorted(a) != sorted(b):
            return "%s: keys %s, want %s" % (path, sorted(a), sorted(b))
        pairs = [(a[k], b[k], "%s.%s" % (path, k)) for k in a]
    elif isinstance(a, list):
        if len(a) != len(b):
            return "%s: %d items, want %d" % (path, len(a), len(b))
        pairs = [(x, y, "%s[%d]" % (path, i))
                 for i, (x, y) in enumerate(zip(a, b))]
    else:
        return None if a == b else "%s: %.80r, want %.80r" % (path, a, b)
    for x, y, where in pairs:
        d = difference(x, y, where)
        if d:
            return d
    return None


@case(timeout=120)
def every_sol_decodes_to_its_json():
    n = 0
    for path in files():
        oracle = path[:-4] + ".json"
        if not os.path.exists(oracle):
            continue
        with open(oracle, encoding="utf-8") as f:
            d = difference(decoded(path), json.load(f))
        ok(d is None, "%s: %s" % (os.path.basename(path), d))
        n += 1
    note("%d files" % n)
    ok(n >= 39, "only %d with JSON" % n)


@case(timeout=120)
def every_sol_is_encoded_to_the_same_bytes():
    same = 0
    for path in files():
        name = os.path.basename(path)
        if name in CUT:
            continue
        with open(path, "rb") as f:
            data = f.read()
        got = run("-e", path)
        eq(got.returncode, 0, got.stderr.decode())
        size = 6 + int.from_bytes(data[2:6], "big")
        if name in OTHER_FORM:
            ok(got.stdout != data, name + " has one form after all")
            continue
        ok(got.stdout == data[:size], name + " comes out different")
        same += 1
    note("%d files" % same)


@case
def another_form_of_the_same_values_decodes_alike():
    for name in OTHER_FORM:
        path = os.path.join(DATA, name)
        copy = os.path.join(os.environ.get("TMPDIR", "/tmp"),
                            "sol-%d.sol" % os.getpid())
        with open(copy, "wb") as f:
            f.write(run("-e", path).stdout)
        tap.cleanup(lambda: os.unlink(copy))
        d = difference(decoded(copy)["body"], decoded(path)["body"])
        ok(d is None, "%s: %s" % (name, d))


@case
def a_file_cut_short_is_refused():
    for name in CUT:
        got = run(os.path.join(DATA, name))
        eq(got.returncode, 1)
        ok(b"more bytes are needed" in got.stderr, got.stderr)


@case(timeout=120)
def slots_survive_being_stored():
    for path in files():
        name = os.path.basename(path)
        if name in CUT:
            continue
        got = run("-p", path)
        if name in TOO_LARGE:
            eq(got.returncode, 1)
            ok(b"a limit is reached" in got.stderr, got.stderr)
        else:
            eq(got.returncode, 0, got.stderr.decode())


tap.main()
