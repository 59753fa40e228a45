# SPDX-License-Identifier: BSD-2-Clause
# Shared objects and presence, script-api.md 7.4. The slots live in the host;
# what is read is converted and frozen.
module FCS
  class Change
    attr_reader :code, :slot, :value, :old, :user, :client, :version, :at

    def initialize(code, slot, value, old, user, client, version, at = nil)
      @code = code
      @slot = slot
      @value = value
      @old = old
      @user = user
      @client = client
      @version = version
      @at = at
    end
  end

  class SharedObject
    EVENTS = %w[sync message use release status].freeze

    attr_reader :name

    # A handle on an object that is there, as events give it.
    def self.__at(name)
      so = allocate
      so.__name = name
      so
    end

    def initialize(name, persistent)
      @name = name
      wait_for_image(persistent) unless Core.busy? || Native.so_there?(name)
      Native.so_open(name, persistent)
    end

    def __name=(name)
      @name = name
    end

    def [](slot) = Native.so_get(@name, slot.to_s)

    def fetch(slot, default = nil)
      value = Native.so_get(@name, slot.to_s)
      return value unless value.nil?
      block_given? ? yield(slot) : default
    end

    def key?(slot) = Native.so_key?(@name, slot.to_s)
    def keys = Native.so_keys(@name)
    def size = Native.so_info(@name)[0]
    def version = Native.so_info(@name)[1]
    def subscribers = Native.so_info(@name)[2]
    def persistent? = Native.so_info(@name)[3]
    def empty? = size == 0
    def to_h = Native.so_to_h(@name)

    def each(&block)
      to_h.each(&block)
      self
    end

    def []=(slot, value)
      Lock.pass(@name) if Lock.any?
      Native.so_set(@name, slot.to_s, value)
      value
    end

    # The block gets a copy it may change; its value is stored.
    def update(slot)
      Lock.pass(@name) if Lock.any?
      value = yield(Native.so_copy(@name, slot.to_s))
      self[slot] = value
    end

    def increment(slot, by = 1)
      Lock.pass(@name) if Lock.any?
      n = self[slot] || 0
      raise ValueError, "slot #{slot} is not a number" unless n.is_a?(Numeric)
      self[slot] = n + by
    end

    def delete(slot)
      Lock.pass(@name) if Lock.any?
      old = self[slot]
      Native.so_set(@name, slot.to_s, nil) if key?(slot)
      old
    end

    def clear
      Lock.pass(@name) if Lock.any?
      Native.so_clear(@name)
    end

    # All or nothing: one version, one message; no await inside.
    def transaction
      Lock.pass(@name) if Lock.any?
      Native.so_begin(@name)
      done = false
      begin
        value = Core.at_once { yield self }
        done = true
      ensure
        Native.so_end(@name, done)
      end
      value
    end

    def tell(handler, *args) = Native.so_send(@name, handler.to_s, args)
    def slot_version(slot) = Native.so_writer(@name, slot.to_s)[0]
    def writer(slot) = Native.so_writer(@name, slot.to_s)[1]
    def close = Native.so_close(@name)

    # Events of this object alone; handlers do not get the object again.
    def on(event, &block)
      event = event.to_s
      unless EVENTS.include?(event)
        raise ArgumentError, "unknown event :#{event} of a shared object#{Native.suggest(event, EVENTS)}"
      end
      raise ArgumentError, "on(:#{event}) needs a block" if block.nil?
      Native.so_watch(event, @name)
      (Core.object_handlers["#{event}:#{@name}"] ||= []) << block
      self
    end

    # A large object that is not in memory is read while others run.
    def wait_for_image(persistent)
      p = Core.pending(nil, StoreAnswer).__about("shared object #{@name}")
      begin
        waiting = Native.so_open_later(@name, persistent, p.__id)
      rescue Error => e
        Core.forget_pending(p.__id)
        raise e
      end
      return Core.forget_pending(p.__id) unless waiting
      p.await(timeout: 30)
    end

    def ==(other) = other.is_a?(SharedObject) && other.name == @name
    def eql?(other) = self == other
    def hash = @name.hash
    def inspect = "#<FCS::SharedObject #{@name}>"
  end

  # Who is here: one slot per user, kept by the server.
  class Presence
    def initialize(name, block)
      @name = name
      @block = block
      @here = {}
    end

    def key?(user) = @here.key?(user.to_s)
    def users = @here.keys
    def clients(user) = (@here[user.to_s] || []).dup
    def object = Core.app.shared(@name)

    # Ask the block again for what the others see.
    def refresh(client)
      user = client.user || client.id
      return false unless @here[user] && @here[user].include?(client)
      put(user, client)
      true
    end

    def __enter(client)
      user = client.user || client.id
      (@here[user] ||= []) << client
      put(user, client)
    end

    # The user may have changed meanwhile: look for the client itself.
    def __leave(client)
      user = nil
      @here.each { |name, list| user = name if list.include?(client) }
      return if user.nil?
      list = @here[user]
      list.delete(client)
      if list.empty?
        @here.delete(user)
        object
        Native.so_set(@name, user, nil) # past a lock: the server itself
      else
        put(user, list[-1])
      end
    end

    private

    def put(user, client)
      object
      Native.so_set(@name, user, Core.at_once { Core.app.instance_exec(client, &@block) })
    rescue Exception => e
      Core.report(e, "presence(:#{@name})", client)
    end
  end
end
