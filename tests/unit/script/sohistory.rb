# SPDX-License-Identifier: BSD-2-Clause
# Shared objects: flush, history, undo, locks, options. The writes here are the
# script's; undo by client is in unit/core/sharedobj_history and e2e/sohistory.
load "lib/check"
class Histories < FCS::App
  extend Check::Words
  include Check::Asserts

  shared "disk/*", persistent: true
  shared "mem/*", persistent: true, durability: :memory
  shared "os/*", persistent: true, durability: :os
  shared "short/*", persistent: true, history: 3
  shared "none/*", persistent: true, history: false
  shared "small/*", persistent: true, max_slots: 2, max_value: 64, max_bytes: 100
  shared "temp/*"
  on(:connect) { |c, *| c.user = "ann" }

  def filled(name)
    so = shared(name)
    so[:a] = 1
    so.flush.await                                   # each a version of its own
    so.transaction { |s| s[:a] = 2; s[:b] = { "x" => [1] } }
    so.flush.await
    so.delete(:a)
    so.flush.await
    so
  end

  # --- flush ---

  test "flush/disk" do |c|
    so = shared("disk/flush")
    assert_equal false, so.dirty?
    so[:a] = 1
    assert_equal true, so.dirty?
    assert_equal true, so.flush.await
    assert_equal false, so.dirty?
    assert_equal true, so.flush.await
  end

  test "flush/memory" do |c|
    so = shared("mem/flush")
    so[:a] = 1
    sleep 0.02
    assert_equal true, so.dirty?
    assert_equal true, so.flush.await
    assert_equal false, so.dirty?
    so.delete(:a)
    so[:b] = 2
    assert_equal true, so.flush.await
    assert_equal({ "b" => 2 }, so.to_h)
    assert_equal({ "a" => 1 }, so.at(2))
  end

  test "flush/os" do |c|
    so = shared("os/flush")
    so[:a] = 1
    assert_equal true, so.flush.await
    assert_equal false, so.dirty?
  end

  test "flush/temporary" do |c|
    so = shared("temp/flush")
    so[:a] = 1
    assert_equal false, so.dirty?
    assert_equal true, so.flush.await
    assert_raises(FCS::NotSupported, "temporary") { so.history }
    assert_raises(FCS::NotSupported) { so.undo(user: "ann") }
  end

  test "flush/transaction" do |c|
    so = shared("disk/flushtx")
    p = so.transaction { |s| s[:a] = 1; s.flush }
    assert_equal true, p.await
    assert_equal false, so.dirty?
  end

  test "flush/all" do |c|
    shared("mem/all1")[:a] = 1
    shared("mem/all2")[:a] = 1
    assert_equal true, flush_shared_objects("mem/*").await
    assert_equal false, shared("mem/all1").dirty?
    assert_equal false, shared("mem/all2").dirty?
    assert_equal true, flush_shared_objects("nothing").await
  end

  test "transaction" do |c|
    so = shared("disk/tx")
    so[:a] = 1
    so.flush.await
    value = so.transaction do |s|
      s[:a] = 2
      s.transaction { |t| t[:b] = 3 }
      assert_equal [2, 3], [s[:a], s[:b]]            # reads its own writes
      s.tell :mark
      :done
    end
    assert_equal :done, value
    assert_equal 3, so.version                       # one version
    assert_raises(ArgumentError) { so.transaction { |s| s.clear; s[:z] = 1; raise ArgumentError, "x" } }
    assert_equal({ "a" => 2, "b" => 3 }, so.to_h)
    assert_equal 3, so.version
    assert_raises(FCS::StoreError, "inside failed") do
      so.transaction do |s|
        s[:a] = 4
        begin
          s.transaction { |t| t[:b] = 5; raise ArgumentError, "x" }
        rescue ArgumentError
        end
      end
    end
    assert_equal({ "a" => 2, "b" => 3 }, so.to_h)
    assert_raises(FCS::AwaitError) { so.transaction { |s| sleep 0.01 } }
    assert_equal 3, so.version
  end

  # --- reading ---

  test "history" do |c|
    so = filled("disk/history")
    list = so.history
    assert_equal [[2, "a", "change", 1, nil], [3, "a", "change", 2, 1],
                  [3, "b", "change", { "x" => [1] }, nil], [4, "a", "delete", nil, 2]],
                 list.map { |x| [x.version, x.slot, x.code, x.value, x.old] }
    assert list.all? { |x| x.user.nil? && x.client.nil? && (now - x.at).abs < 5 }
    assert list[2].value.frozen? && list[2].value["x"].frozen?
    assert_equal [3, 3], so.history(since: 2, limit: 2).map { |x| x.version }
    assert_equal [4], so.history(since: 3).map { |x| x.version }
    assert_equal [2, 3, 4], so.history(slot: :a).map { |x| x.version }
    assert_equal [], so.history(since: 4)
    assert_equal [], so.history(limit: 0)
    assert_equal 4, so.history(since: now - 3600).size
    assert_equal [], so.history(since: now + 1)
    assert_raises(ArgumentError) { so.history(limit: "x") }
    assert_raises(ArgumentError) { so.history(since: nil) }
  end

  test "history/many" do |c|
    so = shared("disk/many")
    so.transaction { |s| 1000.times { |i| s["s#{i}"] = i } }
    assert_equal 1000, so.history(limit: 5000).size
    assert_equal 100, so.history.size
    assert_equal 1000, so.at(2).size
    assert_equal 999, so.at(2)["s999"]
  end

  test "at" do |c|
    so = filled("disk/at")
    assert_equal({}, so.at(1))
    assert_equal({ "a" => 1 }, so.at(2))
    assert_equal({ "a" => 2, "b" => { "x" => [1] } }, so.at(3))
    assert_equal({ "b" => { "x" => [1] } }, so.at(4))
    assert so.at(3).frozen? && so.at(3)["b"]["x"].frozen?
    assert_equal so.to_h, so.at(now)
    so[:c] = 5                                       # not on disk yet
    assert_equal({ "b" => { "x" => [1] }, "c" => 5 }, so.at(5))
    assert_equal({ "b" => { "x" => [1] } }, so.at(4))
    assert_raises(FCS::NotFound) { so.at(0) }
    assert_raises(FCS::NotFound) { so.at(99) }
    assert_raises(FCS::NotFound) { so.at(now - 3600) }
    assert_equal({}, shared("disk/never").at(1))
    assert_raises(FCS::NotFound) { shared("disk/never").at(2) }
  end

  test "at/large" do |c|
    so = shared("disk/large")
    text = "x" * 200_000
    20.times { |i| so["s#{i}"] = text }
    so.flush.await
    assert_equal 20, so.at(so.version).size
    22.times { |i| so["s#{i}"] = text }
    assert_raises(FCS::LimitError) { so.at(so.version) }
    assert_raises(FCS::LimitError) { so.diff(1, so.version) }
    assert so.history(limit: 1000).size < 42
  end

  test "diff" do |c|
    so = filled("disk/diff")
    assert_equal [[3, "a"], [3, "b"]], so.diff(2, 3).map { |x| [x.version, x.slot] }
    assert_equal [2, 3, 3, 4], so.diff(1, 4).map { |x| x.version }
    assert_equal [], so.diff(4, 4)
    assert_equal [], so.diff(3, 2)
    assert_equal 3, so.diff(2, now).size
    assert_raises(FCS::NotFound) { so.diff(0, 2) }
    assert_raises(FCS::NotFound) { so.diff(7, 9) }
  end

  test "history/bounded" do |c|
    so = shared("short/x")
    3.times do |i|
      so.transaction { |s| 100.times { |n| s["s#{n}"] = i } }
      so.flush.await
    end
    so[:z] = 1
    so.flush.await                                   # dropped behind a commit, whole batches
    sleep 0.02
    assert_equal [4] * 100 + [5], so.history(limit: 1000).map { |x| x.version }
    assert_raises(FCS::NotFound) { so.at(2) }
    assert_equal 100, so.at(3).size
    off = shared("none/x")
    off[:a] = 1
    off.flush.await
    assert_equal [], off.history
    assert_equal({ "a" => 1 }, off.at(2))
    assert_raises(FCS::NotFound) { off.at(1) }
  end

  # --- writing ---

  test "undo" do |c|
    so = filled("disk/undo")
    assert_equal ["a"], so.undo(user: :server)
    assert_equal({ "b" => { "x" => [1] }, "a" => 2 }, so.to_h)
    assert_equal 5, so.version
    assert_equal ["a", "b"], so.undo(user: :server).sort
    assert_equal({ "a" => 1 }, so.to_h)
    assert_equal ["a", "b"], so.redo(user: :server).sort
    assert_equal({ "a" => 2, "b" => { "x" => [1] } }, so.to_h)
    assert_equal [], so.undo(user: "nobody")
    assert_equal [], so.redo(user: "nobody")
    so[:z] = 1
    assert_equal [], so.redo(user: :server)
    assert_equal ["z"], so.undo(user: :server, slot: :z)
    assert_raises(ArgumentError) { so.undo(user: nil) }
    assert_equal [], so.undo(user: c)
    assert_raises(FCS::AwaitError) { so.transaction { |s| s.undo(user: "x") } }
    assert_equal 1, so.at(2)["a"]
  end

  test "undo/twice" do |c|
    so = filled("disk/twice")
    a = FCS::Pending.all(so.flush)
    first = so.undo(user: :server)
    assert_equal ["a"], first
    a.await
    so.undo(user: :server)
    so.undo(user: :server)
    assert_equal({}, so.to_h)
    assert_equal [], so.undo(user: :server)
  end

  test "rollback" do |c|
    so = filled("disk/back")
    before = so.version
    assert_equal 5, so.rollback(3)
    assert_equal({ "b" => { "x" => [1] }, "a" => 2 }, so.to_h)
    assert_equal 5, so.rollback(3)                   # nothing differs
    so[:late] = 1
    assert_equal 7, so.rollback(2)
    assert_equal({ "a" => 1 }, so.to_h)
    assert_equal ["a", "b", "late"], so.undo(user: :server).sort
    assert_equal({ "a" => 2, "b" => { "x" => [1] }, "late" => 1 }, so.to_h)
    assert_raises(FCS::NotFound) { so.rollback(99) }
    assert_raises(FCS::NotFound) { so.rollback(0) }
    assert_equal 1, shared("disk/never2").rollback(1)
  end

  test "purge" do |c|
    so = filled("disk/purge")
    assert_equal 0, so.purge(4)
    assert_equal 1, so.purge(5)
    assert_equal 0, so.purge(5)
    so.resync_depth = 5
    so.resync_depth = nil
  end

  # --- locks ---

  test "lock/nests" do |c|
    so = shared("temp/lock")
    assert_equal 1, so.lock
    assert_equal 2, so.lock
    assert_equal 1, so.unlock
    assert_equal 0, so.unlock
    assert_equal 0, so.unlock
    assert_equal :v, so.lock { :v }
    assert_raises(ArgumentError) { so.lock { raise ArgumentError, "x" } }
    assert_equal 1, so.lock
    so.unlock
  end

  test "lock/excludes" do |c|
    so = shared("temp/excl")
    seen = []
    so[:n] = 0
    3.times do |i|
      defer do
        so.lock do
          n = so[:n]
          sleep 0.01
          so[:n] = n + 1
          seen << i
        end
      end
    end
    defer { so[:w] = 1; seen << :w }
    sleep 0.1
    assert_equal 3, so[:n]
    assert_equal [0, 1, 2, :w], seen
  end

  test "lock/times out" do |c|
    so = shared("temp/out")
    defer { so.lock { sleep 0.2 } }
    sleep 0.01
    assert_raises(FCS::LockTimeout) { so.lock(timeout: 0.02) { } }
    assert_raises(FCS::Timeout) { so.lock(timeout: 0.02) }
    so[:a] = 1                                       # waits for the other's end
    assert_equal 1, so[:a]
  end

  test "lock/given back with its handler" do |c|
    so = shared("temp/end")
    defer { so.lock }
    sleep 0.01
    assert_equal 1, so.lock
    so.unlock
  end

  test "lock/taken back" do |c|                      # lock_timeout is 300 ms here
    so = shared("temp/back")
    defer { so.lock; sleep 0.6; so[:late] = so.unlock }
    sleep 0.01
    so[:a] = 1
    assert_equal 1, so[:a]
    sleep 0.7
    assert_equal 0, so[:late]
  end

  test "lock/where nothing can wait" do |c|
    so = shared("temp/guard")
    defer { so.lock { sleep 0.05 } }
    sleep 0.01
    other = shared("temp/other")
    assert_raises(FCS::AwaitError) { other.transaction { so[:a] = 1 } }
    so[:a] = 2
    assert_equal 2, so[:a]
  end

  # --- limits and options ---

  test "limits" do |c|
    so = shared("small/x")
    so[:a] = "x" * 20
    so[:b] = "y"
    assert_raises(FCS::LimitError) { so[:c] = 1 }
    so[:b] = "y" * 30
    assert_raises(FCS::LimitError) { so[:b] = "z" * 64 }
    assert_raises(FCS::LimitError) { so[:b] = "z" * 100 }
    so.delete(:a)
    so[:c] = "x" * 20
    assert_raises(FCS::LimitError) { so[:c] = "x" * 62; so[:b] = "x" * 61 }
    assert_raises(FCS::LimitError) { so.transaction { |s| s.clear; s[:q] = 1; s[:r] = 2; s[:t] = 3 } }
    assert_equal ["b", "c"], so.keys.sort
  end

  test "options" do |c|
    so = shared("free/x", persistent: true, durability: :memory, max_slots: 1)
    so[:a] = 1
    sleep 0.02
    assert_equal true, so.dirty?
    assert_raises(FCS::LimitError) { so[:b] = 1 }
    assert_raises(ArgumentError, "declar") { shared("small/x", max_slots: 5) }
    assert_raises(ArgumentError) { shared("free/y", durability: :often) }
    assert_raises(ArgumentError) { shared("free/y", history: "long") }
    assert_raises(ArgumentError) { shared("free/y") { |c| true } }
  end

  test "close" do |c|
    so = shared("temp/close")
    so[:a] = 1
    so.close
    sleep 0.02
    assert shared("temp/close").empty?
  end

  test "on" do |c|
    so = shared("temp/on")
    heard = []
    so.on(:status) { |info| heard << info["code"] }
    assert_raises(ArgumentError, "unknown event") { so.on(:synk) { } }
    assert_raises(ArgumentError) { so.on(:sync) }
    FCS::Core.fire("status", "temp/on", [{ "code" => "X" }], nil, 0)
    FCS::Core.fire("status", "temp/other", [{ "code" => "Y" }], nil, 0)
    assert_equal ["X"], heard
  end

  test "values" do |c|
    so = shared("disk/values")
    assert_equal 7, so.fetch(:none, 7)
    assert_equal "none", so.fetch(:none) { |slot| slot.to_s }
    assert_raises(FCS::ValueError) { so[:x] = self }
    so[:x] = [1, { "y" => 2 }]
    assert so[:x][1].frozen?
    assert_equal [1, { "y" => 3 }], so.update(:x) { |v| v[1]["y"] = 3; v }
    assert_equal 5, so.increment(:n, 5)
    assert_raises(FCS::ValueError) { so.increment(:x) }
    assert_equal [1, { "y" => 3 }], so.delete(:x)
    assert_equal nil, so.delete(:x)
    pairs = []
    so.each { |slot, v| pairs << [slot, v] }
    assert_equal [["n", 5]], pairs
    assert_equal nil, so.writer(:n)
    assert so.slot_version(:n) > 1
    assert_equal true, so.clear
    assert so.empty?
  end
end
