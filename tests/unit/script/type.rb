# SPDX-License-Identifier: BSD-2-Clause
# Classes of the script under AMF names. A value written to an object and read
# again went to AMF and came back.
load "lib/check"

class Point
  attr_accessor :x, :y

  def initialize
    raise ArgumentError, "not now" if $refuse
    @x = @y = 0
  end

  def from_amf(h) = (@x, @y = h["x"], h["y"])
  def to_amf = { "x" => @x, "y" => @y }

  def self.at(x, y)
    p = new
    p.x, p.y = x, y
    p
  end
end

class Node
  attr_accessor :name, :peer
  attr_reader :secret

  def to_amf = { "name" => @name, "peer" => @peer }
end

class Plain
  def initialize(v) = @v = v
  def to_amf = { "v" => @v }
end

Pair = Struct.new(:a, :b)
class Pair
  def to_amf = { "a" => a, "b" => b }
end

class Bad
  attr_accessor :how

  def to_amf
    case @how
    when "raise" then raise "no luck"
    when "wait"  then FCS::Pending.new.await
    else [1, 2]
    end
  end
end

class TypeTest < FCS::App
  extend Check::Words
  include Check::Asserts

  type "com.example.Point", Point
  type "com.example.Node", Node
  shared :t

  def pass(v)
    shared(:t)["v"] = v
    shared(:t)["v"]
  end

  test("there and back") do
    p = pass(Point.at(1, 2.5))
    assert_equal Point, p.class
    assert_equal [1, 2.5], [p.x, p.y]
    assert p.frozen?, "a value of a slot is frozen all the way down"
  end

  test("within others") do
    v = pass({ "list" => [Point.at(1, 2), { "p" => Point.at(3, 4) }] })
    assert_equal [1, 4], [v["list"][0].x, v["list"][1]["p"].y]
  end

  test("members by writers") do
    n = Node.new
    n.name, n.peer = "a", Point.at(1, 2)
    m = pass(n)
    assert_equal Node, m.class
    assert_equal ["a", 2], [m.name, m.peer.y]
  end

  test("one object twice") do
    p = Point.at(1, 2)
    a, b, c = pass([p, p, Point.at(1, 2)])
    assert a.equal?(b)
    assert !a.equal?(c)
  end

  test("rings") do
    a, b = Node.new, Node.new
    a.name, a.peer = "a", b
    b.name, b.peer = "b", a
    x = pass(a)
    assert_equal ["a", "b"], [x.name, x.peer.name]
    assert x.peer.peer.equal?(x)
  end

  test("many") do
    v = pass((1..300).map { |i| Point.at(i, -i) })
    assert_equal 300, v.size
    v.each_with_index { |p, i| assert_equal [i + 1, -i - 1], [p.x, p.y] }
  end

  test("without a name") do
    assert_equal({ "v" => 7 }, pass(Plain.new(7)))
    assert_equal({ "v" => { "v" => [1] } }, pass(Plain.new(Plain.new([1]))))
    assert_equal({ "a" => 1, "b" => 2 }, pass(Pair.new(1, 2)))
    assert_equal FCS::Typed, pass(FCS::Typed.new("other.Name", "z" => 1)).class
  end

  test("errors going out") do
    bad = Bad.new
    assert_raises(FCS::ValueError, "Bad: a Array is no Hash") { pass(bad) }
    bad.how = "raise"
    assert_raises(FCS::ValueError, "Bad: no luck") { pass([1, bad]) }
    bad.how = "wait"
    assert_raises(FCS::ValueError, "Bad: await where no answer can wait") { pass(bad) }
    assert_raises(FCS::ValueError, "no form") { pass(Object.new) }
    assert_raises(FCS::ValueError, "no form") { pass(1..2) }
    assert_raises(FCS::ValueError, "no form") { pass([proc { }]) }
    assert_raises(FCS::ValueError, "2^53") { pass(Point.at(2**60, 0)) }
    assert_equal 1, pass(1)
  end

  test("too deep") do
    n = nil
    40.times { m = Node.new; m.name = "x"; m.peer = n; n = m }
    assert_raises(FCS::ValueError, "32 deep") { pass(n) }
  end

  test("errors coming in") do
    shared(:t)["v"] = FCS::Typed.new("com.example.Node", "name" => "a", "secret" => 1)
    assert_raises(FCS::ValueError, "v: com.example.Node: no member secret") { pass_read }
    shared(:t)["v"] = Point.at(1, 2)
    $refuse = true
    begin
      assert_raises(FCS::ValueError, "com.example.Point: not now") { pass_read }
    ensure
      $refuse = false
    end
    assert_equal 1, pass_read.x
  end

  test("operators are no members") do
    ["=", "[]", "", "!", "="].each do |name|
      shared(:t)["v"] = FCS::Typed.new("com.example.Node", name => 1)
      assert_raises(FCS::ValueError, "no member") { pass_read }
    end
  end

  def pass_read = shared(:t)["v"]

  test("bound anew and unbound") do
    self.class.type "com.example.Dot", Point
    v = Point.at(5, 6)
    shared(:t)["v"] = v
    self.class.type "com.example.Dot", nil
    t = pass_read
    assert_equal ["com.example.Dot", { "x" => 5, "y" => 6 }], [t.type, { "x" => t["x"], "y" => t["y"] }]
    assert_equal({ "x" => 5, "y" => 6 }, pass(v))           # no name: an anonymous object
    self.class.type "com.example.Point", Point
    assert_equal Point, pass(v).class
  end

  test("what type takes") do
    assert_raises(ArgumentError, "needs a name") { self.class.type "", Point }
    assert_raises(ArgumentError, "a class, or nil") { self.class.type "x", "Point" }
    assert_raises(ArgumentError, "not a kind of String") { self.class.type "x", FCS::Bytes }
    assert_raises(ArgumentError, "not a kind of Hash") { self.class.type "x", FCS::Typed }
  end
end
