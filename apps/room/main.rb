# SPDX-License-Identifier: BSD-2-Clause
# apps/room/main.rb: a chat room that belongs to the lobby
class Room < FCS::App
  presence(:users) { |c| { "name" => c.user } }      # who is here, kept by the server
  shared :chat, persistent: true, readonly: true     # "line/0" .. "line/99", a ring; "count"

  on(:start) do
    @lobby = peer(config["lobby"] || "rtmp://localhost/lobby", "Room", password)
    @lobby.expose(:notice) { |lobby, text| broadcast :notice, text }
    @lobby.on(:open)   { report }                    # also after every reconnect
    @lobby.on(:status) { |info| log.info info["code"], lobby: @lobby.uri }
  end

  on(:connect) do |c, name = nil, *|
    name = Text.clip(name, 20)
    reject "name missing" if name.empty?
    reject "name taken", { "name" => name } if presence(:users).key?(name)
    c.user = name
  end

  on(:accepted)   { |c| report; c.tell :motd, "welcome to #{inst_name}" }
  on(:disconnect) { |c| report }
  on(:stop)       { |why| @lobby.close }

  expose :say do |c, text|
    line = { "who" => c.user, "text" => Text.clip(text, 500), "at" => now }
    shared(:chat).transaction do |chat|
      n = chat.increment(:count)
      chat["line/#{n % 100}"] = line
      chat.tell :said, n                             # arrives after the two changes
      n
    end
  end

  expose(:lobby?) { |c| @lobby.open? }

  def report = @lobby.tell("room.users", clients.size)

  # A lobby on another server asks for it; app.yaml names where it is.
  def password
    secret(:rooms)
  rescue FCS::NotFound
    nil
  end
end
