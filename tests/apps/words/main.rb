# SPDX-License-Identifier: BSD-2-Clause
# Something for every word of a test to act on.
class Words < FCS::App
  shared :board, persistent: true do |c, slot, value|
    next replace(value.to_s) if slot == "text"
    slot != "locked"
  end
  shared :notes
  allow(:publish) { |c, s| s.query["key"] == "k" || reject("bad key") }

  on :start do
    sleep 2 if inst_name == "slow"
    @n = 0
  end
  on(:handover) { { "n" => @n } }
  on(:reload)   { |state| @n = state["n"] + 100 }
  on :connect do |c, user = nil, *|
    reject "no name" if user.nil?
    c.hold(30) if user == "later"
    sleep 3 if user == "slow"
    c.user = user
  end
  every(60) { @n += 1 }

  expose(:ticks)   { |c| @n }
  expose(:nap)     { |c, s| sleep s; "rested" }
  expose(:ask)     { |c, what| c.call(:question, what).await(timeout: 5) }
  expose(:fail)    { |c| raise "oops" }
  expose(:secret)  { |c| secret(:door) }
  expose(:about)   { |c| [c.ip, c.agent, c.referrer, c.page_url, c.protocol, c.query["a"], c.amf] }
  expose(:admit)   { |c| clients; @held.each { |h| h.accept } }
  expose(:seat)    { |c| config["seats"] }
  expose(:leave)   { |c| c.disconnect "bye" }
  expose(:now)     { |c| now.to_i }

  expose(:keep)    { |c, name, text| files.write(name, text).await }
  expose(:kept)    { |c, name| files.read(name).await }
  expose(:login)   { |c, url, data| http.post(url, json: data).await.json }
  expose(:look)    { |c, url| r = http.get(url, query: { "q" => "a b" }); r = r.await; [r.status, r.body] }
  expose(:dial)    { |c, uri| @peer = peer(uri, "near"); true }
  expose(:over)    { |c, name, *args| @peer.call(name, *args).await }
  expose(:peer?)   { |c| [@peer.open?, c.peer_name] }
  expose(:from)    { |c| [c.peer_name, c.protocol, c.ip] }

  def double(x) = x * 2
  def wait_for(s) = sleep(s)
  def option(a, b: 1) = a + b
end
