# SPDX-License-Identifier: BSD-2-Clause
# What a script must not find.
load "lib/check"

class SandboxTest < FCS::App
  extend Check::Words
  include Check::Asserts

  GONE = %w[File IO Dir Socket TCPSocket BasicSocket UNIXSocket ObjectSpace GC Process Kernel2 Signal Thread
            Mutex Regexp2 Etc Binding Marshal]

  GONE.each do |name|
    test("no #{name}") { assert !Object.const_defined?(name.to_sym), "#{name} is there" }
  end

  test("no eval")      { assert_raises(NoMethodError) { eval("1") } }
  test("no backquote") { assert_raises(Exception) { `id` } }
  test("no open")      { assert_raises(NoMethodError) { open("/etc/passwd") } }
  test("no system")    { assert_raises(NoMethodError) { system("id") } }
  test("no exit")      { assert_raises(NoMethodError) { exit } }
  test("no require")   { assert_raises(NoMethodError) { require("json") } }
  test("no string eval") { assert_raises(Exception) { instance_eval("1 + 1") } }
  test("no class eval")  { assert_raises(Exception) { Object.class_eval("1 + 1") } }
  test("no transfer")  { assert_raises(NoMethodError) { Fiber.new {}.transfer } }
  test("no load later") { assert_raises(ArgumentError, "top level") { load("lib/check") } }
  test("no binding")   { assert_raises(NoMethodError) { binding } }
  test("puts goes to the log") { assert_equal nil, puts("x") }
  test("p goes to the log")    { assert_equal 5, p(5) }

  test("garbage is collected before the ceiling") do
    2000.times { |i| s = "x" * 100_000; s << "y" }
    a = []
    500.times { |i| a << "z" * 10_000; a.shift if a.size > 50 }
    assert_equal 50, a.size
  end
  test("deep recursion is an error") { assert_raises(Exception) { forever(0) } }
  test("deep data is an error") do
    a = []
    100_000.times { a = [a] }
    assert_raises(Exception) { a.to_s; a == a.dup }
  end

  def forever(n) = forever(n + 1) + 1
end
