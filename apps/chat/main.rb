# SPDX-License-Identifier: BSD-2-Clause
# apps/chat/main.rb: one room per instance; who is here, and the last hundred lines
class Chat < FCS::App
  LINES = 100

  presence(:users) { |c| { "name" => c.user } }      # kept by the server
  shared :chat, persistent: true, readonly: true     # "line/0" .. "line/99", a ring; "count"

  on :connect do |c, name = nil, *|
    name = Text.clip(name, 20)
    reject "name missing" if name.empty?
    reject "name taken", { "name" => name } if presence(:users).key?(name)
    c.user = name
  end

  on(:accepted) { |c| c.tell :motd, "welcome to #{inst_name}" }

  expose :say do |c, text|
    text = Text.clip(text, 500)
    reject "nothing said" if text.empty?
    line = { "who" => c.user, "text" => text, "at" => now }
    shared(:chat).transaction do |chat|
      n = chat.increment(:count)
      chat["line/#{n % LINES}"] = line
      chat.tell :said, n                             # arrives after the two changes
      n
    end
  end

  # The lines, oldest first, for clients that do not use shared objects.
  expose :lines do |c|
    chat = shared(:chat)
    last = chat[:count] || 0
    first = last > LINES ? last - LINES + 1 : 1
    (first..last).map { |n| chat["line/#{n % LINES}"] }
  end
end
