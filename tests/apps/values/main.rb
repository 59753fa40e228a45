# SPDX-License-Identifier: BSD-2-Clause
# What values are in Ruby, and what Ruby's values are to clients.
class Values < FCS::App
  class Point
    attr_accessor :x, :y

    def from_amf(h) = (@x, @y = h["x"], h["y"])
    def to_amf = { "x" => @x, "y" => @y }
  end

  class Plain
    def to_amf = { "v" => [1] }
  end
  # Converts other things while it is converted itself.
  class Busy
    def self.note(*args) = TO[0].tell(:note, *args)

    def from_amf(h)
      2.times { AT[0].shared(:busy)["v"] }
      Busy.note("x" * 5000, [Plain.new])
      @n = h["n"]
    end

    def to_amf
      Busy.note(Array.new(40) { |i| [i, "abc" * 20] }, Plain.new)
      { "n" => @n }
    end
  end
  # Reads what it is stored in.
  class Loop
    def from_amf(h) = AT[0].shared(:busy)["loop"]
    def to_amf = {}
  end
  AT, TO = [], []

  type "com.example.Busy", Busy
  type "com.example.Loop", Loop
  type "com.example.Point", Point
  shared "**", persistent: :any

  on :connect do |c, *args|
    AT[0], TO[0] = self, c
    c[:args] = args.size
  end

  expose(:kind)  { |c, v| v.class.to_s }
  expose(:show)  { |c, v| v.inspect }
  expose(:echo)  { |c, v| v }
  expose(:swap)  { |c, p| p.x, p.y = p.y, p.x; p }
  expose(:same)  { |c, list| list[0].equal?(list[1]) }
  expose(:args)  { |c| c[:args] }
  expose(:read)  { |c, name| v = shared(name)["v"]; [v.class.to_s, v.frozen?] }
  expose(:write) { |c, name, v| shared(name)["v"] = v; true }
  expose(:bind)  { |c, yes| self.class.type "com.example.Point", yes ? Point : nil }

  expose :busy do |c, list|
    so = shared(:busy)
    so["v"], so["list"] = "y" * 3000, list
    [list, so["list"], so.to_h["list"]]
  end
  expose :loop do |c|
    shared(:busy)["loop"] = Loop.new
    shared(:busy)["loop"]
  end

  MADE = {
    "nil"       => -> { nil },
    "true"      => -> { true },
    "undefined" => -> { FCS::Undefined },
    "small"     => -> { 268_435_455 },
    "large"     => -> { 268_435_456 },
    "huge"      => -> { 2**53 - 1 },
    "too_huge"  => -> { 2**53 },
    "float"     => -> { 1.5 },
    "symbol"    => -> { :word },
    "string"    => -> { "päckchen" },
    "long"      => -> { "x" * 70_000 },
    "bad"       => -> { "\xff" },
    "array"     => -> { [1, [nil]] },
    "hash"      => -> { { "a" => 1, :b => 2, 3 => "c" } },
    "same_keys" => -> { { "a" => 1, :a => 2 } },
    "bad_key"   => -> { { 1.5 => 2 } },
    "time"      => -> { Time.at(1_234_567_890) },
    "ecma"      => -> { FCS::EcmaArray.new.merge!(0 => "zero", "n" => 1) },
    "typed"     => -> { FCS::Typed.new("a.B", "z" => 1) },
    "xml"       => -> { FCS::Xml.new("<a/>") },
    "legacy"    => -> { FCS::Xml.new("<a/>", legacy: true) },
    "bytes"     => -> { FCS::Bytes.new("\x00\xff") },
    "ints"      => -> { FCS::Vector.new(:int, [-1, 2]) },
    "doubles"   => -> { FCS::Vector.new(:double, [0.5], fixed: true) },
    "dict"      => -> { d = FCS::Dictionary.new; d[1] = "one"; d },
    "point"     => -> { p = Point.new; p.x, p.y = 1, 2; p },
    "plain"     => -> { Plain.new },
    "ring"      => -> { a = []; a << a; a },
    "range"     => -> { 1..2 },
    "proc"      => -> { proc { } },
    "deep"      => -> { v = 1; 33.times { v = [v] }; v },
    "edge"      => -> { v = 1; 32.times { v = [v] }; v },
    "wide"      => -> { Array.new(65_536, 0) },
    "nan"       => -> { 0.0 / 0 }
  }
  expose :through do |c, inst|             # by another instance and back
    other = peer("values/#{inst}", MADE["point"].call).once
    other.ready.await
    p = other.call(:swap, MADE["point"].call).await
    other.close
    [p.class.to_s, p.x, p.y]
  end

  expose(:make) { |c, what| what == "client" ? c : MADE[what].call }
end
