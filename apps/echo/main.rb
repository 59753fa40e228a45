# SPDX-License-Identifier: BSD-2-Clause
# apps/echo/main.rb: the test fixture. It allows everything; keep it off the internet.
class Echo < FCS::App
  shared "**", persistent: :any                      # any object, temporary or persistent
  allow(:publish) { true }                           # anyone publishes, records and appends

  expose(:echo)  { |c, value| value }
  expose(:add)   { |c, a, b| a + b }
  expose(:hello) { |c, name| "hello #{name}" }
end
