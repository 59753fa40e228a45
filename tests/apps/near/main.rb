# SPDX-License-Identifier: BSD-2-Clause
# Connections to other instances, driven by a client.
class Near < FCS::App
  shared :kept, persistent: true

  on(:start) do
    @peers = {}
    @seen = []                                       # [peer, what, code]
  end

  on(:stop) { |why| @seen << ["-", "stop", why] }

  expose(:dial) do |c, name, uri, *args|
    attempt { watch(name, peer(uri, *args)) }
  end
  expose(:dialOnce) do |c, name, uri, *args|
    attempt { watch(name, peer(uri, *args).once) }
  end
  expose(:dialMany) do |c, n, uri|
    attempt do
      n.times do |i|
        watch("many#{i}", peer(uri, i))
        sleep 0.001 if i % 50 == 49                  # script.time
      end
    end
  end

  expose(:ready)  { |c, name| attempt { @peers[name].ready.await(timeout: 20).uri } }
  expose(:ask)    { |c, name, method, *args| attempt { @peers[name].call(method, *args).await(timeout: 20) } }
  expose(:askLater) do |c, name, method, *args|
    attempt { @peers[name].call(method, *args) { |value, error| @seen << [name, "answer", error ? error.class.to_s : value] } && true }
  end
  expose(:tell)   { |c, name, method, *args| attempt { @peers[name].tell(method, *args) } }
  expose(:open?)  { |c, name| @peers[name].open? }
  expose(:status) { |c, name| @peers[name].status }
  expose(:spin)   { |c| loop { } }
  expose(:hang)   { |c, name| @peers[name].close }
  expose(:seen)   { |c| @seen }
  expose(:opened) { |c| @peers.values.select { |p| p.open? }.size }
  expose(:fill) do |c, name, n|
    attempt { n.times { |i| @peers[name].call(:echo, i) { |v, e| @seen << [name, "filled", e ? e.class.to_s : v] } } }
  end
  expose(:hideShout) { |c, name| @peers[name].hide(:shout) && true }
  expose(:forward)   { |c, name, peer, as = nil| attempt { expose(name, to: @peers[peer], as: as) } }
  expose(:forwardTo) { |c, name, id| attempt { expose(name, to: client(id)) } }
  expose(:unforward) { |c, name| hide(name) }
  expose(:writeThenTell) do |c, name, slot|
    shared(:kept)[slot] = 1
    @peers[name].tell(:note, slot)
  end
  expose(:writeThenAsk) do |c, name, slot|
    shared(:kept)[slot] = 1
    @peers[name].call(:echo, slot).await
  end

  def watch(name, p)
    p.expose(:shout)      { |x, text| "#{name} heard #{text} of #{x.uri}" }
    p.expose("deep/down") { |x, n| n + 1 }
    p.expose(:raise)      { |x| raise "on purpose" }
    p.expose(:deny)       { |x, why, value| reject why, value }
    p.expose(:wait)       { |x, n| sleep n; "waited" }
    p.on(:open)   { @seen << [name, "open", nil] }
    p.on(:close)  { @seen << [name, "close", nil] }
    p.on(:status) { |info| @seen << [name, "status", info["code"]] }
    @peers[name] = p
    true
  end

  def attempt
    yield
  rescue FCS::ConnectError => e
    ["ConnectError", e.message, e.info]
  rescue FCS::CallError => e
    ["CallError", e.message, e.info]
  rescue FCS::Error, ArgumentError => e
    [e.class.to_s, e.message]
  end
end
