# SPDX-License-Identifier: BSD-2-Clause
# apps/hello/main.rb: accept, reject, wait, redirect
class Hello < FCS::App
  def initialize
    raise "this one never starts" if inst_name == "broken"
  end

  on(:start)    { @waiting = {} }                    # id of a guest => name
  on(:handover) { { "waiting" => @waiting } }
  on(:reload)   { |state| @waiting = state["waiting"] || {} }

  on :connect do |c, user = nil, password = nil, *|
    new_home = elsewhere
    redirect new_home if new_home
    user = Text.clip(user, 20)
    reject "name missing", { "field" => "user" } if user.empty?
    c.user = user
    next wait_at_the_door(c) if user.start_with?("guest")
    c[:host] = login(user, password)["host"] == true
  end

  on(:accepted) { |c| c.tell :welcome, server, clients.size }

  expose(:who)     { |c| clients.map { |o| o.user } }
  expose(:waiting) { |c| at_the_door }

  expose :admit do |c, id, yes|
    reject "hosts only" unless c[:host]
    reject "nobody waits under #{Text.clip(id, 40)}" unless at_the_door.key?(id)
    @waiting.delete(id)
    yes ? client(id).accept : client(id).reject("not today", { "by" => c.user })
  end

  # Where clients of this instance are sent, or nil: it moved, or it is full.
  def elsewhere
    moved = (config["moved"] || {})[inst_name]
    moved || (clients.size >= (config["seats"] || 100) ? config["spare"] : nil)
  end

  # The client stays pending: a host decides with admit, within a minute.
  def wait_at_the_door(c)
    c.hold(60)
    at_the_door[c.id] = c.user
    clients.each { |h| h.tell :knock, c.id, c.user if h[:host] }
  end

  def at_the_door = @waiting.keep_if { |id, _| client(id) && client(id).state == :pending }

  # Without a login service everybody is who they say, the first one is host.
  def login(user, password)
    return { "host" => clients.none? { |c| c[:host] } } unless config["login"]
    answer = http.post(config["login"], json: { "user" => user, "password" => password }).await(timeout: 5)
    reject "wrong name or password" unless answer.ok?
    answer.json
  rescue FCS::HttpError, FCS::Timeout, FCS::ValueError => e
    log.error "login service: #{e.message}"
    reject "login is out of order, try later"
  end
end
