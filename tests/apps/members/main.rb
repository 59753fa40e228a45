# SPDX-License-Identifier: BSD-2-Clause
# The members of the instance, called by clients.
class Members < FCS::App
  shared "**", persistent: :any
  presence(:here) { |c| { "n" => c[:n] } }
  allow(:publish) { true }
  on(:connect) do |c, user = nil, n = nil, *|
    c.user = user
    c[:n] = n
  end

  on(:start)           { @infos = []; @ends = [] }
  on(:status)          { |info| @infos << info }
  on(:play, "no/*")    { |c, s, *| reject "not this one" }
  on(:play, "later/*") { |c, s, *| sleep 0.1; reject "thought about it" }
  on(:publish, "no/*") { |c, s| reject "not on air" }
  on(:play_end)        { |c, s, seconds| @ends << s.name }

  expose(:infos)    { |c| r, @infos = @infos, []; r }
  expose(:ends)     { |c| @ends }
  expose(:stats)    { |c| stats }
  expose(:streams)  { |c| streams.map { |s| s.name }.sort }
  expose(:host)     { |c| [hostname, server, name, app_name, inst_name] }
  expose(:config)   { |c| config }
  expose(:put)      { |c, name| shared(name, persistent: true)["x"] = 1; true }
  expose(:x)        { |c, name| shared(name, persistent: true)["x"] }
  expose(:fill)     { |c, n| shared("big", persistent: true)["k#{n.to_i}"] = "x" * 50_000; true }
  expose(:store)    { |c| begin; shared("big", persistent: true)["y"] = 1; "stored"; rescue FCS::StoreError => e; e.class.to_s; end }
  expose(:users)    { |c| h = presence(:here); h.users.map { |u| [u, h.clients(u).size] } }
  expose(:number)   { |c, n| c[:n] = n; presence(:here).refresh(c) }
  expose(:call_me)  { |c, user| c.user = user; true }
  expose(:clear)    { |c, path| clear_shared_objects(path) }
  expose(:kick)     { |c, id, why| client(id) ? client(id).disconnect(why) : false }
  expose(:kick_all) { |c, why| clients.select { |o| o.id != c.id }.map { |o| o.disconnect(why) } }
end
