# SPDX-License-Identifier: BSD-2-Clause
# apps/lobby/main.rb: rooms report here, movies read the list
class Lobby < FCS::App
  shared :rooms, readonly: true                      # slot: room name, value: number of users

  on(:start)  { call_the_roll }
  on(:reload) { |state| call_the_roll }

  on(:connect) do |c, kind = nil, password = nil, *|
    next unless kind == "Room" || c.agent.start_with?("FlashCom/")      # a movie
    unless ours?(c) || Secret.same?(password, password_of_rooms)        # all else is only claimed
      log.warn "room with a wrong password", ip: c.ip, referrer: c.referrer
      reject "invalid room connection"
    end
    c[:room] = (c.peer_name || c.referrer).split("/").last              # rtmp://host/room/blue => "blue"
  end

  on(:accepted) do |c|
    next unless c[:room]
    @rooms[c[:room]] = c
    shared(:rooms)[c[:room]] = 0
  end

  on(:disconnect) do |c|                             # room closed, crashed, or its host went away
    next unless c[:room] && @rooms[c[:room]].equal?(c)
    @rooms.delete c[:room]
    shared(:rooms).delete c[:room]
  end

  allow(:call, "room/*") { |c, name| c[:room] }      # this namespace is for rooms
  expose("room/users")   { |c, n| shared(:rooms)[c[:room]] = n; true }
  expose(:listRooms)     { |c| shared(:rooms).to_h }
  expose(:announce)      { |c, text| @rooms.each_value { |r| r.tell :notice, Text.clip(text, 200) }; @rooms.size }

  # An instance of this server cannot be forged, so it needs no password.
  def ours?(c) = !c.peer_name.nil? && c.peer_name.start_with?("room/")

  # For rooms of other servers; nil, and none of them comes in, unless app.yaml names it.
  def password_of_rooms
    secret(:rooms)
  rescue FCS::NotFound
    nil
  end

  def call_the_roll
    @rooms = {}                                      # room name => its Client
    clients.each { |c| @rooms[c[:room]] = c if c[:room] }
  end
end
