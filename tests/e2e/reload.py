#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""fcsctl app reload, and reload on save: new code, the clients stay."""

import os
import sys

sys.dont_write_bytecode = True
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from lib.all import *       # noqa: E402,F401,F403

MAIN = """
class Room < FCS::App
  presence(:users) { |c| { "name" => c.user } }
  shared :board, persistent: true
  shared :plain
  allow(:publish) { true }
  on(:start)    { @n = 0; @version = VERSION }
  on(:handover) { { "n" => @n } }
  on(:reload)   { |s| @n = s["n"]; @version = VERSION }
  on(:connect)  { |c, name = nil, *| c.user = name; c[:joined] = clients.size }
  on(:disconnect) { |c| @left = [c.user, c[:joined]] }
  expose(:inc)     { |c| @n += 1 }
  expose(:version) { |c| @version }
  expose(:me)      { |c| [c.user, c[:joined], c.id, c.args] }
  expose(:left)    { |c| @left }
  expose(:slow)    { |c, s| sleep s; @n += 100; "slept" }
  expose(:users)   { |c| [presence(:users).users, shared(:users).version] }
  expose(:ask)     { |c| c.call(:question).await(timeout: 30) }
end
"""


def main(version):
    return MAIN.replace("VERSION", str(version))


def room(**kw):
    s = Server(apps=[], **kw)
    s.app("room", main(1))
    return s


def guest(s, name, app="room"):
    return Client(s.rtmp).connect(app, name)


def begin(s, *args):
    """A command of fcsctl, not waited for."""
    p = Process([server.fcsctl(), "-S", s.socket(),
                 *(args or ("app", "reload", "room"))],
                user=s.uid, group=s.gid)
    cleanup(p.kill)
    return p


def reload(s, *args):
    rows = s.ctl("app", "reload", "room", *args)
    return [r for r in rows if "where" in r]


def kept(s, pattern):
    code, out, err = s.ctl_run("app", "reload", "room")
    eq(code, 1, out + err)
    ok(re.search(pattern, err), err)
    ok("the old code goes on" in err, err)


@case
def clients_stay_and_run_the_new_code():
    s = room()
    a, b = guest(s, "ann"), guest(s, "bob")
    eq([a.ask("inc"), b.ask("inc")], [1.0, 2.0])
    me = b.ask("me")
    s.app("room", main(2))
    row = reload(s)[0]
    eq([row["where"], row["result"], row["clients"]],
       ["room/_definst_", "reloaded", 2])
    eq([a.ask("version"), a.ask("inc")], [2.0, 3.0])
    eq(b.ask("me"), me)
    b.close()
    poll(lambda: a.ask("left") == ["bob", 1.0], what="bob to leave")
    eq([a.statuses, a.closed], [[], None])


@case
def calls_in_flight_are_answered_once_and_in_order():
    """A thousand calls under way while the code changes ten times."""
    s = room()
    clients = [guest(s, "u%d" % i) for i in range(10)]
    calls, p = [], None
    for n in range(100):
        if n % 10 == 5:
            p = begin(s)
        calls += [(c, c.call("inc")) for c in clients]
        loop.run_for(0.001)
        if n % 10 == 9:
            eq(p.finish(), 0)
    got = [c.result(t) for c, t in calls]
    eq(sorted(got), [float(i) for i in range(1, 1001)])
    for c in clients:
        mine = [v for (k, _), v in zip(calls, got) if k is c]
        eq(mine, sorted(mine))


@case
def a_handler_that_waits_ends_first_and_others_wait_for_it():
    s = room()
    a, b = guest(s, "ann"), guest(s, "bob")
    t = a.call("slow", 0.5)
    a.ask("inc")
    s.app("room", main(2))
    p = begin(s)
    poll(lambda: s.ctl_one("inst", "list")["state"] == "reloading")
    u = b.call("version")
    c = Client(s.rtmp)
    c.begin_connect("room", "cec")
    eq(a.result(t), "slept")
    eq(b.result(u), 2.0)
    c.end_connect()
    eq(p.finish(), 0)
    eq(a.ask("inc"), 102.0)
    eq(c.ask("users")[0], ["ann", "bob", "cec"])


@case
def answers_of_clients_reach_the_old_code():
    s = room()
    a = guest(s, "ann")
    a.on["question"] = lambda *_: Mute
    t = a.call("ask")
    a.wait_command("question")
    p = begin(s)
    txn = a.wait_command("question")[1]
    loop.run_for(0.2)
    eq(p.code, None)
    a.command("_result", txn, "late but there")
    eq(a.result(t), "late but there")
    eq(p.finish(), 0)


@case
def after_five_seconds_waiting_is_over():
    s = room()
    a = guest(s, "ann")
    t = a.call("slow", 60)
    began = time.monotonic()
    eq(reload(s)[0]["result"], "reloaded")
    ok(time.monotonic() - began > 4.9)
    try:
        a.result(t)
        ok(False, "answered")
    except CallFailed as e:
        ok("Script error (ref" in str(e), str(e))
    eq(len(s.log_lines("the application is being reloaded")), 1)


@case
def streams_lose_no_frame_while_published_played_recorded():
    s = room()
    pub, sub = guest(s, "pub"), guest(s, "sub")
    tags = media.synthetic(seconds=3)
    viewer = sub.stream().play("cam", -1, wait_start=False)
    live = pub.stream().publish("cam", "record")
    viewer.wait_status("NetStream.Play.Start")
    feeder = live.feed_live(tags)
    for i in range(8):
        s.app("room", main(i))
        reload(s)
        loop.run_for(0.2)
    wait(lambda: feeder.done, 10)
    last = [t for t in tags if t.type == 9][-1].ts
    viewer.client.wait(lambda: any(t.type == 9 and t.ts >= last
                                   for t in viewer.tags), 5, "the last frame")
    want = [(t.type, t.data) for t in tags]
    got = [(t.type, t.data) for t in viewer.tags]
    eq([x for x in want if x[0] == 9], [x for x in got if x[0] == 9])
    eq([x for x in want if x[0] == 8][:-2],
       [x for x in got if x[0] == 8][:len([x for x in want if x[0] == 8]) - 2])
    live.unpublish()
    rec = sub.stream().play_all("cam")
    eq([t.data for t in rec if t.type == 9], [x[1] for x in want if x[0] == 9])


@case
def writers_of_shared_objects_lose_nothing():
    s = room()
    a, b = guest(s, "ann"), guest(s, "bob")
    board, plain = a.object("board", True), a.object("plain")
    board2, plain2 = b.object("board", True), b.object("plain")
    slow = b.call("slow", 1.0)
    p = begin(s)
    want = {}
    for i in range(200):
        want["k%d" % i] = float(i)
        board.set_all({"k%d" % i: i})
        plain2.set_all({"k%d" % i: i})
        loop.run_for(0.005)
    eq(p.finish(), 0)
    eq(b.result(slow), "slept")
    board2.wait_slots(want)
    plain.wait_slots(want)
    board.wait_slots(want)
    plain2.wait_slots(want)


@case
def presence_does_not_flicker():
    s = room()
    a, b = guest(s, "ann"), guest(s, "bob")
    users = a.object("users")
    users.wait_slots({"ann": {"name": "ann"}, "bob": {"name": "bob"}})
    before = a.ask("users")
    n = len(users.codes)
    for i in range(5):
        s.app("room", main(i))
        reload(s)
    eq(a.ask("users"), before)
    eq(len(users.codes), n)
    b.close()
    wait(lambda: "bob" not in users.slots, 5, "bob to leave")


@case(timeout=60)
def broken_code_keeps_the_old_one():
    s = room()
    a = guest(s, "ann")
    a.object("board", True).set_all({"x": 1})
    a.ask("inc")
    bad = {
        "class Room < FCS::App\n  on(:start) {\nend\n": r"main\.rb:3",
        "class Room < FCS::App\n  on(:conect) { }\nend\n":
            r"main\.rb:2: unknown event :conect, did you mean :connect\?",
        "class Room < FCS::App\n  allow(:plya) { }\nend\n":
            r"did you mean :play\?",
        "class Room < FCS::App\n  shared :board\nend\n":
            r"board is declared temporary",
        "class Room < FCS::App\n  def clients = 1\nend\n": "reserved",
        "class Room < FCS::App\n  expose :nix\nend\n": "no method nix",
        "class A < FCS::App; end\nclass B < FCS::App; end\n": r"main\.rb:2",
        "load 'lib/nix'\n": "there is no lib/nix.rb",
        "raise 'no'\n": r"main\.rb:1: no",
        "loop { }\n": "ran longer than",
        "x = []\nloop { x << 'y' * 9999 }\n": "needed more than",
        "puts 1\n": "no class below FCS::App",
        "\0": r"main\.rb|class below",
        "\xff\xfe": r"main\.rb|class below",
        "class Room < Nope; end\n": r"main\.rb:1",
        "eval '1'\n": r"main\.rb:1",
        "File.open('/etc/passwd')\n": r"main\.rb:1",
        "class Room < FCS::App\n every(0.001) { }\nend\n": "0.01",
        "class Room < FCS::App\n on(:start)\nend\n": "needs a block",
        "class Room < FCS::App\n shared :x, persistant: 1\nend\n":
            "did you mean :persistent",
    }
    for i, (code, pattern) in enumerate(bad.items()):
        s.app("room", code)
        kept(s, pattern)
        eq(a.ask("inc"), float(i + 2))
    s.app("room", main(2))
    (s.apps / "room" / "main.rb").unlink()
    kept(s, "main.rb is not there")
    s.app("room", main(3), "script:\n  tine: 1\n")
    code, _, err = s.ctl_run("app", "reload", "room")
    eq(code, 1)
    ok(re.search(r'app\.yaml:2:3: unknown key "tine" .did you mean',
                 err), err)
    s.app("room", yaml="script:\n  time: 60ms\n  memory: 8M\n")
    rows = s.ctl("app", "reload", "room")
    eq([r["key"] for r in rows if "key" in r], ["script.memory"])
    eq([a.ask("version"), a.closed], [3.0, None])


@case
def app_yaml_is_read_again():
    s = Server(apps=[])
    s.app("room", "class Room < FCS::App\n"
          "  expose(:config) { |c| config }\nend\n", "config: {x: 1}\n")
    a = guest(s, "ann")
    eq(a.ask("config"), {"x": 1.0})
    s.app("room", yaml="config: {x: 2}\nmax_clients: 1\n")
    reload(s)
    eq(a.ask("config"), {"x": 2.0})
    eq(Client(s.rtmp).refused("room")["code"],
       "NetConnection.Connect.Rejected")


@case
def full_disconnects_and_the_next_connect_loads():
    s = room()
    a, b = guest(s, "ann"), guest(s, "bob", "room/other")
    s.app("room", main(2))
    eq([r["result"] for r in reload(s, "--full")], ["stopped"] * 2)
    for c in (a, b):
        c.wait_closed()
        eq(c.statuses[-1]["code"], "NetConnection.Connect.AppShutdown")
    eq(guest(s, "ann").ask("version"), 2.0)
    eq(guest(s, "ann", "room/other").ask("inc"), 1.0)


@case
def one_instance_or_all():
    s = room()
    a, b = guest(s, "ann"), guest(s, "bob", "room/blue")
    s.app("room", main(2))
    rows = s.ctl("app", "reload", "room/blue")
    eq([r["where"] for r in rows], ["room/blue"])
    eq([a.ask("version"), b.ask("version")], [1.0, 2.0])
    eq(len(reload(s)), 2)
    eq(a.ask("version"), 2.0)
    eq(s.ctl_run("app", "reload", "room/nope")[0], 4)
    eq(s.ctl_run("app", "reload", "nope")[0], 4)
    eq(s.ctl_run("app", "reload")[0], 2)


@case
def while_starting_and_while_stopping():
    s = Server(apps=[])
    code = ("class Room < FCS::App\n  on(:start) { sleep 0.5; @v = %d }\n"
            "  on(:stop) { |why| sleep 0.5 }\n"
            "  expose(:v) { |c| @v }\nend\n")
    s.app("room", code % 1)
    a = Client(s.rtmp)
    a.begin_connect("room")
    poll(lambda: s.ctl("inst", "list", "room"), what="the start")
    s.app("room", code % 2)
    eq(reload(s)[0]["result"], "reloaded")
    a.end_connect()
    eq(a.ask("v"), 2.0)
    p = begin(s, "inst", "stop", "room")
    poll(lambda: s.ctl("inst", "list", "room")[0]["state"] ==
                 "stopping", what="the stop")
    s.app("room", code % 3)
    eq(reload(s)[0]["result"], "idle")
    eq(p.finish(), 0)
    a.wait_closed()
    eq(Client(s.rtmp).connect("room").ask("v"), 3.0)


@case
def a_failed_start_is_tried_again_at_once():
    s = Server(apps=[])
    s.app("room", "nope\n")
    eq(Client(s.rtmp).refused("room")["code"], "NetConnection.Connect.Failed")
    s.app("room", main(1))
    eq(Client(s.rtmp).refused("room")["code"], "NetConnection.Connect.Failed")
    eq(reload(s)[0]["result"], "idle")
    eq(guest(s, "ann").ask("version"), 1.0)


PEERS = """
class Near < FCS::App
  on(:start)    { dial }
  on(:reload)   { |s| dial }
  expose(:ask)  { |c, s| @far.call(:late, s).await(timeout: 30) }
  expose(:open) { |c| @far.open? }
  def dial = @far = peer("rtmp:/far/x")
end
"""
FAR = """
class Far < FCS::App
  on(:start)     { @seen = 0 }
  on(:accepted)  { |c| @seen += 1 }
  expose(:late)  { |c, s| sleep s; "late" }
  expose(:count) { |c| [clients.size, @seen] }
end
"""


@case
def peers_end_with_the_code_and_what_waits_for_them_is_answered():
    s = Server(apps=[])
    s.app("room", PEERS)
    s.app("far", FAR)
    a, far = guest(s, "ann"), Client(s.rtmp).connect("far/x")
    poll(lambda: a.ask("open"), what="the peer")
    t = a.call("ask", 0.5)
    loop.run_for(0.1)
    eq(reload(s)[0]["result"], "reloaded")
    eq(a.result(t), "late")
    poll(lambda: a.ask("open"), what="the next peer")
    poll(lambda: far.ask("count") == [2.0, 3.0], what="the old peer to leave")
    eq(a.ask("ask", 0), "late")


@case
def what_a_client_wrote_before_it_left_is_there():
    s = room()
    a, b = guest(s, "ann"), guest(s, "bob")
    plain, mine = a.object("plain"), b.object("plain")
    slow = a.call("slow", 0.5)
    p = begin(s)
    loop.run_for(0.1)
    t = b.call("inc")
    mine.set_all({"x": 1})
    b.flush()
    b.close()
    ok(t)
    eq([a.result(slow), p.finish()], ["slept", 0])
    plain.wait_slots({"x": 1.0})
    eq(a.ask("inc"), 102.0)


def answers(c):
    """How often each call of a client was answered."""
    n = {}
    for m in c.messages:
        if m.type == 20:
            name, txn = amf0.decode(m.payload)[:2]
            if name in ("_result", "_error"):
                n[txn] = n.get(txn, 0) + 1
    return n


@case(timeout=90)
def everything_at_once_loses_and_doubles_nothing():
    """Calls, waits, writes, comings and goings while the code changes all the
    time, often to what does not load."""
    s = room()
    rnd = random.Random(7)
    clients = [guest(s, "u%d" % i) for i in range(12)]
    boards = {c: c.object("plain") for c in clients}
    calls, gone, want, running = [], 0, {}, None
    until = time.monotonic() + 6 * SLOW
    n = 0
    while time.monotonic() < until:
        n += 1
        c = rnd.choice(clients)
        what = rnd.random()
        if what < 0.5:
            calls.append((c, c.call("inc"), "inc"))
        elif what < 0.6:
            calls.append((c, c.call("slow", rnd.random() * 0.2), "slow"))
        elif what < 0.9:
            want["k%d" % n] = float(n)
            boards[c].set_all({"k%d" % n: n})
        elif what < 0.93:
            boards.pop(c)
            clients.remove(c)
            calls = [x for x in calls if x[0] is not c]
            c.flush()
            c.close()
            gone += 1
            c = guest(s, "v%d" % n)
            clients.append(c)
            boards[c] = c.object("plain")
        if running is None and rnd.random() < 0.2:
            s.app("room", rnd.choice([main(n), main(n), "class", "nope\n"]))
            running = begin(s)
        elif running is not None and running.code is not None:
            running = None
        loop.run_for(0.002)
    if running is not None:
        running.finish()
    done = {"inc": 0, "slow": 0}
    for c, t, name in calls:
        c.result(t, 10)
        done[name] += 1
    loop.run_for(0.1)
    for c in clients:
        eq([t for t, k in answers(c).items() if k != 1], [])
        boards[c].wait_slots(want)
    row = s.ctl_one("inst", "list")
    note("%d reloads, %d calls, %d waits, %d slots, %d clients left" %
         (row["reloads"], done["inc"], done["slow"], len(want), gone))
    eq([row["clients"], row["overruns"]], [12, 0])
    eq(sorted(clients[0].ask("users")[0]),
       sorted(c.ask("me")[0] for c in clients))


# -- on save, with --dev ---------------------------------------------------

def by_rename(path, text):
    """As editors do: beside it, then onto its name."""
    new = path.with_name(".%s.swp" % path.name)
    new.write_text(text)
    new.replace(path)


def by_backup(path, text):
    """As other editors do: the old one is moved away first."""
    path.rename(path.with_name(path.name + "~"))
    path.write_text(text)


def version_is(c, n):
    poll(lambda: c.ask("version") == n, 10, "version %s" % n)


@case
def a_save_is_enough_with_dev():
    s = room(args=["--dev"])
    d = s.apps / "room"
    a = guest(s, "ann")
    a.ask("inc")
    for n, save in enumerate((Path.write_text, by_rename, by_backup), 2):
        save(d / "main.rb", main(n))
        version_is(a, n)
    s.wait_log("app.reload .*name=room cause=saved instances=1")
    eq([a.ask("inc"), a.closed], [2.0, None])


@case
def a_broken_save_says_where_and_the_next_one_heals():
    s = room(args=["--dev"])
    d = s.apps / "room"
    a = guest(s, "ann")
    (d / "main.rb").write_text("class Room < FCS::App\n  on(:conect) { }\n"
                               "end\n")
    s.wait_log(r"instance.reload .*result=kept why=.main.rb:2: unknown event "
               r":conect, did you mean :connect")
    eq(a.ask("version"), 1.0)
    (d / "main.rb").write_text(main(2))
    version_is(a, 2.0)
    (d / "app.yaml").write_text("scrip: 1\n")
    s.wait_log(r"app.reload .*app\.yaml:1:1: unknown key")
    (d / "app.yaml").unlink()
    (d / "main.rb").write_text(main(3))
    version_is(a, 3.0)
    eq(a.closed, None)


@case
def new_files_and_folders_of_lib_are_watched():
    s = room(args=["--dev"])
    d = s.apps / "room"
    lib = s.tmp / "shared"
    lib.mkdir()
    a = guest(s, "ann")
    (d / "lib").mkdir()
    (d / "lib" / "v.rb").write_text("V = 5\n")
    (d / "main.rb").write_text('load "lib/v"\n' + main("V"))
    version_is(a, 5)
    by_rename(d / "lib" / "v.rb", "V = 6\n")
    version_is(a, 6)
    (d / "lib" / "deep").mkdir()
    (d / "lib" / "deep" / "w.rb").write_text("W = 7\n")
    (d / "lib" / "v.rb").write_text('load "lib/deep/w"\nV = W\n')
    version_is(a, 7)
    (d / "lib" / "deep" / "w.rb").write_text("W = 8\n")
    version_is(a, 8)
    (d / "app.yaml").write_text("script:\n  path: [%s]\n" % lib)
    (lib / "x.rb").write_text("X = 9\n")
    (d / "main.rb").write_text('load "x"\n' + main("X"))
    version_is(a, 9)
    (lib / "x.rb").write_text("X = 10\n")
    version_is(a, 10)


@case
def one_save_is_one_reload_and_only_with_dev():
    s = room(args=["--dev"])
    d = s.apps / "room"
    a = guest(s, "ann")
    for n in range(2, 12):              # within the pause after a save
        (d / "main.rb").write_text(main(n))
    version_is(a, 11)
    (d / ".main.rb.swp").write_text("x")
    (d / "main.rb~").write_text("x")
    (d / "notes.txt").write_text("x")
    loop.run_for(0.3)
    ok(s.ctl_one("inst", "list")["reloads"] < 8)
    p = room()
    b = guest(p, "bob")
    (p.apps / "room" / "main.rb").write_text(main(2))
    loop.run_for(0.3)
    eq(b.ask("version"), 1.0)
    eq(p.ctl_one("inst", "list")["reloads"], 0)


@case(timeout=60)
def a_hundred_reloads_cost_no_memory():
    s = room()
    a = guest(s, "ann")
    pid = s.worker("room")

    def many(n):
        for i in range(n):
            s.app("room", main(i))
            reload(s)
            a.ask("inc")
        return server.rss(pid)
    first = many(20)
    last = many(100)
    note("resident after 20 reloads %.1f MiB, after 120 %.1f MiB" %
         (first / 2**20, last / 2**20))
    if SLOW == 1:           # a sanitizer keeps what is freed, finds leaks
        ok(last < first + (2 << 20), "%d -> %d" % (first, last))
    eq(a.ask("inc"), 121.0)


tap.main()
