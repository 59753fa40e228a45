# SPDX-License-Identifier: BSD-2-Clause
# A board that only takes what it likes.
class Guard < FCS::App
  shared :board, persistent: true do |client, slot, value, object|
    if slot == "no"
      reject "not this one"
    elsif slot == "raise"
      raise "guard fell over"
    elsif slot.start_with?("up") && value
      replace value.to_s.upcase
    else
      slot != "nil"
    end
  end
  shared(:chatter) { |client, slot, value| true }
  shared :closed, readonly: true

  allow(:use, "secret") { |c, object| false }
  allow(:message, :chatter) { |c, object, name, *args| name != "curse" }
  allow(:publish, "mine") { |c, stream| true }
  allow(:publish, "reject/**") { |c, stream| reject "go away" }

  shared :secret

  expose(:script_set) do |c, slot, value|
    shared(:board)[slot] = value
  end
  expose(:script_many) do |c, count|
    shared(:board).transaction do |so|
      count.times { |i| so["t#{i}"] = i }
    end
  end
  expose(:read) { |c, slot| shared(:board)[slot] }
end
