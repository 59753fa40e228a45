# SPDX-License-Identifier: BSD-2-Clause
# Objects that tests/apps/copy has under names of its own.
class Owner < FCS::App
  shared :board, persistent: true
  shared :cursors
  shared(:guarded) do |c, slot, value|
    reject "not that" if value == "bad"
    next replace("better") if value == "good"
    true
  end
  shared :closed, readonly: true
  allow(:use, "secret")    { |c, so| false }
  allow(:message, "*")     { |c, so, name, *args| name != "rude" }
  shared :secret

  expose(:put)  { |c, name, slot, value| shared(name)[slot] = value; true }
  expose(:wipe) { |c, name| shared(name).clear }
  expose(:all)  { |c, name| shared(name).to_h }
  expose(:users) { |c, name| shared(name).subscribers }
  expose(:die)  { |c| loop { } }
end
