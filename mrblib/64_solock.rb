# SPDX-License-Identifier: BSD-2-Clause
# Locks of shared objects, script-api.md 7.4. Only handlers lock, so handlers
# are kept apart here; the host is told that changes of clients have to wait.
module FCS
  class Lock
    WAITERS_MAX = 1000

    @held = {}

    class << self
      def any? = !@held.empty?
      def held(name) = @held[name]

      # Take it for the running handler. Returns the nesting count.
      def take(name, timeout)
        task = Core.task
        raise AwaitError, "lock outside of a handler" if task.nil?
        lock = @held[name]
        if lock.nil?
          Native.so_lock(name, true)
          lock = @held[name] = new(name)
          lock.give(task)
        elsif !lock.mine?
          lock.wait(true, timeout)
        end
        lock.enter
      end

      # Give it back once. Returns how often it is still held.
      def give_back(name)
        lock = @held[name]
        lock && lock.mine? ? lock.leave : 0
      end

      # A write of a handler: not while another one has the lock.
      def pass(name)
        lock = @held[name]
        until lock.nil? || lock.mine?
          lock.wait(false, 10)
          lock = @held[name]
        end
      end

      # A handler is over: nobody else could give its locks back.
      def drop(task)
        locks = task.locks
        task.locks = nil
        locks.each { |lock| lock.free }
      end

      def forget(name)
        @held.delete(name)
        Native.so_lock(name, false)
      end
    end

    def initialize(name)
      @name = name
      @waiting = []
    end

    def mine? = !@owner.nil? && @owner.equal?(Core.task)

    # It is the handler's from now on, for some seconds at most.
    def give(task)
      @owner = task
      @count = 0
      (task.locks ||= []) << self
      seconds = Core.setting("lock_timeout")
      @timer = Core.timer_after(seconds) { expire(seconds) }
    end

    def enter = @count += 1

    def leave
      @count -= 1
      return @count if @count > 0
      @owner.locks.delete(self)
      free
      0
    end

    def free
      @timer.cancel
      @owner = nil
      hand_over
    end

    # Park until it is ours, or (a write) until it is free.
    def wait(own, timeout)
      raise LimitError, "too many wait for the lock of #{@name}" if @waiting.size >= WAITERS_MAX
      waiter = [Pending.new, own ? Core.task : nil]
      @waiting << waiter
      begin
        waiter[0].await(timeout: timeout)
      rescue Error => e
        @waiting.delete_if { |w| w.equal?(waiter) }
        raise e unless e.is_a?(Timeout)
        raise LockTimeout, "#{@name} is locked by another handler"
      end
    end

    private

    # Writes up to the next one who wants it go on, then it is that one's.
    def hand_over
      until @waiting.empty?
        pending, task = @waiting.shift
        give(task) if task
        pending.__settle(nil, nil, false)
        return if task
      end
      Lock.forget(@name)
    end

    def expire(seconds)
      Native.log(2, "lock taken back", "object=#{@name} after=#{seconds}")
      @owner.locks.delete(self)
      @owner = nil
      hand_over
    end
  end

  class SharedObject
    # Exclusive over waits: others' writes wait. With a block its value, else
    # how often it is held now; `unlock` gives it back.
    def lock(timeout: 5, &block)
      count = Lock.take(@name, timeout)
      return count if block.nil?
      begin
        block.call
      ensure
        Lock.give_back(@name)
      end
    end

    def unlock = Lock.give_back(@name)
  end
end
