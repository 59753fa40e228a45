# SPDX-License-Identifier: BSD-2-Clause
# apps/whiteboard/test/whiteboard_test.rb: `fcsctl app test whiteboard`

SHAPE = { "kind" => "line", "points" => [0, 0, 10, 10] }

def link(role) = "#{role}.#{Secret.hmac('hush', "_definst_.#{role}")}"

test "editors draw their own shapes and nobody else's" do
  board = start("whiteboard")
  ann = board.connect!("ann").shared(:board, persistent: true)
  bob = board.connect!("bob").shared(:board, persistent: true)
  ann["ann/1"] = SHAPE
  assert_equal SHAPE, bob["ann/1"]
  bob["ann/1"] = { "kind" => "nothing" }
  assert_equal SHAPE, bob["ann/1"]
  assert_codes bob, :clear, :change, :reject
  bob["bob/1"] = "no shape"
  assert_equal nil, bob["bob/1"]
  ann.delete("ann/1")
  assert bob.empty?
end

test "a link gives a role, a forged one is refused" do
  stub_secret(:links, "hush")
  board = start("whiteboard")
  eve = board.connect!("eve", link("viewer"))
  mo  = board.connect!("mo", link("moderator"))
  assert_rejected board.connect("x", "moderator.0000"), "bad link"
  assert_rejected board.connect("x", link("king")), "bad link"
  seen = eve.shared(:board, persistent: true)
  seen["eve/1"] = SHAPE
  assert_codes seen, :clear, :reject
  assert_equal link("editor"), mo.call!("admin/link", "editor")
  assert_refused("moderators only") { eve.call!("admin/link", "editor") }
  assert_refused("no such role") { mo.call!("admin/link", "king") }
end

test "moderators lock and clear the board" do
  stub_secret(:links, "hush")
  board = start("whiteboard")
  ann = board.connect!("ann")
  mo  = board.connect!("mo", link("moderator"))
  so  = ann.shared(:board, persistent: true)
  so["ann/1"] = SHAPE
  mo.call!("admin/lock", true)
  so["ann/2"] = SHAPE
  assert !so.key?("ann/2")
  mo.shared(:board, persistent: true)["ann/2"] = SHAPE
  assert so.key?("ann/2")
  mo.call!("admin/lock", false)
  mo.call!("admin/clear")
  assert so.empty?
  assert_equal [["cleared", "mo"]], so.heard
end

test "undo takes back one's own shapes, the slider shows any version" do
  stub_secret(:links, "hush")
  board = start("whiteboard")
  ann = board.connect!("ann")
  mo  = board.connect!("mo", link("moderator"))
  so  = ann.shared(:board, persistent: true)
  so["ann/1"] = SHAPE
  first = ann.call!(:version)
  mo.shared(:board, persistent: true)["mo/1"] = SHAPE
  so["ann/2"] = SHAPE
  assert_equal ["ann/2"], ann.call!(:undo)
  assert_equal ["ann/1"], ann.call!(:undo)
  assert_equal [], ann.call!(:undo)
  assert_equal ["mo/1"], so.keys
  assert_equal ["ann/1"], ann.call!(:redo)
  assert_equal({ "ann/1" => SHAPE }, ann.call!(:at, first))
  assert_equal [[first + 1, "mo", "mo/1", SHAPE]], ann.call!(:changes, first, first + 1)
  assert_refused("moderators only") { ann.call!("admin/rollback", first) }
  mo.call!("admin/rollback", first)
  assert_equal ["ann/1"], so.keys
  assert_refused("view only") { board.connect!("eve", link("viewer")).call!(:undo) }
end

test "ink is relayed, anything else is not" do
  board = start("whiteboard")
  ann = board.connect!("ann").shared(:board, persistent: true)
  bob = board.connect!("bob").shared(:board, persistent: true)
  ann.tell(:ink, 1, 2)
  ann.tell(:spam, 1)
  assert_equal [["ink", 1, 2]], bob.heard
end

test "names are one path element, and taken once" do
  board  = start("whiteboard")
  people = board.connect!("a/b/c").shared(:people)
  assert_equal({ "abc" => { "name" => "abc", "role" => "editor" } }, people.to_h)
  assert_rejected board.connect("abc"), "name taken"
  guest = board.connect!
  assert people.key?("guest-#{guest.id}")
end

test "a cursor goes with its owner" do
  board = start("whiteboard")
  ann = board.connect!("ann")
  mine = ann.shared(:cursors)
  bobs = board.connect!("bob").shared(:cursors)
  mine["ann"] = [1, 2]
  bobs["ann"] = [0, 0]
  assert_equal [1, 2], bobs["ann"]
  ann.disconnect
  assert bobs.empty?
end

test "the board outlives a kill, and a client catches up" do
  board = start("whiteboard")
  so = board.connect!("ann").shared(:board, persistent: true)
  so.set("ann/1" => SHAPE, "ann/2" => SHAPE)
  restart!
  board = start("whiteboard")
  board.connect!("ann").shared(:board, persistent: true).delete("ann/1")
  again = board.connect!("bob").shared(:board, persistent: true, from: so)
  assert_codes again, :delete
  assert_equal ["ann/2"], again.keys
end
