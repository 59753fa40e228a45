# SPDX-License-Identifier: BSD-2-Clause
# Uses the objects of tests/apps/owner, and lets its own clients use them.
class Copy < FCS::App
  shared :board, persistent: true
  shared(:cursors) { |c, slot, value| slot != "locked" }
  shared :guarded
  shared :mine
  shared :closed, readonly: false

  on(:start) do
    @told = []
    @status = []
    @heard = []
  end
  on(:sync)    { |so, changes| changes.each { |x| @told << [so.name, x.code, x.slot, x.value, x.old] } }
  on(:message) { |c, so, name, *args| @heard << [so.name, c && c.id, name, args] }

  expose(:follow) do |c, uri|
    @owner = peer(uri)
    @owner.ready.await
    true
  end
  expose(:take) do |c, name, persistent = false, as = nil|
    attempt do
      so = @owner.shared(name, persistent: persistent, as: as || name)
      so.on(:status) { |info| @status << [info["code"], info["object"]] }
      (@objects ||= {})[so.name] = so
      so.ready.await.name
    end
  end
  expose(:takeLater) do |c, name|
    (@objects ||= {})[name] = @owner.shared(name)
    true
  end
  expose(:put)    { |c, name, slot, value| attempt { @objects[name][slot] = value; true } }
  expose(:remove) { |c, name, slot| attempt { @objects[name].delete(slot) } }
  expose(:wipe)   { |c, name| attempt { @objects[name].clear } }
  expose(:say)    { |c, name, word, *args| attempt { @objects[name].tell(word, *args) } }
  expose(:both) do |c, name, break_it|
    attempt do
      @objects[name].transaction do |so|
        so["one"] = 1
        so["two"] = 2
        so.tell(:done, 3)
        raise ArgumentError, "no" if break_it
      end
      true
    end
  end
  expose(:all)    { |c, name| @objects[name].to_h }
  expose(:told)   { |c| @told }
  expose(:status) { |c| @status }
  expose(:heard)  { |c| @heard }
  expose(:open?)  { |c| @owner.open? }
  expose(:local)  { |c, name| attempt { shared(name, persistent: false)["x"] = 1 } }
  expose(:drop)   { |c, name| @objects[name].close }
  expose(:words)  do |c, name|
    so = @objects[name]
    [[:lock], [:history], [:at, 1], [:diff, 1, 2], [:undo, 1], [:redo, 1], [:rollback, 1], [:purge, 1], [:flush]].map do |word, *args|
      attempt { so.__send__(word, *args) }[0]
    end
  end

  def attempt
    yield
  rescue FCS::Error, ArgumentError => e
    [e.class.to_s, e.message]
  end
end
