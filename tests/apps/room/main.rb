# SPDX-License-Identifier: BSD-2-Clause
# A room that belongs to the lobby.
class Room < FCS::App
  on(:start) do
    @lobby = peer(config["lobby"] || "rtmp://localhost/lobby", "Room", config["password"] || "open sesame")
    @lobby.expose(:notice) { |lobby, text| broadcast :notice, text }
    @lobby.on(:open) { report }                      # also after every reconnect
    @lobby.on(:status) { |info| log.info info["code"], peer: @lobby.uri }
  end

  on(:accepted)   { |c| report }
  on(:disconnect) { |c| report }
  on(:stop)       { |why| @lobby.close }
  on(:handover)   { { "kept" => true } }

  expose(:lobby) { |c| [@lobby.open?, @lobby.status] }

  def report = @lobby.tell("room.users", clients.size)
end
