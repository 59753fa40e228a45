# SPDX-License-Identifier: BSD-2-Clause
# Rooms report here, movies read the list.
class Lobby < FCS::App
  shared :rooms, readonly: true                      # slot: room, value: number of users

  on(:start) { @rooms = {} }                         # room => its Client

  on(:connect) do |c, kind = nil, password = nil, *|
    next unless kind == "Room" || c.agent.start_with?("FlashCom/")
    reject "invalid room connection" unless Secret.same?(password, "open sesame")
    c[:room] = c.referrer.split("/").last
  end

  on(:accepted) do |c|
    next unless c[:room]
    @rooms[c[:room]] = c
    shared(:rooms)[c[:room]] = 0
  end

  on(:disconnect) do |c|                             # closed, crashed, or its host went away
    next unless c[:room] && @rooms[c[:room]].equal?(c)
    @rooms.delete c[:room]
    shared(:rooms).delete c[:room]
  end

  allow(:call, "room/*") { |c, name| c[:room] }
  expose("room/users")   { |c, n| shared(:rooms)[c[:room]] = n; true }
  expose(:listRooms)     { |c| shared(:rooms).to_h }
  expose(:announce)      { |c, text| @rooms.each_value { |r| r.tell :notice, text }; @rooms.size }
end
