# SPDX-License-Identifier: BSD-2-Clause
# Shared objects with options: durability, locks, limits, large ones.
class Shelf < FCS::App
  shared "disk/*", persistent: true
  shared :memory, persistent: true, durability: :memory
  shared :os, persistent: true, durability: :os
  shared :strict, persistent: true, conflict: :reject
  shared :small, persistent: true, max_slots: 2, max_value: 64, max_bytes: 100, max_users: 2
  shared :big, persistent: true, max_value: 256 * 1024, max_bytes: 64 * 1024 * 1024
  shared :temp
  on(:connect) { |c, user = nil, *| c.user = user }

  expose(:fill) do |c, slots, bytes|
    text = "x" * bytes
    slots.times do |i|
      shared(:big)["s#{i}"] = text
      sleep 0 if i % 20 == 19
    end
    shared(:big).flush.await
  end
  expose(:flush)   { |c, name| shared(name).flush.await }
  expose(:dirty)   { |c, name| shared(name).dirty? }
  expose(:history) { |c, name| shared(name).history.map { |x| [x.version, x.user, x.slot, x.value, x.old] } }
  expose(:undo)    { |c, name, user| shared(name).undo(user: user) }
  expose(:locked)  do |c, name, question|
    shared(name).lock { c.call(question).await }
  end
  expose(:size)    { |c, name| shared(name).size }
  expose(:hidden)  { |c| shared(:hidden)[:a] = 1; shared(:hidden).size }
  expose(:most)    do |c|
    so = shared(:small)
    so[:a] = "x" * 20
    so[:b] = 1
    begin
      so[:c] = 1
    rescue FCS::LimitError => e
      e.message
    end
  end
end
