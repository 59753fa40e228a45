# SPDX-License-Identifier: BSD-2-Clause
# The object of an application, one client connected as c1.
# script.timers 5, script.handlers 4, script.calls 3.
load "lib/check"

class AppTest < FCS::App
  extend Check::Words
  include Check::Asserts

  shared "**"
  every(3600) { @never = true }
  on(:start) { @ticks = 0 }

  test("names")    { assert hostname.size > 0; assert_equal "test.example", hostname }
  test("stats") do |c|
    s = stats
    assert_equal %w[bytes_in bytes_out msg_in msg_out msg_dropped total_connects total_disconnects
                    clients script_ms memory], s.keys
    assert_equal 1, s["clients"]
    assert_equal 1, s["total_connects"]
    assert_equal 0, s["total_disconnects"]
    assert s["memory"] > 50_000
    assert s["msg_out"] > 0
  end

  test("gc") do
    list = (1..1000).map { |i| "text #{i}" * 10 }
    full = stats["memory"]
    list = nil
    assert_equal true, gc
    sleep 0.01
    assert stats["memory"] < full
  end

  test("streams") { assert_equal [], streams }

  test("broadcast picks") do |c|
    assert_equal 1, broadcast(:news, 1)
    assert_equal 0, broadcast(:news, 1) { |o| o.id != c.id }
    assert_equal 1, broadcast("news", 1) { |o| o.id == c.id }
  end

  # --- clear_shared_objects ---

  def put(*names) = names.each { |n| shared(n)["x"] = 1 }
  def full(*names) = names.select { |n| shared(n)["x"] }

  test("clear one") do
    put "a/b", "a/b/c", "a/bc", "d"
    assert_equal true, clear_shared_objects("/a/b")
    assert_equal ["a/b/c", "a/bc", "d"], full("a/b", "a/b/c", "a/bc", "d")
    assert_equal false, clear_shared_objects("/a")          # a folder
    assert_equal false, clear_shared_objects("/no/such")
  end
  test("clear below") do
    put "a/b", "a/b/c", "a/bc", "d"
    assert_equal true, clear_shared_objects("/a/b/*")
    assert_equal ["a/b", "a/bc", "d"], full("a/b", "a/b/c", "a/bc", "d")
    assert_equal true, clear_shared_objects("/a/b?")
    assert_equal ["a/b", "d"], full("a/b", "a/bc", "d")
    put "a/b/c"
    assert_equal true, clear_shared_objects("a/b*")
    assert_equal ["a/b/c", "d"], full("a/b", "a/b/c", "d")
  end
  test("clear all") do
    put "a/b", "d"
    assert_equal true, clear_shared_objects("/")
    assert_equal [], full("a/b", "a/b/c", "a/bc", "d")
  end
  test("wildcards of folders are plain") do
    put "a/b", "x/b"
    assert_equal false, clear_shared_objects("/*/b")
    assert_equal ["a/b", "x/b"], full("a/b", "x/b")
  end

  # --- time ---

  test("timers") do
    t = every(0.01) { @ticks += 1 }
    assert_equal 0.01, t.interval
    assert t.active?
    sleep 0.05
    assert @ticks >= 2, @ticks.to_s
    assert_equal true, t.cancel
    assert_equal false, t.cancel
    assert !t.active?
    n = @ticks
    sleep 0.03
    assert_equal n, @ticks
    once = after(0.01) { @once = (@once || 0) + 1 }
    assert_equal nil, once.interval
    sleep 0.05
    assert_equal 1, @once
    assert !once.active?
    gone = after(0.01) { @gone = true }
    assert gone.cancel
    sleep 0.02
    assert_equal nil, @gone
  end
  test("a tick is dropped while the last one waits") do
    @runs = 0
    t = every(0.01) { @runs += 1; sleep 0.05 }
    sleep 0.045
    assert_equal 1, @runs
    t.cancel
  end
  test("short intervals") do
    assert_raises(ArgumentError, "0.01") { every(0.009) { } }
    assert_raises(ArgumentError) { every(-1) { } }
    every(0.01) { }.cancel
    after(0) { }.cancel
  end
  test("timers have a limit") do          # five, one is of the class
    four = (1..4).map { after(60) { } }
    assert_raises(FCS::LimitError, "too many timers") { after(60) { } }
    assert_raises(FCS::LimitError, "too many timers") { every(60) { } }
    four[0].cancel
    four[0] = every(60) { }
    assert_raises(FCS::LimitError) { after(60) { } }
    sleep 0                               # waiting needs none
    four.each { |t| t.cancel }
    after(0) { }
    sleep 0.02
    (1..4).map { after(60) { } }.each { |t| t.cancel }
  end
  test("defer") do
    @order = []
    defer { @order << 2 }
    @order << 1
    sleep 0.01
    assert_equal [1, 2], @order
  end

  test("handlers have a limit") do        # four wait, this one too
    woke = []
    3.times { |i| defer { sleep 0.05; woke << i } }
    refused = nil
    defer { begin; sleep 0.01; rescue FCS::LimitError => e; refused = e.message; end }
    sleep 0.1
    assert_equal [0, 1, 2], woke.sort
    assert_equal "busy", refused
  end
  test("calls have a limit") do |c|       # three
    3.times { c.call(:never) }
    assert_raises(FCS::LimitError) { c.call(:never) }
  end

  # --- Pending.all ---

  def later(value, s = 0.01)
    p = FCS::Pending.new
    after(s) { value.is_a?(Exception) ? p.__settle(nil, value, false) : p.__settle(value, nil, false) }
    p
  end

  test("all") do
    assert_equal [], FCS::Pending.all.await
    assert_equal [1, 2], FCS::Pending.all(later(1, 0.02), later(2)).await
    assert_raises(FCS::NotFound, "x") { FCS::Pending.all(later(1), later(FCS::NotFound.new("x"))).await }
    done = later(5)
    assert_equal 5, done.await
    assert done.done?
    assert_equal [5, 5], FCS::Pending.all(done, done).await
    assert_raises(FCS::Timeout) { FCS::Pending.all(later(1, 0.05)).await(timeout: 0.01) }
  end
  test("then") do
    got = []
    later(7).then { |v, e| got << v << e }.then { |v, e| got << :again }
    later(FCS::NotFound.new("y")).then { |v, e| got << e.message }
    sleep 0.05
    assert_equal [7, nil, :again, "y"], got
  end

  test("disconnect") do |c|
    assert_equal nil, client("nobody")
    assert_equal c, client(c.id)
    list = clients
    list.clear
    assert_equal 1, clients.size
  end
end
