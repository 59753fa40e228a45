# SPDX-License-Identifier: BSD-2-Clause
# apps/echo/test/echo_test.rb: `fcsctl app test echo`

test "echo gives back what it gets" do
  c = start("echo").connect!
  assert_equal "hello you", c.call!(:hello, "you")
  assert_equal 3.5, c.call!(:add, 1.5, 2)
  assert_equal [nil, true, { "a" => 1 }], c.call!(:echo, [nil, true, { "a" => 1 }])
end

test "a bad argument is a failed call and an error in the log" do
  c = start("echo/x").connect!
  assert_raises(FCS::CallError) { c.call!(:add, 1) }
  expect_error "main.rb:8"
  assert_refused("Method not found") { c.call!(:nope) }
end
