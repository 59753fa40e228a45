# SPDX-License-Identifier: BSD-2-Clause
# Says in the log what happens, in order; decides as its clients ask it to.
class Life < FCS::App
  presence(:users) { |c| say "presence #{c.user}"; c.user }
  shared "**", persistent: :any
  allow(:publish) { true }

  puts "load"

  def say(text) = log.info(text)

  on :start do
    say "start"
    sleep config["start"] if config["start"]
    say "started"
  end

  on :connect do |c, user = nil, how = nil, *|
    say "connect #{user}"
    c.user = user.to_s
    case how
    when "hold"   then c.hold
    when "wait"   then sleep 0.2
    when "reject" then reject "not you"
    end
  end

  on(:accepted)   { |c| say "accepted #{c.user} #{presence(:users).key?(c.user)}" }
  on(:disconnect) { |c| say "disconnect #{c.user} #{c.open?} #{presence(:users).key?(c.user)} #{shared(:users)[c.user].inspect}" }
  on(:publish)    { |c, s| say "publish #{s.name}" }
  on(:unpublish)  { |c, s| say "unpublish #{s.name}" }
  on(:record)     { |s| say "record #{s.name}" }
  on(:record_end) { |s| say "record_end #{s.name}" }
  on(:play)       { |c, s, *| say "play #{s.name}" }
  on(:play_end)   { |c, s, *| say "play_end #{s.name}" }
  on(:use)        { |c, so| say "use #{so.name}" }
  on(:release)    { |c, so| say "release #{so.name}" }

  on :stop do |why|
    say "stop #{why}"
    sleep config["stop"] if config["stop"]
    say "stopped"
  end

  allow :unload do |why|
    say "unload? #{why}"
    config["stays"] ? reject("busy") : true
  end

  expose(:echo)    { |c, value| value }
  expose(:mark)    { |c, text| say "call #{text}"; text }
  expose(:late)    { |c, text, s| sleep s; say "late #{text}"; text }
  expose(:release) { |c, user| clients_held.find { |h| h.user == user }.accept }
  expose(:wait_for) do |c, user|
    other = clients.find { |o| o.user == user }
    begin
      other.call(:never).await(timeout: 30)
    rescue FCS::ClientGone
      say "gone #{user}"
    end
  end
  expose(:quit) { |c, why| why ? shutdown(why) : shutdown }
end
