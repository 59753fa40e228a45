# SPDX-License-Identifier: BSD-2-Clause
# Everything a script can read of a client, set and ask, at the client's word.
class ClientRows < FCS::App
  shared "**", persistent: :any
  allow(:publish) { true }

  on(:start) do
    @held = {}
    @log = []
    expose("from/instance") { |c| "instance" }
  end

  on(:connect) do |c, what = nil, *rest|
    case what
    when "reject"   then reject(*rest)
    when "redirect" then redirect(rest[0])
    when "hold"
      c.hold(rest[0] || 30)
      @held[c.id] = c
      @last = c
    when "sleep"    then sleep rest[0]
    when "lists"
      c.read_access = rest[0]
      c.write_access = rest[1]
    end
    c[:what] = what
  end

  on(:accepted)   { |c| @log << "in #{c.id}" }
  on(:disconnect) { |c| @log << "out #{c.id}" }
  on(:missing)    { |c, name, *args| name.start_with?("dyn") ? [name, args] : reject("Method not found (#{name}).") }
  allow(:call, "admin/*") { |c, name| c[:admin] || reject("admins only") }

  # C1-C9, C26
  expose(:facts) do |c|
    { id: c.id, ip: c.ip, port: c.port, agent: c.agent, referrer: c.referrer, page_url: c.page_url,
      uri: c.uri, protocol: c.protocol, secure: c.secure?, query: c.query, args: c.args, amf: c.amf,
      state: c.state.to_s, open: c.open?, connected: (now - c.connected_at).abs < 60 }
  end
  expose(:attr) { |c, key, value| c[key] = value unless value.nil?; [c[key], c.key?(key), c.attributes.keys] }
  expose(:user) { |c, name| c.user = name; c.user }

  # C10-C13
  expose(:virtual_key) { |c, key| c.virtual_key = key; c.virtual_key }
  expose(:lists) { |c, read, write| c.read_access = read; c.write_access = write; [c.read_access, c.write_access] }
  expose(:samples) { |c, audio, video| c.audio_sample_access = audio; c.video_sample_access = video; nil }

  # C15
  expose(:call) do |c, name, *args|
    begin
      ["value", c.call(name, *args).await]
    rescue FCS::CallError => e
      ["error", e.message, e.info]
    end
  end
  expose(:call_block) do |c, name, *args|
    c.call(name, *args) { |value, error| c.tell :got, value, error && error.info }
    nil
  end
  expose(:many) { |c, n| n.times { c.call(:mute) }; "all" }
  expose(:one_more) do |c|
    begin
      c.call(:mute)
      "sent"
    rescue FCS::LimitError
      "limit"
    end
  end
  expose(:tell) { |c, name, *args| c.tell(name, *args) }

  # C16-C19
  expose(:own)      { |c| c.expose(:mine) { |me, x| [me.id, x] }; c.hide("from/class"); nil }
  expose("from/class")  { |c| "class" }
  expose("room/join")   { |c, x| x }
  expose("admin/stop")  { |c| "stopped" }
  expose(:admin)    { |c, yes| c[:admin] = yes; nil }
  expose :method_of_the_class
  expose(:boom)     { |c| raise "boom" }
  expose(:forbid)   { |c, name| begin; expose(name) { 1 }; rescue ArgumentError; "never"; end }

  # C20-C24
  expose(:bandwidth) do |c, input, output|
    c.bandwidth_in = input
    c.bandwidth_out = output
    [c.bandwidth_in, c.bandwidth_out]
  end
  expose(:fill)  { |c, count, bytes| count.times { c.tell :filler, "x" * bytes }; nil }
  expose(:stats) { |c| c.stats }
  expose(:stats_of) { |c, id| client(id).stats }
  expose(:ping) do |c|
    begin
      c.ping.await(timeout: 2)
    rescue FCS::Timeout
      "late"
    end
  end
  expose(:rtt)   { |c| c.rtt }
  expose(:check) do |c|
    begin
      c.check_bandwidth.await(timeout: 10)
    rescue FCS::CallError
      "unknown"
    end
  end

  # the rest of 7.3
  expose(:uses)       { |c| [c.streams.map { |s| s.name }, c.objects.map { |o| o.name }] }
  expose(:reconnect)  { |c, url| c.reconnect(url) }
  expose(:disconnect) { |c, id, why| client(id).disconnect(why) }
  expose(:decide) do |c, what, *args|
    @last ? @last.__send__(what, *args) : false
  end
  expose(:log) { |c| @log }
  expose(:after_gone) do |c, id|
    other = client(id)
    begin
      other.call(:mute).await
    rescue FCS::ClientGone
      [other.open?, other.state.to_s, other.tell(:x), other.disconnect, other.ip, other.stats["client_id"]]
    end
  end

  def method_of_the_class(c, a, b = 2) = a + b
end
