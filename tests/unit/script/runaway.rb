# SPDX-License-Identifier: BSD-2-Clause
# Kinds of handlers that do not end by themselves. Each is called by name in an
# instance of its own (test_vmguard.c, tests/e2e/runaway.py).
class Runaway < FCS::App
  shared "**", persistent: :any
  allow(:publish) { true }

  RUN = {
    "empty loop"        => -> { loop {} },
    "while true"        => -> { while true; end },
    "until"             => -> { i = 0; i += 1 until i < 0 },
    "allocation"        => -> { loop { [1, 2, 3] } },
    "short strings"     => -> { loop { "a" + "b" } },
    "string growth"     => -> { loop { s = ""; 1000.times { s << "x" } } },
    "hash churn"        => -> { loop { h = {}; 100.times { |i| h[i] = i } } },
    "rescue everything" => -> { loop { begin; raise "x"; rescue Exception; end } },
    "ensure that loops" => -> { begin; loop {}; ensure; loop {}; end },
    "retry"             => -> { begin; raise "again"; rescue; retry; end },
    "recursion rescued" => -> { loop { begin; deep(0); rescue Exception; end } },
    "exponential"       => -> { twice(60) },
    "fibers"            => -> { loop { Fiber.new { Fiber.yield 1 }.resume } },
    "fiber in fiber"    => -> { nest = ->(f) { Fiber.new { f.call(f) }.resume }; nest.call(nest) },
    "enumerator"        => -> { e = [1, 2].each; loop { e.next; e.rewind } },
    "lazy"              => -> { (1..Float::INFINITY).lazy.map { |x| x * 2 }.select { |x| x < 0 }.first(1) },
    "pack"              => -> { loop { [1, 2, 3].pack("N*").unpack("N*") } },
    "sprintf"           => -> { loop { format("%020.10f %s", 1.5, "x") } },
    "sort"              => -> { a = (1..200).map { |i| (i * 7919) % 1009 }; loop { a.sort { |x, y| y <=> x } } },
    "symbols"           => -> { i = 0; loop { "sym#{i += 1}".to_sym } },
    "method_missing"    => -> { loop { Missing.new.anything } },
    "native calls"      => -> { loop { Secret.sha256("x" * 100) } },
    "logging"           => -> { loop { FCS::Native.suggest("abc", %w[abd abe]) } },
    "json"              => -> { loop { JSON.parse(JSON.generate({ "a" => [1, 2, { "b" => nil }] })) } },
    "attributes"        => -> { loop { $client[:x] = [1, { "k" => "v" }] } },
    "shared object"     => -> { so = $app.shared(:x); loop { so[:a] = [1, 2]; so[:a] } },
    "transaction"       => -> { $app.shared(:x).transaction { |so| so[:half] = 1; loop {} } },
    "text"              => -> { s = "ä" * 10_000; loop { Text.clip(s, 9_999) } },
    "time"              => -> { loop { Time.now.to_s } },
    "define methods"    => -> { i = 0; loop { Missing.define_method("m#{(i += 1) % 100}") { i } } },
  }

  HOARD = {
    "array"      => -> { a = []; loop { a << "x" * 100 } },
    "doubling"   => -> { s = "x"; loop { s += s } },
    "one string" => -> { "x" * (1 << 40) },
    "hash"       => -> { h = {}; i = 0; loop { h[i += 1] = "v#{i}" } },
    "symbols"    => -> { i = 0; loop { ("s" * 4000 + (i += 1).to_s).to_sym } },
    "fibers"     => -> { a = []; loop { f = Fiber.new { Fiber.yield }; f.resume; a << f } },
    "rescue"     => -> { a = []; begin; loop { a << [0] * 1000 }; rescue Exception; loop { a << [0] * 1000 }; end },
    "width"      => -> { a = []; loop { a << format("%1000000d", 1) } },
    "nested"     => -> { a = []; loop { a = [a, a.size] } },
    "procs"      => -> { a = []; loop { x = "c" * 50; a << -> { x } } },
  }

  class Missing
    def method_missing(name, *args) = name
    def respond_to_missing?(*) = true
  end

  def self.deep(n) = deep(n + 1)

  expose(:names)    { |c| [RUN.keys, HOARD.keys] }
  expose(:run)      { |c, name| $client = c; $app = self; RUN[name].call }
  expose(:hoard)    { |c, name| HOARD[name].call }
  expose(:park_run) { |c| sleep 0.01; loop {} }
  expose(:in_timer) { |c| after(0.01) { loop {} }; true }
  expose(:in_then)  { |c| defer { loop {} }; true }
  expose(:ok)       { |c| @n = (@n || 0) + 1 }
end

class Object
  def deep(n) = deep(n + 1)

  def twice(n)
    return if n == 0
    twice(n - 1)
    twice(n - 1)
  end
end
