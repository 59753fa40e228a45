#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The tests that applications bring along (apps/*/test), and those of
tests/apps: each one is a case."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from lib import tap                                             # noqa: E402
from lib.reactor import SLOW                                    # noqa: E402
from lib.server import fcsd                                     # noqa: E402

TOP = Path(__file__).resolve().parent.parent.parent


def rows(d):
    """One row a test; a folder whose tests cannot be run is a failed one."""
    r = subprocess.run([fcsd(), "--role=apptest", "test", "--json", "-t",
                        str(20 * SLOW), d], capture_output=True, text=True,
                       stdin=subprocess.DEVNULL)
    found = [json.loads(x) for x in r.stdout.splitlines()]
    if not found:
        found = [{"test": "can be run", "ok": False, "why": r.stderr}]
    return found


def add(d, row):
    def check():
        if not row["ok"]:
            raise AssertionError(row["why"])
    name = d.name + "_" + re.sub(r"[^a-z0-9]+", "_", row["test"].lower())
    tap.cases.append((name.strip("_"), check, 30))


for tests in sorted([*(TOP / "apps").glob("*/test"),
                     *(TOP / "tests" / "apps").glob("*/test")]):
    for row in rows(tests.parent):
        add(tests.parent, row)

tap.main()
