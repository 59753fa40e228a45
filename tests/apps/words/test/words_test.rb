# SPDX-License-Identifier: BSD-2-Clause
# Every word of script-api.md 10.

test "connect and its options" do
  i = start("words/a")
  c = i.connect!("ann", ip: "10.1.2.3", agent: "LNX 9", referrer: "http://x/m.swf", page_url: "http://x/",
                 query: { "a" => 1 }, protocol: "rtmps", amf: 0)
  assert_equal ["10.1.2.3", "LNX 9", "http://x/m.swf", "http://x/", "rtmps", "1", 0], c.call!(:about)
  assert_equal :accepted, c.state
  assert_status c, "NetConnection.Connect.Success"
  assert_rejected i.connect, "no name"
  assert_raises(FCS::Test::Failure) { assert_rejected c }
  assert_raises(FCS::Test::Failure) { i.connect! }
end

test "a client that is held is pending until its time is over" do
  i = start("words")
  c = i.connect("later")
  assert_equal :pending, c.state
  advance 31
  assert_rejected c, "nobody decided in time"
end

test "connect! and call! move the clock when the answer needs it" do
  i = start("words")
  c = i.connect!("slow")
  before = c.call!(:now)
  assert_equal "rested", c.call!(:nap, 2)
  assert_equal 2, c.call!(:now) - before
  assert_raises(FCS::Timeout) { c.call!(:nap, 11) }
end

test "call goes on while the clock is moved" do
  c = start("words").connect!("ann")
  got = nil
  p = c.call(:nap, 5).then { |value, error| got = value }
  assert !p.done?
  advance 4.9
  assert !p.done?
  advance 0.1
  assert p.done?
  assert_equal ["rested", "rested"], [p.value, got]
end

test "start is over when on(:start) is" do
  assert_equal 0, start("words/slow").connect!("ann").call!(:ticks)
end

test "timers fire as the clock goes" do
  i = start("words")
  c = i.connect!("ann")
  advance 3600
  assert_equal 60, c.call!(:ticks)
end

test "the server calls the client" do
  c = start("words").connect!("ann")
  c.define(:question) { |x| "#{x}?" }
  assert_equal "why?", c.call!(:ask, "why")
  assert_called c, :question, "why"
  assert_called c, :question
  assert_equal [["why"]], c.received(:question)
  c.define(:question) { :mute }
  assert_raises(FCS::CallError) { c.call!(:ask, "what") }
  expect_error "Timeout"
end

test "a client that does not know the method answers with an error" do
  c = start("words").connect!("ann")
  assert_refused("Method not found (question).") { c.call!(:ask, "why") }
end

test "errors are expected by text or reference" do
  c = start("words").connect!("ann")
  e = assert_raises(FCS::CallError) { c.call!(:fail) }
  assert e.message.start_with?("Script error (ref ")
  expect_error e.message.split("ref ")[1][0..-2]
  assert_raises(FCS::CallError) { c.call!(:fail) }
  expect_error "oops"
  assert_raises(FCS::Test::Failure) { expect_error "oops" }
end

test "replicas of a shared object" do
  i = start("words")
  ann = i.connect!("ann").shared(:board, persistent: true)
  bob = i.connect!("bob", amf: 0).shared(:board, persistent: true)
  assert ann.used? && bob.used?
  assert_codes ann, :clear
  ann[:x] = 1
  assert_equal [1, 1], [ann[:x], bob[:x]]
  assert_codes ann, :success
  assert_codes bob, :clear, :change
  version = bob.version
  ann.set("a" => [1, { "b" => nil }], "b" => "two")
  assert_equal version + 1, bob.version
  assert_equal({ "x" => 1, "a" => [1, { "b" => nil }], "b" => "two" }, bob.to_h)
  assert_codes ann, :success, :success
  assert_codes bob, :change, :change
  bob.delete(:b)
  assert_equal [3 - 1, false], [ann.size, ann.key?(:b)]
  bob.tell(:hi, 1, "x")
  assert_equal [["hi", 1, "x"]], ann.heard
end

test "what the guard refuses or replaces" do
  i = start("words")
  ann = i.connect!("ann").shared(:board, persistent: true)
  ann.codes.clear
  ann[:locked] = 1
  assert_equal nil, ann[:locked]
  assert_codes ann, :reject
  assert_equal ["SharedObject.NoWriteAccess"], ann.status
  ann[:text] = 5
  assert_equal "5", ann[:text]
  assert_codes ann, :success, :change
end

test "an object nobody declared is refused" do
  so = start("words").connect!("ann").shared(:other)
  assert_equal [false, ["SharedObject.ObjectCreationFailed"]], [so.used?, so.status]
end

test "a replica that was dropped catches up" do
  i = start("words")
  ann = i.connect!("ann")
  so = ann.shared(:board, persistent: true)
  bob = i.connect!("bob").shared(:board, persistent: true)
  bob.set("a" => 1, "b" => 2)
  so.drop
  bob[:a] = 3
  assert_equal [1, 2], [so[:a], so[:b]]
  so.codes.clear
  assert_equal so, ann.shared(:board, persistent: true)
  assert_equal [3, 2], [so[:a], so[:b]]
  assert_codes so, :change
end

test "kill -9: what is durable stays, what is not is gone" do
  i = start("words")
  ann = i.connect!("ann")
  board = ann.shared(:board, persistent: true)
  notes = ann.shared(:notes)
  board[:x] = 1
  notes[:x] = 1
  assert_equal 1, i.shared(:notes)["x"]
  restart!
  assert_equal :closed, ann.state
  i = start("words")
  assert_equal 1, i.shared(:board)["x"]
  assert_equal nil, i.shared(:notes)["x"]
  again = i.connect!("ann").shared(:board, persistent: true, from: board)
  assert_equal 1, again[:x]
  assert_equal board.version, again.version
  restart!
  assert_equal 1, start("words").shared(:board)["x"]
end

test "the instance's own methods, objects of its own included" do
  i = start("words/x")
  ann = i.connect!("ann")
  assert_equal ["words/x", 42], [i.name, i.double(21)]
  assert_equal 5, i.option(2, b: 3)
  assert_equal ["ann"], i.clients.map { |c| c.user }
  assert_equal ann.id.to_s, i.clients[0].id
  assert_equal 3, i.wait_for(3)
  i.shared(:board)["y"] = [1, 2]
  assert_equal [1, 2], i.shared(:board)["y"]
  assert_equal i.client("1"), i.clients[0]
  assert_raises(FCS::NotFound) { i.presence(:nobody) }
  assert_raises(RuntimeError) { i.nothing_such }
  i.clients[0].tell :hello, 1
  assert_called ann, :hello, 1
end

test "disconnects are seen at both ends" do
  i = start("words")
  ann = i.connect!("ann")
  bob = i.connect!("bob")
  ann.disconnect
  assert_equal ["bob"], i.clients.map { |c| c.user }
  assert_refused("not connected") { ann.call!(:now) }
  bob.tell(:leave)
  assert_equal :closed, bob.state
  assert_status bob, "NetConnection.Connect.Closed"
end

test "media from a publisher to a player" do
  i = start("words")
  ann = i.connect!("ann")
  s = ann.publish("cam", query: { "key" => "k" })
  assert_status s, "NetStream.Publish.Start"
  view = i.connect!("bob").play("cam", start: -1)
  assert_status view, "NetStream.Play.Start"
  s.video(0, key: true)
  s.audio(10)
  s.video(40)
  s.tell("onCue", 1, ms: 40)
  assert_equal [[:video, 0, true], [:video, 40, false]], view.videos
  assert_equal [[:audio, 10, false]], view.audios
  assert view.heard.include?(["onCue", 1])
  s.unpublish
  assert_status s, "NetStream.Unpublish.Success"
  assert_status view, "NetStream.Play.UnpublishNotify"
  bad = ann.publish("cam", query: "key=x")
  assert_status bad, "NetStream.Publish.BadName"
end

test "a recording outlives a restart and is played by the clock" do
  i = start("words")
  s = i.connect!("ann").publish("cam", type: "record", query: "key=k")
  (0..100).each { |n| s.video(n * 100, key: n % 10 == 0) }
  s.unpublish
  restart!
  view = start("words").connect!("bob").play("cam", start: 0)
  advance 1
  assert_status view, "NetStream.Play.Start"
  assert !view.status?("NetStream.Play.Stop")
  advance 10
  assert_status view, "NetStream.Play.Stop"
  assert_equal 101, view.videos.size
end

test "secrets are stubs" do
  c = start("words").connect!("ann")
  assert_equal "secret of tests: door", c.call!(:secret)
  stub_secret(:door, "sesame")
  assert_equal "sesame", c.call!(:secret)
end

test "files are those of the test, and the clock stands still for them" do
  c = start("words").connect!("ann")
  before = c.call!(:now)
  c.call!(:keep, "b.txt", "text")
  assert_equal "text", c.call!(:kept, "b.txt")
  assert_equal before, c.call!(:now)
  restart!
  assert_equal "text", start("words").connect!("ann").call!(:kept, "b.txt")
end

test "a file of another test is not there" do
  assert_raises(FCS::CallError) { start("words").connect!("ann").call!(:kept, "b.txt") }
  expect_error "FileError"
end

test "other servers are stubs" do
  c = start("words").connect!("ann")
  stub_http("http://auth.example/login") { |method, data| [200, { "m" => method, "name" => data["user"] }] }
  assert_equal({ "m" => "POST", "name" => "ann" }, c.call!(:login, "http://auth.example/login", { "user" => "ann" }))
  stub_http("https://api.example/v1/*") { |method, data| [404, "#{method} #{data["q"]}"] }
  assert_equal [404, "GET a b"], c.call!(:look, "https://api.example/v1/x")
end

test "what is not stubbed, or not in http.allow, is refused" do
  c = start("words").connect!("ann")
  assert_raises(FCS::CallError) { c.call!(:look, "http://auth.example/x") }
  expect_error "no stub_http for http://auth.example/x"
  stub_http("http://other.example/") { [200, ""] }
  assert_raises(FCS::CallError) { c.call!(:look, "http://other.example/") }
  expect_error "http.allow in app.yaml does not name this URL"
  stub_http("http://auth.example/x") { :refused }
  assert_raises(FCS::CallError) { c.call!(:look, "http://auth.example/x") }
  expect_error "connection refused"
  stub_http("http://auth.example/x") { :mute }
  assert_raises(FCS::CallError) { c.call!(:look, "http://auth.example/x") }
  expect_error "no answer within 10"
end

test "new code takes over, clients stay" do
  i = start("words")
  c = i.connect!("ann")
  advance 120
  reload!
  assert_equal 102, c.call!(:ticks)
  assert_equal [:accepted, ["ann"]], [c.state, i.clients.map { |x| x.user }]
  i.shared(:board)["x"] = 1
  assert_equal 1, c.shared(:board, persistent: true)["x"]
end

test "instances connect to each other" do
  far = start("words/far")
  c = start("words/near").connect!("ann")
  c.call!(:dial, "words/far")
  assert_equal [true, nil], c.call!(:peer?)
  assert_equal ["words/near", "local", "127.0.0.1"], c.call!(:over, :from)
  assert_equal ["near"], far.clients.map { |x| x.user }
end

test "a test has no network" do
  c = start("words/near").connect!("ann")
  c.call!(:dial, "rtmp://other.example/app")
  advance 60
  assert_equal [false, nil], c.call!(:peer?)
end

test "config and settings of the application" do
  assert_equal 3, start("words").connect!("ann").call!(:seat)
end

test "config given by the test" do
  assert_equal 7, start("words", config: { "seats" => 7 }).connect!("ann").call!(:seat)
end

test "settings given by the test" do
  i = start("words", settings: { "max_clients" => 1 })
  i.connect!("ann")
  assert_rejected i.connect("bob"), "server full"
end

test "assertions that fail" do
  [-> { assert nil }, -> { assert_equal 1, 2 }, -> { assert_raises { 1 } },
   -> { assert_refused { 1 } }, -> { assert_raises(ArgumentError) { assert false } }].each do |block|
    raised = false
    begin
      block.call
    rescue FCS::Test::Failure
      raised = true
    end
    assert raised
  end
end
