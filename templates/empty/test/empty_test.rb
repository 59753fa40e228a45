# SPDX-License-Identifier: BSD-2-Clause
# apps/empty/test/empty_test.rb: `fcsctl app test empty`

test "hello knows the name" do
  app = start("empty")
  assert_equal "hello ann", app.connect!("ann").call!(:hello)
  assert_equal "hello stranger", app.connect!.call!(:hello)
end
