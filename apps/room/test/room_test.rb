# SPDX-License-Identifier: BSD-2-Clause
# apps/room/test/room_test.rb: `fcsctl app test room`

test "the lobby follows its rooms" do
  lobby = start("lobby")
  movie = lobby.connect!("Movie")
  list  = movie.shared(:rooms)
  room  = start("room/blue")
  ann   = room.connect!("ann")
  bob   = room.connect!("bob")
  advance 1
  assert_equal 2, list["blue"]
  assert_equal({ "blue" => 2 }, movie.call!(:listRooms))
  assert_equal true, ann.call!(:lobby?)

  assert_equal 1, movie.call!(:announce, "closing at ten")
  advance 1
  assert_called ann, :notice, "closing at ten"
  assert_called bob, :notice, "closing at ten"

  ann.disconnect
  advance 1
  assert_equal 1, list["blue"]
end

test "what is said survives, who is here does not" do
  start("lobby")
  room = start("room/blue")
  ann  = room.connect!("ann")
  assert_rejected room.connect("ann"), "name taken"
  assert_rejected room.connect, "name missing"
  assert_called ann, :motd, "welcome to blue"
  assert_equal 1, ann.call!(:say, "hi")
  restart!
  room = start("room/blue")
  assert_equal "hi", room.shared(:chat)["line/1"]["text"]
  assert room.shared(:users).empty?
end

test "a room works without its lobby" do
  room = start("room/red", config: { "lobby" => "nosuch/lobby" })
  ann  = room.connect!("ann")
  advance 2
  assert_equal false, ann.call!(:lobby?)
  assert_equal 1, ann.call!(:say, "hi")
end
