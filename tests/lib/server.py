# SPDX-License-Identifier: BSD-2-Clause
"""A real fcsd, started for one case and ended with it.

    s = Server()                        # every application of apps/, echo too
    c = Client(s.rtmp).connect("echo")
    s.ctl("client", "list")             # a list of JSON objects

FCSD names the program (default: the build tree's); started by root it runs
as nobody.  Its state is a temporary directory, removed at the end.
"""

import functools
import json
import os
import pwd
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path

from . import tap
from .reactor import Process, loop, poll, wait

TOP = Path(__file__).resolve().parents[2]           # source tree


def build_dir():
    """The build tree: where fcsd is."""
    if os.environ.get("FCSD"):
        return Path(os.environ["FCSD"]).resolve().parent
    for d in (os.environ.get("FCS_BUILDDIR"), ".", "build", TOP,
              TOP / "build"):
        if d and (Path(d) / "fcsd").is_file():
            return Path(d).resolve()
    raise RuntimeError("no fcsd found: build it, or set FCSD")


@functools.cache
def fcsd():
    """The program; where the user it runs as cannot go (root's clone below
    /root), a copy of it beside the applications, as in the build tree."""
    p = Path(os.environ.get("FCSD") or build_dir() / "fcsd").resolve()
    if os.getuid() != 0 or all(d.stat().st_mode & 1 for d in (p, *p.parents)):
        return p
    d = Path(tempfile.mkdtemp(prefix="fcs-"))
    tap.at_end.append(lambda: shutil.rmtree(d, ignore_errors=True))
    d.chmod(0o755)
    for f in (p, p.parent / "fcsctl"):
        shutil.copyfile(f, d / f.name)
        (d / f.name).chmod(0o755)
    for f in ("apps", "templates"):
        shutil.copytree(TOP / f, d / f)
    return d / "fcsd"


def fcsctl():
    return Path(os.environ.get("FCSCTL") or fcsd().parent / "fcsctl")


def unprivileged():
    """(uid, gid) to run as, or (None, None) when we are not root."""
    if os.getuid() != 0:
        return None, None
    p = pwd.getpwnam("nobody")
    return p.pw_uid, p.pw_gid


class CtlFailed(AssertionError):
    def __init__(self, argv, code, err):
        super().__init__("fcsctl %s: exit %d: %s" %
                         (" ".join(argv), code, err.strip()))
        self.code, self.err = code, err


class Server:
    """options: -o keys ("limits.clients" and so on).  apps: None for all of
    apps/ and tests/apps/, or a list of names.  start=False: only prepare.
    state: a directory of another Server, kept over a restart."""

    def __init__(self, options=None, apps=None, start=True, args=(),
                 state=None, wrap=(), env=None, as_root=False, ready=10):
        self.uid, self.gid = (None, None) if as_root else unprivileged()
        self.tmp = Path(tempfile.mkdtemp(prefix="fcs-"))
        self.tmp.chmod(0o755)
        tap.cleanup(lambda: shutil.rmtree(self.tmp, ignore_errors=True))
        self.state = Path(state) if state else self.tmp / "state"
        self.apps = self.tmp / "apps"
        self.options = dict(options or {})
        self.args, self.wrap, self.env = list(args), list(wrap), env or {}
        self.process = None
        self.dirty = False          # ends badly on purpose
        self.listeners = {}
        self.log_from = 0
        for d in (self.tmp, self.state, self.apps):
            d.mkdir(exist_ok=True)
            self.own(d)
        self._copy_apps(apps)
        tap.cleanup(self.stop_hard)
        tap.reports.append(self.report)
        if start:
            self.start(ready)

    def own(self, path):
        if self.uid is not None:
            os.chown(path, self.uid, self.gid)

    def _copy_apps(self, names):
        for top in (TOP / "apps", TOP / "tests" / "apps"):
            for d in sorted(top.glob("*/")) if top.is_dir() else ():
                if names is None or d.name in names:
                    shutil.copytree(d, self.apps / d.name,
                                    copy_function=shutil.copyfile,
                                    dirs_exist_ok=True)

    def app(self, name, main=None, yaml=None):
        """Write an application of this case's own; files take effect when
        its first instance starts."""
        d = self.apps / name
        d.mkdir(exist_ok=True)
        if main is not None:
            (d / "main.rb").write_text(main)
        if yaml is not None:
            (d / "app.yaml").write_text(yaml)
        return d

    # -- life --------------------------------------------------------------

    def argv(self, fd=None):
        base = {"state": self.state, "apps": self.apps,
                "listen.rtmp": "127.0.0.1:0", "listen.http": "127.0.0.1:0"}
        base.update(self.options)
        out = [*self.wrap, str(fcsd()), *self.args]
        for k, v in base.items():
            if v is not None:
                out += ["-o", "%s=%s" % (k, v)]
        if fd is not None:
            out += ["--ready-fd", str(fd)]
        return out

    def launch(self):
        """Start it without waiting for anything."""
        r, w = os.pipe()
        os.set_blocking(r, False)
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
               "HOME": str(self.tmp)}
        for k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if k in os.environ:
                env[k] = os.environ[k]
        env.update(self.env)
        self.ready_text = bytearray()
        self.ready_open = True
        self.listeners = {}
        self.began = time.monotonic()
        self.process = Process(self.argv(w), env=env, user=self.uid,
                               group=self.gid, pass_fds=(w,), cwd=self.tmp)
        os.close(w)

        def input(_):
            data = os.read(r, 4096)
            self.ready_text.extend(data)
            if not data:
                loop.forget(r)
                os.close(r)
                self.ready_open = False
        loop.watch(r, input)
        return self

    def start(self, timeout=10):
        self.launch()
        wait(lambda: b"ready\n" in self.ready_text or
             (not self.process.running() and not self.process.open),
             timeout, "fcsd to be ready")
        if b"ready\n" not in self.ready_text:
            raise AssertionError("fcsd ended with %d: %s" %
                                 (self.process.code, self.log[-2000:]))
        self.ready_after = time.monotonic() - self.began
        for line in self.ready_text.decode().splitlines():
            if line != "ready":
                name, _, addr = line.partition(" ")
                self.listeners.setdefault(name, []).append(addr)
        return self

    @staticmethod
    def split(addr):
        host, _, port = addr.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def rtmp(self):
        return self.split(self.listeners["rtmp"][0])

    @property
    def http(self):
        return self.split(self.listeners["http"][0])

    def url(self, path=""):
        return "rtmp://%s:%d/%s" % (*self.rtmp, path)

    @property
    def pid(self):
        """The supervisor; below a wrapper, the first fcsd under it."""
        if not self.wrap:
            return self.process.pid
        return next(p for p in descendants(self.process.pid)
                    if exe(p) == str(fcsd()))

    def stop(self, sig=signal.SIGTERM, timeout=10):
        """End it in order; its exit code."""
        if self.wrap:
            os.kill(self.pid, sig)
        else:
            self.process.signal(sig)
        return self.process.finish(timeout)

    def stop_hard(self):
        """End of the case: it must still end in order, with nothing said by
        a sanitizer, unless the case set dirty."""
        p = self.process
        if p is None:
            return
        pids = descendants(p.pid) if p.code is None else []
        if not self.dirty and p.code is None:
            self.stop(timeout=20)
        p.kill()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        bad = re.search(r"(ERROR: \w+Sanitizer|runtime error:).*", self.log)
        if bad:
            raise AssertionError(bad[0])
        if not self.dirty and p.code not in (0, None):
            raise AssertionError("fcsd ended with %d" % p.code)

    def restart(self, **kw):
        self.stop()
        return self.start(**kw)

    # -- looking -----------------------------------------------------------

    @property
    def log(self):
        return self.process.err.decode("utf-8", "replace") + \
            self.process.out.decode("utf-8", "replace") \
            if self.process else ""

    def mark_log(self):
        """Later looks at the log begin here."""
        loop.turn(time.monotonic())
        self.log_from = len(self.log)

    def log_lines(self, pattern):
        return [x for x in self.log[self.log_from:].splitlines()
                if re.search(pattern, x, re.I)]

    def wait_log(self, pattern, timeout=5):
        return wait(lambda: self.log_lines(pattern), timeout,
                    "a log line with /%s/" % pattern)[0]

    def report(self):
        return "fcsd log, last lines:\n" + "\n".join(
            self.log.splitlines()[-25:])

    def socket(self):
        return str(self.options.get("admin.socket") or
                   self.state / "fcsd.sock")

    def ctl_run(self, *args, timeout=20, socket=None):
        """(exit code, stdout, stderr) of fcsctl."""
        p = Process([fcsctl(), "-S", socket or self.socket(), *args],
                    user=self.uid, group=self.gid,
                    env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
                         **{k: v for k, v in os.environ.items()
                            if k.endswith("SAN_OPTIONS")}})
        code = p.finish(timeout)
        out, err = p.out.decode(), p.err.decode()
        p.kill()
        return code, out, err

    def ctl(self, *args, timeout=20):
        """The JSON objects printed by fcsctl ... --json, as a list."""
        code, out, err = self.ctl_run(*args, "--json", timeout=timeout)
        if code:
            raise CtlFailed(args, code, err)
        return [json.loads(x) for x in out.splitlines() if x.strip()]

    def ctl_one(self, *args, timeout=20):
        rows = self.ctl(*args, timeout=timeout)
        if len(rows) != 1:
            raise AssertionError("%r: %d objects" % (args, len(rows)))
        return rows[0]

    def roles(self):
        """[(pid, role, argv)] of the processes below the supervisor."""
        out = []
        for pid in descendants(self.pid):
            argv = cmdline(pid)
            role = next((a[7:] for a in argv if a.startswith("--role=")), "")
            out.append((pid, role, argv))
        return out

    def gateway(self):
        return next((p for p, r, _ in self.roles() if r == "gateway"), None)

    def worker(self, app, timeout=5):
        """The pid of an application's worker."""
        def look():
            for pid, role, argv in self.roles():
                if role == "worker" and any(
                        re.search(r"(^|[=,:/])%s$" % re.escape(app), a)
                        for a in argv):
                    return pid
        return poll(look, timeout, "the worker of " + app)

    def recordings(self, app, inst="_definst_"):
        return self.state / "apps" / app / "recordings" / inst

    def put_recording(self, app, name, source, inst="_definst_"):
        """Drop a file into the recordings folder, as an operator would."""
        d = self.recordings(app, inst)
        d.mkdir(parents=True, exist_ok=True)
        for p in (d, d.parent, d.parent.parent, d.parent.parent.parent):
            self.own(p)
        to = d / name
        to.parent.mkdir(parents=True, exist_ok=True)
        self.own(to.parent)
        shutil.copyfile(source, to)
        self.own(to)
        return to


# -- /proc -------------------------------------------------------------------

def read_proc(path):
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""


def stat_field(pid, n):
    """Field n (from 3 = state) of /proc/pid/stat, or None."""
    text = read_proc("/proc/%d/stat" % pid)
    if not text:
        return None
    return text[text.rindex(b")") + 2:].split()[n - 3].decode()


def cmdline(pid):
    return read_proc("/proc/%d/cmdline" % pid).decode(
        "utf-8", "replace").rstrip("\0").split("\0")


def exe(pid):
    try:
        return os.readlink("/proc/%d/exe" % pid)
    except OSError:
        return ""


def descendants(pid):
    """Every live process below pid, parents first."""
    children = {}
    for d in os.listdir("/proc"):
        if d.isdigit():
            parent = stat_field(int(d), 4)
            if parent is not None:
                children.setdefault(int(parent), []).append(int(d))
    out, todo = [], [pid]
    while todo:
        for c in sorted(children.get(todo.pop(0), ())):
            if stat_field(c, 3) not in (None, "Z"):
                out.append(c)
                todo.append(c)
    return out


def alive(pid):
    return stat_field(pid, 3) not in (None, "Z")


def sockets(pid):
    """Inodes of the sockets a process holds."""
    out = set()
    try:
        fds = os.listdir("/proc/%d/fd" % pid)
    except OSError:
        return out
    for fd in fds:
        try:
            link = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        except OSError:
            continue
        m = re.fullmatch(r"socket:\[(\d+)\]", link)
        if m:
            out.add(int(m[1]))
    return out


def tcp_inodes(port, state=1):
    """{inode: (local, remote port)} of established connections to port."""
    out = {}
    for name in ("tcp", "tcp6"):
        text = read_proc("/proc/net/" + name).decode()
        for line in text.splitlines()[1:]:
            f = line.split()
            local = int(f[1].rsplit(":", 1)[1], 16)
            remote = int(f[2].rsplit(":", 1)[1], 16)
            if int(f[3], 16) == state and local == port:
                out[int(f[9])] = (local, remote)
    return out


def rss(pid):
    """Resident bytes."""
    m = re.search(rb"VmRSS:\s+(\d+) kB", read_proc("/proc/%d/status" % pid))
    return int(m[1]) * 1024 if m else 0


def cpu(pid):
    """Processor seconds used so far."""
    a, b = stat_field(pid, 14), stat_field(pid, 15)
    return (int(a) + int(b)) / os.sysconf("SC_CLK_TCK") if a else 0.0


def read_bytes(pid):
    """Bytes a process has asked to read (files and sockets): rchar."""
    m = re.search(rb"rchar: (\d+)", read_proc("/proc/%d/io" % pid))
    return int(m[1]) if m else None


