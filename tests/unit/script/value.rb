# SPDX-License-Identifier: BSD-2-Clause
# Values through a slot and back: what is written is what is read.
load "lib/check"

class ValueTest < FCS::App
  extend Check::Words
  include Check::Asserts

  def through(v)
    so = shared(:v)
    so[:x] = v
    r = so[:x]
    so.clear
    r
  end

  test("scalars") do
    [true, false, 0, 1, -1, 268_435_455, 268_435_456, -268_435_456, -268_435_457, 9_007_199_254_740_991,
     -9_007_199_254_740_991, 0.1, -2.5, 1.0 / 3, 1e300, 1e-300, "", "text", "ä" * 1000, "x" * 70_000].each do |v|
      assert_equal v, through(v)
    end
  end
  test("whole floats come back whole") { assert_equal 7, through(7.0) }
  test("negative zero stays a Float") { assert_equal(-Float::INFINITY, 1 / through(-0.0)) }
  test("not a number") { assert through(Float::NAN).nan? }
  test("infinity") { assert_equal Float::INFINITY, through(Float::INFINITY) }
  test("doubles are exact") do
    500.times do |i|
      x = Math.sin(i + 1) * (10.0**(i % 20))
      assert x == through(x), x.inspect
    end
  end
  test("symbols become text") { assert_equal "abc", through(:abc) }
  test("containers") do
    v = { "a" => [1, [2, { "b" => nil }]], "c" => {}, "d" => [] }
    assert_equal v, through(v)
    assert_equal %w[z a m], through({ "z" => 1, "a" => 2, "m" => 3 }).keys
    assert_equal({ "1" => 2, "s" => 3 }, through({ 1 => 2, :s => 3 }))
  end
  test("time") do
    t = Time.at(1_234_567_890, 123_000)
    assert_equal t, through(t)
    assert_equal Time.at(-86_400), through(Time.at(-86_400))
    assert through(Time.at(1, 999)).usec == 0
  end
  test("sharing is kept") do
    s = { "x" => 1 }
    a = through([s, s])
    assert a[0].equal?(a[1])
  end
  test("cycles are kept") do
    a = [1]
    a << a
    b = through(a)
    assert b[1].equal?(b)
    h = {}
    h["me"] = h
    assert through(h)["me"]["me"].is_a?(Hash)
  end
  test("many shared") do
    s = { "x" => 1 }
    t = { "y" => 1 }
    a = through((1..500).map { |i| i % 2 == 1 ? s : t })
    assert a[0].equal?(a[498])
    assert a[1].equal?(a[499])
    assert !a[0].equal?(a[1])
  end
  test("ecma arrays") do
    e = FCS::EcmaArray.new
    e[0] = "a"
    e[1] = "b"
    e["name"] = 1
    r = through(e)
    assert_equal FCS::EcmaArray, r.class
    assert_equal e.to_a, r.to_a
  end
  test("typed objects") do
    t = FCS::Typed.new("com.example.Point", { "x" => 1, "y" => 2 })
    r = through(t)
    assert_equal FCS::Typed, r.class
    assert_equal "com.example.Point", r.type
    assert_equal 2, r["y"]
    assert_raises(ArgumentError) { FCS::Typed.new("") }
  end
  test("collections") do
    t = FCS::Typed.new("flex.messaging.io.ArrayCollection", { "source" => [1, 2] })
    r = through(t)
    assert_equal "flex.messaging.io.ArrayCollection", r.type
    assert_equal [1, 2], r["source"]
  end
  test("xml") do
    r = through(FCS::Xml.new("<a/>"))
    assert_equal "<a/>", r
    assert_equal false, r.legacy?
    r = through(FCS::Xml.new("<b/>", legacy: true))
    assert r.is_a?(FCS::Xml) && r.legacy?
  end
  test("bytes") do
    r = through(FCS::Bytes.new("\x00\xff\x80"))
    assert_equal FCS::Bytes, r.class
    assert_equal 3, r.size
    assert r.binary?
    assert_equal "\x00\xff\x80", r
    assert_raises(FCS::ValueError) { through(r + "") }
  end
  test("vectors") do
    r = through(FCS::Vector.new(:int, [1, -2, 2_147_483_647], fixed: true))
    assert r.is_a?(FCS::Vector)
    assert_equal :int, r.kind
    assert r.fixed?
    assert_equal [1, -2, 2_147_483_647], r.to_a
    assert_equal [4_294_967_295], through(FCS::Vector.new(:uint, [4_294_967_295])).to_a
    assert_equal [1, 2.5], through(FCS::Vector.new(:double, [1, 2.5])).to_a
    o = through(FCS::Vector.new(:object, [{ "a" => 1 }, nil], type: "com.example.P"))
    assert_equal "com.example.P", o.type
    assert_equal [{ "a" => 1 }, nil], o.to_a
    assert_raises(FCS::ValueError) { through(FCS::Vector.new(:int, [1.5])) }
    assert_raises(FCS::ValueError) { through(FCS::Vector.new(:uint, [-1])) }
    assert_raises(FCS::ValueError) { through(FCS::Vector.new(:double, ["x"])) }
    assert_raises(ArgumentError) { FCS::Vector.new(:word, []) }
    assert_equal :int, FCS::Vector.new(:int, [1]).dup.kind
  end
  test("dictionaries") do
    d = FCS::Dictionary.new(weak: true)
    d["a"] = 1
    d[7] = [2]
    r = through(d)
    assert_equal FCS::Dictionary, r.class
    assert r.weak?
    assert_equal 1, r["a"]
    assert_equal [2], r[7]
  end
  test("undefined") do
    assert_equal [nil], through([FCS::Undefined])
    assert !FCS::Undefined.nil?
  end
  test("frozen all the way down") do
    r = through({ "a" => ["x", { "b" => Time.at(0) }] })
    assert r.frozen? && r["a"].frozen? && r["a"][0].frozen? && r["a"][1].frozen?
    assert_raises(FrozenError) { r["a"] << 1 }
  end
  test("what cannot be said") do
    [self, Object, 1..2, -> {}, 1 << 60, "\xff", { nil => 1 }, Struct.new(:a).new(1)].each do |v|
      assert_raises(FCS::ValueError) { through(v) }
      assert_raises(FCS::ValueError) { through([v]) }
    end
  end
  test("depth") do
    a = []
    30.times { a = [a] }
    assert_equal a, through(a)
    3.times { a = [a] }
    assert_raises(FCS::ValueError, "32 deep") { through(a) }
  end
end
