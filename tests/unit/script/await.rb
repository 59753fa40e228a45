# SPDX-License-Identifier: BSD-2-Clause
# Where a handler may wait, and where it is told that it may not.
load "lib/check"

class AwaitTest < FCS::App
  extend Check::Words
  include Check::Asserts

  def w(v)
    sleep 0
    v
  end

  class Thing
    attr_reader :a

    def initialize(app)
      @app = app
      @a = app.w(1)
    end

    def method_missing(name, *args) = [name.to_s, @app.w(args[0])]
    def respond_to_missing?(*) = true
    def [](k) = @app.w(k)
    def []=(k, v)
      @a = @app.w(v)
    end
    def <=>(o) = @app.w(0)
    include Comparable
    def +(o) = @app.w(o)
    def each
      yield @app.w(1)
      yield @app.w(2)
    end
    include Enumerable
    def to_s = @app.w("text")
    def ==(o) = @app.w(true)
  end

  test("plain")        { assert_equal 1, w(1) }
  test("twice")        { assert_equal 3, w(1) + w(2) }
  test("method")       { assert_equal 4, deep(3) }
  test("each")         { r = []; [1, 2, 3].each { |x| r << w(x) }; assert_equal [1, 2, 3], r }
  test("each twice")   { r = 0; [1, 2, 3].each { |x| r += w(x); r += w(x) }; assert_equal 12, r }
  test("times")        { r = 0; 3.times { |i| r += w(i) }; assert_equal 3, r }
  test("map")          { assert_equal [2, 4], [1, 2].map { |x| w(x) * 2 } }
  test("select")       { assert_equal [2], [1, 2].select { |x| w(x) == 2 } }
  test("inject")       { assert_equal 6, [1, 2, 3].inject { |a, x| a + w(x) } }
  test("sort_by")      { assert_equal [1, 2, 3], [3, 1, 2].sort_by { |x| w(x) } }
  test("hash each")    { r = []; { "a" => 1, "b" => 2 }.each { |k, v| r << k << w(v) }; assert_equal ["a", 1, "b", 2], r }
  test("each nested")  { r = []; [1, 2].each { |a| [3, 4].each { |b| r << w(a * b) } }; assert_equal [3, 4, 6, 8], r }
  test("loop")         { n = 0; loop { n += w(1); break if n == 3 }; assert_equal 3, n }
  test("while")        { n = 0; n += w(1) while n < 3; assert_equal 3, n }
  test("until")        { n = 0; n += w(1) until n == 3; assert_equal 3, n }
  test("upto")         { r = []; 1.upto(3) { |i| r << w(i) }; assert_equal [1, 2, 3], r }
  test("step")         { r = []; 1.step(5, 2) { |i| r << w(i) }; assert_equal [1, 3, 5], r }
  test("each_slice")   { r = []; [1, 2, 3].each_slice(2) { |s| r << w(s.size) }; assert_equal [2, 1], r }
  test("with_index")   { r = []; %w[a b].each_with_index { |x, i| r << w(x) << i }; assert_equal ["a", 0, "b", 1], r }
  test("rescue body")  { r = begin; raise "x"; rescue => e; w(e.message); end; assert_equal "x", r }
  test("begin body")   { r = begin; w(1); raise "x"; rescue; 2; end; assert_equal 2, r }
  test("ensure body")  { r = []; begin; r << w(1); ensure; r << w(2); end; assert_equal [1, 2], r }
  test("raise after")  { assert_raises(ArgumentError, "late") { w(1); raise ArgumentError, "late" } }
  test("retry")        { n = 0; begin; n += w(1); raise "x" if n < 3; rescue; retry; end; assert_equal 3, n }
  test("send")         { assert_equal 5, send(:w, 5) }
  test("__send__")     { assert_equal 5, __send__(:w, 5) }
  test("missing")      { assert_equal ["foo", 7], Thing.new(self).foo(7) }
  test("initialize")   { assert_equal 1, Thing.new(self).a }
  test("instance_eval") { assert_equal 2, Thing.new(self).instance_eval { @app.w(2) } }
  test("instance_exec") { assert_equal 3, Thing.new(self).instance_exec(3) { |x| @app.w(x) } }
  test("class_eval")   { me = self; assert_equal 4, Thing.class_eval { me.w(4) } }
  test("define_method") { Thing.define_method(:dm) { |x| @app.w(x) }; assert_equal 5, Thing.new(self).dm(5) }
  test("proc")         { f = proc { |x| w(x) }; assert_equal 6, f.call(6) }
  test("lambda")       { f = ->(x) { w(x) + w(1) }; assert_equal 7, f.(6) }
  test("yield")        { assert_equal 9, given { |x| w(x) } }
  test("block passed") { assert_equal [1, 2], mapped([1, 2]) { |x| w(x) } }
  test("symbol proc")  { assert_equal [1, 2], [Wrap.new(self, 1), Wrap.new(self, 2)].map(&:value) }
  test("Method#call")  { assert_equal 8, method(:w).call(8) }
  test("comparison")   { a = Thing.new(self); assert (a <= a), "<=" }
  test("operator")     { assert_equal 3, Thing.new(self) + 3 }
  test("index")        { assert_equal 4, Thing.new(self)[4] }
  test("assign index") { t = Thing.new(self); t[0] = 9; assert_equal 9, t.a }
  test("own each")     { r = []; Thing.new(self).each { |x| r << w(x) }; assert_equal [1, 2], r }
  test("own map")      { assert_equal [2, 4], Thing.new(self).map { |x| w(x) * 2 } }
  test("each_char")    { r = ""; "abc".each_char { |ch| r += w(ch) }; assert_equal "abc", r }
  test("case when")    { r = case w(2) when 1 then :a when 2 then :b end; assert_equal :b, r }
  test("ternary")      { assert_equal 1, w(true) ? w(1) : w(2) }
  test("and or")       { assert_equal 2, (w(nil) || w(2)) }
  test("in array")     { assert_equal [1, 2, [3]], [w(1), w(2), [w(3)]] }
  test("in hash")      { assert_equal({ "a" => 1, "b" => 2 }, { "a" => w(1), "b" => w(2) }) }
  test("interpolated") { assert_equal "x1y2", "x#{w(1)}y#{w(2)}" }
  test("splat")        { assert_equal [1, 2, 3], list(*w([1, 2]), w(3)) }
  test("keywords")     { assert_equal [1, 2], keyed(a: w(1), b: w(2)) }
  test("many")         { n = 0; 200.times { n += w(1) }; assert_equal 200, n }
  test("recursion")    { assert_equal 20, count(20) }

  # --- where it is an error ---

  test("to_s")         { assert_raises(FCS::AwaitError) { "#{Thing.new(self)}" } }
  test("sort block")   { either([1, 2]) { [2, 1].sort { |a, b| w(a <=> b) } } }
  test("hash default") { h = Hash.new { |hash, k| w(k) }; assert_raises(FCS::AwaitError) { h["x"] } }
  test("array ==")     { either(true) { [Thing.new(self)] == [Thing.new(self)] } }
  test("own fiber")    { assert_raises(FCS::AwaitError, "Fiber") { Fiber.new { w(1) }.resume } }
  test("enumerator")   { e = Enumerator.new { |y| y << w(1) }; assert_raises(FCS::AwaitError) { e.next } }
  test("transaction")  { assert_raises(FCS::AwaitError) { shared(:t).transaction { w(1) } } }
  test("after error")  { assert_raises(FCS::AwaitError) { "#{Thing.new(self)}" }; assert_equal 1, w(1) }

  # --- time ---

  test("sleep sleeps") { t = Time.now; sleep 0.03; assert Time.now - t >= 0.02, "too short" }
  test("timeout") do |c|
    e = assert_raises(FCS::Timeout) { c.call(:never).await(timeout: 0.02) }
    assert e.message.include?("0.02"), e.message
  end
  test("no answer needed twice") do |c|
    p = c.call(:never)
    assert_raises(FCS::Timeout) { p.await(timeout: 0.01) }
    assert_raises(FCS::Timeout) { p.await(timeout: 0.01) }
    assert !p.done?
  end
  test("timers") do
    n = 0
    t = every(0.01) { n += 1 }
    assert t.active?
    assert_equal 0.01, t.interval
    sleep 0.08
    assert n >= 3, "#{n} ticks"
    assert_equal true, t.cancel
    assert_equal false, t.cancel
    assert !t.active?
    seen = n
    sleep 0.03
    assert_equal seen, n
  end
  test("a slow tick drops the next") do
    n = 0
    t = every(0.01) { n += 1; sleep 0.05 }
    sleep 0.1
    t.cancel
    assert n <= 3, "#{n} runs"
  end
  test("after and defer") do
    order = []
    after(0.01) { order << "after" }
    defer { order << "defer" }
    order << "now"
    sleep 0.05
    assert_equal %w[now defer after], order
  end
  test("after cancelled") do
    t = after(0.01) { @bad = true }
    assert t.cancel
    sleep 0.03
    assert @bad.nil?
  end
  test("too short") { assert_raises(ArgumentError) { every(0.001) {} } }
  test("all of none") { assert_equal [], FCS::Pending.all.await }
  test("all fails with the first") do |c|
    e = assert_raises(FCS::Timeout) { FCS::Pending.all(c.call(:never), c.call(:never)).await(timeout: 0.02) }
    assert e
  end
  test("fifty at once") do
    done = 0
    50.times { |i| defer { 6.times { sleep 0.001 }; done += 1 } }
    sleep 0.3
    assert_equal 50, done
  end

  expose(:busy) { |c, n| n.times { defer { sleep 30 } }; true }
  expose(:one_more) { |c| sleep 0.01; "ok" }

  class Wrap
    def initialize(app, v)
      @app = app
      @v = v
    end

    def value = @app.w(@v)
  end

  # Whether C or Ruby does it differs between versions; wrong it never is.
  def either(expected)
    assert_equal expected, yield
  rescue FCS::AwaitError
    true
  end

  def deep(n) = n == 0 ? w(1) : 1 + deep(n - 1)
  def given = yield(9)
  def mapped(a, &block) = a.map(&block)
  def list(*a) = a
  def keyed(a:, b:) = [a, b]
  def count(n) = n == 0 ? w(0) : 1 + count(n - 1)
end
