# SPDX-License-Identifier: BSD-2-Clause
# What tests/e2e/rows.py needs to show the rows of the old server's features.
class Rows < FCS::App
  FIRST  = load "lib/words"
  SECOND = load "lib/words"

  shared "**", persistent: :any
  allow(:publish) { true }
  allow(:unload)  { |why| say "unload? #{why}"; !config["stays"] }

  def say(text) = log.info(text)

  on :start do
    say "start"
    @inside = @most = 0
    @infos = []
    @timers = []
  end

  on(:stop)   { |why| say "stop #{why}" }
  on(:status) { |info| @infos << info }

  on :connect do |c, how = nil, *rest|
    say "connect #{how} #{rest.inspect}"
    alone
    case how
    when "reject" then reject "no", rest[0]
    when "hold"   then c.hold(30); @held = c
    when "false"  then next false
    when "lists"  then c.read_access, c.write_access = rest
    end
  end

  on(:accepted)   { |c| say "accepted #{c.id}" }
  on(:disconnect) { |c| say "disconnect #{c.id}" }
  on(:publish)    { |c, s| say "publish #{s.name} of #{c.id}"; false }
  on(:unpublish)  { |c, s| say "unpublish #{s.name} of #{c.id}"; false }

  # How many are in here at once, ever: handlers do not overlap.
  def alone
    @inside += 1
    @most = @inside if @inside > @most
    500.times { }
    @inside -= 1
    @most
  end

  expose(:alone)    { |c| alone }
  expose(:loaded)   { |c| [FIRST, SECOND, Words.greeting] }
  expose(:keep)     { |c, x| @kept = x }
  expose(:kept)     { |c| @kept }
  expose(:spin)     { |c| loop { } }
  expose(:count_to) { |c, n| n.times { } ; n }
  expose(:hoard)    { |c| (@hoard ||= []) << "x" * 200_000; @hoard.size }
  expose(:boom)     { |c| raise "boom" }
  expose(:infos)    { |c| @infos }
  expose(:trace)    { |c, x| trace x }
  expose(:nap)      { |c, s| sleep s }

  expose(:tick)   { |c, s, x| (@timers << every(s) { c.tell :tick, x }).size }
  expose(:once)   { |c, s, x| after(s) { c.tell :once, x }; nil }
  expose(:cancel) { |c| @timers.each { |t| t.cancel }; @timers.clear; nil }

  expose(:ids)       { |c| clients.map { |o| o.id } }
  expose(:named)     { |c| name }
  expose(:decide)    { |c, what, *args| @held.__send__(what, *args) }
  expose(:kick)      { |c, id| client(id).disconnect("out") }
  expose(:broadcast) { |c, *args| broadcast(*args) }
  expose(:put)       { |c, path| shared(path, persistent: true)["x"] = 1 }
  expose(:x)         { |c, path| shared(path, persistent: true)["x"] }
  expose(:clear)     { |c, path| clear_shared_objects(path) }
  expose(:clear_streams) { |c, path| clear_streams(path).await }
  expose(:list)      { |c| recordings.list.map { |r| r.name } }
  expose(:quit)      { |c| shutdown }

  expose(:facts)  { |c| [c.id, c.ip, c.agent, c.referrer] }
  expose(:attr)   { |c, key, x| c[key] = x unless x.nil?; c[key] }
  expose(:own)    { |c| c.expose(:mine) { |me| me.id }; nil }
  expose("deep/down") { |c| "down" }
  expose(:call) do |c, name, *args|
    begin
      ["value", c.call(name, *args).await]
    rescue FCS::CallError => e
      ["error", e.info["code"], e.message]
    end
  end

  # What is not exposed cannot be called, public or not.
  def secret_of_the_script = "secret"
end
