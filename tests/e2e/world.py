#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The outside world of a script: requests to a server of this test's own."""

import hashlib
import http.server
import json
import ssl
import sys
import threading
import os

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403


class Handler(http.server.BaseHTTPRequestHandler):
    """A path is a behaviour; what was asked is kept in server.seen."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, body):
        srv = self.server
        srv.seen.append((self.command, self.path, dict(
            (k.title(), v) for k, v in self.headers.items()), body))
        word, _, rest = self.path[1:].partition("/")
        if word == "size":
            self.reply(200, b"x" * int(rest))
        elif word == "json":
            self.reply(200, b'{"a": [1, 2.5, null, "\xc3\xa9"]}')
        elif word == "status":
            self.reply(int(rest), b"so", X_Word="a", Set_Cookie="c=d")
        elif word == "to":
            self.reply(302, b"", Location="/" + rest)
        elif word == "away":
            self.reply(302, b"", Location=srv.away)
        elif word == "loop":
            self.reply(302, b"", Location="/loop")
        elif word == "kill":
            os.kill(srv.victim, signal.SIGKILL)
            self.close_connection = True
        elif word == "hang":
            srv.hanging.set()
            srv.go.wait(30)
            self.close_connection = True
        elif word == "chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"one ", b"two ", b"three"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        elif word == "endless":
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            try:
                while True:
                    self.wfile.write(b"y" * 65536)
            except OSError:
                pass
        elif word == "early":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
            self.close_connection = True
        else:
            self.reply(200, json.dumps(
                [self.command, self.path, body.decode("latin-1")]).encode())


class Web(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, tls=False):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen, self.away = [], ""
        self.go, self.hanging = threading.Event(), threading.Event()
        self.scheme = "https" if tls else "http"
        if tls:
            ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ctx.load_cert_chain(Path(__file__).with_name("world.pem"))
            self.socket = ctx.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, args=(0.05,),
                         daemon=True).start()
        cleanup(self.end)

    def end(self):
        self.go.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, address):
        pass                            # clients that leave are the point

    def url(self, path=""):
        return "%s://127.0.0.1:%d/%s" % (self.scheme, self.server_port, path)


def world(web, *more, **options):
    """A server whose application may ask `web`, and a client."""
    allow = ", ".join([web.url()] + list(more))
    s = Server({"app.world.http.allow": allow, **options})
    return s, connect(s, "world")


@case
def answers_arrive_whole():
    web = Web()
    s, c = world(web)
    r = c.ask("get", web.url("plain"))
    eq(r["status"], 200.0)
    eq(r["ok"], True)
    eq(json.loads(r["body"]), ["GET", "/plain", ""])
    r = c.ask("get", web.url("status/404"))
    eq((r["status"], r["ok"], r["body"]), (404.0, False, "so"))
    eq(r["headers"]["x-word"], "a")
    eq(c.ask("json", web.url("json"))["a"], [1.0, 2.5, None, "é"])
    eq(c.ask("get", web.url("chunked"))["body"], "one two three")
    eq(c.ask("get", web.url("to/plain"))["status"], 200.0)
    agent = web.seen[0][2]["User-Agent"]
    ok(agent.startswith("fcs/"), agent)


@case
def requests_say_what_they_were_given():
    web = Web()
    s, c = world(web)
    c.ask("query", web.url("q?z=1"), Object({"a b": "c&d", "l": ["1", "2"]}))
    eq(web.seen[-1][1], "/q?z=1&a%20b=c%26d&l=1&l=2")
    c.ask("post_json", web.url("j"), Object(a=1.0, b=["é", None]))
    method, _, headers, body = web.seen[-1]
    eq((method, headers["Content-Type"]), ("POST", "application/json"))
    eq(json.loads(body), {"a": 1, "b": ["é", None]})
    c.ask("post_form", web.url("f"), Object(user="a b", pw="ü&="))
    _, _, headers, body = web.seen[-1]
    eq(headers["Content-Type"], "application/x-www-form-urlencoded")
    eq(body, b"user=a%20b&pw=%C3%BC%26%3D")
    c.ask("post_body", web.url("b"), "text\r\nX: y",
          Object({"content-type": "text/x", "X-Own": "1", "X-None": ""}))
    _, _, headers, body = web.seen[-1]
    eq((headers["Content-Type"], headers["X-Own"]), ("text/x", "1"))
    eq(body, b"text\r\nX: y")
    n = len(web.seen)
    for name, value in (("X", "a\r\nEvil: 1"), ("X", "a\nEvil: 1"),
                        ("X\r\nEvil", "1"), ("X: y", "1"), ("", "1"),
                        ("Host", "evil"), ("content-length", "1"),
                        ("Transfer-Encoding", "chunked"), ("X", "\0")):
        got = c.ask("post_body", web.url("b"), "", Object({name: value}))
        ok(str(got).startswith("FCS::ValueError"), (name, got))
    eq(len(web.seen), n, "nothing was sent")


@case
def only_what_is_allowed_is_asked():
    web, other = Web(), Web()
    web.away = other.url("x")
    s, c = world(web, "http://127.0.0.1:9/api")
    for url in (other.url(), "http://localhost:%d/" % web.server_port,
                "http://user@127.0.0.1:%d/" % web.server_port,
                "http://127.0.0.1:9/apix", "http://127.0.0.1:9/api/../x",
                "http://127.0.0.1:9/", "file:///etc/passwd",
                "ftp://127.0.0.1/", "https://127.0.0.1:%d/" % web.server_port,
                web.url("away"), "", "x"):
        got = c.ask("get", url)
        ok(str(got).startswith("FCS::HttpError: "), (url, got))
    eq(other.seen, [])
    ok("cannot connect" in c.ask("get", "http://127.0.0.1:9/api/x"))
    # nothing is allowed unless somebody says so
    s2 = Server()
    got = connect(s2, "world").ask("get", web.url())
    ok("http.allow" in got, got)


@case
def failures_have_a_class_and_a_reason():
    web, tls = Web(), Web(tls=True)
    s, c = world(web, tls.url(), "http://127.0.0.1:1/", "http://x.invalid/")
    for url, word in ((web.url("early"), "broke off"),
                      (web.url("loop"), "more than 3"),
                      (web.url("size/1048577"), "larger than 1048576"),
                      (web.url("endless"), "larger than 1048576"),
                      (tls.url("plain"), "TLS"),
                      ("http://127.0.0.1:1/", "cannot connect"),
                      ("http://x.invalid/", "no such host")):
        got = c.ask("get", url, timeout=20)
        ok(str(got).startswith("FCS::HttpError: ") and word in got,
           (url, got))
    eq(tls.seen, [])
    eq(c.ask("size", web.url("size/1048576")), 1048576.0)
    eq(c.ask("post_size", web.url("status/200"), 1048576.0), 200.0)
    eq(len(web.seen[-1][3]), 1 << 20)
    got = c.ask("post_size", web.url("status/200"), 1048577.0)
    ok(str(got).startswith("FCS::HttpError: the body"), got)
    got = c.ask("get", web.url("hang"), 0.2)
    ok("no answer within 0.2 s" in got, got)
    eq(c.ask("get", web.url("plain"), 300.0)["status"], 200.0)
    for seconds in (0.0, -1.0, 300.001, 301.0, float("nan")):
        got = c.ask("get", web.url("plain"), seconds)
        ok(str(got).startswith("ArgumentError: timeout"), got)


@case
def a_server_that_hangs_holds_up_nobody():
    web = Web()
    s, c = world(web)
    begun = [c.call("get", web.url("hang"), 30.0) for _ in range(32)]
    poll(lambda: len(web.seen) == 32, 10, "32 requests")
    eq(c.ask("many", web.url("ok"), 1.0),
       [0.0, {"FCS::LimitError": 1.0}])
    for i in range(50):
        eq(c.ask("echo", float(i)), float(i))
    # another instance has its own
    eq(connect(s, "world/b").ask("many", web.url("ok"), 33.0),
       [32.0, {"FCS::LimitError": 1.0}])
    web.go.set()
    for t in begun:
        ok("broke off" in c.result(t))


@case
def an_application_has_so_many_requests_under_way():
    web = Web()
    s, c = world(web, **{"limits.fetches_app": 2})
    c.call("get", web.url("hang"), 30.0)
    connect(s, "world/b").call("get", web.url("hang"), 30.0)
    poll(lambda: len(web.seen) == 2, 5, "two requests")
    got = c.ask("get", web.url("plain"))
    ok(got.startswith("FCS::HttpError: busy"), got)
    web.go.set()
    poll(lambda: not str(c.ask("get", web.url("plain"))).startswith("FCS"),
         5, "room")


@case
def a_request_leaves_after_the_change_it_speaks_of():
    web = Web()
    s, c = world(web)
    eq(c.ask("write_and_post", web.url("n")), 200.0)
    for i in range(2, 4):
        s.dirty = True
        web.victim = s.worker("world")  # killed when the request arrives
        c.tell("write_and_post", web.url("kill"))
        c.wait_closed()
        eq(web.seen[-1][3], b"%d" % i)
        c = connect(s, "world")
        c.object("notes", True).wait_slot("n", float(i))


@case
def an_instance_may_end_while_it_waits():
    web = Web()
    s, c = world(web)
    c.call("get", web.url("hang"), 30.0)
    ok(web.hanging.wait(5))
    c.tell("bye")
    c.wait_closed()
    c = connect(s, "world")
    c.call("get", web.url("hang"), 30.0)
    poll(lambda: len(web.seen) == 2, 5, "the second request")
    c.tell("spin")                      # overruns its time: the VM is lost
    c.wait_closed()
    wait(lambda: s.log_lines("script.lost"), 5, "the log")
    web.go.set()
    c = poll(lambda: try_connect(s), 10, "the instance to come back", 0.2)
    eq(c.ask("get", web.url("plain"))["status"], 200.0)
    c.call("get", web.url("hang"), 30.0)
    s.stop()                            # and the whole server


@case(timeout=60)
def new_code_takes_nothing_from_the_old():
    web = Web()
    s, c = world(web)
    eq(c.ask("early"), True)
    t = c.call("get", web.url("hang"), 30.0)
    ok(web.hanging.wait(5))
    s.ctl("app", "reload", "world")     # waits 5 s for the handler
    got = c.result(t)
    ok(got.startswith("FCS::Timeout: ") and "reloaded" in got, got)
    eq(c.ask("early"), True)
    web.go.set()
    eq(c.ask("get", web.url("plain"))["status"], 200.0)
    eq(c.ask("file/order"), ["12", False])


def try_connect(s):
    try:
        return connect(s, "world")
    except (Refused, Closed):
        return None


# -- files -----------------------------------------------------------------


def tree(s, path=""):
    return s.state / "apps" / "world" / "files" / path


@case
def files_do_what_the_manual_says():
    s = Server()
    c = connect(s, "world")
    eq(c.ask("file/exist", "a"), False)
    eq(c.ask("file/list"), [])
    eq(c.ask("file/write", "a", "hello"), True)
    eq(c.ask("file/append", "a", " you"), True)
    eq(c.ask("file/read", "a"), "hello you")
    eq(c.ask("file/read", "a", 6.0, 2.0), "yo")
    eq(c.ask("file/write", "a", "HE", 0.0), True)
    eq(tree(s, "a").read_bytes(), b"HEllo you")
    eq(c.ask("file/mkdir", "logs/old"), True)
    eq(c.ask("file/mkdir", "logs/old"), False)
    eq(c.ask("file/copy", "a", "logs/b"), True)
    eq(c.ask("file/rename", "logs/b", "logs/old/c"), True)
    eq(c.ask("file/list"), ["a", "logs/", "logs/old/", "logs/old/c"])
    eq(c.ask("file/list", "logs/*"), ["logs/old/"])
    name, size, folder, at = c.ask("file/stat", "a")
    eq((name, size, folder), ("a", 9.0, False))
    ok(abs(at.ms / 1000 - time.time()) < 60, at)
    eq(c.ask("file/delete", "logs/old/c"), True)
    eq(c.ask("file/delete", "logs/old/c"), False)
    eq(c.ask("file/json"), Object(words=["a", "b"]))
    eq(c.ask("file/list", "app:*"), ["app:words.json"])
    eq(c.ask("file/copy", "app:words.json", "w"), True)
    eq(c.ask("file/order"), ["12", False])
    eq(os.stat(tree(s, "a")).st_mode & 0o7777, 0o640)


@case
def refused_names_and_kinds_say_why():
    s = Server({"app.world.files.max": "1M"})
    c = connect(s, "world")
    c.ask("file/write", "a", "x")
    os.symlink("/etc/passwd", tree(s, "link"))
    for path, code in (("../x", "name"), ("/etc/passwd", "name"),
                       ("a/../b", "name"), ("", "name"), ("a\\b", "name"),
                       ("a\0b", "name"), ("app:../main.rb", "name"),
                       ("none", "not_found"), ("no/ne", "not_found"),
                       ("link", "kind"), ("a/b", "kind")):
        got = c.ask("file/read", path)
        eq(got[0], code, path)
        ok(got[1].startswith(path.split("\0")[0]), got)
        if code in ("name", "kind"):
            eq(c.ask("file/write", path, "x")[0], code, path)
    eq(c.ask("file/write", "app:x", "x")[0], "name")
    eq(c.ask("file/big", "b", float(1 << 20))[0], "quota")
    eq(c.ask("file/big", "b", float((1 << 20) - 1 - tree_size(s))), True)
    eq(c.ask("file/append", "b", "x"), True)
    ok("files.max" in c.ask("file/append", "b", "xy")[1])
    for got in (c.ask("file/write", "a", 5.0), c.ask("file/write", "a", None)):
        ok(str(got).startswith("FCS::ValueError"), got)
    for at in (-1.0, 1.5, float("nan")):
        ok(str(c.ask("file/write", "a", "x", at)).startswith("ArgumentError"))


def tree_size(s):
    return sum(p.stat().st_size for p in tree(s).rglob("*")
               if p.is_file() and not p.is_symlink())


@case
def what_does_not_fit_into_the_script_is_a_failure_not_its_end():
    s = Server({"app.world.script.memory": "4M"})
    c = connect(s, "world")
    c.ask("file/write", "a", "x")
    tree(s, "a").write_bytes(b"y" * (3 << 20))
    eq(c.ask("file/size", "a"), float(3 << 20))
    eq(c.ask("file/size", "a"), float(3 << 20))     # the garbage is gone
    tree(s, "a").write_bytes(b"y" * (5 << 20))
    got = c.ask("file/size", "a")
    eq(got[0], "too_big")
    ok("script.memory" in got[1], got)
    tree(s, "a").write_bytes(b"y" * (17 << 20))
    got = c.ask("file/size", "a")
    ok(got[0] == "too_big" and "in parts" in got[1], got)
    eq(c.ask("file/read", "a", 100.0, 3.0), "yyy")
    eq(c.ask("echo", 1.0), 1.0)


@case
def an_instance_has_so_many_operations_under_way():
    s = Server()
    c = connect(s, "world")
    eq(c.ask("file/exist", "many"), False)      # what began at start is over
    eq(c.ask("file/many", 64.0), [64.0, None])
    poll(lambda: c.ask("file/exist", "many") is True, 5, "room")
    got = c.ask("file/many", 65.0)
    eq(got[0], 64.0)
    ok("limit" in got[1], got)


@case
def bytes_that_wait_to_be_written_are_limited():
    s = Server({"limits.files_queue": "1M"})
    c = connect(s, "world")
    eq(c.ask("file/big", "a", 1048575.0), True)
    eq(c.ask("file/big", "a", 1048576.0), True)
    got = c.ask("file/big", "a", 1048577.0)
    eq(got[0], "busy")
    eq(c.ask("file/size", "a"), 1048576.0)


@case(timeout=60)
def a_kill_takes_back_nothing_that_was_told():
    s = Server()
    for round in range(2):
        c = connect(s, "world")
        told = [0.0]
        calls = [c.call("file/count") for _ in range(40)]
        told.append(c.result(calls[10 + round]))
        s.dirty = True
        os.kill(s.worker("world"), signal.SIGKILL)
        c.wait_closed()
        lines = tree(s, "count").read_text().rstrip(";").split(";")
        numbers = [int(n) for n in lines if n]
        ok(max(told) <= max(numbers), (told, numbers[-3:]))
        c = connect(s, "world")
        # what the file speaks of was durable before it was written
        r = c.object("notes", True)
        ok(r.slots["file"] >= max(numbers), (r.slots, numbers[-3:]))


@case
def a_lost_script_leaves_whole_files():
    s = Server()
    c = connect(s, "world")
    other = connect(s, "world/b")
    c.tell("file/spin")
    c.wait_closed()
    eq(other.ask("echo", 1.0), 1.0)
    sizes = poll(lambda: len(list(tree(s).glob("spin*"))) == 20 and
                 {p.stat().st_size for p in tree(s).glob("spin*")}, 5,
                 "what was asked for is done")
    eq(sizes, {100000})
    eq(other.ask("file/size", "spin19"), 100000.0)


@case
def the_last_words_of_an_instance_are_written():
    s = Server()
    c = connect(s, "world")
    c.ask("leave_a_note")
    s.stop()
    eq(tree(s, "stopped").read_text(), "shutdown")


@case
def secrets_come_from_files_and_the_environment():
    s = Server(start=False, env={"WORLD_KEY": "from env", "WORLD_NONE": ""})
    key = s.tmp / "key"
    key.write_bytes(b"from file\r\n")
    s.own(key)
    os.mkfifo(s.tmp / "pipe", 0o644)
    (s.tmp / "long").write_bytes(b"x" * 65537)
    (s.tmp / "full").write_bytes(b"x" * 65536)
    (s.apps / "world" / "near").write_text("beside main.rb")
    s.app("world", yaml="secrets:\n" + "".join(
        "  %s: %s\n" % x for x in {
            "env": "env:WORLD_KEY", "unset": "env:WORLD_NO",
            "none": "env:WORLD_NONE", "file": "file:%s" % key,
            "near": "file:near", "gone": "file:/nowhere",
            "pipe": "file:%s/pipe" % s.tmp, "long": "file:%s/long" % s.tmp,
            "full": "file:%s/full" % s.tmp, "odd": "word"}.items()))
    s.start()
    c = connect(s, "world")
    for name, value in (("env", b"from env"), ("file", b"from file"),
                        ("near", b"beside main.rb"), ("full", b"x" * 65536)):
        eq(c.ask("secret", name), hashlib.sha256(value).hexdigest(), name)
    for name in ("unset", "none", "gone", "pipe", "long", "odd", "nobody"):
        got = str(c.ask("secret", name))
        ok(got.startswith("FCS::NotFound: secret %s: " % name), got)
        ok("from" not in got and str(s.tmp) not in got, got)
    ok("from env" not in s.log and "from file" not in s.log)


@case
def a_worker_started_again_gives_other_numbers():
    s = Server()
    seen = [tuple(connect(s, "world/i%d" % i).ask("numbers"))
            for i in range(3)]
    eq(len(set(seen)), 3, seen)


@case
def fields_of_a_log_line_cannot_be_forged():
    s = Server()
    c = connect(s, "world")
    c.ask("log", "a", "ip", "1 level=error\nx script.log text=fake")
    line = s.wait_log("script.log.*text=a ")
    ok('ip="1 level=error\\nx script.log text=fake"' in line, line)
    c.ask("log", "b", "in st=\n", "x")
    line = s.wait_log("script.log.*text=b ")
    ok(line.endswith("in_st__=x"), line)


@case
def dev_allows_this_machine_only():
    web = Web()
    s = Server(args=["--dev"])
    c = connect(s, "world")
    eq(c.ask("get", web.url("plain"))["status"], 200.0)
    got = c.ask("get", "http://192.0.2.1/")
    ok("http.allow" in got, got)
    got = c.ask("get", "http://localhost.example/")
    ok("http.allow" in got, got)


tap.main()
