# SPDX-License-Identifier: BSD-2-Clause
# apps/hello/test/hello_test.rb: `fcsctl app test hello`

def code(client) = client.rejection["code"].split(".").last

test "who says a name comes in, who says none is told what is missing" do
  hello = start("hello")
  ann   = hello.connect!("ann")
  assert_equal [hello.server, 1], ann.received(:welcome)[0]
  nobody = hello.connect
  assert_rejected nobody, "name missing"
  assert_equal ["Rejected", { "field" => "user" }], [code(nobody), nobody.rejection["application"]]
  assert_equal ["ann"], ann.call!(:who)
end

test "a guest waits until a host decides" do
  hello = start("hello/room/1")
  host  = hello.connect!("ann")
  other = hello.connect!("bob")
  first = hello.connect("guest 1")
  last  = hello.connect("guest 2")
  one, two = first.id.to_s, last.id.to_s
  advance 30
  assert_equal [:pending, :pending], [first.state, last.state]
  assert_equal [[one, "guest 1"], [two, "guest 2"]], host.received(:knock)
  assert_equal [], other.received(:knock)
  assert_equal({ one => "guest 1", two => "guest 2" }, other.call!(:waiting))

  assert_refused("hosts only") { other.call!(:admit, one, true) }
  assert_equal true, host.call!(:admit, one, true)
  assert_equal true, host.call!(:admit, two, false)
  advance 1
  assert first.accepted?
  assert_called first, :welcome, hello.server, 3
  assert_rejected last, "not today"
  assert_equal({ "by" => "ann" }, last.rejection["application"])
  assert_refused("nobody waits under #{two}") { host.call!(:admit, two, true) }
end

test "a guest nobody decides about is rejected after a minute, one that left is forgotten" do
  hello = start("hello")
  host  = hello.connect!("ann")
  slow  = hello.connect("guest")
  left  = hello.connect("guest")
  left.disconnect
  assert_equal [slow.id.to_s], host.call!(:waiting).keys
  advance 61
  assert_rejected slow, "nobody decided in time"
  assert_equal({}, host.call!(:waiting))
end

test "guests still wait when new code took over" do
  hello = start("hello")
  host  = hello.connect!("ann")
  guest = hello.connect("guest")
  reload!
  assert_equal [guest.id.to_s], host.call!(:waiting).keys
  assert_equal true, host.call!(:admit, guest.id.to_s, true)
  advance 1
  assert guest.accepted?
end

test "an instance that moved says where it is" do
  ann = start("hello/old").connect("ann")
  assert_equal ["Rejected", 302, "rtmp://localhost/hello"],
               [code(ann), ann.rejection["ex"]["code"], ann.rejection["ex"]["redirect"]]
end

test "when all seats are taken the next one is sent to the spare" do
  hello = start("hello", config: { "seats" => 1, "spare" => "rtmp://spare.example/hello" })
  hello.connect!("ann")
  assert_equal "rtmp://spare.example/hello", hello.connect("bob").rejection["ex"]["redirect"]
end

test "with a login service its answer counts" do
  url   = "https://login.example/check"
  hello = start("hello", config: { "login" => url }, settings: { "http.allow" => url })
  stub_http(url) do |method, data|
    case data["password"]
    when "right" then [200, { "host" => data["user"] == "ann" }]
    when "slow"  then :mute
    else [403, {}]
    end
  end
  ann = hello.connect!("ann", "right")
  bob = hello.connect!("bob", "right")
  assert_rejected hello.connect("eve", "wrong"), "wrong name or password"
  hello.connect("guest")
  assert_equal [1, 0], [ann.received(:knock).size, bob.received(:knock).size]
  dan = hello.connect("dan", "slow")
  advance 6
  assert_rejected dan, "login is out of order, try later"
  expect_error "login service"
end
