# SPDX-License-Identifier: BSD-2-Clause
# The classes of the API, one client connected as c1 with ("first", 2).
load "lib/check"

class ApiTest < FCS::App
  extend Check::Words
  include Check::Asserts

  presence(:people) { |c| { "name" => c.user, "hand" => c[:hand] } }
  shared(:board, persistent: true) { |c, slot, v| slot == "mine" }
  shared "rooms/*"

  on(:start)    { @started = true }
  on(:connect) do |c, word = nil, n = nil, *|
    @seen = [word, n, c.state, c.open?, clients.size]
    c.user = "ann"
  end
  on(:accepted) { |c| @accepted = [c.id, c.accepted?, clients.size, presence(:people).key?("ann")] }

  test("life") do |c|
    assert @started
    assert_equal ["first", 2, :pending, true, 0], @seen
    assert_equal ["c1", true, 1, true], @accepted
  end

  test("names") do
    assert_equal "test/_definst_", name
    assert_equal "test", app_name
    assert_equal "_definst_", inst_name
    assert server.start_with?("fcs/"), server
    assert_equal({}, config)
    assert config.frozen?
    assert uptime > 0
  end

  test("client members") do |c|
    assert_equal "c1", c.id
    assert_equal "ann", c.user
    assert_equal "127.0.0.1", c.ip
    assert_equal 4711, c.port
    assert_equal "rtmp", c.protocol
    assert_equal false, c.secure?
    assert_equal "LNX 9,0,124,2", c.agent
    assert_equal "http://example.org/page.html", c.referrer
    assert_equal "http://example.org/", c.page_url
    assert_equal "rtmp://localhost/test", c.uri
    assert_equal({ "a" => "1", "b" => "x y", "c" => "" }, c.query)
    assert_equal ["first", 2], c.args
    assert_equal 0, c.amf
    assert_equal :accepted, c.state
    assert c.connected_at.is_a?(Time)
    assert c.equal?(client("c1"))
    assert_equal nil, client("nobody")
    assert_equal [c], clients
  end

  test("attributes") do |c|
    c[:x] = 1
    assert_equal 1, c["x"]
    assert c.key?(:x)
    c["x"] = nil
    assert !c.key?(:x)
    c[:obj] = self                                   # kept here, has no copy outside
    assert_equal self, c[:obj]
    c[:obj] = nil
    assert_equal({}, c.attributes)
  end

  test("user is bounded") { |c| assert_raises(ArgumentError) { c.user = "x" * 256 } }

  test("access") do |c|
    c.read_access = ["a", "b/c"]
    assert_equal ["a", "b/c"], c.read_access
    c.write_access = "x;y"
    assert_equal ["x", "y"], c.write_access
    c.read_access = c.write_access = ["/"]
  end

  test("tell and broadcast") do |c|
    assert_equal true, c.tell(:hi, 1, "two")
    assert_equal 1, broadcast(:all, nil)
    assert_equal 0, broadcast(:none) { |x| x.user == "bob" }
  end
  test("bad values are told before anything is sent") do |c|
    assert_raises(FCS::ValueError, "2^53") { c.tell(:x, 1 << 60) }
    assert_raises(FCS::ValueError, "UTF-8") { c.tell(:x, "\xff") }
    assert_raises(FCS::ValueError, "form") { c.tell(:x, self) }
    assert_raises(FCS::ValueError, "Hash key") { c.tell(:x, { 1.5 => 1 }) }
    assert_raises(FCS::ValueError, "one text") { c.tell(:x, { "1" => 1, 1 => 2 }) }
    assert_raises(FCS::ValueError, "32 deep") { a = []; 40.times { a = [a] }; c.tell(:x, a) }
    assert_raises(FCS::ValueError, "65536") { c.tell(:x, [0] * 70_000) }
  end

  test("client expose wins") do |c|
    c.expose(:own) { |me, x| [me.id, x] }
    expose(:own) { |me, x| "instance" }
    assert FCS::Core.exposed?("own")
    c.hide(:own)
    hide(:own)
    assert !FCS::Core.exposed?("own")
  end
  test("names that cannot be exposed") do |c|
    %w[connect play _x @y |z onStatus].each { |n| assert_raises(ArgumentError) { expose(n) {} } }
    c.expose(:_checkbw) {}
  end

  # --- shared objects ---

  test("slots") do
    so = shared(:board)
    assert so.persistent?
    v = so.version
    so["a"] = { "x" => [1, 2] }
    assert_equal({ "x" => [1, 2] }, so[:a])
    assert_raises(FrozenError) { so[:a]["x"] << 3 }
    assert_equal 1, so.size
    assert_equal ["a"], so.keys
    assert so.key?(:a)
    assert_equal 7, so.fetch(:nope, 7)
    assert_equal nil, so[:nope]
    so.update(:a) { |h| h["y"] = 1; h }
    assert_equal({ "x" => [1, 2], "y" => 1 }, so[:a])
    sleep 0.05                                       # the commit
    assert so.version > v, so.version.to_s
    assert_equal 1, so.increment(:n)
    assert_equal 3, so.increment(:n, 2)
    assert_raises(FCS::ValueError) { so.increment(:a) }
    assert_equal({ "a" => { "x" => [1, 2], "y" => 1 }, "n" => 3 }, so.to_h)
    seen = []
    so.each { |k, x| seen << k }
    assert_equal %w[a n], seen
    assert_equal 3, so.delete(:n)
    assert_equal nil, so.delete(:n)
    so[:a] = nil
    assert so.empty?
    assert_equal true, so.clear
    assert_equal true, so.tell(:hello, 1)
  end
  test("transactions") do
    so = shared("rooms/x")
    assert !so.persistent?
    v = so.version
    assert_equal :value, so.transaction { |t| t[:a] = 1; t[:b] = 2; assert_equal(1, t[:a]); :value }
    assert_equal v + 1, so.version
    assert_raises(RuntimeError) { so.transaction { |t| t[:a] = 5; raise "no" } }
    assert_equal 1, so[:a]
    assert_raises(RuntimeError) { so.transaction { so.transaction { so[:a] = 6 }; raise "outer" } }
    assert_equal 1, so[:a]
    so.transaction { so.transaction { so[:a] = 7 } }
    assert_equal 7, so[:a]
  end
  test("wrong persistence") do
    shared(:board)
    assert_raises(FCS::StoreError) { shared(:board, persistent: false) }
  end
  test("undeclared") do
    assert_equal "own", (shared(:free)[:x] = "own")
    assert_raises(ArgumentError) { shared(:free, persistant: true) }
  end
  test("presence") do |c|
    assert_equal ["ann"], presence(:people).users
    assert_equal [c], presence(:people).clients("ann")
    assert_equal({ "ann" => { "name" => "ann", "hand" => nil } }, shared(:people).to_h)
    c[:hand] = true
    assert presence(:people).refresh(c)
    assert_equal true, shared(:people)["ann"]["hand"]
    assert_raises(FCS::NotFound) { presence(:nobody) }
  end

  # --- streams ---

  test("streams") do
    s = stream(:cam)
    assert_equal "cam", s.name
    assert_equal false, s.live?
    assert_equal nil, s.publisher
    assert_equal({}, s.query)
    assert_equal nil, s.metadata
    assert_equal false, s.tell(:x)
    assert_equal false, s.close
    assert_equal 0, s.viewers
  end

  # --- world ---

  test("text") do
    assert_equal "abc", Text.clip("abcdef", 3)
    assert_equal "äö", Text.clip("äöü", 2)
    assert_equal "ab", Text.clip("a\x01b\n\x7f")
    assert_equal "ab", Text.clip("a\xffb")
    assert_equal "", Text.clip(nil)
    assert_equal "12", Text.clip(12)
    assert_equal "", Text.clip("abc", 0)
    assert_equal 3, Text.length("äöü")
    assert Text.valid?("ä")
    assert !Text.valid?("\xc3")
    assert_equal "a\nb", Text.scrub("a\n\xffb")
    assert Text.glob?("cam/*", "cam/1")
    assert !Text.glob?("cam/*", "cam/1/2")
    assert Text.glob?("cam/**", "cam/1/2")
    assert Text.glob?("**", "x/y")
    assert Text.glob?("*.flv", "a.flv")
    assert !Text.glob?("?", "/")
    assert Text.glob?("**/z", "a/b/z")
    assert Text.glob?("a*c", "abbc")
    assert !Text.glob?("", "a")
  end
  test("json") do
    v = { "a" => [1, 2.5, nil, true, "ä\"\\\n"], "b" => {} }
    assert_equal v, JSON.parse(JSON.generate(v))
    assert_equal "{\"a\":[1,2.5,null,true,\"\\u0001\"]}", JSON.generate({ a: [1, 2.5, nil, true, "\x01"] })
    assert_equal "\u{1F600}", JSON.parse("\"\\ud83d\\ude00\"")
    assert_equal({ "k" => 2 }, JSON.parse("{\"k\":1,\"k\":2}"))
    assert_equal 0.1, JSON.parse("0.1")
    assert_equal "0.1", JSON.generate(0.1)
    assert_equal -3, JSON.parse(" -3 ")
    ["{", "[1,]", "01", "tru", "\"\x01\"", "1 2", "\"\\ud800\"", "nan", "", "{1:2}", "[" * 40].each do |bad|
      assert_raises(FCS::ValueError, "JSON") { JSON.parse(bad) }
    end
    assert_raises(FCS::ValueError, "2:") { JSON.parse("{\n!") }
    assert_raises(FCS::ValueError) { JSON.generate(0.0 / 0.0) }
    assert_raises(FCS::ValueError) { a = []; a << a; JSON.generate(a) }
    assert_raises(FCS::ValueError) { JSON.generate(FCS::Bytes.new("x")) }
    assert_raises(FCS::ValueError) { JSON.generate(self) }
    assert_equal "\"2001-09-09T01:46:40.000Z\"", JSON.generate(Time.at(1_000_000_000))
  end
  test("secret") do
    assert_equal "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", Secret.sha256("abc")
    assert_equal "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
                 Secret.hmac("key", "The quick brown fox jumps over the lazy dog")
    assert_equal 32, Secret.token.size
    assert Secret.token != Secret.token
    assert Secret.same?("a", "a")
    assert !Secret.same?("a", "b")
    assert !Secret.same?("", "")
    assert !Secret.same?(nil, "x")
    assert_raises(FCS::NotFound) { secret(:nope) }
  end
  test("time") do
    t = Time.at(1_000_000_000, 123_456)
    assert_equal [2001, 9, 9, 1, 46, 40], [t.year, t.month, t.day, t.hour, t.min, t.sec]
    assert_equal 123_456, t.usec
    assert_equal 0, t.wday
    assert_equal 252, t.yday
    assert_equal "2001-09-09 01:46:40 UTC", t.to_s
    assert_equal t, Time.utc(2001, 9, 9, 1, 46, 40, 123_456)
    assert_equal 1.5, (t + 1.5) - t
    assert t < t + 1
    assert_equal 1969, Time.at(-1).year
    assert_equal 31, Time.at(-1).day
    assert_equal [2000, 2, 29], [Time.utc(2000, 2, 29).year, Time.utc(2000, 2, 29).month, Time.utc(2000, 2, 29).day]
    assert (Time.now - now).abs < 5
    assert Time.now.year >= 2020
  end
  test("sum") { assert_equal 6, [1, 2, 3].sum; assert_equal 12, [1, 2, 3].sum { |x| x * 2 } }

  # --- errors are what the manual calls them ---

  test("tree") do
    assert FCS::ConnectError.new.is_a?(FCS::CallError)
    assert FCS::LockTimeout.new.is_a?(FCS::Timeout)
    assert FCS::Error.new.is_a?(StandardError)
    %i[Reject Redirect CallError ClientGone Timeout AwaitError ValueError StoreError StreamError LimitError NotFound
       NotSupported].each { |k| assert FCS.const_get(k).ancestors.include?(FCS::Error), k.to_s }
  end
  test("reject") { e = assert_raises(FCS::Reject) { reject "why", [1] }; assert_equal [1], e.value }
  test("a gone client") do |c|
    gone = FCS::Core.known("ghost")
    assert_equal :closed, gone.state
    assert_equal false, gone.tell(:x)
    assert_equal false, gone.disconnect
    assert_raises(FCS::ClientGone) { gone.call(:x).await }
    FCS::Core.event(15, 0, "ghost", nil, nil, nil, 0, 0, [], [])
  end
  test("accept of one that is not held") { |c| assert_equal false, c.accept }
  test("logging") do
    log.info "a line", key: "v", n: 1
    log.debug "quiet"
    trace "x", 1
  end
end
