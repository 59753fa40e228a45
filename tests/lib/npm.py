# SPDX-License-Identifier: BSD-2-Clause
"""The npm packages of tests/interop, installed once for a lock file."""

import fcntl
import shutil
import subprocess

from .server import TOP, build_dir


def modules():
    """The folder that holds node_modules."""
    top = build_dir() / "tests" / "interop"
    d = top / "npm"
    files = ("package.json", "package-lock.json")
    lock = (TOP / "tests" / "interop" / files[1]).read_bytes()
    top.mkdir(parents=True, exist_ok=True)
    with open(top / "npm.lock", "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        if not (d / "done").exists() or (d / "done").read_bytes() != lock:
            shutil.rmtree(d, ignore_errors=True)
            d.mkdir()
            for name in files:
                shutil.copyfile(TOP / "tests" / "interop" / name, d / name)
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund",
                            "--ignore-scripts"], cwd=d, check=True,
                           timeout=240, stdout=subprocess.DEVNULL)
            (d / "done").write_bytes(lock)
    return d
