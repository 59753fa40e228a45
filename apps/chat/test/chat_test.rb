# SPDX-License-Identifier: BSD-2-Clause
# apps/chat/test/chat_test.rb: `fcsctl app test chat`

test "everybody sees who is here and what is said" do
  room  = start("chat/blue")
  ann   = room.connect!("ann")
  users = ann.shared(:users)
  chat  = ann.shared(:chat, persistent: true)
  bob   = room.connect!("bob")
  assert_called bob, :motd, "welcome to blue"
  assert_equal({ "ann" => { "name" => "ann" }, "bob" => { "name" => "bob" } }, users.to_h)

  assert_equal 1, ann.call!(:say, "hi")
  assert_equal 2, bob.call!(:say, "ho")
  assert_equal [["said", 1], ["said", 2]], chat.heard
  assert_equal %w[ann hi], [chat["line/1"]["who"], chat["line/1"]["text"]]
  assert_equal %w[hi ho], bob.call!(:lines).map { |l| l["text"] }

  bob.disconnect
  assert_equal ["ann"], users.keys
end

test "a name is needed, of 20 characters at most, and nobody's yet" do
  room = start("chat")
  assert_rejected room.connect, "name missing"
  assert_rejected room.connect(nil), "name missing"
  room.connect!("ann")
  taken = room.connect("ann")
  assert_rejected taken, "name taken"
  assert_equal({ "name" => "ann" }, taken.rejection["application"])
  room.connect!("x" * 25)
  assert room.shared(:users).key?("x" * 20)
end

test "clients write lines through say only" do
  room = start("chat")
  ann  = room.connect!("ann")
  assert_refused("nothing said") { ann.call!(:say, "") }
  chat = ann.shared(:chat, persistent: true)
  chat["line/1"] = "forged"
  assert_equal ["SharedObject.NoWriteAccess"], chat.status
  assert_equal nil, room.shared(:chat)["line/1"]
end

test "the last hundred lines are kept" do
  ann = start("chat").connect!("ann")
  103.times { |n| ann.call!(:say, "line #{n + 1}") }
  lines = ann.call!(:lines)
  assert_equal [100, "line 4", "line 103"], [lines.size, lines[0]["text"], lines[-1]["text"]]
end

test "lines outlive the server, users do not" do
  start("chat").connect!("ann").call!(:say, "hi")
  restart!
  room = start("chat")
  assert room.shared(:users).empty?
  assert_equal ["hi"], room.connect!("ann").call!(:lines).map { |l| l["text"] }
end

test "rooms do not hear of each other" do
  blue = start("chat/blue").connect!("ann")
  red  = start("chat/red").connect!("ann")
  blue.call!(:say, "hi")
  assert_equal [], red.call!(:lines)
end
