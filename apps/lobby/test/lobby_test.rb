# SPDX-License-Identifier: BSD-2-Clause
# apps/lobby/test/lobby_test.rb: `fcsctl app test lobby`
SERVER = "FlashCom/1.0 fcs"

test "movies read the list and may not write it" do
  lobby = start("lobby")
  movie = lobby.connect!("Movie")
  assert_equal({}, movie.call!(:listRooms))
  assert_refused { movie.call!("room/users", 99) }
  assert_equal 0, movie.call!(:announce, "hello")
end

test "a room of another server needs the password" do
  stub_secret :rooms, "open sesame"
  lobby = start("lobby")
  from  = { agent: SERVER, referrer: "rtmp://other.example/room/blue" }
  assert_rejected lobby.connect("Room", "open barley", **from), "invalid room connection"
  assert_rejected lobby.connect(**from), "invalid room connection"
  assert_rejected lobby.connect("Room", "open barley"), "invalid room connection"
  room  = lobby.connect!("Room", "open sesame", **from)
  movie = lobby.connect!("Movie")
  room.call!("room/users", 3)
  assert_equal({ "blue" => 3 }, movie.call!(:listRooms))
  assert_equal 1, movie.call!(:announce, "hello")
  assert_called room, :notice, "hello"
  room.disconnect
  assert_equal({}, movie.call!(:listRooms))
end

test "without a password no other server gets in" do
  lobby = start("lobby")
  assert_rejected lobby.connect("Room", nil, agent: SERVER), "invalid room connection"
  assert_rejected lobby.connect("Room", "", agent: SERVER), "invalid room connection"
end

test "the later connection of a room counts" do
  stub_secret :rooms, "open sesame"
  lobby = start("lobby")
  movie = lobby.connect!("Movie")
  from  = { agent: SERVER, referrer: "rtmp://other.example/room/blue" }
  old   = lobby.connect!("Room", "open sesame", **from)
  new   = lobby.connect!("Room", "open sesame", **from)
  new.call!("room/users", 2)
  old.disconnect
  assert_equal({ "blue" => 2 }, movie.call!(:listRooms))
  reload!
  new.call!("room/users", 4)
  new.disconnect
  assert_equal({}, movie.call!(:listRooms))
end
