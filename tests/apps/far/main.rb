# SPDX-License-Identifier: BSD-2-Clause
# The other side of tests/apps/near.
class Far < FCS::App
  on(:start) do
    @notes = []
    @left = 0
  end

  on(:connect) do |c, word = nil, value = nil, *|
    reject "not you", value if word == "reject"
    redirect "rtmp://elsewhere.example/far" if word == "redirect"
    c.hold(60) if word == "hold"
    sleep value if word == "sleep"
    c[:word] = word
  end

  on(:disconnect) { |c| @left += 1 if c.peer_name }

  expose(:who) do |c|
    { "id" => c.id, "ip" => c.ip, "agent" => c.agent, "referrer" => c.referrer, "uri" => c.uri,
      "peer_name" => c.peer_name, "protocol" => c.protocol, "amf" => c.amf, "args" => c.args }
  end
  expose(:echo)  { |c, value| value }
  expose(:add)   { |c, a, b| a + b }
  expose(:deny)  { |c, why, value| reject why, value }
  expose(:boom)  { |c| raise "boom on purpose" }
  expose(:slow)  { |c, s| sleep s; "slow" }
  expose(:kick)  { |c| c.disconnect("enough") }
  expose(:note)  { |c, text| @notes << text }
  expose(:notes) { |c| @notes }
  expose(:left)  { |c| @left }
  expose(:names) { |c| clients.map { |x| x.peer_name } }
  expose(:back) do |c, method, *args|
    begin
      c.call(method, *args).await
    rescue FCS::CallError => e
      ["CallError", e.message, e.info["application"]]
    end
  end
  # A call to all instances that are connected here.
  expose(:each) { |c, method, *args| clients.select { |x| x.peer_name }.map { |x| x.call(method, *args).await } }
end
